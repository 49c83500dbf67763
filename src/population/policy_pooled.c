/* src/population/policy_pooled.c - pooled islands: a race over start values, islands that learn together, a
 * tournament.
 *
 * The race (race.h) gives each island its root. Then islands train segment by segment (pooled_segment.c),
 * each on its own clock; the number of islands falls as planned (plan.h), and who trained in one that is
 * given up trains in one that goes on. With a barrier all islands begin each segment together. Without one,
 * only a falling number couples them: an island that closes then waits a moment for the others to be
 * compared with, not longer.
 *
 * A replica without an island (it came late, or its island died) gets one at the next tournament or, without
 * a barrier, at once; it starts with that island's next segment.
 * May touch: the heap. */
#include <math.h>
#include <stdlib.h>

#include "population/policies.h"
#include "population/pooled.h"

/* How long islands wait for each other at a tournament: this share of a segment, and this at least. */
static const double moment = .25, moment_s = .5;

/* ---- life ----------------------------------------------------------------------------------- */

/* Beside the program's own state: what the race keeps for its later rungs, then the root of the island. */
static void plan_memory(const ht_pool_options *o, const ht_member *member, const ht_plan *p, ht_string *out)
{
    double mib = (double)member->state_bytes / (1 << 20);
    ht_string_add(out, "memory: %.3g MiB of training state in a replica; saved beside it: ", mib);
    if (p->rungs > 0)
        ht_string_add(out, "at most %d such states in the race, then ", p->per_replica);
    ht_string_add(out, "%d (%s), and the best weights\n", o->recipe->population.mirror ? 2 : 1,
                  o->recipe->population.mirror ? "the roots of two islands" : "the root of the island");
}

static void plan(const ht_pool_options *o, const ht_member *member, ht_string *out)
{
    ht_plan p;
    ht_plan_make(o->recipe, member, o->n_replicas, o->epochs, &p);
    ht_plan_print(&p, out);
    ht_string_add(
        out,
        "merge: %s (the mean of members' states, taken only where its validation loss is the smallest)\n",
        o->recipe->population.merge == HT_MERGE_GUARDED ? "guarded" : "off");
    plan_memory(o, member, &p, out);
}

static void destroy(void *self)
{
    ht_pooled *s = self;
    if (s == NULL)
        return;
    for (int i = 0; i < s->n; i++) {
        if (s->islands != NULL)
            ht_island_release(&s->islands[i]);
        if (s->merges != NULL)
            free(s->merges[i].judged.finite);
        if (s->people != NULL) {
            ht_roster_release(&s->people[i].home);
            ht_roster_release(&s->people[i].holders);
        }
    }
    ht_bits_release(&s->closed);
    ht_bits_release(&s->fresh);
    ht_bits_release(&s->suspect);
    ht_race_destroy(s->race);
    ht_multipliers_destroy(s->posterior);
    ht_gain_destroy(s->gain);
    free(s->islands);
    free(s->merges);
    free(s->home);
    free(s->root);
    free(s->root_of);
    free(s->people);
    free(s->alone);
    free(s);
}

/* Empty places for the replicas and islands from s->n on. */
static bool settle_in(ht_pooled *s, size_t n)
{
    for (; (size_t)s->n < n; s->n++) {
        int i = s->n;
        s->home[i] = -1;
        s->root[i] = 0;
        s->root_of[i] = 0;
        s->alone[i] = 0;
        s->people[i] = (ht_pooled_people){.loss = NAN};
        s->merges[i] = (ht_pooled_merge){0};
        ht_island_init(&s->islands[i], i);
        s->islands[i].state = HT_ISLAND_GONE;
    }
    return ht_bits_reserve(&s->closed, n) && ht_bits_reserve(&s->fresh, n) && ht_bits_reserve(&s->suspect, n);
}

