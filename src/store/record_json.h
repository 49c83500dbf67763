/** @file src/store/record_json.h
 *  Records as the JSON lines of a run directory (the names and order of keys are a promise to users). */
#ifndef HT_STORE_RECORD_JSON_H
#define HT_STORE_RECORD_JSON_H

#include "population/coordinator.h"

/** What stands in every line of a run. */
typedef struct {
    unsigned long run;      /**< printed as r1; 0 = left out */
    double wall_time;       /**< seconds since 1970; 0 = left out */
} ht_stamp;

/* New objects, owned by the caller; NULL when out of memory. */
cJSON *ht_mutation_to_json(const ht_mutation *m, ht_stamp stamp);
cJSON *ht_segment_to_json(const ht_segment *g, ht_stamp stamp);
cJSON *ht_window_to_json(const ht_window *w, ht_stamp stamp);
cJSON *ht_ledger_to_json(const ht_ledger_line *l, unsigned long seq, double wall_time);

/** Numbers of a run as the summary file has them, without what only the whole run knows. */
cJSON *ht_summary_to_json(const ht_statistics *s, ht_mode mode, long long total_steps,
                          unsigned long replay_missed);

/** The whole summary file. @param study_run  id in the study; NULL = left out  @param live  the part `live`; taken, also on failure; NULL = left out */
cJSON *ht_summary_file_to_json(const ht_coordinator_view *v, unsigned long run, const char *study_run,
                               bool final, cJSON *live);

/** What the next run may learn of a pooled one: `population.learned` of the summary. NULL: no memory */
cJSON *ht_lessons_to_json(const ht_learned *learned, const ht_pool *pool);
/** And back: the champion's part and the lessons of *out, which it does not touch if the summary has none.
 *  @return HT_OK, HT_ENOMEM */
ht_status ht_summary_lessons(const cJSON *summary, ht_run_evidence *out, ht_error *err);

/** Evidence of a finished run from its summary object. A summary without centres (hotcb's own) gives
 *  evidence with 0 wins. Entries that are no numbers count as absent.
 *  @param[out] evidence  [*n], owned by the caller (free); NULL when *n is 0
 *  @return HT_OK; HT_EFORMAT if it is no object; HT_ENOMEM */
ht_status ht_summary_evidence(const cJSON *summary, size_t *n, ht_evidence **evidence, ht_error *err);

#endif
