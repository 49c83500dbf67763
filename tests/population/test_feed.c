/* tests/population/test_feed.c - a coordinator that is told again what another one lived through says the
 * same, byte for byte: a run that is resumed rests on that.
 *
 * Replicas join, train at their own paces, diverge, die, come back, or do not; people ask; the run is stopped
 * and goes on with others. One coordinator lives it. The other hears it through ht_feed, but for the ticks of
 * which the first one had nothing to say. HT_SCHEDULES sets how many runs are drawn, HT_SEED the first. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "population/feed.h"
#include "population/pool_recipe.h"
#include "population/pool_training.h"
#include "population/samples.h"
#include "store/record_json.h"

enum { MOST = 8, STEPS = 260, MEASURES = 8 };

typedef struct {
    bool here, dead, ended, stop, reports; /* reports: an independent one, not waiting for its DIRECTIVE */
    double slowness;
    unsigned long work, failed; /* number of its WORK, of a transfer that will fail; 0 = none */
    int epochs, done;
    size_t n_measures;
    unsigned long measures[MEASURES];
    unsigned long decision, made, open; /* open: its own number of the mutation that waits for a verdict */
    long long step;
} actor;

typedef struct {
    ht_coordinator *lived, *told;
    double now;
    int n;
    actor at[MOST];
    ht_random r;
    bool differs;
    unsigned long orders; /* OPERATIONs that came */
    int retired, silent;  /* silent: ticks that were left out */
} run;

/* ---- what they say ----------------------------------------------------------------------------- */

static void put_json(ht_string *to, cJSON *object)
{
    char *text = ht_json_line(object);
    ht_string_add(to, "%s ", text != NULL ? text : "?");
    free(text);
    cJSON_Delete(object);
}

static void put_verdict(ht_string *to, const ht_pool_verdict *v)
{
    ht_string_add(to, "%d %d %d %d%d%d%d%d %lld %lld %a %a %a %a %a %a", v->replica, v->island, v->segment,
                  v->mutant, v->finite, v->accepted, v->lost, v->in_root, v->start_step, v->end_step, v->wall,
                  v->before, v->loss, v->control, v->score, v->score_error);
    for (size_t i = 0; i < v->n_knobs; i++)
        ht_string_add(to, " %a %a", v->h[i], v->x[i]);
}

static void put_freeze(ht_string *to, const ht_freeze *f)
{
    char *text = ht_freeze_to_text(f);
    ht_string_add(to, "%s", text);
    free(text);
}

static void put_record(ht_string *to, const ht_coordinator *c, const ht_record *r)
{
    const ht_stamp none = {0, 0};
    ht_coordinator_view v;
    ht_coordinator_peek(c, &v);
    ht_string_add(to, "\n%d: ", (int)r->kind);
    if (r->kind == HT_RECORD_MUTATION)
        put_json(to, ht_mutation_to_json(&r->as.mutation, none));
    else if (r->kind == HT_RECORD_SEGMENT)
        put_json(to, ht_segment_to_json(&r->as.closed.segment, none));
    else if (r->kind == HT_RECORD_WINDOW)
        put_json(to, ht_window_to_json(&r->as.window, none));
    else if (r->kind == HT_RECORD_LEDGER)
        put_json(to, ht_ledger_to_json(&r->as.ledger, 0, 0));
    else if (r->kind == HT_RECORD_EVENT)
        ht_string_add(to, "%s", r->as.event);
    else if (r->kind == HT_RECORD_ARRIVAL)
        ht_string_add(to, "%d %d", r->as.arrival.replica, (int)r->as.arrival.kind);
    else if (r->kind == HT_RECORD_CONTROLS)
        ht_string_add(to, "%s", r->as.controls);
    else if (r->kind == HT_RECORD_FREEZE)
        put_freeze(to, &r->as.freeze);
    else if (r->kind == HT_RECORD_POPULATION)
        put_json(to, cJSON_Duplicate(r->as.population, true));
    else if (r->kind == HT_RECORD_VERDICT)
        put_verdict(to, &r->as.verdict);
    else
        put_json(to, ht_recipe_to_json(v.recipe));
}

