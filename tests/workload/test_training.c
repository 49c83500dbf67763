/* tests/workload/test_training.c - the built-in trainings as a program sees them.
 *
 * Needs the Debian packages wamerican and dataset-fashion-mnist. */
#include "workload/workload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "tune/bridge.h"

static ht_workload *create_with(ht_workload_options o)
{
    ht_workload *w = NULL;
    ht_error err = {""};
    if (ht_workload_create(&o, &w, &err) != HT_OK)
        fprintf(stderr, "\n%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(w);
    return w;
}

static ht_workload *create(const char *name, unsigned long long seed, int replica)
{
    return create_with((ht_workload_options){.name = name, .seed = seed, .replica = replica});
}

static const ht_workload_buffer *state_of(ht_workload *w)
{
    const ht_workload_buffer *state;
    CU_ASSERT_EQUAL_FATAL(ht_workload_state(w, &state), 3);
    return state;
}

static bool same_state(ht_workload *a, ht_workload *b)
{
    const ht_workload_buffer *x = state_of(a), *y = state_of(b);
    for (size_t i = 0; i < 3; i++)
        if (x[i].n != y[i].n || memcmp(x[i].data, y[i].data, x[i].n * sizeof(float)) != 0)
            return false;
    return true;
}

static double *knob(ht_workload *w, const char *name)
{
    const ht_workload_knob *knobs;
    size_t n = ht_workload_knobs(w, &knobs);
    for (size_t i = 0; i < n; i++)
        if (strcmp(knobs[i].name, name) == 0)
            return knobs[i].value;
    CU_FAIL_FATAL("no such knob");
    return NULL;
}

static void train(ht_workload *w, int steps)
{
    for (int i = 0; i < steps; i++)
        CU_ASSERT(isfinite(ht_workload_step(w)));
}

static void every_task_learns(void)
{
    for (size_t i = 0; i < ht_workload_count(); i++) {
        const ht_workload_info *info = ht_workload_at(i);
        ht_workload *w = create(info->name, 501, 0);
        double error_before, error_after, before = ht_workload_validate(w, &error_before);
        train(w, 5 * info->steps_per_epoch);
        double after = ht_workload_validate(w, &error_after);
        CU_ASSERT(after < .8 * before);
        CU_ASSERT(error_after < .9 * error_before);
        CU_ASSERT(fabs(ht_workload_test(w, NULL) - after) < .15);
        ht_workload_destroy(w);
    }
}

static void the_networks_have_the_weights_of_the_definition(void)
{
    static const struct {
        const char *name;
        size_t n;
    } tasks[] = {{"charlm", 12105}, {"glyph", 11822}, {"fashion", 109386}, {"fashion-small", 24058}};
    for (size_t i = 0; i < 4; i++) {
        ht_workload *w = create(tasks[i].name, 1, 0);
        for (size_t k = 0; k < 3; k++)
            CU_ASSERT_EQUAL(state_of(w)[k].n, tasks[i].n);
        ht_workload_destroy(w);
    }
}

static void a_training_repeats_bit_for_bit(void)
{
    for (size_t i = 0; i < ht_workload_count(); i++) {
        ht_workload *a = create(ht_workload_at(i)->name, 7, 3), *b = create(ht_workload_at(i)->name, 7, 3);
        *knob(a, "dropout") = *knob(b, "dropout") = .3;
        train(a, 10);
        train(b, 10);
        CU_ASSERT(same_state(a, b));
        ht_workload_destroy(a);
        ht_workload_destroy(b);
    }
}

static void replicas_start_equal_and_draw_different_batches(void)
{
    ht_workload *a = create("charlm", 7, 0), *b = create("charlm", 7, 1);
    CU_ASSERT(same_state(a, b));
    train(a, 1);
    train(b, 1);
    CU_ASSERT_FALSE(same_state(a, b));
    ht_workload_destroy(a);
    ht_workload_destroy(b);
}

/** All of the training state: what a population copies from one replica to another. */
static void copy_state(ht_workload *to, ht_workload *from)
{
    const ht_workload_buffer *x = state_of(to), *y = state_of(from);
    for (size_t i = 0; i < 3; i++)
        memcpy(x[i].data, y[i].data, x[i].n * sizeof(float));
    *ht_workload_steps(to) = *ht_workload_steps(from);
}

static void fresh_weights_are_the_same_on_every_replica(void)
{
    ht_workload *a = create("charlm", 7, 0), *b = create("charlm", 8, 3), *fresh = create("charlm", 9, 0);
    train(a, 2);
    train(b, 5);
    ht_workload_init(a, 9);
    ht_workload_init(b, 9);
    CU_ASSERT(same_state(a, fresh));
    CU_ASSERT(same_state(b, fresh));
    CU_ASSERT_EQUAL(*ht_workload_steps(b), 0);
    ht_workload_destroy(a);
    ht_workload_destroy(b);
    ht_workload_destroy(fresh);
}

static void a_training_that_starts_again_meets_other_batches(void)
{
    ht_workload *a = create("charlm", 7, 0), *b = create("charlm", 7, 0);
    train(a, 3);
    train(b, 3);
    ht_workload_init(a, 7);
    train(a, 3);
    CU_ASSERT_EQUAL(*ht_workload_steps(a), *ht_workload_steps(b));
    CU_ASSERT_FALSE(same_state(a, b));
    ht_workload_destroy(a);
    ht_workload_destroy(b);
}

static void a_training_goes_on_with_the_batches_of_the_replica_it_is_on(void)
{
    ht_workload *a = create("charlm", 7, 0), *b = create("charlm", 7, 1);
    ht_workload *later = create("charlm", 7, 1);
    train(a, 4);
    train(b, 4);
    copy_state(b, a);                   /* replica 1 goes on from what replica 0 has learned */
    copy_state(later, a);               /* replica 1, too, but it has drawn no batch yet */
    CU_ASSERT_EQUAL(*ht_workload_steps(b), 4);
    train(a, 1);
    train(b, 1);
    train(later, 1);
    CU_ASSERT_FALSE(same_state(b, a));
    CU_ASSERT_FALSE(same_state(b, later));
    ht_workload_destroy(a);
    ht_workload_destroy(b);
    ht_workload_destroy(later);
}

static void the_state_with_its_steps_goes_on_as_if_it_had_never_moved(void)
{
    ht_workload *a = create("charlm", 7, 0), *b = create("charlm", 7, 0);
    train(a, 40);
    train(b, 40);
    for (size_t i = 0; i < 3; i++)
        memset(state_of(b)[i].data, 0, state_of(b)[i].n * sizeof(float));
    *ht_workload_steps(b) = 0;
    copy_state(b, a);
    train(a, 5);
    train(b, 5);
    CU_ASSERT(same_state(a, b));
    ht_workload_destroy(a);
    ht_workload_destroy(b);
}

static void another_seed_starts_elsewhere(void)
{
    ht_workload *a = create("charlm", 7, 0), *b = create("charlm", 8, 0);
    CU_ASSERT_FALSE(same_state(a, b));
    ht_workload_destroy(a);
    ht_workload_destroy(b);
}

static void looking_does_not_disturb_the_training(void)
{
    ht_workload *a = create("glyph", 7, 0), *b = create("glyph", 7, 0);
    for (int i = 0; i < 5; i++) {
        train(a, 1);
        train(b, 1);
        double once = ht_workload_validate(a, NULL);
        CU_ASSERT_EQUAL(ht_workload_validate(a, NULL), once);
        ht_workload_test(a, NULL);
    }
    CU_ASSERT(same_state(a, b));
    ht_workload_destroy(a);
    ht_workload_destroy(b);
}

static void weights_copied_from_another_training_score_as_they_did_there(void)
{
    ht_workload *a = create("glyph", 7, 0), *b = create("glyph", 8, 1);
    train(a, 20);
    memcpy(state_of(b)->data, state_of(a)->data, state_of(a)->n * sizeof(float));
    CU_ASSERT_EQUAL(ht_workload_validate(b, NULL), ht_workload_validate(a, NULL));
    ht_workload_destroy(a);
    ht_workload_destroy(b);
}

static void knobs_start_inside_their_ranges(void)
{
    for (size_t i = 0; i < ht_workload_count(); i++) {
        ht_workload *w = create(ht_workload_at(i)->name, 1, 0);
        const ht_workload_knob *k;
        size_t n = ht_workload_knobs(w, &k);
        CU_ASSERT(n >= 3);
        for (size_t j = 0; j < n; j++) {
            CU_ASSERT(k[j].lo <= *k[j].value && *k[j].value <= k[j].hi);
            CU_ASSERT(0 < k[j].floor && k[j].lo <= k[j].floor && k[j].floor < k[j].hi);
        }
        ht_workload_destroy(w);
    }
}

static void every_knob_acts_on_the_next_step(void)
{
    static const char *const names[] = {"charlm", "glyph", "fashion-small"};
    for (size_t i = 0; i < 3; i++) {
        const ht_workload_knob *k;
        ht_workload *as_it_is = create(names[i], 1, 0);
        size_t n = ht_workload_knobs(as_it_is, &k);
        train(as_it_is, 1);
        for (size_t j = 0; j < n; j++) {
            ht_workload *changed = create(names[i], 1, 0);
            *knob(changed, k[j].name) = k[j].hi;
            train(changed, 1);
            CU_ASSERT_FALSE(same_state(changed, as_it_is));
            ht_workload_destroy(changed);
        }
        ht_workload_destroy(as_it_is);
    }
}

static void a_diverged_training_says_nan_and_stays_where_it_is(void)
{
    ht_workload *w = create("charlm", 1, 0);
    *knob(w, "lr") = 1e6;
    train(w, 1);
    double first = (double)state_of(w)->data[0];
    CU_ASSERT(isnan(ht_workload_step(w)));
    CU_ASSERT_EQUAL((double)state_of(w)->data[0], first);
    ht_workload_destroy(w);
}

static void the_norm_is_that_of_the_last_gradient(void)
{
    ht_workload *w = create("glyph", 1, 0);
    CU_ASSERT_EQUAL(ht_workload_grad_norm(w), 0);
    train(w, 1);
    double norm = ht_workload_grad_norm(w), squares = 0;
    const ht_workload_buffer *m = &state_of(w)[1];      /* after one step: a tenth of the gradient */
    for (size_t i = 0; i < m->n; i++)
        squares += 100 * (double)m->data[i] * (double)m->data[i];
    CU_ASSERT_DOUBLE_EQUAL(norm, sqrt(squares), 1e-4 * norm);
    CU_ASSERT(norm > 0);
    ht_workload_destroy(w);
}

static void the_cosine_falls_from_1_to_a_hundredth(void)
{
    CU_ASSERT_DOUBLE_EQUAL(ht_workload_cosine(0, 2), .01 + .495 * (1 + sqrt(.5)), 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(ht_workload_cosine(0, 1), .505, 1e-12);
    CU_ASSERT(ht_workload_cosine(999, 1000) < .0101);
    for (int e = 1; e < 60; e++)
        CU_ASSERT(ht_workload_cosine(e, 60) < ht_workload_cosine(e - 1, 60));
}

static void the_schedule_goes_by_the_steps_behind_the_weights(void)
{
    enum { STEPS = 32, EPOCHS = 2 };    /* steps of an epoch of charlm */
    ht_workload *by_hand = create("charlm", 7, 0);
    ht_workload *scheduled =
        create_with((ht_workload_options){.name = "charlm", .seed = 7, .cosine_epochs = EPOCHS});
    const double lr = *knob(by_hand, "lr");
    for (int epoch = 0; epoch < EPOCHS + 1; epoch++) {
        *knob(by_hand, "lr") = lr * ht_workload_cosine(epoch < EPOCHS ? epoch : EPOCHS - 1, EPOCHS);
        train(by_hand, STEPS);
        train(scheduled, STEPS);
        CU_ASSERT(same_state(by_hand, scheduled));
        CU_ASSERT_EQUAL(*knob(scheduled, "lr"), lr);
    }
    ht_workload_destroy(by_hand);
    ht_workload_destroy(scheduled);
}

static void a_slow_training_computes_the_same(void)
{
    ht_workload *a = create("charlm", 7, 0);
    ht_workload *slow = create_with((ht_workload_options){.name = "charlm", .seed = 7, .slow = 3});
    train(a, 10);
    train(slow, 10);
    CU_ASSERT(same_state(a, slow));
    CU_ASSERT_EQUAL(ht_workload_validate(slow, NULL), ht_workload_validate(a, NULL));
    ht_workload_destroy(a);
    ht_workload_destroy(slow);
}

static void a_spoilt_training_is_lost_until_it_gets_other_weights_and_then_stays_well(void)
{
    enum { STEPS = 32 };
    ht_workload *healthy = create("charlm", 7, 1);
    ht_workload *w = create_with((ht_workload_options){.name = "charlm", .seed = 7, .nan_at = 2});
    train(w, 2 * STEPS);
    CU_ASSERT(isfinite(ht_workload_validate(w, NULL)));
    CU_ASSERT(isnan(ht_workload_step(w)));
    CU_ASSERT(isnan(ht_workload_step(w)));
    CU_ASSERT(isnan(ht_workload_validate(w, NULL)));
    train(healthy, STEPS);
    copy_state(w, healthy);
    train(w, 2 * STEPS);
    CU_ASSERT(isfinite(ht_workload_validate(w, NULL)));
    ht_workload_destroy(healthy);
    ht_workload_destroy(w);
}

static void an_unknown_task_is_refused_with_the_nearest_name(void)
{
    ht_error err = {""};
    ht_workload *w = NULL;
    ht_workload_options o = {.name = "fashon", .comm = MPI_COMM_NULL};
    CU_ASSERT_EQUAL(ht_workload_create(&o, &w, &err), HT_ENOTFOUND);
    CU_ASSERT_STRING_EQUAL(err.text, "unknown workload 'fashon'; nearest is 'fashion'");
    CU_ASSERT_PTR_NULL(w);
    CU_ASSERT_PTR_NULL(ht_workload_find("fashon"));
    CU_ASSERT_PTR_NULL(ht_workload_at(ht_workload_count()));
}

static void missing_data_are_named_with_their_package(void)
{
    ht_error err = {""};
    ht_workload *w = NULL;
    ht_workload_options o = {.name = "fashion", .data_dir = "nowhere", .comm = MPI_COMM_NULL};
    CU_ASSERT_EQUAL(ht_workload_create(&o, &w, &err), HT_ENOTFOUND);
    CU_ASSERT_PTR_NULL(w);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "'nowhere/train-images-idx3-ubyte.gz'"));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "dataset-fashion-mnist"));
}

