/* src/recipe/read.c - a document tree becomes a recipe; the contract is in read.h.
 *
 * The tree is walked in the order of the normalised form, so faults come out in that order. Within a holder
 * (a section, a phase, a family ..) all fields are read first, then reported one by one: a rule that binds
 * two fields needs both. What is not known to the table is reported after what is.
 *
 * May touch: the heap. Not: text syntax, files. */
#include "recipe/read.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recipe/fields.h"
#include "recipe/tree.h"
#include "recipe/validate.h"

enum {
    FAULTS_MAX = 64,                 /* what nobody reads is not worth the time of looking up its place */
    FIELDS_IN_HOLDER = 16,           /* more than any section, phase, family .. has */
    NAMES_MAX = FIELDS_IN_HOLDER + 4 /* with those that are no fields */
};

typedef struct {
    const ht_document *d;
    ht_recipe *r;
    ht_string *faults;
    size_t n_faults;
    bool no_memory;
    char path[8 * HT_NAME_MAX];
} reader;

/* ---- paths and faults ----------------------------------------------------------------------- */

/* Add a name to the path; @return the length before, for `leave`. Names are cut and made printable, so that
 * one fault is one line. */
static size_t enter(reader *rd, const char *name)
{
    size_t before = strlen(rd->path), n = before, most = before + HT_NAME_MAX;
    if (most > sizeof rd->path - 2)
        most = sizeof rd->path - 2;
    if (n > 0 && n < most)
        rd->path[n++] = '.';
    for (; *name != '\0' && n < most; name++)
        rd->path[n++] = (unsigned char)*name < ' ' || *name == '\x7f' ? '?' : *name;
    while (*name != '\0' && n > before && ((unsigned char)*name & 0xC0) == 0x80)
        name--, n--; /* not in the middle of a character */
    rd->path[n] = '\0';
    return before;
}

static void leave(reader *rd, size_t before)
{
    rd->path[before] = '\0';
}

static void report(reader *rd, const cJSON *item, bool at_key, const char *why)
{
    ht_place at = {1, 1, 1, 1};
    if (rd->n_faults++ >= FAULTS_MAX)
        return;
    if (rd->d->places != NULL) {
        ht_tree_place(rd->d->root, rd->d->places, item, &at);
        ht_string_add(rd->faults, "%s:%d:%d: ", rd->d->name, at_key ? at.key_line : at.line,
                      at_key ? at.key_column : at.column);
    }
    ht_string_add(rd->faults, "%s%s%s\n", rd->path, rd->path[0] == '\0' ? "" : ": ", why);
}

/* `item` is where it is, or the nearest thing around it. */
static void fault(reader *rd, const cJSON *item, const char *why)
{
    report(rd, item, false, why);
}

static void fault_at(reader *rd, const char *name, const cJSON *item, const char *why)
{
    size_t before = enter(rd, name);
    fault(rd, item, why);
    leave(rd, before);
}

/* The name of a member is at fault, not its value. */
static void fault_of_name(reader *rd, const cJSON *item, const char *why)
{
    size_t before = enter(rd, item->string);
    report(rd, item, true, why);
    leave(rd, before);
}

/* ---- mappings ------------------------------------------------------------------------------- */

/* The mapping is one (or empty, which is the same as absent); @return whether it has members to read. */
static bool open_mapping(reader *rd, const cJSON *item, const char *what)
{
    if (item == NULL || cJSON_IsNull(item))
        return false;
    if (!cJSON_IsObject(item)) {
        ht_error why;
        ht_fail(&why, HT_EFORMAT, "%s is a mapping of names, not %s", what,
                cJSON_IsArray(item) ? "a list" : "a single value");
        fault(rd, item, why.text);
        return false;
    }
    return true;
}

static bool listed(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Report the members that are none of n known names. */
static void report_unknown(reader *rd, const cJSON *mapping, const char *const *names, size_t n)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, mapping) {
        if (rd->n_faults >= FAULTS_MAX)
            return;
        if (listed(item->string, names, n))
            continue;
        const char *nearest = ht_nearest(item->string, names, n);
        ht_error why;
        if (nearest != NULL)
            ht_fail(&why, HT_EFORMAT, "unknown field; nearest is '%s'", nearest);
        else
            ht_fail(&why, HT_EFORMAT, "unknown field");
        fault_of_name(rd, item, why.text);
    }
}

