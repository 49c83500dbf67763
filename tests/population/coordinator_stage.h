/* tests/population/coordinator_stage.h - a coordinator with everything around it under the test's control:
 * replicas that say what the test wants, and lists of all that came out. */
#ifndef TESTS_POPULATION_COORDINATOR_STAGE_H
#define TESTS_POPULATION_COORDINATOR_STAGE_H

#include <CUnit/CUnit.h>
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

static inline void keep_message(stage *s, int replica, const ht_bytes *bytes)
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

static inline void drain(stage *s)
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

static inline stage *stage_with(ht_coordinator_options o, const char *sync)
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

static inline stage *stage_of(int n, const char *sync)
{
    return stage_with((ht_coordinator_options){.n_replicas = n, .mode = HT_MODE_ACTIVE, .silence_s = 10},
                      sync);
}

static inline void end(stage *s)
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
static inline const ht_record *record(const stage *s, ht_record_kind kind, int i)
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

static inline size_t count(const stage *s, ht_record_kind kind)
{
    size_t n = 0;
    for (size_t k = 0; k < s->n_records; k++)
        n += s->records[k].kind == kind;
    return n;
}

static inline const ht_ledger_line *last_line(const stage *s)
{
    const ht_record *r = record(s, HT_RECORD_LEDGER, -1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    return &r->as.ledger;
}

static inline bool was_said(const stage *s, const char *part)
{
    for (size_t k = 0; k < s->n_records; k++)
        if (s->records[k].kind == HT_RECORD_EVENT && strstr(s->records[k].as.event, part) != NULL)
            return true;
    return false;
}

/* It was said, and is news. */
static inline bool was_news(const stage *s, const char *part)
{
    for (size_t k = 0; k < s->n_records; k++)
        if (s->records[k].kind == HT_RECORD_EVENT && !s->records[k].as.is_routine &&
            strstr(s->records[k].as.event, part) != NULL)
            return true;
    return false;
}

static inline ht_coordinator_view view(const stage *s)
{
    ht_coordinator_view v;
    ht_coordinator_peek(s->c, &v);
    return v;
}

/* ---- replicas --------------------------------------------------------------------------------- */

static inline void send(stage *s, int replica, ht_packet *m)
{
    ht_bytes bytes;
    CU_ASSERT_EQUAL_FATAL(ht_packet_encode(m, &bytes), HT_OK);
    CU_ASSERT_EQUAL(ht_coordinator_receive(s->c, s->now, replica, bytes.data, bytes.n), HT_OK);
    free(bytes.data);
    drain(s);
}

static inline void hello(stage *s, int replica)
{
    ht_packet *m = calloc(1, sizeof *m);
    char controls[] = "[]";
    m->kind = HT_MESSAGE_HELLO;
    m->as.hello = (ht_hello){.actuators = "opt", .controls = controls};
    send(s, replica, m);
    free(m);
}

/* A decision point; `judged` = the replica's own number of the mutation that was judged, 0 = none. */
static inline void report(stage *s, int replica, unsigned long decision, double loss, unsigned long judged,
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
static inline void outcome(stage *s, int replica, unsigned long decision, unsigned long made)
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

static inline void bye(stage *s, int replica, double val)
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

static inline void answer(stage *s, int replica, unsigned long operation, ht_op_decision decision,
                          const char *error)
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

static inline void operate_as(stage *s, const char *body, ht_operation_source source, const char *attachment)
{
    ht_operation o = {.source = source, .command_end = 77};
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(body, &o.body, NULL, NULL), HT_OK);
    if (attachment != NULL)
        o.attachment = strcpy(malloc(strlen(attachment) + 1), attachment);
    CU_ASSERT_EQUAL(ht_coordinator_operate(s->c, s->now, &o), HT_OK);
    drain(s);
}

static inline void operate(stage *s, const char *body)
{
    operate_as(s, body, HT_FROM_EXTERNAL, NULL);
}

#endif
