/* src/store/page.c - a whole file that is rewritten again and again; the contract is in page.h.
 *
 * May touch: its file, the monotonic clock (to see what a write costs). */
#include "store/page.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/sum.h"
#include "store/run_dir.h"

static const double least_s = 0.1, share = 20;  /* pause: at least, and in units of what a write cost */

ht_status ht_page_init(ht_page *p, const char *dir, const char *name, const ht_file_guard *guard, ht_error *err)
{
    *p = (ht_page){.path = ht_path_join(dir, name), .guard = guard};
    return p->path != NULL ? HT_OK : ht_fail(err, HT_ENOMEM, "no memory for the name of '%s'", name);
}

void ht_page_release(ht_page *p)
{
    free(p->path);
    free(p->text);
    *p = (ht_page){NULL};
}

void ht_page_put(ht_page *p, char *text)
{
    if (text == NULL)
        return;
    free(p->text);
    p->text = text;
}

bool ht_page_may(const ht_page *p, double now)
{
    return now >= p->next;
}

static double seconds(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static ht_status told(const ht_page *p, ht_error *err)
{
    return p->failure.text[0] == '\0' ? HT_OK : ht_fail(err, HT_EIO, "%s", p->failure.text);
}

ht_status ht_page_flush(ht_page *p, double now, bool at_once, ht_error *err)
{
    if (p->text == NULL || !(at_once || ht_page_may(p, now)))
        return told(p, err);
    double start = seconds();
    p->failure.text[0] = '\0';
    ht_status st = ht_file_replace_if(p->path, p->text, strlen(p->text), p->guard, &p->failure);
    double pause = share * (seconds() - start);
    p->next = now + (pause > least_s ? pause : least_s);
    if (st == HT_OK) {
        free(p->text);
        p->text = NULL;
    }
    return told(p, err);
}

ht_status ht_page_parse(const char *text, const char *name, cJSON **out, ht_error *err)
{
    cJSON *object = NULL;
    ht_status st = ht_json_parse(text, &object, NULL, err);
    if (st != HT_OK)
        return ht_fail_in(err, st, name);
    if (ht_sum_take(text, strlen(text), object, NULL) == HT_SUM_WRONG) {
        cJSON_Delete(object);
        return ht_fail(err, HT_EFORMAT,
                       "'%s' is damaged: its checksum is wrong; take a copy that is whole (or, if it was "
                       "changed on purpose, "
                       "remove its member \"sum\")",
                       name);
    }
    *out = object;
    return HT_OK;
}

ht_status ht_page_read(const char *path, cJSON **out, ht_error *err)
{
    char *text = NULL;
    size_t n = 0;
    HT_TRY(ht_file_read(path, &text, &n, err));
    ht_status st = strlen(text) == n
                       ? ht_page_parse(text, path, out, err)
                       : ht_fail(err, HT_EFORMAT, "'%s' is damaged: it holds bytes that are 0", path);
    free(text);
    return st;
}
