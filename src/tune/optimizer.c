/* src/tune/optimizer.c - parameter groups of an optimizer as an actuator; the contract is in optimizer.h.
 *
 * Five ops on three parameters, in one table. A mutation acts on the parameter in every group that has
 * it, and for the learning rate on the scheduler's base rates along with it, so that a schedule that
 * computes lr from base_lr carries the change on. A snapshot is the list of these numbers ("cells").
 * May touch: the heap, the numbers behind the groups' pointers. */
#include "tune/optimizer.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/value.h"
#include "tune/rollback.h"

typedef enum { LR, WEIGHT_DECAY, BETAS } parameter;
typedef enum { FACTOR, SET, SET_PAIR } action;

static const struct {
    const char *name;
    double lo, hi;      /* hard range */
    bool log_scale;
} parameters[] = {
    [LR] = {"lr", 1e-7, 1, true},
    [WEIGHT_DECAY] = {"weight_decay", 0, 1, true},
    [BETAS] = {"betas", 0, 1, false},
};

typedef struct {
    const char *name;
    parameter param;
    action action;
    const char *sign_code;  /* what a value below the op's limit is called */
    bool zero;              /* 0 is allowed */
} op_row;
static const op_row ops[] = {
    {"lr_mult", LR, FACTOR, "not_positive", false},
    {"lr_set", LR, SET, "not_positive", false},
    {"wd_mult", WEIGHT_DECAY, FACTOR, "not_positive", false},
    {"wd_set", WEIGHT_DECAY, SET, "negative", true},
    {"betas_set", BETAS, SET_PAIR, NULL, true},
};

typedef struct {
    size_t n;
    ht_param_group *groups; /* [n], owned; what they point to is borrowed */
    const bool *unreachable;
} optimizer;

/* One number that a mutation touches. */
typedef struct {
    double *at;             /* borrowed from the group */
    bool *has;              /* borrowed; false while the parameter is absent; NULL = always there */
    double before, after;
    size_t item;            /* index into the patch's value: 1 for the second beta, else 0 */
    bool base;              /* a scheduler's base rate */
    bool was_absent, written;
} cell;

typedef struct {
    const op_row *op;
    bool commanded;
    size_t n;
    cell cells[];           /* [n] */
} snapshot;

static const op_row *find_op(const char *name)
{
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        if (strcmp(ops[i].name, name) == 0)
            return &ops[i];
    return NULL;
}

/* The parameter in one group; NULL if the group has none. */
static double *parameter_of(const ht_param_group *g, parameter p)
{
    return p == LR ? g->lr : p == WEIGHT_DECAY ? g->weight_decay : g->betas;
}

static double *first_of(const optimizer *o, parameter p)
{
    double *x = NULL;
    for (size_t i = 0; i < o->n && x == NULL; i++)
        x = parameter_of(&o->groups[i], p);
    return x;
}

static bool reachable(const optimizer *o)
{
    return o->unreachable == NULL || !*o->unreachable;
}

ht_status ht_optimizer_create(size_t n, const ht_param_group *groups, const bool *unreachable, void **self,
                              ht_error *err)
{
    if (n == 0)
        return ht_fail(err, HT_EINVAL, "an optimizer has at least one parameter group");
    for (size_t i = 0; i < n; i++)
        if (groups[i].lr == NULL)
            return ht_fail(err, HT_EINVAL, "parameter group %zu has no learning rate", i);
    optimizer *o = calloc(1, sizeof *o);
    ht_param_group *copy = calloc(n, sizeof *copy);
    if (o == NULL || copy == NULL) {
        free(o);
        free(copy);
        return ht_fail(err, HT_ENOMEM, "no memory for %zu parameter groups", n);
    }
    memcpy(copy, groups, n * sizeof *copy);
    *o = (optimizer){.n = n, .groups = copy, .unreachable = unreachable};
    *self = o;
    return HT_OK;
}

