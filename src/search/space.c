/* src/search/space.c - reading a space, coordinates; the contract is in space.h. */
#include "search/space.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "recipe/yaml.h"

/* ---- coordinates ---------------------------------------------------------------------------- */

/* Ends of the range on the parameter's scale; a stepped number owns half a step beyond each end. */
static void ends(const ht_param *p, double *a, double *b)
{
    double half = p->step / 2;
    *a = p->log ? log(p->low - half) : p->low - half;
    *b = p->log ? log(p->high + half) : p->high + half;
}

static double position(const ht_param *p, double value)
{
    double a, b;
    ends(p, &a, &b);
    double x = p->log ? log(value) : value;
    return b > a ? (x - a) / (b - a) : 0.5;
}

double ht_space_value(const ht_space *s, size_t i, double u)
{
    const ht_param *p = &s->params[i];
    double a, b;
    ends(p, &a, &b);
    double x = a + u * (b - a), value = p->log ? exp(x) : x;
    if (p->step > 0) {
        double cell = floor((value - p->low) / p->step + 0.5);
        cell = cell < 0 ? 0 : cell > p->cells - 1 ? p->cells - 1 : cell;
        value = p->low + cell * p->step;
    }
    return value < p->low ? p->low : value > p->high ? p->high : value;
}

double ht_space_unit(const ht_space *s, size_t i, double value)
{
    const ht_param *p = &s->params[i];
    value = value < p->low ? p->low : value > p->high ? p->high : value;
    double u = position(p, value);
    if (p->step > 0)        /* the middle of the cell, in coordinates */
        u = (position(p, value - p->step / 2) + position(p, value + p->step / 2)) / 2;
    return u < 0 ? 0 : u > 1 ? 1 : u;
}

double ht_space_snap(const ht_space *s, size_t i, double u)
{
    const ht_param *p = &s->params[i];
    if (p->kind == HT_PARAM_CATEGORY)
        return u;
    if (p->step > 0)
        return ht_space_unit(s, i, ht_space_value(s, i, u));
    return p->high > p->low ? u < 0 ? 0 : u > 1 ? 1 : u : 0.5;
}

double ht_space_half_cell(const ht_space *s, size_t i)
{
    const ht_param *p = &s->params[i];
    return p->step > 0 ? 0.5 / p->cells : 0;
}

bool ht_space_is_active(const ht_space *s, const ht_point *p, size_t i)
{
    const ht_param *q = &s->params[i];
    return q->parent < 0 || (p->u[q->parent] >= 0 && q->allowed[(size_t)p->u[q->parent]]);
}

/* ---- reading -------------------------------------------------------------------------------- */

typedef struct {
    const char *name;           /* of the text */
    const cJSON *root;
    const ht_place *places;     /* or NULL */
    ht_error *err;
} reader;

static bool number_of(const cJSON *tree, const cJSON *wanted, size_t *i)
{
    for (; tree != NULL; tree = tree->next) {
        if (tree == wanted)
            return true;
        ++*i;
        if (number_of(tree->child, wanted, i))
            return true;
    }
    return false;
}

static ht_status fault(const reader *r, const cJSON *at, const char *param, const char *why)
{
    size_t i = 0;
    if (r->places != NULL && number_of(r->root, at, &i))
        return ht_fail(r->err, HT_EFORMAT, "%s:%d:%d: %s: %s", r->name, r->places[i].line, r->places[i].column, param, why);
    return ht_fail(r->err, HT_EFORMAT, "%s: %s: %s", r->name, param, why);
}

static const char *const fields[] = {"type", "low", "high", "log", "step", "choices", "when"};
enum { FIELDS = sizeof fields / sizeof *fields };

