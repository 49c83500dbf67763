/* src/population/race.c - the race over start values; the contract is in race.h.
 *
 * queue[next ..] are the candidates of this rung that nobody has begun; those that come back from a lost
 * replica go to its head. A candidate runs, waits in the queue, is done with the rung, or is out. The rung
 * is over when nobody runs and nobody may begin.
 * May touch: the heap. */
#include "population/race.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "population/starts.h"

enum { DRAW_STARTS = 1, TRIES = 3 }; /* purpose of random numbers; how often a state may fail to arrive */

typedef enum { IDLE, QUEUED, RUNNING, OUT } state;

typedef struct {
    state state;
    bool held;              /* it was trained and its state saved */
    int epochs, node, failures, rung;
    double loss;            /* NaN = not known */
} candidate;

struct ht_race {
    ht_pool *pool;
    ht_plan plan;
    size_t n;               /* candidates */
    candidate *c;           /* [n] */
    double *h;              /* [n * knobs] */
    bool *fresh;            /* [n] drawn without regard to a known start */
    size_t *queue, next, last;  /* [n], queue[next .. last - 1] wait */
    int rung, asked, reported, diverged;
    double began, wall, start_loss;
    bool over;
};

ht_status ht_race_create(ht_pool *p, const ht_plan *plan, ht_race **out, ht_error *err)
{
    const ht_tuned *t = ht_pool_knobs(p);
    ht_race *r = calloc(1, sizeof *r);
    if (r == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a race");
    r->pool = p;
    r->plan = *plan;
    r->n = (size_t)plan->size[0];
    r->start_loss = NAN;
    r->c = calloc(r->n, sizeof *r->c);
    r->h = malloc(r->n * t->n * sizeof *r->h);
    r->fresh = calloc(r->n, sizeof *r->fresh);
    r->queue = malloc(r->n * sizeof *r->queue);
    if (r->c == NULL || r->h == NULL || r->fresh == NULL || r->queue == NULL
        || ht_starts_draw(ht_pool_given(p)->recipe, t, ht_pool_random(p, DRAW_STARTS, 0, 0), r->n, r->h, r->fresh)
               != HT_OK) {
        ht_race_destroy(r);
        return ht_fail(err, HT_ENOMEM, "no memory for a race of %d candidates", plan->size[0]);
    }
    *out = r;
    return HT_OK;
}

void ht_race_destroy(ht_race *r)
{
    if (r == NULL)
        return;
    free(r->c);
    free(r->h);
    free(r->fresh);
    free(r->queue);
    free(r);
}

static const double *point(const ht_race *r, size_t i)
{
    return r->h + i * ht_pool_knobs(r->pool)->n;
}

static unsigned slot_of(size_t i)
{
    return (unsigned)i + 1;
}

static bool is_held(const ht_race *r, size_t i)
{
    return r->c[i].held && ht_pool_holder(r->pool, slot_of(i), -1) >= 0;
}

/* ---- ranks ---------------------------------------------------------------------------------- */

/* The best of those that `wanted` names, by loss, then by number: insertion into a list of at most `most`. */
static size_t rank(const ht_race *r, bool (*wanted)(const ht_race *, size_t), size_t most, size_t *best)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (isnan(r->c[i].loss) || !wanted(r, i))
            continue;
        size_t at = n < most ? n++ : most;
        for (; at > 0 && r->c[best[at - 1]].loss > r->c[i].loss; at--)
            if (at < most)
                best[at] = best[at - 1];
        if (at < most)
            best[at] = i;
    }
    return n;
}

/* The recipe may want the start values, candidate 0, among those that go on: they take the last place. */
static void seat_start(const ht_race *r, size_t n, size_t places, size_t *best)
{
    if (!ht_pool_given(r->pool)->recipe->population.race.keep_start || places == 0)
        return;
    for (size_t i = places; i < n; i++)
        if (best[i] == 0) {
            memmove(&best[places], &best[places - 1], (i - places + 1) * sizeof *best);
            best[places - 1] = 0;
            return;
        }
}

static bool is_done_with_rung(const ht_race *r, size_t i)
{
    return r->c[i].state == IDLE && r->c[i].rung == r->rung && is_held(r, i);
}

static bool is_resting(const ht_race *r, size_t i)
{
    return r->c[i].state == IDLE && is_held(r, i);
}

static void give_up(ht_race *r, size_t i)
{
    ht_pool_drop_all(r->pool, slot_of(i));
    r->c[i].state = OUT;
    r->c[i].held = false;
}

