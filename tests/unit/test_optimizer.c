/* tests/unit/test_optimizer.c - parameter groups as an actuator; the contract is in tune/optimizer.h. */
#include "tune/optimizer.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "cases.h"

/* Two groups: the second has neither betas nor a base rate. */
typedef struct {
    double lr[2], base, wd[2], betas[2];
    bool gone;
    ht_actuators *a;
    ht_effector e;
} fixture;

static void build(fixture *f)
{
    *f = (fixture){.lr = {.01, .002}, .base = .1, .wd = {.01, 0}, .betas = {.9, .999}};
    const ht_param_group groups[] = {
        {.lr = &f->lr[0], .base_lr = &f->base, .weight_decay = &f->wd[0], .betas = f->betas},
        {.lr = &f->lr[1], .weight_decay = &f->wd[1]},
    };
    void *self = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_optimizer_create(2, groups, &f->gone, &self, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_actuators_create(&f->a, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_actuators_add(f->a, "opt", &ht_optimizer_class, self, NULL), HT_OK);
    f->e = ht_effector_local(f->a);
}

static ht_patch patch(const char *op, ht_value v)
{
    ht_patch p = {.value = v};
    ht_name_copy(p.op, op);
    return p;
}

static ht_status apply(fixture *f, const char *op, ht_value v, size_t *n, ht_change *changes)
{
    ht_patch p = patch(op, v);
    return f->e.apply(f->e.ctx, "opt", &p, &(ht_env){0}, n, changes, NULL);
}

/* Apply without looking at the changes. */
static void change(fixture *f, const char *op, ht_value v)
{
    size_t n;
    ht_change changes[HT_CHANGES_MAX];
    CU_ASSERT_EQUAL_FATAL(apply(f, op, v, &n, changes), HT_OK);
}

static ht_rollback undo(fixture *f)
{
    ht_rollback how = HT_ROLLBACK_OFF;
    CU_ASSERT_EQUAL(f->e.restore(f->e.ctx, &how, NULL), HT_OK);
    return how;
}

static const char *codes_of(fixture *f, const char *op, ht_value v)
{
    static _Thread_local char text[256];
    ht_codes codes;
    ht_patch p = patch(op, v);
    CU_ASSERT_EQUAL(ht_actuators_validate(f->a, "opt", &p, &codes), HT_OK);
    ht_codes_join(&codes, text, sizeof text);
    return text;
}

static void each_op_refuses_what_is_outside_its_rules(void)
{
    fixture f;
    build(&f);
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "lr_mult", ht_real(2)), "");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "lr_mult", ht_int(0)), "not_positive");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "lr_mult", ht_real(INFINITY)), "not_finite");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "lr_mult", ht_real(NAN)), "not_finite");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "lr_mult", ht_bool(true)), "not_positive");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "lr_set", ht_real(1.5)), "out_of_bounds");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "lr_set", ht_real(NAN)), "out_of_bounds");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "lr_set", ht_text("x")), "not_positive");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "wd_set", ht_real(0)), "");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "wd_set", ht_real(-1)), "negative");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "wd_mult", ht_text("x")), "not_positive");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "betas_set", ht_tuple(2, (double[]){1, -1})),
                           "out_of_bounds,out_of_bounds");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "betas_set", ht_tuple(1, (double[]){.9})), "type");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "betas_set", ht_real(.9)), "type");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "lr_set", (ht_value){.kind = HT_VALUE_NULL}), "missing_value");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "momentum_set", ht_real(.9)), "unknown_op");
    ht_actuators_destroy(f.a);
}

static void a_change_reaches_every_group_and_the_base_rates_and_is_clamped(void)
{
    fixture f;
    size_t n = 0;
    ht_change c[HT_CHANGES_MAX];
    build(&f);
    CU_ASSERT_EQUAL(apply(&f, "lr_mult", ht_real(200), &n, c), HT_OK);
    CU_ASSERT_EQUAL(f.lr[0], 1);
    CU_ASSERT_EQUAL(f.lr[1], .002 * 200);
    CU_ASSERT_EQUAL(f.base, 1);
    CU_ASSERT_EQUAL_FATAL(n, 2);
    CU_ASSERT_STRING_EQUAL(c[0].param, "lr");
    CU_ASSERT_EQUAL(c[0].n_cells, 2);
    CU_ASSERT_EQUAL(c[0].before[1], .002);
    CU_ASSERT_EQUAL(c[0].after[0], 1);
    CU_ASSERT_STRING_EQUAL(c[1].param, "base_lr");
    CU_ASSERT_EQUAL(c[1].n_cells, 1);
    CU_ASSERT_EQUAL(undo(&f), HT_ROLLBACK_EXACT);
    CU_ASSERT_TRUE(f.lr[0] == .01 && f.lr[1] == .002 && f.base == .1);
    ht_actuators_destroy(f.a);
}

