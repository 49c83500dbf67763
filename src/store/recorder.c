/* src/store/recorder.c - the one writer of a run; the contract is in recorder.h.
 *
 * Lines go to journals at once. Files that are replaced are pages: they wait for a tick. What the study needs
 * of the records is kept here (study_input.c).
 * May touch: the run directory, the study, the clock (wall_time). */
#include "store/recorder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <hottune/version.h>

#include "base/shown.h"
#include "base/sum.h"
#include "base/text.h"
#include "store/champion.h"
#include "store/page.h"
#include "store/run_optuna.h"
#include "store/study_input.h"
#include "store/study_parts.h"

typedef enum { MUTATIONS, SEGMENTS, METRICS, APPLIED, EVENTS, ARRIVAL, POPULATION, N_JOURNALS } journal;
static const char *const journal_names[N_JOURNALS] = {
    [MUTATIONS] = HT_FILE_MUTATIONS, [SEGMENTS] = HT_FILE_SEGMENTS, [METRICS] = HT_FILE_METRICS,
    [APPLIED] = HT_FILE_APPLIED,     [EVENTS] = HT_FILE_EVENTS,     [ARRIVAL] = HT_FILE_ARRIVAL,
    [POPULATION] = HT_FILE_POPULATION,
};

typedef enum { SUMMARY, EFFECTIVE, CONTROLS, N_PAGES } page;
static const char *const page_names[N_PAGES] = {
    [SUMMARY] = HT_FILE_SUMMARY, [EFFECTIVE] = HT_FILE_EFFECTIVE, [CONTROLS] = HT_FILE_ACTUATORS,
};

static const double summary_s = 1, study_s = 30, study_share = 20;

struct ht_recorder {
    char *dir, *study;                  /* owned */
    unsigned long run, ledger_lines;
    double began;                       /* seconds since 1970 */
    bool goes_on, is_open;
    cJSON *head;                        /* first line of the arrivals, until it begins. Owned */
    ht_string early;                    /* events, until it begins, a line each */
    ht_run_sign before;                 /* of the run before in dir */
    ht_journal *journals[N_JOURNALS];   /* owned */
    ht_page pages[N_PAGES];
    bool freeze_waits;
    ht_freeze freeze;                   /* to be written, if it waits */
    ht_study_input *input;              /* owned */
    ht_run_optuna *optuna;              /* owned */
    bool told_refusal;                  /* of optuna */
    ht_run_lock *lock;                  /* or NULL */
    const cJSON *start;                 /* or NULL */
    ht_file_guard guard;                /* of the lock */
    bool verdict;                       /* the summary lacks a verdict */
    double now, next_summary, next_study;
    ht_status study_status;             /* of the last publication */
    ht_error study_error;
};

static double wall_time(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-6 * (double)(t.tv_nsec / 1000);
}

static double monotonic(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- opening ------------------------------------------------------------------------------------ */

static char *copy_list(const cJSON *list)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put(o, "controls", cJSON_Duplicate(list, 1));
    char *text = o == NULL ? NULL : ht_json_page(o);
    cJSON_Delete(o);
    return text;
}

/* The content of hotcb.actuators.json from the list of descriptions, or from the whole object. */
static char *controls_page(const char *controls)
{
    cJSON *item = NULL;
    if (ht_json_parse(controls, &item, NULL, NULL) != HT_OK)
        return NULL;
    char *text = cJSON_IsObject(item) ? ht_json_page(item) : copy_list(item);
    cJSON_Delete(item);
    return text;
}

static char *effective_page(const ht_recipe *r)
{
    ht_string text = {0};
    ht_recipe_print_json(r, &text);
    if (text.n > 0 && text.s[text.n - 1] != '\n')
        ht_string_add(&text, "\n");
    return ht_string_take(&text);
}

const char *ht_recorder_log(size_t i)
{
    return i < N_JOURNALS ? journal_names[i] : NULL;
}

