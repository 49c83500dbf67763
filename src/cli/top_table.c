/* src/cli/top_table.c - the table of replicas: which columns fit, in which order the rows come; see
 * top_screen.h. May touch: the heap. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/shown.h"
#include "cli/top_screen.h"

enum { COLUMNS_MAX = 9 + HT_TOP_KNOBS_MAX };

typedef enum { REPLICA, NODE, ISLAND, DOES, EPOCH, VALUE, BEST, VERDICT, SCORE, KNOB } kind;

typedef struct {
    kind kind;
    size_t knob, width;
    int rank; /* columns of a smaller one stay longer */
    bool right, shown;
    const char *title;
} column;

typedef struct {
    const ht_top_model *m;
    size_t n;
    column at[COLUMNS_MAX];
} table;

static size_t fit(size_t n, size_t least, size_t most)
{
    return n < least ? least : n > most ? most : n;
}

static void add(table *t, kind k, size_t knob, const char *title, size_t width, int rank, bool right)
{
    t->at[t->n++] = (column){k, knob, width, rank, right, false, title};
}

/* Nodes and doings are as wide as they need be, within limits. */
static size_t widest(const ht_top_model *m, bool node)
{
    size_t most = 0;
    for (size_t i = 0; i < m->n_replicas; i++) {
        size_t n = ht_shown_width(node ? m->replicas[i].node : m->replicas[i].doing);
        most = n > most ? n : most;
    }
    return most;
}

static bool is_known(const ht_top_model *m, size_t knob)
{
    for (size_t i = 0; i < m->n_replicas; i++)
        if (isfinite(m->replicas[i].knobs[knob]))
            return true;
    return false;
}

static const char *short_name(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot != NULL ? dot + 1 : name;
}

/* All columns, in the order in which they stand; those that fit are shown, the most wanted first. */
static table choose(const ht_top_model *m, size_t width)
{
    table t = {.m = m};
    add(&t, REPLICA, 0, "REPL", 6, 0, true);
    if (widest(m, true) > 0)
        add(&t, NODE, 0, "NODE", fit(widest(m, true), 4, 16), 9, false);
    if (m->pooled)
        add(&t, ISLAND, 0, "ISL", 3, 3, true);
    add(&t, DOES, 0, "DOES", fit(widest(m, false), 8, 10), 2, false);
    add(&t, EPOCH, 0, "EPOCH", 5, 1, true);
    add(&t, VALUE, 0, m->metric[0] != '\0' ? m->metric : "VALUE", fit(ht_shown_width(m->metric) + 1, 9, 12),
        1, true);
    for (size_t i = 0; i < m->n_knobs; i++)
        if (is_known(m, i))
            add(&t, KNOB, i, short_name(m->knobs[i].name),
                fit(ht_shown_width(short_name(m->knobs[i].name)), 8, 12), i < 4 ? 5 : 10, true);
    add(&t, BEST, 0, "BEST", 8, 6, true);
    add(&t, VERDICT, 0, "VERDICT", 11, 7, false);
    add(&t, SCORE, 0, "SCORE", 10, 8, true);
    size_t used = 0;
    for (int rank = 0; rank <= 10; rank++)
        for (size_t i = 0; i < t.n; i++)
            if (t.at[i].rank == rank && used + t.at[i].width + (used > 0) <= width) {
                used += t.at[i].width + (used > 0);
                t.at[i].shown = true;
            }
    return t;
}

static void print(const table *t, const column *c, size_t replica, int best, char text[64])
{
    const ht_top_replica *r = &t->m->replicas[replica];
    char number[32] = "";
    const char *word = "";
    switch (c->kind) {
    case REPLICA:
        snprintf(text, 64, "%s%zu", (int)replica == best ? "* " : "", replica);
        return;
    case NODE:
        word = r->node;
        break;
    case ISLAND:
        if (r->island >= 0)
            snprintf(number, sizeof number, "%d", r->island);
        break;
    case DOES:
        word = strcmp(r->state, "training") != 0 || r->doing[0] == '\0' ? r->state : r->doing;
        break;
    case EPOCH:
        ht_top_number(number, r->epoch, 6);
        break;
    case VALUE:
        ht_top_number(number, r->value, 5);
        break;
    case BEST:
        ht_top_number(number, r->best, 5);
        break;
    case VERDICT:
        word = r->verdict;
        break;
    case SCORE:
        if (isfinite(r->score))
            snprintf(number, sizeof number, "%+.3g", r->score);
        break;
    case KNOB:
        ht_top_number(number, isfinite(r->knobs[c->knob]) ? r->knobs[c->knob] : t->m->knobs[c->knob].current,
                      3);
        break;
    }
    snprintf(text, 64, "%s", number[0] != '\0' ? number : word);
}

