/* tests/population/test_agent.c - agents and a coordinator in one process: whole runs of a made-up training.
 *
 * The training has a learning rate and a loss that says how far it is from 0.01, in its logarithm: so a
 * mutation is good iff it goes there. Messages go over at once; time is a counter. */
#include "cases.h"

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

static void drain(world *w)
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

static ht_status link_send(void *ctx, const void *bytes, size_t n, ht_error *err)
{
    training *t = ctx;
    (void)err;
    if (t->w->mute)
        return HT_OK;
    ht_status st = ht_coordinator_receive(t->w->c, t->w->now, t->replica, bytes, n);
    drain(t->w);
    return st;
}

static ht_status link_receive(void *ctx, double timeout_s, ht_bytes *out, ht_error *err)
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

static ht_status set_lr(void *ctx, const ht_value *value, const ht_env *env, ht_error *err)
{
    (void)env;
    (void)err;
    ((training *)ctx)->lr = value->scalar.number;
    return HT_OK;
}

static void warn(void *ctx, const char *text)
{
    training *t = ctx;
    t->warnings++;
    snprintf(t->warning, sizeof t->warning, "%s", text);
}

static void set_up(world *w, int replica, bool with_knob)
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

static world *world_with(int n, ht_coordinator_options o, bool with_knob)
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

static world *world_of(int n, ht_mode mode)
{
    world *w = world_with(n, (ht_coordinator_options){.mode = mode}, true);
    for (int i = 0; i < n; i++)
        CU_ASSERT_EQUAL_FATAL(ht_agent_begin(w->at[i].agent, NULL), HT_OK);
    return w;
}

static void end(world *w)
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

static ht_env env_of(const training *t)
{
    return (ht_env){.step = t->step,
                    .epoch = (double)t->step / STEPS,
                    .max_steps = 1000,
                    .loss = t->batch_loss,
                    .phase = "train"};
}

static void train(training *t)
{
    for (int i = 0; i < STEPS; i++) {
        t->step++;
        ht_env env = env_of(t);
        if (ht_agent_watches_batches(t->agent))
            CU_ASSERT_EQUAL(ht_agent_event(t->agent, HT_TRAIN_BATCH_END, &env, NULL), HT_OK);
    }
    t->loss = 1 + fabs(log(t->lr / .01));
}

static void validate(training *t)
{
    ht_env env = env_of(t);
    ht_metrics_set(t->metrics, "val/loss", t->loss, NULL);
    ht_metrics_set(t->metrics, "lr", t->lr, NULL);
    t->w->now += 1;
    CU_ASSERT_EQUAL(ht_agent_event(t->agent, HT_VAL_EPOCH_END, &env, NULL), HT_OK);
}

static void epochs(training *t, int n)
{
    for (int i = 0; i < n; i++) {
        train(t);
        validate(t);
    }
}

static void operate(world *w, const char *body)
{
    ht_operation o = {.command_end = -1};
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(body, &o.body, NULL, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_coordinator_operate(w->c, w->now, &o), HT_OK);
    drain(w);
}

/* ---- what came out ---------------------------------------------------------------------------- */

static size_t count(const world *w, ht_record_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n_records; i++)
        n += w->records[i].kind == kind;
    return n;
}

static size_t mutations(const world *w, ht_mutation_status status)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n_records; i++)
        n += w->records[i].kind == HT_RECORD_MUTATION && w->records[i].as.mutation.status == status;
    return n;
}

static const ht_record *last(const world *w, ht_record_kind kind)
{
    for (size_t i = w->n_records; i > 0; i--)
        if (w->records[i - 1].kind == kind)
            return &w->records[i - 1];
    CU_FAIL_FATAL("no such record");
    return NULL;
}

static const ht_ledger_line *line(const world *w)
{
    return &last(w, HT_RECORD_LEDGER)->as.ledger;
}

static ht_coordinator_view view(const world *w)
{
    ht_coordinator_view v;
    ht_coordinator_peek(w->c, &v);
    return v;
}

/* ---- whole runs ------------------------------------------------------------------------------- */

