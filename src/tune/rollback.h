/** @file src/tune/rollback.h
 *  The rule by which one number that a mutation changed is undone, whatever has happened to it since.
 *
 *  Pure. `before` and `after` are the number around the mutation, `live` is what it is now. */
#ifndef HT_TUNE_ROLLBACK_H
#define HT_TUNE_ROLLBACK_H

#include "tune/record.h"

/** How a number that somebody else (a schedule) moved meanwhile can still be undone: by taking out of it
 *  the factor after/before (if neither is 0), else the difference after - before, else not at all. */
typedef struct {
    bool factor, delta;
} ht_undo;

/** What `op` leaves behind: a factor for "mult" and whatever ends in "_mult", and for any op on a value
 *  that lives on a log scale; a difference for "delta" and whatever ends in "_delta". */
ht_undo ht_undo_of(const char *op, bool log_scale);

/** What to write to undo one number.
 *  @param lo, hi  hard range into which a relative result is clamped
 *  @param[out] out  the number to write; untouched when HT_ROLLBACK_LEFT is returned
 *  @return HT_ROLLBACK_EXACT (live is `after`, bit for bit: write `before`), _RELATIVE, _LEFT */
ht_rollback ht_rollback_number(double before, double after, double live, ht_undo undo, double lo, double hi,
                               double *out);

/** The weaker of two outcomes: none < exact < relative < left < failed. */
ht_rollback ht_rollback_weaker(ht_rollback a, ht_rollback b);

/** x cut to lo..hi. */
double ht_clamp(double x, double lo, double hi);
/** lo <= x <= hi; false for NaN. */
bool ht_inside(double x, double lo, double hi);

#endif
