/* tests/unit/test_tuner_save.c - a tuner that is saved, destroyed, made anew and loaded goes on as if
 * nothing had been.
 *
 * A training of optimizer groups, weights and typed knobs is tuned through N decision points: proposals,
 * metrics, schedules, failing setters, operations and freezes are functions of (world, decision), so that
 * every part of a run can be repeated. For each k the run is cut after decision k: the state goes through
 * text into a new process' worth of objects, whose knobs hold something else, and all that comes out
 * afterwards must be the same, line by line. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "cases.h"
#include "store/record_json.h"
#include "tune/knob.h"
#include "tune/tuner_save.h"
#include "tune/weights.h"
#include "tuner_stage.h"

enum { N = 90, WORLDS = 6, GROUPS = 2, WEIGHTS = 3 };

typedef struct {
    double lr[GROUPS], base_lr[GROUPS], wd[GROUPS], betas[GROUPS][2];
    bool has_wd[GROUPS];
    float weights[WEIGHTS]; /* stores less than it is given */
    bool has_weight[WEIGHTS];
    double gain;
    long long width;
    double drive;
} training;

typedef struct {
    unsigned long number;
    training live;
    long long step; /* of the decision that is being made */
    unsigned long decision;
    ht_recipe *recipe;
    ht_metrics *metrics;
    ht_actuators *actuators;
    ht_knobs *knobs;
    ht_tuner *tuner;
    ht_string log; /* of this decision */
    unsigned seen[HT_MUTATION_INCONCLUSIVE + 1], relative, off, paused, warned;
} world;

static ht_random stream(const world *w, unsigned purpose)
{
    return ht_random_stream(100 + w->number, HT_RANDOM_TEST, purpose, w->decision);
}

/* ---- ports: everything that comes out becomes a line --------------------------------------- */

static void put_line(world *w, cJSON *record)
{
    char *text = ht_json_line(record);
    ht_string_add(&w->log, "%s\n", text != NULL ? text : "?");
    free(text);
    cJSON_Delete(record);
}

static ht_status take_mutation(void *ctx, const ht_mutation *m)
{
    world *w = ctx;
    w->seen[m->status]++;
    put_line(w, ht_mutation_to_json(m, (ht_stamp){0}));
    return w->decision == 85 ? HT_EIO : HT_OK; /* the log is full: tuning goes off */
}

static ht_status take_segment(void *ctx, const ht_segment *g, const ht_mutation *m)
{
    world *w = ctx;
    (void)m;
    w->relative += g->rollback == HT_ROLLBACK_RELATIVE;
    put_line(w, ht_segment_to_json(g, (ht_stamp){0}));
    return HT_OK;
}

static ht_status take_window(void *ctx, const ht_window *v)
{
    world *w = ctx;
    w->paused += v->pause_left > 0;
    put_line(w, ht_window_to_json(v, (ht_stamp){0}));
    return HT_OK;
}

static void take_off(void *ctx, const char *what, const char *error)
{
    world *w = ctx;
    w->off++;
    ht_string_add(&w->log, "off: %s: %s\n", what, error);
}

static void take_warning(void *ctx, const char *text)
{
    world *w = ctx;
    w->warned++;
    ht_string_add(&w->log, "warning: %s\n", text);
}

