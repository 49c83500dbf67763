/* src/cli/study_show.c - the verb `study show`: what a study is about, what it holds and what it believes.
 *
 * Everything that is shown is gathered as one JSON object, which --json prints; people get the same as
 * tables. May touch: stdout; reads the study. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/shown.h"
#include "cli/columns.h"
#include "cli/study_runs.h"
#include "cli/study_sheets.h"

enum { ROWS_MAX = 400 }; /* of a table that is shown */

static const char *text(const cJSON *o, const char *name)
{
    const char *found = ht_json_text(o, name);
    return found != NULL ? found : "";
}

/* ---- gathering ---------------------------------------------------------------------------------- */

static cJSON *row_json(const ht_study_table *t, size_t i)
{
    cJSON *row = cJSON_CreateObject();
    for (size_t c = 0; c < t->n_columns; c++)
        ht_json_put(row, t->columns[c].name, ht_table_json(t, i, &t->columns[c]));
    return row;
}

/* The first rows of a table as objects; NULL = there is no such table. */
static ht_status read_rows(const ht_study_file *f, const char *group, const char *name, cJSON **out,
                           ht_error *err)
{
    ht_string object = {0};
    ht_study_table t = {0};
    ht_status st = HT_OK;
    ht_string_add(&object, "%s/%s", group, name);
    *out = NULL;
    if (ht_study_look(f, ht_string_peek(&object)) == HT_OBJECT_TABLE)
        st = ht_study_table_read(f, ht_string_peek(&object), 0, ROWS_MAX, &t, err);
    if (st == HT_OK && t.n_columns > 0)
        *out = cJSON_CreateArray();
    for (size_t i = 0; i < t.n_rows; i++)
        cJSON_AddItemToArray(*out, row_json(&t, i));
    ht_study_table_release(&t);
    ht_string_release(&object);
    return st;
}

/* The run with the best value, or NULL. Borrowed. */
static const cJSON *best_run(const cJSON *runs, bool maximize)
{
    const cJSON *run, *best = NULL;
    double value = NAN;
    cJSON_ArrayForEach(run, runs) {
        double x = ht_json_number(run, "result_val", ht_json_number(run, "value_best", NAN));
        if (isnan(x) || (best != NULL && (maximize ? x <= value : x >= value)))
            continue;
        best = run;
        value = x;
    }
    return best;
}

static const cJSON *find_run(const cJSON *runs, const char *id)
{
    const cJSON *run;
    cJSON_ArrayForEach(run, runs)
        if (strcmp(text(run, "id"), id) == 0)
            return run;
    return NULL;
}

static ht_status no_run(const ht_study_file *f, const cJSON *runs, const char *id, ht_error *err)
{
    const char *names[256];
    size_t n = 0;
    const cJSON *run;
    cJSON_ArrayForEach(run, runs)
        if (n < sizeof names / sizeof *names)
            names[n++] = text(run, "id");
    const char *near = ht_nearest(id, names, n);
    return ht_fail(err, HT_ENOTFOUND, "'%s' has no run '%s'%s%s%s; 'hottune study ls' lists them",
                   ht_study_file_path(f), id, near != NULL ? "; nearest is '" : "", near != NULL ? near : "",
                   near != NULL ? "'" : "");
}

/* Put the members of each row of `more` behind those of the same row of `rows`. Takes `more`. */
static void join_rows(cJSON *rows, cJSON *more)
{
    cJSON *row, *other = more != NULL ? more->child : NULL;
    cJSON_ArrayForEach(row, rows) {
        const cJSON *item;
        cJSON_ArrayForEach(item, other)
            ht_json_put(row, item->string, cJSON_Duplicate(item, true));
        other = other != NULL ? other->next : NULL;
    }
    cJSON_Delete(more);
}

