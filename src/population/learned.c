/* src/population/learned.c - what a pooled run teaches the next one; the contract is in learned.h.
 *
 * Verdicts are kept as they come, one after the other; evidence is made of them when it is asked for.
 * May touch: the heap. */
#include "population/learned.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double diverged_z = -50;
static const double best_share = .25;   /* of the mutants, by z */

typedef struct {
    char phase[HT_NAME_MAX];
    double z;
    bool accepted, fresh;
} mutant;

struct ht_learned {
    ht_tuned tuned;
    size_t n, room;
    mutant *mutants;            /* [n], owned */
    double *x;                  /* [n * tuned.n] log factors, owned */
};

ht_status ht_learned_create(const ht_tuned *tuned, ht_learned **out, ht_error *err)
{
    ht_learned *l = calloc(1, sizeof *l);
    if (l == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for what a run teaches");
    l->tuned = *tuned;
    *out = l;
    return HT_OK;
}

void ht_learned_destroy(ht_learned *l)
{
    if (l == NULL)
        return;
    free(l->mutants);
    free(l->x);
    free(l);
}

/* ---- verdicts ------------------------------------------------------------------------------- */

static bool make_room(ht_learned *l)
{
    if (l->n < l->room)
        return true;
    size_t room = 2 * l->room + 64;
    mutant *mutants = realloc(l->mutants, room * sizeof *mutants);
    if (mutants != NULL)
        l->mutants = mutants;
    double *x = realloc(l->x, room * (l->tuned.n + 1) * sizeof *x);
    if (x != NULL)
        l->x = x;
    if (mutants == NULL || x == NULL)
        return false;
    l->room = room;
    return true;
}

ht_status ht_learned_add(ht_learned *l, const ht_pool_verdict *v)
{
    double z = v->finite ? v->score / v->score_error : diverged_z;
    if (!v->mutant || v->lost || !isfinite(z) || l->n == HT_LEARNED_MOST)
        return HT_OK;
    if (!make_room(l))
        return HT_ENOMEM;
    mutant *m = &l->mutants[l->n];
    *m = (mutant){.z = z, .accepted = v->accepted, .fresh = v->fresh};
    ht_name_copy(m->phase, v->phase != NULL ? v->phase : "");
    memcpy(l->x + l->n * l->tuned.n, v->x, l->tuned.n * sizeof *l->x);
    l->n++;
    return HT_OK;
}

/* ---- lessons -------------------------------------------------------------------------------- */

typedef struct {
    double z;
    size_t at;
} rank;

static int best_first(const void *a, const void *b)
{
    const rank *p = a, *q = b;
    return p->z != q->z ? (p->z < q->z) - (p->z > q->z) : (p->at > q->at) - (p->at < q->at);
}

/* The mutants of a phase ("" = of all), best first. @return how many */
static size_t gather(const ht_learned *l, const char *phase, rank *ranks)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        if (phase[0] == '\0' || strcmp(l->mutants[i].phase, phase) == 0)
            ranks[n++] = (rank){l->mutants[i].z, i};
    qsort(ranks, n, sizeof *ranks, best_first);
    return n;
}

static void count(const ht_learned *l, size_t n, const rank *ranks, ht_lesson *out)
{
    for (size_t i = 0; i < n; i++) {
        const mutant *m = &l->mutants[ranks[i].at];
        out->n += !m->fresh;
        out->wins += !m->fresh && m->accepted;
        out->fresh += m->fresh;
        out->fresh_wins += m->fresh && m->accepted;
    }
}

static void fill(const ht_learned *l, size_t k, const char *phase, size_t n, const rank *ranks, ht_lesson *out)
{
    size_t best = (size_t)ceil(best_share * (double)n);
    double sum = 0, square = 0;
    *out = (ht_lesson){.factor = 1};
    ht_name_copy(out->actuator, l->tuned.k[k].actuator);
    ht_name_copy(out->key, l->tuned.k[k].family->name);
    ht_name_copy(out->phase, phase);
    count(l, n, ranks, out);
    for (size_t i = 0; i < best; i++)
        sum += l->x[ranks[i].at * l->tuned.n + k];
    for (size_t i = 0; i < best; i++)
        square += pow(l->x[ranks[i].at * l->tuned.n + k] - sum / (double)best, 2);
    if (best > 0) {
        out->factor = exp(sum / (double)best);
        out->spread = sqrt(square / (double)best);
    }
}

