/** @file src/cli/progress.h
 *  The progress of the verbs that take long, on stdout (docs/progress.md).
 *
 *  On a terminal one line is written over, several times a second, and what else is to be said scrolls by above
 *  it; elsewhere a line is printed now and then, less and less often; or JSON lines for programs. */
#ifndef HT_CLI_PROGRESS_H
#define HT_CLI_PROGRESS_H

#include <hottune/hottune.h>

#include "cli/cli.h"
#include "cli/pace.h"
#include "cli/progress_text.h"

typedef enum {
    HT_PROGRESS_AUTO,
    HT_PROGRESS_NONE,
    HT_PROGRESS_LINES,
    HT_PROGRESS_LIVE,
    HT_PROGRESS_JSON
} ht_progress_form;

typedef struct {
    ht_progress_form form;  /**< not AUTO */
    bool bold;              /**< colours and the like are allowed */
    bool open;              /**< LIVE: a line is waiting to be written over */
    double now_s, last_s;   /**< seconds of the run that were told last; at the last line */
    ht_pace done, epochs;       /**< share of the run; epochs of all replicas */
    double credit, credit_s;    /**< lines of news that may be told now; when that was counted */
    unsigned long withheld;     /**< lines of news that were not told */
    double best, best_s;    /**< that was told last, and when */
    char stage[32];         /**< that was told last */
} ht_progress_line;

/** A form by its name: auto, none, lines, live. @return false: there is none */
bool ht_progress_parse(const char *name, ht_progress_form *out);
/** @param form  AUTO: as stdout is; nothing with --quiet and --json, which JSON goes before */
ht_progress_line ht_progress_begin(const ht_cli *cli, ht_progress_form form);

/** For ht_options.progress, .warning, .event; ctx is the ht_progress_line. */
void ht_progress_show(void *ctx, const ht_progress *p);
void ht_progress_warn(void *ctx, const char *text);
void ht_progress_news(void *ctx, const char *text);
/** Lines of the plan, as ht_options.plan has them; told without progress, too. */
void ht_progress_plan(ht_progress_line *l, const ht_cli *cli, const char *text);
/** Clears the line: what follows is printed by others. */
void ht_progress_end(ht_progress_line *l);

/** Whether a line is due after so many seconds; if so, this one counts as written. */
bool ht_progress_is_due(ht_progress_line *l, double elapsed_s);
/** Write a line (over the last one), cut to the terminal. */
void ht_progress_put(ht_progress_line *l, const char *text);

/* ---- JSON lines (progress_json.c) ------------------------------------------------------------ */

/** Of the JSON lines: counts up when a member changes its meaning or goes. */
enum { HT_PROGRESS_VERSION = 1 };

/** {"event": event, "time": seconds since 1970}, for more members. Owned; NULL: no memory. */
cJSON *ht_progress_event_new(const char *event);
/** Print it as one line on stdout, at once. Takes it. */
void ht_progress_event_print(cJSON *event);
/** An event that has a text. */
void ht_progress_event_text(const char *event, const char *text);
/** The event "progress". */
void ht_progress_event_show(const ht_progress *p, const ht_progress_pace *pace);

#endif
