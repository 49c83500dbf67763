/* src/population/sweep.c - coordinator of a sweep; the contract is in sweep.h.
 *
 * `trials` holds every trial by pointer, in order of number but for replayed ones. A trial that runs or waits is
 * pending in the sampler under `ask`. What goes out waits in two queues: messages, and records that name a trial
 * by its place. A trial whose worker fell silent goes to another worker; when that one falls silent, too, the
 * trial is given up, lest it take one worker after the other. May touch: the heap. */
#include "population/sweep_state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOSSES_MAX = 2 };

typedef ht_sweep_entry entry;
typedef ht_sweep_worker_state worker;
typedef ht_sweep_letter letter;
typedef ht_sweep_note note;

static const char *const status_texts[] = {"running", "waiting", "complete", "pruned", "failed", "lost"};

const char *ht_trial_status_text(ht_trial_status status)
{
    return status_texts[status];
}

bool ht_trial_status_parse(const char *text, ht_trial_status *out)
{
    for (int i = HT_TRIAL_COMPLETE; i <= HT_TRIAL_LOST; i++)
        if (strcmp(text, status_texts[i]) == 0) {
            *out = (ht_trial_status)i;
            return true;
        }
    return false;
}

/* ---- life ----------------------------------------------------------------------------------- */

ht_status ht_sweep_create(const ht_space *space, const ht_sweep_options *o, double now, ht_sweep **out, ht_error *err)
{
    if (o->workers < 1 || o->trials < 1 || !(o->patience_s > 0))
        return ht_fail(err, HT_EINVAL, "a sweep needs a worker, a trial and patience");
    ht_sweep *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a sweep");
    s->space = space;
    s->o = *o;
    s->workers = calloc((size_t)o->workers, sizeof *s->workers);
    ht_status st = s->workers != NULL ? HT_OK : ht_fail(err, HT_ENOMEM, "no memory for %d workers", o->workers);
    if (st == HT_OK)
        st = ht_sampler_create(space, o->seed, false, &s->sampler, err);
    if (st == HT_OK)
        st = ht_pruner_create(&o->pruner, &s->pruner, err);
    for (int i = 0; st == HT_OK && i < o->workers; i++)
        s->workers[i].heard = now;
    if (st == HT_OK)
        *out = s;
    else
        ht_sweep_destroy(s);
    return st;
}

void ht_sweep_destroy(ht_sweep *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n_trials; i++) {
        free(s->trials[i]->trial.reports);
        free(s->trials[i]);
    }
    for (size_t i = s->first_letter; i < s->n_letters; i++)
        free(s->letters[i].bytes.data);
    free(s->trials);
    free(s->letters);
    free(s->notes);
    free(s->workers);
    ht_pruner_destroy(s->pruner);
    ht_sampler_destroy(s->sampler);
    free(s);
}

/* ---- what goes out -------------------------------------------------------------------------- */

/* Room for one more item in an array: its new place, or NULL. */
static void *grow(void *at, size_t n, size_t *capacity, size_t size)
{
    if (n < *capacity)
        return at;
    size_t more = *capacity > 0 ? 2 * *capacity : 16;
    void *grown = realloc(at, more * size);
    if (grown != NULL)
        *capacity = more;
    return grown;
}

static ht_status send(ht_sweep *s, int to, const ht_sweep_message *m)
{
    if (s->first_letter == s->n_letters)
        s->first_letter = s->n_letters = 0;
    letter *letters = grow(s->letters, s->n_letters, &s->letters_capacity, sizeof *letters);
    if (letters == NULL)
        return HT_ENOMEM;
    s->letters = letters;
    HT_TRY(ht_sweep_encode(m, &letters[s->n_letters].bytes));
    letters[s->n_letters++].worker = to;
    return HT_OK;
}