static bool allocate(ht_pooled *s)
{
    size_t n = (size_t)s->n;
    s->islands = calloc(n, sizeof *s->islands);
    s->merges = calloc(n, sizeof *s->merges);
    s->home = calloc(n, sizeof *s->home);
    s->root = calloc(n, sizeof *s->root);
    s->root_of = calloc(n, sizeof *s->root_of);
    s->people = calloc(n, sizeof *s->people);
    s->alone = calloc(n, sizeof *s->alone);
    s->n = 0;
    return s->islands != NULL && s->merges != NULL && s->home != NULL && s->root != NULL && s->root_of != NULL
           && s->people != NULL && s->alone != NULL && settle_in(s, n);
}

static ht_status create(ht_pool *p, void **self, ht_error *err)
{
    const ht_pool_options *o = ht_pool_given(p);
    ht_pooled *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a policy");
    *s = (ht_pooled){
        .pool = p, .recipe = o->recipe, .knobs = ht_pool_knobs(p), .n = o->n_replicas, .start_loss = NAN,
        .waits_since = INFINITY, .clock_seen = NAN, .waits_clock = NAN};
    ht_plan_make(o->recipe, ht_pool_member(p), o->n_replicas, o->epochs, &s->plan);
    ht_status st = allocate(s) ? HT_OK : ht_fail(err, HT_ENOMEM, "no memory for %d islands", s->n);
    if (st == HT_OK)
        st = ht_multipliers_create(s->knobs->n, &s->posterior, err);
    if (st == HT_OK)
        st = ht_gain_create(&s->gain, err);
    if (st == HT_OK && s->plan.rungs > 0)
        st = ht_race_create(p, &s->plan, &s->race, err);
    if (st == HT_OK)
        *self = s;
    else
        destroy(s);
    return st;
}

/* ---- islands -------------------------------------------------------------------------------- */

static ht_island *new_island(ht_pooled *s, const double *h, double loss, double wall, int node)
{
    ht_island *isl = &s->islands[s->n_islands++];
    for (size_t k = 0; k < s->knobs->n; k++)
        isl->h[k] = h[k];
    isl->loss = loss;
    isl->wall = wall;
    isl->node = node;
    ht_pooled_enter(s, isl, HT_ISLAND_CLOSED);
    if (ht_island_remember(isl, loss) != HT_OK)
        ht_pool_no_memory(s->pool);
    return isl;
}

static bool is_free(const ht_pooled *s, int r)
{
    return s->home[r] < 0 && ht_pooled_is_useful(s, r) && ht_pool_replica_of(s->pool, r).idle;
}

/* The first replica of each island: who has its state, else somebody who has no island yet. Not one that
 * still trains what it is too late with: its live state is not to be changed. */
static void seat_winners(ht_pooled *s, size_t n, const ht_race_entry *entries)
{
    const int *who;
    int spare = 0;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < ht_pool_holders(s->pool, entries[k].slot, &who); i++)
            if (is_free(s, who[i])) {
                ht_pooled_house(s, who[i], (int)k);
                break;
            }
    for (size_t k = 0; k < n; k++) {
        const ht_roster *home = &s->people[k].home;
        while (spare < s->n && !is_free(s, spare))
            spare++;
        int first = home->n > 0 ? home->who[home->n - 1] : spare < s->n ? spare : -1;
        if (first < 0)
            continue;
        ht_pooled_house(s, first, (int)k);
        ht_pool_move(s->pool, ht_pool_holder(s->pool, entries[k].slot, first), entries[k].slot, first,
                     HT_SLOT_ROOT);
        ht_pooled_new_root(s, &s->islands[k], ++s->version);
        ht_pooled_has_root(s, first, &s->islands[k]);
    }
}

static void islands_of_race(ht_pooled *s)
{
    int useful = 0;
    for (int r = 0; r < s->n; r++)
        useful += ht_pooled_is_useful(s, r);
    size_t most = (size_t)(s->plan.islands < useful ? s->plan.islands : useful);
    ht_race_entry *entries = calloc(most + 1, sizeof *entries);
    size_t n = entries != NULL ? ht_race_best(s->race, most, entries) : 0;
    s->start_loss = ht_race_start_loss(s->race);
    for (size_t k = 0; k < n; k++)
        new_island(s, entries[k].h, entries[k].loss, s->plan.race_wall, entries[k].node);
    seat_winners(s, n, entries);
    ht_pooled_note_race(s, n, entries);
    ht_race_drop_all(s->race);
    free(entries);
}

