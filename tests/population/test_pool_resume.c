/* tests/population/test_pool_resume.c - a run that is stopped and goes on with fewer replicas, or more.
 *
 * The worlds check that nobody is ordered what it cannot do, that nothing is ordered from who is gone, that
 * the best weights stay, and that the run ends (pool_world.h); and a second pool that hears the same must say
 * the same. HT_SCHEDULES sets how many schedules are drawn at random, HT_SEED the first. */
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
    int lost_islands; /* that the pool told of */
} schedule;

static void tell(const schedule *s, const char *why)
{
    const world_options *o = &s->o;
    fprintf(stderr, "\n    %s, %s, %d replicas, %d epochs, seed %llu:", pool_policies[s->policy],
            pool_syncs[s->sync], o->pool.n_replicas, o->pool.epochs, (unsigned long long)o->pool.seed);
    for (size_t i = 0; i < o->n_faults; i++)
        fprintf(stderr, " kind %d of %d at %g (%g), absent %llx, more %d;", (int)o->faults[i].kind,
                o->faults[i].replica, o->faults[i].at, o->faults[i].amount,
                (unsigned long long)o->faults[i].absent, o->faults[i].more);
    fprintf(stderr, "\n    %s\n", why);
}

static void look_for_lost_islands(void *ctx, double now, const ht_pool_note *n)
{
    schedule *s = ctx;
    (void)now;
    if (n->kind == HT_NOTE_LINE && strstr(n->line, "island") != NULL)
        s->lost_islands += strstr(n->line, "is lost") != NULL || strstr(n->line, "is left") != NULL;
}

static world_account play(schedule *s)
{
    char why[256];
    world_account a;
    ht_recipe *r = pool_recipe(pool_policies[s->policy], pool_syncs[s->sync], s->o.maximize ? "max" : "min");
    s->o.pool.recipe = r;
    s->o.retold = true;
    s->o.ctx = s;
    s->o.note = look_for_lost_islands;
    bool fine = world_run(&s->o, &a, why, sizeof why);
    if (!fine)
        tell(s, why);
    CU_ASSERT_TRUE(fine);
    ht_recipe_destroy(r);
    return a;
}

/* Every policy, both ways to keep time, stopped at 30 moments each. */
static void stop_everywhere(int n, int epochs, const world_fault *resume,
                            void (*check)(const schedule *s, const world_account *a))
{
    for (int i = 0; i < 30; i++)
        for (int which = 0; which < 2 * POOL_POLICIES; which++) {
            ht_random r = ht_random_stream(19, HT_RANDOM_TEST, (uint64_t)i, (uint64_t)which);
            schedule s = {which / 2, which % 2, world_of(n, epochs, NULL, (uint64_t)i), 0};
            s.o.spread = i % 2;
            s.o.n_faults = 1;
            s.o.faults[0] = *resume;
            s.o.faults[0].at = ht_random_between(&r, 0, epochs);
            world_account a = play(&s);
            check(&s, &a);
            if (s.lost_islands > 0)
                tell(&s, "an island is lost");
            CU_ASSERT_EQUAL(s.lost_islands, 0);
        }
}

static void nobody_is_gone(const schedule *s, const world_account *a)
{
    CU_ASSERT_EQUAL(a->living, s->o.pool.n_replicas);
    CU_ASSERT_EQUAL(a->best, a->best_ever);
}

static void a_stop_changes_nothing_if_all_come_back(void)
{
    stop_everywhere(5, 30, &(world_fault){.kind = FAULT_RESUME}, nobody_is_gone);
}

static void the_best_is_still_there(const schedule *s, const world_account *a)
{
    (void)s;
    CU_ASSERT_EQUAL(a->best, a->best_ever);
}

static void what_one_alone_held_goes_to_others(void)
{
    stop_everywhere(5, 30, &(world_fault){.kind = FAULT_RESUME, .absent = 1 << 2}, the_best_is_still_there);
}

static void what_many_alone_held_goes_to_the_one_who_is_left(void)
{
    stop_everywhere(5, 30, &(world_fault){.kind = FAULT_RESUME, .absent = 0x1d}, the_best_is_still_there);
}

