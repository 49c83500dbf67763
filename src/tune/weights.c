/* src/tune/weights.c - named weights of loss terms as an actuator; the contract is in weights.h.
 *
 * A mutation touches one weight, so a snapshot is one number and its name.
 * May touch: the heap, the weights through the program's access functions. */
#include "tune/weights.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/value.h"
#include "tune/rollback.h"

typedef enum { OP_SET, OP_MULT, OP_DELTA, OP_UNKNOWN } op_kind;

typedef struct {
    ht_weight_access access;
    double lo, hi;
    size_t n;
    ht_weight_bounds *bounds;   /* [n], owned */
    const bool *unreachable;
    size_t n_touched;           /* weights that mutations have changed so far: what is saved */
    char (*touched)[HT_NAME_MAX];   /* [n_touched], owned */
} weights;

typedef struct {
    char key[HT_NAME_MAX];
    char op[HT_NAME_MAX];
    double before, after;
    bool was_absent, written, commanded;
} snapshot;

static bool bounds_are_legal(double lo, double hi)
{
    return isfinite(lo) && isfinite(hi) && lo <= hi;
}

ht_status ht_weights_create(const ht_weight_access *access, double lo, double hi, size_t n,
                            const ht_weight_bounds *bounds, const bool *unreachable, void **self,
                            ht_error *err)
{
    if (access->get == NULL || access->put == NULL)
        return ht_fail(err, HT_EINVAL, "weights need functions that read and write them");
    if (!bounds_are_legal(lo, hi))
        return ht_fail(err, HT_EINVAL, "bounds of weights: [%g, %g] is no interval", lo, hi);
    for (size_t i = 0; i < n; i++)
        if (!bounds_are_legal(bounds[i].lo, bounds[i].hi))
            return ht_fail(err, HT_EINVAL, "bounds of weight '%s': [%g, %g] is no interval", bounds[i].key,
                           bounds[i].lo, bounds[i].hi);
    weights *w = calloc(1, sizeof *w);
    ht_weight_bounds *copy = calloc(n + 1, sizeof *copy);
    if (w == NULL || copy == NULL) {
        free(w);
        free(copy);
        return ht_fail(err, HT_ENOMEM, "no memory for bounds of %zu weights", n);
    }
    if (n > 0)
        memcpy(copy, bounds, n * sizeof *copy);
    *w = (weights){
        .access = *access, .lo = lo, .hi = hi, .n = n, .bounds = copy, .unreachable = unreachable};
    *self = w;
    return HT_OK;
}

static void destroy(void *self)
{
    weights *w = self;
    if (w == NULL)
        return;
    free(w->bounds);
    free(w->touched);
    free(w);
}

static bool reachable(const weights *w)
{
    return w->unreachable == NULL || !*w->unreachable;
}

static op_kind kind_of(const char *op)
{
    return strcmp(op, "set") == 0 ? OP_SET : strcmp(op, "mult") == 0 ? OP_MULT
         : strcmp(op, "delta") == 0 ? OP_DELTA : OP_UNKNOWN;
}

static void range_of(const weights *w, const char *key, double *lo, double *hi)
{
    *lo = w->lo;
    *hi = w->hi;
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->bounds[i].key, key) == 0) {
            *lo = w->bounds[i].lo;
            *hi = w->bounds[i].hi;
        }
}

/* The weight now; 1 if there is none of that name. */
static double live(const weights *w, const char *key, bool *absent)
{
    double x = 1;
    *absent = !w->access.get(w->access.ctx, key, &x);
    return *absent ? 1 : x;
}

double ht_weights_result(const char *op, double now, double value)
{
    op_kind kind = kind_of(op);
    return kind == OP_MULT ? now * value : kind == OP_DELTA ? now + value : value;
}

