/* src/cli/submit_script.c - the text of job scripts; the contract is in submit_script.h.
 *
 * Whatever comes from outside goes through quote.h. The script ends with `exec`, so that the signal which
 * Slurm sends to the batch process reaches `hottune job` and no shell in between. May touch: the heap. */
#include "cli/submit_script.h"

#include <stdio.h>
#include <string.h>

#include "cli/quote.h"
#include "store/run_dir.h"
#include "store/sweep_log.h"

enum { COMMENT_COLUMN = 42 };

/* ---- lines ------------------------------------------------------------------------------------ */

/* The comment behind the line that ends at `out`, which began at `start`. */
static void comment(ht_string *out, size_t start, const char *text)
{
    int pad = COMMENT_COLUMN - (int)(out->n - start);
    if (text != NULL)
        ht_string_add(out, "%*s# %s", pad > 1 ? pad : 1, "", text);
    ht_string_add(out, "\n");
}

static void option_number(ht_string *out, const char *name, long long value, const char *text)
{
    size_t start = out->n;
    ht_string_add(out, "#SBATCH --%s=%lld", name, value);
    comment(out, start, text);
}

/* Nothing where the value is NULL. */
static void option_text(ht_string *out, const char *name, const char *value, const char *text)
{
    size_t start = out->n;
    if (value == NULL)
        return;
    ht_string_add(out, "#SBATCH --%s=", name);
    ht_quote_sbatch(out, value);
    comment(out, start, text);
}

static void option_switch(ht_string *out, const char *name, const char *text)
{
    size_t start = out->n;
    ht_string_add(out, "#SBATCH --%s", name);
    comment(out, start, text);
}

/* ---- the head --------------------------------------------------------------------------------- */

static const char *log_pattern(const ht_submit_plan *p)
{
    return p->array > 0 ? "slurm-%A_%a.out" : "slurm-%j.out";
}

static void head(const ht_submit_plan *p, ht_string *out)
{
    ht_string_add(out, "#!/bin/bash\n# %lld %s of %s", p->replicas,
                  p->kind == HT_SUBMIT_SWEEP ? (p->replicas == 1 ? "worker" : "workers")
                                             : (p->replicas == 1 ? "replica" : "replicas"),
                  p->title);
    ht_string_add(out, " and a coordinator on %lld %s", p->nodes, p->nodes == 1 ? "node" : "nodes");
    if (p->array > 0)
        ht_string_add(out, ", %lld such populations", p->array);
    if (p->chain > 0)
        ht_string_add(out, ", in %lld generations", p->chain);
    ht_string_add(out, ". Written by\n#   %s\n# Change it as you like and submit it again: sbatch ",
                  p->command);
    ht_string script = {0};
    ht_string_add(&script, "%s/" HT_FILE_JOB_SCRIPT, p->dir);
    ht_quote_shell(out, ht_string_peek(&script));
    ht_string_release(&script);
    ht_string_add(out, "%s\n#\n", p->chain > 0 ? " GENERATION" : "");
}

static void common_options(const ht_submit_plan *p, ht_string *out, const char *name)
{
    option_text(out, "job-name", name, NULL);
    option_text(out, "partition", p->partition, NULL);
    option_text(out, "account", p->account, NULL);
    option_text(out, "chdir", p->from, "relative paths below count from here");
}

static void log_options(const ht_submit_plan *p, ht_string *out, const char *pattern)
{
    size_t start = out->n;
    ht_string_add(out, "#SBATCH --output=");
    ht_quote_sbatch_pattern(out, p->dir, pattern);
    comment(out, start, NULL);
    option_text(out, "open-mode", "append", "a job that starts again adds to its log");
}

/* How it ends and begins again. A sweep does not know the end of its job: hottune job asks it to leave when Slurm says
 * SIGTERM, while it keeps SIGUSR2 from a run that knows better. */
static void life_options(const ht_submit_plan *p, ht_string *out)
{
    char warn[64];
    const bool is_sweep = p->kind == HT_SUBMIT_SWEEP;
    snprintf(warn, sizeof warn, "B:%s@%lld", is_sweep ? "TERM" : "USR2", p->warn_s);
    option_text(out, "signal", warn,
                is_sweep ? "the sweep is asked to leave in time"
                         : "the run is asked to leave in time, if it did not by itself");
    if (p->max_requeues > 0)
        option_switch(out, "requeue", "it may start again: Slurm or hottune job asks for that");
    else
        option_switch(out, "no-requeue", NULL);
    if (p->no_kill)
        option_switch(out, "no-kill", "a node that fails does not end the job");
}

