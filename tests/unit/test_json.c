/* tests/unit/test_json.c - reading JSON: kinds and places of values, and what is refused. */
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"

static cJSON *parsed(const char *text, ht_place **places)
{
    cJSON *item = NULL;
    ht_error err = {""};
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(text, &item, places, &err), HT_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(item);
    return item;
}

static void check_refused(const char *text, const char *why)
{
    cJSON *item = NULL;
    ht_place *places = NULL;
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_json_parse(text, &item, &places, &err), HT_EFORMAT);
    CU_ASSERT_STRING_EQUAL(err.text, why);
    CU_ASSERT_PTR_NULL(item);
    CU_ASSERT_PTR_NULL(places);
    CU_ASSERT_EQUAL(ht_json_parse(text, &item, NULL, NULL), HT_EFORMAT);
}

/* ---- kinds ---------------------------------------------------------------------------------- */

static void numbers_without_point_and_exponent_are_integers(void)
{
    static const struct {
        const char *text;
        bool is_int;
    } cases[] = {{"0", true},    {"-7", true},   {"12345678901234567890", true}, {"-0", true}, {"1.0", false},
                 {"1e3", false}, {"1E3", false}, {"-2.5e-3", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cJSON *item = parsed(cases[i].text, NULL);
        CU_ASSERT_EQUAL(ht_json_is_int(item), cases[i].is_int);
        cJSON_Delete(item);
    }
}

static void integers_are_told_from_texts_names_and_words_that_look_like_them(void)
{
    cJSON *item = parsed("{\"1\": \"2\", \"3.5\": [4, 5.5, \"6,7]\\\"8\", true, null, {}, [], 9], \"e\": 10 , \"x\": 1.5 }",
                         NULL);
    const cJSON *list = ht_json_member(item, "3.5");
    static const bool is_int[] = {true, false, false, false, false, false, false, true};
    for (int i = 0; i < 8; i++)
        CU_ASSERT_EQUAL(ht_json_is_int(cJSON_GetArrayItem(list, i)), is_int[i]);
    CU_ASSERT(!ht_json_is_int(ht_json_member(item, "1")));
    CU_ASSERT(ht_json_is_int(ht_json_member(item, "e")));
    CU_ASSERT(!ht_json_is_int(ht_json_member(item, "x")));
    CU_ASSERT(!ht_json_is_int(NULL));
    cJSON_Delete(item);
}

static void control_characters_between_values_do_not_shift_the_kinds(void)
{
    cJSON *item = parsed("[1 \f, 2.5\v, \x01 3]", NULL);
    CU_ASSERT(ht_json_is_int(cJSON_GetArrayItem(item, 0)));
    CU_ASSERT(!ht_json_is_int(cJSON_GetArrayItem(item, 1)));
    CU_ASSERT(ht_json_is_int(cJSON_GetArrayItem(item, 2)));
    cJSON_Delete(item);
}

static void made_numbers_have_the_kind_they_were_made_with(void)
{
    cJSON *i = ht_json_int(3), *r = ht_json_real(3), *copy = cJSON_Duplicate(i, 1);
    CU_ASSERT(ht_json_is_int(i));
    CU_ASSERT(!ht_json_is_int(r));
    CU_ASSERT(ht_json_is_int(copy));
    cJSON_Delete(i);
    cJSON_Delete(r);
    cJSON_Delete(copy);
}

/* ---- places --------------------------------------------------------------------------------- */

static void check_places(const char *text, size_t n, const ht_place *expected)
{
    ht_place *places = NULL;
    cJSON *item = parsed(text, &places);
    for (size_t i = 0; i < n; i++) {
        CU_ASSERT_EQUAL(places[i].line, expected[i].line);
        CU_ASSERT_EQUAL(places[i].column, expected[i].column);
    }
    free(places);
    cJSON_Delete(item);
}

static void places_are_those_of_values_in_document_order(void)
{
    check_places("{\"a\": 1,\n  \"b\": [2,\n 3, {\"c\": \"x\\\"\\n\"}],\n\"d\":null}", 8,
                 (const ht_place[]){{1, 1}, {1, 7}, {2, 8}, {2, 9}, {3, 2}, {3, 5}, {3, 11}, {4, 5}});
}

static void a_line_feed_inside_a_text_counts(void)
{
    check_places("[\"a\nb\", 2]", 3, (const ht_place[]){{1, 1}, {1, 2}, {2, 5}});
}

static void a_byte_order_mark_has_no_place(void)
{
    check_places("\xEF\xBB\xBF[1]", 2, (const ht_place[]){{1, 1}, {1, 2}});
}

/* ---- what is refused ------------------------------------------------------------------------ */

static void what_is_not_json_is_refused_with_its_place(void)
{
    check_refused("", "line 1, column 1: this is not JSON");
    check_refused("{\"a\": 1,\n \"b\" 2}", "line 2, column 6: this is not JSON");
    check_refused("[1] x", "line 1, column 5: this is not JSON");
    check_refused("nul", "line 1, column 1: this is not JSON");
    check_refused("[\"\\ud800\"]", "line 1, column 3: this is not JSON");
    check_refused("[1, 01]", "line 1, column 5: this is not JSON");
    check_refused("[1.]", "line 1, column 2: this is not JSON");
    check_refused("[1.e3]", "line 1, column 2: this is not JSON");
    check_refused("[-.5]", "line 1, column 2: this is not JSON");
}

static void two_members_of_one_name_are_refused_at_the_second(void)
{
    check_refused("{\"a\": 1, \"b\": 2,\n \"a\": 3}", "line 2, column 2: 'a' is given twice");
    check_refused("[{\"x\": {\"k\": 1, \"l\": {\"k\": 2, \"k\": 3}}}]", "line 1, column 31: 'k' is given twice");
    check_refused("{\"z\": 1, \"a\": 2, \"z\": 3, \"a\": 4}", "line 1, column 18: 'z' is given twice");
    cJSON_Delete(parsed("{\"a\": 1, \"A\": {\"a\": 2}, \"\": 3}", NULL));    /* these are none */
}

static void numbers_that_no_double_holds_are_refused(void)
{
    check_refused("[1, 1e400]", "line 1, column 5: this number is too large");
    check_refused("-1e309", "line 1, column 1: this number is too large");
    cJSON *item = parsed("[1e308, 1e-400]", NULL);
    CU_ASSERT_EQUAL(cJSON_GetArrayItem(item, 1)->valuedouble, 0);
    cJSON_Delete(item);
    check_refused("NaN", "line 1, column 1: this is not JSON");
    check_refused("[Infinity]", "line 1, column 2: this is not JSON");
}

static void a_text_with_a_0_byte_is_refused(void)
{
    check_refused("{\"a\": \"opt\\u0000x\"}", "line 1, column 7: a text with \\u0000 in it cannot be kept");
    check_refused("{\"a\\u0000\": 1}", "line 1, column 2: a text with \\u0000 in it cannot be kept");
    cJSON *item = parsed("\"\\\\u0000\"", NULL);     /* a backslash and u0000 */
    CU_ASSERT_STRING_EQUAL(item->valuestring, "\\u0000");
    cJSON_Delete(item);
}

static void what_is_not_utf_8_is_refused(void)
{
    check_refused("[1,\n\"\xff\"]", "line 2, column 2: this is not UTF-8");
    check_refused("\"\xc0\x80\"", "line 1, column 2: this is not UTF-8");
    cJSON_Delete(parsed("\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"", NULL));
}

static char *repeated(const char *part, size_t n)
{
    size_t length = strlen(part);
    char *text = malloc(n * length + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    for (size_t i = 0; i < n; i++)
        memcpy(text + i * length, part, length + 1);
    return text;
}

static void great_depth_is_refused(void)
{
    static const char *const parts[] = {"[", "{\"a\":", "[{\"a\":"};
    for (size_t i = 0; i < 3; i++) {
        char *text = repeated(parts[i], 200000);
        cJSON *item = NULL;
        ht_error err = {""};
        CU_ASSERT_EQUAL(ht_json_parse(text, &item, NULL, &err), HT_EFORMAT);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "this is not JSON"));
        free(text);
    }
}

/* A quadratic walk over the text would take minutes here. */
static void long_texts_are_read(void)
{
    enum { N = 300000 };
    char *text = repeated("11,", N);
    text[0] = '[';
    text[3 * N - 1] = ']';
    cJSON *item = parsed(text, NULL);
    CU_ASSERT_EQUAL(cJSON_GetArraySize(item), N);
    CU_ASSERT(ht_json_is_int(item->child->next));
    cJSON_Delete(item);
    free(text);
}

/* ---- members -------------------------------------------------------------------------------- */

static void members_are_read_by_exact_name_and_kind(void)
{
    cJSON *o = parsed("{\"t\": \"x\", \"n\": 2.5, \"yes\": true, \"no\": false, \"z\": null}", NULL);
    CU_ASSERT_STRING_EQUAL(ht_json_text(o, "t"), "x");
    CU_ASSERT_PTR_NULL(ht_json_text(o, "T"));
    CU_ASSERT_PTR_NULL(ht_json_text(o, "n"));
    CU_ASSERT_EQUAL(ht_json_number(o, "n", 7), 2.5);
    CU_ASSERT_EQUAL(ht_json_number(o, "t", 7), 7);
    CU_ASSERT_EQUAL(ht_json_number(o, "yes", 7), 7);
    CU_ASSERT(ht_json_true(o, "yes"));
    CU_ASSERT(!ht_json_true(o, "no") && !ht_json_true(o, "n") && !ht_json_true(o, "gone"));
    CU_ASSERT(cJSON_IsNull(ht_json_member(o, "z")));
    CU_ASSERT_PTR_NULL(ht_json_member(o, "gone"));
    CU_ASSERT_PTR_NULL(ht_json_member(NULL, "t"));
    cJSON_Delete(o);
}

static void what_is_put_is_printed_in_order(void)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_text(o, "t", "x");
    ht_json_put_text(o, "none", NULL);
    ht_json_put_int(o, "i", 3);
    ht_json_put_real(o, "r", 3);
    ht_json_put_real(o, "inf", 1e308 * 10);
    ht_json_put_bool(o, "b", true);
    ht_json_put(o, "dropped", NULL);
    char *line = ht_json_line(o);
    CU_ASSERT_STRING_EQUAL(line, "{\"t\":\"x\",\"none\":null,\"i\":3,\"r\":3.0,\"inf\":null,\"b\":true}");
    free(line);
    cJSON_Delete(o);
}

static void putting_into_nothing_is_harmless(void)
{
    ht_json_put_text(NULL, "t", "x");
    ht_json_put_real(NULL, "r", 1);
}

CASES("json", CASE(numbers_without_point_and_exponent_are_integers),
      CASE(integers_are_told_from_texts_names_and_words_that_look_like_them),
      CASE(control_characters_between_values_do_not_shift_the_kinds),
      CASE(made_numbers_have_the_kind_they_were_made_with), CASE(places_are_those_of_values_in_document_order),
      CASE(a_line_feed_inside_a_text_counts), CASE(a_byte_order_mark_has_no_place),
      CASE(what_is_not_json_is_refused_with_its_place), CASE(two_members_of_one_name_are_refused_at_the_second),
      CASE(numbers_that_no_double_holds_are_refused), CASE(a_text_with_a_0_byte_is_refused),
      CASE(what_is_not_utf_8_is_refused), CASE(great_depth_is_refused), CASE(long_texts_are_read),
      CASE(members_are_read_by_exact_name_and_kind), CASE(what_is_put_is_printed_in_order),
      CASE(putting_into_nothing_is_harmless))
