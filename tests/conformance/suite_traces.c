/* tests/conformance/suite_traces.c - whole runs of the tuner with a scripted search (controller_traces.json).
 *
 * A case builds a tuner on mock targets; each step sends an event or an operation, or lets somebody else
 * write a value, and compares the state afterwards and the records that came out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/value.h"
#include "compare.h"
#include "store/record_json.h"
#include "suite.h"
#include "tune/oplist.h"
#include "tune/optimizer.h"
#include "tune/replay.h"
#include "tune/statistics.h"
#include "tune/tuner.h"
#include "tune/weights.h"

enum { GROUPS_MAX = 16 };

typedef struct {
    double lr, weight_decay, betas[2];
    bool has_weight_decay, has_betas;
} group;

typedef struct {
    const cJSON *test, *step; /* under way; borrowed */
    size_t n_groups;
    group groups[GROUPS_MAX];
    cJSON *weights;                /* name -> number */
    bool no_optimizer, no_weights; /* cannot be reached in this step */
    ht_recipe *recipe;
    ht_metrics *metrics;
    ht_actuators *actuators;
    ht_actuator_class boom;
    ht_tuner *tuner;
    ht_statistics statistics;
    cJSON *mutations, *segments; /* lines of this step */
} trace;

/* ---- the targets ---------------------------------------------------------------------------- */

static bool get_weight(void *ctx, const char *key, double *out)
{
    const cJSON *item = ht_json_member(((trace *)ctx)->weights, key);
    if (item != NULL)
        *out = item->valuedouble;
    return item != NULL;
}

static ht_status put_weight(void *ctx, const char *key, double value)
{
    cJSON *weights = ((trace *)ctx)->weights, *item = cJSON_GetObjectItemCaseSensitive(weights, key);
    if (item != NULL)
        cJSON_SetNumberValue(item, value);
    else
        cJSON_AddNumberToObject(weights, key, value);
    return HT_OK;
}

static void remove_weight(void *ctx, const char *key)
{
    cJSON_DeleteItemFromObjectCaseSensitive(((trace *)ctx)->weights, key);
}

static ht_status fail_to_apply(void *self, const ht_patch *patch, const ht_env *env, void *snapshot,
                               ht_error *err)
{
    (void)self;
    (void)patch;
    (void)env;
    (void)snapshot;
    return ht_fail(err, HT_EFAILED, "boom");
}

static void read_groups(trace *t)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, ht_json_member(t->test, "optimizer"))
    {
        if (t->n_groups == GROUPS_MAX)
            break;
        const cJSON *betas = ht_json_member(item, "betas"), *decay = ht_json_member(item, "weight_decay");
        group *g = &t->groups[t->n_groups++];
        *g = (group){.lr = ht_json_number(item, "lr", 0),
                     .has_weight_decay = decay != NULL,
                     .has_betas = cJSON_GetArraySize(betas) == 2};
        if (g->has_weight_decay)
            g->weight_decay = decay->valuedouble;
        for (int i = 0; g->has_betas && i < 2; i++)
            g->betas[i] = cJSON_GetArrayItem(betas, i)->valuedouble;
    }
}

static cJSON *groups_to_json(const trace *t)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < t->n_groups; i++) {
        const group *g = &t->groups[i];
        cJSON *o = cJSON_CreateObject();
        ht_json_put_real(o, "lr", g->lr);
        if (g->has_weight_decay)
            ht_json_put_real(o, "weight_decay", g->weight_decay);
        if (g->has_betas)
            ht_json_put(o, "betas", cJSON_CreateDoubleArray(g->betas, 2));
        cJSON_AddItemToArray(list, o);
    }
    return list;
}

static ht_status add_optimizer(trace *t, const char *name, const ht_actuator_class *class, ht_error *err)
{
    ht_param_group groups[GROUPS_MAX];
    void *self = NULL;
    for (size_t i = 0; i < t->n_groups; i++) {
        group *g = &t->groups[i];
        groups[i] = (ht_param_group){.lr = &g->lr,
                                     .weight_decay = g->has_weight_decay ? &g->weight_decay : NULL,
                                     .betas = g->has_betas ? g->betas : NULL};
    }
    HT_TRY(ht_optimizer_create(t->n_groups, groups, &t->no_optimizer, &self, err));
    return ht_actuators_add(t->actuators, name, class, self, err);
}

static ht_status add_actuator(trace *t, const char *name, ht_error *err)
{
    const ht_weight_access access = {t, get_weight, put_weight, remove_weight};
    void *self = NULL;
    if (strcmp(name, "opt") == 0)
        return add_optimizer(t, name, &ht_optimizer_class, err);
    if (strcmp(name, "boom") == 0)
        return add_optimizer(t, name, &t->boom, err);
    if (strcmp(name, "loss") != 0)
        return ht_fail(err, HT_ENOTFOUND, "no actuator '%s'", name);
    HT_TRY(ht_weights_create(&access, 0, 100, 0, NULL, &t->no_weights, &self, err));
    return ht_actuators_add(t->actuators, name, &ht_weights_class, self, err);
}

