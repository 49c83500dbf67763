/* src/tune/actuator.c - the actuators of one replica by name; the contract is in actuator.h.
 *
 * A name leads to a registered actuator, else to the group of attached knobs for which it stands. Always:
 * `open.class` is NULL iff no mutation is open; `open.snapshot` is then never NULL.
 * May touch: the heap, and the training through actuators. */
#include "tune/actuator.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tune/bridge.h"
#include "tune/custom.h"

typedef struct {
    char name[HT_NAME_MAX];
    const ht_actuator_class *class;
    void *self;                         /* owned */
} actuator;

struct ht_actuators {
    size_t n, capacity;
    actuator *actuators;                /* [capacity], owned */
    ht_knobs *knobs;                    /* borrowed; NULL = none */
    struct {
        const ht_actuator_class *class; /* NULL = no mutation is open */
        void *self, *snapshot;
        ht_bridge bridge;               /* `self` of bridged knobs points here */
        char name[HT_NAME_MAX];
    } open;
};

ht_status ht_actuators_create(ht_actuators **out, ht_error *err)
{
    ht_actuators *a = calloc(1, sizeof *a);
    if (a == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for actuators");
    *out = a;
    return HT_OK;
}

/* Forget the open mutation; what it changed stays. */
static void close_open(ht_actuators *a)
{
    if (a->open.class != NULL)
        a->open.class->discard(a->open.self, a->open.snapshot);
    memset(&a->open, 0, sizeof a->open);
}

void ht_actuators_destroy(ht_actuators *a)
{
    if (a == NULL)
        return;
    close_open(a);
    for (size_t i = 0; i < a->n; i++)
        if (a->actuators[i].class->destroy != NULL)
            a->actuators[i].class->destroy(a->actuators[i].self);
    free(a->actuators);
    free(a);
}

/* ---- names ---------------------------------------------------------------------------------- */

static const actuator *registered(const ht_actuators *a, const char *name)
{
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->actuators[i].name, name) == 0)
            return &a->actuators[i];
    return NULL;
}

static bool is_complete(const ht_actuator_class *c)
{
    return c->validate != NULL && c->snapshot != NULL && c->apply != NULL && c->restore != NULL &&
           c->discard != NULL && c->changes != NULL && c->space != NULL && c->describe != NULL;
}

ht_status ht_actuators_add(ht_actuators *a, const char *name, const ht_actuator_class *class, void *self,
                           ht_error *err)
{
    size_t length = strlen(name);
    if (length == 0 || length >= HT_NAME_MAX)
        return ht_fail(err, HT_EINVAL, "actuator '%s': a name has 1 to %d bytes", name, HT_NAME_MAX - 1);
    if (registered(a, name) != NULL)
        return ht_fail(err, HT_EINVAL, "actuator '%s' is registered already", name);
    if (!is_complete(class))
        return ht_fail(err, HT_EINVAL, "actuator '%s': its class lacks a function", name);
    if (a->n == a->capacity) {
        size_t capacity = a->capacity == 0 ? 4 : 2 * a->capacity;
        actuator *grown = realloc(a->actuators, capacity * sizeof *grown);
        if (grown == NULL)
            return ht_fail(err, HT_ENOMEM, "no memory for actuator '%s'", name);
        a->actuators = grown;
        a->capacity = capacity;
    }
    actuator *added = &a->actuators[a->n++];
    ht_name_copy(added->name, name);
    added->class = class;
    added->self = self;
    return HT_OK;
}

ht_status ht_actuators_add_custom(ht_actuators *a, const char *name, const ht_actuator_ops *ops, void *self,
                                  ht_error *err)
{
    void *custom = NULL;
    HT_TRY(ht_custom_create(name, ops, self, &custom, err));
    ht_status st = ht_actuators_add(a, name, &ht_custom_class, custom, err);
    if (st != HT_OK)
        ht_custom_class.destroy(custom);
    return st;
}

void ht_actuators_attach_knobs(ht_actuators *a, ht_knobs *knobs)
{
    a->knobs = knobs;
}

/* The i-th group of knobs to which no registered actuator and no earlier group gives its name; NULL when
 * there are no more. */
