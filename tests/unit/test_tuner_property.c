/* tests/unit/test_tuner_property.c - what must hold for any recipe and any search, tried on many.
 *
 *     test_tuner_property [N]     N proposals in all, default 1000000
 *
 * Random recipes drive a training of optimizer groups, weights and a knob; the search answers with values
 * inside, at and outside the bounds, of wrong kinds, for families that do not exist; objectives are random,
 * schedules move values in between. Fixed seeds: every run of the test is the same. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/text.h"
#include "cases.h"
#include "tune/knob.h"
#include "tune/optimizer.h"
#include "tune/tuner.h"
#include "tune/weights.h"

enum { N_GROUPS = 3, N_WEIGHTS = 4, N_FAMILIES = 11, PROPOSALS_PER_WORLD = 2000 };

static unsigned long proposals_wanted = 1000000;

/* The training: nothing but numbers, so that one comparison of bytes sees every change. */
typedef struct {
    double lr[N_GROUPS], base_lr[N_GROUPS], wd[N_GROUPS], betas[N_GROUPS][2], weights[N_WEIGHTS], gain;
} training;

/* A family as the test knows it; bounds are those of the recipe. */
typedef struct {
    const char *actuator, *key, *op; /* op: of the patch; key is in the patch where op differs from it */
    double lo, hi;
} family;

typedef struct {
    training live, before; /* before: at the application of the open mutation */
    training asked;        /* at the last question */
    bool moved;            /* a schedule moved a value since the application */
    family families[N_FAMILIES];
    ht_random random;
    ht_metrics *metrics;
    ht_actuators *actuators;
    ht_knobs *knobs;
    ht_tuner *tuner;
    unsigned long asks, applied, undone, broken;
    const char *first_broken;
} world;

static double uniform(world *w, double lo, double hi)
{
    return ht_random_between(&w->random, lo, hi);
}

static bool chance(world *w, double p)
{
    return ht_random_uniform(&w->random) < p;
}

static bool is_keyed(const family *f)
{
    return strcmp(f->key, f->op) != 0;
}

/* ---- what must hold ------------------------------------------------------------------------- */

#define must(w, claim) note((w), (claim), #claim)

static void note(world *w, bool holds, const char *claim)
{
    if (!holds && w->broken++ == 0)
        w->first_broken = claim;
}

static bool inside(double x, double lo, double hi)
{
    return x >= lo && x <= hi;
}

static bool in_hard_range(const training *t)
{
    bool ok = inside(t->gain, 1e-4, 10);
    for (int i = 0; i < N_GROUPS; i++)
        ok = ok && inside(t->lr[i], 1e-7, 1) && inside(t->wd[i], 0, 1) && inside(t->betas[i][0], 0, 1) &&
             inside(t->betas[i][1], 0, 1) && t->betas[i][0] < 1 && t->betas[i][1] < 1;
    for (int i = 0; i < N_WEIGHTS; i++)
        ok = ok && inside(t->weights[i], 0, 100);
    return ok;
}

static const family *family_of(const world *w, const char *actuator, const char *key)
{
    for (int i = 0; i < N_FAMILIES; i++)
        if (strcmp(w->families[i].actuator, actuator) == 0 && strcmp(w->families[i].key, key) == 0)
            return &w->families[i];
    return NULL;
}

static bool in_bounds(const family *f, const ht_value *v)
{
    if (v->kind != HT_VALUE_LIST)
        return inside(v->scalar.number, f->lo, f->hi);
    for (size_t i = 0; i < v->n_items; i++)
        if (!inside(v->items[i].number, f->lo, f->hi))
            return false;
    return true;
}