/* One root for everybody where the program cannot start anew: the state of the first. */
static void islands_of_start(ht_pooled *s, double wall)
{
    double h[HT_POOL_KNOBS_MAX];
    ht_tuned_start(s->knobs, h);
    for (int k = 0; k < s->plan.islands; k++)
        new_island(s, h, INFINITY, wall, -1);
    for (int r = 0; r < s->n && !ht_pool_member(s->pool)->has_init; r++)
        if (ht_pooled_is_useful(s, r) && ht_pool_replica_of(s->pool, r).idle) {
            ht_pooled_adopt(s, &s->islands[0], r);
            break;
        }
}

static void begin_segments(ht_pooled *s)
{
    int order[1] = {0}, *all = calloc((size_t)s->n, sizeof *all);
    s->segments_began = true;
    if (s->race != NULL)
        islands_of_race(s);
    if (s->n_islands == 0)
        islands_of_start(s, s->plan.race_wall);
    for (size_t k = 0; all != NULL && k < s->n_islands; k++)
        all[k] = (int)k;
    ht_pooled_deal(s, all != NULL ? s->n_islands : 1, all != NULL ? all : order);
    free(all);
}

/* ---- going on ------------------------------------------------------------------------------- */

/* Everything is lost but replicas that live: they begin again. */
static void restart(ht_pooled *s, double wall)
{
    ht_pool_say(s->pool, "epoch %g: no island is left; the start values begin again", wall);
    ht_island *isl = &s->islands[0];
    ht_tuned_start(s->knobs, isl->h);
    isl->loss = INFINITY;
    isl->node = -1;
    isl->wall = wall;
    ht_pooled_new_root(s, isl, 0);
    ht_pooled_enter(s, isl, HT_ISLAND_CLOSED);
    s->restarted = true;
    for (int r = 0; r < s->n; r++)
        ht_pooled_house(s, r, 0);
}

static bool is_finished(const ht_pooled *s)
{
    for (int k = ht_bits_next(&s->closed, 0); k >= 0 && s->n_busy == 0; k = ht_bits_next(&s->closed, k + 1))
        if (s->islands[k].wall < s->plan.epochs)
            return false;
    return s->n_busy == 0;
}

static bool all_closed(const ht_pooled *s)
{
    return s->n_busy == 0;
}

static double furthest(const ht_pooled *s)
{
    double wall = 0;
    for (size_t k = 0; k < s->n_islands; k++)
        if (s->islands[k].wall > wall)
            wall = s->islands[k].wall;
    return wall;
}

static void begin_closed(ht_pooled *s)
{
    for (int k = ht_bits_next(&s->closed, 0); k >= 0; k = ht_bits_next(&s->closed, k + 1))
        if (s->islands[k].wall < s->plan.epochs)
            ht_pooled_begin(s, &s->islands[k]);
}

/* An island whose members are slow is behind in epochs, not in time: what is left of the run is the same for all.
 * Otherwise it would have the most segments to come, win by that, and take everybody back in time with it. */
static void look_at_the_clock(ht_pooled *s)
{
    double clock = s->plan.race_wall + floor(s->clock);
    const ht_bits *which = clock != s->clock_seen ? &s->closed : &s->fresh;
    s->clock_seen = clock;
    for (int k = ht_bits_next(which, 0); k >= 0; k = ht_bits_next(which, k + 1))
        if (s->islands[k].wall < clock)
            s->islands[k].wall = fmin(clock, s->plan.epochs);
}

/* Those that wait go on waiting while nobody's time is over and there are not fewer islands, or replicas, than before; and as
 * long as the clock is the same, by which it is told how many are wanted. Else all closed ones are looked at. */
static bool all_are_asked(ht_pooled *s, double patience)
{
    double clock = floor(s->clock);
    bool same = s->waits_alive == s->n_alive && s->waits_well == ht_pool_well(s->pool) && s->waits_clock == clock;
    s->waits_clock = clock;
    return !same || !(ht_pool_now(s->pool) - s->waits_since < patience);
}

