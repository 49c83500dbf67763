/* tests/population/pool_replica.c - see pool_replica.h */
#include "population/pool_replica.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double copy_s = .01; /* a state is copied or sent */

static sim_slot *slot_of(sim_replica *r, unsigned number)
{
    for (size_t i = 0; i < r->n_slots; i++)
        if (r->slots[i].number == number)
            return &r->slots[i];
    return NULL;
}

static sim_slot *make_slot(sim_replica *r, unsigned number)
{
    sim_slot *s = slot_of(r, number);
    if (s != NULL)
        return s;
    if (r->n_slots == r->slots_size) {
        r->slots_size = 2 * r->slots_size + 4;
        r->slots = realloc(r->slots, r->slots_size * sizeof *r->slots);
    }
    s = &r->slots[r->n_slots++];
    *s = (sim_slot){.number = number};
    return s;
}

static void drop_slot(sim_replica *r, unsigned number)
{
    sim_slot *s = slot_of(r, number);
    if (s != NULL)
        *s = r->slots[--r->n_slots];
}

static void keep_best(sim_replica *r, double loss)
{
    if (loss < r->best)
        r->best = loss;
}

static double objective(const world *w, double loss)
{
    return w->o->maximize ? -loss : loss;
}

/* ---- work ------------------------------------------------------------------------------------ */

static void begin_epoch(world *w, sim_replica *r, int id)
{
    ht_random speed = ht_random_stream(w->o->pool.seed, HT_RANDOM_TEST, (uint64_t)id, 1);
    ht_random jitter =
        ht_random_stream(w->o->pool.seed, HT_RANDOM_TEST, (uint64_t)id, 100 + (uint64_t)r->steps);
    r->epoch_began = w->now;
    r->epoch_ends = w->now + r->slowness * (1 + w->o->spread * ht_random_uniform(&speed) +
                                            w->o->jitter * ht_random_uniform(&jitter));
}

static void report(world *w, sim_replica *r, int id, double loss)
{
    ht_pool_event e = {.kind = HT_EVENT_REPORT,
                       .number = r->work.number,
                       .epoch = r->epoch,
                       .step = r->steps,
                       .loss = isfinite(loss) ? objective(w, loss) : NAN,
                       .best = isfinite(r->work_best) ? objective(w, r->work_best) : NAN,
                       .seconds = w->now - r->work_began,
                       .waited = r->work_began - r->idle_since};
    r->works = false;
    r->idle_since = w->now;
    world_tell(w, id, &e);
}

static void begin_work(world *w, sim_replica *r, int id, const ht_pool_order *o)
{
    r->works = true;
    r->stop = false;
    r->work = *o;
    r->epoch = 0;
    r->work_best = INFINITY;
    r->work_began = w->now;
    if (o->source == HT_FROM_INIT) {
        training_init(&r->live, o->seed);
        r->live_broken = false;
    } else if (o->source == HT_FROM_SLOT) {
        sim_slot *s = slot_of(r, o->slot);
        if (s == NULL) {
            world_wrong(w, id, "WORK %lu from slot %u, which it does not hold", o->number, o->slot);
            return;
        }
        r->live = s->state;
        r->live_broken = s->broken;
    } else if (!r->has_live)
        world_wrong(w, id, "WORK %lu from its live state, which was never set", o->number);
    r->has_live = true;
    if (r->live_broken) {
        report(w, r, id, NAN); /* there is nothing to train */
        return;
    }
    begin_epoch(w, r, id);
}

/* What may be done between two epochs; `true` if the replica now waits for somebody. */
static bool do_order(world *w, int id);

static void end_epoch(world *w, sim_replica *r, int id)
{
    ht_random noise = ht_random_stream(w->o->pool.seed, HT_RANDOM_TRAINING, (uint64_t)id,
                                       (uint64_t)r->steps + ((uint64_t)r->life << 32));
    training_epoch(&r->live, r->work.knobs, noise);
    if (r->sick)
        training_break(&r->live);
    double loss = training_loss(&r->live);
    r->steps += TRAINING_STEPS;
    r->epoch++;
    r->trained_s += w->now - r->epoch_began;
    w->account.done++;
    if (loss < r->work_best)
        r->work_best = loss;
    keep_best(r, loss);
    while (r->n_letters > 0 && r->letters[r->first].at <= w->now &&
           r->letters[r->first].order.kind == HT_ORDER_STOP)
        do_order(w, id);
    bool over = r->epoch >= r->work.epochs || r->stop || (!isfinite(loss) && !w->o->goes_on_after_nan);
    if (over) {
        report(w, r, id, loss);
        return;
    }
    ht_pool_event e = {.kind = HT_EVENT_TICK,
                       .number = r->work.number,
                       .epoch = r->epoch,
                       .step = r->steps,
                       .loss = isfinite(loss) ? objective(w, loss) : NAN,
                       .best = isfinite(r->work_best) ? objective(w, r->work_best) : NAN,
                       .seconds = w->now - r->epoch_began,
                       .waited = 0};
    world_tell(w, id, &e);
    begin_epoch(w, r, id);
    while (r->n_letters > 0 && r->letters[r->first].at <= w->now && !do_order(w, id) && r->works && !r->ended)
        ;
}