/* A name of the user's own: a phase, an actuator, a family. */
static bool take_name(reader *rd, const cJSON *item, char to[HT_NAME_MAX])
{
    if (item->string[0] != '\0' && ht_name_copy(to, item->string))
        return true;
    fault_of_name(rd, item,
                  item->string[0] == '\0' ? "a name may not be empty" : "this name is longer than 63 bytes");
    return false;
}

/* ---- holders -------------------------------------------------------------------------------- */

typedef struct {
    ht_scope scope;
    const char *section; /* of HT_IN_RECIPE: the path before the last point, "" = the root */
    void *to;
} holder;

/* The name of a field inside its mapping, NULL if it does not belong to the holder. */
static const char *name_in(const ht_field *f, const holder *h)
{
    if (f->scope != h->scope)
        return NULL;
    if (h->scope != HT_IN_RECIPE)
        return f->path;
    const char *point = strrchr(f->path, '.');
    size_t n = point == NULL ? 0 : (size_t)(point - f->path);
    if (strlen(h->section) != n || strncmp(f->path, h->section, n) != 0)
        return NULL;
    return point == NULL ? f->path : point + 1;
}

static ht_status check_field(const ht_field *f, const holder *h, ht_error *err)
{
    if (h->scope == HT_IN_RECIPE)
        return ht_recipe_check_field(h->to, f->path, err);
    return h->scope == HT_IN_FAMILY ? ht_family_check_field(h->to, f->path, err) : HT_OK;
}

/* Read the fields of a holder from a mapping that open_mapping accepted. */
static void read_fields(reader *rd, const cJSON *mapping, const holder *h)
{
    const ht_field *fields, *mine[FIELDS_IN_HOLDER];
    const char *names[FIELDS_IN_HOLDER];
    ht_error why[FIELDS_IN_HOLDER];
    ht_status st[FIELDS_IN_HOLDER];
    size_t n = 0, n_fields = ht_fields(&fields);
    bool ruled = true; /* the rules look at bounds and words: those must be whole */
    for (size_t i = 0; i < n_fields; i++) {
        assert(n < FIELDS_IN_HOLDER);
        names[n] = name_in(&fields[i], h);
        if (names[n] == NULL)
            continue;
        const cJSON *item = ht_json_member(mapping, names[n]);
        bool there = item != NULL && !cJSON_IsNull(item);
        st[n] = there ? ht_field_read(&fields[i], item, h->to, &why[n]) : HT_OK;
        if (there && st[n] == HT_OK)
            ht_field_mark_given(&fields[i], h->to);
        if (st[n] != HT_OK && (fields[i].type == HT_FIELD_BOUNDS || fields[i].type == HT_FIELD_WORD))
            ruled = false;
        mine[n++] = &fields[i];
    }
    for (size_t i = 0; i < n; i++) {
        const cJSON *item = ht_json_member(mapping, names[i]);
        if (st[i] == HT_OK && ruled)
            st[i] = check_field(mine[i], h, &why[i]);
        if (st[i] == HT_ENOMEM)
            rd->no_memory = true;
        else if (st[i] != HT_OK)
            fault_at(rd, names[i], item != NULL ? item : mapping, why[i].text);
    }
}

/* Report what is neither a field of the holder nor one of its other names, ended by NULL. */
static void report_strangers(reader *rd, const cJSON *mapping, const holder *h, const char *const *others)
{
    const ht_field *fields;
    const char *names[NAMES_MAX];
    size_t n = 0, n_fields = ht_fields(&fields);
    for (size_t i = 0; i < n_fields; i++)
        if ((names[n] = name_in(&fields[i], h)) != NULL)
            n++;
    for (; *others != NULL; others++)
        names[n++] = *others;
    report_unknown(rd, mapping, names, n);
}

static const char *const none[] = {NULL};

/* A holder that has nothing but fields. */
static void read_plain(reader *rd, const cJSON *mapping, const char *what, const holder *h)
{
    if (!open_mapping(rd, mapping, what))
        return;
    read_fields(rd, mapping, h);
    report_strangers(rd, mapping, h, none);
}

