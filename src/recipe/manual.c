/* src/recipe/manual.c - the manual of a recipe in Markdown, from the table of fields; see recipe.h. */
#include "recipe/recipe.h"

#include <stdio.h>
#include <string.h>

#include "recipe/fields.h"

static const char introduction[] =
    "# Recipe reference\n\n"
    "A recipe says what may be tuned, within which bounds, how changes are proposed and how they are\n"
    "judged. It is a YAML file, usually `hotcb.tune.recipe.yaml` in the run directory; a file whose\n"
    "first character is `{` is read as JSON. Every field has a default, so a recipe holds only what\n"
    "differs:\n\n"
    "```yaml\n"
    "objective: {primary: val/loss, mode: min}\n"
    "actuators:\n"
    "  opt:\n"
    "    mutations:\n"
    "      lr_mult: {bounds: [0.6, 1.4], prior_center: 0.9, cooldown: 2, max_step_mult: 1.3}\n"
    "  loss:\n"
    "    keys:\n"
    "      aux_w: {bounds: [0.5, 2.0]}\n"
    "acceptance: {epsilon: 5e-4, horizon: \"val_epochs:2\"}\n"
    "```\n\n"
    "YAML is read by the rules of version 1.2: `1e-4` is a number, `yes` and `on` are texts. Block\n"
    "and flow mappings, sequences, comments and quoted texts are understood; anchors, aliases, tags,\n"
    "block scalars, several documents, tabs in the indentation and keys written twice are refused\n"
    "with line and column.\n\n"
    "An entry without a value is the same as an absent one. Types are strict: a text is never a\n"
    "number, a bool is never a number, an integer has neither point nor exponent, numbers are finite.\n"
    "A field that is not listed here is refused, and so is the whole recipe with it;\n"
    "`hottune recipe validate FILE` lists all faults.\n\n"
    "Every single field can be changed in a running job by its path, e.g.\n"
    "`hottune set acceptance.epsilon=1e-3` or `actuators.opt.mutations.lr_mult.cooldown=3`. Several\n"
    "fields in one command are changed together or not at all; to move the boundary of two phases,\n"
    "give both sides. Mappings cannot be set, nor names with a point in them.\n\n"
    "Fields marked with * are written in the normalised form only when they were given.\n";

typedef struct {
    ht_scope scope;
    const char *section; /* of HT_IN_RECIPE: first part of the path; "" = fields without a section */
    const char *title, *text;
} chapter;

static const chapter chapters[] = {
    {HT_IN_RECIPE, "", "Version", ""},
    {HT_IN_RECIPE, "objective", "Objective", "What is scored after each segment.\n\n"},
    {HT_IN_PHASE, "", "Phases: `phases.<name>`",
     "Labels for stretches of the run, in the order of the text; proposals learn by phase. Ordered by\n"
     "start, phases cover 0 to 1 without gap or overlap. Without phases there are `early` (0 to 0.2),\n"
     "`mid` (0.2 to 0.7) and `late` (0.7 to 1).\n\n"},
    {HT_IN_ACTUATOR, "", "Actuators: `actuators.<actuator>`",
     "What may be changed; none, and nothing is ever proposed. `mutations` and `keys` map names to\n"
     "families (below). Under `mutations` the name says what is done: `lr_mult`, `wd_set`. Under\n"
     "`keys` it says to what, and `mode` how. Where both have the same name, the one under\n"
     "`mutations` counts.\n\n"},
    {HT_IN_FAMILY, "",
     "Families: `actuators.<actuator>.mutations.<name>`, `actuators.<actuator>.keys.<name>`",
     "A family is one thing that can be changed. It is a factor under `keys` with mode `mult`, and\n"
     "under `mutations` with a name that ends in `_mult`; its bounds are above 0 and it is proposed\n"
     "on a logarithmic scale. `bounds` of a tuple are one interval for all elements, or a list with\n"
     "one for each: `[[0.8, 0.95], [0.99, 0.9999]]`. `prior_center` lies inside the bounds, unless it\n"
     "is 1.0. `bounds` limit one change; `range` limits the value itself. A race (below) varies only\n"
     "families that are factors and have a range.\n\n"},
    {HT_IN_PRIOR, "", "Priors: `<family>.priors.<phase>` *",
     "What earlier runs learned of a family in one phase. `hottune recipe evolve` writes them; where\n"
     "there is one, it takes the place of `prior_center`. With every new run the weight of the older\n"
     "ones decays.\n\n"},
    {HT_IN_RECIPE, "search", "Search", "How values are proposed.\n\n"},
    {HT_IN_RECIPE, "acceptance", "Acceptance",
     "When a segment is judged and what it takes to be accepted. `next_val_epoch_end` is the first\n"
     "validation after the change, the same as `val_epochs:1`; `val_epochs:N` is the N-th; `steps:N`\n"
     "is the first one with at least N steps since the change. `val_epochs:auto` leaves the length to\n"
     "the pooled mode (about a fifteenth of the run); in the independent mode it is `val_epochs:1`.\n\n"},
    {HT_IN_RECIPE, "safety", "Safety", "What keeps the tuner's hands off.\n\n"},
    {HT_IN_RECIPE, "population", "Population",
     "How the replicas of a run work together. In the mode `independent` each runs the loop by itself\n"
     "and at most learns from the others (`search.shared`). In the mode `pooled` they are one search:\n"
     "a race finds start values, its winners found islands, islands mutate their knobs from segment to\n"
     "segment, merge what got better, and are given up one half after the other until one is left. All\n"
     "fields but `mode` and `sync` act in the pooled mode only.\n\n"},
    {HT_IN_RECIPE, "evolved", "Evolved",
     "Where an evolved recipe comes from; written by `hottune recipe evolve`.\n\n"},
};

