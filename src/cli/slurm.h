/** @file src/cli/slurm.h
 *  What Slurm says about the time of a job: its durations and time stamps, and when this job ends. */
#ifndef HT_CLI_SLURM_H
#define HT_CLI_SLURM_H

#include "base/error.h"

/** A duration: "90" (seconds, a fraction is allowed), "M:SS", "H:MM:SS", "D-HH", "D-HH:MM", "D-HH:MM:SS". As Slurm
 *  writes them, but for the number alone, which is minutes there.
 *  @param[out] seconds  > 0; untouched on failure
 *  @return HT_OK; HT_EFORMAT with a message that quotes the text */
ht_status ht_slurm_duration(const char *text, double *seconds, ht_error *err);

/** A point in time as squeue and scontrol print it, "2026-11-26T14:03:10" in local time, or as seconds since 1970.
 *  Blanks around it are allowed.
 *  @param[out] when  seconds since 1970; untouched on failure
 *  @return false: it is none ("NONE", "N/A", "Unknown", ..) */
bool ht_slurm_stamp(const char *text, double *when);

/** When the job that this process belongs to ends: SLURM_JOB_END_TIME; if that is not set, or past (left over from
 *  another job in a shell that outlived it), squeue is asked about SLURM_JOB_ID. **Waits at most** `patience_s`; a
 *  squeue that takes longer is ended.
 *  @return seconds since 1970; 0 = not known, or there is no job */
double ht_slurm_end_time(double patience_s);
/** The same by squeue alone, about the job of this number (SLURM_JOB_ID). */
double ht_slurm_ask_end(const char *job, double patience_s);

/** Run one of Slurm's commands in our environment, but for what bends its answers (SQUEUE_..); points in time come as
 *  seconds since 1970. Parameters and result: ht_child_run. */
int ht_slurm_run(char *const *argv, double patience_s, void (*line)(void *ctx, const char *text), void *ctx,
                 ht_error *err);

#endif