static ht_status propose(void *ctx, const ht_ask *ask, ht_proposal *out, bool *found)
{
    world *w = ctx;
    ht_random r = stream(w, 1);
    ht_string_add(&w->log, "ask %s:", ask->phase);
    for (size_t i = 0; i < ask->n; i++)
        ht_string_add(&w->log, " %s:%s %a..%a", ask->families[i].actuator, ask->families[i].key,
                      ask->families[i].lo[0], ask->families[i].hi[0]);
    ht_string_add(&w->log, "\n");
    *found = ask->n > 0;
    if (!*found)
        return HT_OK;
    const ht_eligible *e = &ask->families[ht_random_below(&r, ask->n)];
    double x[2];
    for (size_t i = 0; i < e->n && i < 2; i++)
        x[i] = ht_random_between(&r, e->lo[i], e->hi[i]);
    memset(out, 0, sizeof *out);
    ht_name_copy(out->actuator, e->actuator);
    ht_name_copy(out->key, e->key);
    ht_name_copy(out->patch.op, e->keyed ? e->mode == HT_SPEC_MULT ? "mult" : "delta" : e->key);
    ht_name_copy(out->patch.key, e->keyed ? e->key : "");
    out->patch.value = e->n == 1 ? ht_real(x[0]) : ht_tuple(2, x);
    out->source = HT_SOURCE_TPE;
    return HT_OK;
}

/* ---- the training --------------------------------------------------------------------------- */

static bool get_weight(void *ctx, const char *key, double *out)
{
    const world *w = ctx;
    size_t i = (size_t)(key[1] - '0');
    *out = (double)w->live.weights[i];
    return w->live.has_weight[i];
}

static ht_status put_weight(void *ctx, const char *key, double value)
{
    world *w = ctx;
    size_t i = (size_t)(key[1] - '0');
    w->live.weights[i] = (float)value;
    w->live.has_weight[i] = true;
    return HT_OK;
}

static void remove_weight(void *ctx, const char *key)
{
    ((world *)ctx)->live.has_weight[key[1] - '0'] = false;
}

static ht_status set_gain(void *ctx, const ht_value *value, const ht_env *env, ht_error *err)
{
    (void)env;
    (void)err;
    ((world *)ctx)->live.gain = value->scalar.number;
    return HT_OK;
}

static bool get_gain(void *ctx, ht_value *out)
{
    *out = ht_real(((world *)ctx)->live.gain);
    return true;
}

/* Multiples of 8; nobody can read it back. */
static ht_status set_width(void *ctx, const ht_value *value, const ht_env *env, ht_error *err)
{
    (void)env;
    (void)err;
    ((world *)ctx)->live.width = 8 * ((long long)value->scalar.number / 8);
    return HT_OK;
}

/* Stuck every now and then for a while. */
static ht_status set_drive(void *ctx, const ht_value *value, const ht_env *env, ht_error *err)
{
    world *w = ctx;
    (void)env;
    if (w->decision % 30 > 10 && w->decision % 30 < 26 && w->step > 0)
        return ht_fail(err, HT_EFAILED, "the drive is stuck");
    w->live.drive = value->scalar.number;
    return HT_OK;
}

/* ---- a world -------------------------------------------------------------------------------- */

/* A start that depends on `salt`: what a new process happens to have in its knobs. */
static void start_training(world *w, double salt)
{
    training *t = &w->live;
    for (int i = 0; i < GROUPS; i++) {
        t->lr[i] = t->base_lr[i] = .01 * salt / (1 + i);
        t->wd[i] = salt - 1; /* a factor needs the floor */
        t->betas[i][0] = .8;
        t->betas[i][1] = 1 - .01 * salt;
    }
    t->has_wd[0] = true;
    for (int i = 0; i < WEIGHTS; i++) {
        t->weights[i] = 1;
        t->has_weight[i] = i != 2;
    }
    t->gain = .5 * salt;
    t->width = 64;
    t->drive = 1 * salt;
}

