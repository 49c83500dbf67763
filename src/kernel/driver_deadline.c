/* src/kernel/driver_deadline.c - the run knows when its job ends; the contract is in driver_internal.h.
 *
 * Nothing here is an input of the coordinator: with a barrier a run that leaves decides what it would have decided
 * anyway.
 * May touch: the environment (SLURM_JOB_END_TIME), the clock. */
#include "kernel/driver_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "comm/clock.h"

static const double worth_telling_s = 1;    /* difference of the time of leaving in the summary */

/* ---- when it ends ----------------------------------------------------------------------------- */

/* What is past is left over in a shell that outlived its job. */
static double end_of(const ht_options *o)
{
    double end = 0;
    const char *text = getenv("SLURM_JOB_END_TIME");
    if (o->end_time != 0)
        return fmax(o->end_time, 0);
    return text != NULL && ht_parse_number(text, &end, NULL) && end > ht_clock_wall() ? end : 0;
}

static double left_of(const ht_driver *d)
{
    return d->deadline.end - ht_clock_wall();
}

static void put_time(cJSON *o, const char *name, double when)
{
    cJSON_DeleteItemFromObjectCaseSensitive(o, name);
    ht_json_put_real(o, name, when);
}

/* Where the summary has it. */
static void note_leaving(ht_driver *d, double margin)
{
    double at = d->deadline.end - margin;
    if (fabs(at - d->leaves_at) < worth_telling_s)
        return;
    d->leaves_at = at;
    put_time(d->start, "leaves", at);
}

static void tell_end(ht_driver *d)
{
    char text[256], end[32], leaves[32];
    double margin = ht_driver_deadline_margin(d), left = left_of(d);
    ht_clock_print(end, d->deadline.end);
    ht_clock_print(leaves, d->deadline.end - margin);
    if (d->chronicle == NULL) {
        snprintf(text, sizeof text,
                 "this job ends at %s, and the run makes no checkpoints: what is not done by then is lost", end);
        ht_driver_warn(d, text);
    } else if (left <= margin) {
        snprintf(text, sizeof text, "this job ends at %s, in %.0f s: too soon to train even one epoch", end,
                 fmax(left, 0));
        ht_driver_warn(d, text);
    } else {
        snprintf(text, sizeof text,
                 "this job ends at %s: the run leaves by about %s, until checkpoints and epochs are measured", end,
                 leaves);
        ht_driver_say(d, text);
        note_leaving(d, margin);
    }
}

ht_status ht_driver_deadline_begin(ht_driver *d, const ht_options *o, ht_error *err)
{
    d->safe_points = calloc((size_t)d->n_replicas, sizeof *d->safe_points);
    if (!ht_deadline_init(&d->deadline, d->n_replicas, end_of(o), ht_clock_wall()) || d->safe_points == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a coordinator");
    if (d->deadline.end <= 0)
        return HT_OK;
    put_time(d->start, "ends", d->deadline.end);
    tell_end(d);
    return HT_OK;
}

void ht_driver_deadline_release(ht_driver *d)
{
    ht_deadline_release(&d->deadline);
    free(d->safe_points);
}

/* ---- what is measured ------------------------------------------------------------------------- */

/* A pooled replica says how long its epochs took: it also waits for others, and that is no epoch. */
static void hear_event(ht_driver *d, int replica, const ht_bytes *bytes)
{
    ht_packet *m = malloc(sizeof *m);
    if (m != NULL && ht_packet_decode(bytes->data, bytes->n, m, NULL) == HT_OK) {
        const ht_pool_event *e = &m->as.event;
        if (e->kind == HT_EVENT_TICK)
            ht_deadline_epoch(&d->deadline, replica, e->seconds);
        else if (e->kind == HT_EVENT_REPORT && e->epoch > 0)
            ht_deadline_epoch(&d->deadline, replica, e->seconds / e->epoch);
        ht_packet_release(m);
    }
    free(m);
}

void ht_driver_deadline_hear(ht_driver *d, int replica, const ht_bytes *bytes)
{
    ht_message_kind kind = bytes->n > 0 ? (ht_message_kind)bytes->data[0] : 0;
    if (replica < 0 || replica >= d->deadline.n_replicas)
        return;
    if (kind == HT_MESSAGE_EVENT)
        hear_event(d, replica, bytes);
    if (kind != HT_MESSAGE_OUTCOME)
        return;
    double now = ht_driver_time(d);     /* an independent one sends an OUTCOME at each safe point */
    if (d->safe_points[replica] > 0)
        ht_deadline_epoch(&d->deadline, replica, now - d->safe_points[replica]);
    d->safe_points[replica] = now;
}

double ht_driver_deadline_margin(const ht_driver *d)
{
    return ht_deadline_margin(&d->deadline).total;
}

/* ---- is it time ------------------------------------------------------------------------------- */

static ht_margin margin_of_living(ht_driver *d)
{
    ht_coordinator_view view;
    ht_coordinator_peek(d->coordinator, &view);
    d->deadline.go_together = view.pool == NULL;
    for (int i = 0; i < d->n_replicas; i++)
        if (!ht_coordinator_has(d->coordinator, i))
            ht_deadline_forget(&d->deadline, i);
    return ht_deadline_margin(&d->deadline);
}

static void tell_measured(ht_driver *d, const ht_margin *m)
{
    char text[256], leaves[32];
    if (!m->measured || d->told_measured)
        return;
    d->told_measured = true;
    ht_clock_print(leaves, d->deadline.end - m->total);
    if (m->total > d->deadline.span) {
        snprintf(text, sizeof text,
                 "this job is too short: the slowest replica takes %.1f s from one safe point to the next, leaving "
                 "up to %.0f s, and there were %.0f s from its start: give it more time",
                 m->pace, m->total, d->deadline.span);
        ht_driver_warn(d, text);
        return;
    }
    snprintf(text, sizeof text,
             "a checkpoint takes up to %.1f s, an epoch %.1f s: the run leaves by about %s, %.0f s before this job ends",
             m->save, m->pace, leaves, m->total);
    ht_driver_say(d, text);
}

/* Share of the run that is done; NaN = unknown. Only the pool knows it of all replicas. */
static double share_of(const ht_driver *d)
{
    ht_coordinator_view view;
    ht_pool_view pool;
    ht_coordinator_peek(d->coordinator, &view);
    if (view.pool == NULL || d->epochs <= 0)
        return NAN;
    ht_pool_peek(view.pool, &pool);
    return pool.wall / d->epochs;
}

bool ht_driver_deadline_is_near(ht_driver *d)
{
    char text[256], end[32];
    if (d->deadline.end <= 0)
        return false;
    const ht_margin m = margin_of_living(d);
    double left = left_of(d);
    bool met = ht_deadline_is_met(&d->deadline, &m, ht_driver_time(d), share_of(d), left);
    tell_measured(d, &m);
    note_leaving(d, m.total);
    if (left > m.total || met)
        return false;
    ht_clock_print(end, d->deadline.end);
    snprintf(text, sizeof text, "this job ends at %s, in %.1f s: the run leaves", end, left);
    ht_driver_say(d, text);
    return true;
}

bool ht_driver_deadline_is_here(const ht_driver *d)
{
    return d->deadline.end > 0 && left_of(d) < ht_deadline_last(&d->deadline);
}
