/* src/cli/sweep_worker.c - runs trials as child processes; the contract is in sweep_worker.h.
 *
 * Nothing waits for the child: each step hears what it said, sees whether it ended, and takes a message of the
 * coordinator. What is said to the coordinator carries trial and attempt, so that it can tell old news.
 * May touch: child processes, result files, clock. */
#include "cli/sweep_worker.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/child.h"
#include "cli/sweep_command.h"
#include "population/sweep_wire.h"
#include "store/file.h"

static const double alive_every_s = 1;

struct ht_sweep_worker {
    ht_sweep_job job;
    ht_comm *comm;
    ht_child *child;        /* NULL = idle */
    ht_command command;     /* of the child */
    unsigned long trial, attempt;
    double started, said_alive;
    ht_said said;           /* the last value on stdout */
    bool ordered;           /* STOP came */
    bool timed_out;
    bool quits;
    ht_status status;       /* of a send out of a callback */
    ht_error *err;
};

static ht_status say(ht_sweep_worker *w, ht_sweep_message m, ht_error *err)
{
    ht_bytes bytes = {NULL, 0};
    m.trial = w->trial;
    m.attempt = w->attempt;
    ht_status st = ht_sweep_encode(&m, &bytes);
    if (st != HT_OK)
        return ht_fail(err, st, "no memory for a message");
    st = ht_comm_send(w->comm, 0, bytes.data, bytes.n, err);
    free(bytes.data);
    return st;
}

