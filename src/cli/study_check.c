/* src/cli/study_check.c - the verb `study check`: whether studies and run directories are whole.
 *
 * HDF5 may crash or hang on a damaged file, so each file of that kind is read by a child process, which tells
 * what it finds as JSON lines. One that dies, computes for CPU_S seconds or says nothing for SILENCE_S
 * seconds is a finding. May touch: stdout, child processes; reads the files that are named. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/shown.h"
#include "cli/study_runs.h"
#include "store/champion.h"
#include "store/run_check.h"
#include "store/run_dir.h"
#include "store/seal.h"
#include "store/study_check.h"

enum { CPU_S = 8, SILENCE_S = 60, LINE_MAX_BYTES = 1 << 16 };

/* What was found so far, of all files. */
typedef struct {
    const ht_cli *cli;
    const char *file;        /* that is checked */
    cJSON *all;              /* for --json: an object a finding */
    size_t objects, damaged; /* of this file */
    ht_error *first;         /* not NULL: print nothing, keep the first damage here */
} findings;

static void take_finding(void *ctx, ht_check_verdict verdict, const char *object, const char *what)
{
    static const char *const words[] = {"whole", "note", "damaged"};
    findings *f = ctx;
    f->objects++;
    f->damaged += verdict == HT_CHECK_DAMAGED;
    if (f->first != NULL) {
        if (verdict == HT_CHECK_DAMAGED && f->damaged == 1)
            ht_fail(f->first, HT_EFORMAT, "%.120s%s%.100s", object, object[0] != '\0' ? ": " : "", what);
    } else if (f->cli->json) {
        cJSON *o = cJSON_CreateObject();
        ht_json_put_text(o, "file", f->file);
        ht_json_put_text(o, "object", object);
        ht_json_put_text(o, "verdict", words[verdict]);
        ht_json_put_text(o, "what", what);
        cJSON_AddItemToArray(f->all, o);
    } else if (verdict != HT_CHECK_WHOLE || !f->cli->quiet) {
        ht_string line = {0};
        ht_string_add(&line, "  %-8s ", words[verdict]);
        ht_shown_add(&line, object);
        ht_string_add(&line, object[0] != '\0' ? ": " : "");
        ht_shown_add(&line, what);
        puts(ht_string_peek(&line));
        ht_string_release(&line);
    }
}

/* ---- in the child ----------------------------------------------------------------------------------- */

/* CPU_S more seconds from now on: they are counted by the processor, so a busy machine does not end a check.
 */
static void go_on(void)
{
    struct rusage used;
    struct rlimit limit;
    if (getrusage(RUSAGE_SELF, &used) != 0 || getrlimit(RLIMIT_CPU, &limit) != 0)
        return;
    limit.rlim_cur = (rlim_t)used.ru_utime.tv_sec + (rlim_t)used.ru_stime.tv_sec + CPU_S;
    setrlimit(RLIMIT_CPU, &limit);
}

static void send_line(int fd, cJSON *o)
{
    go_on();
    char *line = ht_json_line(o);
    size_t n = line != NULL ? strlen(line) : 0;
    if (line != NULL)
        line[n++] = '\n'; /* in the place of the final 0 */
    for (size_t at = 0; at < n;) {
        ssize_t sent = write(fd, line + at, n - at);
        if (sent <= 0 && errno != EINTR)
            _exit(HT_EXIT_FAILED);
        at += sent > 0 ? (size_t)sent : 0;
    }
    free(line);
    cJSON_Delete(o);
}

static void send_finding(void *ctx, ht_check_verdict verdict, const char *object, const char *what)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_int(o, "verdict", verdict);
    ht_json_put_text(o, "object", object);
    ht_json_put_text(o, "what", what);
    send_line(*(const int *)ctx, o);
}

static void send_sign(void *ctx)
{
    send_line(*(const int *)ctx, cJSON_CreateObject());
}

static void check_in_child(const char *path, int fd)
{
    const ht_check_sink sink = {send_finding, send_sign, &fd};
    go_on();
    ht_error err = {""};
    ht_status st = ht_study_check(path, &sink, &err);
    cJSON *o = cJSON_CreateObject();
    ht_json_put_int(o, "status", st);
    ht_json_put_text(o, "message", err.text);
    send_line(fd, o);
    _exit(HT_EXIT_DONE); /* no exit handlers: HDF5 complains of what damage left open */
}

