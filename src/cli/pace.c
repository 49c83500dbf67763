/* src/cli/pace.c - pace and time left; the contract is in pace.h.
 *
 * The pace is the quotient of two sums that forget exponentially, gains and time: so a jump counts the same
 * whenever the samples around it came. They forget with a third of the time that has passed: what is recent
 * counts, and a long run is told more calmly than a short one. May touch: nothing. */
#include "cli/pace.h"

#include <math.h>

static const double least_memory_s = 5, memory_share = 1. / 3;
static const double least_calm_s = 1, calm_share = .1; /* how slowly what is told gives way, of what is left */
static const double least_s = 2, least_share = .02;
enum { LEAST_MOVES = 3 };

void ht_pace_add(ht_pace *p, double s, double x)
{
    double dt = s - p->last_s, gain = fmax(x - p->last, 0);
    if (p->samples++ == 0) {
        p->first_s = s;
        p->first = x;
        p->left_s = NAN;
        dt = gain = 0;
    }
    double memory = fmax(least_memory_s, memory_share * (s - p->first_s));
    double kept = exp(-fmax(dt, 0) / memory);
    p->gained = p->gained * kept + gain;
    p->spent = p->spent * kept + fmax(dt, 0);
    p->moves += gain > 0;
    if (!isnan(p->left_s))
        p->left_s = fmax(p->left_s - fmax(dt, 0), 0);
    p->last_s = s;
    p->last = x;
}

double ht_pace_rate(const ht_pace *p)
{
    if (p->moves < LEAST_MOVES || p->last_s - p->first_s < least_s || !(p->spent > 0))
        return NAN;
    return p->gained / p->spent;
}

double ht_pace_left(ht_pace *p, double goal)
{
    double rate = ht_pace_rate(p);
    if (!(rate > 0) || p->last - p->first < least_share * (goal - p->first))
        return NAN;
    double left = fmax(goal - p->last, 0) / rate;
    if (isnan(p->left_s))
        p->left_s = left;
    double calm = fmax(least_calm_s, calm_share * p->left_s);
    double step = fmin(p->asked_s > 0 ? p->last_s - p->asked_s : 0, calm);
    p->left_s += (left - p->left_s) * (1 - exp(-step / calm));
    p->asked_s = p->last_s;
    return p->left_s;
}
