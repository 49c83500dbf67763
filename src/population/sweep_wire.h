/** @file src/population/sweep_wire.h
 *  What the coordinator of a sweep and its workers say to each other, to bytes and back.
 *
 *      worker                      coordinator
 *      READY                    ->  a worker is there, or free again
 *                            <- TRIAL    evaluate this
 *      REPORT (step, value)     ->  while it runs
 *                            <- STOP     not worth going on
 *      RESULT                   ->  how it ended; the worker is free
 *      ALIVE                    ->  now and then, with what it works on
 *      LEAVE                    ->  the worker was told to end; what it works on is lost
 *                            <- QUIT     the sweep is over
 *
 *  A trial that is started again has a new attempt number, so that words about an older one are known as such. */
#ifndef HT_POPULATION_SWEEP_WIRE_H
#define HT_POPULATION_SWEEP_WIRE_H

#include "population/wire.h"

typedef enum {
    HT_SWEEP_READY = 1, HT_SWEEP_REPORT, HT_SWEEP_RESULT, HT_SWEEP_ALIVE, HT_SWEEP_LEAVE, HT_SWEEP_TRIAL,
    HT_SWEEP_STOP, HT_SWEEP_QUIT
} ht_sweep_kind;

/** How a child process ended. */
typedef enum { HT_SWEEP_VALUE, HT_SWEEP_FAILED, HT_SWEEP_STOPPED } ht_sweep_outcome;

enum { HT_REASON_MAX = 192 };

typedef struct {
    ht_sweep_kind kind;
    bool busy;                  /**< ALIVE: trial and attempt are given */
    unsigned long trial, attempt;   /**< all but READY, LEAVE, QUIT */
    long long step;             /**< REPORT */
    double value;               /**< REPORT, RESULT; NaN = none */
    ht_sweep_outcome outcome;   /**< RESULT */
    double seconds;             /**< RESULT: of the child process */
    char reason[HT_REASON_MAX]; /**< RESULT: why it failed */
    cJSON *params;              /**< TRIAL: by name; null = not active; owned */
} ht_sweep_message;

/** @param[out] out  owned by the caller. @return HT_OK, HT_ENOMEM */
ht_status ht_sweep_encode(const ht_sweep_message *m, ht_bytes *out);
/** @param[out] out  released by the caller (ht_sweep_message_release); after a failure it holds nothing
 *  @return HT_OK; HT_ECOMM: malformed, or another version; HT_ENOMEM */
ht_status ht_sweep_decode(const void *bytes, size_t n, ht_sweep_message *out, ht_error *err);
void ht_sweep_message_release(ht_sweep_message *m);

#endif
