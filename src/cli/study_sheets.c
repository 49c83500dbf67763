/* src/cli/study_sheets.c - which tables a study has, over all runs; the contract is in study_sheets.h.
 *
 * May touch: the heap; reads the file that is given. */
#include "cli/study_sheets.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 8 };

static ht_status no_memory(ht_error *err)
{
    return ht_fail(err, HT_ENOMEM, "out of memory");
}

/* The name of a table is that of a file, too, and comes from a file that may be anything. */
static char *sheet_name(const char *path)
{
    char *name = strdup(path);
    for (char *c = name; c != NULL && *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && *c != '-' && (*c != '.' || c == name))
            *c = '_';
    return name;
}

/* The table of this name, a new one if need be; NULL: no memory. */
static ht_sheet *find_sheet(ht_sheets *s, const char *path)
{
    char *name = sheet_name(path);
    for (size_t i = 0; name != NULL && i < s->n; i++)
        if (strcmp(s->at[i].name, name) == 0) {
            free(name);
            return &s->at[i];
        }
    ht_sheet *all = name != NULL ? realloc(s->at, (s->n + 1) * sizeof *all) : NULL;
    if (all == NULL) {
        free(name);
        return NULL;
    }
    s->at = all;
    all[s->n] = (ht_sheet){.name = name, .records = cJSON_CreateArray()};
    return &all[s->n++];
}

static ht_status add_record(ht_sheets *s, const char *name, cJSON *record, ht_error *err)
{
    ht_sheet *sheet = find_sheet(s, name);
    if (sheet == NULL || !cJSON_AddItemToArray(sheet->records, record)) {
        cJSON_Delete(record);
        return no_memory(err);
    }
    return HT_OK;
}

static ht_status add_source(ht_sheets *s, const char *name, const char *object, const char *run,
                            ht_error *err)
{
    ht_sheet *sheet = find_sheet(s, name);
    ht_sheet_source *all =
        sheet != NULL ? realloc(sheet->sources, (sheet->n_sources + 1) * sizeof *all) : NULL;
    if (all == NULL)
        return no_memory(err);
    sheet->sources = all;
    all[sheet->n_sources++] = (ht_sheet_source){strdup(object), run != NULL ? strdup(run) : NULL};
    return HT_OK;
}

/* ---- the walk ----------------------------------------------------------------------------------- */

/* A place in the file: `name` is how its tables are called, `run` whose they are. */
typedef struct {
    const char *object, *name, *run;
    int depth;
} place;

static ht_status walk_group(ht_sheets *s, const place *p, ht_error *err);

static ht_status walk_object(ht_sheets *s, const place *p, ht_error *err)
{
    char *text = NULL;
    switch (ht_study_look(s->f, p->object)) {
    case HT_OBJECT_GROUP:
        return p->depth < DEPTH_MAX ? walk_group(s, p, err)
                                    : ht_fail(err, HT_EFORMAT, "'%s': groups in groups without end at '%s'",
                                              ht_study_file_path(s->f), p->object);
    case HT_OBJECT_TABLE:
        return add_source(s, p->name, p->object, p->run, err);
    case HT_OBJECT_TEXT:
        HT_TRY(ht_study_text(s->f, p->object, &text, err));
        ht_json_put_text(s->texts, p->object, text);
        free(text);
        return HT_OK;
    case HT_OBJECT_OTHER:
        return HT_OK; /* not ours: study check names it */
    case HT_OBJECT_NONE:
        break;
    }
    return ht_fail(err, HT_EFORMAT, "'%s': object '%s' cannot be opened", ht_study_file_path(s->f),
                   p->object);
}

static ht_status walk_group(ht_sheets *s, const place *p, ht_error *err)
{
    ht_study_names links;
    HT_TRY(ht_study_links(s->f, p->object, &links, err));
    ht_status st = HT_OK;
    for (size_t i = 0; st == HT_OK && i < links.n; i++) {
        ht_string object = {0}, name = {0};
        ht_string_add(&object, "%s/%s", strcmp(p->object, "/") == 0 ? "" : p->object, links.names[i]);
        ht_string_add(&name, "%s%s%s", p->name, p->name[0] != '\0' ? "_" : "", links.names[i]);
        const place below = {ht_string_peek(&object), ht_string_peek(&name), p->run, p->depth + 1};
        bool own = strcmp(below.object, "/runs") == 0 || strcmp(below.object, "/priors") == 0;
        st = object.failed || name.failed ? no_memory(err) : own ? HT_OK : walk_object(s, &below, err);
        ht_string_release(&object);
        ht_string_release(&name);
    }
    ht_study_names_release(&links);
    return st;
}

