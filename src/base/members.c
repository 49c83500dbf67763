/* src/base/members.c - the members of a struct as a JSON tree and back; the contract is in members.h.
 *
 * `at` is the way from the root to the object that is visited, `path` its name for people. Every read gets
 * its item from `find`, which gives NULL once there was a fault, so that nothing else needs to know of
 * faults.
 * May touch: the heap, its arguments. */
#include "base/members.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const double exact = 9007199254740992.0; /* up to 2^53 a double holds every integer */

/* ---- the walk ------------------------------------------------------------------------------- */

void ht_members_begin(ht_members *s)
{
    *s = (ht_members){.status = HT_OK};
    s->at[0].item = cJSON_CreateObject();
    if (s->at[0].item == NULL)
        ht_members_fault(s, HT_ENOMEM, "no memory to save it");
}

void ht_members_begin_load(ht_members *s, const char *name, const cJSON *from, bool dry)
{
    *s = (ht_members){.loading = true, .dry = dry};
    snprintf(s->path, sizeof s->path, "%s", name);
    s->at[0].path = strlen(s->path);
    s->at[0].item = (cJSON *)from; /* only read */
    if (!cJSON_IsObject(from))
        ht_members_fault(s, HT_EFORMAT, "%s", from == NULL ? "is missing" : "is no object");
}

void ht_members_fault(ht_members *s, ht_status status, const char *format, ...)
{
    char text[256];
    va_list ap;
    if (s->status != HT_OK)
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    s->status = ht_fail(&s->error, status, "%s%s%s", s->path, s->path[0] != '\0' ? " " : "", text);
}

ht_status ht_members_end(ht_members *s, cJSON **out, ht_error *err)
{
    cJSON *tree = s->loading ? NULL : s->at[0].item;
    if (s->status != HT_OK) {
        cJSON_Delete(tree);
        tree = NULL;
    }
    if (out != NULL)
        *out = tree;
    return s->status == HT_OK ? HT_OK : ht_fail(err, s->status, "%s", s->error.text);
}

bool ht_members_is_good(const ht_members *s)
{
    return s->loading && s->status == HT_OK;
}

bool ht_members_acts(const ht_members *s)
{
    return ht_members_is_good(s) && !s->dry;
}

/* The path names a member from here .. */
static void go_to(ht_members *s, const char *name)
{
    size_t n = s->at[s->depth].path;
    snprintf(s->path + n, sizeof s->path - n, "%s%s", n > 0 && name[0] != '[' ? "." : "", name);
}

/* .. to here. */
static void go_back(ht_members *s)
{
    s->path[s->at[s->depth].path] = '\0';
}

/* Loading: the member that the path names; NULL after a fault, and a fault if it is not there. */
static const cJSON *find(ht_members *s, const char *name)
{
    if (s->status != HT_OK)
        return NULL;
    const cJSON *item = ht_json_member(s->at[s->depth].item, name);
    if (item == NULL)
        ht_members_fault(s, HT_EFORMAT, "is missing");
    return item;
}

/* Loading: the next element of the list. */
static const cJSON *find_next(ht_members *s)
{
    const cJSON *item = s->status == HT_OK ? s->at[s->depth].next : NULL;
    if (item != NULL)
        s->at[s->depth].next = item->next;
    return item;
}

/* Saving: `item` becomes a member, or the next element of a list. @return it; NULL after a fault */
static cJSON *put(ht_members *s, const char *name, cJSON *item)
{
    cJSON *to = s->at[s->depth].item;
    if (s->status == HT_OK && item != NULL &&
        (cJSON_IsArray(to) ? cJSON_AddItemToArray(to, item) : cJSON_AddItemToObject(to, name, item)))
        return item;
    cJSON_Delete(item);
    ht_members_fault(s, HT_ENOMEM, "no memory to save it");
    return NULL;
}

/* ---- objects and lists ---------------------------------------------------------------------- */

/* The path names it already. */
static void go_into(ht_members *s, const cJSON *item)
{
    assert(s->depth + 1 < HT_MEMBERS_DEPTH);
    s->depth++;
    s->at[s->depth].item = (cJSON *)item;
    s->at[s->depth].next = item != NULL ? item->child : NULL;
    s->at[s->depth].path = strlen(s->path);
}

