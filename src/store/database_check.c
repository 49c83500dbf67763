/* src/store/database_check.c - whether a database in Optuna's format is whole; the contract is in
 * database_check.h.
 *
 * May touch: the database and the logs (reads only). */
#include "store/database_check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/text.h"
#include "store/record_read.h"
#include "store/run_dir.h"
#include "store/sweep_log.h"

enum { BUSY_MS = 2000 };

typedef struct {
    const ht_check_sink *sink;
    const char *name; /* of the file, for findings */
    size_t *damaged;
} report;

static void say(const report *r, ht_check_verdict verdict, const char *what)
{
    *r->damaged += verdict == HT_CHECK_DAMAGED;
    r->sink->say(r->sink->ctx, verdict, r->name, what);
}

/* ---- the pages -------------------------------------------------------------------------------------- */

/* SQLite knows whether its own pages are whole. @return what it answers, owned by `all`; NULL = none, *code
 * says why */
static const char *ask_sqlite(sqlite3 *db, sqlite3_stmt **all, int *code)
{
    *code = sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, all, NULL);
    if (*code == SQLITE_OK)
        *code = sqlite3_step(*all);
    return *code == SQLITE_ROW ? (const char *)sqlite3_column_text(*all, 0) : NULL;
}

/* A program died in a transaction; whoever writes the file next takes it back, but we only read. */
static bool has_hot_journal(const char *path)
{
    ht_string name = {0};
    ht_string_add(&name, "%s-journal", path);
    ht_file_stamp journal = ht_file_look(ht_string_peek(&name));
    ht_string_release(&name);
    return journal.exists && journal.size > 0;
}

ht_status ht_database_check(const char *path, const ht_check_sink *sink, size_t *damaged, ht_error *err)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *all = NULL;
    const char *answer = NULL, *slash = strrchr(path, '/');
    report r = {sink, slash != NULL ? slash + 1 : path, damaged};
    if (!ht_file_look(path).exists)
        return ht_fail(err, HT_ENOTFOUND, "there is no file '%s'", path);
    int code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(db, BUSY_MS);
        answer = ask_sqlite(db, &all, &code);
    }
    if (answer != NULL && strcmp(answer, "ok") == 0)
        say(&r, HT_CHECK_WHOLE, "SQLite finds no damage");
    else if (answer == NULL && (code == SQLITE_BUSY || code == SQLITE_LOCKED))
        say(&r, HT_CHECK_NOTE, "another program writes it: try again");
    else if (answer == NULL && has_hot_journal(path))
        say(&r, HT_CHECK_NOTE, "a transaction was not finished; who writes it next takes that back");
    else
        say(&r, HT_CHECK_DAMAGED, answer != NULL ? answer : "is no database that SQLite reads");
    sqlite3_finalize(all);
    sqlite3_close(db);
    return HT_OK;
}

/* ---- the trials against the logs -------------------------------------------------------------------- */

/* What a log says of a trial. */
typedef struct {
    char key[48]; /* as the attribute of the trial has it */
    double value, score;
} logged;

typedef struct {
    size_t n, room;
    logged *at;            /* [n], owned */
    const char *objective; /* of a run; borrowed */
    bool failed;
} logs;

static void add(logs *l, const logged *entry)
{
    if (l->n == l->room) {
        logged *at = realloc(l->at, (2 * l->room + 64) * sizeof *at);
        l->failed = l->failed || at == NULL;
        if (at == NULL)
            return;
        l->at = at;
        l->room = 2 * l->room + 64;
    }
    l->at[l->n++] = *entry;
}

static void take_trial(void *ctx, const cJSON *line)
{
    const char *status = ht_json_text(line, "status");
    logged entry = {.value = ht_json_number(line, "value", NAN), .score = NAN};
    snprintf(entry.key, sizeof entry.key, "%.0f", ht_json_number(line, "trial", -1));
    if (status != NULL && strcmp(status, "failed") != 0 && !isnan(entry.value))
        add(ctx, &entry);
}

/* A segment of an independent replica is a trial. */
static void take_segment(void *ctx, const cJSON *line)
{
    logs *l = ctx;
    ht_segment g;
    logged entry;
    if (!ht_segment_from_json(line, &g))
        return;
    const double *post = ht_readings_find(&g.post, l->objective);
    snprintf(entry.key, sizeof entry.key, "\"r%lu/m_%05lu\"", ht_line_run(line), g.mutation);
    entry.value = post != NULL ? *post : NAN;
    entry.score = g.has_score ? g.score : NAN;
    add(l, &entry);
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const logged *)a)->key, ((const logged *)b)->key);
}

