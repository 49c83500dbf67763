/* src/cli/submit_words.c - what follows the -- of `hottune submit`; the contract is in submit_plan.h.
 *
 * The words of a verb are read as the verb itself reads them, so that a mistake is told now and not in the
 * log of a job that waited for a day. Options that the script gives itself (--resume, and of campaigns
 * --seed, --study, --recipe) are taken out. May touch: the recipe or the space that is named, the file system
 * to look for programs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/submit_plan.h"
#include "recipe/recipe.h"
#include "search/space.h"
#include "store/file.h"
#include "workload/workload.h"

static int out_of_memory(const ht_cli *cli)
{
    return ht_cli_fail(cli, HT_EXIT_FAILED, "out of memory");
}

static const ht_verb *find_verb(const char *name)
{
    for (const ht_verb *v = ht_verbs; v->name != NULL; v++)
        if (strcmp(v->name, name) == 0)
            return v;
    return NULL;
}

/* @return false: no memory */
static bool keep(ht_submit_plan *p, const char *word)
{
    char **words = realloc(p->words, (p->n_words + 1) * sizeof *words);
    if (words == NULL)
        return false;
    p->words = words;
    words[p->n_words] = strdup(word);
    if (words[p->n_words] == NULL)
        return false;
    p->n_words++;
    return true;
}

/* @param value  NULL = a switch */
static bool keep_option(ht_submit_plan *p, const char *name, const char *value)
{
    ht_string option = {0};
    ht_string_add(&option, "--%s", name);
    bool fine = !option.failed && keep(p, option.s) && (value == NULL || keep(p, value));
    ht_string_release(&option);
    return fine;
}

/* ---- the options of a run --------------------------------------------------------------------- */

typedef enum { IS_GIVEN_BY_US, OF_CAMPAIGN, REFUSED } fate;

/* What becomes of the options of `run`, where they do not just stay. */
static const struct {
    const char *name;
    fate fate;
    const char *why;
} fates[] = {
    {"resume", IS_GIVEN_BY_US, ""},
    {"ranks-per-replica", IS_GIVEN_BY_US, ""},
    {"seed", OF_CAMPAIGN, ""},
    {"study", OF_CAMPAIGN, "the runs of a campaign share study.h5 in its directory"},
    {"recipe", OF_CAMPAIGN, ""},
    {"dir", REFUSED, "the directory is that of submit; write it before the word submit"},
    {"new", REFUSED, "a job that starts again would give up what it has; take another directory"},
    {"compare", REFUSED, "a job that starts again does not compare; train the default in a job of its own"},
    {"report-steps", REFUSED, "that is for one rank, and a job has several"},
    {"help", REFUSED, "ask hottune run --help"},
    {"version", REFUSED, "ask hottune --version"},
};

static size_t fate_of(const char *name)
{
    size_t i = 0;
    while (i < sizeof fates / sizeof *fates && strcmp(fates[i].name, name) != 0)
        i++;
    return i;
}

static bool stays(const ht_submit_plan *p, const char *name)
{
    size_t i = fate_of(name);
    if (i == sizeof fates / sizeof *fates)
        return true;
    if (fates[i].fate != OF_CAMPAIGN)
        return false;
    return strcmp(name, "recipe") == 0 ? p->chain == 0 : p->chain == 0 && p->array == 0;
}

static int check_options(const ht_cli *cli, const ht_args *run, const ht_submit_plan *p)
{
    for (size_t i = 0; i < run->n_options; i++) {
        size_t k = run->values[i] != NULL ? fate_of(run->options[i]->name) : sizeof fates / sizeof *fates;
        if (k < sizeof fates / sizeof *fates && fates[k].why[0] != '\0' && !stays(p, fates[k].name))
            return ht_cli_fail(cli, HT_EXIT_USAGE, "submit: run --%s: %s", fates[k].name, fates[k].why);
    }
    return HT_EXIT_DONE;
}

/* Said on one side, it counts for both. */
static int agree_on_ranks(const ht_cli *cli, const ht_args *run, ht_submit_plan *p)
{
    long long ranks = p->ranks_per_replica;
    ht_error err = {""};
    if (ht_args_int(run, "ranks-per-replica", 1, 100000, &ranks, &err) != HT_OK)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "submit: run %s", err.text);
    if (p->ranks_per_replica != 1 && ranks != p->ranks_per_replica)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "submit: --ranks-per-replica is %lld here and %lld behind run",
                           p->ranks_per_replica, ranks);
    p->ranks_per_replica = ranks;
    return HT_EXIT_DONE;
}

