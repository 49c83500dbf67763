/* tests/bench/bench_propose.c - what a proposal costs the coordinator, by length of history and number of
 * families. Prints a table and JSON. A benchmark, not a test: nothing fails here. Aim: 0.2 ms. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "search/posterior.h"

typedef struct {
    size_t observations, families;
    double propose_us, random_us, add_us;
} row;

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static ht_ask ask_for(size_t families)
{
    ht_ask ask = {.phase = "mid", .n = families};
    for (size_t i = 0; i < families; i++) {
        ht_eligible *f = &ask.families[i];
        *f = (ht_eligible){.actuator = "opt", .scale = HT_SCALE_LOG, .n = 1, .lo = {.5}, .hi = {2}, .center = 1};
        snprintf(f->key, sizeof f->key, "family%zu_mult", i);
    }
    return ask;
}

/* Scores with an optimum and noise, over all families and two phases. */
static ht_observation judged(const ht_ask *ask, ht_random *random)
{
    ht_observation o = {.actuator = "opt", .n = 1};
    snprintf(o.phase, sizeof o.phase, ht_random_uniform(random) < .5 ? "mid" : "early");
    snprintf(o.key, sizeof o.key, "%s", ask->families[ht_random_below(random, ask->n)].key);
    o.x[0] = ht_random_between(random, log(.5), log(2));
    o.y = -o.x[0] * o.x[0] + .1 * ht_random_normal(random);
    return o;
}

/* Microseconds of one call, the best of several rounds. */
static double cost(const ht_posterior *p, const ht_recipe *r, const ht_ask *ask, bool by_model)
{
    enum { ROUNDS = 7, CALLS = 2000 };
    double best = INFINITY;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_us();
        for (uint64_t i = 0; i < CALLS; i++) {
            ht_random random = ht_random_stream(0, HT_RANDOM_PROPOSAL, 0, i);
            ht_proposal out;
            if (by_model)
                ht_propose(p, r, ask, &random, &out);
            else
                ht_propose_random(ask, &random, &out);
        }
        best = fmin(best, (now_us() - start) / CALLS);
    }
    return best;
}

static row measure(size_t observations, size_t families)
{
    ht_recipe r = {.search = {.algorithm = HT_SEARCH_TPE, .candidate_count = 24, .phase_conditioned = true,
                              .gamma = .25, .other_phase_weight = .25}};
    ht_ask ask = ask_for(families);
    ht_random random = ht_random_stream(0, HT_RANDOM_TEST, 0, 0);
    ht_posterior *p = NULL;
    if (ht_posterior_create(&p, NULL) != HT_OK)
        abort();
    double start = now_us();
    for (size_t i = 0; i < observations; i++) {
        ht_observation o = judged(&ask, &random);
        ht_posterior_add(p, &o, NULL);
    }
    row result = {observations, families, .add_us = (now_us() - start) / (double)observations};
    result.propose_us = cost(p, &r, &ask, true);
    result.random_us = cost(p, &r, &ask, false);
    ht_posterior_destroy(p);
    return result;
}

int main(void)
{
    static const size_t observations[] = {10, 100, HT_POSTERIOR_CAPACITY}, families[] = {1, 4, 12};
    row rows[9];
    size_t n = 0;
    printf("observations  families  propose [us]  random [us]  add [us]\n");
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 3; k++) {
            row r = rows[n++] = measure(observations[i], families[k]);
            printf("%12zu  %8zu  %12.2f  %11.3f  %8.3f\n", r.observations, r.families, r.propose_us, r.random_us,
                   r.add_us);
        }
    printf("{\"bench\": \"propose\", \"rows\": [");
    for (size_t i = 0; i < n; i++)
        printf("%s{\"observations\": %zu, \"families\": %zu, \"propose_us\": %.3f, \"random_us\": %.4f, "
               "\"add_us\": %.4f}",
               i > 0 ? ", " : "", rows[i].observations, rows[i].families, rows[i].propose_us, rows[i].random_us,
               rows[i].add_us);
    printf("]}\n");
    return 0;
}