/* ---- in the parent ---------------------------------------------------------------------------------- */

/* What the child says until it ends. */
typedef struct {
    findings *f;
    ht_status status;
    bool ended; /* it came to its end */
    ht_error *err;
} listener;

static void take_line(listener *l, const char *line)
{
    cJSON *o = NULL;
    if (ht_json_parse(line, &o, NULL, NULL) != HT_OK)
        return;
    if (cJSON_IsNumber(ht_json_member(o, "status"))) {
        l->ended = true;
        l->status = (ht_status)ht_json_number(o, "status", HT_EFORMAT);
        if (l->status != HT_OK)
            ht_fail(l->err, l->status, "%s", ht_json_text(o, "message"));
    } else if (ht_json_text(o, "object") != NULL && ht_json_text(o, "what") != NULL) {
        take_finding(l->f, (ht_check_verdict)ht_json_number(o, "verdict", HT_CHECK_DAMAGED),
                     ht_json_text(o, "object"), ht_json_text(o, "what"));
    }
    cJSON_Delete(o);
}

/* @return false: it fell silent */
static bool listen_to(int fd, listener *l)
{
    ht_string held = {0};
    char block[4096], *end;
    bool speaks = true;
    for (;;) {
        struct pollfd p = {fd, POLLIN, 0};
        int ready = poll(&p, 1, SILENCE_S * 1000);
        ssize_t n = ready > 0 ? read(fd, block, sizeof block) : -1;
        if (n < 0 && errno == EINTR && ready != 0)
            continue;
        speaks = ready != 0;
        if (n <= 0)
            break;
        ht_string_add_bytes(&held, block, (size_t)n);
        while (held.n > 0 && (end = strchr(held.s, '\n')) != NULL) {
            *end = '\0';
            take_line(l, held.s);
            held.n -= (size_t)(end + 1 - held.s);
            memmove(held.s, end + 1, held.n + 1);
        }
        if (held.n > LINE_MAX_BYTES)
            break;
    }
    ht_string_release(&held);
    return speaks;
}

static ht_status check_hdf5(findings *f, const char *path, ht_error *err)
{
    int ends[2], status = 0;
    listener l = {f, HT_EFORMAT, false, err};
    fflush(stdout);
    if (pipe(ends) != 0)
        return ht_fail(err, HT_EIO, "cannot make a pipe: %s", strerror(errno));
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        check_in_child(path, ends[1]);
    }
    close(ends[1]);
    bool speaks = child > 0 && listen_to(ends[0], &l);
    close(ends[0]);
    if (child < 0)
        return ht_fail(err, HT_EIO, "cannot start a process: %s", strerror(errno));
    if (!speaks)
        kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!l.ended) {
        char what[128];
        int signal = speaks && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        if (!speaks || signal == SIGXCPU)
            snprintf(what, sizeof what, "HDF5 does not come back from what follows the last object above");
        else
            snprintf(what, sizeof what, "HDF5 breaks down behind the last object above (signal %d)", signal);
        take_finding(f, HT_CHECK_DAMAGED, "", what);
        return ht_fail(err, HT_EFORMAT, "'%s' is damaged", path);
    }
    return l.status;
}

ht_status ht_study_check_unsealed(const ht_cli *cli, const char *path, ht_error *err)
{
    ht_error first = {""};
    findings f = {.cli = cli, .file = path, .first = &first};
    if (ht_seal_is_there(path) || !ht_file_look(path).exists)
        return HT_OK;
    ht_status st = check_hdf5(&f, path, err);
    if (f.damaged > 0)
        return ht_fail(err, HT_EFORMAT, "study '%s' is damaged: %s; 'hottune study check' tells more", path,
                       first.text);
    if (st == HT_OK)
        ht_cli_fail(
            cli, HT_EXIT_DONE,
            "warning: '%s' carries no checksum any more: another program changed it, or its end is gone, and "
            "not all "
            "damage can be found; if you know that it is right, 'hottune study upgrade' gives it a new one",
            path);
    return st;
}

