/** @file src/recipe/validate.h
 *  Rules that bind several fields together. Limits of single fields are in the table (fields.h). */
#ifndef HT_RECIPE_VALIDATE_H
#define HT_RECIPE_VALIDATE_H

#include "recipe/recipe.h"

/** Check one field of a holder whose fields are all read: `path` as in the table, the name alone for
 *  fields outside HT_IN_RECIPE.
 *  @return HT_OK; HT_EFORMAT: err says why, without the path */
ht_status ht_recipe_check_field(const ht_recipe *r, const char *path, ht_error *err);
ht_status ht_family_check_field(const ht_family_spec *f, const char *path, ht_error *err);

/** The phase begins before it ends. @return as above; the fault is the phase's as a whole */
ht_status ht_phase_check(const ht_phase *p, ht_error *err);

/** The phases cover 0..1 without gap or overlap.
 *  @param[out] phase  index of the phase at fault; `field` names its field: start_frac or end_frac
 *  @return HT_OK, HT_EFORMAT, HT_ENOMEM */
ht_status ht_phases_check(const ht_recipe *r, size_t *phase, const char **field, ht_error *err);

#endif
