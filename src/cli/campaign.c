/* src/cli/campaign.c - the runs of a campaign in one table; the contract is in campaign.h.
 *
 * Everything is gathered as one JSON object, which --json prints; people get the same as a table. May touch:
 * stdout, a child process (squeue); reads run directories. */
#define _DEFAULT_SOURCE /* dirent's names */
#include "cli/campaign.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/columns.h"
#include "cli/queue.h"
#include "cli/quote.h"
#include "cli/submit_record.h"
#include "cli/submit_script.h"
#include "store/commit.h"
#include "store/page.h"
#include "store/run_dir.h"
#include "store/run_lock.h"

static const double patience_s = 5;

typedef struct {
    const ht_cli *cli;
    const char *dir;
    cJSON *record;               /* owned; NULL = nothing was submitted */
    long long generations, runs; /* 0 = no chain, no array */
    ht_queue queue;
} campaign;

/* ---- what is there ---------------------------------------------------------------------------- */

/* The number behind `prefix`, up to `most`; -1: another name. */
static long long number_behind(const char *name, const char *prefix, long long most)
{
    size_t n = strlen(prefix);
    if (strncmp(name, prefix, n) != 0 || name[n] == '\0' ||
        strspn(name + n, "0123456789") != strlen(name + n))
        return -1;
    long long number = strtoll(name + n, NULL, 10);
    return number <= most ? number : -1;
}

/* The highest number, up to `limit`, of the names in `dir` that begin with `prefix`; -1 = none. */
static long long highest(const char *dir, const char *prefix, long long limit)
{
    long long most = -1;
    DIR *d = opendir(dir);
    for (struct dirent *e = d != NULL ? readdir(d) : NULL; e != NULL; e = readdir(d)) {
        long long n = number_behind(e->d_name, prefix, limit);
        most = n > most ? n : most;
    }
    if (d != NULL)
        closedir(d);
    return most;
}

static long long most_of(long long a, long long b)
{
    return a > b ? a : b;
}

/* Runs of all generations have the same numbers. */
static void find_runs(campaign *c)
{
    c->generations =
        most_of((long long)ht_json_number(c->record, "chain", 0), highest(c->dir, "gen-", HT_CHAIN_MAX));
    c->runs = most_of((long long)ht_json_number(c->record, "array", 0),
                      highest(c->dir, "run-", HT_ARRAY_MAX - 1) + 1);
    for (long long g = 1; g <= c->generations; g++) {
        ht_string s = {0};
        ht_string_add(&s, "%s/gen-%lld", c->dir, g);
        c->runs = most_of(c->runs, highest(ht_string_peek(&s), "run-", HT_ARRAY_MAX - 1) + 1);
        ht_string_release(&s);
    }
    c->generations = most_of(c->generations, 0);
}

/* @return HT_OK, also where nothing was submitted */
static ht_status open_campaign(const char *dir, campaign *c, ht_error *err)
{
    *c = (campaign){.dir = dir};
    ht_status st = ht_submit_record_read(dir, &c->record, err);
    if (st == HT_OK || st == HT_ENOTFOUND)
        find_runs(c);
    return st == HT_ENOTFOUND ? HT_OK : st;
}

/* The directory of a run; each number counts only where the campaign has such. Owned by the caller; NULL: no
 * memory */
static char *run_dir(const campaign *c, long long generation, long long run)
{
    ht_string dir = {0};
    ht_string_add(&dir, "%s", c->dir);
    if (c->generations > 0)
        ht_string_add(&dir, "/gen-%lld", generation);
    if (c->runs > 0)
        ht_string_add(&dir, "/run-%lld", run);
    return ht_string_take(&dir);
}

/* Which job a run is: what was submitted, else what the run itself has left behind.
 * @param[out] element  of an array; < 0 = it is none, or the number is the element's own
 * @return false: nobody knows */
static bool job_of(const campaign *c, long long generation, long long run, char id[HT_JOB_ID_MAX],
                   long long *element)
{
    ht_run_sign sign = {HT_RUN_NONE};
    const char *known =
        ht_submit_record_job(c->record, HT_ROLE_POPULATION, c->generations > 0 ? generation : 0);
    char *dir = run_dir(c, generation, run);
    *element = known != NULL && c->runs > 0 ? run : -1;
    if (known == NULL && dir != NULL && ht_run_lock_look(dir, &sign, NULL) == HT_OK &&
        sign.slurm.job[0] != '\0')
        known = sign.slurm.job;
    snprintf(id, HT_JOB_ID_MAX, "%s", known != NULL ? known : "");
    free(dir);
    return id[0] != '\0';
}

