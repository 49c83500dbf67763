/** @file src/cli/cli.h
 *  What the verbs of the program share: the common options, the table of verbs, messages and exit codes.
 *
 *  A verb reads its arguments, asks the library, prints. It prints results on stdout and refusals on stderr
 *  as `hottune: what: why; what to do`; main checks at the end that stdout took everything. */
#ifndef HT_CLI_CLI_H
#define HT_CLI_CLI_H

#include <stdio.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/args.h"

enum { HT_EXIT_DONE = 0, HT_EXIT_FAILED = 1, HT_EXIT_USAGE = 2, HT_EXIT_AGAIN = 75 };    /* AGAIN: to be resumed */

/** The common options, and where the verb runs. */
typedef struct {
    const char *dir; /**< --dir; NULL = not given */
    bool json, quiet;
    bool tune_word; /**< the verb was written with the word `tune` before it */
    double began;   /**< when the program was started, seconds since 1970 */
    bool muted;     /**< another rank of this job does the talking */
} ht_cli;

/** A verb: one row of the table in verbs.c. */
typedef struct {
    const char *name;                                       /**< one word, or two: "recipe show" */
    int (*handler)(const ht_cli *cli, const ht_args *args); /**< @return the exit code */
    const char *words;        /**< what follows, for the usage line: "WORKLOAD"; "" = nothing */
    int min_words, max_words; /**< max_words < 0: any number */
    const ht_option *options; /**< its own; NULL = none */
    const char *about;        /**< one line */
    const char *details;      /**< a paragraph; "" = none */
    const char *example;
    bool parallel; /**< runs on all ranks of an MPI job, of which one prints */
} ht_verb;

extern const ht_option ht_common_options[];
extern const ht_verb ht_verbs[]; /**< ends with a NULL name */

/* ---- messages ------------------------------------------------------------------------------- */

/** Print "hottune: " and the message on stderr, unless muted. @return `code` */
int ht_cli_fail(const ht_cli *cli, int code, const char *format, ...) HT_PRINTF(3, 4);
/** The same for a failed call of the library. @return the exit code that fits its status */
int ht_cli_fail_status(const ht_cli *cli, ht_status status, const ht_error *err);
/** HT_EXIT_USAGE for wrong input, HT_EXIT_FAILED for everything else that is no success. */
int ht_exit_of(ht_status status);
/** A confirmation on stdout: nothing with --quiet or --json. */
void ht_cli_say(const ht_cli *cli, const char *format, ...) HT_PRINTF(2, 3);
/** Print on stdout what comes from files: each %s is shown as part of one line (ht_shown_add_format). */
void ht_cli_print(const char *format, ...) HT_PRINTF(1, 2);
/** The same on stderr: for warnings and questions. */
void ht_cli_note(const char *format, ...) HT_PRINTF(1, 2);
/** Print a text of several lines that comes from elsewhere. */
void ht_cli_relay(FILE *to, const char *text);
/** Print a JSON text on stdout; what could steer a terminal is escaped, so that it says the same. */
void ht_cli_print_json_text(const char *text);
/** Print `object` on stdout, indented, if --json was given. Takes `object`. */
void ht_cli_print_json(const ht_cli *cli, cJSON *object);

/* ---- the run directory ---------------------------------------------------------------------- */

/** The directory of --dir, or ".". It must be there. @return 0 or the exit code, the message is printed */
int ht_cli_dir(const ht_cli *cli, const char **dir);
/** Create a directory and its parents if missing. @return as above */
int ht_cli_make_dir(const ht_cli *cli, const char *dir);
/** dir/name in `path`, owned by the caller (free). @return as above */
int ht_cli_path(const ht_cli *cli, const char *dir, const char *name, char **path);
/** Refuse a word that is no mode. `replay`: what --replay says; needed in that mode, and only in it.
 *  @return as above */
int ht_cli_check_mode(const ht_cli *cli, const char *mode, const char *replay);
/** Write a whole file, or into a pipe or device that is there. @return as above */
int ht_cli_write(const ht_cli *cli, const char *path, const ht_string *text);

/* ---- help ----------------------------------------------------------------------------------- */

void ht_help_program(void);            /**< all verbs */
void ht_help_family(const char *word); /**< the verbs whose first word this is */
void ht_help_verb(const ht_verb *verb);
void ht_help_markdown(void); /**< docs/cli.md */

/** What an exit code of the program means, for its manuals. */
typedef struct {
    int code;
    const char *meaning;
} ht_exit_code;
extern const ht_exit_code ht_exit_codes[]; /**< ends with a NULL meaning */

int ht_verb_doc(const ht_cli *cli, const ht_args *args);

/* ---- the other verbs, each in the file of its name -------------------------------------------- */

int ht_verb_run(const ht_cli *cli, const ht_args *args);
int ht_verb_job(const ht_cli *cli, const ht_args *args);
int ht_verb_resume(const ht_cli *cli, const ht_args *args);
int ht_verb_replay(const ht_cli *cli, const ht_args *args);
int ht_verb_ask_tell(const ht_cli *cli, const ht_args *args);
int ht_verb_place(const ht_cli *cli, const ht_args *args);
int ht_verb_simulate(const ht_cli *cli, const ht_args *args);
int ht_verb_sweep(const ht_cli *cli, const ht_args *args);
int ht_verb_submit(const ht_cli *cli, const ht_args *args);
int ht_verb_init(const ht_cli *cli, const ht_args *args);
int ht_verb_enable(const ht_cli *cli, const ht_args *args);  /* command.c */
int ht_verb_disable(const ht_cli *cli, const ht_args *args); /* command.c */
int ht_verb_set(const ht_cli *cli, const ht_args *args);     /* command.c */
int ht_verb_status(const ht_cli *cli, const ht_args *args);
int ht_verb_top(const ht_cli *cli, const ht_args *args);
int ht_verb_report(const ht_cli *cli, const ht_args *args); /* report_html.c */
int ht_verb_freeze(const ht_cli *cli, const ht_args *args);
int ht_verb_export_recipe(const ht_cli *cli, const ht_args *args);   /* evolve.c */
int ht_verb_recipe_validate(const ht_cli *cli, const ht_args *args); /* recipe.c */
int ht_verb_recipe_show(const ht_cli *cli, const ht_args *args);     /* recipe.c */
int ht_verb_recipe_doc(const ht_cli *cli, const ht_args *args);      /* recipe.c */
int ht_verb_recipe_diff(const ht_cli *cli, const ht_args *args);     /* recipe.c */
int ht_verb_recipe_evolve(const ht_cli *cli, const ht_args *args);   /* evolve.c */
int ht_verb_recipe_export(const ht_cli *cli, const ht_args *args);   /* operations.c */
int ht_verb_study_check(const ht_cli *cli, const ht_args *args);     /* study_check.c */
int ht_verb_study_export(const ht_cli *cli, const ht_args *args);    /* study_export.c */
int ht_verb_study_ls(const ht_cli *cli, const ht_args *args);        /* study_ls.c */
int ht_verb_study_show(const ht_cli *cli, const ht_args *args);      /* study_show.c */
int ht_verb_study_merge(const ht_cli *cli, const ht_args *args);     /* study.c */
int ht_verb_study_upgrade(const ht_cli *cli, const ht_args *args);   /* study.c */
int ht_verb_workloads(const ht_cli *cli, const ht_args *args);

#endif
