/** @file src/cli/settings.h
 *  Values of knobs on the command line: "opt.lr=0.01,reg.dropout=0.2" (actuator.name=value). */
#ifndef HT_CLI_SETTINGS_H
#define HT_CLI_SETTINGS_H

#include "workload/workload.h"

/** "actuator.name"; NULL = no such knob. */
const ht_workload_knob *ht_settings_find(size_t n, const ht_workload_knob *knobs, const char *name);

/** Set the knobs that a list names.
 *  @return HT_OK; HT_EINVAL: no such knob (err lists them), or a value outside its range; nothing is set then */
ht_status ht_settings_apply(size_t n, const ht_workload_knob *knobs, const char *list, ht_error *err);

#endif
