/* src/cli/top_screen.c - the picture of a run: its lines, and what stands above and below the tables; the
 * contract is in top_screen.h. May touch: the heap. */
#include "cli/top_screen.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/shown.h"
#include "cli/progress.h"

/* ---- lines ----------------------------------------------------------------------------------- */

void ht_top_screen_release(ht_top_screen *s)
{
    for (size_t i = 0; i < s->n; i++)
        ht_string_release(&s->lines[i].text);
    free(s->lines);
    *s = (ht_top_screen){0};
}

void ht_top_begin(ht_top_screen *s)
{
    ht_top_line *more = s->failed ? NULL : realloc(s->lines, (s->n + 1) * sizeof *more);
    s->failed = more == NULL;
    if (more == NULL)
        return;
    s->lines = more;
    s->lines[s->n++] = (ht_top_line){.n_spans = 0};
}

/* The line that is being written, ready for text of this style; NULL: no memory. */
static ht_top_line *open_span(ht_top_screen *s, ht_top_style style)
{
    ht_top_line *l = s->n > 0 && !s->failed ? &s->lines[s->n - 1] : NULL;
    if (l == NULL || l->n_spans == HT_TOP_SPANS_MAX ||
        (l->n_spans > 0 && l->spans[l->n_spans - 1].style == style))
        return l;
    l->spans[l->n_spans].style = style;
    l->spans[l->n_spans++].from = l->text.n;
    return l;
}

/* A terminal of ASCII gets a ? for each column of another character. */
static void add_as_ascii(ht_string *to, const char *shown)
{
    for (size_t n; *shown != '\0'; shown += n) {
        char one[8] = "";
        n = ht_utf8_length(shown);
        memcpy(one, shown, n);
        ht_string_add(to, "%.*s", n == 1 ? 1 : (int)ht_shown_width(one), n == 1 ? one : "??");
    }
}

/* A text that was made harmless and takes so many columns. */
static void put_shown(ht_top_screen *s, ht_top_style style, const ht_string *shown, size_t columns)
{
    ht_top_line *l = open_span(s, style);
    if (l == NULL)
        return;
    if (s->utf8)
        ht_string_add_bytes(&l->text, ht_string_peek(shown), shown->n);
    else
        add_as_ascii(&l->text, ht_string_peek(shown));
    l->columns += columns;
    s->failed = l->text.failed || shown->failed;
}

static size_t columns_left(const ht_top_screen *s)
{
    return s->n > 0 && !s->failed ? s->width - s->lines[s->n - 1].columns : 0;
}

void ht_top_put(ht_top_screen *s, ht_top_style style, const char *text)
{
    ht_string shown = {0};
    ht_shown_add_cut(&shown, text, columns_left(s));
    put_shown(s, style, &shown, ht_shown_width(ht_string_peek(&shown)));
    ht_string_release(&shown);
}

void ht_top_putf(ht_top_screen *s, ht_top_style style, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ht_top_put(s, style, text);
}

void ht_top_fill(ht_top_screen *s, const ht_top_view *v, ht_top_style style, const char *utf8, char ascii,
                 size_t n)
{
    char one[2] = {ascii, '\0'};
    while (n-- > 0)
        ht_top_put(s, style, v->utf8 ? utf8 : one);
}

void ht_top_tab(ht_top_screen *s, ht_top_style style, size_t column)
{
    while (s->n > 0 && !s->failed && s->lines[s->n - 1].columns < (column < s->width ? column : s->width))
        ht_top_put(s, style, " ");
}

void ht_top_cell(ht_top_screen *s, ht_top_style style, const char *text, size_t width, bool right)
{
    ht_string shown = {0};
    size_t left = columns_left(s), from = s->width - left;
    ht_shown_add_cut(&shown, text, width < left ? width : left);
    size_t columns = ht_shown_width(ht_string_peek(&shown));
    if (right && columns < left)
        ht_top_tab(s, style, from + width - columns);
    if (columns <= columns_left(s))
        put_shown(s, style, &shown, columns);
    ht_top_tab(s, style, from + width);
    ht_string_release(&shown);
}

void ht_top_number(char text[32], double x, int digits)
{
    if (isfinite(x))
        snprintf(text, 32, "%.*g", digits, x);
    else
        snprintf(text, 32, "%s", isnan(x) ? "-" : x > 0 ? "inf" : "-inf");
}

/* ---- the head -------------------------------------------------------------------------------- */

static void put_word(ht_top_screen *s, ht_top_style style, const char *before, const char *word)
{
    if (word[0] == '\0')
        return;
    ht_top_put(s, HT_TOP_PLAIN, before);
    ht_top_put(s, style, word);
}

