/** @file src/tune/record_saved.h
 *  Records of the loop as members of what a run keeps to go on later (base/saved.h). */
#ifndef HT_TUNE_RECORD_SAVED_H
#define HT_TUNE_RECORD_SAVED_H

#include "base/saved.h"
#include "tune/record.h"

/** Each visits its members where the walk is. */
void ht_saved_patch(ht_saved *s, ht_patch *p);
void ht_saved_readings(ht_saved *s, const char *name, ht_readings *r);
void ht_saved_mutation(ht_saved *s, ht_mutation *m);
void ht_saved_segment(ht_saved *s, ht_segment *g);
/** Without its phase, which is borrowed: NULL after loading. */
void ht_saved_env(ht_saved *s, ht_env *env);

#endif
