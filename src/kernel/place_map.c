/* src/kernel/place_map.c - where the ranks of a run are, in words; the contract is in place_map.h. */
#include "kernel/place_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cores.h"
#include "base/shown.h"

enum { NODES_SHOWN = 12 };

/* ---- a node ---------------------------------------------------------------------------------- */

/* Sets of numbers are ht_cores, of replicas and of ranks that train, too. */
typedef struct {
    const char *name;
    ht_cores replicas, trainers;
    ht_cores cores; /* of all ranks */
    size_t same;    /* processors of each rank that trains, if each has as many; 0 = not */
    bool coordinates;
    bool known; /* the processors of all that train */
    bool own;   /* no two that train have the same processor */
} node;

static void look_at_cores(node *n, const ht_rank_place *at, bool first, ht_cores *taken)
{
    ht_cores mine = {0};
    bool fine = at->cores[0] != '\0' && ht_cores_parse(&mine, at->cores, NULL) == HT_OK;
    size_t count = ht_cores_count(&mine);
    n->known = n->known && fine;
    n->same = first || n->same == count ? count : 0;
    for (size_t i = ht_cores_next(&mine, 0); fine && i < HT_CORES_MAX; i = ht_cores_next(&mine, i + 1)) {
        n->own = n->own && !ht_cores_has(taken, i);
        ht_cores_add(taken, i, NULL);
    }
    ht_cores_release(&mine);
}

/* Without memory it knows less. */
static node node_of(const ht_places *p, const char *name)
{
    node n = {.name = name, .known = true, .own = true};
    for (size_t i = 0; i < p->n; i++) {
        const ht_rank_place *at = &p->at[i];
        if (strcmp(at->node, name) != 0)
            continue;
        n.coordinates = n.coordinates || at->replica < 0;
        if (at->replica < 0) {
            ht_cores_parse(&n.cores, at->cores, NULL);
            continue;
        }
        ht_cores_add(&n.replicas, (size_t)at->replica, NULL);
        ht_cores_add(&n.trainers, i, NULL);
    }
    ht_cores taken = {0};
    for (size_t i = ht_cores_next(&n.trainers, 0), first = i; i < p->n; i = ht_cores_next(&n.trainers, i + 1))
        look_at_cores(&n, &p->at[i], i == first, &taken);
    for (size_t i = ht_cores_next(&taken, 0); i < HT_CORES_MAX; i = ht_cores_next(&taken, i + 1))
        ht_cores_add(&n.cores, i, NULL);
    ht_cores_release(&taken);
    return n;
}

static void release(node *n)
{
    ht_cores_release(&n->replicas);
    ht_cores_release(&n->trainers);
    ht_cores_release(&n->cores);
}

/* The node of a rank was not met before. */
static bool is_first(const ht_places *p, size_t rank)
{
    for (size_t i = 0; i < rank; i++)
        if (strcmp(p->at[i].node, p->at[rank].node) == 0)
            return false;
    return true;
}

/* ---- devices --------------------------------------------------------------------------------- */

/* The next name of a list. @param[in,out] at  NULL at the end @return its length */
static size_t next_name(const char **at, const char **name)
{
    size_t n = strcspn(*at, ",");
    *name = *at;
    *at = (*at)[n] == ',' ? *at + n + 1 : NULL;
    return n;
}

static size_t count_names(const char *list)
{
    size_t n = list[0] != '\0';
    for (; *list != '\0'; list++)
        n += *list == ',';
    return n;
}

static bool holds_name(const char *list, const char *name, size_t n)
{
    const char *at = list[0] != '\0' ? list : NULL, *one;
    while (at != NULL) {
        size_t length = next_name(&at, &one);
        if (length == n && strncmp(one, name, n) == 0)
            return true;
    }
    return false;
}

/* The devices of all ranks of a replica on a node. Owned by the caller; NULL: no memory. */
static char *devices_of(const ht_places *p, const node *n, int replica)
{
    ht_string list = {0};
    for (size_t i = ht_cores_next(&n->trainers, 0); i < p->n; i = ht_cores_next(&n->trainers, i + 1)) {
        const char *at = p->at[i].replica == replica && p->at[i].devices[0] != '\0' ? p->at[i].devices : NULL,
                   *name;
        while (at != NULL) {
            size_t length = next_name(&at, &name);
            if (!holds_name(ht_string_peek(&list), name, length))
                ht_string_add(&list, "%s%.*s", list.n > 0 ? "," : "", (int)length, name);
        }
    }
    return list.n > 0 || list.failed ? ht_string_take(&list) : strdup("");
}

