/* src/recipe/field_value.c - values of fields: defaults, reading, writing; the contract is in fields.h.
 *
 * May touch: the heap. Not: files, text syntax, other fields of the same holder (that is validate.c). */
#include "recipe/fields.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- defaults ------------------------------------------------------------------------------- */

static void put_word(void *at, unsigned word)
{
    memcpy(at, &word, sizeof word); /* enums of their own types, all of this size: see the assertion below */
}

static unsigned get_word(const void *at)
{
    unsigned word;
    memcpy(&word, at, sizeof word);
    return word;
}
_Static_assert(sizeof(ht_direction) == sizeof(unsigned) && sizeof(ht_spec_mode) == sizeof(unsigned) &&
                   sizeof(ht_algorithm) == sizeof(unsigned) && sizeof(ht_score_kind) == sizeof(unsigned) &&
                   sizeof(ht_population_mode) == sizeof(unsigned) && sizeof(ht_sync) == sizeof(unsigned) &&
                   sizeof(ht_policy_kind) == sizeof(unsigned) && sizeof(ht_race_design) == sizeof(unsigned) &&
                   sizeof(ht_merge) == sizeof(unsigned),
               "fields of type word are read and written as an unsigned");

static void put_default(const ht_field *f, void *holder)
{
    void *at = (char *)holder + f->at;
    switch (f->type) {
    case HT_FIELD_INT:
        *(long long *)at = (long long)f->fallback;
        break;
    case HT_FIELD_REAL:
        *(double *)at = f->fallback;
        break;
    case HT_FIELD_BOOL:
        *(bool *)at = f->fallback != 0;
        break;
    case HT_FIELD_NAME:
        ht_name_copy(at, f->text);
        break;
    case HT_FIELD_WORD:
        put_word(at, (unsigned)f->fallback);
        break;
    case HT_FIELD_BOUNDS: {
        ht_family_spec *family = holder;
        family->n_bounds = 1;
        family->bounds[0][0] = 0.5;
        family->bounds[0][1] = 2.0;
        break;
    }
    case HT_FIELD_RANGE:
        ((double *)at)[0] = DBL_MIN;    /* no limits */
        ((double *)at)[1] = DBL_MAX;
        break;
    case HT_FIELD_BACKUPS:
    case HT_FIELD_SOURCES:
    case HT_FIELD_RUNGS:
        break;                          /* empty, as the holder starts */
    }
}

void ht_fields_default(ht_scope scope, void *holder)
{
    const ht_field *fields;
    size_t n = ht_fields(&fields);
    for (size_t i = 0; i < n; i++)
        if (fields[i].scope == scope)
            put_default(&fields[i], holder);
}

/* ---- reading -------------------------------------------------------------------------------- */

static const char *kind_of(const cJSON *item)
{
    if (cJSON_IsNumber(item))
        return ht_json_is_int(item) ? "an integer" : "a number";
    if (cJSON_IsString(item))
        return "a text";
    if (cJSON_IsBool(item))
        return "a bool";
    if (cJSON_IsArray(item))
        return "a list";
    return cJSON_IsObject(item) ? "a mapping" : "empty";
}

/* The user's own words, cut to a readable length. */
static void quote(const cJSON *item, char text[80])
{
    char number[40];
    if (cJSON_IsNumber(item)) {
        ht_print_real(number, item->valuedouble, !ht_json_is_int(item) && isfinite(item->valuedouble));
        snprintf(text, 80, "'%s'", number);
    } else if (cJSON_IsString(item))
        snprintf(text, 80, "'%.60s'", item->valuestring);
    else if (cJSON_IsBool(item))
        snprintf(text, 80, "'%s'", cJSON_IsTrue(item) ? "true" : "false");
    else
        snprintf(text, 80, "%s", kind_of(item));
}

static ht_status wrong_kind(const cJSON *item, const char *wanted, ht_error *err)
{
    char found[80];
    quote(item, found);
    if (found[0] != '\'')
        return ht_fail(err, HT_EFORMAT, "must be %s, not %s", wanted, found);
    return ht_fail(err, HT_EFORMAT, "%s is %s, must be %s", found, kind_of(item), wanted);
}

