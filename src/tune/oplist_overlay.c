/* src/tune/oplist_overlay.c - edits a list of operations by an overlay; contract in oplist_overlay.h.
 *
 * May touch: the heap. */
#include "tune/oplist_overlay.h"

#include <math.h>
#include <string.h>

/* ---- which entries -------------------------------------------------------------------------- */

static bool same_event(const char *a, const char *b)
{
    ht_event x, y;
    if (strcmp(a, b) == 0)
        return true;
    return ht_event_parse(a, &x) && ht_event_parse(b, &y) && x == y;
}

static bool member_is(const cJSON *body, const char *name, const cJSON *wanted)
{
    return cJSON_Compare(ht_json_member(body, name), wanted, true);
}

static bool step_is(const ht_oplist_entry *e, const char *key, double wanted)
{
    double step = (double)e->step;
    if (strcmp(key, "at_step") == 0)
        return step == wanted;
    return strcmp(key, "step_min") == 0 ? step >= wanted : step <= wanted;
}

/* One condition other than nth. */
static bool holds(const ht_oplist_entry *e, const cJSON *condition)
{
    const char *key = condition->string, *text = cJSON_GetStringValue(condition);
    if (strcmp(key, "at_event") == 0)
        return text != NULL && same_event(e->event, text);
    if (strcmp(key, "has_param") == 0)
        return text != NULL && ht_json_member(ht_json_member(e->body, "params"), text) != NULL;
    if (strcmp(key, "at_step") == 0 || strcmp(key, "step_min") == 0 || strcmp(key, "step_max") == 0)
        return cJSON_IsNumber(condition) && step_is(e, key, condition->valuedouble);
    return member_is(e->body, key, condition);
}

static bool matches(const ht_oplist_entry *e, const cJSON *match)
{
    for (const cJSON *c = match->child; c != NULL; c = c->next)
        if (strcmp(c->string, "nth") != 0 && !holds(e, c))
            return false;
    return true;
}

static ht_status check_match(const cJSON *match, ht_error *err)
{
    static const char *const known[] = {"module",   "op",       "id",        "at_event", "at_step",
                                        "step_min", "step_max", "has_param", "nth"};
    if (!cJSON_IsObject(match))
        return ht_fail(err, HT_EFORMAT, "'match' {..} or 'insert' {..} is needed");
    for (const cJSON *c = match->child; c != NULL; c = c->next) {
        size_t i = 0, n = sizeof known / sizeof known[0];
        while (i < n && strcmp(known[i], c->string) != 0)
            i++;
        if (i == n)
            return ht_fail(err, HT_EFORMAT, "match: unknown key '%s'", c->string);
    }
    return HT_OK;
}

/* ---- what is done to them ------------------------------------------------------------------- */

static bool put_member(cJSON *object, const char *name, cJSON *item)
{
    if (item == NULL)
        return false;
    bool done = ht_json_member(object, name) != NULL
                    ? cJSON_ReplaceItemInObjectCaseSensitive(object, name, item)
                    : cJSON_AddItemToObject(object, name, item);
    if (!done)
        cJSON_Delete(item);
    return done;
}

static cJSON *params_of(ht_oplist_entry *e)
{
    cJSON *params = cJSON_GetObjectItemCaseSensitive(e->body, "params");
    if (cJSON_IsObject(params))
        return params;
    params = cJSON_CreateObject();
    return put_member(e->body, "params", params) ? params : NULL;
}

static bool replace_params(ht_oplist_entry *e, const cJSON *values)
{
    cJSON *params = params_of(e);
    if (params == NULL)
        return false;
    for (const cJSON *v = values->child; v != NULL; v = v->next)
        if (!put_member(params, v->string, cJSON_Duplicate(v, true)))
            return false;
    return true;
}

/* x * factor, or x + summand, for every number that `by` names; all else is left alone. */
static bool transform(ht_oplist_entry *e, const cJSON *by, bool is_factor)
{
    cJSON *params = cJSON_GetObjectItemCaseSensitive(e->body, "params");
    for (const cJSON *c = by != NULL ? by->child : NULL; c != NULL; c = c->next) {
        const cJSON *x = ht_json_member(params, c->string);
        if (!cJSON_IsNumber(x) || !cJSON_IsNumber(c))
            continue;
        double y = is_factor ? x->valuedouble * c->valuedouble : x->valuedouble + c->valuedouble;
        if (!put_member(params, c->string, ht_json_real(y)))
            return false;
    }
    return true;
}

/* The place in the body goes along, so that what is carried out says when. */
static bool shift_step(ht_oplist_entry *e, double by)
{
    cJSON *at = cJSON_GetObjectItemCaseSensitive(e->body, "at");
    e->step += (long long)by;
    return !cJSON_IsObject(at) || put_member(at, "step", ht_json_int((double)e->step));
}

static ht_status edit(ht_oplist_entry *e, const cJSON *patch, ht_error *err)
{
    const cJSON *replace = ht_json_member(patch, "replace_params");
    const cJSON *by = ht_json_member(patch, "transform_params");
    double steps = ht_json_number(patch, "shift_step", 0);
    if (!(fabs(steps) < 9e15))
        return ht_fail(err, HT_EFORMAT, "shift_step: %g is no number of steps", steps);
    bool done = (replace == NULL || replace_params(e, replace)) &&
                transform(e, ht_json_member(by, "scale"), true) &&
                transform(e, ht_json_member(by, "add"), false) && shift_step(e, steps);
    return done ? HT_OK : ht_fail(err, HT_ENOMEM, "no memory for an edited entry");
}

static void remove_entry(ht_oplist_entries *l, size_t i)
{
    cJSON_Delete(l->at[i].body);
    memmove(&l->at[i], &l->at[i + 1], (l->n - i - 1) * sizeof *l->at);
    l->n--;
}

static ht_status edit_matches(ht_oplist_entries *l, const cJSON *patch, ht_error *err)
{
    const cJSON *match = ht_json_member(patch, "match");
    double nth = ht_json_number(match, "nth", -1), found = 0;
    HT_TRY(check_match(match, err));
    for (size_t i = 0; i < l->n;) {
        bool is_meant = matches(&l->at[i], match) && (found++ == nth || nth < 0);
        if (is_meant && ht_json_true(patch, "drop")) {
            remove_entry(l, i);
            continue;
        }
        if (is_meant)
            HT_TRY(edit(&l->at[i], patch, err));
        i++;
    }
    return HT_OK;
}

static ht_status insert(ht_oplist_entries *l, const cJSON *entry, ht_error *err)
{
    if (!cJSON_IsObject(entry))
        return ht_fail(err, HT_EFORMAT, "insert: an entry {at, module, op, ..} is needed");
    cJSON *body = cJSON_Duplicate(entry, true);
    if (body == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for an inserted entry");
    return ht_oplist_entry_add(l, body, err);
}

ht_status ht_oplist_overlay(ht_oplist_entries *l, const cJSON *overlay, ht_error *err)
{
    const cJSON *patches = ht_json_member(overlay, "patches");
    size_t number = 0;
    if (!cJSON_IsArray(patches))
        return ht_fail(err, HT_EFORMAT, "the overlay has no list 'patches'");
    for (const cJSON *p = patches->child; p != NULL; p = p->next, number++) {
        ht_error why = {""};
        const cJSON *entry = ht_json_member(p, "insert");
        ht_status st = entry != NULL ? insert(l, entry, &why) : edit_matches(l, p, &why);
        if (st != HT_OK)
            return ht_fail(err, st, "patches[%zu]: %s", number, why.text);
    }
    return HT_OK;
}
