/* tests/population/samples.h - records with every member set, for tests of the protocol and of those who
 * speak it. */
#ifndef TESTS_POPULATION_SAMPLES_H
#define TESTS_POPULATION_SAMPLES_H

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "population/wire.h"

static inline ht_readings sample_readings(double loss)
{
    ht_readings r = {.n = 2};
    ht_name_copy(r.at[0].name, "val/loss");
    r.at[0].value = loss;
    ht_name_copy(r.at[1].name, "grad/norm");
    r.at[1].value = 1.5;
    return r;
}

/* A mutation of opt:lr_mult with everything in it. */
static inline ht_mutation sample_mutation(unsigned long number, ht_mutation_status status)
{
    ht_mutation m = {.number = number,
                     .replica = 1,
                     .step = 100,
                     .epoch = 2,
                     .phase = "early",
                     .actuator = "opt",
                     .key = "lr_mult",
                     .patch = {.op = "lr_mult", .value = ht_real(.9), .floor = .001},
                     .scale = HT_SCALE_LOG,
                     .source = HT_SOURCE_TPE,
                     .has_context = true,
                     .context = sample_readings(.5),
                     .reject_streak = 1,
                     .mutation_count = 6,
                     .has_snapshot = true,
                     .status = status,
                     .n_changes = 1,
                     .error = "no error",
                     .reason = "no_reading"};
    m.changes[0] = (ht_change){.param = "lr", .n_cells = 2, .before = {1e-3, 2e-3}, .after = {9e-4, 1.8e-3}};
    return m;
}

static inline ht_segment sample_segment(unsigned long number, unsigned long mutation, ht_decision decision)
{
    return (ht_segment){.number = number,
                        .mutation = mutation,
                        .replica = 1,
                        .start_step = 100,
                        .end_step = 200,
                        .horizon = "next_val_epoch_end",
                        .pre = sample_readings(.5),
                        .post = sample_readings(.4),
                        .stability = {.grad_spike = true},
                        .decision = decision,
                        .has_score = true,
                        .score = .1,
                        .reason = "",
                        .early = true,
                        .rollback = HT_ROLLBACK_RELATIVE};
}

static inline ht_window sample_window(void)
{
    ht_window w = {.replica = 1, .step = 100, .epoch = 2, .phase = "early", .mode = HT_MODE_ACTIVE,
                   .readings = sample_readings(.5), .reject_streak = 2, .asked = true, .has_active = true,
                   .active = 1, .pause_left = 3, .global_cooldown = 1};
    ht_codes_add(&w.blockers, "anomaly_critical");
    ht_codes_add(&w.blocked, "cooldown");
    return w;
}

/* A question that offers opt:lr_mult and the pair opt:betas_set. */
static inline ht_ask sample_ask(void)
{
    ht_ask a = {.phase = "early", .n = 2};
    a.families[0] = (ht_eligible){.actuator = "opt", .key = "lr_mult", .mode = HT_SPEC_MULT,
                                  .scale = HT_SCALE_LOG, .n = 1, .lo = {.5}, .hi = {1.5}, .center = 1};
    a.families[1] = (ht_eligible){.actuator = "opt",
                                  .key = "betas_set",
                                  .mode = HT_SPEC_SET,
                                  .scale = HT_SCALE_BETA,
                                  .n = 2,
                                  .lo = {.8, .9},
                                  .hi = {.95, .999},
                                  .center = .9, .spread = .2};
    return a;
}

#endif
