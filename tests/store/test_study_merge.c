/* tests/store/test_study_merge.c - several runs, one study: merging, parts, disks that fill or refuse. */
#include <sys/stat.h>
#include <sys/wait.h>

#include "cases.h"
#include "store/study_merge.h"
#include "store/study_parts.h"
#include "bytes.h"
#include "made_run.h"

/* A study of one run in a file of that name, without parts beside it. */
static void put_study(folder *f, const char *file, const char *id, double started, double value)
{
    folder other;
    char path[512];
    folder_make(&other);
    CU_ASSERT_EQUAL_FATAL(publish(&other, id, started, value, NULL), HT_OK);
    snprintf(path, sizeof path, "%s", folder_file(f, file));
    CU_ASSERT_EQUAL_FATAL(rename(folder_file(&other, "study.h5"), path), 0);
    folder_remove(&other);
}

enum { MOST = 4 };

/* Merge files of the folder (NULL ends the list) into `out`. */
static ht_status merge(folder *f, const char *out, const char *const *files, ht_error *err)
{
    char paths[MOST + 1][512];
    const char *inputs[MOST];
    size_t n = 0;
    for (; files[n] != NULL; n++) {
        snprintf(paths[n], sizeof paths[n], "%s", folder_file(f, files[n]));
        inputs[n] = paths[n];
    }
    snprintf(paths[MOST], sizeof paths[MOST], "%s", folder_file(f, out));
    return ht_study_merge(n, inputs, paths[MOST], NULL, err);
}
#define FILES(...)                                                                                           \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }

static bool same_bytes(folder *f, const char *a, const char *b)
{
    char *x = NULL, *y = NULL;
    size_t n = 0, m = 0;
    CU_ASSERT_EQUAL_FATAL(ht_file_read(folder_file(f, a), &x, &n, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_file_read(folder_file(f, b), &y, &m, NULL), HT_OK);
    bool same = n == m && memcmp(x, y, n) == 0;
    free(x);
    free(y);
    return same;
}

/* Number of runs, and wins of lr_mult of the first one over all phases. */
static size_t look(folder *f, const char *file, double *wins)
{
    size_t n = 0;
    ht_run_evidence *runs = NULL;
    CU_ASSERT_EQUAL(ht_study_evidence(folder_file(f, file), &n, &runs, NULL), HT_OK);
    if (wins != NULL)
        *wins = n > 0 && runs[0].n > 0 ? runs[0].evidence[0].wins : NAN;
    ht_study_evidence_free(n, runs);
    return n;
}

/* ---- merging ------------------------------------------------------------------------------------ */

static void a_merge_does_not_depend_on_the_order_of_its_inputs(void)
{
    folder f;
    folder_make(&f);
    put_study(&f, "a.h5", "a", 300, .5);
    put_study(&f, "b.h5", "b", 100, .8);
    put_study(&f, "c.h5", "c", 200, .7);
    CU_ASSERT_EQUAL(merge(&f, "x.h5", FILES("a.h5", "b.h5", "c.h5"), NULL), HT_OK);
    CU_ASSERT_EQUAL(merge(&f, "y.h5", FILES("c.h5", "a.h5", "b.h5"), NULL), HT_OK);
    CU_ASSERT_TRUE(same_bytes(&f, "x.h5", "y.h5"));
    CU_ASSERT_EQUAL(merge(&f, "ab.h5", FILES("a.h5", "b.h5"), NULL), HT_OK);
    CU_ASSERT_EQUAL(merge(&f, "ab.h5", FILES("c.h5", "ab.h5"), NULL), HT_OK);
    CU_ASSERT_TRUE(same_bytes(&f, "x.h5", "ab.h5"));
    CU_ASSERT_EQUAL(look(&f, "x.h5", NULL), 3);
    folder_remove(&f);
}

static void merging_again_changes_nothing(void)
{
    folder f;
    folder_make(&f);
    put_study(&f, "a.h5", "a", 300, .5);
    put_study(&f, "b.h5", "b", 100, .8);
    CU_ASSERT_EQUAL(merge(&f, "x.h5", FILES("a.h5", "b.h5"), NULL), HT_OK);
    CU_ASSERT_EQUAL(merge(&f, "y.h5", FILES("x.h5", "a.h5", "x.h5", "b.h5"), NULL), HT_OK);
    CU_ASSERT_TRUE(same_bytes(&f, "x.h5", "y.h5"));
    CU_ASSERT_EQUAL(merge(&f, "z.h5", FILES("y.h5"), NULL), HT_OK);
    CU_ASSERT_TRUE(same_bytes(&f, "x.h5", "z.h5"));
    folder_remove(&f);
}

/* A study whose only run has so many segments (of 12). */
static void put_partial(folder *f, const char *file, size_t segments, double ended, double opened)
{
    folder other;
    made m;
    char path[512];
    folder_make(&other);
    make_run(&m, "a", 100, .5);
    ht_run_tables *few = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_run_tables_create(&few, NULL), HT_OK);
    for (size_t i = 0; i < segments; i++)
        CU_ASSERT_EQUAL(ht_run_tables_segment(few, &m.segments[i], &m.mutations[i], "val/loss", NULL), HT_OK);
    m.run.tables = few;
    m.run.ended = ended;
    m.run.opened = opened;
    m.run.result_val = (double)segments + (ended > 0 ? .5 : 0);
    CU_ASSERT_EQUAL_FATAL(ht_study_publish(folder_file(&other, "study.h5"), &m.run, NULL), HT_OK);
    snprintf(path, sizeof path, "%s", folder_file(f, file));
    CU_ASSERT_EQUAL_FATAL(rename(folder_file(&other, "study.h5"), path), 0);
    ht_run_tables_destroy(few);
    made_release(&m);
    folder_remove(&other);
}

