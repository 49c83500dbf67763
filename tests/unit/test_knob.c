/* tests/unit/test_knob.c - typed knobs and their state machine; the contract is in tune/knob.h. */
#include "tune/knob.h"

#include <math.h>
#include <string.h>

#include "cases.h"

/* The training behind a knob. */
typedef struct {
    ht_value value;
    ht_status answer;       /* of the setter */
    const char *text;
} cell;

static ht_status set(void *ctx, const ht_value *value, const ht_env *env, ht_error *err)
{
    (void)env;
    cell *c = ctx;
    if (c->answer == HT_OK)
        c->value = *value;
    else if (c->text != NULL)
        strcpy(err->text, c->text);
    return c->answer;
}

static bool get(void *ctx, ht_value *out)
{
    *out = ((cell *)ctx)->value;
    return true;
}

static ht_knobs *knobs(void)
{
    ht_knobs *k = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_knobs_create(&k, NULL), HT_OK);
    return k;
}

static ht_knob_spec lr_spec(cell *c)
{
    c->value = ht_real(.01);
    return (ht_knob_spec){.key = "lr", .type = HT_KNOB_LOG_FLOAT, .set = set, .ctx = c, .metric = "lr",
                          .group = "optimizer", .has_min = true, .min = 1e-7, .has_max = true, .max = 1,
                          .initial = c->value};
}

static ht_knob_view view(const ht_knobs *k, const char *key)
{
    ht_knob_view v = {0};
    CU_ASSERT_TRUE_FATAL(ht_knobs_find(k, key, &v));
    return v;
}

/* The codes of a value, joined. */
static const char *codes_of(const ht_knob_spec *spec, ht_value v)
{
    static _Thread_local char text[256];
    ht_codes codes;
    ht_knob_validate(spec, &v, &codes);
    ht_codes_join(&codes, text, sizeof text);
    return text;
}

static void floats_are_numbers_within_their_limits(void)
{
    ht_knob_spec s = {.type = HT_KNOB_FLOAT, .has_min = true, .min = 0, .has_max = true, .max = 2};
    CU_ASSERT_STRING_EQUAL(codes_of(&s, ht_real(2)), "");
    CU_ASSERT_STRING_EQUAL(codes_of(&s, ht_int(1)), "");
    CU_ASSERT_STRING_EQUAL(codes_of(&s, ht_real(-1)), "below_min");
    CU_ASSERT_STRING_EQUAL(codes_of(&s, ht_real(INFINITY)), "above_max");
    CU_ASSERT_STRING_EQUAL(codes_of(&s, ht_real(NAN)), "not_finite");
    CU_ASSERT_STRING_EQUAL(codes_of(&s, ht_bool(true)), "type");
    CU_ASSERT_STRING_EQUAL(codes_of(&s, ht_text("1")), "type");
    s.has_max = false;
    CU_ASSERT_STRING_EQUAL(codes_of(&s, ht_real(INFINITY)), "not_finite");
}

static void log_floats_are_positive_and_zero_only_where_the_range_begins_there(void)
{
    ht_knob_spec s = {.type = HT_KNOB_LOG_FLOAT, .has_min = true, .min = 0};
    CU_ASSERT_STRING_EQUAL(codes_of(&s, ht_real(0)), "");
    CU_ASSERT_STRING_EQUAL(codes_of(&s, ht_real(-1)), "below_min,not_positive");
    s.has_min = false;
    CU_ASSERT_STRING_EQUAL(codes_of(&s, ht_real(0)), "not_positive");
}

static void ints_bools_and_choices_are_of_their_kind(void)
{
    const ht_value choices[] = {ht_int(1), ht_text("a")};
    ht_knob_spec i = {.type = HT_KNOB_INT, .has_max = true, .max = 4.5};
    ht_knob_spec b = {.type = HT_KNOB_BOOL};
    ht_knob_spec c = {.type = HT_KNOB_CHOICE, .n_choices = 2, .choices = choices};
    CU_ASSERT_STRING_EQUAL(codes_of(&i, ht_int(4)), "");
    CU_ASSERT_STRING_EQUAL(codes_of(&i, ht_int(5)), "above_max");
    CU_ASSERT_STRING_EQUAL(codes_of(&i, ht_real(2)), "type");
    CU_ASSERT_STRING_EQUAL(codes_of(&b, ht_bool(false)), "");
    CU_ASSERT_STRING_EQUAL(codes_of(&b, ht_int(0)), "type");
    CU_ASSERT_STRING_EQUAL(codes_of(&c, ht_real(1)), "");
    CU_ASSERT_STRING_EQUAL(codes_of(&c, ht_text("a")), "");
    CU_ASSERT_STRING_EQUAL(codes_of(&c, ht_bool(true)), "not_in_choices");
    c.n_choices = 0;
    CU_ASSERT_STRING_EQUAL(codes_of(&c, ht_text("anything")), "");
}

