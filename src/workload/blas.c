/* src/workload/blas.c - which kernels OpenBLAS uses; the contract is in blas.h.
 * May touch: the environment, this process. */
#include "workload/blas.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cblas.h>

/* What OpenBLAS calls the kernels that fit; NULL: its choice stands. */
static const char *better_kernels(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        return "SkylakeX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return "Haswell";
#endif
    return NULL;
}

void ht_blas_choose_kernels(char **argv)
{
    const char *name = "OPENBLAS_CORETYPE", *better = better_kernels();
    if (better == NULL || getenv(name) != NULL || strcmp(openblas_get_corename(), "Prescott") != 0)
        return;
    char path[4096];    /* its name, so that the process keeps it in lists of processes */
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0 || setenv(name, better, 1) != 0)
        return;
    path[n] = '\0';
    execv(path, argv);
}
