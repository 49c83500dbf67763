/* src/cli/columns.c - a table for people; the contract is in columns.h. May touch: stdout, the heap. */
#include "cli/columns.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/shown.h"

enum { CELL_MAX = 512 };

void ht_columns_add(ht_columns *c, const char *format, ...)
{
    char text[CELL_MAX];
    ht_string shown = {0};
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ht_shown_add(&shown, text);
    char **cells = realloc(c->cells, (c->n_cells + 1) * sizeof *cells);
    char *cell = cells != NULL ? ht_string_take(&shown) : NULL;
    if (cells != NULL)
        c->cells = cells;
    if (cell == NULL)
        c->failed = true;
    else
        cells[c->n_cells++] = cell;
    ht_string_release(&shown);
}

void ht_columns_add_real(ht_columns *c, double x)
{
    if (isfinite(x))
        ht_columns_add(c, "%.6g", x);
    else
        ht_columns_add(c, "%s", isnan(x) ? "-" : x > 0 ? "inf" : "-inf");
}

void ht_columns_end(ht_columns *c)
{
    if (c->n_columns == 0)
        c->n_columns = c->n_cells;
}

static bool is_number(const char *text)
{
    return isdigit((unsigned char)text[0]) || ((text[0] == '-' || text[0] == '+') && text[1] != '\0');
}

static void print_cell(const char *cell, size_t width, bool right, bool last)
{
    int pad = (int)(width - ht_shown_width(cell));
    if (right)
        printf("%*s%s", pad, "", cell);
    else
        printf("%s%*s", cell, last ? 0 : pad, "");
    fputs(last ? "\n" : "  ", stdout);
}

void ht_columns_print(ht_columns *c, int indent)
{
    size_t widths[HT_COLUMNS_MAX] = {0}, n = c->n_columns < HT_COLUMNS_MAX ? c->n_columns : HT_COLUMNS_MAX;
    bool right[HT_COLUMNS_MAX] = {false};
    for (size_t i = 0; n > 0 && !c->failed && i < c->n_cells; i++) {
        size_t k = i % c->n_columns, width = ht_shown_width(c->cells[i]);
        if (k < n && width > widths[k])
            widths[k] = width;
        if (k < n && i >= c->n_columns && is_number(c->cells[i]))
            right[k] = true;
    }
    for (size_t i = 0; n > 0 && !c->failed && i < c->n_cells; i++) {
        size_t k = i % c->n_columns;
        if (k == 0)
            printf("%*s", indent, "");
        if (k < n)
            print_cell(c->cells[i], widths[k], right[k], k + 1 == n);
    }
    for (size_t i = 0; i < c->n_cells; i++)
        free(c->cells[i]);
    free(c->cells);
    *c = (ht_columns){0};
}
