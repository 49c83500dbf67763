/* src/cli/resume.c - the verb `resume`: goes on with the unfinished run of a directory, with the options that it was
 * started with, which its journal has. Rank 0 reads them; all ranks then do what `run --resume` does. */
#include <stdlib.h>
#include <string.h>

#include "cli/ranks.h"
#include "cli/run_args.h"
#include "kernel/chronicle.h"

enum { TEXT_MAX = 65536 };

static const ht_verb *run_verb(void)
{
    const ht_verb *v = ht_verbs;
    while (v->name != NULL && strcmp(v->name, "run") != 0)
        v++;
    return v;
}

static ht_status find_options(const char *dir, char *text, ht_error *err)
{
    char *start = NULL;
    cJSON *from = NULL;
    ht_status st = ht_chronicle_start(dir, &start, err);
    if (st == HT_ENOTFOUND)
        st = HT_EINVAL;
    if (st == HT_OK)
        st = ht_json_parse(start, &from, NULL, err);
    const char *program = ht_json_text(from, "program");
    if (st == HT_OK && (program == NULL || strlen(program) >= TEXT_MAX))
        st = ht_fail(err, HT_EINVAL, "the run was not started by hottune run: start its own program again");
    if (st == HT_OK)
        strcpy(text, program);
    cJSON_Delete(from);
    free(start);
    return st;
}

/* The options on every rank, in `text`. */
static int share_options(const ht_cli *cli, const ht_ranks *ranks, char *text)
{
    ht_error err = {""};
    ht_status st = ranks->rank == 0 ? find_options(cli->dir, text, &err) : HT_OK;
    int code = ht_ranks_agree(cli, ranks, ht_exit_of(st), err.text);
    if (code == HT_EXIT_DONE)
        ht_ranks_share(ranks, text, TEXT_MAX);
    return code;
}

/* What is given now counts instead of what was given then. */
static void override(ht_args *run, const ht_args *given)
{
    for (size_t i = 0; i < given->n_options; i++)
        for (size_t k = 0; given->values[i] != NULL && k < run->n_options; k++)
            if (strcmp(run->options[k]->name, given->options[i]->name) == 0)
                run->values[k] = given->values[i];
}

int ht_verb_resume(const ht_cli *cli, const ht_args *args)
{
    ht_ranks ranks = {0};
    ht_error err = {""};
    ht_args run;
    char **argv = NULL;
    int argc = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &ranks.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks.size);
    if (cli->dir == NULL)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "resume: --dir is missing: which run goes on?");
    char *text = calloc(1, TEXT_MAX);
    if (text == NULL)
        return ht_cli_fail(cli, HT_EXIT_FAILED, "out of memory");
    int code = share_options(cli, &ranks, text);
    if (code == HT_EXIT_DONE) {
        ht_status st = ht_run_args_read(text, &argc, &argv, &err);
        if (st == HT_OK)
            st = ht_args_parse(ht_common_options, run_verb()->options, argc, argv, &run, &err);
        code = st == HT_OK ? HT_EXIT_DONE : ht_cli_fail_status(cli, st, &err);
    }
    if (code == HT_EXIT_DONE) {
        override(&run, args);
        code = ht_verb_run(cli, &run);
    }
    ht_run_args_free(argc, argv);
    free(text);
    return code;
}
