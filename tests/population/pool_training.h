/* tests/population/pool_training.h - a training that costs nothing: four weights, a noisy quadratic.
 *
 * Three knobs, as of the recipe of pool_world.h: lr (too much of it diverges), weight_decay and dropout (some
 * of each generalises better). Validation sees averaged weights, and a mean of several states is better than
 * each. */
#ifndef TESTS_POPULATION_POOL_TRAINING_H
#define TESTS_POPULATION_POOL_TRAINING_H

#include "base/random.h"
#include "population/order.h"

enum { TRAINING_WEIGHTS = 4, TRAINING_STEPS = 4 }; /* steps: of one epoch */

typedef struct {
    double w[TRAINING_WEIGHTS], e[TRAINING_WEIGHTS]; /* trained and averaged weights */
    long long t;                                     /* steps since the init */
} training_state;

/* What the program registers. */
void training_member(ht_member *out);
void training_init(training_state *s, uint64_t seed);
void training_epoch(training_state *s, const double *knobs, ht_random noise);
/* Smaller is better; NaN = diverged. */
double training_loss(const training_state *s);
void training_break(training_state *s);
void training_mean(size_t m, const training_state *const *members, training_state *out);

#endif
