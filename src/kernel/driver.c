/* src/kernel/driver.c - the coordinator's hands; the contract is in driver.h.
 *
 * One step: receive -> coordinator -> messages out, records out; now and then the run directory is looked
 * at, time is told, progress is shown. A record that cannot be written is kept by the recorder; here the
 * loss is said once, and once more when writing works again. */
#include "kernel/driver.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/clock.h"
#include "recipe/evolve.h"
#include "store/recorder.h"
#include "store/salvage.h"
#include "store/study_parts.h"

static const double progress_s = 0.2;
static const double longest_look_s = 1;     /* between two looks of a driver that runs */
static const double evolve_step = 0.3, evolve_decay = 0.7;     /* docs/recipe.md, evolution */

struct ht_driver {
    ht_comm *comm;
    ht_coordinator *coordinator;
    ht_run_lock *lock;          /* of the run directory */
    ht_recorder *recorder;
    ht_inbox *inbox;
    double poll_s, started, polled, shown;
    double looked, slept;       /* when it looked last; time in which it did not run itself */
    bool mode_was_given;        /* by ht_options: hotcb.yaml does not override it at the start */
    bool first_poll;
    bool writing_fails;
    ht_error complaint;         /* last one about a file of the run directory: said once */
    bool finished;
    void (*warning)(void *ctx, const char *text);
    void *warning_ctx;
    void (*progress)(void *ctx, const ht_progress *p);
    void *progress_ctx;
    void (*plan)(void *ctx, const char *text);
    void *plan_ctx;
};

static void warn(ht_driver *d, const char *text)
{
    if (d->warning != NULL)
        d->warning(d->warning_ctx, text);
    else
        fprintf(stderr, "hottune: %s\n", text);
}

/* Say it when writing begins to fail. */
static void note_failure(ht_driver *d, const ht_error *err)
{
    char text[sizeof err->text + 128];
    if (d->writing_fails)
        return;
    d->writing_fails = true;
    snprintf(text, sizeof text, "%s; the run goes on, and what could not be written is kept and tried again",
             err->text);
    warn(d, text);
}

static void note_recovery(ht_driver *d)
{
    if (d->writing_fails)
        warn(d, "the run directory can be written again");
    d->writing_fails = false;
}

/* Time as the coordinator sees it. When the job was suspended, everybody is silent at once: what passed while
 * we did not run ourselves is no silence of others. */
static double awake_time(ht_driver *d)
{
    double now = ht_comm_now(d->comm), gap = now - d->looked;
    if (gap > longest_look_s)
        d->slept += gap - longest_look_s;
    d->looked = now;
    return now - d->slept;
}

static void drain(ht_driver *d)
{
    int replica;
    ht_bytes bytes;
    ht_record record;
    ht_coordinator_view view;
    ht_error err = {""};
    while (ht_coordinator_next_message(d->coordinator, &replica, &bytes)) {
        if (ht_comm_send(d->comm, replica + 1, bytes.data, bytes.n, &err) != HT_OK)
            warn(d, err.text);
        free(bytes.data);
    }
    while (ht_coordinator_next_record(d->coordinator, &record)) {
        ht_coordinator_peek(d->coordinator, &view);
        if (ht_recorder_write(d->recorder, &record, &view, &err) != HT_OK)
            note_failure(d, &err);
        ht_record_release(&record);
    }
}

/* ---- what is asked from outside ------------------------------------------------------------- */

static bool overridden_by_options(const ht_driver *d, const ht_operation *o)
{
    const char *op = o->source == HT_FROM_YAML ? ht_json_text(o->body, "op") : NULL;
    const char *module = op != NULL ? ht_json_text(o->body, "module") : NULL;
    return d->first_poll && d->mode_was_given && module != NULL && strcmp(module, "tune") == 0 &&
           (strcmp(op, "enable") == 0 || strcmp(op, "disable") == 0);
}

static void take_operation(void *ctx, ht_operation *o)
{
    ht_driver *d = ctx;
    if (overridden_by_options(d, o)) {
        ht_operation_release(o);
        return;
    }
    if (ht_coordinator_operate(d->coordinator, awake_time(d), o) != HT_OK)
        warn(d, "no memory for a command");
}

static void take_freeze(void *ctx, const ht_freeze *freeze)
{
    ht_driver *d = ctx;
    if (ht_coordinator_freeze(d->coordinator, awake_time(d), freeze) != HT_OK)
        warn(d, "no memory to follow the freeze file");
}

static void poll(ht_driver *d, double now)
{
    ht_error err = {""};
    if (now - d->polled < d->poll_s)
        return;
    d->polled = now;
    if (ht_inbox_poll(d->inbox, take_operation, take_freeze, d, &err) != HT_OK &&
        strcmp(err.text, d->complaint.text) != 0) {
        d->complaint = err;
        warn(d, err.text);
    }
    d->first_poll = false;
}

