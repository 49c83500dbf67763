/* src/cli/submit.c - the verb `submit`: a run, an array of runs, or a chain of generations as Slurm jobs.
 *
 * What is asked is checked first (submit_plan.h), then the directory; then the scripts are written
 * (submit_script.h) and submitted (queue.h), and what became of them is written down (submit_record.h). If a
 * chain cannot be submitted whole, the part that was is taken back. May touch: the directory, child
 * processes, the clock, stdout. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/campaign.h"
#include "cli/queue.h"
#include "cli/quote.h"
#include "cli/submit_record.h"
#include "cli/submit_script.h"
#include "comm/clock.h"
#include "store/commit.h"
#include "store/run_dir.h"
#include "store/run_lock.h"

static const double look_patience_s = 10;

typedef struct {
    const ht_cli *cli;
    const ht_submit_plan *plan;
    bool dry;
    ht_string job, evolve; /* texts of the scripts */
    char *job_path, *evolve_path;
    cJSON *record;
} submission;

static long long generations(const ht_submit_plan *p)
{
    return p->chain > 0 ? p->chain : 1;
}

/* ---- the directory ---------------------------------------------------------------------------- */

typedef struct {
    long long unfinished;
    char first[1024]; /* directory of one that is unfinished */
} found_runs;

static int look_at_run(const ht_cli *cli, const char *dir, found_runs *found)
{
    ht_error err = {""};
    if (ht_file_look(dir).exists && ht_run_lock_check(dir, &err) != HT_OK)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "submit: %s", err.text);
    if (!ht_commit_is_there(dir))
        return HT_EXIT_DONE;
    if (found->unfinished++ == 0)
        snprintf(found->first, sizeof found->first, "%s", dir);
    return HT_EXIT_DONE;
}

static int look_at_runs(const submission *s, found_runs *found)
{
    const ht_submit_plan *p = s->plan;
    int code = HT_EXIT_DONE;
    for (long long g = 1; g <= generations(p); g++)
        for (long long k = 0; k < (p->array > 0 ? p->array : 1) && code == HT_EXIT_DONE; k++) {
            char *dir = ht_submit_run_dir(p, g, k);
            code = dir != NULL ? look_at_run(s->cli, dir, found)
                               : ht_cli_fail(s->cli, HT_EXIT_FAILED, "out of memory");
            free(dir);
        }
    return code;
}

/* Two jobs in one directory would only keep each other from working. */
static int look_at_queue(const submission *s)
{
    cJSON *before = NULL;
    size_t n = 0;
    int code = HT_EXIT_DONE;
    if (ht_submit_record_read(s->plan->dir, &before, NULL) != HT_OK)
        return HT_EXIT_DONE;
    ht_queue queue;
    ht_string dir = {0};
    ht_quote_shell(&dir, s->cli->dir);
    const char **ids = ht_submit_record_ids(before, &n);
    ht_queue_look(n, ids, look_patience_s, &queue);
    for (size_t i = 0; i < queue.n && code == HT_EXIT_DONE; i++)
        if (ht_queue_job_is_there(&queue.jobs[i]))
            code = ht_cli_fail(s->cli, HT_EXIT_USAGE,
                               "submit: job %s of this directory is %s; scancel %s takes it back, "
                               "hottune --dir %s status shows all",
                               queue.jobs[i].id, queue.jobs[i].state, queue.jobs[i].id, ht_string_peek(&dir));
    ht_string_release(&dir);
    ht_queue_release(&queue);
    free(ids);
    cJSON_Delete(before);
    return code;
}

/* The runs of a generation that are not finished, "0,2"; @return how many */
static long long runs_to_do(const ht_submit_plan *p, long long generation, ht_string *list)
{
    long long n = 0;
    for (long long k = 0; k < (p->array > 0 ? p->array : 1); k++) {
        char *dir = ht_submit_run_dir(p, generation, k);
        if (dir == NULL || !ht_campaign_run_is_finished(dir)) {
            ht_string_add(list, "%s%lld", n > 0 ? "," : "", k);
            n++;
        }
        free(dir);
    }
    return n;
}

