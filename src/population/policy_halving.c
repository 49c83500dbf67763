/* src/population/policy_halving.c - successive halving: many candidates for a short time, the best for
 * longer.
 *
 * Three rungs, at E/9, E/3 and E epochs. A rung is a queue: an idle replica takes a candidate whose state it
 * holds, or has another one sent; a rung ends when all its candidates were trained to its end. As many
 * candidates as the budget of N * E epochs allows. With few finalists replicas idle in the last rung: so it
 * is with halving.
 * Source: Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization",
 * AISTATS 2016; eta 3 and the names as in Li et al., "Hyperband", JMLR 18 (2018). We differ: a candidate
 * whose replica died or was too slow goes on elsewhere, from its last saved state; so a run with failures may
 * exceed the budget by what was lost. And one that diverged on a replica on which everything diverges is
 * tried on another.
 *
 * Candidate n is saved in slot n + 1. It is in one of four states; `age` is that of its saved state; 0 =
 * none. May touch: the heap. */
#include <math.h>
#include <stdlib.h>

#include "population/policies.h"
#include "population/starts.h"

enum { RUNGS = 3, ETA = 3, STREAK = 3, ATTEMPTS = 3 };
enum { DRAW_STARTS = 1 }; /* purpose of random numbers */

typedef enum { QUEUED, RUNNING, REPORTED, OUT } candidate_state;

typedef struct {
    candidate_state state;
    int age, node;
    double loss;     /* at that age */
    int attempts;    /* transfers that failed, and trainings that took too long */
    int suspect;     /* replica that may be to blame for its divergence; -1 = none */
    int diverged_on; /* replica; -1 = did not */
    bool gone;       /* OUT because nobody holds its state any more */
} candidate;

typedef struct {
    int ends[RUNGS]; /* epochs */
    long long sizes[RUNGS], cost;
} ladder;

typedef struct {
    ht_pool *pool;
    ladder l;
    size_t n;
    candidate *c; /* [n], owned */
    double *h;    /* [n * knobs], owned */
    int *streak;  /* [replicas] candidates that diverged there one after the other; owned */
    int rung;
    long long spent; /* epochs */
    bool done;
} halving;

/* ---- the ladder ----------------------------------------------------------------------------- */

static long long third(long long n)
{
    return n / ETA > 1 ? n / ETA : 1;
}

static ladder ladder_of(long long first, int epochs)
{
    ladder l = {.ends = {epochs / (ETA * ETA) > 1 ? epochs / (ETA * ETA) : 1, (int)third(epochs), epochs},
                .sizes = {first, third(first), third(third(first))}};
    l.cost = l.sizes[0] * l.ends[0];
    for (int j = 1; j < RUNGS; j++)
        l.cost += l.sizes[j] * (l.ends[j] - l.ends[j - 1]);
    return l;
}

static ladder longest_ladder(const ht_pool_options *o)
{
    long long first = 1, budget = (long long)o->n_replicas * o->epochs;
    while (ladder_of(first + 1, o->epochs).cost <= budget)
        first++;
    return ladder_of(first, o->epochs);
}

