/* tests/cli/test_job_watch.c - when the step of a batch job is to be ended (src/cli/job_watch.h). */
#include <sys/stat.h>

#include "../store/folder.h"
#include "cases.h"
#include "cli/job_watch.h"
#include "store/run_lock.h"

static ht_run_lock *begin(folder *f)
{
    ht_run_lock *l = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_run_lock_take(f->path, &l, NULL, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_run_lock_begin(l, 1, "r1", NULL), HT_OK);
    return l;
}

static void with_a_checkpoint(folder *f)
{
    mkdir(folder_file(f, "checkpoint"), 0700);
    folder_write(f, "checkpoint/commit.json", "{}");
}

/* Looks until there is a reason. */
static int looks_until(ht_job_watch *w, const char **why)
{
    int n = 0;
    do
        *why = ht_job_watch_look(w);
    while (++n < 1000 && *why == NULL);
    return n;
}

static void a_run_that_is_over_is_waited_for_as_long_as_was_said(void)
{
    folder f;
    const char *why;
    folder_make(&f);
    ht_job_watch w = ht_job_watch_begin(f.path, 3);
    ht_run_lock *l = begin(&f);
    CU_ASSERT_PTR_NULL(ht_job_watch_look(&w));
    CU_ASSERT_EQUAL(ht_run_lock_close(l, NULL), HT_OK);
    CU_ASSERT_EQUAL(looks_until(&w, &why), 4);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "is over"));
    ht_run_lock_release(l);
    folder_remove(&f);
}

static void a_run_that_was_over_before_is_not_this_steps(void)
{
    folder f;
    const char *why;
    folder_make(&f);
    ht_run_lock *l = begin(&f);
    CU_ASSERT_EQUAL(ht_run_lock_close(l, NULL), HT_OK);
    ht_run_lock_release(l);
    ht_job_watch w = ht_job_watch_begin(f.path, 3);
    CU_ASSERT_EQUAL(looks_until(&w, &why), 1000);
    CU_ASSERT_PTR_NULL(why);
    folder_remove(&f);
}

static void a_run_without_a_sign_of_life_is_silent_after_two_minutes_of_looks(void)
{
    folder f;
    const char *why;
    folder_make(&f);
    ht_job_watch w = ht_job_watch_begin(f.path, 3);
    ht_run_lock *l = begin(&f);
    with_a_checkpoint(&f);
    int n = looks_until(&w, &why);
    CU_ASSERT_TRUE(n >= 120 && n < 125);
    CU_ASSERT_PTR_NOT_NULL_FATAL(why);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "no sign of life"));
    ht_run_lock_release(l);
    folder_remove(&f);
}

static void a_silent_run_without_a_checkpoint_or_of_another_step_is_let_be(void)
{
    folder f;
    const char *why;
    folder_make(&f);
    ht_job_watch w = ht_job_watch_begin(f.path, 3);
    ht_run_lock *l = begin(&f);
    CU_ASSERT_EQUAL(looks_until(&w, &why), 1000);
    with_a_checkpoint(&f);
    w = ht_job_watch_begin(f.path, 3);
    CU_ASSERT_EQUAL(looks_until(&w, &why), 1000);
    ht_run_lock_release(l);
    folder_remove(&f);
}

CASES("job_watch", CASE(a_run_that_is_over_is_waited_for_as_long_as_was_said),
      CASE(a_run_that_was_over_before_is_not_this_steps),
      CASE(a_run_without_a_sign_of_life_is_silent_after_two_minutes_of_looks),
      CASE(a_silent_run_without_a_checkpoint_or_of_another_step_is_let_be))
