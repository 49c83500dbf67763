/** @file src/cli/job_watch.h
 *  How the run in the directory of a batch job stands, and whether its step is to be ended. */
#ifndef HT_CLI_JOB_WATCH_H
#define HT_CLI_JOB_WATCH_H

#include <stdbool.h>

/** How a run stands, by its files. Points in time in seconds since 1970. */
typedef struct {
    bool finished, unfinished;
    unsigned long long checkpoint;  /**< number of the last; 0 = none */
    double written;                 /**< when that was */
    double seen;                    /**< last sign of life; 0 = it gives none */
    double silence_s;               /**< no run that lives is silent for so long */
    double started;                 /**< the process that has it; of a sweep: its last trial; 0 = none */
    bool is_ours;                   /**< an earlier start of this job of Slurm had it last */
} ht_job_standing;

ht_job_standing ht_job_look(const char *dir);

/** What is seen of a run while its step goes on. Looks are counted, not seconds: a clock that is set and a job that is
 *  suspended with all that is in it make no run silent. */
typedef struct {
    const char *dir;                /**< borrowed */
    double grace_s;
    ht_job_standing before, now;
    int silent, over;               /**< looks in a row at a run without a new sign of life; that was finished in this step */
} ht_job_watch;

/** Before the step, or as it begins. */
ht_job_watch ht_job_watch_begin(const char *dir, double grace_s);
/** Look, once in a second. A launcher can hang when one of its ranks died: it is to be ended when the run has been over
 *  for longer than `grace_s`. So can the run, when its coordinator does: its other ranks cannot go on.
 *  @return why the step is to be ended, for people; NULL: it is not */
const char *ht_job_watch_look(ht_job_watch *w);

#endif