static void a_run_tunes_and_leaves_a_complete_account(void)
{
    world *w = world_of(1, HT_MODE_ACTIVE);
    training *t = &w->at[0];
    epochs(t, 60);
    ht_agent_result(t->agent, t->loss, t->loss + .1);
    CU_ASSERT_EQUAL(ht_agent_close(t->agent, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_agent_close(t->agent, NULL), HT_OK);
    CU_ASSERT_TRUE(ht_coordinator_is_done(w->c));
    CU_ASSERT_EQUAL(count(w, HT_RECORD_WINDOW), 60);
    CU_ASSERT_TRUE(mutations(w, HT_MUTATION_APPLIED) > 20);
    CU_ASSERT_EQUAL(count(w, HT_RECORD_SEGMENT), mutations(w, HT_MUTATION_APPLIED));
    CU_ASSERT_TRUE(mutations(w, HT_MUTATION_ACCEPTED) > 0);
    CU_ASSERT_TRUE(mutations(w, HT_MUTATION_ROLLED_BACK) > 0);
    CU_ASSERT_EQUAL(view(w).open, 0);
    CU_ASSERT_EQUAL(view(w).result_val, t->loss);
    CU_ASSERT_TRUE(view(w).was_on);
    CU_ASSERT_TRUE(t->lr > .003 && t->lr < .03);        /* it found 0.01 from 0.001 */
    CU_ASSERT_EQUAL(t->waits, 0);
    end(w);
}

static void the_last_segment_comes_with_the_farewell(void)
{
    world *w = world_of(1, HT_MODE_ACTIVE);
    epochs(&w->at[0], 1);
    CU_ASSERT_EQUAL(view(w).open, 1);
    train(&w->at[0]);
    ht_metrics_set(w->at[0].metrics, "val/loss", w->at[0].loss, NULL);
    CU_ASSERT_EQUAL(ht_agent_close(w->at[0].agent, NULL), HT_OK);
    CU_ASSERT_EQUAL(count(w, HT_RECORD_SEGMENT), 1);
    CU_ASSERT_TRUE(last(w, HT_RECORD_SEGMENT)->as.closed.segment.early);
    CU_ASSERT_EQUAL(view(w).open, 0);
    end(w);
}

static void two_replicas_learn_together_with_own_streaks(void)
{
    world *w = world_of(2, HT_MODE_ACTIVE);
    for (int i = 0; i < 10; i++)
        for (int k = 0; k < 2; k++)
            epochs(&w->at[k], 1);
    CU_ASSERT_EQUAL(ht_posterior_count(view(w).posterior), count(w, HT_RECORD_SEGMENT));
    CU_ASSERT_TRUE(count(w, HT_RECORD_SEGMENT) > 8);
    unsigned long highest = 0;
    for (size_t i = 0; i < w->n_records; i++)
        if (w->records[i].kind == HT_RECORD_MUTATION &&
            w->records[i].as.mutation.status == HT_MUTATION_APPLIED)
            CU_ASSERT_EQUAL(w->records[i].as.mutation.number, ++highest); /* no number twice, none left out */
    CU_ASSERT_EQUAL(highest, mutations(w, HT_MUTATION_APPLIED));
    end(w);
}

static void the_same_seed_gives_the_same_run(void)
{
    double lr[2];
    for (int i = 0; i < 2; i++) {
        world *w = world_of(1, HT_MODE_ACTIVE);
        epochs(&w->at[0], 30);
        lr[i] = w->at[0].lr;
        end(w);
    }
    CU_ASSERT_EQUAL(lr[0], lr[1]);
}

/* ---- modes ------------------------------------------------------------------------------------ */

static void suggest_writes_and_changes_nothing(void)
{
    world *w = world_of(1, HT_MODE_SUGGEST);
    epochs(&w->at[0], 5);
    CU_ASSERT_EQUAL(mutations(w, HT_MUTATION_SUGGESTED), 5);
    CU_ASSERT_EQUAL(count(w, HT_RECORD_SEGMENT), 0);
    CU_ASSERT_EQUAL(w->at[0].lr, .001);
    end(w);
}

static void observe_writes_windows_only(void)
{
    world *w = world_of(1, HT_MODE_OBSERVE);
    epochs(&w->at[0], 5);
    CU_ASSERT_EQUAL(count(w, HT_RECORD_WINDOW), 5);
    CU_ASSERT_EQUAL(count(w, HT_RECORD_MUTATION), 0);
    CU_ASSERT_EQUAL(view(w).best, w->at[0].loss);
    end(w);
}

static void off_reports_and_writes_nothing_until_it_is_switched_on(void)
{
    world *w = world_of(1, HT_MODE_OFF);
    epochs(&w->at[0], 3);
    CU_ASSERT_FALSE(ht_agent_watches_batches(w->at[0].agent));
    CU_ASSERT_EQUAL(count(w, HT_RECORD_WINDOW), 0);
    CU_ASSERT_EQUAL(view(w).step, 3 * STEPS);
    CU_ASSERT_FALSE(view(w).was_on);
    operate(w, "{\"module\":\"tune\",\"op\":\"enable\"}");
    epochs(&w->at[0], 2);
    CU_ASSERT_TRUE(ht_agent_watches_batches(w->at[0].agent));
    CU_ASSERT_EQUAL(view(w).mode, HT_MODE_ACTIVE);
    CU_ASSERT_TRUE(view(w).was_on);
    CU_ASSERT_TRUE(mutations(w, HT_MUTATION_APPLIED) > 0);
    end(w);
}

static void replay_applies_what_stayed_in_force(void)
{
    const char *log =
        "{\"mutation_id\":\"m_00001\",\"step\":10,\"actuator\":\"opt\",\"phase_bin\":\"early\","
        "\"patch\":{\"op\":\"lr_mult\",\"value\":0.5},\"status\":\"accepted\"}\n"
        "{\"mutation_id\":\"m_00002\",\"step\":10,\"actuator\":\"opt\",\"phase_bin\":\"early\","
        "\"patch\":{\"op\":\"lr_mult\",\"value\":0.9},\"status\":\"rolled_back\"}\n"
        "{\"mutation_id\":\"m_00003\",\"step\":9000,\"actuator\":\"opt\",\"phase_bin\":\"late\","
        "\"patch\":{\"op\":\"lr_mult\",\"value\":0.1},\"status\":\"applied\"}\n";
    world *w = world_with(1, (ht_coordinator_options){.mode = HT_MODE_REPLAY, .replay = log}, true);
    CU_ASSERT_EQUAL_FATAL(ht_agent_begin(w->at[0].agent, NULL), HT_OK);
    epochs(&w->at[0], 4);
    CU_ASSERT_DOUBLE_EQUAL(w->at[0].lr, .0005, 1e-12);
    CU_ASSERT_EQUAL(mutations(w, HT_MUTATION_APPLIED), 1);
    CU_ASSERT_EQUAL(view(w).open, 0);
    ht_agent_close(w->at[0].agent, NULL);
    CU_ASSERT_EQUAL(view(w).replay_missed, 1);
    end(w);
}

/* ---- from outside ----------------------------------------------------------------------------- */

static void a_command_acts_at_the_next_safe_point(void)
{
    world *w = world_of(1, HT_MODE_OBSERVE);
    training *t = &w->at[0];
    epochs(t, 1);
    operate(
        w,
        "{\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"key\":\"lr\",\"value\":0.5},\"id\":\"a\"}");
    train(t);
    CU_ASSERT_EQUAL(t->lr, .001);
    CU_ASSERT_EQUAL(count(w, HT_RECORD_LEDGER), 0);
    validate(t);
    CU_ASSERT_EQUAL(t->lr, .5);
    CU_ASSERT_EQUAL(line(w)->decision, HT_LEDGER_APPLIED);
    CU_ASSERT_EQUAL(line(w)->step, 2 * STEPS);
    CU_ASSERT_STRING_EQUAL(line(w)->event, "val_epoch_end");
    CU_ASSERT_STRING_EQUAL(line(w)->phase, "train");
    CU_ASSERT_EQUAL(ht_json_number(line(w)->payload, "lr", 0), .5);
    CU_ASSERT_PTR_NOT_NULL(strstr(last(w, HT_RECORD_CONTROLS)->as.controls, "\"current\":0.5"));
    end(w);
}

static void disable_rolls_back_what_is_not_judged(void)
{
    world *w = world_of(1, HT_MODE_ACTIVE);
    epochs(&w->at[0], 1);
    CU_ASSERT_NOT_EQUAL(w->at[0].lr, .001);
    operate(w, "{\"module\":\"tune\",\"op\":\"disable\"}");
    epochs(&w->at[0], 1);
    CU_ASSERT_EQUAL(w->at[0].lr, .001);
    CU_ASSERT_EQUAL(last(w, HT_RECORD_SEGMENT)->as.closed.segment.decision, HT_DECISION_INCONCLUSIVE);
    CU_ASSERT_EQUAL(last(w, HT_RECORD_SEGMENT)->as.closed.segment.end_step, 2 * STEPS);
    CU_ASSERT_EQUAL(view(w).mode, HT_MODE_OFF);
    CU_ASSERT_EQUAL(view(w).open, 0);
    end(w);
}

static void a_setting_holds_for_replica_and_coordinator(void)
{
    world *w = world_of(1, HT_MODE_OBSERVE);
    operate(w, "{\"module\":\"tune\",\"op\":\"set\",\"params\":{\"acceptance.epsilon\":0.125}}");
    operate(w, "{\"module\":\"tune\",\"op\":\"set\",\"params\":{\"acceptance.epsilom\":1}}");
    epochs(&w->at[0], 1);
    ht_tuner_state state;
    ht_agent_peek(w->at[0].agent, &state);
    CU_ASSERT_EQUAL(state.recipe->acceptance.epsilon, .125);
    CU_ASSERT_EQUAL(view(w).recipe->acceptance.epsilon, .125);
    CU_ASSERT_EQUAL(count(w, HT_RECORD_RECIPE), 1);
    CU_ASSERT_EQUAL(line(w)->decision, HT_LEDGER_FAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(line(w)->error, "invalid_recipe: acceptance.epsilom"));
    end(w);
}

static void status_tells_run_wide_numbers(void)
{
    world *w = world_of(2, HT_MODE_ACTIVE);
    epochs(&w->at[1], 1);
    epochs(&w->at[0], 1);
    operate(w, "{\"module\":\"tune\",\"op\":\"status\"}");
    epochs(&w->at[1], 1);
    double made = (double)mutations(w, HT_MUTATION_APPLIED);
    epochs(&w->at[0], 1);
    CU_ASSERT_EQUAL(line(w)->decision, HT_LEDGER_APPLIED);
    CU_ASSERT_STRING_EQUAL(ht_json_text(line(w)->payload, "active_mutation"), "m_00002");
    CU_ASSERT_EQUAL(ht_json_number(line(w)->payload, "mutation_counter", 0), made);
    end(w);
}

static void ends_as(const char *body, ht_ledger_decision decision, const char *error, const char *notes)
{
    world *w = world_of(1, HT_MODE_OBSERVE);
    operate(w, body);
    epochs(&w->at[0], 1);
    CU_ASSERT_EQUAL(line(w)->decision, decision);
    CU_ASSERT_STRING_EQUAL(line(w)->error, error);
    CU_ASSERT_STRING_EQUAL(line(w)->notes, notes);
    end(w);
}

static void each_fault_of_a_knob_command_is_named(void)
{
    ends_as(
        "{\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"lr\":0.1,\"wd\":1,\"id\":\"x\",\"a\":null}}",
        HT_LEDGER_APPLIED, "", "wd:unknown_param");
    ends_as("{\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"lr\":5}}", HT_LEDGER_FAILED,
            "lr:invalid:above_max", "");
    ends_as("{\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"lr\":\"x\",\"wd\":1}}", HT_LEDGER_FAILED,
            "lr:invalid:type; wd:unknown_param", "");
    ends_as("{\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"opt_idx\":1,\"lr\":0.1}}",
            HT_LEDGER_FAILED, "lr:unknown_param", "");
    ends_as("{\"module\":\"opt\",\"op\":\"set_params\"}", HT_LEDGER_FAILED, "no_params", "");
    ends_as("{\"module\":\"opt\",\"op\":\"disable\",\"id\":\"lr\"}", HT_LEDGER_APPLIED, "", "");
    ends_as("{\"module\":\"opt\",\"op\":\"disable\",\"params\":{\"key\":\"no\"}}", HT_LEDGER_FAILED,
            "unknown_param", "");
    ends_as("{\"module\":\"opt\",\"op\":\"polish\"}", HT_LEDGER_IGNORED, "", "unknown_op:polish");
}

static void without_knobs_there_is_nothing_to_set(void)
{
    world *w = world_with(1, (ht_coordinator_options){.mode = HT_MODE_OFF}, false);
    CU_ASSERT_EQUAL_FATAL(ht_agent_begin(w->at[0].agent, NULL), HT_OK);
    operate(w, "{\"module\":\"loss\",\"op\":\"set_params\",\"params\":{\"aux\":1}}");
    epochs(&w->at[0], 1);
    CU_ASSERT_STRING_EQUAL(line(w)->error, "no_mutable_state");
    end(w);
}

static void knobs_are_verified_at_decision_points(void)
{
    world *w = world_of(1, HT_MODE_OBSERVE);
    ht_knob_view v;
    operate(w, "{\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"lr\":0.1}}");
    epochs(&w->at[0], 1);
    ht_knobs_find(w->at[0].knobs, "lr", &v);
    CU_ASSERT_EQUAL(v.state, HT_KNOB_UNVERIFIED);       /* its metric was read before the command */
    epochs(&w->at[0], 1);
    ht_knobs_find(w->at[0].knobs, "lr", &v);
    CU_ASSERT_EQUAL(v.state, HT_KNOB_VERIFIED);
    end(w);
}

static void stop_reaches_the_training_at_its_next_safe_point(void)
{
    world *w = world_of(1, HT_MODE_ACTIVE);
    epochs(&w->at[0], 1);
    ht_coordinator_stop(w->c);
    train(&w->at[0]);
    CU_ASSERT_FALSE(ht_agent_should_stop(w->at[0].agent));
    validate(&w->at[0]);
    CU_ASSERT_TRUE(ht_agent_should_stop(w->at[0].agent));
    CU_ASSERT_EQUAL(mutations(w, HT_MUTATION_APPLIED), 1);
    end(w);
}

/* ---- freeze modes ----------------------------------------------------------------------------- */

static void frozen_means_judged_and_nothing_new(void)
{
    world *w = world_of(1, HT_MODE_ACTIVE);
    epochs(&w->at[0], 1);
    operate(w, "{\"module\":\"core\",\"op\":\"freeze\",\"mode\":\"prod\"}");
    epochs(&w->at[0], 3);
    CU_ASSERT_EQUAL(mutations(w, HT_MUTATION_APPLIED), 1);
    CU_ASSERT_EQUAL(count(w, HT_RECORD_SEGMENT), 1);
    operate(w, "{\"module\":\"core\",\"op\":\"unfreeze\"}");
    epochs(&w->at[0], 2);
    CU_ASSERT_TRUE(mutations(w, HT_MUTATION_APPLIED) > 1);
    end(w);
}

static const char list_text[] =
    "{\"at\":{\"step\":7,\"event\":\"train_batch_end\"},\"module\":\"opt\",\"op\":\"set_params\","
    "\"params\":{\"lr\":0.25}}\n"
    "{\"at\":{\"step\":10,\"event\":\"val_epoch_end\"},\"module\":\"tune\",\"op\":\"mutate\","
    "\"params\":{\"actuator\":\"opt\",\"patch\":{\"op\":\"lr_mult\",\"value\":2.0}}}\n"
    "{\"at\":{\"step\":8000},\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"lr\":0.1}}\n";

static world *world_of_list(bool strict)
{
    world *w = world_with(
        1,
        (ht_coordinator_options){
            .mode = HT_MODE_ACTIVE,
            .freeze = {.mode = HT_FREEZE_REPLAY, .strict = strict, .recipe_path = "l", .list = list_text}},
        true);
    CU_ASSERT_EQUAL_FATAL(ht_agent_begin(w->at[0].agent, NULL), HT_OK);
    CU_ASSERT_TRUE(ht_agent_acts_on_batches(w->at[0].agent));
    return w;
}

static void an_operation_list_fires_at_its_steps_and_events(void)
{
    world *w = world_of_list(false);
    training *t = &w->at[0];
    epochs(t, 1);
    CU_ASSERT_EQUAL(t->lr, .001);
    train(t);
    CU_ASSERT_EQUAL(t->lr, .25);
    CU_ASSERT_EQUAL(line(w)->step, 7);
    CU_ASSERT_EQUAL(line(w)->source, HT_FROM_REPLAY);
    CU_ASSERT_STRING_EQUAL(line(w)->event, "train_batch_end");
    validate(t);
    CU_ASSERT_EQUAL(t->lr, .5);
    CU_ASSERT_STRING_EQUAL(line(w)->op, "mutate");
    CU_ASSERT_EQUAL(line(w)->decision, HT_LEDGER_APPLIED);
    CU_ASSERT_EQUAL(last(w, HT_RECORD_MUTATION)->as.mutation.step, 10);
    CU_ASSERT_EQUAL(last(w, HT_RECORD_MUTATION)->as.mutation.source, HT_SOURCE_REPLAY);
    CU_ASSERT_EQUAL(ht_agent_close(t->agent, NULL), HT_OK);
    CU_ASSERT_EQUAL(line(w)->decision, HT_LEDGER_FAILED);
    CU_ASSERT_STRING_EQUAL(line(w)->error, "missed_step:8000:train_step_end");
    CU_ASSERT_STRING_EQUAL(line(w)->notes, "best_effort_missed");
    CU_ASSERT_EQUAL(count(w, HT_RECORD_LEDGER), 3);
    end(w);
}

static void a_strict_list_makes_the_close_fail(void)
{
    world *w = world_of_list(true);
    ht_error err = {""};
    epochs(&w->at[0], 3);
    CU_ASSERT_EQUAL(ht_agent_close(w->at[0].agent, &err), HT_EFAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "1 entries of the operation list were missed"));
    CU_ASSERT_STRING_EQUAL(line(w)->notes, "strict_policy_missed");
    CU_ASSERT_TRUE(ht_coordinator_is_done(w->c));
    end(w);
}

