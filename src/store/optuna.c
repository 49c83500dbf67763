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

enum { SCHEMA_VERSION = 12, BUSY_MS = 200 };
#define LIBRARY_VERSION "5.0.0"
#define REVISION "v3.2.0.a"

/* As SQLAlchemy makes them for Optuna. */
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS studies (study_id INTEGER NOT NULL, study_name VARCHAR(512) NOT NULL,"
    " PRIMARY KEY (study_id));"
    "CREATE UNIQUE INDEX IF NOT EXISTS ix_studies_study_name ON studies (study_name);"
    "CREATE TABLE IF NOT EXISTS version_info (version_info_id INTEGER NOT NULL, schema_version INTEGER,"
    " library_version VARCHAR(256), PRIMARY KEY (version_info_id), CHECK (version_info_id = 1));"
    "CREATE TABLE IF NOT EXISTS study_directions (study_direction_id INTEGER NOT NULL, direction VARCHAR(8) NOT NULL,"
    " study_id INTEGER NOT NULL, objective INTEGER NOT NULL, PRIMARY KEY (study_direction_id),"
    " UNIQUE (study_id, objective), FOREIGN KEY(study_id) REFERENCES studies (study_id));"
    "CREATE TABLE IF NOT EXISTS study_user_attributes (study_user_attribute_id INTEGER NOT NULL, study_id INTEGER,"
    " \"key\" VARCHAR(512), value_json TEXT, PRIMARY KEY (study_user_attribute_id), UNIQUE (study_id, \"key\"),"
    " FOREIGN KEY(study_id) REFERENCES studies (study_id));"
    "CREATE TABLE IF NOT EXISTS study_system_attributes (study_system_attribute_id INTEGER NOT NULL,"
    " study_id INTEGER, \"key\" VARCHAR(512), value_json TEXT, PRIMARY KEY (study_system_attribute_id),"
    " UNIQUE (study_id, \"key\"), FOREIGN KEY(study_id) REFERENCES studies (study_id));"
    "CREATE TABLE IF NOT EXISTS trials (trial_id INTEGER NOT NULL, number INTEGER, study_id INTEGER,"
    " state VARCHAR(8) NOT NULL, datetime_start DATETIME, datetime_complete DATETIME, PRIMARY KEY (trial_id),"
    " FOREIGN KEY(study_id) REFERENCES studies (study_id));"
    "CREATE INDEX IF NOT EXISTS trials_study_id_key ON trials (study_id);"
    "CREATE TABLE IF NOT EXISTS trial_user_attributes (trial_user_attribute_id INTEGER NOT NULL, trial_id INTEGER,"
    " \"key\" VARCHAR(512), value_json TEXT, PRIMARY KEY (trial_user_attribute_id), UNIQUE (trial_id, \"key\"),"
    " FOREIGN KEY(trial_id) REFERENCES trials (trial_id));"
    "CREATE TABLE IF NOT EXISTS trial_system_attributes (trial_system_attribute_id INTEGER NOT NULL,"
    " trial_id INTEGER, \"key\" VARCHAR(512), value_json TEXT, PRIMARY KEY (trial_system_attribute_id),"
    " UNIQUE (trial_id, \"key\"), FOREIGN KEY(trial_id) REFERENCES trials (trial_id));"
    "CREATE TABLE IF NOT EXISTS trial_params (param_id INTEGER NOT NULL, trial_id INTEGER, param_name VARCHAR(512),"
    " param_value FLOAT, distribution_json TEXT, PRIMARY KEY (param_id), UNIQUE (trial_id, param_name),"
    " FOREIGN KEY(trial_id) REFERENCES trials (trial_id));"
    "CREATE TABLE IF NOT EXISTS trial_values (trial_value_id INTEGER NOT NULL, trial_id INTEGER NOT NULL,"
    " objective INTEGER NOT NULL, value FLOAT, value_type VARCHAR(7) NOT NULL, PRIMARY KEY (trial_value_id),"
    " UNIQUE (trial_id, objective), FOREIGN KEY(trial_id) REFERENCES trials (trial_id));"
    "CREATE TABLE IF NOT EXISTS trial_intermediate_values (trial_intermediate_value_id INTEGER NOT NULL,"
    " trial_id INTEGER NOT NULL, step INTEGER NOT NULL, intermediate_value FLOAT,"
    " intermediate_value_type VARCHAR(7) NOT NULL, PRIMARY KEY (trial_intermediate_value_id),"
    " UNIQUE (trial_id, step), FOREIGN KEY(trial_id) REFERENCES trials (trial_id));"
    "CREATE TABLE IF NOT EXISTS trial_heartbeats (trial_heartbeat_id INTEGER NOT NULL, trial_id INTEGER NOT NULL,"
    " heartbeat DATETIME DEFAULT (CURRENT_TIMESTAMP) NOT NULL, PRIMARY KEY (trial_heartbeat_id),"
    " UNIQUE (trial_id), FOREIGN KEY(trial_id) REFERENCES trials (trial_id));"
    "CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL,"
    " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));"
    "INSERT OR IGNORE INTO version_info VALUES (1, 12, '" LIBRARY_VERSION "');"
    "INSERT INTO alembic_version SELECT '" REVISION "' WHERE NOT EXISTS (SELECT * FROM alembic_version);";

/* Every statement, with what is bound to ?1, ?2, .. */
#define STATEMENTS(X)                                                                                                  \
    X(COUNT_TABLES, "SELECT count(*) FROM sqlite_master")                                                              \
    X(GET_VERSION, "SELECT schema_version, (SELECT version_num FROM alembic_version) FROM version_info")               \
    X(GET_STUDY, "SELECT study_id FROM studies WHERE study_name = ?1")                                                 \
    X(ADD_STUDY, "INSERT INTO studies (study_name) VALUES (?1)")                                                       \
    X(ADD_DIRECTION, "INSERT INTO study_directions (direction, study_id, objective) VALUES (?1, ?2, 0)")               \
    X(GET_DIRECTION, "SELECT count(*), max(direction) FROM study_directions WHERE study_id = ?1")                      \
    X(ADD_TRIAL, "INSERT INTO trials (number, study_id, state, datetime_start) VALUES "                                \
                 "((SELECT count(*) FROM trials WHERE study_id = ?1), ?1, 'RUNNING', ?2)")                             \
    X(ABANDON, "UPDATE trials SET state = 'FAIL', datetime_complete = ?2 WHERE study_id = ?1 AND state = 'RUNNING'")   \
    X(FIND, "SELECT t.trial_id FROM trials t JOIN trial_user_attributes a ON a.trial_id = t.trial_id "                 \
            "WHERE t.study_id = ?1 AND a.\"key\" = ?2 AND a.value_json = ?3")                                          \
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

/* ---- opening -------------------------------------------------------------------------------- */

static ht_status check_version(ht_optuna *o, ht_error *err)
{
    sqlite3_stmt *s;
    ht_error why = {""};
    if (look_up(o, &why, &s, GET_VERSION, "") != HT_OK)
        return ht_fail(err, HT_EFORMAT, "'%s' is a database, but no study of Optuna", o->path);
    int version = sqlite3_column_int(s, 0);
    const char *text = (const char *)sqlite3_column_text(s, 1);
    bool fits = version == SCHEMA_VERSION && text != NULL && strcmp(text, REVISION) == 0;
    ht_status st = fits ? HT_OK
                        : ht_fail(err, HT_EFORMAT,
                                  "'%s' is of Optuna's schema %d, revision '%s', we write schema %d, revision '%s': "
                                  "upgrade it with 'optuna storage upgrade', or move it away",
                                  o->path, version, text != NULL ? text : "", SCHEMA_VERSION, REVISION);
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
    return execute(o, schema, "cannot get its tables", err);
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