static void ask_queue(campaign *c)
{
    const size_t n_runs = (size_t)(most_of(c->generations, 1) * most_of(c->runs, 1));
    size_t n = 0, submitted;
    long long element;
    const char **recorded = ht_submit_record_ids(c->record, &submitted);
    const char **ids = calloc(submitted + n_runs, sizeof *ids);
    char(*own)[HT_JOB_ID_MAX] = calloc(n_runs, sizeof *own);
    for (; ids != NULL && n < submitted; n++)
        ids[n] = recorded[n];
    for (size_t i = 0; submitted == 0 && ids != NULL && own != NULL && i < n_runs; i++)
        if (job_of(c, 1 + (long long)i / most_of(c->runs, 1), (long long)i % most_of(c->runs, 1), own[i],
                   &element))
            ids[n++] = own[i];
    if (ids != NULL)
        ht_queue_look(n, ids, patience_s, &c->queue);
    free(own);
    free(ids);
    free(recorded);
}

static void release(campaign *c)
{
    ht_queue_release(&c->queue);
    cJSON_Delete(c->record);
}

/* Folders of a user's own in the directory of a single run make no campaign of it. */
bool ht_campaign_is_there(const char *dir)
{
    campaign c;
    ht_error err = {""};
    ht_run_sign sign = {HT_RUN_NONE};
    if (ht_run_lock_look(dir, &sign, NULL) == HT_OK && sign.life != HT_RUN_NONE)
        return false;
    bool is = open_campaign(dir, &c, &err) == HT_OK && (c.generations > 0 || c.runs > 0);
    release(&c);
    return is;
}

/* ---- one run ---------------------------------------------------------------------------------- */

bool ht_campaign_run_is_finished(const char *run_dir)
{
    ht_run_sign sign = {HT_RUN_NONE};
    return ht_run_lock_look(run_dir, &sign, NULL) == HT_OK && sign.life == HT_RUN_ENDED &&
           !ht_commit_is_there(run_dir);
}

/* Of a run that did not begin the queue knows why. */
static const char *state_of(const char *dir, const ht_queue_job *job)
{
    ht_run_sign sign = {HT_RUN_NONE};
    if (ht_campaign_run_is_finished(dir))
        return "finished";
    ht_status st = ht_run_lock_look(dir, &sign, NULL);
    if (st == HT_OK && sign.life == HT_RUN_LIVES)
        return "running";
    if (ht_commit_is_there(dir))
        return "unfinished";
    if (st == HT_OK && sign.life == HT_RUN_KILLED)
        return "killed";
    if (job == NULL || ht_queue_job_is_there(job))
        return "waiting";
    return strcmp(job->state, "CANCELLED") == 0 ? "cancelled" : "failed";
}

/* How far it is and what it has found, from its summary; NaN = unknown. */
static void read_progress(const ht_cli *cli, const char *dir, double *epoch, double *best)
{
    cJSON *summary = NULL;
    ht_error why = {""};
    char *path = ht_path_join(dir, HT_FILE_SUMMARY);
    *epoch = *best = NAN;
    if (path != NULL && ht_page_read(path, &summary, &why) == HT_EFORMAT)
        ht_cli_fail(cli, HT_EXIT_DONE, "warning: %s", why.text);
    const cJSON *one, *replicas = ht_json_member(ht_json_member(summary, "live"), "replicas");
    *best = ht_json_number(ht_json_member(summary, "champion"), "value", NAN);
    *epoch = ht_json_number(ht_json_member(summary, "population"), "wall_epochs", NAN);
    if (isnan(*epoch))
        cJSON_ArrayForEach(one, replicas)
            *epoch = fmax(*epoch, ht_json_number(one, "epoch", NAN));
    cJSON_Delete(summary);
    free(path);
}

static const ht_queue_job *find_job(const campaign *c, const char *id, long long element)
{
    return id != NULL ? ht_queue_find(&c->queue, id, element) : NULL;
}

