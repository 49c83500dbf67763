/** @file tests/conformance/inputs.h
 *  What recorded cases give to a unit, as our types. */
#ifndef CONFORMANCE_INPUTS_H
#define CONFORMANCE_INPUTS_H

#include "tune/metrics.h"

/** A value, numbers also written as {"$float": ..}; NONE if `item` is NULL. */
ht_value value_in(const cJSON *item);

/** {op, key, value}; what is absent or of another kind is empty. */
ht_patch patch_in(const cJSON *item);

/** Whether other languages take it for true: true, a number that is not 0, a text that is not empty. */
bool truthy_in(const cJSON *item);

/** Metrics that answer with the members of an object; NULL gives metrics that know nothing. Owned by the
 *  caller (ht_metrics_destroy). */
ht_metrics *metrics_in(const cJSON *object);

/** The members of an object that are numbers. */
ht_readings readings_in(const cJSON *object);
/** The reverse: an object, owned by the caller. */
cJSON *readings_out(const ht_readings *r);

/** A list of texts, owned by the caller. */
cJSON *codes_out(const ht_codes *codes);

#endif
