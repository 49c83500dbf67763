/* tests/population/test_coordinator.c - reports and silence in; proposals, numbers and records out. */
#include "cases.h"

#include "population/coordinator_stage.h"

/* ---- reports ---------------------------------------------------------------------------------- */

static void a_replica_is_welcomed_with_recipe_and_mode(void)
{
    stage *s = stage_of(2, "elastic");
    hello(s, 1);
    CU_ASSERT_EQUAL(s->n_welcomes, 1);
    CU_ASSERT_EQUAL(s->mode, HT_MODE_ACTIVE);
    CU_ASSERT_PTR_NOT_NULL(strstr(s->recipe, "lr_mult"));
    CU_ASSERT_TRUE(was_said(s, "replica 1 joined"));
    end(s);
}

static void a_report_that_asks_gets_a_proposal_inside_the_bounds(void)
{
    stage *s = stage_of(1, "elastic");
    hello(s, 0);
    report(s, 0, 1, .5, 0, 0);
    CU_ASSERT_EQUAL(s->n_directives[0], 1);
    CU_ASSERT_EQUAL(s->directive.decision, 1);
    CU_ASSERT_TRUE(s->directive.has_proposal);
    CU_ASSERT_EQUAL(s->directive.proposal.source, HT_SOURCE_RANDOM);
    CU_ASSERT_STRING_EQUAL(s->directive.proposal.actuator, "opt");
    CU_ASSERT_FALSE(s->directive.stop);
    end(s);
}

static void verdicts_are_learned_from_and_counted(void)
{
    stage *s = stage_of(1, "elastic");
    hello(s, 0);
    for (unsigned long d = 1; d <= 4; d++) {
        report(s, 0, d, .5, d - 1, d % 2 == 0 ? HT_DECISION_ACCEPTED : HT_DECISION_ROLLED_BACK);
        outcome(s, 0, d, d);
    }
    CU_ASSERT_EQUAL(ht_posterior_count(view(s).posterior), 3);
    CU_ASSERT_EQUAL(view(s).statistics->by_decision[HT_DECISION_ACCEPTED], 2);
    CU_ASSERT_EQUAL(view(s).statistics->by_decision[HT_DECISION_ROLLED_BACK], 1);
    CU_ASSERT_EQUAL(view(s).open, 1);
    CU_ASSERT_EQUAL(s->directive.proposal.source, HT_SOURCE_TPE);   /* after 2 start-up trials */
    end(s);
}

static void numbers_are_run_wide_and_go_on_after_earlier_runs(void)
{
    stage *s = stage_with(
        (ht_coordinator_options){
            .n_replicas = 2, .mode = HT_MODE_ACTIVE, .first_mutation = 40, .first_segment = 30},
        "elastic");
    hello(s, 0);
    hello(s, 1);
    report(s, 1, 1, .5, 0, 0);
    outcome(s, 1, 1, 1);
    report(s, 0, 1, .5, 0, 0);
    outcome(s, 0, 1, 1);
    report(s, 0, 2, .4, 1, HT_DECISION_ACCEPTED);
    report(s, 1, 2, .4, 1, HT_DECISION_ROLLED_BACK);
    const ht_record *first = record(s, HT_RECORD_MUTATION, 0), *second = record(s, HT_RECORD_MUTATION, 1);
    CU_ASSERT_EQUAL(first->as.mutation.number, 41);
    CU_ASSERT_EQUAL(first->as.mutation.replica, 1);
    CU_ASSERT_EQUAL(second->as.mutation.number, 42);
    CU_ASSERT_EQUAL(second->as.mutation.replica, 0);
    const ht_record *window = record(s, HT_RECORD_WINDOW, 1);
    CU_ASSERT_EQUAL(window->as.window.active, 42);
    const ht_record *closed = record(s, HT_RECORD_SEGMENT, 0);
    CU_ASSERT_EQUAL(closed->as.closed.segment.number, 31);
    CU_ASSERT_EQUAL(closed->as.closed.segment.mutation, 42);
    CU_ASSERT_EQUAL(closed->as.closed.segment.replica, 0);
    CU_ASSERT_EQUAL(closed->as.closed.mutation.status, HT_MUTATION_ACCEPTED);
    closed = record(s, HT_RECORD_SEGMENT, 1);
    CU_ASSERT_EQUAL(closed->as.closed.segment.number, 32);
    CU_ASSERT_EQUAL(closed->as.closed.mutation.number, 41);
    end(s);
}

