/* tests/unit/test_recipe.c - reading, checking, printing and asking a recipe (behaviour, sections 2.1
 * to 2.5). */
#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "recipe/fields.h"
#include "recipe/recipe.h"

/* The recipe of the seed, as it stands there. */
static const char seed[] = "version: 1\n"
                           "objective:\n"
                           "  primary: val/loss\n"
                           "  mode: min\n"
                           "  backup_metrics: [grad/norm]\n"
                           "phases:\n"
                           "  early: {start_frac: 0.0, end_frac: 0.2}\n"
                           "  mid: {start_frac: 0.2, end_frac: 0.7}\n"
                           "  late: {start_frac: 0.7, end_frac: 1.0}\n"
                           "actuators:\n"
                           "  opt:\n"
                           "    enabled: true\n"
                           "    mutations:\n"
                           "      lr_mult: {bounds: [0.7, 1.2], prior_center: 0.95, cooldown: 2, risk: low}\n"
                           "  loss:\n"
                           "    enabled: true\n"
                           "    keys:\n"
                           "      aux_w: {mode: mult, bounds: [0.5, 2.0], cooldown: 1}\n";

static ht_recipe *parsed(const char *text)
{
    ht_recipe *r = NULL;
    ht_error err = {""};
    ht_status st = ht_recipe_parse(text, "r.yaml", &r, &err);
    CU_ASSERT_STRING_EQUAL(err.text, "");
    CU_ASSERT_EQUAL_FATAL(st, HT_OK);
    return r;
}

static void refused(const char *text, const char *message)
{
    ht_recipe *r = NULL;
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_recipe_parse(text, "r.yaml", &r, &err), HT_EFORMAT);
    CU_ASSERT_STRING_EQUAL(err.text, message);
    CU_ASSERT_PTR_NULL(r);
}

/* The family spec `{spec}` under mutations of actuator a, refused at `path` below it. */
static void family_refused(const char *spec, const char *message)
{
    ht_string text = {0}, wanted = {0};
    ht_recipe *r = NULL;
    ht_error err = {""};
    ht_string_add(&text, "{\"actuators\": {\"a\": {\"mutations\": {\"x_mult\": %s}}}}", spec);
    CU_ASSERT_EQUAL(ht_recipe_parse(ht_string_peek(&text), "j", &r, &err), HT_EFORMAT);
    ht_string_add(&wanted, "actuators.a.mutations.x_mult.%s", message);
    const char *found = strstr(err.text, "actuators.");
    CU_ASSERT_STRING_EQUAL(found == NULL ? err.text : found, ht_string_peek(&wanted));
    ht_recipe_destroy(r);
    ht_string_release(&text);
    ht_string_release(&wanted);
}

static ht_string printed(const ht_recipe *r, bool yaml)
{
    ht_string text = {0};
    (yaml ? ht_recipe_print_yaml : ht_recipe_print_json)(r, &text);
    CU_ASSERT_FALSE_FATAL(text.failed);
    return text;
}

/* ---- the table ------------------------------------------------------------------------------ */

static void every_default_lies_in_its_limits(void)
{
    const ht_field *f;
    size_t n = ht_fields(&f);
    for (size_t i = 0; i < n; i++) {
        if (f[i].type == HT_FIELD_INT || f[i].type == HT_FIELD_REAL)
            CU_ASSERT((f[i].fallback >= f[i].lo && f[i].fallback <= f[i].hi &&
                       !(f[i].lo_open && f[i].fallback == f[i].lo) &&
                       !(f[i].hi_open && f[i].fallback == f[i].hi)) ||
                      (f[i].can_be_auto && f[i].fallback == HT_AUTO));
        if (f[i].type == HT_FIELD_WORD)
            for (size_t word = 0; word <= (size_t)f[i].fallback; word++)
                CU_ASSERT_PTR_NOT_NULL(f[i].words[word]);
        CU_ASSERT_PTR_EQUAL(ht_field_find(f[i].scope, f[i].path), &f[i]); /* no path twice */
    }
}

static void every_field_has_a_row_in_the_manual(void)
{
    const ht_field *f;
    size_t n = ht_fields(&f);
    ht_string manual = {0};
    ht_recipe_print_manual(&manual);
    for (size_t i = 0; i < n; i++) {
        char row[100];
        snprintf(row, sizeof row, "\n| `%s`%s | ", f[i].path, f[i].optional ? " *" : "");
        CU_ASSERT_PTR_NOT_NULL(strstr(ht_string_peek(&manual), row));
        CU_ASSERT(f[i].doc[0] != '\0');
    }
    ht_string_release(&manual);
}