/* A recipe that is refused should be refused now; the text is kept where a chain begins with it. */
static int read_recipe(const ht_cli *cli, const char *path, const char *own, ht_submit_plan *p)
{
    ht_recipe *r = NULL;
    ht_error err = {""};
    ht_status st = path != NULL ? ht_recipe_load(path, &r, &err) : HT_OK;
    ht_recipe_destroy(r);
    if (st == HT_OK && p->chain > 0 && path != NULL)
        st = ht_file_read(path, &p->recipe, NULL, &err);
    else if (st == HT_OK && p->chain > 0 && (p->recipe = strdup(own)) == NULL)
        return out_of_memory(cli);
    return st == HT_OK ? HT_EXIT_DONE : ht_cli_fail_status(cli, st, &err);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

/* The command of a run stands behind a -- of its own, at the end. */
static int keep_run(const ht_cli *cli, const ht_args *run, ht_submit_plan *p)
{
    char ranks[24];
    bool fine = run->separated || keep(p, run->words[0]);
    for (size_t i = 0; i < run->n_options && fine; i++) {
        const ht_option *o = run->options[i];
        if (run->values[i] != NULL && stays(p, o->name))
            fine = keep_option(p, o->name, o->value != NULL ? run->values[i] : NULL);
    }
    snprintf(ranks, sizeof ranks, "%lld", p->ranks_per_replica);
    if (fine && p->ranks_per_replica > 1)
        fine = keep_option(p, "ranks-per-replica", ranks);
    if (run->separated)
        fine = fine && keep(p, "--");
    for (size_t i = 0; run->separated && i < run->n_words && fine; i++)
        fine = keep(p, run->words[i]);
    p->title = strdup(last_part(run->words[0]));
    return fine && p->title != NULL ? HT_EXIT_DONE : out_of_memory(cli);
}

static int check_workload(const ht_cli *cli, const ht_args *run)
{
    if (run->n_words != 1)
        return ht_cli_fail(cli, HT_EXIT_USAGE,
                           "submit: run needs one workload ('hottune workloads' lists them), or -- and a command");
    if (ht_workload_find(run->words[0]) == NULL)
        return ht_cli_fail(cli, HT_EXIT_USAGE,
                           "submit: unknown workload '%s'; 'hottune workloads' lists them", run->words[0]);
    return HT_EXIT_DONE;
}

/* It is found here as it will be there. */
static int check_command(const ht_cli *cli, const ht_args *run, const ht_submit_plan *p)
{
    char *found = run->n_words > 0 ? ht_program_find(run->words[0]) : NULL;
    bool is_there = found != NULL;
    free(found);
    if (!is_there)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "submit: run: '%s' is no program here", run->n_words > 0 ? run->words[0] : "");
    if (p->chain > 0 && ht_args_text(run, "recipe") == NULL)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "submit: a chain of a command needs run --recipe FILE: what the first "
                                               "generation begins with");
    return HT_EXIT_DONE;
}

static int read_run(const ht_cli *cli, const ht_args *run, ht_submit_plan *p)
{
    ht_error err = {""};
    int code = run->separated ? check_command(cli, run, p) : check_workload(cli, run);
    if (code != HT_EXIT_DONE)
        return code;
    if (ht_args_int(run, "seed", 0, 1LL << 52, &p->seed, &err) != HT_OK)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "submit: run %s", err.text);
    code = check_options(cli, run, p);
    if (code == HT_EXIT_DONE)
        code = agree_on_ranks(cli, run, p);
    if (code == HT_EXIT_DONE)
        code = read_recipe(cli, ht_args_text(run, "recipe"),
                           run->separated ? NULL : ht_workload_find(run->words[0])->recipe, p);
    return code == HT_EXIT_DONE ? keep_run(cli, run, p) : code;
}

/* ---- a verb, or a program --------------------------------------------------------------------- */

