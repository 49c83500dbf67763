/* A complete program that is tuned as a population: logistic regression on few samples with useless inputs.
 * What it gives beside its knobs (state, init, validation) lets the population begin trainings anew, copy
 * them from replica to replica, and average them: docs/population.md. The plan is in runs/pooled/events.log.
 *     mpicc pooled.c $(pkg-config --cflags --libs hottune) -lm -o pooled
 *     mpirun -n 9 ./pooled           # one coordinator, eight replicas;  ./pooled alone is one replica
 * Killed, or asked to leave by SIGTERM or SIGUSR2 (hottune job), it goes on when it is started again: docs/resume.md. */
#include <hottune/hottune.h>
#include <math.h>
#include <stdio.h>

enum { SEEN = 100, N = 1000, D = 40, BATCH = 8, PER_EPOCH = 13, EPOCHS = 30 };
static const char recipe[] =
    "population: {mode: pooled}\nacceptance: {epsilon: 0}\n"
    "actuators: {opt: {mutations: {lr_mult: {bounds: [0.7, 1.2], range: [0.001, 3]},\n"
    "                              wd_mult: {bounds: [0.5, 2.0], range: [0.0001, 1]}}}}\n";

static double w[D], momentum[D];                    /* the training state */
static double lr = .01, weight_decay = .001;        /* the knobs */
static double x[3][N][D], y[3][N];                  /* training (SEEN of them), validation and test data */
static unsigned long long noise;                    /* batches of its own for each replica: no training state */
static long long step;                              /* so far; like the noise it belongs to the replica */

static volatile sig_atomic_t leaves;                /* asked to end soon */
static void ask(int number) { leaves = number; }

static double uniform(unsigned long long *s)        /* in [0, 1): SplitMix64 */
{
    unsigned long long z = *s += 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static void make_data(unsigned long long s)
{
    for (int i = 0; i < 3 * N; i++) {
        double *in = x[i / N][i % N];
        for (int j = 0; j < D; j++)
            in[j] = 2 * uniform(&s) - 1;
        double sum = in[0] - in[1] + in[2] - in[3];     /* the other inputs are useless */
        y[i / N][i % N] = uniform(&s) < 1 / (1 + exp(-2 * sum));
    }
}

static double predict(int set, int i)
{
    double sum = 0;
    for (int j = 0; j < D; j++)
        sum += w[j] * x[set][i][j];
    return 1 / (1 + exp(-sum));
}

static double mean_loss(int set)                    /* cross entropy */
{
    double sum = 0;
    for (int i = 0; i < N; i++)
        sum -= log(y[set][i] > 0 ? predict(set, i) : 1 - predict(set, i)) / N;
    return sum;
}

static double train_step(void)
{
    double gradient[D] = {0}, loss = 0;
    for (int b = 0; b < BATCH; b++) {
        int i = (int)(SEEN * uniform(&noise));
        double p = predict(0, i);
        loss -= log(y[0][i] > 0 ? p : 1 - p) / BATCH;
        for (int j = 0; j < D; j++)
            gradient[j] += (p - y[0][i]) * x[0][i][j] / BATCH;
    }
    for (int j = 0; j < D; j++) {
        momentum[j] = .9 * momentum[j] + gradient[j];
        w[j] -= lr * (momentum[j] + weight_decay * w[j]);
    }
    return loss;
}

static ht_status init(void *ctx, unsigned long long seed)   /* begin anew: one seed, one result */
{
    (void)ctx;
    for (int j = 0; j < D; j++)
        w[j] = uniform(&seed) - .5, momentum[j] = 0;
    return HT_OK;
}

static ht_status validate(void *ctx, double *objective)     /* called with the averaged weights in w */
{
    (void)ctx;
    *objective = mean_loss(1);
    return HT_OK;
}

int main(int argc, char **argv)
{
    const ht_state_buffer state[] = {
        {.name = "w", .data = w, .count = D, .element = HT_FLOAT64, .use = HT_AVERAGE, .is_weights = true},
        {.name = "momentum", .data = momentum, .count = D, .element = HT_FLOAT64, .use = HT_AVERAGE}};
    const ht_state_buffer own[] = {{.name = "noise", .data = &noise, .count = 1, .element = HT_INT64},
                                   {.name = "step", .data = &step, .count = 1, .element = HT_INT64}};
    ht_kernel *k;
    signal(SIGTERM, ask);
    signal(SIGUSR2, ask);
    MPI_Init(&argc, &argv);
    if (ht_open(&(ht_options){.comm = MPI_COMM_WORLD, .run_dir = "runs/pooled", .recipe_text = recipe,
                              .seed = 1, .max_epochs = EPOCHS, .resume = true, .leave = &leaves}, &k) != HT_OK) {
        fprintf(stderr, "hottune: %s\n", ht_message(k));
        ht_free(k);
        MPI_Finalize();
        return 1;
    }
    noise = (unsigned long long)(ht_replica(k) + 2) << 32;
    make_data(1);
    ht_knob_double(k, "opt", "lr", &lr, HT_LOG, 1e-4, 10);
    ht_knob_double(k, "opt", "weight_decay", &weight_decay, HT_LOG, 1e-5, 1);
    ht_training_state(k, state, 2);
    ht_replica_state(k, own, 2);
    ht_on_init(k, init, NULL);
    ht_on_validate(k, validate, NULL);
    while (ht_running(k)) {             /* the first call puts everything back, if a run goes on */
        ht_apply(k, &(ht_env){.step = ++step, .loss = train_step()}, HT_TRAIN_BATCH_END);
        if (step % PER_EPOCH == 0)      /* validates; the training may be another one when it returns */
            ht_apply(k, &(ht_env){.step = step, .epoch = (double)(step / PER_EPOCH)}, HT_VAL_EPOCH_END);
    }
    if (ht_is_champion(k) && ht_show_best(k) == HT_OK)
        printf("champion: replica %d, validation %.4f, test %.4f\n", ht_replica(k), mean_loss(1), mean_loss(2));
    int code = ht_close(k) != HT_OK ? 1 : ht_has_left(k) ? 75 : 0;      /* 75: start me again */
    ht_free(k);
    MPI_Finalize();
    return code;
}
