/* tests/unit/test_metrics.c - readings, aliases, accessor; the contract is in tune/metrics.h. */
#include "tune/metrics.h"

#include <math.h>
#include <string.h>

#include "cases.h"

static ht_metrics *metrics(void)
{
    ht_metrics *m = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_metrics_create(&m, NULL), HT_OK);
    return m;
}

static bool knows_one(void *ctx, const char *name, double *out)
{
    *out = 7;
    return strcmp(name, ctx) == 0;
}

static void a_reading_holds_until_it_is_set_again_or_cleared(void)
{
    ht_metrics *m = metrics();
    double x = 0;
    CU_ASSERT_FALSE(ht_metrics_available(m));
    CU_ASSERT_FALSE(ht_metrics_read(m, "a", &x));
    for (int i = 0; i < 20; i++) {
        char name[2] = {(char)('a' + i), '\0'};
        CU_ASSERT_EQUAL(ht_metrics_set(m, name, i, NULL), HT_OK);
    }
    CU_ASSERT_EQUAL(ht_metrics_set(m, "c", 40, NULL), HT_OK);
    CU_ASSERT_TRUE(ht_metrics_read(m, "c", &x) && x == 40);
    ht_metrics_clear(m, "c");
    ht_metrics_clear(m, "never set");
    CU_ASSERT_FALSE(ht_metrics_read(m, "c", &x));
    CU_ASSERT_TRUE(ht_metrics_read(m, "t", &x) && x == 19);
    ht_metrics_destroy(m);
    ht_metrics_destroy(NULL);
}

static void a_name_must_fit(void)
{
    ht_metrics *m = metrics();
    ht_error err = {""};
    char name[HT_NAME_MAX + 1];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    CU_ASSERT_EQUAL(ht_metrics_set(m, name, 1, &err), HT_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "63 bytes"));
    CU_ASSERT_EQUAL(ht_metrics_set(m, "", 1, &err), HT_EINVAL);
    CU_ASSERT_FALSE(ht_metrics_available(m));
    ht_metrics_destroy(m);
}

static void the_exact_name_comes_before_its_aliases_in_order(void)
{
    ht_metrics *m = metrics();
    double x = 0;
    ht_metrics_set(m, "eval/loss", 4, NULL);
    CU_ASSERT_TRUE(ht_metrics_read(m, "val/loss", &x) && x == 4);
    ht_metrics_set(m, "eval_loss", 3, NULL);
    CU_ASSERT_TRUE(ht_metrics_read(m, "val/loss", &x) && x == 3);
    ht_metrics_set(m, "val_loss", 2, NULL);
    CU_ASSERT_TRUE(ht_metrics_read(m, "val/loss", &x) && x == 2);
    ht_metrics_set(m, "val/loss", 1, NULL);
    CU_ASSERT_TRUE(ht_metrics_read(m, "val/loss", &x) && x == 1);
    CU_ASSERT_TRUE(ht_metrics_read(m, "eval_loss", &x) && x == 3);
    ht_metrics_destroy(m);
}

static void an_alias_finds_the_canonical_name_too(void)
{
    ht_metrics *m = metrics();
    double x = 0;
    ht_metrics_set(m, "lr", .5, NULL);
    CU_ASSERT_TRUE(ht_metrics_read(m, "learning_rate", &x) && x == .5);
    CU_ASSERT_FALSE(ht_metrics_read(m, "loss", &x));
    ht_metrics_set(m, "train/loss", 2, NULL);
    CU_ASSERT_TRUE(ht_metrics_read(m, "loss", &x) && x == 2);
    ht_metrics_destroy(m);
}

static void the_accessor_is_asked_before_what_was_set(void)
{
    ht_metrics *m = metrics();
    double x = 0;
    char known[] = "val_loss";
    ht_metrics_set(m, "val_loss", 1, NULL);
    ht_metrics_set(m, "other", 2, NULL);
    ht_metrics_accessor(m, knows_one, known);
    CU_ASSERT_TRUE(ht_metrics_read(m, "val/loss", &x) && x == 7);
    CU_ASSERT_TRUE(ht_metrics_read(m, "other", &x) && x == 2);
    ht_metrics_accessor(m, NULL, NULL);
    CU_ASSERT_TRUE(ht_metrics_read(m, "val/loss", &x) && x == 1);
    ht_metrics_destroy(m);
}

static void bools_and_texts_with_a_number_read_as_numbers_and_nothing_else_does(void)
{
    ht_metrics *m = metrics();
    ht_value yes = ht_bool(true), half = ht_text("0.5"), bad = ht_text("bad"), v;
    ht_value pair = ht_tuple(2, (double[]){1, 2});
    double x = 0;
    ht_metrics_set_value(m, "a", &yes, NULL);
    ht_metrics_set_value(m, "b", &half, NULL);
    ht_metrics_set_value(m, "c", &bad, NULL);
    ht_metrics_set(m, "d", 3, NULL);
    ht_metrics_set_value(m, "d", &pair, NULL);
    CU_ASSERT_TRUE(ht_metrics_read(m, "a", &x) && x == 1);
    CU_ASSERT_TRUE(ht_metrics_read(m, "b", &x) && x == .5);
    CU_ASSERT_FALSE(ht_metrics_read(m, "c", &x));
    CU_ASSERT_FALSE(ht_metrics_read(m, "d", &x));
    CU_ASSERT_TRUE(ht_metrics_value(m, "c", &v));
    CU_ASSERT_STRING_EQUAL(v.scalar.text, "bad");
    ht_metrics_destroy(m);
}

static void a_reading_that_is_no_number_gives_way_to_an_alias(void)
{
    ht_metrics *m = metrics();
    ht_value bad = ht_text("soon");
    double x = 0;
    ht_metrics_set_value(m, "val/loss", &bad, NULL);
    ht_metrics_set(m, "val_loss", 2, NULL);
    CU_ASSERT_TRUE(ht_metrics_read(m, "val/loss", &x) && x == 2);
    ht_metrics_destroy(m);
}

static void the_readings_of_a_recipe_are_primary_and_backups_once_each_nan_included(void)
{
    ht_metrics *m = metrics();
    ht_readings r;
    ht_recipe recipe = {.objective = {.primary = "val/loss", .n_backups = 3,
                                      .backups = {"grad/norm", "val/loss", "missing"}}};
    ht_metrics_set(m, "grad_norm", NAN, NULL);
    ht_metrics_set(m, "val/loss", 2, NULL);
    ht_metrics_readings(m, &recipe, &r);
    CU_ASSERT_EQUAL(r.n, 2);
    CU_ASSERT_STRING_EQUAL(r.at[0].name, "val/loss");
    CU_ASSERT_STRING_EQUAL(r.at[1].name, "grad/norm");
    CU_ASSERT_TRUE(isnan(r.at[1].value));
    ht_metrics_destroy(m);
}

CASES("metrics",
      CASE(a_reading_holds_until_it_is_set_again_or_cleared),
      CASE(a_name_must_fit),
      CASE(the_exact_name_comes_before_its_aliases_in_order),
      CASE(an_alias_finds_the_canonical_name_too),
      CASE(the_accessor_is_asked_before_what_was_set),
      CASE(bools_and_texts_with_a_number_read_as_numbers_and_nothing_else_does),
      CASE(a_reading_that_is_no_number_gives_way_to_an_alias),
      CASE(the_readings_of_a_recipe_are_primary_and_backups_once_each_nan_included))
