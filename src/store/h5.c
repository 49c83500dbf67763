/* src/store/h5.c - HDF5 in small steps; the contract is in h5.h.
 *
 * Texts are fixed-length UTF-8, not variable-length: they compress, are copied from file to file without
 * decoding, and cannot point outside of the file.
 * May touch: the heap, the file that ht_h5_open is given. */
#include "store/h5.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/seal.h"

enum {
    TEXT_MAX = 16 << 20,        /* bytes of a text dataset that we read */
    ROWS_MAX = 1 << 22,         /* rows of a table that we read */
    COMPACT_MAX = 60000,        /* bytes that fit into the header of a dataset (HDF5: 64 KiB in all) */
    CHUNK_BYTES = 1 << 16, IMAGE_STEP = 1 << 20
};

void ht_h5_quiet_begin(ht_h5_quiet *q)
{
    *q = (ht_h5_quiet){NULL, NULL};
    H5Eget_auto2(H5E_DEFAULT, &q->print, &q->ctx);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void ht_h5_quiet_end(const ht_h5_quiet *q)
{
    H5Eset_auto2(H5E_DEFAULT, q->print, q->ctx);
}

void ht_h5_close(hid_t id)
{
    if (id >= 0)
        H5Idec_ref(id);
}

/* ---- files and groups --------------------------------------------------------------------------- */

/* What HDF5 calls for the memory of a file. H5Fget_file_image would be shorter, but clears a flag in the
 * image without mending the checksum over it (HDF5 1.10.8), so the memory is taken over at the close. */
static void *image_malloc(size_t size, H5FD_file_image_op_t op, void *ctx)
{
    ht_h5_image *image = ctx;
    (void)op;
    image->room = size;
    return malloc(size);
}

static void *image_realloc(void *bytes, size_t size, H5FD_file_image_op_t op, void *ctx)
{
    ht_h5_image *image = ctx;
    void *moved = realloc(bytes, size);
    (void)op;
    if (moved != NULL)
        image->room = size;
    return moved;
}

static herr_t image_free(void *bytes, H5FD_file_image_op_t op, void *ctx)
{
    ht_h5_image *image = ctx;
    if (op == H5FD_FILE_IMAGE_OP_FILE_CLOSE)
        image->bytes = bytes;
    else
        free(bytes);
    return 0;
}

static void *same_image(void *ctx)
{
    return ctx;
}

static herr_t leave_image(void *ctx)
{
    (void)ctx;
    return 0;
}

hid_t ht_h5_create_in_memory(ht_h5_image *image)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), file = H5I_INVALID_HID;
    H5FD_file_image_callbacks_t calls = {image_malloc, NULL,        image_realloc, image_free,
                                         same_image,   leave_image, image};
    *image = (ht_h5_image){NULL, 0, 0};
    /* the formats of HDF5 1.8 carry checksums of everything but the data, see create_set for that */
    if (access >= 0 && H5Pset_fapl_core(access, IMAGE_STEP, 0) >= 0 &&
        H5Pset_file_image_callbacks(access, &calls) >= 0 &&
        H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_LATEST) >= 0)
        file = H5Fcreate("study", H5F_ACC_TRUNC, H5P_DEFAULT, access);
    ht_h5_close(access);
    return file;
}

bool ht_h5_finish(hid_t file, ht_h5_image *image)
{
    ssize_t n = H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0 ? H5Fget_file_image(file, NULL, 0) : -1;
    bool fine = H5Idec_ref(file) == 0 && n > 0 && (size_t)n <= image->room && image->bytes != NULL;
    /* the memory is longer than the file, and need not have room for the seal */
    char *bytes = fine ? realloc(image->bytes, (size_t)n + HT_SEAL_SIZE) : NULL;
    if (bytes == NULL)
        return false;
    ht_seal_put((unsigned char *)bytes, (size_t)n);
    image->bytes = bytes;
    image->n = (size_t)n + HT_SEAL_SIZE;
    return true;
}

hid_t ht_h5_open(const char *path)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), file = H5I_INVALID_HID;
    /* A study is replaced, never changed, so there is nothing to lock; many cluster file systems cannot. */
    if (access >= 0 && H5Pset_file_locking(access, 0, 1) >= 0)
        file = H5Fopen(path, H5F_ACC_RDONLY, access);
    ht_h5_close(access);
    /* the program has it open with locks: HDF5 wants the same setting for the same file */
    return file >= 0 ? file : H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
}

