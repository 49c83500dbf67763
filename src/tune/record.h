/** @file src/tune/record.h
 *  What the loop writes down: mutations, segments, windows. Plain structs, copied by value.
 *
 *  Their JSON form is in src/store/record_json.h, their wire form in src/population/wire.h. */
#ifndef HT_TUNE_RECORD_H
#define HT_TUNE_RECORD_H

#include "search/proposal.h"

enum {
    HT_READINGS_MAX = HT_BACKUPS_MAX + 1,   /**< primary and backups */
    HT_CHANGES_MAX = 4,                     /**< values that one patch can touch */
    HT_CELLS_MAX = 16                       /**< numbers behind one value: elements, parameter groups */
};

/** Metric readings, in the order of asking. Non-finite readings are kept. */
typedef struct {
    size_t n;
    struct {
        char name[HT_NAME_MAX];
        double value;
    } at[HT_READINGS_MAX];
} ht_readings;

/** NULL if `name` was not read. */
const double *ht_readings_find(const ht_readings *r, const char *name);
void ht_readings_put(ht_readings *r, const char *name, double value);

/** All reasons in one text, joined by ",". */
void ht_codes_join(const ht_codes *codes, char *text, size_t size);

/** What a factor acts on: the number now, or where that is 0 the patch's floor. Any other op: the number. */
double ht_patch_base(const ht_patch *p, double now);

/** One value that a mutation touched: all its numbers before and after (per group, per element).
 *  n_cells counts all of them; the first HT_CELLS_MAX are kept. */
typedef struct {
    char param[HT_NAME_MAX];
    size_t n_cells;
    bool was_absent;
    double before[HT_CELLS_MAX], after[HT_CELLS_MAX];
} ht_change;

typedef enum {
    HT_MUTATION_APPLIED, HT_MUTATION_ACCEPTED, HT_MUTATION_REJECTED, HT_MUTATION_ROLLED_BACK,
    HT_MUTATION_FAILED, HT_MUTATION_SUGGESTED, HT_MUTATION_INCONCLUSIVE
} ht_mutation_status;
/** "applied", "accepted", "rejected", "rolled_back", "failed", "suggested", "inconclusive" */
const char *ht_mutation_status_text(ht_mutation_status s);
bool ht_mutation_status_parse(const char *text, ht_mutation_status *out);

/** A proposed change and what became of it: one line of the mutation log per change of status. */
typedef struct {
    unsigned long number;       /**< printed as m_00001; 0 = none */
    int replica;
    long long step, epoch;      /**< of the application */
    char phase[HT_NAME_MAX];
    char actuator[HT_NAME_MAX], key[HT_NAME_MAX];
    ht_patch patch;
    ht_scale scale;             /**< scale on which the value is learned */
    ht_source source;
    bool has_context;           /**< false for replayed mutations: an empty context */
    ht_readings context;        /**< train/loss, val/loss, grad/norm: those that are readable and finite */
    long long reject_streak, mutation_count;    /**< of the context */
    bool has_snapshot;          /**< printed as snap_<number> */
    ht_mutation_status status;
    size_t n_changes;
    ht_change changes[HT_CHANGES_MAX];
    char error[128];            /**< "" = none */
    char reason[32];            /**< "" = none */
} ht_mutation;

typedef enum {
    HT_DECISION_ACCEPTED, HT_DECISION_REJECTED, HT_DECISION_ROLLED_BACK, HT_DECISION_INCONCLUSIVE,
    HT_DECISION_LOST
} ht_decision;
/** "accepted", "rejected", "rolled_back", "inconclusive", "lost" */
const char *ht_decision_text(ht_decision d);

typedef enum {
    HT_ROLLBACK_NONE,       /**< nothing was to be undone */
    HT_ROLLBACK_EXACT,      /**< every value is bit for bit what it was */
    HT_ROLLBACK_RELATIVE,   /**< a schedule moved the value meanwhile: the factor or delta was taken out */
    HT_ROLLBACK_LEFT,       /**< somebody else's value stays */
    HT_ROLLBACK_FAILED,     /**< restore reported failure: the mutation stays in force */
    HT_ROLLBACK_OFF         /**< acceptance.rollback_on_reject is false */
} ht_rollback;
const char *ht_rollback_text(ht_rollback r);

typedef struct {
    bool nan, anomaly, grad_spike;
} ht_stability;

/** A closed segment: one line of the segment log. */
typedef struct {
    unsigned long number, mutation;     /**< s_00001, m_00001 */
    int replica;
    long long start_step, end_step;
    char horizon[HT_NAME_MAX];
    ht_readings pre, post;
    ht_stability stability;
    ht_decision decision;
    bool has_score;
    double score;
    char reason[32];        /**< "no_reading", "no_steps", "disabled", "blocker", "resumed"; "" = none */
    bool early;             /**< judged before its horizon, at run end */
    ht_rollback rollback;
} ht_segment;

/** One decision point seen by one replica: a line of the metric stream. */
typedef struct {
    int replica;
    long long step, epoch;
    char phase[HT_NAME_MAX];
    ht_mode mode;
    ht_readings readings;
    ht_codes blockers;
    long long reject_streak;
    bool asked;             /**< a proposal was asked for */
    ht_codes blocked;       /**< codes of what stopped the proposal */
    bool has_active;        /**< a mutation is open after this decision point */
    unsigned long active;
    long long pause_left, global_cooldown;
} ht_window;

/** "off", "observe", "suggest", "active", "replay" */
const char *ht_mode_text(ht_mode mode);
bool ht_mode_parse(const char *text, ht_mode *out);

#endif
