/* tests/population/test_agent_pool.c - the replica's side of a pooled run. The coordinator is a script:
 * orders that the test put into the mail, in the order in which the agent will find them. */
#include "cases.h"

#include <CUnit/CUnit.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "population/agent.h"

enum { MAIL_MAX = 64 };

typedef struct {
    ht_agent *agent;
    ht_metrics *metrics;
    ht_actuators *actuators;
    ht_knobs *knobs;
    double lr, loss, now, kept; /* kept: loss of the weights that were kept */
    long long step;
    ht_string deeds;    /* what was done to the training, in order */
    const char *broken; /* the deed that fails; NULL = none */
    double validation_s;
    size_t n_mail, n_later, n_events;
    ht_bytes mail[MAIL_MAX], later[MAIL_MAX]; /* later: sent when a REPORT comes in */
    ht_pool_event events[MAIL_MAX];
    int waits, warnings, byes;
    bool empty; /* no slot holds anything */
    bool dead;  /* the coordinator */
} stage;

/* ---- the training ------------------------------------------------------------------------------ */

static ht_status deed(stage *s, ht_error *err, const char *what, unsigned long n)
{
    ht_string_add(&s->deeds, "%s%lu ", what, n);
    return s->broken != NULL && strcmp(s->broken, what) == 0 ? ht_fail(err, HT_EFAILED, "no %s today", what)
                                                             : HT_OK;
}

static ht_status init(void *ctx, uint64_t seed, ht_error *err)
{
    return deed(ctx, err, "init", (unsigned long)seed);
}

static ht_status validate(void *ctx, double *objective, ht_error *err)
{
    stage *s = ctx;
    *objective = s->loss;
    s->now += s->validation_s;
    return deed(s, err, "validate", 0);
}

static ht_status save(void *ctx, unsigned slot, ht_error *err)
{
    return deed(ctx, err, "save", slot);
}

static ht_status load(void *ctx, unsigned slot, ht_error *err)
{
    return ((stage *)ctx)->empty ? HT_ENOTFOUND : deed(ctx, err, "load", slot);
}

static void drop(void *ctx, unsigned slot)
{
    deed(ctx, NULL, "drop", slot);
}

static ht_status give(void *ctx, unsigned long number, unsigned slot, int to, ht_error *err)
{
    (void)slot, (void)to;
    return deed(ctx, err, "send", number);
}

static ht_status receive(void *ctx, unsigned long number, unsigned slot, int from, ht_error *err)
{
    (void)slot, (void)from;
    return deed(ctx, err, "receive", number);
}

static ht_status mean(void *ctx, unsigned long number, size_t n, const int *members, ht_error *err)
{
    (void)n, (void)members;
    return deed(ctx, err, "mean", number);
}

static ht_status keep_best(void *ctx, ht_error *err)
{
    stage *s = ctx;
    s->kept = s->loss;
    return deed(s, err, "keep", 0);
}

static double now(void *ctx)
{
    return ((stage *)ctx)->now;
}

static ht_status set_lr(void *ctx, const ht_value *value, const ht_env *env, ht_error *err)
{
    stage *s = ctx;
    (void)env;
    s->lr = value->scalar.number;
    return deed(s, err, "set", 0);
}

static bool get_lr(void *ctx, ht_value *out)
{
    *out = ht_real(((stage *)ctx)->lr);
    return true;
}

/* ---- the link ---------------------------------------------------------------------------------- */

static ht_status link_send(void *ctx, const void *bytes, size_t n, ht_error *err)
{
    static ht_packet m;
    stage *s = ctx;
    (void)err;
    CU_ASSERT_EQUAL_FATAL(ht_packet_decode(bytes, n, &m, NULL), HT_OK);
    s->byes += m.kind == HT_MESSAGE_BYE;
    if (m.kind == HT_MESSAGE_EVENT && s->n_events < MAIL_MAX)
        s->events[s->n_events++] = m.as.event;
    for (; m.kind == HT_MESSAGE_EVENT && m.as.event.kind == HT_EVENT_REPORT && s->n_later > 0; s->n_later--) {
        s->mail[s->n_mail++] = s->later[0];
        memmove(s->later, s->later + 1, (s->n_later - 1) * sizeof s->later[0]);
    }
    ht_packet_release(&m);
    return HT_OK;
}

