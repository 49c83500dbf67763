/* tests/population/test_pool.c - what pooled islands do with replicas, seen in their orders and notes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "population/pool_recipe.h"
#include "population/pool_world.h"

enum { ISLANDS = 64 };

/* What the notes of a run say. */
typedef struct {
    int verdicts, controls, mutants, segments, rolled_back, tournaments, paused, breaks, lost_islands;
    int last_node[ISLANDS], islands_seen[ISLANDS], after_rollback[ISLANDS];
    double last_loss[ISLANDS], last_knob[ISLANDS];
    double gain_error;          /* start - champion - sum of the parts */
    int pieces, schedule_epochs;
    double null_share;
    int nulls;
    int doings;                 /* of the first four replicas: what they train, where, with which values */
} account;

static double number(const cJSON *o, const char *name)
{
    return ht_json_number(o, name, NAN);
}

static void see_verdict(account *a, const ht_pool_verdict *v)
{
    bool moved = false;
    for (size_t k = 0; k < v->n_knobs; k++)
        moved = moved || v->x[k] != 0;
    a->verdicts++;
    a->controls += !v->mutant;
    a->mutants += v->mutant;
    a->breaks += !v->mutant && (moved || v->accepted);     /* a control is never mutated, nor accepted */
    a->breaks += v->mutant && !moved;
    a->breaks += v->accepted && !v->finite;
    a->breaks += v->in_root && !v->finite;
}

static void see_segment(account *a, const cJSON *e)
{
    int island = (int)number(e, "island");
    bool back = ht_json_true(e, "rolled_back");
    const cJSON *knobs = ht_json_member(e, "knobs");
    a->segments++;
    a->rolled_back += back;
    a->islands_seen[island]++;
    if (a->islands_seen[island] > 1)        /* it goes on from what it had */
        a->breaks += number(e, "before") != a->last_loss[island];
    if (back && a->islands_seen[island] > 1)
        a->breaks += (int)number(e, "node") != a->last_node[island];
    if (back && number(e, "accepted") == 0 && a->islands_seen[island] > 1)
        a->breaks += number(knobs, "opt.lr") != a->last_knob[island];
    if (a->after_rollback[island])
        a->paused += number(e, "mutants") == 0;
    a->after_rollback[island] = back;
    a->last_node[island] = (int)number(e, "node");
    a->last_loss[island] = back ? number(e, "before") : number(e, "loss");
    a->last_knob[island] = number(knobs, "opt.lr");
}

static void see(void *ctx, double now, const ht_pool_note *n)
{
    account *a = ctx;
    (void)now;
    if (n->kind == HT_NOTE_VERDICT)
        see_verdict(a, &n->verdict);
    if (n->kind == HT_NOTE_LINE)
        a->lost_islands += strstr(n->line, "island ") != NULL && strstr(n->line, "is lost") != NULL;
    if (n->kind != HT_NOTE_EVENT)
        return;
    const char *event = ht_json_text(n->event, "event");
    if (strcmp(event, "segment") == 0)
        see_segment(a, n->event);
    a->tournaments += strcmp(event, "tournament") == 0;
}

static double part(const cJSON *gain, const char *name)
{
    return number(ht_json_member(gain, name), "gain");
}

static void see_end(void *ctx, double now, const ht_pool *p)
{
    account *a = ctx;
    cJSON *schedule = ht_pool_schedule(p), *gain = ht_pool_gain(p);
    double wall = -1;
    (void)now;
    for (const cJSON *piece = schedule->child; piece != NULL; piece = piece->next) {
        a->pieces++;
        a->schedule_epochs += (int)number(piece, "epochs");
        a->breaks += number(piece, "wall") < wall;
        wall = number(piece, "wall");
    }
    a->gain_error = number(gain, "start") - number(gain, "champion") - part(gain, "race")
                    - part(gain, "trend") - part(gain, "selection") - part(gain, "mutation")
                    - part(gain, "averaging") - part(gain, "last_epochs");
    for (int r = 0; r < 4; r++) {
        cJSON *doing = ht_pool_doing(p, r);
        a->doings += ht_json_text(doing, "what") != NULL && ht_json_number(doing, "island", -1) >= 0 &&
                     cJSON_GetArraySize(ht_json_member(doing, "knobs")) > 0;
        cJSON_Delete(doing);
    }
    a->nulls = (int)number(ht_json_member(gain, "nulls"), "judged");
    a->null_share = number(ht_json_member(gain, "nulls"), "share");
    cJSON_Delete(schedule);
    cJSON_Delete(gain);
}

