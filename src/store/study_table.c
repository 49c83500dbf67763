/* src/store/study_table.c - tables and attributes read by their own description; the contract is in
 * study_table.h.
 *
 * A type of the file becomes a column: integers, reals, arrays of them, texts of fixed length. Whatever the
 * file says of sizes is compared with the size of the file before memory is asked for. May touch: the heap,
 * the file that it is given (reads only). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/study_table_internal.h"

enum {
    ELEMENTS_MAX = 4096, /* of a cell */
    COLUMNS_MAX = 4096,
    TEXT_MAX = 16 << 20 /* bytes of a text */
};

/* ---- types become columns ----------------------------------------------------------------------- */

/* The type in memory of a number, of which `c` says what it is. < 0: another kind */
static hid_t number_type(hid_t type, ht_table_column *c)
{
    switch (H5Tget_class(type)) {
    case H5T_FLOAT:
        c->kind = HT_CELL_REAL;
        return H5Tcopy(H5T_NATIVE_DOUBLE);
    case H5T_INTEGER:
        c->kind = H5Tget_sign(type) == H5T_SGN_NONE ? HT_CELL_UNSIGNED : HT_CELL_INT;
        return H5Tcopy(c->kind == HT_CELL_INT ? H5T_NATIVE_LLONG : H5T_NATIVE_ULLONG);
    case H5T_ENUM: /* what h5py writes for truth values */
        c->kind = HT_CELL_INT;
        return H5Tcopy(H5T_NATIVE_LLONG);
    default:
        return H5I_INVALID_HID;
    }
}

static hid_t array_type(hid_t type, ht_table_column *c)
{
    hsize_t dims[H5S_MAX_RANK], n = 1;
    int rank = H5Tget_array_ndims(type);
    if (rank < 1 || rank > H5S_MAX_RANK || H5Tget_array_dims2(type, dims) < 0)
        return H5I_INVALID_HID;
    for (int i = 0; i < rank; i++)
        if (dims[i] == 0 || dims[i] > ELEMENTS_MAX || (n *= dims[i]) > ELEMENTS_MAX)
            return H5I_INVALID_HID;
    hid_t super = H5Tget_super(type), one = super >= 0 ? number_type(super, c) : H5I_INVALID_HID;
    hid_t all = one >= 0 ? H5Tarray_create2(one, (unsigned)rank, dims) : H5I_INVALID_HID;
    ht_h5_close(one);
    ht_h5_close(super);
    c->n = (size_t)n;
    return all;
}

/* Fixed texts get one more byte, so that they end. */
static hid_t text_in_memory(hid_t type, ht_table_column *c)
{
    size_t size = H5Tget_size(type);
    if (H5Tis_variable_str(type) != 0 || size == 0 || size > TEXT_MAX)
        return H5I_INVALID_HID;
    hid_t memory = H5Tcopy(type);
    c->kind = HT_CELL_TEXT;
    c->n = size + 1;
    if (memory >= 0 && (H5Tset_size(memory, size + 1) < 0 || H5Tset_strpad(memory, H5T_STR_NULLTERM) < 0)) {
        ht_h5_close(memory);
        return H5I_INVALID_HID;
    }
    return memory;
}

/* Fills kind and n of a column. < 0: a kind that we do not read */
static hid_t memory_type(hid_t type, ht_table_column *c)
{
    c->n = 1;
    switch (H5Tget_class(type)) {
    case H5T_ARRAY:
        return array_type(type, c);
    case H5T_STRING:
        return text_in_memory(type, c);
    default:
        return number_type(type, c);
    }
}

static ht_table_column *new_column(ht_study_table *t, const char *name)
{
    ht_table_column *c = &t->columns[t->n_columns];
    *c = (ht_table_column){.name = strdup(name), .at = t->row_size};
    if (c->name == NULL)
        return NULL;
    t->n_columns++;
    return c;
}

/* Columns of a compound and the type of a row in memory. `bad`: the column that is of another kind. */
static hid_t compound_columns(hid_t type, ht_study_table *t, char bad[HT_NAME_MAX])
{
    hid_t parts[COLUMNS_MAX];
    int n = H5Tget_nmembers(type), known = 0;
    if (n < 1 || n > COLUMNS_MAX || (t->columns = calloc((size_t)n, sizeof *t->columns)) == NULL)
        return H5I_INVALID_HID;
    for (; known < n; known++) {
        char *name = H5Tget_member_name(type, (unsigned)known);
        hid_t member = H5Tget_member_type(type, (unsigned)known);
        ht_table_column *c = name != NULL ? new_column(t, name) : NULL;
        parts[known] = c != NULL && member >= 0 ? memory_type(member, c) : H5I_INVALID_HID;
        if (parts[known] >= 0)
            t->row_size += H5Tget_size(parts[known]);
        else if (name != NULL)
            ht_name_copy(bad, name);
        ht_h5_close(member);
        H5free_memory(name);
        if (parts[known] < 0)
            break;
    }
    hid_t row = known == n ? H5Tcreate(H5T_COMPOUND, t->row_size) : H5I_INVALID_HID;
    bool fine = row >= 0;
    for (int i = 0; fine && i < n; i++)
        fine = H5Tinsert(row, t->columns[i].name, t->columns[i].at, parts[i]) >= 0;
    for (int i = 0; i < known; i++)
        ht_h5_close(parts[i]);
    if (fine)
        return row;
    ht_h5_close(row);
    return H5I_INVALID_HID;
}

