/* src/population/wire.c - messages to bytes and back; the contract is in wire.h.
 *
 * One table of kinds, one function a kind that visits its members (see wire_codec.h).
 * May touch: the heap. Not: how bytes travel, globals. */
#include "population/wire.h"

#include <stdlib.h>

#include "population/wire_codec.h"

enum { VERSION = 3 };       /* of the protocol: any other is refused */

static void hello(ht_wire *w, ht_packet *m)
{
    ht_hello *h = &m->as.hello;
    ht_wire_field(w, h->actuators, sizeof h->actuators);
    ht_wire_text(w, &h->controls);
    ht_wire_member(w, &h->member);
}

static void closed(ht_wire *w, bool *has_segment, ht_segment *segment, ht_mutation *judged)
{
    ht_wire_bool(w, has_segment);
    if (*has_segment) {
        ht_wire_segment(w, segment);
        ht_wire_mutation(w, judged);
    }
}

static void report(ht_wire *w, ht_packet *m)
{
    ht_report *r = &m->as.report;
    ht_wire_ulong(w, &r->decision);
    ht_wire_longlong(w, &r->step);
    ht_wire_longlong(w, &r->epoch);
    ht_wire_longlong(w, &r->total_steps);
    ht_wire_readings(w, &r->readings);
    HT_WIRE_ENUM(w, r->mode, ht_mode, HT_MODE_REPLAY);
    closed(w, &r->has_segment, &r->segment, &r->judged);
    ht_wire_bool(w, &r->asks);
    if (r->asks)
        ht_wire_ask(w, &r->ask);
}

static void outcome(ht_wire *w, ht_packet *m)
{
    ht_outcome *o = &m->as.outcome;
    ht_wire_ulong(w, &o->decision);
    ht_wire_count(w, &o->n_made, HT_MADE_MAX);
    for (size_t i = 0; i < o->n_made; i++)
        ht_wire_mutation(w, &o->made[i]);
    ht_wire_bool(w, &o->has_window);
    if (o->has_window)
        ht_wire_window(w, &o->window);
    ht_wire_text(w, &o->cooldowns);
    ht_wire_text(w, &o->controls);
    ht_wire_field(w, o->warning, sizeof o->warning);
    ht_wire_count(w, &o->n_disabled, HT_DISABLED_MAX);
    for (size_t i = 0; i < o->n_disabled; i++) {
        ht_wire_field(w, o->disabled[i].what, sizeof o->disabled[i].what);
        ht_wire_field(w, o->disabled[i].error, sizeof o->disabled[i].error);
    }
}

static void answer(ht_wire *w, ht_packet *m)
{
    ht_answer *a = &m->as.answer;
    ht_wire_ulong(w, &a->operation);
    ht_wire_ulong(w, &a->list);
    ht_wire_ulong(w, &a->index);
    ht_wire_json(w, &a->entry);
    ht_wire_longlong(w, &a->step);
    ht_wire_longlong(w, &a->epoch);
    ht_wire_field(w, a->event, sizeof a->event);
    ht_wire_field(w, a->phase, sizeof a->phase);
    HT_WIRE_ENUM(w, a->result.decision, ht_op_decision, HT_OP_IGNORED);
    ht_wire_json(w, &a->result.payload);
    ht_wire_field(w, a->result.error, sizeof a->result.error);
    ht_wire_field(w, a->result.notes, sizeof a->result.notes);
}

static void saved(ht_wire *w, ht_packet *m)
{
    ht_saved_message *s = &m->as.saved;
    ht_wire_ulong(w, &s->number);
    ht_wire_text(w, &s->manifest);
    ht_wire_real(w, &s->seconds);
    ht_wire_field(w, s->error, sizeof s->error);
}

static void bye(ht_wire *w, ht_packet *m)
{
    ht_bye *b = &m->as.bye;
    ht_wire_longlong(w, &b->step);
    ht_wire_longlong(w, &b->epoch);
    closed(w, &b->has_segment, &b->segment, &b->judged);
    ht_wire_ulong(w, &b->replay_missed);
    ht_wire_bool(w, &b->was_on);
    HT_WIRE_ENUM(w, b->mode, ht_mode, HT_MODE_REPLAY);
    ht_wire_bool(w, &b->has_result);
    ht_wire_real(w, &b->val);
    ht_wire_real(w, &b->test);
}

static void freeze_members(ht_wire *w, ht_freeze_order *f)
{
    ht_wire_bool(w, &f->frozen);
    ht_wire_bool(w, &f->strict);
    ht_wire_ulong(w, &f->list);
    ht_wire_longlong(w, &f->step_offset);
    ht_wire_text(w, &f->entries);
}

static void freeze(ht_wire *w, ht_packet *m)
{
    freeze_members(w, &m->as.freeze);
}

static void welcome(ht_wire *w, ht_packet *m)
{
    ht_welcome *g = &m->as.welcome;
    ht_wire_int(w, &g->replica);
    HT_WIRE_ENUM(w, g->mode, ht_mode, HT_MODE_REPLAY);
    ht_wire_bool(w, &g->pooled);
    ht_wire_text(w, &g->recipe);
    ht_wire_text(w, &g->replay);
    ht_wire_text(w, &g->resume);
    freeze_members(w, &g->freeze);
}

