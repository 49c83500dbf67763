/** @file src/store/h5.h
 *  HDF5 in small steps: attributes, texts, tables of rows, groups. Only src/store includes it.
 *
 *  Functions that return bool return false when HDF5 refused; nothing is open then that was not before.
 *  Files are built in memory and read from disk without locks: no file is ever written by HDF5 itself, so
 *  a full disk is met by ht_file_replace alone, and no reader is locked out. */
#ifndef HT_STORE_H5_H
#define HT_STORE_H5_H

#include <stdint.h>

#include <hdf5.h>

#include "base/error.h"

/** HDF5 prints its errors unless told otherwise; the setting belongs to the program, so it is put back. */
typedef struct {
    H5E_auto2_t print;
    void *ctx;
} ht_h5_quiet;
void ht_h5_quiet_begin(ht_h5_quiet *q);
void ht_h5_quiet_end(const ht_h5_quiet *q);

/* ---- files and groups; ids are closed by ht_h5_close -------------------------------------------- */

/** The bytes of a file that is made in memory, once it is closed; the caller frees `bytes`. Must stay where
 *  it is until then. */
typedef struct {
    char *bytes;
    size_t n, room;
} ht_h5_image;
hid_t ht_h5_create_in_memory(ht_h5_image *image);       /**< < 0: failed */
/** Close a file in memory, seal it (seal.h) and say how long it is. After ht_h5_close, or if this fails, its
 *  bytes are there, too, to be freed. */
bool ht_h5_finish(hid_t file, ht_h5_image *image);
hid_t ht_h5_open(const char *path);             /**< for reading; < 0: failed */
hid_t ht_h5_group(hid_t at, const char *link);  /**< opens, or creates where writing is allowed */
/** Close an id of any kind; an id < 0 is left alone. */
void ht_h5_close(hid_t id);

/** A text as the name of a link: '/' becomes %2F, '%' %25, a first '.' %2E, the empty text "%". Owned by
 *  the caller (free); NULL: no memory. */
char *ht_h5_link_name(const char *text);

/** Call `visit` for each link of a group, in order of name, while it returns true.
 *  @return false if it returned false, or HDF5 refused */
bool ht_h5_each(hid_t group, bool (*visit)(void *ctx, hid_t group, const char *link), void *ctx);

/* ---- attributes ------------------------------------------------------------------------------- */

bool ht_h5_put_text(hid_t at, const char *name, const char *text);     /**< NULL counts as "" */
bool ht_h5_put_int(hid_t at, const char *name, long long x);
bool ht_h5_put_unsigned(hid_t at, const char *name, unsigned long long x);
bool ht_h5_put_real(hid_t at, const char *name, double x);
bool ht_h5_put_reals(hid_t at, const char *name, size_t n, const double *x);
/** n texts as an array; NULL is allowed if n is 0. */
bool ht_h5_put_texts(hid_t at, const char *name, size_t n, const char *const *texts);
/* false: absent, or of another kind; *out is untouched */
bool ht_h5_get_text(hid_t at, const char *name, char *text, size_t size);
bool ht_h5_get_int(hid_t at, const char *name, long long *out);
bool ht_h5_get_real(hid_t at, const char *name, double *out);

/* ---- datasets --------------------------------------------------------------------------------- */

/** A whole text as a scalar dataset. */
bool ht_h5_write_text(hid_t at, const char *name, const char *text);
bool ht_h5_read_text(hid_t at, const char *name, char **text);         /**< owned by the caller */

typedef enum { HT_H5_INT, HT_H5_REAL, HT_H5_FLAG, HT_H5_TEXT, HT_H5_INT32, HT_H5_REAL32 } ht_h5_kind;

/** One column of a table: where it is in a row, and what it says. The member of the row is a long long,
 *  a double or double[n], a signed char (0 or 1, or a small code), a char[n], an int32_t, or a float. */
typedef struct {
    const char *name;
    ht_h5_kind kind;
    size_t at, n;
    const char *doc;            /**< meaning and unit; kept in the file */
} ht_h5_column;

typedef struct {
    size_t row_size, n_columns;
    const ht_h5_column *columns;
} ht_h5_table;

/* Columns and tables from a row struct; the name of a column is that of the member. */
#define HT_H5_COLUMN(row, member, kind, doc) {#member, kind, offsetof(row, member), 1, doc}
#define HT_H5_TEXTS(row, member, doc)                                                              \
    {#member, HT_H5_TEXT, offsetof(row, member), sizeof((row *)0)->member, doc}
#define HT_H5_REALS(row, member, doc)                                                              \
    {#member, HT_H5_REAL, offsetof(row, member), sizeof((row *)0)->member / sizeof(double), doc}
#define HT_H5_TABLE(row, columns) {sizeof(row), sizeof(columns) / sizeof(columns)[0], columns}

/** Copy a text into a member of a row that is an array; cut to its size, padded with 0. */
void ht_h5_copy_text(char *to, size_t size, const char *from);
#define HT_H5_COPY(member, from) ht_h5_copy_text(member, sizeof(member), from)

/** n rows as a compressed dataset of compounds, with an attribute `columns` that says what each means. */
bool ht_h5_write_table(hid_t at, const char *name, const ht_h5_table *table, size_t n, const void *rows);
/** Columns that the file lacks are 0. @param[out] rows  [*n], owned by the caller (free); NULL if *n is 0 */
bool ht_h5_read_table(hid_t at, const char *name, const ht_h5_table *table, size_t *n, void **rows);

/** A compressed n x m matrix of reals with the names of its m columns in the attribute `columns`. */
bool ht_h5_write_matrix(hid_t at, const char *name, size_t n, size_t m, const double *cells,
                        const char *const *columns);

/* ---- datasets that grow ------------------------------------------------------------------------ */

/** A table or matrix of a file in memory to which rows are appended. Rows are gathered until a chunk is full, so
 *  that most calls only copy one; a chunk is compressed once and never touched again. */
typedef struct ht_h5_grow ht_h5_grow;
/** @param table  must outlive *out @return false: HDF5 refused, or no memory */
bool ht_h5_grow_table(hid_t at, const char *name, const ht_h5_table *table, ht_h5_grow **out);
/** @param room  most columns it can have  @param columns  that lie together in a chunk
 *  @param single  kept as 32 bit reals; rows are double all the same */
bool ht_h5_grow_matrix(hid_t at, const char *name, size_t room, size_t columns, bool single, ht_h5_grow **out);
/** Append a row: the struct of the table, or `columns` doubles (NaN in the others; a matrix becomes as wide as its
 *  widest row). @return false: not appended: HDF5 refused, or no memory */
bool ht_h5_grow_add(ht_h5_grow *g, const void *row, size_t columns);
size_t ht_h5_grow_count(const ht_h5_grow *g);       /**< rows; NULL counts as 0 */
/** All of it as a dataset of that name in another file, without compressing it anew.
 *  @param names  of the columns of a matrix; NULL for a table */
bool ht_h5_grow_copy(const ht_h5_grow *g, hid_t to, const char *name, const char *const *names);
void ht_h5_grow_destroy(ht_h5_grow *g);             /**< before the file is closed; NULL is allowed */

#endif
