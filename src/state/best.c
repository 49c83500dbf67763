/* src/state/best.c - the best weights so far; the contract is in state.h.
 *
 * `best` holds, in the program's own types, each buffer of weights in the order of registration, each at a
 * multiple of 64 bytes. */
#include "state/state_internal.h"

#include <stdlib.h>
#include <string.h>

#include "state/bfloat16.h"

static void narrow(size_t n, uint16_t *restrict p, const float *restrict e)
{
    for (size_t i = 0; i < n; i++)
        p[i] = ht_bfloat16_round(e[i]);
}

/* The average of part i, if it has one and the program's buffer does not show it now. */
static const ht_span *hidden_average(const ht_state *s, size_t i)
{
    for (size_t k = 0; k < s->n_averages && !s->swapped; k++)
        if (s->parts[s->n_registered + k].of == i)
            return &s->live[s->n_registered + k];
    return NULL;
}

/* Makes the place. @return its size; 0: there are no weights */
static size_t reserve(ht_state *s)
{
    size_t size = 0;
    for (size_t i = 0; i < s->n_registered; i++)
        if (s->parts[i].is_weights)
            size += ht_state_padded(ht_span_bytes(&s->live[i]));
    if (size > 0 && s->best == NULL && (s->best = ht_state_block(size)) != NULL) {
        memset(s->best, 0, size);       /* gaps, too: the block is written as a whole */
        s->best_size = size;
    }
    return size;
}

size_t ht_state_best_block(ht_state *s, bool make, void **out)
{
    if (make && s->sealed)
        reserve(s);
    *out = s->best;
    return s->best != NULL ? s->best_size : 0;
}

ht_status ht_state_keep_best(ht_state *s, ht_error *err)
{
    size_t at = 0;
    if (!s->sealed)
        return ht_fail(err, HT_EINVAL, "the best weights are kept before the training state is complete");
    size_t size = reserve(s);
    if (size == 0)
        return HT_OK;
    if (s->best == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the best weights: %zu bytes", size);
    for (size_t i = 0; i < s->n_registered; i++) {
        if (!s->parts[i].is_weights)
            continue;
        const ht_span *from = hidden_average(s, i);
        if (from == NULL)
            from = &s->live[i];
        if (from->element != s->live[i].element)
            narrow(from->count, (uint16_t *)(void *)(s->best + at), from->data);
        else
            memcpy(s->best + at, from->data, ht_span_bytes(from));
        at += ht_state_padded(ht_span_bytes(&s->live[i]));
    }
    return HT_OK;
}

bool ht_state_show_best(ht_state *s)
{
    if (s->best == NULL)
        return false;
    if (s->swapped)
        ht_state_ema_swap(s);
    size_t at = 0;
    for (size_t i = 0; i < s->n_registered; i++)
        if (s->parts[i].is_weights) {
            memcpy(s->live[i].data, s->best + at, ht_span_bytes(&s->live[i]));
            at += ht_state_padded(ht_span_bytes(&s->live[i]));
        }
    return true;
}

bool ht_state_best_at(const ht_state *s, size_t i, ht_state_buffer *out)
{
    size_t at = 0;
    for (size_t k = 0; s->best != NULL && k < s->n_registered; k++) {
        const ht_span *of = &s->live[k];
        if (!s->parts[k].is_weights)
            continue;
        if (i-- == 0) {
            *out = (ht_state_buffer){.name = s->parts[k].name, .data = s->best + at, .count = of->count,
                                     .element = of->element, .use = of->use, .is_weights = true};
            return true;
        }
        at += ht_state_padded(ht_span_bytes(of));
    }
    return false;
}
