/* src/recipe/provenance.c - on what evidence an evolved recipe differs from another; the contract is in recipe.h.
 *
 * May touch: the heap. */
#include <string.h>

#include "recipe/recipe.h"

static bool is_from(const ht_recipe *r, const char *source)
{
    for (size_t i = 0; i < r->evolved.n_from; i++)
        if (strcmp(r->evolved.from[i], source) == 0)
            return true;
    return false;
}

/* The runs that went into b and not into a. */
static void print_runs(const ht_recipe *a, const ht_recipe *b, ht_string *out)
{
    size_t n = 0;
    for (size_t i = 0; i < b->evolved.n_from; i++)
        n += !is_from(a, b->evolved.from[i]);
    if (n == 0)
        return;
    ht_string_add(out, "evidence: %zu %s:", n, n == 1 ? "run" : "runs");
    for (size_t i = 0; i < b->evolved.n_from; i++)
        if (!is_from(a, b->evolved.from[i]))
            ht_string_add(out, " %s", b->evolved.from[i]);
    ht_string_add(out, "\n");
}

static void print_best(const ht_recipe *a, const ht_recipe *b, ht_string *out)
{
    bool before = ht_recipe_gives(a, "evolved.best");
    if (!ht_recipe_gives(b, "evolved.best") || (before && a->evolved.best == b->evolved.best))
        return;
    ht_string_add(out, "evidence: best %s ", b->objective.primary);
    if (before)
        ht_string_add(out, "%.6g before, ", a->evolved.best);
    ht_string_add(out, "%.6g now\n", b->evolved.best);
}

static ht_prior prior_in(const ht_recipe *r, const char *actuator, const char *family, const char *phase)
{
    const ht_actuator_spec *a = ht_recipe_actuator(r, actuator);
    const ht_family_spec *f = a != NULL ? ht_actuator_family(a, family) : NULL;
    for (size_t i = 0; f != NULL && i < f->n_priors; i++)
        if (strcmp(f->priors[i].phase, phase) == 0)
            return f->priors[i];
    return (ht_prior){.center = 1};
}

static void print_priors(const ht_recipe *a, const char *actuator, const ht_family_spec *f, ht_string *out)
{
    for (size_t i = 0; i < f->n_priors; i++) {
        const ht_prior *now = &f->priors[i];
        ht_prior before = prior_in(a, actuator, f->name, now->phase);
        if (now->observations == before.observations && now->weight == before.weight)
            continue;
        ht_string_add(out, "evidence: %s:%s, phase %s: %lld observations (%lld before), effective sample size %.4g "
                      "(%.4g before)\n", actuator, f->name, now->phase, now->observations, before.observations,
                      now->weight, before.weight);
    }
}

ht_status ht_recipe_diff_evidence(const ht_recipe *a, const ht_recipe *b, ht_string *out)
{
    print_runs(a, b, out);
    print_best(a, b, out);
    for (size_t i = 0; i < b->n_actuators; i++)
        for (size_t j = 0; j < b->actuators[i].n_families; j++)
            print_priors(a, b->actuators[i].name, &b->actuators[i].families[j], out);
    return out->failed ? HT_ENOMEM : HT_OK;
}
