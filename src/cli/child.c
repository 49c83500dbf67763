/* src/cli/child.c - child processes; the contract is in child.h.
 *
 * The input is written into its pipe before the fork: it fits, so nobody waits and there is no SIGPIPE. A pipe that
 * closes on exec tells whether exec worked. The command's exit is seen first without being collected, its group is
 * killed while its number is still its own, then it is collected. May touch: processes, pipes, signals of others. */
#define _GNU_SOURCE /* pipe2, closefrom, prctl */
#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "comm/clock.h"

enum { LINE_MAX_BYTES = 65536, INPUT_MAX = 60 * 1024, READS_MAX = 64 };
enum { REPORT = 5 };    /* where the child has the pipe that tells whether exec worked */

/* One of its outputs, cut into lines. */
typedef struct {
    int fd;             /* -1 = closed */
    size_t n;
    bool cut;           /* the rest of this line is dropped */
    char *text;         /* [LINE_MAX_BYTES + 1], owned */
} stream;

struct ht_child {
    pid_t pid;
    bool ended;
    double kill_at;     /* when SIGKILL follows; < 0 = it was not told to end */
    stream out, err;
    ht_child_end end;
};

/* ---- starting ------------------------------------------------------------------------------- */

/* What the command's outputs are: pipes to us; our own outputs; a file, beside two pipes for a conversation. */
typedef enum { HEARD, BESIDE, TALKING } manner;

typedef struct {
    int in[2], out[2], err[2], report[2], to[2], from[2];
    int file;           /* borrowed; -1 = none */
} pipes;

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_pipes(pipes *p)
{
    int *all[] = {p->in, p->out, p->err, p->report, p->to, p->from};
    for (int i = 0; i < 6; i++) {
        shut(&all[i][0]);
        shut(&all[i][1]);
    }
}

static bool make_pipes(pipes *p, manner m, int file)
{
    int *const none[] = {NULL}, *const heard[] = {p->out, p->err, NULL}, *const talks[] = {p->to, p->from, NULL};
    int *const *const more = m == HEARD ? heard : m == TALKING ? talks : none;
    *p = (pipes){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, file};
    if (pipe2(p->in, O_CLOEXEC) != 0 || pipe2(p->report, O_CLOEXEC) != 0)
        return false;
    for (int i = 0; more[i] != NULL; i++)
        if (pipe2(more[i], O_CLOEXEC) != 0)
            return false;
    return true;
}

static void close_others(void)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
    closefrom(REPORT + 1);
#else
    long most = sysconf(_SC_OPEN_MAX);
    for (int fd = REPORT + 1; fd < (most > 0 && most < 65536 ? (int)most : 65536); fd++)
        close(fd);
#endif
}

static void fresh_signals(void)
{
    sigset_t none;
    for (int i = 1; i < NSIG; i++)
        signal(i, SIG_DFL); /* refused for some: those cannot have been changed */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A copy out of the way of the numbers that the command will have; -1 of what is not open. */
static int moved(int fd)
{
    return fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 16) : -1;
}

/* In the command this file has this number; without one the number is free. */
static bool settle(int fd, int number)
{
    if (fd >= 0)
        return dup2(fd, number) == number;
    close(number);
    return true;
}

/* In the child: nothing but calls that are safe after a fork. Outputs without a pipe or file stay ours; such a command,
 * a launcher say, has others to end and is asked to, should we die. */
static void become(const pipes *p, pid_t parent, char *const *argv, char *const *env)
{
    setpgid(0, 0);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, p->out[1] >= 0 || p->file >= 0 ? SIGKILL : SIGTERM);
    if (getppid() != parent)
        _exit(127);
#else
    (void)parent;
#endif
    int report = moved(p->report[1]), in = moved(p->in[0]), hears = moved(p->to[0]), says = moved(p->from[1]);
    int out = moved(p->out[1] >= 0 ? p->out[1] : p->file >= 0 ? p->file : 1);
    int err = moved(p->err[1] >= 0 ? p->err[1] : p->file >= 0 ? p->file : 2);
    if (report >= 0 && settle(in, 0) && settle(out, 1) && settle(err, 2) && settle(hears, HT_CHILD_FD_IN) &&
        settle(says, HT_CHILD_FD_OUT) && dup3(report, REPORT, O_CLOEXEC) == REPORT) {
        close_others();
        report = REPORT;
        fresh_signals();
        execvpe(argv[0], argv, env);
    }
    int why = errno;
    ssize_t written = write(report, &why, sizeof why);
    _exit(written == sizeof why ? 127 : 126);
}

