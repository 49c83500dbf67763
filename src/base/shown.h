/** @file src/base/shown.h
 *  Texts of others, made fit for a terminal.
 *
 *  A name, a message or a line that comes from a file or from another program is data: it must not move the
 *  cursor, change colours or titles, end a line, turn the order of letters round or hide some of them. What
 *  could do that is shown as what it is, in ASCII: `\n`, `\r`, `\t`; other control characters (C0, DEL, C1)
 *  and bytes that are no UTF-8 as `\x1B`; invisible characters that format (bidirectional embeddings, overrides,
 *  isolates and marks, line and paragraph separators, zero width spaces, tags) as `\u202E` or `\U000E0041`.
 *  All else stays, joiners (emoji, Persian, Indic scripts) and backslashes included: what is shown is for
 *  people, not to be read back. */
#ifndef HT_BASE_SHOWN_H
#define HT_BASE_SHOWN_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/** Add a text as part of one line. */
void ht_shown_add(ht_string *to, const char *text);
/** The same for `size` bytes, which may hold 0: it is shown as `\x00`. */
void ht_shown_add_bytes(ht_string *to, const char *bytes, size_t size);
/** The same for a text of several lines, whose line feeds stay. */
void ht_shown_add_lines(ht_string *to, const char *text);
/** The same for one line of at most `columns` columns of a terminal: what is longer is cut between characters
 *  and ends in "...". */
void ht_shown_add_cut(ht_string *to, const char *text, size_t columns);

/** Add what printf would print, with each %s shown as part of one line, padded by columns: only line feeds of
 *  the format itself end a line, so that no name can forge one. Conversions: d i u x with l, ll, z; f g e; s;
 *  %%; flags, width and precision with `*`. (shown_format.c) */
void ht_shown_add_format(ht_string *to, const char *format, va_list args);

/** Add a JSON text (UTF-8) that says the same, line feeds and all, but in which everything that is named above
 *  and that JSON lets stand is escaped as `\u007f`. */
void ht_shown_add_json(ht_string *to, const char *json);

/** Whether a character is one of those that format and are not seen. */
bool ht_shown_is_unseen(uint32_t character);

/** Columns that the text takes once it is shown as one line. */
size_t ht_shown_width(const char *text);

#endif
