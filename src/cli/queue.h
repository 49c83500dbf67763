/** @file src/cli/queue.h
 *  The scheduler's programs, asked: what sbatch answers, what squeue knows of jobs. Every wait is bounded. */
#ifndef HT_CLI_QUEUE_H
#define HT_CLI_QUEUE_H

#include "base/text.h"

enum { HT_JOB_ID_MAX = 64 };

/** Submit a script. **Waits at most** two minutes.
 *  @param options  [n] of sbatch, before the script    @param argument  of the script; NULL = none
 *  @param[out] id  its number; "12;cluster" where there are several clusters
 *  @param[out] said  what sbatch said beside that: warnings, a refusal; lines
 *  @return HT_OK; HT_ENOTFOUND: there is no sbatch; HT_EREFUSED: sbatch refused; HT_ETIMEOUT; HT_EIO,
 *  HT_ENOMEM */
ht_status ht_queue_submit(size_t n, const char *const *options, const char *script, const char *argument,
                          char id[HT_JOB_ID_MAX], ht_string *said, ht_error *err);

/** Take a job out of the queue; best effort. */
void ht_queue_cancel(const char *id);

typedef struct {
    char id[HT_JOB_ID_MAX];     /**< as squeue has it: "12", "12_3" */
    char number[HT_JOB_ID_MAX]; /**< its own; an element of an array has one, too */
    char state[32];         /**< PENDING, RUNNING, COMPLETED, .. */
    char nodes[128];        /**< "" = none yet */
    char reason[64];        /**< why it waits; "" = for nothing */
} ht_queue_job;

typedef struct {
    bool answered; /**< false: no squeue, no answer in time, or it knows none of the jobs */
    size_t n;
    ht_queue_job *jobs; /**< [n], owned: ht_queue_release */
} ht_queue;

/** What the queue knows of n jobs and, of arrays, of their elements. Never fails: see `answered`. **Waits at
 *  most** `patience_s`. */
void ht_queue_look(size_t n, const char *const *ids, double patience_s, ht_queue *out);
/** The element of an array, or, where `element` < 0, the job of this number. NULL = unknown. Borrowed. */
const ht_queue_job *ht_queue_find(const ht_queue *q, const char *id, long long element);
/** It waits or runs. */
bool ht_queue_job_is_there(const ht_queue_job *job);
void ht_queue_release(ht_queue *q);

#endif
