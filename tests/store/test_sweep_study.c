/* tests/store/test_sweep_study.c - a sweep as an HDF5 file, made from the lines of its log. */
#include "store/sweep_study.h"

#include <math.h>

#include "cases.h"
#include "store/folder.h"
#include "store/h5.h"
#include "store/seal.h"
#include "store/sweep_log.h"

static const char space_text[] =
    "parameters:\n"
    "  lr: {type: float, low: 0.1, high: 10, log: true}\n"
    "  act: {type: cat, choices: [relu, tanh, 3]}\n"
    "  depth: {type: int, low: 1, high: 9}\n"
    "  slope: {type: float, low: 0, high: 1, when: {act: [relu]}}\n";

static const char first_line[] =
    "{\"trial\":0,\"status\":\"complete\",\"value\":0.5,\"params\":{\"lr\":1,\"act\":\"relu\",\"depth\":4,\"slope\":0.25},"
    "\"reason\":null,\"seconds\":2.5,\"steps\":9,\"spent_steps\":12,\"attempts\":2,\"worker\":3,\"start_time\":1000,"
    "\"wall_time\":1004,\"reports\":[[1,0.75],[9,null]]}\n";
static const char second_line[] =
    "{\"trial\":2,\"status\":\"failed\",\"value\":null,\"params\":{\"lr\":10,\"act\":3,\"depth\":9},"
    "\"reason\":\"exit code 3\",\"seconds\":1,\"steps\":0,\"spent_steps\":0,\"attempts\":1,\"worker\":0,"
    "\"wall_time\":1002,\"reports\":[]}\n";

/* What a reader knows of a row; columns that it does not name are left out. */
typedef struct {
    long long number, retries, spent_steps;
    double value, start, end, params_lr, params_depth, params_slope;
    char state[16], reason[64], params_act[8];
} row;
static const ht_h5_column columns[] = {
    HT_H5_COLUMN(row, number, HT_H5_INT, ""),        HT_H5_COLUMN(row, retries, HT_H5_INT, ""),
    HT_H5_COLUMN(row, spent_steps, HT_H5_INT, ""),   HT_H5_COLUMN(row, value, HT_H5_REAL, ""),
    HT_H5_COLUMN(row, start, HT_H5_REAL, ""),        HT_H5_COLUMN(row, end, HT_H5_REAL, ""),
    HT_H5_COLUMN(row, params_lr, HT_H5_REAL, ""),    HT_H5_COLUMN(row, params_depth, HT_H5_REAL, ""),
    HT_H5_COLUMN(row, params_slope, HT_H5_REAL, ""), HT_H5_TEXTS(row, state, ""),
    HT_H5_TEXTS(row, reason, ""),                    HT_H5_TEXTS(row, params_act, ""),
};
static const ht_h5_table table = HT_H5_TABLE(row, columns);

static ht_status publish(folder *f, ht_error *err)
{
    ht_space space;
    CU_ASSERT_EQUAL_FATAL(ht_space_parse(space_text, "space.yaml", &space, err), HT_OK);
    ht_status st = ht_sweep_study_publish(
        f->path, &space, &(ht_sweep_study){.name = "space.yaml", .space_text = space_text, .seed = 7}, err);
    ht_space_release(&space);
    return st;
}

/* The trials of the file; it must be whole. Owned by the caller. */
static row *read_trials(folder *f, size_t *n)
{
    void *rows = NULL;
    CU_ASSERT_EQUAL(ht_seal_check(folder_file(f, HT_FILE_STUDY), NULL), HT_OK);
    hid_t file = ht_h5_open(folder_file(f, HT_FILE_STUDY));
    CU_ASSERT_FATAL(file >= 0);
    CU_ASSERT_TRUE(ht_h5_read_table(file, "trials", &table, n, &rows));
    ht_h5_close(file);
    return rows;
}

static void every_trial_of_the_log_is_a_row_with_a_column_for_each_parameter(void)
{
    folder f;
    size_t n = 0;
    folder_make(&f);
    folder_write(&f, HT_FILE_TRIALS, first_line);
    folder_append(&f, HT_FILE_TRIALS, second_line);
    CU_ASSERT_EQUAL_FATAL(publish(&f, NULL), HT_OK);
    row *rows = read_trials(&f, &n);
    CU_ASSERT_EQUAL_FATAL(n, 2);
    CU_ASSERT_EQUAL(rows[0].number, 0);
    CU_ASSERT_EQUAL(rows[0].value, .5);
    CU_ASSERT_EQUAL(rows[0].start, 1000);
    CU_ASSERT_EQUAL(rows[0].end, 1004);
    CU_ASSERT_EQUAL(rows[0].retries, 1);
    CU_ASSERT_EQUAL(rows[0].spent_steps, 12);
    CU_ASSERT_DOUBLE_EQUAL(rows[0].params_lr, 1, 1e-12);
    CU_ASSERT_EQUAL(rows[0].params_depth, 4);
    CU_ASSERT_EQUAL(rows[0].params_slope, .25);
    CU_ASSERT_STRING_EQUAL(rows[0].params_act, "relu");
    CU_ASSERT_STRING_EQUAL(rows[0].state, "complete");
    CU_ASSERT_EQUAL(rows[1].number, 2);
    CU_ASSERT_TRUE(isnan(rows[1].value));
    CU_ASSERT_TRUE(isnan(rows[1].start));       /* its line does not say it */
    CU_ASSERT_TRUE(isnan(rows[1].params_slope));
    CU_ASSERT_STRING_EQUAL(rows[1].params_act, "3");
    CU_ASSERT_STRING_EQUAL(rows[1].state, "failed");
    CU_ASSERT_STRING_EQUAL(rows[1].reason, "exit code 3");
    free(rows);
    folder_remove(&f);
}

