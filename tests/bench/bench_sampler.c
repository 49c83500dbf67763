/* What one ask and one tell of the sampler cost by length of history and number of parameters (time of the
 * processor, not of the clock on the wall), and what the sampler holds. Prints a table and JSON. A benchmark,
 * not a test: nothing fails here. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/random.h"
#include "search/sampler.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A bowl with its bottom off the centre. */
static double bowl(size_t n, const ht_point *p)
{
    double sum = 0;
    for (size_t d = 0; d < n; d++)
        sum += (p->u[d] - .3 - .02 * (double)d) * (p->u[d] - .3 - .02 * (double)d);
    return sum;
}

static void make_space(size_t n, ht_space *space)
{
    char text[4096];
    int at = snprintf(text, sizeof text, "{\"parameters\": {");
    for (size_t d = 0; d < n; d++)
        at += snprintf(text + at, sizeof text - (size_t)at, "%s\"x%zu\": {\"type\": \"float\", \"low\": 0, \"high\": 1}",
                       d > 0 ? ", " : "", d);
    snprintf(text + at, sizeof text - (size_t)at, "}}");
    ht_error err = {""};
    if (ht_space_parse(text, "bench", space, &err) != HT_OK) {
        fprintf(stderr, "bench_sampler: %s\n", err.text);
        exit(1);
    }
}

typedef struct {
    double mean_us, median_us, tell_us;
    size_t bytes;
} cost;

/* Mean and median over asks that follow `history` results, each told before the next ask. */
static cost measure(const ht_space *space, unsigned long history)
{
    enum { ASKS = 3000 };
    static double us[ASKS];
    ht_sampler *s = NULL;
    if (ht_sampler_create(space, 1, false, &s, NULL) != HT_OK)
        exit(1);
    ht_random random = ht_random_stream(1, HT_RANDOM_TEST, 0, 0);
    for (unsigned long i = 0; i < history; i++) {
        ht_point p = {{0}};
        for (size_t d = 0; d < space->n; d++)
            p.u[d] = ht_random_uniform(&random);
        ht_sampler_add(s, &p, bowl(space->n, &p), NULL);
    }
    cost c = {0};
    for (size_t i = 0; i < ASKS; i++) {
        unsigned long id = 0;
        ht_point p;
        double start = now();
        ht_sampler_ask(s, &id, &p, NULL);
        double asked = now();
        ht_sampler_tell(s, id, bowl(space->n, &p), NULL);
        c.tell_us += 1e6 * (now() - asked) / ASKS;
        us[i] = 1e6 * (asked - start);
        c.mean_us += us[i] / ASKS;
    }
    qsort(us, ASKS, sizeof *us, by_size);
    c.median_us = us[ASKS / 2];
    ht_sampler_state state;
    ht_sampler_peek(s, &state);
    c.bytes = state.bytes;
    ht_sampler_destroy(s);
    return c;
}

int main(void)
{
    static const size_t widths[] = {4, 12};
    static const unsigned long histories[] = {100, 10000, 1000000};
    char json[2048] = "";
    int at = 0;
    printf("one ask\nparameters  history   mean us  median us   tell us      bytes\n");
    for (size_t w = 0; w < 2; w++) {
        ht_space space = {0};
        make_space(widths[w], &space);
        for (size_t h = 0; h < 3; h++) {
            cost c = measure(&space, histories[h]);
            printf("%10zu %8lu %9.1f %10.1f %9.2f %10zu\n", widths[w], histories[h], c.mean_us, c.median_us, c.tell_us, c.bytes);
            at += snprintf(json + at, sizeof json - (size_t)at,
                           "%s{\"parameters\": %zu, \"history\": %lu, \"ask_us\": %.2f, \"median_us\": %.2f, \"tell_us\": %.3f, "
                           "\"bytes\": %zu}", at > 0 ? ", " : "", widths[w], histories[h], c.mean_us, c.median_us, c.tell_us, c.bytes);
        }
        ht_space_release(&space);
    }
    printf("{\"bench\": \"sampler\", \"costs\": [%s]}\n", json);
    return 0;
}
