/* tests/population/test_coordinator_pool.c - a pooled run as the coordinator sees it: who takes part, who is
 * lost, what becomes of verdicts and of what is asked from outside. Replicas are answers that the test gives.
 */
#include "cases.h"

#include <CUnit/CUnit.h>
#include <math.h>
#include <stdlib.h>

#include "population/coordinator.h"
#include "population/samples.h"

enum { REPLICAS = 4, RECORDS_MAX = 4000 };

typedef struct {
    bool welcomed, pooled, ended, champion;
    ht_mode mode;             /* of the WELCOME */
    unsigned long work;       /* WORK that waits for its REPORT; 0 = none */
    unsigned long measure;    /* the same of MEASURED */
    int epochs, stops, works; /* of the WORK; STOPs and WORKs that came */
    long long step;
} seat;

typedef struct {
    ht_coordinator *c;
    double now, loss; /* loss: of the next REPORT; falls a little with each */
    seat at[REPLICAS];
    size_t n_records;
    ht_record records[RECORDS_MAX];
    int plans, refusals;
} stage;

/* ---- a coordinator and all that comes out of it ------------------------------------------------ */

static void take_order(seat *r, int replica, const ht_pool_order *o)
{
    if (o->kind == HT_ORDER_WORK) {
        r->work = o->number;
        r->epochs = o->epochs;
        r->works++;
    }
    r->stops += o->kind == HT_ORDER_STOP;
    if (o->kind == HT_ORDER_VALIDATE || (o->kind == HT_ORDER_MEAN && o->members[o->n_members - 1] == replica))
        r->measure = o->number;
    r->ended |= o->kind == HT_ORDER_END;
    r->champion |= o->kind == HT_ORDER_END && o->champion;
}

static void drain(stage *s)
{
    static ht_packet m;
    ht_bytes bytes;
    int replica;
    while (ht_coordinator_next_message(s->c, &replica, &bytes)) {
        seat *r = &s->at[replica];
        CU_ASSERT_EQUAL_FATAL(ht_packet_decode(bytes.data, bytes.n, &m, NULL), HT_OK);
        free(bytes.data);
        if (m.kind == HT_MESSAGE_WELCOME) {
            r->welcomed = true;
            r->pooled = m.as.welcome.pooled;
            r->mode = m.as.welcome.mode;
        } else if (m.kind == HT_MESSAGE_ORDER) {
            take_order(r, replica, &m.as.pool_order);
        }
        ht_packet_release(&m);
    }
    while (s->n_records < RECORDS_MAX && ht_coordinator_next_record(s->c, &s->records[s->n_records]))
        s->n_records++;
}

static void count_plan(void *ctx, const char *plan)
{
    stage *s = ctx;
    s->plans += strstr(plan, "policy: ") != NULL;
    s->refusals += strstr(plan, "not pooled: ") == plan;
}

static stage *stage_with(ht_coordinator_options o, const char *population)
{
    char text[768];
    ht_recipe *recipe = NULL;
    ht_error err = {""};
    stage *s = calloc(1, sizeof *s);
    snprintf(text, sizeof text,
             "{\"version\": 1, \"objective\": {\"primary\": \"val/loss\", \"mode\": \"min\"},"
             " \"actuators\": {\"opt\": {\"mutations\": {\"lr_mult\": {\"bounds\": [0.5, 1.5], \"range\": "
             "[1e-4, 1]}}}},"
             " \"search\": {\"seed\": 7}, \"population\": {\"mode\": \"pooled\"%s}}",
             population);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(text, "test", &recipe, &err), HT_OK);
    s->loss = 4;
    o.n_replicas = REPLICAS;
    o.recipe = recipe;
    o.announce = count_plan;
    o.announce_ctx = s;
    CU_ASSERT_EQUAL_FATAL(ht_coordinator_create(&o, &s->c, &err), HT_OK);
    ht_recipe_destroy(recipe);
    drain(s);
    return s;
}

static stage *stage_of(const char *population)
{
    return stage_with((ht_coordinator_options){.mode = HT_MODE_ACTIVE, .epochs = 40, .silence_s = 10},
                      population);
}

