/* tests/store/test_file_cut.c - a log is taken back, and nothing that it held is gone. */
#include "cases.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file_cut.h"
#include "store/folder.h"

static bool is_there(folder *f, const char *name)
{
    struct stat s;
    return stat(folder_file(f, name), &s) == 0;
}

static ht_status cut(folder *f, uint64_t bytes, uint64_t *moved)
{
    ht_error err = {""};
    ht_status st = ht_file_cut(folder_file(f, "a.log"), bytes, false, NULL, moved, &err);
    CU_ASSERT_EQUAL(st == HT_OK, err.text[0] == '\0');
    return st;
}

static void what_lies_behind_is_moved_beside_it(void)
{
    folder f;
    uint64_t moved = 99;
    folder_make(&f);
    folder_write(&f, "a.log", "one\ntwo\nthree\n");
    CU_ASSERT_EQUAL(cut(&f, 4, &moved), HT_OK);
    CU_ASSERT_EQUAL(moved, 10);
    folder_expect(&f, "a.log", "one\n");
    folder_expect(&f, "a.log.repeated", "two\nthree\n");
    folder_remove(&f);
}

static void the_second_time_it_is_appended(void)
{
    folder f;
    folder_make(&f);
    folder_write(&f, "a.log", "one\ntwo\n");
    CU_ASSERT_EQUAL(cut(&f, 4, NULL), HT_OK);
    folder_append(&f, "a.log", "other\n");
    CU_ASSERT_EQUAL(cut(&f, 0, NULL), HT_OK);
    folder_expect(&f, "a.log", "");
    folder_expect(&f, "a.log.repeated", "two\none\nother\n");
    folder_remove(&f);
}

static void a_file_that_is_not_longer_is_left_alone(void)
{
    folder f;
    uint64_t moved = 99;
    folder_make(&f);
    folder_write(&f, "a.log", "one\n");
    CU_ASSERT_EQUAL(cut(&f, 4, &moved), HT_OK);
    CU_ASSERT_EQUAL(moved, 0);
    CU_ASSERT_EQUAL(cut(&f, 5000, &moved), HT_OK);
    CU_ASSERT_EQUAL(moved, 0);
    folder_expect(&f, "a.log", "one\n");
    CU_ASSERT_FALSE(is_there(&f, "a.log.repeated"));
    folder_remove(&f);
}

static void a_file_that_is_not_there_does_not_come_to_be(void)
{
    folder f;
    uint64_t moved = 99;
    folder_make(&f);
    CU_ASSERT_EQUAL(cut(&f, 0, &moved), HT_OK);
    CU_ASSERT_EQUAL(moved, 0);
    CU_ASSERT_FALSE(is_there(&f, "a.log"));
    CU_ASSERT_FALSE(is_there(&f, "a.log.repeated"));
    folder_remove(&f);
}

/* A folder in the way: nothing can be kept, so nothing is cut off. */
static void what_cannot_be_kept_is_not_cut_off(void)
{
    folder f;
    uint64_t moved = 99;
    folder_make(&f);
    folder_write(&f, "a.log", "one\ntwo\n");
    CU_ASSERT_EQUAL_FATAL(mkdir(folder_file(&f, "a.log.repeated"), 0777), 0);
    CU_ASSERT_EQUAL(cut(&f, 4, &moved), HT_EIO);
    CU_ASSERT_EQUAL(moved, 0);
    folder_expect(&f, "a.log", "one\ntwo\n");
    rmdir(folder_file(&f, "a.log.repeated"));
    folder_remove(&f);
}

