/** @file src/tune/oplist.h
 *  A recorded list of operations that drives a run in freeze mode `replay`: each entry fires at its
 *  step and event. Reading, overlay (replay_adjusted), what is due, what was missed.
 *
 *  Pure: texts in, operations out. */
#ifndef HT_TUNE_OPLIST_H
#define HT_TUNE_OPLIST_H

#include "base/error.h"
#include "base/members.h"

typedef struct ht_oplist ht_oplist;

/** Names of events in files: "fit_start", "train_batch_end", "val_epoch_end", "run_end"; the lists of
 *  other programs also say "train_step_end" (= train_batch_end). */
const char *ht_event_text(ht_event event);
bool ht_event_parse(const char *text, ht_event *out);

/** Parse JSON lines {"at": {"step", "event"}, "module", "op", "id", "params", ...}; sorted by step,
 *  file order within a step. A missing step is 0, a missing event is train_step_end.
 *  @param overlay  NULL, or the parsed {"patches": [...]} of replay_adjusted
 *  @return HT_OK; HT_EFORMAT with the line number */
ht_status ht_oplist_parse(const char *text, const cJSON *overlay, long long step_offset, ht_oplist **out,
                          ht_error *err);
void ht_oplist_destroy(ht_oplist *l);
size_t ht_oplist_count(const ht_oplist *l);

/** Entries that fire now, in order: call until NULL. Each fires once. @return the entry's operation
 *  (borrowed) and its index */
const cJSON *ht_oplist_due(ht_oplist *l, long long step, ht_event event, size_t *index);
/** Entries that did not fire, after the run: call with i = 0, 1, .. until NULL.
 *  @param[out] missed  "missed_step:<step>:<event>" */
const cJSON *ht_oplist_missed(const ht_oplist *l, size_t i, size_t *index, char missed[96]);

/** Save a list (NULL = none) with what has fired, or make it from what was saved: then *l, which must be
 *  NULL, is owned by the caller, also after a fault. */
void ht_oplist_visit(ht_oplist **l, ht_members *s);

#endif
