/* src/population/pool_notes.c - what the pool wants written down; see policy.h and pool_state.h.
 *
 * May touch: the heap. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "population/pool_state.h"

static ht_pool_note *post(ht_pool *p, ht_pool_note_kind kind)
{
    ht_queued_note *q = calloc(1, sizeof *q);
    if (q == NULL) {
        p->no_memory = true;
        return NULL;
    }
    q->note.kind = kind;
    if (p->last_note != NULL)
        p->last_note->next = q;
    else
        p->first_note = q;
    p->last_note = q;
    return &q->note;
}

static void say(ht_pool *p, bool is_routine, const char *format, va_list args)
{
    ht_pool_note *note = post(p, HT_NOTE_LINE);
    if (note == NULL)
        return;
    note->is_routine = is_routine;
    vsnprintf(note->line, sizeof note->line, format, args);
    for (char *c = note->line; *c != '\0'; c++)     /* names come from outside: a line stays one line */
        if (iscntrl((unsigned char)*c))
            *c = '?';
}

void ht_pool_say(ht_pool *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(p, false, format, args);
    va_end(args);
}

void ht_pool_remark(ht_pool *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(p, true, format, args);
    va_end(args);
}

cJSON *ht_pool_event_new(const ht_pool *p, const char *kind, double wall)
{
    cJSON *event = cJSON_CreateObject();
    ht_json_put_text(event, "event", kind);
    ht_json_put_real(event, "wall", wall);
    ht_json_put_int(event, "living", ht_pool_living(p));
    return event;
}

void ht_pool_log(ht_pool *p, cJSON *event)
{
    ht_pool_note *note = event != NULL ? post(p, HT_NOTE_EVENT) : NULL;
    if (note != NULL) {
        note->event = event;
    } else {
        p->no_memory = true;
        cJSON_Delete(event);
    }
}

cJSON *ht_pool_point(const ht_pool *p, const double *h)
{
    cJSON *point = cJSON_CreateObject();
    for (size_t i = 0; i < p->knobs.n; i++) {
        char name[2 * HT_NAME_MAX];
        snprintf(name, sizeof name, "%s.%s", p->knobs.k[i].actuator, p->knobs.k[i].name);
        ht_json_put_real(point, name, h[i]);
    }
    return point;
}

void ht_pool_judge(ht_pool *p, const ht_pool_verdict *v)
{
    ht_pool_note *note = post(p, HT_NOTE_VERDICT);
    if (note != NULL)
        note->verdict = *v;
}

bool ht_pool_next_note(ht_pool *p, ht_pool_note *out)
{
    ht_queued_note *q = p->first_note;
    if (q == NULL)
        return false;
    p->first_note = q->next;
    if (q->next == NULL)
        p->last_note = NULL;
    *out = q->note;
    free(q);
    return true;
}

void ht_pool_note_release(ht_pool_note *n)
{
    cJSON_Delete(n->event);
    n->event = NULL;
}

void ht_pool_notes_release(ht_pool *p)
{
    ht_pool_note note;
    while (ht_pool_next_note(p, &note))
        ht_pool_note_release(&note);
}
