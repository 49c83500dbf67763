/* src/state/slots.c - saved images under numbers, and sums over images; the contract is in state.h.
 *
 * A slot holds the parts in the order of the image, each at a multiple of 64 bytes, so that a sum over its
 * numbers meets them aligned whatever was registered before them. The memory of a dropped slot is kept for
 * the next one: a save into fresh memory takes several times as long, since every page is touched for the
 * first time (bench_state). */
#include "state/state_internal.h"

#include <stdlib.h>
#include <string.h>

#include "state/checksum.h"

static ht_state_copy *find(const ht_state *s, unsigned slot)
{
    for (size_t i = 0; i < s->n_copies; i++)
        if (s->copies[i].slot == slot)
            return &s->copies[i];
    return NULL;
}

static ht_state_copy *make(ht_state *s, unsigned slot)
{
    ht_state_copy made = {slot, s->spare, calloc(s->n + 1, sizeof *made.spans)};
    if (made.block == NULL)
        made.block = ht_state_block(s->copy_size);
    s->spare = NULL;
    ht_state_copy *copies = realloc(s->copies, (s->n_copies + 1) * sizeof *copies);
    if (copies != NULL)
        s->copies = copies;
    if (copies == NULL || made.block == NULL || made.spans == NULL) {
        s->spare = made.block;
        free(made.spans);
        return NULL;
    }
    size_t at = 0;
    for (size_t i = 0; i < s->n; i++) {
        made.spans[i] = s->live[i];
        made.spans[i].data = made.block + at;
        at += ht_state_padded(ht_span_bytes(&s->live[i]));
    }
    copies[s->n_copies] = made;
    return &copies[s->n_copies++];
}

size_t ht_state_slot(ht_state *s, unsigned slot, bool may_make, const ht_span **out)
{
    ht_state_copy *copy = s->sealed ? find(s, slot) : NULL;
    if (copy == NULL && may_make && s->sealed)
        copy = make(s, slot);
    *out = copy != NULL ? copy->spans : NULL;
    return copy != NULL ? s->n : 0;
}

static void copy_spans(size_t n, const ht_span *to, const ht_span *from)
{
    for (size_t i = 0; i < n; i++)
        memcpy(to[i].data, from[i].data, ht_span_bytes(&from[i]));
}

ht_status ht_state_save(ht_state *s, unsigned slot, ht_error *err)
{
    if (s->swapped)
        return ht_fail(err, HT_EREFUSED,
                       "the averaged weights are in the place of the trained ones; swap them back "
                       "before the state is saved");
    HT_TRY(ht_state_fetch(s, err));
    ht_state_copy *copy = find(s, slot);
    if (copy == NULL)
        copy = make(s, slot);
    if (copy == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory to save the training state: %zu bytes", s->copy_size);
    copy_spans(s->n, copy->spans, s->live);
    return HT_OK;
}

ht_status ht_state_load(ht_state *s, unsigned slot, ht_error *err)
{
    ht_state_copy *copy = find(s, slot);
    if (copy == NULL)
        return ht_fail(err, HT_ENOTFOUND, "no training state was saved as %u", slot);
    copy_spans(s->n, s->live, copy->spans);
    s->swapped = false;
    return ht_state_flush(s, err);
}

bool ht_state_holds(const ht_state *s, unsigned slot)
{
    return find(s, slot) != NULL;
}

bool ht_state_slot_at(const ht_state *s, size_t i, unsigned *slot)
{
    if (i >= s->n_copies)
        return false;
    *slot = s->copies[i].slot;
    return true;
}

void ht_state_drop(ht_state *s, unsigned slot)
{
    ht_state_copy *copy = find(s, slot);
    if (copy == NULL)
        return;
    if (s->spare == NULL)
        s->spare = copy->block;
    else
        free(copy->block);
    free(copy->spans);
    *copy = s->copies[--s->n_copies];
}

void ht_state_rename(ht_state *s, unsigned from, unsigned to)
{
    if (from == to || !ht_state_holds(s, from))
        return;
    ht_state_drop(s, to);
    find(s, from)->slot = to;
}

static uint64_t sum(size_t n, const ht_span *spans)
{
    ht_checksum c;
    ht_checksum_init(&c);
    for (size_t i = 0; i < n; i++)
        ht_checksum_add(&c, spans[i].data, ht_span_bytes(&spans[i]));
    return ht_checksum_value(&c);
}

uint64_t ht_state_checksum(ht_state *s)
{
    return s->sealed ? sum(s->n, s->live) : 0;
}

uint64_t ht_state_slot_checksum(ht_state *s, unsigned slot)
{
    ht_state_copy *copy = find(s, slot);
    return copy != NULL ? sum(s->n, copy->spans) : 0;
}