static cJSON *attribute_json(hid_t at, const char *name);

/* A matrix of numbers with m columns: their names are in the attribute `columns`. */
static hid_t matrix_columns(hid_t set, hid_t type, size_t m, ht_study_table *t)
{
    cJSON *names = H5Aexists(set, "columns") > 0 ? attribute_json(set, "columns") : NULL;
    bool named = cJSON_IsArray(names) && (size_t)cJSON_GetArraySize(names) == m;
    ht_table_column cell = {0};
    hid_t memory = memory_type(type, &cell);
    if (memory < 0 || m > COLUMNS_MAX || (t->columns = calloc(m + 1, sizeof *t->columns)) == NULL)
        goto bad;
    for (size_t i = 0; i < m; i++) {
        char number[24];
        const cJSON *item = named ? cJSON_GetArrayItem(names, (int)i) : NULL;
        snprintf(number, sizeof number, "%zu", i);
        ht_table_column *c = new_column(t, cJSON_IsString(item) ? item->valuestring
                                           : m == 1             ? "value"
                                                                : number);
        if (c == NULL)
            goto bad;
        c->kind = cell.kind;
        c->n = cell.n;
        t->row_size += H5Tget_size(memory);
    }
    cJSON_Delete(names);
    return memory;
bad:
    ht_h5_close(memory);
    cJSON_Delete(names);
    return H5I_INVALID_HID;
}

static ht_status no_memory(const ht_study_file *f, const char *object, ht_error *err)
{
    return ht_fail(err, HT_ENOMEM, "'%s': no memory for object '%s'", f->path, object);
}

/* ---- reading ------------------------------------------------------------------------------------ */

static bool read_rows(hid_t set, hid_t space, hid_t memory, int rank, const hsize_t *dims, size_t first,
                      size_t n, void *to)
{
    hsize_t from[2] = {first, 0}, count[2] = {n, dims[1]};
    hid_t block = H5Screate_simple(rank, count, NULL);
    bool fine = block >= 0 && H5Sselect_hyperslab(space, H5S_SELECT_SET, from, NULL, count, NULL) >= 0 &&
                H5Dread(set, memory, block, space, H5P_DEFAULT, to) >= 0;
    ht_h5_close(block);
    return fine;
}

static void end_texts(ht_study_table *t)
{
    for (size_t i = 0; i < t->n_rows; i++)
        for (size_t k = 0; k < t->n_columns; k++)
            if (t->columns[k].kind == HT_CELL_TEXT)
                t->rows[i * t->row_size + t->columns[k].at + t->columns[k].n - 1] = '\0';
}

/* What a dataset is, and rows of it. */
static ht_status read_set(const ht_study_file *f, const char *object, hid_t set, size_t first, size_t most,
                          ht_study_table *t, ht_error *err)
{
    hid_t type = H5Dget_type(set), space = H5Dget_space(set), memory = H5I_INVALID_HID;
    hsize_t dims[2] = {0, 1};
    char bad[HT_NAME_MAX] = "", why[HT_NAME_MAX + 64] = "cannot be read: it is damaged";
    int rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    ht_status st = HT_EFORMAT;
    if (type >= 0 && (rank == 1 || rank == 2) && H5Sget_simple_extent_dims(space, dims, NULL) == rank)
        memory = H5Tget_class(type) == H5T_COMPOUND && rank == 1 ? compound_columns(type, t, bad)
                                                                 : matrix_columns(set, type, dims[1], t);
    if (memory < 0) {
        if (bad[0] != '\0')
            snprintf(why, sizeof why, "has the column '%s' of a kind that is not read here", bad);
        st = ht_study_damaged(f, object, why, err);
        goto done;
    }
    if ((double)dims[0] * (double)t->row_size > f->room) {
        st =
            ht_study_damaged(f, object, "says that it is larger than this file can hold: it is damaged", err);
        goto done;
    }
    t->n_all = (size_t)dims[0];
    t->n_rows = first >= t->n_all ? 0 : most < t->n_all - first ? most : t->n_all - first;
    t->rows = calloc(t->n_rows + 1, t->row_size + 1);
    if (t->rows == NULL)
        st = no_memory(f, object, err);
    else if (t->n_rows > 0 && t->row_size > 0 &&
             !read_rows(set, space, memory, rank, dims, first, t->n_rows, t->rows))
        st = ht_study_damaged(f, object, why, err);
    else
        st = HT_OK;
done:
    ht_h5_close(memory);
    ht_h5_close(space);
    ht_h5_close(type);
    return st;
}