static void the_default_value_of_every_field_can_be_read(void)
{
    const ht_field *f;
    size_t n = ht_fields(&f);
    ht_recipe *r = parsed("");
    ht_family_spec family = {.has_max_step_mult = false};
    ht_fields_default(HT_IN_FAMILY, &family);
    for (size_t i = 0; i < n; i++) {
        void *holder = f[i].scope == HT_IN_RECIPE   ? (void *)r
                       : f[i].scope == HT_IN_FAMILY ? (void *)&family
                                                    : NULL;
        if (holder == NULL)
            continue;
        cJSON *item = ht_field_to_json(&f[i], holder);
        ht_error err = {""};
        CU_ASSERT_EQUAL(ht_field_read(&f[i], item, holder, &err), HT_OK);
        CU_ASSERT_STRING_EQUAL(err.text, "");
        cJSON_Delete(item);
    }
    ht_recipe_destroy(r);
}

/* ---- reading -------------------------------------------------------------------------------- */

static void the_recipe_of_the_seed_means_what_it_says(void)
{
    ht_recipe *r = parsed(seed);
    CU_ASSERT_STRING_EQUAL(r->objective.primary, "val/loss");
    CU_ASSERT_EQUAL(r->objective.mode, HT_MINIMIZE);
    CU_ASSERT_EQUAL(r->objective.n_backups, 1);
    CU_ASSERT_EQUAL(r->n_phases, 3);
    CU_ASSERT_EQUAL(r->phases[1].end_frac, 0.7);
    const ht_family_spec *lr = ht_actuator_family(ht_recipe_actuator(r, "opt"), "lr_mult");
    const ht_family_spec *aux = ht_actuator_family(ht_recipe_actuator(r, "loss"), "aux_w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(lr);
    CU_ASSERT_PTR_NOT_NULL_FATAL(aux);
    CU_ASSERT(!lr->keyed && lr->prior_center == 0.95 && lr->cooldown == 2 && !lr->has_max_step_mult);
    CU_ASSERT(aux->keyed && aux->mode == HT_SPEC_MULT && aux->bounds[0][1] == 2);
    CU_ASSERT(ht_family_is_factor(lr) && ht_family_is_factor(aux));
    CU_ASSERT_EQUAL(ht_family_mode(lr), HT_SPEC_MULT);
    CU_ASSERT_EQUAL(ht_family_mode(&(ht_family_spec){.name = "lr_set"}), HT_SPEC_SET);
    CU_ASSERT_EQUAL(ht_family_mode(&(ht_family_spec){.name = "lr_delta"}), HT_SPEC_DELTA);
    CU_ASSERT_EQUAL(ht_family_mode(&(ht_family_spec){.name = "lr_set", .keyed = true}), HT_SPEC_MULT);
    CU_ASSERT_PTR_NULL(ht_recipe_actuator(r, "ghost"));
    CU_ASSERT_PTR_NULL(ht_actuator_family(ht_recipe_actuator(r, "opt"), "aux_w"));
    ht_recipe_destroy(r);
}

static void yaml_and_json_give_the_same_recipe(void)
{
    ht_recipe *a =
        parsed("{\"search\": {\"startup_trials\": 3}, \"actuators\": {\"o\": {\"keys\": {\"k\": {}}}}}");
    ht_recipe *b = parsed("search:\n  startup_trials: 3\nactuators:\n  o:\n    keys:\n      k:\n");
    ht_recipe *c = parsed("\xef\xbb\xbf \n{\"search\": {\"startup_trials\": 3}, \"actuators\": {\"o\": "
                          "{\"keys\": {\"k\": {}}}}}");
    ht_string changes = {0};
    CU_ASSERT_EQUAL(ht_recipe_diff(a, b, &changes), HT_OK);
    CU_ASSERT_EQUAL(ht_recipe_diff(a, c, &changes), HT_OK);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&changes), "");
    ht_string_release(&changes);
    ht_recipe_destroy(a);
    ht_recipe_destroy(b);
    ht_recipe_destroy(c);
}

