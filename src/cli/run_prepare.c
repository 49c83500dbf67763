/* src/cli/run_prepare.c - before the trainings of the verb `run`; the contract is in run_job.h.
 *
 * Uses headers of recipe and store to refuse early what cannot be, and of the kernel to tell early where the ranks are. What
 * only rank 0 can see is agreed on before the others rely on it, so that all end together, with one message.
 * May touch: MPI, the run directory, the terminal (asks), the clock (names of directories). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/sum.h"
#include "cli/run_job.h"
#include "kernel/place.h"
#include "kernel/place_map.h"
#include "recipe/recipe.h"
#include "store/commit.h"
#include "store/run_dir.h"
#include "store/run_lock.h"

/* A person at a terminal is asked. */
static bool asks_to_go_on(const char *dir)
{
    char answer[16] = "";
    ht_cli_note("hottune: an unfinished run is in '%s'. Go on with it (n: give it up and begin another)? [Y/n] ", dir);
    return fgets(answer, sizeof answer, stdin) == NULL || (answer[0] != 'n' && answer[0] != 'N');
}

/* An unfinished run is not given up by accident. */
static int check_unfinished(ht_run_job *j)
{
    if (j->resume || j->new_run || !ht_commit_is_there(j->dir))
        return HT_EXIT_DONE;
    if (j->ranks.size == 1 && isatty(STDIN_FILENO) && isatty(STDERR_FILENO)) {
        j->resume = asks_to_go_on(j->dir);
        j->new_run = !j->resume;
        return HT_EXIT_DONE;
    }
    return ht_cli_fail(j->cli, HT_EXIT_USAGE,
                       "an unfinished run is in '%s'; hottune --dir %s resume goes on with it, --new begins another "
                       "one and gives it up",
                       j->dir, j->dir);
}

static int make_dir(ht_run_job *j)
{
    ht_error err = {""};
    j->existing = ht_run_dir_existing(j->dir);
    int code = ht_cli_make_dir(j->cli, j->dir);
    if (code != HT_EXIT_DONE)
        return code;
    ht_status st = ht_run_lock_check(j->dir, &err);
    return st == HT_OK ? check_unfinished(j) : ht_cli_fail_status(j->cli, st, &err);
}

/* runs/<workload>-<time>, and -2, -3, .. if that is taken. */
static int choose_dir(ht_run_job *j)
{
    struct tm t;
    struct stat s;
    time_t clock = time(NULL);
    char stamp[32];
    if (j->cli->dir != NULL) {
        if ((size_t)snprintf(j->dir, sizeof j->dir, "%s", j->cli->dir) >= sizeof j->dir)
            return ht_cli_fail(j->cli, HT_EXIT_USAGE, "--dir: the path is longer than %d bytes", HT_RUN_DIR_MAX - 1);
        return make_dir(j);
    }
    localtime_r(&clock, &t);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &t);
    snprintf(j->dir, sizeof j->dir, "runs/%s-%s", j->name, stamp);
    for (int i = 2; stat(j->dir, &s) == 0; i++)
        snprintf(j->dir, sizeof j->dir, "runs/%s-%s-%d", j->name, stamp, i);
    return make_dir(j);
}

/* A recipe that is refused should be refused before anything is trained. */
static int check_recipe(const ht_run_job *j)
{
    ht_recipe *r = NULL;
    ht_error err = {""};
    ht_status st = j->recipe != NULL ? ht_recipe_load(j->recipe, &r, &err) : HT_OK;
    ht_recipe_destroy(r);
    return st == HT_OK ? HT_EXIT_DONE : ht_cli_fail_status(j->cli, st, &err);
}

/* A pipe would block, a device is no place to keep a study. */
static int check_study(const ht_run_job *j)
{
    struct stat s;
    if (j->study == NULL || stat(j->study, &s) != 0 || S_ISREG(s.st_mode))
        return HT_EXIT_DONE;
    return ht_cli_fail(j->cli, HT_EXIT_USAGE, "--study: '%s' is no regular file; name a file", j->study);
}

static void tell_what(const ht_run_job *j)
{
    char epochs[48] = "";
    if (j->epochs > 0)
        snprintf(epochs, sizeof epochs, " x %lld %s", j->epochs, j->epochs == 1 ? "epoch" : "epochs");
    ht_cli_say(j->cli, "%s, %d %s%s, files in %s\n", j->name, j->replicas, j->replicas == 1 ? "replica" : "replicas", epochs,
               j->dir);
}

