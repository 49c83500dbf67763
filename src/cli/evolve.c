/* src/cli/evolve.c - the verbs that carry what runs learned into the next recipe: `recipe evolve` takes any
 * number of summaries and studies, `export-recipe` takes the run of one directory.
 *
 * May touch: stdout, the output file; reads files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/evidence.h"
#include "cli/study_runs.h"
#include "store/run_dir.h"

static ht_status read_rates(const ht_args *args, double *alpha, double *decay, ht_error *err)
{
    *alpha = 0.3;
    *decay = 0.7;
    HT_TRY(ht_args_real(args, "alpha", 0, 1, alpha, err));
    return ht_args_real(args, "decay", 0, 1, decay, err);
}

/* As JSON if the name ends in .json or, without a name, if --json was given; else as YAML. */
static int write_recipe(const ht_cli *cli, const ht_recipe *r, const char *path)
{
    ht_string text = {0};
    size_t n = path != NULL ? strlen(path) : 0;
    bool json = path != NULL ? n > 5 && strcmp(path + n - 5, ".json") == 0 : cli->json;
    if (json)
        ht_recipe_print_json(r, &text);
    else
        ht_recipe_print_yaml(r, &text);
    int code = HT_EXIT_DONE;
    if (path == NULL)
        ht_cli_print_json_text(ht_string_peek(&text)); /* in YAML nothing is left to escape */
    else
        code = ht_cli_write(cli, path, &text);
    ht_string_release(&text);
    return code;
}

/* Say what came of it. */
static void report(const ht_cli *cli, const ht_recipe *base, const ht_recipe *evolved, const char *path,
                   size_t runs)
{
    ht_string lines = {0};
    size_t changes = 0;
    if (path == NULL || ht_recipe_diff(base, evolved, &lines) != HT_OK)
        goto done;
    for (const char *s = ht_string_peek(&lines); *s != 0; s = strchr(s, '\n') + 1)
        changes += strncmp(s, "evolved.", 8) != 0;      /* where it comes from is no change */
    ht_cli_say(cli, "Wrote evolved recipe -> %s (%zu %s, %zu %s changed%s)\n", path, runs,
               runs == 1 ? "run" : "runs", changes, changes == 1 ? "value" : "values",
               changes == 0 ? ": no family of a new run won more than half of its trials" : "");
    cJSON *shown = cJSON_CreateObject();
    ht_json_put_text(shown, "path", path);
    ht_json_put_int(shown, "runs", (double)runs);
    ht_json_put_int(shown, "changes", (double)changes);
    ht_cli_print_json(cli, shown);
done:
    ht_string_release(&lines);
}

static int evolve(const ht_cli *cli, const ht_args *args, const ht_recipe *base, const ht_evidence_list *l,
                  const char *path)
{
    double alpha, decay;
    ht_recipe *evolved = NULL;
    ht_error err = {""};
    ht_status st = read_rates(args, &alpha, &decay, &err);
    if (st == HT_OK)
        st = ht_recipe_evolve(base, l->n, l->runs, alpha, decay, &evolved, &err);
    if (st != HT_OK)
        return ht_cli_fail_status(cli, st, &err);
    int code = write_recipe(cli, evolved, path);
    if (code == HT_EXIT_DONE)
        report(cli, base, evolved, path, l->n);
    ht_recipe_destroy(evolved);
    return code;
}

int ht_verb_recipe_evolve(const ht_cli *cli, const ht_args *args)
{
    ht_evidence_list l = {0};
    ht_recipe *base = NULL;
    ht_error err = {""};
    long long readers = 0;
    const char *base_path = ht_args_text(args, "base");
    if (base_path == NULL)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "recipe evolve: --base is missing; name the recipe to evolve");
    ht_status st = ht_args_int(args, "readers", 1, 16, &readers, &err);
    if (st == HT_OK)
        st = ht_recipe_load(base_path, &base, &err);
    for (size_t i = 0; i < args->n_words && st == HT_OK; i++)
        if (ht_evidence_is_study(args->words[i]))
            st = ht_study_check_unsealed(cli, args->words[i], &err);
    if (st == HT_OK)
        st = ht_evidence_gather((size_t)args->n_words, args->words, (int)readers, &l, &err);
    if (st == HT_OK && l.bad_lines > 0)
        ht_cli_fail(cli, HT_EXIT_DONE, "warning: %zu lines of the logs of killed runs are damaged or missing; 'hottune study check' "
                    "names them", l.bad_lines);
    int code = st == HT_OK ? evolve(cli, args, base, &l, ht_args_text(args, "out"))
                           : ht_cli_fail_status(cli, st, &err);
    ht_evidence_list_release(&l);
    ht_recipe_destroy(base);
    return code;
}

/* The recipe in force in a run: the effective one, else the one that a run would find. */
static ht_status effective_recipe(const char *dir, ht_recipe **out, ht_error *err)
{
    char *text = NULL, *name = NULL, *path = ht_path_join(dir, HT_FILE_EFFECTIVE);
    bool found = false;
    if (path == NULL)
        return ht_fail(err, HT_ENOMEM, "out of memory");
    ht_status st = ht_recipe_load(path, out, err);
    free(path);
    if (st != HT_ENOTFOUND)
        return st;
    st = ht_run_dir_recipe(dir, NULL, &text, &name, &found, err);
    if (st == HT_OK)
        st = ht_recipe_parse(text, name, out, err);
    free(name);
    free(text);
    return st;
}

int ht_verb_export_recipe(const ht_cli *cli, const ht_args *args)
{
    ht_evidence_list l = {0};
    ht_recipe *base = NULL;
    char *summary = NULL, *out = NULL;
    const char *dir = NULL, *path = ht_args_text(args, "out");
    ht_error err = {""};
    ht_status st = HT_OK;
    int code = ht_cli_dir(cli, &dir);
    if (code == HT_EXIT_DONE)
        code = ht_cli_path(cli, dir, HT_FILE_SUMMARY, &summary);
    if (code == HT_EXIT_DONE)
        code = ht_cli_path(cli, dir, HT_FILE_EVOLVED, &out);
    if (code != HT_EXIT_DONE)
        goto done;
    st = ht_evidence_gather(1, &summary, 1, &l, &err);
    if (st == HT_ENOTFOUND) {
        code = ht_cli_fail(cli, HT_EXIT_FAILED,
                           "export-recipe: '%s' has no tune summary; a run with tuning on "
                           "writes one",
                           dir);
        goto done;
    }
    if (st == HT_OK)
        st = effective_recipe(dir, &base, &err);
    code = st == HT_OK ? evolve(cli, args, base, &l, path != NULL ? path : out)
                       : ht_cli_fail_status(cli, st, &err);
done:
    ht_evidence_list_release(&l);
    ht_recipe_destroy(base);
    free(out);
    free(summary);
    return code;
}
