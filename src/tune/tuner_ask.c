/* src/tune/tuner_ask.c - which families are on offer now, and whether an answer may be used.
 *
 * The offer is a courtesy to the search: it never draws what could not be used. The checks of the answer
 * do not rely on it, since answers also come from other ranks and from tests.
 * May touch: its arguments and, through them, actuators. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/value.h"
#include "tune/tuner_internal.h"

/* The largest decay rate on offer: the scale -log(1 - b) has no end at 1. */
#define BETA_MAX (1 - 1e-6)

/* ---- the offer ------------------------------------------------------------------------------ */

/* The recipe's bounds, cut by the cap on one step. @return false if an element has nothing left */
static bool cut_bounds(const ht_family_spec *f, double current, ht_eligible *e)
{
    double least = -INFINITY, most = INFINITY;
    if (f->has_max_step_mult && ht_family_is_factor(f)) {
        least = 1 / f->max_step_mult;
        most = f->max_step_mult;
    } else if (f->has_max_step_mult && e->mode == HT_SPEC_SET && current > 0) {
        least = current / f->max_step_mult;
        most = current * f->max_step_mult;
    }
    if (e->scale == HT_SCALE_BETA)
        most = fmin(most, BETA_MAX);
    for (size_t i = 0; i < e->n; i++) {
        const double *bounds = f->bounds[f->n_bounds == 1 ? 0 : i];
        e->lo[i] = fmax(bounds[0], least);
        e->hi[i] = fmin(bounds[1], most);
        if (!(e->lo[i] <= e->hi[i]))
            return false;
    }
    return true;
}

static bool describe_family(ht_tuner *t, const ht_actuator_spec *a, const ht_family_spec *f,
                            const char *phase, ht_eligible *e)
{
    bool log_knob = false;
    double current = 0;
    *e = (ht_eligible){.keyed = f->keyed, .mode = ht_family_mode(f), .n = 1, .center = ht_family_center(f, phase)};
    if (!ht_actuators_space(t->actuators, a->name, f, &log_knob, &e->n, &current) || e->n < 1 ||
        e->n > HT_BOUNDS_MAX || (f->n_bounds != 1 && f->n_bounds != e->n))
        return false;
    ht_name_copy(e->actuator, a->name);
    ht_name_copy(e->key, f->name);
    e->scale = ht_family_scale(f, log_knob);
    return cut_bounds(f, current, e);
}

static bool is_free(const ht_tuner *t, const ht_actuator_spec *a, const ht_family_spec *f)
{
    char family[2 * HT_NAME_MAX];
    snprintf(family, sizeof family, "%s:%s", a->name, f->name);
    return ht_cooldowns_free(&t->cooldowns, family);
}

static void warn_full(ht_tuner *t)
{
    if (!t->warned_offer)
        ht_tuner_warn(t,
                      "more than %d families may be mutated at once: the first %d of the recipe are "
                      "offered; a cooldown gives the others a turn",
                      HT_ELIGIBLE_MAX, HT_ELIGIBLE_MAX);
    t->warned_offer = true;
}

static void offer_actuator(ht_tuner *t, const ht_actuator_spec *a, ht_ask *ask)
{
    for (size_t i = 0; i < a->n_families; i++) {
        const ht_family_spec *f = &a->families[i];
        /* the same name under `mutations` and `keys`: the former is used everywhere */
        if (ht_actuator_family(a, f->name) != f || !ht_family_is_tried(f) || !is_free(t, a, f))
            continue;
        if (ask->n == HT_ELIGIBLE_MAX) {
            warn_full(t);
            return;
        }
        if (describe_family(t, a, f, ask->phase, &ask->families[ask->n]))
            ask->n++;
    }
}

void ht_tuner_ask(ht_tuner *t, const char *phase, ht_ask *ask)
{
    ask->n = 0;
    ht_name_copy(ask->phase, phase);
    for (size_t i = 0; i < t->recipe->n_actuators; i++) {
        const ht_actuator_spec *a = &t->recipe->actuators[i];
        if (a->enabled && !t->health[i].off && ht_actuators_has(t->actuators, a->name))
            offer_actuator(t, a, ask);
    }
}

