/* src/cli/operations.c - the verb `recipe export`: what happened to a run, as the list of operations that
 * makes it happen again (freeze mode replay).
 *
 * With --schedule, of a pooled run: set_params for each actuator whose knobs change on the champion's way,
 * at the end of the epoch before; the first values at fit_start.
 * Without it: an entry for each command that was applied to a module other than core and tune, and one with
 * op `mutate` for each mutation that stayed in force. A list drives one training, so it takes the mutations
 * of one replica.
 * May touch: the output file; reads the run directory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sum.h"
#include "base/value.h"
#include "cli/cli.h"
#include "cli/schedule.h"
#include "store/page.h"
#include "store/run_dir.h"
#include "tune/replay.h"

typedef struct {
    long long step;
    size_t order; /* within a step: commands as in the ledger, then mutations */
    char *line;   /* owned */
} entry;

typedef struct {
    const ht_cli *cli;
    entry *entries;
    size_t n, capacity;
    bool failed; /* out of memory */
    size_t bad;  /* lines of the logs that are damaged or missing */
    long long replica;
    char run[24];        /* only this run's mutations; "" = any */
    ht_string mutations; /* lines of the mutation log that are taken */
} export;

/* Takes `module`'s operation as an entry. params is taken. */
static void add(export *e, long long step, const char *event, const char *module, const char *op,
                const char *id, cJSON *params)
{
    cJSON *object = cJSON_CreateObject(), *at = cJSON_CreateObject();
    ht_json_put_int(at, "step", (double)step);
    ht_json_put_text(at, "event", event);
    ht_json_put(object, "at", at);
    ht_json_put_text(object, "module", module);
    ht_json_put_text(object, "op", op);
    ht_json_put_text(object, "id", id);
    ht_json_put(object, "params", params);
    char *line = ht_json_line(object);
    cJSON_Delete(object);
    if (e->n == e->capacity) {
        size_t capacity = 2 * e->capacity + 64;
        entry *entries = realloc(e->entries, capacity * sizeof *entries);
        if (entries != NULL) {
            e->entries = entries;
            e->capacity = capacity;
        }
    }
    e->failed = e->failed || line == NULL || e->n == e->capacity;
    if (e->failed) {
        free(line);
        return;
    }
    e->entries[e->n] = (entry){.step = step, .order = e->n, .line = line};
    e->n++;
}

static void take_ledger_line(void *ctx, const cJSON *line)
{
    const char *module = ht_json_text(line, "module"), *decision = ht_json_text(line, "decision");
    const char *event = ht_json_text(line, "event"), *op = ht_json_text(line, "op");
    if (module == NULL || op == NULL || decision == NULL || strcmp(decision, "applied") != 0 ||
        strcmp(module, "core") == 0 || strcmp(module, "tune") == 0)
        return;
    add(ctx, (long long)ht_json_number(line, "step", 0), event != NULL ? event : "train_batch_end", module,
        op, ht_json_text(line, "id"), cJSON_Duplicate(ht_json_member(line, "params"), true));
}

static void take_mutation_line(void *ctx, const cJSON *line)
{
    export *e = ctx;
    const char *run = ht_json_text(line, "run");
    if ((long long)ht_json_number(line, "replica", 0) != e->replica ||
        (e->run[0] != 0 && run != NULL && strcmp(run, e->run) != 0))
        return;
    char *text = ht_json_line(line);
    e->failed = e->failed || text == NULL;
    ht_string_add(&e->mutations, "%s\n", text != NULL ? text : "");
    free(text);
}

static void add_mutation(export *e, const ht_replay_entry *m)
{
    cJSON *params = cJSON_CreateObject(), *patch = cJSON_CreateObject();
    ht_json_put_text(patch, "op", m->patch.op);
    if (m->patch.key[0] != 0)
        ht_json_put_text(patch, "key", m->patch.key);
    ht_json_put(patch, "value", ht_value_to_json(&m->patch.value));
    ht_json_put_text(params, "actuator", m->actuator);
    ht_json_put(params, "patch", patch);
    add(e, m->step, "val_epoch_end", "tune", "mutate", NULL, params);
}

