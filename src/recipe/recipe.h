/** @file src/recipe/recipe.h
 *  The recipe: what may be tuned, within which bounds, how proposals are made and judged.
 *
 *  A recipe comes from YAML or JSON text, is validated whole, and has exactly one normalised form.
 *  Every field is one row of the table in fields.c; reading, defaults, validation, setting by dotted
 *  path, printing and the manual walk that table. No MPI, no clock; only ht_recipe_load opens a file. */
#ifndef HT_RECIPE_RECIPE_H
#define HT_RECIPE_RECIPE_H

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

enum {
    HT_BACKUPS_MAX = 15,    /**< backup metrics of one objective */
    HT_BOUNDS_MAX = 4,      /**< elements of a tuple family that can have bounds of their own */
    HT_RUNGS_MAX = 3,       /**< rungs of a race */
    HT_AUTO = -1            /**< how a number says `auto` */
};

typedef enum { HT_MINIMIZE, HT_MAXIMIZE } ht_direction;
typedef enum { HT_SPEC_MULT, HT_SPEC_SET, HT_SPEC_DELTA } ht_spec_mode;
typedef enum { HT_SEARCH_TPE, HT_SEARCH_RANDOM } ht_algorithm;
typedef enum { HT_SCORE_RAW, HT_SCORE_CONTROL } ht_score_kind;
typedef enum { HT_POPULATION_INDEPENDENT, HT_POPULATION_POOLED } ht_population_mode;
typedef enum {
    HT_POLICY_POOLED, HT_POLICY_HALVING, HT_POLICY_PBT, HT_POLICY_RANDOM, HT_POLICY_STATIC
} ht_policy_kind;
typedef enum { HT_DESIGN_HYPERCUBE, HT_DESIGN_RANDOM } ht_race_design;
typedef enum { HT_MERGE_OFF, HT_MERGE_GUARDED } ht_merge;
typedef enum { HT_SYNC_ELASTIC, HT_SYNC_BARRIER } ht_sync;
typedef enum { HT_HORIZON_VAL_EPOCHS, HT_HORIZON_STEPS } ht_horizon_unit;

/** What earlier runs learned of one family in one phase (written by `recipe evolve`). */
typedef struct {
    char phase[HT_NAME_MAX];
    double center;          /**< value to which proposals lean in this phase */
    double spread;          /**< standard deviation of what won, on the family's scale; 0 = unknown */
    double weight;          /**< effective number of winning segments behind it */
    long long observations; /**< judged segments behind it, without discount */
} ht_prior;

/** One family: a thing that can be mutated, under `mutations` or `keys` of an actuator. */
typedef struct {
    char name[HT_NAME_MAX];
    bool keyed;             /**< under `keys`: the patch is {op: mode, key: name} */
    size_t n_bounds;        /**< 1 = the same for every element; else one per element of a tuple */
    double bounds[HT_BOUNDS_MAX][2];
    bool bounds_int[HT_BOUNDS_MAX][2];  /**< written as integers; kept for the normalised form */
    double prior_center;
    long long cooldown;     /**< windows until the family may be used again */
    char risk[HT_NAME_MAX]; /**< "low", "medium", "high"; anything else counts as high */
    bool has_max_step_mult;
    double max_step_mult;   /**< cap on one step as a factor, > 1 */
    ht_spec_mode mode;
    bool has_range, has_floor, has_start, has_sigma;
    double range[2];        /**< of the absolute value, 0 < low < high; valid if has_range */
    double floor;           /**< what a factor multiplies where the knob is at 0; 0 = nothing */
    double start;           /**< absolute value to begin with, > 0; valid if has_start */
    double sigma;           /**< spread of the start about `start`, in log; 0 = unknown */
    size_t n_priors;
    ht_prior *priors;       /**< [n_priors], owned */
} ht_family_spec;

typedef struct {
    char name[HT_NAME_MAX];
    bool enabled;
    size_t n_families;      /**< `mutations` first, then `keys`, each in the order of the text */
    ht_family_spec *families;   /**< [n_families], owned */
} ht_actuator_spec;

typedef struct {
    char name[HT_NAME_MAX];
    double start_frac, end_frac;    /**< share of the run: start included, end excluded */
} ht_phase;