static void core_in_a_list_is_carried_out_by_the_coordinator(void)
{
    const char *list =
        "{\"at\":{\"step\":5,\"event\":\"val_epoch_end\"},\"module\":\"core\",\"op\":\"unfreeze\"}\n";
    world *w = world_with(1, (ht_coordinator_options){.mode = HT_MODE_ACTIVE,
                                                      .freeze = {.mode = HT_FREEZE_REPLAY, .recipe_path = "l",
                                                                 .list = list}}, true);
    CU_ASSERT_EQUAL_FATAL(ht_agent_begin(w->at[0].agent, NULL), HT_OK);
    epochs(&w->at[0], 1);
    CU_ASSERT_EQUAL(last(w, HT_RECORD_FREEZE)->as.freeze.mode, HT_FREEZE_OFF);
    CU_ASSERT_EQUAL(line(w)->decision, HT_LEDGER_APPLIED);
    CU_ASSERT_EQUAL(mutations(w, HT_MUTATION_APPLIED), 0);
    epochs(&w->at[0], 1);
    CU_ASSERT_EQUAL(mutations(w, HT_MUTATION_APPLIED), 1);
    end(w);
}

/* ---- silence ---------------------------------------------------------------------------------- */

static void a_silent_coordinator_costs_one_bounded_wait(void)
{
    world *w = world_of(1, HT_MODE_ACTIVE);
    training *t = &w->at[0];
    epochs(t, 1);
    w->mute = true;
    epochs(t, 5);
    CU_ASSERT_EQUAL(t->waits, 1);
    CU_ASSERT_EQUAL(t->warnings, 1);
    CU_ASSERT_STRING_EQUAL(t->warning, "the coordinator cannot be reached or did not answer within 2 s: "
                                       "the training goes on untuned");
    CU_ASSERT_FALSE(ht_agent_watches_batches(t->agent));
    w->mute = false;
    CU_ASSERT_EQUAL(ht_agent_close(t->agent, NULL), HT_OK);
    CU_ASSERT_TRUE(ht_coordinator_is_done(w->c));       /* it says good-bye all the same, with the verdict */
    CU_ASSERT_EQUAL(count(w, HT_RECORD_SEGMENT), 1);
    CU_ASSERT_EQUAL(view(w).open, 0);
    end(w);
}

