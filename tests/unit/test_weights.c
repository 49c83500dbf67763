/* tests/unit/test_weights.c - named weights as an actuator; the contract is in tune/weights.h. */
#include "tune/weights.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "cases.h"

/* Weights "aux" (there) and "new" (not there at first); `single` = the program keeps floats. */
typedef struct {
    double aux, fresh;
    bool has_fresh, gone, read_only, single;
    void *self;
} fixture;

static double *find(fixture *f, const char *key)
{
    return strcmp(key, "aux") == 0 ? &f->aux : strcmp(key, "new") == 0 ? &f->fresh : NULL;
}

static bool get(void *ctx, const char *key, double *out)
{
    fixture *f = ctx;
    const double *x = find(f, key);
    if (x == NULL || (x == &f->fresh && !f->has_fresh))
        return false;
    *out = *x;
    return true;
}

static ht_status put(void *ctx, const char *key, double value)
{
    fixture *f = ctx;
    double *x = find(f, key);
    if (x == NULL || f->read_only)
        return HT_EFAILED;
    *x = f->single ? (float)value : value;
    f->has_fresh |= x == &f->fresh;
    return HT_OK;
}

static void take_away(void *ctx, const char *key)
{
    (void)key;
    ((fixture *)ctx)->has_fresh = false;
}

static void build(fixture *f)
{
    const ht_weight_access access = {.ctx = f, .get = get, .put = put, .remove = take_away};
    const ht_weight_bounds bounds = {"aux", .25, 2};
    *f = (fixture){.aux = .5};
    CU_ASSERT_EQUAL_FATAL(ht_weights_create(&access, 0, 100, 1, &bounds, &f->gone, &f->self, NULL), HT_OK);
}

static ht_patch patch(const char *op, const char *key, ht_value v)
{
    ht_patch p = {.value = v};
    ht_name_copy(p.op, op);
    ht_name_copy(p.key, key);
    return p;
}

static const char *codes_of(fixture *f, const char *op, const char *key, ht_value v)
{
    static _Thread_local char text[256];
    ht_codes codes = {0};
    ht_patch p = patch(op, key, v);
    ht_weights_class.validate(f->self, &p, &codes);
    ht_codes_join(&codes, text, sizeof text);
    return text;
}

/* Snapshot and apply; the caller discards. */
static void *change(fixture *f, const char *op, const char *key, double v)
{
    void *s = NULL;
    ht_patch p = patch(op, key, ht_real(v));
    CU_ASSERT_EQUAL_FATAL(ht_weights_class.snapshot(f->self, &p, &s), HT_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(ht_weights_class.apply(f->self, &p, NULL, s, NULL), HT_OK);
    return s;
}

static ht_rollback undo(fixture *f, void *s)
{
    ht_rollback how = HT_ROLLBACK_OFF;
    CU_ASSERT_EQUAL(ht_weights_class.restore(f->self, s, &how, NULL), HT_OK);
    ht_weights_class.discard(f->self, s);
    return how;
}

static void results_must_lie_in_the_bounds_of_their_weight(void)
{
    fixture f;
    build(&f);
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "set", "aux", ht_real(2)), "");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "set", "aux", ht_real(2.5)), "out_of_bounds");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "set", "new", ht_real(2.5)), "");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "set", "new", ht_real(NAN)), "out_of_bounds");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "mult", "aux", ht_real(4)), "");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "mult", "aux", ht_real(-4)), "not_positive,out_of_bounds");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "delta", "aux", ht_real(-.5)), "out_of_bounds");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "mult", "new", ht_real(100)), "");      /* counts as 1 */
    ht_weights_class.destroy(f.self);
}

