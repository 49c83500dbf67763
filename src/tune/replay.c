/* src/tune/replay.c - reads a mutation log and keeps what stayed in force; the contract is in replay.h.
 *
 * Every line becomes a record under the name of its group; sorted by name and line, the first record of a
 * group says what was done, the last one what became of it.
 * May touch: the heap. */
#include "tune/replay.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/value.h"
#include "tune/json_lines.h"

typedef struct {
    char group[128]; /**< mutation id, run and replica; a line without an id is its own group */
    size_t line;
    bool in_force;    /**< by its status */
    bool is_complete; /**< names an actuator and a patch */
    ht_replay_entry entry;
} record;

typedef struct {
    size_t n, capacity;
    record *at;
} records;

/* A status that is not given says nothing against it: a list written by hand. */
static bool stays_in_force(const cJSON *line)
{
    ht_mutation_status s;
    const char *text = ht_json_text(line, "status");
    if (text == NULL)
        return true;
    return ht_mutation_status_parse(text, &s) && (s == HT_MUTATION_APPLIED || s == HT_MUTATION_ACCEPTED ||
                                                  s == HT_MUTATION_REJECTED || s == HT_MUTATION_INCONCLUSIVE);
}

static void name_group(const cJSON *line, size_t number, char group[128])
{
    const char *id = ht_json_text(line, "mutation_id"), *run = ht_json_text(line, "run");
    if (id == NULL)
        snprintf(group, 128, "/%zu", number);
    else
        snprintf(group, 128, "%.60s/%.20s/%.0f", id, run != NULL ? run : "",
                 ht_json_number(line, "replica", 0));
}

static bool read_entry(const cJSON *line, ht_replay_entry *e)
{
    const char *actuator = ht_json_text(line, "actuator"), *phase = ht_json_text(line, "phase_bin");
    const cJSON *patch = ht_json_member(line, "patch");
    const char *op = ht_json_text(patch, "op"), *key = ht_json_text(patch, "key");
    double step = ht_json_number(line, "step", 0);
    *e = (ht_replay_entry){.step = fabs(step) < 9e15 ? (long long)step : 0};
    ht_name_copy(e->phase, phase != NULL ? phase : "unknown");
    e->patch.value = ht_value_from_json(ht_json_member(patch, "value"));
    e->patch.floor = ht_json_number(patch, "floor", 0);
    return actuator != NULL && op != NULL && ht_name_copy(e->actuator, actuator) &&
           ht_name_copy(e->patch.op, op) && (key == NULL || ht_name_copy(e->patch.key, key));
}

static ht_status add_line(void *ctx, size_t number, cJSON *object, ht_error *err)
{
    records *all = ctx;
    if (all->n == all->capacity) {
        size_t capacity = 2 * all->capacity + 16;
        record *at = realloc(all->at, capacity * sizeof *at);
        if (at == NULL) {
            cJSON_Delete(object);
            return ht_fail(err, HT_ENOMEM, "no memory for %zu lines", number);
        }
        all->at = at;
        all->capacity = capacity;
    }
    record *r = &all->at[all->n++];
    name_group(object, number, r->group);
    r->line = number;
    r->in_force = stays_in_force(object);
    r->is_complete = read_entry(object, &r->entry);
    cJSON_Delete(object);
    return HT_OK;
}

static int compare_lines(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int by_group(const void *a, const void *b)
{
    const record *x = a, *y = b;
    int order = strcmp(x->group, y->group);
    return order != 0 ? order : compare_lines(x->line, y->line);
}

static int by_line(const void *a, const void *b)
{
    const record *x = a, *y = b;
    return compare_lines(x->line, y->line);
}

/* Leave the first record of each group that stayed in force, in the order of lines. */
static void keep_what_stayed(records *all)
{
    size_t kept = 0;
    if (all->n == 0)
        return;
    qsort(all->at, all->n, sizeof *all->at, by_group);
    for (size_t first = 0, last; first < all->n; first = last + 1) {
        for (last = first; last + 1 < all->n && strcmp(all->at[last + 1].group, all->at[first].group) == 0;)
            last++;
        if (all->at[last].in_force)
            all->at[kept++] = all->at[first];
    }
    all->n = kept;
    if (kept > 0)
        qsort(all->at, kept, sizeof *all->at, by_line);
}

static ht_status take_entries(const records *all, ht_replay *out, ht_error *err)
{
    for (size_t i = 0; i < all->n; i++)
        if (!all->at[i].is_complete)
            return ht_fail(err, HT_EFORMAT, "line %zu: 'actuator' and 'patch' {op, value} are needed",
                           all->at[i].line);
    ht_replay_entry *entries = calloc(all->n + 1, sizeof *entries);
    if (entries == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for %zu recorded mutations", all->n);
    for (size_t i = 0; i < all->n; i++)
        entries[i] = all->at[i].entry;
    *out = (ht_replay){all->n, entries};
    return HT_OK;
}

ht_status ht_replay_parse(const char *text, ht_replay *out, ht_error *err)
{
    records all = {0};
    *out = (ht_replay){0};
    ht_status st = ht_json_lines_each(text, true, add_line, &all, err);
    if (st == HT_OK) {
        keep_what_stayed(&all);
        st = take_entries(&all, out, err);
    }
    free(all.at);
    return st;
}

void ht_replay_release(ht_replay *r)
{
    free(r->entries);
    *r = (ht_replay){0};
}
