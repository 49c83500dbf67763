/* tests/unit/test_multipliers.c - factors for all knobs at once: bounds, start, what is learned, forgotten.
 *
 * Averages are taken over fixed streams, with margins of many standard errors. */
#include "search/multipliers.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cases.h"

enum { DRAWS = 400 };

static const ht_multiplier_range wide = {.lo = .5, .hi = 2, .center = 1};

static ht_recipe recipe(void)
{
    return (ht_recipe){.search = {.algorithm = HT_SEARCH_TPE, .startup_trials = 8, .candidate_count = 24,
                                  .phase_conditioned = true, .gamma = .25, .other_phase_weight = .25}};
}

static ht_multipliers *knobs(size_t n)
{
    ht_multipliers *m = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_multipliers_create(n, &m, NULL), HT_OK);
    return m;
}

static ht_random stream(uint64_t decision)
{
    return ht_random_stream(3, HT_RANDOM_TEST, 0, decision);
}

static void see(ht_multipliers *m, size_t knob, const char *phase, double x, double z)
{
    CU_ASSERT_EQUAL_FATAL(ht_multipliers_add(m, knob, phase, x, z, NULL), HT_OK);
}

/* n observations, evenly over the bounds of `wide`, of a score that is best at log factor `optimum`. */
static void plant(ht_multipliers *m, size_t knob, const char *phase, size_t n, double optimum)
{
    for (size_t i = 0; i < n; i++) {
        double x = log(.5) + log(4) * (double)(i * 7 % n) / (double)(n - 1);
        see(m, knob, phase, x, -fabs(x - optimum));
    }
}

static double draw(const ht_multipliers *m, const ht_recipe *r, size_t knob, const char *phase,
                   const ht_multiplier_range *range, uint64_t decision)
{
    ht_random random = stream(decision);
    return ht_multipliers_propose(m, r, knob, phase, range, &random);
}

static double mean_draw(const ht_multipliers *m, const ht_recipe *r, size_t knob, const char *phase,
                        const ht_multiplier_range *range)
{
    double sum = 0;
    for (uint64_t i = 0; i < DRAWS; i++)
        sum += draw(m, r, knob, phase, range, i);
    return sum / DRAWS;
}

static void a_first_factor_is_uniform_but_for_the_share_of_its_centre(void)
{
    ht_multipliers *m = knobs(1);
    ht_recipe r = recipe();
    ht_multiplier_range range = {.lo = .5, .hi = 2, .center = 1.8};
    for (uint64_t i = 0; i < DRAWS; i++) {
        ht_random same = stream(i);
        double v = .7 * ht_random_between(&same, .5, 2) + .3 * 1.8;
        CU_ASSERT_DOUBLE_EQUAL(draw(m, &r, 0, "mid", &range, i), log(fmin(v, 2)), 1e-15);
    }
    ht_multipliers_destroy(m);
}

/* Whether the model was asked shows in the number of draws taken from the stream. */
static bool by_model(const ht_multipliers *m, const ht_recipe *r, size_t knob, const char *phase)
{
    ht_random random = stream(0);
    ht_multipliers_propose(m, r, knob, phase, &wide, &random);
    return random.counter > 2;
}

static void the_model_starts_with_enough_observations_of_this_knob_and_phase(void)
{
    ht_multipliers *m = knobs(2);
    ht_recipe r = recipe();
    plant(m, 0, "early", 100, 0);
    plant(m, 1, "mid", 100, 0);
    for (size_t i = 0; i < 8; i++) {
        CU_ASSERT_FALSE(by_model(m, &r, 0, "mid"));
        see(m, 0, "mid", 0, 1);
    }
    CU_ASSERT(by_model(m, &r, 0, "mid"));
    r.search.algorithm = HT_SEARCH_RANDOM;
    CU_ASSERT_FALSE(by_model(m, &r, 0, "mid"));
    r = recipe();
    CU_ASSERT_FALSE(by_model(m, &r, 0, "late"));
    r.search.phase_conditioned = false; /* all phases are one */
    CU_ASSERT(by_model(m, &r, 0, "late"));
    r.search.startup_trials = 0;
    ht_multipliers *empty = knobs(1);
    CU_ASSERT(by_model(empty, &r, 0, "mid"));
    ht_multipliers_destroy(empty);
    ht_multipliers_destroy(m);
}

