/* src/population/feed.c - inputs of a coordinator to bytes and back; the contract is in feed.h.
 *
 * May touch: the coordinator, the heap. */
#include "population/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* ---- operations ------------------------------------------------------------------------------- */

static char *line_of(cJSON *object)
{
    char *text = object != NULL ? ht_json_line(object) : NULL;
    cJSON_Delete(object);
    return text;
}

char *ht_operation_to_text(const ht_operation *o)
{
    cJSON *to = cJSON_CreateObject();
    ht_json_put(to, "body", o->body != NULL ? cJSON_Duplicate(o->body, true) : NULL);
    ht_json_put_int(to, "source", (double)o->source);
    ht_json_put_int(to, "command_end", (double)o->command_end);
    ht_json_put_text(to, "fault", o->fault);
    if (o->attachment != NULL)
        ht_json_put_text(to, "attachment", o->attachment);
    ht_json_put_text(to, "attachment_error", o->attachment_error);
    return line_of(to);
}

static void take_text(char *to, size_t size, const cJSON *from, const char *name)
{
    const char *text = ht_json_text(from, name);
    snprintf(to, size, "%s", text != NULL ? text : "");
}

static ht_status feed_operation(ht_coordinator *c, double now, const cJSON *from, ht_error *err)
{
    double source = ht_json_number(from, "source", -1);
    const char *attachment = ht_json_text(from, "attachment");
    if (source < HT_FROM_EXTERNAL || source > HT_FROM_ITSELF)
        return ht_fail(err, HT_EFORMAT, "an operation of the journal has no source");
    ht_operation o = {.source = (ht_operation_source)source,
                      .command_end = (long long)ht_json_number(from, "command_end", -1)};
    take_text(o.fault, sizeof o.fault, from, "fault");
    take_text(o.attachment_error, sizeof o.attachment_error, from, "attachment_error");
    o.body = cJSON_Duplicate(ht_json_member(from, "body"), true);
    o.attachment = attachment != NULL ? strdup(attachment) : NULL;
    if (o.body == NULL || (attachment != NULL && o.attachment == NULL)) {
        ht_operation_release(&o);
        return ht_fail(err, HT_ENOMEM, "no memory for an operation");
    }
    return ht_coordinator_operate(c, now, &o);
}

/* ---- freeze modes ----------------------------------------------------------------------------- */

char *ht_freeze_to_text(const ht_freeze *f)
{
    cJSON *to = cJSON_CreateObject();
    ht_json_put_text(to, "mode", ht_freeze_mode_text(f->mode));
    ht_json_put_text(to, "recipe_path", f->recipe_path);
    ht_json_put_text(to, "adjust_path", f->adjust_path);
    ht_json_put_bool(to, "strict", f->strict);
    ht_json_put_int(to, "step_offset", (double)f->step_offset);
    if (f->list != NULL)
        ht_json_put_text(to, "list", f->list);
    ht_json_put_text(to, "list_error", f->list_error);
    return line_of(to);
}

static ht_status feed_freeze(ht_coordinator *c, double now, const cJSON *from, ht_error *err)
{
    ht_freeze f = {.strict = ht_json_true(from, "strict"),
                   .step_offset = (long long)ht_json_number(from, "step_offset", 0),
                   .list = ht_json_text(from, "list")};
    const char *mode = ht_json_text(from, "mode");
    if (mode == NULL || !ht_freeze_mode_parse(mode, &f.mode))
        return ht_fail(err, HT_EFORMAT, "a freeze mode of the journal is none");
    take_text(f.recipe_path, sizeof f.recipe_path, from, "recipe_path");
    take_text(f.adjust_path, sizeof f.adjust_path, from, "adjust_path");
    take_text(f.list_error, sizeof f.list_error, from, "list_error");
    return ht_coordinator_freeze(c, now, &f);
}

/* ---- all of them ------------------------------------------------------------------------------ */

static ht_status feed_text(ht_coordinator *c, ht_input_kind kind, double now, const char *text, ht_error *err)
{
    cJSON *from = NULL;
    HT_TRY(ht_json_parse(text, &from, NULL, err));
    ht_status st = kind == HT_INPUT_OPERATION ? feed_operation(c, now, from, err) : feed_freeze(c, now, from, err);
    cJSON_Delete(from);
    return st;
}

ht_status ht_feed(ht_coordinator *c, ht_input_kind kind, double now, int replica, const void *bytes, size_t n,
                  ht_error *err)
{
    switch (kind) {
    case HT_INPUT_MESSAGE:
        return ht_coordinator_receive(c, now, replica, bytes, n);
    case HT_INPUT_OPERATION:
    case HT_INPUT_FREEZE:
        return feed_text(c, kind, now, bytes, err);
    case HT_INPUT_TICK:
        return ht_coordinator_tick(c, now);
    case HT_INPUT_BACK:
        return ht_coordinator_back(c, now, replica);
    case HT_INPUT_RETIRED:
        return ht_coordinator_retire(c, now, replica, bytes, n);
    case HT_INPUT_CROWD:
        return ht_coordinator_crowd(c, now, replica);
    case HT_INPUT_STOP:
        ht_coordinator_stop(c, now);
        return HT_OK;
    default:        /* not for the coordinator */
        return HT_OK;
    }
}
