/* src/population/pool.c - events and time come in and are handed to the policy; see pool.h and pool_state.h.
 *
 * A REPORT or MEASURED that comes in is an answer. Elastic: it is handled at once. Barrier: it waits in
 * `letters` until every replica that owes one has answered (or died), then all are handled, replica by
 * replica. A TICK only changes what is known of its replica.
 *
 * May touch: the heap. Not: MPI, files, clock, globals. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "population/pool_state.h"

static const double pace_memory = .7;       /* of the average of seconds per epoch */
static const double diverged_factor = 1e3;  /* of the first loss */
static const double grace_epochs = 1.5;     /* that a stopped WORK may still take to its next safe point */

/* ---- life ----------------------------------------------------------------------------------- */

static ht_status check(const ht_pool_options *o, const ht_member *member, const ht_policy_class *policy,
                       const ht_tuned *knobs, ht_error *err)
{
    if (policy == NULL)
        return ht_fail(err, HT_EINVAL, "population.policy: this policy is not there");
    if (policy->needs_init && !member->has_init)
        return ht_fail(err, HT_EINVAL,
                       "policy '%s' needs a program that can start anew: register an init callback",
                       policy->name);
    if (policy->needs_state && !(member->has_state && member->has_validate))
        return ht_fail(err, HT_EINVAL,
                       "policy '%s' moves training states: register the state's buffers and a "
                       "callback that validates",
                       policy->name);
    if (knobs->n == 0)
        return ht_fail(err, HT_EINVAL,
                       "the recipe has no factor ('.._mult') for any knob of the program: name one "
                       "under actuators");
    for (size_t i = 0; i < knobs->n; i++) {
        const ht_tuned_knob *k = &knobs->k[i];
        if (!(k->lo <= k->hi))
            return ht_fail(err, HT_EINVAL, "%s.%s: the recipe's range [%g, %g] lies outside of the program's [%g, %g]",
                           k->actuator, k->name, k->family->range[0], k->family->range[1],
                           member->knobs[k->at].lo, member->knobs[k->at].hi);
    }
    if (o->n_replicas < 1 || o->epochs < 1)
        return ht_fail(err, HT_EINVAL, "a pool needs at least 1 replica and 1 epoch, not %d and %d",
                       o->n_replicas, o->epochs);
    return HT_OK;
}

static void release_seat(ht_pool_seat *s)
{
    free(s->measures);
    free(s->slots);
}

void ht_pool_reset_seat(ht_pool *p, int replica)
{
    ht_pool_seat *s = &p->seats[replica];
    for (size_t i = 0; i < s->n_slots; i++)
        ht_pool_tally_forget(&p->tally, replica, s->slots[i]);
    release_seat(s);
    *s = (ht_pool_seat){.pace = NAN, .first = NAN, .best = NAN, .best_node = -1, .node = -1, .tallied = s->tallied,
                        .incoming = s->incoming};
    p->tally.throne_is_open = true;     /* what it had was perhaps the best */
    ht_pool_recount(p, replica);
}

