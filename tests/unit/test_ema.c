/* tests/unit/test_ema.c - averaged weights against the formula in double precision, the swap, the best
 * weights. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/random.h"
#include "cases.h"
#include "state/bfloat16.h"
#include "state/state.h"

enum { N = 77, STEPS = 60 }; /* no multiple of a vector */

typedef struct {
    float single[N];
    double twice[N];
    uint16_t half[N];
    int32_t whole[N];
} weights;

static void train(weights *w, ht_random *r)
{
    for (int i = 0; i < N; i++) {
        w->twice[i] = ht_random_normal(r);
        w->single[i] = (float)w->twice[i];
        w->half[i] = ht_bfloat16_round((float)w->twice[i]);
        w->whole[i] = i;
    }
}

static ht_state *state_of(weights *w)
{
    ht_state *s = NULL;
    const ht_state_buffer buffers[] = {{"single", w->single, N, HT_FLOAT32, HT_AVERAGE, true},
                                       {"whole", w->whole, N, HT_INT32, HT_COPY, true},
                                       {"half", w->half, N, HT_BFLOAT16, HT_AVERAGE, true},
                                       {"twice", w->twice, N, HT_FLOAT64, HT_AVERAGE, true}};
    CU_ASSERT_EQUAL_FATAL(ht_state_create(&s, NULL), HT_OK);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(ht_state_add(s, &buffers[i], NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_state_seal(s, true, NULL), HT_OK);
    return s;
}

static void the_decay_warms_up_and_then_is_constant(void)
{
    CU_ASSERT_DOUBLE_EQUAL(ht_ema_decay(.99, 1), 2. / 11, 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(ht_ema_decay(.99, 8), .5, 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(ht_ema_decay(.99, 800), 801. / 810, 1e-15);
    CU_ASSERT_EQUAL(ht_ema_decay(.99, 1000), .99);
    CU_ASSERT_DOUBLE_EQUAL(ht_ema_most(100), 1 - 1 / 280., 1e-15);
    CU_ASSERT_EQUAL(ht_ema_most(.1), 0); /* less than a step an epoch: no memory */
    CU_ASSERT_EQUAL(ht_ema_most(NAN), 0);
}

static void the_average_follows_the_formula(void)
{
    ht_random r = ht_random_stream(3, HT_RANDOM_TEST, 0, 0);
    weights w;
    double e[2][N];
    const ht_span *live;
    train(&w, &r);
    ht_state *s = state_of(&w);
    CU_ASSERT_EQUAL_FATAL(ht_state_live(s, &live), 8);
    for (int i = 0; i < N; i++) {
        e[0][i] = w.twice[i];
        e[1][i] = ht_bfloat16_widen(w.half[i]);
    }
    const double most = .9; /* reached at step 80: before and after */
    for (int t = 1; t <= 2 * STEPS; t++) {
        double d = (1. + t) / (10. + t) < most ? (1. + t) / (10. + t) : most;
        train(&w, &r);
        ht_state_ema_update(s, most);
        for (int i = 0; i < N; i++) {
            e[0][i] = d * e[0][i] + (1 - d) * w.twice[i];
            e[1][i] = d * e[1][i] + (1 - d) * ht_bfloat16_widen(w.half[i]);
        }
    }
    for (int i = 0; i < N; i++) {
        CU_ASSERT_DOUBLE_EQUAL(((float *)live[4].data)[i], e[0][i], 1e-6);
        CU_ASSERT_DOUBLE_EQUAL(((float *)live[5].data)[i], e[1][i], 1e-6);
        CU_ASSERT_DOUBLE_EQUAL(((double *)live[6].data)[i], e[0][i], 1e-14);
    }
    CU_ASSERT_EQUAL(*(int64_t *)live[7].data, 2 * STEPS);
    ht_state_ema_reset(s);
    for (int i = 0; i < N; i++) {
        CU_ASSERT_EQUAL(((float *)live[4].data)[i], w.single[i]);
        CU_ASSERT_EQUAL(((float *)live[5].data)[i], ht_bfloat16_widen(w.half[i]));
        CU_ASSERT_EQUAL(((double *)live[6].data)[i], w.twice[i]);
    }
    CU_ASSERT_EQUAL(*(int64_t *)live[7].data, 0);
    ht_state_destroy(s);
}

static void steps_taken_together_count_as_many(void)
{
    ht_random r = ht_random_stream(9, HT_RANDOM_TEST, 0, 0);
    weights w;
    const ht_span *live;
    train(&w, &r);
    ht_state *s = state_of(&w);
    ht_state_live(s, &live);
    double e = w.twice[0], d = ht_ema_decay(.9, 1) * ht_ema_decay(.9, 2) * ht_ema_decay(.9, 3);
    train(&w, &r);
    ht_state_ema_update_after(s, .9, 3);
    ht_state_ema_update_after(s, .9, 0);
    CU_ASSERT_EQUAL(*(int64_t *)live[7].data, 3);
    CU_ASSERT_DOUBLE_EQUAL(((double *)live[6].data)[0], d * e + (1 - d) * w.twice[0], 1e-15);
    ht_state_destroy(s);
}

static void the_average_of_equal_weights_is_exactly_that(void)
{
    ht_random r = ht_random_stream(4, HT_RANDOM_TEST, 0, 0);
    weights w, was;
    train(&w, &r);
    was = w;
    ht_state *s = state_of(&w);
    for (int t = 0; t < STEPS; t++)
        ht_state_ema_update(s, .999);
    ht_state_ema_swap(s);
    CU_ASSERT_EQUAL(memcmp(w.single, was.single, sizeof w.single), 0);
    CU_ASSERT_EQUAL(memcmp(w.half, was.half, sizeof w.half), 0);
    CU_ASSERT_EQUAL(memcmp(w.twice, was.twice, sizeof w.twice), 0);
    ht_state_destroy(s);
}

static void a_swap_shows_the_average_and_a_second_one_undoes_it_bit_by_bit(void)
{
    ht_random r = ht_random_stream(5, HT_RANDOM_TEST, 0, 0);
    weights w, was;
    float single[N], half[N];
    double twice[N];
    const ht_span *live;
    train(&w, &r);
    ht_state *s = state_of(&w);
    ht_state_live(s, &live);
    for (int t = 0; t < STEPS; t++) {
        train(&w, &r);
        ht_state_ema_update(s, .99);
    }
    /* what is hard to undo: exactly half way up and down, just below, the largest, infinity, a NaN, -0 */
    const uint32_t hard[] = {0x3F808000, 0x3F818000, 0x3F817FFF, 0xBF818000, 0x7F7FFFFF, 0x7F800000,
                             0x7FC00000, 0x7FC08001, 0x80000000, 0x80008000, 0x00000001};
    for (int i = 0; i < 11; i++)
        ((float *)live[5].data)[i] = ht_float32_of_bits(hard[i]);
    was = w;
    memcpy(single, live[4].data, sizeof single);
    memcpy(half, live[5].data, sizeof half);
    memcpy(twice, live[6].data, sizeof twice);
    uint64_t sum = ht_state_checksum(s);
    ht_state_ema_swap(s);
    CU_ASSERT_EQUAL(memcmp(w.single, single, sizeof single), 0);
    CU_ASSERT_EQUAL(memcmp(w.twice, twice, sizeof twice), 0);
    CU_ASSERT_EQUAL(memcmp(w.whole, was.whole, sizeof w.whole), 0);
    for (int i = 0; i < N; i++)
        CU_ASSERT_EQUAL(w.half[i], ht_bfloat16_round(half[i]));
    ht_state_ema_swap(s);
    CU_ASSERT_EQUAL(memcmp(w.single, was.single, sizeof w.single), 0);
    CU_ASSERT_EQUAL(memcmp(w.half, was.half, sizeof w.half), 0);
    CU_ASSERT_EQUAL(memcmp(w.twice, was.twice, sizeof w.twice), 0);
    CU_ASSERT_EQUAL(ht_state_checksum(s), sum);
    ht_state_destroy(s);
}

static void bfloat16_rounds_to_the_nearest(void)
{
    ht_random r = ht_random_stream(6, HT_RANDOM_TEST, 0, 0);
    for (int i = 0; i < 10000; i++) {
        float x = (float)ht_random_normal(&r);
        uint16_t word = ht_bfloat16_round(x);
        double off = fabs((double)ht_bfloat16_widen(word) - x);
        CU_ASSERT(off <= fabs((double)ht_bfloat16_widen((uint16_t)(word + 1)) - x));
        CU_ASSERT(off <= fabs((double)ht_bfloat16_widen((uint16_t)(word - 1)) - x));
    }
    CU_ASSERT_EQUAL(ht_bfloat16_round(1), 0x3F80);
    CU_ASSERT_EQUAL(ht_bfloat16_round(-INFINITY), 0xFF80);
    CU_ASSERT_EQUAL(ht_bfloat16_round(ht_float32_of_bits(0x3F808000)), 0x3F81); /* half way: away from zero */
    CU_ASSERT_EQUAL(ht_bfloat16_round(ht_float32_of_bits(0x3F818000)), 0x3F82);
    CU_ASSERT(isnan(ht_bfloat16_widen(ht_bfloat16_round(ht_float32_of_bits(0x7FFFFFFF)))));
    CU_ASSERT(isnan(ht_bfloat16_widen(ht_bfloat16_round(ht_float32_of_bits(0xFF800001)))));
}

/* The best weights are what a swap shows, whether it is made or not. */
static void the_best_weights_are_the_averaged_ones(void)
{
    for (int swapped = 0; swapped < 2; swapped++) {
        ht_random r = ht_random_stream(7, HT_RANDOM_TEST, 0, 0);
        weights w, shown, trained;
        memset(&w, 0, sizeof w);
        train(&w, &r);
        ht_state *s = state_of(&w);
        CU_ASSERT_FALSE(ht_state_show_best(s));
        train(&w, &r);
        ht_state_ema_update(s, .99);
        trained = w;
        ht_state_ema_swap(s);
        shown = w;
        if (swapped == 0)
            ht_state_ema_swap(s);
        CU_ASSERT_EQUAL(ht_state_keep_best(s, NULL), HT_OK);
        if (swapped != 0)
            ht_state_ema_swap(s);
        CU_ASSERT_EQUAL(memcmp(&w, &trained, sizeof w), 0);
        train(&w, &r);
        ht_state_ema_update(s, .99);
        if (swapped != 0)
            ht_state_ema_swap(s); /* is undone before the best is shown */
        CU_ASSERT(ht_state_show_best(s));
        CU_ASSERT_EQUAL(ht_state_save(s, 0, NULL), HT_OK);
        CU_ASSERT_EQUAL(memcmp(w.single, shown.single, sizeof w.single), 0);
        CU_ASSERT_EQUAL(memcmp(w.half, shown.half, sizeof w.half), 0);
        CU_ASSERT_EQUAL(memcmp(w.twice, shown.twice, sizeof w.twice), 0);
        CU_ASSERT_EQUAL(memcmp(w.whole, shown.whole, sizeof w.whole), 0);
        ht_state_destroy(s);
    }
}

static void without_averages_the_best_weights_are_the_trained_ones_and_a_swap_does_nothing(void)
{
    float w[3] = {1, 2, 3}, moments[3] = {4, 5, 6};
    ht_state *s = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_state_create(&s, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_state_add(s, &(ht_state_buffer){"m", moments, 3, HT_FLOAT32, HT_AVERAGE, false}, NULL),
                    HT_OK);
    CU_ASSERT_EQUAL(ht_state_add(s, &(ht_state_buffer){"w", w, 3, HT_FLOAT32, HT_AVERAGE, true}, NULL),
                    HT_OK);
    CU_ASSERT_EQUAL(ht_state_seal(s, false, NULL), HT_OK);
    CU_ASSERT_FALSE(ht_state_has_ema(s));
    CU_ASSERT_EQUAL(ht_state_keep_best(s, NULL), HT_OK);
    w[0] = moments[0] = 9;
    ht_state_ema_update(s, .9);
    ht_state_ema_swap(s);
    CU_ASSERT_EQUAL(w[0], 9);
    CU_ASSERT_EQUAL(ht_state_save(s, 0, NULL), HT_OK); /* not swapped */
    CU_ASSERT(ht_state_show_best(s));
    CU_ASSERT_EQUAL(w[0], 1);
    CU_ASSERT_EQUAL(moments[0], 9);
    ht_state_destroy(s);
}

static void averages_without_weights_are_refused_and_the_state_can_go_without(void)
{
    int64_t step = 0;
    ht_error err = {""};
    ht_state *s = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_state_create(&s, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_state_add(s, &(ht_state_buffer){"step", &step, 1, HT_INT64, HT_COPY, true}, NULL),
                    HT_OK);
    CU_ASSERT_EQUAL(ht_state_seal(s, true, &err), HT_EINVAL);
    CU_ASSERT_STRING_EQUAL(err.text,
                           "no weights to average: register the weights as buffers of real numbers with "
                           "is_weights, or go without averaged weights");
    CU_ASSERT_EQUAL(ht_state_seal(s, false, NULL), HT_OK);
    CU_ASSERT_FALSE(ht_state_has_ema(s));
    CU_ASSERT_EQUAL(ht_state_bytes(s), 8);
    ht_state_destroy(s);
}

static void a_load_brings_back_average_and_steps_and_ends_a_swap(void)
{
    ht_random r = ht_random_stream(8, HT_RANDOM_TEST, 0, 0);
    weights w, was;
    train(&w, &r);
    ht_state *s = state_of(&w);
    ht_state_ema_update(s, .99);
    train(&w, &r);
    was = w;
    CU_ASSERT_EQUAL(ht_state_save(s, 0, NULL), HT_OK);
    uint64_t sum = ht_state_checksum(s);
    ht_state_ema_update(s, .99);
    ht_state_ema_swap(s);
    CU_ASSERT_EQUAL(ht_state_load(s, 0, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_state_checksum(s), sum);
    CU_ASSERT_EQUAL(memcmp(w.half, was.half, sizeof w.half), 0);
    CU_ASSERT_EQUAL(ht_state_save(s, 1, NULL), HT_OK);
    ht_state_destroy(s);
}

CASES("ema", CASE(the_decay_warms_up_and_then_is_constant), CASE(the_average_follows_the_formula), CASE(steps_taken_together_count_as_many),
      CASE(the_average_of_equal_weights_is_exactly_that),
      CASE(a_swap_shows_the_average_and_a_second_one_undoes_it_bit_by_bit),
      CASE(bfloat16_rounds_to_the_nearest), CASE(the_best_weights_are_the_averaged_ones),
      CASE(without_averages_the_best_weights_are_the_trained_ones_and_a_swap_does_nothing),
      CASE(averages_without_weights_are_refused_and_the_state_can_go_without),
      CASE(a_load_brings_back_average_and_steps_and_ends_a_swap))
