/* src/cli/recipe.c - the verbs that look at recipes: validate, show, doc, diff.
 *
 * `validate` takes a tune recipe, or an operation recipe (JSON lines) as `recipe export` writes it.
 * May touch: stdout, stderr; reads files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sum.h"
#include "cli/cli.h"
#include "store/run_dir.h"

/* The recipe that is meant: the word, --recipe, or the one that a run in the directory would take.
 * *text and *name are owned by the caller. */
static int find_recipe(const ht_cli *cli, const char *given, char **text, char **name)
{
    ht_error err = {""};
    const char *dir = ".";
    bool found = false;
    size_t n = 0;
    ht_status st;
    if (given != NULL) {
        st = ht_file_read(given, text, &n, &err);
        if (st != HT_OK)
            return ht_cli_fail_status(cli, st, &err);
        *name = strdup(given);
        return *name != NULL ? HT_EXIT_DONE : ht_cli_fail(cli, HT_EXIT_FAILED, "out of memory");
    }
    int code = ht_cli_dir(cli, &dir);
    if (code != HT_EXIT_DONE)
        return code;
    if ((st = ht_run_dir_recipe(dir, NULL, text, name, &found, &err)) != HT_OK)
        return ht_cli_fail_status(cli, st, &err);
    if (!found)
        return ht_cli_fail(cli, HT_EXIT_USAGE,
                           "recipe: '%s' has no %s; name a recipe file, or --dir of a run", dir,
                           HT_FILE_RECIPE);
    return HT_EXIT_DONE;
}

static const char *given_path(const ht_args *args)
{
    return args->n_words > 0 ? args->words[0] : ht_args_text(args, "recipe");
}

/* The next line of *rest, without its line feed; NULL at the end. Cuts the text. */
static char *next_line(char **rest)
{
    char *line = *rest;
    if (line == NULL || *line == 0)
        return NULL;
    size_t n = strcspn(line, "\n");
    *rest = line[n] != 0 ? line + n + 1 : NULL;
    line[n] = 0;
    return line;
}

/* ---- validate ------------------------------------------------------------------------------- */

/* JSON lines: the name says so, or the first line alone is an object that speaks of an operation. */
static bool is_operation_list(const char *name, const char *text)
{
    size_t n = strlen(name), line = strcspn(text, "\n");
    if (n > 6 && strcmp(name + n - 6, ".jsonl") == 0)
        return true;
    cJSON *first = cJSON_ParseWithLength(text, line);
    bool yes = ht_json_member(first, "at") != NULL || ht_json_member(first, "op") != NULL;
    cJSON_Delete(first);
    return yes;
}

/* Why an entry of an operation list is wrong; NULL = it is not. */
static const char *entry_fault(const cJSON *entry)
{
    static const char *const modules[] = {"core", "cb", "opt", "loss", "tune"};
    const cJSON *at = ht_json_member(entry, "at");
    const char *module = ht_json_text(entry, "module");
    if (!cJSON_IsObject(entry))
        return "this is no JSON object";
    if (!cJSON_IsObject(at))
        return "at: missing; write {\"at\": {\"step\": 0}, ..}";
    if (!cJSON_IsNumber(ht_json_member(at, "step")))
        return "at.step: missing, or no number";
    if (ht_json_text(entry, "op") == NULL)
        return "op: missing, or no text";
    if (module == NULL)
        return "module: missing, or no text";
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if (strcmp(module, modules[i]) == 0)
            return NULL;
    return "module: unknown; it is one of core, cb, opt, loss, tune";
}

/* What `recipe export` wrote has checksums and counts on. Entries may be taken out; one that is changed loses its sum.
 * @param[in,out] last  number of the entry before */
static const char *sum_fault(const char *text, size_t n, unsigned long *last)
{
    unsigned long number;
    if (ht_sum_look(text, n, &number) == HT_SUM_WRONG)
        return "its checksum is wrong: it is damaged; or, if it was changed on purpose, remove its member \"sum\"";
    if (number > 0 && number <= *last)
        return "is there twice, by its checksum";
    *last = number > 0 ? number : *last;
    return NULL;
}

static size_t operation_faults(const char *text, const char *name, ht_string *faults)
{
    size_t entries = 0;
    unsigned long last = 0;
    for (int line = 1; *text != 0; line++) {
        size_t n = strcspn(text, "\n");
        if (strspn(text, " \t\r") < n) {
            cJSON *entry = cJSON_ParseWithLength(text, n);
            const char *fault = entry_fault(entry);
            if (fault == NULL)
                fault = sum_fault(text, n, &last);
            if (fault != NULL)
                ht_string_add(faults, "%s:%d: %s\n", name, line, fault);
            cJSON_Delete(entry);
            entries++;
        }
        text += n + (text[n] != 0);
    }
    return entries;
}

