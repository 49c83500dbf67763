/* src/kernel/driver_start.c - what is found out before a run, and the making of its coordinator and recorder; the
 * contract is in driver.h.
 *
 * May touch: the run directory, the study. */
#include "kernel/driver_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recipe/evolve.h"
#include "store/salvage.h"
#include "store/seal.h"
#include "store/study_parts.h"

static const double evolve_step = 0.3, evolve_decay = 0.7;     /* docs/recipe.md, evolution */

static void release(ht_start *s)
{
    ht_recipe_destroy(s->base);
    ht_recipe_destroy(s->recipe);
    free(s->study);
    free(s->recipe_name);
    ht_string_release(&s->opening);
    free(s->replay);
    for (size_t i = 0; i < s->n_logs; i++)
        free(s->logs[i].name);
    free(s->logs);
}

static ht_status find_recipe(const ht_options *o, ht_start *s, ht_driver *d, ht_error *err)
{
    char *text = NULL, *name = NULL;
    bool found = false;
    ht_status st = ht_run_dir_recipe(o->run_dir, o->recipe, &text, &name, &found, err);
    if (st == HT_OK && found)
        st = ht_recipe_parse(text, name, &s->base, err);
    else if (st == HT_OK && o->recipe_text != NULL)
        st = ht_recipe_parse(o->recipe_text, "recipe", &s->base, err);
    else if (st == HT_OK) {
        ht_driver_warn(d, "no recipe was given or found in the run directory: nothing will be proposed; "
                "put one at " HT_FILE_RECIPE);
        st = ht_recipe_create(&s->base, err);
    }
    free(text);
    if (found)
        s->recipe_name = name;
    else
        free(name);
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
static void salvage(const ht_options *o, ht_start *s, ht_driver *d)
{
    ht_error why = {""}, damage;
    char text[sizeof why.text + 96];
    ht_status st = ht_salvage_study(o->run_dir, &s->before, s->study, &s->salvaged, &damage, &why);
    if (damage.text[0] != '\0')
        ht_driver_warn(d, damage.text);
    if (st == HT_OK)
        return;
    snprintf(text, sizeof text, "the logs of the killed run r%lu were not taken over into the study: %s", s->before.run,
             why.text);
    ht_driver_warn(d, text);
}

/* Runs that are in the study already move the priors of the recipe before this run begins. */
static ht_status learn_from_study(ht_start *s, ht_driver *d, ht_error *err)
{
    size_t n = 0;
    ht_run_evidence *runs = NULL;
    HT_TRY(ht_study_pool_parts(s->study, false, NULL, err));
    ht_status st = ht_study_evidence(s->study, &n, &runs, err);
    if (st == HT_OK && n > 0)
        st = ht_recipe_evolve(s->base, n, runs, evolve_step, evolve_decay, &s->recipe, err);
    else if (st == HT_OK || st == HT_ENOTFOUND)
        st = ht_recipe_copy(s->base, &s->recipe, err);
    if (st == HT_OK)
        ht_driver_tell_study(d, s, n, runs);
    ht_study_evidence_free(n, runs);
    return st;
}

static ht_status read_mode(const ht_options *o, ht_start *s, ht_error *err)
{
    s->mode = HT_MODE_ACTIVE;
    if (o->mode != NULL && !ht_mode_parse(o->mode, &s->mode))
        return ht_fail(err, HT_EINVAL, "mode '%s' is unknown; it is one of off, observe, suggest, active, replay",
                       o->mode);
    if (s->mode == HT_MODE_REPLAY && o->replay == NULL)
        return ht_fail(err, HT_EINVAL, "mode replay needs a mutation log; give the path of one");
    if (o->replay == NULL)
        return HT_OK;
    size_t n = 0;
    HT_TRY(ht_file_read(o->replay, &s->replay, &n, err));
    return strlen(s->replay) == n ? HT_OK
                                  : ht_fail(err, HT_EFORMAT, "'%s' is damaged: it holds bytes that are 0", o->replay);
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
            ht_driver_warn(d, text);
        }
}

ht_status ht_driver_name_study(const ht_options *o, ht_start *s, ht_error *err)
{
    s->study = o->study != NULL ? ht_path_join(".", o->study) : ht_path_join(o->run_dir, HT_FILE_STUDY);
    return s->study != NULL ? HT_OK : ht_fail(err, HT_ENOMEM, "no memory for a path");
}

