/* tests/store/test_lines.c - logs that carry checksums, read. */
#include "store/lines.h"

#include <fcntl.h>

#include "cases.h"
#include "folder.h"

/* A log of `n` lines {"a": i}, i from 1 on, behind what is there. */
static void append(folder *f, int n)
{
    ht_journal *j = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_journal_open(folder_file(f, "log"), &j, NULL), HT_OK);
    for (int i = 1; i <= n; i++) {
        cJSON *o = cJSON_CreateObject();
        ht_json_put_int(o, "a", i);
        CU_ASSERT_EQUAL(ht_journal_append_json(j, o, NULL), HT_OK);
        cJSON_Delete(o);
    }
    ht_journal_close(j);
}

static void take(void *ctx, const cJSON *object)
{
    char *seen = ctx;
    CU_ASSERT_PTR_NULL(ht_json_member(object, "sum"));
    snprintf(seen + strlen(seen), 64 - strlen(seen), "%.0f", ht_json_number(object, "a", 0));
}

/* The values of the lines that count, one after the other. */
static void expect(folder *f, const char *values, size_t bad, size_t missing)
{
    char seen[64] = "";
    ht_lines_account a;
    CU_ASSERT_EQUAL(ht_lines_each(folder_file(f, "log"), take, seen, &a, NULL), HT_OK);
    CU_ASSERT_STRING_EQUAL(seen, values);
    CU_ASSERT_EQUAL(a.bad, bad);
    CU_ASSERT_EQUAL(a.missing, missing);
    CU_ASSERT_EQUAL(a.lines, strlen(values));
}

/* Content of the log, to be freed. */
static char *content(folder *f)
{
    char *text = calloc(1, 1 << 16);
    FILE *file = fopen(folder_file(f, "log"), "r");
    if (text == NULL || file == NULL)
        CU_FAIL_FATAL("no log");
    text[fread(text, 1, (1 << 16) - 1, file)] = 0;
    fclose(file);
    return text;
}

/* The text of the log with its line `number` replaced; NULL = taken out. */
static void replace_line(folder *f, int number, const char *with)
{
    char *text = content(f), *line = text;
    for (int i = 1; i < number; i++)
        line = strchr(line, '\n') + 1;
    char *rest = strdup(strchr(line, '\n') + 1);
    *line = '\0';
    folder_write(f, "log", text);
    if (with != NULL) {
        folder_append(f, "log", with);
        folder_append(f, "log", "\n");
    }
    folder_append(f, "log", rest);
    free(rest);
    free(text);
}

static void lines_count_on_over_several_openings(void)
{
    folder f;
    folder_make(&f);
    append(&f, 2);
    append(&f, 3);
    expect(&f, "12123", 0, 0);
    int fd = open(folder_file(&f, "log"), O_RDONLY);
    CU_ASSERT_EQUAL(ht_lines_last_number(fd), 5);
    close(fd);
    folder_remove(&f);
}

static void a_digit_that_changed_is_told_with_its_line_and_not_used(void)
{
    folder f;
    ht_error why = {""};
    ht_lines_account a;
    char seen[64] = "";
    folder_make(&f);
    append(&f, 3);
    char *text = content(&f);
    *strchr(strchr(text, '\n'), '2') = '7';
    folder_write(&f, "log", text);
    expect(&f, "13", 1, 0);
    CU_ASSERT_EQUAL(ht_lines_each(folder_file(&f, "log"), take, seen, &a, NULL), HT_OK);
    CU_ASSERT_TRUE(ht_lines_tell("log", &a, &why));
    CU_ASSERT_STRING_EQUAL(why.text,
                           "'log': line 2 has a wrong checksum, and is not used; take a copy that is whole "
                           "('hottune study check' tells more)");
    free(text);
    folder_remove(&f);
}

static void a_line_that_lost_its_checksum_does_not_count_wherever_it_is(void)
{
    for (int i = 1; i <= 3; i++) {
        folder f;
        char others[] = "123";
        folder_make(&f);
        append(&f, 3);
        replace_line(&f, i, "{\"a\":9}");
        memmove(others + i - 1, others + i, strlen(others + i) + 1);
        expect(&f, others, 1, 0);
        folder_remove(&f);
    }
}

static void lines_that_are_gone_or_twice_show(void)
{
    folder f;
    folder_make(&f);
    append(&f, 4);
    char *text = content(&f);
    replace_line(&f, 2, NULL);
    replace_line(&f, 2, NULL);
    expect(&f, "14", 0, 2);
    folder_write(&f, "log", text);
    folder_append(&f, "log", text);
    expect(&f, "1234", 4, 0);
    folder_write(&f, "log", text);
    replace_line(&f, 1, NULL);
    expect(&f, "234", 0, 1);
    free(text);
    folder_remove(&f);
}

static void a_log_of_an_older_version_is_read_and_gone_on_with(void)
{
    folder f;
    folder_make(&f);
    folder_write(&f, "log", "{\"a\":7}\n{\"a\":8}\n");
    expect(&f, "78", 0, 0);
    append(&f, 2);
    expect(&f, "7812", 0, 0);
    folder_append(&f, "log", "{\"a\":5}\n"); /* the older version again: nobody can know that it was */
    expect(&f, "7812", 1, 0);
    append(&f, 1);
    expect(&f, "78121", 1, 0);
    folder_remove(&f);
}

static void a_torn_line_takes_no_number(void)
{
    folder f;
    folder_make(&f);
    append(&f, 2);
    folder_append(&f, "log", "{\"a\":3,\"su");
    append(&f, 1);
    expect(&f, "121", 1, 0);
    folder_remove(&f);
}

/* The number is looked for from the end of the file, in blocks. */
static void long_lines_and_long_files_of_others_are_passed_over(void)
{
    folder f;
    folder_make(&f);
    append(&f, 3);
    FILE *file = fopen(folder_file(&f, "log"), "a");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    for (int i = 0; i < 20000; i++)
        fprintf(file, "{\"b\":%d}\n", i);
    fprintf(file, "{\"b\":\"%0300000d\"}\n", 1);
    fclose(file);
    int fd = open(folder_file(&f, "log"), O_RDONLY);
    CU_ASSERT_EQUAL(ht_lines_last_number(fd), 3);
    close(fd);
    folder_remove(&f);
}

CASES("lines", CASE(lines_count_on_over_several_openings),
      CASE(a_digit_that_changed_is_told_with_its_line_and_not_used),
      CASE(a_line_that_lost_its_checksum_does_not_count_wherever_it_is),
      CASE(lines_that_are_gone_or_twice_show), CASE(a_log_of_an_older_version_is_read_and_gone_on_with),
      CASE(a_torn_line_takes_no_number), CASE(long_lines_and_long_files_of_others_are_passed_over))
