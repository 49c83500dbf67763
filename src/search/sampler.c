/* src/search/sampler.c - ask and tell; the contract is in sampler.h.
 *
 * What is known is bounded: the TOP best results, a uniform reservoir of RESERVOIR of all others (weighted up
 * in the model of the rest), and what is pending. Two Parzen mixtures are fitted to it: `good` to the best
 * 15 % (at most 25), `rest` to all else, pending points included, so that parallel askers spread. An ask goes
 * to one of two arms, at random:
 *   density  the draw from `good` with the greatest ratio good / rest
 *   local    a move about a good point, screened by a quadratic (local.c, quadratic.c). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "search/sampler_internal.h"

ht_status ht_sampler_create(const ht_space *space, unsigned long long seed, bool density_only, ht_sampler **out,
                            ht_error *err)
{
    if (space->n == 0)
        return ht_fail(err, HT_EINVAL, "the space has no parameters");
    ht_sampler *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a sampler");
    *s = (ht_sampler){.space = space, .seed = seed, .density_only = density_only, .version = 1};
    s->rows = calloc((TOP + RESERVOIR + 1) * space->n, sizeof *s->rows);
    if (s->rows == NULL || ht_mixture_create(space, GOOD_MAX, &s->good) != HT_OK ||
        ht_mixture_create(space, TOP + RESERVOIR, &s->rest) != HT_OK) {
        ht_sampler_destroy(s);
        return ht_fail(err, HT_ENOMEM, "no memory for a sampler of %zu parameters", space->n);
    }
    *out = s;
    return HT_OK;
}

void ht_sampler_destroy(ht_sampler *s)
{
    if (s == NULL)
        return;
    ht_mixture_destroy(s->good);
    ht_mixture_destroy(s->rest);
    free(s->rows);
    free(s->pending);
    free(s->pending_rows);
    free(s);
}

/* ---- what is known -------------------------------------------------------------------------- */

double ht_sampler_gate(const ht_sampler *s)
{
    if (s->density_only)
        return 0;
    double gate = (s->noise - NOISE_OPENS) / NOISE_OPENS;
    return gate < 0 ? 0 : gate > 1 ? 1 : gate;
}

const observation *ht_sampler_ranked(const ht_sampler *s, size_t i)
{
    return &s->top[s->order[i]];
}

size_t ht_sampler_good_count(const ht_sampler *s)
{
    size_t n = (size_t)ceil(GOOD_SHARE * (double)s->told);
    n = n < 1 ? 1 : n > GOOD_MAX ? GOOD_MAX : n;
    return n < s->n_top ? n : s->n_top;
}

static bool same_point(const ht_space *space, const double *a, const double *b)
{
    return memcmp(a, b, space->n * sizeof *a) == 0;
}

const double *ht_sampler_pending(const ht_sampler *s, size_t i)
{
    return s->pending_rows + i * s->space->n;
}

bool ht_sampler_knows(const ht_sampler *s, const ht_point *p)
{
    for (size_t i = 0; i < s->n_top; i++)
        if (same_point(s->space, s->top[i].u, p->u))
            return true;
    for (size_t i = 0; i < s->n_pending; i++)
        if (same_point(s->space, ht_sampler_pending(s, i), p->u))
            return true;
    return false;
}

/* The m-th evicted result takes a random place of the reservoir, or none (Vitter's algorithm R). */
static void evict(ht_sampler *s, observation o)
{
    unsigned long m = s->evicted++;
    if (s->n_bad < RESERVOIR) {
        s->bad[s->n_bad++] = o;
        return;
    }
    ht_random r = ht_random_stream(s->seed, HT_RANDOM_RESERVOIR, 0, m);
    unsigned long j = (unsigned long)(ht_random_uniform(&r) * (double)(m + 1));
    s->spare = o.u;
    if (j < RESERVOIR) {
        s->spare = s->bad[j].u;
        s->bad[j] = o;
    }
}

static void learn(ht_sampler *s, const double *u, double y, long id)
{
    double *row = s->n_rows <= TOP + RESERVOIR ? s->rows + s->n_rows++ * s->space->n : s->spare;
    memcpy(row, u, s->space->n * sizeof *row);
    observation o = {row, y, id};
    s->told++;
    s->version++;
    if (s->n_top == TOP && !(y < s->top[TOP - 1].y)) {
        evict(s, o);
        return;
    }
    if (s->n_top == TOP)
        evict(s, s->top[--s->n_top]);
    size_t at = s->n_top++;
    for (; at > 0 && s->top[at - 1].y > y; at--)
        s->top[at] = s->top[at - 1];
    s->top[at] = o;
}

/* ---- asks ----------------------------------------------------------------------------------- */

