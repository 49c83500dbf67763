/* src/store/record_read.c - records from JSON lines; the contract is in record_read.h.
 *
 * Pure: no files, no clock. */
#include "store/record_read.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/value.h"

/* The number in "m_00012"; 0 if the text does not begin with `prefix`. */
static unsigned long id_number(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);
    return text != NULL && strncmp(text, prefix, n) == 0 ? strtoul(text + n, NULL, 10) : 0;
}

unsigned long ht_line_run(const cJSON *line)
{
    return id_number(ht_json_text(line, "run"), "r");
}

long long ht_line_int(const cJSON *line, const char *name, long long most)
{
    double x = ht_json_number(line, name, 0);
    return fabs(x) < 9e15 && fabs(x) <= (double)most ? (long long)x : 0;
}

static long long whole(const cJSON *line, const char *name)
{
    return ht_line_int(line, name, LLONG_MAX);
}

static int replica(const cJSON *line)
{
    return (int)ht_line_int(line, "replica", INT_MAX);
}

/* Cut to the size of the field. */
static void take_text(char *to, size_t size, const cJSON *line, const char *name)
{
    const char *text = ht_json_text(line, name);
    size_t n = text != NULL ? strnlen(text, size - 1) : 0;
    if (n > 0)
        memcpy(to, text, n);
    to[n] = '\0';
}

/* The index of the word among n words, or `fallback`. */
static int word(const char *text, int n, const char *(*word_at)(int), int fallback)
{
    for (int i = 0; text != NULL && i < n; i++)
        if (strcmp(text, word_at(i)) == 0)
            return i;
    return fallback;
}

static const char *source_at(int i)
{
    return ht_source_text((ht_source)i);
}

static const char *scale_at(int i)
{
    return ht_scale_text((ht_scale)i);
}

static const char *decision_at(int i)
{
    return ht_decision_text((ht_decision)i);
}

static const char *rollback_at(int i)
{
    return ht_rollback_text((ht_rollback)i);
}

/* A member that is no number is one that was not finite. */
static double number_or_nan(const cJSON *item)
{
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

static void take_readings(const cJSON *object, ht_readings *out)
{
    const cJSON *item;
    if (cJSON_IsObject(object))
        cJSON_ArrayForEach(item, object)
            ht_readings_put(out, item->string, number_or_nan(item));
}

/* ---- mutations ---------------------------------------------------------------------------------- */

static size_t take_cells(const cJSON *item, double cells[HT_CELLS_MAX])
{
    size_t n = 0;
    const cJSON *one;
    if (!cJSON_IsArray(item)) {
        cells[0] = number_or_nan(item);
        return 1;
    }
    cJSON_ArrayForEach(one, item)
        if (n < HT_CELLS_MAX)
            cells[n++] = number_or_nan(one);
    return n;
}

static void take_changes(const cJSON *line, ht_mutation *m)
{
    const cJSON *before = ht_json_member(line, "before"), *after = ht_json_member(line, "after"), *item;
    if (!cJSON_IsObject(before) || !cJSON_IsObject(after))
        return;
    cJSON_ArrayForEach(item, after) {
        if (m->n_changes == HT_CHANGES_MAX)
            return;
        ht_change *c = &m->changes[m->n_changes++];
        const cJSON *old = ht_json_member(before, item->string);
        ht_name_copy(c->param, item->string);
        c->n_cells = take_cells(item, c->after);
        c->was_absent = old == NULL || cJSON_IsNull(old);
        take_cells(old, c->before);
    }
}

static ht_scale scale_of(const cJSON *line, const ht_recipe *recipe, const ht_mutation *m)
{
    const ht_actuator_spec *a = ht_recipe_actuator(recipe, m->actuator);
    const ht_family_spec *f = a != NULL ? ht_actuator_family(a, m->key) : NULL;
    ht_scale told = f != NULL ? ht_family_scale(f, false) : HT_SCALE_LINEAR;
    return (ht_scale)word(ht_json_text(line, "scale"), HT_SCALE_BETA + 1, scale_at, (int)told);
}

bool ht_mutation_from_json(const cJSON *line, const ht_recipe *recipe, ht_mutation *out)
{
    const cJSON *patch = ht_json_member(line, "patch");
    const char *status = ht_json_text(line, "status");
    ht_mutation m = {.number = id_number(ht_json_text(line, "mutation_id"), "m_"),
                     .replica = replica(line),
                     .step = whole(line, "step"),
                     .epoch = whole(line, "epoch")};
    take_text(m.phase, sizeof m.phase, line, "phase_bin");
    take_text(m.actuator, sizeof m.actuator, line, "actuator");
    take_text(m.patch.op, sizeof m.patch.op, patch, "op");
    take_text(m.patch.key, sizeof m.patch.key, patch, "key");
    if (m.number == 0 || m.actuator[0] == '\0' || m.patch.op[0] == '\0' || status == NULL ||
        !ht_mutation_status_parse(status, &m.status))
        return false;
    ht_name_copy(m.key, m.patch.key[0] != '\0' ? m.patch.key : m.patch.op);
    m.patch.value = ht_value_from_json(ht_json_member(patch, "value"));
    m.source = (ht_source)word(ht_json_text(line, "proposal_source"), HT_SOURCE_REPLAY + 1, source_at,
                               HT_SOURCE_RANDOM);
    m.scale = scale_of(line, recipe, &m);
    take_changes(line, &m);
    take_text(m.error, sizeof m.error, line, "error");
    take_text(m.reason, sizeof m.reason, line, "reason");
    *out = m;
    return true;
}

/* ---- segments ----------------------------------------------------------------------------------- */

bool ht_segment_from_json(const cJSON *line, ht_segment *out)
{
    const cJSON *stability = ht_json_member(line, "stability"), *score = ht_json_member(line, "score_delta");
    int decision = word(ht_json_text(line, "decision"), HT_DECISION_LOST + 1, decision_at, -1);
    ht_segment g = {.number = id_number(ht_json_text(line, "segment_id"), "s_"),
                    .mutation = id_number(ht_json_text(line, "mutation_id"), "m_"),
                    .replica = replica(line),
                    .start_step = whole(line, "start_step"),
                    .end_step = whole(line, "end_step"),
                    .stability = {ht_json_true(stability, "nan"), ht_json_true(stability, "anomaly"),
                                  ht_json_true(stability, "grad_spike")},
                    .has_score = cJSON_IsNumber(score),
                    .score = cJSON_IsNumber(score) ? score->valuedouble : 0,
                    .early = ht_json_true(line, "early")};
    if (g.number == 0 || g.mutation == 0 || decision < 0)
        return false;
    g.decision = (ht_decision)decision;
    g.rollback =
        (ht_rollback)word(ht_json_text(line, "rollback"), HT_ROLLBACK_OFF + 1, rollback_at, HT_ROLLBACK_NONE);
    take_text(g.horizon, sizeof g.horizon, line, "horizon_type");
    take_text(g.reason, sizeof g.reason, line, "reason");
    take_readings(ht_json_member(line, "pre"), &g.pre);
    take_readings(ht_json_member(line, "post"), &g.post);
    *out = g;
    return true;
}
