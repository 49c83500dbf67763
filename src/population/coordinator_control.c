/* src/population/coordinator_control.c - what is asked from outside, and one ledger line for each of it.
 *
 * Operations on `core` are carried out here and at once. All else goes to the replicas, which do it at
 * their next safe point and answer; the line is written when nobody is waited for any more. Orders go to
 * lost replicas, too: one that was only slow is up to date when it comes back.
 * See coordinator_state.h. May touch: the coordinator. Not: files; what an operation refers to was read
 * by whoever brought it. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "population/coordinator_state.h"
#include "tune/replay.h"

typedef enum { TO_SEND, SENT, ANSWERED } progress;

/* An operation, or an entry of the operation list, that is not answered by all. */
typedef struct ht_pending {
    struct ht_pending *next;
    unsigned long number;       /* of OPERATION; 0 = an entry */
    unsigned long list, index;  /* of an entry */
    cJSON *body;                /* owned */
    char *attachment;           /* owned; NULL = none */
    ht_ledger_line line;        /* decision and error as far as answers say; owned */
    bool answered;
    int payload_of;             /* replica whose payload is kept: the lowest number */
    unsigned char *progress;    /* [n_replicas] */
} ht_pending;

/* ---- ledger lines --------------------------------------------------------------------------- */

static const cJSON *params_of(const cJSON *body)
{
    const cJSON *params = ht_json_member(body, "params");
    return cJSON_IsNull(params) ? NULL : params;
}

static void copy_member(char to[HT_NAME_MAX], const cJSON *body, const char *name, const char *fallback)
{
    const char *text = ht_json_text(body, name);
    ht_name_copy(to, text != NULL ? text : fallback);
}

/* The line of an operation that nobody has answered yet. */
static ht_ledger_line line_of(const ht_coordinator *c, const cJSON *body, ht_operation_source source,
                              long long end)
{
    ht_ledger_line l = {.step = -1, .epoch = -1, .event = "unknown", .source = source, .command_end = end};
    for (int i = 0; i < c->n_replicas; i++)
        if (c->replicas[i].mode_known && c->replicas[i].step > l.step) {
            l.step = c->replicas[i].step;
            l.epoch = c->replicas[i].epoch;
        }
    copy_member(l.module, body, "module", "cb");
    copy_member(l.op, body, "op", "");
    copy_member(l.id, body, "id", "");
    const cJSON *params = params_of(body);
    l.params = params != NULL ? cJSON_Duplicate(params, true) : NULL;
    return l;
}

void ht_ledger_refuse(ht_ledger_line *l, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(l->error, sizeof l->error, format, ap);
    va_end(ap);
    l->decision = HT_LEDGER_FAILED;
}

/* Where a module gives no payload, it is the operation itself without its null fields. */
static cJSON *payload_from(const cJSON *body)
{
    cJSON *payload = cJSON_Duplicate(body, true);
    cJSON *member = payload != NULL ? payload->child : NULL;
    while (member != NULL) {
        cJSON *next = member->next;
        if (cJSON_IsNull(member))
            cJSON_Delete(cJSON_DetachItemViaPointer(payload, member));
        member = next;
    }
    return payload;
}

/* Takes the line. */
static void write_line(ht_coordinator *c, ht_ledger_line *l, const cJSON *body)
{
    bool asked_a_module = l->decision == HT_LEDGER_APPLIED || l->decision == HT_LEDGER_IGNORED;
    if (l->payload == NULL && asked_a_module && body != NULL)
        l->payload = payload_from(body);
    ht_coordinator_say(c, "operation %s %s (%s): %s%s%.120s", l->module, l->op,
                       ht_operation_source_text(l->source), ht_ledger_decision_text(l->decision),
                       l->error[0] != '\0' ? ": " : "", l->error);
    ht_ledger_line *record = ht_coordinator_post(c, HT_RECORD_LEDGER);
    if (record != NULL)
        *record = *l;
    else
        ht_ledger_line_release(l);
}