static bool same(const training *a, const training *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* ---- ports ---------------------------------------------------------------------------------- */

static double draw(world *w, double lo, double hi)
{
    double u = ht_random_uniform(&w->random);
    if (u < .8)
        return uniform(w, lo, hi);
    if (u < .9)
        return chance(w, .5) ? lo : hi;
    return u < .99 ? uniform(w, lo - 2, hi + 2) : NAN;
}

static ht_value draw_value(world *w, size_t n, double lo, double hi)
{
    double x[3];
    if (chance(w, .01))
        return ht_text("much");
    if (chance(w, .01))
        n = 3;
    for (size_t i = 0; i < n; i++)
        x[i] = draw(w, lo, hi);
    return n == 1 ? ht_real(x[0]) : ht_tuple(n, x);
}

static void fill(world *w, const family *f, size_t n, ht_proposal *out)
{
    memset(out, 0, sizeof *out);
    ht_name_copy(out->actuator, f->actuator);
    ht_name_copy(out->key, f->key);
    ht_name_copy(out->patch.op, f->op);
    if (is_keyed(f))
        ht_name_copy(out->patch.key, f->key);
    out->patch.value = draw_value(w, n, f->lo, f->hi);
}

static ht_status propose(void *ctx, const ht_ask *ask, ht_proposal *out, bool *found)
{
    static const family nonsense = {"opt", "frob", "frob", 0, 1};
    world *w = ctx;
    w->asks++;
    w->asked = w->live;
    *found = true;
    if (ask->n == 0 || chance(w, .1)) {
        size_t i = ht_random_below(&w->random, N_FAMILIES + 1);
        const family *f = i < N_FAMILIES ? &w->families[i] : &nonsense;
        fill(w, f, strcmp(f->key, "betas_set") == 0 ? 2 : 1, out);
        return HT_OK;
    }
    const ht_eligible *e = &ask->families[ht_random_below(&w->random, ask->n)];
    const family *f = family_of(w, e->actuator, e->key);
    for (size_t i = 0; i < e->n; i++)
        must(w, f != NULL && inside(e->lo[i], f->lo, f->hi) && inside(e->hi[i], e->lo[i], f->hi));
    if (f != NULL)
        fill(w, f, e->n, out);
    return HT_OK;
}

static ht_status take_mutation(void *ctx, const ht_mutation *m)
{
    world *w = ctx;
    if (m->status != HT_MUTATION_APPLIED)
        return HT_OK;
    const family *f = family_of(w, m->actuator, m->key);
    must(w, f != NULL && in_bounds(f, &m->patch.value));
    must(w, in_hard_range(&w->live));
    w->before = w->asked;
    w->moved = false;
    w->applied++;
    return HT_OK;
}

static ht_status take_segment(void *ctx, const ht_segment *g, const ht_mutation *m)
{
    world *w = ctx;
    bool is_undone = m->status == HT_MUTATION_ROLLED_BACK;
    must(w, is_undone == (g->rollback == HT_ROLLBACK_EXACT || g->rollback == HT_ROLLBACK_RELATIVE ||
                          g->rollback == HT_ROLLBACK_LEFT));
    must(w, !is_undone || w->moved || g->rollback == HT_ROLLBACK_EXACT);
    must(w, g->rollback != HT_ROLLBACK_EXACT || w->moved || same(&w->live, &w->before));
    must(w, in_hard_range(&w->live));
    w->undone += is_undone;
    return HT_OK;
}

static ht_status take_window(void *ctx, const ht_window *w)
{
    (void)w;
    world *world_of = ctx;
    must(world_of, in_hard_range(&world_of->live));
    return HT_OK;
}

static void take_text(void *ctx, const char *text)
{
    (void)ctx;
    (void)text;
}

static void take_disabled(void *ctx, const char *what, const char *error)
{
    (void)what;
    (void)error;
    must(ctx, false); /* nothing fails here, whatever is proposed */
}

/* ---- the training --------------------------------------------------------------------------- */

static double *weight(world *w, const char *key)
{
    return &w->live.weights[(key[1] - '0') % N_WEIGHTS];
}

static bool get_weight(void *ctx, const char *key, double *out)
{
    *out = *weight(ctx, key);
    return true;
}

static ht_status put_weight(void *ctx, const char *key, double value)
{
    *weight(ctx, key) = value;
    return HT_OK;
}

static ht_status set_gain(void *ctx, const ht_value *value, const ht_env *env, ht_error *err)
{
    (void)env;
    (void)err;
    ((world *)ctx)->live.gain = value->scalar.number;
    return HT_OK;
}

static bool get_gain(void *ctx, ht_value *out)
{
    *out = ht_real(((world *)ctx)->live.gain);
    return true;
}

static void start_training(world *w)
{
    training *t = &w->live;
    memset(t, 0, sizeof *t);
    for (int i = 0; i < N_GROUPS; i++) {
        t->lr[i] = exp(uniform(w, log(1e-6), log(.9)));
        t->base_lr[i] = t->lr[i];
        t->wd[i] = uniform(w, 0, .5);
        t->betas[i][0] = uniform(w, .5, .95);
        t->betas[i][1] = uniform(w, .9, .9999);
    }
    for (int i = 0; i < N_WEIGHTS; i++)
        t->weights[i] = uniform(w, 0, 20);
    t->gain = uniform(w, .01, 5);
}

/* A schedule of the program: it moves a rate or a weight by a little, within the hard range. */
static void schedule(world *w)
{
    double *lr = &w->live.lr[ht_random_below(&w->random, N_GROUPS)];
    double *x = chance(w, .5) ? lr : &w->live.weights[ht_random_below(&w->random, N_WEIGHTS)];
    double least = x == lr ? 1e-7 : 0, most = x == lr ? 1 : 100;
    *x = fmax(least, fmin(most, *x * uniform(w, .9, 1.1)));
    w->moved = true;
}

/* ---- a world -------------------------------------------------------------------------------- */

static void draw_families(world *w)
{
    const double m = uniform(w, 1, 4), s = uniform(w, 1e-6, .5), d = uniform(w, .1, 30);
    const family families[N_FAMILIES] = {
        {"opt", "lr_mult", "lr_mult", 1 / m, m},
        {"opt", "lr_set", "lr_set", s, 2 * s},
        {"opt", "wd_mult", "wd_mult", .2, m},
        {"opt", "wd_set", "wd_set", 0, s},
        {"opt", "betas_set", "betas_set", .5, .9999},
        {"loss", "w0", "mult", 1 / m, 3},
        {"loss", "w1", "set", 0, d},
        {"loss", "w2", "delta", -d, d},
        {"loss", "w3", "mult", .9, 1.1},
        {"net", "gain_mult", "gain_mult", 1 / m, m},
        {"net", "gain_set", "gain_set", .01, 5},
    };
    memcpy(w->families, families, sizeof families);
}

static void print_family(world *w, const family *f, ht_string *out)
{
    char lo[40], hi[40];
    ht_print_real(lo, f->lo, true);
    ht_print_real(hi, f->hi, true);
    ht_string_add(out, "\"%s\": {\"bounds\": [%s, %s], \"cooldown\": %d, \"risk\": \"%s\"", f->key, lo, hi,
                  (int)ht_random_below(&w->random, 3), chance(w, .9) ? "low" : "high");
    if (is_keyed(f))
        ht_string_add(out, ", \"mode\": \"%s\"", f->op);
    if (chance(w, .3))
        ht_string_add(out, ", \"max_step_mult\": 1.5");
    ht_string_add(out, "}");
}

static void print_actuator(world *w, const char *name, ht_string *out)
{
    const char *comma = "";
    ht_string_add(out, "\"%s\": {\"%s\": {", name, strcmp(name, "loss") == 0 ? "keys" : "mutations");
    for (int i = 0; i < N_FAMILIES; i++)
        if (strcmp(w->families[i].actuator, name) == 0) {
            ht_string_add(out, "%s", comma);
            print_family(w, &w->families[i], out);
            comma = ", ";
        }
    ht_string_add(out, "}}");
}

static bool make_recipe(world *w, ht_recipe **out)
{
    static const char *const horizons[] = {"next_val_epoch_end", "val_epochs:2", "steps:150"};
    ht_string text = {0};
    ht_error err = {""};
    draw_families(w);
    ht_string_add(&text, "{\"actuators\": {");
    print_actuator(w, "opt", &text);
    ht_string_add(&text, ", ");
    print_actuator(w, "loss", &text);
    ht_string_add(&text, ", ");
    print_actuator(w, "net", &text);
    ht_string_add(&text,
                  "}, \"acceptance\": {\"horizon\": \"%s\", \"rollback_on_reject\": %s}, "
                  "\"safety\": {\"max_global_reject_streak\": %d, \"reject_pause\": 2}}",
                  horizons[ht_random_below(&w->random, 3)], chance(w, .9) ? "true" : "false",
                  (int)ht_random_below(&w->random, 6) + 1);
    bool made = ht_recipe_parse(ht_string_peek(&text), "recipe", out, &err) == HT_OK;
    if (!made)
        fprintf(stderr, "%s\n%s\n", err.text, ht_string_peek(&text));
    ht_string_release(&text);
    return made;
}

static bool add_targets(world *w)
{
    const ht_weight_access access = {w, get_weight, put_weight, NULL};
    const ht_knob_spec gain = {.key = "gain",
                               .type = HT_KNOB_LOG_FLOAT,
                               .set = set_gain,
                               .get = get_gain,
                               .ctx = w,
                               .group = "net",
                               .has_min = true,
                               .min = 1e-4,
                               .has_max = true,
                               .max = 10,
                               .initial = ht_real(w->live.gain)};
    ht_param_group groups[N_GROUPS];
    void *opt = NULL, *loss = NULL;
    for (int i = 0; i < N_GROUPS; i++)
        groups[i] = (ht_param_group){&w->live.lr[i], &w->live.base_lr[i], &w->live.wd[i], w->live.betas[i]};
    if (ht_metrics_create(&w->metrics, NULL) != HT_OK || ht_actuators_create(&w->actuators, NULL) != HT_OK ||
        ht_knobs_create(&w->knobs, NULL) != HT_OK || ht_knobs_add(w->knobs, &gain, NULL) != HT_OK)
        return false;
    ht_knobs_initialize(w->knobs);
    ht_actuators_attach_knobs(w->actuators, w->knobs);
    return ht_optimizer_create(N_GROUPS, groups, NULL, &opt, NULL) == HT_OK &&
           ht_actuators_add(w->actuators, "opt", &ht_optimizer_class, opt, NULL) == HT_OK &&
           ht_weights_create(&access, 0, 100, 0, NULL, NULL, &loss, NULL) == HT_OK &&
           ht_actuators_add(w->actuators, "loss", &ht_weights_class, loss, NULL) == HT_OK;
}

static bool open_world(world *w, unsigned long number)
{
    ht_recipe *recipe = NULL;
    memset(w, 0, sizeof *w);
    w->random = ht_random_stream(1, HT_RANDOM_TEST, 0, number);
    start_training(w);
    if (!make_recipe(w, &recipe) || !add_targets(w))
        return false;
    ht_tuner_options o = {
        .recipe = recipe,
        .metrics = w->metrics,
        .actuators = w->actuators,
        .effector = ht_effector_local(w->actuators),
        .ports = {w, propose, take_mutation, take_segment, take_window, take_disabled, take_text},
        .mode = HT_MODE_ACTIVE,
        .auto_disable_on_error = true};
    ht_status st = ht_tuner_create(&o, &w->tuner, NULL);
    ht_recipe_destroy(recipe);
    return st == HT_OK;
}

static void close_world(world *w)
{
    ht_tuner_destroy(w->tuner);
    ht_actuators_destroy(w->actuators);
    ht_knobs_destroy(w->knobs);
    ht_metrics_destroy(w->metrics);
}

static void live_through(world *w, unsigned long proposals)
{
    double objective = 1;
    for (long long step = 100; w->asks < proposals; step += 100) {
        objective = chance(w, .01) ? NAN : uniform(w, 0, 2);
        ht_metrics_set(w->metrics, "val/loss", objective, NULL);
        ht_env env = {.step = step, .max_steps = 100000, .loss = chance(w, .01) ? INFINITY : 1};
        must(w, ht_tuner_event(w->tuner, HT_VAL_EPOCH_END, &env, NULL) == HT_OK);
        if (chance(w, .1))
            schedule(w);
    }
    must(w, ht_tuner_close(w->tuner, NULL) == HT_OK);
}

static void every_applied_value_is_legal_and_every_rollback_is_exact(void)
{
    unsigned long asks = 0, applied = 0, undone = 0;
    for (unsigned long n = 0; asks < proposals_wanted; n++) {
        unsigned long left = proposals_wanted - asks;
        world *w = malloc(sizeof *w);
        CU_ASSERT_FATAL(w != NULL && open_world(w, n));
        live_through(w, left < PROPOSALS_PER_WORLD ? left : PROPOSALS_PER_WORLD);
        CU_ASSERT_EQUAL(w->broken, 0);
        if (w->broken > 0)
            fprintf(stderr, "world %lu: broken %lu times, first: %s\n", n, w->broken, w->first_broken);
        asks += w->asks;
        applied += w->applied;
        undone += w->undone;
        close_world(w);
        free(w);
    }
    CU_ASSERT(applied > asks / 3); /* the test tries what it says it tries */
    CU_ASSERT(undone > applied / 5);
    printf(" [%lu proposals, %lu applied, %lu rolled back]", asks, applied, undone);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        proposals_wanted = strtoul(argv[1], NULL, 10);
    CU_pSuite suite = NULL;
    if (CU_initialize_registry() != CUE_SUCCESS ||
        (suite = CU_add_suite("tuner_property", NULL, NULL)) == NULL ||
        CU_ADD_TEST(suite, every_applied_value_is_legal_and_every_rollback_is_exact) == NULL)
        return 2;
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    unsigned failed = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failed > 0;
}