static void put_title(const ht_top_model *m, const ht_top_view *v, ht_top_screen *s)
{
    static const char *const texts[] = {[HT_RUN_NONE] = "no run began here yet",
                                        [HT_RUN_LIVES] = "lives",
                                        [HT_RUN_ENDED] = "ended",
                                        [HT_RUN_KILLED] = "ended without a close (killed?)"};
    static const ht_top_style styles[] = {[HT_RUN_NONE] = HT_TOP_WARN,
                                          [HT_RUN_LIVES] = HT_TOP_GOOD,
                                          [HT_RUN_ENDED] = HT_TOP_TITLE,
                                          [HT_RUN_KILLED] = HT_TOP_BAD};
    ht_run_life life = m->sign.life;
    bool stopped = life == HT_RUN_KILLED || (life == HT_RUN_ENDED && !m->final);
    char text[40] = "";
    ht_top_begin(s);
    ht_top_put(s, styles[life], texts[life]);
    if (m->sign.seen > 0) {
        ht_print_duration(text, sizeof text, fmax(v->now - m->sign.seen, 0));
        ht_top_putf(s, HT_TOP_PLAIN, life == HT_RUN_LIVES ? ", seen %s ago" : " %s ago", text);
    }
    if (stopped)
        ht_top_put(s, HT_TOP_WARN,
                   m->resumable ? ", unfinished: hottune resume goes on with it" : ", unfinished");
    snprintf(text, sizeof text, "r%lu", m->run);
    put_word(s, HT_TOP_PLAIN, "   ", m->run > 0 ? text : "");
    put_word(s, HT_TOP_PLAIN, " ", m->workload);
    put_word(s, HT_TOP_PLAIN, "   ", m->policy);
    put_word(s, HT_TOP_PLAIN, ", ", m->stage);
    put_word(s, ht_top_is_paused(m) ? HT_TOP_WARN : HT_TOP_PLAIN, "   mode ",
             ht_top_is_paused(m) ? "off (paused)" : m->mode);
    put_word(s, HT_TOP_WARN, "   frozen: ", m->freeze);
    put_word(s, HT_TOP_TITLE, "   ", v->dir);
    if (m->sign.host[0] != '\0')
        ht_top_putf(s, HT_TOP_DIM, " on %s", m->sign.host);
}

static void put_progress(const ht_top_model *m, const ht_top_view *v, ht_top_screen *s)
{
    double share = ht_top_progress(m), left = ht_top_left(m, v->now), elapsed = ht_top_elapsed(m, v->now);
    char text[40];
    ht_top_begin(s);
    if (isfinite(share)) {
        size_t columns = v->width >= 120 ? 40 : 16, full = (size_t)(share * (double)columns + .5);
        ht_top_put(s, HT_TOP_PLAIN, "[");
        ht_top_fill(s, v, HT_TOP_GOOD, "█", '#', full);
        ht_top_fill(s, v, HT_TOP_DIM, "░", '-', columns - full);
        ht_top_putf(s, HT_TOP_PLAIN, "] %.0f %%", floor(100 * share));
    }
    if (isfinite(share) && isfinite(m->epochs))
        ht_top_putf(s, HT_TOP_PLAIN, "  epoch %.0f of %.0f", floor(share * m->epochs + 1e-6), m->epochs);
    if (isfinite(elapsed)) {
        ht_print_duration(text, sizeof text, elapsed);
        ht_top_putf(s, HT_TOP_PLAIN, m->sign.life == HT_RUN_LIVES ? "  for %s" : "  took %s", text);
    }
    if (isfinite(left)) {
        ht_print_duration(text, sizeof text, left);
        ht_top_putf(s, HT_TOP_PLAIN, ", about %s left", text);
    }
    if (m->ends > 0 && m->sign.life == HT_RUN_LIVES && m->ends > v->now) {
        ht_print_duration(text, sizeof text, m->ends - v->now);
        ht_top_putf(s, m->ends - v->now < 600 ? HT_TOP_WARN : HT_TOP_PLAIN, "  job ends in %s", text);
    }
}

static void put_best(const ht_top_model *m, ht_top_screen *s)
{
    int replica;
    char text[32];
    double best = ht_top_best(m, &replica), pace = ht_top_pace(m);
    ht_top_begin(s);
    ht_top_put(s, HT_TOP_PLAIN, "best");
    put_word(s, HT_TOP_PLAIN, " ", m->metric);
    ht_top_number(text, best, 6);
    ht_top_putf(s, HT_TOP_GOOD, " %s", text);
    if (replica >= 0)
        ht_top_putf(s, HT_TOP_PLAIN, " by replica %d", replica);
    if (isfinite(m->test)) {
        ht_top_number(text, m->test, 6);
        ht_top_putf(s, HT_TOP_PLAIN, ", on test data %s", text);
    }
    if (isfinite(pace)) {
        ht_top_number(text, pace, 3);
        ht_top_putf(s, HT_TOP_PLAIN, "   %s epochs/s", text);
    }
    if (isfinite(m->utilisation))
        ht_top_putf(s, HT_TOP_PLAIN, "   replicas busy %.0f %%", 100 * m->utilisation);
}