/* ---- runs and priors ---------------------------------------------------------------------------- */

static ht_status add_run(ht_sheets *s, const char *object, ht_error *err)
{
    cJSON *run = NULL;
    HT_TRY(ht_study_attributes(s->f, object, &run, err));
    const char *found = ht_json_text(run, "id");
    char *id = found != NULL ? strdup(found) : NULL;
    ht_status st = add_record(s, "runs", run, err);
    if (st == HT_OK && id == NULL)
        st = ht_fail(err, HT_EFORMAT, "'%s' is damaged: '%s' has no id", ht_study_file_path(s->f), object);
    if (st == HT_OK)
        st = walk_object(s, &(place){object, "", id, 2}, err);
    free(id);
    return st;
}

/* A row for each phase of a family. */
static ht_status add_prior(ht_sheets *s, const char *object, ht_error *err)
{
    ht_study_names phases = {0};
    cJSON *family = NULL;
    HT_TRY(ht_study_attributes(s->f, object, &family, err));
    ht_status st = ht_study_links(s->f, object, &phases, err);
    if (st == HT_OK && phases.n == 0)
        st = add_record(s, "priors", cJSON_Duplicate(family, true), err);
    for (size_t i = 0; st == HT_OK && i < phases.n; i++) {
        ht_string path = {0};
        cJSON *phase = NULL, *record = cJSON_Duplicate(family, true);
        ht_string_add(&path, "%s/%s", object, phases.names[i]);
        st = ht_study_attributes(s->f, ht_string_peek(&path), &phase, err);
        for (cJSON *item = phase != NULL ? phase->child : NULL; item != NULL; item = item->next)
            ht_json_put(record, item->string, cJSON_Duplicate(item, true));
        if (st == HT_OK)
            st = add_record(s, "priors", record, err);
        else
            cJSON_Delete(record);
        cJSON_Delete(phase);
        ht_string_release(&path);
    }
    ht_study_names_release(&phases);
    cJSON_Delete(family);
    return st;
}

static ht_status each_of(ht_sheets *s, const char *group,
                         ht_status (*add)(ht_sheets *, const char *, ht_error *), ht_error *err)
{
    ht_study_names links;
    if (ht_study_look(s->f, group) != HT_OBJECT_GROUP)
        return HT_OK;
    HT_TRY(ht_study_links(s->f, group, &links, err));
    ht_status st = HT_OK;
    for (size_t i = 0; st == HT_OK && i < links.n; i++) {
        ht_string object = {0};
        ht_string_add(&object, "%s/%s", group, links.names[i]);
        st = add(s, ht_string_peek(&object), err);
        ht_string_release(&object);
    }
    ht_study_names_release(&links);
    return st;
}

ht_status ht_sheets_gather(const ht_study_file *f, ht_sheets *out, ht_error *err)
{
    cJSON *root = NULL;
    *out = (ht_sheets){.f = f, .texts = cJSON_CreateObject()};
    HT_TRY(ht_study_attributes(f, "/", &root, err));
    HT_TRY(add_record(out, "study", root, err));
    HT_TRY(each_of(out, "/runs", add_run, err));
    HT_TRY(each_of(out, "/priors", add_prior, err));
    return walk_object(out, &(place){"/", "", NULL, 0}, err);
}

void ht_sheets_release(ht_sheets *s)
{
    for (size_t i = 0; i < s->n; i++) {
        for (size_t k = 0; k < s->at[i].n_sources; k++) {
            free(s->at[i].sources[k].object);
            free(s->at[i].sources[k].run);
        }
        free(s->at[i].sources);
        free(s->at[i].name);
        cJSON_Delete(s->at[i].records);
    }
    free(s->at);
    cJSON_Delete(s->texts);
    *s = (ht_sheets){0};
}