static void an_unjudged_change_does_not_outlive_the_coordinator(void)
{
    world *w = world_of(1, HT_MODE_ACTIVE);
    training *t = &w->at[0];
    operate(w, "{\"module\":\"tune\",\"op\":\"set\",\"params\":{\"acceptance.horizon\":\"val_epochs:3\"}}");
    epochs(t, 1);
    CU_ASSERT_NOT_EQUAL(t->lr, .001);
    w->mute = true;
    epochs(t, 1);
    CU_ASSERT_EQUAL(t->lr, .001);
    end(w);
}

static void nobody_there_at_the_start_leaves_the_training_alone(void)
{
    world *w = world_with(1, (ht_coordinator_options){.mode = HT_MODE_ACTIVE}, true);
    training *t = &w->at[0];
    ht_error err = {""};
    w->mute = true;
    CU_ASSERT_EQUAL(ht_agent_begin(t->agent, &err), HT_ETIMEOUT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "the coordinator does not answer within 2 s"));
    epochs(t, 3);
    CU_ASSERT_EQUAL(t->waits, 1);
    CU_ASSERT_EQUAL(t->lr, .001);
    CU_ASSERT_EQUAL(ht_agent_replica(t->agent), -1);
    w->mute = false;            /* it was only late: it must not wait for this replica */
    CU_ASSERT_EQUAL(ht_agent_close(t->agent, NULL), HT_OK);
    CU_ASSERT_TRUE(ht_coordinator_is_done(w->c));
    end(w);
}