/* ---- the ports ------------------------------------------------------------------------------ */

static bool is_truthy(const cJSON *item)
{
    double x;
    if (cJSON_IsString(item))
        return item->valuestring[0] != '\0';
    return cJSON_IsTrue(item) || (as_float(item, &x) && x != 0);
}

/* A number, a bool or a text that holds one. */
static bool read_number(const cJSON *item, double *out)
{
    ht_value v = ht_value_from_json(item);
    return as_float(item, out) || ht_value_as_number(&v, out);
}

static bool read_metric(void *ctx, const char *name, double *out)
{
    return read_number(ht_json_member(ht_json_member(((trace *)ctx)->step, "metrics"), name), out);
}

static ht_status propose(void *ctx, const ht_ask *ask, ht_proposal *out, bool *found)
{
    const trace *t = ctx;
    const cJSON *p = ht_json_member(t->step, "proposal"), *patch = ht_json_member(p, "patch");
    const char *actuator = ht_json_text(p, "actuator"), *key = ht_json_text(p, "mutation_key");
    const char *op = ht_json_text(patch, "op"), *patch_key = ht_json_text(patch, "key");
    ht_tuner_state state;
    (void)ask;
    *found = cJSON_IsObject(p);
    if (!*found)
        return HT_OK;
    ht_tuner_peek(t->tuner, &state);
    cJSON *value = with_floats(ht_json_member(patch, "value"));
    memset(out, 0, sizeof *out);
    ht_name_copy(out->actuator, actuator != NULL ? actuator : "");
    ht_name_copy(out->key, key != NULL ? key : "");
    ht_name_copy(out->patch.op, op != NULL ? op : "");
    ht_name_copy(out->patch.key, patch_key != NULL ? patch_key : "");
    out->patch.value = ht_value_from_json(value);
    out->source = state.recipe->search.algorithm == HT_SEARCH_TPE ? HT_SOURCE_TPE : HT_SOURCE_RANDOM;
    cJSON_Delete(value);
    return HT_OK;
}

static ht_status take_mutation(void *ctx, const ht_mutation *m)
{
    trace *t = ctx;
    ht_statistics_mutation(&t->statistics, m);
    cJSON_AddItemToArray(t->mutations, ht_mutation_to_json(m, (ht_stamp){0}));
    return HT_OK;
}

static ht_status take_segment(void *ctx, const ht_segment *g, const ht_mutation *m)
{
    trace *t = ctx;
    cJSON_AddItemToArray(t->segments, ht_segment_to_json(g, (ht_stamp){0}));
    return ht_statistics_segment(&t->statistics, g, m);
}

static ht_status take_window(void *ctx, const ht_window *w)
{
    ht_statistics_blocked(&((trace *)ctx)->statistics, &w->blocked);
    return HT_OK;
}

static void take_text(void *ctx, const char *text)
{
    (void)ctx;
    (void)text;
}

static void take_disabled(void *ctx, const char *what, const char *error)
{
    (void)ctx;
    (void)what;
    (void)error;
}

/* ---- setting up ----------------------------------------------------------------------------- */

static ht_status read_recipe(trace *t, ht_error *err)
{
    char *text = ht_json_line(ht_json_member(t->test, "recipe"));
    ht_status st = text == NULL ? HT_ENOMEM : ht_recipe_parse(text, "recipe", &t->recipe, err);
    free(text);
    return st;
}

/* The records of the case as a log; HT_ENOTFOUND if it has none. */
static ht_status read_log(const trace *t, ht_replay *out, ht_error *err)
{
    const cJSON *records = ht_json_member(t->test, "replay"), *record;
    ht_string text = {0};
    *out = (ht_replay){0};
    if (!cJSON_IsArray(records))
        return ht_fail(err, HT_ENOTFOUND, "no replay log");
    cJSON_ArrayForEach(record, records)
    {
        char *line = cJSON_IsString(record) ? NULL : ht_json_line(record);
        ht_string_add(&text, "%s\n", line != NULL ? line : record->valuestring);
        free(line);
    }
    ht_status st = ht_replay_parse(ht_string_peek(&text), out, err);
    ht_string_release(&text);
    return st;
}