/* What a replica would do about a message. */
static void take(run *s, int replica, const ht_bytes *bytes)
{
    static ht_packet m;
    actor *a = &s->at[replica];
    CU_ASSERT_EQUAL_FATAL(ht_packet_decode(bytes->data, bytes->n, &m, NULL), HT_OK);
    const ht_pool_order *o = &m.as.pool_order;
    bool last = m.kind == HT_MESSAGE_ORDER && o->kind == HT_ORDER_MEAN &&
                o->members[o->n_members - 1] == replica;
    if (m.kind == HT_MESSAGE_WELCOME)
        a->reports = !m.as.welcome.pooled;
    if (m.kind == HT_MESSAGE_DIRECTIVE && m.as.directive.decision == a->decision && a->decision > 0) {
        a->reports = true;
        a->stop |= m.as.directive.stop;
        a->made += m.as.directive.has_proposal;
        a->open = m.as.directive.has_proposal ? a->made : 0;
    }
    if (m.kind == HT_MESSAGE_OPERATION)
        s->orders = m.as.order.number;
    if (m.kind == HT_MESSAGE_ORDER && o->kind == HT_ORDER_WORK) {
        a->work = o->number;
        a->epochs = o->epochs;
        a->done = 0;
        a->stop = false;
    } else if (m.kind == HT_MESSAGE_ORDER && o->kind == HT_ORDER_STOP)
        a->stop = true;
    else if (m.kind == HT_MESSAGE_ORDER && o->kind == HT_ORDER_END)
        a->ended = true;
    else if (m.kind == HT_MESSAGE_ORDER && o->kind == HT_ORDER_RECEIVE && ht_random_below(&s->r, 12) == 0)
        a->failed = o->number;
    else if ((last || (m.kind == HT_MESSAGE_ORDER && o->kind == HT_ORDER_VALIDATE)) &&
             a->n_measures < MEASURES)
        a->measures[a->n_measures++] = o->number;
    ht_packet_release(&m);
}

static ht_string said_by(ht_coordinator *c, run *s)
{
    ht_string all = {0};
    ht_bytes bytes;
    ht_record record;
    int replica;
    while (ht_coordinator_next_message(c, &replica, &bytes)) {
        ht_string_add(&all, "\nto %d: ", replica);
        for (size_t i = 0; i < bytes.n; i++)
            ht_string_add(&all, "%c%c", 'a' + bytes.data[i] / 16, 'a' + bytes.data[i] % 16);
        if (s != NULL)
            take(s, replica, &bytes);
        free(bytes.data);
    }
    while (ht_coordinator_next_record(c, &record)) {
        put_record(&all, c, &record);
        ht_record_release(&record);
    }
    return all;
}

static void compare(run *s)
{
    ht_string lived = said_by(s->lived, s), told = said_by(s->told, NULL);
    if (strcmp(ht_string_peek(&lived), ht_string_peek(&told)) != 0 && !s->differs) {
        fprintf(stderr, "\n    at %.3f s it said:%.1500s\n    and told again:%.1500s\n", s->now,
                ht_string_peek(&lived), ht_string_peek(&told));
        s->differs = true;
    }
    ht_string_release(&lived);
    ht_string_release(&told);
}

/* ---- what happens ------------------------------------------------------------------------------ */

/* `text` ends with a 0 that n does not count. */
static void both(run *s, ht_input_kind kind, int replica, const void *text, size_t n)
{
    CU_ASSERT_EQUAL(ht_feed(s->lived, kind, s->now, replica, text, n, NULL), HT_OK);
    if (kind == HT_INPUT_TICK && !ht_coordinator_has_output(s->lived)) {
        s->silent++;
        return;
    }
    CU_ASSERT_EQUAL(ht_feed(s->told, kind, s->now, replica, text, n, NULL), HT_OK);
    compare(s);
}

static void send(run *s, int replica, const ht_packet *m)
{
    ht_bytes bytes;
    CU_ASSERT_EQUAL_FATAL(ht_packet_encode(m, &bytes), HT_OK);
    both(s, HT_INPUT_MESSAGE, replica, bytes.data, bytes.n);
    free(bytes.data);
}

