/* src/tune/json_lines.c - walks a text of JSON objects, one a line; the contract is in json_lines.h.
 *
 * May touch: the heap. */
#include "tune/json_lines.h"

#include <stdlib.h>
#include <string.h>

static bool is_blank(const char *text, size_t n)
{
    return strspn(text, " \t\r") >= n;
}

static bool is_last(const char *after)
{
    return after[strspn(after, " \t\r\n")] == '\0';
}

static ht_status parse_line(const char *text, size_t n, size_t number, cJSON **out, ht_error *err)
{
    ht_error why = {""};
    char *line = malloc(n + 1);
    if (line == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for line %zu", number);
    memcpy(line, text, n);
    line[n] = '\0';
    ht_status st = ht_json_parse(line, out, NULL, &why);
    free(line);
    if (st != HT_OK)
        return ht_fail(err, st, "line %zu: %.400s", number, why.text);
    if (cJSON_IsObject(*out))
        return HT_OK;
    cJSON_Delete(*out);
    *out = NULL;
    return ht_fail(err, HT_EFORMAT, "line %zu: an object {..} is needed", number);
}

ht_status ht_json_lines_each(const char *text, bool may_be_torn, ht_json_lines_visitor visit, void *ctx,
                             ht_error *err)
{
    size_t number = 0;
    for (const char *at = text; *at != '\0';) {
        size_t n = strcspn(at, "\n");
        const char *next = at + n + (at[n] == '\n');
        cJSON *object = NULL;
        number++;
        if (!is_blank(at, n)) {
            ht_error why = {""};
            ht_status st = parse_line(at, n, number, &object, &why);
            if (st == HT_EFORMAT && may_be_torn && is_last(next))
                return HT_OK;
            if (st != HT_OK)
                return ht_fail(err, st, "%s", why.text);
            HT_TRY(visit(ctx, number, object, err));
        }
        at = next;
    }
    return HT_OK;
}
