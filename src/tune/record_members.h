/** @file src/tune/record_members.h
 *  Records of the loop as members of what a run keeps to go on later (base/members.h). */
#ifndef HT_TUNE_RECORD_MEMBERS_H
#define HT_TUNE_RECORD_MEMBERS_H

#include "base/members.h"
#include "tune/record.h"

/** Each visits its members where the walk is. */
void ht_members_patch(ht_members *s, ht_patch *p);
void ht_members_readings(ht_members *s, const char *name, ht_readings *r);
void ht_members_mutation(ht_members *s, ht_mutation *m);
void ht_members_segment(ht_members *s, ht_segment *g);
/** Without its phase, which is borrowed: NULL after loading. */
void ht_members_env(ht_members *s, ht_env *env);

#endif
