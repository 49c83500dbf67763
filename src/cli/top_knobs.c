/* src/cli/top_knobs.c - the knobs: where their values are, and where the search leans; see top_screen.h.
 * May touch: nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/top_screen.h"

enum { NAME = 16, END = 7, STRIP_MAX = 100, NOW = 17, BY = 14, WINS = 11 };

/* Something can be said of it: a range or a value. */
static bool is_known(const ht_top_model *m, size_t i)
{
    const ht_top_knob *k = &m->knobs[i];
    bool known = isfinite(k->lo) || isfinite(k->current) || isfinite(k->center);
    for (size_t r = 0; r < m->n_replicas && !known; r++)
        known = isfinite(m->replicas[r].knobs[i]);
    return known;
}

size_t ht_top_knobs_known(const ht_top_model *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_knobs; i++)
        n += is_known(m, i);
    return n;
}

static double value_of(const ht_top_model *m, size_t knob, size_t replica)
{
    double x = m->replicas[replica].knobs[knob];
    return isfinite(x) ? x : m->knobs[knob].current;
}

/* The column of a value in a strip of n; n = outside, or no range is known. */
static size_t place_of(const ht_top_knob *k, double lo, double hi, double x, size_t n)
{
    bool log_scale = k->log && lo > 0;
    if (!(hi > lo) || !isfinite(x))
        return n;
    if (x <= lo)
        return 0;
    double at = log_scale ? log(x / lo) / log(hi / lo) : (x - lo) / (hi - lo);
    return at >= 1 ? n - 1 : (size_t)(at * (double)n);
}

static void put_strip(const ht_top_model *m, const ht_top_view *v, size_t i, double lo, double hi, size_t n,
                      ht_top_screen *s)
{
    const ht_top_knob *k = &m->knobs[i];
    char marks[STRIP_MAX + 1] = {0};
    for (size_t r = 0; r < m->n_replicas; r++)
        marks[place_of(k, lo, hi, value_of(m, i, r), n)] = 'o';
    for (size_t island = 0; island < HT_TOP_ISLANDS_MAX; island++)
        if (isfinite(k->island[island]))
            marks[place_of(k, lo, hi, k->island[island], n)] = '#';
    for (size_t at = 0; at < n; at++) {
        if (marks[at] == '\0')
            ht_top_fill(s, v, HT_TOP_DIM, "─", '-', 1);
        else if (marks[at] == 'o')
            ht_top_fill(s, v, HT_TOP_PLAIN, "o", 'o', 1);
        else
            ht_top_fill(s, v, HT_TOP_GOOD, "#", '#', 1);
    }
}

/* What there is room for. */
typedef struct {
    size_t strip; /* columns */
    bool now, by, wins;
} parts;

static parts choose(size_t width)
{
    enum { RANGE = NAME + 2 * END + 2, STRIP_LEAST = 8, STRIP_FINE = 24 };
    parts p = {.now = width >= RANGE + STRIP_LEAST + NOW + 1};
    p.by = p.now && width >= RANGE + STRIP_LEAST + NOW + BY + 2;
    p.wins = p.by && width >= RANGE + STRIP_FINE + NOW + BY + WINS + 3;
    size_t used = RANGE;
    used += p.now ? NOW + 1 : 0;
    used += p.by ? BY + 1 : 0;
    used += p.wins ? WINS + 1 : 0;
    p.strip = width > used + STRIP_LEAST ? width - used : STRIP_LEAST;
    p.strip = p.strip < STRIP_MAX ? p.strip : STRIP_MAX;
    return p;
}

static void put_part(ht_top_screen *s, bool shown, ht_top_style style, const char *text, size_t width)
{
    if (!shown)
        return;
    ht_top_put(s, style == HT_TOP_BAR ? style : HT_TOP_PLAIN, " ");
    ht_top_cell(s, style, text, width, width == WINS);
}

static void put_knob(const ht_top_model *m, const ht_top_view *v, size_t i, const parts *p, ht_top_screen *s)
{
    const ht_top_knob *k = &m->knobs[i];
    double lo = NAN, hi = NAN;
    char text[80], low[32], high[32];
    for (size_t r = 0; r < m->n_replicas; r++) {
        lo = fmin(lo, value_of(m, i, r));
        hi = fmax(hi, value_of(m, i, r));
    }
    ht_top_begin(s);
    ht_top_cell(s, HT_TOP_PLAIN, k->name, NAME, false);
    ht_top_number(low, k->lo, 3);
    ht_top_cell(s, HT_TOP_DIM, low, END, true);
    ht_top_put(s, HT_TOP_PLAIN, " ");
    put_strip(m, v, i, k->lo, k->hi, p->strip, s);
    ht_top_number(high, k->hi, 3);
    put_part(s, true, HT_TOP_DIM, high, END);
    ht_top_number(low, lo, 2);
    ht_top_number(high, hi, 2);
    snprintf(text, sizeof text, strcmp(low, high) == 0 ? "%s" : "%s .. %s", low, high);
    put_part(s, p->now, HT_TOP_PLAIN, text, NOW);
    text[0] = '\0';
    if (isfinite(k->center) && k->move == 'x')
        snprintf(text, sizeof text, k->spread > 0 ? "x %.2f +- %.0f %%" : "x %.2f", k->center,
                 100 * k->spread);
    else if (isfinite(k->center))
        snprintf(text, sizeof text, k->spread > 0 ? "%c %.2g +- %.1g" : "%c %.2g", k->move, k->center,
                 k->spread);
    put_part(s, p->by, HT_TOP_PLAIN, text, BY);
    text[0] = '\0';
    if (isfinite(k->win_rate) && isfinite(k->wins))
        snprintf(text, sizeof text, "%.0f (%.0f %%)", k->wins, 100 * k->win_rate);
    put_part(s, p->wins, HT_TOP_PLAIN, text, WINS);
}

void ht_top_knobs(const ht_top_model *m, const ht_top_view *v, size_t rows, ht_top_screen *out)
{
    parts p = choose(v->width);
    ht_top_begin(out);
    ht_top_cell(out, HT_TOP_BAR, "KNOB", NAME + END + 1, false);
    ht_top_cell(out, HT_TOP_BAR, p.strip > 40 ? "RANGE (o replicas, # points of islands)" : "RANGE",
                p.strip + END + 1, false);
    put_part(out, p.now, HT_TOP_BAR, "NOW", NOW);
    put_part(out, p.by, HT_TOP_BAR, "WON BY", BY);
    put_part(out, p.wins, HT_TOP_BAR, "WINS", WINS);
    ht_top_tab(out, HT_TOP_BAR, v->width);
    for (size_t i = 0; i < m->n_knobs && rows > 0; i++)
        if (is_known(m, i)) {
            put_knob(m, v, i, &p, out);
            rows--;
        }
}
