/* src/simulate/simulation.c - a run in virtual time; the contract is in simulation.h.
 *
 * The loop is that of the driver (kernel/driver.c): a message in, messages and records out, a tick now and then. One more
 * fiber, behind the peers of the replicas, lets them die. May touch: the heap, virtual time; the clock, to measure. */
#include "simulate/simulation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/clock.h"
#include "population/coordinator.h"

static const double most_ticks_s = 1, least_ticks_s = .05, ticks_an_epoch = 100;
static const double longest = 50;       /* times the time that the run takes without any waiting */

typedef struct {
    const ht_simulation_options *o;
    ht_surroundings s;
    ht_member member;
    ht_curves curves;
    ht_coordinator *coordinator;
    ht_sim_replica **replicas;  /* [o->replicas], owned */
    ht_simulation_result *out;
    double tick_s, ticked, checkpointed, limit_s;
    unsigned long checkpoints;
} simulation;

/* ---- the program ------------------------------------------------------------------------------ */

static void name_knob(const ht_family_spec *f, char name[HT_NAME_MAX])
{
    static const char suffix[] = "_mult";
    ht_name_copy(name, f->name);
    size_t n = strlen(name), m = sizeof suffix - 1;
    if (!f->keyed && n > m && strcmp(name + n - m, suffix) == 0)
        name[n - m] = '\0';
}

void ht_simulation_member(const ht_recipe *r, double state_bytes, ht_member *out)
{
    *out = (ht_member){.has_init = true, .has_state = true, .has_validate = true, .layout = 1,
                       .state_bytes = (uint64_t)fmax(1, state_bytes)};
    for (size_t i = 0; i < r->n_actuators; i++)
        for (size_t k = 0; k < r->actuators[i].n_families && r->actuators[i].enabled; k++) {
            const ht_family_spec *f = &r->actuators[i].families[k];
            if (!ht_family_is_factor(f) || out->n_knobs == HT_POOL_KNOBS_MAX)
                continue;
            ht_member_knob *m = &out->knobs[out->n_knobs++];
            ht_name_copy(m->actuator, r->actuators[i].name);
            name_knob(f, m->name);
            m->lo = f->has_range ? f->range[0] : 1e-9;
            m->hi = f->has_range ? f->range[1] : 1e9;
            m->value = f->has_start ? f->start : f->has_range ? sqrt(m->lo * m->hi) : .01;
        }
}

/* ---- the coordinator --------------------------------------------------------------------------- */

static void mix(simulation *w, const void *data, size_t n)
{
    for (size_t i = 0; i < n; i += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, (const char *)data + i, n - i < sizeof word ? n - i : sizeof word);
        w->out->digest = (w->out->digest ^ word) * 0x9E3779B97F4A7C15u;
        w->out->digest ^= w->out->digest >> 29;
    }
}

static void count(simulation *w, int peer, const ht_bytes *bytes)
{
    double now = ht_virtual_now(w->s.v);
    mix(w, &now, sizeof now);
    mix(w, &peer, sizeof peer);
    mix(w, bytes->data, bytes->n);
    if (bytes->n > 0 && bytes->data[0] < HT_SIM_KINDS)
        w->out->messages[bytes->data[0]]++;
    w->out->n_messages++;
    w->out->bytes += bytes->n;
}

static void drain(simulation *w)
{
    int replica;
    ht_bytes bytes;
    ht_record record;
    while (ht_coordinator_next_message(w->coordinator, &replica, &bytes)) {
        count(w, replica + 1, &bytes);
        ht_comm_send(ht_virtual_end(w->s.v, 0), replica + 1, bytes.data, bytes.n, NULL);
        free(bytes.data);
    }
    while (ht_coordinator_next_record(w->coordinator, &record)) {
        w->out->verdicts += record.kind == HT_RECORD_VERDICT;
        ht_record_release(&record);
    }
}

static void look_for_target(simulation *w)
{
    ht_coordinator_view v;
    if (isnan(w->o->target) || !isnan(w->out->target_s))
        return;
    ht_coordinator_peek(w->coordinator, &v);
    bool smaller = w->o->recipe->objective.mode == HT_MINIMIZE;
    if (v.has_best && (smaller ? v.best <= w->o->target : v.best >= w->o->target))
        w->out->target_s = ht_virtual_now(w->s.v);
}