static void go_on_elastic(ht_pooled *s)
{
    look_at_the_clock(s);
    double pace = ht_pool_pace(s->pool);
    double patience = isnan(pace) ? moment_s : fmax(moment_s, moment * s->plan.horizon * pace);
    ht_pooled_house_homeless(s);
    const ht_bits *which = &s->fresh;
    if (all_are_asked(s, patience)) {
        ht_bits_copy(&s->fresh, &s->closed);
        s->waits_since = INFINITY;
    }
    s->waits_alive = s->n_alive;
    s->waits_well = ht_pool_well(s->pool);
    for (int k = ht_bits_next(which, 0); k >= 0; k = ht_bits_next(which, k + 1)) {
        ht_island *isl = &s->islands[k];
        if (isl->wall >= s->plan.epochs)
            continue;
        if (ht_pooled_alive(s) > ht_pooled_wanted(s, isl->wall)) {
            if (ht_pool_now(s->pool) - isl->closed_at < patience) {
                ht_bits_put(&s->fresh, (size_t)k, false);
                s->waits_since = fmin(s->waits_since, isl->closed_at);
                continue;       /* the others may be here in a moment */
            }
            if (ht_pooled_is_too_many(s, isl)) {
                ht_pooled_note_given_up(s, isl);
                ht_pooled_give_up(s, isl->id);
                ht_pooled_house_homeless(s);
                continue;
            }
        }
        ht_pooled_begin(s, isl);
    }
}

static void go_on(ht_pooled *s)
{
    if (s->over || ht_pool_living(s->pool) == 0)
        return;
    if (!s->segments_began) {
        if (s->race != NULL)
            ht_race_go_on(s->race);
        if (s->race != NULL && !ht_race_is_over(s->race))
            return;
        begin_segments(s);
    }
    ht_pooled_bury_dead(s);
    if (ht_pooled_alive(s) == 0)
        restart(s, furthest(s));
    if (is_finished(s) || (ht_pooled_useful(s) == 0 && all_closed(s))) {
        s->over = true;
        ht_pool_finish(s->pool);
    } else if (all_closed(s)) {
        ht_pooled_hold_tournament(s, furthest(s));
        begin_closed(s);
        if (!ht_pool_is_barrier(s->pool))
            look_at_the_clock(s);   /* now: in a tick it would be a change that nobody is told of */
    } else if (!ht_pool_is_barrier(s->pool)) {
        go_on_elastic(s);
    }
}

/* ---- what the pool tells -------------------------------------------------------------------- */

static void start(void *self)
{
    ht_pooled *s = self;
    if (s->race != NULL)
        ht_race_start(s->race);
}

static ht_island *island_of(ht_pooled *s, int replica)
{
    return s->home[replica] >= 0 ? &s->islands[s->home[replica]] : NULL;
}

static void ready(void *self, int replica)
{
    (void)self, (void)replica;      /* go_on finds it */
}

static void reported(void *self, int replica, const ht_pool_result *r)
{
    ht_pooled *s = self;
    if (!s->segments_began) {
        ht_race_reported(s->race, r, replica);
        return;
    }
    ht_pooled_reported(s, &s->islands[r->task], replica, r);
}

static void measured(void *self, unsigned long number, int replica, double loss)
{
    ht_pooled *s = self;
    ht_island *own = island_of(s, replica);
    if (own != NULL && ht_pooled_measured(s, own, number, loss))
        return;
    for (size_t k = 0; k < s->n_islands; k++)
        if (ht_pooled_measured(s, &s->islands[k], number, loss))
            return;
}

static void failed(void *self, const ht_pool_transfer *t)
{
    ht_pooled *s = self;
    if (t->to_slot == HT_SLOT_ROOT)
        ht_pooled_has_root(s, t->to, NULL);     /* a mirror that did not arrive is not held: nothing to do */
}

static void overdue(void *self, int replica, int task)
{
    ht_pooled *s = self;
    if (!s->segments_began)
        ht_race_lost(s->race, task);
    else
        ht_pooled_absent(s, &s->islands[task], replica);
}