static void job_options(const ht_submit_plan *p, ht_string *out)
{
    char tasks[96];
    ht_string range = {0};
    common_options(p, out, p->name != NULL ? p->name : p->kind == HT_SUBMIT_SWEEP ? "sweep" : p->title);
    option_number(out, "nodes", p->nodes, NULL);
    if (p->ranks_per_replica > 1)
        snprintf(tasks, sizeof tasks, "the coordinator and %lld replicas of %lld ranks", p->replicas,
                 p->ranks_per_replica);
    else
        snprintf(tasks, sizeof tasks, "the coordinator and %lld %s", p->replicas,
                 p->kind == HT_SUBMIT_SWEEP ? "workers" : "replicas");
    option_number(out, "ntasks", p->tasks, tasks);
    option_number(out, "ntasks-per-node", p->tasks_per_node, "at most: they are spread evenly");
    if (p->cpus_per_task > 0)
        option_number(out, "cpus-per-task", p->cpus_per_task, NULL);
    option_text(out, "gpus-per-node", p->gpus, "the replicas of a node share them, the coordinator has none");
    option_text(out, "time", p->time, NULL);
    if (p->array > 0) {
        ht_string_add(&range, "0-%lld", p->array - 1);
        option_text(out, "array", ht_string_peek(&range), "a population each; %2 behind it: two at a time");
        ht_string_release(&range);
    }
    log_options(p, out, log_pattern(p));
    life_options(p, out);
    if (p->extra != NULL)
        ht_string_add(out, "#SBATCH %s\n", p->extra);
}

/* ---- the body of the job of a population ------------------------------------------------------ */

static bool is_campaign(const ht_submit_plan *p)
{
    return p->array > 0 || p->chain > 0;
}

static void assign(ht_string *out, const char *name, const char *value)
{
    ht_string_add(out, "%s=", name);
    ht_quote_shell(out, value);
    ht_string_add(out, "\n");
}

/* How the script calls this program: by its name where PATH leads to it, else by a variable. */
static const char *own_name(const ht_submit_plan *p)
{
    return strcmp(p->hottune, "hottune") == 0 ? "hottune" : "\"$hottune\"";
}

static void begin(const ht_submit_plan *p, ht_string *out)
{
    ht_string_add(out, "\nset -eu\n");
    if (strcmp(p->hottune, "hottune") != 0)
        assign(out, "hottune", p->hottune);
}

/* base, dir and what differs from run to run. */
static void places(const ht_submit_plan *p, ht_string *out)
{
    if (!is_campaign(p)) {
        assign(out, "dir", p->dir);
        return;
    }
    assign(out, "base", p->dir);
    ht_string_add(out, "dir=$base");
    if (p->chain > 0)
        ht_string_add(out, "/gen-${1:?the number of the generation is missing}");
    if (p->array > 0)
        ht_string_add(out, "/run-$SLURM_ARRAY_TASK_ID");
    ht_string_add(out, "\nstudy=$base/" HT_FILE_STUDY
                       "     # all runs go into it, without locks: each writes a part beside it\n");
    if (p->chain > 0)
        ht_string_add(out, "recipe=$base/gen-$1/" HT_FILE_NEXT_RECIPE
                           "    # what the generations before have learned\n");
    ht_string_add(out, "seed=$((%lld", p->seed);
    if (p->chain > 0 && p->array > 0)
        ht_string_add(out, " + ($1 - 1) * %lld + SLURM_ARRAY_TASK_ID", p->array);
    else
        ht_string_add(out, p->chain > 0 ? " + $1 - 1" : " + SLURM_ARRAY_TASK_ID");
    ht_string_add(out, "))\n");
}

