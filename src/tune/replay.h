/** @file src/tune/replay.h
 *  The mutations of an earlier run that stayed in force, to be applied again at their steps. */
#ifndef HT_TUNE_REPLAY_H
#define HT_TUNE_REPLAY_H

#include "tune/record.h"

/** One mutation to repeat. */
typedef struct {
    long long step;
    char phase[HT_NAME_MAX];        /**< "unknown" if the log does not say */
    char actuator[HT_NAME_MAX];
    ht_patch patch;
} ht_replay_entry;

typedef struct ht_replay {
    size_t n;
    ht_replay_entry *entries;       /**< [n], owned; in the order of their first lines */
} ht_replay;

/** Read the text of a mutation log: groups lines by mutation_id, keeps a group iff its last status is
 *  applied, accepted, rejected or inconclusive. An unreadable last line is ignored.
 *  @return HT_OK; HT_EFORMAT with the line number: `out` is empty */
ht_status ht_replay_parse(const char *text, ht_replay *out, ht_error *err);
void ht_replay_release(ht_replay *r);

#endif