/* What is told of one run, whose object is `group`. */
static ht_status gather_run(const ht_study_file *f, const char *group, cJSON *out, ht_error *err)
{
    static const char *const tables[] = {"evidence", "gain", "schedule"};
    cJSON *attributes = NULL, *knobs = NULL;
    HT_TRY(ht_study_attributes(f, group, &attributes, err));
    ht_json_put(out, "attributes", attributes);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        cJSON *rows = NULL;
        HT_TRY(read_rows(f, group, tables[i], &rows, err));
        ht_json_put(out, tables[i], rows);
    }
    HT_TRY(read_rows(f, group, "schedule_knobs", &knobs, err));
    join_rows(cJSON_GetObjectItemCaseSensitive(out, "schedule"), knobs);
    return HT_OK;
}

/* The rows of a sheet that is made of attributes: `priors`. */
static cJSON *records_of(const ht_study_file *f, const char *name, ht_status *st, ht_error *err)
{
    ht_sheets sheets = {0};
    cJSON *found = NULL;
    *st = ht_sheets_gather(f, &sheets, err);
    for (size_t i = 0; *st == HT_OK && i < sheets.n; i++)
        if (strcmp(sheets.at[i].name, name) == 0)
            found = cJSON_Duplicate(sheets.at[i].records, true);
    ht_sheets_release(&sheets);
    return found != NULL ? found : cJSON_CreateArray();
}

static ht_status gather_study(const ht_study_file *f, const char *id, cJSON *out, ht_error *err)
{
    cJSON *root = NULL, *recipe = NULL, *runs = NULL;
    ht_status st;
    HT_TRY(ht_study_attributes(f, "/", &root, err));
    ht_json_put(out, "attributes", root);
    if (ht_study_look(f, "/recipe") == HT_OBJECT_GROUP)
        HT_TRY(ht_study_attributes(f, "/recipe", &recipe, err));
    ht_json_put(out, "recipe", recipe);
    HT_TRY(ht_study_runs(f, &runs, err));
    ht_json_put(out, "runs", runs);
    ht_json_put(out, "priors", records_of(f, "priors", &st, err));
    if (st != HT_OK)
        return st;
    const cJSON *run =
        id != NULL ? find_run(runs, id) : best_run(runs, strcmp(text(root, "direction"), "maximize") == 0);
    if (id != NULL && run == NULL)
        return no_run(f, runs, id, err);
    if (run == NULL)
        return HT_OK;
    cJSON *shown = cJSON_CreateObject();
    ht_json_put(out, id != NULL ? "run" : "best", shown);
    ht_json_put_text(shown, "id", text(run, "id"));
    return gather_run(f, text(run, "object"), shown, err);
}

/* ---- for people --------------------------------------------------------------------------------- */

static void print_line(const char *title, const char *value)
{
    ht_string shown = {0};
    ht_shown_add(&shown, value); /* of one line, whatever it holds */
    printf("  %-10s %s\n", title, ht_string_peek(&shown));
    ht_string_release(&shown);
}

static void add_cell(ht_columns *c, const cJSON *item)
{
    char *line = NULL;
    if (cJSON_IsNumber(item))
        ht_columns_add_real(c, item->valuedouble);
    else if (cJSON_IsString(item))
        ht_columns_add(c, "%s", item->valuestring);
    else if (!cJSON_IsArray(item))
        ht_columns_add(c, "-");
    else { /* elements that are there */
        cJSON *there = cJSON_CreateArray();
        const cJSON *one;
        cJSON_ArrayForEach(one, item)
            if (!cJSON_IsNull(one))
                cJSON_AddItemToArray(there, cJSON_Duplicate(one, true));
        line = ht_json_line(there);
        ht_columns_add(c, "%s", line != NULL ? line : "?");
        cJSON_Delete(there);
    }
    free(line);
}

static void add_title(ht_columns *c, const char *name)
{
    char title[HT_NAME_MAX];
    ht_name_copy(title, name);
    for (char *s = title; *s != '\0'; s++)
        if (*s == '_')
            *s = ' ';
        else if (*s >= 'a' && *s <= 'z')
            *s = (char)(*s - 'a' + 'A');
    ht_columns_add(c, "%s", title);
}

