/* tests/bench/bench_simulate.c - a real run beside the simulated one: the same curves and speeds, over MPI, asleep in between.
 *
 *     mpirun -n 9 bench_simulate [EPOCHS SECONDS SPREAD]
 *
 * Replicas sleep through their epochs, so that many of them fit a small machine. Prints what share of their time they trained,
 * and what hottune's simulation says of the same run. */
#include <hottune/hottune.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "comm/clock.h"
#include "simulate/simulation.h"

enum { STEPS = 100 };

static const char recipe_text[] =
    "version: 1\n"
    "objective: {primary: val/loss, mode: min, ema: 0}\n"
    "actuators:\n"
    "  opt:\n"
    "    mutations:\n"
    "      lr_mult: {bounds: [0.7, 1.2], range: [0.0001, 0.05]}\n"
    "      wd_mult: {bounds: [0.5, 2.0], range: [0.0001, 3.0]}\n"
    "population: {mode: pooled}\n";

typedef struct {
    ht_curves curves;
    ht_curve_state live;
    double h[HT_POOL_KNOBS_MAX];
} training;

static ht_status init(void *ctx, unsigned long long seed)
{
    training *t = ctx;
    t->live = ht_curve_begin(&t->curves, seed);
    return HT_OK;
}

static ht_status validate(void *ctx, double *objective)
{
    training *t = ctx;
    *objective = ht_curve_loss(&t->curves, &t->live);
    return HT_OK;
}

static void asleep(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)(1e9 * fmod(seconds, 1))};
    nanosleep(&t, NULL);
}

/* @return seconds of training; *all: of the whole */
static double train(ht_kernel *k, training *t, int epochs, double epoch_s, double *all)
{
    double begun = ht_clock_monotonic(), trained = 0;
    for (long long epoch = 1; ht_running(k); epoch++) {
        double since = ht_clock_monotonic();
        asleep(epoch_s);
        ht_curve_train(&t->curves, &t->live, t->h,
                       ht_random_stream(1, HT_RANDOM_TRAINING, (uint64_t)ht_replica(k), (uint64_t)epoch));
        trained += ht_clock_monotonic() - since;
        ht_apply(k, &(ht_env){.step = epoch * STEPS, .epoch = (double)epoch, .loss = 1,
                              .max_steps = (long long)epochs * STEPS}, HT_VAL_EPOCH_END);
    }
    *all = ht_clock_monotonic() - begun;
    return trained;
}

int main(int argc, char **argv)
{
    int epochs = argc > 1 ? atoi(argv[1]) : 60, rank, size;
    double epoch_s = argc > 2 ? atof(argv[2]) : 1, spread = argc > 3 ? atof(argv[3]) : .2;
    ht_kernel *k;
    ht_recipe *recipe = NULL;
    ht_tuned tuned;
    ht_member member;
    training t = {0};
    char dir[] = "/tmp/bench-simulate.XXXXXX";
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (rank == 0 && mkdtemp(dir) == NULL)
        MPI_Abort(MPI_COMM_WORLD, 1);
    MPI_Bcast(dir, sizeof dir, MPI_CHAR, 0, MPI_COMM_WORLD);
    if (ht_recipe_parse(recipe_text, "bench", &recipe, NULL) != HT_OK)
        MPI_Abort(MPI_COMM_WORLD, 1);
    ht_simulation_member(recipe, sizeof t.live, &member);
    ht_tuned_find(recipe, &member, &tuned);
    ht_curves_make(1, &member, &tuned, 0, NULL, &t.curves);
    ht_simulation_options o = {.replicas = size - 1, .epochs = epochs, .seed = 1, .recipe = recipe, .epoch_s = epoch_s,
                               .spread = spread, .straggler_factor = 1, .latency_s = 1e-3, .state_bytes = 1,
                               .bytes_per_s = 1e9, .patience_s = 60, .target = NAN};
    double spent[2] = {0}, sum[2];
    if (ht_open(&(ht_options){.comm = MPI_COMM_WORLD, .run_dir = dir, .recipe_text = recipe_text, .seed = 1,
                              .max_epochs = epochs, .checkpoint_s = -1}, &k) != HT_OK)
        MPI_Abort(MPI_COMM_WORLD, 1);
    if (ht_is_replica(k)) {
        const ht_state_buffer state[] = {
            {.name = "age", .data = &t.live.age, .count = 1, .element = HT_FLOAT64, .use = HT_AVERAGE, .is_weights = true},
            {.name = "deviation", .data = &t.live.deviation, .count = 1, .element = HT_FLOAT64, .use = HT_AVERAGE}};
        for (size_t i = 0; i < member.n_knobs; i++) {
            t.h[i] = member.knobs[i].value;
            ht_knob_double(k, member.knobs[i].actuator, member.knobs[i].name, &t.h[i], HT_LOG, member.knobs[i].lo,
                           member.knobs[i].hi);
        }
        ht_training_state(k, state, 2);
        ht_on_init(k, init, &t);
        ht_on_validate(k, validate, &t);
        spent[0] = train(k, &t, epochs, ht_sim_speed(1, ht_replica(k), epoch_s, spread), &spent[1]);
        ht_close(k);
    }
    ht_free(k);
    MPI_Reduce(spent, sum, 2, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
    ht_simulation_result r;
    if (rank == 0 && ht_simulation_run(&o, &r, NULL, NULL) == HT_OK) {
        printf("%d replicas, %d epochs of %g s +- %g\n", size - 1, epochs, epoch_s, spread);
        printf("           wall s   utilisation\nmeasured   %7.2f  %.4f\nsimulated  %7.2f  %.4f\n", sum[1] / (size - 1),
               sum[0] / sum[1], r.wall_s, r.utilisation);
        printf("{\"measured\": %.5f, \"simulated\": %.5f, \"wall_measured\": %.3f, \"wall_simulated\": %.3f}\n",
               sum[0] / sum[1], r.utilisation, sum[1] / (size - 1), r.wall_s);
    }
    ht_recipe_destroy(recipe);
    MPI_Finalize();
    return 0;
}