static bool is_auto(const cJSON *item)
{
    return cJSON_IsString(item) && strcmp(item->valuestring, "auto") == 0;
}

static ht_status read_number(const ht_field *f, const cJSON *item, double *out, ht_error *err)
{
    static const char *const wanted[2][2] = {{"a number", "a number or auto"},
                                             {"an integer", "an integer or auto"}};
    bool whole = f->type == HT_FIELD_INT;
    if (f->can_be_auto && is_auto(item)) {
        *out = HT_AUTO;
        return HT_OK;
    }
    if (!cJSON_IsNumber(item) || (whole && !ht_json_is_int(item)))
        return wrong_kind(item, wanted[whole][f->can_be_auto], err);
    double x = item->valuedouble;
    if (!isfinite(x))
        return ht_fail(err, HT_EFORMAT, "must be finite");
    if (!(x >= f->lo && x <= f->hi) || (f->lo_open && x == f->lo) || (f->hi_open && x == f->hi)) {
        char found[80], limits[80];
        quote(item, found);
        ht_field_limits(f, limits, sizeof limits);
        return ht_fail(err, HT_EFORMAT, "%s is not %s", found, limits);
    }
    *out = x;
    return HT_OK;
}

static ht_status read_text(const cJSON *item, size_t size, ht_error *err)
{
    if (!cJSON_IsString(item))
        return wrong_kind(item, "a text", err);
    if (item->valuestring[0] == '\0')
        return ht_fail(err, HT_EFORMAT, "may not be empty");
    if (strlen(item->valuestring) >= size)
        return ht_fail(err, HT_EFORMAT, "'%.20s..' is longer than %zu bytes", item->valuestring, size - 1);
    return HT_OK;
}

static ht_status read_word(const ht_field *f, const cJSON *item, unsigned *out, ht_error *err)
{
    if (!cJSON_IsString(item))
        return wrong_kind(item, "a text", err);
    for (unsigned i = 0; f->words[i] != NULL; i++)
        if (strcmp(f->words[i], item->valuestring) == 0) {
            *out = i;
            return HT_OK;
        }
    char limits[80];
    ht_field_limits(f, limits, sizeof limits);
    return ht_fail(err, HT_EFORMAT, "'%.60s' is not %s", item->valuestring, limits);
}

static ht_status read_name(const ht_field *f, const cJSON *item, char *to, ht_error *err)
{
    unsigned word;
    HT_TRY(read_text(item, HT_NAME_MAX, err));
    if (f->words != NULL)
        HT_TRY(read_word(f, item, &word, err));
    ht_name_copy(to, item->valuestring);
    return HT_OK;
}

/* A list of texts of less than `size` bytes, `most` at most. */
static ht_status check_texts(const cJSON *list, size_t size, size_t most, ht_error *err)
{
    if (!cJSON_IsArray(list))
        return wrong_kind(list, "a list of texts", err);
    size_t i = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list) {
        char where[32];
        snprintf(where, sizeof where, "element %zu", i++);
        if (i > most)
            return ht_fail(err, HT_EFORMAT, "more than %zu elements", most);
        ht_status st = read_text(item, size, err);
        if (st != HT_OK)
            return ht_fail_in(err, st, where);
    }
    return HT_OK;
}

static ht_status read_backups(const cJSON *list, ht_recipe *r, ht_error *err)
{
    HT_TRY(check_texts(list, HT_NAME_MAX, HT_BACKUPS_MAX, err));
    r->objective.n_backups = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
        ht_name_copy(r->objective.backups[r->objective.n_backups++], item->valuestring);
    return HT_OK;
}

