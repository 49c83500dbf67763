/* src/population/pooled_segment.c - one segment of one island; see pooled.h and island.h.
 *
 * The root of an island has a version; root[r] says which one replica r has in slot 0, so a member that came
 * late, or whose root did not arrive, is given it at the next beginning. The winner of a segment saves its
 * live state as slot 0; the others get it when the next segment begins, because by then some may belong to
 * another island. May touch: the heap. */
#include <math.h>
#include <stdlib.h>

#include "population/pooled.h"
#include "tune/evaluate.h"

enum { DRAW_MUTANTS = 2, TRIES = 2, SICK_AFTER = 3 };
static const double phase_grid = 1000;      /* steps per epoch for the recipe's phases */
static const double nothing = 1e9;          /* the loss of a segment in which everybody diverged */

const char *ht_pooled_phase(const ht_pooled *s, double wall)
{
    return ht_phase_label((long long)(wall * phase_grid + .5), (long long)(s->plan.epochs * phase_grid),
                          s->recipe->n_phases, s->recipe->phases);
}

/* ---- roots ---------------------------------------------------------------------------------- */

static unsigned mirror_slot(const ht_island *isl)
{
    return (unsigned)isl->id + 1;       /* the candidates of the race have left these */
}

int ht_pooled_root_holder(const ht_pooled *s, const ht_island *isl, unsigned *slot)
{
    int found = -1;
    if (slot != NULL)
        *slot = HT_SLOT_ROOT;
    const ht_roster *holders = &s->people[isl->id].holders;
    for (size_t i = 0; i < holders->n && isl->version > 0; i++) {
        ht_pool_replica who = ht_pool_replica_of(s->pool, holders->who[i]);
        if (who.lives && (found < 0 || who.idle))
            found = holders->who[i];
        if (who.lives && who.idle)
            break;
    }
    if (found < 0 && isl->mirror >= 0 && ht_pool_holds(s->pool, isl->mirror, mirror_slot(isl))) {
        found = isl->mirror;
        if (slot != NULL)
            *slot = mirror_slot(isl);
    }
    return found;
}

/* Of an island of one: the next replica that is well keeps a copy. An older copy is overwritten or freed. */
static void mirror_root(ht_pooled *s, ht_island *isl, int replica)
{
    int to = -1, before = isl->mirror;
    for (int i = 1; to < 0 && i < s->n && isl->n == 1 && s->recipe->population.mirror; i++) {
        ht_pool_replica who = ht_pool_replica_of(s->pool, (replica + i) % s->n);
        if (who.lives && !who.sick)
            to = (replica + i) % s->n;
    }
    isl->mirror = to;
    if (before >= 0 && before != to)
        ht_pool_drop(s->pool, before, mirror_slot(isl));
    if (to >= 0)
        ht_pool_move(s->pool, replica, HT_SLOT_ROOT, to, mirror_slot(isl));
}

void ht_pooled_adopt(ht_pooled *s, ht_island *isl, int replica)
{
    ht_pool_save(s->pool, replica, HT_SLOT_ROOT);
    ht_pooled_new_root(s, isl, ++s->version);
    ht_pooled_has_root(s, replica, isl);
    mirror_root(s, isl, replica);
}

static bool is_with_others(const ht_pooled *s, const ht_island *isl, int replica)
{
    for (int r = 0; r < s->n; r++)
        if (r != replica && s->root[r] == isl->version && ht_pool_is_present(s->pool, r))
            return true;
    return isl->mirror >= 0 && isl->mirror != replica && ht_pool_is_present(s->pool, isl->mirror)
           && ht_pool_holds(s->pool, isl->mirror, mirror_slot(isl));
}

static int present_mirror(const ht_pooled *s, const ht_island *isl)
{
    for (int r = 0; r < s->n; r++)
        if (ht_pool_is_present(s->pool, r) && ht_pool_holds(s->pool, r, mirror_slot(isl)))
            return r;
    return -1;
}

static int present_member(const ht_pooled *s, const ht_island *isl, int replica)
{
    for (int r = 0; r < s->n; r++)
        if (r != replica && s->home[r] == isl->id && ht_pool_is_present(s->pool, r))
            return r;
    return -1;
}

void ht_pooled_hand_down_root(ht_pooled *s, ht_island *isl, int replica)
{
    int member = present_member(s, isl, replica), heir = ht_pool_heir(s->pool);
    if (isl->mirror == replica)
        isl->mirror = present_mirror(s, isl);   /* the copy was handed down */
    if (isl->version == 0 || s->root[replica] != isl->version || is_with_others(s, isl, replica))
        return;
    if (member >= 0) {
        ht_pool_inherit(s->pool, replica, HT_SLOT_ROOT, member, HT_SLOT_ROOT);
        ht_pooled_has_root(s, member, isl);
    } else if (heir >= 0) {
        ht_pool_inherit(s->pool, replica, HT_SLOT_ROOT, heir, mirror_slot(isl));
        isl->mirror = heir;
    }
}