static double result_of(folder *f, const char *file)
{
    double result = NAN;
    hid_t h = ht_h5_open(folder_file(f, file)), run = H5Gopen2(h, "runs/a", H5P_DEFAULT);
    CU_ASSERT_TRUE(ht_h5_get_real(run, "result_val", &result));
    ht_h5_close(run);
    ht_h5_close(h);
    return result;
}

static void of_one_run_the_most_complete_version_is_taken(void)
{
    folder f;
    folder_make(&f);
    put_partial(&f, "long.h5", 7, 0, 0);
    put_partial(&f, "short.h5", 5, 160, 0);
    put_partial(&f, "ended.h5", 7, 160, 0);
    CU_ASSERT_EQUAL(merge(&f, "x.h5", FILES("short.h5", "long.h5"), NULL), HT_OK);
    CU_ASSERT_EQUAL(result_of(&f, "x.h5"), 7);
    CU_ASSERT_EQUAL(merge(&f, "x.h5", FILES("long.h5", "short.h5"), NULL), HT_OK);
    CU_ASSERT_EQUAL(result_of(&f, "x.h5"), 7);
    CU_ASSERT_EQUAL(merge(&f, "x.h5", FILES("ended.h5", "long.h5", "short.h5"), NULL), HT_OK);
    CU_ASSERT_EQUAL(result_of(&f, "x.h5"), 7.5);
    CU_ASSERT_EQUAL(merge(&f, "x.h5", FILES("long.h5", "ended.h5"), NULL), HT_OK);
    CU_ASSERT_EQUAL(result_of(&f, "x.h5"), 7.5);
    put_partial(&f, "resumed.h5", 3, 0, 150);
    CU_ASSERT_EQUAL(merge(&f, "x.h5", FILES("x.h5", "resumed.h5", "ended.h5"), NULL), HT_OK);
    CU_ASSERT_EQUAL(result_of(&f, "x.h5"), 3);
    CU_ASSERT_EQUAL(look(&f, "x.h5", NULL), 1);
    folder_remove(&f);
}

