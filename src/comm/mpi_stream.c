/* src/comm/mpi_stream.c - one directed stream of chunks between two ranks; the contract is in mpi_stream.h.
 *
 * `sent[r]` and `got[r]` count the chunks between this rank and rank r since the start; a chunk counts as got
 * when a receive matched it, so a receive that was cancelled in time does not count. MPI keeps the order of
 * messages of one sender and tag: what is stale comes first. */
#include "comm/mpi_stream.h"

#include <stdlib.h>
#include <string.h>

#include "comm/clock.h"
#include "comm/mean.h"
#include "comm/mpi_comm.h"

enum { NOTES = 2, CHUNKS = 3 }; /* tags */
static const double leave_s = 5, settle_s = 1;

/* Ranks of one run are built alike: numbers travel as they lie in memory. */
typedef struct {
    enum { READY, START, END, TAKEN, GIVEN_UP } kind;
    unsigned long number;
    uint64_t bytes, layout;
    uint64_t value; /* START: chunks sent before; END: checksum */
} note;

typedef struct kept {
    struct kept *next;
    int from;
    note note;
} kept;

/* Requests of an aborted transfer that MPI did not let go, and the memory that they use, if it is ours. */
typedef struct orphan {
    struct orphan *next;
    MPI_Request requests[HT_STREAM_WINDOW];
    void *memory;
} orphan;

struct ht_stream_ends {
    MPI_Comm comm;
    int size;
    bool checks;
    ht_comm *notes;
    uint64_t *sent, *got; /* [size] */
    kept *kept;
    orphan *orphans;
};

/* ---- ends ------------------------------------------------------------------------------------ */

static void reap(ht_stream_ends *e)
{
    for (orphan **at = &e->orphans; *at != NULL;) {
        orphan *o = *at;
        int done = 0;
        if (MPI_Testall(HT_STREAM_WINDOW, o->requests, &done, MPI_STATUSES_IGNORE) != MPI_SUCCESS || done) {
            *at = o->next;
            free(o->memory);
            free(o);
        } else {
            at = &o->next;
        }
    }
}

ht_status ht_stream_ends_create(MPI_Comm comm, bool checks, ht_stream_ends **out, ht_error *err)
{
    ht_status st = HT_OK;
    ht_stream_ends *e = calloc(1, sizeof *e);
    if (e != NULL) {
        e->comm = comm;
        e->checks = checks;
        MPI_Comm_size(comm, &e->size);
        e->sent = calloc((size_t)e->size, sizeof *e->sent);
        e->got = calloc((size_t)e->size, sizeof *e->got);
    }
    if (e == NULL || e->sent == NULL || e->got == NULL) {
        st = ht_fail(err, HT_ENOMEM, "no memory for transfers");
        goto done;
    }
    st = ht_comm_mpi_create_tagged(comm, NOTES, &e->notes, err);
    if (st != HT_OK)
        goto done;
    *out = e;
    e = NULL;
done:
    ht_stream_ends_destroy(e);
    return st;
}

void ht_stream_ends_destroy(ht_stream_ends *e)
{
    if (e == NULL)
        return;
    double deadline = ht_clock_monotonic() + leave_s;
    ht_nap nap = {0};
    for (reap(e); e->orphans != NULL && ht_clock_monotonic() < deadline; reap(e))
        ht_nap_take(&nap);
    for (orphan *o = e->orphans, *next; o != NULL; o = next) {
        next = o->next;
        free(o); /* its memory belongs to MPI for good */
    }
    for (kept *k = e->kept, *next; k != NULL; k = next) {
        next = k->next;
        free(k);
    }
    ht_comm_destroy(e->notes);
    free(e->sent);
    free(e->got);
    free(e);
}

/* ---- chunks ---------------------------------------------------------------------------------- */

void *ht_stream_at(const ht_stream *s, size_t i)
{
    return s->ring != NULL ? s->ring + i % HT_STREAM_WINDOW * s->slot : s->chunks[i].data;
}

