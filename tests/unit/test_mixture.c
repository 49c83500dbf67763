/* tests/unit/test_mixture.c - Parzen mixtures: densities that integrate to 1, draws that follow them. */
#include "search/mixture.h"

#include <math.h>

#include "cases.h"

static ht_space space_of(const char *parameters)
{
    char text[1024];
    ht_space s = {0};
    snprintf(text, sizeof text, "{\"parameters\": {%s}}", parameters);
    CU_ASSERT_EQUAL_FATAL(ht_space_parse(text, "space", &s, NULL), HT_OK);
    return s;
}

static ht_mixture *mixture_of(const ht_space *space, size_t n, const double points[][3], const double *weight,
                              const double *narrow, double scale)
{
    ht_mixture *m = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_mixture_create(space, 1, &m), HT_OK);
    for (size_t i = 0; i < n; i++)
        CU_ASSERT_EQUAL(ht_mixture_add(m, points[i], weight[i], narrow[i]), HT_OK);
    ht_mixture_fit(m, scale);
    return m;
}

static double density(ht_mixture *m, const double *u)
{
    return exp(ht_mixture_log(m, u) - ht_mixture_log_total(m));
}

/* Gauss-Legendre of 5 points in each of n parts of [0, 1]: point k of 5 n, and its weight. */
static double node(int k, int n, double *weight)
{
    static const double x[] = {-.9061798459386640, -.5384693101056831, 0, .5384693101056831, .9061798459386640};
    static const double w[] = {.2369268850561891, .4786286704993665, .5688888888888889, .4786286704993665, .2369268850561891};
    *weight = w[k % 5] / 2 / n;
    return (k / 5 + .5 + x[k % 5] / 2) / n;
}

static double integral_1(ht_mixture *m, int parts)
{
    double sum = 0, w;
    for (int k = 0; k < 5 * parts; k++) {
        double u = node(k, parts, &w);
        sum += w * density(m, &u);
    }
    return sum;
}

static double integral_2(ht_mixture *m, int parts, const double *rest)
{
    double sum = 0, w0, w1;
    for (int i = 0; i < 5 * parts; i++)
        for (int j = 0; j < 5 * parts; j++) {
            double u[3] = {node(i, parts, &w0), node(j, parts, &w1), rest != NULL ? rest[0] : 0};
            sum += w0 * w1 * density(m, u);
        }
    return sum;
}

static const double points[][3] = {{.1, .8, 0}, {.12, .75, 1}, {0, 1, 1}, {.55, .3, 2}, {.97, .02, 0}};
static const double weight[] = {2.5, 1, .3, 1, .2}, narrow[] = {1, .5, 1, .25, .5};

static void a_density_of_one_number_integrates_to_1(void)
{
    ht_space s = space_of("\"x\": {\"type\": \"float\", \"low\": 0, \"high\": 1}");
    static const double scales[] = {3, 1, .5, .1};
    for (size_t i = 0; i < 4; i++) {
        ht_mixture *m = mixture_of(&s, 5, points, weight, narrow, scales[i]);
        CU_ASSERT_DOUBLE_EQUAL(integral_1(m, 800), 1, 1e-6);
        ht_mixture_destroy(m);
    }
    ht_space_release(&s);
}

static void without_kernels_the_prior_is_left(void)
{
    ht_space s = space_of("\"x\": {\"type\": \"float\", \"low\": 0, \"high\": 1}, \"c\": {\"type\": \"cat\", \"choices\": [1, 2, 3, 4]}");
    ht_mixture *m = mixture_of(&s, 0, points, weight, narrow, 1);
    double u[] = {.3, 2};
    CU_ASSERT_DOUBLE_EQUAL(density(m, u), .25, 1e-12);
    ht_mixture_destroy(m);
    ht_space_release(&s);
}

static void a_density_of_two_numbers_integrates_to_1(void)
{
    ht_space s = space_of("\"x\": {\"type\": \"float\", \"low\": 0, \"high\": 1}, \"y\": {\"type\": \"float\", \"low\": 1, \"high\": 9}");
    ht_mixture *m = mixture_of(&s, 5, points, weight, narrow, .5);
    CU_ASSERT_DOUBLE_EQUAL(integral_2(m, 80, NULL), 1, 1e-6);
    ht_mixture_destroy(m);
    ht_space_release(&s);
}

static void categories_sum_to_1_beside_numbers(void)
{
    ht_space s = space_of("\"x\": {\"type\": \"float\", \"low\": 0, \"high\": 1}, \"y\": {\"type\": \"float\", \"low\": 0, \"high\": 1},"
                          "\"c\": {\"type\": \"cat\", \"choices\": [\"a\", \"b\", \"c\"]}");
    ht_mixture *m = mixture_of(&s, 5, points, weight, narrow, .5);
    double sum = 0;
    for (double c = 0; c < 3; c++)
        sum += integral_2(m, 60, &c);
    CU_ASSERT_DOUBLE_EQUAL(sum, 1, 1e-6);
    ht_mixture_destroy(m);
    ht_space_release(&s);
}

/* c = 0: x is there; c = 1: it is not. */
static void a_density_with_a_condition_integrates_to_1(void)
{
    static const double some[][3] = {{0, .2, 0}, {0, .25, 0}, {1, HT_ABSENT, 0}};
    ht_space s = space_of("\"c\": {\"type\": \"cat\", \"choices\": [\"a\", \"b\"]},"
                          "\"x\": {\"type\": \"float\", \"low\": 0, \"high\": 1, \"when\": {\"c\": [\"a\"]}}");
    ht_mixture *m = mixture_of(&s, 3, some, weight, narrow, .5);
    double without[] = {1, HT_ABSENT}, sum = density(m, without), w;
    for (int k = 0; k < 4000; k++) {
        double u[2] = {0, node(k, 800, &w)};
        sum += w * density(m, u);
    }
    CU_ASSERT_DOUBLE_EQUAL(sum, 1, 1e-6);
    ht_mixture_destroy(m);
    ht_space_release(&s);
}