static void put_page(ht_recorder *r, page which, char *text)
{
    ht_page_put(&r->pages[which], ht_sum_put(text, 0));
}

static void clear_in(const char *dir, const char *name, long pid)
{
    char *path = ht_path_join(dir, name);
    if (path != NULL)
        ht_file_clear_aside(path, pid);
    free(path);
}

static void clear_of(const ht_recorder *r, long pid)
{
    static const char *const names[] = {HT_FILE_SUMMARY, HT_FILE_EFFECTIVE, HT_FILE_ACTUATORS, HT_FILE_FREEZE};
    char *part = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        clear_in(r->dir, names[i], pid);
    ht_file_clear_aside(r->study, pid);
    if (ht_study_part_path(r->study, r->before.study_run, false, &part, NULL) == HT_OK)
        ht_file_clear_aside(part, pid);
    free(part);
}

/* What a killed run left of files that it was replacing: it cannot finish any of them, even if it wakes up. */
static void clear_asides(const ht_recorder *r)
{
    clear_of(r, r->before.life == HT_RUN_KILLED ? r->before.pid : 0);
    if (r->before.former_pid > 0)
        clear_of(r, r->before.former_pid);
    if (r->before.may_wake)
        clear_in(r->dir, HT_FILE_CHAMPION, -1);     /* of a replica, whose number nobody wrote down */
}

static ht_status open_logs(ht_recorder *r, ht_error *err)
{
    for (int i = 0; i < N_JOURNALS; i++) {
        char *path = ht_path_join(r->dir, journal_names[i]);
        ht_status st = path == NULL
                           ? ht_fail(err, HT_ENOMEM, "no memory for the name of '%s'", journal_names[i])
                           : ht_journal_open(path, &r->journals[i], err);
        free(path);
        if (st != HT_OK)
            return st;
    }
    return HT_OK;
}

/* The folder of the study is there, so that a wrong path shows at the start and not after half a minute. */
static ht_status check_folder(const char *study, ht_error *err)
{
    const char *slash = strrchr(study, '/');
    ht_string folder = {0};
    ht_string_add_bytes(&folder, study, slash == NULL ? 0 : (size_t)(slash - study) + 1);
    const char *path = slash == NULL ? "." : ht_string_peek(&folder);
    ht_status st = HT_OK;
    if (access(path, W_OK | X_OK) != 0)
        st = ht_fail(err, HT_EIO, "cannot write a study into '%s': it is missing or not writable", path);
    ht_string_release(&folder);
    return st;
}

static ht_status add_event(ht_recorder *r, const char *text, ht_error *err)
{
    char at[32];
    ht_string line = {0};
    struct tm tm = {0};
    time_t now = time(NULL);
    gmtime_r(&now, &tm);
    strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &tm);
    ht_string_add(&line, "%s r%lu ", at, r->run);
    ht_shown_add(&line, text); /* it is read on terminals, and an event stays one line */
    ht_status st = line.failed ? ht_fail(err, HT_ENOMEM, "no memory for a line of %s", HT_FILE_EVENTS)
                               : ht_journal_append(r->journals[EVENTS], ht_string_peek(&line), err);
    ht_string_release(&line);
    return st;
}

/* First lines of a run in the logs that have no other mark of it. @return false: no memory */
static bool make_first_lines(ht_recorder *r, const ht_recorder_options *o)
{
    char run[32];
    ht_string_add(&r->early, "run %s: hottune %s, %d replica%s of %d rank%s, seed %llu\n", r->goes_on ? "goes on" : "begins",
                  HT_VERSION, o->n_replicas, o->n_replicas == 1 ? "" : "s", o->ranks_per_replica,
                  o->ranks_per_replica == 1 ? "" : "s", o->seed);
    r->head = cJSON_CreateObject();
    snprintf(run, sizeof run, "r%lu", r->run);
    ht_json_put_text(r->head, "run", run);
    snprintf(run, sizeof run, "%llu", o->seed);
    ht_json_put(r->head, "seed", cJSON_CreateRaw(run));
    ht_json_put_int(r->head, "replicas", o->n_replicas);
    if (!r->goes_on)
        put_page(r, EFFECTIVE, effective_page(o->recipe));
    return !r->early.failed && r->head != NULL;
}

