/* src/base/shown.c - texts of others on a terminal; the contract is in shown.h. May touch: the heap. */
#include "base/shown.h"

#include <stdio.h>
#include <string.h>

#include "base/width.h"

/* What is shown for the next character. */
typedef struct {
    size_t taken;   /* bytes of the text */
    size_t columns;
    char instead[20]; /* "" = the bytes as they are */
} piece;

bool ht_shown_is_unseen(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } unseen[] = {{0x00AD, 0x00AD}, {0x061C, 0x061C}, {0x180E, 0x180E},   {0x200B, 0x200B},
                  {0x200E, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},   {0xFEFF, 0xFEFF},
                  {0xFFF9, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE007F}};
    for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++)
        if (c >= unseen[i].first && c <= unseen[i].last)
            return true;
    return false;
}

static piece bytes_of(const char *text, size_t n)
{
    piece p = {.taken = n};
    const char *letter = strchr("\nn\rr\tt", text[0]);
    if (n == 1 && text[0] != '\0' && letter != NULL && (unsigned char)text[0] < 0x20)
        snprintf(p.instead, sizeof p.instead, "\\%c", letter[1]);
    else
        for (size_t i = 0; i < n; i++)
            snprintf(p.instead + 4 * i, sizeof p.instead - 4 * i, "\\x%02X", (unsigned char)text[i]);
    return p;
}

/* `text` ends with a 0 that may be part of it. */
static piece next(const char *text)
{
    size_t n;
    uint32_t c = ht_utf8_character(text, &n);
    piece p = {.taken = n};
    if (c < 0x20 || (c >= 0x7F && c < 0xA0) || ht_utf8_length(text) == 0)
        p = bytes_of(text, n);
    else if (ht_shown_is_unseen(c))
        snprintf(p.instead, sizeof p.instead, c > 0xFFFF ? "\\U%08lX" : "\\u%04lX", (unsigned long)c);
    p.columns = p.instead[0] != '\0' ? strlen(p.instead) : (size_t)ht_width_of(c);
    return p;
}

static void add(ht_string *to, const char *text, const piece *p)
{
    if (p->instead[0] != '\0')
        ht_string_add(to, "%s", p->instead);
    else
        ht_string_add_bytes(to, text, p->taken);
}

void ht_shown_add(ht_string *to, const char *text)
{
    ht_shown_add_bytes(to, text, strlen(text));
}

void ht_shown_add_bytes(ht_string *to, const char *bytes, size_t size)
{
    ht_string copy = {0}; /* so that a character which `size` cuts is not read beyond it */
    ht_string_add_bytes(&copy, bytes, size);
    const char *text = ht_string_peek(&copy);
    for (size_t at = 0; at < copy.n;) {
        piece p = next(text + at);
        add(to, text + at, &p);
        at += p.taken;
    }
    to->failed = to->failed || copy.failed;
    ht_string_release(&copy);
}

void ht_shown_add_lines(ht_string *to, const char *text)
{
    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
        ht_shown_add_bytes(to, text, (size_t)(end - text));
        ht_string_add(to, "\n");
    }
    ht_shown_add(to, text);
}

void ht_shown_add_json(ht_string *to, const char *json)
{
    for (size_t n; *json != '\0'; json += n) {
        uint32_t c = ht_utf8_character(json, &n);
        if (ht_utf8_length(json) > 0 && (c < 0x7F || (c >= 0xA0 && !ht_shown_is_unseen(c))))
            ht_string_add_bytes(to, json, n);
        else if (c <= 0xFFFF)
            ht_string_add(to, "\\u%04lx", (unsigned long)c);
        else
            ht_string_add(to, "\\u%04lx\\u%04lx", 0xD7C0ul + (c >> 10), 0xDC00ul + (c & 0x3FF));
    }
}

size_t ht_shown_width(const char *text)
{
    size_t columns = 0;
    while (*text != '\0') {
        piece p = next(text);
        columns += p.columns;
        text += p.taken;
    }
    return columns;
}

void ht_shown_add_cut(ht_string *to, const char *text, size_t columns)
{
    static const char dots[] = "...";
    size_t n_dots = columns < 3 ? columns : 3, used = 0;
    if (ht_shown_width(text) <= columns) {
        ht_shown_add(to, text);
        return;
    }
    for (piece p; *text != '\0' && (p = next(text), used += p.columns) <= columns - n_dots; text += p.taken)
        add(to, text, &p);
    ht_string_add_bytes(to, dots, n_dots);
}
