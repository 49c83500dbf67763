/* src/kernel/driver_restart.c - what a start that goes on says of itself; the contract is in driver_internal.h.
 *
 * One line at once, one when the replicas are back, and the same as `start` in the summary.
 * May touch: the run directory (reads its logs), the environment (by slurm_start.h). */
#include "kernel/driver_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "comm/clock.h"
#include "store/run_dir.h"
#include "store/slurm_start.h"

/* ---- which job -------------------------------------------------------------------------------- */

/* "; restart 2 of job 4711, step 1"; nothing outside of Slurm. */
static void put_job(ht_driver *d, ht_string *text)
{
    ht_slurm_start s = ht_slurm_start_here();
    if (s.job[0] == '\0')
        return;
    ht_json_put_text(d->start, "job", s.job);
    ht_json_put_int(d->start, "restart", (double)s.restart);
    if (s.restart > 0)
        ht_string_add(text, "; restart %ld of job %s", s.restart, s.job);
    else
        ht_string_add(text, "; job %s", s.job);
    if (s.step > 0)
        ht_string_add(text, ", step %ld", s.step);
}

static void say(ht_driver *d, ht_string *text)
{
    if (!text->failed)
        ht_driver_say(d, ht_string_peek(text));
    ht_string_release(text);
}

/* ---- what was lost ---------------------------------------------------------------------------- */

static size_t lines_behind(const char *path, uint64_t bytes)
{
    char block[16384];
    size_t n = 0, lines = 0;
    FILE *f = path != NULL ? fopen(path, "rb") : NULL;
    if (f == NULL)
        return 0;
    if (fseeko(f, (off_t)bytes, SEEK_SET) == 0)
        while ((n = fread(block, 1, sizeof block, f)) > 0)
            for (const char *at = block; (at = memchr(at, '\n', n - (size_t)(at - block))) != NULL; at++)
                lines++;
    fclose(f);
    return lines;
}

void ht_driver_count_repeated(ht_driver *d, const ht_commit *c)
{
    for (size_t i = 0; i < c->n_logs; i++) {
        bool segments = strcmp(c->logs[i].name, HT_FILE_SEGMENTS) == 0;
        if (!segments && strcmp(c->logs[i].name, HT_FILE_METRICS) != 0)
            continue;
        char *path = ht_path_join(d->run_dir, c->logs[i].name);
        ht_json_put_int(d->start, segments ? "segments_again" : "epochs_again",
                        (double)lines_behind(path, c->logs[i].bytes));
        free(path);
    }
}

static void add_epoch(const ht_driver *d, ht_string *text)
{
    ht_coordinator_view view;
    ht_coordinator_peek(d->coordinator, &view);
    ht_json_put_int(d->start, "epoch", (double)view.epoch);
    ht_string_add(text, "epoch %lld", view.epoch);
    if (d->epochs > 0)
        ht_string_add(text, " of %d", d->epochs);
}

static void add_count(const ht_driver *d, ht_string *text, const char *key, const char *one, const char *many)
{
    double n = ht_json_number(d->start, key, 0);
    ht_string_add(text, "%.0f %s", n, n == 1 ? one : many);
}

void ht_driver_tell_restart(ht_driver *d)
{
    char written[32];
    ht_string text = {0};
    const ht_commit *c = ht_chronicle_commit(d->chronicle);
    double lost_s = fmax(0, fmax(d->former.seen, ht_chronicle_written(d->chronicle)) - c->wall_time);
    ht_clock_print(written, c->wall_time);
    ht_json_put_int(d->start, "checkpoint", (double)c->number);
    ht_json_put_real(d->start, "written", c->wall_time);
    ht_json_put_real(d->start, "lost_s", lost_s);
    ht_string_add(&text, "resumed from checkpoint %llu (", (unsigned long long)c->number);
    add_epoch(d, &text);
    ht_string_add(&text, ", written %s, %.1f s before the last sign of life): ", written, lost_s);
    add_count(d, &text, "segments_again", "segment", "segments");
    ht_string_add(&text, " and ");
    add_count(d, &text, "epochs_again", "epoch of a replica", "epochs of replicas");
    ht_string_add(&text, " are trained again");
    put_job(d, &text);
    say(d, &text);
}

void ht_driver_tell_beginning(ht_driver *d)
{
    ht_string text = {0};
    ht_json_put_int(d->start, "checkpoint", 0);
    ht_string_add(&text, "the run was stopped before its first checkpoint: it begins again");
    put_job(d, &text);
    say(d, &text);
}

/* ---- who is back ------------------------------------------------------------------------------ */

void ht_driver_tell_back(ht_driver *d, const bool *expected, const bool *here)
{
    ht_string missing = {0};
    cJSON *retired = cJSON_CreateArray();
    int n_missing = 0, n = 0;
    for (int i = 0; i < d->n_replicas; i++) {
        n += expected[i];
        if (!expected[i] || here[i])
            continue;
        ht_string_add(&missing, "%s%d", n_missing++ > 0 ? ", " : "", i);
        cJSON_AddItemToArray(retired, ht_json_int(i));
    }
    ht_json_put(d->start, "retired", retired);
    ht_string text = {0};
    if (n_missing > 0)
        ht_string_add(&text, "replica%s %.150s did not come back: retired; %d of %d are back",
                      n_missing == 1 ? "" : "s", ht_string_peek(&missing), n - n_missing, n);
    else
        ht_string_add(&text, n == 1 ? "its replica is back" : "all %d replicas are back", n);
    ht_string_release(&missing);
    say(d, &text);
}
