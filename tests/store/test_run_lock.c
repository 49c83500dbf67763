/* tests/store/test_run_lock.c - one run at a time in a directory, whatever happens to it. */
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cases.h"
#include "store/run_lock.h"
#include "folder.h"

static ht_run_lock *take(folder *f)
{
    ht_run_lock *l = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_run_lock_take(f->path, &l, NULL, NULL), HT_OK);
    return l;
}

static ht_run_sign look(folder *f)
{
    ht_run_sign s;
    CU_ASSERT_EQUAL(ht_run_lock_look(f->path, &s, NULL), HT_OK);
    return s;
}

static void a_second_run_is_refused_and_told_who_runs_and_what_to_do(void)
{
    folder f;
    ht_error err = {""};
    ht_run_lock *second = NULL;
    char pid[64];
    folder_make(&f);
    ht_run_lock *first = take(&f);
    CU_ASSERT_EQUAL(ht_run_lock_begin(first, 3, "host-1-2-r3", NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_run_lock_take(f.path, &second, NULL, &err), HT_EREFUSED);
    CU_ASSERT_PTR_NULL(second);
    snprintf(pid, sizeof pid, "is in use: process %ld on host ", (long)getpid());
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, pid));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "wait until it ends, or name another directory"));
    ht_run_sign s = look(&f);
    CU_ASSERT_EQUAL(s.life, HT_RUN_LIVES);
    CU_ASSERT_EQUAL(s.run, 3);
    CU_ASSERT_STRING_EQUAL(s.study_run, "host-1-2-r3");
    ht_run_lock_release(first);
    folder_remove(&f);
}

static void a_run_that_was_closed_ended_and_the_next_one_may_begin(void)
{
    folder f;
    ht_run_sign before;
    ht_run_lock *next = NULL;
    folder_make(&f);
    CU_ASSERT_EQUAL(look(&f).life, HT_RUN_NONE);
    ht_run_lock *l = take(&f);
    CU_ASSERT_EQUAL(ht_run_lock_begin(l, 1, "a", NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_run_lock_close(l, NULL), HT_OK);
    CU_ASSERT_EQUAL(look(&f).life, HT_RUN_ENDED);
    CU_ASSERT_EQUAL(ht_run_lock_beat(l, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_run_lock_take(f.path, &next, &before, NULL), HT_OK);
    CU_ASSERT_EQUAL(before.life, HT_RUN_ENDED);
    ht_run_lock_release(l);
    CU_ASSERT_EQUAL(look(&f).life, HT_RUN_LIVES);   /* the old handle let go of nothing */
    ht_run_lock_release(next);
    folder_remove(&f);
}

static void a_run_whose_process_was_killed_is_seen_as_killed_and_the_next_one_may_begin(void)
{
    folder f;
    ht_run_sign before;
    ht_run_lock *next = NULL;
    folder_make(&f);
    pid_t child = fork();
    if (child == 0) {
        ht_run_lock *l = NULL;
        if (ht_run_lock_take(f.path, &l, NULL, NULL) == HT_OK && ht_run_lock_begin(l, 7, "x", NULL) == HT_OK)
            kill(getpid(), SIGKILL);
        _exit(1);
    }
    int status = 0;
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT(WIFSIGNALED(status));
    CU_ASSERT_EQUAL(look(&f).life, HT_RUN_KILLED);
    CU_ASSERT_EQUAL(ht_run_lock_take(f.path, &next, &before, NULL), HT_OK);
    CU_ASSERT_EQUAL(before.life, HT_RUN_KILLED);
    CU_ASSERT_EQUAL(before.run, 7);
    CU_ASSERT_EQUAL(before.pid, child);
    ht_run_lock_release(next);
    folder_remove(&f);
}

static void a_start_that_was_given_up_leaves_what_was_there(void)
{
    folder f;
    folder_make(&f);
    ht_run_lock_release(take(&f));
    CU_ASSERT_EQUAL(folder_count(&f), 0);
    ht_run_lock *l = take(&f);
    CU_ASSERT_EQUAL(ht_run_lock_begin(l, 4, "a", NULL), HT_OK);
    ht_run_lock_release(l);         /* without a close */
    CU_ASSERT_EQUAL(look(&f).life, HT_RUN_KILLED);
    char *text = folder_read(&f, HT_FILE_LOCK);
    ht_run_lock_release(take(&f));
    folder_expect(&f, HT_FILE_LOCK, text);
    free(text);
    folder_remove(&f);
}

/* A record of another host, whose lock cannot be seen from here. */
static void write_foreign(folder *f, double age, bool closed)
{
    char text[256];
    snprintf(text, sizeof text,
             "{\"host\":\"no-such-host\",\"pid\":1,\"started\":1.5,\"seen\":%ld.5,\"silence_s\":100.0,"
             "\"closed\":%s,\"run\":\"r2\"}\n",
             (long)time(NULL) - (long)age, closed ? "true" : "false");
    folder_write(f, HT_FILE_LOCK, text);
}

static void a_run_on_another_host_lives_until_it_is_silent_for_too_long(void)
{
    folder f;
    ht_error err = {""};
    ht_run_lock *l = NULL;
    folder_make(&f);
    write_foreign(&f, 50, false);
    CU_ASSERT_EQUAL(look(&f).life, HT_RUN_LIVES);
    CU_ASSERT_EQUAL(ht_run_lock_take(f.path, &l, NULL, &err), HT_EREFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "process 1 on host no-such-host runs there since 1970-01-01 00:00:01 UTC"));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "start again when it has been silent for 100 s"));
    write_foreign(&f, 50, true);
    CU_ASSERT_EQUAL(look(&f).life, HT_RUN_ENDED);
    write_foreign(&f, 150, false);
    CU_ASSERT_EQUAL(look(&f).life, HT_RUN_KILLED);
    CU_ASSERT_EQUAL(ht_run_lock_take(f.path, &l, NULL, NULL), HT_OK);
    ht_run_lock_release(l);
    folder_remove(&f);
}