/* The run goes on without what is damaged; who can bring it back should know at once. */
static void warn_of_damage(const ht_start *s, ht_driver *d)
{
    if (s->history.damage.text[0] != '\0')
        ht_driver_warn(d, s->history.damage.text);
    if (s->before.damaged)
        ht_driver_warn(
            d, "'" HT_FILE_LOCK
               "' is damaged: whether the run before ended is not known, and what it left in its logs "
               "alone is not taken over");
}

/* Before anything is taken into the study, which seals it. */
static bool is_unsealed(const ht_start *s)
{
    return ht_file_look(s->study).exists && !ht_seal_is_there(s->study);
}

static void warn_of_unsealed(const ht_start *s, ht_driver *d)
{
    ht_error text;
    ht_fail(&text, HT_EFORMAT,
            "'%s' carries no checksum any more: another program changed it, or its end is gone, and what "
            "this run learns from it "
            "may be damaged; 'hottune study check' tells what can be found",
            s->study);
    ht_driver_warn(d, text.text);
}

static ht_status look_around(const ht_options *o, ht_start *s, ht_driver *d, ht_error *err)
{
    HT_TRY(read_mode(o, s, err));
    HT_TRY(ht_run_dir_history(o->run_dir, &s->history, err));
    warn_of_damage(s, d);
    HT_TRY(find_recipe(o, s, d, err));
    HT_TRY(ht_recipe_set_words(s->base, o->recipe_unless_given, false, err));
    HT_TRY(ht_recipe_set_words(s->base, o->recipe_set, true, err));
    HT_TRY(check_ability(s->base, err));
    warn_of_idle_families(s->base, d);
    HT_TRY(ht_driver_name_study(o, s, err));
    bool unsealed = is_unsealed(s);
    salvage(o, s, d);
    HT_TRY(learn_from_study(s, d, err));
    if (unsealed)
        warn_of_unsealed(s, d);
    s->seed = o->seed;
    s->epochs = o->max_epochs;
    return apply_seed(o, s->recipe, err);
}

static void tell_salvage(const ht_start *s, ht_driver *d)
{
    char text[96];
    if (s->salvaged == 0)
        return;
    snprintf(text, sizeof text, "r%lu was killed: %zu segments of its log are in the study now", s->before.run,
             s->salvaged);
    ht_driver_note_event(d, text);
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
    if (d->recalls)
        return;
    if (d->plan != NULL)
        d->plan(d->plan_ctx, text);
    else if (view.pool == NULL)
        ht_driver_warn(d, text);
}

static ht_recorder_options records_of(const ht_driver_options *o, const ht_start *s, const ht_driver *d,
                                      const char *mpi)
{
    return (ht_recorder_options){
        .dir = o->options->run_dir, .study = s->study, .name = o->options->name, .history = &s->history,
        .recipe = s->recipe, .base = s->base, .seed = s->seed, .n_replicas = o->n_replicas,
        .ranks_per_replica = o->ranks_per_replica, .mpi_version = mpi, .places = &o->places,
        .before = &s->before, .lock = d->lock,
        .resumes = s->run, .began = s->began, .study_run = s->study_run, .start = d->start};
}

static ht_coordinator_options coordinator_of(const ht_start *s, ht_driver *d)
{
    return (ht_coordinator_options){
        .n_replicas = s->replicas, .recipe = s->recipe, .mode = s->mode, .epochs = s->epochs,
        .announce = announce, .announce_ctx = d, .first_mutation = s->history.mutations,
        .first_segment = s->history.segments, .replay = s->replay, .silence_s = s->silence_s};
}

ht_chronicle_options ht_driver_chronicle(const ht_driver_options *o, const ht_driver *d)
{
    return (ht_chronicle_options){.dir = o->options->run_dir, .every_s = o->options->checkpoint_s,
                                  .most_bytes = o->options->checkpoint_bytes, .n_replicas = o->n_replicas,
                                  .guard = ht_run_lock_guard(d->lock), .before = d->former};
}

/* ---- a new run ------------------------------------------------------------------------------ */

/* A run that cannot keep a journal is none the worse until it is killed. */
static void begin_chronicle(const ht_driver_options *o, ht_start *s, ht_driver *d)
{
    const ht_chronicle_options options = ht_driver_chronicle(o, d);
    ht_error err = {""};
    if (options.every_s < 0)
        return;
    if (s->n_logs == 0)
        ht_recorder_sizes(d->recorder, &s->n_logs, &s->logs);
    s->run = ht_recorder_run(d->recorder);
    s->began = ht_recorder_began(d->recorder);
    ht_name_copy(s->study_run, ht_recorder_study_run(d->recorder));
    char *text = ht_start_to_text(o, s);
    if (text == NULL || ht_chronicle_begin(&options, text, &d->chronicle, &err) != HT_OK)
        ht_driver_warn(d, text != NULL ? err.text : "no memory for a journal: this run cannot be resumed");
    free(text);
}

