/* tests/population/test_island.c - casting, judging and moving one island. */
#include <math.h>
#include <string.h>

#include "cases.h"
#include "population/island.h"
#include "population/merge.h"

static const ht_member program = {
    .n_knobs = 3,
    .knobs = {{"opt", "lr", .002, 1e-5, 1}, {"opt", "wd", 0, 0, 10}, {"opt", "momentum", .9, 0, 1}}};
static const char text[] =
    "version: 1\n"
    "objective: {primary: val/loss, mode: min}\n"
    "actuators:\n"
    "  opt:\n"
    "    mutations:\n"
    "      lr_mult: {bounds: [0.7, 1.2], range: [0.001, 0.0025]}\n"
    "      wd_mult: {bounds: [0.5, 2.0], range: [0.0001, 3], floor: 0.001}\n"
    "acceptance: {epsilon: 0}\n";

typedef struct {
    ht_recipe *recipe;
    ht_tuned tuned;
    ht_multipliers *posterior;
    ht_island island;
    size_t finite[16];
    ht_judgement j;
} bench;

static void set_up(bench *b, size_t members)
{
    memset(b, 0, sizeof *b);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(text, "island", &b->recipe, NULL), HT_OK);
    ht_tuned_find(b->recipe, &program, &b->tuned);
    CU_ASSERT_EQUAL_FATAL(b->tuned.n, 2);
    CU_ASSERT_EQUAL_FATAL(ht_multipliers_create(2, &b->posterior, NULL), HT_OK);
    ht_island_init(&b->island, 0);
    CU_ASSERT_EQUAL_FATAL(ht_island_reserve(&b->island, 16), HT_OK);
    ht_tuned_start(&b->tuned, b->island.h);
    b->island.n = members;
    b->j.finite = b->finite;
}

static void tear_down(bench *b)
{
    ht_island_release(&b->island);
    ht_multipliers_destroy(b->posterior);
    ht_recipe_destroy(b->recipe);
}

static void cast(bench *b, size_t controls, uint64_t seed)
{
    ht_island_cast(&b->island, controls, &b->tuned, b->posterior, b->recipe, "early",
                   ht_random_stream(seed, HT_RANDOM_TEST, 0, 0));
}

static void report(bench *b, const double *losses)
{
    for (size_t i = 0; i < b->island.n; i++) {
        b->island.members[i].state = HT_MEMBER_REPORTED;
        b->island.members[i].loss = losses[i];
    }
}

static void a_control_has_the_islands_point_and_a_mutant_changes_every_knob(void)
{
    bench b;
    set_up(&b, 6);
    cast(&b, 2, 1);
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < 2; k++) {
            const ht_island_member *m = &b.island.members[i];
            CU_ASSERT_EQUAL(m->mutant, i >= 2);
            CU_ASSERT_EQUAL(m->x[k] != 0, i >= 2);
            if (i < 2)
                CU_ASSERT_EQUAL(m->h[k], b.island.h[k]);
        }
    tear_down(&b);
}

/* lr: factors .7 .. 1.2 of .002, but never above its range; wd at 0 begins at its floor. */
static void knobs_never_leave_their_range_and_leave_zero_from_the_floor(void)
{
    bench b;
    set_up(&b, 16);
    for (uint64_t seed = 0; seed < 200; seed++) {
        cast(&b, 1, seed);
        for (size_t i = 1; i < 16; i++) {
            const double *h = b.island.members[i].h;
            CU_ASSERT(h[0] >= .002 * .7 - 1e-12 && h[0] <= .002 * 1.2 + 1e-12);
            CU_ASSERT(h[1] >= .001 * .5 - 1e-12 && h[1] <= .001 * 2 + 1e-12);
        }
    }
    b.island.h[0] = .0025;
    cast(&b, 1, 1);
    for (size_t i = 1; i < 16; i++)
        CU_ASSERT(b.island.members[i].h[0] <= .0025);
    CU_ASSERT_EQUAL(b.island.members[0].h[1], 0);      /* a control stays at 0 */
    tear_down(&b);
}

