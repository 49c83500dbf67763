/* tests/population/test_pool_faults.c - whatever happens to replicas, a run ends and the best weights are
 * told.
 *
 * The worlds check every order (pool_world.h) and, at the end, that END names the replica that keeps the best
 * of the weights that are left. HT_SCHEDULES sets how many schedules are drawn at random, HT_SEED the first.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "population/pool_recipe.h"
#include "population/pool_world.h"

typedef struct {
    int policy, sync;
    world_options o;
} schedule;

static const char *const fault_words[FAULT_KINDS] = {"dies", "restarts", "late", "nan", "sick",
                                                     "slow", "hangs",    "stop", "calm"};

static void tell(const schedule *s, const char *why)
{
    const world_options *o = &s->o;
    fprintf(stderr, "\n    %s, %s, %d replicas, %d epochs, seed %llu, spread %g, transfers fail %g:",
            pool_policies[s->policy], pool_syncs[s->sync], o->pool.n_replicas, o->pool.epochs,
            (unsigned long long)o->pool.seed, o->spread, o->transfer_failure);
    for (size_t i = 0; i < o->n_faults; i++)
        fprintf(stderr, " %d %s at %g (%g),", o->faults[i].replica, fault_words[o->faults[i].kind],
                o->faults[i].at, o->faults[i].amount);
    fprintf(stderr, "\n    %s\n", why);
}

static world_account play(schedule *s)
{
    char why[256];
    world_account a;
    ht_recipe *r = pool_recipe(pool_policies[s->policy], pool_syncs[s->sync], s->o.maximize ? "max" : "min");
    s->o.pool.recipe = r;
    bool fine = world_run(&s->o, &a, why, sizeof why);
    if (!fine)
        tell(s, why);
    CU_ASSERT_TRUE(fine);
    ht_recipe_destroy(r);
    return a;
}

/* Every policy, both ways to keep time; `faults` happen at a time of their own in each of 30 runs. */
static void try_everywhere(int n, int epochs, size_t n_faults, const world_fault *faults,
                           void (*check)(const schedule *s, const world_account *a))
{
    for (int i = 0; i < 30; i++)
        for (int which = 0; which < 2 * POOL_POLICIES; which++) {
            ht_random r = ht_random_stream(17, HT_RANDOM_TEST, (uint64_t)i, (uint64_t)which);
            schedule s = {which / 2, which % 2, world_of(n, epochs, NULL, (uint64_t)i)};
            s.o.n_faults = n_faults;
            for (size_t f = 0; f < n_faults; f++) {
                s.o.faults[f] = faults[f];
                s.o.faults[f].at = ht_random_between(&r, 0, epochs);
            }
            world_account a = play(&s);
            if (check != NULL)
                check(&s, &a);
        }
}

static void one_is_gone(const schedule *s, const world_account *a)
{
    CU_ASSERT(a->living >= s->o.pool.n_replicas - 1);
    CU_ASSERT_TRUE(a->has_best && a->view.has_champion);
}

static void one_replica_dies_at_any_time(void)
{
    try_everywhere(5, 30, 1, &(world_fault){.kind = FAULT_DIES, .replica = 2}, one_is_gone);
}

static void nobody_is_gone(const schedule *s, const world_account *a)
{
    CU_ASSERT_EQUAL(a->living, s->o.pool.n_replicas);
    CU_ASSERT_EQUAL(a->best, a->best_ever);
}

static void a_state_becomes_nan_at_any_time(void)
{
    try_everywhere(5, 30, 1, &(world_fault){.kind = FAULT_NAN, .replica = 1}, nobody_is_gone);
}

static void a_replica_on_which_everything_diverges(void)
{
    try_everywhere(5, 30, 1, &(world_fault){.kind = FAULT_SICK, .replica = 1}, nobody_is_gone);
}

static void a_replica_becomes_slow(void)
{
    try_everywhere(5, 30, 1, &(world_fault){.kind = FAULT_SLOW, .replica = 3, .amount = 5}, nobody_is_gone);
}

static void a_replica_hangs_for_a_while(void)
{
    try_everywhere(5, 30, 1, &(world_fault){.kind = FAULT_HANGS, .replica = 0, .amount = 3}, nobody_is_gone);
}

