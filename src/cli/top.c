/* src/cli/top.c - the verb `top`: a live picture of a run, and keys that steer it.
 *
 * Looks at the files once a second, or as --every says; keys are answered at once. What a key asks of the run
 * is what the verbs enable, disable and freeze ask. May touch: the terminal, the clock, LC_CTYPE; the command
 * file and the freeze file, by keys; reads the run directory. */
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/campaign.h"
#include "cli/command.h"
#include "cli/top_draw.h"
#include "cli/top_files.h"
#include "comm/clock.h"
#include "store/run_dir.h"

typedef enum { NOTHING, MODE, FREEZE, THAW } question;

typedef struct {
    const char *dir;
    ht_top_files files;
    ht_top_model model;
    ht_top_view view;
    question asks;
    char message[256];
    double message_until; /* on the monotonic clock; < 0: until the next key */
    size_t answers;       /* of the run, when a command was sent */
    bool waits;           /* for its answer */
    char mode[16];        /* in force before a pause */
    bool ends;
} top;

static const double message_s = 8;

static void say(top *t, const char *format, ...) HT_PRINTF(2, 3);
static void say(top *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(t->message, sizeof t->message, format, args);
    va_end(args);
    t->message_until = ht_clock_monotonic() + message_s;
}

/* ---- looking --------------------------------------------------------------------------------- */

static bool look(top *t)
{
    bool all = ht_top_files_look(&t->files, &t->model);
    ht_top_view *v = &t->view;
    v->now = ht_clock_wall();
    v->share = all ? 1 : ht_top_files_share(&t->files);
    v->trouble = t->files.trouble.text;
    if (t->model.mode[0] != '\0' && !ht_top_is_paused(&t->model))
        snprintf(t->mode, sizeof t->mode, "%s", t->model.mode);
    if (t->waits && t->asks == NOTHING && t->model.answers > t->answers) {
        say(t, "the run answered: %s", t->model.answer);
        t->waits = false;
    }
    return all;
}

static int print_once(top *t)
{
    ht_top_screen screen;
    while (!look(t))
        ;
    ht_top_screen_make(&t->model, &t->view, &screen);
    for (size_t i = 0; i < screen.n; i++) {
        const char *text = ht_string_peek(&screen.lines[i].text);
        size_t n = screen.lines[i].text.n;
        while (n > 0 && text[n - 1] == ' ')
            n--;
        printf("%.*s\n", (int)n, text);
    }
    bool failed = screen.failed;
    ht_top_screen_release(&screen);
    return failed ? HT_EXIT_FAILED : HT_EXIT_DONE;
}

/* ---- what keys ask --------------------------------------------------------------------------- */

/* Steering a run that is over makes no sense: that is said. */
static bool can_steer(top *t)
{
    static const char *const texts[] = {[HT_RUN_NONE] = "no run began here yet: nothing to steer",
                                        [HT_RUN_ENDED] = "the run has ended: nothing to steer",
                                        [HT_RUN_KILLED] = "the run does not live any more: nothing to steer"};
    if (t->model.sign.life == HT_RUN_LIVES)
        return true;
    say(t, "%s", texts[t->model.sign.life]);
    return false;
}

/* Takes `params`. */
static void ask(top *t, const char *op, cJSON *params, const char *words)
{
    ht_error err = {""};
    size_t answers = t->model.answers;
    if (ht_command_ask(t->dir, op, params, NULL, &err) != HT_OK) {
        say(t, "%s", err.text);
        return;
    }
    t->answers = answers;
    t->waits = true;
    say(t, "asked the run to %s; it answers at its next safe point%s", words,
        t->model.freeze[0] != '\0' ? " (it is frozen and may refuse)" : "");
}

static void ask_mode(top *t, const char *mode)
{
    char words[64];
    cJSON *params = cJSON_CreateObject();
    ht_json_put_text(params, "mode", mode);
    snprintf(words, sizeof words, "tune in mode %s", mode);
    ask(t, "enable", params, words);
}

static void pause_or_go_on(top *t)
{
    if (!can_steer(t))
        return;
    if (ht_top_is_paused(&t->model))
        ask_mode(t, t->mode[0] != '\0' ? t->mode : "active");
    else
        ask(t, "disable", cJSON_CreateObject(), "stop tuning (p goes on)");
}

static void freeze_run(top *t, ht_freeze_mode mode)
{
    ht_error err = {""};
    ht_freeze f = {mode};
    if (ht_freeze_write(t->dir, &f, NULL, &err) != HT_OK)
        say(t, "%s", err.text);
    else
        say(t, "%s",
            mode == HT_FREEZE_OFF ? "the freeze is lifted" : "frozen: nothing new is proposed; f lifts that");
}

static void put_question(top *t, question q)
{
    static const char *const texts[] = {
        [MODE] = "mode:  a active  o observe  s suggest  x off   any other key: as it is",
        [FREEZE] = "freeze the run: nothing new is proposed, and commands are refused? y/n",
        [THAW] = "lift the freeze? y/n"};
    if (!can_steer(t))
        return;
    t->asks = q;
    say(t, "%s", texts[q]);
    t->message_until = -1;
}

static void answer(top *t, char letter)
{
    question q = t->asks;
    t->asks = NOTHING;
    t->message[0] = '\0';
    bool yes = letter == 'y' || letter == 'Y';
    const char *mode = letter == 'a'   ? "active"
                       : letter == 'o' ? "observe"
                       : letter == 's' ? "suggest"
                                       : "off";
    if (q == MODE && letter != '\0' && strchr("aosx", letter) != NULL)
        ask_mode(t, mode);
    else if (q != MODE && yes)
        freeze_run(t, q == FREEZE ? HT_FREEZE_PROD : HT_FREEZE_OFF);
    else
        say(t, "nothing was asked");
}

