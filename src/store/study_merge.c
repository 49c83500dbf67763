/* src/store/study_merge.c - one study of several; the contract is in study_merge.h.
 *
 * Two passes, so that never more than one input is open: first each input tells which runs it has and how
 * complete they are, then the best version of each run is copied, in the order of their ids. May touch: the
 * inputs (reads only), the result, the heap. */
#include "store/study_merge.h"

#include <stdlib.h>
#include <string.h>

#include "store/file.h"
#include "store/study_format.h"

/* A run in one of the inputs. */
typedef struct {
    char *link; /* owned */
    size_t input;
    char name[256];
    long long segments, points;
    double started, opened, ended, updated;
} version;

typedef struct {
    size_t n_paths;
    const char *const *paths;
    ht_study_root root; /* of the result */
    const char *about;  /* input that says what it is about; NULL = none yet */
    size_t n, room;
    version *versions; /* [n], owned */
    size_t input;      /* that is looked at */
    bool no_memory;
} merge;

static void release(merge *m)
{
    for (size_t i = 0; i < m->n; i++)
        free(m->versions[i].link);
    free(m->versions);
}

/* ---- which runs there are ----------------------------------------------------------------------- */

static long long count_rows(hid_t run, const char *name)
{
    hid_t set = H5Lexists(run, name, H5P_DEFAULT) > 0 ? H5Dopen2(run, name, H5P_DEFAULT) : H5I_INVALID_HID,
          space = set >= 0 ? H5Dget_space(set) : H5I_INVALID_HID;
    long long n = space >= 0 ? (long long)H5Sget_simple_extent_npoints(space) : 0;
    ht_h5_close(space);
    ht_h5_close(set);
    return n;
}

static bool add_version(void *ctx, hid_t group, const char *link)
{
    merge *m = ctx;
    if (m->n == m->room) {
        size_t room = 2 * m->room + 16;
        version *grown = realloc(m->versions, room * sizeof *grown);
        if (grown == NULL)
            return !(m->no_memory = true);
        m->versions = grown;
        m->room = room;
    }
    version *v = &m->versions[m->n];
    *v = (version){.link = strdup(link), .input = m->input};
    if (v->link == NULL)
        return !(m->no_memory = true);
    m->n++;
    hid_t run = H5Gopen2(group, link, H5P_DEFAULT);
    if (run < 0)
        return false;
    ht_h5_get_text(run, "name", v->name, sizeof v->name);
    ht_h5_get_real(run, "started", &v->started);
    ht_h5_get_real(run, "ended", &v->ended);
    ht_h5_get_real(run, HT_STUDY_UPDATED, &v->updated);
    ht_h5_get_real(run, HT_STUDY_OPENED, &v->opened);
    v->segments = count_rows(run, "segments");
    v->points = count_rows(run, "curves");
    ht_h5_close(run);
    return true;
}

/* All inputs are about one thing; the result is as old as the oldest and as new as the newest. */
static ht_status take_root(merge *m, const char *path, const ht_study_root *root, ht_error *err)
{
    ht_study_root *r = &m->root;
    if (m->about == NULL) {
        *r = *root;
        r->name[0] = '\0';
        m->about = path;
        return HT_OK;
    }
    if (strcmp(r->objective, root->objective) != 0 || strcmp(r->direction, root->direction) != 0)
        return ht_fail(
            err, HT_EREFUSED,
            "study '%s' is about '%s' (%s), '%s' about '%s' (%s): they stay apart; leave one of them out",
            m->about, r->objective, r->direction, path, root->objective, root->direction);
    if (root->created > 0 && !(r->created > 0 && r->created <= root->created))
        r->created = root->created;
    if (root->modified > r->modified)
        r->modified = root->modified;
    return HT_OK;
}

static ht_status look_at(merge *m, size_t input, ht_error *err)
{
    const char *path = m->paths[input];
    ht_study_root root;
    hid_t file, runs = H5I_INVALID_HID;
    ht_status st = ht_study_open(path, &file, err);
    if (st != HT_OK)
        return st == HT_ENOTFOUND ? HT_OK : st;
    m->input = input;
    st = ht_study_get_root(file, path, &root, err);
    if (st == HT_OK)
        st = take_root(m, path, &root, err);
    if (st == HT_OK && H5Lexists(file, "runs", H5P_DEFAULT) > 0)
        runs = H5Gopen2(file, "runs", H5P_DEFAULT);
    if (st == HT_OK && (runs < 0 || !ht_h5_each(runs, add_version, m)))
        st = m->no_memory ? ht_fail(err, HT_ENOMEM, "no memory to merge '%s'", path)
                          : ht_fail(err, HT_EFORMAT,
                                    "study '%s' is damaged: a run in '/runs' cannot be read; move it away "
                                    "and take a copy that is whole",
                                    path);
    ht_h5_close(runs);
    ht_h5_close(file);
    return st;
}