static ht_status record(ht_sweep *s, ht_sweep_event event, entry *e, const ht_trial_report *report)
{
    if (s->first_note == s->n_notes)
        s->first_note = s->n_notes = 0;
    note *notes = grow(s->notes, s->n_notes, &s->notes_capacity, sizeof *notes);
    if (notes == NULL)
        return HT_ENOMEM;
    s->notes = notes;
    notes[s->n_notes++] = (note){event, e, report != NULL ? *report : (ht_trial_report){0}};
    return HT_OK;
}

bool ht_sweep_next_message(ht_sweep *s, int *to, ht_bytes *bytes)
{
    if (s->first_letter == s->n_letters)
        return false;
    *to = s->letters[s->first_letter].worker;
    *bytes = s->letters[s->first_letter++].bytes;
    return true;
}

bool ht_sweep_next_record(ht_sweep *s, ht_sweep_record *out)
{
    if (s->told != NULL) {
        free(s->told->trial.reports);
        s->told->trial.reports = NULL;
        s->told->trial.n_reports = s->told->capacity = 0;
        s->told = NULL;
    }
    if (s->first_note == s->n_notes)
        return false;
    note n = s->notes[s->first_note++];
    *out = (ht_sweep_record){n.event, &n.entry->trial, n.report};
    if (n.event == HT_TRIAL_ENDED)
        s->told = n.entry;
    return true;
}

/* ---- trials --------------------------------------------------------------------------------- */

double ht_sweep_minimised(const ht_sweep *s, double value)
{
    return s->o.maximize ? -value : value;
}

bool ht_sweep_is_better(const ht_sweep *s, const ht_trial *a, const ht_trial *b)
{
    double x = ht_sweep_minimised(s, a->value), y = ht_sweep_minimised(s, b->value);
    return x < y || (x == y && a->number < b->number);
}

ht_sweep_entry *ht_sweep_add_entry(ht_sweep *s)
{
    entry **trials = grow(s->trials, s->n_trials, &s->trials_capacity, sizeof *trials);
    if (trials == NULL)
        return NULL;
    s->trials = trials;
    entry *e = calloc(1, sizeof *e);
    if (e == NULL)
        return NULL;
    e->trial.value = NAN;
    e->best = INFINITY;
    trials[s->n_trials++] = e;
    return e;
}

/* Counts a trial that ended. */
void ht_sweep_count(ht_sweep *s, entry *e)
{
    const ht_trial *t = &e->trial;
    s->by_status[t->status]++;
    s->seconds += t->seconds;
    s->spent += t->spent;
    if (t->status == HT_TRIAL_PRUNED)
        s->pruned_steps += t->steps;
    if (t->steps > s->longest)
        s->longest = t->steps;
    if (t->status == HT_TRIAL_COMPLETE && (s->best == NULL || ht_sweep_is_better(s, t, &s->best->trial)))
        s->best = e;
}

static unsigned long counted(const ht_sweep *s)
{
    return s->by_status[HT_TRIAL_COMPLETE] + s->by_status[HT_TRIAL_PRUNED] + s->by_status[HT_TRIAL_FAILED];
}

static unsigned long pending(const ht_sweep *s)
{
    return s->by_status[HT_TRIAL_RUNNING] + s->by_status[HT_TRIAL_WAITING];
}

bool ht_sweep_is_over(const ht_sweep *s)
{
    return s->stopped || counted(s) >= s->o.trials;
}

/* ---- attempts ------------------------------------------------------------------------------- */

/* By name; null = a parameter whose condition is not met. */
static cJSON *params_of(const ht_sweep *s, const ht_trial *t)
{
    cJSON *params = ht_space_to_json(s->space, &t->point);
    for (size_t i = 0; params != NULL && i < s->space->n; i++) {
        const ht_param *p = &s->space->params[i];
        if (t->point.u[i] < 0 && p->element < 0)
            ht_json_put(params, p->name, cJSON_CreateNull());
    }
    return params;
}

