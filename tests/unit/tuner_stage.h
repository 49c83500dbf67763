/* tests/unit/tuner_stage.h - a tuner with everything around it under the test's control.
 *
 * One optimizer group ("opt"), an actuator of the program ("rig": one number, and
 * switches that make it fail), scripted proposals, and lists of all that came out. */
#ifndef TESTS_TUNER_STAGE_H
#define TESTS_TUNER_STAGE_H

#include <CUnit/CUnit.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tune/optimizer.h"
#include "tune/replay.h"
#include "tune/tuner.h"

/* The families of the stage, and a recipe of them with more after it. */
#define FAMILIES                                                                                             \
    "\"actuators\": {\"opt\": {\"mutations\": {\"lr_mult\": {\"bounds\": [0.5, 2.0], \"cooldown\": 1}, "     \
    "\"wd_set\": {\"bounds\": [0.001, 0.5]}, \"betas_set\": {\"bounds\": [0.5, 0.9], \"risk\": "             \
    "\"high\"}}}, "                                                                                          \
    "\"rig\": {\"mutations\": {\"turn\": {\"bounds\": [0.0, 10.0], \"cooldown\": 0}}}}"
#define RECIPE(more) "{" FAMILIES more "}"

enum { STAGE_RECORDS = 64 };

typedef struct {
    double value;
    bool no_snapshot, apply_fails, restore_fails;
} rig;

typedef struct {
    double lr, wd, betas[2];
    bool opt_gone;
    rig rig;
    ht_recipe *recipe;
    ht_metrics *metrics;
    ht_actuators *actuators;
    ht_tuner *tuner;
    bool has_proposal; /* what the search answers next; used once */
    ht_proposal proposal;
    ht_status propose_status, write_status;
    size_t n_asked, n_mutations, n_segments, n_windows, n_warnings, n_disabled;
    ht_ask ask; /* the last question */
    ht_mutation mutations[STAGE_RECORDS];
    ht_segment segments[STAGE_RECORDS];
    ht_window window; /* the last one */
    char warning[512], disabled[HT_NAME_MAX], disabled_why[256];
} stage;

/* ---- the actuator of the program ------------------------------------------------------------ */

static inline ht_status rig_snapshot(void *self, const ht_patch *patch, void **out)
{
    const rig *r = self;
    (void)patch;
    *out = NULL;
    if (r->no_snapshot)
        return HT_OK;
    double *kept = malloc(sizeof *kept);
    if (kept == NULL)
        return HT_ENOMEM;
    *kept = r->value;
    *out = kept;
    return HT_OK;
}

static inline void rig_validate(void *self, const ht_patch *patch, ht_codes *codes)
{
    (void)self;
    if (strcmp(patch->op, "turn") != 0)
        ht_codes_add(codes, "unknown_op");
}

static inline ht_status rig_apply(void *self, const ht_patch *patch, const ht_env *env, ht_error *err)
{
    rig *r = self;
    (void)env;
    r->value = patch->value.scalar.number;
    return r->apply_fails ? ht_fail(err, HT_EFAILED, "the rig is stuck") : HT_OK;
}

static inline ht_status rig_restore(void *self, const void *snapshot, ht_error *err)
{
    rig *r = self;
    if (r->restore_fails)
        return ht_fail(err, HT_EFAILED, "the rig does not turn back");
    r->value = *(const double *)snapshot;
    return HT_OK;
}

/* ---- ports ---------------------------------------------------------------------------------- */

static inline ht_status stage_propose(void *ctx, const ht_ask *ask, ht_proposal *out, bool *found)
{
    stage *s = ctx;
    s->n_asked++;
    s->ask = *ask;
    *found = s->has_proposal;
    *out = s->proposal;
    s->has_proposal = false;
    return s->propose_status;
}

static inline ht_status stage_mutation(void *ctx, const ht_mutation *m)
{
    stage *s = ctx;
    s->mutations[s->n_mutations++ % STAGE_RECORDS] = *m;
    return s->write_status;
}

static inline ht_status stage_segment(void *ctx, const ht_segment *g, const ht_mutation *m)
{
    stage *s = ctx;
    (void)m;
    s->segments[s->n_segments++ % STAGE_RECORDS] = *g;
    return s->write_status;
}

static inline ht_status stage_window(void *ctx, const ht_window *w)
{
    stage *s = ctx;
    s->n_windows++;
    s->window = *w;
    return s->write_status;
}

static inline void stage_auto_disabled(void *ctx, const char *what, const char *error)
{
    stage *s = ctx;
    s->n_disabled++;
    snprintf(s->disabled, sizeof s->disabled, "%s", what);
    snprintf(s->disabled_why, sizeof s->disabled_why, "%s", error);
}

static inline void stage_warning(void *ctx, const char *text)
{
    stage *s = ctx;
    s->n_warnings++;
    snprintf(s->warning, sizeof s->warning, "%s", text);
}

/* ---- opening and closing -------------------------------------------------------------------- */

static inline ht_tuner_options stage_options(stage *s, ht_mode mode)
{
    return (ht_tuner_options){.recipe = s->recipe,
                              .metrics = s->metrics,
                              .actuators = s->actuators,
                              .effector = ht_effector_local(s->actuators),
                              .ports = {.ctx = s,
                                        .propose = stage_propose,
                                        .mutation = stage_mutation,
                                        .segment = stage_segment,
                                        .window = stage_window,
                                        .auto_disabled = stage_auto_disabled,
                                        .warning = stage_warning},
                              .mode = mode,
                              .auto_disable_on_error = true};
}

