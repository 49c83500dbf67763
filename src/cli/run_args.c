/* src/cli/run_args.c - the options of a run to a text and back; the contract is in run_args.h. */
#include "cli/run_args.h"

#include <stdlib.h>
#include <string.h>

/* What belongs to one start and not to the run. */
static bool is_of_one_start(const char *name)
{
    static const char *const names[] = {"dir", "json", "quiet", "help", "version", "resume", "new", "compare", "time-limit",
                                        "json-lines", "progress"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static cJSON *list_of(const ht_args *args)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < args->n_words; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(args->words[i]));
    return list;
}

char *ht_run_args_to_text(const ht_args *args)
{
    cJSON *o = cJSON_CreateObject(), *options = cJSON_CreateObject();
    if (args->separated)
        ht_json_put(o, "command", list_of(args));
    else
        ht_json_put_text(o, "workload", args->words[0]);
    for (size_t i = 0; i < args->n_options; i++) {
        const ht_option *option = args->options[i];
        if (args->values[i] == NULL || is_of_one_start(option->name))
            continue;
        if (option->value != NULL)
            ht_json_put_text(options, option->name, args->values[i]);
        else
            ht_json_put_bool(options, option->name, true);
    }
    ht_json_put(o, "options", options);
    char *text = ht_json_line(o);
    cJSON_Delete(o);
    return text;
}

void ht_run_args_free(int argc, char **argv)
{
    for (int i = 0; argv != NULL && i < argc; i++)
        free(argv[i]);
    free(argv);
}

static char *word_of(const cJSON *option)
{
    ht_string s = {0};
    ht_string_add(&s, "--%s", option->string);
    if (cJSON_IsString(option))
        ht_string_add(&s, "=%s", option->valuestring);
    return ht_string_take(&s);
}

/* What is trained: a workload, or a command behind --. @return words added */
static int put_subject(const cJSON *o, char **words)
{
    const cJSON *command = ht_json_member(o, "command"), *word;
    int n = 0;
    words[n++] = strdup(command != NULL ? "--" : ht_json_text(o, "workload"));
    cJSON_ArrayForEach(word, command)
        words[n++] = strdup(cJSON_IsString(word) ? word->valuestring : "");
    return n;
}

ht_status ht_run_args_read(const char *text, int *argc, char ***argv, ht_error *err)
{
    cJSON *o = NULL;
    HT_TRY(ht_json_parse(text, &o, NULL, err));
    const cJSON *options = ht_json_member(o, "options"), *option, *command = ht_json_member(o, "command");
    bool has_subject = cJSON_IsArray(command) ? cJSON_GetArraySize(command) > 0 : ht_json_text(o, "workload") != NULL;
    ht_status st = has_subject && cJSON_IsObject(options)
                       ? HT_OK
                       : ht_fail(err, HT_EFORMAT, "the journal does not say how the run was started: it was no hottune run");
    int n = st == HT_OK ? 3 + cJSON_GetArraySize(options) + cJSON_GetArraySize(command) : 0, at = 0;
    char **words = calloc((size_t)n + 1, sizeof *words);
    if (st == HT_OK && words != NULL) {
        words[at++] = strdup("run");
        words[at++] = strdup("--resume");
        cJSON_ArrayForEach(option, options)
            words[at++] = word_of(option);
        at += put_subject(o, words + at);
    }
    for (int i = 0; i < at && st == HT_OK; i++)
        if (words[i] == NULL)
            st = ht_fail(err, HT_ENOMEM, "no memory for the options of a run");
    if (words == NULL && st == HT_OK)
        st = ht_fail(err, HT_ENOMEM, "no memory for the options of a run");
    cJSON_Delete(o);
    if (st != HT_OK) {
        ht_run_args_free(at, words);
        return st;
    }
    *argc = at;
    *argv = words;
    return HT_OK;
}
