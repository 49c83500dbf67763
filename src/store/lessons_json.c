/* src/store/lessons_json.c - what a pooled run teaches the next one, in its summary; see record_json.h.
 *
 * May touch: the heap. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/record_json.h"

/* The numbers of a lesson, under their names. */
static const struct {
    const char *name;
    size_t at;
} numbers[] = {
    {"mean", offsetof(ht_lesson, mean)},     {"factor", offsetof(ht_lesson, factor)},
    {"spread", offsetof(ht_lesson, spread)}, {"n", offsetof(ht_lesson, n)},
    {"wins", offsetof(ht_lesson, wins)},     {"fresh", offsetof(ht_lesson, fresh)},
    {"fresh_wins", offsetof(ht_lesson, fresh_wins)},
};

static double *number_in(ht_lesson *l, size_t i)
{
    return (double *)((char *)l + numbers[i].at);
}

static cJSON *lesson_to_json(ht_lesson *l)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_text(o, "actuator", l->actuator);
    ht_json_put_text(o, "key", l->key);
    ht_json_put_text(o, "phase", l->phase);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        ht_json_put_real(o, numbers[i].name, *number_in(l, i));
    return o;
}

cJSON *ht_lessons_to_json(const ht_learned *learned, const ht_pool *pool)
{
    ht_run_evidence e = {.n = 0};
    if (ht_learned_evidence(learned, pool, &e) != HT_OK)
        return NULL;
    cJSON *o = cJSON_CreateObject(), *list = cJSON_CreateArray();
    ht_json_put_real(o, "champion", e.champion);
    ht_json_put_text(o, "origin", ht_origin_text(e.origin));
    for (size_t i = 0; i < e.n_lessons; i++)
        cJSON_AddItemToArray(list, lesson_to_json(&e.lessons[i]));
    ht_json_put(o, "lessons", list);
    ht_run_evidence_release(&e);
    return o;
}

static bool read_name(const cJSON *item, const char *key, char name[HT_NAME_MAX])
{
    const char *text = ht_json_text(item, key);
    return text != NULL && ht_name_copy(name, text);
}

/* As exact as the study's: a lesson with a number that makes no sense is none. */
static bool read_lesson(const cJSON *item, ht_lesson *l)
{
    *l = (ht_lesson){.factor = 1};
    bool fine = read_name(item, "actuator", l->actuator) && read_name(item, "key", l->key) &&
                read_name(item, "phase", l->phase);
    for (size_t i = 0; fine && i < sizeof numbers / sizeof *numbers; i++) {
        double x = ht_json_number(item, numbers[i].name, NAN);
        fine = x >= 0 && x <= 1e15;
        *number_in(l, i) = x;
    }
    return fine && l->factor > 0;
}

ht_status ht_summary_lessons(const cJSON *summary, ht_run_evidence *out, ht_error *err)
{
    const cJSON *learned = ht_json_member(ht_json_member(summary, "population"), "learned"), *item;
    const cJSON *list = ht_json_member(learned, "lessons");
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) == 0)
        return HT_OK;
    out->lessons = calloc((size_t)cJSON_GetArraySize(list), sizeof *out->lessons);
    if (out->lessons == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for what the run teaches");
    out->champion = ht_json_number(learned, "champion", NAN);
    out->origin = ht_origin_of(ht_json_text(learned, "origin"));
    cJSON_ArrayForEach(item, list)
        out->n_lessons += read_lesson(item, &out->lessons[out->n_lessons]);
    return HT_OK;
}
