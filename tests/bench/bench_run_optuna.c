/* What a pooled segment's member costs in the study in Optuna's format: taking its records, and writing it, in batches of
 * several sizes. Prints a table and JSON. The file lies in the current directory.
 * A benchmark, not a test: nothing fails here. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "store/run_dir.h"
#include "store/run_optuna.h"

static const char recipe_text[] =
    "actuators: {opt: {mutations: {lr_mult: {bounds: [0.5, 2.0], range: [0.0001, 0.1]}, wd_mult: {bounds: [0.5, 2.0]}}},"
    " reg: {mutations: {dropout_mult: {bounds: [0.7, 1.4], range: [0.01, 0.5]}}}}\n";

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void take(ht_run_optuna *s, const ht_record *r, const ht_coordinator_view *view)
{
    if (ht_run_optuna_take(s, r, view, 1.795e9, NULL) != HT_OK)
        exit(2);
}

/* A segment of five epochs of one member: five windows, and its verdict. */
static void take_member(ht_run_optuna *s, const ht_coordinator_view *view, int n)
{
    int replica = n % 8;
    long long start = 200LL * (n / 8);
    for (int i = 1; i <= 5; i++) {
        ht_record w = {.kind = HT_RECORD_WINDOW, .as.window = {.replica = replica, .step = start + 40 * i}};
        ht_readings_put(&w.as.window.readings, "val/loss", 1);
        take(s, &w, view);
    }
    ht_record r = {.kind = HT_RECORD_VERDICT};
    r.as.verdict = (ht_pool_verdict){.replica = replica, .segment = n / 8, .phase = "mid", .start_step = start,
                                     .end_step = start + 200, .mutant = replica > 1, .finite = true, .before = 1, .loss = .9,
                                     .score = .1, .score_error = .01, .n_knobs = 3, .h = {.01, .02, .1}};
    take(s, &r, view);
}

static long long rows(const char *path)
{
    static const char sql[] =
        "SELECT (SELECT count(*) FROM trials) + (SELECT count(*) FROM trial_params) + (SELECT count(*) FROM trial_values)"
        " + (SELECT count(*) FROM trial_user_attributes) + (SELECT count(*) FROM trial_intermediate_values)";
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    long long n = 0;
    if (sqlite3_open(path, &db) == SQLITE_OK && sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW)
        n = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(db);
    return n;
}

typedef struct {
    double take_us, write_us, batch_ms, rows_per_s;
} cost;

static cost measure(const char *dir, const ht_coordinator_view *view, int batch, int batches)
{
    const ht_run_optuna_options o = {.dir = dir, .name = "bench", .run = 1, .recipe = view->recipe, .n_replicas = 8};
    ht_run_optuna *s = NULL;
    double taking = 0, writing = 0;
    char *path = ht_path_join(dir, HT_FILE_OPTUNA);
    if (path == NULL || ht_run_optuna_open(&o, 0, &s, NULL) != HT_OK)
        exit(2);
    for (int i = 0; i < batches; i++) {
        double begin = now();
        for (int k = 0; k < batch; k++)
            take_member(s, view, i * batch + k);
        double middle = now();
        if (ht_run_optuna_tick(s, 1e6 * (i + 1), 1.795e9, NULL) != HT_OK)
            exit(2);
        taking += middle - begin;
        writing += now() - middle;
    }
    ht_run_optuna_close(s);
    double n = batch * (double)batches;
    cost c = {1e6 * taking / n, 1e6 * writing / n, 1e3 * writing / batches, (double)rows(path) / writing};
    unlink(path);
    free(path);
    return c;
}

int main(void)
{
    static const int batches[][2] = {{1, 200}, {8, 200}, {100, 50}, {500, 20}};
    char dir[] = "bench-run-optuna-XXXXXX";
    ht_recipe *recipe = NULL;
    ht_tuned tuned;
    const ht_member member = {.n_knobs = 3, .knobs = {{"opt", "lr", .01, 1e-4, 1}, {"opt", "weight_decay", .01, 0, 3},
                                                      {"reg", "dropout", .1, 0, .5}}};
    if (mkdtemp(dir) == NULL || ht_recipe_parse(recipe_text, "bench", &recipe, NULL) != HT_OK)
        return 2;
    ht_tuned_find(recipe, &member, &tuned);
    const ht_coordinator_view view = {.recipe = recipe, .tuned = &tuned};
    printf("  trials a batch   take us/trial   write us/trial   ms/batch      rows/s\n");
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
        cost c = measure(dir, &view, batches[i][0], batches[i][1]);
        printf("  %14d   %13.2f   %14.1f   %8.2f   %9.0f\n", batches[i][0], c.take_us, c.write_us, c.batch_ms, c.rows_per_s);
        if (i + 1 == sizeof batches / sizeof batches[0])
            printf("{\"take_us\": %.2f, \"write_us\": %.1f, \"rows_per_s\": %.0f}\n", c.take_us, c.write_us, c.rows_per_s);
    }
    ht_recipe_destroy(recipe);
    rmdir(dir);
    return 0;
}
