/* tests/unit/test_bridge.c - typed knobs by the names of a recipe; the contract is in tune/bridge.h. */
#include "tune/bridge.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "cases.h"

enum { LR, WEIGHT_DECAY, BETAS, AUX, LAYERS, FLAG, SIZE, NAME, UNSET, N };

/* One training: each knob's value, behind a setter and a getter. */
typedef struct {
    ht_value value;
    bool refuses, single;   /* single: the program keeps a float */
} cell;
typedef struct {
    cell cells[N];
    ht_knobs *knobs;
    ht_actuators *a;
    ht_effector e;
} fixture;

static ht_status set(void *ctx, const ht_value *value, const ht_env *env, ht_error *err)
{
    cell *c = ctx;
    (void)env;
    (void)err;
    if (c->refuses)
        return HT_EFAILED;
    c->value = *value;
    if (c->single)
        c->value = ht_real((float)value->scalar.number);
    return HT_OK;
}

static bool get(void *ctx, ht_value *out)
{
    const cell *c = ctx;
    *out = c->value;
    return c->value.kind != HT_VALUE_NONE;
}

static void add(fixture *f, int i, ht_knob_spec spec)
{
    ht_error err = {""};
    f->cells[i].value = spec.initial;
    spec.set = set;
    spec.get = get;
    spec.ctx = &f->cells[i];
    CU_ASSERT_EQUAL_FATAL(ht_knobs_add(f->knobs, &spec, &err), HT_OK);
}