static void say_hello(run *s, int replica)
{
    static ht_packet m;
    static char controls[] = "[{\"key\": \"lr\"}]";
    actor *a = &s->at[replica];
    *a = (actor){.here = true, .slowness = a->slowness, .step = a->step};
    m.kind = HT_MESSAGE_HELLO;
    m.as.hello = (ht_hello){.actuators = "opt", .controls = controls};
    training_member(&m.as.hello.member);
    send(s, replica, &m);
}

static void say_event(run *s, int replica, ht_pool_event e)
{
    static ht_packet m;
    m.kind = HT_MESSAGE_EVENT;
    m.as.event = e;
    m.as.event.step = s->at[replica].step;
    send(s, replica, &m);
}

static double draw_loss(run *s, const actor *a)
{
    bool diverges = ht_random_below(&s->r, 25) == 0;
    return diverges ? NAN : 1 + ht_random_uniform(&s->r) + 3 / (1 + .01 * (double)a->step);
}

static void end_epoch(run *s, int replica)
{
    actor *a = &s->at[replica];
    double seconds = a->slowness * ht_random_between(&s->r, .8, 1.2);
    a->step += 100;
    ht_pool_event e = {.kind = HT_EVENT_TICK, .number = a->work, .epoch = ++a->done, .loss = draw_loss(s, a),
                       .best = 2, .seconds = seconds, .waited = .1};
    if (a->done >= a->epochs || a->stop || isnan(e.loss)) {
        e.kind = HT_EVENT_REPORT;
        e.seconds *= a->done;
        a->work = 0;
    }
    say_event(s, replica, e);
}

static void say_bye(run *s, int replica)
{
    static ht_packet m;
    actor *a = &s->at[replica];
    m.kind = HT_MESSAGE_BYE;
    m.as.bye = (ht_bye){.step = a->step, .epoch = 9, .mode = HT_MODE_ACTIVE, .was_on = true,
                        .has_result = true,
                        .val = 1 + ht_random_uniform(&s->r), .test = 2};
    send(s, replica, &m);
    *a = (actor){.dead = true, .slowness = a->slowness};
}

/* A decision point of an independent one; the OUTCOME of the one before comes first. */
static void decide(run *s, int replica)
{
    static ht_packet m;
    actor *a = &s->at[replica];
    if (a->decision > 0) {
        m.kind = HT_MESSAGE_OUTCOME;
        m.as.outcome = (ht_outcome){.decision = a->decision, .n_made = a->open != 0, .has_window = true,
                                    .window = sample_window()};
        m.as.outcome.made[0] = sample_mutation(a->open, HT_MUTATION_APPLIED);
        send(s, replica, &m);
    }
    a->step += 100;
    a->reports = false;
    m.kind = HT_MESSAGE_REPORT;
    m.as.report = (ht_report){.decision = ++a->decision, .step = a->step, .epoch = (long long)a->decision,
                              .total_steps = 4000, .readings = sample_readings(draw_loss(s, a)),
                              .mode = HT_MODE_ACTIVE, .has_segment = a->open != 0, .asks = true,
                              .ask = sample_ask()};
    if (a->open != 0) {
        bool accepted = ht_random_below(&s->r, 2) == 0;
        m.as.report.segment =
            sample_segment(a->open, a->open, accepted ? HT_DECISION_ACCEPTED : HT_DECISION_REJECTED);
        m.as.report.judged =
            sample_mutation(a->open, accepted ? HT_MUTATION_ACCEPTED : HT_MUTATION_ROLLED_BACK);
        a->open = 0;
    }
    send(s, replica, &m);
}

static void answer(run *s, int replica)
{
    static ht_packet m;
    m.kind = HT_MESSAGE_ANSWER;
    m.as.answer = (ht_answer){.operation = s->orders, .step = 300, .epoch = 3, .event = "val_epoch_end",
                              .phase = "val", .result = {.decision = HT_OP_APPLIED}};
    send(s, replica, &m);
}

