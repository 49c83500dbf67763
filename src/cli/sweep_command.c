/* src/cli/sweep_command.c - arguments, environment, input and output of a trial; the contract is in
 * sweep_command.h. May touch: the environment (reads), the heap. */
#include "cli/sweep_command.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/launcher_env.h"

extern char **environ;

/* ---- parameters as pairs of name and text --------------------------------------------------- */

enum { PAIRS_MAX = HT_PARAMS_MAX * 2 + 2 };

typedef struct {
    char name[HT_NAME_MAX];
    char *text; /* owned; NULL = not active */
} pair;

typedef struct {
    size_t n;
    pair at[PAIRS_MAX];
} pairs;

static void release_pairs(pairs *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->at[i].text);
    p->n = 0;
}

static char *copy_of(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = malloc(n);
    return copy != NULL ? memcpy(copy, text, n) : NULL;
}

static ht_status add_pair(pairs *p, const char *name, const char *text)
{
    if (p->n == PAIRS_MAX)
        return HT_EINVAL;
    pair *at = &p->at[p->n];
    ht_name_copy(at->name, name);
    at->text = text != NULL ? copy_of(text) : NULL;
    if (text != NULL && at->text == NULL)
        return HT_ENOMEM;
    p->n++;
    return HT_OK;
}

static ht_status add_scalar(pairs *p, const char *name, const cJSON *item)
{
    char number[40];
    if (cJSON_IsBool(item))
        return add_pair(p, name, cJSON_IsTrue(item) ? "true" : "false");
    if (cJSON_IsString(item))
        return add_pair(p, name, item->valuestring);
    if (!cJSON_IsNumber(item))
        return add_pair(p, name, NULL);
    ht_print_real(number, item->valuedouble, !ht_json_is_int(item));
    return add_pair(p, name, number);
}

static ht_status add_params(pairs *p, const cJSON *params)
{
    const cJSON *item, *element;
    cJSON_ArrayForEach(item, params) {
        int i = 0;
        if (!cJSON_IsArray(item)) {
            HT_TRY(add_scalar(p, item->string, item));
            continue;
        }
        cJSON_ArrayForEach(element, item) {
            char name[HT_NAME_MAX + 16];
            snprintf(name, sizeof name, "%s.%d", item->string, i++);
            HT_TRY(add_scalar(p, name, element));
        }
    }
    return HT_OK;
}

/* ---- arguments ------------------------------------------------------------------------------ */

static const pair *find(const pairs *p, const char *name, size_t n)
{
    for (size_t i = 0; i < p->n; i++)
        if (strlen(p->at[i].name) == n && memcmp(p->at[i].name, name, n) == 0)
            return &p->at[i];
    return NULL;
}

/* A word with every {name} replaced; owned by the caller, NULL: no memory. */
static char *fill_in(const char *word, const pairs *p)
{
    ht_string t = {0};
    ht_string_add(&t, "%s", "");
    while (*word != 0) {
        const char *end = *word == '{' ? strchr(word, '}') : NULL;
        const pair *found = end != NULL ? find(p, word + 1, (size_t)(end - word) - 1) : NULL;
        if (found != NULL) {
            ht_string_add(&t, "%s", found->text != NULL ? found->text : "");
            word = end + 1;
        } else {
            ht_string_add_bytes(&t, word++, 1);
        }
    }
    if (t.n == 0 && !t.failed)
        return copy_of("");
    return ht_string_take(&t);
}

static char **fill_in_all(size_t n, char *const *words, const pairs *p)
{
    char **argv = calloc(n + 1, sizeof *argv);
    bool fine = argv != NULL;
    for (size_t i = 0; fine && i < n; i++)
        fine = (argv[i] = fill_in(words[i], p)) != NULL;
    for (size_t i = 0; !fine && argv != NULL && i < n; i++)
        free(argv[i]);
    if (!fine)
        free(argv);
    return fine ? argv : NULL;
}

static char *result_path(const char *pattern, const pairs *p, unsigned long trial)
{
    ht_string t = {0};
    if (strstr(pattern, "{trial}") != NULL)
        return fill_in(pattern, p);
    ht_string_add(&t, "%s.%lu", pattern, trial);
    return ht_string_take(&t);
}