static bool has_recipe(const ht_submit_plan *p, long long generation)
{
    ht_string path = {0};
    ht_string_add(&path, "%s/gen-%lld/" HT_FILE_NEXT_RECIPE, p->dir, generation);
    bool there = ht_file_look(ht_string_peek(&path)).exists;
    ht_string_release(&path);
    return there;
}

/* Of a campaign that is submitted again. */
static int check_that_runs_are_left(const submission *s)
{
    const ht_submit_plan *p = s->plan;
    bool is_left = p->array == 0 && p->chain == 0;
    for (long long g = 1; g <= generations(p) && !is_left; g++) {
        ht_string list = {0};
        is_left = runs_to_do(p, g, &list) > 0 || (g < p->chain && !has_recipe(p, g + 1));
        ht_string_release(&list);
    }
    return is_left ? HT_EXIT_DONE
                   : ht_cli_fail(s->cli, HT_EXIT_USAGE,
                                 "submit: all runs in '%s' are finished; choose another directory", p->dir);
}

static int check_directory(const submission *s)
{
    found_runs found = {0};
    int code = look_at_queue(s);
    if (code == HT_EXIT_DONE)
        code = look_at_runs(s, &found);
    if (code == HT_EXIT_DONE)
        code = check_that_runs_are_left(s);
    if (code == HT_EXIT_DONE && found.unfinished > 0 && !s->dry)
        ht_cli_say(s->cli, "%s: the run there did not end; the job goes on with it%s\n", found.first,
                   found.unfinished > 1 ? ", and so with the others" : "");
    return code;
}

/* ---- scripts ---------------------------------------------------------------------------------- */

static int make_texts(submission *s)
{
    ht_submit_script_job(s->plan, &s->job);
    if (s->plan->chain > 1)
        ht_submit_script_evolve(s->plan, &s->evolve);
    s->job_path = ht_path_join(s->plan->dir, HT_FILE_JOB_SCRIPT);
    s->evolve_path = ht_path_join(s->plan->dir, HT_FILE_EVOLVE_SCRIPT);
    s->record = ht_submit_record_create(s->plan, ht_clock_wall());
    bool fine = !s->job.failed && !s->evolve.failed && s->job_path != NULL && s->evolve_path != NULL &&
                s->record != NULL;
    return fine ? HT_EXIT_DONE : ht_cli_fail(s->cli, HT_EXIT_FAILED, "out of memory");
}

/* One script is printed as it would be written; several with their names before them. */
static int print_texts(submission *s)
{
    if (s->cli->json) {
        cJSON *scripts = cJSON_CreateObject();
        ht_json_put_text(scripts, HT_FILE_JOB_SCRIPT, ht_string_peek(&s->job));
        if (s->evolve.n > 0)
            ht_json_put_text(scripts, HT_FILE_EVOLVE_SCRIPT, ht_string_peek(&s->evolve));
        ht_json_put(s->record, "scripts", scripts);
        ht_cli_print_json(s->cli, s->record);
        s->record = NULL;
        return HT_EXIT_DONE;
    }
    if (s->evolve.n > 0)
        ht_cli_print("# ==> %s\n", s->job_path);
    fputs(ht_string_peek(&s->job), stdout);
    if (s->evolve.n > 0)
        printf("# ==> %s\n%s", s->evolve_path, ht_string_peek(&s->evolve));
    return HT_EXIT_DONE;
}

/* The recipe of the first generation; where a chain goes on it is there. */
static int write_first_recipe(const submission *s)
{
    ht_string text = {0};
    ht_error err = {""};
    int code = HT_EXIT_DONE;
    if (s->plan->recipe == NULL)
        return HT_EXIT_DONE;
    char *folder = ht_path_join(s->plan->dir, "gen-1");
    char *path = folder != NULL ? ht_path_join(folder, HT_FILE_NEXT_RECIPE) : NULL;
    ht_status st = path != NULL ? ht_run_dir_create(folder, &err) : ht_fail(&err, HT_ENOMEM, "out of memory");
    if (st != HT_OK)
        code = ht_cli_fail_status(s->cli, st, &err);
    ht_string_add_bytes(&text, s->plan->recipe, strlen(s->plan->recipe));
    if (code == HT_EXIT_DONE && !ht_file_look(path).exists)
        code = ht_cli_write(s->cli, path, &text);
    ht_string_release(&text);
    free(path);
    free(folder);
    return code;
}

