/* tests/store/test_file.c - whole files and files of lines, also when the disk is full or the writer dies. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/random.h"
#include "cases.h"
#include "store/page.h"
#include "folder.h"

/* ---- whole files -------------------------------------------------------------------------------- */

static void a_missing_file_is_not_found_and_named(void)
{
    char *text = NULL;
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_file_read("/nowhere/at/all", &text, NULL, &err), HT_ENOTFOUND);
    CU_ASSERT_PTR_NULL(text);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "'/nowhere/at/all'"));
}

static void a_folder_is_no_file(void)
{
    char *text = NULL;
    CU_ASSERT_EQUAL(ht_file_read("/tmp", &text, NULL, NULL), HT_EIO);
}

static void a_replaced_file_has_the_new_content_and_nothing_lies_beside_it(void)
{
    folder f;
    folder_make(&f);
    folder_write(&f, "a", "old");
    CU_ASSERT_EQUAL(ht_file_replace(folder_file(&f, "a"), "new\n", 4, NULL), HT_OK);
    folder_expect(&f, "a", "new\n");
    CU_ASSERT_EQUAL(folder_count(&f), 1);
    folder_remove(&f);
}

/* Files of this process cannot grow beyond n bytes. */
static void limit_files(rlim_t n)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = n;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void a_replacement_that_the_disk_refuses_leaves_the_old_content(void)
{
    folder f;
    ht_error err = {""};
    folder_make(&f);
    folder_write(&f, "a", "old");
    limit_files(8);
    CU_ASSERT_EQUAL(ht_file_replace(folder_file(&f, "a"), "0123456789", 10, &err), HT_EIO);
    limit_files(RLIM_INFINITY);
    folder_expect(&f, "a", "old");
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/a': "));
    CU_ASSERT_EQUAL(folder_count(&f), 1);
    folder_remove(&f);
}

static void what_is_no_regular_file_is_never_replaced(void)
{
    folder f;
    struct stat s;
    ht_error err = {""};
    folder_make(&f);
    CU_ASSERT_EQUAL_FATAL(mkfifo(folder_file(&f, "pipe"), 0600), 0);
    CU_ASSERT_EQUAL(ht_file_replace(folder_file(&f, "pipe"), "x", 1, &err), HT_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/pipe': it is no regular file"));
    CU_ASSERT_TRUE(stat(folder_file(&f, "pipe"), &s) == 0 && S_ISFIFO(s.st_mode));
    CU_ASSERT_EQUAL(folder_count(&f), 1);
    folder_remove(&f);
}

static void a_stamp_tells_a_replaced_file_of_the_same_size(void)
{
    folder f;
    folder_make(&f);
    ht_file_stamp none = ht_file_look(folder_file(&f, "a"));
    folder_write(&f, "a", "old");
    ht_file_stamp before = ht_file_look(folder_file(&f, "a")), again = ht_file_look(f.last);
    ht_file_replace(folder_file(&f, "a"), "new", 3, NULL);
    ht_file_stamp after = ht_file_look(folder_file(&f, "a"));
    CU_ASSERT_FALSE(none.exists);
    CU_ASSERT_TRUE(ht_file_same(&none, &none));
    CU_ASSERT_FALSE(ht_file_same(&none, &before));
    CU_ASSERT_TRUE(ht_file_same(&before, &again));
    CU_ASSERT_FALSE(ht_file_same(&before, &after));
    folder_remove(&f);
}

/* ---- journals ----------------------------------------------------------------------------------- */

static ht_journal *open_journal(folder *f, const char *name)
{
    ht_journal *j = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_journal_open(folder_file(f, name), &j, NULL), HT_OK);
    return j;
}

