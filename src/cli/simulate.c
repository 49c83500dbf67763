/* src/cli/simulate.c - the verb `simulate`: a run in virtual time, or several that differ in one option.
 *
 * A sweep reads the options again for each setting, with the swept one replaced. May touch: stdout, files that are named. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/simulate.h"

enum { SETTINGS_MAX = 64 };

/* "replicas=8,16": the option and its settings, cut from `text`. */
typedef struct {
    char *text;             /* owned */
    size_t option;          /* index into the arguments */
    const char *name;
    size_t n;
    const char *settings[SETTINGS_MAX];
} sweep;

static ht_status read_sweep(const ht_args *args, sweep *s, ht_error *err)
{
    const char *given = ht_args_text(args, "sweep");
    char *rest = NULL, *values;
    if (given == NULL)
        return HT_OK;
    s->text = strdup(given);
    if (s->text == NULL)
        return ht_fail(err, HT_ENOMEM, "out of memory");
    values = strchr(s->text, '=');
    if (values == NULL)
        return ht_fail(err, HT_EINVAL, "--sweep: '%s' is not OPTION=VALUE,VALUE, such as replicas=8,16,32", given);
    *values++ = '\0';
    s->name = s->text;
    while (s->option < args->n_options && strcmp(args->options[s->option]->name, s->name) != 0)
        s->option++;
    if (s->option == args->n_options || args->options[s->option]->value == NULL || strcmp(s->name, "sweep") == 0 ||
        strcmp(s->name, "dir") == 0)
        return ht_fail(err, HT_EINVAL, "--sweep: '%s' is no option with a value that can be swept", s->name);
    for (char *word = strtok_r(values, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        if (s->n == SETTINGS_MAX)
            return ht_fail(err, HT_EINVAL, "--sweep: more than %d settings", SETTINGS_MAX);
        s->settings[s->n++] = word;
    }
    return s->n > 0 ? HT_OK : ht_fail(err, HT_EINVAL, "--sweep: '%s' names no value", given);
}

static ht_status simulate(const ht_args *args, ht_sim_row *row, ht_error *err)
{
    ht_string plan = {0};
    HT_TRY(ht_sim_ask_read(args, &row->ask, err));
    ht_status st = ht_simulation_run(&row->ask.o, &row->result, &plan, err);
    row->plan = ht_string_take(&plan);
    return st;
}

/* All rows are read before the first is simulated, so that a wrong setting costs no time. */
static ht_status check_all(const ht_args *args, const sweep *s, ht_error *err)
{
    ht_status st = HT_OK;
    for (size_t i = 0; i < s->n && st == HT_OK; i++) {
        ht_args one = *args;
        ht_sim_ask ask;
        one.values[s->option] = s->settings[i];
        st = ht_sim_ask_read(&one, &ask, err);
        ht_sim_ask_release(&ask);
    }
    return st;
}

static ht_status simulate_all(const ht_args *args, const sweep *s, ht_sim_row *rows, ht_error *err)
{
    HT_TRY(check_all(args, s, err));
    for (size_t i = 0; i < s->n; i++) {
        ht_args one = *args;
        one.values[s->option] = s->settings[i];
        rows[i].setting = s->settings[i];
        HT_TRY(simulate(&one, &rows[i], err));
    }
    return HT_OK;
}

static void print(const ht_cli *cli, const sweep *s, size_t n, const ht_sim_row *rows, bool timing)
{
    if (!cli->json && s->n > 0) {
        ht_sim_report_sweep(s->name, n, rows, timing);
        return;
    }
    if (!cli->json) {
        ht_sim_report(&rows[0], timing);
        return;
    }
    cJSON *o = cJSON_CreateObject(), *list = cJSON_CreateArray();
    for (size_t i = 0; i < n; i++)
        cJSON_AddItemToArray(list, ht_sim_report_json(&rows[i], timing));
    ht_json_put_text(o, "recipe", rows[0].ask.name);
    ht_json_put_text(o, "sweep", s->name);
    ht_json_put(o, "runs", list);
    ht_cli_print_json(cli, o);
}

int ht_verb_simulate(const ht_cli *cli, const ht_args *args)
{
    ht_error err = {""};
    sweep s = {0};
    ht_status st = read_sweep(args, &s, &err);
    size_t n = s.n > 0 ? s.n : 1;
    ht_sim_row *rows = calloc(n, sizeof *rows);
    if (st == HT_OK && rows == NULL)
        st = ht_fail(&err, HT_ENOMEM, "out of memory");
    if (st == HT_OK)
        st = s.n > 0 ? simulate_all(args, &s, rows, &err) : simulate(args, &rows[0], &err);
    if (st == HT_OK)
        print(cli, &s, n, rows, !ht_args_has(args, "no-timing"));
    for (size_t i = 0; rows != NULL && i < n; i++) {
        ht_sim_ask_release(&rows[i].ask);
        free(rows[i].plan);
    }
    free(rows);
    free(s.text);
    return st == HT_OK ? HT_EXIT_DONE : ht_cli_fail_status(cli, st, &err);
}