/* Phases that occur, in the order of their first mutant; the first is "", all of them. */
static size_t list_phases(const ht_learned *l, size_t most, const char **phases)
{
    size_t n = 1;
    phases[0] = "";
    for (size_t i = 0; i < l->n; i++) {
        size_t k = 0;
        while (k < n && strcmp(phases[k], l->mutants[i].phase) != 0)
            k++;
        if (k == n && n < most)
            phases[n++] = l->mutants[i].phase;
    }
    return n;
}

/* ---- the champion --------------------------------------------------------------------------- */

/* Geometric mean of a knob over the epochs of the champion's segments; of its race, if it had no segment. */
static double mean_on_path(const ht_lineage *l, size_t n, const int *path, const ht_tuned_knob *knob, size_t k)
{
    double sum[2] = {0, 0}, epochs[2] = {0, 0};
    for (size_t i = 0; i < n; i++) {
        ht_lineage_node node = ht_lineage_get(l, path[i]);
        bool segment = strcmp(node.what, HT_WHAT_RACE) != 0 && strcmp(node.what, HT_WHAT_FRESH) != 0;
        sum[segment] += node.epochs * ht_tuned_log(knob, ht_lineage_point(l, path[i])[k]);
        epochs[segment] += node.epochs;
    }
    bool segments = epochs[1] > 0;
    return epochs[segments] > 0 ? exp(sum[segments] / epochs[segments]) : 0;
}

static ht_status take_champion(const ht_learned *l, const ht_pool *pool, ht_run_evidence *out)
{
    int node;
    ht_pool_view view;
    const ht_lineage *lineage = ht_pool_origins(pool, &node);
    size_t n = node >= 0 ? ht_lineage_depth(lineage, node) : 0;
    int *path = malloc((n + 1) * sizeof *path);
    if (path == NULL)
        return HT_ENOMEM;
    ht_pool_peek(pool, &view);
    out->champion = view.has_champion ? view.best : NAN;
    out->origin = HT_ORIGIN_UNKNOWN;
    if (n > 0) {
        ht_lineage_path(lineage, node, path);
        if (strcmp(ht_lineage_get(lineage, path[0]).what, HT_WHAT_FRESH) == 0)
            out->origin = HT_ORIGIN_FRESH;
        else if (ht_tuned_knows_start(&l->tuned))
            out->origin = HT_ORIGIN_KNOWN;
    }
    for (size_t k = 0; k < l->tuned.n; k++)     /* the lessons over all phases come first */
        out->lessons[k].mean = mean_on_path(lineage, n, path, &l->tuned.k[k], k);
    free(path);
    return HT_OK;
}

ht_status ht_learned_evidence(const ht_learned *l, const ht_pool *pool, ht_run_evidence *out)
{
    enum { PHASES_MAX = 64 };
    const char *phases[PHASES_MAX];
    size_t n_phases = list_phases(l, PHASES_MAX, phases), n = 0;
    rank *ranks = malloc((l->n + 1) * sizeof *ranks);
    ht_lesson *lessons = malloc((n_phases * l->tuned.n + 1) * sizeof *lessons);
    ht_status st = ranks != NULL && lessons != NULL ? HT_OK : HT_ENOMEM;
    for (size_t p = 0; st == HT_OK && p < n_phases; p++) {
        size_t found = gather(l, phases[p], ranks);
        for (size_t k = 0; k < l->tuned.n; k++)
            fill(l, k, phases[p], found, ranks, &lessons[n++]);
    }
    free(ranks);
    out->lessons = lessons;
    out->n_lessons = n;
    if (st == HT_OK)
        st = take_champion(l, pool, out);
    if (st != HT_OK) {
        free(lessons);
        out->lessons = NULL;
        out->n_lessons = 0;
    }
    return st;
}
