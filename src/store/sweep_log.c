/* src/store/sweep_log.c - log and database of a sweep; the contract is in sweep_log.h. May touch: both files. */
#include "store/sweep_log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/file.h"
#include "store/lines.h"
#include "store/optuna.h"
#include "store/run_dir.h"

/* What is kept of a trial while it runs. */
typedef struct {
    long long id;           /* in the database; 0 = not there */
    double started;         /* seconds since 1970 */
} begun;

struct ht_sweep_log {
    const ht_space *space;
    ht_journal *journal;
    ht_optuna *optuna;
    size_t n_begun;
    begun *begun;           /* [n_begun] by number of the trial; all 0 = not known */
    size_t judged;          /* trials of the log that are complete or pruned, when it was opened */
    size_t lost;            /* those that only the database has */
};

/* ---- a trial as a line ---------------------------------------------------------------------- */

static cJSON *reports_to_json(const ht_trial *t)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < t->n_reports; i++) {
        cJSON *pair = cJSON_CreateArray();
        cJSON_AddItemToArray(pair, ht_json_int((double)t->reports[i].step));
        cJSON_AddItemToArray(pair, ht_json_real(t->reports[i].value));
        cJSON_AddItemToArray(list, pair);
    }
    return list;
}

static cJSON *trial_to_json(const ht_space *space, const ht_trial *t, double started, double now)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_int(o, "trial", (double)t->number);
    ht_json_put_text(o, "status", ht_trial_status_text(t->status));
    ht_json_put_real(o, "value", t->value);
    ht_json_put(o, "params", ht_space_to_json(space, &t->point));
    ht_json_put_text(o, "reason", t->reason[0] != 0 ? t->reason : NULL);
    ht_json_put_real(o, "seconds", t->seconds);
    ht_json_put_int(o, "steps", (double)t->steps);
    ht_json_put_int(o, "spent_steps", (double)t->spent);
    ht_json_put_int(o, "attempts", (double)t->attempts);
    ht_json_put_int(o, "worker", t->worker);
    ht_json_put_real(o, "start_time", started);
    ht_json_put_real(o, "wall_time", now);
    ht_json_put(o, "reports", reports_to_json(t));
    return o;
}

/* ---- and back ------------------------------------------------------------------------------- */

