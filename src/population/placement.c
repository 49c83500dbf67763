/* src/population/placement.c - who gets which processors and devices of a node; the contract is in
 * placement.h. */
#include "population/placement.h"

#include <limits.h>
#include <stdlib.h>

static int at_least(int least, int x)
{
    return x > least ? x : least;
}

/* ---- seats ----------------------------------------------------------------------------------- */

static const char *read_count(const char *text, int *out)
{
    char *end;
    long x = strtol(text, &end, 10);
    *out = (int)x;
    return *text >= '0' && *text <= '9' && x > 0 && x <= INT_MAX / 1024 ? end : NULL;
}

ht_status ht_seat_read_tasks(const char *text, int node, int *here, int *all, ht_error *err)
{
    long long nodes = 0, tasks = 0;
    const char *at = text;
    bool more = true;
    *here = 0;
    while (at != NULL && more) {
        int n = 0, times = 1;
        at = read_count(at, &n);
        if (at != NULL && at[0] == '(' && at[1] == 'x') {
            at = read_count(at + 2, &times);
            at = at != NULL && *at == ')' ? at + 1 : NULL;
        }
        if (node >= nodes && node < nodes + times)
            *here = n;
        nodes += times;
        tasks += (long long)n * times;
        more = at != NULL && *at == ',';
        at = more ? at + 1 : at;
    }
    if (at == NULL || *at != '\0' || tasks > INT_MAX)
        return ht_fail(err, HT_EFORMAT, "'%.60s' does not tell the tasks of nodes as 5(x2),4 does", text);
    if (node < 0 || node >= nodes)
        return ht_fail(err, HT_EFORMAT, "'%.60s' tells of %lld nodes, this is node %d", text, nodes, node);
    *all = (int)tasks;
    return HT_OK;
}

ht_status ht_seat_check(const ht_seat *s, ht_error *err)
{
    if (s->rank < 0 || s->rank >= s->size || s->local_rank < 0 || s->local_rank >= s->local_size ||
        s->local_size > s->size)
        return ht_fail(err, HT_EINVAL, "rank %d of %d cannot be rank %d of %d on its node", s->rank, s->size,
                       s->local_rank, s->local_size);
    return HT_OK;
}

bool ht_seat_coordinates(const ht_seat *s)
{
    return s->rank == 0 && s->size > 1;
}

/* Ranks of the node that train, and which of them this one is. */
static int count_trainers(const ht_seat *s)
{
    return s->local_size - (s->coordinator_is_here && s->size > 1 ? 1 : 0);
}

static int trainer(const ht_seat *s)
{
    return s->local_rank - (s->coordinator_is_here && s->size > 1 ? 1 : 0);
}

/* ---- devices --------------------------------------------------------------------------------- */

/* Part `part` of n things in `parts` parts; one thing that several parts have, if there are too few. */
static int cut(int n, int parts, int part, int *first)
{
    *first = (int)((long long)n * part / parts);
    return at_least(1, (int)((long long)n * (part + 1) / parts) - *first);
}

int ht_placement_devices(const ht_seat *s, int n, int *first)
{
    int ranks = count_trainers(s), mine = trainer(s), r = s->ranks_per_replica;
    *first = 0;
    if (n <= 0 || ht_seat_coordinates(s))
        return 0;
    if (s->size == 1)
        return n;
    if (n >= ranks)
        return cut(n, ranks, mine, first);
    /* the first rank here may be in the middle of a replica that began on the node before */
    int skipped = (at_least(1, s->rank - mine) - 1) % r, in_block = 0;
    int replicas = (skipped + ranks + r - 1) / r, replica = (skipped + mine) / r;
    int block = cut(n, replicas, replica, first), own = cut(block, r, (skipped + mine) % r, &in_block);
    *first += in_block;
    return own;
}

/* ---- processors ------------------------------------------------------------------------------ */

static int by_core(const void *a, const void *b)
{
    const ht_processor *x = a, *y = b;
    if (x->core != y->core)
        return x->core < y->core ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static int count_cores(const ht_processors *p)
{
    int cores = 0;
    for (size_t i = 0; i < p->n; i++)
        cores += i == 0 || p->processors[i].core != p->processors[i - 1].core;
    return cores;
}

/* Cores [first, first + n) with all of their processors. */
static ht_status pin(const ht_processors *p, int first, int n, ht_cores *out, ht_error *err)
{
    int core = -1;
    for (size_t i = 0; i < p->n; i++) {
        core += i == 0 || p->processors[i].core != p->processors[i - 1].core;
        if (core >= first && core < first + n)
            HT_TRY(ht_cores_add(out, p->processors[i].number, err));
    }
    return HT_OK;
}

ht_status ht_placement_cores(const ht_seat *s, ht_processors *p, ht_core_share *out, ht_error *err)
{
    int ranks = count_trainers(s), cores;
    *out = (ht_core_share){.threads = p->per_task};
    if (p->are_bound || s->size == 1 || ranks == 0 || p->n == 0)
        return HT_OK;
    qsort(p->processors, p->n, sizeof *p->processors, by_core);
    cores = count_cores(p);
    bool is_ours = p->allotted <= 0 || p->allotted >= cores;
    if (!is_ours || cores < ranks) {
        int share = at_least(1, (is_ours ? cores : p->allotted) / ranks);
        out->threads = ht_seat_coordinates(s)                   ? 1
                       : p->per_task > 0 && p->per_task < share ? p->per_task
                                                                : share;
        return HT_OK;
    }
    int block = cores / ranks, threads_of_a_core = (int)p->n / cores;
    int asked = (p->per_task + threads_of_a_core - 1) / threads_of_a_core;
    if (asked > 0 && asked < block)
        block = asked; /* as on nodes without a coordinator, whose cores are to spare here */
    int left = cores - ranks * block;
    out->threads = ht_seat_coordinates(s) ? at_least(1, left) : block;
    if (!ht_seat_coordinates(s))
        return pin(p, trainer(s) * block, block, &out->pins, err);
    return left > 0 ? pin(p, ranks * block, left, &out->pins, err) : HT_OK;
}