/* Where the ranks are is known long before all of them have read their data. */
static void tell_places(ht_run_job *j)
{
    ht_places places = {0};
    ht_string map = {0};
    if (ht_places_gather(MPI_COMM_WORLD, j->replica, &places, NULL) == HT_OK)
        ht_place_map(&places, &map);
    ht_cli_say(j->cli, "%s", ht_string_peek(&map));
    j->places = ht_string_take(&map);
    ht_places_release(&places);
}

int ht_run_job_prepare(ht_run_job *j)
{
    int code = HT_EXIT_DONE;
    if (j->ranks.rank == 0) {
        code = check_recipe(j);
        if (code == HT_EXIT_DONE)
            code = check_study(j);
        if (code == HT_EXIT_DONE)
            code = choose_dir(j);
    }
    code = ht_ranks_agree(j->cli, &j->ranks, code, "");
    if (code != HT_EXIT_DONE)
        return code;
    ht_ranks_share(&j->ranks, j->dir, sizeof j->dir);
    MPI_Comm_split(MPI_COMM_WORLD, j->replica < 0 ? MPI_UNDEFINED : j->replica, j->ranks.rank, &j->comm);
    if (!j->report_steps)
        tell_what(j);
    if (j->ranks.size > 1)
        tell_places(j);
    return HT_EXIT_DONE;
}

/* ---- its record ---------------------------------------------------------------------------- */

/* The run in the directory goes on, and its record is there: a start that is refused must not have changed it. */
static bool is_recorded(const ht_run_job *j)
{
    char *record = ht_path_join(j->dir, HT_FILE_RUN), *folder = ht_path_join(j->dir, HT_DIR_CHECKPOINT);
    char *inputs = folder != NULL ? ht_path_join(folder, HT_FILE_INPUTS) : NULL;
    bool there = j->resume && record != NULL && ht_file_look(record).exists && inputs != NULL &&
                 ht_file_look(inputs).exists;
    free(inputs);
    free(folder);
    free(record);
    return there;
}

static void put_command(cJSON *o, char *const *command)
{
    cJSON *list = cJSON_AddArrayToObject(o, "command");
    for (; *command != NULL; command++)
        cJSON_AddItemToArray(list, cJSON_CreateString(*command));
}

/* Texts that were not given are null. */
int ht_run_job_record(const ht_run_job *j)
{
    ht_error err = {""};
    if (is_recorded(j))
        return HT_EXIT_DONE;
    cJSON *o = cJSON_CreateObject();
    char *path = NULL;
    int code = ht_cli_path(j->cli, j->dir, HT_FILE_RUN, &path);
    if (j->workload != NULL)
        ht_json_put_text(o, "workload", j->workload->name);
    else {
        ht_json_put_text(o, "name", j->name);
        put_command(o, j->command);
    }
    ht_json_put_int(o, "epochs", (double)j->epochs);
    ht_json_put_int(o, "steps_per_epoch", (double)j->steps_per_epoch);
    ht_json_put_int(o, "seed", (double)j->seed);
    ht_json_put_int(o, "replicas", j->replicas);
    ht_json_put_int(o, "ranks_per_replica", (double)j->ranks_per_replica);
    ht_json_put_text(o, "schedule", j->cosine ? "cosine" : "constant");
    ht_json_put_text(o, "set", j->set);
    ht_json_put_text(o, "recipe_set", j->recipe_set);
    ht_json_put_text(o, "data", j->data);
    if (!isnan(j->baseline_val)) {
        cJSON *baseline = cJSON_AddObjectToObject(o, "baseline");
        ht_json_put_real(baseline, "val_loss", j->baseline_val);
        ht_json_put_real(baseline, "test_loss", j->baseline_test);
        ht_json_put_real(baseline, "epochs", j->baseline_epochs);
    }
    char *text = ht_sum_put(ht_json_page(o), 0);
    if (code == HT_EXIT_DONE) {
        ht_status st = text != NULL ? ht_file_replace(path, text, strlen(text), &err)
                                    : ht_fail(&err, HT_ENOMEM, "out of memory");
        code = st == HT_OK ? HT_EXIT_DONE : ht_cli_fail_status(j->cli, st, &err);
    }
    cJSON_Delete(o);
    free(text);
    free(path);
    return code;
}

static void remove_record(const ht_run_job *j)
{
    char *record = ht_path_join(j->dir, HT_FILE_RUN), *events = ht_path_join(j->dir, HT_FILE_EVENTS);
    if (record != NULL && events != NULL && !ht_file_look(events).exists)
        remove(record);
    free(events);
    free(record);
}

void ht_run_job_undo(const ht_run_job *j)
{
    remove_record(j);
    ht_run_dir_undo(j->dir, j->existing);
}