static const char recipe_text[] =
    "{\"actuators\": {"
    "\"opt\": {\"mutations\": {\"lr_mult\": {\"bounds\": [0.5, 2.0], \"cooldown\": 2}, "
    "\"wd_mult\": {\"bounds\": [0.5, 2.0], \"floor\": 0.001}, \"betas_set\": {\"bounds\": [0.5, 0.95], "
    "\"cooldown\": 3}}}, "
    "\"loss\": {\"keys\": {\"w0\": {\"bounds\": [0.5, 2.0], \"mode\": \"mult\"}, \"w2\": {\"bounds\": [-0.4, "
    "0.4], "
    "\"mode\": \"delta\"}}}, "
    "\"net\": {\"mutations\": {\"gain_mult\": {\"bounds\": [0.5, 2.0]}, \"width_delta\": {\"bounds\": [-16, "
    "16]}}}, "
    "\"rig\": {\"mutations\": {\"drive_mult\": {\"bounds\": [0.9, 1.1]}}}}, "
    "\"objective\": {\"primary\": \"val/loss\", \"backup_metrics\": [\"train/loss\"]}, "
    "\"acceptance\": {\"horizon\": \"%s\", \"epsilon\": 0.0, \"rollback_on_reject\": %s}, "
    "\"safety\": {\"max_global_reject_streak\": 3, \"reject_pause\": 2, \"grad_spike_factor\": 3.0}}";

static bool add_targets(world *w)
{
    const ht_weight_access access = {w, get_weight, put_weight, remove_weight};
    const ht_knob_spec knobs[] = {
        {.key = "gain",
         .type = HT_KNOB_LOG_FLOAT,
         .set = set_gain,
         .get = get_gain,
         .ctx = w,
         .group = "net",
         .metric = "gain",
         .has_min = true,
         .min = 1e-3,
         .has_max = true,
         .max = 10,
         .initial = ht_real(w->live.gain)},
        {.key = "width",
         .type = HT_KNOB_INT,
         .set = set_width,
         .ctx = w,
         .group = "net",
         .has_min = true,
         .min = 8,
         .has_max = true,
         .max = 128,
         .initial = ht_int(64)},
        {.key = "drive",
         .type = HT_KNOB_FLOAT,
         .set = set_drive,
         .ctx = w,
         .group = "rig",
         .initial = ht_real(w->live.drive)},
        {.key = "spare", .type = HT_KNOB_FLOAT, .set = set_drive, .ctx = w, .group = "other"}};
    ht_param_group groups[GROUPS];
    void *opt = NULL, *loss = NULL;
    for (int i = 0; i < GROUPS; i++)
        groups[i] = (ht_param_group){&w->live.lr[i], &w->live.base_lr[i], &w->live.wd[i], w->live.betas[i],
                                     .has_weight_decay = &w->live.has_wd[i]};
    if (ht_metrics_create(&w->metrics, NULL) != HT_OK || ht_actuators_create(&w->actuators, NULL) != HT_OK ||
        ht_knobs_create(&w->knobs, NULL) != HT_OK)
        return false;
    for (size_t i = 0; i < sizeof knobs / sizeof *knobs; i++)
        if (ht_knobs_add(w->knobs, &knobs[i], NULL) != HT_OK)
            return false;
    ht_knobs_initialize(w->knobs);
    ht_actuators_attach_knobs(w->actuators, w->knobs);
    return ht_optimizer_create(GROUPS, groups, NULL, &opt, NULL) == HT_OK &&
           ht_actuators_add(w->actuators, "opt", &ht_optimizer_class, opt, NULL) == HT_OK &&
           ht_weights_create(&access, 0, 100, 0, NULL, NULL, &loss, NULL) == HT_OK &&
           ht_actuators_add(w->actuators, "loss", &ht_weights_class, loss, NULL) == HT_OK;
}

static world *open_world(unsigned long number, double salt)
{
    static const char *const horizons[] = {"next_val_epoch_end", "val_epochs:3", "steps:150"};
    char text[sizeof recipe_text + 64];
    ht_error err = {""};
    world *w = calloc(1, sizeof *w);
    CU_ASSERT_PTR_NOT_NULL_FATAL(w);
    w->number = number;
    start_training(w, salt);
    snprintf(text, sizeof text, recipe_text, horizons[number % 3], number == 4 ? "false" : "true");
    if (ht_recipe_parse(text, "recipe", &w->recipe, &err) != HT_OK || !add_targets(w)) {
        fprintf(stderr, "%s\n", err.text);
        CU_FAIL_FATAL("the world cannot be made");
    }
    const ht_tuner_options o = {
        .recipe = w->recipe,
        .metrics = w->metrics,
        .actuators = w->actuators,
        .effector = ht_effector_local(w->actuators),
        .ports = {w, propose, take_mutation, take_segment, take_window, take_off, take_warning},
        .mode = HT_MODE_ACTIVE,
        .replica = 3,
        .auto_disable_on_error = true};
    CU_ASSERT_EQUAL_FATAL(ht_tuner_create(&o, &w->tuner, NULL), HT_OK);
    return w;
}