static void act(run *s, int i)
{
    actor *a = &s->at[i];
    if (a->dead || !a->here) {
        if (!a->here || ht_random_below(&s->r, 60) == 0)
            say_hello(s, i);
    } else if (ht_random_below(&s->r, 150) == 0)
        a->dead = true;
    else if (ht_random_uniform(&s->r) * a->slowness > 1)
        return;
    else if (a->n_measures > 0) {
        ht_pool_event e = {.kind = HT_EVENT_MEASURED, .number = a->measures[--a->n_measures],
                           .loss = draw_loss(s, a), .best = NAN};
        say_event(s, i, e);
    } else if (a->failed != 0) {
        say_event(s, i, (ht_pool_event){.kind = HT_EVENT_FAILED, .number = a->failed, .loss = NAN,
                                        .best = NAN, .text = "nobody there"});
        a->failed = 0;
    } else if (a->work != 0)
        end_epoch(s, i);
    else if (a->ended || (a->stop && a->reports))
        say_bye(s, i);
    else if (a->reports)
        decide(s, i);
}

/* ---- people, and stops ------------------------------------------------------------------------- */

static void operate(run *s)
{
    static const char *const bodies[] = {
        "{\"module\": \"tune\", \"op\": \"disable\"}",
        "{\"module\": \"tune\", \"op\": \"enable\", \"params\": {\"mode\": \"active\"}}",
        "{\"module\": \"opt\", \"op\": \"set_params\", \"params\": {\"lr\": 1e-3, \"n\": 3, \"x\": 3.0}}",
        "{\"module\": \"tune\", \"op\": \"set\", \"params\": {\"acceptance.epsilon\": 0.25}}",
        "{\"module\": \"core\", \"op\": \"freeze\", \"params\": {\"mode\": \"prod\"}}",
        "{\"module\": \"core\", \"op\": \"freeze\", \"params\": {\"mode\": \"replay\"}}",
        "{\"module\": \"tune\", \"op\": \"enable\", \"params\": {\"mode\": \"replay\"}}",
        "{\"module\": \"cb\", \"op\": \"load\", \"id\": \"x\", \"params\": {}}", "[1, \"\\u00e9\"]"};
    ht_operation o = {.source = (ht_operation_source)ht_random_below(&s->r, HT_FROM_ITSELF + 1),
                      .command_end = -1};
    size_t which = ht_random_below(&s->r, sizeof bodies / sizeof *bodies);
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(bodies[which], &o.body, NULL, NULL), HT_OK);
    if (ht_random_below(&s->r, 3) == 0)
        o.command_end = 1234567890123;
    if (ht_random_below(&s->r, 4) == 0)
        o.attachment = strdup("{\"a\": 1}\nb\t\"c\"\n");
    if (ht_random_below(&s->r, 6) == 0)
        strcpy(o.fault, "'x' is no object");
    if (ht_random_below(&s->r, 6) == 0)
        strcpy(o.attachment_error, "cannot open 'y'");
    char *text = ht_operation_to_text(&o);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_EQUAL(ht_coordinator_operate(s->lived, s->now, &o), HT_OK);
    CU_ASSERT_EQUAL(ht_feed(s->told, HT_INPUT_OPERATION, s->now, -1, text, strlen(text), NULL), HT_OK);
    free(text);
    compare(s);
}

static void freeze(run *s)
{
    ht_freeze f = {.mode = (ht_freeze_mode)ht_random_below(&s->r, 4),
                   .strict = ht_random_below(&s->r, 2) == 0,
                   .step_offset = (long long)ht_random_below(&s->r, 100) - 50};
    strcpy(f.recipe_path, "a \"list\".jsonl");
    strcpy(f.list_error, ht_random_below(&s->r, 2) == 0 ? "" : "cannot open it");
    if (f.list_error[0] == '\0')
        f.list = "{\"step\": 3, \"module\": \"opt\", \"op\": \"set_params\", \"id\": \"main\","
                 " \"params\": {\"lr\": 0.5}}\n";
    char *text = ht_freeze_to_text(&f);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_EQUAL(ht_coordinator_freeze(s->lived, s->now, &f), HT_OK);
    CU_ASSERT_EQUAL(ht_feed(s->told, HT_INPUT_FREEZE, s->now, -1, text, strlen(text), NULL), HT_OK);
    free(text);
    compare(s);
}

