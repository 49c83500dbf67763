/* src/kernel/driver.c - the coordinator's hands; the contract is in driver.h.
 *
 * One step: receive -> coordinator -> messages out, records out; now and then the run directory is looked
 * at, time is told, progress is shown. A record that cannot be written is kept by the recorder; here the
 * loss is said once, and once more when writing works again. */
#include "kernel/driver_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/shown.h"
#include "comm/clock.h"

static const double longest_look_s = 1;     /* between two looks of a driver that runs */
static const double tick_s = 0.01;          /* a tick looks at all replicas: not with each message of thousands */

void ht_driver_print_warning(const char *text)
{
    ht_string shown = {0};
    ht_shown_add_lines(&shown, text);
    fprintf(stderr, "hottune: %s\n", ht_string_peek(&shown));
    ht_string_release(&shown);
}

void ht_driver_warn(ht_driver *d, const char *text)
{
    if (d->warning != NULL)
        d->warning(d->warning_ctx, text);
    else
        ht_driver_print_warning(text);
}

/* Say it when writing begins to fail. */
static void note_failure(ht_driver *d, const ht_error *err)
{
    char text[sizeof err->text + 128];
    if (d->writing_fails)
        return;
    d->writing_fails = true;
    snprintf(text, sizeof text, "%s; the run goes on, and what could not be written is kept and tried again",
             err->text);
    ht_driver_warn(d, text);
}

static void note_recovery(ht_driver *d)
{
    if (d->writing_fails)
        ht_driver_warn(d, "the run directory can be written again");
    d->writing_fails = false;
}

/* Time as the coordinator sees it. When the job was suspended, everybody is silent at once: what passed while
 * we did not run ourselves is no silence of others. */
double ht_driver_time(ht_driver *d)
{
    double now = ht_comm_now(d->comm), gap = now - d->looked;
    if (gap > longest_look_s)
        d->slept += gap - longest_look_s;
    d->looked = now;
    return now - d->slept + d->ahead;
}

void ht_driver_note_event(ht_driver *d, const char *text)
{
    ht_record record = {.kind = HT_RECORD_EVENT};
    ht_coordinator_view view;
    snprintf(record.as.event, sizeof record.as.event, "%s", text);
    ht_coordinator_peek(d->coordinator, &view);
    ht_recorder_write(d->recorder, &record, &view, NULL);   /* what cannot be written is kept */
}

void ht_driver_say(ht_driver *d, const char *text)
{
    ht_driver_note_event(d, text);
    if (d->plan != NULL)
        d->plan(d->plan_ctx, text);
}

static void put_record(ht_driver *d, const ht_record *record)
{
    ht_error err = {""};
    ht_coordinator_view view;
    ht_coordinator_peek(d->coordinator, &view);
    if (d->recalls)
        ht_recorder_recall(d->recorder, record, &view);
    else if (ht_recorder_write(d->recorder, record, &view, &err) != HT_OK)
        note_failure(d, &err);
    if (!d->recalls && d->event != NULL && record->kind == HT_RECORD_EVENT && !record->as.is_routine)
        d->event(d->event_ctx, record->as.event);
}

void ht_driver_drain(ht_driver *d)
{
    int replica;
    ht_bytes bytes;
    ht_record record;
    ht_error err = {""};
    while (ht_coordinator_next_message(d->coordinator, &replica, &bytes)) {
        if (d->chronicle != NULL)
            ht_chronicle_said(d->chronicle, replica, &bytes);
        if (!d->recalls && !d->sent_off && replica < d->n_here &&
            ht_comm_send(d->comm, replica + 1, bytes.data, bytes.n, &err) != HT_OK)
            ht_driver_warn(d, err.text);
        free(bytes.data);
    }
    while (ht_coordinator_next_record(d->coordinator, &record)) {
        put_record(d, &record);
        ht_record_release(&record);
    }
}

/* ---- what is asked from outside ------------------------------------------------------------- */

static bool overridden_by_options(const ht_driver *d, const ht_operation *o)
{
    const char *op = o->source == HT_FROM_YAML ? ht_json_text(o->body, "op") : NULL;
    const char *module = op != NULL ? ht_json_text(o->body, "module") : NULL;
    return d->first_poll && d->mode_was_given && module != NULL && strcmp(module, "tune") == 0 &&
           (strcmp(op, "enable") == 0 || strcmp(op, "disable") == 0);
}

static void take_operation(void *ctx, ht_operation *o)
{
    ht_driver *d = ctx;
    bool told_before = d->resumed && d->first_poll && o->source == HT_FROM_YAML;
    if (told_before || overridden_by_options(d, o)) {
        ht_operation_release(o);
        return;
    }
    double now = ht_driver_time(d);
    char *text = ht_operation_to_text(o);
    ht_driver_note(d, HT_INPUT_OPERATION, now, -1, text, text != NULL ? strlen(text) : 0);
    free(text);
    if (ht_coordinator_operate(d->coordinator, now, o) != HT_OK)
        ht_driver_warn(d, "no memory for a command");
}

static void take_freeze(void *ctx, const ht_freeze *freeze)
{
    ht_driver *d = ctx;
    double now = ht_driver_time(d);
    char *text = ht_freeze_to_text(freeze);
    ht_driver_note(d, HT_INPUT_FREEZE, now, -1, text, text != NULL ? strlen(text) : 0);
    free(text);
    if (ht_coordinator_freeze(d->coordinator, now, freeze) != HT_OK)
        ht_driver_warn(d, "no memory to follow the freeze file");
}