size_t ht_stream_length(const ht_stream *s, size_t i)
{
    ht_element e = s->chunks[i].element;
    return s->chunks[i].count * (s->is_partial ? ht_mean_partial_size(e) : ht_element_bytes(e));
}

static ht_status say(ht_stream_ends *e, int to, note n, ht_error *err)
{
    return ht_comm_send(e->notes, to, &n, sizeof n, err);
}

/* Take and drop one chunk of an aborted transfer, in as many calls as it takes. */
static ht_status drop_stale(ht_stream_ends *e, ht_stream *s, bool *moved, ht_error *err)
{
    int code, done = 0, length = 0;
    if (s->stale_chunk == NULL) {
        MPI_Message message;
        MPI_Status status;
        code = MPI_Improbe(s->peer, CHUNKS, e->comm, &done, &message, &status);
        if (code != MPI_SUCCESS)
            return ht_mpi_fail(code, "looking for chunks failed", err);
        if (!done)
            return HT_OK;
        MPI_Get_count(&status, MPI_BYTE, &length);
        s->stale_chunk = malloc(length > 0 ? (size_t)length : 1);
        if (s->stale_chunk == NULL)
            return ht_fail(err, HT_ENOMEM, "no memory for a chunk of %d bytes", length);
        code = MPI_Imrecv(s->stale_chunk, length, MPI_BYTE, &message, &s->stale_request);
        e->got[s->peer]++;
        if (code != MPI_SUCCESS)
            return ht_mpi_fail(code, "receiving failed", err);
    }
    code = MPI_Test(&s->stale_request, &done, MPI_STATUS_IGNORE);
    if (code != MPI_SUCCESS)
        return ht_mpi_fail(code, "receiving failed", err);
    if (done) {
        free(s->stale_chunk);
        s->stale_chunk = NULL;
        s->stale--;
        *moved = true;
    }
    return HT_OK;
}

static ht_status post(ht_stream_ends *e, ht_stream *s, ht_error *err)
{
    while (s->posted < s->granted && s->posted - s->finished < HT_STREAM_WINDOW) {
        void *at = ht_stream_at(s, s->posted);
        int length = (int)ht_stream_length(s, s->posted);
        MPI_Request *request = &s->requests[s->posted % HT_STREAM_WINDOW];
        if (e->checks && !s->is_in)
            ht_checksum_add(&s->checksum, at, (size_t)length);
        int code = s->is_in ? MPI_Irecv(at, length, MPI_BYTE, s->peer, CHUNKS, e->comm, request)
                            : MPI_Isend(at, length, MPI_BYTE, s->peer, CHUNKS, e->comm, request);
        if (code != MPI_SUCCESS)
            return ht_mpi_fail(code, "starting a chunk failed", err);
        s->posted++;
        if (!s->is_in)
            e->sent[s->peer]++;
    }
    return HT_OK;
}

static ht_status finish(ht_stream_ends *e, ht_stream *s, bool *moved, ht_error *err)
{
    while (s->finished < s->posted) {
        int done = 0;
        int code = MPI_Test(&s->requests[s->finished % HT_STREAM_WINDOW], &done, MPI_STATUS_IGNORE);
        if (code != MPI_SUCCESS)
            return ht_mpi_fail(code, s->is_in ? "receiving a chunk failed" : "sending a chunk failed", err);
        if (!done)
            return HT_OK;
        if (s->is_in) {
            e->got[s->peer]++;
            if (e->checks)
                ht_checksum_add(&s->checksum, ht_stream_at(s, s->finished), ht_stream_length(s, s->finished));
        }
        s->finished++;
        *moved = true;
    }
    return HT_OK;
}

/* ---- notes ----------------------------------------------------------------------------------- */

static int replica(const ht_stream *s)
{
    return s->peer - 1;
}

