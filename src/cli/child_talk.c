/* src/cli/child_talk.c - requests to a child program and its answers; the contract is in child_talk.h.
 *
 * Both pipes never block; poll waits. A child that is gone can leave its pipe open in the hands of a process that it
 * started, so its exit is looked for, too. May touch: processes, pipes, the log, the clock. */
#include "cli/child_talk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/shown.h"
#include "cli/child.h"
#include "cli/launcher_env.h"
#include "cli/orphans.h"
#include "comm/clock.h"

extern char **environ;

enum { LINE_MAX_BYTES = 1 << 20, LOOK_MS = 50, LAST_WORDS = 160 };

struct ht_talk {
    ht_child *child;
    int to, from;       /* -1 = closed */
    bool over;          /* nothing more can be asked */
    ht_orphans orphans;
    char *log;
    char *heard;        /* [LINE_MAX_BYTES + 1], of which n are an answer that is not complete */
    size_t n;
};

/* ---- starting -------------------------------------------------------------------------------- */

static void free_env(char **env)
{
    for (size_t i = 0; env != NULL && env[i] != NULL; i++)
        free(env[i]);
    free(env);
}

static bool is_ours(const char *entry)
{
    return strncmp(entry, "HOTTUNE_CHILD_", 14) == 0 || strncmp(entry, "HOTTUNE_REPLICA=", 16) == 0;
}

static char **make_env(int replica)
{
    size_t n = 0, at = 0;
    while (environ[n] != NULL)
        n++;
    char **env = calloc(n + 4, sizeof *env), text[64];
    bool fine = env != NULL;
    for (size_t i = 0; fine && i < n; i++)
        if (!ht_launcher_env_has(environ[i]) && !is_ours(environ[i]))
            fine = (env[at++] = strdup(environ[i])) != NULL;
    const struct {
        const char *name;
        int value;
    } more[] = {{"HOTTUNE_CHILD_IN", HT_CHILD_FD_IN}, {"HOTTUNE_CHILD_OUT", HT_CHILD_FD_OUT}, {"HOTTUNE_REPLICA", replica}};
    for (size_t i = 0; fine && i < 3; i++) {
        snprintf(text, sizeof text, "%s=%d", more[i].name, more[i].value);
        fine = (env[at++] = strdup(text)) != NULL;
    }
    if (!fine)
        free_env(env);
    return fine ? env : NULL;
}

/* A child that has closed its end must not kill us with SIGPIPE. */
static void survive_broken_pipes(void)
{
    signal(SIGPIPE, SIG_IGN);
}

ht_status ht_talk_start(char *const *argv, int replica, const char *log, ht_talk **out, ht_error *err)
{
    ht_talk *t = calloc(1, sizeof *t);
    if (t == NULL)
        return ht_fail(err, HT_ENOMEM, "out of memory");
    *t = (ht_talk){.to = -1, .from = -1, .log = strdup(log), .heard = malloc(LINE_MAX_BYTES + 1)};
    char **env = make_env(replica);
    int output = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    ht_status st = t->log == NULL || t->heard == NULL || env == NULL ? ht_fail(err, HT_ENOMEM, "out of memory") : HT_OK;
    if (st == HT_OK && output < 0)
        st = ht_fail(err, HT_EIO, "cannot open '%s' for the output of %s: %s", log, argv[0], strerror(errno));
    survive_broken_pipes();
    ht_orphans_expect(&t->orphans);
    if (st == HT_OK)
        st = ht_child_start_talking(argv, env, output, &t->child, &t->to, &t->from, err);
    if (output >= 0)
        close(output);
    free_env(env);
    if (st == HT_OK)
        *out = t;
    else
        ht_talk_end(t, 0);
    return st;
}

/* ---- why it is over -------------------------------------------------------------------------- */

