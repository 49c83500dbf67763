/** @file src/recipe/tree.h
 *  What both syntaxes of a recipe need of a document tree: places of items, names written twice. */
#ifndef HT_RECIPE_TREE_H
#define HT_RECIPE_TREE_H

#include "base/json.h"

/** The place of `item` in the document `root`. O(number of values).
 *  @param places  as ht_json_parse gives them
 *  @return false if the item is not in the tree */
bool ht_tree_place(const cJSON *root, const ht_place *places, const cJSON *item, ht_place *out);

/** The first member of `object` that has the name of one before it; NULL if there is none. O(n log n).
 *  @return HT_OK, HT_ENOMEM */
ht_status ht_tree_duplicate(const cJSON *object, const cJSON **out, ht_error *err);

#endif
