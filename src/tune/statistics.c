/* src/tune/statistics.c - the numbers of a run and what the posterior learns; contract in statistics.h.
 *
 * Decided = accepted, rejected or rolled back. A family is named by the patch: its key, else its op.
 * May touch: the heap. Not: files, clock, globals. */
#include "tune/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/value.h"

void ht_statistics_init(ht_statistics *s)
{
    *s = (ht_statistics){0};
}

void ht_statistics_release(ht_statistics *s)
{
    free(s->families);
    ht_statistics_init(s);
}

/* ---- what a mutation really did ------------------------------------------------------------- */

typedef enum { ACTS_AS_FACTOR, ACTS_AS_DELTA, ACTS_AS_SET, ACTS_UNKNOWN } acting;

/* "mult", or a name that ends in "_mult" */
static bool names(const char *op, const char *verb)
{
    size_t n = strlen(op), k = strlen(verb);
    return n >= k && strcmp(op + n - k, verb) == 0 && (n == k || op[n - k - 1] == '_');
}

static acting acting_of(const ht_patch *p)
{
    if (names(p->op, "mult"))
        return ACTS_AS_FACTOR;
    if (names(p->op, "delta"))
        return ACTS_AS_DELTA;
    return names(p->op, "set") ? ACTS_AS_SET : ACTS_UNKNOWN;
}

/* @return false if element i of the request is no number */
static bool requested(const ht_patch *p, size_t i, double *out)
{
    if (p->value.kind != HT_VALUE_LIST)
        return ht_value_as_number(&p->value, out);
    const ht_scalar *item = &p->value.items[i];
    *out = item->number;
    return item->kind == HT_VALUE_INT || item->kind == HT_VALUE_REAL || item->kind == HT_VALUE_BOOL;
}

/* What the training shows of element i. The first group stands for all. @return false: it shows nothing */
static bool shown(const ht_mutation *m, size_t i, double *out)
{
    if (m->n_changes == 0 || i >= m->changes[0].n_cells || i >= HT_CELLS_MAX)
        return false;
    const ht_change *c = &m->changes[0];
    double before = c->before[i], after = c->after[i];
    switch (acting_of(&m->patch)) {
    case ACTS_AS_FACTOR:
        *out = after / ht_patch_base(&m->patch, before);
        return isfinite(*out) && !c->was_absent;
    case ACTS_AS_DELTA:
        *out = after - before;
        return isfinite(*out) && !c->was_absent;
    case ACTS_AS_SET:
        *out = after;
        return isfinite(after);
    case ACTS_UNKNOWN:
        break;
    }
    return false;
}

/* The requested value, unless the actuator cut it: a quotient of two rounded numbers is only an echo. */
static bool effective(const ht_mutation *m, size_t i, double *out)
{
    double asked = 0, seen = 0;
    bool is_asked = requested(&m->patch, i, &asked), is_seen = shown(m, i, &seen);
    if (is_seen && !(is_asked && fabs(seen - asked) <= 1e-9 * fmax(fabs(seen), fabs(asked))))
        *out = seen;
    else
        *out = asked;
    return is_asked || is_seen;
}

/* @return number of elements, 0 if one of them has no place on the scale */
static size_t places(const ht_mutation *m, double x[HT_BOUNDS_MAX])
{
    size_t n = m->patch.value.kind == HT_VALUE_LIST ? m->patch.value.n_items : 1;
    if (n > HT_BOUNDS_MAX)
        return 0;
    for (size_t i = 0; i < n; i++) {
        double value = 0;
        if (!effective(m, i, &value))
            return 0;
        x[i] = ht_scale_to(m->scale, value);
        if (!isfinite(x[i]))
            return 0;
    }
    return n;
}

static const char *family_key(const ht_mutation *m)
{
    return m->patch.key[0] != '\0' ? m->patch.key : m->patch.op;
}

static bool is_decided(ht_decision d)
{
    return d == HT_DECISION_ACCEPTED || d == HT_DECISION_REJECTED || d == HT_DECISION_ROLLED_BACK;
}

bool ht_observation_of(const ht_segment *g, const ht_mutation *m, ht_observation *out)
{
    bool is_diverged = (g->stability.nan || g->stability.anomaly) && g->decision != HT_DECISION_ACCEPTED;
    if (!is_decided(g->decision) || m->source == HT_SOURCE_REPLAY)
        return false;
    ht_observation o = {.y = g->has_score && isfinite(g->score) && !is_diverged ? g->score : -INFINITY};
    o.n = places(m, o.x);
    if (o.n == 0)
        return false;
    ht_name_copy(o.phase, m->phase);
    ht_name_copy(o.actuator, m->actuator);
    ht_name_copy(o.key, family_key(m));
    *out = o;
    return true;
}

/* ---- counting ------------------------------------------------------------------------------- */

