/* src/cli/top_model.c - what `hottune top` knows of a run; the contract is in top_model.h. May touch: the
 * heap. */
#include "cli/top_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

static const ht_top_replica unknown_replica = {
    .island = -1, .epoch = NAN, .step = NAN, .value = NAN, .best = NAN, .score = NAN};

static void clear_lines(ht_top_model *m)
{
    m->lines = m->n_curve = m->n_ticks = m->next_tick = m->n_events = m->next_event = m->answers = 0;
    m->answer[0] = '\0';
    free(m->replicas);
    m->replicas = NULL;
    m->n_replicas = 0;
    for (size_t i = 0; i < HT_TOP_KNOBS_MAX; i++)
        for (size_t k = 0; k < HT_TOP_ISLANDS_MAX; k++)
            m->knobs[i].island[k] = NAN;
}

static void clear_numbers(ht_top_model *m)
{
    m->wall = m->epochs = m->step = m->total_steps = m->islands = m->utilisation = m->best = m->best_replica =
        NAN;
    m->best_epoch = m->test = m->accepted = m->rejected = m->failed = m->ends = NAN;
    m->first_progress = 0;
}

void ht_top_model_init(ht_top_model *m)
{
    *m = (ht_top_model){0};
    clear_numbers(m);
    clear_lines(m);
}

void ht_top_model_release(ht_top_model *m)
{
    free(m->replicas);
    m->replicas = NULL;
    m->n_replicas = 0;
}

void ht_top_forget(ht_top_model *m)
{
    clear_lines(m);
}

/* ---- finding --------------------------------------------------------------------------------- */

static void copy(char *to, size_t size, const char *from)
{
    if (from != NULL)
        snprintf(to, size, "%s", from);
}

/* The replica of that number, made if it is new; NULL: no number, or no memory. */
static ht_top_replica *replica_of(ht_top_model *m, const cJSON *line)
{
    double number = ht_json_number(line, "replica", -1);
    if (!(number >= 0 && number < HT_TOP_REPLICAS_MAX))
        return NULL;
    size_t r = (size_t)number;
    if (r >= m->n_replicas) {
        ht_top_replica *more = realloc(m->replicas, (r + 1) * sizeof *more);
        m->failed_memory = more == NULL;
        if (more == NULL)
            return NULL;
        m->replicas = more;
        for (; m->n_replicas <= r; m->n_replicas++) {
            ht_top_replica *one = &more[m->n_replicas];
            *one = unknown_replica;
            for (size_t i = 0; i < HT_TOP_KNOBS_MAX; i++)
                one->knobs[i] = NAN;
        }
    }
    return &m->replicas[r];
}

/* The knob of that name, made if it is new; NULL: there are too many, or it has no name. */
static ht_top_knob *knob_of(ht_top_model *m, const char *name)
{
    if (name == NULL)
        return NULL;
    for (size_t i = 0; i < m->n_knobs; i++)
        if (strcmp(m->knobs[i].name, name) == 0)
            return &m->knobs[i];
    if (m->n_knobs == HT_TOP_KNOBS_MAX)
        return NULL;
    ht_top_knob *k = &m->knobs[m->n_knobs++];
    snprintf(k->name, sizeof k->name, "%s", name);
    k->lo = k->hi = k->current = k->center = k->spread = k->win_rate = k->wins = NAN;
    for (size_t i = 0; i < HT_TOP_ISLANDS_MAX; i++)
        k->island[i] = NAN;
    return k;
}

static ht_top_knob *knob_of_actuator(ht_top_model *m, const char *actuator, const char *param)
{
    char name[2 * HT_NAME_MAX];
    snprintf(name, sizeof name, "%.60s.%.60s", actuator, param != NULL ? param : "");
    return param != NULL ? knob_of(m, name) : NULL;
}

static const char *name_in_actuator(const ht_top_knob *k)
{
    const char *dot = strchr(k->name, '.');
    return dot != NULL ? dot + 1 : k->name;
}

static const struct {
    const char *suffix;
    char move;
} families[] = {{"_mult", 'x'}, {"_set", '='}, {"_delta", '+'}};

