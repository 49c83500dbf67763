/* tests/population/test_race.c - start values and the race over them, seen in orders and notes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "population/pool_recipe.h"
#include "population/pool_world.h"
#include "population/starts.h"

/* ---- start values --------------------------------------------------------------------------- */

enum { POINTS = 40, KNOBS = 3 };

static void draw(const char *settings, double *h, ht_tuned *t)
{
    static ht_member member;
    ht_recipe *r = pool_recipe("pooled", "barrier", "min");
    training_member(&member);
    if (settings != NULL) {
        cJSON *params = NULL;
        CU_ASSERT_EQUAL_FATAL(ht_json_parse(settings, &params, NULL, NULL), HT_OK);
        CU_ASSERT_EQUAL_FATAL(ht_recipe_set(r, params, NULL), HT_OK);
        cJSON_Delete(params);
    }
    ht_tuned_find(r, &member, t);
    CU_ASSERT_EQUAL_FATAL(t->n, KNOBS);
    CU_ASSERT_EQUAL(ht_starts_draw(r, t, ht_random_stream(1, HT_RANDOM_TEST, 0, 0), POINTS, h, NULL), HT_OK);
    ht_recipe_destroy(r);
}

static void candidate_0_is_the_start_and_the_others_fill_the_range_evenly(void)
{
    double h[POINTS * KNOBS];
    ht_tuned t;
    draw(NULL, h, &t);
    for (size_t k = 0; k < KNOBS; k++) {
        bool seen[POINTS] = {false};
        CU_ASSERT_EQUAL(h[k], t.k[k].start);
        for (size_t i = 1; i < POINTS; i++) {
            double x = log(h[i * KNOBS + k] / t.k[k].lo) / log(t.k[k].hi / t.k[k].lo) * POINTS;
            CU_ASSERT_FATAL(x >= 0 && x < POINTS + 1e-9);
            size_t cell = x < POINTS ? (size_t)x : POINTS - 1;
            CU_ASSERT_FALSE(seen[cell]);        /* Latin hypercube: each cell of each knob once */
            seen[cell] = true;
        }
    }
}

static void a_recipe_that_knows_a_start_draws_about_it(void)
{
    double h[POINTS * KNOBS];
    ht_tuned t;
    draw("{\"population.race.fresh\": 0,"
         "\"actuators.opt.mutations.lr_mult.start\": 0.1, \"actuators.opt.mutations.lr_mult.sigma\": 0.1}",
         h, &t);
    CU_ASSERT_EQUAL(h[0], .1);
    int moved = 0, far = 0;
    for (size_t i = 1; i < POINTS; i++) {
        CU_ASSERT(h[i * KNOBS] > .1 * exp(-.5) && h[i * KNOBS] < .1 * exp(.5));
        moved += h[i * KNOBS] != .1;
        far += fabs(log(h[i * KNOBS + 1] / t.k[1].start)) > .5;     /* no sigma: over the range */
    }
    CU_ASSERT_EQUAL(moved, POINTS - 1);
    CU_ASSERT(far > POINTS / 3);
}

static void what_was_learned_of_mutations_changes_no_start(void)
{
    double before[POINTS * KNOBS], after[POINTS * KNOBS];
    ht_tuned t;
    draw(NULL, before, &t);
    draw("{\"evolved.generation\": 2}", after, &t);
    CU_ASSERT_EQUAL(memcmp(before, after, sizeof before), 0);
}

static void a_start_outside_of_its_range_is_said(void)
{
    ht_recipe *r = pool_recipe("pooled", "elastic", "min");
    ht_member member;
    ht_tuned t;
    ht_string s = {0};
    training_member(&member);
    ht_tuned_find(r, &member, &t);
    ht_tuned_print(&t, &member, &s);
    CU_ASSERT_PTR_NOT_NULL(strstr(ht_string_peek(&s), "(the program's value)"));
    CU_ASSERT_PTR_NULL(strstr(ht_string_peek(&s), "outside"));
    ht_string_release(&s);
    member.knobs[0].value = t.k[0].hi * 2;
    ht_tuned_find(r, &member, &t);
    ht_tuned_print(&t, &member, &s);
    CU_ASSERT_EQUAL(t.k[0].start, t.k[0].hi);
    CU_ASSERT_PTR_NOT_NULL(strstr(ht_string_peek(&s), ", outside of that)"));
    ht_string_release(&s);
    ht_recipe_destroy(r);
}

/* ---- the race ------------------------------------------------------------------------------- */

typedef struct {
    int rungs, candidates[3], reported[3], diverged, unserved, winners, inits, works_of_slow;
    int drops, saves;
    bool start_wins;
    double loss[3], winner;
    int seeds_twice;
    uint64_t seeds[512];
} account;

static void see(void *ctx, double now, const ht_pool_note *n)
{
    account *a = ctx;
    (void)now;
    if (n->kind != HT_NOTE_EVENT)
        return;
    const char *event = ht_json_text(n->event, "event");
    if (strcmp(event, "rung") == 0 && a->rungs < 3) {
        a->candidates[a->rungs] = (int)ht_json_number(n->event, "candidates", -1);
        a->reported[a->rungs] = (int)ht_json_number(n->event, "reported", -1);
        a->diverged += (int)ht_json_number(n->event, "diverged", 0);
        a->unserved += (int)ht_json_number(n->event, "unserved", 0);
        a->loss[a->rungs++] = ht_json_number(n->event, "loss", NAN);
    }
    if (strcmp(event, "race") == 0) {
        const cJSON *winners = ht_json_member(n->event, "winners");
        a->winners = cJSON_GetArraySize(winners);
        a->winner = ht_json_number(cJSON_GetArrayItem(winners, 0), "loss", NAN);
        const cJSON *w;
        cJSON_ArrayForEach(w, winners)
            a->start_wins |= ht_json_number(w, "candidate", -1) == 0;
    }
}