static size_t count_families(const char *text)
{
    size_t n = 0;
    ht_recipe *r = NULL;
    if (ht_recipe_parse(text, "", &r, NULL) == HT_OK)
        for (size_t i = 0; i < r->n_actuators; i++)
            n += r->actuators[i].n_families;
    ht_recipe_destroy(r);
    return n;
}

/* Faults one a line on stderr; with --json as a list on stdout. */
static void print_faults(const ht_cli *cli, const char *name, char *faults)
{
    cJSON *list = cJSON_CreateArray(), *object = cJSON_CreateObject();
    for (char *line; (line = next_line(&faults)) != NULL;) {
        cJSON_AddItemToArray(list, cJSON_CreateString(line));
        ht_cli_fail(cli, HT_EXIT_USAGE, "%s", line);
    }
    ht_json_put_text(object, "recipe", name);
    ht_json_put_bool(object, "valid", cJSON_GetArraySize(list) == 0);
    ht_json_put(object, "faults", list);
    ht_cli_print_json(cli, object);
}

int ht_verb_recipe_validate(const ht_cli *cli, const ht_args *args)
{
    char *text = NULL, *name = NULL;
    ht_string faults = {0};
    ht_status st = HT_OK;
    int code = find_recipe(cli, given_path(args), &text, &name);
    if (code != HT_EXIT_DONE)
        goto done;
    bool list = is_operation_list(name, text);
    size_t n = 0;
    if (list)
        n = operation_faults(text, name, &faults);
    else
        st = ht_recipe_faults(text, name, &faults);
    if (st != HT_OK || faults.failed) {
        code = ht_cli_fail(cli, HT_EXIT_FAILED, "out of memory");
        goto done;
    }
    bool valid = faults.n == 0;
    if (valid && !list)
        n = count_families(text);
    if (valid)
        ht_cli_say(cli, "Recipe %s: %zu %s, valid.\n", name, n, list ? "entries" : "families");
    print_faults(cli, name, faults.s);
    code = valid ? HT_EXIT_DONE : HT_EXIT_USAGE;
done:
    ht_string_release(&faults);
    free(name);
    free(text);
    return code;
}

/* ---- show, doc, diff ------------------------------------------------------------------------ */

int ht_verb_recipe_show(const ht_cli *cli, const ht_args *args)
{
    char *text = NULL, *name = NULL;
    ht_recipe *r = NULL;
    ht_string out = {0};
    ht_error err = {""};
    ht_status st = HT_OK;
    int code = find_recipe(cli, given_path(args), &text, &name);
    if (code != HT_EXIT_DONE)
        goto done;
    if ((st = ht_recipe_parse(text, name, &r, &err)) != HT_OK) {
        code = ht_cli_fail_status(cli, st, &err);
        goto done;
    }
    if (cli->json)
        ht_recipe_print_json(r, &out);
    else
        ht_recipe_print_yaml(r, &out);
    ht_cli_print_json_text(ht_string_peek(&out)); /* in YAML nothing is left to escape */
done:
    ht_string_release(&out);
    ht_recipe_destroy(r);
    free(name);
    free(text);
    return code;
}

int ht_verb_recipe_doc(const ht_cli *cli, const ht_args *args)
{
    (void)cli, (void)args;
    ht_string out = {0};
    ht_recipe_print_manual(&out);
    fputs(ht_string_peek(&out), stdout);
    ht_string_release(&out);
    return HT_EXIT_DONE;
}

static void print_differences(const ht_cli *cli, char *lines)
{
    cJSON *list = cJSON_CreateArray();
    for (char *line; (line = next_line(&lines)) != NULL;) {
        cJSON_AddItemToArray(list, cJSON_CreateString(line));
        if (!cli->json)
            ht_cli_print("%s\n", line);
    }
    if (cJSON_GetArraySize(list) == 0)
        ht_cli_say(cli, "no difference\n");
    ht_cli_print_json(cli, list);
}

int ht_verb_recipe_diff(const ht_cli *cli, const ht_args *args)
{
    ht_recipe *a = NULL, *b = NULL;
    ht_string lines = {0};
    ht_error err = {""};
    ht_status st = ht_recipe_load(args->words[0], &a, &err);
    if (st == HT_OK)
        st = ht_recipe_load(args->words[1], &b, &err);
    if (st == HT_OK)
        st = ht_recipe_diff(a, b, &lines);
    if (st == HT_OK)
        st = ht_recipe_diff_evidence(a, b, &lines);
    int code = st == HT_OK ? HT_EXIT_DONE : ht_cli_fail_status(cli, st, &err);
    if (st == HT_OK)
        print_differences(cli, lines.s);
    ht_string_release(&lines);
    ht_recipe_destroy(b);
    ht_recipe_destroy(a);
    return code;
}
