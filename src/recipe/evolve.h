/** @file src/recipe/evolve.h
 *  A recipe learns from finished runs: priors move towards what won, starts towards what the champion had.
 *
 *  Independent replicas say what they accepted (ht_evidence). Source: the seed's evolve step (prior_center :=
 *  (1-alpha) * prior_center + alpha * what won), on the family's own scale (geometric for factors), plus
 *  priors per phase with an effective sample size that decays from run to run.
 *
 *  A pooled run says more (ht_lesson): its mutants are compared with controls and with each other, so the best
 *  quarter of them counts instead, and its champion shows where a good training is. Its rules, in log:
 *  - priors: center += alpha * (mean factor of the best quarter - center), from HT_LESSONS_LEAST on. First, where
 *    mutants drawn without the prior won more often than those drawn with it, center and weight are reduced
 *    by the quotient of the win rates.
 *  - starts: only if the champion is better than `evolved.best`, which it then becomes: start += 0.7 * (the
 *    champion's mean - start), the first time start = that mean.
 *  - sigma, how far starts are drawn about `start`: 0.7 at first. Of a run that moved the start it is 0.7 times
 *    what it was, not below 0.25. If the champion descends from a start value that was drawn without regard
 *    to the known one, it is divided by 0.7 instead, not above 0.7, whatever the champion is worth. */
#ifndef HT_RECIPE_EVOLVE_H
#define HT_RECIPE_EVOLVE_H

#include "recipe/recipe.h"

/** What one run says of one family, over all phases (phase "") or in one phase. */
typedef struct {
    char actuator[HT_NAME_MAX], key[HT_NAME_MAX];
    char phase[HT_NAME_MAX];    /**< "" = all phases together */
    double win_rate;            /**< accepted / decided segments */
    double mean_score;
    double win_center;          /**< mean of the accepted values on the family's scale, as a value */
    double win_spread;          /**< their standard deviation on that scale */
    double wins;                /**< number of accepted segments; 0: win_center means nothing */
} ht_evidence;

/** With fewer judged mutants a pooled run does not move a prior. */
enum { HT_LESSONS_LEAST = 4 };

/** What a pooled run says of one family, over all phases (phase "") or in one phase. */
typedef struct {
    char actuator[HT_NAME_MAX], key[HT_NAME_MAX];
    char phase[HT_NAME_MAX];    /**< "" = all phases together */
    double mean;                /**< geometric mean of the knob on the champion's way; 0 = unknown, or of a phase */
    double factor, spread;      /**< of the best quarter of the mutants: geometric mean, standard deviation in log */
    double n, wins;             /**< mutants drawn with the prior; those better than their controls */
    double fresh, fresh_wins;   /**< the same of those drawn without it */
} ht_lesson;

/** From which start value of the race the champion descends. */
typedef enum { HT_ORIGIN_UNKNOWN, HT_ORIGIN_KNOWN, HT_ORIGIN_FRESH } ht_origin;

/** "unknown", "known", "fresh" */
const char *ht_origin_text(ht_origin o);
ht_origin ht_origin_of(const char *text);   /**< of another text, or NULL: HT_ORIGIN_UNKNOWN */

/** Evidence of one run. */
typedef struct {
    char source[2 * HT_NAME_MAX];   /**< names the run in the recipe's provenance */
    size_t n;
    ht_evidence *evidence;          /**< [n] */
    double started;                 /**< seconds since 1970; 0 = unknown */
    double champion;                /**< objective; valid if there are lessons; NaN = none */
    ht_origin origin;               /**< KNOWN: drawn about the recipe's start; UNKNOWN: there was none to draw about */
    size_t n_lessons;               /**< 0: replicas were independent, or the run was killed */
    ht_lesson *lessons;             /**< [n_lessons] */
    ht_recipe *space;               /**< recipe with which it began: what its bounds and scales were (fit.h); NULL = as
                                         those of the recipe that learns */
} ht_run_evidence;

/** Frees both lists and the space, where the evidence owns them. */
void ht_run_evidence_release(ht_run_evidence *e);

/** Evolve `base` by n runs, in order. Only prior_center, the priors per phase, start, sigma and `evolved` change.
 *  By the evidence of independent replicas a family moves only if its win rate is above 1/2, its mean score is
 *  above 0 and it has a win_center; a run that is already in `evolved.from` of the base changes nothing.
 *  @param runs   evidence of a run with lessons is not looked at
 *  @param alpha  step of prior_center, in [0, 1]
 *  @param decay  factor on the effective sample size of older evidence, in [0, 1]
 *  @param[out] out  a new recipe owned by the caller
 *  @return HT_OK, HT_EINVAL (alpha, decay), HT_ENOMEM */
ht_status ht_recipe_evolve(const ht_recipe *base, size_t n, const ht_run_evidence *runs,
                           double alpha, double decay, ht_recipe **out, ht_error *err);

#endif
