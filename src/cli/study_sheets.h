/** @file src/cli/study_sheets.h
 *  A study as tidy tables: the tables of the same name of all runs are one, with the run and the row in its
 * table (from 0) in the first columns: tables that go row by row with each other are joined by these two.
 *
 *  Besides the tables of the file there are `study` (its attributes), `runs` and `priors` (of groups that
 * have nothing but attributes). Whatever table a later version of the format adds is there, too. */
#ifndef HT_CLI_STUDY_SHEETS_H
#define HT_CLI_STUDY_SHEETS_H

#include "base/text.h"
#include "store/study_table.h"

typedef struct {
    char *object; /**< path of a table in the file */
    char *run;    /**< id; NULL = of no run */
} ht_sheet_source;

typedef struct {
    char *name; /**< letters, digits, '_', '-', '.'; never begins with a dot */
    size_t n_sources;
    ht_sheet_source *sources; /**< [n_sources], owned */
    cJSON *records;           /**< rows that are objects, before those of the sources; owned */
} ht_sheet;

typedef struct {
    const ht_study_file *f; /**< borrowed */
    size_t n;
    ht_sheet *at; /**< [n], owned */
    cJSON *texts; /**< path -> text: recipes; owned */
} ht_sheets;

/** @param[out] out  ht_sheets_release, also after a failure
 *  @return HT_OK; HT_EFORMAT: err names the object that cannot be read; HT_ENOMEM */
ht_status ht_sheets_gather(const ht_study_file *f, ht_sheets *out, ht_error *err);
void ht_sheets_release(ht_sheets *s);

/** Append a table as CSV (RFC 4180) with a header line: elements of a cell are columns of their own, a number
 * that is not there is empty, and a text that a spreadsheet would take for a formula gets a leading quote. */
ht_status ht_sheet_csv(const ht_sheets *s, const ht_sheet *sheet, ht_string *out, ht_error *err);
/** Append everything as one JSON object: {"tables": {name: [row, ..]}, "texts": {path: text}}. */
ht_status ht_sheets_json(const ht_sheets *s, ht_string *out, ht_error *err);

#endif
