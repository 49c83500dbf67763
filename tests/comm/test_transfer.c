/* Training states between replicas over MPI. Run with 3, 5 and 9 ranks: rank 0 is nobody's replica.
 *
 * MPI_Isend goes through this file, so that a case can damage or delay chunks (tag 3) on their way. */
#include "comm/mpi_transfer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "comm/mean.h"
#include "comm/mpi_case.h"

enum { CHUNK_TAG = 3, HELD_MAX = 64 };
static const double patient_s = 20, short_s = .2, mean_s = 2;

static struct {
    enum { PASS, DAMAGE, HOLD } what;
    size_t n;
    struct {
        void *bytes;
        int n, to;
        MPI_Comm comm;
    } held[HELD_MAX];
} network;

int MPI_Isend(const void *bytes, int n, MPI_Datatype type, int to, int tag, MPI_Comm comm,
              MPI_Request *request)
{
    if (tag != CHUNK_TAG || network.what == PASS)
        return PMPI_Isend(bytes, n, type, to, tag, comm, request);
    void *copy = malloc((size_t)n);
    memcpy(copy, bytes, (size_t)n);
    if (network.what == DAMAGE) {
        ((unsigned char *)copy)[n / 2] ^= 1;
        int code = PMPI_Send(copy, n, type, to, tag, comm);
        free(copy);
        *request = MPI_REQUEST_NULL;
        return code;
    }
    network.held[network.n].bytes = copy;
    network.held[network.n].n = n;
    network.held[network.n].to = to;
    network.held[network.n++].comm = comm;
    *request = MPI_REQUEST_NULL;
    return MPI_SUCCESS;
}

static void let_go(void)
{
    MPI_Request request;
    network.what = PASS;
    for (size_t i = 0; i < network.n; i++) { /* small enough to leave at once */
        PMPI_Isend(network.held[i].bytes, network.held[i].n, MPI_BYTE, network.held[i].to, CHUNK_TAG,
                   network.held[i].comm, &request);
        PMPI_Wait(&request, MPI_STATUS_IGNORE);
        free(network.held[i].bytes);
    }
    network.n = 0;
}

static ht_carrier *opened(MPI_Comm comm, size_t chunk, bool checks, double patience_s)
{
    ht_carrier *c = NULL;
    MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
    return ht_transfer_create(comm, chunk, checks, patience_s, &c, NULL) == HT_OK ? c : NULL;
}

static void fill(void *data, size_t bytes, unsigned seed)
{
    uint64_t x = seed * 7919u + 1;
    for (size_t i = 0; i < bytes; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        ((unsigned char *)data)[i] = (unsigned char)(x >> 56);
    }
}

static void sizes_and_spans_of_any_kind_arrive_as_they_were(MPI_Comm comm, int rank, int size, int *failures)
{
    static const size_t counts[][3] = {{0, 0, 0},    {1, 0, 0},         {0, 1, 0},
                                       {63, 64, 65}, {1000, 3, 100000}, {64, 128, 0}};
    unsigned long number = 0;
    for (int checks = 0; checks < 2; checks++) {
        ht_carrier *c = opened(comm, 64, checks, patient_s);
        CHECK(c != NULL);
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            unsigned char bytes[1000 + 1] = {0}, right[1000 + 1] = {0};
            double reals[128] = {0}, right_reals[128] = {0};
            uint16_t *words = calloc(100001, 2), *right_words = calloc(100001, 2);
            fill(right, counts[i][0], 1);
            fill(right_reals, counts[i][1] * 8, 2);
            fill(right_words, counts[i][2] * 2, 3);
            bool sends = rank == 2, takes = rank == 1;
            ht_span spans[] = {
                {sends ? right : bytes, counts[i][0], HT_BYTES, HT_COPY},
                {sends ? right_reals : reals, counts[i][1], HT_FLOAT64, HT_AVERAGE},
                {sends ? right_words : words, counts[i][2], HT_BFLOAT16, HT_AVERAGE},
            };
            number++;
            if (sends)
                CHECK(c->class->send(c, number, 0, 3, spans, NULL) == HT_OK);
            if (takes) {
                CHECK(c->class->receive(c, number, 1, 3, spans, NULL) == HT_OK);
                CHECK(memcmp(bytes, right, sizeof bytes) == 0 &&
                      memcmp(reals, right_reals, sizeof reals) == 0);
                CHECK(memcmp(words, right_words, 200002) == 0);
            }
            free(words);
            free(right_words);
        }
        CHECK(rank != 2 || c->class->send(c, ++number, 0, 0, NULL, NULL) == HT_OK); /* no spans */
        CHECK(rank != 1 || c->class->receive(c, ++number, 1, 0, NULL, NULL) == HT_OK);
        ht_transfer_destroy(c);
        MPI_Barrier(comm);
    }
}