static ht_status begin_attempt(ht_sweep *s, int to, entry *e)
{
    ht_sweep_message m = {.kind = HT_SWEEP_TRIAL, .trial = e->trial.number, .attempt = e->trial.attempts + 1,
                          .params = params_of(s, &e->trial)};
    ht_status st = m.params != NULL ? send(s, to, &m) : HT_ENOMEM;
    ht_sweep_message_release(&m);
    if (st != HT_OK)
        return st;
    s->by_status[e->trial.status]--;
    s->by_status[HT_TRIAL_RUNNING]++;
    e->trial.status = HT_TRIAL_RUNNING;
    e->trial.attempts++;
    e->trial.worker = to;
    e->trial.steps = 0;
    e->stopping = false;
    s->workers[to].entry = e;
    s->workers[to].idle = false;
    return HT_OK;
}

/* Ask for a point and make it a trial that waits for a worker. */
static ht_status ask(ht_sweep *s, entry **out)
{
    unsigned long id;
    ht_point point;
    HT_TRY(ht_sampler_ask(s->sampler, &id, &point, NULL));
    entry *e = ht_sweep_add_entry(s);
    if (e == NULL) {
        ht_sampler_forget(s->sampler, id, NULL);
        return HT_ENOMEM;
    }
    e->ask = id;
    e->trial.number = s->next++;
    e->trial.point = point;
    e->trial.status = HT_TRIAL_WAITING;
    s->by_status[HT_TRIAL_WAITING]++;
    *out = e;
    return record(s, HT_TRIAL_BEGAN, e, NULL);
}

static entry *waiting(const ht_sweep *s)
{
    for (size_t i = 0; s->by_status[HT_TRIAL_WAITING] > 0 && i < s->n_trials; i++)
        if (s->trials[i]->trial.status == HT_TRIAL_WAITING)
            return s->trials[i];
    return NULL;
}

/* Every idle worker gets a trial while there are any. */
static ht_status hand_out(ht_sweep *s)
{
    for (int i = 0; i < s->o.workers && !ht_sweep_is_over(s); i++) {
        if (!s->workers[i].idle || s->workers[i].lost || s->workers[i].quits)
            continue;
        entry *e = waiting(s);
        if (e == NULL && counted(s) + pending(s) >= s->o.trials)
            return HT_OK;
        if (e == NULL)
            HT_TRY(ask(s, &e));
        HT_TRY(begin_attempt(s, i, e));
    }
    return HT_OK;
}

static ht_status tell_sampler(ht_sweep *s, const entry *e, ht_trial_status status)
{
    if (status == HT_TRIAL_LOST)
        return ht_sampler_forget(s->sampler, e->ask, NULL);
    if (status == HT_TRIAL_FAILED)
        return ht_sampler_fail(s->sampler, e->ask, NULL);
    return ht_sampler_tell(s->sampler, e->ask, ht_sweep_minimised(s, e->trial.value), NULL);
}

/* A trial ends for good. Its value is set. */
static ht_status end_trial(ht_sweep *s, entry *e, ht_trial_status status)
{
    ht_trial *t = &e->trial;
    ht_status st = tell_sampler(s, e, status);
    if (status == HT_TRIAL_COMPLETE && st == HT_OK)
        st = ht_pruner_complete(s->pruner, t->n_reports, t->reports, NULL);
    s->by_status[t->status]--;
    t->status = status;
    ht_sweep_count(s, e);
    ht_status recorded = record(s, HT_TRIAL_ENDED, e, NULL);
    return st == HT_OK ? recorded : st;
}

/* An attempt came to nothing: what it said does not count for others. */
static void drop_attempt(ht_sweep *s, entry *e)
{
    ht_trial *t = &e->trial;
    ht_pruner_forget(s->pruner, t->n_reports, t->reports, e->stopping);
    t->n_reports = 0;
    e->best = INFINITY;
    s->by_status[t->status]--;
    s->by_status[HT_TRIAL_WAITING]++;
    t->status = HT_TRIAL_WAITING;
}