static void an_empty_entry_is_absent(void)
{
    static const char *const texts[] = {"",
                                        "{}",
                                        "~",
                                        "phases:\nactuators:\nsearch:\n",
                                        "objective: {primary: , mode: ~}",
                                        "phases: {}",
                                        "version:",
                                        "population: {mode: }",
                                        "evolved: {from: }"};
    ht_recipe *plain = parsed("version: 1");
    ht_string wanted = printed(plain, true);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ht_recipe *r = parsed(texts[i]);
        ht_string got = printed(r, true);
        CU_ASSERT_STRING_EQUAL(ht_string_peek(&got), ht_string_peek(&wanted));
        ht_string_release(&got);
        ht_recipe_destroy(r);
    }
    ht_string_release(&wanted);
    ht_recipe_destroy(plain);
}

static void an_empty_actuator_family_or_phase_has_all_defaults(void)
{
    ht_recipe *r = parsed("phases: {all: }\nactuators:\n  a:\n  b: {mutations: {x: ~}, keys: }\n");
    CU_ASSERT(r->n_phases == 1 && r->phases[0].end_frac == 1);
    CU_ASSERT(r->n_actuators == 2 && r->actuators[0].enabled && r->actuators[0].n_families == 0);
    CU_ASSERT(r->actuators[1].n_families == 1 && r->actuators[1].families[0].cooldown == 1);
    ht_recipe_destroy(r);
}

static void mutations_come_before_keys_and_win(void)
{
    ht_recipe *r = parsed("actuators: {a: {keys: {x: {cooldown: 5}}, mutations: {y: {}, x: {cooldown: 7}}}}");
    CU_ASSERT_EQUAL_FATAL(r->actuators[0].n_families, 3);
    CU_ASSERT_STRING_EQUAL(r->actuators[0].families[0].name, "y");
    CU_ASSERT(r->actuators[0].families[2].keyed);
    CU_ASSERT_EQUAL(ht_actuator_family(&r->actuators[0], "x")->cooldown, 7);
    ht_recipe_destroy(r);
}

/* ---- faults --------------------------------------------------------------------------------- */

static void a_fault_has_its_place_its_path_and_a_reason(void)
{
    refused("version: 1\nacceptance:\n  epsilon: '1e-4'\n",
            "r.yaml:3:12: acceptance.epsilon: '1e-4' is a text, must be a number");
    refused("{\"safety\": {\n \"reject_pause\": -1}}",
            "r.yaml:2:18: safety.reject_pause: '-1' is not in [0, 1000000000]");
    refused("version: 2\n", "r.yaml:1:10: version: '2' is not 1");
    refused("actuators: []\n", "r.yaml:1:12: actuators: actuators is a mapping of names, not a list");
    refused("- 1\n", "r.yaml:1:1: a recipe is a mapping of names, not a list");
    refused("3", "r.yaml:1:1: a recipe is a mapping of names, not a single value");
    refused("objective: {mode: minimize}", "r.yaml:1:19: objective.mode: 'minimize' is not min or max");
    refused("population: {mode: islands}",
            "r.yaml:1:20: population.mode: 'islands' is not independent or pooled");
}

static void an_unknown_field_is_refused_with_the_nearest_name(void)
{
    refused("serach: {}\n", "r.yaml:1:1: serach: unknown field; nearest is 'search'");
    refused("search: {startup_trails: 3}\n",
            "r.yaml:1:10: search.startup_trails: unknown field; nearest is 'startup_trials'");
    refused("actuators: {a: {mutation: {}}}",
            "r.yaml:1:17: actuators.a.mutation: unknown field; nearest is 'mutations'");
    refused("phases: {p: {zzz: 1}}", "r.yaml:1:14: phases.p.zzz: unknown field");
    family_refused("{\"cool_down\": 1}", "cool_down: unknown field; nearest is 'cooldown'");
    family_refused("{\"priors\": {\"early\": {\"centre\": 1}}}",
                   "priors.early.centre: unknown field; nearest is 'center'");
}

static void a_syntax_fault_has_its_place(void)
{
    refused("a: [1", "r.yaml:2:1: did not find expected ',' or ']'");
    refused("{\"version\": 1\n 2}", "r.yaml:2:2: this is not JSON");
    refused("version: 1\nversion: 1\n", "r.yaml:2:1: 'version' is given twice");
    refused("{\"version\": 1, \"version\": 1}", "r.yaml:1:16: 'version' is given twice");
    refused("version: \xff", "r.yaml:1:10: this is not UTF-8");
}

