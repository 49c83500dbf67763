/* tests/unit/test_yaml.c - YAML text as a document tree: scalars by the core rules of 1.2, places, refusals.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "recipe/yaml.h"

static cJSON *parse(const char *text)
{
    cJSON *item = NULL;
    ht_error err = {""};
    ht_status st = ht_yaml_parse(text, &item, NULL, &err);
    CU_ASSERT_STRING_EQUAL(err.text, "");
    CU_ASSERT_EQUAL_FATAL(st, HT_OK);
    return item;
}

static void check(const char *yaml, const char *json)
{
    cJSON *item = parse(yaml);
    char *line = ht_json_line(item);
    CU_ASSERT_STRING_EQUAL(line, json);
    free(line);
    cJSON_Delete(item);
}

static void refused(const char *text, const char *message)
{
    cJSON *item = NULL;
    ht_place *places = NULL;
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_yaml_parse(text, &item, &places, &err), HT_EFORMAT);
    CU_ASSERT_STRING_EQUAL(err.text, message);
    CU_ASSERT_PTR_NULL(item);
    CU_ASSERT_PTR_NULL(places);
}

static void block_and_flow_say_the_same(void)
{
    check("a:\n  b: 1\n  c:\n    - x\n    - y\n", "{\"a\":{\"b\":1,\"c\":[\"x\",\"y\"]}}");
    check("a: {b: 1, c: [x, y]}", "{\"a\":{\"b\":1,\"c\":[\"x\",\"y\"]}}");
    check("# a comment\na: 1   # and one more\n\n", "{\"a\":1}");
    check("{\"a\":1,\"b\":[1,2]}", "{\"a\":1,\"b\":[1,2]}");
    check("---\na: 1\n...\n", "{\"a\":1}");
}

static void numbers_follow_the_core_rules(void)
{
    check("[1e-4, .5, 5., 007, +4, -0, 0x1F, 0o17, 12e3]", "[0.0001,0.5,5.0,7,4,-0,31,15,12000.0]");
    check("[1_000, 1:30, 0b1, 1.2.3, -, +, 1e, 0x, 0o8]",
          "[\"1_000\",\"1:30\",\"0b1\",\"1.2.3\",\"-\",\"+\",\"1e\",\"0x\",\"0o8\"]");
    cJSON *item = parse("[.inf, -.Inf, .NaN]");
    CU_ASSERT(isinf(cJSON_GetArrayItem(item, 0)->valuedouble));
    CU_ASSERT(cJSON_GetArrayItem(item, 1)->valuedouble < 0);
    CU_ASSERT(isnan(cJSON_GetArrayItem(item, 2)->valuedouble));
    cJSON_Delete(item);
}

static void bools_and_null_follow_the_core_rules(void)
{
    check("[true, False, TRUE, yes, on, No]", "[true,false,true,\"yes\",\"on\",\"No\"]");
    check("{a: , b: ~, c: null, d: Null, e: nil}",
          "{\"a\":null,\"b\":null,\"c\":null,\"d\":null,\"e\":\"nil\"}");
}

static void quotes_make_a_text(void)
{
    check("['1', \"true\", '', 'it''s', \"a\\nb\\u00e4\"]",
          "[\"1\",\"true\",\"\",\"it's\",\"a\\nb\xc3\xa4\"]");
    check("'a b': 1\n\"1\": 2\n3: 4\n", "{\"a b\":1,\"1\":2,\"3\":4}");
}

static void an_empty_text_is_an_empty_mapping(void)
{
    check("", "{}");
    check("# nothing\n", "{}");
    check("~", "{}");
    check("---\n", "{}");
}

static void every_value_has_its_place_in_document_order(void)
{
    cJSON *item = NULL;
    ht_place *places = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_yaml_parse("a:\n  b: [1, x]\nc:\nd: 'y'\n", &item, &places, NULL), HT_OK);
    const ht_place expected[] = {{1, 1}, {2, 3}, {2, 6}, {2, 7}, {2, 10}, {3, 3}, {4, 4}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        CU_ASSERT_EQUAL(places[i].line, expected[i].line);
        CU_ASSERT_EQUAL(places[i].column, expected[i].column);
    }
    free(places);
    cJSON_Delete(item);
}

static void what_a_recipe_does_not_need_is_refused_with_its_place(void)
{
    refused("a: &x 1\nb: 2\n", "line 1, column 4: anchors are not supported");
    refused("a: 1\nb: *x\n", "line 2, column 4: aliases are not supported");
    refused("a: !!str 1\n", "line 1, column 4: tags are not supported");
    refused("a: !!map {b: 1}\n", "line 1, column 4: tags are not supported");
    refused("a: |\n  text\n", "line 1, column 4: block scalars are not supported; write the text in quotes");
    refused("a: >\n  text\n", "line 1, column 4: block scalars are not supported; write the text in quotes");
    refused("a: 1\n---\nb: 2\n", "line 2, column 1: only one document may be in a text");
    refused("a: 1\nb: 2\na: 3\n", "line 3, column 1: 'a' is given twice");
    refused("x: {a: 1, b: {c: 1, c: 2}}\n", "line 1, column 21: 'c' is given twice");
    refused("? [a, b]\n: 1\n", "line 1, column 3: a key must be plain text");
    refused("{~: 1}\n", "line 1, column 2: a key may not be empty");
    refused("a: 1\nb: \xc3\xa4\xff\n", "line 2, column 5: this is not UTF-8");
    refused("\xc3\xa4: \x01\n", "line 1, column 4: control characters are not allowed");
    refused("a: \"x\\0y\"\n", "line 1, column 4: a text may not hold a NUL character");
}

static void a_tab_in_the_indentation_is_named(void)
{
    refused("a:\n\tb: 1\n", "line 2, column 1: a tab in the indentation; use spaces");
    refused("a:\n  b: 1\n  \tc: 2\n", "line 3, column 3: a tab in the indentation; use spaces");
}

static void broken_text_is_refused_and_never_crashes(void)
{
    static const char *const texts[] = {"a: [1, 2",    "a: {b: 1", "a: 'x",   "a: 1\n b: 2\n",
                                        "]",           "a: b: c",  "@",       "%FOO",
                                        "- 1\na: 2\n", "\xff\xfe", "a: \x01", ": :\n - ["};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cJSON *item = NULL;
        ht_error err = {""};
        CU_ASSERT_EQUAL(ht_yaml_parse(texts[i], &item, NULL, &err), HT_EFORMAT);
        CU_ASSERT_EQUAL(strncmp(err.text, "line ", 5), 0);
    }
}

static void nesting_has_a_limit(void)
{
    char deep[4001];
    cJSON *item = NULL;
    ht_error err = {""};
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    CU_ASSERT_EQUAL(ht_yaml_parse(deep, &item, NULL, &err), HT_EFORMAT);
    CU_ASSERT_STRING_EQUAL(err.text, "line 1, column 65: this is nested too deeply");
}

CASES("yaml", CASE(block_and_flow_say_the_same), CASE(numbers_follow_the_core_rules),
      CASE(bools_and_null_follow_the_core_rules), CASE(quotes_make_a_text),
      CASE(an_empty_text_is_an_empty_mapping), CASE(every_value_has_its_place_in_document_order),
      CASE(what_a_recipe_does_not_need_is_refused_with_its_place), CASE(a_tab_in_the_indentation_is_named),
      CASE(broken_text_is_refused_and_never_crashes), CASE(nesting_has_a_limit))
