/* src/comm/mpi_transfer.c - training states travel between replicas; the contract is in mpi_transfer.h.
 *
 * A transfer is a set of streams (mpi_stream.h) and one loop that looks at them until all are done. A mean is
 * one stream from each child and one to the parent (mean.h says who that is): chunk i is summed when all
 * children's chunk i is there, while later ones are under way; partial sums exist only chunk by chunk.
 * A member without children sends its elements straight from its spans, the root sums into its own. */
#include "comm/mpi_transfer.h"

#include <sched.h>
#include <stdlib.h>

#include "comm/clock.h"
#include "comm/mean.h"
#include "comm/mpi_stream.h"

static const size_t usual_chunk = 256 << 10, longest_chunk = 1 << 30, unit = 8;
static const double longest_look_s = 1; /* between two looks of a rank that runs */
enum { EAGER_LOOKS = 4 };              /* before the first nap */

typedef struct {
    ht_carrier base;
    ht_stream_ends *ends;
    int self, n_replicas;
    size_t chunk;
    double patience_s;
} transfers;

/* ---- chunks ---------------------------------------------------------------------------------- */

typedef struct {
    size_t n;
    ht_stream_chunk *chunk; /* [n], owned */
    uint64_t layout;
} chunks;

static uint64_t mixed(uint64_t sum, uint64_t x)
{
    sum = (sum ^ x) * 0x9e3779b97f4a7c15;
    return sum ^ sum >> 32;
}

