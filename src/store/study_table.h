/** @file src/store/study_table.h
 *  A study, a part of one, the file of a sweep or a champion as it lies on the disk: every group, attribute
 * and table is read by its own description, so that a reader follows the layout without a copy of it.
 *
 *  HDF5 itself stays inside: callers name objects by their path in the file ("/runs/host-1-2-r1/segments").
 *  While a file is open HDF5 prints no messages of its own. */
#ifndef HT_STORE_STUDY_TABLE_H
#define HT_STORE_STUDY_TABLE_H

#include "base/json.h"

typedef struct ht_study_file ht_study_file;

typedef enum { HT_STUDY_RUNS, HT_STUDY_SWEEP, HT_STUDY_CHAMPION } ht_study_kind;

/** Open for reading, without locks. Its seal (seal.h), kind and version are checked first.
 *  @return HT_OK; HT_ENOTFOUND; HT_EFORMAT: damaged, of a newer version, or none of ours; HT_EIO, HT_ENOMEM
 */
ht_status ht_study_file_open(const char *path, ht_study_file **out, ht_error *err);
/** The same, whatever the seal says. HDF5 itself meets the damage then, and may crash or hang: only for those
 * that look for damage, in a process of their own. */
ht_status ht_study_file_open_unsealed(const char *path, ht_study_file **out, ht_error *err);
void ht_study_file_close(ht_study_file *f); /**< NULL is allowed */
ht_study_kind ht_study_file_kind(const ht_study_file *f);
const char *ht_study_file_path(const ht_study_file *f);

typedef enum {
    HT_OBJECT_NONE, /**< there is no such object, or it cannot be opened */
    HT_OBJECT_GROUP,
    HT_OBJECT_TABLE, /**< rows and columns: compounds, or numbers with one or two dimensions */
    HT_OBJECT_TEXT,  /**< one text */
    HT_OBJECT_OTHER  /**< a kind that is no part of our files */
} ht_object_kind;
ht_object_kind ht_study_look(const ht_study_file *f, const char *object);

/** Names of the links in a group. */
typedef struct {
    size_t n;
    char **names; /**< [n], in order of name; owned, as each of them */
} ht_study_names;
/** @return HT_OK; HT_EFORMAT: err names the group; HT_ENOMEM */
ht_status ht_study_links(const ht_study_file *f, const char *group, ht_study_names *out, ht_error *err);
void ht_study_names_release(ht_study_names *n);

/** All attributes of an object, a member each: numbers, texts, or arrays of them. NaN is null, an infinity
 * and an integer that no double holds are texts.
 *  @param[out] out  owned by the caller (cJSON_Delete)
 *  @return HT_OK; HT_EFORMAT: err names object and attribute; HT_ENOMEM */
ht_status ht_study_attributes(const ht_study_file *f, const char *object, cJSON **out, ht_error *err);

/** The text of an object of kind TEXT, owned by the caller (free). @return HT_OK, HT_EFORMAT, HT_ENOMEM */
ht_status ht_study_text(const ht_study_file *f, const char *object, char **text, ht_error *err);

/* ---- tables ------------------------------------------------------------------------------------- */

typedef enum { HT_CELL_INT, HT_CELL_UNSIGNED, HT_CELL_REAL, HT_CELL_TEXT } ht_cell_kind;

typedef struct {
    char *name; /**< owned */
    ht_cell_kind kind;
    size_t at; /**< of its cell in a row [bytes] */
    size_t n;  /**< elements of a cell, at least 1; of a text: bytes with the final 0 */
} ht_table_column;

typedef struct {
    size_t n_all;  /**< rows in the file */
    size_t n_rows; /**< rows here */
    size_t n_columns, row_size;
    ht_table_column *columns;
    char *rows; /**< [n_rows * row_size] */
} ht_study_table;

/** Read rows first .. first + most - 1, as far as they are there; with most = 0 the columns alone.
 *  A matrix has a column for each name in its attribute `columns`.
 *  @param[out] out  ht_study_table_release
 *  @return HT_OK; HT_EFORMAT: err names the object, and the column that is of no kind that we read; HT_ENOMEM
 */
ht_status ht_study_table_read(const ht_study_file *f, const char *object, size_t first, size_t most,
                              ht_study_table *out, ht_error *err);
void ht_study_table_release(ht_study_table *t);

/** NULL = there is none of this name. */
const ht_table_column *ht_table_find(const ht_study_table *t, const char *name);
/** Element k of a cell as a double; NaN for a text, or without a column. */
double ht_table_real(const ht_study_table *t, size_t row, const ht_table_column *c, size_t k);
/** "" for a number, or without a column. Borrowed. */
const char *ht_table_text(const ht_study_table *t, size_t row, const ht_table_column *c);
/** Element k of a cell as it is printed: a number that reads back, "nan", "inf", "-inf", or the text. */
void ht_table_print(const ht_study_table *t, size_t row, const ht_table_column *c, size_t k, char text[40]);
/** A cell as in ht_study_attributes; several elements are an array. Owned by the caller. */
cJSON *ht_table_json(const ht_study_table *t, size_t row, const ht_table_column *c);

#endif
