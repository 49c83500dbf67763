/* tests/unit/test_simulation.c - simulated runs: they repeat, they end, and their account is complete. */
#include "cases.h"

#include <CUnit/CUnit.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "simulate/simulation.h"

static const char recipe_text[] =
    "version: 1\n"
    "objective: {primary: val/loss, mode: min}\n"
    "actuators:\n"
    "  opt:\n"
    "    mutations:\n"
    "      lr_mult: {bounds: [0.7, 1.2], range: [0.0001, 2]}\n"
    "      wd_mult: {bounds: [0.5, 2.0], range: [0.0001, 3], floor: 0.001}\n"
    "population: {mode: pooled}\n";

static ht_recipe *recipe_with(const char *words)
{
    ht_recipe *r = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(recipe_text, "test", &r, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_set_words(r, words, true, NULL), HT_OK);
    return r;
}

static ht_simulation_options options_of(int replicas, const ht_recipe *r)
{
    return (ht_simulation_options){.replicas = replicas, .epochs = 30, .seed = 3, .recipe = r, .epoch_s = 10, .spread = .2,
                                   .straggler_factor = 1, .down_s = 60, .latency_s = 1e-4, .state_bytes = 1e6,
                                   .bytes_per_s = 1e9, .checkpoint_every_s = 60, .patience_s = 60, .target = NAN};
}

static ht_simulation_result run(const ht_simulation_options *o)
{
    ht_simulation_result r;
    ht_error err = {""};
    CU_ASSERT_EQUAL_FATAL(ht_simulation_run(o, &r, NULL, &err), HT_OK);
    r.busy_s = r.cpu_s = r.real_s = 0;
    return r;
}

static double all_of(const ht_simulation_result *r)
{
    double sum = 0;
    for (int k = 0; k < HT_N_SPENT; k++)
        sum += r->spent[k];
    return sum;
}

static void the_same_options_give_the_same_run_and_another_seed_another_one(void)
{
    ht_recipe *r = recipe_with(NULL);
    ht_simulation_options o = options_of(6, r);
    o.jitter = .3;
    o.failures_per_hour = 30;
    ht_simulation_result a = run(&o), b = run(&o);
    CU_ASSERT_EQUAL(a.wall_s, b.wall_s);
    CU_ASSERT_EQUAL(a.best, b.best);
    CU_ASSERT_EQUAL(a.digest, b.digest);
    CU_ASSERT_EQUAL(memcmp(a.messages, b.messages, sizeof a.messages), 0);
    CU_ASSERT_EQUAL(memcmp(a.spent, b.spent, sizeof a.spent), 0);
    o.seed = 4;
    CU_ASSERT_NOT_EQUAL(run(&o).digest, a.digest);
    ht_recipe_destroy(r);
}

static void one_replica_alone_trains_all_the_time(void)
{
    ht_recipe *r = recipe_with(NULL);
    ht_simulation_options o = options_of(1, r);
    o.spread = 0;
    ht_simulation_result a = run(&o);
    CU_ASSERT_EQUAL(a.epochs, 30);
    CU_ASSERT_DOUBLE_EQUAL(a.spent[HT_SPENT_TRAINING], 300, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(a.wall_s, 300, .1);
    CU_ASSERT_TRUE(a.utilisation > .999);
    CU_ASSERT_EQUAL(a.transfers.done, 0);
    ht_recipe_destroy(r);
}

static void every_second_of_a_replica_is_accounted_for(void)
{
    static const char *const policies[] = {"pooled", "halving", "pbt", "random", "static"};
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        char words[64];
        snprintf(words, sizeof words, "population.policy=%s", policies[i]);
        ht_recipe *r = recipe_with(words);
        ht_simulation_options o = options_of(8, r);
        o.latency_s = 0;        /* else a replica is through half a trip before the coordinator */
        ht_simulation_result a = run(&o);
        CU_ASSERT_DOUBLE_EQUAL(all_of(&a), 8 * a.wall_s, 1e-6 * all_of(&a));
        CU_ASSERT_DOUBLE_EQUAL(a.spent[HT_SPENT_TRAINING] / (double)a.epochs, 10, 2);
        CU_ASSERT_EQUAL(a.messages[HT_MESSAGE_BYE], 8);
        CU_ASSERT_EQUAL(a.untuned, 0);
        ht_recipe_destroy(r);
    }
}

static void replicas_that_die_come_back_and_the_run_ends(void)
{
    ht_recipe *r = recipe_with(NULL);
    ht_simulation_options o = options_of(12, r);
    o.failures_per_hour = 100;
    ht_simulation_result a = run(&o);
    CU_ASSERT_TRUE(a.deaths > 2);
    CU_ASSERT_TRUE(a.spent[HT_SPENT_DOWN] > 0);
    CU_ASSERT_EQUAL(a.messages[HT_MESSAGE_HELLO], 12u + (unsigned long)a.deaths);
    CU_ASSERT_TRUE(a.best < .6);
    ht_recipe_destroy(r);
}