/* ---- files and directories -------------------------------------------------------------------------- */

static bool is_hdf5(const char *path)
{
    size_t n = strlen(path);
    char head[4] = "";
    FILE *file = fopen(path, "rb");
    bool yes =
        file != NULL && fread(head, 1, sizeof head, file) == sizeof head && memcmp(head, "\211HDF", 4) == 0;
    if (file != NULL)
        fclose(file);
    return yes || (n > 3 && strcmp(path + n - 3, ".h5") == 0);
}

static void begin(findings *f, const char *path)
{
    ht_string line = {0};
    f->file = path;
    f->objects = f->damaged = 0;
    ht_shown_add(&line, path);
    if (!f->cli->json)
        printf("%s\n", ht_string_peek(&line));
    ht_string_release(&line);
}

/* @return the exit code that the file gives */
static int end(const findings *f, ht_status st, const ht_error *err)
{
    if (st == HT_ENOTFOUND || st == HT_EINVAL)
        return ht_cli_fail(f->cli, HT_EXIT_USAGE, "%s", err->text);
    if (st != HT_OK && f->damaged == 0)
        return ht_cli_fail(f->cli, HT_EXIT_FAILED, "%s", err->text);
    if (!f->cli->json)
        printf("  %s\n", f->damaged == 0 ? "=> whole" : "=> damaged");
    return f->damaged == 0 ? HT_EXIT_DONE : HT_EXIT_FAILED;
}

static int check_one(findings *f, const char *path)
{
    ht_error err = {""};
    const ht_check_sink sink = {take_finding, NULL, f};
    begin(f, path);
    ht_status st = is_hdf5(path) ? check_hdf5(f, path, &err) : ht_run_check_file(path, false, &sink, &err);
    return end(f, st, &err);
}

static int worse(int a, int b)
{
    return a > b ? a : b;
}

/* Files of a run directory that are HDF5, which are there. */
static ht_status hdf5_of(const char *dir, ht_study_names *out, ht_error *err)
{
    static const char *const names[] = {HT_FILE_STUDY, HT_FILE_CHAMPION};
    char *parts = ht_path_join(dir, "study.parts");
    bool fine = parts != NULL;
    for (size_t i = 0; fine && i < sizeof names / sizeof *names; i++)
        fine = ht_study_add_existing(out, dir, names[i]);
    fine = fine && ht_study_add_below(out, parts, ".h5");
    free(parts);
    return fine ? HT_OK : ht_fail(err, HT_ENOMEM, "out of memory");
}

static int check_directory(findings *f, const char *dir)
{
    ht_study_names files = {0};
    ht_study_file *study = NULL;
    ht_error err = {""};
    int code = HT_EXIT_DONE;
    ht_status st = hdf5_of(dir, &files, &err);
    for (size_t i = 0; st == HT_OK && i < files.n; i++) {
        int one = check_one(f, files.names[i]);
        if (i == 0 && one == HT_EXIT_DONE &&
            strcmp(files.names[i] + strlen(files.names[i]) - strlen(HT_FILE_STUDY), HT_FILE_STUDY) == 0)
            st = ht_study_file_open(files.names[i], &study, &err);
        code = worse(code, one);
    }
    const ht_check_sink sink = {take_finding, NULL, f};
    begin(f, dir);
    if (st == HT_OK)
        st = ht_run_check(dir, study, &sink, &err);
    if (st == HT_OK && f->objects == 0 && files.n == 0)
        st = ht_fail(&err, HT_ENOTFOUND, "'%s' has no file of a run", dir);
    code = worse(code, end(f, st, &err));
    ht_study_file_close(study);
    ht_study_names_release(&files);
    return code;
}

int ht_verb_study_check(const ht_cli *cli, const ht_args *args)
{
    findings f = {.cli = cli, .all = cJSON_CreateArray()};
    int code = HT_EXIT_DONE;
    for (size_t i = 0; i < args->n_words; i++) {
        struct stat s;
        bool is_dir = stat(args->words[i], &s) == 0 && S_ISDIR(s.st_mode);
        code = worse(code, is_dir ? check_directory(&f, args->words[i]) : check_one(&f, args->words[i]));
    }
    ht_cli_print_json(cli, f.all);
    return code;
}