static void bounds_are_two_numbers_in_order(void)
{
    family_refused("{\"bounds\": [1.0]}", "bounds: must be two numbers [low, high]");
    family_refused("{\"bounds\": [0.5, 1, 2]}", "bounds: must be two numbers [low, high]");
    family_refused("{\"bounds\": 1.0}", "bounds: must be two numbers [low, high]");
    family_refused("{\"bounds\": []}", "bounds: must be two numbers [low, high]");
    family_refused("{\"bounds\": [\"a\", 1]}", "bounds: 'a' is a text, must be a number");
    family_refused("{\"bounds\": [2, 1]}", "bounds: low 2 is greater than high 1");
    family_refused("{\"bounds\": [0, 1]}", "bounds: low 0 of a factor is not greater than 0");
    family_refused("{\"bounds\": [[0.5, 1], 2]}", "bounds: must be two numbers [low, high]");
    family_refused("{\"bounds\": [[1,2],[1,2],[1,2],[1,2],[1,2]]}", "bounds: more than 4 intervals");
}

static void numbers_of_a_family_have_limits(void)
{
    family_refused("{\"prior_center\": 3}",
                   "prior_center: '3' is outside the bounds [0.5, 2]; 1.0 means no preference");
    family_refused("{\"cooldown\": -1}", "cooldown: '-1' is not in [0, 1000000000]");
    family_refused("{\"cooldown\": 1.0}", "cooldown: '1.0' is a number, must be an integer");
    family_refused("{\"max_step_mult\": 1}", "max_step_mult: '1' is not greater than 1");
    family_refused("{\"max_step_mult\": 0.0}", "max_step_mult: '0.0' is not greater than 1");
    family_refused("{\"risk\": \"experimental\"}", "risk: 'experimental' is not low, medium or high");
    family_refused("{\"mode\": \"scale\"}", "mode: 'scale' is not mult, set or delta");
    ht_recipe_destroy(
        parsed("actuators: {a: {mutations: {x_mult: {bounds: [2, 3]}}}}")); /* centre 1.0 is outside */
}

static void only_factors_need_positive_bounds(void)
{
    ht_recipe_destroy(parsed(
        "actuators: {a: {mutations: {x: {bounds: [-1, 1]}}, keys: {y: {mode: delta, bounds: [-1, 1]}}}}"));
    refused("actuators: {a: {keys: {y: {bounds: [-1, 1]}}}}",
            "r.yaml:1:36: actuators.a.keys.y.bounds: low -1 of a factor is not greater than 0");
    refused("actuators: {a: {keys: {y: {mode: scale, bounds: [-1, 1]}}}}",
            "r.yaml:1:34: actuators.a.keys.y.mode: 'scale' is not mult, set or delta");
}

static void phases_tile_the_run(void)
{
    refused("phases: {a: {end_frac: 0.5}, b: {start_frac: 0.4}}",
            "r.yaml:1:46: phases.b.start_frac: '0.4' leaves an overlap: the phase before ends at 0.5");
    refused("phases: {a: {end_frac: 0.5}, b: {start_frac: 0.6}}",
            "r.yaml:1:46: phases.b.start_frac: '0.6' leaves a gap: the phase before ends at 0.5");
    refused("phases: {a: {start_frac: 0.5}}",
            "r.yaml:1:26: phases.a.start_frac: '0.5' leaves a gap: the first phase must start at 0");
    refused("phases: {a: {end_frac: 0.5}}",
            "r.yaml:1:24: phases.a.end_frac: '0.5' leaves a gap: the last phase must end at 1");
    refused("phases: {a: {end_frac: 0.5}, b: {}}",
            "r.yaml:1:33: phases.b.start_frac: '0' leaves an overlap: the phase before ends at 0.5");
    refused("phases: {a: {start_frac: 0.5, end_frac: 0.5}}",
            "r.yaml:1:13: phases.a: start_frac 0.5 is not below end_frac 0.5");
    refused("phases: {a: {start_frac: -1}}", "r.yaml:1:26: phases.a.start_frac: '-1' is not at least 0");
    refused("phases: {a: {end_frac: 1.5}}", "r.yaml:1:24: phases.a.end_frac: '1.5' is not at most 1");
    ht_recipe *r =
        parsed("phases: {late: {start_frac: 0.5}, early: {end_frac: 0.5}}"); /* any order of the text */
    CU_ASSERT_STRING_EQUAL(r->phases[0].name, "late");
    ht_recipe_destroy(r);
}