static void a_large_state_arrives_in_chunks_of_the_usual_size(MPI_Comm comm, int rank, int size,
                                                              int *failures)
{
    enum { N = (9 << 20) + 1 };
    ht_carrier *c = opened(comm, 0, true, patient_s);
    unsigned char *right = malloc(N), *got = calloc(1, N);
    fill(right, N, 5);
    ht_span span = {rank == 1 ? right : got, N, HT_BYTES, HT_COPY};
    if (rank == 1)
        CHECK(c->class->send(c, 1, 1, 1, &span, NULL) == HT_OK);
    if (rank == 2)
        CHECK(c->class->receive(c, 1, 0, 1, &span, NULL) == HT_OK && memcmp(got, right, N) == 0);
    free(right);
    free(got);
    ht_transfer_destroy(c);
}

static void disjoint_transfers_run_at_once(MPI_Comm comm, int rank, int size, int *failures)
{
    enum { N = 3000000 };
    ht_carrier *c = opened(comm, 4096, true, patient_s);
    int self = rank - 1, peer = self ^ 1;
    unsigned char *right = malloc(N), *got = calloc(1, N);
    fill(right, N, (unsigned)(self | 1));
    ht_span span = {self % 2 == 1 ? right : got, N, HT_BYTES, HT_COPY};
    if (self >= 0 && self % 2 == 1)
        CHECK(c->class->send(c, 1 + (unsigned long)self / 2, peer, 1, &span, NULL) == HT_OK);
    if (self >= 0 && self % 2 == 0 && peer < size - 1)
        CHECK(c->class->receive(c, 1 + (unsigned long)self / 2, peer, 1, &span, NULL) == HT_OK &&
              memcmp(got, right, N) == 0);
    free(right);
    free(got);
    ht_transfer_destroy(c);
}

/* ---- means ----------------------------------------------------------------------------------- */

enum { ELEMENTS = 5003 };

/* Members differ by orders of magnitude, so that another order of the sum gives other bits. */
static double value(size_t member, size_t i)
{
    static const double scale[] = {1, 1e-3, 1e4, -1, 1e-6, 37, -1e4, 3e-2};
    uint64_t x = (member * 1000003 + i + 1) * 0x9e3779b97f4a7c15u;
    return scale[(member + i) % 8] * (double)(x >> 40) / (double)(1 << 24);
}

