/* src/population/tuned.c - the recipe point h; the contract is in tuned.h.
 *
 * May touch: nothing but its arguments. */
#include "population/tuned.h"

#include <math.h>
#include <string.h>

static const char suffix[] = "_mult";
/* What a knob at 0 is multiplied from, where the recipe says nothing: small enough to do no harm, large
 * enough that a few factors lead to where the knob begins to work. */
static const struct {
    const char *name;
    double floor;
} floors[] = {
    {"lr", 1e-4}, {"wd", 1e-3}, {"weight_decay", 1e-3}, {"dropout", .02}, {"label_smoothing", .005}};
static const double other_floor = .01;      /* weights of loss terms */

static double floor_of(const ht_family_spec *f, const char *knob)
{
    if (f->has_floor && f->floor > 0)
        return f->floor;
    for (size_t i = 0; i < sizeof floors / sizeof *floors; i++)
        if (strcmp(floors[i].name, knob) == 0)
            return floors[i].floor;
    return other_floor;
}

static bool begins_family(const char *family, const char *knob)
{
    size_t n = strlen(knob);
    return strncmp(family, knob, n) == 0 && strcmp(family + n, suffix) == 0;
}

/* wd_mult is the recipe's word for the factor of a weight decay, too. */
static bool names_knob(const char *family, const char *knob)
{
    return begins_family(family, knob) || (strcmp(knob, "weight_decay") == 0 && begins_family(family, "wd"));
}

static const ht_family_spec *family_of(const ht_actuator_spec *a, const char *knob)
{
    for (size_t i = 0; i < a->n_families; i++) {
        const ht_family_spec *f = &a->families[i];
        if (ht_family_is_factor(f) && ht_family_is_tried(f) && (f->keyed ? strcmp(f->name, knob) == 0 : names_knob(f->name, knob)))
            return f;
    }
    return NULL;
}

static void fill(ht_tuned_knob *k, const ht_family_spec *f, const ht_member_knob *m, size_t at)
{
    *k = (ht_tuned_knob){.at = at,
                         .actuator = m->actuator,
                         .name = m->name,
                         .family = f,
                         .lo = m->lo,
                         .hi = m->hi,
                         .floor = floor_of(f, m->name),
                         .mult_lo = f->bounds[0][0],
                         .mult_hi = f->bounds[0][1],
                         .sigma = f->sigma,
                         .has_range = f->has_range};
    if (f->has_range) {
        k->lo = fmax(k->lo, f->range[0]);
        k->hi = fmin(k->hi, f->range[1]);
    }
    /* a knob whose program allows 0 may be off; a learning rate may not */
    k->may_be_zero = !(m->lo > 0) && strcmp(m->name, "lr") != 0;
    k->start = ht_tuned_clamp(k, f->has_start ? f->start : m->value);
}

void ht_tuned_find(const ht_recipe *r, const ht_member *member, ht_tuned *out)
{
    out->n = 0;
    for (size_t i = 0; i < member->n_knobs; i++) {
        const ht_member_knob *m = &member->knobs[i];
        const ht_actuator_spec *a = ht_recipe_actuator(r, m->actuator);
        const ht_family_spec *f = a != NULL && a->enabled ? family_of(a, m->name) : NULL;
        if (f != NULL)
            fill(&out->k[out->n++], f, m, i);
    }
}

bool ht_tuned_knows_start(const ht_tuned *t)
{
    for (size_t k = 0; k < t->n; k++)
        if (t->k[k].sigma > 0)
            return true;
    return false;
}

void ht_tuned_start(const ht_tuned *t, double *h)
{
    for (size_t i = 0; i < t->n; i++)
        h[i] = t->k[i].start;
}

double ht_tuned_clamp(const ht_tuned_knob *k, double value)
{
    if (value == 0 && k->may_be_zero)
        return 0;
    return fmin(fmax(value, k->lo), k->hi);
}

double ht_tuned_times(const ht_tuned_knob *k, double value, double x)
{
    if (x == 0)
        return ht_tuned_clamp(k, value);
    return ht_tuned_clamp(k, (value == 0 ? k->floor : value) * exp(x));
}

double ht_tuned_log(const ht_tuned_knob *k, double value)
{
    return log(value == 0 ? k->floor : value);
}

void ht_tuned_print(const ht_tuned *t, const ht_member *member, ht_string *out)
{
    for (size_t i = 0; i < t->n; i++) {
        const ht_tuned_knob *k = &t->k[i];
        const char *whose = k->family->has_start ? "the recipe's start" : "the program's value";
        double meant = k->family->has_start ? k->family->start : member->knobs[k->at].value;
        ht_string_add(out, "knob %s.%s: starts at %.4g, stays in %.4g .. %.4g (%s", k->actuator, k->name, k->start,
                      k->lo, k->hi, whose);
        if (k->start != meant)
            ht_string_add(out, " is %.4g, outside of that", meant);
        ht_string_add(out, ")\n");
    }
}
