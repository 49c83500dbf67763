/* src/cli/verbs.c - the table of the program's verbs and their options, from which --help, docs/cli.md, the manual pages and the
 * completion are made, too.
 *
 * To add a verb: a handler in a file of its name, a row here, a test in tests/cli. */
#include <stddef.h>

#include "cli/cli.h"

const ht_option ht_common_options[] = {
    {"dir", "DIR", "the run directory (default: the current one)"},
    {"json", NULL, "print the result as JSON"},
    {"quiet", NULL, "print results and errors only: no progress, no confirmations"},
    {"help", NULL, "help of the program or of a verb"},
    {"version", NULL, "the version"},
    {NULL},
};

static const ht_option run_options[] = {
    {"epochs", "E", "epochs of each training (default: the workload's, or what CMD says)"},
    {"seed", "S", "seed of weights, batches and proposals (default: 1)"},
    {"recipe", "FILE", "recipe (default: that of the directory, else the workload's own)"},
    {"study", "FILE", "study, for several runs (default: study.h5 in the run directory)"},
    {"mode", "M", "off, observe, suggest, active or replay (default: hotcb.yaml's, else active)",
     "off observe suggest active replay"},
    {"replay", "FILE", "mutation log to repeat, with --mode replay"},
    {"ranks-per-replica", "R", "ranks that share one training (default: 1)"},
    {"data", "DIR", "where the data files are (default: where their Debian package puts them)"},
    {"recipe-set", "WORDS", "set fields of the recipe: \"population.policy=pbt search.gamma=0.2\""},
    {"set", "K=V,..", "set knobs before the training begins: opt.lr=0.01,reg.dropout=0.2"},
    {"schedule", "S", "cosine or constant: what lr is multiplied by as the training goes on (default: "
     "constant)", "cosine constant"},
    {"patience", "S", "seconds after which nobody waits for a rank that is silent (default: 60)"},
    {"resume", NULL, "go on with the unfinished run of the directory, if there is one"},
    {"new", NULL, "begin another run, although an unfinished one is there: that one is given up"},
    {"checkpoint", "S", "seconds between two checkpoints of a pooled run (default: as they cost 2 % of its time); 0: none"},
    {"max-disk", "MB", "what checkpoints may take on disk (default: no limit)"},
    {"time-limit", "D", "the job ends D after the program began: seconds, M:SS, H:MM:SS, D-HH:MM:SS (default: ask Slurm)"},
    {"reply-timeout", "S", "CMD: seconds after which it is given up that does not answer (default: 60)"},
    {"train-timeout", "S", "CMD: likewise while it trains, validates or tests (default: 3600)"},
    {"restarts", "N", "CMD: how often in a row it is started again after a failure (default: 3)"},
    {"slow", "R:X,..", "to try failures: replica R computes X times as slowly"},
    {"nan", "R:E,..", "to try failures: replica R has NaN in its weights after E epochs"},
    {"report-steps", NULL, "print a JSON line an epoch, then the result, as hottune sweep wants it"},
    {"compare", NULL, "first train the static default at the same cost, without the tuner"},
    {"progress", "FORM", "live, lines, none or auto: live on a terminal, else lines (default: auto); docs/progress.md",
     "auto live lines none"},
    {"json-lines", NULL, "print a JSON object a line for all that happens, and the result, instead; docs/progress.md"},
    {NULL},
};
static const ht_option resume_options[] = {
    {"checkpoint", "S", "as of run; counts instead of what was given then"},
    {"max-disk", "MB", "likewise"},
    {"patience", "S", "likewise"},
    {"data", "DIR", "likewise"},
    {"reply-timeout", "S", "likewise; of a command, as the next two"},
    {"train-timeout", "S", "likewise"},
    {"restarts", "N", "likewise"},
    {"time-limit", "D", "as of run, for this start"},
    {"progress", "FORM", "likewise", "auto live lines none"},
    {"json-lines", NULL, "likewise"},
    {NULL},
};
static const ht_option job_options[] = {
    {"max-requeues", "R", "how often the job may go back into the queue (default: 5)"},
    {"ranks-per-replica", "R", "on fewer nodes only whole replicas are started (default: 1)"},
    {"grace", "S", "seconds after the end of the run in which its launcher is to end; 0 = no limit (default: 60)"},
    {NULL},
};
static const ht_option submit_options[] = {
    {"replicas", "R", "trainings side by side; the coordinator has a rank of its own; required"},
    {"nodes", "N", "nodes; the replicas are spread evenly (default: 1)"},
    {"time", "T", "time limit as Slurm has it: minutes, HH:MM:SS, D-HH:MM:SS (default: that of the partition)"},
    {"partition", "P", "as of sbatch (default: the site's)"},
    {"account", "A", "as of sbatch (default: the site's)"},
    {"gpus-per-node", "G", "as of sbatch: 4, a100:4; the replicas of a node share them (default: none)"},
    {"cpus-per-replica", "C", "cores of each replica (default: one a rank)"},
    {"ranks-per-replica", "R", "ranks that share one training (default: 1)"},
    {"array", "K", "K such populations with different seeds, in DIR/run-0 .., into one study DIR/study.h5"},
    {"chain", "M", "M generations, in DIR/gen-1 ..; each begins with what those before have learned"},
    {"max-requeues", "R", "how often a job that is not done may start again (default: 5)"},
    {"no-kill", NULL, "a lost node does not end the job: for jobs of many nodes; docs/slurm.md says what it costs"},
    {"name", "NAME", "name of the job (default: that of the workload or program)"},
    {"sbatch", "OPTIONS", "further options of sbatch, as in a line #SBATCH: \"--qos=long --mem=64G\""},
    {"dry-run", NULL, "print the script and submit nothing"},
    {NULL},
};
static const ht_option replay_options[] = {
    {"workload", "WORKLOAD", "the workload (default: that of the run)"},
    {"epochs", "E", "epochs; when the schedule is over its last values stay (default: those of the run)"},
    {"seed", "S", "seed of weights and batches (default: that of the run)"},
    {"data", "DIR", "where the data files are (default: as in the run)"},
    {NULL},
};
static const ht_option ask_tell_options[] = {
    {"space", "FILE", "the search space, YAML or JSON (required)"},
    {"seed", "S", "seed of the proposals (default: 1)"},
    {"direction", "D", "min or max (default: min)", "min max"},
    {"study", "FILE", "log of all requests; the next start goes on from it"},
    {"density-only", NULL, "the density ratio alone: the textbook's TPE, to compare with"},
    {NULL},
};
static const ht_option sweep_options[] = {
    {"space", "FILE", "what is searched: parameters with types and ranges, in YAML or JSON; required"},
    {"trials", "T", "how many trials are to end: complete, pruned or failed (default: 32)"},
    {"direction", "D", "min or max: which values are better (default: min)", "min max"},
    {"seed", "S", "seed of the search (default: 1)"},
    {"timeout", "S", "seconds after which an attempt is ended and counts as failed (default: none)"},
    {"retries", "R", "how often a failed trial is started again (default: 0)"},
    {"result", "FILE", "read the value from this file; its name is {result} for the command (default: stdout)"},
    {"prune", "RULE", "stop bad trials early, by what they report: median or asha (default: never)",
     "median asha"},
    {"reduction", "N", "asha: one of N trials passes a rung (default: 3)"},
    {"min-resource", "N", "asha: step of the first rung; median: nobody is stopped before it (default: 1)"},
    {"resume", NULL, "go on with the sweep that is in the directory"},
    {"grace", "S", "seconds between SIGTERM and SIGKILL when a command is stopped (default: 5)"},
    {"patience", "S", "seconds after which a silent worker counts as lost (default: 30)"},
    {"top", "N", "rows of the table at the end (default: 10)"},
    {NULL},
};
static const ht_option simulate_options[] = {
    {"replicas", "N", "trainings side by side (default: 8)"},
    {"epochs", "E", "epochs of each training (default: the workload's)"},
    {"epoch-seconds", "S", "mean time of an epoch with its validation (default: 15)"},
    {"spread", "X", "an epoch of a replica takes that (1 +- X), the same for the whole run (default: 0)"},
    {"jitter", "X", "and each epoch that (1 +- X) (default: 0)"},
    {"stragglers", "P:F", "a share P of the replicas takes F times as long (default: none)"},
    {"failures", "R", "deaths per hour in the whole population (default: 0)"},
    {"down", "S", "seconds until a dead replica is back, with nothing (default: 60)"},
    {"latency", "US", "of each message, in microseconds (default: 20)"},
    {"state-mb", "MB", "size of a training state (default: 1)"},
    {"bandwidth", "MB", "megabytes a second from one replica to another (default: 1000)"},
    {"checkpoint-s", "S", "what a checkpoint takes each replica (default: 0, none are written)"},
    {"checkpoint-every", "S", "seconds between two checkpoints (default: 600)"},
    {"patience", "S", "as of run (default: 60)"},
    {"policy", "P", "population.policy of the recipe", "pooled halving pbt random static"},
    {"recipe", "FILE", "recipe (default: the workload's)"},
    {"recipe-set", "WORDS", "set fields of the recipe, as of run"},
    {"seed", "S", "seed of everything that is drawn (default: 1)"},
    {"curves", "FILE", "learning curves of the runs of a study (default: synthetic)"},
    {"target", "X", "objective whose time is looked for"},
    {"sweep", "O=V,V", "simulate for each value of an option, and compare: replicas=8,16,32"},
    {"no-timing", NULL, "leave out what was measured on this machine: the same text each time"},
    {NULL},
};
static const ht_option place_options[] = {
    {"ranks-per-replica", "R", "ranks that share one training (default: 1)"},
    {NULL},
};
static const ht_option enable_options[] = {
    {"mode", "M", "active, observe, suggest, off or replay (default: active)",
     "off observe suggest active replay"},
    {"replay", "FILE", "mutation log to repeat, with --mode replay"},
    {NULL},
};
static const ht_option freeze_options[] = {
    {"mode", "M", "off, prod, replay or replay_adjusted; required", "off prod replay replay_adjusted"},
    {"recipe", "FILE", "operation recipe to replay; a relative path counts from the run directory"},
    {"adjust", "FILE", "overlay for replay_adjusted; as --recipe"},
    {"policy", "P", "best_effort or strict: what a missed entry means (default: best_effort)",
     "best_effort strict"},
    {"step-offset", "N", "added to recorded steps (default: 0)"},
    {NULL},
};
static const ht_option export_recipe_options[] = {
    {"out", "FILE", "the new recipe; JSON if it ends in .json (default: hotcb.tune.recipe.evolved.yaml)"},
    {"alpha", "A", "how far prior centres move, 0 .. 1 (default: 0.3)"},
    {"decay", "D", "what earlier evidence keeps of its weight, 0 .. 1 (default: 0.7)"},
    {NULL},
};
static const ht_option evolve_options[] = {
    {"base", "FILE", "the recipe to evolve (required)"},
    {"out", "FILE", "the new recipe; JSON if it ends in .json (default: stdout)"},
    {"alpha", "A", "how far prior centres move, 0 .. 1 (default: 0.3)"},
    {"decay", "D", "what earlier evidence keeps of its weight, 0 .. 1 (default: 0.7)"},
    {"readers", "N", "processes that read sources, 1 .. 16; the result is the same (default: one for each processor)"},
    {NULL},
};
static const ht_option recipe_options[] = {
    {"recipe", "FILE", "the recipe, as the word FILE"},
    {NULL},
};
static const ht_option study_show_options[] = {
    {"run", "ID", "one run alone: what it gave and what it says of each family"},
    {NULL},
};
static const ht_option report_options[] = {
    {"study", "FILE", "the study (default: study.h5 in the run directory)"},
    {"run", "ID", "the run to tell of: its id, or r1, r2 .. (default: of --dir its last one, else the study's best)"},
    {"out", "FILE", "the page (default: report.html in the run directory, or here)"},
    {"figures", "DIR", "also write the figures as PNG and SVG with their numbers as CSV into this directory"},
    {NULL},
};
static const ht_option study_export_options[] = {
    {"format", "F", "csv or json (default: csv)", "csv json"},
    {"out", "PATH", "csv: the directory, required; json: the file (default: stdout)"},
    {NULL},
};
static const ht_option top_options[] = {
    {"once", NULL, "print one picture as plain text, and end; so it does where stdin or stdout is no terminal"},
    {"every", "S", "seconds between two looks at the files (default: 1)"},
    {NULL},
};
static const ht_option doc_options[] = {
    {"man", "DIR", "write manual pages into this directory instead: hottune.1 and one for each verb"},
    {"completion", "SHELL", "print what completes the command line in this shell instead: bash or zsh",
     "bash zsh"},
    {NULL},
};
static const ht_option operations_options[] = {
    {"out", "FILE", "the operation recipe (default: hotcb.recipe.jsonl in the run directory)"},
    {"replica", "R", "whose mutations to take (default: the best replica's)"},
    {"schedule", NULL, "of a pooled run: the champion's schedule"},
    {"epoch-steps", "N", "with --schedule: steps of an epoch (default: what the run's summary says)"},
    {NULL},
};