static void surroundings(const ht_submit_plan *p, ht_string *out)
{
    ht_string_add(out, "\n# Slurm's default fence lets ranks go on before all nodes are there; MPI then "
                       "crashes now and then.\n"
                       "export SLURM_PMIX_FENCE=ring\n");
    if (p->kind == HT_SUBMIT_PROGRAM && is_campaign(p))
        ht_string_add(out,
                      "# What ht_open takes where the program says nothing else.\n"
                      "export HOTTUNE_JOB_STUDY=$study HOTTUNE_JOB_SEED=$seed\n%s",
                      p->chain > 0 ? "[ ! -e \"$recipe\" ] || export HOTTUNE_JOB_RECIPE=$recipe\n" : "");
    if (p->kind == HT_SUBMIT_SWEEP)
        ht_string_add(out, "# The first start finds no sweep to go on with.\n"
                           "resume=\n[ ! -e \"$dir/" HT_FILE_TRIALS "\" ] || resume=--resume\n");
}

static void launch(const ht_submit_plan *p, ht_string *out)
{
    const char *hottune = own_name(p);
    char ranks[48] = "";
    if (p->ranks_per_replica > 1)
        snprintf(ranks, sizeof ranks, " --ranks-per-replica %lld", p->ranks_per_replica);
    ht_string_add(out,
                  "\n# `hottune job` starts srun, again if ranks die, and asks for another start of this job "
                  "when its time is over.\n"
                  "exec %s --dir \"$dir\" job --max-requeues %lld%s -- \\\n"
                  "    srun --mpi=pmix %s--kill-on-bad-exit=0 --cpu-bind=none \\\n"
                  "    %s place%s -- \\\n    ",
                  hottune, p->max_requeues, ranks, p->no_kill ? "--no-kill " : "", hottune, ranks);
    if (p->kind == HT_SUBMIT_RUN)
        ht_string_add(out, "%s --dir \"$dir\" run --resume%s%s ", hottune,
                      is_campaign(p) ? " --study \"$study\" --seed \"$seed\"" : "",
                      p->chain > 0 ? " --recipe \"$recipe\"" : "");
    else if (p->kind == HT_SUBMIT_SWEEP)
        ht_string_add(out, "%s --dir \"$dir\" sweep ${resume:+\"$resume\"} ", hottune);
    ht_quote_shell_words(out, p->n_words, p->words);
    ht_string_add(out, "\n");
}

void ht_submit_script_job(const ht_submit_plan *p, ht_string *out)
{
    head(p, out);
    job_options(p, out);
    begin(p, out);
    places(p, out);
    surroundings(p, out);
    launch(p, out);
}

/* ---- between two generations ------------------------------------------------------------------ */

void ht_submit_script_evolve(const ht_submit_plan *p, ht_string *out)
{
    ht_string name = {0};
    ht_string_add(&name, "%s-evolve", p->name != NULL ? p->name : p->title);
    ht_string_add(out, "#!/bin/bash\n# Between two generations of a chain: what all runs have learned "
                       "becomes the recipe of the "
                       "next one.\n# Its argument is the number of the generation that has ended.\n#\n");
    common_options(p, out, ht_string_peek(&name));
    option_number(out, "ntasks", 1, NULL);
    option_text(out, "time", "15", "minutes");
    log_options(p, out, "slurm-%j.out");
    option_switch(out, "requeue", "it may be done twice");
    if (p->extra != NULL)
        ht_string_add(out, "#SBATCH %s\n", p->extra);
    begin(p, out);
    assign(out, "base", p->dir);
    ht_string_add(
        out, "before=$base/gen-${1:?the number of the generation is missing}\nnext=$base/gen-$(($1 + 1))\n"
             "recipe=$before/" HT_FILE_NEXT_RECIPE "\n");
    if (p->kind == HT_SUBMIT_PROGRAM)
        ht_string_add(out,
                      "# The first generation began with the program's own recipe.\n"
                      "[ -e \"$recipe\" ] || recipe=$before%s/" HT_FILE_EFFECTIVE "\n",
                      p->array > 0 ? "/run-0" : "");
    ht_string_add(out, "mkdir -p \"$next\"\n\n# A run that was killed has left its part beside the study.\n");
    ht_string_add(out, "%s study merge \"$base/" HT_FILE_STUDY "\" \"$base\"/study.parts/*.h5\n",
                  own_name(p));
    ht_string_add(out,
                  "%s recipe evolve --base \"$recipe\" --out \"$next/" HT_FILE_NEXT_RECIPE
                  "\" \"$base/" HT_FILE_STUDY "\"\n",
                  own_name(p));
    ht_string_release(&name);
}
