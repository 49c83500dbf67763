/* src/cli/top_files.c - a run directory, read as it grows; the contract is in top_files.h.
 *
 * May touch: the heap; reads the run directory. */
#include "cli/top_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sum.h"
#include "store/commit.h"
#include "store/page.h"
#include "store/run_dir.h"

enum { CHUNK = 1 << 20, CHUNKS = 4 };

/* That of the population first: it says that the run is a pooled one, whose mutations tell no replica's
 * values. */
static const ht_top_tail all_tails[HT_TOP_TAILS] = {
    {.name = HT_FILE_POPULATION, .log = HT_TOP_POPULATION},
    {.name = HT_FILE_METRICS, .log = HT_TOP_METRICS},
    {.name = HT_FILE_MUTATIONS, .log = HT_TOP_MUTATIONS},
    {.name = HT_FILE_SEGMENTS, .log = HT_TOP_SEGMENTS},
    {.name = HT_FILE_EVENTS, .log = -1},
    {.name = HT_FILE_APPLIED, .log = HT_TOP_APPLIED},
};
/* The recipe first: it says which metric the lines are read for, and which knobs there are. */
static const ht_top_page all_pages[HT_TOP_PAGES] = {
    {.name = HT_FILE_EFFECTIVE, .take = ht_top_take_recipe},
    {.name = HT_FILE_RUN, .take = ht_top_take_asked},
    {.name = HT_FILE_SUMMARY, .take = ht_top_take_summary},
    {.name = HT_FILE_ACTUATORS, .take = ht_top_take_controls},
};
enum { RECIPE = 0 };

ht_status ht_top_files_init(ht_top_files *f, const char *dir, ht_error *err)
{
    bool fine = true;
    *f = (ht_top_files){.dir = dir};
    memcpy(f->tails, all_tails, sizeof all_tails);
    memcpy(f->pages, all_pages, sizeof all_pages);
    for (size_t i = 0; i < HT_TOP_TAILS; i++)
        fine = (f->tails[i].path = ht_path_join(dir, f->tails[i].name)) != NULL && fine;
    for (size_t i = 0; i < HT_TOP_PAGES; i++)
        fine = (f->pages[i].path = ht_path_join(dir, f->pages[i].name)) != NULL && fine;
    if (fine)
        return HT_OK;
    ht_top_files_release(f);
    return ht_fail(err, HT_ENOMEM, "out of memory");
}

void ht_top_files_release(ht_top_files *f)
{
    for (size_t i = 0; i < HT_TOP_TAILS; i++)
        free(f->tails[i].path);
    for (size_t i = 0; i < HT_TOP_PAGES; i++)
        free(f->pages[i].path);
    *f = (ht_top_files){0};
}

/* ---- logs ------------------------------------------------------------------------------------ */

/* line[n] is 0. */
static void take_line(ht_top_files *f, ht_top_tail *t, ht_top_model *m, const char *line, size_t n)
{
    cJSON *object = NULL;
    unsigned long number = 0;
    if (t->log < 0) {
        ht_top_take_event(m, line);
        return;
    }
    if (line[strspn(line, " \t\r")] == '\0' && strlen(line) == n)
        return;
    if (strlen(line) != n || ht_json_parse(line, &object, NULL, NULL) != HT_OK || !cJSON_IsObject(object) ||
        ht_sum_take(line, n, object, &number) == HT_SUM_WRONG) {
        f->bad++;
    } else if (number == 0 || number > t->number) {
        t->number = number > 0 ? number : t->number;
        ht_top_take_line(m, (ht_top_log)t->log, object);
    }
    cJSON_Delete(object);
}

/* The whole lines of a chunk. text[n] may be written. @return bytes of them */
static size_t take_chunk(ht_top_files *f, ht_top_tail *t, ht_top_model *m, char *text, size_t n)
{
    size_t done = 0;
    for (char *end; (end = memchr(text + done, '\n', n - done)) != NULL; done = (size_t)(end - text) + 1) {
        *end = '\0';
        if (!t->skips)
            take_line(f, t, m, text + done, (size_t)(end - text) - done);
        t->skips = false;
    }
    return done;
}

