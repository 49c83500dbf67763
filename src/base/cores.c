/* src/base/cores.c - a set of processors by number; the contract is in cores.h. */
#include "base/cores.h"

#include <stdlib.h>
#include <string.h>

enum { BITS = 64 };

static ht_status grow(ht_cores *c, size_t n_words, ht_error *err)
{
    uint64_t *words = realloc(c->words, n_words * sizeof *words);
    if (words == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a set of processors");
    memset(words + c->n_words, 0, (n_words - c->n_words) * sizeof *words);
    c->words = words;
    c->n_words = n_words;
    return HT_OK;
}

ht_status ht_cores_add(ht_cores *c, size_t number, ht_error *err)
{
    if (number >= HT_CORES_MAX)
        return ht_fail(err, HT_EINVAL, "processor %zu: numbers end at %d", number, HT_CORES_MAX - 1);
    if (number / BITS >= c->n_words)
        HT_TRY(grow(c, number / BITS + 1, err));
    c->words[number / BITS] |= (uint64_t)1 << number % BITS;
    return HT_OK;
}

bool ht_cores_has(const ht_cores *c, size_t number)
{
    return number / BITS < c->n_words && (c->words[number / BITS] >> number % BITS & 1) != 0;
}

size_t ht_cores_next(const ht_cores *c, size_t from)
{
    while (from / BITS < c->n_words && !ht_cores_has(c, from))
        from++;
    return from / BITS < c->n_words ? from : HT_CORES_MAX;
}

size_t ht_cores_count(const ht_cores *c)
{
    size_t n = 0;
    for (size_t i = ht_cores_next(c, 0); i < HT_CORES_MAX; i = ht_cores_next(c, i + 1))
        n++;
    return n;
}

/* A number below HT_CORES_MAX. @return the first byte after it; NULL: there is none */
static const char *read_number(const char *text, size_t *out)
{
    const char *at = text;
    for (*out = 0; *at >= '0' && *at <= '9' && *out < HT_CORES_MAX; at++)
        *out = 10 * *out + (size_t)(*at - '0');
    return at > text && *out < HT_CORES_MAX ? at : NULL;
}

ht_status ht_cores_parse(ht_cores *c, const char *text, ht_error *err)
{
    const char *at = text;
    size_t end = strcspn(text, " \t\n"), first, last;
    while (at != NULL && at < text + end) {
        at = read_number(at, &first);
        last = first;
        if (at != NULL && *at == '-')
            at = read_number(at + 1, &last);
        if (last < first)
            at = NULL;
        if (at == NULL)
            break;
        for (size_t i = first; i <= last; i++)
            HT_TRY(ht_cores_add(c, i, err));
        if (*at == ',' && at + 1 < text + end)
            at++;
        else if (at != text + end)
            at = NULL;
    }
    if (at != text + end || text[end + strspn(text + end, " \t\n")] != '\0')
        return ht_fail(err, HT_EFORMAT, "'%.60s' is no list of processors such as 0-3,8", text);
    return HT_OK;
}

void ht_cores_print(const ht_cores *c, ht_string *out)
{
    const char *before = "";
    for (size_t i = ht_cores_next(c, 0), last; i < HT_CORES_MAX; i = ht_cores_next(c, last + 1)) {
        for (last = i; ht_cores_has(c, last + 1);)
            last++;
        ht_string_add(out, "%s%zu", before, i);
        if (last > i)
            ht_string_add(out, "-%zu", last);
        before = ",";
    }
}

void ht_cores_release(ht_cores *c)
{
    free(c->words);
    *c = (ht_cores){0};
}
