/** @file src/kernel/deadline.h
 *  How long before the end of its job a run must begin to leave, so that it is written down in time.
 *
 *  Leaving takes a checkpoint, which each replica writes at its next safe point; where replicas go only when all
 *  have written, one epoch more until the slowest comes to the safe point at which it is told so; and the study.
 *  All of it is measured while the run goes on; the margin is the sum, and a quarter more. Until there is something
 *  to measure, a default counts.
 *
 *  Pure: no clock, no files. What is decided here never reaches the coordinator. */
#ifndef HT_KERNEL_DEADLINE_H
#define HT_KERNEL_DEADLINE_H

#include <stdbool.h>
#include <stddef.h>

enum { HT_DEADLINE_SAVES = 5 };

/** Starts with ht_deadline_init. */
typedef struct {
    double end;         /**< of the job, seconds since 1970; 0 = not known */
    double span;        /**< seconds from the start of the run in this job to `end` */
    size_t n_saves;
    double saves[HT_DEADLINE_SAVES];    /**< seconds from cut to commit, of the last ones */
    double publishing;  /**< longest so far; seconds */
    bool go_together;   /**< replicas go only when all have written */
    int n_replicas;
    double *paces;      /**< [n_replicas] seconds between two safe points; 0 = not known; owned */
    int looks;          /**< at the progress: 0, 1; 2 = it has moved since the first */
    double first_share, first_time;     /**< where it stood, and when, at the last of these */
} ht_deadline;

/** What the margin is made of, in seconds. */
typedef struct {
    double total;               /**< how long before the end the run must begin to leave */
    bool measured;              /**< false: a default, nothing is known yet */
    double save, pace, publishing;
} ht_margin;

/** @param now  seconds since 1970   @return false: no memory */
bool ht_deadline_init(ht_deadline *d, int n_replicas, double end, double now);
void ht_deadline_release(ht_deadline *d);

/** A checkpoint took so long from the cut to the commit. */
void ht_deadline_saved(ht_deadline *d, double seconds);
/** A replica took so long from one safe point to the next: the estimate rises at once, and falls slowly. */
void ht_deadline_epoch(ht_deadline *d, int replica, double seconds);
/** A replica is gone: nobody waits for it. */
void ht_deadline_forget(ht_deadline *d, int replica);
/** The run directory took so long to write; the longest counts. */
void ht_deadline_published(ht_deadline *d, double seconds);

ht_margin ht_deadline_margin(const ht_deadline *d);
/** Seconds before the end from which on nobody is waited for: the study is published, and we go. */
double ht_deadline_last(const ht_deadline *d);

/** Will the run end before its job does? It is taken to go on as it did in this job, which must be as much as
 *  is left to do: else nobody can tell, and the answer is no. It goes in steps: what counts begins with the
 *  first that is seen.
 *  @param now    seconds, of a clock that does not jump
 *  @param share  of the run that is done, 0 .. 1; NaN = unknown
 *  @param left   seconds until the end */
bool ht_deadline_is_met(ht_deadline *d, const ht_margin *m, double now, double share, double left);

#endif
