/* src/cli/status.c - the verb `status`: how a live or finished run stands, from the files it leaves.
 *
 * `tune status` prints what the tuner did; `status` adds the freeze state and what was asked of the run.
 * May touch: stdout, the clock; reads the run directory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/campaign.h"
#include "comm/clock.h"
#include "store/commit.h"
#include "store/page.h"
#include "store/run_dir.h"
#include "store/run_lock.h"

/* ---- does it live ---------------------------------------------------------------------------- */

static void print_age(double seconds)
{
    if (seconds < 120)
        ht_cli_print("%.0f s", seconds < 0 ? 0 : seconds);
    else if (seconds < 7200)
        ht_cli_print("%.0f min", seconds / 60);
    else
        ht_cli_print("%.1f h", seconds / 3600);
}

static void print_sign(const ht_run_sign *s, double age)
{
    static const char *const texts[] = {[HT_RUN_LIVES] = "lives", [HT_RUN_ENDED] = "ended",
                                        [HT_RUN_KILLED] = "ended without a close (killed?)"};
    if (s->host[0] == '\0') {
        ht_cli_print("Run: lives\n");
        return;
    }
    ht_cli_print("Run: ");
    if (s->run > 0)
        ht_cli_print("r%lu ", s->run);
    ht_cli_print("%s; process %ld on host %s, last sign of life ", texts[s->life], s->pid, s->host);
    print_age(age);
    ht_cli_print(" ago\n");
}

/* The last checkpoint, if there is one that can be read. */
static void checkpoint_part(const ht_cli *cli, const char *dir, cJSON *out)
{
    ht_commit c = {0};
    ht_error notice = {""}, why = {""};
    char *folder = ht_path_join(dir, HT_DIR_CHECKPOINT);
    ht_status st = folder != NULL ? ht_commit_read(folder, &c, &notice, &why) : HT_ENOTFOUND;
    if (st != HT_OK && st != HT_ENOTFOUND)
        ht_cli_fail(cli, HT_EXIT_DONE, "%s", why.text);
    if (st == HT_OK && notice.text[0] != '\0')
        ht_cli_fail(cli, HT_EXIT_DONE, "%s", notice.text);
    if (st == HT_OK) {
        cJSON *shown = cJSON_CreateObject();
        ht_json_put_int(shown, "number", (double)c.number);
        ht_json_put_real(shown, "wall_time", c.wall_time);
        ht_json_put_int(shown, "bytes", (double)c.bytes);
        ht_json_put(out, "checkpoint", shown);
        if (!cli->json) {
            ht_cli_print("Checkpoint: %llu, ", (unsigned long long)c.number);
            print_age((double)time(NULL) - c.wall_time);
            ht_cli_print(" ago, %.1f MB\n", 1e-6 * (double)c.bytes);
        }
    }
    ht_commit_release(&c);
    free(folder);
}

static ht_status life_part(const ht_cli *cli, const char *dir, ht_run_sign *sign, cJSON *out, ht_error *err)
{
    static const char *const words[] = {[HT_RUN_LIVES] = "lives", [HT_RUN_ENDED] = "ended",
                                        [HT_RUN_KILLED] = "killed"};
    HT_TRY(ht_run_lock_look(dir, sign, err));
    if (sign->damaged)
        ht_cli_fail(
            cli, HT_EXIT_DONE,
            "warning: '%s' in '%s' is damaged: what became of the last run is not known; if none goes on "
            "there, remove it",
            HT_FILE_LOCK, dir);
    if (sign->life == HT_RUN_NONE) {
        ht_json_put(out, "process", cJSON_CreateNull());
        return HT_OK;
    }
    double age = (double)time(NULL) - sign->seen;
    cJSON *shown = cJSON_CreateObject();
    ht_json_put_text(shown, "state", words[sign->life]);
    ht_json_put_text(shown, "host", sign->host);
    ht_json_put_int(shown, "pid", (double)sign->pid);
    ht_json_put_real(shown, "started", sign->started);
    ht_json_put_real(shown, "seen", sign->seen);
    bool unfinished = sign->life != HT_RUN_LIVES && ht_commit_is_there(dir);
    ht_json_put_bool(shown, "can_be_resumed", unfinished);
    ht_json_put(out, "process", shown);
    if (!cli->json)
        print_sign(sign, age);
    checkpoint_part(cli, dir, shown);
    if (!cli->json && unfinished)
        ht_cli_print("It did not end: hottune --dir %s resume goes on with it\n", dir);
    return HT_OK;
}

/* ---- the tuner ------------------------------------------------------------------------------ */

