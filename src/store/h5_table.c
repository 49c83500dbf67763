/* src/store/h5_table.c - tables of rows and matrices in HDF5 files; the contract is in h5.h.
 *
 * May touch: the heap, the file it is given. */
#include <stdlib.h>
#include <string.h>

#include "store/h5_internal.h"

enum { ROWS_MAX = 1 << 22, /* of a table that we read */ CHUNK_BYTES = 1 << 16 };

/* The type of one column, in memory or in the file. */
static hid_t column_type(const ht_h5_column *c, bool in_file)
{
    switch (c->kind) {
    case HT_H5_INT:
        return H5Tcopy(in_file ? H5T_STD_I64LE : H5T_NATIVE_LLONG);
    case HT_H5_INT32:
        return H5Tcopy(in_file ? H5T_STD_I32LE : H5T_NATIVE_INT32);
    case HT_H5_REAL32:
        return H5Tcopy(in_file ? H5T_IEEE_F32LE : H5T_NATIVE_FLOAT);
    case HT_H5_FLAG:
        return H5Tcopy(in_file ? H5T_STD_I8LE : H5T_NATIVE_SCHAR);
    case HT_H5_TEXT:
        return ht_h5_text_type(c->n);
    case HT_H5_REAL:
        break;
    }
    hid_t real = in_file ? H5T_IEEE_F64LE : H5T_NATIVE_DOUBLE;
    return c->n <= 1 ? H5Tcopy(real) : H5Tarray_create2(real, 1, &(hsize_t){c->n});
}

hid_t ht_h5_row_type(const ht_h5_table *table, bool in_file)
{
    hid_t row = H5Tcreate(H5T_COMPOUND, table->row_size);
    bool fine = row >= 0;
    for (size_t i = 0; fine && i < table->n_columns; i++) {
        const ht_h5_column *c = &table->columns[i];
        hid_t type = column_type(c, in_file);
        fine = type >= 0 && H5Tinsert(row, c->name, c->at, type) >= 0;
        ht_h5_close(type);
    }
    if (fine && in_file)
        fine = H5Tpack(row) >= 0;
    if (!fine) {
        ht_h5_close(row);
        return H5I_INVALID_HID;
    }
    return row;
}

hid_t ht_h5_chunked(int rank, const hsize_t *chunk)
{
    hid_t how = H5Pcreate(H5P_DATASET_CREATE);
    bool fine = how >= 0 && H5Pset_chunk(how, rank, chunk) >= 0 && H5Pset_obj_track_times(how, false) >= 0;
    if (fine && H5Zfilter_avail(H5Z_FILTER_DEFLATE) > 0) /* a build of HDF5 may lack it */
        fine = H5Pset_shuffle(how) >= 0 && H5Pset_deflate(how, 4) >= 0;
    if (fine && H5Pset_fletcher32(how) >= 0)
        return how;
    ht_h5_close(how);
    return H5I_INVALID_HID;
}

/* A new dataset, in compressed chunks with checksums. Rows of `row_bytes` bytes lie together. */
static hid_t create_set(hid_t at, const char *name, hid_t type, int rank, const hsize_t *dims,
                        size_t row_bytes)
{
    hsize_t chunk[2] = {CHUNK_BYTES / (row_bytes + 1) + 1, dims[rank - 1]},
            most[2] = {H5S_UNLIMITED, dims[rank - 1]};
    if (chunk[0] > dims[0])
        chunk[0] = dims[0] > 0 ? dims[0] : 1;
    hid_t space = H5Screate_simple(rank, dims, most), how = ht_h5_chunked(rank, chunk), set = H5I_INVALID_HID;
    if (space >= 0 && how >= 0)
        set = H5Dcreate2(at, name, type, space, H5P_DEFAULT, how, H5P_DEFAULT);
    ht_h5_close(how);
    ht_h5_close(space);
    return set;
}

bool ht_h5_put_column_docs(hid_t set, const ht_h5_table *table)
{
    const char **docs = calloc(table->n_columns, sizeof *docs);
    if (docs == NULL)
        return false;
    for (size_t i = 0; i < table->n_columns; i++)
        docs[i] = table->columns[i].doc;
    bool fine = ht_h5_put_texts(set, "columns", table->n_columns, docs);
    free(docs);
    return fine;
}

bool ht_h5_write_table(hid_t at, const char *name, const ht_h5_table *table, size_t n, const void *rows)
{
    hid_t memory = ht_h5_row_type(table, false), file = ht_h5_row_type(table, true), set = H5I_INVALID_HID;
    if (memory >= 0 && file >= 0)
        set = create_set(at, name, file, 1, &(hsize_t){n}, H5Tget_size(file));
    bool fine = set >= 0 && ht_h5_put_column_docs(set, table) &&
                (n == 0 || H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows) >= 0);
    ht_h5_close(set);
    ht_h5_close(file);
    ht_h5_close(memory);
    return fine;
}

bool ht_h5_write_matrix(hid_t at, const char *name, size_t n, size_t m, const double *cells,
                        const char *const *columns)
{
    hsize_t dims[2] = {n, m};
    hid_t set = create_set(at, name, H5T_IEEE_F64LE, 2, dims, m * sizeof *cells);
    bool fine = set >= 0 && ht_h5_put_texts(set, "columns", m, columns) &&
                (n == 0 || H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, cells) >= 0);
    ht_h5_close(set);
    return fine;
}

/* Number of rows of a table; -1 if it is none that we read. */
static long long count_rows(hid_t set)
{
    hid_t space = H5Dget_space(set), type = H5Dget_type(set);
    long long n = -1;
    if (space >= 0 && type >= 0 && H5Sget_simple_extent_ndims(space) == 1 &&
        H5Tget_class(type) == H5T_COMPOUND)
        n = (long long)H5Sget_simple_extent_npoints(space);
    ht_h5_close(type);
    ht_h5_close(space);
    return n <= ROWS_MAX ? n : -1;
}

static void end_texts(const ht_h5_table *table, size_t n, char *rows)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < table->n_columns; k++)
            if (table->columns[k].kind == HT_H5_TEXT)
                rows[i * table->row_size + table->columns[k].at + table->columns[k].n - 1] = '\0';
}

bool ht_h5_read_table(hid_t at, const char *name, const ht_h5_table *table, size_t *n, void **rows)
{
    hid_t set = ht_h5_open_set(at, name), memory = ht_h5_row_type(table, false);
    long long count = set >= 0 && memory >= 0 ? count_rows(set) : -1;
    char *block = NULL;
    bool fine = count == 0;
    if (count > 0 && (block = calloc((size_t)count, table->row_size)) != NULL)
        fine = H5Dread(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, block) >= 0;
    ht_h5_close(memory);
    ht_h5_close(set);
    if (!fine) {
        free(block);
        return false;
    }
    end_texts(table, (size_t)count, block);
    *n = (size_t)count;
    *rows = block;
    return true;
}
