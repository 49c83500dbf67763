/* tests/conformance/suite_actuator.c - typed knobs, their container, and the ready actuators. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/value.h"
#include "compare.h"
#include "inputs.h"
#include "suite.h"
#include "tune/knob.h"
#include "tune/optimizer.h"
#include "tune/weights.h"

static void check(report *r, const char *step, const char *field, const cJSON *expected, cJSON *got)
{
    compare(r, step, field, expected, got, 0);
    cJSON_Delete(got);
}

static cJSON *validity_out(const ht_codes *codes)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_bool(o, "valid", codes->n == 0);
    cJSON_AddItemToObject(o, "codes", codes_out(codes));
    return o;
}

/* {success, error}: an error is a code or null. */
static cJSON *result_out(ht_status st, const char *error)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_bool(o, "success", st == HT_OK);
    ht_json_put_text(o, "error", st == HT_OK ? NULL : error);
    return o;
}

/* ---- kind hotcb_validate -------------------------------------------------------------------- */

static void run_validate(report *r, const cJSON *test)
{
    const cJSON *choice, *list = ht_json_member(test, "choices");
    ht_knob_spec spec = {.key = "case"};
    ht_value *choices = calloc((size_t)cJSON_GetArraySize(list) + 1, sizeof *choices);
    spec.has_min = as_float(ht_json_member(test, "min"), &spec.min);
    spec.has_max = as_float(ht_json_member(test, "max"), &spec.max);
    cJSON_ArrayForEach(choice, list)
        choices[spec.n_choices++] = value_in(choice);
    spec.choices = choices;
    ht_value v = value_in(ht_json_member(test, "value"));
    ht_codes codes;
    if (!ht_knob_type_parse(ht_json_text(test, "type"), &spec.type))
        differ(r, "", "type", "a type of ours", ht_json_text(test, "type"));
    ht_knob_validate(&spec, &v, &codes);
    check(r, "", "expect", outcome(test, "expect"), validity_out(&codes));
    free(choices);
}

/* ---- kinds opt_mock and loss_mock ----------------------------------------------------------- */

/* An actuator under test, and how the state of its target is written. */
typedef struct {
    const ht_actuator_class *class;
    void *self;
    const char *name;                   /* of the state in outcomes: "groups", "weights" */
    cJSON *(*state)(const void *target);
    const void *target;
} bench;

static cJSON *with_state(const bench *b, cJSON *result)
{
    cJSON_AddItemToObject(result, b->name, b->state(b->target));
    return result;
}

/* Validate; apply what is valid; restore what was applied. */
static cJSON *drive(const bench *b, const ht_patch *patch)
{
    ht_codes codes = {0};
    b->class->validate(b->self, patch, &codes);
    cJSON *got = validity_out(&codes);
    void *snapshot = NULL;
    if (codes.n > 0 || b->class->snapshot(b->self, patch, &snapshot) != HT_OK)
        return got;
    ht_error err = {""};
    ht_rollback how;
    ht_status st = b->class->apply(b->self, patch, NULL, snapshot, &err);
    cJSON_AddItemToObject(got, "apply", with_state(b, result_out(st, err.text)));
    if (st == HT_OK) {
        st = b->class->restore(b->self, snapshot, &how, &err);
        cJSON *restored = cJSON_CreateObject();
        ht_json_put_bool(restored, "success", st == HT_OK);
        cJSON_AddItemToObject(got, "restore", with_state(b, restored));
    }
    if (snapshot != NULL)
        b->class->discard(b->self, snapshot);
    return got;
}

enum { GROUPS_MAX = 8 };
typedef struct {
    size_t n;
    struct group {
        double lr, weight_decay, betas[2];
        bool has_weight_decay, has_betas;
    } at[GROUPS_MAX];
} groups;

static groups groups_in(const cJSON *list)
{
    groups g = {0};
    const cJSON *item;
    cJSON_ArrayForEach(item, list) {
        const cJSON *betas = ht_json_member(item, "betas");
        struct group *to = &g.at[g.n++];
        as_float(ht_json_member(item, "lr"), &to->lr);
        to->has_weight_decay = as_float(ht_json_member(item, "weight_decay"), &to->weight_decay);
        to->has_betas = as_float(cJSON_GetArrayItem(betas, 0), &to->betas[0]) &&
                        as_float(cJSON_GetArrayItem(betas, 1), &to->betas[1]);
        if (g.n == GROUPS_MAX)
            break;
    }
    return g;
}

