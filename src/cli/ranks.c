/* src/cli/ranks.c - the contract is in ranks.h.
 *
 * Every collective is the non-blocking one, tested between naps: a rank that waits for slower ones for
 * minutes (rank 0 for the static training, a replica for the others) leaves its core to them. May touch: MPI.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/ranks.h"

/* Naps grow from 50 us to 10 ms. */
static void wait_for(MPI_Request *request)
{
    long nap = 50000;
    for (int done = 0; MPI_Test(request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && !done;) {
        nanosleep(&(struct timespec){.tv_nsec = nap}, NULL);
        nap = nap < 5000000 ? 2 * nap : 10000000;
    }
}

void ht_ranks_gather(const ht_ranks *r, const void *mine, size_t n, void *all)
{
    MPI_Request request;
    if (r->size == 1) {
        memcpy(all, mine, n);
        return;
    }
    MPI_Igather(mine, (int)n, MPI_BYTE, all, (int)n, MPI_BYTE, 0, MPI_COMM_WORLD, &request);
    wait_for(&request);
}

void ht_ranks_share(const ht_ranks *r, void *bytes, size_t n)
{
    MPI_Request request;
    if (r->size == 1)
        return;
    MPI_Ibcast(bytes, (int)n, MPI_BYTE, 0, MPI_COMM_WORLD, &request);
    wait_for(&request);
}

typedef struct {
    int code;
    char message[sizeof(ht_error)];
} verdict;

int ht_ranks_agree(const ht_cli *cli, const ht_ranks *r, int code, const char *message)
{
    verdict mine = {.code = code}, *all = NULL;
    int worst = code;
    snprintf(mine.message, sizeof mine.message, "%s", message);
    if (r->rank == 0 && (all = calloc((size_t)r->size, sizeof *all)) == NULL)
        MPI_Abort(MPI_COMM_WORLD, HT_EXIT_FAILED);
    ht_ranks_gather(r, &mine, sizeof mine, all);
    for (int i = 0, told = 0; r->rank == 0 && i < r->size; i++) {
        worst = all[i].code > worst ? all[i].code : worst;
        if (all[i].code != 0 && all[i].message[0] != 0 && told++ == 0)
            ht_cli_fail(cli, all[i].code, "%s", all[i].message);
    }
    free(all);
    ht_ranks_share(r, &worst, sizeof worst);
    return worst;
}