static ht_status read_sources(const cJSON *list, ht_recipe *r, ht_error *err)
{
    HT_TRY(check_texts(list, sizeof r->evolved.from[0], SIZE_MAX, err));
    size_t n = (size_t)cJSON_GetArraySize(list);
    char(*from)[2 * HT_NAME_MAX] = calloc(n + 1, sizeof *from);
    if (from == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for %zu sources", n);
    free(r->evolved.from);
    r->evolved.from = from;
    r->evolved.n_from = n;
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
        strcpy(*from++, item->valuestring);
    return HT_OK;
}

static ht_status read_interval(const cJSON *pair, double bounds[2], bool is_int[2], ht_error *err)
{
    if (!cJSON_IsArray(pair) || cJSON_GetArraySize(pair) != 2)
        return ht_fail(err, HT_EFORMAT, "must be two numbers [low, high]");
    const cJSON *item = pair->child;
    for (int i = 0; i < 2; i++, item = item->next) {
        if (!cJSON_IsNumber(item))
            return wrong_kind(item, "a number", err);
        if (!isfinite(item->valuedouble))
            return ht_fail(err, HT_EFORMAT, "must be finite");
        bounds[i] = item->valuedouble;
        is_int[i] = ht_json_is_int(item);
    }
    return HT_OK;
}

static ht_status read_bounds(const cJSON *item, ht_family_spec *f, ht_error *err)
{
    double bounds[HT_BOUNDS_MAX][2] = {{0}};
    bool is_int[HT_BOUNDS_MAX][2] = {{false}};
    size_t n = 0;
    if (cJSON_IsArray(item) && cJSON_IsArray(item->child)) {
        const cJSON *pair;
        cJSON_ArrayForEach(pair, item) {
            if (n == HT_BOUNDS_MAX)
                return ht_fail(err, HT_EFORMAT, "more than %d intervals", HT_BOUNDS_MAX);
            HT_TRY(read_interval(pair, bounds[n], is_int[n], err));
            n++;
        }
    } else {
        HT_TRY(read_interval(item, bounds[0], is_int[0], err));
        n = 1;
    }
    f->n_bounds = n;
    memcpy(f->bounds, bounds, sizeof bounds);
    memcpy(f->bounds_int, is_int, sizeof is_int);
    return HT_OK;
}

static ht_status read_range(const cJSON *item, double range[2], ht_error *err)
{
    double x[2];
    bool is_int[2];
    HT_TRY(read_interval(item, x, is_int, err));
    if (!(x[0] > 0 && x[0] < x[1]))
        return ht_fail(err, HT_EFORMAT, "[%g, %g] is not rising from above 0", x[0], x[1]);
    memcpy(range, x, sizeof x);
    return HT_OK;
}

static ht_status read_rungs(const ht_field *f, const cJSON *list, long long rungs[HT_RUNGS_MAX],
                            ht_error *err)
{
    long long ends[HT_RUNGS_MAX] = {0};
    int n = cJSON_GetArraySize(list), i = 0;
    if (!is_auto(list)) {
        if (!cJSON_IsArray(list) || n < 1 || n > HT_RUNGS_MAX)
            return ht_fail(err, HT_EFORMAT, "must be auto or a list of 1 to %d integers", HT_RUNGS_MAX);
        const cJSON *item;
        cJSON_ArrayForEach(item, list) {
            if (!ht_json_is_int(item))
                return wrong_kind(item, "an integer", err);
            double end = item->valuedouble, least = i == 0 ? f->lo : (double)ends[i - 1] + 1;
            if (!(end >= least && end <= f->hi))
                return ht_fail(err, HT_EFORMAT, "'%.0f' is not in [%.0f, %.0f]", end, least, f->hi);
            ends[i++] = (long long)end;
        }
    }
    memcpy(rungs, ends, sizeof ends);
    return HT_OK;
}

ht_status ht_field_read(const ht_field *f, const cJSON *item, void *holder, ht_error *err)
{
    void *at = (char *)holder + f->at;
    double x = 0;
    unsigned word = 0;
    switch (f->type) {
    case HT_FIELD_INT:
        HT_TRY(read_number(f, item, &x, err));
        *(long long *)at = (long long)x;
        return HT_OK;
    case HT_FIELD_REAL:
        HT_TRY(read_number(f, item, &x, err));
        *(double *)at = x;
        return HT_OK;
    case HT_FIELD_BOOL:
        if (!cJSON_IsBool(item))
            return wrong_kind(item, "true or false", err);
        *(bool *)at = cJSON_IsTrue(item);
        return HT_OK;
    case HT_FIELD_NAME:
        return read_name(f, item, at, err);
    case HT_FIELD_WORD:
        HT_TRY(read_word(f, item, &word, err));
        put_word(at, word);
        return HT_OK;
    case HT_FIELD_BACKUPS:
        return read_backups(item, holder, err);
    case HT_FIELD_SOURCES:
        return read_sources(item, holder, err);
    case HT_FIELD_BOUNDS:
        return read_bounds(item, holder, err);
    case HT_FIELD_RANGE:
        return read_range(item, at, err);
    case HT_FIELD_RUNGS:
        return read_rungs(f, item, at, err);
    }
    return ht_fail(err, HT_EINVAL, "a field of no type");
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Takes both; NULL of either (memory ran out) gives NULL. */
static cJSON *append(cJSON *list, cJSON *item)
{
    if (list != NULL && item != NULL && cJSON_AddItemToArray(list, item))
        return list;
    cJSON_Delete(list);
    cJSON_Delete(item);
    return NULL;
}

static cJSON *interval_to_json(const double bounds[2], const bool is_int[2])
{
    cJSON *pair = cJSON_CreateArray();
    for (int i = 0; pair != NULL && i < 2; i++)
        pair = append(pair, is_int[i] ? ht_json_int(bounds[i]) : ht_json_real(bounds[i]));
    return pair;
}

static cJSON *bounds_to_json(const ht_family_spec *f)
{
    if (f->n_bounds == 1)
        return interval_to_json(f->bounds[0], f->bounds_int[0]);
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; list != NULL && i < f->n_bounds; i++)
        list = append(list, interval_to_json(f->bounds[i], f->bounds_int[i]));
    return list;
}

static cJSON *texts_to_json(size_t n, const char *first, size_t stride)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; list != NULL && i < n; i++)
        list = append(list, cJSON_CreateString(first + i * stride));
    return list;
}

