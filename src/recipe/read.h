/** @file src/recipe/read.h
 *  A document tree becomes a recipe, or a list of faults. Shared by parsing and setting. */
#ifndef HT_RECIPE_READ_H
#define HT_RECIPE_READ_H

#include "recipe/recipe.h"

/** A document with the places of its values. */
typedef struct {
    const cJSON *root;
    const ht_place *places;     /**< as ht_json_parse gives them; NULL = unknown */
    const char *name;           /**< what messages call the text; not used without places */
} ht_document;

/** Read a whole recipe.
 *  @param[out] out     the recipe, owned by the caller; NULL if it has a fault
 *  @param[out] faults  all faults in the order of the normalised form, one per line:
 *                      "name:line:column: path: why", without places "path: why". At most 64 of them.
 *  @return HT_OK, with faults, too; HT_ENOMEM */
ht_status ht_document_read(const ht_document *d, ht_recipe **out, ht_string *faults, ht_error *err);

#endif