static cJSON *groups_out(const void *target)
{
    const groups *g = target;
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < g->n; i++) {
        cJSON *o = cJSON_CreateObject();
        ht_json_put_real(o, "lr", g->at[i].lr);
        if (g->at[i].has_weight_decay)
            ht_json_put_real(o, "weight_decay", g->at[i].weight_decay);
        if (g->at[i].has_betas)
            cJSON_AddItemToObject(o, "betas", cJSON_CreateDoubleArray(g->at[i].betas, 2));
        cJSON_AddItemToArray(list, o);
    }
    return list;
}

static void run_optimizer(report *r, const cJSON *test)
{
    groups g = groups_in(ht_json_member(test, "groups"));
    ht_param_group params[GROUPS_MAX];
    for (size_t i = 0; i < g.n; i++)
        params[i] = (ht_param_group){.lr = &g.at[i].lr,
                                     .weight_decay = &g.at[i].weight_decay,
                                     .has_weight_decay = &g.at[i].has_weight_decay,
                                     .betas = g.at[i].betas,
                                     .has_betas = &g.at[i].has_betas};
    bool gone = !ht_json_true(test, "with_optimizer");
    bench b = {.class = &ht_optimizer_class, .name = "groups", .state = groups_out, .target = &g};
    ht_patch patch = patch_in(ht_json_member(test, "patch"));
    ht_error err = {""};
    if (ht_optimizer_create(g.n, params, &gone, &b.self, &err) != HT_OK) {
        differ(r, "", "groups", "an optimizer", err.text);
        return;
    }
    check(r, "", "expect", outcome(test, "expect"), drive(&b, &patch));
    b.class->destroy(b.self);
}

/* The weights are the members of a JSON object. */
static bool get_weight(void *ctx, const char *key, double *out)
{
    return as_float(ht_json_member(ctx, key), out);
}

static void remove_weight(void *ctx, const char *key)
{
    cJSON_DeleteItemFromObjectCaseSensitive(ctx, key);
}

static ht_status put_weight(void *ctx, const char *key, double value)
{
    cJSON *old = cJSON_GetObjectItemCaseSensitive(ctx, key), *item = cJSON_CreateNumber(value);
    if (old != NULL)
        cJSON_ReplaceItemInObjectCaseSensitive(ctx, key, item);
    else
        cJSON_AddItemToObject(ctx, key, item);
    return HT_OK;
}

static cJSON *weights_out(const void *target)
{
    return cJSON_Duplicate(target, true);
}

static void range_in(const cJSON *pair, double *lo, double *hi)
{
    as_float(cJSON_GetArrayItem(pair, 0), lo);
    as_float(cJSON_GetArrayItem(pair, 1), hi);
}

static void run_weights(report *r, const cJSON *test)
{
    const cJSON *range, *ranges = ht_json_member(test, "key_bounds");
    ht_weight_bounds *bounds = calloc((size_t)cJSON_GetArraySize(ranges) + 1, sizeof *bounds);
    double lo = 0, hi = 100;
    size_t n = 0;
    range_in(ht_json_member(test, "global_bounds"), &lo, &hi);
    cJSON_ArrayForEach(range, ranges) {
        ht_name_copy(bounds[n].key, range->string);
        range_in(range, &bounds[n].lo, &bounds[n].hi);
        n++;
    }
    cJSON *weights = with_floats(ht_json_member(test, "weights"));
    const ht_weight_access access = {weights, get_weight, put_weight, remove_weight};
    bool gone = !ht_json_true(test, "with_state");
    bench b = {.class = &ht_weights_class, .name = "weights", .state = weights_out, .target = weights};
    ht_patch patch = patch_in(ht_json_member(test, "patch"));
    ht_error err = {""};
    if (ht_weights_create(&access, lo, hi, n, bounds, &gone, &b.self, &err) == HT_OK) {
        check(r, "", "expect", outcome(test, "expect"), drive(&b, &patch));
        b.class->destroy(b.self);
    } else
        differ(r, "", "weights", "an actuator", err.text);
    cJSON_Delete(weights);
    free(bounds);
}

/* ---- kind mutable_state --------------------------------------------------------------------- */

