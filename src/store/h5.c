/* src/store/h5.c - HDF5 in small steps: files, groups, attributes, texts; the contract is in h5.h.
 *
 * Texts are fixed-length UTF-8, not variable-length: they compress, are copied from file to file without
 * decoding, and cannot point outside of the file.
 * May touch: the heap, the file that ht_h5_open is given. */
#include "store/h5_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/seal.h"

enum {
    TEXT_MAX = 16 << 20,        /* bytes of a text dataset that we read */
    COMPACT_MAX = 60000,        /* bytes that fit into the header of a dataset (HDF5: 64 KiB in all) */
    IMAGE_STEP = 1 << 17
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
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), how = H5Pcreate(H5P_FILE_CREATE), file = H5I_INVALID_HID;
    H5FD_file_image_callbacks_t calls = {image_malloc, NULL,        image_realloc, image_free,
                                         same_image,   leave_image, image};
    char name[32];
    *image = (ht_h5_image){NULL, 0, 0};
    snprintf(name, sizeof name, "%p", (void *)image);   /* HDF5 takes files of one name for one file */
    /* the formats of HDF5 1.8 carry checksums of everything but the data, see ht_h5_create_set for that */
    if (access >= 0 && how >= 0 && H5Pset_obj_track_times(how, false) >= 0 && H5Pset_fapl_core(access, IMAGE_STEP, 0) >= 0 &&
        H5Pset_file_image_callbacks(access, &calls) >= 0 &&
        H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_LATEST) >= 0)
        file = H5Fcreate(name, H5F_ACC_TRUNC, how, access);
    ht_h5_close(how);
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
    hid_t how = H5Pcreate(H5P_GROUP_CREATE), group = H5I_INVALID_HID;
    if (how >= 0 && H5Pset_obj_track_times(how, false) >= 0)    /* the same content gives the same bytes */
        group = H5Gcreate2(at, link, H5P_DEFAULT, how, H5P_DEFAULT);
    ht_h5_close(how);
    return group;
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

hid_t ht_h5_text_type(size_t size)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && (H5Tset_size(type, size) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0 ||
                      H5Tset_strpad(type, H5T_STR_NULLTERM) < 0)) {
        ht_h5_close(type);
        return H5I_INVALID_HID;
    }
    return type;
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
    hid_t type = ht_h5_text_type(strlen(t) + 1);
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

bool ht_h5_put_reals(hid_t at, const char *name, size_t n, const double *x)
{
    hid_t space = H5Screate_simple(1, &(hsize_t){n}, NULL);
    bool fine = space >= 0 && put_attribute(at, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, space, x);
    ht_h5_close(space);
    return fine;
}

/* As an array of texts, all as long as the longest. */
bool ht_h5_put_texts(hid_t at, const char *name, size_t n, const char *const *texts)
{
    size_t longest = 0;
    for (size_t i = 0; i < n; i++)
        if (strlen(texts[i]) > longest)
            longest = strlen(texts[i]);
    char *block = calloc(n + 1, longest + 1);
    if (block == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        strcpy(block + i * (longest + 1), texts[i]);
    hid_t type = ht_h5_text_type(longest + 1), space = H5Screate_simple(1, &(hsize_t){n}, NULL);
    bool fine = type >= 0 && space >= 0 && put_attribute(at, name, type, type, space, block);
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
        hid_t type = ht_h5_text_type(H5T_VARIABLE);
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
    hid_t type = ht_h5_text_type(n), space = H5Screate(H5S_SCALAR), how = H5Pcreate(H5P_DATASET_CREATE),
          set = H5I_INVALID_HID;
    bool fine = type >= 0 && space >= 0 && how >= 0 && H5Pset_obj_track_times(how, false) >= 0;
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

hid_t ht_h5_open_set(hid_t at, const char *name)
{
    return H5Lexists(at, name, H5P_DEFAULT) > 0 ? H5Dopen2(at, name, H5P_DEFAULT) : H5I_INVALID_HID;
}

bool ht_h5_read_text(hid_t at, const char *name, char **text)
{
    hid_t set = ht_h5_open_set(at, name), type = H5I_INVALID_HID, space = H5I_INVALID_HID;
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

void ht_h5_copy_text(char *to, size_t size, const char *from)
{
    size_t n = strlen(from);
    if (n >= size)
        n = size - 1;
    memcpy(to, from, n);
    memset(to + n, 0, size - n);
}
