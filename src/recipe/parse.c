/* src/recipe/parse.c - from text or file to a recipe, and what is said when that fails.
 *
 * Which syntax, then tree, then recipe; the contract is in recipe.h. ht_recipe_load opens a file. */
#include "recipe/recipe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sum.h"
#include "recipe/read.h"
#include "recipe/yaml.h"

enum { TEXT_MAX = 1 << 20 }; /* no recipe is longer; protects from being handed a data file */

/* ---- text to recipe ------------------------------------------------------------------------- */

/* What a run writes has a checksum. */
static ht_status parse_json(const char *text, cJSON **root, ht_place **places, ht_error *err)
{
    HT_TRY(ht_json_parse(text, root, places, err));
    if (ht_sum_take(text, strlen(text), *root, NULL) != HT_SUM_WRONG)
        return HT_OK;
    cJSON_Delete(*root);
    free(*places);
    *root = NULL;
    *places = NULL;
    return ht_fail(
        err, HT_EFORMAT,
        "the checksum is wrong: the file is damaged; take a copy that is whole (or, if it was changed "
        "on purpose, remove its member \"sum\")");
}

static ht_status parse_tree(const char *text, cJSON **root, ht_place **places, ht_error *err)
{
    if (strlen(text) > TEXT_MAX)
        return ht_fail(err, HT_EFORMAT, "line 1, column 1: longer than %d bytes, this is no recipe",
                       TEXT_MAX);
    if (strncmp(text, "\xEF\xBB\xBF", 3) == 0)
        text += 3; /* a byte order mark says nothing in UTF-8 */
    if (text[strspn(text, " \t\r\n")] == '{')
        return parse_json(text, root, places, err);
    return ht_yaml_parse(text, root, places, err);
}

/* Both parsers say "line 3, column 4: why"; a recipe's messages say "name:3:4: why". */
static void add_syntax_fault(ht_string *faults, const char *name, const char *message)
{
    int line, column, n = 0;
    if (sscanf(message, "line %d, column %d: %n", &line, &column, &n) == 2 && n > 0)
        ht_string_add(faults, "%s:%d:%d: %s\n", name, line, column, message + n);
    else
        ht_string_add(faults, "%s: %s\n", name, message);
}

/* *out is NULL if there are faults. */
static ht_status read_text(const char *text, const char *name, ht_recipe **out, ht_string *faults,
                           ht_error *err)
{
    cJSON *root = NULL;
    ht_place *places = NULL;
    ht_error why;
    *out = NULL;
    ht_status st = parse_tree(text, &root, &places, &why);
    if (st == HT_EFORMAT) {
        add_syntax_fault(faults, name, why.text);
        return faults->failed ? ht_fail(err, HT_ENOMEM, "no memory for a message") : HT_OK;
    }
    if (st != HT_OK)
        return ht_fail(err, st, "%s: %s", name, why.text);
    st = ht_document_read(&(ht_document){root, places, name}, out, faults, err);
    cJSON_Delete(root);
    free(places);
    return st;
}

ht_status ht_recipe_parse(const char *text, const char *name, ht_recipe **out, ht_error *err)
{
    ht_recipe *r = NULL;
    ht_string faults = {0};
    ht_status st = read_text(text, name, &r, &faults, err);
    if (st == HT_OK && r == NULL) {
        const char *first = ht_string_peek(&faults);
        st = ht_fail(err, HT_EFORMAT, "%.*s", (int)strcspn(first, "\n"), first);
    } else if (st == HT_OK)
        *out = r;
    ht_string_release(&faults);
    return st;
}

ht_status ht_recipe_faults(const char *text, const char *name, ht_string *faults)
{
    ht_recipe *r = NULL;
    ht_status st = read_text(text, name, &r, faults, NULL);
    ht_recipe_destroy(r);
    return st;
}

/* ---- files ---------------------------------------------------------------------------------- */

static ht_status read_file(FILE *f, const char *path, char **out, ht_error *err)
{
    ht_string text = {0};
    char block[4096];
    size_t n;
    while ((n = fread(block, 1, sizeof block, f)) > 0 && text.n <= TEXT_MAX)
        ht_string_add_bytes(&text, block, n);
    ht_status st = HT_OK;
    if (ferror(f))
        st = ht_fail(err, HT_EIO, "%s: cannot be read: %s", path, strerror(errno));
    else if (text.n > 0 && strlen(ht_string_peek(&text)) != text.n)
        st = ht_fail(err, HT_EFORMAT, "%s:1:1: holds a NUL character, this is no recipe", path);
    else if ((*out = ht_string_take(&text)) == NULL)
        st = ht_fail(err, HT_ENOMEM, "no memory for %s", path);
    ht_string_release(&text);
    return st;
}

ht_status ht_recipe_load(const char *path, ht_recipe **out, ht_error *err)
{
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return ht_fail(err, errno == ENOENT ? HT_ENOTFOUND : HT_EIO, "%s: cannot be opened: %s", path,
                       strerror(errno));
    char *text = NULL;
    ht_status st = read_file(f, path, &text, err);
    fclose(f);
    if (st == HT_OK)
        st = ht_recipe_parse(text, path, out, err);
    free(text);
    return st;
}

/* ---- the path in a message ------------------------------------------------------------------ */

/* What comes after "name:3:4: ", or NULL. The name may hold anything, so this looks for the numbers. */
static const char *after_place(const char *text)
{
    for (const char *p = strchr(text, ':'); p != NULL; p = strchr(p + 1, ':')) {
        size_t line = strspn(p + 1, "0123456789");
        const char *q = p + 1 + line;
        size_t column = *q == ':' ? strspn(q + 1, "0123456789") : 0;
        if (line > 0 && column > 0 && strncmp(q + 1 + column, ": ", 2) == 0)
            return q + 1 + column + 2;
    }
    return NULL;
}

void ht_recipe_fault_path(const ht_error *err, char *path, size_t size)
{
    static const char prefix[] = "invalid_recipe: ";
    const char *start = err->text;
    if (strncmp(start, prefix, sizeof prefix - 1) == 0)
        start += sizeof prefix - 1;
    else
        start = after_place(start);
    const char *end = start == NULL ? NULL : strstr(start, ": ");
    snprintf(path, size, "%.*s", end == NULL ? 0 : (int)(end - start), end == NULL ? "" : start);
}
