/* src/population/island.c - controls, mutants and verdicts of one island; the contract is in island.h.
 *
 * May touch: the heap, for the history and for the length of a call. */
#include "population/island.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double min_noise = 1e-4;   /* of a loss, so that equal losses do not divide by 0 */
static const double most_z = 50;

void ht_island_init(ht_island *isl, int id)
{
    *isl = (ht_island){.id = id, .loss = INFINITY, .node = -1, .mirror = -1};
}

ht_status ht_island_reserve(ht_island *isl, size_t n)
{
    if (n <= isl->members_capacity)
        return HT_OK;
    ht_island_member *members = realloc(isl->members, n * sizeof *members);
    if (members == NULL)
        return HT_ENOMEM;
    isl->members = members;
    isl->members_capacity = n;
    return HT_OK;
}

void ht_island_release(ht_island *isl)
{
    free(isl->members);
    free(isl->hist);
    *isl = (ht_island){.state = HT_ISLAND_GONE};
}

ht_status ht_island_remember(ht_island *isl, double loss)
{
    double *hist = realloc(isl->hist, (isl->n_hist + 1) * sizeof *hist);
    if (hist == NULL)
        return HT_ENOMEM;
    isl->hist = hist;
    hist[isl->n_hist++] = loss;
    return HT_OK;
}

/* ---- casting -------------------------------------------------------------------------------- */

static double spread_in(const ht_family_spec *f, const char *phase)
{
    for (size_t i = 0; i < f->n_priors; i++)
        if (strcmp(f->priors[i].phase, phase) == 0)
            return f->priors[i].spread;
    return 0;
}

static bool has_prior(const ht_tuned *t)
{
    for (size_t k = 0; k < t->n; k++)
        if (t->k[k].family->n_priors > 0 || t->k[k].family->prior_center != 1)
            return true;
    return false;
}

static double propose(const ht_tuned_knob *k, size_t at, const ht_multipliers *m, const ht_recipe *r,
                      const char *phase, bool fresh, ht_random *random)
{
    ht_multiplier_range range = {k->mult_lo, k->mult_hi, 1, 0};
    if (!fresh) {
        range.center = ht_family_center(k->family, phase);
        range.spread = spread_in(k->family, phase);
    }
    return ht_multipliers_propose(m, r, at, phase, &range, random);
}

void ht_island_cast(ht_island *isl, size_t n_controls, const ht_tuned *t, const ht_multipliers *m,
                    const ht_recipe *r, const char *phase, ht_random random)
{
    bool known = has_prior(t);
    for (size_t i = 0; i < isl->n; i++) {
        ht_island_member *who = &isl->members[i];
        ht_random own = {.key = ht_random_mix(random.key + i)};
        who->mutant = i >= n_controls;
        who->fresh = who->mutant && known && ht_random_uniform(&own) < r->search.fresh;
        for (size_t k = 0; k < t->n; k++) {
            who->x[k] = who->mutant ? propose(&t->k[k], k, m, r, phase, who->fresh, &own) : 0;
            who->h[k] = ht_tuned_times(&t->k[k], isl->h[k], who->x[k]);
        }
    }
}

/* ---- judging -------------------------------------------------------------------------------- */

static bool is_finite_member(const ht_island_member *m)
{
    return m->state == HT_MEMBER_REPORTED && isfinite(m->loss);
}

