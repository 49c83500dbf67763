/* src/store/optuna.c - Optuna's tables in SQLite; the contract is in optuna.h.
 *
 * Every statement is in one table, is prepared when first used and kept. A transaction is begun by the first
 * change and ended by ht_optuna_commit. May touch: the file, the heap, the time zone (Optuna writes local time). */
#include "store/optuna.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

#include "base/text.h"
#include "store/optuna_schema.h"

enum { BUSY_MS = 200 };

/* Every statement, with what is bound to ?1, ?2, .. */
#define STATEMENTS(X)                                                                                                  \
    X(COUNT_TABLES, "SELECT count(*) FROM sqlite_master")                                                              \
    X(GET_VERSION, "SELECT schema_version, (SELECT version_num FROM alembic_version) FROM version_info")               \
    X(GET_STUDY, "SELECT study_id FROM studies WHERE study_name = ?1")                                                 \
    X(ADD_STUDY, "INSERT INTO studies (study_name) VALUES (?1)")                                                       \
    X(ADD_DIRECTION, "INSERT INTO study_directions (direction, study_id, objective) VALUES (?1, ?2, 0)")               \
    X(GET_DIRECTION, "SELECT count(*), max(direction) FROM study_directions WHERE study_id = ?1")                      \
    X(ADD_TRIAL, "INSERT INTO trials (number, study_id, state, datetime_start) VALUES "                                \
                 "(coalesce((SELECT number + 1 FROM trials WHERE study_id = ?1 ORDER BY trial_id DESC LIMIT 1), 0), "  \
                 "?1, 'RUNNING', ?2)")                                                                                 \
    X(ABANDON, "UPDATE trials SET state = 'FAIL', datetime_complete = ?2 WHERE study_id = ?1 AND state = 'RUNNING'")   \
    X(FIND, "SELECT t.trial_id FROM trials t JOIN trial_user_attributes a ON a.trial_id = t.trial_id "                 \
            "WHERE t.study_id = ?1 AND a.\"key\" = ?2 AND a.value_json = ?3")                                          \
    X(EACH, "SELECT t.trial_id, t.state = 'RUNNING', a.value_json FROM trials t JOIN trial_user_attributes a "        \
            "ON a.trial_id = t.trial_id WHERE t.study_id = ?1 AND a.\"key\" = ?2 ORDER BY t.trial_id")                 \
    X(COUNT_JUDGED, "SELECT count(*) FROM trials t JOIN trial_user_attributes a ON a.trial_id = t.trial_id "           \
                    "WHERE t.study_id = ?1 AND a.\"key\" = ?2 AND t.state IN ('COMPLETE', 'PRUNED')")                  \
    X(GET_RANGE, "SELECT p.distribution_json FROM trials t JOIN trial_params p ON p.trial_id = t.trial_id "            \
                 "WHERE t.study_id = ?1 AND p.param_name = ?2 ORDER BY t.trial_id LIMIT 1")                            \
    X(SET_RANGE, "UPDATE trial_params SET distribution_json = ?3 WHERE param_name = ?2 AND trial_id IN "               \
                 "(SELECT trial_id FROM trials WHERE study_id = ?1)")                                                  \
    X(SET_PARAM, "INSERT OR REPLACE INTO trial_params (trial_id, param_name, param_value, distribution_json) "         \
                 "VALUES (?1, ?2, ?3, ?4)")                                                                            \
    X(SET_STEP, "INSERT OR REPLACE INTO trial_intermediate_values (trial_id, step, intermediate_value, "               \
                "intermediate_value_type) VALUES (?1, ?2, ?3, ?4)")                                                    \
    X(SET_VALUE, "INSERT OR REPLACE INTO trial_values (trial_id, objective, value, value_type) "                       \
                 "VALUES (?1, 0, ?2, ?3)")                                                                             \
    X(SET_ATTRIBUTE, "INSERT OR REPLACE INTO trial_user_attributes (trial_id, \"key\", value_json) "                   \
                     "VALUES (?1, ?2, ?3)")                                                                            \
    X(SET_STUDY_ATTRIBUTE, "INSERT OR REPLACE INTO study_user_attributes (study_id, \"key\", value_json) "             \
                           "VALUES (?1, ?2, ?3)")                                                                      \
    X(END_TRIAL, "UPDATE trials SET state = ?2, datetime_complete = ?3 WHERE trial_id = ?1")
