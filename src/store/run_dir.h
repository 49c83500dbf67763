/** @file src/store/run_dir.h
 *  The run directory: names of its files, what earlier runs left in it, what is asked in it. */
#ifndef HT_STORE_RUN_DIR_H
#define HT_STORE_RUN_DIR_H

#include "population/operation.h"
#include "recipe/recipe.h"
#include "store/file.h"

/* Names inside a run directory; they are hotcb's. */
#define HT_FILE_CONFIG "hotcb.yaml"
#define HT_FILE_RECIPE "hotcb.tune.recipe.yaml"
#define HT_FILE_RECIPE_JSON "hotcb.tune.recipe.json"
#define HT_FILE_EFFECTIVE "hotcb.tune.recipe.effective.json"
#define HT_FILE_EVOLVED "hotcb.tune.recipe.evolved.yaml"
#define HT_FILE_MUTATIONS "hotcb.tune.mutations.jsonl"
#define HT_FILE_SEGMENTS "hotcb.tune.segments.jsonl"
#define HT_FILE_SUMMARY "hotcb.tune.summary.json"
#define HT_FILE_METRICS "hotcb.metrics.jsonl"
#define HT_FILE_COMMANDS "hotcb.commands.jsonl"
#define HT_FILE_APPLIED "hotcb.applied.jsonl"
#define HT_FILE_FREEZE "hotcb.freeze.json"
#define HT_FILE_ACTUATORS "hotcb.actuators.json"
#define HT_FILE_OPLIST "hotcb.recipe.jsonl"
#define HT_FILE_STUDY "study.h5"
#define HT_FILE_EVENTS "events.log"
#define HT_FILE_ARRIVAL "arrival.log"

/** dir/name, owned by the caller (free); NULL: no memory. An absolute name stays as it is. */
char *ht_path_join(const char *dir, const char *name);

/** Create a directory and its parents if missing. @return HT_OK, HT_EIO */
ht_status ht_run_dir_create(const char *dir, ht_error *err);

/** What earlier runs left. */
typedef struct {
    unsigned long runs;             /**< number of the latest run, 0 = none */
    unsigned long mutations, segments;  /**< highest numbers in the logs */
    unsigned long ledger_lines;
    long long command_end;          /**< offset in the command file that was dealt with */
} ht_run_history;
ht_status ht_run_dir_history(const char *dir, ht_run_history *out, ht_error *err);

/** Find the recipe: `path` if not NULL, else tune.recipe of hotcb.yaml, else the recipe files of the
 *  directory, else the default (no actuators; *found false).
 *  @param[out] text    content, owned by the caller   @param[out] name  its path, owned by the caller */
ht_status ht_run_dir_recipe(const char *dir, const char *path, char **text, char **name, bool *found,
                            ht_error *err);

/* ---- what is asked from outside ------------------------------------------------------------- */

/** Reads hotcb.yaml, the freeze file and new commands. */
typedef struct ht_inbox ht_inbox;
ht_status ht_inbox_open(const char *dir, long long command_end, ht_inbox **out, ht_error *err);
/** Look once. Takes nothing twice; complete lines only, at most 10000 a look.
 *  @param take    called for each operation, in the order hotcb.yaml, commands; the callee owns it
 *  @param freeze  called when the freeze file changed
 *  @return HT_OK; HT_EIO (file names in err), the rest is taken all the same */
ht_status ht_inbox_poll(ht_inbox *in, void (*take)(void *ctx, ht_operation *o),
                        void (*freeze)(void *ctx, const ht_freeze *f), void *ctx, ht_error *err);
void ht_inbox_close(ht_inbox *in);

/** Append a command (under a file lock, one whole line). Takes nothing. @return HT_OK, HT_EIO */
ht_status ht_command_send(const char *dir, const cJSON *command, ht_error *err);

ht_status ht_freeze_read(const char *dir, ht_freeze *out, ht_error *err);   /**< missing or broken = off */
ht_status ht_freeze_write(const char *dir, const ht_freeze *f, ht_error *err);

#endif