static void plan(const ht_pool_options *o, const ht_member *member, ht_string *out)
{
    (void)member;
    ladder l = longest_ladder(o);
    ht_string_add(out, "candidates: %lld (as many as the budget allows)\n", l.sizes[0]);
    ht_string_add(out, "rungs: %lld to epoch %d, %lld to %d, %lld to %d (the best third goes on)\n",
                  l.sizes[0], l.ends[0], l.sizes[1], l.ends[1], l.sizes[2], l.ends[2]);
    ht_string_add(out, "cost: %lld epochs (of %lld)\n", l.cost, (long long)o->n_replicas * o->epochs);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void destroy(void *self)
{
    halving *s = self;
    if (s == NULL)
        return;
    free(s->c);
    free(s->h);
    free(s->streak);
    free(s);
}

static ht_status create(ht_pool *p, void **self, ht_error *err)
{
    const ht_pool_options *o = ht_pool_given(p);
    halving *s = calloc(1, sizeof *s);
    if (s != NULL) {
        s->pool = p;
        s->l = longest_ladder(o);
        s->n = (size_t)s->l.sizes[0];
        s->c = calloc(s->n, sizeof *s->c);
        s->h = calloc(s->n * ht_pool_knobs(p)->n, sizeof *s->h);
        s->streak = calloc((size_t)o->n_replicas, sizeof *s->streak);
    }
    if (s == NULL || s->c == NULL || s->h == NULL || s->streak == NULL ||
        ht_starts_draw(o->recipe, ht_pool_knobs(p), ht_pool_random(p, DRAW_STARTS, 0, 0), s->n, s->h, NULL) !=
            HT_OK) {
        destroy(s);
        return ht_fail(err, HT_ENOMEM, "no memory for the candidates");
    }
    for (size_t i = 0; i < s->n; i++)
        s->c[i] = (candidate){.node = -1, .loss = NAN, .suspect = -1, .diverged_on = -1};
    *self = s;
    return HT_OK;
}

static unsigned slot_of(size_t i)
{
    return (unsigned)i + 1;
}

static void put_out(halving *s, size_t i)
{
    s->c[i].state = OUT;
    ht_pool_drop_all(s->pool, slot_of(i));
}

/* What nobody holds any more cannot go on. */
static void look_for_lost(halving *s)
{
    for (size_t i = 0; i < s->n; i++) {
        candidate *c = &s->c[i];
        if ((c->state == QUEUED || c->state == REPORTED) && c->age > 0 &&
            ht_pool_holder(s->pool, slot_of(i), -1) < 0) {
            c->state = OUT;
            c->gone = true;
        }
    }
}

/* ---- who trains what ------------------------------------------------------------------------ */

static bool usable(const halving *s, int replica)
{
    ht_pool_replica r = ht_pool_replica_of(s->pool, replica);
    return r.lives && !r.sick;
}

static int count_usable(const halving *s)
{
    int n = 0;
    for (int i = 0; i < ht_pool_seats(s->pool); i++)
        n += usable(s, i);
    return n;
}

/* Whether this replica may train candidate i, and how gladly: 0 = not. */
static int liking(const halving *s, int replica, size_t i)
{
    const candidate *c = &s->c[i];
    if (c->state != QUEUED || (c->suspect == replica && count_usable(s) > 1))
        return 0;
    if (c->age == 0)
        return 1;
    if (ht_pool_holds(s->pool, replica, slot_of(i)))
        return 3;
    int holder = ht_pool_holder(s->pool, slot_of(i), -1);
    if (holder < 0 || (c->attempts >= ATTEMPTS && usable(s, holder) && holder != c->suspect))
        return 0; /* it does not travel: its holder will take it */
    return ht_pool_replica_of(s->pool, holder).idle && usable(s, holder) ? 1 : 2;
}

static void train(halving *s, int replica, size_t i)
{
    candidate *c = &s->c[i];
    unsigned slot = slot_of(i);
    const ht_pool_options *o = ht_pool_given(s->pool);
    ht_pool_work w = {.source = c->age == 0 ? HT_FROM_INIT : HT_FROM_SLOT,
                      .slot = slot,
                      .seed = o->seed * 100 + i,
                      .epochs = s->l.ends[s->rung] - c->age,
                      .h = &s->h[i * ht_pool_knobs(s->pool)->n],
                      .task = (int)i,
                      .timed = c->attempts < ATTEMPTS,
                      .parent = c->node,
                      .what = "rung",
                      .wall = (double)s->spent / o->n_replicas};
    if (c->age > 0 && !ht_pool_holds(s->pool, replica, slot))
        ht_pool_move(s->pool, ht_pool_holder(s->pool, slot, -1), slot, replica, slot);
    if (ht_pool_work_order(s->pool, replica, &w) > 0)
        c->state = RUNNING;
}

/* The fastest idle replica first: the slowest one gets what is left. */
static bool deal_one(halving *s)
{
    int replica = -1;
    size_t best = s->n;
    double pace = NAN;
    for (int i = 0; i < ht_pool_seats(s->pool); i++) {
        ht_pool_replica r = ht_pool_replica_of(s->pool, i);
        double mine = ht_pool_is_barrier(s->pool) ? NAN : r.pace;
        if (!r.idle || r.sick || (replica >= 0 && !(mine < pace)))
            continue;
        int most = 0;
        for (size_t k = 0; k < s->n; k++) {
            int like = liking(s, i, k);
            if (like <= most)
                continue;
            most = like;
            best = k;
            replica = i;
            pace = mine;
        }
    }
    if (replica >= 0)
        train(s, replica, best);
    return replica >= 0;
}

static size_t count(const halving *s, candidate_state state)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += s->c[i].state == state;
    return n;
}