static bool open_stream(stream *s, int *fd)
{
    s->text = malloc(LINE_MAX_BYTES + 1);
    s->fd = *fd;
    *fd = -1;
    return s->text != NULL && fcntl(s->fd, F_SETFL, O_NONBLOCK) == 0;
}

/* Why exec failed; 0 = it did not. Ends when the child has become the command. */
static int hear_exec(int fd)
{
    int why = 0;
    ssize_t n;
    do
        n = read(fd, &why, sizeof why);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof why ? why : 0;
}

/* Our ends of the conversation. */
static bool take_ends(pipes *p, int *to, int *from)
{
    *to = p->to[1];
    *from = p->from[0];
    p->to[1] = p->from[0] = -1;
    return fcntl(*to, F_SETFL, O_NONBLOCK) == 0 && fcntl(*from, F_SETFL, O_NONBLOCK) == 0;
}

/* @param file, to, from  of a command that talks */
static ht_status start(char *const *argv, char *const *env, const char *input, manner m, int file, int *to, int *from,
                       ht_child **out, ht_error *err)
{
    size_t n = strlen(input);
    pipes p;
    ht_status st = HT_OK;
    if (n > INPUT_MAX)
        return ht_fail(err, HT_EINVAL, "the parameters are too long to be passed on stdin: %zu bytes", n);
    ht_child *c = calloc(1, sizeof *c);
    if (c == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a child process");
    *c = (ht_child){.pid = -1, .kill_at = -1, .out.fd = -1, .err.fd = -1};
    if (!make_pipes(&p, m, file) || write(p.in[1], input, n) != (ssize_t)n ||
        (m == HEARD && (!open_stream(&c->out, &p.out[0]) || !open_stream(&c->err, &p.err[0]))) ||
        (m == TALKING && !take_ends(&p, to, from))) {
        st = ht_fail(err, HT_EIO, "cannot make pipes for '%s': %s", argv[0], strerror(errno));
        goto done;
    }
    pid_t parent = getpid();
    c->pid = fork();
    if (c->pid == 0)
        become(&p, parent, argv, env);
    if (c->pid < 0) {
        st = ht_fail(err, HT_EIO, "cannot start a process for '%s': %s", argv[0], strerror(errno));
        goto done;
    }
    setpgid(c->pid, c->pid); /* whoever comes first; after exec it is refused and done already */
    shut(&p.report[1]);
    int why = hear_exec(p.report[0]);
    if (why != 0) {
        st = ht_fail(err, HT_ENOTFOUND, "'%s' cannot be started: %s", argv[0], strerror(why));
        goto done;
    }
    *out = c;
    c = NULL;
done:
    close_pipes(&p);
    ht_child_destroy(c);
    return st;
}

ht_status ht_child_start(char *const *argv, char *const *env, const char *input, ht_child **out, ht_error *err)
{
    return start(argv, env, input, HEARD, -1, NULL, NULL, out, err);
}

ht_status ht_child_start_beside(char *const *argv, char *const *env, ht_child **out, ht_error *err)
{
    return start(argv, env, "", BESIDE, -1, NULL, NULL, out, err);
}

ht_status ht_child_start_talking(char *const *argv, char *const *env, int output, ht_child **out, int *to, int *from,
                                 ht_error *err)
{
    *to = *from = -1;
    ht_status st = start(argv, env, "", TALKING, output, to, from, out, err);
    if (st != HT_OK) {
        shut(to);
        shut(from);
    }
    return st;
}

void ht_child_signal(const ht_child *c, int number)
{
    if (!c->ended)
        kill(c->pid, number);
}

/* ---- hearing -------------------------------------------------------------------------------- */

static void flush_line(stream *s, void (*line)(void *ctx, const char *text), void *ctx)
{
    s->text[s->n] = 0;
    line(ctx, s->text);
    s->n = 0;
    s->cut = false;
}

static void cut_lines(stream *s, const char *bytes, size_t n, void (*line)(void *ctx, const char *text), void *ctx)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n')
            flush_line(s, line, ctx);
        else if (s->n < LINE_MAX_BYTES && !s->cut)
            s->text[s->n++] = bytes[i] != 0 ? bytes[i] : ' ';
        else
            s->cut = true;
    }
}