static void end(stage *s)
{
    drain(s);
    for (size_t i = 0; i < s->n_records; i++)
        ht_record_release(&s->records[i]);
    ht_coordinator_destroy(s->c);
    free(s);
}

static size_t count(const stage *s, ht_record_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_records; i++)
        n += s->records[i].kind == kind;
    return n;
}

static bool was_said(const stage *s, const char *part)
{
    for (size_t i = 0; i < s->n_records; i++)
        if (s->records[i].kind == HT_RECORD_EVENT && strstr(s->records[i].as.event, part) != NULL)
            return true;
    return false;
}

static const ht_ledger_line *last_line(const stage *s)
{
    for (size_t i = s->n_records; i > 0; i--)
        if (s->records[i - 1].kind == HT_RECORD_LEDGER)
            return &s->records[i - 1].as.ledger;
    CU_FAIL_FATAL("no ledger line");
    return NULL;
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

static ht_member whole_member(void)
{
    ht_member m = {.has_init = true,
                   .has_state = true,
                   .has_validate = true,
                   .state_bytes = 8,
                   .layout = 1,
                   .n_knobs = 1};
    m.knobs[0] = (ht_member_knob){.actuator = "opt", .name = "lr", .value = .01, .lo = 1e-5, .hi = 10};
    return m;
}

static void hello(stage *s, int replica, const ht_member *member)
{
    ht_packet *m = calloc(1, sizeof *m);
    char controls[] = "[]";
    m->kind = HT_MESSAGE_HELLO;
    m->as.hello = (ht_hello){.actuators = "opt", .controls = controls, .member = *member};
    send(s, replica, m);
    free(m);
}

static void all_join(stage *s)
{
    const ht_member m = whole_member();
    for (int i = 0; i < REPLICAS; i++)
        hello(s, i, &m);
}

static void tell(stage *s, int replica, ht_pool_event e)
{
    ht_packet *m = calloc(1, sizeof *m);
    m->kind = HT_MESSAGE_EVENT;
    m->as.event = e;
    send(s, replica, m);
    free(m);
}

static void tick(stage *s, int replica, int epoch)
{
    s->at[replica].step += 10;
    tell(s, replica,
         (ht_pool_event){.kind = HT_EVENT_TICK,
                         .number = s->at[replica].work,
                         .epoch = epoch,
                         .loss = s->loss,
                         .best = s->loss,
                         .seconds = 1,
                         .step = s->at[replica].step});
}

static void report(stage *s, int replica)
{
    seat *r = &s->at[replica];
    unsigned long number = r->work;
    s->loss *= .999;
    r->step += 10 * r->epochs;
    r->work = 0;
    tell(s, replica,
         (ht_pool_event){.kind = HT_EVENT_REPORT,
                         .number = number,
                         .epoch = r->epochs,
                         .loss = s->loss,
                         .best = s->loss,
                         .seconds = r->epochs,
                         .step = r->step});
}

static void measured(stage *s, int replica)
{
    unsigned long number = s->at[replica].measure;
    s->at[replica].measure = 0;
    tell(s, replica,
         (ht_pool_event){.kind = HT_EVENT_MEASURED, .number = number, .loss = s->loss, .best = NAN});
}

static void bye(stage *s, int replica)
{
    ht_packet *m = calloc(1, sizeof *m);
    m->kind = HT_MESSAGE_BYE;
    m->as.bye = (ht_bye){.step = s->at[replica].step, .mode = HT_MODE_OBSERVE};
    send(s, replica, m);
    free(m);
}

static void pass(stage *s, double seconds)
{
    s->now += seconds;
    CU_ASSERT_EQUAL(ht_coordinator_tick(s->c, s->now), HT_OK);
    drain(s);
}

/* Everybody answers what it owes, once. @return false: nobody owed anything */
static bool answer_all(stage *s)
{
    bool some = false;
    s->now += 1;
    for (int i = 0; i < REPLICAS; i++) {
        seat was = s->at[i];
        if (was.measure != 0)
            measured(s, i);
        else if (was.work != 0)
            report(s, i);
        some |= was.measure != 0 || was.work != 0;
    }
    pass(s, 0);
    return some;
}

static void operate(stage *s, const char *body)
{
    ht_operation o = {.command_end = -1};
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(body, &o.body, NULL, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_coordinator_operate(s->c, s->now, &o), HT_OK);
    drain(s);
}

/* ---- pooled or not ----------------------------------------------------------------------------- */

static void a_run_is_pooled_when_everything_is_there(void)
{
    stage *s = stage_of("");
    all_join(s);
    CU_ASSERT_EQUAL(s->plans, 1);
    CU_ASSERT_PTR_NOT_NULL(view(s).pool);
    for (int i = 0; i < REPLICAS; i++)
        CU_ASSERT_TRUE(s->at[i].pooled && s->at[i].work != 0);
    end(s);
}

static void a_run_that_cannot_be_pooled_says_why_and_is_independent(void)
{
    static const char pooled[] = "", halving[] = ", \"policy\": \"halving\"";
    const struct {
        const char *population, *why;
        bool no_init, no_state, no_validate, no_epochs, no_knob;
        ht_mode mode;
        bool warns;
    } cases[] = {
        {halving, "init callback", .no_init = true, .mode = HT_MODE_ACTIVE, .warns = true},
        {pooled, "register the state's buffers", .no_state = true, .mode = HT_MODE_ACTIVE, .warns = true},
        {pooled, "callback that validates", .no_validate = true, .mode = HT_MODE_ACTIVE, .warns = true},
        {pooled, "max_epochs", .no_epochs = true, .mode = HT_MODE_ACTIVE, .warns = true},
        {pooled, "no factor", .no_knob = true, .mode = HT_MODE_ACTIVE, .warns = true},
        {pooled, "mode observe", .mode = HT_MODE_OBSERVE},
        {pooled, "mode suggest", .mode = HT_MODE_SUGGEST},
        {pooled, "mode off", .mode = HT_MODE_OFF},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stage *s = stage_with((ht_coordinator_options){.mode = cases[i].mode,
                                                       .epochs = cases[i].no_epochs ? 0 : 40,
                                                       .silence_s = 10},
                              cases[i].population);
        ht_member m = whole_member();
        m.has_init = !cases[i].no_init;
        m.has_state = !cases[i].no_state;
        m.has_validate = !cases[i].no_validate;
        m.n_knobs = cases[i].no_knob ? 0 : 1;
        hello(s, 0, &m);
        CU_ASSERT_TRUE(s->at[0].welcomed && !s->at[0].pooled && s->at[0].mode == cases[i].mode);
        CU_ASSERT_PTR_NULL(view(s).pool);
        CU_ASSERT_EQUAL(s->plans, 0);
        CU_ASSERT_EQUAL(s->refusals, cases[i].warns);
        CU_ASSERT_TRUE(was_said(s, "not pooled, each replica is for itself"));
        CU_ASSERT_TRUE(was_said(s, cases[i].why));
        cJSON *live = ht_coordinator_live(s->c);
        CU_ASSERT_EQUAL(cJSON_GetArraySize(ht_json_member(live, "warnings")), cases[i].warns);
        cJSON_Delete(live);
        end(s);
    }
}

static void what_is_asked_before_the_first_replica_decides_and_is_done_at_once(void)
{
    stage *s = stage_of("");
    operate(s, "{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":\"observe\"}}");
    CU_ASSERT_EQUAL(count(s, HT_RECORD_LEDGER), 0);
    all_join(s);
    CU_ASSERT_TRUE(!s->at[0].pooled && s->at[0].mode == HT_MODE_OBSERVE);
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_APPLIED);
    end(s);

    s = stage_of("");
    operate(s, "{\"module\":\"tune\",\"op\":\"set\",\"params\":{\"population.mode\":\"independent\"}}");
    all_join(s);
    CU_ASSERT_PTR_NULL(view(s).pool);
    end(s);

    s = stage_of("");
    operate(s, "{\"module\":\"tune\",\"op\":\"set\",\"params\":{\"population.merge\":\"perhaps\"}}");
    all_join(s);
    CU_ASSERT_PTR_NOT_NULL(view(s).pool);
    CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_FAILED);
    end(s);
}

