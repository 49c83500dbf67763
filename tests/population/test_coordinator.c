/* tests/population/test_coordinator.c - messages, operations and time in; messages and records out. */
#include "cases.h"

#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "population/coordinator.h"
#include "population/samples.h"

static const char recipe_text[] =
    "{\"version\": 1, \"objective\": {\"primary\": \"val/loss\", \"mode\": \"min\"},"
    " \"actuators\": {\"opt\": {\"mutations\": {\"lr_mult\": {\"bounds\": [0.5, 1.5]}}}},"
    " \"search\": {\"seed\": 7, \"startup_trials\": 2}, \"population\": {\"sync\": \"%s\"}}";

/* ---- a coordinator under test, and everything that came out of it ---------------------------- */

enum { RECORDS_MAX = 4000 };

typedef struct {
    ht_coordinator *c;
    double now;
    size_t n_records;
    ht_record records[RECORDS_MAX];
    ht_string directives;       /* bytes of every DIRECTIVE in hexadecimal, with its replica */
    size_t n_directives[8], n_orders[8], n_welcomes, n_freezes;
    ht_directive directive;     /* the last one */
    unsigned long number;       /* of the last OPERATION */
    bool frozen;                /* as the last FREEZE said */
    char *list;                 /* of the last FREEZE or WELCOME; owned */
    ht_mode mode;               /* of the last WELCOME */
    char *recipe;               /* of the last WELCOME; owned */
} stage;

static void keep_message(stage *s, int replica, const ht_bytes *bytes)
{
    static ht_packet m;
    CU_ASSERT_EQUAL_FATAL(ht_packet_decode(bytes->data, bytes->n, &m, NULL), HT_OK);
    if (m.kind == HT_MESSAGE_DIRECTIVE) {
        s->n_directives[replica]++;
        s->directive = m.as.directive;
        ht_string_add(&s->directives, "%d:", replica);
        for (size_t i = 0; i < bytes->n; i++)
            ht_string_add(&s->directives, "%02x", bytes->data[i]);
    } else if (m.kind == HT_MESSAGE_OPERATION) {
        s->n_orders[replica]++;
        s->number = m.as.order.number;
    } else if (m.kind == HT_MESSAGE_FREEZE) {
        s->n_freezes++;
        s->frozen = m.as.freeze.frozen;
        free(s->list);
        s->list = m.as.freeze.entries;
        m.as.freeze.entries = NULL;
    } else if (m.kind == HT_MESSAGE_WELCOME) {
        s->n_welcomes++;
        s->mode = m.as.welcome.mode;
        free(s->recipe);
        s->recipe = m.as.welcome.recipe;
        m.as.welcome.recipe = NULL;
    }
    ht_packet_release(&m);
}

static void drain(stage *s)
{
    ht_bytes bytes;
    int replica;
    while (ht_coordinator_next_message(s->c, &replica, &bytes)) {
        keep_message(s, replica, &bytes);
        free(bytes.data);
    }
    while (s->n_records < RECORDS_MAX && ht_coordinator_next_record(s->c, &s->records[s->n_records]))
        s->n_records++;
}

static stage *stage_with(ht_coordinator_options o, const char *sync)
{
    char text[512];
    ht_recipe *recipe = NULL;
    ht_error err = {""};
    stage *s = calloc(1, sizeof *s);
    snprintf(text, sizeof text, recipe_text, sync);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(text, "test", &recipe, &err), HT_OK);
    o.recipe = recipe;
    CU_ASSERT_EQUAL_FATAL(ht_coordinator_create(&o, &s->c, &err), HT_OK);
    ht_recipe_destroy(recipe);
    drain(s);
    return s;
}

static stage *stage_of(int n, const char *sync)
{
    return stage_with((ht_coordinator_options){.n_replicas = n, .mode = HT_MODE_ACTIVE, .silence_s = 10},
                      sync);
}

static void end(stage *s)
{
    drain(s);
    for (size_t i = 0; i < s->n_records; i++)
        ht_record_release(&s->records[i]);
    ht_coordinator_destroy(s->c);
    ht_string_release(&s->directives);
    free(s->list);
    free(s->recipe);
    free(s);
}

