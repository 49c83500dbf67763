/** @file src/tune/evaluate.h
 *  Phase labels, scores and verdicts: pure functions of readings and recipe. */
#ifndef HT_TUNE_EVALUATE_H
#define HT_TUNE_EVALUATE_H

#include "tune/guards.h"

/** The phase of `step` in a run of `total` steps (<= 0 = unknown). One of the recipe's names, borrowed
 *  from `phases`; of the default three (static storage) when there are none. */
const char *ht_phase_label(long long step, long long total, size_t n, const ht_phase *phases);

/** The flags of a segment that ends with these vitals: nan = a loss or the primary is not finite. */
ht_stability ht_stability_of(const ht_vitals *v, bool grad_spike);

/** gain - penalty. gain = improvement of the primary from `pre` to `post`; penalty = 1.0 if nan, + 0.5
 *  if anomaly, + 0.2 if grad_spike. @return false (no score) if the primary is missing or not finite
 *  at either end */
bool ht_score(const ht_recipe *r, const ht_readings *pre, const ht_readings *post, const ht_stability *s,
              double *score);

/** The verdict on a segment whose pre, post and stability are filled: sets has_score, score, decision
 *  (accepted, rejected, inconclusive); reason becomes "no_reading" if inconclusive, else it is kept. */
void ht_verdict(const ht_recipe *r, ht_segment *g);

/** post - pre for every metric that is finite at both ends. */
void ht_deltas(const ht_segment *g, ht_readings *out);

#endif
