/* src/kernel/place.c - where a rank is and what it may use; the contract is in place.h.
 *
 * May touch: the environment (reads), this process. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "kernel/place.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

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
