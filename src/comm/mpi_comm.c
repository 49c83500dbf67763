/* src/comm/mpi_comm.c - point-to-point transport over MPI; the contract is in mpi_comm.h.
 *
 * Sends under way form a list; each call tests them and frees what is done, so the list is as long as the
 * slowest peer is behind. */
#include "comm/mpi_comm.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "comm/clock.h"

static const double leave_s = 5;
static const double longest_look_s = 1;     /* between two looks of a rank that runs */

typedef struct sending {
    struct sending *next;
    MPI_Request request;
    unsigned char bytes[];
} sending;

typedef struct {
    ht_comm base;
    MPI_Comm comm;
    int size, tag;
    sending *under_way;
} transport;

ht_status ht_mpi_fail(int code, const char *doing, ht_error *err)
{
    char text[MPI_MAX_ERROR_STRING] = "unknown error";
    int n = 0;
    MPI_Error_string(code, text, &n);
    return ht_fail(err, HT_ECOMM, "MPI: %s: %s", doing, text);
}

static void reap(transport *t)
{
    for (sending **at = &t->under_way; *at != NULL;) {
        sending *s = *at;
        int done = 0;
        if (MPI_Test(&s->request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS || done) {
            *at = s->next;
            free(s);
        } else {
            at = &s->next;
        }
    }
}

static ht_status start_send(void *self, int to, const void *bytes, size_t n, ht_error *err)
{
    transport *t = self;
    if (to < 0 || to >= t->size)
        return ht_fail(err, HT_EINVAL, "MPI: there is no peer %d among %d", to, t->size);
    if (n > INT_MAX)
        return ht_fail(err, HT_EINVAL, "MPI: a message of %zu bytes is too long", n);
    reap(t);
    sending *s = malloc(sizeof *s + n);
    if (s == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a message of %zu bytes", n);
    memcpy(s->bytes, bytes, n);
    int code = MPI_Isend(s->bytes, (int)n, MPI_BYTE, to, t->tag, t->comm, &s->request);
    if (code != MPI_SUCCESS) {
        free(s);
        return ht_mpi_fail(code, "sending failed", err);
    }
    s->next = t->under_way;
    t->under_way = s;
    return HT_OK;
}

/* A message was matched: fetch it. A sender that dies in the middle must not hang us. */
static ht_status fetch(MPI_Message *message, const MPI_Status *status, double deadline, ht_bytes *out,
                       ht_error *err)
{
    int n = 0, done = 0;
    MPI_Get_count(status, MPI_BYTE, &n);
    unsigned char *data = malloc(n > 0 ? (size_t)n : 1);
    if (data == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a message of %d bytes", n);
    MPI_Request request;
    int code = MPI_Imrecv(data, n, MPI_BYTE, message, &request);
    ht_nap nap = {0};
    while (code == MPI_SUCCESS && (code = MPI_Test(&request, &done, MPI_STATUS_IGNORE)) == MPI_SUCCESS && !done) {
        if (ht_clock_monotonic() > deadline)    /* `data` stays: MPI may still write to it */
            return ht_fail(err, HT_ECOMM, "MPI: rank %d stopped in the middle of a message", status->MPI_SOURCE);
        ht_nap_take(&nap);
    }
    if (code != MPI_SUCCESS) {
        free(data);
        return ht_mpi_fail(code, "receiving failed", err);
    }
    *out = (ht_bytes){data, (size_t)n};
    return HT_OK;
}

static ht_status receive(void *self, double timeout_s, int *from, ht_bytes *out, ht_error *err)
{
    transport *t = self;
    double looked = ht_clock_monotonic(), deadline = looked + timeout_s;
    for (ht_nap nap = {0};; ht_nap_take(&nap)) {
        double now_s = ht_clock_monotonic();
        if (now_s - looked > longest_look_s)    /* we were suspended: that was no time to answer in */
            deadline += now_s - looked;
        looked = now_s;
        int found = 0;
        MPI_Message message;
        MPI_Status status;
        reap(t);
        int code = MPI_Improbe(MPI_ANY_SOURCE, t->tag, t->comm, &found, &message, &status);
        if (code != MPI_SUCCESS)
            return ht_mpi_fail(code, "looking for messages failed", err);
        if (found) {
            *from = status.MPI_SOURCE;
            return fetch(&message, &status, ht_clock_monotonic() + leave_s, out, err);
        }
        if (ht_clock_monotonic() >= deadline)
            return ht_fail(err, HT_ETIMEOUT, "nothing came within %g s", timeout_s);
    }
}

static double now(void *self)
{
    (void)self;
    return ht_clock_monotonic();
}

static void destroy(void *self)
{
    transport *t = self;
    double deadline = ht_clock_monotonic() + leave_s;
    ht_nap nap = {0};
    for (reap(t); t->under_way != NULL && ht_clock_monotonic() < deadline; reap(t))
        ht_nap_take(&nap);
    /* What is still under way goes to a peer that is gone: its buffer belongs to MPI for good. */
    free(t);
}

static const ht_comm_class by_mpi = {start_send, receive, now, destroy};

ht_status ht_comm_mpi_create(MPI_Comm comm, ht_comm **out, ht_error *err)
{
    return ht_comm_mpi_create_tagged(comm, 1, out, err);
}

ht_status ht_comm_mpi_create_tagged(MPI_Comm comm, int tag, ht_comm **out, ht_error *err)
{
    transport *t = calloc(1, sizeof *t);
    if (t == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for an MPI transport");
    t->base.class = &by_mpi;
    t->comm = comm;
    t->tag = tag;
    MPI_Comm_size(comm, &t->size);
    *out = &t->base;
    return HT_OK;
}

int ht_mpi_wait(MPI_Request *request)
{
    int done = 0;
    ht_nap nap = {0};
    for (;;) {
        int code = MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (code != MPI_SUCCESS || done)
            return code;
        ht_nap_take(&nap);
    }
}