void ht_coordinator_disabled(ht_coordinator *c, int replica, const char *what, const char *error)
{
    bool all_off = true;
    ht_ledger_line l = line_of(c, NULL, HT_FROM_ITSELF, -1);
    l.step = c->replicas[replica].step;
    l.epoch = c->replicas[replica].epoch;
    snprintf(l.event, sizeof l.event, "%s", ht_event_text(HT_VAL_EPOCH_END));
    ht_name_copy(l.module, "tune");
    ht_name_copy(l.op, "auto_disable");
    l.decision = HT_LEDGER_APPLIED;
    l.payload = cJSON_CreateObject();
    ht_json_put_text(l.payload, "disabled", what);
    ht_json_put_int(l.payload, "replica", replica);
    snprintf(l.error, sizeof l.error, "%.200s", error);
    write_line(c, &l, NULL);
    if (strcmp(what, "tune") != 0)
        return;
    c->replicas[replica].mode = HT_MODE_OFF;
    for (int i = 0; i < c->n_replicas; i++)
        all_off &= c->replicas[i].lost || (c->replicas[i].mode_known && c->replicas[i].mode == HT_MODE_OFF);
    if (all_off)
        c->mode = HT_MODE_OFF;
}

/* ---- operations that wait for answers ------------------------------------------------------- */

static void release_pending(ht_pending *p)
{
    cJSON_Delete(p->body);
    free(p->attachment);
    ht_ledger_line_release(&p->line);
    free(p->progress);
    free(p);
}

void ht_coordinator_control_release(ht_coordinator *c)
{
    while (c->pending != NULL) {
        ht_pending *p = c->pending;
        c->pending = p->next;
        release_pending(p);
    }
}

/* A new one at the end of the list. Takes `body`, `attachment` and the line, also on failure. */
static ht_pending *add_pending(ht_coordinator *c, cJSON *body, char *attachment, const ht_ledger_line *l)
{
    ht_pending *p = calloc(1, sizeof *p), **end = &c->pending;
    unsigned char *sent = calloc((size_t)c->n_replicas, 1);
    ht_ledger_line line = *l;
    if (p == NULL || sent == NULL) {
        c->no_memory = true;
        free(p);
        free(sent);
        cJSON_Delete(body);
        free(attachment);
        ht_ledger_line_release(&line);
        return NULL;
    }
    *p = (ht_pending){.body = body, .attachment = attachment, .line = line, .progress = sent};
    while (*end != NULL)
        end = &(*end)->next;
    *end = p;
    return p;
}

static void send_pending(ht_coordinator *c, ht_pending *p, int replica)
{
    ht_order *o = &c->reply.as.order;
    c->reply.kind = HT_MESSAGE_OPERATION;
    *o = (ht_order){.number = p->number, .params = p->line.params, .attachment = p->attachment};
    ht_name_copy(o->module, p->line.module);
    ht_name_copy(o->op, p->line.op);
    ht_name_copy(o->id, p->line.id);
    ht_coordinator_send(c, replica, &c->reply);
    p->progress[replica] = SENT;
}

void ht_coordinator_resend(ht_coordinator *c, int replica)
{
    for (ht_pending *p = c->pending; p != NULL; p = p->next)
        if (p->number != 0 && p->progress[replica] != ANSWERED)
            send_pending(c, p, replica);
}

/* What a successful operation changes here. */
static void follow(ht_coordinator *c, const ht_pending *p)
{
    const ht_ledger_line *l = &p->line;
    const char *mode = ht_json_text(l->params, "mode");
    ht_error err = {""};
    if (strcmp(l->op, "disable") == 0) {
        c->mode = HT_MODE_OFF;
    } else if (strcmp(l->op, "enable") == 0) {
        ht_mode_parse(mode != NULL ? mode : "active", &c->mode);
        c->was_on |= c->mode != HT_MODE_OFF;
    } else if (strcmp(l->op, "set") == 0 && l->params != NULL) {
        if (ht_recipe_set(c->recipe, l->params, &err) == HT_OK)
            ht_coordinator_post(c, HT_RECORD_RECIPE);
        else
            ht_coordinator_say(c, "the replicas took a setting that the coordinator refuses: %.150s",
                               err.text);
    }
}

