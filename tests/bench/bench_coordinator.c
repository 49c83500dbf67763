/* How many reports a second the coordinator takes: each with a judged segment, answered by a DIRECTIVE and
 * followed by an OUTCOME with a new mutation and a window; all messages and records are drained. Prints a
 * table and JSON. A benchmark, not a test: nothing fails here. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "population/coordinator.h"
#include "population/samples.h"

enum { REPLICAS = 64, ROUNDS = 7 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A replica's mutations are numbered 1, 2, 1, 2, ..: for the coordinator each is a new one. */
static ht_bytes report(unsigned long judged, bool asks)
{
    static ht_packet m;
    ht_bytes bytes = {0};
    m.kind = HT_MESSAGE_REPORT;
    m.as.report = (ht_report){.decision = judged, .step = 100, .epoch = 1, .total_steps = 1000,
                              .readings = sample_readings(.5), .mode = HT_MODE_ACTIVE, .has_segment = true,
                              .segment = sample_segment(judged, judged, HT_DECISION_ACCEPTED),
                              .judged = sample_mutation(judged, HT_MUTATION_ACCEPTED), .asks = asks,
                              .ask = sample_ask()};
    ht_packet_encode(&m, &bytes);
    return bytes;
}

static ht_bytes outcome(unsigned long made)
{
    static ht_packet m;
    ht_bytes bytes = {0};
    m.kind = HT_MESSAGE_OUTCOME;
    m.as.outcome = (ht_outcome){.decision = made, .n_made = 1, .has_window = true, .window = sample_window()};
    m.as.outcome.made[0] = sample_mutation(made, HT_MUTATION_APPLIED);
    m.as.outcome.window.active = made;
    ht_packet_encode(&m, &bytes);
    return bytes;
}

static void drain(ht_coordinator *c)
{
    static ht_record record;
    ht_bytes bytes;
    int replica;
    while (ht_coordinator_next_message(c, &replica, &bytes))
        free(bytes.data);
    while (ht_coordinator_next_record(c, &record))
        ht_record_release(&record);
}

static void receive(ht_coordinator *c, int replica, const ht_bytes *bytes)
{
    ht_coordinator_receive(c, 0, replica, bytes->data, bytes->n);
    drain(c);
}

/* Reports a second; the best of several rounds of n reports. */
static double rate(const char *search, bool asks, int n)
{
    char text[256];
    ht_recipe *recipe = NULL;
    ht_coordinator *c = NULL;
    ht_error err = {""};
    double best = 0;
    ht_bytes reports[2] = {report(1, asks), report(2, asks)}, outcomes[2] = {outcome(2), outcome(1)};
    snprintf(text, sizeof text,
             "{\"search\": {\"algorithm\": \"%s\"}, \"population\": {\"sync\": \"elastic\"}}", search);
    if (ht_recipe_parse(text, "bench", &recipe, &err) != HT_OK ||
        ht_coordinator_create(&(ht_coordinator_options){.n_replicas = REPLICAS, .recipe = recipe,
                                                        .mode = HT_MODE_ACTIVE}, &c, &err) != HT_OK) {
        fprintf(stderr, "bench_coordinator: %s\n", err.text);
        exit(1);
    }
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        for (int i = 0; i < n; i++) {
            int odd = i / REPLICAS % 2;
            receive(c, i % REPLICAS, &reports[odd]);
            receive(c, i % REPLICAS, &outcomes[odd]);
        }
        double rate = n / (now() - start);
        best = rate > best ? rate : best;
    }
    ht_coordinator_destroy(c);
    ht_recipe_destroy(recipe);
    for (int i = 0; i < 2; i++) {
        free(reports[i].data);
        free(outcomes[i].data);
    }
    return best;
}

int main(void)
{
    double silent = rate("random", false, 100000), drawn = rate("random", true, 100000),
           tpe = rate("tpe", true, 2000);
    printf("reports a second through the coordinator (%d replicas, one core)\n"
           "  that ask nothing           %9.0f\n  that ask, random proposals %9.0f\n"
           "  that ask, TPE, 600 known   %9.0f   (%.3f ms each)\n", REPLICAS, silent, drawn, tpe, 1e3 / tpe);
    printf("{\"bench\": \"coordinator\", \"replicas\": %d, \"silent_per_s\": %.0f, \"random_per_s\": %.0f, "
           "\"tpe_per_s\": %.0f}\n", REPLICAS, silent, drawn, tpe);
    return 0;
}
