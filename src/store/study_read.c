/* src/store/study_read.c - open a study and read evidence and recipe from it; the contract is in study.h.
 *
 * A study comes from a disk and may be anything: every name, kind and size is checked, and what is damaged
 * is named. May touch: the file it is given (reads only). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/seal.h"
#include "store/study_format.h"

const char *ht_study_direction_text(ht_direction d)
{
    return d == HT_MAXIMIZE ? "maximize" : "minimize";
}

static ht_status check_format(hid_t file, const char *path, ht_error *err)
{
    char format[32] = "";
    long long version = 0;
    if (!ht_h5_get_text(file, "format", format, sizeof format) || strcmp(format, HT_STUDY_FORMAT) != 0)
        return ht_fail(err, HT_EFORMAT, "'%s' is an HDF5 file, but no study of hottune; name another file", path);
    if (!ht_h5_get_int(file, "format_version", &version) || version < 1)
        return ht_fail(err, HT_EFORMAT, "study '%s' is damaged: attribute 'format_version' cannot be read; move it away and "
                       "take a copy that is whole", path);
    if (version > HT_STUDY_VERSION)
        return ht_fail(err, HT_EFORMAT,
                       "study '%s' has format version %lld, this program knows up to %d: use a newer hottune",
                       path, version, HT_STUDY_VERSION);
    return HT_OK;
}

ht_status ht_study_open(const char *path, hid_t *file, ht_error *err)
{
    /* HDF5 (1.10.8) keeps parts of a damaged file for ever, and complains when the program ends */
    ht_status st = ht_seal_check(path, err);
    if (st == HT_ENOTFOUND)
        return ht_fail(err, st, "there is no study '%s'", path);
    if (st != HT_OK)
        return ht_fail_in(err, st, "study");
    hid_t f = ht_h5_open(path);
    if (f < 0)
        return ht_fail(err, HT_EFORMAT, "'%s' is no HDF5 file, or it is cut off or damaged; name another file, or move it "
                       "away", path);
    st = check_format(f, path, err);
    if (st != HT_OK)
        ht_h5_close(f);
    else
        *file = f;
    return st;
}

ht_status ht_study_version(const char *path, long long *version, ht_error *err)
{
    ht_h5_quiet quiet;
    hid_t file;
    ht_h5_quiet_begin(&quiet);
    ht_status st = ht_study_open(path, &file, err);
    if (st == HT_OK) {
        ht_h5_get_int(file, "format_version", version);     /* it was seen when the study was opened */
        ht_h5_close(file);
    }
    ht_h5_quiet_end(&quiet);
    return st;
}

/* ---- evidence ----------------------------------------------------------------------------------- */

typedef struct {
    ht_run_evidence evidence;
    double started;
} dated;

/* What is gathered while the runs are visited. */
typedef struct {
    const char *path;
    size_t n, capacity;
    dated *runs;                /* [n], owned */
    ht_status status;
    ht_error *err;
} gathering;

static bool damaged(gathering *g, const char *link, const char *object)
{
    g->status = ht_fail(g->err, HT_EFORMAT, "study '%s' is damaged: '/runs/%s/%s' cannot be read; move it away and take a "
                        "copy that is whole", g->path, link, object);
    return false;
}

static bool no_memory(gathering *g)
{
    g->status = ht_fail(g->err, HT_ENOMEM, "no memory for the evidence in '%s'", g->path);
    return false;
}

static void take_row(ht_evidence *e, const ht_study_evidence_row *row)
{
    *e = (ht_evidence){.win_rate = row->win_rate,
                       .mean_score = row->mean_score,
                       .win_center = row->win_center,
                       .win_spread = row->win_spread,
                       .wins = row->wins};
    HT_H5_COPY(e->actuator, row->actuator);
    HT_H5_COPY(e->key, row->key);
    HT_H5_COPY(e->phase, row->phase);
}

static bool has_sense(const ht_study_evidence_row *row)
{
    return isfinite(row->win_rate) && isfinite(row->mean_score) && isfinite(row->win_center) &&
           isfinite(row->win_spread) && row->win_spread >= 0 && row->wins >= 0 && row->wins <= 1e15;
}

static bool gather_rows(gathering *g, const char *link, hid_t run, dated *out)
{
    void *rows = NULL;
    size_t n = 0;
    if (!ht_h5_read_table(run, "evidence", &ht_study_evidence_table, &n, &rows))
        return damaged(g, link, "evidence");
    ht_evidence *e = calloc(n + 1, sizeof *e);
    bool fine = e != NULL ? true : no_memory(g);
    for (size_t i = 0; fine && i < n; i++) {
        const ht_study_evidence_row *row = (const ht_study_evidence_row *)rows + i;
        fine = has_sense(row) ? true : damaged(g, link, "evidence");
        take_row(&e[i], row);
    }
    free(rows);
    if (!fine) {
        free(e);
        return false;
    }
    out->evidence.evidence = e;
    out->evidence.n = n;
    return true;
}

static bool grow(gathering *g)
{
    if (g->n < g->capacity)
        return true;
    size_t capacity = g->capacity == 0 ? 16 : 2 * g->capacity;
    dated *runs = realloc(g->runs, capacity * sizeof *runs);
    if (runs == NULL)
        return no_memory(g);
    g->runs = runs;
    g->capacity = capacity;
    return true;
}

