/* tests/unit/test_actuator.c - the registry, actuators of the program's own, the open mutation; the
 * contract is in tune/actuator.h. */
#include "tune/actuator.h"

#include <stdlib.h>
#include <string.h>

#include "cases.h"

/* A program's own actuator: one number. It can be told to fail in each of its parts; a
 * failing apply has changed something already. */
typedef struct {
    double x;
    bool no_snapshot, apply_fails, restore_fails, refuses;
    int restored, discarded;
} own;

static void validate(void *self, const ht_patch *patch, ht_codes *codes)
{
    (void)patch;
    if (((own *)self)->refuses)
        ht_codes_add(codes, "not_now");
}

static ht_status snapshot(void *self, const ht_patch *patch, void **out)
{
    own *o = self;
    (void)patch;
    if (o->no_snapshot)
        return HT_OK;
    double *s = malloc(sizeof *s);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    *s = o->x;
    *out = s;
    return HT_OK;
}

static ht_status apply(void *self, const ht_patch *patch, const ht_env *env, ht_error *err)
{
    own *o = self;
    (void)env;
    o->x = patch->value.scalar.number;
    if (!o->apply_fails)
        return HT_OK;
    strcpy(err->text, "out of order");
    return HT_EFAILED;
}

static ht_status restore(void *self, const void *s, ht_error *err)
{
    own *o = self;
    (void)err;
    o->restored++;
    if (o->restore_fails)
        return HT_EFAILED;
    o->x = *(const double *)s;
    return HT_OK;
}

static void discard(void *self, void *s)
{
    ((own *)self)->discarded++;
    free(s);
}

static const ht_actuator_ops ops = {
    .snapshot = snapshot, .validate = validate, .apply = apply, .restore = restore, .discard = discard};

static const ht_patch to_5 = {.op = "set", .value = {.kind = HT_VALUE_REAL,
                                                     .scalar = {.kind = HT_VALUE_REAL, .number = 5}}};

static ht_actuators *registry(own *o)
{
    ht_actuators *a = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_actuators_create(&a, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_actuators_add_custom(a, "own", &ops, o, NULL), HT_OK);
    return a;
}

static ht_status try_apply(ht_actuators *a, const char *name, ht_error *err)
{
    ht_effector e = ht_effector_local(a);
    ht_change changes[HT_CHANGES_MAX];
    size_t n = 99;
    ht_status st = e.apply(e.ctx, name, &to_5, &(ht_env){0}, &n, changes, err);
    CU_ASSERT_EQUAL(n, 0);      /* what an own actuator touches is not known */
    return st;
}

static void an_own_actuator_is_changed_and_undone(void)
{
    own o = {.x = 1};
    ht_actuators *a = registry(&o);
    ht_effector e = ht_effector_local(a);
    ht_rollback how;
    CU_ASSERT_EQUAL(try_apply(a, "own", NULL), HT_OK);
    CU_ASSERT_EQUAL(o.x, 5);
    CU_ASSERT_EQUAL(e.restore(e.ctx, &how, NULL), HT_OK);
    CU_ASSERT_EQUAL(how, HT_ROLLBACK_EXACT);
    CU_ASSERT_EQUAL(o.x, 1);
    CU_ASSERT_EQUAL(o.discarded, 1);
    CU_ASSERT_EQUAL(e.restore(e.ctx, &how, NULL), HT_OK);
    CU_ASSERT_EQUAL(how, HT_ROLLBACK_NONE);
    CU_ASSERT_EQUAL(o.restored, 1);
    ht_actuators_destroy(a);
}

static void a_failed_apply_is_undone(void)
{
    own o = {.x = 1, .apply_fails = true};
    ht_actuators *a = registry(&o);
    ht_error err = {""};
    CU_ASSERT_EQUAL(try_apply(a, "own", &err), HT_EFAILED);
    CU_ASSERT_STRING_EQUAL(err.text, "out of order");
    CU_ASSERT_EQUAL(o.x, 1);
    CU_ASSERT_EQUAL(o.discarded, 1);
    o.restore_fails = true;
    CU_ASSERT_EQUAL(try_apply(a, "own", &err), HT_EFAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "out of order; undoing it failed, too"));
    o.apply_fails = false;
    CU_ASSERT_EQUAL(try_apply(a, "own", &err), HT_OK);      /* nothing had stayed open */
    ht_actuators_destroy(a);
    CU_ASSERT_EQUAL(o.discarded, 3);
}

static void without_a_snapshot_nothing_is_changed(void)
{
    own o = {.x = 1, .no_snapshot = true};
    ht_actuators *a = registry(&o);
    ht_error err = {""};
    CU_ASSERT_EQUAL(try_apply(a, "own", &err), HT_EFAILED);
    CU_ASSERT_STRING_EQUAL(err.text, "snapshot");
    CU_ASSERT_EQUAL(o.x, 1);
    ht_actuators_destroy(a);
}