/* @return false: no memory */
static bool hand_in(simulation *w, int from, ht_bytes *bytes)
{
    bool for_driver = bytes->n > 0 && bytes->data[0] == HT_MESSAGE_SAVED;
    count(w, -from, bytes);
    double began = ht_clock_processor();
    ht_status st = for_driver ? HT_OK : ht_coordinator_receive(w->coordinator, ht_virtual_now(w->s.v), from - 1,
                                                               bytes->data, bytes->n);
    free(bytes->data);
    drain(w);
    w->out->busy_s += ht_clock_processor() - began;
    look_for_target(w);
    return st == HT_OK;
}

static void tick(simulation *w)
{
    double now = ht_virtual_now(w->s.v);
    if (now - w->ticked < w->tick_s)
        return;
    w->ticked = now;
    w->out->ticks++;
    double began = ht_clock_processor();
    ht_coordinator_tick(w->coordinator, now);
    drain(w);
    w->out->busy_s += ht_clock_processor() - began;
}

/* Everybody who is there writes itself down at its next safe point. */
static void order_checkpoint(simulation *w)
{
    double now = ht_virtual_now(w->s.v);
    if (!(w->o->checkpoint_s > 0) || now - w->checkpointed < w->o->checkpoint_every_s)
        return;
    w->checkpointed = now;
    ht_packet *m = calloc(1, sizeof *m);
    ht_bytes bytes = {0};
    if (m != NULL) {
        m->kind = HT_MESSAGE_ORDER;
        m->as.pool_order = (ht_pool_order){.kind = HT_ORDER_CHECKPOINT, .number = ++w->checkpoints};
    }
    if (m != NULL && ht_packet_encode(m, &bytes) == HT_OK)
        for (int i = 0; i < w->o->replicas; i++)
            if (ht_coordinator_has(w->coordinator, i)) {
                count(w, i + 1, &bytes);
                ht_comm_send(ht_virtual_end(w->s.v, 0), i + 1, bytes.data, bytes.n, NULL);
            }
    free(bytes.data);
    free(m);
}

static ht_status coordinate(simulation *w, ht_error *err)
{
    int from;
    ht_bytes bytes;
    ht_comm *comm = ht_virtual_end(w->s.v, 0);
    while (!ht_coordinator_is_done(w->coordinator)) {
        if (ht_comm_receive(comm, w->tick_s, &from, &bytes, NULL) == HT_OK && !hand_in(w, from, &bytes))
            return ht_fail(err, HT_ENOMEM, "no memory for the simulation");
        tick(w);
        order_checkpoint(w);
        if (ht_virtual_now(w->s.v) > w->limit_s)
            return ht_fail(err, HT_EFAILED, "after %.0f times the time that it should take the run is not over", longest);
    }
    return HT_OK;
}

/* ---- deaths ------------------------------------------------------------------------------------ */

/* At the times of a Poisson process somebody dies. */
static void reap(void *ctx)
{
    simulation *w = ctx;
    int me = w->o->replicas + 1;
    ht_random random = ht_random_stream(w->o->seed, HT_RANDOM_SIMULATION, 1, 0);
    while (!w->s.over) {
        double wait = -log(1 - ht_random_uniform(&random)) * 3600 / w->o->failures_per_hour;
        if (!ht_virtual_wait(w->s.v, me, wait))
            ht_sim_replica_kill(w->replicas[ht_random_below(&random, (uint64_t)w->o->replicas)]);
    }
}

/* ---- all --------------------------------------------------------------------------------------- */

static void note_plan(void *ctx, const char *text)
{
    ht_string *plan = ctx;
    if (plan != NULL)
        ht_string_add(plan, "%s", text);
}

