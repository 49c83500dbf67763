/** @file src/base/text.h
 *  Text that grows, numbers that read back exactly, and the nearest of some names. */
#ifndef HT_BASE_TEXT_H
#define HT_BASE_TEXT_H

#include <stdint.h>

#include "base/error.h"

/** A growing text; starts as {0}. `s` is 0-terminated whenever n > 0; NULL while empty.
 *  A failed allocation sets `failed` and drops what comes after: check it once, at the end. */
typedef struct {
    char *s;
    size_t n, capacity;
    bool failed;
} ht_string;

void ht_string_add(ht_string *t, const char *format, ...) HT_PRINTF(2, 3);
void ht_string_add_bytes(ht_string *t, const char *bytes, size_t n);
/** The text, never NULL; borrowed until the next call with `t`. */
const char *ht_string_peek(const ht_string *t);
/** Hand the text over (free it with free); NULL when memory had run out. `t` is empty afterwards. */
char *ht_string_take(ht_string *t);
void ht_string_release(ht_string *t);

/** Bytes of the UTF-8 character at `s`: 1 to 4, or 0 if there is none (an end, a cut, an overlong form, half
 *  of a surrogate pair). The final 0 counts as no character. */
size_t ht_utf8_length(const char *s);
/** The UTF-8 character at `s`, which is not at the end of its text; a byte that is no UTF-8 counts as U+FFFD.
 *  @param[out] n  its bytes, 1 to 4 */
uint32_t ht_utf8_character(const char *s, size_t *n);
/** The first byte that is no UTF-8, or NULL if all of the text is. */
const char *ht_utf8_fault(const char *text);

/** Copy `from` into a name field of HT_NAME_MAX bytes; the rest of the field is 0.
 *  @return false if it did not fit (and was cut, never inside a character) */
bool ht_name_copy(char to[HT_NAME_MAX], const char *from);

/** Print a finite double so that it reads back exactly, as short as possible. With `point`, a whole
 *  number gets ".0", so that it reads back as a real. */
void ht_print_real(char text[40], double x, bool point);

/** strtod with a decimal point, whatever locale the host program has set. Reads at most 511 bytes.
 *  @param[out] end  first byte that was not read; may be NULL */
double ht_read_real(const char *text, const char **end);

/** The whole of `text` as a number: optional sign, digits, point, exponent. No inf, nan, hex, blanks.
 *  @param[out] is_int  true when written without point and exponent; may be NULL */
bool ht_parse_number(const char *text, double *out, bool *is_int);

/** The one of n names that is nearest to `text` by edit distance, or NULL when none is near
 *  (more than half of its letters would change). */
const char *ht_nearest(const char *text, const char *const *names, size_t n);

#endif