static void close_world(world *w)
{
    ht_tuner_destroy(w->tuner);
    ht_actuators_destroy(w->actuators);
    ht_knobs_destroy(w->knobs);
    ht_metrics_destroy(w->metrics);
    ht_recipe_destroy(w->recipe);
    ht_string_release(&w->log);
    free(w);
}

/* ---- what happens at a decision ------------------------------------------------------------- */

static void operate(world *w, const char *op, const char *params, const char *replay)
{
    ht_op_result result;
    ht_replay queue = {0};
    cJSON *p = NULL;
    CU_ASSERT(params == NULL || ht_json_parse(params, &p, NULL, NULL) == HT_OK);
    CU_ASSERT(replay == NULL || ht_replay_parse(replay, &queue, NULL) == HT_OK);
    ht_tuner_operate(w->tuner, op, p, replay != NULL ? &queue : NULL, &result);
    ht_string_add(&w->log, "%s %s: %d %s\n", op, params != NULL ? params : "", (int)result.decision,
                  result.error);
    cJSON_Delete(result.payload);
    cJSON_Delete(p);
    ht_replay_release(&queue);
}

static void ask_for_something(world *w)
{
    switch (w->decision) {
    case 8:
        operate(w, "set", "{\"acceptance.epsilon\": 0.01, \"safety.reject_pause\": 3}", NULL);
        break;
    case 17:
        ht_tuner_freeze(w->tuner, true);
        break;
    case 20:
        ht_tuner_freeze(w->tuner, false);
        break;
    case 33:
        operate(w, "disable", NULL, NULL);
        break;
    case 36:
        operate(w, "enable", "{\"mode\": \"suggest\"}", NULL);
        break;
    case 38:
        operate(w, "enable", NULL, NULL);
        break;
    case 44:
        operate(w, "mutate", "{\"actuator\": \"opt\", \"patch\": {\"op\": \"lr_mult\", \"value\": 0.9}}",
                NULL);
        break;
    case 52:
        operate(
            w, "enable", "{\"mode\": \"replay\"}",
            "{\"step\": 5300, \"actuator\": \"loss\", \"patch\": {\"op\": \"mult\", \"key\": \"w0\", "
            "\"value\": 1.5}}\n"
            "{\"step\": 5700, \"actuator\": \"net\", \"patch\": {\"op\": \"gain_mult\", \"value\": 0.7}}\n"
            "{\"step\": 999999, \"actuator\": \"net\", \"patch\": {\"op\": \"gain_mult\", \"value\": "
            "0.7}}\n");
        break;
    case 59:
        operate(w, "enable", NULL, NULL);
        break;
    case 70:
        operate(w, "set", "{\"actuators.rig.enabled\": true}", NULL);
        break;
    default:
        break;
    }
}

static bool chance(ht_random *r, double p)
{
    return ht_random_uniform(r) < p;
}

static void report(world *w)
{
    ht_random r = stream(w, 2);
    double loss = 2 / (1 + .01 * (double)w->decision) + .2 * ht_random_normal(&r);
    ht_value text = ht_text("0.5");
    if (chance(&r, .08))
        loss = NAN;
    if (chance(&r, .9)) /* else: the reading before stands */
        ht_metrics_set(w->metrics, chance(&r, .5) ? "val/loss" : "val_loss", loss, NULL);
    if (chance(&r, .05))
        ht_metrics_clear(w->metrics, "val/loss");
    ht_metrics_set_value(w->metrics, "train/loss", &text, NULL);
    ht_metrics_set(w->metrics, "grad/norm", chance(&r, .1) ? 50 : 1 + ht_random_uniform(&r), NULL);
    ht_metrics_set(w->metrics, "gain", w->live.gain, NULL);
}

