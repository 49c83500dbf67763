/** @file src/base/value.h
 *  Values of knobs, patches and settings: comparison, reading as numbers, and their JSON form. */
#ifndef HT_BASE_VALUE_H
#define HT_BASE_VALUE_H

#include "base/error.h"
#include "base/json.h"

/** Read as a number: ints and reals, bools as 0/1, texts that hold a number ("nan" and "inf", too).
 *  @return false if the value is anything else */
bool ht_value_as_number(const ht_value *v, double *out);

/** A finite or non-finite int or real; bools and texts are no numbers. */
bool ht_value_is_number(const ht_value *v);

/** Equal: numbers by value whatever their kind, all else by kind and content. */
bool ht_value_equal(const ht_value *a, const ht_value *b);

/** A new JSON item owned by the caller, NULL when out of memory; NONE and NULL give null, non-finite
 *  numbers give null. */
cJSON *ht_value_to_json(const ht_value *v);

/** Read a scalar or list of scalars; an item of a list that is no scalar becomes NONE, an object
 *  becomes NONE. NULL gives NONE. */
ht_value ht_value_from_json(const cJSON *item);

#endif