static bool belongs(const ht_field *f, const chapter *c)
{
    if (f->scope != c->scope)
        return false;
    size_t n = strlen(c->section);
    if (f->scope != HT_IN_RECIPE)
        return true;
    return n == 0 ? strchr(f->path, '.') == NULL : strncmp(f->path, c->section, n) == 0 && f->path[n] == '.';
}

static const char *type_name(const ht_field *f)
{
    switch (f->type) {
    case HT_FIELD_INT:
        return "integer";
    case HT_FIELD_REAL:
        return "number";
    case HT_FIELD_BOOL:
        return "bool";
    case HT_FIELD_NAME:
    case HT_FIELD_WORD:
        return f->words != NULL ? "word" : "text";
    case HT_FIELD_BACKUPS:
    case HT_FIELD_SOURCES:
        return "list of texts";
    case HT_FIELD_BOUNDS:
    case HT_FIELD_RANGE:
        return "[low, high]";
    case HT_FIELD_RUNGS:
        return "list of integers";
    }
    return "";
}

static void print_default(const ht_field *f, char text[80])
{
    if (f->text != NULL)
        snprintf(text, 80, "%s", f->text);
    else if (f->can_be_auto && f->fallback == HT_AUTO)
        snprintf(text, 80, "auto");
    else if (f->type == HT_FIELD_WORD)
        snprintf(text, 80, "%s", f->words[(size_t)f->fallback]);
    else if (f->type == HT_FIELD_BOOL)
        snprintf(text, 80, "%s", f->fallback != 0 ? "true" : "false");
    else
        ht_print_real(text, f->fallback, f->type == HT_FIELD_REAL);
}

static void print_row(const ht_field *f, ht_string *out)
{
    char limits[80], fallback[80];
    ht_field_limits(f, limits, sizeof limits);
    print_default(f, fallback);
    ht_string_add(out, "| `%s`%s | %s | `%s` | %s | %s%s%s%s |\n", f->path, f->optional ? " *" : "",
                  type_name(f), fallback, limits, f->doc, f->unit[0] == '\0' ? "" : " (", f->unit,
                  f->unit[0] == '\0' ? "" : ")");
}

void ht_recipe_print_manual(ht_string *out)
{
    const ht_field *f;
    size_t n = ht_fields(&f);
    ht_string_add(out, "%s", introduction);
    for (size_t i = 0; i < sizeof chapters / sizeof chapters[0]; i++) {
        ht_string_add(out,
                      "\n## %s\n\n%s| field | type | default | allowed | meaning |\n|---|---|---|---|---|\n",
                      chapters[i].title, chapters[i].text);
        for (size_t j = 0; j < n; j++)
            if (belongs(&f[j], &chapters[i]))
                print_row(&f[j], out);
    }
}
