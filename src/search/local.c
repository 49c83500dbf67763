/* src/search/local.c - the local arm: moves about a good point by differences of good points.
 *
 * The difference of two good points has the covariance of the good set: a full-covariance kernel that needs
 * no matrix, works with conditions, and shrinks as the good set does. May touch: nothing but the sampler. */
#include <math.h>

#include "search/sampler_internal.h"

enum { KINDS_MAX = 64 };
static const double stride = 0.5, jitter_least = 0.002, jitter_share = 0.1, category_redraw = 0.1;

bool ht_local_same_kind(const ht_space *space, const double *a, const double *b)
{
    for (size_t d = 0; d < space->n; d++)
        if ((a[d] < 0) != (b[d] < 0) || (space->params[d].kind == HT_PARAM_CATEGORY && a[d] != b[d]))
            return false;
    return true;
}

static size_t pool_size(const ht_sampler *s)
{
    return s->space->n + 3;
}

local_pool ht_local_best(const ht_sampler *s)
{
    local_pool pool = {0};
    for (; pool.n < pool_size(s) && pool.n < s->n_top; pool.n++)
        pool.at[pool.n] = ht_sampler_ranked(s, pool.n);
    return pool;
}

local_pool ht_local_kin(const ht_sampler *s, const observation *base)
{
    local_pool pool = {0};
    size_t most = pool_size(s);
    for (size_t i = 0; i < s->n_top + s->n_bad && (pool.n < most || i >= s->n_top); i++) {
        const observation *o = i < s->n_top ? ht_sampler_ranked(s, i) : &s->bad[i - s->n_top];
        bool ranked = i < s->n_top;     /* in order already, the reservoir is not */
        if (o->y >= FAILED || (pool.n == most && !(o->y < pool.at[most - 1]->y)) ||
            !ht_local_same_kind(s->space, base->u, o->u))
            continue;
        size_t at = pool.n < most ? pool.n++ : most - 1;
        for (; !ranked && at > 0 && pool.at[at - 1]->y > o->y; at--)
            pool.at[at] = pool.at[at - 1];
        pool.at[at] = o;
    }
    return pool;
}

const observation *ht_local_base(const local_pool *pool, ht_random *random)
{
    double u = ht_random_uniform(random);
    return pool->at[(size_t)((double)pool->n * u * u * u)];
}

const observation *ht_local_elsewhere(const ht_sampler *s, ht_random *random)
{
    const observation *best[KINDS_MAX];
    size_t n = 0;
    if (s->space->n_numbers == s->space->n)
        return NULL;
    for (size_t i = 0; i < s->n_top + s->n_bad; i++) {
        const observation *o = i < s->n_top ? ht_sampler_ranked(s, i) : &s->bad[i - s->n_top];
        size_t j = 0;
        while (j < n && !ht_local_same_kind(s->space, best[j]->u, o->u))
            j++;
        if (j == n && n < KINDS_MAX && o->y < FAILED)
            best[n++] = o;
        else if (j < n && i >= s->n_top && o->y < best[j]->y)
            best[j] = o;
    }
    for (size_t i = 2; i < n; i++)
        for (size_t j = i; j > 1 && best[j]->y < best[j - 1]->y; j--) {
            const observation *better = best[j];
            best[j] = best[j - 1];
            best[j - 1] = better;
        }
    double u = ht_random_uniform(random);
    return n < 2 ? NULL : best[1 + (size_t)((double)(n - 1) * u * u)];
}

static double reflect(double u)
{
    u = fabs(fmod(u, 2));
    return u > 1 ? 2 - u : u;
}

static double move(const ht_sampler *s, size_t d, double from, const observation *a, const observation *c,
                   ht_random *random)
{
    double sd = ht_mixture_spread(s->good, d), cell = 2 * ht_space_half_cell(s->space, d);
    bool both = a->u[d] >= 0 && c->u[d] >= 0;
    double step = both ? stride * (a->u[d] - c->u[d]) : sd * ht_random_normal(random);
    step += (jitter_least + jitter_share * sd) * ht_random_normal(random);
    if (fabs(step) < cell)
        step += cell * ht_random_between(random, -1, 1);
    return ht_space_snap(s->space, d, reflect(from + step));
}

void ht_local_draw(const ht_sampler *s, const local_pool *pool, const observation *base, bool keep_categories,
                   ht_random *random, ht_point *out)
{
    size_t k = pool->n, ia = ht_random_below(random, k), ic = k > 1 ? ht_random_below(random, k - 1) : 0;
    ic += k > 1 && ic >= ia;
    for (size_t d = 0; d < s->space->n; d++) {
        const ht_param *p = &s->space->params[d];
        double from = base->u[d];
        if (!ht_space_is_active(s->space, out, d))
            out->u[d] = HT_ABSENT;
        else if (p->kind == HT_PARAM_CATEGORY)
            out->u[d] = from < 0 || (!keep_categories && ht_random_uniform(random) < category_redraw)
                            ? (double)ht_random_below(random, p->n_choices) : from;
        else if (from < 0)
            out->u[d] = ht_mixture_draw_one(s->good, d, random);
        else
            out->u[d] = move(s, d, from, pool->at[ia], pool->at[ic], random);
    }
}
