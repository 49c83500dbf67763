/* src/recipe/fields.c - the one table of recipe fields; the contract is in fields.h. Values: field_value.c.
 *
 * May touch: marks of what was given. */
#include "recipe/fields.h"

#include <float.h>
#include <stddef.h>
#include <stdio.h>
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
         DOC("", "value from which a factor counts where the knob is at 0; 0 = it stays at 0 in the independent "
                "mode, and in the pooled mode a small floor is taken")),
    REAL(HT_IN_FAMILY, "start", FAMILY(start), 0, ANY, 1, .lo_open = true, .text = "none", OPTIONAL,
         .flag = FAMILY(has_start),
         DOC("", "absolute value to begin with; without it the program's own")),
    REAL(HT_IN_FAMILY, "sigma", FAMILY(sigma), 0, ANY, 0, OPTIONAL, .flag = FAMILY(has_sigma),
         DOC("", "how far candidates of a race lie about `start`, as a standard deviation of the logarithm; "
                "0 = unknown, they are drawn from the range")),

    REAL(HT_IN_PRIOR, "center", offsetof(ht_prior, center), -ANY, ANY, 1,
         DOC("", "value to which proposals lean in this phase; clamped into the bounds")),
    REAL(HT_IN_PRIOR, "spread", offsetof(ht_prior, spread), 0, ANY, 0,
         DOC("", "standard deviation of what won, on the scale of the family; 0 = unknown")),
    REAL(HT_IN_PRIOR, "weight", offsetof(ht_prior, weight), 0, ANY, 0,
         DOC("segments", "effective number of winning segments behind it")),
    INT(HT_IN_PRIOR, "observations", offsetof(ht_prior, observations), 0, EXACT_MAX, 0,
        DOC("segments", "judged segments behind it, all runs together")),

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
    REAL(HT_IN_RECIPE, "search.fresh", RECIPE(search.fresh), 0, 1, .1, OPTIONAL,
         DOC("", "share of the mutants of a pooled run drawn as if earlier runs had taught nothing: how they fare tells "
                 "what their priors are worth")),

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
    INT(HT_IN_RECIPE, "safety.max_global_reject_streak", RECIPE(safety.max_global_reject_streak), 1,
        COUNT_MAX, 4, DOC("segments", "rejects in a row that pause the tuner")),
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
         .lo = 1, .hi = COUNT_MAX, OPTIONAL,
         DOC("validation epochs", "1 to 3 rising numbers: age at which the candidates are thinned out")),
    REAL(HT_IN_RECIPE, "population.race.fresh", RECIPE(population.race.fresh), 0, 1, .1, OPTIONAL,
         DOC("", "share of the candidates drawn from the whole range where the recipe knows a start (`sigma`)")),
    BOOL(HT_IN_RECIPE, "population.race.keep_start", RECIPE(population.race.keep_start), true, OPTIONAL,
         DOC("", "the start values found one of the islands: early losses can deceive")),
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
    REAL(HT_IN_RECIPE, "evolved.best", RECIPE(evolved.best), -ANY, ANY, 0, .text = "none", OPTIONAL,
         DOC("objective", "of the best champion so far; only a better one moves the starts")),
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

/* ---- limits in words ------------------------------------------------------------------------- */

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
