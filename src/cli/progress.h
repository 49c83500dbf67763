/** @file src/cli/progress.h
 *  The progress line of the verbs that take long. */
#ifndef HT_CLI_PROGRESS_H
#define HT_CLI_PROGRESS_H

#include <hottune/hottune.h>

#include "cli/cli.h"

/** The progress line: on a terminal one line that is written over, elsewhere a line every few seconds.
 *  Without --quiet and --json only. */
typedef struct {
    bool shown, terminal, plain; /**< plain: NO_COLOR is set */
    int epochs;                  /**< of one training */
    double last_s;               /**< elapsed seconds at the last line */
    bool open;                   /**< a line is waiting to be written over */
} ht_progress_line;

ht_progress_line ht_progress_begin(const ht_cli *cli, int epochs);
/** For ht_options.progress; ctx is the ht_progress_line. */
void ht_progress_show(void *ctx, const ht_progress *p);
/** For ht_options.warning; ctx is the ht_progress_line. */
void ht_progress_warn(void *ctx, const char *text);
void ht_progress_end(ht_progress_line *l);

/** Whether a line is due after so many seconds; if so, this one counts as written. */
bool ht_progress_is_due(ht_progress_line *l, double elapsed_s);
/** Write a line (over the last one). */
void ht_progress_put(ht_progress_line *l, const char *text);
/** "12 s", "3 min 04 s", "2 h 30 min" */
void ht_print_duration(char *text, size_t size, double s);

#endif
