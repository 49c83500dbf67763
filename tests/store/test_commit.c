/* tests/store/test_commit.c - commits: exact, and one that is whole whatever happens to the newest. */
#include <float.h>
#include <math.h>
#include <sys/wait.h>

#include "base/random.h"
#include "cases.h"
#include "store/commit.h"
#include "store/seal.h"
#include "bytes.h"

#define IMAGE_A "0123456789abcdef0123456789abcdef-7.image"
#define IMAGE_B "1123456789abcdef0123456789abcdef-7.image"
#define IMAGE_C "2123456789abcdef0123456789abcdef-123456789012.image"

static cJSON *tree(const char *text)
{
    cJSON *o = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(text, &o, NULL, NULL), HT_OK);
    return o;
}

static ht_status write_commit(const folder *f, uint64_t number, const char *manifest, ht_error *err)
{
    ht_commit_replica replicas[] = {{true, tree(manifest)}, {false, NULL}, {true, tree("{\"slots\": []}")}};
    ht_commit_log logs[] = {{(char[]){"events.log"}, 17}, {(char[]){"hotcb.metrics.jsonl"}, UINT64_MAX - number}};
    const ht_commit c = {.number = number,
                         .inputs = 9007199254740993u,
                         .pending = 9007199254740992u,
                         .inputs_sum = UINT64_MAX,
                         .decisions = 0x8000000000000001u + number,
                         .bytes = 0,
                         .time = 0.1 + (double)number,
                         .wall_time = 1.7976931348623157e308,
                         .n_replicas = 3,
                         .n_logs = 2,
                         .replicas = replicas,
                         .logs = logs};
    ht_status st = ht_commit_write(f->path, &c, NULL, err);
    cJSON_Delete(replicas[0].manifest);
    cJSON_Delete(replicas[2].manifest);
    return st;
}

/* It is the commit of that number, to the bit. */
static void expect_commit(const ht_commit *c, uint64_t number)
{
    CU_ASSERT_EQUAL(c->number, number);
    CU_ASSERT_EQUAL(c->inputs, 9007199254740993u);
    CU_ASSERT_EQUAL(c->pending, 9007199254740992u);
    CU_ASSERT_EQUAL(c->inputs_sum, UINT64_MAX);
    CU_ASSERT_EQUAL(c->decisions, 0x8000000000000001u + number);
    CU_ASSERT_EQUAL(c->bytes, 0);
    CU_ASSERT_TRUE(c->time == 0.1 + (double)number);
    CU_ASSERT_TRUE(c->wall_time == 1.7976931348623157e308);
    CU_ASSERT_EQUAL_FATAL(c->n_replicas, 3);
    CU_ASSERT_TRUE(c->replicas[0].lives && !c->replicas[1].lives && c->replicas[2].lives);
    CU_ASSERT_PTR_NOT_NULL(c->replicas[0].manifest);
    CU_ASSERT_PTR_NULL(c->replicas[1].manifest);
    CU_ASSERT_EQUAL_FATAL(c->n_logs, 2);
    CU_ASSERT_STRING_EQUAL(c->logs[0].name, "events.log");
    CU_ASSERT_STRING_EQUAL(c->logs[1].name, "hotcb.metrics.jsonl");
    CU_ASSERT_EQUAL(c->logs[0].bytes, 17);
    CU_ASSERT_EQUAL(c->logs[1].bytes, UINT64_MAX - number);
}

/* What is read is commit `number`, and the notice says whether it is the one before. */
static void expect_read(const folder *f, uint64_t number, bool before)
{
    ht_commit c = {0};
    ht_error notice = {""}, err = {""};
    CU_ASSERT_EQUAL(ht_commit_read(f->path, &c, &notice, &err), HT_OK);
    CU_ASSERT_STRING_EQUAL(err.text, "");
    expect_commit(&c, number);
    CU_ASSERT_EQUAL(strstr(notice.text, "the checkpoint before is taken") != NULL, before);
    CU_ASSERT_EQUAL(notice.text[0] == '\0', !before);
    ht_commit_release(&c);
}