/* The i-th record of a kind, from the start (i >= 0) or the end (-1 = the last). NULL if there is none. */
static const ht_record *record(const stage *s, ht_record_kind kind, int i)
{
    if (i >= 0) {
        for (size_t k = 0; k < s->n_records; k++)
            if (s->records[k].kind == kind && i-- == 0)
                return &s->records[k];
        return NULL;
    }
    for (size_t k = s->n_records; k > 0; k--)
        if (s->records[k - 1].kind == kind && ++i == 0)
            return &s->records[k - 1];
    return NULL;
}

static size_t count(const stage *s, ht_record_kind kind)
{
    size_t n = 0;
    for (size_t k = 0; k < s->n_records; k++)
        n += s->records[k].kind == kind;
    return n;
}

static const ht_ledger_line *last_line(const stage *s)
{
    const ht_record *r = record(s, HT_RECORD_LEDGER, -1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    return &r->as.ledger;
}

static bool was_said(const stage *s, const char *part)
{
    for (size_t k = 0; k < s->n_records; k++)
        if (s->records[k].kind == HT_RECORD_EVENT && strstr(s->records[k].as.event, part) != NULL)
            return true;
    return false;
}

static ht_coordinator_view view(const stage *s)
{
    ht_coordinator_view v;
    ht_coordinator_peek(s->c, &v);
    return v;
}

/* ---- replicas --------------------------------------------------------------------------------- */

static void send(stage *s, int replica, ht_packet *m)
{
    ht_bytes bytes;
    CU_ASSERT_EQUAL_FATAL(ht_packet_encode(m, &bytes), HT_OK);
    CU_ASSERT_EQUAL(ht_coordinator_receive(s->c, s->now, replica, bytes.data, bytes.n), HT_OK);
    free(bytes.data);
    drain(s);
}

static void hello(stage *s, int replica)
{
    ht_packet *m = calloc(1, sizeof *m);
    char controls[] = "[]";
    m->kind = HT_MESSAGE_HELLO;
    m->as.hello = (ht_hello){.actuators = "opt", .controls = controls};
    send(s, replica, m);
    free(m);
}

/* A decision point; `judged` = the replica's own number of the mutation that was judged, 0 = none. */
static void report(stage *s, int replica, unsigned long decision, double loss, unsigned long judged,
                   ht_decision verdict)
{
    ht_packet *m = calloc(1, sizeof *m);
    m->kind = HT_MESSAGE_REPORT;
    m->as.report = (ht_report){.decision = decision,
                               .step = 100 * (long long)decision,
                               .epoch = (long long)decision,
                               .total_steps = 1000,
                               .readings = sample_readings(loss),
                               .mode = HT_MODE_ACTIVE,
                               .has_segment = judged != 0,
                               .asks = true,
                               .ask = sample_ask()};
    if (judged != 0) {
        m->as.report.segment = sample_segment(judged, judged, verdict);
        m->as.report.judged = sample_mutation(
            judged, verdict == HT_DECISION_ACCEPTED ? HT_MUTATION_ACCEPTED : HT_MUTATION_ROLLED_BACK);
    }
    send(s, replica, m);
    free(m);
}

/* The mutation with the replica's own number `made` is open now; 0 = nothing was made. */
static void outcome(stage *s, int replica, unsigned long decision, unsigned long made)
{
    ht_packet *m = calloc(1, sizeof *m);
    m->kind = HT_MESSAGE_OUTCOME;
    m->as.outcome = (ht_outcome){.decision = decision, .n_made = made != 0, .has_window = true,
                                 .window = sample_window()};
    m->as.outcome.window.has_active = made != 0;
    m->as.outcome.window.active = made;
    m->as.outcome.made[0] = sample_mutation(made, HT_MUTATION_APPLIED);
    send(s, replica, m);
    free(m);
}

static void bye(stage *s, int replica, double val)
{
    ht_packet *m = calloc(1, sizeof *m);
    m->kind = HT_MESSAGE_BYE;
    m->as.bye = (ht_bye){.step = 1000,
                         .epoch = 10,
                         .mode = HT_MODE_ACTIVE,
                         .was_on = true,
                         .has_result = true,
                         .val = val,
                         .test = val + 1};
    send(s, replica, m);
    free(m);
}

static void answer(stage *s, int replica, unsigned long operation, ht_op_decision decision, const char *error)
{
    ht_packet *m = calloc(1, sizeof *m);
    m->kind = HT_MESSAGE_ANSWER;
    m->as.answer = (ht_answer){.operation = operation,
                               .step = 300 + replica,
                               .epoch = 3,
                               .event = "val_epoch_end",
                               .phase = "val",
                               .result = {.decision = decision}};
    strcpy(m->as.answer.result.error, error);
    send(s, replica, m);
    free(m);
}

static void operate_as(stage *s, const char *body, ht_operation_source source, const char *attachment)
{
    ht_operation o = {.source = source, .command_end = 77};
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(body, &o.body, NULL, NULL), HT_OK);
    if (attachment != NULL)
        o.attachment = strcpy(malloc(strlen(attachment) + 1), attachment);
    CU_ASSERT_EQUAL(ht_coordinator_operate(s->c, s->now, &o), HT_OK);
    drain(s);
}