static const char *bridged_name(const ht_actuators *a, size_t i)
{
    for (size_t k = 0; a->knobs != NULL && k < ht_knobs_count(a->knobs); k++) {
        ht_knob_view v, earlier;
        ht_knobs_at(a->knobs, k, &v);
        bool taken = v.spec->group[0] == '\0' || registered(a, ht_bridge_actuator(v.spec->group)) != NULL;
        for (size_t j = 0; j < k && !taken; j++) {
            ht_knobs_at(a->knobs, j, &earlier);
            taken = strcmp(earlier.spec->group, v.spec->group) == 0;
        }
        if (!taken && i-- == 0)
            return ht_bridge_actuator(v.spec->group);
    }
    return NULL;
}

size_t ht_actuators_count(const ht_actuators *a)
{
    size_t bridged = 0;
    while (bridged_name(a, bridged) != NULL)
        bridged++;
    return a->n + bridged;
}

const char *ht_actuators_name(const ht_actuators *a, size_t i)
{
    return i < a->n ? a->actuators[i].name : bridged_name(a, i - a->n);
}

/* Who answers to a name. `bridge` serves as the self of bridged knobs. */
static bool find(const ht_actuators *a, const char *name, ht_bridge *bridge, const ht_actuator_class **class,
                 void **self)
{
    const actuator *r = registered(a, name);
    if (r != NULL) {
        *class = r->class;
        *self = r->self;
        return true;
    }
    *bridge = (ht_bridge){.knobs = a->knobs, .actuator = name};
    *class = &ht_bridge_class;
    *self = bridge;
    return ht_bridge_exists(bridge);
}

bool ht_actuators_has(const ht_actuators *a, const char *name)
{
    ht_bridge bridge;
    const ht_actuator_class *class;
    void *self;
    return find(a, name, &bridge, &class, &self);
}

ht_status ht_actuators_validate(ht_actuators *a, const char *name, const ht_patch *patch, ht_codes *codes)
{
    ht_bridge bridge;
    const ht_actuator_class *class;
    void *self;
    codes->n = 0;
    if (!find(a, name, &bridge, &class, &self))
        return HT_ENOTFOUND;
    class->validate(self, patch, codes);
    return HT_OK;
}

bool ht_actuators_space(ht_actuators *a, const char *name, const ht_family_spec *family, bool *log_knob,
                        size_t *n, double *current)
{
    ht_bridge bridge;
    const ht_actuator_class *class;
    void *self;
    return find(a, name, &bridge, &class, &self) && class->space(self, family, log_knob, n, current);
}

void ht_actuators_commanded(ht_actuators *a, const char *param)
{
    if (a->open.class != NULL && a->open.class->commanded != NULL)
        a->open.class->commanded(a->open.self, a->open.snapshot, param);
}

/* ---- to go on later ------------------------------------------------------------------------- */

static void visit_values(ht_actuators *a, ht_members *s)
{
    size_t n = ht_members_enter_list(s, "actuators", a->n, SIZE_MAX);
    if (s->loading && n != a->n)
        ht_members_fault(s, HT_EFORMAT, "has %zu actuators; the program registers %zu", n, a->n);
    for (size_t i = 0; i < a->n; i++) {
        actuator *one = &a->actuators[i];
        char name[HT_NAME_MAX];
        ht_members_enter_item(s, i);
        ht_name_copy(name, one->name);
        ht_members_field(s, "name", name, sizeof name);
        if (ht_members_is_good(s) && strcmp(name, one->name) != 0)
            ht_members_fault(s, HT_EFORMAT, "is of actuator '%s'; the program has '%s' here", name, one->name);
        if (one->class->visit != NULL)
            one->class->visit(one->self, s);
        ht_members_leave(s);
    }
    ht_members_leave(s);
}

/* The snapshot of the mutation that was open. */
static void load_snapshot(ht_actuators *a, const char *name, ht_members *s, bool *lost)
{
    void *snapshot = NULL, *self;
    ht_bridge bridge;
    const ht_actuator_class *class;
    if (!ht_members_is_good(s))
        return;
    if (!find(a, name, &bridge, &class, &self)) {
        ht_members_fault(s, HT_EFORMAT, "is of actuator '%s', which the program does not register", name);
        return;
    }
    *lost = class->visit_snapshot == NULL;
    if (!*lost)
        class->visit_snapshot(self, &snapshot, s);
    if (!*lost && ht_members_acts(s)) {
        ht_name_copy(a->open.name, name);
        find(a, a->open.name, &a->open.bridge, &a->open.class, &a->open.self);
        a->open.snapshot = snapshot;
    } else if (snapshot != NULL) {
        class->discard(self, snapshot);
    }
}

