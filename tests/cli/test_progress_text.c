/* tests/cli/test_progress_text.c - the line that tells how a run stands, and the time that is left. */
#include <math.h>
#include <string.h>

#include "base/shown.h"
#include "cases.h"
#include "cli/progress_text.h"
#include "cli/pace.h"

static const ht_progress half_way = {.step = 400, .epoch = 213, .max_steps = 200, .replicas = 4, .training = 4, .best = 1.12345678,
                                     .accepted = 14, .rejected = 3, .elapsed_s = 83, .best_replica = 2, .islands = 2,
                                     .done = .439, .epochs = 352, .epochs_total = 800, .utilisation = .876,
                                     .stage = "segments"};

static void shows(const ht_progress *p, double left_s, size_t columns, const char *expected)
{
    ht_string t = {0};
    const ht_progress_pace pace = {.left_s = left_s, .epochs_s = 12.34};
    ht_progress_text(&t, p, &pace, columns, false);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&t), expected);
    CU_ASSERT(ht_shown_width(ht_string_peek(&t)) <= columns);
    ht_string_release(&t);
}

static void all_of_it_is_shown_where_there_is_room(void)
{
    shows(&half_way, 107, HT_PROGRESS_ANY_WIDTH,
          "43 %  1 min 23 s gone  about 1 min 50 s left  best 1.1235 (replica 2)  2 islands  12.3 epochs/s  "
          "14 accepted, 3 rejected  88 % busy");
    shows(&half_way, 107, 200,
          "[#######---------]   43 %  1 min 23 s gone  about 1 min 50 s left  best 1.1235 (replica 2)  2 islands  "
          "12.3 epochs/s  14 accepted, 3 rejected  88 % busy");
}

static void what_matters_least_goes_first_where_it_is_narrow(void)
{
    shows(&half_way, 107, 100,
          " 43 %  1 min 23 s gone  about 1 min 50 s left  best 1.1235 (replica 2)  2 islands  12.3 epochs/s");
    shows(&half_way, 107, 60, " 43 %  about 1 min 50 s left  best 1.1235 (replica 2)");
    shows(&half_way, 107, 30, " 43 %  about 1 min 50 s left");
    shows(&half_way, 107, 10, " 43 %");
    shows(&half_way, 107, 3, "...");
}

static void no_width_is_exceeded_with_escapes_or_without(void)
{
    for (size_t columns = 1; columns < 160; columns++) {
        ht_string t = {0};
        size_t escapes = 0;
        const ht_progress_pace pace = {.left_s = 1e5, .epochs_s = 1};
        ht_progress_text(&t, &half_way, &pace, columns, true);
        for (const char *s = ht_string_peek(&t); (s = strchr(s, '\033')) != NULL; s++)
            escapes += strcspn(s, "m") + 1;
        CU_ASSERT(strlen(ht_string_peek(&t)) - escapes <= columns);
        ht_string_release(&t);
    }
}

static void what_is_not_known_is_left_out(void)
{
    const ht_progress first = {.step = 3, .epoch = 1, .replicas = 1, .best = NAN, .best_replica = -1, .done = NAN,
                               .utilisation = NAN, .elapsed_s = .7};
    const ht_progress_pace none = {.left_s = NAN, .epochs_s = NAN};
    ht_string t = {0};
    const ht_progress_pace fast = {.left_s = NAN, .epochs_s = 1366};
    ht_progress_text(&t, &first, &none, 100, false);
    ht_string_add(&t, "|");
    ht_progress_text(&t, &first, &fast, 100, false);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&t), "epoch 1  0 s gone|epoch 1  0 s gone  1366 epochs/s");
    ht_string_release(&t);
}

static void a_share_is_of_the_whole_run_and_never_above_it(void)
{
    ht_progress p = half_way;       /* its fastest replica has trained 213 of 200 epochs */
    p.done = 1.2;
    shows(&p, 3, 40, "100 %  best 1.1235 (replica 2)");
}