static void give_root(ht_pooled *s, const ht_island *isl, int from, unsigned slot, int to)
{
    ht_pool_move(s->pool, from, slot, to, HT_SLOT_ROOT);
    ht_pooled_has_root(s, to, isl);
}

/* To all members that lack it; who has it passes it on, so that the first holder does not serve all. */
static void spread_root(ht_pooled *s, const ht_island *isl, int holder, unsigned slot)
{
    int *have = malloc((isl->n + 1) * sizeof *have);
    size_t n = 1;
    if (have == NULL) {
        ht_pool_no_memory(s->pool);
        return;
    }
    have[0] = holder;
    for (size_t i = 0; i < isl->n; i++) {
        int to = isl->members[i].replica;
        if (s->root[to] == isl->version)
            continue;
        int from = have[(n - 1) / 2];
        give_root(s, isl, from, from == holder ? slot : HT_SLOT_ROOT, to);
        have[n++] = to;
    }
    free(have);
}

static bool reserve_finite(ht_pooled_merge *m, size_t n)
{
    if (n <= m->finite_capacity)
        return true;
    size_t *finite = realloc(m->judged.finite, 2 * n * sizeof *finite);
    if (finite == NULL)
        return false;
    m->judged.finite = finite;
    m->finite_capacity = 2 * n;
    return true;
}

/* ---- begin ---------------------------------------------------------------------------------- */

static void gather(ht_pooled *s, ht_island *isl)
{
    const ht_roster *home = &s->people[isl->id].home;
    isl->n = 0;
    if (ht_island_reserve(isl, home->n) != HT_OK || !reserve_finite(&s->merges[isl->id], home->n)) {
        ht_pool_no_memory(s->pool);
        return;
    }
    for (size_t i = 0; i < home->n; i++) {
        ht_pool_replica who = ht_pool_replica_of(s->pool, home->who[i]);
        if (who.idle && !who.sick)
            isl->members[isl->n++] = (ht_island_member){.replica = home->who[i], .loss = NAN, .node = -1};
    }
}

static void order_work(ht_pooled *s, ht_island *isl, ht_island_member *m)
{
    const ht_pool_options *o = ht_pool_given(s->pool);
    ht_source_of_state anew = ht_pool_member(s->pool)->has_init ? HT_FROM_INIT : HT_FROM_LIVE;
    ht_pool_work w = {.source = isl->version > 0 ? HT_FROM_SLOT : anew,
                      .slot = HT_SLOT_ROOT,
                      .seed = o->seed * 100 + (uint64_t)isl->id,
                      .epochs = isl->epochs,
                      .h = m->h,
                      .task = isl->id,
                      .timed = true,
                      .parent = isl->node,
                      .what = m->mutant ? "mutant" : "control",
                      .wall = isl->wall};
    m->state = HT_MEMBER_TRAINS;
    m->work = ht_pool_work_order(s->pool, m->replica, &w);
}

bool ht_pooled_begin(ht_pooled *s, ht_island *isl)
{
    unsigned slot;
    int holder = ht_pooled_root_holder(s, isl, &slot);
    gather(s, isl);
    if (isl->n == 0 || (isl->version > 0 && holder < 0)) /* its last holder just took another island's root */
        return false;
    bool pause = ht_pool_is_calm(s->pool) || isl->reject_streak >= s->recipe->safety.max_global_reject_streak;
    size_t controls = pause ? isl->n : (size_t)ht_plan_controls(&s->plan, (int)isl->n);
    if (pause)
        isl->reject_streak = 0;
    isl->segment = ++s->segments;
    isl->epochs = (int)fmin(s->plan.horizon, s->plan.epochs - isl->wall);
    ht_pooled_enter(s, isl, HT_ISLAND_TRAINS);
    s->people[isl->id].training = isl->n;
    uint64_t of_segment = ((uint64_t)isl->id << 24) + (uint64_t)isl->wall;
    ht_island_cast(isl, controls, s->knobs, s->posterior, s->recipe, ht_pooled_phase(s, isl->wall),
                   ht_pool_random(s->pool, DRAW_MUTANTS, of_segment, 0));
    if (isl->version > 0)
        spread_root(s, isl, holder, slot);
    for (size_t i = 0; i < isl->n; i++)
        order_work(s, isl, &isl->members[i]);
    return true;
}