/* What is there now, but not for ever: a command that never stops talking must not keep us. */
static void hear(stream *s, void (*line)(void *ctx, const char *text), void *ctx)
{
    char bytes[16384];
    for (int i = 0; i < READS_MAX && s->fd >= 0; i++) {
        ssize_t n = read(s->fd, bytes, sizeof bytes);
        if (n > 0)
            cut_lines(s, bytes, (size_t)n, line, ctx);
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
            shut(&s->fd);
        else if (errno == EAGAIN)
            return;
    }
}

static void keep_last_words(void *ctx, const char *text)
{
    ht_child *c = ctx;
    if (text[strspn(text, " \t\r")] != 0)
        snprintf(c->end.last_words, sizeof c->end.last_words, "%s", text);
}

/* ---- ending --------------------------------------------------------------------------------- */

void ht_child_stop(ht_child *c, double now, double grace_s)
{
    if (c->ended || c->kill_at >= 0)
        return;
    c->kill_at = now + grace_s;
    kill(-c->pid, SIGTERM);
    kill(-c->pid, SIGCONT); /* a stopped process could not hear it */
}

/* The command has exited: its group goes, it is collected. */
static void collect(ht_child *c)
{
    int status = 0;
    kill(-c->pid, SIGKILL);
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    c->ended = true;
    c->end.by_signal = WIFSIGNALED(status);
    c->end.code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static bool has_exited(const ht_child *c)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == c->pid;
}

bool ht_child_look(ht_child *c, double now, void (*line)(void *ctx, const char *text), void *ctx)
{
    if (c->ended)
        return false;
    if (c->kill_at >= 0 && now >= c->kill_at)
        kill(-c->pid, SIGKILL);
    bool exited = has_exited(c); /* before we hear: what it said before is in the pipes */
    if (exited)
        collect(c);
    hear(&c->out, line, ctx);
    hear(&c->err, keep_last_words, c);
    if (!exited)
        return true;
    if (c->out.n > 0)
        flush_line(&c->out, line, ctx);
    if (c->err.n > 0)
        flush_line(&c->err, keep_last_words, c);
    return false;
}

const ht_child_end *ht_child_end_of(const ht_child *c)
{
    return &c->end;
}

void ht_child_destroy(ht_child *c)
{
    if (c == NULL)
        return;
    if (c->pid > 0 && !c->ended) {
        kill(-c->pid, SIGKILL);
        kill(c->pid, SIGKILL);
        collect(c);
    }
    shut(&c->out.fd);
    shut(&c->err.fd);
    free(c->out.text);
    free(c->err.text);
    free(c);
}

int ht_child_run(char *const *argv, char *const *env, double patience_s, void (*line)(void *ctx, const char *text),
                 void *ctx, ht_error *err)
{
    ht_child *child = NULL;
    ht_nap nap = {0};
    if (ht_child_start(argv, env, "", &child, err) != HT_OK)
        return HT_CHILD_NOT_STARTED;
    const double began = ht_clock_monotonic();
    bool runs;
    while ((runs = ht_child_look(child, ht_clock_monotonic(), line, ctx)) &&
           ht_clock_monotonic() - began < patience_s)
        ht_nap_take(&nap);
    int code = runs ? HT_CHILD_LATE : child->end.by_signal ? 128 + child->end.code : child->end.code;
    if (runs)
        ht_fail(err, HT_ETIMEOUT, "%s: no answer in %.0f seconds", argv[0], patience_s);
    else if (code != 0 && child->end.last_words[0] == '\0')
        ht_fail(err, HT_EREFUSED, "%s ended with exit code %d", argv[0], code);
    else if (code != 0)
        ht_fail(err, HT_EREFUSED, "%s: %s", argv[0], child->end.last_words);
    ht_child_destroy(child);
    return code;
}