static ht_status start_tuner(trace *t, ht_error *err)
{
    const char *text = ht_json_text(t->test, "start_mode");
    ht_tuner_options o = {
        .recipe = t->recipe,
        .metrics = t->metrics,
        .actuators = t->actuators,
        .effector = ht_effector_local(t->actuators),
        .ports = {t, propose, take_mutation, take_segment, take_window, take_disabled, take_text},
        .auto_disable_on_error = true};
    ht_replay log;
    if (text == NULL || !ht_mode_parse(text, &o.mode))
        return ht_fail(err, HT_EINVAL, "no mode '%s'", text == NULL ? "" : text);
    HT_TRY(ht_tuner_create(&o, &t->tuner, err));
    if (o.mode != HT_MODE_REPLAY || read_log(t, &log, err) != HT_OK)
        return HT_OK;
    ht_op_result result;
    cJSON *params = cJSON_CreateObject();
    ht_json_put_text(params, "mode", "replay");
    ht_tuner_operate(t->tuner, "enable", params, &log, &result);
    cJSON_Delete(result.payload);
    cJSON_Delete(params);
    ht_replay_release(&log);
    return HT_OK;
}

static ht_status set_up(trace *t, const cJSON *test, ht_error *err)
{
    const cJSON *item;
    *t = (trace){.test = test, .boom = ht_optimizer_class};
    t->boom.apply = fail_to_apply;
    t->weights = cJSON_Duplicate(ht_json_member(test, "weights"), true);
    ht_statistics_init(&t->statistics);
    read_groups(t);
    HT_TRY(read_recipe(t, err));
    HT_TRY(ht_metrics_create(&t->metrics, err));
    HT_TRY(ht_actuators_create(&t->actuators, err));
    cJSON_ArrayForEach(item, ht_json_member(test, "actuators"))
        HT_TRY(add_actuator(t, item->string != NULL ? item->string : cJSON_GetStringValue(item), err));
    return start_tuner(t, err);
}

static void tear_down(trace *t)
{
    ht_tuner_destroy(t->tuner);
    ht_actuators_destroy(t->actuators);
    ht_metrics_destroy(t->metrics);
    ht_recipe_destroy(t->recipe);
    ht_statistics_release(&t->statistics);
    cJSON_Delete(t->weights);
}

/* ---- one step ------------------------------------------------------------------------------- */

static void do_event(trace *t, cJSON *got)
{
    const cJSON *step = t->step, *metrics = ht_json_member(step, "metrics");
    ht_env env = {.step = (long long)ht_json_number(step, "step", 0),
                  .epoch = ht_json_number(step, "epoch", 0),
                  .max_steps =
                      (long long)ht_json_number(step, "max_steps", ht_json_number(step, "total_steps", 0)),
                  .anomaly_critical = is_truthy(ht_json_member(step, "anomaly_critical")),
                  .grad_spike = is_truthy(ht_json_member(step, "grad_spike"))};
    const char *name = ht_json_text(step, "event");
    ht_event event;
    ht_tuner_state state;
    if (!read_number(ht_json_member(step, "loss"), &env.loss))
        env.loss = 0;
    if (name == NULL || !ht_event_parse(name, &event)) {
        event = HT_TRAIN_BATCH_END; /* one that means nothing to a tuner: only max_steps is remembered */
        env.loss = 0;
    }
    ht_metrics_accessor(t->metrics, cJSON_IsObject(metrics) ? read_metric : NULL, t);
    ht_tuner_event(t->tuner, event, &env, NULL);
    ht_tuner_peek(t->tuner, &state);
    if (event == HT_RUN_END && state.was_on)
        ht_json_put(got, "summary",
                    ht_summary_to_json(&t->statistics, state.mode, state.total_steps, state.replay_missed));
}

/* Whoever carries out `enable` for a log that cannot be read says so and leaves the tuner alone. */
static void operate(trace *t, ht_op_result *result)
{
    const cJSON *params = ht_json_member(t->step, "params");
    const char *op = ht_json_text(t->step, "op");
    ht_replay log = {0};
    bool wants_log = ht_json_text(params, "replay_path") != NULL;
    if (wants_log && read_log(t, &log, NULL) != HT_OK)
        *result = (ht_op_result){.decision = HT_OP_FAILED};
    else
        ht_tuner_operate(t->tuner, op != NULL ? op : "", params, wants_log ? &log : NULL, result);
    ht_replay_release(&log);
}

static void do_operation(trace *t, cJSON *got)
{
    static const char *const decisions[] = {"applied", "failed", "ignored"};
    ht_op_result result;
    operate(t, &result);
    ht_json_put_text(got, "decision", decisions[result.decision]);
    ht_json_put(got, "payload", result.payload != NULL ? result.payload : cJSON_CreateNull());
}

static void do_external_set(trace *t)
{
    const char *target = ht_json_text(t->step, "target");
    double value = 0;
    read_number(ht_json_member(t->step, "value"), &value);
    if (strcmp(target, "lr") == 0)
        t->groups[0].lr = value;
    else if (strcmp(target, "weight_decay") == 0)
        t->groups[0].weight_decay = value;
    else if (strncmp(target, "weights.", 8) == 0)
        put_weight(t, target + 8, value);
}

