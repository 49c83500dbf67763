/* src/tune/bridge.c - typed knobs addressed by the names of a recipe; the contract is in bridge.h.
 *
 * A patch is resolved to a knob and an action, judged by the rules of the ready actuators (optimizer.h,
 * weights.h) with the knob's own limits, then by the knob's own validation, and set by its setter.
 * May touch: the heap, knobs. */
#include "tune/bridge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/value.h"
#include "tune/optimizer.h"
#include "tune/record_members.h"
#include "tune/rollback.h"
#include "tune/weights.h"

/* What a patch or a family leads to. */
typedef struct {
    ht_knob_view knob;
    const char *action;         /* "mult", "set", "delta"; static storage */
    bool optimizer_op;          /* lr_mult, lr_set, wd_mult, wd_set, betas_set: they clamp */
    double lo, hi;              /* the knob's range, infinite where it has none */
} target;

typedef struct {
    char key[HT_NAME_MAX];      /* of the knob */
    ht_undo undo;
    ht_value before, after;
    ht_knob_state state;        /* before */
    ht_env env;                 /* of the application */
    bool tried, written, commanded;
} snapshot;

const char *ht_bridge_group(const char *actuator)
{
    return strcmp(actuator, "opt") == 0 ? "optimizer" : actuator;
}

const char *ht_bridge_actuator(const char *group)
{
    return strcmp(group, "optimizer") == 0 ? "opt" : group;
}

bool ht_bridge_exists(const ht_bridge *b)
{
    const char *group = ht_bridge_group(b->actuator);
    ht_knob_view v;
    for (size_t i = 0; b->knobs != NULL && group[0] != '\0' && i < ht_knobs_count(b->knobs); i++) {
        ht_knobs_at(b->knobs, i, &v);
        if (strcmp(v.spec->group, group) == 0)
            return true;
    }
    return false;
}

/* ---- from names to a knob ------------------------------------------------------------------- */

static bool in_group(const ht_bridge *b, const char *key, ht_knob_view *out)
{
    return ht_knobs_find(b->knobs, key, out) && strcmp(out->spec->group, ht_bridge_group(b->actuator)) == 0;
}

/* By its own name, or, where two actuators have knobs of one name, by "<actuator>.<name>". */
static bool find_knob(const ht_bridge *b, const char *name, ht_knob_view *out)
{
    char full[2 * HT_NAME_MAX];
    if (in_group(b, name, out))
        return true;
    snprintf(full, sizeof full, "%s.%s", b->actuator, name);
    return in_group(b, full, out);
}

static const char *action_of(const char *text)
{
    static const char *const actions[] = {"mult", "set", "delta"};
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (strcmp(actions[i], text) == 0)
            return actions[i];
    return NULL;
}

/* "<name>_<action>" under `mutations`. */
static bool resolve_op(const ht_bridge *b, const char *op, target *to)
{
    char name[HT_NAME_MAX];
    ht_name_copy(name, op);
    char *mark = strrchr(name, '_');
    if (mark == NULL)
        return false;
    *mark = '\0';
    to->action = action_of(mark + 1);
    if (to->action == NULL)
        return false;
    ht_codes ignored = {0};
    ht_value none = {.kind = HT_VALUE_NONE};
    to->optimizer_op = ht_optimizer_check(op, &none, 0, 1, &ignored);
    return (strcmp(name, "wd") == 0 && find_knob(b, "weight_decay", &to->knob)) ||
           find_knob(b, name, &to->knob);
}

/* @return NULL, or the code that says why it leads nowhere */
static const char *resolve(const ht_bridge *b, const char *op, const char *key, target *to)
{
    to->optimizer_op = false;
    if (key[0] == '\0') {
        if (!resolve_op(b, op, to))
            return "unknown_op";
    } else {
        to->action = action_of(op);
        if (to->action == NULL)
            return "unknown_op";
        if (!find_knob(b, key, &to->knob))
            return "unknown_param";
    }
    const ht_knob_spec *s = to->knob.spec;
    bool whole = s->type == HT_KNOB_INT;    /* so that rounding never leaves the range */
    to->lo = !s->has_min ? -INFINITY : whole ? ceil(s->min) : s->min;
    to->hi = !s->has_max ? INFINITY : whole ? floor(s->max) : s->max;
    return NULL;
}

