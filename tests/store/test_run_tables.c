/* tests/store/test_run_tables.c - tables that grow: what is appended comes out, however many rows there are.
 */
#include <math.h>
#include <stdlib.h>

#include "cases.h"
#include "store/run_tables.h"
#include "store/study_format.h"

/* A copy of the tables in a file in memory, which is not written to disk. */
typedef struct {
    ht_h5_image image;
    hid_t file;
} copied;

static void take_copy(copied *c, const ht_run_tables *t, const ht_tuned *tuned)
{
    c->file = ht_h5_create_in_memory(&c->image);
    CU_ASSERT_FATAL(c->file >= 0);
    CU_ASSERT_TRUE_FATAL(ht_run_tables_write(t, c->file, tuned));
}

static void drop_copy(copied *c)
{
    ht_h5_close(c->file);
    free(c->image.bytes);
}

static ht_pool_verdict make_verdict(int i)
{
    static const char *const phases[] = {"early", "late"};
    ht_pool_verdict v = {.replica = i % 7,
                         .island = i % 3,
                         .segment = i / 4,
                         .phase = phases[i / 4 % 2],
                         .start_step = i,
                         .end_step = i + 10,
                         .wall = .25 * i,
                         .mutant = i % 2,
                         .finite = true,
                         .accepted = i % 4 == 1,
                         .in_root = i % 4 == 3,
                         .before = 2,
                         .loss = 1 + 1e-9 * i,
                         .control = 1.5,
                         .score = .5 - 1e-9 * i,
                         .score_error = .1,
                         .n_knobs = 2};
    v.h[0] = i;
    v.h[1] = -i;
    v.x[0] = .5 * i;
    return v;
}

static const ht_tuned two_knobs = {
    .n = 2, .k = {{.actuator = "opt", .name = "lr"}, {.actuator = "reg", .name = "dropout"}}};

static void read_matrix(hid_t file, const char *name, size_t n, size_t m, double *cells)
{
    hsize_t dims[2] = {0, 0};
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT), space = set >= 0 ? H5Dget_space(set) : H5I_INVALID_HID;
    CU_ASSERT_FATAL(space >= 0);
    CU_ASSERT_EQUAL(H5Sget_simple_extent_dims(space, dims, NULL), 2);
    CU_ASSERT_FATAL(dims[0] == n && dims[1] == m);
    CU_ASSERT_TRUE(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, cells) >= 0);
    ht_h5_close(space);
    ht_h5_close(set);
}

/* Copies after each of these counts of rows: within the first chunk, at its end, and after many. */
static void every_verdict_comes_out_with_its_knobs_and_factors_at_any_time(void)
{
    static const int stops[] = {1, 100, 101, 102, 1000, 3000};
    ht_run_tables *t = NULL;
    int made = 0;
    CU_ASSERT_EQUAL_FATAL(ht_run_tables_create(&t, NULL), HT_OK);
    for (size_t s = 0; s < sizeof stops / sizeof *stops; s++) {
        size_t n = 0;
        void *rows = NULL;
        copied c;
        for (; made < stops[s]; made++) {
            const ht_pool_verdict v = make_verdict(made);
            CU_ASSERT_EQUAL_FATAL(ht_run_tables_verdict(t, &v, NULL), HT_OK);
        }
        double *h = calloc((size_t)made, 2 * sizeof *h), *x = calloc((size_t)made, 2 * sizeof *x);
        take_copy(&c, t, &two_knobs);
        CU_ASSERT_TRUE_FATAL(ht_h5_read_table(c.file, "segments", &ht_verdict_table, &n, &rows));
        CU_ASSERT_EQUAL_FATAL(n, (size_t)made);
        read_matrix(c.file, "knobs", n, 2, h);
        read_matrix(c.file, "factors", n, 2, x);
        for (int i = 0; i < made; i++) {
            const ht_pool_verdict v = make_verdict(i);
            const ht_verdict_row *row = (const ht_verdict_row *)rows + i;
            if (row->segment != v.segment || row->replica != v.replica || row->loss != v.loss ||
                row->phase != i / 4 % 2 || row->accepted != v.accepted || row->end_step != v.end_step ||
                h[2 * i] != i || h[2 * i + 1] != -i || x[2 * i] != .5 * i || x[2 * i + 1] != 0) {
                CU_FAIL("a row is not what was appended");
                break;
            }
        }
        drop_copy(&c);
        free(rows);
        free(h);
        free(x);
    }
    CU_ASSERT_EQUAL(ht_run_tables_segments(t), 3000);
    CU_ASSERT_TRUE(ht_run_tables_are_pooled(t));
    ht_run_tables_destroy(t);
}

