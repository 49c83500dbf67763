/* src/store/run_trial.c - a segment on its way into a study; the contract is in run_trial.h. May touch: the heap, the
 * study. */
#include "store/run_trial.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

ht_status ht_run_steps_add(ht_run_steps *s, long long step, double value, double time, ht_error *err)
{
    if (s->n == s->room) {
        size_t room = s->room > 0 ? 2 * s->room : 8;
        ht_run_step *grown = realloc(s->at, room * sizeof *grown);
        if (grown == NULL)
            return ht_fail(err, HT_ENOMEM, "no memory for a step of a trial");
        s->at = grown;
        s->room = room;
    }
    s->at[s->n++] = (ht_run_step){step, value, time};
    return HT_OK;
}

void ht_run_steps_drop(ht_run_steps *s, size_t n)
{
    if (n > 0 && s->n > n)
        memmove(s->at, s->at + n, (s->n - n) * sizeof *s->at);
    s->n -= n;
}

ht_run_trial *ht_run_trial_create(const char *key, size_t n_values, const double *values)
{
    ht_run_trial *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    t->value = NAN;
    t->attributes = cJSON_CreateObject();
    t->values = malloc((n_values > 0 ? n_values : 1) * sizeof *t->values);
    if (t->attributes == NULL || t->values == NULL) {
        ht_run_trial_destroy(t);
        return NULL;
    }
    snprintf(t->key, sizeof t->key, "%s", key);
    t->n_values = n_values;
    if (n_values > 0)
        memcpy(t->values, values, n_values * sizeof *values);
    return t;
}

void ht_run_trial_destroy(ht_run_trial *t)
{
    if (t == NULL)
        return;
    cJSON_Delete(t->attributes);
    free(t->values);
    free(t->steps.at);
    free(t);
}

bool ht_run_trial_waits(const ht_run_trial *t)
{
    return !t->known && (!t->written || t->steps.n > 0 || t->attributes->child != NULL || t->ended != 0);
}

/* A logarithmic scale has no 0: what is written there is told to be none. */
static ht_status write_zeros(const ht_run_trial *t, ht_optuna *o, cJSON *names, ht_error *err)
{
    ht_status st = cJSON_GetArraySize(names) > 0 ? ht_optuna_attribute(o, t->id, "at_zero", names, err) : HT_OK;
    cJSON_Delete(names);
    return st;
}

static ht_status write_params(const ht_run_trial *t, ht_optuna *o, const ht_optuna_distribution *params, const double *held,
                              ht_error *err)
{
    cJSON *zeros = cJSON_CreateArray();
    ht_status st = zeros != NULL ? HT_OK : ht_fail(err, HT_ENOMEM, "no memory for trial %s", t->key);
    for (size_t i = 0; i < t->n_values && st == HT_OK; i++) {
        if (isnan(held[i]))
            continue;
        st = ht_optuna_param(o, t->id, &params[i], held[i], err);
        if (t->values[i] == 0 && held[i] != 0)
            cJSON_AddItemToArray(zeros, cJSON_CreateString(params[i].name));
    }
    if (st == HT_OK)
        return write_zeros(t, o, zeros, err);
    cJSON_Delete(zeros);
    return st;
}

ht_status ht_run_trial_write(ht_run_trial *t, ht_optuna *o, const ht_optuna_distribution *params, const double *held,
                             ht_error *err)
{
    const cJSON *item;
    if (!t->written && t->id == 0)
        HT_TRY(ht_optuna_begin(o, t->started, &t->id, err));
    if (!t->written)
        HT_TRY(write_params(t, o, params, held, err));
    for (size_t i = 0; i < t->steps.n; i++)
        HT_TRY(ht_optuna_intermediate(o, t->id, t->steps.at[i].step, t->steps.at[i].value, err));
    cJSON_ArrayForEach(item, t->attributes)
        HT_TRY(ht_optuna_attribute(o, t->id, item->string, item, err));
    return t->ended == 0 ? HT_OK : ht_optuna_finish(o, t->id, t->ended, t->state, t->value, err);
}

void ht_run_trial_settle(ht_run_trial *t)
{
    t->written = true;
    t->steps.n = 0;
    while (t->attributes->child != NULL)
        cJSON_Delete(cJSON_DetachItemViaPointer(t->attributes, t->attributes->child));
}
