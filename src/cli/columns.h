/** @file src/cli/columns.h
 *  A table for people: cells in columns that are as wide as they need be.
 *
 *  Texts that come from files are data: they are shown as base/shown.h says, so that no file can steer a terminal. */
#ifndef HT_CLI_COLUMNS_H
#define HT_CLI_COLUMNS_H

#include "base/text.h"

enum { HT_COLUMNS_MAX = 24 };

typedef struct {
    size_t n_columns; /**< set by the first row */
    size_t n_cells;
    char **cells; /**< [n_cells], row by row; owned */
    bool failed;  /**< no memory */
} ht_columns;

/** Append a cell; texts are made fit to be shown. A number starts with a digit, a sign or a dot: it is set
 * flush right. */
void ht_columns_add(ht_columns *c, const char *format, ...) HT_PRINTF(2, 3);
/** A cell of the number as short as people want it, "-" if it is not finite. */
void ht_columns_add_real(ht_columns *c, double x);
/** The row is over. Every row has as many cells as the first, which holds the titles. */
void ht_columns_end(ht_columns *c);
/** Print on stdout, each line behind `indent` blanks, and forget all. */
void ht_columns_print(ht_columns *c, int indent);

#endif