static void races_and_losses_are_told(void)
{
    ht_progress p = half_way;
    p.stage = "race";
    p.lost = 1;
    shows(&p, NAN, 62, " 43 %  best 1.1235 (replica 2)  1 of 4 replicas lost");
    shows(&p, NAN, 73, " 43 %  best 1.1235 (replica 2)  race  1 of 4 replicas lost  12.3 epochs/s");
}

static void durations_read_as_people_say_them(void)
{
    static const struct { double s; const char *text; } cases[] = {
        {59.9, "59 s"}, {184, "3 min 04 s"}, {9000, "2 h 30 min"}, {86400 * 3 + 3600 * 4.5, "3 d 04 h"}};
    char text[40];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ht_print_duration(text, sizeof text, cases[i].s);
        CU_ASSERT_STRING_EQUAL(text, cases[i].text);
    }
}

/* ---- pace ----------------------------------------------------------------------------------- */

/* 100 s for the whole, in `jumps` jumps; told five times a second until `until`. @return greatest error of the time left */
static double worst_error(int jumps, double from, double until)
{
    ht_pace p = {0};
    double worst = 0;
    for (int i = 0; i * .2 <= until; i++) {
        double s = i * .2;
        ht_pace_add(&p, s, floor(s / 100 * jumps) / jumps);
        double left = ht_pace_left(&p, 1);
        if (s >= from && !isnan(left))
            worst = fmax(worst, fabs(left - (100 - s)));
    }
    return worst;
}

static void nothing_is_told_before_it_means_something(void)
{
    ht_pace p = {0};
    ht_pace_add(&p, 0, 0);
    CU_ASSERT(isnan(ht_pace_left(&p, 1)) && isnan(ht_pace_rate(&p)));
    ht_pace_add(&p, 1, .3);
    CU_ASSERT(isnan(ht_pace_left(&p, 1)));
    ht_pace_add(&p, 3, .31);
    ht_pace_add(&p, 4, .31);
    CU_ASSERT(isnan(ht_pace_left(&p, 1)));      /* two gains */
    ht_pace_add(&p, 5, .32);
    CU_ASSERT(!isnan(ht_pace_left(&p, 1)));
}

static void a_steady_pace_gives_the_time_left(void)
{
    CU_ASSERT(worst_error(500, 10, 99) < 3);
}

static void jumps_of_segments_move_it_little(void)
{
    CU_ASSERT(worst_error(30, 30, 95) < 12);
}

static void what_was_done_before_this_start_counts_for_nothing(void)
{
    ht_pace p = {0};
    for (int i = 0; i <= 50; i++)
        ht_pace_add(&p, i * .2, .9 + i * .001);     /* resumed at 90 %; .005 a second */
    double left = ht_pace_left(&p, 1);
    CU_ASSERT_DOUBLE_EQUAL(left, .05 / .005, .5);
}

static void who_gets_slower_is_told_later(void)
{
    ht_pace p = {0};
    double left = NAN;
    for (int i = 0; i <= 1000; i++) {
        double s = i * .2;
        ht_pace_add(&p, s, s < 50 ? s / 100 : .5 + (s - 50) / 1000);
        left = ht_pace_left(&p, 1);
    }
    CU_ASSERT(left > 250 && left < 400);    /* 350 */
}

CASES("progress_text", CASE(all_of_it_is_shown_where_there_is_room), CASE(what_matters_least_goes_first_where_it_is_narrow),
      CASE(no_width_is_exceeded_with_escapes_or_without), CASE(what_is_not_known_is_left_out),
      CASE(a_share_is_of_the_whole_run_and_never_above_it), CASE(races_and_losses_are_told),
      CASE(durations_read_as_people_say_them), CASE(nothing_is_told_before_it_means_something),
      CASE(a_steady_pace_gives_the_time_left), CASE(jumps_of_segments_move_it_little),
      CASE(what_was_done_before_this_start_counts_for_nothing), CASE(who_gets_slower_is_told_later))
