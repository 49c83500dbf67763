/* src/population/coordinator_replica.c - the account of one replica; see coordinator_state.h.
 *
 * A replica counts its mutations and segments for itself, from 1. Here they get run-wide numbers in the
 * order in which they are handled. Only the number of the open mutation must be remembered: no other one
 * is spoken of again.
 * May touch: the coordinator. Not: files, clock, how bytes travel. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/text.h"
#include "population/coordinator_state.h"

bool ht_replica_is_living(const ht_replica *r)
{
    return !r->lost && !r->done;
}

/* ---- joining -------------------------------------------------------------------------------- */

/* A replica that says HELLO a second time was restarted: nothing of what it did goes on. */
static void start_again(ht_coordinator *c, int replica)
{
    ht_replica *r = &c->replicas[replica];
    ht_coordinator_lose_segment(c, replica);
    r->done = false;
    r->awaited = 0;
    r->local = r->judged = 0;
    r->mode_known = false;
    r->reject_streak = r->pause_left = r->global_cooldown = 0;
    free(r->cooldowns);
    r->cooldowns = NULL;
}

/* What a replica must know to begin or go on, in c->reply. Its recipe is owned by the caller, the rest is borrowed.
 * @return the recipe; NULL: no memory */
static char *compose_welcome(ht_coordinator *c, int replica, ht_mode mode)
{
    cJSON *recipe = ht_recipe_to_json(c->recipe);
    char *text = recipe != NULL ? ht_json_line(recipe) : NULL;
    cJSON_Delete(recipe);
    c->reply.kind = HT_MESSAGE_WELCOME;
    c->reply.as.welcome = (ht_welcome){.replica = replica, .mode = mode, .recipe = text,
                                       .pooled = c->replicas[replica].pooled,
                                       .replay = c->mode == HT_MODE_REPLAY ? c->replay : NULL,
                                       .freeze = ht_coordinator_freeze_order(c)};
    return text;
}

void ht_coordinator_welcome(ht_coordinator *c, int replica)
{
    bool pooled = c->pool != NULL && ht_coordinator_pool_fits(c, &c->in.as.hello.member);
    c->replicas[replica].pooled = pooled;
    char *recipe = compose_welcome(c, replica, c->pool != NULL && !pooled ? HT_MODE_OFF : c->mode);
    if (recipe == NULL) {
        c->no_memory = true;
        return;
    }
    ht_coordinator_send(c, replica, &c->reply);     /* what else is in it is borrowed: no release */
    free(recipe);
    c->replicas[replica].joined = true;
    ht_coordinator_resend(c, replica);
}

