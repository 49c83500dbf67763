/* src/cli/ranks.c - the contract is in ranks.h.
 *
 * Every collective is the non-blocking one, tested between naps: a rank that waits for slower ones for
 * minutes (rank 0 for the static training, a replica for the others) leaves its core to them. May touch: MPI.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/ranks.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Naps grow from 50 us to 10 ms. @param deadline  of now() @return false: it is not done and the deadline is over */
static bool wait_until(MPI_Request *request, double deadline)
{
    long nap = 50000;
    int done = 0;
    while (MPI_Test(request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && !done && now() < deadline) {
        nanosleep(&(struct timespec){.tv_nsec = nap}, NULL);
        nap = nap < 5000000 ? 2 * nap : 10000000;
    }
    return done;
}

static void wait_for(MPI_Request *request)
{
    wait_until(request, INFINITY);
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

/* ---- the end, with ranks missing -------------------------------------------------------------- */

enum { NEWS = 1, VERDICT = 2 };     /* tags */
static const double leave_s = 5;    /* for the launcher to end us */

typedef struct {
    int code, is_short;
} ending;

/* Messages of all other ranks into `news`, [size][bytes]. @return how many are missing */
static int collect(const ht_ranks *r, unsigned char *news, size_t bytes, bool *came, double patience_s)
{
    MPI_Request *requests = calloc((size_t)r->size, sizeof *requests);
    int missing = r->size - 1;
    if (requests == NULL)
        MPI_Abort(MPI_COMM_WORLD, HT_EXIT_FAILED);
    for (int i = 1; i < r->size; i++)
        MPI_Irecv(news + (size_t)i * bytes, (int)bytes, MPI_BYTE, i, NEWS, MPI_COMM_WORLD, &requests[i]);
    for (double deadline = now() + patience_s; missing > 0 && now() < deadline;) {
        int before = missing;
        for (int i = 1; i < r->size; i++)
            if (!came[i] && wait_until(&requests[i], 0)) {
                came[i] = true;
                missing--;
            }
        if (missing < before)
            deadline = now() + patience_s;
        else
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    free(requests);     /* a receive that is left over belongs to MPI, and so does `news` */
    return missing;
}

static ending hear_all(const ht_cli *cli, const ht_ranks *r, const verdict *mine, size_t n, void *all,
                       double patience_s)
{
    size_t bytes = sizeof *mine + n;
    ending e = {.code = mine->code};
    unsigned char *news = calloc((size_t)r->size, bytes);
    bool *came = calloc((size_t)r->size, sizeof *came), told = false;
    if (news == NULL || came == NULL)
        MPI_Abort(MPI_COMM_WORLD, HT_EXIT_FAILED);
    int missing = collect(r, news, bytes, came, patience_s);
    e.is_short = missing > 0;
    if (mine->code == 0 && missing > 0 && missing == r->size - 1)
        e.code = ht_cli_fail(cli, HT_EXIT_FAILED, "all replicas were lost");
    memcpy(news, mine, sizeof *mine);
    came[0] = true;
    for (int i = 0; i < r->size; i++) {
        const unsigned char *at = news + (size_t)i * bytes;
        verdict v;
        memcpy(&v, at, sizeof v);
        if (!came[i])
            continue;
        if (i > 0)
            memcpy((unsigned char *)all + (size_t)i * n, at + sizeof v, n);
        e.code = v.code > e.code ? v.code : e.code;
        if (v.code != 0 && v.message[0] != 0 && !told)
            ht_cli_fail(cli, v.code, "%s", v.message);
        told |= v.code != 0 && v.message[0] != 0;
    }
    for (int i = 1; i < r->size; i++) {
        MPI_Request request;
        if (came[i] && MPI_Isend(&e, (int)sizeof e, MPI_BYTE, i, VERDICT, MPI_COMM_WORLD, &request) == MPI_SUCCESS)
            wait_until(&request, now() + leave_s);
    }
    if (missing == 0)
        free(news);
    free(came);
    return e;
}

int ht_ranks_part(const ht_cli *cli, ht_ranks *r, int code, const char *message, const void *mine, size_t n, void *all,
                  double patience_s, bool is_cut)
{
    verdict v = {.code = code};
    ending e = {.code = HT_EXIT_FAILED, .is_short = true};
    snprintf(v.message, sizeof v.message, "%s", message);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (r->rank == 0) {
        if (r->size == 1)
            memcpy(all, mine, n);
        e = hear_all(cli, r, &v, n, all, patience_s);
    } else {
        unsigned char *news = malloc(sizeof v + n);
        MPI_Request requests[2];
        if (news == NULL)
            MPI_Abort(MPI_COMM_WORLD, HT_EXIT_FAILED);
        memcpy(news, &v, sizeof v);
        memcpy(news + sizeof v, mine, n);
        MPI_Isend(news, (int)(sizeof v + n), MPI_BYTE, 0, NEWS, MPI_COMM_WORLD, &requests[0]);
        MPI_Irecv(&e, (int)sizeof e, MPI_BYTE, 0, VERDICT, MPI_COMM_WORLD, &requests[1]);
        double deadline = is_cut ? now() + patience_s : INFINITY;
        if (wait_until(&requests[0], deadline) && wait_until(&requests[1], deadline))
            free(news);
    }
    r->is_short = e.is_short;
    return e.code;
}

void ht_ranks_leave(const ht_ranks *r, int code)
{
    fflush(NULL);
    if (r->rank == 0)
        MPI_Abort(MPI_COMM_WORLD, code);
    nanosleep(&(struct timespec){.tv_sec = (time_t)leave_s}, NULL);
    _exit(code);
}