/* People change their scripts: one that is not what would be written now is kept beside it.
 * @return HT_OK; HT_EIO, HT_ENOMEM */
static ht_status keep_script(const submission *s, const char *path, const ht_string *text, ht_error *err)
{
    char *found = NULL;
    ht_string kept = {0};
    ht_status st = HT_OK;
    bool differs = ht_file_read(path, &found, NULL, NULL) == HT_OK && strcmp(found, ht_string_peek(text)) != 0;
    free(found);
    for (int i = 1; differs && (i == 1 || ht_file_look(ht_string_peek(&kept)).exists); i++) {
        ht_string_release(&kept);
        ht_string_add(&kept, "%s.%d", path, i);
    }
    if (kept.failed)
        st = ht_fail(err, HT_ENOMEM, "out of memory");
    else if (differs && rename(path, ht_string_peek(&kept)) != 0)
        st = ht_fail(err, HT_EIO, "cannot rename '%s' to '%s': %s", path, ht_string_peek(&kept), strerror(errno));
    else if (differs)
        ht_cli_say(s->cli, "%s is another script, and kept as %s\n", path, ht_string_peek(&kept));
    ht_string_release(&kept);
    return st;
}

static int write_script(const submission *s, const char *path, const ht_string *text)
{
    ht_error err = {""};
    ht_status st = keep_script(s, path, text, &err);
    return st == HT_OK ? ht_cli_write(s->cli, path, text) : ht_cli_fail_status(s->cli, st, &err);
}

static int write_files(const submission *s)
{
    int code = ht_cli_make_dir(s->cli, s->plan->dir);
    if (code == HT_EXIT_DONE)
        code = write_first_recipe(s);
    if (code == HT_EXIT_DONE)
        code = write_script(s, s->job_path, &s->job);
    if (code == HT_EXIT_DONE && s->evolve.n > 0)
        code = write_script(s, s->evolve_path, &s->evolve);
    return code;
}

/* ---- jobs ------------------------------------------------------------------------------------- */

/* One job, after the job `after` (if there is one) has ended well.
 * @param elements  of the array that are to run; NULL = all of them, or there is no array */
static int submit_one(submission *s, const char *role, long long generation, const char *elements,
                      char after[HT_JOB_ID_MAX])
{
    char dependency[HT_JOB_ID_MAX + 32], number[24], id[HT_JOB_ID_MAX];
    const char *options[3];
    const char *script = strcmp(role, HT_ROLE_EVOLVE) == 0 ? s->evolve_path : s->job_path;
    size_t n = 0;
    ht_string said = {0}, array = {0};
    ht_error err = {""};
    snprintf(dependency, sizeof dependency, "--dependency=afterok:%.*s", (int)strcspn(after, ";"), after);
    snprintf(number, sizeof number, "%lld", generation);
    ht_string_add(&array, "--array=%s", elements != NULL ? elements : "");
    if (after[0] != '\0') {
        options[n++] = dependency;
        options[n++] = "--kill-on-invalid-dep=yes";
    }
    if (elements != NULL)
        options[n++] = ht_string_peek(&array);
    ht_status st = ht_queue_submit(n, options, script, generation > 0 ? number : NULL, id, &said, &err);
    if (said.n > 0)
        ht_cli_relay(stderr, said.s);
    ht_string_release(&array);
    ht_string_release(&said);
    if (st != HT_OK)
        return ht_cli_fail(s->cli, HT_EXIT_FAILED, "submit: %s", err.text);
    ht_submit_record_add(s->record, id, role, generation);
    snprintf(after, HT_JOB_ID_MAX, "%s", id);
    return HT_EXIT_DONE;
}

