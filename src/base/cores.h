/** @file src/base/cores.h
 *  A set of processors by number, and its text: "0-3,8" as Linux and Slurm write it.
 *
 *  Of any size: a machine may have more than 1024 processors, and gaps. */
#ifndef HT_BASE_CORES_H
#define HT_BASE_CORES_H

#include <stdint.h>

#include "base/text.h"

enum { HT_CORES_MAX = 1 << 20 }; /* numbers are below */

/** Starts as {0}: empty. */
typedef struct {
    size_t n_words;
    uint64_t *words; /* owned */
} ht_cores;

/** @return HT_OK, HT_EINVAL (not below HT_CORES_MAX), HT_ENOMEM */
ht_status ht_cores_add(ht_cores *c, size_t number, ht_error *err);
bool ht_cores_has(const ht_cores *c, size_t number);
size_t ht_cores_count(const ht_cores *c);
/** The first number from `from` on; HT_CORES_MAX = there is none. */
size_t ht_cores_next(const ht_cores *c, size_t from);

/** Add what a text says: "0-3,8", blanks and a line feed at its end are allowed, "" adds nothing.
 *  @return HT_OK; HT_EFORMAT: no such text; HT_ENOMEM. After a failure some may be added */
ht_status ht_cores_parse(ht_cores *c, const char *text, ht_error *err);
/** Add the text of the set to `out`; nothing if it is empty. */
void ht_cores_print(const ht_cores *c, ht_string *out);
void ht_cores_release(ht_cores *c);

#endif
