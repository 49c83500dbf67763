/** @file src/base/width.h
 *  How many columns of a terminal a character takes. */
#ifndef HT_BASE_WIDTH_H
#define HT_BASE_WIDTH_H

#include <stdint.h>

/** Columns of a character that can be printed: 0 for one that is drawn over the one before it (accents,
 *  variation selectors, joiners, the later letters of a Hangul syllable), 2 for a wide one (East Asian
 *  scripts, emoji), else 1. Ambiguous ones count 1, as terminals take them outside of East Asian legacy encodings.
 *  Source: Unicode 14, general category (Mn, Me) and EastAsianWidth.txt (W, F), as Markus Kuhn's wcwidth does
 *  it. The C library's wcwidth knows nothing outside of the locale of the program, which we leave alone. */
int ht_width_of(uint32_t character);

#endif
