/* src/population/operation.c - texts and release of operations; the contract is in operation.h. */
#include "population/operation.h"

#include <stdlib.h>
#include <string.h>

static const char *const source_texts[] = {"external", "yaml", "replay", "internal"};
static const char *const decision_texts[] = {"applied", "failed", "ignored", "ignored_freeze",
                                             "ignored_replay"};
static const char *const freeze_texts[] = {"off", "prod", "replay", "replay_adjusted"};

const char *ht_operation_source_text(ht_operation_source s)
{
    return source_texts[s];
}

const char *ht_ledger_decision_text(ht_ledger_decision d)
{
    return decision_texts[d];
}

const char *ht_freeze_mode_text(ht_freeze_mode m)
{
    return freeze_texts[m];
}

bool ht_freeze_mode_parse(const char *text, ht_freeze_mode *out)
{
    for (size_t i = 0; i < sizeof freeze_texts / sizeof *freeze_texts; i++)
        if (strcmp(text, freeze_texts[i]) == 0) {
            *out = (ht_freeze_mode)i;
            return true;
        }
    return false;
}

void ht_operation_release(ht_operation *o)
{
    cJSON_Delete(o->body);
    free(o->attachment);
    *o = (ht_operation){.command_end = -1};
}

void ht_ledger_line_release(ht_ledger_line *l)
{
    cJSON_Delete(l->params);
    cJSON_Delete(l->payload);
    l->params = l->payload = NULL;
}

/* The overlay in the first line; NULL if that is an entry, or no JSON at all. */
static cJSON *overlay_of(const char *list, size_t line)
{
    cJSON *overlay = NULL;
    char *text = malloc(line + 1);
    if (text == NULL)
        return NULL;
    memcpy(text, list, line);
    text[line] = '\0';
    if (ht_json_parse(text, &overlay, NULL, NULL) == HT_OK &&
        !cJSON_IsArray(ht_json_member(overlay, "patches"))) {
        cJSON_Delete(overlay);
        overlay = NULL;
    }
    free(text);
    return overlay;
}

ht_status ht_list_parse(const char *list, long long step_offset, ht_oplist **out, ht_error *err)
{
    size_t line = strcspn(list, "\n");
    cJSON *overlay = overlay_of(list, line);
    const char *entries = overlay == NULL ? list : list[line] == '\n' ? list + line + 1 : "";
    ht_status st = ht_oplist_parse(entries, overlay, step_offset, out, err);
    cJSON_Delete(overlay);
    return st;
}