static void make(folder *f, uint64_t last)
{
    folder_make(f);
    for (uint64_t i = 1; i <= last; i++)
        CU_ASSERT_EQUAL(write_commit(f, i, "{\"live\": \"" IMAGE_A "\"}", NULL), HT_OK);
}

/* ---- write and read ----------------------------------------------------------------------------- */

static void numbers_and_manifests_read_back_to_the_bit(void)
{
    static const char manifest[] = "{\"live\":\"a\",\"slots\":[[1,\"b\"],[2.0,null]],\"x\":1e-310,\"y\":0.1}";
    folder f;
    ht_commit c = {0};
    folder_make(&f);
    CU_ASSERT_EQUAL(write_commit(&f, 7, manifest, NULL), HT_OK);
    expect_read(&f, 7, false);
    CU_ASSERT_EQUAL(ht_commit_read(f.path, &c, NULL, NULL), HT_OK);
    cJSON *right = tree(manifest);
    char *was = ht_json_line(right), *is = ht_json_line(c.replicas[0].manifest);
    CU_ASSERT_STRING_EQUAL(was, is);
    free(was);
    free(is);
    cJSON_Delete(right);
    ht_commit_release(&c);
    ht_commit_release(&c);
    CU_ASSERT_EQUAL(folder_count(&f), 1);
    folder_remove(&f);
}

static void times_read_back_to_the_bit(void)
{
    static const double times[] = {0, -0.0, 1, -1, 0.1, DBL_MIN / 3, DBL_TRUE_MIN, DBL_MAX, 1e15, 9007199254740993.0,
                                   1764166599.123456789};
    folder f;
    folder_make(&f);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        const ht_commit c = {.time = times[i], .wall_time = -times[i]};
        ht_commit r = {0};
        CU_ASSERT_EQUAL(ht_commit_write(f.path, &c, NULL, NULL), HT_OK);
        CU_ASSERT_EQUAL(ht_commit_read(f.path, &r, NULL, NULL), HT_OK);
        CU_ASSERT_EQUAL(memcmp(&c.time, &r.time, sizeof r.time), 0);
        CU_ASSERT_EQUAL(memcmp(&c.wall_time, &r.wall_time, sizeof r.wall_time), 0);
        CU_ASSERT_EQUAL(r.n_logs + r.n_replicas, 0);
        ht_commit_release(&r);
    }
    folder_remove(&f);
}

static void counts_read_back_to_the_bit(void)
{
    static const uint64_t counts[] = {0, 1, 9007199254740991u, 9007199254740992u, 9007199254740993u,
                                      9007199254740994u, UINT64_MAX - 1, UINT64_MAX};
    folder f;
    folder_make(&f);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        const ht_commit c = {.number = counts[i], .bytes = counts[i]};
        ht_commit r = {0};
        CU_ASSERT_EQUAL(ht_commit_write(f.path, &c, NULL, NULL), HT_OK);
        CU_ASSERT_EQUAL(ht_commit_read(f.path, &r, NULL, NULL), HT_OK);
        CU_ASSERT_TRUE(r.number == counts[i] && r.bytes == counts[i]);
        ht_commit_release(&r);
    }
    folder_remove(&f);
}

static void a_time_that_is_not_finite_is_refused_and_changes_nothing(void)
{
    folder f;
    make(&f, 1);
    const ht_commit c = {.time = INFINITY};
    CU_ASSERT_EQUAL(ht_commit_write(f.path, &c, NULL, NULL), HT_EINVAL);
    expect_read(&f, 1, false);
    CU_ASSERT_EQUAL(folder_count(&f), 1);
    folder_remove(&f);
}

static void the_one_before_stays_until_the_next(void)
{
    folder f;
    ht_commit c = {0};
    make(&f, 1);
    CU_ASSERT_EQUAL(ht_commit_read_before(f.path, &c, NULL), HT_ENOTFOUND);
    for (uint64_t i = 2; i < 5; i++) {
        CU_ASSERT_EQUAL(write_commit(&f, i, "{}", NULL), HT_OK);
        expect_read(&f, i, false);
        CU_ASSERT_EQUAL(ht_commit_read_before(f.path, &c, NULL), HT_OK);
        expect_commit(&c, i - 1);
        ht_commit_release(&c);
    }
    CU_ASSERT_EQUAL(folder_count(&f), 2);
    folder_remove(&f);
}