static void every_factor_lies_inside_its_bounds(void)
{
    static const double ends[] = {5e-324, DBL_MIN, 1e-9, .5, 1, 1 + DBL_EPSILON, 2, 1e9, 1e300, DBL_MAX};
    enum { ENDS = sizeof ends / sizeof ends[0] };
    ht_recipe r = recipe();
    for (int history = 0; history < 3; history++) {
        ht_multipliers *m = knobs(1);
        for (size_t i = 0; history > 0 && i < 50; i++) {
            ht_random random = stream(i);
            double far = history == 1 ? 1 : 1e308;
            see(m, 0, "mid", ht_random_between(&random, -far, far), ht_random_normal(&random));
        }
        for (size_t a = 0; a < ENDS; a++)
            for (size_t b = a; b < ENDS; b++)
                for (uint64_t i = 0; i < 20; i++) {
                    ht_multiplier_range range = {.lo = ends[a], .hi = ends[b], .center = ends[i % ENDS],
                                                 .spread = i % 3 == 0 ? 0 : ends[i % 7]};
                    double x = draw(m, &r, 0, "mid", &range, i);
                    CU_ASSERT(x >= log(ends[a]) && x <= log(ends[b]));
                }
        ht_multipliers_destroy(m);
    }
}

static void equal_questions_get_equal_answers(void)
{
    ht_multipliers *m = knobs(1);
    ht_recipe r = recipe();
    plant(m, 0, "mid", 40, .3);
    for (uint64_t i = 0; i < 20; i++) {
        double x = draw(m, &r, 0, "mid", &wide, i);
        CU_ASSERT_EQUAL(x, draw(m, &r, 0, "mid", &wide, i));
        CU_ASSERT_NOT_EQUAL(x, draw(m, &r, 0, "mid", &wide, i + 20));
    }
    ht_multipliers_destroy(m);
}

static void each_knob_learns_its_own_optimum(void)
{
    ht_multipliers *m = knobs(2);
    ht_recipe r = recipe();
    plant(m, 0, "mid", 60, .5);
    plant(m, 1, "mid", 60, -.5);
    CU_ASSERT_DOUBLE_EQUAL(mean_draw(m, &r, 0, "mid", &wide), .5, .1);
    CU_ASSERT_DOUBLE_EQUAL(mean_draw(m, &r, 1, "mid", &wide), -.5, .1);
    ht_multipliers_destroy(m);
}

static void another_phase_counts_less(void)
{
    ht_multipliers *m = knobs(1);
    ht_recipe r = recipe();
    plant(m, 0, "mid", 20, .5);
    double alone = mean_draw(m, &r, 0, "mid", &wide);
    plant(m, 0, "late", 20, -.5);
    double quarter = mean_draw(m, &r, 0, "mid", &wide);
    CU_ASSERT(quarter > .25 && quarter < alone + .01);
    r.search.other_phase_weight = 0;
    CU_ASSERT_DOUBLE_EQUAL(mean_draw(m, &r, 0, "mid", &wide), alone, 1e-12);
    r.search.other_phase_weight = 1;
    CU_ASSERT(mean_draw(m, &r, 0, "mid", &wide) < quarter - .1);
    ht_multipliers_destroy(m);
}

