/* tests/unit/test_sampler.c - ask and tell: ids, refusals, what is no number, lost asks, spaces and histories
 * of every degenerate kind, and that the proposals are the same with every compiler. */
#include "search/sampler.h"

#include <inttypes.h>

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "cases.h"

#define ONE "{\"parameters\": {\"x\": {\"type\": \"float\", \"low\": 0, \"high\": 1}}}"
#define TWO "{\"parameters\": {\"x\": {\"type\": \"float\", \"low\": 0, \"high\": 1}, \"y\": {\"type\": \"float\", \"low\": -5, \"high\": 5}}}"
#define TREE                                                                                                          \
    "{\"parameters\": {\"c\": {\"type\": \"cat\", \"choices\": [\"a\", \"b\", \"d\"]}, \"n\": {\"type\": \"int\", \"low\": 1, "   \
    "\"high\": 30}, \"x\": {\"type\": \"float\", \"low\": 1e-6, \"high\": 1, \"log\": true, \"when\": {\"c\": [\"a\", \"b\"]}}, " \
    "\"t\": {\"type\": \"tuple\", \"low\": [0, 0], \"high\": [1, 2], \"when\": {\"c\": \"b\"}}}}"

typedef struct {
    ht_space space;
    ht_sampler *s;
} bed;

