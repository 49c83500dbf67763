/* src/kernel/driver_checkpoint.c - checkpoints, leaving, and coming back; the contract is in driver_internal.h.
 *
 * A checkpoint: the order goes to all that live, their answers come among other messages. Leaving: a checkpoint,
 * then everybody is told to go. In a pooled run that has a checkpoint already the order to go follows at once on
 * that to write, so that nobody trains an epoch more; what they said before they wrote still belongs to it. Coming
 * back: all HELLOs are awaited, then everybody gets its manifest, then what was on its way at the checkpoint is
 * handed over. */
#include "kernel/driver_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double joining_s = 10;             /* after that a checkpoint is made without those who did not join */
static const double leave_patience_s = 20;      /* for a checkpoint, and for the good-byes, when the run must end */

/* What is behind the last ": "; before it are names and sizes, which are others each time. */
static const char *reason_of(const ht_error *e)
{
    const char *reason = e->text;
    for (const char *at = reason; (at = strstr(at, ": ")) != NULL; at += 2)
        reason = at + 2;
    return reason;
}

void ht_driver_note(ht_driver *d, ht_input_kind kind, double now, int replica, const void *bytes, size_t n)
{
    ht_error err = {""};
    if (d->chronicle == NULL)
        return;
    if (ht_chronicle_input(d->chronicle, kind, now, replica, bytes, n, &err) != HT_OK &&
        strcmp(reason_of(&d->journal_fault), reason_of(&err)) != 0)
        ht_driver_warn(d, err.text);
    d->journal_fault = err;
}

/* One line for one reason, however often it comes. */
static void complain(ht_driver *d, const ht_error *why)
{
    char text[sizeof why->text + 64];
    if (strcmp(reason_of(&d->checkpoint_fault), reason_of(why)) == 0)
        return;
    d->checkpoint_fault = *why;
    snprintf(text, sizeof text, "no checkpoint: %s; the run goes on", why->text);
    ht_driver_warn(d, text);
}

static void send(ht_driver *d, int replica, const ht_packet *m)
{
    if (replica >= d->n_here)
        return;
    ht_bytes bytes = {0};
    ht_error err = {""};
    if (ht_packet_encode(m, &bytes) != HT_OK)
        ht_driver_warn(d, "no memory for a message");
    else if (ht_comm_send(d->comm, replica + 1, bytes.data, bytes.n, &err) != HT_OK)
        ht_driver_warn(d, err.text);
    free(bytes.data);
}

/* `order` to all replicas that live. */
static void tell_all(ht_driver *d, ht_pool_order order)
{
    ht_packet *m = calloc(1, sizeof *m);
    if (m == NULL)
        return;
    m->kind = HT_MESSAGE_ORDER;
    m->as.pool_order = order;
    for (int i = 0; i < d->n_replicas; i++)
        if (ht_coordinator_has(d->coordinator, i))
            send(d, i, m);
    free(m);
}

/* ---- checkpoints ------------------------------------------------------------------------------ */

/* While the first replicas join, and when all are done, there is nothing to write down. */
static bool is_worth_it(const ht_driver *d, bool *lives)
{
    int living = 0;
    for (int i = 0; i < d->n_replicas; i++)
        living += lives[i] = ht_coordinator_has(d->coordinator, i);
    bool still_joining = ht_chronicle_last(d->chronicle) == 0 && living < d->n_here;
    return living > 0 && !(still_joining && ht_comm_now(d->comm) - d->started < joining_s);
}

static void begin_checkpoint(ht_driver *d)
{
    size_t n_logs = 0;
    ht_commit_log *logs = NULL;
    bool *lives = calloc((size_t)d->n_replicas, sizeof *lives);
    if (lives != NULL && is_worth_it(d, lives) && ht_recorder_sizes(d->recorder, &n_logs, &logs)) {
        uint64_t number = ht_chronicle_cut(d->chronicle, ht_driver_time(d), lives, n_logs, logs);
        tell_all(d, (ht_pool_order){.kind = HT_ORDER_CHECKPOINT, .number = (unsigned long)number});
    }
    free(lives);
}

