/* src/tune/tuner_operate.c - what is asked of the tuner from outside: enable, disable, set, status, mutate.
 *
 * All or nothing: an operation that is refused changes nothing and says why.
 * May touch: the training, through the effector; the heap. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "base/value.h"
#include "tune/tuner_internal.h"

static void refuse(ht_op_result *out, const char *format, ...) HT_PRINTF(2, 3);
static void refuse(ht_op_result *out, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(out->error, sizeof out->error, format, ap);
    va_end(ap);
    out->decision = HT_OP_FAILED;
}

/* ---- modes ---------------------------------------------------------------------------------- */

/* Switching on starts afresh: streak, pause and switched-off actuators are forgotten, cooldowns stay. */
static void set_mode(ht_tuner *t, ht_mode mode)
{
    if (mode == HT_MODE_OFF && t->open)
        ht_tuner_close_undecided(t, "disabled");
    if (t->mode == HT_MODE_OFF && mode != HT_MODE_OFF) {
        t->reject_streak = 0;
        t->pause_left = 0;
        t->cooldowns.global = 0;
        memset(t->health, 0, t->recipe->n_actuators * sizeof *t->health);
        t->batch_loss_bad = false;
        t->was_on = true;
        t->closed = false;
        ht_tuner_report_families(t);
    }
    t->mode = mode;
}

static bool copy_queue(const ht_replay *from, ht_replay *to)
{
    *to = (ht_replay){0};
    to->entries = calloc(from->n + 1, sizeof *to->entries);
    if (to->entries == NULL)
        return false;
    if (from->n > 0)
        memcpy(to->entries, from->entries, from->n * sizeof *to->entries);
    to->n = from->n;
    return true;
}

static cJSON *mode_payload(ht_mode mode)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_text(o, "mode", ht_mode_text(mode));
    return o;
}

static void enable(ht_tuner *t, const cJSON *params, const ht_replay *replay, ht_op_result *out)
{
    const cJSON *given = ht_json_member(params, "mode");
    const char *text = given == NULL || cJSON_IsNull(given) ? "active" : cJSON_GetStringValue(given);
    ht_mode mode = HT_MODE_OFF;
    ht_replay queue;
    if (text == NULL || !ht_mode_parse(text, &mode)) {
        char *line = text == NULL ? ht_json_line(given) : NULL;
        refuse(out, "unknown_mode:%s", text != NULL ? text : line != NULL ? line : "?");
        free(line);
        return;
    }
    if (mode == HT_MODE_REPLAY && replay != NULL) {
        if (!copy_queue(replay, &queue)) {
            refuse(out, "no memory for %zu recorded mutations", replay->n);
            return;
        }
        ht_replay_release(&t->queue);
        t->queue = queue;
        t->replay_missed = 0;
    }
    set_mode(t, mode);
    out->payload = mode_payload(mode);
}

static void disable(ht_tuner *t, ht_op_result *out)
{
    set_mode(t, HT_MODE_OFF);
    out->payload = mode_payload(HT_MODE_OFF);
}

/* ---- settings ------------------------------------------------------------------------------- */

/* Saying that an actuator is enabled also undoes the tuner's own switch. */
static void enable_again(ht_tuner *t, const cJSON *params)
{
    for (size_t i = 0; i < t->recipe->n_actuators; i++) {
        char path[HT_NAME_MAX + 32];
        snprintf(path, sizeof path, "actuators.%s.enabled", t->recipe->actuators[i].name);
        if (ht_json_true(params, path))
            t->health[i] = (ht_health){0};
    }
}

static void set(ht_tuner *t, const cJSON *params, ht_op_result *out)
{
    ht_error err = {""};
    if (cJSON_IsNull(params))
        params = NULL;
    cJSON *payload = params != NULL ? cJSON_Duplicate(params, true) : cJSON_CreateObject();
    if (params != NULL && ht_recipe_set(t->recipe, params, &err) != HT_OK) {
        cJSON_Delete(payload);
        refuse(out, "%.*s", (int)sizeof out->error - 1, err.text);
        return;
    }
    enable_again(t, params);
    t->warned_no_primary = false; /* the objective may be another one now */
    out->payload = payload;
}

