/* src/kernel/driver_resume.c - how a run was made goes into its journal, and the run is made again from that; the
 * contract is in driver_internal.h.
 *
 * May touch: the run directory. */
#include "kernel/driver_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/file_cut.h"
#include "store/optuna.h"

/* ---- to the journal --------------------------------------------------------------------------- */

static void put_recipe(cJSON *to, const char *name, const ht_recipe *r)
{
    ht_json_put(to, name, ht_recipe_to_json(r));
}

/* All that the coordinator and the recorder are made of. */
char *ht_start_to_text(const ht_driver_options *o, const ht_start *s)
{
    char seed[24];
    cJSON *to = cJSON_CreateObject();
    snprintf(seed, sizeof seed, "%llu", s->seed);
    if (o->options->program != NULL)
        ht_json_put_text(to, "program", o->options->program);
    put_recipe(to, "recipe", s->recipe);
    put_recipe(to, "base", s->base);
    ht_json_put_text(to, "mode", ht_mode_text(s->mode));
    ht_json_put_text(to, "replay", s->replay);
    ht_json_put_int(to, "replicas", s->replicas);
    ht_json_put_int(to, "ranks_per_replica", o->ranks_per_replica);
    ht_json_put_int(to, "epochs", s->epochs);
    ht_json_put_real(to, "silence_s", s->silence_s);
    ht_json_put_text(to, "seed", seed);
    ht_json_put_int(to, "run", (double)s->run);
    ht_json_put_real(to, "began", s->began);
    ht_json_put_text(to, "study_run", s->study_run);
    ht_json_put_int(to, "runs", (double)s->history.runs);
    ht_json_put_int(to, "mutations", (double)s->history.mutations);
    ht_json_put_int(to, "segments", (double)s->history.segments);
    ht_json_put_int(to, "ledger_lines", (double)s->history.ledger_lines);
    cJSON *logs = cJSON_CreateObject();
    for (size_t i = 0; i < s->n_logs; i++)
        ht_json_put_int(logs, s->logs[i].name, (double)s->logs[i].bytes);
    ht_json_put(to, "logs", logs);
    char *text = ht_json_line(to);
    cJSON_Delete(to);
    return text;
}

/* ---- from the journal ------------------------------------------------------------------------- */

static ht_status read_recipe(const cJSON *from, const char *name, ht_recipe **out, ht_error *err)
{
    char *text = ht_json_line(ht_json_member(from, name));
    ht_status st = text != NULL ? ht_recipe_parse(text, "the recipe of the journal", out, err)
                                : ht_fail(err, HT_EFORMAT, "the journal has no recipe");
    free(text);
    return st;
}

static unsigned long whole(const cJSON *from, const char *name)
{
    double x = ht_json_number(from, name, 0);
    return x > 0 && x < 9e15 ? (unsigned long)x : 0;
}

static ht_status read_logs(const cJSON *from, ht_start *s, ht_error *err)
{
    const cJSON *log;
    s->logs = calloc((size_t)cJSON_GetArraySize(from) + 1, sizeof *s->logs);
    cJSON_ArrayForEach(log, from) {
        char *name = s->logs != NULL && log->string != NULL ? strdup(log->string) : NULL;
        if (name == NULL)
            break;
        s->logs[s->n_logs++] = (ht_commit_log){name, whole(from, log->string)};
    }
    return s->n_logs == (size_t)cJSON_GetArraySize(from) ? HT_OK : ht_fail(err, HT_ENOMEM, "no memory for a journal");
}

static ht_status start_from_text(const char *text, ht_start *s, ht_error *err)
{
    cJSON *from = NULL;
    HT_TRY(ht_json_parse(text, &from, NULL, err));
    const char *mode = ht_json_text(from, "mode"), *replay = ht_json_text(from, "replay");
    ht_status st = read_recipe(from, "recipe", &s->recipe, err);
    if (st == HT_OK)
        st = read_recipe(from, "base", &s->base, err);
    if (st == HT_OK && (mode == NULL || !ht_mode_parse(mode, &s->mode)))
        st = ht_fail(err, HT_EFORMAT, "the journal has no mode");
    if (st == HT_OK)
        st = read_logs(ht_json_member(from, "logs"), s, err);
    if (st == HT_OK && replay != NULL && (s->replay = strdup(replay)) == NULL)
        st = ht_fail(err, HT_ENOMEM, "no memory for a journal");
    s->replicas = (int)whole(from, "replicas");
    s->ranks_per_replica = (int)whole(from, "ranks_per_replica");
    s->epochs = (int)whole(from, "epochs");
    s->silence_s = ht_json_number(from, "silence_s", 0);
    const char *seed = ht_json_text(from, "seed");
    s->seed = seed != NULL ? strtoull(seed, NULL, 10) : 0;
    s->run = whole(from, "run");
    s->began = ht_json_number(from, "began", 0);
    const char *study_run = ht_json_text(from, "study_run");
    ht_name_copy(s->study_run, study_run != NULL ? study_run : "");
    s->history = (ht_run_history){.runs = whole(from, "runs"), .mutations = whole(from, "mutations"),
                                  .segments = whole(from, "segments"), .ledger_lines = whole(from, "ledger_lines")};
    cJSON_Delete(from);
    return st;
}