static void times_are_those_of_the_inputs_and_the_name_is_that_of_the_oldest_run(void)
{
    folder f;
    ht_study_root a, b, x;
    folder_make(&f);
    put_study(&f, "a.h5", "a", 300, .5);
    put_study(&f, "b.h5", "b", 100, .8);
    CU_ASSERT_EQUAL(merge(&f, "x.h5", FILES("a.h5", "b.h5"), NULL), HT_OK);
    hid_t h = ht_h5_open(folder_file(&f, "a.h5"));
    CU_ASSERT_EQUAL(ht_study_get_root(h, "a", &a, NULL), HT_OK);
    ht_h5_close(h);
    h = ht_h5_open(folder_file(&f, "b.h5"));
    CU_ASSERT_EQUAL(ht_study_get_root(h, "b", &b, NULL), HT_OK);
    ht_h5_close(h);
    h = ht_h5_open(folder_file(&f, "x.h5"));
    CU_ASSERT_EQUAL(ht_study_get_root(h, "x", &x, NULL), HT_OK);
    ht_h5_close(h);
    CU_ASSERT_EQUAL(x.created, 100);
    CU_ASSERT_EQUAL(x.modified, fmax(a.modified, b.modified));
    CU_ASSERT_STRING_EQUAL(x.name, "digits");
    folder_remove(&f);
}

static void studies_of_two_objectives_stay_apart(void)
{
    folder f, other;
    made m;
    ht_error err = {""};
    char path[512];
    folder_make(&f);
    folder_make(&other);
    put_study(&f, "a.h5", "a", 100, .5);
    make_run(&m, "b", 200, .5);
    strcpy(m.recipe->objective.primary, "val/acc");
    m.recipe->objective.mode = HT_MAXIMIZE;
    CU_ASSERT_EQUAL(ht_study_publish(folder_file(&other, "study.h5"), &m.run, NULL), HT_OK);
    made_release(&m);
    snprintf(path, sizeof path, "%s", folder_file(&f, "b.h5"));
    CU_ASSERT_EQUAL(rename(folder_file(&other, "study.h5"), path), 0);
    CU_ASSERT_EQUAL(merge(&f, "x.h5", FILES("a.h5", "b.h5"), &err), HT_EREFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "is about 'val/loss' (minimize)"));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "about 'val/acc' (maximize): they stay apart"));
    CU_ASSERT_FALSE(ht_file_look(folder_file(&f, "x.h5")).exists);
    folder_remove(&other);
    folder_remove(&f);
}

static void an_input_that_is_no_study_is_named_and_nothing_is_written(void)
{
    folder f;
    ht_error err = {""};
    folder_make(&f);
    put_study(&f, "a.h5", "a", 100, .5);
    folder_write(&f, "text.h5", "no study\n");
    CU_ASSERT_EQUAL(merge(&f, "x.h5", FILES("a.h5", "text.h5"), &err), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "text.h5"));
    CU_ASSERT_FALSE(ht_file_look(folder_file(&f, "x.h5")).exists);
    CU_ASSERT_EQUAL(merge(&f, "x.h5", FILES("none.h5"), &err), HT_ENOTFOUND);
    folder_remove(&f);
}

/* ---- parts -------------------------------------------------------------------------------------- */

static void a_study_that_lost_a_run_gets_it_back_from_its_part(void)
{
    folder f;
    folder_make(&f);
    CU_ASSERT_EQUAL(publish(&f, "a", 100, .5, NULL), HT_OK);
    CU_ASSERT_EQUAL(publish(&f, "b", 200, .5, NULL), HT_OK);
    put_study(&f, "study.h5", "c", 300, .5); /* somebody who had seen neither of them was the last to write */
    CU_ASSERT_EQUAL(look(&f, "study.h5", NULL), 1);
    CU_ASSERT_EQUAL(ht_study_pool_parts(folder_file(&f, "study.h5"), false, NULL, NULL), HT_OK);
    CU_ASSERT_EQUAL(look(&f, "study.h5", NULL), 3);
    unlink(folder_file(&f, "study.h5"));
    CU_ASSERT_EQUAL(ht_study_pool_parts(folder_file(&f, "study.h5"), false, NULL, NULL), HT_OK);
    CU_ASSERT_EQUAL(look(&f, "study.h5", NULL), 2);
    folder_remove(&f);
}

