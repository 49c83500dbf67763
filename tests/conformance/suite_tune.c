/* tests/conformance/suite_tune.c - phase labels, scores, verdicts, blockers, constraints, cooldowns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/value.h"
#include "compare.h"
#include "inputs.h"
#include "suite.h"
#include "tune/evaluate.h"
#include "tune/guards.h"

static void check(report *r, const cJSON *expected, cJSON *got)
{
    compare(r, "", "expect", expected, got, 0);
    cJSON_Delete(got);
}

/* ---- phase_bin ------------------------------------------------------------------------------ */

void run_phase_bin(report *r, const cJSON *test)
{
    const cJSON *phase, *list = ht_json_member(test, "phases");
    size_t n = 0, given = (size_t)cJSON_GetArraySize(list);
    ht_phase *phases = calloc(given + 1, sizeof *phases);
    cJSON_ArrayForEach(phase, list) {
        ht_name_copy(phases[n].name, ht_json_text(phase, "name"));
        phases[n].start_frac = ht_json_number(phase, "start_frac", 0);
        phases[n++].end_frac = ht_json_number(phase, "end_frac", 1);
    }
    long long step = (long long)ht_json_number(test, "step", 0);
    long long total = (long long)ht_json_number(test, "total_steps", 0);
    check(r, outcome(test, "expect"), cJSON_CreateString(ht_phase_label(step, total, n, phases)));
    free(phases);
}

/* ---- score_segment -------------------------------------------------------------------------- */

/* A recipe with this objective, read from text so that a bad one is refused as a user's would be. Where a
 * refusal is expected, it is checked. @return NULL if it was refused */
static ht_recipe *objective_in(report *r, const cJSON *test, const cJSON *primary, const cJSON *mode)
{
    cJSON *root = cJSON_CreateObject(), *objective = cJSON_AddObjectToObject(root, "objective");
    cJSON_AddItemToObject(objective, "primary", cJSON_Duplicate(primary, true));
    cJSON_AddItemToObject(objective, "mode", cJSON_Duplicate(mode, true));
    char *text = ht_json_line(root), path[256];
    ht_recipe *recipe = NULL;
    ht_error err = {""};
    ht_status st = ht_recipe_parse(text, "case", &recipe, &err);
    const cJSON *refusal = outcome(test, "expect_error"), *where = outcome(test, "path");
    ht_recipe_fault_path(&err, path, sizeof path);
    if ((refusal != NULL) != (st != HT_OK))
        differ(r, "", "expect_error", refusal != NULL ? "a refusal" : "a recipe",
               st == HT_OK ? "a recipe" : err.text);
    else if (refusal != NULL)
        check(r, where, cJSON_CreateString(path));
    free(text);
    cJSON_Delete(root);
    return recipe;
}

static cJSON *score_out(bool has, double score)
{
    return has ? cJSON_CreateNumber(score) : cJSON_CreateNull();
}

void run_score_segment(report *r, const cJSON *test)
{
    const cJSON *objective = ht_json_member(test, "objective"), *flags = ht_json_member(test, "stability");
    ht_recipe *recipe =
        objective_in(r, test, ht_json_member(objective, "primary"), ht_json_member(objective, "mode"));
    if (recipe == NULL)
        return;
    ht_readings pre = readings_in(ht_json_member(test, "pre"));
    ht_readings post = readings_in(ht_json_member(test, "post"));
    ht_stability s = {.nan = ht_json_true(flags, "nan"), .anomaly = ht_json_true(flags, "anomaly"),
                      .grad_spike = ht_json_true(flags, "grad_spike")};
    double score = 0;
    bool has = ht_score(recipe, &pre, &post, &s, &score);
    check(r, outcome(test, "expect"), score_out(has, score));
    ht_recipe_destroy(recipe);
}

/* ---- evaluate_segment ----------------------------------------------------------------------- */

static bool switch_in(const cJSON *safety, const char *name)
{
    return ht_json_member(safety, name) == NULL || ht_json_true(safety, name);
}

/* What a training says at a decision point; a loss that is no number is ignored. */
static ht_vitals vitals_in(const cJSON *env, const ht_metrics *m, const char *primary)
{
    ht_vitals v = {.anomaly_critical = truthy_in(ht_json_member(env, "anomaly_critical"))};
    ht_value loss = value_in(ht_json_member(env, "loss"));
    ht_value_as_number(&loss, &v.loss);
    v.has_primary = ht_metrics_read(m, primary, &v.primary);
    return v;
}