static void a_non_finite_batch_loss_blocks_the_next_mutation(void)
{
    world *w = world_of(1, HT_MODE_ACTIVE);
    training *t = &w->at[0];
    t->batch_loss = NAN;
    train(t);
    t->batch_loss = 1;
    validate(t);
    CU_ASSERT_EQUAL(mutations(w, HT_MUTATION_APPLIED), 0);
    CU_ASSERT_STRING_EQUAL(last(w, HT_RECORD_WINDOW)->as.window.blockers.code[0], "nan_or_inf_loss");
    epochs(t, 1);
    CU_ASSERT_EQUAL(mutations(w, HT_MUTATION_APPLIED), 1);
    end(w);
}

static void warnings_reach_training_and_coordinator(void)
{
    world *w = world_of(1, HT_MODE_ACTIVE);
    training *t = &w->at[0];
    ht_env env = env_of(t);
    ht_agent_event(t->agent, HT_VAL_EPOCH_END, &env, NULL);    /* no metric was ever reported */
    CU_ASSERT_EQUAL(t->warnings, 1);
    cJSON *live = ht_coordinator_live(w->c);
    CU_ASSERT_STRING_EQUAL(cJSON_GetArrayItem(ht_json_member(live, "warnings"), 0)->valuestring, t->warning);
    cJSON_Delete(live);
    end(w);
}