/* A replica that is lost, or whose program runs another training than the others, is no part of one. */
static void check_living(ht_driver *d)
{
    const ht_commit *c = ht_chronicle_next(d->chronicle);
    for (size_t i = 0; i < c->n_replicas; i++)
        if (c->replicas[i].lives && !ht_coordinator_has(d->coordinator, (int)i)) {
            ht_chronicle_give_up(d->chronicle, ht_driver_time(d));
            return;
        }
}

static void note_commit(ht_driver *d)
{
    d->checkpoint_fault = (ht_error){""};
    ht_deadline_saved(&d->deadline, ht_driver_time(d) - ht_chronicle_commit(d->chronicle)->time);
}

static void take_saved(ht_driver *d, int replica, const ht_bytes *bytes)
{
    ht_error err = {""};
    ht_packet *m = malloc(sizeof *m);
    if (m == NULL || ht_packet_decode(bytes->data, bytes->n, m, &err) != HT_OK) {
        free(m);
        return;
    }
    uint64_t number = m->as.saved.number, before = ht_chronicle_last(d->chronicle);
    ht_driver_note(d, HT_INPUT_SAVED, ht_driver_time(d), replica, &number, sizeof number);
    if (ht_chronicle_saved(d->chronicle, ht_driver_time(d), replica, &m->as.saved, &err) != HT_OK) {
        if (!ht_run_lock_is_lost(d->lock))      /* else the end says it */
            complain(d, &err);
    } else if (ht_chronicle_last(d->chronicle) != before) {
        note_commit(d);
    }
    ht_packet_release(m);
    free(m);
}

/* ---- leaving ---------------------------------------------------------------------------------- */

/* Somebody asked, or the job ends. */
static bool must_leave(ht_driver *d)
{
    bool asked = d->leave_asked != NULL && *d->leave_asked != 0;
    d->leaves_for_time = !asked && ht_driver_deadline_is_near(d);
    return asked || d->leaves_for_time;
}

static void tell_to_go(ht_driver *d)
{
    tell_all(d, (ht_pool_order){.kind = HT_ORDER_LEAVE, .number = d->overtaken});
    for (int i = 0; i < d->n_replicas; i++)
        d->gone[i] = i >= d->n_here || !ht_coordinator_has(d->coordinator, i);
}

static void leave(ht_driver *d)
{
    d->leaving = HT_LEAVES;
    d->leaves_since = ht_driver_time(d);
    if (!d->sent_off)
        tell_to_go(d);
}

/* Independent replicas wait for each other's reports and for answers: they go when all have written. */
static void send_off(ht_driver *d)
{
    ht_coordinator_view view;
    ht_coordinator_peek(d->coordinator, &view);
    if (d->leaving != HT_WANTS_TO_LEAVE || d->sent_off || view.pool == NULL ||
        ht_chronicle_last(d->chronicle) == 0 || !ht_chronicle_is_cutting(d->chronicle))
        return;
    tell_to_go(d);
    d->sent_off = true;
}

/* Leaving would lose everything. */
static void stay(ht_driver *d)
{
    d->leaving = HT_CANNOT_LEAVE;
    ht_driver_warn(d, d->leaves_for_time
                          ? "this job ends, and there is no checkpoint to go on from: what was trained is lost with "
                            "it, give it more time"
                          : "asked to stop, but there is no checkpoint to go on from: the run goes on; "
                            "a second Ctrl-C ends it");
}

/* Leaving takes as long as was measured, but a job that ends waits for nobody. */
static bool waited_enough(const ht_driver *d, double now)
{
    return now - d->leaves_since > fmax(leave_patience_s, ht_driver_deadline_margin(d)) || ht_driver_deadline_is_here(d);
}