/* ---- settle --------------------------------------------------------------------------------- */

/* A rank that diverges again and again where its neighbours do not has a fault of its own. */
static void watch_health(ht_pooled *s, const ht_island *isl)
{
    size_t diverged = 0;
    for (size_t i = 0; i < isl->n; i++)
        diverged += isl->members[i].state == HT_MEMBER_REPORTED && isnan(isl->members[i].loss);
    for (size_t i = 0; i < isl->n; i++) {
        const ht_island_member *m = &isl->members[i];
        if (m->state != HT_MEMBER_REPORTED)
            continue;
        bool alone = isnan(m->loss) && diverged == 1 && isl->n > 1;
        s->alone[m->replica] = alone ? s->alone[m->replica] + 1 : 0;
        if (s->alone[m->replica] == SICK_AFTER)
            ht_pool_call_sick(s->pool, m->replica,
                              "it alone diverged three times in a row; it gets no more work");
    }
}

/* Who died since its report is absent, and its state is gone even if it is back already. */
static bool can_give(const ht_island *isl, int replica)
{
    for (size_t i = 0; i < isl->n; i++)
        if (isl->members[i].replica == replica)
            return isl->members[i].state == HT_MEMBER_REPORTED;
    return false;
}

/* The smallest loss among the best member alone (NULL) and the means. @return false: no state is left */
static bool best_candidate(const ht_island *isl, const ht_pooled_merge *m,
                           const ht_merge_candidate **winner, double *loss)
{
    *winner = NULL;
    *loss = INFINITY;
    if (m->judged.n_finite > 0) {
        const ht_island_member *best = &isl->members[m->judged.finite[0]];
        if (can_give(isl, best->replica))
            *loss = best->loss;
    }
    for (size_t i = 0; i < m->n; i++)
        if (can_give(isl, m->means[i].replica) && m->means[i].loss < *loss) {
            *winner = &m->means[i];
            *loss = m->means[i].loss;
        }
    return isfinite(*loss);
}

static void take_root(ht_pooled *s, ht_island *isl, const ht_pooled_merge *m,
                      const ht_merge_candidate *winner, double loss)
{
    const ht_island_member *best = &isl->members[m->judged.finite[0]];
    size_t n = winner != NULL ? winner->members : 1;
    for (size_t i = 0; i < n; i++)
        isl->members[m->judged.finite[i]].in_root = true;
    ht_pooled_adopt(s, isl, winner != NULL ? winner->replica : best->replica);
    isl->node = winner != NULL ? winner->node : best->node;
    isl->loss = loss;
    isl->reject_streak = 0;
}

static void settle(ht_pooled *s, ht_island *isl)
{
    ht_pooled_merge *m = &s->merges[isl->id];
    const ht_merge_candidate *winner;
    double before = isl->loss, loss;
    const char *phase = ht_pooled_phase(s, isl->wall);
    size_t tried, nulls = ht_island_nulls(isl, s->recipe, &m->judged, &tried);
    bool found = best_candidate(isl, m, &winner, &loss);
    bool rolled_back = !found || (isl->n > 1 && loss > isl->loss);
    if (!rolled_back)
        take_root(s, isl, m, winner, loss);
    else if (found)
        isl->reject_streak++;
    bool all_diverged = m->judged.n_reported > 0 && m->judged.n_finite == 0;
    if (ht_island_teach(isl, s->knobs, s->posterior, phase) != HT_OK
        || ((found || all_diverged) && ht_island_remember(isl, found ? loss : nothing) != HT_OK))
        ht_pool_no_memory(s->pool);
    if (all_diverged)
        ht_island_slow_down(isl, s->knobs);
    ht_island_move(isl, s->knobs, &m->judged);
    ht_gain_add_nulls(s->gain, nulls, tried);
    if (found && ht_gain_add(s->gain, isl, &m->judged, rolled_back ? -1 : isl->node, before,
                             isl->members[m->judged.finite[0]].loss, loss) != HT_OK)
        ht_pool_no_memory(s->pool);
    ht_pooled_note_verdicts(s, isl, &m->judged, before);
    ht_pooled_note_closing(s, isl, m, before, found ? loss : NAN, winner, rolled_back);
    watch_health(s, isl);
    isl->wall += isl->epochs;
    isl->closed_at = ht_pool_now(s->pool);
    ht_pooled_enter(s, isl, HT_ISLAND_CLOSED);
}

/* ---- close ---------------------------------------------------------------------------------- */

