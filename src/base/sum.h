/** @file src/base/sum.h
 *  Checksums that JSON texts carry in themselves: damage shows, and readers that know nothing of it see one
 * more member.
 *
 *  The last member of the object is "sum": "<number>-<16 hexadecimal digits>". The digits are the FNV-1a hash
 * (64 bit) of all bytes of the text before them. The number counts the lines of a log from 1 on, so that one
 * which is gone or there twice shows, too; 0: the text stands alone. It finds accidents, not attacks. */
#ifndef HT_BASE_SUM_H
#define HT_BASE_SUM_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

/** FNV-1a of no bytes, and of n more. */
#define HT_SUM_START UINT64_C(14695981039346656037)
uint64_t ht_sum_add(uint64_t sum, const void *bytes, size_t n);

/** Give an object its checksum.
 *  @param[in] text  an object as ht_json_line or ht_json_page print it, without a sum; taken; NULL = no
 * memory
 *  @return owned by the caller (free); NULL: no memory */
char *ht_sum_put(char *text, unsigned long number);

typedef enum { HT_SUM_NONE, HT_SUM_RIGHT, HT_SUM_WRONG } ht_sum_verdict;
/** Judge a text by the checksum in it. Looks at the text only: what is no JSON may be judged, too.
 *  @param[out] number  of the line, if the sum is right, else 0; may be NULL */
ht_sum_verdict ht_sum_look(const char *text, size_t n, unsigned long *number);
/** As ht_sum_look, for a text that was parsed: takes the sum out of the object. One that is not the last
 * member is wrong: another program wrote the text anew. */
ht_sum_verdict ht_sum_take(const char *text, size_t n, cJSON *object, unsigned long *number);

#endif