/* Frees what can neither enter the next rung nor be among the last ones by accident. */
static void drop_the_rest(ht_race *r)
{
    size_t keep = (size_t)r->plan.replicas;
    keep += r->rung + 1 < r->plan.rungs ? (size_t)r->plan.size[r->rung + 1] : (size_t)r->plan.islands;
    size_t *best = malloc(r->n * sizeof *best);
    if (best == NULL) {
        ht_pool_no_memory(r->pool);
        return;
    }
    size_t n = rank(r, is_resting, r->n, best);
    seat_start(r, n, keep, best);
    for (size_t i = keep; i < n; i++)
        give_up(r, best[i]);
    free(best);
}

/* ---- the queue ------------------------------------------------------------------------------ */

static int epochs_left(const ht_race *r, size_t i)
{
    return r->plan.age[r->rung] - r->c[i].epochs;
}

/* May this replica begin something that takes `epochs` and be through when the rung closes? */
static bool fits(const ht_race *r, int replica, int epochs)
{
    double median = ht_pool_pace(r->pool), own = ht_pool_replica_of(r->pool, replica).pace;
    if (isnan(median))
        return true;
    int step = r->plan.age[r->rung] - (r->rung > 0 ? r->plan.age[r->rung - 1] : 0);
    int rounds = (r->asked + r->plan.replicas - 1) / r->plan.replicas;
    double close = r->began + ht_pool_allowed(r->pool, rounds * step);
    return ht_pool_now(r->pool) + (isnan(own) ? median : own) * epochs <= close;
}

/* The first that the replica holds itself, else the first; taken out of the queue. @return false = none */
static bool take(ht_race *r, int replica, size_t *out)
{
    size_t at = r->next;
    while (r->rung > 0 && at < r->last && !ht_pool_holds(r->pool, replica, slot_of(r->queue[at])))
        at++;
    if (at == r->last)
        at = r->next;
    if (at == r->last || !fits(r, replica, epochs_left(r, r->queue[at])))
        return false;
    *out = r->queue[at];
    memmove(&r->queue[r->next + 1], &r->queue[r->next], (at - r->next) * sizeof *r->queue);
    r->next++;
    return true;
}

static void back_to_queue(ht_race *r, size_t i)
{
    bool again = r->c[i].epochs == 0 || is_held(r, i);
    if (!again || ++r->c[i].failures > TRIES) {
        give_up(r, i);
        return;
    }
    assert(r->next > 0);        /* it was taken from there */
    r->c[i].state = QUEUED;
    r->queue[--r->next] = i;
}

static void begin(ht_race *r, int replica, size_t i)
{
    candidate *c = &r->c[i];
    const ht_pool_options *o = ht_pool_given(r->pool);
    ht_pool_work w = {.source = c->epochs > 0 ? HT_FROM_SLOT : HT_FROM_INIT,
                      .slot = slot_of(i),
                      .seed = o->seed * 100 + i,
                      .epochs = epochs_left(r, i),
                      .h = point(r, i),
                      .task = (int)i,
                      .timed = true,
                      .parent = c->epochs > 0 ? c->node : -1,
                      .what = r->fresh[i] ? HT_WHAT_FRESH : HT_WHAT_RACE,
                      .wall = r->wall};
    if (c->epochs > 0 && !ht_pool_holds(r->pool, replica, slot_of(i)))
        ht_pool_move(r->pool, ht_pool_holder(r->pool, slot_of(i), -1), slot_of(i), replica, slot_of(i));
    c->state = RUNNING;
    ht_pool_work_order(r->pool, replica, &w);
}

static void forget_what_nobody_holds(ht_race *r)
{
    size_t n = r->next;
    for (size_t q = r->next; q < r->last; q++) {
        size_t i = r->queue[q];
        if (r->c[i].epochs > 0 && !is_held(r, i))
            give_up(r, i);
        else
            r->queue[n++] = i;
    }
    r->last = n;
}

/* ---- rungs ---------------------------------------------------------------------------------- */

static size_t count_running(const ht_race *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        n += r->c[i].state == RUNNING;
    return n;
}

static void open_rung(ht_race *r)
{
    r->asked = (int)r->last;
    r->reported = r->diverged = 0;
    r->began = ht_pool_now(r->pool);
    for (size_t q = 0; q < r->last; q++) {
        r->c[r->queue[q]].state = QUEUED;
        r->c[r->queue[q]].failures = 0;
    }
    r->next = 0;
}

