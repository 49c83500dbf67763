/* src/state/state.c - which parts a training state has, and what it is made of; the contract is in state.h.
 *
 * May touch: the heap, the program's buffers. Not: MPI, files, clock. */
#include "state/state_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "state/checksum.h"

enum { ALIGNMENT = 64 }; /* a cache line, and the widest vector */

size_t ht_element_bytes(ht_element element)
{
    static const size_t bytes[] = {[HT_FLOAT32] = 4, [HT_FLOAT64] = 8, [HT_BFLOAT16] = 2,
                                   [HT_INT32] = 4,   [HT_INT64] = 8,   [HT_BYTES] = 1};
    return (size_t)element < sizeof bytes / sizeof *bytes ? bytes[element] : 0;
}

bool ht_element_is_real(ht_element element)
{
    return element == HT_FLOAT32 || element == HT_FLOAT64 || element == HT_BFLOAT16;
}

size_t ht_span_bytes(const ht_span *span)
{
    return span->count * ht_element_bytes(span->element);
}

size_t ht_state_padded(size_t n)
{
    return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

unsigned char *ht_state_block(size_t size)
{
    return aligned_alloc(ALIGNMENT, size > 0 ? size : ALIGNMENT);
}

ht_status ht_state_create(ht_state **out, ht_error *err)
{
    ht_state *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a training state");
    *out = s;
    return HT_OK;
}

void ht_state_destroy(ht_state *s)
{
    if (s == NULL)
        return;
    while (s->n_copies > 0)
        ht_state_drop(s, s->copies[0].slot);
    free(s->copies);
    free(s->spare);
    free(s->best);
    free(s->own);
    free(s->live);
    free(s->parts);
    free(s);
}

ht_status ht_state_reserve(ht_state *s, size_t more, ht_error *err)
{
    if (s->capacity - s->n >= more)
        return HT_OK;
    size_t capacity = 2 * s->n + more;
    ht_state_part *parts = realloc(s->parts, capacity * sizeof *parts);
    if (parts != NULL)
        s->parts = parts;
    ht_span *live = realloc(s->live, capacity * sizeof *live);
    if (live != NULL)
        s->live = live;
    if (parts == NULL || live == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for %zu parts of a training state", capacity);
    s->capacity = capacity;
    return HT_OK;
}

/* What holds for a part of either kind. `span->data` is NULL for one behind callbacks. */
static ht_status add(ht_state *s, const ht_state_part *part, const char *name, const ht_span *span,
                     ht_error *err)
{
    ht_state_part added = *part;
    size_t bytes = ht_element_bytes(span->element);
    if (s->sealed)
        return ht_fail(err, HT_EINVAL,
                       "state '%s': the state is complete; register before the training starts", name);
    if (!ht_name_copy(added.name, name))
        return ht_fail(err, HT_EINVAL, "state '%s': a name has at most %d bytes", name, HT_NAME_MAX - 1);
    if (span->count == 0)
        return ht_fail(err, HT_EINVAL, "state '%s': it is empty", name);
    /* an eighth: averages and gaps come on top */
    if (span->count > (SIZE_MAX / 8 - s->bytes) / bytes)
        return ht_fail(err, HT_EINVAL, "state '%s': %zu elements are more than memory can hold", name,
                       span->count);
    uintptr_t at = (uintptr_t)span->data;
    for (size_t i = 0; i < s->n; i++) {
        uintptr_t other = (uintptr_t)s->live[i].data;
        if (strcmp(s->parts[i].name, added.name) == 0)
            return ht_fail(err, HT_EINVAL, "state '%s': the name is taken; give each buffer its own", name);
        if (at != 0 && other != 0 && at < other + ht_span_bytes(&s->live[i]) &&
            other < at + span->count * bytes)
            return ht_fail(err, HT_EINVAL, "state '%s': it overlaps '%s'; register shared memory once", name,
                           s->parts[i].name);
    }
    HT_TRY(ht_state_reserve(s, 1, err));
    s->parts[s->n] = added;
    s->live[s->n++] = *span;
    s->bytes += span->count * bytes;
    return HT_OK;
}

ht_status ht_state_add(ht_state *s, const ht_state_buffer *b, ht_error *err)
{
    if (b->name == NULL || b->name[0] == '\0')
        return ht_fail(err, HT_EINVAL, "a buffer of the training state needs a name");
    size_t bytes = ht_element_bytes(b->element);
    if (bytes == 0)
        return ht_fail(err, HT_EINVAL, "state '%s': %d is no type of elements", b->name, (int)b->element);
    if (b->use != HT_AVERAGE && b->use != HT_COPY)
        return ht_fail(err, HT_EINVAL, "state '%s': %d is neither HT_AVERAGE nor HT_COPY", b->name,
                       (int)b->use);
    if (b->data == NULL)
        return ht_fail(err, HT_EINVAL, "state '%s': no data", b->name);
    if ((uintptr_t)b->data % bytes != 0)
        return ht_fail(err, HT_EINVAL, "state '%s': the data do not lie at a multiple of %zu bytes", b->name,
                       bytes);
    if (b->use == HT_AVERAGE && !ht_element_is_real(b->element))
        return ht_fail(err, HT_EINVAL, "state '%s': whole numbers have no average; register it as HT_COPY",
                       b->name);
    return add(s, &(ht_state_part){.is_weights = b->is_weights}, b->name,
               &(ht_span){b->data, b->count, b->element, b->use}, err);
}

ht_status ht_state_add_custom(ht_state *s, const char *name, size_t bytes,
                              ht_status (*get)(void *ctx, void *to),
                              ht_status (*put)(void *ctx, const void *from), void *ctx, ht_error *err)
{
    if (name == NULL || name[0] == '\0')
        return ht_fail(err, HT_EINVAL, "a part of the training state needs a name");
    if (get == NULL || put == NULL)
        return ht_fail(err, HT_EINVAL, "state '%s': it needs both callbacks, get and put", name);
    return add(s, &(ht_state_part){.get = get, .put = put, .ctx = ctx}, name,
               &(ht_span){NULL, bytes, HT_BYTES, HT_COPY}, err);
}

/* Behind the registered parts: an average for each buffer of weights, then the steps that went into them. */
static ht_status add_averages(ht_state *s, ht_error *err)
{
    HT_TRY(ht_state_reserve(s, s->n_registered + 1, err));
    for (size_t i = 0; i < s->n_registered; i++) {
        if (!s->parts[i].is_weights || !ht_element_is_real(s->live[i].element))
            continue;
        ht_span average = s->live[i];
        average.data = NULL;
        if (average.element == HT_BFLOAT16)
            average.element = HT_FLOAT32; /* a step changes an average by less than bfloat16 can hold */
        s->parts[s->n] = (ht_state_part){.of = i};
        memcpy(s->parts[s->n].name, s->parts[i].name, HT_NAME_MAX);
        s->live[s->n++] = average;
        s->n_averages++;
    }
    if (s->n_averages == 0)
        return ht_fail(
            err, HT_EINVAL,
            "no weights to average: register the weights as buffers of real numbers with is_weights, or "
            "go without averaged weights");
    s->parts[s->n] = (ht_state_part){.of = s->n};
    s->live[s->n++] = (ht_span){NULL, 1, HT_INT64, HT_COPY};
    return HT_OK;
}

/* A place in `own` for each part that the program has no memory for. */
static ht_status place(ht_state *s, ht_error *err)
{
    size_t at = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->live[i].data == NULL)
            s->own_size += ht_state_padded(ht_span_bytes(&s->live[i]));
    if (s->own_size == 0)
        return HT_OK;
    s->own = ht_state_block(s->own_size);
    if (s->own == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for averaged weights and staging copies: %zu bytes",
                       s->own_size);
    memset(s->own, 0, s->own_size);
    for (size_t i = 0; i < s->n; i++)
        if (s->live[i].data == NULL) {
            s->live[i].data = s->own + at;
            at += ht_state_padded(ht_span_bytes(&s->live[i]));
        }
    if (s->n_averages > 0)
        s->steps = s->live[s->n - 1].data;
    return HT_OK;
}

static uint64_t fingerprint(const ht_state *s)
{
    ht_checksum c;
    ht_checksum_init(&c);
    for (size_t i = 0; i < s->n; i++) {
        const uint64_t is[] = {s->live[i].count, s->live[i].element, s->live[i].use, s->parts[i].is_weights,
                               s->parts[i].get != NULL};
        ht_checksum_add(&c, s->parts[i].name, sizeof s->parts[i].name);
        ht_checksum_add(&c, is, sizeof is);
    }
    return ht_checksum_value(&c);
}

ht_status ht_state_seal(ht_state *s, bool keeps_ema, ht_error *err)
{
    if (s->sealed)
        return ht_fail(err, HT_EINVAL, "the training state is complete already");
    s->n_registered = s->n;
    ht_status st = keeps_ema ? add_averages(s, err) : HT_OK;
    if (st == HT_OK)
        st = place(s, err);
    if (st != HT_OK) { /* as before: more may be registered, or the same tried without */
        s->n = s->n_registered;
        s->n_registered = s->n_averages = s->own_size = 0;
        return st;
    }
    s->bytes = s->copy_size = 0;
    for (size_t i = 0; i < s->n; i++) {
        s->bytes += ht_span_bytes(&s->live[i]);
        s->copy_size += ht_state_padded(ht_span_bytes(&s->live[i]));
    }
    s->layout = fingerprint(s);
    s->sealed = true;
    ht_state_ema_reset(s);
    return HT_OK;
}

size_t ht_state_bytes(const ht_state *s)
{
    return s->sealed ? s->bytes : 0;
}

uint64_t ht_state_layout(const ht_state *s)
{
    return s->layout;
}

bool ht_state_has_ema(const ht_state *s)
{
    return s->n_averages > 0;
}

bool ht_state_has_weights(const ht_state *s)
{
    for (size_t i = 0; i < (s->sealed ? s->n_registered : s->n); i++)
        if (s->parts[i].is_weights)
            return true;
    return false;
}

size_t ht_state_live(ht_state *s, const ht_span **out)
{
    *out = s->live;
    return s->sealed ? s->n : 0;
}

void ht_state_mirror(ht_state *s, ht_status (*fetch)(void *ctx, ht_state_extent what),
                     ht_status (*store)(void *ctx, ht_state_extent what), void *ctx)
{
    s->fetch = fetch;
    s->store = store;
    s->mirror_ctx = ctx;
}

ht_status ht_state_pull(ht_state *s, ht_state_extent what, ht_error *err)
{
    ht_status st = s->fetch != NULL ? s->fetch(s->mirror_ctx, what) : HT_OK;
    return st == HT_OK ? HT_OK : ht_fail(err, st, "the training state cannot be fetched: %s", ht_status_text(st));
}

ht_status ht_state_push(ht_state *s, ht_state_extent what, ht_error *err)
{
    ht_status st = s->store != NULL ? s->store(s->mirror_ctx, what) : HT_OK;
    return st == HT_OK ? HT_OK : ht_fail(err, st, "the training state cannot be stored: %s", ht_status_text(st));
}

ht_status ht_state_fetch(ht_state *s, ht_error *err)
{
    if (!s->sealed)
        return ht_fail(err, HT_EINVAL, "the training state is read before it is complete");
    HT_TRY(ht_state_pull(s, HT_STATE_ALL, err));
    for (size_t i = 0; i < s->n; i++) {
        ht_status st = s->parts[i].get != NULL ? s->parts[i].get(s->parts[i].ctx, s->live[i].data) : HT_OK;
        if (st != HT_OK)
            return ht_fail(err, st, "state '%s': its callback get reported: %s", s->parts[i].name,
                           ht_status_text(st));
    }
    return HT_OK;
}

ht_status ht_state_flush(ht_state *s, ht_error *err)
{
    if (!s->sealed)
        return ht_fail(err, HT_EINVAL, "the training state is written before it is complete");
    for (size_t i = 0; i < s->n; i++) {
        ht_status st = s->parts[i].put != NULL ? s->parts[i].put(s->parts[i].ctx, s->live[i].data) : HT_OK;
        if (st != HT_OK)
            return ht_fail(err, st, "state '%s': its callback put reported: %s", s->parts[i].name,
                           ht_status_text(st));
    }
    return ht_state_push(s, HT_STATE_ALL, err);
}

size_t ht_state_held(const ht_state *s)
{
    size_t images = s->n_copies + (s->spare != NULL ? 1 : 0);
    return s->own_size + s->best_size + images * s->copy_size;
}