static void a_horizon_is_one_of_four_forms(void)
{
    ht_horizon_unit unit;
    long long n = 0;
    CU_ASSERT(ht_horizon_parse("next_val_epoch_end", &unit, &n, NULL) == HT_OK &&
              unit == HT_HORIZON_VAL_EPOCHS && n == 1);
    CU_ASSERT(ht_horizon_parse("val_epochs:3", &unit, &n, NULL) == HT_OK && unit == HT_HORIZON_VAL_EPOCHS &&
              n == 3);
    CU_ASSERT(ht_horizon_parse("steps:1000", &unit, &n, NULL) == HT_OK && unit == HT_HORIZON_STEPS &&
              n == 1000);
    CU_ASSERT(ht_horizon_parse("val_epochs:auto", &unit, &n, NULL) == HT_OK &&
              unit == HT_HORIZON_VAL_EPOCHS && n == 0);
    static const char *const wrong[] = {
        "",         "nonsense",  "steps:",        "steps:0",         "steps:-1",
        "steps: 1", "steps:1.5", "val_epochs:1x", "steps:auto", "steps:99999999999999999999",
        "STEPS:1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CU_ASSERT_EQUAL(ht_horizon_parse(wrong[i], &unit, &n, NULL), HT_EFORMAT);
    refused("acceptance: {horizon: nonsense}", "r.yaml:1:23: acceptance.horizon: 'nonsense' is none of "
                                               "next_val_epoch_end, val_epochs:N, val_epochs:auto and "
                                               "steps:N, with N from 1 to 999999999");
}

static void a_spike_factor_is_off_or_above_one(void)
{
    ht_recipe_destroy(parsed("safety: {grad_spike_factor: 0}"));
    ht_recipe_destroy(parsed("safety: {grad_spike_factor: 10}"));
    refused("safety: {grad_spike_factor: 0.5}",
            "r.yaml:1:29: safety.grad_spike_factor: '0.5' is neither 0 (off) nor greater than 1");
}

static void all_faults_are_listed_in_the_order_of_the_normalised_form(void)
{
    ht_string faults = {0};
    CU_ASSERT_EQUAL(ht_recipe_faults("zzz: 1\nsafety: {block_on_nan: 1}\nactuators: {a: {enabled: 2, q: 1, "
                                     "keys: {k: {mode: x, bounds: 3}}}}\n"
                                     "objective: {primary: ''}\n",
                                     "f", &faults),
                    HT_OK);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&faults),
                           "f:4:22: objective.primary: may not be empty\n"
                           "f:3:26: actuators.a.enabled: '2' is an integer, must be true or false\n"
                           "f:3:63: actuators.a.keys.k.bounds: must be two numbers [low, high]\n"
                           "f:3:52: actuators.a.keys.k.mode: 'x' is not mult, set or delta\n"
                           "f:3:29: actuators.a.q: unknown field\n"
                           "f:2:24: safety.block_on_nan: '1' is an integer, must be true or false\n"
                           "f:1:1: zzz: unknown field\n");
    ht_string_release(&faults);
    CU_ASSERT_EQUAL(ht_recipe_faults(seed, "f", &faults), HT_OK);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&faults), "");
    ht_string_release(&faults);
}

static void the_path_of_a_fault_can_be_read_from_the_message(void)
{
    char path[100];
    ht_recipe_fault_path(&(ht_error){"C:a/b.yaml:3:14: phases.late: start_frac 1 is not"}, path, sizeof path);
    CU_ASSERT_STRING_EQUAL(path, "phases.late");
    ht_recipe_fault_path(&(ht_error){"invalid_recipe: nope.x: no such field"}, path, sizeof path);
    CU_ASSERT_STRING_EQUAL(path, "nope.x");
    ht_recipe_fault_path(&(ht_error){"r.yaml:1:1: this is not JSON"}, path, sizeof path);
    CU_ASSERT_STRING_EQUAL(path, "");
    ht_recipe_fault_path(&(ht_error){"no memory"}, path, sizeof path);
    CU_ASSERT_STRING_EQUAL(path, "");
}

