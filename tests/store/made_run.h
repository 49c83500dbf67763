/* tests/store/made_run.h - a small run of independent replicas, as a study takes it. */
#ifndef TESTS_STORE_MADE_RUN_H
#define TESTS_STORE_MADE_RUN_H

#include <math.h>

#include "store/run_tables.h"
#include "store/study_format.h"
#include "folder.h"

enum { SEGMENTS = 12 };

static const char recipe_text[] =
    "version: 1\nobjective: {primary: val/loss, mode: min, backup_metrics: [grad/norm]}\n"
    "actuators:\n  opt:\n    mutations:\n      lr_mult: {bounds: [0.5, 2.0]}\n"
    "  a/b:\n    keys:\n      aux: {mode: mult, bounds: [0.5, 2.0]}\n";

typedef struct {
    ht_recipe *recipe;
    ht_segment segments[SEGMENTS];
    ht_mutation mutations[SEGMENTS];
    ht_statistics statistics;
    ht_posterior *posterior;
    ht_run_tables *tables;
    ht_study_run run;
} made;

/* Nine of twelve segments accepted, all with the factor `value`. */
static inline void make_segments(made *m, double value)
{
    for (size_t i = 0; i < SEGMENTS; i++) {
        ht_segment *g = &m->segments[i];
        ht_mutation *u = &m->mutations[i];
        bool won = i % 4 != 3;
        *u = (ht_mutation){.number = i + 1,
                           .replica = 1,
                           .step = 40,
                           .phase = "early",
                           .actuator = "opt",
                           .key = "lr_mult",
                           .patch = {"lr_mult", "", ht_real(value)},
                           .scale = HT_SCALE_LOG,
                           .source = HT_SOURCE_TPE,
                           .status = won ? HT_MUTATION_ACCEPTED : HT_MUTATION_REJECTED,
                           .n_changes = 1};
        u->changes[0] =
            (ht_change){.param = "lr", .n_cells = 2, .before = {1, 2}, .after = {value, 2 * value}};
        *g = (ht_segment){.number = i + 1, .mutation = i + 1, .replica = 1, .start_step = 40, .end_step = 80,
                          .horizon = "next_val_epoch_end", .has_score = true, .score = won ? 0.5 : -0.5,
                          .decision = won ? HT_DECISION_ACCEPTED : HT_DECISION_REJECTED};
        ht_readings_put(&g->pre, "val/loss", 1);
        ht_readings_put(&g->post, "val/loss", won ? 0.5 : 1.5);
        ht_readings_put(&g->post, "grad/norm", 3);
        ht_statistics_mutation(&m->statistics, u);
        CU_ASSERT_EQUAL_FATAL(ht_statistics_segment(&m->statistics, g, u), HT_OK);
        CU_ASSERT_EQUAL_FATAL(ht_run_tables_segment(m->tables, g, u, "val/loss", NULL), HT_OK);
        ht_observation o;
        if (ht_observation_of(g, u, &o))
            CU_ASSERT_EQUAL_FATAL(ht_posterior_add(m->posterior, &o, NULL), HT_OK);
    }
}

static inline void make_run(made *m, const char *id, double started, double value)
{
    *m = (made){.recipe = NULL};
    ht_statistics_init(&m->statistics);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(recipe_text, "test", &m->recipe, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_posterior_create(&m->posterior, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_run_tables_create(&m->tables, NULL), HT_OK);
    make_segments(m, value);
    for (int i = 0; i < 3; i++) {
        const ht_curve_point point = {1, 40 * (i + 1), i + 1, 1.0 / (i + 1)};
        CU_ASSERT_EQUAL(ht_run_tables_point(m->tables, &point, NULL), HT_OK);
    }
    m->run = (ht_study_run){.name = "digits",
                            .started = started,
                            .ended = started + 60,
                            .seed = 18446744073709551615u,
                            .n_replicas = 8,
                            .ranks_per_replica = 2,
                            .mpi_version = "some MPI",
                            .nodes = "n[1-4]",
                            .recipe = m->recipe,
                            .base_recipe = recipe_text,
                            .has_result = true,
                            .result_val = 0.25,
                            .result_test = NAN,
                            .tables = m->tables,
                            .statistics = &m->statistics,
                            .posterior = m->posterior};
    strcpy(m->run.id, id);
}

static inline void made_release(made *m)
{
    ht_recipe_destroy(m->recipe);
    ht_statistics_release(&m->statistics);
    ht_posterior_destroy(m->posterior);
    ht_run_tables_destroy(m->tables);
}

/* Publish one run into the study of the folder, study.h5. */
static inline ht_status publish(folder *f, const char *id, double started, double value, ht_error *err)
{
    made m;
    make_run(&m, id, started, value);
    ht_status st = ht_study_publish(folder_file(f, "study.h5"), &m.run, err);
    made_release(&m);
    return st;
}

#endif