/* A section, whose name is the end of its path, and the sections inside it, ended by NULL. */
static void read_section(reader *rd, const cJSON *around, const char *path, const char *const *inner)
{
    const char *point = strrchr(path, '.'), *name = point == NULL ? path : point + 1;
    const cJSON *mapping = ht_json_member(around, name);
    const holder h = {HT_IN_RECIPE, path, rd->r};
    size_t before = enter(rd, name);
    if (open_mapping(rd, mapping, "a section")) {
        read_fields(rd, mapping, &h);
        for (size_t i = 0; inner[i] != NULL; i++) {
            char at[2 * HT_NAME_MAX];
            snprintf(at, sizeof at, "%s.%s", path, inner[i]);
            read_section(rd, mapping, at, none);
        }
        report_strangers(rd, mapping, &h, inner);
    }
    leave(rd, before);
}

/* ---- phases --------------------------------------------------------------------------------- */

static void check_phases(reader *rd, const cJSON *mapping)
{
    size_t phase = 0;
    const char *field = "";
    ht_error why;
    ht_status st = ht_phases_check(rd->r, &phase, &field, &why);
    if (st == HT_ENOMEM)
        rd->no_memory = true;
    if (st != HT_EFORMAT)
        return;
    const cJSON *item = ht_json_member(mapping, rd->r->phases[phase].name);
    const cJSON *value = ht_json_member(item, field);
    size_t before = enter(rd, rd->r->phases[phase].name);
    fault_at(rd, field, value != NULL ? value : item, why.text);
    leave(rd, before);
}

static void read_phase(reader *rd, const cJSON *item, ht_phase *p)
{
    ht_error why;
    size_t before = enter(rd, item->string), faults = rd->n_faults;
    read_plain(rd, item, "a phase", &(holder){HT_IN_PHASE, "", p});
    if (rd->n_faults == faults && ht_phase_check(p, &why) != HT_OK)
        fault(rd, item, why.text);
    leave(rd, before);
}

static void read_phases(reader *rd)
{
    const cJSON *mapping = ht_json_member(rd->d->root, "phases"), *item;
    size_t before = enter(rd, "phases"), faults = rd->n_faults;
    size_t n = cJSON_IsObject(mapping) ? (size_t)cJSON_GetArraySize(mapping) : 0;
    ht_phase *phases = NULL;
    if (!open_mapping(rd, mapping, "phases") || n == 0)
        goto done; /* the default phases stay */
    phases = calloc(n, sizeof *phases);
    if (phases == NULL) {
        rd->no_memory = true;
        goto done;
    }
    free(rd->r->phases);
    rd->r->phases = phases;
    rd->r->n_phases = 0;
    cJSON_ArrayForEach(item, mapping) {
        ht_phase *p = &phases[rd->r->n_phases];
        ht_fields_default(HT_IN_PHASE, p);
        if (take_name(rd, item, p->name)) {
            rd->r->n_phases++;
            read_phase(rd, item, p);
        }
    }
    if (rd->n_faults == faults)
        check_phases(rd, mapping);
done:
    leave(rd, before);
}

/* ---- actuators ------------------------------------------------------------------------------ */

static void read_priors(reader *rd, const cJSON *mapping, ht_family_spec *f)
{
    const cJSON *item;
    size_t before = enter(rd, "priors");
    if (open_mapping(rd, mapping, "priors")) {
        f->priors = calloc((size_t)cJSON_GetArraySize(mapping) + 1, sizeof *f->priors);
        if (f->priors == NULL)
            rd->no_memory = true;
    }
    if (f->priors == NULL) {
        leave(rd, before);
        return;
    }
    cJSON_ArrayForEach(item, mapping) {
        ht_prior *p = &f->priors[f->n_priors];
        ht_fields_default(HT_IN_PRIOR, p);
        if (!take_name(rd, item, p->phase))
            continue;
        f->n_priors++;
        size_t at = enter(rd, item->string);
        read_plain(rd, item, "a prior", &(holder){HT_IN_PRIOR, "", p});
        leave(rd, at);
    }
    leave(rd, before);
}

static void read_family(reader *rd, const cJSON *item, ht_family_spec *f)
{
    static const char *const others[] = {"priors", NULL};
    size_t before = enter(rd, item->string);
    ht_fields_default(HT_IN_FAMILY, f);
    if (open_mapping(rd, item, "a family")) {
        const holder h = {HT_IN_FAMILY, "", f};
        read_fields(rd, item, &h);
        read_priors(rd, ht_json_member(item, "priors"), f);
        report_strangers(rd, item, &h, others);
    }
    leave(rd, before);
}