static ht_status check_fields(const reader *r, const cJSON *spec)
{
    if (!cJSON_IsObject(spec))
        return fault(r, spec, spec->string, "is not a mapping such as {type: float, low: 0, high: 1}");
    const cJSON *item;
    cJSON_ArrayForEach(item, spec) {
        size_t i = 0;
        while (i < FIELDS && strcmp(item->string, fields[i]) != 0)
            i++;
        if (i < FIELDS)
            continue;
        char why[160];
        const char *near = ht_nearest(item->string, fields, FIELDS);
        snprintf(why, sizeof why, "unknown field '%.60s'%s%s%s", item->string, near != NULL ? "; nearest is '" : "",
                 near != NULL ? near : "", near != NULL ? "'" : "");
        return fault(r, item, spec->string, why);
    }
    return HT_OK;
}

/* low or high: a number, or for element e of a tuple the e-th of a list. */
static ht_status read_end(const reader *r, const cJSON *spec, const char *field, int element, double *out)
{
    const cJSON *item = ht_json_member(spec, field);
    if (item != NULL && cJSON_IsArray(item) && element >= 0)
        item = cJSON_GetArrayItem(item, element);
    if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble)) {
        char why[64];
        snprintf(why, sizeof why, "'%s' is missing or not a finite number", field);
        return fault(r, item != NULL ? item : spec, spec->string, why);
    }
    *out = item->valuedouble;
    return HT_OK;
}

static ht_status read_number(const reader *r, const cJSON *spec, bool is_int, int element, ht_param *p)
{
    const cJSON *log_item = ht_json_member(spec, "log"), *step = ht_json_member(spec, "step");
    p->kind = HT_PARAM_NUMBER;
    p->is_int = is_int;
    p->step = is_int ? 1 : 0;
    HT_TRY(read_end(r, spec, "low", element, &p->low));
    HT_TRY(read_end(r, spec, "high", element, &p->high));
    if (log_item != NULL && !cJSON_IsBool(log_item))
        return fault(r, log_item, spec->string, "'log' is not true or false");
    p->log = cJSON_IsTrue(log_item);
    if (step != NULL && (!cJSON_IsNumber(step) || !(step->valuedouble > 0) || !isfinite(step->valuedouble)))
        return fault(r, step, spec->string, "'step' is not a number above 0");
    if (step != NULL)
        p->step = step->valuedouble;
    if (p->low > p->high)
        return fault(r, spec, spec->string, "'low' is above 'high'");
    if (p->log && !(p->low - p->step / 2 > 0))
        return fault(r, spec, spec->string, "'low' is too small for a logarithmic range");
    if (is_int && (p->low != floor(p->low) || p->high != floor(p->high) || p->step != floor(p->step) ||
                   fabs(p->low) > 9e15 || fabs(p->high) > 9e15))
        return fault(r, spec, spec->string, "'low', 'high' and 'step' of an int are whole numbers below 9e15");
    if (!isfinite(p->high - p->low))
        return fault(r, spec, spec->string, "the range is too wide");
    if (p->step > 0) {
        p->cells = floor((p->high - p->low) / p->step * (1 + 1e-12)) + 1;
        p->high = p->low + (p->cells - 1) * p->step;
    }
    return HT_OK;
}

static ht_status read_choices(const reader *r, const cJSON *spec, ht_param *p)
{
    const cJSON *list = ht_json_member(spec, "choices"), *item;
    int n = cJSON_GetArraySize(list);
    p->kind = HT_PARAM_CATEGORY;
    if (!cJSON_IsArray(list) || n < 1 || n > HT_CHOICES_MAX)
        return fault(r, list != NULL ? list : spec, spec->string, "'choices' is not a list of 1 to 256 values");
    p->choices = calloc((size_t)n, sizeof *p->choices);
    if (p->choices == NULL)
        return ht_fail(r->err, HT_ENOMEM, "no memory for the choices of '%s'", spec->string);
    cJSON_ArrayForEach(item, list) {
        ht_value v = ht_value_from_json(item);
        if (v.kind == HT_VALUE_NONE || v.kind == HT_VALUE_NULL || v.kind == HT_VALUE_LIST)
            return fault(r, item, spec->string, "a choice is not a text, number or bool");
        if (v.kind == HT_VALUE_TEXT && strlen(item->valuestring) >= HT_NAME_MAX)
            return fault(r, item, spec->string, "a choice is longer than 63 bytes");
        for (size_t i = 0; i < p->n_choices; i++) {
            ht_value other = {.kind = p->choices[i].kind, .scalar = p->choices[i]};
            if (ht_value_equal(&v, &other))
                return fault(r, item, spec->string, "a choice stands there twice");
        }
        p->choices[p->n_choices++] = v.scalar;
    }
    return HT_OK;
}

