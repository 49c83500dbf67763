/* src/cli/progress.c - progress on stdout; the contract is in progress.h.
 *
 * May touch: stdout, stderr, the terminal's size, NO_COLOR, CLICOLOR, TERM, COLUMNS. */
#include "cli/progress.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/shown.h"

static const double live_every_s = .1, json_every_s = 1;
/* From line to line: of what has passed. */
static const double first_line_s = 5, line_share = .25, last_line_s = 600;
static const double news_most = 20, news_every_s = 2; /* lines at once; and then one in so many seconds */

/* Launchers of MPI jobs give their ranks a pseudo-terminal of no width, whatever stands behind it. */
static size_t terminal_width(void)
{
    struct winsize size = {0};
    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* The last column stays free: some terminals begin a line when it is written. */
static size_t width_of(const ht_progress_line *l)
{
    if (l->form != HT_PROGRESS_LIVE)
        return HT_PROGRESS_ANY_WIDTH;
    const char *columns = getenv("COLUMNS");
    size_t width = terminal_width();
    if (width == 0 && columns != NULL)
        width = strtoul(columns, NULL, 10);
    return width > 1 ? width - 1 : 79;
}

static bool is_terminal(void)
{
    const char *term = getenv("TERM");
    return terminal_width() > 0 && !(term != NULL && strcmp(term, "dumb") == 0);
}

static bool may_be_bold(void)
{
    const char *no_color = getenv("NO_COLOR"), *color = getenv("CLICOLOR");
    return !(no_color != NULL && no_color[0] != '\0') && !(color != NULL && strcmp(color, "0") == 0);
}

bool ht_progress_parse(const char *name, ht_progress_form *out)
{
    static const char *const names[] = {"auto", "none", "lines", "live"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (ht_progress_form)i;
            return true;
        }
    return false;
}

ht_progress_line ht_progress_begin(const ht_cli *cli, ht_progress_form form)
{
    if (form == HT_PROGRESS_AUTO)
        form = is_terminal() ? HT_PROGRESS_LIVE : HT_PROGRESS_LINES;
    if (cli->muted || (form != HT_PROGRESS_JSON && (cli->quiet || cli->json)))
        form = HT_PROGRESS_NONE;
    return (ht_progress_line){.form = form, .bold = form == HT_PROGRESS_LIVE && may_be_bold(),
                              .credit = news_most, .best = NAN, .last_s = form == HT_PROGRESS_LINES ? 0 : -1e9};
}

static void clear(ht_progress_line *l)
{
    if (l->open)
        fputs("\r\033[K", stdout);
    l->open = false;
    fflush(stdout);
}

/* ---- the line ------------------------------------------------------------------------------- */

static double growing(double elapsed_s)
{
    return fmin(fmax(first_line_s, line_share * elapsed_s), last_line_s);
}

static double interval(const ht_progress_line *l, double elapsed_s)
{
    if (l->form == HT_PROGRESS_LIVE)
        return live_every_s;
    if (l->form == HT_PROGRESS_JSON)
        return json_every_s;
    return growing(elapsed_s);
}

bool ht_progress_is_due(ht_progress_line *l, double elapsed_s)
{
    if (l->form == HT_PROGRESS_NONE || elapsed_s - l->last_s < interval(l, l->last_s))
        return false;
    l->last_s = elapsed_s;
    return true;
}

/* A text that fits. */
static void put(ht_progress_line *l, const char *text)
{
    bool live = l->form == HT_PROGRESS_LIVE;
    printf("%s%s%s", live ? "\r" : "", text, live ? "\033[K" : "\n");
    l->open = live;
    fflush(stdout);
}

void ht_progress_put(ht_progress_line *l, const char *text)
{
    ht_string line = {0};
    ht_shown_add_cut(&line, text, width_of(l));
    put(l, ht_string_peek(&line));
    ht_string_release(&line);
}

/* ---- news ----------------------------------------------------------------------------------- */

static void say(ht_progress_line *l, const char *text)
{
    ht_string shown = {0};
    clear(l);
    ht_shown_add(&shown, text);
    puts(ht_string_peek(&shown));
    fflush(stdout);
    ht_string_release(&shown);
}

static void say_withheld(ht_progress_line *l)
{
    char text[64];
    if (l->withheld == 0)
        return;
    snprintf(text, sizeof text, "(%lu more %s in events.log)", l->withheld, l->withheld == 1 ? "line" : "lines");
    l->withheld = 0;
    say(l, text);
}

/* Many at once, but not all the time. */
void ht_progress_news(void *ctx, const char *text)
{
    ht_progress_line *l = ctx;
    if (l->form == HT_PROGRESS_JSON)
        ht_progress_event_text("news", text);
    if (l->form == HT_PROGRESS_JSON || l->form == HT_PROGRESS_NONE)
        return;
    l->credit = fmin(news_most, l->credit + (l->now_s - l->credit_s) / news_every_s);
    l->credit_s = l->now_s;
    if (l->credit < 1) {
        l->withheld++;
        return;
    }
    l->credit--;
    say_withheld(l);
    say(l, text);
}

void ht_progress_warn(void *ctx, const char *text)
{
    ht_progress_line *l = ctx;
    clear(l);
    if (l->form == HT_PROGRESS_JSON)
        ht_progress_event_text("warning", text);
    fputs("hottune: warning: ", stderr);
    ht_cli_relay(stderr, text);
    fputc('\n', stderr);
}

void ht_progress_plan(ht_progress_line *l, const ht_cli *cli, const char *text)
{
    size_t n = strlen(text);
    clear(l);
    if (l->form == HT_PROGRESS_JSON)
        ht_progress_event_text("plan", text);
    else
        ht_cli_say(cli, "%s%s", text, n > 0 && text[n - 1] == '\n' ? "" : "\n");
}

/* A better state: as often as a line would be due elsewhere. */
static void tell_best(ht_progress_line *l, const ht_progress *p)
{
    double every = l->form == HT_PROGRESS_JSON ? json_every_s : growing(l->best_s);
    if (!isfinite(p->best) || p->best == l->best || p->elapsed_s - l->best_s < every)
        return;
    l->best = p->best;
    l->best_s = p->elapsed_s;
    if (l->form == HT_PROGRESS_JSON) {
        cJSON *o = ht_progress_event_new("best");
        ht_json_put_real(o, "elapsed_s", p->elapsed_s);
        ht_json_put_real(o, "best", p->best);
        ht_json_put(o, "best_replica", p->best_replica >= 0 ? ht_json_int(p->best_replica) : cJSON_CreateNull());
        ht_progress_event_print(o);
    } else if (l->form == HT_PROGRESS_LIVE) {
        char text[120], at[40] = "";
        ht_print_duration(at, sizeof at, p->elapsed_s);
        snprintf(text, sizeof text, "best after %s: %.5g, by replica %d", at, p->best, p->best_replica);
        say(l, text);
    }
}

static void tell_stage(ht_progress_line *l, const ht_progress *p)
{
    if (l->form != HT_PROGRESS_JSON || p->stage == NULL || strcmp(p->stage, l->stage) == 0)
        return;
    snprintf(l->stage, sizeof l->stage, "%s", p->stage);
    cJSON *o = ht_progress_event_new("stage");
    ht_json_put_real(o, "elapsed_s", p->elapsed_s);
    ht_json_put_text(o, "stage", p->stage);
    ht_json_put_int(o, "islands", p->islands);
    ht_progress_event_print(o);
}

void ht_progress_show(void *ctx, const ht_progress *p)
{
    ht_progress_line *l = ctx;
    if (l->form == HT_PROGRESS_NONE)
        return;
    l->now_s = p->elapsed_s;
    if (!isnan(p->done))
        ht_pace_add(&l->done, p->elapsed_s, p->done);
    ht_pace_add(&l->epochs, p->elapsed_s, p->epochs);
    const ht_progress_pace pace = {.left_s = isnan(p->done) ? NAN : ht_pace_left(&l->done, 1),
                                   .epochs_s = ht_pace_rate(&l->epochs)};
    tell_stage(l, p);
    if (p->step <= 0)
        return;
    tell_best(l, p);
    if (!ht_progress_is_due(l, p->elapsed_s))
        return;
    if (l->form == HT_PROGRESS_JSON) {
        ht_progress_event_show(p, &pace);
        return;
    }
    ht_string text = {0};
    ht_progress_text(&text, p, &pace, width_of(l), l->bold);
    put(l, ht_string_peek(&text));
    ht_string_release(&text);
}

void ht_progress_end(ht_progress_line *l)
{
    say_withheld(l);
    clear(l);
}