void ht_actuators_visit(ht_actuators *a, const ht_env *env, ht_members *s, bool *lost)
{
    if (s->loading && a->open.class != NULL)
        ht_members_fault(s, HT_EINVAL, "cannot be loaded: a mutation is open");
    if (a->knobs != NULL)
        ht_knobs_visit(a->knobs, env, s);
    visit_values(a, s);
    if (!ht_members_enter_if(s, "open", a->open.class != NULL))
        return;
    char name[HT_NAME_MAX];
    ht_name_copy(name, a->open.name);
    ht_members_field(s, "actuator", name, sizeof name);
    if (s->loading)
        load_snapshot(a, name, s, lost);
    else if (a->open.class->visit_snapshot != NULL)
        a->open.class->visit_snapshot(a->open.self, &a->open.snapshot, s);
    ht_members_leave(s);
}

/* ---- the effector of a replica of one rank -------------------------------------------------- */

/* The tuner has validated the patch already; a rank that is told what to do has not. */
static ht_status check(const ht_actuator_class *class, void *self, const ht_patch *patch, ht_error *err)
{
    ht_codes codes = {0};
    class->validate(self, patch, &codes);
    if (codes.n == 0)
        return HT_OK;
    char text[HT_CODES_MAX * sizeof codes.code[0]];
    ht_codes_join(&codes, text, sizeof text);
    return ht_fail(err, HT_EREFUSED, "invalid:%s", text);
}

static ht_status apply_open(ht_actuators *a, const ht_patch *patch, const ht_env *env, ht_error *err)
{
    void *self = a->open.self, *snapshot = NULL;
    const ht_actuator_class *class = a->open.class;
    a->open.class = NULL;   /* nothing is open until there is a snapshot */
    HT_TRY(check(class, self, patch, err));
    if (class->snapshot(self, patch, &snapshot) != HT_OK || snapshot == NULL)
        return ht_fail(err, HT_EFAILED, "snapshot");
    a->open.class = class;
    a->open.snapshot = snapshot;
    ht_error why = {"apply_error"};
    ht_status st = class->apply(self, patch, env, snapshot, &why);
    if (st == HT_OK)
        return HT_OK;
    ht_error undo = {""};
    ht_rollback how;
    if (class->restore(self, snapshot, &how, &undo) != HT_OK)
        return ht_fail(err, st, "%.200s; undoing it failed, too: %.200s", why.text, undo.text);
    return ht_fail(err, st, "%s", why.text);
}

static ht_status local_apply(void *ctx, const char *name, const ht_patch *patch, const ht_env *env,
                             size_t *n_changes, ht_change changes[HT_CHANGES_MAX], ht_error *err)
{
    ht_actuators *a = ctx;
    *n_changes = 0;
    if (a->open.class != NULL)
        return ht_fail(err, HT_EREFUSED, "a mutation is open already");
    ht_name_copy(a->open.name, name);
    if (!find(a, a->open.name, &a->open.bridge, &a->open.class, &a->open.self)) {
        a->open.class = NULL;
        return ht_fail(err, HT_ENOTFOUND, "unknown_actuator");
    }
    ht_status st = apply_open(a, patch, env, err);
    if (st == HT_OK)
        *n_changes = a->open.class->changes(a->open.self, a->open.snapshot, changes);
    else
        close_open(a);
    return st;
}

static ht_status local_restore(void *ctx, ht_rollback *how, ht_error *err)
{
    ht_actuators *a = ctx;
    *how = HT_ROLLBACK_NONE;
    if (a->open.class == NULL)
        return HT_OK;
    ht_error why = {"restore_error"};
    ht_status st = a->open.class->restore(a->open.self, a->open.snapshot, how, &why);
    close_open(a);
    if (st == HT_OK)
        return HT_OK;
    *how = HT_ROLLBACK_FAILED;
    return ht_fail(err, st, "%s", why.text);
}

static void local_keep(void *ctx)
{
    close_open(ctx);
}

static ht_status local_set(void *ctx, const char *key, const ht_value *value, const ht_env *env,
                           ht_error *err)
{
    ht_actuators *a = ctx;
    if (a->knobs == NULL)
        return ht_fail(err, HT_ENOTFOUND, "no_mutable_state");
    HT_TRY(ht_knobs_apply(a->knobs, key, value, env, err));
    ht_actuators_commanded(a, key);
    return HT_OK;
}

ht_effector ht_effector_local(ht_actuators *a)
{
    return (ht_effector){
        .ctx = a, .apply = local_apply, .restore = local_restore, .keep = local_keep, .set = local_set};
}