static void build(fixture *f)
{
    const ht_value sizes[] = {ht_int(16), ht_int(32), ht_int(64)};
    const ht_value names[] = {ht_text("relu"), ht_text("tanh")};
    const ht_knob_spec specs[N] = {
        [LR] = {.key = "lr", .group = "optimizer", .type = HT_KNOB_LOG_FLOAT, .has_min = true, .min = 1e-5,
                .has_max = true, .max = .1, .initial = ht_real(.01)},
        [WEIGHT_DECAY] = {.key = "weight_decay", .group = "optimizer", .type = HT_KNOB_LOG_FLOAT,
                          .has_min = true, .min = 0, .has_max = true, .max = 1, .initial = ht_real(0)},
        [BETAS] = {.key = "betas", .group = "optimizer", .type = HT_KNOB_TUPLE,
                   .initial = ht_tuple(2, (double[]){.9, .999})},
        [AUX] = {.key = "aux", .group = "loss", .type = HT_KNOB_FLOAT, .has_min = true, .min = 0,
                 .has_max = true, .max = 2, .initial = ht_real(.5)},
        [LAYERS] = {.key = "net.layers", .group = "net", .type = HT_KNOB_INT, .has_min = true, .min = 1,
                    .has_max = true, .max = 8, .initial = ht_int(3)},
        [FLAG] = {.key = "flag", .group = "net", .type = HT_KNOB_BOOL, .initial = ht_bool(false)},
        [SIZE] = {.key = "size", .group = "net", .type = HT_KNOB_CHOICE, .n_choices = 3, .choices = sizes,
                  .initial = ht_int(32)},
        [NAME] = {.key = "name", .group = "net", .type = HT_KNOB_CHOICE, .n_choices = 2, .choices = names,
                  .initial = ht_text("relu")},
        [UNSET] = {.key = "unset", .group = "net", .type = HT_KNOB_FLOAT},
    };
    *f = (fixture){.knobs = NULL};
    CU_ASSERT_EQUAL_FATAL(ht_knobs_create(&f->knobs, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_actuators_create(&f->a, NULL), HT_OK);
    for (int i = 0; i < N; i++)
        add(f, i, specs[i]);
    ht_actuators_attach_knobs(f->a, f->knobs);
    f->e = ht_effector_local(f->a);
}

static void tear(fixture *f)
{
    ht_actuators_destroy(f->a);
    ht_knobs_destroy(f->knobs);
}

static ht_patch patch(const char *op, const char *key, ht_value v)
{
    ht_patch p = {.value = v};
    ht_name_copy(p.op, op);
    ht_name_copy(p.key, key);
    return p;
}

static const char *codes_of(fixture *f, const char *actuator, const char *op, const char *key, ht_value v)
{
    static _Thread_local char text[256];
    ht_codes codes;
    ht_patch p = patch(op, key, v);
    CU_ASSERT_EQUAL(ht_actuators_validate(f->a, actuator, &p, &codes), HT_OK);
    ht_codes_join(&codes, text, sizeof text);
    return text;
}

static void change(fixture *f, const char *actuator, const char *op, const char *key, ht_value v)
{
    ht_patch p = patch(op, key, v);
    ht_change c[HT_CHANGES_MAX];
    size_t n;
    ht_error err = {""};
    CU_ASSERT_EQUAL(f->e.apply(f->e.ctx, actuator, &p, &(ht_env){.step = 9}, &n, c, &err), HT_OK);
    CU_ASSERT_STRING_EQUAL(err.text, "");
}

static ht_rollback undo(fixture *f)
{
    ht_rollback how = HT_ROLLBACK_OFF;
    CU_ASSERT_EQUAL(f->e.restore(f->e.ctx, &how, NULL), HT_OK);
    return how;
}

static double number(const fixture *f, int i)
{
    return f->cells[i].value.scalar.number;
}

static void names_of_a_recipe_lead_to_knobs(void)
{
    fixture f;
    build(&f);
    change(&f, "opt", "lr_mult", "", ht_real(.5));
    CU_ASSERT_EQUAL(number(&f, LR), .005);
    f.e.keep(f.e.ctx);
    change(&f, "opt", "wd_set", "", ht_real(.25));
    CU_ASSERT_EQUAL(number(&f, WEIGHT_DECAY), .25);
    f.e.keep(f.e.ctx);
    change(&f, "opt", "betas_set", "", ht_tuple(2, (double[]){.8, .99}));
    CU_ASSERT_EQUAL(f.cells[BETAS].value.items[0].number, .8);
    f.e.keep(f.e.ctx);
    change(&f, "loss", "mult", "aux", ht_real(2));
    CU_ASSERT_EQUAL(number(&f, AUX), 1);
    f.e.keep(f.e.ctx);
    change(&f, "loss", "aux_delta", "", ht_real(.5));
    CU_ASSERT_EQUAL(number(&f, AUX), 1.5);
    f.e.keep(f.e.ctx);
    change(&f, "net", "layers_set", "", ht_int(5));
    CU_ASSERT_EQUAL(number(&f, LAYERS), 5);
    tear(&f);
}

static void groups_are_listed_under_the_names_that_recipes_use(void)
{
    fixture f;
    build(&f);
    CU_ASSERT_EQUAL_FATAL(ht_actuators_count(f.a), 3);
    CU_ASSERT_STRING_EQUAL(ht_actuators_name(f.a, 0), "opt");
    CU_ASSERT_STRING_EQUAL(ht_actuators_name(f.a, 1), "loss");
    CU_ASSERT_STRING_EQUAL(ht_actuators_name(f.a, 2), "net");
    CU_ASSERT_TRUE(ht_actuators_has(f.a, "opt"));
    CU_ASSERT_FALSE(ht_actuators_has(f.a, "lossy"));
    CU_ASSERT_FALSE(ht_actuators_has(f.a, ""));
    tear(&f);
}

static void ops_of_the_optimizer_clamp_and_others_refuse_to_leave_the_range(void)
{
    fixture f;
    build(&f);
    change(&f, "opt", "lr_mult", "", ht_real(50));
    CU_ASSERT_EQUAL(number(&f, LR), .1);
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "opt", "lr_set", "", ht_real(.5)), "out_of_bounds");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "opt", "lr_mult", "", ht_real(-1)), "not_positive");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "opt", "mult", "lr", ht_real(50)), "out_of_bounds");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "loss", "mult", "aux", ht_real(5)), "out_of_bounds");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "loss", "delta", "aux", ht_text("x")), "type");
    tear(&f);
}

static void a_factor_on_a_knob_at_zero_takes_the_floor_of_the_patch(void)
{
    fixture f;
    build(&f);
    ht_patch wd = patch("wd_mult", "", ht_real(2)), aux = patch("mult", "aux", ht_real(2));
    ht_change c[HT_CHANGES_MAX];
    size_t n;
    wd.floor = aux.floor = .003;
    f.cells[AUX].value = ht_real(0);
    CU_ASSERT_EQUAL(f.e.apply(f.e.ctx, "opt", &wd, &(ht_env){0}, &n, c, NULL), HT_OK);
    CU_ASSERT_EQUAL(number(&f, WEIGHT_DECAY), .006);
    CU_ASSERT_EQUAL(undo(&f), HT_ROLLBACK_EXACT);
    CU_ASSERT_EQUAL(number(&f, WEIGHT_DECAY), 0);
    CU_ASSERT_EQUAL(f.e.apply(f.e.ctx, "loss", &aux, &(ht_env){0}, &n, c, NULL), HT_OK);
    CU_ASSERT_EQUAL(number(&f, AUX), .006);
    f.e.keep(f.e.ctx);
    tear(&f);
}

