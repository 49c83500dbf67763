/* src/store/run_tables.c - the tables of a run that goes on; the contract is in run_tables.h.
 *
 * `file` is an HDF5 file in memory that nobody sees; its datasets grow (h5_grow.c). A dataset is made with
 * its first row. May touch: the heap. */
#include "store/run_tables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
    METRICS_MAX = 64,  /* distinct names in one run; the recipe allows 16 at a time */
    METRICS_CHUNK = 4, /* columns of readings that lie together */
    PHASES_MAX = 127   /* their numbers are signed bytes */
};

typedef enum { SEGMENTS, MUTATIONS, PRE, POST, VERDICTS, KNOBS, FACTORS, CURVES, N_SETS } set;
static const char *const set_names[N_SETS] = {
    [SEGMENTS] = "segments", [MUTATIONS] = "mutations", [PRE] = "readings_pre", [POST] = "readings_post",
    [VERDICTS] = "segments", [KNOBS] = "knobs",         [FACTORS] = "factors",  [CURVES] = "curves",
};
static const ht_h5_table *const tables[N_SETS] = {
    /* NULL: a matrix */
    [SEGMENTS] = &ht_segment_table,
    [MUTATIONS] = &ht_mutation_table,
    [VERDICTS] = &ht_verdict_table,
    [CURVES] = &ht_curve_table,
};

struct ht_run_tables {
    ht_h5_image image;
    hid_t file;
    ht_h5_grow *sets[N_SETS]; /* owned; NULL: no rows yet */
    bool failed; /* a row is missing in one of them: none comes after it, so that they go together */
    size_t n_metrics, n_phases;
    char metrics[METRICS_MAX][HT_NAME_MAX], phases[PHASES_MAX][HT_NAME_MAX];
};

ht_status ht_run_tables_create(ht_run_tables **out, ht_error *err)
{
    ht_run_tables *t = calloc(1, sizeof *t);
    if (t != NULL && (t->file = ht_h5_create_in_memory(&t->image)) >= 0) {
        *out = t;
        return HT_OK;
    }
    free(t);
    return ht_fail(err, HT_ENOMEM, "no memory for the tables of a study");
}

void ht_run_tables_destroy(ht_run_tables *t)
{
    if (t == NULL)
        return;
    for (int i = 0; i < N_SETS; i++)
        ht_h5_grow_destroy(t->sets[i]);
    ht_h5_close(t->file);
    free(t->image.bytes);
    free(t);
}

size_t ht_run_tables_segments(const ht_run_tables *t)
{
    return ht_h5_grow_count(t->sets[SEGMENTS]) + ht_h5_grow_count(t->sets[VERDICTS]);
}

bool ht_run_tables_are_pooled(const ht_run_tables *t)
{
    return t->sets[VERDICTS] != NULL;
}

/* ---- appending ---------------------------------------------------------------------------------- */

/* @param columns  of a matrix: that it has, or that lie together */
static bool create_set(ht_run_tables *t, set s, size_t columns)
{
    char name[16];
    if (t->sets[s] != NULL)
        return true;
    snprintf(name, sizeof name, "%d", s); /* two are called segments */
    if (tables[s] != NULL)
        return ht_h5_grow_table(t->file, name, tables[s], &t->sets[s]);
    bool readings = s == PRE || s == POST;
    return ht_h5_grow_matrix(t->file, name, readings ? METRICS_MAX : columns, columns, !readings,
                             &t->sets[s]);
}

static bool add(ht_run_tables *t, set s, const void *row, size_t columns)
{
    return create_set(t, s, columns > 0 ? columns : 1) && ht_h5_grow_add(t->sets[s], row, columns);
}

static ht_status end_row(ht_run_tables *t, bool fine, const char *what, ht_h5_quiet *quiet, ht_error *err)
{
    ht_h5_quiet_end(quiet);
    t->failed = !fine;
    return fine ? HT_OK : ht_fail(err, HT_ENOMEM, "no memory to keep %s for the study", what);
}

/* Index of a name in a list, which gets it if it has room. */
static size_t index_of(char (*list)[HT_NAME_MAX], size_t *n, size_t room, const char *name)
{
    size_t i = 0;
    while (i < *n && strcmp(list[i], name) != 0)
        i++;
    if (i == *n && i < room) {
        HT_H5_COPY(list[i], name);
        (*n)++;
    }
    return i;
}

static void lay_out_readings(ht_run_tables *t, const ht_readings *r, double cells[METRICS_MAX])
{
    for (size_t i = 0; i < METRICS_MAX; i++)
        cells[i] = NAN;
    for (size_t i = 0; i < r->n; i++) {
        size_t at = index_of(t->metrics, &t->n_metrics, METRICS_MAX, r->at[i].name);
        if (at < METRICS_MAX)
            cells[at] = r->at[i].value;
    }
}

