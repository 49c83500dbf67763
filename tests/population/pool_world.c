/* tests/population/pool_world.c - see pool_world.h
 *
 * The next thing that happens is found by looking at everybody: worlds are small. */
#include "population/pool_replica.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double tick_s = .25;

world_options world_of(int n, int epochs, const ht_recipe *recipe, uint64_t seed)
{
    return (world_options){
        .pool = {.n_replicas = n, .recipe = recipe, .epochs = epochs, .seed = seed, .patience_s = 5},
        .delay_s = .001,
        .silence_s = 4};
}

void world_wrong(world *w, int replica, const char *format, ...)
{
    if (w->why[0] != 0)
        return;
    char text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(w->why, sizeof w->why, "at %.3f s, replica %d: %s", w->now, replica, text);
}

/* ---- what the pool says ---------------------------------------------------------------------- */

static void digest(world *w, int replica, const ht_pool_order *o)
{
    double parts[6 + HT_POOL_KNOBS_MAX] = {replica, o->kind, o->slot, o->peer, o->source, o->epochs};
    size_t n = 6;
    if (o->kind == HT_ORDER_WORK)
        for (size_t k = 0; k < o->n_knobs && k < HT_POOL_KNOBS_MAX; k++)
            parts[n++] = o->knobs[k];
    uint64_t mine = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &parts[i], sizeof bits);
        mine = ht_random_mix(mine ^ bits);
    }
    w->account.digest = ht_random_mix(w->account.digest ^ mine);
}

static void check_work(world *w, int id, const ht_pool_order *o)
{
    sim_replica *r = &w->replicas[id];
    if (r->owes != 0)
        world_wrong(w, id, "WORK %lu before the REPORT of WORK %lu", o->number, r->owes);
    if (o->epochs < 1 || o->epochs > w->o->pool.epochs)
        world_wrong(w, id, "WORK %lu of %d epochs", o->number, o->epochs);
    if (o->n_knobs != w->member.n_knobs)
        world_wrong(w, id, "WORK %lu with %zu knobs", o->number, o->n_knobs);
    for (size_t i = 0; i < w->tuned.n; i++) {
        const ht_tuned_knob *k = &w->tuned.k[i];
        double x = o->knobs[k->at];
        if (!(x >= k->lo && x <= k->hi) && !(x == 0 && k->may_be_zero))
            world_wrong(w, id, "WORK %lu with %s = %g", o->number, k->name, x);
    }
    r->owes = r->work_given = o->number;
    w->account.works++;
    w->account.given += o->epochs;
}

static bool is_there(const world *w, int id)
{
    return id >= 0 && id < w->n && w->replicas[id].joined && !w->replicas[id].lost;
}

static void check_order(world *w, int id, const ht_pool_order *o)
{
    if (!is_there(w, id)) {
        world_wrong(w, id, "an order of kind %d for somebody who is not there", (int)o->kind);
        return;
    }
    sim_replica *r = &w->replicas[id];
    if (r->last == (unsigned long)-1)
        world_wrong(w, id, "an order of kind %d after END", (int)o->kind);
    bool numbered = o->kind == HT_ORDER_WORK || o->kind == HT_ORDER_SEND || o->kind == HT_ORDER_RECEIVE ||
                    o->kind == HT_ORDER_MEAN || o->kind == HT_ORDER_VALIDATE;
    if (numbered && o->number <= r->last)
        world_wrong(w, id, "number %lu after number %lu", o->number, r->last);
    if (numbered)
        r->last = o->number;
    if (o->kind == HT_ORDER_WORK)
        check_work(w, id, o);
    if (o->kind == HT_ORDER_STOP && o->number != r->work_given)
        world_wrong(w, id, "STOP of WORK %lu, which is not its last", o->number);
    if (o->kind == HT_ORDER_END) {
        r->last = (unsigned long)-1;
        r->crowned = o->champion;
    }
    if (o->kind == HT_ORDER_INHERIT && o->slot == HT_SLOT_BEST)
        r->keeps = fmin(r->keeps, w->left[o->peer].keeps);
    w->account.transfers += o->kind == HT_ORDER_SEND;
    w->account.validations += o->kind == HT_ORDER_VALIDATE;
}

typedef struct {
    int replica;
    ht_pool_order order;
} sim_pending;

