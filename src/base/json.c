/* src/base/json.c - cJSON with number kinds and places; the contract is in json.h.
 *
 * cJSON keeps a number as a double only. After it has parsed, `mark` walks the same text once more:
 * the values of a tree in document order are the values of the text in order of appearance, so the
 * i-th one found by the scan belongs to the i-th node. An integer gets a bit of `type` above those
 * that cJSON uses (it compares type & 0xFF).
 *
 * Printing is ours, too: cJSON takes 0.3 for 0.1 + 0.2 (it compares with a tolerance), and forgets that
 * 1.0 was a real. */
#include "base/json.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { MARK_INT = 1 << 20 };

typedef struct {
    const char *p;
    int line;
    const char *line_start;
} scan;

static void advance_to(scan *s, const char *p)
{
    for (; s->p < p; s->p++)
        if (*s->p == '\n') {
            s->line++;
            s->line_start = s->p + 1;
        }
}

static void skip_string(scan *s)
{
    const char *p = s->p + 1;
    while (*p != '\0' && *p != '"')
        p += p[0] == '\\' && p[1] != '\0' ? 2 : 1;
    advance_to(s, *p == '"' ? p + 1 : p);
}

static void skip_space(scan *s)
{
    const char *p = s->p;
    while (*p != '\0' && strchr(" \t\r\n", *p) != NULL)
        p++;
    advance_to(s, p);
}

/* The next value of the text: skips punctuation and member names. */
static bool next_value(scan *s, ht_place *place, bool *is_int)
{
    for (;;) {
        while (*s->p != '\0' && strchr(" \t\r\n,:]}", *s->p) != NULL)
            advance_to(s, s->p + 1);
        if (*s->p == '\0')
            return false;
        *place = (ht_place){s->line, (int)(s->p - s->line_start) + 1};
        *is_int = false;
        if (*s->p == '"') {
            skip_string(s);
            skip_space(s);
            if (*s->p == ':')
                continue;           /* that was a member's name */
            return true;
        }
        if (*s->p == '{' || *s->p == '[') {
            advance_to(s, s->p + 1);
            return true;
        }
        size_t n = strcspn(s->p, " \t\r\n,]}");
        *is_int = (*s->p == '-' || isdigit((unsigned char)*s->p)) &&
                  strcspn(s->p, ".eE") >= n;
        advance_to(s, s->p + (n > 0 ? n : 1));
        return true;
    }
}

static size_t count(const cJSON *item)
{
    size_t n = 0;
    for (; item != NULL; item = item->next)
        n += 1 + count(item->child);
    return n;
}

static void mark(cJSON *item, scan *s, ht_place *places, size_t *at)
{
    for (; item != NULL; item = item->next) {
        ht_place place = {0, 0};
        bool is_int = false;
        next_value(s, &place, &is_int);
        if (places != NULL)
            places[*at] = place;
        ++*at;
        if (is_int && cJSON_IsNumber(item))
            item->type |= MARK_INT;
        mark(item->child, s, places, at);
    }
}

static ht_status syntax_error(const char *text, const char *end, ht_error *err)
{
    scan s = {text, 1, text};
    if (end == NULL || end < text || end > text + strlen(text))
        end = text;
    advance_to(&s, end);
    return ht_fail(err, HT_EFORMAT, "line %d, column %d: this is not JSON", s.line,
                   (int)(s.p - s.line_start) + 1);
}

ht_status ht_json_parse(const char *text, cJSON **out, ht_place **places, ht_error *err)
{
    const char *end = NULL;
    cJSON *item = cJSON_ParseWithOpts(text, &end, 1);
    if (item == NULL)
        return syntax_error(text, end, err);
    ht_place *at = NULL;
    if (places != NULL) {
        at = calloc(count(item), sizeof *at);
        if (at == NULL) {
            cJSON_Delete(item);
            return ht_fail(err, HT_ENOMEM, "no memory for a JSON text");
        }
        *places = at;
    }
    scan s = {text, 1, text};
    mark(item, &s, at, &(size_t){0});
    *out = item;
    return HT_OK;
}

bool ht_json_is_int(const cJSON *item)
{
    return cJSON_IsNumber(item) && (item->type & MARK_INT) != 0;
}

