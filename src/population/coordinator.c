/* src/population/coordinator.c - events in, messages and records out; the contract is in coordinator.h.
 *
 * Elastic: a message is handled when it comes. Barrier: the messages of each replica wait in its queue;
 * when every living replica's queue holds a REPORT or BYE, the round is handled replica by replica, then
 * all DIRECTIVEs are made from what all have reported. So what is decided does not depend on who came
 * first. HELLO alone is answered at once: nobody could report without it.
 * May touch: the heap. Not: MPI, files, clock, globals. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "population/carrier.h"
#include "population/coordinator_state.h"

/* ---- life ----------------------------------------------------------------------------------- */

static char *copy_text(const char *text)
{
    char *copy = text != NULL ? malloc(strlen(text) + 1) : NULL;
    return copy != NULL ? strcpy(copy, text) : NULL;
}

static ht_status build(ht_coordinator *c, const ht_coordinator_options *o, ht_error *err)
{
    HT_TRY(ht_recipe_copy(o->recipe, &c->recipe, err));
    size_t n = (size_t)o->n_replicas;
    c->replicas = calloc(n, sizeof *c->replicas);
    c->posteriors = calloc(n, sizeof *c->posteriors);
    c->replay = copy_text(o->replay);
    if (c->replicas == NULL || c->posteriors == NULL || (o->replay != NULL && c->replay == NULL))
        return ht_fail(err, HT_ENOMEM, "no memory for a coordinator of %d replicas", o->n_replicas);
    HT_TRY(ht_posterior_create(&c->posteriors[0], err));
    c->n_replicas = o->n_replicas;
    c->mode = o->mode;
    c->epochs = o->epochs;
    c->announce = o->announce;
    c->announce_ctx = o->announce_ctx;
    c->barrier = c->recipe->population.sync == HT_SYNC_BARRIER && !ht_coordinator_wants_pool(c);
    c->shared = c->recipe->search.shared;
    c->was_on = o->mode != HT_MODE_OFF;
    c->silence_s = o->silence_s;
    c->began = NAN;
    c->mutations = o->first_mutation;
    c->segments = o->first_segment;
    for (size_t i = 0; i < n; i++)
        c->replicas[i].heard = c->replicas[i].decided = NAN;
    ht_coordinator_note(c, "start: %d replica%s, mode %s, sync %s", o->n_replicas,
                       o->n_replicas == 1 ? "" : "s", ht_mode_text(o->mode),
                       c->recipe->population.sync == HT_SYNC_BARRIER ? "barrier" : "elastic");
    HT_TRY(ht_coordinator_freeze(c, NAN, &o->freeze));
    return ht_coordinator_settle(c);
}

