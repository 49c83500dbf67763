/* src/store/study_lessons.c - what a pooled run teaches the next one, as the table /runs/<id>/lessons and two attributes
 * of the run; the layout is in docs/study-format.md.
 *
 * May touch: the HDF5 group it is given, the heap. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/study_format.h"

static const ht_h5_column lesson_columns[] = {
    HT_H5_TEXTS(ht_lesson, actuator, "actuator: first part of the family"),
    HT_H5_TEXTS(ht_lesson, key, "key: second part of the family"),
    HT_H5_TEXTS(ht_lesson, phase, "phase: empty = all phases together"),
    HT_H5_COLUMN(ht_lesson, mean, HT_H5_REAL, "mean: geometric mean of the knob on the champion's way; 0 = unknown, or of a phase [knob]"),
    HT_H5_COLUMN(ht_lesson, factor, HT_H5_REAL, "factor: geometric mean of the best quarter of the mutants' factors"),
    HT_H5_COLUMN(ht_lesson, spread, HT_H5_REAL, "spread: their standard deviation in log"),
    HT_H5_COLUMN(ht_lesson, n, HT_H5_REAL, "n: judged mutants drawn with the priors of the recipe"),
    HT_H5_COLUMN(ht_lesson, wins, HT_H5_REAL, "wins: those that were accepted"),
    HT_H5_COLUMN(ht_lesson, fresh, HT_H5_REAL, "fresh: judged mutants drawn without them"),
    HT_H5_COLUMN(ht_lesson, fresh_wins, HT_H5_REAL, "fresh_wins: those that were accepted"),
};
static const ht_h5_table lesson_table = HT_H5_TABLE(ht_lesson, lesson_columns);

bool ht_study_write_lessons(hid_t group, const ht_learned *learned, const ht_pool *pool)
{
    ht_run_evidence e;
    if (ht_learned_evidence(learned, pool, &e) != HT_OK)
        return false;
    bool fine = ht_h5_put_real(group, "champion", e.champion) &&
                ht_h5_put_text(group, "champion_origin", ht_origin_text(e.origin)) &&
                ht_h5_write_table(group, "lessons", &lesson_table, e.n_lessons, e.lessons);
    free(e.lessons);
    return fine;
}

static bool has_sense(const ht_lesson *l)
{
    const double counts[] = {l->n, l->wins, l->fresh, l->fresh_wins};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (!(counts[i] >= 0 && counts[i] <= 1e15))
            return false;
    return l->mean >= 0 && isfinite(l->mean) && l->factor > 0 && isfinite(l->factor) && l->spread >= 0 &&
           isfinite(l->spread) && l->wins <= l->n && l->fresh_wins <= l->fresh;
}

bool ht_study_read_lessons(hid_t run, ht_run_evidence *out)
{
    char origin[16] = "";
    void *rows = NULL;
    out->lessons = NULL;
    out->n_lessons = 0;
    if (H5Lexists(run, "lessons", H5P_DEFAULT) <= 0)
        return true;        /* independent replicas, or an older hottune */
    if (!ht_h5_read_table(run, "lessons", &lesson_table, &out->n_lessons, &rows))
        return false;
    out->lessons = rows;
    bool fine = ht_h5_get_real(run, "champion", &out->champion) &&
                ht_h5_get_text(run, "champion_origin", origin, sizeof origin);
    out->origin = ht_origin_of(origin);
    for (size_t i = 0; fine && i < out->n_lessons; i++)
        fine = has_sense(&out->lessons[i]);
    return fine;
}