static ht_top_style style_of(const ht_top_replica *r, const column *c, bool best)
{
    if (strcmp(r->state, "lost") == 0)
        return HT_TOP_BAD;
    if (best && (c->kind == REPLICA || c->kind == VALUE || c->kind == BEST))
        return HT_TOP_GOOD;
    if (c->kind == VERDICT)
        return strcmp(r->verdict, "accepted") == 0 ? HT_TOP_GOOD : HT_TOP_DIM;
    return strcmp(r->state, "done") == 0 || strcmp(r->state, "expected") == 0 ? HT_TOP_DIM : HT_TOP_PLAIN;
}

static void put_head(const table *t, const ht_top_view *v, ht_top_screen *s)
{
    bool first = true;
    ht_top_begin(s);
    for (size_t i = 0; i < t->n; i++) {
        char title[2 * HT_NAME_MAX + 2];
        bool sorted = t->at[i].kind == (v->by_value ? VALUE : REPLICA);
        if (!t->at[i].shown)
            continue;
        ht_top_put(s, HT_TOP_BAR, first ? "" : " ");
        snprintf(title, sizeof title, "%s%s", sorted ? "^" : "", t->at[i].title);
        ht_top_cell(s, HT_TOP_BAR, title, t->at[i].width, t->at[i].right);
        first = false;
    }
    ht_top_tab(s, HT_TOP_BAR, v->width);
}

static void put_row(const table *t, size_t replica, int best, ht_top_screen *s)
{
    const ht_top_replica *r = &t->m->replicas[replica];
    bool first = true;
    ht_top_begin(s);
    for (size_t i = 0; i < t->n; i++) {
        char text[64];
        if (!t->at[i].shown)
            continue;
        print(t, &t->at[i], replica, best, text);
        ht_top_put(s, HT_TOP_PLAIN, first ? "" : " ");
        ht_top_cell(s, style_of(r, &t->at[i], (int)replica == best), text, t->at[i].width, t->at[i].right);
        first = false;
    }
}

/* ---- the order of rows ----------------------------------------------------------------------- */

typedef struct {
    size_t replica;
    double key; /* smaller stands above; NaN last */
} row;

static int by_key(const void *a, const void *b)
{
    const row *x = a, *y = b;
    if (isnan(x->key) != isnan(y->key))
        return isnan(x->key) ? 1 : -1;
    if (x->key != y->key && !isnan(x->key))
        return x->key < y->key ? -1 : 1;
    return (x->replica > y->replica) - (x->replica < y->replica);
}

void ht_top_table(const ht_top_model *m, ht_top_view *v, size_t rows, ht_top_screen *out)
{
    table t = choose(m, v->width);
    size_t n = m->n_replicas;
    int best;
    row *order = malloc((n + 1) * sizeof *order);
    out->failed = out->failed || order == NULL;
    if (order == NULL)
        return;
    ht_top_best(m, &best);
    for (size_t i = 0; i < n; i++)
        order[i] = (row){i, v->by_value ? (m->maximize ? -1 : 1) * m->replicas[i].value : (double)i};
    qsort(order, n, sizeof *order, by_key);
    v->page = rows < n ? rows : n;
    v->scroll = v->scroll > n - v->page ? n - v->page : v->scroll;
    put_head(&t, v, out);
    for (size_t i = 0; i < v->page; i++)
        put_row(&t, order[v->scroll + i].replica, best, out);
    if (n == 0 && rows > 0) {
        ht_top_begin(out);
        ht_top_put(out, HT_TOP_DIM, "no replica was heard of yet");
    }
    free(order);
}
