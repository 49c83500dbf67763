/** @file src/population/tuned.h
 *  The recipe point h: the knobs that a pool tunes, their ranges, and how a point is kept inside them.
 *
 *  A factor of the recipe (a family that ends in "_mult", of low or medium risk, under an actuator that is enabled) belongs to the
 *  knob of the program with the same actuator and the name without "_mult" (wd_mult: also weight_decay).
 *  Other knobs keep the program's values. */
#ifndef HT_POPULATION_TUNED_H
#define HT_POPULATION_TUNED_H

#include "base/text.h"
#include "population/order.h"
#include "recipe/recipe.h"

typedef struct {
    size_t at;                  /**< index in ht_member.knobs */
    const char *actuator, *name;    /**< of the program's knob; borrowed from the member */
    const ht_family_spec *family;   /**< borrowed from the recipe */
    double start;               /**< value at the start: the recipe's, else the program's; inside the range */
    double sigma;               /**< spread of starts in log, if the recipe knows it; 0 = unknown */
    bool has_range;             /**< the recipe gives one: a race draws from it */
    double lo, hi;              /**< hard clamp: the recipe's range inside the program's; may be infinite */
    double floor;               /**< what a knob at 0 is multiplied from, > 0 */
    bool may_be_zero;           /**< 0 is legal although it lies below lo */
    double mult_lo, mult_hi;    /**< bounds of one factor */
} ht_tuned_knob;

typedef struct {
    size_t n;
    ht_tuned_knob k[HT_POOL_KNOBS_MAX];
} ht_tuned;

/** Both must outlive *out. Finding none is no failure here. */
void ht_tuned_find(const ht_recipe *r, const ht_member *member, ht_tuned *out);
/** The recipe knows of some knob where good starts lie: a race of few about them will do. */
bool ht_tuned_knows_start(const ht_tuned *t);
/** h [n]: the start values. */
void ht_tuned_start(const ht_tuned *t, double *h);
/** A value inside the range of one knob: exactly 0 stays where 0 is legal. */
double ht_tuned_clamp(const ht_tuned_knob *k, double value);
/** value * exp(x), from the floor where value is 0, clamped. x = 0 changes nothing. */
double ht_tuned_times(const ht_tuned_knob *k, double value, double x);
/** A line for each knob: where it starts, within which range it stays, and whose value the start is. */
void ht_tuned_print(const ht_tuned *t, const ht_member *member, ht_string *out);
/** log of a value, 0 counted as the floor. */
double ht_tuned_log(const ht_tuned_knob *k, double value);

#endif