/* ---- transfers ------------------------------------------------------------------------------- */

static void measured(world *w, int id, unsigned long number, double loss)
{
    keep_best(&w->replicas[id], loss);
    ht_pool_event e = {.kind = HT_EVENT_MEASURED,
                       .number = number,
                       .step = w->replicas[id].steps,
                       .loss = isfinite(loss) ? objective(w, loss) : NAN,
                       .best = NAN};
    world_tell(w, id, &e);
}

static int last_member(const ht_pool_order *o)
{
    return o->members[o->n_members - 1];
}

/* The replica's own side of a transfer is over. */
static void leave_transfer(world *w, int id, bool fine)
{
    sim_replica *r = &w->replicas[id];
    ht_pool_order *o = &r->transfer;
    if (!fine && o->kind == HT_ORDER_RECEIVE)
        make_slot(r, o->slot)->broken = true;
    if (!fine && o->kind == HT_ORDER_MEAN && last_member(o) == id) {
        r->live_broken = true;
        measured(w, id, o->number, NAN);
    }
    if (!fine && o->kind != HT_ORDER_MEAN) {
        ht_pool_event e = {.kind = HT_EVENT_FAILED, .number = o->number, .loss = NAN, .best = NAN};
        snprintf(e.text, sizeof e.text, "nobody at the other end");
        world_tell(w, id, &e);
    }
    w->account.failed += !fine;
    r->waits = false;
    r->free_at = w->now + copy_s;
    if (r->works)
        begin_epoch(w, r, id);
    ht_pool_order_release(o);
}

static bool is_at(const world *w, int id, unsigned long number)
{
    return id >= 0 && id < w->n && w->replicas[id].alive && w->replicas[id].waits &&
           w->replicas[id].transfer.number == number;
}

static void do_mean(world *w, const ht_pool_order *o)
{
    const training_state **of = calloc(o->n_members, sizeof *of);
    int last = last_member(o);
    sim_replica *r = &w->replicas[last];
    bool broken = false;
    for (size_t i = 0; i < o->n_members; i++) {
        of[i] = &w->replicas[o->members[i]].live;
        broken = broken || w->replicas[o->members[i]].live_broken;
    }
    training_mean(o->n_members, of, &r->live);
    r->live_broken = broken;
    free(of);
    measured(w, last, o->number, broken ? NAN : training_loss(&r->live));
}

/* If all ends of the transfer in which `id` waits are there, it is done, or fails at all of them. */
static void meet(world *w, int id)
{
    ht_pool_order o = w->replicas[id].transfer;
    int pair[2] = {o.peer, id};
    const int *all = o.kind == HT_ORDER_MEAN ? o.members : pair;
    size_t n = o.kind == HT_ORDER_MEAN ? o.n_members : 2;
    for (size_t i = 0; i < n; i++)
        if (!is_at(w, all[i], o.number))
            return;
    bool fine = !(ht_random_uniform(&w->random) < w->o->transfer_failure);
    if (fine && o.kind == HT_ORDER_MEAN)
        do_mean(w, &o);
    if (fine && o.kind != HT_ORDER_MEAN) {
        int from = o.kind == HT_ORDER_SEND ? id : o.peer, to = o.kind == HT_ORDER_SEND ? o.peer : id;
        const sim_slot *s = slot_of(&w->replicas[from], w->replicas[from].transfer.slot);
        sim_slot copy = *s;
        sim_slot *t = make_slot(&w->replicas[to], w->replicas[to].transfer.slot);
        t->state = copy.state;
        t->broken = copy.broken;
        fine = !copy.broken;
    }
    int members[n];
    memcpy(members, all, sizeof members); /* leaving frees them */
    for (size_t i = 0; i < n; i++)
        leave_transfer(w, members[i], fine);
}

static void begin_transfer(world *w, int id, const ht_pool_order *o)
{
    sim_replica *r = &w->replicas[id];
    r->waits = true;
    r->transfer = *o;
    r->deadline = w->now + w->o->pool.patience_s;
    meet(w, id);
}

/* ---- orders ---------------------------------------------------------------------------------- */

static void use_slot(world *w, sim_replica *r, int id, const ht_pool_order *o)
{
    sim_slot *s = o->kind == HT_ORDER_SAVE ? make_slot(r, o->slot) : slot_of(r, o->slot);
    if (o->kind == HT_ORDER_SAVE) {
        if (!r->has_live)
            world_wrong(w, id, "SAVE of a live state that was never set");
        s->state = r->live;
        s->broken = r->live_broken;
    } else if (s == NULL)
        world_wrong(w, id, "LOAD of slot %u, which it does not hold", o->slot);
    else {
        r->live = s->state;
        r->live_broken = s->broken;
        r->has_live = true;
    }
    r->free_at = w->now + copy_s;
}