static ht_status make(simulation *w, ht_string *plan, ht_error *err)
{
    const ht_simulation_options *o = w->o;
    ht_tuned tuned;
    ht_simulation_member(o->recipe, o->state_bytes, &w->member);
    ht_tuned_find(o->recipe, &w->member, &tuned);
    ht_curves_make(o->seed, &w->member, &tuned, o->n_records, o->records, &w->curves);
    const ht_coordinator_options c = {.n_replicas = o->replicas, .recipe = o->recipe, .mode = HT_MODE_ACTIVE,
                                      .epochs = o->epochs, .announce = note_plan, .announce_ctx = plan,
                                      .silence_s = o->patience_s / 2};
    HT_TRY(ht_coordinator_create(&c, &w->coordinator, err));
    HT_TRY(ht_virtual_create(o->replicas + 2, o->latency_s, &w->s.v, err));
    double seconds = o->latency_s + (o->bytes_per_s > 0 ? o->state_bytes / o->bytes_per_s : 0);
    HT_TRY(ht_transfers_create(w->s.v, o->replicas, seconds, o->state_bytes, &w->s.transfers, err));
    w->replicas = calloc((size_t)o->replicas, sizeof(ht_sim_replica *));
    if (w->replicas == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for %d replicas", o->replicas);
    for (int i = 0; i < o->replicas; i++)
        HT_TRY(ht_sim_replica_create(&w->s, i, &w->replicas[i], err));
    return o->failures_per_hour > 0 ? ht_virtual_spawn(w->s.v, o->replicas + 1, reap, w, err) : HT_OK;
}

/* Whoever still does something comes to an end. */
static void end_all(simulation *w)
{
    int from;
    ht_bytes bytes;
    w->s.over = true;
    for (int i = 0; w->replicas != NULL && i < w->o->replicas; i++)
        if (w->replicas[i] != NULL)
            ht_sim_replica_kill(w->replicas[i]);
    if (w->s.v != NULL)
        ht_virtual_cut(w->s.v, w->o->replicas + 1, true);
    while (w->s.v != NULL && ht_virtual_running(w->s.v) > 0)
        if (ht_comm_receive(ht_virtual_end(w->s.v, 0), w->o->epoch_s, &from, &bytes, NULL) == HT_OK)
            free(bytes.data);
}

static void sum_up(simulation *w)
{
    ht_simulation_result *out = w->out;
    ht_coordinator_view v;
    double all = 0;
    for (int i = 0; i < w->o->replicas; i++) {
        const ht_sim_account *a = ht_sim_replica_look(w->replicas[i]);
        for (int k = 0; k < HT_N_SPENT; k++) {
            out->spent[k] += a->spent[k];
            all += a->spent[k];
        }
        out->epochs += a->epochs;
        out->deaths += a->deaths;
        out->untuned += a->untuned;
        out->warnings += a->warnings;
        if (a->warning[0] != '\0')
            memcpy(out->warning, a->warning, sizeof out->warning);
    }
    out->utilisation = all > 0 ? out->spent[HT_SPENT_TRAINING] / all : 0;
    out->transfers = ht_transfers_look(w->s.transfers);
    ht_coordinator_peek(w->coordinator, &v);
    out->best = v.has_best ? v.best : NAN;
    out->lost = v.lost;
}

ht_status ht_simulation_run(const ht_simulation_options *o, ht_simulation_result *out, ht_string *plan, ht_error *err)
{
    simulation w = {.o = o, .out = out};
    double began = ht_clock_monotonic(), began_cpu = ht_clock_processor();
    *out = (ht_simulation_result){.target_s = NAN, .best = NAN};
    w.s = (ht_surroundings){.curves = &w.curves, .member = &w.member, .recipe = o->recipe, .epochs = o->epochs,
                            .epoch_s = o->epoch_s, .spread = o->spread, .jitter = o->jitter,
                            .straggler_share = o->straggler_share, .straggler_factor = o->straggler_factor,
                            .down_s = o->down_s, .checkpoint_s = o->checkpoint_s, .patience_s = o->patience_s};
    w.tick_s = fmin(fmax(o->epoch_s / ticks_an_epoch, least_ticks_s), most_ticks_s);
    w.limit_s = longest * (o->epochs * o->epoch_s * fmax(1, o->straggler_factor) + o->patience_s + o->down_s);
    ht_status st = make(&w, plan, err);
    if (st == HT_OK)
        st = coordinate(&w, err);
    out->wall_s = w.s.v != NULL ? ht_virtual_now(w.s.v) : 0;
    end_all(&w);
    if (st == HT_OK)
        sum_up(&w);
    for (int i = 0; w.replicas != NULL && i < o->replicas; i++)
        ht_sim_replica_destroy(w.replicas[i]);
    free(w.replicas);
    ht_transfers_destroy(w.s.transfers);
    ht_virtual_destroy(w.s.v);
    ht_coordinator_destroy(w.coordinator);
    out->real_s = ht_clock_monotonic() - began;
    out->cpu_s = ht_clock_processor() - began_cpu;
    return st;
}
