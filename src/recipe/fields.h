/** @file src/recipe/fields.h
 *  The one table of recipe fields. Defaults, reading, limits, setting, printing and the manual walk it.
 *
 *  To add a field: a member in ht_recipe (recipe.h), a row in fields.c, a test. */
#ifndef HT_RECIPE_FIELDS_H
#define HT_RECIPE_FIELDS_H

#include "recipe/recipe.h"

/** Which struct a field lives in. Paths of HT_IN_RECIPE start at the root ("search.gamma"), all others at
 *  their holder ("start_frac" of a phase). Fields of evolved are in HT_IN_RECIPE. */
typedef enum {
    HT_IN_RECIPE,   /**< ht_recipe */
    HT_IN_PHASE,    /**< ht_phase */
    HT_IN_ACTUATOR, /**< ht_actuator_spec */
    HT_IN_FAMILY,   /**< ht_family_spec */
    HT_IN_PRIOR     /**< ht_prior */
} ht_scope;

typedef enum {
    HT_FIELD_INT,       /**< long long */
    HT_FIELD_REAL,      /**< double */
    HT_FIELD_BOOL,      /**< bool */
    HT_FIELD_NAME,      /**< char[HT_NAME_MAX], not empty; one of `words` if there are any */
    HT_FIELD_WORD,      /**< an enum: the index into `words` */
    HT_FIELD_BACKUPS,   /**< objective.backups with their number */
    HT_FIELD_SOURCES,   /**< evolved.from with their number */
    HT_FIELD_BOUNDS,    /**< bounds of a family with their number and number kinds */
    HT_FIELD_RANGE,     /**< double[2], rising and above 0 */
    HT_FIELD_RUNGS      /**< long long[HT_RUNGS_MAX], rising and above 0, then 0; or `auto`: all 0 */
} ht_field_type;

typedef struct {
    ht_scope scope;
    const char *path;
    ht_field_type type;
    size_t at;                  /**< offset in the holder */
    double lo, hi, fallback;    /**< inclusive limits and default; of a word: its index */
    bool lo_open, hi_open;      /**< the limit itself is not allowed */
    bool can_be_auto;           /**< of a number: also the word auto, kept as HT_AUTO, outside the limits */
    const char *text;           /**< default of a name; of others, as the manual shows it */
    const char *const *words;   /**< allowed words, ended by NULL; or NULL */
    bool optional;              /**< written only when given */
    size_t flag;                /**< of an optional field outside HT_IN_RECIPE: offset of its bool */
    const char *unit, *doc;
} ht_field;

/** The table, in the order of the normalised form within each scope. @return its length */
size_t ht_fields(const ht_field **out);

/** The row of `path`, NULL if there is none. */
const ht_field *ht_field_find(ht_scope scope, const char *path);

/** Put the defaults of all fields of a scope into a holder; the `given` marks are left alone. */
void ht_fields_default(ht_scope scope, void *holder);

/** The field was written (always true of a field that is not optional). */
bool ht_field_given(const ht_field *f, const void *holder);
void ht_field_mark_given(const ht_field *f, void *holder);

/** Read `item` into the holder, checking type and limits. Nothing is changed on failure.
 *  @return HT_OK; HT_EFORMAT: err says why, without the path; HT_ENOMEM */
ht_status ht_field_read(const ht_field *f, const cJSON *item, void *holder, ht_error *err);

/** The value as a new item, owned by the caller; NULL when out of memory. */
cJSON *ht_field_to_json(const ht_field *f, const void *holder);

/** The limits in words: "at least 0", "in [0.01, 0.99]", "min or max"; empty when all is allowed. */
void ht_field_limits(const ht_field *f, char *text, size_t size);

#endif