#define STATEMENT_NAME(name, sql) name,
#define STATEMENT_TEXT(name, sql) sql,
typedef enum { STATEMENTS(STATEMENT_NAME) N_STATEMENTS } statement;
static const char *const statement_texts[] = {STATEMENTS(STATEMENT_TEXT)};

struct ht_optuna {
    sqlite3 *db;
    sqlite3_stmt *prepared[N_STATEMENTS];   /* NULL = not used yet */
    char *path;
    long long study;
};

/* ---- statements ----------------------------------------------------------------------------- */

static ht_status refused(const ht_optuna *o, const char *doing, ht_error *err)
{
    int code = sqlite3_errcode(o->db) & 0xff;
    ht_status st = code == SQLITE_NOMEM                              ? HT_ENOMEM
                   : code == SQLITE_NOTADB || code == SQLITE_CORRUPT ? HT_EFORMAT
                                                                     : HT_EIO;
    return ht_fail(err, st, "'%s': %s: %s", o->path, doing, sqlite3_errmsg(o->db));
}

/* Another program holds the file. */
static bool is_busy(const ht_optuna *o)
{
    int code = sqlite3_errcode(o->db) & 0xff;
    return code == SQLITE_BUSY || code == SQLITE_LOCKED;
}

static ht_status execute(ht_optuna *o, const char *sql, const char *doing, ht_error *err)
{
    return sqlite3_exec(o->db, sql, NULL, NULL, NULL) == SQLITE_OK ? HT_OK : refused(o, doing, err);
}

/* A statement ready to be bound and run; NULL: SQLite refused. */
static sqlite3_stmt *ready(ht_optuna *o, statement which)
{
    sqlite3_stmt **s = &o->prepared[which];
    if (*s == NULL && sqlite3_prepare_v2(o->db, statement_texts[which], -1, s, NULL) != SQLITE_OK)
        return NULL;
    sqlite3_reset(*s);
    sqlite3_clear_bindings(*s);
    return *s;
}