/* The rest of the recipe goes past the reader: cases hold values that it would refuse. */
static void fill_recipe(ht_recipe *recipe, const cJSON *from)
{
    const cJSON *name, *safety = ht_json_member(from, "safety");
    recipe->acceptance.epsilon = ht_json_number(from, "epsilon", recipe->acceptance.epsilon);
    recipe->safety.block_on_nan = switch_in(safety, "block_on_nan");
    recipe->safety.block_on_anomaly = switch_in(safety, "block_on_anomaly");
    cJSON_ArrayForEach(name, ht_json_member(from, "backup_metrics"))
        if (recipe->objective.n_backups < HT_BACKUPS_MAX)
            ht_name_copy(recipe->objective.backups[recipe->objective.n_backups++], name->valuestring);
}

static cJSON *segment_out(const ht_segment *g)
{
    ht_readings delta;
    ht_deltas(g, &delta);
    cJSON *o = cJSON_CreateObject(), *s = cJSON_CreateObject();
    ht_json_put_bool(s, "nan", g->stability.nan);
    ht_json_put_bool(s, "anomaly", g->stability.anomaly);
    ht_json_put_bool(s, "grad_spike", g->stability.grad_spike);
    cJSON_AddItemToObject(o, "post", readings_out(&g->post));
    cJSON_AddItemToObject(o, "delta", readings_out(&delta));
    cJSON_AddItemToObject(o, "stability", s);
    cJSON_AddItemToObject(o, "score_delta", score_out(g->has_score, g->score));
    ht_json_put_text(o, "decision", ht_decision_text(g->decision));
    return o;
}

void run_evaluate_segment(report *r, const cJSON *test)
{
    const cJSON *from = ht_json_member(test, "recipe"), *env = ht_json_member(test, "env");
    ht_recipe *recipe = objective_in(r, test, ht_json_member(from, "primary"), ht_json_member(from, "mode"));
    ht_metrics *m = metrics_in(ht_json_member(test, "metrics"));
    if (recipe != NULL && m != NULL) {
        ht_segment g = {.pre = readings_in(ht_json_member(test, "pre"))};
        fill_recipe(recipe, from);
        ht_metrics_readings(m, recipe, &g.post);
        ht_vitals v = vitals_in(env, m, recipe->objective.primary);
        g.stability = ht_stability_of(&v, truthy_in(ht_json_member(env, "grad_spike")));
        ht_verdict(recipe, &g);
        check(r, outcome(test, "expect"), segment_out(&g));
    }
    ht_metrics_destroy(m);
    ht_recipe_destroy(recipe);
}

/* ---- safety_blockers ------------------------------------------------------------------------ */

void run_safety_blockers(report *r, const cJSON *test)
{
    const cJSON *safety = ht_json_member(test, "safety");
    ht_recipe *recipe = NULL;
    ht_metrics *m = metrics_in(ht_json_member(test, "metrics"));
    if (m != NULL && ht_recipe_create(&recipe, NULL) == HT_OK) {
        ht_codes codes;
        recipe->safety.block_on_nan = switch_in(safety, "block_on_nan");
        recipe->safety.block_on_anomaly = switch_in(safety, "block_on_anomaly");
        ht_vitals v = vitals_in(ht_json_member(test, "env"), m, recipe->objective.primary);
        ht_blockers(recipe, &v, &codes);
        check(r, outcome(test, "expect"), codes_out(&codes));
    }
    ht_metrics_destroy(m);
    ht_recipe_destroy(recipe);
}

/* ---- constraints ---------------------------------------------------------------------------- */

static void cooldowns_in(const cJSON *state, ht_cooldowns *out)
{
    const cJSON *family;
    out->global = (long long)ht_json_number(state, "global_cooldown", 0);
    cJSON_ArrayForEach(family, ht_json_member(state, "cooldowns"))
        ht_cooldowns_set(out, family->string, (long long)family->valuedouble);
}

static void families_in(const cJSON *mapping, bool keyed, ht_actuator_spec *to)
{
    const cJSON *spec;
    cJSON_ArrayForEach(spec, mapping) {
        const char *risk = ht_json_text(spec, "risk");
        ht_family_spec *f = &to->families[to->n_families++];
        f->keyed = keyed;
        ht_name_copy(f->name, spec->string);
        ht_name_copy(f->risk, risk == NULL ? "low" : risk);
    }
}