static void put_id(cJSON *o, const char *name, const char *prefix, unsigned long number)
{
    char id[32];
    snprintf(id, sizeof id, "%s%05lu", prefix, number);
    ht_json_put_text(o, name, number > 0 ? id : NULL);
}

/* Takes the lines of this step. */
static void put_state(trace *t, cJSON *got)
{
    ht_tuner_state s;
    ht_tuner_peek(t->tuner, &s);
    ht_json_put_text(got, "mode", ht_mode_text(s.mode));
    ht_json_put_int(got, "mutation_counter", (double)s.mutation_counter);
    ht_json_put_int(got, "segment_counter", (double)s.segment_counter);
    ht_json_put_int(got, "reject_streak", (double)s.reject_streak);
    ht_json_put(got, "cooldowns", ht_tuner_cooldowns(t->tuner));
    ht_json_put_int(got, "global_cooldown", (double)s.global_cooldown);
    put_id(got, "active_mutation", "m_", s.active_mutation);
    put_id(got, "active_segment", "s_", s.active_segment);
    ht_json_put(got, "optimizer", groups_to_json(t));
    ht_json_put(got, "weights", cJSON_Duplicate(t->weights, true));
    ht_json_put(got, "mutations", t->mutations);
    ht_json_put(got, "segments", t->segments);
}

static cJSON *run_step(trace *t, const cJSON *step)
{
    const char *what = ht_json_text(step, "do");
    cJSON *got = cJSON_CreateObject();
    t->step = step;
    t->no_optimizer = cJSON_IsFalse(ht_json_member(step, "with_optimizer"));
    t->no_weights = cJSON_IsFalse(ht_json_member(step, "with_weights"));
    t->mutations = cJSON_CreateArray();
    t->segments = cJSON_CreateArray();
    if (what != NULL && strcmp(what, "op") == 0)
        do_operation(t, got);
    else if (what != NULL && strcmp(what, "external_set") == 0)
        do_external_set(t);
    else
        do_event(t, got);
    put_state(t, got);
    return got;
}

/* ---- what ought to be ----------------------------------------------------------------------- */

/* Put `value` (NULL: nothing) in the place of a field; "summary.x" is the field x of the summary. */
static void replace(cJSON *expected, const char *field, const cJSON *value)
{
    const char *point = strchr(field, '.');
    char first[HT_NAME_MAX];
    snprintf(first, sizeof first, "%.*s", point != NULL ? (int)(point - field) : (int)sizeof first - 1,
             field);
    cJSON *inner = cJSON_GetObjectItemCaseSensitive(expected, first);
    if (point != NULL && inner != NULL)
        replace(inner, point + 1, value);
    else {
        cJSON_DeleteItemFromObjectCaseSensitive(expected, field);
        if (value != NULL)
            cJSON_AddItemToObject(expected, field, cJSON_Duplicate(value, true));
    }
}

/* The outcome of step i; owned by the caller. */
static cJSON *expected_of(const cJSON *test, const cJSON *step, int i)
{
    if (ht_json_true(test, "defect"))
        return cJSON_Duplicate(cJSON_GetArrayItem(outcome(test, "steps"), i), true);
    cJSON *expected = cJSON_Duplicate(ht_json_member(step, "expect"), true);
    const cJSON *field;
    cJSON_ArrayForEach(field, ht_json_member(step, "defect_fields")) if (cJSON_IsString(field))
        replace(expected, field->valuestring, NULL);
    cJSON_ArrayForEach(field, ht_json_member(step, "instead_fields")) replace(expected, field->string, field);
    return expected;
}

static void compare_step(report *r, int i, const cJSON *expected, const cJSON *got)
{
    static const char *const records[] = {"mutations", "segments", "summary", "payload"};
    char step[16];
    const cJSON *field;
    snprintf(step, sizeof step, "%d", i);
    cJSON_ArrayForEach(field, expected)
    {
        unsigned flags = 0;
        for (size_t k = 0; k < sizeof records / sizeof records[0]; k++)
            if (strcmp(records[k], field->string) == 0)
                flags = COMPARE_EXTRA;
        if (strcmp(field->string, "asked_for_proposal") != 0)
            compare(r, step, field->string, field, ht_json_member(got, field->string), flags);
    }
}

void run_controller_traces(report *r, const cJSON *test)
{
    trace t;
    ht_error err = {""};
    const cJSON *step;
    int i = 0;
    if (set_up(&t, test, &err) != HT_OK)
        differ(r, "", "case", "a tuner", err.text);
    else
        cJSON_ArrayForEach(step, ht_json_member(test, "steps"))
        {
            cJSON *got = run_step(&t, step), *expected = expected_of(test, step, i);
            compare_step(r, i++, expected, got);
            cJSON_Delete(expected);
            cJSON_Delete(got);
        }
    tear_down(&t);
}
