/* src/cli/study.c - the verbs that make studies of studies: merge, upgrade.
 *
 * May touch: stdout, stderr; the files that are named. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/study_runs.h"
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

/* What is in OUT already stays: it is merged, too. An input that is missing is a mistake here. */
int ht_verb_study_merge(const ht_cli *cli, const ht_args *args)
{
    const char *out = args->words[0];
    ht_error err = {""};
    long long version;
    ht_status st = HT_OK;
    for (size_t i = 1; i < args->n_words && st == HT_OK; i++)
        if ((st = ht_study_check_unsealed(cli, args->words[i], &err)) == HT_OK)
            st = ht_study_version(args->words[i], &version, &err);
    if (st == HT_OK)
        st = ht_study_merge(args->n_words, (const char *const *)args->words, out, &err);
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

int ht_verb_study_upgrade(const ht_cli *cli, const ht_args *args)
{
    for (size_t i = 0; i < args->n_words; i++) {
        ht_error err = {""};
        long long version = 0;
        ht_status st = ht_study_version(args->words[i], &version, &err);
        if (st != HT_OK)
            return ht_cli_fail_status(cli, st, &err);
        cJSON *object = cJSON_CreateObject();
        ht_json_put_text(object, "study", args->words[i]);
        ht_json_put_int(object, "from", (double)version);
        ht_json_put_int(object, "to", (double)version);
        ht_cli_print_json(cli, object);
        ht_cli_say(cli, "'%s' has format version %lld, the only one there is: nothing to do\n", args->words[i], version);
    }
    return HT_EXIT_DONE;
}
