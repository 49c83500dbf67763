/* tests/unit/test_roster.c - ascending lists and sets of numbers, against a plain array. */
#include "base/bits.h"
#include "base/random.h"
#include "base/roster.h"
#include "cases.h"

enum { N = 200, STEPS = 4000 };

static void a_roster_is_ascending_without_repetition_whatever_is_put_and_taken(void)
{
    ht_roster r = {0};
    bool in[N] = {false};
    ht_random random = ht_random_stream(1, HT_RANDOM_TEST, 0, 0);
    for (int i = 0; i < STEPS; i++) {
        int number = (int)ht_random_below(&random, N);
        in[number] = ht_random_uniform(&random) < .5;
        if (in[number]) {
            CU_ASSERT_TRUE(ht_roster_put(&r, number));
        } else {
            ht_roster_take(&r, number);
        }
    }
    size_t n = 0;
    for (int i = 0; i < N; i++)
        if (in[i]) {
            CU_ASSERT_EQUAL_FATAL(r.who[n], i);
            n++;
        }
    CU_ASSERT_EQUAL(r.n, n);
    ht_roster_release(&r);
    CU_ASSERT_EQUAL(r.n, 0);
}

static void a_set_is_walked_in_order_from_anywhere_and_keeps_its_numbers_when_it_grows(void)
{
    ht_bits b = {0}, copy = {0};
    CU_ASSERT_EQUAL(ht_bits_next(&b, 0), -1);
    CU_ASSERT_TRUE_FATAL(ht_bits_reserve(&b, 70) && ht_bits_reserve(&copy, N));
    ht_bits_put(&b, 0, true);
    ht_bits_put(&b, 63, true);
    ht_bits_put(&b, 64, true);
    CU_ASSERT_TRUE_FATAL(ht_bits_reserve(&b, N));
    ht_bits_put(&b, 199, true);
    ht_bits_put(&b, 64, false);
    CU_ASSERT_EQUAL(ht_bits_next(&b, 0), 0);
    CU_ASSERT_EQUAL(ht_bits_next(&b, 1), 63);
    CU_ASSERT_EQUAL(ht_bits_next(&b, 64), 199);
    CU_ASSERT_EQUAL(ht_bits_next(&b, 200), -1);
    CU_ASSERT_TRUE(ht_bits_has(&b, 63));
    CU_ASSERT_FALSE(ht_bits_has(&b, 64));
    ht_bits_copy(&copy, &b);
    CU_ASSERT_EQUAL(ht_bits_next(&copy, 1), 63);
    ht_bits_release(&b);
    ht_bits_release(&copy);
}

CASES("roster", CASE(a_roster_is_ascending_without_repetition_whatever_is_put_and_taken),
      CASE(a_set_is_walked_in_order_from_anywhere_and_keeps_its_numbers_when_it_grows))
