/* tests/unit/test_json_print.c - JSON as text: exact numbers, kinds, escapes. */
#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "cases.h"

static void check_line(cJSON *item, const char *expected)
{
    char *line = ht_json_line(item);
    CU_ASSERT_STRING_EQUAL_FATAL(line, expected);
    free(line);
    cJSON_Delete(item);
}

static void a_number_reads_back_exactly(void)
{
    check_line(ht_json_real(0.1 + 0.2), "0.30000000000000004");
    check_line(ht_json_real(0.1), "0.1");
    check_line(ht_json_real(5e-324), "4.94065645841247e-324");
}

static void a_whole_real_stays_a_real_and_an_integer_an_integer(void)
{
    check_line(ht_json_real(3), "3.0");
    check_line(ht_json_real(1e300), "1e+300");
    check_line(ht_json_int(3), "3");
    check_line(ht_json_int(9007199254740992.0), "9007199254740992");
    check_line(ht_json_int(1e15), "1000000000000000");
}

static void what_is_not_finite_is_null(void)
{
    check_line(ht_json_real(NAN), "null");
    check_line(cJSON_CreateNumber(INFINITY), "null");
}

static void control_characters_and_quotes_are_escaped(void)
{
    check_line(cJSON_CreateString("a\"b\\c\n\x01\xc3\xa4"), "\"a\\\"b\\\\c\\n\\u0001\xc3\xa4\"");
}

static void bytes_that_are_no_utf_8_are_replaced(void)
{
    check_line(cJSON_CreateString("a\xff\xc3\x22z\xe2\x82"),
               "\"a\xef\xbf\xbd\xef\xbf\xbd\\\"z\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void a_text_read_and_printed_is_the_same_text(void)
{
    const char *text = "{\"a\":[1,2.5,-0.0,true,false,null,\"x\"],\"b\":{},\"c\":[]}";
    cJSON *item = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(text, &item, NULL, NULL), HT_OK);
    check_line(item, text);
}

static void a_page_is_indented_and_ends_with_a_line_feed(void)
{
    cJSON *item = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_json_parse("{\"a\":{\"b\":1},\"c\":[],\"d\":[1,2]}", &item, NULL, NULL), HT_OK);
    char *page = ht_json_page(item);
    CU_ASSERT_STRING_EQUAL(page, "{\n  \"a\": {\n    \"b\": 1\n  },\n  \"c\": [],\n  \"d\": [\n    1,\n    2\n  ]\n}\n");
    free(page);
    cJSON_Delete(item);
}

CASES("json_print", CASE(a_number_reads_back_exactly),
      CASE(a_whole_real_stays_a_real_and_an_integer_an_integer), CASE(what_is_not_finite_is_null),
      CASE(control_characters_and_quotes_are_escaped), CASE(bytes_that_are_no_utf_8_are_replaced),
      CASE(a_text_read_and_printed_is_the_same_text),
      CASE(a_page_is_indented_and_ends_with_a_line_feed))