static void writers_at_the_same_moment_lose_nothing(void)
{
    enum { WRITERS = 8, ROUNDS = 8 };
    folder f;
    folder_make(&f);
    for (int i = 0; i < WRITERS; i++) {
        pid_t child = fork();
        CU_ASSERT_FATAL(child >= 0);
        if (child == 0) {
            char id[32];
            snprintf(id, sizeof id, "run%d", i);
            bool fine = true;
            for (int k = 0; k < ROUNDS; k++)
                fine = publish(&f, id, 100 + i, .5, NULL) == HT_OK && fine;
            _exit(!fine);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        int status = 1;
        wait(&status);
        CU_ASSERT_EQUAL(status, 0);
    }
    CU_ASSERT_EQUAL(look(&f, "study.h5", NULL), WRITERS);
    folder_remove(&f);
}

/* ---- disks -------------------------------------------------------------------------------------- */

static void a_full_disk_leaves_study_and_parts_whole_and_writing_recovers(void)
{
    folder f;
    ht_error err = {""};
    struct stat part;
    folder_make(&f);
    CU_ASSERT_EQUAL(publish(&f, "a", 100, .5, NULL), HT_OK);
    CU_ASSERT_EQUAL(stat(folder_file(&f, "study.parts/a.h5"), &part), 0);
    ht_file_stamp before = ht_file_look(folder_file(&f, "study.h5"));
    bytes_limit((rlim_t)part.st_size + 100); /* room for a part, not for the study of two */
    CU_ASSERT_EQUAL(publish(&f, "b", 200, .5, &err), HT_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "study.h5"));
    bytes_limit(1000); /* not even for a part */
    CU_ASSERT_EQUAL(publish(&f, "c", 300, .5, &err), HT_EIO);
    bytes_limit(RLIM_INFINITY);
    ht_file_stamp after = ht_file_look(folder_file(&f, "study.h5"));
    CU_ASSERT_TRUE(ht_file_same(&before, &after));
    CU_ASSERT_EQUAL(look(&f, "study.h5", NULL), 1);
    CU_ASSERT_EQUAL(publish(&f, "c", 300, .5, NULL), HT_OK);
    CU_ASSERT_EQUAL(look(&f, "study.h5", NULL), 3); /* the part that had room is pooled, too */
    folder_remove(&f);
}

/* Nobody is refused a folder who is root: then /proc, in which nobody makes files, stands for it. */
static void a_folder_that_cannot_be_written_is_told_and_nothing_is_there(void)
{
    folder f;
    made m;
    ht_error err = {""};
    folder_make(&f);
    make_run(&m, "a", 100, .5);
    if (geteuid() != 0) {
        CU_ASSERT_EQUAL(ht_study_publish(folder_file(&f, "study.h5"), &m.run, NULL), HT_OK);
        ht_file_stamp before = ht_file_look(folder_file(&f, "study.h5"));
        chmod(f.path, 0500);
        chmod(folder_file(&f, "study.parts"), 0500);
        CU_ASSERT_EQUAL(ht_study_publish(folder_file(&f, "study.h5"), &m.run, &err), HT_EIO);
        chmod(folder_file(&f, "study.parts"), 0700);
        chmod(f.path, 0700);
        ht_file_stamp after = ht_file_look(folder_file(&f, "study.h5"));
        CU_ASSERT_TRUE(ht_file_same(&before, &after));
        CU_ASSERT_EQUAL(ht_study_publish(folder_file(&f, "study.h5"), &m.run, NULL), HT_OK);
    } else {
        CU_ASSERT_EQUAL(ht_study_publish("/proc/study.h5", &m.run, &err), HT_EIO);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/proc/study.parts"));
    }
    made_release(&m);
    folder_remove(&f);
}

CASES("study_merge", CASE(a_merge_does_not_depend_on_the_order_of_its_inputs),
      CASE(merging_again_changes_nothing), CASE(of_one_run_the_most_complete_version_is_taken),
      CASE(times_are_those_of_the_inputs_and_the_name_is_that_of_the_oldest_run),
      CASE(studies_of_two_objectives_stay_apart),
      CASE(an_input_that_is_no_study_is_named_and_nothing_is_written),
      CASE(a_study_that_lost_a_run_gets_it_back_from_its_part), CASE(writers_at_the_same_moment_lose_nothing),
      CASE(a_full_disk_leaves_study_and_parts_whole_and_writing_recovers),
      CASE(a_folder_that_cannot_be_written_is_told_and_nothing_is_there))
