/* tests/cli/test_job_rules.c - what a batch job does when its step has ended (src/cli/job_rules.h). */
#include "cases.h"
#include "cli/job_rules.h"

/* A job under Slurm whose run has a checkpoint; each test changes what it is about. */
static ht_job_facts job(int code)
{
    return (ht_job_facts){.code = code, .began = true, .unfinished = true, .can_requeue = true, .max_requeues = 5};
}

static void a_finished_run_ends_the_job_well_whatever_the_launcher_said(void)
{
    ht_job_facts f = job(137);
    f.finished = true;
    f.unfinished = false;
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_ENDS);
    CU_ASSERT_EQUAL(ht_job_judge(&f).code, 0);
    f.cancelled = true;
    CU_ASSERT_EQUAL(ht_job_judge(&f).code, 0);
}

static void a_run_that_left_is_requeued_and_only_so_often(void)
{
    ht_job_facts f = job(75);
    f.restarts = 4;
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_REQUEUES);
    CU_ASSERT_EQUAL(ht_job_judge(&f).code, 75);
    f.restarts = 5;
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_ENDS);
    CU_ASSERT_EQUAL(ht_job_judge(&f).code, 1);
}

static void a_program_that_leaves_with_0_is_requeued_too(void)
{
    ht_job_facts f = job(0);
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_REQUEUES);
    f.unfinished = false;
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_ENDS);
    CU_ASSERT_EQUAL(ht_job_judge(&f).code, 0);
}

static void without_a_scheduler_somebody_else_starts_it_again(void)
{
    ht_job_facts f = job(75);
    f.can_requeue = false;
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_ENDS);
    CU_ASSERT_EQUAL(ht_job_judge(&f).code, 75);
}

static void a_death_is_followed_by_another_step(void)
{
    ht_job_facts f = job(137);
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_AGAIN);
    CU_ASSERT_EQUAL(ht_job_judge(&f).deaths, 1);
    f.code = 1;     /* a program that catches what kills it */
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_AGAIN);
}

static void deaths_in_a_row_without_a_checkpoint_end_the_job(void)
{
    ht_job_facts f = job(139);
    f.deaths = 2;
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_REQUEUES);
    f.unfinished = false;       /* it never came to a checkpoint */
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_ENDS);
    CU_ASSERT_EQUAL(ht_job_judge(&f).code, 139);
}

static void a_checkpoint_forgives_earlier_deaths(void)
{
    ht_job_facts f = job(139);
    f.deaths = 2;
    f.progressed = true;
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_AGAIN);
    CU_ASSERT_EQUAL(ht_job_judge(&f).deaths, 1);
}

static void a_death_while_it_leaves_is_requeued_at_once(void)
{
    ht_job_facts f = job(137);
    f.asked = true;
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_REQUEUES);
}

static void a_start_that_dies_before_the_run_began_is_tried_again(void)
{
    ht_job_facts f = job(139);
    f.unfinished = f.began = false;
    f.brief = true;
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_AGAIN);
}

/* srun says 0 when it could not launch on a node that has the socket of a killed step of the same number. */
static void a_launcher_that_returns_0_without_a_run_is_tried_again_and_is_no_success(void)
{
    ht_job_facts f = job(0);
    f.began = false;
    f.brief = true;
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_AGAIN);
    CU_ASSERT_EQUAL(ht_job_judge(&f).misses, 1);
    f.unfinished = false;
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_AGAIN);
    f.misses = HT_JOB_MISSES_MAX - 1;
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_ENDS);
    CU_ASSERT_EQUAL(ht_job_judge(&f).code, 1);
    f.unfinished = true;
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_REQUEUES);
}

static void misses_are_no_deaths(void)
{
    ht_job_facts f = job(1);
    f.began = false;
    f.brief = true;
    f.deaths = 2;
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_AGAIN);
    CU_ASSERT_EQUAL(ht_job_judge(&f).deaths, 2);
}

static void wrong_usage_is_never_tried_again(void)
{
    ht_job_facts f = job(2);
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_ENDS);
    CU_ASSERT_EQUAL(ht_job_judge(&f).code, 2);
    f.code = 127;
    CU_ASSERT_EQUAL(ht_job_judge(&f).code, 127);
}

static void a_failed_program_without_a_run_fails_the_job(void)
{
    ht_job_facts f = job(1);
    f.unfinished = false;
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_ENDS);
    CU_ASSERT_EQUAL(ht_job_judge(&f).code, 1);
}

static void a_job_whose_time_is_over_is_requeued_if_there_is_a_checkpoint(void)
{
    ht_job_facts f = job(143);
    f.asked = f.time_up = true;
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_REQUEUES);
    f.unfinished = false;
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_ENDS);
    CU_ASSERT_EQUAL(ht_job_judge(&f).code, 143);
}

static void a_cancelled_job_is_not_requeued(void)
{
    ht_job_facts f = job(75);
    f.cancelled = true;
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_ENDS);
    CU_ASSERT_EQUAL(ht_job_judge(&f).code, 75);
}

static void a_job_that_slurm_takes_back_is_not_requeued_twice(void)
{
    ht_job_facts f = job(137);
    f.requeued = true;
    CU_ASSERT_EQUAL(ht_job_judge(&f).action, HT_JOB_ENDS);
    CU_ASSERT_EQUAL(ht_job_judge(&f).code, 75);
}

static void fewer_nodes_take_whole_replicas_beside_the_coordinator(void)
{
    CU_ASSERT_EQUAL(ht_job_tasks(9, 2, 2, 1), 9);
    CU_ASSERT_EQUAL(ht_job_tasks(9, 2, 1, 1), 5);
    CU_ASSERT_EQUAL(ht_job_tasks(9, 3, 2, 1), 6);
    CU_ASSERT_EQUAL(ht_job_tasks(9, 2, 1, 2), 5);
    CU_ASSERT_EQUAL(ht_job_tasks(9, 2, 1, 4), 5);
    CU_ASSERT_EQUAL(ht_job_tasks(13, 3, 1, 4), 5);
    CU_ASSERT_EQUAL(ht_job_tasks(13, 4, 1, 6), 1);      /* no room */
    CU_ASSERT_EQUAL(ht_job_tasks(1, 1, 1, 1), 1);
}

CASES("job_rules", CASE(a_finished_run_ends_the_job_well_whatever_the_launcher_said),
      CASE(a_run_that_left_is_requeued_and_only_so_often),
      CASE(a_program_that_leaves_with_0_is_requeued_too),
      CASE(without_a_scheduler_somebody_else_starts_it_again), CASE(a_death_is_followed_by_another_step),
      CASE(deaths_in_a_row_without_a_checkpoint_end_the_job), CASE(a_checkpoint_forgives_earlier_deaths),
      CASE(a_death_while_it_leaves_is_requeued_at_once),
      CASE(a_start_that_dies_before_the_run_began_is_tried_again),
      CASE(a_launcher_that_returns_0_without_a_run_is_tried_again_and_is_no_success), CASE(misses_are_no_deaths),
      CASE(wrong_usage_is_never_tried_again), CASE(a_failed_program_without_a_run_fails_the_job),
      CASE(a_job_whose_time_is_over_is_requeued_if_there_is_a_checkpoint),
      CASE(a_cancelled_job_is_not_requeued), CASE(a_job_that_slurm_takes_back_is_not_requeued_twice),
      CASE(fewer_nodes_take_whole_replicas_beside_the_coordinator))
