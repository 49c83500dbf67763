/* src/base/roster.c - an ascending list of numbers; the contract is in roster.h. May touch: the heap. */
#include "base/roster.h"

#include <stdlib.h>
#include <string.h>

/* The first place whose number is not smaller. */
static size_t place_of(const ht_roster *r, int number)
{
    size_t lo = 0, hi = r->n;
    while (lo < hi) {
        size_t middle = (lo + hi) / 2;
        if (r->who[middle] < number)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

bool ht_roster_put(ht_roster *r, int number)
{
    size_t at = place_of(r, number);
    if (at < r->n && r->who[at] == number)
        return true;
    if (r->n == r->capacity) {
        size_t capacity = 2 * r->capacity + 2;
        int *who = realloc(r->who, capacity * sizeof *who);
        if (who == NULL)
            return false;
        r->who = who;
        r->capacity = capacity;
    }
    memmove(&r->who[at + 1], &r->who[at], (r->n - at) * sizeof *r->who);
    r->who[at] = number;
    r->n++;
    return true;
}

void ht_roster_take(ht_roster *r, int number)
{
    size_t at = place_of(r, number);
    if (at == r->n || r->who[at] != number)
        return;
    r->n--;
    memmove(&r->who[at], &r->who[at + 1], (r->n - at) * sizeof *r->who);
}

void ht_roster_release(ht_roster *r)
{
    free(r->who);
    *r = (ht_roster){0};
}
