/* src/cli/study_sheets_print.c - tables of a study as CSV and JSON; the contract is in study_sheets.h.
 *
 * May touch: the heap; reads the file of the tables. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/study_sheets.h"

enum { BLOCK = 8192 }; /* rows at a time */

/* ---- CSV ---------------------------------------------------------------------------------------- */

/* Spreadsheets take a text that begins like this for a formula. */
static bool looks_like_formula(const char *text)
{
    return text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;
}

static void add_text(ht_string *out, const char *text)
{
    bool formula = looks_like_formula(text);
    if (!formula && strpbrk(text, ",\"\r\n") == NULL) {
        ht_string_add_bytes(out, text, strlen(text));
        return;
    }
    ht_string_add_bytes(out, formula ? "\"'" : "\"", formula ? 2 : 1);
    for (; *text != '\0'; text++)
        ht_string_add_bytes(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    ht_string_add_bytes(out, "\"", 1);
}

static void add_item(ht_string *out, const cJSON *item)
{
    char *line = NULL;
    if (cJSON_IsString(item))
        add_text(out, item->valuestring);
    else if (item != NULL && !cJSON_IsNull(item) && (line = ht_json_line(item)) != NULL)
        cJSON_IsNumber(item) ? ht_string_add_bytes(out, line, strlen(line)) : add_text(out, line);
    free(line);
}

/* The columns of a table: `names` maps each to its place. Members of records, then cells of sources. */
static void learn_column(cJSON *names, const char *name)
{
    if (ht_json_member(names, name) == NULL)
        ht_json_put_int(names, name, cJSON_GetArraySize(names));
}

/* "value" or, of several elements, "value.1". */
static void column_name(const ht_table_column *c, size_t k, char name[HT_NAME_MAX + 24])
{
    if (c->n == 1 || c->kind == HT_CELL_TEXT)
        snprintf(name, HT_NAME_MAX + 24, "%.*s", (int)HT_NAME_MAX, c->name);
    else
        snprintf(name, HT_NAME_MAX + 24, "%.*s.%zu", (int)HT_NAME_MAX, c->name, k);
}

static size_t elements(const ht_table_column *c)
{
    return c->kind == HT_CELL_TEXT ? 1 : c->n;
}

static ht_status learn_columns(const ht_sheets *s, const ht_sheet *sheet, cJSON *names, ht_error *err)
{
    const cJSON *record, *item;
    cJSON_ArrayForEach(record, sheet->records)
        cJSON_ArrayForEach(item, record)
            learn_column(names, item->string);
    for (size_t i = 0; i < sheet->n_sources; i++) {
        ht_study_table t;
        if (sheet->sources[i].run != NULL)
            learn_column(names, "run");
        learn_column(names, "row");
        HT_TRY(ht_study_table_read(s->f, sheet->sources[i].object, 0, 0, &t, err));
        for (size_t c = 0; c < t.n_columns; c++)
            for (size_t k = 0; k < elements(&t.columns[c]); k++) {
                char name[HT_NAME_MAX + 24];
                column_name(&t.columns[c], k, name);
                learn_column(names, name);
            }
        ht_study_table_release(&t);
    }
    return HT_OK;
}

/* What stands in a column of the CSV, for one source. */
typedef struct {
    enum { NOTHING, RUN, ROW, CELL } kind;
    const ht_table_column *column;
    size_t k;
} cell;

static void place_columns(const ht_study_table *t, const cJSON *names, bool has_run, cell *cells)
{
    if (has_run)
        cells[(size_t)ht_json_number(names, "run", 0)].kind = RUN;
    cells[(size_t)ht_json_number(names, "row", 0)].kind = ROW;
    for (size_t c = 0; c < t->n_columns; c++)
        for (size_t k = 0; k < elements(&t->columns[c]); k++) {
            char name[HT_NAME_MAX + 24];
            column_name(&t->columns[c], k, name);
            cell *to = &cells[(size_t)ht_json_number(names, name, 0)];
            if (to->kind == NOTHING)
                *to = (cell){CELL, &t->columns[c], k};
        }
}

/* @param number  of the row in its table, of which t has a part */
static void add_cell(ht_string *out, const ht_study_table *t, size_t row, size_t number, const cell *c,
                     const char *run)
{
    char text[40];
    if (c->kind == RUN)
        add_text(out, run);
    else if (c->kind == ROW)
        ht_string_add(out, "%zu", number);
    else if (c->kind == NOTHING)
        return;
    else if (c->column->kind == HT_CELL_TEXT)
        add_text(out, ht_table_text(t, row, c->column));
    else if (!isnan(ht_table_real(t, row, c->column, c->k))) {
        ht_table_print(t, row, c->column, c->k, text);
        ht_string_add_bytes(out, text, strlen(text));
    }
}

static ht_status add_rows(const ht_sheets *s, const ht_sheet_source *source, const cJSON *names,
                          ht_string *out, ht_error *err)
{
    size_t n = (size_t)cJSON_GetArraySize(names), all = 1;
    for (size_t at = 0; at < all; at += BLOCK) {
        ht_study_table t;
        HT_TRY(ht_study_table_read(s->f, source->object, at, BLOCK, &t, err));
        cell *cells = calloc(n + 1, sizeof *cells);
        if (cells != NULL)
            place_columns(&t, names, source->run != NULL, cells);
        for (size_t row = 0; cells != NULL && row < t.n_rows; row++)
            for (size_t i = 0; i < n; i++) {
                add_cell(out, &t, row, at + row, &cells[i], source->run);
                ht_string_add_bytes(out, i + 1 < n ? "," : "\r\n", i + 1 < n ? 1 : 2);
            }
        all = t.n_all;
        ht_study_table_release(&t);
        if (cells == NULL)
            return ht_fail(err, HT_ENOMEM, "out of memory");
        free(cells);
    }
    return HT_OK;
}

ht_status ht_sheet_csv(const ht_sheets *s, const ht_sheet *sheet, ht_string *out, ht_error *err)
{
    cJSON *names = cJSON_CreateObject();
    const cJSON *name, *record;
    ht_status st = learn_columns(s, sheet, names, err);
    if (st == HT_OK)
        cJSON_ArrayForEach(name, names) {
            add_text(out, name->string);
            ht_string_add(out, name->next != NULL ? "," : "\r\n");
        }
    if (st == HT_OK)
        cJSON_ArrayForEach(record, sheet->records)
            cJSON_ArrayForEach(name, names) {
                add_item(out, ht_json_member(record, name->string));
                ht_string_add(out, name->next != NULL ? "," : "\r\n");
            }
    for (size_t i = 0; st == HT_OK && i < sheet->n_sources; i++)
        st = add_rows(s, &sheet->sources[i], names, out, err);
    cJSON_Delete(names);
    return st;
}

/* ---- JSON --------------------------------------------------------------------------------------- */

static void add_line(ht_string *out, const cJSON *item, bool first)
{
    char *line = ht_json_line(item);
    ht_string_add(out, "%s", first ? "\n    " : ",\n    ");
    if (line != NULL)
        ht_string_add_bytes(out, line, strlen(line));
    else
        out->failed = true;
    free(line);
}

static ht_status add_objects(const ht_sheets *s, const ht_sheet_source *source, bool *first, ht_string *out,
                             ht_error *err)
{
    size_t all = 1;
    for (size_t at = 0; at < all; at += BLOCK) {
        ht_study_table t;
        HT_TRY(ht_study_table_read(s->f, source->object, at, BLOCK, &t, err));
        for (size_t row = 0; row < t.n_rows; row++, *first = false) {
            cJSON *object = cJSON_CreateObject();
            if (source->run != NULL)
                ht_json_put_text(object, "run", source->run);
            ht_json_put_int(object, "row", (double)(at + row));
            for (size_t c = 0; c < t.n_columns; c++)
                ht_json_put(object, t.columns[c].name, ht_table_json(&t, row, &t.columns[c]));
            add_line(out, object, *first);
            cJSON_Delete(object);
        }
        all = t.n_all;
        ht_study_table_release(&t);
    }
    return HT_OK;
}

ht_status ht_sheets_json(const ht_sheets *s, ht_string *out, ht_error *err)
{
    const cJSON *record;
    ht_string_add(out, "{\"tables\": {");
    for (size_t i = 0; i < s->n; i++) {
        bool first = true;
        ht_string_add(out, "%s\n  \"%s\": [", i > 0 ? "," : "", s->at[i].name);
        cJSON_ArrayForEach(record, s->at[i].records) {
            add_line(out, record, first);
            first = false;
        }
        for (size_t k = 0; k < s->at[i].n_sources; k++)
            HT_TRY(add_objects(s, &s->at[i].sources[k], &first, out, err));
        ht_string_add(out, "]");
    }
    char *texts = ht_json_line(s->texts);
    ht_string_add(out, "},\n\"texts\": ");
    if (texts != NULL)
        ht_string_add_bytes(out, texts, strlen(texts));
    ht_string_add(out, "}\n");
    out->failed = out->failed || texts == NULL;
    free(texts);
    return HT_OK;
}
