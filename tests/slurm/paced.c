/* paced EPOCHS SECONDS SEED - a program linked with the library whose epochs take as long as one says: it waits.
 *
 * The descent on a bowl of four dimensions with noise, tuned as a population with a barrier between segments, so that
 * what it decides does not depend on SECONDS, nor on how often it was interrupted. It keeps its files where
 * `hottune job` wants them. Exit code 75: start me again. */
#define _GNU_SOURCE /* nanosleep */
#include <hottune/hottune.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { D = 4, PER_EPOCH = 10 };
static const char recipe[] =
    "population: {mode: pooled, sync: barrier, race: {per_replica: 1}}\nacceptance: {epsilon: 0}\n"
    "actuators: {opt: {mutations: {lr_mult: {bounds: [0.7, 1.2], range: [0.0001, 1]}}}}\n";

typedef struct {
    double w[D], lr;
    unsigned long long noise;   /* the replica's own; no training state */
    long long step;
} training;

static volatile sig_atomic_t leaves;
static void ask(int number) { leaves = number; }

static double uniform(unsigned long long *s)    /* in [0, 1): SplitMix64 */
{
    unsigned long long z = *s += 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static double loss_of(const training *t)
{
    double sum = 0;
    for (int i = 0; i < D; i++)
        sum += (i + 1) * t->w[i] * t->w[i];
    return sum;
}

static double train_step(training *t, double seconds)
{
    struct timespec pace = {(time_t)seconds, (long)(fmod(seconds, 1) * 1e9)};
    for (int i = 0; i < D; i++)
        t->w[i] -= t->lr * ((i + 1) * t->w[i] + uniform(&t->noise) - .5);
    while (nanosleep(&pace, &pace) != 0 && !leaves) {}
    return loss_of(t);
}

static ht_status init(void *ctx, unsigned long long seed)
{
    training *t = ctx;
    for (int i = 0; i < D; i++)
        t->w[i] = 1 + uniform(&seed);
    return HT_OK;
}

static ht_status validate(void *ctx, double *objective)
{
    *objective = loss_of(ctx);
    return HT_OK;
}

static int train(ht_kernel *k, double seconds)
{
    training t = {.lr = .02, .noise = (unsigned long long)(ht_replica(k) + 2) << 32};
    ht_knob_double(k, "opt", "lr", &t.lr, HT_LOG, 1e-4, 1);
    ht_training_state(k, (ht_state_buffer[]){{.name = "w", .data = t.w, .count = D, .element = HT_FLOAT64,
                                              .use = HT_AVERAGE, .is_weights = true}}, 1);
    ht_replica_state(k, (ht_state_buffer[]){{.name = "noise", .data = &t.noise, .count = 1, .element = HT_INT64},
                                            {.name = "step", .data = &t.step, .count = 1, .element = HT_INT64}}, 2);
    ht_on_init(k, init, &t);
    ht_on_validate(k, validate, &t);
    while (ht_running(k)) {
        ht_apply(k, &(ht_env){.step = ++t.step, .loss = train_step(&t, seconds)}, HT_TRAIN_BATCH_END);
        if (t.step % PER_EPOCH == 0)
            ht_apply(k, &(ht_env){.step = t.step, .epoch = (double)(t.step / PER_EPOCH)}, HT_VAL_EPOCH_END);
    }
    if (ht_is_champion(k) && ht_show_best(k) == HT_OK)
        printf("champion: %.17g\n", loss_of(&t));
    return ht_has_left(k) ? 75 : 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: paced EPOCHS SECONDS SEED\n");
        return 2;
    }
    const ht_options options = {.comm = MPI_COMM_WORLD, .recipe_text = recipe, .max_epochs = atoi(argv[1]),
                                .seed = strtoull(argv[3], NULL, 10), .leave = &leaves};
    const int asks[] = {SIGTERM, SIGUSR1, SIGUSR2};
    ht_kernel *k = NULL;
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++)
        sigaction(asks[i], &(struct sigaction){.sa_handler = ask, .sa_flags = SA_RESTART}, NULL);
    MPI_Init(&argc, &argv);
    int code = 1;
    if (ht_open(&options, &k) == HT_OK)
        code = train(k, atof(argv[2]) / PER_EPOCH);
    else
        fprintf(stderr, "paced: %s\n", ht_message(k));
    ht_free(k);
    MPI_Finalize();
    return code;
}
