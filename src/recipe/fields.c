/* src/recipe/fields.c - the one table of recipe fields; the contract is in fields.h.
 *
 * May touch: the heap. Not: files, text syntax, other fields of the same holder (that is validate.c). */
#include "recipe/fields.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const directions[] = {"min", "max", NULL};
static const char *const algorithms[] = {"tpe", "random", NULL};
static const char *const scores[] = {"raw", "control", NULL};
static const char *const spec_modes[] = {"mult", "set", "delta", NULL};
static const char *const risks[] = {"low", "medium", "high", NULL};
static const char *const population_modes[] = {"independent", "pooled", NULL};
static const char *const policies[] = {"pooled", "halving", "pbt", "random", "static", NULL};
static const char *const designs[] = {"hypercube", "random", NULL};
static const char *const merges[] = {"off", "guarded", NULL};
static const char *const syncs[] = {"elastic", "barrier", NULL};

#define ANY DBL_MAX             /* a value is finite anyway: no limit on this side */
#define COUNT_MAX 1e9           /* fits every integer type that a count goes into */
#define EXACT_MAX 9007199254740992.0    /* 2^53: the largest integer that a double holds exactly */

/* The columns that all rows of a type have; further ones follow by name. */
#define RECIPE(member) offsetof(ht_recipe, member)
#define FAMILY(member) offsetof(ht_family_spec, member)
#define INT(in, name, where, least, most, def, ...)                                                          \
    {.scope = in, .path = name, .type = HT_FIELD_INT, .at = where, .lo = least, .hi = most,   \
     .fallback = def, __VA_ARGS__}
#define REAL(in, name, where, least, most, def, ...)                                                         \
    {.scope = in, .path = name, .type = HT_FIELD_REAL, .at = where, .lo = least, .hi = most,   \
     .fallback = def, __VA_ARGS__}
#define BOOL(in, name, where, def, ...)                                                                      \
    {.scope = in, .path = name, .type = HT_FIELD_BOOL, .at = where, .hi = 1, .fallback = def, __VA_ARGS__}
#define NAME(in, name, where, def, ...)                                                                      \
    {.scope = in, .path = name, .type = HT_FIELD_NAME, .at = where, .text = def, __VA_ARGS__}
#define WORD(in, name, where, list, def, ...)                                                                \
    {.scope = in, .path = name, .type = HT_FIELD_WORD, .at = where, .words = list,   \
     .fallback = def, __VA_ARGS__}
#define LIST(in, name, kind, where, def, ...)                                                                \
    {.scope = in, .path = name, .type = kind, .at = where, .text = def, __VA_ARGS__}
#define OPTIONAL .optional = true
#define OR_AUTO .can_be_auto = true
#define DOC(of_unit, words) .unit = of_unit, .doc = words

