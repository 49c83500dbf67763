/* src/store/lines.c - logs, read; the contract is in lines.h.
 *
 * Two walks over the text: the first finds the line that had the first checksum, because lines before it
 * count only if they cannot have lost one. May touch: the file that is read. */
#include "store/lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sum.h"
#include "store/file.h"

const char *ht_line_text(ht_line_verdict v)
{
    static const char *const texts[HT_N_LINES] = {[HT_LINE_FINE] = "",
                                                  [HT_LINE_NO_OBJECT] = "is no JSON object",
                                                  [HT_LINE_DAMAGED] = "has a wrong checksum",
                                                  [HT_LINE_BARE] = "has no checksum, and others have",
                                                  [HT_LINE_REPEATED] = "is there twice"};
    return texts[v];
}

/* One walk. */
typedef struct {
    char *text;
    size_t n;
    bool bare_counts; /* before the first line with a checksum */
    size_t bad_since; /* bad lines since the last one with a number */
    ht_lines_account account;
} walk;

/* The next whole line, 0-terminated. @return false: there is none */
static bool next_line(walk *w, char **line, size_t *n)
{
    char *start = *line == NULL ? w->text : *line + *n + 1, *end;
    size_t left = w->n - (size_t)(start - w->text);
    if ((end = memchr(start, '\n', left)) == NULL) {
        w->account.torn = left > 0;
        return false;
    }
    *end = '\0';
    *line = start;
    *n = (size_t)(end - start);
    return true;
}

/* The first line with a number is the first one that got one. True if no line has a number. */
static bool is_bare_until_the_first(walk *w)
{
    unsigned long number = 0;
    char *line = NULL;
    size_t n = 0;
    while (number == 0 && next_line(w, &line, &n)) {
        ht_sum_look(line, n, &number);
        line[n] = '\n';
    }
    return number <= 1;
}

/* Lines with numbers count on. @return HT_LINE_REPEATED, or HT_LINE_FINE */
static ht_line_verdict count_on(walk *w, unsigned long number, size_t *missing)
{
    if (number == 0)
        return HT_LINE_FINE;
    if (number <= w->account.number)
        return HT_LINE_REPEATED;
    size_t gap = number - w->account.number - 1;
    *missing = gap > w->bad_since ? gap - w->bad_since : 0;
    w->account.number = number;
    w->bad_since = 0;
    return HT_LINE_FINE;
}

static ht_line_verdict judge(walk *w, const char *line, size_t n, cJSON **object, size_t *missing)
{
    unsigned long number;
    if (strlen(line) != n || ht_json_parse(line, object, NULL, NULL) != HT_OK || !cJSON_IsObject(*object))
        return HT_LINE_NO_OBJECT;
    switch (ht_sum_take(line, n, *object, &number)) {
    case HT_SUM_WRONG:
        return HT_LINE_DAMAGED;
    case HT_SUM_NONE:
        return w->bare_counts ? HT_LINE_FINE : HT_LINE_BARE;
    case HT_SUM_RIGHT:
        break;
    }
    w->bare_counts = w->bare_counts && number == 0;
    return count_on(w, number, missing);
}

static void take_line(walk *w, const char *text, size_t n, size_t at, void (*visit)(void *, const ht_line *),
                      void *ctx)
{
    cJSON *object = NULL;
    ht_lines_account *a = &w->account;
    ht_line line = {.at = at};
    if (strlen(text) == n && text[strspn(text, " \t\r")] == '\0')
        return;
    line.verdict = judge(w, text, n, &object, &line.missing);
    bool fine = line.verdict == HT_LINE_FINE;
    line.object = fine ? object : NULL;
    a->lines += fine;
    a->bad += !fine;
    a->missing += line.missing;
    w->bad_since += !fine && line.verdict != HT_LINE_REPEATED;
    if (!fine && a->first == 0) {
        a->first = at;
        a->why = line.verdict;
    }
    visit(ctx, &line);
    cJSON_Delete(object);
}

