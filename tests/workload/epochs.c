/* tests/workload/epochs.c - whole trainings with default knobs: what an epoch costs, where they end.
 *
 *     workload_epochs TASK [const|cosine] [SEEDS] [EPOCHS]
 *
 * Not a test, since it measures time. The result of a training is the test loss of its best checkpoint by
 * validation loss; with several seeds the line "best" is the training with the best validation loss. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "workload/workload.h"

typedef struct {
    double val, test, error, epoch_s, val_s;
} outcome;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double *find_lr(ht_workload *w)
{
    const ht_workload_knob *knobs;
    size_t n = ht_workload_knobs(w, &knobs);
    for (size_t i = 0; i < n; i++)
        if (strcmp(knobs[i].name, "lr") == 0)
            return knobs[i].value;
    return NULL;
}

static outcome train(ht_workload *w, const ht_workload_info *info, int epochs, int cosine)
{
    const ht_workload_buffer *state;
    ht_workload_state(w, &state);
    float *best = malloc(state->n * sizeof *best);
    double *lr = find_lr(w), lr_start = *lr;
    outcome o = {.val = 1e30};
    for (int e = 0; e < epochs && best != NULL; e++) {
        double start = seconds();
        *lr = cosine ? lr_start * ht_workload_cosine(e, epochs) : lr_start;
        for (int s = 0; s < info->steps_per_epoch; s++)
            ht_workload_step(w);
        double trained = seconds(), val = ht_workload_validate(w, NULL);
        o.val_s += seconds() - trained;
        o.epoch_s += seconds() - start;
        if (val < o.val) {
            o.val = val;
            memcpy(best, state->data, state->n * sizeof *best);
        }
    }
    o.epoch_s /= epochs;
    o.val_s /= epochs;
    if (best != NULL)
        memcpy(state->data, best, state->n * sizeof *best);
    o.test = ht_workload_test(w, &o.error);
    free(best);
    return o;
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    const ht_workload_info *info = ht_workload_find(argc > 1 ? argv[1] : "");
    int cosine = argc > 2 && strcmp(argv[2], "cosine") == 0;
    int seeds = argc > 3 ? atoi(argv[3]) : 1, failed = info == NULL, rank;
    int epochs = argc > 4 ? atoi(argv[4]) : failed ? 0 : info->default_epochs;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (failed)
        fprintf(stderr, "usage: %s TASK [const|cosine] [SEEDS] [EPOCHS]\n", argv[0]);
    outcome best = {.val = 1e30};
    for (int seed = 501; !failed && seed < 501 + seeds; seed++) {
        ht_workload *w = NULL;
        ht_error err = {""};
        double start = seconds();
        if (ht_workload_create(&(ht_workload_options){.name = info->name, .seed = (unsigned long long)seed,
                                                      .comm = MPI_COMM_WORLD}, &w, &err) != HT_OK) {
            fprintf(stderr, "%s\n", err.text);
            failed = 1;
            break;
        }
        double loaded = seconds() - start;
        outcome o = train(w, info, epochs, cosine);
        if (rank == 0)
            printf("%s seed %d: val %.4f, test %.4f, error %.2f %%; load %.2f s, epoch %.2f ms (validation "
                   "%.2f ms)\n",
                   info->name, seed, o.val, o.test, 100 * o.error, loaded, 1e3 * o.epoch_s, 1e3 * o.val_s);
        best = o.val < best.val ? o : best;
        ht_workload_destroy(w);
    }
    if (!failed && rank == 0)
        printf("%s best of %d: val %.4f, test %.4f, error %.2f %%\n", info->name, seeds, best.val, best.test,
               100 * best.error);
    MPI_Finalize();
    return failed;
}