/* "opt:lr_mult" is the family of the knob "opt.lr", and wd_mult that of weight_decay. */
static ht_top_knob *knob_of_family(ht_top_model *m, const char *family)
{
    char actuator[HT_NAME_MAX], key[HT_NAME_MAX];
    const char *colon = family != NULL ? strchr(family, ':') : NULL;
    if (colon == NULL || (size_t)(colon - family) >= sizeof actuator || strlen(colon + 1) >= sizeof key)
        return NULL;
    snprintf(actuator, sizeof actuator, "%.*s", (int)(colon - family), family);
    snprintf(key, sizeof key, "%s", colon + 1);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        size_t n = strlen(key), suffix = strlen(families[i].suffix);
        if (n > suffix && strcmp(key + n - suffix, families[i].suffix) == 0)
            key[n - suffix] = '\0';
    }
    const char *param = strcmp(key, "wd") == 0 ? "weight_decay" : key;
    for (size_t i = 0; i < m->n_knobs; i++) {
        const char *name = name_in_actuator(&m->knobs[i]);
        size_t length = (size_t)(name - m->knobs[i].name);
        if ((strcmp(name, param) == 0 || strcmp(name, key) == 0) && length == strlen(actuator) + 1 &&
            strncmp(m->knobs[i].name, actuator, length - 1) == 0)
            return &m->knobs[i];
    }
    return knob_of_actuator(m, actuator, param);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static unsigned long run_of(const cJSON *line)
{
    const char *text = ht_json_text(line, "run");
    double number = text != NULL && text[0] == 'r' ? strtod(text + 1, NULL) : ht_json_number(line, "run", 0);
    return number >= 1 && number < 1e9 ? (unsigned long)number : 0;
}

/* A line of a later run: what was of the one before is forgotten. @return false: of an earlier one */
static bool is_of_this_run(ht_top_model *m, unsigned long run)
{
    if (run > m->run) {
        if (m->run > 0) {
            clear_lines(m);
            clear_numbers(m);
            m->final = false;
        }
        m->run = run;
    }
    return run == 0 || run == m->run;
}

/* Full: every second improvement goes, never the newest. */
static void add_to_curve(ht_top_model *m, double x)
{
    if (!ht_top_is_better(m, x, m->n_curve > 0 ? m->curve[m->n_curve - 1].best : NAN))
        return;
    if (m->n_curve == HT_TOP_CURVE_MAX) {
        for (size_t i = 0; 2 * i + 1 < HT_TOP_CURVE_MAX; i++)
            m->curve[i] = m->curve[2 * i + 1];
        m->n_curve = HT_TOP_CURVE_MAX / 2;
    }
    m->curve[m->n_curve].at = (double)m->lines;
    m->curve[m->n_curve++].best = x;
}

static void take_metrics(ht_top_model *m, const cJSON *line)
{
    ht_top_replica *r = replica_of(m, line);
    const cJSON *readings = ht_json_member(line, "metrics");
    if (r == NULL)
        return;
    double x = ht_json_number(readings, m->metric, NAN);
    r->value = x;
    r->epoch = ht_json_number(line, "epoch", r->epoch);
    r->step = ht_json_number(line, "step", r->step);
    if (ht_top_is_better(m, x, r->best))
        r->best = x;
    m->lines++;
    add_to_curve(m, x);
    m->ticks[m->next_tick] = ht_json_number(line, "wall_time", NAN);
    m->next_tick = (m->next_tick + 1) % HT_TOP_TICKS_MAX;
    m->n_ticks += m->n_ticks < HT_TOP_TICKS_MAX;
}

/* Values of an independent replica: after its mutation, or those before if that was taken back. */
static void take_mutation(ht_top_model *m, const cJSON *line)
{
    ht_top_replica *r = replica_of(m, line);
    const char *status = ht_json_text(line, "status"), *actuator = ht_json_text(line, "actuator");
    if (r == NULL || status == NULL || actuator == NULL || m->pooled)
        return;
    bool moved = strcmp(status, "applied") == 0 || strcmp(status, "accepted") == 0 ||
                 strcmp(status, "rejected") == 0 || strcmp(status, "rolled_back") == 0;
    const cJSON *one,
        *values =
            moved ? ht_json_member(line, strcmp(status, "rolled_back") == 0 ? "before" : "after") : NULL;
    cJSON_ArrayForEach(one, values) {
        ht_top_knob *k = cJSON_IsNumber(one) ? knob_of_actuator(m, actuator, one->string) : NULL;
        if (k != NULL)
            r->knobs[k - m->knobs] = one->valuedouble;
    }
}