static void directive(ht_wire *w, ht_packet *m)
{
    ht_directive *d = &m->as.directive;
    ht_wire_ulong(w, &d->decision);
    ht_wire_bool(w, &d->stop);
    ht_wire_bool(w, &d->has_proposal);
    if (d->has_proposal)
        ht_wire_proposal(w, &d->proposal);
}

static void order(ht_wire *w, ht_packet *m)
{
    ht_order *o = &m->as.order;
    ht_wire_ulong(w, &o->number);
    ht_wire_field(w, o->module, sizeof o->module);
    ht_wire_field(w, o->op, sizeof o->op);
    ht_wire_field(w, o->id, sizeof o->id);
    ht_wire_json(w, &o->params);
    ht_wire_text(w, &o->attachment);
}

static void event(ht_wire *w, ht_packet *m)
{
    ht_wire_event(w, &m->as.event);
}

static void pool_order(ht_wire *w, ht_packet *m)
{
    ht_wire_order(w, &m->as.pool_order);
}

static const struct {
    const char *text;
    void (*visit)(ht_wire *w, ht_packet *m);
} kinds[] = {
    [HT_MESSAGE_HELLO] = {"HELLO", hello},
    [HT_MESSAGE_REPORT] = {"REPORT", report},
    [HT_MESSAGE_OUTCOME] = {"OUTCOME", outcome},
    [HT_MESSAGE_ANSWER] = {"ANSWER", answer},
    [HT_MESSAGE_EVENT] = {"EVENT", event},
    [HT_MESSAGE_SAVED] = {"SAVED", saved},
    [HT_MESSAGE_BYE] = {"BYE", bye},
    [HT_MESSAGE_WELCOME] = {"WELCOME", welcome},
    [HT_MESSAGE_DIRECTIVE] = {"DIRECTIVE", directive},
    [HT_MESSAGE_OPERATION] = {"OPERATION", order},
    [HT_MESSAGE_FREEZE] = {"FREEZE", freeze},
    [HT_MESSAGE_ORDER] = {"ORDER", pool_order},
};

const char *ht_message_kind_text(ht_message_kind kind)
{
    return kinds[kind].text;
}

ht_status ht_packet_encode(const ht_packet *m, ht_bytes *out)
{
    ht_wire w = {.reading = false};
    ht_wire_choice(&w, (unsigned)m->kind, HT_MESSAGE_HELLO, HT_MESSAGE_ORDER);
    ht_wire_choice(&w, VERSION, VERSION, VERSION);
    kinds[m->kind].visit(&w, (ht_packet *)m);      /* a writing walk only reads */
    if (w.no_memory) {
        free(w.out.data);
        return HT_ENOMEM;
    }
    *out = w.out;
    return HT_OK;
}

ht_status ht_packet_decode(const void *data, size_t n, ht_packet *out, ht_error *err)
{
    const unsigned char *bytes = data;
    if (n < 2 || bytes[0] < HT_MESSAGE_HELLO || bytes[0] > HT_MESSAGE_ORDER)
        return ht_fail(err, HT_ECOMM, "malformed message of %zu bytes: no such kind", n);
    out->kind = (ht_message_kind)bytes[0];
    const char *kind = kinds[out->kind].text;
    if (bytes[1] != VERSION)
        return ht_fail(err, HT_ECOMM,
                       "%s of protocol version %d, this is version %d: use one hottune on all ranks", kind,
                       bytes[1], VERSION);
    ht_wire w = {.reading = true, .p = bytes + 2, .end = bytes + n};
    kinds[out->kind].visit(&w, out);
    if (w.fault == NULL && w.p == w.end)
        return HT_OK;
    ht_packet_release(out);
    if (w.no_memory)
        return ht_fail(err, HT_ENOMEM, "no memory for a %s of %zu bytes", kind, n);
    return ht_fail(err, HT_ECOMM, "malformed %s of %zu bytes: %s", kind, n,
                   w.fault != NULL ? w.fault : "something follows it");
}

void ht_packet_release(ht_packet *m)
{
    switch (m->kind) {
    case HT_MESSAGE_HELLO:
        free(m->as.hello.controls);
        break;
    case HT_MESSAGE_OUTCOME:
        free(m->as.outcome.cooldowns);
        free(m->as.outcome.controls);
        break;
    case HT_MESSAGE_ANSWER:
        cJSON_Delete(m->as.answer.entry);
        cJSON_Delete(m->as.answer.result.payload);
        break;
    case HT_MESSAGE_SAVED:
        free(m->as.saved.manifest);
        break;
    case HT_MESSAGE_WELCOME:
        free(m->as.welcome.recipe);
        free(m->as.welcome.replay);
        free(m->as.welcome.resume);
        free(m->as.welcome.freeze.entries);
        break;
    case HT_MESSAGE_OPERATION:
        cJSON_Delete(m->as.order.params);
        free(m->as.order.attachment);
        break;
    case HT_MESSAGE_FREEZE:
        free(m->as.freeze.entries);
        break;
    case HT_MESSAGE_ORDER:
        ht_pool_order_release(&m->as.pool_order);
        break;
    default:                /* the others own nothing */
        break;
    }
}
