/** @file src/cli/sweep_report.h
 *  What `hottune sweep` prints: the text of its progress line, and the table or JSON object at its end. */
#ifndef HT_CLI_SWEEP_REPORT_H
#define HT_CLI_SWEEP_REPORT_H

#include "cli/cli.h"
#include "population/sweep.h"

typedef struct {
    const char *space_name, *dir;
    const ht_space *space;
    const ht_sweep *sweep;
    size_t top;     /**< rows of the table */
    double wall_s;  /**< of this start */
} ht_sweep_report;

/** "trials 12/64  failed 1  pruned 5  best 0.123  about 12 s left" */
void ht_sweep_progress_text(char *text, size_t size, const ht_sweep_view *v, double elapsed_s);
void ht_sweep_report_print(const ht_cli *cli, const ht_sweep_report *r);

#endif
