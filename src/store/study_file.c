/* src/store/study_file.c - a file in HDF5, its groups and texts; the contract is in study_table.h.
 *
 * May touch: the heap, the file that it is given (reads only). */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/seal.h"
#include "store/study_format.h"
#include "store/study_table_internal.h"
#include "store/sweep_study.h"

enum { DEFLATE_MOST = 1100 }; /* what a compressed byte can become */

/* ---- the file ----------------------------------------------------------------------------------- */

static ht_status check_version(const ht_study_file *f, const char *what, long long known, ht_error *err)
{
    long long version = 0;
    if (!ht_h5_get_int(f->file, "format_version", &version) || version < 1)
        return ht_fail(err, HT_EFORMAT, "'%s' is damaged: attribute 'format_version' cannot be read",
                       f->path);
    if (version > known)
        return ht_fail(err, HT_EFORMAT,
                       "%s '%s' has format version %lld, this program knows up to %lld: use a newer "
                       "hottune",
                       what, f->path, version, known);
    return HT_OK;
}

static ht_status tell_kind(ht_study_file *f, ht_error *err)
{
    char format[32] = "";
    ht_h5_get_text(f->file, "format", format, sizeof format);
    f->kind = HT_STUDY_RUNS;
    if (strcmp(format, HT_STUDY_FORMAT) == 0)
        return check_version(f, "study", HT_STUDY_VERSION, err);
    f->kind = HT_STUDY_SWEEP;
    if (strcmp(format, HT_SWEEP_FORMAT) == 0)
        return check_version(f, "sweep", HT_SWEEP_VERSION, err);
    f->kind = HT_STUDY_CHAMPION;
    if (format[0] == '\0' && H5Aexists(f->file, "hottune") > 0 &&
        H5Lexists(f->file, "weights", H5P_DEFAULT) > 0)
        return HT_OK;
    return ht_fail(err, HT_EFORMAT, "'%s' is an HDF5 file, but none that hottune wrote; name another file",
                   f->path);
}

ht_status ht_study_file_open_unsealed(const char *path, ht_study_file **out, ht_error *err)
{
    struct stat s;
    ht_study_file *f = calloc(1, sizeof *f);
    if (f == NULL || (f->path = strdup(path)) == NULL) {
        free(f);
        return ht_fail(err, HT_ENOMEM, "no memory to open '%s'", path);
    }
    f->room = stat(path, &s) == 0 ? (double)s.st_size * DEFLATE_MOST : 0;
    ht_h5_quiet_begin(&f->quiet);
    f->file = ht_h5_open(path);
    ht_status st = f->file >= 0
                       ? tell_kind(f, err)
                       : ht_fail(err, HT_EFORMAT, "'%s' is no HDF5 file, or it is cut off or damaged", path);
    if (st == HT_OK)
        *out = f;
    else
        ht_study_file_close(f);
    return st;
}

ht_status ht_study_file_open(const char *path, ht_study_file **out, ht_error *err)
{
    ht_status st = ht_seal_check(path, err);
    return st == HT_OK ? ht_study_file_open_unsealed(path, out, err) : st;
}

void ht_study_file_close(ht_study_file *f)
{
    if (f == NULL)
        return;
    ht_h5_close(f->file);
    ht_h5_quiet_end(&f->quiet);
    free(f->path);
    free(f);
}

ht_study_kind ht_study_file_kind(const ht_study_file *f)
{
    return f->kind;
}

const char *ht_study_file_path(const ht_study_file *f)
{
    return f->path;
}

ht_status ht_study_damaged(const ht_study_file *f, const char *object, const char *why, ht_error *err)
{
    return ht_fail(err, HT_EFORMAT, "'%s': object '%s' %s", f->path, object, why);
}

/* ---- groups ------------------------------------------------------------------------------------- */

hid_t ht_study_open_object(const ht_study_file *f, const char *object)
{
    H5L_info_t link;
    if (strcmp(object, "/") != 0 &&
        (H5Lget_info(f->file, object, &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD))
        return H5I_INVALID_HID;
    return H5Oopen(f->file, object, H5P_DEFAULT);
}

static ht_object_kind kind_of_set(hid_t set)
{
    hid_t type = H5Dget_type(set), space = H5Dget_space(set);
    H5T_class_t class = type >= 0 ? H5Tget_class(type) : H5T_NO_CLASS;
    int rank = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
    ht_h5_close(type);
    ht_h5_close(space);
    if (rank == 0 && class == H5T_STRING)
        return HT_OBJECT_TEXT;
    bool simple = class == H5T_INTEGER || class == H5T_FLOAT || class == H5T_ENUM;
    return (rank == 1 && (simple || class == H5T_COMPOUND)) || (rank == 2 && simple) ? HT_OBJECT_TABLE
                                                                                     : HT_OBJECT_OTHER;
}

ht_object_kind ht_study_look(const ht_study_file *f, const char *object)
{
    hid_t id = ht_study_open_object(f, object);
    H5I_type_t type = id >= 0 ? H5Iget_type(id) : H5I_BADID;
    ht_object_kind kind = id < 0                ? HT_OBJECT_NONE
                          : type == H5I_GROUP   ? HT_OBJECT_GROUP
                          : type == H5I_DATASET ? kind_of_set(id)
                                                : HT_OBJECT_OTHER;
    ht_h5_close(id);
    return kind;
}

static bool add_name(void *ctx, hid_t group, const char *link)
{
    ht_study_names *n = ctx;
    (void)group;
    char **names = realloc(n->names, (n->n + 1) * sizeof *names);
    if (names == NULL)
        return false;
    n->names = names;
    return (names[n->n] = strdup(link)) != NULL && ++n->n > 0;
}

ht_status ht_study_links(const ht_study_file *f, const char *group, ht_study_names *out, ht_error *err)
{
    ht_study_names names = {0};
    hid_t id = ht_study_open_object(f, group);
    bool fine = id >= 0 && H5Iget_type(id) == H5I_GROUP && ht_h5_each(id, add_name, &names);
    ht_h5_close(id);
    if (!fine) {
        ht_study_names_release(&names);
        return ht_study_damaged(f, group, "cannot be listed", err);
    }
    *out = names;
    return HT_OK;
}

void ht_study_names_release(ht_study_names *n)
{
    for (size_t i = 0; i < n->n; i++)
        free(n->names[i]);
    free(n->names);
    *n = (ht_study_names){0};
}

/* ---- texts ---------------------------------------------------------------------------------------- */

ht_status ht_study_text(const ht_study_file *f, const char *object, char **text, ht_error *err)
{
    if (ht_study_look(f, object) != HT_OBJECT_TEXT || !ht_h5_read_text(f->file, object, text))
        return ht_study_damaged(f, object, "is no text, or cannot be read", err);
    return HT_OK;
}