static const ht_field fields[] = {
    INT(HT_IN_RECIPE, "version", RECIPE(version), 1, 1, 1, DOC("", "format version of the recipe")),
    NAME(HT_IN_RECIPE, "objective.primary", RECIPE(objective.primary), "val/loss",
         DOC("", "metric that is scored")),
    WORD(HT_IN_RECIPE, "objective.mode", RECIPE(objective.mode), directions, HT_MINIMIZE,
         DOC("", "direction of improvement")),
    LIST(HT_IN_RECIPE, "objective.backup_metrics", HT_FIELD_BACKUPS, RECIPE(objective), "[]",
         DOC("", "further metrics, logged with each segment; they decide nothing")),
    REAL(HT_IN_RECIPE, "objective.ema", RECIPE(objective.ema), 0, 1, HT_AUTO, .hi_open = true, OR_AUTO,
         OPTIONAL,
         DOC("", "decay of the moving average of the weights that is scored; 0 = the weights themselves; "
                "auto: an average in the pooled mode only")),

    REAL(HT_IN_PHASE, "start_frac", offsetof(ht_phase, start_frac), 0, ANY, 0,
         DOC("share of the run", "start of the phase, included; must be below `end_frac`")),
    REAL(HT_IN_PHASE, "end_frac", offsetof(ht_phase, end_frac), -ANY, 1, 1,
         DOC("share of the run", "end of the phase, excluded")),

    BOOL(HT_IN_ACTUATOR, "enabled", offsetof(ht_actuator_spec, enabled), true,
         DOC("", "switch for all families of the actuator")),

    LIST(HT_IN_FAMILY, "bounds", HT_FIELD_BOUNDS, 0, "[0.5, 2.0]",
         DOC("", "closed interval of the proposed value; of a tuple also one interval per element")),
    REAL(HT_IN_FAMILY, "prior_center", FAMILY(prior_center), -ANY, ANY, 1,
         DOC("", "value to which proposals lean; 1.0 means no preference and may lie outside the bounds")),
    INT(HT_IN_FAMILY, "cooldown", FAMILY(cooldown), 0, COUNT_MAX, 1,
        DOC("windows", "windows until the family may be used again")),
    NAME(HT_IN_FAMILY, "risk", FAMILY(risk), "low", .words = risks,
         DOC("", "risk class; only low and medium are ever tried")),
    REAL(HT_IN_FAMILY, "max_step_mult", FAMILY(max_step_mult), 1, ANY, ANY, .lo_open = true, .text = "none",
         OPTIONAL, .flag = FAMILY(has_max_step_mult),
         DOC("", "cap on one step: by at most this factor up or down")),
    WORD(HT_IN_FAMILY, "mode", FAMILY(mode), spec_modes, HT_SPEC_MULT,
         DOC("", "how a value acts on a key: multiplied, set or added; without effect under `mutations`")),

    LIST(HT_IN_FAMILY, "range", HT_FIELD_RANGE, FAMILY(range), "none", OPTIONAL, .flag = FAMILY(has_range),
         DOC("", "limits of the absolute value, rising and above 0; a race draws from it, on a log scale")),
    REAL(HT_IN_FAMILY, "floor", FAMILY(floor), 0, ANY, 0, OPTIONAL, .flag = FAMILY(has_floor),
         DOC("", "value from which a factor counts where the knob is at 0; 0 = such a knob stays at 0")),
    REAL(HT_IN_FAMILY, "start", FAMILY(start), 0, ANY, 1, .lo_open = true, .text = "none", OPTIONAL,
         .flag = FAMILY(has_start),
         DOC("", "absolute value to begin with; without it the program's own; written by evolution")),
    REAL(HT_IN_FAMILY, "sigma", FAMILY(sigma), 0, ANY, 0, OPTIONAL, .flag = FAMILY(has_sigma),
         DOC("", "how far candidates of a race lie about `start`, as a standard deviation of the logarithm; "
                "0 = unknown, they are drawn from the range; written by evolution")),

    REAL(HT_IN_PRIOR, "center", offsetof(ht_prior, center), -ANY, ANY, 1,
         DOC("", "value to which proposals lean in this phase; clamped into the bounds")),
    REAL(HT_IN_PRIOR, "spread", offsetof(ht_prior, spread), 0, ANY, 0,
         DOC("", "standard deviation of what won, on the scale of the family; 0 = unknown")),
    REAL(HT_IN_PRIOR, "weight", offsetof(ht_prior, weight), 0, ANY, 0,
         DOC("segments", "effective number of winning segments behind it")),

    WORD(HT_IN_RECIPE, "search.algorithm", RECIPE(search.algorithm), algorithms, HT_SEARCH_TPE,
         DOC("", "how values are proposed")),
    INT(HT_IN_RECIPE, "search.startup_trials", RECIPE(search.startup_trials), 0, COUNT_MAX, 8,
        DOC("segments", "judged segments before tpe starts; random proposals until then")),
    INT(HT_IN_RECIPE, "search.candidate_count", RECIPE(search.candidate_count), 1, COUNT_MAX, 24,
        DOC("", "candidates of which tpe takes the best")),
    BOOL(HT_IN_RECIPE, "search.phase_conditioned", RECIPE(search.phase_conditioned), true,
         DOC("", "observations of the same phase count more")),
    INT(HT_IN_RECIPE, "search.seed", RECIPE(search.seed), 0, EXACT_MAX, 0, OPTIONAL,
        DOC("", "seed of the tuner's random stream")),
    BOOL(HT_IN_RECIPE, "search.shared", RECIPE(search.shared), true, OPTIONAL,
         DOC("", "all replicas learn into one posterior; false: each into its own")),
    BOOL(HT_IN_RECIPE, "search.joint", RECIPE(search.joint), false, OPTIONAL,
         DOC("", "a mutation changes all knobs at once; the pooled mode always does")),
    REAL(HT_IN_RECIPE, "search.gamma", RECIPE(search.gamma), .01, .99, .25, OPTIONAL,
         DOC("", "share of the observations that counts as good")),
    REAL(HT_IN_RECIPE, "search.other_phase_weight", RECIPE(search.other_phase_weight), 0, 1, .25, OPTIONAL,
         DOC("", "weight of an observation of another phase, where one of the same phase weighs 1")),

    REAL(HT_IN_RECIPE, "acceptance.epsilon", RECIPE(acceptance.epsilon), 0, ANY, .001,
         DOC("", "a score must be greater than this to be accepted")),
    NAME(HT_IN_RECIPE, "acceptance.horizon", RECIPE(acceptance.horizon), "next_val_epoch_end",
         DOC("", "when a segment is judged: `next_val_epoch_end`, `val_epochs:N`, `val_epochs:auto` or "
                "`steps:N`")),
    BOOL(HT_IN_RECIPE, "acceptance.rollback_on_reject", RECIPE(acceptance.rollback_on_reject), true,
         DOC("", "undo a mutation that was not accepted")),
    WORD(HT_IN_RECIPE, "acceptance.score", RECIPE(acceptance.score), scores, HT_SCORE_RAW, OPTIONAL,
         DOC("", "raw: gain over the reading before; control: gain over replicas without a mutation, "
                "which only the pooled mode has")),
    REAL(HT_IN_RECIPE, "acceptance.min_sigma", RECIPE(acceptance.min_sigma), 0, ANY, 0, OPTIONAL,
         DOC("unit of the objective", "noise of a score that is assumed at least; pooled mode only")),

    BOOL(HT_IN_RECIPE, "safety.block_on_nan", RECIPE(safety.block_on_nan), true,
         DOC("", "no mutation while loss or objective is not finite, and none is kept that made it so")),
    BOOL(HT_IN_RECIPE, "safety.block_on_anomaly", RECIPE(safety.block_on_anomaly), true,
         DOC("", "the same for the program's own alarm")),
    INT(HT_IN_RECIPE, "safety.max_global_reject_streak", RECIPE(safety.max_global_reject_streak), 1, COUNT_MAX,
        4, DOC("segments", "rejects in a row that pause the tuner")),
    INT(HT_IN_RECIPE, "safety.reject_pause", RECIPE(safety.reject_pause), 0, COUNT_MAX, 8, OPTIONAL,
        DOC("windows", "length of that pause; 0 = until tuning is switched off and on")),
    REAL(HT_IN_RECIPE, "safety.grad_spike_factor", RECIPE(safety.grad_spike_factor), 0, ANY, 0, OPTIONAL,
         DOC("", "flag a spike when `grad/norm` grows by more than this, above 1; 0 = off")),

    WORD(HT_IN_RECIPE, "population.mode", RECIPE(population.mode), population_modes,
         HT_POPULATION_INDEPENDENT, OPTIONAL,
         DOC("", "independent: each replica runs the loop by itself; pooled: all of them are one search")),
    WORD(HT_IN_RECIPE, "population.policy", RECIPE(population.policy), policies, HT_POLICY_POOLED, OPTIONAL,
         DOC("", "what the pooled mode does; all but pooled are there to compare with")),
    WORD(HT_IN_RECIPE, "population.sync", RECIPE(population.sync), syncs, HT_SYNC_ELASTIC, OPTIONAL,
         DOC("", "elastic: reports are taken as they come; barrier: in a fixed order, repeatable exactly")),
    REAL(HT_IN_RECIPE, "population.controls", RECIPE(population.controls), 0, 1, .25, OPTIONAL,
         DOC("", "share of an island's members that train without a mutation; one at least")),
    WORD(HT_IN_RECIPE, "population.merge", RECIPE(population.merge), merges, HT_MERGE_GUARDED, OPTIONAL,
         DOC("", "guarded: the members' weights are averaged where that lowers the validation loss")),
    BOOL(HT_IN_RECIPE, "population.mirror", RECIPE(population.mirror), false, OPTIONAL,
         DOC("", "keep the root of an island of one on a second replica, in case the first dies")),
    INT(HT_IN_RECIPE, "population.race.per_replica", RECIPE(population.race.per_replica), 0, COUNT_MAX,
        HT_AUTO, OR_AUTO, OPTIONAL,
        DOC("candidates", "start values that each replica tries at the beginning; 0 = no race")),
    LIST(HT_IN_RECIPE, "population.race.epochs", HT_FIELD_RUNGS, RECIPE(population.race.epochs), "auto",
         OPTIONAL,
         DOC("validation epochs", "1 to 3 rising numbers: age at which the candidates are thinned out")),
    REAL(HT_IN_RECIPE, "population.race.fresh", RECIPE(population.race.fresh), 0, 1, .1, OPTIONAL,
         DOC("", "share of the candidates drawn from the whole range where evolution knows a start")),
    WORD(HT_IN_RECIPE, "population.race.design", RECIPE(population.race.design), designs, HT_DESIGN_HYPERCUBE,
         OPTIONAL, DOC("", "how candidates cover the range: a Latin hypercube, or independent draws")),
    REAL(HT_IN_RECIPE, "population.tournament.from", RECIPE(population.tournament.from), 0, 1, .5, OPTIONAL,
         DOC("share of the run", "from here on the number of islands is halved, the last time at `to`")),
    REAL(HT_IN_RECIPE, "population.tournament.to", RECIPE(population.tournament.to), 0, 1, .8, OPTIONAL,
         DOC("share of the run", "from here on there is one island; not below `from`")),
    INT(HT_IN_RECIPE, "population.tournament.islands", RECIPE(population.tournament.islands), 0, COUNT_MAX, 0,
        OPTIONAL, DOC("", "islands after the race; 0 = one per replica")),
    REAL(HT_IN_RECIPE, "population.tournament.rho", RECIPE(population.tournament.rho), 0, ANY, 1, OPTIONAL,
         DOC("", "how much the gain that an island still promises counts when islands are compared")),
    REAL(HT_IN_RECIPE, "population.tournament.q", RECIPE(population.tournament.q), 0, 1, .8, .hi_open = true,
         OPTIONAL, DOC("", "share of a segment's gain that the next segment is expected to make")),

    INT(HT_IN_RECIPE, "evolved.generation", RECIPE(evolved.generation), 0, COUNT_MAX, 0, OPTIONAL,
        DOC("", "evolutions since a person wrote the recipe")),
    LIST(HT_IN_RECIPE, "evolved.from", HT_FIELD_SOURCES, RECIPE(evolved), "[]", OPTIONAL,
         DOC("", "runs whose outcomes went in")),
};

