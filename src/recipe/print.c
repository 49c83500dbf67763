/* src/recipe/print.c - a recipe as YAML or JSON text, the differences of two, the fingerprint.
 *
 * All of it is printed from the tree of ht_recipe_to_json, with number kinds, so that a text reads back to an
 * equal recipe. Base prints JSON; YAML is printed here. The contract is in recipe.h. May touch: the heap. */
#include "recipe/recipe.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/shown.h"

/* ---- scalars -------------------------------------------------------------------------------- */

static void add_number(ht_string *out, const cJSON *item)
{
    char text[40];
    ht_print_real(text, item->valuedouble, !ht_json_is_int(item));
    ht_string_add(out, "%s", text);
}

/* Characters that YAML takes for line breaks or refuses, and those that a terminal would obey: they are written
 * escaped. */
static bool is_special(uint32_t c)
{
    return c < ' ' || (c >= 0x7F && c < 0xA0) || (c >= 0xFFFE && c <= 0xFFFF) || ht_shown_is_unseen(c);
}

static void add_quoted(ht_string *out, const char *text)
{
    ht_string_add_bytes(out, "\"", 1);
    for (size_t n; *text != '\0'; text += n) {
        uint32_t c = ht_utf8_character(text, &n);
        if (*text == '"' || *text == '\\')
            ht_string_add(out, "\\%c", *text);
        else if (is_special(c) || ht_utf8_length(text) == 0)
            ht_string_add(out, c > 0xFFFF ? "\\U%08lx" : "\\u%04lx", (unsigned long)c);
        else
            ht_string_add_bytes(out, text, n);
    }
    ht_string_add_bytes(out, "\"", 1);
}

/* Plain only where no reader of YAML, old or new, can take it for anything but a text. */
static bool plain_is_safe(const char *text)
{
    static const char *const taken[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789/.-";
    char lower[8] = "";
    size_t n = strlen(text);
    for (size_t i = 0; n < sizeof lower && i < n; i++)
        lower[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (strcmp(lower, taken[i]) == 0)
            return false;
    return n > 0 && strchr(letters, text[0]) != NULL && strspn(text, others) == n;
}

static void add_text(ht_string *out, const char *text)
{
    if (plain_is_safe(text))
        ht_string_add(out, "%s", text);
    else
        add_quoted(out, text);
}

static void add_scalar(ht_string *out, const cJSON *item)
{
    if (cJSON_IsNumber(item))
        add_number(out, item);
    else if (cJSON_IsString(item))
        add_text(out, item->valuestring);
    else
        ht_string_add(out, "%s", cJSON_IsBool(item) ? cJSON_IsTrue(item) ? "true" : "false" : "null");
}

/* ---- trees ---------------------------------------------------------------------------------- */

/* On one line: {a: 1, b: [2, 3]}. */
static void add_flow(ht_string *out, const cJSON *item)
{
    bool object = cJSON_IsObject(item);
    if (!object && !cJSON_IsArray(item)) {
        add_scalar(out, item);
        return;
    }
    ht_string_add(out, object ? "{" : "[");
    const cJSON *member;
    cJSON_ArrayForEach(member, item) {
        if (object) {
            add_text(out, member->string);
            ht_string_add(out, ": ");
        }
        add_flow(out, member);
        if (member->next != NULL)
            ht_string_add(out, ", ");
    }
    ht_string_add(out, object ? "}" : "]");
}

static bool holds_objects(const cJSON *item)
{
    const cJSON *member;
    cJSON_ArrayForEach(member, item)
        if (cJSON_IsObject(member))
            return true;
    return false;
}

/* The members of an object, one a line. Sections (indent 0) and what holds mappings go on over several lines,
 * everything else stays on its own. */
static void add_block(ht_string *out, const cJSON *object, int indent)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, object) {
        bool block = cJSON_IsObject(item) && item->child != NULL && (indent == 0 || holds_objects(item));
        ht_string_add(out, "%*s", indent, "");
        add_text(out, item->string);
        ht_string_add(out, block ? ":\n" : ": ");
        if (block) {
            add_block(out, item, indent + 2);
        } else {
            add_flow(out, item);
            ht_string_add(out, "\n");
        }
    }
}