/* ---- from a patch to a value ---------------------------------------------------------------- */

static ht_value nearest_choice(const ht_knob_spec *s, double x)
{
    ht_value nearest = ht_real(x);
    double least = INFINITY;
    for (size_t i = 0; i < s->n_choices; i++) {
        double distance = fabs(s->choices[i].scalar.number - x);
        if (ht_value_is_number(&s->choices[i]) && distance < least) {
            least = distance;
            nearest = s->choices[i];
        }
    }
    return nearest;
}

/* The value of the knob's type that is nearest to a number: the search draws reals. What is too large for
 * an integer stays a real, which the knob's validation refuses. */
static ht_value fit(const ht_knob_spec *s, double x)
{
    if (s->type == HT_KNOB_INT && fabs(x) <= 9007199254740992.0)
        return ht_int(llround(x));
    if (s->type == HT_KNOB_BOOL && isfinite(x))
        return ht_bool(x > .5);
    return s->type == HT_KNOB_CHOICE ? nearest_choice(s, x) : ht_real(x);
}

/* bool, choice and tuple have no arithmetic: their own validation alone judges what is set. */
static bool is_arithmetic(ht_knob_type t)
{
    return t == HT_KNOB_FLOAT || t == HT_KNOB_LOG_FLOAT || t == HT_KNOB_INT;
}

static void check_patch(const target *t, const ht_patch *patch, const ht_value *live, ht_codes *codes)
{
    const ht_value *v = &patch->value;
    double base = ht_patch_base(patch, live->scalar.number);
    if (live->kind == HT_VALUE_NONE)    /* what was never set cannot be undone */
        ht_codes_add(codes, "never_set");
    else if (t->knob.state == HT_KNOB_DISABLED)
        ht_codes_add(codes, "actuator_disabled");
    else if (t->optimizer_op)
        ht_optimizer_check(patch->op, v, t->lo, t->hi, codes);
    else if (is_arithmetic(t->knob.spec->type))
        ht_weights_check(t->action, t->knob.spec->key, v, &base, t->lo, t->hi, codes);
    else if (v->kind == HT_VALUE_NONE || v->kind == HT_VALUE_NULL)
        ht_codes_add(codes, "missing_value");
    else if (strcmp(t->action, "set") != 0 &&
             !(t->knob.spec->type == HT_KNOB_CHOICE && ht_value_is_number(live) && ht_value_is_number(v)))
        ht_codes_add(codes, "type");
}

/* Judge a patch; if it is legal, *result is what the knob is to be set to. */
static void judge(const target *t, const ht_patch *patch, const ht_value *live, ht_codes *codes,
                  ht_value *result)
{
    codes->n = 0;
    check_patch(t, patch, live, codes);
    if (codes->n > 0)
        return;
    *result = patch->value;
    if (ht_value_is_number(&patch->value)) {
        double base = ht_patch_base(patch, live->scalar.number);
        double x = ht_weights_result(t->action, base, patch->value.scalar.number);
        *result = fit(t->knob.spec, t->optimizer_op ? ht_clamp(x, t->lo, t->hi) : x);
    }
    ht_knob_validate(t->knob.spec, result, codes);
}

static void validate(void *self, const ht_patch *patch, ht_codes *codes)
{
    const ht_bridge *b = self;
    target t;
    ht_value live, result;
    const char *fault = resolve(b, patch->op, patch->key, &t);
    if (fault != NULL) {
        ht_codes_add(codes, fault);
        return;
    }
    ht_knobs_live(b->knobs, t.knob.spec->key, &live);
    judge(&t, patch, &live, codes, &result);
}

/* ---- snapshot, apply, restore --------------------------------------------------------------- */

static ht_status take(void *self, const ht_patch *patch, void **out)
{
    const ht_bridge *b = self;
    target t;
    *out = NULL;
    if (resolve(b, patch->op, patch->key, &t) != NULL)
        return HT_OK;
    snapshot *s = calloc(1, sizeof *s);
    if (s == NULL)
        return HT_ENOMEM;
    ht_name_copy(s->key, t.knob.spec->key);
    ht_knobs_live(b->knobs, s->key, &s->before);
    s->after = s->before;
    s->state = t.knob.state;
    s->undo = ht_undo_of(t.action, t.knob.spec->type == HT_KNOB_LOG_FLOAT);
    *out = s;
    return HT_OK;
}

