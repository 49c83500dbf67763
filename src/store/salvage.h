/** @file src/store/salvage.h
 *  What a run that was killed left in its logs, for the study and for the next recipe.
 *
 *  A study gets a run every half minute and at its end, its logs at once: a run that was killed lacks its
 * last records there, at worst all that it learned. */
#ifndef HT_STORE_SALVAGE_H
#define HT_STORE_SALVAGE_H

#include "recipe/evolve.h"
#include "store/run_lock.h"

/** Take over into the study what it lacks of the run `dead`, the last one of the directory. Of a pooled run the tables stay
 * as they were published last; counts and evidence are brought up to date. Does nothing if
 * that run was not killed, or is whole in the study. The effective recipe in `dir` is still that run's.
 *  @param[out] segments  how many the run has in the study now that it had not before
 *  @param[out] damage    what is wrong with the log of the curves; "" = nothing (of the others ht_run_dir_history tells)
 *  @return HT_OK; what ht_study_publish says; HT_EIO, HT_ENOMEM */
ht_status ht_salvage_study(const char *dir, const ht_run_sign *dead, const char *study, size_t *segments,
                           ht_error *damage, ht_error *err);

/** Evidence of a run from its logs. @param[out] out  source and evidence; the latter is owned by the caller
 * (free)
 *  @return HT_OK, HT_EFORMAT (effective recipe), HT_ENOTFOUND (it is missing), HT_EIO, HT_ENOMEM */
ht_status ht_salvage_evidence(const char *dir, const ht_run_sign *dead, ht_run_evidence *out, ht_error *err);

#endif