/* ---- hostile text --------------------------------------------------------------------------- */

static void names_and_lists_have_a_longest_length(void)
{
    ht_string text = {0};
    ht_string_add(&text, "actuators: {%064d: {}}", 0);
    refused(ht_string_peek(&text),
            "r.yaml:1:13: actuators.000000000000000000000000000000000000000000000000000000000000000: "
            "this name is longer than 63 bytes");
    ht_string_release(&text);
    ht_string_add(&text, "objective: {primary: a%063d}", 0);
    refused(ht_string_peek(&text),
            "r.yaml:1:22: objective.primary: 'a0000000000000000000..' is longer than 63 bytes");
    ht_string_release(&text);
    ht_string_add(&text, "actuators: {%063d: {}}", 0);
    ht_recipe_destroy(parsed(ht_string_peek(&text)));
    ht_string_release(&text);
    refused("phases: {'': {}}", "r.yaml:1:10: phases.: a name may not be empty");
    refused("objective: {backup_metrics: [a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p]}",
            "r.yaml:1:29: objective.backup_metrics: more than 15 elements");
    refused("objective: {backup_metrics: [a, 1]}",
            "r.yaml:1:29: objective.backup_metrics: element 1: '1' is an integer, must be a text");
}

static void a_name_cannot_break_a_message_into_lines(void)
{
    refused("{\"a\\nb\": 1}", "r.yaml:1:2: a?b: unknown field");
}

static void a_flood_of_faults_is_cut(void)
{
    ht_string text = {0}, faults = {0};
    for (int i = 0; i < 20000; i++)
        ht_string_add(&text, "x%d: 1\n", i);
    CU_ASSERT_EQUAL(ht_recipe_faults(ht_string_peek(&text), "f", &faults), HT_OK);
    size_t lines = 0;
    for (const char *p = ht_string_peek(&faults); *p != '\0'; p++)
        lines += *p == '\n';
    CU_ASSERT_EQUAL(lines, 64);
    ht_string_release(&text);
    ht_string_release(&faults);
}

static void depth_and_length_have_limits(void)
{
    static char deep[2001], wide[(1 << 20) + 2];
    memset(deep, '[', sizeof deep - 1);
    refused(deep, "r.yaml:1:65: this is nested too deeply");
    memset(deep, '{', sizeof deep - 1);
    ht_recipe *r = NULL;
    CU_ASSERT_EQUAL(ht_recipe_parse(deep, "j", &r, NULL), HT_EFORMAT);
    memset(wide, '#', sizeof wide - 1);
    refused(wide, "r.yaml:1:1: longer than 1048576 bytes, this is no recipe");
}

/* ---- writing -------------------------------------------------------------------------------- */

static const char everything[] =
    "objective: {primary: 'a: b', mode: max, backup_metrics: [x, 'true', '1']}\n"
    "phases: {'first one': {end_frac: 0.1}, \"\\u2028\\u00e4\": {start_frac: 0.1}}\n"
    "actuators:\n"
    "  opt:\n"
    "    enabled: false\n"
    "    mutations:\n"
    "      betas_set: {bounds: [[0.8, 0.95], [0.99, 0.9999]], prior_center: 0.9, max_step_mult: 1.3}\n"
    "      lr_mult:\n"
    "        bounds: [1, 2.0]\n"
    "        priors: {'first one': {center: 1.25, spread: 0.1, weight: 7.5, observations: 9}}\n"
    "    keys: {null: {mode: delta, bounds: [-1, 1], risk: high}}\n"
    "search: {seed: 9007199254740992, shared: false, gamma: 0.1, other_phase_weight: 0}\n"
    "acceptance: {score: control, horizon: steps:20}\n"
    "safety: {reject_pause: 0, grad_spike_factor: 3}\n"
    "population: {mode: independent, sync: barrier}\n"
    "evolved: {generation: 3, from: [run-1, 'run 2']}\n";

