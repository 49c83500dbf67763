/* src/recipe/recipe.c - life and questions of a recipe; the contract is in recipe.h.
 *
 * Always: `given` has one mark per row of the table; n_phases >= 1; names are 0-terminated.
 * May touch: the heap. Not: text syntax, files. */
#include "recipe/recipe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "recipe/fields.h"

static const ht_phase default_phases[] = {{"early", 0, 0.2}, {"mid", 0.2, 0.7}, {"late", 0.7, 1}};
enum { N_DEFAULT_PHASES = sizeof default_phases / sizeof default_phases[0] };

/* A copy of n elements; *ok becomes false when memory is out. NULL when n is 0. */
static void *duplicate(const void *from, size_t n, size_t size, bool *ok)
{
    if (n == 0)
        return NULL;
    void *to = malloc(n * size);
    if (to != NULL)
        memcpy(to, from, n * size);
    *ok = *ok && to != NULL;
    return to;
}

ht_status ht_recipe_create(ht_recipe **out, ht_error *err)
{
    const ht_field *fields;
    size_t n = ht_fields(&fields);
    bool ok = true;
    ht_recipe *r = calloc(1, sizeof *r);
    if (r != NULL) {
        r->given = calloc(n, sizeof *r->given);
        r->phases = duplicate(default_phases, N_DEFAULT_PHASES, sizeof *r->phases, &ok);
    }
    if (r == NULL || r->given == NULL || !ok) {
        ht_recipe_destroy(r);
        return ht_fail(err, HT_ENOMEM, "no memory for a recipe");
    }
    r->n_phases = N_DEFAULT_PHASES;
    ht_fields_default(HT_IN_RECIPE, r);
    *out = r;
    return HT_OK;
}

/* The copy of an actuator; on failure what is there can be destroyed. */
static bool copy_actuator(const ht_actuator_spec *from, ht_actuator_spec *to)
{
    bool ok = true;
    *to = *from;
    to->families = duplicate(from->families, from->n_families, sizeof *to->families, &ok);
    if (to->families == NULL)
        to->n_families = 0;
    for (size_t i = 0; i < to->n_families; i++) {
        ht_family_spec *f = &to->families[i];
        f->priors = duplicate(f->priors, f->n_priors, sizeof *f->priors, &ok);
        if (f->priors == NULL)
            f->n_priors = 0;
    }
    return ok;
}

ht_status ht_recipe_copy(const ht_recipe *from, ht_recipe **out, ht_error *err)
{
    const ht_field *fields;
    bool ok = true;
    ht_recipe *r = malloc(sizeof *r);
    if (r == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a recipe");
    *r = *from;
    r->given = duplicate(from->given, ht_fields(&fields), sizeof *r->given, &ok);
    r->phases = duplicate(from->phases, from->n_phases, sizeof *r->phases, &ok);
    r->evolved.from = duplicate(from->evolved.from, from->evolved.n_from, sizeof *r->evolved.from, &ok);
    r->n_actuators = 0;
    r->actuators = calloc(from->n_actuators + 1, sizeof *r->actuators);
    ok = ok && r->actuators != NULL;
    for (; ok && r->n_actuators < from->n_actuators; r->n_actuators++)
        ok = copy_actuator(&from->actuators[r->n_actuators], &r->actuators[r->n_actuators]);
    if (!ok) {
        ht_recipe_destroy(r);
        return ht_fail(err, HT_ENOMEM, "no memory for a recipe");
    }
    *out = r;
    return HT_OK;
}

void ht_recipe_destroy(ht_recipe *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->n_actuators; i++) {
        for (size_t j = 0; j < r->actuators[i].n_families; j++)
            free(r->actuators[i].families[j].priors);
        free(r->actuators[i].families);
    }
    free(r->actuators);
    free(r->phases);
    free(r->evolved.from);
    free(r->given);
    free(r);
}

const ht_actuator_spec *ht_recipe_actuator(const ht_recipe *r, const char *name)
{
    for (size_t i = 0; i < r->n_actuators; i++)
        if (strcmp(r->actuators[i].name, name) == 0)
            return &r->actuators[i];
    return NULL;
}

bool ht_recipe_has_phase(const ht_recipe *r, const char *name)
{
    for (size_t i = 0; i < r->n_phases; i++)
        if (strcmp(r->phases[i].name, name) == 0)
            return true;
    return false;
}

ht_family_spec *ht_recipe_find_family(ht_recipe *r, const char *actuator, const char *key)
{
    const ht_actuator_spec *a = ht_recipe_actuator(r, actuator);
    const ht_family_spec *f = a == NULL ? NULL : ht_actuator_family(a, key);
    return f == NULL ? NULL : &r->actuators[a - r->actuators].families[f - a->families];
}

const ht_family_spec *ht_actuator_family(const ht_actuator_spec *a, const char *key)
{
    for (size_t i = 0; i < a->n_families; i++) /* mutations come first */
        if (strcmp(a->families[i].name, key) == 0)
            return &a->families[i];
    return NULL;
}

static bool ends_in(const char *text, const char *ending)
{
    size_t n = strlen(text), k = strlen(ending);
    return n >= k && strcmp(text + n - k, ending) == 0;
}

bool ht_family_is_tried(const ht_family_spec *f)
{
    return strcmp(f->risk, "low") == 0 || strcmp(f->risk, "medium") == 0;
}

bool ht_family_is_factor(const ht_family_spec *f)
{
    return f->keyed ? f->mode == HT_SPEC_MULT : ends_in(f->name, "_mult");
}

ht_spec_mode ht_family_mode(const ht_family_spec *f)
{
    if (f->keyed)
        return f->mode;
    return ends_in(f->name, "_set") ? HT_SPEC_SET : ends_in(f->name, "_delta") ? HT_SPEC_DELTA : HT_SPEC_MULT;
}

double ht_family_center(const ht_family_spec *f, const char *phase)
{
    double center = f->prior_center;
    for (size_t i = 0; i < f->n_priors; i++)
        if (strcmp(f->priors[i].phase, phase) == 0)
            center = f->priors[i].center;
    if (f->n_bounds == 1)
        center = fmin(fmax(center, f->bounds[0][0]), f->bounds[0][1]);
    return center;
}

/* The number after a prefix: 1 to 9 digits, at least 1. */
static bool count_after(const char *text, const char *prefix, long long *out)
{
    size_t n = strlen(prefix);
    if (strncmp(text, prefix, n) != 0)
        return false;
    size_t digits = strspn(text + n, "0123456789");
    if (digits == 0 || digits > 9 || text[n + digits] != '\0')
        return false;
    *out = strtoll(text + n, NULL, 10);
    return *out >= 1;
}

ht_status ht_horizon_parse(const char *text, ht_horizon_unit *unit, long long *length, ht_error *err)
{
    long long n = strcmp(text, "val_epochs:auto") == 0 ? 0 : 1;
    bool epochs = n == 0 || strcmp(text, "next_val_epoch_end") == 0 || count_after(text, "val_epochs:", &n);
    if (!epochs && !count_after(text, "steps:", &n))
        return ht_fail(
            err, HT_EFORMAT,
            "'%.60s' is none of next_val_epoch_end, val_epochs:N, val_epochs:auto and steps:N, with N from 1 "
            "to 999999999",
            text);
    *unit = epochs ? HT_HORIZON_VAL_EPOCHS : HT_HORIZON_STEPS;
    *length = n;
    return HT_OK;
}
