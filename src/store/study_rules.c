/* src/store/study_rules.c - what binds the tables of a study together; the contract is in study_check.h.
 *
 * A rule holds of tables that are there; each is told once for an object, with the first row that breaks it.
 * May touch: the file that is checked (reads only). */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "recipe/recipe.h"
#include "store/study_check.h"

enum { BLOCK = 8192 }; /* rows at a time */

typedef struct {
    const ht_study_file *f;
    const ht_check_sink *sink;
    const cJSON *attributes; /* of the run */
    const char *run;         /* path of the run */
    size_t broken;
} rules;

static void broken(rules *r, const char *object, const char *format, ...) HT_PRINTF(3, 4);
static void broken(rules *r, const char *object, const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    r->broken++;
    r->sink->say(r->sink->ctx, HT_CHECK_DAMAGED, object, what);
}

static char *join(const char *above, const char *name)
{
    ht_string path = {0};
    ht_string_add(&path, "%s/%s", above, name);
    return ht_string_take(&path);
}

/* Rows of a table of the run; -1 = there is none. */
static long long count_rows(const rules *r, const char *name)
{
    ht_study_table t;
    long long n = -1;
    char *path = join(r->run, name);
    if (path != NULL && ht_study_look(r->f, path) == HT_OBJECT_TABLE &&
        ht_study_table_read(r->f, path, 0, 0, &t, NULL) == HT_OK) {
        n = (long long)t.n_all;
        ht_study_table_release(&t);
    }
    free(path);
    return n;
}

/* Calls `visit` for each row until it says false: then the row breaks a rule, and `why` tells which. */
typedef bool (*row_rule)(rules *r, const ht_study_table *t, size_t row, size_t number, const char **why);

static void each_row(rules *r, const char *path, row_rule rule)
{
    size_t all = 1;
    bool fine = ht_study_look(r->f, path) == HT_OBJECT_TABLE;
    for (size_t at = 0; fine && at < all; at += BLOCK) {
        ht_study_table t;
        const char *why = "";
        if (ht_study_table_read(r->f, path, at, BLOCK, &t, NULL) != HT_OK)
            return;
        for (size_t i = 0; fine && i < t.n_rows; i++)
            if (!rule(r, &t, i, at + i, &why)) {
                broken(r, path, "row %zu: %s", at + i, why);
                fine = false;
            }
        all = t.n_all;
        ht_study_table_release(&t);
    }
}

static void each_row_of_run(rules *r, const char *name, row_rule rule)
{
    char *path = join(r->run, name);
    if (path != NULL)
        each_row(r, path, rule);
    free(path);
}

/* A column that is there, as a number; `fallback` if it is not. */
static double cell(const ht_study_table *t, size_t row, const char *name, double fallback)
{
    const ht_table_column *c = ht_table_find(t, name);
    return c != NULL && c->kind != HT_CELL_TEXT ? ht_table_real(t, row, c, 0) : fallback;
}

/* ---- rules of rows ---------------------------------------------------------------------------------- */

static bool replica_exists(rules *r, const ht_study_table *t, size_t row, size_t number, const char **why)
{
    double replica = cell(t, row, "replica", 0), n = ht_json_number(r->attributes, "replicas", INFINITY);
    (void)number;
    *why = "its replica is none of the run";
    return replica >= -1 && (replica < n || n <= 0);
}

static bool segment_fits(rules *r, const ht_study_table *t, size_t row, size_t number, const char **why)
{
    if (!replica_exists(r, t, row, number, why))
        return false;
    const cJSON *phases = ht_json_member(r->attributes, "phases");
    double phase = cell(t, row, "phase", 0), start = cell(t, row, "start_step", 0),
           end = cell(t, row, "end_step", start);
    if (end < start) {
        *why = "it ends before it starts";
        return false;
    }
    *why = "its phase is none of the run";
    return !cJSON_IsArray(phases) || (phase >= 0 && phase < cJSON_GetArraySize(phases));
}

static bool evidence_is_finite(rules *r, const ht_study_table *t, size_t row, size_t number, const char **why)
{
    (void)r;
    (void)number;
    *why = "a number is not finite, or negative where that has no meaning";
    for (size_t c = 0; c < t->n_columns; c++)
        if (t->columns[c].kind != HT_CELL_TEXT && !isfinite(ht_table_real(t, row, &t->columns[c], 0)))
            return false;
    return cell(t, row, "win_spread", 0) >= 0 && cell(t, row, "wins", 0) >= 0;
}

static bool parent_is_older(rules *r, const ht_study_table *t, size_t row, size_t number, const char **why)
{
    double node = cell(t, row, "node", (double)number), parent = cell(t, row, "parent", -1);
    (void)r;
    *why = "its number or that of its parent is wrong";
    return node == (double)number && parent >= -1 && parent < node;
}

static bool node_is_known(rules *r, const ht_study_table *t, size_t row, size_t number, const char **why)
{
    double node = cell(t, row, "node", 0);
    (void)number;
    *why = "its node is not in the lineage";
    return node >= 0 && node < (double)count_rows(r, "lineage");
}

/* ---- rules of runs ---------------------------------------------------------------------------------- */

