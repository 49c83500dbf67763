/* src/store/run_check.c - the files of a run directory that are not HDF5; the contract is in run_check.h.
 *
 * May touch: the files of the directory (reads only). */
#include "store/run_check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/checkpoint_check.h"
#include "store/database_check.h"
#include "store/page.h"
#include "store/record_read.h"
#include "store/run_dir.h"
#include "store/run_lock.h"
#include "store/study_format.h"
#include "store/sweep_log.h"

enum { NAMED_MAX = 8, BLOCK = 8192 };

typedef struct {
    const ht_check_sink *sink;
    const char *name; /* of the file, for findings */
    size_t damaged;
} check;

static void say(check *c, ht_check_verdict verdict, const char *what)
{
    c->damaged += verdict == HT_CHECK_DAMAGED;
    c->sink->say(c->sink->ctx, verdict, c->name, what);
}

/* ---- lines ------------------------------------------------------------------------------------------ */

/* The lines of one log that are not as they should be: how many, and the numbers of the first ones. */
typedef struct {
    size_t n;
    ht_string at;
} numbers;

typedef struct {
    numbers faults[HT_N_LINES], gaps, seq_gaps;
    double seq;                /* of the line before; NaN = there was none */
} lines;

static void add_number(numbers *l, size_t number)
{
    l->n++;
    if (l->n <= NAMED_MAX)
        ht_string_add(&l->at, "%s%zu", l->n > 1 ? ", " : "", number);
    else if (l->n == NAMED_MAX + 1)
        ht_string_add(&l->at, ", ..");
}

/* The ledger counted its lines before all logs did. */
static void see_line(void *ctx, const ht_line *line)
{
    lines *l = ctx;
    double seq = ht_json_number(line->object, "seq", NAN);
    if (line->verdict != HT_LINE_FINE)
        add_number(&l->faults[line->verdict], line->at);
    if (line->missing > 0)
        add_number(&l->gaps, line->at);
    else if (!isnan(seq) && !isnan(l->seq) && seq != l->seq + 1 && l->faults[HT_LINE_DAMAGED].n == 0)
        add_number(&l->seq_gaps, line->at);
    if (!isnan(seq))
        l->seq = seq;
}

static void pass_over(void *ctx, const ht_line *line)
{
    (void)ctx;
    (void)line;
}

static void say_numbers(check *c, numbers *l, const char *one, const char *many)
{
    char what[256];
    snprintf(what, sizeof what, l->n == 1 ? one : many, ht_string_peek(&l->at));
    if (l->n > 0)
        say(c, HT_CHECK_DAMAGED, what);
    ht_string_release(&l->at);
}

static void say_lines(check *c, lines *l)
{
    say_numbers(c, &l->faults[HT_LINE_NO_OBJECT], "line %s is no JSON object",
                "lines %s are no JSON objects");
    say_numbers(c, &l->faults[HT_LINE_DAMAGED], "line %s has a wrong checksum",
                "lines %s have a wrong checksum");
    say_numbers(
        c, &l->faults[HT_LINE_BARE],
        "line %s has no checksum, and others have: it was damaged, or another program wrote it",
        "lines %s have no checksum, and others have: they were damaged, or another program wrote them");
    say_numbers(c, &l->faults[HT_LINE_REPEATED], "line %s is there twice", "lines %s are there twice");
    say_numbers(c, &l->gaps, "lines are missing before line %s", "lines are missing before lines %s");
    say_numbers(c, &l->seq_gaps, "lines are missing before line %s: seq does not count on",
                "lines are missing before lines %s: seq does not count on");
}

static ht_status check_lines(check *c, const char *path, bool lives, ht_error *err)
{
    char what[256];
    lines l = {.seq = NAN};
    ht_lines_account account;
    size_t before = c->damaged;
    if (!ht_file_look(path).exists)
        return ht_fail(err, HT_ENOTFOUND, "there is no file '%s'", path);
    HT_TRY(ht_lines_walk(path, see_line, &l, &account, err));
    if (account.torn)
        say(c, lives ? HT_CHECK_NOTE : HT_CHECK_DAMAGED,
            lives ? "the last line is being written" : "the last line is torn");
    say_lines(c, &l);
    snprintf(what, sizeof what, "%zu %s%s", account.lines, account.lines == 1 ? "line" : "lines",
             account.number > 0 ? ", all with their checksums" : "");
    if (c->damaged == before)
        say(c, HT_CHECK_WHOLE, what);
    return HT_OK;
}

/* ---- pages ---------------------------------------------------------------------------- */

static ht_status check_page(check *c, const char *path, ht_error *err)
{
    cJSON *item = NULL;
    ht_error why = {""};
    ht_status st = ht_page_read(path, &item, &why);
    if (st == HT_OK)
        say(c, cJSON_IsObject(item) ? HT_CHECK_WHOLE : HT_CHECK_DAMAGED,
            cJSON_IsObject(item) ? "one JSON object" : "is no JSON object");
    else if (st == HT_EFORMAT)
        say(c, HT_CHECK_DAMAGED, why.text);
    cJSON_Delete(item);
    return st == HT_OK || st == HT_EFORMAT ? HT_OK : ht_fail(err, st, "%s", why.text);
}

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n >= m && strcmp(path + n - m, end) == 0;
}

