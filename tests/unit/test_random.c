/* tests/unit/test_random.c - random numbers by counter: published values, streams, ranges. */
#include "base/random.h"

#include <float.h>
#include <math.h>

#include "cases.h"

/* A stream whose key is the seed is SplitMix64 itself. Values: the reference implementation of Vigna
 * (splitmix64.c, public domain) for the seeds 1234567 and 0. */
static void the_numbers_are_those_of_splitmix64(void)
{
    static const uint64_t of_1234567[] = {6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
                                          4593380528125082431u, 16408922859458223821u};
    static const uint64_t of_0[] = {0xE220A8397B1DCDAFu, 0x6E789E6AA1B965F4u, 0x06C45D188009454Fu};
    ht_random r = {.key = 1234567}, zero = {.key = 0};
    for (size_t i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(ht_random_bits(&r), of_1234567[i]);
    for (size_t i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(ht_random_bits(&zero), of_0[i]);
    CU_ASSERT_EQUAL(r.counter, 5);
}

static void the_mix_keeps_0_and_parts_neighbours(void)
{
    CU_ASSERT_EQUAL(ht_random_mix(0), 0);
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t changed = ht_random_mix(12345) ^ ht_random_mix(12345 ^ (UINT64_C(1) << bit));
        int n = 0;
        for (; changed != 0; changed &= changed - 1)
            n++;
        CU_ASSERT(n > 12 && n < 52);    /* 32 +- 5 standard deviations */
    }
}

static void a_stream_is_named_by_its_four_numbers(void)
{
    ht_random a = ht_random_stream(1, HT_RANDOM_PROPOSAL, 2, 3);
    ht_random same = ht_random_stream(1, HT_RANDOM_PROPOSAL, 2, 3);
    CU_ASSERT_EQUAL(a.counter, 0);
    CU_ASSERT_EQUAL(a.key, same.key);
    CU_ASSERT_NOT_EQUAL(a.key, ht_random_stream(2, HT_RANDOM_PROPOSAL, 2, 3).key);
    CU_ASSERT_NOT_EQUAL(a.key, ht_random_stream(1, HT_RANDOM_INIT, 2, 3).key);
    CU_ASSERT_NOT_EQUAL(a.key, ht_random_stream(1, HT_RANDOM_PROPOSAL, 3, 2).key);
    CU_ASSERT_NOT_EQUAL(a.key, ht_random_stream(1, HT_RANDOM_PROPOSAL, 2, 4).key);
}

/* Recorded runs are repeated from these: a change of the keys makes old logs useless. */
static void the_keys_of_streams_do_not_change_between_versions(void)
{
    CU_ASSERT_EQUAL(ht_random_stream(0, HT_RANDOM_PROPOSAL, 0, 0).key, UINT64_C(0x2C69C25C4407D826));
    CU_ASSERT_EQUAL(ht_random_stream(42, HT_RANDOM_TRAINING, 7, 1000).key, UINT64_C(0xA9AF3DE920DADB89));
}

static void no_two_of_many_streams_are_equal(void)
{
    enum { N = 16 };
    uint64_t keys[N * N * 4];
    size_t n = 0;
    for (uint64_t replica = 0; replica < N; replica++)
        for (uint64_t decision = 0; decision < N; decision++)
            for (int purpose = 1; purpose <= 4; purpose++)
                keys[n++] = ht_random_stream(0, (ht_random_purpose)purpose, replica, decision).key;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            CU_ASSERT_FATAL(keys[i] != keys[j]);
}

static void uniform_numbers_fill_the_unit_interval_without_its_end(void)
{
    ht_random r = ht_random_stream(0, HT_RANDOM_TEST, 0, 0);
    double sum = 0, least = 1, greatest = 0;
    for (int i = 0; i < 100000; i++) {
        double u = ht_random_uniform(&r);
        sum += u;
        least = fmin(least, u);
        greatest = fmax(greatest, u);
    }
    CU_ASSERT(least >= 0 && least < 1e-3 && greatest < 1 && greatest > 1 - 1e-3);
    CU_ASSERT_DOUBLE_EQUAL(sum / 100000, .5, .005);     /* 5.5 standard deviations */
}

static void numbers_between_bounds_stay_between_them(void)
{
    static const double bounds[][2] = {{0, 1}, {-3, 5}, {.1, .1}, {-DBL_MAX, DBL_MAX}, {1, 1 + DBL_EPSILON},
                                       {0, 5e-324}, {1e-300, 1e300}, {.7, .9}};
    ht_random r = ht_random_stream(0, HT_RANDOM_TEST, 0, 1);
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        for (int j = 0; j < 1000; j++) {
            double x = ht_random_between(&r, bounds[i][0], bounds[i][1]);
            CU_ASSERT_FATAL(x >= bounds[i][0] && x <= bounds[i][1]);
        }
}

static void normal_numbers_have_mean_0_and_variance_1_and_use_two_draws(void)
{
    enum { N = 100000 };
    ht_random r = ht_random_stream(0, HT_RANDOM_TEST, 0, 2);
    double sum = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        double x = ht_random_normal(&r);
        CU_ASSERT_FATAL(isfinite(x));
        sum += x;
        squares += x * x;
    }
    CU_ASSERT_DOUBLE_EQUAL(sum / N, 0, .016);       /* 5 standard deviations */
    CU_ASSERT_DOUBLE_EQUAL(squares / N, 1, .023);
    CU_ASSERT_EQUAL(r.counter, 2 * N);
}

static void numbers_below_n_are_even_and_below_n(void)
{
    ht_random r = ht_random_stream(0, HT_RANDOM_TEST, 0, 3);
    int n[6] = {0};
    for (int i = 0; i < 60000; i++) {
        uint64_t x = ht_random_below(&r, 6);
        CU_ASSERT_FATAL(x < 6);
        n[x]++;
    }
    for (int i = 0; i < 6; i++)
        CU_ASSERT_DOUBLE_EQUAL(n[i], 10000, 460);   /* 5 standard deviations */
    CU_ASSERT_EQUAL(ht_random_below(&r, 1), 0);
    for (int i = 0; i < 100; i++)
        CU_ASSERT(ht_random_below(&r, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
}

CASES("random", CASE(the_numbers_are_those_of_splitmix64), CASE(the_mix_keeps_0_and_parts_neighbours),
      CASE(a_stream_is_named_by_its_four_numbers), CASE(the_keys_of_streams_do_not_change_between_versions),
      CASE(no_two_of_many_streams_are_equal), CASE(uniform_numbers_fill_the_unit_interval_without_its_end),
      CASE(numbers_between_bounds_stay_between_them),
      CASE(normal_numbers_have_mean_0_and_variance_1_and_use_two_draws), CASE(numbers_below_n_are_even_and_below_n))