static void betas_are_both_in_the_record(void)
{
    fixture f;
    size_t n = 0;
    ht_change c[HT_CHANGES_MAX];
    build(&f);
    CU_ASSERT_EQUAL(apply(&f, "betas_set", ht_tuple(2, (double[]){.8, .99}), &n, c), HT_OK);
    CU_ASSERT_EQUAL_FATAL(n, 1);
    CU_ASSERT_EQUAL(c[0].n_cells, 2);
    CU_ASSERT_TRUE(c[0].before[1] == .999 && c[0].after[0] == .8 && f.betas[1] == .99);
    CU_ASSERT_EQUAL(undo(&f), HT_ROLLBACK_EXACT);
    CU_ASSERT_TRUE(f.betas[0] == .9 && f.betas[1] == .999);
    ht_actuators_destroy(f.a);
}

static void what_a_schedule_moved_is_undone_by_the_factor(void)
{
    fixture f;
    build(&f);
    change(&f, "lr_mult", ht_real(.5));
    f.lr[0] *= .5;
    CU_ASSERT_EQUAL(undo(&f), HT_ROLLBACK_RELATIVE);
    CU_ASSERT_EQUAL(f.lr[0], .005);
    CU_ASSERT_EQUAL(f.lr[1], .002);
    CU_ASSERT_EQUAL(f.base, .1);
    change(&f, "lr_set", ht_real(.001));
    f.lr[1] = .0005;
    CU_ASSERT_EQUAL(undo(&f), HT_ROLLBACK_RELATIVE);
    CU_ASSERT_DOUBLE_EQUAL(f.lr[1], .001, 1e-15);
    ht_actuators_destroy(f.a);
}

static void weight_decay_from_zero_and_betas_are_left_once_moved(void)
{
    fixture f;
    build(&f);
    change(&f, "wd_set", ht_real(.5));
    f.wd[1] = .25;
    CU_ASSERT_EQUAL(undo(&f), HT_ROLLBACK_LEFT);
    CU_ASSERT_TRUE(f.wd[0] == .01 && f.wd[1] == .25);
    change(&f, "betas_set", ht_tuple(2, (double[]){.8, .99}));
    f.betas[1] = .5;
    CU_ASSERT_EQUAL(undo(&f), HT_ROLLBACK_LEFT);
    CU_ASSERT_TRUE(f.betas[0] == .9 && f.betas[1] == .5);
    ht_actuators_destroy(f.a);
}

static void a_commanded_value_stays(void)
{
    fixture f;
    build(&f);
    change(&f, "lr_mult", ht_real(.5));
    ht_actuators_commanded(f.a, "weight_decay");
    CU_ASSERT_EQUAL(undo(&f), HT_ROLLBACK_EXACT);
    change(&f, "lr_mult", ht_real(.5));
    ht_actuators_commanded(f.a, "lr");
    CU_ASSERT_EQUAL(undo(&f), HT_ROLLBACK_LEFT);
    CU_ASSERT_TRUE(f.lr[0] == .005 && f.lr[1] == .001);
    ht_actuators_destroy(f.a);
}

static void an_optimizer_that_is_gone_takes_no_change_and_no_undo(void)
{
    fixture f;
    size_t n;
    ht_change c[HT_CHANGES_MAX];
    ht_rollback how;
    ht_error err = {""};
    ht_patch p = patch("lr_mult", ht_real(.5));
    build(&f);
    f.gone = true;
    CU_ASSERT_EQUAL(f.e.apply(f.e.ctx, "opt", &p, NULL, &n, c, &err), HT_EFAILED);
    CU_ASSERT_STRING_EQUAL(err.text, "snapshot");
    CU_ASSERT_EQUAL(f.lr[0], .01);
    f.gone = false;
    change(&f, "lr_mult", ht_real(.5));
    f.gone = true;
    CU_ASSERT_EQUAL(f.e.restore(f.e.ctx, &how, &err), HT_EFAILED);
    CU_ASSERT_EQUAL(how, HT_ROLLBACK_FAILED);
    CU_ASSERT_STRING_EQUAL(err.text, "missing_optimizer");
    CU_ASSERT_EQUAL(f.lr[0], .005);
    ht_actuators_destroy(f.a);
}