static void a_segment_that_is_told_twice_counts_once(void)
{
    stage *s = stage_of(1, "elastic");
    hello(s, 0);
    report(s, 0, 1, .5, 0, 0);
    outcome(s, 0, 1, 1);
    report(s, 0, 2, .4, 1, HT_DECISION_ACCEPTED);
    report(s, 0, 3, .4, 1, HT_DECISION_ACCEPTED);
    CU_ASSERT_EQUAL(count(s, HT_RECORD_SEGMENT), 1);
    end(s);
}

static void the_best_reading_and_the_best_result_are_kept(void)
{
    stage *s = stage_of(2, "elastic");
    hello(s, 0);
    hello(s, 1);
    CU_ASSERT_FALSE(view(s).has_best);
    report(s, 0, 1, .5, 0, 0);
    report(s, 1, 2, .3, 0, 0);
    report(s, 0, 3, NAN, 0, 0);
    CU_ASSERT_EQUAL(view(s).best, .3);
    CU_ASSERT_EQUAL(view(s).best_replica, 1);
    CU_ASSERT_EQUAL(view(s).best_step, 200);
    CU_ASSERT_EQUAL(view(s).step, 300);
    CU_ASSERT_EQUAL(view(s).total_steps, 1000);
    bye(s, 1, .25);
    bye(s, 0, .35);
    CU_ASSERT_EQUAL(view(s).result_val, .25);
    CU_ASSERT_EQUAL(view(s).result_test, 1.25);
    CU_ASSERT_EQUAL(view(s).result_replica, 1);
    CU_ASSERT_TRUE(ht_coordinator_is_done(s->c));
    end(s);
}

static void the_same_seed_gives_a_replica_the_same_proposals_whoever_came_before(void)
{
    ht_value alone, later;
    stage *s = stage_of(2, "elastic");
    hello(s, 1);
    report(s, 1, 1, .5, 0, 0);
    alone = s->directive.proposal.patch.value;
    end(s);
    s = stage_of(2, "elastic");
    hello(s, 0);
    report(s, 0, 1, .5, 0, 0);
    hello(s, 1);
    report(s, 1, 1, .5, 0, 0);
    later = s->directive.proposal.patch.value;
    CU_ASSERT_EQUAL(alone.scalar.number, later.scalar.number);
    end(s);
}

/* ---- barrier ---------------------------------------------------------------------------------- */

static void a_round_waits_for_all(void)
{
    stage *s = stage_of(3, "barrier");
    for (int i = 2; i >= 0; i--)
        hello(s, i);
    CU_ASSERT_EQUAL(s->n_welcomes, 3);
    report(s, 2, 1, .5, 0, 0);
    report(s, 0, 1, .5, 0, 0);
    CU_ASSERT_EQUAL(s->n_directives[0] + s->n_directives[2], 0);
    CU_ASSERT_EQUAL(count(s, HT_RECORD_ARRIVAL), 0);
    report(s, 1, 1, .5, 0, 0);
    CU_ASSERT_EQUAL(s->n_directives[0] + s->n_directives[1] + s->n_directives[2], 3);
    CU_ASSERT_EQUAL(record(s, HT_RECORD_ARRIVAL, 0)->as.arrival.replica, 0);
    end(s);
}

static void print_record(ht_string *t, const ht_record *r)
{
    switch (r->kind) {
    case HT_RECORD_MUTATION:
        ht_string_add(t, "m %lu %d %d\n", r->as.mutation.number, r->as.mutation.replica,
                      (int)r->as.mutation.status);
        break;
    case HT_RECORD_SEGMENT:
        ht_string_add(t, "s %lu %lu %d\n", r->as.closed.segment.number, r->as.closed.segment.mutation,
                      r->as.closed.segment.replica);
        break;
    case HT_RECORD_WINDOW:
        ht_string_add(t, "w %d %lu\n", r->as.window.replica, r->as.window.active);
        break;
    case HT_RECORD_EVENT:
        ht_string_add(t, "e %s\n", r->as.event);
        break;
    case HT_RECORD_ARRIVAL:
        ht_string_add(t, "a %d %d\n", r->as.arrival.replica, (int)r->as.arrival.kind);
        break;
    default:
        ht_string_add(t, "kind %d\n", (int)r->kind);
        break;
    }
}

enum { N = 4, ROUNDS = 12 };

/* What each replica does next: 0 = HELLO, 2d-1 = REPORT of decision d, 2d = OUTCOME; then BYE. Each waits for
 * its DIRECTIVE only, in whatever order the numbers say. */