static void stop_and_go_on(run *s)
{
    bool present[MOST] = {false};
    int here = 0, before = ht_coordinator_replicas(s->lived);
    for (int i = 0; i < before; i++) {
        present[i] = ht_coordinator_has(s->lived, i) && (ht_random_below(&s->r, 3) > 0 || here == 0);
        here += present[i];
    }
    if (here == 0)
        return;
    if (before < MOST && ht_random_below(&s->r, 2) == 0)
        both(s, HT_INPUT_CROWD, s->n = before + 1, NULL, 0);
    for (int i = 0; i < before; i++)
        if (ht_coordinator_has(s->lived, i) && !present[i]) {
            both(s, HT_INPUT_RETIRED, i, present, (size_t)ht_coordinator_replicas(s->lived));
            s->at[i].dead = true;
            s->retired++;
        }
    for (int i = 0; i < before; i++)
        if (present[i])
            both(s, HT_INPUT_BACK, i, NULL, 0);
}

/* ---- a run ------------------------------------------------------------------------------------- */

static void step(run *s)
{
    unsigned long what = ht_random_below(&s->r, 400);
    s->now += ht_random_between(&s->r, 0, .12);
    if (ht_random_below(&s->r, 3) == 0)
        both(s, HT_INPUT_TICK, -1, NULL, 0);
    else if (what < 6)
        operate(s);
    else if (what < 8)
        freeze(s);
    else if (what < 10)
        stop_and_go_on(s);
    else if (what == 10)
        both(s, HT_INPUT_STOP, -1, NULL, 0);
    else if (what < 13)
        both(s, HT_INPUT_MESSAGE, (int)ht_random_below(&s->r, (uint64_t)s->n + 2) - 1, "rubbish", 7);
    else if (what < 25 && s->orders > 0)
        answer(s, (int)ht_random_below(&s->r, (uint64_t)s->n));
    else
        act(s, (int)ht_random_below(&s->r, (uint64_t)s->n));
    if (ht_random_below(&s->r, 200) == 0)
        s->now += ht_random_between(&s->r, 1, 30);      /* everybody was asleep */
}

static ht_recipe *draw_recipe(run *s, bool pooled)
{
    static const char text[] =
        "{\"version\": 1, \"objective\": {\"primary\": \"val/loss\", \"mode\": \"min\"},"
        " \"actuators\": {\"opt\": {\"mutations\": {\"lr_mult\": {\"bounds\": [0.5, 1.5]}}}},"
        " \"search\": {\"seed\": 7, \"startup_trials\": 2, \"shared\": %s},"
        " \"population\": {\"sync\": \"%s\"}}";
    char filled[512];
    ht_recipe *r = NULL;
    const char *sync = pool_syncs[ht_random_below(&s->r, 2)];
    if (pooled)
        return pool_recipe(pool_policies[ht_random_below(&s->r, POOL_POLICIES)], sync,
                           ht_random_below(&s->r, 4) == 0 ? "max" : "min");
    snprintf(filled, sizeof filled, text, ht_random_below(&s->r, 2) == 0 ? "true" : "false", sync);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(filled, "test", &r, NULL), HT_OK);
    return r;
}

static void check_end(run *s)
{
    cJSON *a = ht_coordinator_live(s->lived), *b = ht_coordinator_live(s->told);
    s->differs |= !cJSON_Compare(a, b, true);
    cJSON_Delete(a);
    cJSON_Delete(b);
    CU_ASSERT_EQUAL(ht_coordinator_finish(s->lived, s->now), HT_OK);
    CU_ASSERT_EQUAL(ht_coordinator_finish(s->told, s->now), HT_OK);
    compare(s);
}