ht_status ht_study_table_read(const ht_study_file *f, const char *object, size_t first, size_t most,
                              ht_study_table *out, ht_error *err)
{
    ht_study_table t = {0};
    hid_t set = ht_study_open_object(f, object);
    ht_status st = set >= 0 && H5Iget_type(set) == H5I_DATASET
                       ? read_set(f, object, set, first, most, &t, err)
                       : ht_study_damaged(f, object, "is no table, or cannot be opened", err);
    ht_h5_close(set);
    if (st != HT_OK) {
        ht_study_table_release(&t);
        return st;
    }
    end_texts(&t);
    *out = t;
    return HT_OK;
}

/* ---- attributes --------------------------------------------------------------------------------- */

static cJSON *text_attribute(hid_t a, hid_t type)
{
    char *text = NULL;
    cJSON *item = NULL;
    hid_t memory = H5Tcopy(type);
    if (memory >= 0 && H5Aread(a, memory, &text) >= 0)
        item = cJSON_CreateString(text != NULL ? text : "");
    H5free_memory(text);
    ht_h5_close(memory);
    return item;
}

static cJSON *column_json(ht_study_table *t, bool scalar)
{
    if (scalar)
        return ht_table_json(t, 0, t->columns);
    cJSON *all = cJSON_CreateArray();
    for (size_t i = 0; i < t->n_rows; i++)
        cJSON_AddItemToArray(all, ht_table_json(t, i, t->columns));
    return all;
}

/* NULL: it cannot be read, or is of another kind. */
static cJSON *attribute_json(hid_t at, const char *name)
{
    ht_table_column c = {0};
    ht_study_table t = {.n_columns = 1, .columns = &c};
    cJSON *item = NULL;
    hid_t a = H5Aopen(at, name, H5P_DEFAULT), type = a >= 0 ? H5Aget_type(a) : -1,
          space = a >= 0 ? H5Aget_space(a) : -1;
    hssize_t n = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
    bool scalar = n == 1 && H5Sget_simple_extent_ndims(space) == 0;
    hid_t memory = H5I_INVALID_HID;
    if (type < 0 || n < 0 || n > TEXT_MAX)
        goto done;
    if (scalar && H5Tis_variable_str(type) > 0) {
        item = text_attribute(a, type);
        goto done;
    }
    memory = memory_type(type, &c);
    t.row_size = memory >= 0 ? H5Tget_size(memory) : 0;
    if (memory < 0 || (double)n * (double)t.row_size > TEXT_MAX ||
        (t.rows = calloc((size_t)n + 1, t.row_size)) == NULL)
        goto done;
    t.n_rows = (size_t)n;
    if (n == 0 || H5Aread(a, memory, t.rows) >= 0) {
        end_texts(&t);
        item = column_json(&t, scalar);
    }
done:
    free(t.rows);
    ht_h5_close(memory);
    ht_h5_close(space);
    ht_h5_close(type);
    ht_h5_close(a);
    return item;
}

typedef struct {
    cJSON *all;
    char bad[HT_NAME_MAX];
} gathered;

static herr_t gather(hid_t at, const char *name, const H5A_info_t *info, void *ctx)
{
    gathered *g = ctx;
    (void)info;
    cJSON *item = attribute_json(at, name);
    if (item == NULL)
        ht_name_copy(g->bad, name);
    else
        ht_json_put(g->all, name, item);
    return item != NULL ? 0 : -1;
}

ht_status ht_study_attributes(const ht_study_file *f, const char *object, cJSON **out, ht_error *err)
{
    gathered g = {cJSON_CreateObject(), ""};
    hid_t id = ht_study_open_object(f, object);
    hsize_t at = 0;
    bool fine = id >= 0 && H5Aiterate2(id, H5_INDEX_NAME, H5_ITER_INC, &at, gather, &g) >= 0;
    ht_h5_close(id);
    if (!fine) {
        char why[HT_NAME_MAX + 64];
        snprintf(why, sizeof why, "has the attribute '%s', which cannot be read", g.bad);
        cJSON_Delete(g.all);
        return ht_study_damaged(f, object,
                                id < 0             ? "cannot be opened"
                                : g.bad[0] != '\0' ? why
                                                   : "has attributes that cannot be listed",
                                err);
    }
    *out = g.all;
    return HT_OK;
}
