/* src/cli/resume.c - the verb `resume`: goes on with the unfinished run of a directory, with the options that it was
 * started with. Rank 0 reads them; all ranks then do what `run --resume` does. */
#include <stdlib.h>
#include <string.h>

#include "cli/ranks.h"
#include "cli/run_args.h"
#include "store/run_dir.h"

enum { TEXT_MAX = 65536 };

static const ht_verb *run_verb(void)
{
    const ht_verb *v = ht_verbs;
    while (v->name != NULL && strcmp(v->name, "run") != 0)
        v++;
    return v;
}

/* The options on every rank, in `text`. */
static int share_options(const ht_cli *cli, const ht_ranks *ranks, char *text)
{
    ht_error err = {""};
    ht_status st = HT_OK;
    if (ranks->rank == 0) {
        char *path = ht_path_join(cli->dir, HT_FILE_RUN), *found = NULL;
        st = path != NULL ? ht_file_read(path, &found, NULL, &err) : ht_fail(&err, HT_ENOMEM, "no memory for a path");
        if (st == HT_ENOTFOUND)
            ht_fail(&err, HT_EINVAL, "'%s': no run was started here by hottune run", cli->dir);
        else if (st == HT_OK && strlen(found) >= TEXT_MAX)
            st = ht_fail(&err, HT_EFORMAT, "'%s' is longer than any command line", path);
        else if (st == HT_OK)
            strcpy(text, found);
        free(found);
        free(path);
    }
    int code = ht_ranks_agree(cli, ranks, st == HT_ENOTFOUND ? HT_EXIT_USAGE : ht_exit_of(st), err.text);
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
