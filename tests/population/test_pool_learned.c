/* tests/population/test_pool_learned.c - what a pooled run teaches the next one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "population/learned.h"
#include "population/pool_recipe.h"
#include "population/pool_world.h"

typedef struct {
    ht_recipe *recipe;
    ht_member member;
    ht_tuned tuned;
    ht_learned *learned;
    ht_run_evidence evidence;
    int mutants, fresh, fresh_races, races;
    double best_mean;       /* of lr on the champion's way, from the schedule */
    bool segments;          /* that way is longer than the race */
    char first[16];         /* what the champion began as */
} school;

static void set(ht_recipe *r, const char *settings)
{
    cJSON *params = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(settings, &params, NULL, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_set(r, params, NULL), HT_OK);
    cJSON_Delete(params);
}

static void open_school(school *s, const char *settings)
{
    memset(s, 0, sizeof *s);
    s->recipe = pool_recipe("pooled", "barrier", "min");
    if (settings != NULL)
        set(s->recipe, settings);
    training_member(&s->member);
    ht_tuned_find(s->recipe, &s->member, &s->tuned);
    CU_ASSERT_EQUAL_FATAL(ht_learned_create(&s->tuned, &s->learned, NULL), HT_OK);
}

static void close_school(school *s)
{
    ht_run_evidence_release(&s->evidence);
    ht_learned_destroy(s->learned);
    ht_recipe_destroy(s->recipe);
}

static void hear(void *ctx, double now, const ht_pool_note *n)
{
    school *s = ctx;
    (void)now;
    if (n->kind != HT_NOTE_VERDICT)
        return;
    s->mutants += n->verdict.mutant;
    s->fresh += n->verdict.fresh;
    CU_ASSERT_FALSE(n->verdict.fresh && !n->verdict.mutant);
    CU_ASSERT_EQUAL(ht_learned_add(s->learned, &n->verdict), HT_OK);
}

static void graduate(void *ctx, double now, const ht_pool *p)
{
    school *s = ctx;
    double sum[2] = {0, 0}, epochs[2] = {0, 0};     /* race, segments */
    cJSON *schedule = ht_pool_schedule(p);
    const cJSON *piece;
    (void)now;
    cJSON_ArrayForEach(piece, schedule) {
        const char *what = ht_json_text(piece, "what");
        double n = ht_json_number(piece, "epochs", 0);
        if (s->first[0] == '\0')
            snprintf(s->first, sizeof s->first, "%s", what);
        bool segment = strcmp(what, "race") != 0 && strcmp(what, "fresh") != 0;
        sum[segment] += n * log(ht_json_number(ht_json_member(piece, "knobs"), "opt.lr", NAN));
        epochs[segment] += n;
    }
    s->segments = epochs[1] > 0;
    s->best_mean = exp(sum[s->segments] / epochs[s->segments]);
    cJSON_Delete(schedule);
    CU_ASSERT_EQUAL_FATAL(ht_learned_evidence(s->learned, p, &s->evidence), HT_OK);
}

static void attend(school *s, int n, int epochs, uint64_t seed)
{
    char why[256] = "";
    world_account a;
    world_options o = world_of(n, epochs, s->recipe, seed);
    o.ctx = s;
    o.note = hear;
    o.end = graduate;
    CU_ASSERT_TRUE_FATAL(world_run(&o, &a, why, sizeof why));
    CU_ASSERT_DOUBLE_EQUAL(s->evidence.champion, a.best, 1e-12);
}

static void lessons_hold_the_champions_means_and_the_counts_of_its_mutants(void)
{
    school s;
    int with_segments = 0;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        open_school(&s, NULL);
        attend(&s, 8, 40, seed);
        CU_ASSERT_DOUBLE_EQUAL(s.evidence.lessons[0].mean, s.best_mean, 1e-12);
        with_segments += s.segments;
        close_school(&s);
    }
    CU_ASSERT(with_segments > 0 && with_segments < 6);      /* both kinds were seen */
    open_school(&s, NULL);
    attend(&s, 8, 40, 1);
    CU_ASSERT_EQUAL(s.evidence.origin, HT_ORIGIN_UNKNOWN);
    CU_ASSERT_FATAL(s.evidence.n_lessons >= 2 * s.tuned.n);
    const ht_lesson *all = &s.evidence.lessons[0];
    CU_ASSERT_STRING_EQUAL(all->actuator, "opt");
    CU_ASSERT_STRING_EQUAL(all->key, "lr_mult");
    CU_ASSERT_STRING_EQUAL(all->phase, "");
    CU_ASSERT_EQUAL((int)all->n, s.mutants);
    CU_ASSERT_EQUAL(s.fresh, 0);            /* nothing was known before, so nothing can be left aside */
    double in_phases = 0;
    for (size_t i = s.tuned.n; i < s.evidence.n_lessons; i += s.tuned.n) {
        CU_ASSERT_NOT_EQUAL(s.evidence.lessons[i].phase[0], '\0');
        CU_ASSERT_EQUAL(s.evidence.lessons[i].mean, 0);
        in_phases += s.evidence.lessons[i].n;
    }
    CU_ASSERT_EQUAL(in_phases, all->n);
    close_school(&s);
}

#define KNOWN                                                                                      \
    "\"actuators.opt.mutations.lr_mult.start\": 0.1, \"actuators.opt.mutations.lr_mult.sigma\": 0.1"