static void the_recipes_are_the_files_of_the_source(void)
{
    for (size_t i = 0; i < ht_workload_count(); i++) {
        const ht_workload_info *info = ht_workload_at(i);
        char path[512], text[8192];
        snprintf(path, sizeof path, "%s/%s.yaml", RECIPES, info->name);
        FILE *f = fopen(path, "rb");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        text[fread(text, 1, sizeof text - 1, f)] = '\0';
        fclose(f);
        CU_ASSERT_STRING_EQUAL(info->recipe, text);
    }
}

static ht_status accept(void *ctx, const ht_value *value, const ht_env *env, ht_error *err)
{
    (void)ctx;
    (void)value;
    (void)env;
    (void)err;
    return HT_OK;
}

/** The task's knobs as the kernel holds them. */
static ht_knobs *typed_knobs(ht_workload *w)
{
    const ht_workload_knob *k;
    ht_knobs *knobs = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_knobs_create(&knobs, NULL), HT_OK);
    size_t n = ht_workload_knobs(w, &k);
    for (size_t i = 0; i < n; i++) {
        ht_knob_spec spec = {.type = HT_KNOB_LOG_FLOAT, .set = accept, .has_min = true, .has_max = true,
                             .min = k[i].lo, .max = k[i].hi, .initial = ht_real(*k[i].value)};
        snprintf(spec.key, sizeof spec.key, "%s", k[i].name);
        snprintf(spec.group, sizeof spec.group, "%s", ht_bridge_group(k[i].actuator));
        CU_ASSERT_EQUAL(ht_knobs_add(knobs, &spec, NULL), HT_OK);
    }
    ht_knobs_initialize(knobs);
    return knobs;
}