/* ---- rungs ---------------------------------------------------------------------------------- */

/* Only the best `most` of those that have reported stay. */
static void thin_out(halving *s, long long most)
{
    while ((long long)count(s, REPORTED) > most) {
        size_t worst = s->n;
        for (size_t i = 0; i < s->n; i++)
            if (s->c[i].state == REPORTED && (worst == s->n || s->c[i].loss >= s->c[worst].loss))
                worst = i;
        put_out(s, worst);
    }
}

static void tell_rung(halving *s, size_t kept)
{
    double wall = (double)s->spent / ht_pool_given(s->pool)->n_replicas;
    cJSON *event = ht_pool_event_new(s->pool, "rung", wall);
    ht_json_put_int(event, "rung", s->rung + 1);
    ht_json_put_int(event, "epochs", s->l.ends[s->rung]);
    ht_json_put_int(event, "kept", (double)kept);
    ht_pool_log(s->pool, event);
    ht_pool_say(s->pool, "rung %d of %d is over, %zu go on", s->rung + 1, RUNGS, kept);
}

static void finish(halving *s)
{
    s->done = true;
    ht_pool_finish(s->pool);
}

/* Nobody is left: those whose states were lost begin anew. @return whether there are any */
static bool begin_anew(halving *s)
{
    bool any = false;
    for (size_t i = 0; i < s->n; i++)
        if (s->c[i].gone) {
            s->c[i] = (candidate){.state = QUEUED, .node = -1, .loss = NAN, .suspect = -1, .diverged_on = -1};
            any = true;
        }
    return any;
}

/* Deals out what is queued; goes to the next rung when nobody trains any more. */
static void go_on(halving *s)
{
    while (!s->done && ht_pool_living(s->pool) > 0) {
        look_for_lost(s);
        if (s->rung + 1 < RUNGS)
            thin_out(s, s->l.sizes[s->rung + 1]);
        while (deal_one(s))
            ;
        if (count(s, RUNNING) > 0)
            return;
        if (count(s, QUEUED) > 0 && count_usable(s) > 0)
            return; /* nobody is idle, or its holder is not */
        size_t kept = count(s, REPORTED);
        if (kept == 0 && count_usable(s) > 0 && begin_anew(s))
            continue;
        if (s->rung + 1 == RUNGS || kept == 0 || count_usable(s) == 0) {
            finish(s);
            return;
        }
        tell_rung(s, kept);
        s->rung++;
        for (size_t i = 0; i < s->n; i++) {
            s->c[i].diverged_on = -1;
            if (s->c[i].state == OUT)
                put_out(s, i);
            else if (s->c[i].age < s->l.ends[s->rung])
                s->c[i].state = QUEUED;
        }
    }
}

/* ---- what happens --------------------------------------------------------------------------- */

/* Another replica could train what diverged on this one: it is to blame, and for the others that it had, too.
 */
