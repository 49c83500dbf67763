/* src/store/study_check.c - walks a file in HDF5 and says of each object whether it is whole; the contract is
 * in study_check.h.
 *
 * `known` is the one list of the objects of our files: what is not in it is named, and what is needed must be
 * there. May touch: the file that is checked (reads only). */
#include "store/study_check.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/seal.h"

enum { BLOCK_BYTES = 1 << 22, DEPTH_MAX = 16, OBJECTS_MAX = 1000000 };

typedef struct {
    const char *path; /* of one level each: * is any name */
    ht_object_kind kind;
    bool needed; /* in every group that matches the path above it */
} known_object;

static const known_object of_study[] = {
    {"/recipe", HT_OBJECT_GROUP, false},
    {"/recipe/base", HT_OBJECT_TEXT, true},
    {"/recipe/evolved", HT_OBJECT_TEXT, true},
    {"/space", HT_OBJECT_GROUP, false},
    {"/space/families", HT_OBJECT_TABLE, true},
    {"/priors", HT_OBJECT_GROUP, false},
    {"/priors/*", HT_OBJECT_GROUP, false},
    {"/priors/*/*", HT_OBJECT_GROUP, false},
    {"/posterior", HT_OBJECT_GROUP, false},
    {"/posterior/observations", HT_OBJECT_TABLE, true},
    {"/runs", HT_OBJECT_GROUP, true},
    {"/runs/*", HT_OBJECT_GROUP, false},
    {"/runs/*/recipe", HT_OBJECT_TEXT, true},
    {"/runs/*/base_recipe", HT_OBJECT_TEXT, true},
    {"/runs/*/places", HT_OBJECT_TABLE, false},
    {"/runs/*/segments", HT_OBJECT_TABLE, true},
    {"/runs/*/mutations", HT_OBJECT_TABLE, false},
    {"/runs/*/readings_pre", HT_OBJECT_TABLE, false},
    {"/runs/*/readings_post", HT_OBJECT_TABLE, false},
    {"/runs/*/knobs", HT_OBJECT_TABLE, false},
    {"/runs/*/factors", HT_OBJECT_TABLE, false},
    {"/runs/*/curves", HT_OBJECT_TABLE, true},
    {"/runs/*/evidence", HT_OBJECT_TABLE, true},
    {"/runs/*/observations", HT_OBJECT_TABLE, false},
    {"/runs/*/lineage", HT_OBJECT_TABLE, false},
    {"/runs/*/lineage_knobs", HT_OBJECT_TABLE, false},
    {"/runs/*/schedule", HT_OBJECT_TABLE, false},
    {"/runs/*/schedule_knobs", HT_OBJECT_TABLE, false},
    {"/runs/*/gain", HT_OBJECT_TABLE, false},
    {"/runs/*/shares", HT_OBJECT_TABLE, false},
    {"/runs/*/plan", HT_OBJECT_TEXT, false},
    {"/runs/*/lessons", HT_OBJECT_TABLE, false},
    {NULL},
};
static const known_object of_sweep[] = {
    {"/space", HT_OBJECT_TEXT, true},
    {"/trials", HT_OBJECT_TABLE, true},
    {"/reports", HT_OBJECT_TABLE, true},
    {NULL},
};
static const known_object of_champion[] = {
    {"/weights", HT_OBJECT_GROUP, true},
    {"/weights/*", HT_OBJECT_TABLE, false},
    {NULL},
};

typedef struct {
    const ht_study_file *f;
    const ht_check_sink *sink;
    const known_object *known;
    size_t objects, damaged;
} walk;

static void say(walk *w, ht_check_verdict verdict, const char *object, const char *what)
{
    w->damaged += verdict == HT_CHECK_DAMAGED;
    w->sink->say(w->sink->ctx, verdict, object, what);
}

/* What the message of a failed call says, without the name of the file and the object. */
static const char *reason(const ht_error *err)
{
    const char *found = strstr(err->text, "': object '");
    const char *end = found != NULL ? strstr(found + 11, "' ") : NULL;
    return end != NULL ? end + 2 : err->text;
}

static const known_object *find_known(const known_object *table, const char *path)
{
    for (; table->path != NULL; table++)
        if (fnmatch(table->path, path, FNM_PATHNAME | FNM_NOESCAPE) == 0)
            return table;
    return NULL;
}

/* ---- one object ----------------------------------------------------------------------------------- */

static void check_table(walk *w, const char *path)
{
    ht_study_table t;
    ht_error err = {""};
    ht_status st = ht_study_table_read(w->f, path, 0, 0, &t, &err);
    size_t all = 0, columns = 0, rows = 1;
    if (st == HT_OK) {
        all = t.n_all;
        columns = t.n_columns;
        rows = BLOCK_BYTES / (t.row_size + 1) + 1;
        ht_study_table_release(&t);
    }
    for (size_t at = 0; st == HT_OK && at < all; at += rows) {
        st = ht_study_table_read(w->f, path, at, rows, &t, &err);
        if (st == HT_OK)
            ht_study_table_release(&t);
        if (w->sink->alive != NULL)
            w->sink->alive(w->sink->ctx);
    }
    char what[96];
    snprintf(what, sizeof what, "%zu %s of %zu %s", all, all == 1 ? "row" : "rows", columns,
             columns == 1 ? "column" : "columns");
    say(w, st == HT_OK ? HT_CHECK_WHOLE : HT_CHECK_DAMAGED, path, st == HT_OK ? what : reason(&err));
}