/* The last replica's log for mode replay is what a replica that joins later gets, too. */
static void follow_replay(ht_coordinator *c, ht_pending *p)
{
    if (strcmp(p->line.op, "enable") != 0 || p->attachment == NULL)
        return;
    free(c->replay);
    c->replay = p->attachment;
    p->attachment = NULL;
}

/* Write the line of an operation that was taken off the list. */
static void close_pending(ht_coordinator *c, ht_pending *p)
{
    ht_ledger_line *l = &p->line;
    if (!p->answered) {
        ht_ledger_refuse(l, "run_ended");
        snprintf(l->event, sizeof l->event, "%s", ht_event_text(HT_RUN_END));
    } else if (l->decision == HT_LEDGER_APPLIED && strcmp(l->module, "tune") == 0) {
        follow(c, p);
        follow_replay(c, p);
    } else if (l->decision == HT_LEDGER_APPLIED && strcmp(l->module, "core") == 0) {
        ht_coordinator_operate_core(c, p->body, NULL, "", l);      /* an entry of the operation list */
    }
    if (l->decision == HT_LEDGER_FAILED) {
        cJSON_Delete(l->payload);
        l->payload = NULL;
    }
    write_line(c, l, p->body);
    l->params = l->payload = NULL;      /* they went with the record */
    release_pending(p);
}

bool ht_coordinator_crowd_pending(ht_coordinator *c, int n)
{
    for (ht_pending *p = c->pending; p != NULL; p = p->next) {
        unsigned char *longer = realloc(p->progress, (size_t)n);
        if (longer == NULL)
            return false;
        memset(longer + c->n_replicas, TO_SEND, (size_t)(n - c->n_replicas));
        p->progress = longer;
    }
    return true;
}

static bool is_waited_for(const ht_coordinator *c, const ht_pending *p)
{
    for (int i = 0; i < c->n_replicas; i++)
        if (ht_replica_is_living(&c->replicas[i]) && p->progress[i] != ANSWERED)
            return true;
    return false;
}

void ht_coordinator_close_answered(ht_coordinator *c)
{
    ht_pending **at = &c->pending;
    while (*at != NULL) {
        ht_pending *p = *at;
        if (is_waited_for(c, p)) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        close_pending(c, p);
    }
}

void ht_coordinator_close_early(ht_coordinator *c)
{
    ht_pending **at = &c->pending;
    while (*at != NULL) {
        ht_pending *p = *at;
        ht_ledger_line *l = &p->line;
        ht_error err = {""};
        bool sets = strcmp(l->op, "set") == 0;
        if (strcmp(l->module, "tune") != 0 || strcmp(l->op, "status") == 0) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        p->answered = true;
        l->decision = HT_LEDGER_APPLIED;
        if (sets && l->params != NULL && ht_recipe_set(c->recipe, l->params, &err) != HT_OK)
            ht_ledger_refuse(l, "%.250s", err.text);
        close_pending(c, p);
    }
}

void ht_coordinator_close_all(ht_coordinator *c)
{
    while (c->pending != NULL) {
        ht_pending *p = c->pending;
        c->pending = p->next;
        p->answered = p->answered && !is_waited_for(c, p);
        close_pending(c, p);
    }
}

/* ---- answers -------------------------------------------------------------------------------- */

static void put_id(cJSON *o, const char *name, unsigned long number)
{
    char id[32];
    snprintf(id, sizeof id, "m_%05lu", number);
    cJSON *item = number > 0 ? cJSON_CreateString(id) : cJSON_CreateNull();
    if (item != NULL && !cJSON_ReplaceItemInObjectCaseSensitive(o, name, item))
        cJSON_Delete(item);
}