static void lines_are_appended_to_what_is_there(void)
{
    folder f;
    folder_make(&f);
    folder_write(&f, "log", "{\"a\":1}\n");
    ht_journal *j = open_journal(&f, "log");
    cJSON *o = cJSON_CreateObject();
    ht_json_put_int(o, "b", 2);
    CU_ASSERT_EQUAL(ht_journal_append_json(j, o, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_journal_sync(j, NULL), HT_OK);
    folder_expect_without_digits(&f, "log", "{\"a\":1}\n{\"b\":2,\"sum\":\"1-\"}\n");
    cJSON_Delete(o);
    ht_journal_close(j);
    folder_remove(&f);
}

static void a_torn_last_line_gets_its_line_feed_before_the_next_line(void)
{
    folder f;
    folder_make(&f);
    folder_write(&f, "log", "{\"a\":1}\n{\"b\":");
    ht_journal *j = open_journal(&f, "log");
    CU_ASSERT_EQUAL(ht_journal_append(j, "{}", NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_journal_append(j, "{}", NULL), HT_OK);
    folder_expect(&f, "log", "{\"a\":1}\n{\"b\":\n{}\n{}\n");
    ht_journal_close(j);
    folder_remove(&f);
}

static void a_journal_that_cannot_be_opened_is_named(void)
{
    ht_journal *j = NULL;
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_journal_open("/nowhere/log", &j, &err), HT_EIO);
    CU_ASSERT_PTR_NULL(j);
    CU_ASSERT_STRING_EQUAL(err.text, "cannot open '/nowhere/log': No such file or directory");
}

static void lines_that_a_full_disk_refuses_are_kept_and_written_in_order_when_it_can(void)
{
    folder f;
    size_t kept = 0, dropped = 0;
    ht_error err = {""};
    folder_make(&f);
    ht_journal *j = open_journal(&f, "log");
    CU_ASSERT_EQUAL(ht_journal_append(j, "first", NULL), HT_OK);
    limit_files(10);
    CU_ASSERT_EQUAL(ht_journal_append(j, "second line", &err), HT_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "1 lines are kept"));
    CU_ASSERT_EQUAL(ht_journal_append(j, "third", NULL), HT_EIO);
    CU_ASSERT_EQUAL(ht_journal_flush(j, NULL), HT_EIO);
    ht_journal_owed(j, &kept, &dropped);
    CU_ASSERT_EQUAL(kept, 2);
    CU_ASSERT_EQUAL(dropped, 0);
    limit_files(RLIM_INFINITY);
    folder_expect(&f, "log", "first\n");        /* the part that fitted was cut off again */
    CU_ASSERT_EQUAL(ht_journal_append(j, "fourth", NULL), HT_OK);
    folder_expect(&f, "log", "first\nsecond line\nthird\nfourth\n");
    ht_journal_owed(j, &kept, &dropped);
    CU_ASSERT_EQUAL(kept, 0);
    ht_journal_close(j);
    folder_remove(&f);
}

static void a_device_that_is_always_full_is_an_error_and_no_crash(void)
{
    ht_journal *j = NULL;
    size_t kept = 0, dropped = 0;
    if (access("/dev/full", W_OK) != 0)
        return;
    CU_ASSERT_EQUAL_FATAL(ht_journal_open("/dev/full", &j, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_journal_append(j, "line", NULL), HT_EIO);
    CU_ASSERT_EQUAL(ht_journal_sync(j, NULL), HT_EIO);
    ht_journal_owed(j, &kept, &dropped);
    CU_ASSERT_EQUAL(kept, 1);
    ht_journal_close(j);
}

static void what_finds_no_room_in_memory_is_counted_as_dropped(void)
{
    ht_journal *j = NULL;
    size_t kept = 0, dropped = 0, n = 30u << 20;
    if (access("/dev/full", W_OK) != 0)
        return;
    char *line = malloc(n + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    memset(line, 'x', n);
    line[n] = '\0';
    CU_ASSERT_EQUAL_FATAL(ht_journal_open("/dev/full", &j, NULL), HT_OK);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(ht_journal_append(j, line, NULL), HT_EIO);
    ht_journal_owed(j, &kept, &dropped);
    CU_ASSERT_EQUAL(kept, 2);
    CU_ASSERT_EQUAL(dropped, 1);
    ht_journal_close(j);
    free(line);
}

/* ---- reading lines ------------------------------------------------------------------------------ */

static void sum_a(void *ctx, const cJSON *object)
{
    *(double *)ctx += ht_json_number(object, "a", 0);
}

static void lines_that_do_not_parse_are_counted_and_a_torn_last_one_is_ignored(void)
{
    folder f;
    double sum = 0;
    ht_lines_account account;
    folder_make(&f);
    folder_write(&f, "log", "{\"a\":1}\n\n{\"a\":\n[3]\n  \n{\"a\":5}\n{\"a\":7}");
    CU_ASSERT_EQUAL(ht_lines_each(folder_file(&f, "log"), sum_a, &sum, &account, NULL), HT_OK);
    CU_ASSERT_EQUAL(sum, 6);
    CU_ASSERT_EQUAL(account.bad, 2);
    CU_ASSERT_EQUAL(ht_lines_each(folder_file(&f, "none"), sum_a, &sum, &account, NULL), HT_OK);
    CU_ASSERT_EQUAL(account.bad, 0);
    folder_remove(&f);
}

/* ---- pages -------------------------------------------------------------------------------------- */

static void a_page_waits_after_a_write_and_keeps_the_newest_content(void)
{
    folder f;
    ht_page p;
    folder_make(&f);
    CU_ASSERT_EQUAL_FATAL(ht_page_init(&p, f.path, "page", NULL, NULL), HT_OK);
    ht_page_put(&p, strdup("one"));
    CU_ASSERT_EQUAL(ht_page_flush(&p, 100, false, NULL), HT_OK);
    ht_page_put(&p, strdup("two"));
    ht_page_put(&p, strdup("three"));
    CU_ASSERT_EQUAL(ht_page_flush(&p, 100, false, NULL), HT_OK);
    folder_expect(&f, "page", "one");
    CU_ASSERT_EQUAL(ht_page_flush(&p, 1e6, false, NULL), HT_OK);
    folder_expect(&f, "page", "three");
    ht_page_put(&p, strdup("four"));
    CU_ASSERT_EQUAL(ht_page_flush(&p, 1e6, true, NULL), HT_OK);
    folder_expect(&f, "page", "four");
    ht_page_release(&p);
    folder_remove(&f);
}

static void a_page_that_cannot_be_written_is_kept_and_told_until_it_is(void)
{
    folder f;
    ht_page p;
    folder_make(&f);
    CU_ASSERT_EQUAL_FATAL(ht_page_init(&p, f.path, "page", NULL, NULL), HT_OK);
    ht_page_put(&p, strdup("content"));
    limit_files(3);
    CU_ASSERT_EQUAL(ht_page_flush(&p, 0, false, NULL), HT_EIO);
    limit_files(RLIM_INFINITY);
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_page_flush(&p, 0, false, &err), HT_EIO);      /* not tried again yet: still not there */
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "page"));
    CU_ASSERT_EQUAL(ht_page_flush(&p, 1e6, false, NULL), HT_OK);
    folder_expect(&f, "page", "content");
    ht_page_release(&p);
    folder_remove(&f);
}