/* With a checkpoint made since it was asked, everybody may go; with an older one in the end, too. */
static void see_to_leaving(ht_driver *d)
{
    double now = ht_driver_time(d);
    if (d->leaving == HT_STAYS) {
        if (!must_leave(d))
            return;
        d->leaving = HT_WANTS_TO_LEAVE;
        d->leaves_since = now;
        d->leaves_after = ht_chronicle_last(d->chronicle) + 1;
    }
    bool failed = d->sent_off && !ht_chronicle_is_cutting(d->chronicle);
    if (ht_chronicle_last(d->chronicle) >= d->leaves_after) {
        leave(d);
    } else if (d->leaving == HT_WANTS_TO_LEAVE && (failed || waited_enough(d, now))) {
        if (failed) {
            leave(d);       /* why there is no checkpoint was told; the one before counts */
        } else if (ht_chronicle_last(d->chronicle) > 0) {
            ht_driver_warn(d, "the replicas did not come to a safe point in time: the last checkpoint counts");
            leave(d);
        } else {
            stay(d);
        }
    }
}

bool ht_driver_has_left(const ht_driver *d)
{
    for (int i = 0; i < d->n_replicas; i++)
        if (!d->gone[i])
            return waited_enough(d, ht_comm_now(d->comm) - d->slept + d->ahead);
    return true;
}

/* ---- coming back ------------------------------------------------------------------------------ */

