/* tests/population/pool_stage.h - a pool with N simulated replicas, step by step in simulated seconds.
 *
 * A state is (progress, jitter, steps). One epoch adds to progress what the knob "opt.lr" is worth (best at 0.01 * 0.7
 * per 10 epochs of progress) and shakes the jitter, which a mean of states makes smaller. Loss:
 * 2 exp(-progress) + jitter^2 / 20 + 0.1. Everything is a function of the seeds. */
#ifndef TESTS_POOL_STAGE_H
#define TESTS_POOL_STAGE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "population/pool.h"

enum { STAGE_REPLICAS = 16, STAGE_SLOTS = 200, STAGE_QUEUE = 512, STAGE_TRANSFERS = 4096 };

typedef struct {
    bool there;
    double progress, jitter;
    long long steps;
} stage_state;

typedef struct {
    bool dead, ended, champion, nan, hung;
    double pace;                    /* seconds per epoch */
    stage_state live, slots[STAGE_SLOTS];
    size_t first, n;
    ht_pool_order queue[STAGE_QUEUE];
    bool training, stop;
    unsigned long number;
    int asked, done;
    double knobs[HT_POOL_KNOBS_MAX], until, began, best, waits_since, waited;
    long long works;
} stage_replica;

typedef struct stage {
    ht_recipe *recipe;
    ht_pool *pool;
    ht_member member;
    int n;
    double now;
    stage_replica r[STAGE_REPLICAS];
    stage_state moving[STAGE_TRANSFERS];
    int mean_came[STAGE_TRANSFERS];
    stage_state mean_sum[STAGE_TRANSFERS];
    unsigned long fail_transfer;    /* this transfer fails; 0 = none */
    int epochs_ordered, works;
    uint64_t fingerprint;           /* of all orders */
    double best_told;               /* smallest loss ever told */
    int lines, verdicts, events;
    void (*on_order)(struct stage *s, int replica, const ht_pool_order *o);
    void (*on_note)(struct stage *s, const ht_pool_note *note);
    void *ctx;
} stage;

static const char stage_recipe[] =
    "version: 1\n"
    "objective: {primary: val/loss, mode: min}\n"
    "actuators:\n"
    "  opt:\n"
    "    mutations:\n"
    "      lr_mult: {bounds: [0.7, 1.2], range: [0.0001, 0.05]}\n"
    "      wd_mult: {bounds: [0.5, 2.0], range: [0.0001, 3]}\n"
    "search: {seed: 1}\n"
    "population: {mode: pooled, policy: %s, sync: %s%s}\n";

static void stage_open(stage *s, const char *policy, const char *sync, const char *more, int n, int epochs,
                       uint64_t seed)
{
    char text[2048];
    ht_error err = {""};
    memset(s, 0, sizeof *s);
    snprintf(text, sizeof text, stage_recipe, policy, sync, more);
    if (ht_recipe_parse(text, "stage", &s->recipe, &err) != HT_OK) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    s->n = n;
    s->best_told = INFINITY;
    s->member = (ht_member){.has_init = true, .has_state = true, .has_validate = true, .state_bytes = 24, .n_knobs = 3,
                            .knobs = {{"opt", "lr", .002, 1e-5, 1}, {"opt", "wd", .01, 0, 10},
                                      {"opt", "momentum", .9, 0, 1}}};
    ht_pool_options o = {.n_replicas = n, .recipe = s->recipe, .epochs = epochs, .seed = seed, .patience_s = 30};
    if (ht_pool_create(&o, &s->member, &s->pool, &err) != HT_OK) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    for (int i = 0; i < n; i++)
        s->r[i].pace = 1;
}

static void stage_close(stage *s)
{
    for (int i = 0; i < s->n; i++)
        for (; s->r[i].n > 0; s->r[i].n--, s->r[i].first++)
            ht_pool_order_release(&s->r[i].queue[s->r[i].first % STAGE_QUEUE]);
    ht_pool_destroy(s->pool);
    ht_recipe_destroy(s->recipe);
}

static double stage_loss(const stage_state *t)
{
    return 2 * exp(-t->progress) + t->jitter * t->jitter / 20 + .1;
}

