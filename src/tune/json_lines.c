/* src/tune/json_lines.c - walks a text of JSON objects, one a line; the contract is in json_lines.h.
 *
 * May touch: the heap. */
#include "tune/json_lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/sum.h"

static bool is_blank(const char *text, size_t n)
{
    return strspn(text, " \t\r") >= n;
}

static bool is_last(const char *after)
{
    return after[strspn(after, " \t\r\n")] == '\0';
}

/* Lines that a run wrote have a checksum and count on; some of them may have been taken out on purpose. */
static ht_status check_sum(const char *text, size_t n, size_t number, unsigned long *last, cJSON **object,
                           ht_error *err)
{
    unsigned long counted;
    const char *fault = "is there twice";
    ht_sum_verdict verdict = ht_sum_take(text, n, *object, &counted);
    if (verdict == HT_SUM_WRONG)
        fault = "has a wrong checksum: it is damaged, or was changed and its member \"sum\" left in";
    else if (counted == 0 || counted > *last)
        fault = NULL;
    if (counted > 0)
        *last = counted;
    if (fault == NULL)
        return HT_OK;
    cJSON_Delete(*object);
    *object = NULL;
    return ht_fail(err, HT_EREFUSED, "line %zu %s", number, fault);
}

static ht_status parse_line(const char *text, size_t n, size_t number, unsigned long *last, cJSON **out,
                            ht_error *err)
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
        return check_sum(text, n, number, last, out, err);
    cJSON_Delete(*out);
    *out = NULL;
    return ht_fail(err, HT_EFORMAT, "line %zu: an object {..} is needed", number);
}

ht_status ht_json_lines_each(const char *text, bool may_be_torn, ht_json_lines_visitor visit, void *ctx,
                             ht_error *err)
{
    size_t number = 0;
    unsigned long last = 0;
    for (const char *at = text; *at != '\0';) {
        size_t n = strcspn(at, "\n");
        const char *next = at + n + (at[n] == '\n');
        cJSON *object = NULL;
        number++;
        if (!is_blank(at, n)) {
            ht_error why = {""};
            ht_status st = parse_line(at, n, number, &last, &object, &why);
            if (st == HT_EFORMAT && may_be_torn && is_last(next))
                return HT_OK;
            if (st != HT_OK)
                return ht_fail(err, st == HT_EREFUSED ? HT_EFORMAT : st, "%s", why.text);
            HT_TRY(visit(ctx, number, object, err));
        }
        at = next;
    }
    return HT_OK;
}