static const logged *find(const logs *l, const char *key)
{
    logged wanted = {.value = 0};
    snprintf(wanted.key, sizeof wanted.key, "%.47s", key);
    return l->n > 0 ? bsearch(&wanted, l->at, l->n, sizeof wanted, by_key) : NULL;
}

/* Numbers are texts in attributes; SQLite would read them less exactly. */
static bool differs(double in_log, sqlite3_stmt *s, int column)
{
    int type = sqlite3_column_type(s, column);
    if (isnan(in_log) || type == SQLITE_NULL)
        return false;
    const char *text = type == SQLITE_TEXT ? (const char *)sqlite3_column_text(s, column) : NULL;
    return (text != NULL ? ht_read_real(text, NULL) : sqlite3_column_double(s, column)) != in_log;
}

static void compare_trials(const logs *l, sqlite3_stmt *s, const report *r)
{
    size_t n = 0;
    char first[48] = "", what[160];
    while (sqlite3_step(s) == SQLITE_ROW) {
        const char *key = (const char *)sqlite3_column_text(s, 0);
        const logged *entry = key != NULL ? find(l, key) : NULL;
        if (entry == NULL || (!differs(entry->value, s, 1) && !differs(entry->score, s, 2)))
            continue;
        if (n++ == 0)
            snprintf(first, sizeof first, "%s", entry->key);
    }
    snprintf(what, sizeof what, "%zu %s another value than in the log, the first is %s", n,
             n == 1 ? "trial has" : "trials have", first);
    if (n > 0)
        say(r, HT_CHECK_DAMAGED, what);
}

/* The objective of a run's study, owned by the caller; NULL: there is none. */
static char *objective_of(sqlite3 *db)
{
    sqlite3_stmt *s = NULL;
    cJSON *name = NULL;
    char *out = NULL;
    if (sqlite3_prepare_v2(db,
                           "SELECT value_json FROM study_user_attributes WHERE \"key\" = 'objective' LIMIT 1",
                           -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW && sqlite3_column_text(s, 0) != NULL &&
        ht_json_parse((const char *)sqlite3_column_text(s, 0), &name, NULL, NULL) == HT_OK &&
        cJSON_IsString(name))
        out = strdup(name->valuestring);
    cJSON_Delete(name);
    sqlite3_finalize(s);
    return out;
}

static ht_status compare(const char *dir, sqlite3 *db, const report *r, ht_error *err)
{
    static const char sql[] = "SELECT k.value_json, v.value, s.value_json FROM trial_user_attributes k "
                              "LEFT JOIN trial_values v ON v.trial_id = k.trial_id "
                              "LEFT JOIN trial_user_attributes s ON s.trial_id = k.trial_id AND s.\"key\" = "
                              "'score' WHERE k.\"key\" = ?1";
    char *objective = objective_of(db);
    logs l = {.objective = objective};
    ht_lines_account account;
    sqlite3_stmt *s = NULL;
    ht_status st = objective != NULL ? ht_run_dir_log(dir, HT_FILE_SEGMENTS, take_segment, &l, &account, err)
                                     : ht_run_dir_log(dir, HT_FILE_TRIALS, take_trial, &l, &account, err);
    if (st == HT_OK && l.failed)
        st = ht_fail(err, HT_ENOMEM, "out of memory");
    if (st == HT_OK && l.n > 0 && sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK) {
        qsort(l.at, l.n, sizeof *l.at, by_key);
        sqlite3_bind_text(s, 1, objective != NULL ? "hottune" : "trial", -1, SQLITE_STATIC);
        compare_trials(&l, s, r);
    }
    sqlite3_finalize(s);
    free(l.at);
    free(objective);
    return st;
}

ht_status ht_database_compare(const char *dir, const ht_check_sink *sink, size_t *damaged, ht_error *err)
{
    const report r = {sink, HT_FILE_OPTUNA, damaged};
    sqlite3 *db = NULL;
    ht_status st = HT_OK;
    char *path = ht_path_join(dir, HT_FILE_OPTUNA);
    if (path == NULL)
        return ht_fail(err, HT_ENOMEM, "out of memory");
    if (ht_file_look(path).exists && sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(db, BUSY_MS);
        st = compare(dir, db, &r, err);
    }
    sqlite3_close(db);
    free(path);
    return st;
}