static void a_factor_on_a_weight_at_zero_takes_the_floor_of_the_patch(void)
{
    fixture f;
    build(&f);
    ht_patch p = patch("mult", "aux", ht_real(2));
    void *s = NULL;
    ht_codes codes = {0};
    f.aux = 0;
    ht_weights_class.validate(f.self, &p, &codes);
    CU_ASSERT_EQUAL(codes.n, 1);                        /* 0 is below the least weight */
    p.floor = .3;
    codes.n = 0;
    ht_weights_class.validate(f.self, &p, &codes);
    CU_ASSERT_EQUAL(codes.n, 0);
    CU_ASSERT_EQUAL_FATAL(ht_weights_class.snapshot(f.self, &p, &s), HT_OK);
    CU_ASSERT_EQUAL(ht_weights_class.apply(f.self, &p, NULL, s, NULL), HT_OK);
    CU_ASSERT_EQUAL(f.aux, .6);
    CU_ASSERT_EQUAL(undo(&f, s), HT_ROLLBACK_EXACT);
    CU_ASSERT_EQUAL(f.aux, 0);
    f.aux = .5;
    CU_ASSERT_EQUAL(ht_patch_base(&p, f.aux), .5);
    ht_name_copy(p.op, "delta");
    CU_ASSERT_EQUAL(ht_patch_base(&p, 0), 0);
    ht_weights_class.destroy(f.self);
}

static void an_incomplete_patch_is_told_all_that_it_lacks(void)
{
    fixture f;
    build(&f);
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "set", "", (ht_value){.kind = HT_VALUE_NULL}),
                           "missing_key,missing_value,type");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "set", "aux", ht_bool(true)), "type");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "drop", "", ht_text("x")), "unknown_op");
    ht_weights_class.destroy(f.self);
}

static void a_weight_comes_back_bit_for_bit(void)
{
    fixture f;
    build(&f);
    f.aux = .1 + .2;
    void *s = change(&f, "mult", "aux", 1.7);
    ht_change c[HT_CHANGES_MAX];
    CU_ASSERT_EQUAL(ht_weights_class.changes(f.self, s, c), 1);
    CU_ASSERT_STRING_EQUAL(c[0].param, "aux");
    CU_ASSERT_TRUE(c[0].before[0] == .1 + .2 && c[0].after[0] == f.aux && !c[0].was_absent);
    CU_ASSERT_EQUAL(undo(&f, s), HT_ROLLBACK_EXACT);
    CU_ASSERT_EQUAL(f.aux, .1 + .2);
    ht_weights_class.destroy(f.self);
}

static void what_the_program_made_of_a_value_is_what_the_record_says(void)
{
    fixture f;
    ht_change c[HT_CHANGES_MAX];
    build(&f);
    f.single = true;
    f.aux = (float).7;
    void *s = change(&f, "set", "aux", 1.1);
    ht_weights_class.changes(f.self, s, c);
    CU_ASSERT_EQUAL(c[0].after[0], (float)1.1);
    CU_ASSERT_EQUAL(undo(&f, s), HT_ROLLBACK_EXACT);
    CU_ASSERT_EQUAL(f.aux, (float).7);
    ht_weights_class.destroy(f.self);
}

static void a_weight_that_was_not_there_goes_away_again(void)
{
    fixture f;
    build(&f);
    void *s = change(&f, "set", "new", 3);
    ht_change c[HT_CHANGES_MAX];
    ht_weights_class.changes(f.self, s, c);
    CU_ASSERT_TRUE(f.has_fresh && f.fresh == 3 && c[0].was_absent && c[0].before[0] == 1);
    CU_ASSERT_EQUAL(undo(&f, s), HT_ROLLBACK_EXACT);
    CU_ASSERT_FALSE(f.has_fresh);
    ht_weights_class.destroy(f.self);
}

static void a_moved_weight_loses_the_factor_or_the_difference_and_keeps_what_was_set(void)
{
    fixture f;
    build(&f);
    void *s = change(&f, "mult", "aux", 2);
    f.aux = 1.5;
    CU_ASSERT_EQUAL(undo(&f, s), HT_ROLLBACK_RELATIVE);
    CU_ASSERT_EQUAL(f.aux, .75);
    s = change(&f, "delta", "aux", .25);
    f.aux = .375;
    CU_ASSERT_EQUAL(undo(&f, s), HT_ROLLBACK_RELATIVE);
    CU_ASSERT_EQUAL(f.aux, .25);        /* .125, clamped */
    s = change(&f, "set", "aux", 1);
    f.aux = 1.25;
    CU_ASSERT_EQUAL(undo(&f, s), HT_ROLLBACK_LEFT);
    CU_ASSERT_EQUAL(f.aux, 1.25);
    ht_weights_class.destroy(f.self);
}

