/* src/cli/top_draw.c - the terminal of `hottune top`; the contract is in top_draw.h.
 *
 * Colours are the terminal's own on its own background. ncurses leaves the screen on SIGINT and SIGTERM, and
 * comes back after Ctrl-Z. Built without ncurses there is no terminal. May touch: the terminal, TERM,
 * NO_COLOR. */
#include "cli/top_draw.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool ht_top_terminal_is_there(void)
{
    const char *term = getenv("TERM");
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term != NULL && term[0] != '\0' &&
           strcmp(term, "dumb") != 0;
}

#ifdef HT_NCURSES

#include <curses.h>
#include <poll.h>
#include <stdio.h>

struct ht_top_terminal {
    SCREEN *screen;
    attr_t styles[HT_TOP_N_STYLES];
};

static void choose_styles(ht_top_terminal *t)
{
    const char *no_color = getenv("NO_COLOR");
    t->styles[HT_TOP_TITLE] = A_BOLD;
    t->styles[HT_TOP_GOOD] = A_BOLD;
    t->styles[HT_TOP_BAD] = A_BOLD;
    t->styles[HT_TOP_WARN] = A_BOLD;
    t->styles[HT_TOP_BAR] = A_REVERSE;
    if ((no_color != NULL && no_color[0] != '\0') || !has_colors() || start_color() != OK ||
        use_default_colors() != OK)
        return;
    init_pair(1, COLOR_GREEN, -1);
    init_pair(2, COLOR_RED, -1);
    init_pair(3, COLOR_YELLOW, -1);
    init_pair(4, COLOR_CYAN, -1);
    t->styles[HT_TOP_GOOD] = (attr_t)COLOR_PAIR(1);
    t->styles[HT_TOP_BAD] |= (attr_t)COLOR_PAIR(2);
    t->styles[HT_TOP_WARN] = (attr_t)COLOR_PAIR(3);
    t->styles[HT_TOP_DIM] = (attr_t)COLOR_PAIR(4);
}

ht_top_terminal *ht_top_terminal_open(void)
{
    ht_top_terminal *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    if ((t->screen = newterm(NULL, stdout, stdin)) == NULL) {
        free(t);
        return NULL;
    }
    choose_styles(t);
    cbreak();
    noecho();
    curs_set(0);
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(25);
    return t;
}

void ht_top_terminal_close(ht_top_terminal *t)
{
    if (t == NULL)
        return;
    endwin();
    delscreen(t->screen);
    free(t);
}

void ht_top_terminal_size(const ht_top_terminal *t, size_t *width, size_t *height)
{
    (void)t;
    *width = COLS > 0 ? (size_t)COLS : 80;
    *height = LINES > 0 ? (size_t)LINES : 24;
}

void ht_top_terminal_show(ht_top_terminal *t, const ht_top_screen *s)
{
    erase();
    for (size_t i = 0; i < s->n && (int)i < LINES; i++) {
        const ht_top_line *l = &s->lines[i];
        move((int)i, 0);
        for (size_t k = 0; k < l->n_spans; k++) {
            size_t from = l->spans[k].from, to = k + 1 < l->n_spans ? l->spans[k + 1].from : l->text.n;
            attrset((int)t->styles[l->spans[k].style]);
            addnstr(ht_string_peek(&l->text) + from, (int)(to - from));
        }
    }
    attrset(A_NORMAL);
    refresh();
}

static ht_top_key meaning_of(int c, char *letter)
{
    switch (c) {
    case KEY_UP:
        return HT_TOP_KEY_UP;
    case KEY_DOWN:
        return HT_TOP_KEY_DOWN;
    case KEY_PPAGE:
        return HT_TOP_KEY_PAGE_UP;
    case KEY_NPAGE:
        return HT_TOP_KEY_PAGE_DOWN;
    case KEY_HOME:
        return HT_TOP_KEY_HOME;
    case KEY_END:
        return HT_TOP_KEY_END;
    case KEY_RESIZE:
        return HT_TOP_KEY_RESIZED;
    case 27:
        return HT_TOP_KEY_ESCAPE;
    default:
        *letter = c > ' ' && c < 127 ? (char)c : '\0';
        return *letter != '\0' ? HT_TOP_KEY_CHAR : HT_TOP_KEY_NONE;
    }
}

ht_top_key ht_top_terminal_key(ht_top_terminal *t, double seconds, char *letter)
{
    (void)t;
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    int c = getch(), ready;
    if (c != ERR)
        return meaning_of(c, letter);
    ready = poll(&in, 1, (int)(1000 * seconds)); /* a change of size interrupts it */
    if (ready > 0 && (in.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
        return HT_TOP_KEY_GONE;
    c = getch();
    return c != ERR ? meaning_of(c, letter) : HT_TOP_KEY_NONE;
}

#else

ht_top_terminal *ht_top_terminal_open(void)
{
    return NULL;
}

void ht_top_terminal_close(ht_top_terminal *t)
{
    (void)t;
}

void ht_top_terminal_size(const ht_top_terminal *t, size_t *width, size_t *height)
{
    (void)t;
    *width = 80;
    *height = 24;
}

void ht_top_terminal_show(ht_top_terminal *t, const ht_top_screen *s)
{
    (void)t;
    (void)s;
}

ht_top_key ht_top_terminal_key(ht_top_terminal *t, double seconds, char *letter)
{
    (void)t;
    (void)seconds;
    (void)letter;
    return HT_TOP_KEY_GONE;
}

#endif
