/* tests/unit/test_space.c - search spaces: reading, what is refused and why, coordinates, points as objects. */
#include "search/space.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"

static ht_space space_of(const char *text)
{
    ht_space s = {0};
    ht_error err = {""};
    CU_ASSERT_EQUAL_FATAL(ht_space_parse(text, "space.yaml", &s, &err), HT_OK);
    return s;
}

static void refuses(const char *text, const char *why)
{
    ht_space s = {0};
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_space_parse(text, "space.yaml", &s, &err), HT_EFORMAT);
    if (strstr(err.text, why) == NULL)
        fprintf(stderr, "\n'%s' lacks '%s'\n", err.text, why);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, why));
    CU_ASSERT_PTR_NULL(s.params);
}

static void yaml_and_json_describe_the_same_space(void)
{
    ht_space a = space_of("parameters:\n  lr: {type: float, low: 1.0e-5, high: 1.0, log: true}\n  opt: {type: cat, choices: [a, b]}\n");
    ht_space b = space_of("{\"parameters\": {\"lr\": {\"type\": \"float\", \"low\": 1e-5, \"high\": 1, \"log\": true},"
                          " \"opt\": {\"type\": \"categorical\", \"choices\": [\"a\", \"b\"]}}}");
    CU_ASSERT_EQUAL_FATAL(a.n, 2);
    CU_ASSERT_EQUAL_FATAL(b.n, 2);
    CU_ASSERT_EQUAL(a.n_numbers, 1);
    CU_ASSERT_EQUAL(a.params[0].low, b.params[0].low);
    CU_ASSERT(a.params[0].log && b.params[0].log);
    CU_ASSERT_EQUAL(b.params[1].n_choices, 2);
    ht_space_release(&a);
    ht_space_release(&b);
}

static void a_fault_is_told_with_its_place(void)
{
    refuses("parameters:\n  lr: {type: float, low: 1, high: 0}\n", "space.yaml:2:7: lr: 'low' is above 'high'");
    refuses("parameters:\n  lr: {type: real, low: 0, high: 1}\n", "lr: 'type' is not one of float, int, bool, cat, tuple");
    refuses("parameters:\n  lr: {type: float, low: 0, high: 1, lg: true}\n", "unknown field 'lg'; nearest is 'log'");
    refuses("parameters:\n  lr: {type: float, low: 0, high: 1, log: true}\n", "too small for a logarithmic range");
    refuses("parameters:\n  lr: {type: float, low: x, high: 1}\n", "'low' is missing or not a finite number");
    refuses("parameters:\n  lr: {type: float, low: 0}\n", "'high' is missing");
    refuses("parameters:\n  lr: {type: float, low: -1.7e308, high: 1.7e308}\n", "the range is too wide");
    refuses("parameters:\n  n: {type: int, low: 0.5, high: 3}\n", "whole numbers");
    refuses("parameters:\n  n: {type: float, low: 0, high: 1, step: 0}\n", "'step' is not a number above 0");
    refuses("parameters:\n  n: 3\n", "is not a mapping");
    refuses("parameters:\n  c: {type: cat, choices: []}\n", "'choices' is not a list of 1 to 256 values");
    refuses("parameters:\n  c: {type: cat, choices: [1, 1]}\n", "stands there twice");
    refuses("parameters:\n  c: {type: cat, choices: [[1]]}\n", "a choice is not a text, number or bool");
    refuses("parameters: {}\n", "is missing or not a mapping");
    refuses("{}", "is missing or not a mapping");
    refuses("parameters: {a: {type: bool}}\nmore: 1\n", "more: unknown field");
}

static void a_condition_must_name_a_category_and_its_values(void)
{
    refuses("parameters:\n  a: {type: float, low: 0, high: 1}\n  b: {type: bool, when: {a: [1]}}\n", "does not name a parameter of type cat");
    refuses("parameters:\n  b: {type: bool, when: {z: [1]}}\n", "does not name a parameter");
    refuses("parameters:\n  a: {type: bool}\n  b: {type: bool, when: {a: [maybe]}}\n", "a value that its parameter does not have");
    refuses("parameters:\n  a: {type: bool, when: {b: true}}\n  b: {type: bool, when: {a: true}}\n", "the conditions form a circle");
}

static void parents_come_before_those_they_decide_about(void)
{
    ht_space s = space_of("parameters:\n  b: {type: float, low: 0, high: 1, when: {a: x}}\n  a: {type: cat, choices: [x, y]}\n");
    CU_ASSERT_STRING_EQUAL(s.params[0].name, "a");
    CU_ASSERT_EQUAL(s.params[1].parent, 0);
    ht_point p = {{0}};
    CU_ASSERT(ht_space_is_active(&s, &p, 1));
    p.u[0] = 1;
    CU_ASSERT_FALSE(ht_space_is_active(&s, &p, 1));
    p.u[0] = HT_ABSENT;
    CU_ASSERT_FALSE(ht_space_is_active(&s, &p, 1));
    ht_space_release(&s);
}