static ht_status end_failed(ht_sweep *s, entry *e)
{
    drop_attempt(s, e);
    return e->failures++ < s->o.retries ? HT_OK : end_trial(s, e, HT_TRIAL_FAILED);
}

static ht_status end_lost(ht_sweep *s, entry *e, const char *reason)
{
    snprintf(e->trial.reason, sizeof e->trial.reason, "%s", reason);
    e->trial.spent += e->trial.steps;
    drop_attempt(s, e);
    return ++e->losses < LOSSES_MAX && !s->stopped ? HT_OK : end_trial(s, e, HT_TRIAL_LOST);
}

static ht_status lose_worker(ht_sweep *s, worker *w, const char *reason)
{
    entry *e = w->entry;
    w->entry = NULL;
    w->idle = false;
    return e != NULL ? end_lost(s, e, reason) : HT_OK;
}

/* ---- messages ------------------------------------------------------------------------------- */

static bool is_current(const worker *w, const ht_sweep_message *m)
{
    return w->entry != NULL && w->entry->trial.number == m->trial && w->entry->trial.attempts == m->attempt;
}

static ht_status order_stop(ht_sweep *s, int to, const ht_sweep_message *about)
{
    return send(s, to, &(ht_sweep_message){.kind = HT_SWEEP_STOP, .trial = about->trial, .attempt = about->attempt});
}

static ht_status keep_report(entry *e, const ht_trial_report *r)
{
    ht_trial_report *reports = grow(e->trial.reports, e->trial.n_reports, &e->capacity, sizeof *reports);
    if (reports == NULL)
        return HT_ENOMEM;
    e->trial.reports = reports;
    reports[e->trial.n_reports++] = *r;
    return HT_OK;
}

/* Steps that do not grow are no news. */
static ht_status take_report(ht_sweep *s, int from, const ht_sweep_message *m)
{
    static const char *const rules[] = {"", "the median rule", "successive halving"};
    worker *w = &s->workers[from];
    if (!is_current(w, m))
        return order_stop(s, from, m);
    entry *e = w->entry;
    ht_trial *t = &e->trial;
    ht_trial_report r = {m->step, m->value};
    bool stop = false;
    if (m->step < 0 || (t->n_reports > 0 && m->step <= t->steps))
        return HT_OK;
    if (e->stopping) {      /* it takes a while to end; what it costs counts */
        t->steps = m->step;
        return HT_OK;
    }
    HT_TRY(keep_report(e, &r));
    t->steps = m->step;
    if (isfinite(m->value))
        e->best = fmin(e->best, ht_sweep_minimised(s, m->value));
    HT_TRY(record(s, HT_TRIAL_REPORTED, e, &r));
    HT_TRY(ht_pruner_report(s->pruner, t->n_reports, t->reports, &stop, NULL));
    if (!stop)
        return HT_OK;
    e->stopping = true;
    snprintf(t->reason, sizeof t->reason, "%s at step %lld", rules[s->o.pruner.rule], m->step);
    return order_stop(s, from, m);
}

static ht_status take_result(ht_sweep *s, worker *w, const ht_sweep_message *m)
{
    bool current = is_current(w, m);
    entry *e = w->entry;
    w->idle = true;
    if (!current)
        return HT_OK;
    w->entry = NULL;
    ht_trial *t = &e->trial;
    t->seconds += m->seconds;
    t->spent += t->steps;
    if (m->outcome == HT_SWEEP_VALUE && isfinite(m->value)) {
        t->value = m->value;
        t->reason[0] = 0;
        return end_trial(s, e, HT_TRIAL_COMPLETE);
    }
    if (m->outcome == HT_SWEEP_STOPPED && e->stopping) {
        t->value = isfinite(e->best) ? ht_sweep_minimised(s, e->best) : NAN;
        return end_trial(s, e, HT_TRIAL_PRUNED);
    }
    snprintf(t->reason, sizeof t->reason, "%s", m->outcome == HT_SWEEP_VALUE ? "the value is not finite" : m->reason);
    return end_failed(s, e);
}

