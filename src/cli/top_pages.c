/* src/cli/top_pages.c - what `hottune top` knows of a run from pages, files that are replaced as a whole; the
 * contract is in top_model.h. May touch: the heap. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/top_model_parts.h"

static void take_live(ht_top_model *m, const cJSON *live)
{
    const cJSON *one, *value;
    m->n_warnings = 0;
    cJSON_ArrayForEach(one, ht_json_member(live, "warnings"))
        if (cJSON_IsString(one) && m->n_warnings < sizeof m->warnings / sizeof *m->warnings) {
            ht_top_event *e = &m->warnings[m->n_warnings++];
            *e = (ht_top_event){.when = NAN, .warning = true};
            ht_top_copy(e->text, sizeof e->text, one->valuestring);
        }
    cJSON_ArrayForEach(one, ht_json_member(live, "replicas")) {
        ht_top_replica *r = ht_top_replica_of(m, one);
        const cJSON *doing = ht_json_member(one, "doing");
        const char *open = ht_json_text(one, "active_mutation");
        if (r == NULL)
            continue;
        ht_top_copy(r->state, sizeof r->state, ht_json_text(one, "state"));
        ht_top_copy(r->doing, sizeof r->doing,
                    doing != NULL  ? ht_json_text(doing, "what")
                    : open != NULL ? open
                                   : "");
        r->island = (int)ht_json_number(doing, "island", -1);
        if (isnan(r->epoch))
            r->epoch = ht_json_number(one, "epoch", NAN);
        cJSON_ArrayForEach(value, ht_json_member(doing, "knobs")) {
            ht_top_knob *k = cJSON_IsNumber(value) ? ht_top_knob_of(m, value->string) : NULL;
            if (k != NULL)
                r->knobs[k - m->knobs] = value->valuedouble;
        }
    }
}

static void take_beliefs(ht_top_model *m, const cJSON *summary)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, ht_json_member(summary, "win_rates")) {
        char move;
        ht_top_knob *k = ht_top_knob_of_family(m, one->string, &move);
        if (k == NULL)
            continue;
        k->move = move;
        k->win_rate = cJSON_IsNumber(one) ? one->valuedouble : NAN;
        k->center = ht_json_number(ht_json_member(summary, "win_centers"), one->string, NAN);
        k->spread = ht_json_number(ht_json_member(summary, "win_spreads"), one->string, NAN);
        k->wins = ht_json_number(ht_json_member(summary, "win_counts"), one->string, NAN);
    }
}

static void take_nodes(ht_top_model *m, const cJSON *nodes)
{
    for (int i = 0; i < cJSON_GetArraySize(nodes) && (size_t)i < m->n_replicas; i++) {
        const cJSON *node = cJSON_GetArrayItem(nodes, i);
        ht_top_copy(m->replicas[i].node, sizeof m->replicas[i].node,
                    cJSON_IsString(node) ? node->valuestring : NULL);
    }
}

void ht_top_take_summary(ht_top_model *m, const cJSON *summary)
{
    if (!ht_top_is_of_this_run(m, ht_top_run_of(summary)))
        return;
    const cJSON *population = ht_json_member(summary, "population"),
                *champion = ht_json_member(summary, "champion");
    const cJSON *decisions = ht_json_member(summary, "segments_by_decision"),
                *live = ht_json_member(summary, "live");
    const cJSON *start = ht_json_member(summary, "start");
    ht_top_copy(m->mode, sizeof m->mode, ht_json_text(summary, "mode"));
    m->final = ht_json_true(summary, "final");
    m->pooled = population != NULL;
    ht_top_copy(m->policy, sizeof m->policy, ht_json_text(population, "policy"));
    ht_top_copy(m->stage, sizeof m->stage, ht_json_text(population, "stage"));
    m->wall = ht_json_number(population, "wall_epochs", NAN);
    m->epochs = ht_json_number(population, "epochs", m->epochs);
    m->islands = ht_json_number(population, "islands", NAN);
    m->utilisation = ht_json_number(population, "utilisation", NAN);
    m->step = ht_json_number(live, "step", NAN);
    m->total_steps = ht_json_number(summary, "total_steps", NAN);
    m->best = ht_json_number(champion, "value", NAN);
    m->best_replica = ht_json_number(champion, "replica", NAN);
    m->best_epoch = ht_json_number(champion, "epoch", NAN);
    m->test = ht_json_number(champion, "test", NAN);
    m->accepted = ht_json_number(decisions, "accepted", 0);
    m->rejected = ht_json_number(decisions, "rejected", 0) + ht_json_number(decisions, "rolled_back", 0);
    m->failed = ht_json_number(summary, "failed", 0);
    m->first_progress = ht_json_number(start, "epoch", 0);
    m->ends = ht_json_number(start, "ends", NAN);
    take_live(m, live);
    take_beliefs(m, summary);
    take_nodes(m, ht_json_member(start, "nodes"));
}

void ht_top_take_controls(ht_top_model *m, const cJSON *actuators)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, ht_json_member(actuators, "controls")) {
        const char *param = ht_json_text(one, "param_key"), *type = ht_json_text(one, "type");
        for (size_t i = 0; param != NULL && i < m->n_knobs; i++) {
            ht_top_knob *k = &m->knobs[i];
            if (strcmp(ht_top_name_in_actuator(k), param) != 0)
                continue;
            k->current = ht_json_number(one, "current", NAN);
            if (!isnan(k->lo)) /* the recipe's range lies inside the program's */
                continue;
            k->lo = ht_json_number(one, "min", NAN);
            k->hi = ht_json_number(one, "max", NAN);
            k->log = type != NULL && strncmp(type, "log", 3) == 0;
        }
    }
}

void ht_top_take_recipe(ht_top_model *m, const cJSON *effective)
{
    const cJSON *objective = ht_json_member(effective, "objective"), *actuator, *family;
    const char *mode = ht_json_text(objective, "mode");
    ht_top_copy(m->metric, sizeof m->metric, ht_json_text(objective, "primary"));
    m->maximize = mode != NULL && strcmp(mode, "max") == 0;
    cJSON_ArrayForEach(actuator, ht_json_member(effective, "actuators"))
        cJSON_ArrayForEach(family, ht_json_member(actuator, "mutations")) {
            char name[2 * HT_NAME_MAX], move;
            bool named = actuator->string != NULL && family->string != NULL;
            snprintf(name, sizeof name, "%.60s:%.60s", named ? actuator->string : "",
                     named ? family->string : "");
            ht_top_knob *k = named ? ht_top_knob_of_family(m, name, &move) : NULL;
            const cJSON *range = ht_json_member(family, "range");
            if (k != NULL && cJSON_IsArray(range) && cJSON_GetArraySize(range) == 2) {
                k->lo = cJSON_GetArrayItem(range, 0)->valuedouble;
                k->hi = cJSON_GetArrayItem(range, 1)->valuedouble;
                k->log = k->lo > 0;
            }
        }
}

void ht_top_take_asked(ht_top_model *m, const cJSON *run)
{
    const char *workload = ht_json_text(run, "workload");
    ht_top_copy(m->workload, sizeof m->workload, workload != NULL ? workload : ht_json_text(run, "name"));
    if (isnan(m->epochs))
        m->epochs = ht_json_number(run, "epochs", NAN);
}

void ht_top_take_sign(ht_top_model *m, const ht_run_sign *sign)
{
    ht_top_is_of_this_run(m, sign->run);
    m->sign = *sign;
}
