/* src/population/race.c - the race over start values; the contract is in race.h.
 *
 * The queue has the candidates of this rung that nobody has begun; those that come back from a lost
 * replica go to its head. A candidate runs, waits in the queue, is done with the rung, or is out. The rung
 * is over when nobody runs and nobody may begin. The heap has those that rest, the worst first; it is made anew when somebody
 * died or a state did not arrive. So that a report costs no look at all candidates.
 * May touch: the heap. */
#include "population/race.h"

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
    int before, after;      /* in the queue; -1 = none */
    long turn;              /* in the queue: the smaller the earlier */
} candidate;

struct ht_race {
    ht_pool *pool;
    ht_plan plan;
    size_t n;               /* candidates */
    candidate *c;           /* [n] */
    double *h;              /* [n * knobs] */
    bool *fresh;            /* [n] drawn without regard to a known start */
    int first, last;        /* of the queue; -1 = none */
    long head;              /* turn of the first */
    size_t n_queued, n_running;
    size_t *heap, n_heap;   /* [n] */
    bool heap_is_old;
    unsigned long heap_mishaps, queue_mishaps;  /* ht_pool_mishaps when it was looked at last */
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
    r->heap = malloc(r->n * sizeof *r->heap);
    r->first = r->last = -1;
    r->heap_is_old = true;
    if (r->c == NULL || r->h == NULL || r->fresh == NULL || r->heap == NULL
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
    free(r->heap);
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

/* By loss, then by number. */
static bool is_worse(const ht_race *r, size_t a, size_t b)
{
    return r->c[a].loss > r->c[b].loss || (r->c[a].loss == r->c[b].loss && a > b);
}

static void sink(const ht_race *r, size_t *heap, size_t n, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        child += child + 1 < n && is_worse(r, heap[child + 1], heap[child]);
        if (!is_worse(r, heap[child], heap[at]))
            break;
        size_t other = heap[at];
        heap[at] = heap[child];
        heap[child] = other;
    }
}

static size_t gather(const ht_race *r, bool (*wanted)(const ht_race *, size_t), size_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++)
        if (!isnan(r->c[i].loss) && wanted(r, i))
            out[n++] = i;
    return n;
}

static void make_heap(const ht_race *r, size_t *heap, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sink(r, heap, n, i);
}