static ht_status read_bool(const reader *r, const cJSON *spec, ht_param *p)
{
    p->kind = HT_PARAM_CATEGORY;
    p->choices = calloc(2, sizeof *p->choices);
    if (p->choices == NULL)
        return ht_fail(r->err, HT_ENOMEM, "no memory for the choices of '%s'", spec->string);
    p->n_choices = 2;
    p->choices[0] = ht_bool(false).scalar;
    p->choices[1] = ht_bool(true).scalar;
    return HT_OK;
}

static ht_status add_param(const reader *r, const cJSON *spec, const char *type, int element, int elements, ht_space *s)
{
    if (s->n == HT_PARAMS_MAX)
        return fault(r, spec, spec->string, "a space has at most 64 parameters");
    ht_param *p = &s->params[s->n++];
    *p = (ht_param){.parent = -1, .element = element, .elements = elements};
    if (strlen(spec->string) + (element >= 0 ? 4 : 0) >= HT_NAME_MAX || spec->string[0] == '\0')
        return fault(r, spec, spec->string, "the name is empty or longer than 63 bytes");
    if (element < 0)
        ht_name_copy(p->name, spec->string);
    else
        snprintf(p->name, sizeof p->name, "%s.%d", spec->string, element);
    if (strcmp(type, "cat") == 0 || strcmp(type, "categorical") == 0)
        return read_choices(r, spec, p);
    if (strcmp(type, "bool") == 0)
        return read_bool(r, spec, p);
    s->n_numbers++;
    return read_number(r, spec, strcmp(type, "int") == 0, element, p);
}

static const char *const types[] = {"float", "int", "bool", "cat", "categorical", "tuple"};
enum { TYPES = sizeof types / sizeof *types };

static ht_status read_param(const reader *r, const cJSON *spec, ht_space *s)
{
    HT_TRY(check_fields(r, spec));
    const char *type = ht_json_text(spec, "type");
    size_t i = 0;
    while (type != NULL && i < TYPES && strcmp(type, types[i]) != 0)
        i++;
    if (type == NULL || i == TYPES)
        return fault(r, spec, spec->string, "'type' is not one of float, int, bool, cat, tuple");
    if (strcmp(type, "tuple") != 0)
        return add_param(r, spec, type, -1, 0, s);
    int low = cJSON_GetArraySize(ht_json_member(spec, "low")), high = cJSON_GetArraySize(ht_json_member(spec, "high"));
    if (low < 1 || low != high || low > HT_ITEMS_MAX)
        return fault(r, spec, spec->string, "'low' and 'high' of a tuple are lists of the same length, at most 8");
    for (int e = 0; e < low; e++)
        HT_TRY(add_param(r, spec, "float", e, low, s));
    return HT_OK;
}

/* ---- conditions ----------------------------------------------------------------------------- */

static const char *base_name(const ht_param *p, char name[HT_NAME_MAX])
{
    ht_name_copy(name, p->name);
    char *dot = p->element >= 0 ? strrchr(name, '.') : NULL;
    if (dot != NULL)
        *dot = '\0';
    return name;
}

