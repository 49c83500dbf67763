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
    ht_place *places;       /* of the values seen so far; room for all */
    size_t n;
    ht_error *err;
} scan;

/* As cJSON has it. */
static bool is_blank(char c)
{
    return c != '\0' && (unsigned char)c <= ' ';
}

static void advance_to(scan *s, const char *p)
{
    for (; s->p < p; s->p++)
        if (*s->p == '\n') {
            s->line++;
            s->line_start = s->p + 1;
        }
}

static ht_place place_of(const scan *s)
{
    int column = (int)(s->p - s->line_start) + 1;
    return (ht_place){s->line, column, s->line, column};
}

static void skip_blanks(scan *s)
{
    while (is_blank(*s->p))
        advance_to(s, s->p + 1);
}

/* @return false if it holds an escaped 0, at which C would end it */
static bool skip_string(scan *s)
{
    const char *p = s->p + 1;
    bool whole = true;
    while (*p != '\0' && *p != '"') {
        if (strncmp(p, "\\u0000", 6) == 0)
            whole = false;
        p += p[0] == '\\' && p[1] != '\0' ? 2 : 1;
    }
    advance_to(s, *p == '"' ? p + 1 : p);
    return whole;
}

/* cJSON also takes 01, 1. and -.5. */
static bool is_strict_number(const char *p, const char *end)
{
    p += *p == '-';
    if (!isdigit((unsigned char)*p) || (*p == '0' && isdigit((unsigned char)p[1])))
        return false;
    for (; p < end; p++)
        if (*p == '.' && !isdigit((unsigned char)p[1]))
            return false;
    return true;
}

static ht_status refuse(const scan *s, ht_place at, const char *why)
{
    return ht_fail(s->err, HT_EFORMAT, "line %d, column %d: %s", at.line, at.column, why);
}

/* Go on to the next value of the text, past punctuation and member names, and note its place. */
static ht_status next_value(scan *s, bool *is_int)
{
    ht_place key = {0};
    *is_int = false;
    for (;;) {
        while (is_blank(*s->p) || (*s->p != '\0' && strchr(",:]}", *s->p) != NULL))
            advance_to(s, s->p + 1);
        ht_place place = place_of(s);
        if (key.line > 0) {
            place.key_line = key.line;
            place.key_column = key.column;
        }
        s->places[s->n] = place;
        if (*s->p == '"') {
            if (!skip_string(s))
                return refuse(s, place, "a text with \\u0000 in it cannot be kept");
            skip_blanks(s);
            if (*s->p == ':') {
                key = place;        /* that was a member's name */
                continue;
            }
        } else if (*s->p == '{' || *s->p == '[') {
            advance_to(s, s->p + 1);
        } else {
            const char *p = s->p;
            bool number = *p == '-' || isdigit((unsigned char)*p), whole = number;
            for (; *p != '\0' && !is_blank(*p) && strchr(",]}", *p) == NULL; p++)
                whole = whole && strchr(".eE", *p) == NULL;
            if (number && !is_strict_number(s->p, p))
                return refuse(s, place, "this is not JSON");
            *is_int = whole;
            advance_to(s, p);
        }
        s->n++;
        return HT_OK;
    }
}

static size_t count(const cJSON *item)
{
    size_t n = 0;
    for (; item != NULL; item = item->next)
        n += 1 + count(item->child);
    return n;
}

typedef struct {
    const char *name;
    size_t at;              /* of its value in `places` */
} member;