static void put_id(cJSON *o, const char *name, const char *prefix, unsigned long number)
{
    char id[32];
    snprintf(id, sizeof id, "%s%05lu", prefix, number);
    ht_json_put_text(o, name, number > 0 ? id : NULL);
}

static void status(const ht_tuner *t, ht_op_result *out)
{
    cJSON *o = cJSON_CreateObject(), *names = cJSON_CreateArray();
    ht_json_put_text(o, "mode", ht_mode_text(t->mode));
    ht_json_put_int(o, "mutation_counter", (double)t->mutation_counter);
    ht_json_put_int(o, "reject_streak", (double)t->reject_streak);
    ht_json_put(o, "cooldowns", ht_tuner_cooldowns(t));
    for (size_t i = 0; names != NULL && i < ht_actuators_count(t->actuators); i++)
        cJSON_AddItemToArray(names, cJSON_CreateString(ht_actuators_name(t->actuators, i)));
    ht_json_put(o, "actuators", names);
    put_id(o, "active_mutation", "m_", t->open ? t->trial.mutation.number : 0);
    out->payload = o;
}

/* ---- one recorded mutation ------------------------------------------------------------------ */

static bool read_patch(const cJSON *item, ht_patch *out)
{
    const char *op = ht_json_text(item, "op"), *key = ht_json_text(item, "key");
    *out = (ht_patch){.value = ht_value_from_json(ht_json_member(item, "value"))};
    return op != NULL && ht_name_copy(out->op, op) && (key == NULL || ht_name_copy(out->key, key));
}

/* Only one mutation may be live and unjudged: a recorded one takes the place of the open one. */
static void mutate(ht_tuner *t, const cJSON *params, ht_op_result *out)
{
    ht_replay_entry entry = {.step = t->env.step};
    const char *actuator = ht_json_text(params, "actuator");
    if (actuator == NULL || !ht_name_copy(entry.actuator, actuator) ||
        !read_patch(ht_json_member(params, "patch"), &entry.patch)) {
        refuse(out, "mutate: 'actuator' and 'patch' {op, value} are needed");
        return;
    }
    ht_name_copy(entry.phase, ht_tuner_phase(t, t->env.step));
    if (t->open)
        ht_tuner_close_undecided(t, "disabled");
    ht_error err = {""};
    if (ht_tuner_apply_recorded(t, &t->env, &entry, &err) != HT_OK) {
        refuse(out, "%.*s", (int)sizeof out->error - 1, err.text);
        return;
    }
    out->payload = cJSON_Duplicate(params, true);
}

/* ---- the entry ------------------------------------------------------------------------------ */

void ht_tuner_operate(ht_tuner *t, const char *op, const cJSON *params, const struct ht_replay *replay,
                      ht_op_result *out)
{
    ht_error err = {""};
    *out = (ht_op_result){.decision = HT_OP_APPLIED};
    if (strcmp(op, "enable") == 0)
        enable(t, params, replay, out);
    else if (strcmp(op, "disable") == 0)
        disable(t, out);
    else if (strcmp(op, "set") == 0)
        set(t, params, out);
    else if (strcmp(op, "status") == 0)
        status(t, out);
    else if (strcmp(op, "mutate") == 0)
        mutate(t, params, out);
    else {
        out->decision = HT_OP_IGNORED;
        snprintf(out->notes, sizeof out->notes, "unknown_op:%.*s", 100, op);
    }
    if (ht_tuner_settle(t, &err) != HT_OK && out->error[0] == '\0')
        snprintf(out->error, sizeof out->error, "%.*s", (int)sizeof out->error - 1, err.text);
}

void ht_tuner_freeze(ht_tuner *t, bool frozen)
{
    t->frozen = frozen;
}

void ht_tuner_value_was_commanded(ht_tuner *t, const char *param)
{
    if (t->open)
        ht_actuators_commanded(t->actuators, param);
}