static void operate(stage *s, const char *body)
{
    operate_as(s, body, HT_FROM_EXTERNAL, NULL);
}

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
    CU_ASSERT_EQUAL(ht_coordinator_receive(s->c, 0, 0, "\x02\x01rubbish", 9), HT_OK);
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

/* ---- operations ------------------------------------------------------------------------------- */

static void an_operation_is_one_line_when_all_have_answered(void)
{
    stage *s = stage_of(2, "elastic");
    hello(s, 0);
    hello(s, 1);
    operate(s, "{\"module\":\"tune\",\"op\":\"disable\",\"id\":\"x\",\"nothing\":null}");
    CU_ASSERT_EQUAL(s->n_orders[0] + s->n_orders[1], 2);
    answer(s, 1, s->number, HT_OP_APPLIED, "");
    CU_ASSERT_EQUAL(count(s, HT_RECORD_LEDGER), 0);
    answer(s, 0, s->number, HT_OP_APPLIED, "");
    CU_ASSERT_EQUAL(count(s, HT_RECORD_LEDGER), 1);
    const ht_ledger_line *l = last_line(s);
    CU_ASSERT_EQUAL(l->decision, HT_LEDGER_APPLIED);
    CU_ASSERT_EQUAL(l->step, 300);      /* of the last answer */
    CU_ASSERT_STRING_EQUAL(l->event, "val_epoch_end");
    CU_ASSERT_STRING_EQUAL(l->phase, "val");
    CU_ASSERT_STRING_EQUAL(l->id, "x");
    CU_ASSERT_EQUAL(l->command_end, 77);
    CU_ASSERT_STRING_EQUAL(ht_json_text(l->payload, "op"), "disable");
    CU_ASSERT_PTR_NULL(ht_json_member(l->payload, "nothing"));
    CU_ASSERT_EQUAL(view(s).mode, HT_MODE_OFF);
    end(s);
}

static void one_failure_makes_an_operation_failed_and_names_the_replica(void)
{
    stage *s = stage_of(3, "elastic");
    for (int i = 0; i < 3; i++)
        hello(s, i);
    operate(s, "{\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"lr\":0.1}}");
    answer(s, 0, s->number, HT_OP_APPLIED, "");
    answer(s, 2, s->number, HT_OP_FAILED, "lr:unknown_param");
    answer(s, 1, s->number, HT_OP_FAILED, "lr:invalid:above_max");
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_FAILED);
    CU_ASSERT_STRING_EQUAL(last_line(s)->error, "replica 2: lr:unknown_param");
    CU_ASSERT_PTR_NULL(last_line(s)->payload);
    end(s);
}

static void nobody_waits_for_a_replica_that_is_lost_or_done(void)
{
    stage *s = stage_of(3, "elastic");
    for (int i = 0; i < 3; i++)
        hello(s, i);
    operate(s, "{\"module\":\"tune\",\"op\":\"status\"}");
    s->now = 9;
    report(s, 0, 1, .5, 0, 0);
    answer(s, 0, s->number, HT_OP_APPLIED, "");
    bye(s, 1, 1);
    CU_ASSERT_EQUAL(count(s, HT_RECORD_LEDGER), 0);
    s->now = 28;        /* more than three epochs of replica 0 */
    ht_coordinator_tick(s->c, s->now);
    drain(s);
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_APPLIED);
    answer(s, 2, s->number, HT_OP_APPLIED, "");     /* too late: its line is written */
    CU_ASSERT_EQUAL(count(s, HT_RECORD_LEDGER), 1);
    end(s);
}