typedef struct {
    long long version;
    struct {
        char primary[HT_NAME_MAX];
        ht_direction mode;
        double ema;             /**< decay of the average of the weights, < 1; 0 = none; HT_AUTO */
        size_t n_backups;
        char backups[HT_BACKUPS_MAX][HT_NAME_MAX];
    } objective;
    size_t n_phases;
    ht_phase *phases;           /**< [n_phases], owned */
    size_t n_actuators;
    ht_actuator_spec *actuators;    /**< [n_actuators], owned */
    struct {
        ht_algorithm algorithm;
        long long startup_trials, candidate_count;
        bool phase_conditioned;
        long long seed;
        bool shared;            /**< one posterior for all replicas */
        bool joint;             /**< a mutation changes all knobs at once */
        double gamma;           /**< share of the observations that counts as good */
        double other_phase_weight;
        double fresh;           /**< share of the mutants drawn without what earlier runs learned */
    } search;
    struct {
        double epsilon;
        char horizon[HT_NAME_MAX];  /**< as written */
        bool rollback_on_reject;
        ht_score_kind score;
        double min_sigma;       /**< the noise of a score is never taken for less */
    } acceptance;
    struct {
        bool block_on_nan, block_on_anomaly;
        long long max_global_reject_streak, reject_pause;
        double grad_spike_factor;   /**< 0 = off */
    } safety;
    struct {
        ht_population_mode mode;
        ht_policy_kind policy;
        ht_sync sync;
        struct {
            long long per_replica;  /**< candidates; 0 = no race; HT_AUTO */
            long long epochs[HT_RUNGS_MAX]; /**< ends of the rungs, then 0; all 0 = auto */
            double fresh;           /**< share of the candidates drawn from the whole range */
            bool keep_start;        /**< the start values found an island, whatever the race says */
            ht_race_design design;
        } race;
        struct {
            double from, to;        /**< share of the run in which islands are given up */
            long long islands;      /**< at the start; 0 = one per replica */
            double rho, q;          /**< of the projected loss: weight, and what is left of a gain later */
        } tournament;
        double controls;            /**< share of an island that is not mutated */
        ht_merge merge;
        bool mirror;                /**< keep every root on two replicas */
    } population;
    struct {
        long long generation;   /**< evolutions since a person wrote the recipe */
        size_t n_from;
        char (*from)[2 * HT_NAME_MAX];  /**< [n_from] runs whose outcomes went in, owned */
        double best;            /**< objective of the champion that moved the starts last; valid if given */
    } evolved;
    unsigned char *given;       /**< which optional fields were written; owned, see fields.c */
} ht_recipe;

/** A recipe with every field at its default: no actuators. Owned by the caller (ht_recipe_destroy). */
ht_status ht_recipe_create(ht_recipe **out, ht_error *err);
ht_status ht_recipe_copy(const ht_recipe *from, ht_recipe **out, ht_error *err);
void ht_recipe_destroy(ht_recipe *r);   /**< NULL is allowed */

/** Read a recipe: JSON if its first character is '{', else YAML (1.2 core scalars, no anchors, tags,
 *  block scalars or second documents). Missing fields take their defaults, an empty entry is absent.
 *  At most 1 MiB of UTF-8.
 *  @param name  what messages call the text, e.g. the file name
 *  @return HT_OK; HT_EFORMAT: err says "name:line:column: path: why; nearest is 'x'" for the first
 *          fault in the order of the normalised form, where a field that does not exist comes after the
 *          others of its mapping; "name:line:column: why" if the text is no YAML or JSON; HT_ENOMEM */
ht_status ht_recipe_parse(const char *text, const char *name, ht_recipe **out, ht_error *err);

/** Read a recipe file. @return as ht_recipe_parse, and HT_ENOTFOUND, HT_EIO */
ht_status ht_recipe_load(const char *path, ht_recipe **out, ht_error *err);

/** All faults of a text (64 at most), one line each, in the order of the normalised form; empty = valid.
 *  @return HT_OK, with faults, too; HT_ENOMEM */
ht_status ht_recipe_faults(const char *text, const char *name, ht_string *faults);

