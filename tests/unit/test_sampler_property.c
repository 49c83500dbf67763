/* tests/unit/test_sampler_property.c - proposals in random worlds: whatever the space, the history and what is pending, a proposal is inside the space, on its cells, and keeps the conditions; and no point
 * is proposed twice where a continuous parameter exists.
 *
 * A world is a space of 1 to 6 random parameters (log, stepped, one-point and extreme ranges, categories, tuples,
 * conditions, conditions of conditions), a rule that gives values (smooth, noisy, equal, huge, failing), and a
 * number of asks that stay open. HOTTUNE_TEST_WORLDS=4000 in the environment makes it a million proposals. */
#include "search/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "cases.h"

enum { WORLDS = 300, PROPOSALS = 250, OPEN_MAX = 32, DISTINCT = 1000 };

typedef struct {
    ht_space space;
    ht_sampler *s;
    size_t open_max;
    int rule;
} world;

static bool chance(ht_random *r, double share)
{
    return ht_random_uniform(r) < share;
}

static void any_number(ht_random *r, cJSON *spec)
{
    bool log = chance(r, .4), is_int = chance(r, .4);
    double low = log ? pow(10, ht_random_between(r, -30, 6)) : ht_random_between(r, -1e3, 1e3);
    double high = log ? low * pow(10, ht_random_between(r, 0, 20)) : low + pow(10, ht_random_between(r, -12, 12));
    if (is_int) {
        low = log ? 1 + floor(fmin(low, 1e3)) : floor(low);
        high = low + floor(pow(10, ht_random_between(r, -1, 9)));
    }
    if (chance(r, .1))
        high = low;
    ht_json_put_text(spec, "type", is_int ? "int" : "float");
    ht_json_put(spec, "low", is_int ? ht_json_int(low) : ht_json_real(low));
    ht_json_put(spec, "high", is_int ? ht_json_int(high) : ht_json_real(high));
    ht_json_put_bool(spec, "log", log);
    if (!is_int && !log && chance(r, .3) && high > low)
        ht_json_put_real(spec, "step", (high - low) / (double)(1 + ht_random_below(r, 50)));
}

static void any_choices(ht_random *r, cJSON *spec)
{
    cJSON *choices = cJSON_CreateArray();
    for (uint64_t i = 0, n = 1 + ht_random_below(r, 5); i < n; i++)
        cJSON_AddItemToArray(choices, ht_json_int((double)i));
    ht_json_put_text(spec, "type", "cat");
    ht_json_put(spec, "choices", choices);
}

static void any_tuple(ht_random *r, cJSON *spec)
{
    cJSON *low = cJSON_CreateArray(), *high = cJSON_CreateArray();
    for (uint64_t i = 0, n = 1 + ht_random_below(r, 3); i < n; i++) {
        cJSON_AddItemToArray(low, ht_json_real(-1));
        cJSON_AddItemToArray(high, ht_json_real(ht_random_between(r, -1, 5)));
    }
    ht_json_put_text(spec, "type", "tuple");
    ht_json_put(spec, "low", low);
    ht_json_put(spec, "high", high);
}

static cJSON *any_space(ht_random *r)
{
    cJSON *tree = cJSON_CreateObject(), *parameters = cJSON_CreateObject();
    char name[8], parent[8] = "";
    for (uint64_t i = 0, n = 1 + ht_random_below(r, 6); i < n; i++) {
        cJSON *spec = cJSON_CreateObject();
        snprintf(name, sizeof name, "p%d", (int)i);
        uint64_t kind = ht_random_below(r, 10);
        if (kind < 6)
            any_number(r, spec);
        else if (kind < 9)
            any_choices(r, spec);
        else
            any_tuple(r, spec);
        if (parent[0] != '\0' && chance(r, .5)) {
            cJSON *when = cJSON_CreateObject();
            ht_json_put(when, parent, ht_json_int(0));
            ht_json_put(spec, "when", when);
        }
        if (kind >= 6 && kind < 9)
            memcpy(parent, name, sizeof parent);
        ht_json_put(parameters, name, spec);
    }
    ht_json_put(tree, "parameters", parameters);
    return tree;
}

/* In place: the sampler borrows the space. */
static void any_world(uint64_t number, ht_random *r, world *w)
{
    static const size_t opens[] = {1, 1, 2, 8, OPEN_MAX};
    *w = (world){.open_max = opens[ht_random_below(r, 5)], .rule = (int)ht_random_below(r, 6)};
    cJSON *tree = any_space(r);
    ht_error err = {""};
    ht_status st = ht_space_read(tree, NULL, "world", &w->space, &err);
    if (st != HT_OK)
        fprintf(stderr, "\nworld %d: %s\n", (int)number, err.text);
    CU_ASSERT_EQUAL_FATAL(st, HT_OK);
    cJSON_Delete(tree);
    CU_ASSERT_EQUAL_FATAL(ht_sampler_create(&w->space, number, chance(r, .1), &w->s, NULL), HT_OK);
}

