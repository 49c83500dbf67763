/* src/recipe/yaml.c - YAML events become a document tree; the contract is in yaml.h.
 *
 * libyaml splits the text; what a plain scalar means is decided here by the core rules of YAML 1.2, since
 * libyaml leaves that open. `stack` holds the containers that are open, the innermost last.
 * May touch: the heap. Not: files. */
#include "recipe/yaml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/text.h"
#include "recipe/tree.h"

enum { DEPTH_MAX = 64 };

typedef struct {
    cJSON *root;
    ht_place *places;
    size_t n, capacity;
    int depth;
    struct {
        cJSON *container;
        char *key; /* of the value that comes next, owned; NULL = a key comes next */
        yaml_mark_t key_mark;
    } stack[DEPTH_MAX];
    ht_error *err;
} builder;

static ht_status fail_at(const builder *b, yaml_mark_t mark, const char *why)
{
    return ht_fail(b->err, HT_EFORMAT, "line %zu, column %zu: %s", mark.line + 1, mark.column + 1, why);
}

static ht_status no_memory(const builder *b)
{
    return ht_fail(b->err, HT_ENOMEM, "no memory for a YAML text");
}

/* ---- scalars -------------------------------------------------------------------------------- */

static bool one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

/* 0x1F and 0o17. */
static bool parse_based(const char *text, double *out)
{
    bool hex = strncmp(text, "0x", 2) == 0;
    if (!hex && strncmp(text, "0o", 2) != 0)
        return false;
    const char *digits = hex ? "0123456789abcdefABCDEF" : "01234567";
    size_t n = strlen(text + 2);
    if (n == 0 || strspn(text + 2, digits) != n)
        return false;
    *out = (double)strtoull(text + 2, NULL, hex ? 16 : 8);
    return true;
}

static bool parse_special(const char *text, double *out)
{
    static const char *const nans[] = {".nan", ".NaN", ".NAN", NULL};
    static const char *const infs[] = {".inf", ".Inf", ".INF", NULL};
    if (one_of(text, nans)) {
        *out = NAN;
        return true;
    }
    bool minus = *text == '-';
    *out = minus ? -INFINITY : INFINITY;
    return one_of(minus || *text == '+' ? text + 1 : text, infs);
}

static cJSON *plain_scalar(const char *text)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    double x;
    bool whole;
    if (one_of(text, nulls))
        return cJSON_CreateNull();
    if (one_of(text, trues) || one_of(text, falses))
        return cJSON_CreateBool(one_of(text, trues));
    if (ht_parse_number(text, &x, &whole))
        return whole ? ht_json_int(x) : cJSON_CreateNumber(x);
    if (parse_based(text, &x))
        return ht_json_int(x);
    if (parse_special(text, &x))
        return cJSON_CreateNumber(x);
    return cJSON_CreateString(text);
}

/* ---- building ------------------------------------------------------------------------------- */

static bool add_place(builder *b, yaml_mark_t mark)
{
    bool named = b->depth > 0 && b->stack[b->depth - 1].key != NULL;
    yaml_mark_t key = named ? b->stack[b->depth - 1].key_mark : mark;
    if (b->n == b->capacity) {
        size_t capacity = b->capacity == 0 ? 64 : 2 * b->capacity;
        ht_place *places = realloc(b->places, capacity * sizeof *places);
        if (places == NULL)
            return false;
        b->places = places;
        b->capacity = capacity;
    }
    b->places[b->n++] = (ht_place){(int)mark.line + 1, (int)mark.column + 1, (int)key.line + 1, (int)key.column + 1};
    return true;
}

/* Takes `item` (NULL = memory ran out) as the next value of the innermost container. */
static ht_status add_value(builder *b, cJSON *item, yaml_mark_t mark)
{
    if (item == NULL || !add_place(b, mark)) {
        cJSON_Delete(item);
        return no_memory(b);
    }
    if (b->depth == 0) {
        b->root = item;
        return HT_OK;
    }
    cJSON *container = b->stack[b->depth - 1].container;
    char **key = &b->stack[b->depth - 1].key;
    bool added =
        *key == NULL ? cJSON_AddItemToArray(container, item) : cJSON_AddItemToObject(container, *key, item);
    free(*key);
    *key = NULL;
    if (added)
        return HT_OK;
    cJSON_Delete(item);
    return no_memory(b);
}

static bool key_comes(const builder *b)
{
    return b->depth > 0 && cJSON_IsObject(b->stack[b->depth - 1].container) &&
           b->stack[b->depth - 1].key == NULL;
}

static ht_status open_container(builder *b, cJSON *container, yaml_mark_t mark)
{
    const char *refused = key_comes(b)            ? "a key must be plain text"
                          : b->depth == DEPTH_MAX ? "this is nested too deeply"
                                                  : NULL;
    if (refused != NULL) {
        cJSON_Delete(container);
        return fail_at(b, mark, refused);
    }
    HT_TRY(add_value(b, container, mark));
    b->stack[b->depth].key = NULL;
    b->stack[b->depth++].container = container;
    return HT_OK;
}

