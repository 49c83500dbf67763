/* The text of job scripts. */
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "cli/submit_script.h"

static char *run_words[] = {"fashion", "--epochs", "60"};
static char *program_words[] = {"./my prog", "$x"};

static ht_submit_plan plan_of(ht_submit_kind kind)
{
    return (ht_submit_plan){.kind = kind,
                            .replicas = 8,
                            .ranks_per_replica = 1,
                            .nodes = 2,
                            .tasks = 9,
                            .tasks_per_node = 5,
                            .max_requeues = 5,
                            .seed = 7,
                            .warn_s = 120,
                            .dir = "/runs/it's 50% $x",
                            .from = "/home/me",
                            .hottune = "hottune",
                            .command = "hottune submit",
                            .title = "fashion",
                            .n_words = kind == HT_SUBMIT_PROGRAM ? 2 : 3,
                            .words = kind == HT_SUBMIT_PROGRAM ? program_words : run_words};
}

static char *script_of(const ht_submit_plan *p)
{
    ht_string s = {0};
    ht_submit_script_job(p, &s);
    return ht_string_take(&s);
}

static void has(const char *script, const char *text)
{
    if (strstr(script, text) == NULL)
        fprintf(stderr, "missing: %s\nin:\n%s\n", text, script);
    CU_ASSERT(strstr(script, text) != NULL);
}

static void lacks(const char *script, const char *text)
{
    CU_ASSERT(strstr(script, text) == NULL);
}

static void a_job_says_what_it_needs_and_ends_in_one_exec(void)
{
    ht_submit_plan p = plan_of(HT_SUBMIT_RUN);
    p.time = "2:00:00";
    p.gpus = "a100:4";
    p.cpus_per_task = 4;
    char *s = script_of(&p);
    has(s, "#!/bin/bash\n# 8 replicas of fashion and a coordinator on 2 nodes");
    has(s, "#SBATCH --nodes=2\n");
    has(s, "#SBATCH --ntasks=9 ");
    has(s, "#SBATCH --ntasks-per-node=5 ");
    has(s, "#SBATCH --cpus-per-task=4\n");
    has(s, "#SBATCH --gpus-per-node=a100:4 ");
    has(s, "#SBATCH --time=2:00:00\n");
    has(s, "#SBATCH --signal=B:USR2@120 ");
    has(s, "#SBATCH --requeue ");
    has(s, "exec hottune --dir \"$dir\" job --max-requeues 5 -- \\\n"
           "    srun --mpi=pmix --kill-on-bad-exit=0 --cpu-bind=none \\\n"
           "    hottune place -- \\\n"
           "    hottune --dir \"$dir\" run --resume fashion --epochs 60\n");
    free(s);
}

static void what_was_not_asked_for_is_not_there(void)
{
    ht_submit_plan p = plan_of(HT_SUBMIT_RUN);
    p.max_requeues = 0;
    char *s = script_of(&p);
    lacks(s, "--time");
    lacks(s, "--gpus");
    lacks(s, "--cpus-per-task");
    lacks(s, "--account");
    lacks(s, "--array");
    lacks(s, "--no-kill");
    lacks(s, "hottune=");
    has(s, "#SBATCH --no-requeue\n");
    free(s);
}

static void a_job_that_is_to_outlast_lost_nodes_says_so_twice(void)
{
    ht_submit_plan p = plan_of(HT_SUBMIT_RUN);
    p.no_kill = true;
    char *s = script_of(&p);
    has(s, "#SBATCH --no-kill ");
    has(s, "srun --mpi=pmix --no-kill --kill-on-bad-exit=0");
    free(s);
}

static void a_directory_is_quoted_for_sbatch_and_for_bash(void)
{
    ht_submit_plan p = plan_of(HT_SUBMIT_RUN);
    char *s = script_of(&p);
    has(s, "#SBATCH --output=\"/runs/it's 50%% $x/slurm-%j.out\"\n");
    has(s, "\ndir=\"/runs/it's 50% \\$x\"\n");
    free(s);
}

