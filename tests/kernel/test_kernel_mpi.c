/* The public API on several ranks: one coordinator, replicas of one or more ranks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "comm/mpi_case.h"
#include "kernel/shared_folder.h"
#include "kernel/toy.h"
#include "store/file.h"
#include "store/run_dir.h"

/* All ranks of a replica hold the same bits after every safe point. */
static void compare_in_team(void *ctx, ht_kernel *k, toy *t)
{
    double mine[2] = {t->lr, t->aux}, first[2] = {t->lr, t->aux};
    MPI_Bcast(first, 2, MPI_DOUBLE, 0, ht_replica_comm(k));
    *(int *)ctx += memcmp(mine, first, sizeof mine) != 0;
}

static ht_result train(MPI_Comm comm, const char *dir, int per_replica, toy *t, int *differences, ht_status *status)
{
    ht_kernel *k = NULL;
    ht_result r = {0};
    *status = ht_open(&(ht_options){.comm = comm, .run_dir = dir, .recipe_text = toy_recipe, .max_steps = 80,
                                    .seed = 11, .ranks_per_replica = per_replica, .patience_s = 30}, &k);
    if (*status == HT_OK && ht_is_replica(k)) {
        bool team = ht_replica_comm(k) != MPI_COMM_NULL;
        toy_train(k, t, 20, team ? compare_in_team : NULL, differences);
        ht_report_result(k, t->loss, t->loss + 1);
    }
    if (ht_close(k) != HT_OK)
        *status = HT_EFAILED;
    ht_result_of(k, &r);
    ht_free(k);
    return r;
}

static void a_population_runs_and_the_coordinator_knows_the_best(MPI_Comm comm, int rank, int size, int *failures)
{
    char dir[64];
    int differences = 0;
    ht_status status;
    toy t = {0.01 * (rank + 1), 1, 2};
    agree_on_directory(comm, rank, dir);
    ht_result r = train(comm, dir, 1, &t, &differences, &status);
    CHECK(status == HT_OK && differences == 0);
    double mine = size == 1 || rank > 0 ? t.loss : 1e9, best;
    MPI_Allreduce(&mine, &best, 1, MPI_DOUBLE, MPI_MIN, comm);
    if (rank == 0)
        CHECK(r.best == best && r.val == best && r.test == best + 1 && r.mutations > 0 && r.lost == 0);
    CHECK(t.lr >= 1e-3 && t.lr <= 10);
    remove_directory(comm, rank, dir);
}

static void ranks_of_one_replica_change_together(MPI_Comm comm, int rank, int size, int *failures)
{
    char dir[64];
    int differences = 0;
    ht_status status;
    toy t = {0.05, 1, 2};
    agree_on_directory(comm, rank, dir);
    train(comm, dir, 2, &t, &differences, &status);
    CHECK(status == ((size - 1) % 2 == 0 ? HT_OK : HT_EINVAL));     /* the same verdict on every rank */
    CHECK(differences == 0);
    remove_directory(comm, rank, dir);
}

static void put_file(const char *dir, const char *name, const char *text)
{
    char *path = ht_path_join(dir, name);
    if (path != NULL && ht_file_replace(path, text, strlen(text), NULL) != HT_OK)
        fprintf(stderr, "%s cannot be written\n", path);
    free(path);
}

/* The list comes with the welcome, its entry acts before the first safe point. The ranks of the replica sum a
 * gradient in each step, as data-parallel training does: whoever were left alone would wait for ever. */
static void an_operation_list_acts_on_all_ranks_of_a_replica_from_the_first_batch(MPI_Comm comm, int rank,
                                                                                   int size, int *failures)
{
    char dir[64];
    double lr = 1;
    ht_kernel *k = NULL;
    if (size == 1 || (size - 1) % 2 != 0)
        return;
    agree_on_directory(comm, rank, dir);
    if (rank == 0) {
        put_file(dir, HT_FILE_FREEZE, "{\"mode\": \"replay\", \"recipe_path\": \"list.jsonl\"}");
        put_file(dir, "list.jsonl",
                 "{\"at\": {\"step\": 2, \"event\": \"train_batch_end\"}, \"module\": \"opt\", "
                 "\"op\": \"set_params\", \"params\": {\"lr\": 0.25}}\n");
    }
    CHECK(ht_open(&(ht_options){.comm = comm, .run_dir = dir, .recipe_text = toy_recipe, .ranks_per_replica = 2,
                                .max_steps = 8, .patience_s = 30}, &k) == HT_OK);
    if (ht_is_replica(k)) {
        CHECK(ht_knob_double(k, "opt", "lr", &lr, HT_LOG, 1e-3, 10) == HT_OK);
        for (long long step = 1; ht_running(k); step++) {
            double sum = 0;
            MPI_Allreduce(&lr, &sum, 1, MPI_DOUBLE, MPI_SUM, ht_replica_comm(k));
            CHECK(sum == (step > 2 ? 0.5 : 2));
            ht_apply(k, &(ht_env){.step = step, .loss = 1}, HT_TRAIN_BATCH_END);
            ht_metric(k, "val/loss", 1);
            if (step % TOY_PER_EPOCH == 0)
                ht_apply(k, &(ht_env){.step = step}, HT_VAL_EPOCH_END);
        }
    }
    CHECK(ht_close(k) == HT_OK);
    ht_free(k);
    remove_directory(comm, rank, dir);
}

