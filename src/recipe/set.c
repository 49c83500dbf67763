/* src/recipe/set.c - `set` by dotted path, all or nothing; the contract is in recipe.h.
 *
 * Values go into the normalised tree as they are; reading that tree as a whole is what checks them, exactly
 * as a text is checked. May touch: the heap. */
#include "recipe/recipe.h"

#include <stdlib.h>
#include <string.h>

#include "recipe/fields.h"
#include "recipe/read.h"

enum {
    PARTS_MAX = 8, /* the deepest leaf has 7: actuators.a.mutations.f.priors.p.center */
    NAMES_MAX = 64 /* as many are looked at for a suggestion */
};

typedef struct {
    char *text; /* the path, cut at its points; owned */
    size_t n;
    const char *part[PARTS_MAX];
} dotted;

static ht_status split(const char *path, dotted *d, ht_error *err)
{
    *d = (dotted){.text = strdup(path)};
    if (d->text == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a path");
    for (char *p = d->text; p != NULL && d->n < PARTS_MAX; d->n++) {
        d->part[d->n] = p;
        p = strchr(p, '.');
        if (p != NULL)
            *p++ = '\0';
        if (p != NULL && d->n + 1 == PARTS_MAX)
            d->part[0] = ""; /* deeper than anything: leads nowhere */
    }
    return HT_OK;
}

static ht_status refuse(const char *path, const char *why, ht_error *err)
{
    return ht_fail(err, HT_EFORMAT, "invalid_recipe: %.200s: %s", path, why);
}

/* The path leads nowhere: say what is near. `holder` is the mapping that has no such member, or NULL. */
static ht_status refuse_unknown(const char *path, const char *name, const cJSON *holder, ht_error *err)
{
    const char *names[NAMES_MAX];
    size_t n = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, holder)
        if (n < NAMES_MAX)
            names[n++] = item->string;
    const char *nearest = ht_nearest(name, names, n);
    if (nearest == NULL)
        return refuse(path, "no such field", err);
    return ht_fail(err, HT_EFORMAT, "invalid_recipe: %.200s: no such field; nearest is '%s'", path, nearest);
}

/* The row of an optional field by its path, whether it is in the tree or not. */
static const ht_field *optional_field(const char *path, const dotted *d)
{
    const ht_field *f = ht_field_find(HT_IN_RECIPE, path);
    if (f == NULL && d->n == 5 && strcmp(d->part[0], "actuators") == 0)
        f = ht_field_find(HT_IN_FAMILY, d->part[4]);
    return f != NULL && f->optional ? f : NULL;
}

/* The mapping that holds the leaf; NULL if the way there does not exist. Sections of which nothing was given
 * are made if asked for: the caller knows that they lead to an optional field. */
static cJSON *holder_of(cJSON *root, const dotted *d, bool make_sections)
{
    cJSON *at = root;
    for (size_t i = 0; i + 1 < d->n && at != NULL; i++) {
        cJSON *next = cJSON_IsObject(at) ? cJSON_GetObjectItemCaseSensitive(at, d->part[i]) : NULL;
        if (next == NULL && make_sections && cJSON_IsObject(at))
            next = cJSON_AddObjectToObject(at, d->part[i]);
        at = next;
    }
    return cJSON_IsObject(at) ? at : NULL;
}

static ht_status put(cJSON *holder, const char *name, const cJSON *value, ht_error *err)
{
    cJSON *copy = cJSON_Duplicate(value, true);
    cJSON *old = cJSON_GetObjectItemCaseSensitive(holder, name);
    bool ok = copy != NULL && old != NULL ? cJSON_ReplaceItemInObjectCaseSensitive(holder, name, copy)
                                          : cJSON_AddItemToObject(holder, name, copy);
    if (!ok)
        cJSON_Delete(copy);
    else if (copy->string != NULL) /* cJSON replaces even if it has no memory for the name */
        return HT_OK;
    return ht_fail(err, HT_ENOMEM, "no memory for a value");
}

static ht_status set_leaf(cJSON *root, const char *path, const dotted *d, const cJSON *value, ht_error *err)
{
    const ht_field *optional = optional_field(path, d);
    const char *name = d->part[d->n - 1];
    cJSON *holder = holder_of(root, d, optional != NULL && optional->scope == HT_IN_RECIPE);
    cJSON *leaf = holder == NULL ? NULL : cJSON_GetObjectItemCaseSensitive(holder, name);
    if (holder == NULL || (leaf == NULL && optional == NULL))
        return refuse_unknown(path, name, holder, err);
    if (cJSON_IsObject(leaf))
        return refuse(path, "this is a mapping; only single fields can be set", err);
    if (cJSON_IsNull(value) && optional == NULL) /* an optional field is taken out by it */
        return refuse(path, "must have a value", err);
    return put(holder, name, value, err);
}

static ht_status set_all(cJSON *root, const cJSON *params, ht_error *err)
{
    const cJSON *param;
    cJSON_ArrayForEach(param, params) {
        dotted d;
        HT_TRY(split(param->string, &d, err));
        ht_status st = set_leaf(root, param->string, &d, param, err);
        free(d.text);
        HT_TRY(st);
    }
    return HT_OK;
}

static ht_status read_back(const cJSON *root, ht_recipe **out, ht_error *err)
{
    ht_string faults = {0};
    ht_status st = ht_document_read(&(ht_document){.root = root}, out, &faults, err);
    const char *first = ht_string_peek(&faults);
    if (st == HT_OK && *out == NULL)
        st = ht_fail(err, HT_EFORMAT, "invalid_recipe: %.*s", (int)strcspn(first, "\n"), first);
    ht_string_release(&faults);
    return st;
}

ht_status ht_recipe_set(ht_recipe *r, const cJSON *params, ht_error *err)
{
    if (!cJSON_IsObject(params))
        return ht_fail(err, HT_EFORMAT, "invalid_recipe: parameters are a mapping of paths to values");
    ht_recipe *changed = NULL;
    cJSON *root = ht_recipe_to_json(r);
    ht_status st =
        root == NULL ? ht_fail(err, HT_ENOMEM, "no memory for a recipe") : set_all(root, params, err);
    if (st == HT_OK)
        st = read_back(root, &changed, err);
    if (st == HT_OK) {
        ht_recipe old = *r;
        *r = *changed;
        *changed = old; /* destroyed below in its place */
    }
    cJSON_Delete(root);
    ht_recipe_destroy(changed);
    return st;
}

bool ht_recipe_gives(const ht_recipe *r, const char *path)
{
    const ht_field *f = ht_field_find(HT_IN_RECIPE, path);
    return f != NULL && ht_field_given(f, r);
}
