/* How fast a training state of 64 MiB is averaged, swapped, saved, loaded and summed, beside memcpy: the best
 * of several rounds, in GB of traffic a second (what is read plus what is written). Prints a table and JSON.
 * A benchmark, not a test: nothing fails here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "state/state.h"

enum { BYTES = 64 << 20, ROUNDS = 9 };

typedef struct {
    ht_state *state;
    char *from, *to;
    unsigned slots;
    uint64_t sum;
} bench;

static void copy(bench *b)
{
    memcpy(b->to, b->from, BYTES);
}

static void update(bench *b)
{
    ht_state_ema_update(b->state, .999);
}

static void swap(bench *b)
{
    ht_state_ema_swap(b->state);
}

static void save(bench *b)
{
    ht_state_save(b->state, 0, NULL);
}

static void save_anew(bench *b) /* into memory that was never touched: a new slot each time */
{
    ht_state_save(b->state, b->slots++, NULL);
}

static void drop_and_save(bench *b)
{
    ht_state_drop(b->state, 1);
    ht_state_save(b->state, 1, NULL);
}

static void load(bench *b)
{
    ht_state_load(b->state, 0, NULL);
}

static void best(bench *b)
{
    ht_state_keep_best(b->state, NULL);
}

static void checksum(bench *b)
{
    b->sum += ht_state_checksum(b->state);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double gb_per_second(void (*work)(bench *), bench *b, double traffic)
{
    double least = 1e9;
    for (int i = 0; i < ROUNDS + 1; i++) { /* the first touches the memory */
        double start = now();
        work(b);
        double took = now() - start;
        if (i > 0 && took < least)
            least = took;
    }
    return 1e-9 * traffic / least;
}

/* A state of BYTES of weights of one type, averaged or not. */
static bench made(ht_element element, size_t bytes_each, bool averaged)
{
    bench b = {.from = calloc(1, BYTES), .to = calloc(1, BYTES)};
    ht_error err = {"no memory"};
    if (b.from == NULL || b.to == NULL || ht_state_create(&b.state, &err) != HT_OK ||
        ht_state_add(b.state,
                     &(ht_state_buffer){"weights", b.from, BYTES / bytes_each, element, HT_AVERAGE, true},
                     &err) != HT_OK ||
        ht_state_seal(b.state, averaged, &err) != HT_OK) {
        fprintf(stderr, "bench_state: %s\n", err.text);
        exit(1);
    }
    for (size_t i = 0; i < BYTES / sizeof(float); i++)
        ((float *)(void *)b.from)[i] = 1 + (float)i / BYTES; /* plain numbers, in the upper half, too */
    return b;
}

static void unmake(bench *b)
{
    ht_state_destroy(b->state);
    free(b->from);
    free(b->to);
}

int main(void)
{
    static const struct {
        const char *name;
        ht_element element;
        size_t bytes;
        bool averaged;
        void (*work)(bench *);
        double passes; /* over 64 MiB; the average of bfloat16 counts double */
    } rows[] = {{"memcpy", HT_FLOAT32, 4, false, copy, 2},
                {"save", HT_FLOAT32, 4, false, save, 2},
                {"save_new_slot", HT_FLOAT32, 4, false, save_anew, 2},
                {"drop_and_save", HT_FLOAT32, 4, false, drop_and_save, 2},
                {"load", HT_FLOAT32, 4, false, load, 2},
                {"checksum", HT_FLOAT32, 4, false, checksum, 1},
                {"ema_update_float32", HT_FLOAT32, 4, true, update, 3},
                {"ema_update_float64", HT_FLOAT64, 8, true, update, 3},
                {"ema_update_bfloat16", HT_BFLOAT16, 2, true, update, 5},
                {"ema_swap_float32", HT_FLOAT32, 4, true, swap, 4},
                {"ema_swap_bfloat16", HT_BFLOAT16, 2, true, swap, 6},
                {"keep_best_float32", HT_FLOAT32, 4, true, best, 2},
                {"keep_best_bfloat16", HT_BFLOAT16, 2, true, best, 3}};
    enum { N = sizeof rows / sizeof *rows };
    double rate[N];
    printf("%-20s  GB/s\n", "64 MiB of weights");
    for (size_t i = 0; i < N; i++) {
        bench b = made(rows[i].element, rows[i].bytes, rows[i].averaged);
        if (rows[i].work == load)
            save(&b);
        rate[i] = gb_per_second(rows[i].work, &b, rows[i].passes * BYTES);
        printf("%-20s  %5.1f\n", rows[i].name, rate[i]);
        unmake(&b);
    }
    printf("{\"bench\": \"state\", \"bytes\": %d", BYTES);
    for (size_t i = 0; i < N; i++)
        printf(", \"%s_gb_per_s\": %.2f", rows[i].name, rate[i]);
    printf("}\n");
    return 0;
}
