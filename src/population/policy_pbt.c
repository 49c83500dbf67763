/* src/population/policy_pbt.c - population based training: losers copy a winner and change its knobs.
 *
 * Member i lives on replica i. After every `ready` epochs it saves its state; if its loss is among the worst
 * quarter of the last known losses, it takes state and knobs of one of the best quarter, drawn at random, and
 * multiplies each knob by 0.8 or 1.25. Elastic: each member on its own, whenever it reports. Barrier: all of
 * them in rounds.
 * Source: Jaderberg et al., "Population based training of neural networks", arXiv:1711.09846 (truncation
 * selection, perturbation). We differ: a quarter instead of a fifth, so that 4 replicas have a
 * loser; a member that diverged is always a loser; when nobody is finite, it goes on from its own last finite
 * state with changed knobs.
 *
 * Slot i + 1 of replica i is the last finite state of member i; slot 0 is what it was sent and goes on from.
 * May touch: the heap. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "population/policies.h"
#include "population/starts.h"

enum { DRAW_STARTS = 1, DRAW_WINNER, DRAW_CHANGE }; /* purposes of random numbers */

static const double factor = 1.25;
static const double losers = .25; /* share of the members, one at least */

typedef struct {
    bool open;  /* it trains, and we wait for it */
    int age;    /* epochs of wall clock it had */
    bool away;  /* too late; we go on without it until it is back */
    bool known; /* it has reported; loss NaN = diverged */
    double loss;
    int node;   /* of the state in its slot */
    int winner; /* whose state it goes on from now; -1 = its own */
    uint64_t decisions;
} member;

typedef struct {
    ht_pool *pool;
    int n, every; /* epochs from one decision to the next */
    member *m;    /* [n], owned */
    double *h;    /* [n * knobs], owned */
    bool done;
} pbt;

static int ready_after(int epochs)
{
    int every = (int)floor(epochs / 15. + .5);
    return every > 1 ? every : 1;
}

static void plan(const ht_pool_options *o, const ht_member *program, ht_string *out)
{
    (void)program;
    ht_string_add(out, "members: %d (one per replica, %d epochs each)\n", o->n_replicas, o->epochs);
    ht_string_add(out, "ready: every %d epochs (a fifteenth of the run)\n", ready_after(o->epochs));
    ht_string_add(out, "exploit: the worst quarter takes state and knobs from the best quarter\n");
    ht_string_add(out, "explore: each knob times 0.8 or 1.25\n");
}

/* ---- life ----------------------------------------------------------------------------------- */

static void destroy(void *self)
{
    pbt *s = self;
    if (s == NULL)
        return;
    free(s->m);
    free(s->h);
    free(s);
}

static ht_status create(ht_pool *p, void **self, ht_error *err)
{
    const ht_pool_options *o = ht_pool_given(p);
    size_t n = (size_t)o->n_replicas;
    pbt *s = calloc(1, sizeof *s);
    if (s != NULL) {
        s->pool = p;
        s->n = o->n_replicas;
        s->every = ready_after(o->epochs);
        s->m = calloc(n, sizeof *s->m);
        s->h = calloc(n * ht_pool_knobs(p)->n, sizeof *s->h);
    }
    if (s == NULL || s->m == NULL || s->h == NULL ||
        ht_starts_draw(o->recipe, ht_pool_knobs(p), ht_pool_random(p, DRAW_STARTS, 0, 0), n, s->h, NULL) != HT_OK) {
        destroy(s);
        return ht_fail(err, HT_ENOMEM, "no memory for the members");
    }
    for (size_t i = 0; i < n; i++)
        s->m[i] = (member){.loss = NAN, .node = -1, .winner = -1};
    *self = s;
    return HT_OK;
}

static unsigned slot_of(int i)
{
    return (unsigned)i + 1;
}

static double *point_of(const pbt *s, int i)
{
    return &s->h[(size_t)i * ht_pool_knobs(s->pool)->n];
}

/* ---- who wins, who loses -------------------------------------------------------------------- */

/* Its loss counts: somebody lives who can send that state. */
static bool competes(const pbt *s, int i)
{
    return s->m[i].known && ht_pool_replica_of(s->pool, i).lives;
}