/** The upper bound of the family is a legal step from where the task starts. */
static bool can_step(ht_actuators *actuators, const char *actuator, const ht_family_spec *f)
{
    ht_patch patch = {.value = ht_real(f->bounds[0][1]), .floor = f->floor};
    ht_codes codes = {0};
    snprintf(patch.op, sizeof patch.op, "%s", f->keyed ? "mult" : f->name);
    snprintf(patch.key, sizeof patch.key, "%s", f->keyed ? f->name : "");
    return ht_actuators_validate(actuators, actuator, &patch, &codes) == HT_OK && codes.n == 0;
}

static void the_recipes_are_valid_and_reach_every_knob(void)
{
    for (size_t i = 0; i < ht_workload_count(); i++) {
        const ht_workload_info *info = ht_workload_at(i);
        ht_workload *w = create(info->name, 1, 0);
        ht_knobs *knobs = typed_knobs(w);
        ht_actuators *actuators = NULL;
        ht_recipe *r = NULL;
        ht_error err = {""};
        CU_ASSERT_EQUAL_FATAL(ht_actuators_create(&actuators, NULL), HT_OK);
        ht_actuators_attach_knobs(actuators, knobs);
        if (ht_recipe_parse(info->recipe, info->name, &r, &err) != HT_OK)
            fprintf(stderr, "\n%s\n", err.text);
        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        size_t families = 0;
        for (size_t a = 0; a < r->n_actuators; a++)
            for (size_t f = 0; f < r->actuators[a].n_families; f++, families++) {
                const ht_family_spec *family = &r->actuators[a].families[f];
                CU_ASSERT(can_step(actuators, r->actuators[a].name, family));
                CU_ASSERT(ht_family_is_factor(family) && family->has_range);
                CU_ASSERT(family->floor >= family->range[0] && family->floor <= family->range[1]);
            }
        CU_ASSERT_EQUAL(r->population.mode, HT_POPULATION_POOLED);
        CU_ASSERT_EQUAL(families, ht_knobs_count(knobs));
        ht_recipe_destroy(r);
        ht_actuators_destroy(actuators);
        ht_knobs_destroy(knobs);
        ht_workload_destroy(w);
    }
}

