/* tests/store/test_slurm_start.c - which start of a job is over when another one begins. */
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "store/slurm_start.h"

static void set(const char *name, const char *value)
{
    if (value != NULL)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

/* What the environment says; NULL = unset. */
static ht_slurm_start start(const char *job, const char *restart, const char *step, const char *het)
{
    set("SLURM_JOB_ID", job);
    set("SLURM_RESTART_COUNT", restart);
    set("SLURM_STEP_ID", step);
    set("SLURM_HET_JOB_ID", het);
    return ht_slurm_start_here();
}

static bool follows(ht_slurm_start later, ht_slurm_start former)
{
    return ht_slurm_start_follows(&later, &former);
}

static void a_later_restart_of_the_same_job_follows_whatever_its_step(void)
{
    const ht_slurm_start first = start("17", NULL, "3", NULL);
    CU_ASSERT_EQUAL(first.restart, 0);
    CU_ASSERT(follows(start("17", "1", "0", NULL), first));
    CU_ASSERT(follows(start("17", "12", NULL, NULL), start("17", "9", "4", NULL)));
    CU_ASSERT_FALSE(follows(first, start("17", "1", "0", NULL)));
    CU_ASSERT_FALSE(follows(start("18", "1", "0", NULL), first));
}

static void a_later_step_of_the_same_restart_follows(void)
{
    const ht_slurm_start first = start("17", "2", "0", NULL);
    CU_ASSERT(follows(start("17", "2", "1", NULL), first));
    CU_ASSERT(follows(start("17", "2", "10", NULL), start("17", "2", "9", NULL)));
    CU_ASSERT_FALSE(follows(start("17", "2", "0", NULL), first));
    CU_ASSERT_FALSE(follows(start("17", "1", "7", NULL), first));
}

static void a_batch_script_and_mpirun_in_it_have_no_place_among_the_steps(void)
{
    static const char *const places[] = {NULL, "4294967291", "4294967290", "batch", "", "-1", "1x"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const ht_slurm_start s = start("17", NULL, places[i], NULL);
        CU_ASSERT_FALSE(follows(s, start("17", NULL, "1", NULL)));
        CU_ASSERT_FALSE(follows(start("17", NULL, "1", NULL), s));
        CU_ASSERT_FALSE(follows(s, s));
    }
}

static void outside_of_slurm_nothing_follows(void)
{
    const ht_slurm_start none = start(NULL, NULL, NULL, NULL);
    CU_ASSERT_EQUAL(none.job[0], '\0');
    CU_ASSERT_FALSE(follows(none, none));
    CU_ASSERT_FALSE(follows(start(NULL, "3", "2", NULL), none));
    CU_ASSERT_FALSE(follows(start("1", "3", "2", NULL), none));
}

static void the_components_of_a_heterogeneous_job_are_one_job_with_steps_of_their_own(void)
{
    const ht_slurm_start first = start("20", NULL, "0", "20"), second = start("21", NULL, "1", "20");
    CU_ASSERT_STRING_EQUAL(second.job, "20");
    CU_ASSERT_FALSE(follows(second, first));
    CU_ASSERT(follows(start("20", NULL, "1", "20"), first));
    CU_ASSERT(follows(start("21", "1", "0", "20"), first));
}

CASES("slurm_start", CASE(a_later_restart_of_the_same_job_follows_whatever_its_step),
      CASE(a_later_step_of_the_same_restart_follows), CASE(a_batch_script_and_mpirun_in_it_have_no_place_among_the_steps),
      CASE(outside_of_slurm_nothing_follows), CASE(the_components_of_a_heterogeneous_job_are_one_job_with_steps_of_their_own))
