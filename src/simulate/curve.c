/* src/simulate/curve.c - learning curves of trainings that are not trained; the contract is in curve.h. */
#include "simulate/curve.h"

#include <math.h>
#include <string.h>

static const double lowest = .1, power = .5, knee = 4, noise_size = .01, width = 2.0794415416798357 /* log 8 */;
static const double drift = .5, diverges = 30, memory = .7, spread_of_best = .5;

static double middle(const ht_tuned_knob *k)
{
    bool ranged = k->has_range && k->lo > 0 && isfinite(k->hi);
    return ranged ? sqrt(k->lo * k->hi) : fmax(k->start, k->floor);
}

void ht_curves_make(uint64_t seed, const ht_member *member, const ht_tuned *tuned, size_t n_records,
                    const ht_curve_record *records, ht_curves *out)
{
    *out = (ht_curves){.seed = seed, .n_knobs = member->n_knobs, .n_records = n_records, .records = records};
    for (size_t i = 0; i < tuned->n; i++) {
        const ht_tuned_knob *k = &tuned->k[i];
        ht_random random = ht_random_stream(seed, HT_RANDOM_SIMULATION, 0, i);
        double best = middle(k) * exp(spread_of_best * ht_random_normal(&random));
        out->best[k->at] = fmin(fmax(best, k->lo), k->hi);
        out->floor[k->at] = k->floor;
        out->falls[k->at] = strcmp(k->name, "lr") == 0;
    }
}

ht_curve_state ht_curve_begin(const ht_curves *c, uint64_t seed)
{
    ht_random random = ht_random_stream(c->seed, HT_RANDOM_SIMULATION, seed, 1000);
    ht_curve_state s = {.deviation = ht_random_normal(&random)};
    if (c->n_records > 0)
        s.curve = (int)ht_random_below(&random, c->n_records);
    return s;
}

static double shape(double age)
{
    return pow(1 + age / knee, -power);
}

void ht_curve_train(const ht_curves *c, ht_curve_state *s, const double *h, ht_random noise)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < c->n_knobs; i++) {
        if (!(c->best[i] > 0))
            continue;       /* it makes no difference */
        double best = c->falls[i] ? c->best[i] * pow(1 + s->age / knee, -drift) : c->best[i];
        double off = log(fmax(h[i], c->floor[i]) / best) / width;
        s->broken |= c->falls[i] && h[i] > diverges * best;
        sum += off * off;
        n++;
    }
    s->age = fmax(0, s->age + fmax(-1, 1 - (n > 0 ? sum / (double)n : 0)));
    s->deviation = memory * s->deviation + sqrt(1 - memory * memory) * ht_random_normal(&noise);
}

static double recorded(const ht_curve_record *r, double age)
{
    double at = fmax(0, age - 1);
    size_t i = (size_t)fmin(at, (double)(r->n - 1));
    if (i + 1 >= r->n)
        return r->loss[r->n - 1];
    return r->loss[i] + (at - (double)i) * (r->loss[i + 1] - r->loss[i]);
}

double ht_curve_loss(const ht_curves *c, const ht_curve_state *s)
{
    double size = noise_size * pow(s->age + 1, -power);
    if (s->broken)
        return NAN;
    if (c->n_records == 0)
        return lowest + (1 - lowest) * shape(s->age) + size * s->deviation;
    const ht_curve_record *r = &c->records[s->curve];
    return recorded(r, s->age) + size * fabs(r->loss[0] - r->loss[r->n - 1]) * s->deviation;
}

ht_curve_state ht_curve_blend(ht_curve_state a, size_t n, ht_curve_state b, size_t m)
{
    double share = (double)n / (double)(n + m);
    b.age += share * (a.age - b.age);
    b.deviation += share * (a.deviation - b.deviation);
    b.broken |= a.broken;
    return b;
}