static ht_status check_file(check *c, const char *path, bool lives, ht_error *err)
{
    const char *slash = strrchr(path, '/');
    c->name = slash != NULL ? slash + 1 : path;
    if (ends_in(path, ".jsonl") || ends_in(path, HT_FILE_ARRIVAL))
        return check_lines(c, path, lives, err);
    if (ends_in(path, ".json") || ends_in(path, ".lock"))
        return check_page(c, path, err);
    if (ends_in(path, ".sqlite"))
        return ht_database_check(path, c->sink, &c->damaged, err);
    return ht_fail(err, HT_EINVAL,
                   "'%s' is no file that hottune writes and this verb knows: *.h5, *.jsonl, *.json, "
                   "*.sqlite, or a run directory",
                   path);
}

static ht_status verdict_of(const check *c, ht_status st, const char *path, ht_error *err)
{
    if (st != HT_OK || c->damaged == 0)
        return st;
    return ht_fail(err, HT_EFORMAT, "'%s' is damaged", path);
}

ht_status ht_run_check_file(const char *path, bool lives, const ht_check_sink *sink, ht_error *err)
{
    check c = {.sink = sink};
    ht_status st = check_file(&c, path, lives, err);
    return verdict_of(&c, st, path, err);
}

/* ---- logs against summary and study ----------------------------------------------------------------- */

/* The verdicts of one run in the log. */
typedef struct {
    unsigned long run;
    size_t n, room;
    struct logged {
        unsigned long number;
        double score;
        ht_decision decision;
    } * at; /* [n], owned */
    bool failed;
} verdicts;

static void take_verdict(void *ctx, const cJSON *line)
{
    verdicts *v = ctx;
    ht_segment g;
    if (ht_line_run(line) != v->run || !ht_segment_from_json(line, &g))
        return;
    if (v->n == v->room) {
        struct logged *at = realloc(v->at, (2 * v->room + 64) * sizeof *at);
        v->failed = v->failed || at == NULL;
        if (at == NULL)
            return;
        v->at = at;
        v->room = 2 * v->room + 64;
    }
    v->at[v->n++] = (struct logged){g.number, g.has_score ? g.score : NAN, g.decision};
}

static size_t count(const verdicts *v, ht_decision d)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        n += v->at[i].decision == d;
    return n;
}

static void compare_with_summary(check *c, const verdicts *v, const cJSON *summary)
{
    const cJSON *by = ht_json_member(summary, "segments_by_decision");
    char what[128];
    for (int d = 0; d <= HT_DECISION_LOST; d++) {
        const char *name = ht_decision_text((ht_decision)d);
        double said = ht_json_number(by, name, 0);
        if (said == (double)count(v, (ht_decision)d))
            continue;
        snprintf(what, sizeof what, "has %zu segments of r%lu that are %s, the summary says %.0f",
                 count(v, (ht_decision)d), v->run, name, said);
        say(c, HT_CHECK_DAMAGED, what);
    }
}

static bool same(double a, double b)
{
    return (isnan(a) && isnan(b)) || a == b;
}

static int by_number(const void *a, const void *b)
{
    const struct logged *p = a, *q = b;
    return (p->number > q->number) - (p->number < q->number);
}

/* Rows of the study that name a number of the log. The segments of a pooled run are of another kind: left
 * alone. */
static void compare_rows(check *c, verdicts *v, const ht_study_table *t)
{
    const ht_table_column *number = ht_table_find(t, "number"), *score = ht_table_find(t, "score"),
                          *decision = ht_table_find(t, "decision");
    char what[128];
    if (number == NULL || score == NULL || decision == NULL)
        return;
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct logged key = {(unsigned long)ht_table_real(t, i, number, 0), 0, HT_DECISION_LOST};
        const struct logged *found = v->n > 0 ? bsearch(&key, v->at, v->n, sizeof key, by_number) : NULL;
        if (found != NULL && same(found->score, ht_table_real(t, i, score, 0)) &&
            strcmp(ht_decision_text(found->decision), ht_table_text(t, i, decision)) == 0)
            continue;
        snprintf(what, sizeof what,
                 found != NULL ? "segment s_%05lu is another one than in the study"
                               : "segment s_%05lu of the study is missing",
                 key.number);
        say(c, HT_CHECK_DAMAGED, what);
        return;
    }
}