ht_scale ht_tuner_scale(ht_tuner *t, const char *actuator, const char *key)
{
    const ht_actuator_spec *a = ht_recipe_actuator(t->recipe, actuator);
    const ht_family_spec *f = a != NULL ? ht_actuator_family(a, key) : NULL;
    bool log_knob = false;
    size_t n = 1;
    double current = 0;
    if (f == NULL)
        return HT_SCALE_LINEAR;
    (void)ht_actuators_space(t->actuators, actuator, f, &log_knob, &n, &current);
    return ht_family_scale(f, log_knob);
}

/* ---- the answer ----------------------------------------------------------------------------- */

static bool is_inside(const ht_family_spec *f, size_t i, double x)
{
    if (f->n_bounds != 1 && i >= f->n_bounds)
        return false;
    const double *bounds = f->bounds[f->n_bounds == 1 ? 0 : i];
    return x >= bounds[0] && x <= bounds[1]; /* false for NaN */
}

/* What is no number is left to the actuator, which says so. */
static bool is_value_inside(const ht_family_spec *f, const ht_value *v)
{
    if (v->kind == HT_VALUE_LIST) {
        for (size_t i = 0; i < v->n_items && i < HT_ITEMS_MAX; i++)
            if ((v->items[i].kind == HT_VALUE_INT || v->items[i].kind == HT_VALUE_REAL) &&
                !is_inside(f, i, v->items[i].number))
                return false;
        return true;
    }
    return !ht_value_is_number(v) || is_inside(f, 0, v->scalar.number);
}

static bool is_switched_off(const ht_tuner *t, const char *actuator)
{
    for (size_t i = 0; i < t->recipe->n_actuators; i++)
        if (strcmp(t->recipe->actuators[i].name, actuator) == 0)
            return t->health[i].off;
    return false;
}

void ht_tuner_check(ht_tuner *t, const ht_proposal *p, ht_codes *codes)
{
    ht_constraints c = {0};
    ht_constraints_check(t->recipe, &t->cooldowns, t->reject_streak, p->actuator, p->key, &c);
    *codes = c.codes;
    if (codes->n == 0 && is_switched_off(t, p->actuator))
        ht_codes_add(codes, "actuator_disabled");
    if (codes->n > 0)
        return;
    const ht_actuator_spec *a = ht_recipe_actuator(t->recipe, p->actuator);
    ht_codes reasons = {0};
    if (!ht_actuators_has(t->actuators, p->actuator))
        ht_codes_add(codes, "invalid");
    else if (!is_value_inside(ht_actuator_family(a, p->key), &p->patch.value))
        ht_codes_add(codes, "out_of_bounds");
    else if (ht_actuators_validate(t->actuators, p->actuator, &p->patch, &reasons) != HT_OK || reasons.n > 0)
        ht_codes_add(codes, "invalid");
}

/* ---- what can never be on offer ------------------------------------------------------------- */

static void report_actuator(ht_tuner *t, const ht_actuator_spec *a)
{
    if (!ht_actuators_has(t->actuators, a->name)) {
        ht_tuner_warn(t,
                      "actuators.%s is not tuned: the program registers no actuator and no knobs of that "
                      "name",
                      a->name);
        return;
    }
    for (size_t i = 0; i < a->n_families; i++) {
        const ht_family_spec *f = &a->families[i];
        bool log_knob = false;
        size_t n = 1;
        double current = 0;
        const char *why = NULL;
        if (!ht_actuators_space(t->actuators, a->name, f, &log_knob, &n, &current))
            why = "it leads to nothing that the program registers";
        else if (n > HT_BOUNDS_MAX || (f->n_bounds != 1 && f->n_bounds != n))
            why = "its bounds do not fit the number of elements of the value";
        if (why != NULL)
            ht_tuner_warn(t, "actuators.%s.%s.%s is not tuned: %s", a->name, f->keyed ? "keys" : "mutations",
                          f->name, why);
    }
}

void ht_tuner_report_families(ht_tuner *t)
{
    if (t->reported_families)
        return;
    t->reported_families = true;
    if (t->recipe->n_actuators == 0)
        ht_tuner_warn(t, "nothing is tuned: the recipe names no actuators");
    for (size_t i = 0; i < t->recipe->n_actuators; i++)
        if (t->recipe->actuators[i].enabled)
            report_actuator(t, &t->recipe->actuators[i]);
}
