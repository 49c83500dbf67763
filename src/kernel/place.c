/* src/kernel/place.c - where a rank is and what it may use; the contract is in place.h.
 *
 * May touch: the environment (reads), this process, MPI. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "kernel/place.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The kernel refuses a mask that is smaller than its own, and nobody tells how large that is. */
ht_status ht_place_cores(ht_cores *out, ht_error *err)
{
    for (int n = 1024; n <= HT_CORES_MAX; n *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)n);
        size_t bytes = CPU_ALLOC_SIZE((size_t)n);
        if (set == NULL)
            return ht_fail(err, HT_ENOMEM, "no memory for a set of processors");
        int failed = sched_getaffinity(0, bytes, set) != 0 ? errno : 0;
        ht_status st = HT_OK;
        for (int i = 0; failed == 0 && st == HT_OK && i < n; i++)
            if (CPU_ISSET_S((size_t)i, bytes, set))
                st = ht_cores_add(out, (size_t)i, err);
        CPU_FREE(set);
        if (failed == 0)
            return st;
        if (failed != EINVAL)
            return ht_fail(err, HT_EIO, "which processors this process may use is not told: %s",
                           strerror(failed));
    }
    return ht_fail(err, HT_EIO, "this machine has too many processors");
}

bool ht_place_devices_are_bound(void)
{
    const char *bind = getenv("SLURMD_TRES_BIND");
    return getenv("SLURM_GPUS_PER_TASK") != NULL ||
           (bind != NULL && strstr(bind, "gpu:") != NULL && strstr(bind, "gpu:none") == NULL);
}

/* ---- all ranks ------------------------------------------------------------------------------- */

/* What travels: texts that are too long lose their ends. */
typedef struct {
    int replica;
    char node[64], cores[448], devices[448];
} seen;

static const char *devices_here(void)
{
    static const char *const names[] = {"CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
                                        "ZE_AFFINITY_MASK"};
    const char *step = getenv("SLURM_STEP_GPUS"), *list;
    if (ht_place_devices_are_bound() && step != NULL)
        return step; /* numbers on the node; what a task sees may be counted anew for each */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if ((list = getenv(names[i])) != NULL && list[0] != '\0')
            return strcmp(list, "-1") != 0 ? list : "";
    return "";
}

static void look(int replica, seen *out)
{
    const char *node = getenv("SLURMD_NODENAME");
    ht_cores cores = {0};
    ht_string text = {0};
    *out = (seen){.replica = replica};
    if (node != NULL)
        ht_places_cut(out->node, sizeof out->node, node);
    else
        gethostname(out->node, sizeof out->node - 1);
    if (ht_place_cores(&cores, NULL) == HT_OK)
        ht_cores_print(&cores, &text);
    ht_places_cut(out->cores, sizeof out->cores, ht_string_peek(&text));
    if (replica >= 0) /* a coordinator has no use for them */
        ht_places_cut(out->devices, sizeof out->devices, devices_here());
    ht_string_release(&text);
    ht_cores_release(&cores);
}

static ht_status keep(size_t n, const seen *all, ht_places *out, ht_error *err)
{
    ht_places found = {n, calloc(n, sizeof *found.at)};
    if (found.at == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the places of %zu ranks", n);
    for (size_t i = 0; i < n; i++)
        found.at[i] = (ht_rank_place){all[i].replica, all[i].node, all[i].cores, all[i].devices};
    ht_status st = ht_places_copy(&found, out, err);
    free(found.at);
    return st;
}

ht_status ht_places_gather(MPI_Comm comm, int replica, ht_places *out, ht_error *err)
{
    int rank, size;
    seen mine, *all = NULL;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &size);
    if (rank == 0 && (all = calloc((size_t)size, sizeof *all)) == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the places of %d ranks", size);
    look(replica, &mine);
    ht_status st = HT_OK;
    if (MPI_Gather(&mine, (int)sizeof mine, MPI_BYTE, all, (int)sizeof mine, MPI_BYTE, 0, comm) !=
        MPI_SUCCESS)
        st = ht_fail(err, HT_ECOMM, "the ranks of the run could not say where they are");
    if (st == HT_OK && rank == 0)
        st = keep((size_t)size, all, out, err);
    free(all);
    return st;
}