/* A replica tells its own numbers; outside the run-wide ones hold. */
static void renumber_status(const ht_coordinator *c, int replica, cJSON *payload)
{
    const ht_replica *r = &c->replicas[replica];
    if (!cJSON_HasObjectItem(payload, "mutation_counter"))
        return;
    cJSON *counter = ht_json_int((double)c->mutations);
    if (counter != NULL && !cJSON_ReplaceItemInObjectCaseSensitive(payload, "mutation_counter", counter))
        cJSON_Delete(counter);
    put_id(payload, "active_mutation", r->open ? r->mutation.number : 0);
}

static void merge_error(const ht_coordinator *c, ht_ledger_line *l, int replica, const ht_op_result *from)
{
    if (c->n_replicas > 1 && from->error[0] != '\0')
        snprintf(l->error, sizeof l->error, "replica %d: %.230s", replica, from->error);
    else
        snprintf(l->error, sizeof l->error, "%s", from->error);
    snprintf(l->notes, sizeof l->notes, "%s", from->notes);
}

/* Failed if it failed anywhere, by the error of the first; else applied if anywhere; else ignored. */
static void merge(const ht_coordinator *c, ht_pending *p, int replica, ht_answer *a)
{
    static const ht_ledger_decision decisions[] = {[HT_OP_APPLIED] = HT_LEDGER_APPLIED,
                                                   [HT_OP_FAILED] = HT_LEDGER_FAILED,
                                                   [HT_OP_IGNORED] = HT_LEDGER_IGNORED};
    static const int weight[] = {[HT_LEDGER_IGNORED] = 0, [HT_LEDGER_APPLIED] = 1, [HT_LEDGER_FAILED] = 2};
    ht_ledger_line *l = &p->line;
    ht_ledger_decision decision = decisions[a->result.decision];
    if (!p->answered || weight[decision] > weight[l->decision]) {
        l->decision = decision;
        merge_error(c, l, replica, &a->result);
    }
    if (a->result.payload != NULL && (l->payload == NULL || replica < p->payload_of)) {
        cJSON_Delete(l->payload);
        l->payload = a->result.payload;
        a->result.payload = NULL;
        p->payload_of = replica;
        renumber_status(c, replica, l->payload);
    }
    l->step = a->step;
    l->epoch = a->epoch;
    memcpy(l->event, a->event, sizeof l->event);
    memcpy(l->phase, a->phase, sizeof l->phase);
    p->answered = true;
    p->progress[replica] = ANSWERED;
}

static ht_pending *find_pending(ht_coordinator *c, const ht_answer *a)
{
    ht_pending *p = c->pending;
    while (p != NULL && (a->operation != 0 ? p->number != a->operation
                                           : p->number != 0 || p->list != a->list || p->index != a->index))
        p = p->next;
    return p;
}

void ht_coordinator_answered(ht_coordinator *c, int replica, ht_answer *a)
{
    ht_pending *p = find_pending(c, a);
    if (p == NULL && a->operation == 0 && a->entry != NULL) {
        ht_ledger_line l = line_of(c, a->entry, HT_FROM_REPLAY, -1);
        p = add_pending(c, a->entry, NULL, &l);
        a->entry = NULL;
        if (p != NULL) {
            p->list = a->list;
            p->index = a->index;
        }
    }
    if (p == NULL)              /* of a replica that was given up: its line is written */
        return;
    merge(c, p, replica, a);
    ht_coordinator_close_answered(c);
}

/* ---- what is asked -------------------------------------------------------------------------- */

/* @return true if the freeze mode is against it */
static bool is_gated(const ht_coordinator *c, const ht_operation *o, ht_ledger_line *l)
{
    if (c->freeze.mode == HT_FREEZE_OFF || strcmp(l->module, "core") == 0 || o->source == HT_FROM_REPLAY)
        return false;
    l->decision = c->freeze.mode == HT_FREEZE_PROD ? HT_LEDGER_IGNORED_FREEZE : HT_LEDGER_IGNORED_REPLAY;
    return true;
}