static ht_status close_mapping(builder *b)
{
    const cJSON *twice;
    ht_place at = {0};
    HT_TRY(ht_tree_duplicate(b->stack[b->depth - 1].container, &twice, b->err));
    b->depth--;
    if (twice == NULL)
        return HT_OK;
    ht_tree_place(b->root, b->places, twice, &at);
    return ht_fail(b->err, HT_EFORMAT, "line %d, column %d: '%.60s' is given twice", at.key_line, at.key_column,
                   twice->string);
}

static ht_status take_key(builder *b, const char *text, bool plain, yaml_mark_t mark)
{
    if (plain && (*text == '\0' || strcmp(text, "~") == 0))
        return fail_at(b, mark, "a key may not be empty");
    char **key = &b->stack[b->depth - 1].key;
    *key = strdup(text);
    b->stack[b->depth - 1].key_mark = mark;
    return *key == NULL ? no_memory(b) : HT_OK;
}

static ht_status take_scalar(builder *b, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    yaml_scalar_style_t style = event->data.scalar.style;
    if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE)
        return fail_at(b, event->start_mark, "block scalars are not supported; write the text in quotes");
    if (strlen(text) != event->data.scalar.length)
        return fail_at(b, event->start_mark, "a text may not hold a NUL character");
    bool plain = style == YAML_PLAIN_SCALAR_STYLE;
    if (key_comes(b))
        return take_key(b, text, plain, event->start_mark);
    return add_value(b, plain ? plain_scalar(text) : cJSON_CreateString(text), event->start_mark);
}

/* Anchors and tags stand in front of three kinds of event. */
static const char *decoration(const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    return anchor != NULL ? "anchors are not supported" : tag != NULL ? "tags are not supported" : NULL;
}

static ht_status take_event(builder *b, const yaml_event_t *event)
{
    const char *refused = decoration(event);
    if (refused != NULL)
        return fail_at(b, event->start_mark, refused);
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end)
            return fail_at(b, event->start_mark, "tags are not supported");
        return b->root == NULL ? HT_OK : fail_at(b, event->start_mark, "only one document may be in a text");
    case YAML_ALIAS_EVENT:
        return fail_at(b, event->start_mark, "aliases are not supported");
    case YAML_SCALAR_EVENT:
        return take_scalar(b, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_container(b, cJSON_CreateArray(), event->start_mark);
    case YAML_MAPPING_START_EVENT:
        return open_container(b, cJSON_CreateObject(), event->start_mark);
    case YAML_SEQUENCE_END_EVENT:
        b->depth--;
        return HT_OK;
    case YAML_MAPPING_END_EVENT:
        return close_mapping(b);
    default:
        return HT_OK; /* ends of document and stream */
    }
}

/* ---- the text ------------------------------------------------------------------------------- */

static bool tab_indents(const char *text, size_t line)
{
    for (; line > 0 && text != NULL; line--) {
        text = strchr(text, '\n');
        text = text == NULL ? NULL : text + 1;
    }
    return text != NULL && text[strspn(text, " ")] == '\t';
}

/* Where p is; the text up to there is UTF-8. */
static yaml_mark_t mark_of(const char *text, const char *p)
{
    yaml_mark_t mark = {0, 0, 0};
    for (; text < p && *text != '\0'; text += ht_utf8_length(text)) {
        mark.column = *text == '\n' ? 0 : mark.column + 1;
        mark.line += *text == '\n';
    }
    return mark;
}

static ht_status syntax_error(const builder *b, const yaml_parser_t *parser, const char *text)
{
    if (parser->error == YAML_MEMORY_ERROR)
        return no_memory(b);
    if (parser->error == YAML_READER_ERROR) /* has an offset instead of a mark */
        return fail_at(b, mark_of(text, text + parser->problem_offset), parser->problem);
    if (tab_indents(text, parser->problem_mark.line))
        return fail_at(b, parser->problem_mark, "a tab in the indentation; use spaces");
    return fail_at(b, parser->problem_mark, parser->problem != NULL ? parser->problem : "this is not YAML");
}

static ht_status build(builder *b, const char *text)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return no_memory(b);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
    ht_status st = HT_OK;
    bool more = true;
    while (more && st == HT_OK) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            st = syntax_error(b, &parser, text);
            break;
        }
        more = event.type != YAML_STREAM_END_EVENT;
        st = take_event(b, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return st;
}

ht_status ht_yaml_parse(const char *text, cJSON **out, ht_place **places, ht_error *err)
{
    builder b = {.err = err};
    const char *fault = ht_utf8_fault(text);
    ht_status st = fault == NULL ? build(&b, text) : fail_at(&b, mark_of(text, fault), "this is not UTF-8");
    if (st == HT_OK && (b.root == NULL || cJSON_IsNull(b.root))) {
        cJSON_Delete(b.root);
        b.root = NULL;
        b.n = 0;
        st = add_value(&b, cJSON_CreateObject(), (yaml_mark_t){0, 0, 0});
    }
    if (st == HT_OK) {
        *out = b.root;
        b.root = NULL;
        if (places != NULL) {
            *places = b.places;
            b.places = NULL;
        }
    }
    for (int i = 0; i < DEPTH_MAX; i++)
        free(b.stack[i].key);
    free(b.places);
    cJSON_Delete(b.root);
    return st;
}
