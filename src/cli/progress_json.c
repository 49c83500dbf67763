/* src/cli/progress_json.c - progress as JSON lines; the contract is in progress.h and docs/progress.md.
 *
 * May touch: stdout, the clock. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/shown.h"
#include "cli/progress.h"
#include "comm/clock.h"

cJSON *ht_progress_event_new(const char *event)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_text(o, "event", event);
    ht_json_put_real(o, "time", ht_clock_wall());
    return o;
}

void ht_progress_event_print(cJSON *event)
{
    ht_string shown = {0};
    char *line = ht_json_line(event);
    if (line != NULL)
        ht_shown_add_json(&shown, line);
    if (line != NULL && !shown.failed)
        puts(ht_string_peek(&shown));
    fflush(stdout); /* a reader acts on each line */
    ht_string_release(&shown);
    free(line);
    cJSON_Delete(event);
}

void ht_progress_event_text(const char *event, const char *text)
{
    cJSON *o = ht_progress_event_new(event);
    ht_json_put_text(o, "text", text);
    ht_progress_event_print(o);
}

void ht_progress_event_show(const ht_progress *p, const ht_progress_pace *pace)
{
    cJSON *o = ht_progress_event_new("progress");
    ht_json_put_real(o, "elapsed_s", p->elapsed_s);
    ht_json_put_real(o, "left_s", pace->left_s);
    ht_json_put_real(o, "done", p->done);
    ht_json_put_real(o, "epochs", p->epochs);
    ht_json_put_real(o, "epochs_total", p->epochs_total > 0 ? p->epochs_total : NAN);
    ht_json_put_real(o, "epochs_per_s", pace->epochs_s);
    ht_json_put_int(o, "step", (double)p->step);
    ht_json_put_real(o, "best", p->best);
    ht_json_put(o, "best_replica", p->best_replica >= 0 ? ht_json_int(p->best_replica) : cJSON_CreateNull());
    ht_json_put_int(o, "accepted", (double)p->accepted);
    ht_json_put_int(o, "rejected", (double)p->rejected);
    ht_json_put_int(o, "replicas", p->replicas);
    ht_json_put_int(o, "training", p->training);
    ht_json_put_int(o, "lost", p->lost);
    ht_json_put_text(o, "stage", p->stage);
    ht_json_put(o, "islands", p->stage != NULL ? ht_json_int(p->islands) : cJSON_CreateNull());
    ht_json_put_real(o, "utilisation", p->utilisation);
    ht_progress_event_print(o);
}