enum { N_FIELDS = sizeof fields / sizeof fields[0] };

size_t ht_fields(const ht_field **out)
{
    *out = fields;
    return N_FIELDS;
}

const ht_field *ht_field_find(ht_scope scope, const char *path)
{
    for (size_t i = 0; i < N_FIELDS; i++)
        if (fields[i].scope == scope && strcmp(fields[i].path, path) == 0)
            return &fields[i];
    return NULL;
}

bool ht_field_given(const ht_field *f, const void *holder)
{
    if (!f->optional)
        return true;
    if (f->scope == HT_IN_RECIPE)
        return ((const ht_recipe *)holder)->given[f - fields] != 0;
    return *(const bool *)((const char *)holder + f->flag);
}

void ht_field_mark_given(const ht_field *f, void *holder)
{
    if (f->optional && f->scope == HT_IN_RECIPE)
        ((ht_recipe *)holder)->given[f - fields] = 1;
    else if (f->optional)
        *(bool *)((char *)holder + f->flag) = true;
}

/* ---- defaults ------------------------------------------------------------------------------- */

static void put_word(void *at, unsigned word)
{
    memcpy(at, &word, sizeof word); /* enums of their own types, all of this size: see the assertion below */
}

static unsigned get_word(const void *at)
{
    unsigned word;
    memcpy(&word, at, sizeof word);
    return word;
}
_Static_assert(sizeof(ht_direction) == sizeof(unsigned) && sizeof(ht_spec_mode) == sizeof(unsigned) &&
                   sizeof(ht_algorithm) == sizeof(unsigned) && sizeof(ht_score_kind) == sizeof(unsigned) &&
                   sizeof(ht_population_mode) == sizeof(unsigned) && sizeof(ht_sync) == sizeof(unsigned) &&
                   sizeof(ht_policy_kind) == sizeof(unsigned) && sizeof(ht_race_design) == sizeof(unsigned) &&
                   sizeof(ht_merge) == sizeof(unsigned),
               "fields of type word are read and written as an unsigned");