static void the_oldest_is_forgotten(void)
{
    ht_multipliers *m = knobs(1), *fresh = knobs(1);
    ht_recipe r = recipe();
    plant(m, 0, "mid", HT_MULTIPLIERS_CAPACITY, -.5);
    plant(m, 0, "mid", HT_MULTIPLIERS_CAPACITY, .5);
    plant(fresh, 0, "mid", HT_MULTIPLIERS_CAPACITY, .5);
    CU_ASSERT_EQUAL(ht_multipliers_count(m, 0), HT_MULTIPLIERS_CAPACITY);
    for (uint64_t i = 0; i < 20; i++)
        CU_ASSERT_EQUAL(draw(m, &r, 0, "mid", &wide, i), draw(fresh, &r, 0, "mid", &wide, i));
    ht_multipliers_destroy(m);
    ht_multipliers_destroy(fresh);
}

static void ten_thousand_equal_observations_do_no_harm(void)
{
    ht_multipliers *m = knobs(1);
    ht_recipe r = recipe();
    for (int i = 0; i < 10000; i++)
        see(m, 0, "mid", .1, -50);
    double least = INFINITY, most = -INFINITY;
    for (uint64_t i = 0; i < DRAWS; i++) {
        double x = draw(m, &r, 0, "mid", &wide, i);
        least = fmin(least, x);
        most = fmax(most, x);
    }
    CU_ASSERT(least >= log(.5) && most <= log(2) && most - least > .1);
    ht_multipliers_destroy(m);
}

static void a_known_spread_keeps_factors_near_the_centre(void)
{
    ht_multipliers *m = knobs(1);
    ht_recipe r = recipe();
    double squares[2] = {0};
    r.search.startup_trials = 0;
    for (int known = 0; known < 2; known++) {
        ht_multiplier_range range = {.lo = .5, .hi = 2, .center = 1, .spread = known ? .1 : 0};
        for (uint64_t i = 0; i < DRAWS; i++)
            squares[known] += pow(draw(m, &r, 0, "mid", &range, i), 2) / DRAWS;
    }
    CU_ASSERT_DOUBLE_EQUAL(sqrt(squares[1]), .1, .02);
    CU_ASSERT(sqrt(squares[0]) > .3);
    ht_multipliers_destroy(m);
}

static void what_is_no_observation_is_refused(void)
{
    ht_multipliers *m = knobs(1);
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_multipliers_add(m, 1, "mid", 0, 0, &err), HT_EINVAL);
    CU_ASSERT_STRING_EQUAL(err.text, "no knob 1: there are 1");
    CU_ASSERT_EQUAL(ht_multipliers_add(m, 0, "mid", NAN, 0, NULL), HT_EINVAL);
    CU_ASSERT_EQUAL(ht_multipliers_add(m, 0, "mid", -INFINITY, 0, NULL), HT_EINVAL);
    CU_ASSERT_EQUAL(ht_multipliers_add(m, 0, "mid", 0, NAN, NULL), HT_EINVAL);
    CU_ASSERT_EQUAL(ht_multipliers_add(m, 0, "mid", 0, -INFINITY, &err), HT_EINVAL);
    CU_ASSERT_STRING_EQUAL(err.text, "knob 0: log factor 0 with score -inf: both must be finite");
    CU_ASSERT(ht_multipliers_count(m, 0) == 0 && ht_multipliers_count(m, 1) == 0);
    ht_multipliers_destroy(m);
    ht_multipliers_destroy(NULL);
}

CASES("multipliers", CASE(a_first_factor_is_uniform_but_for_the_share_of_its_centre),
      CASE(the_model_starts_with_enough_observations_of_this_knob_and_phase),
      CASE(every_factor_lies_inside_its_bounds), CASE(equal_questions_get_equal_answers),
      CASE(each_knob_learns_its_own_optimum), CASE(another_phase_counts_less), CASE(the_oldest_is_forgotten),
      CASE(ten_thousand_equal_observations_do_no_harm), CASE(a_known_spread_keeps_factors_near_the_centre),
      CASE(what_is_no_observation_is_refused))