static void log_rung(ht_race *r)
{
    size_t best = 0;
    cJSON *event = ht_pool_event_new(r->pool, "rung", r->wall);
    ht_json_put_int(event, "rung", r->rung + 1);
    ht_json_put_int(event, "epochs", r->plan.age[r->rung]);
    ht_json_put_int(event, "candidates", r->asked);
    ht_json_put_int(event, "reported", r->reported);
    ht_json_put_int(event, "diverged", r->diverged);
    ht_json_put_int(event, "unserved", (double)(r->last - r->next));
    if (rank(r, is_done_with_rung, 1, &best) == 1) {
        ht_json_put_int(event, "best", (double)best);
        ht_json_put_real(event, "loss", ht_pool_shown(r->pool, r->c[best].loss));
        ht_json_put(event, "knobs", ht_pool_point(r->pool, point(r, best)));
    }
    ht_pool_log(r->pool, event);
}

static void close_rung(ht_race *r)
{
    int step = r->plan.age[r->rung] - (r->rung > 0 ? r->plan.age[r->rung - 1] : 0);
    size_t done = rank(r, is_done_with_rung, r->n, r->queue);   /* nobody needs the queue any more */
    r->wall += step * ((r->plan.size[r->rung] + r->plan.replicas - 1) / r->plan.replicas);
    log_rung(r);
    for (size_t i = 0; i < r->n; i++)
        if (r->c[i].state == QUEUED)        /* unserved */
            r->c[i].state = r->c[i].epochs > 0 ? IDLE : OUT;
    r->over = ++r->rung == r->plan.rungs || done == 0;
    r->next = r->last = 0;
    if (r->over)
        return;
    r->last = done < (size_t)r->plan.size[r->rung] ? done : (size_t)r->plan.size[r->rung];
    seat_start(r, done, r->last, r->queue);
    open_rung(r);
}

void ht_race_start(ht_race *r)
{
    r->last = r->n;
    for (size_t i = 0; i < r->n; i++) {
        r->queue[i] = i;
        r->c[i] = (candidate){.node = -1, .loss = NAN};
    }
    open_rung(r);
    ht_race_go_on(r);
}

static void deal(ht_race *r)
{
    size_t i;
    forget_what_nobody_holds(r);
    for (int k = 0; k < ht_pool_seats(r->pool); k++) {
        ht_pool_replica who = ht_pool_replica_of(r->pool, k);
        if (who.idle && !who.sick && take(r, k, &i))
            begin(r, k, i);
    }
}

void ht_race_go_on(ht_race *r)
{
    while (!r->over && ht_pool_living(r->pool) > 0) {
        deal(r);
        if (count_running(r) > 0)
            return;
        close_rung(r);
    }
}

/* ---- what comes back ------------------------------------------------------------------------ */

void ht_race_reported(ht_race *r, const ht_pool_result *result, int replica)
{
    size_t i = (size_t)result->task;
    candidate *c = &r->c[i];
    if (result->epochs == 0) {
        ht_pool_drop(r->pool, replica, slot_of(i));
        back_to_queue(r, i);
        return;
    }
    r->reported++;
    c->node = result->node;
    c->epochs += result->epochs;
    c->loss = result->loss;
    c->rung = r->rung;
    c->state = IDLE;
    if (i == 0 && r->rung == 0)
        r->start_loss = result->loss;
    ht_pool_drop_all(r->pool, slot_of(i));      /* of a lower age */
    if (isnan(result->loss)) {
        r->diverged++;
        c->state = OUT;
        c->held = false;
        return;
    }
    ht_pool_save(r->pool, replica, slot_of(i));
    c->held = true;
    drop_the_rest(r);
}

void ht_race_lost(ht_race *r, int task)
{
    back_to_queue(r, (size_t)task);
}

/* ---- what can be seen ----------------------------------------------------------------------- */

bool ht_race_is_over(const ht_race *r)
{
    return r->over;
}

double ht_race_wall(const ht_race *r)
{
    return r->wall;
}

double ht_race_start_loss(const ht_race *r)
{
    return r->start_loss;
}

size_t ht_race_best(const ht_race *r, size_t n, ht_race_entry *out)
{
    size_t *best = malloc(r->n * sizeof *best), found = 0;
    if (best == NULL) {
        ht_pool_no_memory(r->pool);
        return 0;
    }
    size_t resting = rank(r, is_resting, r->n, best);
    found = resting < n ? resting : n;
    seat_start(r, resting, found, best);
    for (size_t i = 0; i < found; i++) {
        const candidate *c = &r->c[best[i]];
        out[i] = (ht_race_entry){point(r, best[i]), c->loss, c->epochs, c->node, slot_of(best[i])};
    }
    free(best);
    return found;
}

void ht_race_drop_all(ht_race *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->c[i].held)
            give_up(r, i);
}
