/* tests/conformance/compare.c - compare values by the rules of the recorded cases; see compare.h. */
#include "compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

bool as_float(const cJSON *item, double *out)
{
    if (cJSON_IsNumber(item)) {
        *out = item->valuedouble;
        return true;
    }
    const char *text = ht_json_text(item, "$float");
    if (text == NULL)
        return false;
    *out = strcmp(text, "nan") == 0 ? NAN : strcmp(text, "inf") == 0 ? INFINITY : -INFINITY;
    return true;
}

cJSON *with_floats(const cJSON *item)
{
    double x;
    if (cJSON_IsObject(item) && as_float(item, &x))
        return cJSON_CreateNumber(x);
    cJSON *copy = cJSON_Duplicate(item, false);
    const cJSON *member;
    cJSON_ArrayForEach(member, item) {
        if (cJSON_IsObject(item))
            cJSON_AddItemToObject(copy, member->string, with_floats(member));
        else
            cJSON_AddItemToArray(copy, with_floats(member));
    }
    return copy;
}

bool numbers_agree(double expected, double got)
{
    if (isnan(expected) || isnan(got))
        return isnan(expected) && isnan(got);
    return expected == got || fabs(expected - got) <= 1e-12 * fmax(fabs(expected), fabs(got));
}

typedef struct {
    report *r;
    const char *step;
    unsigned flags;
} comparison;

static bool say(const comparison *c, const char *path, const cJSON *expected, const cJSON *got)
{
    char *want = expected == NULL ? NULL : ht_json_line(expected),
         *have = got == NULL ? NULL : ht_json_line(got);
    differ(c->r, c->step, path, want == NULL ? "(absent)" : want, have == NULL ? "(absent)" : have);
    free(want);
    free(have);
    return false;
}

static bool same(const comparison *c, const char *path, const cJSON *expected, const cJSON *got);

static bool same_member(const comparison *c, const char *path, const char *name, const cJSON *expected,
                        const cJSON *got)
{
    ht_string at = {0};
    ht_string_add(&at, "%s%s%s", path, path[0] == '\0' ? "" : ".", name);
    bool ok = expected == NULL || got == NULL ? say(c, ht_string_peek(&at), expected, got)
                                              : same(c, ht_string_peek(&at), expected, got);
    ht_string_release(&at);
    return ok;
}

static bool same_object(const comparison *c, const char *path, const cJSON *expected, const cJSON *got)
{
    bool ok = true;
    const cJSON *item, *other = got->child;
    cJSON_ArrayForEach(item, expected) {
        ok = same_member(c, path, item->string, item, ht_json_member(got, item->string)) && ok;
        if ((c->flags & COMPARE_ORDER) && other != NULL && strcmp(other->string, item->string) != 0)
            ok = say(c, path, expected, got);
        other = other == NULL ? NULL : other->next;
    }
    if (!(c->flags & COMPARE_EXTRA))
        cJSON_ArrayForEach(item, got)
            if (ht_json_member(expected, item->string) == NULL)
                ok = same_member(c, path, item->string, NULL, item) && ok;
    return ok;
}

static bool same_array(const comparison *c, const char *path, const cJSON *expected, const cJSON *got)
{
    if (cJSON_GetArraySize(expected) != cJSON_GetArraySize(got))
        return say(c, path, expected, got);
    bool ok = true;
    int i = 0;
    const cJSON *item, *other = got->child;
    cJSON_ArrayForEach(item, expected) {
        char name[24];
        snprintf(name, sizeof name, "%d", i++);
        ok = same_member(c, path, name, item, other) && ok;
        other = other->next;
    }
    return ok;
}

static bool same(const comparison *c, const char *path, const cJSON *expected, const cJSON *got)
{
    double x, y;
    if (as_float(expected, &x)) {
        bool kinds = !(c->flags & COMPARE_KINDS) || ht_json_is_int(expected) == ht_json_is_int(got);
        return (as_float(got, &y) && numbers_agree(x, y) && kinds) || say(c, path, expected, got);
    }
    if (cJSON_IsObject(expected) && cJSON_IsObject(got))
        return same_object(c, path, expected, got);
    if (cJSON_IsArray(expected) && cJSON_IsArray(got))
        return same_array(c, path, expected, got);
    bool equal =
        (cJSON_IsNull(expected) && cJSON_IsNull(got)) ||
        (cJSON_IsBool(expected) && cJSON_IsBool(got) && cJSON_IsTrue(expected) == cJSON_IsTrue(got)) ||
        (cJSON_IsString(expected) && cJSON_IsString(got) &&
         strcmp(expected->valuestring, got->valuestring) == 0);
    return equal || say(c, path, expected, got);
}

bool compare(report *r, const char *step, const char *field, const cJSON *expected, const cJSON *got,
             unsigned flags)
{
    comparison c = {r, step, flags};
    return expected == NULL || got == NULL ? say(&c, field, expected, got) : same(&c, field, expected, got);
}