static void what_leads_nowhere_is_refused(void)
{
    fixture f;
    build(&f);
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "opt", "momentum_set", "", ht_real(.5)), "unknown_op");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "opt", "lr_halve", "", ht_real(.5)), "unknown_op");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "opt", "lr", "", ht_real(.5)), "unknown_op");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "loss", "set", "lr", ht_real(.5)), "unknown_param");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "loss", "raise", "aux", ht_real(.5)), "unknown_op");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "net", "set", "unset", ht_real(.5)), "never_set");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "net", "set", "name", (ht_value){.kind = HT_VALUE_NULL}),
                           "missing_value");
    ht_knobs_disable(f.knobs, "aux");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "loss", "set", "aux", ht_real(.5)), "actuator_disabled");
    tear(&f);
}

static void reals_are_fitted_to_the_type_of_the_knob(void)
{
    fixture f;
    build(&f);
    change(&f, "net", "mult", "layers", ht_real(1.5));
    CU_ASSERT_EQUAL(f.cells[LAYERS].value.kind, HT_VALUE_INT);
    CU_ASSERT_EQUAL(number(&f, LAYERS), 5);     /* 4.5, rounded away from 0 */
    f.e.keep(f.e.ctx);
    change(&f, "net", "set", "flag", ht_real(.75));
    CU_ASSERT_EQUAL(f.cells[FLAG].value.kind, HT_VALUE_BOOL);
    CU_ASSERT_EQUAL(number(&f, FLAG), 1);
    f.e.keep(f.e.ctx);
    change(&f, "net", "mult", "size", ht_real(1.75));
    CU_ASSERT_EQUAL(number(&f, SIZE), 64);
    f.e.keep(f.e.ctx);
    change(&f, "net", "set", "name", ht_text("tanh"));
    CU_ASSERT_STRING_EQUAL(f.cells[NAME].value.scalar.text, "tanh");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "net", "mult", "flag", ht_real(2)), "type");
    CU_ASSERT_STRING_EQUAL(codes_of(&f, "net", "set", "name", ht_text("gelu")), "not_in_choices");
    tear(&f);
}

static void every_type_comes_back_as_it_was_with_its_state(void)
{
    const struct {
        const char *actuator, *op, *key;
        ht_value v;
        int knob;
    } all[] = {
        {"opt", "lr_mult", "", ht_real(1.0 / 3), LR},
        {"opt", "wd_set", "", ht_real(.1), WEIGHT_DECAY},
        {"opt", "betas_set", "", ht_tuple(2, (double[]){.8, .99}), BETAS},
        {"loss", "delta", "aux", ht_real(.1), AUX},
        {"net", "mult", "layers", ht_real(2), LAYERS},
        {"net", "set", "flag", ht_bool(true), FLAG},
        {"net", "set", "size", ht_int(16), SIZE},
        {"net", "set", "name", ht_text("tanh"), NAME},
    };
    fixture f;
    build(&f);
    ht_knobs_initialize(f.knobs);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        ht_value before = f.cells[all[i].knob].value;
        change(&f, all[i].actuator, all[i].op, all[i].key, all[i].v);
        CU_ASSERT_NOT_EQUAL(memcmp(&before, &f.cells[all[i].knob].value, sizeof before), 0);
        CU_ASSERT_EQUAL(undo(&f), HT_ROLLBACK_EXACT);
        CU_ASSERT_EQUAL(memcmp(&before, &f.cells[all[i].knob].value, sizeof before), 0);
        ht_knob_view v;
        ht_knobs_at(f.knobs, (size_t)all[i].knob, &v);
        CU_ASSERT_EQUAL(v.state, HT_KNOB_UNTOUCHED);
        CU_ASSERT_EQUAL(v.last_changed_step, 9);
    }
    tear(&f);
}

static void a_knob_that_keeps_a_float_is_undone_exactly(void)
{
    fixture f;
    build(&f);
    f.cells[AUX].single = true;
    change(&f, "loss", "set", "aux", ht_real(1.1));
    CU_ASSERT_EQUAL(number(&f, AUX), (float)1.1);
    CU_ASSERT_EQUAL(undo(&f), HT_ROLLBACK_EXACT);
    CU_ASSERT_EQUAL(number(&f, AUX), .5);
    tear(&f);
}