/* The jobs of a generation, or of all that there is. What a campaign has finished before is left out. */
static int submit_generation(submission *s, long long generation, char after[HT_JOB_ID_MAX])
{
    const ht_submit_plan *p = s->plan;
    const bool is_campaign = p->array > 0 || p->chain > 0;
    const long long number = p->chain > 0 ? generation : 0, runs = p->array > 0 ? p->array : 1;
    ht_string list = {0};
    int code = HT_EXIT_DONE;
    long long n = runs_to_do(p, generation, &list);
    if (!is_campaign || n > 0)
        code = submit_one(s, HT_ROLE_POPULATION, number,
                          n < runs && is_campaign ? ht_string_peek(&list) : NULL, after);
    if (code == HT_EXIT_DONE && generation < p->chain && (n > 0 || !has_recipe(p, generation + 1)))
        code = submit_one(s, HT_ROLE_EVOLVE, number, NULL, after);
    ht_string_release(&list);
    return code;
}

static void take_back(const submission *s)
{
    const cJSON *job;
    cJSON_ArrayForEach(job, ht_json_member(s->record, "jobs")) {
        ht_queue_cancel(ht_json_text(job, "id"));
        ht_cli_fail(s->cli, HT_EXIT_FAILED, "submit: job %s was taken back", ht_json_text(job, "id"));
    }
}

static int submit_all(submission *s)
{
    char last[HT_JOB_ID_MAX] = "";
    int code = HT_EXIT_DONE;
    for (long long g = 1; g <= generations(s->plan) && code == HT_EXIT_DONE; g++)
        code = submit_generation(s, g, last);
    if (code != HT_EXIT_DONE)
        take_back(s);
    return code;
}

static void tell(const submission *s)
{
    const ht_submit_plan *p = s->plan;
    const cJSON *jobs = ht_json_member(s->record, "jobs"), *job;
    ht_string ids = {0}, dir = {0};
    if (s->cli->quiet && !s->cli->json)
        cJSON_ArrayForEach(job, jobs)
            ht_cli_print("%s\n", ht_json_text(job, "id"));
    cJSON_ArrayForEach(job, jobs)
        ht_string_add(&ids, "%s%.*s", ids.n > 0 ? "," : "", (int)strcspn(ht_json_text(job, "id"), ";"),
                      ht_json_text(job, "id"));
    ht_quote_shell(&dir, s->cli->dir);
    ht_cli_say(s->cli, "%s %s: %s\n", cJSON_GetArraySize(jobs) > 1 ? "Jobs" : "Job", ht_string_peek(&ids),
               s->job_path);
    ht_cli_say(s->cli, "  log         %s/%s\n", p->dir,
               p->array > 0 ? "slurm-<job>_<run>.out" : "slurm-<job>.out");
    ht_cli_say(s->cli, "  how it is   hottune --dir %s status\n", ht_string_peek(&dir));
    ht_cli_say(s->cli, "  the queue   squeue -j %s\n", ht_string_peek(&ids));
    ht_string_release(&dir);
    ht_string_release(&ids);
}

static int submit(submission *s)
{
    ht_error err = {""};
    int code = check_directory(s);
    if (code == HT_EXIT_DONE)
        code = make_texts(s);
    if (code != HT_EXIT_DONE || s->dry)
        return code == HT_EXIT_DONE ? print_texts(s) : code;
    code = write_files(s);
    if (code == HT_EXIT_DONE)
        code = submit_all(s);
    if (code != HT_EXIT_DONE)
        return code;
    ht_status st = ht_submit_record_write(s->plan->dir, s->record, &err);
    if (st != HT_OK)
        ht_cli_fail_status(s->cli, st, &err); /* the jobs are on their way all the same */
    tell(s);
    ht_cli_print_json(s->cli, s->record);
    s->record = NULL;
    return HT_EXIT_DONE;
}

int ht_verb_submit(const ht_cli *cli, const ht_args *args)
{
    ht_submit_plan plan;
    submission s = {.cli = cli, .plan = &plan, .dry = ht_args_has(args, "dry-run")};
    int code = ht_submit_plan_read(cli, args, &plan);
    if (code == HT_EXIT_DONE)
        code = submit(&s);
    cJSON_Delete(s.record);
    free(s.evolve_path);
    free(s.job_path);
    ht_string_release(&s.evolve);
    ht_string_release(&s.job);
    ht_submit_plan_release(&plan);
    return code;
}
