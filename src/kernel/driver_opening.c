/* src/kernel/driver_opening.c - the first lines of a run: who runs where, and what was found in the study;
 * the contract is in driver_internal.h. */
#include "kernel/driver_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/place_map.h"

/* There is no log yet; people are told at once. */
static void tell(ht_driver *d, ht_start *s, const char *lines)
{
    if (d->plan != NULL)
        d->plan(d->plan_ctx, lines);
    ht_string_add(&s->opening, "%s", lines);
}

static cJSON *list_lines(const char *text)
{
    cJSON *list = cJSON_CreateArray();
    for (const char *line = text; *line != '\0';) {
        size_t n = strcspn(line, "\n");
        char *one = strndup(line, n);
        cJSON_AddItemToArray(list, cJSON_CreateString(one != NULL ? one : ""));
        free(one);
        line += n + (line[n] != '\0');
    }
    return list;
}

/* The node of each replica, in their order: that of its first rank. */
static cJSON *list_nodes(const ht_places *p)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; list != NULL && i < p->n; i++)
        if (p->at[i].replica == cJSON_GetArraySize(list))
            cJSON_AddItemToArray(list, cJSON_CreateString(p->at[i].node));
    return list;
}

void ht_driver_tell_places(ht_driver *d, ht_start *s, const ht_places *places)
{
    ht_string map = {0};
    ht_place_map(places, &map);
    if (map.n > 0) {
        tell(d, s, ht_string_peek(&map));
        ht_json_put(d->start, "places", list_lines(ht_string_peek(&map)));
        ht_json_put(d->start, "nodes", list_nodes(places));
    }
    ht_string_release(&map);
}

/* ---- the study ------------------------------------------------------------------------------- */

/* The best champion of pooled runs; NaN = none. */
static double best_of(const ht_recipe *r, size_t n, const ht_run_evidence *runs)
{
    double best = NAN;
    for (size_t i = 0; i < n; i++) {
        double x = runs[i].n_lessons > 0 ? runs[i].champion : NAN;
        if (isfinite(x) && (isnan(best) || (r->objective.mode == HT_MINIMIZE ? x < best : x > best)))
            best = x;
    }
    return best;
}

void ht_driver_tell_study(ht_driver *d, ht_start *s, size_t n, const ht_run_evidence *runs)
{
    ht_string text = {0};
    double best = best_of(s->base, n, runs);
    bool evolved = s->recipe->evolved.generation != s->base->evolved.generation;
    if (d->n_replicas == 1 && n == 0)
        return; /* nothing was found, and who trains alone knows where */
    ht_string_add(&text, "study %s: ", s->study);
    if (n > 0)
        ht_string_add(&text, "%zu run%s", n, n == 1 ? "" : "s");
    else
        ht_string_add(&text, "new");
    if (isfinite(best))
        ht_string_add(&text, ", best %s %.4g", s->base->objective.primary, best);
    ht_string_add(
        &text, "; starts from %s%s%s\n", s->recipe_name != NULL ? "recipe " : "the program's own recipe",
        s->recipe_name != NULL ? s->recipe_name : "", evolved ? ", moved by what they learned" : "");
    tell(d, s, ht_string_peek(&text));
    ht_string_release(&text);
}

/* ---- once there is a log --------------------------------------------------------------------- */

static void warn(void *ctx, const char *text)
{
    ht_driver_warn(ctx, text);
}

void ht_driver_note_opening(ht_driver *d, const ht_start *s, const ht_places *places)
{
    for (const char *line = ht_string_peek(&s->opening); *line != '\0';) {
        char text[256];
        size_t n = strcspn(line, "\n");
        snprintf(text, sizeof text, "%.*s", (int)n, line);
        ht_driver_note_event(d, text);
        line += n + (line[n] != '\0');
    }
    ht_place_complain(places, warn, d);
}
