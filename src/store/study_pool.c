/* src/store/study_pool.c - what a study keeps of a pool beside its verdicts: plan, lineage, the champion's
 * schedule, gain. The layout is in docs/study-format.md.
 *
 * May touch: the HDF5 group it is given, the heap. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "population/policy.h"
#include "store/study_format.h"
#include "store/run_tables.h"

/* ---- lineage and schedule ----------------------------------------------------------------------- */

typedef struct {
    int32_t node, parent, replica, members, epochs;
    float wall;
    double loss;
    char what[16];
} node_row;

static const ht_h5_column node_columns[] = {
    HT_H5_COLUMN(node_row, node, HT_H5_INT32, "node: number, from 0"),
    HT_H5_COLUMN(node_row, parent, HT_H5_INT32,
                 "parent: node whose state it goes on from; -1 = a start of its own"),
    HT_H5_COLUMN(node_row, replica, HT_H5_INT32, "replica: that trained it, or took the mean"),
    HT_H5_COLUMN(node_row, members, HT_H5_INT32, "members: states in a mean; 1 = trained"),
    HT_H5_COLUMN(node_row, epochs, HT_H5_INT32, "epochs: that it trained; 0 for a mean [epochs]"),
    HT_H5_COLUMN(node_row, wall, HT_H5_REAL32,
                 "wall: at its start [epochs of one replica since the start of the run]"),
    HT_H5_COLUMN(node_row, loss, HT_H5_REAL, "loss: at its end [objective]; NaN = diverged, or not known"),
    HT_H5_TEXTS(node_row, what, "what: race, control, mutant, mean, ..: why it was made"),
};
static const ht_h5_table node_table = HT_H5_TABLE(node_row, node_columns);

static node_row fill_node(const ht_pool *pool, const ht_lineage *l, int number)
{
    ht_lineage_node n = ht_lineage_get(l, number);
    node_row row = {.node = number,
                    .parent = n.parent,
                    .replica = n.replica,
                    .members = n.members,
                    .epochs = n.epochs,
                    .wall = (float)n.wall,
                    .loss = ht_pool_shown(pool, n.loss)};
    HT_H5_COPY(row.what, n.what);
    return row;
}

/* Some nodes as a table, and the values of their knobs as a matrix beside it.
 * @param nodes  [n] their numbers; NULL = 0 .. n - 1 */
static bool write_nodes(hid_t group, const char *name, const ht_pool *pool, const ht_tuned *tuned,
                        const ht_lineage *l, size_t n, const int *nodes)
{
    char knobs[HT_POOL_KNOBS_MAX][2 * HT_NAME_MAX], values[64];
    const char *columns[HT_POOL_KNOBS_MAX];
    size_t m = ht_study_knob_names(tuned, knobs, columns);
    node_row *rows = calloc(n + 1, sizeof *rows);
    double *cells = calloc(n * m + 1, sizeof *cells);
    bool fine = rows != NULL && cells != NULL;
    for (size_t i = 0; fine && i < n; i++) {
        int number = nodes != NULL ? nodes[i] : (int)i;
        const double *h = ht_lineage_point(l, number);
        rows[i] = fill_node(pool, l, number);
        for (size_t k = 0; k < m; k++)
            cells[i * m + k] = h[k];
    }
    snprintf(values, sizeof values, "%s_knobs", name);
    fine = fine && ht_h5_write_table(group, name, &node_table, n, rows) &&
           ht_h5_write_matrix(group, values, n, m, cells, columns);
    free(rows);
    free(cells);
    return fine;
}

static bool write_lineage(hid_t group, const ht_pool *pool, const ht_tuned *tuned)
{
    int champion;
    const ht_lineage *l = ht_pool_origins(pool, &champion);
    size_t n = champion >= 0 ? ht_lineage_depth(l, champion) : 0;
    int *path = calloc(n + 1, sizeof *path);
    if (path == NULL)
        return false;
    if (n > 0)
        ht_lineage_path(l, champion, path);
    bool fine = write_nodes(group, "lineage", pool, tuned, l, ht_lineage_count(l), NULL) &&
                write_nodes(group, "schedule", pool, tuned, l, n, path);
    free(path);
    return fine;
}

/* ---- gain --------------------------------------------------------------------------------------- */

typedef struct {
    char part[16];
    double gain, lo, hi;
} gain_row;