/* GPU-1b2f3c4d-.. is told by its first part. */
static void print_names(const char *list, ht_string *out)
{
    const char *at = list[0] != '\0' ? list : NULL, *name;
    if (at == NULL)
        ht_string_add(out, "none");
    while (at != NULL) {
        size_t length = next_name(&at, &name);
        if (length > 12 && strncmp(name, "GPU-", 4) == 0)
            length = 12;
        ht_string_add(out, "%.*s%s", (int)length, name, at != NULL ? "+" : "");
    }
}

/* " on devices 0, 1, 2+3": of each replica, in their order. */
static void print_devices(const ht_places *p, const node *n, ht_string *out)
{
    ht_string each = {0};
    char *first = NULL;
    bool any = false, alike = true;
    for (size_t r = ht_cores_next(&n->replicas, 0); r < HT_CORES_MAX;
         r = ht_cores_next(&n->replicas, r + 1)) {
        char *mine = devices_of(p, n, (int)r);
        if (mine == NULL)
            break;
        any = any || mine[0] != '\0';
        alike = alike && (first == NULL || strcmp(mine, first) == 0);
        ht_string_add(&each, "%s", each.n > 0 ? ", " : "");
        print_names(mine, &each);
        if (first == NULL)
            first = mine;
        else
            free(mine);
    }
    if (any && alike && ht_cores_count(&n->replicas) > 1) {
        ht_string_add(out, ", all on device%s ", count_names(first) > 1 ? "s" : "");
        print_names(first, out);
    } else if (any) {
        const char *names = ht_string_peek(&each);
        ht_string_add(out, " on device%s %s", strpbrk(names, ",+") != NULL ? "s" : "", names);
    }
    ht_string_release(&each);
    free(first);
}

/* ---- the map --------------------------------------------------------------------------------- */

static void print_cores(const node *n, ht_string *out)
{
    size_t ranks = ht_cores_count(&n->trainers), count = ht_cores_count(&n->cores);
    if (!n->known || count == 0)
        return;
    ht_string_add(out, "; core%s ", count == 1 ? "" : "s");
    ht_cores_print(&n->cores, out);
    if (ranks > 1 && !n->own)
        ht_string_add(out, ", shared");
    else if (ranks > 1 && n->same > 0)
        ht_string_add(out, ", %zu for each rank", n->same);
    else if (ranks > 1)
        ht_string_add(out, ", own ones for each rank");
}

static void print_node(const ht_places *p, const node *n, ht_string *out)
{
    size_t replicas = ht_cores_count(&n->replicas);
    ht_string_add(out, "node ");
    ht_shown_add(out, n->name[0] != '\0' ? n->name : "?");
    ht_string_add(out, ": %s%s", n->coordinates ? "coordinator" : "",
                  n->coordinates && replicas > 0 ? ", " : "");
    if (replicas > 0) {
        ht_string_add(out, "replica%s ", replicas == 1 ? "" : "s");
        ht_cores_print(&n->replicas, out);
        print_devices(p, n, out);
    }
    print_cores(n, out);
    ht_string_add(out, "\n");
}

void ht_place_map(const ht_places *p, ht_string *out)
{
    size_t nodes = 0;
    ht_cores others = {0};
    for (size_t i = 0; i < p->n; i++) {
        if (!is_first(p, i))
            continue;
        node n = node_of(p, p->at[i].node);
        if (++nodes <= NODES_SHOWN)
            print_node(p, &n, out);
        for (size_t r = ht_cores_next(&n.replicas, 0); nodes > NODES_SHOWN && r < HT_CORES_MAX;
             r = ht_cores_next(&n.replicas, r + 1))
            ht_cores_add(&others, r, NULL);
        release(&n);
    }
    if (nodes > NODES_SHOWN) {
        ht_string_add(out, "and %zu more nodes: replicas ", nodes - NODES_SHOWN);
        ht_cores_print(&others, out);
        ht_string_add(out, "\n");
    }
    ht_cores_release(&others);
}

/* ---- what costs time ------------------------------------------------------------------------- */