static void a_mutant_is_judged_against_the_mean_of_the_finite_controls(void)
{
    bench b;
    set_up(&b, 5);
    cast(&b, 3, 1);
    report(&b, (const double[]){1.2, NAN, 1.0, 1.05, 1.3});
    ht_island_judge(&b.island, b.recipe, &b.j);
    CU_ASSERT_EQUAL(b.j.n_controls, 2);
    CU_ASSERT_DOUBLE_EQUAL(b.j.control, 1.1, 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(b.island.members[3].score, .05, 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(b.island.members[4].score, -.2, 1e-15);
    CU_ASSERT_TRUE(b.island.members[3].accepted);
    CU_ASSERT_FALSE(b.island.members[4].accepted);
    CU_ASSERT_FALSE(b.island.members[2].accepted);     /* better than the mean, but a control */
    /* finite: 1, 1.05, 1.2, 1.3; median 1.125; deviations .125 .075 .075 .175, median .1 */
    CU_ASSERT_DOUBLE_EQUAL(b.j.noise, 1.4826 * .1 + 1e-4, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(b.island.members[3].z, .05 / b.j.noise, 1e-12);
    CU_ASSERT_EQUAL(b.finite[0], 2);
    CU_ASSERT_EQUAL(b.finite[3], 4);
    tear_down(&b);
}

static void scores_are_cut_at_fifty_deviations_and_divergence_counts_as_the_worst(void)
{
    bench b;
    set_up(&b, 4);
    cast(&b, 1, 1);
    report(&b, (const double[]){1, 1, 900, NAN});
    ht_island_judge(&b.island, b.recipe, &b.j);
    CU_ASSERT_EQUAL(b.island.members[2].z, -50);
    CU_ASSERT_EQUAL(b.island.members[3].z, -50);
    CU_ASSERT_EQUAL(ht_island_teach(&b.island, &b.tuned, b.posterior, "early"), HT_OK);
    CU_ASSERT_EQUAL(ht_multipliers_count(b.posterior, 0), 3);
    tear_down(&b);
}

static void who_is_absent_teaches_nothing(void)
{
    bench b;
    set_up(&b, 3);
    cast(&b, 1, 1);
    report(&b, (const double[]){1, .9, .8});
    b.island.members[2].state = HT_MEMBER_ABSENT;
    ht_island_judge(&b.island, b.recipe, &b.j);
    CU_ASSERT_EQUAL(b.j.n_finite, 2);
    CU_ASSERT_FALSE(b.island.members[2].accepted);
    ht_island_teach(&b.island, &b.tuned, b.posterior, "early");
    CU_ASSERT_EQUAL(ht_multipliers_count(b.posterior, 0), 1);
    tear_down(&b);
}

static void without_a_finite_control_every_finite_mutant_is_accepted(void)
{
    bench b;
    set_up(&b, 4);
    b.island.loss = 1;
    cast(&b, 1, 1);
    report(&b, (const double[]){NAN, 1.5, 2, NAN});
    ht_island_judge(&b.island, b.recipe, &b.j);
    CU_ASSERT_EQUAL(b.j.control, 1);
    CU_ASSERT_TRUE(b.island.members[1].accepted);
    CU_ASSERT_TRUE(b.island.members[2].accepted);
    CU_ASSERT_FALSE(b.island.members[3].accepted);
    tear_down(&b);
}

static void the_point_moves_to_the_geometric_mean_of_the_accepted_or_stays(void)
{
    bench b;
    set_up(&b, 3);
    cast(&b, 1, 1);
    report(&b, (const double[]){1, 2, 3});
    ht_island_judge(&b.island, b.recipe, &b.j);
    ht_island_move(&b.island, &b.tuned, &b.j);
    CU_ASSERT_EQUAL(b.island.h[0], .002);
    CU_ASSERT_EQUAL(b.island.h[1], 0);
    b.island.members[1].h[0] = .0016;
    b.island.members[2].h[0] = .0025;
    b.island.members[1].h[1] = 0;       /* counts as its floor .001 */
    b.island.members[2].h[1] = .004;
    report(&b, (const double[]){1, .9, .8});
    ht_island_judge(&b.island, b.recipe, &b.j);
    ht_island_move(&b.island, &b.tuned, &b.j);
    CU_ASSERT_DOUBLE_EQUAL(b.island.h[0], .002, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(b.island.h[1], .002, 1e-12);
    tear_down(&b);
}

static void an_island_in_which_all_diverged_halves_its_learning_rate_inside_the_range(void)
{
    bench b;
    set_up(&b, 1);
    ht_island_slow_down(&b.island, &b.tuned);
    CU_ASSERT_EQUAL(b.island.h[0], .001);
    ht_island_slow_down(&b.island, &b.tuned);
    CU_ASSERT_EQUAL(b.island.h[0], .001);
    CU_ASSERT_EQUAL(b.island.h[1], 0);
    tear_down(&b);
}

static void nulls_are_controls_judged_by_the_other_controls(void)
{
    bench b;
    size_t tried;
    set_up(&b, 4);
    cast(&b, 3, 1);
    report(&b, (const double[]){1, 2, 2.4, .1});
    ht_island_judge(&b.island, b.recipe, &b.j);
    /* 1 against 2.2: accepted; 2 against 1.7, 2.4 against 1.5: not */
    CU_ASSERT_EQUAL(ht_island_nulls(&b.island, b.recipe, &b.j, &tried), 1);
    CU_ASSERT_EQUAL(tried, 3);
    cast(&b, 1, 1);
    ht_island_judge(&b.island, b.recipe, &b.j);
    CU_ASSERT_EQUAL(ht_island_nulls(&b.island, b.recipe, &b.j, &tried), 0);
    CU_ASSERT_EQUAL(tried, 0);
    tear_down(&b);
}

static void means_are_halved_down_to_two_members(void)
{
    size_t sizes[HT_MERGE_MOST];
    CU_ASSERT_EQUAL(ht_merge_sizes(1, sizes), 0);
    CU_ASSERT_EQUAL(ht_merge_sizes(3, sizes), 1);
    CU_ASSERT_EQUAL_FATAL(ht_merge_sizes(13, sizes), 3);
    CU_ASSERT(sizes[0] == 13 && sizes[1] == 6 && sizes[2] == 3);
}

CASES("island", CASE(a_control_has_the_islands_point_and_a_mutant_changes_every_knob),
      CASE(knobs_never_leave_their_range_and_leave_zero_from_the_floor),
      CASE(a_mutant_is_judged_against_the_mean_of_the_finite_controls),
      CASE(scores_are_cut_at_fifty_deviations_and_divergence_counts_as_the_worst),
      CASE(who_is_absent_teaches_nothing), CASE(without_a_finite_control_every_finite_mutant_is_accepted),
      CASE(the_point_moves_to_the_geometric_mean_of_the_accepted_or_stays),
      CASE(an_island_in_which_all_diverged_halves_its_learning_rate_inside_the_range),
      CASE(nulls_are_controls_judged_by_the_other_controls), CASE(means_are_halved_down_to_two_members))
