/* src/store/champion.c - the best weights of a pooled run as a file; the contract is in champion.h.
 *
 * The file is made in memory and replaces an older one whole. May touch: the run directory. */
#include "store/champion.h"

#include <stdlib.h>

#include <hottune/version.h>

#include "store/run_dir.h"
#include "store/file.h"
#include "store/h5.h"

static hid_t type_of(ht_element e)
{
    switch (e) {
    case HT_FLOAT32:
        return H5T_NATIVE_FLOAT;
    case HT_FLOAT64:
        return H5T_NATIVE_DOUBLE;
    case HT_BFLOAT16:
        return H5T_NATIVE_UINT16;
    case HT_INT32:
        return H5T_NATIVE_INT32;
    case HT_INT64:
        return H5T_NATIVE_INT64;
    case HT_BYTES:
        break;
    }
    return H5T_NATIVE_UINT8;
}

static bool put_buffer(hid_t group, const ht_state_buffer *b)
{
    hsize_t n = b->count;
    char *link = ht_h5_link_name(b->name);
    hid_t space = link != NULL ? H5Screate_simple(1, &n, NULL) : -1;
    hid_t set = space >= 0 ? H5Dcreate2(group, link, type_of(b->element), space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)
                           : -1;
    bool fine = set >= 0 && H5Dwrite(set, type_of(b->element), H5S_ALL, H5S_ALL, H5P_DEFAULT, b->data) >= 0;
    if (fine && b->element == HT_BFLOAT16)
        fine = ht_h5_put_text(set, "element", "bfloat16: the upper half of a float32");
    ht_h5_close(set);
    ht_h5_close(space);
    free(link);
    return fine;
}

static bool put_all(hid_t file, const ht_champion_options *o, const ht_state *s)
{
    ht_state_buffer b;
    bool fine = ht_h5_put_text(file, "hottune", HT_VERSION) && ht_h5_put_text(file, "objective", o->objective) &&
                ht_h5_put_real(file, "value", o->value) && ht_h5_put_int(file, "replica", o->replica);
    hid_t group = fine ? ht_h5_group(file, "weights") : -1;
    fine = group >= 0;
    for (size_t i = 0; fine && ht_state_best_at(s, i, &b); i++)
        fine = put_buffer(group, &b);
    ht_h5_close(group);
    return fine;
}

ht_status ht_champion_write(const ht_champion_options *o, const ht_state *s, ht_error *err)
{
    ht_state_buffer b;
    if (!ht_state_best_at(s, 0, &b))
        return ht_fail(err, HT_EEMPTY, "no best weights were kept: there is no " HT_FILE_CHAMPION);
    char *path = ht_path_join(o->dir, HT_FILE_CHAMPION);
    if (path == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a path");
    ht_h5_quiet quiet;
    ht_h5_image image = {0};
    ht_h5_quiet_begin(&quiet);
    hid_t file = ht_h5_create_in_memory(&image);
    bool fine = file >= 0 && put_all(file, o, s);
    if (fine)
        fine = ht_h5_finish(file, &image);
    else
        ht_h5_close(file);
    ht_h5_quiet_end(&quiet);
    ht_status st = fine ? ht_file_replace_if(path, image.bytes, image.n, &o->guard, err)
                        : ht_fail(err, HT_EIO, "the best weights could not be laid out as HDF5 for '%s'", path);
    free(image.bytes);
    free(path);
    return st;
}