static double value_of(const world *w, const ht_point *p, ht_random *r)
{
    double sum = 0;
    for (size_t d = 0; d < w->space.n; d++)
        sum += p->u[d] < 0 ? 0 : (p->u[d] - .4) * (p->u[d] - .4);
    switch (w->rule) {
    case 0:
        return 1;
    case 1:
        return sum + ht_random_normal(r);
    case 2:
        return chance(r, .5) ? NAN : sum;
    case 3:
        return (sum - .5) * pow(10, ht_random_between(r, 0, 308));
    case 4:
        return floor(4 * sum);
    default:
        return sum;
    }
}

static bool is_proper(const ht_space *space, const ht_point *p)
{
    for (size_t d = 0; d < space->n; d++) {
        const ht_param *q = &space->params[d];
        double u = p->u[d];
        if (!ht_space_is_active(space, p, d)) {
            if (u != HT_ABSENT)
                return false;
        } else if (q->kind == HT_PARAM_CATEGORY) {
            if (!(u >= 0 && u < (double)q->n_choices && u == floor(u)))
                return false;
        } else {
            double v = ht_space_value(space, d, u);
            if (!(u >= 0 && u <= 1 && v >= q->low && v <= q->high) || u != ht_space_snap(space, d, u))
                return false;
        }
    }
    return true;
}

/* One of the open asks ends, in one of the three ways. */
static void close_one(world *w, unsigned long *ids, ht_point *points, size_t *n, ht_random *r)
{
    size_t i = ht_random_below(r, *n);
    double way = ht_random_uniform(r);
    ht_status st = way < .05 ? ht_sampler_forget(w->s, ids[i], NULL)
                   : way < .1 ? ht_sampler_fail(w->s, ids[i], NULL)
                              : ht_sampler_tell(w->s, ids[i], value_of(w, &points[i], r), NULL);
    CU_ASSERT_EQUAL(st, HT_OK);
    ids[i] = ids[--*n];
    points[i] = points[*n];
}

static void proposals_are_always_in_the_space(void)
{
    unsigned long ids[OPEN_MAX], improper = 0;
    ht_point points[OPEN_MAX];
    const char *more = getenv("HOTTUNE_TEST_WORLDS");
    uint64_t worlds = more != NULL ? strtoull(more, NULL, 10) : WORLDS;
    for (uint64_t number = 0; number < worlds; number++) {
        ht_random r = ht_random_stream(1, HT_RANDOM_TEST, 0, number);
        world w;
        any_world(number, &r, &w);
        size_t open = 0;
        for (int i = 0; i < PROPOSALS; i++) {
            if (open == w.open_max)
                close_one(&w, ids, points, &open, &r);
            CU_ASSERT_EQUAL_FATAL(ht_sampler_ask(w.s, &ids[open], &points[open], NULL), HT_OK);
            improper += !is_proper(&w.space, &points[open]);
            open++;
        }
        ht_sampler_destroy(w.s);
        ht_space_release(&w.space);
    }
    CU_ASSERT_EQUAL(improper, 0);
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, 3 * sizeof(double));
}

static size_t duplicates(size_t pending)
{
    static const char space_text[] =
        "{\"parameters\": {\"c\": {\"type\": \"cat\", \"choices\": [1, 2]}, \"x\": {\"type\": \"float\", \"low\": 0, \"high\": 1},"
        " \"n\": {\"type\": \"int\", \"low\": 1, \"high\": 4}}}";
    static double rows[DISTINCT][3];
    ht_space space = {0};
    ht_sampler *s = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_space_parse(space_text, "space", &space, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_sampler_create(&space, 5, false, &s, NULL), HT_OK);
    for (size_t i = 0; i < DISTINCT; i++) {
        unsigned long id;
        ht_point p;
        if (i >= pending) {
            const double *u = rows[i - pending];
            ht_sampler_tell(s, i - pending, (u[1] - .4) * (u[1] - .4) + .01 * u[0] + .1 * fabs(u[2] - .5), NULL);
        }
        ht_sampler_ask(s, &id, &p, NULL);
        memcpy(rows[i], p.u, sizeof rows[i]);
    }
    qsort(rows, DISTINCT, sizeof rows[0], by_bytes);
    size_t twice = 0;
    for (size_t i = 1; i < DISTINCT; i++)
        twice += by_bytes(rows[i], rows[i - 1]) == 0;
    ht_sampler_destroy(s);
    ht_space_release(&space);
    return twice;
}

static void no_point_is_proposed_twice(void)
{
    static const size_t pending[] = {1, 8, 32, 128};
    for (size_t i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(duplicates(pending[i]), 0);
}

CASES("sampler_property", CASE(proposals_are_always_in_the_space), CASE(no_point_is_proposed_twice))