/* The five parameters of `about`. */
enum { N_CELLS = 5, SNAPSHOTS_MAX = 16 };
static const struct {
    const char *key, *metric, *initial;     /* initial value as JSON */
    ht_knob_type type;
    bool limits;
    double min, max;
} parameters[N_CELLS] = {
    {"lr", "lr", "0.01", HT_KNOB_LOG_FLOAT, true, 1e-7, 1},
    {"w", "weight/w", "1.0", HT_KNOB_FLOAT, true, 0, 100},
    {"flag", "", "true", HT_KNOB_BOOL, false, 0, 0},
    {"n", "n", "3", HT_KNOB_INT, true, 0, 10},
    {"c", "c", "\"a\"", HT_KNOB_CHOICE, false, 0, 0},
};

/* What a parameter's setter wrote, and how it shall answer in the call under way. */
typedef struct {
    ht_value live;
    bool refuse, raise;
} cell;
typedef struct {
    cell cells[N_CELLS];
    ht_knobs *knobs;
    size_t n_snapshots;
    struct {
        const char *name;       /* borrowed from the case */
        ht_knobs_snapshot *taken;
    } snapshots[SNAPSHOTS_MAX];
} container;

static ht_status set_cell(void *ctx, const ht_value *value, const ht_env *env, ht_error *err)
{
    cell *c = ctx;
    (void)env;
    if (c->raise)
        return ht_fail(err, HT_EIO, "raised");
    if (c->refuse)
        return ht_fail(err, HT_EFAILED, "refused");
    c->live = *value;
    return HT_OK;
}

static bool build(container *c)
{
    const ht_value choices[] = {ht_text("a"), ht_text("b")};
    bool ok = ht_knobs_create(&c->knobs, NULL) == HT_OK;
    for (size_t i = 0; ok && i < N_CELLS; i++) {
        cJSON *initial = NULL;
        bool choice = parameters[i].type == HT_KNOB_CHOICE;
        ht_knob_spec spec = {.type = parameters[i].type, .set = set_cell, .ctx = &c->cells[i],
                             .has_min = parameters[i].limits, .min = parameters[i].min,
                             .has_max = parameters[i].limits, .max = parameters[i].max,
                             .n_choices = choice ? 2 : 0, .choices = choices};
        ht_name_copy(spec.key, parameters[i].key);
        ht_name_copy(spec.metric, parameters[i].metric);
        ok = ht_json_parse(parameters[i].initial, &initial, NULL, NULL) == HT_OK;
        c->cells[i].live = spec.initial = value_in(initial);
        ok = ok && ht_knobs_add(c->knobs, &spec, NULL) == HT_OK;
        cJSON_Delete(initial);
    }
    return ok;
}

static void tear(container *c)
{
    for (size_t i = 0; i < c->n_snapshots; i++)
        ht_knobs_snapshot_destroy(c->snapshots[i].taken);
    ht_knobs_destroy(c->knobs);
}

/* The last snapshot of a name counts. */
static const ht_knobs_snapshot *snapshot_of(const container *c, const char *name)
{
    for (size_t i = c->n_snapshots; i-- > 0;)
        if (strcmp(c->snapshots[i].name, name) == 0)
            return c->snapshots[i].taken;
    return NULL;
}

static void take_snapshot(container *c, const char *name)
{
    if (c->n_snapshots < SNAPSHOTS_MAX &&
        ht_knobs_snapshot_take(c->knobs, &c->snapshots[c->n_snapshots].taken) == HT_OK)
        c->snapshots[c->n_snapshots++].name = name;
}

static cJSON *apply_op(container *c, const cJSON *op)
{
    ht_value v = value_in(ht_json_member(op, "value"));
    ht_env env = {.step = (long long)ht_json_number(op, "step", 0)};
    ht_error err = {""};
    ht_status st = ht_knobs_apply(c->knobs, ht_json_text(op, "key"), &v, &env, &err);
    return result_out(st, err.text);
}

static cJSON *verify_op(container *c, const cJSON *op)
{
    ht_metrics *m = metrics_in(ht_json_member(op, "metrics"));
    cJSON *got = cJSON_CreateBool(m != NULL && ht_knobs_verify(c->knobs, ht_json_text(op, "key"), m));
    ht_metrics_destroy(m);
    return got;
}

static void note_failure(void *ctx, const char *key)
{
    cJSON_ReplaceItemInObjectCaseSensitive(ctx, key, cJSON_CreateFalse());
}

static cJSON *restore_op(container *c, const cJSON *op)
{
    cJSON *got = cJSON_CreateObject();
    const ht_knobs_snapshot *s = snapshot_of(c, ht_json_text(op, "name"));
    for (size_t i = 0; s != NULL && i < N_CELLS; i++)
        cJSON_AddTrueToObject(got, parameters[i].key);
    if (s != NULL)
        ht_knobs_restore(c->knobs, s, NULL, note_failure, got);
    return got;
}