/* In place: the sampler borrows the space. */
static void make(bed *b, const char *space, unsigned long long seed)
{
    CU_ASSERT_EQUAL_FATAL(ht_space_parse(space, "space", &b->space, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_sampler_create(&b->space, seed, false, &b->s, NULL), HT_OK);
}

static void release(bed *b)
{
    ht_sampler_destroy(b->s);
    ht_space_release(&b->space);
}

static ht_point ask(bed *b, unsigned long *id)
{
    ht_point p = {{0}};
    CU_ASSERT_EQUAL_FATAL(ht_sampler_ask(b->s, id, &p, NULL), HT_OK);
    return p;
}

/* A bowl about .3 in every number; the first choice is best. */
static double bowl(const ht_space *space, const ht_point *p)
{
    double sum = 0;
    for (size_t d = 0; d < space->n; d++)
        if (p->u[d] >= 0)
            sum += space->params[d].kind == HT_PARAM_NUMBER ? (p->u[d] - .3) * (p->u[d] - .3) : .1 * p->u[d];
    return sum;
}

static bool inside(const ht_space *space, const ht_point *p)
{
    for (size_t d = 0; d < space->n; d++) {
        bool active = ht_space_is_active(space, p, d);
        double last = space->params[d].kind == HT_PARAM_NUMBER ? 1 : (double)space->params[d].n_choices - 1;
        if (active ? !(p->u[d] >= 0 && p->u[d] <= last) : p->u[d] != HT_ABSENT)
            return false;
    }
    return true;
}

static double run(bed *b, int asks)
{
    double best = INFINITY;
    for (int i = 0; i < asks; i++) {
        unsigned long id;
        ht_point p = ask(b, &id);
        double y = bowl(&b->space, &p);
        CU_ASSERT(inside(&b->space, &p));
        CU_ASSERT_EQUAL(ht_sampler_tell(b->s, id, y, NULL), HT_OK);
        best = y < best ? y : best;
    }
    return best;
}

static void ids_count_the_asks(void)
{
    bed b = {{0}};
    make(&b, ONE, 1);
    for (unsigned long i = 0; i < 30; i++) {
        unsigned long id = 99;
        ask(&b, &id);
        CU_ASSERT_EQUAL(id, i);
        if (i % 2 == 0)
            ht_sampler_tell(b.s, id, 1, NULL);
        else
            ht_sampler_forget(b.s, id, NULL);
    }
    release(&b);
}

static void an_id_is_told_once(void)
{
    bed b = {{0}};
    make(&b, ONE, 1);
    ht_error err = {""};
    unsigned long id;
    CU_ASSERT_EQUAL(ht_sampler_tell(b.s, 0, 1, &err), HT_ENOTFOUND);
    CU_ASSERT_STRING_EQUAL(err.text, "id 0 was never asked");
    ask(&b, &id);
    CU_ASSERT_EQUAL(ht_sampler_tell(b.s, 0, 1, &err), HT_OK);
    CU_ASSERT_EQUAL(ht_sampler_tell(b.s, 0, 2, &err), HT_EREFUSED);
    CU_ASSERT_STRING_EQUAL(err.text, "id 0 was told, failed or forgotten before");
    CU_ASSERT_EQUAL(ht_sampler_fail(b.s, 0, &err), HT_EREFUSED);
    CU_ASSERT_EQUAL(ht_sampler_forget(b.s, 0, &err), HT_EREFUSED);
    ht_sampler_state state;
    ht_sampler_peek(b.s, &state);
    CU_ASSERT_EQUAL(state.told, 1);
    CU_ASSERT_EQUAL(state.pending, 0);
    release(&b);
}

static void what_is_no_number_failed_and_is_never_best(void)
{
    static const double values[] = {NAN, INFINITY, -INFINITY, 1e301};
    bed b = {{0}};
    make(&b, TWO, 1);
    unsigned long id;
    long best;
    ht_point p;
    double value = 5;
    for (size_t i = 0; i < 4; i++) {
        ask(&b, &id);
        CU_ASSERT_EQUAL(ht_sampler_tell(b.s, id, values[i], NULL), HT_OK);
    }
    CU_ASSERT_EQUAL(ht_sampler_best(b.s, &best, &p, &value), HT_EEMPTY);
    CU_ASSERT_EQUAL(value, 5);
    ask(&b, &id);
    ht_sampler_tell(b.s, id, 1e9, NULL);
    CU_ASSERT_EQUAL(ht_sampler_best(b.s, &best, &p, &value), HT_OK);
    CU_ASSERT_EQUAL(best, 4);
    CU_ASSERT_EQUAL(value, 1e9);
    release(&b);
}

static void the_best_is_the_least_and_among_equals_the_first(void)
{
    static const double values[] = {3, 1, 2, 1};
    bed b = {{0}};
    make(&b, TWO, 1);
    unsigned long id;
    ht_point second = {{0}}, p;
    long best;
    double value;
    for (size_t i = 0; i < 4; i++) {
        p = ask(&b, &id);
        second = i == 1 ? p : second;
        ht_sampler_tell(b.s, id, values[i], NULL);
    }
    CU_ASSERT_EQUAL(ht_sampler_best(b.s, &best, &p, &value), HT_OK);
    CU_ASSERT_EQUAL(best, 1);
    CU_ASSERT_EQUAL(p.u[0], second.u[0]);
    CU_ASSERT_EQUAL(p.u[1], second.u[1]);
    release(&b);
}

static void a_forgotten_ask_leaves_no_trace_but_its_number(void)
{
    bed a = {{0}}, b = {{0}};
    make(&a, TWO, 3);
    make(&b, TWO, 3);
    unsigned long id, other;
    for (int i = 0; i < 60; i++) {
        ht_point p = ask(&a, &id), q = ask(&b, &other);
        CU_ASSERT_EQUAL(memcmp(p.u, q.u, 2 * sizeof(double)), 0);
        if (i % 3 == 1) {
            ht_sampler_forget(a.s, id, NULL);
            ht_sampler_forget(b.s, other, NULL);
        } else {
            ht_sampler_tell(a.s, id, bowl(&a.space, &p), NULL);
            ht_sampler_tell(b.s, other, bowl(&b.space, &q), NULL);
        }
    }
    ht_sampler_state state;
    ht_sampler_peek(a.s, &state);
    CU_ASSERT_EQUAL(state.asked, 60);
    CU_ASSERT_EQUAL(state.told, 40);
    CU_ASSERT_EQUAL(state.pending, 0);
    release(&a);
    release(&b);
}

static void an_added_point_counts_and_has_no_id(void)
{
    bed b = {{0}};
    make(&b, TREE, 1);
    ht_point p = {{1, .5, .5, .25, .75}}, q;
    long best = 7;
    double value;
    CU_ASSERT_EQUAL(ht_sampler_add(b.s, &p, .5, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_sampler_best(b.s, &best, &q, &value), HT_OK);
    CU_ASSERT_EQUAL(best, -1);
    CU_ASSERT_EQUAL(q.u[0], 1);
    CU_ASSERT_EQUAL(value, .5);
    release(&b);
}

static void a_point_outside_the_space_is_not_added(void)
{
    bed b = {{0}};
    make(&b, TREE, 1);
    static const ht_point wrong[] = {{{3, .5, .5, .5, .5}}, {{.5, .5, .5, .5, .5}}, {{1, 1.5, .5, .5, .5}},
                                     {{2, .5, .5, .5, .5}}, {{1, .5, HT_ABSENT, .5, .5}}, {{1, NAN, .5, .5, .5}}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ht_error err = {""};
        CU_ASSERT_EQUAL(ht_sampler_add(b.s, &wrong[i], 1, &err), HT_EINVAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "the point is not in the space"));
    }
    ht_sampler_state state;
    ht_sampler_peek(b.s, &state);
    CU_ASSERT_EQUAL(state.told, 0);
    release(&b);
}

static void asks_never_wait_for_results(void)
{
    bed b = {{0}};
    make(&b, TREE, 1);
    unsigned long id;
    for (int i = 0; i < 300; i++) {
        ht_point p = ask(&b, &id);
        CU_ASSERT(inside(&b.space, &p));
    }
    for (unsigned long i = 300; i-- > 0;)
        CU_ASSERT_EQUAL(ht_sampler_tell(b.s, i, (double)(i % 17), NULL), HT_OK);
    run(&b, 20);
    release(&b);
}

static void the_optimum_is_found(void)
{
    bed b = {{0}}, c = {{0}};
    make(&b, TWO, 1);
    make(&c, TREE, 1);
    CU_ASSERT(run(&b, 150) < 1e-5);
    CU_ASSERT(run(&c, 150) < 1e-3);
    release(&b);
    release(&c);
}

static void a_space_of_no_room_is_asked_like_any_other(void)
{
    static const char *const spaces[] = {
        "{\"parameters\": {\"x\": {\"type\": \"float\", \"low\": 2, \"high\": 2}}}",
        "{\"parameters\": {\"n\": {\"type\": \"int\", \"low\": 5, \"high\": 5}}}",
        "{\"parameters\": {\"c\": {\"type\": \"cat\", \"choices\": [\"only\"]}}}",
        "{\"parameters\": {\"x\": {\"type\": \"float\", \"low\": 1e-300, \"high\": 1e300, \"log\": true}}}",
        "{\"parameters\": {\"x\": {\"type\": \"float\", \"low\": 0, \"high\": 5e-324}}}",
        "{\"parameters\": {\"n\": {\"type\": \"int\", \"low\": -9000000000000000, \"high\": 9000000000000000}}}",
        "{\"parameters\": {\"on\": {\"type\": \"bool\"}, \"off\": {\"type\": \"bool\"}}}"};
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
        bed b = {{0}};
        make(&b, spaces[i], 1);
        run(&b, 80);
        release(&b);
    }
}