static void refuse_mode(ht_ledger_line *l, const cJSON *mode)
{
    char *line = cJSON_IsString(mode) ? NULL : ht_json_line(mode);
    ht_ledger_refuse(l, "unknown_mode:%.200s",
                     cJSON_IsString(mode) ? mode->valuestring
                     : line != NULL       ? line
                                          : "");
    free(line);
}

/* What is wrong with `enable` whatever the replicas' state. @return true if refused */
static bool refuse_enable(const ht_operation *o, ht_ledger_line *l)
{
    const cJSON *given = ht_json_member(l->params, "mode");
    const char *text = given == NULL || cJSON_IsNull(given) ? "active" : cJSON_GetStringValue(given);
    ht_mode mode;
    ht_replay replay = {0};
    ht_error err = {""};
    if (text == NULL || !ht_mode_parse(text, &mode)) {
        refuse_mode(l, given);
        return true;
    }
    if (mode != HT_MODE_REPLAY)
        return false;
    if (o->attachment_error[0] != '\0')
        ht_ledger_refuse(l, "%s", o->attachment_error);
    else if (o->attachment != NULL && ht_replay_parse(o->attachment, &replay, &err) != HT_OK)
        ht_ledger_refuse(l, "%.250s", err.text);
    ht_replay_release(&replay);
    return l->decision == HT_LEDGER_FAILED;
}

static bool refuse_tune(const ht_operation *o, ht_ledger_line *l)
{
    static const char *const known[] = {"enable", "disable", "set", "status"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(l->op, known[i]) == 0)
            return i == 0 && refuse_enable(o, l);
    l->decision = HT_LEDGER_IGNORED;
    snprintf(l->notes, sizeof l->notes, "unknown_op:%s", l->op);
    return true;
}

/* What needs no replica: refused, gated or carried out here. @return true if the line is complete */
static bool settle_at_once(ht_coordinator *c, const ht_operation *o, ht_ledger_line *l)
{
    if (o->fault[0] != '\0') {
        const char *why = ht_json_text(o->body, "error");
        ht_ledger_refuse(l, "%s", o->fault);
        snprintf(l->notes, sizeof l->notes, "%.250s", why != NULL ? why : "");
        return true;
    }
    if (is_gated(c, o, l))
        return true;
    if (strcmp(l->module, "core") == 0) {
        ht_coordinator_operate_core(c, o->body, o->attachment, o->attachment_error, l);
        return true;
    }
    if (strcmp(l->module, "cb") == 0) {
        l->decision = HT_LEDGER_IGNORED;
        snprintf(l->notes, sizeof l->notes,
                 "no_callbacks: the program's own callbacks cannot be reached from here");
        return true;
    }
    if (strcmp(l->module, "tune") == 0 && refuse_tune(o, l))
        return true;
    if (ht_coordinator_is_done(c)) {
        ht_ledger_refuse(l, "run_ended");
        return true;
    }
    return c->pool != NULL && ht_coordinator_pool_operate(c, l);
}

ht_status ht_coordinator_operate(ht_coordinator *c, double now, ht_operation *o)
{
    if (isnan(c->began))
        c->began = now;
    if (o->command_end > c->command_end)
        c->command_end = o->command_end;
    ht_ledger_line l = line_of(c, o->body, o->source, o->command_end);
    if (settle_at_once(c, o, &l)) {
        write_line(c, &l, o->body);
    } else {
        ht_pending *p = add_pending(c, o->body, o->attachment, &l);
        o->body = NULL;
        o->attachment = NULL;
        if (p != NULL) {
            p->number = ++c->operations;
            for (int i = 0; i < c->n_replicas; i++)
                if (c->replicas[i].joined && !c->replicas[i].done)
                    send_pending(c, p, i);
        }
    }
    ht_operation_release(o);
    return ht_coordinator_settle(c);
}
