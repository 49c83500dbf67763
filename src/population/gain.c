/* src/population/gain.c - what a champion's gain is made of; the contract is in gain.h.
 *
 * Blom, "Statistical estimates and transformed beta-variables", 1958: E[max of n] is about the normal
 * quantile of (n - 3/8)/(n + 1/4). The quantile is found by bisection of erfc, which is exact enough and
 * short. May touch: the heap. */
#include "population/gain.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    int node;
    double before, control, best, after, noise;
    size_t n_controls, n_members;
} segment;

struct ht_gain {
    size_t n, capacity;
    segment *segments;      /* [capacity], owned; those whose root was taken */
    double squares;         /* of controls about their mean, over all segments */
    size_t freedom;         /* degrees of it */
    size_t nulls, accepted_nulls, mutants, accepted, judged, rolled_back;
};

ht_status ht_gain_create(ht_gain **out, ht_error *err)
{
    *out = calloc(1, sizeof **out);
    return *out != NULL ? HT_OK : ht_fail(err, HT_ENOMEM, "no memory for an account of the gain");
}

void ht_gain_destroy(ht_gain *g)
{
    if (g != NULL)
        free(g->segments);
    free(g);
}

static void count_members(ht_gain *g, const ht_island *isl, const ht_judgement *j)
{
    for (size_t i = 0; i < isl->n; i++) {
        const ht_island_member *m = &isl->members[i];
        bool finite = m->state == HT_MEMBER_REPORTED && isfinite(m->loss);
        g->mutants += m->mutant && m->state == HT_MEMBER_REPORTED;
        g->accepted += m->accepted;
        if (!m->mutant && finite && j->n_controls > 1)
            g->squares += (m->loss - j->control) * (m->loss - j->control);
    }
    if (j->n_controls > 1)
        g->freedom += j->n_controls - 1;
}

ht_status ht_gain_add(ht_gain *g, const ht_island *isl, const ht_judgement *j, int node, double before,
                      double best, double after)
{
    count_members(g, isl, j);
    g->judged++;
    if (node < 0) {
        g->rolled_back++;
        return HT_OK;
    }
    if (g->n == g->capacity) {
        size_t capacity = 2 * g->capacity + 32;
        segment *segments = realloc(g->segments, capacity * sizeof *segments);
        if (segments == NULL)
            return HT_ENOMEM;
        g->segments = segments;
        g->capacity = capacity;
    }
    g->segments[g->n++] =
        (segment){node, before, j->control, best, after, j->noise, j->n_controls, j->n_finite};
    return HT_OK;
}

void ht_gain_add_nulls(ht_gain *g, size_t accepted, size_t tried)
{
    g->nulls += tried;
    g->accepted_nulls += accepted;
}

double ht_gain_best_of(size_t n)
{
    if (n < 2)
        return 0;
    double p = ((double)n - .375) / ((double)n + .25), lo = 0, hi = 8;
    for (int i = 0; i < 60; i++) {
        double x = (lo + hi) / 2;
        if (1 - erfc(x / sqrt(2)) / 2 < p)
            lo = x;
        else
            hi = x;
    }
    return (lo + hi) / 2;
}

/* ---- the split ------------------------------------------------------------------------------ */

typedef struct {
    double trend, selection, mutation, averaging;
    double var_trend, var_selection, var_mutation;
    double first;           /* loss of the first root on the path */
    size_t segments;
} split;

static const segment *segment_of(const ht_gain *g, int node)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->segments[i].node == node)
            return &g->segments[i];
    return NULL;
}

static void add_segment(split *s, const segment *g, double noise)
{
    bool has_control = g->n_controls > 0 && isfinite(g->before);
    double control = has_control ? g->control : g->best, over = control - g->best;
    double chance = fmax(0, fmin(noise * ht_gain_best_of(g->n_members), over));
    double var = has_control && g->n_members > 1 ? noise * noise / (double)g->n_controls : 0;
    if (s->segments++ == 0)
        s->first = g->before;
    if (isfinite(g->before))
        s->trend += g->before - control;
    s->selection += chance;
    s->mutation += over - chance;
    s->averaging += g->best - g->after;
    s->var_trend += var;
    s->var_mutation += var + (g->n_members > 1 ? noise * noise : 0);
    s->var_selection += g->n_members > 1 ? chance * chance / 4 : 0;
}

static void put_part(cJSON *to, const char *name, double value, double variance)
{
    cJSON *part = cJSON_CreateObject();
    ht_json_put_real(part, "gain", value);
    ht_json_put_real(part, "lo", value - 1.96 * sqrt(variance));
    ht_json_put_real(part, "hi", value + 1.96 * sqrt(variance));
    ht_json_put(to, name, part);
}

/* Wilson's interval of a share. */
static void put_share(cJSON *to, const char *name, size_t k, size_t n)
{
    cJSON *share = cJSON_CreateObject();
    double z = 1.96, p = n > 0 ? (double)k / (double)n : NAN, m = (double)n;
    double middle = (p + z * z / (2 * m)) / (1 + z * z / m);
    double half = z * sqrt(p * (1 - p) / m + z * z / (4 * m * m)) / (1 + z * z / m);
    ht_json_put_int(share, "accepted", (double)k);
    ht_json_put_int(share, "judged", m);
    ht_json_put_real(share, "share", p);
    ht_json_put_real(share, "lo", middle - half);
    ht_json_put_real(share, "hi", middle + half);
    ht_json_put(to, name, share);
}

cJSON *ht_gain_split(const ht_gain *g, double start, double champion, size_t n, const int *path,
                     bool maximize)
{
    split s = {.first = champion};
    double pooled = g->freedom > 0 ? sqrt(g->squares / (double)g->freedom) : NAN, last = NAN;
    for (size_t i = 0; i < n; i++) {
        const segment *part = segment_of(g, path[i]);
        if (part == NULL)
            continue;
        add_segment(&s, part, isnan(pooled) ? part->noise : pooled);
        last = part->after;
    }
    double rest = isnan(last) ? 0 : last - champion;    /* the champion is an epoch after the last root */
    cJSON *out = cJSON_CreateObject();
    ht_json_put_real(out, "start", maximize ? -start : start);
    ht_json_put_real(out, "champion", maximize ? -champion : champion);
    put_part(out, "race", isfinite(start) && isfinite(s.first) ? start - s.first : 0, 0);
    put_part(out, "trend", s.trend, s.var_trend);
    put_part(out, "selection", s.selection, s.var_selection);
    put_part(out, "mutation", s.mutation, s.var_mutation);
    put_part(out, "averaging", s.averaging, 0);
    put_part(out, "last_epochs", rest, 0);
    ht_json_put_int(out, "segments", (double)s.segments);
    ht_json_put_real(out, "noise", pooled);
    ht_json_put_int(out, "judged_segments", (double)g->judged);
    ht_json_put_int(out, "rolled_back", (double)g->rolled_back);
    put_share(out, "mutants", g->accepted, g->mutants);
    put_share(out, "nulls", g->accepted_nulls, g->nulls);
    return out;
}