static void where_nothing_was_committed_nothing_is_found(void)
{
    folder f;
    ht_commit c = {.number = 5};
    ht_error err = {""};
    folder_make(&f);
    CU_ASSERT_EQUAL(ht_commit_read(f.path, &c, NULL, &err), HT_ENOTFOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "there is no checkpoint in '/"));
    CU_ASSERT_EQUAL(ht_commit_read("/nowhere/at/all", &c, NULL, NULL), HT_ENOTFOUND);
    CU_ASSERT_EQUAL(ht_commit_write("/nowhere/at/all", &(ht_commit){0}, NULL, NULL), HT_EIO);
    CU_ASSERT_EQUAL(c.number, 5);
    folder_remove(&f);
}

/* ---- damage ------------------------------------------------------------------------------------- */

/* The newest file holds this. Alone it is refused; with one before it, that one is taken. */
static void expect_damage(folder *alone, folder *both, const unsigned char *bytes, size_t n)
{
    ht_commit c = {.number = 5};
    ht_error err = {""};
    bytes_write(alone, HT_FILE_COMMIT, bytes, n);
    bytes_write(both, HT_FILE_COMMIT, bytes, n);
    CU_ASSERT_EQUAL(ht_commit_read(alone->path, &c, NULL, &err), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/commit.json' is damaged"));
    CU_ASSERT_EQUAL(c.number, 5);
    expect_read(both, 1, true);
}

static void any_damage_of_the_newest_is_found_and_the_one_before_is_taken(void)
{
    folder alone, both;
    size_t n;
    make(&alone, 1);
    make(&both, 2);
    unsigned char *all = bytes_read(&alone, HT_FILE_COMMIT, &n);
    for (size_t at = 0; at < n; at++) {
        all[at] ^= (unsigned char)(1 << at % 8);
        expect_damage(&alone, &both, all, n);
        all[at] ^= (unsigned char)(1 << at % 8);
    }
    for (size_t cut = 0; cut < n; cut++)
        expect_damage(&alone, &both, all, cut);
    free(all);
    folder_remove(&alone);
    folder_remove(&both);
}

static void a_missing_newest_gives_the_one_before(void)
{
    folder f;
    make(&f, 2);
    unlink(folder_file(&f, HT_FILE_COMMIT));
    expect_read(&f, 1, true);
    folder_remove(&f);
}

static void a_damaged_newest_never_becomes_the_one_before(void)
{
    folder f;
    make(&f, 2);
    folder_write(&f, HT_FILE_COMMIT, "{}");
    CU_ASSERT_EQUAL(write_commit(&f, 3, "{}", NULL), HT_OK);
    expect_read(&f, 3, false);
    folder_write(&f, HT_FILE_COMMIT, "{}");
    expect_read(&f, 1, true);
    folder_remove(&f);
}

/* A text with a right seal as the newest. */
static ht_status read_sealed(folder *f, const char *text, ht_error *err)
{
    unsigned char bytes[2048 + HT_SEAL_SIZE];
    size_t n = strlen(text);
    ht_commit c = {0};
    memcpy(bytes, text, n);
    ht_seal_put(bytes, n);
    bytes_write(f, HT_FILE_COMMIT, bytes, n + HT_SEAL_SIZE);
    ht_status st = ht_commit_read(f->path, &c, NULL, err);
    ht_commit_release(&c);
    return st;
}

static void a_sealed_file_that_is_no_commit_is_refused_by_what_it_lacks(void)
{
    static const char start[] = "{\"format\":\"hottune checkpoint\",\"version\":1,\"number\":1,\"inputs\":1,\"pending\":1,"
                                "\"inputs_sum\":\"1\",\"decisions\":\"1\",\"time\":1,\"wall_time\":2,";
    static const struct {
        const char *text, *says;
    } wrong[] = {{"", "/commit.json: "}, {"[1]", "no commit"}, {"{\"format\":\"hottune checkpoint\",\"version\":2}", "version 2"},
                 {"{\"format\":\"hottune checkpoint\",\"version\":1}", "'number' is missing"},
                 {"\"bytes\":-1}", "'bytes'"}, {"\"bytes\":1.0}", "'bytes'"}, {"\"bytes\":\"-1\"}", "'bytes'"},
                 {"\"bytes\":\"18446744073709551616\"}", "'bytes'"}, {"\"bytes\":\"\"}", "'bytes'"},
                 {"\"bytes\":9007199254740994}", "'bytes'"}, {"\"bytes\":0}", "'logs'"},
                 {"\"bytes\":0,\"logs\":[1],\"replicas\":[]}", "'logs'"},
                 {"\"bytes\":0,\"logs\":[{\"name\":\"a\"}],\"replicas\":[]}", "'logs'"},
                 {"\"bytes\":0,\"logs\":[]}", "'replicas'"},
                 {"\"bytes\":0,\"logs\":[],\"replicas\":[7]}", "'replicas'"},
                 {"\"bytes\":0,\"logs\":[],\"replicas\":[{\"lives\":true,\"manifest\":{}},{\"lives\":1,\"manifest\":{}}]}",
                  "'replicas'"}};
    folder f;
    char text[2048];
    folder_make(&f);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ht_error err = {""};
        snprintf(text, sizeof text, "%s%s", wrong[i].text[0] == '"' ? start : "", wrong[i].text);
        CU_ASSERT_EQUAL(read_sealed(&f, text, &err), HT_EFORMAT);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, wrong[i].says));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "commit.json"));
    }
    snprintf(text, sizeof text, "%s\"bytes\":0,\"logs\":[],\"replicas\":[]}", start);
    CU_ASSERT_EQUAL(read_sealed(&f, text, NULL), HT_OK);
    folder_remove(&f);
}