static void show_progress(ht_driver *d, double now)
{
    if (d->progress == NULL || now - d->shown < progress_s)
        return;
    d->shown = now;
    ht_coordinator_view v;
    ht_coordinator_peek(d->coordinator, &v);
    const unsigned long *by = v.statistics->by_decision;
    ht_progress p = {.step = v.step, .epoch = v.epoch, .max_steps = v.total_steps,
                     .replicas = v.alive + v.lost + v.done, .training = v.alive,
                     .best = v.has_best ? v.best : NAN, .accepted = by[HT_DECISION_ACCEPTED],
                     .rejected = by[HT_DECISION_REJECTED] + by[HT_DECISION_ROLLED_BACK],
                     .elapsed_s = now - d->started};
    d->progress(d->progress_ctx, &p);
}

void ht_driver_step(ht_driver *d, double timeout_s)
{
    int from;
    ht_bytes bytes;
    ht_error err = {""};
    poll(d, ht_comm_now(d->comm));
    drain(d);
    for (double wait = timeout_s; ht_comm_receive(d->comm, wait, &from, &bytes, &err) == HT_OK; wait = 0) {
        if (ht_coordinator_receive(d->coordinator, awake_time(d), from - 1, bytes.data, bytes.n) != HT_OK)
            warn(d, "no memory for a message of a replica");
        free(bytes.data);
        drain(d);
    }
    double now = ht_comm_now(d->comm);
    ht_coordinator_tick(d->coordinator, awake_time(d));
    drain(d);
    if (ht_recorder_tick(d->recorder, d->coordinator, now, &err) != HT_OK)
        note_failure(d, &err);
    else
        note_recovery(d);
    const char *notice = ht_recorder_notice(d->recorder);
    if (notice != NULL)
        warn(d, notice);
    show_progress(d, now);
}

bool ht_driver_is_done(const ht_driver *d)
{
    return ht_coordinator_is_done(d->coordinator);
}

void ht_driver_peek(const ht_driver *d, ht_coordinator_view *out)
{
    ht_coordinator_peek(d->coordinator, out);
}

ht_status ht_driver_finish(ht_driver *d, ht_error *err)
{
    if (d->finished)
        return HT_OK;
    d->finished = true;
    ht_coordinator_finish(d->coordinator, awake_time(d));
    drain(d);
    ht_coordinator_view v;
    ht_coordinator_peek(d->coordinator, &v);
    if (v.has_result)
        ht_recorder_result(d->recorder, v.result_val, v.result_test);
    ht_status st = ht_recorder_finish(d->recorder, d->coordinator, err);
    if (st == HT_OK)
        note_recovery(d);
    return st;
}

/* ---- the start ------------------------------------------------------------------------------ */

/* Everything that is found out before the run; released when the driver stands. */
typedef struct {
    ht_run_history history;
    ht_recipe *base;        /* as given or found */
    ht_recipe *recipe;      /* the same, evolved by the study */
    ht_mode mode;
    char *study;        /* path */
    char *replay;       /* text of a mutation log, or NULL */
    ht_run_sign before; /* of the run before this one in the directory */
    size_t salvaged;    /* segments of that run which the study had not */
} start;

static void release(start *s)
{
    ht_recipe_destroy(s->base);
    ht_recipe_destroy(s->recipe);
    free(s->study);
    free(s->replay);
}

static ht_status find_recipe(const ht_options *o, start *s, ht_driver *d, ht_error *err)
{
    char *text = NULL, *name = NULL;
    bool found = false;
    ht_status st = ht_run_dir_recipe(o->run_dir, o->recipe, &text, &name, &found, err);
    if (st == HT_OK && found)
        st = ht_recipe_parse(text, name, &s->base, err);
    else if (st == HT_OK && o->recipe_text != NULL)
        st = ht_recipe_parse(o->recipe_text, "recipe", &s->base, err);
    else if (st == HT_OK) {
        warn(d, "no recipe was given or found in the run directory: nothing will be proposed; "
                "put one at " HT_FILE_RECIPE);
        st = ht_recipe_create(&s->base, err);
    }
    free(text);
    free(name);
    return st;
}

static ht_status set_word(char *word, cJSON *set, ht_error *err)
{
    char *key = NULL;
    cJSON *value = NULL;
    HT_TRY(ht_word_parse(word, &key, &value, err));
    ht_json_put(set, key, value);
    free(key);
    return HT_OK;
}

static void leave_out_given(const ht_recipe *recipe, cJSON *set)
{
    for (cJSON *item = set->child, *next; item != NULL; item = next) {
        next = item->next;
        if (ht_recipe_gives(recipe, item->string))
            cJSON_Delete(cJSON_DetachItemViaPointer(set, item));
    }
}