hid_t ht_h5_group(hid_t at, const char *link)
{
    if (H5Lexists(at, link, H5P_DEFAULT) > 0)
        return H5Gopen2(at, link, H5P_DEFAULT);
    return H5Gcreate2(at, link, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
}

char *ht_h5_link_name(const char *text)
{
    ht_string name = {0};
    for (size_t i = 0; text[i] != '\0'; i++)
        if (text[i] == '/' || text[i] == '%' || (text[i] == '.' && i == 0))
            ht_string_add(&name, "%%%02X", (unsigned)text[i]);
        else
            ht_string_add_bytes(&name, &text[i], 1);
    if (name.n == 0)
        ht_string_add(&name, "%%");
    return ht_string_take(&name);
}

typedef struct {
    bool (*visit)(void *ctx, hid_t group, const char *link);
    void *ctx;
} visitor;

static herr_t visit_link(hid_t group, const char *link, const H5L_info_t *info, void *data)
{
    const visitor *v = data;
    (void)info;
    return v->visit(v->ctx, group, link) ? 0 : -1;
}

bool ht_h5_each(hid_t group, bool (*visit)(void *ctx, hid_t group, const char *link), void *ctx)
{
    visitor v = {visit, ctx};
    return H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, visit_link, &v) >= 0;
}

/* ---- types -------------------------------------------------------------------------------------- */

/* Fixed-length UTF-8 of `size` bytes with its final 0. */
static hid_t text_type(size_t size)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && (H5Tset_size(type, size) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0 ||
                      H5Tset_strpad(type, H5T_STR_NULLTERM) < 0)) {
        ht_h5_close(type);
        return H5I_INVALID_HID;
    }
    return type;
}

/* The type of one column, in memory or in the file. */
static hid_t column_type(const ht_h5_column *c, bool in_file)
{
    switch (c->kind) {
    case HT_H5_INT:
        return H5Tcopy(in_file ? H5T_STD_I64LE : H5T_NATIVE_LLONG);
    case HT_H5_FLAG:
        return H5Tcopy(in_file ? H5T_STD_I8LE : H5T_NATIVE_SCHAR);
    case HT_H5_TEXT:
        return text_type(c->n);
    case HT_H5_REAL:
        break;
    }
    hid_t real = in_file ? H5T_IEEE_F64LE : H5T_NATIVE_DOUBLE;
    return c->n <= 1 ? H5Tcopy(real) : H5Tarray_create2(real, 1, &(hsize_t){c->n});
}

static hid_t row_type(const ht_h5_table *table, bool in_file)
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

/* ---- attributes --------------------------------------------------------------------------------- */

