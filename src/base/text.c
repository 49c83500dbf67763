/* src/base/text.c - growing text, exact numbers, nearest names; the contract is in text.h. */
#include "base/text.h"

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool grow(ht_string *t, size_t more)
{
    if (t->failed)
        return false;
    size_t need = t->n + more + 1;
    if (need <= t->capacity)
        return true;
    size_t capacity = t->capacity < 64 ? 64 : t->capacity;
    while (capacity < need)
        capacity *= 2;
    char *s = realloc(t->s, capacity);
    if (s == NULL) {
        t->failed = true;
        return false;
    }
    t->s = s;
    t->capacity = capacity;
    return true;
}

void ht_string_add_bytes(ht_string *t, const char *bytes, size_t n)
{
    if (!grow(t, n))
        return;
    if (n > 0)
        memcpy(t->s + t->n, bytes, n);
    t->n += n;
    t->s[t->n] = '\0';
}

void ht_string_add(ht_string *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0 || !grow(t, (size_t)n))
        return;
    va_start(args, format);
    vsnprintf(t->s + t->n, (size_t)n + 1, format, args);
    va_end(args);
    t->n += (size_t)n;
}

const char *ht_string_peek(const ht_string *t)
{
    return t->s == NULL ? "" : t->s;
}

char *ht_string_take(ht_string *t)
{
    if (!t->failed && t->s == NULL)
        ht_string_add_bytes(t, "", 0);
    char *s = t->failed ? NULL : t->s;
    if (t->failed)
        free(t->s);
    *t = (ht_string){0};
    return s;
}

void ht_string_release(ht_string *t)
{
    free(t->s);
    *t = (ht_string){0};
}

size_t ht_utf8_length(const char *s)
{
    const unsigned char *c = (const unsigned char *)s;
    /* Limits of the second byte keep out overlong forms, surrogates and what lies above U+10FFFF. */
    unsigned char lo = c[0] == 0xE0 ? 0xA0 : c[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char hi = c[0] == 0xED ? 0x9F : c[0] == 0xF4 ? 0x8F : 0xBF;
    size_t n = c[0] < 0x80 ? 1 : c[0] < 0xC2 ? 0 : c[0] < 0xE0 ? 2 : c[0] < 0xF0 ? 3 : c[0] < 0xF5 ? 4 : 0;
    if (n < 2)
        return c[0] == '\0' ? 0 : n;
    if (c[1] < lo || c[1] > hi)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((c[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

uint32_t ht_utf8_character(const char *s, size_t *n)
{
    static const unsigned char bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    size_t length = ht_utf8_length(s);
    uint32_t c = (unsigned char)s[0] & bits[length];
    for (size_t i = 1; i < length; i++)
        c = c << 6 | ((unsigned char)s[i] & 0x3F);
    *n = length > 0 ? length : 1;
    return length > 0 ? c : 0xFFFD;
}

const char *ht_utf8_fault(const char *text)
{
    while (*text != '\0') {
        size_t n = ht_utf8_length(text);
        if (n == 0)
            return text;
        text += n;
    }
    return NULL;
}

bool ht_name_copy(char to[HT_NAME_MAX], const char *from)
{
    size_t n = strlen(from);
    bool fits = n < HT_NAME_MAX;
    if (!fits)
        for (n = HT_NAME_MAX - 1; n > HT_NAME_MAX - 4 && (from[n] & 0xC0) == 0x80; n--)
            ;
    memcpy(to, from, n);
    memset(to + n, 0, HT_NAME_MAX - n);
    return fits;
}

/* The host program may have set a locale with another decimal point than files have. */
static void swap_point(char *text, char from, char to)
{
    char *at = from != to ? strchr(text, from) : NULL;
    if (at != NULL)
        *at = to;
}

static char locale_point(void)
{
    return localeconv()->decimal_point[0];
}

double ht_read_real(const char *text, const char **end)
{
    char copy[512], *stop;
    size_t n = strnlen(text, sizeof copy - 1);
    memcpy(copy, text, n);
    copy[n] = '\0';
    swap_point(copy, '.', locale_point());
    double x = strtod(copy, &stop);
    if (end != NULL)
        *end = text + (stop - copy);
    return x;
}

void ht_print_real(char text[40], double x, bool point)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, 40, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    swap_point(text, locale_point(), '.');
    if (point && strspn(text, "-0123456789") == strlen(text))
        strcat(text, ".0");
}

bool ht_parse_number(const char *text, double *out, bool *is_int)
{
    const char *p = text;
    size_t digits = 0;
    bool whole = true;
    if (*p == '+' || *p == '-')
        p++;
    for (; isdigit((unsigned char)*p); p++)
        digits++;
    if (*p == '.') {
        whole = false;
        for (p++; isdigit((unsigned char)*p); p++)
            digits++;
    }
    if (digits == 0)
        return false;
    if (*p == 'e' || *p == 'E') {
        whole = false;
        p++;
        if (*p == '+' || *p == '-')
            p++;
        if (!isdigit((unsigned char)*p))
            return false;
        while (isdigit((unsigned char)*p))
            p++;
    }
    if (*p != '\0')
        return false;
    *out = ht_read_real(text, NULL);
    if (is_int != NULL)
        *is_int = whole;
    return true;
}

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein distance in which two neighbours that changed places count once; names are short. Rows of three
 * letters of `a`: the latest, the one before, and that before. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][HT_NAME_MAX + 1], n = strlen(b);
    if (n > HT_NAME_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        rows[0][j] = j;
    size_t i = 0;
    for (; a[i] != '\0'; i++) {
        size_t *row = rows[(i + 1) % 3];
        const size_t *above = rows[i % 3];
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t best = least_of(above[j] + (a[i] != b[j]), least_of(row[j], above[j + 1]) + 1);
            bool swapped = i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j];
            row[j + 1] = swapped ? least_of(best, rows[(i + 2) % 3][j - 1] + 1) : best;
        }
    }
    return rows[i % 3][n];
}

const char *ht_nearest(const char *text, const char *const *names, size_t n)
{
    const char *nearest = NULL;
    size_t least = strlen(text) / 2 + 1;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(text, names[i]);
        if (d < least) {
            least = d;
            nearest = names[i];
        }
    }
    return nearest;
}
