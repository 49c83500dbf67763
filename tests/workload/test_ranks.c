/* tests/workload/test_ranks.c - a replica of several ranks; run with 1, 2 and 3 ranks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/mpi_case.h"
#include "workload/parallel.h"
#include "workload/workload.h"

enum { STEPS = 40 };

static ht_workload *create(const char *name, MPI_Comm comm)
{
    ht_workload *w = NULL;
    ht_workload_create(&(ht_workload_options){.name = name, .seed = 501, .replica = 2, .comm = comm}, &w,
                       NULL);
    return w;
}

/** @param[out] losses [STEPS] */
static void train(ht_workload *w, double *losses)
{
    const ht_workload_knob *k;
    size_t n = ht_workload_knobs(w, &k);
    for (size_t i = 0; i < n; i++)
        if (strcmp(k[i].name, "dropout") == 0)
            *k[i].value = .2;           /* the hardest thing to do alike */
    for (int i = 0; i < STEPS; i++)
        losses[i] = ht_workload_step(w);
}

static int equals_rank_0(MPI_Comm comm, int rank, const float *x, size_t n)
{
    float *first = malloc(n * sizeof *first);
    if (first == NULL)
        return 0;
    if (rank == 0)
        memcpy(first, x, n * sizeof *first);
    MPI_Bcast(first, (int)n, MPI_FLOAT, 0, comm);
    int same = memcmp(first, x, n * sizeof *first) == 0;
    free(first);
    return same;
}

static void ranks_stay_equal_bit_for_bit(MPI_Comm comm, int rank, int size, int *failures)
{
    double losses[STEPS];
    ht_workload *w = create("glyph", comm);
    CHECK(w != NULL);
    if (w == NULL)
        return;
    train(w, losses);
    const ht_workload_buffer *state;
    size_t n = ht_workload_state(w, &state);
    for (size_t i = 0; i < n; i++)
        CHECK(equals_rank_0(comm, rank, state[i].data, state[i].n));
    float val = (float)ht_workload_validate(w, NULL);
    CHECK(equals_rank_0(comm, rank, &val, 1));
    ht_workload_destroy(w);
}

static void a_training_repeats_bit_for_bit(MPI_Comm comm, int rank, int size, int *failures)
{
    double losses[2][STEPS];
    for (int i = 0; i < 2; i++) {
        ht_workload *w = create("charlm", comm);
        CHECK(w != NULL);
        if (w == NULL)
            return;
        train(w, losses[i]);
        ht_workload_destroy(w);
    }
    CHECK(memcmp(losses[0], losses[1], sizeof losses[0]) == 0);
}

static void the_number_of_ranks_changes_nothing_but_rounding(MPI_Comm comm, int rank, int size, int *failures)
{
    static const char *const names[] = {"charlm", "glyph", "fashion-small"};
    for (size_t i = 0; i < 3; i++) {
        double together[STEPS], alone[STEPS], error[2];
        ht_workload *a = create(names[i], comm), *b = create(names[i], MPI_COMM_SELF);
        CHECK(a != NULL && b != NULL);
        if (a == NULL || b == NULL)
            return;
        train(a, together);
        train(b, alone);
        for (int k = 0; k < STEPS; k++)
            CHECK(fabs(together[k] - alone[k]) < 1e-3);
        CHECK(fabs(ht_workload_validate(a, &error[0]) - ht_workload_validate(b, &error[1])) < 1e-3);
        CHECK(fabs(error[0] - error[1]) < .01);
        CHECK(fabs(ht_workload_grad_norm(a) - ht_workload_grad_norm(b)) < 1e-2 * ht_workload_grad_norm(b));
        ht_workload_destroy(a);
        ht_workload_destroy(b);
    }
}

static void one_rank_without_data_fails_all(MPI_Comm comm, int rank, int size, int *failures)
{
    ht_workload *w = NULL;
    ht_error err = {""};
    ht_workload_options o = {.name = "charlm", .comm = comm, .data_dir = rank == 0 ? "nowhere" : NULL};
    CHECK(ht_workload_create(&o, &w, &err) == HT_ENOTFOUND);
    CHECK(w == NULL);
    CHECK(strstr(err.text, rank == 0 ? "nowhere/words" : "another rank of this replica failed") != NULL);
}

static void shares_cover_everything_once(MPI_Comm comm, int rank, int size, int *failures)
{
    ht_parallel p;
    CHECK(ht_parallel_init(comm, &p, NULL) == HT_OK);
    CHECK(p.rank == rank && p.size == size);
    for (size_t n = 0; n < 70; n++) {
        size_t expected = 0, first, count;
        for (p.rank = 0; p.rank < size; p.rank++) {
            ht_parallel_share(&p, n, &first, &count);
            CHECK(first == expected && count <= n / (size_t)size + 1);
            expected += count;
        }
        CHECK(expected == n);
    }
}

MPI_CASES(MPI_CASE(ranks_stay_equal_bit_for_bit), MPI_CASE(a_training_repeats_bit_for_bit),
          MPI_CASE(the_number_of_ranks_changes_nothing_but_rounding),
          MPI_CASE(one_rank_without_data_fails_all), MPI_CASE(shares_cover_everything_once))
