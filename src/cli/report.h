/** @file src/cli/report.h
 *  What `hottune run` prints: the progress line while it runs, and the table or JSON object at its end. */
#ifndef HT_CLI_REPORT_H
#define HT_CLI_REPORT_H

#include "cli/cli.h"
#include "cli/train.h"

/* ---- progress ------------------------------------------------------------------------------- */

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

/* ---- the end -------------------------------------------------------------------------------- */

/** The best of the outcomes of all replicas. */
typedef struct {
    ht_outcome best;
    int replica; /**< -1 = none has a result */
    double wall_s;
    double train_s; /**< mean over replicas */
} ht_row;

/** @param outcomes  [n], by replica
 *  @param replica   whose is the best; -1: the one with the lowest validation loss */
ht_row ht_row_of(const ht_outcome *outcomes, int n, int replica, double wall_s);

typedef struct {
    const char *workload, *dir, *study; /**< study NULL = in dir */
    int replicas, ranks_per_replica, epochs;
    long long seed;
    bool compared; /**< the static default was trained */
    ht_row baseline, champion;
    ht_result result; /**< of the kernel */
} ht_report_data;

void ht_report_print(const ht_cli *cli, const ht_report_data *d);

#endif
