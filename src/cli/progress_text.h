/** @file src/cli/progress_text.h
 *  The progress of a run as one line of text: numbers and a width in, a text out. */
#ifndef HT_CLI_PROGRESS_TEXT_H
#define HT_CLI_PROGRESS_TEXT_H

#include <hottune/hottune.h>

#include "base/text.h"

enum { HT_PROGRESS_ANY_WIDTH = 10000 };

/** What is shown beside the numbers of the run; NaN = not known, and left out. */
typedef struct {
    double left_s;      /**< until the end */
    double epochs_s;    /**< epochs a second, of all replicas */
} ht_progress_pace;

/** Add a line of at most `columns` columns: what matters least is left out first, and then the line is cut.
 *  @param columns  HT_PROGRESS_ANY_WIDTH: all of it but the bar, which is for terminals
 *  @param bold     with escapes that make share and best value bold */
void ht_progress_text(ht_string *to, const ht_progress *p, const ht_progress_pace *pace, size_t columns, bool bold);

/** "12 s", "3 min 04 s", "2 h 30 min", "3 d 04 h" */
void ht_print_duration(char *text, size_t size, double s);

#endif