static void a_file_that_holds_no_record_is_no_run(void)
{
    static const char *const texts[] = {"", "\n", "{\"pid\":1", "[]", "{\"host\":3}"};
    folder f;
    folder_make(&f);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        folder_write(&f, HT_FILE_LOCK, texts[i]);
        CU_ASSERT_EQUAL(look(&f).life, HT_RUN_NONE);
        ht_run_lock_release(take(&f));
        folder_expect(&f, HT_FILE_LOCK, texts[i]);
    }
    folder_remove(&f);
}

/* ---- who takes over ----------------------------------------------------------------------------- */

static void be_in_slurm(const char *job, const char *restart, const char *step)
{
    setenv("SLURM_JOB_ID", job, 1);
    setenv("SLURM_RESTART_COUNT", restart, 1);
    setenv("SLURM_STEP_ID", step, 1);
    unsetenv("SLURM_HET_JOB_ID");
}

static void leave_slurm(void)
{
    unsetenv("SLURM_JOB_ID");
    unsetenv("SLURM_RESTART_COUNT");
    unsetenv("SLURM_STEP_ID");
}

static void a_later_restart_of_the_job_takes_over_though_the_lock_is_held_and_the_former_one_sees_it(void)
{
    folder f;
    ht_error err = {""};
    ht_run_sign before;
    ht_run_lock *second = NULL;
    folder_make(&f);
    be_in_slurm("41", "0", "2");
    ht_run_lock *first = take(&f);
    CU_ASSERT_EQUAL(ht_run_lock_begin(first, 3, "host-1-2-r3", NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_run_lock_take(f.path, &second, NULL, NULL), HT_EREFUSED);
    be_in_slurm("41", "1", "0");
    CU_ASSERT_EQUAL(ht_run_lock_check(f.path, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_run_lock_take(f.path, &second, &before, NULL), HT_OK);
    CU_ASSERT_EQUAL(before.life, HT_RUN_KILLED);
    CU_ASSERT(before.may_wake);
    CU_ASSERT_EQUAL(before.run, 3);
    CU_ASSERT_EQUAL(ht_run_lock_holds(second, NULL), HT_OK);
    CU_ASSERT_FALSE(ht_run_lock_is_lost(first));
    CU_ASSERT_EQUAL(ht_run_lock_holds(first, &err), HT_EFAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "another start of this run took over: process "));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, ", Slurm job 41, restart 1; "));
    CU_ASSERT(ht_run_lock_is_lost(first));
    CU_ASSERT_EQUAL(ht_run_lock_begin(second, 3, "host-1-2-r3", NULL), HT_OK);
    char *text = folder_read(&f, HT_FILE_LOCK);
    CU_ASSERT_EQUAL(ht_run_lock_beat(first, NULL), HT_EFAILED);
    CU_ASSERT_EQUAL(ht_run_lock_close(first, NULL), HT_EFAILED);
    ht_run_lock_release(first);
    folder_expect(&f, HT_FILE_LOCK, text);
    CU_ASSERT_EQUAL(look(&f).life, HT_RUN_LIVES);
    CU_ASSERT_EQUAL(folder_count(&f), 1);
    free(text);
    ht_run_lock_release(second);
    leave_slurm();
    folder_remove(&f);
}

