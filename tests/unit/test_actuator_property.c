/* tests/unit/test_actuator_property.c - random mutations of everything that can be mutated.
 *
 * A million mutations, drawn with a fixed seed over all ops, groups and types of the optimizer, the
 * weights and bridged knobs. After each: every value lies inside its hard range, and what the record
 * says of it is what the training holds. Half of them are rolled back: then every value is bit for bit
 * what it was. The other half stay, so that the values wander through their ranges up to the ends. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "base/text.h"
#include "cases.h"
#include "tune/actuator.h"
#include "tune/knob.h"
#include "tune/optimizer.h"
#include "tune/weights.h"

enum { GROUPS = 3, WEIGHTS = 4, KNOBS = 7, ROUNDS = 1000000 };

/* All numbers that a training holds, in plain memory, so that two states can be compared by bytes. */
typedef struct {
    double lr[GROUPS], base[GROUPS], wd[GROUPS], betas[GROUPS][2];
    double weights[WEIGHTS];
    double there[WEIGHTS];          /* 1 if the weight exists, else 0 */
    double knobs[KNOBS][2];         /* one number, two for a tuple */
} numbers;

typedef struct {
    numbers now;
    struct slot {
        double *x;
        ht_knob_type type;
    } slots[KNOBS];
    ht_knobs *knobs;
    ht_actuators *actuators;
} training;

static const struct {
    const char *key, *group;
    ht_knob_type type;
    double min, max, initial;
} knobs[KNOBS] = {
    {"lr", "optimizer", HT_KNOB_LOG_FLOAT, 1e-5, .5, .01},
    {"weight_decay", "optimizer", HT_KNOB_LOG_FLOAT, 0, .3, 0},
    {"betas", "optimizer", HT_KNOB_TUPLE, 0, 1, .9},
    {"drop", "net", HT_KNOB_FLOAT, -.5, .9, .1},
    {"layers", "net", HT_KNOB_INT, 1, 12, 3},
    {"flag", "net", HT_KNOB_BOOL, 0, 1, 0},
    {"size", "net", HT_KNOB_CHOICE, 16, 64, 32},
};
static const char *const weight_keys[WEIGHTS] = {"main", "aux", "new", "free"};
static const ht_weight_bounds weight_bounds[] = {{"aux", .2, 6}, {"free", -3, 3}};

/* ---- the training --------------------------------------------------------------------------- */

static size_t weight_index(const char *key)
{
    size_t i = 0;
    while (i < WEIGHTS && strcmp(weight_keys[i], key) != 0)
        i++;
    return i;
}

static bool get_weight(void *ctx, const char *key, double *out)
{
    const numbers *n = ctx;
    size_t i = weight_index(key);
    if (i == WEIGHTS || n->there[i] == 0)
        return false;
    *out = n->weights[i];
    return true;
}

static ht_status put_weight(void *ctx, const char *key, double value)
{
    numbers *n = ctx;
    size_t i = weight_index(key);
    n->weights[i] = value;
    n->there[i] = 1;
    return HT_OK;
}

static void remove_weight(void *ctx, const char *key)
{
    numbers *n = ctx;
    size_t i = weight_index(key);
    n->weights[i] = 0;
    n->there[i] = 0;
}

static ht_status set_knob(void *ctx, const ht_value *v, const ht_env *env, ht_error *err)
{
    struct slot *s = ctx;
    (void)env;
    (void)err;
    bool pair = s->type == HT_KNOB_TUPLE;
    s->x[0] = pair ? v->items[0].number : v->scalar.number;
    s->x[1] = pair ? v->items[1].number : 0;
    return HT_OK;
}

static bool get_knob(void *ctx, ht_value *out)
{
    const struct slot *s = ctx;
    *out = s->type == HT_KNOB_TUPLE  ? ht_tuple(2, s->x)
           : s->type == HT_KNOB_BOOL ? ht_bool(s->x[0] != 0)
           : s->type == HT_KNOB_INT || s->type == HT_KNOB_CHOICE ? ht_int((long long)s->x[0])
                                                                 : ht_real(s->x[0]);
    return true;
}