/* ---- a disk that refuses, a writer that dies ---------------------------------------------------- */

static void what_a_full_disk_refuses_leaves_the_newest_as_it_was(void)
{
    folder f;
    ht_error err = {""};
    make(&f, 2);
    bytes_limit(100);
    CU_ASSERT_EQUAL(write_commit(&f, 3, "{}", &err), HT_EIO);
    bytes_limit(RLIM_INFINITY);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "cannot write '"));
    expect_read(&f, 2, false);
    CU_ASSERT_EQUAL(folder_count(&f), 2);
    folder_remove(&f);
}

static void a_writer_that_is_killed_leaves_a_commit_and_the_one_before(void)
{
    folder f;
    make(&f, 2);
    for (uint64_t i = 0; i < 20; i++) {
        ht_random random = ht_random_stream(1, HT_RANDOM_TEST, 2, i);
        pid_t child = fork();
        if (child == 0) {
            folder_die_in((long)ht_random_below(&random, 10000));
            for (uint64_t k = 3;; k++)
                write_commit(&f, k, "{}", NULL);
        }
        CU_ASSERT_FATAL(child > 0);
        waitpid(child, NULL, 0);
        ht_commit c = {0};
        ht_error notice = {""};
        CU_ASSERT_EQUAL(ht_commit_read(f.path, &c, &notice, NULL), HT_OK);
        CU_ASSERT_STRING_EQUAL(notice.text, "");
        expect_commit(&c, c.number);
        ht_commit_release(&c);
        CU_ASSERT_EQUAL(ht_commit_read_before(f.path, &c, NULL), HT_OK);
        expect_commit(&c, c.number);
        ht_commit_release(&c);
    }
    folder_remove(&f);
}

/* ---- back and away ------------------------------------------------------------------------------ */