static void an_earlier_or_another_start_does_not_take_over(void)
{
    folder f;
    ht_run_lock *l = NULL;
    folder_make(&f);
    be_in_slurm("41", "2", "2");
    ht_run_lock *first = take(&f);
    be_in_slurm("41", "1", "7");
    CU_ASSERT_EQUAL(ht_run_lock_take(f.path, &l, NULL, NULL), HT_EREFUSED);
    be_in_slurm("42", "3", "0");
    CU_ASSERT_EQUAL(ht_run_lock_take(f.path, &l, NULL, NULL), HT_EREFUSED);
    leave_slurm();
    CU_ASSERT_EQUAL(ht_run_lock_take(f.path, &l, NULL, NULL), HT_EREFUSED);
    CU_ASSERT_EQUAL(ht_run_lock_holds(first, NULL), HT_OK);
    ht_run_lock_release(first);
    folder_remove(&f);
}

static void who_takes_over_and_gives_up_leaves_the_record_but_the_former_one_is_no_owner(void)
{
    folder f;
    ht_run_lock *second = NULL;
    folder_make(&f);
    be_in_slurm("41", "0", "2");
    ht_run_lock *first = take(&f);
    CU_ASSERT_EQUAL(ht_run_lock_begin(first, 1, "a", NULL), HT_OK);
    char *text = folder_read(&f, HT_FILE_LOCK);
    be_in_slurm("41", "0", "3");
    CU_ASSERT_EQUAL_FATAL(ht_run_lock_take(f.path, &second, NULL, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_run_lock_holds(first, NULL), HT_EFAILED);
    ht_run_lock_release(second);
    folder_expect(&f, HT_FILE_LOCK, text);
    CU_ASSERT_EQUAL(ht_run_lock_holds(first, NULL), HT_EFAILED);
    free(text);
    ht_run_lock_release(first);
    leave_slurm();
    folder_remove(&f);
}

static void who_is_killed_while_it_takes_over_leaves_the_doubt_about_the_former_one(void)
{
    folder f;
    ht_run_sign before;
    ht_run_lock *l = NULL;
    folder_make(&f);
    for (int settles = 0; settles < 2; settles++) {
        write_foreign(&f, 150, false);      /* process 1 of another host may wake up */
        pid_t child = fork();
        if (child == 0) {
            if (ht_run_lock_take(f.path, &l, NULL, NULL) == HT_OK && ht_run_lock_begin(l, 2, "x", NULL) == HT_OK &&
                (!settles || ht_run_lock_settle(l, NULL) == HT_OK))
                kill(getpid(), SIGKILL);
            _exit(1);
        }
        CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
        CU_ASSERT_EQUAL_FATAL(ht_run_lock_take(f.path, &l, &before, NULL), HT_OK);
        CU_ASSERT_EQUAL(before.life, HT_RUN_KILLED);
        CU_ASSERT_EQUAL(before.may_wake, !settles);
        CU_ASSERT_EQUAL(before.former_pid, settles ? 0 : 1);
        ht_run_lock_release(l);
    }
    folder_remove(&f);
}

static void a_run_whose_end_was_seen_cannot_wake_up_and_one_that_is_only_silent_can(void)
{
    folder f;
    ht_run_sign before;
    ht_run_lock *l = NULL;
    folder_make(&f);
    write_foreign(&f, 150, false);
    CU_ASSERT_EQUAL_FATAL(ht_run_lock_take(f.path, &l, &before, NULL), HT_OK);
    CU_ASSERT(before.may_wake);
    ht_run_lock_release(l);
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
    char host[256], text[640];
    ht_host_name(host);
    snprintf(text, sizeof text, "{\"host\":\"%s\",\"pid\":%ld,\"started\":1.5,\"seen\":2.5,\"silence_s\":30.0,"
             "\"closed\":false,\"run\":\"r2\"}\n", host, (long)child);
    folder_write(&f, HT_FILE_LOCK, text);
    CU_ASSERT_EQUAL_FATAL(ht_run_lock_take(f.path, &l, &before, NULL), HT_OK);
    CU_ASSERT_EQUAL(before.life, HT_RUN_KILLED);
    CU_ASSERT_FALSE(before.may_wake);
    ht_run_lock_release(l);
    folder_remove(&f);
}

static void a_lock_that_was_removed_by_hand_is_still_ours(void)
{
    folder f;
    folder_make(&f);
    ht_run_lock *l = take(&f);
    const ht_run_owner owner = ht_run_lock_owner(l), nobody = {""};
    CU_ASSERT_EQUAL(ht_run_owner_check(f.path, &owner, NULL), HT_OK);
    unlink(folder_file(&f, HT_FILE_LOCK));
    CU_ASSERT_EQUAL(ht_run_lock_holds(l, NULL), HT_OK);
    folder_write(&f, HT_FILE_LOCK, "");             /* another one begins */
    CU_ASSERT_EQUAL(ht_run_lock_holds(l, NULL), HT_OK);
    write_foreign(&f, 1, false);
    CU_ASSERT_EQUAL(ht_run_owner_check(f.path, &owner, NULL), HT_EFAILED);
    CU_ASSERT_EQUAL(ht_run_owner_check(f.path, &nobody, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_run_lock_holds(l, NULL), HT_EFAILED);
    ht_run_lock_release(l);
    CU_ASSERT(ht_file_look(folder_file(&f, HT_FILE_LOCK)).exists);
    folder_remove(&f);
}

static void a_guarded_file_is_replaced_only_by_the_owner(void)
{
    folder f;
    folder_make(&f);
    ht_run_lock *l = take(&f);
    const ht_file_guard guard = ht_run_lock_guard(l), none = ht_run_lock_guard(NULL);
    folder_write(&f, "page", "old");
    CU_ASSERT_EQUAL(ht_file_replace_if(folder_file(&f, "page"), "new", 3, &guard, NULL), HT_OK);
    write_foreign(&f, 1, false);
    CU_ASSERT_EQUAL(ht_file_replace_if(folder_file(&f, "page"), "late", 4, &guard, NULL), HT_EFAILED);
    folder_expect(&f, "page", "new");
    CU_ASSERT_EQUAL(folder_count(&f), 2);           /* no temporary file stays */
    CU_ASSERT_EQUAL(ht_file_replace_if(folder_file(&f, "page"), "free", 4, &none, NULL), HT_OK);
    folder_expect(&f, "page", "free");
    ht_run_lock_release(l);
    folder_remove(&f);
}

CASES("run_lock", CASE(a_second_run_is_refused_and_told_who_runs_and_what_to_do),
      CASE(a_run_that_was_closed_ended_and_the_next_one_may_begin),
      CASE(a_run_whose_process_was_killed_is_seen_as_killed_and_the_next_one_may_begin),
      CASE(a_start_that_was_given_up_leaves_what_was_there),
      CASE(a_run_on_another_host_lives_until_it_is_silent_for_too_long),
      CASE(a_file_that_holds_no_record_is_no_run),
      CASE(a_later_restart_of_the_job_takes_over_though_the_lock_is_held_and_the_former_one_sees_it),
      CASE(an_earlier_or_another_start_does_not_take_over),
      CASE(who_takes_over_and_gives_up_leaves_the_record_but_the_former_one_is_no_owner),
      CASE(who_is_killed_while_it_takes_over_leaves_the_doubt_about_the_former_one),
      CASE(a_run_whose_end_was_seen_cannot_wake_up_and_one_that_is_only_silent_can),
      CASE(a_lock_that_was_removed_by_hand_is_still_ours), CASE(a_guarded_file_is_replaced_only_by_the_owner))
