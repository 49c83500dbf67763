/* src/population/lineage.c - the tree of states; the contract is in lineage.h.
 *
 * Node i's point is h[i * n_knobs ..]. A parent always has a smaller number than its children, so paths end.
 * May touch: the heap. */
#include "population/lineage.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct ht_lineage {
    size_t n_knobs, n, capacity;
    ht_lineage_node *nodes;     /* [capacity], owned */
    double *h;                  /* [capacity * n_knobs], owned */
};

ht_status ht_lineage_create(size_t n_knobs, ht_lineage **out, ht_error *err)
{
    ht_lineage *l = calloc(1, sizeof *l);
    if (l == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a lineage");
    l->n_knobs = n_knobs;
    *out = l;
    return HT_OK;
}

void ht_lineage_destroy(ht_lineage *l)
{
    if (l == NULL)
        return;
    free(l->nodes);
    free(l->h);
    free(l);
}

static bool grow(ht_lineage *l)
{
    size_t capacity = l->capacity > 0 ? 2 * l->capacity : 64;
    ht_lineage_node *nodes = realloc(l->nodes, capacity * sizeof *nodes);
    if (nodes == NULL)
        return false;
    l->nodes = nodes;
    double *h = realloc(l->h, (capacity * l->n_knobs + 1) * sizeof *h);
    if (h == NULL)
        return false;
    l->h = h;
    l->capacity = capacity;
    return true;
}

int ht_lineage_add(ht_lineage *l, const ht_lineage_node *node, const double *h)
{
    assert(node->parent < (int)l->n);
    if (l->n == l->capacity && !grow(l))
        return -1;
    double *to = l->h + l->n * l->n_knobs;
    if (h == NULL && node->parent >= 0)
        h = l->h + (size_t)node->parent * l->n_knobs;
    if (h != NULL)
        memcpy(to, h, l->n_knobs * sizeof *to);
    else
        memset(to, 0, l->n_knobs * sizeof *to);
    l->nodes[l->n] = *node;
    return (int)l->n++;
}

void ht_lineage_end(ht_lineage *l, int node, int epochs, double loss)
{
    if (node < 0)
        return;
    l->nodes[node].epochs = epochs;
    l->nodes[node].loss = loss;
}

size_t ht_lineage_count(const ht_lineage *l)
{
    return l->n;
}

ht_lineage_node ht_lineage_get(const ht_lineage *l, int node)
{
    return l->nodes[node];
}

const double *ht_lineage_point(const ht_lineage *l, int node)
{
    return l->h + (size_t)node * l->n_knobs;
}

size_t ht_lineage_depth(const ht_lineage *l, int node)
{
    size_t n = 0;
    for (; node >= 0; node = l->nodes[node].parent)
        n++;
    return n;
}

void ht_lineage_path(const ht_lineage *l, int node, int *path)
{
    for (size_t n = ht_lineage_depth(l, node); n > 0; node = l->nodes[node].parent)
        path[--n] = node;
}