static void both_forms_read_back_to_an_equal_recipe(void)
{
    const char *const texts[] = {seed, everything, ""};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (int yaml = 0; yaml < 2; yaml++) {
            ht_recipe *r = parsed(texts[i]);
            ht_string once = printed(r, yaml);
            ht_recipe *again = parsed(ht_string_peek(&once));
            ht_string twice = printed(again, yaml), changes = {0};
            CU_ASSERT_STRING_EQUAL(ht_string_peek(&once), ht_string_peek(&twice));
            CU_ASSERT_EQUAL(ht_recipe_diff(r, again, &changes), HT_OK);
            CU_ASSERT_STRING_EQUAL(ht_string_peek(&changes), "");
            ht_string_release(&once);
            ht_string_release(&twice);
            ht_string_release(&changes);
            ht_recipe_destroy(r);
            ht_recipe_destroy(again);
        }
}

static void the_normalised_form_is_easy_to_read(void)
{
    ht_recipe *r = parsed(everything);
    ht_string text = printed(r, true);
    CU_ASSERT_STRING_EQUAL(
        ht_string_peek(&text),
        "version: 1\n"
        "objective:\n"
        "  primary: \"a: b\"\n"
        "  mode: max\n"
        "  backup_metrics: [x, \"true\", \"1\"]\n"
        "phases:\n"
        "  \"first one\": {start_frac: 0.0, end_frac: 0.1}\n"
        "  \"\\u2028\xc3\xa4\": {start_frac: 0.1, end_frac: 1.0}\n"
        "actuators:\n"
        "  opt:\n"
        "    enabled: false\n"
        "    mutations:\n"
        "      betas_set: {bounds: [[0.8, 0.95], [0.99, 0.9999]], prior_center: 0.9, cooldown: 1, risk: low, "
        "max_step_mult: 1.3, mode: mult}\n"
        "      lr_mult:\n"
        "        bounds: [1, 2.0]\n"
        "        prior_center: 1.0\n"
        "        cooldown: 1\n"
        "        risk: low\n"
        "        mode: mult\n"
        "        priors:\n"
        "          \"first one\": {center: 1.25, spread: 0.1, weight: 7.5, observations: 9}\n"
        "    keys:\n"
        "      \"null\": {bounds: [-1, 1], prior_center: 1.0, cooldown: 1, risk: high, mode: delta}\n"
        "search:\n"
        "  algorithm: tpe\n"
        "  startup_trials: 8\n"
        "  candidate_count: 24\n"
        "  phase_conditioned: true\n"
        "  seed: 9007199254740992\n"
        "  shared: false\n"
        "  gamma: 0.1\n"
        "  other_phase_weight: 0.0\n"
        "acceptance:\n"
        "  epsilon: 0.001\n"
        "  horizon: \"steps:20\"\n"
        "  rollback_on_reject: true\n"
        "  score: control\n"
        "safety:\n"
        "  block_on_nan: true\n"
        "  block_on_anomaly: true\n"
        "  max_global_reject_streak: 4\n"
        "  reject_pause: 0\n"
        "  grad_spike_factor: 3.0\n"
        "population:\n"
        "  mode: independent\n"
        "  sync: barrier\n"
        "evolved:\n"
        "  generation: 3\n"
        "  from: [run-1, \"run 2\"]\n");
    ht_string_release(&text);
    ht_recipe_destroy(r);
}

static void optional_fields_are_written_only_when_given(void)
{
    ht_recipe *r = parsed(seed);
    ht_string text = printed(r, false);
    static const char *const names[] = {"seed",       "shared",  "gamma",         "score", "reject_pause",
                                        "population", "evolved", "max_step_mult", "priors"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        CU_ASSERT_PTR_NULL(strstr(ht_string_peek(&text), names[i]));
    ht_string_release(&text);
    ht_recipe_destroy(r);
}

static void differences_name_each_leaf(void)
{
    ht_recipe *a = parsed("actuators: {x: {}}\nsearch: {seed: 1}"),
              *b = parsed("actuators: {y: {}}\nacceptance: {epsilon: 0.5}");
    ht_string text = {0};
    CU_ASSERT_EQUAL(ht_recipe_diff(a, b, &text), HT_OK);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&text), "actuators.x.enabled: true -> (none)\n"
                                                  "actuators.x.mutations: {} -> (none)\n"
                                                  "actuators.x.keys: {} -> (none)\n"
                                                  "actuators.y.enabled: (none) -> true\n"
                                                  "actuators.y.mutations: (none) -> {}\n"
                                                  "actuators.y.keys: (none) -> {}\n"
                                                  "search.seed: 1 -> (none)\n"
                                                  "acceptance.epsilon: 0.001 -> 0.5\n");
    ht_string_release(&text);
    ht_recipe_destroy(a);
    ht_recipe_destroy(b);
}