void ht_weights_check(const char *op, const char *key, const ht_value *value, const double *now, double lo,
                      double hi, ht_codes *codes)
{
    op_kind kind = kind_of(op);
    if (kind == OP_UNKNOWN) {
        ht_codes_add(codes, "unknown_op");
        return;
    }
    if (key[0] == '\0')
        ht_codes_add(codes, "missing_key");
    if (value->kind == HT_VALUE_NONE || value->kind == HT_VALUE_NULL)
        ht_codes_add(codes, "missing_value");
    if (!ht_value_is_number(value))
        ht_codes_add(codes, "type");
    if (codes->n > 0)
        return;
    double x = value->scalar.number;
    if (kind == OP_MULT && x <= 0)  /* NaN is caught by the range */
        ht_codes_add(codes, "not_positive");
    if (now != NULL && !ht_inside(ht_weights_result(op, *now, x), lo, hi))
        ht_codes_add(codes, "out_of_bounds");
}

static void validate(void *self, const ht_patch *patch, ht_codes *codes)
{
    const weights *w = self;
    double lo, hi, now = 0;
    bool absent, known = reachable(w);
    range_of(w, patch->key, &lo, &hi);
    if (known)
        now = ht_patch_base(patch, live(w, patch->key, &absent));
    ht_weights_check(patch->op, patch->key, &patch->value, known ? &now : NULL, lo, hi, codes);
}

/* @return false: out of memory */
static bool note(weights *w, const char *key)
{
    for (size_t i = 0; i < w->n_touched; i++)
        if (strcmp(w->touched[i], key) == 0)
            return true;
    void *grown = realloc(w->touched, (w->n_touched + 1) * sizeof *w->touched);
    if (grown == NULL)
        return false;
    w->touched = grown;
    ht_name_copy(w->touched[w->n_touched++], key);
    return true;
}

static ht_status take(void *self, const ht_patch *patch, void **out)
{
    weights *w = self;
    *out = NULL;
    if (!reachable(w) || kind_of(patch->op) == OP_UNKNOWN)
        return HT_OK;
    snapshot *s = note(w, patch->key) ? calloc(1, sizeof *s) : NULL;
    if (s == NULL)
        return HT_ENOMEM;
    ht_name_copy(s->key, patch->key);
    ht_name_copy(s->op, patch->op);
    s->before = s->after = live(w, patch->key, &s->was_absent);
    *out = s;
    return HT_OK;
}

static ht_status put(const weights *w, const char *key, double x, ht_error *err)
{
    if (w->access.put(w->access.ctx, key, x) != HT_OK)
        return ht_fail(err, HT_EFAILED, "weight '%s' cannot be set", key);
    return HT_OK;
}

static ht_status apply(void *self, const ht_patch *patch, const ht_env *env, void *snap, ht_error *err)
{
    (void)env;
    const weights *w = self;
    snapshot *s = snap;
    if (!reachable(w) || s == NULL)
        return ht_fail(err, HT_EFAILED, "missing_mutable_state");
    double lo, hi;
    range_of(w, s->key, &lo, &hi);
    double base = ht_patch_base(patch, s->before);
    s->after = ht_clamp(ht_weights_result(s->op, base, patch->value.scalar.number), lo, hi);
    HT_TRY(put(w, s->key, s->after, err));
    s->written = true;
    /* The program may store less than it is given, e.g. a float: what is there now counts. */
    w->access.get(w->access.ctx, s->key, &s->after);
    return HT_OK;
}

/* Take a weight away that was not there before; without a way to do that it keeps `else_value`. */
static ht_status take_away(const weights *w, const char *key, double else_value, ht_error *err)
{
    if (w->access.remove == NULL)
        return put(w, key, else_value, err);
    w->access.remove(w->access.ctx, key);
    return HT_OK;
}

