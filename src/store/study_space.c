/* src/store/study_space.c - the families of a recipe and what is believed of them, as /space and /priors of a
 * study; the layout is in docs/study-format.md.
 *
 * May touch: the HDF5 file it is given, the heap. */
#include <math.h>
#include <stdlib.h>

#include "base/text.h"
#include "recipe/scale.h"
#include "store/study_format.h"

typedef struct {
    char actuator[HT_NAME_MAX], key[HT_NAME_MAX], mode[16], scale[16], risk[HT_NAME_MAX];
    signed char enabled, keyed;
    long long elements, cooldown;
    double low[HT_BOUNDS_MAX], high[HT_BOUNDS_MAX], prior_center, max_step_mult;
} family_row;

static const ht_h5_column family_columns[] = {
    HT_H5_TEXTS(family_row, actuator, "actuator: first part of the family"),
    HT_H5_TEXTS(family_row, key, "key: second part of the family"),
    HT_H5_TEXTS(family_row, mode, "mode: mult, set, delta: how the value acts"),
    HT_H5_TEXTS(family_row, scale, "scale: linear, log, beta (log knobs: see the mutations)"),
    HT_H5_TEXTS(family_row, risk, "risk: low, medium, high"),
    HT_H5_COLUMN(family_row, enabled, HT_H5_FLAG, "enabled: the actuator is switched on [0/1]"),
    HT_H5_COLUMN(family_row, keyed, HT_H5_FLAG, "keyed: stands under keys, not under mutations [0/1]"),
    HT_H5_COLUMN(family_row, elements, HT_H5_INT, "elements: that have bounds of their own"),
    HT_H5_COLUMN(family_row, cooldown, HT_H5_INT, "cooldown: windows until it may be used again"),
    HT_H5_REALS(family_row, low, "low: least value; NaN = no such element"),
    HT_H5_REALS(family_row, high, "high: greatest value"),
    HT_H5_COLUMN(family_row, prior_center, HT_H5_REAL, "prior_center: value to which proposals lean"),
    HT_H5_COLUMN(family_row, max_step_mult, HT_H5_REAL, "max_step_mult: cap on one step as a factor; NaN = none"),
};
static const ht_h5_table family_table = HT_H5_TABLE(family_row, family_columns);

static void fill_family(family_row *row, const ht_actuator_spec *a, const ht_family_spec *f)
{
    static const char *const modes[] = {"mult", "set", "delta"};
    *row = (family_row){.enabled = a->enabled, .keyed = f->keyed, .elements = (long long)f->n_bounds,
                        .cooldown = f->cooldown, .prior_center = f->prior_center,
                        .max_step_mult = f->has_max_step_mult ? f->max_step_mult : NAN};
    HT_H5_COPY(row->actuator, a->name);
    HT_H5_COPY(row->key, f->name);
    HT_H5_COPY(row->mode, modes[ht_family_mode(f)]);
    HT_H5_COPY(row->scale, ht_scale_text(ht_family_scale(f, false)));
    HT_H5_COPY(row->risk, f->risk);
    for (size_t k = 0; k < HT_BOUNDS_MAX; k++) {
        row->low[k] = k < f->n_bounds ? f->bounds[k][0] : NAN;
        row->high[k] = k < f->n_bounds ? f->bounds[k][1] : NAN;
    }
}

static bool write_families(hid_t space, const ht_recipe *r)
{
    size_t n = 0, i = 0;
    for (size_t a = 0; a < r->n_actuators; a++)
        n += r->actuators[a].n_families;
    family_row *rows = calloc(n + 1, sizeof *rows);
    if (rows == NULL)
        return false;
    for (size_t a = 0; a < r->n_actuators; a++)
        for (size_t f = 0; f < r->actuators[a].n_families; f++)
            fill_family(&rows[i++], &r->actuators[a], &r->actuators[a].families[f]);
    bool fine = ht_h5_write_table(space, "families", &family_table, n, rows);
    free(rows);
    return fine;
}

/* A group whose link name stands for `text`. */
static hid_t named_group(hid_t at, const char *text)
{
    char *link = ht_h5_link_name(text);
    hid_t group = link == NULL ? H5I_INVALID_HID : ht_h5_group(at, link);
    free(link);
    return group;
}

/* Of the normal distribution on the family's scale, moved into the bounds. */
static void find_quantiles(const ht_family_spec *f, const ht_prior *p, double out[5])
{
    static const double z[5] = {-1.6448536, -.6744898, 0, .6744898, 1.6448536};
    ht_scale scale = ht_family_scale(f, false);
    for (int i = 0; i < 5; i++) {
        double x = ht_scale_from(scale, ht_scale_to(scale, p->center) + z[i] * p->spread);
        out[i] = f->n_bounds == 1 ? fmin(fmax(x, f->bounds[0][0]), f->bounds[0][1]) : x;
    }
}

static bool write_prior(hid_t family, const ht_family_spec *f, const ht_prior *p)
{
    double quantiles[5];
    hid_t group = named_group(family, p->phase);
    find_quantiles(f, p, quantiles);
    bool fine = group >= 0 && ht_h5_put_text(group, "phase", p->phase) &&
                ht_h5_put_real(group, "center", p->center) && ht_h5_put_real(group, "spread", p->spread) &&
                ht_h5_put_reals(group, "quantiles", 5, quantiles) &&
                ht_h5_put_real(group, "effective_sample_size", p->weight);
    ht_h5_close(group);
    return fine;
}

static bool write_family_priors(hid_t priors, const ht_actuator_spec *a, const ht_family_spec *f)
{
    ht_string name = {0};
    ht_string_add(&name, "%s:%s", a->name, f->name);
    /* an entry under `keys` that one under `mutations` hides has no priors of its own */
    if (ht_actuator_family(a, f->name) != f) {
        ht_string_release(&name);
        return true;
    }
    hid_t family = named_group(priors, ht_string_peek(&name));
    bool fine = !name.failed && family >= 0 && ht_h5_put_text(family, "family", ht_string_peek(&name)) &&
                ht_h5_put_real(family, "prior_center", f->prior_center) &&
                ht_h5_put_text(family, "scale", ht_scale_text(ht_family_scale(f, false)));
    for (size_t i = 0; fine && i < f->n_priors; i++)
        fine = write_prior(family, f, &f->priors[i]);
    ht_h5_close(family);
    ht_string_release(&name);
    return fine;
}

bool ht_study_write_space(hid_t file, const ht_recipe *r)
{
    hid_t space = ht_h5_group(file, "space"), priors = ht_h5_group(file, "priors");
    bool fine = space >= 0 && priors >= 0 && write_families(space, r) && ht_study_put_parents(priors, r) &&
                ht_study_put_meaning(priors, HT_MEANING_PRIORS);
    for (size_t a = 0; fine && a < r->n_actuators; a++)
        for (size_t f = 0; fine && f < r->actuators[a].n_families; f++)
            fine = write_family_priors(priors, &r->actuators[a], &r->actuators[a].families[f]);
    ht_h5_close(space);
    ht_h5_close(priors);
    return fine;
}