static void the_coordinate_of_a_value_gives_the_value(void)
{
    static const char *const numbers[] = {
        "float, low: -3, high: 5", "float, low: 1.0e-9, high: 1.0e+9, log: true", "int, low: -7, high: 19",
        "int, low: 1, high: 4096, log: true", "float, low: 0.5, high: 3, step: 0.25", "int, low: 8, high: 512, step: 8",
        "float, low: 2, high: 2", "int, low: 5, high: 5", "float, low: 1.0e-300, high: 1.0e+300, log: true"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[160];
        snprintf(text, sizeof text, "parameters:\n  x: {type: %s}\n", numbers[i]);
        ht_space s = space_of(text);
        const ht_param *p = &s.params[0];
        for (int k = -1; k <= 101; k++) {
            double u = ht_space_snap(&s, 0, k / 100.0), v = ht_space_value(&s, 0, u);
            CU_ASSERT(u >= 0 && u <= 1);
            CU_ASSERT(v >= p->low && v <= p->high);
            CU_ASSERT_DOUBLE_EQUAL(ht_space_value(&s, 0, ht_space_unit(&s, 0, v)), v, fabs(v) * 1e-10);
            CU_ASSERT(!p->is_int || v == floor(v));
        }
        ht_space_release(&s);
    }
}

static void a_snapped_coordinate_stays(void)
{
    ht_space s = space_of("parameters:\n  n: {type: int, low: 1, high: 50, log: true}\n");
    for (int k = 0; k <= 1000; k++) {
        double u = ht_space_snap(&s, 0, k / 1000.0);
        CU_ASSERT_EQUAL(ht_space_snap(&s, 0, u), u);
    }
    ht_space_release(&s);
}

static void cells_of_an_int_are_of_equal_width(void)
{
    ht_space s = space_of("parameters:\n  n: {type: int, low: 0, high: 3}\n");
    CU_ASSERT_DOUBLE_EQUAL(ht_space_unit(&s, 0, 0), .125, 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(ht_space_unit(&s, 0, 3), .875, 1e-15);
    CU_ASSERT_DOUBLE_EQUAL(ht_space_half_cell(&s, 0), .125, 1e-15);
    CU_ASSERT_EQUAL(ht_space_value(&s, 0, .2499), 0);
    CU_ASSERT_EQUAL(ht_space_value(&s, 0, .2501), 1);
    ht_space_release(&s);
}

static void a_point_becomes_an_object_and_back(void)
{
    ht_space s = space_of("parameters:\n"
                          "  betas: {type: tuple, low: [0, 0], high: [1, 2]}\n"
                          "  n: {type: int, low: 1, high: 9}\n  on: {type: bool}\n"
                          "  kind: {type: cat, choices: [1, 2.5, x]}\n"
                          "  mom: {type: float, low: 0, high: 1, when: {on: true}}\n");
    ht_error err = {""};
    ht_point p = {{0}}, q;
    double u[] = {.25, .75, 0, 1, 2, .5};
    for (size_t i = 0; i < s.n; i++)
        p.u[i] = ht_space_snap(&s, i, u[i]);
    cJSON *object = ht_space_to_json(&s, &p);
    char *line = ht_json_line(object);
    CU_ASSERT_STRING_EQUAL(line, "{\"betas\":[0.25,1.5],\"n\":1,\"on\":true,\"kind\":\"x\",\"mom\":0.5}");
    CU_ASSERT_EQUAL_FATAL(ht_space_from_json(&s, object, &q, &err), HT_OK);
    for (size_t i = 0; i < s.n; i++)
        CU_ASSERT_DOUBLE_EQUAL(q.u[i], p.u[i], 1e-12);
    free(line);
    cJSON_Delete(object);
    ht_space_release(&s);
}

static void an_object_outside_the_space_is_refused(void)
{
    ht_space s = space_of("parameters:\n  x: {type: float, low: 0, high: 1}\n  c: {type: cat, choices: [a, b]}\n");
    static const char *const wrong[] = {"{}", "{\"x\":2,\"c\":\"a\"}", "{\"x\":0.5,\"c\":\"z\"}", "{\"x\":\"a\",\"c\":\"a\"}", "{\"x\":0.5}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ht_error err = {""};
        ht_point p = {{7}};
        cJSON *object = cJSON_Parse(wrong[i]);
        CU_ASSERT_EQUAL(ht_space_from_json(&s, object, &p, &err), HT_EFORMAT);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "parameter '"));
        CU_ASSERT_EQUAL(p.u[0], 7);
        cJSON_Delete(object);
    }
    ht_space_release(&s);
}

CASES("space", CASE(yaml_and_json_describe_the_same_space), CASE(a_fault_is_told_with_its_place),
      CASE(a_condition_must_name_a_category_and_its_values), CASE(parents_come_before_those_they_decide_about),
      CASE(the_coordinate_of_a_value_gives_the_value), CASE(a_snapped_coordinate_stays),
      CASE(cells_of_an_int_are_of_equal_width), CASE(a_point_becomes_an_object_and_back),
      CASE(an_object_outside_the_space_is_refused))
