/* The MPI transport: order, bounded waits, large messages, many senders. Run with 1, 2, 3 and 5 ranks. */
#include "comm/mpi_comm.h"

#include <stdlib.h>
#include <string.h>

#include "comm/mpi_case.h"

static void reports_arrive_in_order_and_silence_costs_a_bounded_wait(MPI_Comm comm, int rank, int size,
                                                                     int *failures)
{
    ht_comm *c = NULL;
    unsigned next[64] = {0};
    CHECK(ht_comm_mpi_create(comm, &c, NULL) == HT_OK);
    for (unsigned i = 0; rank > 0 && i < 100; i++)
        CHECK(ht_comm_send(c, 0, &i, sizeof i, NULL) == HT_OK);
    for (int left = rank == 0 ? 100 * (size - 1) : 0; left > 0; left--) {
        int from = -1;
        ht_bytes got = {0};
        CHECK(ht_comm_receive(c, 5, &from, &got, NULL) == HT_OK);
        unsigned value = 0;
        if (got.n == sizeof value)
            memcpy(&value, got.data, sizeof value);
        CHECK(from > 0 && value == next[from]++);
        free(got.data);
    }
    int from;
    ht_bytes none;
    CHECK(ht_comm_receive(c, 0.05, &from, &none, NULL) == HT_ETIMEOUT);
    MPI_Barrier(comm);
    ht_comm_destroy(c);
}

static void a_message_beyond_the_eager_limit_arrives_whole(MPI_Comm comm, int rank, int size, int *failures)
{
    enum { N = 3 << 20 };
    ht_comm *c = NULL;
    unsigned char *big = malloc(N);
    CHECK(big != NULL && ht_comm_mpi_create(comm, &c, NULL) == HT_OK);
    for (size_t i = 0; i < N; i++)
        big[i] = (unsigned char)(i * 31 + 7);
    if (rank > 0)
        CHECK(ht_comm_send(c, 0, big, N, NULL) == HT_OK);
    for (int left = rank == 0 ? size - 1 : 0; left > 0; left--) {
        int from = -1;
        ht_bytes got = {0};
        CHECK(ht_comm_receive(c, 10, &from, &got, NULL) == HT_OK);
        CHECK(got.n == N && memcmp(got.data, big, N) == 0);
        free(got.data);
    }
    ht_comm_destroy(c);     /* the sender waits here until its message is fetched */
    free(big);
}

static void a_peer_that_does_not_exist_is_refused(MPI_Comm comm, int rank, int size, int *failures)
{
    ht_comm *c = NULL;
    ht_error err = {""};
    CHECK(ht_comm_mpi_create(comm, &c, NULL) == HT_OK);
    CHECK(ht_comm_send(c, size, "x", 1, &err) == HT_EINVAL && strstr(err.text, "no peer") != NULL);
    (void)rank;
    ht_comm_destroy(c);
}

MPI_CASES(MPI_CASE(reports_arrive_in_order_and_silence_costs_a_bounded_wait),
          MPI_CASE(a_message_beyond_the_eager_limit_arrives_whole),
          MPI_CASE(a_peer_that_does_not_exist_is_refused))
