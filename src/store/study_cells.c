/* src/store/study_cells.c - cells of a table that was read; the contract is in study_table.h.
 *
 * May touch: the heap. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/study_table.h"

void ht_study_table_release(ht_study_table *t)
{
    for (size_t i = 0; i < t->n_columns; i++)
        free(t->columns[i].name);
    free(t->columns);
    free(t->rows);
    *t = (ht_study_table){0};
}

const ht_table_column *ht_table_find(const ht_study_table *t, const char *name)
{
    for (size_t i = 0; i < t->n_columns; i++)
        if (strcmp(t->columns[i].name, name) == 0)
            return &t->columns[i];
    return NULL;
}

/* Cells need not lie on the boundaries of their types. */
#define CELL(type, to, t, row, c, k)                                                                         \
    memcpy(&(to), (t)->rows + (row) * (t)->row_size + (c)->at + (k) * sizeof(type), sizeof(type))

double ht_table_real(const ht_study_table *t, size_t row, const ht_table_column *c, size_t k)
{
    double x = NAN;
    long long i;
    unsigned long long u;
    if (c == NULL || c->kind == HT_CELL_TEXT)
        return NAN;
    if (c->kind == HT_CELL_REAL) {
        CELL(double, x, t, row, c, k);
    } else if (c->kind == HT_CELL_INT) {
        CELL(long long, i, t, row, c, k);
        x = (double)i;
    } else {
        CELL(unsigned long long, u, t, row, c, k);
        x = (double)u;
    }
    return x;
}

const char *ht_table_text(const ht_study_table *t, size_t row, const ht_table_column *c)
{
    return c != NULL && c->kind == HT_CELL_TEXT ? t->rows + row * t->row_size + c->at : "";
}

void ht_table_print(const ht_study_table *t, size_t row, const ht_table_column *c, size_t k, char text[40])
{
    double x = ht_table_real(t, row, c, k);
    long long i;
    unsigned long long u;
    if (c->kind == HT_CELL_INT) {
        CELL(long long, i, t, row, c, k);
        snprintf(text, 40, "%lld", i);
    } else if (c->kind == HT_CELL_UNSIGNED) {
        CELL(unsigned long long, u, t, row, c, k);
        snprintf(text, 40, "%llu", u);
    } else if (isfinite(x)) {
        ht_print_real(text, x, false);
    } else {
        snprintf(text, 40, "%s", isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
    }
}

static cJSON *element_json(const ht_study_table *t, size_t row, const ht_table_column *c, size_t k)
{
    double x = ht_table_real(t, row, c, k);
    char text[40];
    if (isnan(x))
        return cJSON_CreateNull();
    if (c->kind == HT_CELL_REAL && isfinite(x))
        return ht_json_real(x);
    if (c->kind != HT_CELL_REAL && fabs(x) <= 9007199254740992.0)
        return ht_json_int(x);
    ht_table_print(t, row, c, k, text);
    return cJSON_CreateString(text);
}

cJSON *ht_table_json(const ht_study_table *t, size_t row, const ht_table_column *c)
{
    if (c->kind == HT_CELL_TEXT)
        return cJSON_CreateString(ht_table_text(t, row, c));
    if (c->n == 1)
        return element_json(t, row, c, 0);
    cJSON *all = cJSON_CreateArray();
    for (size_t k = 0; k < c->n; k++)
        cJSON_AddItemToArray(all, element_json(t, row, c, k));
    return all;
}