static void acquit(halving *s, int blamed)
{
    ht_pool_call_sick(s->pool, blamed, "what diverges there does not elsewhere");
    for (size_t i = 0; i < s->n; i++)
        if (s->c[i].state == OUT && s->c[i].diverged_on == blamed) {
            s->c[i].diverged_on = -1;
            if (s->c[i].age < s->l.ends[s->rung])
                s->c[i].state = QUEUED;
        }
}

/* It did not begin, or did not end in time. */
static void retry(halving *s, size_t i)
{
    s->c[i].state = QUEUED;
    if (++s->c[i].attempts >= ATTEMPTS * ATTEMPTS)
        put_out(s, i);
}

static void diverged(halving *s, int replica, size_t i)
{
    candidate *c = &s->c[i];
    if (c->suspect >= 0 && c->suspect != replica) {
        s->streak[c->suspect] = 0; /* it was the candidate */
        c->state = OUT;
        return;
    }
    s->streak[replica]++;
    c->diverged_on = replica;
    c->state = OUT; /* its last state stays until the end of the rung: see acquit */
    if (s->streak[replica] >= STREAK && count_usable(s) > 1) {
        c->suspect = replica;
        c->state = QUEUED;
    }
}

static void reported(void *self, int replica, const ht_pool_result *r)
{
    halving *s = self;
    size_t i = (size_t)r->task;
    candidate *c = &s->c[i];
    s->spent += r->epochs;
    if (r->epochs == 0) {
        retry(s, i);
    } else if (isnan(r->loss)) {
        diverged(s, replica, i);
    } else {
        s->streak[replica] = 0;
        c->age += r->epochs;
        c->loss = r->loss;
        c->node = r->node;
        c->state = c->age < s->l.ends[s->rung] ? QUEUED : REPORTED;
        ht_pool_save(s->pool, replica, slot_of(i));
        for (int k = 0; k < ht_pool_seats(s->pool); k++)
            if (k != replica)
                ht_pool_drop(s->pool, k, slot_of(i));
        int blamed = c->suspect;
        c->suspect = c->diverged_on = -1;
        if (blamed >= 0 && blamed != replica)
            acquit(s, blamed);
    }
    go_on(s);
}

static void measured(void *self, unsigned long number, int replica, double loss)
{
    (void)self, (void)number, (void)replica, (void)loss;
}

static void overdue(void *self, int replica, int task)
{
    halving *s = self;
    (void)replica;
    retry(s, (size_t)task);
    go_on(s);
}

static void lost(void *self, int replica, int task)
{
    halving *s = self;
    s->streak[replica] = 0;
    if (task >= 0)
        s->c[task].state = QUEUED;
    go_on(s);
}

static bool crowd(void *self, int n)
{
    halving *s = self;
    int *streak = realloc(s->streak, (size_t)n * sizeof *streak);
    if (streak == NULL)
        return false;
    s->streak = streak;
    for (int i = ht_pool_seats(s->pool); i < n; i++)
        s->streak[i] = 0;
    return true;
}

static void ready(void *self, int replica)
{
    (void)replica;
    go_on(self);
}

static void start(void *self)
{
    go_on(self);
}

static void look(const void *self, ht_pool_view *out)
{
    static const char *const stages[RUNGS] = {"rung 1", "rung 2", "rung 3"};
    const halving *s = self;
    out->stage = s->done ? "done" : stages[s->rung];
    out->wall = (double)s->spent / ht_pool_given(s->pool)->n_replicas;
    out->islands = (int)(s->n - count(s, OUT));
}

const ht_policy_class ht_policy_halving = {
    .name = "halving",
    .about = "successive halving: many candidates for a short time, the best third for longer",
    .needs_init = true,
    .needs_state = true,
    .plan = plan,
    .create = create,
    .destroy = destroy,
    .start = start,
    .ready = ready,
    .reported = reported,
    .measured = measured,
    .crowd = crowd,
    .overdue = overdue,
    .lost = lost,
    .look = look,
};
