/** @file src/store/run_tables.h
 *  The tables of one run while it goes on: rows are appended, a publication takes a copy of all.
 *
 *  They lie compressed in memory, about 60 bytes a row of a pooled run with 4 knobs, so there is no bound but
 *  memory. What a killed process had not published is in its logs. */
#ifndef HT_STORE_RUN_TABLES_H
#define HT_STORE_RUN_TABLES_H

#include "population/tuned.h"
#include "store/study_rows.h"

typedef struct ht_run_tables ht_run_tables;

ht_status ht_run_tables_create(ht_run_tables **out, ht_error *err);
void ht_run_tables_destroy(ht_run_tables *t); /**< NULL is allowed */

/* Append. A run has segments of one kind: of independent replicas, or verdicts; those of the other kind are
 * left out.
 * @return HT_OK; HT_ENOMEM: the row is missing */
ht_status ht_run_tables_segment(ht_run_tables *t, const ht_segment *g, const ht_mutation *m,
                                const char *primary, ht_error *err);
ht_status ht_run_tables_verdict(ht_run_tables *t, const ht_pool_verdict *v, ht_error *err);
ht_status ht_run_tables_point(ht_run_tables *t, const ht_curve_point *p, ht_error *err);

size_t ht_run_tables_segments(const ht_run_tables *t);
/** Whether there are verdicts. */
bool ht_run_tables_are_pooled(const ht_run_tables *t);

/** Write all tables into the empty group of a run.
 *  @param t  NULL = no rows  @param tuned  the knobs of a pooled run; NULL: independent replicas
 *  @return false: HDF5 refused, or no memory */
bool ht_run_tables_write(const ht_run_tables *t, hid_t group, const ht_tuned *tuned);

/** The names of the knobs of a pool, "<actuator>.<knob>". @param[out] texts, names  [HT_POOL_KNOBS_MAX]
 * @return how many */
size_t ht_study_knob_names(const ht_tuned *tuned, char (*texts)[2 * HT_NAME_MAX], const char **names);

#endif