/* ---- the writer is killed ----------------------------------------------------------------------- */

/* A child: appends numbered lines and replaces a file by ever longer runs of one letter, until it is killed. */
static void write_for_ever(folder *f)
{
    char text[5000];
    ht_journal *j = NULL;
    if (ht_journal_open(folder_file(f, "log"), &j, NULL) != HT_OK)
        _exit(1);
    for (unsigned i = 0;; i++) {
        snprintf(text, sizeof text, "{\"a\":1,\"n\":%u,\"filler\":\"%0500u\"}", i, i);
        ht_journal_append(j, text, NULL);
        size_t n = 1000 + i % 4000;
        memset(text, 'a' + (int)(i % 26), n);
        ht_file_replace(folder_file(f, "whole"), text, n, NULL);
    }
}

static bool is_one_letter(const char *text)
{
    size_t n = strlen(text);
    return n >= 1000 && strspn(text, (char[]){text[0], '\0'}) == n;
}

static void a_writer_that_is_killed_leaves_whole_lines_and_whole_files(void)
{
    folder f;
    folder_make(&f);
    folder_write(&f, "whole", "");
    for (uint64_t i = 0; i < 25; i++) {
        ht_random random = ht_random_stream(1, HT_RANDOM_TEST, 0, i);
        pid_t child = fork();
        if (child == 0) {
            folder_die_in((long)ht_random_below(&random, 20000));
            write_for_ever(&f);
        }
        CU_ASSERT_FATAL(child > 0);
        waitpid(child, NULL, 0);
        double lines = 0;
        ht_lines_account account;
        CU_ASSERT_EQUAL(ht_lines_each(folder_file(&f, "log"), sum_a, &lines, &account, NULL), HT_OK);
        CU_ASSERT_EQUAL(account.bad, 0);
        char *whole = folder_read(&f, "whole");
        CU_ASSERT_TRUE(whole[0] == '\0' || is_one_letter(whole));
        free(whole);
    }
    folder_remove(&f);
}

static void what_a_dead_process_left_of_replacing_a_file_is_removed_and_nothing_else(void)
{
    static const char *const others[] = {"a.json.tmp.8.123", "a.json.tmp.7.x", "a.json.tmp.7.", "b.json.tmp.7.123", "a.json"};
    folder f;
    folder_make(&f);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        folder_write(&f, others[i], "x");
    folder_write(&f, "a.json.tmp.7.123", "x");
    folder_write(&f, "a.json.tmp.9.123", "x");
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    CU_ASSERT_EQUAL(utimensat(AT_FDCWD, folder_file(&f, "a.json.tmp.9.123"), old, 0), 0);
    ht_file_clear_aside(folder_file(&f, "a.json"), 7);
    CU_ASSERT_EQUAL(folder_count(&f), 5);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        folder_expect(&f, others[i], "x");
    folder_remove(&f);
}

CASES("file", CASE(what_a_dead_process_left_of_replacing_a_file_is_removed_and_nothing_else),
      CASE(a_missing_file_is_not_found_and_named), CASE(a_folder_is_no_file),
      CASE(a_replaced_file_has_the_new_content_and_nothing_lies_beside_it),
      CASE(a_replacement_that_the_disk_refuses_leaves_the_old_content),
      CASE(what_is_no_regular_file_is_never_replaced), CASE(a_stamp_tells_a_replaced_file_of_the_same_size),
      CASE(lines_are_appended_to_what_is_there),
      CASE(a_torn_last_line_gets_its_line_feed_before_the_next_line),
      CASE(a_journal_that_cannot_be_opened_is_named),
      CASE(lines_that_a_full_disk_refuses_are_kept_and_written_in_order_when_it_can),
      CASE(a_device_that_is_always_full_is_an_error_and_no_crash),
      CASE(what_finds_no_room_in_memory_is_counted_as_dropped),
      CASE(lines_that_do_not_parse_are_counted_and_a_torn_last_one_is_ignored),
      CASE(a_page_waits_after_a_write_and_keeps_the_newest_content),
      CASE(a_page_that_cannot_be_written_is_kept_and_told_until_it_is),
      CASE(a_writer_that_is_killed_leaves_whole_lines_and_whole_files))
