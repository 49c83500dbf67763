/* tests/unit/test_members.c - members of a struct as JSON and back: exact, and strict with what is damaged.
 */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/members.h"
#include "cases.h"

typedef struct {
    double real, pair[2];
    long long whole;
    unsigned long count;
    size_t size;
    int small;
    bool yes;
    char name[8];
    char *text;
    cJSON *tree;
    ht_value value;
    bool has_inner;
    double inner;
    size_t n;
    struct {
        double x;
    } items[4];
} thing;

static void visit(thing *t, ht_members *s)
{
    ht_members_real(s, "real", &t->real);
    ht_members_reals(s, "pair", t->pair, 2);
    ht_members_longlong(s, "whole", &t->whole);
    ht_members_ulong(s, "count", &t->count);
    ht_members_size(s, "size", &t->size);
    ht_members_int(s, "small", &t->small, -3, 3);
    ht_members_bool(s, "yes", &t->yes);
    ht_members_field(s, "name", t->name, sizeof t->name);
    ht_members_text(s, "text", &t->text);
    ht_members_json(s, "tree", &t->tree);
    ht_members_value(s, "value", &t->value);
    if ((t->has_inner = ht_members_enter_if(s, "inner", t->has_inner))) {
        ht_members_real(s, "real", &t->inner);
        ht_members_leave(s);
    }
    t->n = ht_members_enter_list(s, "items", t->n, 4);
    for (size_t i = 0; i < t->n; i++) {
        ht_members_enter_item(s, i);
        ht_members_real(s, "x", &t->items[i].x);
        ht_members_leave(s);
    }
    ht_members_leave(s);
}

/* As text, as a file has it; owned by the caller. */
static char *text_of(thing *t)
{
    ht_members s;
    cJSON *tree = NULL;
    ht_members_begin(&s);
    visit(t, &s);
    CU_ASSERT_EQUAL_FATAL(ht_members_end(&s, &tree, NULL), HT_OK);
    char *text = ht_json_line(tree);
    cJSON_Delete(tree);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    return text;
}

static ht_status load(const char *text, thing *t, ht_error *err)
{
    ht_members s;
    cJSON *tree = NULL;
    *t = (thing){0};
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(text, &tree, NULL, err), HT_OK);
    ht_members_begin_load(&s, "thing", tree, false);
    visit(t, &s);
    ht_status st = ht_members_end(&s, NULL, err);
    cJSON_Delete(tree);
    return st;
}

static void release(thing *t)
{
    free(t->text);
    cJSON_Delete(t->tree);
}

/* There and back through text. */
static thing again(thing *t)
{
    thing back;
    char *text = text_of(t);
    CU_ASSERT_EQUAL(load(text, &back, NULL), HT_OK);
    free(text);
    return back;
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static double of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void every_double_comes_back_bit_for_bit(void)
{
    const double numbers[] = {0,
                              -0.0,
                              .1 + .2,
                              1e15,
                              -1.0 / 3,
                              DBL_MAX,
                              DBL_MIN,
                              DBL_TRUE_MIN,
                              INFINITY,
                              -INFINITY,
                              of_bits(0x7ff8000000000000),
                              of_bits(0xfff8000000000abc),
                              of_bits(0x7ff0000000000001)};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        thing t = {
            .real = numbers[i], .pair = {numbers[i], 1}, .has_inner = true, .inner = numbers[i], .n = 1};
        t.items[0].x = t.value.scalar.number = numbers[i];
        t.value.kind = HT_VALUE_REAL;
        thing back = again(&t);
        CU_ASSERT(same_bits(back.real, numbers[i]));
        CU_ASSERT(same_bits(back.pair[0], numbers[i]) && back.pair[1] == 1);
        CU_ASSERT(back.has_inner && same_bits(back.inner, numbers[i]));
        CU_ASSERT(back.n == 1 && same_bits(back.items[0].x, numbers[i]));
        CU_ASSERT(back.value.kind == HT_VALUE_REAL && same_bits(back.value.scalar.number, numbers[i]));
    }
}

static void every_integer_comes_back(void)
{
    const long long numbers[] = {
        0, -1, 9007199254740991, 9007199254740992, 9007199254740993, -9007199254740993, LLONG_MAX, LLONG_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        thing t = {
            .whole = numbers[i], .count = (unsigned long)numbers[i], .size = (size_t)numbers[i], .small = -3};
        thing back = again(&t);
        CU_ASSERT_EQUAL(back.whole, numbers[i]);
        CU_ASSERT_EQUAL(back.count, (unsigned long)numbers[i]);
        CU_ASSERT_EQUAL(back.size, (size_t)numbers[i]);
        CU_ASSERT_EQUAL(back.small, -3);
    }
}

static void texts_come_back_also_those_that_are_no_utf8(void)
{
    static const char *const texts[] = {"", "plain", "\"\\\n\t", "\xff\xfe", "a\xc3", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        thing t = {.text = (char *)texts[i]};
        strcpy(t.name, texts[i]);
        thing back = again(&t);
        CU_ASSERT_STRING_EQUAL(back.name, texts[i]);
        CU_ASSERT_STRING_EQUAL(back.text, texts[i]);
        release(&back);
    }
    thing none = {.yes = true}, back = again(&none);
    CU_ASSERT(back.text == NULL && back.tree == NULL && back.yes && !back.has_inner);
}

