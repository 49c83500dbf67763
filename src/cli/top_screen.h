/** @file src/cli/top_screen.h
 *  The picture of a run, as lines of styled text: for a terminal of any size, or without end for a pipe.
 *
 *  Pure: a model and a size go in. Nothing is told by colour alone. Texts of files are made harmless
 * (shown.h). */
#ifndef HT_CLI_TOP_SCREEN_H
#define HT_CLI_TOP_SCREEN_H

#include "base/text.h"
#include "cli/top_model.h"

typedef enum {
    HT_TOP_PLAIN,
    HT_TOP_TITLE, /**< names of things */
    HT_TOP_DIM,   /**< of less weight */
    HT_TOP_GOOD,
    HT_TOP_BAD,
    HT_TOP_WARN,
    HT_TOP_BAR, /**< heads of tables, the line of keys */
    HT_TOP_N_STYLES
} ht_top_style;

enum { HT_TOP_SPANS_MAX = 96 };

typedef struct {
    ht_string text;
    size_t columns;
    size_t n_spans;
    struct {
        ht_top_style style;
        size_t from; /**< first byte; it goes to the next span's */
    } spans[HT_TOP_SPANS_MAX];
} ht_top_line;

typedef struct {
    size_t width, n;
    ht_top_line *lines; /**< [n], none wider than `width`; owned */
    bool utf8;          /**< else all is ASCII */
    bool failed;        /**< no memory */
} ht_top_screen;

/** What is looked at, and how. */
typedef struct {
    const char *dir;
    double now;           /**< seconds since 1970 */
    size_t width, height; /**< height 0: as many lines as it takes, and no line of keys */
    bool utf8;            /**< the terminal can show other than ASCII */
    bool by_value, help;
    size_t scroll;       /**< first replica that is shown; brought into range */
    size_t page;         /**< how many of them are; set */
    const char *message; /**< in place of the keys; NULL = none */
    double share;        /**< of the logs that was read */
    const char *trouble; /**< with a file; "" = none */
} ht_top_view;

/** @param[out] out  the caller's (ht_top_screen_release); height lines, if a height is given */
void ht_top_screen_make(const ht_top_model *m, ht_top_view *v, ht_top_screen *out);
void ht_top_screen_release(ht_top_screen *s);

/* ---- for the parts of the picture ------------------------------------------------------------ */

/** Begin a line. */
void ht_top_begin(ht_top_screen *s);
/** Go on with it; what is too much is left out. */
void ht_top_put(ht_top_screen *s, ht_top_style style, const char *text);
void ht_top_putf(ht_top_screen *s, ht_top_style style, const char *format, ...) HT_PRINTF(3, 4);
/** A character n times: `ascii` where the terminal can show nothing else. */
void ht_top_fill(ht_top_screen *s, const ht_top_view *v, ht_top_style style, const char *utf8, char ascii,
                 size_t n);
/** Blanks up to a column. */
void ht_top_tab(ht_top_screen *s, ht_top_style style, size_t column);
/** A cell: at least `width` columns and no more; a number flush right. */
void ht_top_cell(ht_top_screen *s, ht_top_style style, const char *text, size_t width, bool right);
/** A number as short as people want it; "-" if unknown. */
void ht_top_number(char text[32], double x, int digits);

/* top_table.c: of `rows` replicas, with a head; top_knobs.c: `rows` knobs, with a head. */
void ht_top_table(const ht_top_model *m, ht_top_view *v, size_t rows, ht_top_screen *out);
size_t ht_top_knobs_known(const ht_top_model *m);
void ht_top_knobs(const ht_top_model *m, const ht_top_view *v, size_t rows, ht_top_screen *out);

#endif