static bool beats(const pbt *s, int a, int b)
{
    double x = s->m[a].loss, y = s->m[b].loss;
    if (isnan(x) || isnan(y))
        return isnan(y) && (!isnan(x) || a < b);
    return x < y || (x == y && a < b);
}

/* How many others are better. */
static int rank_of(const pbt *s, int i)
{
    int rank = 0;
    for (int k = 0; k < s->n; k++)
        rank += k != i && competes(s, k) && beats(s, k, i);
    return rank;
}

/* The member that member i copies; -1 = it goes on by itself. */
static int winner_for(const pbt *s, int i)
{
    int known = 0, winners = 0;
    for (int k = 0; k < s->n; k++)
        known += competes(s, k);
    int share = (int)fmax(1, floor(losers * ht_pool_living(s->pool)));
    bool loses = isnan(s->m[i].loss) || rank_of(s, i) >= known - share;
    if (known < 2 * share || !loses)
        return -1;
    ht_random r = ht_pool_random(s->pool, DRAW_WINNER, (uint64_t)i, s->m[i].decisions);
    int drawn = -1;
    for (int k = 0; k < s->n; k++) {
        if (k == i || !competes(s, k) || isnan(s->m[k].loss) || rank_of(s, k) >= share ||
            !ht_pool_holds(s->pool, k, slot_of(k)))
            continue;
        winners++;
        if (ht_random_below(&r, (uint64_t)winners) == 0)
            drawn = k;
    }
    return drawn;
}

static void perturb(pbt *s, int i)
{
    const ht_tuned *knobs = ht_pool_knobs(s->pool);
    double *h = point_of(s, i);
    ht_random r = ht_pool_random(s->pool, DRAW_CHANGE, (uint64_t)i, s->m[i].decisions);
    for (size_t k = 0; k < knobs->n && !ht_pool_is_calm(s->pool); k++)
        h[k] = ht_tuned_times(&knobs->k[k], h[k], ht_random_below(&r, 2) == 0 ? log(factor) : -log(factor));
}

/* ---- training ------------------------------------------------------------------------------- */

static void train(pbt *s, int i, ht_source_of_state source, unsigned slot, int parent, const char *what)
{
    member *m = &s->m[i];
    int left = ht_pool_given(s->pool)->epochs - m->age;
    ht_pool_work w = {.source = source,
                      .slot = slot,
                      .seed = ht_pool_given(s->pool)->seed * 100 + (uint64_t)i,
                      .epochs = left < s->every ? left : s->every,
                      .h = point_of(s, i),
                      .task = i,
                      .timed = true,
                      .parent = parent,
                      .what = what,
                      .wall = m->age};
    m->open = ht_pool_work_order(s->pool, i, &w) > 0;
}

/* From its own last finite state, or from the start. */
static void train_own(pbt *s, int i)
{
    bool held = ht_pool_holds(s->pool, i, slot_of(i));
    train(s, i, held ? HT_FROM_SLOT : HT_FROM_INIT, slot_of(i), held ? s->m[i].node : -1, "member");
}

static void exploit(pbt *s, int i, int winner)
{
    size_t n = ht_pool_knobs(s->pool)->n;
    cJSON *event = ht_pool_event_new(s->pool, "exploit", s->m[i].age);
    ht_json_put_int(event, "replica", i);
    ht_json_put_int(event, "from", winner);
    memcpy(point_of(s, i), point_of(s, winner), n * sizeof(double));
    perturb(s, i);
    ht_json_put(event, "knobs", ht_pool_point(s->pool, point_of(s, i)));
    ht_pool_log(s->pool, event);
    ht_pool_move(s->pool, winner, slot_of(winner), i, HT_SLOT_ROOT);
}

static bool can_go_on(const pbt *s, int i)
{
    return !s->done && s->m[i].age < ht_pool_given(s->pool)->epochs && ht_pool_replica_of(s->pool, i).idle;
}

static void decide(pbt *s, int i)
{
    member *m = &s->m[i];
    m->decisions++;
    m->winner = winner_for(s, i);
    if (m->winner >= 0)
        exploit(s, i, m->winner);
    else if (m->known && isnan(m->loss))
        perturb(s, i);
}

