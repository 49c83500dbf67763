/** @file src/population/operation.h
 *  What somebody asked of a run from outside, and what was done with it: one line of the ledger. */
#ifndef HT_POPULATION_OPERATION_H
#define HT_POPULATION_OPERATION_H

#include "base/json.h"
#include "tune/oplist.h"
#include "tune/tuner.h"

typedef enum { HT_FROM_EXTERNAL, HT_FROM_YAML, HT_FROM_REPLAY, HT_FROM_ITSELF } ht_operation_source;
/** "external", "yaml", "replay", "internal" */
const char *ht_operation_source_text(ht_operation_source s);

/** One request. Owned by whoever holds it (ht_operation_release). */
typedef struct {
    cJSON *body;                /**< the whole object as it was given: module, op, id, params, .. */
    ht_operation_source source;
    long long command_end;      /**< offset in the command file after this command; -1 = none */
    char fault[64];             /**< "bad_command" / "bad_config": cannot be carried out; "" = fine */
    char *attachment;           /**< text of the file it refers to (replay log; operation list, see
                                     ht_freeze.list), or NULL */
    char attachment_error[256]; /**< why that file could not be read; "" = fine or none needed */
} ht_operation;
void ht_operation_release(ht_operation *o);     /**< what is inside; the struct belongs to the caller */

typedef enum {
    HT_LEDGER_APPLIED, HT_LEDGER_FAILED, HT_LEDGER_IGNORED, HT_LEDGER_IGNORED_FREEZE, HT_LEDGER_IGNORED_REPLAY
} ht_ledger_decision;
/** "applied", "failed", "ignored", "ignored_freeze", "ignored_replay" */
const char *ht_ledger_decision_text(ht_ledger_decision d);

/** A line of hotcb.applied.jsonl. */
typedef struct {
    long long step, epoch;      /**< -1 = unknown (null) */
    char event[32];
    char phase[HT_NAME_MAX];    /**< of the environment; "" = null */
    char module[HT_NAME_MAX], op[HT_NAME_MAX], id[HT_NAME_MAX];     /**< id "" = null */
    ht_operation_source source;
    ht_ledger_decision decision;
    cJSON *params, *payload;    /**< owned; NULL = null */
    char error[256], notes[256];    /**< "" = null */
    long long command_end;      /**< -1 = none */
} ht_ledger_line;
void ht_ledger_line_release(ht_ledger_line *l);

typedef enum { HT_FREEZE_OFF, HT_FREEZE_PROD, HT_FREEZE_REPLAY, HT_FREEZE_REPLAY_ADJUSTED } ht_freeze_mode;
/** "off", "prod", "replay", "replay_adjusted" */
const char *ht_freeze_mode_text(ht_freeze_mode m);
bool ht_freeze_mode_parse(const char *text, ht_freeze_mode *out);

/** The content of hotcb.freeze.json. */
typedef struct {
    ht_freeze_mode mode;
    char recipe_path[512], adjust_path[512];    /**< "" = null */
    bool strict;                                /**< policy */
    long long step_offset;
    /** Modes replay and replay_adjusted, from the inbox: the text of the operation list at recipe_path;
     *  with an adjust_path, the overlay stands in front of it as one JSON line {"patches": ..}.
     *  Borrowed for the call; NULL = none, or list_error says why it could not be read. */
    const char *list;
    char list_error[256];
} ht_freeze;

/** Read the text of ht_freeze.list: JSON lines (tune/oplist.h), in front of them perhaps an overlay.
 *  @return as ht_oplist_parse */
ht_status ht_list_parse(const char *list, long long step_offset, ht_oplist **out, ht_error *err);

#endif