/* Objects as a table: a column for each name that any of them has. */
static void print_objects(const cJSON *rows)
{
    ht_columns c = {0};
    cJSON *names = cJSON_CreateObject();
    const cJSON *row, *item;
    cJSON_ArrayForEach(row, rows)
        cJSON_ArrayForEach(item, row) {
            if (ht_json_member(names, item->string) == NULL && cJSON_GetArraySize(names) < HT_COLUMNS_MAX)
                ht_json_put_bool(names, item->string, true);
        }
    cJSON_ArrayForEach(item, names)
        add_title(&c, item->string);
    ht_columns_end(&c);
    cJSON_ArrayForEach(row, rows) {
        cJSON_ArrayForEach(item, names)
            add_cell(&c, ht_json_member(row, item->string));
        ht_columns_end(&c);
    }
    ht_columns_print(&c, 2);
    cJSON_Delete(names);
}

/* One object, a line a member. */
static void print_members(const cJSON *object, const char *name, const char *value)
{
    ht_columns c = {0};
    const cJSON *item;
    ht_columns_add(&c, "%s", name);
    ht_columns_add(&c, "%s", value);
    ht_columns_end(&c);
    cJSON_ArrayForEach(item, object) {
        ht_columns_add(&c, "%s", item->string);
        add_cell(&c, item);
        ht_columns_end(&c);
    }
    ht_columns_print(&c, 2);
}

static void print_section(const char *title, const cJSON *rows, const char *none)
{
    printf("\n%s:\n", title);
    if (cJSON_GetArraySize(rows) > 0)
        print_objects(rows);
    else
        printf("  %s\n", none);
}

static void print_problem(const char *path, const cJSON *attributes)
{
    char created[32], modified[32];
    ht_string line = {0};
    ht_print_time(ht_json_number(attributes, "created", NAN), created);
    ht_print_time(ht_json_number(attributes, "modified", NAN), modified);
    ht_shown_add(&line, path);
    printf("%s\n", ht_string_peek(&line));
    ht_string_release(&line);
    print_line("problem", text(attributes, "name"));
    ht_string_add(&line, "%s %s", text(attributes, "direction"), text(attributes, "objective"));
    print_line("objective", ht_string_peek(&line));
    ht_string_release(&line);
    ht_string_add(&line, "%s, last written %s by hottune %s", created, modified,
                  text(attributes, "hottune_version"));
    print_line("created", ht_string_peek(&line));
    ht_string_release(&line);
}

static void print_run(const cJSON *run, const char *title)
{
    const cJSON *a = ht_json_member(run, "attributes"), *rows = ht_json_member(run, "schedule");
    char line[512];
    printf("\n%s:\n", title);
    print_line("run", text(run, "id"));
    snprintf(line, sizeof line, "%.9g, test %.9g", ht_json_number(a, "result_val", NAN),
             ht_json_number(a, "result_test", NAN));
    print_line("value", line);
    snprintf(line, sizeof line,
             "%.0f accepted, %.0f rejected, %.0f rolled back, %.0f inconclusive, %.0f lost",
             ht_json_number(a, "accepted", 0), ht_json_number(a, "rejected", 0),
             ht_json_number(a, "rolled_back", 0), ht_json_number(a, "inconclusive", 0),
             ht_json_number(a, "lost", 0));
    print_line("segments", line);
    snprintf(line, sizeof line, "%.0f replicas of %.0f ranks on %.300s", ht_json_number(a, "replicas", 0),
             ht_json_number(a, "ranks_per_replica", 0), text(a, "nodes"));
    print_line("ran on", line);
    print_section("  What it says of each family", ht_json_member(run, "evidence"), "nothing");
    if (cJSON_GetArraySize(ht_json_member(run, "gain")) > 0)
        print_section("  What its champion owes to what", ht_json_member(run, "gain"), "");
    if (cJSON_GetArraySize(rows) > 0)
        print_section("  Schedule of its champion", rows, "");
}

