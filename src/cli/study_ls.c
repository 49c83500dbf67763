/* src/cli/study_ls.c - the verb `study ls`: a line for each run of a study.
 *
 * May touch: stdout; reads the files that are named. */
#include <stdio.h>

#include "base/shown.h"
#include "cli/study_runs.h"

static const char *text(const cJSON *o, const char *name)
{
    const char *found = ht_json_text(o, name);
    return found != NULL ? found : "";
}

static ht_status list_study(const ht_cli *cli, const char *path, bool first, cJSON *all, ht_error *err)
{
    ht_study_file *f = NULL;
    cJSON *root = NULL, *runs = NULL;
    HT_TRY(ht_study_open_runs(cli, path, &f, err));
    ht_status st = ht_study_file_kind(f) == HT_STUDY_SWEEP
                       ? ht_fail(err, HT_EINVAL,
                                 "'%s' is the file of a sweep, which has trials, no runs; 'hottune study "
                                 "show' and 'study export' read it",
                                 path)
                       : ht_study_attributes(f, "/", &root, err);
    if (st == HT_OK)
        st = ht_study_runs(f, &runs, err);
    ht_study_file_close(f);
    if (st == HT_OK && !cli->json) {
        int n = cJSON_GetArraySize(runs);
        ht_string line = {0};
        ht_shown_add(&line, path);
        ht_string_add(&line, ": ");
        ht_shown_add(&line, text(root, "name"));
        ht_string_add(&line, text(root, "name")[0] != '\0' ? ", " : "");
        ht_shown_add(&line, text(root, "direction"));
        ht_string_add(&line, " ");
        ht_shown_add(&line, text(root, "objective"));
        printf("%s%s, %d %s\n", first ? "" : "\n", ht_string_peek(&line), n, n == 1 ? "run" : "runs");
        ht_string_release(&line);
        if (n > 0)
            ht_study_print_runs(runs, 0);
    }
    if (st == HT_OK) {
        cJSON *o = cJSON_CreateObject();
        ht_json_put_text(o, "study", path);
        ht_json_put_text(o, "name", text(root, "name"));
        ht_json_put_text(o, "objective", text(root, "objective"));
        ht_json_put_text(o, "direction", text(root, "direction"));
        ht_json_put(o, "runs", runs);
        cJSON_AddItemToArray(all, o);
    }
    cJSON_Delete(root);
    return st;
}

int ht_verb_study_ls(const ht_cli *cli, const ht_args *args)
{
    ht_study_names paths = {0};
    ht_error err = {""};
    int code = HT_EXIT_DONE;
    ht_status st = ht_study_paths(args->words[0], &paths, &err);
    if (st != HT_OK)
        return ht_cli_fail_status(cli, st, &err);
    cJSON *all = cJSON_CreateArray();
    for (size_t i = 0; i < paths.n; i++) {
        st = list_study(cli, paths.names[i], i == 0, all, &err);
        if (st != HT_OK && paths.n > 1 && st == HT_EINVAL)
            continue; /* of a folder of runs and sweeps: the runs */
        if (st != HT_OK)
            code = ht_cli_fail_status(cli, st, &err);
    }
    ht_study_names_release(&paths);
    if (code == HT_EXIT_DONE)
        ht_cli_print_json(cli, all);
    else
        cJSON_Delete(all);
    return code;
}
