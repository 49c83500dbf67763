/** @file src/store/run_dir.h
 *  The run directory: names of its files, what earlier runs left in it, what is asked in it. */
#ifndef HT_STORE_RUN_DIR_H
#define HT_STORE_RUN_DIR_H

#include "population/operation.h"
#include "recipe/recipe.h"
#include "store/file.h"
#include "store/lines.h"

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
#define HT_FILE_OPTUNA "hotcb.tune.study.sqlite"
#define HT_FILE_STUDY "study.h5"
#define HT_FILE_RUN "hottune.run.json"   /* what `hottune run` was asked */
#define HT_FILE_JOB "hottune.job.jsonl"  /* starts and ends of the job and its steps */
#define HT_FILE_EVENTS "events.log"
#define HT_FILE_POPULATION "hotcb.population.jsonl"
#define HT_FILE_ARRIVAL "arrival.log"

/** dir/name, owned by the caller (free); NULL: no memory. An absolute name stays as it is. */
char *ht_path_join(const char *dir, const char *name);

/** Create a directory and its parents if missing. @return HT_OK, HT_EIO */
ht_status ht_run_dir_create(const char *dir, ht_error *err);

/** Length of the leading part of a path that is there. */
size_t ht_run_dir_existing(const char *dir);
/** Remove the empty directories of a path behind its first `existing` bytes: a start that was given up made them. */
void ht_run_dir_undo(const char *dir, size_t existing);

/** What earlier runs left: the highest numbers in the logs and the summary. */
typedef struct {
    unsigned long runs;             /**< number of the latest run, 0 = none */
    unsigned long mutations, segments;  /**< highest numbers in the logs */
    unsigned long ledger_lines;         /**< seq of the last line */
    long long command_end;          /**< offset in the command file that was dealt with */
    ht_error damage;                /**< what is wrong with a log or the summary; "" = nothing */
} ht_run_history;
/** Lines that are damaged are passed over, and out->damage says so. @return HT_OK, HT_EIO, HT_ENOMEM */
ht_status ht_run_dir_history(const char *dir, ht_run_history *out, ht_error *err);

/** Member of the summary: log -> number of its last line. */
#define HT_LOG_LINES "log_lines"
/** As ht_lines_each, of a log of the directory; lines that are missing at its end are counted, too, if the
 * checkpoint or, of a run that has none, the summary says how many there were. */
ht_status ht_run_dir_log(const char *dir, const char *name, void (*visit)(void *ctx, const cJSON *object),
                         void *ctx, ht_lines_account *account, ht_error *err);
/** What is missing at the end of a log is added to its account. */
ht_status ht_run_dir_end_of_log(const char *dir, const char *name, ht_lines_account *account, ht_error *err);

/** Find the recipe: `path` if not NULL, else tune.recipe of hotcb.yaml, else the recipe files of the
 *  directory, else the default (no actuators; *found false).
 *  @param[out] text    content, owned by the caller   @param[out] name  its path, owned by the caller
 *  @return HT_OK; HT_ENOTFOUND: a recipe that was named is missing; HT_EFORMAT (hotcb.yaml); HT_EIO;
 *          HT_ENOMEM */
ht_status ht_run_dir_recipe(const char *dir, const char *path, char **text, char **name, bool *found,
                            ht_error *err);

/* ---- what is asked from outside ------------------------------------------------------------- */

/** Reads hotcb.yaml, the freeze file and new commands. */
typedef struct ht_inbox ht_inbox;
/** @param command_end  offset in the command file up to which commands were dealt with; beyond the end of
 *                      the file: it was begun anew, all of it is taken */
ht_status ht_inbox_open(const char *dir, long long command_end, ht_inbox **out, ht_error *err);
/** Look once. Takes nothing twice; complete lines only, at most 10000 a look. Files that an operation
 *  refers to (replay log, operation list) are read into its attachment.
 *  A section of hotcb.yaml that is malformed gives an operation "config" with fault "bad_config"; a command
 *  line that is JSON but no command one with fault "bad_command" ({"command": ..} if it is no object).
 *  @param take    called for each operation, in the order hotcb.yaml, commands; the callee owns what it
 *                 holds (ht_operation_release)
 *  @param freeze  called before, when what the freeze file says changed
 *  @return HT_OK; HT_EIO (file name in err); HT_EFORMAT: the freeze file is broken (counts as off), or, once,
 *          command lines are not JSON; HT_ENOMEM. What could be read is taken all the same */
ht_status ht_inbox_poll(ht_inbox *in, void (*take)(void *ctx, ht_operation *o),
                        void (*freeze)(void *ctx, const ht_freeze *f), void *ctx, ht_error *err);
void ht_inbox_close(ht_inbox *in);      /**< NULL is allowed */

/** Append a command (under a file lock, one whole line). Takes nothing. @return HT_OK, HT_EIO, HT_ENOMEM */
ht_status ht_command_send(const char *dir, const cJSON *command, ht_error *err);

/** A missing or empty file is off. @return HT_OK; *out is off after HT_EFORMAT (broken, or an unknown mode:
 *  worth a warning), HT_EIO, HT_ENOMEM, too. Does not read the operation list. */
ht_status ht_freeze_read(const char *dir, ht_freeze *out, ht_error *err);
ht_status ht_freeze_write(const char *dir, const ht_freeze *f, const ht_file_guard *guard, ht_error *err);

#endif
