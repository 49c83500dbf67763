/* tests/conformance/inputs.c - inputs of recorded cases as our types; see inputs.h. */
#include "inputs.h"

#include "base/text.h"
#include "base/value.h"
#include "compare.h"

ht_value value_in(const cJSON *item)
{
    if (item == NULL)
        return (ht_value){.kind = HT_VALUE_NONE};
    cJSON *copy = with_floats(item);
    ht_value v = ht_value_from_json(copy);
    cJSON_Delete(copy);
    return v;
}

static void name_in(const cJSON *object, const char *member, char to[HT_NAME_MAX])
{
    const char *text = ht_json_text(object, member);
    ht_name_copy(to, text == NULL ? "" : text);
}

ht_patch patch_in(const cJSON *item)
{
    ht_patch p = {.value = value_in(ht_json_member(item, "value"))};
    name_in(item, "op", p.op);
    name_in(item, "key", p.key);
    return p;
}

bool truthy_in(const cJSON *item)
{
    ht_value v = value_in(item);
    if (v.kind == HT_VALUE_TEXT)
        return v.scalar.text[0] != '\0';
    return (ht_value_is_number(&v) || v.kind == HT_VALUE_BOOL) && v.scalar.number != 0;
}

ht_metrics *metrics_in(const cJSON *object)
{
    ht_metrics *m = NULL;
    const cJSON *member;
    if (ht_metrics_create(&m, NULL) != HT_OK)
        return NULL;
    cJSON_ArrayForEach(member, object) {
        ht_value v = value_in(member);
        ht_metrics_set_value(m, member->string, &v, NULL);
    }
    return m;
}

ht_readings readings_in(const cJSON *object)
{
    ht_readings r = {0};
    const cJSON *member;
    double x;
    cJSON_ArrayForEach(member, object)
        if (as_float(member, &x))
            ht_readings_put(&r, member->string, x);
    return r;
}

cJSON *readings_out(const ht_readings *r)
{
    cJSON *object = cJSON_CreateObject();
    for (size_t i = 0; i < r->n; i++)
        cJSON_AddItemToObject(object, r->at[i].name, cJSON_CreateNumber(r->at[i].value));
    return object;
}

cJSON *codes_out(const ht_codes *codes)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < codes->n; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(codes->code[i]));
    return list;
}
