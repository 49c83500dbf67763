/* tests/python/twin.c - a training in C that twin.py repeats in Python, operation by operation: for one seed both must
 * leave the same decisions.   twin DIR independent|pooled RECIPE */
#include <hottune/hottune.h>
#include <stdio.h>
#include <string.h>

enum { PER_EPOCH = 4, EPOCHS = 12, D = 4 };

typedef struct {
    double w[D], momentum[D], lr, aux;
    unsigned long long noise;
} training;

static double uniform(unsigned long long *s)    /* in [0, 1): SplitMix64 */
{
    unsigned long long z = *s += 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

/* A bowl, steeper along each axis than along the one before, with noise in its slope. */
static double train_step(training *t)
{
    double loss = 0;
    for (int i = 0; i < D; i++) {
        double steep = (i + 1) * t->w[i], slope = steep + 0.5 * (uniform(&t->noise) - 0.5);
        loss = loss + steep * t->w[i];
        t->momentum[i] = 0.5 * t->momentum[i] + slope;
        t->w[i] = t->w[i] - t->lr * (t->momentum[i] + 0.01 * t->aux * t->w[i]);
    }
    return loss;
}

static ht_status init(void *ctx, unsigned long long seed)
{
    training *t = ctx;
    for (int i = 0; i < D; i++) {
        t->w[i] = 2 * uniform(&seed) - 1;
        t->momentum[i] = 0;
    }
    return HT_OK;
}

static ht_status validate(void *ctx, double *objective)
{
    const training *t = ctx;
    *objective = 0;
    for (int i = 0; i < D; i++)
        *objective = *objective + (i + 1) * t->w[i] * t->w[i];
    return HT_OK;
}

static void describe(ht_kernel *k, training *t, bool pooled)
{
    const ht_state_buffer state[] = {
        {.name = "w", .data = t->w, .count = D, .element = HT_FLOAT64, .use = HT_AVERAGE, .is_weights = true},
        {.name = "momentum", .data = t->momentum, .count = D, .element = HT_FLOAT64, .use = HT_AVERAGE}};
    init(t, 5);
    t->lr = .02;
    t->aux = 1;
    t->noise = (unsigned long long)(ht_replica(k) + 2) << 32;
    ht_knob_double(k, "opt", "lr", &t->lr, HT_LOG, 1e-3, 2);
    ht_knob_double(k, "loss", "aux", &t->aux, HT_LINEAR, 0, 100);
    if (!pooled)
        return;
    ht_training_state(k, state, 2);
    ht_on_init(k, init, t);
    ht_on_validate(k, validate, t);
}

static void train(ht_kernel *k, training *t, bool pooled)
{
    for (long long step = 1; ht_running(k); step++) {
        ht_apply(k, &(ht_env){.step = step, .loss = train_step(t)}, HT_TRAIN_BATCH_END);
        if (step % PER_EPOCH != 0)
            continue;
        double objective;
        validate(t, &objective);
        if (!pooled)
            ht_metric(k, "val/loss", objective);
        ht_apply(k, &(ht_env){.step = step, .epoch = (double)(step / PER_EPOCH)}, HT_VAL_EPOCH_END);
    }
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    bool pooled = argc > 3 && strcmp(argv[2], "pooled") == 0;
    training t = {{0}};
    ht_kernel *k = NULL;
    ht_status st = ht_open(&(ht_options){.comm = MPI_COMM_WORLD, .run_dir = argc > 3 ? argv[1] : NULL, .seed = 11,
                                         .recipe_text = argc > 3 ? argv[3] : NULL, .max_epochs = EPOCHS,
                                         .max_steps = EPOCHS * PER_EPOCH}, &k);
    if (st == HT_OK) {
        describe(k, &t, pooled);
        train(k, &t, pooled);
        st = ht_close(k);
    }
    if (st != HT_OK)
        fprintf(stderr, "twin: %s\n", ht_message(k));
    ht_free(k);
    MPI_Finalize();
    return st != HT_OK;
}
