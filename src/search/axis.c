/* src/search/axis.c - families as unit axes; the contract is in axis.h. Pure functions. */
#include "search/axis.h"

#include <math.h>

/* Written so that a NaN gives lo. */
static double clamp(double x, double lo, double hi)
{
    return x > hi ? hi : x > lo ? x : lo;
}

ht_axis ht_axis_of(const ht_eligible *f, size_t i)
{
    ht_axis a = {.scale = f->scale, .lo = f->lo[i], .hi = f->hi[i]};
    a.x_lo = ht_scale_to(a.scale, a.lo);
    a.x_hi = ht_scale_to(a.scale, a.hi);
    a.half = a.x_hi / 2 - a.x_lo / 2;
    if (!(a.half > 0 && isfinite(a.half)))
        a.half = 0;
    return a;
}

bool ht_axis_is_point(const ht_axis *a)
{
    return a->half == 0;
}

double ht_axis_position(const ht_axis *a, double x)
{
    return ht_axis_is_point(a) ? 0 : (x / 2 - a->x_lo / 2) / a->half;
}

double ht_axis_position_of_value(const ht_axis *a, double value)
{
    double x = ht_scale_to(a->scale, clamp(value, a->lo, a->hi));
    return clamp(ht_axis_position(a, x), 0, 1);
}

double ht_axis_value(const ht_axis *a, double position)
{
    if (ht_axis_is_point(a))
        return a->lo;
    double x = (1 - position) * a->x_lo + position * a->x_hi;
    return clamp(ht_scale_from(a->scale, x), a->lo, a->hi);
}
