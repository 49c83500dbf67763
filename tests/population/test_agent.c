/* tests/population/test_agent.c - whole runs: every mode, and a coordinator that falls silent. */
#include "cases.h"

#include "population/agent_world.h"

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
      CASE(replay_applies_what_stayed_in_force), CASE(a_silent_coordinator_costs_one_bounded_wait),
      CASE(an_unjudged_change_does_not_outlive_the_coordinator),
      CASE(nobody_there_at_the_start_leaves_the_training_alone),
      CASE(a_non_finite_batch_loss_blocks_the_next_mutation),
      CASE(warnings_reach_training_and_coordinator))