static void a_parameter_that_no_group_has_leads_nowhere(void)
{
    double lr = .1, current;
    void *self = NULL;
    bool log_knob;
    size_t n;
    ht_codes codes = {0};
    ht_patch p = patch("wd_mult", ht_real(2));
    CU_ASSERT_EQUAL_FATAL(ht_optimizer_create(1, &(ht_param_group){.lr = &lr}, NULL, &self, NULL), HT_OK);
    ht_optimizer_class.validate(self, &p, &codes);
    CU_ASSERT_EQUAL(codes.n, 1);
    CU_ASSERT_STRING_EQUAL(codes.code[0], "unknown_param");
    const ht_family_spec wd = {.name = "wd_mult"}, set = {.name = "lr_set"},
                         keyed = {.name = "lr_set", .keyed = true};
    CU_ASSERT_FALSE(ht_optimizer_class.space(self, &wd, &log_knob, &n, &current));
    CU_ASSERT_FALSE(ht_optimizer_class.space(self, &keyed, &log_knob, &n, &current));
    CU_ASSERT_TRUE(ht_optimizer_class.space(self, &set, &log_knob, &n, &current));
    CU_ASSERT_TRUE(log_knob && n == 1 && current == .1);
    ht_optimizer_class.destroy(self);
}

static void what_a_group_did_not_have_counts_as_0_and_goes_away_again(void)
{
    double lr = .1, wd = 77, betas[2] = {77, 77};
    bool has_wd = false, has_betas = false;
    ht_param_group g = {.lr = &lr, .weight_decay = &wd, .betas = betas, .has_weight_decay = &has_wd,
                        .has_betas = &has_betas};
    void *self = NULL;
    fixture f = {.a = NULL};
    size_t n;
    ht_change c[HT_CHANGES_MAX];
    CU_ASSERT_EQUAL_FATAL(ht_optimizer_create(1, &g, NULL, &self, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_actuators_create(&f.a, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_actuators_add(f.a, "opt", &ht_optimizer_class, self, NULL), HT_OK);
    f.e = ht_effector_local(f.a);
    CU_ASSERT_EQUAL(apply(&f, "wd_set", ht_real(.25), &n, c), HT_OK);
    CU_ASSERT_TRUE(has_wd && wd == .25 && c[0].was_absent && c[0].before[0] == 0);
    CU_ASSERT_EQUAL(undo(&f), HT_ROLLBACK_EXACT);
    CU_ASSERT_FALSE(has_wd);
    change(&f, "wd_mult", ht_real(2));
    CU_ASSERT_TRUE(has_wd && wd == 0);
    f.e.keep(f.e.ctx);
    change(&f, "betas_set", ht_tuple(2, (double[]){.8, .99}));
    CU_ASSERT_TRUE(has_betas && betas[1] == .99);
    CU_ASSERT_EQUAL(undo(&f), HT_ROLLBACK_EXACT);
    CU_ASSERT_FALSE(has_betas);
    ht_actuators_destroy(f.a);
}

static void groups_without_a_learning_rate_are_refused(void)
{
    void *self = NULL;
    double wd = 0;
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_optimizer_create(0, NULL, NULL, &self, &err), HT_EINVAL);
    const ht_param_group lame = {.weight_decay = &wd};
    CU_ASSERT_EQUAL(ht_optimizer_create(1, &lame, NULL, &self, &err), HT_EINVAL);
    CU_ASSERT_STRING_EQUAL(err.text, "parameter group 0 has no learning rate");
    CU_ASSERT_PTR_NULL(self);
}

CASES("optimizer",
      CASE(each_op_refuses_what_is_outside_its_rules),
      CASE(a_change_reaches_every_group_and_the_base_rates_and_is_clamped),
      CASE(betas_are_both_in_the_record),
      CASE(what_a_schedule_moved_is_undone_by_the_factor),
      CASE(weight_decay_from_zero_and_betas_are_left_once_moved),
      CASE(a_commanded_value_stays),
      CASE(an_optimizer_that_is_gone_takes_no_change_and_no_undo),
      CASE(a_parameter_that_no_group_has_leads_nowhere),
      CASE(what_a_group_did_not_have_counts_as_0_and_goes_away_again),
      CASE(groups_without_a_learning_rate_are_refused))
