/* src/cli/progress.c - the progress line; the contract is in progress.h. May touch: stdout, stderr, NO_COLOR. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/progress.h"

static const double plain_every_s = 5; /* between two lines where nothing can be written over */
static const double terminal_every_s = .1;

/* Launchers of MPI jobs give their ranks a pseudo-terminal of no width, whatever stands behind it. */
static bool is_terminal(void)
{
    struct winsize size = {0};
    const char *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 &&
           !(term != NULL && strcmp(term, "dumb") == 0);
}

ht_progress_line ht_progress_begin(const ht_cli *cli, int epochs)
{
    const char *no_color = getenv("NO_COLOR");
    return (ht_progress_line){
        .shown = !cli->quiet && !cli->json && !cli->muted,
        .terminal = is_terminal(),
        .plain = no_color != NULL && no_color[0] != 0,
        .epochs = epochs,
    };
}

void ht_print_duration(char *text, size_t size, double s)
{
    if (s < 60)
        snprintf(text, size, "%.0f s", s);
    else if (s < 3600)
        snprintf(text, size, "%.0f min %02.0f s", floor(s / 60), fmod(floor(s), 60));
    else
        snprintf(text, size, "%.0f h %02.0f min", floor(s / 3600), fmod(floor(s / 60), 60));
}

bool ht_progress_is_due(ht_progress_line *l, double elapsed_s)
{
    if (!l->shown || elapsed_s - l->last_s < (l->terminal ? terminal_every_s : plain_every_s))
        return false;
    l->last_s = elapsed_s;
    return true;
}

void ht_progress_put(ht_progress_line *l, const char *text)
{
    printf("%s%s%s", l->terminal ? "\r" : "", text, !l->terminal ? "\n" : l->plain ? "      " : "\033[K");
    l->open = l->terminal;
    fflush(stdout);
}

void ht_progress_show(void *ctx, const ht_progress *p)
{
    ht_progress_line *l = ctx;
    char best[32] = "-", left[40] = "", text[256];
    if (p->step <= 0 || !ht_progress_is_due(l, p->elapsed_s))
        return;
    if (isfinite(p->best))
        snprintf(best, sizeof best, "%.5g", p->best);
    if (p->max_steps > p->step)
        ht_print_duration(left, sizeof left, p->elapsed_s * (double)(p->max_steps - p->step) / (double)p->step);
    bool bold = l->terminal && !l->plain;
    snprintf(text, sizeof text, "epoch %lld/%d  best %s%s%s  accepted %lu  rejected %lu%s%s%s", p->epoch,
             l->epochs, bold ? "\033[1m" : "", best, bold ? "\033[0m" : "", p->accepted, p->rejected,
             left[0] != 0 ? "  about " : "", left, left[0] != 0 ? " left" : "");
    ht_progress_put(l, text);
}

void ht_progress_warn(void *ctx, const char *text)
{
    ht_progress_end(ctx);
    ht_cli_note("hottune: warning: %s\n", text);
}

void ht_progress_end(ht_progress_line *l)
{
    if (l->open)
        putchar('\n');
    l->open = false;
    fflush(stdout);
}