static void put_counts(const ht_top_model *m, const ht_top_view *v, ht_top_screen *s)
{
    static const struct {
        const char *state;
        ht_top_style style;
    } states[] = {
        {"training", HT_TOP_GOOD}, {"expected", HT_TOP_PLAIN}, {"done", HT_TOP_PLAIN}, {"lost", HT_TOP_BAD}};
    const char *before = ": ";
    ht_top_begin(s);
    if (m->n_replicas > 0)
        ht_top_putf(s, HT_TOP_PLAIN, "%zu replica%s", m->n_replicas, m->n_replicas == 1 ? "" : "s");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        size_t n = ht_top_count(m, states[i].state);
        if (n == 0)
            continue;
        ht_top_put(s, HT_TOP_PLAIN, before);
        ht_top_putf(s, states[i].style, "%zu %s", n, states[i].state);
        before = ", ";
    }
    if (m->pooled && m->islands > 0)
        ht_top_putf(s, HT_TOP_PLAIN, "   %.0f island%s", m->islands, m->islands == 1 ? "" : "s");
    if (isfinite(m->accepted))
        ht_top_putf(s, HT_TOP_PLAIN, "   accepted %.0f, rejected %.0f", m->accepted, m->rejected);
    if (m->failed > 0)
        ht_top_putf(s, HT_TOP_BAD, ", failed %.0f", m->failed);
    if (v->share < 1)
        ht_top_putf(s, HT_TOP_WARN, "   (reads the logs: %.0f %%)", floor(100 * v->share));
}

/* ---- the curve ------------------------------------------------------------------------------- */

/* Where x stands between the ends, 0 .. 1; by factors, where that can be. */
static double level_of(double x, double lo, double hi)
{
    if (lo > 0 && hi > 2 * lo) {
        x = log(x);
        lo = log(lo);
        hi = log(hi);
    }
    return hi > lo ? (x - lo) / (hi - lo) : 0;
}

/* One cell of a column that is filled up to `level` of `rows` rows, from below. */
static void put_level(ht_top_screen *s, const ht_top_view *v, double level, size_t row, size_t rows)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char ascii[] = " _..--==#";
    double eighths = 1 + floor(level * (8 * (double)rows - 1)) - 8 * (double)row;
    size_t i = isnan(level) || eighths <= 0 ? 0 : eighths >= 8 ? 8 : (size_t)eighths;
    ht_top_fill(s, v, HT_TOP_GOOD, blocks[i], ascii[i], 1);
}

static void put_curve(const ht_top_model *m, const ht_top_view *v, size_t rows, ht_top_screen *s)
{
    enum { LABEL = 12 };
    double first = ht_top_curve_at(m, 0), last = ht_top_curve_at(m, 1);
    double lo = fmin(first, last), hi = fmax(first, last);
    size_t columns = v->width > 2 * LABEL ? v->width - LABEL - (rows == 1 ? LABEL : 0) : 0;
    char text[32];
    for (size_t row = rows; row-- > 0;) {
        double end = row + 1 == rows ? hi : lo;
        ht_top_begin(s);
        ht_top_number(text, rows == 1 ? first : end, 5);
        ht_top_cell(s, HT_TOP_DIM, row + 1 == rows || row == 0 ? text : "", LABEL - 1, true);
        ht_top_put(s, HT_TOP_PLAIN, " ");
        for (size_t i = 0; i < columns; i++)
            put_level(s, v, level_of(ht_top_curve_at(m, (double)i / (double)(columns - 1)), lo, hi), row,
                      rows);
        ht_top_number(text, last, 5);
        if (rows == 1)
            ht_top_putf(s, HT_TOP_GOOD, " %s", text);
    }
}

/* ---- events and keys ------------------------------------------------------------------------- */

static void put_event(const ht_top_event *e, ht_top_screen *s)
{
    time_t when = isfinite(e->when) && fabs(e->when) < 1e12 ? (time_t)e->when : 0;
    struct tm t;
    ht_top_begin(s);
    if (when != 0 && localtime_r(&when, &t) != NULL)
        ht_top_putf(s, HT_TOP_DIM, "%02d:%02d:%02d ", t.tm_hour, t.tm_min, t.tm_sec);
    else
        ht_top_put(s, HT_TOP_WARN, "now      ");
    ht_top_put(s, e->warning ? HT_TOP_WARN : HT_TOP_PLAIN, e->text);
}

