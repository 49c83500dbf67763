/* src/base/sum.c - checksums that JSON texts carry in themselves; the contract is in sum.h. May touch: the
 * heap. */
#include "base/sum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char name[] = "sum";
enum { DIGITS = 16, NUMBER_MAX = 20, ROOM = 64 /* for a member and an end of the object */ };

uint64_t ht_sum_add(uint64_t sum, const void *bytes, size_t n)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < n; i++)
        sum = (sum ^ at[i]) * UINT64_C(1099511628211);
    return sum;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The length of text[0 .. n - 1] without the blanks at its end. */
static size_t without_blanks(const char *text, size_t n)
{
    while (n > 0 && is_blank(text[n - 1]))
        n--;
    return n;
}

char *ht_sum_put(char *text, unsigned long number)
{
    size_t all = text != NULL ? strlen(text) : 0, n = without_blanks(text, all), body = n > 0 ? n - 1 : 0;
    char *more = all > 0 ? realloc(text, all + ROOM) : NULL;
    if (more == NULL) {
        free(text);
        return NULL;
    }
    bool page = body > 0 && more[body - 1] == '\n';
    body = without_blanks(more, body);
    body +=
        (size_t)snprintf(more + body, all + ROOM - body, "%s%s\"%s\":%s\"%lu-",
                         more[body - 1] == '{' ? "" : ",", page ? "\n  " : "", name, page ? " " : "", number);
    snprintf(more + body, all + ROOM - body, "%016llx\"%s",
             (unsigned long long)ht_sum_add(HT_SUM_START, more, body), page ? "\n}\n" : "}");
    return more;
}

/* The last member of an object, if it is a text. All offsets into the text. */
typedef struct {
    size_t key, key_end, value, value_end;
} last_member;

/* text[*start .. n - 1] is what a text holds that ends with a quotation mark at n; a sum has no escapes. */
static bool find_start(const char *text, size_t n, size_t *start)
{
    *start = n;
    while (*start > 0 && text[*start - 1] != '"')
        --*start;
    return *start > 0;
}

static bool find_last(const char *text, size_t n, last_member *m)
{
    n = without_blanks(text, n);
    if (n == 0 || text[n - 1] != '}')
        return false;
    n = without_blanks(text, n - 1);
    if (n == 0 || text[n - 1] != '"' || !find_start(text, m->value_end = n - 1, &m->value))
        return false;
    n = without_blanks(text, m->value - 1);
    if (n == 0 || text[n - 1] != ':')
        return false;
    n = without_blanks(text, n - 1);
    return n > 0 && text[n - 1] == '"' && find_start(text, m->key_end = n - 1, &m->key);
}

/* <number>-<16 digits>. @param[out] digits  where they begin */
static bool has_form(const char *value, size_t n, size_t *digits)
{
    size_t number = 0;
    while (number < n && number < NUMBER_MAX && value[number] >= '0' && value[number] <= '9')
        number++;
    *digits = number + 1;
    if (number == 0 || n != number + 1 + DIGITS || value[number] != '-')
        return false;
    for (size_t i = *digits; i < n; i++)
        if (strchr("0123456789abcdef", value[i]) == NULL)
            return false;
    return true;
}

ht_sum_verdict ht_sum_look(const char *text, size_t n, unsigned long *number)
{
    last_member m;
    size_t digits = 0;
    char right[DIGITS + 1];
    if (number != NULL)
        *number = 0;
    if (!find_last(text, n, &m))
        return HT_SUM_NONE;
    bool named = m.key_end - m.key == sizeof name - 1 && memcmp(text + m.key, name, sizeof name - 1) == 0;
    bool formed = has_form(text + m.value, m.value_end - m.value, &digits);
    if (!named || !formed)
        return named || formed ? HT_SUM_WRONG : HT_SUM_NONE;
    digits += m.value;
    snprintf(right, sizeof right, "%016llx", (unsigned long long)ht_sum_add(HT_SUM_START, text, digits));
    if (memcmp(right, text + digits, DIGITS) != 0)
        return HT_SUM_WRONG;
    if (number != NULL)
        *number = strtoul(text + m.value, NULL, 10);
    return HT_SUM_RIGHT;
}

ht_sum_verdict ht_sum_take(const char *text, size_t n, cJSON *object, unsigned long *number)
{
    ht_sum_verdict verdict = ht_sum_look(text, n, number);
    const char *held = ht_json_text(object, name);
    size_t digits;
    if (verdict == HT_SUM_NONE && held != NULL && has_form(held, strlen(held), &digits))
        verdict = HT_SUM_WRONG;
    if (verdict != HT_SUM_NONE)
        cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    return verdict;
}