ht_status ht_pool_create(const ht_pool_options *o, const ht_member *member, ht_pool **out, ht_error *err)
{
    ht_status st = HT_OK;
    ht_pool *p = calloc(1, sizeof *p);
    if (p == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a pool");
    p->o = *o;
    p->member = *member;
    p->policy = ht_policy_of(o->recipe);
    p->champion = p->champion_node = -1;
    p->champion_loss = p->first_join = NAN;
    p->barrier = o->recipe->population.sync == HT_SYNC_BARRIER;
    ht_tuned_find(o->recipe, &p->member, &p->knobs);
    st = check(o, member, p->policy, &p->knobs, err);
    if (st == HT_OK) {
        p->seats = calloc((size_t)o->n_replicas, sizeof *p->seats);
        bool room = p->seats != NULL && ht_pool_tally_reserve(&p->tally, (size_t)o->n_replicas);
        st = room ? ht_lineage_create(p->knobs.n, &p->lineage, err)
                  : ht_fail(err, HT_ENOMEM, "no memory for %d replicas", o->n_replicas);
    }
    p->tally.rival = -1;
    for (; st == HT_OK && p->n_seats < o->n_replicas; p->n_seats++)
        ht_pool_reset_seat(p, p->n_seats);
    if (st == HT_OK)
        st = p->policy->create(p, &p->self, err);
    if (st == HT_OK)
        *out = p;
    else
        ht_pool_destroy(p);
    return st;
}

void ht_pool_destroy(ht_pool *p)
{
    if (p == NULL)
        return;
    if (p->policy != NULL)
        p->policy->destroy(p->self);
    ht_pool_orders_release(p);
    ht_pool_notes_release(p);
    for (ht_pool_letter *l = p->letters, *next; l != NULL; l = next) {
        next = l->next;
        free(l);
    }
    for (int i = 0; p->seats != NULL && i < p->n_seats; i++)
        release_seat(&p->seats[i]);
    ht_pool_transfers_release(p);
    ht_pool_tally_release(&p->tally);
    free(p->seats);
    ht_lineage_destroy(p->lineage);
    free(p);
}

void ht_pool_plan(const ht_pool_options *o, const ht_member *member, ht_string *out)
{
    const ht_policy_class *policy = ht_policy_of(o->recipe);
    ht_string_add(out, "policy: %s (%s)\n", policy->name, policy->about);
    ht_tuned tuned;
    ht_tuned_find(o->recipe, member, &tuned);
    ht_tuned_print(&tuned, member, out);
    policy->plan(o, member, out);
}

void ht_pool_no_memory(ht_pool *p)
{
    p->no_memory = true;
}

/* ---- answers -------------------------------------------------------------------------------- */

/* NaN for everything that counts as diverged. */
static double judge_loss(ht_pool *p, ht_pool_seat *s, double objective)
{
    double loss = ht_pool_shown(p, objective);      /* negation is its own inverse */
    if (!isfinite(loss))
        return NAN;
    if (isnan(s->first))
        s->first = loss;
    return s->first != 0 && loss >= diverged_factor * fabs(s->first) ? NAN : loss;
}

static void take_best(ht_pool *p, ht_pool_seat *s, int replica, double objective)
{
    double loss = judge_loss(p, s, objective);
    ht_pool_saw(p, replica, loss, s->work.node);
    if (!isnan(loss) && !(loss >= s->work.best))
        s->work.best = loss;
}

static void handle_report(ht_pool *p, int replica, const ht_pool_event *e)
{
    ht_pool_seat *s = &p->seats[replica];
    ht_pool_task w = s->work;
    if (e->number != w.number || w.number == 0)
        return;
    double loss = e->epoch > 0 ? judge_loss(p, s, e->loss) : NAN;
    ht_pool_result r = {.number = w.number,
                        .task = w.task,
                        .asked = w.asked,
                        .epochs = e->epoch,
                        .loss = loss,
                        .best = w.best,
                        .late = w.stopped && e->epoch < w.asked,
                        .anomaly = e->anomaly,
                        .first_step = w.first_step,
                        .step = e->step,
                        .node = w.node};
    ht_lineage_end(p->lineage, w.node, e->epoch, loss);
    ht_pool_forget_transfers(p, replica);
    s->work = (ht_pool_task){0};
    s->answered = false;
    ht_pool_recount(p, replica);
    ht_pool_crown(p);
    if (p->stopping || p->finished)
        return;
    if (w.given_up)
        p->policy->ready(p->self, replica);
    else
        p->policy->reported(p->self, replica, &r);
}

static void handle_measured(ht_pool *p, int replica, unsigned long number, double objective)
{
    ht_pool_measure m;
    if (!ht_pool_measure_take(p, replica, number, &m)) {
        /* too late for the policy, but its weights are kept */
        ht_pool_saw(p, replica, judge_loss(p, &p->seats[replica], objective), p->seats[replica].node);
        return;
    }
    double loss = judge_loss(p, &p->seats[replica], objective);
    ht_lineage_end(p->lineage, m.node, ht_lineage_get(p->lineage, m.node).epochs, loss);
    ht_pool_saw(p, replica, loss, m.node);
    ht_pool_crown(p);
    if (!p->stopping && !p->finished)
        p->policy->measured(p->self, number, replica, loss);
}

static void handle_failed(ht_pool *p, const ht_pool_event *e)
{
    ht_pool_transfer t;
    if (!ht_pool_transfer_take(p, e->number, &t))
        return;         /* the other end has said so already */
    ht_pool_say(p, "a state did not get from replica %d to %d: %s", t.from, t.to, e->text);
    ht_pool_forget_slot(p, t.to, t.to_slot);
    p->tally.mishaps++;
    if (p->policy->failed != NULL && !p->stopping && !p->finished)
        p->policy->failed(p->self, &t);
}

static void handle(ht_pool *p, int replica, const ht_pool_event *e)
{
    if (e->kind == HT_EVENT_REPORT)
        handle_report(p, replica, e);
    else if (e->kind == HT_EVENT_MEASURED)
        handle_measured(p, replica, e->number, e->loss);
    else if (e->kind == HT_EVENT_FAILED)
        handle_failed(p, e);
}

/* Trains or validates, and nobody has given it up. */
static bool is_awaited(const ht_pool_seat *s)
{
    return ht_seat_lives(s) && ((s->work.number > 0 && !s->work.given_up) || s->n_measures > 0);
}

/* ---- the barrier ---------------------------------------------------------------------------- */

static void mark_answered(ht_pool_seat *s, const ht_pool_event *e)
{
    if (e->kind == HT_EVENT_REPORT && e->number == s->work.number)
        s->answered = true;
    for (size_t i = 0; i < s->n_measures; i++)
        if (e->kind == HT_EVENT_MEASURED && e->number == s->measures[i].number)
            s->measures[i].answered = true;
}

static void keep(ht_pool *p, int replica, const ht_pool_event *e)
{
    ht_pool_letter *l = malloc(sizeof *l), **at = &p->letters;
    if (l == NULL) {
        p->no_memory = true;
        return;
    }
    mark_answered(&p->seats[replica], e);
    while (*at != NULL && (*at)->replica <= replica)
        at = &(*at)->next;
    *l = (ht_pool_letter){*at, replica, *e};
    *at = l;
}

static bool owes_answer(const ht_pool_seat *s)
{
    bool owes = s->work.number > 0 && !s->answered && !s->work.given_up;
    for (size_t i = 0; i < s->n_measures; i++)
        owes = owes || !s->measures[i].answered;
    return ht_seat_lives(s) && owes;
}

static void handle_round(ht_pool *p)
{
    for (int i = 0; i < p->n_seats; i++)
        if (owes_answer(&p->seats[i]))
            return;
    ht_pool_letter *l = p->letters, *next;
    p->letters = NULL;
    for (; l != NULL; l = next) {
        next = l->next;
        handle(p, l->replica, &l->event);
        free(l);
    }
}

static void forget_letters(ht_pool *p, int replica)
{
    for (ht_pool_letter **at = &p->letters; *at != NULL;) {
        ht_pool_letter *l = *at;
        if (l->replica != replica) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        free(l);
    }
}

/* ---- the end of every call ------------------------------------------------------------------ */

static void try_start(ht_pool *p)
{
    if (p->started || p->stopping || ht_pool_living(p) == 0)
        return;
    bool overdue = p->now - p->first_join > p->o.patience_s, complete = true;
    if (ht_pool_living(p) < p->n_seats && !p->somebody_is_lost && !overdue)
        return;         /* without a look at each seat as each replica joins */
    for (int i = 0; i < p->n_seats; i++)
        complete = complete && (p->seats[i].joined || p->seats[i].lost);
    if (complete || overdue) {
        p->started = true;
        p->policy->start(p->self);
    }
}

/* All at once and not before everybody is through, because END says whose weights are the best of the run. */
static void end_all(ht_pool *p)
{
    for (int i = 0; i < p->n_seats; i++)
        if (is_awaited(&p->seats[i]))
            return;
    ht_pool_crown(p);       /* somebody who is too late may have told of the best weights in a TICK */
    for (int i = 0; i < p->n_seats; i++)
        if (ht_seat_lives(&p->seats[i]))
            ht_pool_end(p, i);
}

static ht_status settle(ht_pool *p)
{
    try_start(p);
    while (p->letters != NULL) {
        const ht_pool_letter *before = p->letters;
        handle_round(p);
        if (p->letters == before)
            break;      /* somebody still owes an answer */
    }
    if (p->started && !p->stopping && !p->finished && p->policy->tick != NULL)
        p->policy->tick(p->self);
    if (p->stopping || p->finished)
        end_all(p);
    bool failed = p->no_memory;
    p->no_memory = false;
    return failed ? HT_ENOMEM : HT_OK;
}

/* ---- what comes in -------------------------------------------------------------------------- */

void ht_pool_unseat(ht_pool *p, int replica)
{
    ht_pool_seat *s = &p->seats[replica];
    int task = s->work.number > 0 && !s->work.given_up ? s->work.task : -1;
    bool told = p->started && !p->stopping && !p->finished;
    s->lost = p->somebody_is_lost = true;
    ht_pool_recount(p, replica);
    forget_letters(p, replica);
    ht_pool_remark(p, "replica %d is lost", replica);
    cJSON *event = ht_pool_event_new(p, "lost", NAN);
    ht_json_put_int(event, "replica", replica);
    ht_pool_log(p, event);
    ht_pool_crown(p);
    s->work = (ht_pool_task){0};
    ht_pool_recount(p, replica);
    if (told)
        p->policy->lost(p->self, replica, task);
    while (s->n_measures > 0)
        handle_measured(p, replica, s->measures[0].number, NAN);
}

ht_status ht_pool_join(ht_pool *p, double now, int replica)
{
    if (replica >= p->n_seats) {    /* no policy for more replicas: it may go */
        ht_pool_send_home(p, replica);
        return HT_OK;
    }
    ht_pool_seat *s = &p->seats[replica];
    p->now = now;
    if (isnan(p->first_join))
        p->first_join = now;
    if (ht_seat_lives(s))
        ht_pool_unseat(p, replica);     /* it comes back with nothing: what it had is lost */
    ht_pool_reset_seat(p, replica);
    s->joined = true;
    ht_pool_recount(p, replica);
    if (p->started && !p->stopping && !p->finished)
        p->policy->ready(p->self, replica);
    return settle(p);
}

ht_status ht_pool_lose(ht_pool *p, double now, int replica)
{
    p->now = now;
    if (replica >= p->n_seats)
        return HT_OK;
    if (ht_seat_lives(&p->seats[replica]))
        ht_pool_unseat(p, replica);
    p->seats[replica].lost = p->somebody_is_lost = true;
    ht_pool_recount(p, replica);
    return settle(p);
}

/* ---- events and time ------------------------------------------------------------------------- */

/* What an event tells of its replica, whatever it is worth to the policy. */
static void take_account(ht_pool *p, int replica, const ht_pool_event *e)
{
    ht_pool_seat *s = &p->seats[replica];
    if ((e->kind != HT_EVENT_TICK && e->kind != HT_EVENT_REPORT) || e->number != s->work.number
        || e->number == 0)
        return;
    double pace = e->kind == HT_EVENT_TICK ? e->seconds : e->seconds / e->epoch;
    if (e->epoch > 0 && isfinite(pace))
        s->pace = isnan(s->pace) ? pace : pace_memory * s->pace + (1 - pace_memory) * pace;
    ht_pool_recount(p, replica);
    s->step = e->step;
    s->work.epochs = e->epoch;
    if (e->epoch == 1 && isfinite(e->seconds))
        s->work.since = p->now - e->seconds;    /* it began when its state was there */
    if (e->epoch > 0)
        take_best(p, s, replica, e->loss);
    if (e->kind == HT_EVENT_REPORT) {
        if (e->epoch > 0)
            take_best(p, s, replica, e->best);
        s->busy_s += e->seconds;
        s->waited_s += e->waited;
    }
}

ht_status ht_pool_receive(ht_pool *p, double now, int replica, const ht_pool_event *e)
{
    p->now = now;
    if (replica >= p->n_seats || !ht_seat_lives(&p->seats[replica]))
        return HT_OK;
    take_account(p, replica, e);
    if (e->kind == HT_EVENT_TICK)
        return settle(p);
    if (p->barrier)
        keep(p, replica, e);
    else
        handle(p, replica, e);
    return settle(p);
}

static void check_time_of(ht_pool *p, int replica, double pace)
{
    ht_pool_seat *s = &p->seats[replica];
    for (size_t i = 0; i < s->n_measures;)
        if (p->now > s->measures[i].due && !s->measures[i].answered) {
            ht_pool_say(p, "replica %d: a validation is overdue: it is not waited for", replica);
            handle_measured(p, replica, s->measures[i].number, NAN);
        } else
            i++;
    if (s->work.number == 0 || !s->work.timed || s->work.given_up || isnan(pace))
        return;
    double due = s->work.since + ht_pool_allowed(p, s->work.asked);
    if (p->now > due && s->work.epochs > 0)     /* less than an epoch is worth nothing */
        ht_pool_stop_work(p, replica);
    if (p->now > due + grace_epochs * fmax(pace, s->pace)) {
        s->work.given_up = true;
        ht_pool_say(p, "replica %d is overdue: it is not waited for", replica);
        if (!p->stopping && !p->finished)
            p->policy->overdue(p->self, replica, s->work.task);
    }
}

ht_status ht_pool_tick(ht_pool *p, double now)
{
    p->now = now;
    double pace = ht_pool_pace(p);
    for (int i = 0; i < p->n_seats; i++)
        if (ht_seat_lives(&p->seats[i]))
            check_time_of(p, i, pace);
    return settle(p);
}

ht_status ht_pool_stop(ht_pool *p, double now)
{
    p->now = now;
    p->stopping = true;
    for (int i = 0; i < p->n_seats; i++)
        if (ht_seat_lives(&p->seats[i]))
            ht_pool_stop_work(p, i);
    return settle(p);
}

void ht_pool_calm(ht_pool *p, bool calm)
{
    p->calm = calm;
}

void ht_pool_call_sick(ht_pool *p, int replica, const char *why)
{
    p->seats[replica].sick = true;
    ht_pool_recount(p, replica);
    ht_pool_say(p, "replica %d is sick: %s", replica, why);
}

bool ht_pool_is_done(const ht_pool *p)
{
    bool all_lost = true;
    for (int i = 0; i < p->n_seats; i++)
        all_lost = all_lost && p->seats[i].lost;
    return ht_pool_living(p) == 0 && (all_lost || p->started || p->stopping);
}
