/* src/cli/sweep_report.c - progress and results of `hottune sweep`; the contract is in sweep_report.h.
 *
 * May touch: stdout. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/progress.h"
#include "cli/sweep_report.h"

static unsigned long ended(const ht_sweep_view *v)
{
    return v->complete + v->pruned + v->failed;
}

void ht_sweep_progress_text(char *text, size_t size, const ht_sweep_view *v, double elapsed_s)
{
    char best[32] = "-", left[40] = "";
    unsigned long done = ended(v), fresh = done > v->replayed ? done - v->replayed : 0;
    if (v->best != NULL)
        snprintf(best, sizeof best, "%.5g", v->best->value);
    if (fresh > 0 && done < v->trials)
        ht_print_duration(left, sizeof left, elapsed_s * (double)(v->trials - done) / (double)fresh);
    snprintf(text, size, "trials %lu/%lu  failed %lu  pruned %lu  best %s%s%s%s", done, v->trials, v->failed,
             v->pruned, best, left[0] != 0 ? "  about " : "", left, left[0] != 0 ? " left" : "");
}

/* ---- the end -------------------------------------------------------------------------------- */

static double share(const ht_sweep_view *v)
{
    return v->full_steps > 0 ? (double)v->spent_steps / (double)v->full_steps : NAN;
}

static cJSON *trial_to_json(const ht_sweep_report *r, const ht_trial *t)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_int(o, "trial", (double)t->number);
    ht_json_put_real(o, "value", t->value);
    ht_json_put(o, "params", ht_space_to_json(r->space, &t->point));
    ht_json_put_real(o, "seconds", t->seconds);
    ht_json_put_int(o, "steps", (double)t->steps);
    return o;
}

static cJSON *cost_to_json(const ht_sweep_report *r, const ht_sweep_view *v)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_int(o, "spent_steps", (double)v->spent_steps);
    ht_json_put_int(o, "full_steps", (double)v->full_steps);
    ht_json_put_real(o, "share", share(v));
    ht_json_put_real(o, "seconds", v->seconds);
    ht_json_put_real(o, "wall_s", r->wall_s);
    return o;
}

static cJSON *report_to_json(const ht_sweep_report *r, const ht_sweep_view *v, size_t n, const ht_trial *const *top)
{
    cJSON *o = cJSON_CreateObject(), *list = cJSON_CreateArray();
    for (size_t i = 0; i < n; i++)
        cJSON_AddItemToArray(list, trial_to_json(r, top[i]));
    ht_json_put_text(o, "space", r->space_name);
    ht_json_put_text(o, "dir", r->dir);
    ht_json_put_bool(o, "finished", v->phase == HT_SWEEP_DONE);
    ht_json_put_int(o, "trials", (double)ended(v));
    ht_json_put_int(o, "complete", (double)v->complete);
    ht_json_put_int(o, "pruned", (double)v->pruned);
    ht_json_put_int(o, "failed", (double)v->failed);
    ht_json_put_int(o, "lost", (double)v->lost);
    ht_json_put_int(o, "workers_lost", v->workers_lost);
    ht_json_put(o, "best", v->best != NULL ? trial_to_json(r, v->best) : cJSON_CreateNull());
    ht_json_put(o, "top", list);
    ht_json_put(o, "cost", cost_to_json(r, v));
    return o;
}

static void print_value(const cJSON *item)
{
    if (cJSON_IsBool(item))
        ht_cli_print("%s", cJSON_IsTrue(item) ? "true" : "false");
    else if (cJSON_IsString(item))
        ht_cli_print("%s", item->valuestring);
    else
        ht_cli_print("%.5g", item->valuedouble);
}

static void print_params(const ht_space *space, const ht_point *p)
{
    cJSON *params = ht_space_to_json(space, p);
    const cJSON *item, *element;
    cJSON_ArrayForEach(item, params) {
        ht_cli_print("  %s=", item->string);
        if (!cJSON_IsArray(item))
            print_value(item);
        else
            cJSON_ArrayForEach(element, item) {
                ht_cli_print("%s", element == item->child ? "[" : ",");
                print_value(element);
            }
        if (cJSON_IsArray(item))
            putchar(']');
    }
    cJSON_Delete(params);
}

static void print_cost(const ht_sweep_report *r, const ht_sweep_view *v)
{
    ht_cli_print("\n  cost       ");
    if (v->full_steps > 0)
        ht_cli_print("%lld steps of %lld at full cost (%.1f %%); ", v->spent_steps, v->full_steps, 100 * share(v));
    ht_cli_print("%.1f s in the command, %.1f s wall\n", v->seconds, r->wall_s);
    if (v->replayed > 0)
        ht_cli_print("             (%lu %s from an earlier start; wall is of this one)\n", v->replayed,
               v->replayed == 1 ? "trial is" : "trials are");
}

static void print_table(const ht_sweep_report *r, const ht_sweep_view *v, size_t n, const ht_trial *const *top)
{
    ht_cli_print("\n%s: %lu of %lu %s: %lu complete, %lu pruned, %lu failed", r->space_name, ended(v), v->trials,
           v->trials == 1 ? "trial" : "trials",
           v->complete, v->pruned, v->failed);
    if (v->lost > 0)
        ht_cli_print(", and %lu lost", v->lost);
    ht_cli_print("\n\n");
    if (n > 0)
        ht_cli_print("  %6s  %12s  %6s  %8s  parameters\n", "trial", "value", "steps", "seconds");
    for (size_t i = 0; i < n; i++) {
        ht_cli_print("  %6lu  %12.6g  %6lld  %8.1f", top[i]->number, top[i]->value, top[i]->steps, top[i]->seconds);
        print_params(r->space, &top[i]->point);
        putchar('\n');
    }
    print_cost(r, v);
    ht_cli_print("  files      %s\n", r->dir);
}

void ht_sweep_report_print(const ht_cli *cli, const ht_sweep_report *r)
{
    ht_sweep_view v;
    const ht_trial **top = calloc(r->top + 1, sizeof *top);
    if (top == NULL)
        return;
    ht_sweep_peek(r->sweep, &v);
    size_t n = ht_sweep_top(r->sweep, r->top, top);
    if (cli->json)
        ht_cli_print_json(cli, report_to_json(r, &v, n, top));
    else
        print_table(r, &v, n, top);
    free(top);
}