/* Every transfer and every mean of one answer of the pool has all its ends in it. */
static void check_pairs(world *w, const sim_pending *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const ht_pool_order *o = &all[i].order;
        bool pairs = o->kind == HT_ORDER_SEND || o->kind == HT_ORDER_RECEIVE;
        if (!pairs && o->kind != HT_ORDER_MEAN)
            continue;
        size_t ends = 0, want = pairs ? 2 : o->n_members;
        bool mine = pairs;
        for (size_t j = 0; j < n; j++) {
            const ht_pool_order *p = &all[j].order;
            if (p->number != o->number ||
                (p->kind != HT_ORDER_SEND && p->kind != HT_ORDER_RECEIVE && p->kind != HT_ORDER_MEAN))
                continue;
            ends++;
            if (pairs && j != i &&
                (all[j].replica != o->peer || p->peer != all[i].replica || p->kind == o->kind))
                world_wrong(w, all[i].replica, "transfer %lu does not pair", o->number);
            if (!pairs && (p->n_members != o->n_members ||
                           memcmp(p->members, o->members, o->n_members * sizeof *o->members) != 0))
                world_wrong(w, all[i].replica, "mean %lu: not all have the same members", o->number);
        }
        for (size_t k = 0; !pairs && k < o->n_members; k++)
            mine = mine || o->members[k] == all[i].replica;
        if (ends != want || !mine)
            world_wrong(w, all[i].replica, "transfer %lu has %zu ends of %zu", o->number, ends, want);
        w->account.means += !pairs && o->members[o->n_members - 1] == all[i].replica;
    }
}

static void drain(world *w)
{
    size_t n = 0, size = 0;
    sim_pending *all = NULL;
    int id;
    ht_pool_order o;
    while (ht_pool_next_order(w->pool, &id, &o)) {
        if (n == size) {
            size = 2 * size + 16;
            all = realloc(all, size * sizeof *all);
        }
        all[n++] = (sim_pending){id, o};
        twin_orders(w, id, &o);
        check_order(w, id, &o);
        digest(w, id, &o);
        if (w->o->order != NULL)
            w->o->order(w->o->ctx, w->now, id, &o);
    }
    twin_orders(w, -1, NULL);
    check_pairs(w, all, n);
    for (size_t i = 0; i < n; i++) {
        if (w->why[0] == 0)
            replica_take(w, all[i].replica, w->now + w->o->delay_s, &all[i].order);
        else
            ht_pool_order_release(&all[i].order);
    }
    free(all);
    ht_pool_note note;
    while (ht_pool_next_note(w->pool, &note)) {
        w->account.verdicts += note.kind == HT_NOTE_VERDICT;
        twin_notes(w, &note);
        if (w->o->note != NULL)
            w->o->note(w->o->ctx, w->now, &note);
        ht_pool_note_release(&note);
    }
    twin_notes(w, NULL);
}

void world_check(world *w, int id, ht_status st)
{
    if (st != HT_OK)
        world_wrong(w, id, "the pool answered %d", (int)st);
    drain(w);
}

/* ---- what the pool hears --------------------------------------------------------------------- */

void world_tell(world *w, int replica, const ht_pool_event *e)
{
    if (w->mail_first > 0 && w->n_mail == 0)
        w->mail_first = 0;
    if (w->mail_first + w->n_mail == w->mail_size) {
        w->mail_size = 2 * w->mail_size + 64;
        w->mail = realloc(w->mail, w->mail_size * sizeof *w->mail);
    }
    w->mail[w->mail_first + w->n_mail++] = (sim_event){
        .at = w->now + w->o->delay_s, .replica = replica, .life = w->replicas[replica].life, .event = *e};
}

static void keep(world *w, sim_replica *r, double x)
{
    double loss = w->o->maximize ? -x : x;
    if (loss < r->keeps)
        r->keeps = loss;
    if (loss < w->account.best_ever)
        w->account.best_ever = loss;
}

static void deliver(world *w)
{
    sim_event m = w->mail[w->mail_first++];
    w->n_mail--;
    sim_replica *r = &w->replicas[m.replica];
    if (r->lost || m.life != r->life)
        return;
    keep(w, r, m.event.loss);
    keep(w, r, m.event.best);
    if (m.event.kind == HT_EVENT_REPORT && m.event.number == r->owes)
        r->owes = 0;
    if (w->o->told != NULL)
        w->o->told(w->o->ctx, w->now, m.replica, &m.event);
    world_check(w, m.replica, both_receive(w, m.replica, &m.event));
}

