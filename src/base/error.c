/* src/base/error.c - messages for people; the contract is in error.h. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *ht_status_text(ht_status status)
{
#define TEXT(name, text) text,
    static const char *const texts[] = {HT_STATUS_LIST(TEXT)};
#undef TEXT
    return (unsigned)status < HT_N_STATUS ? texts[status] : "unknown status";
}

ht_status ht_fail(ht_error *err, ht_status status, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return status;
}

ht_status ht_fail_in(ht_error *err, ht_status status, const char *where)
{
    if (err != NULL) {
        char text[sizeof err->text];
        memcpy(text, err->text, sizeof text);
        text[sizeof text - 1] = '\0';
        int n = snprintf(err->text, sizeof err->text, "%s: ", where);
        size_t at = n < 0 ? 0 : (size_t)n;
        if (at < sizeof err->text)
            snprintf(err->text + at, sizeof err->text - at, "%.*s", (int)(sizeof text - 1 - at), text);
    }
    return status;
}