static double value_of(const cJSON *item)
{
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

static bool is_count(const cJSON *item)
{
    return cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble <= 9e15 &&
           item->valuedouble == floor(item->valuedouble);
}

static long long count_in(const cJSON *o, const char *name)
{
    const cJSON *item = ht_json_member(o, name);
    return is_count(item) ? (long long)item->valuedouble : 0;
}

static ht_status read_reports(const cJSON *list, ht_trial *t, ht_error *err)
{
    const cJSON *pair;
    int n = cJSON_GetArraySize(list);
    t->reports = n > 0 ? calloc((size_t)n, sizeof *t->reports) : NULL;
    if (n > 0 && t->reports == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for %d reports", n);
    cJSON_ArrayForEach(pair, list) {
        const cJSON *step = cJSON_GetArrayItem(pair, 0);
        if (!is_count(step) ||
            (t->n_reports > 0 && step->valuedouble <= (double)t->reports[t->n_reports - 1].step))
            continue;
        t->reports[t->n_reports++] =
            (ht_trial_report){(long long)step->valuedouble, value_of(cJSON_GetArrayItem(pair, 1))};
    }
    return HT_OK;
}

/* @return HT_EEMPTY: this is no line of a trial that ended */
static ht_status trial_from_json(const ht_space *space, const cJSON *o, ht_trial *t, ht_error *err)
{
    const char *status = ht_json_text(o, "status"), *reason = ht_json_text(o, "reason");
    *t = (ht_trial){.number = (unsigned long)count_in(o, "trial"), .value = value_of(ht_json_member(o, "value")),
                    .steps = count_in(o, "steps"), .spent = count_in(o, "spent_steps"),
                    .attempts = (unsigned long)count_in(o, "attempts"), .worker = (int)ht_json_number(o, "worker", 0)};
    if (!is_count(ht_json_member(o, "trial")) || status == NULL || !ht_trial_status_parse(status, &t->status) ||
        (t->status == HT_TRIAL_COMPLETE && !isfinite(t->value)))
        return HT_EEMPTY;
    double seconds = ht_json_number(o, "seconds", 0);
    t->seconds = isfinite(seconds) ? seconds : 0;
    snprintf(t->reason, sizeof t->reason, "%s", reason != NULL ? reason : "");
    if (ht_space_from_json(space, ht_json_member(o, "params"), &t->point, err) != HT_OK) {
        char where[48];
        snprintf(where, sizeof where, "trial %lu", t->number);
        return ht_fail_in(err, HT_EFORMAT, where);
    }
    return read_reports(ht_json_member(o, "reports"), t, err);
}

typedef struct {
    const ht_space *space;
    ht_status (*visit)(void *ctx, const ht_trial *t, double started, double ended, ht_error *err);
    void *ctx;
    size_t bad;
    ht_status status;
    ht_error *err;
} reading;

static void read_line(void *ctx, const cJSON *object)
{
    reading *r = ctx;
    ht_trial t = {0};
    if (r->status != HT_OK)
        return;
    ht_status st = trial_from_json(r->space, object, &t, r->err);
    if (st == HT_EEMPTY)
        r->bad++;
    else
        r->status = st == HT_OK ? r->visit(r->ctx, &t, ht_json_number(object, "start_time", 0),
                                           ht_json_number(object, "wall_time", 0), r->err)
                                : st;
    free(t.reports);
}

ht_status ht_sweep_log_each(const char *dir, const ht_space *space,
                            ht_status (*visit)(void *ctx, const ht_trial *t, double started, double ended,
                                               ht_error *err),
                            void *ctx, size_t *bad, ht_error *err)
{
    reading r = {.space = space, .visit = visit, .ctx = ctx, .err = err};
    char *path = ht_path_join(dir, HT_FILE_TRIALS);
    if (path == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory to read the trials of '%s'", dir);
    ht_lines_account account;
    ht_status st = ht_lines_each(path, read_line, &r, &account, err);
    if (st == HT_OK && r.status != HT_OK)
        st = ht_fail_in(err, r.status, path);
    *bad = account.bad + account.missing + account.torn + r.bad;
    free(path);
    return st;
}

/* ---- the database --------------------------------------------------------------------------- */

static ht_optuna_distribution distribution_of(const ht_param *p)
{
    if (p->kind == HT_PARAM_CATEGORY)
        return (ht_optuna_distribution){
            .name = p->name, .kind = HT_OPTUNA_CATEGORY, .n_choices = p->n_choices, .choices = p->choices};
    double step = !p->log ? p->step : p->is_int ? 1 : 0;
    return (ht_optuna_distribution){.name = p->name, .kind = p->is_int ? HT_OPTUNA_INT : HT_OPTUNA_FLOAT,
                                    .low = p->low, .high = p->high, .step = step, .log = p->log};
}

static ht_status remember(ht_sweep_log *l, unsigned long trial, begun what, ht_error *err)
{
    if (trial >= l->n_begun) {
        size_t n = trial + 1 + trial / 2;
        begun *grown = realloc(l->begun, n * sizeof *grown);
        if (grown == NULL)
            return ht_fail(err, HT_ENOMEM, "no memory for %zu trials", n);
        memset(grown + l->n_begun, 0, (n - l->n_begun) * sizeof *grown);
        l->begun = grown;
        l->n_begun = n;
    }
    l->begun[trial] = what;
    return HT_OK;
}

/* What is remembered of a trial; all 0 = nothing. */
static begun recall(const ht_sweep_log *l, const ht_trial *t)
{
    return t->number < l->n_begun ? l->begun[t->number] : (begun){0};
}

static ht_status put_number(ht_sweep_log *l, long long id, const char *key, double x, ht_error *err)
{
    cJSON *item = x == floor(x) ? ht_json_int(x) : ht_json_real(x);
    ht_status st = ht_optuna_attribute(l->optuna, id, key, item, err);
    cJSON_Delete(item);
    return st;
}

static ht_status put_text(ht_sweep_log *l, long long id, const char *key, const char *text, ht_error *err)
{
    cJSON *item = cJSON_CreateString(text);
    ht_status st = ht_optuna_attribute(l->optuna, id, key, item, err);
    cJSON_Delete(item);
    return st;
}

static ht_status begin_in_database(ht_sweep_log *l, const ht_trial *t, double now, long long *id, ht_error *err)
{
    HT_TRY(ht_optuna_begin(l->optuna, now, id, err));
    HT_TRY(remember(l, t->number, (begun){*id, now}, err));
    HT_TRY(put_number(l, *id, "trial", (double)t->number, err));
    for (size_t i = 0; i < l->space->n; i++) {
        const ht_param *p = &l->space->params[i];
        if (t->point.u[i] < 0)
            continue;
        ht_optuna_distribution d = distribution_of(p);
        double value = p->kind == HT_PARAM_CATEGORY ? t->point.u[i] : ht_space_value(l->space, i, t->point.u[i]);
        HT_TRY(ht_optuna_param(l->optuna, *id, &d, value, err));
    }
    return HT_OK;
}

static ht_status end_in_database(ht_sweep_log *l, const ht_trial *t, long long id, double now, ht_error *err)
{
    ht_optuna_state state = t->status == HT_TRIAL_COMPLETE ? HT_OPTUNA_COMPLETE
                            : t->status == HT_TRIAL_PRUNED ? HT_OPTUNA_PRUNED
                                                           : HT_OPTUNA_FAIL;
    HT_TRY(put_text(l, id, "status", ht_trial_status_text(t->status), err));
    if (t->reason[0] != 0)
        HT_TRY(put_text(l, id, "reason", t->reason, err));
    HT_TRY(put_number(l, id, "seconds", t->seconds, err));
    HT_TRY(put_number(l, id, "steps", (double)t->steps, err));
    HT_TRY(put_number(l, id, "attempts", (double)t->attempts, err));
    return ht_optuna_finish(l->optuna, id, now, state, state == HT_OPTUNA_FAIL ? NAN : t->value, err);
}

/* A trial of the log as the database should have it: wholly, or at least its end, which can have been cut off. */
static ht_status put_logged(void *ctx, const ht_trial *t, double started, double ended, ht_error *err)
{
    ht_sweep_log *l = ctx;
    long long id;
    l->judged += t->status == HT_TRIAL_COMPLETE || t->status == HT_TRIAL_PRUNED;
    cJSON *number = ht_json_int((double)t->number);
    ht_status st = number != NULL ? ht_optuna_find(l->optuna, "trial", number, &id, err)
                                  : ht_fail(err, HT_ENOMEM, "no memory for trial %lu", t->number);
    cJSON_Delete(number);
    if (st == HT_OK)
        return end_in_database(l, t, id, ended, err);
    if (st != HT_ENOTFOUND)
        return st;
    HT_TRY(begin_in_database(l, t, started > 0 ? started : ended - t->seconds, &id, err));
    for (size_t i = 0; i < t->n_reports; i++)
        HT_TRY(ht_optuna_intermediate(l->optuna, id, t->reports[i].step, t->reports[i].value, err));
    return end_in_database(l, t, id, ended, err);
}

/* The log is the truth; but when it has lost lines, they are missed here. */
static ht_status count_lost(ht_sweep_log *l, ht_error *err)
{
    size_t n = 0;
    HT_TRY(ht_optuna_count_judged(l->optuna, "trial", &n, err));
    l->lost = n > l->judged ? n - l->judged : 0;
    return HT_OK;
}

size_t ht_sweep_log_lost(const ht_sweep_log *l)
{
    return l->lost;
}

/* ---- the log -------------------------------------------------------------------------------- */

static ht_status refuse_second(const char *dir, const char *path, bool go_on, ht_error *err)
{
    ht_file_stamp stamp = ht_file_look(path);
    if (go_on || !stamp.exists || stamp.size == 0)
        return HT_OK;
    return ht_fail(err, HT_EREFUSED, "'%s' has the trials of an earlier sweep: go on with it (--resume), or name another "
                   "directory", dir);
}

static ht_status open_files(ht_sweep_log *l, const char *dir, bool maximize, bool go_on, double now, ht_error *err)
{
    char *trials = ht_path_join(dir, HT_FILE_TRIALS), *optuna = ht_path_join(dir, HT_FILE_OPTUNA);
    size_t bad = 0, abandoned = 0;
    ht_status st = trials != NULL && optuna != NULL ? HT_OK : ht_fail(err, HT_ENOMEM, "no memory to open '%s'", dir);
    if (st == HT_OK)
        st = refuse_second(dir, trials, go_on, err);
    if (st == HT_OK)
        st = ht_optuna_open(optuna, HT_STUDY_NAME_OPTUNA, maximize, &l->optuna, err);
    if (st == HT_OK)
        st = ht_optuna_abandon(l->optuna, now, &abandoned, err);
    if (st == HT_OK && go_on)
        st = ht_sweep_log_each(dir, l->space, put_logged, l, &bad, err);
    if (st == HT_OK && go_on)
        st = count_lost(l, err);
    if (st == HT_OK)
        st = ht_optuna_commit(l->optuna, err);
    if (st == HT_OK)
        st = ht_journal_open(trials, &l->journal, err);
    free(trials);
    free(optuna);
    return st;
}

ht_status ht_sweep_log_open(const char *dir, const ht_space *space, bool maximize, bool go_on, double now,
                            ht_sweep_log **out, ht_error *err)
{
    ht_sweep_log *l = calloc(1, sizeof *l);
    if (l == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the log of a sweep");
    l->space = space;
    ht_status st = open_files(l, dir, maximize, go_on, now, err);
    if (st == HT_OK)
        *out = l;
    else
        ht_sweep_log_close(l);
    return st;
}

static ht_status append(ht_sweep_log *l, const ht_trial *t, double now, ht_error *err)
{
    begun b = recall(l, t);
    cJSON *line = trial_to_json(l->space, t, b.started > 0 ? b.started : now - t->seconds, now);
    ht_status st = line != NULL ? ht_journal_append_json(l->journal, line, err)
                                : ht_fail(err, HT_ENOMEM, "no memory for the line of trial %lu", t->number);
    cJSON_Delete(line);
    return st;
}

static ht_status write_database(ht_sweep_log *l, const ht_sweep_record *r, double now, ht_error *err)
{
    const ht_trial *t = r->trial;
    long long id = recall(l, t).id;
    if (r->event == HT_TRIAL_BEGAN || id == 0)
        HT_TRY(begin_in_database(l, t, now, &id, err));
    if (r->event == HT_TRIAL_REPORTED)
        return ht_optuna_intermediate(l->optuna, id, r->report.step, r->report.value, err);
    return r->event == HT_TRIAL_ENDED ? end_in_database(l, t, id, now, err) : HT_OK;
}

ht_status ht_sweep_log_write(ht_sweep_log *l, const ht_sweep_record *r, double now, ht_error *err)
{
    ht_error ignored;
    ht_status st = r->event == HT_TRIAL_ENDED ? append(l, r->trial, now, err) : HT_OK;
    ht_status database = write_database(l, r, now, st == HT_OK ? err : &ignored);
    return st == HT_OK ? database : st;
}

ht_status ht_sweep_log_commit(ht_sweep_log *l, ht_error *err)
{
    ht_error ignored;
    ht_status st = ht_journal_flush(l->journal, err);
    ht_status database = ht_optuna_commit(l->optuna, st == HT_OK ? err : &ignored);
    return st == HT_OK ? database : st;
}

ht_status ht_sweep_log_finish(ht_sweep_log *l, ht_error *err)
{
    ht_status st = ht_sweep_log_commit(l, err);
    ht_status synced = ht_journal_sync(l->journal, st == HT_OK ? err : NULL);
    return st == HT_OK ? synced : st;
}

void ht_sweep_log_close(ht_sweep_log *l)
{
    if (l == NULL)
        return;
    ht_journal_close(l->journal);
    ht_optuna_close(l->optuna);
    free(l->begun);
    free(l);
}