static ht_status take_message(ht_sweep *s, int from, const ht_sweep_message *m)
{
    worker *w = &s->workers[from];
    ht_status st = HT_OK;
    switch (m->kind) {
    case HT_SWEEP_READY:
        st = lose_worker(s, w, "its worker began anew");
        w->idle = true;
        return st;
    case HT_SWEEP_REPORT:
        return take_report(s, from, m);
    case HT_SWEEP_RESULT:
        return take_result(s, w, m);
    case HT_SWEEP_ALIVE:
        return m->busy && !is_current(w, m) ? order_stop(s, from, m) : HT_OK;
    case HT_SWEEP_LEAVE:
        w->quits = true;
        return lose_worker(s, w, "its worker was told to end");
    default:
        snprintf(s->warning, sizeof s->warning, "worker %d sent what only the coordinator sends", from);
        return HT_OK;
    }
}

/* ---- the end -------------------------------------------------------------------------------- */

static int living(const ht_sweep *s)
{
    int n = 0;
    for (int i = 0; i < s->o.workers; i++)
        n += !s->workers[i].lost && !s->workers[i].quits;
    return n;
}

static ht_status say_quit(ht_sweep *s)
{
    if (!ht_sweep_is_over(s) || s->quit_said)
        return HT_OK;
    s->quit_said = true;
    for (int i = 0; i < s->o.workers; i++)
        HT_TRY(send(s, i, &(ht_sweep_message){.kind = HT_SWEEP_QUIT}));
    return HT_OK;
}

ht_status ht_sweep_stop(ht_sweep *s, double now, const char *reason)
{
    (void)now;
    if (ht_sweep_is_over(s))
        return say_quit(s);
    s->stopped = true;
    snprintf(s->reason, sizeof s->reason, "%s", reason);
    for (int i = 0; i < s->o.workers; i++)
        HT_TRY(lose_worker(s, &s->workers[i], reason));
    for (entry *e; (e = waiting(s)) != NULL;)
        HT_TRY(end_trial(s, e, HT_TRIAL_LOST));
    return say_quit(s);
}

/* What every event may bring about. */
static ht_status settle(ht_sweep *s, double now)
{
    if (living(s) == 0 && !ht_sweep_is_over(s))
        return ht_sweep_stop(s, now, "all workers are lost");
    HT_TRY(hand_out(s));
    return say_quit(s);
}

ht_status ht_sweep_receive(ht_sweep *s, double now, int from, const void *bytes, size_t n)
{
    ht_sweep_message m;
    ht_error err = {""};
    if (from < 0 || from >= s->o.workers)
        return HT_OK;
    ht_status st = ht_sweep_decode(bytes, n, &m, &err);
    if (st == HT_ECOMM) {
        snprintf(s->warning, sizeof s->warning, "worker %d: %.200s", from, err.text);
        return HT_OK;
    }
    if (st != HT_OK)
        return st;
    s->workers[from].heard = now;
    s->workers[from].lost = false;
    st = take_message(s, from, &m);
    ht_sweep_message_release(&m);
    return st == HT_OK ? settle(s, now) : st;
}

ht_status ht_sweep_tick(ht_sweep *s, double now)
{
    for (int i = 0; i < s->o.workers; i++) {
        worker *w = &s->workers[i];
        if (w->lost || w->quits || now - w->heard <= s->o.patience_s)
            continue;
        w->lost = true;
        snprintf(s->warning, sizeof s->warning, "worker %d has said nothing for %.0f s: it counts as lost", i,
                 now - w->heard);
        HT_TRY(lose_worker(s, w, "its worker fell silent"));
    }
    return settle(s, now);
}
