/** @file src/cli/schedule.h
 *  The champion's schedule of a pooled run, as its summary has it: values of knobs by epoch of one training.
 *
 *  Only epochs that were trained count: the champion's way leads over pieces of several replicas, and the age
 * of its state at the beginning of a piece is the sum of the epochs before. Means and copies take no epochs.
 */
#ifndef HT_CLI_SCHEDULE_H
#define HT_CLI_SCHEDULE_H

#include "base/json.h"

enum { HT_SCHEDULE_KNOBS_MAX = 64 };

/** Epochs with the same values. */
typedef struct {
    int first, epochs;                    /**< the first one counts from 1; epochs > 0 */
    double values[HT_SCHEDULE_KNOBS_MAX]; /**< [n_knobs] */
} ht_schedule_piece;

typedef struct {
    size_t n_knobs;
    char names[HT_SCHEDULE_KNOBS_MAX][2 * HT_NAME_MAX]; /**< "opt.lr" */
    size_t n;
    ht_schedule_piece *pieces; /**< [n], owned, without a gap; n > 0 */
    int epochs;                /**< of all */
    double val, test;          /**< of the champion; NaN = unknown */
    long long steps_per_epoch; /**< as the program counted; 0 = unknown */
} ht_schedule;

/** Read it from the summary of a run directory.
 *  @return HT_OK; HT_ENOTFOUND: there is no summary; HT_EINVAL: the run was not pooled, or has no champion
 * yet; HT_EFORMAT: err names the member; HT_EIO, HT_ENOMEM */
ht_status ht_schedule_read(const char *dir, ht_schedule *out, ht_error *err);
void ht_schedule_release(ht_schedule *s);

/** What is in force in an epoch (1, 2, ..); after the last piece its values stay. */
const ht_schedule_piece *ht_schedule_at(const ht_schedule *s, int epoch);

#endif