/* "a.b=1 c.d=x" on top of the recipe, or only where it is silent; NULL = nothing. */
static ht_status apply_settings(const char *words, bool over, ht_recipe *recipe, ht_error *err)
{
    char *rest = NULL, *copy = words != NULL ? strdup(words) : NULL;
    if (words == NULL)
        return HT_OK;
    cJSON *set = cJSON_CreateObject();
    ht_status st = copy != NULL && set != NULL ? HT_OK : ht_fail(err, HT_ENOMEM, "no memory for settings");
    for (char *word = st == HT_OK ? strtok_r(copy, " ", &rest) : NULL; word != NULL && st == HT_OK;
         word = strtok_r(NULL, " ", &rest))
        st = set_word(word, set, err);
    if (st == HT_OK && !over)
        leave_out_given(recipe, set);
    if (st == HT_OK && set->child != NULL)
        st = ht_recipe_set(recipe, set, err);
    cJSON_Delete(set);
    free(copy);
    return st;
}

static ht_status apply_seed(const ht_options *o, ht_recipe *recipe, ht_error *err)
{
    if (o->seed == 0 || recipe->search.seed != 0)
        return HT_OK;
    cJSON *set = cJSON_CreateObject();
    if (set == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the seed");
    ht_json_put_int(set, "search.seed", (double)o->seed);
    ht_status st = ht_recipe_set(recipe, set, err);
    cJSON_Delete(set);
    return st;
}

/* What a killed run could not bring into the study is in its logs. If that fails, this run is none the worse. */
static void salvage(const ht_options *o, start *s, ht_driver *d)
{
    ht_error why = {""};
    char text[sizeof why.text + 96];
    if (ht_salvage_study(o->run_dir, &s->before, s->study, &s->salvaged, &why) == HT_OK)
        return;
    snprintf(text, sizeof text, "the logs of the killed run r%lu were not taken over into the study: %s", s->before.run,
             why.text);
    warn(d, text);
}

/* Runs that are in the study already move the priors of the recipe before this run begins. */
static ht_status learn_from_study(start *s, ht_error *err)
{
    size_t n = 0;
    ht_run_evidence *runs = NULL;
    HT_TRY(ht_study_pool_parts(s->study, err));
    ht_status st = ht_study_evidence(s->study, &n, &runs, err);
    if (st == HT_OK && n > 0)
        st = ht_recipe_evolve(s->base, n, runs, evolve_step, evolve_decay, &s->recipe, err);
    else if (st == HT_OK || st == HT_ENOTFOUND)
        st = ht_recipe_copy(s->base, &s->recipe, err);
    ht_study_evidence_free(n, runs);
    return st;
}

static ht_status read_mode(const ht_options *o, start *s, ht_error *err)
{
    s->mode = HT_MODE_ACTIVE;
    if (o->mode != NULL && !ht_mode_parse(o->mode, &s->mode))
        return ht_fail(err, HT_EINVAL, "mode '%s' is unknown; it is one of off, observe, suggest, active, replay",
                       o->mode);
    if (s->mode == HT_MODE_REPLAY && o->replay == NULL)
        return ht_fail(err, HT_EINVAL, "mode replay needs a mutation log; give the path of one");
    return o->replay == NULL ? HT_OK : ht_file_read(o->replay, &s->replay, NULL, err);
}

/* What a recipe may say and this version cannot do is refused, not done in another way. */
static ht_status check_ability(const ht_recipe *r, ht_error *err)
{
    if (r->acceptance.score == HT_SCORE_CONTROL && r->population.mode == HT_POPULATION_INDEPENDENT)
        return ht_fail(err, HT_EINVAL, "acceptance.score: 'control' compares with replicas that are not mutated, and "
                       "the independent mode has none; use raw");
    return HT_OK;
}

/* The recipe allows more risks than the tuner takes. */
static void warn_of_idle_families(const ht_recipe *r, ht_driver *d)
{
    char text[2 * HT_NAME_MAX + 200];
    for (size_t i = 0; i < r->n_actuators; i++)
        for (size_t k = 0; r->actuators[i].enabled && k < r->actuators[i].n_families; k++) {
            const ht_family_spec *f = &r->actuators[i].families[k];
            if (ht_family_is_tried(f))
                continue;
            snprintf(text, sizeof text, "%s:%s will never be tried: its risk is %s; say low or medium, or leave it out",
                     r->actuators[i].name, f->name, f->risk);
            warn(d, text);
        }
}

static ht_status look_around(const ht_options *o, start *s, ht_driver *d, ht_error *err)
{
    HT_TRY(read_mode(o, s, err));
    HT_TRY(ht_run_dir_create(o->run_dir, err));
    HT_TRY(ht_run_lock_take(o->run_dir, &d->lock, &s->before, err));
    HT_TRY(ht_run_dir_history(o->run_dir, &s->history, err));
    HT_TRY(find_recipe(o, s, d, err));
    HT_TRY(apply_settings(o->recipe_unless_given, false, s->base, err));
    HT_TRY(apply_settings(o->recipe_set, true, s->base, err));
    HT_TRY(check_ability(s->base, err));
    warn_of_idle_families(s->base, d);
    s->study = o->study != NULL ? ht_path_join(".", o->study) : ht_path_join(o->run_dir, HT_FILE_STUDY);
    if (s->study == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a path");
    salvage(o, s, d);
    HT_TRY(learn_from_study(s, err));
    return apply_seed(o, s->recipe, err);
}

static void tell_salvage(const start *s, ht_driver *d)
{
    ht_record record = {.kind = HT_RECORD_EVENT};
    ht_coordinator_view view;
    if (s->salvaged == 0)
        return;
    snprintf(record.as.event, sizeof record.as.event, "r%lu was killed: %zu segments of its log are in the study now",
             s->before.run, s->salvaged);
    ht_coordinator_peek(d->coordinator, &view);
    ht_recorder_write(d->recorder, &record, &view, NULL);   /* what cannot be written is kept */
}

static const char *mpi_library(const ht_options *o, char version[MPI_MAX_LIBRARY_VERSION_STRING])
{
    int n = 0;
    if (o->no_mpi)
        return "none";
    MPI_Get_library_version(version, &n);
    char *end = strpbrk(version, ",\n");
    if (end != NULL)
        *end = '\0';
    return version;
}

/* That a run is not pooled as it was meant to be is no secret, even where nobody listens to plans. */
static void announce(void *ctx, const char *text)
{
    ht_driver *d = ctx;
    ht_coordinator_view view;
    ht_coordinator_peek(d->coordinator, &view);
    if (d->plan != NULL)
        d->plan(d->plan_ctx, text);
    else if (view.pool == NULL)
        warn(d, text);
}

static ht_status assemble(const ht_driver_options *o, const start *s, ht_driver *d, ht_error *err)
{
    char version[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    const ht_recorder_options records = {
        .dir = o->options->run_dir, .study = s->study, .name = o->options->name, .history = &s->history,
        .recipe = s->recipe, .base = s->base, .seed = o->options->seed, .n_replicas = o->n_replicas,
        .ranks_per_replica = o->ranks_per_replica, .mpi_version = mpi_library(o->options, version),
        .killed_pid = s->before.life == HT_RUN_KILLED ? s->before.pid : 0, .lock = d->lock};
    const ht_coordinator_options policy = {
        .n_replicas = o->n_replicas, .recipe = s->recipe, .mode = s->mode, .epochs = o->options->max_epochs,
        .announce = announce, .announce_ctx = d,
        .first_mutation = s->history.mutations, .first_segment = s->history.segments, .replay = s->replay,
        .silence_s = o->patience_s / 2};
    HT_TRY(ht_recorder_create(&records, &d->recorder, err));
    HT_TRY(ht_coordinator_create(&policy, &d->coordinator, err));
    tell_salvage(s, d);
    return ht_inbox_open(o->options->run_dir, s->history.command_end, &d->inbox, err);
}

ht_status ht_driver_create(const ht_driver_options *o, ht_driver **out, ht_error *err)
{
    if (o->options->run_dir == NULL || o->options->run_dir[0] == '\0')
        return ht_fail(err, HT_EINVAL, "run_dir is not given: a run needs a directory for its files");
    ht_driver *d = calloc(1, sizeof *d);
    if (d == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a coordinator");
    start s = {0};
    *d = (ht_driver){.comm = o->comm, .poll_s = o->poll_s, .mode_was_given = o->options->mode != NULL,
                     .first_poll = true, .warning = o->options->warning, .warning_ctx = o->options->warning_ctx,
                     .progress = o->options->progress, .progress_ctx = o->options->progress_ctx,
                     .plan = o->options->plan, .plan_ctx = o->options->plan_ctx};
    d->started = ht_comm_now(d->comm);
    d->polled = d->started - d->poll_s;
    d->looked = d->started;
    size_t existing = ht_run_dir_existing(o->options->run_dir);
    ht_status st = look_around(o->options, &s, d, err);
    if (st == HT_OK)
        st = assemble(o, &s, d, err);
    release(&s);
    if (st != HT_OK) {
        ht_driver_destroy(d);
        ht_run_dir_undo(o->options->run_dir, existing);
        return st;
    }
    *out = d;
    return HT_OK;
}

void ht_driver_destroy(ht_driver *d)
{
    if (d == NULL)
        return;
    ht_inbox_close(d->inbox);
    ht_recorder_destroy(d->recorder);
    ht_run_lock_release(d->lock);
    ht_coordinator_destroy(d->coordinator);
    free(d);
}