static void stage_mix(stage *s, uint64_t x)
{
    s->fingerprint = ht_random_mix(s->fingerprint ^ (x + 0x9E3779B97F4A7C15u));
}

/* Takes what the pool wants sent and written. */
static void stage_drain(stage *s)
{
    int replica;
    ht_pool_order o;
    ht_pool_note note;
    while (ht_pool_next_order(s->pool, &replica, &o)) {
        stage_mix(s, (uint64_t)o.kind * 1000 + (uint64_t)replica);
        stage_mix(s, o.number * 1000 + o.slot);
        for (size_t i = 0; i < o.n_knobs; i++)
            stage_mix(s, (uint64_t)(o.knobs[i] * 1e12));
        if (o.kind == HT_ORDER_WORK) {
            s->epochs_ordered += o.epochs;
            s->works++;
        }
        if (s->on_order != NULL)
            s->on_order(s, replica, &o);
        stage_replica *r = &s->r[replica];
        if (o.kind == HT_ORDER_STOP) {
            r->stop = r->stop || r->number == o.number;
            continue;
        }
        r->queue[(r->first + r->n++) % STAGE_QUEUE] = o;
    }
    while (ht_pool_next_note(s->pool, &note)) {
        s->lines += note.kind == HT_NOTE_LINE;
        s->verdicts += note.kind == HT_NOTE_VERDICT;
        s->events += note.kind == HT_NOTE_EVENT;
        if (s->on_note != NULL)
            s->on_note(s, &note);
        ht_pool_note_release(&note);
    }
}

static void stage_tell(stage *s, int i, ht_pool_event e)
{
    if (!isnan(e.loss) && e.loss < s->best_told)
        s->best_told = e.loss;
    if (e.kind == HT_EVENT_REPORT && e.best < s->best_told)
        s->best_told = e.best;
    ht_pool_receive(s->pool, s->now, i, &e);
    stage_drain(s);
}

static void stage_report(stage *s, int i, double loss)
{
    stage_replica *r = &s->r[i];
    r->training = r->stop = false;
    r->waits_since = s->now;
    stage_tell(s, i, (ht_pool_event){.kind = HT_EVENT_REPORT, .number = r->number, .epoch = r->done, .loss = loss,
                                     .step = r->live.steps, .best = r->best, .seconds = s->now - r->began,
                                     .waited = r->waited});
}

static void stage_begin(stage *s, int i, const ht_pool_order *o)
{
    stage_replica *r = &s->r[i];
    memcpy(r->knobs, o->knobs, sizeof r->knobs);
    r->number = o->number;
    r->asked = o->epochs;
    r->done = 0;
    r->best = NAN;
    r->training = true;
    r->began = s->now;
    r->waited = s->now - r->waits_since;
    r->until = s->now + r->pace;
    r->works++;
    if (o->source == HT_FROM_INIT) {
        ht_random random = ht_random_stream(o->seed, HT_RANDOM_TEST, 1, 0);
        r->live = (stage_state){true, .1 * ht_random_uniform(&random), ht_random_normal(&random), 0};
    } else if (o->source == HT_FROM_SLOT) {
        if (r->slots[o->slot].there)
            r->live = r->slots[o->slot];
        else
            stage_report(s, i, NAN);
    }
}

static void stage_epoch(stage *s, int i)
{
    stage_replica *r = &s->r[i];
    double lr = r->knobs[0], best = .01 * pow(.7, r->live.progress), off = log(lr / best);
    ht_random random = ht_random_stream((uint64_t)i, HT_RANDOM_TEST, r->number, (uint64_t)r->done);
    r->live.progress += .08 * exp(-off * off / 4);
    r->live.jitter = .5 * r->live.jitter + .8 * ht_random_normal(&random);
    r->live.steps += 10;
    r->done++;
    double loss = r->nan ? NAN : stage_loss(&r->live);
    if (!isnan(loss) && !(loss >= r->best))
        r->best = loss;
    if (r->done == r->asked || r->stop) {
        stage_report(s, i, loss);
        return;
    }
    r->until = s->now + r->pace;
    stage_tell(s, i, (ht_pool_event){.kind = HT_EVENT_TICK, .number = r->number, .epoch = r->done, .loss = loss,
                                     .step = r->live.steps, .seconds = r->pace});
}