static uint16_t bf16(double x)
{
    float single = (float)x;
    uint32_t bits;
    memcpy(&bits, &single, 4);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static float single(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float y;
    memcpy(&y, &bits, 4);
    return y;
}

typedef struct {
    float f32[ELEMENTS];
    double f64[ELEMENTS];
    uint16_t bf16[ELEMENTS];
    int64_t steps[3];
} state;

static void set(state *s, size_t member)
{
    for (size_t i = 0; i < ELEMENTS; i++) {
        s->f32[i] = (float)value(member, i);
        s->f64[i] = value(member, i + 7);
        s->bf16[i] = bf16(value(member, i + 13));
    }
    for (size_t i = 0; i < 3; i++)
        s->steps[i] = (int64_t)(member * 10 + i);
}

/* The sum of members [first, last) as the contract says it: in halves, the left one a power of two. */
static double serial(int kind, size_t first, size_t last, size_t i)
{
    if (last - first == 1) {
        double x = value(first, i + (kind == 0 ? 0 : kind == 1 ? 7 : 13));
        return kind == 0 ? (double)(float)x : kind == 1 ? x : (double)single(bf16(x));
    }
    size_t left = 1;
    while (left * 2 < last - first)
        left *= 2;
    double a = serial(kind, first, first + left, i), b = serial(kind, first + left, last, i);
    return kind == 1 ? a + b : (double)((float)a + (float)b);
}

static bool is_mean(const state *s, size_t m)
{
    bool same = true;
    for (size_t i = 0; i < ELEMENTS; i++) {
        float f32 = (float)serial(0, 0, m, i) / (float)m;
        double f64 = serial(1, 0, m, i) / (double)m;
        same &= memcmp(&f32, &s->f32[i], 4) == 0 && memcmp(&f64, &s->f64[i], 8) == 0 &&
                s->bf16[i] == bf16((float)serial(2, 0, m, i) / (float)m);
    }
    return same;
}

static void a_mean_has_the_bits_of_the_pairwise_sum_and_lands_in_the_last_member(MPI_Comm comm, int rank,
                                                                                 int size, int *failures)
{
    state *mine = malloc(sizeof *mine), *before = malloc(sizeof *before);
    ht_span spans[] = {{mine->f32, ELEMENTS, HT_FLOAT32, HT_AVERAGE},
                       {mine->steps, 3, HT_INT64, HT_COPY},
                       {mine->f64, ELEMENTS, HT_FLOAT64, HT_AVERAGE},
                       {mine->bf16, ELEMENTS, HT_BFLOAT16, HT_AVERAGE},
                       {mine->f64, 0, HT_FLOAT64, HT_AVERAGE}};
    unsigned long number = 0;
    for (int checks = 0; checks < 2; checks++) {
        ht_carrier *c = opened(comm, checks ? 0 : 256, checks, patient_s);
        for (size_t m = 1; m <= (size_t)size - 1; m++) {
            int members[64];
            for (size_t i = 0; i < m; i++) /* not in the order of replicas */
                members[i] = size - 2 - (int)i;
            size_t self = (size_t)(size - 1 - rank);
            number++;
            if (rank == 0 || self >= m)
                continue;
            set(mine, self);
            memset(before, 0, sizeof *before);
            set(before, self);
            CHECK(c->class->mean(c, number, m, members, 5, spans, NULL) == HT_OK);
            CHECK(memcmp(mine->steps, before->steps, sizeof mine->steps) == 0);
            if (self == m - 1)
                CHECK(is_mean(mine, m));
            else
                CHECK(memcmp(mine->f32, before->f32, sizeof mine->f32) == 0 &&
                      memcmp(mine->f64, before->f64, sizeof mine->f64) == 0 &&
                      memcmp(mine->bf16, before->bf16, sizeof mine->bf16) == 0);
        }
        ht_transfer_destroy(c);
        MPI_Barrier(comm);
    }
    free(mine);
    free(before);
}

/* ---- failures -------------------------------------------------------------------------------- */

static void a_peer_that_never_comes_costs_the_patience_and_the_next_transfer_works(MPI_Comm comm, int rank,
                                                                                   int size, int *failures)
{
    ht_carrier *c = opened(comm, 64, true, short_s), *later = NULL;
    unsigned char bytes[1000] = {0}, right[1000];
    int members[] = {0, 1};
    float x = 3;
    ht_error err = {""};
    fill(right, sizeof right, 1);
    ht_span span = {rank == 1 ? right : bytes, sizeof right, HT_BYTES, HT_COPY};
    ht_span average = {&x, 1, HT_FLOAT32, HT_AVERAGE};
    if (rank == 1) {
        CHECK(c->class->send(c, 1, 1, 1, &span, &err) == HT_ETIMEOUT);
        CHECK(strstr(err.text, "0 of 1000 bytes went to replica 1") != NULL);
        CHECK(c->class->receive(c, 2, 1, 1, &span, &err) == HT_ETIMEOUT);
        CHECK(strstr(err.text, "0 of 1000 bytes went here from replica 1") != NULL);
        CHECK(c->class->mean(c, 3, 2, members, 1, &average, &err) == HT_ETIMEOUT && x == 3);
    }
    MPI_Barrier(comm);
    ht_error late = {""};
    if (rank == 2) { /* everybody else has left these */
        CHECK(c->class->receive(c, 1, 0, 1, &span, &late) == HT_ECOMM);
        CHECK(strstr(late.text, "replica 0") != NULL);
    }
    MPI_Barrier(comm);
    ht_transfer_destroy(c);
    later = opened(comm, 64, true, patient_s);
    if (rank == 1)
        CHECK(later->class->send(later, 4, 1, 1, &span, NULL) == HT_OK);
    if (rank == 2)
        CHECK(later->class->receive(later, 4, 0, 1, &span, NULL) == HT_OK &&
              memcmp(bytes, right, sizeof right) == 0);
    ht_transfer_destroy(later);
}

static void a_mean_that_misses_a_member_fails_at_the_last_and_the_next_one_is_right(MPI_Comm comm, int rank,
                                                                                    int size, int *failures)
{
    enum { N = 5000 };
    ht_carrier *c = opened(comm, 64, true, mean_s);
    int self = rank - 1, m = size - 1;
    int members[64];
    float *x = malloc(N * sizeof *x);
    ht_span span = {x, N, HT_FLOAT32, HT_AVERAGE};
    ht_error err = {""};
    for (int i = 0; i < 64; i++)
        members[i] = i;
    for (int i = 0; i < N; i++)
        x[i] = (float)self;
    if (rank > 0 && self != 1) {
        ht_status st = c->class->mean(c, 1, (size_t)m, members, 1, &span, &err);
        CHECK(st == HT_ETIMEOUT || st == HT_ECOMM ||
              (self > 1 && self < m - 1)); /* their parents may have all */
    }
    MPI_Barrier(comm);
    for (int i = 0; i < N; i++)
        x[i] = (float)self;
    if (rank > 0) /* with the same ends: what is left of the first mean is in the way */
        CHECK(c->class->mean(c, 2, (size_t)m, members, 1, &span, &err) == HT_OK);
    for (int i = 0; i < N && self == m - 1; i++)
        CHECK(x[i] == (float)(m - 1) / 2);
    free(x);
    ht_transfer_destroy(c);
}

static void late_chunks_of_an_aborted_transfer_are_not_taken_for_the_next(MPI_Comm comm, int rank, int size,
                                                                          int *failures)
{
    enum { N = 300 };
    ht_carrier *c = opened(comm, 64, false, short_s);
    unsigned char bytes[N] = {0}, old[N], right[N];
    fill(old, N, 1);
    fill(right, N, 2);
    ht_span spans[] = {{rank == 1 ? old : bytes, N, HT_BYTES, HT_COPY},
                       {rank == 1 ? right : bytes, N, HT_BYTES, HT_COPY}};
    network.what = HOLD;
    ht_status first = HT_ETIMEOUT;
    if (rank == 1)
        first = c->class->send(c, 1, 1, 1, &spans[0], NULL);
    if (rank == 2)
        first = c->class->receive(c, 1, 0, 1, &spans[0], NULL);
    CHECK(first == HT_ETIMEOUT || (rank > 0 && first == HT_ECOMM)); /* the first of both tells the other */
    MPI_Barrier(comm);
    let_go();
    MPI_Barrier(comm);
    for (unsigned long number = 2; number < 4; number++) {
        if (rank == 1)
            CHECK(c->class->send(c, number, 1, 1, &spans[1], NULL) == HT_OK);
        if (rank == 2)
            CHECK(c->class->receive(c, number, 0, 1, &spans[1], NULL) == HT_OK &&
                  memcmp(bytes, right, N) == 0);
        memset(bytes, 0, N);
    }
    ht_transfer_destroy(c);
}

static void a_checksum_finds_what_was_damaged_on_its_way(MPI_Comm comm, int rank, int size, int *failures)
{
    enum { N = 1000 };
    ht_carrier *c = opened(comm, 256, true, patient_s);
    unsigned char bytes[N];
    ht_error err = {""};
    fill(bytes, N, 1);
    ht_span span = {bytes, N, HT_BYTES, HT_COPY};
    network.what = DAMAGE;
    if (rank == 1)
        CHECK(c->class->send(c, 1, 1, 1, &span, &err) == HT_ECOMM &&
              strstr(err.text, "replica 1 gave up") != NULL);
    if (rank == 2)
        CHECK(c->class->receive(c, 1, 0, 1, &span, &err) == HT_ECOMM && strstr(err.text, "damaged") != NULL);
    network.what = PASS;
    if (rank == 1)
        CHECK(c->class->send(c, 2, 1, 1, &span, NULL) == HT_OK);
    if (rank == 2)
        CHECK(c->class->receive(c, 2, 0, 1, &span, NULL) == HT_OK);
    ht_transfer_destroy(c);
}

static void states_of_different_layout_are_refused_at_both_ends(MPI_Comm comm, int rank, int size,
                                                                int *failures)
{
    ht_carrier *c = opened(comm, 64, false, patient_s);
    unsigned char bytes[100] = {0};
    ht_error err = {""};
    ht_span span = {bytes, rank == 1 ? 100 : 99, HT_BYTES, HT_COPY};
    if (rank == 1)
        CHECK(c->class->send(c, 1, 1, 1, &span, &err) == HT_ECOMM &&
              strstr(err.text, "99 bytes there, 100 here"));
    if (rank == 2)
        CHECK(c->class->receive(c, 1, 0, 1, &span, &err) == HT_ECOMM);
    ht_transfer_destroy(c);
}

static void impossible_peers_members_and_chunks_are_refused(MPI_Comm comm, int rank, int size, int *failures)
{
    ht_carrier *c = opened(comm, 0, false, patient_s), *none = NULL;
    int self = rank - 1, others[] = {size};
    ht_error err = {""};
    if (rank > 0) {
        CHECK(c->class->send(c, 1, self, 0, NULL, &err) == HT_EINVAL);
        CHECK(c->class->send(c, 1, size - 1, 0, NULL, &err) == HT_EINVAL &&
              strstr(err.text, "cannot exchange"));
        CHECK(c->class->mean(c, 1, 0, others, 0, NULL, &err) == HT_EINVAL);
        CHECK(c->class->mean(c, 1, 1, others, 0, NULL, &err) == HT_EINVAL);
    }
    CHECK(ht_transfer_create(comm, 7, false, 1, &none, &err) == HT_EINVAL && none == NULL);
    ht_transfer_destroy(c);
    ht_transfer_destroy(NULL);
}

MPI_CASES(MPI_CASE(sizes_and_spans_of_any_kind_arrive_as_they_were),
          MPI_CASE(a_large_state_arrives_in_chunks_of_the_usual_size),
          MPI_CASE(disjoint_transfers_run_at_once),
          MPI_CASE(a_mean_has_the_bits_of_the_pairwise_sum_and_lands_in_the_last_member),
          MPI_CASE(a_peer_that_never_comes_costs_the_patience_and_the_next_transfer_works),
          MPI_CASE(a_mean_that_misses_a_member_fails_at_the_last_and_the_next_one_is_right),
          MPI_CASE(late_chunks_of_an_aborted_transfer_are_not_taken_for_the_next),
          MPI_CASE(a_checksum_finds_what_was_damaged_on_its_way),
          MPI_CASE(states_of_different_layout_are_refused_at_both_ends),
          MPI_CASE(impossible_peers_members_and_chunks_are_refused))
