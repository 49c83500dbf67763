/* tests/unit/test_word.c - what the command line makes of key=value. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "recipe/recipe.h"

static void check(const char *word, const char *key, const char *json)
{
    char *got = NULL;
    cJSON *value = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_word_parse(word, &got, &value, NULL), HT_OK);
    char *line = ht_json_line(value);
    CU_ASSERT_STRING_EQUAL(got, key);
    CU_ASSERT_STRING_EQUAL(line, json);
    free(line);
    free(got);
    cJSON_Delete(value);
}

static void a_word_is_split_at_its_first_equals_sign(void)
{
    check("a.b=c=d", "a.b", "\"c=d\"");
    check("=1", "", "1");
    check("k=", "k", "\"\"");
    check(" k = 1 ", " k ", "1");
}

static void bools_are_recognised_in_any_case(void)
{
    check("k=true", "k", "true");
    check("k=FaLsE", "k", "false");
    check("k=truex", "k", "\"truex\"");
}

static void integers_and_reals_keep_their_kind(void)
{
    check("k=007", "k", "7");
    check("k=+4", "k", "4");
    check("k=-4", "k", "-4");
    check("k=1_000", "k", "1000");
    check("k=1.0", "k", "1.0");
    check("k=5.", "k", "5.0");
    check("k=.5", "k", "0.5");
    check("k=1e-4", "k", "0.0001");
    check("k=1_0.5", "k", "10.5");
    check("k=1e0_1", "k", "10.0");
}

static void what_is_no_decimal_number_stays_text(void)
{
    static const char *const texts[] = {"nan", "inf", "0x10", "1.nan", "3.4.5", "null", "1__0",
                                        "_1",  "1_",  "1_.5", "1 0",   "+",     "e5",   "\xd9\xa3"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char word[40] = "k=", json[40] = "\"";
        strcat(word, texts[i]);
        strcat(strcat(json, texts[i]), "\"");
        check(word, "k", json);
    }
}

static void json_is_taken_only_where_it_is_whole(void)
{
    check("k=[0.7, 1]", "k", "[0.7,1]");
    check("k= {\"a\": [1.0]} ", "k", "{\"a\":[1.0]}");
    check("k=[0.7,1.2", "k", "\"[0.7,1.2\"");
    check("k=[01]", "k", "\"[01]\"");
    check("k=\"quoted\"", "k", "\"\\\"quoted\\\"\"");
}

static void a_number_too_large_for_a_double_is_infinite(void)
{
    char *key = NULL;
    cJSON *value = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_word_parse("k=1e999", &key, &value, NULL), HT_OK);
    CU_ASSERT(isinf(value->valuedouble));
    free(key);
    cJSON_Delete(value);
}

static void a_word_without_equals_sign_is_refused(void)
{
    char *key = NULL;
    cJSON *value = NULL;
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_word_parse("epsilon", &key, &value, &err), HT_EFORMAT);
    CU_ASSERT_STRING_EQUAL(err.text, "'epsilon' is not of the form key=value");
    CU_ASSERT_PTR_NULL(key);
    CU_ASSERT_PTR_NULL(value);
}

static void a_word_that_is_not_utf_8_is_refused(void)
{
    char *key = NULL;
    cJSON *value = NULL;
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_word_parse("objective.primary=n\xfd", &key, &value, &err), HT_EFORMAT);
    CU_ASSERT_STRING_EQUAL(err.text, "'objective.primary=n\xfd' is not UTF-8");
    CU_ASSERT_EQUAL(ht_word_parse("\xc3=1", &key, &value, NULL), HT_EFORMAT);
    CU_ASSERT_PTR_NULL(key);
    CU_ASSERT_PTR_NULL(value);
}

CASES("word", CASE(a_word_is_split_at_its_first_equals_sign), CASE(bools_are_recognised_in_any_case),
      CASE(integers_and_reals_keep_their_kind), CASE(what_is_no_decimal_number_stays_text),
      CASE(json_is_taken_only_where_it_is_whole), CASE(a_number_too_large_for_a_double_is_infinite),
      CASE(a_word_without_equals_sign_is_refused), CASE(a_word_that_is_not_utf_8_is_refused))
