/* src/store/run_space.c - the knobs of a run as parameters; the contract is in run_space.h. May touch: the heap. */
#include "store/run_space.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tune/bridge.h"

static const double decades = 3;    /* about the first value of a knob without a range */

void ht_run_space_release(ht_run_space *s)
{
    free(s->p);
    *s = (ht_run_space){0, NULL};
}

/* Index of the parameter of that name; a new one has neither range nor start. */
static ht_status find_or_add(ht_run_space *s, const char *name, bool log, size_t *at, ht_error *err)
{
    for (*at = 0; *at < s->n; ++*at)
        if (strcmp(s->p[*at].name, name) == 0)
            return HT_OK;
    ht_run_param *grown = realloc(s->p, (s->n + 1) * sizeof *grown);
    if (grown == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for parameter '%s'", name);
    s->p = grown;
    s->p[s->n] = (ht_run_param){.log = log, .low = INFINITY, .high = -INFINITY, .start = NAN};
    snprintf(s->p[s->n++].name, sizeof s->p->name, "%s", name);
    return HT_OK;
}

/* The recipe's range inside the program's. A knob that may be 0 is written as its floor then. */
static void take_range(ht_run_param *p, const ht_tuned_knob *k)
{
    double low = k->lo;
    if (k->may_be_zero)
        low = k->lo > 0 ? fmin(k->lo, k->floor) : k->floor;
    if (!(low > 0) || !isfinite(k->hi) || k->hi < low)
        return;
    p->low = low;
    p->high = k->hi;
}

ht_status ht_run_space_tuned(ht_run_space *s, const ht_tuned *t, size_t *at, ht_error *err)
{
    for (size_t i = 0; i < t->n; i++) {
        const ht_tuned_knob *k = &t->k[i];
        char name[sizeof s->p->name];
        size_t before = s->n;
        snprintf(name, sizeof name, "%s.%s", k->actuator, k->name);
        HT_TRY(find_or_add(s, name, true, &at[i], err));
        ht_run_param *p = &s->p[at[i]];
        if (s->n == before)
            continue;
        p->floor = k->floor;
        take_range(p, k);
    }
    return HT_OK;
}

/* ---- a program's description of its knobs ------------------------------------------------------- */

static void take_control(const cJSON *control, ht_member *m)
{
    const char *name = ht_json_text(control, "param_key"), *group = ht_json_text(control, "group");
    double value = ht_json_number(control, "current", NAN);
    if (name == NULL || group == NULL || isnan(value) || m->n_knobs == HT_POOL_KNOBS_MAX)
        return;
    ht_member_knob *k = &m->knobs[m->n_knobs++];
    *k = (ht_member_knob){.value = value, .lo = ht_json_number(control, "min", -INFINITY),
                          .hi = ht_json_number(control, "max", INFINITY)};
    ht_name_copy(k->actuator, ht_bridge_actuator(group));
    ht_name_copy(k->name, name);
}

ht_status ht_run_space_controls(ht_run_space *s, const ht_recipe *r, const char *controls, ht_error *err)
{
    ht_member m = {.n_knobs = 0};
    ht_tuned t;
    size_t at[HT_POOL_KNOBS_MAX];
    cJSON *whole = NULL;
    const cJSON *control;
    if (ht_json_parse(controls, &whole, NULL, NULL) != HT_OK)
        return HT_OK;
    const cJSON *list = cJSON_IsObject(whole) ? ht_json_member(whole, "controls") : whole;
    cJSON_ArrayForEach(control, list)
        take_control(control, &m);
    cJSON_Delete(whole);
    ht_tuned_find(r, &m, &t);
    HT_TRY(ht_run_space_tuned(s, &t, at, err));
    for (size_t i = 0; i < t.n; i++)
        s->p[at[i]].start = m.knobs[t.k[i].at].value;
    return HT_OK;
}

/* ---- what a mutation touches ---------------------------------------------------------------------- */

ht_status ht_run_space_changed(ht_run_space *s, const ht_mutation *m,
                               ht_status (*visit)(void *ctx, size_t at, double before, double after, ht_error *err),
                               void *ctx, ht_error *err)
{
    for (size_t i = 0; i < m->n_changes && i < HT_CHANGES_MAX; i++) {
        const ht_change *c = &m->changes[i];
        for (size_t k = 0; k < c->n_cells && k < HT_CELLS_MAX; k++) {
            char name[sizeof s->p->name];
            size_t at;
            bool log = m->scale == HT_SCALE_LOG && c->after[k] > 0;
            int n = snprintf(name, sizeof name, "%s.%s", m->actuator, c->param);
            if (c->n_cells > 1)
                snprintf(name + n, sizeof name - (size_t)n, ".%zu", k);
            HT_TRY(find_or_add(s, name, log, &at, err));
            HT_TRY(visit(ctx, at, c->before[k], c->after[k], err));
        }
    }
    return HT_OK;
}

/* ---- ranges ------------------------------------------------------------------------------------- */

ht_status ht_run_param_compare(ht_run_param *p, ht_optuna *o, ht_error *err)
{
    ht_optuna_distribution theirs;
    ht_status st = ht_optuna_range(o, p->name, &theirs, err);
    if (st != HT_OK && st != HT_ENOTFOUND && st != HT_EREFUSED)
        return st;
    p->compared = true;
    p->refused = st == HT_EREFUSED;
    if (st != HT_OK)
        return HT_OK;
    p->log = theirs.log;
    bool known = p->low <= p->high && !(p->log && p->low <= 0);
    double low = known ? fmin(p->low, theirs.low) : theirs.low, high = known ? fmax(p->high, theirs.high) : theirs.high;
    p->spread = low < theirs.low || high > theirs.high;
    p->low = low;
    p->high = high;
    return HT_OK;
}

static double decade(double value, double (*round)(double), double more)
{
    return pow(10, round(log10(value)) + more);
}

static void grow_log(ht_run_param *p, double value)
{
    bool fresh = p->low > p->high;
    if (value < p->low)
        p->low = fmin(value, decade(value, floor, fresh ? -decades : 0));
    if (value > p->high)
        p->high = fmax(value, decade(value, ceil, fresh ? decades : 0));
}

static void grow_linear(ht_run_param *p, double value)
{
    double size = value != 0 ? fmax(fabs(value), decade(fabs(value), ceil, 0)) : 1;
    if (p->low > p->high)
        p->low = p->high = 0;
    if (value < p->low)
        p->low = -size;
    if (value > p->high || p->low == p->high)
        p->high = size;
}

double ht_run_param_hold(ht_run_param *p, double value)
{
    if (p->refused || !isfinite(value))
        return NAN;
    if (p->log && value <= 0)
        value = p->floor > 0 ? p->floor : p->low;
    if (p->log && !(value > 0 && isfinite(value)))
        return NAN;             /* the first value of all, and it is 0 */
    if (value >= p->low && value <= p->high)
        return value;
    if (p->log)
        grow_log(p, value);
    else
        grow_linear(p, value);
    p->spread = true;
    return value;
}

ht_optuna_distribution ht_run_param_distribution(const ht_run_param *p)
{
    return (ht_optuna_distribution){.name = p->name, .kind = HT_OPTUNA_FLOAT, .low = p->low, .high = p->high,
                                    .log = p->log};
}
