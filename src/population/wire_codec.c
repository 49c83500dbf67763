/* src/population/wire_codec.c - bytes of numbers, texts and JSON trees; the contract is in wire_codec.h.
 *
 * May touch: the heap. Every read goes through `take`, which is the only place that advances and the
 * only one that compares with the end. */
#include "population/wire_codec.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 4096, JSON_DEPTH_MAX = 64 };

static void fault(ht_wire *w, const char *what)
{
    if (w->fault == NULL)
        w->fault = what;
    w->end = w->p;          /* nothing more can be read */
}

/* Room for n more bytes at the end of what is written, or NULL. */
static unsigned char *grow(ht_wire *w, size_t n)
{
    if (w->no_memory)
        return NULL;
    if (w->capacity - w->out.n < n) {
        size_t capacity = w->capacity > 0 ? 2 * w->capacity : FIRST_CAPACITY;
        while (capacity - w->out.n < n)
            capacity *= 2;
        unsigned char *data = realloc(w->out.data, capacity);
        if (data == NULL) {
            w->no_memory = true;
            return NULL;
        }
        w->out.data = data;
        w->capacity = capacity;
    }
    unsigned char *at = w->out.data + w->out.n;
    w->out.n += n;
    return at;
}

/* The next n bytes of what is read, or NULL. */
static const unsigned char *take(ht_wire *w, size_t n)
{
    if ((size_t)(w->end - w->p) < n) {
        fault(w, "it is cut off");
        return NULL;
    }
    const unsigned char *at = w->p;
    w->p += n;
    return at;
}

static void put_number(ht_wire *w, uint64_t x, size_t n)
{
    unsigned char *at = grow(w, n);
    for (size_t i = 0; at != NULL && i < n; i++)
        at[i] = (unsigned char)(x >> 8 * i);
}

static uint64_t get_number(ht_wire *w, size_t n)
{
    uint64_t x = 0;
    const unsigned char *at = take(w, n);
    for (size_t i = 0; at != NULL && i < n; i++)
        x |= (uint64_t)at[i] << 8 * i;
    return x;
}

/* ---- numbers -------------------------------------------------------------------------------- */

void ht_wire_ulong(ht_wire *w, unsigned long *x)
{
    if (!w->reading) {
        put_number(w, *x, 8);
        return;
    }
    uint64_t y = get_number(w, 8);
    if (y > ULONG_MAX)
        fault(w, "a number is too large");
    *x = w->fault == NULL ? (unsigned long)y : 0;
}

void ht_wire_longlong(ht_wire *w, long long *x)
{
    if (!w->reading) {
        put_number(w, (uint64_t)*x, 8);
        return;
    }
    uint64_t y = get_number(w, 8);
    int64_t z;
    memcpy(&z, &y, sizeof z);
    *x = z;
}

void ht_wire_int(ht_wire *w, int *x)
{
    long long y = w->reading ? 0 : *x;
    ht_wire_longlong(w, &y);
    if (!w->reading)
        return;
    if (y < INT_MIN || y > INT_MAX) {
        fault(w, "a number is too large");
        y = 0;
    }
    *x = (int)y;
}

void ht_wire_real(ht_wire *w, double *x)
{
    uint64_t bits;
    if (!w->reading) {
        memcpy(&bits, x, sizeof bits);
        put_number(w, bits, 8);
        return;
    }
    bits = get_number(w, 8);
    memcpy(x, &bits, sizeof bits);
}

unsigned ht_wire_choice(ht_wire *w, unsigned x, unsigned least, unsigned most)
{
    if (!w->reading) {
        put_number(w, x, 1);
        return x;
    }
    unsigned y = (unsigned)get_number(w, 1);
    if (w->fault == NULL && y >= least && y <= most)
        return y;
    fault(w, "a choice is out of range");
    return least;
}

void ht_wire_bool(ht_wire *w, bool *x)
{
    unsigned y = ht_wire_choice(w, !w->reading && *x, 0, 1);
    if (w->reading)
        *x = y == 1;
}

void ht_wire_count(ht_wire *w, size_t *n, size_t most)
{
    if (!w->reading) {
        put_number(w, *n, 4);
        return;
    }
    uint64_t x = get_number(w, 4);
    if (x > most) {
        fault(w, "a count is too large");
        x = 0;
    }
    *n = (size_t)x;
}

/* ---- texts ---------------------------------------------------------------------------------- */

static void put_text(ht_wire *w, const char *text, size_t n)
{
    put_number(w, n, 4);
    unsigned char *at = grow(w, n);
    if (at != NULL && n > 0)
        memcpy(at, text, n);
}

/* A text of at most `most` bytes; NULL after a fault. Not 0-terminated. */
static const char *get_text(ht_wire *w, size_t *n, size_t most)
{
    ht_wire_count(w, n, most);
    const char *text = (const char *)take(w, *n);
    if (w->fault != NULL || memchr(text, '\0', *n) != NULL) {
        fault(w, "a text has a 0 inside");
        return NULL;
    }
    return text;
}

void ht_wire_field(ht_wire *w, char *text, size_t size)
{
    if (!w->reading) {
        put_text(w, text, strlen(text));
        return;
    }
    size_t n = 0;
    const char *from = get_text(w, &n, size - 1);
    if (from == NULL)
        n = 0;
    else
        memcpy(text, from, n);
    text[n] = '\0';
}

