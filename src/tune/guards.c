/* src/tune/guards.c - cooldowns, constraints and stability blockers; the contract is in guards.h.
 *
 * Always: every windows count in ht_cooldowns.at is > 0; a family occurs once.
 * May touch: the heap, its arguments. */
#include "tune/guards.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t find(const ht_cooldowns *c, const char *family)
{
    size_t i = 0;
    while (i < c->n && strcmp(c->at[i].family, family) != 0)
        i++;
    return i;
}

static void drop(ht_cooldowns *c, size_t i)
{
    memmove(&c->at[i], &c->at[i + 1], (c->n - i - 1) * sizeof c->at[0]);
    c->n--;
}

ht_status ht_cooldowns_set(ht_cooldowns *c, const char *family, long long windows)
{
    size_t i = find(c, family);
    if (windows <= 0) {
        if (i < c->n)
            drop(c, i);
        return HT_OK;
    }
    if (i == c->capacity) {
        size_t capacity = c->capacity == 0 ? 8 : 2 * c->capacity;
        void *grown = realloc(c->at, capacity * sizeof c->at[0]);
        if (grown == NULL)
            return HT_ENOMEM;
        c->at = grown;
        c->capacity = capacity;
    }
    if (i == c->n) {
        snprintf(c->at[i].family, sizeof c->at[i].family, "%s", family);
        c->n++;
    }
    c->at[i].windows = windows;
    return HT_OK;
}

void ht_cooldowns_tick(ht_cooldowns *c)
{
    if (c->global > 0)
        c->global--;
    for (size_t i = c->n; i-- > 0;)
        if (--c->at[i].windows == 0)
            drop(c, i);
}

long long ht_cooldowns_left(const ht_cooldowns *c, const char *family)
{
    size_t i = find(c, family);
    return i < c->n ? c->at[i].windows : 0;
}

bool ht_cooldowns_free(const ht_cooldowns *c, const char *family)
{
    return c->global <= 0 && ht_cooldowns_left(c, family) == 0;
}

void ht_cooldowns_release(ht_cooldowns *c)
{
    free(c->at);
    *c = (ht_cooldowns){0};
}

static void block(ht_constraints *out, const char *code, const char *detail)
{
    if (out->codes.n == HT_CODES_MAX)
        return;
    snprintf(out->blocks[out->codes.n], sizeof out->blocks[0], "%s:%s", code, detail);
    ht_codes_add(&out->codes, code);
}

void ht_constraints_check(const ht_recipe *r, const ht_cooldowns *c, long long reject_streak,
                          const char *actuator, const char *key, ht_constraints *out)
{
    char family[2 * HT_NAME_MAX], streak[24];
    snprintf(family, sizeof family, "%s:%s", actuator, key);
    snprintf(streak, sizeof streak, "%lld", reject_streak);
    out->codes.n = 0;
    if (!ht_cooldowns_free(c, family))
        block(out, "cooldown", family);
    if (reject_streak >= r->safety.max_global_reject_streak)
        block(out, "max_reject_streak", streak);
    const ht_actuator_spec *a = ht_recipe_actuator(r, actuator);
    if (a == NULL) {
        block(out, "actuator_not_in_recipe", actuator);
        return;
    }
    if (!a->enabled) {
        block(out, "actuator_disabled", actuator);
        return;
    }
    const ht_family_spec *f = ht_actuator_family(a, key);
    if (f == NULL) {
        block(out, "mutation_not_in_recipe", family);
        return;
    }
    if (!ht_family_is_tried(f))
        block(out, "risk_too_high", f->risk);
}

void ht_blockers(const ht_recipe *r, const ht_vitals *v, ht_codes *codes)
{
    codes->n = 0;
    if (r->safety.block_on_nan && (!isfinite(v->loss) || v->batch_loss_bad))
        ht_codes_add(codes, "nan_or_inf_loss");
    if (r->safety.block_on_nan && v->has_primary && !isfinite(v->primary))
        ht_codes_add(codes, "nan_or_inf_objective");
    if (r->safety.block_on_anomaly && v->anomaly_critical)
        ht_codes_add(codes, "anomaly_critical");
}