/* Kernels at the good points, weighted by ln(ng + 1/2) - ln(rank), scaled to sum ng. */
static ht_status fit_good(ht_sampler *s, double scale)
{
    ht_noise_rank(s);
    size_t n = ht_sampler_good_count(s);
    double weight[GOOD_MAX], sum = 0;
    for (size_t i = 0; i < n; i++) {
        weight[i] = log((double)n + 0.5) - log((double)i + 1);
        sum += weight[i];
    }
    ht_mixture_clear(s->good);
    for (size_t i = 0; i < n; i++)
        HT_TRY(ht_mixture_add(s->good, ht_sampler_ranked(s, i)->u, weight[i] * (double)n / sum, 1));
    ht_mixture_fit(s->good, scale);
    return HT_OK;
}

/* Everything else; fitted again only when something was told or asked since. */
static ht_status fit_rest(ht_sampler *s)
{
    if (s->bad_version == s->version)
        return HT_OK;
    ht_mixture_clear(s->rest);
    for (size_t i = ht_sampler_good_count(s); i < s->n_top; i++)
        HT_TRY(ht_mixture_add(s->rest, ht_sampler_ranked(s, i)->u, 1, 1));
    for (size_t i = 0; i < s->n_bad; i++)
        HT_TRY(ht_mixture_add(s->rest, s->bad[i].u, (double)s->evicted / (double)s->n_bad, 1));
    for (size_t i = 0; i < s->n_pending; i++)
        HT_TRY(ht_mixture_add(s->rest, ht_sampler_pending(s, i), 1, PENDING_NARROW));
    ht_mixture_fit(s->rest, BANDWIDTH_BAD);
    s->bad_version = s->version;
    return HT_OK;
}

static void each_parameter_alone(const ht_sampler *s, ht_random *random, ht_point *out)
{
    for (size_t d = 0; d < s->space->n; d++) {
        out->u[d] = HT_ABSENT;
        if (!ht_space_is_active(s->space, out, d))
            continue;
        double greatest = -INFINITY;
        for (int i = 0; i < CANDIDATES_ALONE; i++) {
            double u = ht_mixture_draw_one(s->good, d, random);
            double ratio = ht_mixture_log_one(s->good, d, u) - ht_mixture_log_one(s->rest, d, u);
            if (ratio > greatest) {
                greatest = ratio;
                out->u[d] = u;
            }
        }
    }
}

/* The candidate with the greatest density ratio, among those that are new if any is. */
static void best_ratio(const ht_sampler *s, bool local, ht_random *random, ht_point *out)
{
    local_pool pool = ht_local_best(s);
    const observation *base = ht_local_base(&pool, random);
    double greatest = -INFINITY;
    bool found_new = false;
    for (int i = 0; i < (local ? CANDIDATES_LOCAL : CANDIDATES); i++) {
        ht_point p;
        if (local)
            ht_local_draw(s, &pool, base, false, random, &p);
        else
            ht_mixture_draw(s->good, random, &p);
        bool is_new = !ht_sampler_knows(s, &p);
        if (found_new && !is_new)
            continue;
        double ratio = ht_mixture_log(s->good, p.u) - ht_mixture_log(s->rest, p.u);
        if ((is_new && !found_new) || i == 0 || ratio > greatest) {
            greatest = ratio;
            found_new = is_new;
            *out = p;
        }
    }
}

static ht_status propose(ht_sampler *s, unsigned long n, ht_point *out)
{
    ht_random random = ht_random_stream(s->seed, HT_RANDOM_PROPOSAL, 0, n);
    bool local = !s->density_only && ht_random_uniform(&random) < LOCAL_SHARE;
    double jitter = s->density_only ? 1 : exp(BANDWIDTH_JITTER * ht_random_normal(&random));
    HT_TRY(fit_good(s, BANDWIDTH_GOOD * jitter * (1 + 0.3 * ht_sampler_gate(s))));
    if (local && ht_random_uniform(&random) >= UNSCREENED_SHARE && ht_quadratic_draw(s, &random, out))
        return HT_OK;
    HT_TRY(fit_rest(s));
    if (!local && !s->density_only && ht_random_uniform(&random) < ALONE_SHARE)
        each_parameter_alone(s, &random, out);
    else
        best_ratio(s, local, &random, out);
    return HT_OK;
}