static void sort_finite(const ht_island *isl, ht_judgement *j)
{
    j->n_finite = j->n_reported = 0;
    for (size_t i = 0; i < isl->n; i++) {
        j->n_reported += isl->members[i].state == HT_MEMBER_REPORTED;
        if (!is_finite_member(&isl->members[i]))
            continue;
        size_t at = j->n_finite++;
        for (; at > 0 && isl->members[j->finite[at - 1]].loss > isl->members[i].loss; at--)
            j->finite[at] = j->finite[at - 1];
        j->finite[at] = i;
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(size_t n, double *x)
{
    qsort(x, n, sizeof *x, by_size);
    return (x[(n - 1) / 2] + x[n / 2]) / 2;
}

/* 1.4826 * median |L - median L|: the standard deviation of normal numbers, but no outlier moves it. */
static double robust_noise(const ht_island *isl, const ht_judgement *j)
{
    double x[64], *all = j->n_finite <= 64 ? x : malloc(j->n_finite * sizeof *all);
    if (j->n_finite == 0 || all == NULL)
        return 0;
    for (size_t i = 0; i < j->n_finite; i++)
        all[i] = isl->members[j->finite[i]].loss;
    double middle = median(j->n_finite, all);
    for (size_t i = 0; i < j->n_finite; i++)
        all[i] = fabs(isl->members[j->finite[i]].loss - middle);
    double noise = 1.4826 * median(j->n_finite, all);
    if (all != x)
        free(all);
    return noise;
}

static void find_control(const ht_island *isl, ht_judgement *j)
{
    double sum = 0;
    j->n_controls = 0;
    for (size_t i = 0; i < isl->n; i++)
        if (!isl->members[i].mutant && is_finite_member(&isl->members[i])) {
            sum += isl->members[i].loss;
            j->n_controls++;
        }
    j->control = j->n_controls > 0 ? sum / (double)j->n_controls : isfinite(isl->loss) ? isl->loss : NAN;
}

static bool exceeds(const ht_recipe *r, double score)
{
    return score > r->acceptance.epsilon;
}

void ht_island_judge(ht_island *isl, const ht_recipe *r, ht_judgement *j)
{
    sort_finite(isl, j);
    find_control(isl, j);
    j->noise = robust_noise(isl, j) + fmax(min_noise, r->acceptance.min_sigma);
    j->any_accepted = false;
    /* without a control nobody can tell a good mutant from the trend: all that live are taken */
    bool take_all = j->n_controls == 0 && isl->n > 1;
    for (size_t i = 0; i < isl->n; i++) {
        ht_island_member *m = &isl->members[i];
        bool finite = is_finite_member(m);
        m->score = finite ? j->control - m->loss : NAN;
        m->z = finite ? fmax(-most_z, fmin(m->score / j->noise, most_z)) : -most_z;
        m->accepted = m->mutant && finite && (take_all || exceeds(r, m->score));
        m->in_root = false;
        j->any_accepted = j->any_accepted || m->accepted;
    }
}

size_t ht_island_nulls(const ht_island *isl, const ht_recipe *r, const ht_judgement *j, size_t *tried)
{
    size_t accepted = 0;
    *tried = 0;
    if (j->n_controls < 2)
        return 0;
    double n = (double)j->n_controls, sum = n * j->control;
    for (size_t i = 0; i < isl->n; i++) {
        const ht_island_member *m = &isl->members[i];
        if (m->mutant || !is_finite_member(m))
            continue;
        ++*tried;
        accepted += exceeds(r, (sum - m->loss) / (n - 1) - m->loss);
    }
    return accepted;
}

ht_status ht_island_teach(const ht_island *isl, const ht_tuned *t, ht_multipliers *m, const char *phase)
{
    ht_status st = HT_OK;
    for (size_t i = 0; i < isl->n; i++) {
        const ht_island_member *who = &isl->members[i];
        if (!who->mutant || who->state != HT_MEMBER_REPORTED || isnan(who->z))
            continue;
        for (size_t k = 0; k < t->n; k++)
            if (who->x[k] != 0 && ht_multipliers_add(m, k, phase, who->x[k], who->z, NULL) == HT_ENOMEM)
                st = HT_ENOMEM;
    }
    return st;
}

void ht_island_move(ht_island *isl, const ht_tuned *t, const ht_judgement *j)
{
    if (!j->any_accepted)
        return;
    for (size_t k = 0; k < t->n; k++) {
        double sum = 0;
        size_t n = 0;
        for (size_t i = 0; i < isl->n; i++)
            if (isl->members[i].accepted) {
                sum += ht_tuned_log(&t->k[k], isl->members[i].h[k]);
                n++;
            }
        isl->h[k] = ht_tuned_clamp(&t->k[k], exp(sum / (double)n));
    }
}

void ht_island_slow_down(ht_island *isl, const ht_tuned *t)
{
    for (size_t k = 0; k < t->n; k++)
        if (strcmp(t->k[k].name, "lr") == 0)
            isl->h[k] = ht_tuned_clamp(&t->k[k], isl->h[k] / 2);
}
