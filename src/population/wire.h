/** @file src/population/wire.h
 *  The protocol between replicas and the coordinator: every message, to bytes and back.
 *
 *  A decision point of a replica is one round trip:
 *
 *      replica                          coordinator
 *      REPORT (what was judged, ask) ->  logs, learns, proposes
 *                       <- DIRECTIVE     (a proposal or none; stop)
 *      OUTCOME (what was done)       ->  logs
 *
 *  In a pooled run there is one EVENT per epoch instead, and ORDERs come whenever the pool decides (order.h).
 *  The ORDER to write a checkpoint comes in any run, is done when all before it are done, and answered by SAVED.
 *
 *  OPERATION and FREEZE may come at any time and are carried out at the next safe point; OPERATION is
 *  answered by ANSWER. HELLO / WELCOME open a replica's part, BYE closes it.
 *
 *  Bytes: one kind byte, a version byte, then the members in order: little-endian integers and IEEE
 *  doubles, texts with a 4-byte length. Decoding checks every length; hostile bytes give HT_ECOMM. */
#ifndef HT_POPULATION_WIRE_H
#define HT_POPULATION_WIRE_H

#include "population/operation.h"
#include "population/order.h"
#include "tune/record.h"

typedef enum {
    HT_MESSAGE_HELLO = 1, HT_MESSAGE_REPORT, HT_MESSAGE_OUTCOME, HT_MESSAGE_ANSWER, HT_MESSAGE_EVENT,
    HT_MESSAGE_SAVED, HT_MESSAGE_BYE, HT_MESSAGE_WELCOME, HT_MESSAGE_DIRECTIVE, HT_MESSAGE_OPERATION,
    HT_MESSAGE_FREEZE, HT_MESSAGE_ORDER
} ht_message_kind;
/** "HELLO", "REPORT", ... */
const char *ht_message_kind_text(ht_message_kind kind);

enum { HT_MADE_MAX = 16, HT_DISABLED_MAX = 4 };     /**< entries of one OUTCOME */

/** Replica -> coordinator: I am here. */
typedef struct {
    char actuators[512];        /**< registered names, comma separated */
    char *controls;             /**< JSON text: descriptions of the knobs (hotcb.actuators.json); owned;
                                     NULL = none */
    ht_member member;           /**< what it brings to a pooled run */
} ht_hello;

/** Replica -> coordinator: a decision point. */
typedef struct {
    unsigned long decision;     /**< 1, 2, .. of this replica */
    long long step, epoch, total_steps;
    ht_readings readings;
    ht_mode mode;
    bool has_segment;           /**< a segment was closed; `judged` is its mutation */
    ht_segment segment;         /**< only if has_segment */
    ht_mutation judged;         /**< only if has_segment */
    bool asks;
    ht_ask ask;                 /**< only if asks */
} ht_report;

/** Replica -> coordinator: what was done at that decision point. Not answered. Comes more than once when
 *  there is more to tell than fits; the last one has the window. */
typedef struct {
    unsigned long decision;
    size_t n_made;
    ht_mutation made[HT_MADE_MAX];  /**< [n_made] applied, failed, suggested, replayed */
    bool has_window;
    ht_window window;           /**< only if has_window */
    char *cooldowns;            /**< JSON text {family: windows}; owned; NULL = none is running */
    char *controls;             /**< as in HELLO, when changed; owned; NULL = unchanged */
    char warning[256];          /**< a warning that the training was given; "" = none */
    size_t n_disabled;          /**< things that the replica disabled by itself */
    struct {
        char what[HT_NAME_MAX], error[128];
    } disabled[HT_DISABLED_MAX];
} ht_outcome;

/** Replica -> coordinator: what became of an operation here. */
typedef struct {
    unsigned long operation;    /**< number given by OPERATION; 0 = an entry of the operation list */
    unsigned long list, index;  /**< which entry of which list */
    cJSON *entry;               /**< that entry; owned; NULL = none */
    long long step, epoch;
    char event[32], phase[HT_NAME_MAX];
    ht_op_result result;        /**< result.payload is owned */
} ht_answer;

/** Replica -> coordinator: what I am is written down. */
typedef struct {
    unsigned long number;       /**< of the CHECKPOINT order */
    char *manifest;             /**< JSON text: what WELCOME.resume must say; owned; NULL = it could not be written */
    double seconds;             /**< that writing took */
    char error[256];            /**< why not */
} ht_saved_message;

/** Replica -> coordinator: my run is over. */
typedef struct {
    long long step, epoch;
    bool has_segment;           /**< closed at the end */
    ht_segment segment;
    ht_mutation judged;
    unsigned long replay_missed;
    bool was_on;
    ht_mode mode;
    bool has_result;            /**< the training said what its best state is worth */
    double val, test;           /**< objective and the same on test data; NaN = unknown */
} ht_bye;

/** Coordinator -> replica: what the freeze mode means for it. */
typedef struct {
    bool frozen;                /**< judge what is open, propose nothing */
    bool strict;                /**< entries that were missed make the close fail */
    unsigned long list;         /**< number of the operation list; 0 = none */
    long long step_offset;
    char *entries;              /**< text of the list (ht_list_parse); owned; NULL = none */
} ht_freeze_order;

/** Coordinator -> replica: how to begin. */
typedef struct {
    int replica;
    ht_mode mode;
    bool pooled;                /**< wait for ORDERs; the tuner of the replica stays off */
    char *recipe;               /**< normalised recipe as JSON text; owned */
    char *replay;               /**< text of a mutation log; owned; NULL = none */
    char *resume;               /**< JSON text of the manifest to go on from; owned; NULL = begin */
    ht_freeze_order freeze;
} ht_welcome;

/** Coordinator -> replica: answer to a REPORT. */
typedef struct {
    unsigned long decision;
    bool stop;                  /**< end the training at the next safe point */
    bool has_proposal;
    ht_proposal proposal;       /**< only if has_proposal */
} ht_directive;

/** Coordinator -> replica: something to do at the next safe point. */
typedef struct {
    unsigned long number;
    char module[HT_NAME_MAX], op[HT_NAME_MAX], id[HT_NAME_MAX];
    cJSON *params;              /**< owned; NULL = none */
    char *attachment;           /**< text of the file it refers to; owned; NULL = none */
} ht_order;

typedef struct {
    ht_message_kind kind;
    union {
        ht_hello hello;
        ht_report report;
        ht_outcome outcome;
        ht_answer answer;
        ht_saved_message saved;
        ht_bye bye;
        ht_welcome welcome;
        ht_directive directive;
        ht_order order;
        ht_freeze_order freeze;
        ht_pool_event event;
        ht_pool_order pool_order;
    } as;
} ht_packet;

/** A buffer of bytes; owned by whoever holds it (free). */
typedef struct {
    unsigned char *data;
    size_t n;
} ht_bytes;

/** @param[out] out  owned by the caller. @return HT_OK, HT_ENOMEM */
ht_status ht_packet_encode(const ht_packet *m, ht_bytes *out);
/** Members that a flag or a count leaves out stay as they were in `out`: it need not be cleared, and is
 *  large enough not to be.
 *  @param[out] out  released by the caller (ht_packet_release); after a failure it holds nothing
 *  @return HT_OK; HT_ECOMM: malformed, or another version of the protocol; HT_ENOMEM */
ht_status ht_packet_decode(const void *data, size_t n, ht_packet *out, ht_error *err);
void ht_packet_release(ht_packet *m);

#endif
