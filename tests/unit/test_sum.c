/* tests/unit/test_sum.c - checksums that JSON texts carry in themselves. The hashes of "", "a" and "foobar"
 * are those of the test vectors that came with FNV-1a (Fowler, Noll, Vo; 64 bit). */
#include <stdlib.h>
#include <string.h>

#include "base/sum.h"
#include "cases.h"

static ht_sum_verdict look(const char *text, unsigned long *number)
{
    return ht_sum_look(text, strlen(text), number);
}

static char *sealed_line(void)
{
    return ht_sum_put(strdup("{\"a\":1,\"b\":\"x\"}"), 12);
}

static void the_hash_is_the_published_one(void)
{
    CU_ASSERT_EQUAL(ht_sum_add(HT_SUM_START, "", 0), UINT64_C(0xcbf29ce484222325));
    CU_ASSERT_EQUAL(ht_sum_add(HT_SUM_START, "a", 1), UINT64_C(0xaf63dc4c8601ec8c));
    CU_ASSERT_EQUAL(ht_sum_add(HT_SUM_START, "foobar", 6), UINT64_C(0x85944171f73967e8));
    CU_ASSERT_EQUAL(ht_sum_add(ht_sum_add(HT_SUM_START, "foo", 3), "bar", 3), UINT64_C(0x85944171f73967e8));
}

static void a_line_keeps_its_members_and_gets_one_more_at_its_end(void)
{
    unsigned long number = 0;
    char *line = sealed_line(), *empty = ht_sum_put(strdup("{}"), 0);
    CU_ASSERT_EQUAL(strncmp(line, "{\"a\":1,\"b\":\"x\",\"sum\":\"12-", 25), 0);
    CU_ASSERT_EQUAL(strlen(line), 25 + 16 + 2);
    CU_ASSERT_EQUAL(look(line, &number), HT_SUM_RIGHT);
    CU_ASSERT_EQUAL(number, 12);
    CU_ASSERT_EQUAL(strncmp(empty, "{\"sum\":\"0-", 10), 0);
    CU_ASSERT_EQUAL(look(empty, NULL), HT_SUM_RIGHT);
    CU_ASSERT_PTR_NULL(ht_sum_put(NULL, 1));
    free(line);
    free(empty);
}

static void a_page_stays_indented(void)
{
    char *page = ht_sum_put(strdup("{\n  \"a\": [\n    1\n  ]\n}\n"), 0);
    CU_ASSERT_EQUAL(strncmp(page, "{\n  \"a\": [\n    1\n  ],\n  \"sum\": \"0-", 34), 0);
    CU_ASSERT_STRING_EQUAL(page + 34 + 16, "\"\n}\n");
    CU_ASSERT_EQUAL(look(page, NULL), HT_SUM_RIGHT);
    free(page);
}

/* Every bit of the line, turned round alone: wrong, or no JSON any more. */
static void no_bit_changes_unseen(void)
{
    char *line = sealed_line();
    for (size_t i = 0; i < 8 * strlen(line); i++) {
        cJSON *o = NULL;
        line[i / 8] = (char)(line[i / 8] ^ 1 << i % 8);
        size_t n = strlen(line);
        ht_status st = ht_json_parse(line, &o, NULL, NULL);
        if (st == HT_OK && ht_sum_take(line, n, o, NULL) != HT_SUM_WRONG)
            CU_ASSERT_EQUAL(i, SIZE_MAX);
        cJSON_Delete(o);
        line[i / 8] = (char)(line[i / 8] ^ 1 << i % 8);
    }
    CU_ASSERT_EQUAL(look(line, NULL), HT_SUM_RIGHT);
    free(line);
}

static void texts_of_others_have_none(void)
{
    static const char *const texts[] = {"",
                                        "{}",
                                        "[]",
                                        "{\"a\":1}",
                                        "{\"sum\":3}",
                                        "{\"a\":{\"reduction\":\"sum\"}}",
                                        "}",
                                        "{\"commit\":\"0123456789abcdef0123456789abcdef01234567\"}",
                                        "\"}",
                                        "{\"sum\":\"1-0123456789abcdef\",\"a\":1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        CU_ASSERT_EQUAL(look(texts[i], NULL), HT_SUM_NONE);
}

static void a_text_that_another_program_wrote_anew_is_wrong(void)
{
    cJSON *o = NULL;
    const char *text = "{\"sum\":\"1-0123456789abcdef\",\"a\":1}";
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(text, &o, NULL, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_sum_take(text, strlen(text), o, NULL), HT_SUM_WRONG);
    cJSON_Delete(o);
}

static void taking_the_sum_leaves_what_was_there_before(void)
{
    cJSON *o = NULL;
    unsigned long number = 0;
    char *line = sealed_line();
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(line, &o, NULL, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_sum_take(line, strlen(line), o, &number), HT_SUM_RIGHT);
    CU_ASSERT_EQUAL(number, 12);
    char *rest = ht_json_line(o);
    CU_ASSERT_STRING_EQUAL(rest, "{\"a\":1,\"b\":\"x\"}");
    free(rest);
    free(line);
    cJSON_Delete(o);
}

CASES("sum", CASE(the_hash_is_the_published_one), CASE(a_line_keeps_its_members_and_gets_one_more_at_its_end),
      CASE(a_page_stays_indented), CASE(no_bit_changes_unseen), CASE(texts_of_others_have_none),
      CASE(a_text_that_another_program_wrote_anew_is_wrong),
      CASE(taking_the_sum_leaves_what_was_there_before))