static ht_status read_summary(const char *dir, cJSON **out, ht_error *err)
{
    char *path = ht_path_join(dir, HT_FILE_SUMMARY);
    ht_status st = path != NULL ? ht_page_read(path, out, err) : ht_fail(err, HT_ENOMEM, "out of memory");
    cJSON_DeleteItemFromObjectCaseSensitive(*out, HT_LOG_LINES); /* for who reads the logs */
    free(path);
    return st;
}

static void print_object_as_list(const char *title, const cJSON *object)
{
    if (!cJSON_IsObject(object) || object->child == NULL)
        return;
    ht_cli_print("%s:", title);
    for (const cJSON *c = object->child; c != NULL; c = c->next)
        ht_cli_print("%s %s %.0f", c == object->child ? "" : ",", c->string,
               cJSON_IsNumber(c) ? c->valuedouble : 0);
    putchar('\n');
}

static void print_number(const char *title, const cJSON *object, const char *name)
{
    if (cJSON_IsNumber(ht_json_member(object, name)))
        ht_cli_print("%s%.12g", title, ht_json_number(object, name, 0));
}

/* What one replica is doing now. */
static void print_replica(const cJSON *live)
{
    print_number(": step ", live, "step");
    print_number(", epoch ", live, "epoch");
    if (ht_json_text(live, "mode") != NULL)
        ht_cli_print(", mode %s", ht_json_text(live, "mode"));
    if (ht_json_text(live, "active_mutation") != NULL)
        ht_cli_print(", judging %s", ht_json_text(live, "active_mutation"));
    if (ht_json_number(live, "reject_streak", 0) > 0)
        print_number(", rejects in a row ", live, "reject_streak");
    if (ht_json_number(live, "pause_left", 0) > 0)
        print_number(", pause left ", live, "pause_left");
    if (ht_json_number(live, "global_cooldown", 0) > 0)
        print_number(", global cooldown ", live, "global_cooldown");
    if (ht_json_text(live, "state") != NULL)
        ht_cli_print(", %s", ht_json_text(live, "state"));
    putchar('\n');
    print_object_as_list("    cooling down", ht_json_member(live, "cooldowns"));
}

static void print_live(const cJSON *summary, ht_run_life life)
{
    const cJSON *live = ht_json_member(summary, "live"), *one;
    if (!cJSON_IsObject(live))
        return;
    ht_cli_print("Live (%s):\n", ht_json_true(summary, "final") ? "finished"
                          : life == HT_RUN_KILLED       ? "as it was when it was last seen"
                                                        : "as of the last safe point");
    cJSON_ArrayForEach(one, ht_json_member(live, "replicas"))
    {
        print_number("  replica ", one, "replica");
        print_replica(one);
    }
    cJSON_ArrayForEach(one, ht_json_member(live, "warnings"))
        ht_cli_print("  warning: %s\n", cJSON_IsString(one) ? one->valuestring : "?");
}

static void print_champion(const cJSON *champion)
{
    if (!cJSON_IsNumber(ht_json_member(champion, "value")))
        return;
    print_number("Best so far: ", champion, "value");
    print_number(" by replica ", champion, "replica");
    print_number(" at step ", champion, "step");
    print_number(", epoch ", champion, "epoch");
    print_number("; its test result: ", champion, "test");
    putchar('\n');
}

/* What the run said when it was started last: what it went on from, and when its job ends. */
static void print_start(const cJSON *start, ht_run_life life)
{
    char at[32], leaves[32];
    double checkpoint = ht_json_number(start, "checkpoint", 0), ends = ht_json_number(start, "ends", 0);
    const cJSON *retired = ht_json_member(start, "retired"), *places = ht_json_member(start, "places"), *one;
    cJSON_ArrayForEach(one, places)
        ht_cli_print("%s%s\n", one == places->child ? "Places: " : "        ",
                     cJSON_IsString(one) ? one->valuestring : "?");
    if (checkpoint > 0) {
        ht_clock_print(at, ht_json_number(start, "written", 0));
        ht_cli_print("Resumed: from checkpoint %.0f (epoch %.0f, written %s); trained again: segments %.0f, epochs of "
                     "replicas %.0f", checkpoint, ht_json_number(start, "epoch", 0), at,
                     ht_json_number(start, "segments_again", 0), ht_json_number(start, "epochs_again", 0));
        if (cJSON_GetArraySize(retired) > 0)
            ht_cli_print("; did not come back:");
        cJSON_ArrayForEach(one, retired)
            ht_cli_print(" %.0f", one->valuedouble);
        if (ht_json_text(start, "job") != NULL)
            ht_cli_print("; job %s, restart %.0f", ht_json_text(start, "job"), ht_json_number(start, "restart", 0));
        putchar('\n');
    }
    if (ends > 0 && life == HT_RUN_LIVES) {
        ht_clock_print(at, ends);
        ht_clock_print(leaves, ht_json_number(start, "leaves", ends));
        ht_cli_print("Ends: this job at %s; the run leaves by about %s\n", at, leaves);
    }
}