static void a_replica_with_another_layout_trains_beside_the_pool(void)
{
    stage *s = stage_of("");
    ht_member m = whole_member();
    for (int i = 0; i < REPLICAS; i++) {
        m.layout = i == 2 ? 99 : 1;
        hello(s, i, &m);
    }
    CU_ASSERT_TRUE(s->at[1].pooled && !s->at[2].pooled && s->at[2].mode == HT_MODE_OFF);
    CU_ASSERT_TRUE(was_said(s, "replica 2 brings another training state or other knobs"));
    CU_ASSERT_TRUE(s->at[0].work != 0 && s->at[2].work == 0); /* the others did not wait for it */
    tick(s, 0, 1);
    pass(s, 11);
    CU_ASSERT_TRUE(was_said(s, "replica 2 is lost")); /* its silence is noticed, too */
    end(s);
}

/* ---- silence ---------------------------------------------------------------------------------- */

static void a_replica_that_works_in_silence_is_lost_and_one_that_waits_is_not(void)
{
    stage *s = stage_of(", \"sync\": \"barrier\"");
    all_join(s);
    for (int i = 0; i < REPLICAS; i++)
        tick(s, i, 1);
    report(s, 0); /* it waits for the others now */
    pass(s, 21);
    CU_ASSERT_EQUAL(view(s).lost, 0); /* they may wait for a transfer */
    tick(s, 1, 2);
    pass(s, 2);
    CU_ASSERT_EQUAL(view(s).lost, 2);
    CU_ASSERT_TRUE(was_said(s, "replica 2 is lost") && was_said(s, "replica 3 is lost"));
    CU_ASSERT_FALSE(was_said(s, "replica 0 is lost"));
    end(s);
}