ht_status ht_driver_expect_back(ht_driver *d, ht_error *err)
{
    const ht_commit *c = ht_chronicle_commit(d->chronicle);
    int before = ht_coordinator_replicas(d->coordinator);
    d->n_replicas = d->n_here > before ? d->n_here : before;
    size_t n = (size_t)d->n_replicas;
    d->gone = calloc(n, sizeof *d->gone);
    if (d->gone == NULL || !ht_chronicle_crowd(d->chronicle, d->n_replicas))
        return ht_fail(err, HT_ENOMEM, "no memory to resume a run");
    ht_comeback *b = &d->comeback;
    *b = (ht_comeback){.on = true, .since = ht_driver_time(d), .expected = calloc(n, sizeof *b->expected),
                       .here = calloc(n, sizeof *b->here), .hello = calloc(n, sizeof *b->hello)};
    if (b->expected == NULL || b->here == NULL || b->hello == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory to resume a run");
    for (size_t i = 0; i < n && i < c->n_replicas; i++)
        b->expected[i] = c->replicas[i].lives;
    return HT_OK;
}

static void release_comeback(ht_driver *d, ht_comeback *b)
{
    for (int i = 0; b->hello != NULL && i < d->n_replicas; i++)
        free(b->hello[i].data);
    while (b->first != NULL) {
        ht_early *e = b->first;
        b->first = e->next;
        free(e->bytes.data);
        free(e);
    }
    free(b->expected);
    free(b->here);
    free(b->hello);
    *b = (ht_comeback){0};
}

static bool copy(const ht_bytes *from, ht_bytes *to)
{
    *to = (ht_bytes){malloc(from->n + 1), from->n};
    if (to->data == NULL)
        return false;
    memcpy(to->data, from->data, from->n);
    return true;
}

static void keep_early(ht_driver *d, int replica, const ht_bytes *bytes)
{
    ht_comeback *b = &d->comeback;
    ht_early *e = calloc(1, sizeof *e);
    if (e == NULL || !copy(bytes, &e->bytes)) {
        free(e);
        ht_driver_warn(d, "no memory for a message of a replica");
        return;
    }
    e->replica = replica;
    if (b->last != NULL)
        b->last->next = e;
    else
        b->first = e;
    b->last = e;
}

static void take_early(ht_driver *d, int replica, const ht_bytes *bytes)
{
    ht_comeback *b = &d->comeback;
    bool hello = bytes->n > 0 && bytes->data[0] == HT_MESSAGE_HELLO;
    if (hello && replica >= 0 && replica < d->n_replicas && b->expected[replica] && !b->here[replica] &&
        copy(bytes, &b->hello[replica]))
        b->here[replica] = true;
    else
        keep_early(d, replica, bytes);
}

/* What a replica needs to go on: its own manifest, and those of replicas that did not come. Owned by the caller. */
static char *manifest_of(const ht_driver *d, int replica, const bool *present)
{
    const ht_commit *c = ht_chronicle_commit(d->chronicle);
    cJSON *to = cJSON_Duplicate(c->replicas[replica].manifest, true), *absent = cJSON_CreateObject();
    char name[24];
    for (size_t i = 0; i < c->n_replicas; i++) {
        snprintf(name, sizeof name, "%zu", i);
        if (c->replicas[i].lives && !present[i])
            ht_json_put(absent, name, cJSON_Duplicate(c->replicas[i].manifest, true));
    }
    ht_json_put(to, "absent", absent);
    char *text = to != NULL ? ht_json_line(to) : NULL;
    cJSON_Delete(to);
    return text;
}

/* @return false: it cannot go on */
static bool welcome_back(ht_driver *d, int replica, const ht_bytes *hello, const bool *present)
{
    ht_error err = {""};
    ht_bytes bytes = {0};
    ht_packet *m = malloc(sizeof *m);
    char *manifest = manifest_of(d, replica, present);
    ht_status st = m != NULL && manifest != NULL ? HT_OK : ht_fail(&err, HT_ENOMEM, "no memory to resume a replica");
    if (st == HT_OK && (st = ht_packet_decode(hello->data, hello->n, m, &err)) == HT_OK) {
        st = ht_coordinator_welcome_back(d->coordinator, replica, &m->as.hello, manifest, &bytes, &err);
        ht_packet_release(m);
    }
    if (st == HT_OK)
        st = ht_comm_send(d->comm, replica + 1, bytes.data, bytes.n, &err);
    if (st != HT_OK)
        ht_driver_warn(d, err.text);
    free(bytes.data);
    free(manifest);
    free(m);
    return st == HT_OK;
}

static void drain(void *ctx)
{
    ht_driver_drain(ctx);
}

static bool all_here(const ht_driver *d)
{
    for (int i = 0; i < d->n_here && i < d->n_replicas; i++)
        if (d->comeback.expected[i] && !d->comeback.here[i])
            return false;
    return true;
}

static void tell(ht_driver *d, ht_input_kind kind, int replica, const void *bytes, size_t n)
{
    double now = ht_driver_time(d);
    ht_driver_note(d, kind, now, replica, bytes, n);
    ht_feed(d->coordinator, kind, now, replica, bytes, n, NULL);
    ht_driver_drain(d);
}

/* Who did not come retires before anybody else is heard: then its account is what its checkpoint holds. */
static void part_with_missing(ht_driver *d, const ht_comeback *b)
{
    size_t n = (size_t)ht_coordinator_replicas(d->coordinator);
    for (int i = 0; i < d->n_replicas; i++)
        if (b->expected[i] && !b->here[i])
            tell(d, HT_INPUT_RETIRED, i, b->here, n);
}

void ht_driver_give_way(ht_driver *d)
{
    d->overtaken = true;
    release_comeback(d, &d->comeback);
    if (d->leaving != HT_LEAVES)
        leave(d);
}

/* What is written down stays as it is, for a start that can go on. */
static void decline(ht_driver *d, ht_comeback *b, const char *why)
{
    ht_error text;
    ht_fail(&text, HT_EFAILED, "%s: the run stays where it was stopped", why);
    ht_driver_warn(d, text.text);
    release_comeback(d, b);
    leave(d);
    for (int i = 0; i < d->n_replicas; i++)
        d->gone[i] = true;
}

/* Everybody is there, or was waited for long enough: the run goes on. */
static void end_comeback(ht_driver *d)
{
    ht_error err = {""};
    ht_comeback b = d->comeback;
    d->comeback = (ht_comeback){0};
    for (int i = 0; i < d->n_replicas; i++)
        b.here[i] = b.expected[i] && b.here[i] && ht_coordinator_has(d->coordinator, i);
    int came = 0, failed = 0;
    for (int i = 0; i < d->n_replicas; i++) {
        came += b.here[i];
        if (b.here[i] && !welcome_back(d, i, &b.hello[i], b.here)) {
            b.here[i] = false;
            failed++;
        }
    }
    if (came > 0 && failed == came) {           /* all are of another program */
        decline(d, &b, "no replica could go on");
        return;
    }
    if (ht_driver_go_on(d, &err) != HT_OK) {
        decline(d, &b, err.text);
        return;
    }
    ht_status st = ht_chronicle_resume(d->chronicle, &err);
    if (d->n_here > ht_coordinator_replicas(d->coordinator))
        tell(d, HT_INPUT_CROWD, d->n_here, NULL, 0);
    part_with_missing(d, &b);
    ht_driver_tell_back(d, b.expected, b.here);
    if (st != HT_OK)
        ht_driver_warn(d, err.text);        /* kept, and tried again: what was on its way must not be lost */
    if (ht_chronicle_hand_over(d->chronicle, d->coordinator, b.here, drain, d, &err) != HT_OK && st == HT_OK)
        ht_driver_warn(d, err.text);
    for (int i = 0; i < d->n_replicas; i++)
        if (b.here[i])
            tell(d, HT_INPUT_BACK, i, NULL, 0);
    ht_coordinator_view view;
    ht_coordinator_peek(d->coordinator, &view);
    if (ht_inbox_open(d->run_dir, view.command_end, &d->inbox, &err) != HT_OK)
        ht_driver_warn(d, err.text);
    for (const ht_early *e = b.first; e != NULL; e = e->next)
        if (!ht_driver_intercepts(d, e->replica, &e->bytes))
            ht_driver_hand_in(d, e->replica, &e->bytes);
    release_comeback(d, &b);
}

/* ---- now and then ----------------------------------------------------------------------------- */

bool ht_driver_intercepts(ht_driver *d, int replica, const ht_bytes *bytes)
{
    if (d->comeback.on) {
        take_early(d, replica, bytes);
        return true;
    }
    ht_message_kind kind = bytes->n > 0 ? (ht_message_kind)bytes->data[0] : 0;
    if (d->leaving == HT_LEAVES) {
        if (kind == HT_MESSAGE_BYE && replica >= 0 && replica < d->n_replicas)
            d->gone[replica] = true;
        return true;
    }
    if (d->sent_off && kind == HT_MESSAGE_BYE && replica >= 0 && replica < d->n_replicas &&
        !ht_chronicle_awaits(d->chronicle, replica)) {
        d->gone[replica] = true;
        return true;
    }
    if (kind != HT_MESSAGE_SAVED)
        return false;
    if (d->chronicle != NULL)
        take_saved(d, replica, bytes);
    return true;
}

/* An independent replica of several ranks has tuned values on each of them, which one manifest cannot hold. */
static bool can_be_written(const ht_driver *d)
{
    ht_coordinator_view view;
    ht_coordinator_peek(d->coordinator, &view);
    return view.pool != NULL || d->ranks_per_replica == 1;
}

void ht_driver_checkpoint(ht_driver *d)
{
    double now = ht_driver_time(d);
    if (d->leaving == HT_LEAVES)
        return;
    if (d->comeback.on) {
        if (all_here(d) || now - d->comeback.since > d->patience_s / 2)
            end_comeback(d);
        return;
    }
    if (d->chronicle == NULL || !can_be_written(d)) {
        if (d->leaving == HT_STAYS && must_leave(d))
            stay(d);
        return;
    }
    if (ht_chronicle_is_cutting(d->chronicle))
        check_living(d);
    see_to_leaving(d);
    if (d->leaving != HT_LEAVES && ht_chronicle_is_due(d->chronicle, now, d->leaving == HT_WANTS_TO_LEAVE))
        begin_checkpoint(d);
    send_off(d);
}

void ht_driver_checkpoint_release(ht_driver *d)
{
    release_comeback(d, &d->comeback);
    ht_chronicle_destroy(d->chronicle);
    free(d->gone);
}