cJSON *ht_json_int(double x)
{
    cJSON *item = cJSON_CreateNumber(x);
    if (item != NULL)
        item->type |= MARK_INT;
    return item;
}

cJSON *ht_json_real(double x)
{
    return isfinite(x) ? cJSON_CreateNumber(x) : cJSON_CreateNull();
}

void ht_json_put(cJSON *object, const char *name, cJSON *item)
{
    if (item != NULL && !cJSON_AddItemToObject(object, name, item))
        cJSON_Delete(item);
}

void ht_json_put_text(cJSON *object, const char *name, const char *text)
{
    ht_json_put(object, name, text == NULL ? cJSON_CreateNull() : cJSON_CreateString(text));
}

void ht_json_put_int(cJSON *object, const char *name, double x)
{
    ht_json_put(object, name, ht_json_int(x));
}

void ht_json_put_real(cJSON *object, const char *name, double x)
{
    ht_json_put(object, name, ht_json_real(x));
}

void ht_json_put_bool(cJSON *object, const char *name, bool x)
{
    ht_json_put(object, name, cJSON_CreateBool(x));
}

const cJSON *ht_json_member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *ht_json_text(const cJSON *object, const char *name)
{
    const cJSON *item = ht_json_member(object, name);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

double ht_json_number(const cJSON *object, const char *name, double fallback)
{
    const cJSON *item = ht_json_member(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : fallback;
}

bool ht_json_true(const cJSON *object, const char *name)
{
    return cJSON_IsTrue(ht_json_member(object, name));
}

/* ---- printing ------------------------------------------------------------------------------- */

static void print_string(const char *text, ht_string *out)
{
    ht_string_add_bytes(out, "\"", 1);
    while (*text != '\0') {
        size_t n = 0;
        while ((unsigned char)text[n] >= 0x20 && text[n] != '"' && text[n] != '\\')
            n++;
        ht_string_add_bytes(out, text, n);
        text += n;
        if (*text == '\0')
            break;
        if (*text == '"' || *text == '\\')
            ht_string_add(out, "\\%c", *text);
        else if (*text == '\n')
            ht_string_add(out, "\\n");
        else
            ht_string_add(out, "\\u%04x", (unsigned char)*text);
        text++;
    }
    ht_string_add_bytes(out, "\"", 1);
}

static void print_number(const cJSON *item, ht_string *out)
{
    char text[40];
    if (!isfinite(item->valuedouble))
        snprintf(text, sizeof text, "null");
    else
        ht_print_real(text, item->valuedouble, !ht_json_is_int(item));
    ht_string_add(out, "%s", text);
}

/* Begin a line of an indented text; `depth` < 0: everything is one line. */
static void break_line(int depth, ht_string *out)
{
    if (depth >= 0)
        ht_string_add(out, "\n%*s", 2 * depth, "");
}

static void print_item(const cJSON *item, int depth, ht_string *out)
{
    bool is_object = cJSON_IsObject(item);
    if (cJSON_IsString(item)) {
        print_string(item->valuestring, out);
    } else if (cJSON_IsNumber(item)) {
        print_number(item, out);
    } else if (cJSON_IsBool(item)) {
        ht_string_add(out, cJSON_IsTrue(item) ? "true" : "false");
    } else if (cJSON_IsRaw(item)) {
        ht_string_add(out, "%s", item->valuestring);
    } else if (!is_object && !cJSON_IsArray(item)) {
        ht_string_add(out, "null");
    } else {
        ht_string_add(out, is_object ? "{" : "[");
        for (const cJSON *child = item->child; child != NULL; child = child->next) {
            break_line(depth < 0 ? depth : depth + 1, out);
            if (is_object) {
                print_string(child->string, out);
                ht_string_add(out, depth < 0 ? ":" : ": ");
            }
            print_item(child, depth < 0 ? depth : depth + 1, out);
            if (child->next != NULL)
                ht_string_add(out, ",");
        }
        if (item->child != NULL)
            break_line(depth, out);
        ht_string_add(out, is_object ? "}" : "]");
    }
}

char *ht_json_line(const cJSON *item)
{
    ht_string out = {0};
    print_item(item, -1, &out);
    return ht_string_take(&out);
}

char *ht_json_page(const cJSON *item)
{
    ht_string out = {0};
    print_item(item, 0, &out);
    ht_string_add(&out, "\n");
    return ht_string_take(&out);
}
