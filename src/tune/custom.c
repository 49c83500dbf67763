/* src/tune/custom.c - actuators of the program's own; the contract is in custom.h.
 *
 * Their snapshots are opaque: which values a patch touches, and what became of them since, only the
 * program knows. So a restore is its own affair and counts as exact when it reports success.
 * May touch: the heap, the program through its callbacks. */
#include "tune/custom.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    ht_actuator_ops ops;
    void *self;         /* borrowed */
} custom;

static const char *missing(const ht_actuator_ops *ops)
{
    return ops->snapshot == NULL ? "snapshot"
         : ops->validate == NULL ? "validate"
         : ops->apply == NULL    ? "apply"
         : ops->restore == NULL  ? "restore"
                                 : NULL;
}

ht_status ht_custom_create(const char *name, const ht_actuator_ops *ops, void *self, void **out,
                           ht_error *err)
{
    const char *lacks = missing(ops);
    if (lacks != NULL)
        return ht_fail(err, HT_EINVAL, "actuator '%s' has no function '%s'", name, lacks);
    custom *c = calloc(1, sizeof *c);
    if (c == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for actuator '%s'", name);
    *c = (custom){.ops = *ops, .self = self};
    *out = c;
    return HT_OK;
}

static void validate(void *self, const ht_patch *patch, ht_codes *codes)
{
    custom *c = self;
    c->ops.validate(c->self, patch, codes);
}

static ht_status take(void *self, const ht_patch *patch, void **out)
{
    custom *c = self;
    *out = NULL;
    return c->ops.snapshot(c->self, patch, out);
}

static ht_status apply(void *self, const ht_patch *patch, const ht_env *env, void *snapshot, ht_error *err)
{
    (void)snapshot;
    custom *c = self;
    return c->ops.apply(c->self, patch, env, err);
}

static ht_status restore(void *self, void *snapshot, ht_rollback *how, ht_error *err)
{
    custom *c = self;
    ht_status st = c->ops.restore(c->self, snapshot, err);
    *how = st == HT_OK ? HT_ROLLBACK_EXACT : HT_ROLLBACK_FAILED;
    return st;
}

static void discard(void *self, void *snapshot)
{
    custom *c = self;
    if (c->ops.discard != NULL)
        c->ops.discard(c->self, snapshot);
    else
        free(snapshot);
}

static size_t changes(void *self, const void *snapshot, ht_change *out)
{
    (void)self;
    (void)snapshot;
    (void)out;
    return 0;
}

/* Nothing is known of its values; every family may be meant for it. */
static bool space(void *self, const ht_family_spec *family, bool *log_knob, size_t *n, double *current)
{
    (void)self;
    bool pair = !family->keyed && strcmp(family->name, "betas_set") == 0;
    *log_knob = false;
    *n = family->n_bounds > 1 ? family->n_bounds : pair ? 2 : 1;
    *current = 0;
    return true;
}

static void describe(void *self, char *text, size_t size)
{
    custom *c = self;
    if (c->ops.describe != NULL)
        c->ops.describe(c->self, text, size);
    else
        snprintf(text, size, "an actuator of the program");
}

static void destroy(void *self)
{
    free(self);
}

const ht_actuator_class ht_custom_class = {
    .validate = validate, .snapshot = take, .apply = apply, .restore = restore, .discard = discard,
    .changes = changes, .space = space, .describe = describe, .destroy = destroy,
};