static ht_segment make_segment(unsigned long i, const char *metric)
{
    ht_segment g = {
        .number = i, .mutation = i, .horizon = "next_val_epoch_end", .decision = HT_DECISION_ACCEPTED};
    ht_readings_put(&g.pre, "val/loss", (double)i);
    if (metric != NULL)
        ht_readings_put(&g.post, metric, -(double)i);
    return g;
}

static void a_metric_that_comes_late_is_a_column_that_has_no_number_before(void)
{
    enum { N = 40 };
    ht_run_tables *t = NULL;
    const ht_mutation m = {.number = 1, .actuator = "opt", .key = "lr_mult"};
    double pre[3 * N], post[3 * N];
    copied c;
    CU_ASSERT_EQUAL_FATAL(ht_run_tables_create(&t, NULL), HT_OK);
    for (unsigned long i = 0; i < N; i++) {
        const ht_segment g = make_segment(i, i < 20 ? NULL : i < 30 ? "grad/norm" : "late");
        CU_ASSERT_EQUAL(ht_run_tables_segment(t, &g, &m, "val/loss", NULL), HT_OK);
    }
    take_copy(&c, t, NULL);
    read_matrix(c.file, "readings_pre", N, 3, pre);
    read_matrix(c.file, "readings_post", N, 3, post);
    for (int i = 0; i < N; i++) {
        CU_ASSERT_TRUE(pre[3 * i] == i && isnan(pre[3 * i + 1]) && isnan(pre[3 * i + 2]));
        CU_ASSERT_TRUE(isnan(post[3 * i]) &&
                       (i >= 20 && i < 30 ? post[3 * i + 1] == -i : isnan(post[3 * i + 1])) &&
                       (i >= 30 ? post[3 * i + 2] == -i : isnan(post[3 * i + 2])));
    }
    drop_copy(&c);
    ht_run_tables_destroy(t);
}

static void segments_of_the_other_kind_are_left_out(void)
{
    ht_run_tables *t = NULL;
    const ht_pool_verdict v = make_verdict(1);
    const ht_segment g = make_segment(1, NULL);
    const ht_mutation m = {.number = 1};
    CU_ASSERT_EQUAL_FATAL(ht_run_tables_create(&t, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_run_tables_verdict(t, &v, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_run_tables_segment(t, &g, &m, "val/loss", NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_run_tables_segments(t), 1);
    ht_run_tables_destroy(t);
}

static void no_rows_are_empty_tables(void)
{
    size_t n = 1;
    void *rows = NULL;
    copied c;
    take_copy(&c, NULL, &two_knobs);
    CU_ASSERT_TRUE(ht_h5_read_table(c.file, "segments", &ht_verdict_table, &n, &rows));
    CU_ASSERT_EQUAL(n, 0);
    CU_ASSERT_TRUE(ht_h5_read_table(c.file, "curves", &ht_curve_table, &n, &rows));
    CU_ASSERT_EQUAL(n, 0);
    CU_ASSERT_EQUAL(H5Lexists(c.file, "knobs", H5P_DEFAULT), 0);
    drop_copy(&c);
}

CASES("run_tables", CASE(every_verdict_comes_out_with_its_knobs_and_factors_at_any_time),
      CASE(a_metric_that_comes_late_is_a_column_that_has_no_number_before),
      CASE(segments_of_the_other_kind_are_left_out), CASE(no_rows_are_empty_tables))