static bool put_attribute(hid_t at, const char *name, hid_t file_type, hid_t memory_type, hid_t space,
                          const void *data)
{
    hid_t a = H5Acreate2(at, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool fine = a >= 0 && H5Awrite(a, memory_type, data) >= 0;
    ht_h5_close(a);
    return fine;
}

static bool put_scalar(hid_t at, const char *name, hid_t file_type, hid_t memory_type, const void *data)
{
    hid_t space = H5Screate(H5S_SCALAR);
    bool fine = space >= 0 && file_type >= 0 && put_attribute(at, name, file_type, memory_type, space, data);
    ht_h5_close(space);
    return fine;
}

bool ht_h5_put_text(hid_t at, const char *name, const char *text)
{
    const char *t = text == NULL ? "" : text;
    hid_t type = text_type(strlen(t) + 1);
    bool fine = put_scalar(at, name, type, type, t);
    ht_h5_close(type);
    return fine;
}

bool ht_h5_put_int(hid_t at, const char *name, long long x)
{
    return put_scalar(at, name, H5T_STD_I64LE, H5T_NATIVE_LLONG, &x);
}

bool ht_h5_put_unsigned(hid_t at, const char *name, unsigned long long x)
{
    return put_scalar(at, name, H5T_STD_U64LE, H5T_NATIVE_ULLONG, &x);
}

bool ht_h5_put_real(hid_t at, const char *name, double x)
{
    return put_scalar(at, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &x);
}

/* Names of columns as an array of texts, all as long as the longest. */
static bool put_names(hid_t at, size_t n, const char *const *names)
{
    size_t longest = 0;
    for (size_t i = 0; i < n; i++)
        if (strlen(names[i]) > longest)
            longest = strlen(names[i]);
    char *block = calloc(n + 1, longest + 1);
    if (block == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        strcpy(block + i * (longest + 1), names[i]);
    hid_t type = text_type(longest + 1), space = H5Screate_simple(1, &(hsize_t){n}, NULL);
    bool fine = type >= 0 && space >= 0 && put_attribute(at, "columns", type, type, space, block);
    ht_h5_close(type);
    ht_h5_close(space);
    free(block);
    return fine;
}

/* An attribute of one element and of class `class`. < 0: there is none */
static hid_t open_scalar(hid_t at, const char *name, H5T_class_t class)
{
    if (H5Aexists(at, name) <= 0)
        return H5I_INVALID_HID;
    hid_t a = H5Aopen(at, name, H5P_DEFAULT), space = H5I_INVALID_HID, type = H5I_INVALID_HID;
    if (a >= 0) {
        space = H5Aget_space(a);
        type = H5Aget_type(a);
    }
    bool fine =
        space >= 0 && type >= 0 && H5Sget_simple_extent_npoints(space) == 1 && H5Tget_class(type) == class;
    ht_h5_close(space);
    ht_h5_close(type);
    if (fine)
        return a;
    ht_h5_close(a);
    return H5I_INVALID_HID;
}

/* Text of fixed or variable length (h5py writes the latter) into a new 0-terminated block. */
static char *text_of(hid_t file_type, size_t limit, bool (*read)(hid_t from, hid_t type, void *to),
                     hid_t from)
{
    if (H5Tis_variable_str(file_type) > 0) {
        char *found = NULL, *copy = NULL;
        hid_t type = text_type(H5T_VARIABLE);
        if (type >= 0 && H5Tset_cset(type, H5Tget_cset(file_type)) >= 0 && read(from, type, &found) &&
            found != NULL)
            copy = strdup(found);
        H5free_memory(found);
        ht_h5_close(type);
        return copy;
    }
    size_t size = H5Tget_size(file_type);
    char *text = size > 0 && size <= limit ? calloc(size + 1, 1) : NULL;
    if (text != NULL && !read(from, file_type, text)) {
        free(text);
        return NULL;
    }
    return text;
}

static bool read_attribute(hid_t from, hid_t type, void *to)
{
    return H5Aread(from, type, to) >= 0;
}

static bool read_dataset(hid_t from, hid_t type, void *to)
{
    return H5Dread(from, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, to) >= 0;
}

bool ht_h5_get_text(hid_t at, const char *name, char *text, size_t size)
{
    hid_t a = open_scalar(at, name, H5T_STRING), type = a >= 0 ? H5Aget_type(a) : H5I_INVALID_HID;
    char *found = type >= 0 ? text_of(type, TEXT_MAX, read_attribute, a) : NULL;
    bool fine = found != NULL && strlen(found) < size;
    if (fine)
        strcpy(text, found);
    free(found);
    ht_h5_close(type);
    ht_h5_close(a);
    return fine;
}

bool ht_h5_get_int(hid_t at, const char *name, long long *out)
{
    hid_t a = open_scalar(at, name, H5T_INTEGER);
    bool fine = a >= 0 && H5Aread(a, H5T_NATIVE_LLONG, out) >= 0;
    ht_h5_close(a);
    return fine;
}

bool ht_h5_get_real(hid_t at, const char *name, double *out)
{
    hid_t a = open_scalar(at, name, H5T_FLOAT);
    bool fine = a >= 0 && H5Aread(a, H5T_NATIVE_DOUBLE, out) >= 0;
    ht_h5_close(a);
    return fine;
}

/* ---- datasets ----------------------------------------------------------------------------------- */

bool ht_h5_write_text(hid_t at, const char *name, const char *text)
{
    size_t n = strlen(text) + 1;
    hid_t type = text_type(n), space = H5Screate(H5S_SCALAR), how = H5Pcreate(H5P_DATASET_CREATE),
          set = H5I_INVALID_HID;
    bool fine = type >= 0 && space >= 0 && how >= 0;
    if (fine && n <= COMPACT_MAX)       /* inside the header of the dataset, below its checksum */
        fine = H5Pset_layout(how, H5D_COMPACT) >= 0;
    if (fine)
        set = H5Dcreate2(at, name, type, space, H5P_DEFAULT, how, H5P_DEFAULT);
    fine = set >= 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) >= 0;
    ht_h5_close(set);
    ht_h5_close(how);
    ht_h5_close(space);
    ht_h5_close(type);
    return fine;
}

/* An existing dataset. < 0: there is none */
static hid_t open_set(hid_t at, const char *name)
{
    return H5Lexists(at, name, H5P_DEFAULT) > 0 ? H5Dopen2(at, name, H5P_DEFAULT) : H5I_INVALID_HID;
}

bool ht_h5_read_text(hid_t at, const char *name, char **text)
{
    hid_t set = open_set(at, name), type = H5I_INVALID_HID, space = H5I_INVALID_HID;
    char *found = NULL;
    if (set >= 0) {
        type = H5Dget_type(set);
        space = H5Dget_space(set);
    }
    if (type >= 0 && space >= 0 && H5Tget_class(type) == H5T_STRING &&
        H5Sget_simple_extent_npoints(space) == 1)
        found = text_of(type, TEXT_MAX, read_dataset, set);
    ht_h5_close(space);
    ht_h5_close(type);
    ht_h5_close(set);
    if (found == NULL)
        return false;
    *text = found;
    return true;
}

/* A new dataset, in compressed chunks with checksums. Rows of `row_bytes` bytes lie together. */
static hid_t create_set(hid_t at, const char *name, hid_t type, int rank, const hsize_t *dims,
                        size_t row_bytes)
{
    hsize_t chunk[2] = {CHUNK_BYTES / (row_bytes + 1) + 1, dims[rank - 1]},
            most[2] = {H5S_UNLIMITED, dims[rank - 1]};
    if (chunk[0] > dims[0])
        chunk[0] = dims[0] > 0 ? dims[0] : 1;
    hid_t space = H5Screate_simple(rank, dims, most), how = H5Pcreate(H5P_DATASET_CREATE),
          set = H5I_INVALID_HID;
    bool fine = space >= 0 && how >= 0 && H5Pset_chunk(how, rank, chunk) >= 0;
    if (fine && H5Zfilter_avail(H5Z_FILTER_DEFLATE) > 0)    /* a build of HDF5 may lack it */
        fine = H5Pset_shuffle(how) >= 0 && H5Pset_deflate(how, 4) >= 0;
    fine = fine && H5Pset_fletcher32(how) >= 0;
    if (fine)
        set = H5Dcreate2(at, name, type, space, H5P_DEFAULT, how, H5P_DEFAULT);
    ht_h5_close(how);
    ht_h5_close(space);
    return set;
}

void ht_h5_copy_text(char *to, size_t size, const char *from)
{
    size_t n = strlen(from);
    if (n >= size)
        n = size - 1;
    memcpy(to, from, n);
    memset(to + n, 0, size - n);
}

static bool put_column_docs(hid_t set, const ht_h5_table *table)
{
    const char **docs = calloc(table->n_columns, sizeof *docs);
    if (docs == NULL)
        return false;
    for (size_t i = 0; i < table->n_columns; i++)
        docs[i] = table->columns[i].doc;
    bool fine = put_names(set, table->n_columns, docs);
    free(docs);
    return fine;
}

bool ht_h5_write_table(hid_t at, const char *name, const ht_h5_table *table, size_t n, const void *rows)
{
    hid_t memory = row_type(table, false), file = row_type(table, true), set = H5I_INVALID_HID;
    if (memory >= 0 && file >= 0)
        set = create_set(at, name, file, 1, &(hsize_t){n}, H5Tget_size(file));
    bool fine = set >= 0 && put_column_docs(set, table) &&
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
    bool fine = set >= 0 && put_names(set, m, columns) &&
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
    hid_t set = open_set(at, name), memory = row_type(table, false);
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