static void histories_that_teach_nothing_are_survived(void)
{
    bed equal = {{0}}, same = {{0}}, failed = {{0}}, one = {{0}};
    make(&equal, TREE, 1);
    make(&same, TREE, 1);
    make(&failed, TREE, 1);
    make(&one, TWO, 1);
    unsigned long id;
    ht_point p = {{1, .5, .5, .25, .75}};
    for (int i = 0; i < 200; i++) {
        ht_point q = ask(&equal, &id);
        CU_ASSERT(inside(&equal.space, &q));
        ht_sampler_tell(equal.s, id, 1, NULL);
        ask(&failed, &id);
        ht_sampler_fail(failed.s, id, NULL);
    }
    for (int i = 0; i < 10000; i++)
        CU_ASSERT_EQUAL(ht_sampler_add(same.s, &p, .25, NULL), HT_OK);
    run(&same, 50);
    ht_point middle = {{.5, .5}};
    ht_sampler_add(one.s, &middle, -1e308, NULL);
    ht_sampler_add(one.s, &middle, 1e299, NULL);
    run(&one, 50);
    release(&equal);
    release(&same);
    release(&failed);
    release(&one);
}

static void memory_does_not_grow_with_the_history(void)
{
    bed b = {{0}};
    make(&b, TWO, 1);
    ht_sampler_state before, after;
    run(&b, 600);
    ht_sampler_peek(b.s, &before);
    run(&b, 600);
    ht_sampler_peek(b.s, &after);
    CU_ASSERT_EQUAL(before.bytes, after.bytes);
    release(&b);
}