static void print_summary(const cJSON *summary, ht_run_life life)
{
    print_start(ht_json_member(summary, "start"), life);
    const char *mode = ht_json_text(summary, "mode");
    const cJSON *c;
    ht_cli_print("Mode: %s\n", mode != NULL ? mode : "unknown");
    ht_cli_print("Mutations: %.0f total, %.0f applied\n", ht_json_number(summary, "total_mutations", 0),
           ht_json_number(summary, "applied_mutations", 0));
    ht_cli_print("Accept rate: %.1f%%\n", 100 * ht_json_number(summary, "accept_rate", 0));
    cJSON_ArrayForEach(c, ht_json_member(summary, "segments_by_decision"))
        ht_cli_print("  %s: %.0f\n", c->string, cJSON_IsNumber(c) ? c->valuedouble : 0);
    if (ht_json_number(summary, "failed", 0) > 0)
        ht_cli_print("Failed to apply: %.0f (events.log says why)\n", ht_json_number(summary, "failed", 0));
    print_object_as_list("Blocked", ht_json_member(summary, "blocked"));
    print_champion(ht_json_member(summary, "champion"));
    print_live(summary, life);
}

/* A run that brought its recipe along leaves it here. Replaces *name. */
static ht_status effective_recipe(const char *dir, char **name, bool *found, ht_error *err)
{
    free(*name);
    *name = ht_path_join(dir, HT_FILE_EFFECTIVE);
    *found = *name != NULL && ht_file_look(*name).exists;
    return *name != NULL ? HT_OK : ht_fail(err, HT_ENOMEM, "out of memory");
}

static ht_status tuner_part(const ht_cli *cli, const char *dir, ht_run_life life, cJSON *out, ht_error *err)
{
    char *text = NULL, *name = NULL;
    bool found = false;
    cJSON *summary = NULL;
    ht_status st = ht_run_dir_recipe(dir, NULL, &text, &name, &found, err);
    if (st != HT_OK && st != HT_ENOTFOUND)
        goto done;
    if (!found)
        st = effective_recipe(dir, &name, &found, err);
    if (st != HT_OK && st != HT_ENOTFOUND)
        goto done;
    ht_json_put_text(out, "recipe", found ? name : NULL);
    if (!cli->json && found)
        ht_cli_print("Tune recipe: %s\n", name);
    if (!cli->json && !found)
        ht_cli_print("No tune recipe found.\n");
    st = read_summary(dir, &summary, err);
    if (st != HT_OK && st != HT_ENOTFOUND)
        goto done;
    if (!cli->json && summary == NULL)
        ht_cli_print("No tune summary found.\n");
    if (!cli->json && summary != NULL)
        print_summary(summary, life);
    ht_json_put(out, "summary", summary != NULL ? summary : cJSON_CreateNull());
    ht_json_put_bool(out, "backup_metrics_decide", false);
    st = HT_OK;
done:
    free(name);
    free(text);
    return st;
}

/* ---- the freeze state and the ledger -------------------------------------------------------- */

static void freeze_part(const ht_cli *cli, const char *dir, cJSON *out)
{
    ht_freeze f = {HT_FREEZE_OFF};
    cJSON *shown = cJSON_CreateObject();
    ht_error why = {""};
    bool broken = ht_freeze_read(dir, &f, &why) != HT_OK; /* then it counts as off, as it does for a run */
    ht_json_put_text(shown, "mode", ht_freeze_mode_text(f.mode));
    ht_json_put_text(shown, "recipe_path", f.recipe_path[0] != 0 ? f.recipe_path : NULL);
    ht_json_put_text(shown, "adjust_path", f.adjust_path[0] != 0 ? f.adjust_path : NULL);
    ht_json_put_text(shown, "policy", f.strict ? "strict" : "best_effort");
    ht_json_put_int(shown, "step_offset", (double)f.step_offset);
    if (broken)
        ht_json_put_text(shown, "error", why.text);
    ht_json_put(out, "freeze", shown);
    if (cli->json)
        return;
    if (broken)
        ht_cli_print("Freeze file cannot be read: %s\n", why.text);
    ht_cli_print("Freeze mode: %s\n", ht_freeze_mode_text(f.mode));
    if (f.recipe_path[0] != 0)
        ht_cli_print("  recipe: %s\n", f.recipe_path);
    if (f.adjust_path[0] != 0)
        ht_cli_print("  adjust: %s\n", f.adjust_path);
    if (f.strict || f.mode != HT_FREEZE_OFF)
        ht_cli_print("  policy: %s\n", f.strict ? "strict" : "best_effort");
}