/* Bind by the letters of `kinds`: i a long long, t a text, r a double (NaN = NULL). */
static bool bind(sqlite3_stmt *s, const char *kinds, va_list args)
{
    int code = SQLITE_OK;
    for (int i = 1; kinds[i - 1] != '\0' && code == SQLITE_OK; i++) {
        if (kinds[i - 1] == 'i')
            code = sqlite3_bind_int64(s, i, va_arg(args, long long));
        else if (kinds[i - 1] == 'r')
            code = sqlite3_bind_double(s, i, va_arg(args, double));
        else
            code = sqlite3_bind_text(s, i, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
    }
    return code == SQLITE_OK;
}

/* Run a statement that changes something; begins the transaction. */
static ht_status change(ht_optuna *o, ht_error *err, statement which, const char *kinds, ...)
{
    if (sqlite3_get_autocommit(o->db) != 0)
        HT_TRY(execute(o, "BEGIN IMMEDIATE", "cannot be changed", err));
    sqlite3_stmt *s = ready(o, which);
    va_list args;
    va_start(args, kinds);
    bool fine = s != NULL && bind(s, kinds, args) && sqlite3_step(s) == SQLITE_DONE;
    va_end(args);
    ht_status st = fine ? HT_OK : refused(o, "cannot be changed", err);
    if (s != NULL)
        sqlite3_reset(s);
    return st;
}

/* The first row of a query; *s stays on it until it is reset. HT_ENOTFOUND without a message: there is none. */
static ht_status look_up(ht_optuna *o, ht_error *err, sqlite3_stmt **s, statement which, const char *kinds, ...)
{
    *s = ready(o, which);
    va_list args;
    va_start(args, kinds);
    int code = *s != NULL && bind(*s, kinds, args) ? sqlite3_step(*s) : SQLITE_ERROR;
    va_end(args);
    if (code == SQLITE_ROW)
        return HT_OK;
    ht_status st = code == SQLITE_DONE ? HT_ENOTFOUND : refused(o, "cannot be read", err);
    sqlite3_reset(*s);
    return st;
}

ht_status ht_optuna_commit(ht_optuna *o, ht_error *err)
{
    return sqlite3_get_autocommit(o->db) != 0 ? HT_OK : execute(o, "COMMIT", "cannot be written", err);
}

void ht_optuna_roll_back(ht_optuna *o)
{
    if (sqlite3_get_autocommit(o->db) == 0)
        sqlite3_exec(o->db, "ROLLBACK", NULL, NULL, NULL);
}

/* ---- opening -------------------------------------------------------------------------------- */

static ht_status check_version(ht_optuna *o, ht_error *err)
{
    sqlite3_stmt *s;
    ht_error why = {""};
    ht_status found = look_up(o, &why, &s, GET_VERSION, "");
    if (found != HT_OK && is_busy(o))
        return ht_fail(err, found, "%s", why.text);
    if (found != HT_OK)
        return ht_fail(err, HT_EFORMAT, "'%s' is a database, but no study of Optuna", o->path);
    int version = sqlite3_column_int(s, 0);
    const char *text = (const char *)sqlite3_column_text(s, 1);
    bool fits = version == HT_OPTUNA_SCHEMA_VERSION && text != NULL && strcmp(text, HT_OPTUNA_REVISION) == 0;
    ht_status st = fits ? HT_OK
                        : ht_fail(err, HT_EFORMAT,
                                  "'%s' is of Optuna's schema %d, revision '%s', we write schema %d, revision '%s': "
                                  "upgrade it with 'optuna storage upgrade', or move it away",
                                  o->path, version, text != NULL ? text : "", HT_OPTUNA_SCHEMA_VERSION, HT_OPTUNA_REVISION);
    sqlite3_reset(s);
    return st;
}

/* A new file gets its tables; one that is there must have them. */
static ht_status make_tables(ht_optuna *o, ht_error *err)
{
    sqlite3_stmt *s;
    HT_TRY(look_up(o, err, &s, COUNT_TABLES, ""));
    bool fresh = sqlite3_column_int(s, 0) == 0;
    sqlite3_reset(s);
    if (!fresh)
        return check_version(o, err);
    HT_TRY(execute(o, "BEGIN IMMEDIATE", "cannot be changed", err));
    return execute(o, HT_OPTUNA_SCHEMA, "cannot get its tables", err);
}

static ht_status check_direction(ht_optuna *o, const char *name, const char *direction, ht_error *err)
{
    sqlite3_stmt *s;
    ht_status st = look_up(o, err, &s, GET_DIRECTION, "i", o->study);
    if (st != HT_OK)
        return st;
    const char *theirs = (const char *)sqlite3_column_text(s, 1);
    int objectives = sqlite3_column_int(s, 0);
    if (objectives != 1)
        st = ht_fail(err, HT_EREFUSED, "'%s': study '%s' has %d objectives; we have one", o->path, name, objectives);
    else if (theirs == NULL || strcmp(theirs, direction) != 0)
        st = ht_fail(err, HT_EREFUSED, "'%s': study '%s' has the direction %s, not %s", o->path, name,
                     theirs != NULL ? theirs : "?", direction);
    sqlite3_reset(s);
    return st;
}

static ht_status open_study(ht_optuna *o, const char *name, const char *direction, ht_error *err)
{
    sqlite3_stmt *s;
    ht_status st = look_up(o, err, &s, GET_STUDY, "t", name);
    if (st == HT_OK) {
        o->study = sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
        return check_direction(o, name, direction, err);
    }
    if (st != HT_ENOTFOUND)
        return st;
    HT_TRY(change(o, err, ADD_STUDY, "t", name));
    o->study = sqlite3_last_insert_rowid(o->db);
    return change(o, err, ADD_DIRECTION, "ti", direction, o->study);
}

ht_status ht_optuna_open(const char *path, const char *name, bool maximize, ht_optuna **out, ht_error *err)
{
    ht_optuna *o = calloc(1, sizeof *o);
    ht_status st = HT_OK;
    if (o == NULL || (o->path = malloc(strlen(path) + 1)) == NULL) {
        st = ht_fail(err, HT_ENOMEM, "no memory to open '%s'", path);
        goto done;
    }
    strcpy(o->path, path);
    if (sqlite3_open_v2(path, &o->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK) {
        st = o->db != NULL ? refused(o, "cannot be opened", err) : ht_fail(err, HT_ENOMEM, "no memory for '%s'", path);
        goto done;
    }
    sqlite3_busy_timeout(o->db, BUSY_MS);
    st = make_tables(o, err);
    if (st == HT_OK)
        st = open_study(o, name, maximize ? "MAXIMIZE" : "MINIMIZE", err);
    if (st == HT_OK)
        st = ht_optuna_commit(o, err);
    if (st != HT_OK)
        goto done;
    *out = o;
    o = NULL;
done:
    ht_optuna_close(o);
    return st;
}

void ht_optuna_close(ht_optuna *o)
{
    if (o == NULL)
        return;
    for (int i = 0; i < N_STATEMENTS; i++)
        sqlite3_finalize(o->prepared[i]);
    sqlite3_close(o->db);
    free(o->path);
    free(o);
}

/* ---- distributions and values --------------------------------------------------------------- */

static cJSON *number(const ht_optuna_distribution *d, double x)
{
    return d->kind == HT_OPTUNA_INT ? ht_json_int(x) : ht_json_real(x);
}

static cJSON *choice(const ht_scalar *c)
{
    return c->kind == HT_VALUE_BOOL   ? cJSON_CreateBool(c->number != 0)
           : c->kind == HT_VALUE_INT  ? ht_json_int(c->number)
           : c->kind == HT_VALUE_REAL ? ht_json_real(c->number)
           : c->kind == HT_VALUE_TEXT ? cJSON_CreateString(c->text)
                                      : cJSON_CreateNull();
}

/* {"name": .., "attributes": {..}}, owned by the caller (free); NULL: no memory. */
static char *distribution_text(const ht_optuna_distribution *d)
{
    static const char *const names[] = {"FloatDistribution", "IntDistribution", "CategoricalDistribution"};
    cJSON *whole = cJSON_CreateObject(), *attributes = cJSON_CreateObject();
    ht_json_put_text(whole, "name", names[d->kind]);
    if (d->kind == HT_OPTUNA_CATEGORY) {
        cJSON *choices = cJSON_CreateArray();
        for (size_t i = 0; i < d->n_choices; i++)
            cJSON_AddItemToArray(choices, choice(&d->choices[i]));
        ht_json_put(attributes, "choices", choices);
    } else {
        ht_json_put_bool(attributes, "log", d->log);
        ht_json_put(attributes, "step", d->step > 0 ? number(d, d->step) : cJSON_CreateNull());
        ht_json_put(attributes, "low", number(d, d->low));
        ht_json_put(attributes, "high", number(d, d->high));
    }
    ht_json_put(whole, "attributes", attributes);
    char *text = ht_json_line(whole);
    cJSON_Delete(whole);
    return text;
}

/* FINITE, INF_POS, INF_NEG or NAN; only a finite value is written beside it. */
static const char *type_of(double value)
{
    return isnan(value) ? "NAN" : !isinf(value) ? "FINITE" : value > 0 ? "INF_POS" : "INF_NEG";
}

/* Optuna's way to write a time: local, with microseconds. */
static void print_time(char text[40], double now)
{
    struct tm t;
    time_t seconds = (time_t)floor(now);
    char day[24];
    localtime_r(&seconds, &t);
    strftime(day, sizeof day, "%Y-%m-%d %H:%M:%S", &t);
    snprintf(text, 40, "%s.%06d", day, (int)((now - floor(now)) * 1e6));
}

static double limit_of(const cJSON *attributes, const char *name)
{
    return ht_json_number(attributes, name, NAN);
}

ht_status ht_optuna_range(ht_optuna *o, const char *param, ht_optuna_distribution *out, ht_error *err)
{
    sqlite3_stmt *s;
    cJSON *whole = NULL;
    ht_status st = look_up(o, err, &s, GET_RANGE, "it", o->study, param);
    if (st != HT_OK)
        return st == HT_ENOTFOUND ? ht_fail(err, st, "'%s': no trial has '%s'", o->path, param) : st;
    const char *text = (const char *)sqlite3_column_text(s, 0);
    bool parsed = text != NULL && ht_json_parse(text, &whole, NULL, NULL) == HT_OK;
    sqlite3_reset(s);
    const cJSON *attributes = ht_json_member(whole, "attributes");
    const char *name = ht_json_text(whole, "name");
    *out = (ht_optuna_distribution){.name = param, .kind = HT_OPTUNA_FLOAT, .low = limit_of(attributes, "low"),
                                    .high = limit_of(attributes, "high"), .log = ht_json_true(attributes, "log")};
    bool fits = parsed && name != NULL && strcmp(name, "FloatDistribution") == 0 && out->low <= out->high &&
                !(out->log && out->low <= 0);
    cJSON_Delete(whole);
    return fits ? HT_OK : ht_fail(err, HT_EREFUSED, "'%s': '%s' is no continuous parameter there", o->path, param);
}

ht_status ht_optuna_spread(ht_optuna *o, const ht_optuna_distribution *d, ht_error *err)
{
    char *text = distribution_text(d);
    if (text == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the distribution of '%s'", d->name);
    ht_status st = change(o, err, SET_RANGE, "itt", o->study, d->name, text);
    free(text);
    return st;
}

/* ---- trials --------------------------------------------------------------------------------- */

ht_status ht_optuna_abandon(ht_optuna *o, double now, size_t *n, ht_error *err)
{
    char when[40];
    print_time(when, now);
    HT_TRY(change(o, err, ABANDON, "it", o->study, when));
    *n = (size_t)sqlite3_changes(o->db);
    return HT_OK;
}

ht_status ht_optuna_find(ht_optuna *o, const char *key, const cJSON *value, long long *trial, ht_error *err)
{
    sqlite3_stmt *s;
    char *text = ht_json_line(value);
    if (text == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory to look for '%s'", key);
    ht_status st = look_up(o, err, &s, FIND, "itt", o->study, key, text);
    if (st == HT_OK) {
        *trial = sqlite3_column_int64(s, 0);
        sqlite3_reset(s);
    } else if (st == HT_ENOTFOUND) {
        ht_fail(err, st, "'%s': no trial has the attribute '%s' with %s", o->path, key, text);
    }
    free(text);
    return st;
}

ht_status ht_optuna_each(ht_optuna *o, const char *key, ht_status (*visit)(void *ctx, const ht_optuna_trial *t), void *ctx,
                         ht_error *err)
{
    sqlite3_stmt *s;
    ht_status st = look_up(o, err, &s, EACH, "it", o->study, key);
    int code = SQLITE_ROW;
    while (st == HT_OK && code == SQLITE_ROW) {
        const ht_optuna_trial t = {sqlite3_column_int64(s, 0), sqlite3_column_int(s, 1) != 0,
                                   (const char *)sqlite3_column_text(s, 2)};
        st = t.value != NULL ? visit(ctx, &t) : HT_OK;
        code = sqlite3_step(s);
    }
    if (st == HT_ENOTFOUND)
        return HT_OK;       /* there are none */
    if (st == HT_OK && code != SQLITE_DONE)
        st = refused(o, "cannot be read", err);
    sqlite3_reset(s);
    return st;
}

ht_status ht_optuna_count_judged(ht_optuna *o, const char *key, size_t *n, ht_error *err)
{
    sqlite3_stmt *s;
    HT_TRY(look_up(o, err, &s, COUNT_JUDGED, "it", o->study, key));
    *n = (size_t)sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return HT_OK;
}

ht_status ht_optuna_begin(ht_optuna *o, double now, long long *trial, ht_error *err)
{
    char when[40];
    print_time(when, now);
    HT_TRY(change(o, err, ADD_TRIAL, "it", o->study, when));
    *trial = sqlite3_last_insert_rowid(o->db);
    return HT_OK;
}

ht_status ht_optuna_param(ht_optuna *o, long long trial, const ht_optuna_distribution *d, double value, ht_error *err)
{
    char *text = distribution_text(d);
    if (text == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the distribution of '%s'", d->name);
    ht_status st = change(o, err, SET_PARAM, "itrt", trial, d->name, value, text);
    free(text);
    return st;
}

ht_status ht_optuna_intermediate(ht_optuna *o, long long trial, long long step, double value, ht_error *err)
{
    return change(o, err, SET_STEP, "iirt", trial, step, isfinite(value) ? value : NAN, type_of(value));
}

static ht_status set_attribute(ht_optuna *o, statement which, long long owner, const char *key, const cJSON *value,
                               ht_error *err)
{
    char *text = ht_json_line(value);
    if (text == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the attribute '%s'", key);
    ht_status st = change(o, err, which, "itt", owner, key, text);
    free(text);
    return st;
}

ht_status ht_optuna_attribute(ht_optuna *o, long long trial, const char *key, const cJSON *value, ht_error *err)
{
    return set_attribute(o, SET_ATTRIBUTE, trial, key, value, err);
}

ht_status ht_optuna_study_attribute(ht_optuna *o, const char *key, const cJSON *value, ht_error *err)
{
    return set_attribute(o, SET_STUDY_ATTRIBUTE, o->study, key, value, err);
}

ht_status ht_optuna_finish(ht_optuna *o, long long trial, double now, ht_optuna_state state, double value,
                           ht_error *err)
{
    static const char *const states[] = {"COMPLETE", "PRUNED", "FAIL"};
    char when[40];
    if (state == HT_OPTUNA_COMPLETE && isnan(value))
        return ht_fail(err, HT_EINVAL, "a trial without a value cannot be complete");
    print_time(when, now);
    if (!isnan(value))
        HT_TRY(change(o, err, SET_VALUE, "irt", trial, isfinite(value) ? value : NAN, type_of(value)));
    return change(o, err, END_TRIAL, "itt", trial, states[state], when);
}