static void slower_networks_and_checkpoints_cost_what_they_take(void)
{
    ht_recipe *r = recipe_with("population.sync=barrier");
    ht_simulation_options o = options_of(4, r);
    ht_simulation_result quick = run(&o);
    o.bytes_per_s = 1e6;        /* a second for each state */
    ht_simulation_result slow = run(&o);
    CU_ASSERT_TRUE(slow.wall_s > quick.wall_s + 1);
    CU_ASSERT_TRUE(slow.spent[HT_SPENT_STATE] > 1);
    o.checkpoint_s = 2;
    ht_simulation_result kept = run(&o);
    CU_ASSERT_TRUE(kept.messages[HT_MESSAGE_SAVED] >= 4);
    CU_ASSERT_DOUBLE_EQUAL(kept.spent[HT_SPENT_CHECKPOINT], 2. * (double)kept.messages[HT_MESSAGE_SAVED], 1e-6);
    ht_recipe_destroy(r);
}

static void a_recipe_without_a_factor_is_for_replicas_that_are_on_their_own(void)
{
    ht_recipe *r = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse("version: 1\nobjective: {primary: val/loss, mode: min}\n", "test", &r, NULL), HT_OK);
    ht_simulation_options o = options_of(2, r);
    ht_simulation_result a = run(&o);
    CU_ASSERT_EQUAL(a.epochs, 60);
    CU_ASSERT_EQUAL(a.messages[HT_MESSAGE_REPORT], 60);
    ht_recipe_destroy(r);
}

/* ---- curves ------------------------------------------------------------------------------------- */

static void a_good_training_falls_and_a_rate_that_is_too_high_diverges(void)
{
    ht_recipe *r = recipe_with(NULL);
    ht_member member;
    ht_tuned tuned;
    ht_curves c;
    ht_simulation_member(r, 1, &member);
    CU_ASSERT_EQUAL_FATAL(member.n_knobs, 2);
    CU_ASSERT_STRING_EQUAL(member.knobs[0].name, "lr");
    ht_tuned_find(r, &member, &tuned);
    ht_curves_make(1, &member, &tuned, 0, NULL, &c);
    ht_curve_state good = ht_curve_begin(&c, 5), bad = good;
    double high[2] = {100 * c.best[0], c.best[1]};
    ht_random noise = ht_random_stream(1, HT_RANDOM_TEST, 0, 0);
    double before = ht_curve_loss(&c, &good);
    for (int i = 0; i < 8; i++)
        ht_curve_train(&c, &good, c.best, noise);
    ht_curve_train(&c, &bad, high, noise);
    CU_ASSERT_TRUE(ht_curve_loss(&c, &good) < before);
    CU_ASSERT_TRUE(isnan(ht_curve_loss(&c, &bad)));
    ht_recipe_destroy(r);
}

static void a_recorded_curve_is_followed_between_its_epochs_and_stays_at_its_end(void)
{
    static const double loss[] = {4, 2, 1};
    const ht_curve_record record = {3, loss};
    ht_curves c = {.seed = 1, .n_records = 1, .records = &record};
    CU_ASSERT_DOUBLE_EQUAL(ht_curve_loss(&c, &(ht_curve_state){.age = 1}), 4, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(ht_curve_loss(&c, &(ht_curve_state){.age = 2.5}), 1.5, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(ht_curve_loss(&c, &(ht_curve_state){.age = 90}), 1, 1e-12);
}

static void a_blend_is_the_mean_of_all_that_went_in(void)
{
    ht_curve_state a = ht_curve_blend((ht_curve_state){.age = 3, .deviation = 1}, 2,
                                      (ht_curve_state){.age = 6, .deviation = -2}, 1);
    CU_ASSERT_DOUBLE_EQUAL(a.age, 4, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(a.deviation, 0, 1e-12);
}

CASES("simulation", CASE(the_same_options_give_the_same_run_and_another_seed_another_one),
      CASE(one_replica_alone_trains_all_the_time), CASE(every_second_of_a_replica_is_accounted_for),
      CASE(replicas_that_die_come_back_and_the_run_ends), CASE(slower_networks_and_checkpoints_cost_what_they_take),
      CASE(a_recipe_without_a_factor_is_for_replicas_that_are_on_their_own),
      CASE(a_good_training_falls_and_a_rate_that_is_too_high_diverges),
      CASE(a_recorded_curve_is_followed_between_its_epochs_and_stays_at_its_end),
      CASE(a_blend_is_the_mean_of_all_that_went_in))
