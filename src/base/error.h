/** @file src/base/error.h
 *  One call that writes a message and returns the failure, so that a refusal is one line. */
#ifndef HT_BASE_ERROR_H
#define HT_BASE_ERROR_H

#include <hottune/types.h>

#if defined(__GNUC__)
#define HT_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define HT_PRINTF(text, first)
#endif

/** Write a message and return `status`. `err` may be NULL.
 *  Messages start in lower case, end without a full stop, put the user's words in quotes and say
 *  what: why; what to do. */
ht_status ht_fail(ht_error *err, ht_status status, const char *format, ...) HT_PRINTF(3, 4);

/** Put "where: " in front of the message that is there, and return `status`. `err` may be NULL. */
ht_status ht_fail_in(ht_error *err, ht_status status, const char *where);

#define HT_TRY(call)                                                                               \
    do {                                                                                           \
        ht_status ht_try_status = (call);                                                          \
        if (ht_try_status != HT_OK)                                                                \
            return ht_try_status;                                                                  \
    } while (0)

#endif
