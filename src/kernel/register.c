/* src/kernel/register.c - knobs and actuators that a training names; the contract is in hottune.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel_internal.h"
#include "tune/bridge.h"
#include "tune/optimizer.h"

static ht_status write_target(void *ctx, const ht_value *value, const ht_env *env, ht_error *err)
{
    const ht_knob_target *t = ctx;
    switch (t->kind) {
    case TO_DOUBLE:
        *t->to.real = value->scalar.number;
        return HT_OK;
    case TO_INT:
        *t->to.whole = (long long)value->scalar.number;
        return HT_OK;
    case TO_BOOL:
        *t->to.truth = value->scalar.number != 0;
        return HT_OK;
    case TO_SETTER:
        return t->to.set(t->ctx, value, env, err);
    }
    return HT_EINVAL;
}

/* What the training holds now: a schedule of its own may have moved it. */
static bool read_target(void *ctx, ht_value *out)
{
    const ht_knob_target *t = ctx;
    switch (t->kind) {
    case TO_DOUBLE:
        *out = ht_real(*t->to.real);
        return true;
    case TO_INT:
        *out = ht_int(*t->to.whole);
        return true;
    case TO_BOOL:
        *out = ht_bool(*t->to.truth);
        return true;
    case TO_SETTER:
        return t->get(t->ctx, out);
    }
    return false;
}

ht_status ht_kernel_refuse_late(ht_kernel *k)
{
    if (k == NULL || !k->usable)
        return k == NULL ? HT_EINVAL : ht_fail(&k->message, HT_EINVAL, "this kernel was not opened");
    if (k->begun)
        return ht_fail(&k->message, HT_EREFUSED, "a training is described before the first ht_apply or ht_running");
    return HT_OK;
}

static ht_status check_names(ht_kernel *k, const char *actuator, const char *name)
{
    HT_TRY(ht_kernel_refuse_late(k));
    if (actuator == NULL || actuator[0] == '\0' || name == NULL || name[0] == '\0')
        return ht_fail(&k->message, HT_EINVAL, "a knob needs the name of its actuator and its own name");
    if (strlen(actuator) + 1 + strlen(name) >= HT_NAME_MAX)
        return ht_fail(&k->message, HT_EINVAL, "the names of actuator '%s' and knob '%s' are longer than %d bytes",
                       actuator, name, HT_NAME_MAX - 2);
    return HT_OK;
}

/* A name of its own in the whole program; two actuators may have a knob of the same name. */
static void name_key(const ht_kernel *k, const char *actuator, const char *name, char key[HT_NAME_MAX])
{
    ht_knob_view other;
    ht_name_copy(key, name);
    if (ht_knobs_find(k->knobs, name, &other) && strcmp(other.spec->group, ht_bridge_group(actuator)) != 0)
        snprintf(key, HT_NAME_MAX, "%s.%s", actuator, name);
}

/* Adds the knob and keeps its target; the coordinator has nothing to change and only checks. */
static ht_status add(ht_kernel *k, const char *actuator, const char *name, ht_knob_spec *spec,
                     const ht_knob_target *target)
{
    if (k->replica < 0)
        return HT_OK;
    ht_knob_target **targets = realloc(k->targets, (k->n_targets + 1) * sizeof(ht_knob_target *));
    if (targets != NULL)
        k->targets = targets;
    ht_knob_target *t = malloc(sizeof *t);
    if (targets == NULL || t == NULL) {
        free(t);
        return ht_fail(&k->message, HT_ENOMEM, "no memory for knob '%s'", name);
    }
    *t = *target;
    name_key(k, actuator, name, spec->key);
    ht_name_copy(t->actuator, actuator);
    ht_name_copy(t->name, name);
    ht_name_copy(t->key, spec->key);
    ht_name_copy(spec->group, ht_bridge_group(actuator));
    spec->set = write_target;
    spec->get = t->kind == TO_SETTER && t->get == NULL ? NULL : read_target;
    spec->ctx = t;
    ht_status st = ht_knobs_add(k->knobs, spec, &k->message);
    if (st == HT_OK)
        k->targets[k->n_targets++] = t;
    else
        free(t);
    return st;
}

static ht_status check_range(ht_kernel *k, const char *name, double lo, double hi)
{
    if (!(lo <= hi) || !isfinite(lo) || !isfinite(hi))
        return ht_fail(&k->message, HT_EINVAL, "knob '%s': %g..%g is no range", name, lo, hi);
    return HT_OK;
}

ht_status ht_knob_double(ht_kernel *k, const char *actuator, const char *name, double *value,
                         ht_knob_scale scale, double lo, double hi)
{
    HT_TRY(check_names(k, actuator, name));
    HT_TRY(check_range(k, name, lo, hi));
    if (value == NULL)
        return ht_fail(&k->message, HT_EINVAL, "knob '%s': the pointer to its value is missing", name);
    if (scale == HT_LOG && lo < 0)
        return ht_fail(&k->message, HT_EINVAL, "knob '%s': a logarithmic range cannot start at %g", name, lo);
    ht_knob_spec spec = {.type = scale == HT_LOG ? HT_KNOB_LOG_FLOAT : HT_KNOB_FLOAT, .has_min = true,
                         .has_max = true, .min = lo, .max = hi, .log_base = scale == HT_LOG ? 10 : 0,
                         .initial = ht_real(*value)};
    return add(k, actuator, name, &spec, &(ht_knob_target){.kind = TO_DOUBLE, .to.real = value});
}

