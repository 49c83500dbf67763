/* src/recipe/word.c - what the command line makes of one word key=value; the contract is in recipe.h. */
#include "recipe/recipe.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A copy without the single underscores between digits; NULL when out of memory. Other underscores stay, so
 * that the text is no number. */
static char *without_grouping(const char *text)
{
    char *copy = malloc(strlen(text) + 1), *to = copy;
    if (copy == NULL)
        return NULL;
    for (const char *p = text; *p != '\0'; p++) {
        bool between = *p == '_' && p > text && isdigit((unsigned char)p[-1]) && isdigit((unsigned char)p[1]);
        if (!between)
            *to++ = *p;
    }
    *to = '\0';
    return copy;
}

static bool same_word(const char *text, const char *lower)
{
    for (; *lower != '\0'; text++, lower++)
        if (tolower((unsigned char)*text) != *lower)
            return false;
    return *text == '\0';
}

/* NULL when out of memory. */
static cJSON *value_of(const char *text)
{
    cJSON *item = NULL;
    if (same_word(text, "true") || same_word(text, "false"))
        return cJSON_CreateBool(same_word(text, "true"));
    if ((*text == '{' || *text == '[') && ht_json_parse(text, &item, NULL, NULL) == HT_OK)
        return item;
    double x;
    bool whole;
    char *digits = without_grouping(text);
    if (digits == NULL)
        return NULL;
    if (ht_parse_number(digits, &x, &whole))
        item = whole ? ht_json_int(x) : cJSON_CreateNumber(x);
    else
        item = cJSON_CreateString(text);
    free(digits);
    return item;
}

ht_status ht_word_parse(const char *word, char **key, cJSON **value, ht_error *err)
{
    const char *equals = strchr(word, '=');
    if (equals == NULL)
        return ht_fail(err, HT_EFORMAT, "'%.80s' is not of the form key=value", word);
    if (ht_utf8_fault(word) != NULL)
        return ht_fail(err, HT_EFORMAT, "'%.80s' is not UTF-8", word);
    const char *start = equals + 1, *end = start + strlen(start);
    while (isspace((unsigned char)*start))
        start++;
    while (end > start && isspace((unsigned char)end[-1]))
        end--;
    char *text = strndup(start, (size_t)(end - start));
    char *name = strndup(word, (size_t)(equals - word));
    cJSON *item = text == NULL || name == NULL ? NULL : value_of(text);
    free(text);
    if (item == NULL) {
        free(name);
        return ht_fail(err, HT_ENOMEM, "no memory for '%.80s'", word);
    }
    *key = name;
    *value = item;
    return HT_OK;
}

/* ---- words that set a recipe ------------------------------------------------------------------ */

static ht_status add_word(const char *word, cJSON *set, ht_error *err)
{
    char *key = NULL;
    cJSON *value = NULL;
    HT_TRY(ht_word_parse(word, &key, &value, err));
    ht_json_put(set, key, value);
    free(key);
    return HT_OK;
}

static void leave_out_given(const ht_recipe *r, cJSON *set)
{
    for (cJSON *item = set->child, *next; item != NULL; item = next) {
        next = item->next;
        if (ht_recipe_gives(r, item->string))
            cJSON_Delete(cJSON_DetachItemViaPointer(set, item));
    }
}

ht_status ht_recipe_set_words(ht_recipe *r, const char *words, bool over, ht_error *err)
{
    char *rest = NULL, *copy = words != NULL ? strdup(words) : NULL;
    if (words == NULL)
        return HT_OK;
    cJSON *set = cJSON_CreateObject();
    ht_status st = copy != NULL && set != NULL ? HT_OK : ht_fail(err, HT_ENOMEM, "no memory for settings");
    for (char *word = st == HT_OK ? strtok_r(copy, " ", &rest) : NULL; word != NULL && st == HT_OK;
         word = strtok_r(NULL, " ", &rest))
        st = add_word(word, set, err);
    if (st == HT_OK && !over)
        leave_out_given(r, set);
    if (st == HT_OK && set->child != NULL)
        st = ht_recipe_set(r, set, err);
    cJSON_Delete(set);
    free(copy);
    return st;
}
