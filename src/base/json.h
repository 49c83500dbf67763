/** @file src/base/json.h
 *  JSON through cJSON, with what cJSON forgets: whether a number was written as an integer, and
 *  where each value stands in the text. */
#ifndef HT_BASE_JSON_H
#define HT_BASE_JSON_H

#include <cjson/cJSON.h>

#include "base/error.h"

/** Where a value starts in its text, and where its name starts if it is a member (else the same); all count
 *  from 1. */
typedef struct {
    int line, column, key_line, key_column;
} ht_place;

/** Parse one JSON text in UTF-8 (trailing white space allowed, nothing else after it).
 *  Numbers written without point and exponent are marked: see ht_json_is_int. Refused beyond what is no
 *  JSON: two members of one name, numbers that no double holds, texts with a 0 byte, depths above 1000.
 *  @param[out] out     owned by the caller (cJSON_Delete)
 *  @param[out] places  if not NULL: [number of values in the tree], in document order (an object
 *                      or array before its members), owned by the caller (free)
 *  @return HT_OK; HT_EFORMAT with line and column in err; HT_ENOMEM */
ht_status ht_json_parse(const char *text, cJSON **out, ht_place **places, ht_error *err);

/** A number that was written as an integer, or made by ht_json_int. */
bool ht_json_is_int(const cJSON *item);

/** New items owned by the caller; NULL when out of memory. A real that is not finite gives null. */
cJSON *ht_json_int(double x);
cJSON *ht_json_real(double x);

/* Members of an object; no effect on failure but a missing member (checked where it matters by
 * printing). `name` is copied. */
void ht_json_put(cJSON *object, const char *name, cJSON *item);     /**< takes `item`; NULL is dropped */
void ht_json_put_text(cJSON *object, const char *name, const char *text);   /**< NULL gives null */
void ht_json_put_int(cJSON *object, const char *name, double x);
void ht_json_put_real(cJSON *object, const char *name, double x);   /**< not finite gives null */
void ht_json_put_bool(cJSON *object, const char *name, bool x);

/** Members, by exact name; NULL / false / fallback when absent or of another kind. Borrowed. */
const cJSON *ht_json_member(const cJSON *object, const char *name);
const char *ht_json_text(const cJSON *object, const char *name);
double ht_json_number(const cJSON *object, const char *name, double fallback);
bool ht_json_true(const cJSON *object, const char *name);

/* As text, owned by the caller (free); NULL when out of memory. Numbers read back exactly and keep their
 * kind: a whole real is printed with ".0", an integer without. Numbers that are not finite are null;
 * bytes that are no UTF-8 become U+FFFD, so that every reader takes what we write. */
char *ht_json_line(const cJSON *item);  /**< one line without white space around separators */
char *ht_json_page(const cJSON *item);  /**< indented, with a line feed at the end */

#endif