static void a_replica_that_joins_late_gets_what_waits(void)
{
    stage *s = stage_of(1, "elastic");
    operate_as(s, "{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":\"suggest\"}}", HT_FROM_YAML,
               NULL);
    CU_ASSERT_EQUAL(s->n_orders[0], 0);
    hello(s, 0);
    CU_ASSERT_EQUAL(s->n_orders[0], 1);
    answer(s, 0, s->number, HT_OP_APPLIED, "");
    CU_ASSERT_EQUAL(view(s).mode, HT_MODE_SUGGEST);
    CU_ASSERT_EQUAL(last_line(s)->source, HT_FROM_YAML);
    end(s);
}

static void a_setting_that_all_took_is_in_the_coordinators_recipe(void)
{
    stage *s = stage_of(1, "elastic");
    hello(s, 0);
    operate(s, "{\"module\":\"tune\",\"op\":\"set\",\"params\":{\"acceptance.epsilon\":0.25}}");
    CU_ASSERT_NOT_EQUAL(view(s).recipe->acceptance.epsilon, .25);
    answer(s, 0, s->number, HT_OP_APPLIED, "");
    CU_ASSERT_EQUAL(view(s).recipe->acceptance.epsilon, .25);
    CU_ASSERT_EQUAL(count(s, HT_RECORD_RECIPE), 1);
    operate(s, "{\"module\":\"tune\",\"op\":\"set\",\"params\":{\"acceptance.epsilon\":0.5}}");
    answer(s, 0, s->number, HT_OP_FAILED, "invalid_recipe: no");
    CU_ASSERT_EQUAL(view(s).recipe->acceptance.epsilon, .25);
    CU_ASSERT_STRING_EQUAL(last_line(s)->error, "invalid_recipe: no");  /* one replica: it needs no name */
    end(s);
}

static void refused(const char *body, ht_ledger_decision decision, const char *error, const char *notes)
{
    stage *s = stage_of(1, "elastic");
    hello(s, 0);
    operate(s, body);
    CU_ASSERT_EQUAL(last_line(s)->decision, decision);
    CU_ASSERT_STRING_EQUAL(last_line(s)->error, error);
    CU_ASSERT_STRING_EQUAL(last_line(s)->notes, notes);
    CU_ASSERT_EQUAL(s->n_orders[0], 0);
    CU_ASSERT_EQUAL(view(s).mode, HT_MODE_ACTIVE);
    end(s);
}

static void what_needs_no_replica_is_refused_at_once(void)
{
    refused("{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":\"wild\"}}", HT_LEDGER_FAILED,
            "unknown_mode:wild", "");
    refused("{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":5}}", HT_LEDGER_FAILED,
            "unknown_mode:5", "");
    refused("{\"module\":\"tune\",\"op\":\"dance\"}", HT_LEDGER_IGNORED, "", "unknown_op:dance");
    refused("{\"module\":\"tune\",\"op\":\"mutate\"}", HT_LEDGER_IGNORED, "", "unknown_op:mutate");
    refused("{\"module\":\"core\",\"op\":\"melt\"}", HT_LEDGER_IGNORED, "unknown_core_op:melt", "");
    refused("{\"module\":\"core\",\"op\":\"freeze\",\"mode\":\"hard\"}", HT_LEDGER_FAILED,
            "unknown_mode:hard", "");
    refused("{\"module\":\"core\",\"op\":\"freeze\",\"mode\":\"replay\"}", HT_LEDGER_FAILED,
            "there is no operation list; give recipe_path", "");
    refused("{\"module\":\"core\",\"op\":\"freeze\",\"mode\":\"prod\",\"policy\":\"lax\"}", HT_LEDGER_FAILED,
            "unknown_policy:lax", "");
    refused("{\"op\":\"load\"}", HT_LEDGER_IGNORED, "",
            "no_callbacks: the program's own callbacks cannot be reached from here");
}