ht_status ht_sweep_worker_create(const ht_sweep_job *job, ht_comm *comm, ht_sweep_worker **out, ht_error *err)
{
    ht_sweep_worker *w = calloc(1, sizeof *w);
    if (w == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a worker");
    w->job = *job;
    w->comm = comm;
    w->said_alive = ht_comm_now(comm);
    ht_status st = say(w, (ht_sweep_message){.kind = HT_SWEEP_READY}, err);
    if (st == HT_OK)
        *out = w;
    else
        free(w);
    return st;
}

void ht_sweep_worker_destroy(ht_sweep_worker *w)
{
    if (w == NULL)
        return;
    ht_child_destroy(w->child);
    ht_command_release(&w->command);
    free(w);
}

/* ---- a trial ends --------------------------------------------------------------------------- */

static const char *signal_name(int number)
{
    static const struct {
        int number;
        const char *name;
    } names[] = {{SIGABRT, " (SIGABRT)"}, {SIGBUS, " (SIGBUS)"},   {SIGFPE, " (SIGFPE)"},   {SIGHUP, " (SIGHUP)"},
                 {SIGILL, " (SIGILL)"},   {SIGINT, " (SIGINT)"},   {SIGKILL, " (SIGKILL)"}, {SIGPIPE, " (SIGPIPE)"},
                 {SIGSEGV, " (SIGSEGV)"}, {SIGTERM, " (SIGTERM)"}, {SIGXCPU, " (SIGXCPU)"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == number)
            return names[i].name;
    return "";
}

/* What the result file says. */
static ht_said read_result(const ht_sweep_worker *w)
{
    ht_said said = {.value = NAN};
    ht_error ignored;
    char *text = NULL;
    if (ht_file_read(w->command.result, &text, NULL, &ignored) == HT_OK)
        said = ht_command_hear_text(text);
    free(text);
    return said;
}

/* How the child ended, as a message; the reason names what is wrong first. */
static ht_sweep_message judge(const ht_sweep_worker *w)
{
    const ht_child_end *end = ht_child_end_of(w->child);
    ht_sweep_message m = {.kind = HT_SWEEP_RESULT, .outcome = HT_SWEEP_FAILED, .value = NAN};
    char what[64] = "";
    if (w->timed_out)
        snprintf(m.reason, sizeof m.reason, "timeout after %g s", w->job.timeout_s);
    if (w->timed_out)
        return m;
    if (w->ordered) {
        m.outcome = HT_SWEEP_STOPPED;
        return m;
    }
    ht_said said = w->command.result != NULL ? read_result(w) : w->said;
    if (end->by_signal)
        snprintf(what, sizeof what, "signal %d%s", end->code, signal_name(end->code));
    else if (end->code != 0)
        snprintf(what, sizeof what, "exit code %d", end->code);
    else if (!said.has_value)
        snprintf(what, sizeof what, w->command.result != NULL ? "no value in the result file" : "no value");
    else if (!isfinite(said.value))
        snprintf(what, sizeof what, "the value is not finite");
    if (what[0] != 0) {
        snprintf(m.reason, sizeof m.reason, "%s%s%.120s", what, end->last_words[0] != 0 ? ": " : "", end->last_words);
        return m;
    }
    m.outcome = HT_SWEEP_VALUE;
    m.value = said.value;
    return m;
}

/* A reason must be text that every reader takes. */
static void mend_text(char *text)
{
    const char *bad;
    while ((bad = ht_utf8_fault(text)) != NULL)
        text[bad - text] = '?';
}

static ht_status end_trial(ht_sweep_worker *w, double now, ht_error *err)
{
    ht_sweep_message m = judge(w);
    m.seconds = now - w->started;
    mend_text(m.reason);
    ht_child_destroy(w->child);
    w->child = NULL;
    ht_command_release(&w->command);
    return w->quits ? HT_OK : say(w, m, err);
}

/* ---- a trial runs --------------------------------------------------------------------------- */

static void hear_line(void *ctx, const char *text)
{
    ht_sweep_worker *w = ctx;
    ht_said said = ht_command_hear(text);
    if (!said.has_value)
        return;
    w->said = said;
    if (!said.has_step || w->quits)
        return;
    ht_status st =
        say(w, (ht_sweep_message){.kind = HT_SWEEP_REPORT, .step = said.step, .value = said.value}, w->err);
    w->status = w->status == HT_OK ? st : w->status;
}

static ht_status look_after_child(ht_sweep_worker *w, double now, ht_error *err)
{
    w->status = HT_OK;
    w->err = err;
    bool runs = ht_child_look(w->child, now, hear_line, w);
    if (!runs) {
        HT_TRY(end_trial(w, now, err));
        return w->status;
    }
    if (w->job.timeout_s > 0 && now - w->started > w->job.timeout_s && !w->ordered && !w->timed_out) {
        w->timed_out = true;
        ht_child_stop(w->child, now, w->job.grace_s);
    }
    return w->status;
}

static ht_status begin_trial(ht_sweep_worker *w, const ht_sweep_message *m, ht_error *err)
{
    ht_error why = {""};
    w->trial = m->trial;
    w->attempt = m->attempt;
    w->said = (ht_said){.value = NAN};
    w->ordered = w->timed_out = false;
    w->started = ht_comm_now(w->comm);
    ht_status st =
        ht_command_create(w->job.n_words, w->job.words, w->job.result, m->trial, m->params, &w->command, &why);
    if (st == HT_OK && w->command.result != NULL)
        remove(w->command.result); /* of an earlier attempt */
    if (st == HT_OK)
        st = ht_child_start(w->command.argv, w->command.env, w->command.input, &w->child, &why);
    if (st == HT_OK)
        return HT_OK;
    ht_command_release(&w->command);
    ht_sweep_message failed = {.kind = HT_SWEEP_RESULT, .outcome = HT_SWEEP_FAILED, .value = NAN};
    snprintf(failed.reason, sizeof failed.reason, "%.180s", why.text);
    mend_text(failed.reason);
    return say(w, failed, err);
}

/* ---- steps ---------------------------------------------------------------------------------- */

static ht_status take_message(ht_sweep_worker *w, const ht_sweep_message *m, ht_error *err)
{
    double now = ht_comm_now(w->comm);
    if (m->kind == HT_SWEEP_TRIAL && w->child == NULL && !w->quits)
        return begin_trial(w, m, err);
    if (m->kind == HT_SWEEP_STOP && w->child != NULL && m->trial == w->trial && m->attempt == w->attempt) {
        w->ordered = !w->timed_out;
        ht_child_stop(w->child, now, w->job.grace_s);
    }
    if (m->kind == HT_SWEEP_QUIT) {
        w->quits = true;
        if (w->child != NULL)
            ht_child_stop(w->child, now, w->job.grace_s);
    }
    return HT_OK;
}

static ht_status hear_coordinator(ht_sweep_worker *w, double wait_s, ht_error *err)
{
    int from;
    ht_bytes bytes;
    ht_sweep_message m;
    ht_status st = ht_comm_receive(w->comm, wait_s, &from, &bytes, err);
    if (st != HT_OK)
        return st == HT_ETIMEOUT ? HT_OK : st;
    st = ht_sweep_decode(bytes.data, bytes.n, &m, err);
    free(bytes.data);
    if (st != HT_OK)
        return st;
    st = take_message(w, &m, err);
    ht_sweep_message_release(&m);
    return st;
}

ht_status ht_sweep_worker_step(ht_sweep_worker *w, double wait_s, ht_error *err)
{
    double now = ht_comm_now(w->comm);
    if (w->child != NULL)
        HT_TRY(look_after_child(w, now, err));
    if (now - w->said_alive > alive_every_s && !w->quits) {
        w->said_alive = now;
        HT_TRY(say(w, (ht_sweep_message){.kind = HT_SWEEP_ALIVE, .busy = w->child != NULL}, err));
    }
    return ht_sweep_worker_is_done(w) ? HT_OK : hear_coordinator(w, wait_s, err);
}

bool ht_sweep_worker_is_done(const ht_sweep_worker *w)
{
    return w->quits && w->child == NULL;
}

ht_status ht_sweep_worker_leave(ht_sweep_worker *w, ht_error *err)
{
    if (w->quits)
        return HT_OK;
    w->quits = true;
    if (w->child != NULL)
        ht_child_stop(w->child, ht_comm_now(w->comm), w->job.grace_s);
    return say(w, (ht_sweep_message){.kind = HT_SWEEP_LEAVE}, err);
}
