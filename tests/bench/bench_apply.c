/* What ht_apply costs a training: in mode off, and per train step while tuning is on. Prints a table and JSON.
 * A benchmark, not a test: nothing fails here. */
#include <hottune/hottune.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Nanoseconds of one call at the end of a train batch; the best of several rounds. */
static double cost(const char *mode, const char *dir)
{
    enum { ROUNDS = 7, CALLS = 2000000 };
    double lr = .1, best = 1e9;
    ht_kernel *k = NULL;
    if (ht_open(&(ht_options){.no_mpi = true, .run_dir = dir, .mode = mode, .recipe_text =
                              "actuators: {opt: {mutations: {lr_mult: {bounds: [0.5, 2.0]}}}}\n"}, &k) != HT_OK)
        fprintf(stderr, "bench_apply: %s\n", ht_message(k));
    ht_knob_double(k, "opt", "lr", &lr, HT_LOG, 1e-5, 1);
    ht_metric(k, "val/loss", 1);
    ht_apply(k, &(ht_env){.step = 1}, HT_VAL_EPOCH_END);
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        for (long long step = 0; step < CALLS; step++)
            ht_apply(k, &(ht_env){.step = step, .loss = 1}, HT_TRAIN_BATCH_END);
        double ns = 1e9 * (now() - start) / CALLS;
        best = ns < best ? ns : best;
    }
    ht_free(k);
    return best;
}

int main(void)
{
    char dir[] = "bench-apply-XXXXXX";
    if (mkdtemp(dir) == NULL)
        return 1;
    double off = cost("off", dir), observe = cost("observe", dir), active = cost("active", dir);
    printf("ht_apply at the end of a train batch\n  mode off      %7.2f ns\n  mode observe  %7.2f ns\n"
           "  mode active   %7.2f ns\n", off, observe, active);
    printf("{\"bench\": \"apply\", \"off_ns\": %.2f, \"observe_ns\": %.2f, \"active_ns\": %.2f}\n", off, observe, active);
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command) != 0;
}