static void compare_with_study(check *c, verdicts *v, const ht_study_file *study, const char *id)
{
    char *link = ht_h5_link_name(id);
    ht_string path = {0};
    size_t all = 1, before = c->damaged;
    ht_string_add(&path, "/runs/%s/segments", link != NULL ? link : "");
    if (v->n > 0)
        qsort(v->at, v->n, sizeof *v->at, by_number);
    for (size_t at = 0; at < all && c->damaged == before; at += BLOCK) {
        ht_study_table t;
        if (ht_study_table_read(study, ht_string_peek(&path), at, BLOCK, &t, NULL) != HT_OK)
            break; /* it is not in this study, or the study's own check says why */
        compare_rows(c, v, &t);
        all = t.n_all;
        ht_study_table_release(&t);
    }
    ht_string_release(&path);
    free(link);
}

/* The last run of the directory, if it ended: its files were synced. */
static ht_status compare_logs(check *c, const char *dir, const ht_study_file *study, ht_error *err)
{
    char *page = ht_path_join(dir, HT_FILE_SUMMARY), *log = ht_path_join(dir, HT_FILE_SEGMENTS);
    cJSON *summary = NULL;
    verdicts v = {0};
    ht_lines_account account;
    ht_status st = page != NULL && log != NULL ? HT_OK : ht_fail(err, HT_ENOMEM, "out of memory");
    if (st != HT_OK || ht_page_read(page, &summary, NULL) != HT_OK || !ht_json_true(summary, "final"))
        goto done;
    v.run = ht_line_run(summary);
    st = ht_lines_each(log, take_verdict, &v, &account, err);
    if (st == HT_OK && v.failed)
        st = ht_fail(err, HT_ENOMEM, "out of memory");
    c->name = HT_FILE_SEGMENTS;
    if (st == HT_OK)
        compare_with_summary(c, &v, summary);
    if (st == HT_OK && study != NULL && ht_json_text(summary, "study_run") != NULL)
        compare_with_study(c, &v, study, ht_json_text(summary, "study_run"));
done:
    free(v.at);
    cJSON_Delete(summary);
    free(page);
    free(log);
    return st;
}

/* Lines that the summary or the checkpoint counted and a log has not. */
static ht_status check_ends(check *c, const char *dir, ht_error *err)
{
    static const char *const names[] = {HT_FILE_MUTATIONS, HT_FILE_SEGMENTS,   HT_FILE_METRICS,
                                        HT_FILE_APPLIED,   HT_FILE_POPULATION, HT_FILE_ARRIVAL};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ht_lines_account account = {0};
        char what[96], *path = ht_path_join(dir, names[i]);
        ht_status st = path != NULL ? ht_lines_walk(path, pass_over, NULL, &account, err)
                                    : ht_fail(err, HT_ENOMEM, "out of memory");
        free(path);
        account.missing = 0;
        if (st == HT_OK && account.bad == 0)
            st = ht_run_dir_end_of_log(dir, names[i], &account, err);
        if (st != HT_OK)
            return st;
        snprintf(what, sizeof what, "its end is gone: %zu or more lines", account.missing);
        c->name = names[i];
        if (account.missing > 0)
            say(c, HT_CHECK_DAMAGED, what);
    }
    return HT_OK;
}

/* ---- the directory ------------------------------------------------------------------------------------ */

ht_status ht_run_check(const char *dir, const ht_study_file *study, const ht_check_sink *sink, ht_error *err)
{
    static const char *const names[] = {
        HT_FILE_MUTATIONS,  HT_FILE_SEGMENTS,  HT_FILE_METRICS, HT_FILE_COMMANDS,    HT_FILE_APPLIED,
        HT_FILE_POPULATION, HT_FILE_OPLIST,    HT_FILE_ARRIVAL, HT_FILE_TRIALS,      HT_FILE_SUMMARY,
        HT_FILE_EFFECTIVE,  HT_FILE_ACTUATORS, HT_FILE_FREEZE,  HT_FILE_RECIPE_JSON, HT_FILE_RUN,
        HT_FILE_LOCK,       HT_FILE_OPTUNA};
    check c = {.sink = sink};
    ht_run_sign sign = {HT_RUN_NONE};
    HT_TRY(ht_run_lock_look(dir, &sign, err));
    ht_status st = HT_OK;
    for (size_t i = 0; st == HT_OK && i < sizeof names / sizeof *names; i++) {
        char *path = ht_path_join(dir, names[i]);
        if (path == NULL)
            return ht_fail(err, HT_ENOMEM, "out of memory");
        ht_file_stamp stamp = ht_file_look(path);
        if (stamp.exists && (stamp.size > 0 || ends_in(path, ".sqlite")))
            st = check_file(&c, path, sign.life == HT_RUN_LIVES, err);
        free(path);
    }
    if (st == HT_OK && sign.life != HT_RUN_LIVES)
        st = check_ends(&c, dir, err);
    if (st == HT_OK)
        st = compare_logs(&c, dir, study, err);
    if (st == HT_OK && sign.life != HT_RUN_LIVES)
        st = ht_database_compare(dir, sink, &c.damaged, err);
    /* of a run that lives, files come and go while we look */
    if (st == HT_OK && sign.life != HT_RUN_LIVES && ht_checkpoint_check(dir, sink, err) != HT_OK)
        c.damaged++;
    return verdict_of(&c, st, dir, err);
}