/* More than one block of the copy, and bytes of all kinds. */
static void a_long_end_is_kept_whole(void)
{
    enum { LONG = 300000, HEAD = 777 };
    folder f;
    uint64_t moved = 0;
    char *made = malloc(LONG + 1), *kept = NULL;
    size_t n = 0;
    folder_make(&f);
    CU_ASSERT_PTR_NOT_NULL_FATAL(made);
    for (int i = 0; i < LONG; i++)
        made[i] = (char)(1 + i % 127);
    made[LONG] = '\0';
    folder_write(&f, "a.log", made);
    CU_ASSERT_EQUAL(cut(&f, HEAD, &moved), HT_OK);
    CU_ASSERT_EQUAL(moved, LONG - HEAD);
    CU_ASSERT_EQUAL_FATAL(ht_file_read(folder_file(&f, "a.log.repeated"), &kept, &n, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(n, LONG - HEAD);
    CU_ASSERT_EQUAL(memcmp(kept, made + HEAD, n), 0);
    free(kept);
    free(made);
    folder_remove(&f);
}

static ht_status renew(folder *f, uint64_t bytes, uint64_t *moved)
{
    return ht_file_cut(folder_file(f, "a.log"), bytes, true, NULL, moved, NULL);
}

static void who_still_has_the_file_open_does_not_reach_the_new_one(void)
{
    static const uint64_t cuts[] = {4, 8, 100};
    static const char *const stay[] = {"one\n", "one\ntwo\n", "one\ntwo\n"};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        folder f;
        uint64_t moved = 99;
        struct stat before, after;
        folder_make(&f);
        folder_write(&f, "a.log", "one\ntwo\n");
        chmod(folder_file(&f, "a.log"), 0640);
        CU_ASSERT_EQUAL(stat(folder_file(&f, "a.log"), &before), 0);
        int former = open(folder_file(&f, "a.log"), O_WRONLY | O_APPEND);
        CU_ASSERT_EQUAL(renew(&f, cuts[i], &moved), HT_OK);
        CU_ASSERT_EQUAL(moved, i == 0 ? 4 : 0);
        CU_ASSERT_EQUAL(write(former, "late\n", 5), 5);
        folder_expect(&f, "a.log", stay[i]);
        CU_ASSERT_EQUAL(stat(folder_file(&f, "a.log"), &after), 0);
        CU_ASSERT_EQUAL(after.st_mode, before.st_mode);
        CU_ASSERT_EQUAL(folder_count(&f), i == 0 ? 2 : 1);      /* the log, and what was cut off */
        close(former);
        folder_remove(&f);
    }
}

static ht_status refuse(void *ctx, ht_error *err)
{
    ++*(int *)ctx;
    return ht_fail(err, HT_EFAILED, "not yours");
}

static void a_guard_that_refuses_leaves_everything(void)
{
    folder f;
    int asked = 0;
    const ht_file_guard guard = {refuse, &asked};
    folder_make(&f);
    folder_write(&f, "a.log", "one\ntwo\n");
    CU_ASSERT_EQUAL(ht_file_cut(folder_file(&f, "a.log"), 4, false, &guard, NULL, NULL), HT_EFAILED);
    CU_ASSERT_EQUAL(ht_file_cut(folder_file(&f, "a.log"), 4, true, &guard, NULL, NULL), HT_EFAILED);
    CU_ASSERT_EQUAL(asked, 2);
    folder_expect(&f, "a.log", "one\ntwo\n");
    CU_ASSERT_EQUAL(folder_count(&f), 1);
    folder_remove(&f);
}

static void what_is_kept_aside_is_begun_anew_when_it_is_long(void)
{
    folder f;
    folder_make(&f);
    folder_write(&f, "a.log", "one\ntwo\n");
    folder_write(&f, "a.log.repeated", "old\n");
    CU_ASSERT_EQUAL_FATAL(truncate(folder_file(&f, "a.log.repeated"), 16 << 20), 0);
    CU_ASSERT_EQUAL(cut(&f, 4, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_file_look(folder_file(&f, "a.log.repeated")).size, (16 << 20) + 4);
    folder_write(&f, "a.log", "one\nthree\n");
    CU_ASSERT_EQUAL(cut(&f, 4, NULL), HT_OK);
    folder_expect(&f, "a.log.repeated", "three\n");
    folder_remove(&f);
}

CASES("file cut", CASE(what_lies_behind_is_moved_beside_it), CASE(the_second_time_it_is_appended),
      CASE(a_file_that_is_not_longer_is_left_alone), CASE(a_file_that_is_not_there_does_not_come_to_be),
      CASE(what_cannot_be_kept_is_not_cut_off), CASE(a_long_end_is_kept_whole),
      CASE(who_still_has_the_file_open_does_not_reach_the_new_one), CASE(a_guard_that_refuses_leaves_everything),
      CASE(what_is_kept_aside_is_begun_anew_when_it_is_long))