static ht_status allow(const reader *r, const cJSON *spec, const cJSON *value, const ht_param *parent, ht_param *p)
{
    ht_value v = ht_value_from_json(value);
    for (size_t i = 0; i < parent->n_choices; i++) {
        ht_value choice = {.kind = parent->choices[i].kind, .scalar = parent->choices[i]};
        if (ht_value_equal(&v, &choice)) {
            p->allowed[i] = 1;
            return HT_OK;
        }
    }
    return fault(r, value, spec->string, "'when' names a value that its parameter does not have");
}

static ht_status read_condition(const reader *r, const cJSON *spec, ht_space *s, size_t i)
{
    const cJSON *when = ht_json_member(spec, "when"), *rule = when != NULL ? when->child : NULL, *value;
    ht_param *p = &s->params[i];
    if (when == NULL)
        return HT_OK;
    if (!cJSON_IsObject(when) || rule == NULL || rule->next != NULL)
        return fault(r, when, spec->string, "'when' is not a mapping {parameter: [values]} of one parameter");
    size_t j = 0;
    while (j < s->n && strcmp(s->params[j].name, rule->string) != 0)
        j++;
    if (j == s->n || s->params[j].kind != HT_PARAM_CATEGORY || j == i)
        return fault(r, rule, spec->string, "'when' does not name a parameter of type cat or bool");
    p->parent = (int)j;
    if (!cJSON_IsArray(rule))
        return allow(r, spec, rule, &s->params[j], p);
    cJSON_ArrayForEach(value, rule)
        HT_TRY(allow(r, spec, value, &s->params[j], p));
    return HT_OK;
}

/* Parents first, else the order of the text; false for a circle. */
static bool sort_parents_first(ht_space *s)
{
    ht_param sorted[HT_PARAMS_MAX];
    int where[HT_PARAMS_MAX];
    bool placed[HT_PARAMS_MAX] = {false};
    for (size_t n = 0; n < s->n;) {
        size_t before = n;
        for (size_t i = 0; i < s->n; i++) {
            if (placed[i] || (s->params[i].parent >= 0 && !placed[s->params[i].parent]))
                continue;
            placed[i] = true;
            where[i] = (int)n;
            sorted[n++] = s->params[i];
        }
        if (n == before)
            return false;
    }
    for (size_t i = 0; i < s->n; i++)
        if (sorted[i].parent >= 0)
            sorted[i].parent = where[sorted[i].parent];
    memcpy(s->params, sorted, s->n * sizeof *sorted);
    return true;
}

static ht_status read_all(const reader *r, const cJSON *parameters, ht_space *s)
{
    const cJSON *spec;
    cJSON_ArrayForEach(spec, parameters) {
        for (const cJSON *other = parameters->child; other != spec; other = other->next)
            if (strcmp(other->string, spec->string) == 0)
                return fault(r, spec, spec->string, "stands there twice");
        HT_TRY(read_param(r, spec, s));
    }
    for (size_t i = 0; i < s->n; i++) {
        char name[HT_NAME_MAX];
        HT_TRY(read_condition(r, ht_json_member(parameters, base_name(&s->params[i], name)), s, i));
    }
    if (!sort_parents_first(s))
        return fault(r, parameters, "parameters", "the conditions form a circle");
    return HT_OK;
}

