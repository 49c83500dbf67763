/** @file src/tune/bridge.h
 *  Typed knobs addressed by the names of a recipe, as an actuator.
 *
 *  An actuator's name stands for a group of knobs: "opt" for "optimizer", "loss" for "loss", any other
 *  for the group of that name. Under `mutations`: lr_*, wd_* and betas_* lead to the knobs lr,
 *  weight_decay and betas, "<key>_mult", "_set", "_delta" to the knob <key>; under `keys` each name to
 *  the knob of that name. A knob is found by its key, or by "<actuator>.<name>" as key. */
#ifndef HT_TUNE_BRIDGE_H
#define HT_TUNE_BRIDGE_H

#include "tune/actuator.h"
#include "tune/knob.h"

/** The group of knobs for which an actuator's name stands, and the name for a group. Borrowed. */
const char *ht_bridge_group(const char *actuator);
const char *ht_bridge_actuator(const char *group);

/** One actuator: its name and where its knobs are; both borrowed while it is used. */
typedef struct {
    ht_knobs *knobs;
    const char *actuator;
} ht_bridge;

/** Any knob in its group at all. */
bool ht_bridge_exists(const ht_bridge *b);

/** `self` is an ht_bridge. Values that the search draws as reals are fitted to the knob: rounded for
 *  int, above 1/2 = true for bool, the nearest number for a choice of numbers. */
extern const ht_actuator_class ht_bridge_class;

#endif