/* The families under `mutations` or `keys`; the array has room. */
static void read_families(reader *rd, const cJSON *actuator, const char *group, ht_actuator_spec *a)
{
    const cJSON *mapping = ht_json_member(actuator, group), *item;
    size_t before = enter(rd, group);
    if (open_mapping(rd, mapping, group))
        cJSON_ArrayForEach(item, mapping) {
            ht_family_spec *f = &a->families[a->n_families];
            if (!take_name(rd, item, f->name))
                continue;
            f->keyed = strcmp(group, "keys") == 0;
            a->n_families++;
            read_family(rd, item, f);
        }
    leave(rd, before);
}

static size_t size_of(const cJSON *mapping)
{
    return cJSON_IsObject(mapping) ? (size_t)cJSON_GetArraySize(mapping) : 0;
}

static void read_actuator(reader *rd, const cJSON *item, ht_actuator_spec *a)
{
    static const char *const others[] = {"mutations", "keys", NULL};
    size_t n = size_of(ht_json_member(item, "mutations")) + size_of(ht_json_member(item, "keys"));
    size_t before = enter(rd, item->string);
    ht_fields_default(HT_IN_ACTUATOR, a);
    a->families = calloc(n + 1, sizeof *a->families);
    if (a->families == NULL)
        rd->no_memory = true;
    else if (open_mapping(rd, item, "an actuator")) {
        const holder h = {HT_IN_ACTUATOR, "", a};
        read_fields(rd, item, &h);
        read_families(rd, item, "mutations", a);
        read_families(rd, item, "keys", a);
        report_strangers(rd, item, &h, others);
    }
    leave(rd, before);
}

static void read_actuators(reader *rd)
{
    const cJSON *mapping = ht_json_member(rd->d->root, "actuators"), *item;
    size_t before = enter(rd, "actuators");
    if (open_mapping(rd, mapping, "actuators")) {
        rd->r->actuators = calloc(size_of(mapping) + 1, sizeof *rd->r->actuators);
        if (rd->r->actuators == NULL) {
            rd->no_memory = true;
            mapping = NULL;
        }
        cJSON_ArrayForEach(item, mapping) {
            ht_actuator_spec *a = &rd->r->actuators[rd->r->n_actuators];
            if (!take_name(rd, item, a->name))
                continue;
            rd->r->n_actuators++;
            read_actuator(rd, item, a);
        }
    }
    leave(rd, before);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void read_root(reader *rd)
{
    static const char *const in_population[] = {"race", "tournament", NULL};
    /* the order of the normalised form; from the fifth on they are sections */
    static const char *const names[] = {"version",    "objective", "phases",     "actuators", "search",
                                        "acceptance", "safety",    "population", "evolved"};
    ht_error why;
    const cJSON *version = ht_json_member(rd->d->root, "version");
    if (version != NULL && !cJSON_IsNull(version) &&
        ht_field_read(ht_field_find(HT_IN_RECIPE, "version"), version, rd->r, &why) != HT_OK)
        fault_at(rd, "version", version, why.text);
    read_section(rd, rd->d->root, "objective", none);
    read_phases(rd);
    read_actuators(rd);
    for (size_t i = 4; i < sizeof names / sizeof names[0]; i++)
        read_section(rd, rd->d->root, names[i], strcmp(names[i], "population") == 0 ? in_population : none);
    report_unknown(rd, rd->d->root, names, sizeof names / sizeof names[0]);
}

ht_status ht_document_read(const ht_document *d, ht_recipe **out, ht_string *faults, ht_error *err)
{
    reader rd = {.d = d, .faults = faults};
    *out = NULL;
    HT_TRY(ht_recipe_create(&rd.r, err));
    if (open_mapping(&rd, d->root, "a recipe"))
        read_root(&rd);
    ht_status st = HT_OK;
    if (rd.no_memory || faults->failed)
        st = ht_fail(err, HT_ENOMEM, "no memory for a recipe");
    if (st == HT_OK && rd.n_faults == 0) {
        *out = rd.r;
        rd.r = NULL;
    }
    ht_recipe_destroy(rd.r);
    return st;
}
