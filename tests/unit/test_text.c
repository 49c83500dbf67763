/* tests/unit/test_text.c - growing text, exact numbers, names, nearest names, UTF-8. */
#include "base/text.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include <locale.h>

#include "cases.h"

/* ---- growing text --------------------------------------------------------------------------- */

static void a_text_grows_by_what_is_added(void)
{
    ht_string t = {0};
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&t), "");
    ht_string_add(&t, "%s=%d", "a", 7);
    ht_string_add_bytes(&t, ";xyz", 2);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&t), "a=7;x");
    CU_ASSERT_EQUAL(t.n, 5);
    ht_string_release(&t);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&t), "");
    ht_string_release(&t);
}

static void a_long_text_is_kept_whole(void)
{
    ht_string t = {0};
    for (int i = 0; i < 1000; i++)
        ht_string_add(&t, "%03d", i);
    CU_ASSERT_EQUAL(t.n, 3000);
    CU_ASSERT_EQUAL(strlen(ht_string_peek(&t)), 3000);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&t) + 2994, "998999");
    ht_string_release(&t);
}

static void a_text_taken_is_the_caller_s_and_leaves_an_empty_one(void)
{
    ht_string t = {0};
    ht_string_add(&t, "abc");
    char *s = ht_string_take(&t);
    CU_ASSERT_STRING_EQUAL(s, "abc");
    free(s);
    CU_ASSERT_EQUAL(t.n, 0);
    s = ht_string_take(&t);     /* of nothing: "", not NULL, which means no memory */
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_STRING_EQUAL(s, "");
    free(s);
}

static void a_text_that_failed_takes_no_more_and_is_not_handed_over(void)
{
    ht_string t = {0};
    ht_string_add(&t, "abc");
    t.failed = true;
    ht_string_add(&t, "def");
    ht_string_add_bytes(&t, "ghi", 3);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&t), "abc");
    CU_ASSERT_PTR_NULL(ht_string_take(&t));
}

/* ---- names ---------------------------------------------------------------------------------- */

static void a_name_is_copied_whole_or_cut_and_the_rest_is_0(void)
{
    char name[HT_NAME_MAX], longest[HT_NAME_MAX + 2];
    memset(name, 'x', sizeof name);
    CU_ASSERT(ht_name_copy(name, "lr"));
    CU_ASSERT_STRING_EQUAL(name, "lr");
    CU_ASSERT_EQUAL(name[HT_NAME_MAX - 1], '\0');
    memset(longest, 'a', sizeof longest);
    longest[HT_NAME_MAX - 1] = '\0';
    CU_ASSERT(ht_name_copy(name, longest));
    CU_ASSERT_STRING_EQUAL(name, longest);
    longest[HT_NAME_MAX - 1] = 'a';
    longest[HT_NAME_MAX] = '\0';
    CU_ASSERT(!ht_name_copy(name, longest));
    CU_ASSERT_EQUAL(strlen(name), HT_NAME_MAX - 1);
}

static void a_name_is_not_cut_inside_a_character(void)
{
    char name[HT_NAME_MAX], from[3 * HT_NAME_MAX];
    for (size_t ahead = 0; ahead < 4; ahead++) {
        memset(from, 'a', ahead);
        from[ahead] = '\0';
        while (strlen(from) < HT_NAME_MAX)
            strcat(from, "\xf0\x9f\x98\x80");
        CU_ASSERT(!ht_name_copy(name, from));
        CU_ASSERT_PTR_NULL(ht_utf8_fault(name));
        CU_ASSERT(strlen(name) >= HT_NAME_MAX - 4);
    }
    memset(from, 0x80, HT_NAME_MAX);    /* no UTF-8 at all: still cut, never past the field */
    from[HT_NAME_MAX] = '\0';
    CU_ASSERT(!ht_name_copy(name, from));
    CU_ASSERT(strlen(name) < HT_NAME_MAX);
}

/* ---- UTF-8 ---------------------------------------------------------------------------------- */

static void utf_8_is_told_from_what_is_none(void)
{
    static const struct {
        const char *text;
        size_t length;
    } cases[] = {
        {"", 0},                    {"a", 1},
        {"\x7f", 1},                {"\x80", 0},                /* a continuation alone */
        {"\xc2\x80", 2},            {"\xc1\xbf", 0},            /* overlong */
        {"\xe0\xa0\x80", 3},        {"\xe0\x9f\xbf", 0},        /* overlong */
        {"\xed\x9f\xbf", 3},        {"\xed\xa0\x80", 0},        /* half of a surrogate pair */
        {"\xf0\x90\x80\x80", 4},    {"\xf0\x8f\xbf\xbf", 0},    /* overlong */
        {"\xf4\x8f\xbf\xbf", 4},    {"\xf4\x90\x80\x80", 0},    /* above U+10FFFF */
        {"\xe2\x82", 0},            {"\xf5\x80\x80\x80", 0},    /* a cut; no first byte */
        {"\xc3", 0},                {"\xf0\x9f\x98x", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CU_ASSERT_EQUAL(ht_utf8_length(cases[i].text), cases[i].length);
    const char *text = "a\xc3\xa4\xffz";
    CU_ASSERT_PTR_EQUAL(ht_utf8_fault(text), text + 3);
    CU_ASSERT_PTR_NULL(ht_utf8_fault("a\xc3\xa4z"));
    CU_ASSERT_PTR_NULL(ht_utf8_fault(""));
}

/* ---- numbers -------------------------------------------------------------------------------- */

static void a_printed_real_reads_back_exactly(void)
{
    ht_random r = ht_random_stream(0, HT_RANDOM_TEST, 0, 0);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = ht_random_bits(&r);
        double x, back;
        char text[40];
        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x))
            continue;
        ht_print_real(text, x, i % 2);
        CU_ASSERT_FATAL(ht_parse_number(text, &back, NULL) && back == x);
    }
}

