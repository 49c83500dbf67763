/* src/search/propose.c - random proposals and the TPE; the contract is in posterior.h.
 *
 * A proposal by the model: `learn` sorts what is known into a mixture of good and one of bad
 * observations for each family on offer; `draw` takes candidates from the good ones; `merit` says how
 * much likelier a candidate is among the good than among the bad. All of it on unit axes (axis.h): the
 * length of an interval cancels in every ratio.
 * May touch: nothing but its arguments; the model lives on the stack (some 60 kB). */
#include "search/posterior.h"

#include <math.h>
#include <string.h>

#include "search/axis.h"

static const double pull = 0.3, pulled_share = 0.75;        /* of random proposals to the centre */
static const double widest_kernel = 0.5, narrowest_kernel = 0.05;

enum { NONE = -1 };

/* An observation of one family: a normal distribution about it on every axis. */
typedef struct {
    double at[HT_BOUNDS_MAX];
    double weight;
    int next;               /* the next one of the same mixture, or NONE */
} kernel;

typedef struct {
    int first, last;        /* kernels of this family, in order of rank; NONE if there are none */
    size_t n;
    double weight;          /* sum of theirs */
    double deviation;       /* of every kernel */
} mixture;

typedef struct {
    const ht_eligible *spec;
    ht_axis axes[HT_BOUNDS_MAX];        /* [spec->n] */
    double center[HT_BOUNDS_MAX];       /* where the prior component sits */
    double deviation;                   /* of the prior component */
    mixture good, bad;
} family;

typedef struct {
    size_t n;
    family families[HT_ELIGIBLE_MAX];   /* [n] */
    int n_kernels;
    kernel kernels[HT_POSTERIOR_CAPACITY];
    double good_weight, bad_weight;     /* over all families, the priors' 1 each included */
} model;

typedef struct {
    const family *of;
    double at[HT_BOUNDS_MAX];
} candidate;

const char *ht_source_text(ht_source source)
{
    static const char *const texts[] = {"random", "tpe", "replay"};
    return texts[source];
}

/* ---- answers -------------------------------------------------------------------------------- */

static void answer(const ht_eligible *f, const double *position, ht_source source, ht_proposal *out)
{
    static const char *const modes[] = {[HT_SPEC_MULT] = "mult", [HT_SPEC_SET] = "set",
                                        [HT_SPEC_DELTA] = "delta"};
    double value[HT_BOUNDS_MAX];
    for (size_t i = 0; i < f->n; i++) {
        ht_axis axis = ht_axis_of(f, i);
        value[i] = ht_axis_value(&axis, position[i]);
    }
    *out = (ht_proposal){.source = source};
    ht_name_copy(out->actuator, f->actuator);
    ht_name_copy(out->key, f->key);
    ht_name_copy(out->patch.op, f->keyed ? modes[f->mode] : f->key);
    if (f->keyed)
        ht_name_copy(out->patch.key, f->key);
    out->patch.value = f->n == 1 ? ht_real(value[0]) : ht_tuple(f->n, value);
}

/* ---- random --------------------------------------------------------------------------------- */

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Values of `set` and `delta` have no centre worth leaning to: 1 is the default for all. The mode says
 * nothing of a family under `mutations`; there it is the name. */
static bool leans(const ht_eligible *f)
{
    return f->keyed ? f->mode == HT_SPEC_MULT : !ends_in(f->key, "_set") && !ends_in(f->key, "_delta");
}

bool ht_propose_random(const ht_ask *ask, ht_random *random, ht_proposal *out)
{
    if (ask->n == 0)
        return false;
    const ht_eligible *f = &ask->families[ht_random_below(random, ask->n)];
    bool pulled = ht_random_uniform(random) < pulled_share && leans(f);
    double position[HT_BOUNDS_MAX];
    for (size_t i = 0; i < f->n; i++) {
        ht_axis axis = ht_axis_of(f, i);
        position[i] = ht_random_between(random, 0, 1);
        if (pulled)
            position[i] += pull * (ht_axis_position_of_value(&axis, f->center) - position[i]);
    }
    answer(f, position, HT_SOURCE_RANDOM, out);
    return true;
}

/* ---- the model ------------------------------------------------------------------------------ */

static double weight_of(const ht_observation *o, const ht_recipe *r, const ht_ask *ask)
{
    bool counts_fully = !r->search.phase_conditioned || strcmp(o->phase, ask->phase) == 0;
    return counts_fully ? 1 : r->search.other_phase_weight;
}

static double total_weight(const ht_posterior *p, const ht_recipe *r, const ht_ask *ask)
{
    double sum = 0;
    for (size_t i = 0; i < ht_posterior_count(p); i++)
        sum += weight_of(ht_posterior_peek(p, i), r, ask);
    return sum;
}

static double within_kernels(double deviation)
{
    return fmin(widest_kernel, fmax(narrowest_kernel, deviation));
}

static void start(model *m, const ht_ask *ask)
{
    static const mixture empty = {.first = NONE, .last = NONE};
    m->n = ask->n;
    m->n_kernels = 0;
    m->good_weight = m->bad_weight = (double)ask->n;
    for (size_t k = 0; k < ask->n; k++) {
        family *f = &m->families[k];
        f->spec = &ask->families[k];
        f->good = f->bad = empty;
        f->deviation = f->spec->spread > 0 ? within_kernels(f->spec->spread) : widest_kernel;
        for (size_t i = 0; i < f->spec->n; i++) {
            f->axes[i] = ht_axis_of(f->spec, i);
            f->center[i] = ht_axis_position_of_value(&f->axes[i], f->spec->center);
        }
    }
}

