/* What a study of a long pooled run costs: appending a verdict (4 knobs), publishing, opening it to look at
 * attributes and the last rows, bytes a segment. Prints a table and, as last line, JSON. A benchmark, not a
 * test.
 *
 *     bench_study [SEGMENTS [DIR]]       default: 1000000 in a folder of /tmp, which is removed */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/random.h"
#include "population/policy.h"
#include "store/run_tables.h"
#include "store/study_format.h"
#include "store/study_parts.h"

enum { KNOBS = 4, MEMBERS = 16, MUTANTS = 12, PUBLICATIONS = 5 };

static const char recipe_text[] = "version: 1\nobjective: {primary: val/loss, mode: min}\n"
                                  "actuators:\n  opt:\n    mutations:\n"
                                  "      lr_mult: {bounds: [0.5, 2.0], range: [0.0001, 1], risk: low}\n"
                                  "      wd_mult: {bounds: [0.5, 2.0], range: [0.0001, 1], risk: low}\n"
                                  "      beta_mult: {bounds: [0.5, 2.0], range: [0.0001, 1], risk: low}\n"
                                  "      dropout_mult: {bounds: [0.5, 2.0], range: [0.0001, 1], risk: low}\n"
                                  "population: {mode: pooled}\n";

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double seconds(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

/* Verdict i of a run of 64 replicas in 4 islands: what members of a segment share is the same, the rest is
 * noise. */
static ht_pool_verdict make_verdict(size_t i)
{
    static const char *const phases[] = {"early", "mid", "late"};
    size_t segment = i / MEMBERS, member = i % MEMBERS;
    ht_random r = ht_random_stream(1, HT_RANDOM_TEST, segment, member);
    double wall = (double)segment / 4, root = 2 / (1 + .001 * wall);
    ht_pool_verdict v = {.replica = (int)(segment % 4 * MEMBERS + member),
                         .island = (int)(segment % 4),
                         .segment = (int)segment + 1,
                         .phase = phases[segment % 3],
                         .start_step = (long long)(1000 * wall),
                         .end_step = (long long)(1000 * wall) + 1000,
                         .wall = wall,
                         .mutant = member < MUTANTS,
                         .finite = true,
                         .before = root,
                         .control = root * .999 + 1e-4,
                         .score_error = 1e-3 * root,
                         .n_knobs = KNOBS};
    v.loss = v.control + 1e-3 * ht_random_normal(&r);
    v.score = v.control - v.loss;
    v.accepted = v.mutant && v.score > 0;
    for (int k = 0; k < KNOBS; k++) {
        v.x[k] = v.mutant ? .2 * ht_random_normal(&r) : 0;
        v.h[k] = 1e-3 * exp(v.x[k]);
    }
    return v;
}

/* A pool that has not begun, with a lineage: a node for each verdict, and a mean for each segment. */
static ht_pool *make_pool(const ht_recipe *recipe, size_t n)
{
    static const char *const names[KNOBS] = {"lr", "weight_decay", "beta", "dropout"};
    ht_member member = {.has_init = true, .has_state = true, .has_validate = true, .n_knobs = KNOBS};
    ht_pool *pool = NULL;
    ht_error err = {""};
    for (int k = 0; k < KNOBS; k++) {
        member.knobs[k] = (ht_member_knob){.actuator = "opt", .value = .01, .lo = 0, .hi = 1};
        strcpy(member.knobs[k].name, names[k]);
    }
    const ht_pool_options o = {
        .n_replicas = 64, .recipe = recipe, .epochs = 1000, .seed = 1, .patience_s = 60};
    if (ht_pool_create(&o, &member, &pool, &err) != HT_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    ht_lineage *l = ht_pool_lineage(pool);
    for (size_t i = 0; i < n; i++) {
        const ht_pool_verdict v = make_verdict(i);
        int parent = i < MEMBERS ? -1 : (int)(i / MEMBERS * (MEMBERS + 1)) - 1;
        ht_lineage_node node = {.parent = parent,
                                .what = v.mutant ? "mutant" : "control",
                                .replica = v.replica,
                                .members = 1,
                                .wall = v.wall,
                                .epochs = 1,
                                .loss = v.loss};
        ht_lineage_add(l, &node, v.h);
        node =
            (ht_lineage_node){.parent = parent, .what = "mean", .members = 4, .wall = v.wall, .loss = v.loss};
        if (i % MEMBERS == MEMBERS - 1)
            ht_lineage_add(l, &node, NULL);
    }
    return pool;
}

typedef struct {
    double mean_us, worst_us,
        over_1ms; /* of processor time, so that neighbours do not count; how many calls */
} appending;

static appending append_all(ht_run_tables *t, size_t n)
{
    appending a = {0, 0, 0};
    for (size_t i = 0; i < n; i++) {
        const ht_pool_verdict v = make_verdict(i);
        double start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
        if (ht_run_tables_verdict(t, &v, NULL) != HT_OK)
            exit(1);
        double us = 1e6 * (seconds_of(CLOCK_THREAD_CPUTIME_ID) - start);
        a.mean_us += us / (double)n;
        a.worst_us = fmax(a.worst_us, us);
        a.over_1ms += us > 1000;
    }
    return a;
}

/* The last 10 rows of a column, as a program that shows a state would read them. */
static bool read_last(hid_t set)
{
    double cells[10];
    hsize_t n = 0, count = 10;
    hid_t space = H5Dget_space(set), memory = H5Screate_simple(1, &count, NULL),
          type = H5Tcreate(H5T_COMPOUND, sizeof(double));
    H5Sget_simple_extent_dims(space, &n, NULL);
    hsize_t start = n - count;
    bool fine = H5Tinsert(type, "loss", 0, H5T_NATIVE_DOUBLE) >= 0 &&
                H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, NULL, &count, NULL) >= 0 &&
                H5Dread(set, type, memory, space, H5P_DEFAULT, cells) >= 0;
    H5Tclose(type);
    H5Sclose(memory);
    H5Sclose(space);
    return fine;
}

/* Opens with the check of the whole file, reads attributes and last rows. */
static double time_opening(const char *path)
{
    double start = seconds(), seen;
    hid_t file;
    if (ht_study_open(path, &file, NULL) != HT_OK)
        exit(1);
    hid_t run = H5Gopen2(file, "runs/bench", H5P_DEFAULT), set = H5Dopen2(run, "segments", H5P_DEFAULT);
    if (!ht_h5_get_real(run, "result_val", &seen) || !read_last(set))
        exit(1);
    ht_h5_close(set);
    ht_h5_close(run);
    ht_h5_close(file);
    return seconds() - start;
}

static double best_of(int rounds, double (*time_it)(const char *), const char *path)
{
    double best = INFINITY;
    for (int i = 0; i < rounds; i++)
        best = fmin(best, time_it(path));
    return best;
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 1000000;
    char dir[256] = "/tmp/bench_study_XXXXXX", study[300], part[400];
    ht_recipe *recipe = NULL;
    ht_run_tables *tables = NULL;
    ht_statistics statistics;
    struct stat size;
    ht_statistics_init(&statistics);
    if (argc > 2)
        snprintf(dir, sizeof dir, "%s", argv[2]);
    else if (mkdtemp(dir) == NULL)
        return 1;
    snprintf(study, sizeof study, "%s/study.h5", dir);
    snprintf(part, sizeof part, "%s/study.parts/bench.h5", dir);
    if (ht_recipe_parse(recipe_text, "bench", &recipe, NULL) != HT_OK ||
        ht_run_tables_create(&tables, NULL) != HT_OK || n < 100)
        return 1;
    ht_pool *pool = make_pool(recipe, n);
    appending a = append_all(tables, n);
    ht_study_run run = {.id = "bench",
                        .started = 1,
                        .recipe = recipe,
                        .tables = tables,
                        .statistics = &statistics,
                        .has_result = true,
                        .result_val = 1,
                        .n_replicas = 64,
                        .pool = pool,
                        .tuned = ht_pool_knobs(pool)};
    double published = INFINITY;
    ht_error err = {""};
    for (int i = 0; i < PUBLICATIONS; i++) {
        double start = seconds();
        if (ht_study_publish(study, &run, &err) != HT_OK) {
            fprintf(stderr, "%s\n", err.text);
            return 1;
        }
        published = fmin(published, seconds() - start);
    }
    if (stat(study, &size) != 0)
        return 1;
    double opened = best_of(5, time_opening, study), bytes = (double)size.st_size / (double)n;
    printf("%-44s %12zu\n", "segments", n);
    printf("%-44s %12.2f us\n%-44s %12.1f us\n", "append one, mean (processor time)", a.mean_us,
           "append one, worst (processor time)", a.worst_us);
    printf("%-44s %12.0f\n", "appends of more than 1 ms", a.over_1ms);
    printf("%-44s %12.3f s\n", "publish part and study, best of 5", published);
    printf("%-44s %12.3f s\n", "open, check the seal, attributes, last rows", opened);
    printf("%-44s %12.1f\n", "bytes a segment", bytes);
    printf("{\"segments\": %zu, \"append_mean_us\": %.3f, \"append_worst_us\": %.1f, \"appends_over_1ms\": "
           "%.0f, "
           "\"publish_s\": %.3f, \"open_s\": %.3f, \"bytes_per_segment\": %.1f}\n",
           n, a.mean_us, a.worst_us, a.over_1ms, published, opened, bytes);
    ht_pool_destroy(pool);
    ht_run_tables_destroy(tables);
    ht_recipe_destroy(recipe);
    ht_statistics_release(&statistics);
    if (argc <= 2) {
        unlink(part);
        unlink(study);
        snprintf(part, sizeof part, "%s/study.parts", dir);
        rmdir(part);
        rmdir(dir);
    }
    return 0;
}
