/* tests/population/test_pool.c - the pool around a policy: who is told what, champion, barrier, the lost and the late. */
#include "cases.h"
#include "pool_stage.h"

static void everybody_trains_the_start_values_to_the_end_and_is_ended(void)
{
    static stage s;
    stage_open(&s, "static", "elastic", "", 3, 7, 5);
    stage_start(&s);
    CU_ASSERT_TRUE(stage_run(&s, 100));
    CU_ASSERT_EQUAL(s.epochs_ordered, 3 * 7);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(s.r[i].ended);
        CU_ASSERT_EQUAL(s.r[i].done, 7);
        CU_ASSERT_EQUAL(s.r[i].knobs[0], .002);
        CU_ASSERT_EQUAL(s.r[i].knobs[2], .9);     /* not in the recipe: as the program has it */
    }
    stage_close(&s);
}

static void the_champion_is_never_worse_than_any_report_and_one_replica_is_told(void)
{
    static stage s;
    stage_open(&s, "static", "elastic", "", 4, 6, 2);
    stage_start(&s);
    CU_ASSERT_TRUE(stage_run(&s, 100));
    ht_pool_view v;
    ht_pool_peek(s.pool, &v);
    CU_ASSERT_TRUE(v.has_champion);
    CU_ASSERT_EQUAL(v.best, s.best_told);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(s.r[i].champion, i == v.champion);
    stage_close(&s);
}

static void the_champions_weights_die_with_their_replica(void)
{
    static stage s;
    stage_open(&s, "static", "elastic", "", 3, 9, 5);
    stage_start(&s);
    for (int i = 0; i < 20; i++)
        stage_step(&s);
    s.r[2].pace = 3;    /* still there when the champion dies */
    for (int i = 0; i < 2; i++)
        s.r[i].live.jitter = 0;
    ht_pool_view v;
    ht_pool_peek(s.pool, &v);
    int before = v.champion;
    CU_ASSERT_FATAL(!v.has_champion);     /* a TICK alone crowns nobody */
    for (int i = 0; i < 40 && !v.has_champion; i++) {
        stage_step(&s);
        ht_pool_peek(s.pool, &v);
    }
    CU_ASSERT_FATAL(v.has_champion);
    before = v.champion;
    stage_kill(&s, before);
    ht_pool_peek(s.pool, &v);
    CU_ASSERT_NOT_EQUAL(v.champion, before);
    CU_ASSERT_TRUE(stage_run(&s, 200));
    CU_ASSERT_TRUE(s.r[v.champion].ended);
    stage_close(&s);
}

static uint64_t fingerprint(const char *sync, double pace_of_first)
{
    static stage s;
    stage_open(&s, "static", sync, "", 3, 7, 5);
    s.r[0].pace = pace_of_first;
    stage_start(&s);
    CU_ASSERT_TRUE(stage_run(&s, 100));
    uint64_t f = s.fingerprint;
    stage_close(&s);
    return f;
}

static void with_a_barrier_the_same_seed_gives_the_same_orders_whoever_is_slow(void)
{
    CU_ASSERT_EQUAL(fingerprint("barrier", 1), fingerprint("barrier", 2.5));
}

static void a_run_that_is_stopped_ends_at_the_next_epoch(void)
{
    static stage s;
    stage_open(&s, "static", "elastic", "", 3, 50, 5);
    stage_start(&s);
    for (int i = 0; i < 9; i++)
        stage_step(&s);
    ht_pool_stop(s.pool, s.now);
    stage_drain(&s);
    CU_ASSERT_TRUE(stage_run(&s, 3));
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(s.r[i].ended);
        CU_ASSERT_TRUE(s.r[i].done < 5);
    }
    stage_close(&s);
}

static void a_run_whose_replicas_all_die_is_done(void)
{
    static stage s;
    stage_open(&s, "static", "barrier", "", 2, 50, 5);
    stage_start(&s);
    stage_step(&s);
    stage_kill(&s, 0);
    CU_ASSERT_FALSE(ht_pool_is_done(s.pool));
    stage_kill(&s, 1);
    CU_ASSERT_TRUE(ht_pool_is_done(s.pool));
    stage_close(&s);
}

static void it_starts_when_those_that_are_missing_are_lost(void)
{
    static stage s;
    stage_open(&s, "static", "elastic", "", 2, 3, 5);
    s.r[1].dead = true;
    stage_start(&s);
    CU_ASSERT_EQUAL(s.works, 0);
    stage_kill(&s, 1);
    CU_ASSERT_EQUAL(s.works, 1);
    CU_ASSERT_TRUE(stage_run(&s, 20));
    stage_close(&s);
}

static void a_loss_that_is_no_number_crowns_nobody(void)
{
    static stage s;
    stage_open(&s, "static", "elastic", "", 2, 3, 5);
    s.r[0].nan = s.r[1].nan = true;
    stage_start(&s);
    CU_ASSERT_TRUE(stage_run(&s, 20));
    ht_pool_view v;
    ht_pool_peek(s.pool, &v);
    CU_ASSERT_FALSE(v.has_champion);
    stage_close(&s);
}

static void the_schedule_is_the_path_of_the_champion(void)
{
    static stage s;
    stage_open(&s, "static", "elastic", "", 2, 3, 5);
    stage_start(&s);
    CU_ASSERT_TRUE(stage_run(&s, 20));
    cJSON *schedule = ht_pool_schedule(s.pool);
    CU_ASSERT_EQUAL_FATAL(cJSON_GetArraySize(schedule), 1);
    const cJSON *piece = cJSON_GetArrayItem(schedule, 0);
    CU_ASSERT_EQUAL(ht_json_number(piece, "epochs", 0), 3);
    CU_ASSERT_EQUAL(ht_json_number(ht_json_member(piece, "knobs"), "opt.lr", 0), .002);
    cJSON_Delete(schedule);
    stage_close(&s);
}

CASES("pool", CASE(everybody_trains_the_start_values_to_the_end_and_is_ended),
      CASE(the_champion_is_never_worse_than_any_report_and_one_replica_is_told),
      CASE(the_champions_weights_die_with_their_replica),
      CASE(with_a_barrier_the_same_seed_gives_the_same_orders_whoever_is_slow),
      CASE(a_run_that_is_stopped_ends_at_the_next_epoch), CASE(a_run_whose_replicas_all_die_is_done),
      CASE(it_starts_when_those_that_are_missing_are_lost), CASE(a_loss_that_is_no_number_crowns_nobody),
      CASE(the_schedule_is_the_path_of_the_champion))