/* Tables that go row by row with another one. */
static void rows_agree(rules *r)
{
    static const char *const pairs[][2] = {{"segments", "mutations"},     {"segments", "readings_pre"},
                                           {"segments", "readings_post"}, {"segments", "knobs"},
                                           {"segments", "factors"},       {"lineage", "lineage_knobs"},
                                           {"schedule", "schedule_knobs"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        long long a = count_rows(r, pairs[i][0]), b = count_rows(r, pairs[i][1]);
        if (a >= 0 && b >= 0 && a != b)
            broken(r, r->run, "'%s' has %lld rows, '%s' has %lld", pairs[i][0], a, pairs[i][1], b);
    }
}

/* Each segment of an independent replica names the mutation in the same row. */
static void mutations_agree(rules *r)
{
    char *segments = join(r->run, "segments"), *mutations = join(r->run, "mutations");
    size_t all = count_rows(r, "mutations") == count_rows(r, "segments") ? 1 : 0;
    for (size_t at = 0; segments != NULL && mutations != NULL && at < all; at += BLOCK) {
        ht_study_table s = {0}, m = {0};
        if (ht_study_table_read(r->f, segments, at, BLOCK, &s, NULL) != HT_OK ||
            ht_study_table_read(r->f, mutations, at, BLOCK, &m, NULL) != HT_OK)
            all = 0;
        for (size_t i = 0; i < m.n_rows; i++)
            if (cell(&s, i, "mutation", 0) != cell(&m, i, "number", 0)) {
                broken(r, segments, "row %zu: its mutation is another one than that of the same row", at + i);
                all = 0;
                break;
            }
        all = all == 0 ? 0 : s.n_all;
        ht_study_table_release(&s);
        ht_study_table_release(&m);
    }
    free(segments);
    free(mutations);
}

/* A recipe is one, and has the fingerprint that stands beside it; that changes when recipes get new fields.
 */
static void recipe_agrees(rules *r, const char *group, const cJSON *attributes, const char *name,
                          const char *hash_name)
{
    char *path = join(group, name), *text = NULL, hash[17];
    const char *wanted = ht_json_text(attributes, hash_name);
    ht_recipe *recipe = NULL;
    ht_error err = {""};
    if (path != NULL && ht_study_look(r->f, path) == HT_OBJECT_TEXT &&
        ht_study_text(r->f, path, &text, NULL) == HT_OK) {
        if (ht_recipe_parse(text, name, &recipe, &err) != HT_OK)
            broken(r, path, "is no recipe: %.200s", err.text);
        else if (wanted != NULL && ht_recipe_hash(recipe, hash) == HT_OK && strcmp(hash, wanted) != 0)
            r->sink->say(
                r->sink->ctx, HT_CHECK_NOTE, path,
                "has another fingerprint than the one beside it: another version of hottune wrote it, or "
                "somebody changed it");
    }
    ht_recipe_destroy(recipe);
    free(text);
    free(path);
}

static void check_run(rules *r)
{
    const cJSON *a = r->attributes;
    double started = ht_json_number(a, "started", NAN), ended = ht_json_number(a, "ended", NAN);
    if (ht_json_text(a, "id") == NULL)
        broken(r, r->run, "has no id");
    if (!isfinite(started) || !isfinite(ended) || ended < 0)
        broken(r, r->run, "its times are none");
    rows_agree(r);
    mutations_agree(r);
    each_row_of_run(r, "segments", segment_fits);
    each_row_of_run(r, "mutations", replica_exists);
    each_row_of_run(r, "curves", replica_exists);
    each_row_of_run(r, "places", replica_exists);
    each_row_of_run(r, "evidence", evidence_is_finite);
    each_row_of_run(r, "lineage", parent_is_older);
    each_row_of_run(r, "schedule", node_is_known);
    recipe_agrees(r, r->run, a, "recipe", "recipe_hash");
    recipe_agrees(r, r->run, a, "base_recipe", "base_recipe_hash");
}

size_t ht_study_check_rules(const ht_study_file *f, const ht_check_sink *sink)
{
    rules r = {.f = f, .sink = sink};
    ht_study_names runs = {0};
    cJSON *recipe = NULL;
    if (ht_study_look(f, "/recipe") == HT_OBJECT_GROUP &&
        ht_study_attributes(f, "/recipe", &recipe, NULL) == HT_OK) {
        recipe_agrees(&r, "/recipe", recipe, "base", "base_hash");
        recipe_agrees(&r, "/recipe", recipe, "evolved", "evolved_hash");
    }
    cJSON_Delete(recipe);
    if (ht_study_links(f, "/runs", &runs, NULL) != HT_OK)
        return r.broken;
    for (size_t i = 0; i < runs.n; i++) {
        cJSON *attributes = NULL;
        char *path = join("/runs", runs.names[i]);
        if (path != NULL && ht_study_attributes(f, path, &attributes, NULL) == HT_OK) {
            r.run = path;
            r.attributes = attributes;
            check_run(&r);
        }
        cJSON_Delete(attributes);
        free(path);
    }
    ht_study_names_release(&runs);
    return r.broken;
}