ht_status ht_driver_make(const ht_driver_options *o, const ht_start *s, ht_driver *d, ht_error *err)
{
    char version[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    const ht_recorder_options records = records_of(o, s, d, mpi_library(o->options, version));
    const ht_coordinator_options coordinator = coordinator_of(s, d);
    HT_TRY(ht_recorder_create(&records, &d->recorder, err));
    return ht_coordinator_create(&coordinator, &d->coordinator, err);
}

ht_status ht_driver_assemble(const ht_driver_options *o, ht_start *s, ht_driver *d, ht_error *err)
{
    HT_TRY(ht_driver_make(o, s, d, err));
    HT_TRY(ht_driver_take_files(d, s->n_logs, s->logs, err));
    HT_TRY(ht_recorder_begin(d->recorder, err));
    begin_chronicle(o, s, d);
    HT_TRY(ht_run_lock_settle(d->lock, err));
    if ((d->gone = calloc((size_t)o->n_replicas, sizeof *d->gone)) == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a coordinator");
    tell_salvage(s, d);
    return ht_inbox_open(o->options->run_dir, s->history.command_end, &d->inbox, err);
}

static ht_status begin_or_go_on(const ht_driver_options *o, ht_start *s, ht_driver *d, ht_error *err)
{
    const char *dir = o->options->run_dir;
    char *text = NULL;
    s->silence_s = o->patience_s / 2;
    s->replicas = o->n_replicas;
    d->run_dir = strdup(dir);
    d->start = cJSON_CreateObject();
    if (d->run_dir == NULL || d->start == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a coordinator");
    HT_TRY(ht_run_dir_create(dir, err));
    HT_TRY(ht_run_lock_take(dir, &d->lock, &s->before, err));
    d->former = s->before;
    ht_driver_tell_places(d, s, &o->places);
    ht_status st = o->options->resume ? ht_chronicle_start(dir, &text, err) : HT_ENOTFOUND;
    if (st == HT_OK)
        st = ht_driver_resume(o, text, s, d, err);
    else if (st == HT_ENOTFOUND && (st = look_around(o->options, s, d, err)) == HT_OK)
        st = ht_driver_assemble(o, s, d, err);
    if (st == HT_OK)
        ht_driver_note_opening(d, s, &o->places);
    free(text);
    d->epochs = s->epochs;
    return st == HT_OK ? ht_driver_deadline_begin(d, o->options, err) : st;
}

ht_status ht_driver_create(const ht_driver_options *o, ht_driver **out, ht_error *err)
{
    if (o->options->run_dir == NULL || o->options->run_dir[0] == '\0')
        return ht_fail(err, HT_EINVAL, "run_dir is not given, nor HOTTUNE_JOB_DIR: a run needs a directory for its files");
    ht_driver *d = calloc(1, sizeof *d);
    if (d == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a coordinator");
    ht_start s = {0};
    *d = (ht_driver){.comm = o->comm, .poll_s = o->poll_s, .mode_was_given = o->options->mode != NULL,
                     .first_poll = true, .warning = o->options->warning, .warning_ctx = o->options->warning_ctx,
                     .progress = o->options->progress, .progress_ctx = o->options->progress_ctx,
                     .event = o->options->event, .event_ctx = o->options->event_ctx,
                     .plan = o->options->plan, .plan_ctx = o->options->plan_ctx,
                     .n_replicas = o->n_replicas, .n_here = o->n_replicas,
                     .ranks_per_replica = o->ranks_per_replica, .patience_s = o->patience_s, .leave_asked = o->options->leave};
    d->started = ht_comm_now(d->comm);
    d->polled = d->started - d->poll_s;
    d->looked = d->started;
    size_t existing = ht_run_dir_existing(o->options->run_dir);
    ht_status st = begin_or_go_on(o, &s, d, err);
    release(&s);
    if (st != HT_OK) {
        ht_driver_destroy(d);
        ht_run_dir_undo(o->options->run_dir, existing);
        return st;
    }
    *out = d;
    return HT_OK;
}
