/** @file src/store/lines.h
 *  Logs, read: files of JSON objects, one a line, that carry their checksums (base/sum.h).
 *
 *  A line counts if it is one JSON object and its checksum is right, it was not there before, and none of
 * those before it has a checksum if it has none itself (so lines of older versions count until the first line
 * of ours, but only if that is the first one that had a checksum). What does not count is told, not visited.
 */
#ifndef HT_STORE_LINES_H
#define HT_STORE_LINES_H

#include "base/error.h"
#include "base/json.h"

typedef enum {
    HT_LINE_FINE,
    HT_LINE_NO_OBJECT,
    HT_LINE_DAMAGED,
    HT_LINE_BARE,
    HT_LINE_REPEATED,
    HT_N_LINES
} ht_line_verdict;
/** What is wrong with a line, for a sentence that begins with its number; "" if nothing is. */
const char *ht_line_text(ht_line_verdict v);

typedef struct {
    size_t at; /**< which line of the file, from 1 */
    ht_line_verdict verdict;
    size_t missing;      /**< lines that were there before this one and are gone */
    const cJSON *object; /**< without its checksum; borrowed for the call; NULL unless fine */
} ht_line;

/** What was seen of a log. Starts as {0}. */
typedef struct {
    size_t lines, bad, missing; /**< that count; that do not; that are gone (at least) */
    size_t first;               /**< the first one that does not count; 0 = none */
    ht_line_verdict why;        /**< of that one */
    unsigned long number;       /**< of the last line that has one; 0 = none has a checksum */
    bool torn; /**< the last line has no line feed: it is being written, or was not finished */
} ht_lines_account;

/** Call `visit` for each line but blank ones, whatever its verdict. A torn last line is not visited. A
 * missing file has no lines. @param[out] account  the whole file @return HT_OK, HT_EIO, HT_ENOMEM */
ht_status ht_lines_walk(const char *path, void (*visit)(void *ctx, const ht_line *line), void *ctx,
                        ht_lines_account *account, ht_error *err);
/** Call `visit` for each line that counts. As ht_lines_walk. */
ht_status ht_lines_each(const char *path, void (*visit)(void *ctx, const cJSON *object), void *ctx,
                        ht_lines_account *account, ht_error *err);
/** One sentence on what is wrong with a log, and what to do.
 *  @return false: nothing is, and `out` is untouched. Who knows that the log is being written, or that its
 * writer was killed, sets account->torn to false before */
bool ht_lines_tell(const char *path, const ht_lines_account *account, ht_error *out);

/** Number of the last line of a file whose checksum is right, 0 if there is none or it has no number. */
unsigned long ht_lines_last_number(int fd);

#endif