ht_status ht_coordinator_create(const ht_coordinator_options *o, ht_coordinator **out, ht_error *err)
{
    if (o->n_replicas < 1)
        return ht_fail(err, HT_EINVAL, "a coordinator needs replicas: %d were given", o->n_replicas);
    ht_coordinator *c = calloc(1, sizeof *c);
    if (c == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a coordinator");
    ht_statistics_init(&c->statistics);
    ht_status st = build(c, o, err);
    if (st == HT_OK) {
        *out = c;
        c = NULL;
    }
    ht_coordinator_destroy(c);
    return st;
}

static void release_replica(ht_replica *r)
{
    ht_letter letter;
    while (ht_letters_take(&r->inbox, &letter))
        free(letter.bytes.data);
    free(r->asked.data);
    free(r->cooldowns);
}

void ht_coordinator_destroy(ht_coordinator *c)
{
    if (c == NULL)
        return;
    ht_coordinator_control_release(c);
    ht_coordinator_outbox_release(c);
    for (int i = 0; i < c->n_replicas; i++) {
        release_replica(&c->replicas[i]);
        ht_posterior_destroy(c->posteriors[i]);
    }
    if (c->n_replicas == 0 && c->posteriors != NULL)
        ht_posterior_destroy(c->posteriors[0]);     /* failed before it was complete */
    free(c->replicas);
    free(c->posteriors);
    free(c->replay);
    free(c->list);
    ht_statistics_release(&c->statistics);
    ht_pool_destroy(c->pool);
    ht_learned_destroy(c->learned);
    ht_recipe_destroy(c->recipe);
    free(c);
}

/* ---- rounds of the barrier ------------------------------------------------------------------ */

static bool is_round_complete(const ht_coordinator *c)
{
    bool somebody = false;
    for (int i = 0; i < c->n_replicas; i++) {
        const ht_replica *r = &c->replicas[i];
        if (ht_replica_is_living(r) && r->due == 0)
            return false;
        somebody |= r->due > 0;
    }
    return somebody;
}

/* Handle what a replica sent, up to and including its REPORT or BYE, which is kept or over. */
static void handle_queued(ht_coordinator *c, int replica)
{
    ht_replica *r = &c->replicas[replica];
    ht_letter letter;
    bool ends = false;
    while (!ends && ht_letters_take(&r->inbox, &letter)) {
        if (ht_packet_decode(letter.bytes.data, letter.bytes.n, &c->in, NULL) != HT_OK) {
            c->no_memory = true;        /* it was well formed when it came */
            free(letter.bytes.data);
            continue;
        }
        ends = c->in.kind == HT_MESSAGE_REPORT || c->in.kind == HT_MESSAGE_BYE;
        r->due -= ends;
        ht_coordinator_handle(c, replica);
        if (c->in.kind == HT_MESSAGE_REPORT && !c->finished) {
            r->asked = letter.bytes;
            letter.bytes.data = NULL;
        }
        ht_packet_release(&c->in);
        free(letter.bytes.data);
    }
}

static void answer_kept(ht_coordinator *c, int replica)
{
    ht_replica *r = &c->replicas[replica];
    if (r->asked.data == NULL)
        return;
    if (ht_packet_decode(r->asked.data, r->asked.n, &c->in, NULL) == HT_OK)
        ht_coordinator_direct(c, replica);      /* a REPORT owns nothing */
    else
        c->no_memory = true;
    free(r->asked.data);
    r->asked = (ht_bytes){0};
}

static void run_rounds(ht_coordinator *c)
{
    while (c->barrier && is_round_complete(c)) {
        for (int i = 0; i < c->n_replicas; i++)
            if (c->replicas[i].due > 0)
                handle_queued(c, i);
        for (int i = 0; i < c->n_replicas; i++)
            answer_kept(c, i);
    }
}

/* ---- messages ------------------------------------------------------------------------------- */

static void note_time(ht_coordinator *c, double now)
{
    if (isnan(c->began))
        c->began = c->reassured = now;
    c->now = now;
}

static bool is_from_replica(ht_message_kind kind)
{
    return kind <= HT_MESSAGE_BYE;
}

static void hear(ht_coordinator *c, int replica, double now)
{
    ht_replica *r = &c->replicas[replica];
    r->heard = now;
    if (r->lost) {
        r->lost = false;
        ht_coordinator_say(c, "replica %d is back", replica);
        if (r->pooled && c->in.kind != HT_MESSAGE_HELLO && c->in.kind != HT_MESSAGE_BYE)
            ht_coordinator_pool_join(c, replica);   /* it waits for work, or soon will */
    }
    if (c->in.kind != HT_MESSAGE_REPORT && c->in.kind != HT_MESSAGE_HELLO)
        return;
    if (c->in.kind == HT_MESSAGE_REPORT && !isnan(r->decided))
        r->longest_s = fmax(r->longest_s, now - r->decided);
    r->decided = now;
}

static void queue(ht_coordinator *c, int replica, const void *bytes, size_t n)
{
    ht_replica *r = &c->replicas[replica];
    if (!ht_letters_add(&r->inbox, replica, bytes, n))
        c->no_memory = true;
    else if (c->in.kind == HT_MESSAGE_REPORT || c->in.kind == HT_MESSAGE_BYE)
        r->due++;
}

ht_status ht_coordinator_receive(ht_coordinator *c, double now, int replica, const void *bytes, size_t n)
{
    ht_error err = {""};
    note_time(c, now);
    if (replica < 0 || replica >= c->n_replicas) {
        ht_coordinator_say(c, "dropped a message: there is no replica %d", replica);
        return ht_coordinator_settle(c);
    }
    ht_status st = ht_packet_decode(bytes, n, &c->in, &err);
    if (st == HT_ENOMEM)
        return st;
    if (st != HT_OK || !is_from_replica(c->in.kind)) {
        ht_coordinator_say(c, "dropped a message of replica %d: %.200s", replica,
                           st != HT_OK ? err.text : "it is of a kind that only the coordinator sends");
        if (st == HT_OK)
            ht_packet_release(&c->in);
        return ht_coordinator_settle(c);
    }
    hear(c, replica, now);
    if (c->in.kind == HT_MESSAGE_HELLO) {
        ht_coordinator_pool_begin(c, &c->in.as.hello.member);
        ht_coordinator_welcome(c, replica);
    }
    if (c->barrier) {
        queue(c, replica, bytes, n);
        ht_packet_release(&c->in);
        run_rounds(c);
        return ht_coordinator_settle(c);
    }
    ht_coordinator_handle(c, replica);
    if (c->in.kind == HT_MESSAGE_REPORT)
        ht_coordinator_direct(c, replica);
    ht_packet_release(&c->in);
    return ht_coordinator_settle(c);
}

/* ---- time and the end ----------------------------------------------------------------------- */

static double longest_of_all(const ht_coordinator *c)
{
    double longest_s = 0;
    for (int i = 0; i < c->n_replicas; i++)
        longest_s = fmax(longest_s, c->replicas[i].longest_s);
    return longest_s;
}

/* A replica that waits for its DIRECTIVE or for work is not silent: it is our turn. As long as nobody's epoch is
 * over nobody knows how long one takes, and silence means nothing. Before its work a pooled replica may wait in
 * vain for the states of dead ones, as long as carriers do: it must not die of that, too. */
static bool is_silent(const ht_coordinator *c, const ht_replica *r, double longest_s, double now)
{
    double silent = now - (isnan(r->heard) ? c->began : r->heard);
    double usual = r->longest_s > 0 ? r->longest_s : longest_s;
    double allowed = c->silence_s + (r->pooled ? 2 * ht_carrier_patience(usual) : 0);
    bool awaited = r->pooled ? r->awaited != 0 : r->due == 0;
    return ht_replica_is_living(r) && awaited && usual > 0 && silent > allowed && silent > 3 * usual;
}

/* Has no work, so that it listens; or is lost, and may only have slept. */
static bool listens_in_pool(const ht_replica *r)
{
    return r->pooled && !r->done && (r->awaited == 0 || r->lost);
}

/* A round takes as long as its slowest epoch. Whoever waits for the others hears from us meanwhile, by a
 * DIRECTIVE for no decision, so that it does not lose patience. Who trains does not listen. A tick that reassures nobody leaves no trace: it is not told again. */
static void reassure(ht_coordinator *c, double now)
{
    if (!(c->silence_s > 0) || now - c->reassured < c->silence_s / 4)
        return;
    c->reply = (ht_packet){.kind = HT_MESSAGE_DIRECTIVE};
    for (int i = 0; i < c->n_replicas; i++)
        if (c->replicas[i].due > 0 || listens_in_pool(&c->replicas[i])) {
            ht_coordinator_send(c, i, &c->reply);
            c->reassured = now;
        }
}

ht_status ht_coordinator_tick(ht_coordinator *c, double now)
{
    if (isnan(c->began))
        return HT_OK;       /* nobody was heard yet */
    note_time(c, now);
    double longest_s = longest_of_all(c);
    for (int i = 0; i < c->n_replicas && c->silence_s > 0; i++)
        if (is_silent(c, &c->replicas[i], longest_s, now)) {
            handle_queued(c, i);        /* what it had said before */
            ht_coordinator_lose(c, i);
        }
    run_rounds(c);
    ht_coordinator_pool_tick(c);
    reassure(c, now);
    return ht_coordinator_settle(c);
}

void ht_coordinator_stop(ht_coordinator *c, double now)
{
    note_time(c, now);
    if (!c->stopping)
        ht_coordinator_say(c, "stop asked: every replica ends at its next safe point");
    c->stopping = true;
    ht_coordinator_pool_stop(c);
}

bool ht_coordinator_is_done(const ht_coordinator *c)
{
    for (int i = 0; i < c->n_replicas; i++)
        if (ht_replica_is_living(&c->replicas[i]))
            return false;
    return true;
}

ht_status ht_coordinator_finish(ht_coordinator *c, double now)
{
    note_time(c, now);
    if (c->finished)
        return HT_OK;
    c->finished = true;
    int done = 0;
    for (int i = 0; i < c->n_replicas; i++) {
        while (c->replicas[i].inbox.first != NULL)
            handle_queued(c, i);
        ht_coordinator_lose_segment(c, i);
        done += c->replicas[i].done;
    }
    ht_coordinator_close_all(c);
    ht_coordinator_note(c, "run end: %d of %d replicas done", done, c->n_replicas);
    return ht_coordinator_settle(c);
}
