/* src/cli/replay.c - the verb `replay`: the champion's schedule of a pooled run, applied to one plain
 * training.
 *
 * One process, no tuner, no other replicas: what remains are the values of the knobs, epoch by epoch. The
 * static default is trained beside it, at the same cost. May touch: stdout; reads the run directory. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/schedule.h"
#include "cli/train.h"
#include "store/page.h"
#include "store/run_dir.h"

/* What is trained: what the run says of itself, or what is given. */
typedef struct {
    const ht_cli *cli;
    const char *dir;
    const ht_workload_info *workload;
    long long epochs, seed;
    const char *set, *data; /* borrowed from `record` or the arguments; NULL = none */
    bool cosine;
    cJSON *record; /* of the run, owned; NULL = none */
    ht_schedule schedule;
} job;

/* ---- what is asked -------------------------------------------------------------------------- */

static ht_status read_record(job *j, ht_error *err)
{
    char *path = ht_path_join(j->dir, HT_FILE_RUN);
    ht_status st = path != NULL ? ht_page_read(path, &j->record, err) : ht_fail(err, HT_ENOMEM, "out of memory");
    free(path);
    return st == HT_ENOTFOUND ? HT_OK : st; /* made by an older version, or by a program of somebody's own */
}

static int read_workload(job *j, const char *given)
{
    const char *name = given != NULL ? given : ht_json_text(j->record, "workload");
    if (name == NULL)
        return ht_cli_fail(
            j->cli, HT_EXIT_USAGE,
            "'%s' does not say which workload was trained; name it with --workload (a program of "
            "your own repeats a schedule by: hottune recipe export --schedule)",
            j->dir);
    if ((j->workload = ht_workload_find(name)) == NULL)
        return ht_cli_fail(j->cli, HT_EXIT_USAGE, "unknown workload '%s'; 'hottune workloads' lists them",
                           name);
    return HT_EXIT_DONE;
}

static int read_options(job *j, const ht_args *args)
{
    ht_error err = {""};
    const char *schedule = ht_json_text(j->record, "schedule");
    double epochs = ht_json_number(j->record, "epochs", NAN), seed = ht_json_number(j->record, "seed", NAN);
    j->epochs = epochs >= 1 && epochs <= 1000000 ? (long long)epochs : j->schedule.epochs;
    j->seed = seed >= 0 && seed < 9007199254740992.0 ? (long long)seed : 1;
    j->cosine = schedule != NULL && strcmp(schedule, "cosine") == 0;
    j->set = ht_json_text(j->record, "set");
    j->data = ht_args_has(args, "data") ? ht_args_text(args, "data") : ht_json_text(j->record, "data");
    ht_status st = ht_args_int(args, "epochs", 1, 1000000, &j->epochs, &err);
    if (st == HT_OK)
        st = ht_args_int(args, "seed", 0, (1LL << 53) - 1, &j->seed, &err);
    return st == HT_OK ? HT_EXIT_DONE : ht_cli_fail_status(j->cli, st, &err);
}

/* ---- trainings ------------------------------------------------------------------------------ */

typedef struct {
    const job *j;
    ht_training *training;
    cJSON *epochs; /* what was trained, an object an epoch; owned by the caller */
    ht_status status;
    ht_error err;
} follower;

/* Before an epoch: the values that the schedule has there. */
static void follow(void *ctx, int epoch)
{
    follower *f = ctx;
    const ht_schedule *s = &f->j->schedule;
    const ht_schedule_piece *p = ht_schedule_at(s, epoch);
    for (size_t i = 0; i < s->n_knobs && f->status == HT_OK; i++)
        f->status = ht_training_put(f->training, s->names[i], p->values[i], &f->err);
}

/* After it: what the training's own knobs held. */
static void note(void *ctx, int epoch, double val)
{
    follower *f = ctx;
    const ht_schedule *s = &f->j->schedule;
    cJSON *line = cJSON_CreateObject(), *knobs = cJSON_CreateObject();
    ht_json_put_int(line, "epoch", epoch);
    ht_json_put_int(line, "step", (double)(epoch - 1) * f->j->workload->steps_per_epoch);
    ht_json_put_real(line, "val_loss", val);
    for (size_t i = 0; i < s->n_knobs; i++)
        ht_json_put_real(knobs, s->names[i], ht_training_get(f->training, s->names[i]));
    ht_json_put(line, "knobs", knobs);
    cJSON_AddItemToArray(f->epochs, line);
}