/* All that `wanted` names, the best first. */
static size_t rank(const ht_race *r, bool (*wanted)(const ht_race *, size_t), size_t *best)
{
    size_t n = gather(r, wanted, best);
    make_heap(r, best, n);
    for (size_t left = n; left > 1;) {
        size_t worst = best[0];
        best[0] = best[--left];
        best[left] = worst;
        sink(r, best, left, 0);
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

static void enter(ht_race *r, size_t i, state to)
{
    r->n_running += to == RUNNING;
    r->n_running -= r->c[i].state == RUNNING;
    r->c[i].state = to;
}

static void give_up(ht_race *r, size_t i)
{
    ht_pool_drop_all(r->pool, slot_of(i));
    enter(r, i, OUT);
    r->c[i].held = false;
}

/* One more rests. */
static void put_into_heap(ht_race *r, size_t i)
{
    size_t at = r->n_heap++;
    for (; at > 0 && is_worse(r, i, r->heap[(at - 1) / 2]); at = (at - 1) / 2)
        r->heap[at] = r->heap[(at - 1) / 2];
    r->heap[at] = i;
}

static size_t take_worst(ht_race *r)
{
    size_t worst = r->heap[0];
    r->heap[0] = r->heap[--r->n_heap];
    sink(r, r->heap, r->n_heap, 0);
    return worst;
}

/* Frees what can neither enter the next rung nor be among the last ones by accident: the best of these first. The start
 * values are spared, if the recipe wants them to go on: they take the last place.
 * @param latest  that has come to rest */
static void drop_the_rest(ht_race *r, size_t latest)
{
    size_t keep = (size_t)r->plan.replicas, n_out = 0, most = 0;
    keep += r->rung + 1 < r->plan.rungs ? (size_t)r->plan.size[r->rung + 1] : (size_t)r->plan.islands;
    bool spares = ht_pool_given(r->pool)->recipe->population.race.keep_start && keep > 0, spared = false;
    if (r->heap_is_old || r->heap_mishaps != ht_pool_mishaps(r->pool)) {
        r->n_heap = gather(r, is_resting, r->heap);
        make_heap(r, r->heap, r->n_heap);
        r->heap_is_old = false;
        r->heap_mishaps = ht_pool_mishaps(r->pool);
    } else {
        put_into_heap(r, latest);
    }
    if (r->n_heap <= keep)
        return;
    most = r->n_heap - keep;
    size_t *out = malloc(most * sizeof *out);
    if (out == NULL) {
        ht_pool_no_memory(r->pool);
        return;
    }
    while (r->n_heap + spared > keep) {
        size_t worst = take_worst(r);
        if (worst == 0 && spares)
            spared = true;
        else
            out[n_out++] = worst;
    }
    if (spared)
        put_into_heap(r, 0);
    while (n_out > 0)
        give_up(r, out[--n_out]);
    free(out);
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

static void unlink(ht_race *r, size_t i)
{
    candidate *c = &r->c[i];
    *(c->before >= 0 ? &r->c[c->before].after : &r->first) = c->after;
    *(c->after >= 0 ? &r->c[c->after].before : &r->last) = c->before;
    r->n_queued--;
}

static void queue_first(ht_race *r, size_t i)
{
    r->c[i].before = -1;
    r->c[i].after = r->first;
    r->c[i].turn = --r->head;
    *(r->first >= 0 ? &r->c[r->first].before : &r->last) = (int)i;
    r->first = (int)i;
    r->n_queued++;
}

static void queue_last(ht_race *r, size_t i)
{
    r->c[i].before = r->last;
    r->c[i].after = -1;
    r->c[i].turn = r->last >= 0 ? r->c[r->last].turn + 1 : 0;
    if (r->last < 0)
        r->head = 0;
    *(r->last >= 0 ? &r->c[r->last].after : &r->first) = (int)i;
    r->last = (int)i;
    r->n_queued++;
}

/* The first in the queue that the replica holds itself; -1 = none. */
static int first_of_its_own(const ht_race *r, int replica)
{
    const unsigned *slots;
    size_t n = ht_pool_slots(r->pool, replica, &slots);
    int found = -1;
    for (size_t i = 0; i < n; i++) {
        size_t at = (size_t)slots[i] - 1;       /* wraps for the root, which is no candidate */
        if (at < r->n && r->c[at].state == QUEUED && (found < 0 || r->c[at].turn < r->c[found].turn))
            found = (int)at;
    }
    return found;
}

/* The first that the replica holds itself, else the first; taken out of the queue. @return false = none */
static bool take(ht_race *r, int replica, size_t *out)
{
    int at = r->rung > 0 ? first_of_its_own(r, replica) : -1;
    if (at < 0)
        at = r->first;
    if (at < 0 || !fits(r, replica, epochs_left(r, (size_t)at)))
        return false;
    *out = (size_t)at;
    unlink(r, *out);
    return true;
}

static void back_to_queue(ht_race *r, size_t i)
{
    bool again = r->c[i].epochs == 0 || is_held(r, i);
    if (!again || ++r->c[i].failures > TRIES) {
        give_up(r, i);
        return;
    }
    enter(r, i, QUEUED);
    queue_first(r, i);
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
    enter(r, i, RUNNING);
    ht_pool_work_order(r->pool, replica, &w);
}

static void forget_what_nobody_holds(ht_race *r)
{
    if (r->queue_mishaps == ht_pool_mishaps(r->pool))
        return;
    r->queue_mishaps = ht_pool_mishaps(r->pool);
    for (int at = r->first, next; at >= 0; at = next) {
        next = r->c[at].after;
        if (r->c[at].epochs > 0 && !is_held(r, (size_t)at)) {
            unlink(r, (size_t)at);
            give_up(r, (size_t)at);
        }
    }
}

/* ---- rungs ---------------------------------------------------------------------------------- */

/* @param who  [n], in the order in which they are to begin */
static void open_rung(ht_race *r, size_t n, const size_t *who)
{
    r->asked = (int)n;
    r->reported = r->diverged = 0;
    r->began = ht_pool_now(r->pool);
    r->first = r->last = -1;
    r->n_queued = 0;
    r->heap_is_old = true;
    for (size_t i = 0; i < n; i++) {
        enter(r, who[i], QUEUED);
        r->c[who[i]].failures = 0;
        queue_last(r, who[i]);
    }
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
    ht_json_put_int(event, "unserved", (double)r->n_queued);
    bool found = false;
    for (size_t i = 0; i < r->n; i++)
        if (!isnan(r->c[i].loss) && is_done_with_rung(r, i) && (!found || is_worse(r, best, i))) {
            best = i;
            found = true;
        }
    if (found) {
        ht_json_put_int(event, "best", (double)best);
        ht_json_put_real(event, "loss", ht_pool_shown(r->pool, r->c[best].loss));
        ht_json_put(event, "knobs", ht_pool_point(r->pool, point(r, best)));
    }
    ht_pool_log(r->pool, event);
}

static void close_rung(ht_race *r)
{
    int step = r->plan.age[r->rung] - (r->rung > 0 ? r->plan.age[r->rung - 1] : 0);
    size_t done = rank(r, is_done_with_rung, r->heap), most;    /* the heap is made anew with the next rung */
    r->wall += step * ((r->plan.size[r->rung] + r->plan.replicas - 1) / r->plan.replicas);
    log_rung(r);
    for (size_t i = 0; i < r->n; i++)
        if (r->c[i].state == QUEUED)        /* unserved */
            enter(r, i, r->c[i].epochs > 0 ? IDLE : OUT);
    r->over = ++r->rung == r->plan.rungs || done == 0;
    r->first = r->last = -1;
    r->n_queued = 0;
    r->heap_is_old = true;
    if (r->over)
        return;
    most = done < (size_t)r->plan.size[r->rung] ? done : (size_t)r->plan.size[r->rung];
    seat_start(r, done, most, r->heap);
    open_rung(r, most, r->heap);
}

void ht_race_start(ht_race *r)
{
    for (size_t i = 0; i < r->n; i++) {
        r->heap[i] = i;
        r->c[i] = (candidate){.node = -1, .loss = NAN};
    }
    open_rung(r, r->n, r->heap);
    ht_race_go_on(r);
}

static void deal(ht_race *r)
{
    size_t i;
    forget_what_nobody_holds(r);
    for (int k = ht_pool_next_idle(r->pool, 0); k >= 0 && r->n_queued > 0; k = ht_pool_next_idle(r->pool, k + 1))
        if (!ht_pool_replica_of(r->pool, k).sick && take(r, k, &i))
            begin(r, k, i);
}

void ht_race_go_on(ht_race *r)
{
    while (!r->over && ht_pool_living(r->pool) > 0) {
        deal(r);
        if (r->n_running > 0)
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
    enter(r, i, IDLE);
    if (i == 0 && r->rung == 0)
        r->start_loss = result->loss;
    ht_pool_drop_all(r->pool, slot_of(i));      /* of a lower age */
    if (isnan(result->loss)) {
        r->diverged++;
        enter(r, i, OUT);
        c->held = false;
        return;
    }
    ht_pool_save(r->pool, replica, slot_of(i));
    c->held = true;
    drop_the_rest(r, i);
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
    size_t resting = rank(r, is_resting, best);
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