static void noise_is_told_from_a_smooth_bowl(void)
{
    bed smooth = {{0}}, noisy = {{0}};
    make(&smooth, TWO, 1);
    make(&noisy, TWO, 1);
    ht_random random = ht_random_stream(1, HT_RANDOM_TEST, 0, 0);
    run(&smooth, 150);
    for (int i = 0; i < 150; i++) {
        unsigned long id;
        ht_point p = ask(&noisy, &id);
        ht_sampler_tell(noisy.s, id, bowl(&noisy.space, &p) + ht_random_normal(&random), NULL);
    }
    ht_sampler_state a, b;
    ht_sampler_peek(smooth.s, &a);
    ht_sampler_peek(noisy.s, &b);
    CU_ASSERT(a.noise < .4);
    CU_ASSERT(b.noise > .8);
    release(&smooth);
    release(&noisy);
}

static void a_space_without_parameters_is_refused(void)
{
    ht_space none = {0};
    ht_sampler *s = NULL;
    CU_ASSERT_EQUAL(ht_sampler_create(&none, 1, false, &s, NULL), HT_EINVAL);
    CU_ASSERT_PTR_NULL(s);
    ht_sampler_destroy(NULL);
}

/* FNV-1a of 300 proposals to 6 decimals, four of them open at any time, every 17th failed. */
static uint64_t hash_of(const char *space, bool density_only)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    bed b = {{0}};
    CU_ASSERT_EQUAL_FATAL(ht_space_parse(space, "space", &b.space, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_sampler_create(&b.space, 12345, density_only, &b.s, NULL), HT_OK);
    ht_point open[4];
    for (unsigned long i = 0; i < 300; i++) {
        unsigned long id;
        if (i >= 4) {
            const ht_point *p = &open[i % 4];
            ht_sampler_tell(b.s, i - 4, i % 17 == 0 ? NAN : bowl(&b.space, p), NULL);
        }
        open[i % 4] = ask(&b, &id);
        for (size_t d = 0; d < b.space.n; d++)
            hash = (hash ^ (uint64_t)llround(1e6 * (open[i % 4].u[d] + 1))) * UINT64_C(1099511628211);
    }
    release(&b);
    return hash;
}

/* The recorded hashes are those of gcc 12 -O0; every compiler and level must give them. They change with the
 * algorithm and its constants. */
static void proposals_are_the_same_with_every_compiler(void)
{
    static const uint64_t recorded[] = {UINT64_C(0x8FD422098D7A4F2B), UINT64_C(0x5A69350ACA9A2143),
                                        UINT64_C(0x9017C74B1A90B8A8), UINT64_C(0x78E5D6074CF712D6)};
    uint64_t found[] = {hash_of(ONE, false), hash_of(TWO, false), hash_of(TREE, false), hash_of(TREE, true)};
    for (size_t i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(found[i], recorded[i]);
        if (found[i] != recorded[i])
            fprintf(stderr, "\nspace %zu: 0x%016llX\n", i, (unsigned long long)found[i]);
    }
}

CASES("sampler", CASE(ids_count_the_asks), CASE(an_id_is_told_once), CASE(what_is_no_number_failed_and_is_never_best),
      CASE(the_best_is_the_least_and_among_equals_the_first), CASE(a_forgotten_ask_leaves_no_trace_but_its_number),
      CASE(an_added_point_counts_and_has_no_id), CASE(a_point_outside_the_space_is_not_added),
      CASE(asks_never_wait_for_results), CASE(the_optimum_is_found), CASE(a_space_of_no_room_is_asked_like_any_other),
      CASE(histories_that_teach_nothing_are_survived), CASE(memory_does_not_grow_with_the_history),
      CASE(noise_is_told_from_a_smooth_bowl), CASE(a_space_without_parameters_is_refused),
      CASE(proposals_are_the_same_with_every_compiler))
