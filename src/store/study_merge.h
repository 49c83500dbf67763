/** @file src/store/study_merge.h
 *  One study of several.
 *
 *  The result does not depend on the order of the inputs, and merging a result again with its inputs changes
 *  nothing. Of a run that stands in several inputs the most complete version is taken: that of the
 *  process that opened the run last (one that resumes a run repeats a stretch); of one process that with more
 * segments; of as many, with more points of curves; then one that ended; then the one that was published
 * last. Everything outside of /runs is made anew of all runs; times are those of the inputs (first `created`,
 * last `modified`). */
#ifndef HT_STORE_STUDY_MERGE_H
#define HT_STORE_STUDY_MERGE_H

#include "base/error.h"
#include "store/file.h"

/** Merge n (>= 1) studies into one and put it at `out`, which may be one of them. An input that went away is
 *  skipped if another one is there.
 *  @param guard  asked before `out` is replaced; NULL = nobody is
 *  @return HT_OK; HT_ENOTFOUND: none is there; HT_EFORMAT: an input is no study, damaged, or newer;
 * HT_EREFUSED: they are about different objectives; HT_EIO, HT_ENOMEM. `out` is as it was then */
ht_status ht_study_merge(size_t n, const char *const *paths, const char *out, const ht_file_guard *guard,
                         ht_error *err);

#endif