static ht_status apply(void *self, const ht_patch *patch, const ht_env *env, void *snap, ht_error *err)
{
    const ht_bridge *b = self;
    snapshot *s = snap;
    target t;
    ht_codes codes;
    const char *fault = resolve(b, patch->op, patch->key, &t);
    if (fault != NULL)
        return ht_fail(err, HT_EFAILED, "%s", fault);
    judge(&t, patch, &s->before, &codes, &s->after);
    if (codes.n > 0)
        return ht_fail(err, HT_EFAILED, "invalid:%s", codes.code[0]);
    if (env != NULL)
        s->env = *env;
    s->env.phase = NULL;    /* borrowed for this call only */
    s->tried = true;
    HT_TRY(ht_knobs_apply(b->knobs, s->key, &s->after, env, err));
    s->written = true;
    /* A setter may store less than it is given (a float, a multiple of 8): what is there now counts, else
     * the change would look as if somebody had moved it. */
    ht_knobs_live(b->knobs, s->key, &s->after);
    return HT_OK;
}

/* The numbers of a value: 1, the elements of a list, or 0 if it is not made of numbers. */
static size_t numbers_of(const ht_value *v, double x[HT_ITEMS_MAX])
{
    if (ht_value_is_number(v) || v->kind == HT_VALUE_BOOL) {
        x[0] = v->scalar.number;
        return 1;
    }
    if (v->kind != HT_VALUE_LIST || v->n_items > HT_ITEMS_MAX)
        return 0;
    for (size_t i = 0; i < v->n_items; i++) {
        if (v->items[i].kind != HT_VALUE_INT && v->items[i].kind != HT_VALUE_REAL)
            return 0;
        x[i] = v->items[i].number;
    }
    return v->n_items;
}

/* Decide what undoes the change, given the value in the training now. */
static ht_rollback decide(const snapshot *s, const target *t, const ht_value *live, ht_value *write)
{
    double before[HT_ITEMS_MAX], after[HT_ITEMS_MAX], now[HT_ITEMS_MAX], x;
    size_t n = numbers_of(&s->after, after);
    ht_rollback how = HT_ROLLBACK_EXACT;
    *write = s->before;
    if (numbers_of(live, now) != n || numbers_of(&s->before, before) != n || n == 0)
        return ht_value_equal(live, &s->after) ? HT_ROLLBACK_EXACT : HT_ROLLBACK_LEFT;
    ht_undo undo = is_arithmetic(t->knob.spec->type) ? s->undo : (ht_undo){false, false};
    for (size_t i = 0; i < n; i++)
        how = ht_rollback_weaker(how,
                                 ht_rollback_number(before[i], after[i], now[i], undo, t->lo, t->hi, &x));
    if (how == HT_ROLLBACK_RELATIVE)
        *write = fit(t->knob.spec, x);
    return how;
}

static ht_status restore(void *self, void *snap, ht_rollback *how, ht_error *err)
{
    const ht_bridge *b = self;
    const snapshot *s = snap;
    target t;
    ht_value live, write = s->before;
    *how = HT_ROLLBACK_NONE;
    if (!s->tried)
        return HT_OK;
    ht_rollback outcome = HT_ROLLBACK_EXACT;    /* a setter that failed may have changed a part */
    if (s->written) {
        if (s->commanded || resolve(b, "set", s->key, &t) != NULL ||
            !ht_knobs_live(b->knobs, s->key, &live))
            outcome = HT_ROLLBACK_LEFT;
        else
            outcome = decide(s, &t, &live, &write);
    }
    *how = HT_ROLLBACK_FAILED;
    if (outcome != HT_ROLLBACK_LEFT)
        HT_TRY(ht_knobs_put_back(b->knobs, s->key, &write,
                                 outcome == HT_ROLLBACK_EXACT ? s->state : HT_KNOB_UNVERIFIED, &s->env, err));
    *how = outcome;
    return HT_OK;
}

