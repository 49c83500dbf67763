/* src/cli/evidence.c - evidence of finished runs; the contract is in evidence.h.
 *
 * Reader w takes the sources w, w + readers, .. and writes what it finds into a file without a name, which the parent
 * reads when all have ended: nobody waits for a full pipe. A reader that dies takes only its sources with it.
 * May touch: temporary files, children; reads files. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "cli/evidence.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/page.h"
#include "store/record_json.h"
#include "store/run_dir.h"
#include "store/salvage.h"
#include "store/study.h"

enum { READERS_MAX = 16 };

void ht_evidence_list_release(ht_evidence_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        ht_run_evidence_release(&l->runs[i]);
    free(l->runs);
    *l = (ht_evidence_list){0};
}

/* Takes what `run` owns, also on failure. */
static ht_status add(ht_evidence_list *l, ht_run_evidence *run, ht_error *err)
{
    if (l->n == l->capacity) {
        size_t capacity = 2 * l->capacity + 8;
        ht_run_evidence *runs = realloc(l->runs, capacity * sizeof *runs);
        if (runs == NULL) {
            ht_run_evidence_release(run);
            return ht_fail(err, HT_ENOMEM, "out of memory");
        }
        l->runs = runs;
        l->capacity = capacity;
    }
    l->runs[l->n++] = *run;
    return HT_OK;
}

/* ---- one source ----------------------------------------------------------------------------- */

/* A run is known by its id in the study, so that it counts once whatever names it; a summary that does not tell
 * it: by the file and the number there. */
static void name_run(const cJSON *summary, const char *path, ht_run_evidence *run)
{
    const char *number = ht_json_text(summary, "run"), *id = ht_json_text(summary, "study_run");
    char *whole = realpath(path, NULL);
    const char *name = whole != NULL ? whole : path;
    size_t n = strlen(name), most = sizeof run->source - 24; /* the end of a long path tells more */
    if (id != NULL)
        snprintf(run->source, sizeof run->source, "%s", id);
    else
        snprintf(run->source, sizeof run->source, "%s#%.20s", n > most ? name + n - most : name,
                 number != NULL ? number : "r1");
    free(whole);
}

static ht_status add_summary(ht_evidence_list *l, const char *path, ht_error *err)
{
    ht_run_evidence run = {{0}};
    cJSON *summary = NULL;
    HT_TRY(ht_page_read(path, &summary, err));
    ht_status st = ht_summary_evidence(summary, &run.n, &run.evidence, err);
    if (st == HT_OK)
        st = ht_summary_lessons(summary, &run, err);
    if (st == HT_OK) {
        name_run(summary, path, &run);
        st = add(l, &run, err);
    } else {
        ht_fail_in(err, st, path);
        ht_run_evidence_release(&run);
    }
    cJSON_Delete(summary);
    return st;
}

static ht_status add_study(ht_evidence_list *l, const char *path, ht_error *err)
{
    size_t n = 0;
    ht_run_evidence *runs = NULL;
    HT_TRY(ht_study_evidence(path, &n, &runs, err));
    ht_status st = HT_OK;
    for (size_t i = 0; i < n && st == HT_OK; i++) {
        ht_run_evidence run = runs[i];
        runs[i] = (ht_run_evidence){.n = 0};    /* the list owns it now */
        st = add(l, &run, err);
    }
    ht_study_evidence_free(n, runs);
    return st;
}

static bool is_hdf5(const char *path)
{
    char head[4] = "";
    FILE *f = fopen(path, "rb");
    bool yes = f != NULL && fread(head, 1, 4, f) == 4 && memcmp(head, "\211HDF", 4) == 0;
    if (f != NULL)
        fclose(f);
    return yes;
}

static bool ends_in_h5(const char *path)
{
    size_t n = strlen(path);
    return n > 3 && strcmp(path + n - 3, ".h5") == 0;
}

static void pass_over(void *ctx, const cJSON *line)
{
    (void)ctx;
    (void)line;
}

/* Lines that the evidence of a killed run lacks. */
static void count_bad_lines(ht_evidence_list *l, const char *dir)
{
    static const char *const names[] = {HT_FILE_MUTATIONS, HT_FILE_SEGMENTS};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ht_lines_account account;
        if (ht_run_dir_log(dir, names[i], pass_over, NULL, &account, NULL) == HT_OK)
            l->bad_lines += account.bad + account.missing + account.torn;
    }
}

