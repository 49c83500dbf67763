/* src/population/sweep_wire.c - messages of a sweep; the contract is in sweep_wire.h. May touch: the heap. */
#include "population/sweep_wire.h"

#include <stdlib.h>

#include "population/wire_codec.h"

enum { VERSION = 1 };

static void visit(ht_wire *w, ht_sweep_message *m)
{
    if (m->kind == HT_SWEEP_ALIVE)
        ht_wire_bool(w, &m->busy);
    if (m->kind != HT_SWEEP_READY && m->kind != HT_SWEEP_LEAVE && m->kind != HT_SWEEP_QUIT) {
        ht_wire_ulong(w, &m->trial);
        ht_wire_ulong(w, &m->attempt);
    }
    if (m->kind == HT_SWEEP_REPORT)
        ht_wire_longlong(w, &m->step);
    if (m->kind == HT_SWEEP_REPORT || m->kind == HT_SWEEP_RESULT)
        ht_wire_real(w, &m->value);
    if (m->kind == HT_SWEEP_RESULT) {
        HT_WIRE_ENUM(w, m->outcome, ht_sweep_outcome, HT_SWEEP_STOPPED);
        ht_wire_real(w, &m->seconds);
        ht_wire_field(w, m->reason, sizeof m->reason);
    }
    if (m->kind == HT_SWEEP_TRIAL)
        ht_wire_json(w, &m->params);
}

ht_status ht_sweep_encode(const ht_sweep_message *m, ht_bytes *out)
{
    ht_wire w = {.reading = false};
    ht_wire_choice(&w, (unsigned)m->kind, HT_SWEEP_READY, HT_SWEEP_QUIT);
    ht_wire_choice(&w, VERSION, VERSION, VERSION);
    visit(&w, (ht_sweep_message *)m); /* a writing walk only reads */
    if (w.no_memory) {
        free(w.out.data);
        return HT_ENOMEM;
    }
    *out = w.out;
    return HT_OK;
}

ht_status ht_sweep_decode(const void *bytes, size_t n, ht_sweep_message *out, ht_error *err)
{
    const unsigned char *at = bytes;
    *out = (ht_sweep_message){0};
    if (n < 2 || at[0] < HT_SWEEP_READY || at[0] > HT_SWEEP_QUIT)
        return ht_fail(err, HT_ECOMM, "malformed message of %zu bytes: no such kind", n);
    if (at[1] != VERSION)
        return ht_fail(err, HT_ECOMM, "a message of version %d, this is version %d: use one hottune on all ranks",
                       at[1], VERSION);
    ht_wire w = {.reading = true, .p = at + 2, .end = at + n};
    out->kind = (ht_sweep_kind)at[0];
    visit(&w, out);
    if (w.fault == NULL && w.p == w.end)
        return HT_OK;
    ht_sweep_message_release(out);
    if (w.no_memory)
        return ht_fail(err, HT_ENOMEM, "no memory for a message of %zu bytes", n);
    return ht_fail(err, HT_ECOMM, "malformed message of %zu bytes: %s", n,
                   w.fault != NULL ? w.fault : "something follows it");
}

void ht_sweep_message_release(ht_sweep_message *m)
{
    cJSON_Delete(m->params);
    m->params = NULL;
}