static void silence_begins_with_the_work_not_with_the_wait_before_it(void)
{
    stage *s = stage_of(", \"sync\": \"barrier\"");
    all_join(s);
    int works = s->at[0].works;
    report(s, 0);
    for (int k = 0; k < 10; k++) { /* the others need long */
        pass(s, 10);
        for (int i = 1; i < REPLICAS; i++)
            tick(s, i, 1);
    }
    for (int i = 1; i < REPLICAS; i++)
        report(s, i);
    pass(s, 1);
    CU_ASSERT_EQUAL(s->at[0].works, works + 1);
    CU_ASSERT_EQUAL(view(s).lost, 0);
    end(s);
}

static void a_transfer_that_failed_does_not_excuse_silence(void)
{
    stage *s = stage_of("");
    all_join(s);
    for (int i = 0; i < REPLICAS; i++)
        tick(s, i, 1);
    tell(s, 2, (ht_pool_event){.kind = HT_EVENT_FAILED, .number = 12345, .loss = NAN, .best = NAN});
    pass(s, 31);
    CU_ASSERT_EQUAL(view(s).lost, REPLICAS);
    end(s);
}

static void one_that_was_lost_and_is_back_gets_work_again(void)
{
    stage *s = stage_of("");
    all_join(s);
    for (int i = 0; i < REPLICAS; i++)
        tick(s, i, 1);
    pass(s, 25);
    for (int i = 0; i < 3; i++)
        tick(s, i, 2);
    pass(s, 10);
    CU_ASSERT_EQUAL(view(s).lost, 1);
    int works = s->at[3].works;
    report(s, 3); /* it was only slow */
    CU_ASSERT_TRUE(was_said(s, "replica 3 is back"));
    for (int k = 0; k < 40 && s->at[3].works == works; k++)
        answer_all(s);
    CU_ASSERT_TRUE(s->at[3].works > works);
    end(s);
}

