/** @file src/cli/submit_plan.h
 *  What `hottune submit` was asked for, checked: the layout of the jobs and the words that the ranks start.
 *
 *  A campaign is what one submit makes: populations k = 0 .. array - 1 in each of generations g = 1 ..
 *  chain. Their directories are D, D/run-k, D/gen-g or D/gen-g/run-k. */
#ifndef HT_CLI_SUBMIT_PLAN_H
#define HT_CLI_SUBMIT_PLAN_H

#include "cli/cli.h"

enum { HT_ARRAY_MAX = 10000, HT_CHAIN_MAX = 1000 }; /**< populations of a generation, generations */

/** What the ranks start. */
typedef enum {
    HT_SUBMIT_RUN,    /**< hottune run */
    HT_SUBMIT_SWEEP,  /**< hottune sweep */
    HT_SUBMIT_PROGRAM /**< a program that is linked with the library */
} ht_submit_kind;

/** Texts are owned but for those that say otherwise. No text has a line feed or another control character. */
typedef struct {
    ht_submit_kind kind;
    long long replicas, ranks_per_replica, nodes;
    long long tasks,
        tasks_per_node;      /**< MPI ranks: the coordinator and all ranks of replicas; the most on a node */
    long long cpus_per_task; /**< 0 = not asked for */
    long long array, chain;  /**< 0 = no array, no chain */
    long long max_requeues;
    bool no_kill;   /**< a lost node does not end the job */
    long long seed; /**< of the first run; the others count on */
    const char *time, *partition, *account, *gpus, *name,
        *extra;       /**< as Slurm has them; NULL = not given; borrowed */
    long long warn_s; /**< how long before the end Slurm warns the script [s] */
    char *dir;        /**< absolute */
    char *from;       /**< the current directory: relative paths in `words` count from it */
    char *hottune;    /**< how a job starts this program */
    char *command;    /**< what was asked, as one line for a shell */
    char *title;      /**< what is trained, for people: "fashion" */
    size_t n_words;
    char **words; /**< [n_words] run, sweep: what follows the verb; else the program and its arguments */
    char *recipe; /**< run: text of the recipe of the first generation of a chain; NULL = none */
} ht_submit_plan;

/** Make a plan of the options and words of the verb, or refuse them.
 *  @param[out] out  owned by the caller (ht_submit_plan_release), on failure, too
 *  @return 0, or the exit code; the message is printed */
int ht_submit_plan_read(const ht_cli *cli, const ht_args *args, ht_submit_plan *out);
void ht_submit_plan_release(ht_submit_plan *p);

/** The words behind --: kind, words, title, seed, ranks_per_replica, recipe of the plan.
 *  @return as above */
int ht_submit_words_read(const ht_cli *cli, size_t n, char *const *words, ht_submit_plan *p);

/** The directory of a run, owned by the caller; NULL: no memory. @param generation  1 .. chain; @param run
 *  0 .. array - 1; both are looked at only where there is a chain or an array */
char *ht_submit_run_dir(const ht_submit_plan *p, long long generation, long long run);

/** Where a program is that a shell would start by this name, owned by the caller; NULL: nowhere. */
char *ht_program_find(const char *name);

#endif
