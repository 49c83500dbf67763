/* src/recipe/write.c - the normalised form of a recipe as a tree; the contract is in recipe.h.
 *
 * There is one normalised form; all texts (print.c) come from it. May touch: the heap. */
#include "recipe/recipe.h"

#include <string.h>

#include "recipe/fields.h"

static cJSON *add_object(cJSON *to, const char *name)
{
    cJSON *object = cJSON_CreateObject();
    if (object != NULL && !cJSON_AddItemToObject(to, name, object)) {
        cJSON_Delete(object);
        object = NULL;
    }
    return object;
}

/* @return false when memory is out */
static bool put(cJSON *to, const char *name, cJSON *item)
{
    if (item != NULL && cJSON_AddItemToObject(to, name, item))
        return true;
    cJSON_Delete(item);
    return false;
}

/* Every field of the scope that is written. */
static bool put_fields(cJSON *to, ht_scope scope, const void *holder)
{
    const ht_field *f;
    size_t n = ht_fields(&f);
    bool ok = to != NULL;
    for (size_t i = 0; ok && i < n; i++)
        if (f[i].scope == scope && ht_field_given(&f[i], holder))
            ok = put(to, f[i].path, ht_field_to_json(&f[i], holder));
    return ok;
}

static bool put_phases(cJSON *to, const ht_recipe *r)
{
    bool ok = to != NULL;
    for (size_t i = 0; ok && i < r->n_phases; i++)
        ok = put_fields(add_object(to, r->phases[i].name), HT_IN_PHASE, &r->phases[i]);
    return ok;
}

static bool put_family(cJSON *to, const ht_family_spec *f)
{
    bool ok = put_fields(to, HT_IN_FAMILY, f);
    if (!ok || f->n_priors == 0)
        return ok;
    cJSON *priors = add_object(to, "priors");
    ok = priors != NULL;
    for (size_t i = 0; ok && i < f->n_priors; i++)
        ok = put_fields(add_object(priors, f->priors[i].phase), HT_IN_PRIOR, &f->priors[i]);
    return ok;
}

static bool put_families(cJSON *to, const ht_actuator_spec *a, bool keyed)
{
    bool ok = to != NULL;
    for (size_t i = 0; ok && i < a->n_families; i++)
        if (a->families[i].keyed == keyed)
            ok = put_family(add_object(to, a->families[i].name), &a->families[i]);
    return ok;
}

static bool put_actuators(cJSON *to, const ht_recipe *r)
{
    bool ok = to != NULL;
    for (size_t i = 0; ok && i < r->n_actuators; i++) {
        const ht_actuator_spec *a = &r->actuators[i];
        cJSON *object = add_object(to, a->name);
        ok = put_fields(object, HT_IN_ACTUATOR, a) &&
             put_families(add_object(object, "mutations"), a, false) &&
             put_families(add_object(object, "keys"), a, true);
    }
    return ok;
}

/* A field of the recipe itself, in its section; the table lists the members of a section together. */
static bool put_in_section(cJSON *root, const ht_field *f, const ht_recipe *r)
{
    cJSON *at = root;
    const char *name = f->path;
    for (const char *point; at != NULL && (point = strchr(name, '.')) != NULL; name = point + 1) {
        char section[HT_NAME_MAX] = "";
        memcpy(section, name, (size_t)(point - name));
        cJSON *inner = cJSON_GetObjectItemCaseSensitive(at, section);
        at = inner != NULL ? inner : add_object(at, section);
    }
    return at != NULL && put(at, name, ht_field_to_json(f, r));
}

cJSON *ht_recipe_to_json(const ht_recipe *r)
{
    const ht_field *f;
    size_t n = ht_fields(&f);
    cJSON *root = cJSON_CreateObject();
    bool ok = root != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        bool first_of_phases = f[i].scope == HT_IN_PHASE && f[i - 1].scope != HT_IN_PHASE;
        bool first_of_actuators = f[i].scope == HT_IN_ACTUATOR && f[i - 1].scope != HT_IN_ACTUATOR;
        if (first_of_phases)
            ok = put_phases(add_object(root, "phases"), r);
        else if (first_of_actuators)
            ok = put_actuators(add_object(root, "actuators"), r);
        else if (f[i].scope == HT_IN_RECIPE && ht_field_given(&f[i], r))
            ok = put_in_section(root, &f[i], r);
    }
    if (ok)
        return root;
    cJSON_Delete(root);
    return NULL;
}