static int keep_all(const ht_cli *cli, size_t n, char *const *words, const char *title, ht_submit_plan *p)
{
    for (size_t i = 0; i < n; i++)
        if (!keep(p, words[i]))
            return out_of_memory(cli);
    p->title = strdup(title);
    return p->title != NULL ? HT_EXIT_DONE : out_of_memory(cli);
}

/* The options of a verb. getopt reorders what it reads: `argv` is a copy. */
static int parse(const ht_cli *cli, const ht_verb *verb, size_t n, char **argv, ht_args *out)
{
    ht_error err = {""};
    if (ht_args_parse(ht_common_options, verb->options, (int)n, argv, out, &err) != HT_OK)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "submit: %s: %s", verb->name, err.text);
    return HT_EXIT_DONE;
}

/* A space that is refused should be refused now, too. */
static int check_space(const ht_cli *cli, const char *path)
{
    char *text = NULL;
    ht_space space = {0};
    ht_error err = {""};
    ht_status st = ht_file_read(path, &text, NULL, &err);
    if (st == HT_OK)
        st = ht_space_parse(text, path, &space, &err);
    ht_space_release(&space);
    free(text);
    return st == HT_OK ? HT_EXIT_DONE : ht_cli_fail_status(cli, st, &err);
}

static int read_sweep(const ht_cli *cli, const ht_args *sweep, size_t n, char *const *words,
                      ht_submit_plan *p)
{
    if (p->array > 0 || p->chain > 0)
        return ht_cli_fail(cli, HT_EXIT_USAGE,
                           "submit: --%s is for populations, a sweep is one job; leave it out",
                           p->array > 0 ? "array" : "chain");
    if (ht_args_text(sweep, "dir") != NULL)
        return ht_cli_fail(cli, HT_EXIT_USAGE,
                           "submit: sweep --dir: the directory is that of submit; write it before the "
                           "word submit");
    if (ht_args_text(sweep, "space") == NULL || sweep->n_words == 0)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "submit: sweep needs --space FILE and, behind --, a command");
    int code = check_space(cli, ht_args_text(sweep, "space"));
    return code == HT_EXIT_DONE ? keep_all(cli, n - 1, words + 1, "a sweep", p) : code;
}

static int read_verb(const ht_cli *cli, const ht_verb *verb, size_t n, char *const *words, ht_submit_plan *p)
{
    ht_args given;
    char **argv = calloc(n + 1, sizeof *argv);
    if (argv == NULL)
        return out_of_memory(cli);
    memcpy(argv, words, n * sizeof *argv);
    int code = parse(cli, verb, n, argv, &given);
    if (code == HT_EXIT_DONE && p->kind == HT_SUBMIT_RUN)
        code = read_run(cli, &given, p);
    else if (code == HT_EXIT_DONE)
        code = read_sweep(cli, &given, n, words, p);
    free(argv);
    return code;
}

static int read_program(const ht_cli *cli, size_t n, char *const *words, ht_submit_plan *p)
{
    char *found = ht_program_find(words[0]);
    if (found == NULL)
        return ht_cli_fail(cli, HT_EXIT_USAGE,
                           "submit: '%s' is no program here and no verb that runs on ranks (run, sweep)",
                           words[0]);
    free(found);
    return keep_all(cli, n, words, last_part(words[0]), p);
}

int ht_submit_words_read(const ht_cli *cli, size_t n, char *const *words, ht_submit_plan *p)
{
    if (n == 0)
        return ht_cli_fail(cli, HT_EXIT_USAGE,
                           "submit: what is to run is missing; write it behind --: submit --replicas 8 "
                           "-- run fashion --epochs 60");
    const ht_verb *verb = find_verb(words[0]);
    p->kind = strcmp(words[0], "run") == 0     ? HT_SUBMIT_RUN
              : strcmp(words[0], "sweep") == 0 ? HT_SUBMIT_SWEEP
                                               : HT_SUBMIT_PROGRAM;
    if (p->kind != HT_SUBMIT_PROGRAM)
        return read_verb(cli, verb, n, words, p);
    if (verb != NULL)
        return ht_cli_fail(cli, HT_EXIT_USAGE,
                           "submit: the verb '%s' does not run on ranks: run and sweep do. A program of "
                           "that name: ./%s",
                           words[0], words[0]);
    return read_program(cli, n, words, p);
}
