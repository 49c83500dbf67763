/* src/store/study_root.c - the attributes that say what a file is and what wrote it; the contract is in
 * study_format.h.
 *
 * May touch: the HDF5 file it is given, the clock. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <hottune/version.h>

#include "store/study_format.h"

#ifndef HT_COMMIT
#define HT_COMMIT "" /* not built from a repository */
#endif

double ht_study_now(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-6 * (double)(t.tv_nsec / 1000);
}

static void hdf5_version(char text[64])
{
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    snprintf(text, 64, "%u.%u.%u", major, minor, release);
}

static const char *compiler(void)
{
#if defined(__clang__)
    return __VERSION__;
#elif defined(__GNUC__)
    return "gcc " __VERSION__;
#else
    return "";
#endif
}

bool ht_study_put_build(hid_t group)
{
    char hdf5[64];
    hdf5_version(hdf5);
    return ht_h5_put_text(group, "hottune_version", HT_VERSION) &&
           ht_h5_put_text(group, "hdf5_version", hdf5) && ht_h5_put_text(group, "compiler", compiler()) &&
           ht_h5_put_text(group, "commit", HT_COMMIT);
}

bool ht_study_put_versions(hid_t file, const char *format, long long version)
{
    return ht_h5_put_text(file, "format", format) && ht_h5_put_int(file, "format_version", version) &&
           ht_study_put_build(file);
}

bool ht_study_put_root(hid_t file, const ht_study_root *root)
{
    return ht_study_put_versions(file, HT_STUDY_FORMAT, HT_STUDY_VERSION) &&
           ht_h5_put_text(file, HT_STUDY_NAME, root->name) &&
           ht_h5_put_text(file, HT_STUDY_OBJECTIVE, root->objective) &&
           ht_h5_put_text(file, HT_STUDY_DIRECTION, root->direction) &&
           ht_h5_put_real(file, HT_STUDY_CREATED, root->created) &&
           ht_h5_put_real(file, HT_STUDY_MODIFIED, root->modified) &&
           ht_study_put_meaning(file, HT_MEANING_ROOT);
}

ht_status ht_study_get_root(hid_t file, const char *path, ht_study_root *root, ht_error *err)
{
    *root = (ht_study_root){.name = ""};
    if (!ht_h5_get_text(file, HT_STUDY_OBJECTIVE, root->objective, sizeof root->objective) ||
        !ht_h5_get_text(file, HT_STUDY_DIRECTION, root->direction, sizeof root->direction))
        return ht_fail(err, HT_EFORMAT, "study '%s' is damaged: its objective cannot be read", path);
    ht_h5_get_text(file, HT_STUDY_NAME, root->name, sizeof root->name);
    ht_h5_get_real(file, HT_STUDY_CREATED, &root->created);
    ht_h5_get_real(file, HT_STUDY_MODIFIED, &root->modified);
    return HT_OK;
}
