/* tests/population/agent_world.h - agents and a coordinator in one process, with a made-up training.
 *
 * The training has a learning rate and a loss that says how far it is from 0.01, in its logarithm: so a
 * mutation is good iff it goes there. Messages go over at once; time is a counter. */
#ifndef TESTS_POPULATION_AGENT_WORLD_H
#define TESTS_POPULATION_AGENT_WORLD_H

#include <CUnit/CUnit.h>
#include <math.h>
#include <stdlib.h>

#include "population/agent.h"
#include "population/coordinator.h"
#include "population/samples.h"

enum { RECORDS_MAX = 2000, AGENTS_MAX = 2, STEPS = 5 };     /* STEPS: of an epoch */

typedef struct world world;

typedef struct {
    world *w;
    int replica;
    ht_agent *agent;
    ht_metrics *metrics;
    ht_actuators *actuators;
    ht_knobs *knobs;
    double lr, loss, batch_loss;
    long long step;
    ht_bytes queue[64];         /* messages to it */
    size_t n_queue;
    int waits, warnings;        /* waits: receives that had to wait in vain */
    char warning[512];
} training;

struct world {
    ht_coordinator *c;
    double now;
    bool mute;                  /* the coordinator hears and says nothing */
    training at[AGENTS_MAX];
    size_t n_records;
    ht_record records[RECORDS_MAX];
};

/* ---- the link --------------------------------------------------------------------------------- */

static inline void drain(world *w)
{
    int replica;
    ht_bytes bytes;
    while (ht_coordinator_next_message(w->c, &replica, &bytes)) {
        training *t = &w->at[replica];
        CU_ASSERT_TRUE_FATAL(t->n_queue < 64);
        t->queue[t->n_queue++] = bytes;
    }
    while (w->n_records < RECORDS_MAX && ht_coordinator_next_record(w->c, &w->records[w->n_records]))
        w->n_records++;
}

static inline ht_status link_send(void *ctx, const void *bytes, size_t n, ht_error *err)
{
    training *t = ctx;
    (void)err;
    if (t->w->mute)
        return HT_OK;
    ht_status st = ht_coordinator_receive(t->w->c, t->w->now, t->replica, bytes, n);
    drain(t->w);
    return st;
}

static inline ht_status link_receive(void *ctx, double timeout_s, ht_bytes *out, ht_error *err)
{
    training *t = ctx;
    (void)err;
    if (t->n_queue == 0 || t->w->mute) {
        t->waits += timeout_s > 0;
        return HT_ETIMEOUT;
    }
    *out = t->queue[0];
    memmove(t->queue, t->queue + 1, --t->n_queue * sizeof t->queue[0]);
    return HT_OK;
}

/* ---- the training ----------------------------------------------------------------------------- */

static inline ht_status set_lr(void *ctx, const ht_value *value, const ht_env *env, ht_error *err)
{
    (void)env;
    (void)err;
    ((training *)ctx)->lr = value->scalar.number;
    return HT_OK;
}

static inline void warn(void *ctx, const char *text)
{
    training *t = ctx;
    t->warnings++;
    snprintf(t->warning, sizeof t->warning, "%s", text);
}