static ht_status restore(void *self, void *snap, ht_rollback *how, ht_error *err)
{
    const weights *w = self;
    const snapshot *s = snap;
    *how = HT_ROLLBACK_FAILED;
    if (!reachable(w))
        return ht_fail(err, HT_EFAILED, "missing_mutable_state");
    ht_rollback outcome = HT_ROLLBACK_NONE;
    if (s->written) {
        double lo, hi, x = 0;
        bool absent;
        range_of(w, s->key, &lo, &hi);
        double now = live(w, s->key, &absent);
        outcome = HT_ROLLBACK_LEFT;     /* also when somebody took the weight away meanwhile */
        if (!s->commanded && !absent)
            outcome = ht_rollback_number(s->before, s->after, now, ht_undo_of(s->op, false), lo, hi, &x);
        if (outcome == HT_ROLLBACK_EXACT && s->was_absent)
            HT_TRY(take_away(w, s->key, s->before, err));
        else if (outcome != HT_ROLLBACK_LEFT)
            HT_TRY(put(w, s->key, x, err));
    }
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

static void write_back(weights *w, const char *key, bool absent, double x, ht_members *s)
{
    ht_error why = {""};
    bool absent_now;
    live(w, key, &absent_now);
    if (!note(w, key))
        ht_members_fault(s, HT_ENOMEM, "no memory to load it");
    else if (absent && absent_now)
        return;
    else if ((absent ? take_away(w, key, x, &why) : put(w, key, x, &why)) != HT_OK)
        ht_members_fault(s, HT_EFAILED, "cannot be written: %s", why.text);
}

static void visit(void *self, ht_members *s)
{
    weights *w = self;
    size_t n = ht_members_enter_list(s, "weights", reachable(w) ? w->n_touched : 0, SIZE_MAX);
    if (s->loading && n > 0 && !reachable(w))
        ht_members_fault(s, HT_EFORMAT, "has %zu weights; the program has none now", n);
    for (size_t i = 0; i < n; i++) {
        char key[HT_NAME_MAX] = "";
        bool absent = true;
        double x = 1;
        if (!s->loading) {
            ht_name_copy(key, w->touched[i]);
            x = live(w, key, &absent);
        }
        ht_members_enter_item(s, i);
        ht_members_field(s, "key", key, sizeof key);
        ht_members_bool(s, "absent", &absent);
        ht_members_real(s, "value", &x);
        if (ht_members_acts(s))
            write_back(w, key, absent, x, s);
        ht_members_leave(s);
    }
    ht_members_leave(s);
}

static void visit_snapshot(void *self, void **snap, ht_members *s)
{
    (void)self;
    if (s->loading && (*snap = calloc(1, sizeof(snapshot))) == NULL)
        ht_members_fault(s, HT_ENOMEM, "no memory to load it");
    snapshot *kept = *snap;
    if (kept == NULL)
        return;
    ht_members_field(s, "key", kept->key, sizeof kept->key);
    ht_members_field(s, "op", kept->op, sizeof kept->op);
    ht_members_real(s, "before", &kept->before);
    ht_members_real(s, "after", &kept->after);
    ht_members_bool(s, "was_absent", &kept->was_absent);
    ht_members_bool(s, "written", &kept->written);
    ht_members_bool(s, "commanded", &kept->commanded);
}

static size_t changes(void *self, const void *snap, ht_change *out)
{
    (void)self;
    const snapshot *s = snap;
    ht_name_copy(out->param, s->key);
    out->n_cells = 1;
    out->was_absent = s->was_absent;
    out->before[0] = s->before;
    out->after[0] = s->after;
    return 1;
}

static bool space(void *self, const ht_family_spec *family, bool *log_knob, size_t *n, double *current)
{
    const weights *w = self;
    if (!family->keyed)     /* an op without a key touches nothing */
        return false;
    bool absent;
    *log_knob = false;
    *n = 1;
    *current = reachable(w) ? live(w, family->name, &absent) : 0;
    return true;
}

static void describe(void *self, char *text, size_t size)
{
    const weights *w = self;
    snprintf(text, size, "set, mult, delta on a named weight; the result lies in %g..%g%s", w->lo, w->hi,
             w->n > 0 ? ", some weights have bounds of their own" : "");
}

const ht_actuator_class ht_weights_class = {
    .validate = validate, .snapshot = take, .apply = apply, .restore = restore, .discard = discard,
    .commanded = commanded, .changes = changes, .space = space, .describe = describe, .visit = visit,
    .visit_snapshot = visit_snapshot, .destroy = destroy,
};