static void poll(ht_driver *d, double now)
{
    ht_error err = {""};
    if (now - d->polled < d->poll_s || d->inbox == NULL)
        return;
    d->polled = now;
    if (ht_inbox_poll(d->inbox, take_operation, take_freeze, d, &err) != HT_OK &&
        strcmp(err.text, d->complaint.text) != 0) {
        d->complaint = err;
        ht_driver_warn(d, err.text);
    }
    d->first_poll = false;
}

void ht_driver_hand_in(ht_driver *d, int replica, const ht_bytes *bytes)
{
    double now = ht_driver_time(d);
    ht_driver_note(d, HT_INPUT_MESSAGE, now, replica, bytes->data, bytes->n);
    if (ht_coordinator_receive(d->coordinator, now, replica, bytes->data, bytes->n) != HT_OK)
        ht_driver_warn(d, "no memory for a message of a replica");
    ht_driver_drain(d);
}

/* A tick without effect is none: it is not worth a place in the journal. */
static void tick(ht_driver *d)
{
    double now = ht_driver_time(d);
    if (now >= d->ticked && now - d->ticked < tick_s)
        return;
    d->ticked = now;
    ht_coordinator_tick(d->coordinator, now);
    if (ht_coordinator_has_output(d->coordinator))
        ht_driver_note(d, HT_INPUT_TICK, now, -1, NULL, 0);
    ht_driver_drain(d);
}

/* Who did not run for a while may not be the owner any more: that comes before all else. */
static void look_for_successor(ht_driver *d)
{
    if (ht_comm_now(d->comm) - d->looked > longest_look_s)
        ht_run_lock_holds(d->lock, NULL);
    if (ht_run_lock_is_lost(d->lock) && !d->overtaken)
        ht_driver_give_way(d);
}

/* What waits to be written, and how long that takes. */
static void write_pages(ht_driver *d, double now)
{
    ht_error err = {""};
    double began = ht_clock_monotonic();
    bool written = ht_recorder_tick(d->recorder, d->coordinator, now, &err) == HT_OK;
    look_for_successor(d);
    if (!written && !d->overtaken)
        note_failure(d, &err);
    else if (written)
        note_recovery(d);
    ht_deadline_published(&d->deadline, ht_clock_monotonic() - began);
}

void ht_driver_step(ht_driver *d, double timeout_s)
{
    int from;
    ht_bytes bytes;
    ht_error err = {""};
    look_for_successor(d);
    bool works = !d->comeback.on && d->leaving != HT_LEAVES && !d->sent_off;
    if (works)
        poll(d, ht_comm_now(d->comm));
    ht_driver_drain(d);
    for (double wait = timeout_s; ht_comm_receive(d->comm, wait, &from, &bytes, &err) == HT_OK; wait = 0) {
        ht_driver_deadline_hear(d, from - 1, &bytes);
        if (!ht_driver_intercepts(d, from - 1, &bytes))
            ht_driver_hand_in(d, from - 1, &bytes);
        free(bytes.data);
    }
    double now = ht_comm_now(d->comm);
    if (works)
        tick(d);
    ht_driver_checkpoint(d);
    write_pages(d, now);
    const char *notice = ht_recorder_notice(d->recorder);
    if (notice != NULL)
        ht_driver_warn(d, notice);
    ht_driver_show_progress(d, now);
}

bool ht_driver_is_done(const ht_driver *d)
{
    return d->leaving == HT_LEAVES ? ht_driver_has_left(d) : !d->comeback.on && ht_coordinator_is_done(d->coordinator);
}

void ht_driver_peek(const ht_driver *d, ht_coordinator_view *out)
{
    ht_coordinator_peek(d->coordinator, out);
}

ht_status ht_driver_finish(ht_driver *d, ht_error *err)
{
    if (d->finished)
        return HT_OK;
    d->finished = true;
    HT_TRY(ht_run_lock_holds(d->lock, err));
    ht_coordinator_view v;
    ht_coordinator_peek(d->coordinator, &v);
    bool all_lost = v.done == 0 && d->chronicle != NULL && ht_chronicle_last(d->chronicle) > 0;
    if (d->leaving == HT_LEAVES || all_lost)    /* the launcher killed them, and us in a moment: that is no end */
        return ht_recorder_leave(d->recorder, d->coordinator, err);
    ht_coordinator_finish(d->coordinator, ht_driver_time(d));
    ht_driver_drain(d);
    ht_coordinator_peek(d->coordinator, &v);
    if (v.has_result)
        ht_recorder_result(d->recorder, v.result_val, v.result_test);
    ht_status st = ht_recorder_finish(d->recorder, d->coordinator, err);
    if (st == HT_OK)
        note_recovery(d);
    if (st == HT_OK && d->chronicle != NULL)
        ht_chronicle_end(d->chronicle);     /* else what could not be written can be made again */
    return st;
}

bool ht_driver_left(const ht_driver *d)
{
    return d->leaving == HT_LEAVES;
}

ht_run_owner ht_driver_owner(const ht_driver *d)
{
    return ht_run_lock_owner(d->lock);
}

void ht_driver_destroy(ht_driver *d)
{
    if (d == NULL)
        return;
    ht_driver_checkpoint_release(d);
    ht_driver_deadline_release(d);
    ht_inbox_close(d->inbox);
    ht_recorder_destroy(d->recorder);
    ht_run_lock_release(d->lock);
    ht_coordinator_destroy(d->coordinator);
    cJSON_Delete(d->start);
    free(d->run_dir);
    free(d);
}
