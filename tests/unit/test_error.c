/* tests/unit/test_error.c - messages: what they say, that they fit, that nobody need listen. */
#include "base/error.h"

#include <string.h>

#include "cases.h"

static void a_failure_is_its_status_and_its_message(void)
{
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_fail(&err, HT_EFORMAT, "%s: '%d' is too much", "gamma", 7), HT_EFORMAT);
    CU_ASSERT_STRING_EQUAL(err.text, "gamma: '7' is too much");
}

static void nobody_need_listen(void)
{
    CU_ASSERT_EQUAL(ht_fail(NULL, HT_EIO, "x"), HT_EIO);
    CU_ASSERT_EQUAL(ht_fail_in(NULL, HT_EIO, "x"), HT_EIO);
}

static void a_place_goes_in_front(void)
{
    ht_error err = {"no such field"};
    CU_ASSERT_EQUAL(ht_fail_in(&err, HT_EFORMAT, "recipe.yaml"), HT_EFORMAT);
    CU_ASSERT_STRING_EQUAL(err.text, "recipe.yaml: no such field");
}

static void what_is_too_long_is_cut_at_the_end(void)
{
    char text[2000];
    ht_error err;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ht_fail(&err, HT_EIO, "%s", text);
    CU_ASSERT_EQUAL(strlen(err.text), sizeof err.text - 1);
    ht_fail_in(&err, HT_EIO, "where");
    CU_ASSERT_EQUAL(strlen(err.text), sizeof err.text - 1);
    CU_ASSERT_EQUAL(strncmp(err.text, "where: aaa", 10), 0);
    ht_fail_in(&err, HT_EIO, text);
    CU_ASSERT_EQUAL(strlen(err.text), sizeof err.text - 1);
}

static void every_status_has_a_text_of_its_own(void)
{
    for (int i = 0; i < HT_N_STATUS; i++)
        for (int j = 0; j < i; j++)
            CU_ASSERT_STRING_NOT_EQUAL(ht_status_text((ht_status)i), ht_status_text((ht_status)j));
    CU_ASSERT_STRING_EQUAL(ht_status_text(HT_ENOMEM), "out of memory");
    CU_ASSERT_STRING_EQUAL(ht_status_text(HT_N_STATUS), "unknown status");
    CU_ASSERT_STRING_EQUAL(ht_status_text((ht_status)-1), "unknown status");
}

static ht_status second_fails(int *calls)
{
    HT_TRY((++*calls, HT_OK));
    HT_TRY((++*calls, HT_EIO));
    ++*calls;
    return HT_OK;
}

static void try_returns_the_first_failure(void)
{
    int calls = 0;
    CU_ASSERT_EQUAL(second_fails(&calls), HT_EIO);
    CU_ASSERT_EQUAL(calls, 2);
}

CASES("error", CASE(a_failure_is_its_status_and_its_message), CASE(nobody_need_listen), CASE(a_place_goes_in_front),
      CASE(what_is_too_long_is_cut_at_the_end), CASE(every_status_has_a_text_of_its_own),
      CASE(try_returns_the_first_failure))