static void a_farewell_before_the_end_is_a_loss_for_the_pool(void)
{
    stage *s = stage_of("");
    all_join(s);
    bye(s, 1);
    CU_ASSERT_EQUAL(view(s).done, 1);
    CU_ASSERT_EQUAL(view(s).lost, 0);
    CU_ASSERT_TRUE(was_said(s, "replica 1 is lost")); /* says the pool */
    int works = s->at[1].works;
    for (int k = 0; k < 400 && answer_all(s); k++)
        s->at[1].work = s->at[1].measure = 0;
    CU_ASSERT_EQUAL(s->at[1].works, works);
    CU_ASSERT_TRUE(s->at[0].ended && s->at[2].ended && s->at[3].ended && !s->at[1].ended);
    end(s);
}

/* ---- a whole run ------------------------------------------------------------------------------- */

static void verdicts_become_mutations_and_segments_with_one_number_each(void)
{
    stage *s = stage_of("");
    unsigned long mutations = 0, segments = 0;
    all_join(s);
    for (int k = 0; k < 400 && answer_all(s); k++)
        ;
    int champions = 0;
    for (int i = 0; i < REPLICAS; i++) {
        CU_ASSERT_TRUE(s->at[i].ended);
        champions += s->at[i].champion;
        bye(s, i);
    }
    CU_ASSERT_EQUAL(champions, 1);
    CU_ASSERT_TRUE(ht_coordinator_is_done(s->c));
    for (size_t i = 0; i < s->n_records; i++) {
        const ht_record *r = &s->records[i];
        if (r->kind == HT_RECORD_MUTATION) {
            const ht_mutation *m = &r->as.mutation;
            CU_ASSERT_EQUAL(m->number, ++mutations);
            CU_ASSERT_STRING_EQUAL(m->actuator, "opt");
            CU_ASSERT_STRING_EQUAL(m->key, "lr_mult");
            CU_ASSERT_DOUBLE_EQUAL(m->changes[0].after[0] / m->changes[0].before[0],
                                   m->patch.value.scalar.number, 1e-12);
            CU_ASSERT_TRUE(m->status == HT_MUTATION_ACCEPTED || m->status == HT_MUTATION_REJECTED);
        } else if (r->kind == HT_RECORD_SEGMENT) {
            CU_ASSERT_EQUAL(r->as.closed.segment.number, ++segments);
            CU_ASSERT_EQUAL(r->as.closed.segment.mutation, mutations);
        }
    }
    CU_ASSERT_TRUE(mutations > 10 && segments == mutations);
    CU_ASSERT_TRUE(count(s, HT_RECORD_POPULATION) > 5);
    CU_ASSERT_EQUAL(view(s).statistics->total_mutations, mutations);
    CU_ASSERT_EQUAL(view(s).best, s->loss);
    end(s);
}

static void stop_ends_the_run_at_the_next_epochs(void)
{
    stage *s = stage_of("");
    all_join(s);
    for (int k = 0; k < 6; k++)
        answer_all(s);
    ht_coordinator_stop(s->c, s->now);
    drain(s);
    int works = 0, after = 0;
    for (int i = 0; i < REPLICAS; i++) {
        works += s->at[i].works;
        CU_ASSERT_TRUE(s->at[i].stops == (s->at[i].work != 0) && !s->at[i].ended);
    }
    answer_all(s);
    answer_all(s);
    for (int i = 0; i < REPLICAS; i++) {
        after += s->at[i].works;
        CU_ASSERT_TRUE(s->at[i].ended);
    }
    CU_ASSERT_EQUAL(after, works);
    end(s);
}

static void stop_before_the_first_replica_ends_the_run_at_once(void)
{
    stage *s = stage_of("");
    ht_coordinator_stop(s->c, s->now);
    all_join(s);
    pass(s, 1);
    for (int i = 0; i < REPLICAS; i++)
        CU_ASSERT_TRUE(s->at[i].ended && s->at[i].works == 0);
    end(s);
}

/* ---- what is asked from outside ---------------------------------------------------------------- */

/* Mutations that are written while everybody answers n times. */
static size_t mutations_in(stage *s, int n)
{
    size_t before = count(s, HT_RECORD_MUTATION);
    for (int k = 0; k < n; k++)
        answer_all(s);
    return count(s, HT_RECORD_MUTATION) - before;
}