typedef struct {
    char text[3][256]; /* of each kind, as it was met first; "" = not met */
    size_t more[3];    /* nodes where it was met, too */
} complaints;
typedef enum { SAME_DEVICE, SAME_CORE, FEW_CORES } kind;

static bool is_new(complaints *c, kind k)
{
    if (c->text[k][0] == '\0')
        return true;
    c->more[k]++;
    return false;
}

/* The first device that both see, if one of them sees no other. */
static size_t common_device(const char *a, const char *b, const char **name)
{
    const char *at = a[0] != '\0' ? a : NULL;
    while (at != NULL && (count_names(a) == 1 || count_names(b) == 1)) {
        size_t length = next_name(&at, name);
        if (holds_name(b, *name, length))
            return length;
    }
    return 0;
}

static void complain_of_devices(const ht_places *p, const node *n, complaints *c)
{
    const ht_cores *set = &n->replicas;
    bool met = false;
    for (size_t a = ht_cores_next(set, 0); !met && a < HT_CORES_MAX; a = ht_cores_next(set, a + 1)) {
        char *mine = devices_of(p, n, (int)a);
        for (size_t b = ht_cores_next(set, a + 1); !met && mine != NULL && b < HT_CORES_MAX;
             b = ht_cores_next(set, b + 1)) {
            char *other = devices_of(p, n, (int)b);
            const char *name = "";
            size_t length = other != NULL ? common_device(mine, other, &name) : 0;
            met = length > 0;
            if (met && is_new(c, SAME_DEVICE))
                snprintf(c->text[SAME_DEVICE], sizeof c->text[SAME_DEVICE],
                         "replicas %zu and %zu share device %.*s on node %.40s: they wait for each other; "
                         "ask for as many "
                         "devices as replicas",
                         a, b, length < 40 ? (int)length : 40, name, n->name);
            free(other);
        }
        free(mine);
    }
}

/* Ranks that train and may run on one processor only, the same. @return false: it was not met */
static bool complain_of_binding(const ht_places *p, const node *n, complaints *c)
{
    for (size_t i = ht_cores_next(&n->trainers, 0); i < p->n; i = ht_cores_next(&n->trainers, i + 1)) {
        const char *core = p->at[i].cores;
        for (size_t j = ht_cores_next(&n->trainers, i + 1); j < p->n;
             j = ht_cores_next(&n->trainers, j + 1)) {
            if (core[0] == '\0' || strpbrk(core, ",-.") != NULL || strcmp(core, p->at[j].cores) != 0)
                continue;
            if (is_new(c, SAME_CORE))
                snprintf(c->text[SAME_CORE], sizeof c->text[SAME_CORE],
                         "ranks %zu and %zu are bound to the same core %.20s of node %.40s; start them "
                         "without binding "
                         "(srun --cpu-bind=none, mpirun --bind-to none) and with hottune place",
                         i, j, core, n->name);
            return true;
        }
    }
    return false;
}

static void complain_of_cores(const node *n, complaints *c)
{
    size_t ranks = ht_cores_count(&n->trainers), cores = ht_cores_count(&n->cores);
    if (n->known && ranks > cores && is_new(c, FEW_CORES))
        snprintf(c->text[FEW_CORES], sizeof c->text[FEW_CORES],
                 "node %.40s has %zu core%s for %zu ranks that train: they take turns", n->name, cores,
                 cores == 1 ? "" : "s", ranks);
}

void ht_place_complain(const ht_places *p, void (*say)(void *ctx, const char *text), void *ctx)
{
    complaints c = {.text = {""}};
    for (size_t i = 0; i < p->n; i++) {
        if (!is_first(p, i))
            continue;
        node n = node_of(p, p->at[i].node);
        complain_of_devices(p, &n, &c);
        if (!complain_of_binding(p, &n, &c))
            complain_of_cores(&n, &c);
        release(&n);
    }
    for (kind k = SAME_DEVICE; k <= FEW_CORES; k++) {
        char text[320];
        if (c.text[k][0] == '\0')
            continue;
        if (c.more[k] > 0)
            snprintf(text, sizeof text, "%s (so on %zu more node%s)", c.text[k], c.more[k],
                     c.more[k] == 1 ? "" : "s");
        else
            snprintf(text, sizeof text, "%s", c.text[k]);
        say(ctx, text);
    }
}
