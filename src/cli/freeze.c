/* src/cli/freeze.c - the verb `freeze`: locks a run, or lets a recorded list of operations drive it.
 *
 * May touch: the freeze file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "store/run_dir.h"

static int read_mode(const ht_cli *cli, const char *text, ht_freeze_mode *out)
{
    static const char *const modes[] = {"off", "prod", "replay", "replay_adjusted"};
    if (text == NULL)
        return ht_cli_fail(cli, HT_EXIT_USAGE,
                           "--mode is missing; it is one of off, prod, replay, replay_adjusted");
    if (ht_freeze_mode_parse(text, out))
        return HT_EXIT_DONE;
    const char *near = ht_nearest(text, modes, sizeof modes / sizeof *modes);
    if (near != NULL)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "--mode: '%s' is no freeze mode; nearest is '%s'", text, near);
    return ht_cli_fail(cli, HT_EXIT_USAGE,
                       "--mode: '%s' is no freeze mode; it is one of off, prod, replay, "
                       "replay_adjusted",
                       text);
}

static int read_path(const ht_cli *cli, const ht_args *args, const char *option, char *out, size_t size)
{
    const char *text = ht_args_text(args, option);
    if (text != NULL && (size_t)snprintf(out, size, "%s", text) >= size)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "--%s: the path is longer than %zu bytes", option, size - 1);
    return HT_EXIT_DONE;
}

static int read_policy(const ht_cli *cli, const char *text, bool *strict)
{
    *strict = text != NULL && strcmp(text, "strict") == 0;
    if (text == NULL || *strict || strcmp(text, "best_effort") == 0)
        return HT_EXIT_DONE;
    return ht_cli_fail(cli, HT_EXIT_USAGE, "--policy: '%s' is no policy; it is best_effort or strict", text);
}

int ht_verb_freeze(const ht_cli *cli, const ht_args *args)
{
    ht_freeze f = {HT_FREEZE_OFF};
    ht_error err = {""};
    const char *dir = NULL;
    char *path = NULL;
    int code = read_mode(cli, ht_args_text(args, "mode"), &f.mode);
    if (code == HT_EXIT_DONE)
        code = read_path(cli, args, "recipe", f.recipe_path, sizeof f.recipe_path);
    if (code == HT_EXIT_DONE)
        code = read_path(cli, args, "adjust", f.adjust_path, sizeof f.adjust_path);
    if (code == HT_EXIT_DONE)
        code = read_policy(cli, ht_args_text(args, "policy"), &f.strict);
    if (code != HT_EXIT_DONE)
        return code;
    ht_status st = ht_args_int(args, "step-offset", -1000000000000, 1000000000000, &f.step_offset, &err);
    if (st != HT_OK)
        return ht_cli_fail_status(cli, st, &err);
    if ((code = ht_cli_dir(cli, &dir)) != HT_EXIT_DONE)
        return code;
    if ((st = ht_freeze_write(dir, &f, &err)) != HT_OK)
        return ht_cli_fail_status(cli, st, &err);
    if ((code = ht_cli_path(cli, dir, HT_FILE_FREEZE, &path)) != HT_EXIT_DONE)
        return code;
    ht_cli_say(cli, "Wrote freeze state -> %s\n", path);
    cJSON *shown = cJSON_CreateObject();
    ht_json_put_text(shown, "path", path);
    ht_json_put_text(shown, "mode", ht_freeze_mode_text(f.mode));
    ht_cli_print_json(cli, shown);
    free(path);
    return HT_EXIT_DONE;
}