/* NULL if it is not on offer, or was a tuple of another length. */
static family *family_of(model *m, const ht_observation *o)
{
    for (size_t k = 0; k < m->n; k++) {
        const ht_eligible *f = m->families[k].spec;
        if (strcmp(f->key, o->key) == 0 && strcmp(f->actuator, o->actuator) == 0 && f->n == o->n)
            return &m->families[k];
    }
    return NULL;
}

static void put(model *m, const family *f, mixture *to, const ht_observation *o, double weight)
{
    kernel *k = &m->kernels[m->n_kernels];
    k->weight = weight;
    k->next = NONE;
    for (size_t i = 0; i < o->n; i++)
        k->at[i] = ht_axis_position(&f->axes[i], o->x[i]);
    if (to->first == NONE)
        to->first = m->n_kernels;
    else
        m->kernels[to->last].next = m->n_kernels;
    to->last = m->n_kernels++;
    to->n++;
    to->weight += weight;
}

static void set_deviation(mixture *x)
{
    x->deviation = within_kernels(widest_kernel / sqrt(1 + (double)x->n));
}

/* The good ones: the shortest run of best observations that holds the share gamma of all weight. */
static void learn(model *m, const ht_posterior *p, const ht_recipe *r, const ht_ask *ask, double total)
{
    double enough = r->search.gamma * total * (1 - 1e-12), seen = 0;    /* 1e-12: the sum is rounded */
    start(m, ask);
    for (size_t i = 0; i < ht_posterior_count(p); i++) {
        const ht_observation *o = ht_posterior_ranked(p, i);
        double weight = weight_of(o, r, ask);
        if (!(weight > 0))
            continue;
        bool good = seen < enough && o->y > -INFINITY;
        seen += weight;
        family *f = family_of(m, o);
        if (f == NULL)
            continue;
        put(m, f, good ? &f->good : &f->bad, o, weight);
        *(good ? &m->good_weight : &m->bad_weight) += weight;
    }
    for (size_t k = 0; k < m->n; k++) {
        set_deviation(&m->families[k].good);
        set_deviation(&m->families[k].bad);
    }
}

/* Product of the normal densities on all axes, up to the factor that is the same for every mixture. */
static double bump(const family *f, const double *at, const double *mean, double deviation)
{
    double squares = 0, height = 1;
    for (size_t i = 0; i < f->spec->n; i++) {
        if (ht_axis_is_point(&f->axes[i]))
            continue;
        double d = (at[i] - mean[i]) / deviation;
        squares += d * d;
        height /= deviation;
    }
    return height * exp(-squares / 2);
}

/* Never 0: the prior component is not too narrow to be felt at both ends of the interval. */
static double density(const model *m, const family *f, const mixture *x, const double *at)
{
    double sum = bump(f, at, f->center, f->deviation);
    for (int j = x->first; j != NONE; j = m->kernels[j].next)
        sum += m->kernels[j].weight * bump(f, at, m->kernels[j].at, x->deviation);
    return sum / (1 + x->weight);
}

static double merit(const model *m, const candidate *c)
{
    const family *f = c->of;
    double good_share = (1 + f->good.weight) / m->good_weight;
    double bad_share = (1 + f->bad.weight) / m->bad_weight;
    return log(density(m, f, &f->good, c->at)) - log(density(m, f, &f->bad, c->at)) + log(good_share) -
           log(bad_share);
}

static const family *draw_family(const model *m, ht_random *random)
{
    double left = ht_random_uniform(random) * m->good_weight;
    size_t k = 0;
    while (k + 1 < m->n && (left -= 1 + m->families[k].good.weight) >= 0)
        k++;
    return &m->families[k];
}

static candidate draw(const model *m, ht_random *random)
{
    candidate c = {.of = draw_family(m, random)};
    const mixture *good = &c.of->good;
    const double *mean = c.of->center;
    double deviation = c.of->deviation;
    double left = ht_random_uniform(random) * (1 + good->weight) - 1;   /* the first 1 is the prior's */
    for (int j = good->first; j != NONE && left >= 0; j = m->kernels[j].next) {
        mean = m->kernels[j].at;
        deviation = good->deviation;
        left -= m->kernels[j].weight;
    }
    for (size_t i = 0; i < c.of->spec->n; i++) {
        c.at[i] = mean[i] + deviation * ht_random_normal(random);
        if (!(c.at[i] >= 0 && c.at[i] <= 1))
            c.at[i] = ht_random_between(random, 0, 1);
    }
    return c;
}

bool ht_propose(const ht_posterior *p, const ht_recipe *r, const ht_ask *ask, ht_random *random,
                ht_proposal *out)
{
    if (ask->n == 0)
        return false;
    double total = total_weight(p, r, ask);
    if (r->search.algorithm == HT_SEARCH_RANDOM || total < (double)r->search.startup_trials)
        return ht_propose_random(ask, random, out);
    model m;
    learn(&m, p, r, ask, total);
    candidate best = draw(&m, random);
    double best_merit = merit(&m, &best);
    for (long long i = 1; i < r->search.candidate_count; i++) {
        candidate c = draw(&m, random);
        double its_merit = merit(&m, &c);
        if (its_merit > best_merit) {
            best = c;
            best_merit = its_merit;
        }
    }
    answer(best.of->spec, best.at, HT_SOURCE_TPE, out);
    return true;
}