static void begin(pbt *s, int i)
{
    int winner = s->m[i].winner;
    if (winner >= 0)
        train(s, i, HT_FROM_SLOT, HT_SLOT_ROOT, s->m[winner].node, "exploit");
    else
        train_own(s, i);
}

/* The run is over when nobody trains and nobody who could has epochs left; if all are too late, it is not. */
static void go_on(pbt *s)
{
    bool open = false, here = false;
    for (int i = 0; i < s->n; i++)
        open = open || s->m[i].open;
    bool now = !open || !ht_pool_is_barrier(s->pool);
    for (int i = 0; i < s->n; i++)
        if (now && can_go_on(s, i))
            decide(s, i);
    for (int i = 0; i < s->n; i++) /* after that: winners send before they train */
        if (now && can_go_on(s, i))
            begin(s, i);
    for (int i = 0; i < s->n; i++) {
        open = open || s->m[i].open;
        here = here || (!s->m[i].away && ht_pool_replica_of(s->pool, i).lives);
    }
    if (!open && !s->done && here) {
        s->done = true;
        ht_pool_finish(s->pool);
    }
}

/* ---- what happens --------------------------------------------------------------------------- */

static void start(void *self)
{
    go_on(self);
}

static void reported(void *self, int replica, const ht_pool_result *r)
{
    pbt *s = self;
    member *m = &s->m[replica];
    m->open = false;
    if (r->epochs == 0) { /* the winner's state did not arrive: its knobs at least */
        m->winner = -1;
        begin(s, replica);
        return;
    }
    m->age += r->asked; /* also when it was late: all end at the same time */
    m->known = true;
    m->loss = r->loss;
    if (!isnan(r->loss)) {
        m->node = r->node;
        ht_pool_save(s->pool, replica, slot_of(replica));
    }
    ht_pool_drop(s->pool, replica, HT_SLOT_ROOT);
    go_on(s);
}

static void measured(void *self, unsigned long number, int replica, double loss)
{
    (void)self, (void)number, (void)replica, (void)loss;
}

static void overdue(void *self, int replica, int task)
{
    pbt *s = self;
    (void)task;
    s->m[replica].open = s->m[replica].known = false;
    s->m[replica].away = true;
    s->m[replica].age += s->every; /* its time is gone */
    go_on(s);
}

static void lost(void *self, int replica, int task)
{
    pbt *s = self;
    (void)task;
    s->m[replica].open = s->m[replica].known = s->m[replica].away = false;
    go_on(s);
}

/* It is back, or new: as old as the youngest of those who have epochs left. */
static void ready(void *self, int replica)
{
    pbt *s = self;
    int epochs = ht_pool_given(s->pool)->epochs, age = epochs;
    for (int i = 0; i < s->n; i++)
        if (i != replica && ht_pool_replica_of(s->pool, i).lives && s->m[i].age < age)
            age = s->m[i].age;
    if (age < epochs && age > s->m[replica].age)
        s->m[replica].age = age;
    s->m[replica].away = false;
    s->m[replica].loss = NAN; /* it begins with a copy of a winner, if there is one */
    go_on(s);
}

/* The new ones begin with a copy of a winner (ready), or, before there is one, with the start values. */
static bool crowd(void *self, int n)
{
    pbt *s = self;
    size_t knobs = ht_pool_knobs(s->pool)->n;
    member *m = realloc(s->m, (size_t)n * sizeof *m);
    if (m == NULL)
        return false;
    s->m = m;
    double *h = realloc(s->h, (size_t)n * knobs * sizeof *h);
    if (h == NULL)
        return false;
    s->h = h;
    for (; s->n < n; s->n++) {
        s->m[s->n] = (member){.loss = NAN, .node = -1, .winner = -1};
        ht_tuned_start(ht_pool_knobs(s->pool), &s->h[(size_t)s->n * knobs]);
    }
    return true;
}

static void look(const void *self, ht_pool_view *out)
{
    const pbt *s = self;
    out->stage = s->done ? "done" : "training";
    for (int i = 0; i < s->n; i++)
        if (s->m[i].age > out->wall)
            out->wall = s->m[i].age;
    out->islands = ht_pool_living(s->pool);
}

const ht_policy_class ht_policy_pbt = {
    .name = "pbt",
    .about = "population based training: losers copy a winner and change its knobs",
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
