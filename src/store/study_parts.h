/** @file src/store/study_parts.h
 *  The parts of a study: beside `study.h5` the folder `study.parts` has a file for each run, a study of that
 * run alone, which only that run writes. They are the truth; the study is their merge.
 *
 *  So several runs go into one study without locks: when two merge at the same moment, the later one replaces
 * what the earlier one made, sees that a part has changed meanwhile, and merges again. */
#ifndef HT_STORE_STUDY_PARTS_H
#define HT_STORE_STUDY_PARTS_H

#include "base/error.h"

/** The file of a run; owned by the caller (free). @param make  create the folder @return HT_OK, HT_EIO,
 * HT_ENOMEM */
ht_status ht_study_part_path(const char *study, const char *id, bool make, char **path, ht_error *err);

/** Merge all parts and the study into the study. Nothing if there are no parts.
 *  @return as ht_study_merge */
ht_status ht_study_pool_parts(const char *study, ht_error *err);

#endif
