/* tests/unit/test_value.c - values: kinds, comparison, reading as numbers, JSON and back. */
#include "base/value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"

static ht_value from_text(const char *json)
{
    cJSON *item = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(json, &item, NULL, NULL), HT_OK);
    ht_value v = ht_value_from_json(item);
    cJSON_Delete(item);
    return v;
}

static void check_json(ht_value v, const char *expected)
{
    cJSON *item = ht_value_to_json(&v);
    char *line = ht_json_line(item);
    CU_ASSERT_STRING_EQUAL(line, expected);
    free(line);
    cJSON_Delete(item);
}

static bool equal(ht_value a, ht_value b)
{
    CU_ASSERT_EQUAL(ht_value_equal(&a, &b), ht_value_equal(&b, &a));
    return ht_value_equal(&a, &b);
}

static void numbers_are_equal_whatever_their_kind(void)
{
    CU_ASSERT(equal(ht_int(3), ht_real(3)));
    CU_ASSERT(equal(ht_real(0), ht_real(-0.)));
    CU_ASSERT(!equal(ht_int(3), ht_real(3.5)));
    CU_ASSERT(!equal(ht_real(NAN), ht_real(NAN)));
}

static void all_else_is_equal_by_kind_and_content(void)
{
    CU_ASSERT(equal(ht_text("a"), ht_text("a")));
    CU_ASSERT(!equal(ht_text("a"), ht_text("b")));
    CU_ASSERT(!equal(ht_text("1"), ht_int(1)));
    CU_ASSERT(!equal(ht_bool(true), ht_int(1)));
    CU_ASSERT(equal(ht_bool(true), ht_bool(true)));
    CU_ASSERT(!equal(ht_bool(true), ht_bool(false)));
    CU_ASSERT(equal((ht_value){HT_VALUE_NONE}, (ht_value){HT_VALUE_NONE}));
    CU_ASSERT(!equal((ht_value){HT_VALUE_NONE}, from_text("null")));
}

static void lists_are_equal_by_length_and_items(void)
{
    CU_ASSERT(equal(ht_tuple(2, (const double[]){1, 2}), from_text("[1, 2.0]")));
    CU_ASSERT(!equal(ht_tuple(2, (const double[]){1, 2}), ht_tuple(1, (const double[]){1})));
    CU_ASSERT(!equal(ht_tuple(2, (const double[]){1, 2}), ht_tuple(2, (const double[]){1, 3})));
    CU_ASSERT(!equal(ht_tuple(1, (const double[]){1}), ht_real(1)));
    CU_ASSERT(!equal(from_text("[]"), (ht_value){HT_VALUE_NONE}));
}

static void numbers_bools_and_texts_that_hold_a_number_read_as_numbers(void)
{
    static const struct {
        const char *json;
        double x;
    } cases[] = {{"3", 3}, {"2.5", 2.5}, {"true", 1}, {"false", 0}, {"\"0.5\"", .5}, {"\" 1e3 \"", 1000},
                 {"\"-inf\"", -INFINITY}, {"\"Infinity\"", INFINITY}, {"\"+.5\"", .5}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ht_value v = from_text(cases[i].json);
        double x = 77;
        CU_ASSERT(ht_value_as_number(&v, &x));
        CU_ASSERT_EQUAL(x, cases[i].x);
    }
    ht_value nan = ht_text("nan");
    double x = 0;
    CU_ASSERT(ht_value_as_number(&nan, &x) && isnan(x));
}

static void what_holds_no_number_reads_as_none(void)
{
    static const char *const bad[] = {"null", "\"\"", "\" \"", "\"x\"", "\"1x\"", "\"0x10\"", "\"nan(1)\"", "[1]", "{}",
                                      "\"1 2\"", "\"0x1p3\""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ht_value v = from_text(bad[i]);
        double x = 77;
        CU_ASSERT(!ht_value_as_number(&v, &x));
        CU_ASSERT_EQUAL(x, 77);
    }
}

static void only_ints_and_reals_are_numbers(void)
{
    ht_value v[] = {ht_int(1), ht_real(NAN), ht_bool(true), ht_text("1"), ht_tuple(1, (const double[]){1})};
    static const bool expected[] = {true, true, false, false, false};
    for (size_t i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(ht_value_is_number(&v[i]), expected[i]);
}

static void json_gives_the_value_back(void)
{
    static const char *const texts[] = {"3", "3.0", "-2.5", "true", "false", "null", "\"cosine\"", "[0.9,0.999]",
                                        "[1,2.0,\"x\",true,null]", "[]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_json(from_text(texts[i]), texts[i]);
    check_json(ht_real(INFINITY), "null");
    check_json((ht_value){HT_VALUE_NONE}, "null");
}

static void what_is_no_value_in_json_becomes_none(void)
{
    CU_ASSERT_EQUAL(from_text("{\"a\": 1}").kind, HT_VALUE_NONE);
    CU_ASSERT_EQUAL(ht_value_from_json(NULL).kind, HT_VALUE_NONE);
    ht_value v = from_text("[1, [2], {\"a\": 3}]");
    CU_ASSERT_EQUAL(v.n_items, 3);
    CU_ASSERT_EQUAL(v.items[1].kind, HT_VALUE_NONE);
    CU_ASSERT_EQUAL(v.items[2].kind, HT_VALUE_NONE);
}

static void a_list_that_is_too_long_keeps_its_length_and_first_items(void)
{
    ht_value v = from_text("[0,1,2,3,4,5,6,7,8,9,10]");
    CU_ASSERT_EQUAL(v.n_items, 11);
    CU_ASSERT_EQUAL(v.items[HT_ITEMS_MAX - 1].number, HT_ITEMS_MAX - 1);
}

static void a_text_that_is_too_long_is_cut(void)
{
    char text[200];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    CU_ASSERT_EQUAL(strlen(ht_text(text).scalar.text), HT_NAME_MAX - 1);
}

static void reasons_beyond_the_room_are_dropped_and_long_ones_cut(void)
{
    ht_codes codes = {0};
    for (int i = 0; i < HT_CODES_MAX + 3; i++)
        ht_codes_add(&codes, "a_code_that_is_longer_than_there_is_room_for_it");
    CU_ASSERT_EQUAL(codes.n, HT_CODES_MAX);
    CU_ASSERT_EQUAL(strlen(codes.code[HT_CODES_MAX - 1]), sizeof codes.code[0] - 1);
}

CASES("value", CASE(numbers_are_equal_whatever_their_kind), CASE(all_else_is_equal_by_kind_and_content),
      CASE(lists_are_equal_by_length_and_items),
      CASE(numbers_bools_and_texts_that_hold_a_number_read_as_numbers), CASE(what_holds_no_number_reads_as_none),
      CASE(only_ints_and_reals_are_numbers), CASE(json_gives_the_value_back),
      CASE(what_is_no_value_in_json_becomes_none), CASE(a_list_that_is_too_long_keeps_its_length_and_first_items),
      CASE(a_text_that_is_too_long_is_cut), CASE(reasons_beyond_the_room_are_dropped_and_long_ones_cut))