/* The summary of a run that was killed is behind its logs. */
static ht_status add_directory(ht_evidence_list *l, const char *dir, ht_error *err)
{
    ht_run_sign sign;
    ht_run_evidence run;
    HT_TRY(ht_run_lock_look(dir, &sign, err));
    if (sign.damaged)
        return ht_fail(
            err, HT_EFORMAT,
            "'%s' in '%s' is damaged: whether the last run ended is not known; name its summary or its "
            "study instead, or, if no run goes on there, remove the file",
            HT_FILE_LOCK, dir);
    if (sign.life == HT_RUN_KILLED && sign.run > 0 && sign.study_run[0] != '\0') {
        HT_TRY(ht_salvage_evidence(dir, &sign, &run, err));
        count_bad_lines(l, dir);
        return add(l, &run, err);
    }
    char *summary = ht_path_join(dir, HT_FILE_SUMMARY);
    ht_status st = summary != NULL ? add_summary(l, summary, err) : ht_fail(err, HT_ENOMEM, "out of memory");
    free(summary);
    return st;
}

bool ht_evidence_is_study(const char *path)
{
    return is_hdf5(path) || ends_in_h5(path);
}

/* A run directory, a summary or a study. */
static ht_status add_source(ht_evidence_list *l, const char *path, ht_error *err)
{
    struct stat s;
    if (stat(path, &s) == 0 && S_ISDIR(s.st_mode))
        return add_directory(l, path, err);
    return ht_evidence_is_study(path) ? add_study(l, path, err) : add_summary(l, path, err);
}

/* ---- from a reader to the parent ------------------------------------------------------------ */

/* What a reader says of one source; then come its runs, each with its evidence, its lessons, and the length and text of
 * its recipe behind it. */
typedef struct {
    ht_status status;
    ht_error error;
    size_t n, bad_lines;
} answer;

static bool put(FILE *f, const void *bytes, size_t size, size_t n)
{
    return n == 0 || fwrite(bytes, size, n, f) == n;
}

static bool put_space(FILE *f, const ht_recipe *space)
{
    ht_string text = {0};
    if (space != NULL)
        ht_recipe_print_json(space, &text);
    bool fine = !text.failed && put(f, &text.n, sizeof text.n, 1) && put(f, text.s, 1, text.n);
    ht_string_release(&text);
    return fine;
}

static bool put_answer(FILE *f, const ht_evidence_list *l, ht_status status, const ht_error *err)
{
    answer a;
    memset(&a, 0, sizeof a);        /* its gaps are written, too */
    a.status = status;
    a.error = *err;
    a.n = status == HT_OK ? l->n : 0;
    a.bad_lines = l->bad_lines;
    bool fine = put(f, &a, sizeof a, 1);
    for (size_t i = 0; fine && i < a.n; i++) {
        const ht_run_evidence *run = &l->runs[i];
        fine = put(f, run, sizeof *run, 1) && put(f, run->evidence, sizeof *run->evidence, run->n) &&
               put(f, run->lessons, sizeof *run->lessons, run->n_lessons) && put_space(f, run->space);
    }
    return fine;
}

/* @return owned by the caller; NULL: the file ends too early, or no memory */
static void *get(FILE *f, size_t size, size_t n)
{
    void *bytes = calloc(n + 1, size);
    if (bytes != NULL && n > 0 && fread(bytes, size, n, f) != n) {
        free(bytes);
        bytes = NULL;
    }
    return bytes;
}

static bool get_space(FILE *f, ht_recipe **space)
{
    size_t n;
    char *text = fread(&n, sizeof n, 1, f) == 1 ? get(f, 1, n) : NULL;
    bool fine = text != NULL && (n == 0 || ht_recipe_parse(text, "recipe", space, NULL) == HT_OK);
    free(text);
    return fine;
}

static ht_status get_run(FILE *f, ht_evidence_list *l, ht_error *err)
{
    ht_run_evidence run;
    if (fread(&run, sizeof run, 1, f) != 1)
        return ht_fail(err, HT_EIO, "a reader of evidence did not finish");
    run.space = NULL;       /* it was the reader's */
    run.evidence = get(f, sizeof *run.evidence, run.n);
    run.lessons = get(f, sizeof *run.lessons, run.n_lessons);
    if (run.evidence == NULL || run.lessons == NULL || !get_space(f, &run.space)) {
        ht_run_evidence_release(&run);
        return ht_fail(err, HT_EIO, "a reader of evidence did not finish");
    }
    return add(l, &run, err);
}

static ht_status get_answer(FILE *f, const char *path, ht_evidence_list *l, ht_error *err)
{
    answer a;
    ht_status st = HT_OK;
    if (fread(&a, sizeof a, 1, f) != 1)
        return ht_fail(err, HT_EIO, "'%s' was not read: the process that should do it did not finish", path);
    if (a.status != HT_OK && err != NULL)
        *err = a.error;
    if (a.status != HT_OK)
        return a.status;
    l->bad_lines += a.bad_lines;
    for (size_t i = 0; i < a.n && st == HT_OK; i++)
        st = get_run(f, l, err);
    return st;
}

/* ---- readers -------------------------------------------------------------------------------- */

static void read_share(FILE *f, size_t n, char *const *paths, size_t first, size_t step)
{
    bool fine = true;
    for (size_t i = first; fine && i < n; i += step) {
        ht_evidence_list l = {0};
        ht_error err = {""};
        ht_status st = add_source(&l, paths[i], &err);
        fine = put_answer(f, &l, st, &err);
        ht_evidence_list_release(&l);
    }
    fflush(f);
}

