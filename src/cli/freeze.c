/* src/cli/freeze.c - the verb `freeze`: locks a run, or lets a recorded list of operations drive it.
 *
 * May touch: the freeze file; reads the files that it names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "store/run_dir.h"
#include "tune/oplist.h"

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

/* What the run will read is looked for at once, since the run could say so in its log only. */
static int check_file(const ht_cli *cli, const char *dir, const char *option, const char *name, bool is_list)
{
    char *path = NULL, *text = NULL;
    ht_oplist *list = NULL;
    ht_error err = {""};
    if (name[0] == '\0')
        return HT_EXIT_DONE;
    int code = ht_cli_path(cli, dir, name, &path);
    if (code != HT_EXIT_DONE)
        return code;
    ht_status st = ht_file_read(path, &text, NULL, &err);
    if (st != HT_OK)
        code = ht_cli_fail(cli, ht_exit_of(st), "--%s: %s%s", option, err.text,
                           name[0] == '/' ? "" : "; a relative path counts from the run directory");
    else if (is_list && (st = ht_oplist_parse(text, NULL, 0, &list, &err)) != HT_OK)
        code = ht_cli_fail(cli, ht_exit_of(st), "--%s: %s: %s", option, path, err.text);
    ht_oplist_destroy(list);
    free(text);
    free(path);
    return code;
}

static int check_files(const ht_cli *cli, const char *dir, const ht_freeze *f)
{
    bool replays = f->mode == HT_FREEZE_REPLAY || f->mode == HT_FREEZE_REPLAY_ADJUSTED;
    if (!replays)
        return HT_EXIT_DONE;
    if (f->recipe_path[0] == '\0')
        return ht_cli_fail(cli, HT_EXIT_USAGE, "--mode %s: no operation recipe is given; add --recipe FILE",
                           ht_freeze_mode_text(f->mode));
    int code = check_file(cli, dir, "recipe", f->recipe_path, true);
    return code == HT_EXIT_DONE ? check_file(cli, dir, "adjust", f->adjust_path, false) : code;
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
    if ((code = check_files(cli, dir, &f)) != HT_EXIT_DONE)
        return code;
    if ((st = ht_freeze_write(dir, &f, NULL, &err)) != HT_OK)
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
