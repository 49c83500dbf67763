/* src/cli/progress_text.c - the progress of a run in one line; the contract is in progress_text.h. May touch: the heap. */
#include "cli/progress_text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/shown.h"

enum { PARTS_MAX = 12, PART_MAX = 80, BAR = 16, GAP = 2 };

typedef struct {
    char text[PART_MAX];
    int rank;       /* the greatest goes first */
    bool strong;
} part;

typedef struct {
    size_t n;
    part at[PARTS_MAX];
} parts;

static void add(parts *l, int rank, bool strong, const char *format, ...) HT_PRINTF(4, 5);
static void add(parts *l, int rank, bool strong, const char *format, ...)
{
    part *p = &l->at[l->n++];
    va_list args;
    va_start(args, format);
    vsnprintf(p->text, sizeof p->text, format, args);
    va_end(args);
    p->rank = rank;
    p->strong = strong;
}

void ht_print_duration(char *text, size_t size, double s)
{
    if (s < 60)
        snprintf(text, size, "%.0f s", floor(s));
    else if (s < 3600)
        snprintf(text, size, "%.0f min %02.0f s", floor(s / 60), fmod(floor(s), 60));
    else if (s < 86400)
        snprintf(text, size, "%.0f h %02.0f min", floor(s / 3600), fmod(floor(s / 60), 60));
    else
        snprintf(text, size, "%.0f d %02.0f h", floor(s / 86400), fmod(floor(s / 3600), 24));
}

/* An estimate has few digits. */
static void print_estimate(char *text, size_t size, double s)
{
    static const double steps[] = {1, 5, 10, 30, 60, 300, 600, 1800, 3600};
    size_t i = 0;
    while (i + 1 < sizeof steps / sizeof *steps && s > 20 * steps[i])
        i++;
    ht_print_duration(text, size, fmax(1, steps[i] * round(s / steps[i])));
}

static void add_bar(parts *l, double done)
{
    char bar[BAR + 1];
    int filled = (int)(done * BAR);
    memset(bar, '-', BAR);
    memset(bar, '#', (size_t)filled);
    bar[BAR] = '\0';
    add(l, 9, false, "[%s]", bar);
}

static void add_share(parts *l, const ht_progress *p, bool with_bar)
{
    double done = fmin(fmax(p->done, 0), 1);
    if (isnan(p->done)) {
        add(l, 0, true, p->epoch > 0 ? "epoch %lld" : "step %lld", p->epoch > 0 ? p->epoch : p->step);
        return;
    }
    if (with_bar)
        add_bar(l, done);
    add(l, 0, true, with_bar ? "%3.0f %%" : "%.0f %%", floor(100 * done));
}

static void add_time(parts *l, const ht_progress *p, const ht_progress_pace *pace)
{
    char text[40];
    ht_print_duration(text, sizeof text, p->elapsed_s);
    add(l, 6, false, "%s gone", text);
    if (isnan(pace->left_s) || p->done >= 1)
        return;
    print_estimate(text, sizeof text, pace->left_s);
    add(l, 1, false, "about %s left", text);
}

static void add_population(parts *l, const ht_progress *p)
{
    bool segments = p->stage != NULL && strcmp(p->stage, "segments") == 0;
    if (segments)
        add(l, 5, false, "%d %s", p->islands, p->islands == 1 ? "island" : "islands");
    else if (p->stage != NULL)
        add(l, 5, false, "%.60s", p->stage);
    if (p->lost > 0)
        add(l, 3, false, "%d of %d replicas lost", p->lost, p->replicas);
}

/* Columns of all parts, with gaps. */
static size_t width_of(const parts *l)
{
    size_t width = 0;
    for (size_t i = 0; i < l->n; i++)
        width += ht_shown_width(l->at[i].text) + (i > 0 ? GAP : 0);
    return width;
}

static void drop_least(parts *l)
{
    size_t least = 0;
    for (size_t i = 1; i < l->n; i++)
        if (l->at[i].rank > l->at[least].rank)
            least = i;
    memmove(&l->at[least], &l->at[least + 1], (l->n - least - 1) * sizeof *l->at);
    l->n--;
}

void ht_progress_text(ht_string *to, const ht_progress *p, const ht_progress_pace *pace, size_t columns, bool bold)
{
    parts l = {0};
    add_share(&l, p, columns != HT_PROGRESS_ANY_WIDTH);
    add_time(&l, p, pace);
    if (isfinite(p->best) && p->best_replica >= 0 && p->replicas > 1)
        add(&l, 2, true, "best %.5g (replica %d)", p->best, p->best_replica);
    else if (isfinite(p->best))
        add(&l, 2, true, "best %.5g", p->best);
    add_population(&l, p);
    if (pace->epochs_s > 0)
        add(&l, 4, false, pace->epochs_s < 1000 ? "%.3g epochs/s" : "%.0f epochs/s", pace->epochs_s);
    if (p->accepted + p->rejected > 0)
        add(&l, 7, false, "%lu accepted, %lu rejected", p->accepted, p->rejected);
    if (!isnan(p->utilisation))
        add(&l, 8, false, "%.0f %% busy", 100 * p->utilisation);
    while (l.n > 1 && width_of(&l) > columns)
        drop_least(&l);
    for (size_t i = 0; i < l.n; i++) {
        bool strong = bold && l.at[i].strong;
        ht_string_add(to, "%*s%s", i > 0 ? GAP : 0, "", strong ? "\033[1m" : "");
        ht_shown_add_cut(to, l.at[i].text, columns);
        ht_string_add(to, "%s", strong ? "\033[0m" : "");
    }
}
