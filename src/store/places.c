/* src/store/places.c - where the ranks of a run are; the contract is in places.h. */
#include "store/places.h"

#include <stdlib.h>
#include <string.h>

static const char *append(char **end, const char *text)
{
    char *at = *end;
    size_t n = strlen(text) + 1;
    memcpy(at, text, n);
    *end += n;
    return at;
}

ht_status ht_places_copy(const ht_places *from, ht_places *out, ht_error *err)
{
    size_t bytes = (from->n + 1) * sizeof *from->at;
    for (size_t i = 0; i < from->n; i++)
        bytes += strlen(from->at[i].node) + strlen(from->at[i].cores) + strlen(from->at[i].devices) + 3;
    ht_rank_place *at = malloc(bytes);
    if (at == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the places of %zu ranks", from->n);
    char *texts = (char *)(at + from->n);
    for (size_t i = 0; i < from->n; i++) {
        at[i].replica = from->at[i].replica;
        at[i].node = append(&texts, from->at[i].node);
        at[i].cores = append(&texts, from->at[i].cores);
        at[i].devices = append(&texts, from->at[i].devices);
    }
    *out = (ht_places){from->n, at};
    return HT_OK;
}

void ht_places_release(ht_places *p)
{
    free(p->at);
    *p = (ht_places){0};
}

void ht_places_cut(char *to, size_t size, const char *list)
{
    size_t n = strlen(list);
    if (n >= size) {
        for (n = size - 3; n > 0 && list[n - 1] != ',';)
            n--;
        memcpy(to + n, "..", 3);
    } else {
        to[n] = '\0';
    }
    memcpy(to, list, n);
}
