/** @file src/cli/ranks.h
 *  The ranks of a `run`: they gather, agree and wait without burning a core (the cores are for training). */
#ifndef HT_CLI_RANKS_H
#define HT_CLI_RANKS_H

#include <mpi.h>

#include "cli/cli.h"

typedef struct {
    int rank, size;
    bool is_short;      /**< a rank is missing (ht_ranks_part) */
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

/** The end of a run, of which some ranks may be missing, killed or stopped: nobody waits for them longer than
 *  told, and what the others bring counts. Gathers and agrees in one.
 *  @param all         [size][n], on rank 0; the places of missing ranks stay as they are
 *  @param patience_s  rank 0: longest time without news of the ranks that are still to come
 *  @param is_cut      another rank: rank 0 fell silent before, do not wait longer than patience_s for it
 *  @return the highest code of the ranks that came; HT_EXIT_FAILED if nobody came, or rank 0 is missing */
int ht_ranks_part(const ht_cli *cli, ht_ranks *r, int code, const char *message, const void *mine, size_t n, void *all,
                  double patience_s, bool is_cut);
/** Ends this process, for a run that is short of ranks: MPI_Finalize would wait for them forever. Rank 0 has the
 *  launcher end whatever is left of the job. Does not return. */
void ht_ranks_leave(const ht_ranks *r, int code);

#endif