static void a_run_goes_back_to_the_one_before_once(void)
{
    folder f;
    make(&f, 3);
    CU_ASSERT_EQUAL(ht_commit_revert(f.path, NULL), HT_OK);
    expect_read(&f, 2, false);
    CU_ASSERT_EQUAL(folder_count(&f), 1);
    CU_ASSERT_EQUAL(ht_commit_revert(f.path, NULL), HT_ENOTFOUND);
    folder_write(&f, HT_FILE_COMMIT_BEFORE, "{}");
    CU_ASSERT_EQUAL(ht_commit_revert(f.path, NULL), HT_EFORMAT);
    expect_read(&f, 2, false);
    folder_remove(&f);
}

static void both_are_removed_and_nothing_else(void)
{
    folder f;
    make(&f, 2);
    folder_write(&f, "a", "x");
    CU_ASSERT_EQUAL(ht_commit_remove(f.path, NULL), HT_OK);
    folder_expect(&f, "a", "x");
    CU_ASSERT_EQUAL(folder_count(&f), 1);
    CU_ASSERT_EQUAL(ht_commit_remove(f.path, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_commit_remove("/nowhere/at/all", NULL), HT_OK);
    folder_remove(&f);
}

/* ---- names of images ---------------------------------------------------------------------------- */

static void the_images_of_both_commits_are_named_once(void)
{
    folder f;
    size_t n = 0;
    char **names = NULL;
    folder_make(&f);
    CU_ASSERT_EQUAL(write_commit(&f, 1, "{\"gone\":\"3123456789abcdef0123456789abcdef-7.image\"}", NULL), HT_OK);
    CU_ASSERT_EQUAL(write_commit(&f, 2, "{\"live\":\"" IMAGE_C "\",\"" IMAGE_A "\":\"no.image\"}", NULL), HT_OK);
    CU_ASSERT_EQUAL(write_commit(&f, 3, "{\"live\":\"" IMAGE_B "\",\"best\":null,\"slots\":[[0,\"" IMAGE_A "\"],[1,\"" IMAGE_B
                                        "\"]]}", NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_commit_images(f.path, &n, &names, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(n, 3);
    CU_ASSERT_STRING_EQUAL(names[0], IMAGE_A);
    CU_ASSERT_STRING_EQUAL(names[1], IMAGE_B);
    CU_ASSERT_STRING_EQUAL(names[2], IMAGE_C);
    ht_commit_images_free(n, names);
    folder_remove(&f);
}

static void without_a_whole_newest_commit_there_are_no_names(void)
{
    folder f;
    size_t n = 9;
    char **names = NULL;
    make(&f, 2);
    folder_write(&f, HT_FILE_COMMIT_BEFORE, "{}");
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_commit_images(f.path, &n, &names, &err), HT_OK);
    CU_ASSERT_STRING_EQUAL(err.text, "");
    CU_ASSERT_EQUAL(n, 1);
    ht_commit_images_free(n, names);
    folder_write(&f, HT_FILE_COMMIT, "{}");
    CU_ASSERT_EQUAL(ht_commit_images(f.path, &n, &names, NULL), HT_EFORMAT);
    ht_commit_remove(f.path, NULL);
    CU_ASSERT_EQUAL(ht_commit_images(f.path, &n, &names, NULL), HT_ENOTFOUND);
    folder_remove(&f);
}

CASES("commit", CASE(numbers_and_manifests_read_back_to_the_bit), CASE(times_read_back_to_the_bit),
      CASE(counts_read_back_to_the_bit), CASE(a_time_that_is_not_finite_is_refused_and_changes_nothing),
      CASE(the_one_before_stays_until_the_next), CASE(where_nothing_was_committed_nothing_is_found),
      CASE(any_damage_of_the_newest_is_found_and_the_one_before_is_taken), CASE(a_missing_newest_gives_the_one_before),
      CASE(a_damaged_newest_never_becomes_the_one_before),
      CASE(a_sealed_file_that_is_no_commit_is_refused_by_what_it_lacks),
      CASE(what_a_full_disk_refuses_leaves_the_newest_as_it_was),
      CASE(a_writer_that_is_killed_leaves_a_commit_and_the_one_before), CASE(a_run_goes_back_to_the_one_before_once),
      CASE(both_are_removed_and_nothing_else), CASE(the_images_of_both_commits_are_named_once),
      CASE(without_a_whole_newest_commit_there_are_no_names))