static cJSON *rungs_to_json(const long long *ends)
{
    if (ends[0] == 0)
        return cJSON_CreateString("auto");
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; list != NULL && i < HT_RUNGS_MAX && ends[i] > 0; i++)
        list = append(list, ht_json_int((double)ends[i]));
    return list;
}

static cJSON *number_to_json(const ht_field *f, double x)
{
    if (f->can_be_auto && x == HT_AUTO)
        return cJSON_CreateString("auto");
    return f->type == HT_FIELD_INT ? ht_json_int(x) : ht_json_real(x);
}

cJSON *ht_field_to_json(const ht_field *f, const void *holder)
{
    const void *at = (const char *)holder + f->at;
    const ht_recipe *r = holder;
    switch (f->type) {
    case HT_FIELD_INT:
        return number_to_json(f, (double)*(const long long *)at);
    case HT_FIELD_REAL:
        return number_to_json(f, *(const double *)at);
    case HT_FIELD_BOOL:
        return cJSON_CreateBool(*(const bool *)at);
    case HT_FIELD_NAME:
        return cJSON_CreateString(at);
    case HT_FIELD_WORD:
        return cJSON_CreateString(f->words[get_word(at)]);
    case HT_FIELD_BACKUPS:
        return texts_to_json(r->objective.n_backups, r->objective.backups[0], HT_NAME_MAX);
    case HT_FIELD_SOURCES:
        return texts_to_json(r->evolved.n_from, (const char *)r->evolved.from, sizeof r->evolved.from[0]);
    case HT_FIELD_BOUNDS:
        return bounds_to_json(holder);
    case HT_FIELD_RANGE:
        return interval_to_json(at, (const bool[2]){false, false});
    case HT_FIELD_RUNGS:
        return rungs_to_json(at);
    }
    return NULL;
}