static void a_champion_that_was_drawn_without_the_known_start_is_told_from_one_that_was(void)
{
    school s;
    open_school(&s, "{" KNOWN ", \"population.race.fresh\": 0}");
    attend(&s, 8, 30, 1);
    CU_ASSERT_EQUAL(s.evidence.origin, HT_ORIGIN_KNOWN);
    CU_ASSERT_STRING_EQUAL(s.first, "race");
    close_school(&s);
    /* a start so bad that whatever is drawn without it is better; candidate 0 alone keeps it */
    open_school(&s, "{\"actuators.opt.mutations.lr_mult.start\": 0.0001, \"actuators.opt.mutations.lr_mult.sigma\": 0.1, "
                    "\"population.race.fresh\": 1}");
    attend(&s, 8, 30, 1);
    CU_ASSERT_EQUAL(s.evidence.origin, HT_ORIGIN_FRESH);
    CU_ASSERT_STRING_EQUAL(s.first, "fresh");
    close_school(&s);
}

static void where_priors_are_known_a_share_of_the_mutants_does_without(void)
{
    school s;
    int mutants = 0, fresh = 0;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        open_school(&s, "{\"actuators.opt.mutations.lr_mult.prior_center\": 0.9, \"search.fresh\": 0.25}");
        attend(&s, 16, 40, seed);
        mutants += s.mutants;
        fresh += s.fresh;
        CU_ASSERT_EQUAL((int)s.evidence.lessons[0].fresh, s.fresh);
        CU_ASSERT_EQUAL((int)s.evidence.lessons[0].n, s.mutants - s.fresh);
        close_school(&s);
    }
    double share = (double)fresh / mutants, error = sqrt(.25 * .75 / mutants);
    CU_ASSERT(fabs(share - .25) < 4 * error);
    open_school(&s, "{\"actuators.opt.mutations.lr_mult.prior_center\": 0.9, \"search.fresh\": 0}");
    attend(&s, 8, 40, 1);
    CU_ASSERT_EQUAL(s.fresh, 0);
    close_school(&s);
}

/* Eight mutants; z is score / error, not the score: the last two are the best quarter. */
static void the_best_quarter_goes_by_score_over_error(void)
{
    school s;
    open_school(&s, NULL);
    for (int i = 0; i < 8; i++) {
        ht_pool_verdict v = {.phase = "mid", .mutant = true, .finite = true, .accepted = i >= 4, .score = .1,
                             .score_error = .1, .n_knobs = s.tuned.n, .x = {.4, .4, .4}};
        if (i >= 6) {
            v.score_error = .01;
            v.x[0] = i == 6 ? .1 : .3;
        }
        CU_ASSERT_EQUAL(ht_learned_add(s.learned, &v), HT_OK);
    }
    ht_pool_verdict none[] = {
        {.phase = "mid", .mutant = false, .finite = true, .score = 9, .score_error = .01},       /* a control */
        {.phase = "mid", .mutant = true, .finite = true, .score = 9, .score_error = NAN},        /* no error */
        {.phase = "mid", .mutant = true, .finite = false, .lost = true, .score = NAN},           /* no report */
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        CU_ASSERT_EQUAL(ht_learned_add(s.learned, &none[i]), HT_OK);
    ht_pool *pool = NULL;
    ht_pool_options o = {.n_replicas = 2, .recipe = s.recipe, .epochs = 10, .seed = 1, .patience_s = 1};
    CU_ASSERT_EQUAL_FATAL(ht_pool_create(&o, &s.member, &pool, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_learned_evidence(s.learned, pool, &s.evidence), HT_OK);
    ht_pool_destroy(pool);
    CU_ASSERT_EQUAL_FATAL(s.evidence.n_lessons, 2 * s.tuned.n);
    const ht_lesson *mid = &s.evidence.lessons[s.tuned.n];
    CU_ASSERT_STRING_EQUAL(mid->phase, "mid");
    CU_ASSERT_DOUBLE_EQUAL(mid->factor, exp(.2), 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(mid->spread, .1, 1e-12);
    CU_ASSERT_EQUAL(mid->n, 8);
    CU_ASSERT_EQUAL(mid->wins, 4);
    CU_ASSERT_TRUE(isnan(s.evidence.champion));         /* nobody trained */
    CU_ASSERT_EQUAL(s.evidence.lessons[0].mean, 0);
    close_school(&s);
}

static void a_mutant_that_diverged_is_the_worst(void)
{
    school s;
    open_school(&s, NULL);
    for (int i = 0; i < 4; i++) {
        ht_pool_verdict v = {.phase = "mid", .mutant = true, .finite = i > 0, .score = i > 0 ? -.1 : NAN,
                             .score_error = .01, .n_knobs = s.tuned.n, .x = {i == 3 ? .1 : .3}};
        v.score += i == 3 ? .01 : 0;
        CU_ASSERT_EQUAL(ht_learned_add(s.learned, &v), HT_OK);
    }
    ht_pool *pool = NULL;
    ht_pool_options o = {.n_replicas = 2, .recipe = s.recipe, .epochs = 10, .seed = 1, .patience_s = 1};
    CU_ASSERT_EQUAL_FATAL(ht_pool_create(&o, &s.member, &pool, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_learned_evidence(s.learned, pool, &s.evidence), HT_OK);
    ht_pool_destroy(pool);
    CU_ASSERT_EQUAL(s.evidence.lessons[0].n, 4);
    CU_ASSERT_DOUBLE_EQUAL(s.evidence.lessons[0].factor, exp(.1), 1e-12);
    close_school(&s);
}

CASES("learned", CASE(lessons_hold_the_champions_means_and_the_counts_of_its_mutants),
      CASE(a_champion_that_was_drawn_without_the_known_start_is_told_from_one_that_was),
      CASE(where_priors_are_known_a_share_of_the_mutants_does_without),
      CASE(the_best_quarter_goes_by_score_over_error), CASE(a_mutant_that_diverged_is_the_worst))