static void take_segment(ht_top_model *m, const cJSON *line)
{
    ht_top_replica *r = replica_of(m, line);
    if (r == NULL)
        return;
    copy(r->verdict, sizeof r->verdict, ht_json_text(line, "decision"));
    r->score = ht_json_number(line, "score_delta", NAN);
}

static void put_point(ht_top_model *m, size_t island, const cJSON *knobs)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, knobs) {
        ht_top_knob *k = cJSON_IsNumber(one) ? knob_of(m, one->string) : NULL;
        if (k != NULL && island < HT_TOP_ISLANDS_MAX)
            k->island[island] = one->valuedouble;
    }
}

static void drop_point(ht_top_model *m, double island)
{
    for (size_t i = 0; island >= 0 && island < HT_TOP_ISLANDS_MAX && i < m->n_knobs; i++)
        m->knobs[i].island[(size_t)island] = NAN;
}

static void take_population(ht_top_model *m, const cJSON *line)
{
    const char *event = ht_json_text(line, "event");
    const cJSON *one, *winners = ht_json_member(line, "winners");
    double island = ht_json_number(line, "island", -1);
    size_t at = 0;
    m->pooled = true;
    if (event == NULL)
        return;
    if (strcmp(event, "race") == 0)
        cJSON_ArrayForEach(one, winners)
            put_point(m, at++, ht_json_member(one, "knobs"));
    if (strcmp(event, "segment") == 0 && island >= 0)
        put_point(m, (size_t)island, ht_json_member(line, "knobs"));
    if (strcmp(event, "given_up") == 0)
        drop_point(m, island);
    if (strcmp(event, "tournament") == 0)
        cJSON_ArrayForEach(one, ht_json_member(line, "islands"))
            if (!ht_json_true(one, "kept"))
                drop_point(m, ht_json_number(one, "island", -1));
}

static void add_event(ht_top_model *m, double when, bool warning, const char *text)
{
    ht_top_event *e = &m->events[m->next_event];
    *e = (ht_top_event){.when = when, .warning = warning};
    copy(e->text, sizeof e->text, text);
    m->next_event = (m->next_event + 1) % HT_TOP_EVENTS_MAX;
    m->n_events += m->n_events < HT_TOP_EVENTS_MAX;
}

static void take_applied(ht_top_model *m, const cJSON *line)
{
    const char *op = ht_json_text(line, "op"), *decision = ht_json_text(line, "decision");
    const char *error = ht_json_text(line, "error"), *module = ht_json_text(line, "module");
    if (op == NULL || decision == NULL)
        return;
    const char *why = error != NULL ? error : ht_json_text(line, "notes");
    snprintf(m->answer, sizeof m->answer, "%s%s%s: %s%s%.120s", module != NULL ? module : "",
             module != NULL ? " " : "", op, decision, why != NULL ? "; " : "", why != NULL ? why : "");
    m->answers++;
}

void ht_top_take_line(ht_top_model *m, ht_top_log log, const cJSON *line)
{
    static void (*const take[])(ht_top_model *, const cJSON *) = {[HT_TOP_METRICS] = take_metrics,
                                                                  [HT_TOP_MUTATIONS] = take_mutation,
                                                                  [HT_TOP_SEGMENTS] = take_segment,
                                                                  [HT_TOP_POPULATION] = take_population,
                                                                  [HT_TOP_APPLIED] = take_applied};
    if (cJSON_IsObject(line) && is_of_this_run(m, run_of(line)))
        take[log](m, line);
}

/* "2026-11-26T12:04:33Z r1 text" */
void ht_top_take_event(ht_top_model *m, const char *line)
{
    struct tm t = {0};
    unsigned long run = 0;
    int n = 0;
    double when = NAN;
    if (sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2dZ %n", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min,
               &t.tm_sec, &n) == 6 &&
        n > 0) {
        /* timegm is in no standard: days since 1970 by the civil calendar */
        long y = t.tm_year - (t.tm_mon <= 2), mp = (t.tm_mon + 9) % 12;
        long days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * mp + 2) / 5 + t.tm_mday - 1 - 719468;
        when = 86400. * (double)days + 3600. * t.tm_hour + 60. * t.tm_min + t.tm_sec;
        line += n;
        n = 0;
        if (sscanf(line, "r%9lu %n", &run, &n) == 1 && n > 0)
            line += n;
    }
    if (line[0] != '\0' && is_of_this_run(m, run))
        add_event(m, when, strncmp(line, "warning", 7) == 0 || strstr(line, " lost") != NULL, line);
}

