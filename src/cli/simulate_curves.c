/* src/cli/simulate_curves.c - recorded learning curves for the verb `simulate`; the contract is in simulate.h.
 *
 * A curve is what one replica of one run had reached after each of its safe points: the best value so far, since replicas of a pool
 * begin anew and take others' states. May touch: the study, read. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/simulate.h"
#include "cli/study_sheets.h"

typedef struct {
    double replica;
    const char *run;        /* borrowed */
    size_t row;
    double value;
} point;

static int by_replica(const void *a, const void *b)
{
    const point *x = a, *y = b;
    int run = strcmp(x->run, y->run);
    if (run != 0 || x->replica != y->replica)
        return run != 0 ? run : (x->replica > y->replica) - (x->replica < y->replica);
    return (x->row > y->row) - (x->row < y->row);
}

static ht_status cut_curves(size_t n, const point *points, bool smaller, ht_sim_curves *out, ht_error *err)
{
    out->values = malloc((n + 1) * sizeof *out->values);
    out->records = calloc(n + 1, sizeof *out->records);
    if (out->values == NULL || out->records == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for %zu points of curves", n);
    for (size_t i = 0; i < n; i++) {
        bool begins = i == 0 || strcmp(points[i].run, points[i - 1].run) != 0 || points[i].replica != points[i - 1].replica;
        double loss = smaller ? points[i].value : -points[i].value;
        out->values[i] = begins ? loss : fmin(loss, out->values[i - 1]);
        if (begins)
            out->records[out->n++] = (ht_curve_record){.loss = &out->values[i]};
        out->records[out->n - 1].n++;
    }
    return HT_OK;
}

static ht_status take_rows(const cJSON *rows, bool smaller, ht_sim_curves *out, ht_error *err)
{
    point *points = calloc((size_t)cJSON_GetArraySize(rows) + 1, sizeof *points);
    const cJSON *row;
    size_t n = 0;
    if (points == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for curves");
    cJSON_ArrayForEach(row, rows) {
        const char *run = ht_json_text(row, "run");
        double value = ht_json_number(row, "value", NAN);
        if (run != NULL && isfinite(value)) {
            points[n] = (point){ht_json_number(row, "replica", -1), run, n, value};
            n++;
        }
    }
    qsort(points, n, sizeof *points, by_replica);
    ht_status st = n > 0 ? cut_curves(n, points, smaller, out, err)
                         : ht_fail(err, HT_EEMPTY, "the study has no curves");
    free(points);
    return st;
}

ht_status ht_sim_curves_read(const char *path, bool smaller, ht_sim_curves *out, ht_error *err)
{
    ht_study_file *f = NULL;
    ht_sheets sheets = {0};
    ht_string text = {0};
    cJSON *all = NULL;
    ht_status st = ht_study_file_open(path, &f, err);
    if (st == HT_OK)
        st = ht_sheets_gather(f, &sheets, err);
    if (st == HT_OK)
        st = ht_sheets_json(&sheets, &text, err);
    if (st == HT_OK)
        st = ht_json_parse(ht_string_peek(&text), &all, NULL, err);
    if (st == HT_OK)
        st = take_rows(ht_json_member(ht_json_member(all, "tables"), "curves"), smaller, out, err);
    cJSON_Delete(all);
    ht_string_release(&text);
    ht_sheets_release(&sheets);
    ht_study_file_close(f);
    return st;
}

void ht_sim_curves_release(ht_sim_curves *c)
{
    free(c->values);
    free(c->records);
    *c = (ht_sim_curves){0};
}