/* A schedule of the program, and somebody who turns a knob by hand. */
static void move_values(world *w)
{
    ht_random r = stream(w, 3);
    if (chance(&r, .3))
        for (int i = 0; i < GROUPS; i++)
            w->live.lr[i] = w->live.base_lr[i] * .97;
    if (chance(&r, .1))
        w->live.gain *= 1.01;
    if (chance(&r, .1)) {
        ht_value gain = ht_real(.5 + ht_random_uniform(&r));
        ht_effector e = ht_effector_local(w->actuators);
        CU_ASSERT_EQUAL(e.set(e.ctx, "gain", &gain, NULL, NULL), HT_OK);
    }
    if (chance(&r, .1))
        ht_tuner_value_was_commanded(w->tuner, "lr");
}

static void show_training(world *w)
{
    const training *t = &w->live;
    ht_knob_view v;
    ht_tuner_state state;
    for (int i = 0; i < GROUPS; i++)
        ht_string_add(&w->log, "%a %a %d %a %a %a; ", t->lr[i], t->base_lr[i], (int)t->has_wd[i],
                      t->has_wd[i] ? t->wd[i] : 0, t->betas[i][0], t->betas[i][1]);
    for (int i = 0; i < WEIGHTS; i++)
        ht_string_add(&w->log, "%d %a; ", (int)t->has_weight[i],
                      t->has_weight[i] ? (double)t->weights[i] : 0);
    ht_string_add(&w->log, "%a %lld %a", t->gain, t->width, t->drive);
    for (size_t i = 0; i < ht_knobs_count(w->knobs); i++) {
        ht_knobs_at(w->knobs, i, &v);
        ht_string_add(&w->log, "; %s %d %a %s %lld %zu %d", v.spec->key, (int)v.current.kind,
                      v.current.scalar.number, ht_knob_state_text(v.state), v.last_changed_step, v.n_changes,
                      v.last_verified);
    }
    ht_tuner_peek(w->tuner, &state);
    ht_string_add(&w->log, "; %d %lu %lu %lld %lld %lu %d %lu\n", (int)state.mode, state.mutation_counter,
                  state.segment_counter, state.reject_streak, state.pause_left, state.active_mutation,
                  (int)state.was_on, state.replay_missed);
}

/* One decision point, the step before it and the first step after it. @return what came out, owned by the
 * caller */
static char *decide(world *w, unsigned long decision)
{
    w->decision = decision;
    w->step = (long long)decision * 100;
    ht_random r = stream(w, 4);
    ht_env env = {.step = w->step - 50,
                  .epoch = (double)decision - .5,
                  .max_steps = decision == 1 ? 100 * N : 0,
                  .loss = 1};
    if (decision == 1)
        ht_tuner_event(w->tuner, HT_FIT_START, &env, NULL);
    ht_tuner_event(w->tuner, HT_TRAIN_BATCH_END, &env, NULL);
    move_values(w);
    report(w);
    ask_for_something(w);
    ht_knobs_verify(w->knobs, "gain", w->metrics);
    env = (ht_env){.step = w->step, .epoch = (double)decision, .loss = 1, .grad_spike = chance(&r, .05)};
    ht_tuner_event(w->tuner, HT_VAL_EPOCH_END, &env, NULL);
    if (decision == N)
        CU_ASSERT_EQUAL(ht_tuner_close(w->tuner, NULL), HT_OK);
    env.loss = chance(&r, .04) ? INFINITY : 1;
    ht_tuner_event(w->tuner, HT_TRAIN_BATCH_END, &env, NULL);
    show_training(w);
    return ht_string_take(&w->log);
}