/* The end of the run rolls back what is open, and training goes on with a last sum before ht_close. */
static void the_end_of_a_run_rolls_back_on_all_ranks_of_a_replica(MPI_Comm comm, int rank, int size, int *failures)
{
    char dir[64];
    double lr = 1, aux = 1, sum = 0;
    ht_kernel *k = NULL;
    ht_result result = {0};
    if (size == 1 || (size - 1) % 2 != 0)
        return;
    agree_on_directory(comm, rank, dir);
    CHECK(ht_open(&(ht_options){.comm = comm, .run_dir = dir, .recipe_text = toy_recipe, .ranks_per_replica = 2,
                                .patience_s = 30}, &k) == HT_OK);
    if (ht_is_replica(k)) {
        ht_knob_double(k, "opt", "lr", &lr, HT_LOG, 1e-3, 10);
        ht_knob_double(k, "loss", "aux", &aux, HT_LINEAR, 0, 100);
        ht_metric(k, "val/loss", 1);
        ht_apply(k, &(ht_env){.step = 1, .loss = 1}, HT_VAL_EPOCH_END);
        CHECK(lr != 1 || aux != 1);
        ht_metric(k, "val/loss", 2);
        ht_apply(k, &(ht_env){.step = 2, .loss = 2}, HT_RUN_END);
        CHECK(lr == 1 && aux == 1);
        MPI_Allreduce(&lr, &sum, 1, MPI_DOUBLE, MPI_SUM, ht_replica_comm(k));
        CHECK(sum == 2);
    }
    CHECK(ht_close(k) == HT_OK);
    ht_result_of(k, &result);
    if (rank == 0)
        CHECK(result.mutations == (unsigned long)(size - 1) / 2 && result.rejected == result.mutations);
    ht_free(k);
    remove_directory(comm, rank, dir);
}

/* The log without its times, and the checksums, which count them in. */
static char *log_without_times(const char *dir, const char *name)
{
    char *path = ht_path_join(dir, name), *text = NULL;
    if (path == NULL || ht_file_read(path, &text, NULL, NULL) != HT_OK) {
        free(path);
        return NULL;
    }
    free(path);
    static const char *const members[] = {"\"wall_time\":", "\"sum\":"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        for (char *at = text; (at = strstr(at, members[i])) != NULL;) {
            size_t n = strcspn(at, ",}");
            memmove(at, at + n, strlen(at + n) + 1);
        }
    return text;
}

static void the_same_seed_with_barrier_sync_gives_the_same_logs(MPI_Comm comm, int rank, int size, int *failures)
{
    static const char *const logs[] = {HT_FILE_MUTATIONS, HT_FILE_SEGMENTS, HT_FILE_METRICS};
    char dirs[2][64];
    for (int i = 0; i < 2; i++) {
        int differences = 0;
        ht_status status;
        toy t = {0.01 * (rank + 1), 1, 2};
        agree_on_directory(comm, rank, dirs[i]);
        train(comm, dirs[i], 1, &t, &differences, &status);
        CHECK(status == HT_OK);
        MPI_Barrier(comm);
    }
    for (size_t l = 0; rank == 0 && l < sizeof logs / sizeof *logs; l++) {
        char *a = log_without_times(dirs[0], logs[l]), *b = log_without_times(dirs[1], logs[l]);
        CHECK(a != NULL && b != NULL && a[0] != '\0' && strcmp(a, b) == 0);
        free(a);
        free(b);
    }
    for (int i = 0; i < 2; i++)
        remove_directory(comm, rank, dirs[i]);
    (void)size;
}

static void what_the_coordinator_cannot_open_every_rank_learns(MPI_Comm comm, int rank, int size, int *failures)
{
    ht_kernel *k = NULL;
    ht_status status = ht_open(&(ht_options){.comm = comm, .run_dir = "/proc/no/such"}, &k);
    CHECK(status == HT_EIO && strstr(ht_message(k), "/proc/no") != NULL);
    CHECK(!ht_running(k));
    ht_free(k);
    (void)size;
}

MPI_CASES(MPI_CASE(a_population_runs_and_the_coordinator_knows_the_best),
          MPI_CASE(ranks_of_one_replica_change_together),
          MPI_CASE(an_operation_list_acts_on_all_ranks_of_a_replica_from_the_first_batch),
          MPI_CASE(the_end_of_a_run_rolls_back_on_all_ranks_of_a_replica),
          MPI_CASE(the_same_seed_with_barrier_sync_gives_the_same_logs),
          MPI_CASE(what_the_coordinator_cannot_open_every_rank_learns))
