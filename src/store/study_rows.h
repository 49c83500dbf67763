/** @file src/store/study_rows.h
 *  Rows of the tables of a run, as they are in memory, and how records become rows. */
#ifndef HT_STORE_STUDY_ROWS_H
#define HT_STORE_STUDY_ROWS_H

#include "population/pool.h"
#include "store/h5.h"
#include "store/study.h"

/** A row of /runs/<id>/segments of independent replicas. */
typedef struct {
    long long number, mutation, replica, start_step, end_step;
    char phase[HT_NAME_MAX], actuator[HT_NAME_MAX], key[HT_NAME_MAX], horizon[HT_NAME_MAX];
    char decision[16], rollback[16], reason[32];
    double score, pre, post;
    signed char nan, anomaly, grad_spike, early;
} ht_segment_row;
extern const ht_h5_table ht_segment_table;
/** @param primary  name of the objective */
void ht_segment_row_fill(ht_segment_row *row, const ht_segment *g, const ht_mutation *m, const char *primary);

/** A row of /runs/<id>/mutations. */
typedef struct {
    long long number, replica, step, epoch;
    char phase[HT_NAME_MAX], actuator[HT_NAME_MAX], key[HT_NAME_MAX], op[HT_NAME_MAX];
    char source[16], status[16], scale[16], text[HT_NAME_MAX];
    double value[HT_BOUNDS_MAX];
    char param[HT_NAME_MAX];
    double before[HT_BOUNDS_MAX], after[HT_BOUNDS_MAX];
} ht_mutation_row;
extern const ht_h5_table ht_mutation_table;
void ht_mutation_row_fill(ht_mutation_row *row, const ht_mutation *m);

/** A row of /runs/<id>/segments of a pooled run. */
typedef struct {
    int32_t segment, island, replica;
    signed char phase, mutant, accepted, in_root, finite;
    long long start_step, end_step;
    float wall;
    double before, loss, control, score;
    float score_error;
} ht_verdict_row;
extern const ht_h5_table ht_verdict_table;
/** @param phase  its number in the attribute `phases` */
void ht_verdict_row_fill(ht_verdict_row *row, const ht_pool_verdict *v, signed char phase);

/** A row of /runs/<id>/curves. */
typedef struct {
    int32_t replica;
    long long step;
    int32_t epoch;
    double value;
} ht_curve_row;
extern const ht_h5_table ht_curve_table;
void ht_curve_row_fill(ht_curve_row *row, const ht_curve_point *p);

#endif