/* ---- through text --------------------------------------------------------------------------- */

static char *saved_text(const world *w)
{
    cJSON *tree = ht_tuner_save(w->tuner, NULL);
    char *text = tree != NULL ? ht_json_line(tree) : NULL;
    cJSON_Delete(tree);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    return text;
}

static ht_status load_text(world *w, const char *text, ht_error *err)
{
    cJSON *tree = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(text, &tree, NULL, err), HT_OK);
    ht_status st = ht_tuner_load(w->tuner, tree, err);
    cJSON_Delete(tree);
    return st;
}

/* Goes on from `text` at decision `first`. @return the first decision that differs, 0 = none */
static unsigned long go_on(unsigned long number, const char *text, unsigned long first, char *const *wanted)
{
    unsigned long differs = 0;
    world *w = open_world(number, 1.7);
    ht_error err = {""};
    ht_string_release(&w->log);
    if (load_text(w, text, &err) != HT_OK) {
        fprintf(stderr, "world %lu, decision %lu: %s\n", number, first, err.text);
        differs = first;
    }
    char *again = saved_text(w);
    if (strcmp(again, text) != 0)
        differs = first;
    free(again);
    for (unsigned long d = first; d <= N && differs == 0; d++) {
        char *line = decide(w, d);
        if (strcmp(line, wanted[d]) != 0) {
            fprintf(stderr, "world %lu, cut before %lu, differs at %lu:\n%s---\n%s", number, first, d,
                    wanted[d], line);
            differs = d;
        }
        free(line);
    }
    close_world(w);
    return differs;
}

static void a_run_goes_on_from_every_decision_as_if_it_had_not_stopped(void)
{
    unsigned seen[HT_MUTATION_INCONCLUSIVE + 1] = {0}, relative = 0, off = 0, paused = 0, open = 0;
    for (unsigned long number = 0; number < WORLDS; number++) {
        char *wanted[N + 1] = {NULL}, *saved[N + 1] = {NULL};
        world *w = open_world(number, 1);
        ht_string_release(&w->log);
        for (unsigned long d = 1; d <= N; d++) {
            ht_tuner_state state;
            ht_tuner_peek(w->tuner, &state);
            open += state.active_mutation > 0;
            saved[d] = saved_text(w);
            wanted[d] = decide(w, d);
        }
        for (unsigned long d = 1; d <= N; d++)
            CU_ASSERT_EQUAL_FATAL(go_on(number, saved[d], d, wanted), 0);
        for (size_t i = 0; i < sizeof seen / sizeof *seen; i++)
            seen[i] += w->seen[i];
        relative += w->relative;
        off += w->off;
        paused += w->paused;
        close_world(w);
        for (unsigned long d = 0; d <= N; d++) {
            free(wanted[d]);
            free(saved[d]);
        }
    }
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) /* the test tries what it says it tries */
        CU_ASSERT(seen[i] > 0);
    CU_ASSERT(relative > 0 && off > 0 && paused > 0 && open > 20);
    printf(" [%u open at a cut, %u accepted, %u rolled back (%u relative), %u failed, %u off]", open,
           seen[HT_MUTATION_ACCEPTED], seen[HT_MUTATION_ROLLED_BACK], relative, seen[HT_MUTATION_FAILED],
           off);
}

/* A run without any save says the same. */
static void saving_changes_nothing(void)
{
    world *a = open_world(1, 1), *b = open_world(1, 1);
    for (unsigned long d = 1; d <= N; d++) {
        free(saved_text(b));
        char *x = decide(a, d), *y = decide(b, d);
        CU_ASSERT_STRING_EQUAL(x, y);
        free(x);
        free(y);
    }
    close_world(a);
    close_world(b);
}

/* ---- damage --------------------------------------------------------------------------------- */