void ht_members_leave(ht_members *s)
{
    s->depth--;
    go_back(s);
}

static void go_into_object(ht_members *s, const cJSON *item)
{
    if (s->loading && s->status == HT_OK && !cJSON_IsObject(item))
        ht_members_fault(s, HT_EFORMAT, "is no object");
    go_into(s, item);
}

void ht_members_enter(ht_members *s, const char *name)
{
    go_to(s, name);
    go_into_object(s, s->loading ? find(s, name) : put(s, name, cJSON_CreateObject()));
}

bool ht_members_enter_if(ht_members *s, const char *name, bool given)
{
    go_to(s, name);
    const cJSON *item =
        s->loading ? find(s, name) : put(s, name, given ? cJSON_CreateObject() : cJSON_CreateNull());
    if (item == NULL || cJSON_IsNull(item)) {
        go_back(s);
        return false;
    }
    go_into_object(s, item);
    if (s->status == HT_OK)
        return true;
    ht_members_leave(s);
    return false;
}

size_t ht_members_enter_list(ht_members *s, const char *name, size_t n, size_t most)
{
    go_to(s, name);
    const cJSON *item = s->loading ? find(s, name) : put(s, name, cJSON_CreateArray());
    if (s->loading) {
        n = cJSON_IsArray(item) ? (size_t)cJSON_GetArraySize(item) : 0;
        if (item != NULL && !cJSON_IsArray(item))
            ht_members_fault(s, HT_EFORMAT, "is no list");
        if (n > most)
            ht_members_fault(s, HT_EFORMAT, "has %zu elements; there can be %zu", n, most);
    }
    go_into(s, item);
    return s->loading && s->status != HT_OK ? 0 : n;
}

void ht_members_enter_item(ht_members *s, size_t i)
{
    char name[32];
    snprintf(name, sizeof name, "[%zu]", i);
    go_to(s, name);
    go_into_object(s, s->loading ? find_next(s) : put(s, "", cJSON_CreateObject()));
}

/* ---- numbers -------------------------------------------------------------------------------- */

static cJSON *item_of_real(double x)
{
    uint64_t bits;
    char text[32];
    if (isfinite(x))
        return ht_json_real(x);
    memcpy(&bits, &x, sizeof bits);
    snprintf(text, sizeof text, "0x%016" PRIx64, bits);
    return cJSON_CreateString(text);
}

static bool real_of_item(const cJSON *item, double *x)
{
    uint64_t bits;
    int end = 0;
    if (cJSON_IsNumber(item)) {
        *x = item->valuedouble;
        return true;
    }
    const char *text = cJSON_GetStringValue(item);
    if (text == NULL || sscanf(text, "0x%16" SCNx64 "%n", &bits, &end) != 1 || end != 18 || text[end] != '\0')
        return false;
    memcpy(x, &bits, sizeof *x);
    return true;
}

static void read_real(ht_members *s, const cJSON *item, double *x)
{
    *x = 0;
    if (s->status == HT_OK && !real_of_item(item, x))
        ht_members_fault(s, HT_EFORMAT, "is no number");
}

void ht_members_real(ht_members *s, const char *name, double *x)
{
    go_to(s, name);
    if (s->loading)
        read_real(s, find(s, name), x);
    else
        put(s, name, item_of_real(*x));
    go_back(s);
}

void ht_members_reals(ht_members *s, const char *name, double *x, size_t n)
{
    if (ht_members_enter_list(s, name, n, n) != n)
        ht_members_fault(s, HT_EFORMAT, "has not %zu elements", n);
    for (size_t i = 0; i < n; i++) {
        if (s->loading)
            read_real(s, find_next(s), &x[i]);
        else
            put(s, "", item_of_real(x[i]));
    }
    ht_members_leave(s);
}

/* Integers that a double holds are numbers, the others decimal texts. A negative one has its magnitude in
 * `x`. */
static cJSON *item_of_whole(bool negative, unsigned long long x)
{
    char text[32];
    if ((double)x < exact)
        return ht_json_int(negative ? -(double)x : (double)x);
    snprintf(text, sizeof text, "%s%llu", negative ? "-" : "", x);
    return cJSON_CreateString(text);
}

