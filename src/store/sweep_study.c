/* src/store/sweep_study.c - a sweep as an HDF5 file; the contract is in sweep_study.h.
 *
 * A row of `trials` is the struct below and, behind it, one cell for each parameter: a double, or the text of a
 * category. May touch: the file, the log (reads), the heap, the clock (for `modified`). */
#include "store/sweep_study.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "store/file.h"
#include "store/run_dir.h"
#include "store/seal.h"
#include "store/study_format.h"
#include "store/sweep_log.h"

enum { TEXT_MAX = 512 };

/* ---- tables --------------------------------------------------------------------------------- */

typedef struct {
    long long number;
    char state[16];
    double value;
    long long steps, spent_steps;
    double start, end, seconds;
    long long worker, retries;
    char reason[HT_REASON_MAX];
} trial_row;

static const ht_h5_column trial_columns[] = {
    HT_H5_COLUMN(trial_row, number, HT_H5_INT, "number: of the trial, from 0"),
    HT_H5_TEXTS(trial_row, state, "state: complete, pruned, failed, lost"),
    HT_H5_COLUMN(trial_row, value, HT_H5_REAL, "value: result; pruned: the best report; NaN = none"),
    HT_H5_COLUMN(trial_row, steps, HT_H5_INT, "steps: last step that the latest attempt reported [steps]"),
    HT_H5_COLUMN(trial_row, spent_steps, HT_H5_INT, "spent_steps: of all attempts [steps]"),
    HT_H5_COLUMN(trial_row, start, HT_H5_REAL, "start: of the trial [s since 1970]; NaN = unknown"),
    HT_H5_COLUMN(trial_row, end, HT_H5_REAL, "end: of the trial [s since 1970]"),
    HT_H5_COLUMN(trial_row, seconds, HT_H5_REAL, "seconds: in the command, all attempts [s]"),
    HT_H5_COLUMN(trial_row, worker, HT_H5_INT, "worker: that ran the latest attempt, from 0"),
    HT_H5_COLUMN(trial_row, retries, HT_H5_INT, "retries: attempts after the first"),
    HT_H5_TEXTS(trial_row, reason, "reason: why it was pruned, failed or lost; empty = nothing to say"),
};
enum { FIXED = sizeof trial_columns / sizeof *trial_columns };

typedef struct {
    long long trial, step;
    double value;
} report_row;

static const ht_h5_column report_columns[] = {
    HT_H5_COLUMN(report_row, trial, HT_H5_INT, "trial: its number"),
    HT_H5_COLUMN(report_row, step, HT_H5_INT, "step: as the command said"),
    HT_H5_COLUMN(report_row, value, HT_H5_REAL, "value: as the command said; NaN = not finite"),
};
static const ht_h5_table report_table = HT_H5_TABLE(report_row, report_columns);

/* The table of trials of one space. */
typedef struct {
    ht_h5_column columns[FIXED + HT_PARAMS_MAX];
    char names[HT_PARAMS_MAX][HT_NAME_MAX + 8], docs[HT_PARAMS_MAX][HT_NAME_MAX + 64];
    ht_h5_table table;
} layout;

/* A category as text: texts as they are, everything else as JSON. Cut to `size`. */
static void put_category(char *text, size_t size, const ht_param *p, size_t choice)
{
    ht_value v = {.kind = p->choices[choice].kind, .scalar = p->choices[choice]};
    cJSON *item = ht_value_to_json(&v);
    char *line = cJSON_IsString(item) || item == NULL ? NULL : ht_json_line(item);
    ht_h5_copy_text(text, size, cJSON_IsString(item) ? item->valuestring : line != NULL ? line : "");
    free(line);
    cJSON_Delete(item);
}

static size_t category_size(const ht_param *p)
{
    size_t longest = 1;
    char text[TEXT_MAX];
    for (size_t i = 0; i < p->n_choices; i++) {
        put_category(text, sizeof text, p, i);
        longest = strlen(text) > longest ? strlen(text) : longest;
    }
    return longest + 1;
}