void ht_statistics_mutation(ht_statistics *s, const ht_mutation *m)
{
    switch (m->status) {
    case HT_MUTATION_APPLIED:
        s->applied_mutations++;
        break;
    case HT_MUTATION_FAILED:
        s->failed++;
        break;
    case HT_MUTATION_SUGGESTED:
        s->suggested++;
        break;
    case HT_MUTATION_ACCEPTED:
    case HT_MUTATION_REJECTED:
    case HT_MUTATION_ROLLED_BACK:
    case HT_MUTATION_INCONCLUSIVE:
        return; /* counted when it was applied */
    }
    s->total_mutations++;
}

/* Room for `more` further families, so that a segment is counted whole or not at all. */
static bool has_room(ht_statistics *s, size_t more)
{
    if (s->n_families + more <= s->capacity)
        return true;
    size_t capacity = 2 * s->capacity + more;
    ht_family_count *families = realloc(s->families, capacity * sizeof *families);
    if (families == NULL)
        return false;
    s->families = families;
    s->capacity = capacity;
    return true;
}

/* Needs room for one. */
static ht_family_count *family_of(ht_statistics *s, const ht_mutation *m, const char *phase)
{
    for (size_t i = 0; i < s->n_families; i++) {
        ht_family_count *f = &s->families[i];
        if (strcmp(f->actuator, m->actuator) == 0 && strcmp(f->key, family_key(m)) == 0 &&
            strcmp(f->phase, phase) == 0)
            return f;
    }
    ht_family_count *f = &s->families[s->n_families++];
    *f = (ht_family_count){.scale = m->scale};
    ht_name_copy(f->actuator, m->actuator);
    ht_name_copy(f->key, family_key(m));
    ht_name_copy(f->phase, phase);
    return f;
}

static void count_win(ht_family_count *f, const ht_mutation *m)
{
    double x[HT_BOUNDS_MAX], mean = 0;
    size_t n = places(m, x);
    if (n == 0)
        return;
    for (size_t i = 0; i < n; i++)
        mean += x[i] / (double)n;
    f->wins++;
    f->x_sum += mean;
    f->x_square_sum += mean * mean;
}

static void count_decided(ht_family_count *f, const ht_segment *g, const ht_mutation *m)
{
    f->decided++;
    if (g->has_score && isfinite(g->score)) {
        f->scored++;
        f->score_sum += g->score;
    }
    if (g->decision == HT_DECISION_ACCEPTED) {
        f->accepted++;
        count_win(f, m);
    }
}

ht_status ht_statistics_segment(ht_statistics *s, const ht_segment *g, const ht_mutation *m)
{
    if (is_decided(g->decision)) {
        if (!has_room(s, 2))
            return HT_ENOMEM;
        count_decided(family_of(s, m, ""), g, m);
        if (m->phase[0] != '\0')
            count_decided(family_of(s, m, m->phase), g, m);
    }
    s->by_decision[g->decision]++;
    return HT_OK;
}

static void count_code(ht_statistics *s, const char *code)
{
    const size_t most = sizeof s->blocked / sizeof s->blocked[0];
    size_t i = 0;
    while (i < s->n_blocked && strcmp(s->blocked[i].code, code) != 0)
        i++;
    if (i == most)
        return; /* codes are a short, closed list */
    if (i == s->n_blocked) {
        memcpy(s->blocked[i].code, code, strnlen(code, sizeof s->blocked[i].code - 1));
        s->n_blocked++;
    }
    s->blocked[i].n++;
}

void ht_statistics_blocked(ht_statistics *s, const ht_codes *codes)
{
    for (size_t i = 0; i < codes->n; i++)
        count_code(s, codes->code[i]);
}

/* ---- numbers -------------------------------------------------------------------------------- */

double ht_statistics_accept_rate(const ht_statistics *s)
{
    unsigned long accepted = s->by_decision[HT_DECISION_ACCEPTED];
    unsigned long decided =
        accepted + s->by_decision[HT_DECISION_REJECTED] + s->by_decision[HT_DECISION_ROLLED_BACK];
    return decided > 0 ? (double)accepted / (double)decided : 0;
}

static void evidence_of(const ht_family_count *f, ht_evidence *e)
{
    *e = (ht_evidence){.win_rate = f->decided > 0 ? (double)f->accepted / (double)f->decided : 0,
                       .mean_score = f->scored > 0 ? f->score_sum / (double)f->scored : 0,
                       .wins = (double)f->wins};
    ht_name_copy(e->actuator, f->actuator);
    ht_name_copy(e->key, f->key);
    ht_name_copy(e->phase, f->phase);
    if (f->wins == 0)
        return;
    double n = (double)f->wins, mean = f->x_sum / n, square = f->x_square_sum / n - mean * mean;
    e->win_center = ht_scale_from(f->scale, mean);
    e->win_spread = square > 0 ? sqrt(square) : 0;
}

void ht_statistics_evidence(const ht_statistics *s, ht_evidence *out)
{
    for (size_t i = 0; i < s->n_families; i++)
        evidence_of(&s->families[i], &out[i]);
}