static char *run_in_order_of(uint64_t seed)
{
    stage *s = stage_of(N, "barrier");
    ht_random random = ht_random_stream(seed, HT_RANDOM_TEST, 0, 0);
    int next[N] = {0}, left = N * (2 * ROUNDS + 2);
    while (left > 0) {
        int i = (int)ht_random_below(&random, N);
        unsigned long d = (unsigned long)(next[i] + 1) / 2;
        if (next[i] > 2 * ROUNDS + 1 || (next[i] > 0 && next[i] % 2 == 0 && s->n_directives[i] < d))
            continue;
        if (next[i] == 0)
            hello(s, i);
        else if (next[i] == 2 * ROUNDS + 1)
            bye(s, i, .1 * i);
        else if (next[i] % 2 == 1)
            report(s, i, d, 1. / (double)d + i, d - 1,
                   (d + (unsigned long)i) % 3 == 0 ? HT_DECISION_ACCEPTED : HT_DECISION_ROLLED_BACK);
        else
            outcome(s, i, d, d);
        next[i]++;
        left--;
    }
    CU_ASSERT_TRUE(ht_coordinator_is_done(s->c));
    ht_coordinator_finish(s->c, s->now);
    drain(s);
    ht_string t = {0};
    for (size_t i = 0; i < s->n_records; i++)
        print_record(&t, &s->records[i]);
    ht_string_add(&t, "%s", ht_string_peek(&s->directives));
    end(s);
    return ht_string_take(&t);
}

static void the_order_of_arrival_changes_nothing(void)
{
    char *first = run_in_order_of(1);
    CU_ASSERT_PTR_NOT_NULL(strstr(first, "s 44 "));     /* all rounds were run */
    for (uint64_t seed = 2; seed < 12; seed++) {
        char *other = run_in_order_of(seed);
        CU_ASSERT_STRING_EQUAL(first, other);
        free(other);
    }
    free(first);
}

static void a_round_goes_on_without_a_lost_replica(void)
{
    stage *s = stage_of(2, "barrier");
    hello(s, 0);
    hello(s, 1);
    s->now = 1;
    report(s, 0, 1, .5, 0, 0);
    report(s, 1, 1, .5, 0, 0);
    outcome(s, 1, 1, 1);
    s->now = 5;
    report(s, 0, 2, .5, 0, 0);
    CU_ASSERT_EQUAL(s->n_directives[0], 1);
    s->now = 30;
    CU_ASSERT_EQUAL(ht_coordinator_tick(s->c, s->now), HT_OK);
    drain(s);
    CU_ASSERT_EQUAL(s->n_directives[0], 2);     /* it waited for us and is not silent */
    CU_ASSERT_EQUAL(view(s).lost, 1);
    CU_ASSERT_EQUAL(record(s, HT_RECORD_SEGMENT, 0)->as.closed.segment.decision, HT_DECISION_LOST);
    end(s);
}

static void who_waits_for_a_round_hears_from_us_meanwhile(void)
{
    stage *s = stage_of(2, "barrier");
    hello(s, 0);
    hello(s, 1);
    s->now = 1;
    report(s, 0, 1, .5, 0, 0);
    CU_ASSERT_EQUAL(ht_coordinator_tick(s->c, 2), HT_OK);
    drain(s);
    CU_ASSERT_EQUAL(s->n_directives[0], 0);
    CU_ASSERT_EQUAL(ht_coordinator_tick(s->c, 3), HT_OK);
    drain(s);
    CU_ASSERT_EQUAL(s->n_directives[0], 1);
    CU_ASSERT_EQUAL(s->directive.decision, 0);      /* an answer to nothing: only a sign of life */
    CU_ASSERT_EQUAL(s->n_directives[1], 0);
    end(s);
}

/* ---- lost replicas ---------------------------------------------------------------------------- */