/* `job` and `queue` of a row. */
static void put_job(const campaign *c, cJSON *row, const char *id, long long element)
{
    const ht_queue_job *job = find_job(c, id, element);
    ht_string name = {0};
    if (id != NULL)
        ht_string_add(&name, "%.*s", (int)strcspn(id, ";"), id);
    if (id != NULL && element >= 0)
        ht_string_add(&name, "_%lld", element);
    ht_json_put_text(row, "job", id != NULL ? ht_string_peek(&name) : NULL);
    ht_string_release(&name);
    if (job == NULL) {
        ht_json_put(row, "queue", cJSON_CreateNull());
        return;
    }
    cJSON *queue = cJSON_CreateObject();
    ht_json_put_text(queue, "state", job->state);
    ht_json_put_text(queue, "nodes", job->nodes[0] != '\0' ? job->nodes : NULL);
    ht_json_put_text(queue, "reason", job->reason[0] != '\0' ? job->reason : NULL);
    ht_json_put(row, "queue", queue);
}

static void put_number(cJSON *o, const char *name, long long n, bool there)
{
    ht_json_put(o, name, there ? ht_json_int((double)n) : cJSON_CreateNull());
}

/* @param generation, run  as in the names of directories; looked at only where the campaign has them */
static cJSON *run_row(const campaign *c, long long generation, long long run)
{
    char id[HT_JOB_ID_MAX], *dir = run_dir(c, generation, run);
    const char *place = dir != NULL ? dir : c->dir;
    long long element;
    double epoch, best;
    cJSON *row = cJSON_CreateObject();
    const char *job = job_of(c, generation, run, id, &element) ? id : NULL;
    read_progress(c->cli, place, &epoch, &best);
    put_number(row, "generation", generation, c->generations > 0);
    put_number(row, "run", run, c->runs > 0);
    ht_json_put_text(row, "directory", place);
    ht_json_put_text(row, "state", state_of(place, find_job(c, job, element)));
    ht_json_put_real(row, "epoch", epoch);
    ht_json_put_real(row, "best", best);
    put_job(c, row, job, element);
    free(dir);
    return row;
}

/* What comes between this generation and the next one; NULL: nothing was planned. */
static cJSON *evolve_row(const campaign *c, long long generation)
{
    const char *id = ht_submit_record_job(c->record, HT_ROLE_EVOLVE, generation);
    ht_string recipe = {0};
    if (id == NULL)
        return NULL;
    ht_string_add(&recipe, "%s/gen-%lld/" HT_FILE_NEXT_RECIPE, c->dir, generation + 1);
    bool done = ht_file_look(ht_string_peek(&recipe)).exists;
    cJSON *row = cJSON_CreateObject();
    put_number(row, "generation", generation, true);
    ht_json_put_text(row, "recipe", ht_string_peek(&recipe));
    ht_json_put_text(row, "state", done ? "finished" : state_of("", find_job(c, id, -1)));
    put_job(c, row, id, -1);
    ht_string_release(&recipe);
    return row;
}

/* ---- the table -------------------------------------------------------------------------------- */

static void add_number(ht_columns *t, const cJSON *row, const char *name, const char *other)
{
    if (cJSON_IsNumber(ht_json_member(row, name)))
        ht_columns_add_real(t, ht_json_number(row, name, NAN));
    else
        ht_columns_add(t, "%s", other);
}

/* "RUNNING n[0-1]", "PENDING Priority". */
static void add_queue(ht_columns *t, const cJSON *row)
{
    const cJSON *queue = ht_json_member(row, "queue");
    const char *state = ht_json_text(queue, "state"), *nodes = ht_json_text(queue, "nodes");
    const char *reason = ht_json_text(queue, "reason"), *more = nodes != NULL ? nodes : reason;
    ht_columns_add(t, "%s%s%s", state != NULL ? state : "-", more != NULL ? " " : "",
                   more != NULL ? more : "");
}

/* @param what  of the column RUN where the row has no number */
static void add_row(const campaign *c, ht_columns *t, const cJSON *row, const char *what)
{
    const char *job = ht_json_text(row, "job");
    if (c->generations > 0)
        add_number(t, row, "generation", "-");
    add_number(t, row, "run", what);
    ht_columns_add(t, "%s", ht_json_text(row, "state"));
    add_number(t, row, "epoch", "-");
    add_number(t, row, "best", "-");
    ht_columns_add(t, "%s", job != NULL ? job : "-");
    add_queue(t, row);
    ht_columns_end(t);
}