static bool add_readings(ht_run_tables *t, const ht_segment *g)
{
    double pre[METRICS_MAX], post[METRICS_MAX];
    lay_out_readings(t, &g->pre, pre);
    lay_out_readings(t, &g->post, post); /* both are as wide as all metrics so far */
    return create_set(t, PRE, METRICS_CHUNK) && create_set(t, POST, METRICS_CHUNK) &&
           ht_h5_grow_add(t->sets[PRE], pre, t->n_metrics) &&
           ht_h5_grow_add(t->sets[POST], post, t->n_metrics);
}

ht_status ht_run_tables_segment(ht_run_tables *t, const ht_segment *g, const ht_mutation *m,
                                const char *primary, ht_error *err)
{
    ht_segment_row segment;
    ht_mutation_row mutation;
    ht_h5_quiet quiet;
    if (t->sets[VERDICTS] != NULL)
        return HT_OK;
    ht_h5_quiet_begin(&quiet);
    ht_segment_row_fill(&segment, g, m, primary);
    ht_mutation_row_fill(&mutation, m);
    bool fine =
        !t->failed && add_readings(t, g) && add(t, SEGMENTS, &segment, 0) && add(t, MUTATIONS, &mutation, 0);
    return end_row(t, fine, "a segment", &quiet, err);
}

ht_status ht_run_tables_verdict(ht_run_tables *t, const ht_pool_verdict *v, ht_error *err)
{
    ht_verdict_row row;
    ht_h5_quiet quiet;
    if (t->sets[SEGMENTS] != NULL)
        return HT_OK;
    ht_h5_quiet_begin(&quiet);
    size_t phase = index_of(t->phases, &t->n_phases, PHASES_MAX, v->phase != NULL ? v->phase : "");
    ht_verdict_row_fill(&row, v, (signed char)(phase < PHASES_MAX ? phase : PHASES_MAX - 1));
    bool fine = !t->failed && add(t, KNOBS, v->h, v->n_knobs) && add(t, FACTORS, v->x, v->n_knobs) &&
                add(t, VERDICTS, &row, 0);
    return end_row(t, fine, "a verdict", &quiet, err);
}

ht_status ht_run_tables_point(ht_run_tables *t, const ht_curve_point *p, ht_error *err)
{
    ht_curve_row row;
    ht_h5_quiet quiet;
    ht_h5_quiet_begin(&quiet);
    ht_curve_row_fill(&row, p);
    return end_row(t, !t->failed && add(t, CURVES, &row, 0), "a point of a curve", &quiet, err);
}

/* ---- copies ------------------------------------------------------------------------------------- */

static bool write_set(const ht_run_tables *t, hid_t group, set s, const char *const *columns)
{
    if (t != NULL && t->sets[s] != NULL)
        return ht_h5_grow_copy(t->sets[s], group, set_names[s], columns);
    return tables[s] == NULL || ht_h5_write_table(group, set_names[s], tables[s], 0, NULL);
}

static bool write_independent(const ht_run_tables *t, hid_t group)
{
    const char *metrics[METRICS_MAX];
    for (size_t i = 0; t != NULL && i < t->n_metrics; i++)
        metrics[i] = t->metrics[i];
    return write_set(t, group, SEGMENTS, NULL) && write_set(t, group, MUTATIONS, NULL) &&
           write_set(t, group, PRE, metrics) && write_set(t, group, POST, metrics);
}

static bool write_phases(const ht_run_tables *t, hid_t group)
{
    const char *phases[PHASES_MAX];
    size_t n = t != NULL ? t->n_phases : 0;
    for (size_t i = 0; i < n; i++)
        phases[i] = t->phases[i];
    hid_t verdicts = H5Dopen2(group, set_names[VERDICTS], H5P_DEFAULT);
    bool fine = verdicts >= 0 && ht_h5_put_texts(verdicts, "phases", n, phases);
    ht_h5_close(verdicts);
    return fine;
}

size_t ht_study_knob_names(const ht_tuned *tuned, char (*texts)[2 * HT_NAME_MAX], const char **names)
{
    for (size_t i = 0; i < tuned->n; i++) {
        snprintf(texts[i], sizeof texts[i], "%s.%s", tuned->k[i].actuator, tuned->k[i].name);
        names[i] = texts[i];
    }
    return tuned->n;
}

static bool write_pooled(const ht_run_tables *t, hid_t group, const ht_tuned *tuned)
{
    char texts[HT_POOL_KNOBS_MAX][2 * HT_NAME_MAX];
    const char *columns[HT_POOL_KNOBS_MAX];
    ht_study_knob_names(tuned, texts, columns);
    return write_set(t, group, VERDICTS, NULL) && write_phases(t, group) &&
           write_set(t, group, KNOBS, columns) && write_set(t, group, FACTORS, columns);
}

bool ht_run_tables_write(const ht_run_tables *t, hid_t group, const ht_tuned *tuned)
{
    bool fine = tuned != NULL ? write_pooled(t, group, tuned) : write_independent(t, group);
    return fine && write_set(t, group, CURVES, NULL);
}