static void warn_of_short_log(ht_driver *d, const char *path)
{
    ht_error text;
    ht_fail(&text, HT_EFORMAT, "'%s' is shorter than it was at the checkpoint: lines are missing in it",
            path);
    ht_driver_warn(d, text.text);
}

/* How long a log was at the checkpoint; one that is not named stays as it is. */
static uint64_t length_of(const char *name, size_t n, const ht_commit_log *logs)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(logs[i].name, name) == 0)
            return logs[i].bytes;
    return UINT64_MAX;
}

static ht_status renew_database(const ht_driver *d, const ht_file_guard *guard, ht_error *err)
{
    char *path = ht_path_join(d->run_dir, HT_FILE_OPTUNA);
    ht_status st = path != NULL ? ht_optuna_renew(path, guard, err)
                                : ht_fail(err, HT_ENOMEM, "no memory for the name of a file");
    free(path);
    return st;
}

/* What was logged after the checkpoint happens again. */
ht_status ht_driver_take_files(ht_driver *d, size_t n, const ht_commit_log *logs, ht_error *err)
{
    const ht_file_guard guard = ht_run_lock_guard(d->lock);
    bool anew = d->former.may_wake;
    const char *name;
    for (size_t i = 0; (name = ht_recorder_log(i)) != NULL && (n > 0 || anew); i++) {
        uint64_t length = length_of(name, n, logs);
        char *path = ht_path_join(d->run_dir, name);
        if (path != NULL && length != UINT64_MAX && (uint64_t)ht_file_look(path).size < length)
            warn_of_short_log(d, path);
        ht_status st = path != NULL ? ht_file_cut(path, length, anew, &guard, NULL, err)
                                    : ht_fail(err, HT_ENOMEM, "no memory for the name of a log");
        free(path);
        HT_TRY(st);
    }
    return anew ? renew_database(d, &guard, err) : HT_OK;
}

static void drain(void *ctx)
{
    ht_driver_drain(ctx);
}

/* Killed at any moment of this, the run can go on from the same checkpoint: each file is cut to it, or not yet. */
ht_status ht_driver_go_on(ht_driver *d, ht_error *err)
{
    const ht_commit *c = ht_chronicle_commit(d->chronicle);
    HT_TRY(ht_chronicle_reopen(d->chronicle, err));
    HT_TRY(ht_driver_take_files(d, c->n_logs, c->logs, err));
    HT_TRY(ht_recorder_begin(d->recorder, err));
    return ht_run_lock_settle(d->lock, err);
}

static ht_status recall(const ht_driver_options *o, ht_start *s, ht_driver *d, ht_error *err)
{
    if (s->ranks_per_replica != o->ranks_per_replica)
        return ht_fail(err, HT_EINVAL, "the run has replicas of %d ranks, this job of %d: start as many",
                       s->ranks_per_replica, o->ranks_per_replica);
    ht_driver_count_repeated(d, ht_chronicle_commit(d->chronicle));
    HT_TRY(ht_driver_make(o, s, d, err));
    d->recalls = d->resumed = true;
    ht_status st = ht_chronicle_tell(d->chronicle, d->coordinator, drain, d, err);
    d->recalls = false;
    HT_TRY(st);
    d->ahead += ht_chronicle_time(d->chronicle) - ht_driver_time(d);
    d->epochs = s->epochs;
    ht_driver_tell_restart(d);
    return ht_driver_expect_back(d, err);
}

/* The run was stopped before its first checkpoint: it begins again, as the same run. */
static ht_status begin_again(const ht_driver_options *o, ht_start *s, ht_driver *d, ht_error *err)
{
    s->replicas = o->n_replicas;
    HT_TRY(ht_driver_assemble(o, s, d, err));
    ht_driver_tell_beginning(d);
    return HT_OK;
}

ht_status ht_driver_resume(const ht_driver_options *o, const char *text, ht_start *s, ht_driver *d, ht_error *err)
{
    const ht_chronicle_options options = ht_driver_chronicle(o, d);
    ht_error notice = {""};
    HT_TRY(start_from_text(text, s, err));
    HT_TRY(ht_driver_name_study(o->options, s, err));
    ht_status st = ht_chronicle_open(&options, &d->chronicle, &notice, err);
    if (st == HT_ENOTFOUND)
        return begin_again(o, s, d, err);
    if (notice.text[0] != '\0')
        ht_driver_warn(d, notice.text);
    return st == HT_OK ? recall(o, s, d, err) : st;
}