static void a_bad_command_and_a_missing_log_fail_with_their_reason(void)
{
    stage *s = stage_of(1, "elastic");
    ht_operation o = {.command_end = 5, .fault = "bad_command"};
    o.body = cJSON_CreateObject();
    CU_ASSERT_EQUAL(ht_coordinator_operate(s->c, 0, &o), HT_OK);
    CU_ASSERT_PTR_NULL(o.body);
    drain(s);
    CU_ASSERT_STRING_EQUAL(last_line(s)->error, "bad_command");
    CU_ASSERT_EQUAL(last_line(s)->step, -1);    /* nobody has reported yet */
    o = (ht_operation){.command_end = -1, .attachment_error = "cannot open 'x'"};
    CU_ASSERT_EQUAL_FATAL(
        ht_json_parse("{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":\"replay\"}}", &o.body,
                      NULL, NULL),
        HT_OK);
    CU_ASSERT_EQUAL(ht_coordinator_operate(s->c, 0, &o), HT_OK);
    drain(s);
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_FAILED);
    CU_ASSERT_STRING_EQUAL(last_line(s)->error, "cannot open 'x'");
    operate_as(s, "{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":\"replay\"}}",
               HT_FROM_EXTERNAL, "not a log\n{}\n");
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_FAILED);
    CU_ASSERT_EQUAL(view(s).mode, HT_MODE_ACTIVE);
    end(s);
}

static void what_a_replica_disabled_is_a_line_and_the_mode_follows(void)
{
    stage *s = stage_of(1, "elastic");
    ht_packet *m = calloc(1, sizeof *m);
    hello(s, 0);
    report(s, 0, 1, .5, 0, 0);
    m->kind = HT_MESSAGE_OUTCOME;
    m->as.outcome = (ht_outcome){.decision = 1, .n_disabled = 1, .disabled = {{"tune", "log not written"}}};
    send(s, 0, m);
    free(m);
    CU_ASSERT_STRING_EQUAL(last_line(s)->op, "auto_disable");
    CU_ASSERT_EQUAL(last_line(s)->source, HT_FROM_ITSELF);
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_APPLIED);
    CU_ASSERT_STRING_EQUAL(last_line(s)->error, "log not written");
    CU_ASSERT_STRING_EQUAL(ht_json_text(last_line(s)->payload, "disabled"), "tune");
    CU_ASSERT_EQUAL(view(s).mode, HT_MODE_OFF);
    end(s);
}

/* ---- freeze ----------------------------------------------------------------------------------- */

static void prod_freezes_commands_and_yaml_but_not_core(void)
{
    stage *s = stage_of(1, "elastic");
    hello(s, 0);
    operate(s, "{\"module\":\"core\",\"op\":\"freeze\",\"mode\":\"prod\"}");
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_APPLIED);
    CU_ASSERT_TRUE(s->frozen);
    CU_ASSERT_EQUAL(record(s, HT_RECORD_FREEZE, 0)->as.freeze.mode, HT_FREEZE_PROD);
    operate(s, "{\"module\":\"tune\",\"op\":\"disable\"}");
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_IGNORED_FREEZE);
    CU_ASSERT_PTR_NULL(last_line(s)->payload);
    operate_as(s, "{\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"lr\":1}}", HT_FROM_YAML, NULL);
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_IGNORED_FREEZE);
    CU_ASSERT_EQUAL(s->n_orders[0], 0);
    operate(s, "{\"module\":\"core\",\"op\":\"unfreeze\"}");
    CU_ASSERT_FALSE(s->frozen);
    CU_ASSERT_EQUAL(record(s, HT_RECORD_FREEZE, 1)->as.freeze.mode, HT_FREEZE_OFF);
    operate(s, "{\"module\":\"tune\",\"op\":\"disable\"}");
    CU_ASSERT_EQUAL(s->n_orders[0], 1);
    end(s);
}

static void replay_takes_a_list_and_gates_all_else(void)
{
    stage *s = stage_of(1, "elastic");
    const char *list = "{\"at\":{\"step\":100},\"module\":\"tune\",\"op\":\"disable\"}\n";
    hello(s, 0);
    operate_as(s, "{\"module\":\"core\",\"op\":\"freeze\",\"mode\":\"replay\",\"recipe_path\":\"l.jsonl\"}",
               HT_FROM_EXTERNAL, list);
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_APPLIED);
    CU_ASSERT_STRING_EQUAL(s->list, list);
    CU_ASSERT_STRING_EQUAL(record(s, HT_RECORD_FREEZE, 0)->as.freeze.recipe_path, "l.jsonl");
    CU_ASSERT_PTR_NULL(record(s, HT_RECORD_FREEZE, 0)->as.freeze.list);
    operate(s, "{\"module\":\"tune\",\"op\":\"disable\"}");
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_IGNORED_REPLAY);
    ht_packet *m = calloc(1, sizeof *m);
    m->kind = HT_MESSAGE_ANSWER;
    m->as.answer = (ht_answer){.list = 1, .step = 100, .epoch = 1, .event = "train_batch_end"};
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(list, &m->as.answer.entry, NULL, NULL), HT_OK);
    send(s, 0, m);
    ht_packet_release(m);
    free(m);
    CU_ASSERT_EQUAL(last_line(s)->source, HT_FROM_REPLAY);
    CU_ASSERT_STRING_EQUAL(last_line(s)->op, "disable");
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_APPLIED);
    CU_ASSERT_EQUAL(view(s).mode, HT_MODE_OFF);
    end(s);
}