static void the_file_tells_what_was_searched_and_how(void)
{
    folder f;
    char text[64] = "";
    char *space = NULL;
    double created = 0;
    folder_make(&f);
    folder_write(&f, HT_FILE_TRIALS, first_line);
    CU_ASSERT_EQUAL_FATAL(publish(&f, NULL), HT_OK);
    hid_t file = ht_h5_open(folder_file(&f, HT_FILE_STUDY));
    CU_ASSERT_TRUE(ht_h5_get_text(file, "format", text, sizeof text));
    CU_ASSERT_STRING_EQUAL(text, "hottune-sweep");
    CU_ASSERT_TRUE(ht_h5_get_text(file, "direction", text, sizeof text));
    CU_ASSERT_STRING_EQUAL(text, "minimize");
    CU_ASSERT_TRUE(ht_h5_get_text(file, "name", text, sizeof text));
    CU_ASSERT_STRING_EQUAL(text, "space.yaml");
    CU_ASSERT_TRUE(ht_h5_get_real(file, "created", &created));
    CU_ASSERT_EQUAL(created, 1000);
    CU_ASSERT_TRUE(ht_h5_read_text(file, "space", &space));
    CU_ASSERT_STRING_EQUAL(space, space_text);
    ht_h5_close(file);
    free(space);
    folder_remove(&f);
}

static void what_a_trial_reported_is_kept(void)
{
    typedef struct {
        long long trial, step;
        double value;
    } report;
    static const ht_h5_column of_reports[] = {HT_H5_COLUMN(report, trial, HT_H5_INT, ""),
                                              HT_H5_COLUMN(report, step, HT_H5_INT, ""),
                                              HT_H5_COLUMN(report, value, HT_H5_REAL, "")};
    static const ht_h5_table reports = HT_H5_TABLE(report, of_reports);
    folder f;
    size_t n = 0;
    void *rows = NULL;
    folder_make(&f);
    folder_write(&f, HT_FILE_TRIALS, first_line);
    CU_ASSERT_EQUAL_FATAL(publish(&f, NULL), HT_OK);
    hid_t file = ht_h5_open(folder_file(&f, HT_FILE_STUDY));
    CU_ASSERT_TRUE(ht_h5_read_table(file, "reports", &reports, &n, &rows));
    ht_h5_close(file);
    CU_ASSERT_EQUAL_FATAL(n, 2);
    const report *r = rows;
    CU_ASSERT_TRUE(r[0].trial == 0 && r[0].step == 1 && r[0].value == .75);
    CU_ASSERT_TRUE(r[1].step == 9 && isnan(r[1].value));
    free(rows);
    folder_remove(&f);
}

static void a_later_file_replaces_the_earlier_one_whole(void)
{
    folder f;
    size_t n = 7;
    folder_make(&f);
    CU_ASSERT_EQUAL(publish(&f, NULL), HT_OK);  /* no log, no trials */
    free(read_trials(&f, &n));
    CU_ASSERT_EQUAL(n, 0);
    hid_t reader = ht_h5_open(folder_file(&f, HT_FILE_STUDY));
    folder_write(&f, HT_FILE_TRIALS, first_line);
    folder_append(&f, HT_FILE_TRIALS, "{\"trial\":1,\"stat");     /* it is being written */
    CU_ASSERT_EQUAL(publish(&f, NULL), HT_OK);
    ht_h5_close(reader);
    free(read_trials(&f, &n));
    CU_ASSERT_EQUAL(n, 1);
    folder_remove(&f);
}

static void another_file_is_refused_and_left_as_it_is(void)
{
    folder f;
    ht_error err = {""};
    folder_make(&f);
    CU_ASSERT_EQUAL(ht_sweep_study_fits(f.path, NULL), HT_OK);
    CU_ASSERT_EQUAL(publish(&f, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_sweep_study_fits(f.path, NULL), HT_OK);
    folder_write(&f, HT_FILE_STUDY, "somebody's notes");
    CU_ASSERT_EQUAL(ht_sweep_study_fits(f.path, NULL), HT_EREFUSED);
    CU_ASSERT_EQUAL(publish(&f, &err), HT_EREFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "study.h5' is not the whole file of a sweep: move it away"));
    folder_expect(&f, HT_FILE_STUDY, "somebody's notes");
    folder_remove(&f);
}

CASES("sweep_study", CASE(every_trial_of_the_log_is_a_row_with_a_column_for_each_parameter),
      CASE(the_file_tells_what_was_searched_and_how), CASE(what_a_trial_reported_is_kept),
      CASE(a_later_file_replaces_the_earlier_one_whole), CASE(another_file_is_refused_and_left_as_it_is))
