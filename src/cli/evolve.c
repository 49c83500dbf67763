/* src/cli/evolve.c - the verbs that carry what runs learned into the next recipe: `recipe evolve` takes any
 * number of summaries and studies, `export-recipe` takes the run of one directory.
 *
 * May touch: stdout, the output file; reads files. */
#define _XOPEN_SOURCE 700 /* realpath */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "recipe/evolve.h"
#include "store/record_json.h"
#include "store/run_dir.h"
#include "store/salvage.h"
#include "store/study.h"

/* Evidence that was collected: [n], each with its evidence owned. */
typedef struct {
    size_t n, capacity;
    ht_run_evidence *runs;
    size_t bad_lines;           /* of logs that were read */
} evidence_list;

static void list_release(evidence_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        ht_run_evidence_release(&l->runs[i]);
    free(l->runs);
}

/* Takes what the run owns, also on failure. A run that is there already counts once. */
static ht_status list_add(evidence_list *l, ht_run_evidence run, ht_error *err)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->runs[i].source, run.source) == 0) {
            ht_run_evidence_release(&run);
            return HT_OK;
        }
    if (l->n == l->capacity) {
        size_t capacity = 2 * l->capacity + 8;
        ht_run_evidence *runs = realloc(l->runs, capacity * sizeof *runs);
        if (runs == NULL) {
            ht_run_evidence_release(&run);
            return ht_fail(err, HT_ENOMEM, "out of memory");
        }
        l->runs = runs;
        l->capacity = capacity;
    }
    l->runs[l->n++] = run;
    return HT_OK;
}

/* A run is known by its id in the study, so that it counts once whatever names it; a summary that does not tell
 * it: by the file and the number there. */
static ht_status add_summary(evidence_list *l, const char *path, ht_error *err)
{
    ht_run_evidence run = {{0}};
    char *text = NULL, *whole = NULL;
    cJSON *summary = NULL;
    size_t n_text = 0;
    HT_TRY(ht_file_read(path, &text, &n_text, err));
    ht_status st = ht_json_parse(text, &summary, NULL, err);
    if (st == HT_OK)
        st = ht_summary_evidence(summary, &run.n, &run.evidence, err);
    if (st != HT_OK) {
        ht_fail_in(err, st, path);
        goto done;
    }
    st = ht_summary_lessons(summary, &run, err);
    if (st != HT_OK) {
        ht_run_evidence_release(&run);
        goto done;
    }
    const char *number = ht_json_text(summary, "run"), *id = ht_json_text(summary, "study_run");
    whole = realpath(path, NULL);
    const char *name = whole != NULL ? whole : path;
    size_t n = strlen(name), most = sizeof run.source - 24; /* the end of a long path tells more */
    if (id != NULL)
        snprintf(run.source, sizeof run.source, "%s", id);
    else
        snprintf(run.source, sizeof run.source, "%s#%.20s", n > most ? name + n - most : name,
                 number != NULL ? number : "r1");
    st = list_add(l, run, err);
done:
    free(whole);
    cJSON_Delete(summary);
    free(text);
    return st;
}

static ht_status add_study(evidence_list *l, const char *path, ht_error *err)
{
    size_t n = 0;
    ht_run_evidence *runs = NULL;
    HT_TRY(ht_study_evidence(path, &n, &runs, err));
    ht_status st = HT_OK;
    for (size_t i = 0; i < n && st == HT_OK; i++) {
        st = list_add(l, runs[i], err);
        runs[i] = (ht_run_evidence){.n = 0};    /* the list owns what it had */
    }
    ht_study_evidence_free(n, runs);
    return st;
}

static bool is_hdf5(const char *path)
{
    char head[4] = "";
    FILE *f = fopen(path, "rb");
    bool yes = f != NULL && fread(head, 1, 4, f) == 4 && memcmp(head, "\211HDF", 4) == 0;
    if (f != NULL)
        fclose(f);
    return yes;
}

static bool ends_in_h5(const char *path)
{
    size_t n = strlen(path);
    return n > 3 && strcmp(path + n - 3, ".h5") == 0;
}

static void pass_over(void *ctx, const cJSON *line)
{
    (void)ctx;
    (void)line;
}

/* Lines that the evidence of a killed run lacks. */
static void count_bad_lines(evidence_list *l, const char *dir)
{
    static const char *const names[] = {HT_FILE_MUTATIONS, HT_FILE_SEGMENTS};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t bad = 0;
        char *path = ht_path_join(dir, names[i]);
        if (path != NULL && ht_lines_each(path, pass_over, NULL, &bad, NULL) == HT_OK)
            l->bad_lines += bad + ht_lines_torn(path);
        free(path);
    }
}

/* The summary of a run that was killed is behind its logs. */
static ht_status add_directory(evidence_list *l, const char *dir, ht_error *err)
{
    ht_run_sign sign;
    ht_run_evidence run;
    HT_TRY(ht_run_lock_look(dir, &sign, err));
    if (sign.life == HT_RUN_KILLED && sign.run > 0 && sign.study_run[0] != '\0') {
        HT_TRY(ht_salvage_evidence(dir, &sign, &run, err));
        count_bad_lines(l, dir);
        return list_add(l, run, err);
    }
    char *summary = ht_path_join(dir, HT_FILE_SUMMARY);
    ht_status st = summary != NULL ? add_summary(l, summary, err) : ht_fail(err, HT_ENOMEM, "out of memory");
    free(summary);
    return st;
}

/* A run directory, a summary or a study. */
static ht_status add_source(evidence_list *l, const char *path, ht_error *err)
{
    struct stat s;
    if (stat(path, &s) == 0 && S_ISDIR(s.st_mode))
        return add_directory(l, path, err);
    return is_hdf5(path) || ends_in_h5(path) ? add_study(l, path, err) : add_summary(l, path, err);
}

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
        fputs(ht_string_peek(&text), stdout);
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

static int evolve(const ht_cli *cli, const ht_args *args, const ht_recipe *base, const evidence_list *l,
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
    evidence_list l = {0};
    ht_recipe *base = NULL;
    ht_error err = {""};
    const char *base_path = ht_args_text(args, "base");
    if (base_path == NULL)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "recipe evolve: --base is missing; name the recipe to evolve");
    ht_status st = ht_recipe_load(base_path, &base, &err);
    for (size_t i = 0; i < args->n_words && st == HT_OK; i++)
        st = add_source(&l, args->words[i], &err);
    if (st == HT_OK && l.bad_lines > 0)
        ht_cli_fail(cli, HT_EXIT_DONE, "warning: %zu lines of the logs of killed runs cannot be read; 'hottune study check' "
                    "names them", l.bad_lines);
    int code = st == HT_OK ? evolve(cli, args, base, &l, ht_args_text(args, "out"))
                           : ht_cli_fail_status(cli, st, &err);
    list_release(&l);
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
    evidence_list l = {0};
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
    st = add_summary(&l, summary, &err);
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
    list_release(&l);
    ht_recipe_destroy(base);
    free(out);
    free(summary);
    return code;
}