static void put_default(const ht_field *f, void *holder)
{
    void *at = (char *)holder + f->at;
    switch (f->type) {
    case HT_FIELD_INT:
        *(long long *)at = (long long)f->fallback;
        break;
    case HT_FIELD_REAL:
        *(double *)at = f->fallback;
        break;
    case HT_FIELD_BOOL:
        *(bool *)at = f->fallback != 0;
        break;
    case HT_FIELD_NAME:
        ht_name_copy(at, f->text);
        break;
    case HT_FIELD_WORD:
        put_word(at, (unsigned)f->fallback);
        break;
    case HT_FIELD_BOUNDS: {
        ht_family_spec *family = holder;
        family->n_bounds = 1;
        family->bounds[0][0] = 0.5;
        family->bounds[0][1] = 2.0;
        break;
    }
    case HT_FIELD_RANGE:
        ((double *)at)[0] = DBL_MIN;    /* no limits */
        ((double *)at)[1] = DBL_MAX;
        break;
    case HT_FIELD_BACKUPS:
    case HT_FIELD_SOURCES:
    case HT_FIELD_RUNGS:
        break;                          /* empty, as the holder starts */
    }
}

void ht_fields_default(ht_scope scope, void *holder)
{
    for (size_t i = 0; i < N_FIELDS; i++)
        if (fields[i].scope == scope)
            put_default(&fields[i], holder);
}

