/* tests/store/test_run_check.c - files of a run directory that a killed program left in between. */
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "folder.h"
#include "store/run_check.h"

typedef struct {
    int damaged, notes;
    char last[256];
} findings;

static void note(void *ctx, ht_check_verdict verdict, const char *object, const char *what)
{
    findings *f = ctx;
    (void)object;
    f->damaged += verdict == HT_CHECK_DAMAGED;
    f->notes += verdict == HT_CHECK_NOTE;
    snprintf(f->last, sizeof f->last, "%s", what);
}

/* A program that dies in a transaction which has grown out of its cache: a hot journal stays. */
static void die_in_a_transaction(const char *path)
{
    pid_t child = fork();
    if (child == 0) {
        sqlite3 *db = NULL;
        sqlite3_open(path, &db);
        sqlite3_exec(db, "CREATE TABLE t (x); INSERT INTO t VALUES (1)", NULL, NULL, NULL);
        sqlite3_exec(db, "PRAGMA cache_size = 1; BEGIN", NULL, NULL, NULL);
        sqlite3_exec(db, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
                         "INSERT INTO t SELECT hex(randomblob(50)) FROM n", NULL, NULL, NULL);
        kill(getpid(), SIGKILL);
    }
    waitpid(child, NULL, 0);
}

static void a_transaction_that_was_not_finished_is_no_damage(void)
{
    folder dir;
    findings f = {0};
    ht_check_sink sink = {.say = note, .ctx = &f};
    folder_make(&dir);
    const char *path = folder_file(&dir, "x.sqlite");
    die_in_a_transaction(path);
    CU_ASSERT_EQUAL(ht_run_check_file(path, false, &sink, NULL), HT_OK);
    CU_ASSERT_EQUAL(f.damaged, 0);
    CU_ASSERT_EQUAL(f.notes, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.last, "transaction"));
    folder_remove(&dir);
}

static void a_file_that_is_no_database_is_damaged(void)
{
    folder dir;
    findings f = {0};
    ht_check_sink sink = {.say = note, .ctx = &f};
    folder_make(&dir);
    folder_write(&dir, "x.sqlite", "this is no database, and long enough to be looked at as one by whoever opens it\n");
    CU_ASSERT_NOT_EQUAL(ht_run_check_file(folder_file(&dir, "x.sqlite"), false, &sink, NULL), HT_OK);
    CU_ASSERT_EQUAL(f.damaged, 1);
    folder_remove(&dir);
}

CASES("run_check", CASE(a_transaction_that_was_not_finished_is_no_damage), CASE(a_file_that_is_no_database_is_damaged))