static ht_status open_optuna(ht_recorder *r, const ht_recorder_options *o, ht_error *err)
{
    const ht_run_optuna_options options = {.dir = r->dir, .name = o->name, .run = r->run,
                                           .resumed = r->goes_on, .id = ht_study_input_id(r->input),
                                           .recipe = o->recipe, .n_replicas = o->n_replicas, .guard = &r->guard};
    return ht_run_optuna_open(&options, wall_time(), &r->optuna, err);
}

ht_status ht_recorder_create(const ht_recorder_options *o, ht_recorder **out, ht_error *err)
{
    ht_recorder *r = calloc(1, sizeof *r);
    if (r == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory to record a run");
    ht_status st = HT_OK;
    r->goes_on = o->resumes > 0;
    r->run = r->goes_on ? o->resumes : o->history->runs + 1;
    r->began = r->goes_on ? o->began : wall_time();
    r->ledger_lines = o->history->ledger_lines;
    r->next_study = -INFINITY;
    r->lock = o->lock;
    r->start = o->start;
    r->guard = ht_run_lock_guard(o->lock);
    r->before = o->before != NULL ? *o->before : (ht_run_sign){HT_RUN_NONE};
    r->dir = strdup(o->dir);
    r->study = o->study != NULL ? strdup(o->study) : ht_path_join(o->dir, HT_FILE_STUDY);
    for (int i = 0; i < N_PAGES && st == HT_OK; i++)
        st = ht_page_init(&r->pages[i], o->dir, page_names[i], &r->guard, err);
    if (st == HT_OK && (r->dir == NULL || r->study == NULL || !make_first_lines(r, o)))
        st = ht_fail(err, HT_ENOMEM, "no memory to record a run");
    if (st == HT_OK)
        st = ht_study_fits(r->study, o->recipe, err);
    if (st == HT_OK)
        st = check_folder(r->study, err);
    if (st == HT_OK)
        st = ht_study_input_create(o, r->run, r->began, &r->input, err);
    if (st == HT_OK)
        st = open_optuna(r, o, err);
    if (st == HT_OK) {
        *out = r;
        r = NULL;
    }
    ht_recorder_destroy(r);
    return st;
}

/* The logs are open before the lock is looked at: whoever takes over gives their names to other files. */
ht_status ht_recorder_begin(ht_recorder *r, ht_error *err)
{
    HT_TRY(ht_file_guard_ask(&r->guard, err));
    clear_asides(r);
    HT_TRY(open_logs(r, err));
    HT_TRY(ht_file_guard_ask(&r->guard, err));
    r->is_open = true;
    char *rest = NULL, *events = ht_string_take(&r->early);
    char *line = events != NULL ? strtok_r(events, "\n", &rest) : NULL;
    for (; line != NULL; line = strtok_r(NULL, "\n", &rest))
        add_event(r, line, NULL);       /* what cannot be written is kept */
    free(events);
    if (!r->goes_on) {
        HT_TRY(ht_journal_append_json(r->journals[ARRIVAL], r->head, err));
        HT_TRY(ht_page_flush(&r->pages[EFFECTIVE], 0, true, err));
    }
    return r->lock != NULL ? ht_run_lock_begin(r->lock, r->run, ht_study_input_id(r->input), err) : HT_OK;
}

void ht_recorder_destroy(ht_recorder *r)
{
    if (r == NULL)
        return;
    for (int i = 0; i < N_JOURNALS; i++)
        ht_journal_close(r->journals[i]);
    for (int i = 0; i < N_PAGES; i++)
        ht_page_release(&r->pages[i]);
    ht_study_input_destroy(r->input);
    ht_run_optuna_close(r->optuna);
    cJSON_Delete(r->head);
    ht_string_release(&r->early);
    free(r->dir);
    free(r->study);
    free(r);
}

unsigned long ht_recorder_run(const ht_recorder *r)
{
    return r->run;
}

double ht_recorder_began(const ht_recorder *r)
{
    return r->began;
}

const char *ht_recorder_study_run(const ht_recorder *r)
{
    return ht_study_input_id(r->input);
}

/* ---- records ------------------------------------------------------------------------------------ */

/* It has not begun, or the directory is another start's now. */
static bool is_silent(const ht_recorder *r)
{
    return !r->is_open || ht_run_lock_is_lost(r->lock);
}

/* Append an object and free it. */
static ht_status add_line(ht_recorder *r, journal j, cJSON *object, ht_error *err)
{
    ht_status st = ht_journal_append_json(r->journals[j], object, err);
    cJSON_Delete(object);
    return st;
}

/* A point of the curve, for the study. */
static ht_status keep_point(ht_recorder *r, const ht_window *w, const ht_recipe *recipe, ht_error *err)
{
    const double *value = ht_readings_find(&w->readings, recipe->objective.primary);
    if (value == NULL || !isfinite(*value))
        return HT_OK;
    return ht_study_input_point(r->input, &(ht_curve_point){w->replica, w->step, w->epoch, *value}, err);
}

static ht_status add_segment(ht_recorder *r, const ht_closed *closed, const ht_coordinator_view *view, ht_stamp stamp,
                             ht_error *err)
{
    r->verdict = true;
    ht_error why = {""};
    ht_status kept = ht_study_input_segment(r->input, closed, view, &why);
    HT_TRY(add_line(r, SEGMENTS, ht_segment_to_json(&closed->segment, stamp), err));
    return kept == HT_OK ? HT_OK : ht_fail(err, kept, "%s", why.text);
}

static ht_status add_window(ht_recorder *r, const ht_window *w, const ht_recipe *recipe, ht_stamp stamp,
                            ht_error *err)
{
    ht_error why = {""};
    ht_status kept = keep_point(r, w, recipe, &why);
    HT_TRY(add_line(r, METRICS, ht_window_to_json(w, stamp), err));
    return kept == HT_OK ? HT_OK : ht_fail(err, kept, "%s", why.text);
}

static ht_status add_arrival(ht_recorder *r, int replica, ht_message_kind kind, ht_error *err)
{
    static const char *const names[] = {
        [HT_MESSAGE_HELLO] = "hello",     [HT_MESSAGE_REPORT] = "report",   [HT_MESSAGE_OUTCOME] = "outcome",
        [HT_MESSAGE_ANSWER] = "answer",   [HT_MESSAGE_BYE] = "bye",         [HT_MESSAGE_WELCOME] = "welcome",
        [HT_MESSAGE_DIRECTIVE] = "directive", [HT_MESSAGE_OPERATION] = "operation",
    };
    cJSON *line = cJSON_CreateObject();
    ht_json_put_int(line, "replica", replica);
    ht_json_put_text(line, "message", (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : NULL);
    return add_line(r, ARRIVAL, line, err);
}

/* A freeze file that says nothing is no freeze file. */
static ht_status write_freeze(ht_recorder *r, ht_error *err)
{
    const ht_freeze *f = &r->freeze;
    ht_status st = HT_OK;
    bool nothing = f->mode == HT_FREEZE_OFF && !f->strict && f->step_offset == 0 &&
                   f->recipe_path[0] == '\0' && f->adjust_path[0] == '\0';
    if (!r->freeze_waits)
        return HT_OK;
    if (nothing) {
        char *path = ht_path_join(r->dir, HT_FILE_FREEZE);
        if ((st = ht_file_guard_ask(&r->guard, err)) == HT_OK &&
            (path == NULL || (unlink(path) != 0 && ht_file_look(path).exists)))
            st = ht_fail(err, HT_EIO, "cannot remove '%s'", HT_FILE_FREEZE);
        free(path);
    } else {
        st = ht_freeze_write(r->dir, f, &r->guard, err);
    }
    r->freeze_waits = st != HT_OK;
    return st;
}

static cJSON *population_line(const cJSON *event, ht_stamp stamp)
{
    cJSON *o = cJSON_Duplicate(event, true);
    ht_json_put_int(o, "run", (double)stamp.run);
    ht_json_put_real(o, "wall_time", stamp.wall_time);
    return o;
}

/* A setter that fails is worth a look of its owner. */
static void tell_failure(ht_recorder *r, const ht_mutation *m)
{
    char text[512];
    snprintf(text, sizeof text, "replica %d: mutation m_%05lu of %.63s:%.63s failed%s%.30s%s%.120s", m->replica, m->number,
             m->actuator, m->key, m->reason[0] != '\0' ? " at " : "", m->reason, m->error[0] != '\0' ? ": " : "",
             m->error);
    add_event(r, text, NULL);       /* what cannot be written is kept */
}

const char *ht_recorder_notice(ht_recorder *r)
{
    const char *text = r->told_refusal || is_silent(r) ? NULL : ht_run_optuna_refusal(r->optuna);
    if (text != NULL) {
        r->told_refusal = true;
        add_event(r, text, NULL);   /* what cannot be written is kept */
    }
    return text;
}

static ht_status put_into_logs(ht_recorder *r, const ht_record *record, const ht_coordinator_view *view, ht_stamp stamp,
                               ht_error *err)
{
    switch (record->kind) {
    case HT_RECORD_MUTATION:
        if (record->as.mutation.status == HT_MUTATION_FAILED)
            tell_failure(r, &record->as.mutation);
        return add_line(r, MUTATIONS, ht_mutation_to_json(&record->as.mutation, stamp), err);
    case HT_RECORD_SEGMENT:
        return add_segment(r, &record->as.closed, view, stamp, err);
    case HT_RECORD_WINDOW:
        return add_window(r, &record->as.window, view->recipe, stamp, err);
    case HT_RECORD_LEDGER:
        return add_line(r, APPLIED, ht_ledger_to_json(&record->as.ledger, ++r->ledger_lines, stamp.wall_time),
                        err);
    case HT_RECORD_EVENT:
        return add_event(r, record->as.event, err);
    case HT_RECORD_ARRIVAL:
        return add_arrival(r, record->as.arrival.replica, record->as.arrival.kind, err);
    case HT_RECORD_POPULATION:
        return add_line(r, POPULATION, population_line(record->as.population, stamp), err);
    case HT_RECORD_VERDICT:         /* the logs have its knobs as mutations, its segment in the population log */
        return ht_study_input_verdict(r->input, &record->as.verdict, err);
    case HT_RECORD_CONTROLS:
        put_page(r, CONTROLS, controls_page(record->as.controls));
        return HT_OK;
    case HT_RECORD_RECIPE:
        put_page(r, EFFECTIVE, effective_page(view->recipe));
        return ht_page_flush(&r->pages[EFFECTIVE], r->now, true, err);
    case HT_RECORD_FREEZE:
        r->freeze = record->as.freeze;
        r->freeze_waits = true;
        return write_freeze(r, err);
    }
    return HT_OK;
}

ht_status ht_recorder_write(ht_recorder *r, const ht_record *record, const ht_coordinator_view *view,
                            ht_error *err)
{
    if (!r->is_open && record->kind == HT_RECORD_EVENT)
        ht_string_add(&r->early, "%s\n", record->as.event);
    if (is_silent(r))
        return HT_OK;
    const ht_stamp stamp = {r->run, wall_time()};
    ht_error why = {""};
    ht_status kept = ht_run_optuna_take(r->optuna, record, view, stamp.wall_time, &why);
    HT_TRY(put_into_logs(r, record, view, stamp, err));
    return kept == HT_OK ? HT_OK : ht_fail(err, kept, "%s", why.text);
}

void ht_recorder_recall(ht_recorder *r, const ht_record *record, const ht_coordinator_view *view)
{
    ht_run_optuna_take(r->optuna, record, view, wall_time(), NULL);
    switch (record->kind) {
    case HT_RECORD_SEGMENT:
        ht_study_input_segment(r->input, &record->as.closed, view, NULL);
        break;
    case HT_RECORD_VERDICT:
        ht_study_input_verdict(r->input, &record->as.verdict, NULL);
        break;
    case HT_RECORD_WINDOW:
        keep_point(r, &record->as.window, view->recipe, NULL);
        break;
    case HT_RECORD_LEDGER:
        r->ledger_lines++;
        break;
    case HT_RECORD_CONTROLS:
        put_page(r, CONTROLS, controls_page(record->as.controls));
        break;
    case HT_RECORD_RECIPE:
        put_page(r, EFFECTIVE, effective_page(view->recipe));
        break;
    default:        /* is in the logs, and nowhere else */
        break;
    }
}

bool ht_recorder_sizes(const ht_recorder *r, size_t *n, ht_commit_log **logs)
{
    size_t kept, dropped;
    ht_recorder_owed(r, &kept, &dropped);
    ht_commit_log *list = kept == 0 ? calloc(N_JOURNALS, sizeof *list) : NULL;
    if (list == NULL)
        return false;
    for (int i = 0; i < N_JOURNALS; i++) {
        char *path = ht_path_join(r->dir, journal_names[i]);
        list[i].name = strdup(journal_names[i]);
        ht_file_stamp at = path != NULL ? ht_file_look(path) : (ht_file_stamp){0};
        free(path);
        list[i].bytes = (uint64_t)at.size;
        if (list[i].name == NULL || !at.exists) {
            for (int k = 0; k <= i; k++)
                free(list[k].name);
            free(list);
            return false;
        }
    }
    *n = N_JOURNALS;
    *logs = list;
    return true;
}

/* ---- now and then ------------------------------------------------------------------------------- */

/* Keep the first of several failures. */
static void note(ht_status *first, ht_error *err, ht_status st, const ht_error *why)
{
    if (st != HT_OK && *first == HT_OK)
        *first = ht_fail(err, st, "%s", why->text);
}

/* How many lines with a checksum each log has: then it shows when some at its end are gone. */
static cJSON *lines_of_logs(ht_recorder *r)
{
    cJSON *o = cJSON_CreateObject();
    for (int i = 0; i < N_JOURNALS; i++)
        if (i != EVENTS)
            ht_json_put_int(o, journal_names[i], (double)ht_journal_number(r->journals[i]));
    return o;
}

static void put_summary(ht_recorder *r, const ht_coordinator *c, const ht_coordinator_view *view, bool final)
{
    cJSON *o = ht_summary_file_to_json(view, r->run, ht_study_input_id(r->input), final, ht_coordinator_live(c));
    if (o == NULL)
        return;
    if (r->start != NULL && r->start->child != NULL)
        ht_json_put(o, "start", cJSON_Duplicate(r->start, true));
    ht_json_put(o, HT_LOG_LINES, lines_of_logs(r));
    put_page(r, SUMMARY, ht_json_page(o));
    cJSON_Delete(o);
    r->verdict = false;
    r->next_summary = r->now + summary_s;
}

static void publish(ht_recorder *r, const ht_coordinator_view *view, double ended)
{
    double start = monotonic();
    r->study_status = ht_file_guard_ask(&r->guard, &r->study_error);
    if (r->study_status == HT_OK)
        r->study_status = ht_study_input_publish(r->input, r->study, view, ended, &r->guard, &r->study_error);
    double pause = study_share * (monotonic() - start);
    r->next_study = r->now + (pause > study_s ? pause : study_s);
}

/* Everything that waits. */
static ht_status flush(ht_recorder *r, bool at_once, ht_error *err)
{
    ht_status first = HT_OK;
    ht_error why = {""};
    for (int i = 0; i < N_JOURNALS; i++)
        note(&first, err, ht_journal_flush(r->journals[i], &why), &why);
    for (int i = 0; i < N_PAGES; i++)
        note(&first, err, ht_page_flush(&r->pages[i], r->now, at_once, &why), &why);
    note(&first, err, write_freeze(r, &why), &why);
    return first;
}

/* The sign of life comes first: with it is seen whether another start took over. */
ht_status ht_recorder_tick(ht_recorder *r, const ht_coordinator *c, double now, ht_error *err)
{
    ht_coordinator_view view;
    ht_error why = {""};
    r->now = now;
    ht_status beat = r->lock != NULL ? ht_run_lock_beat(r->lock, &why) : HT_OK;
    if (is_silent(r))
        return beat == HT_OK ? HT_OK : ht_fail(err, beat, "%s", why.text);
    ht_coordinator_peek(c, &view);
    if (view.was_on && (r->verdict || now >= r->next_summary) && ht_page_may(&r->pages[SUMMARY], now))
        put_summary(r, c, &view, false);
    ht_status st = flush(r, false, err);
    note(&st, err, beat, &why);
    if (now >= r->next_study)
        publish(r, &view, 0);
    note(&st, err, r->study_status, &r->study_error);
    note(&st, err, ht_run_optuna_tick(r->optuna, now, wall_time(), &why), &why);
    return st;
}

void ht_recorder_owed(const ht_recorder *r, size_t *kept, size_t *dropped)
{
    *kept = *dropped = 0;
    for (int i = 0; i < N_JOURNALS && r->is_open; i++) {
        size_t k, d;
        ht_journal_owed(r->journals[i], &k, &d);
        *kept += k;
        *dropped += d;
    }
}

void ht_recorder_result(ht_recorder *r, double val, double test)
{
    ht_study_input_result(r->input, val, test);
}

static ht_status sync_all(ht_recorder *r, ht_status first, ht_error *err)
{
    ht_error why = {""};
    for (int i = 0; i < N_JOURNALS; i++)
        note(&first, err, ht_journal_sync(r->journals[i], &why), &why);
    return first;
}

ht_status ht_recorder_leave(ht_recorder *r, const ht_coordinator *c, ht_error *err)
{
    ht_coordinator_view view;
    ht_error why = {""};
    HT_TRY(ht_file_guard_ask(&r->guard, err));
    if (!r->is_open)
        return HT_OK;
    ht_coordinator_peek(c, &view);
    if (view.was_on)
        put_summary(r, c, &view, false);
    ht_status first = flush(r, true, err);
    publish(r, &view, 0);
    note(&first, err, r->study_status, &r->study_error);
    note(&first, err, add_event(r, "the run is written down, and goes on in another job", &why), &why);
    return sync_all(r, first, err);
}

ht_status ht_recorder_finish(ht_recorder *r, const ht_coordinator *c, ht_error *err)
{
    ht_coordinator_view view;
    ht_error why = {""};
    HT_TRY(ht_file_guard_ask(&r->guard, err));
    ht_coordinator_peek(c, &view);
    if (view.was_on)
        put_summary(r, c, &view, true);
    ht_status first = flush(r, true, err);
    publish(r, &view, wall_time());
    note(&first, err, r->study_status, &r->study_error);
    note(&first, err, ht_run_optuna_finish(r->optuna, wall_time(), &why), &why);
    if (first == HT_OK)
        note(&first, err, add_event(r, "everything is written", &why), &why);
    first = sync_all(r, first, err);
    if (r->lock != NULL)
        note(&first, err, ht_run_lock_close(r->lock, &why), &why);
    return first;
}
