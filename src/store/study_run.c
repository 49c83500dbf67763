/* src/store/study_run.c - one run as groups and tables of a study; the layout is in docs/study-format.md.
 *
 * Each table is a row struct, a list of columns, and a function that fills rows from records.
 * May touch: the HDF5 group it is given, the heap. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/study_format.h"
#include "store/run_tables.h"

/* ---- evidence, observations ---------------------------------------------------------------------- */

static const ht_h5_column evidence_columns[] = {
    HT_H5_TEXTS(ht_study_evidence_row, actuator, "actuator: first part of the family"),
    HT_H5_TEXTS(ht_study_evidence_row, key, "key: second part of the family"),
    HT_H5_TEXTS(ht_study_evidence_row, phase, "phase: empty = all phases together"),
    HT_H5_COLUMN(ht_study_evidence_row, win_rate, HT_H5_REAL, "win_rate: accepted / decided segments"),
    HT_H5_COLUMN(ht_study_evidence_row, mean_score, HT_H5_REAL, "mean_score: [objective]"),
    HT_H5_COLUMN(ht_study_evidence_row, win_center, HT_H5_REAL, "win_center: mean of the accepted values on their scale, as a value"),
    HT_H5_COLUMN(ht_study_evidence_row, win_spread, HT_H5_REAL, "win_spread: their standard deviation on that scale"),
    HT_H5_COLUMN(ht_study_evidence_row, wins, HT_H5_REAL, "wins: number of accepted segments"),
};
const ht_h5_table ht_study_evidence_table = HT_H5_TABLE(ht_study_evidence_row, evidence_columns);

static bool write_evidence(hid_t group, const ht_statistics *s)
{
    ht_evidence *e = calloc(s->n_families + 1, sizeof *e);
    ht_study_evidence_row *rows = calloc(s->n_families + 1, sizeof *rows);
    bool fine = e != NULL && rows != NULL;
    size_t n = 0;
    if (fine)
        ht_statistics_evidence(s, e);
    for (size_t i = 0; fine && i < s->n_families; i++) {
        if (s->families[i].decided == 0)
            continue;
        ht_study_evidence_row *row = &rows[n++];
        HT_H5_COPY(row->actuator, e[i].actuator);
        HT_H5_COPY(row->key, e[i].key);
        HT_H5_COPY(row->phase, e[i].phase);
        row->win_rate = e[i].win_rate;
        row->mean_score = e[i].mean_score;
        row->win_center = e[i].win_center;
        row->win_spread = e[i].win_spread;
        row->wins = e[i].wins;
    }
    fine = fine && ht_h5_write_table(group, "evidence", &ht_study_evidence_table, n, rows);
    free(e);
    free(rows);
    return fine;
}

typedef struct {
    char phase[HT_NAME_MAX], actuator[HT_NAME_MAX], key[HT_NAME_MAX];
    double x[HT_BOUNDS_MAX], y;
} observation_row;

static const ht_h5_column observation_columns[] = {
    HT_H5_TEXTS(observation_row, phase, "phase: where it was made"),
    HT_H5_TEXTS(observation_row, actuator, "actuator: first part of the family"),
    HT_H5_TEXTS(observation_row, key, "key: second part of the family"),
    HT_H5_REALS(observation_row, x, "x: effective value on the family's scale, one number an element; NaN = no such element"),
    HT_H5_COLUMN(observation_row, y, HT_H5_REAL, "y: score [objective], more is better; -inf = diverged"),
};
static const ht_h5_table observation_table = HT_H5_TABLE(observation_row, observation_columns);

static bool write_observations(hid_t group, const ht_posterior *posterior)
{
    size_t n = posterior == NULL ? 0 : ht_posterior_count(posterior);
    observation_row *rows = calloc(n + 1, sizeof *rows);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        const ht_observation *o = ht_posterior_peek(posterior, i);
        HT_H5_COPY(rows[i].phase, o->phase);
        HT_H5_COPY(rows[i].actuator, o->actuator);
        HT_H5_COPY(rows[i].key, o->key);
        for (size_t k = 0; k < HT_BOUNDS_MAX; k++)
            rows[i].x[k] = k < o->n ? o->x[k] : NAN;
        rows[i].y = o->y;
    }
    bool fine = ht_h5_write_table(group, "observations", &observation_table, n, rows);
    free(rows);
    return fine;
}