static inline void set_up(world *w, int replica, bool with_knob)
{
    training *t = &w->at[replica];
    *t = (training){.w = w, .replica = replica, .lr = .001, .loss = 1, .batch_loss = 1};
    CU_ASSERT_EQUAL_FATAL(ht_metrics_create(&t->metrics, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_actuators_create(&t->actuators, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_knobs_create(&t->knobs, NULL), HT_OK);
    const ht_knob_spec lr = {.key = "lr", .type = HT_KNOB_LOG_FLOAT, .set = set_lr, .ctx = t, .metric = "lr",
                             .group = "optimizer", .has_min = true, .min = 1e-6, .has_max = true, .max = 1,
                             .initial = ht_real(t->lr)};
    if (with_knob)
        CU_ASSERT_EQUAL_FATAL(ht_knobs_add(t->knobs, &lr, NULL), HT_OK);
    ht_knobs_initialize(t->knobs);
    ht_actuators_attach_knobs(t->actuators, t->knobs);
    const ht_agent_options o = {.link = {t, link_send, link_receive}, .metrics = t->metrics,
                                .actuators = t->actuators, .knobs = t->knobs,
                                .effector = ht_effector_local(t->actuators), .patience_s = 2,
                                .auto_disable_on_error = true, .warning = warn, .warning_ctx = t};
    CU_ASSERT_EQUAL_FATAL(ht_agent_create(&o, &t->agent, NULL), HT_OK);
}

static const char recipe_text[] =
    "{\"version\": 1, \"objective\": {\"primary\": \"val/loss\", \"mode\": \"min\"},"
    " \"actuators\": {\"opt\": {\"mutations\": {\"lr_mult\": {\"bounds\": [0.5, 2.0], \"prior_center\": 1.0,"
    " \"cooldown\": 0}}}}, \"search\": {\"seed\": 3, \"startup_trials\": 4},"
    " \"acceptance\": {\"epsilon\": 0.0}, \"safety\": {\"max_global_reject_streak\": 1000}}";

static inline world *world_with(int n, ht_coordinator_options o, bool with_knob)
{
    world *w = calloc(1, sizeof *w);
    ht_recipe *recipe = NULL;
    ht_error err = {""};
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(recipe_text, "test", &recipe, &err), HT_OK);
    o.n_replicas = n;
    o.recipe = recipe;
    CU_ASSERT_EQUAL_FATAL(ht_coordinator_create(&o, &w->c, NULL), HT_OK);
    ht_recipe_destroy(recipe);
    for (int i = 0; i < n; i++)
        set_up(w, i, with_knob);
    return w;
}

static inline world *world_of(int n, ht_mode mode)
{
    world *w = world_with(n, (ht_coordinator_options){.mode = mode}, true);
    for (int i = 0; i < n; i++)
        CU_ASSERT_EQUAL_FATAL(ht_agent_begin(w->at[i].agent, NULL), HT_OK);
    return w;
}

static inline void end(world *w)
{
    for (int i = 0; i < AGENTS_MAX; i++) {
        training *t = &w->at[i];
        ht_agent_destroy(t->agent);
        ht_actuators_destroy(t->actuators);
        ht_knobs_destroy(t->knobs);
        ht_metrics_destroy(t->metrics);
        for (size_t k = 0; k < t->n_queue; k++)
            free(t->queue[k].data);
    }
    drain(w);
    for (size_t i = 0; i < w->n_records; i++)
        ht_record_release(&w->records[i]);
    for (int i = 0; i < AGENTS_MAX; i++)
        for (; w->at[i].n_queue > 0; w->at[i].n_queue--)
            free(w->at[i].queue[w->at[i].n_queue - 1].data);
    ht_coordinator_destroy(w->c);
    free(w);
}

static inline ht_env env_of(const training *t)
{
    return (ht_env){.step = t->step,
                    .epoch = (double)t->step / STEPS,
                    .max_steps = 1000,
                    .loss = t->batch_loss,
                    .phase = "train"};
}

static inline void train(training *t)
{
    for (int i = 0; i < STEPS; i++) {
        t->step++;
        ht_env env = env_of(t);
        if (ht_agent_watches_batches(t->agent))
            CU_ASSERT_EQUAL(ht_agent_event(t->agent, HT_TRAIN_BATCH_END, &env, NULL), HT_OK);
    }
    t->loss = 1 + fabs(log(t->lr / .01));
}

static inline void validate(training *t)
{
    ht_env env = env_of(t);
    ht_metrics_set(t->metrics, "val/loss", t->loss, NULL);
    ht_metrics_set(t->metrics, "lr", t->lr, NULL);
    t->w->now += 1;
    CU_ASSERT_EQUAL(ht_agent_event(t->agent, HT_VAL_EPOCH_END, &env, NULL), HT_OK);
}

static inline void epochs(training *t, int n)
{
    for (int i = 0; i < n; i++) {
        train(t);
        validate(t);
    }
}

static inline void operate(world *w, const char *body)
{
    ht_operation o = {.command_end = -1};
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(body, &o.body, NULL, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_coordinator_operate(w->c, w->now, &o), HT_OK);
    drain(w);
}

/* ---- what came out ---------------------------------------------------------------------------- */

static inline size_t count(const world *w, ht_record_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n_records; i++)
        n += w->records[i].kind == kind;
    return n;
}

static inline size_t mutations(const world *w, ht_mutation_status status)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n_records; i++)
        n += w->records[i].kind == HT_RECORD_MUTATION && w->records[i].as.mutation.status == status;
    return n;
}

static inline const ht_record *last(const world *w, ht_record_kind kind)
{
    for (size_t i = w->n_records; i > 0; i--)
        if (w->records[i - 1].kind == kind)
            return &w->records[i - 1];
    CU_FAIL_FATAL("no such record");
    return NULL;
}

static inline const ht_ledger_line *line(const world *w)
{
    return &last(w, HT_RECORD_LEDGER)->as.ledger;
}

static inline ht_coordinator_view view(const world *w)
{
    ht_coordinator_view v;
    ht_coordinator_peek(w->c, &v);
    return v;
}

#endif