static ht_status reserve_pending(ht_sampler *s, ht_error *err)
{
    if (s->n_pending < s->pending_capacity)
        return HT_OK;
    size_t capacity = s->pending_capacity == 0 ? 16 : 2 * s->pending_capacity;
    unsigned long *p = realloc(s->pending, capacity * sizeof *p);
    if (p == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for %zu pending asks", capacity);
    s->pending = p;
    double *rows = realloc(s->pending_rows, capacity * s->space->n * sizeof *rows);
    if (rows == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for %zu pending asks", capacity);
    s->pending_rows = rows;
    s->pending_capacity = capacity;
    return HT_OK;
}

ht_status ht_sampler_ask(ht_sampler *s, unsigned long *id, ht_point *out, ht_error *err)
{
    HT_TRY(reserve_pending(s, err));
    if (s->told < STARTUP || s->n_top < 2)
        ht_startup_point(s->space, s->seed, s->asked, out);
    else if (propose(s, s->asked, out) != HT_OK)
        return ht_fail(err, HT_ENOMEM, "no memory for a proposal");
    for (size_t d = s->space->n; d < HT_PARAMS_MAX; d++)
        out->u[d] = HT_ABSENT;
    *id = s->asked++;
    memcpy(s->pending_rows + s->n_pending * s->space->n, out->u, s->space->n * sizeof *out->u);
    s->pending[s->n_pending++] = *id;
    s->version++;
    return HT_OK;
}

/* ---- tells ---------------------------------------------------------------------------------- */

static double usable(double value)
{
    return isfinite(value) && value < FAILED ? value : FAILED;
}

/* Where a pending ask is in the list. */
static ht_status find(const ht_sampler *s, unsigned long id, size_t *at, ht_error *err)
{
    if (id >= s->asked)
        return ht_fail(err, HT_ENOTFOUND, "id %lu was never asked", id);
    size_t low = 0, high = s->n_pending;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->pending[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == s->n_pending || s->pending[low] != id)
        return ht_fail(err, HT_EREFUSED, "id %lu was told, failed or forgotten before", id);
    *at = low;
    return HT_OK;
}

static void drop(ht_sampler *s, size_t at)
{
    size_t after = --s->n_pending - at, width = s->space->n;
    memmove(&s->pending[at], &s->pending[at + 1], after * sizeof *s->pending);
    memmove(s->pending_rows + at * width, s->pending_rows + (at + 1) * width, after * width * sizeof(double));
    s->version++;
}

ht_status ht_sampler_tell(ht_sampler *s, unsigned long id, double value, ht_error *err)
{
    size_t at = 0;
    HT_TRY(find(s, id, &at, err));
    learn(s, ht_sampler_pending(s, at), usable(value), (long)id);
    drop(s, at);
    return HT_OK;
}

ht_status ht_sampler_fail(ht_sampler *s, unsigned long id, ht_error *err)
{
    return ht_sampler_tell(s, id, NAN, err);
}

ht_status ht_sampler_forget(ht_sampler *s, unsigned long id, ht_error *err)
{
    size_t at = 0;
    HT_TRY(find(s, id, &at, err));
    drop(s, at);
    return HT_OK;
}

/* u becomes the coordinates of p as an ask would give them; false if p is no point of the space. */
static bool normalise(const ht_space *space, const ht_point *p, ht_point *out)
{
    for (size_t d = 0; d < space->n; d++) {
        const ht_param *q = &space->params[d];
        double u = p->u[d], last = q->kind == HT_PARAM_NUMBER ? 1 : (double)q->n_choices - 1;
        if (!ht_space_is_active(space, out, d)) {
            out->u[d] = HT_ABSENT;
            if (!(u < 0))
                return false;
        } else if (!(u >= 0 && u <= last) || (q->kind == HT_PARAM_CATEGORY && u != floor(u))) {
            return false;
        } else {
            out->u[d] = ht_space_snap(space, d, u);
        }
    }
    return true;
}

ht_status ht_sampler_add(ht_sampler *s, const ht_point *p, double value, ht_error *err)
{
    ht_point q;
    if (!normalise(s->space, p, &q))
        return ht_fail(err, HT_EINVAL, "the point is not in the space: a coordinate is outside, or a condition is broken");
    learn(s, q.u, usable(value), -1);
    return HT_OK;
}

ht_status ht_sampler_best(const ht_sampler *s, long *id, ht_point *out, double *value)
{
    if (s->n_top == 0 || s->top[0].y >= FAILED)
        return HT_EEMPTY;
    *id = s->top[0].id;
    for (size_t d = 0; d < HT_PARAMS_MAX; d++)
        out->u[d] = d < s->space->n ? s->top[0].u[d] : HT_ABSENT;
    *value = s->top[0].y;
    return HT_OK;
}

void ht_sampler_peek(const ht_sampler *s, ht_sampler_state *out)
{
    size_t row = s->space->n * sizeof(double);
    *out = (ht_sampler_state){.asked = s->asked, .told = s->told, .pending = s->n_pending, .noise = s->noise,
                              .bytes = sizeof *s + (TOP + RESERVOIR + 1) * row +
                                       s->pending_capacity * (sizeof *s->pending + row) +
                                       ht_mixture_bytes(s->good) + ht_mixture_bytes(s->rest)};
}
