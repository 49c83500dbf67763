/** @file src/population/placement.h
 *  Who of the ranks of a node gets which of its processors and devices.
 *
 *  Pure: what launcher and machine say goes in, shares come out. Every rank works out its own share from the
 *  same facts, so that nobody has to ask anybody. Rank 0 coordinates and sleeps nearly all the time: it needs
 *  no device and no core that a replica could use; in a job of one rank it does all, and nothing is shared
 * out. */
#ifndef HT_POPULATION_PLACEMENT_H
#define HT_POPULATION_PLACEMENT_H

#include "base/cores.h"

/** Where a rank sits. */
typedef struct {
    int rank, size;             /**< of the job */
    int local_rank, local_size; /**< on its node, in the order of ranks */
    bool coordinator_is_here;   /**< rank 0 is on this node */
    int ranks_per_replica;      /**< >= 1 */
} ht_seat;

/** Read how many tasks each node has, as Slurm writes it: "5(x2),4".
 *  @param[out] here, all  tasks on node `node` (0, 1, ..), and on all nodes
 *  @return HT_OK; HT_EFORMAT: no such text, or no such node */
ht_status ht_seat_read_tasks(const char *text, int node, int *here, int *all, ht_error *err);
/** @return HT_OK; HT_EINVAL: the numbers do not fit each other */
ht_status ht_seat_check(const ht_seat *s, ht_error *err);
bool ht_seat_coordinates(const ht_seat *s); /**< and does nothing else */

/* ---- devices --------------------------------------------------------------------------------- */

/** Which of the n devices of the node a rank gets: [*first, *first + return). The replicas of a node share
 * them out evenly, in contiguous blocks; the ranks of a replica share out its block. Where there are too few,
 * several have the same one. @return how many; 0: none, n is 0 or the rank coordinates */
int ht_placement_devices(const ht_seat *s, int n, int *first);

/* ---- processors ------------------------------------------------------------------------------ */

/** A processor that the tasks of the node may use. Hyperthreads of one core have the same `core`. */
typedef struct {
    size_t number, core;
} ht_processor;

typedef struct {
    size_t n;
    ht_processor *processors; /**< [n] in any order; ht_placement_cores sorts them by core */
    bool are_bound;           /**< somebody has given each task its own: nothing is to be changed */
    int per_task;             /**< processors of a task, as asked of the scheduler; 0 = not asked */
    int allotted;             /**< processors of the job on this node; 0 = unknown. Fewer than there are cores
                                   to be seen: which of them are its own is not known */
} ht_processors;

typedef struct {
    ht_cores pins; /**< processors that the rank keeps to, owned; empty: they stay as they are */
    int threads;   /**< that its training should use; 0 = nothing is known */
} ht_core_share;

/** The share of a rank: whole cores, the same number for each rank that trains, hyperthreads of a core
 * together. The coordinator gets what is left over, else it stays free to run wherever there is time. Left as
 * they are: bound ones, those of a job whose own cannot be told, fewer cores than ranks that train.
 *  @return HT_OK, HT_ENOMEM */
ht_status ht_placement_cores(const ht_seat *s, ht_processors *p, ht_core_share *out, ht_error *err);

#endif