/* ---- reading -------------------------------------------------------------------------------- */

static const char *kind_of(const cJSON *item)
{
    if (cJSON_IsNumber(item))
        return ht_json_is_int(item) ? "an integer" : "a number";
    if (cJSON_IsString(item))
        return "a text";
    if (cJSON_IsBool(item))
        return "a bool";
    if (cJSON_IsArray(item))
        return "a list";
    return cJSON_IsObject(item) ? "a mapping" : "empty";
}

/* The user's own words, cut to a readable length. */
static void quote(const cJSON *item, char text[80])
{
    char number[40];
    if (cJSON_IsNumber(item)) {
        ht_print_real(number, item->valuedouble, !ht_json_is_int(item) && isfinite(item->valuedouble));
        snprintf(text, 80, "'%s'", number);
    } else if (cJSON_IsString(item))
        snprintf(text, 80, "'%.60s'", item->valuestring);
    else if (cJSON_IsBool(item))
        snprintf(text, 80, "'%s'", cJSON_IsTrue(item) ? "true" : "false");
    else
        snprintf(text, 80, "%s", kind_of(item));
}

static ht_status wrong_kind(const cJSON *item, const char *wanted, ht_error *err)
{
    char found[80];
    quote(item, found);
    if (found[0] != '\'')
        return ht_fail(err, HT_EFORMAT, "must be %s, not %s", wanted, found);
    return ht_fail(err, HT_EFORMAT, "%s is %s, must be %s", found, kind_of(item), wanted);
}

static bool is_auto(const cJSON *item)
{
    return cJSON_IsString(item) && strcmp(item->valuestring, "auto") == 0;
}

static ht_status read_number(const ht_field *f, const cJSON *item, double *out, ht_error *err)
{
    static const char *const wanted[2][2] = {{"a number", "a number or auto"},
                                             {"an integer", "an integer or auto"}};
    bool whole = f->type == HT_FIELD_INT;
    if (f->can_be_auto && is_auto(item)) {
        *out = HT_AUTO;
        return HT_OK;
    }
    if (!cJSON_IsNumber(item) || (whole && !ht_json_is_int(item)))
        return wrong_kind(item, wanted[whole][f->can_be_auto], err);
    double x = item->valuedouble;
    if (!isfinite(x))
        return ht_fail(err, HT_EFORMAT, "must be finite");
    if (!(x >= f->lo && x <= f->hi) || (f->lo_open && x == f->lo) || (f->hi_open && x == f->hi)) {
        char found[80], limits[80];
        quote(item, found);
        ht_field_limits(f, limits, sizeof limits);
        return ht_fail(err, HT_EFORMAT, "%s is not %s", found, limits);
    }
    *out = x;
    return HT_OK;
}

