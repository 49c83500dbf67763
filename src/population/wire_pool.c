/* src/population/wire_pool.c - capabilities, events and orders of the pooled mode to bytes and back; see
 * wire_codec.h. May touch: the heap. */
#include <stdlib.h>

#include "population/wire_codec.h"

static void number64(ht_wire *w, uint64_t *x)
{
    unsigned long value = w->reading ? 0 : (unsigned long)*x;
    ht_wire_ulong(w, &value);
    if (w->reading)
        *x = value;
}
_Static_assert(sizeof(unsigned long) >= sizeof(uint64_t), "fingerprints and seeds travel as unsigned long");

void ht_wire_member(ht_wire *w, ht_member *m)
{
    ht_wire_bool(w, &m->has_init);
    ht_wire_bool(w, &m->has_state);
    ht_wire_bool(w, &m->has_validate);
    number64(w, &m->state_bytes);
    number64(w, &m->layout);
    ht_wire_count(w, &m->n_knobs, HT_POOL_KNOBS_MAX);
    for (size_t i = 0; i < m->n_knobs; i++) {
        ht_member_knob *k = &m->knobs[i];
        ht_wire_field(w, k->actuator, sizeof k->actuator);
        ht_wire_field(w, k->name, sizeof k->name);
        ht_wire_real(w, &k->value);
        ht_wire_real(w, &k->lo);
        ht_wire_real(w, &k->hi);
    }
}

void ht_wire_event(ht_wire *w, ht_pool_event *e)
{
    unsigned kind = ht_wire_choice(w, w->reading ? 0 : (unsigned)e->kind, HT_EVENT_TICK, HT_EVENT_FAILED);
    if (w->reading)
        e->kind = (ht_pool_event_kind)kind;
    ht_wire_ulong(w, &e->number);
    ht_wire_int(w, &e->epoch);
    ht_wire_longlong(w, &e->step);
    ht_wire_real(w, &e->loss);
    ht_wire_real(w, &e->best);
    ht_wire_real(w, &e->seconds);
    ht_wire_real(w, &e->waited);
    ht_wire_bool(w, &e->anomaly);
    ht_wire_field(w, e->text, sizeof e->text);
}

static void members(ht_wire *w, ht_pool_order *o)
{
    size_t most = w->reading ? (size_t)(w->end - w->p) / 4 : o->n_members;  /* each takes bytes: no huge claims */
    ht_wire_count(w, &o->n_members, most);
    if (w->reading) {
        o->members = o->n_members > 0 ? calloc(o->n_members, sizeof *o->members) : NULL;
        w->no_memory |= o->n_members > 0 && o->members == NULL;
        o->n_members = o->members != NULL ? o->n_members : 0;
    }
    for (size_t i = 0; i < o->n_members; i++)
        ht_wire_int(w, &o->members[i]);
}

void ht_wire_order(ht_wire *w, ht_pool_order *o)
{
    unsigned kind = ht_wire_choice(w, w->reading ? 0 : (unsigned)o->kind, HT_ORDER_WORK, HT_ORDER_LEAVE);
    unsigned long slot = w->reading ? 0 : o->slot, from_slot = w->reading ? 0 : o->from_slot;
    if (w->reading)
        o->kind = (ht_pool_order_kind)kind;
    ht_wire_ulong(w, &o->number);
    ht_wire_ulong(w, &slot);
    ht_wire_ulong(w, &from_slot);
    if (w->reading) {
        o->slot = (unsigned)slot;
        o->from_slot = (unsigned)from_slot;
    }
    ht_wire_int(w, &o->peer);
    HT_WIRE_ENUM(w, o->source, ht_source_of_state, HT_FROM_LIVE);
    number64(w, &o->seed);
    ht_wire_int(w, &o->epochs);
    ht_wire_count(w, &o->n_knobs, HT_POOL_KNOBS_MAX);
    for (size_t i = 0; i < o->n_knobs; i++)
        ht_wire_real(w, &o->knobs[i]);
    ht_wire_bool(w, &o->champion);
    members(w, o);
}

void ht_pool_order_release(ht_pool_order *o)
{
    free(o->members);
    o->members = NULL;
    o->n_members = 0;
}
