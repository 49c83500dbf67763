/* tests/unit/test_search.c - the public face of the sampler: parameters by name, open and closed evaluations. */
#include <hottune/search.h>

#include <math.h>
#include <string.h>

#include "cases.h"

static const char space[] = "parameters:\n"
                            "  lr: {type: float, low: 1.0e-5, high: 1.0, log: true}\n"
                            "  layers: {type: int, low: 1, high: 9}\n"
                            "  opt: {type: cat, choices: [sgd, adam]}\n"
                            "  mom: {type: float, low: 0.0, high: 0.99, when: {opt: [sgd]}}\n"
                            "  betas: {type: tuple, low: [0.5, 0.9], high: [0.9, 0.999]}\n";

static ht_search *open_search(bool maximize)
{
    ht_search *s = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_search_open(space, 3, maximize, &s, NULL), HT_OK);
    return s;
}

static void parameters_are_read_by_name_while_an_evaluation_is_open(void)
{
    ht_search *s = open_search(false);
    bool with = false, without = false;
    for (unsigned long i = 0; i < 40; i++) {
        unsigned long id = 99;
        ht_value v, opt;
        CU_ASSERT_EQUAL(ht_search_ask(s, &id, NULL), HT_OK);
        CU_ASSERT_EQUAL(id, i);
        CU_ASSERT(ht_search_value(s, id, "lr", &v) && v.scalar.number >= 1e-5 && v.scalar.number <= 1);
        CU_ASSERT(ht_search_value(s, id, "layers", &v) && v.kind == HT_VALUE_INT);
        CU_ASSERT(ht_search_value(s, id, "betas", &v) && v.kind == HT_VALUE_LIST && v.n_items == 2);
        CU_ASSERT(ht_search_value(s, id, "opt", &opt));
        bool sgd = strcmp(opt.scalar.text, "sgd") == 0;
        CU_ASSERT_EQUAL(ht_search_value(s, id, "mom", &v), sgd);
        CU_ASSERT_FALSE(ht_search_value(s, id, "none", &v));
        with |= sgd;
        without |= !sgd;
        CU_ASSERT_EQUAL(ht_search_tell(s, id, (double)i, NULL), HT_OK);
        CU_ASSERT_FALSE(ht_search_value(s, id, "lr", &v));
    }
    CU_ASSERT(with && without);
    ht_search_close(s);
}

static void an_evaluation_is_settled_once(void)
{
    ht_search *s = open_search(false);
    unsigned long a, b, c;
    ht_error err = {""};
    ht_search_ask(s, &a, NULL);
    ht_search_ask(s, &b, NULL);
    ht_search_ask(s, &c, NULL);
    CU_ASSERT_EQUAL(ht_search_pending(s), 3);
    CU_ASSERT_EQUAL(ht_search_tell(s, b, 1, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_search_tell(s, b, 2, &err), HT_EREFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "id 1"));
    CU_ASSERT_EQUAL(ht_search_fail(s, a, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_search_forget(s, c, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_search_forget(s, 7, &err), HT_ENOTFOUND);
    CU_ASSERT_EQUAL(ht_search_pending(s), 0);
    ht_search_close(s);
}

static void the_best_is_the_greatest_when_maximising(void)
{
    ht_search *s = open_search(true);
    unsigned long id, best;
    double value;
    ht_value lr, best_lr;
    CU_ASSERT_EQUAL(ht_search_best(s, &best, &value), HT_EEMPTY);
    CU_ASSERT_FALSE(ht_search_best_value(s, "lr", &lr));
    for (int i = 0; i < 3; i++) {
        ht_search_ask(s, &id, NULL);
        if (i == 1)
            CU_ASSERT(ht_search_value(s, id, "lr", &lr));
        ht_search_tell(s, id, i == 1 ? 5 : i == 2 ? NAN : 1, NULL);
    }
    CU_ASSERT_EQUAL(ht_search_best(s, &best, &value), HT_OK);
    CU_ASSERT(best == 1 && value == 5);
    CU_ASSERT(ht_search_best_value(s, "lr", &best_lr) && best_lr.scalar.number == lr.scalar.number);
    ht_search_close(s);
}

static void a_bad_space_is_refused_with_its_place(void)
{
    ht_search *s = NULL;
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_search_open("parameters:\n  lr: {type: float, low: 2, high: 1}\n", 1, false, &s, &err), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "space:2:"));
    CU_ASSERT_PTR_NULL(s);
    CU_ASSERT_EQUAL(ht_search_open(NULL, 1, false, &s, &err), HT_EINVAL);
    ht_search_close(NULL);
}

CASES("search", CASE(parameters_are_read_by_name_while_an_evaluation_is_open), CASE(an_evaluation_is_settled_once),
      CASE(the_best_is_the_greatest_when_maximising), CASE(a_bad_space_is_refused_with_its_place))