static void each_parameter_alone_is_a_density_too(void)
{
    ht_space s = space_of("\"x\": {\"type\": \"float\", \"low\": 0, \"high\": 1}, \"y\": {\"type\": \"float\", \"low\": 0, \"high\": 1},"
                          "\"c\": {\"type\": \"cat\", \"choices\": [\"a\", \"b\", \"c\"]}");
    ht_mixture *m = mixture_of(&s, 5, points, weight, narrow, .5);
    double total = exp(ht_mixture_log_total(m)), w;
    for (size_t d = 0; d < 2; d++) {
        double sum = 0;
        for (int k = 0; k < 4000; k++) {
            double u = node(k, 800, &w);
            sum += w * exp(ht_mixture_log_one(m, d, u)) / total;
        }
        CU_ASSERT_DOUBLE_EQUAL(sum, 1, 1e-6);
    }
    double sum = 0;
    for (double c = 0; c < 3; c++)
        sum += exp(ht_mixture_log_one(m, 2, c)) / total;
    CU_ASSERT_DOUBLE_EQUAL(sum, 1, 1e-6);
    ht_mixture_destroy(m);
    ht_space_release(&s);
}

/* By hand: n_eff 2, variance 1/16, shrunk (1/16 * 2 + 1/12) / 3 = 5/72. */
static void the_spread_is_shrunk_towards_that_of_the_prior(void)
{
    static const double two[][3] = {{.25, 0, 0}, {.75, 0, 0}};
    static const double ones[] = {1, 1};
    ht_space s = space_of("\"x\": {\"type\": \"float\", \"low\": 0, \"high\": 1}");
    ht_mixture *m = mixture_of(&s, 2, two, ones, ones, 1);
    CU_ASSERT_DOUBLE_EQUAL(ht_mixture_spread(m, 0), sqrt(5.0 / 72), 1e-7);
    ht_mixture_destroy(m);
    ht_space_release(&s);
}

/* A quarter of the weight is the prior's (uniform), the rest one narrow kernel about .5 whose own parts
 * above and below are equal. */
static void draws_follow_the_weights(void)
{
    static const double one[][3] = {{.5, 0, 0}};
    static const double three[] = {3}, full[] = {1};
    ht_space s = space_of("\"x\": {\"type\": \"float\", \"low\": 0, \"high\": 1}");
    ht_mixture *m = mixture_of(&s, 1, one, three, full, .01);
    ht_random random = ht_random_stream(1, HT_RANDOM_TEST, 0, 0);
    int near = 0, below = 0;
    enum { N = 20000 };
    for (int i = 0; i < N; i++) {
        ht_point p = {{0}};
        ht_mixture_draw(m, &random, &p);
        CU_ASSERT(p.u[0] >= 0 && p.u[0] <= 1);
        near += fabs(p.u[0] - .5) < .02;
        below += p.u[0] < .5;
    }
    CU_ASSERT_DOUBLE_EQUAL((double)near / N, .75 + .25 * .04, .015);
    CU_ASSERT_DOUBLE_EQUAL((double)below / N, .5, .015);
    ht_mixture_destroy(m);
    ht_space_release(&s);
}

static void far_from_all_kernels_the_prior_keeps_the_log_finite(void)
{
    static const double one[][3] = {{0, 0, 0}};
    static const double big[] = {1e6}, full[] = {1};
    ht_space s = space_of("\"x\": {\"type\": \"float\", \"low\": 0, \"high\": 1}");
    ht_mixture *m = mixture_of(&s, 1, one, big, full, 1e-9);    /* the narrowest bandwidth, 1e-5 */
    double u = 1;
    CU_ASSERT(isfinite(ht_mixture_log(m, &u)));
    CU_ASSERT_DOUBLE_EQUAL(ht_mixture_log(m, &u), 0, 1e-3);
    ht_mixture_destroy(m);
    ht_space_release(&s);
}

static void kernels_beyond_the_first_room_are_kept(void)
{
    ht_space s = space_of("\"x\": {\"type\": \"float\", \"low\": 0, \"high\": 1}");
    ht_mixture *m = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_mixture_create(&s, 1, &m), HT_OK);
    size_t before = ht_mixture_bytes(m);
    for (int i = 0; i < 1000; i++) {
        double u = i / 1000.0;
        CU_ASSERT_EQUAL(ht_mixture_add(m, &u, 1, 1), HT_OK);
    }
    ht_mixture_fit(m, .5);
    CU_ASSERT_DOUBLE_EQUAL(integral_1(m, 800), 1, 2e-6);
    CU_ASSERT(ht_mixture_bytes(m) > before);
    ht_mixture_destroy(m);
    ht_mixture_destroy(NULL);
    ht_space_release(&s);
}

CASES("mixture", CASE(a_density_of_one_number_integrates_to_1), CASE(without_kernels_the_prior_is_left),
      CASE(a_density_of_two_numbers_integrates_to_1), CASE(categories_sum_to_1_beside_numbers),
      CASE(a_density_with_a_condition_integrates_to_1), CASE(each_parameter_alone_is_a_density_too),
      CASE(the_spread_is_shrunk_towards_that_of_the_prior), CASE(draws_follow_the_weights),
      CASE(far_from_all_kernels_the_prior_keeps_the_log_finite), CASE(kernels_beyond_the_first_room_are_kept))