static void values_come_back_with_their_kinds(void)
{
    const double pair[] = {.9, NAN};
    ht_value values[] = {{.kind = HT_VALUE_NONE},
                         {.kind = HT_VALUE_NULL},
                         ht_bool(true),
                         ht_int(7),
                         ht_real(7),
                         ht_text("w"),
                         ht_tuple(2, pair),
                         {.kind = HT_VALUE_LIST, .n_items = 100}};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        thing t = {.value = values[i]}, back = again(&t);
        CU_ASSERT_EQUAL(back.value.kind, values[i].kind);
        CU_ASSERT_EQUAL(back.value.n_items, values[i].n_items);
        CU_ASSERT(same_bits(back.value.scalar.number, values[i].scalar.number));
        CU_ASSERT_STRING_EQUAL(back.value.scalar.text, values[i].scalar.text);
        CU_ASSERT_EQUAL(back.value.items[1].kind, values[i].items[1].kind);
        CU_ASSERT(same_bits(back.value.items[1].number, values[i].items[1].number));
    }
}

static void trees_come_back_with_their_integers(void)
{
    thing t = {0};
    CU_ASSERT_EQUAL(ht_json_parse("{\"a\": [1, 1.0, null]}", &t.tree, NULL, NULL), HT_OK);
    thing back = again(&t);
    char *a = ht_json_line(t.tree), *b = ht_json_line(back.tree);
    CU_ASSERT_STRING_EQUAL(a, b);
    free(a);
    free(b);
    release(&t);
    release(&back);
}

static void refused(const char *was, const char *now, const char *why)
{
    thing t = {.text = (char *)"x", .has_inner = true, .n = 2}, back;
    strcpy(t.name, "n");
    char *text = text_of(&t), *at = strstr(text, was), *damaged;
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    damaged = malloc(strlen(text) + strlen(now) + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(damaged);
    sprintf(damaged, "%.*s%s%s", (int)(at - text), text, now, at + strlen(was));
    ht_error err = {""};
    CU_ASSERT_EQUAL(load(damaged, &back, &err), HT_EFORMAT);
    CU_ASSERT_STRING_EQUAL(err.text, why);
    release(&back);
    free(damaged);
    free(text);
}

static void what_is_damaged_is_refused_and_named(void)
{
    refused("\"real\":0.0,", "", "thing.real is missing");
    refused("\"real\":0.0,", "\"real\":true,", "thing.real is no number");
    refused("\"real\":0.0,", "\"real\":\"nan\",", "thing.real is no number");
    refused("\"pair\":[0.0,0.0]", "\"pair\":[0.0]", "thing.pair has not 2 elements");
    refused("\"pair\":[0.0,0.0]", "\"pair\":[0.0,{}]", "thing.pair is no number");
    refused("\"whole\":0", "\"whole\":0.5", "thing.whole is no integer");
    refused("\"whole\":0", "\"whole\":1e300", "thing.whole is no integer");
    refused("\"whole\":0", "\"whole\":\"9223372036854775808\"", "thing.whole is out of range");
    refused("\"whole\":0", "\"whole\":\"99999999999999999999999\"", "thing.whole is no integer");
    refused("\"count\":0", "\"count\":-1", "thing.count is out of range");
    refused("\"small\":0", "\"small\":4", "thing.small is not in -3..3");
    refused("\"yes\":false", "\"yes\":0", "thing.yes is neither true nor false");
    refused("\"name\":\"n\"", "\"name\":\"longer than 8\"", "thing.name has more than 7 bytes");
    refused("\"name\":\"n\"", "\"name\":{\"bytes\":\"0x\"}", "thing.name is no text");
    refused("\"text\":\"x\"", "\"text\":7", "thing.text is no text");
    refused("\"kind\":0", "\"kind\":7", "thing.value.kind is not in 0..6");
    refused("\"inner\":{\"real\":0.0}", "\"inner\":{}", "thing.inner.real is missing");
    refused("\"inner\":{\"real\":0.0}", "\"inner\":[]", "thing.inner is no object");
    refused("{\"x\":0.0}]", "{}]", "thing.items[1].x is missing");
    refused("{\"x\":0.0}]", "7]", "thing.items[1] is no object");
    refused("{\"x\":0.0}]", "{\"x\":0.0},{},{},{}]", "thing.items has 5 elements; there can be 4");
}

static void nothing_at_all_is_refused(void)
{
    ht_error err = {""};
    ht_members s;
    thing t = {0};
    ht_members_begin_load(&s, "thing", NULL, false);
    visit(&t, &s);
    CU_ASSERT_EQUAL(ht_members_end(&s, NULL, &err), HT_EFORMAT);
    CU_ASSERT_STRING_EQUAL(err.text, "thing is missing");
}

CASES("members", CASE(every_double_comes_back_bit_for_bit), CASE(every_integer_comes_back),
      CASE(texts_come_back_also_those_that_are_no_utf8), CASE(values_come_back_with_their_kinds),
      CASE(trees_come_back_with_their_integers), CASE(what_is_damaged_is_refused_and_named),
      CASE(nothing_at_all_is_refused))
