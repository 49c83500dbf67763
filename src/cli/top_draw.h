/** @file src/cli/top_draw.h
 *  The terminal of `hottune top`: the only place that knows ncurses. */
#ifndef HT_CLI_TOP_DRAW_H
#define HT_CLI_TOP_DRAW_H

#include "cli/top_screen.h"

typedef enum {
    HT_TOP_KEY_NONE, /**< none came in time, or one without a meaning here */
    HT_TOP_KEY_CHAR,
    HT_TOP_KEY_UP,
    HT_TOP_KEY_DOWN,
    HT_TOP_KEY_PAGE_UP,
    HT_TOP_KEY_PAGE_DOWN,
    HT_TOP_KEY_HOME,
    HT_TOP_KEY_END,
    HT_TOP_KEY_ESCAPE,
    HT_TOP_KEY_RESIZED,
    HT_TOP_KEY_GONE /**< the terminal is no more */
} ht_top_key;

typedef struct ht_top_terminal ht_top_terminal;

/** Whether stdin and stdout are a terminal that can be written all over. */
bool ht_top_terminal_is_there(void);
/** Take it. While it is held a signal that ends the program gives it back, too. @return NULL: it cannot be
 * had, or the program was built without ncurses */
ht_top_terminal *ht_top_terminal_open(void);
void ht_top_terminal_close(ht_top_terminal *t); /**< as it was before; NULL is allowed */
void ht_top_terminal_size(const ht_top_terminal *t, size_t *width, size_t *height);
void ht_top_terminal_show(ht_top_terminal *t, const ht_top_screen *s);
/** Wait for a key, at most `seconds`. @param[out] letter  of HT_TOP_KEY_CHAR */
ht_top_key ht_top_terminal_key(ht_top_terminal *t, double seconds, char *letter);

#endif