ht_status ht_knob_int(ht_kernel *k, const char *actuator, const char *name, long long *value, long long lo,
                      long long hi)
{
    HT_TRY(check_names(k, actuator, name));
    HT_TRY(check_range(k, name, (double)lo, (double)hi));
    if (value == NULL)
        return ht_fail(&k->message, HT_EINVAL, "knob '%s': the pointer to its value is missing", name);
    ht_knob_spec spec = {.type = HT_KNOB_INT, .has_min = true, .has_max = true, .min = (double)lo,
                         .max = (double)hi, .initial = ht_int(*value)};
    return add(k, actuator, name, &spec, &(ht_knob_target){.kind = TO_INT, .to.whole = value});
}

ht_status ht_knob_bool(ht_kernel *k, const char *actuator, const char *name, bool *value)
{
    HT_TRY(check_names(k, actuator, name));
    if (value == NULL)
        return ht_fail(&k->message, HT_EINVAL, "knob '%s': the pointer to its value is missing", name);
    ht_knob_spec spec = {.type = HT_KNOB_BOOL, .initial = ht_bool(*value)};
    return add(k, actuator, name, &spec, &(ht_knob_target){.kind = TO_BOOL, .to.truth = value});
}

ht_status ht_knob(ht_kernel *k, const ht_knob_options *o)
{
    HT_TRY(check_names(k, o->actuator, o->name));
    ht_knob_spec spec = {.has_min = o->bounded, .has_max = o->bounded, .min = o->lo, .max = o->hi,
                         .n_choices = o->n_choices, .choices = o->choices, .initial = o->initial};
    if (o->bounded)
        HT_TRY(check_range(k, o->name, o->lo, o->hi));
    if (o->type == NULL || !ht_knob_type_parse(o->type, &spec.type))
        return ht_fail(&k->message, HT_EINVAL,
                       "knob '%s': type '%s' is unknown; it is one of float, log_float, int, bool, choice, tuple",
                       o->name, o->type == NULL ? "" : o->type);
    if (o->set == NULL)
        return ht_fail(&k->message, HT_EINVAL, "knob '%s': it has no setter", o->name);
    if (o->metric != NULL)
        ht_name_copy(spec.metric, o->metric);
    return add(k, o->actuator, o->name, &spec,
               &(ht_knob_target){.kind = TO_SETTER, .to.set = o->set, .get = o->get, .ctx = o->ctx});
}

ht_status ht_optimizer(ht_kernel *k, const char *actuator, const ht_optimizer_group *groups, size_t n)
{
    HT_TRY(check_names(k, actuator, "lr"));
    if (n == 0 || groups == NULL)
        return ht_fail(&k->message, HT_EINVAL, "optimizer '%s' has no parameter groups", actuator);
    if (k->replica < 0)
        return HT_OK;
    ht_param_group *copy = calloc(n, sizeof *copy);
    if (copy == NULL)
        return ht_fail(&k->message, HT_ENOMEM, "no memory for optimizer '%s'", actuator);
    for (size_t i = 0; i < n; i++)
        copy[i] = (ht_param_group){groups[i].lr, groups[i].base_lr, groups[i].weight_decay, groups[i].betas};
    void *self = NULL;
    ht_status st = ht_optimizer_create(n, copy, NULL, &self, &k->message);
    free(copy);
    if (st != HT_OK)
        return st;
    st = ht_actuators_add(k->actuators, actuator, &ht_optimizer_class, self, &k->message);
    if (st != HT_OK && ht_optimizer_class.destroy != NULL)
        ht_optimizer_class.destroy(self);
    return st;
}

ht_status ht_actuator(ht_kernel *k, const char *name, const ht_actuator_ops *ops, void *self)
{
    HT_TRY(check_names(k, name, "own"));
    if (ops == NULL)
        return ht_fail(&k->message, HT_EINVAL, "actuator '%s' has no callbacks", name);
    return k->replica < 0 ? HT_OK : ht_actuators_add_custom(k->actuators, name, ops, self, &k->message);
}

ht_status ht_metric(ht_kernel *k, const char *name, double value)
{
    if (k == NULL || name == NULL)
        return HT_EINVAL;
    return k->metrics == NULL ? HT_OK : ht_metrics_set(k->metrics, name, value, &k->message);
}

ht_status ht_metric_source(ht_kernel *k, bool (*accessor)(void *ctx, const char *name, double *out), void *ctx)
{
    if (k == NULL)
        return HT_EINVAL;
    if (k->metrics != NULL)
        ht_metrics_accessor(k->metrics, accessor, ctx);
    return HT_OK;
}
