/** @file src/population/learned.h
 *  What a pooled run teaches the next one.
 *
 *  Gathered from verdicts while the run goes on: every mutant's factors with its standardised score z = score /
 *  score_error, and whether it was drawn with what earlier runs had learned. At any moment that, the champion's
 *  value and the values of the knobs on its way become evidence (recipe/evolve.h). One owner, no lock. */
#ifndef HT_POPULATION_LEARNED_H
#define HT_POPULATION_LEARNED_H

#include "population/pool.h"
#include "population/tuned.h"
#include "recipe/evolve.h"

/** Verdicts that are kept; later ones teach the next run nothing more. */
enum { HT_LEARNED_MOST = 100000 };

typedef struct ht_learned ht_learned;

/** @param tuned  copied; the recipe that it points into must outlive the object */
ht_status ht_learned_create(const ht_tuned *tuned, ht_learned **out, ht_error *err);
void ht_learned_destroy(ht_learned *l);     /**< NULL is allowed */
/** A control teaches nothing here, nor does a mutant without a score. One that diverged counts as z = -50.
 *  @return HT_OK, HT_ENOMEM */
ht_status ht_learned_add(ht_learned *l, const ht_pool_verdict *v);
/** The champion's part and `lessons` of *out, which are owned by the caller; the rest is left alone.
 *  @return HT_OK, HT_ENOMEM */
ht_status ht_learned_evidence(const ht_learned *l, const ht_pool *pool, ht_run_evidence *out);

#endif