/* ---- which of them are taken -------------------------------------------------------------------- */

/* By id; of one id the most complete first. */
static int by_link(const void *a, const void *b)
{
    const version *x = a, *y = b;
    int order = strcmp(x->link, y->link);
    if (order != 0)
        return order;
    if (x->opened != y->opened)
        return x->opened > y->opened ? -1 : 1;
    if (x->segments != y->segments)
        return x->segments > y->segments ? -1 : 1;
    if (x->points != y->points)
        return x->points > y->points ? -1 : 1;
    if ((x->ended > 0) != (y->ended > 0))
        return x->ended > 0 ? -1 : 1;
    if (x->updated != y->updated)
        return x->updated > y->updated ? -1 : 1;
    /* equal: the later input, of a study and its parts a part, which nobody else replaces meanwhile */
    return (x->input < y->input) - (x->input > y->input);
}

static void keep_best(merge *m)
{
    size_t kept = 0;
    if (m->n > 0)
        qsort(m->versions, m->n, sizeof *m->versions, by_link);
    for (size_t i = 0; i < m->n; i++)
        if (kept > 0 && strcmp(m->versions[kept - 1].link, m->versions[i].link) == 0)
            free(m->versions[i].link);
        else
            m->versions[kept++] = m->versions[i];
    m->n = kept;
}

/* The study is called as its oldest run that has a name calls the problem. */
static void choose_name(merge *m)
{
    const version *oldest = NULL;
    for (size_t i = 0; i < m->n; i++)
        if (m->versions[i].name[0] != '\0' && (oldest == NULL || m->versions[i].started < oldest->started))
            oldest = &m->versions[i];
    if (oldest != NULL)
        HT_H5_COPY(m->root.name, oldest->name);
}

/* ---- the result --------------------------------------------------------------------------------- */

static ht_status copy_runs(const merge *m, hid_t runs, ht_error *err)
{
    hid_t from = H5I_INVALID_HID;
    size_t open = m->n_paths;
    for (size_t i = 0; i < m->n; i++) {
        const version *v = &m->versions[i];
        if (v->input != open) {
            ht_h5_close(from);
            hid_t file = ht_h5_open(m->paths[v->input]);
            from = file >= 0 ? H5Gopen2(file, "runs", H5P_DEFAULT) : H5I_INVALID_HID;
            ht_h5_close(file); /* it stays open as long as the group */
            open = v->input;
        }
        if (from < 0 || H5Ocopy(from, v->link, runs, v->link, H5P_DEFAULT, H5P_DEFAULT) < 0) {
            ht_h5_close(from);
            return ht_fail(err, HT_EFORMAT,
                           "study '%s' is damaged: '/runs/%s' cannot be read; it was left as it is",
                           m->paths[v->input], v->link);
        }
    }
    ht_h5_close(from);
    return HT_OK;
}

static ht_status fill(const merge *m, hid_t file, const char *out, ht_error *err)
{
    hid_t runs = ht_study_put_root(file, &m->root) ? ht_h5_group(file, "runs") : H5I_INVALID_HID;
    if (runs < 0)
        return ht_fail(err, HT_EIO, "cannot build '%s'", out);
    ht_status st = copy_runs(m, runs, err);
    ht_h5_close(runs);
    return st == HT_OK ? ht_study_complete(file, out, err) : st;
}

static ht_status write_result(const merge *m, const char *out, const ht_file_guard *guard, ht_error *err)
{
    ht_h5_image image;
    hid_t file = ht_h5_create_in_memory(&image);
    ht_status st = file >= 0 ? fill(m, file, out, err) : ht_fail(err, HT_EIO, "cannot build '%s'", out);
    if (st != HT_OK)
        ht_h5_close(file);
    else if (!ht_h5_finish(file, &image))
        st = ht_fail(err, HT_ENOMEM, "no memory for study '%s'", out);
    if (st == HT_OK)
        st = ht_file_replace_if(out, image.bytes, image.n, guard, err);
    free(image.bytes);
    return st;
}

ht_status ht_study_merge(size_t n, const char *const *paths, const char *out, const ht_file_guard *guard,
                         ht_error *err)
{
    merge m = {.n_paths = n, .paths = paths};
    ht_h5_quiet quiet;
    ht_status st = HT_OK;
    ht_h5_quiet_begin(&quiet);
    for (size_t i = 0; i < n && st == HT_OK; i++)
        st = look_at(&m, i, err);
    if (st == HT_OK && m.about == NULL)
        st = ht_fail(err, HT_ENOTFOUND, "there is no study to merge into '%s'", out);
    if (st == HT_OK) {
        keep_best(&m);
        choose_name(&m);
        st = write_result(&m, out, guard, err);
    }
    ht_h5_quiet_end(&quiet);
    release(&m);
    return st;
}
