/* src/store/study_parts.c - the parts of a study; the contract is in study_parts.h.
 *
 * May touch: the folder of the parts, the study, the heap. */
#include "store/study_parts.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "store/file.h"
#include "store/h5.h"
#include "store/run_dir.h"
#include "store/study_merge.h"

enum { TRIES = 1000 }; /* while parts are replaced by others */

static bool ends_in_h5(const char *name)
{
    size_t n = strlen(name);
    return n > 3 && strcmp(name + n - 3, ".h5") == 0;
}

/* "runs/study.h5" -> "runs/study.parts"; owned by the caller; NULL: no memory */
static char *folder_of(const char *study)
{
    ht_string path = {0};
    ht_string_add_bytes(&path, study, strlen(study) - (ends_in_h5(study) ? 3 : 0));
    ht_string_add(&path, ".parts");
    return ht_string_take(&path);
}

static ht_status no_memory(const char *study, ht_error *err)
{
    return ht_fail(err, HT_ENOMEM, "no memory for the parts of study '%s'", study);
}

ht_status ht_study_part_path(const char *study, const char *id, bool make, char **path, ht_error *err)
{
    ht_string text = {0};
    char *folder = folder_of(study), *link = ht_h5_link_name(id);
    ht_status st = folder != NULL && link != NULL ? HT_OK : no_memory(study, err);
    if (st == HT_OK && make && mkdir(folder, 0777) != 0 && errno != EEXIST)
        st = ht_fail(err, HT_EIO, "cannot make the folder '%s': %s", folder, strerror(errno));
    if (st == HT_OK) {
        ht_string_add(&text, "%s/%s.h5", folder, link);
        if ((*path = ht_string_take(&text)) == NULL)
            st = no_memory(study, err);
    }
    free(folder);
    free(link);
    return st;
}

/* ---- the list ----------------------------------------------------------------------------------- */

/* The study and its parts. */
typedef struct {
    size_t n, room;
    char **paths;          /* [n], owned; the first is the study, the others are in order */
    ht_file_stamp *stamps; /* [n], owned */
} listing;

static void release(listing *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->paths[i]);
    free(l->paths);
    free(l->stamps);
}

static bool add(listing *l, char *path)
{
    if (path != NULL && l->n == l->room) {
        size_t room = 2 * l->room + 16;
        char **paths = realloc(l->paths, room * sizeof *paths);
        if (paths != NULL)
            l->paths = paths;
        ht_file_stamp *stamps = realloc(l->stamps, room * sizeof *stamps);
        if (stamps != NULL)
            l->stamps = stamps;
        if (paths == NULL || stamps == NULL) {
            free(path);
            return false;
        }
        l->room = room;
    }
    if (path == NULL)
        return false;
    l->paths[l->n++] = path;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* *l is released by the caller, also after a failure. A missing folder has no parts. */
static ht_status list_parts(const char *study, listing *l, ht_error *err)
{
    char *folder = folder_of(study);
    DIR *dir = folder != NULL ? opendir(folder) : NULL;
    bool fine = folder != NULL && add(l, strdup(study));
    for (struct dirent *e; fine && dir != NULL && (e = readdir(dir)) != NULL;)
        if (ends_in_h5(e->d_name))
            fine = add(l, ht_path_join(folder, e->d_name));
    if (dir != NULL)
        closedir(dir);
    free(folder);
    if (!fine)
        return no_memory(study, err);
    qsort(l->paths + 1, l->n - 1, sizeof *l->paths, by_name);
    for (size_t i = 0; i < l->n; i++)
        l->stamps[i] = ht_file_look(l->paths[i]);
    return HT_OK;
}

/* The same parts, unchanged; the study itself is what we write. */
static bool same_parts(const listing *a, const listing *b)
{
    bool same = a->n == b->n;
    for (size_t i = 1; same && i < a->n; i++)
        same = strcmp(a->paths[i], b->paths[i]) == 0 && ht_file_same(&a->stamps[i], &b->stamps[i]);
    return same;
}

ht_status ht_study_pool_parts(const char *study, bool settle, const ht_file_guard *guard, ht_error *err)
{
    listing now = {0};
    ht_status st = list_parts(study, &now, err);
    for (int i = 0; i < (settle ? TRIES : 1) && st == HT_OK && now.n > 1; i++) {
        listing then = now;
        now = (listing){0};
        st = ht_study_merge(then.n, (const char *const *)then.paths, study, guard, err);
        if (st == HT_OK)
            st = list_parts(study, &now, err);
        bool settled = st == HT_OK && same_parts(&then, &now);
        release(&then);
        if (settled)
            break;
    }
    release(&now);
    return st;
}