static ht_status read_text(const cJSON *item, size_t size, ht_error *err)
{
    if (!cJSON_IsString(item))
        return wrong_kind(item, "a text", err);
    if (item->valuestring[0] == '\0')
        return ht_fail(err, HT_EFORMAT, "may not be empty");
    if (strlen(item->valuestring) >= size)
        return ht_fail(err, HT_EFORMAT, "'%.20s..' is longer than %zu bytes", item->valuestring, size - 1);
    return HT_OK;
}

static ht_status read_word(const ht_field *f, const cJSON *item, unsigned *out, ht_error *err)
{
    if (!cJSON_IsString(item))
        return wrong_kind(item, "a text", err);
    for (unsigned i = 0; f->words[i] != NULL; i++)
        if (strcmp(f->words[i], item->valuestring) == 0) {
            *out = i;
            return HT_OK;
        }
    char limits[80];
    ht_field_limits(f, limits, sizeof limits);
    return ht_fail(err, HT_EFORMAT, "'%.60s' is not %s", item->valuestring, limits);
}

static ht_status read_name(const ht_field *f, const cJSON *item, char *to, ht_error *err)
{
    unsigned word;
    HT_TRY(read_text(item, HT_NAME_MAX, err));
    if (f->words != NULL)
        HT_TRY(read_word(f, item, &word, err));
    ht_name_copy(to, item->valuestring);
    return HT_OK;
}

/* A list of texts of less than `size` bytes, `most` at most. */
static ht_status check_texts(const cJSON *list, size_t size, size_t most, ht_error *err)
{
    if (!cJSON_IsArray(list))
        return wrong_kind(list, "a list of texts", err);
    size_t i = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list) {
        char where[32];
        snprintf(where, sizeof where, "element %zu", i++);
        if (i > most)
            return ht_fail(err, HT_EFORMAT, "more than %zu elements", most);
        ht_status st = read_text(item, size, err);
        if (st != HT_OK)
            return ht_fail_in(err, st, where);
    }
    return HT_OK;
}

static ht_status read_backups(const cJSON *list, ht_recipe *r, ht_error *err)
{
    HT_TRY(check_texts(list, HT_NAME_MAX, HT_BACKUPS_MAX, err));
    r->objective.n_backups = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
        ht_name_copy(r->objective.backups[r->objective.n_backups++], item->valuestring);
    return HT_OK;
}

