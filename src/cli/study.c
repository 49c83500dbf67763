/* src/cli/study.c - the verbs that make studies of studies: merge, upgrade.
 *
 * May touch: stdout, stderr, a child process; the files that are named. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/study_runs.h"
#include "store/seal.h"
#include "store/study.h"
#include "store/study_merge.h"

/* How many runs a study has; 0 if that cannot be read. */
static size_t count_runs(const char *path)
{
    size_t n = 0;
    ht_run_evidence *runs = NULL;
    if (ht_study_evidence(path, &n, &runs, NULL) == HT_OK)
        ht_study_evidence_free(n, runs);
    return n;
}

typedef struct {
    ht_status status;
    ht_error err;
} answer;

/* HDF5 can break down on a file without a checksum that it reads well, when it copies from it: a child does that. What
 * it publishes is whole or not there. */
static ht_status merge(size_t n, const char *const *paths, ht_error *err)
{
    int ends[2];
    answer a = {HT_EFORMAT, {""}};
    if (pipe(ends) != 0)
        return ht_fail(err, HT_EIO, "cannot make a pipe");
    pid_t child = fork();
    if (child == 0) {
        answer mine;
        memset(&mine, 0, sizeof mine);      /* its gaps are written, too */
        mine.status = ht_study_merge(n, paths, paths[0], NULL, &mine.err);
        _exit(write(ends[1], &mine, sizeof mine) == (ssize_t)sizeof mine ? 0 : 1);
    }
    close(ends[1]);
    bool told = child > 0 && read(ends[0], &a, sizeof a) == (ssize_t)sizeof a;
    close(ends[0]);
    while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    if (!told)
        return ht_fail(err, HT_EFORMAT, "one of the studies that have no checksum is damaged: HDF5 breaks down when it "
                       "copies from it; '%s' is as it was", paths[0]);
    return a.status == HT_OK ? HT_OK : ht_fail(err, a.status, "%s", a.err.text);
}

/* What is in OUT already stays: it is merged, too. An input that is missing is a mistake here. */
int ht_verb_study_merge(const ht_cli *cli, const ht_args *args)
{
    const char *out = args->words[0];
    ht_error err = {""};
    long long version;
    ht_status st = ht_study_check_unsealed(cli, out, &err);
    for (size_t i = 1; i < args->n_words && st == HT_OK; i++)
        if ((st = ht_study_check_unsealed(cli, args->words[i], &err)) == HT_OK)
            st = ht_study_version(args->words[i], &version, &err);
    if (st == HT_OK)
        st = merge(args->n_words, (const char *const *)args->words, &err);
    if (st != HT_OK)
        return ht_cli_fail_status(cli, st, &err);
    size_t runs = count_runs(out);
    cJSON *object = cJSON_CreateObject();
    ht_json_put_text(object, "study", out);
    ht_json_put_int(object, "runs", (double)runs);
    ht_cli_print_json(cli, object);
    ht_cli_say(cli, "'%s' has %zu run%s\n", out, runs, runs == 1 ? "" : "s");
    return HT_EXIT_DONE;
}

/* A study that has lost its checksum gets a new one, if it is whole as far as can be seen.
 * @param[out] sealed  whether that was done */
static ht_status seal(const ht_cli *cli, const char *path, bool *sealed, ht_error *err)
{
    ht_cli unheard = *cli;
    unheard.muted = true;
    *sealed = false;
    if (ht_seal_is_there(path))
        return HT_OK;
    HT_TRY(ht_study_check_unsealed(&unheard, path, err));
    HT_TRY(ht_seal_renew(path, err));
    *sealed = true;
    ht_cli_fail(cli, HT_EXIT_DONE,
                "warning: '%s' carried no checksum any more: another program changed it, or its end is gone; no damage was "
                "found in what is there, and it has a new one now",
                path);
    return HT_OK;
}

int ht_verb_study_upgrade(const ht_cli *cli, const ht_args *args)
{
    for (size_t i = 0; i < args->n_words; i++) {
        ht_error err = {""};
        long long version = 0;
        bool sealed = false;
        ht_status st = ht_study_version(args->words[i], &version, &err);
        if (st == HT_OK)
            st = seal(cli, args->words[i], &sealed, &err);
        if (st != HT_OK)
            return ht_cli_fail_status(cli, st, &err);
        cJSON *object = cJSON_CreateObject();
        ht_json_put_text(object, "study", args->words[i]);
        ht_json_put_int(object, "from", (double)version);
        ht_json_put_int(object, "to", (double)version);
        ht_json_put_bool(object, "sealed", sealed);
        ht_cli_print_json(cli, object);
        ht_cli_say(cli, "'%s' has format version %lld, the only one there is: %s\n", args->words[i], version,
                   sealed ? "it got a new checksum" : "nothing to do");
    }
    return HT_EXIT_DONE;
}