CASES("training", CASE(every_task_learns), CASE(the_networks_have_the_weights_of_the_definition),
      CASE(a_training_repeats_bit_for_bit), CASE(replicas_start_equal_and_draw_different_batches),
      CASE(fresh_weights_are_the_same_on_every_replica),
      CASE(a_training_that_starts_again_meets_other_batches),
      CASE(a_training_goes_on_with_the_batches_of_the_replica_it_is_on),
      CASE(the_state_with_its_steps_goes_on_as_if_it_had_never_moved),
      CASE(the_schedule_goes_by_the_steps_behind_the_weights), CASE(a_slow_training_computes_the_same),
      CASE(a_spoilt_training_is_lost_until_it_gets_other_weights_and_then_stays_well),
      CASE(another_seed_starts_elsewhere), CASE(looking_does_not_disturb_the_training),
      CASE(weights_copied_from_another_training_score_as_they_did_there),
      CASE(knobs_start_inside_their_ranges), CASE(every_knob_acts_on_the_next_step),
      CASE(a_diverged_training_says_nan_and_stays_where_it_is), CASE(the_norm_is_that_of_the_last_gradient),
      CASE(the_cosine_falls_from_1_to_a_hundredth), CASE(an_unknown_task_is_refused_with_the_nearest_name),
      CASE(missing_data_are_named_with_their_package), CASE(the_recipes_are_the_files_of_the_source),
      CASE(the_recipes_are_valid_and_reach_every_knob))
