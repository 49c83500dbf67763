/** @file tests/conformance/compare.h
 *  The comparison rules of the recorded cases (README of the reference behaviour, "Reading a file"). */
#ifndef CONFORMANCE_COMPARE_H
#define CONFORMANCE_COMPARE_H

#include "suite.h"

enum {
    COMPARE_EXTRA = 1,  /**< keys of ours that the expected object lacks are allowed, at every depth */
    COMPARE_KINDS = 2,  /**< 3 and 3.0 differ */
    COMPARE_ORDER = 4   /**< members of objects must come in the same order */
};

/** Compare; reports each difference with its path, which begins with `field`.
 *  @param got  NULL = absent
 *  @return they agree */
bool compare(report *r, const char *step, const char *field, const cJSON *expected, const cJSON *got,
             unsigned flags);

/** A copy with every {"$float": "nan"} turned into that number; owned by the caller. */
cJSON *with_floats(const cJSON *item);

/** A number, also written as {"$float": ..}; false if it is none. */
bool as_float(const cJSON *item, double *out);

/** Numbers agree: within 1e-12 relative, NaN with NaN. */
bool numbers_agree(double expected, double got);

#endif