/* Warnings that hold, then the newest lines; newest first. */
static void put_events(const ht_top_model *m, const ht_top_view *v, size_t rows, ht_top_screen *s)
{
    ht_top_begin(s);
    ht_top_put(s, HT_TOP_BAR, "NEWEST FIRST");
    ht_top_tab(s, HT_TOP_BAR, v->width);
    size_t left = rows;
    if (v->trouble[0] != '\0' && left > 0) {
        ht_top_event e = {.when = NAN, .warning = true};
        snprintf(e.text, sizeof e.text, "%s", v->trouble);
        put_event(&e, s);
        left--;
    }
    for (size_t i = 0; i < m->n_warnings && left > 0; i++, left--)
        put_event(&m->warnings[i], s);
    for (size_t i = 0; i < m->n_events && left > 0; i++, left--)
        put_event(ht_top_event_at(m, i), s);
}

static void put_bar(const ht_top_view *v, ht_top_screen *s)
{
    ht_top_begin(s);
    ht_top_put(s, HT_TOP_BAR,
               v->message != NULL ? v->message : "q quit  p pause  m mode  f freeze  s sort  ? help");
    ht_top_tab(s, HT_TOP_BAR, v->width);
}

static void put_help(ht_top_screen *s)
{
    static const char *const lines[] = {
        "",
        "  q        quit; the run goes on",
        "  p        pause tuning, or go on with it: as hottune disable and enable",
        "  m        another mode: as hottune enable --mode",
        "  f        freeze the run, or lift that: as hottune freeze",
        "  s        sort replicas by number or by their newest value (^ marks it)",
        "  up, down, PgUp, PgDn, Home, End    scroll the table of replicas",
        "  ?        this page; any key ends it",
        "",
        "  What is asked acts at the next safe point; the answer of the run appears",
        "  among the newest lines.",
        "",
        "  *        the replica that holds the best value so far",
        "  o #      where values of replicas (o) and points of islands (#) are in the",
        "           range of a knob",
        "  WON BY   the mean of the moves that won, and how far they spread",
        "",
        "  docs/top.md tells more.",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        ht_top_begin(s);
        ht_top_put(s, HT_TOP_PLAIN, lines[i]);
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

typedef struct {
    size_t curve, knobs, replicas, events; /* rows without heads; knobs 0: no head, too */
    bool airy;
} layout;

/* What fits between the head (4 lines) and the keys. First everybody gets little, then the table, then the
 * rest. */
static layout share_out(const ht_top_model *m, const ht_top_view *v)
{
    size_t known = ht_top_knobs_known(m), events = m->n_events + m->n_warnings + (v->trouble[0] != '\0');
    size_t curve = m->n_curve > 0,
           replicas = m->n_replicas > 0 ? m->n_replicas : 1; /* 1: says that there is none */
    layout l = {4 * curve, known, replicas, events < 8 ? events : 8, true};
    if (v->height == 0)
        return l;
    size_t body = v->height > 5 ? v->height - 5 : 0, least = 3;
    l = (layout){0};
    if (body < 6) {
        l.replicas = body > 0 ? body - 1 : 0;
        return l;
    }
    l.curve = curve;
    l.events = body > 12 ? least : 1;
    size_t left = body - l.curve - l.events - 2, most = left / 3 + 1;
    l.knobs = most < 2 ? 0 : known < most ? known : most - 1;
    left -= l.knobs + (l.knobs > 0);
    l.replicas = replicas < left ? replicas : left;
    left -= l.replicas;
    if (left >= 3) {
        l.airy = true;
        left -= 3;
    }
    size_t taller = curve == 0 || left < 4 ? 0 : left / 2 < 9 ? left / 2 : 9;
    l.curve += taller;
    l.events += left - taller;
    return l;
}

static void put_air(ht_top_screen *s, bool airy)
{
    if (airy)
        ht_top_begin(s);
}

void ht_top_screen_make(const ht_top_model *m, ht_top_view *v, ht_top_screen *out)
{
    *out = (ht_top_screen){.width = v->width, .utf8 = v->utf8};
    layout l = share_out(m, v);
    put_title(m, v, out);
    put_progress(m, v, out);
    put_best(m, out);
    put_counts(m, v, out);
    if (v->help) {
        put_help(out);
    } else {
        put_curve(m, v, l.curve, out);
        put_air(out, l.airy);
        if (l.knobs > 0)
            ht_top_knobs(m, v, l.knobs, out);
        put_air(out, l.airy && l.knobs > 0);
        ht_top_table(m, v, l.replicas, out);
        put_air(out, l.airy);
        if (l.events > 0)
            put_events(m, v, l.events, out);
    }
    if (v->height == 0)
        return;
    while (!out->failed && out->n + 1 < v->height)
        ht_top_begin(out);
    while (out->n > 0 && out->n + 1 > v->height)
        ht_string_release(&out->lines[--out->n].text);
    put_bar(v, out);
}