static void a_printed_real_is_short_and_keeps_its_kind(void)
{
    static const struct {
        double x;
        const char *plain, *point;
    } cases[] = {{0.1, "0.1", "0.1"},    {3, "3", "3.0"},          {-0., "-0", "-0.0"},  {1e15, "1e+15", "1e+15"},
                 {1e-5, "1e-05", "1e-05"}, {0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"},
                 {123456789012345, "123456789012345", "123456789012345.0"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[40];
        bool is_int;
        double x;
        ht_print_real(text, cases[i].x, false);
        CU_ASSERT_STRING_EQUAL(text, cases[i].plain);
        ht_print_real(text, cases[i].x, true);
        CU_ASSERT_STRING_EQUAL(text, cases[i].point);
        CU_ASSERT(ht_parse_number(text, &x, &is_int) && !is_int);
    }
}

static void numbers_are_read_whole_or_not_at_all(void)
{
    static const struct {
        const char *text;
        double x;
        bool is_int;
    } good[] = {{"0", 0, true},      {"-12", -12, true},  {"+5", 5, true},      {"007", 7, true},
                {"1.", 1, false},    {".5", .5, false},   {"1e3", 1000, false}, {"-2.5E-1", -.25, false},
                {"1e-400", 0, false}};
    static const char *const bad[] = {"",    " 1",  "1 ",  "1e",   "e5", ".",   "-",        "+-1", "1.2.3", "1e+",
                                      "0x1", "inf", "nan", "1_000", "1,5", "--1", "1e5.5", "infinity", "\xd9\xa1"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        double x = 77;
        bool is_int = !good[i].is_int;
        CU_ASSERT(ht_parse_number(good[i].text, &x, &is_int));
        CU_ASSERT_EQUAL(x, good[i].x);
        CU_ASSERT_EQUAL(is_int, good[i].is_int);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double x = 77;
        CU_ASSERT(!ht_parse_number(bad[i], &x, NULL));
        CU_ASSERT_EQUAL(x, 77);
    }
}

/* It is written as a number; whoever needs a finite one says so with the field's limits. */
static void a_number_that_no_double_holds_is_infinite(void)
{
    double x = 0;
    CU_ASSERT(ht_parse_number("1e400", &x, NULL));
    CU_ASSERT_EQUAL(x, INFINITY);
}

/* ---- nearest -------------------------------------------------------------------------------- */

static const char *near(const char *text)
{
    static const char *const names[] = {"epsilon", "horizon", "score", "rollback_on_reject"};
    return ht_nearest(text, names, sizeof names / sizeof *names);
}

static void the_nearest_name_is_found_if_it_is_near(void)
{
    CU_ASSERT_STRING_EQUAL(near("epslion"), "epsilon");
    CU_ASSERT_STRING_EQUAL(near("horizons"), "horizon");
    CU_ASSERT_STRING_EQUAL(near("score"), "score");
    const char *const short_names[] = {"set", "run"};
    CU_ASSERT_STRING_EQUAL(ht_nearest("rnu", short_names, 2), "run");   /* letters that changed places */
    CU_ASSERT_PTR_NULL(ht_nearest("nur", short_names, 2));
    CU_ASSERT_STRING_EQUAL(near("rolback_on_rejects"), "rollback_on_reject");
    CU_ASSERT_PTR_NULL(near("banana"));
    CU_ASSERT_PTR_NULL(near(""));
    CU_ASSERT_PTR_NULL(ht_nearest("a", NULL, 0));
}

static void texts_and_names_of_any_length_are_compared(void)
{
    char text[5000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    CU_ASSERT_PTR_NULL(near(text));
    const char *names[] = {text};
    CU_ASSERT_PTR_NULL(ht_nearest("aa", names, 1));
}

static void a_comma_locale_of_the_host_changes_no_number(void)
{
    char text[40];
    double x = 0;
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL && setlocale(LC_NUMERIC, "fr_FR.UTF-8") == NULL)
        return;             /* this machine has no such locale */
    ht_print_real(text, 1.5, false);
    bool parsed = ht_parse_number("2.25e1", &x, NULL);
    setlocale(LC_NUMERIC, "C");
    CU_ASSERT_STRING_EQUAL(text, "1.5");
    CU_ASSERT(parsed && x == 22.5);
}

CASES("text", CASE(a_text_grows_by_what_is_added), CASE(a_long_text_is_kept_whole), CASE(a_text_taken_is_the_caller_s_and_leaves_an_empty_one),
      CASE(a_text_that_failed_takes_no_more_and_is_not_handed_over),
      CASE(a_name_is_copied_whole_or_cut_and_the_rest_is_0), CASE(a_name_is_not_cut_inside_a_character),
      CASE(utf_8_is_told_from_what_is_none), CASE(a_printed_real_reads_back_exactly),
      CASE(a_printed_real_is_short_and_keeps_its_kind), CASE(numbers_are_read_whole_or_not_at_all),
      CASE(a_number_that_no_double_holds_is_infinite), CASE(the_nearest_name_is_found_if_it_is_near),
      CASE(texts_and_names_of_any_length_are_compared),
      CASE(a_comma_locale_of_the_host_changes_no_number))
