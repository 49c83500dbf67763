/** @file src/tune/oplist_overlay.h
 *  The entries of a list of operations while it is being made, and the overlay that edits them. Used by
 *  oplist.c only. */
#ifndef HT_TUNE_OPLIST_OVERLAY_H
#define HT_TUNE_OPLIST_OVERLAY_H

#include "tune/oplist.h"

typedef struct {
    long long step;
    char event[48]; /**< as written, cut to 47 bytes */
    size_t order;   /**< among those of the same step */
    bool fired;
    cJSON *body; /**< owned */
} ht_oplist_entry;

typedef struct {
    size_t n, capacity;
    ht_oplist_entry *at; /**< [n], owned */
} ht_oplist_entries;

/** Add an entry at the end; takes `body`, also on failure. */
ht_status ht_oplist_entry_add(ht_oplist_entries *l, cJSON *body, ht_error *err);

/** Edit by {"patches": [..]}, in order. A patch is {insert: entry}, or {match, and what is done to the
 *  entries that match}: replace_params {name: value}, transform_params {scale: {name: factor}, add:
 *  {name: summand}} on numbers, shift_step n, drop true. Keys of `match`, all must hold: module, op, id,
 *  at_event, at_step, step_min, step_max, has_param, nth (counted from 0 among the other matches).
 *  @return HT_OK; HT_EFORMAT: "patches[2]: .."; HT_ENOMEM. After a failure the list is of no use. */
ht_status ht_oplist_overlay(ht_oplist_entries *l, const cJSON *overlay, ht_error *err);

#endif
