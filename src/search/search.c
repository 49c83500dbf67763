/* src/search/search.c - the public face of the sampler; the contract is in hottune/search.h.
 *
 * Keeps the point of every open evaluation, since a caller asks for its parameters by name.
 * May touch: the heap. */
#include <hottune/search.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "search/sampler.h"

typedef struct {
    unsigned long id;
    ht_point p;
} open_point;

struct ht_search {
    ht_space space;
    ht_sampler *sampler;
    double sign;                /* -1 = maximise: the sampler minimises */
    size_t n_open, capacity;
    open_point *open;           /* [n_open], in order of asking */
};

ht_status ht_search_open(const char *space, unsigned long long seed, bool maximize, ht_search **out, ht_error *err)
{
    if (space == NULL || out == NULL)
        return ht_fail(err, HT_EINVAL, "a search needs the text of a space and a place for its handle");
    ht_search *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a search");
    s->sign = maximize ? -1 : 1;
    ht_status st = ht_space_parse(space, "space", &s->space, err);
    if (st == HT_OK)
        st = ht_sampler_create(&s->space, seed, false, &s->sampler, err);
    if (st != HT_OK)
        ht_search_close(s);
    else
        *out = s;
    return st;
}

void ht_search_close(ht_search *s)
{
    if (s == NULL)
        return;
    ht_sampler_destroy(s->sampler);
    ht_space_release(&s->space);
    free(s->open);
    free(s);
}

ht_status ht_search_ask(ht_search *s, unsigned long *id, ht_error *err)
{
    if (s->n_open == s->capacity) {
        size_t capacity = 2 * s->capacity + 8;
        open_point *open = realloc(s->open, capacity * sizeof *open);
        if (open == NULL)
            return ht_fail(err, HT_ENOMEM, "no memory for %zu open evaluations", capacity);
        s->open = open;
        s->capacity = capacity;
    }
    open_point *o = &s->open[s->n_open];
    HT_TRY(ht_sampler_ask(s->sampler, &o->id, &o->p, err));
    s->n_open++;
    *id = o->id;
    return HT_OK;
}

static size_t find(const ht_search *s, unsigned long id)
{
    size_t i = 0;
    while (i < s->n_open && s->open[i].id != id)
        i++;
    return i;
}

static bool value_of(const ht_search *s, const ht_point *p, const char *name, ht_value *out)
{
    cJSON *params = ht_space_to_json(&s->space, p);
    const cJSON *item = params != NULL ? ht_json_member(params, name) : NULL;
    if (item != NULL)
        *out = ht_value_from_json(item);
    cJSON_Delete(params);
    return item != NULL;
}

bool ht_search_value(const ht_search *s, unsigned long id, const char *name, ht_value *out)
{
    size_t i = find(s, id);
    return i < s->n_open && value_of(s, &s->open[i].p, name, out);
}

/* The sampler's word on an id; when it agrees, the evaluation is not open any more. */
static ht_status settle(ht_search *s, unsigned long id, ht_status st)
{
    size_t i = find(s, id);
    if (st == HT_OK && i < s->n_open) {
        s->n_open--;
        memmove(&s->open[i], &s->open[i + 1], (s->n_open - i) * sizeof *s->open);
    }
    return st;
}

ht_status ht_search_tell(ht_search *s, unsigned long id, double value, ht_error *err)
{
    return settle(s, id, ht_sampler_tell(s->sampler, id, s->sign * value, err));
}

ht_status ht_search_fail(ht_search *s, unsigned long id, ht_error *err)
{
    return settle(s, id, ht_sampler_fail(s->sampler, id, err));
}

ht_status ht_search_forget(ht_search *s, unsigned long id, ht_error *err)
{
    return settle(s, id, ht_sampler_forget(s->sampler, id, err));
}

unsigned long ht_search_pending(const ht_search *s)
{
    return s->n_open;
}

static bool best_of(const ht_search *s, unsigned long *id, ht_point *p, double *value)
{
    long number;
    if (ht_sampler_best(s->sampler, &number, p, value) != HT_OK)
        return false;
    *id = (unsigned long)number;    /* never -1: nothing is added here that was not asked */
    *value *= s->sign;
    return true;
}

ht_status ht_search_best(const ht_search *s, unsigned long *id, double *value)
{
    ht_point p;
    return best_of(s, id, &p, value) ? HT_OK : HT_EEMPTY;
}

bool ht_search_best_value(const ht_search *s, const char *name, ht_value *out)
{
    ht_point p;
    unsigned long id;
    double value;
    return best_of(s, &id, &p, &value) && value_of(s, &p, name, out);
}
