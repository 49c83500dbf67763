/* src/cli/top_model.c - what `hottune top` knows of a run; the contract is in top_model.h. May touch: the
 * heap. */
#include "cli/top_model_parts.h"

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

void ht_top_copy(char *to, size_t size, const char *from)
{
    if (from != NULL)
        snprintf(to, size, "%s", from);
}

ht_top_replica *ht_top_replica_of(ht_top_model *m, const cJSON *line)
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

ht_top_knob *ht_top_knob_of(ht_top_model *m, const char *name)
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
    return param != NULL ? ht_top_knob_of(m, name) : NULL;
}

const char *ht_top_name_in_actuator(const ht_top_knob *k)
{
    const char *dot = strchr(k->name, '.');
    return dot != NULL ? dot + 1 : k->name;
}

/* A family ends with how it moves its knob. @return bytes of that ending; 0 = there is none */
static size_t ending_of(const char *family, char *move)
{
    static const struct {
        const char *text;
        char move;
    } endings[] = {{"_mult", 'x'}, {"_set", '='}, {"_delta", '+'}};
    size_t n = strlen(family);
    *move = '=';
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t length = strlen(endings[i].text);
        if (n > length && strcmp(family + n - length, endings[i].text) == 0) {
            *move = endings[i].move;
            return length;
        }
    }
    return 0;
}

ht_top_knob *ht_top_knob_of_family(ht_top_model *m, const char *family, char *move)
{
    char actuator[HT_NAME_MAX], key[HT_NAME_MAX];
    const char *colon = family != NULL ? strchr(family, ':') : NULL;
    if (colon == NULL || (size_t)(colon - family) >= sizeof actuator || strlen(colon + 1) >= sizeof key)
        return NULL;
    snprintf(actuator, sizeof actuator, "%.*s", (int)(colon - family), family);
    snprintf(key, sizeof key, "%s", colon + 1);
    key[strlen(key) - ending_of(key, move)] = '\0';
    const char *param = strcmp(key, "wd") == 0 ? "weight_decay" : key;
    for (size_t i = 0; i < m->n_knobs; i++) {
        const char *name = ht_top_name_in_actuator(&m->knobs[i]);
        size_t length = (size_t)(name - m->knobs[i].name);
        if ((strcmp(name, param) == 0 || strcmp(name, key) == 0) && length == strlen(actuator) + 1 &&
            strncmp(m->knobs[i].name, actuator, length - 1) == 0)
            return &m->knobs[i];
    }
    return knob_of_actuator(m, actuator, param);
}

/* ---- lines ----------------------------------------------------------------------------------- */

unsigned long ht_top_run_of(const cJSON *line)
{
    const char *text = ht_json_text(line, "run");
    double number = text != NULL && text[0] == 'r' ? strtod(text + 1, NULL) : ht_json_number(line, "run", 0);
    return number >= 1 && number < 1e9 ? (unsigned long)number : 0;
}

bool ht_top_is_of_this_run(ht_top_model *m, unsigned long run)
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
    ht_top_replica *r = ht_top_replica_of(m, line);
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
    ht_top_replica *r = ht_top_replica_of(m, line);
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
    ht_top_replica *r = ht_top_replica_of(m, line);
    if (r == NULL)
        return;
    ht_top_copy(r->verdict, sizeof r->verdict, ht_json_text(line, "decision"));
    r->score = ht_json_number(line, "score_delta", NAN);
}

static void put_point(ht_top_model *m, size_t island, const cJSON *knobs)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, knobs) {
        ht_top_knob *k = cJSON_IsNumber(one) ? ht_top_knob_of(m, one->string) : NULL;
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
    ht_top_copy(e->text, sizeof e->text, text);
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
    if (cJSON_IsObject(line) && ht_top_is_of_this_run(m, ht_top_run_of(line)))
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
    if (line[0] != '\0' && ht_top_is_of_this_run(m, run))
        add_event(m, when, strncmp(line, "warning", 7) == 0 || strstr(line, " lost") != NULL, line);
}