static void lay_out(layout *l, const ht_space *space)
{
    size_t end = sizeof(trial_row);
    memcpy(l->columns, trial_columns, sizeof trial_columns);
    for (size_t i = 0; i < space->n; i++) {
        const ht_param *p = &space->params[i];
        bool is_number = p->kind == HT_PARAM_NUMBER;
        size_t n = is_number ? 1 : category_size(p);
        snprintf(l->names[i], sizeof l->names[i], "params_%s", p->name);
        snprintf(l->docs[i], sizeof l->docs[i], "params_%s: parameter; %s = it was not active", p->name,
                 is_number ? "NaN" : "empty");
        l->columns[FIXED + i] = (ht_h5_column){l->names[i], is_number ? HT_H5_REAL : HT_H5_TEXT, end, n, l->docs[i]};
        end += is_number ? sizeof(double) : (n + 7) / 8 * 8;    /* the next number stays aligned */
    }
    l->table = (ht_h5_table){end, FIXED + space->n, l->columns};
}

/* ---- rows from the log ---------------------------------------------------------------------- */

typedef struct {
    const ht_space *space;
    const layout *layout;
    size_t n, capacity, n_reports, reports_capacity;
    char *rows;             /* [n] of layout->table.row_size bytes, owned */
    report_row *reports;    /* [n_reports], owned */
    double created;         /* when the first trial began */
} gathering;

/* Room for `more` items behind the n that are there. */
static bool reserve(void **at, size_t n, size_t more, size_t *capacity, size_t size)
{
    if (n + more <= *capacity)
        return true;
    size_t wanted = 2 * (n + more) + 16;
    void *grown = realloc(*at, wanted * size);
    if (grown == NULL)
        return false;
    *at = grown;
    *capacity = wanted;
    return true;
}

static void fill_row(const gathering *g, const ht_trial *t, double started, double ended, char *at)
{
    trial_row row = {.number = (long long)t->number, .value = t->value, .steps = t->steps, .spent_steps = t->spent,
                     .start = started > 0 ? started : NAN, .end = ended, .seconds = t->seconds, .worker = t->worker,
                     .retries = t->attempts > 0 ? (long long)t->attempts - 1 : 0};
    HT_H5_COPY(row.state, ht_trial_status_text(t->status));
    HT_H5_COPY(row.reason, t->reason);
    memset(at, 0, g->layout->table.row_size);
    memcpy(at, &row, sizeof row);
    for (size_t i = 0; i < g->space->n; i++) {
        const ht_param *p = &g->space->params[i];
        const ht_h5_column *c = &g->layout->columns[FIXED + i];
        double u = t->point.u[i], value = u < 0 ? NAN : ht_space_value(g->space, i, u);
        if (p->kind == HT_PARAM_NUMBER)
            memcpy(at + c->at, &value, sizeof value);
        else if (u >= 0)
            put_category(at + c->at, c->n, p, (size_t)u);
    }
}

static ht_status gather(void *ctx, const ht_trial *t, double started, double ended, ht_error *err)
{
    gathering *g = ctx;
    size_t size = g->layout->table.row_size;
    void *rows = g->rows, *reports = g->reports;
    bool fine = reserve(&rows, g->n, 1, &g->capacity, size) &&
                reserve(&reports, g->n_reports, t->n_reports, &g->reports_capacity, sizeof *g->reports);
    g->rows = rows;
    g->reports = reports;
    if (!fine)
        return ht_fail(err, HT_ENOMEM, "no memory for trial %lu", t->number);
    fill_row(g, t, started, ended, g->rows + g->n++ * size);
    for (size_t i = 0; i < t->n_reports; i++)
        g->reports[g->n_reports++] =
            (report_row){(long long)t->number, t->reports[i].step, t->reports[i].value};
    if (started > 0 && !(started >= g->created))
        g->created = started;
    return HT_OK;
}

/* ---- the file ------------------------------------------------------------------------------- */

