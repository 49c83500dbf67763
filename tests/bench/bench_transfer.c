/* How fast training states travel: mpirun -n 9 bench_transfer.
 *
 * exploit: 64 MiB from replica 0 to replica 1, until the sender knows that they are there, against MPI_Send
 * and MPI_Recv of the same buffers in one piece with an answer of one byte, and against half a ping-pong.
 * merge: the mean of 8 states of 16 MiB of float32, counted as the bytes that any algorithm must touch: each
 * state read once, the mean written once; 9 * 16 MiB. The memory bandwidth is that of the same sum without
 * any transfer: as many processes as there are cores each add their share of 8 arrays of their own into a
 * ninth, all at once. `copying` is the limit for messages: 7 states copied by MPI and the sum, on all cores
 * without a pause. Best of rounds that follow each other, since others may use the machine. Ranks that are
 * not concerned sleep. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "comm/clock.h"
#include "comm/mean.h"
#include "comm/mpi_comm.h"
#include "comm/mpi_transfer.h"

enum { ROUNDS = 21, MEMBERS = 8 };
static const size_t exploit_bytes = (size_t)64 << 20, merge_bytes = (size_t)16 << 20;
static const double patience_s = 60;

static int rank;

static void meet(void)
{
    MPI_Request request;
    MPI_Ibarrier(MPI_COMM_WORLD, &request);
    ht_mpi_wait(&request);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* GB/s of ROUNDS rounds that ended at ends[1..], the first of which began at ends[0]. */