static cJSON *describe_op(const container *c)
{
    cJSON *keys = cJSON_CreateArray(), *list = ht_knobs_describe(c->knobs);
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
        cJSON_AddItemToArray(keys, cJSON_CreateString(ht_json_text(item, "param_key")));
    cJSON_Delete(list);
    return keys;
}

/* Carry out one op; NULL if it answers nothing. */
static cJSON *container_op(report *r, const char *step, container *c, const cJSON *op)
{
    const char *what = ht_json_text(op, "op"), *key = ht_json_text(op, "key");
    const char *refuse = ht_json_text(op, "fail"), *raise = ht_json_text(op, "raise");
    for (size_t i = 0; i < N_CELLS; i++) {
        c->cells[i].refuse = refuse != NULL && strcmp(refuse, parameters[i].key) == 0;
        c->cells[i].raise = raise != NULL && strcmp(raise, parameters[i].key) == 0;
    }
    if (strcmp(what, "apply") == 0)
        return apply_op(c, op);
    if (strcmp(what, "verify") == 0)
        return verify_op(c, op);
    if (strcmp(what, "restore") == 0)
        return restore_op(c, op);
    if (strcmp(what, "describe") == 0)
        return describe_op(c);
    if (strcmp(what, "initialize") == 0)
        ht_knobs_initialize(c->knobs);
    else if (strcmp(what, "snapshot") == 0)
        take_snapshot(c, ht_json_text(op, "name"));
    else if (strcmp(what, "disable") == 0)
        ht_knobs_disable(c->knobs, key);
    else if (strcmp(what, "enable") == 0)
        ht_knobs_enable(c->knobs, key);
    else
        differ(r, step, "op", "an op of ours", what);
    return NULL;
}

static cJSON *parameter_out(const container *c, const char *key)
{
    ht_knob_view v;
    size_t i = 0;
    while (i < N_CELLS && strcmp(parameters[i].key, key) != 0)
        i++;
    if (i == N_CELLS || !ht_knobs_find(c->knobs, key, &v))
        return NULL;
    cJSON *o = cJSON_CreateObject();
    cJSON_AddItemToObject(o, "current", ht_value_to_json(&v.current));
    cJSON_AddItemToObject(o, "live", ht_value_to_json(&c->cells[i].live));
    ht_json_put_text(o, "state", ht_knob_state_text(v.state));
    ht_json_put_int(o, "last_changed_step", (double)v.last_changed_step);
    ht_json_put_int(o, "mutations", (double)v.n_changes);
    cJSON_AddItemToObject(o, "last_verified",
                          v.last_verified < 0 ? cJSON_CreateNull() : cJSON_CreateBool(v.last_verified));
    return o;
}

static void run_container(report *r, const cJSON *test)
{
    const cJSON *op, *param, *expected = outcome(test, "ops");
    container c = {0};
    char step[16];
    int i = 0;
    if (!build(&c))
        differ(r, "", "parameters", "five parameters", "a refusal");
    cJSON_ArrayForEach(op, ht_json_member(test, "ops")) {
        const cJSON *want = cJSON_GetArrayItem(expected, i);
        snprintf(step, sizeof step, "%d", i++);
        cJSON *got = container_op(r, step, &c, op);
        if (ht_json_member(want, "expect") != NULL)
            compare(r, step, "expect", ht_json_member(want, "expect"), got, 0);
        cJSON_Delete(got);
        cJSON_ArrayForEach(param, ht_json_member(want, "after"))
            check(r, step, param->string, param, parameter_out(&c, param->string));
    }
    tear(&c);
}

/* ---- all kinds ------------------------------------------------------------------------------ */

void run_actuator_validate_apply(report *r, const cJSON *test)
{
    static const struct {
        const char *kind;
        suite_case *run;
    } kinds[] = {
        {"hotcb_validate", run_validate},
        {"opt_mock", run_optimizer},
        {"loss_mock", run_weights},
        {"mutable_state", run_container},
    };
    const char *kind = ht_json_text(test, "kind");
    for (size_t i = 0; kind != NULL && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].kind, kind) == 0) {
            kinds[i].run(r, test);
            return;
        }
    differ(r, "", "kind", "a kind of ours", kind == NULL ? "(absent)" : kind);
}