CASES("agent", CASE(a_run_tunes_and_leaves_a_complete_account),
      CASE(the_last_segment_comes_with_the_farewell), CASE(two_replicas_learn_together_with_own_streaks),
      CASE(the_same_seed_gives_the_same_run), CASE(suggest_writes_and_changes_nothing),
      CASE(observe_writes_windows_only), CASE(off_reports_and_writes_nothing_until_it_is_switched_on),
      CASE(replay_applies_what_stayed_in_force), CASE(a_command_acts_at_the_next_safe_point),
      CASE(disable_rolls_back_what_is_not_judged), CASE(a_setting_holds_for_replica_and_coordinator),
      CASE(status_tells_run_wide_numbers), CASE(each_fault_of_a_knob_command_is_named),
      CASE(without_knobs_there_is_nothing_to_set), CASE(knobs_are_verified_at_decision_points),
      CASE(stop_reaches_the_training_at_its_next_safe_point), CASE(frozen_means_judged_and_nothing_new),
      CASE(an_operation_list_fires_at_its_steps_and_events), CASE(a_strict_list_makes_the_close_fail),
      CASE(core_in_a_list_is_carried_out_by_the_coordinator),
      CASE(a_silent_coordinator_costs_one_bounded_wait),
      CASE(an_unjudged_change_does_not_outlive_the_coordinator),
      CASE(nobody_there_at_the_start_leaves_the_training_alone),
      CASE(a_non_finite_batch_loss_blocks_the_next_mutation), CASE(warnings_reach_training_and_coordinator))
