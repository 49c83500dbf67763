/* src/tune/oplist.c - a recorded list of operations; the contract is in oplist.h.
 *
 * `entries` is sorted by step; within a step it keeps the order of the file, inserted ones last. Each
 * entry waits for its own event, so none hides another.
 * May touch: the heap. */
#include "tune/oplist.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tune/json_lines.h"
#include "tune/oplist_overlay.h"

struct ht_oplist {
    ht_oplist_entries entries;
    long long step_offset;
};

/* ---- names of events ------------------------------------------------------------------------ */

static const struct {
    const char *text;
    ht_event event;
} events[] = {
    /* the first name of an event is ours */
    {"fit_start", HT_FIT_START}, {"train_batch_end", HT_TRAIN_BATCH_END}, {"val_epoch_end", HT_VAL_EPOCH_END},
    {"run_end", HT_RUN_END},     {"train_step_end", HT_TRAIN_BATCH_END},
};

const char *ht_event_text(ht_event event)
{
    size_t i = 0;
    while (i + 1 < sizeof events / sizeof events[0] && events[i].event != event)
        i++;
    return events[i].text;
}

bool ht_event_parse(const char *text, ht_event *out)
{
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (strcmp(events[i].text, text) == 0) {
            *out = events[i].event;
            return true;
        }
    return false;
}

/* ---- entries -------------------------------------------------------------------------------- */

ht_status ht_oplist_entry_add(ht_oplist_entries *l, cJSON *body, ht_error *err)
{
    const cJSON *at = ht_json_member(body, "at"), *step = ht_json_member(at, "step");
    const char *event = ht_json_text(at, "event");
    if (step != NULL && (!cJSON_IsNumber(step) || !(fabs(step->valuedouble) < 9e15))) {
        cJSON_Delete(body);
        return ht_fail(err, HT_EFORMAT, "at.step is no number");
    }
    if (l->n == l->capacity) {
        size_t capacity = 2 * l->capacity + 16;
        ht_oplist_entry *more = realloc(l->at, capacity * sizeof *more);
        if (more == NULL) {
            cJSON_Delete(body);
            return ht_fail(err, HT_ENOMEM, "no memory for %zu entries", capacity);
        }
        l->at = more;
        l->capacity = capacity;
    }
    ht_oplist_entry *e = &l->at[l->n];
    *e = (ht_oplist_entry){.step = step != NULL ? (long long)step->valuedouble : 0, .body = body};
    snprintf(e->event, sizeof e->event, "%s", event != NULL ? event : "train_step_end");
    l->n++;
    return HT_OK;
}

static int by_step(const void *a, const void *b)
{
    const ht_oplist_entry *x = a, *y = b;
    if (x->step != y->step)
        return x->step < y->step ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static void sort(ht_oplist_entries *l)
{
    for (size_t i = 0; i < l->n; i++)
        l->at[i].order = i;
    if (l->n > 0)
        qsort(l->at, l->n, sizeof *l->at, by_step);
}

static ht_status add_line(void *ctx, size_t line, cJSON *object, ht_error *err)
{
    ht_error why = {""};
    ht_status st = ht_oplist_entry_add(ctx, object, &why);
    if (st != HT_OK)
        return ht_fail(err, st, "line %zu: %s", line, why.text);
    return HT_OK;
}

ht_status ht_oplist_parse(const char *text, const cJSON *overlay, long long step_offset, ht_oplist **out,
                          ht_error *err)
{
    ht_oplist *l = calloc(1, sizeof *l);
    if (l == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a list of operations");
    l->step_offset = step_offset;
    ht_status st = ht_json_lines_each(text, false, add_line, &l->entries, err);
    if (st != HT_OK)
        goto done;
    sort(&l->entries);
    if (overlay != NULL) {
        st = ht_oplist_overlay(&l->entries, overlay, err);
        if (st != HT_OK)
            goto done;
        sort(&l->entries);
    }
    *out = l;
    l = NULL;
done:
    ht_oplist_destroy(l);
    return st;
}

void ht_oplist_destroy(ht_oplist *l)
{
    if (l == NULL)
        return;
    for (size_t i = 0; i < l->entries.n; i++)
        cJSON_Delete(l->entries.at[i].body);
    free(l->entries.at);
    free(l);
}

size_t ht_oplist_count(const ht_oplist *l)
{
    return l->entries.n;
}

/* ---- what fires ----------------------------------------------------------------------------- */

/* The first entry at `step` or later. */
static size_t lower_bound(const ht_oplist_entries *l, long long step)
{
    size_t lo = 0, hi = l->n;
    while (lo < hi) {
        size_t middle = lo + (hi - lo) / 2;
        if (l->at[middle].step < step)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

const cJSON *ht_oplist_due(ht_oplist *l, long long step, ht_event event, size_t *index)
{
    long long wanted = step - l->step_offset;
    for (size_t i = lower_bound(&l->entries, wanted); i < l->entries.n && l->entries.at[i].step == wanted;
         i++) {
        ht_oplist_entry *e = &l->entries.at[i];
        ht_event own;
        if (!e->fired && ht_event_parse(e->event, &own) && own == event) {
            e->fired = true;
            *index = i;
            return e->body;
        }
    }
    return NULL;
}

const cJSON *ht_oplist_missed(const ht_oplist *l, size_t i, size_t *index, char missed[96])
{
    for (size_t k = 0; k < l->entries.n; k++) {
        const ht_oplist_entry *e = &l->entries.at[k];
        if (e->fired || i-- > 0)
            continue;
        snprintf(missed, 96, "missed_step:%lld:%s", e->step, e->event);
        *index = k;
        return e->body;
    }
    return NULL;
}

/* ---- to go on later ------------------------------------------------------------------------- */

static void visit_entry(ht_oplist_entry *e, ht_members *s)
{
    ht_members_longlong(s, "step", &e->step);
    ht_members_field(s, "event", e->event, sizeof e->event);
    ht_members_size(s, "order", &e->order);
    ht_members_bool(s, "fired", &e->fired);
    ht_members_json(s, "body", &e->body);
    if (ht_members_is_good(s) && e->body == NULL)
        ht_members_fault(s, HT_EFORMAT, "has no body");
}

void ht_oplist_visit(ht_oplist **l, ht_members *s)
{
    if (!ht_members_enter_if(s, "list", *l != NULL))
        return;
    if (s->loading && (*l = calloc(1, sizeof **l)) == NULL)
        ht_members_fault(s, HT_ENOMEM, "no memory for a list of operations");
    if (*l != NULL) {
        ht_oplist_entries *all = &(*l)->entries;
        ht_members_longlong(s, "step_offset", &(*l)->step_offset);
        size_t n = ht_members_enter_list(s, "entries", all->n, SIZE_MAX);
        if (s->loading && n > 0 && (all->at = calloc(n, sizeof *all->at)) == NULL)
            ht_members_fault(s, HT_ENOMEM, "no memory for %zu entries", n);
        if (s->loading)
            all->n = all->capacity = all->at != NULL ? n : 0;
        for (size_t i = 0; i < all->n; i++) {
            ht_members_enter_item(s, i);
            visit_entry(&all->at[i], s);
            ht_members_leave(s);
        }
        ht_members_leave(s);
    }
    ht_members_leave(s);
}
