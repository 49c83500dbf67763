/* src/recipe/tree.c - places and duplicate names in a document tree; the contract is in tree.h. */
#include "recipe/tree.h"

#include <stdlib.h>
#include <string.h>

/* Counts items in document order until `item` turns up. */
static bool find(const cJSON *from, const cJSON *item, size_t *index)
{
    for (; from != NULL; from = from->next) {
        if (from == item)
            return true;
        ++*index;
        if (find(from->child, item, index))
            return true;
    }
    return false;
}

bool ht_tree_place(const cJSON *root, const ht_place *places, const cJSON *item, ht_place *out)
{
    size_t index = 0;
    if (!find(root, item, &index))
        return false;
    *out = places[index];
    return true;
}

typedef struct {
    const cJSON *item;
    size_t position;
} member;

static int by_name(const void *a, const void *b)
{
    const member *x = a, *y = b;
    int order = strcmp(x->item->string, y->item->string);
    return order != 0 ? order : (x->position > y->position) - (x->position < y->position);
}

ht_status ht_tree_duplicate(const cJSON *object, const cJSON **out, ht_error *err)
{
    *out = NULL;
    size_t n = (size_t)cJSON_GetArraySize(object), i = 0;
    if (n < 2)
        return HT_OK;
    member *members = calloc(n, sizeof *members);
    if (members == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for %zu members", n);
    for (const cJSON *item = object->child; item != NULL; item = item->next, i++)
        members[i] = (member){item, i};
    qsort(members, n, sizeof *members, by_name);
    size_t first = n;
    for (i = 1; i < n; i++)
        if (strcmp(members[i - 1].item->string, members[i].item->string) == 0 &&
            members[i].position < first) {
            first = members[i].position;
            *out = members[i].item;
        }
    free(members);
    return HT_OK;
}