static ht_status read_sources(const cJSON *list, ht_recipe *r, ht_error *err)
{
    HT_TRY(check_texts(list, sizeof r->evolved.from[0], SIZE_MAX, err));
    size_t n = (size_t)cJSON_GetArraySize(list);
    char(*from)[2 * HT_NAME_MAX] = calloc(n + 1, sizeof *from);
    if (from == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for %zu sources", n);
    free(r->evolved.from);
    r->evolved.from = from;
    r->evolved.n_from = n;
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
        strcpy(*from++, item->valuestring);
    return HT_OK;
}

static ht_status read_interval(const cJSON *pair, double bounds[2], bool is_int[2], ht_error *err)
{
    if (!cJSON_IsArray(pair) || cJSON_GetArraySize(pair) != 2)
        return ht_fail(err, HT_EFORMAT, "must be two numbers [low, high]");
    const cJSON *item = pair->child;
    for (int i = 0; i < 2; i++, item = item->next) {
        if (!cJSON_IsNumber(item))
            return wrong_kind(item, "a number", err);
        if (!isfinite(item->valuedouble))
            return ht_fail(err, HT_EFORMAT, "must be finite");
        bounds[i] = item->valuedouble;
        is_int[i] = ht_json_is_int(item);
    }
    return HT_OK;
}

static ht_status read_bounds(const cJSON *item, ht_family_spec *f, ht_error *err)
{
    double bounds[HT_BOUNDS_MAX][2] = {{0}};
    bool is_int[HT_BOUNDS_MAX][2] = {{false}};
    size_t n = 0;
    if (cJSON_IsArray(item) && cJSON_IsArray(item->child)) {
        const cJSON *pair;
        cJSON_ArrayForEach(pair, item) {
            if (n == HT_BOUNDS_MAX)
                return ht_fail(err, HT_EFORMAT, "more than %d intervals", HT_BOUNDS_MAX);
            HT_TRY(read_interval(pair, bounds[n], is_int[n], err));
            n++;
        }
    } else {
        HT_TRY(read_interval(item, bounds[0], is_int[0], err));
        n = 1;
    }
    f->n_bounds = n;
    memcpy(f->bounds, bounds, sizeof bounds);
    memcpy(f->bounds_int, is_int, sizeof is_int);
    return HT_OK;
}

static ht_status read_range(const cJSON *item, double range[2], ht_error *err)
{
    double x[2];
    bool is_int[2];
    HT_TRY(read_interval(item, x, is_int, err));
    if (!(x[0] > 0 && x[0] < x[1]))
        return ht_fail(err, HT_EFORMAT, "[%g, %g] is not rising from above 0", x[0], x[1]);
    memcpy(range, x, sizeof x);
    return HT_OK;
}

static ht_status read_rungs(const cJSON *list, long long rungs[HT_RUNGS_MAX], ht_error *err)
{
    long long ends[HT_RUNGS_MAX] = {0};
    int n = cJSON_GetArraySize(list), i = 0;
    if (!is_auto(list)) {
        if (!cJSON_IsArray(list) || n < 1 || n > HT_RUNGS_MAX)
            return ht_fail(err, HT_EFORMAT, "must be auto or a list of 1 to %d integers", HT_RUNGS_MAX);
        const cJSON *item;
        cJSON_ArrayForEach(item, list) {
            if (!ht_json_is_int(item))
                return wrong_kind(item, "an integer", err);
            double least = i == 0 ? 1 : (double)ends[i - 1] + 1;
            if (!(item->valuedouble >= least && item->valuedouble <= COUNT_MAX))
                return ht_fail(err, HT_EFORMAT, "'%.0f' is not in [%.0f, %.0f]", item->valuedouble, least,
                               COUNT_MAX);
            ends[i++] = (long long)item->valuedouble;
        }
    }
    memcpy(rungs, ends, sizeof ends);
    return HT_OK;
}

ht_status ht_field_read(const ht_field *f, const cJSON *item, void *holder, ht_error *err)
{
    void *at = (char *)holder + f->at;
    double x = 0;
    unsigned word = 0;
    switch (f->type) {
    case HT_FIELD_INT:
        HT_TRY(read_number(f, item, &x, err));
        *(long long *)at = (long long)x;
        return HT_OK;
    case HT_FIELD_REAL:
        HT_TRY(read_number(f, item, &x, err));
        *(double *)at = x;
        return HT_OK;
    case HT_FIELD_BOOL:
        if (!cJSON_IsBool(item))
            return wrong_kind(item, "true or false", err);
        *(bool *)at = cJSON_IsTrue(item);
        return HT_OK;
    case HT_FIELD_NAME:
        return read_name(f, item, at, err);
    case HT_FIELD_WORD:
        HT_TRY(read_word(f, item, &word, err));
        put_word(at, word);
        return HT_OK;
    case HT_FIELD_BACKUPS:
        return read_backups(item, holder, err);
    case HT_FIELD_SOURCES:
        return read_sources(item, holder, err);
    case HT_FIELD_BOUNDS:
        return read_bounds(item, holder, err);
    case HT_FIELD_RANGE:
        return read_range(item, at, err);
    case HT_FIELD_RUNGS:
        return read_rungs(item, at, err);
    }
    return ht_fail(err, HT_EINVAL, "a field of no type");
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Takes both; NULL of either (memory ran out) gives NULL. */
static cJSON *append(cJSON *list, cJSON *item)
{
    if (list != NULL && item != NULL && cJSON_AddItemToArray(list, item))
        return list;
    cJSON_Delete(list);
    cJSON_Delete(item);
    return NULL;
}

static cJSON *interval_to_json(const double bounds[2], const bool is_int[2])
{
    cJSON *pair = cJSON_CreateArray();
    for (int i = 0; pair != NULL && i < 2; i++)
        pair = append(pair, is_int[i] ? ht_json_int(bounds[i]) : ht_json_real(bounds[i]));
    return pair;
}

static cJSON *bounds_to_json(const ht_family_spec *f)
{
    if (f->n_bounds == 1)
        return interval_to_json(f->bounds[0], f->bounds_int[0]);
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; list != NULL && i < f->n_bounds; i++)
        list = append(list, interval_to_json(f->bounds[i], f->bounds_int[i]));
    return list;
}

static cJSON *texts_to_json(size_t n, const char *first, size_t stride)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; list != NULL && i < n; i++)
        list = append(list, cJSON_CreateString(first + i * stride));
    return list;
}