static void destroy(void *self)
{
    optimizer *o = self;
    if (o == NULL)
        return;
    free(o->groups);
    free(o);
}

/* ---- validate ------------------------------------------------------------------------------- */

static void check_pair(const ht_value *v, ht_codes *codes)
{
    if (v->kind != HT_VALUE_LIST || v->n_items != 2) {
        ht_codes_add(codes, "type");
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        const ht_scalar *s = &v->items[i];
        bool number = s->kind == HT_VALUE_INT || s->kind == HT_VALUE_REAL;
        if (!number || !(s->number >= 0 && s->number < 1))
            ht_codes_add(codes, "out_of_bounds");
    }
}

static void check(const op_row *op, const ht_value *v, double lo, double hi, ht_codes *codes)
{
    if (v->kind == HT_VALUE_NONE || v->kind == HT_VALUE_NULL)
        ht_codes_add(codes, "missing_value");
    else if (op->action == SET_PAIR)
        check_pair(v, codes);
    else if (!ht_value_is_number(v) || v->scalar.number < 0 || (v->scalar.number == 0 && !op->zero))
        ht_codes_add(codes, op->sign_code);
    else if (op->action == FACTOR && !isfinite(v->scalar.number))
        ht_codes_add(codes, "not_finite");
    else if (op->action == SET && !ht_inside(v->scalar.number, lo, hi))
        ht_codes_add(codes, "out_of_bounds");
}

bool ht_optimizer_check(const char *op, const ht_value *value, double lo, double hi, ht_codes *codes)
{
    const op_row *row = find_op(op);
    if (row != NULL)
        check(row, value, lo, hi, codes);
    return row != NULL;
}

static void validate(void *self, const ht_patch *patch, ht_codes *codes)
{
    const op_row *op = find_op(patch->op);
    if (op == NULL) {
        ht_codes_add(codes, "unknown_op");
        return;
    }
    check(op, &patch->value, parameters[op->param].lo, parameters[op->param].hi, codes);
    if (codes->n == 0 && first_of(self, op->param) == NULL)
        ht_codes_add(codes, "unknown_param");
}

/* ---- snapshot, apply, restore --------------------------------------------------------------- */

static void add_cell(snapshot *s, double *at, bool *has, size_t item, bool base)
{
    if (at == NULL)
        return;
    bool absent = has != NULL && !*has;
    double now = absent ? 0 : *at;
    s->cells[s->n++] = (cell){
        .at = at, .has = has, .before = now, .after = now, .item = item, .base = base, .was_absent = absent};
}

static void add_group(snapshot *s, const ht_param_group *g, parameter p)
{
    switch (p) {
    case LR:
        add_cell(s, g->lr, NULL, 0, false);
        add_cell(s, g->base_lr, NULL, 0, true);
        break;
    case WEIGHT_DECAY:
        add_cell(s, g->weight_decay, g->has_weight_decay, 0, false);
        break;
    case BETAS:
        add_cell(s, g->betas, g->has_betas, 0, false);
        add_cell(s, g->betas == NULL ? NULL : g->betas + 1, g->has_betas, 1, false);
        break;
    }
}

/* NULL: out of memory. */
static snapshot *look(const optimizer *o, const op_row *op)
{
    snapshot *s = malloc(sizeof *s + 2 * o->n * sizeof s->cells[0]);
    if (s == NULL)
        return NULL;
    s->op = op;
    s->commanded = false;
    s->n = 0;
    for (size_t i = 0; i < o->n; i++)
        add_group(s, &o->groups[i], op->param);
    return s;
}

static ht_status take(void *self, const ht_patch *patch, void **out)
{
    const optimizer *o = self;
    const op_row *op = find_op(patch->op);
    *out = NULL;
    if (op == NULL || !reachable(o))
        return HT_OK;
    *out = look(o, op);
    return *out != NULL ? HT_OK : HT_ENOMEM;
}