static void a_replica_hangs_until_nobody_believes_in_it(void)
{
    try_everywhere(5, 30, 1, &(world_fault){.kind = FAULT_HANGS, .replica = 0, .amount = 60}, one_is_gone);
}

static void a_replica_comes_back_with_empty_hands(void)
{
    try_everywhere(5, 30, 1, &(world_fault){.kind = FAULT_RESTARTS, .replica = 4, .amount = 2}, one_is_gone);
}

static void nobody_lives(const schedule *s, const world_account *a)
{
    (void)s;
    (void)a; /* it ended: that is all */
}

static void all_of_them_die(void)
{
    static const world_fault all[] = {
        {.kind = FAULT_DIES}, {.kind = FAULT_DIES, .replica = 1}, {.kind = FAULT_DIES, .replica = 2}};
    try_everywhere(3, 20, 3, all, nobody_lives);
}

static void no_transfer_ever_arrives(void)
{
    for (int which = 0; which < 2 * POOL_POLICIES; which++) {
        schedule s = {which / 2, which % 2, world_of(6, 30, NULL, 3)};
        s.o.transfer_failure = 1;
        world_account a = play(&s);
        nobody_is_gone(&s, &a);
    }
}

/* ---- schedules drawn at random --------------------------------------------------------------- */

static schedule draw(uint64_t seed)
{
    ht_random r = ht_random_stream(seed, HT_RANDOM_TEST, 5, 5);
    int n = 1 + (int)ht_random_below(&r, ht_random_below(&r, 4) == 0 ? 33 : 9);
    int epochs = 1 + (int)ht_random_below(&r, ht_random_below(&r, 4) == 0 ? 60 : 20);
    schedule s = {(int)(ht_random_below(&r, 2) == 0 ? POOL_POLICIES - 1 : ht_random_below(&r, POOL_POLICIES)),
                  (int)ht_random_below(&r, 2), world_of(n, epochs, NULL, seed)};
    world_options *o = &s.o;
    o->retold = true;
    o->maximize = ht_random_below(&r, 4) == 0;
    o->goes_on_after_nan = ht_random_below(&r, 2) == 0;
    o->spread = ht_random_below(&r, 2) == 0 ? 0 : ht_random_between(&r, 0, 2);
    o->jitter = ht_random_below(&r, 2) == 0 ? 0 : ht_random_between(&r, 0, 1);
    o->delay_s = ht_random_below(&r, 4) == 0 ? .3 : .001;
    o->silence_s = ht_random_between(&r, .1, 20);
    o->pool.patience_s = ht_random_between(&r, 2, 10);
    o->transfer_failure = ht_random_below(&r, 4) == 0 ? ht_random_uniform(&r) : 0;
    o->n_faults = (size_t)ht_random_below(&r, WORLD_FAULTS_MAX + 1);
    for (size_t i = 0; i < o->n_faults; i++)
        o->faults[i] = (world_fault){.kind = (world_fault_kind)ht_random_below(&r, FAULT_KINDS),
                                     .replica = (int)ht_random_below(&r, (uint64_t)n),
                                     .at = ht_random_between(&r, 0, 1.5 * epochs),
                                     .amount = ht_random_between(&r, .5, 12)};
    return s;
}

static long setting(const char *name, long normal)
{
    const char *text = getenv(name);
    return text != NULL ? strtol(text, NULL, 10) : normal;
}

static void any_schedule_of_failures_ends_well(void)
{
    uint64_t first = (uint64_t)setting("HT_SEED", 1);
    long schedules = setting("HT_SCHEDULES", 3000), wrong = 0;
    for (long i = 0; i < schedules && wrong < 5; i++) {
        schedule s = draw(first + (uint64_t)i);
        unsigned before = CU_get_number_of_failures();
        play(&s);
        wrong += CU_get_number_of_failures() > before;
    }
}

CASES("pool faults", CASE(one_replica_dies_at_any_time), CASE(a_state_becomes_nan_at_any_time),
      CASE(a_replica_on_which_everything_diverges), CASE(a_replica_becomes_slow),
      CASE(a_replica_hangs_for_a_while), CASE(a_replica_hangs_until_nobody_believes_in_it),
      CASE(a_replica_comes_back_with_empty_hands), CASE(all_of_them_die), CASE(no_transfer_ever_arrives),
      CASE(any_schedule_of_failures_ends_well))
