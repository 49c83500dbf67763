/** @file src/cli/top_model_parts.h
 *  Internal to the model of `hottune top`: what its parts do for each other.
 *
 *      top_model.c  its life, and what comes in lines
 *      top_pages.c  what comes in pages
 *      top_facts.c  what follows */
#ifndef HT_CLI_TOP_MODEL_PARTS_H
#define HT_CLI_TOP_MODEL_PARTS_H

#include "cli/top_model.h"

/** Copy a text into a field, cut if need be; NULL leaves what is there. */
void ht_top_copy(char *to, size_t size, const char *from);
/** The replica that an object names, made if it is new; NULL: no number, or no memory. */
ht_top_replica *ht_top_replica_of(ht_top_model *m, const cJSON *line);
/** The knob of that name, made if it is new; NULL: there are too many, or it has no name. */
ht_top_knob *ht_top_knob_of(ht_top_model *m, const char *name);
/** "lr" of "opt.lr". */
const char *ht_top_name_in_actuator(const ht_top_knob *k);
/** "opt:lr_mult" is a family of the knob "opt.lr", and wd_mult one of weight_decay.
 *  @param[out] move  as ht_top_knob.move  @return as ht_top_knob_of */
ht_top_knob *ht_top_knob_of_family(ht_top_model *m, const char *family, char *move);
/** The number of the run in an object, "r2" or 2; 0 = none. */
unsigned long ht_top_run_of(const cJSON *line);
/** Something of a later run: what was of the one before is forgotten. @return false: it is of an earlier one
 */
bool ht_top_is_of_this_run(ht_top_model *m, unsigned long run);

#endif