static void take_letter(top *t, char letter)
{
    ht_top_view *v = &t->view;
    switch (letter) {
    case 'q':
        t->ends = true;
        break;
    case 'p':
        pause_or_go_on(t);
        break;
    case 'm':
        put_question(t, MODE);
        break;
    case 'f':
        put_question(t, t->model.freeze[0] != '\0' ? THAW : FREEZE);
        break;
    case 's':
        v->by_value = !v->by_value;
        v->scroll = 0;
        say(t, "sorted by %s", v->by_value ? "newest value" : "replica");
        break;
    case '?':
    case 'h':
        v->help = true;
        break;
    default:
        say(t, "'%c' is no key here; ? tells which are", letter);
    }
}

static void scroll(top *t, ht_top_key key)
{
    ht_top_view *v = &t->view;
    size_t step = key == HT_TOP_KEY_PAGE_UP || key == HT_TOP_KEY_PAGE_DOWN ? v->page : 1;
    if (key == HT_TOP_KEY_UP || key == HT_TOP_KEY_PAGE_UP)
        v->scroll = v->scroll > step ? v->scroll - step : 0;
    if (key == HT_TOP_KEY_DOWN || key == HT_TOP_KEY_PAGE_DOWN)
        v->scroll += step;
    if (key == HT_TOP_KEY_HOME)
        v->scroll = 0;
    if (key == HT_TOP_KEY_END)
        v->scroll = HT_TOP_REPLICAS_MAX;
}

static void take_key(top *t, ht_top_key key, char letter)
{
    if (key == HT_TOP_KEY_GONE)
        t->ends = true;
    else if (key == HT_TOP_KEY_RESIZED || key == HT_TOP_KEY_NONE)
        return;
    else if (t->asks != NOTHING)
        answer(t, key == HT_TOP_KEY_CHAR ? letter : '\0');
    else if (t->view.help)
        t->view.help = false;
    else if (key == HT_TOP_KEY_CHAR)
        take_letter(t, letter);
    else
        scroll(t, key);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void show(top *t, ht_top_terminal *terminal)
{
    ht_top_screen screen;
    ht_top_view *v = &t->view;
    if (t->message_until >= 0 && ht_clock_monotonic() > t->message_until)
        t->message[0] = '\0';
    v->message = t->message[0] != '\0' ? t->message : NULL;
    ht_top_terminal_size(terminal, &v->width, &v->height);
    ht_top_screen_make(&t->model, v, &screen);
    ht_top_terminal_show(terminal, &screen);
    ht_top_screen_release(&screen);
}

static void watch(top *t, ht_top_terminal *terminal, double every)
{
    double next = 0;
    while (!t->ends) {
        double now = ht_clock_monotonic();
        char letter = '\0';
        if (now >= next)
            next = look(t) ? now + every : now;
        show(t, terminal);
        double wait = next - ht_clock_monotonic();
        ht_top_key key = ht_top_terminal_key(terminal, wait > 0 ? wait : 0, &letter);
        take_key(t, key, letter);
    }
}

/* Of a picture that is printed: the terminal's, what COLUMNS says, or 100. */
static size_t plain_width(void)
{
    struct winsize size = {0};
    const char *columns = getenv("COLUMNS");
    long n = columns != NULL ? strtol(columns, NULL, 10) : 0;
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        n = size.ws_col;
    return n >= 40 && n <= 1000 ? (size_t)n : 100;
}

static int run(const ht_cli *cli, const char *dir, bool once, double every)
{
    top t = {.dir = dir, .view = {.dir = dir, .trouble = "", .share = 1}};
    ht_error err = {""};
    int code = HT_EXIT_DONE;
    ht_status st = ht_top_files_init(&t.files, dir, &err);
    if (st != HT_OK)
        return ht_cli_fail_status(cli, st, &err);
    ht_top_model_init(&t.model);
    setlocale(LC_CTYPE, "");
    t.view.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    ht_top_terminal *terminal = once || !ht_top_terminal_is_there() ? NULL : ht_top_terminal_open();
    if (terminal != NULL) {
        watch(&t, terminal, every);
        ht_top_terminal_close(terminal);
    } else {
        t.view.width = plain_width();
        code = print_once(&t);
    }
    ht_top_model_release(&t.model);
    ht_top_files_release(&t.files);
    return code;
}

int ht_verb_top(const ht_cli *cli, const ht_args *args)
{
    const char *dir = NULL;
    double every = 1;
    ht_error err = {""};
    if (cli->json)
        return ht_cli_fail(cli, HT_EXIT_USAGE,
                           "top: --json: a picture is no JSON; 'hottune status --json' prints numbers");
    ht_status st = ht_args_real(args, "every", .1, 3600, &every, &err);
    if (st != HT_OK)
        return ht_cli_fail_status(cli, st, &err);
    int code = ht_cli_dir(cli, &dir);
    if (code != HT_EXIT_DONE)
        return code;
    if (ht_campaign_is_there(dir))
        return ht_cli_fail(cli, HT_EXIT_USAGE,
                           "directory '%s' holds several runs: name one of them ('hottune --dir %s "
                           "status' lists them)",
                           dir, dir);
    return run(cli, dir, ht_args_has(args, "once"), every);
}
