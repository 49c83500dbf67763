/* src/cli/child_hello.c - reads what a child program says of itself; the contract is in child_hello.h. */
#include "cli/child_hello.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const double whole_max = 9007199254740992.0;     /* 2^53: what JSON carries exactly */
static const double steps_max = 1e9;                    /* a million epochs of so many can be counted */

/* A whole number that is at least `least`. */
static bool read_whole(const cJSON *o, const char *name, double least, double fallback, double *out)
{
    *out = ht_json_member(o, name) != NULL ? ht_json_number(o, name, NAN) : fallback;
    return *out >= least && *out <= whole_max && floor(*out) == *out;
}

/* ---- knobs ----------------------------------------------------------------------------------- */

static ht_status read_range(const cJSON *o, const char *key, ht_child_knob *k, ht_error *err)
{
    const char *scale = ht_json_text(o, "scale");
    k->value = ht_json_number(o, "value", NAN);
    k->lo = ht_json_number(o, "lo", NAN);
    k->hi = ht_json_number(o, "hi", NAN);
    k->is_log = scale != NULL ? strcmp(scale, "log") == 0 : k->lo > 0;
    if (!isfinite(k->value) || !isfinite(k->hi - k->lo))
        return ht_fail(err, HT_EFORMAT, "hello: knob '%s' needs the numbers value, lo and hi, less than 1e308 apart", key);
    if (!(k->lo < k->hi) || !(k->value >= k->lo && k->value <= k->hi))
        return ht_fail(err, HT_EFORMAT, "hello: knob '%s': lo <= value <= hi and lo < hi must hold", key);
    if (scale != NULL && !k->is_log && strcmp(scale, "linear") != 0)
        return ht_fail(err, HT_EFORMAT, "hello: knob '%s': scale is neither linear nor log", key);
    if (k->is_log && k->lo <= 0)
        return ht_fail(err, HT_EFORMAT, "hello: knob '%s': scale log needs lo > 0", key);
    return HT_OK;
}

static ht_status read_knob(const cJSON *o, ht_child_knob *k, ht_error *err)
{
    const char *key = o->string, *dot = strchr(key, '.');
    size_t n = dot != NULL ? (size_t)(dot - key) : 0;
    if (n == 0 || n >= HT_NAME_MAX || dot[1] == '\0' || strlen(dot + 1) >= HT_NAME_MAX)
        return ht_fail(err, HT_EFORMAT, "hello: knob '%s': a knob is called ACTUATOR.NAME, such as opt.lr", key);
    memcpy(k->actuator, key, n);
    ht_name_copy(k->name, dot + 1);
    return read_range(o, key, k, err);
}

static ht_status read_knobs(const cJSON *reply, ht_child_hello *h, ht_error *err)
{
    const cJSON *all = ht_json_member(reply, "knobs"), *o;
    if (all != NULL && !cJSON_IsObject(all))
        return ht_fail(err, HT_EFORMAT, "hello: knobs is no object {\"opt.lr\": {..}, ..}");
    cJSON_ArrayForEach(o, all) {
        if (h->n_knobs == HT_CHILD_KNOBS_MAX)
            return ht_fail(err, HT_EFORMAT, "hello: there are more than %d knobs", HT_CHILD_KNOBS_MAX);
        HT_TRY(read_knob(o, &h->knobs[h->n_knobs], err));
        h->n_knobs++;
    }
    return HT_OK;
}

/* ---- state ----------------------------------------------------------------------------------- */

static bool find_element(const char *type, ht_element *out)
{
    static const struct {
        const char *name;
        ht_element element;
    } all[] = {{"float32", HT_FLOAT32}, {"float64", HT_FLOAT64}, {"bfloat16", HT_BFLOAT16},
               {"int32", HT_INT32},     {"int64", HT_INT64},     {"bytes", HT_BYTES}};
    for (size_t i = 0; type != NULL && i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].name, type) == 0) {
            *out = all[i].element;
            return true;
        }
    return false;
}

static size_t bytes_of(ht_element element)
{
    return element == HT_BYTES ? 1 : element == HT_BFLOAT16 ? 2 : element == HT_FLOAT64 || element == HT_INT64 ? 8 : 4;
}

