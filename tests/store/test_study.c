/* tests/store/test_study.c - the study: what goes in comes out, whatever lies in the file's place. */
#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/random.h"
#include "cases.h"
#include "store/seal.h"
#include "store/study_format.h"
#include "bytes.h"
#include "made_run.h"

static ht_recipe *evolved(folder *f)
{
    char *yaml = NULL;
    ht_recipe *r = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_study_recipe(folder_file(f, "study.h5"), &yaml, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(yaml, "evolved", &r, NULL), HT_OK);
    free(yaml);
    return r;
}

static double evolved_center(folder *f)
{
    ht_recipe *r = evolved(f);
    double center = ht_actuator_family(ht_recipe_actuator(r, "opt"), "lr_mult")->prior_center;
    ht_recipe_destroy(r);
    return center;
}

/* ---- what goes in comes out --------------------------------------------------------------------- */

static void a_study_gives_back_the_evidence_of_each_run_oldest_first(void)
{
    folder f;
    size_t n = 0;
    ht_run_evidence *runs = NULL;
    folder_make(&f);
    CU_ASSERT_EQUAL(publish(&f, "b-2-r1", 200, 0.8, NULL), HT_OK);
    CU_ASSERT_EQUAL(publish(&f, "a/1.r1", 100, 0.5, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_study_evidence(folder_file(&f, "study.h5"), &n, &runs, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(n, 2);
    CU_ASSERT_STRING_EQUAL(runs[0].source, "a/1.r1");
    CU_ASSERT_STRING_EQUAL(runs[1].source, "b-2-r1");
    CU_ASSERT_EQUAL_FATAL(runs[0].n, 2);
    const ht_evidence *e = &runs[0].evidence[0];
    CU_ASSERT_STRING_EQUAL(e->actuator, "opt");
    CU_ASSERT_STRING_EQUAL(e->key, "lr_mult");
    CU_ASSERT_STRING_EQUAL(e->phase, "");
    CU_ASSERT_EQUAL(e->win_rate, 0.75);
    CU_ASSERT_EQUAL(e->mean_score, 0.25);
    CU_ASSERT_EQUAL(e->wins, 9);
    CU_ASSERT_DOUBLE_EQUAL(e->win_center, 0.5, 1e-12);
    CU_ASSERT_STRING_EQUAL(runs[0].evidence[1].phase, "early");
    CU_ASSERT_EQUAL(folder_count(&f), 2);       /* the study and its parts: nothing temporary is left */
    ht_study_evidence_free(n, runs);
    folder_remove(&f);
}

static void the_recipe_moves_towards_what_won_and_names_its_runs(void)
{
    folder f;
    folder_make(&f);
    CU_ASSERT_EQUAL(publish(&f, "r1", 100, 0.5, NULL), HT_OK);
    CU_ASSERT_DOUBLE_EQUAL(evolved_center(&f), exp(0.3 * log(0.5)), 1e-12);
    CU_ASSERT_EQUAL(publish(&f, "r2", 200, 0.5, NULL), HT_OK);
    CU_ASSERT_DOUBLE_EQUAL(evolved_center(&f), exp(0.51 * log(0.5)), 1e-12);
    ht_recipe *r = evolved(&f);
    CU_ASSERT_EQUAL_FATAL(r->evolved.n_from, 2);
    CU_ASSERT_STRING_EQUAL(r->evolved.from[0], "r1");
    CU_ASSERT_STRING_EQUAL(r->evolved.from[1], "r2");
    ht_recipe_destroy(r);
    folder_remove(&f);
}

static void a_run_that_is_published_again_counts_once(void)
{
    folder f;
    size_t n = 0;
    ht_run_evidence *runs = NULL;
    folder_make(&f);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(publish(&f, "r1", 100, 0.5, NULL), HT_OK);
    CU_ASSERT_DOUBLE_EQUAL(evolved_center(&f), exp(0.3 * log(0.5)), 1e-12);
    CU_ASSERT_EQUAL(ht_study_evidence(folder_file(&f, "study.h5"), &n, &runs, NULL), HT_OK);
    CU_ASSERT_EQUAL(n, 1);
    ht_study_evidence_free(n, runs);
    folder_remove(&f);
}

static void a_run_that_began_with_the_evolved_recipe_does_not_count_the_others_twice(void)
{
    folder f;
    made m;
    char *yaml = NULL;
    folder_make(&f);
    CU_ASSERT_EQUAL(publish(&f, "r1", 100, 0.5, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_study_recipe(folder_file(&f, "study.h5"), &yaml, NULL), HT_OK);
    make_run(&m, "r2", 200, 0.5);
    m.run.base_recipe = yaml;
    CU_ASSERT_EQUAL(ht_study_publish(folder_file(&f, "study.h5"), &m.run, NULL), HT_OK);
    CU_ASSERT_DOUBLE_EQUAL(evolved_center(&f), exp(0.51 * log(0.5)), 1e-12);
    made_release(&m);
    free(yaml);
    folder_remove(&f);
}

/* The path to an attribute or dataset, as a reader of the file would go. */
static void the_layout_is_the_documented_one(void)
{
    static const char *const links[] = {
        "recipe/base",
        "recipe/evolved",
        "space/families",
        "priors/opt:lr_mult",
        "priors/opt:lr_mult/early",
        "priors/a%2Fb:aux",
        "posterior/observations",
        "runs/x%2Fy",
        "runs/x%2Fy/segments",
        "runs/x%2Fy/mutations",
        "runs/x%2Fy/curves",
        "runs/x%2Fy/evidence",
        "runs/x%2Fy/recipe",
        "runs/x%2Fy/base_recipe",
        "runs/x%2Fy/readings_pre",
        "runs/x%2Fy/readings_post",
    };
    folder f;
    char text[64] = "";
    long long version = 0;
    double real = 0;
    folder_make(&f);
    CU_ASSERT_EQUAL_FATAL(publish(&f, "x/y", 100, 0.5, NULL), HT_OK);
    hid_t file = ht_h5_open(folder_file(&f, "study.h5"));
    CU_ASSERT_FATAL(file >= 0);
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        if (H5Oexists_by_name(file, links[i], H5P_DEFAULT) <= 0)
            CU_FAIL(links[i]);
    CU_ASSERT_TRUE(ht_h5_get_text(file, "format", text, sizeof text));
    CU_ASSERT_STRING_EQUAL(text, "hottune-study");
    CU_ASSERT_TRUE(ht_h5_get_int(file, "format_version", &version));
    CU_ASSERT_EQUAL(version, 1);
    CU_ASSERT_TRUE(ht_h5_get_text(file, "direction", text, sizeof text));
    CU_ASSERT_STRING_EQUAL(text, "minimize");
    hid_t run = H5Gopen2(file, "runs/x%2Fy", H5P_DEFAULT);
    CU_ASSERT_TRUE(ht_h5_get_text(run, "nodes", text, sizeof text));
    CU_ASSERT_STRING_EQUAL(text, "n[1-4]");
    CU_ASSERT_TRUE(ht_h5_get_real(run, "result_val", &real));
    CU_ASSERT_EQUAL(real, 0.25);
    CU_ASSERT_TRUE(ht_h5_get_real(run, "result_test", &real));
    CU_ASSERT_TRUE(isnan(real));
    CU_ASSERT_TRUE(ht_h5_get_int(run, "accepted", &version));
    CU_ASSERT_EQUAL(version, 9);
    ht_h5_close(run);
    ht_h5_close(file);
    folder_remove(&f);
}

static void the_places_of_ranks_read_back_and_a_run_without_them_has_none(void)
{
    folder f;
    made m;
    ht_rank_place at[] = {{-1, "n0", "0-3,8", ""}, {0, "n1", "4", "GPU-1b2f,GPU-9c3d"}};
    ht_places read = {0}, given = {2, at};
    folder_make(&f);
    make_run(&m, "x", 100, 0.5);
    m.run.places = &given;
    CU_ASSERT_EQUAL_FATAL(ht_study_publish(folder_file(&f, "study.h5"), &m.run, NULL), HT_OK);
    made_release(&m);
    CU_ASSERT_EQUAL_FATAL(publish(&f, "y", 200, 0.5, NULL), HT_OK);
    hid_t file = ht_h5_open(folder_file(&f, "study.h5"));
    hid_t x = H5Gopen2(file, "runs/x", H5P_DEFAULT), y = H5Gopen2(file, "runs/y", H5P_DEFAULT);
    CU_ASSERT_TRUE(ht_study_read_places(y, &read));
    CU_ASSERT_EQUAL(read.n, 0);
    CU_ASSERT_TRUE(ht_study_read_places(x, &read));
    CU_ASSERT_EQUAL_FATAL(read.n, 2);
    for (size_t i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(read.at[i].replica, at[i].replica);
        CU_ASSERT_STRING_EQUAL(read.at[i].node, at[i].node);
        CU_ASSERT_STRING_EQUAL(read.at[i].cores, at[i].cores);
        CU_ASSERT_STRING_EQUAL(read.at[i].devices, at[i].devices);
    }
    ht_places_release(&read);
    ht_h5_close(x);
    ht_h5_close(y);
    ht_h5_close(file);
    folder_remove(&f);
}

/* As many ids as before are open in the library. */
static void nothing_stays_open_and_the_programs_error_printing_is_as_before(void)
{
    folder f;
    size_t n;
    ht_run_evidence *runs;
    char *yaml = NULL;
    H5E_auto2_t before = NULL, after = NULL;
    void *ctx = NULL;
    folder_make(&f);
    H5Eget_auto2(H5E_DEFAULT, &before, &ctx);
    publish(&f, "r1", 100, 0.5, NULL);
    publish(&f, "r2", 200, 0.5, NULL);
    CU_ASSERT_EQUAL(ht_study_evidence(folder_file(&f, "study.h5"), &n, &runs, NULL), HT_OK);
    ht_study_evidence_free(n, runs);
    CU_ASSERT_EQUAL(ht_study_recipe(folder_file(&f, "study.h5"), &yaml, NULL), HT_OK);
    free(yaml);
    ht_study_evidence("/dev/null", &n, &runs, NULL);
    H5Eget_auto2(H5E_DEFAULT, &after, &ctx);
    CU_ASSERT_TRUE(before == after);
    CU_ASSERT_EQUAL(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
    folder_remove(&f);
}

static void a_run_without_any_segment_is_a_run(void)
{
    folder f;
    made m;
    ht_statistics none;
    size_t n = 0;
    ht_run_evidence *runs = NULL;
    folder_make(&f);
    make_run(&m, "r1", 100, 0.5);
    ht_statistics_init(&none);
    m.run.tables = NULL;
    m.run.statistics = &none;
    m.run.posterior = NULL;
    m.run.name = NULL;
    m.run.base_recipe = NULL;
    m.run.has_result = false;
    CU_ASSERT_EQUAL(ht_study_publish(folder_file(&f, "study.h5"), &m.run, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_study_evidence(folder_file(&f, "study.h5"), &n, &runs, NULL), HT_OK);
    CU_ASSERT_EQUAL(n, 1);
    CU_ASSERT_EQUAL(runs[0].n, 0);
    CU_ASSERT_EQUAL(evolved_center(&f), 1);
    ht_study_evidence_free(n, runs);
    ht_statistics_release(&none);
    made_release(&m);
    folder_remove(&f);
}

static void the_counts_of_a_killed_run_are_amended_and_its_tables_stay(void)
{
    folder f;
    made m;
    size_t n = 0;
    void *rows = NULL;
    double ended = 0;
    long long accepted = 0;
    ht_run_evidence *runs = NULL;
    folder_make(&f);
    make_run(&m, "r1", 100, 0.5);
    m.run.ended = 0;
    CU_ASSERT_EQUAL(ht_study_publish(folder_file(&f, "study.h5"), &m.run, NULL), HT_OK);
    ht_statistics_release(&m.statistics);       /* as if the logs told of the first four segments only */
    ht_statistics_init(&m.statistics);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(ht_statistics_segment(&m.statistics, &m.segments[i], &m.mutations[i]), HT_OK);
    CU_ASSERT_EQUAL(ht_study_amend(folder_file(&f, "study.h5"), "r1", &m.statistics, 150, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_study_evidence(folder_file(&f, "study.h5"), &n, &runs, NULL), HT_OK);
    CU_ASSERT_TRUE(n == 1 && runs[0].evidence[0].wins == 3);
    ht_study_evidence_free(n, runs);
    hid_t file = ht_h5_open(folder_file(&f, "study.h5")), run = H5Gopen2(file, "runs/r1", H5P_DEFAULT);
    CU_ASSERT_TRUE(ht_h5_get_real(run, "ended", &ended) && ended == 150);
    CU_ASSERT_TRUE(ht_h5_get_int(run, "accepted", &accepted) && accepted == 3);
    CU_ASSERT_TRUE(ht_h5_read_table(run, "segments", &ht_segment_table, &n, &rows) && n == SEGMENTS);
    free(rows);
    ht_h5_close(run);
    ht_h5_close(file);
    made_release(&m);
    folder_remove(&f);
}

/* ---- what is refused ---------------------------------------------------------------------------- */

static void a_missing_study_is_not_found(void)
{
    size_t n;
    ht_run_evidence *runs;
    char *yaml;
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_study_evidence("/nowhere/study.h5", &n, &runs, &err), HT_ENOTFOUND);
    CU_ASSERT_STRING_EQUAL(err.text, "there is no study '/nowhere/study.h5'");
    CU_ASSERT_EQUAL(ht_study_recipe("/nowhere/study.h5", &yaml, NULL), HT_ENOTFOUND);
}

static void a_study_about_another_objective_is_refused_and_untouched(void)
{
    folder f;
    made m;
    ht_error err = {""};
    folder_make(&f);
    CU_ASSERT_EQUAL(publish(&f, "r1", 100, 0.5, NULL), HT_OK);
    ht_file_stamp before = ht_file_look(folder_file(&f, "study.h5"));
    make_run(&m, "r2", 200, 0.5);
    strcpy(m.recipe->objective.primary, "val/acc");
    m.recipe->objective.mode = HT_MAXIMIZE;
    CU_ASSERT_EQUAL(ht_study_fits(folder_file(&f, "study.h5"), m.recipe, NULL), HT_EREFUSED);
    CU_ASSERT_EQUAL(ht_study_publish(folder_file(&f, "study.h5"), &m.run, &err), HT_EREFUSED);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(err.text, "is about 'val/loss' (minimize), this run about 'val/acc' (maximize)"));
    ht_file_stamp after = ht_file_look(folder_file(&f, "study.h5"));
    CU_ASSERT_TRUE(ht_file_same(&before, &after));
    made_release(&m);
    folder_remove(&f);
}

/* A small HDF5 file that is no study, or one of a version to come. */
static void write_other(folder *f, const char *format, long long version)
{
    ht_h5_image image;
    hid_t file = ht_h5_create_in_memory(&image);
    CU_ASSERT_TRUE(ht_h5_put_text(file, "format", format) && ht_h5_put_int(file, "format_version", version));
    CU_ASSERT_TRUE_FATAL(ht_h5_finish(file, &image));
    CU_ASSERT_EQUAL(ht_file_replace(folder_file(f, "study.h5"), image.bytes, image.n, NULL), HT_OK);
    free(image.bytes);
}

static void expect_refusal(folder *f, const char *why)
{
    ht_error err = {""};
    size_t n;
    ht_run_evidence *runs;
    char *yaml;
    ht_file_stamp before = ht_file_look(folder_file(f, "study.h5"));
    CU_ASSERT_EQUAL(publish(f, "r9", 900, 0.5, &err), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "study.h5"));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, why));
    CU_ASSERT_EQUAL(ht_study_evidence(folder_file(f, "study.h5"), &n, &runs, NULL), HT_EFORMAT);
    CU_ASSERT_EQUAL(ht_study_recipe(folder_file(f, "study.h5"), &yaml, NULL), HT_EFORMAT);
    ht_file_stamp after = ht_file_look(folder_file(f, "study.h5"));
    CU_ASSERT_TRUE(ht_file_same(&before, &after));
}

static void what_is_no_study_is_refused_and_untouched(void)
{
    folder f;
    folder_make(&f);
    folder_write(&f, "study.h5", "this is a text\n");
    expect_refusal(&f, "is no HDF5 file");
    folder_write(&f, "study.h5", "");
    expect_refusal(&f, "is no HDF5 file");
    write_other(&f, "something", 1);
    expect_refusal(&f, "no study of hottune");
    write_other(&f, HT_STUDY_FORMAT, 2);
    expect_refusal(&f, "format version 2, this program knows up to 1");
    write_other(&f, HT_STUDY_FORMAT, 0);
    expect_refusal(&f, "'format_version'");
    folder_remove(&f);
}

static void a_study_that_is_cut_off_anywhere_is_refused_or_reads_no_rubbish(void)
{
    folder f;
    char *bytes = NULL;
    size_t size = 0;
    folder_make(&f);
    CU_ASSERT_EQUAL(publish(&f, "r1", 100, 0.5, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_file_read(folder_file(&f, "study.h5"), &bytes, &size, NULL), HT_OK);
    for (size_t i = 0; i < 20; i++) {
        size_t n = 0, cut = (size - 4096) * i / 20;     /* the last block can be empty */
        ht_run_evidence *runs = NULL;
        char *yaml = NULL;
        CU_ASSERT_EQUAL(ht_file_replace(folder_file(&f, "study.h5"), bytes, cut, NULL), HT_OK);
        CU_ASSERT_EQUAL(ht_study_evidence(folder_file(&f, "study.h5"), &n, &runs, NULL), HT_EFORMAT);
        CU_ASSERT_EQUAL(ht_study_recipe(folder_file(&f, "study.h5"), &yaml, NULL), HT_EFORMAT);
        CU_ASSERT_EQUAL(publish(&f, "r2", 200, 0.5, NULL), HT_EFORMAT);
        CU_ASSERT_EQUAL(ht_file_look(folder_file(&f, "study.h5")).size, (off_t)cut);
    }
    free(bytes);
    folder_remove(&f);
}

static void a_single_wrong_bit_is_found(void)
{
    folder f;
    char *bytes = NULL;
    size_t size = 0;
    folder_make(&f);
    CU_ASSERT_EQUAL(publish(&f, "r1", 100, 0.5, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_file_read(folder_file(&f, "study.h5"), &bytes, &size, NULL), HT_OK);
    for (size_t i = 0; i < 10; i++) {
        bytes[(size - 17) * i / 9] ^= 4;
        CU_ASSERT_EQUAL(ht_file_replace(folder_file(&f, "study.h5"), bytes, size, NULL), HT_OK);
        expect_refusal(&f, "its checksum is wrong");
        bytes[(size - 17) * i / 9] ^= 4;
    }
    free(bytes);
    folder_remove(&f);
}

/* In a child: bytes of a study without its seal are overwritten at random. Exits with 0 if each call came
 * back and a publication that failed left the file alone. */
static void read_damage(folder *f, const char *bytes, size_t size)
{
    char *bad = malloc(size);
    bool fine = bad != NULL;
    for (uint64_t i = 0; fine && i < 60; i++) {
        size_t n = 0;
        ht_run_evidence *runs = NULL;
        char *yaml = NULL;
        ht_random random = ht_random_stream(7, HT_RANDOM_TEST, 0, i);
        memcpy(bad, bytes, size);
        for (uint64_t k = 0; k < 1 + i % 12; k++)
            bad[ht_random_below(&random, size)] = (char)ht_random_below(&random, 256);
        ht_file_replace(folder_file(f, "study.h5"), bad, size, NULL);
        if (ht_study_evidence(folder_file(f, "study.h5"), &n, &runs, NULL) == HT_OK)
            ht_study_evidence_free(n, runs);
        if (ht_study_recipe(folder_file(f, "study.h5"), &yaml, NULL) == HT_OK)
            free(yaml);
        ht_file_stamp before = ht_file_look(folder_file(f, "study.h5"));
        bool published = publish(f, "r2", 200, 0.5, NULL) == HT_OK;
        ht_file_stamp after = ht_file_look(folder_file(f, "study.h5"));
        fine = published || ht_file_same(&before, &after);
    }
    _exit(!fine);
}

static void a_damaged_study_without_a_seal_never_crashes_the_reader(void)
{
    folder f;
    char *bytes = NULL;
    size_t size = 0;
    int status = -1;
    folder_make(&f);
    CU_ASSERT_EQUAL(publish(&f, "r1", 100, 0.5, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_file_read(folder_file(&f, "study.h5"), &bytes, &size, NULL), HT_OK);
    pid_t child = fork();
    if (child == 0)
        read_damage(&f, bytes, size - HT_SEAL_SIZE);
    CU_ASSERT_FATAL(child > 0);
    waitpid(child, &status, 0);
    CU_ASSERT_EQUAL(status, 0);
    free(bytes);
    folder_remove(&f);
}

static void a_study_that_another_program_changed_is_a_study(void)
{
    folder f;
    size_t n = 0;
    ht_run_evidence *runs = NULL;
    folder_make(&f);
    CU_ASSERT_EQUAL(publish(&f, "r1", 100, 0.5, NULL), HT_OK);
    hid_t file = H5Fopen(folder_file(&f, "study.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    CU_ASSERT_TRUE(ht_h5_put_text(file, "note", "of an analyst"));
    ht_h5_close(file);
    CU_ASSERT_EQUAL(ht_study_evidence(folder_file(&f, "study.h5"), &n, &runs, NULL), HT_OK);
    CU_ASSERT_EQUAL(n, 1);
    ht_study_evidence_free(n, runs);
    CU_ASSERT_EQUAL(publish(&f, "r2", 200, 0.5, NULL), HT_OK);
    folder_remove(&f);
}

static void a_study_that_finds_no_room_on_the_disk_stays_as_it_was(void)
{
    folder f;
    ht_error err = {""};
    folder_make(&f);
    CU_ASSERT_EQUAL(publish(&f, "r1", 100, 0.5, NULL), HT_OK);
    ht_file_stamp before = ht_file_look(folder_file(&f, "study.h5"));
    bytes_limit(1000);
    CU_ASSERT_EQUAL(publish(&f, "r2", 200, 0.5, &err), HT_EIO);
    bytes_limit(RLIM_INFINITY);
    ht_file_stamp after = ht_file_look(folder_file(&f, "study.h5"));
    CU_ASSERT_TRUE(ht_file_same(&before, &after));
    CU_ASSERT_EQUAL(folder_count(&f), 2);
    CU_ASSERT_EQUAL(publish(&f, "r2", 200, 0.5, NULL), HT_OK);
    folder_remove(&f);
}

static void a_reader_is_not_locked_out_and_locks_nobody_out(void)
{
    folder f;
    folder_make(&f);
    CU_ASSERT_EQUAL(publish(&f, "r1", 100, 0.5, NULL), HT_OK);
    hid_t reader = H5Fopen(folder_file(&f, "study.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    CU_ASSERT_FATAL(reader >= 0);
    CU_ASSERT_EQUAL(publish(&f, "r2", 200, 0.5, NULL), HT_OK);
    CU_ASSERT_TRUE(H5Lexists(reader, "runs/r1", H5P_DEFAULT) > 0);      /* still the old study */
    ht_h5_close(reader);
    folder_remove(&f);
}

/* ---- the writer is killed ----------------------------------------------------------------------- */

static void publish_for_ever(folder *f)
{
    char id[32];
    for (int i = 0;; i++) {
        snprintf(id, sizeof id, "r%d", i % 5);
        publish(f, id, i % 5, 0.5, NULL);
    }
}

static void a_writer_that_is_killed_leaves_a_whole_study(void)
{
    folder f;
    folder_make(&f);
    CU_ASSERT_EQUAL(publish(&f, "r0", 0, 0.5, NULL), HT_OK);
    for (uint64_t i = 0; i < 15; i++) {
        size_t n = 0;
        ht_run_evidence *runs = NULL;
        ht_random random = ht_random_stream(3, HT_RANDOM_TEST, 0, i);
        pid_t child = fork();
        if (child == 0) {
            folder_die_in((long)ht_random_below(&random, 60000));
            publish_for_ever(&f);
        }
        CU_ASSERT_FATAL(child > 0);
        waitpid(child, NULL, 0);
        CU_ASSERT_EQUAL(ht_study_evidence(folder_file(&f, "study.h5"), &n, &runs, NULL), HT_OK);
        CU_ASSERT_TRUE(n >= 1);
        for (size_t k = 0; k < n; k++)
            CU_ASSERT_EQUAL(runs[k].n, 2);
        ht_study_evidence_free(n, runs);
    }
    folder_remove(&f);
}

CASES("study", CASE(a_study_gives_back_the_evidence_of_each_run_oldest_first),
      CASE(the_recipe_moves_towards_what_won_and_names_its_runs),
      CASE(a_run_that_is_published_again_counts_once),
      CASE(a_run_that_began_with_the_evolved_recipe_does_not_count_the_others_twice),
      CASE(the_layout_is_the_documented_one),
      CASE(the_places_of_ranks_read_back_and_a_run_without_them_has_none),
      CASE(nothing_stays_open_and_the_programs_error_printing_is_as_before),
      CASE(a_run_without_any_segment_is_a_run), CASE(the_counts_of_a_killed_run_are_amended_and_its_tables_stay), CASE(a_missing_study_is_not_found),
      CASE(a_study_about_another_objective_is_refused_and_untouched),
      CASE(what_is_no_study_is_refused_and_untouched),
      CASE(a_study_that_is_cut_off_anywhere_is_refused_or_reads_no_rubbish),
      CASE(a_single_wrong_bit_is_found), CASE(a_damaged_study_without_a_seal_never_crashes_the_reader),
      CASE(a_study_that_another_program_changed_is_a_study),
      CASE(a_study_that_finds_no_room_on_the_disk_stays_as_it_was),
      CASE(a_reader_is_not_locked_out_and_locks_nobody_out),
      CASE(a_writer_that_is_killed_leaves_a_whole_study))
