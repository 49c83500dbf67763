/* src/tune/knob.c - the container of typed knobs and its state machine; the contract is in knob.h.
 *
 * Knobs are few and never removed: they stand in the order of registration and are found from the front.
 * `current` is what was set last; what the training holds now is ht_knobs_live.
 * May touch: the heap, the training through the knobs' setters and getters. */
#include "tune/knob.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/value.h"

typedef struct {
    ht_knob_spec spec;
    ht_value *choices;      /* owned; spec.choices points here */
    ht_value current;       /* kind NONE = never set */
    ht_knob_state state;
    long long last_changed_step;
    size_t n_changes;
    int last_verified;
} knob;

struct ht_knobs {
    size_t n, capacity;
    knob *knobs;            /* [capacity], owned */
};

struct ht_knobs_snapshot {
    size_t n;
    struct saved {
        ht_value value;
        ht_knob_state state;
    } knobs[];              /* [n], in the order of the container */
};

ht_status ht_knobs_create(ht_knobs **out, ht_error *err)
{
    ht_knobs *k = calloc(1, sizeof *k);
    if (k == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for knobs");
    *out = k;
    return HT_OK;
}

void ht_knobs_destroy(ht_knobs *k)
{
    if (k == NULL)
        return;
    for (size_t i = 0; i < k->n; i++)
        free(k->knobs[i].choices);
    free(k->knobs);
    free(k);
}

static knob *find(const ht_knobs *k, const char *key)
{
    for (size_t i = 0; i < k->n; i++)
        if (strcmp(k->knobs[i].spec.key, key) == 0)
            return &k->knobs[i];
    return NULL;
}

/* ---- registration --------------------------------------------------------------------------- */

static ht_status check_spec(const ht_knobs *k, const ht_knob_spec *spec, ht_error *err)
{
    if (spec->key[0] == '\0')
        return ht_fail(err, HT_EINVAL, "a knob needs a name");
    if (find(k, spec->key) != NULL)
        return ht_fail(err, HT_EINVAL, "knob '%s' is registered already", spec->key);
    if (spec->set == NULL)
        return ht_fail(err, HT_EINVAL, "knob '%s' has no setter", spec->key);
    if ((spec->has_min && !isfinite(spec->min)) || (spec->has_max && !isfinite(spec->max)) ||
        (spec->has_min && spec->has_max && !(spec->min <= spec->max)))
        return ht_fail(err, HT_EINVAL, "knob '%s': limits %g..%g are no interval", spec->key, spec->min,
                       spec->max);
    ht_codes codes = {0};
    if (spec->initial.kind != HT_VALUE_NONE)
        ht_knob_validate(spec, &spec->initial, &codes);
    if (codes.n > 0)
        return ht_fail(err, HT_EINVAL, "knob '%s': its value is not legal: %s", spec->key, codes.code[0]);
    return HT_OK;
}

static bool make_room(ht_knobs *k)
{
    if (k->n < k->capacity)
        return true;
    size_t capacity = k->capacity == 0 ? 8 : 2 * k->capacity;
    knob *grown = realloc(k->knobs, capacity * sizeof *grown);
    if (grown == NULL)
        return false;
    k->knobs = grown;
    k->capacity = capacity;
    return true;
}

ht_status ht_knobs_add(ht_knobs *k, const ht_knob_spec *spec, ht_error *err)
{
    HT_TRY(check_spec(k, spec, err));
    size_t n = spec->n_choices;
    ht_value *choices = n == 0 ? NULL : calloc(n, sizeof *choices);
    if ((n > 0 && choices == NULL) || !make_room(k)) {
        free(choices);
        return ht_fail(err, HT_ENOMEM, "no memory for knob '%s'", spec->key);
    }
    if (n > 0)
        memcpy(choices, spec->choices, n * sizeof *choices);
    knob *added = &k->knobs[k->n++];
    *added = (knob){.spec = *spec, .choices = choices, .current = spec->initial, .state = HT_KNOB_INIT,
                    .last_changed_step = -1, .last_verified = -1};
    added->spec.choices = choices;
    return HT_OK;
}

void ht_knobs_initialize(ht_knobs *k)
{
    for (size_t i = 0; i < k->n; i++)
        if (k->knobs[i].state == HT_KNOB_INIT)
            k->knobs[i].state = HT_KNOB_UNTOUCHED;
}

/* ---- questions ------------------------------------------------------------------------------ */

size_t ht_knobs_count(const ht_knobs *k)
{
    return k->n;
}

void ht_knobs_at(const ht_knobs *k, size_t i, ht_knob_view *out)
{
    const knob *b = &k->knobs[i];
    *out = (ht_knob_view){.spec = &b->spec, .current = b->current, .state = b->state,
                          .last_changed_step = b->last_changed_step, .n_changes = b->n_changes,
                          .last_verified = b->last_verified};
}

bool ht_knobs_find(const ht_knobs *k, const char *key, ht_knob_view *out)
{
    const knob *b = find(k, key);
    if (b == NULL)
        return false;
    ht_knobs_at(k, (size_t)(b - k->knobs), out);
    return true;
}

/* A getter writes what its value has; the rest is compared and saved, too. */
static ht_value live(const knob *b)
{
    ht_value v = {HT_VALUE_NONE};
    if (b->spec.get != NULL && b->spec.get(b->spec.ctx, &v))
        return v;
    return b->current;
}

bool ht_knobs_live(const ht_knobs *k, const char *key, ht_value *out)
{
    const knob *b = find(k, key);
    if (b != NULL)
        *out = live(b);
    return b != NULL;
}

/* ---- changes -------------------------------------------------------------------------------- */

/* Through the setter. Its own refusal (HT_EFAILED with a text) is the error of the call. */
static ht_status call_setter(const knob *b, const ht_value *value, const ht_env *env, ht_error *err)
{
    ht_error why = {""};
    ht_status st = b->spec.set(b->spec.ctx, value, env, &why);
    if (st == HT_OK)
        return HT_OK;
    if (st != HT_EFAILED)
        return ht_fail(err, HT_EFAILED, "apply_fn_exception");
    return ht_fail(err, HT_EFAILED, "%s", why.text[0] != '\0' ? why.text : "apply_error");
}

ht_status ht_knobs_apply(ht_knobs *k, const char *key, const ht_value *value, const ht_env *env,
                         ht_error *err)
{
    knob *b = find(k, key);
    if (b == NULL)
        return ht_fail(err, HT_ENOTFOUND, "unknown_param");
    if (b->state == HT_KNOB_DISABLED)
        return ht_fail(err, HT_EREFUSED, "actuator_disabled");
    ht_codes codes;
    ht_knob_validate(&b->spec, value, &codes);
    if (codes.n > 0) {
        char text[HT_CODES_MAX * sizeof codes.code[0]];
        ht_codes_join(&codes, text, sizeof text);
        return ht_fail(err, HT_EINVAL, "invalid:%s", text);
    }
    HT_TRY(call_setter(b, value, env, err));
    b->current = *value;
    b->state = HT_KNOB_UNVERIFIED;
    b->last_changed_step = env == NULL ? 0 : env->step;
    b->n_changes++;
    b->last_verified = 0;
    return HT_OK;
}

/* "Never set" is no value that a setter can take: it can only be kept. */
static ht_status put_back(knob *b, const ht_value *value, ht_knob_state state, const ht_env *env,
                          ht_error *err)
{
    if (value->kind == HT_VALUE_NONE && b->current.kind != HT_VALUE_NONE)
        return ht_fail(err, HT_EFAILED, "never_set");
    if (value->kind != HT_VALUE_NONE)
        HT_TRY(call_setter(b, value, env, err));
    b->current = *value;
    b->state = state;
    return HT_OK;
}

ht_status ht_knobs_put_back(ht_knobs *k, const char *key, const ht_value *value, ht_knob_state state,
                            const ht_env *env, ht_error *err)
{
    knob *b = find(k, key);
    if (b == NULL)
        return ht_fail(err, HT_ENOTFOUND, "unknown_param");
    return put_back(b, value, state, env, err);
}

bool ht_knobs_disable(ht_knobs *k, const char *key)
{
    knob *b = find(k, key);
    if (b != NULL)
        b->state = HT_KNOB_DISABLED;
    return b != NULL;
}

bool ht_knobs_enable(ht_knobs *k, const char *key)
{
    knob *b = find(k, key);
    if (b != NULL && b->state == HT_KNOB_DISABLED)
        b->state = HT_KNOB_UNTOUCHED;
    return b != NULL;
}

/* ---- verification --------------------------------------------------------------------------- */

/* Does a metric show the value? Metrics that a C program reports are doubles, so a bool may also show as
 * exactly 0 or 1. */
static bool shows(const knob *b, const ht_value *metric)
{
    double x;
    switch (b->spec.type) {
    case HT_KNOB_FLOAT:
    case HT_KNOB_LOG_FLOAT:
        return ht_value_as_number(metric, &x) && fabs(x - b->current.scalar.number) <= 1e-9;
    case HT_KNOB_BOOL:
        return (ht_value_is_number(metric) || metric->kind == HT_VALUE_BOOL) &&
               metric->scalar.number == b->current.scalar.number;
    default:
        return ht_value_equal(metric, &b->current);
    }
}

bool ht_knobs_verify(ht_knobs *k, const char *key, const ht_metrics *metrics)
{
    knob *b = find(k, key);
    ht_value v;
    if (b == NULL || b->state != HT_KNOB_UNVERIFIED || b->spec.metric[0] == '\0' ||
        !ht_metrics_value(metrics, b->spec.metric, &v) || !shows(b, &v))
        return false;
    b->state = HT_KNOB_VERIFIED;
    b->last_verified = 1;
    return true;
}

/* ---- snapshots ------------------------------------------------------------------------------ */

ht_status ht_knobs_snapshot_take(const ht_knobs *k, ht_knobs_snapshot **out)
{
    ht_knobs_snapshot *s = malloc(sizeof *s + k->n * sizeof s->knobs[0]);
    if (s == NULL)
        return HT_ENOMEM;
    s->n = k->n;
    for (size_t i = 0; i < k->n; i++)
        s->knobs[i] = (struct saved){.value = live(&k->knobs[i]), .state = k->knobs[i].state};
    *out = s;
    return HT_OK;
}

void ht_knobs_restore(ht_knobs *k, const ht_knobs_snapshot *s, const ht_env *env,
                      void (*failed)(void *ctx, const char *key), void *ctx)
{
    for (size_t i = 0; i < s->n; i++) {
        knob *b = &k->knobs[i];
        if (put_back(b, &s->knobs[i].value, s->knobs[i].state, env, NULL) != HT_OK && failed != NULL)
            failed(ctx, b->spec.key);
    }
}

void ht_knobs_snapshot_destroy(ht_knobs_snapshot *s)
{
    free(s);
}

/* ---- to go on later ------------------------------------------------------------------------- */

static void visit_knob(knob *b, const ht_env *env, ht_members *s)
{
    knob loaded = *b;
    char key[HT_NAME_MAX];
    ht_error why = {""};
    ht_value held = s->loading ? loaded.current : live(b);
    ht_name_copy(key, b->spec.key);
    ht_members_field(s, "key", key, sizeof key);
    if (ht_members_is_good(s) && strcmp(key, b->spec.key) != 0)
        ht_members_fault(s, HT_EFORMAT, "is of knob '%s'; the program has '%s' here", key, b->spec.key);
    ht_members_value(s, "live", &held);
    ht_members_value(s, "current", &loaded.current);
    HT_MEMBERS_ENUM(s, "state", loaded.state, ht_knob_state, HT_KNOB_DISABLED);
    ht_members_longlong(s, "last_changed_step", &loaded.last_changed_step);
    ht_members_size(s, "n_changes", &loaded.n_changes);
    ht_members_int(s, "last_verified", &loaded.last_verified, -1, 1);
    if (!ht_members_acts(s))
        return;
    if (held.kind != HT_VALUE_NONE && call_setter(b, &held, env, &why) != HT_OK)
        ht_members_fault(s, HT_EFAILED, "cannot be set: %s", why.text);
    *b = loaded;
}

void ht_knobs_visit(ht_knobs *k, const ht_env *env, ht_members *s)
{
    size_t n = ht_members_enter_list(s, "knobs", k->n, SIZE_MAX);
    if (s->loading && n != k->n)
        ht_members_fault(s, HT_EFORMAT, "has %zu knobs; the program registers %zu", n, k->n);
    for (size_t i = 0; i < k->n; i++) {
        ht_members_enter_item(s, i);
        visit_knob(&k->knobs[i], env, s);
        ht_members_leave(s);
    }
    ht_members_leave(s);
}

/* ---- description ---------------------------------------------------------------------------- */

static void put_limit(cJSON *o, const char *name, bool given, double x)
{
    ht_json_put_real(o, name, given ? x : NAN);     /* not finite gives null */
}

static cJSON *choices_of(const knob *b)
{
    if (b->spec.n_choices == 0)
        return cJSON_CreateNull();
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; list != NULL && i < b->spec.n_choices; i++)
        cJSON_AddItemToArray(list, ht_value_to_json(&b->choices[i]));
    return list;
}

static cJSON *describe(const knob *b)
{
    const ht_knob_spec *s = &b->spec;
    cJSON *o = cJSON_CreateObject();
    ht_json_put_text(o, "param_key", s->key);
    ht_json_put_text(o, "type", ht_knob_type_text(s->type));
    ht_json_put_text(o, "label", s->label[0] != '\0' ? s->label : s->key);
    ht_json_put_text(o, "group", s->group);
    put_limit(o, "min", s->has_min, s->min);
    put_limit(o, "max", s->has_max, s->max);
    put_limit(o, "step", s->step != 0, s->step);
    put_limit(o, "log_base", s->type == HT_KNOB_LOG_FLOAT, s->log_base != 0 ? s->log_base : 10);
    ht_json_put(o, "choices", choices_of(b));
    ht_json_put(o, "current", ht_value_to_json(&b->current));
    ht_json_put_text(o, "state", ht_knob_state_text(b->state));
    return o;
}

cJSON *ht_knobs_describe(const ht_knobs *k)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; list != NULL && i < k->n; i++)
        if (k->knobs[i].state != HT_KNOB_DISABLED)
            cJSON_AddItemToArray(list, describe(&k->knobs[i]));
    return list;
}