static void a_moved_knob_loses_the_factor_and_a_commanded_one_stays(void)
{
    fixture f;
    ht_value v = ht_real(.03);
    build(&f);
    change(&f, "opt", "lr_set", "", ht_real(.02));
    f.cells[LR].value = ht_real(.01);       /* a schedule halved it */
    CU_ASSERT_EQUAL(undo(&f), HT_ROLLBACK_RELATIVE);
    CU_ASSERT_EQUAL(number(&f, LR), .005);
    change(&f, "net", "mult", "layers", ht_real(2));
    f.cells[LAYERS].value = ht_int(7);
    CU_ASSERT_EQUAL(undo(&f), HT_ROLLBACK_RELATIVE);
    CU_ASSERT_EQUAL(number(&f, LAYERS), 4);     /* 3.5, rounded */
    change(&f, "opt", "betas_set", "", ht_tuple(2, (double[]){.8, .99}));
    f.cells[BETAS].value.items[1].number = .5;
    CU_ASSERT_EQUAL(undo(&f), HT_ROLLBACK_LEFT);
    CU_ASSERT_EQUAL(f.cells[BETAS].value.items[0].number, .8);
    change(&f, "opt", "lr_mult", "", ht_real(2));
    CU_ASSERT_EQUAL(f.e.set(f.e.ctx, "lr", &v, NULL, NULL), HT_OK);
    CU_ASSERT_EQUAL(undo(&f), HT_ROLLBACK_LEFT);
    CU_ASSERT_EQUAL(number(&f, LR), .03);
    tear(&f);
}

static void a_setter_that_refuses_leaves_everything_as_it_was(void)
{
    fixture f;
    ht_patch p = patch("mult", "aux", ht_real(2));
    ht_change c[HT_CHANGES_MAX];
    size_t n;
    ht_error err = {""};
    ht_rollback how;
    build(&f);
    f.cells[AUX].refuses = true;
    CU_ASSERT_EQUAL(f.e.apply(f.e.ctx, "loss", &p, NULL, &n, c, &err), HT_EFAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "apply_error"));
    CU_ASSERT_EQUAL(number(&f, AUX), .5);
    f.cells[AUX].refuses = false;
    change(&f, "loss", "mult", "aux", ht_real(2));
    f.cells[AUX].refuses = true;
    CU_ASSERT_EQUAL(f.e.restore(f.e.ctx, &how, &err), HT_EFAILED);
    CU_ASSERT_EQUAL(how, HT_ROLLBACK_FAILED);
    CU_ASSERT_EQUAL(number(&f, AUX), 1);
    tear(&f);
}

static void the_search_is_told_scale_length_and_value(void)
{
    fixture f;
    bool log_knob = false;
    size_t n = 0;
    double now = 0;
    const ht_family_spec lr = {.name = "lr_set"}, betas = {.name = "betas_set"}, nowhere = {.name = "x_set"},
                         aux = {.name = "aux", .keyed = true, .mode = HT_SPEC_DELTA},
                         text = {.name = "name", .keyed = true, .mode = HT_SPEC_SET};
    build(&f);
    CU_ASSERT_TRUE(ht_actuators_space(f.a, "opt", &lr, &log_knob, &n, &now));
    CU_ASSERT_TRUE(log_knob && n == 1 && now == .01);
    CU_ASSERT_TRUE(ht_actuators_space(f.a, "opt", &betas, &log_knob, &n, &now));
    CU_ASSERT_TRUE(!log_knob && n == 2 && now == 0);
    CU_ASSERT_TRUE(ht_actuators_space(f.a, "loss", &aux, &log_knob, &n, &now));
    CU_ASSERT_TRUE(!log_knob && n == 1 && now == .5);
    CU_ASSERT_FALSE(ht_actuators_space(f.a, "opt", &nowhere, &log_knob, &n, &now));
    CU_ASSERT_FALSE(ht_actuators_space(f.a, "net", &text, &log_knob, &n, &now));
    CU_ASSERT_FALSE(ht_actuators_space(f.a, "ghost", &lr, &log_knob, &n, &now));
    tear(&f);
}

CASES("bridge",
      CASE(names_of_a_recipe_lead_to_knobs),
      CASE(groups_are_listed_under_the_names_that_recipes_use),
      CASE(ops_of_the_optimizer_clamp_and_others_refuse_to_leave_the_range),
      CASE(a_factor_on_a_knob_at_zero_takes_the_floor_of_the_patch),
      CASE(what_leads_nowhere_is_refused),
      CASE(reals_are_fitted_to_the_type_of_the_knob),
      CASE(every_type_comes_back_as_it_was_with_its_state),
      CASE(a_knob_that_keeps_a_float_is_undone_exactly),
      CASE(a_moved_knob_loses_the_factor_and_a_commanded_one_stays),
      CASE(a_setter_that_refuses_leaves_everything_as_it_was),
      CASE(the_search_is_told_scale_length_and_value))
