/** @file src/cli/top_model.h
 *  What `hottune top` knows of a run: made of the files of a run directory, a line or a page at a time.
 *
 *  Pure: no files, no clock, no terminal. Whatever is missing or of another kind is passed over, and stays
 * unknown: NaN, -1 or "". Texts are as the files have them; who shows them makes them harmless. Lines of
 * earlier runs in the directory are forgotten when one of a later run comes. One owner, no lock. */
#ifndef HT_CLI_TOP_MODEL_H
#define HT_CLI_TOP_MODEL_H

#include "base/json.h"
#include "store/run_lock.h"

enum {
    HT_TOP_KNOBS_MAX = 24, /**< knobs that are shown */
    HT_TOP_REPLICAS_MAX = 100000,
    HT_TOP_ISLANDS_MAX = 64, /**< islands whose points are shown */
    HT_TOP_EVENTS_MAX = 128, /**< newest lines that are kept */
    HT_TOP_CURVE_MAX = 2048, /**< improvements that are kept */
    HT_TOP_TICKS_MAX = 256   /**< newest epochs, by which the pace is told */
};

typedef struct {
    char name[2 * HT_NAME_MAX]; /**< "opt.lr" */
    double lo, hi;              /**< its range */
    bool log;                   /**< it is moved by factors */
    double current;             /**< as of the actuators' file */
    char move;                  /**< how: 'x' by factors, '=' to values, '+' by differences */
    double center, spread; /**< of the moves that won; the spread of factors is that of their logarithm */
    double win_rate, wins;
    double island[HT_TOP_ISLANDS_MAX]; /**< the point of each island */
} ht_top_knob;

typedef struct {
    char node[HT_NAME_MAX], state[16], doing[HT_NAME_MAX];
    int island;
    double epoch, step;
    double value, best; /**< objective: newest, and best so far */
    char verdict[24];   /**< on its last segment */
    double score;
    double knobs[HT_TOP_KNOBS_MAX];
} ht_top_replica;

/** Something that was said. */
typedef struct {
    double when; /**< seconds since 1970; NaN = unknown */
    char text[256];
    bool warning;
} ht_top_event;

typedef struct {
    ht_run_sign sign;
    unsigned long run; /**< r<number>; 0 = none began */
    char mode[16], policy[HT_NAME_MAX], stage[24], metric[HT_NAME_MAX], freeze[24];
    char workload[HT_NAME_MAX];
    bool maximize, pooled, final, resumable;
    double wall, epochs;      /**< epochs of wall clock, of so many */
    double step, total_steps; /**< of an independent run */
    double first_progress;    /**< where this start of the run went on */
    double ends;              /**< of the job */
    double islands, utilisation;
    double best, best_replica, best_epoch, test;
    double accepted, rejected, failed;
    size_t n_knobs;
    ht_top_knob knobs[HT_TOP_KNOBS_MAX];
    size_t n_replicas;
    ht_top_replica *replicas;    /**< [n_replicas]; owned */
    size_t n_events, next_event; /**< `events` is a ring: the newest stands before next_event */
    ht_top_event events[HT_TOP_EVENTS_MAX];
    size_t n_warnings;
    ht_top_event warnings[8]; /**< that hold now */
    size_t lines;             /**< epochs in the log of this run */
    size_t n_curve;
    struct {
        double at, best; /**< best objective from line `at` on */
    } curve[HT_TOP_CURVE_MAX];
    size_t n_ticks, next_tick;
    double ticks[HT_TOP_TICKS_MAX]; /**< when epochs ended; a ring */
    char answer[256];               /**< what became of the last command; "" = none came */
    size_t answers;                 /**< how many came */
    bool failed_memory;
} ht_top_model;

void ht_top_model_init(ht_top_model *m);
void ht_top_model_release(ht_top_model *m);

/** Which log a line comes from. */
typedef enum {
    HT_TOP_METRICS,
    HT_TOP_MUTATIONS,
    HT_TOP_SEGMENTS,
    HT_TOP_POPULATION,
    HT_TOP_APPLIED
} ht_top_log;
void ht_top_take_line(ht_top_model *m, ht_top_log log, const cJSON *line);
/** A line of events.log, without its line feed. */
void ht_top_take_event(ht_top_model *m, const char *line);
void ht_top_take_summary(ht_top_model *m, const cJSON *summary);
void ht_top_take_controls(ht_top_model *m, const cJSON *actuators);
void ht_top_take_recipe(ht_top_model *m, const cJSON *effective);
/** What `hottune run` was asked. */
void ht_top_take_asked(ht_top_model *m, const cJSON *run);
void ht_top_take_sign(ht_top_model *m, const ht_run_sign *sign);
/** All logs are read anew from their beginnings: what came from lines is forgotten. */
void ht_top_forget(ht_top_model *m);

/* ---- what follows from it ------------------------------------------------------------------- */

/** An objective that is better than another, or than none (NaN). */
bool ht_top_is_better(const ht_top_model *m, double x, double than);
/** Share that is done, 0 .. 1; NaN = unknown. */
double ht_top_progress(const ht_top_model *m);
/** Seconds that this start of the run took until now or its end; and that are left. NaN = unknown. */
double ht_top_elapsed(const ht_top_model *m, double now);
double ht_top_left(const ht_top_model *m, double now);
/** Epochs of all replicas a second: of late while it lives, else over all. */
double ht_top_pace(const ht_top_model *m);
/** The best value so far; its replica or -1. */
double ht_top_best(const ht_top_model *m, int *replica);
/** The i-th newest event, i < n_events. */
const ht_top_event *ht_top_event_at(const ht_top_model *m, size_t i);
/** Best value after `share` (0 .. 1) of the lines; NaN = none yet. */
double ht_top_curve_at(const ht_top_model *m, double share);
/** Replicas whose state this is. */
size_t ht_top_count(const ht_top_model *m, const char *state);
bool ht_top_is_paused(const ht_top_model *m);

#endif