/* The recipe at the start of the run; NULL: it cannot be read. */
static ht_recipe *read_space(hid_t run)
{
    char *text = NULL;
    ht_recipe *r = NULL;
    if (ht_h5_read_text(run, "base_recipe", &text) && ht_recipe_parse(text, "base_recipe", &r, NULL) != HT_OK)
        r = NULL;
    free(text);
    return r;
}

static bool gather_run(void *ctx, hid_t group, const char *link)
{
    gathering *g = ctx;
    if (!grow(g))
        return false;
    dated *out = &g->runs[g->n];
    *out = (dated){.started = 0};
    hid_t run = H5Gopen2(group, link, H5P_DEFAULT);
    bool fine = run >= 0 ? true : damaged(g, link, "");
    if (fine && !ht_h5_get_text(run, "id", out->evidence.source, sizeof out->evidence.source))
        fine = damaged(g, link, "id");
    if (fine && (!ht_h5_get_real(run, "started", &out->started) || !isfinite(out->started)))
        fine = damaged(g, link, "started");
    out->evidence.started = out->started;
    fine = fine && gather_rows(g, link, run, out);
    out->evidence.space = fine ? read_space(run) : NULL;
    if (fine && !ht_study_read_lessons(run, &out->evidence)) {
        fine = damaged(g, link, "lessons");
        ht_run_evidence_release(&out->evidence);
    }
    ht_h5_close(run);
    g->n += fine;
    return fine;
}

static int by_age(const void *a, const void *b)
{
    const dated *p = a, *q = b;
    if (p->started != q->started)
        return p->started < q->started ? -1 : 1;
    return strcmp(p->evidence.source, q->evidence.source);
}

static void release_gathering(gathering *g)
{
    for (size_t i = 0; i < g->n; i++)
        ht_run_evidence_release(&g->runs[i].evidence);
    free(g->runs);
}

ht_status ht_study_read_evidence(hid_t file, const char *path, size_t *n, ht_run_evidence **runs,
                                 ht_error *err)
{
    gathering g = {.path = path, .status = HT_OK, .err = err};
    hid_t group =
        H5Lexists(file, "runs", H5P_DEFAULT) > 0 ? H5Gopen2(file, "runs", H5P_DEFAULT) : H5I_INVALID_HID;
    ht_run_evidence *all = NULL;
    if (group < 0) {
        g.status = ht_fail(err, HT_EFORMAT, "study '%s' is damaged: '/runs' cannot be read", path);
        goto done;
    }
    if (!ht_h5_each(group, gather_run, &g) && g.status == HT_OK)
        g.status = ht_fail(err, HT_EFORMAT, "study '%s' is damaged: '/runs' cannot be listed", path);
    if (g.status == HT_OK && (all = calloc(g.n + 1, sizeof *all)) == NULL)
        no_memory(&g);
    if (g.status != HT_OK)
        goto done;
    if (g.n > 0)
        qsort(g.runs, g.n, sizeof *g.runs, by_age);
    for (size_t i = 0; i < g.n; i++) {
        all[i] = g.runs[i].evidence;
        g.runs[i].evidence.evidence = NULL;
        g.runs[i].evidence.lessons = NULL;
        g.runs[i].evidence.space = NULL;
    }
    *n = g.n;
    *runs = all;
done:
    release_gathering(&g);
    ht_h5_close(group);
    return g.status;
}

ht_status ht_study_evidence(const char *path, size_t *n, ht_run_evidence **runs, ht_error *err)
{
    ht_h5_quiet quiet;
    hid_t file;
    ht_h5_quiet_begin(&quiet);
    ht_status st = ht_study_open(path, &file, err);
    if (st == HT_OK) {
        st = ht_study_read_evidence(file, path, n, runs, err);
        ht_h5_close(file);
    }
    ht_h5_quiet_end(&quiet);
    return st;
}

void ht_study_evidence_free(size_t n, ht_run_evidence *runs)
{
    for (size_t i = 0; runs != NULL && i < n; i++)
        ht_run_evidence_release(&runs[i]);
    free(runs);
}

/* ---- the recipe --------------------------------------------------------------------------------- */

ht_status ht_study_recipe(const char *path, char **yaml, ht_error *err)
{
    ht_h5_quiet quiet;
    hid_t file;
    ht_h5_quiet_begin(&quiet);
    ht_status st = ht_study_open(path, &file, err);
    if (st == HT_OK) {
        hid_t group = H5I_INVALID_HID;
        if (H5Lexists(file, "recipe", H5P_DEFAULT) <= 0)
            st = ht_fail(err, HT_EEMPTY, "study '%s' holds no recipe yet", path);
        else if ((group = H5Gopen2(file, "recipe", H5P_DEFAULT)) < 0 ||
                 !ht_h5_read_text(group, "evolved", yaml))
            st = ht_fail(err, HT_EFORMAT, "study '%s' is damaged: '/recipe/evolved' cannot be read", path);
        ht_h5_close(group);
        ht_h5_close(file);
    }
    ht_h5_quiet_end(&quiet);
    return st;
}