static void inherit(world *w, sim_replica *r, int id, const ht_pool_order *o)
{
    const sim_legacy *left = &w->left[o->peer];
    const sim_slot *from = NULL;
    if (o->slot == HT_SLOT_BEST) {
        keep_best(r, left->best);
        return;
    }
    for (size_t i = 0; i < left->n_slots; i++)
        if (left->slots[i].number == o->from_slot)
            from = &left->slots[i];
    if (from == NULL) {
        world_wrong(w, id, "INHERIT of slot %u, which replica %d did not hold", o->from_slot, o->peer);
        return;
    }
    sim_slot *to = make_slot(r, o->slot);
    to->state = from->state;
    to->broken = from->broken;
    r->free_at = w->now + copy_s;
}

static bool do_order(world *w, int id)
{
    sim_replica *r = &w->replicas[id];
    ht_pool_order o = r->letters[r->first].order;
    r->first++;
    r->n_letters--;
    bool live = o.kind == HT_ORDER_WORK || o.kind == HT_ORDER_SAVE || o.kind == HT_ORDER_LOAD ||
                o.kind == HT_ORDER_MEAN || o.kind == HT_ORDER_VALIDATE;
    if (r->works && live)
        world_wrong(w, id, "order of kind %d, number %lu while it trains", (int)o.kind, o.number);
    switch (o.kind) {
    case HT_ORDER_WORK:
        begin_work(w, r, id, &o);
        break;
    case HT_ORDER_STOP:
        r->stop = r->stop || (r->works && r->work.number == o.number); /* else it was over already */
        break;
    case HT_ORDER_SAVE:
    case HT_ORDER_LOAD:
        use_slot(w, r, id, &o);
        break;
    case HT_ORDER_SEND:
        if (slot_of(r, o.slot) == NULL) {
            world_wrong(w, id, "SEND of slot %u, which it does not hold", o.slot);
            break;
        }
        begin_transfer(w, id, &o);
        return r->waits;
    case HT_ORDER_MEAN:
        if (!r->has_live)
            world_wrong(w, id, "MEAN of a live state that was never set");
        begin_transfer(w, id, &o);
        return r->waits;
    case HT_ORDER_RECEIVE:
        begin_transfer(w, id, &o);
        return r->waits;
    case HT_ORDER_VALIDATE:
        if (!r->has_live)
            world_wrong(w, id, "VALIDATE of a live state that was never set");
        measured(w, id, o.number, r->live_broken ? NAN : training_loss(&r->live));
        r->free_at = w->now + copy_s;
        break;
    case HT_ORDER_DROP:
        drop_slot(r, o.slot);
        break;
    case HT_ORDER_INHERIT:
        inherit(w, r, id, &o);
        break;
    case HT_ORDER_CHECKPOINT:
        r->written = true;
        return true;
    case HT_ORDER_END:
        r->ended = true;
        r->works = false;
        r->died = w->now;
        break;
    default:
        world_wrong(w, id, "an order of unknown kind %d", (int)o.kind);
    }
    ht_pool_order_release(&o);
    return false;
}

/* ---- life ------------------------------------------------------------------------------------ */

double replica_next(const world *w, const sim_replica *r)
{
    (void)w;
    double t = INFINITY;
    if (!r->alive || r->ended || r->written)
        return t;
    if (r->waits)
        t = r->deadline;
    else if (r->works)
        t = r->epoch_ends;
    else if (r->n_letters > 0)
        t = fmax(r->letters[r->first].at, r->free_at);
    return isfinite(t) ? fmax(t, r->hung_until) : t;
}

void replica_act(world *w, int id)
{
    sim_replica *r = &w->replicas[id];
    if (r->waits)
        leave_transfer(w, id, false); /* nobody came */
    else if (r->works)
        end_epoch(w, r, id);
    else
        do_order(w, id);
}

void replica_take(world *w, int id, double at, ht_pool_order *o)
{
    sim_replica *r = &w->replicas[id];
    if (!r->alive || r->ended) {
        ht_pool_order_release(o);
        return;
    }
    if (r->first > 0 && r->n_letters == 0)
        r->first = 0;
    if (r->first + r->n_letters == r->letters_size) {
        r->letters_size = 2 * r->letters_size + 8;
        r->letters = realloc(r->letters, r->letters_size * sizeof *r->letters);
    }
    r->letters[r->first + r->n_letters++] = (sim_letter){.at = at, .order = *o};
}

void replica_release(sim_replica *r)
{
    for (size_t i = 0; i < r->n_letters; i++)
        ht_pool_order_release(&r->letters[r->first + i].order);
    if (r->waits)
        ht_pool_order_release(&r->transfer);
    free(r->letters);
    free(r->slots);
    r->letters = NULL;
    r->slots = NULL;
    r->n_letters = r->letters_size = r->first = r->n_slots = r->slots_size = 0;
    r->waits = r->works = false;
}

void replica_die(world *w, int id)
{
    sim_replica *r = &w->replicas[id];
    replica_release(r);
    r->alive = false;
    r->died = w->now;
}

void replica_start(world *w, int id)
{
    sim_replica *r = &w->replicas[id];
    replica_release(r);
    r->life++;
    r->alive = true;
    r->ended = r->has_live = r->live_broken = r->stop = r->written = false;
    r->best = INFINITY;
    r->free_at = r->idle_since = w->now;
    if (r->life == 1)
        r->born = w->now;
}
