/* src/cli/cli.c - messages, exit codes and the run directory; the contract is in cli.h.
 *
 * May touch: stdout, stderr, files by way of the store. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/shown.h"
#include "cli/cli.h"
#include "store/run_dir.h"

/* A text that may hold what a file says, in several lines. */
static void print_shown(FILE *to, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = n >= 0 ? malloc((size_t)n + 1) : NULL;
    if (text == NULL)
        return;
    vsnprintf(text, (size_t)n + 1, format, args);
    ht_cli_relay(to, text);
    free(text);
}

int ht_cli_fail(const ht_cli *cli, int code, const char *format, ...)
{
    if (cli->muted)
        return code;
    va_list args;
    va_start(args, format);
    fflush(stdout);
    fputs("hottune: ", stderr);
    print_shown(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return code;
}

void ht_cli_relay(FILE *to, const char *text)
{
    ht_string shown = {0};
    ht_shown_add_lines(&shown, text);
    fputs(ht_string_peek(&shown), to);
    ht_string_release(&shown);
}

/* Only line feeds of the format end a line. */
static void print_in_lines(FILE *to, const char *format, va_list args)
{
    ht_string text = {0};
    ht_shown_add_format(&text, format, args);
    fputs(ht_string_peek(&text), to);
    ht_string_release(&text);
}

/* A live line of progress may stand where this is to be printed; at the begin of a line this clears nothing. */
static void clear_line(void)
{
    const char *term = getenv("TERM");
    if (isatty(STDOUT_FILENO) && isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0)
        fputs("\r\033[K", stderr);
}

void ht_cli_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fflush(stdout);
    clear_line();
    print_in_lines(stderr, format, args);
    va_end(args);
    fflush(stderr);
}

void ht_cli_print(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_in_lines(stdout, format, args);
    va_end(args);
}

int ht_exit_of(ht_status status)
{
    switch (status) {
    case HT_OK:
        return HT_EXIT_DONE;
    case HT_EINVAL:
    case HT_EFORMAT:
    case HT_ENOTFOUND:
    case HT_EREFUSED:
        return HT_EXIT_USAGE;
    default:
        return HT_EXIT_FAILED;
    }
}

int ht_cli_fail_status(const ht_cli *cli, ht_status status, const ht_error *err)
{
    return ht_cli_fail(cli, ht_exit_of(status), "%s", err->text[0] != 0 ? err->text : ht_status_text(status));
}

void ht_cli_say(const ht_cli *cli, const char *format, ...)
{
    if (cli->quiet || cli->json || cli->muted)
        return;
    va_list args;
    va_start(args, format);
    print_shown(stdout, format, args);
    va_end(args);
    fflush(stdout); /* in the file of a batch job, too, it is read while the program goes on */
}

void ht_cli_print_json(const ht_cli *cli, cJSON *object)
{
    char *text = cli->json && !cli->muted ? ht_json_page(object) : NULL;
    if (text != NULL)
        ht_cli_print_json_text(text);
    free(text);
    cJSON_Delete(object);
}

void ht_cli_print_json_text(const char *text)
{
    ht_string shown = {0};
    ht_shown_add_json(&shown, text);
    fputs(ht_string_peek(&shown), stdout);
    ht_string_release(&shown);
}

int ht_cli_dir(const ht_cli *cli, const char **dir)
{
    struct stat s;
    *dir = cli->dir != NULL ? cli->dir : ".";
    if (stat(*dir, &s) != 0)
        return ht_cli_fail(cli, HT_EXIT_USAGE,
                           "directory '%s': there is none; 'hottune --dir %s init' makes one", *dir, *dir);
    if (!S_ISDIR(s.st_mode))
        return ht_cli_fail(cli, HT_EXIT_USAGE, "directory '%s': this is a file; name a run directory", *dir);
    return HT_EXIT_DONE;
}

int ht_cli_make_dir(const ht_cli *cli, const char *dir)
{
    ht_error err = {""};
    ht_status st = ht_run_dir_create(dir, &err);
    return st == HT_OK ? HT_EXIT_DONE : ht_cli_fail_status(cli, st, &err);
}

int ht_cli_path(const ht_cli *cli, const char *dir, const char *name, char **path)
{
    *path = ht_path_join(dir, name);
    return *path != NULL ? HT_EXIT_DONE : ht_cli_fail(cli, HT_EXIT_FAILED, "out of memory");
}

int ht_cli_check_mode(const ht_cli *cli, const char *mode, const char *replay)
{
    static const char *const modes[] = {"off", "observe", "suggest", "active", "replay"};
    enum { N = sizeof modes / sizeof *modes };
    ht_mode parsed;
    bool known = mode == NULL || ht_mode_parse(mode, &parsed);
    const char *near = known ? NULL : ht_nearest(mode, modes, N);
    if (!known && near != NULL)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "--mode: '%s' is no mode; nearest is '%s'", mode, near);
    if (!known)
        return ht_cli_fail(cli, HT_EXIT_USAGE,
                           "--mode: '%s' is no mode; it is one of off, observe, suggest, "
                           "active, replay",
                           mode);
    bool replays = mode != NULL && strcmp(mode, "replay") == 0;
    if (replays && replay == NULL)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "--mode replay: no log is given; add --replay FILE");
    if (!replays && replay != NULL)
        return ht_cli_fail(cli, HT_EXIT_USAGE, "--replay is for mode replay; add --mode replay");
    return HT_EXIT_DONE;
}

/* A pipe or a device, such as /dev/stdout: written to, never replaced. */
static ht_status write_through(const char *path, const ht_string *text, ht_error *err)
{
    FILE *f = fopen(path, "w");
    bool fine = f != NULL && fwrite(ht_string_peek(text), 1, text->n, f) == text->n;
    int why = errno;
    if (f != NULL && fclose(f) != 0 && fine) {
        fine = false;
        why = errno;
    }
    return fine ? HT_OK : ht_fail(err, HT_EIO, "cannot write '%s': %s", path, strerror(why));
}

int ht_cli_write(const ht_cli *cli, const char *path, const ht_string *text)
{
    struct stat s;
    ht_error err = {""};
    if (text->failed)
        return ht_cli_fail(cli, HT_EXIT_FAILED, "out of memory");
    bool through = stat(path, &s) == 0 && !S_ISREG(s.st_mode) && !S_ISDIR(s.st_mode);
    ht_status st = through ? write_through(path, text, &err)
                           : ht_file_replace(path, ht_string_peek(text), text->n, &err);
    return st == HT_OK ? HT_EXIT_DONE : ht_cli_fail_status(cli, st, &err);
}
