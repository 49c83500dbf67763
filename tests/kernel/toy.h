/* tests/kernel/toy.h - a training without numbers: its loss falls faster the nearer lr is to 0.3, so there
 * is something to tune and every value can be computed by hand. */
#ifndef TESTS_TOY_H
#define TESTS_TOY_H

#include <hottune/hottune.h>
#include <math.h>

enum { TOY_PER_EPOCH = 4 };
static const char toy_recipe[] =
    "actuators:\n"
    "  opt: {mutations: {lr_mult: {bounds: [0.5, 2.0]}}}\n"
    "  loss: {keys: {aux: {mode: mult, bounds: [0.5, 2.0], cooldown: 3}}}\n"
    "population: {sync: barrier}\n";

typedef struct {
    double lr, aux, loss;
} toy;

static inline double toy_step(toy *t)
{
    double off = log(t->lr / 0.3);
    t->loss *= 1 - 0.02 * exp(-off * off);
    return t->loss;
}

/* Train `epochs` epochs with kernel k. `each` is called after every safe point; may be NULL. */
static inline void toy_train(ht_kernel *k, toy *t, int epochs, void (*each)(void *ctx, ht_kernel *k, toy *t),
                             void *ctx)
{
    ht_knob_double(k, "opt", "lr", &t->lr, HT_LOG, 1e-3, 10);
    ht_knob_double(k, "loss", "aux", &t->aux, HT_LINEAR, 0, 100);
    for (long long step = 1; ht_running(k) && step <= (long long)epochs * TOY_PER_EPOCH; step++) {
        ht_apply(k, &(ht_env){.step = step, .loss = toy_step(t)}, HT_TRAIN_BATCH_END);
        if (step % TOY_PER_EPOCH == 0) {
            ht_metric(k, "val/loss", t->loss);
            ht_apply(k, &(ht_env){.step = step, .epoch = (double)(step / TOY_PER_EPOCH)}, HT_VAL_EPOCH_END);
            if (each != NULL)
                each(ctx, k, t);
        }
    }
}

#endif
