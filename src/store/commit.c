/* src/store/commit.c - the commit of a checkpoint; the contract is in commit.h.
 *
 * The one before is a copy of the newest, made only of one that is whole: whatever happens, and when, one of
 * the two can be read. A commit is read back from its text before that goes to the disk.
 * May touch: the two files in the directory it is given. */
#include "store/commit.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/commit_json.h"
#include "store/file.h"
#include "store/images.h"
#include "store/run_dir.h"
#include "store/seal.h"

static ht_status no_memory(ht_error *err)
{
    return ht_fail(err, HT_ENOMEM, "no memory for a commit");
}

/* ---- the two files ------------------------------------------------------------------------------ */

/* What lies in a sealed file, with its seal. The seal is not only compared if there is one: a commit has one.
 * @param[out] n  bytes before the seal */
static ht_status read_sealed(const char *path, char **out, size_t *n, ht_error *err)
{
    char *text = NULL, seal[HT_SEAL_SIZE];
    size_t all = 0;
    HT_TRY(ht_file_read(path, &text, &all, err));
    bool whole = all >= HT_SEAL_SIZE;
    if (whole) {
        *n = all - HT_SEAL_SIZE;
        memcpy(seal, text + *n, HT_SEAL_SIZE);
        ht_seal_put((unsigned char *)text, *n);
        whole = memcmp(seal, text + *n, HT_SEAL_SIZE) == 0;
    }
    if (!whole) {
        free(text);
        return ht_fail(err, HT_EFORMAT, "'%s' is damaged: its checksum is wrong; take a copy that is whole",
                       path);
    }
    *out = text;
    return HT_OK;
}

static ht_status read_path(const char *path, ht_commit *out, ht_error *err)
{
    char *text = NULL;
    size_t n = 0;
    HT_TRY(read_sealed(path, &text, &n, err));
    text[n] = '\0';
    ht_status st = ht_commit_parse(text, out, err);
    free(text);
    return st == HT_OK ? st : ht_fail_in(err, st, path);
}

/* Both paths, owned by the caller. */
static ht_status name_files(const char *dir, char **newest, char **before, ht_error *err)
{
    *newest = ht_path_join(dir, HT_FILE_COMMIT);
    *before = ht_path_join(dir, HT_FILE_COMMIT_BEFORE);
    if (*newest != NULL && *before != NULL)
        return HT_OK;
    free(*newest);
    free(*before);
    return no_memory(err);
}

/* The newest commit becomes the one before, unless it is missing or damaged: then that stays what it is. */
static ht_status keep_newest(const char *newest, const char *before, const ht_file_guard *guard, ht_error *err)
{
    char *text = NULL;
    size_t n = 0;
    ht_status st = read_sealed(newest, &text, &n, NULL);
    if (st != HT_OK)
        return st == HT_ENOMEM ? no_memory(err) : HT_OK;
    st = ht_file_replace_if(before, text, n + HT_SEAL_SIZE, guard, err);
    free(text);
    return st;
}

/* The text of a commit with its seal, which can be read back. @param[out] n  with the seal */
static ht_status make_sealed(const ht_commit *c, char **out, size_t *n, ht_error *err)
{
    ht_commit again;
    char *text = ht_commit_print(c);
    if (text == NULL)
        return no_memory(err);
    ht_status st = ht_commit_parse(text, &again, err);
    if (st != HT_OK) {
        free(text);
        return ht_fail_in(err, st, "a commit cannot be written");
    }
    ht_commit_release(&again);
    size_t length = strlen(text);
    char *sealed = realloc(text, length + HT_SEAL_SIZE);
    if (sealed == NULL) {
        free(text);
        return no_memory(err);
    }
    ht_seal_put((unsigned char *)sealed, length);
    *out = sealed;
    *n = length + HT_SEAL_SIZE;
    return HT_OK;
}

ht_status ht_commit_write(const char *dir, const ht_commit *c, const ht_file_guard *guard, ht_error *err)
{
    char *newest = NULL, *before = NULL, *text = NULL;
    size_t n = 0;
    if (!isfinite(c->time) || !isfinite(c->wall_time))
        return ht_fail(err, HT_EINVAL, "the time of a commit is not finite");
    HT_TRY(make_sealed(c, &text, &n, err));
    ht_status st = name_files(dir, &newest, &before, err);
    if (st == HT_OK) {
        st = keep_newest(newest, before, guard, err);
        if (st == HT_OK)
            st = ht_file_replace_if(newest, text, n, guard, err);
        free(newest);
        free(before);
    }
    free(text);
    return st;
}

static ht_status read_either(const char *newest, const char *before, ht_commit *out, ht_error *notice,
                             ht_error *err)
{
    ht_error first = {""}, second = {""};
    ht_status st = read_path(newest, out, &first);
    notice->text[0] = '\0';
    if (st == HT_OK || st == HT_ENOMEM)
        return st == HT_OK ? st : ht_fail(err, st, "%s", first.text);
    ht_status other = read_path(before, out, &second);
    if (other == HT_OK) {
        ht_fail(notice, st, "the checkpoint before is taken: %s", first.text);
        return HT_OK;
    }
    if (st != HT_ENOTFOUND)
        return ht_fail(err, st, "%s", first.text);
    return ht_fail(err, other, "%s", second.text);
}