void world_join(world *w, int id)
{
    sim_replica *r = &w->replicas[id];
    replica_start(w, id);
    r->joined = true;
    r->lost = false;
    r->owes = 0;
    r->keeps = INFINITY;
    world_check(w, id, both_join(w, id));
}

/* ---- faults ---------------------------------------------------------------------------------- */

/* A fault that has two ends happens twice. */
static double second_time(const world *w, const world_fault *f)
{
    if (f->kind == FAULT_DIES)
        return f->at + w->o->silence_s;
    if (f->kind == FAULT_RESTARTS)
        return f->at + f->amount;
    if (f->kind == FAULT_HANGS && f->amount > w->o->silence_s)
        return f->at + w->o->silence_s;
    return INFINITY;
}

static void lose(world *w, int id)
{
    sim_replica *r = &w->replicas[id];
    if (!r->joined || r->lost || r->last == (unsigned long)-1)
        return;
    r->lost = true;
    if (r->alive)
        replica_die(w, id); /* it hangs: nobody listens to it any more */
    r->keeps = INFINITY;
    world_check(w, id, both_lose(w, id));
}

static void happen(world *w, const world_fault *f, bool again)
{
    sim_replica *r = &w->replicas[f->replica];
    bool over = r->last == (unsigned long)-1; /* it was sent END */
    switch (f->kind) {
    case FAULT_DIES:
        if (again)
            lose(w, f->replica);
        else if (!over && r->joined)
            replica_die(w, f->replica);
        break;
    case FAULT_RESTARTS:
        if (again && !over && r->joined && !r->lost && !r->alive) {
            r->last = 0;
            world_join(w, f->replica);
        } else if (!again && !over && r->joined)
            replica_die(w, f->replica);
        break;
    case FAULT_LATE:
        if (!ht_pool_is_done(w->pool))
            world_join(w, f->replica);
        break;
    case FAULT_NAN:
        training_break(&r->live);
        break;
    case FAULT_SICK:
        r->sick = true;
        break;
    case FAULT_SLOW:
        r->slowness = f->amount;
        break;
    case FAULT_HANGS:
        if (again)
            lose(w, f->replica);
        else
            r->hung_until = w->now + f->amount;
        break;
    case FAULT_STOP:
        world_check(w, -1, both_stop(w));
        break;
    case FAULT_CALM:
        both_calm(w);
        break;
    default:
        world_wrong(w, f->replica, "unknown fault");
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

/* After this nothing can go on: all epochs one after the other at the slowest speed, and every wait. */
static double latest_end(const world *w)
{
    double slowest = 1 + w->o->spread + w->o->jitter, extra = 0;
    for (size_t i = 0; i < w->o->n_faults; i++) {
        const world_fault *f = &w->o->faults[i];
        if (f->kind == FAULT_SLOW)
            slowest *= fmax(1, f->amount);
        extra += f->at + f->amount;
    }
    return 200 + extra + w->o->pool.epochs * (4 * slowest + 4 * (w->o->pool.patience_s + w->o->silence_s));
}

static const char *stage_of(const ht_pool *p)
{
    ht_pool_view v;
    ht_pool_peek(p, &v);
    return v.stage;
}

static void run(world *w)
{
    const world_options *o = w->o;
    bool happened[2][WORLD_FAULTS_MAX] = {{false}};
    double tick = tick_s, limit = latest_end(w);
    for (int i = 0; i < w->n; i++) {
        bool late = false;
        for (size_t f = 0; f < o->n_faults; f++)
            late = late || (o->faults[f].kind == FAULT_LATE && o->faults[f].replica == i);
        if (!late && i < o->pool.n_replicas)
            world_join(w, i);
    }
    while (!ht_pool_is_done(w->pool) && w->why[0] == 0) {
        double next = tick;
        int what = -1; /* -1: tick; -2: mail; -3: fault; else a replica */
        const world_fault *fault = NULL;
        bool *done = NULL;
        for (int i = 0; i < w->n; i++) {
            double t = replica_next(w, &w->replicas[i]);
            if (t < next) {
                next = t;
                what = i;
            }
        }
        if (w->n_mail > 0 && w->mail[w->mail_first].at <= next) {
            next = w->mail[w->mail_first].at;
            what = -2;
        }
        for (size_t f = 0; f < o->n_faults; f++)
            for (int again = 0; again < 2; again++) {
                double t = again ? second_time(w, &o->faults[f]) : fmax(o->faults[f].at, w->put_off[f]);
                if (!happened[again][f] && t <= next) {
                    next = t;
                    what = -3;
                    fault = &o->faults[f];
                    done = &happened[again][f];
                }
            }
        w->now = fmax(w->now, next);
        if (w->now > limit) {
            world_wrong(w, -1, "the run does not end (stage %s)", stage_of(w->pool));
        } else if (what == -1) {
            tick += tick_s;
            world_check(w, -1, both_tick(w));
        } else if (what == -2)
            deliver(w);
        else if (what == -3) {
            bool again = done >= happened[1];
            *done = fault->kind != FAULT_RESUME || world_resume(w, fault);
            w->put_off[fault - o->faults] = w->now + 1;
            if (fault->kind != FAULT_RESUME)
                happen(w, fault, again);
        } else
            replica_act(w, what);
    }
}

/* END was sent: what stands before it is done, too. */
static void finish_orders(world *w)
{
    for (int i = 0; i < w->n; i++)
        while (w->replicas[i].alive && w->replicas[i].last == (unsigned long)-1 &&
               isfinite(replica_next(w, &w->replicas[i])))
            replica_act(w, i);
}

static void settle(world *w)
{
    world_account *a = &w->account;
    double lived = 0, trained = 0, best = INFINITY, crowned = INFINITY;
    int crowns = 0;
    for (int i = 0; i < w->n; i++) {
        sim_replica *r = &w->replicas[i];
        bool there = r->joined && !r->lost;
        if (there && r->last != (unsigned long)-1)
            world_wrong(w, i, "the run is over, but it was not sent END");
        a->living += there;
        if (there && r->keeps < best)
            best = r->keeps;
        if (there && r->crowned) {
            crowned = r->keeps;
            crowns++;
            if (r->alive && !(r->best <= r->keeps))
                world_wrong(w, i, "the champion's weights are worth %g, the pool heard %g", r->best, r->keeps);
        }
        if (r->life > 0) {
            lived += (r->alive && !r->ended ? w->now : r->died) - r->born;
            trained += r->trained_s;
        }
    }
    if (crowns != isfinite(best) || crowned > best)
        world_wrong(w, -1, "%d champions were told, of %g; the best is %g", crowns, crowned, best);
    a->end = w->now;
    a->utilisation = lived > 0 ? trained / lived : 0;
    a->has_best = isfinite(best);
    a->best = w->o->maximize ? -best : best;
    if (w->o->maximize)
        a->best_ever = -a->best_ever;
    ht_pool_peek(w->pool, &a->view);
    if (w->o->end != NULL)
        w->o->end(w->o->ctx, w->now, w->pool);
    a->view.policy = a->view.stage = NULL;
}

bool world_run(const world_options *o, world_account *out, char *why, size_t size)
{
    world w = {
        .o = o, .n = o->pool.n_replicas, .seats = o->pool.n_replicas, .random = ht_random_stream(o->pool.seed, HT_RANDOM_TEST, 0, 99)};
    ht_error err = {""};
    w.account.best_ever = INFINITY;
    for (size_t i = 0; i < o->n_faults; i++)
        w.n += o->faults[i].more;
    training_member(&w.member);
    ht_tuned_find(o->pool.recipe, &w.member, &w.tuned);
    w.replicas = calloc((size_t)w.n, sizeof *w.replicas);
    w.left = calloc((size_t)w.n, sizeof *w.left);
    for (int i = 0; i < w.n; i++) {
        w.replicas[i].slowness = 1;
        w.replicas[i].keeps = INFINITY;
    }
    if (ht_pool_create(&o->pool, &w.member, &w.pool, &err) != HT_OK ||
        (o->retold && ht_pool_create(&o->pool, &w.member, &w.twin, &err) != HT_OK))
        world_wrong(&w, -1, "no pool: %s", err.text);
    else {
        run(&w);
        finish_orders(&w);
        settle(&w);
    }
    *out = w.account;
    snprintf(why, size, "%s", w.why);
    for (int i = 0; i < w.n; i++)
        replica_release(&w.replicas[i]);
    for (int i = 0; i < w.n; i++)
        free(w.left[i].slots);
    ht_pool_destroy(w.pool);
    ht_pool_destroy(w.twin);
    free(w.replicas);
    free(w.left);
    free(w.mail);
    return w.why[0] == 0;
}
