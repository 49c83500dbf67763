/* tests/unit/test_propose_property.c - a million proposals in random worlds: whatever the recipe, the
 * question and the history, the answer is on offer and inside its bounds.
 *
 * A world is a recipe, a history and a question of random families: all scales, tuples, one-point and
 * extreme intervals, bounds that the scale does not hold, observations far outside, scores that are
 * equal, huge or -infinity. */
#include "search/posterior.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/value.h"
#include "cases.h"

enum { WORLDS = 10000, PROPOSALS = 100, NAMES = 6 };

typedef struct {
    ht_recipe recipe;
    ht_ask ask;
    ht_posterior *posterior;
} world;

static bool chance(ht_random *r, double share)
{
    return ht_random_uniform(r) < share;
}

/* A number of any size and sign; sometimes one that makes trouble. */
static double any_number(ht_random *r)
{
    static const double nasty[] = {0, -0., 1, -1, DBL_MIN, DBL_MAX, -DBL_MAX, 5e-324, DBL_EPSILON, 1e-300, 1e300};
    if (chance(r, .2))
        return nasty[ht_random_below(r, sizeof nasty / sizeof *nasty)];
    double magnitude = pow(10, ht_random_between(r, -12, 12));
    return chance(r, .5) ? magnitude : -magnitude;
}

static void any_bounds(ht_random *r, ht_eligible *f, size_t i)
{
    double a = any_number(r), b = any_number(r);
    if (f->scale == HT_SCALE_LOG && chance(r, .9)) {
        a = fabs(a) > 0 ? fabs(a) : 1;
        b = fabs(b) > 0 ? fabs(b) : 1;
    }
    if (f->scale == HT_SCALE_BETA && chance(r, .9)) {
        a = ht_random_uniform(r);
        b = 1 - pow(10, ht_random_between(r, -17, 0));
    }
    if (chance(r, .1))
        b = a;
    f->lo[i] = fmin(a, b);
    f->hi[i] = fmax(a, b);
}

static ht_eligible any_family(ht_random *r, size_t name)
{
    static const char *const ends[] = {"_mult", "_set", "_delta", ""};
    ht_eligible f = {.actuator = "opt", .keyed = chance(r, .3), .mode = (ht_spec_mode)ht_random_below(r, 3),
                     .scale = (ht_scale)ht_random_below(r, 3), .n = 1, .center = any_number(r)};
    if (chance(r, .2))
        f.n = 1 + ht_random_below(r, HT_BOUNDS_MAX);
    snprintf(f.key, sizeof f.key, "f%zu%s", name, ends[name % 4]);
    for (size_t i = 0; i < f.n; i++)
        any_bounds(r, &f, i);
    return f;
}

static ht_observation any_observation(ht_random *r, const ht_ask *ask)
{
    const ht_eligible *f = &ask->families[ht_random_below(r, ask->n)];
    ht_observation o = {.actuator = "opt", .n = f->n, .y = any_number(r)};
    snprintf(o.phase, sizeof o.phase, "%s", chance(r, .5) ? "early" : "late");
    snprintf(o.key, sizeof o.key, "%s", chance(r, .9) ? f->key : "gone");
    if (chance(r, .2))
        o.y = chance(r, .5) ? 0 : -INFINITY;
    for (size_t i = 0; i < o.n; i++) {
        double x = ht_scale_to(f->scale, ht_random_between(r, f->lo[i], f->hi[i]));
        o.x[i] = chance(r, .1) || !isfinite(x) ? any_number(r) : x;
    }
    return o;
}

static world any_world(ht_random *r)
{
    world w = {.recipe.search = {.algorithm = chance(r, .8) ? HT_SEARCH_TPE : HT_SEARCH_RANDOM,
                                 .startup_trials = (long long)ht_random_below(r, 10),
                                 .candidate_count = 1 + (long long)ht_random_below(r, 6),
                                 .phase_conditioned = chance(r, .7),
                                 .gamma = ht_random_between(r, .01, .99),
                                 .other_phase_weight = chance(r, .2) ? 0 : ht_random_uniform(r)},
               .ask = {.phase = "early", .n = 1 + ht_random_below(r, NAMES)}};
    CU_ASSERT_EQUAL_FATAL(ht_posterior_create(&w.posterior, NULL), HT_OK);
    for (size_t i = 0; i < w.ask.n; i++)
        w.ask.families[i] = any_family(r, i);
    for (size_t n = ht_random_below(r, 40); n > 0; n--) {
        ht_observation o = any_observation(r, &w.ask);
        CU_ASSERT_EQUAL_FATAL(ht_posterior_add(w.posterior, &o, NULL), HT_OK);
    }
    return w;
}

static const ht_eligible *offered(const ht_ask *ask, const ht_proposal *p)
{
    for (size_t i = 0; i < ask->n; i++)
        if (strcmp(ask->families[i].key, p->key) == 0)
            return &ask->families[i];
    return NULL;
}

static bool is_inside(const ht_eligible *f, const ht_value *v)
{
    if (f->n == 1)
        return v->kind == HT_VALUE_REAL && v->scalar.number >= f->lo[0] && v->scalar.number <= f->hi[0];
    bool inside = v->kind == HT_VALUE_LIST && v->n_items == f->n;
    for (size_t i = 0; inside && i < f->n; i++)
        inside = v->items[i].number >= f->lo[i] && v->items[i].number <= f->hi[i];
    return inside;
}

static void every_proposal_is_on_offer_and_inside_its_bounds(void)
{
    for (uint64_t i = 0; i < WORLDS; i++) {
        ht_random r = ht_random_stream(2024, HT_RANDOM_TEST, 0, i);
        world w = any_world(&r);
        for (uint64_t j = 0; j < PROPOSALS; j++) {
            ht_random random = ht_random_stream(i, HT_RANDOM_PROPOSAL, 0, j);
            ht_proposal p;
            CU_ASSERT_FATAL(ht_propose(w.posterior, &w.recipe, &w.ask, &random, &p));
            const ht_eligible *f = offered(&w.ask, &p);
            CU_ASSERT_FATAL(f != NULL && is_inside(f, &p.patch.value));
        }
        ht_posterior_destroy(w.posterior);
    }
}

static void the_answer_depends_on_its_arguments_alone(void)
{
    for (uint64_t i = 0; i < WORLDS / 10; i++) {
        ht_random r = ht_random_stream(7, HT_RANDOM_TEST, 1, i);
        world w = any_world(&r), other = any_world(&r);
        ht_random once = ht_random_stream(i, HT_RANDOM_PROPOSAL, 0, 0), again = once, between = once;
        ht_proposal a, b, c;
        CU_ASSERT_FATAL(ht_propose(w.posterior, &w.recipe, &w.ask, &once, &a));
        ht_propose(other.posterior, &other.recipe, &other.ask, &between, &c);
        CU_ASSERT_FATAL(ht_propose(w.posterior, &w.recipe, &w.ask, &again, &b));
        CU_ASSERT_FATAL(strcmp(a.key, b.key) == 0 && a.source == b.source);
        CU_ASSERT_FATAL(ht_value_equal(&a.patch.value, &b.patch.value));
        CU_ASSERT_FATAL(once.counter == again.counter);
        ht_posterior_destroy(w.posterior);
        ht_posterior_destroy(other.posterior);
    }
}

CASES("propose_property", CASE(every_proposal_is_on_offer_and_inside_its_bounds),
      CASE(the_answer_depends_on_its_arguments_alone))