/* All means at once, the largest first: the last one of each, which gets the result, is in no smaller one. */
static void order_means(ht_pooled *s, ht_island *isl, ht_pooled_merge *m)
{
    size_t sizes[HT_MERGE_MOST], n = ht_merge_sizes(m->judged.n_finite, sizes);
    int *members = malloc((m->judged.n_finite + 1) * sizeof *members);
    if (members == NULL) {
        ht_pool_no_memory(s->pool);
        return;
    }
    for (size_t i = 0; i < m->judged.n_finite; i++)
        members[i] = isl->members[m->judged.finite[i]].replica;
    for (size_t i = 0; i < n; i++) {
        int last = members[sizes[i] - 1];
        int parent = isl->members[m->judged.finite[0]].node;
        unsigned long number = ht_pool_mean(s->pool, sizes[i], members, parent, isl->wall + isl->epochs);
        if (number == 0)
            break;
        m->means[m->n++] =
            (ht_merge_candidate){sizes[i], number, last, ht_pool_replica_of(s->pool, last).node, NAN};
        m->open++;
    }
    free(members);
}

static void close_segment(ht_pooled *s, ht_island *isl)
{
    ht_pooled_merge *m = &s->merges[isl->id];
    m->n = m->open = 0;
    ht_island_judge(isl, s->recipe, &m->judged);
    ht_pooled_enter(s, isl, HT_ISLAND_MERGES);
    if (s->recipe->population.merge == HT_MERGE_GUARDED)
        order_means(s, isl, m);
    if (m->open == 0)
        settle(s, isl);
}

static void close_if_complete(ht_pooled *s, ht_island *isl)
{
    if (isl->state == HT_ISLAND_TRAINS && s->people[isl->id].training == 0)
        close_segment(s, isl);
}

/* ---- what comes back ------------------------------------------------------------------------ */

static ht_island_member *member_of(ht_island *isl, int replica)
{
    size_t lo = 0, hi = isl->n;         /* members are in the order of replicas */
    while (lo < hi) {
        size_t middle = (lo + hi) / 2;
        if (isl->members[middle].replica < replica)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo < isl->n && isl->members[lo].replica == replica ? &isl->members[lo] : NULL;
}

/* Its root did not arrive. */
static void try_again(ht_pooled *s, ht_island *isl, ht_island_member *m)
{
    ht_pooled_has_root(s, m->replica, NULL);
    unsigned slot;
    int holder = ht_pooled_root_holder(s, isl, &slot);
    if (isl->version > 0 && (holder < 0 || m->retries == TRIES)) {
        ht_pooled_mark(s, isl, m, HT_MEMBER_ABSENT);
        return;
    }
    if (m->retries++ == TRIES) {
        ht_pooled_mark(s, isl, m, HT_MEMBER_ABSENT);
        return;
    }
    if (isl->version > 0)
        give_root(s, isl, holder, slot, m->replica);
    order_work(s, isl, m);
}

void ht_pooled_reported(ht_pooled *s, ht_island *isl, int replica, const ht_pool_result *r)
{
    ht_island_member *m = member_of(isl, replica);
    if (m == NULL || m->work != r->number || m->state != HT_MEMBER_TRAINS)
        return;
    if (r->epochs == 0 && !r->late) {
        try_again(s, isl, m);
    } else if (r->epochs == 0) {
        ht_pooled_mark(s, isl, m, HT_MEMBER_ABSENT);    /* stopped before its first epoch was over */
    } else {
        ht_pooled_mark(s, isl, m, HT_MEMBER_REPORTED);
        s->clock += (double)r->epochs / fmax(1, ht_pooled_useful(s));
        m->loss = r->loss;
        m->node = r->node;
        m->first_step = r->first_step;
        m->step = r->step;
    }
    close_if_complete(s, isl);
}

void ht_pooled_leaves(ht_pooled *s, ht_island *isl, int replica)
{
    ht_island_member *m = member_of(isl, replica);
    if (m != NULL)
        ht_pooled_mark(s, isl, m, HT_MEMBER_ABSENT);
}

void ht_pooled_absent(ht_pooled *s, ht_island *isl, int replica)
{
    ht_island_member *m = member_of(isl, replica);
    if (m == NULL)
        return;
    ht_pooled_mark(s, isl, m, HT_MEMBER_ABSENT);
    close_if_complete(s, isl);
}

bool ht_pooled_measured(ht_pooled *s, ht_island *isl, unsigned long number, double loss)
{
    ht_pooled_merge *m = &s->merges[isl->id];
    for (size_t i = 0; isl->state == HT_ISLAND_MERGES && i < m->n; i++)
        if (m->means[i].number == number) {
            m->means[i].loss = loss;
            if (--m->open == 0)
                settle(s, isl);
            return true;
        }
    return false;
}
