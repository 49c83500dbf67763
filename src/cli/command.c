/* src/cli/command.c - the verbs that ask a live run for something: enable, disable, set.
 *
 * Each appends one command to the run directory; the run carries it out at its next safe point and says in
 * the ledger what became of it. May touch: the command file. */
#define _XOPEN_SOURCE 700 /* realpath */
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "store/run_dir.h"
#include "store/run_lock.h"

/* A command waits in its file until a run reads it, and a run that is frozen refuses it. */
static void say_who_takes_it(const ht_cli *cli, const char *dir)
{
    ht_run_sign sign;
    ht_freeze freeze;
    if (ht_run_lock_look(dir, &sign, NULL) == HT_OK && sign.life != HT_RUN_LIVES)
        ht_cli_say(cli, "no run lives in '%s': the next one that starts there takes it\n", dir);
    ht_freeze_read(dir, &freeze, NULL);
    if (freeze.mode != HT_FREEZE_OFF)
        ht_cli_say(cli, "the run is frozen (%s) and refuses commands; 'hottune freeze --mode off' lets them pass "
                   "again\n", ht_freeze_mode_text(freeze.mode));
}

ht_status ht_command_ask(const char *dir, const char *op, cJSON *params, cJSON **sent, ht_error *err)
{
    cJSON *command = cJSON_CreateObject();
    ht_json_put_text(command, "module", "tune");
    ht_json_put_text(command, "op", op);
    ht_json_put(command, "params", params);
    ht_status st = ht_command_send(dir, command, err);
    if (st == HT_OK && sent != NULL)
        *sent = command;
    else
        cJSON_Delete(command);
    return st;
}

/* Takes `params`. */
static int queue(const ht_cli *cli, const char *dir, const char *op, cJSON *params)
{
    ht_error err = {""};
    cJSON *command = NULL;
    ht_status st = ht_command_ask(dir, op, params, &command, &err);
    if (st != HT_OK)
        return ht_cli_fail_status(cli, st, &err);
    ht_cli_say(cli, "queued tune %s\n", op);
    say_who_takes_it(cli, dir);
    ht_cli_print_json(cli, command);
    return HT_EXIT_DONE;
}

int ht_verb_enable(const ht_cli *cli, const ht_args *args)
{
    const char *dir = NULL, *mode = ht_args_text(args, "mode"), *replay = ht_args_text(args, "replay");
    char *log = NULL;
    int code = ht_cli_check_mode(cli, mode, replay);
    if (code == HT_EXIT_DONE)
        code = ht_cli_dir(cli, &dir);
    if (code != HT_EXIT_DONE)
        return code;
    if (replay != NULL && (log = realpath(replay, NULL)) == NULL) /* the run may have another directory */
        return ht_cli_fail(cli, HT_EXIT_USAGE, "--replay: '%s': there is no such file", replay);
    cJSON *params = cJSON_CreateObject();
    ht_json_put_text(params, "mode", mode != NULL ? mode : "active");
    if (log != NULL)
        ht_json_put_text(params, "replay_path", log);
    free(log);
    return queue(cli, dir, "enable", params);
}

int ht_verb_disable(const ht_cli *cli, const ht_args *args)
{
    (void)args;
    const char *dir = NULL;
    int code = ht_cli_dir(cli, &dir);
    return code == HT_EXIT_DONE ? queue(cli, dir, "disable", cJSON_CreateObject()) : code;
}

/* All words "key=value" as one object; a key that comes twice keeps its last value. */
static ht_status read_words(const ht_args *args, cJSON *params, ht_error *err)
{
    for (size_t i = 0; i < args->n_words; i++) {
        char *key = NULL;
        cJSON *value = NULL;
        HT_TRY(ht_word_parse(args->words[i], &key, &value, err));
        cJSON_DeleteItemFromObjectCaseSensitive(params, key);
        ht_json_put(params, key, value);
        free(key);
    }
    return HT_OK;
}

/* A run that is on, or was, left its effective recipe: what it would refuse is refused here, at once. */
static ht_status check_against_recipe(const char *dir, const cJSON *params, ht_error *err)
{
    ht_recipe *recipe = NULL;
    char *path = ht_path_join(dir, HT_FILE_EFFECTIVE);
    ht_status st = HT_OK;
    if (path == NULL)
        return ht_fail(err, HT_ENOMEM, "out of memory");
    if (!ht_file_look(path).exists)
        goto done;
    st = ht_recipe_load(path, &recipe, err);
    if (st == HT_OK)
        st = ht_recipe_set(recipe, params, err);
done:
    ht_recipe_destroy(recipe);
    free(path);
    return st;
}

int ht_verb_set(const ht_cli *cli, const ht_args *args)
{
    const char *dir = NULL;
    ht_error err = {""};
    int code = ht_cli_dir(cli, &dir);
    if (code != HT_EXIT_DONE)
        return code;
    cJSON *params = cJSON_CreateObject();
    ht_status st = read_words(args, params, &err);
    if (st == HT_OK)
        st = check_against_recipe(dir, params, &err);
    if (st == HT_OK)
        return queue(cli, dir, "set", params);
    cJSON_Delete(params);
    return ht_cli_fail_status(cli, st, &err);
}
