/* src/cli/schedule.c - the champion's schedule of a pooled run; the contract is in schedule.h.
 *
 * May touch: the run directory (reads), the heap. */
#include "cli/schedule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/page.h"
#include "store/run_dir.h"

enum { EPOCHS_MAX = 1000000 };

static ht_status read_names(const cJSON *knobs, ht_schedule *out, ht_error *err)
{
    const cJSON *knob;
    cJSON_ArrayForEach(knob, knobs) {
        if (out->n_knobs == HT_SCHEDULE_KNOBS_MAX || strlen(knob->string) >= sizeof out->names[0])
            return ht_fail(err, HT_EFORMAT,
                           "population.schedule[0].knobs has more than %d knobs, or one with a long name",
                           HT_SCHEDULE_KNOBS_MAX);
        snprintf(out->names[out->n_knobs++], sizeof out->names[0], "%s", knob->string);
    }
    return HT_OK;
}

static ht_status read_piece(const cJSON *item, size_t number, ht_schedule *out, ht_error *err)
{
    const cJSON *knobs = ht_json_member(item, "knobs");
    double epochs = ht_json_number(item, "epochs", NAN);
    if (!(epochs >= 0 && epochs <= EPOCHS_MAX - out->epochs) || epochs != floor(epochs))
        return ht_fail(err, HT_EFORMAT, "population.schedule[%zu].epochs is no number of epochs", number);
    if (epochs == 0)
        return HT_OK;
    ht_schedule_piece *p = &out->pieces[out->n];
    *p = (ht_schedule_piece){.first = out->epochs + 1, .epochs = (int)epochs};
    for (size_t i = 0; i < out->n_knobs; i++) {
        p->values[i] = ht_json_number(knobs, out->names[i], NAN);
        if (!isfinite(p->values[i]))
            return ht_fail(err, HT_EFORMAT, "population.schedule[%zu].knobs has no value of '%s'", number,
                           out->names[i]);
    }
    out->epochs += p->epochs;
    out->n++;
    return HT_OK;
}

static ht_status read_pieces(const cJSON *list, ht_schedule *out, ht_error *err)
{
    const cJSON *item;
    size_t number = 0;
    int n = cJSON_GetArraySize(list);
    if (n == 0)
        return ht_fail(err, HT_EINVAL, "the run has no champion yet");
    HT_TRY(read_names(ht_json_member(list->child, "knobs"), out, err));
    if (out->n_knobs == 0)
        return ht_fail(err, HT_EFORMAT, "population.schedule[0].knobs is missing or empty");
    out->pieces = calloc((size_t)n, sizeof *out->pieces);
    if (out->pieces == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a schedule of %d pieces", n);
    cJSON_ArrayForEach(item, list)
        HT_TRY(read_piece(item, number++, out, err));
    return out->n > 0 ? HT_OK : ht_fail(err, HT_EINVAL, "the champion has not trained an epoch");
}

/* The champion's step and epoch, as its program counted them. */
static long long steps_per_epoch(const cJSON *champion)
{
    double steps = ht_json_number(champion, "step", 0) / ht_json_number(champion, "epoch", NAN);
    return steps >= 1 && steps < 1e9 && steps == floor(steps) ? (long long)steps : 0;
}

static ht_status read_summary(const cJSON *summary, ht_schedule *out, ht_error *err)
{
    const cJSON *list = ht_json_member(ht_json_member(summary, "population"), "schedule");
    const cJSON *champion = ht_json_member(summary, "champion");
    if (!cJSON_IsArray(list))
        return ht_fail(
            err, HT_EINVAL,
            "the run was not pooled: it has no schedule; its mutations are repeated by --mode replay");
    out->val = ht_json_number(champion, "val", ht_json_number(champion, "value", NAN));
    out->test = ht_json_number(champion, "test", NAN);
    out->steps_per_epoch = steps_per_epoch(champion);
    return read_pieces(list, out, err);
}

ht_status ht_schedule_read(const char *dir, ht_schedule *out, ht_error *err)
{
    char *path = ht_path_join(dir, HT_FILE_SUMMARY);
    cJSON *summary = NULL;
    ht_schedule s = {.val = NAN, .test = NAN};
    ht_status st = path != NULL ? ht_page_read(path, &summary, err) : ht_fail(err, HT_ENOMEM, "out of memory");
    if (st == HT_OK && (st = read_summary(summary, &s, err)) != HT_OK)
        ht_fail_in(err, st, path);
    if (st == HT_OK) {
        *out = s;
        s.pieces = NULL;
    }
    ht_schedule_release(&s);
    cJSON_Delete(summary);
    free(path);
    return st;
}

void ht_schedule_release(ht_schedule *s)
{
    free(s->pieces);
    s->pieces = NULL;
}

const ht_schedule_piece *ht_schedule_at(const ht_schedule *s, int epoch)
{
    size_t i = 0;
    while (i + 1 < s->n && epoch >= s->pieces[i + 1].first)
        i++;
    return &s->pieces[i];
}