static bool fill(hid_t file, const ht_sweep_study *s, const gathering *g)
{
    double now = (double)time(NULL);
    return ht_study_put_versions(file, HT_SWEEP_FORMAT, HT_SWEEP_VERSION) && ht_h5_put_text(file, HT_STUDY_NAME, s->name) &&
           ht_h5_put_text(file, HT_STUDY_DIRECTION, ht_study_direction_text(s->maximize ? HT_MAXIMIZE : HT_MINIMIZE)) &&
           ht_h5_put_unsigned(file, "seed", s->seed) &&
           ht_h5_put_real(file, HT_STUDY_CREATED, isfinite(g->created) ? g->created : now) &&
           ht_h5_put_real(file, "modified", now) && ht_h5_write_text(file, "space", s->space_text) &&
           ht_h5_write_table(file, "trials", &g->layout->table, g->n, g->rows) &&
           ht_h5_write_table(file, "reports", &report_table, g->n_reports, g->reports);
}

static ht_status build(const char *path, const ht_sweep_study *s, const gathering *g, ht_h5_image *image,
                       ht_error *err)
{
    hid_t file = ht_h5_create_in_memory(image);
    bool filled = file >= 0 && fill(file, s, g);
    if (filled && ht_h5_finish(file, image))
        return HT_OK;
    if (file >= 0 && !filled)
        ht_h5_close(file);
    return ht_fail(err, HT_EIO, "cannot build '%s'", path);
}

/* What is there may be replaced: nothing, or the file of a sweep. */
static ht_status check(const char *path, ht_error *err)
{
    char found[32] = "";
    ht_status st = ht_seal_check(path, err);
    if (st == HT_ENOTFOUND)
        return HT_OK;
    hid_t file = st == HT_OK ? ht_h5_open(path) : H5I_INVALID_HID;
    bool ours = file >= 0 && ht_h5_get_text(file, "format", found, sizeof found) && strcmp(found, HT_SWEEP_FORMAT) == 0;
    ht_h5_close(file);
    return ours ? HT_OK : ht_fail(err, HT_EREFUSED, "'%s' is not the whole file of a sweep: move it away, or name "
                                  "another directory", path);
}

static ht_status publish(const char *dir, const char *path, const ht_space *space, const ht_sweep_study *s,
                         layout *l, ht_error *err)
{
    gathering g = {.space = space, .layout = l, .created = NAN};
    ht_h5_image image = {NULL, 0, 0};
    size_t bad = 0;
    lay_out(l, space);
    ht_status st = check(path, err);
    if (st == HT_OK)
        st = ht_sweep_log_each(dir, space, gather, &g, &bad, err);
    if (st == HT_OK)
        st = build(path, s, &g, &image, err);
    if (st == HT_OK)
        st = ht_file_replace(path, image.bytes, image.n, err);
    free(image.bytes);
    free(g.rows);
    free(g.reports);
    return st;
}

ht_status ht_sweep_study_fits(const char *dir, ht_error *err)
{
    ht_h5_quiet quiet;
    char *path = ht_path_join(dir, HT_FILE_STUDY);
    if (path == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory to look into '%s'", dir);
    ht_h5_quiet_begin(&quiet);
    ht_status st = check(path, err);
    ht_h5_quiet_end(&quiet);
    free(path);
    return st;
}

ht_status ht_sweep_study_publish(const char *dir, const ht_space *space, const ht_sweep_study *study,
                                 ht_error *err)
{
    ht_h5_quiet quiet;
    char *path = ht_path_join(dir, HT_FILE_STUDY);
    layout *l = calloc(1, sizeof *l);
    ht_status st = path != NULL && l != NULL ? HT_OK : ht_fail(err, HT_ENOMEM, "no memory for the study of '%s'", dir);
    ht_h5_quiet_begin(&quiet);
    if (st == HT_OK)
        st = publish(dir, path, space, study, l, err);
    ht_h5_quiet_end(&quiet);
    free(l);
    free(path);
    return st;
}