/* Cut spans so that the partial sums of no chunk are longer than t->chunk. */
static ht_status cut(const transfers *t, size_t n, const ht_span *spans, bool for_mean, chunks *out,
                     ht_error *err)
{
    size_t total = 0, at = 0;
    uint64_t layout = mixed(mixed(for_mean, t->chunk), n);
    for (int fill = 0; fill < 2; fill++) {
        for (size_t i = 0; i < n; i++) {
            const ht_span *s = &spans[i];
            size_t most = t->chunk / ht_mean_partial_size(s->element);
            if (fill == 0)
                layout = mixed(mixed(layout, s->count), (uint64_t)s->element << 8 | (uint64_t)s->use);
            if (for_mean && s->use != HT_AVERAGE)
                continue;
            if (fill == 0)
                total += s->count / most + (s->count % most > 0);
            for (size_t done = 0; fill == 1 && done < s->count; done += most)
                out->chunk[at++] =
                    (ht_stream_chunk){(unsigned char *)s->data + done * ht_element_bytes(s->element),
                                      s->count - done < most ? s->count - done : most, s->element};
        }
        if (fill == 0) {
            *out = (chunks){total, malloc((total + 1) * sizeof *out->chunk), layout};
            if (out->chunk == NULL)
                return ht_fail(err, HT_ENOMEM, "no memory for the places of %zu chunks", total);
        }
    }
    return HT_OK;
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* What there is to do between looks, beside the streams. */
typedef struct {
    bool is_needed;
    size_t divisor; /* of the root; else 0 */
    size_t summed;  /* chunks */
    size_t n_in;    /* the first streams come from children */
    bool is_raw[HT_MEAN_CHILDREN_MAX];
} sums;

static void sum_some(sums *a, ht_stream *s, size_t n, bool *moved)
{
    size_t i = a->summed;
    ht_stream *out = n > a->n_in ? &s[a->n_in] : NULL;
    if (!a->is_needed || i == s->n || (out != NULL && i - out->finished >= HT_STREAM_WINDOW))
        return;
    ht_mean_operand left[HT_MEAN_CHILDREN_MAX];
    for (size_t j = 0; j < a->n_in; j++) {
        if (s[j].finished <= i)
            return;
        left[j] = (ht_mean_operand){ht_stream_at(&s[j], i), a->is_raw[j]};
    }
    const ht_stream_chunk *own = &s->chunks[i];
    ht_mean_sum(own->element, own->count, own->data, a->n_in, left, a->divisor,
                out != NULL ? ht_stream_at(out, i) : own->data);
    a->summed++;
    for (size_t j = 0; j < a->n_in; j++)
        s[j].granted = a->summed + HT_STREAM_WINDOW < s->n ? a->summed + HT_STREAM_WINDOW : s->n;
    if (out != NULL)
        out->granted = a->summed;
    *moved = true;
}

static bool are_done(const sums *a, size_t n, const ht_stream *s)
{
    for (size_t i = 0; i < n; i++)
        if (!s[i].is_done)
            return false;
    return !a->is_needed || a->summed == s->n;
}

static ht_status late(const transfers *t, unsigned long number, size_t n, const ht_stream *s, ht_error *err)
{
    const ht_stream *last = NULL;
    for (size_t i = 0; i < n; i++)
        if (!s[i].is_done && (last == NULL || s[i].finished < last->finished))
            last = &s[i];
    size_t bytes = 0;
    for (size_t i = 0; i < last->finished; i++)
        bytes += ht_stream_length(last, i);
    return ht_fail(err, HT_ETIMEOUT,
                   "transfer %lu: nothing moved within %g s; %zu of %llu bytes went %s replica %d", number,
                   t->patience_s, bytes, (unsigned long long)last->bytes, last->is_in ? "here from" : "to",
                   last->peer - 1);
}

/* Until all is done. Every chunk and note moves the deadline. */
static ht_status watch(transfers *t, unsigned long number, size_t n, ht_stream *s, sums *a, ht_error *err)
{
    double looked = ht_clock_monotonic(), deadline = looked + t->patience_s;
    ht_nap nap = {0};
    for (int idle = 0;;) {
        bool moved = false;
        HT_TRY(ht_stream_step(t->ends, number, n, s, &moved, err));
        sum_some(a, s, n, &moved);
        if (are_done(a, n, s))
            return HT_OK;
        double now = ht_clock_monotonic();
        if (now - looked > longest_look_s) /* we were suspended: that was no time to answer in */
            deadline += now - looked;
        looked = now;
        if (moved) {
            deadline = now + t->patience_s;
            nap = (ht_nap){0};
            idle = 0;
        } else if (now >= deadline) {
            return late(t, number, n, s, err);
        } else if (idle++ < EAGER_LOOKS) {
            sched_yield();
        } else {
            ht_nap_take(&nap);
        }
    }
}

static ht_status carry(transfers *t, unsigned long number, size_t n, ht_stream *s, sums *a, ht_error *err)
{
    ht_status st = ht_stream_open(t->ends, number, n, s, err);
    if (st == HT_OK)
        st = watch(t, number, n, s, a, err);
    ht_stream_close(t->ends, number, n, s);
    return st;
}

/* ---- the carrier ----------------------------------------------------------------------------- */

static ht_status check_peer(const transfers *t, int replica, ht_error *err)
{
    if (replica < 0 || replica >= t->n_replicas || replica == t->self)
        return ht_fail(err, HT_EINVAL, "replica %d cannot exchange states with replica %d of %d", t->self,
                       replica, t->n_replicas);
    return HT_OK;
}

static ht_status move(ht_carrier *c, unsigned long number, int replica, bool is_in, size_t n,
                      const ht_span *spans, ht_error *err)
{
    transfers *t = (transfers *)c;
    chunks cuts;
    HT_TRY(check_peer(t, replica, err));
    HT_TRY(cut(t, n, spans, false, &cuts, err));
    ht_stream s = {.peer = replica + 1,
                   .is_in = is_in,
                   .layout = cuts.layout,
                   .n = cuts.n,
                   .chunks = cuts.chunk,
                   .granted = cuts.n};
    ht_status st = carry(t, number, 1, &s, &(sums){0}, err);
    free(cuts.chunk);
    return st;
}

static ht_status send_state(ht_carrier *c, unsigned long number, int to, size_t n, const ht_span *spans,
                            ht_error *err)
{
    return move(c, number, to, false, n, spans, err);
}

static ht_status receive_state(ht_carrier *c, unsigned long number, int from, size_t n, const ht_span *spans,
                               ht_error *err)
{
    return move(c, number, from, true, n, spans, err);
}

static ht_status find_self(const transfers *t, size_t m, const int *members, size_t *self, ht_error *err)
{
    *self = m;
    for (size_t i = 0; i < m; i++) {
        if (members[i] == t->self && *self == m)
            *self = i;
        else
            HT_TRY(check_peer(t, members[i], err));
    }
    if (*self == m)
        return ht_fail(err, HT_EINVAL, "replica %d is not among the %zu whose mean it was asked for", t->self,
                       m);
    return HT_OK;
}

/* One stream from each child, then the one to the parent; rings where chunks do not lie in the spans. */
static size_t plan(const transfers *t, size_t m, const int *members, size_t self, const chunks *cuts,
                   ht_stream *s, sums *a)
{
    ht_mean_place p = ht_mean_find(m, self);
    ht_stream common = {.layout = mixed(cuts->layout, m),
                        .n = cuts->n,
                        .chunks = cuts->chunk,
                        .slot = p.n_children > 0 ? t->chunk : 0};
    *a = (sums){.is_needed = p.n_children > 0, .n_in = p.n_children, .divisor = p.is_root ? m : 0};
    for (size_t i = 0; i < p.n_children; i++) {
        a->is_raw[i] = ht_mean_find(m, p.children[i]).n_children == 0;
        s[i] = common;
        s[i].peer = members[p.children[i]] + 1;
        s[i].is_in = true;
        s[i].is_partial = !a->is_raw[i];
        s[i].granted = HT_STREAM_WINDOW < cuts->n ? HT_STREAM_WINDOW : cuts->n;
    }
    if (p.is_root)
        return p.n_children;
    s[p.n_children] = common;
    s[p.n_children].peer = members[p.parent] + 1;
    s[p.n_children].is_partial = a->is_needed;
    s[p.n_children].granted = a->is_needed ? 0 : cuts->n;
    return p.n_children + 1;
}

static ht_status mean(ht_carrier *c, unsigned long number, size_t m, const int *members, size_t n,
                      const ht_span *spans, ht_error *err)
{
    transfers *t = (transfers *)c;
    size_t self;
    chunks cuts;
    HT_TRY(find_self(t, m, members, &self, err));
    if (m == 1)
        return HT_OK;
    HT_TRY(cut(t, n, spans, true, &cuts, err));
    ht_stream s[HT_MEAN_CHILDREN_MAX + 1];
    sums a;
    size_t n_streams = plan(t, m, members, self, &cuts, s, &a);
    ht_status st = carry(t, number, n_streams, s, &a, err);
    free(cuts.chunk);
    return st;
}

static const ht_carrier_class over_mpi = {send_state, receive_state, mean};

ht_status ht_transfer_create(MPI_Comm star, size_t chunk, bool checks, double patience_s, ht_carrier **out,
                             ht_error *err)
{
    if (chunk == 0)
        chunk = usual_chunk;
    if (chunk < unit || chunk > longest_chunk)
        return ht_fail(err, HT_EINVAL, "a chunk of %zu bytes is not in [%zu, %zu]", chunk, unit,
                       longest_chunk);
    transfers *t = calloc(1, sizeof *t);
    if (t == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for transfers");
    ht_status st = ht_stream_ends_create(star, checks, &t->ends, err);
    if (st != HT_OK) {
        free(t);
        return st;
    }
    int rank, size;
    MPI_Comm_rank(star, &rank);
    MPI_Comm_size(star, &size);
    t->base.class = &over_mpi;
    t->self = rank - 1;
    t->n_replicas = size - 1;
    t->chunk = chunk - chunk % unit;
    t->patience_s = patience_s;
    *out = &t->base;
    return HT_OK;
}

void ht_transfer_set_patience(ht_carrier *c, double patience_s)
{
    ((transfers *)c)->patience_s = patience_s;
}

void ht_transfer_destroy(ht_carrier *c)
{
    transfers *t = (transfers *)c;
    if (t == NULL)
        return;
    ht_stream_ends_destroy(t->ends);
    free(t);
}