static cJSON *rungs_to_json(const long long *ends)
{
    if (ends[0] == 0)
        return cJSON_CreateString("auto");
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; list != NULL && i < HT_RUNGS_MAX && ends[i] > 0; i++)
        list = append(list, ht_json_int((double)ends[i]));
    return list;
}

static cJSON *number_to_json(const ht_field *f, double x)
{
    if (f->can_be_auto && x == HT_AUTO)
        return cJSON_CreateString("auto");
    return f->type == HT_FIELD_INT ? ht_json_int(x) : ht_json_real(x);
}

cJSON *ht_field_to_json(const ht_field *f, const void *holder)
{
    const void *at = (const char *)holder + f->at;
    const ht_recipe *r = holder;
    switch (f->type) {
    case HT_FIELD_INT:
        return number_to_json(f, (double)*(const long long *)at);
    case HT_FIELD_REAL:
        return number_to_json(f, *(const double *)at);
    case HT_FIELD_BOOL:
        return cJSON_CreateBool(*(const bool *)at);
    case HT_FIELD_NAME:
        return cJSON_CreateString(at);
    case HT_FIELD_WORD:
        return cJSON_CreateString(f->words[get_word(at)]);
    case HT_FIELD_BACKUPS:
        return texts_to_json(r->objective.n_backups, r->objective.backups[0], HT_NAME_MAX);
    case HT_FIELD_SOURCES:
        return texts_to_json(r->evolved.n_from, (const char *)r->evolved.from, sizeof r->evolved.from[0]);
    case HT_FIELD_BOUNDS:
        return bounds_to_json(holder);
    case HT_FIELD_RANGE:
        return interval_to_json(at, (const bool[2]){false, false});
    case HT_FIELD_RUNGS:
        return rungs_to_json(at);
    }
    return NULL;
}

static void list_words(const char *const *words, char *text, size_t size)
{
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; words[i] != NULL && n < size; i++) {
        const char *before = i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ";
        n += (size_t)snprintf(text + n, size - n, "%s%s", before, words[i]);
    }
}

static void list_limits(const ht_field *f, char *text, size_t size)
{
    char lo[40], hi[40];
    ht_print_real(lo, f->lo, false);
    ht_print_real(hi, f->hi, false);
    bool has_lo = f->lo > -ANY, has_hi = f->hi < ANY;
    if (f->lo == f->hi)
        snprintf(text, size, "%s", lo);
    else if (has_lo && has_hi)
        snprintf(text, size, "in %s%s, %s%s", f->lo_open ? "(" : "[", lo, hi, f->hi_open ? ")" : "]");
    else if (has_lo)
        snprintf(text, size, "%s %s", f->lo_open ? "greater than" : "at least", lo);
    else if (has_hi)
        snprintf(text, size, "at most %s", hi);
}

void ht_field_limits(const ht_field *f, char *text, size_t size)
{
    text[0] = '\0';
    if (f->words != NULL)
        list_words(f->words, text, size);
    else if (f->type == HT_FIELD_INT || f->type == HT_FIELD_REAL)
        list_limits(f, text, size);
    size_t n = strlen(text);
    if (f->can_be_auto)
        snprintf(text + n, size - n, "%sauto", n == 0 ? "" : " or ");
}
