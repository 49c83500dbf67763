/** @file src/cli/report.h
 *  What `hottune run` prints at its end: a table or a JSON object. */
#ifndef HT_CLI_REPORT_H
#define HT_CLI_REPORT_H

#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/train.h"

/* ---- the end -------------------------------------------------------------------------------- */

/** The best of the outcomes of all replicas. */
typedef struct {
    ht_outcome best;
    int replica; /**< -1 = none has a result */
    double wall_s;
    double epochs;  /**< trained, sum over replicas */
    double cpu_s;   /**< processor seconds of training, sum over replicas */
    double train_s; /**< mean over replicas */
} ht_row;

/** @param outcomes  [n], by replica
 *  @param replica   whose is the best; -1: the one with the best validation loss
 *  @param maximises  the best is the highest */
ht_row ht_row_of(const ht_outcome *outcomes, int n, int replica, bool maximises, double wall_s);

typedef struct {
    const char *workload, *dir, *study; /**< study NULL = in dir */
    int replicas, ranks_per_replica, epochs;
    long long seed;
    bool compared; /**< the static default was trained */
    ht_row baseline, champion;
    ht_result result; /**< of the kernel */
} ht_report_data;

/** What --json prints. Owned by the caller. */
cJSON *ht_report_json(const ht_report_data *d);
void ht_report_print(const ht_cli *cli, const ht_report_data *d);

#endif