/* Structures filled directly: the reader would refuse the risk "experimental" or the limit 0. */
static void actuators_in(const cJSON *mapping, ht_recipe *recipe)
{
    const cJSON *spec;
    recipe->actuators = calloc((size_t)cJSON_GetArraySize(mapping) + 1, sizeof *recipe->actuators);
    cJSON_ArrayForEach(spec, mapping) {
        const cJSON *mutations = ht_json_member(spec, "mutations"), *keys = ht_json_member(spec, "keys");
        int n = cJSON_GetArraySize(mutations) + cJSON_GetArraySize(keys);
        ht_actuator_spec *a = &recipe->actuators[recipe->n_actuators++];
        ht_name_copy(a->name, spec->string);
        a->enabled = switch_in(spec, "enabled");
        a->families = calloc((size_t)n + 1, sizeof *a->families);
        families_in(mutations, false, a);
        families_in(keys, true, a);
    }
}

static cJSON *constraints_out(const ht_constraints *c)
{
    cJSON *o = cJSON_CreateObject(), *blocks = cJSON_CreateArray();
    for (size_t i = 0; i < c->codes.n; i++)
        cJSON_AddItemToArray(blocks, cJSON_CreateString(c->blocks[i]));
    ht_json_put_bool(o, "allowed", c->codes.n == 0);
    cJSON_AddItemToObject(o, "codes", codes_out(&c->codes));
    cJSON_AddItemToObject(o, "blocks", blocks);
    return o;
}

void run_constraints(report *r, const cJSON *test)
{
    const cJSON *state = ht_json_member(test, "state"), *from = ht_json_member(test, "recipe");
    ht_recipe *recipe = NULL;
    ht_cooldowns c = {0};
    ht_constraints out;
    if (ht_recipe_create(&recipe, NULL) != HT_OK)
        return;
    actuators_in(ht_json_member(from, "actuators"), recipe);
    recipe->safety.max_global_reject_streak = (long long)ht_json_number(
        from, "max_global_reject_streak", (double)recipe->safety.max_global_reject_streak);
    cooldowns_in(state, &c);
    ht_constraints_check(recipe, &c, (long long)ht_json_number(state, "reject_streak", 0),
                         ht_json_text(test, "actuator"), ht_json_text(test, "mutation_key"), &out);
    check(r, outcome(test, "expect"), constraints_out(&out));
    ht_cooldowns_release(&c);
    ht_recipe_destroy(recipe);
}

/* ---- cooldown_sequences --------------------------------------------------------------------- */

static cJSON *cooldowns_out(const ht_cooldowns *c)
{
    cJSON *o = cJSON_CreateObject(), *families = cJSON_AddObjectToObject(o, "cooldowns");
    for (size_t i = 0; i < c->n; i++)
        cJSON_AddItemToObject(families, c->at[i].family, cJSON_CreateNumber((double)c->at[i].windows));
    cJSON_AddItemToObject(o, "global_cooldown", cJSON_CreateNumber((double)c->global));
    return o;
}

/* Carry out one op; NULL if it answers nothing. */
static cJSON *cooldown_op(ht_cooldowns *c, const cJSON *op)
{
    const char *what = ht_json_text(op, "op"), *key = ht_json_text(op, "key");
    long long windows = (long long)ht_json_number(op, "windows", 0);
    if (strcmp(what, "query") == 0)
        return cJSON_CreateBool(ht_cooldowns_free(c, key));
    if (strcmp(what, "dump") == 0)
        return cooldowns_out(c);
    if (strcmp(what, "set") == 0)
        ht_cooldowns_set(c, key, windows);
    else if (strcmp(what, "set_global") == 0)
        c->global = windows;
    else
        ht_cooldowns_tick(c);
    return NULL;
}

void run_cooldown_sequences(report *r, const cJSON *test)
{
    const cJSON *op, *expected = outcome(test, "ops");
    ht_cooldowns c = {0};
    char step[16];
    int i = 0;
    cJSON_ArrayForEach(op, ht_json_member(test, "ops")) {
        const cJSON *want = ht_json_member(cJSON_GetArrayItem(expected, i), "expect");
        cJSON *got = cooldown_op(&c, op);
        snprintf(step, sizeof step, "%d", i++);
        if (want != NULL)
            compare(r, step, "expect", want, got, 0);
        cJSON_Delete(got);
    }
    ht_cooldowns_release(&c);
}