ht_status ht_commit_read(const char *dir, ht_commit *out, ht_error *notice, ht_error *err)
{
    ht_error unwanted;
    char *newest = NULL, *before = NULL;
    HT_TRY(name_files(dir, &newest, &before, err));
    ht_status st = read_either(newest, before, out, notice != NULL ? notice : &unwanted, err);
    if (st == HT_ENOTFOUND)
        ht_fail(err, st, "there is no checkpoint in '%s'", dir);
    free(newest);
    free(before);
    return st;
}

ht_status ht_commit_read_before(const char *dir, ht_commit *out, ht_error *err)
{
    char *newest = NULL, *before = NULL;
    HT_TRY(name_files(dir, &newest, &before, err));
    ht_status st = read_path(before, out, err);
    free(newest);
    free(before);
    return st;
}

void ht_commit_clear_asides(const char *dir, long pid)
{
    char *newest = NULL, *before = NULL;
    if (name_files(dir, &newest, &before, NULL) != HT_OK)
        return;
    ht_file_clear_aside(newest, pid);
    ht_file_clear_aside(before, pid);
    free(newest);
    free(before);
}

ht_status ht_commit_revert(const char *dir, ht_error *err)
{
    char *newest = NULL, *before = NULL;
    ht_commit c = {0};
    HT_TRY(name_files(dir, &newest, &before, err));
    ht_status st = read_path(before, &c, err);
    if (st == HT_OK && rename(before, newest) != 0)
        st = ht_fail(err, HT_EIO, "cannot replace '%s': %s", newest, strerror(errno));
    if (st == HT_OK)
        ht_file_sync_folder(newest);
    ht_commit_release(&c);
    free(newest);
    free(before);
    return st;
}

static ht_status remove_file(const char *path, ht_error *err)
{
    if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR)
        return HT_OK;
    return ht_fail(err, HT_EIO, "cannot remove '%s': %s", path, strerror(errno));
}

bool ht_commit_is_there(const char *run_dir)
{
    char *folder = ht_path_join(run_dir, HT_DIR_CHECKPOINT);
    char *path = folder != NULL ? ht_path_join(folder, HT_FILE_COMMIT) : NULL;
    bool there = path != NULL && ht_file_look(path).exists;
    free(path);
    free(folder);
    return there;
}

ht_status ht_commit_remove(const char *dir, ht_error *err)
{
    char *newest = NULL, *before = NULL;
    HT_TRY(name_files(dir, &newest, &before, err));
    ht_status st = remove_file(before, err);
    if (st == HT_OK)
        st = remove_file(newest, err); /* last: the one before alone would be taken for a commit */
    ht_file_sync_folder(newest);
    free(newest);
    free(before);
    return st;
}

/* ---- names of images ---------------------------------------------------------------------------- */

typedef struct {
    size_t n, capacity;
    char **names; /* [n], owned */
    bool failed;
} collection;

static void collect_name(collection *to, const char *name)
{
    if (to->n == to->capacity) {
        size_t capacity = to->capacity == 0 ? 16 : 2 * to->capacity;
        char **names = realloc(to->names, capacity * sizeof *names);
        if (names == NULL) {
            to->failed = true;
            return;
        }
        to->names = names;
        to->capacity = capacity;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        to->failed = true;
    else
        to->names[to->n++] = copy;
}

static void collect_tree(collection *to, const cJSON *item)
{
    if (cJSON_IsString(item) && ht_image_is_name(item->valuestring, NULL))
        collect_name(to, item->valuestring);
    for (const cJSON *child = item->child; child != NULL; child = child->next)
        collect_tree(to, child);
}

static void collect_commit(collection *to, const ht_commit *c)
{
    for (size_t i = 0; i < c->n_replicas; i++)
        if (c->replicas[i].manifest != NULL)
            collect_tree(to, c->replicas[i].manifest);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void drop_duplicates(collection *of)
{
    size_t n = 0;
    if (of->n > 0)
        qsort(of->names, of->n, sizeof *of->names, by_name);
    for (size_t i = 0; i < of->n; i++) {
        if (n > 0 && strcmp(of->names[n - 1], of->names[i]) == 0)
            free(of->names[i]);
        else
            of->names[n++] = of->names[i];
    }
    of->n = n;
}

static ht_status collect_files(collection *to, const char *newest, const char *before, ht_error *err)
{
    ht_commit c = {0};
    ht_error why;
    HT_TRY(read_path(newest, &c, err));
    collect_commit(to, &c);
    ht_commit_release(&c);
    ht_status st = read_path(before, &c, &why);
    if (st == HT_EIO || st == HT_ENOMEM)
        return ht_fail(err, st, "%s", why.text); /* it may be whole, and name images */
    collect_commit(to, &c);
    ht_commit_release(&c);
    return to->failed ? no_memory(err) : HT_OK;
}

ht_status ht_commit_images(const char *dir, size_t *n, char ***names, ht_error *err)
{
    char *newest = NULL, *before = NULL;
    collection all = {0};
    HT_TRY(name_files(dir, &newest, &before, err));
    ht_status st = collect_files(&all, newest, before, err);
    free(newest);
    free(before);
    if (st == HT_OK) {
        drop_duplicates(&all);
        *n = all.n;
        *names = all.names;
    } else {
        ht_commit_images_free(all.n, all.names);
    }
    return st;
}

void ht_commit_images_free(size_t n, char **names)
{
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
}