void ht_recipe_print_yaml(const ht_recipe *r, ht_string *out)
{
    cJSON *root = ht_recipe_to_json(r);
    if (root == NULL)
        out->failed = true;
    else
        add_block(out, root, 0);
    cJSON_Delete(root);
}

/* Takes the text; NULL = memory ran out. */
static void add_taken(ht_string *out, char *text)
{
    if (text == NULL)
        out->failed = true;
    else
        ht_string_add_bytes(out, text, strlen(text));
    free(text);
}

void ht_recipe_print_json(const ht_recipe *r, ht_string *out)
{
    cJSON *root = ht_recipe_to_json(r);
    add_taken(out, root == NULL ? NULL : ht_json_page(root));
    cJSON_Delete(root);
}

ht_status ht_recipe_hash(const ht_recipe *r, char hash[17])
{
    cJSON *root = ht_recipe_to_json(r);
    char *text = root == NULL ? NULL : ht_json_line(root);
    cJSON_Delete(root);
    if (text == NULL)
        return HT_ENOMEM;
    uint64_t h = 0xCBF29CE484222325u; /* FNV-1a of Fowler, Noll and Vo */
    for (const char *p = text; *p != '\0'; p++)
        h = (h ^ (unsigned char)*p) * 0x100000001B3u;
    free(text);
    snprintf(hash, 17, "%016" PRIx64, h);
    return HT_OK;
}

/* ---- differences ---------------------------------------------------------------------------- */

static void add_leaf(ht_string *out, const cJSON *item)
{
    if (item == NULL)
        ht_string_add(out, "(none)");
    else
        add_flow(out, item);
}

/* By what would be written, so that the last bit of a number counts. */
static void diff_leaves(const cJSON *a, const cJSON *b, const char *path, ht_string *out)
{
    ht_string old = {0}, new = {0};
    add_leaf(&old, a);
    add_leaf(&new, b);
    if (strcmp(ht_string_peek(&old), ht_string_peek(&new)) != 0)
        ht_string_add(out, "%s: %s -> %s\n", path, ht_string_peek(&old), ht_string_peek(&new));
    out->failed = out->failed || old.failed || new.failed;
    ht_string_release(&old);
    ht_string_release(&new);
}

static void diff(const cJSON *a, const cJSON *b, const char *path, ht_string *out);

/* Members in the order of a, then those that only b has. */
static void diff_members(const cJSON *a, const cJSON *b, const char *path, ht_string *out)
{
    const cJSON *from[2] = {a, b}, *item;
    for (int i = 0; i < 2; i++)
        cJSON_ArrayForEach(item, from[i]) {
            const cJSON *old = ht_json_member(a, item->string);
            if (i == 1 && old != NULL)
                continue;
            ht_string at = {0};
            ht_string_add(&at, "%s%s%s", path, path[0] == '\0' ? "" : ".", item->string);
            diff(old, ht_json_member(b, item->string), ht_string_peek(&at), out);
            out->failed = out->failed || at.failed;
            ht_string_release(&at);
        }
}

static void diff(const cJSON *a, const cJSON *b, const char *path, ht_string *out)
{
    bool inner_a = cJSON_IsObject(a) && a->child != NULL, inner_b = cJSON_IsObject(b) && b->child != NULL;
    if (inner_a || inner_b)
        diff_members(inner_a ? a : NULL, inner_b ? b : NULL, path, out);
    else
        diff_leaves(a, b, path, out);
}

ht_status ht_recipe_diff(const ht_recipe *a, const ht_recipe *b, ht_string *out)
{
    cJSON *x = ht_recipe_to_json(a), *y = ht_recipe_to_json(b);
    ht_status st = x != NULL && y != NULL ? HT_OK : HT_ENOMEM;
    if (st == HT_OK)
        diff(x, y, "", out);
    cJSON_Delete(x);
    cJSON_Delete(y);
    return st == HT_OK && out->failed ? HT_ENOMEM : st;
}