/* The latest run of the directory, and its best replica: what the summary says. Without one, all runs and
 * replica 0. */
static ht_status read_summary(export *e, const char *dir, ht_error *err)
{
    char *path = ht_path_join(dir, HT_FILE_SUMMARY);
    cJSON *summary = NULL;
    ht_status st =
        path != NULL ? ht_page_read(path, &summary, err) : ht_fail(err, HT_ENOMEM, "out of memory");
    if (st == HT_OK) {
        const char *run = ht_json_text(summary, "run");
        snprintf(e->run, sizeof e->run, "%s", run != NULL ? run : "");
        if (e->replica < 0)
            e->replica = (long long)ht_json_number(ht_json_member(summary, "champion"), "replica", 0);
    }
    if (e->replica < 0)
        e->replica = 0;
    cJSON_Delete(summary);
    free(path);
    return st == HT_ENOTFOUND ? HT_OK : st;
}

/* The lines of a log that count; of the others it is told. */
static ht_status read_log(export *e, const char *dir, const char *name,
                          void (*visit)(void *ctx, const cJSON *line), ht_error *err)
{
    ht_lines_account account;
    ht_error why;
    HT_TRY(ht_run_dir_log(dir, name, visit, e, &account, err));
    if (ht_lines_tell(name, &account, &why))
        ht_cli_fail(e->cli, HT_EXIT_DONE, "warning: %s", why.text);
    e->bad += account.bad + account.missing + account.torn;
    return HT_OK;
}

static ht_status read_logs(export *e, const char *dir, ht_error *err)
{
    ht_replay replay = {0};
    char *ledger = ht_path_join(dir, HT_FILE_APPLIED), *log = ht_path_join(dir, HT_FILE_MUTATIONS);
    ht_status st = ledger != NULL && log != NULL ? HT_OK : ht_fail(err, HT_ENOMEM, "out of memory");
    if (st == HT_OK && !ht_file_look(ledger).exists && !ht_file_look(log).exists)
        st = ht_fail(err, HT_ENOTFOUND,
                     "recipe export: '%s' has neither %s nor %s; name the directory of a run "
                     "with --dir",
                     dir, HT_FILE_APPLIED, HT_FILE_MUTATIONS);
    if (st == HT_OK)
        st = read_log(e, dir, HT_FILE_APPLIED, take_ledger_line, err);
    if (st == HT_OK)
        st = read_log(e, dir, HT_FILE_MUTATIONS, take_mutation_line, err);
    if (st == HT_OK)
        st = ht_replay_parse(ht_string_peek(&e->mutations), &replay, err);
    for (size_t i = 0; i < replay.n; i++)
        add_mutation(e, &replay.entries[i]);
    if (st == HT_OK && (e->failed || e->mutations.failed))
        st = ht_fail(err, HT_ENOMEM, "out of memory");
    ht_replay_release(&replay);
    free(log);
    free(ledger);
    return st;
}

/* The values of a piece that differ from those before (NULL: all), as one command an actuator. */
static void add_piece(export *e, const ht_schedule *s, const ht_schedule_piece *p,
                      const ht_schedule_piece *before, long long epoch_steps)
{
    for (size_t i = 0; i < s->n_knobs; i++) {
        size_t actuator = strcspn(s->names[i], "."), earlier = 0;
        while (earlier < i && strncmp(s->names[earlier], s->names[i], actuator + 1) != 0)
            earlier++;
        if (earlier < i)
            continue;   /* went with the first knob of its actuator */
        char module[2 * HT_NAME_MAX];
        cJSON *params = cJSON_CreateObject();
        snprintf(module, sizeof module, "%.*s", (int)actuator, s->names[i]);
        for (size_t k = i; k < s->n_knobs; k++)
            if (strncmp(s->names[k], s->names[i], actuator + 1) == 0 &&
                (before == NULL || p->values[k] != before->values[k]))
                ht_json_put_real(params, s->names[k] + actuator + 1, p->values[k]);
        if (params != NULL && params->child != NULL)
            add(e, (p->first - 1) * epoch_steps, before == NULL ? "fit_start" : "val_epoch_end", module,
                "set_params", NULL, params);
        else
            cJSON_Delete(params);
    }
}