static bool whole_of_item(const cJSON *item, bool *negative, unsigned long long *x)
{
    char *end = NULL;
    if (cJSON_IsNumber(item)) {
        double value = item->valuedouble;
        *negative = value < 0;
        if (!(fabs(value) < exact) || value != floor(value))
            return false;
        *x = (unsigned long long)fabs(value);
        return true;
    }
    if (!cJSON_IsString(item))
        return false;
    const char *text = item->valuestring;
    *negative = text[0] == '-';
    text += *negative;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *x = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0';
}

/* @param most, least  the largest value and the magnitude of the smallest one */
static void whole(ht_members *s, const char *name, bool *negative, unsigned long long *x,
                  unsigned long long most, unsigned long long least)
{
    go_to(s, name);
    if (!s->loading) {
        put(s, name, item_of_whole(*negative, *x));
    } else {
        const cJSON *item = find(s, name);
        if (item != NULL && !whole_of_item(item, negative, x))
            ht_members_fault(s, HT_EFORMAT, "is no integer");
        else if (item != NULL && *x > (*negative ? least : most))
            ht_members_fault(s, HT_EFORMAT, "is out of range");
        if (s->status != HT_OK) {
            *negative = false;
            *x = 0;
        }
    }
    go_back(s);
}

void ht_members_longlong(ht_members *s, const char *name, long long *x)
{
    bool negative = *x < 0;
    unsigned long long magnitude = negative ? 0 - (unsigned long long)*x : (unsigned long long)*x;
    whole(s, name, &negative, &magnitude, LLONG_MAX, (unsigned long long)LLONG_MAX + 1);
    if (s->loading)
        *x = !negative ? (long long)magnitude : magnitude > LLONG_MAX ? LLONG_MIN : -(long long)magnitude;
}

void ht_members_ulong(ht_members *s, const char *name, unsigned long *x)
{
    bool negative = false;
    unsigned long long magnitude = *x;
    whole(s, name, &negative, &magnitude, ULONG_MAX, 0);
    if (s->loading)
        *x = (unsigned long)magnitude;
}

void ht_members_size(ht_members *s, const char *name, size_t *x)
{
    bool negative = false;
    unsigned long long magnitude = *x;
    whole(s, name, &negative, &magnitude, SIZE_MAX, 0);
    if (s->loading)
        *x = (size_t)magnitude;
}

void ht_members_int(ht_members *s, const char *name, int *x, int lo, int hi)
{
    long long value = *x;
    ht_members_longlong(s, name, &value);
    if (!s->loading)
        return;
    if (s->status == HT_OK && (value < lo || value > hi)) {
        go_to(s, name);
        ht_members_fault(s, HT_EFORMAT, "is not in %d..%d", lo, hi);
        go_back(s);
    }
    *x = s->status == HT_OK ? (int)value : lo;
}

void ht_members_bool(ht_members *s, const char *name, bool *x)
{
    go_to(s, name);
    if (!s->loading) {
        put(s, name, cJSON_CreateBool(*x));
    } else {
        const cJSON *item = find(s, name);
        if (item != NULL && !cJSON_IsBool(item))
            ht_members_fault(s, HT_EFORMAT, "is neither true nor false");
        *x = cJSON_IsTrue(item);
    }
    go_back(s);
}

/* ---- texts ---------------------------------------------------------------------------------- */

/* JSON holds UTF-8 only; other bytes, which a program may have put into a message, are written as hex
 * digits. */
static cJSON *item_of_text(const char *text)
{
    if (ht_utf8_fault(text) == NULL)
        return cJSON_CreateString(text);
    ht_string hex = {0};
    for (const char *p = text; *p != '\0'; p++)
        ht_string_add(&hex, "%02x", (unsigned char)*p);
    cJSON *item = hex.failed ? NULL : cJSON_CreateObject();
    ht_json_put_text(item, "bytes", ht_string_peek(&hex));
    ht_string_release(&hex);
    return item;
}