static void a_silent_replica_is_lost_not_rejected_and_the_others_go_on(void)
{
    stage *s = stage_of(2, "elastic");
    hello(s, 0);
    hello(s, 1);
    s->now = 1;
    report(s, 1, 1, .5, 0, 0);
    outcome(s, 1, 1, 1);
    s->now = 10;
    report(s, 0, 1, .5, 0, 0);
    ht_coordinator_tick(s->c, s->now);
    CU_ASSERT_EQUAL(view(s).lost, 0);
    s->now = 12;
    ht_coordinator_tick(s->c, s->now);
    drain(s);
    CU_ASSERT_EQUAL(view(s).lost, 1);
    CU_ASSERT_EQUAL(view(s).alive, 1);
    CU_ASSERT_EQUAL(view(s).open, 0);
    CU_ASSERT_TRUE(was_said(s, "replica 1 is lost"));
    CU_ASSERT_TRUE(was_news(s, "replica 1 is lost"));
    CU_ASSERT_TRUE(was_said(s, "replica 1 joined"));
    CU_ASSERT_FALSE(was_news(s, "replica 1 joined"));    /* every run has that */
    const ht_record *r = record(s, HT_RECORD_SEGMENT, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_EQUAL(r->as.closed.segment.decision, HT_DECISION_LOST);
    CU_ASSERT_EQUAL(r->as.closed.segment.mutation, 1);
    CU_ASSERT_FALSE(r->as.closed.segment.has_score);
    CU_ASSERT_EQUAL(*ht_readings_find(&r->as.closed.segment.pre, "val/loss"), .5);
    CU_ASSERT_EQUAL(r->as.closed.mutation.status, HT_MUTATION_APPLIED);
    CU_ASSERT_EQUAL(ht_posterior_count(view(s).posterior), 0);
    report(s, 0, 2, .5, 0, 0);
    CU_ASSERT_EQUAL(s->n_directives[0], 2);
    CU_ASSERT_EQUAL(view(s).epochs, 3);                         /* the lost one's counts */
    CU_ASSERT_DOUBLE_EQUAL(view(s).steps_share, .2, 1e-12);     /* but the run does not wait for it */
    end(s);
}

static void a_slow_replica_has_three_of_its_longest_intervals(void)
{
    stage *s = stage_of(1, "elastic");
    hello(s, 0);
    s->now = 20;
    report(s, 0, 1, .5, 0, 0);
    ht_coordinator_tick(s->c, 79);
    CU_ASSERT_EQUAL(view(s).lost, 0);
    ht_coordinator_tick(s->c, 81);
    CU_ASSERT_EQUAL(view(s).lost, 1);
    end(s);
}

static void a_first_epoch_may_last_as_long_as_it_does_on_others(void)
{
    stage *s = stage_of(2, "elastic");
    hello(s, 0);
    ht_coordinator_tick(s->c, 1000);
    CU_ASSERT_EQUAL(view(s).lost, 0);       /* nobody knows yet how long an epoch is */
    s->now = 1000;
    report(s, 0, 1, .5, 0, 0);
    ht_coordinator_tick(s->c, 2999);
    CU_ASSERT_EQUAL(view(s).lost, 0);
    ht_coordinator_tick(s->c, 3001);
    drain(s);
    CU_ASSERT_TRUE(was_said(s, "replica 1 is lost"));       /* it never said a word */
    CU_ASSERT_EQUAL(view(s).lost, 1);
    end(s);
}

static void a_lost_replica_that_speaks_is_back(void)
{
    stage *s = stage_of(1, "elastic");
    hello(s, 0);
    s->now = 1;
    report(s, 0, 1, .5, 0, 0);
    outcome(s, 0, 1, 1);
    s->now = 100;
    ht_coordinator_tick(s->c, s->now);
    CU_ASSERT_TRUE(ht_coordinator_is_done(s->c));
    report(s, 0, 2, .4, 1, HT_DECISION_ACCEPTED);
    CU_ASSERT_FALSE(ht_coordinator_is_done(s->c));
    CU_ASSERT_TRUE(was_said(s, "replica 0 is back"));
    CU_ASSERT_EQUAL(s->n_directives[0], 2);
    const ht_record *r = record(s, HT_RECORD_SEGMENT, 1);       /* after the lost one: the verdict */
    CU_ASSERT_EQUAL(r->as.closed.segment.decision, HT_DECISION_ACCEPTED);
    CU_ASSERT_EQUAL(r->as.closed.mutation.number, 1);
    end(s);
}

static void a_replica_that_starts_again_loses_what_was_open(void)
{
    stage *s = stage_of(1, "elastic");
    hello(s, 0);
    report(s, 0, 1, .5, 0, 0);
    outcome(s, 0, 1, 1);
    hello(s, 0);
    CU_ASSERT_TRUE(was_said(s, "replica 0 started again"));
    CU_ASSERT_EQUAL(record(s, HT_RECORD_SEGMENT, 0)->as.closed.segment.decision, HT_DECISION_LOST);
    report(s, 0, 1, .5, 0, 0);
    outcome(s, 0, 1, 1);
    CU_ASSERT_EQUAL(record(s, HT_RECORD_MUTATION, -1)->as.mutation.number, 2);
    end(s);
}

static void without_a_limit_nobody_is_lost(void)
{
    stage *s = stage_with((ht_coordinator_options){.n_replicas = 1, .mode = HT_MODE_ACTIVE}, "elastic");
    hello(s, 0);
    s->now = 1;
    report(s, 0, 1, .5, 0, 0);
    ht_coordinator_tick(s->c, 1e9);
    CU_ASSERT_EQUAL(view(s).lost, 0);
    end(s);
}

/* ---- bad bytes -------------------------------------------------------------------------------- */

static void malformed_bytes_are_dropped_with_an_event(void)
{
    stage *s = stage_of(1, "elastic");
    CU_ASSERT_EQUAL(ht_coordinator_receive(s->c, 0, 0, "\x02\x03rubbish", 9), HT_OK);
    CU_ASSERT_EQUAL(ht_coordinator_receive(s->c, 0, 0, "\x02\x09", 2), HT_OK);
    CU_ASSERT_EQUAL(ht_coordinator_receive(s->c, 0, 5, "", 0), HT_OK);
    drain(s);
    CU_ASSERT_TRUE(was_said(s, "dropped a message of replica 0: malformed REPORT of 9 bytes"));
    CU_ASSERT_TRUE(was_said(s, "REPORT of protocol version 9"));
    CU_ASSERT_TRUE(was_said(s, "there is no replica 5"));
    CU_ASSERT_EQUAL(count(s, HT_RECORD_ARRIVAL), 0);
    end(s);
}

static void a_message_of_the_wrong_direction_is_dropped(void)
{
    stage *s = stage_of(1, "elastic");
    ht_packet *m = calloc(1, sizeof *m);
    m->kind = HT_MESSAGE_DIRECTIVE;
    send(s, 0, m);
    free(m);
    CU_ASSERT_TRUE(was_said(s, "only the coordinator sends"));
    end(s);
}

/* Damage that still decodes reaches everything behind: numbers, bounds, texts that make no sense. */
static void damaged_messages_never_crash(void)
{
    static ht_packet m;
    stage *s = stage_of(2, "elastic");
    ht_random random = ht_random_stream(5, HT_RANDOM_TEST, 0, 0);
    ht_bytes originals[2];
    m.kind = HT_MESSAGE_REPORT;
    m.as.report = (ht_report){.decision = 1,
                              .step = 100,
                              .readings = sample_readings(.5),
                              .mode = HT_MODE_ACTIVE,
                              .has_segment = true,
                              .segment = sample_segment(1, 1, HT_DECISION_ACCEPTED),
                              .judged = sample_mutation(1, HT_MUTATION_ACCEPTED),
                              .asks = true,
                              .ask = sample_ask()};
    CU_ASSERT_EQUAL_FATAL(ht_packet_encode(&m, &originals[0]), HT_OK);
    m.kind = HT_MESSAGE_OUTCOME;
    m.as.outcome = (ht_outcome){.n_made = 1, .has_window = true, .window = sample_window()};
    m.as.outcome.made[0] = sample_mutation(1, HT_MUTATION_APPLIED);
    CU_ASSERT_EQUAL_FATAL(ht_packet_encode(&m, &originals[1]), HT_OK);
    for (int i = 0; i < 20000; i++) {
        const ht_bytes *from = &originals[i % 2];
        unsigned char *data = malloc(from->n);
        memcpy(data, from->data, from->n);
        for (uint64_t k = ht_random_below(&random, 4); k > 0; k--)
            data[2 + ht_random_below(&random, from->n - 2)] = (unsigned char)ht_random_bits(&random);
        CU_ASSERT_EQUAL(ht_coordinator_receive(s->c, i, (int)ht_random_below(&random, 2), data, from->n),
                        HT_OK);
        free(data);
        drain(s);
        while (s->n_records > 0)
            ht_record_release(&s->records[--s->n_records]);
    }
    CU_ASSERT_TRUE(ht_posterior_count(view(s).posterior) > 100);
    cJSON_Delete(ht_coordinator_live(s->c));
    free(originals[0].data);
    free(originals[1].data);
    end(s);
}

static void an_event_stays_one_line_whatever_it_names(void)
{
    stage *s = stage_of(1, "elastic");
    operate(s, "{\"module\":\"tu\\nne\",\"op\":\"x\"}");
    ht_coordinator_finish(s->c, 0);
    drain(s);
    CU_ASSERT_TRUE(was_said(s, "operation tu?ne x"));
    end(s);
}

/* ---- the end ---------------------------------------------------------------------------------- */

static void after_stop_every_directive_says_so_and_proposes_nothing(void)
{
    stage *s = stage_of(1, "elastic");
    hello(s, 0);
    ht_coordinator_stop(s->c, s->now);
    report(s, 0, 1, .5, 0, 0);
    CU_ASSERT_TRUE(s->directive.stop);
    CU_ASSERT_FALSE(s->directive.has_proposal);
    CU_ASSERT_TRUE(was_said(s, "stop asked"));
    end(s);
}

static void the_end_closes_what_is_open(void)
{
    stage *s = stage_of(2, "elastic");
    hello(s, 0);
    report(s, 0, 1, .5, 0, 0);
    outcome(s, 0, 1, 1);
    operate(s, "{\"module\":\"tune\",\"op\":\"disable\"}");
    CU_ASSERT_EQUAL(ht_coordinator_finish(s->c, 1), HT_OK);
    CU_ASSERT_EQUAL(ht_coordinator_finish(s->c, 1), HT_OK);
    drain(s);
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_FAILED);
    CU_ASSERT_STRING_EQUAL(last_line(s)->error, "run_ended");
    CU_ASSERT_EQUAL(count(s, HT_RECORD_LEDGER), 1);
    CU_ASSERT_EQUAL(count(s, HT_RECORD_SEGMENT), 1);
    CU_ASSERT_TRUE(was_said(s, "run end: 0 of 2 replicas done"));
    end(s);
}