static double result(const op_row *op, const ht_patch *patch, const cell *c)
{
    const ht_value *v = &patch->value;
    if (op->action == SET_PAIR)
        return v->items[c->item].number;
    double x = v->scalar.number;
    if (op->action == FACTOR)
        x *= ht_patch_base(patch, c->before);
    return ht_clamp(x, parameters[op->param].lo, parameters[op->param].hi);
}

static ht_status apply(void *self, const ht_patch *patch, const ht_env *env, void *snap, ht_error *err)
{
    (void)env;
    snapshot *s = snap;
    if (!reachable(self) || s == NULL)
        return ht_fail(err, HT_EFAILED, "missing_optimizer");
    for (size_t i = 0; i < s->n; i++) {
        cell *c = &s->cells[i];
        c->after = result(s->op, patch, c);
        *c->at = c->after;
        if (c->has != NULL)
            *c->has = true;
        c->written = true;
    }
    return HT_OK;
}

static ht_rollback undo_cell(cell *c, parameter p, ht_undo undo)
{
    ht_rollback how = ht_rollback_number(c->before, c->after, *c->at, undo, parameters[p].lo,
                                         parameters[p].hi, c->at);
    if (how == HT_ROLLBACK_EXACT && c->was_absent)
        *c->has = false;
    return how;
}

static ht_status restore(void *self, void *snap, ht_rollback *how, ht_error *err)
{
    snapshot *s = snap;
    *how = HT_ROLLBACK_NONE;
    if (!reachable(self)) {
        *how = HT_ROLLBACK_FAILED;
        return ht_fail(err, HT_EFAILED, "missing_optimizer");
    }
    ht_undo undo = ht_undo_of(s->op->name, parameters[s->op->param].log_scale);
    for (size_t i = 0; i < s->n; i++)
        if (s->cells[i].written)
            *how = ht_rollback_weaker(*how, s->commanded ? HT_ROLLBACK_LEFT
                                                         : undo_cell(&s->cells[i], s->op->param, undo));
    return HT_OK;
}

static void discard(void *self, void *snap)
{
    (void)self;
    free(snap);
}

/* A command on the learning rate is one on its base rates, too. */
static void commanded(void *self, void *snap, const char *param)
{
    (void)self;
    snapshot *s = snap;
    if (strcmp(param, parameters[s->op->param].name) == 0)
        s->commanded = true;
}

/* ---- to go on later ------------------------------------------------------------------------- */

static void visit_parameter(ht_members *s, const char *name, double *at, bool *has, size_t n)
{
    double x[2] = {0, 0};
    bool there = has == NULL || *has;
    if (at == NULL)
        return;
    memcpy(x, at, n * sizeof *x);
    ht_members_enter(s, name);
    ht_members_bool(s, "there", &there);
    ht_members_reals(s, "values", x, n);
    ht_members_leave(s);
    if (!ht_members_acts(s))
        return;
    memcpy(at, x, n * sizeof *x);
    if (has != NULL)
        *has = there;
}

/* What cannot be reached has no values. */
static void visit(void *self, ht_members *s)
{
    const optimizer *o = self;
    size_t here = reachable(o) ? o->n : 0, n = ht_members_enter_list(s, "groups", here, SIZE_MAX);
    if (n > 0 && n != here)
        ht_members_fault(s, HT_EFORMAT, "has %zu parameter groups; the program has %zu", n, here);
    for (size_t i = 0; i < n && i < here; i++) {
        const ht_param_group *g = &o->groups[i];
        ht_members_enter_item(s, i);
        visit_parameter(s, "lr", g->lr, NULL, 1);
        visit_parameter(s, "base_lr", g->base_lr, NULL, 1);
        visit_parameter(s, "weight_decay", g->weight_decay, g->has_weight_decay, 1);
        visit_parameter(s, "betas", g->betas, g->has_betas, 2);
        ht_members_leave(s);
    }
    ht_members_leave(s);
}