/** The path of the fault in the last "invalid recipe" message of this thread of calls: everything in
 *  `err->text` between the place and the reason. Writes "" if err holds no recipe fault. */
void ht_recipe_fault_path(const ht_error *err, char *path, size_t size);

/** Set leaves by dotted path, all or nothing, in the order of `params` (an object path -> value).
 *  Types are strict; the resulting recipe is validated whole. Null takes an optional field out again.
 *  @return HT_OK; HT_EFORMAT: err says "invalid_recipe: path: why", `r` is unchanged */
ht_status ht_recipe_set(ht_recipe *r, const cJSON *params, ht_error *err);

/** Set leaves as the command line writes them: "population.policy=pbt search.gamma=0.2"; NULL = nothing.
 *  @param over  false: only fields that the recipe does not give itself
 *  @return as ht_recipe_set and ht_word_parse */
ht_status ht_recipe_set_words(ht_recipe *r, const char *words, bool over, ht_error *err);

/** Whether an optional field of the recipe itself ("population.mode") was written; true for required ones, false
 *  for what is no field. */
bool ht_recipe_gives(const ht_recipe *r, const char *path);

/** The normalised form as JSON, owned by the caller; NULL when out of memory. */
cJSON *ht_recipe_to_json(const ht_recipe *r);
/** The normalised form as text, YAML or JSON; reads back to an equal recipe. */
void ht_recipe_print_yaml(const ht_recipe *r, ht_string *out);
void ht_recipe_print_json(const ht_recipe *r, ht_string *out);

/** The manual of every field: path, type, default, limits, meaning. Markdown. */
void ht_recipe_print_manual(ht_string *out);

/** Lines "path: old -> new" for every leaf that differs; empty when equal. */
ht_status ht_recipe_diff(const ht_recipe *a, const ht_recipe *b, ht_string *out);

/** Lines "evidence: .." that say on what an evolved recipe b differs from a: runs that went in since, the best result
 *  before and now, observations and effective sample size of each prior that changed; empty if there is none.
 *  @return HT_OK, HT_ENOMEM */
ht_status ht_recipe_diff_evidence(const ht_recipe *a, const ht_recipe *b, ht_string *out);

/** Fingerprint of the normalised form: 16 hexadecimal digits (FNV-1a, 64 bit) and 0. */
ht_status ht_recipe_hash(const ht_recipe *r, char hash[17]);

/* ---- questions ------------------------------------------------------------------------------ */

const ht_actuator_spec *ht_recipe_actuator(const ht_recipe *r, const char *name);
bool ht_recipe_has_phase(const ht_recipe *r, const char *name);
/** The family `key` of an actuator, to be changed; found as the two functions below do. NULL: there is none */
ht_family_spec *ht_recipe_find_family(ht_recipe *r, const char *actuator, const char *key);
/** The family `key` of an actuator: the entry under `mutations` wins over one under `keys`. */
const ht_family_spec *ht_actuator_family(const ht_actuator_spec *a, const char *key);
/** A factor: under `keys` with mode mult, or under `mutations` with a name that ends in "_mult". */
bool ht_family_is_factor(const ht_family_spec *f);
/** How a value acts: said by `mode` under `keys`, by the ending of the name under `mutations` (else mult). */
ht_spec_mode ht_family_mode(const ht_family_spec *f);
/** Whether its risk is one that a tuner takes: low or medium. */
bool ht_family_is_tried(const ht_family_spec *f);
/** The value to which proposals of this phase lean: the phase's prior, else prior_center; clamped into
 *  the bounds where one interval holds for all elements. */
double ht_family_center(const ht_family_spec *f, const char *phase);
/** The horizon as a number, 0 for `val_epochs:auto`; @return HT_EFORMAT if the text is no horizon. */
ht_status ht_horizon_parse(const char *text, ht_horizon_unit *unit, long long *length, ht_error *err);

/** What the command line makes of one word "key=value" (JSON kinds; see ht_json_is_int).
 *  @param[out] key    owned by the caller (free)
 *  @param[out] value  owned by the caller (cJSON_Delete)
 *  @return HT_OK; HT_EFORMAT if there is no '=', or it is not UTF-8; HT_ENOMEM */
ht_status ht_word_parse(const char *word, char **key, cJSON **value, ht_error *err);

#endif
