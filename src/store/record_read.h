/** @file src/store/record_read.h
 *  Records from the JSON lines of a run directory: the way back of record_json.h.
 *
 *  A log comes from a disk and may be anything. What a line lacks is 0, empty or not finite; a line that does
 * not say what it is about is none. */
#ifndef HT_STORE_RECORD_READ_H
#define HT_STORE_RECORD_READ_H

#include "base/json.h"
#include "recipe/recipe.h"
#include "tune/record.h"

/** Number of the run of a line: 3 for "run": "r3"; 0 = it says none. */
unsigned long ht_line_run(const cJSON *line);

/** A whole number of a line, cut; 0 if it is none, or beyond +-most or 9e15. */
long long ht_line_int(const cJSON *line, const char *name, long long most);

/** A line of the mutation log. @param recipe  tells the scale, if the line does not. @return false: it is
 * none */
bool ht_mutation_from_json(const cJSON *line, const ht_recipe *recipe, ht_mutation *out);
/** A line of the segment log. @return false: it is none */
bool ht_segment_from_json(const cJSON *line, ht_segment *out);

#endif
