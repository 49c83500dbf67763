/** @file src/cli/ranks.h
 *  The ranks of a `run`: they gather, agree and wait without burning a core (the cores are for training). */
#ifndef HT_CLI_RANKS_H
#define HT_CLI_RANKS_H

#include <mpi.h>

#include "cli/cli.h"

typedef struct {
    int rank, size;
} ht_ranks;

/** Collect n bytes of every rank on rank 0. **Collective** over MPI_COMM_WORLD.
 *  @param[out] all  [size][n], on rank 0 */
void ht_ranks_gather(const ht_ranks *r, const void *mine, size_t n, void *all);
/** n bytes of rank 0 to every rank. **Collective.** */
void ht_ranks_share(const ht_ranks *r, void *bytes, size_t n);
/** One verdict. Rank 0 prints the message of the first rank that failed. **Collective.**
 *  @param code     of this rank, 0 = fine
 *  @param message  why, if not fine; "" = it is printed already
 *  @return the highest code of all ranks */
int ht_ranks_agree(const ht_cli *cli, const ht_ranks *r, int code, const char *message);

#endif