static void hear(void *ctx, double now, int replica, const ht_pool_order *o)
{
    account *a = ctx;
    (void)now;
    if (o->kind == HT_ORDER_WORK && o->source == HT_FROM_INIT && a->inits < 512) {
        for (int i = 0; i < a->inits; i++)
            a->seeds_twice += a->seeds[i] == o->seed;
        a->seeds[a->inits++] = o->seed;
    }
    a->works_of_slow += o->kind == HT_ORDER_WORK && replica == 0 && a->winners == 0;
    a->drops += o->kind == HT_ORDER_DROP;
    a->saves += o->kind == HT_ORDER_SAVE && o->slot != HT_SLOT_ROOT;
}

static account go_with(ht_recipe *r, int n, int epochs, uint64_t seed, const world_fault *fault)
{
    account a = {0};
    world_account w;
    char why[256] = "";
    world_options o = world_of(n, epochs, r, seed);
    o.ctx = &a;
    o.note = see;
    o.order = hear;
    if (fault != NULL)
        o.faults[o.n_faults++] = *fault;
    if (!world_run(&o, &w, why, sizeof why)) {
        fprintf(stderr, "\n    %s\n", why);
        CU_FAIL("see above");
    }
    ht_recipe_destroy(r);
    return a;
}

static account go(const char *sync, int n, int epochs, uint64_t seed, const world_fault *fault)
{
    return go_with(pool_recipe("pooled", sync, "min"), n, epochs, seed, fault);
}

/* Where early losses deceive, the values that a person chose may be the best in the end. */
static void the_start_values_found_an_island_unless_the_recipe_says_otherwise(void)
{
    int kept = 0, by_merit = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        ht_recipe *r = pool_recipe("pooled", "barrier", "min");
        r->population.race.keep_start = false;
        kept += go("barrier", 8, 60, seed, NULL).start_wins;
        by_merit += go_with(r, 8, 60, seed, NULL).start_wins;
    }
    CU_ASSERT_EQUAL(kept, 10);
    CU_ASSERT(by_merit < 5);
}

static void each_rung_takes_the_best_of_the_one_before(void)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        account a = go("barrier", 8, 60, seed, NULL);
        CU_ASSERT_EQUAL_FATAL(a.rungs, 3);
        CU_ASSERT(a.candidates[0] == 80 && a.candidates[1] == 32 && a.candidates[2] == 8);
        CU_ASSERT_EQUAL(a.winners, 8);
        CU_ASSERT(a.reported[0] == 80 && a.reported[1] == 32 && a.reported[2] == 8);
        CU_ASSERT(a.winner <= a.loss[2]);      /* one of a lower rung may be better than the best finalist */
        CU_ASSERT_EQUAL(a.unserved, 0);
    }
}

static void every_candidate_has_weights_of_its_own(void)
{
    account a = go("barrier", 8, 60, 1, NULL);
    CU_ASSERT_EQUAL(a.inits, 80);
    CU_ASSERT_EQUAL(a.seeds_twice, 0);
}

static void every_saved_candidate_is_freed(void)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        account a = go("elastic", 4, 60, seed, NULL);
        CU_ASSERT(a.saves > 0 && a.drops >= a.saves);
    }
}

/* Three times as slow: it gets a third of the candidates or fewer, and the race takes no longer for it. */
static void nobody_waits_for_a_slow_replica(void)
{
    account a =
        go("elastic", 8, 60, 1, &(world_fault){.kind = FAULT_SLOW, .replica = 0, .at = 0, .amount = 3});
    CU_ASSERT(a.works_of_slow >= 2 && a.works_of_slow <= (10 + 4 + 1) / 2);
    CU_ASSERT_EQUAL(a.winners, 8);
}

static void what_a_dead_replica_was_at_goes_back_to_the_queue(void)
{
    account a = go("barrier", 4, 60, 1, &(world_fault){.kind = FAULT_DIES, .replica = 2, .at = 1.5});
    CU_ASSERT_EQUAL_FATAL(a.rungs, 3);
    CU_ASSERT_EQUAL(a.reported[0], 40);
    CU_ASSERT_EQUAL(a.winners, 3);
}

CASES("race", CASE(candidate_0_is_the_start_and_the_others_fill_the_range_evenly),
      CASE(a_recipe_that_knows_a_start_draws_about_it),
      CASE(what_was_learned_of_mutations_changes_no_start), CASE(a_start_outside_of_its_range_is_said),
      CASE(the_start_values_found_an_island_unless_the_recipe_says_otherwise),
      CASE(each_rung_takes_the_best_of_the_one_before),
      CASE(every_candidate_has_weights_of_its_own), CASE(every_saved_candidate_is_freed),
      CASE(nobody_waits_for_a_slow_replica), CASE(what_a_dead_replica_was_at_goes_back_to_the_queue))