/* @param f  NULL: the static default */
static ht_status train(const job *j, follower *f, ht_outcome *out, ht_error *err)
{
    ht_training *t = NULL;
    ht_status st = ht_training_create(&(ht_workload_options){.name = j->workload->name,
                                                             .seed = (unsigned long long)j->seed,
                                                             .data_dir = j->data,
                                                             .comm = MPI_COMM_NULL,
                                                             .cosine_epochs = j->cosine ? (int)j->epochs : 0},
                                      (int)j->epochs, &t, err);
    if (st == HT_OK && j->set != NULL)
        st = ht_training_set(t, j->set, err);
    if (st == HT_OK && f != NULL) {
        f->training = t;
        ht_training_listen(t, note, f);
        ht_training_before(t, follow, f);
        follow(f, 1); /* a schedule that does not fit is refused before anything is trained */
        st = f->status == HT_OK ? HT_OK : ht_fail(err, f->status, "%s", f->err.text);
    }
    if (st == HT_OK)
        st = ht_training_run(t, NULL, out, err);
    if (st == HT_OK && f != NULL && f->status != HT_OK)
        st = ht_fail(err, f->status, "%s", f->err.text);
    ht_training_destroy(t);
    return st;
}

/* ---- what is printed ------------------------------------------------------------------------ */

static void print_row(const char *name, double val, double test, double epoch)
{
    char text[3][32] = {"-", "-", "-"};
    if (isfinite(val))
        snprintf(text[0], sizeof text[0], "%.4f", val);
    if (isfinite(test))
        snprintf(text[1], sizeof text[1], "%.4f", test);
    if (epoch > 0)
        snprintf(text[2], sizeof text[2], "%.0f", epoch);
    ht_cli_print("  %-14s  %15s  %9s  %5s\n", name, text[0], text[1], text[2]);
}

static cJSON *row(double val, double test)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_real(o, "val_loss", val);
    ht_json_put_real(o, "test_loss", test);
    return o;
}

/* Takes `epochs`. */
static void report(const job *j, const ht_outcome *replay, const ht_outcome *plain, cJSON *epochs)
{
    const ht_schedule *s = &j->schedule;
    if (!j->cli->json) {
        ht_cli_print("%s, seed %lld, %lld epochs: the schedule of %s in one plain training\n\n", j->workload->name,
               j->seed, j->epochs, j->dir);
        ht_cli_print("  %-14s  %15s  %9s  %5s\n", "", "validation loss", "test loss", "epoch");
        print_row("static default", plain->val, plain->test, plain->epoch);
        print_row("replay", replay->val, replay->test, replay->epoch);
        print_row("champion", s->val, s->test, 0);
        ht_cli_print("\n  schedule   %zu pieces, %d epochs\n", s->n, s->epochs);
        cJSON_Delete(epochs);
        return;
    }
    cJSON *o = cJSON_CreateObject();
    ht_json_put_text(o, "workload", j->workload->name);
    ht_json_put_int(o, "epochs", (double)j->epochs);
    ht_json_put_int(o, "seed", (double)j->seed);
    ht_json_put_int(o, "schedule_epochs", s->epochs);
    ht_json_put(o, "static", row(plain->val, plain->test));
    ht_json_put(o, "replay", row(replay->val, replay->test));
    ht_json_put(o, "champion", row(s->val, s->test));
    ht_json_put(o, "trained", epochs);
    ht_cli_print_json(j->cli, o);
}

/* ---- the verb ------------------------------------------------------------------------------- */

static int replay(job *j)
{
    ht_error err = {""};
    ht_outcome plain, repeated;
    follower f = {.j = j, .epochs = cJSON_CreateArray()};
    ht_status st = train(j, &f, &repeated, &err);
    if (st == HT_OK)
        st = train(j, NULL, &plain, &err);
    if (st == HT_OK)
        report(j, &repeated, &plain, f.epochs);
    else
        cJSON_Delete(f.epochs);
    return st == HT_OK ? HT_EXIT_DONE : ht_cli_fail_status(j->cli, st, &err);
}

int ht_verb_replay(const ht_cli *cli, const ht_args *args)
{
    job j = {.cli = cli};
    ht_error err = {""};
    int code = ht_cli_dir(cli, &j.dir);
    if (code != HT_EXIT_DONE)
        return code;
    ht_status st = ht_schedule_read(j.dir, &j.schedule, &err);
    if (st == HT_OK)
        st = read_record(&j, &err);
    code =
        st == HT_OK ? read_workload(&j, ht_args_text(args, "workload")) : ht_cli_fail_status(cli, st, &err);
    if (code == HT_EXIT_DONE)
        code = read_options(&j, args);
    if (code == HT_EXIT_DONE)
        code = replay(&j);
    ht_schedule_release(&j.schedule);
    cJSON_Delete(j.record);
    return code;
}