static ht_status begin(ht_stream_ends *e, ht_stream *s, const note *n, ht_error *err)
{
    if (n->bytes != s->bytes || n->layout != s->layout)
        return ht_fail(err, HT_ECOMM,
                       "transfer %lu: the state of replica %d is another one: %llu bytes there, %llu here",
                       n->number, replica(s), (unsigned long long)n->bytes, (unsigned long long)s->bytes);
    s->state = HT_STREAM_FLOWING;
    if (s->is_in)
        s->stale = n->value - e->got[s->peer];
    else
        return say(e, s->peer, (note){START, n->number, s->bytes, s->layout, e->sent[s->peer]}, err);
    return HT_OK;
}

static ht_status take(ht_stream_ends *e, ht_stream *s, const note *n, ht_error *err)
{
    if (n->kind == GIVEN_UP && !s->is_done)
        return ht_fail(err, HT_ECOMM, "transfer %lu: replica %d gave up", n->number, replica(s));
    if (s->state == HT_STREAM_GREETING && n->kind == (s->is_in ? START : READY))
        return begin(e, s, n, err);
    if (n->kind == END) {
        s->their_checksum = n->value;
        s->has_end = true;
    }
    s->is_done |= n->kind == TAKEN;
    return HT_OK;
}

/* Fetch what came; nothing is handled yet. */
static ht_status fetch(ht_stream_ends *e, ht_error *err)
{
    for (;;) {
        int from;
        ht_bytes bytes = {0};
        ht_error unused;
        ht_status st = ht_comm_receive(e->notes, 0, &from, &bytes, &unused);
        if (st == HT_ETIMEOUT)
            return HT_OK;
        if (st != HT_OK)
            return ht_fail(err, st, "%s", unused.text);
        kept *k = bytes.n == sizeof(note) ? malloc(sizeof *k) : NULL;
        if (k != NULL) {
            *k = (kept){.from = from};
            memcpy(&k->note, bytes.data, sizeof k->note);
            kept **at = &e->kept;
            while (*at != NULL)
                at = &(*at)->next;
            *at = k;
        }
        free(bytes.data);
        if (k == NULL)
            return ht_fail(err, HT_ECOMM, "a note of replica %d has %zu bytes or no room", from - 1, bytes.n);
    }
}

static ht_stream *with(int peer, size_t n, ht_stream *s)
{
    for (size_t i = 0; i < n; i++)
        if (s[i].peer == peer)
            return &s[i];
    return NULL;
}

static ht_status hear(ht_stream_ends *e, unsigned long number, size_t n, ht_stream *s, bool *moved,
                      ht_error *err)
{
    HT_TRY(fetch(e, err));
    for (kept **at = &e->kept; *at != NULL;) {
        kept *k = *at;
        ht_stream *of = with(k->from, n, s);
        if (k->note.number > number) {
            if (of != NULL && !of->is_done)
                return ht_fail(err, HT_ECOMM, "transfer %lu: replica %d has left it for transfer %lu", number,
                               replica(of), k->note.number);
            at = &k->next;
            continue;
        }
        note got = k->note;
        *at = k->next;
        free(k);
        if (got.number == number && of != NULL) {
            *moved = true;
            HT_TRY(take(e, of, &got, err));
        }
    }
    return HT_OK;
}

/* ---- streams --------------------------------------------------------------------------------- */

ht_status ht_stream_open(ht_stream_ends *e, unsigned long number, size_t n, ht_stream *s, ht_error *err)
{
    reap(e);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < HT_STREAM_WINDOW; j++)
            s[i].requests[j] = MPI_REQUEST_NULL;
        ht_checksum_init(&s[i].checksum);
        for (size_t j = 0; j < s[i].n; j++)
            s[i].bytes += ht_stream_length(&s[i], j);
    }
    for (size_t i = 0; i < n; i++) {
        s[i].ring = s[i].slot > 0 ? malloc(HT_STREAM_WINDOW * s[i].slot) : NULL;
        if (s[i].slot > 0 && s[i].ring == NULL)
            return ht_fail(err, HT_ENOMEM, "no memory for chunks of %zu bytes", s[i].slot);
    }
    for (size_t i = 0; i < n; i++)
        if (s[i].is_in)
            HT_TRY(say(e, s[i].peer, (note){READY, number, s[i].bytes, s[i].layout, 0}, err));
    return HT_OK;
}