ht_status ht_lines_walk(const char *path, void (*visit)(void *ctx, const ht_line *line), void *ctx,
                        ht_lines_account *account, ht_error *err)
{
    walk w = {0};
    char *line = NULL;
    size_t n = 0, at = 0;
    *account = (ht_lines_account){0};
    ht_status st = ht_file_read(path, &w.text, &w.n, err);
    if (st != HT_OK)
        return st == HT_ENOTFOUND ? HT_OK : st;
    w.bare_counts = is_bare_until_the_first(&w);
    while (next_line(&w, &line, &n))
        take_line(&w, line, n, ++at, visit, ctx);
    *account = w.account;
    free(w.text);
    return HT_OK;
}

typedef struct {
    void (*visit)(void *ctx, const cJSON *object);
    void *ctx;
} fine_only;

static void visit_fine(void *ctx, const ht_line *line)
{
    const fine_only *f = ctx;
    if (line->object != NULL)
        f->visit(f->ctx, line->object);
}

ht_status ht_lines_each(const char *path, void (*visit)(void *ctx, const cJSON *object), void *ctx,
                        ht_lines_account *account, ht_error *err)
{
    fine_only f = {visit, ctx};
    return ht_lines_walk(path, visit_fine, &f, account, err);
}

bool ht_lines_tell(const char *path, const ht_lines_account *a, ht_error *out)
{
    char bad[128] = "", missing[64] = "";
    const char *torn = !a->torn                  ? ""
                       : a->bad + a->missing > 0 ? "; the last line is torn"
                                                 : "the last line is torn";
    if (a->bad == 0 && a->missing == 0 && !a->torn)
        return false;
    if (a->bad == 1)
        snprintf(bad, sizeof bad, "line %zu %s, and is not used", a->first, ht_line_text(a->why));
    else if (a->bad > 1)
        snprintf(bad, sizeof bad, "%zu lines are damaged, and not used; the first, %zu, %s", a->bad, a->first,
                 ht_line_text(a->why));
    if (a->missing > 0)
        snprintf(missing, sizeof missing, "%s%zu %s missing", a->bad > 0 ? "; " : "", a->missing,
                 a->missing == 1 ? "line is" : "lines are");
    ht_fail(out, HT_EFORMAT, "'%s': %s%s%s; take a copy that is whole ('hottune study check' tells more)",
            path, bad, missing, torn);
    return true;
}

/* ---- the last number ------------------------------------------------------------------------------ */

/* text[0 .. n - 1] is the end of a file. @return the number of the last line in it that has one; 0 = none
 * @param[out] head  bytes of the first line, of which more may stand before the text */
static unsigned long number_in(const char *text, size_t n, size_t *head)
{
    const char *feed = memchr(text, '\n', n);
    unsigned long number = 0;
    *head = feed != NULL ? (size_t)(feed - text) + 1 : n;
    while (n > *head && number == 0) {
        size_t end = text[n - 1] == '\n' ? n - 1 : n, start = end;
        while (start > *head && text[start - 1] != '\n')
            start--;
        ht_sum_look(text + start, end - start, &number);
        n = start;
    }
    return number;
}

unsigned long ht_lines_last_number(int fd)
{
    off_t end = lseek(fd, 0, SEEK_END);
    unsigned long number = 0;
    size_t keep = 0, room = 1 << 16;
    char *text = malloc(room);
    while (text != NULL && end > 0 && number == 0) {
        if (keep == room) { /* a line that is longer than the room */
            char *more = realloc(text, 2 * room);
            if (more == NULL)
                break;
            text = more;
            room *= 2;
        }
        size_t n = (off_t)(room - keep) < end ? room - keep : (size_t)end;
        memmove(text + n, text, keep);
        end -= (off_t)n;
        if (pread(fd, text, n, end) != (ssize_t)n)
            break;
        number = number_in(text, n + keep, &keep);
        if (number == 0 && end == 0)
            ht_sum_look(text, keep > 0 && text[keep - 1] == '\n' ? keep - 1 : keep, &number);
    }
    free(text);
    return number;
}
