/* src/population/plan.c - settings of pooled islands; the contract is in plan.h.
 *
 * The constants are those with which the method was tuned, at 8 replicas and 60 epochs: a ladder of 1, 2 and
 * 4 epochs over 10 candidates per replica, segments of 4 epochs, islands halved at .5, .65 and .8 of the
 * run. With other numbers the shares of the run stay. */
#include "population/plan.h"

#include <math.h>
#include <string.h>

#include "population/tuned.h"

static const double rounding = 1e-9;    /* f = w/E is a quotient: .65 may come out below .65 */

static int nearest(double x)
{
    return (int)floor(x + .5);
}

static int at_least(int least, int x)
{
    return x > least ? x : least;
}

/* ---- race ----------------------------------------------------------------------------------- */

static int candidates_per_replica(const ht_recipe *r, bool start_is_known, int n, int epochs)
{
    if (r->population.race.per_replica != HT_AUTO)
        return (int)r->population.race.per_replica;
    if (start_is_known)
        return 2;       /* near what won before: a race of few */
    double many = fmax(4, fmin(10, 96.0 / n));      /* a large population has breadth without many each */
    return at_least(2, nearest(many * fmin(1, epochs / 60.0)));
}

static void set_rungs(const ht_recipe *r, ht_plan *p)
{
    const long long *given = r->population.race.epochs;
    if (given[0] > 0) {
        for (p->rungs = 0; p->rungs < HT_RUNGS_MAX && given[p->rungs] > 0; p->rungs++)
            p->age[p->rungs] = (int)given[p->rungs];
    } else {
        p->age[0] = at_least(1, p->epochs / 60);
        p->age[1] = 2 * p->age[0];
        p->age[2] = nearest(p->epochs / 15.0);
        p->rungs = p->age[2] > p->age[1] ? 3 : 2;
    }
    int sizes[HT_RUNGS_MAX] = {p->per_replica, (p->per_replica + 2) / 3, 1};
    p->race_wall = 0;
    for (int j = 0; j < p->rungs; j++) {
        p->size[j] = sizes[j] * p->replicas;
        p->race_wall += sizes[j] * (p->age[j] - (j > 0 ? p->age[j - 1] : 0));
    }
}

static const char *why_no_race(const ht_member *member, const ht_tuned *tuned, const ht_plan *p)
{
    bool range = false;
    for (size_t k = 0; k < tuned->n; k++)
        range = range || tuned->k[k].has_range;
    if (p->replicas == 1)
        return "one replica: no search of start values was found to pay for itself";
    if (!member->has_init)
        return "the program cannot start anew";
    if (p->per_replica == 0)
        return "population.race.per_replica is 0";
    if (!range)
        return "no factor of the recipe has a range";
    if (p->race_wall >= p->epochs)
        return "it would take the whole run";
    return NULL;
}

/* ---- all ------------------------------------------------------------------------------------ */

/* @param[out] said  the recipe gives it */
static int horizon_of(const ht_recipe *r, int epochs, bool *said)
{
    ht_horizon_unit unit;
    long long length;
    *said = strncmp(r->acceptance.horizon, "val_epochs:", 11) == 0
                && ht_horizon_parse(r->acceptance.horizon, &unit, &length, NULL) == HT_OK && length > 0;
    return *said ? (int)fmin((double)length, epochs) : at_least(1, nearest(epochs / 15.0));
}

void ht_plan_make(const ht_recipe *r, const ht_member *member, int replicas, int epochs, ht_plan *out)
{
    ht_plan *p = out;
    ht_tuned tuned;
    ht_tuned_find(r, member, &tuned);
    *p = (ht_plan){.replicas = replicas, .epochs = epochs, .start_is_known = ht_tuned_knows_start(&tuned),
                   .from = r->population.tournament.from, .to = r->population.tournament.to,
                   .controls = r->population.controls};
    p->per_replica = candidates_per_replica(r, p->start_is_known, replicas, epochs);
    set_rungs(r, p);
    p->no_race = why_no_race(member, &tuned, p);
    if (p->no_race != NULL)
        p->rungs = p->race_wall = 0;
    p->horizon = horizon_of(r, epochs, &p->horizon_is_given);
    /* pairs about a known start, which mutate and average from the first segment on: there are fewer regions to tell
     * apart. Still fewer islands are faster at first and end worse */
    p->islands = p->start_is_known && replicas > 2 ? (replicas + 1) / 2 : replicas;
    if (!member->has_init)
        p->islands = 1;         /* everybody starts from the one state that there is */
    else if (r->population.tournament.islands > 0 && r->population.tournament.islands < replicas)
        p->islands = (int)r->population.tournament.islands;
}

int ht_plan_islands(const ht_plan *p, double f)
{
    int halvings = 0, k = p->islands;
    while ((1LL << halvings) < p->islands)
        halvings++;
    for (int j = 0; j < halvings; j++) {
        double at = halvings > 1 ? p->from + (p->to - p->from) * j / (halvings - 1) : p->from;
        if (f + rounding >= at)
            k = at_least(1, (int)(p->islands / (1LL << (j + 1))));
    }
    return k;
}

int ht_plan_controls(const ht_plan *p, int members)
{
    int c = at_least(1, nearest(p->controls * members));
    return c < members ? c : members;
}

/* ---- in words ------------------------------------------------------------------------------- */

static void print_race(const ht_plan *p, ht_string *out)
{
    if (p->rungs == 0) {
        ht_string_add(out, "race: none (%s)\n", p->no_race);
        return;
    }
    ht_string_add(out, "race: ");
    for (int j = 0; j < p->rungs; j++)
        ht_string_add(out, "%s%d start values to epoch %d", j > 0 ? ", the best " : "", p->size[j],
                      p->age[j]);
    ht_string_add(out, " (%d per replica%s; takes %d of %d epochs)\n", p->per_replica,
                  p->start_is_known ? ", about the known start" : "", p->race_wall, p->epochs);
}

void ht_plan_print(const ht_plan *p, ht_string *out)
{
    print_race(p, out);
    ht_string_add(out, "segment: %d %s (%s)\n", p->horizon, p->horizon == 1 ? "epoch" : "epochs",
                  p->horizon_is_given ? "acceptance.horizon" : "a fifteenth of the run");
    ht_string_add(out, "islands: %d", p->islands);
    int last = p->islands;
    for (int w = 0; w <= p->epochs; w++) {
        int k = ht_plan_islands(p, (double)w / p->epochs);
        if (k != last)
            ht_string_add(out, ", %d from epoch %d", k, w);
        last = k;
    }
    ht_string_add(out, " (%slate narrowing: an island needs half of the run to show its worth)\n",
                  p->start_is_known && p->islands < p->replicas ? "pairs, about the known start; " : "");
    if (p->replicas == 1)
        ht_string_add(out, "controls: 1 of 1 (one replica trains the recipe as it is)\n");
    else
        ht_string_add(out,
                      "controls: %d of an island of 2, %d of %d (what a mutant gained is told by them)\n",
                      ht_plan_controls(p, 2), ht_plan_controls(p, p->replicas), p->replicas);
}