/* The last line of its output that is not blank, fit for a terminal. */
static void read_last_words(const ht_talk *t, ht_string *out)
{
    char tail[4 * LAST_WORDS + 1];
    int fd = open(t->log, O_RDONLY | O_CLOEXEC);
    off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
    off_t from = end > (off_t)sizeof tail - 1 ? end - (off_t)sizeof tail + 1 : 0;
    ssize_t n = fd >= 0 ? pread(fd, tail, sizeof tail - 1, from) : 0;
    if (fd >= 0)
        close(fd);
    while (n > 0 && strchr("\n\r \t", tail[n - 1]) != NULL)
        n--;
    ssize_t start = n;
    while (start > 0 && tail[start - 1] != '\n')
        start--;
    if (n > start)
        ht_shown_add_bytes(out, tail + start, (size_t)(n - start < LAST_WORDS ? n - start : LAST_WORDS));
}

/* It died: how, and what it said. */
static ht_status died(ht_talk *t, const char *asked, ht_error *err)
{
    ht_string words = {0};
    const ht_child_end *end = ht_child_end_of(t->child);
    t->over = true;
    read_last_words(t, &words);
    const char *said = ht_string_peek(&words);
    ht_status st = ht_fail(err, HT_EIO, "it %s %d when it was asked for %s%s%s",
                           end->by_signal ? "was killed by signal" : "ended with exit code", end->code, asked,
                           said[0] != '\0' ? "; it said: " : "", said);
    ht_string_release(&words);
    return st;
}