static void a_program_of_another_path_is_named_once(void)
{
    ht_submit_plan p = plan_of(HT_SUBMIT_RUN);
    p.hottune = "/opt/my tools/hottune";
    char *s = script_of(&p);
    has(s, "\nhottune='/opt/my tools/hottune'\n");
    has(s, "exec \"$hottune\" --dir");
    has(s, "\"$hottune\" place -- \\\n    \"$hottune\" --dir \"$dir\" run");
    free(s);
}

static void a_program_is_started_without_a_verb(void)
{
    ht_submit_plan p = plan_of(HT_SUBMIT_PROGRAM);
    char *s = script_of(&p);
    has(s, "    hottune place -- \\\n    './my prog' \"\\$x\"\n");
    lacks(s, "HOTTUNE_JOB_STUDY");
    free(s);
    p.array = 4;
    s = script_of(&p);
    has(s, "export HOTTUNE_JOB_STUDY=$study HOTTUNE_JOB_SEED=$seed\n");
    free(s);
}

static void the_runs_of_an_array_differ_in_directory_and_seed(void)
{
    ht_submit_plan p = plan_of(HT_SUBMIT_RUN);
    p.array = 4;
    char *s = script_of(&p);
    has(s, "#SBATCH --array=0-3 ");
    has(s, "slurm-%A_%a.out\"\n");
    has(s, "\ndir=$base/run-$SLURM_ARRAY_TASK_ID\n");
    has(s, "\nseed=$((7 + SLURM_ARRAY_TASK_ID))\n");
    has(s, "run --resume --study \"$study\" --seed \"$seed\" fashion");
    free(s);
}

static void a_generation_begins_with_its_recipe_and_no_seed_comes_twice(void)
{
    ht_submit_plan p = plan_of(HT_SUBMIT_RUN);
    p.array = 4;
    p.chain = 3;
    char *s = script_of(&p);
    has(s, "\nrecipe=$base/gen-$1/recipe.yaml ");
    has(s, "\nseed=$((7 + ($1 - 1) * 4 + SLURM_ARRAY_TASK_ID))\n");
    has(s, "--recipe \"$recipe\" fashion");
    free(s);
}

static void between_generations_parts_are_merged_and_the_recipe_evolves(void)
{
    ht_submit_plan p = plan_of(HT_SUBMIT_RUN);
    ht_string s = {0};
    p.chain = 3;
    ht_submit_script_evolve(&p, &s);
    has(ht_string_peek(&s), "hottune study merge \"$base/study.h5\" \"$base\"/study.parts/*.h5\n");
    has(ht_string_peek(&s),
        "hottune recipe evolve --base \"$recipe\" --out \"$next/recipe.yaml\" \"$base/study.h5\"\n");
    ht_string_release(&s);
}

static void a_sweep_goes_on_only_where_one_is(void)
{
    ht_submit_plan p = plan_of(HT_SUBMIT_SWEEP);
    char *s = script_of(&p);
    has(s, "[ ! -e \"$dir/hotcb.sweep.trials.jsonl\" ] || resume=--resume\n");
    has(s, "#SBATCH --signal=B:TERM@120 ");
    has(s, "sweep ${resume:+\"$resume\"} fashion");
    free(s);
}

CASES("submit_script", CASE(a_job_says_what_it_needs_and_ends_in_one_exec),
      CASE(what_was_not_asked_for_is_not_there), CASE(a_job_that_is_to_outlast_lost_nodes_says_so_twice),
      CASE(a_directory_is_quoted_for_sbatch_and_for_bash), CASE(a_program_of_another_path_is_named_once),
      CASE(a_program_is_started_without_a_verb), CASE(the_runs_of_an_array_differ_in_directory_and_seed),
      CASE(a_generation_begins_with_its_recipe_and_no_seed_comes_twice),
      CASE(between_generations_parts_are_merged_and_the_recipe_evolves),
      CASE(a_sweep_goes_on_only_where_one_is))
