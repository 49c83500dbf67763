/* tests/unit/test_cores.c - sets of processors and their text. */
#include <stdlib.h>
#include <string.h>

#include "base/cores.h"
#include "cases.h"

static void is_printed_as(const char *text, const char *printed)
{
    ht_cores c = {0};
    ht_string out = {0};
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_cores_parse(&c, text, &err), HT_OK);
    ht_cores_print(&c, &out);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&out), printed);
    ht_string_release(&out);
    ht_cores_release(&c);
}

static void a_list_is_read_and_written_with_its_gaps(void)
{
    is_printed_as("", "");
    is_printed_as("\n", "");
    is_printed_as("7", "7");
    is_printed_as("0-3,8\n", "0-3,8");
    is_printed_as("8,0-1,3,2", "0-3,8");
    is_printed_as("62-65,128", "62-65,128");
    is_printed_as("1020-1030,4095", "1020-1030,4095");
}

static void what_is_no_list_is_refused(void)
{
    const char *const texts[] = {"a",  "-",    "1-",  "-1",  "3-1",      "1,",
                                 ",1", "1,,2", "1 2", "0x3", "99999999", "1-99999999"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        ht_cores c = {0};
        ht_error err = {""};
        CU_ASSERT_EQUAL(ht_cores_parse(&c, texts[i], &err), HT_EFORMAT);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, texts[i]));
        ht_cores_release(&c);
    }
}

static void a_set_knows_its_members_also_beyond_1024(void)
{
    ht_cores c = {0};
    CU_ASSERT_EQUAL(ht_cores_count(&c), 0);
    CU_ASSERT_EQUAL(ht_cores_next(&c, 0), HT_CORES_MAX);
    CU_ASSERT_EQUAL(ht_cores_add(&c, 5000, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_cores_add(&c, 5000, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_cores_add(&c, 63, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_cores_add(&c, HT_CORES_MAX, NULL), HT_EINVAL);
    CU_ASSERT_EQUAL(ht_cores_count(&c), 2);
    CU_ASSERT_TRUE(ht_cores_has(&c, 63) && ht_cores_has(&c, 5000));
    CU_ASSERT_FALSE(ht_cores_has(&c, 64) || ht_cores_has(&c, 9999));
    CU_ASSERT_EQUAL(ht_cores_next(&c, 0), 63);
    CU_ASSERT_EQUAL(ht_cores_next(&c, 64), 5000);
    CU_ASSERT_EQUAL(ht_cores_next(&c, 5001), HT_CORES_MAX);
    ht_cores_release(&c);
}

CASES("cores", CASE(a_list_is_read_and_written_with_its_gaps), CASE(what_is_no_list_is_refused),
      CASE(a_set_knows_its_members_also_beyond_1024))