static ht_status closed(ht_talk *t, const char *asked, ht_error *err)
{
    /* most that close their end are about to be gone: then that is what should be told */
    for (int i = 0; i < 4; i++) {
        if (!ht_child_look(t->child, ht_clock_monotonic(), NULL, NULL))
            return died(t, asked, err);
        poll(NULL, 0, LOOK_MS);
    }
    t->over = true;
    return ht_fail(err, HT_EIO, "it closed its end of the conversation when it was asked for %s", asked);
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* @param events  POLLIN or POLLOUT */
static ht_status await(ht_talk *t, short events, double until, const char *asked, ht_error *err)
{
    struct pollfd p = {.fd = events == POLLIN ? t->from : t->to, .events = events};
    while (ht_clock_monotonic() < until) {  /* one that says a byte now and then is late, too */
        if (poll(&p, 1, LOOK_MS) > 0)
            return HT_OK;
        if (!ht_child_look(t->child, ht_clock_monotonic(), NULL, NULL))
            return poll(&p, 1, 0) > 0 && events == POLLIN && (p.revents & POLLIN) != 0 ? HT_OK : died(t, asked, err);
    }
    t->over = true;
    return ht_fail(err, HT_ETIMEOUT, "it gave no answer to %s in time", asked);
}

static ht_status say(ht_talk *t, const char *line, double until, const char *asked, ht_error *err)
{
    for (size_t left = strlen(line); left > 0;) {
        HT_TRY(await(t, POLLOUT, until, asked, err));
        ssize_t n = write(t->to, line, left);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return closed(t, asked, err);
        line += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    return HT_OK;
}

/* A whole line in t->heard, without its end. */
static ht_status hear(ht_talk *t, double until, const char *asked, ht_error *err)
{
    for (;;) {
        HT_TRY(await(t, POLLIN, until, asked, err));
        ssize_t n = read(t->from, t->heard + t->n, LINE_MAX_BYTES - t->n);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return closed(t, asked, err);
        const char *end = n > 0 ? memchr(t->heard + t->n, '\n', (size_t)n) : NULL;
        t->n += n > 0 ? (size_t)n : 0;
        t->over = end != NULL ? end != t->heard + t->n - 1 : t->n == LINE_MAX_BYTES;
        if (t->over)
            return ht_fail(err, HT_EFORMAT, end != NULL ? "it said more than one line when it was asked for %s"
                                                        : "its answer to %s is longer than 1 MiB", asked);
        if (end != NULL)
            return HT_OK;
    }
}

/* A text as it may be shown. */
static ht_status garbage(ht_talk *t, const char *asked, ht_error *err)
{
    ht_string shown = {0};
    ht_shown_add_cut(&shown, t->heard, 60);
    t->over = true;
    ht_status st = ht_fail(err, HT_EFORMAT, "its answer to %s is no JSON object with \"ok\": '%s'", asked, ht_string_peek(&shown));
    ht_string_release(&shown);
    return st;
}

static ht_status read_answer(ht_talk *t, const char *asked, cJSON **reply, ht_error *err)
{
    cJSON *o = NULL;
    ht_error why = {""};
    bool has_zero = memchr(t->heard, 0, t->n - 1) != NULL;
    t->heard[t->n - 1] = '\0';
    t->n = 0;
    ht_status st = has_zero ? HT_EFORMAT : ht_json_parse(t->heard, &o, NULL, &why);
    const cJSON *ok = cJSON_IsObject(o) ? ht_json_member(o, "ok") : NULL;
    if (st != HT_OK || !cJSON_IsBool(ok)) {
        cJSON_Delete(o);
        return st == HT_ENOMEM ? ht_fail(err, st, "out of memory") : garbage(t, asked, err);
    }
    if (!cJSON_IsTrue(ok)) {
        const char *words = ht_json_text(o, "error");
        ht_string shown = {0};
        ht_shown_add_cut(&shown, words != NULL ? words : "it does not say why", 2 * LAST_WORDS);
        st = ht_fail(err, HT_EREFUSED, "it could not do %s: %s", asked, ht_string_peek(&shown));
        ht_string_release(&shown);
        cJSON_Delete(o);
        return st;
    }
    *reply = o;
    return HT_OK;
}

static bool speaks(const ht_talk *t)
{
    struct pollfd p = {.fd = t->from, .events = POLLIN};
    return poll(&p, 1, 0) > 0 && (p.revents & POLLIN) != 0;
}

ht_status ht_talk_ask(ht_talk *t, cJSON *request, double patience_s, cJSON **reply, ht_error *err)
{
    char asked[32];
    const char *word = ht_json_text(request, "do");
    char *line = ht_json_line(request);
    ht_string text = {0};
    snprintf(asked, sizeof asked, "'%s'", word != NULL ? word : "");
    if (line != NULL)
        ht_string_add(&text, "%s\n", line);
    double until = ht_clock_monotonic() + patience_s;
    ht_status st = HT_OK;
    if (line == NULL || text.failed)
        st = ht_fail(err, HT_ENOMEM, "out of memory");
    else if (t->over)
        st = ht_fail(err, HT_EIO, "the conversation is over");
    else if (speaks(t)) {
        t->over = true;
        st = ht_fail(err, HT_EFORMAT, "it spoke without being asked, before %s", asked);
    }
    if (st == HT_OK)
        st = say(t, text.s, until, asked, err);
    if (st == HT_OK)
        st = hear(t, until, asked, err);
    if (st == HT_OK)
        st = read_answer(t, asked, reply, err);
    ht_string_release(&text);
    free(line);
    cJSON_Delete(request);
    return st;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* The question, and the end of the pipe, which a child that only reads lines understands as well. */
static void ask_to_stop(ht_talk *t)
{
    static const char line[] = "{\"do\":\"stop\"}\n";
    ssize_t ignored = t->to >= 0 && !t->over ? write(t->to, line, sizeof line - 1) : 0;
    (void)ignored;
    shut(&t->to);
}

void ht_talk_end(ht_talk *t, double grace_s)
{
    if (t == NULL)
        return;
    if (t->child != NULL) {
        ask_to_stop(t);
        ht_nap nap = {0};
        double began = ht_clock_monotonic(), now = began;
        while (ht_child_look(t->child, now, NULL, NULL)) {
            if (now >= began + grace_s || t->over)
                ht_child_stop(t->child, now, grace_s);
            ht_nap_take(&nap);
            now = ht_clock_monotonic();
        }
        ht_child_destroy(t->child);
        ht_orphans_end(&t->orphans);
    }
    shut(&t->to);
    shut(&t->from);
    free(t->heard);
    free(t->log);
    free(t);
}
