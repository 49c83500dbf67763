/* src/base/value.c - values of knobs, patches and settings; the contract is in value.h. */
#include "base/value.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static ht_value of_kind(ht_value_kind kind, double number)
{
    return (ht_value){.kind = kind, .scalar = {.kind = kind, .number = number}};
}

ht_value ht_real(double x)
{
    return of_kind(HT_VALUE_REAL, x);
}

ht_value ht_int(long long x)
{
    return of_kind(HT_VALUE_INT, (double)x);
}

ht_value ht_bool(bool x)
{
    return of_kind(HT_VALUE_BOOL, x ? 1 : 0);
}

ht_value ht_text(const char *text)
{
    ht_value v = of_kind(HT_VALUE_TEXT, 0);
    ht_name_copy(v.scalar.text, text);
    return v;
}

ht_value ht_tuple(size_t n, const double *items)
{
    ht_value v = {.kind = HT_VALUE_LIST, .n_items = n};
    for (size_t i = 0; i < n && i < HT_ITEMS_MAX; i++)
        v.items[i] = (ht_scalar){.kind = HT_VALUE_REAL, .number = items[i]};
    return v;
}

void ht_codes_add(ht_codes *codes, const char *code)
{
    if (codes->n == HT_CODES_MAX)
        return;
    char *to = codes->code[codes->n++];
    strncpy(to, code, sizeof codes->code[0] - 1);
    to[sizeof codes->code[0] - 1] = '\0';
}

bool ht_value_is_number(const ht_value *v)
{
    return v->kind == HT_VALUE_INT || v->kind == HT_VALUE_REAL;
}

bool ht_value_as_number(const ht_value *v, double *out)
{
    if (ht_value_is_number(v) || v->kind == HT_VALUE_BOOL) {
        *out = v->scalar.number;
        return true;
    }
    if (v->kind != HT_VALUE_TEXT)
        return false;
    const char *s = v->scalar.text;
    while (isspace((unsigned char)*s))
        s++;
    const char *end;
    double x = ht_read_real(s, &end);
    bool hex = strpbrk(s, "xXpP(") != NULL;
    while (isspace((unsigned char)*end))
        end++;
    if (end == s || *end != '\0' || hex)
        return false;
    *out = x;
    return true;
}

static bool scalars_equal(const ht_scalar *a, const ht_scalar *b)
{
    bool a_number = a->kind == HT_VALUE_INT || a->kind == HT_VALUE_REAL;
    bool b_number = b->kind == HT_VALUE_INT || b->kind == HT_VALUE_REAL;
    if (a_number && b_number)
        return a->number == b->number;
    if (a->kind != b->kind)
        return false;
    return a->kind == HT_VALUE_TEXT ? strcmp(a->text, b->text) == 0 : a->number == b->number;
}

bool ht_value_equal(const ht_value *a, const ht_value *b)
{
    if (a->kind != HT_VALUE_LIST || b->kind != HT_VALUE_LIST)
        return (a->kind == HT_VALUE_LIST) == (b->kind == HT_VALUE_LIST) &&
               scalars_equal(&a->scalar, &b->scalar);
    if (a->n_items != b->n_items)
        return false;
    for (size_t i = 0; i < a->n_items && i < HT_ITEMS_MAX; i++)
        if (!scalars_equal(&a->items[i], &b->items[i]))
            return false;
    return true;
}

static cJSON *scalar_to_json(const ht_scalar *s)
{
    switch (s->kind) {
    case HT_VALUE_BOOL:
        return cJSON_CreateBool(s->number != 0);
    case HT_VALUE_INT:
        return ht_json_int(s->number);
    case HT_VALUE_REAL:
        return ht_json_real(s->number);
    case HT_VALUE_TEXT:
        return cJSON_CreateString(s->text);
    default:
        return cJSON_CreateNull();
    }
}

cJSON *ht_value_to_json(const ht_value *v)
{
    if (v->kind != HT_VALUE_LIST)
        return scalar_to_json(&v->scalar);
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; list != NULL && i < v->n_items && i < HT_ITEMS_MAX; i++)
        if (!cJSON_AddItemToArray(list, scalar_to_json(&v->items[i]))) {
            cJSON_Delete(list);     /* no memory for the item */
            return NULL;
        }
    return list;
}

static ht_scalar scalar_from_json(const cJSON *item)
{
    ht_scalar s = {.kind = HT_VALUE_NONE};
    if (cJSON_IsNull(item))
        s.kind = HT_VALUE_NULL;
    else if (cJSON_IsBool(item))
        s = (ht_scalar){.kind = HT_VALUE_BOOL, .number = cJSON_IsTrue(item)};
    else if (cJSON_IsNumber(item))
        s = (ht_scalar){.kind = ht_json_is_int(item) ? HT_VALUE_INT : HT_VALUE_REAL,
                        .number = item->valuedouble};
    else if (cJSON_IsString(item)) {
        s.kind = HT_VALUE_TEXT;
        ht_name_copy(s.text, item->valuestring);
    }
    return s;
}

ht_value ht_value_from_json(const cJSON *item)
{
    ht_value v = {.kind = HT_VALUE_NONE};
    if (cJSON_IsArray(item)) {
        v.kind = HT_VALUE_LIST;
        const cJSON *element;
        cJSON_ArrayForEach(element, item) {
            if (v.n_items < HT_ITEMS_MAX)
                v.items[v.n_items] = scalar_from_json(element);
            v.n_items++;
        }
    } else if (item != NULL) {
        v.scalar = scalar_from_json(item);
        v.kind = v.scalar.kind;
    }
    return v;
}