static void freeze_and_disable_calm_the_pool_and_it_trains_on(void)
{
    static const char *const both[][2] = {
        {"{\"module\":\"tune\",\"op\":\"disable\"}", "{\"module\":\"tune\",\"op\":\"enable\"}"},
        {"{\"module\":\"core\",\"op\":\"freeze\",\"params\":{\"mode\":\"prod\"}}",
         "{\"module\":\"core\",\"op\":\"unfreeze\"}"},
        {"{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":\"suggest\"}}",
         "{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":\"active\"}}"}};
    for (size_t i = 0; i < 3; i++) {
        stage *s =
            stage_with((ht_coordinator_options){.mode = HT_MODE_ACTIVE, .epochs = 400, .silence_s = 10},
                       ", \"race\": {\"per_replica\": 0}, \"tournament\": {\"islands\": 1}},"
                       " \"acceptance\": {\"horizon\": \"val_epochs:1\"");
        all_join(s);
        CU_ASSERT_TRUE(mutations_in(s, 16) > 0);
        operate(s, both[i][0]);
        CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_APPLIED);
        CU_ASSERT_EQUAL(count(s, HT_RECORD_LEDGER), 1);
        mutations_in(s, 4); /* those that are on their way */
        int works = s->at[0].works;
        CU_ASSERT_EQUAL(mutations_in(s, 8), 0);
        CU_ASSERT_TRUE(s->at[0].works > works);
        operate(s, both[i][1]);
        CU_ASSERT_TRUE(mutations_in(s, 12) > 0);
        end(s);
    }
}

static void what_would_spoil_a_pooled_run_is_refused_with_a_reason(void)
{
    static const char *const bodies[] = {
        "{\"module\":\"tune\",\"op\":\"set\",\"params\":{\"acceptance.epsilon\":1}}",
        "{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":\"replay\"}}",
        "{\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"lr\":0.5}}",
        "{\"module\":\"opt\",\"op\":\"set_params\",\"params\":{\"key\":\"lr\",\"value\":0.5}}",
        "{\"module\":\"opt\",\"op\":\"disable\",\"id\":\"lr\"}",
    };
    stage *s = stage_of("");
    all_join(s);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        operate(s, bodies[i]);
        CU_ASSERT_EQUAL(count(s, HT_RECORD_LEDGER), i + 1);
        CU_ASSERT_EQUAL(last_line(s)->decision, HT_LEDGER_FAILED);
        CU_ASSERT_PTR_NOT_NULL(strstr(last_line(s)->error, "pooled_run: "));
    }
    CU_ASSERT_NOT_EQUAL(view(s).recipe->acceptance.epsilon, 1);
    operate(s, "{\"module\":\"other\",\"op\":\"set_params\",\"params\":{\"lr\":0.5}}");
    CU_ASSERT_EQUAL(count(s, HT_RECORD_LEDGER), sizeof bodies / sizeof *bodies); /* goes to the replicas */
    end(s);
}

CASES("coordinator_pool", CASE(a_run_is_pooled_when_everything_is_there),
      CASE(a_run_that_cannot_be_pooled_says_why_and_is_independent),
      CASE(what_is_asked_before_the_first_replica_decides_and_is_done_at_once),
      CASE(a_replica_with_another_layout_trains_beside_the_pool),
      CASE(a_replica_that_works_in_silence_is_lost_and_one_that_waits_is_not),
      CASE(silence_begins_with_the_work_not_with_the_wait_before_it),
      CASE(a_transfer_that_failed_does_not_excuse_silence),
      CASE(one_that_was_lost_and_is_back_gets_work_again),
      CASE(a_farewell_before_the_end_is_a_loss_for_the_pool),
      CASE(verdicts_become_mutations_and_segments_with_one_number_each),
      CASE(stop_ends_the_run_at_the_next_epochs), CASE(stop_before_the_first_replica_ends_the_run_at_once),
      CASE(freeze_and_disable_calm_the_pool_and_it_trains_on),
      CASE(what_would_spoil_a_pooled_run_is_refused_with_a_reason))