/* All but the tuner. @return false: cannot be set up */
static inline bool stage_prepare(stage *s, const char *recipe)
{
    static const ht_actuator_ops ops = {
        .snapshot = rig_snapshot, .validate = rig_validate, .apply = rig_apply, .restore = rig_restore};
    void *opt = NULL;
    ht_error err = {""};
    memset(s, 0, sizeof *s);
    s->lr = .001;
    s->wd = .01;
    s->rig.value = 1;
    s->betas[0] = .8;
    s->betas[1] = .9;
    ht_param_group group = {.lr = &s->lr, .weight_decay = &s->wd, .betas = s->betas};
    if (ht_recipe_parse(recipe, "recipe", &s->recipe, &err) == HT_OK &&
        ht_metrics_create(&s->metrics, &err) == HT_OK && ht_actuators_create(&s->actuators, &err) == HT_OK &&
        ht_optimizer_create(1, &group, &s->opt_gone, &opt, &err) == HT_OK &&
        ht_actuators_add(s->actuators, "opt", &ht_optimizer_class, opt, &err) == HT_OK &&
        ht_actuators_add_custom(s->actuators, "rig", &ops, &s->rig, &err) == HT_OK)
        return true;
    fprintf(stderr, "the stage cannot be set up: %s\n", err.text);
    return false;
}

static inline bool stage_open(stage *s, const char *recipe, ht_mode mode)
{
    if (!stage_prepare(s, recipe))
        return false;
    ht_tuner_options o = stage_options(s, mode);
    return ht_tuner_create(&o, &s->tuner, NULL) == HT_OK;
}

static inline void stage_close(stage *s)
{
    ht_tuner_destroy(s->tuner);
    ht_actuators_destroy(s->actuators);
    ht_metrics_destroy(s->metrics);
    ht_recipe_destroy(s->recipe);
}

/* ---- what happens --------------------------------------------------------------------------- */

/* The search answers this at the next question. For keyless families: key = op. */
static inline void stage_offer(stage *s, const char *actuator, const char *op, ht_value value)
{
    memset(&s->proposal, 0, sizeof s->proposal);
    ht_name_copy(s->proposal.actuator, actuator);
    ht_name_copy(s->proposal.key, op);
    ht_name_copy(s->proposal.patch.op, op);
    s->proposal.patch.value = value;
    s->has_proposal = true;
}

static inline ht_status stage_validate_in(stage *s, const ht_env *env, double objective, ht_error *err)
{
    ht_metrics_set(s->metrics, "val/loss", objective, NULL);
    return ht_tuner_event(s->tuner, HT_VAL_EPOCH_END, env, err);
}

/* A validation at `step` of 1000 with this objective. */
static inline ht_status stage_validate(stage *s, long long step, double objective)
{
    ht_env env = {.step = step, .epoch = (double)step / 100, .max_steps = 1000, .loss = 1};
    return stage_validate_in(s, &env, objective, NULL);
}

static inline ht_op_decision stage_operate(stage *s, const char *op, const char *params)
{
    ht_op_result result;
    cJSON *p = NULL;
    if (params != NULL && ht_json_parse(params, &p, NULL, NULL) != HT_OK)
        return HT_OP_IGNORED;
    ht_tuner_operate(s->tuner, op, p, NULL, &result);
    cJSON_Delete(result.payload);
    cJSON_Delete(p);
    return result.decision;
}

static inline ht_tuner_state stage_state(const stage *s)
{
    ht_tuner_state state;
    ht_tuner_peek(s->tuner, &state);
    return state;
}

/* The latest records. */
static inline const ht_mutation *last_mutation(const stage *s)
{
    return &s->mutations[(s->n_mutations + STAGE_RECORDS - 1) % STAGE_RECORDS];
}

static inline const ht_segment *last_segment(const stage *s)
{
    return &s->segments[(s->n_segments + STAGE_RECORDS - 1) % STAGE_RECORDS];
}

static inline bool has_code(const ht_codes *codes, const char *code)
{
    for (size_t i = 0; i < codes->n; i++)
        if (strcmp(codes->code[i], code) == 0)
            return true;
    return false;
}

static inline const ht_eligible *on_offer(const stage *s, const char *key)
{
    for (size_t i = 0; i < s->ask.n; i++)
        if (strcmp(s->ask.families[i].key, key) == 0)
            return &s->ask.families[i];
    return NULL;
}

/* ---- what the tests do over and over -------------------------------------------------------- */

static inline void fresh(stage *s, const char *recipe, ht_mode mode)
{
    CU_ASSERT_FATAL(stage_open(s, recipe, mode));
}

static inline void halve_lr(stage *s, long long step, double objective)
{
    stage_offer(s, "opt", "lr_mult", ht_real(.5));
    CU_ASSERT_EQUAL(stage_validate(s, step, objective), HT_OK);
}

static inline void turn_rig(stage *s, long long step, double objective)
{
    stage_offer(s, "rig", "turn", ht_real(5));
    CU_ASSERT_EQUAL(stage_validate(s, step, objective), HT_OK);
}

#endif