static ht_status flow(ht_stream_ends *e, unsigned long number, ht_stream *s, bool *moved, ht_error *err)
{
    if (s->stale > 0)
        return drop_stale(e, s, moved, err);
    HT_TRY(finish(e, s, moved, err));
    HT_TRY(post(e, s, err));
    if (s->finished < s->n)
        return HT_OK;
    if (!s->is_in) {
        s->state = HT_STREAM_ENDING;
        return say(e, s->peer, (note){END, number, s->bytes, s->layout, ht_checksum_value(&s->checksum)},
                   err);
    }
    if (!s->has_end)
        return HT_OK;
    if (s->their_checksum != ht_checksum_value(&s->checksum))
        return ht_fail(err, HT_ECOMM,
                       "transfer %lu: the state of replica %d was damaged on its way: checksum %llx, "
                       "sent with %llx",
                       number, replica(s), (unsigned long long)ht_checksum_value(&s->checksum),
                       (unsigned long long)s->their_checksum);
    s->is_done = *moved = true;
    return say(e, s->peer, (note){TAKEN, number, s->bytes, s->layout, 0}, err);
}

ht_status ht_stream_step(ht_stream_ends *e, unsigned long number, size_t n, ht_stream *s, bool *moved,
                         ht_error *err)
{
    HT_TRY(hear(e, number, n, s, moved, err));
    for (size_t i = 0; i < n; i++)
        if (s[i].state == HT_STREAM_FLOWING && !s[i].is_done)
            HT_TRY(flow(e, number, &s[i], moved, err));
    return HT_OK;
}

/* Cancelled receives are over at once; one whose chunk is just arriving gets a moment. */
static void settle(ht_stream_ends *e, ht_stream *s, double deadline)
{
    for (size_t i = s->posted; s->is_in && i-- > s->finished;)
        MPI_Cancel(&s->requests[i % HT_STREAM_WINDOW]);
    ht_nap nap = {0};
    for (size_t i = s->finished; i < s->posted; i++) {
        int done = 0, cancelled = 0;
        MPI_Status status;
        while (MPI_Test(&s->requests[i % HT_STREAM_WINDOW], &done, &status) == MPI_SUCCESS && !done &&
               s->is_in && ht_clock_monotonic() < deadline)
            ht_nap_take(&nap);
        if (done)
            MPI_Test_cancelled(&status, &cancelled);
        if (s->is_in && !cancelled)
            e->got[s->peer]++;
    }
}

static void abandon(ht_stream_ends *e, const MPI_Request *requests, size_t n, void *memory)
{
    orphan *o = malloc(sizeof *o);
    if (o == NULL)
        return; /* MPI keeps the requests and the memory */
    for (size_t i = 0; i < HT_STREAM_WINDOW; i++)
        o->requests[i] = i < n ? requests[i] : MPI_REQUEST_NULL;
    o->memory = memory;
    o->next = e->orphans;
    e->orphans = o;
}

void ht_stream_close(ht_stream_ends *e, unsigned long number, size_t n, ht_stream *s)
{
    double deadline = ht_clock_monotonic() + settle_s;
    for (size_t i = 0; i < n; i++)
        if (!s[i].is_done)
            say(e, s[i].peer, (note){GIVEN_UP, number, s[i].bytes, s[i].layout, 0}, NULL);
    for (size_t i = 0; i < n; i++) {
        settle(e, &s[i], deadline);
        abandon(e, s[i].requests, HT_STREAM_WINDOW, s[i].ring);
        if (s[i].stale_chunk != NULL)
            abandon(e, &s[i].stale_request, 1, s[i].stale_chunk);
    }
    reap(e);
}