static double rate(const double ends[ROUNDS + 1], size_t bytes)
{
    double took[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        took[i] = ends[i + 1] - ends[i];
    qsort(took, ROUNDS, sizeof *took, by_size);
    return 1e-9 * (double)bytes / took[0];
}

static void check(ht_status st, const ht_error *err)
{
    if (st != HT_OK) {
        fprintf(stderr, "rank %d: %s\n", rank, err->text);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
}

static void *filled(size_t bytes)
{
    float *x = malloc(bytes);
    for (size_t i = 0; x != NULL && i < bytes / sizeof *x; i++)
        x[i] = (float)(i % 1000) + (float)rank;
    return x;
}

/* Rank 1 knows the result. */
static double raw(void *buffer, bool pings)
{
    double ends[ROUNDS + 1];
    int n = (int)exploit_bytes, answer = pings ? n : 1;
    for (int i = 0; i <= ROUNDS && (rank == 1 || rank == 2); i++) {
        if (rank == 1)
            MPI_Send(buffer, n, MPI_BYTE, 2, 9, MPI_COMM_WORLD);
        MPI_Recv(buffer, rank == 2 ? n : answer, MPI_BYTE, 3 - rank, 9, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        if (rank == 2)
            MPI_Send(buffer, answer, MPI_BYTE, 1, 9, MPI_COMM_WORLD);
        ends[i] = ht_clock_monotonic();
    }
    meet();
    return rank == 1 ? rate(ends, pings ? 2 * exploit_bytes : exploit_bytes) : 0;
}

static double exploit(void *buffer, size_t chunk, bool checks)
{
    double ends[ROUNDS + 1];
    ht_carrier *c;
    ht_error err;
    ht_span span = {buffer, exploit_bytes / sizeof(float), HT_FLOAT32, HT_AVERAGE};
    check(ht_transfer_create(MPI_COMM_WORLD, chunk, checks, patience_s, &c, &err), &err);
    for (int i = 0; i <= ROUNDS && (rank == 1 || rank == 2); i++) {
        check(rank == 1 ? c->class->send(c, 1 + (unsigned long)i, 1, 1, &span, &err)
                        : c->class->receive(c, 1 + (unsigned long)i, 0, 1, &span, &err),
              &err);
        ends[i] = ht_clock_monotonic();
    }
    meet();
    ht_transfer_destroy(c);
    return rank == 1 ? rate(ends, exploit_bytes) : 0;
}

/* Rank MEMBERS, the last member, knows the result. */
static double merge(void *buffer, size_t chunk, bool checks)
{
    static const int members[MEMBERS] = {0, 1, 2, 3, 4, 5, 6, 7};
    double ends[ROUNDS + 1];
    ht_carrier *c;
    ht_error err;
    ht_span span = {buffer, merge_bytes / sizeof(float), HT_FLOAT32, HT_AVERAGE};
    check(ht_transfer_create(MPI_COMM_WORLD, chunk, checks, patience_s, &c, &err), &err);
    for (int i = 0; i <= ROUNDS && rank > 0; i++) {
        check(c->class->mean(c, 1 + (unsigned long)i, MEMBERS, members, 1, &span, &err), &err);
        ends[i] = ht_clock_monotonic();
    }
    meet();
    ht_transfer_destroy(c);
    return rank == MEMBERS ? rate(ends, (MEMBERS + 1) * merge_bytes) : 0;
}

/* Rank MEMBERS knows the result: the bytes of all that are active, in the time of one of them. */
static double memory(int active)
{
    double ends[ROUNDS + 1] = {0};
    size_t n = merge_bytes / sizeof(float) / (size_t)active;
    if (rank > MEMBERS - active) {
        float *own = filled(n * sizeof *own);
        ht_mean_operand others[MEMBERS - 1];
        for (int i = 0; i < MEMBERS - 1; i++)
            others[i] = (ht_mean_operand){filled(n * sizeof *own), false};
        for (int i = 0; i <= ROUNDS; i++) {
            ht_mean_sum(HT_FLOAT32, n, own, MEMBERS - 1, others, MEMBERS, own);
            ends[i] = ht_clock_monotonic();
        }
        for (int i = 0; i < MEMBERS - 1; i++)
            free((void *)others[i].data);
        free(own);
    }
    meet();
    return rank == MEMBERS ? rate(ends, (MEMBERS + 1) * merge_bytes) : 0;
}

/* Bring a number to rank 0. */
static double from(int source, double x)
{
    MPI_Request request;
    if (rank == source) {
        MPI_Isend(&x, 1, MPI_DOUBLE, 0, 8, MPI_COMM_WORLD, &request);
        ht_mpi_wait(&request);
    } else if (rank == 0) {
        MPI_Irecv(&x, 1, MPI_DOUBLE, source, 8, MPI_COMM_WORLD, &request);
        ht_mpi_wait(&request);
    }
    return x;
}

int main(int argc, char **argv)
{
    int size;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (size != MEMBERS + 1) {
        if (rank == 0)
            fprintf(stderr, "bench_transfer: start it with mpirun -n %d\n", MEMBERS + 1);
        MPI_Finalize();
        return 1;
    }
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int active = cores < MEMBERS ? (int)cores : MEMBERS;
    void *state = filled(exploit_bytes);
    double one = from(1, raw(state, false)), ping = from(1, raw(state, true)),
           sum = from(MEMBERS, memory(active));
    double most = one > ping ? one : ping;
    double copying = (MEMBERS + 1) / ((MEMBERS - 1) / (active * most) + (MEMBERS + 1) / sum);
    if (rank == 0)
        printf("GB/s                    exploit  of raw MPI    merge  of memory\n"
               "MPI in one piece        %7.2f\nMPI ping-pong           %7.2f\n"
               "sum in memory                                %6.2f\n"
               "copying                                      %6.2f    %5.0f %%\n",
               one, ping, sum, copying, 100 * copying / sum);
    double usual[2] = {0};
    for (int checks = 0; checks < 2; checks++)
        for (size_t chunk = 1 << 16; chunk <= 4 << 20; chunk *= 2) {
            double e = from(1, exploit(state, chunk, checks)), m = from(MEMBERS, merge(state, chunk, checks));
            if (rank == 0)
                printf("%5zu KiB chunks%-8s %7.2f     %5.0f %%   %6.2f    %5.0f %%\n", chunk >> 10,
                       checks ? ", checks" : "", e, 100 * e / most, m, 100 * m / sum);
            if (!checks && chunk == 256 << 10)
                usual[0] = e, usual[1] = m;
        }
    if (rank == 0)
        printf("{\"mpi_gb_s\": %.3f, \"memory_gb_s\": %.3f, \"exploit_gb_s\": %.3f, \"merge_gb_s\": %.3f, "
               "\"exploit\": %.3f, \"merge\": %.3f}\n",
               most, sum, usual[0], usual[1], usual[0] / most, usual[1] / sum);
    free(state);
    MPI_Finalize();
    return 0;
}
