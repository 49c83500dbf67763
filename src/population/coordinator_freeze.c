/* src/population/coordinator_freeze.c - freeze modes: who may still change what; see coordinator_state.h.
 *
 * In any mode but off the replicas judge what is open and propose nothing new. In the replay modes a
 * recorded operation list drives them: its text goes to each replica, which fires the entries itself.
 * May touch: the coordinator. Not: files; lists were read by whoever brought them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "population/coordinator_state.h"

static bool is_replay(ht_freeze_mode m)
{
    return m == HT_FREEZE_REPLAY || m == HT_FREEZE_REPLAY_ADJUSTED;
}

ht_freeze_order ht_coordinator_freeze_order(const ht_coordinator *c)
{
    bool replay = is_replay(c->freeze.mode) && c->list != NULL;
    return (ht_freeze_order){.frozen = c->freeze.mode != HT_FREEZE_OFF, .strict = c->freeze.strict,
                             .list = replay ? c->lists : 0, .step_offset = c->freeze.step_offset,
                             .entries = replay ? c->list : NULL};
}

static bool same_freeze(const ht_freeze *a, const ht_freeze *b)
{
    return a->mode == b->mode && a->strict == b->strict && a->step_offset == b->step_offset &&
           strcmp(a->recipe_path, b->recipe_path) == 0 && strcmp(a->adjust_path, b->adjust_path) == 0;
}

/* A list that a replica could not read is refused here, once. */
static ht_status check_list(const ht_coordinator *c, const ht_freeze *f, ht_error *err)
{
    if (!is_replay(f->mode))
        return HT_OK;
    if (c->pool != NULL)
        return ht_fail(err, HT_EREFUSED, "pooled_run: operation lists are for independent replicas");
    if (f->list_error[0] != '\0')
        return ht_fail(err, HT_ENOTFOUND, "%s", f->list_error);
    if (f->list == NULL)
        return ht_fail(err, HT_ENOTFOUND, "there is no operation list; give recipe_path");
    ht_oplist *list = NULL;
    HT_TRY(ht_list_parse(f->list, f->step_offset, &list, err));
    ht_oplist_destroy(list);
    return HT_OK;
}

/* Takes the mode up and tells the replicas. `list` is the text that passed check_list; NULL = none. */
static void take_freeze(ht_coordinator *c, const ht_freeze *f, const char *list)
{
    char *copy = NULL;
    if (is_replay(f->mode) && list != NULL) {
        copy = malloc(strlen(list) + 1);
        if (copy == NULL) {
            c->no_memory = true;
            return;
        }
        strcpy(copy, list);
        c->lists++;
    }
    free(c->list);
    c->list = copy;
    c->freeze = *f;
    c->freeze.list = NULL;      /* borrowed for the call */
    c->freeze.list_error[0] = '\0';
    ht_coordinator_say(c, "freeze mode %s", ht_freeze_mode_text(f->mode));
    c->reply.kind = HT_MESSAGE_FREEZE;
    c->reply.as.freeze = ht_coordinator_freeze_order(c);
    for (int i = 0; i < c->n_replicas; i++)
        if (c->replicas[i].joined && !c->replicas[i].done)
            ht_coordinator_send(c, i, &c->reply);
}

ht_status ht_coordinator_freeze(ht_coordinator *c, double now, const ht_freeze *freeze)
{
    ht_error err = {""};
    if (isnan(c->began))
        c->began = now;
    if (same_freeze(freeze, &c->freeze))
        return ht_coordinator_settle(c);
    ht_status st = check_list(c, freeze, &err);
    if (st == HT_ENOMEM)
        return st;
    if (st != HT_OK)
        ht_coordinator_say(c, "freeze mode %s repeats nothing: %.180s", ht_freeze_mode_text(freeze->mode),
                           err.text);
    take_freeze(c, freeze, st == HT_OK ? freeze->list : NULL);
    return ht_coordinator_settle(c);
}

/* Members of `freeze`, in the operation itself or its params. */
static const cJSON *freeze_member(const cJSON *body, const char *name)
{
    const cJSON *item = ht_json_member(body, name);
    return item != NULL ? item : ht_json_member(ht_json_member(body, "params"), name);
}

static bool read_path(char to[512], const cJSON *body, const char *name)
{
    const char *path = cJSON_GetStringValue(freeze_member(body, name));
    if (path != NULL && strlen(path) >= 512)
        return false;
    if (path != NULL)
        strcpy(to, path);
    return true;
}

/* What is not given stays as it is. @return false: `l` says what is wrong */
static bool read_freeze(const cJSON *body, ht_freeze *f, ht_ledger_line *l)
{
    const char *mode = cJSON_GetStringValue(freeze_member(body, "mode"));
    const char *policy = cJSON_GetStringValue(freeze_member(body, "policy"));
    const cJSON *offset = freeze_member(body, "step_offset");
    if (mode == NULL || !ht_freeze_mode_parse(mode, &f->mode)) {
        ht_ledger_refuse(l, "unknown_mode:%.200s", mode != NULL ? mode : "");
    } else if (!read_path(f->recipe_path, body, "recipe_path") ||
               !read_path(f->adjust_path, body, "adjust_path")) {
        ht_ledger_refuse(l, "a path is longer than 511 bytes");
    } else if (policy != NULL && strcmp(policy, "strict") != 0 && strcmp(policy, "best_effort") != 0) {
        ht_ledger_refuse(l, "unknown_policy:%.200s", policy);
    } else if (cJSON_IsNumber(offset) && !(fabs(offset->valuedouble) < 9e15)) {
        ht_ledger_refuse(l, "step_offset is no step");
    } else {
        if (policy != NULL)
            f->strict = strcmp(policy, "strict") == 0;
        if (cJSON_IsNumber(offset))
            f->step_offset = (long long)offset->valuedouble;
        return true;
    }
    return false;
}

static void command_freeze(ht_coordinator *c, const cJSON *body, const char *list, const char *list_error,
                           ht_ledger_line *l)
{
    ht_error err = {""};
    ht_freeze f = c->freeze;
    if (!read_freeze(body, &f, l))
        return;
    f.list = list != NULL ? list : c->list;     /* still the one at hand */
    snprintf(f.list_error, sizeof f.list_error, "%s", list_error);
    if (check_list(c, &f, &err) != HT_OK) {
        ht_ledger_refuse(l, "%.250s", err.text);
        return;
    }
    take_freeze(c, &f, f.list);
}

void ht_coordinator_operate_core(ht_coordinator *c, const cJSON *body, const char *list,
                                 const char *list_error, ht_ledger_line *l)
{
    l->decision = HT_LEDGER_APPLIED;
    if (strcmp(l->op, "freeze") == 0) {
        command_freeze(c, body, list, list_error, l);
    } else if (strcmp(l->op, "unfreeze") == 0) {
        take_freeze(c, &(ht_freeze){.mode = HT_FREEZE_OFF}, NULL);
    } else {
        l->decision = HT_LEDGER_IGNORED;
        snprintf(l->error, sizeof l->error, "unknown_core_op:%s", l->op);
    }
    if (l->decision != HT_LEDGER_APPLIED)
        return;
    ht_freeze *record = ht_coordinator_post(c, HT_RECORD_FREEZE);
    if (record != NULL)
        *record = c->freeze;
}
