/* src/population/coordinator_outbox.c - what the coordinator wants sent and written; see coordinator_state.h.
 *
 * Records differ in size by a factor of 1000 (an arrival, a closed segment), so each is allocated and
 * copied as large as its kind, and the queue is empty between calls.
 * May touch: the heap. */
#include <ctype.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "population/coordinator_state.h"

typedef struct ht_posted {
    struct ht_posted *next;
    ht_record_kind kind;
    max_align_t as[];           /* as much of ht_record.as as the kind needs */
} ht_posted;

#define SIZE(member) sizeof(((ht_record *)0)->as.member)
static const size_t sizes[] = {
    [HT_RECORD_MUTATION] = SIZE(mutation), [HT_RECORD_SEGMENT] = SIZE(closed),
    [HT_RECORD_WINDOW] = SIZE(window),     [HT_RECORD_LEDGER] = SIZE(ledger),
    [HT_RECORD_ARRIVAL] = SIZE(arrival),   [HT_RECORD_EVENT] = SIZE(event) + SIZE(is_routine),
    [HT_RECORD_CONTROLS] = SIZE(controls), [HT_RECORD_RECIPE] = 0,
    [HT_RECORD_FREEZE] = SIZE(freeze),     [HT_RECORD_POPULATION] = SIZE(population),
    [HT_RECORD_VERDICT] = SIZE(verdict),
};

/* ---- records -------------------------------------------------------------------------------- */

void *ht_coordinator_post(ht_coordinator *c, ht_record_kind kind)
{
    ht_posted *p = malloc(sizeof *p + sizes[kind]);
    if (p == NULL) {
        c->no_memory = true;
        return NULL;
    }
    p->next = NULL;
    p->kind = kind;
    if (c->last_record != NULL)
        c->last_record->next = p;
    else
        c->first_record = p;
    c->last_record = p;
    return p->as;
}

static void say(ht_coordinator *c, bool is_routine, const char *format, va_list args)
{
    char *event = ht_coordinator_post(c, HT_RECORD_EVENT);
    if (event == NULL)
        return;
    vsnprintf(event, SIZE(event), format, args);
    for (char *p = event; *p != '\0'; p++)      /* names come from outside: an event stays one line */
        if (iscntrl((unsigned char)*p))
            *p = '?';
    memcpy(event + offsetof(ht_record, as.is_routine) - offsetof(ht_record, as.event), &is_routine, sizeof is_routine);
}

void ht_coordinator_say(ht_coordinator *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(c, false, format, args);
    va_end(args);
}

void ht_coordinator_note(ht_coordinator *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(c, true, format, args);
    va_end(args);
}

bool ht_coordinator_has_output(const ht_coordinator *c)
{
    return c->first_record != NULL || c->out.first != NULL;
}

bool ht_coordinator_next_record(ht_coordinator *c, ht_record *out)
{
    ht_posted *p = c->first_record;
    if (p == NULL)
        return false;
    c->first_record = p->next;
    if (p->next == NULL)
        c->last_record = NULL;
    out->kind = p->kind;
    memcpy(&out->as, p->as, sizes[p->kind]);
    free(p);
    return true;
}

void ht_record_release(ht_record *r)
{
    if (r->kind == HT_RECORD_LEDGER)
        ht_ledger_line_release(&r->as.ledger);
    else if (r->kind == HT_RECORD_CONTROLS)
        free(r->as.controls);
    else if (r->kind == HT_RECORD_POPULATION)
        cJSON_Delete(r->as.population);
}

/* ---- messages ------------------------------------------------------------------------------- */

static bool append(ht_letters *l, int replica, ht_bytes bytes)
{
    ht_letter *letter = malloc(sizeof *letter);
    if (letter == NULL)
        return false;
    *letter = (ht_letter){.replica = replica, .bytes = bytes};
    if (l->last != NULL)
        l->last->next = letter;
    else
        l->first = letter;
    l->last = letter;
    return true;
}

bool ht_letters_add(ht_letters *l, int replica, const void *bytes, size_t n)
{
    unsigned char *copy = malloc(n > 0 ? n : 1);
    if (copy == NULL)
        return false;
    if (n > 0)
        memcpy(copy, bytes, n);
    if (append(l, replica, (ht_bytes){copy, n}))
        return true;
    free(copy);
    return false;
}

bool ht_letters_take(ht_letters *l, ht_letter *out)
{
    ht_letter *letter = l->first;
    if (letter == NULL)
        return false;
    l->first = letter->next;
    if (letter->next == NULL)
        l->last = NULL;
    *out = *letter;
    free(letter);
    return true;
}

void ht_coordinator_send(ht_coordinator *c, int replica, const ht_packet *m)
{
    ht_bytes bytes;
    if (ht_packet_encode(m, &bytes) != HT_OK) {
        c->no_memory = true;
    } else if (!append(&c->out, replica, bytes)) {
        free(bytes.data);
        c->no_memory = true;
    }
}

bool ht_coordinator_next_message(ht_coordinator *c, int *replica, ht_bytes *out)
{
    ht_letter letter;
    if (!ht_letters_take(&c->out, &letter))
        return false;
    *replica = letter.replica;
    *out = letter.bytes;
    return true;
}

/* ---- both ----------------------------------------------------------------------------------- */

void ht_coordinator_outbox_release(ht_coordinator *c)
{
    ht_record record;
    ht_letter letter;
    while (ht_coordinator_next_record(c, &record))
        ht_record_release(&record);
    while (ht_letters_take(&c->out, &letter))
        free(letter.bytes.data);
}

ht_status ht_coordinator_settle(ht_coordinator *c)
{
    bool failed = c->no_memory;
    c->no_memory = false;
    return failed ? HT_ENOMEM : HT_OK;
}