/* A world with something of everything: an open segment on `actuator`, cooldowns, a queue, metrics. */
static world *busy_world(const char *actuator)
{
    for (unsigned long number = 0; number < WORLDS; number++) {
        world *w = open_world(number, 1);
        for (unsigned long d = 1; d < 33; d++) {
            free(decide(w, d));
            cJSON *tree = ht_tuner_save(w->tuner, NULL);
            const char *open =
                ht_json_text(ht_json_member(ht_json_member(tree, "training"), "open"), "actuator");
            bool found = open != NULL && strcmp(open, actuator) == 0;
            cJSON_Delete(tree);
            if (found)
                return w;
        }
        close_world(w);
    }
    CU_FAIL_FATAL("no segment was ever open");
    return NULL;
}

static bool is_hurt_by(world *w, cJSON *tree, const char *before)
{
    ht_error err = {""};
    ht_status st = ht_tuner_load(w->tuner, tree, &err);
    if (st == HT_OK)
        return false;
    char *after = saved_text(w);
    CU_ASSERT_EQUAL(st, HT_EFORMAT);
    CU_ASSERT_EQUAL(strncmp(err.text, "tuner", 5), 0);
    CU_ASSERT_STRING_EQUAL(after, before);
    free(after);
    return true;
}

/* Take out each member in turn, and put something else in its place. */
static void damage_all(cJSON *root, cJSON *at, unsigned long number, unsigned *tried)
{
    for (cJSON *item = at->child; item != NULL; item = item->next) {
        bool in_recipe = item->string != NULL && strcmp(item->string, "recipe") == 0;
        cJSON *others[] = {cJSON_CreateObject(), cJSON_CreateArray(), cJSON_CreateTrue(), ht_json_real(-1.5)};
        world *w = open_world(number, 1.7);
        char *before = saved_text(w);
        bool hurt = false;
        for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
            cJSON kept = *item; /* its content, exchanged in place */
            item->type = others[i]->type;
            item->child = NULL;
            item->valuedouble = others[i]->valuedouble;
            item->valuestring = NULL;
            (*tried)++;
            if (is_hurt_by(w, root, before)) {
                hurt = true;
            } else { /* this one was fine: start from a fresh one again */
                close_world(w);
                free(before);
                w = open_world(number, 1.7);
                before = saved_text(w);
            }
            item->type = kept.type;
            item->child = kept.child;
            item->valuedouble = kept.valuedouble;
            item->valuestring = kept.valuestring;
            cJSON_Delete(others[i]);
        }
        CU_ASSERT(hurt);
        if (item->string != NULL) {
            char *name = item->string;
            item->string = (char *)"elsewhere";
            (*tried)++;
            CU_ASSERT(is_hurt_by(w, root, before));
            item->string = name;
        }
        close_world(w);
        free(before);
        if (!in_recipe) /* its own tests look at that */
            damage_all(root, item, number, tried);
    }
}

static void damage_is_named_and_changes_nothing(void)
{
    static const char *const actuators[] = {"opt", "loss", "net"};
    unsigned tried = 0;
    for (size_t i = 0; i < sizeof actuators / sizeof *actuators; i++) {
        world *w = busy_world(actuators[i]);
        cJSON *tree = ht_tuner_save(w->tuner, NULL);
        damage_all(tree, tree, w->number, &tried);
        cJSON_Delete(tree);
        close_world(w);
    }
    CU_ASSERT(tried > 1000);
    printf(" [%u damages]", tried);
}

