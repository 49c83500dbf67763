/* src/store/slurm_start.c - which start of a Slurm job this is; the contract is in slurm_start.h.
 *
 * May touch: the environment (reads only). */
#include "store/slurm_start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Slurm's numbers from here on mean no place in the order: batch script, external step, shell of salloc .. */
static const long first_special_step = 0xfffffff0L;

static void copy_word(char to[24], const char *name)
{
    const char *from = getenv(name);
    snprintf(to, 24, "%s", from != NULL && strlen(from) < 24 ? from : "");
}

/* @return `otherwise` when it is no whole number that is >= 0 */
static long number_of(const char *name, long otherwise)
{
    const char *text = getenv(name);
    char *end = NULL;
    if (text == NULL || *text < '0' || *text > '9')
        return otherwise;
    errno = 0;
    long n = strtol(text, &end, 10);
    return *end == '\0' && errno == 0 ? n : otherwise;
}

ht_slurm_start ht_slurm_start_here(void)
{
    ht_slurm_start s = {.restart = number_of("SLURM_RESTART_COUNT", 0), .step = number_of("SLURM_STEP_ID", -1)};
    copy_word(s.component, "SLURM_JOB_ID");
    copy_word(s.job, "SLURM_HET_JOB_ID");
    if (s.job[0] == '\0')
        memcpy(s.job, s.component, sizeof s.job);
    if (s.step >= first_special_step)
        s.step = -1;
    return s;
}

bool ht_slurm_start_follows(const ht_slurm_start *later, const ht_slurm_start *former)
{
    if (later->job[0] == '\0' || strcmp(later->job, former->job) != 0)
        return false;
    if (later->restart != former->restart)
        return later->restart > former->restart;
    return strcmp(later->component, former->component) == 0 && former->step >= 0 && later->step > former->step;
}