/* @param settings  JSON text of recipe paths; "" = none */
static world_account go(const char *settings, const char *sync, int n, int epochs, uint64_t seed,
                        const world_fault *fault, account *a)
{
    char why[256] = "";
    world_account w;
    ht_error err = {""};
    ht_recipe *r = pool_recipe("pooled", sync, "min");
    if (settings[0] != '\0') {
        cJSON *params = NULL;
        CU_ASSERT_EQUAL_FATAL(ht_json_parse(settings, &params, NULL, &err), HT_OK);
        if (ht_recipe_set(r, params, &err) != HT_OK)
            CU_FAIL_FATAL("the settings are wrong");
        cJSON_Delete(params);
    }
    memset(a, 0, sizeof *a);
    world_options o = world_of(n, epochs, r, seed);
    o.ctx = a;
    o.note = see;
    o.end = see_end;
    if (fault != NULL)
        o.faults[o.n_faults++] = *fault;
    if (!world_run(&o, &w, why, sizeof why)) {
        fprintf(stderr, "\n    %s\n", why);
        CU_FAIL("see above");
    }
    ht_recipe_destroy(r);
    return w;
}

static void controls_are_not_mutated_and_a_rollback_keeps_root_and_unproven_knobs(void)
{
    int rolled_back = 0;
    for (uint64_t seed = 1; seed <= 20; seed++)
        for (int sync = 0; sync < 2; sync++) {
            account a;
            go("", pool_syncs[sync], 8, 60, seed, NULL, &a);
            CU_ASSERT_EQUAL(a.breaks, 0);
            CU_ASSERT(a.controls > 0 && a.mutants > 0);
            rolled_back += a.rolled_back;
        }
    CU_ASSERT(rolled_back > 0);
}

/* 80 + 32 + 8 candidates; 44 epochs of 4; every epoch of every replica is used. */
static void a_run_of_eight_replicas_goes_as_planned(void)
{
    account a;
    world_account w = go("", "barrier", 8, 60, 3, NULL, &a);
    CU_ASSERT_EQUAL(w.given, 8 * 60);
    CU_ASSERT_EQUAL(w.works, 80 + 32 + 8 + 8 * 11);
    CU_ASSERT_EQUAL(a.verdicts, 8 * 11);
    /* 4 segments of 8 islands before epoch 32, 2 of 4 before 40, 2 of 2 before 48, 3 of the last one */
    CU_ASSERT_EQUAL(a.segments, 4 * 8 + 2 * 4 + 2 * 2 + 3);
    CU_ASSERT_EQUAL(a.tournaments, 3);
    CU_ASSERT_EQUAL(w.view.islands, 1);
}

static void without_a_barrier_replicas_of_one_speed_go_the_same_way(void)
{
    account a;
    world_account w = go("", "elastic", 8, 60, 3, NULL, &a);
    CU_ASSERT_EQUAL(w.given, 8 * 60);
    CU_ASSERT_EQUAL(a.tournaments, 3);
    CU_ASSERT_EQUAL(a.segments, 4 * 8 + 2 * 4 + 2 * 2 + 3);
    CU_ASSERT(w.utilisation > .9);
}

static void after_too_many_rejects_an_island_has_no_mutants_for_a_segment(void)
{
    account once, never;
    int paused = 0, rolled_back = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        go("{\"safety.max_global_reject_streak\": 1}", "barrier", 8, 60, seed, NULL, &once);
        paused += once.paused;
        go("{\"safety.max_global_reject_streak\": 1000}", "barrier", 8, 60, seed, NULL, &never);
        CU_ASSERT_EQUAL(never.paused, 0);
        rolled_back += once.rolled_back;
    }
    CU_ASSERT(paused > 0 && paused <= rolled_back);
}

static void a_calm_pool_has_only_controls(void)
{
    account a;
    go("", "barrier", 8, 60, 1, &(world_fault){.kind = FAULT_CALM, .at = 1}, &a);
    CU_ASSERT_EQUAL(a.mutants, 0);
    CU_ASSERT_EQUAL(a.controls, 8 * 11);
}

static void a_lost_replicas_island_goes_on(void)
{
    account a;
    world_account w = go("{\"population.tournament.islands\": 2}", "barrier", 6, 60, 2,
                         &(world_fault){.kind = FAULT_DIES, .replica = 1, .at = 26}, &a);
    CU_ASSERT_EQUAL(w.living, 5);
    CU_ASSERT_EQUAL(a.breaks, 0);
    CU_ASSERT(a.islands_seen[0] > 3 && a.islands_seen[1] > 3);
}