const ht_verb ht_verbs[] = {
    {"run", ht_verb_run, "WORKLOAD | -- CMD [ARG ...]", 1, -1, run_options,
     "Train a built-in workload, or any program that speaks JSON lines, under the tuner",
     "Works alone (one replica), and under mpirun or srun with N + 1 ranks: rank 0 coordinates, N train.\n"
     "CMD is started once for each replica, without a shell; docs/child-protocol.md tells what it is asked.\n"
     "Without --dir the files go to runs/NAME-TIME. At the end a table compares the best state with the\n"
     "static default (--compare). Losses are mean cross entropies; test data are read once, at the end.",
     "mpirun -n 9 hottune run fashion --epochs 20 --compare", true},
    {"resume", ht_verb_resume, "", 0, 0, resume_options, "Go on with an unfinished run",
     "Whatever ended it: a kill, the end of the job's time, a node that failed. It goes on from its last checkpoint,\n"
     "with the options that it was started with. A run that was asked to leave (SIGTERM, SIGUSR1, SIGUSR2, Ctrl-C), or\n"
     "whose job is about to end (--time-limit, else Slurm says when), writes one and ends with exit code 75: start it\n"
     "again.",
     "mpirun -n 9 hottune --dir runs/f1 resume", true},
    {"job", ht_verb_job, "-- LAUNCHER [ARG ...]", 1, -1, job_options, "Keep a run alive inside a batch job",
     "The last line of a job script: starts the run as a step, asks it to leave when the job is told to end\n"
     "(SIGUSR2, SIGUSR1, SIGTERM), starts it again on the nodes that are left when the step died, and puts the job\n"
     "back into the queue of Slurm when the run is to go on later. Exit code 0: the run is finished. 75: it is written\n"
     "down and goes on when the job is started again. Works without Slurm, too: there 75 is all that it does.\n"
     "docs/slurm.md tells more.",
     "hottune --dir runs/f1 job -- srun --mpi=pmix hottune --dir runs/f1 run --resume fashion", false},
    {"sweep", ht_verb_sweep, "-- CMD [ARG ...]", 1, -1, sweep_options,
     "Search for the best parameters of a command, by many runs of it",
     "Works alone (one trial at a time), and under mpirun or srun with N + 1 ranks: rank 0 coordinates, N work.\n"
     "The command gets a trial's parameters as HOTTUNE_<NAME>, as {name} in its arguments, and as one JSON object\n"
     "on stdin. Its value is the last line of stdout that is a number or a JSON object with \"value\". Lines with\n"
     "\"step\" and \"value\" are reports, for --prune. --dir is required; docs/sweep.md tells more.",
     "mpirun -n 5 hottune sweep --space space.yaml --trials 64 --dir runs/s1 -- ./train --lr {lr}", true},
    {"simulate", ht_verb_simulate, "[WORKLOAD]", 0, 1, simulate_options,
     "Simulate a run in virtual time, to size it before it costs anything",
     "The real coordinator and the real agents of N replicas, in one process, over trainings that are learning curves. Tells how\n"
     "long the run takes, how much of it the replicas train and what they wait for else, what travels, and what the\n"
     "coordinator costs. The recipe is that of WORKLOAD (default: charlm). docs/simulate.md tells what is modelled.",
     "hottune simulate charlm --replicas 64 --epochs 60 --spread 0.2 --failures 2", false},
    {"place", ht_verb_place, "-- CMD [ARG ...]", 1, -1, place_options,
     "Give a rank of a job its processors and devices, then run a command as this rank",
     "Between the launcher (srun, mpirun) and an MPI program. The replicas of a node share out its devices evenly,\n"
     "by CUDA_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES, ROCR_VISIBLE_DEVICES, ZE_AFFINITY_MASK, as far as they are set;\n"
     "rank 0, which coordinates, gets none. Replicas also get cores of their own, whole ones and as many for each, and\n"
     "OMP_NUM_THREADS says how many, unless it is set. Cores stay as they are where the launcher bound ranks to some\n"
     "(srun --cpu-bind=none, mpirun --bind-to none: it does not), where there are fewer cores than replicas, and\n"
     "where it cannot be seen which are the job's own. Without a launcher the command just runs. Exit code: that of\n"
     "CMD; 127 if there is none of that name, 126 if it cannot be run.",
     "srun --cpu-bind=none hottune place -- hottune --dir runs/f1 run fashion", false},
    {"submit", ht_verb_submit, "-- CMD [ARG ...]", 1, -1, submit_options,
     "Start a run as a Slurm job that looks after itself",
     "CMD is run WORKLOAD or sweep with their options, or a program of yours that is linked with the library. The\n"
     "script is DIR/job.sh; DIR must be seen by all nodes. The job survives the end of its time, lost nodes and ranks\n"
     "that die: it goes on from the last checkpoint, in the same job or in a later start of it. What was submitted\n"
     "stands in DIR/submit.json, and hottune --dir DIR status shows how all runs of it stand.",
     "hottune --dir runs/f1 submit --replicas 8 --nodes 2 --time 2:00:00 -- run fashion --epochs 60", false},
    {"ask-tell", ht_verb_ask_tell, "", 0, 0, ask_tell_options, "Serve the optimiser alone, as JSON lines",
     "One object a line on stdin, one a line back on stdout: {\"ask\": 1}, {\"tell\": 0, \"value\": 0.31},\n"
     "{\"fail\": 0}, {\"forget\": 0}, {\"best\": 1}. What cannot be carried out gives {\"error\": ..}, and it\n"
     "goes on; the end of the input ends it. docs/posterior.md tells how it proposes.",
     "hottune ask-tell --space space.yaml --seed 7 --study asks.jsonl", false},
    {"replay", ht_verb_replay, "", 0, 0, replay_options,
     "Repeat the champion's schedule of a pooled run in one plain training",
     "One process, no tuner: the values of the knobs that led to the champion, epoch by epoch, beside the static\n"
     "default at the same cost. Means and copies of states have no place in one training, and no averaged weights\n"
     "are kept, so its loss is not the champion's; with --json each epoch with its values. The workload and its\n"
     "arguments are those of the run. A program of your own: hottune recipe export --schedule.",
     "hottune --dir runs/exp1 replay", false},
    {"workloads", ht_verb_workloads, "", 0, 0, NULL, "List the built-in workloads", "", "hottune workloads",
     false},
    {"init", ht_verb_init, "", 0, 0, NULL, "Make a run directory with its empty files",
     "What is there stays as it is.", "hottune --dir runs/exp1 init", false},
    {"enable", ht_verb_enable, "", 0, 0, enable_options, "Ask a live run to tune",
     "The run carries it out at its next safe point; hottune status shows what became of it.",
     "hottune --dir runs/exp1 enable --mode suggest", false},
    {"disable", ht_verb_disable, "", 0, 0, NULL, "Ask a live run to stop tuning",
     "A mutation that is not judged yet is rolled back.", "hottune --dir runs/exp1 disable", false},
    {"status", ht_verb_status, "", 0, 0, NULL, "Tell how a live or finished run stands",
     "`tune status` leaves out the freeze state and the ledger. Of a directory with the runs of an array or a chain\n"
     "(run-0 .., gen-1 ..) it is one table of them all, with what the queue of Slurm says of their jobs.",
     "hottune --dir runs/exp1 status", false},
    {"top", ht_verb_top, "", 0, 0, top_options, "Watch and steer a run, over the whole terminal",
     "Progress, the best value, where each replica and each knob is, and what happened last; it shows a finished run,\n"
     "too. Keys: q ends it, p pauses tuning, m changes the mode, f freezes, s sorts, ? tells the others. It only reads\n"
     "the run directory, what is new in it, so it may run on any machine that sees it. docs/top.md tells more.",
     "hottune --dir runs/exp1 top", false},
    {"report", ht_verb_report, "", 0, 0, report_options, "Write a page about a run or a study: what was gained, by what, how sure",
     "One HTML file with texts, tables and figures that can be zoomed; it needs no network and can be sent around. It is\n"
     "made by Python with h5py, pandas, PyYAML and plotly (HOTTUNE_PYTHON names another Python than python3). With\n"
     "--dir and --study together: the run of that directory, out of that study. docs/report.md tells what each part says.",
     "hottune --dir runs/exp1 report --out report.html", false},
    {"set", ht_verb_set, "PATH=VALUE ...", 1, -1, NULL, "Ask a live run to change its recipe",
     "All paths of one command are set, or none. Once the run has begun, path and value are checked at once.",
     "hottune --dir runs/exp1 set acceptance.epsilon=0.002", false},
    {"freeze", ht_verb_freeze, "", 0, 0, freeze_options, "Lock a run, or let recorded operations drive it",
     "prod: nothing new is proposed and commands are refused. off: everything passes again.",
     "hottune --dir runs/exp1 freeze --mode prod", false},
    {"export-recipe", ht_verb_export_recipe, "", 0, 0, export_recipe_options,
     "Write the recipe of a run, evolved by what the run learned", "",
     "hottune --dir runs/exp1 export-recipe --out next.yaml", false},
    {"recipe validate", ht_verb_recipe_validate, "[FILE]", 0, 1, recipe_options,
     "Check a tune recipe or an operation recipe",
     "Without FILE: the recipe that a run in the directory would take.",
     "hottune recipe validate my_recipe.yaml", false},
    {"recipe show", ht_verb_recipe_show, "[FILE]", 0, 1, recipe_options,
     "Print a recipe with all its defaults",
     "Without FILE: the recipe that a run in the directory would take.", "hottune recipe show my_recipe.yaml",
     false},
    {"recipe doc", ht_verb_recipe_doc, "", 0, 0, NULL, "Print the manual of every field of a recipe", "",
     "hottune recipe doc > recipe.md", false},
    {"recipe diff", ht_verb_recipe_diff, "FILE FILE", 2, 2, NULL,
     "Print the values that differ between two recipes",
     "Of an evolved recipe also on what evidence: the runs that went in since the first, the best result before and now,\n"
     "and for each prior its observations and its effective sample size (older runs count less).", "hottune recipe diff base.yaml evolved.yaml",
     false},
    {"recipe evolve", ht_verb_recipe_evolve, "SOURCE ...", 1, -1, evolve_options,
     "Evolve a recipe by what finished runs learned",
     "A SOURCE is a run directory, a summary (hotcb.tune.summary.json) or a study (study.h5). Several are read at a time. A run\n"
     "counts once, whatever names it, and runs count in the order in which they started.",
     "hottune recipe evolve --base base.yaml --out next.yaml runs/*/study.h5", false},
    {"recipe export", ht_verb_recipe_export, "", 0, 0, operations_options,
     "Write what happened to a run as an operation recipe",
     "The commands that were applied, and each mutation of one replica that stayed in force; of a pooled run with\n"
     "--schedule instead the values of the knobs on the champion's way, where they change.\n"
     "A later run repeats them with: hottune freeze --mode replay --recipe FILE",
     "hottune --dir runs/exp1 recipe export --out ops.jsonl", false},
    {"study ls", ht_verb_study_ls, "FILE|DIR", 1, 1, NULL, "List the runs of a study",
     "A line a run, oldest first. Of a directory: its study.h5 and those of the directories in it. VAL and TEST are\n"
     "what the training said of its best state; GAIN is how much better VAL (without one, the best value so far) is\n"
     "than the first value. STATE is 'unknown' if an end is missing and nothing here tells whether the run lives.",
     "hottune study ls runs", false},
    {"study show", ht_verb_study_show, "FILE", 1, 1, study_show_options, "Tell what a study holds and believes",
     "The problem, its runs, where proposals lean in each family and phase, and the best run with the schedule of\n"
     "its champion. Of the file of a sweep: how its trials ended, and the best one.",
     "hottune study show runs/exp1/study.h5", false},
    {"study check", ht_verb_study_check, "FILE ...", 1, -1, NULL, "Tell whether studies and run directories are whole",
     "Reads every object and all data, checks checksums and whether the tables fit each other, and says of each\n"
     "object whether it is whole or damaged; with --quiet only what is not whole. FILE is a study, the file of a\n"
     "sweep, a champion.h5, a log, or a run directory with all of them. Logs of older versions have no checksums:\n"
     "their lines must be JSON, and the segments those of the summary and the study. Exit code: 0 whole, 1 damaged,\n"
     "2 wrong usage.",
     "hottune study check runs/exp1", false},
    {"study export", ht_verb_study_export, "FILE", 1, 1, study_export_options, "Write a study as tables",
     "A table each for runs, segments, curves and whatever else the file has. Its first columns are the run and the\n"
     "row within it, from 0: knobs, factors and readings go row by row with segments, and are joined by these two.\n"
     "CSV is RFC 4180 with a header line; what is not there is empty, and a text that begins with = + - @ gets a\n"
     "leading quote (') so that no spreadsheet takes it for a formula. JSON is one object with rows as objects and\n"
     "the texts (recipes), where infinities are texts and NaN is null. FILE may be the file of a sweep, too.",
     "hottune study export study.h5 --format csv --out tables", false},
    {"study merge", ht_verb_study_merge, "OUT IN ...", 2, -1, NULL, "Put the runs of several studies into one",
     "What is in OUT already stays. Of a run that stands in several files the most complete version is taken, so merging\n"
     "twice changes nothing. Recipe and priors are made anew of all runs. Studies of different objectives stay apart.",
     "hottune study merge all.h5 runs/*/study.h5", false},
    {"study upgrade", ht_verb_study_upgrade, "FILE ...", 1, -1, NULL, "Bring studies to the format of this version",
     "There is one version of the format so far, so it says so and changes nothing. A study that has lost its checksum,\n"
     "because another program changed it, gets a new one, if no damage is found. A study of a newer hottune is refused.",
     "hottune study upgrade runs/exp1/study.h5", false},
    {"doc", ht_verb_doc, "", 0, 0, doc_options, "Print this manual as Markdown",
     "All that it can write is made from one table, and installed by cmake --install: man hottune run.",
     "hottune doc --completion bash > hottune.bash", false},
    {NULL},
};