static void a_state_of_another_replica_or_program_is_refused(void)
{
    world *w = open_world(0, 1);
    char *text = saved_text(w), *at = strstr(text, "\"replica\":3");
    ht_error err = {""};
    stage s;
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    at[10] = '4';
    CU_ASSERT_EQUAL(load_text(w, text, &err), HT_EFORMAT);
    CU_ASSERT_STRING_EQUAL(err.text, "tuner is of replica 4; this is replica 3");
    at[10] = '0';
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    cJSON *tree = NULL;
    CU_ASSERT_EQUAL(ht_json_parse(text, &tree, NULL, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_tuner_load(s.tuner, tree, &err), HT_EFORMAT);
    CU_ASSERT_STRING_EQUAL(err.text,
                           "tuner.training.actuators[0].groups has 2 parameter groups; the program has 1");
    cJSON_Delete(tree);
    stage_close(&s);
    close_world(w);
    free(text);
}

/* ---- actuators of the program's own --------------------------------------------------------- */

static void a_snapshot_that_cannot_be_saved_ends_its_segment_without_a_verdict(void)
{
    stage before, after;
    fresh(&before, RECIPE(""), HT_MODE_ACTIVE);
    stage_validate(&before, 100, 1);
    turn_rig(&before, 200, 1);
    CU_ASSERT_EQUAL(before.n_mutations, 1);
    cJSON *tree = ht_tuner_save(before.tuner, NULL);
    CU_ASSERT_EQUAL(before.n_segments, 0);
    stage_close(&before);

    fresh(&after, RECIPE(""), HT_MODE_ACTIVE);
    after.rig.value = 5; /* the program brought it back */
    CU_ASSERT_EQUAL(ht_tuner_load(after.tuner, tree, NULL), HT_OK);
    cJSON_Delete(tree);
    CU_ASSERT_EQUAL(after.n_segments, 1);
    CU_ASSERT_EQUAL(last_segment(&after)->decision, HT_DECISION_INCONCLUSIVE);
    CU_ASSERT_STRING_EQUAL(last_segment(&after)->reason, "resumed");
    CU_ASSERT_EQUAL(last_segment(&after)->rollback, HT_ROLLBACK_FAILED);
    CU_ASSERT_EQUAL(last_mutation(&after)->status, HT_MUTATION_INCONCLUSIVE);
    CU_ASSERT_STRING_EQUAL(last_mutation(&after)->error,
                           "the snapshot of this actuator is the program's own and was not saved");
    CU_ASSERT_EQUAL(after.rig.value, 5);
    CU_ASSERT_EQUAL(stage_state(&after).active_mutation, 0);
    turn_rig(&after, 300, 1); /* and goes on */
    CU_ASSERT_EQUAL(last_mutation(&after)->number, 2);
    CU_ASSERT_EQUAL(last_mutation(&after)->status, HT_MUTATION_APPLIED);
    stage_close(&after);
}

static void a_tuner_in_the_middle_of_something_is_not_loaded_into(void)
{
    stage s;
    ht_error err = {""};
    fresh(&s, RECIPE(""), HT_MODE_ACTIVE);
    stage_validate(&s, 100, 1);
    halve_lr(&s, 200, 1);
    cJSON *tree = ht_tuner_save(s.tuner, NULL);
    CU_ASSERT_EQUAL(ht_tuner_load(s.tuner, tree, &err), HT_EINVAL);
    cJSON_Delete(tree);
    stage_close(&s);
}

static void a_setter_that_refuses_is_named(void)
{
    world *w = open_world(0, 1), *to = open_world(0, 1.7);
    ht_error err = {""};
    free(decide(w, 1));
    char *text = saved_text(w);
    to->decision = 20;
    to->step = 1; /* its drive is stuck now */
    CU_ASSERT_EQUAL(load_text(to, text, &err), HT_EFAILED);
    CU_ASSERT_STRING_EQUAL(err.text, "tuner.training.knobs[2] cannot be set: the drive is stuck");
    free(text);
    close_world(w);
    close_world(to);
}

CASES("tuner_save", CASE(a_run_goes_on_from_every_decision_as_if_it_had_not_stopped),
      CASE(saving_changes_nothing), CASE(damage_is_named_and_changes_nothing),
      CASE(a_state_of_another_replica_or_program_is_refused),
      CASE(a_snapshot_that_cannot_be_saved_ends_its_segment_without_a_verdict),
      CASE(a_tuner_in_the_middle_of_something_is_not_loaded_into), CASE(a_setter_that_refuses_is_named))
