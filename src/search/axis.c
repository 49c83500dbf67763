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
    a.linear = a.scale == HT_SCALE_LINEAR || !isfinite(a.x_lo) || !isfinite(a.x_hi);
    if (a.linear) {
        a.x_lo = a.lo;
        a.x_hi = a.hi;
    }
    a.length = a.x_hi / 2 - a.x_lo / 2;
    if (!(a.length > 0))
        a.length = 0;
    return a;
}

bool ht_axis_is_point(const ht_axis *a)
{
    return a->length == 0;
}

double ht_axis_position(const ht_axis *a, double x)
{
    if (ht_axis_is_point(a))
        return 0;
    if (a->linear)
        x = ht_scale_from(a->scale, x);
    return (x / 2 - a->x_lo / 2) / a->length;
}

double ht_axis_position_of_value(const ht_axis *a, double value)
{
    return clamp(ht_axis_position(a, ht_scale_to(a->scale, clamp(value, a->lo, a->hi))), 0, 1);
}

double ht_axis_value(const ht_axis *a, double position)
{
    double x = (1 - position) * a->x_lo + position * a->x_hi;
    return clamp(a->linear ? x : ht_scale_from(a->scale, x), a->lo, a->hi);
}