static const cJSON *evolution_of(const cJSON *out, double generation)
{
    const cJSON *row;
    cJSON_ArrayForEach(row, ht_json_member(out, "evolutions"))
        if (ht_json_number(row, "generation", -1) == generation)
            return row;
    return NULL;
}

static void print_table(const campaign *c, const cJSON *out)
{
    static const char *const titles[] = {"RUN", "STATE", "EPOCH", "BEST", "JOB", "QUEUE"};
    ht_columns t = {0};
    const cJSON *row;
    if (c->generations > 0)
        ht_columns_add(&t, "GENERATION");
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        ht_columns_add(&t, "%s", titles[i]);
    ht_columns_end(&t);
    cJSON_ArrayForEach(row, ht_json_member(out, "runs")) {
        double generation = ht_json_number(row, "generation", -1);
        const cJSON *evolution = evolution_of(out, generation);
        bool is_last = row->next == NULL || ht_json_number(row->next, "generation", -1) != generation;
        add_row(c, &t, row, "-");
        if (is_last && evolution != NULL)
            add_row(c, &t, evolution, "evolve");
    }
    ht_columns_print(&t, 0);
}

static void print_end(const campaign *c, const cJSON *out)
{
    int n = 0, finished = 0;
    const cJSON *row;
    ht_string study = {0}, quoted = {0};
    cJSON_ArrayForEach(row, ht_json_member(out, "runs")) {
        n++;
        finished += strcmp(ht_json_text(row, "state"), "finished") == 0;
    }
    ht_cli_print("%d of %d %s finished", finished, n, n == 1 ? "run is" : "runs are");
    if (c->record != NULL && !c->queue.answered)
        ht_cli_print("; squeue says nothing of the jobs");
    ht_string_add(&study, "%s/" HT_FILE_STUDY, c->dir);
    ht_quote_shell(&quoted, ht_string_peek(&study));
    if (ht_file_look(ht_string_peek(&study)).exists)
        ht_cli_print("\nTheir study: hottune study ls %s", ht_string_peek(&quoted));
    ht_cli_print("\n");
    ht_string_release(&quoted);
    ht_string_release(&study);
}

int ht_campaign_status(const ht_cli *cli, const char *dir)
{
    campaign c;
    ht_error err = {""};
    ht_status st = open_campaign(dir, &c, &err);
    if (st != HT_OK)
        return ht_cli_fail_status(cli, st, &err);
    c.cli = cli;
    ask_queue(&c);
    cJSON *out = cJSON_CreateObject(), *runs = cJSON_CreateArray(), *evolutions = cJSON_CreateArray();
    for (long long g = 1; g <= most_of(c.generations, 1); g++) {
        for (long long k = 0; k < most_of(c.runs, 1); k++)
            cJSON_AddItemToArray(runs, run_row(&c, g, k));
        cJSON_AddItemToArray(evolutions, evolve_row(&c, g));
    }
    ht_json_put_text(out, "command", ht_json_text(c.record, "command"));
    ht_json_put(out, "runs", runs);
    ht_json_put(out, "evolutions", evolutions);
    ht_json_put_bool(out, "queue_answered", c.queue.answered);
    if (!cli->json) {
        print_table(&c, out);
        print_end(&c, out);
    }
    ht_cli_print_json(cli, out);
    release(&c);
    return HT_EXIT_DONE;
}

void ht_campaign_job(const ht_cli *cli, const char *dir, cJSON *out)
{
    campaign c;
    ht_error err = {""};
    ht_status st = open_campaign(dir, &c, &err);
    const char *id =
        st == HT_OK && c.record != NULL ? ht_submit_record_job(c.record, HT_ROLE_POPULATION, 0) : NULL;
    if (st != HT_OK)
        ht_cli_fail(cli, HT_EXIT_DONE, "%s", err.text);
    if (id != NULL) {
        ask_queue(&c);
        const ht_queue_job *job = ht_queue_find(&c.queue, id, -1);
        const char *more = job == NULL ? "" : job->nodes[0] != '\0' ? job->nodes : job->reason;
        if (!cli->json)
            ht_cli_print("Job: %.*s%s%s%s%s\n", (int)strcspn(id, ";"), id, job != NULL ? ", " : "",
                         job != NULL ? job->state : "", more[0] != '\0' ? " " : "", more);
        put_job(&c, out, id, -1);
    }
    release(&c);
}
