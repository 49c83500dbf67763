/* src/cli/settings.c - knobs that are set on the command line; the contract is in settings.h. */
#include "cli/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/value.h"

const ht_workload_knob *ht_settings_find(size_t n, const ht_workload_knob *knobs, const char *name)
{
    char full[2 * HT_NAME_MAX];
    for (size_t i = 0; i < n; i++) {
        snprintf(full, sizeof full, "%s.%s", knobs[i].actuator, knobs[i].name);
        if (strcmp(full, name) == 0)
            return &knobs[i];
    }
    return NULL;
}

static ht_status unknown_knob(size_t n, const ht_workload_knob *knobs, const char *name, ht_error *err)
{
    ht_string list = {0};
    for (size_t i = 0; i < n; i++)
        ht_string_add(&list, "%s%s.%s", i > 0 ? ", " : "", knobs[i].actuator, knobs[i].name);
    ht_status st = ht_fail(err, HT_EINVAL, "--set: there is no knob '%s'; there are %s", name, ht_string_peek(&list));
    ht_string_release(&list);
    return st;
}

/* One "actuator.name=value"; `word` is cut at its '='. */
static ht_status read_setting(size_t n, const ht_workload_knob *knobs, char *word, const ht_workload_knob **knob,
                              double *value, ht_error *err)
{
    char *text = strchr(word, '=');
    if (text == NULL)
        return ht_fail(err, HT_EINVAL, "--set: '%s' is not NAME=VALUE, such as opt.lr=0.01", word);
    *text++ = 0;
    if ((*knob = ht_settings_find(n, knobs, word)) == NULL)
        return unknown_knob(n, knobs, word, err);
    if (!ht_parse_number(text, value, NULL) || !(*value >= (*knob)->lo && *value <= (*knob)->hi))
        return ht_fail(err, HT_EINVAL, "--set: %s: '%s' is not a number in %g .. %g", word, text, (*knob)->lo,
                       (*knob)->hi);
    return HT_OK;
}

ht_status ht_settings_apply(size_t n, const ht_workload_knob *knobs, const char *list, ht_error *err)
{
    enum { MOST = 64 };
    const ht_workload_knob *set[MOST];
    double values[MOST];
    size_t n_set = 0;
    char *copy = strdup(list), *rest = NULL;
    if (copy == NULL)
        return ht_fail(err, HT_ENOMEM, "out of memory");
    ht_status st = HT_OK;
    for (char *word = strtok_r(copy, ",", &rest); word != NULL && st == HT_OK; word = strtok_r(NULL, ",", &rest)) {
        st = n_set < MOST ? read_setting(n, knobs, word, &set[n_set], &values[n_set], err)
                          : ht_fail(err, HT_EINVAL, "--set: more than %d settings", MOST);
        n_set++;
    }
    for (size_t i = 0; st == HT_OK && i < n_set; i++)
        *set[i]->value = values[i];
    free(copy);
    return st;
}
