/* tests/store/test_run_lock.c - one run at a time in a directory, whatever happens to it. */
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

CASES("run_lock", CASE(a_second_run_is_refused_and_told_who_runs_and_what_to_do),
      CASE(a_run_that_was_closed_ended_and_the_next_one_may_begin),
      CASE(a_run_whose_process_was_killed_is_seen_as_killed_and_the_next_one_may_begin),
      CASE(a_start_that_was_given_up_leaves_what_was_there),
      CASE(a_run_on_another_host_lives_until_it_is_silent_for_too_long),
      CASE(a_file_that_holds_no_record_is_no_run))