/* @return false: more than what was read is there */
static bool read_on(ht_top_files *f, ht_top_tail *t, ht_top_model *m, char *text)
{
    int fd = open(t->path, O_RDONLY);
    ssize_t n = 0;
    for (int i = 0; fd >= 0 && i < CHUNKS && (n = pread(fd, text, CHUNK, t->offset)) > 0; i++) {
        size_t done = take_chunk(f, t, m, text, (size_t)n);
        if (done == 0 && n < CHUNK) { /* torn: the rest comes with a later look */
            n = 0;
            break;
        }
        t->skips = t->skips || done == 0;
        t->offset += done > 0 ? (off_t)done : n;
    }
    if (fd >= 0)
        close(fd);
    return n <= 0;
}

/* A log became another file, or shorter. */
static bool is_renewed(ht_top_tail *t)
{
    struct stat s;
    if (stat(t->path, &s) != 0) {
        bool was = t->inode != 0;
        t->inode = 0;
        t->size = 0;
        return was && t->offset > 0;
    }
    bool renewed = t->offset > 0 && (s.st_ino != t->inode || s.st_size < t->offset);
    t->inode = s.st_ino;
    t->size = s.st_size;
    return renewed;
}

static void begin_anew(ht_top_files *f, ht_top_model *m)
{
    ht_top_forget(m);
    f->bad = 0;
    for (size_t i = 0; i < HT_TOP_TAILS; i++) {
        f->tails[i].offset = 0;
        f->tails[i].number = 0;
        f->tails[i].skips = false;
    }
    for (size_t i = 0; i < HT_TOP_PAGES; i++)
        f->pages[i].stamp = (ht_file_stamp){0};
}

/* ---- pages ----------------------------------------------------------------------------------- */

static void look_at_page(ht_top_files *f, ht_top_page *p, ht_top_model *m)
{
    ht_file_stamp now = ht_file_look(p->path);
    cJSON *page = NULL;
    ht_error err = {""};
    if (!now.exists || ht_file_same(&now, &p->stamp))
        return;
    ht_status st = ht_page_read(p->path, &page, &err);
    if (st == HT_OK)
        p->take(m, page);
    else if (st != HT_ENOTFOUND)
        f->trouble = err;
    p->stamp = st == HT_OK ? now : (ht_file_stamp){0}; /* what could not be read is looked at again */
    cJSON_Delete(page);
}

bool ht_top_files_look(ht_top_files *f, ht_top_model *m)
{
    char *text = malloc(CHUNK + 1), metric[HT_NAME_MAX];
    bool all = true, renewed = false;
    ht_run_sign sign = {HT_RUN_NONE};
    if (text == NULL)
        return true;
    f->trouble = (ht_error){""};
    memcpy(metric, m->metric, sizeof metric);
    if (ht_run_lock_look(f->dir, &sign, NULL) == HT_OK)
        ht_top_take_sign(m, &sign);
    for (size_t i = 0; i < HT_TOP_TAILS; i++)
        renewed = is_renewed(&f->tails[i]) || renewed;
    if (renewed)
        begin_anew(f, m);
    look_at_page(f, &f->pages[RECIPE], m);
    if (!renewed && strcmp(metric, m->metric) != 0 && m->lines > 0)
        begin_anew(f, m);
    for (size_t i = 0; i < HT_TOP_TAILS; i++)
        all = read_on(f, &f->tails[i], m, text) && all;
    for (size_t i = RECIPE + 1; i < HT_TOP_PAGES; i++)
        look_at_page(f, &f->pages[i], m);
    m->resumable = ht_commit_is_there(f->dir);
    ht_freeze freeze = {HT_FREEZE_OFF};
    ht_freeze_read(f->dir, &freeze, NULL);
    snprintf(m->freeze, sizeof m->freeze, "%s",
             freeze.mode == HT_FREEZE_OFF ? "" : ht_freeze_mode_text(freeze.mode));
    free(text);
    return all;
}

double ht_top_files_share(const ht_top_files *f)
{
    double read = 0, size = 0;
    for (size_t i = 0; i < HT_TOP_TAILS; i++) {
        read += (double)f->tails[i].offset;
        size += (double)f->tails[i].size;
    }
    return size > read && size > 0 ? read / size : 1;
}