static void a_freeze_file_acts_once_and_a_bad_list_repeats_nothing(void)
{
    stage *s = stage_of(1, "elastic");
    hello(s, 0);
    ht_freeze f = {.mode = HT_FREEZE_REPLAY, .recipe_path = "l.jsonl", .list = "{}\nno json\n{}\n"};
    CU_ASSERT_EQUAL(ht_coordinator_freeze(s->c, 0, &f), HT_OK);
    CU_ASSERT_EQUAL(ht_coordinator_freeze(s->c, 0, &f), HT_OK);
    drain(s);
    CU_ASSERT_EQUAL(s->n_freezes, 1);
    CU_ASSERT_TRUE(s->frozen);
    CU_ASSERT_PTR_NULL(s->list);
    CU_ASSERT_TRUE(was_said(s, "freeze mode replay repeats nothing: line 2"));
    CU_ASSERT_EQUAL(count(s, HT_RECORD_FREEZE), 0);     /* the file is there already */
    end(s);
}

/* ---- the end ---------------------------------------------------------------------------------- */

static void after_stop_every_directive_says_so_and_proposes_nothing(void)
{
    stage *s = stage_of(1, "elastic");
    hello(s, 0);
    ht_coordinator_stop(s->c);
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
      CASE(a_report_that_asks_gets_a_proposal_inside_the_bounds), CASE(verdicts_are_learned_from_and_counted),
      CASE(numbers_are_run_wide_and_go_on_after_earlier_runs), CASE(a_segment_that_is_told_twice_counts_once),
      CASE(the_best_reading_and_the_best_result_are_kept),
      CASE(the_same_seed_gives_a_replica_the_same_proposals_whoever_came_before), CASE(a_round_waits_for_all),
      CASE(the_order_of_arrival_changes_nothing), CASE(a_round_goes_on_without_a_lost_replica),
      CASE(a_silent_replica_is_lost_not_rejected_and_the_others_go_on),
      CASE(a_slow_replica_has_three_of_its_longest_intervals),
      CASE(a_first_epoch_may_last_as_long_as_it_does_on_others), CASE(a_lost_replica_that_speaks_is_back),
      CASE(a_replica_that_starts_again_loses_what_was_open), CASE(without_a_limit_nobody_is_lost),
      CASE(malformed_bytes_are_dropped_with_an_event), CASE(a_message_of_the_wrong_direction_is_dropped),
      CASE(damaged_messages_never_crash), CASE(an_event_stays_one_line_whatever_it_names),
      CASE(an_operation_is_one_line_when_all_have_answered),
      CASE(one_failure_makes_an_operation_failed_and_names_the_replica),
      CASE(nobody_waits_for_a_replica_that_is_lost_or_done), CASE(a_replica_that_joins_late_gets_what_waits),
      CASE(a_setting_that_all_took_is_in_the_coordinators_recipe),
      CASE(what_needs_no_replica_is_refused_at_once),
      CASE(a_bad_command_and_a_missing_log_fail_with_their_reason),
      CASE(what_a_replica_disabled_is_a_line_and_the_mode_follows),
      CASE(prod_freezes_commands_and_yaml_but_not_core), CASE(replay_takes_a_list_and_gates_all_else),
      CASE(a_freeze_file_acts_once_and_a_bad_list_repeats_nothing),
      CASE(after_stop_every_directive_says_so_and_proposes_nothing), CASE(the_end_closes_what_is_open),
      CASE(the_live_part_of_the_summary_tells_of_each_replica))
