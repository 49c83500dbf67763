/* src/tune/rollback.c - how one number is undone; the contract is in rollback.h.
 *
 * May touch: its arguments. */
#include "tune/rollback.h"

#include <math.h>
#include <string.h>

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

ht_undo ht_undo_of(const char *op, bool log_scale)
{
    return (ht_undo){.factor = log_scale || strcmp(op, "mult") == 0 || ends_with(op, "_mult"),
                     .delta = strcmp(op, "delta") == 0 || ends_with(op, "_delta")};
}

double ht_clamp(double x, double lo, double hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

bool ht_inside(double x, double lo, double hi)
{
    return x >= lo && x <= hi;
}

ht_rollback ht_rollback_number(double before, double after, double live, ht_undo undo, double lo, double hi,
                               double *out)
{
    if (memcmp(&live, &after, sizeof live) == 0) {
        *out = before;
        return HT_ROLLBACK_EXACT;
    }
    double undone = NAN;
    if (undo.factor && before != 0 && after != 0)
        undone = live * (before / after);
    else if (undo.delta)
        undone = live - (after - before);
    if (!isfinite(undone))      /* also: the live value is NaN, nothing can be taken out of it */
        return HT_ROLLBACK_LEFT;
    *out = ht_clamp(undone, lo, hi);
    return HT_ROLLBACK_RELATIVE;
}

ht_rollback ht_rollback_weaker(ht_rollback a, ht_rollback b)
{
    return a > b ? a : b;
}
