/* tests/unit/test_posterior.c - the record of judged mutations: what it keeps, in which order. */
#include "search/posterior.h"

#include <math.h>
#include <string.h>

#include "cases.h"

static ht_posterior *posterior(void)
{
    ht_posterior *p = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_posterior_create(&p, NULL), HT_OK);
    return p;
}

static ht_observation seen(double x, double y)
{
    return (ht_observation){.phase = "early", .actuator = "opt", .key = "lr_mult", .n = 1, .x = {x}, .y = y};
}

static void add(ht_posterior *p, double x, double y)
{
    ht_observation o = seen(x, y);
    CU_ASSERT_EQUAL_FATAL(ht_posterior_add(p, &o, NULL), HT_OK);
}

static void a_new_one_is_empty(void)
{
    ht_posterior *p = posterior();
    CU_ASSERT_EQUAL(ht_posterior_count(p), 0);
    ht_posterior_destroy(p);
    ht_posterior_destroy(NULL);
}

static void observations_are_kept_oldest_first(void)
{
    ht_posterior *p = posterior();
    for (int i = 0; i < 3; i++)
        add(p, i, -i);
    CU_ASSERT_EQUAL(ht_posterior_count(p), 3);
    for (size_t i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(ht_posterior_peek(p, i)->x[0], (double)i);
    ht_posterior_destroy(p);
}

static void the_oldest_is_forgotten_when_full(void)
{
    ht_posterior *p = posterior();
    for (int i = 0; i < HT_POSTERIOR_CAPACITY + 7; i++)
        add(p, i, -i);
    CU_ASSERT_EQUAL(ht_posterior_count(p), HT_POSTERIOR_CAPACITY);
    CU_ASSERT_EQUAL(ht_posterior_peek(p, 0)->x[0], 7);
    CU_ASSERT_EQUAL(ht_posterior_peek(p, HT_POSTERIOR_CAPACITY - 1)->x[0], HT_POSTERIOR_CAPACITY + 6);
    CU_ASSERT_EQUAL(ht_posterior_ranked(p, 0)->x[0], 7);    /* the best six went with their slots */
    ht_posterior_destroy(p);
}

static void ranks_go_from_the_best_to_the_diverged_and_the_older_leads_its_equals(void)
{
    const double y[] = {1, -INFINITY, 3, 1, 2}, expected[] = {2, 4, 0, 3, 1};
    ht_posterior *p = posterior();
    for (size_t i = 0; i < 5; i++)
        add(p, (double)i, y[i]);
    for (size_t i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(ht_posterior_ranked(p, i)->x[0], expected[i]);
    ht_posterior_destroy(p);
}

static void ranks_stay_sorted_while_old_ones_are_forgotten(void)
{
    ht_posterior *p = posterior();
    ht_random random = ht_random_stream(1, HT_RANDOM_TEST, 0, 0);
    for (int i = 0; i < 3 * HT_POSTERIOR_CAPACITY; i++) {
        add(p, i, (double)ht_random_below(&random, 50));
        if (i % 97 != 0)
            continue;
        for (size_t k = 1; k < ht_posterior_count(p); k++) {
            const ht_observation *a = ht_posterior_ranked(p, k - 1), *b = ht_posterior_ranked(p, k);
            CU_ASSERT_FATAL(a->y > b->y || (a->y == b->y && a->x[0] < b->x[0]));
        }
    }
    ht_posterior_destroy(p);
}

static void what_is_no_observation_is_refused_with_the_reason(void)
{
    static const struct {
        size_t n;
        double x, y;
        const char *why;
    } bad[] = {
        {1, NAN, 0, "observation of opt:lr_mult: value 0 is not finite: nan"},
        {1, INFINITY, 0, "observation of opt:lr_mult: value 0 is not finite: inf"},
        {1, 0, NAN, "observation of opt:lr_mult: nan is no score"},
        {1, 0, INFINITY, "observation of opt:lr_mult: inf is no score"},
        {0, 0, 0, "observation of opt:lr_mult: 0 values; 1 to 4 are possible"},
        {HT_BOUNDS_MAX + 1, 0, 0, "observation of opt:lr_mult: 5 values; 1 to 4 are possible"},
    };
    ht_posterior *p = posterior();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ht_observation o = seen(bad[i].x, bad[i].y);
        ht_error err = {""};
        o.n = bad[i].n;
        CU_ASSERT_EQUAL(ht_posterior_add(p, &o, &err), HT_EINVAL);
        CU_ASSERT_STRING_EQUAL(err.text, bad[i].why);
        CU_ASSERT_EQUAL(ht_posterior_count(p), 0);
    }
    ht_posterior_destroy(p);
}

static void only_the_values_that_count_are_checked(void)
{
    ht_posterior *p = posterior();
    ht_observation o = seen(.5, 1);
    o.x[1] = NAN;
    CU_ASSERT_EQUAL(ht_posterior_add(p, &o, NULL), HT_OK);
    ht_posterior_destroy(p);
}

CASES("posterior", CASE(a_new_one_is_empty), CASE(observations_are_kept_oldest_first),
      CASE(the_oldest_is_forgotten_when_full),
      CASE(ranks_go_from_the_best_to_the_diverged_and_the_older_leads_its_equals),
      CASE(ranks_stay_sorted_while_old_ones_are_forgotten),
      CASE(what_is_no_observation_is_refused_with_the_reason), CASE(only_the_values_that_count_are_checked))
