/** @file src/store/slurm_start.h
 *  Which start of which Slurm job a process belongs to, and whether Slurm says that another one is over.
 *
 *  Slurm starts a job again (SLURM_RESTART_COUNT, unset in the first one) only when it has given up the former start,
 *  and numbers the steps of a start in their order (SLURM_STEP_ID). So a later start of a job knows of an earlier one
 *  what no lock and no clock can tell: that it is over, even if its node only seems dead and comes back.
 *  An element of an array is a job of its own; the components of a heterogeneous job are one job, whose steps are
 *  compared only inside a component. What mpirun starts inside a batch script has no step that can be compared. */
#ifndef HT_STORE_SLURM_START_H
#define HT_STORE_SLURM_START_H

#include <stdbool.h>

typedef struct {
    char job[24];           /**< "" = not inside a Slurm job */
    char component[24];     /**< of a heterogeneous job; else as `job` */
    long restart;           /**< 0 = the first start */
    long step;              /**< < 0 = none, or one that has no place in the order (batch script, shell of salloc) */
} ht_slurm_start;

/** From the environment of this process. */
ht_slurm_start ht_slurm_start_here(void);
/** `later` is a later restart of the same job, or a later step of the same restart: `former` is over. */
bool ht_slurm_start_follows(const ht_slurm_start *later, const ht_slurm_start *former);

#endif