/* ---- the run ------------------------------------------------------------------------------------ */

char *ht_study_recipe_text(const ht_recipe *r)
{
    ht_string text = {0};
    ht_recipe_print_yaml(r, &text);
    return ht_string_take(&text);
}

bool ht_study_put_parents(hid_t group, const ht_recipe *r)
{
    const char **parents = calloc(r->evolved.n_from + 1, sizeof *parents);
    for (size_t i = 0; parents != NULL && i < r->evolved.n_from; i++)
        parents[i] = r->evolved.from[i];
    bool fine = parents != NULL && ht_h5_put_texts(group, "parents", r->evolved.n_from, parents);
    free(parents);
    return fine;
}

static bool put_hash(hid_t group, const char *name, const ht_recipe *r)
{
    char hash[17];
    return ht_recipe_hash(r, hash) == HT_OK && ht_h5_put_text(group, name, hash);
}

static bool put_recipes(hid_t group, const ht_study_run *run)
{
    ht_recipe *base = NULL;
    char *text = ht_study_recipe_text(run->recipe);
    const char *base_text = run->base_recipe != NULL ? run->base_recipe : text;
    bool fine = text != NULL && ht_h5_write_text(group, "recipe", text) &&
                ht_h5_write_text(group, "base_recipe", base_text) && put_hash(group, "recipe_hash", run->recipe) &&
                ht_recipe_parse(base_text, "base_recipe", &base, NULL) == HT_OK &&
                put_hash(group, "base_recipe_hash", base) && ht_study_put_parents(group, run->recipe);
    ht_recipe_destroy(base);
    free(text);
    return fine;
}

static bool put_environment(hid_t group, const ht_study_run *run)
{
    return ht_h5_put_text(group, "id", run->id) && ht_h5_put_text(group, "name", run->name) &&
           ht_h5_put_real(group, "started", run->started) && ht_h5_put_real(group, "ended", run->ended) &&
           ht_h5_put_real(group, HT_STUDY_UPDATED, ht_study_now()) &&
           ht_h5_put_real(group, HT_STUDY_OPENED, run->opened > 0 ? run->opened : run->started) && ht_h5_put_unsigned(group, "seed", run->seed) && ht_h5_put_int(group, "replicas", run->n_replicas) &&
           ht_h5_put_int(group, "ranks_per_replica", run->ranks_per_replica) &&
           ht_h5_put_text(group, "host", run->host) && ht_h5_put_text(group, "nodes", run->nodes) &&
           ht_h5_put_text(group, "slurm_job", run->slurm_job) &&
           ht_h5_put_text(group, "mpi_version", run->mpi_version) && ht_study_put_build(group);
}

bool ht_study_put_outcome(hid_t group, const ht_statistics *s)
{
    bool fine = ht_h5_put_int(group, "total_mutations", (long long)s->total_mutations) &&
                ht_h5_put_int(group, "applied_mutations", (long long)s->applied_mutations) &&
                ht_h5_put_int(group, "failed", (long long)s->failed) &&
                ht_h5_put_int(group, "suggested", (long long)s->suggested) &&
                ht_h5_put_real(group, "accept_rate", ht_statistics_accept_rate(s));
    for (int d = 0; fine && d <= HT_DECISION_LOST; d++)
        fine = ht_h5_put_int(group, ht_decision_text((ht_decision)d), (long long)s->by_decision[d]);
    return fine && write_evidence(group, s);
}

bool ht_study_write_run(hid_t group, const ht_study_run *run)
{
    bool pooled = run->tuned != NULL;
    return put_environment(group, run) && put_recipes(group, run) &&
           ht_h5_put_text(group, HT_STUDY_MODE, pooled ? "pooled" : "independent") &&
           ht_h5_put_real(group, "result_val", run->has_result ? run->result_val : NAN) &&
           ht_h5_put_real(group, "result_test", run->has_result ? run->result_test : NAN) &&
           ht_study_put_outcome(group, run->statistics) &&
           (run->places == NULL || run->places->n == 0 || ht_study_write_places(group, run->places)) &&
           ht_run_tables_write(run->tables, group, pooled ? run->tuned : NULL) &&
           write_observations(group, run->posterior) &&
           (run->pool == NULL || ht_study_write_pool(group, run->pool, run->tuned)) &&
           (run->learned == NULL || ht_study_write_lessons(group, run->learned, run->pool));
}
