/** @file src/recipe/yaml.h
 *  YAML text to the same tree that JSON gives: cJSON items with number kinds and places.
 *
 *  YAML 1.2 core scalars: null (empty, ~, null), true/false (also capitalised), integers, reals.
 *  Refused with line and column: anchors, aliases, tags, block scalars, several documents, tabs in
 *  indentation, duplicate keys, keys that are no plain text. */
#ifndef HT_RECIPE_YAML_H
#define HT_RECIPE_YAML_H

#include "base/json.h"

/** As ht_json_parse (base/json.h): same outputs, same ownership, same statuses. An empty text gives an
 *  empty object. */
ht_status ht_yaml_parse(const char *text, cJSON **out, ht_place **places, ht_error *err);

#endif
