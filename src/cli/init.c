/* src/cli/init.c - the verb `init`: a run directory with its empty files. What is there stays as it is.
 *
 * May touch: files of the run directory. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "store/run_dir.h"

static const struct {
    const char *name, *content;
} files[] = {
    {HT_FILE_CONFIG, "version: 1\n"},
    {HT_FILE_COMMANDS, ""},
    {HT_FILE_APPLIED, ""},
    {HT_FILE_OPLIST, ""},
    {HT_FILE_FREEZE, "{\"mode\": \"off\", \"recipe_path\": null, \"adjust_path\": null, "
                     "\"policy\": \"best_effort\", \"step_offset\": 0}\n"},
};

static int make(const ht_cli *cli, const char *dir, const char *name, const char *content, cJSON *made)
{
    char *path = NULL;
    ht_error err = {""};
    int code = ht_cli_path(cli, dir, name, &path);
    if (code != HT_EXIT_DONE)
        return code;
    const char *what = ht_file_look(path).exists ? "Exists" : content[0] != 0 ? "Wrote" : "Created";
    if (strcmp(what, "Exists") != 0) {
        ht_status st = ht_file_replace(path, content, strlen(content), &err);
        if (st != HT_OK)
            code = ht_cli_fail_status(cli, st, &err);
    }
    if (code == HT_EXIT_DONE) {
        ht_cli_say(cli, "%s: %s\n", what, path);
        ht_json_put_text(made, path, what);
    }
    free(path);
    return code;
}

int ht_verb_init(const ht_cli *cli, const ht_args *args)
{
    (void)args;
    const char *dir = cli->dir != NULL ? cli->dir : ".";
    int code = ht_cli_make_dir(cli, dir);
    cJSON *made = cJSON_CreateObject();
    for (size_t i = 0; code == HT_EXIT_DONE && i < sizeof files / sizeof *files; i++)
        code = make(cli, dir, files[i].name, files[i].content, made);
    if (code != HT_EXIT_DONE) {
        cJSON_Delete(made);
        return code;
    }
    ht_cli_print_json(cli, made);
    return code;
}