static void print_study(const char *path, const cJSON *all)
{
    const cJSON *best = ht_json_member(all, "best"), *run = ht_json_member(all, "run");
    print_problem(path, ht_json_member(all, "attributes"));
    if (run != NULL) {
        print_run(run, "Run");
        return;
    }
    printf("\nRuns, oldest first:\n");
    ht_study_print_runs(ht_json_member(all, "runs"), 2);
    print_section(
        "What is believed (centre of proposals, spread on the family's scale, winning segments behind it)",
        ht_json_member(all, "priors"), "nothing yet");
    if (best != NULL)
        print_run(best, "Best so far");
}

/* ---- sweeps ------------------------------------------------------------------------------------- */

static bool is_better(const cJSON *a, const cJSON *b, bool maximize)
{
    double x = ht_json_number(a, "value", NAN), y = b != NULL ? ht_json_number(b, "value", NAN) : NAN;
    bool complete = strcmp(text(a, "state"), "complete") == 0 && isfinite(x);
    return complete && (b == NULL || (maximize ? x > y : x < y));
}

/* Count the trial and keep it if it is the best. Takes it. */
static void see_trial(cJSON *states, cJSON **best, cJSON *trial, bool maximize)
{
    const char *state = text(trial, "state");
    double n = ht_json_number(states, state, 0);
    bool better = is_better(trial, *best, maximize);
    cJSON_DeleteItemFromObjectCaseSensitive(states, state);
    ht_json_put_int(states, state, n + 1);
    cJSON_Delete(better ? *best : trial);
    if (better)
        *best = trial;
}

static ht_status gather_sweep(const ht_study_file *f, cJSON *out, ht_error *err)
{
    cJSON *root = NULL, *states = cJSON_CreateObject(), *best = NULL;
    ht_study_table t = {0};
    HT_TRY(ht_study_attributes(f, "/", &root, err));
    ht_json_put(out, "attributes", root);
    ht_json_put(out, "states", states);
    ht_status st = ht_study_table_read(f, "/trials", 0, SIZE_MAX, &t, err);
    for (size_t i = 0; i < t.n_rows; i++)
        see_trial(states, &best, row_json(&t, i), strcmp(text(root, "direction"), "maximize") == 0);
    ht_study_table_release(&t);
    ht_json_put(out, "best", best);
    return st;
}

static void print_sweep(const char *path, const cJSON *all)
{
    const cJSON *best = ht_json_member(all, "best");
    print_problem(path, ht_json_member(all, "attributes"));
    printf("\nTrials:\n");
    print_members(ht_json_member(all, "states"), "STATE", "TRIALS");
    if (best == NULL)
        return;
    printf("\nBest trial:\n");
    print_members(best, "COLUMN", "VALUE");
}

int ht_verb_study_show(const ht_cli *cli, const ht_args *args)
{
    ht_study_file *f = NULL;
    cJSON *all = cJSON_CreateObject();
    ht_error err = {""};
    ht_status st = ht_study_open_runs(cli, args->words[0], &f, &err);
    bool sweep = st == HT_OK && ht_study_file_kind(f) == HT_STUDY_SWEEP;
    if (sweep && ht_args_has(args, "run"))
        st = ht_fail(&err, HT_EINVAL, "'%s' is the file of a sweep: it has no runs; leave out --run",
                     args->words[0]);
    else if (st == HT_OK)
        st = sweep ? gather_sweep(f, all, &err) : gather_study(f, ht_args_text(args, "run"), all, &err);
    ht_study_file_close(f);
    if (st != HT_OK) {
        cJSON_Delete(all);
        return ht_cli_fail_status(cli, st, &err);
    }
    if (!cli->json)
        (sweep ? print_sweep : print_study)(args->words[0], all);
    ht_cli_print_json(cli, all);
    return HT_EXIT_DONE;
}
