/** @file src/comm/mpi_stream.h
 *  One directed stream of chunks between two ranks: what a transfer consists of. Nothing here waits.
 *
 *  Notes (short messages, tag 2) and chunks (tag 3, straight from and to their memory):
 *
 *      receiver                            sender
 *      READY number, bytes, layout  ->
 *                                   <-     START number, bytes, layout, chunks sent to you before
 *                                   <-     chunks, at most HT_STREAM_WINDOW under way
 *                                   <-     END number, checksum
 *      TAKEN number                 ->
 *
 *  GIVEN_UP goes to the peer of every stream that is left before it was done. No chunk is sent to somebody
 * who does not wait for it. Chunks carry no header; both ends count what was ever sent and received between
 * them, so START tells the receiver how many chunks of aborted transfers are still on their way: it takes and
 *  drops those first. Notes of other numbers: older ones are dropped, a newer one says that the peer has
 * left. */
#ifndef HT_COMM_MPI_STREAM_H
#define HT_COMM_MPI_STREAM_H

#include <mpi.h>

#include "state/checksum.h"
#include "state/state.h"

enum { HT_STREAM_WINDOW = 4 };

/** This rank's ends of all its streams: what must be remembered from one transfer to the next. */
typedef struct ht_stream_ends ht_stream_ends;
ht_status ht_stream_ends_create(MPI_Comm comm, bool checks, ht_stream_ends **out, ht_error *err);
/** Waits up to 5 s for what is under way. NULL is allowed. */
void ht_stream_ends_destroy(ht_stream_ends *e);

/** A part of a span that travels as one message. */
typedef struct {
    void *data;
    size_t count;
    ht_element element;
} ht_stream_chunk;

typedef struct {
    /* set by the owner before ht_stream_open */
    int peer; /**< rank */
    bool is_in;
    bool is_partial;               /**< chunks are partial sums (mean.h), else elements */
    uint64_t layout;               /**< must be the same at both ends */
    size_t n;                      /**< chunks */
    const ht_stream_chunk *chunks; /**< borrowed */
    size_t slot; /**< 0: every chunk is at its own place; else the bytes of a slot of `ring` */
    /* moved by the owner: chunks below it may be sent or received (n: all at once) */
    size_t granted;
    /* read by the owner */
    size_t finished; /**< chunks that arrived, or that left */
    bool is_done;
    /* private */
    unsigned char *ring; /* NULL, or [HT_STREAM_WINDOW * slot]: chunk i is in slot i % HT_STREAM_WINDOW */
    enum { HT_STREAM_GREETING, HT_STREAM_FLOWING, HT_STREAM_ENDING } state;
    uint64_t bytes, their_checksum;
    ht_checksum checksum;
    bool has_end;
    size_t posted;
    MPI_Request requests[HT_STREAM_WINDOW];
    uint64_t stale;
    MPI_Request stale_request;
    unsigned char *stale_chunk;
} ht_stream;

/** Begin transfer `number` on n streams; with every peer at most one. */
ht_status ht_stream_open(ht_stream_ends *e, unsigned long number, size_t n, ht_stream *s, ht_error *err);
/** Look once at everything. @param[out] moved  set to true if anything happened
 *  @return HT_OK; HT_ECOMM: a peer gave up, left, has another layout, a checksum is wrong, MPI failed;
 * HT_ENOMEM */
ht_status ht_stream_step(ht_stream_ends *e, unsigned long number, size_t n, ht_stream *s, bool *moved,
                         ht_error *err);
/** Leave: tell the peers of streams that are not done, cancel what can be cancelled (waits up to 1 s for
 * chunks that are just arriving). Sends cannot be cancelled: a chunk that nobody took is read by MPI when the
 *  peer takes and drops it later. */
void ht_stream_close(ht_stream_ends *e, unsigned long number, size_t n, ht_stream *s);

/** Where chunk i lies, and its bytes. */
void *ht_stream_at(const ht_stream *s, size_t i);
size_t ht_stream_length(const ht_stream *s, size_t i);

#endif