static void the_live_part_of_the_summary_tells_of_each_replica(void)
{
    stage *s = stage_of(2, "elastic");
    hello(s, 1);
    report(s, 1, 3, .5, 0, 0);
    outcome(s, 1, 3, 1);
    cJSON *live = ht_coordinator_live(s->c);
    CU_ASSERT_EQUAL(ht_json_number(live, "step", -1), 300);
    CU_ASSERT_EQUAL(ht_json_number(live, "pause_left", -1), 3);
    CU_ASSERT_STRING_EQUAL(ht_json_text(live, "active_mutation"), "m_00001");
    const cJSON *replicas = ht_json_member(live, "replicas");
    CU_ASSERT_EQUAL(cJSON_GetArraySize(replicas), 2);
    CU_ASSERT_STRING_EQUAL(ht_json_text(cJSON_GetArrayItem(replicas, 0), "state"), "expected");
    CU_ASSERT_STRING_EQUAL(ht_json_text(cJSON_GetArrayItem(replicas, 1), "state"), "training");
    cJSON_Delete(live);
    end(s);
}

CASES("coordinator", CASE(a_replica_is_welcomed_with_recipe_and_mode),
      CASE(a_report_that_asks_gets_a_proposal_inside_the_bounds),
      CASE(verdicts_are_learned_from_and_counted),
      CASE(numbers_are_run_wide_and_go_on_after_earlier_runs),
      CASE(a_segment_that_is_told_twice_counts_once),
      CASE(the_best_reading_and_the_best_result_are_kept),
      CASE(the_same_seed_gives_a_replica_the_same_proposals_whoever_came_before),
      CASE(a_round_waits_for_all), CASE(the_order_of_arrival_changes_nothing),
      CASE(who_waits_for_a_round_hears_from_us_meanwhile),
      CASE(a_round_goes_on_without_a_lost_replica),
      CASE(a_silent_replica_is_lost_not_rejected_and_the_others_go_on),
      CASE(a_slow_replica_has_three_of_its_longest_intervals),
      CASE(a_first_epoch_may_last_as_long_as_it_does_on_others),
      CASE(a_lost_replica_that_speaks_is_back), CASE(a_replica_that_starts_again_loses_what_was_open),
      CASE(without_a_limit_nobody_is_lost), CASE(malformed_bytes_are_dropped_with_an_event),
      CASE(a_message_of_the_wrong_direction_is_dropped), CASE(damaged_messages_never_crash),
      CASE(an_event_stays_one_line_whatever_it_names),
      CASE(after_stop_every_directive_says_so_and_proposes_nothing), CASE(the_end_closes_what_is_open),
      CASE(the_live_part_of_the_summary_tells_of_each_replica))