static ht_status read_schedule(export *e, const char *dir, long long epoch_steps, ht_error *err)
{
    ht_schedule s;
    HT_TRY(ht_schedule_read(dir, &s, err));
    ht_status st = HT_OK;
    if (epoch_steps == 0)
        epoch_steps = s.steps_per_epoch;
    if (epoch_steps == 0)
        st = ht_fail(err, HT_EINVAL,
                     "recipe export: the summary does not say how many steps an epoch has; give it with "
                     "--epoch-steps");
    for (size_t i = 0; st == HT_OK && i < s.n; i++)
        add_piece(e, &s, &s.pieces[i], i > 0 ? &s.pieces[i - 1] : NULL, epoch_steps);
    if (st == HT_OK && e->failed)
        st = ht_fail(err, HT_ENOMEM, "out of memory");
    ht_schedule_release(&s);
    return st;
}

static int by_step(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->step != y->step)
        return x->step < y->step ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int write_list(const ht_cli *cli, export *e, const char *path)
{
    ht_string text = {0};
    if (e->n > 0)
        qsort(e->entries, e->n, sizeof *e->entries, by_step);
    for (size_t i = 0; i < e->n; i++) {
        e->entries[i].line = ht_sum_put(e->entries[i].line, i + 1);
        e->failed = e->failed || e->entries[i].line == NULL;
        ht_string_add(&text, "%s\n", e->entries[i].line != NULL ? e->entries[i].line : "");
    }
    text.failed = text.failed || e->failed;
    int code = ht_cli_write(cli, path, &text);
    ht_string_release(&text);
    if (code != HT_EXIT_DONE)
        return code;
    ht_cli_say(cli, "Exported recipe with %zu entries -> %s\n", e->n, path);
    cJSON *shown = cJSON_CreateObject();
    ht_json_put_text(shown, "path", path);
    ht_json_put_int(shown, "entries", (double)e->n);
    ht_json_put_int(shown, "replica", (double)e->replica);
    ht_json_put_int(shown, "bad_lines", (double)e->bad);
    ht_cli_print_json(cli, shown);
    return code;
}

int ht_verb_recipe_export(const ht_cli *cli, const ht_args *args)
{
    export e = {.cli = cli, .replica = -1};
    const char *dir = NULL, *given = ht_args_text(args, "out");
    char *path = NULL;
    ht_error err = {""};
    long long epoch_steps = 0;
    bool schedule = ht_args_has(args, "schedule");
    ht_status st = ht_args_int(args, "replica", 0, 1000000, &e.replica, &err);
    if (st == HT_OK)
        st = ht_args_int(args, "epoch-steps", 1, 1000000000, &epoch_steps, &err);
    if (st != HT_OK)
        return ht_cli_fail_status(cli, st, &err);
    if (schedule ? ht_args_has(args, "replica") : epoch_steps > 0)
        return ht_cli_fail(cli, HT_EXIT_USAGE, schedule ? "--schedule is the champion's: leave out --replica"
                                                        : "--epoch-steps is for --schedule");
    int code = ht_cli_dir(cli, &dir);
    if (code == HT_EXIT_DONE)
        code = ht_cli_path(cli, dir, HT_FILE_OPLIST, &path);
    if (code != HT_EXIT_DONE)
        goto done;
    st = read_summary(&e, dir, &err);
    if (st == HT_OK)
        st = schedule ? read_schedule(&e, dir, epoch_steps, &err) : read_logs(&e, dir, &err);
    code =
        st == HT_OK ? write_list(cli, &e, given != NULL ? given : path) : ht_cli_fail_status(cli, st, &err);
done:
    for (size_t i = 0; i < e.n; i++)
        free(e.entries[i].line);
    free(e.entries);
    ht_string_release(&e.mutations);
    free(path);
    return code;
}