static ht_status link_receive(void *ctx, double timeout_s, ht_bytes *out, ht_error *err)
{
    stage *s = ctx;
    (void)err;
    if (s->n_mail == 0 || s->dead) {
        s->waits += timeout_s > 0;
        s->now += timeout_s;
        return HT_ETIMEOUT;
    }
    *out = s->mail[0];
    memmove(s->mail, s->mail + 1, --s->n_mail * sizeof s->mail[0]);
    return HT_OK;
}

static void post(stage *s, const ht_packet *m)
{
    CU_ASSERT_FATAL(s->n_mail < MAIL_MAX);
    CU_ASSERT_EQUAL_FATAL(ht_packet_encode(m, &s->mail[s->n_mail++]), HT_OK);
}

static void order(stage *s, ht_pool_order o)
{
    ht_packet *m = calloc(1, sizeof *m);
    m->kind = HT_MESSAGE_ORDER;
    m->as.pool_order = o;
    post(s, m);
    free(m);
}

/* The last order comes only after the REPORT. */
static void after_report(stage *s)
{
    s->later[s->n_later++] = s->mail[--s->n_mail];
}

/* WORK that begins with init, from this learning rate. */
static void work(stage *s, unsigned long number, int epochs, double lr)
{
    order(s, (ht_pool_order){.kind = HT_ORDER_WORK,
                             .number = number,
                             .source = HT_FROM_INIT,
                             .seed = number,
                             .epochs = epochs,
                             .n_knobs = 1,
                             .knobs = {lr}});
}

static void warn(void *ctx, const char *text)
{
    (void)text;
    ((stage *)ctx)->warnings++;
}

static void welcome(stage *s)
{
    static const char recipe[] =
        "{\"version\": 1, \"objective\": {\"primary\": \"val/loss\", \"mode\": \"min\"},"
        " \"actuators\": {\"opt\": {\"mutations\": {\"lr_mult\": {}}}}}";
    char text[sizeof recipe];
    ht_packet *m = calloc(1, sizeof *m);
    m->kind = HT_MESSAGE_WELCOME;
    m->as.welcome =
        (ht_welcome){.replica = 1, .mode = HT_MODE_ACTIVE, .recipe = strcpy(text, recipe), .pooled = true};
    post(s, m);
    free(m);
}