/* Keep the last line of each "module:id", in the order in which they appeared first. */
static void keep_last(void *ctx, const cJSON *line)
{
    cJSON *handles = ctx;
    char handle[2 * HT_NAME_MAX + 2];
    const char *module = ht_json_text(line, "module"), *id = ht_json_text(line, "id");
    snprintf(handle, sizeof handle, "%.63s:%.63s", module != NULL ? module : "-", id != NULL ? id : "-");
    cJSON *copy = cJSON_Duplicate(line, true);
    if (ht_json_member(handles, handle) != NULL)
        cJSON_ReplaceItemInObjectCaseSensitive(handles, handle, copy);
    else
        ht_json_put(handles, handle, copy);
}

static void print_params(const cJSON *params)
{
    const cJSON *one;
    if (!cJSON_IsObject(params))
        return;
    cJSON_ArrayForEach(one, params)
    {
        char *value = ht_json_line(one);
        ht_cli_print(" %s=%.60s", one->string, value != NULL ? value : "?");
        free(value);
    }
}

static void print_handle(const cJSON *line)
{
    const char *op = ht_json_text(line, "op"), *decision = ht_json_text(line, "decision");
    const char *error = ht_json_text(line, "error");
    char step[32] = "-";
    if (cJSON_IsNumber(ht_json_member(line, "step")))
        snprintf(step, sizeof step, "%.0f", ht_json_number(line, "step", 0));
    ht_cli_print("  %s: %s", line->string, op != NULL ? op : "-");
    print_params(ht_json_member(line, "params"));
    ht_cli_print(" @ step %s [%s]%s%s\n", step, decision != NULL ? decision : "-", error != NULL ? " " : "",
           error != NULL ? error : "");
}

static ht_status ledger_part(const ht_cli *cli, const char *dir, ht_run_life life, cJSON *out, ht_error *err)
{
    char *path = ht_path_join(dir, HT_FILE_APPLIED);
    cJSON *handles = cJSON_CreateObject(), *line;
    ht_lines_account account = {0};
    ht_error why;
    ht_status st = path != NULL ? ht_run_dir_log(dir, HT_FILE_APPLIED, keep_last, handles, &account, err)
                                : ht_fail(err, HT_ENOMEM, "out of memory");
    if (st != HT_OK) {
        cJSON_Delete(handles);
        goto done;
    }
    account.torn = account.torn && life != HT_RUN_LIVES;
    if (ht_lines_tell(path, &account, &why))
        ht_cli_fail(cli, HT_EXIT_DONE, "warning: %s", why.text);
    size_t bad = account.bad + account.missing + account.torn;
    int n = cJSON_GetArraySize(handles);
    if (!cli->json && n == 0)
        ht_cli_print(ht_file_look(path).exists ? "Applied ledger: nothing was asked yet.\n" : "No applied ledger found.\n");
    if (!cli->json && n > 0)
        ht_cli_print("Last applied entries (%d handles):\n", n);
    if (!cli->json)
        cJSON_ArrayForEach(line, handles) print_handle(line);
    if (!cli->json && bad > 0)
        ht_cli_print("  %zu %s of %s cannot be read\n", bad, bad == 1 ? "line" : "lines", path);
    ht_json_put(out, "applied", handles);
    if (bad > 0)
        ht_json_put_int(out, "applied_bad_lines", (double)bad);
done:
    free(path);
    return st;
}

int ht_verb_status(const ht_cli *cli, const ht_args *args)
{
    (void)args;
    const char *dir = NULL;
    ht_error err = {""};
    int code = ht_cli_dir(cli, &dir);
    if (code != HT_EXIT_DONE)
        return code;
    if (ht_campaign_is_there(dir))
        return ht_campaign_status(cli, dir);
    cJSON *out = cJSON_CreateObject();
    ht_run_sign sign = {HT_RUN_NONE};
    ht_campaign_job(cli, dir, out);
    ht_status st = life_part(cli, dir, &sign, out, &err);
    if (st == HT_OK)
        st = tuner_part(cli, dir, sign.life, out, &err);
    if (st == HT_OK && !cli->tune_word) {
        freeze_part(cli, dir, out);
        st = ledger_part(cli, dir, sign.life, out, &err);
    }
    if (st != HT_OK) {
        cJSON_Delete(out);
        return ht_cli_fail_status(cli, st, &err);
    }
    ht_cli_print_json(cli, out);
    return HT_EXIT_DONE;
}
