/** @file src/store/study_input.h
 *  What a study needs of a run, gathered while its records are written. */
#ifndef HT_STORE_STUDY_INPUT_H
#define HT_STORE_STUDY_INPUT_H

#include "store/recorder.h"

typedef struct ht_study_input ht_study_input;

/** @param started  seconds since 1970 */
ht_status ht_study_input_create(const ht_recorder_options *o, unsigned long run, double started,
                                ht_study_input **out, ht_error *err);
/** Id of the run in the study. Borrowed. */
const char *ht_study_input_id(const ht_study_input *in);
void ht_study_input_destroy(ht_study_input *in);    /**< NULL is allowed */

/** @return HT_OK, HT_ENOMEM */
ht_status ht_study_input_segment(ht_study_input *in, const ht_closed *closed, const ht_coordinator_view *view,
                                 ht_error *err);    /**< nothing in a pooled run, where verdicts say it all */
ht_status ht_study_input_verdict(ht_study_input *in, const ht_pool_verdict *v, ht_error *err);
ht_status ht_study_input_point(ht_study_input *in, const ht_curve_point *p, ht_error *err);
void ht_study_input_result(ht_study_input *in, double val, double test);

/** Publish what was gathered; see ht_study_publish. @param ended  seconds since 1970; 0 = it goes on
 *  @param guard  as ht_study_run.guard */
ht_status ht_study_input_publish(const ht_study_input *in, const char *study, const ht_coordinator_view *view,
                                 double ended, const ht_file_guard *guard, ht_error *err);

#endif