/* A replica that is welcomed; the test orders the rest before it begins. */
static stage *stage_of(double lr)
{
    stage *s = calloc(1, sizeof *s);
    *s = (stage){.lr = lr, .loss = 1, .kept = NAN};
    CU_ASSERT_EQUAL_FATAL(ht_metrics_create(&s->metrics, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_actuators_create(&s->actuators, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_knobs_create(&s->knobs, NULL), HT_OK);
    const ht_knob_spec knob = {.key = "lr",
                               .type = HT_KNOB_LOG_FLOAT,
                               .set = set_lr,
                               .get = get_lr,
                               .ctx = s,
                               .group = "optimizer",
                               .has_min = true,
                               .min = 1e-6,
                               .has_max = true,
                               .max = 1,
                               .initial = ht_real(lr)};
    CU_ASSERT_EQUAL_FATAL(ht_knobs_add(s->knobs, &knob, NULL), HT_OK);
    ht_knobs_initialize(s->knobs);
    ht_actuators_attach_knobs(s->actuators, s->knobs);
    const ht_agent_options o = {.link = {s, link_send, link_receive},
                                .metrics = s->metrics,
                                .actuators = s->actuators,
                                .knobs = s->knobs,
                                .effector = ht_effector_local(s->actuators),
                                .patience_s = 2,
                                .auto_disable_on_error = true,
                                .warning = warn,
                                .warning_ctx = s};
    CU_ASSERT_EQUAL_FATAL(ht_agent_create(&o, &s->agent, NULL), HT_OK);
    ht_member member = {
        .has_init = true, .has_state = true, .has_validate = true, .state_bytes = 8, .n_knobs = 1};
    member.knobs[0] = (ht_member_knob){.actuator = "opt", .name = "lr", .value = lr, .lo = 1e-6, .hi = 1};
    ht_agent_bring(s->agent, &member,
                   &(ht_trainer){.ctx = s,
                                 .init = init,
                                 .validate = validate,
                                 .save = save,
                                 .load = load,
                                 .drop = drop,
                                 .send = give,
                                 .receive = receive,
                                 .mean = mean,
                                 .keep_best = keep_best,
                                 .now = now});
    welcome(s);
    return s;
}

static ht_status begin(stage *s)
{
    return ht_agent_begin(s->agent, NULL);
}

static void epoch(stage *s, double loss)
{
    s->step += 5;
    s->now += 1;
    s->loss = loss;
    ht_metrics_set(s->metrics, "val/loss", loss, NULL);
    const ht_env env = {.step = s->step, .epoch = (double)s->step / 5};
    CU_ASSERT_EQUAL(ht_agent_event(s->agent, HT_VAL_EPOCH_END, &env, NULL), HT_OK);
}

static const ht_pool_event *last(const stage *s)
{
    CU_ASSERT_FATAL(s->n_events > 0);
    return &s->events[s->n_events - 1];
}

static bool did(const stage *s, const char *deeds)
{
    return strcmp(ht_string_peek(&s->deeds), deeds) == 0;
}

static void end(stage *s)
{
    CU_ASSERT_EQUAL(ht_agent_close(s->agent, NULL), HT_OK);
    CU_ASSERT_EQUAL(s->byes, 1);
    ht_agent_destroy(s->agent);
    ht_actuators_destroy(s->actuators);
    ht_knobs_destroy(s->knobs);
    ht_metrics_destroy(s->metrics);
    for (size_t i = 0; i < s->n_mail; i++)
        free(s->mail[i].data);
    for (size_t i = 0; i < s->n_later; i++)
        free(s->later[i].data);
    ht_string_release(&s->deeds);
    free(s);
}

/* ---- work ------------------------------------------------------------------------------------- */

static void work_from_init_sets_the_knobs_and_ends_in_a_report(void)
{
    stage *s = stage_of(.001);
    work(s, 7, 2, .01);
    CU_ASSERT_EQUAL(begin(s), HT_OK);
    CU_ASSERT_TRUE(did(s, "init7 set0 "));
    CU_ASSERT_EQUAL(s->lr, .01);
    CU_ASSERT_TRUE(ht_agent_is_pooled(s->agent));
    epoch(s, 3);
    CU_ASSERT_TRUE(last(s)->kind == HT_EVENT_TICK && last(s)->epoch == 1 && last(s)->loss == 3);
    order(s, (ht_pool_order){.kind = HT_ORDER_END});
    epoch(s, 2);
    CU_ASSERT_TRUE(last(s)->kind == HT_EVENT_REPORT && last(s)->number == 7 && last(s)->epoch == 2);
    CU_ASSERT_TRUE(last(s)->loss == 2 && last(s)->best == 2 && last(s)->seconds == 2 && last(s)->step == 10);
    CU_ASSERT_TRUE(ht_agent_should_stop(s->agent) && !ht_agent_is_champion(s->agent));
    CU_ASSERT_EQUAL(s->waits, 0);
    end(s);
}

static void work_from_a_slot_loads_it_and_from_live_goes_on(void)
{
    stage *s = stage_of(.001);
    order(s, (ht_pool_order){.kind = HT_ORDER_WORK,
                             .number = 1,
                             .source = HT_FROM_SLOT,
                             .slot = 4,
                             .epochs = 1,
                             .n_knobs = 1,
                             .knobs = {.001}});
    begin(s);
    CU_ASSERT_TRUE(did(s, "load4 ")); /* lr has its value: it is left alone */
    order(s, (ht_pool_order){.kind = HT_ORDER_WORK,
                             .number = 2,
                             .source = HT_FROM_LIVE,
                             .epochs = 1,
                             .n_knobs = 1,
                             .knobs = {.002}});
    epoch(s, 1);
    CU_ASSERT_TRUE(did(s, "load4 keep0 set0 "));
    end(s);
}

static void a_knob_that_moved_meanwhile_is_set_again(void)
{
    stage *s = stage_of(.001);
    s->lr = .5; /* a schedule of the program's own */
    work(s, 1, 1, .001);
    begin(s);
    CU_ASSERT_EQUAL(s->lr, .001);
    end(s);
}

static void stop_ends_its_work_at_the_next_epoch_and_no_other(void)
{
    stage *s = stage_of(.001);
    work(s, 3, 10, .001);
    begin(s);
    order(s, (ht_pool_order){.kind = HT_ORDER_STOP, .number = 2});
    epoch(s, 1);
    CU_ASSERT_EQUAL(last(s)->kind, HT_EVENT_TICK);
    order(s, (ht_pool_order){.kind = HT_ORDER_STOP, .number = 3});
    work(s, 4, 1, .001);
    after_report(s);
    epoch(s, 1);
    CU_ASSERT_TRUE(last(s)->kind == HT_EVENT_REPORT && last(s)->epoch == 2);
    end(s);
}

static void a_loss_that_is_no_number_is_reported_at_once(void)
{
    stage *s = stage_of(.001);
    work(s, 1, 10, .001);
    begin(s);
    epoch(s, 1);
    work(s, 2, 1, .001);
    after_report(s);
    epoch(s, NAN);
    CU_ASSERT_TRUE(last(s)->kind == HT_EVENT_REPORT && last(s)->epoch == 2);
    CU_ASSERT_TRUE(isnan(last(s)->loss) && last(s)->best == 1);
    end(s);
}

static void the_wait_before_a_work_is_in_its_report(void)
{
    stage *s = stage_of(.001);
    work(s, 1, 1, .001);
    begin(s);
    s->validation_s = 4;
    order(s, (ht_pool_order){.kind = HT_ORDER_VALIDATE, .number = 2});
    after_report(s);
    work(s, 3, 2, .001);
    after_report(s);
    epoch(s, 1);
    CU_ASSERT_EQUAL(last(s)->kind, HT_EVENT_MEASURED);
    epoch(s, 1);
    CU_ASSERT_TRUE(last(s)->kind == HT_EVENT_TICK && last(s)->seconds == 1);
    order(s, (ht_pool_order){.kind = HT_ORDER_END});
    epoch(s, 1);
    CU_ASSERT_TRUE(last(s)->kind == HT_EVENT_REPORT && last(s)->waited == 4 && last(s)->seconds == 2);
    end(s);
}

/* ---- orders ----------------------------------------------------------------------------------- */

static void orders_during_training_are_done_at_the_epochs_end_in_order(void)
{
    int members[] = {0, 1, 2};
    stage *s = stage_of(.001);
    work(s, 1, 3, .001);
    begin(s);
    order(s, (ht_pool_order){.kind = HT_ORDER_SAVE, .slot = 2});
    order(s, (ht_pool_order){.kind = HT_ORDER_SEND, .number = 5, .slot = 2});
    order(s, (ht_pool_order){.kind = HT_ORDER_MEAN, .number = 6, .n_members = 3, .members = members});
    order(s, (ht_pool_order){.kind = HT_ORDER_DROP, .slot = 2});
    CU_ASSERT_TRUE(did(s, "init1 "));
    epoch(s, 1);
    CU_ASSERT_TRUE(did(s, "init1 keep0 save2 send5 mean6 drop2 "));
    CU_ASSERT_TRUE(s->n_events == 1 && last(s)->kind == HT_EVENT_TICK);
    end(s);
}

static void the_last_member_of_a_mean_validates_it(void)
{
    int members[] = {0, 1};
    stage *s = stage_of(.001);
    order(s, (ht_pool_order){.kind = HT_ORDER_MEAN, .number = 6, .n_members = 2, .members = members});
    work(s, 7, 1, .001);
    begin(s);
    CU_ASSERT_TRUE(did(s, "mean6 validate0 keep0 init7 "));
    CU_ASSERT_TRUE(last(s)->kind == HT_EVENT_MEASURED && last(s)->number == 6 && last(s)->loss == 1);
    end(s);
}

static void what_cannot_be_done_is_answered_as_the_pool_expects_it_and_the_run_goes_on(void)
{
    static const struct {
        const char *broken;
        ht_pool_order_kind kind;
        ht_pool_event_kind answer; /* 0 = none */
    } cases[] = {
        {"send", HT_ORDER_SEND, HT_EVENT_FAILED},
        {"receive", HT_ORDER_RECEIVE, HT_EVENT_FAILED},
        {"mean", HT_ORDER_MEAN, HT_EVENT_MEASURED},
        {"validate", HT_ORDER_VALIDATE, HT_EVENT_MEASURED},
        {"save", HT_ORDER_SAVE, 0},
        {"load", HT_ORDER_LOAD, 0},
        {"load", HT_ORDER_WORK, HT_EVENT_REPORT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int members[] = {0, 1};
        stage *s = stage_of(.001);
        s->broken = cases[i].broken;
        order(s, (ht_pool_order){.kind = cases[i].kind,
                                 .number = 9,
                                 .slot = 3,
                                 .source = HT_FROM_SLOT,
                                 .epochs = 5,
                                 .n_knobs = 1,
                                 .knobs = {.001},
                                 .n_members = 2,
                                 .members = members});
        work(s, 10, 1, .001);
        CU_ASSERT_EQUAL(begin(s), HT_OK);
        CU_ASSERT_EQUAL(s->n_events, cases[i].answer != 0);
        if (cases[i].answer != 0) {
            CU_ASSERT_TRUE(last(s)->kind == cases[i].answer && last(s)->number == 9 && last(s)->epoch == 0);
            CU_ASSERT_TRUE(isnan(last(s)->loss));
            CU_ASSERT_PTR_NOT_NULL(strstr(last(s)->text, "today"));
        }
        CU_ASSERT_PTR_NOT_NULL(strstr(ht_string_peek(&s->deeds), "init10")); /* it trains what came next */
        end(s);
    }
}

static void a_member_in_the_middle_says_nothing_of_a_mean_that_failed(void)
{
    int members[] = {1, 0};
    stage *s = stage_of(.001);
    s->broken = "mean";
    order(s, (ht_pool_order){.kind = HT_ORDER_MEAN, .number = 9, .n_members = 2, .members = members});
    work(s, 10, 1, .001);
    begin(s);
    CU_ASSERT_EQUAL(s->n_events, 0);
    end(s);
}

static void a_slot_that_never_came_is_reported_and_no_reason_to_warn(void)
{
    stage *s = stage_of(.001);
    s->empty = true;
    order(s, (ht_pool_order){.kind = HT_ORDER_WORK, .number = 9, .source = HT_FROM_SLOT, .epochs = 5});
    work(s, 10, 1, .001);
    begin(s);
    CU_ASSERT_TRUE(last(s)->kind == HT_EVENT_REPORT && last(s)->epoch == 0);
    CU_ASSERT_EQUAL(s->warnings, 0);
    end(s);
}

static void new_work_for_one_that_was_given_up_replaces_the_old(void)
{
    stage *s = stage_of(.001);
    work(s, 1, 1, .001);
    begin(s);
    work(s, 2, 2, .001);
    epoch(s, 5);
    CU_ASSERT_TRUE(last(s)->kind == HT_EVENT_TICK && last(s)->number == 1); /* nobody minds */
    epoch(s, 4);
    CU_ASSERT_TRUE(last(s)->kind == HT_EVENT_TICK && last(s)->number == 2 && last(s)->epoch == 1);
    order(s, (ht_pool_order){.kind = HT_ORDER_END});
    epoch(s, 3);
    CU_ASSERT_TRUE(last(s)->kind == HT_EVENT_REPORT && last(s)->number == 2 && last(s)->best == 3);
    end(s);
}

/* ---- the best, and the end --------------------------------------------------------------------- */

static void the_best_weights_are_kept_when_they_are_better_over_all_works(void)
{
    stage *s = stage_of(.001);
    work(s, 1, 3, .001);
    begin(s);
    epoch(s, 5);
    CU_ASSERT_EQUAL(s->kept, 5);
    epoch(s, 6);
    CU_ASSERT_EQUAL(s->kept, 5);
    order(s, (ht_pool_order){.kind = HT_ORDER_STOP, .number = 1});
    work(s, 2, 2, .001);
    after_report(s);
    epoch(s, 5.5);
    CU_ASSERT_EQUAL(last(s)->best, 5);
    epoch(s, 7);
    CU_ASSERT_EQUAL(last(s)->best, 7); /* of this WORK alone */
    CU_ASSERT_EQUAL(s->kept, 5);
    epoch(s, 4);
    CU_ASSERT_EQUAL(s->kept, 4);
    end(s);
}

static void end_stops_and_says_who_is_champion(void)
{
    stage *s = stage_of(.001);
    order(s, (ht_pool_order){.kind = HT_ORDER_END, .champion = true});
    CU_ASSERT_EQUAL(begin(s), HT_OK);
    CU_ASSERT_TRUE(ht_agent_should_stop(s->agent) && ht_agent_is_champion(s->agent));
    end(s);
}

static void a_dead_coordinator_lets_the_training_go_on_untuned(void)
{
    stage *s = stage_of(.001);
    work(s, 1, 1, .01);
    begin(s);
    s->dead = true;
    epoch(s, 1); /* its work is over: it waits, in vain */
    CU_ASSERT_EQUAL(s->waits, 1);
    CU_ASSERT_EQUAL(s->now, 3);
    CU_ASSERT_EQUAL(s->warnings, 1);
    CU_ASSERT_FALSE(ht_agent_is_pooled(s->agent) || ht_agent_should_stop(s->agent));
    epoch(s, 1);
    epoch(s, 1);
    CU_ASSERT_EQUAL(s->waits, 1);
    CU_ASSERT_EQUAL(s->lr, .01);
    end(s);
}

static void a_coordinator_that_dies_before_there_is_work_is_told_by_begin(void)
{
    stage *s = stage_of(.001);
    CU_ASSERT_EQUAL(begin(s), HT_ECOMM);
    CU_ASSERT_FALSE(ht_agent_is_pooled(s->agent));
    CU_ASSERT_EQUAL(s->waits, 1);
    end(s);
}

CASES("agent_pool", CASE(work_from_init_sets_the_knobs_and_ends_in_a_report),
      CASE(work_from_a_slot_loads_it_and_from_live_goes_on), CASE(a_knob_that_moved_meanwhile_is_set_again),
      CASE(stop_ends_its_work_at_the_next_epoch_and_no_other),
      CASE(a_loss_that_is_no_number_is_reported_at_once), CASE(the_wait_before_a_work_is_in_its_report),
      CASE(orders_during_training_are_done_at_the_epochs_end_in_order),
      CASE(the_last_member_of_a_mean_validates_it),
      CASE(what_cannot_be_done_is_answered_as_the_pool_expects_it_and_the_run_goes_on),
      CASE(a_member_in_the_middle_says_nothing_of_a_mean_that_failed),
      CASE(a_slot_that_never_came_is_reported_and_no_reason_to_warn),
      CASE(new_work_for_one_that_was_given_up_replaces_the_old),
      CASE(the_best_weights_are_kept_when_they_are_better_over_all_works),
      CASE(end_stops_and_says_who_is_champion), CASE(a_dead_coordinator_lets_the_training_go_on_untuned),
      CASE(a_coordinator_that_dies_before_there_is_work_is_told_by_begin))