static void half_of_the_replicas_go_on(void)
{
    stop_everywhere(8, 30, &(world_fault){.kind = FAULT_RESUME, .absent = 0xf0}, the_best_is_still_there);
}

static void new_ones_join(void)
{
    stop_everywhere(3, 30, &(world_fault){.kind = FAULT_RESUME, .more = 4}, the_best_is_still_there);
}

static void some_go_and_others_come(void)
{
    stop_everywhere(6, 30, &(world_fault){.kind = FAULT_RESUME, .absent = 0x2b, .more = 3},
                    the_best_is_still_there);
}

/* ---- schedules drawn at random --------------------------------------------------------------- */

static schedule draw(uint64_t seed)
{
    ht_random r = ht_random_stream(seed, HT_RANDOM_TEST, 6, 6);
    int n = 1 + (int)ht_random_below(&r, ht_random_below(&r, 4) == 0 ? 33 : 9);
    int epochs = 1 + (int)ht_random_below(&r, ht_random_below(&r, 4) == 0 ? 60 : 20);
    schedule s = {(int)(ht_random_below(&r, 2) == 0 ? POOL_POLICIES - 1 : ht_random_below(&r, POOL_POLICIES)),
                  (int)ht_random_below(&r, 2), world_of(n, epochs, NULL, seed), 0};
    world_options *o = &s.o;
    o->maximize = ht_random_below(&r, 4) == 0;
    o->spread = ht_random_below(&r, 2) == 0 ? 0 : ht_random_between(&r, 0, 2);
    o->jitter = ht_random_below(&r, 2) == 0 ? 0 : ht_random_between(&r, 0, 1);
    o->delay_s = ht_random_below(&r, 4) == 0 ? .3 : .001;
    o->silence_s = ht_random_between(&r, .1, 20);
    o->pool.patience_s = ht_random_between(&r, 2, 10);
    o->transfer_failure = ht_random_below(&r, 6) == 0 ? ht_random_uniform(&r) : 0;
    o->n_faults = 1 + (size_t)ht_random_below(&r, WORLD_FAULTS_MAX);
    for (size_t i = 0; i < o->n_faults; i++)
        o->faults[i] = (world_fault){.kind = (world_fault_kind)ht_random_below(&r, FAULT_KINDS),
                                     .replica = (int)ht_random_below(&r, (uint64_t)n),
                                     .at = ht_random_between(&r, 0, 1.5 * epochs),
                                     .amount = ht_random_between(&r, .5, 12)};
    for (size_t i = 0; i < o->n_faults && i < 1 + ht_random_below(&r, 3); i++) {
        o->faults[i].kind = FAULT_RESUME;
        o->faults[i].absent = ht_random_bits(&r);
        if (ht_random_below(&r, 2) == 0)
            o->faults[i].absent &= ht_random_bits(&r);
        o->faults[i].more = ht_random_below(&r, 2) == 0 ? 0 : (int)ht_random_below(&r, 5);
    }
    return s;
}

static long setting(const char *name, long normal)
{
    const char *text = getenv(name);
    return text != NULL ? strtol(text, NULL, 10) : normal;
}

static void any_schedule_of_stops_and_failures_ends_well(void)
{
    uint64_t first = (uint64_t)setting("HT_SEED", 1);
    long schedules = setting("HT_SCHEDULES", 1200), wrong = 0, resumed = 0;
    for (long i = 0; i < schedules && wrong < 5; i++) {
        schedule s = draw(first + (uint64_t)i);
        unsigned before = CU_get_number_of_failures();
        resumed += play(&s).resumed;
        wrong += CU_get_number_of_failures() > before;
    }
    CU_ASSERT(resumed > schedules / 4);
}

CASES("pool resume", CASE(a_stop_changes_nothing_if_all_come_back), CASE(what_one_alone_held_goes_to_others),
      CASE(what_many_alone_held_goes_to_the_one_who_is_left), CASE(half_of_the_replicas_go_on),
      CASE(new_ones_join), CASE(some_go_and_others_come),
      CASE(any_schedule_of_stops_and_failures_ends_well))