static void tuples_are_two_numbers_from_0_to_below_1_and_the_first_bad_one_decides(void)
{
    ht_knob_spec s = {.type = HT_KNOB_TUPLE};
    CU_ASSERT_STRING_EQUAL(codes_of(&s, ht_tuple(2, (double[]){0, .999})), "");
    CU_ASSERT_STRING_EQUAL(codes_of(&s, ht_tuple(3, (double[]){0, .9, .9})), "length");
    CU_ASSERT_STRING_EQUAL(codes_of(&s, ht_tuple(2, (double[]){1, NAN})), "out_of_bounds");
    CU_ASSERT_STRING_EQUAL(codes_of(&s, ht_tuple(2, (double[]){.5, NAN})), "not_finite");
    CU_ASSERT_STRING_EQUAL(codes_of(&s, ht_real(.5)), "type");
}

static void a_change_is_unverified_until_the_metric_shows_it(void)
{
    cell c = {0};
    ht_knobs *k = knobs();
    ht_knob_spec s = lr_spec(&c);
    ht_metrics *m = NULL;
    ht_value v = ht_real(.02);
    CU_ASSERT_EQUAL_FATAL(ht_metrics_create(&m, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_knobs_add(k, &s, NULL), HT_OK);
    CU_ASSERT_EQUAL(view(k, "lr").state, HT_KNOB_INIT);
    ht_knobs_initialize(k);
    CU_ASSERT_EQUAL(view(k, "lr").state, HT_KNOB_UNTOUCHED);
    CU_ASSERT_EQUAL(view(k, "lr").last_verified, -1);
    CU_ASSERT_EQUAL(ht_knobs_apply(k, "lr", &v, &(ht_env){.step = 5}, NULL), HT_OK);
    CU_ASSERT_EQUAL(c.value.scalar.number, .02);
    CU_ASSERT_EQUAL(view(k, "lr").last_changed_step, 5);
    CU_ASSERT_FALSE(ht_knobs_verify(k, "lr", m));
    ht_metrics_set(m, "lr", .0200001, NULL);
    CU_ASSERT_FALSE(ht_knobs_verify(k, "lr", m));
    CU_ASSERT_EQUAL(view(k, "lr").last_verified, 0);
    ht_metrics_set(m, "lr", .02 + 5e-10, NULL);
    CU_ASSERT_TRUE(ht_knobs_verify(k, "lr", m));
    CU_ASSERT_EQUAL(view(k, "lr").state, HT_KNOB_VERIFIED);
    CU_ASSERT_EQUAL(view(k, "lr").last_verified, 1);
    CU_ASSERT_FALSE(ht_knobs_verify(k, "lr", m));
    ht_metrics_destroy(m);
    ht_knobs_destroy(k);
}

static void a_choice_and_a_bool_are_verified_by_what_they_are(void)
{
    cell c = {0}, f = {0};
    const ht_value choices[] = {ht_text("a"), ht_text("b")};
    ht_knobs *k = knobs();
    ht_metrics *m = NULL;
    ht_value b = ht_text("b"), a = ht_text("a"), yes = ht_bool(true);
    CU_ASSERT_EQUAL_FATAL(ht_metrics_create(&m, NULL), HT_OK);
    ht_knobs_add(k, &(ht_knob_spec){.key = "c", .type = HT_KNOB_CHOICE, .set = set, .ctx = &c, .metric = "c",
                                    .n_choices = 2, .choices = choices, .initial = a}, NULL);
    ht_knobs_add(k, &(ht_knob_spec){.key = "f", .type = HT_KNOB_BOOL, .set = set, .ctx = &f, .metric = "f"},
                 NULL);
    ht_knobs_apply(k, "c", &b, NULL, NULL);
    ht_knobs_apply(k, "f", &yes, NULL, NULL);
    ht_metrics_set_value(m, "c", &a, NULL);
    ht_metrics_set(m, "f", .5, NULL);
    CU_ASSERT_FALSE(ht_knobs_verify(k, "c", m));
    CU_ASSERT_FALSE(ht_knobs_verify(k, "f", m));
    ht_metrics_set_value(m, "c", &b, NULL);
    ht_metrics_set(m, "f", 1, NULL);
    CU_ASSERT_TRUE(ht_knobs_verify(k, "c", m));
    CU_ASSERT_TRUE(ht_knobs_verify(k, "f", m));
    ht_metrics_destroy(m);
    ht_knobs_destroy(k);
}

static void a_refused_change_says_why_and_changes_nothing(void)
{
    cell c = {0};
    ht_knobs *k = knobs();
    ht_knob_spec s = lr_spec(&c);
    ht_error err = {""};
    ht_value good = ht_real(.02), bad = ht_real(2);
    ht_knobs_add(k, &s, NULL);
    CU_ASSERT_EQUAL(ht_knobs_apply(k, "x", &good, NULL, &err), HT_ENOTFOUND);
    CU_ASSERT_STRING_EQUAL(err.text, "unknown_param");
    CU_ASSERT_EQUAL(ht_knobs_apply(k, "lr", &bad, NULL, &err), HT_EINVAL);
    CU_ASSERT_STRING_EQUAL(err.text, "invalid:above_max");
    c.answer = HT_EFAILED;
    c.text = "refused";
    CU_ASSERT_EQUAL(ht_knobs_apply(k, "lr", &good, NULL, &err), HT_EFAILED);
    CU_ASSERT_STRING_EQUAL(err.text, "refused");
    c.text = NULL;
    CU_ASSERT_EQUAL(ht_knobs_apply(k, "lr", &good, NULL, &err), HT_EFAILED);
    CU_ASSERT_STRING_EQUAL(err.text, "apply_error");
    c.answer = HT_EIO;
    CU_ASSERT_EQUAL(ht_knobs_apply(k, "lr", &good, NULL, &err), HT_EFAILED);
    CU_ASSERT_STRING_EQUAL(err.text, "apply_fn_exception");
    ht_knobs_disable(k, "lr");
    CU_ASSERT_EQUAL(ht_knobs_apply(k, "lr", &good, NULL, &err), HT_EREFUSED);
    CU_ASSERT_STRING_EQUAL(err.text, "actuator_disabled");
    CU_ASSERT_EQUAL(view(k, "lr").current.scalar.number, .01);
    CU_ASSERT_EQUAL(view(k, "lr").n_changes, 0);
    CU_ASSERT_EQUAL(view(k, "lr").last_changed_step, -1);
    ht_knobs_destroy(k);
}

static void registration_refuses_what_cannot_work(void)
{
    cell c = {0};
    ht_knobs *k = knobs();
    ht_knob_spec s = lr_spec(&c), no_setter = s, no_key = s, outside = s, empty = s;
    ht_error err = {""};
    no_setter.set = NULL;
    no_key.key[0] = '\0';
    outside.initial = ht_real(3);
    empty.min = 2;
    CU_ASSERT_EQUAL(ht_knobs_add(k, &no_setter, &err), HT_EINVAL);
    CU_ASSERT_EQUAL(ht_knobs_add(k, &no_key, &err), HT_EINVAL);
    CU_ASSERT_EQUAL(ht_knobs_add(k, &outside, &err), HT_EINVAL);
    CU_ASSERT_STRING_EQUAL(err.text, "knob 'lr': its value is not legal: above_max");
    CU_ASSERT_EQUAL(ht_knobs_add(k, &empty, &err), HT_EINVAL);
    CU_ASSERT_EQUAL(ht_knobs_count(k), 0);
    CU_ASSERT_EQUAL(ht_knobs_add(k, &s, &err), HT_OK);
    CU_ASSERT_EQUAL(ht_knobs_add(k, &s, &err), HT_EINVAL);
    CU_ASSERT_STRING_EQUAL(err.text, "knob 'lr' is registered already");
    ht_knobs_destroy(k);
}

static void disabled_knobs_come_back_untouched_and_unknown_ones_are_reported(void)
{
    cell c = {0};
    ht_knobs *k = knobs();
    ht_knob_spec s = lr_spec(&c);
    ht_knobs_add(k, &s, NULL);
    CU_ASSERT_FALSE(ht_knobs_disable(k, "x"));
    CU_ASSERT_FALSE(ht_knobs_enable(k, "x"));
    CU_ASSERT_TRUE(ht_knobs_enable(k, "lr"));
    CU_ASSERT_EQUAL(view(k, "lr").state, HT_KNOB_INIT);
    CU_ASSERT_TRUE(ht_knobs_disable(k, "lr"));
    ht_knobs_initialize(k);
    CU_ASSERT_EQUAL(view(k, "lr").state, HT_KNOB_DISABLED);
    CU_ASSERT_TRUE(ht_knobs_enable(k, "lr"));
    CU_ASSERT_EQUAL(view(k, "lr").state, HT_KNOB_UNTOUCHED);
    ht_knobs_destroy(k);
}

static void count_failure(void *ctx, const char *key)
{
    CU_ASSERT_STRING_EQUAL(key, "lr");
    ++*(int *)ctx;
}

static void a_snapshot_holds_the_live_value_and_the_state(void)
{
    cell c = {0};
    ht_knobs *k = knobs();
    ht_knob_spec s = lr_spec(&c);
    ht_knobs_snapshot *snap = NULL;
    ht_value v = ht_real(.02);
    int failures = 0;
    s.get = get;
    ht_knobs_add(k, &s, NULL);
    ht_knobs_initialize(k);
    c.value = ht_real(.005);        /* a schedule moved it */
    CU_ASSERT_EQUAL_FATAL(ht_knobs_snapshot_take(k, &snap), HT_OK);
    ht_knobs_apply(k, "lr", &v, &(ht_env){.step = 3}, NULL);
    ht_knobs_disable(k, "lr");
    c.answer = HT_EFAILED;
    ht_knobs_restore(k, snap, NULL, count_failure, &failures);
    CU_ASSERT_EQUAL(failures, 1);
    CU_ASSERT_EQUAL(view(k, "lr").state, HT_KNOB_DISABLED);
    c.answer = HT_OK;
    ht_knobs_restore(k, snap, NULL, count_failure, &failures);
    CU_ASSERT_EQUAL(failures, 1);
    CU_ASSERT_EQUAL(c.value.scalar.number, .005);
    CU_ASSERT_EQUAL(view(k, "lr").current.scalar.number, .005);
    CU_ASSERT_EQUAL(view(k, "lr").state, HT_KNOB_UNTOUCHED);
    CU_ASSERT_EQUAL(view(k, "lr").n_changes, 1);
    CU_ASSERT_EQUAL(view(k, "lr").last_changed_step, 3);
    ht_knobs_snapshot_destroy(snap);
    ht_knobs_destroy(k);
}

/* Writes a number and no more, as bindings do; notes what it was given to write into. */
static bool get_number(void *ctx, ht_value *out)
{
    ((cell *)ctx)->value = *out;
    out->kind = out->scalar.kind = HT_VALUE_REAL;
    out->scalar.number = .5;
    return true;
}

static void fill_stack(void)
{
    volatile char used[8192];
    for (size_t i = 0; i < sizeof used; i++)
        used[i] = 'x';
}

static void a_getter_that_writes_a_number_leaves_nothing_else_undefined(void)
{
    cell c = {0};
    ht_knobs *k = knobs();
    ht_knob_spec s = lr_spec(&c);
    ht_value v;
    void (*volatile fill)(void) = fill_stack;
    s.get = get_number;
    ht_knobs_add(k, &s, NULL);
    fill();                                 /* what lies there is not 0 by chance */
    CU_ASSERT_TRUE(ht_knobs_live(k, "lr", &v));
    CU_ASSERT_EQUAL(v.scalar.number, .5);
    CU_ASSERT_STRING_EQUAL(v.scalar.text, "");
    CU_ASSERT_EQUAL(v.n_items, 0);
    CU_ASSERT_EQUAL(c.value.kind, HT_VALUE_NONE);
    for (size_t i = 0; i < sizeof c.value.scalar.text; i++)
        CU_ASSERT_EQUAL(c.value.scalar.text[i], '\0');
    for (size_t i = 0; i < HT_ITEMS_MAX; i++)
        CU_ASSERT_EQUAL(c.value.items[i].number, 0);
    ht_knobs_destroy(k);
}

static void what_was_never_set_is_told_from_a_value_and_cannot_be_set_back(void)
{
    cell c = {0};
    ht_knobs *k = knobs();
    ht_value v, one = ht_real(1);
    ht_error err = {""};
    ht_knobs_add(k, &(ht_knob_spec){.key = "w", .type = HT_KNOB_FLOAT, .set = set, .ctx = &c}, NULL);
    CU_ASSERT_TRUE(ht_knobs_live(k, "w", &v));
    CU_ASSERT_EQUAL(v.kind, HT_VALUE_NONE);
    CU_ASSERT_FALSE(ht_knobs_live(k, "x", &v));
    CU_ASSERT_EQUAL(ht_knobs_put_back(k, "w", &v, HT_KNOB_UNTOUCHED, NULL, &err), HT_OK);
    ht_knobs_apply(k, "w", &one, NULL, NULL);
    CU_ASSERT_EQUAL(ht_knobs_put_back(k, "w", &v, HT_KNOB_UNTOUCHED, NULL, &err), HT_EFAILED);
    CU_ASSERT_STRING_EQUAL(err.text, "never_set");
    CU_ASSERT_EQUAL(view(k, "w").current.scalar.number, 1);
    ht_knobs_destroy(k);
}

static void descriptions_leave_disabled_knobs_out_and_print_absent_limits_as_null(void)
{
    cell c = {0}, d = {0};
    ht_knobs *k = knobs();
    ht_knob_spec s = lr_spec(&c);
    ht_knobs_add(k, &s, NULL);
    ht_knobs_add(k, &(ht_knob_spec){.key = "w", .type = HT_KNOB_FLOAT, .set = set, .ctx = &d, .label = "W"},
                 NULL);
    cJSON *list = ht_knobs_describe(k);
    CU_ASSERT_EQUAL(cJSON_GetArraySize(list), 2);
    const cJSON *lr = cJSON_GetArrayItem(list, 0), *w = cJSON_GetArrayItem(list, 1);
    CU_ASSERT_STRING_EQUAL(ht_json_text(lr, "label"), "lr");
    CU_ASSERT_STRING_EQUAL(ht_json_text(lr, "type"), "log_float");
    CU_ASSERT_EQUAL(ht_json_number(lr, "log_base", 0), 10);
    CU_ASSERT_EQUAL(ht_json_number(lr, "current", 0), .01);
    CU_ASSERT_STRING_EQUAL(ht_json_text(w, "label"), "W");
    CU_ASSERT_TRUE(cJSON_IsNull(ht_json_member(w, "min")));
    CU_ASSERT_TRUE(cJSON_IsNull(ht_json_member(w, "log_base")));
    CU_ASSERT_TRUE(cJSON_IsNull(ht_json_member(w, "choices")));
    cJSON_Delete(list);
    ht_knobs_disable(k, "lr");
    list = ht_knobs_describe(k);
    CU_ASSERT_EQUAL(cJSON_GetArraySize(list), 1);
    cJSON_Delete(list);
    ht_knobs_destroy(k);
}

static void the_names_of_types_read_back(void)
{
    for (int t = HT_KNOB_BOOL; t <= HT_KNOB_TUPLE; t++) {
        ht_knob_type back = HT_KNOB_BOOL;
        CU_ASSERT_TRUE(ht_knob_type_parse(ht_knob_type_text((ht_knob_type)t), &back));
        CU_ASSERT_EQUAL((int)back, t);
    }
    ht_knob_type back;
    CU_ASSERT_FALSE(ht_knob_type_parse("real", &back));
    CU_ASSERT_STRING_EQUAL(ht_knob_state_text(HT_KNOB_UNVERIFIED), "unverified");
}

CASES("knob",
      CASE(floats_are_numbers_within_their_limits),
      CASE(log_floats_are_positive_and_zero_only_where_the_range_begins_there),
      CASE(ints_bools_and_choices_are_of_their_kind),
      CASE(tuples_are_two_numbers_from_0_to_below_1_and_the_first_bad_one_decides),
      CASE(a_change_is_unverified_until_the_metric_shows_it),
      CASE(a_choice_and_a_bool_are_verified_by_what_they_are),
      CASE(a_refused_change_says_why_and_changes_nothing),
      CASE(registration_refuses_what_cannot_work),
      CASE(disabled_knobs_come_back_untouched_and_unknown_ones_are_reported),
      CASE(a_snapshot_holds_the_live_value_and_the_state),
      CASE(a_getter_that_writes_a_number_leaves_nothing_else_undefined),
      CASE(what_was_never_set_is_told_from_a_value_and_cannot_be_set_back),
      CASE(descriptions_leave_disabled_knobs_out_and_print_absent_limits_as_null),
      CASE(the_names_of_types_read_back))
