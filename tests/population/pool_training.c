/* tests/population/pool_training.c - see pool_training.h */
#include "population/pool_training.h"

#include <math.h>
#include <string.h>

static const double curvature[TRAINING_WEIGHTS] = {1, 3, .3, .1};
static const double truth[TRAINING_WEIGHTS] = {1, -2, .5, 3};

void training_member(ht_member *out)
{
    static const ht_member_knob knobs[] = {
        {"opt", "lr", .02, 1e-8, 100}, {"opt", "weight_decay", .01, 0, 100}, {"opt", "dropout", 0, 0, .9}};
    memset(out, 0, sizeof *out);
    out->has_init = out->has_state = out->has_validate = true;
    out->state_bytes = sizeof(training_state);
    out->layout = 4711;
    out->n_knobs = sizeof knobs / sizeof *knobs;
    memcpy(out->knobs, knobs, sizeof knobs);
}

void training_init(training_state *s, uint64_t seed)
{
    ht_random r = ht_random_stream(seed, HT_RANDOM_TEST, 0, 0);
    memset(s, 0, sizeof *s);
    for (int i = 0; i < TRAINING_WEIGHTS; i++)
        s->w[i] = s->e[i] = ht_random_normal(&r);
}

void training_epoch(training_state *s, const double *knobs, ht_random noise)
{
    double lr = knobs[0], wd = knobs[1], dropout = knobs[2];
    for (int step = 0; step < TRAINING_STEPS; step++) {
        s->t++;
        double d = fmin(.95, (1 + (double)s->t) / (10 + (double)s->t));
        for (int i = 0; i < TRAINING_WEIGHTS; i++) {
            double target = truth[i] * (1.3 - .4 * fmin(dropout, .5));
            double slope = curvature[i] * (s->w[i] - target) + (1 + dropout) * ht_random_normal(&noise);
            s->w[i] -= lr * (slope + wd * s->w[i]);
            if (!(fabs(s->w[i]) < 1e4))
                s->w[i] = NAN;
            s->e[i] = d * s->e[i] + (1 - d) * s->w[i];
        }
    }
}

double training_loss(const training_state *s)
{
    double loss = .1;
    for (int i = 0; i < TRAINING_WEIGHTS; i++)
        loss += .5 * curvature[i] * (s->e[i] - truth[i]) * (s->e[i] - truth[i]);
    return loss;
}

void training_break(training_state *s)
{
    s->w[0] = s->e[0] = NAN;
}

void training_mean(size_t m, const training_state *const *members, training_state *out)
{
    training_state sum = *members[m - 1]; /* its step count */
    for (int i = 0; i < TRAINING_WEIGHTS; i++) {
        sum.w[i] = sum.e[i] = 0;
        for (size_t k = 0; k < m; k++) {
            sum.w[i] += members[k]->w[i] / (double)m;
            sum.e[i] += members[k]->e[i] / (double)m;
        }
    }
    *out = sum;
}