/* ---- pages ----------------------------------------------------------------------------------- */

static void take_live(ht_top_model *m, const cJSON *live)
{
    const cJSON *one, *value;
    m->n_warnings = 0;
    cJSON_ArrayForEach(one, ht_json_member(live, "warnings"))
        if (cJSON_IsString(one) && m->n_warnings < sizeof m->warnings / sizeof *m->warnings) {
            ht_top_event *e = &m->warnings[m->n_warnings++];
            *e = (ht_top_event){.when = NAN, .warning = true};
            copy(e->text, sizeof e->text, one->valuestring);
        }
    cJSON_ArrayForEach(one, ht_json_member(live, "replicas")) {
        ht_top_replica *r = replica_of(m, one);
        const cJSON *doing = ht_json_member(one, "doing");
        const char *open = ht_json_text(one, "active_mutation");
        if (r == NULL)
            continue;
        copy(r->state, sizeof r->state, ht_json_text(one, "state"));
        copy(r->doing, sizeof r->doing,
             doing != NULL  ? ht_json_text(doing, "what")
             : open != NULL ? open
                            : "");
        r->island = (int)ht_json_number(doing, "island", -1);
        if (isnan(r->epoch))
            r->epoch = ht_json_number(one, "epoch", NAN);
        cJSON_ArrayForEach(value, ht_json_member(doing, "knobs")) {
            ht_top_knob *k = cJSON_IsNumber(value) ? knob_of(m, value->string) : NULL;
            if (k != NULL)
                r->knobs[k - m->knobs] = value->valuedouble;
        }
    }
}

static char move_of(const char *family)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strstr(family, families[i].suffix) != NULL)
            return families[i].move;
    return '=';
}

static void take_beliefs(ht_top_model *m, const cJSON *summary)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, ht_json_member(summary, "win_rates")) {
        ht_top_knob *k = knob_of_family(m, one->string);
        if (k == NULL)
            continue;
        k->move = move_of(one->string);
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
        copy(m->replicas[i].node, sizeof m->replicas[i].node,
             cJSON_IsString(node) ? node->valuestring : NULL);
    }
}

void ht_top_take_summary(ht_top_model *m, const cJSON *summary)
{
    if (!is_of_this_run(m, run_of(summary)))
        return;
    const cJSON *population = ht_json_member(summary, "population"),
                *champion = ht_json_member(summary, "champion");
    const cJSON *decisions = ht_json_member(summary, "segments_by_decision"),
                *live = ht_json_member(summary, "live");
    const cJSON *start = ht_json_member(summary, "start");
    copy(m->mode, sizeof m->mode, ht_json_text(summary, "mode"));
    m->final = ht_json_true(summary, "final");
    m->pooled = population != NULL;
    copy(m->policy, sizeof m->policy, ht_json_text(population, "policy"));
    copy(m->stage, sizeof m->stage, ht_json_text(population, "stage"));
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
            if (strcmp(name_in_actuator(k), param) != 0)
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
    copy(m->metric, sizeof m->metric, ht_json_text(objective, "primary"));
    m->maximize = mode != NULL && strcmp(mode, "max") == 0;
    cJSON_ArrayForEach(actuator, ht_json_member(effective, "actuators"))
        cJSON_ArrayForEach(family, ht_json_member(actuator, "mutations")) {
            char name[2 * HT_NAME_MAX];
            bool named = actuator->string != NULL && family->string != NULL;
            snprintf(name, sizeof name, "%.60s:%.60s", named ? actuator->string : "",
                     named ? family->string : "");
            ht_top_knob *k = named ? knob_of_family(m, name) : NULL;
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
    copy(m->workload, sizeof m->workload, ht_json_text(run, "workload"));
    if (isnan(m->epochs))
        m->epochs = ht_json_number(run, "epochs", NAN);
}

void ht_top_take_sign(ht_top_model *m, const ht_run_sign *sign)
{
    is_of_this_run(m, sign->run);
    m->sign = *sign;
}
