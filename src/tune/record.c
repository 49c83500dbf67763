/* src/tune/record.c - the words and readings of records; the contract is in record.h.
 *
 * May touch: its arguments. */
#include "tune/record.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tune/rollback.h"

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static const char *const mutation_statuses[] = {"applied", "accepted",  "rejected",    "rolled_back",
                                                "failed",  "suggested", "inconclusive"};
static const char *const decisions[] = {"accepted", "rejected", "rolled_back", "inconclusive", "lost"};
static const char *const rollbacks[] = {"none", "exact", "relative", "left", "failed", "off"};
static const char *const modes[] = {"off", "observe", "suggest", "active", "replay"};

static const char *word(const char *const *list, size_t n, unsigned i)
{
    return i < n ? list[i] : "unknown";
}

/* The index of `text`, or -1. */
static int find(const char *const *list, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], text) == 0)
            return (int)i;
    return -1;
}

const char *ht_mutation_status_text(ht_mutation_status s)
{
    return word(mutation_statuses, COUNT(mutation_statuses), (unsigned)s);
}

bool ht_mutation_status_parse(const char *text, ht_mutation_status *out)
{
    int i = find(mutation_statuses, COUNT(mutation_statuses), text);
    if (i >= 0)
        *out = (ht_mutation_status)i;
    return i >= 0;
}

const char *ht_decision_text(ht_decision d)
{
    return word(decisions, COUNT(decisions), (unsigned)d);
}

const char *ht_rollback_text(ht_rollback r)
{
    return word(rollbacks, COUNT(rollbacks), (unsigned)r);
}

const char *ht_mode_text(ht_mode mode)
{
    return word(modes, COUNT(modes), (unsigned)mode);
}

bool ht_mode_parse(const char *text, ht_mode *out)
{
    int i = find(modes, COUNT(modes), text);
    if (i >= 0)
        *out = (ht_mode)i;
    return i >= 0;
}

const double *ht_readings_find(const ht_readings *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->at[i].name, name) == 0)
            return &r->at[i].value;
    return NULL;
}

void ht_readings_put(ht_readings *r, const char *name, double value)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->at[i].name, name) == 0) {
            r->at[i].value = value;
            return;
        }
    if (r->n == HT_READINGS_MAX)
        return;
    ht_name_copy(r->at[r->n].name, name);
    r->at[r->n++].value = value;
}

void ht_codes_join(const ht_codes *codes, char *text, size_t size)
{
    size_t at = 0;
    if (size > 0)
        text[0] = '\0';
    for (size_t i = 0; i < codes->n && at < size; i++) {
        int n = snprintf(text + at, size - at, "%s%s", i > 0 ? "," : "", codes->code[i]);
        at += n > 0 ? (size_t)n : 0;
    }
}

double ht_patch_base(const ht_patch *p, double now)
{
    bool lifts = now == 0 && p->floor > 0 && ht_undo_of(p->op, false).factor;
    return lifts ? p->floor : now;
}
