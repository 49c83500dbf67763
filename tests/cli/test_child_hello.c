/* What a child program says of itself is understood, or refused with a reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "cli/child_hello.h"
#include "recipe/recipe.h"

static const char whole[] =
    "{\"ok\":true,\"name\":\"digits\",\"protocol\":1,\"epochs\":30,\"steps_per_epoch\":20,\"can\":[\"init\",\"validate\"],"
    "\"knobs\":{\"opt.lr\":{\"value\":0.1,\"lo\":1e-4,\"hi\":1,\"scale\":\"log\"},"
    "\"loss.aux\":{\"value\":0,\"lo\":0,\"hi\":10},\"loss.bias\":{\"value\":0,\"lo\":-1,\"hi\":1}},"
    "\"state\":[{\"name\":\"w\",\"type\":\"float32\",\"count\":10,\"average\":true,\"weights\":true},"
    "{\"name\":\"n\",\"type\":\"int64\",\"count\":1}],\"more\":\"is ignored\"}";

static ht_status read(const char *text, ht_child_hello *h, ht_error *err)
{
    cJSON *o = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(text, &o, NULL, err), HT_OK);
    ht_status st = ht_child_hello_read(o, h, err);
    cJSON_Delete(o);
    return st;
}

static void a_whole_hello_is_understood(void)
{
    ht_child_hello h;
    CU_ASSERT_EQUAL_FATAL(read(whole, &h, NULL), HT_OK);
    CU_ASSERT_STRING_EQUAL(h.name, "digits");
    CU_ASSERT_EQUAL(h.epochs, 30);
    CU_ASSERT_EQUAL(h.steps_per_epoch, 20);
    CU_ASSERT(h.inits && h.validates && !h.tests);
    CU_ASSERT_EQUAL(h.n_knobs, 3);
    CU_ASSERT_STRING_EQUAL(h.knobs[0].actuator, "opt");
    CU_ASSERT_STRING_EQUAL(h.knobs[0].name, "lr");
    CU_ASSERT(h.knobs[0].is_log && !h.knobs[1].is_log);
    CU_ASSERT_EQUAL(h.n_parts, 2);
    CU_ASSERT(h.parts[0].averages && h.parts[0].is_weights && !h.parts[1].averages);
    CU_ASSERT_EQUAL(h.state_bytes, 48);
    ht_child_hello_release(&h);
}

static void the_least_hello_is_one_without_anything(void)
{
    ht_child_hello h;
    CU_ASSERT_EQUAL_FATAL(read("{\"ok\":true}", &h, NULL), HT_OK);
    CU_ASSERT_EQUAL(h.epochs, 0);
    CU_ASSERT_EQUAL(h.steps_per_epoch, 1);
    CU_ASSERT_EQUAL(h.n_knobs + h.n_parts, 0);
    CU_ASSERT_PTR_NULL(ht_child_hello_recipe(&h));
    ht_child_hello_release(&h);
}

static void what_is_wrong_is_named(void)
{
    static const struct {
        const char *hello, *says;
    } all[] = {
        {"{\"protocol\":2}", "protocol is not 1"},
        {"{\"epochs\":-1}", "epochs is no whole number"},
        {"{\"epochs\":1.5}", "epochs is no whole number"},
        {"{\"epochs\":\"many\"}", "epochs is no whole number"},
        {"{\"steps_per_epoch\":0}", "steps_per_epoch is no whole number"},
        {"{\"recipe\":\"x\"}", "recipe is no object"},
        {"{\"knobs\":[]}", "knobs is no object"},
        {"{\"knobs\":{\"lr\":{\"value\":1,\"lo\":0,\"hi\":2}}}", "ACTUATOR.NAME"},
        {"{\"knobs\":{\".lr\":{\"value\":1,\"lo\":0,\"hi\":2}}}", "ACTUATOR.NAME"},
        {"{\"knobs\":{\"opt.\":{\"value\":1,\"lo\":0,\"hi\":2}}}", "ACTUATOR.NAME"},
        {"{\"knobs\":{\"opt.lr\":{\"value\":1,\"hi\":2}}}", "'opt.lr' needs the numbers"},
        {"{\"knobs\":{\"opt.lr\":{\"value\":3,\"lo\":0,\"hi\":2}}}", "lo <= value <= hi"},
        {"{\"knobs\":{\"opt.lr\":{\"value\":1,\"lo\":0,\"hi\":2,\"scale\":\"log\"}}}", "log needs lo > 0"},
        {"{\"knobs\":{\"opt.lr\":{\"value\":1,\"lo\":0,\"hi\":2,\"scale\":\"cubic\"}}}", "neither linear nor log"},
        {"{\"state\":{}}", "state is no list"},
        {"{\"state\":[{\"type\":\"float32\",\"count\":1}]}", "needs a name"},
        {"{\"state\":[{\"name\":\"w\",\"type\":\"float16\",\"count\":1}]}", "'w': type is none of"},
        {"{\"state\":[{\"name\":\"w\",\"type\":\"float32\",\"count\":0}]}", "'w': count is no whole number"},
        {"{\"state\":[{\"name\":\"w\",\"type\":\"float64\",\"count\":9007199254740992},"
         "{\"name\":\"v\",\"type\":\"float64\",\"count\":9007199254740992},"
         "{\"name\":\"u\",\"type\":\"float64\",\"count\":9007199254740992},"
         "{\"name\":\"t\",\"type\":\"float64\",\"count\":9007199254740992},"
         "{\"name\":\"s\",\"type\":\"float64\",\"count\":9007199254740992}]}", ""},
        {"{\"can\":\"init\"}", "can is no list"},
        {"{\"can\":[\"fly\"]}", "'fly' is none of"},
        {"{\"can\":[1]}", "is none of"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        ht_child_hello h;
        ht_error err = {""};
        ht_status st = read(all[i].hello, &h, &err);
        if (all[i].says[0] == '\0') {       /* large, but it fits an address space: memory refuses it later */
            CU_ASSERT_EQUAL(st, HT_OK);
            ht_child_hello_release(&h);
            continue;
        }
        CU_ASSERT_EQUAL(st, HT_EFORMAT);
        if (strstr(err.text, all[i].says) == NULL) {
            fprintf(stderr, "%s: %s\n", all[i].hello, err.text);
            CU_FAIL("the message does not name it");
        }
    }
}

static void the_recipe_of_a_child_without_one_is_valid_and_names_all_knobs(void)
{
    ht_child_hello h;
    ht_recipe *r = NULL;
    ht_error err = {""};
    CU_ASSERT_EQUAL_FATAL(read(whole, &h, NULL), HT_OK);
    char *text = ht_child_hello_recipe(&h);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_EQUAL(ht_recipe_parse(text, "hello", &r, &err), HT_OK);
    if (err.text[0] != '\0')
        fprintf(stderr, "%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"lr_mult\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"aux_mult\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"bias_delta\""));
    ht_recipe_destroy(r);
    free(text);
    ht_child_hello_release(&h);
}

CASES("child_hello", CASE(a_whole_hello_is_understood), CASE(the_least_hello_is_one_without_anything),
      CASE(what_is_wrong_is_named), CASE(the_recipe_of_a_child_without_one_is_valid_and_names_all_knobs))