/* ---- environment ---------------------------------------------------------------------------- */

char *ht_command_variable(const char *name)
{
    ht_string t = {0};
    ht_string_add(&t, "HOTTUNE_");
    for (; *name != 0; name++) {
        bool plain = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') || (*name >= '0' && *name <= '9');
        char c = plain ? (char)toupper((unsigned char)*name) : '_';
        ht_string_add_bytes(&t, &c, 1);
    }
    return ht_string_take(&t);
}

static bool is_dropped(const char *entry, const pairs *p, char *const *variables)
{
    size_t n = strcspn(entry, "=");
    if (ht_launcher_env_has(entry))
        return true;
    for (size_t i = 0; i < p->n; i++)
        if (strlen(variables[i]) == n && memcmp(entry, variables[i], n) == 0)
            return true;
    return false;
}

static char *assignment(const char *variable, const char *value)
{
    ht_string t = {0};
    ht_string_add(&t, "%s=%s", variable, value);
    return ht_string_take(&t);
}

/* Fills `env`, which has room. */
static bool fill_env(char **env, const pairs *p, char *const *variables)
{
    size_t n = 0;
    for (char **e = environ; *e != NULL; e++)
        if (!is_dropped(*e, p, variables) && (env[n++] = copy_of(*e)) == NULL)
            return false;
    for (size_t i = 0; i < p->n; i++)
        if (p->at[i].text != NULL && (env[n++] = assignment(variables[i], p->at[i].text)) == NULL)
            return false;
    return true;
}

static void free_list(char **list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        free(list[i]);
    free(list);
}

static char **make_env(const pairs *p)
{
    size_t n = 0;
    while (environ[n] != NULL)
        n++;
    char **env = calloc(n + p->n + 1, sizeof *env), **variables = calloc(p->n + 1, sizeof *variables);
    bool fine = env != NULL && variables != NULL;
    for (size_t i = 0; fine && i < p->n; i++)
        fine = (variables[i] = ht_command_variable(p->at[i].name)) != NULL;
    fine = fine && fill_env(env, p, variables);
    free_list(variables);
    if (!fine)
        free_list(env);
    return fine ? env : NULL;
}

ht_status ht_command_check(const ht_space *space, ht_error *err)
{
    static const char *const ours[] = {"HOTTUNE_TRIAL", "HOTTUNE_RESULT"};
    char *variables[HT_PARAMS_MAX + 1] = {NULL};
    ht_status st = HT_OK;
    for (size_t i = 0; st == HT_OK && i < space->n; i++) {
        const char *name = space->params[i].name;
        if ((variables[i] = ht_command_variable(name)) == NULL)
            st = ht_fail(err, HT_ENOMEM, "out of memory");
        for (size_t k = 0; st == HT_OK && k < 2; k++)
            if (strcmp(variables[i], ours[k]) == 0)
                st = ht_fail(err, HT_EFORMAT, "parameter '%s': %s is a variable of ours; rename it", name, ours[k]);
        for (size_t k = 0; st == HT_OK && k < i; k++)
            if (strcmp(variables[i], variables[k]) == 0)
                st = ht_fail(err, HT_EFORMAT, "parameters '%s' and '%s' would both be the variable %s; rename one",
                             space->params[k].name, name, variables[i]);
    }
    for (size_t i = 0; i < space->n; i++)
        free(variables[i]);
    return st;
}

/* ---- the command ---------------------------------------------------------------------------- */

static char *make_input(const cJSON *params)
{
    cJSON *active = cJSON_CreateObject();
    const cJSON *item;
    ht_string t = {0};
    cJSON_ArrayForEach(item, params)
        if (!cJSON_IsNull(item))
            ht_json_put(active, item->string, cJSON_Duplicate(item, true));
    char *line = active != NULL ? ht_json_line(active) : NULL;
    if (line != NULL)
        ht_string_add(&t, "%s\n", line);
    free(line);
    cJSON_Delete(active);
    return ht_string_take(&t);
}