/* @return whether both said the same */
static bool play(uint64_t seed, bool pooled, run *s)
{
    *s = (run){.r = ht_random_stream(seed, HT_RANDOM_TEST, 8, pooled)};
    ht_recipe *recipe = draw_recipe(s, pooled);
    s->n = 1 + (int)ht_random_below(&s->r, 5);
    ht_coordinator_options o = {.n_replicas = s->n, .recipe = recipe, .mode = HT_MODE_ACTIVE,
                                .epochs = 3 + (int)ht_random_below(&s->r, 12),
                                .silence_s = ht_random_between(&s->r, .3, 5)};
    CU_ASSERT_EQUAL_FATAL(ht_coordinator_create(&o, &s->lived, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_coordinator_create(&o, &s->told, NULL), HT_OK);
    for (int i = 0; i < MOST; i++)
        s->at[i].slowness = ht_random_below(&s->r, 4) == 0 ? ht_random_between(&s->r, 1, 8) : 1;
    compare(s);
    for (int i = 0; i < STEPS && !s->differs; i++)
        step(s);
    check_end(s);
    if (s->differs)
        fprintf(stderr, "    seed %llu, %s\n", (unsigned long long)seed, pooled ? "pooled" : "independent");
    ht_coordinator_destroy(s->lived);
    ht_coordinator_destroy(s->told);
    ht_recipe_destroy(recipe);
    return !s->differs;
}

static long setting(const char *name, long normal)
{
    const char *text = getenv(name);
    return text != NULL ? strtol(text, NULL, 10) : normal;
}

static void play_many(bool pooled)
{
    static run s;
    uint64_t first = (uint64_t)setting("HT_SEED", 1);
    long schedules = setting("HT_SCHEDULES", 300), wrong = 0, retired = 0, silent = 0;
    for (long i = 0; i < schedules && wrong < 3; i++) {
        wrong += !play(first + (uint64_t)i, pooled, &s);
        retired += s.retired;
        silent += s.silent;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(retired > schedules / 20 && silent > schedules);
}

static void a_pooled_run_told_again_is_the_same(void)
{
    play_many(true);
}

static void a_run_of_independent_replicas_told_again_is_the_same(void)
{
    play_many(false);
}

/* ---- bytes and back ---------------------------------------------------------------------------- */

typedef struct {
    ht_coordinator *c;
    ht_recipe *recipe;
} fresh;

static fresh one(void)
{
    fresh f = {NULL, pool_recipe("static", "elastic", "min")};
    const ht_coordinator_options o = {.n_replicas = 1, .recipe = f.recipe, .mode = HT_MODE_ACTIVE};
    CU_ASSERT_EQUAL_FATAL(ht_coordinator_create(&o, &f.c, NULL), HT_OK);
    return f;
}

static void end(fresh *f)
{
    ht_coordinator_destroy(f->c);
    ht_recipe_destroy(f->recipe);
}

static void what_is_no_input_is_refused_and_changes_nothing(void)
{
    static const struct {
        ht_input_kind kind;
        const char *text, *why;
    } bad[] = {{HT_INPUT_OPERATION, "{\"body\": {}}", "an operation of the journal has no source"},
               {HT_INPUT_OPERATION, "{\"body\": {}, \"source\": 99}",
                "an operation of the journal has no source"},
               {HT_INPUT_FREEZE, "{\"mode\": \"ice\"}", "a freeze mode of the journal is none"},
               {HT_INPUT_FREEZE, "{}", "a freeze mode of the journal is none"}};
    fresh f = one();
    ht_string said = said_by(f.c, NULL);
    ht_string_release(&said);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ht_error err = {""};
        CU_ASSERT_EQUAL(ht_feed(f.c, bad[i].kind, 1, -1, bad[i].text, strlen(bad[i].text), &err), HT_EFORMAT);
        CU_ASSERT_STRING_EQUAL(err.text, bad[i].why);
    }
    CU_ASSERT_NOT_EQUAL(ht_feed(f.c, HT_INPUT_OPERATION, 1, -1, "{", 1, NULL), HT_OK);
    CU_ASSERT_FALSE(ht_coordinator_has_output(f.c));
    end(&f);
}

static void what_is_for_the_journal_alone_is_nothing_to_the_coordinator(void)
{
    static const ht_input_kind kinds[] = {HT_INPUT_START, HT_INPUT_SAVED, HT_INPUT_RESUMED};
    fresh f = one();
    ht_string said = said_by(f.c, NULL);
    ht_string_release(&said);
    for (size_t i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(ht_feed(f.c, kinds[i], 1, 0, "12345678", 8, NULL), HT_OK);
    CU_ASSERT_FALSE(ht_coordinator_has_output(f.c));
    end(&f);
}

CASES("feed", CASE(a_pooled_run_told_again_is_the_same),
      CASE(a_run_of_independent_replicas_told_again_is_the_same),
      CASE(what_is_no_input_is_refused_and_changes_nothing),
      CASE(what_is_for_the_journal_alone_is_nothing_to_the_coordinator))