ht_status ht_coordinator_welcome_back(ht_coordinator *c, int replica, const ht_hello *hello, const char *manifest,
                                      ht_bytes *out, ht_error *err)
{
    if (!ht_coordinator_has(c, replica))
        return ht_fail(err, HT_EREFUSED, "replica %d is not part of the checkpoint", replica);
    if (c->pool != NULL && c->replicas[replica].pooled && !ht_coordinator_pool_fits(c, &hello->member))
        return ht_fail(err, HT_EREFUSED,
                       "replica %d has another training state or other knobs than the run that is resumed: start the "
                       "same program with the same options", replica);
    char *recipe = compose_welcome(c, replica, c->mode);
    if (recipe == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory to resume replica %d", replica);
    c->reply.as.welcome.resume = (char *)manifest;      /* only read */
    ht_status st = ht_packet_encode(&c->reply, out);
    free(recipe);
    return st == HT_OK ? HT_OK : ht_fail(err, st, "no memory to resume replica %d", replica);
}

ht_status ht_coordinator_back(ht_coordinator *c, double now, int replica)
{
    c->now = now;
    c->replicas[replica].heard = now;
    ht_coordinator_resend(c, replica);
    return ht_coordinator_settle(c);
}

ht_status ht_coordinator_retire(ht_coordinator *c, double now, int replica, const bool *present, size_t n)
{
    c->now = now;
    if (n == (size_t)c->n_replicas && ht_coordinator_has(c, replica)) {
        ht_coordinator_pool_retire(c, replica, present);
        ht_coordinator_lose(c, replica);
    }
    return ht_coordinator_settle(c);
}

ht_status ht_coordinator_crowd(ht_coordinator *c, double now, int n)
{
    c->now = now;
    if (n <= c->n_replicas)
        return HT_OK;
    ht_replica *replicas = realloc(c->replicas, (size_t)n * sizeof *replicas);
    if (replicas == NULL)
        return HT_ENOMEM;
    c->replicas = replicas;
    ht_posterior **posteriors = realloc(c->posteriors, (size_t)n * sizeof *posteriors);
    if (posteriors == NULL || !ht_coordinator_crowd_pending(c, n))
        return HT_ENOMEM;
    c->posteriors = posteriors;
    for (int i = c->n_replicas; i < n; i++) {
        c->replicas[i] = (ht_replica){.heard = NAN, .decided = NAN, .lost = true};  /* not awaited */
        c->posteriors[i] = NULL;
    }
    ht_coordinator_say(c, "room for %d replicas: there were %d", n, c->n_replicas);
    c->n_replicas = n;
    ht_coordinator_pool_crowd(c, n);
    return ht_coordinator_settle(c);
}

int ht_coordinator_replicas(const ht_coordinator *c)
{
    return c->n_replicas;
}

bool ht_coordinator_has(const ht_coordinator *c, int replica)
{
    return replica >= 0 && replica < c->n_replicas && c->replicas[replica].joined &&
           ht_replica_is_living(&c->replicas[replica]);
}

/* The descriptions of the knobs are those of one replica: the first that lives. Takes `controls`. */
static void keep_controls(ht_coordinator *c, int replica, char **controls)
{
    if (*controls == NULL)
        return;
    for (int i = 0; i < replica; i++)
        if (c->replicas[i].introduced && ht_replica_is_living(&c->replicas[i]))
            return;
    char **record = ht_coordinator_post(c, HT_RECORD_CONTROLS);
    if (record != NULL) {
        *record = *controls;
        *controls = NULL;
    }
}

static void hello(ht_coordinator *c, int replica, ht_hello *h)
{
    ht_replica *r = &c->replicas[replica];
    bool again = r->introduced;
    if (again)
        start_again(c, replica);
    r->introduced = true;
    const char *actuators = h->actuators[0] != '\0' ? h->actuators : "none";
    if (again)
        ht_coordinator_say(c, "replica %d started again; actuators: %.150s", replica, actuators);
    else
        ht_coordinator_note(c, "replica %d joined; actuators: %.150s", replica, actuators);
    keep_controls(c, replica, &h->controls);
    if (r->pooled) {
        ht_coordinator_pool_join(c, replica);
    } else if (c->pool != NULL) {
        ht_coordinator_say(c, "replica %d brings another training state or other knobs than the first one: "
                           "it trains beside the pool, untuned", replica);
        ht_coordinator_pool_lose(c, replica);       /* nobody waits for it */
    }
}

/* ---- records -------------------------------------------------------------------------------- */

static void log_mutation(ht_coordinator *c, int replica, ht_mutation *m, unsigned long number)
{
    m->number = number;
    m->replica = replica;
    ht_statistics_mutation(&c->statistics, m);
    ht_mutation *record = ht_coordinator_post(c, HT_RECORD_MUTATION);
    if (record != NULL)
        *record = *m;
}

static ht_posterior *posterior_of(ht_coordinator *c, int replica)
{
    ht_posterior **p = &c->posteriors[c->shared ? 0 : replica];
    if (*p == NULL && ht_posterior_create(p, NULL) != HT_OK)
        c->no_memory = true;
    return *p;
}

static void learn(ht_coordinator *c, int replica, const ht_segment *g, const ht_mutation *m)
{
    ht_observation o;
    ht_error err = {""};
    if (!ht_observation_of(g, m, &o))
        return;
    ht_posterior *p = posterior_of(c, replica);
    if (p != NULL && ht_posterior_add(p, &o, &err) != HT_OK)
        ht_coordinator_say(c, "replica %d: nothing was learned from m_%05lu: %.150s", replica, m->number,
                           err.text);
}

static void log_segment(ht_coordinator *c, int replica, ht_segment *g, const ht_mutation *m)
{
    g->number = ++c->segments;
    g->mutation = m->number;
    g->replica = replica;
    if (ht_statistics_segment(&c->statistics, g, m) != HT_OK)
        c->no_memory = true;
    ht_closed *record = ht_coordinator_post(c, HT_RECORD_SEGMENT);
    if (record != NULL) {
        record->segment = *g;
        record->mutation = *m;
    }
    learn(c, replica, g, m);
}

/* A segment was judged. After a loss its mutation may be unknown here: it gets a new number then. One that
 * comes again (the replica did not wait for our answer) is known already. */
static void close_segment(ht_coordinator *c, int replica, ht_segment *g, ht_mutation *m)
{
    ht_replica *r = &c->replicas[replica];
    bool known = m->number == r->local && r->local != 0;
    if (m->number == r->judged && r->judged != 0)
        return;
    r->judged = m->number;
    log_mutation(c, replica, m, known ? r->mutation.number : ++c->mutations);
    log_segment(c, replica, g, m);
    if (known)
        r->open = false;
}

void ht_coordinator_lose_segment(ht_coordinator *c, int replica)
{
    ht_replica *r = &c->replicas[replica];
    if (!r->open)
        return;
    ht_segment g = {
        .start_step = r->mutation.step, .end_step = r->step, .pre = r->pre, .decision = HT_DECISION_LOST};
    ht_name_copy(g.horizon, c->recipe->acceptance.horizon);
    log_segment(c, replica, &g, &r->mutation);
    r->open = false;
}

/* ---- a decision point ----------------------------------------------------------------------- */

static bool is_better(const ht_coordinator *c, double a, double b)
{
    return c->recipe->objective.mode == HT_MINIMIZE ? a < b : a > b;
}

static void keep_best(ht_coordinator *c, int replica, const ht_report *report)
{
    const double *x = ht_readings_find(&report->readings, c->recipe->objective.primary);
    if (x == NULL || !isfinite(*x) || (c->has_best && !is_better(c, *x, c->best)))
        return;
    c->has_best = true;
    c->best = *x;
    c->best_replica = replica;
    c->best_step = report->step;
    c->best_epoch = report->epoch;
}

static void keep_mode(ht_coordinator *c, int replica, ht_mode mode)
{
    c->replicas[replica].mode = mode;
    c->replicas[replica].mode_known = true;
    c->was_on |= mode != HT_MODE_OFF;
}

static void report(ht_coordinator *c, int replica, ht_report *m)
{
    ht_replica *r = &c->replicas[replica];
    r->step = m->step;
    r->epoch = m->epoch;
    if (m->total_steps > 0)
        r->total_steps = m->total_steps;
    r->readings = m->readings;
    keep_mode(c, replica, m->mode);
    keep_best(c, replica, m);
    if (m->has_segment)
        close_segment(c, replica, &m->segment, &m->judged);
}

void ht_coordinator_direct(ht_coordinator *c, int replica)
{
    const ht_report *asked = &c->in.as.report;
    c->reply.kind = HT_MESSAGE_DIRECTIVE;
    ht_directive *d = &c->reply.as.directive;
    d->decision = asked->decision;
    d->stop = c->stopping;
    d->has_proposal = false;
    bool over = asked->total_steps > 0 && asked->step >= asked->total_steps;   /* nothing could be judged */
    const ht_posterior *p = asked->asks && !over && !c->stopping ? posterior_of(c, replica) : NULL;
    if (p != NULL) {
        ht_random random = ht_random_stream((uint64_t)c->recipe->search.seed, HT_RANDOM_PROPOSAL,
                                            (uint64_t)replica, asked->decision);
        d->has_proposal = ht_propose(p, c->recipe, &asked->ask, &random, &d->proposal);
    }
    ht_coordinator_send(c, replica, &c->reply);
}

/* Only what was applied with a snapshot waits for a verdict; replayed mutations have none. */
static void made(ht_coordinator *c, int replica, ht_mutation *m)
{
    ht_replica *r = &c->replicas[replica];
    unsigned long local = m->number;
    log_mutation(c, replica, m, ++c->mutations);
    if (m->status != HT_MUTATION_APPLIED || !m->has_snapshot)
        return;
    r->open = true;
    r->local = local;
    r->mutation = *m;
    r->pre = r->readings;
}

static void window(ht_coordinator *c, int replica, ht_window *w)
{
    ht_replica *r = &c->replicas[replica];
    w->replica = replica;
    if (w->has_active)
        w->active = w->active == r->local ? r->mutation.number : 0;
    r->reject_streak = w->reject_streak;
    r->pause_left = w->pause_left;
    r->global_cooldown = w->global_cooldown;
    ht_statistics_blocked(&c->statistics, &w->blocked);
    ht_window *record = ht_coordinator_post(c, HT_RECORD_WINDOW);
    if (record != NULL)
        *record = *w;
}

static void warning(ht_coordinator *c, int replica, const char *text)
{
    ht_coordinator_say(c, "replica %d: %.220s", replica, text);
    for (size_t i = 0; i < c->n_warnings; i++)
        if (strcmp(c->warnings[i], text) == 0)
            return;
    if (c->n_warnings < HT_WARNINGS_MAX)
        memcpy(c->warnings[c->n_warnings++], text, strlen(text) + 1);
}

static void outcome(ht_coordinator *c, int replica, ht_outcome *m)
{
    ht_replica *r = &c->replicas[replica];
    for (size_t i = 0; i < m->n_made; i++)
        made(c, replica, &m->made[i]);
    if (m->has_window) {
        window(c, replica, &m->window);
        free(r->cooldowns);
        r->cooldowns = m->cooldowns;
        m->cooldowns = NULL;
    }
    keep_controls(c, replica, &m->controls);
    if (m->warning[0] != '\0')
        warning(c, replica, m->warning);
    for (size_t i = 0; i < m->n_disabled; i++)
        ht_coordinator_disabled(c, replica, m->disabled[i].what, m->disabled[i].error);
}

/* ---- leaving -------------------------------------------------------------------------------- */

static void keep_result(ht_coordinator *c, int replica, const ht_bye *m)
{
    if (!m->has_result)
        return;
    bool first = !c->has_result || isnan(c->result_val);
    if (!first && !is_better(c, m->val, c->result_val))     /* false for NaN, too */
        return;
    c->has_result = true;
    c->result_val = m->val;
    c->result_test = m->test;
    c->result_replica = replica;
}

static void bye(ht_coordinator *c, int replica, ht_bye *m)
{
    ht_replica *r = &c->replicas[replica];
    r->step = m->step;
    r->epoch = m->epoch;
    keep_mode(c, replica, m->mode);
    c->was_on |= m->was_on;
    c->replay_missed += m->replay_missed;
    if (m->has_segment)
        close_segment(c, replica, &m->segment, &m->judged);
    ht_coordinator_lose_segment(c, replica);    /* open still: the replica lost it itself */
    keep_result(c, replica, m);
    r->done = true;
    ht_coordinator_pool_lose(c, replica);
    const bool early = c->pool != NULL && !ht_pool_is_done(c->pool);
    (early ? ht_coordinator_say : ht_coordinator_note)(c, "replica %d is done at step %lld", replica, m->step);
    ht_coordinator_close_answered(c);
}

void ht_coordinator_lose(ht_coordinator *c, int replica)
{
    ht_replica *r = &c->replicas[replica];
    r->lost = true;
    ht_coordinator_say(c, "replica %d is lost: nothing heard since step %lld; the others go on", replica,
                       r->step);
    ht_coordinator_lose_segment(c, replica);
    ht_coordinator_pool_lose(c, replica);
    ht_coordinator_close_answered(c);
}

/* ---- all of them ---------------------------------------------------------------------------- */

void ht_coordinator_handle(ht_coordinator *c, int replica)
{
    ht_packet *m = &c->in;
    ht_arrival *record = ht_coordinator_post(c, HT_RECORD_ARRIVAL);
    if (record != NULL)
        *record = (ht_arrival){replica, m->kind};
    switch (m->kind) {
    case HT_MESSAGE_HELLO:
        hello(c, replica, &m->as.hello);
        break;
    case HT_MESSAGE_REPORT:
        report(c, replica, &m->as.report);
        break;
    case HT_MESSAGE_OUTCOME:
        outcome(c, replica, &m->as.outcome);
        break;
    case HT_MESSAGE_ANSWER:
        ht_coordinator_answered(c, replica, &m->as.answer);
        break;
    case HT_MESSAGE_EVENT:
        ht_coordinator_pool_event(c, replica, &m->as.event);
        break;
    case HT_MESSAGE_BYE:
        bye(c, replica, &m->as.bye);
        break;
    default:                /* SAVED is for the driver; others were refused when they arrived */
        break;
    }
}