static bool stage_mean(stage *s, int i, const ht_pool_order *o)
{
    stage_state *sum = &s->mean_sum[o->number % STAGE_TRANSFERS], *live = &s->r[i].live;
    int *came = &s->mean_came[o->number % STAGE_TRANSFERS];
    bool last = o->members[o->n_members - 1] == i;
    if (last && *came < (int)o->n_members - 1) {
        for (size_t k = 0; k < o->n_members; k++)
            if (s->r[o->members[k]].dead) {
                stage_tell(s, i, (ht_pool_event){.kind = HT_EVENT_MEASURED, .number = o->number, .loss = NAN});
                return true;
            }
        return false;
    }
    sum->progress += live->progress / (double)o->n_members;
    sum->jitter += live->jitter / (double)o->n_members;
    sum->steps = live->steps > sum->steps ? live->steps : sum->steps;
    sum->there = true;
    ++*came;
    if (last) {
        *live = *sum;
        stage_tell(s, i, (ht_pool_event){.kind = HT_EVENT_MEASURED, .number = o->number, .loss = stage_loss(live)});
    }
    return true;
}

/* @return whether the order was carried out; else it waits for a peer */
static bool stage_do(stage *s, int i, const ht_pool_order *o)
{
    stage_replica *r = &s->r[i];
    stage_state *moving = &s->moving[o->number % STAGE_TRANSFERS];
    switch (o->kind) {
    case HT_ORDER_WORK: stage_begin(s, i, o); break;
    case HT_ORDER_SAVE: r->slots[o->slot] = r->live; break;
    case HT_ORDER_LOAD: r->live = r->slots[o->slot]; break;
    case HT_ORDER_DROP: r->slots[o->slot].there = false; break;
    case HT_ORDER_SEND: *moving = r->slots[o->slot]; break;
    case HT_ORDER_RECEIVE:
        if (s->fail_transfer == o->number || (!moving->there && s->r[o->peer].dead)) {
            r->slots[o->slot].there = false;
            stage_tell(s, i, (ht_pool_event){.kind = HT_EVENT_FAILED, .number = o->number, .loss = NAN,
                                             .text = "the wire broke"});
        } else if (moving->there) {
            r->slots[o->slot] = *moving;
        } else {
            return false;
        }
        break;
    case HT_ORDER_MEAN: return stage_mean(s, i, o);
    case HT_ORDER_VALIDATE:
        stage_tell(s, i, (ht_pool_event){.kind = HT_EVENT_MEASURED, .number = o->number, .loss = stage_loss(&r->live)});
        break;
    case HT_ORDER_END:
        r->ended = true;
        r->champion = o->champion;
        break;
    default: break;
    }
    return true;
}

static void stage_kill(stage *s, int i)
{
    s->r[i].dead = true;
    ht_pool_lose(s->pool, s->now, i);
    stage_drain(s);
}

/* All replicas join. */
static void stage_start(stage *s)
{
    for (int i = 0; i < s->n; i++)
        if (!s->r[i].dead) {
            ht_pool_join(s->pool, s->now, i);
            stage_drain(s);
        }
}

/* One look at every replica; then time passes. */
static void stage_step(stage *s)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < s->n; i++) {
            stage_replica *r = &s->r[i];
            while (!r->dead && !r->ended && r->n > 0
                   && stage_do(s, i, &r->queue[r->first % STAGE_QUEUE])) {
                ht_pool_order_release(&r->queue[r->first % STAGE_QUEUE]);
                r->first++;
                r->n--;
                moved = true;
            }
        }
    }
    s->now += .25;
    for (int i = 0; i < s->n; i++)
        if (!s->r[i].dead && !s->r[i].hung && s->r[i].training && s->now >= s->r[i].until)
            stage_epoch(s, i);
    ht_pool_tick(s->pool, s->now);
    stage_drain(s);
}

/* @return whether the run came to its end within `seconds` */
static bool stage_run(stage *s, double seconds)
{
    for (double end = s->now + seconds; s->now < end && !ht_pool_is_done(s->pool);)
        stage_step(s);
    stage_step(s);      /* END arrives */
    return ht_pool_is_done(s->pool);
}

#endif
