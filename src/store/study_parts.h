/** @file src/store/study_parts.h
 *  The parts of a study: beside `study.h5` the folder `study.parts` has a file for each run, a study of that
 * run alone, which only that run writes. They are the truth; the study is their merge.
 *
 *  So several runs go into one study without locks. When two merge at the same moment, the one that writes later
 *  may have read a part before the other run published it, and take that out of the study again. So who merges looks
 *  afterwards whether a part has changed meanwhile, and merges again. A run that goes on leaves that to its
 *  next publication; a run that ends does it until nothing changes any more, so that the last one to end leaves a
 *  study that has them all. */
#ifndef HT_STORE_STUDY_PARTS_H
#define HT_STORE_STUDY_PARTS_H

#include <stdbool.h>

#include "base/error.h"
#include "store/file.h"

/** The file of a run; owned by the caller (free). @param make  create the folder @return HT_OK, HT_EIO,
 * HT_ENOMEM */
ht_status ht_study_part_path(const char *study, const char *id, bool make, char **path, ht_error *err);

/** Merge all parts and the study into the study. Nothing if there are no parts.
 *  @param settle  merge again while parts change, up to a thousand times
 *  @param guard   asked before the study is replaced; NULL = nobody is
 *  @return as ht_study_merge */
ht_status ht_study_pool_parts(const char *study, bool settle, const ht_file_guard *guard, ht_error *err);

#endif