static void the_fingerprint_is_that_of_the_content(void)
{
    ht_recipe *a = parsed("search: {startup_trials: 8}"), *b = parsed(""),
              *c = parsed("search: {startup_trials: 9}");
    char x[17], y[17], z[17];
    CU_ASSERT(ht_recipe_hash(a, x) == HT_OK && ht_recipe_hash(b, y) == HT_OK &&
              ht_recipe_hash(c, z) == HT_OK);
    CU_ASSERT_STRING_EQUAL(x, y);
    CU_ASSERT_STRING_NOT_EQUAL(x, z);
    CU_ASSERT_EQUAL(strspn(x, "0123456789abcdef"), 16);
    ht_recipe_destroy(a);
    ht_recipe_destroy(b);
    ht_recipe_destroy(c);
}

/* ---- life and questions --------------------------------------------------------------------- */

static void a_copy_is_independent(void)
{
    ht_recipe *a = parsed(everything), *b = NULL;
    ht_string before = printed(a, true);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_copy(a, &b, NULL), HT_OK);
    ht_recipe_destroy(a);
    ht_string after = printed(b, true);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&before), ht_string_peek(&after));
    ht_string_release(&before);
    ht_string_release(&after);
    ht_recipe_destroy(b);
    ht_recipe_destroy(NULL);
}

static void proposals_lean_to_the_prior_of_the_phase(void)
{
    ht_prior prior = {.phase = "late", .center = 0.6};
    ht_family_spec f = {
        .n_bounds = 1, .bounds = {{.5, .9}}, .prior_center = 1, .n_priors = 1, .priors = &prior};
    CU_ASSERT_EQUAL(ht_family_center(&f, "late"), 0.6);
    CU_ASSERT_EQUAL(ht_family_center(&f, "early"), 0.9); /* 1.0 = no preference, clamped */
    prior.center = 0.1;
    CU_ASSERT_EQUAL(ht_family_center(&f, "late"), 0.5);
}

static void a_missing_file_is_not_found(void)
{
    ht_recipe *r = NULL;
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_recipe_load("no/such/recipe.yaml", &r, &err), HT_ENOTFOUND);
    CU_ASSERT_STRING_EQUAL(err.text, "no/such/recipe.yaml: cannot be opened: No such file or directory");
    CU_ASSERT_EQUAL(ht_recipe_load(".", &r, &err), HT_EIO);
    CU_ASSERT_PTR_NULL(r);
}

CASES("recipe", CASE(every_default_lies_in_its_limits), CASE(every_field_has_a_row_in_the_manual),
      CASE(the_default_value_of_every_field_can_be_read), CASE(the_recipe_of_the_seed_means_what_it_says),
      CASE(yaml_and_json_give_the_same_recipe), CASE(an_empty_entry_is_absent),
      CASE(an_empty_actuator_family_or_phase_has_all_defaults), CASE(mutations_come_before_keys_and_win),
      CASE(a_fault_has_its_place_its_path_and_a_reason),
      CASE(an_unknown_field_is_refused_with_the_nearest_name), CASE(a_syntax_fault_has_its_place),
      CASE(bounds_are_two_numbers_in_order), CASE(numbers_of_a_family_have_limits),
      CASE(only_factors_need_positive_bounds), CASE(phases_tile_the_run),
      CASE(a_horizon_is_one_of_four_forms),
      CASE(a_spike_factor_is_off_or_above_one),
      CASE(all_faults_are_listed_in_the_order_of_the_normalised_form),
      CASE(the_path_of_a_fault_can_be_read_from_the_message), CASE(names_and_lists_have_a_longest_length),
      CASE(a_name_cannot_break_a_message_into_lines), CASE(a_flood_of_faults_is_cut),
      CASE(depth_and_length_have_limits), CASE(both_forms_read_back_to_an_equal_recipe),
      CASE(the_normalised_form_is_easy_to_read), CASE(optional_fields_are_written_only_when_given),
      CASE(differences_name_each_leaf), CASE(the_fingerprint_is_that_of_the_content),
      CASE(a_copy_is_independent), CASE(proposals_lean_to_the_prior_of_the_phase),
      CASE(a_missing_file_is_not_found))