ht_status ht_space_read(const cJSON *tree, const ht_place *places, const char *name, ht_space *out, ht_error *err)
{
    reader r = {name, tree, places, err};
    const cJSON *parameters = ht_json_member(tree, "parameters"), *item;
    if (!cJSON_IsObject(parameters) || parameters->child == NULL)
        return fault(&r, parameters != NULL ? parameters : tree, "parameters", "is missing or not a mapping of parameters");
    cJSON_ArrayForEach(item, tree)
        if (strcmp(item->string, "parameters") != 0)
            return fault(&r, item, item->string, "unknown field; a space has 'parameters' only");
    ht_space s = {.params = calloc(HT_PARAMS_MAX, sizeof *s.params)};
    if (s.params == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a space");
    ht_status st = read_all(&r, parameters, &s);
    if (st != HT_OK)
        ht_space_release(&s);
    else
        *out = s;
    return st;
}

ht_status ht_space_parse(const char *text, const char *name, ht_space *out, ht_error *err)
{
    cJSON *tree = NULL;
    ht_place *places = NULL;
    bool json = text[strspn(text, " \t\r\n")] == '{';
    ht_status st = json ? ht_json_parse(text, &tree, &places, err) : ht_yaml_parse(text, &tree, &places, err);
    if (st == HT_OK)
        st = ht_space_read(tree, places, name, out, err);
    else
        ht_fail_in(err, st, name);
    cJSON_Delete(tree);
    free(places);
    return st;
}

void ht_space_release(ht_space *s)
{
    for (size_t i = 0; s->params != NULL && i < s->n; i++)
        free(s->params[i].choices);
    free(s->params);
    *s = (ht_space){0};
}

/* ---- points and objects --------------------------------------------------------------------- */

static cJSON *value_to_json(const ht_space *s, size_t i, double u)
{
    const ht_param *p = &s->params[i];
    if (p->kind == HT_PARAM_CATEGORY) {
        ht_value v = {.kind = p->choices[(size_t)u].kind, .scalar = p->choices[(size_t)u]};
        return ht_value_to_json(&v);
    }
    double value = ht_space_value(s, i, u);
    return p->is_int ? ht_json_int(value) : ht_json_real(value);
}

cJSON *ht_space_to_json(const ht_space *s, const ht_point *p)
{
    cJSON *object = cJSON_CreateObject();
    for (size_t i = 0; object != NULL && i < s->n; i++) {
        const ht_param *q = &s->params[i];
        if (p->u[i] < 0)
            continue;
        if (q->element < 0) {
            ht_json_put(object, q->name, value_to_json(s, i, p->u[i]));
            continue;
        }
        char name[HT_NAME_MAX];
        if (q->element == 0)
            ht_json_put(object, base_name(q, name), cJSON_CreateArray());
        cJSON *list = cJSON_GetObjectItemCaseSensitive(object, base_name(q, name));
        cJSON *item = value_to_json(s, i, p->u[i]);
        if (list == NULL || !cJSON_AddItemToArray(list, item))
            cJSON_Delete(item);
    }
    return object;
}

static ht_status coordinate(const ht_space *s, size_t i, const cJSON *item, double *u, ht_error *err)
{
    const ht_param *p = &s->params[i];
    if (p->kind == HT_PARAM_CATEGORY) {
        ht_value v = ht_value_from_json(item);
        for (size_t c = 0; c < p->n_choices; c++) {
            ht_value choice = {.kind = p->choices[c].kind, .scalar = p->choices[c]};
            if (ht_value_equal(&v, &choice)) {
                *u = (double)c;
                return HT_OK;
            }
        }
        return ht_fail(err, HT_EFORMAT, "parameter '%s': the value is none of its choices", p->name);
    }
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= p->low && item->valuedouble <= p->high))
        return ht_fail(err, HT_EFORMAT, "parameter '%s': the value is missing or not in [%g, %g]", p->name, p->low, p->high);
    *u = ht_space_unit(s, i, item->valuedouble);
    return HT_OK;
}

ht_status ht_space_from_json(const ht_space *s, const cJSON *params, ht_point *out, ht_error *err)
{
    ht_point p;
    for (size_t i = 0; i < HT_PARAMS_MAX; i++)
        p.u[i] = HT_ABSENT;
    for (size_t i = 0; i < s->n; i++) {
        char name[HT_NAME_MAX];
        const ht_param *q = &s->params[i];
        const cJSON *item = ht_json_member(params, base_name(q, name));
        if (q->element >= 0)
            item = cJSON_GetArrayItem(item, q->element);
        if (ht_space_is_active(s, &p, i))
            HT_TRY(coordinate(s, i, item, &p.u[i], err));
    }
    *out = p;
    return HT_OK;
}