static void discard(void *self, void *snap)
{
    (void)self;
    free(snap);
}

static void commanded(void *self, void *snap, const char *param)
{
    (void)self;
    snapshot *s = snap;
    if (strcmp(param, s->key) == 0)
        s->commanded = true;
}

/* The values are saved with the knobs; this is what undoes the open change. */
static void visit_snapshot(void *self, void **snap, ht_members *s)
{
    const ht_bridge *b = self;
    ht_knob_view knob;
    if (s->loading && (*snap = calloc(1, sizeof(snapshot))) == NULL)
        ht_members_fault(s, HT_ENOMEM, "no memory to load it");
    snapshot *kept = *snap;
    if (kept == NULL)
        return;
    ht_members_field(s, "knob", kept->key, sizeof kept->key);
    if (ht_members_is_good(s) && !in_group(b, kept->key, &knob))
        ht_members_fault(s, HT_EFORMAT, "is of knob '%s', which actuator '%s' does not have", kept->key,
                       b->actuator);
    ht_members_bool(s, "factor", &kept->undo.factor);
    ht_members_bool(s, "delta", &kept->undo.delta);
    ht_members_value(s, "before", &kept->before);
    ht_members_value(s, "after", &kept->after);
    HT_MEMBERS_ENUM(s, "state", kept->state, ht_knob_state, HT_KNOB_DISABLED);
    ht_members_enter(s, "env");
    ht_members_env(s, &kept->env);
    ht_members_leave(s);
    ht_members_bool(s, "tried", &kept->tried);
    ht_members_bool(s, "written", &kept->written);
    ht_members_bool(s, "commanded", &kept->commanded);
}

/* ---- what it says of itself ----------------------------------------------------------------- */

/* A value that is no number (a choice of texts) has no place among the numbers of a change. */
static size_t changes(void *self, const void *snap, ht_change *out)
{
    (void)self;
    const snapshot *s = snap;
    double before[HT_ITEMS_MAX], after[HT_ITEMS_MAX];
    size_t n = numbers_of(&s->before, before);
    if (n == 0 || numbers_of(&s->after, after) != n)
        return 0;
    ht_name_copy(out->param, s->key);
    out->n_cells = n;
    out->was_absent = false;
    memcpy(out->before, before, n * sizeof before[0]);
    memcpy(out->after, after, n * sizeof after[0]);
    return 1;
}

static const char *mode_text(ht_spec_mode m)
{
    return m == HT_SPEC_MULT ? "mult" : m == HT_SPEC_SET ? "set" : "delta";
}

/* The search draws numbers, so a choice of texts leads nowhere. */
static bool can_take_numbers(const ht_knob_spec *s)
{
    bool any = s->type != HT_KNOB_CHOICE || s->n_choices == 0;
    for (size_t i = 0; i < s->n_choices && !any; i++)
        any = ht_value_is_number(&s->choices[i]);
    return any;
}

static bool space(void *self, const ht_family_spec *family, bool *log_knob, size_t *n, double *current)
{
    const ht_bridge *b = self;
    target t;
    ht_value live;
    const char *fault = family->keyed ? resolve(b, mode_text(family->mode), family->name, &t)
                                      : resolve(b, family->name, "", &t);
    if (fault != NULL || !can_take_numbers(t.knob.spec))
        return false;
    ht_knobs_live(b->knobs, t.knob.spec->key, &live);
    *log_knob = t.knob.spec->type == HT_KNOB_LOG_FLOAT;
    *n = t.knob.spec->type == HT_KNOB_TUPLE ? 2 : 1;
    *current = ht_value_is_number(&live) ? live.scalar.number : 0;
    return true;
}

static void describe(void *self, char *text, size_t size)
{
    const ht_bridge *b = self;
    snprintf(text, size, "mult, set, delta on the knobs of group '%s', within their limits",
             ht_bridge_group(b->actuator));
}

const ht_actuator_class ht_bridge_class = {
    .validate = validate, .snapshot = take, .apply = apply, .restore = restore, .discard = discard,
    .commanded = commanded, .changes = changes, .space = space, .describe = describe,
    .visit_snapshot = visit_snapshot,
};