static char *get_owned_text(ht_wire *w)
{
    size_t n = 0;
    const char *from = get_text(w, &n, UINT32_MAX);
    if (from == NULL)
        return NULL;
    char *copy = malloc(n + 1);
    if (copy == NULL) {
        w->no_memory = true;
        fault(w, "there is no memory for it");
        return NULL;
    }
    memcpy(copy, from, n);
    copy[n] = '\0';
    return copy;
}

void ht_wire_text(ht_wire *w, char **text)
{
    bool there = !w->reading && *text != NULL;
    ht_wire_bool(w, &there);
    if (w->reading)
        *text = there ? get_owned_text(w) : NULL;
    else if (there)
        put_text(w, *text, strlen(*text));
}

/* ---- JSON trees ----------------------------------------------------------------------------- */

/* A tree goes over by structure and not as text, which would turn the real 2.0 into the integer 2. */
enum { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_INT, JSON_REAL, JSON_TEXT, JSON_LIST, JSON_OBJECT };

static unsigned json_kind(const cJSON *item)
{
    return cJSON_IsFalse(item)    ? JSON_FALSE
           : cJSON_IsTrue(item)   ? JSON_TRUE
           : ht_json_is_int(item) ? JSON_INT
           : cJSON_IsNumber(item) ? JSON_REAL
           : cJSON_IsString(item) ? JSON_TEXT
           : cJSON_IsArray(item)  ? JSON_LIST
           : cJSON_IsObject(item) ? JSON_OBJECT
                                  : JSON_NULL;
}

static void put_json(ht_wire *w, const cJSON *item)
{
    unsigned kind = json_kind(item);
    put_number(w, kind, 1);
    if (kind == JSON_INT || kind == JSON_REAL) {
        double x = item->valuedouble;
        ht_wire_real(w, &x);
    } else if (kind == JSON_TEXT) {
        put_text(w, item->valuestring, strlen(item->valuestring));
    } else if (kind >= JSON_LIST) {
        put_number(w, (uint64_t)cJSON_GetArraySize(item), 4);
        const cJSON *member;
        cJSON_ArrayForEach(member, item) {
            if (kind == JSON_OBJECT)
                put_text(w, member->string, strlen(member->string));
            put_json(w, member);
        }
    }
}

static cJSON *get_json(ht_wire *w, int depth);

static cJSON *get_json_number(ht_wire *w, bool is_int)
{
    double x;
    ht_wire_real(w, &x);
    if (!isfinite(x))
        fault(w, "a JSON number is not finite");
    return w->fault != NULL ? NULL : is_int ? ht_json_int(x) : ht_json_real(x);
}

static cJSON *get_json_text(ht_wire *w)
{
    char *text = get_owned_text(w);
    cJSON *item = text != NULL ? cJSON_CreateString(text) : NULL;
    free(text);
    return item;
}

static void get_json_member(ht_wire *w, cJSON *parent, int depth)
{
    char *name = cJSON_IsObject(parent) ? get_owned_text(w) : NULL;
    cJSON *member = get_json(w, depth + 1);
    if (member != NULL && name != NULL)
        ht_json_put(parent, name, member);
    else if (member != NULL && cJSON_IsArray(parent))
        cJSON_AddItemToArray(parent, member);
    else
        cJSON_Delete(member);
    free(name);
}

static cJSON *get_json_members(ht_wire *w, cJSON *parent, int depth)
{
    size_t n = 0;
    ht_wire_count(w, &n, UINT32_MAX);
    if (depth >= JSON_DEPTH_MAX)
        fault(w, "JSON is nested too deeply");
    for (size_t i = 0; i < n && w->fault == NULL && parent != NULL; i++)
        get_json_member(w, parent, depth);
    return parent;
}

/* NULL after a fault. */
static cJSON *get_json(ht_wire *w, int depth)
{
    unsigned kind = ht_wire_choice(w, 0, JSON_NULL, JSON_OBJECT);
    if (w->fault != NULL)
        return NULL;
    cJSON *item = kind == JSON_NULL                        ? cJSON_CreateNull()
                  : kind == JSON_FALSE                     ? cJSON_CreateFalse()
                  : kind == JSON_TRUE                      ? cJSON_CreateTrue()
                  : kind == JSON_INT || kind == JSON_REAL  ? get_json_number(w, kind == JSON_INT)
                  : kind == JSON_TEXT                      ? get_json_text(w)
                  : kind == JSON_LIST                      ? get_json_members(w, cJSON_CreateArray(), depth)
                                                           : get_json_members(w, cJSON_CreateObject(), depth);
    if (item == NULL && w->fault == NULL) {
        w->no_memory = true;
        fault(w, "there is no memory for it");
    }
    if (w->fault != NULL) {
        cJSON_Delete(item);
        return NULL;
    }
    return item;
}

void ht_wire_json(ht_wire *w, cJSON **item)
{
    bool there = !w->reading && *item != NULL;
    ht_wire_bool(w, &there);
    if (w->reading)
        *item = there ? get_json(w, 0) : NULL;
    else if (there)
        put_json(w, *item);
}