static void check_text(walk *w, const char *path)
{
    char *text = NULL, what[64];
    ht_error err = {""};
    ht_status st = ht_study_text(w->f, path, &text, &err);
    snprintf(what, sizeof what, "%zu bytes", text != NULL ? strlen(text) : 0);
    if (st != HT_OK)
        say(w, HT_CHECK_DAMAGED, path, reason(&err));
    else if (ht_utf8_fault(text) != NULL)
        say(w, HT_CHECK_DAMAGED, path, "is no UTF-8");
    else
        say(w, HT_CHECK_WHOLE, path, what);
    free(text);
}

static void check_group(walk *w, const char *path, int depth);

static void check_object(walk *w, const char *path, int depth)
{
    ht_object_kind kind = ht_study_look(w->f, path);
    const known_object *known = strcmp(path, "/") == 0 ? NULL : find_known(w->known, path);
    cJSON *attributes = NULL;
    ht_error err = {""};
    if (++w->objects > OBJECTS_MAX || depth > DEPTH_MAX) {
        say(w, HT_CHECK_DAMAGED, path, "lies in groups without end");
        return;
    }
    if (kind == HT_OBJECT_NONE) {
        say(w, HT_CHECK_DAMAGED, path, "cannot be opened");
        return;
    }
    if (ht_study_attributes(w->f, path, &attributes, &err) != HT_OK)
        say(w, HT_CHECK_DAMAGED, path, reason(&err));
    cJSON_Delete(attributes);
    if (known == NULL && depth > 0)
        say(w, HT_CHECK_NOTE, path, "is not known to this version of hottune");
    else if (known != NULL && known->kind != kind) {
        say(w, HT_CHECK_DAMAGED, path, "is of another kind than it should be");
        return;
    }
    if (kind == HT_OBJECT_GROUP)
        check_group(w, path, depth);
    else if (kind == HT_OBJECT_TABLE)
        check_table(w, path);
    else if (kind == HT_OBJECT_TEXT)
        check_text(w, path);
}

/* What every group of this kind has: the last name of each path that is one level below it. */
static void check_needed(walk *w, const char *group, const ht_study_names *links)
{
    for (const known_object *k = w->known; k->path != NULL; k++) {
        const char *slash = strrchr(k->path, '/');
        char above[64], path[1024];
        snprintf(above, sizeof above, "%.*s", slash == k->path ? 1 : (int)(slash - k->path), k->path);
        if (!k->needed || fnmatch(above, group, FNM_PATHNAME | FNM_NOESCAPE) != 0)
            continue;
        bool there = false;
        for (size_t i = 0; i < links->n; i++)
            there = there || strcmp(links->names[i], slash + 1) == 0;
        snprintf(path, sizeof path, "%.900s%s%s", strcmp(group, "/") == 0 ? "" : group, "/", slash + 1);
        if (!there)
            say(w, HT_CHECK_DAMAGED, path, "is missing");
    }
}

static void check_group(walk *w, const char *path, int depth)
{
    ht_study_names links;
    ht_error err = {""};
    if (ht_study_links(w->f, path, &links, &err) != HT_OK) {
        say(w, HT_CHECK_DAMAGED, path, reason(&err));
        return;
    }
    check_needed(w, path, &links);
    for (size_t i = 0; i < links.n; i++) {
        ht_string below = {0};
        ht_string_add(&below, "%s/%s", strcmp(path, "/") == 0 ? "" : path, links.names[i]);
        check_object(w, ht_string_peek(&below), depth + 1);
        ht_string_release(&below);
    }
    ht_study_names_release(&links);
}

/* ---- the file --------------------------------------------------------------------------------------- */

static const known_object *objects_of(ht_study_kind kind)
{
    return kind == HT_STUDY_RUNS ? of_study : kind == HT_STUDY_SWEEP ? of_sweep : of_champion;
}

ht_status ht_study_check(const char *path, const ht_check_sink *sink, ht_error *err)
{
    ht_study_file *f = NULL;
    bool sealed = false;
    walk w = {.sink = sink};
    ht_error own = {""};
    err = err != NULL ? err : &own;
    ht_status seal = ht_seal_look(path, &sealed, err);
    if (seal != HT_OK && seal != HT_EFORMAT)
        return seal;
    if (seal == HT_EFORMAT)
        say(&w, HT_CHECK_DAMAGED, "",
            "the checksum over the whole file is wrong; what follows was read all the same");
    else
        say(&w, sealed ? HT_CHECK_WHOLE : HT_CHECK_NOTE, "",
            sealed
                ? "the checksum over the whole file is right"
                : "there is no checksum over the whole file: another program changed it, or its end is lost");
    ht_status st = ht_study_file_open_unsealed(path, &f, err);
    if (st == HT_EFORMAT)
        say(&w, HT_CHECK_DAMAGED, "", err->text);
    if (st != HT_OK)
        return st;
    w.f = f;
    w.known = objects_of(ht_study_file_kind(f));
    check_object(&w, "/", 0);
    if (ht_study_file_kind(f) == HT_STUDY_RUNS && w.damaged == 0)
        w.damaged += ht_study_check_rules(f, sink);
    ht_study_file_close(f);
    return w.damaged == 0 ? HT_OK : ht_fail(err, HT_EFORMAT, "'%s' is damaged", path);
}