static int by_name(const void *a, const void *b)
{
    const member *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

/* Two members of one name: every reader would choose another of them. */
static ht_status refuse_twins(const scan *s, size_t n, member *members)
{
    const member *twin = NULL;
    qsort(members, n, sizeof *members, by_name);
    for (size_t i = 1; i < n; i++)
        if (strcmp(members[i].name, members[i - 1].name) == 0 && (twin == NULL || members[i].at < twin->at))
            twin = &members[i];
    if (twin == NULL)
        return HT_OK;
    ht_place at = s->places[twin->at];
    return ht_fail(s->err, HT_EFORMAT, "line %d, column %d: '%s' is given twice", at.key_line, at.key_column,
                   twin->name);
}

static ht_status mark(cJSON *item, scan *s);

static ht_status mark_members(cJSON *object, scan *s)
{
    size_t n = 0, i = 0;
    for (const cJSON *child = object->child; child != NULL; child = child->next)
        n++;
    if (n == 0)
        return HT_OK;
    member *members = calloc(n, sizeof *members);
    if (members == NULL)
        return ht_fail(s->err, HT_ENOMEM, "no memory for a JSON text");
    ht_status status = HT_OK;
    for (cJSON *child = object->child; status == HT_OK && child != NULL; child = child->next) {
        members[i++] = (member){child->string, s->n};
        status = mark(child, s);
    }
    if (status == HT_OK)
        status = refuse_twins(s, n, members);
    free(members);
    return status;
}

/* Mark one value and all inside it; refuse what cJSON let pass. cJSON bounds the depth. */
static ht_status mark(cJSON *item, scan *s)
{
    bool is_int;
    HT_TRY(next_value(s, &is_int));
    if (cJSON_IsNumber(item) && !isfinite(item->valuedouble))
        return refuse(s, s->places[s->n - 1], "this number is too large");
    if (cJSON_IsNumber(item) && is_int)
        item->type |= MARK_INT;
    if (cJSON_IsObject(item))
        return mark_members(item, s);
    for (cJSON *child = item->child; child != NULL; child = child->next)
        HT_TRY(mark(child, s));
    return HT_OK;
}

static ht_status refuse_at(const char *text, const char *p, const char *why, ht_error *err)
{
    scan s = {.p = text, .line = 1, .line_start = text, .err = err};
    advance_to(&s, p);
    return refuse(&s, place_of(&s), why);
}

ht_status ht_json_parse(const char *text, cJSON **out, ht_place **places, ht_error *err)
{
    if (strncmp(text, "\xEF\xBB\xBF", 3) == 0)
        text += 3;                  /* the byte order mark of some editors; cJSON skips it, too */
    const char *end = ht_utf8_fault(text);
    if (end != NULL)
        return refuse_at(text, end, "this is not UTF-8", err);
    cJSON *item = cJSON_ParseWithOpts(text, &end, 1);
    if (item == NULL)
        return refuse_at(text, end, "this is not JSON", err);
    ht_status status = HT_OK;
    scan s = {.p = text, .line = 1, .line_start = text, .err = err};
    s.places = calloc(count(item), sizeof *s.places);
    if (s.places == NULL)
        status = ht_fail(err, HT_ENOMEM, "no memory for a JSON text");
    else
        status = mark(item, &s);
    if (status == HT_OK) {
        *out = item;
        item = NULL;
        if (places != NULL) {
            *places = s.places;
            s.places = NULL;
        }
    }
    free(s.places);
    cJSON_Delete(item);
    return status;
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

/* Bytes that are printed as they are. */
static size_t plain_run(const char *text)
{
    size_t n = 0, length;
    while ((length = ht_utf8_length(text + n)) > 0 && (unsigned char)text[n] >= ' ' && text[n] != '"' &&
           text[n] != '\\')
        n += length;
    return n;
}

static void print_string(const char *text, ht_string *out)
{
    ht_string_add_bytes(out, "\"", 1);
    for (;; text++) {
        size_t n = plain_run(text);
        ht_string_add_bytes(out, text, n);
        text += n;
        if (*text == '\0')
            break;
        if (*text == '"' || *text == '\\')
            ht_string_add(out, "\\%c", *text);
        else if (*text == '\n')
            ht_string_add(out, "\\n");
        else if ((unsigned char)*text < ' ')
            ht_string_add(out, "\\u%04x", (unsigned char)*text);
        else
            ht_string_add(out, "\xEF\xBF\xBD");     /* U+FFFD, for a byte that is no UTF-8 */
    }
    ht_string_add_bytes(out, "\"", 1);
}

static void print_number(const cJSON *item, ht_string *out)
{
    char text[40];
    double x = item->valuedouble;
    if (!isfinite(x))
        snprintf(text, sizeof text, "null");
    else if (ht_json_is_int(item) && fabs(x) < 1e18)
        snprintf(text, sizeof text, "%.0f", x);     /* %g would write 1e15 as a real */
    else
        ht_print_real(text, x, true);
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