static void add_knobs(training *t)
{
    const ht_value sizes[] = {ht_int(16), ht_int(32), ht_int(64)};
    for (size_t i = 0; i < KNOBS; i++) {
        t->now.knobs[i][0] = knobs[i].initial;
        t->now.knobs[i][1] = knobs[i].type == HT_KNOB_TUPLE ? .999 : 0;
        t->slots[i] = (struct slot){t->now.knobs[i], knobs[i].type};
        bool choice = knobs[i].type == HT_KNOB_CHOICE;
        ht_knob_spec spec = {.type = knobs[i].type, .set = set_knob, .get = get_knob, .ctx = &t->slots[i],
                             .has_min = !choice, .has_max = !choice, .min = knobs[i].min, .max = knobs[i].max,
                             .n_choices = choice ? 3 : 0, .choices = sizes};
        ht_name_copy(spec.key, knobs[i].key);
        ht_name_copy(spec.group, knobs[i].group);
        get_knob(&t->slots[i], &spec.initial);
        CU_ASSERT_EQUAL_FATAL(ht_knobs_add(t->knobs, &spec, NULL), HT_OK);
    }
}

/* The optimizer answers to "adam" so that "opt" leads to the knobs. */
static void build(training *t)
{
    ht_param_group groups[GROUPS];
    const ht_weight_access access = {&t->now, get_weight, put_weight, remove_weight};
    void *adam = NULL, *loss = NULL;
    memset(t, 0, sizeof *t);
    for (size_t i = 0; i < GROUPS; i++) {
        t->now.lr[i] = .01 / (double)(i + 1);
        t->now.base[i] = .1;
        t->now.wd[i] = .001 * (double)i;
        t->now.betas[i][0] = .9;
        t->now.betas[i][1] = .999;
        groups[i] = (ht_param_group){&t->now.lr[i], i == 1 ? NULL : &t->now.base[i], &t->now.wd[i],
                                     i == 2 ? NULL : t->now.betas[i]};
    }
    for (size_t i = 0; i < WEIGHTS; i++)
        if (i != 2)
            put_weight(&t->now, weight_keys[i], 1);
    CU_ASSERT_EQUAL_FATAL(ht_actuators_create(&t->actuators, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_knobs_create(&t->knobs, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_optimizer_create(GROUPS, groups, NULL, &adam, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_weights_create(&access, 0, 100, 2, weight_bounds, NULL, &loss, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_actuators_add(t->actuators, "adam", &ht_optimizer_class, adam, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_actuators_add(t->actuators, "loss", &ht_weights_class, loss, NULL), HT_OK);
    add_knobs(t);
    ht_actuators_attach_knobs(t->actuators, t->knobs);
}

/* ---- the ranges ----------------------------------------------------------------------------- */

static bool inside(double x, double lo, double hi)
{
    return x >= lo && x <= hi;
}

static bool knob_is_legal(size_t i, const double x[2])
{
    if (knobs[i].type == HT_KNOB_TUPLE)
        return x[0] >= 0 && x[0] < 1 && x[1] >= 0 && x[1] < 1;
    if (knobs[i].type == HT_KNOB_CHOICE)
        return x[0] == 16 || x[0] == 32 || x[0] == 64;
    bool whole = knobs[i].type == HT_KNOB_INT || knobs[i].type == HT_KNOB_BOOL;
    return inside(x[0], knobs[i].min, knobs[i].max) && (!whole || x[0] == floor(x[0]));
}

static bool all_inside(const numbers *n)
{
    bool ok = true;
    for (size_t i = 0; i < GROUPS; i++)
        ok = ok && inside(n->lr[i], 1e-7, 1) && inside(n->base[i], 1e-7, 1) && inside(n->wd[i], 0, 1) &&
             n->betas[i][0] >= 0 && n->betas[i][0] < 1 && n->betas[i][1] >= 0 && n->betas[i][1] < 1;
    for (size_t i = 0; i < WEIGHTS; i++)
        ok = ok && (n->there[i] == 0 || inside(n->weights[i], i == 1 ? .2 : i == 3 ? -3 : 0,
                                               i == 1 ? 6 : i == 3 ? 3 : 100));
    for (size_t i = 0; i < KNOBS; i++)
        ok = ok && knob_is_legal(i, n->knobs[i]);
    return ok;
}

/* ---- the mutations -------------------------------------------------------------------------- */

typedef struct {
    const char *actuator, *op, *key;
    enum { NEAR_ONE, POSITIVE, SIGNED, PAIR } draw;
} family;
static const family families[] = {
    {"adam", "lr_mult", "", NEAR_ONE},  {"adam", "lr_set", "", POSITIVE}, {"adam", "wd_mult", "", NEAR_ONE},
    {"adam", "wd_set", "", POSITIVE},   {"adam", "betas_set", "", PAIR},  {"loss", "mult", "main", NEAR_ONE},
    {"loss", "set", "aux", POSITIVE},   {"loss", "mult", "aux", NEAR_ONE}, {"loss", "delta", "free", SIGNED},
    {"loss", "set", "new", POSITIVE},   {"loss", "delta", "new", SIGNED}, {"opt", "lr_mult", "", NEAR_ONE},
    {"opt", "lr_set", "", POSITIVE},    {"opt", "wd_set", "", POSITIVE},  {"opt", "wd_mult", "", NEAR_ONE},
    {"opt", "betas_set", "", PAIR},     {"opt", "set", "betas", PAIR},    {"opt", "mult", "lr", NEAR_ONE},
    {"net", "drop_set", "", SIGNED},    {"net", "delta", "drop", SIGNED}, {"net", "mult", "layers", NEAR_ONE},
    {"net", "layers_delta", "", SIGNED}, {"net", "set", "flag", POSITIVE}, {"net", "mult", "size", NEAR_ONE},
    {"net", "size_set", "", POSITIVE},
};

static ht_value draw(ht_random *r, const family *f)
{
    double x = ht_random_normal(r);
    switch (f->draw) {
    case NEAR_ONE:
        return ht_real(exp(x));
    case POSITIVE:
        return ht_real(exp(3 * x - 3));
    case SIGNED:
        return ht_random_below(r, 4) == 0 ? ht_int((long long)(3 * x)) : ht_real(x);
    case PAIR:
        return ht_tuple(2, (double[]){ht_random_uniform(r), 1 - exp(-8 * ht_random_uniform(r))});
    }
    return ht_real(x);
}

/* Does the training hold what the record of a change says? Only what is behind the actuators' own names
 * is looked up; the rest is covered by the ranges. */
static bool record_is_true(const numbers *n, const family *f, const ht_change *c)
{
    if (strcmp(f->actuator, "loss") == 0)
        return c->n_cells == 1 && c->after[0] == n->weights[weight_index(c->param)];
    if (strcmp(f->actuator, "adam") == 0 && strcmp(c->param, "lr") == 0)
        return c->n_cells == GROUPS && memcmp(c->after, n->lr, sizeof n->lr) == 0;
    for (size_t i = 0; i < KNOBS; i++)
        if (strcmp(f->actuator, "adam") != 0 && strcmp(c->param, knobs[i].key) == 0)
            return memcmp(c->after, n->knobs[i], c->n_cells * sizeof(double)) == 0;
    return true;
}

static void mutations_stay_inside_their_ranges_and_rollback_restores_every_bit(void)
{
    training t;
    ht_change changes[HT_CHANGES_MAX];
    ht_patch patch = {.op = ""};
    ht_codes codes;
    unsigned long applied = 0, outside = 0, untrue = 0, failed = 0, unrestored = 0;
    build(&t);
    ht_effector e = ht_effector_local(t.actuators);
    ht_random r = ht_random_stream(1, HT_RANDOM_TEST, 0, 0);
    while (applied < ROUNDS) {
        const family *f = &families[ht_random_below(&r, sizeof families / sizeof families[0])];
        numbers before = t.now;
        size_t n = 0;
        ht_rollback how = HT_ROLLBACK_NONE;
        strcpy(patch.op, f->op);
        strcpy(patch.key, f->key);
        patch.value = draw(&r, f);
        if (ht_actuators_validate(t.actuators, f->actuator, &patch, &codes) != HT_OK || codes.n > 0)
            continue;
        applied++;
        failed += e.apply(e.ctx, f->actuator, &patch, NULL, &n, changes, NULL) != HT_OK || n == 0;
        outside += !all_inside(&t.now);
        for (size_t i = 0; i < n; i++)
            untrue += !record_is_true(&t.now, f, &changes[i]);
        if (ht_random_below(&r, 2) == 0) {
            e.keep(e.ctx);
            continue;
        }
        failed += e.restore(e.ctx, &how, NULL) != HT_OK || how != HT_ROLLBACK_EXACT;
        unrestored += memcmp(&before, &t.now, sizeof before) != 0;
    }
    CU_ASSERT_EQUAL(failed, 0);
    CU_ASSERT_EQUAL(outside, 0);
    CU_ASSERT_EQUAL(untrue, 0);
    CU_ASSERT_EQUAL(unrestored, 0);
    ht_actuators_destroy(t.actuators);
    ht_knobs_destroy(t.knobs);
}

CASES("actuator_property", CASE(mutations_stay_inside_their_ranges_and_rollback_restores_every_bit))