static ht_status read_part(const cJSON *o, ht_child_part *p, ht_error *err)
{
    const char *name = ht_json_text(o, "name");
    double count;
    if (name == NULL || name[0] == '\0' || !ht_name_copy(p->name, name))
        return ht_fail(err, HT_EFORMAT, "hello: a part of state needs a name of at most %d bytes", HT_NAME_MAX - 1);
    if (!find_element(ht_json_text(o, "type"), &p->element))
        return ht_fail(err, HT_EFORMAT, "hello: state '%s': type is none of float32, float64, bfloat16, int32, int64, bytes",
                       p->name);
    if (!read_whole(o, "count", 1, NAN, &count))
        return ht_fail(err, HT_EFORMAT, "hello: state '%s': count is no whole number above 0", p->name);
    p->count = (size_t)count;
    p->averages = ht_json_true(o, "average");
    p->is_weights = ht_json_true(o, "weights");
    return HT_OK;
}

static ht_status read_state(const cJSON *reply, ht_child_hello *h, ht_error *err)
{
    const cJSON *all = ht_json_member(reply, "state"), *o;
    int n = cJSON_IsArray(all) ? cJSON_GetArraySize(all) : 0;
    if (all != NULL && !cJSON_IsArray(all))
        return ht_fail(err, HT_EFORMAT, "hello: state is no list [{\"name\": .., \"type\": .., \"count\": ..}, ..]");
    if (n > HT_CHILD_PARTS_MAX)
        return ht_fail(err, HT_EFORMAT, "hello: state has more than %d parts", HT_CHILD_PARTS_MAX);
    if ((h->parts = calloc((size_t)n + 1, sizeof *h->parts)) == NULL)
        return ht_fail(err, HT_ENOMEM, "out of memory");
    cJSON_ArrayForEach(o, all) {
        ht_child_part *p = &h->parts[h->n_parts];
        HT_TRY(read_part(o, p, err));
        if (p->count > (SIZE_MAX / 8 - h->state_bytes) / bytes_of(p->element))
            return ht_fail(err, HT_EFORMAT, "hello: state '%s' is more than memory can hold", p->name);
        h->state_bytes += p->count * bytes_of(p->element);
        h->n_parts++;
    }
    return HT_OK;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static ht_status read_abilities(const cJSON *reply, ht_child_hello *h, ht_error *err)
{
    const cJSON *all = ht_json_member(reply, "can"), *o;
    if (all != NULL && !cJSON_IsArray(all))
        return ht_fail(err, HT_EFORMAT, "hello: can is no list, such as [\"init\", \"validate\"]");
    cJSON_ArrayForEach(o, all) {
        const char *word = cJSON_IsString(o) ? o->valuestring : "";
        bool *const known = strcmp(word, "init") == 0       ? &h->inits
                            : strcmp(word, "validate") == 0 ? &h->validates
                            : strcmp(word, "test") == 0     ? &h->tests
                                                            : NULL;
        if (known == NULL)
            return ht_fail(err, HT_EFORMAT, "hello: can: '%s' is none of init, validate, test", word);
        *known = true;
    }
    return HT_OK;
}

static ht_status read_all(const cJSON *reply, ht_child_hello *h, ht_error *err)
{
    const char *name = ht_json_text(reply, "name");
    const cJSON *recipe = ht_json_member(reply, "recipe");
    double protocol, epochs, steps;
    if (!read_whole(reply, "protocol", 1, 1, &protocol) || protocol != HT_CHILD_PROTOCOL)
        return ht_fail(err, HT_EFORMAT, "hello: protocol is not %d, the only one that this hottune speaks", HT_CHILD_PROTOCOL);
    if (name != NULL && !ht_name_copy(h->name, name))
        return ht_fail(err, HT_EFORMAT, "hello: name has more than %d bytes", HT_NAME_MAX - 1);
    if (!read_whole(reply, "epochs", 1, 0, &epochs) && epochs != 0)
        return ht_fail(err, HT_EFORMAT, "hello: epochs is no whole number above 0");
    if (!read_whole(reply, "steps_per_epoch", 1, 1, &steps) || steps > steps_max)
        return ht_fail(err, HT_EFORMAT, "hello: steps_per_epoch is no whole number in 1 .. %g", steps_max);
    if (recipe != NULL && !cJSON_IsObject(recipe))
        return ht_fail(err, HT_EFORMAT, "hello: recipe is no object");
    h->epochs = (long long)epochs;
    h->steps_per_epoch = (long long)steps;
    if (recipe != NULL && (h->recipe = ht_json_page(recipe)) == NULL)
        return ht_fail(err, HT_ENOMEM, "out of memory");
    HT_TRY(read_knobs(reply, h, err));
    HT_TRY(read_state(reply, h, err));
    return read_abilities(reply, h, err);
}

ht_status ht_child_hello_read(const cJSON *reply, ht_child_hello *out, ht_error *err)
{
    ht_child_hello h = {.steps_per_epoch = 1};
    ht_status st = read_all(reply, &h, err);
    if (st != HT_OK) {
        ht_child_hello_release(&h);
        return st;
    }
    *out = h;
    return HT_OK;
}

/* ---- whether two are alike ------------------------------------------------------------------- */

static cJSON *known_members(const cJSON *reply)
{
    static const char *const known[] = {"name", "epochs", "steps_per_epoch", "knobs", "state", "can", "recipe"};
    cJSON *o = cJSON_CreateObject();
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        ht_json_put(o, known[i], cJSON_Duplicate(ht_json_member(reply, known[i]), true));
    return o;
}

bool ht_child_hello_alike(const char *a, const char *b)
{
    cJSON *of_a = NULL, *of_b = NULL;
    bool read = ht_json_parse(a, &of_a, NULL, NULL) == HT_OK && ht_json_parse(b, &of_b, NULL, NULL) == HT_OK;
    cJSON *left = read ? known_members(of_a) : NULL, *right = read ? known_members(of_b) : NULL;
    bool alike = left != NULL && right != NULL && cJSON_Compare(left, right, true);
    cJSON_Delete(of_a);
    cJSON_Delete(of_b);
    cJSON_Delete(left);
    cJSON_Delete(right);
    return alike;
}

void ht_child_hello_release(ht_child_hello *h)
{
    free(h->parts);
    free(h->recipe);
    *h = (ht_child_hello){.steps_per_epoch = 1};
}

/* ---- a recipe -------------------------------------------------------------------------------- */

static void put_pair(cJSON *o, const char *name, double lo, double hi)
{
    cJSON *pair = cJSON_AddArrayToObject(o, name);
    cJSON_AddItemToArray(pair, ht_json_real(lo));
    cJSON_AddItemToArray(pair, ht_json_real(hi));
}

/* A knob that may be 0 is multiplied from a hundredth of its range. One that may be below is moved by a twentieth of it. */
static void put_family(cJSON *mutations, const ht_child_knob *k)
{
    char family[HT_NAME_MAX + 8];
    double width = k->hi - k->lo;
    snprintf(family, sizeof family, "%s_%s", k->name, k->lo >= 0 ? "mult" : "delta");
    cJSON *o = cJSON_AddObjectToObject(mutations, family);
    if (k->lo < 0) {
        put_pair(o, "bounds", -width / 20, width / 20);
        return;
    }
    put_pair(o, "bounds", 0.7, 1.4);
    put_pair(o, "range", k->lo > 0 ? k->lo : width / 1000, k->hi);
    if (k->lo == 0)
        ht_json_put_real(o, "floor", width / 100);
}

char *ht_child_hello_recipe(const ht_child_hello *h)
{
    if (h->n_knobs == 0)
        return NULL;
    cJSON *o = cJSON_CreateObject(), *objective = cJSON_AddObjectToObject(o, "objective");
    cJSON *actuators = cJSON_AddObjectToObject(o, "actuators"), *acceptance = cJSON_AddObjectToObject(o, "acceptance");
    ht_json_put_text(objective, "primary", "val/loss");
    ht_json_put_text(objective, "mode", "min");
    for (size_t i = 0; i < h->n_knobs; i++) {
        cJSON *actuator = cJSON_GetObjectItemCaseSensitive(actuators, h->knobs[i].actuator);
        if (actuator == NULL)
            actuator = cJSON_AddObjectToObject(actuators, h->knobs[i].actuator);
        cJSON *mutations = cJSON_GetObjectItemCaseSensitive(actuator, "mutations");
        put_family(mutations != NULL ? mutations : cJSON_AddObjectToObject(actuator, "mutations"), &h->knobs[i]);
    }
    ht_json_put_int(acceptance, "epsilon", 0);
    char *text = ht_json_page(o);
    cJSON_Delete(o);
    return text;
}