static void a_commanded_weight_stays_even_if_it_equals_what_the_mutation_set(void)
{
    fixture f;
    build(&f);
    void *s = change(&f, "mult", "aux", 2);
    ht_weights_class.commanded(f.self, s, "new");
    ht_weights_class.commanded(f.self, s, "aux");
    CU_ASSERT_EQUAL(undo(&f, s), HT_ROLLBACK_LEFT);
    CU_ASSERT_EQUAL(f.aux, 1);
    ht_weights_class.destroy(f.self);
}

static void weights_out_of_reach_take_no_snapshot_and_no_change(void)
{
    fixture f;
    void *s = &f;
    ht_error err = {""};
    ht_patch p = patch("set", "aux", ht_real(1000));
    build(&f);
    f.gone = true;
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "set", "aux", ht_real(1000)), "");
    CU_ASSERT_EQUAL(ht_weights_class.snapshot(f.self, &p, &s), HT_OK);
    CU_ASSERT_PTR_NULL(s);
    CU_ASSERT_EQUAL(ht_weights_class.apply(f.self, &p, NULL, NULL, &err), HT_EFAILED);
    CU_ASSERT_STRING_EQUAL(err.text, "missing_mutable_state");
    CU_ASSERT_EQUAL(f.aux, .5);
    ht_weights_class.destroy(f.self);
}

static void a_program_that_refuses_to_be_written_is_a_failure_both_ways(void)
{
    fixture f;
    ht_error err = {""};
    ht_rollback how;
    build(&f);
    void *s = change(&f, "mult", "aux", 2);
    f.read_only = true;
    CU_ASSERT_EQUAL(ht_weights_class.restore(f.self, s, &how, &err), HT_EFAILED);
    CU_ASSERT_EQUAL(how, HT_ROLLBACK_FAILED);
    CU_ASSERT_STRING_EQUAL(err.text, "weight 'aux' cannot be set");
    ht_weights_class.discard(f.self, s);
    ht_weights_class.destroy(f.self);
}

static void bounds_that_are_no_interval_are_refused(void)
{
    fixture f = {0};
    const ht_weight_access access = {.ctx = &f, .get = get, .put = put};
    const ht_weight_bounds bad = {"aux", 2, 1};
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_weights_create(&access, 0, NAN, 0, NULL, NULL, &f.self, &err), HT_EINVAL);
    CU_ASSERT_EQUAL(ht_weights_create(&access, 0, 1, 1, &bad, NULL, &f.self, &err), HT_EINVAL);
    CU_ASSERT_STRING_EQUAL(err.text, "bounds of weight 'aux': [2, 1] is no interval");
    CU_ASSERT_PTR_NULL(f.self);
}

CASES("weights",
      CASE(results_must_lie_in_the_bounds_of_their_weight),
      CASE(a_factor_on_a_weight_at_zero_takes_the_floor_of_the_patch),
      CASE(an_incomplete_patch_is_told_all_that_it_lacks),
      CASE(a_weight_comes_back_bit_for_bit),
      CASE(what_the_program_made_of_a_value_is_what_the_record_says),
      CASE(a_weight_that_was_not_there_goes_away_again),
      CASE(a_moved_weight_loses_the_factor_or_the_difference_and_keeps_what_was_set),
      CASE(a_commanded_weight_stays_even_if_it_equals_what_the_mutation_set),
      CASE(weights_out_of_reach_take_no_snapshot_and_no_change),
      CASE(a_program_that_refuses_to_be_written_is_a_failure_both_ways),
      CASE(bounds_that_are_no_interval_are_refused))