static const ht_h5_column gain_columns[] = {
    HT_H5_TEXTS(gain_row, part, "part: race, trend, selection, mutation, averaging, last_epochs"),
    HT_H5_COLUMN(gain_row, gain, HT_H5_REAL,
                 "gain: what the champion owes to it [objective], more is better"),
    HT_H5_COLUMN(gain_row, lo, HT_H5_REAL, "lo: lower end of the 95 % interval [objective]"),
    HT_H5_COLUMN(gain_row, hi, HT_H5_REAL, "hi: upper end"),
};
static const ht_h5_table gain_table = HT_H5_TABLE(gain_row, gain_columns);

typedef struct {
    char of[16];
    long long accepted, judged;
    double share, lo, hi;
} share_row;

static const ht_h5_column share_columns[] = {
    HT_H5_TEXTS(share_row, of, "of: mutants; nulls: controls judged as if they had been mutants"),
    HT_H5_COLUMN(share_row, accepted, HT_H5_INT, "accepted: how many"),
    HT_H5_COLUMN(share_row, judged, HT_H5_INT, "judged: of how many"),
    HT_H5_COLUMN(share_row, share, HT_H5_REAL, "share: accepted / judged; NaN = none was judged"),
    HT_H5_COLUMN(share_row, lo, HT_H5_REAL, "lo: lower end of the 95 % interval"),
    HT_H5_COLUMN(share_row, hi, HT_H5_REAL, "hi: upper end"),
};
static const ht_h5_table share_table = HT_H5_TABLE(share_row, share_columns);

static double number(const cJSON *object, const char *name)
{
    const cJSON *item = ht_json_member(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

static long long count(const cJSON *object, const char *name)
{
    double x = number(object, name);
    return x > 0 ? (long long)x : 0;
}

static bool write_gains(hid_t group, const cJSON *gain)
{
    static const char *const parts[] = {"race", "trend", "selection", "mutation", "averaging", "last_epochs"};
    gain_row rows[sizeof parts / sizeof *parts];
    size_t n = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const cJSON *part = ht_json_member(gain, parts[i]);
        if (part == NULL)
            continue; /* the policy does not split */
        rows[n] =
            (gain_row){.gain = number(part, "gain"), .lo = number(part, "lo"), .hi = number(part, "hi")};
        HT_H5_COPY(rows[n].part, parts[i]);
        n++;
    }
    return ht_h5_write_table(group, "gain", &gain_table, n, rows);
}

static bool write_shares(hid_t group, const cJSON *gain)
{
    static const char *const kinds[] = {"mutants", "nulls"};
    share_row rows[2];
    size_t n = 0;
    for (size_t i = 0; i < 2; i++) {
        const cJSON *of = ht_json_member(gain, kinds[i]);
        if (of == NULL)
            continue;
        rows[n] = (share_row){.accepted = count(of, "accepted"),
                              .judged = count(of, "judged"),
                              .share = number(of, "share"),
                              .lo = number(of, "lo"),
                              .hi = number(of, "hi")};
        HT_H5_COPY(rows[n].of, kinds[i]);
        n++;
    }
    return ht_h5_write_table(group, "shares", &share_table, n, rows);
}

static bool write_gain(hid_t group, const ht_pool *pool)
{
    cJSON *gain = ht_pool_gain(pool);
    bool fine = gain != NULL && write_gains(group, gain) && write_shares(group, gain) &&
                ht_h5_put_real(group, "start_loss", number(gain, "start")) &&
                ht_h5_put_real(group, "champion_loss", number(gain, "champion")) &&
                ht_h5_put_real(group, "noise", number(gain, "noise")) &&
                ht_h5_put_int(group, "judged_segments", count(gain, "judged_segments")) &&
                ht_h5_put_int(group, "rolled_back_segments", count(gain, "rolled_back"));
    cJSON_Delete(gain);
    return fine;
}

/* ---- settings ----------------------------------------------------------------------------------- */

static bool write_settings(hid_t group, const ht_pool *pool)
{
    ht_pool_view view;
    ht_string plan = {0};
    ht_pool_peek(pool, &view);
    ht_pool_plan(ht_pool_given(pool), ht_pool_member(pool), &plan);
    bool fine = !plan.failed && ht_h5_write_text(group, "plan", ht_string_peek(&plan)) &&
                ht_h5_put_text(group, "policy", view.policy) && ht_h5_put_text(group, "stage", view.stage) &&
                ht_h5_put_int(group, "epochs", ht_pool_given(pool)->epochs) &&
                ht_h5_put_real(group, "wall", view.wall) &&
                ht_h5_put_real(group, "utilisation", view.utilisation);
    ht_string_release(&plan);
    return fine;
}

bool ht_study_write_pool(hid_t group, const ht_pool *pool, const ht_tuned *tuned)
{
    return write_settings(group, pool) && write_lineage(group, pool, tuned) && write_gain(group, pool);
}