static void what_validation_refuses_is_not_applied(void)
{
    own o = {.x = 1, .refuses = true};
    ht_actuators *a = registry(&o);
    ht_error err = {""};
    ht_codes codes;
    CU_ASSERT_EQUAL(ht_actuators_validate(a, "own", &to_5, &codes), HT_OK);
    CU_ASSERT_EQUAL(codes.n, 1);
    CU_ASSERT_EQUAL(try_apply(a, "own", &err), HT_EREFUSED);
    CU_ASSERT_STRING_EQUAL(err.text, "invalid:not_now");
    CU_ASSERT_EQUAL(o.x, 1);
    ht_actuators_destroy(a);
}

static void one_mutation_at_most_is_open(void)
{
    own o = {.x = 1};
    ht_actuators *a = registry(&o);
    ht_effector e = ht_effector_local(a);
    ht_error err = {""};
    CU_ASSERT_EQUAL(try_apply(a, "own", &err), HT_OK);
    CU_ASSERT_EQUAL(try_apply(a, "own", &err), HT_EREFUSED);
    CU_ASSERT_STRING_EQUAL(err.text, "a mutation is open already");
    e.keep(e.ctx);
    CU_ASSERT_EQUAL(o.x, 5);
    CU_ASSERT_EQUAL(try_apply(a, "own", &err), HT_OK);
    ht_actuators_destroy(a);
}

static void a_failed_restore_closes_the_mutation_and_says_so(void)
{
    own o = {.x = 1, .restore_fails = true};
    ht_actuators *a = registry(&o);
    ht_effector e = ht_effector_local(a);
    ht_error err = {""};
    ht_rollback how;
    CU_ASSERT_EQUAL(try_apply(a, "own", NULL), HT_OK);
    CU_ASSERT_EQUAL(e.restore(e.ctx, &how, &err), HT_EFAILED);
    CU_ASSERT_EQUAL(how, HT_ROLLBACK_FAILED);
    CU_ASSERT_STRING_EQUAL(err.text, "restore_error");
    CU_ASSERT_EQUAL(e.restore(e.ctx, &how, &err), HT_OK);
    CU_ASSERT_EQUAL(how, HT_ROLLBACK_NONE);
    ht_actuators_destroy(a);
}

static void unknown_names_are_refused_everywhere(void)
{
    own o = {.x = 1};
    ht_actuators *a = registry(&o);
    ht_effector e = ht_effector_local(a);
    ht_error err = {""};
    ht_codes codes;
    ht_value v = {.kind = HT_VALUE_NULL};
    CU_ASSERT_EQUAL(ht_actuators_validate(a, "ghost", &to_5, &codes), HT_ENOTFOUND);
    CU_ASSERT_EQUAL(try_apply(a, "ghost", &err), HT_ENOTFOUND);
    CU_ASSERT_STRING_EQUAL(err.text, "unknown_actuator");
    CU_ASSERT_EQUAL(e.set(e.ctx, "lr", &v, NULL, &err), HT_ENOTFOUND);
    CU_ASSERT_STRING_EQUAL(err.text, "no_mutable_state");
    CU_ASSERT_FALSE(ht_actuators_has(a, "ghost"));
    ht_actuators_commanded(a, "lr");        /* nothing is open: no effect */
    ht_actuators_destroy(a);
}

static void registration_refuses_bad_names_and_missing_functions(void)
{
    own o = {.x = 1};
    ht_actuators *a = registry(&o);
    ht_error err = {""};
    ht_actuator_ops lame = ops;
    lame.restore = NULL;
    CU_ASSERT_EQUAL(ht_actuators_add_custom(a, "lame", &lame, &o, &err), HT_EINVAL);
    CU_ASSERT_STRING_EQUAL(err.text, "actuator 'lame' has no function 'restore'");
    CU_ASSERT_EQUAL(ht_actuators_add_custom(a, "own", &ops, &o, &err), HT_EINVAL);
    CU_ASSERT_STRING_EQUAL(err.text, "actuator 'own' is registered already");
    CU_ASSERT_EQUAL(ht_actuators_add_custom(a, "", &ops, &o, &err), HT_EINVAL);
    const ht_actuator_class empty = {.validate = NULL};
    CU_ASSERT_EQUAL(ht_actuators_add(a, "empty", &empty, NULL, &err), HT_EINVAL);
    CU_ASSERT_EQUAL(ht_actuators_count(a), 1);
    CU_ASSERT_STRING_EQUAL(ht_actuators_name(a, 0), "own");
    CU_ASSERT_PTR_NULL(ht_actuators_name(a, 1));
    ht_actuators_destroy(a);
}

CASES("actuator",
      CASE(an_own_actuator_is_changed_and_undone),
      CASE(a_failed_apply_is_undone),
      CASE(without_a_snapshot_nothing_is_changed),
      CASE(what_validation_refuses_is_not_applied),
      CASE(one_mutation_at_most_is_open),
      CASE(a_failed_restore_closes_the_mutation_and_says_so),
      CASE(unknown_names_are_refused_everywhere),
      CASE(registration_refuses_bad_names_and_missing_functions))