ht_status ht_command_create(size_t n, char *const *words, const char *result, unsigned long trial,
                            const cJSON *params, ht_command *out, ht_error *err)
{
    pairs p = {.n = 0};
    ht_command c = {NULL, NULL, NULL, NULL};
    char number[24];
    snprintf(number, sizeof number, "%lu", trial);
    ht_status st = add_pair(&p, "trial", number);
    if (st == HT_OK && result != NULL && (c.result = result_path(result, &p, trial)) == NULL)
        st = HT_ENOMEM;
    if (st == HT_OK)
        st = add_pair(&p, "result", c.result);
    if (st == HT_OK)
        st = add_params(&p, params);
    if (st == HT_OK) {
        c.argv = fill_in_all(n, words, &p);
        c.env = make_env(&p);
        c.input = make_input(params);
        st = c.argv != NULL && c.env != NULL && c.input != NULL ? HT_OK : HT_ENOMEM;
    }
    release_pairs(&p);
    if (st == HT_OK) {
        *out = c;
        return HT_OK;
    }
    ht_command_release(&c);
    return ht_fail(err, st, "no memory for the command of trial %lu", trial);
}

void ht_command_release(ht_command *c)
{
    free_list(c->argv);
    free_list(c->env);
    free(c->input);
    free(c->result);
    *c = (ht_command){NULL, NULL, NULL, NULL};
}

/* ---- what it says --------------------------------------------------------------------------- */

/* JSON has no NaN and no Infinity, Python's json prints them: outside texts they become null. */
static void null_words(char *line)
{
    static const char *const words[] = {"-Infinity", "Infinity", "NaN"};
    bool in_text = false;
    for (char *at = line; *at != 0; at++) {
        if (*at == '\\' && in_text && at[1] != 0)
            at++;
        else if (*at == '"')
            in_text = !in_text;
        for (size_t i = 0; !in_text && i < sizeof words / sizeof *words; i++) {
            size_t n = strlen(words[i]);
            if (strncmp(at, words[i], n) != 0)
                continue;
            memmove(at + 4, at + n, strlen(at + n) + 1);
            memcpy(at, "null", 4);
        }
    }
}

static ht_said hear_object(const char *line)
{
    ht_said said = {.value = NAN};
    cJSON *o = NULL;
    size_t n = strlen(line);
    char *copy = malloc(2 * n + 1); /* NaN grows by a byte */
    if (copy == NULL)
        return said;
    memcpy(copy, line, n + 1);
    null_words(copy);
    ht_error ignored;
    if (ht_json_parse(copy, &o, NULL, &ignored) == HT_OK) {
        const cJSON *value = ht_json_member(o, "value"), *step = ht_json_member(o, "step");
        said.has_value = value != NULL;
        said.value = cJSON_IsNumber(value) ? value->valuedouble : NAN;
        said.has_step = said.has_value && cJSON_IsNumber(step) && step->valuedouble >= 0 && step->valuedouble <= 9e15 &&
                        step->valuedouble == floor(step->valuedouble);
        said.step = said.has_step ? (long long)step->valuedouble : 0;
    }
    cJSON_Delete(o);
    free(copy);
    return said;
}

/* The whole line is a number, nan or inf. */
static ht_said hear_number(const char *line)
{
    ht_said said = {.value = NAN};
    char *end = NULL;
    if (strpbrk(line, "xX") != NULL) /* strtod takes hexadecimal, too */
        return said;
    double x = strtod(line, &end);
    if (end == line || end[strspn(end, " \t\r\n")] != 0)
        return said;
    said.has_value = true;
    said.value = isfinite(x) ? x : NAN;
    return said;
}

ht_said ht_command_hear(const char *line)
{
    line += strspn(line, " \t\r\n");
    return *line == '{' ? hear_object(line) : hear_number(line);
}

ht_said ht_command_hear_text(const char *text)
{
    ht_said last = {.value = NAN}, whole = ht_command_hear(text);
    if (whole.has_value)
        return whole;
    while (*text != 0) {
        size_t n = strcspn(text, "\n");
        char *line = malloc(n + 1);
        if (line == NULL)
            return last;
        memcpy(line, text, n);
        line[n] = 0;
        ht_said said = ht_command_hear(line);
        if (said.has_value)
            last = said;
        free(line);
        text += n + (text[n] == '\n');
    }
    return last;
}
