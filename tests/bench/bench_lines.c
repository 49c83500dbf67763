/* What the checksum of a line costs: appending and reading lines of a segment log with and without. Prints a
 * table and, as last line, JSON. A benchmark, not a test.
 *
 *     bench_lines [LINES]       default: 100000, in a folder of /tmp, which is removed; best of ROUNDS, in
 * turns */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "store/file.h"
#include "store/lines.h"

enum { ROUNDS = 7 };

static const char segment[] =
    "{\"segment_id\":\"s_00006\",\"mutation_id\":\"m_00007\",\"start_step\":1800,\"end_step\":2000,"
    "\"horizon_type\":\"next_val_epoch_end\",\"pre\":{\"val/loss\":0.6123456789012345,\"grad/norm\":1.5},"
    "\"post\":{\"val/loss\":0.6412345678901234,\"grad/norm\":1.75},\"delta\":{\"grad/norm\":0.25,\"val/"
    "loss\":0.0288888888888889},"
    "\"stability\":{\"nan\":false,\"anomaly\":false,\"grad_spike\":false},\"decision\":\"rolled_back\","
    "\"score_delta\":-0.0288888888888889,\"run\":\"r2\",\"replica\":0,\"wall_time\":1800000000.25,"
    "\"rollback\":\"exact\"}";

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of the processor for n lines. */
static double append(const char *path, const cJSON *object, size_t n, bool sum)
{
    ht_journal *j = NULL;
    unlink(path);
    if (ht_journal_open(path, &j, NULL) != HT_OK)
        exit(1);
    double start = seconds();
    for (size_t i = 0; i < n; i++) {
        char *line = sum ? NULL : ht_json_line(object);
        ht_status st = sum ? ht_journal_append_json(j, object, NULL) : ht_journal_append(j, line, NULL);
        free(line);
        if (st != HT_OK)
            exit(1);
    }
    double took = seconds() - start;
    ht_journal_close(j);
    return took;
}

static void pass_over(void *ctx, const cJSON *object)
{
    (void)object;
    ++*(size_t *)ctx;
}

static double read_all(const char *path, size_t n)
{
    size_t seen = 0;
    ht_lines_account account;
    double start = seconds();
    if (ht_lines_each(path, pass_over, &seen, &account, NULL) != HT_OK || seen != n)
        exit(1);
    return seconds() - start;
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 100000;
    char dir[] = "/tmp/bench_lines_XXXXXX", path[64];
    double write_s[2] = {INFINITY, INFINITY}, read_s[2] = {INFINITY, INFINITY};
    cJSON *object = NULL;
    if (mkdtemp(dir) == NULL || n == 0 || ht_json_parse(segment, &object, NULL, NULL) != HT_OK)
        return 1;
    snprintf(path, sizeof path, "%s/log", dir);
    for (int round = 0; round < ROUNDS; round++)
        for (int sum = 0; sum < 2; sum++) {
            write_s[sum] = fmin(write_s[sum], append(path, object, n, sum));
            read_s[sum] = fmin(read_s[sum], read_all(path, n));
        }
    cJSON_Delete(object);
    unlink(path);
    rmdir(dir);
    double us = 1e6 / (double)n;
    printf("%-44s %10s %10s\n", "us of the processor a line", "without", "with sum");
    printf("%-44s %10.2f %10.2f\n", "append", us * write_s[0], us * write_s[1]);
    printf("%-44s %10.2f %10.2f\n", "read", us * read_s[0], us * read_s[1]);
    printf("{\"lines\": %zu, \"append_us\": [%.3f, %.3f], \"read_us\": [%.3f, %.3f]}\n", n, us * write_s[0],
           us * write_s[1], us * read_s[0], us * read_s[1]);
    return 0;
}
