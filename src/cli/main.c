/* src/cli/main.c - the program `hottune`: the way from the command line to a verb (verbs.c).
 *
 * The verbs that work on recipes and run directories use internal headers of the recipe and the store; `run` uses the public
 * header like any other program. May touch: argv, stdout, stderr, MPI (around the verbs that run on ranks). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <mpi.h>

#include <hottune/version.h>

#include "cli/cli.h"
#include "cli/leave.h"
#include "comm/clock.h"
#include "workload/blas.h"

/* ---- from the command line to a verb -------------------------------------------------------- */

/* Index of the first word, past common options and their values; argc if there is none. */
static int first_word(int argc, char **argv, int from)
{
    for (int i = from; i < argc; i++) {
        if (argv[i][0] != '-')
            return i;
        for (const ht_option *o = ht_common_options; o->name != NULL; o++)
            if (o->value != NULL && strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, o->name) == 0)
                i++;
    }
    return argc;
}

static void drop(int *argc, char **argv, int at)
{
    memmove(argv + at, argv + at + 1, (size_t)(*argc - at) * sizeof *argv);
    --*argc;
}

/* `name` is `word` or, with `next`, both with a blank between them. */
static bool is_name(const char *name, const char *word, const char *next)
{
    size_t n = strlen(word);
    if (strncmp(name, word, n) != 0)
        return false;
    return next == NULL ? name[n] == 0 : name[n] == ' ' && strcmp(name + n + 1, next) == 0;
}

static const ht_verb *find(const char *word, const char *next)
{
    for (const ht_verb *v = ht_verbs; v->name != NULL; v++)
        if (is_name(v->name, word, next))
            return v;
    return NULL;
}

/* `word` is the first of a verb's two words. */
static bool is_family(const char *word)
{
    size_t n = strlen(word);
    for (const ht_verb *v = ht_verbs; v->name != NULL; v++)
        if (strncmp(v->name, word, n) == 0 && v->name[n] == ' ')
            return true;
    return false;
}

static int refuse_verb(const ht_cli *cli, const char *word, const char *next)
{
    const char *names[64];
    char given[128];
    size_t n = 0;
    for (; ht_verbs[n].name != NULL && n < sizeof names / sizeof *names; n++)
        names[n] = ht_verbs[n].name;
    snprintf(given, sizeof given, "%.60s%s%.60s", word, next[0] != 0 ? " " : "", next);
    const char *near = ht_nearest(given, names, n);
    if (near != NULL)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "unknown verb '%s'; nearest is '%s'", given, near);
    return ht_cli_fail(cli, HT_EXIT_USAGE, "unknown verb '%s'; hottune --help lists the verbs", given);
}

static bool asks_for(int argc, char **argv, const char *option)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], option) == 0)
            return true;
    return false;
}

/* No verb to be found: help or version were asked for, or something is wrong. */
static int without_verb(const ht_cli *cli, int argc, char **argv)
{
    ht_args args;
    ht_error err = {""};
    ht_status st = ht_args_parse(ht_common_options, NULL, argc, argv, &args, &err);
    if (st != HT_OK)
        return ht_cli_fail_status(cli, st, &err);
    if (ht_args_has(&args, "version"))
        printf("hottune %s\n", ht_version());
    else if (ht_args_has(&args, "help"))
        ht_help_program();
    else
        return ht_cli_fail(cli, HT_EXIT_USAGE, "the verb is missing; hottune --help lists the verbs");
    return HT_EXIT_DONE;
}

static int run_verb(ht_cli *cli, const ht_verb *verb, int argc, char **argv)
{
    ht_args args;
    ht_error err = {""};
    ht_status st = ht_args_parse(ht_common_options, verb->options, argc, argv, &args, &err);
    if (st != HT_OK)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "%s: %s", verb->name, err.text);
    cli->dir = ht_args_text(&args, "dir");
    cli->json = ht_args_has(&args, "json");
    cli->quiet = ht_args_has(&args, "quiet");
    if (ht_args_has(&args, "help")) {
        if (!cli->muted)
            ht_help_verb(verb);
        return HT_EXIT_DONE;
    }
    if (args.n_words < (size_t)verb->min_words)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "%s: too few words; usage: hottune %s %s", verb->name,
                           verb->name, verb->words);
    if (verb->max_words >= 0 && args.n_words > (size_t)verb->max_words)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "%s: '%s' is one word too many; usage: hottune %s%s%s",
                           verb->name, args.words[verb->max_words], verb->name,
                           verb->words[0] != 0 ? " " : "", verb->words);
    return verb->handler(cli, &args);
}

/* On ranks, one of them talks. */
static int run_parallel(ht_cli *cli, const ht_verb *verb, int argc, char **argv)
{
    int rank = 0;
    if (verb->handler == ht_verb_run || verb->handler == ht_verb_resume)
        ht_leave_on_signals();
    MPI_Init(NULL, NULL);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    cli->muted = rank != 0;
    int code = run_verb(cli, verb, argc, argv);
    fflush(stdout);
    MPI_Finalize();
    return code;
}

static int dispatch(ht_cli *cli, int argc, char **argv)
{
    int at = first_word(argc, argv, 1);
    if (at < argc && strcmp(argv[at], "tune") == 0) {
        cli->tune_word = true;
        drop(&argc, argv, at);
        at = first_word(argc, argv, at);
    }
    if (at == argc)
        return without_verb(cli, argc, argv);
    const char *word = argv[at], *next = at + 1 < argc && argv[at + 1][0] != '-' ? argv[at + 1] : "";
    bool family = is_family(word);
    const ht_verb *verb = find(word, family ? next : NULL);
    if (verb == NULL && family && next[0] == 0 && asks_for(argc, argv, "--help")) {
        ht_help_family(word);
        return HT_EXIT_DONE;
    }
    if (verb == NULL && family && next[0] == 0)
        return ht_cli_fail(cli, HT_EXIT_USAGE,
                           "%s: the second word is missing; hottune %s --help lists the verbs", word, word);
    if (verb == NULL)
        return refuse_verb(cli, word, family ? next : "");
    drop(&argc, argv, at);
    if (family)
        drop(&argc, argv, at);
    return verb->parallel ? run_parallel(cli, verb, argc, argv) : run_verb(cli, verb, argc, argv);
}

int main(int argc, char **argv)
{
    ht_cli cli = {.began = ht_clock_wall()};
    ht_blas_choose_kernels(argv);
    int code = dispatch(&cli, argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout))
        return ht_cli_fail(&cli, HT_EXIT_FAILED, "cannot write to standard output: %s", strerror(errno));
    return code;
}