/* @return owned by the caller; NULL: it is no text, or out of memory */
static char *text_of_item(const cJSON *item)
{
    const char *plain = cJSON_GetStringValue(item), *hex = ht_json_text(item, "bytes");
    const char *from = plain != NULL ? plain : hex;
    if (from == NULL)
        return NULL;
    size_t n = strlen(from);
    char *text = calloc(n + 1, 1);
    if (text == NULL || plain != NULL)
        return text != NULL ? memcpy(text, from, n) : NULL;
    for (size_t i = 0; 2 * i < n; i++) {
        unsigned byte;
        int end = 0;
        if (sscanf(hex + 2 * i, "%2x%n", &byte, &end) != 1 || end != 2 || byte == 0) {
            free(text);
            return NULL;
        }
        text[i] = (char)byte;
    }
    return text;
}

static char *read_text(ht_members *s, const cJSON *item)
{
    char *text = item != NULL ? text_of_item(item) : NULL;
    if (item != NULL && text == NULL)
        ht_members_fault(s, HT_EFORMAT, "is no text");
    return text;
}

void ht_members_field(ht_members *s, const char *name, char *text, size_t size)
{
    go_to(s, name);
    if (!s->loading) {
        put(s, name, item_of_text(text));
    } else {
        char *read = read_text(s, find(s, name));
        if (read != NULL && strlen(read) >= size)
            ht_members_fault(s, HT_EFORMAT, "has more than %zu bytes", size - 1);
        memset(text, 0, size);
        if (read != NULL && s->status == HT_OK)
            memcpy(text, read, strlen(read));
        free(read);
    }
    go_back(s);
}

void ht_members_text(ht_members *s, const char *name, char **text)
{
    go_to(s, name);
    if (!s->loading) {
        put(s, name, *text != NULL ? item_of_text(*text) : cJSON_CreateNull());
    } else {
        const cJSON *item = find(s, name);
        *text = cJSON_IsNull(item) ? NULL : read_text(s, item);
    }
    go_back(s);
}

void ht_members_json(ht_members *s, const char *name, cJSON **tree)
{
    go_to(s, name);
    if (!s->loading) {
        put(s, name, *tree != NULL ? cJSON_Duplicate(*tree, true) : cJSON_CreateNull());
    } else {
        const cJSON *item = find(s, name);
        *tree = item == NULL || cJSON_IsNull(item) ? NULL : cJSON_Duplicate(item, true);
        if (item != NULL && !cJSON_IsNull(item) && *tree == NULL)
            ht_members_fault(s, HT_ENOMEM, "no memory to load it");
    }
    go_back(s);
}

/* ---- values --------------------------------------------------------------------------------- */

static void visit_content(ht_members *s, ht_scalar *x)
{
    ht_members_real(s, "number", &x->number);
    ht_members_field(s, "text", x->text, sizeof x->text);
}

static void visit_items(ht_members *s, ht_value *v)
{
    ht_members_size(s, "length", &v->n_items);
    size_t kept = v->n_items < HT_ITEMS_MAX ? v->n_items : HT_ITEMS_MAX;
    if (ht_members_enter_list(s, "items", kept, HT_ITEMS_MAX) != kept)
        ht_members_fault(s, HT_EFORMAT, "has not %zu elements", kept);
    for (size_t i = 0; i < kept; i++) {
        ht_members_enter_item(s, i);
        HT_MEMBERS_ENUM(s, "kind", v->items[i].kind, ht_value_kind, HT_VALUE_TEXT);
        visit_content(s, &v->items[i]);
        ht_members_leave(s);
    }
    ht_members_leave(s);
}

void ht_members_value(ht_members *s, const char *name, ht_value *v)
{
    if (s->loading)
        *v = (ht_value){.kind = HT_VALUE_NONE};
    ht_members_enter(s, name);
    HT_MEMBERS_ENUM(s, "kind", v->kind, ht_value_kind, HT_VALUE_LIST);
    if (v->kind == HT_VALUE_LIST)
        visit_items(s, v);
    else
        visit_content(s, &v->scalar);
    if (s->loading && v->kind != HT_VALUE_LIST)
        v->scalar.kind = v->kind;
    ht_members_leave(s);
}