/* The slow one's island is behind in epochs, and would have the most left to gain. A segment is four epochs of two. */
static void a_slow_island_does_not_take_the_run_back_in_time(void)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        const world_fault slow = {.kind = FAULT_SLOW, .replica = 1, .at = 0, .amount = 5};
        account a;
        world_account w = go("", "elastic", 2, 60, seed, &slow, &a);
        CU_ASSERT(w.given <= 2 * 60 + 10);
    }
}

static void an_island_of_one_dies_with_its_replica_unless_it_is_mirrored(void)
{
    const world_fault death = {.kind = FAULT_DIES, .replica = 1, .at = 24};
    for (int sync = 0; sync < 2; sync++) {
        account plain, mirrored;
        go("", pool_syncs[sync], 8, 60, 2, &death, &plain);
        CU_ASSERT_EQUAL(plain.lost_islands, 1);
        go("{\"population.mirror\": true}", pool_syncs[sync], 8, 60, 2, &death, &mirrored);
        CU_ASSERT_EQUAL(mirrored.lost_islands, 0);
        CU_ASSERT_EQUAL(mirrored.breaks, 0);
    }
}

static void the_parts_of_the_gain_sum_to_the_gain(void)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        account a;
        go("", "barrier", 8, 60, seed, NULL, &a);
        if (!isnan(a.gain_error))           /* the start values may diverge */
            CU_ASSERT_DOUBLE_EQUAL(a.gain_error, 0, 1e-12);
    }
}

/* Controls judged by controls: by symmetry half of them are better than the mean of the others. */
static void about_half_of_null_mutations_are_accepted_without_an_epsilon(void)
{
    double share = 0;
    int runs = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        account a;
        go("{\"acceptance.epsilon\": 0, \"population.tournament.islands\": 1}", "barrier", 16, 60, seed, NULL,
           &a);
        if (a.nulls > 0) {
            share += a.null_share;
            runs++;
        }
    }
    CU_ASSERT_EQUAL_FATAL(runs, 10);
    CU_ASSERT(share / runs > .35 && share / runs < .65);
}

static void the_schedule_leads_to_the_champion_within_the_run(void)
{
    account a;
    go("", "barrier", 8, 60, 3, NULL, &a);
    CU_ASSERT(a.pieces > 3);
    CU_ASSERT(a.schedule_epochs <= 60);
    CU_ASSERT_EQUAL(a.breaks, 0);
}

static void what_each_replica_does_can_be_seen(void)
{
    account a;
    go("", "barrier", 8, 60, 3, NULL, &a);
    CU_ASSERT_EQUAL(a.doings, 4);
}

static void merging_can_be_switched_off(void)
{
    account a;
    world_account w = go("{\"population.merge\": \"off\"}", "barrier", 8, 60, 3, NULL, &a);
    CU_ASSERT_EQUAL(w.means, 0);
    w = go("", "barrier", 8, 60, 3, NULL, &a);
    CU_ASSERT(w.means > 0);
}

static void pooled_islands_beat_the_start_values(void)
{
    double mine = 0, start = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        account a;
        mine += go("", "barrier", 8, 60, seed, NULL, &a).best;
        start += go("{\"population.policy\": \"static\"}", "barrier", 8, 60, seed, NULL, &a).best;
    }
    CU_ASSERT(mine < start);
}

CASES("pool", CASE(controls_are_not_mutated_and_a_rollback_keeps_root_and_unproven_knobs),
      CASE(a_run_of_eight_replicas_goes_as_planned),
      CASE(without_a_barrier_replicas_of_one_speed_go_the_same_way),
      CASE(after_too_many_rejects_an_island_has_no_mutants_for_a_segment),
      CASE(a_calm_pool_has_only_controls), CASE(a_lost_replicas_island_goes_on),
      CASE(a_slow_island_does_not_take_the_run_back_in_time),
      CASE(an_island_of_one_dies_with_its_replica_unless_it_is_mirrored),
      CASE(the_parts_of_the_gain_sum_to_the_gain),
      CASE(about_half_of_null_mutations_are_accepted_without_an_epsilon),
      CASE(the_schedule_leads_to_the_champion_within_the_run), CASE(what_each_replica_does_can_be_seen), CASE(merging_can_be_switched_off),
      CASE(pooled_islands_beat_the_start_values))
