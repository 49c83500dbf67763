/** @file src/store/checkpoint_check.h
 *  Is the checkpoint of a run directory whole: its commits, every image that they name, its journal? */
#ifndef HT_STORE_CHECKPOINT_CHECK_H
#define HT_STORE_CHECKPOINT_CHECK_H

#include "store/study_check.h"

/** Reads everything; no checkpoint: nothing is said.
 *  @param dir  the run directory
 *  @return HT_OK: whole, or there is none; HT_EFORMAT: the findings say what is damaged; HT_ENOMEM */
ht_status ht_checkpoint_check(const char *dir, const ht_check_sink *sink, ht_error *err);

#endif