static void visit_cell(ht_members *s, cell *c)
{
    ht_members_real(s, "before", &c->before);
    ht_members_real(s, "after", &c->after);
    ht_members_bool(s, "was_absent", &c->was_absent);
    ht_members_bool(s, "written", &c->written);
    if (ht_members_is_good(s) && c->was_absent && c->has == NULL)
        ht_members_fault(s, HT_EFORMAT, "was absent; the program cannot say so");
}

static void visit_snapshot(void *self, void **snap, ht_members *s)
{
    snapshot *kept = *snap;
    char name[HT_NAME_MAX];
    ht_name_copy(name, kept != NULL ? kept->op->name : "");
    ht_members_field(s, "op", name, sizeof name);
    const op_row *op = find_op(name);
    if (ht_members_is_good(s) && op == NULL)
        ht_members_fault(s, HT_EFORMAT, "has an unknown op '%s'", name);
    if (ht_members_is_good(s) && (*snap = kept = look(self, op)) == NULL)
        ht_members_fault(s, HT_ENOMEM, "no memory to load it");
    if (kept == NULL)
        return;
    ht_members_bool(s, "commanded", &kept->commanded);
    size_t n = ht_members_enter_list(s, "cells", kept->n, SIZE_MAX);
    if (s->loading && n != kept->n)
        ht_members_fault(s, HT_EFORMAT, "has %zu numbers; the program has %zu", n, kept->n);
    for (size_t i = 0; i < kept->n; i++) {
        ht_members_enter_item(s, i);
        visit_cell(s, &kept->cells[i]);
        ht_members_leave(s);
    }
    ht_members_leave(s);
}

/* ---- what it says of itself ----------------------------------------------------------------- */

static void gather(const snapshot *s, bool base, ht_change *to)
{
    to->n_cells = 0;
    to->was_absent = false;
    for (size_t i = 0; i < s->n; i++) {
        if (s->cells[i].base != base)
            continue;
        to->was_absent |= s->cells[i].was_absent;
        if (to->n_cells < HT_CELLS_MAX) {
            to->before[to->n_cells] = s->cells[i].before;
            to->after[to->n_cells] = s->cells[i].after;
        }
        to->n_cells++;
    }
}

static size_t changes(void *self, const void *snap, ht_change *out)
{
    (void)self;
    const snapshot *s = snap;
    size_t n = 0;
    gather(s, false, &out[n]);
    ht_name_copy(out[n++].param, parameters[s->op->param].name);
    gather(s, true, &out[n]);
    if (out[n].n_cells > 0)
        ht_name_copy(out[n++].param, "base_lr");
    return n;
}

static bool space(void *self, const ht_family_spec *family, bool *log_knob, size_t *n, double *current)
{
    const optimizer *o = self;
    const op_row *op = family->keyed ? NULL : find_op(family->name);
    const double *first = op == NULL ? NULL : first_of(o, op->param);
    if (first == NULL)
        return false;
    *log_knob = parameters[op->param].log_scale;
    *n = op->action == SET_PAIR ? 2 : 1;
    *current = *n == 1 && reachable(o) ? *first : 0;
    return true;
}

static void describe(void *self, char *text, size_t size)
{
    (void)self;
    snprintf(text, size,
             "lr_mult, wd_mult: a factor > 0; lr_set: %g..%g; wd_set: %g..%g; betas_set: two numbers in "
             "[0, 1); each acts on every parameter group",
             parameters[LR].lo, parameters[LR].hi, parameters[WEIGHT_DECAY].lo, parameters[WEIGHT_DECAY].hi);
}

const ht_actuator_class ht_optimizer_class = {
    .validate = validate, .snapshot = take, .apply = apply, .restore = restore, .discard = discard,
    .commanded = commanded, .changes = changes, .space = space, .describe = describe, .visit = visit,
    .visit_snapshot = visit_snapshot, .destroy = destroy,
};