static pid_t start_reader(FILE *f, size_t n, char *const *paths, size_t first, size_t step)
{
    pid_t child = fork();
    if (child == 0) {
        read_share(f, n, paths, first, step);
        _exit(0);       /* what the parent has not printed yet is not the child's to print */
    }
    return child;
}

static void wait_for(pid_t child)
{
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* The answers, source by source in the order of the paths. */
static ht_status collect(size_t n, char *const *paths, size_t readers, FILE *const *files, ht_evidence_list *out,
                         ht_error *err)
{
    ht_status st = HT_OK;
    for (size_t w = 0; w < readers; w++)
        rewind(files[w]);
    for (size_t i = 0; i < n && st == HT_OK; i++)
        st = get_answer(files[i % readers], paths[i], out, err);
    return st;
}

/* @return HT_EREFUSED: the system lends no files or processes */
static ht_status read_in_parallel(size_t n, char *const *paths, size_t readers, ht_evidence_list *out, ht_error *err)
{
    FILE *files[READERS_MAX] = {NULL};
    pid_t children[READERS_MAX] = {0};
    size_t open = 0, running = 0;
    while (open < readers && (files[open] = tmpfile()) != NULL)
        open++;
    while (open == readers && running < readers
           && (children[running] = start_reader(files[running], n, paths, running, readers)) > 0)
        running++;
    for (size_t w = 0; w < running; w++)
        wait_for(children[w]);
    ht_status st = running == readers ? collect(n, paths, readers, files, out, err) : HT_EREFUSED;
    for (size_t w = 0; w < open; w++)
        fclose(files[w]);
    return st;
}

/* ---- all ------------------------------------------------------------------------------------ */

/* The id of a run has its second in it: "<host>-<pid>-<second>-r<number>". */
static double started_of(const ht_run_evidence *e)
{
    const char *number = strstr(e->source, "-r"), *next, *second = NULL;
    if (e->started > 0)
        return e->started;
    while (number != NULL && (next = strstr(number + 1, "-r")) != NULL)
        number = next;
    for (const char *s = e->source; number != NULL && s < number; s++)
        if (*s == '-')
            second = s + 1;
    double x = second != NULL ? strtod(second, NULL) : 0;
    return isfinite(x) ? x : 0;
}

/* By source; of one run the copy first that tells most. */
static int by_source(const void *a, const void *b)
{
    const ht_run_evidence *p = a, *q = b;
    int names = strcmp(p->source, q->source);
    if (names != 0)
        return names;
    double diff[] = {(double)q->n_lessons - (double)p->n_lessons, (double)q->n - (double)p->n, q->started - p->started};
    for (size_t i = 0; i < sizeof diff / sizeof *diff; i++)
        if (diff[i] != 0)
            return diff[i] > 0 ? 1 : -1;
    int bytes = p->n_lessons == 0 ? 0 : memcmp(p->lessons, q->lessons, p->n_lessons * sizeof *p->lessons);
    return bytes != 0 || p->n == 0 ? bytes : memcmp(p->evidence, q->evidence, p->n * sizeof *p->evidence);
}

static int by_start(const void *a, const void *b)
{
    const ht_run_evidence *p = a, *q = b;
    double x = started_of(p), y = started_of(q);
    return x != y ? (x > y) - (x < y) : strcmp(p->source, q->source);
}

static void put_in_order(ht_evidence_list *l)
{
    size_t kept = 0;
    if (l->n == 0)
        return;
    qsort(l->runs, l->n, sizeof *l->runs, by_source);
    for (size_t i = 0; i < l->n; i++) {
        if (kept > 0 && strcmp(l->runs[kept - 1].source, l->runs[i].source) == 0)
            ht_run_evidence_release(&l->runs[i]);
        else
            l->runs[kept++] = l->runs[i];
    }
    l->n = kept;
    qsort(l->runs, l->n, sizeof *l->runs, by_start);
}

static size_t how_many(size_t n, int readers)
{
    long processors = readers > 0 ? readers : sysconf(_SC_NPROCESSORS_ONLN);
    size_t most = processors < 1 ? 1 : processors > READERS_MAX ? READERS_MAX : (size_t)processors;
    return n < most ? n : most;
}

ht_status ht_evidence_gather(size_t n, char *const *paths, int readers, ht_evidence_list *out, ht_error *err)
{
    size_t workers = how_many(n, readers);
    ht_status st = workers > 1 ? read_in_parallel(n, paths, workers, out, err) : HT_EREFUSED;
    if (st == HT_EREFUSED) {
        st = HT_OK;
        for (size_t i = 0; i < n && st == HT_OK; i++)
            st = add_source(out, paths[i], err);
    }
    if (st == HT_OK)
        put_in_order(out);
    return st;
}