static void lost(void *self, int replica, int task)
{
    ht_pooled *s = self;
    if (!s->segments_began) {
        if (task >= 0)
            ht_race_lost(s->race, task);
        return;
    }
    ht_island *isl = island_of(s, replica);
    ht_pooled_has_root(s, replica, NULL);
    ht_pooled_house(s, replica, -1);
    s->alone[replica] = 0;
    if (isl != NULL)
        ht_pooled_absent(s, isl, replica);
}

/* The root of an island that nobody else has goes to one of its members, or beside the root of another island. */
static void retire(void *self, int replica)
{
    ht_pooled *s = self;
    for (size_t k = 0; k < s->n_islands; k++) {
        ht_island *isl = &s->islands[k];
        if (isl->state == HT_ISLAND_GONE)
            continue;
        ht_pooled_hand_down_root(s, isl, replica);
        ht_pooled_leaves(s, isl, replica);
    }
}

static bool make_room(ht_pooled *s, size_t n)
{
    void *islands = realloc(s->islands, n * sizeof *s->islands), *merges = realloc(s->merges, n * sizeof *s->merges);
    void *home = realloc(s->home, n * sizeof *s->home), *root = realloc(s->root, n * sizeof *s->root);
    void *alone = realloc(s->alone, n * sizeof *s->alone), *root_of = realloc(s->root_of, n * sizeof *s->root_of);
    void *people = realloc(s->people, n * sizeof *s->people);
    s->islands = islands != NULL ? islands : s->islands;
    s->merges = merges != NULL ? merges : s->merges;
    s->home = home != NULL ? home : s->home;
    s->root = root != NULL ? root : s->root;
    s->alone = alone != NULL ? alone : s->alone;
    s->root_of = root_of != NULL ? root_of : s->root_of;
    s->people = people != NULL ? people : s->people;
    return islands != NULL && merges != NULL && home != NULL && root != NULL && alone != NULL && root_of != NULL
           && people != NULL;
}

static bool crowd(void *self, int n)
{
    ht_pooled *s = self;
    return make_room(s, (size_t)n) && settle_in(s, (size_t)n);
}

static void tick(void *self)
{
    go_on(self);
}

static void look(const void *self, ht_pool_view *out)
{
    const ht_pooled *s = self;
    out->stage = s->over ? "done" : s->segments_began ? "segments" : "race";
    out->wall = s->segments_began ? furthest(s) : ht_race_wall(s->race);
    out->islands = s->segments_began ? (int)ht_pooled_alive(s) : 0;
}

static int home(const void *self, int replica)
{
    const ht_pooled *s = self;
    return replica < s->n ? s->home[replica] : -1;
}

static cJSON *gain(const void *self)
{
    const ht_pooled *s = self;
    const ht_lineage *l = ht_pool_lineage(s->pool);
    int best = -1;
    for (int r = 0; r < s->n; r++) {
        double loss = ht_pool_replica_of(s->pool, r).best;
        if (!isnan(loss) && (best < 0 || loss < ht_pool_replica_of(s->pool, best).best))
            best = r;
    }
    if (best < 0)
        return cJSON_CreateObject();
    ht_pool_replica champion = ht_pool_replica_of(s->pool, best);
    size_t n = ht_lineage_depth(l, champion.best_node);
    int *path = malloc((n + 1) * sizeof *path);
    if (path == NULL)
        return NULL;
    ht_lineage_path(l, champion.best_node, path);
    cJSON *split = ht_gain_split(s->gain, s->start_loss, champion.best, n, path,
                                 s->recipe->objective.mode == HT_MAXIMIZE);
    free(path);
    return split;
}

const ht_policy_class ht_policy_pooled = {
    .name = "pooled",
    .about = "a race over start values, islands that learn together, a tournament between them",
    .needs_state = true,
    .plan = plan,
    .create = create,
    .destroy = destroy,
    .start = start,
    .ready = ready,
    .reported = reported,
    .measured = measured,
    .failed = failed,
    .overdue = overdue,
    .lost = lost,
    .retire = retire,
    .crowd = crowd,
    .tick = tick,
    .look = look,
    .gain = gain,
    .home = home,
};
