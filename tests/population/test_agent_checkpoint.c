/* tests/population/test_agent_checkpoint.c - a pooled replica is written down between two messages of the
 * coordinator, and one that goes on from there says what it would have said. The coordinator is a script. */
#include "cases.h"

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
    double lr, now;
    long long step;
    ht_string deeds;    /* what was done and said, in order */
    ht_string said;     /* bytes of every EVENT in hexadecimal */
    bool full;          /* nothing can be written */
    size_t n_mail;
    ht_bytes mail[MAIL_MAX];
    char *manifest, *error; /* of the last SAVED; owned */
    unsigned long saved;
    int byes, warnings;
} stage;

/* ---- the training ------------------------------------------------------------------------------ */

static ht_status deed(stage *s, const char *what, unsigned long n)
{
    ht_string_add(&s->deeds, "%s%lu ", what, n);
    return HT_OK;
}

static ht_status init(void *ctx, uint64_t seed, ht_error *err)
{
    (void)err;
    return deed(ctx, "init", (unsigned long)seed);
}

static ht_status validate(void *ctx, double *objective, ht_error *err)
{
    (void)err;
    *objective = 5;
    return deed(ctx, "validate", 0);
}

static ht_status save(void *ctx, unsigned slot, ht_error *err)
{
    (void)err;
    return deed(ctx, "save", slot);
}

static ht_status load(void *ctx, unsigned slot, ht_error *err)
{
    (void)err;
    ((stage *)ctx)->now += .25;
    return deed(ctx, "load", slot);
}

static void drop(void *ctx, unsigned slot)
{
    deed(ctx, "drop", slot);
}

static ht_status give(void *ctx, unsigned long number, unsigned slot, int to, ht_error *err)
{
    (void)slot, (void)to, (void)err;
    return deed(ctx, "send", number);
}

static ht_status mean(void *ctx, unsigned long number, size_t n, const int *members, ht_error *err)
{
    (void)n, (void)members, (void)err;
    return deed(ctx, "mean", number);
}

static ht_status keep_best(void *ctx, ht_error *err)
{
    (void)err;
    return deed(ctx, "keep", 0);
}

static double now(void *ctx)
{
    return ((stage *)ctx)->now;
}

static ht_status set_lr(void *ctx, const ht_value *value, const ht_env *env, ht_error *err)
{
    (void)env, (void)err;
    ((stage *)ctx)->lr = value->scalar.number;
    return HT_OK;
}

static bool get_lr(void *ctx, ht_value *out)
{
    *out = ht_real(((stage *)ctx)->lr);
    return true;
}

/* ---- the keeper -------------------------------------------------------------------------------- */

static ht_status write_down(void *ctx, cJSON *manifest, ht_error *err)
{
    stage *s = ctx;
    if (s->full)
        return ht_fail(err, HT_EIO, "the disk is full");
    ht_json_put_text(manifest, "live", "an image");
    ht_json_put_int(manifest, "step", (double)s->step);
    return deed(s, "write", 0);
}

static ht_status read_back(void *ctx, const cJSON *manifest, ht_error *err)
{
    stage *s = ctx;
    (void)err;
    s->step = (long long)ht_json_number(manifest, "step", -1);
    return deed(s, "read", 0);
}

static ht_status inherit(void *ctx, const cJSON *manifest, unsigned from_slot, unsigned slot, ht_error *err)
{
    stage *s = ctx;
    const char *live = ht_json_text(manifest, "live");
    if (live == NULL)
        return ht_fail(err, HT_ENOTFOUND, "it held nothing");
    ht_string_add(&s->deeds, "%s:%u->%u ", live, from_slot, slot);
    return HT_OK;
}

/* ---- the link ---------------------------------------------------------------------------------- */

static void keep_saved(stage *s, const ht_saved_message *m)
{
    free(s->manifest);
    free(s->error);
    s->manifest = m->manifest != NULL ? strdup(m->manifest) : NULL;
    s->error = strdup(m->error);
    s->saved = m->number;
}

static ht_status link_send(void *ctx, const void *bytes, size_t n, ht_error *err)
{
    static ht_packet m;
    stage *s = ctx;
    (void)err;
    CU_ASSERT_EQUAL_FATAL(ht_packet_decode(bytes, n, &m, NULL), HT_OK);
    s->byes += m.kind == HT_MESSAGE_BYE;
    if (m.kind == HT_MESSAGE_EVENT) {
        deed(s, "event", (unsigned long)m.as.event.kind);
        for (size_t i = 0; i < n; i++)
            ht_string_add(&s->said, "%02x", ((const unsigned char *)bytes)[i]);
    } else if (m.kind == HT_MESSAGE_SAVED) {
        deed(s, "saved", m.as.saved.number);
        keep_saved(s, &m.as.saved);
    }
    ht_packet_release(&m);
    return HT_OK;
}

static ht_status link_receive(void *ctx, double timeout_s, ht_bytes *out, ht_error *err)
{
    stage *s = ctx;
    (void)timeout_s, (void)err;
    if (s->n_mail == 0)
        return HT_ETIMEOUT;
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
    static ht_packet m;
    m.kind = HT_MESSAGE_ORDER;
    m.as.pool_order = o;
    post(s, &m);
}

static void work(stage *s, unsigned long number, int epochs, double lr)
{
    order(s, (ht_pool_order){.kind = HT_ORDER_WORK, .number = number, .source = HT_FROM_INIT, .seed = number,
                             .epochs = epochs, .n_knobs = 1, .knobs = {lr}});
}

static void checkpoint(stage *s, unsigned long number)
{
    order(s, (ht_pool_order){.kind = HT_ORDER_CHECKPOINT, .number = number});
}

static void warn(void *ctx, const char *text)
{
    (void)text;
    ((stage *)ctx)->warnings++;
}

/* ---- a replica --------------------------------------------------------------------------------- */

static void welcome(stage *s, char *resume, bool pooled)
{
    static ht_packet m;
    static char recipe[] = "{\"version\": 1, \"objective\": {\"primary\": \"val/loss\", \"mode\": \"min\"},"
                           " \"actuators\": {\"opt\": {\"mutations\": {\"lr_mult\": {}}}}}";
    m.kind = HT_MESSAGE_WELCOME;
    m.as.welcome = (ht_welcome){.replica = 1, .mode = HT_MODE_ACTIVE, .recipe = recipe, .pooled = pooled,
                                .resume = resume};
    post(s, &m);
}

static stage *stage_of(char *resume)
{
    stage *s = calloc(1, sizeof *s);
    s->lr = .001;
    CU_ASSERT_EQUAL_FATAL(ht_metrics_create(&s->metrics, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_actuators_create(&s->actuators, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_knobs_create(&s->knobs, NULL), HT_OK);
    const ht_knob_spec knob = {.key = "lr", .type = HT_KNOB_LOG_FLOAT, .set = set_lr, .get = get_lr, .ctx = s,
                               .group = "optimizer", .has_min = true, .min = 1e-6, .has_max = true, .max = 1,
                               .initial = ht_real(s->lr)};
    CU_ASSERT_EQUAL_FATAL(ht_knobs_add(s->knobs, &knob, NULL), HT_OK);
    ht_knobs_initialize(s->knobs);
    ht_actuators_attach_knobs(s->actuators, s->knobs);
    const ht_agent_options o = {.link = {s, link_send, link_receive}, .metrics = s->metrics,
                                .actuators = s->actuators, .knobs = s->knobs,
                                .effector = ht_effector_local(s->actuators),
                                .keeper = {s, write_down, read_back, inherit}, .patience_s = 2,
                                .auto_disable_on_error = true, .warning = warn, .warning_ctx = s};
    CU_ASSERT_EQUAL_FATAL(ht_agent_create(&o, &s->agent, NULL), HT_OK);
    ht_member member = {.has_init = true, .has_state = true, .has_validate = true, .state_bytes = 8,
                        .n_knobs = 1};
    member.knobs[0] = (ht_member_knob){.actuator = "opt", .name = "lr", .value = .001, .lo = 1e-6, .hi = 1};
    ht_agent_bring(s->agent, &member,
                   &(ht_trainer){.ctx = s, .init = init, .validate = validate, .save = save, .load = load,
                                 .drop = drop, .send = give, .receive = give, .mean = mean,
                                 .keep_best = keep_best, .now = now});
    welcome(s, resume, true);
    return s;
}

static void begin(stage *s)
{
    CU_ASSERT_EQUAL(ht_agent_begin(s->agent, NULL), HT_OK);
}

static void epoch(stage *s, double loss)
{
    s->step += 5;
    s->now += 1;
    ht_metrics_set(s->metrics, "val/loss", loss, NULL);
    const ht_env env = {.step = s->step, .epoch = (double)s->step / 5, .phase = "late"};
    CU_ASSERT_EQUAL(ht_agent_event(s->agent, HT_VAL_EPOCH_END, &env, NULL), HT_OK);
}

/* What was done since the last look. */
static void expect(stage *s, const char *deeds)
{
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&s->deeds), deeds);
    ht_string_release(&s->deeds);
    s->deeds = (ht_string){0};
}

static void end(stage *s)
{
    CU_ASSERT_EQUAL(ht_agent_close(s->agent, NULL), HT_OK);
    ht_agent_destroy(s->agent);
    ht_actuators_destroy(s->actuators);
    ht_knobs_destroy(s->knobs);
    ht_metrics_destroy(s->metrics);
    for (size_t i = 0; i < s->n_mail; i++)
        free(s->mail[i].data);
    ht_string_release(&s->deeds);
    ht_string_release(&s->said);
    free(s->manifest);
    free(s->error);
    free(s);
}

static double kept(const stage *s, const char *part, const char *name)
{
    cJSON *all = NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(s->manifest);
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(s->manifest, &all, NULL, NULL), HT_OK);
    double x = ht_json_number(ht_json_member(all, part), name, NAN);
    cJSON_Delete(all);
    return x;
}

/* ---- when it is written ------------------------------------------------------------------------ */

static void it_is_written_after_the_orders_before_it_and_the_event(void)
{
    stage *s = stage_of(NULL);
    work(s, 3, 4, .01);
    begin(s);
    expect(s, "init3 ");
    order(s, (ht_pool_order){.kind = HT_ORDER_SAVE, .slot = 2});
    checkpoint(s, 7);
    order(s, (ht_pool_order){.kind = HT_ORDER_SAVE, .slot = 5});
    epoch(s, 3);
    expect(s, "keep0 save2 event1 write0 saved7 save5 ");
    end(s);
}

static void what_was_ordered_after_it_does_not_show_in_it(void)
{
    stage *s = stage_of(NULL);
    work(s, 3, 4, .01);
    begin(s);
    checkpoint(s, 7);
    order(s, (ht_pool_order){.kind = HT_ORDER_STOP, .number = 3});
    epoch(s, 3);
    CU_ASSERT_EQUAL(kept(s, "pool", "done"), 1);
    CU_ASSERT_EQUAL(kept(s, "pool", "work"), 3);
    CU_ASSERT_EQUAL(kept(s, "env", "step"), 5);
    CU_ASSERT_PTR_NOT_NULL(strstr(s->manifest, "\"halted\":false"));
    CU_ASSERT_PTR_NOT_NULL(strstr(s->manifest, "\"working\":true"));
    expect(s, "init3 keep0 event1 write0 saved7 ");
    order(s, (ht_pool_order){.kind = HT_ORDER_END});
    epoch(s, 2);
    expect(s, "keep0 event2 ");     /* it was halted all the same */
    end(s);
}

static void one_that_waits_for_work_writes_at_once(void)
{
    stage *s = stage_of(NULL);
    order(s, (ht_pool_order){.kind = HT_ORDER_LOAD, .slot = 1});
    checkpoint(s, 9);
    work(s, 4, 1, .02);
    begin(s);
    expect(s, "load1 write0 saved9 init4 ");
    CU_ASSERT_PTR_NOT_NULL(strstr(s->manifest, "\"working\":false"));
    CU_ASSERT_EQUAL(kept(s, "knobs", "lr"), .001);      /* not yet that of the WORK */
    end(s);
}

static void at_the_end_of_its_work_the_report_comes_first(void)
{
    stage *s = stage_of(NULL);
    work(s, 3, 1, .01);
    begin(s);
    checkpoint(s, 7);
    work(s, 8, 2, .02);
    epoch(s, 3);
    expect(s, "init3 keep0 event2 write0 saved7 init8 ");
    CU_ASSERT_PTR_NOT_NULL(strstr(s->manifest, "\"working\":false"));
    end(s);
}

static void if_it_cannot_be_written_saved_says_why(void)
{
    stage *s = stage_of(NULL);
    work(s, 3, 4, .01);
    begin(s);
    s->full = true;
    checkpoint(s, 7);
    epoch(s, 3);
    CU_ASSERT_EQUAL(s->saved, 7);
    CU_ASSERT_PTR_NULL(s->manifest);
    CU_ASSERT_STRING_EQUAL(s->error, "the disk is full");
    s->full = false;
    checkpoint(s, 8);
    epoch(s, 3);
    CU_ASSERT_EQUAL(s->saved, 8);
    CU_ASSERT_PTR_NOT_NULL(s->manifest);
    end(s);
}

static void who_is_told_to_leave_stops_without_a_report(void)
{
    stage *s = stage_of(NULL);
    work(s, 3, 4, .01);
    begin(s);
    CU_ASSERT_FALSE(ht_agent_has_left(s->agent));
    order(s, (ht_pool_order){.kind = HT_ORDER_LEAVE});
    epoch(s, 3);
    expect(s, "init3 keep0 event1 ");
    CU_ASSERT_TRUE(ht_agent_should_stop(s->agent) && ht_agent_has_left(s->agent));
    CU_ASSERT_FALSE(ht_agent_is_champion(s->agent));
    end(s);
}

/* ---- going on ---------------------------------------------------------------------------------- */

static void mail_for_the_rest(stage *s)
{
    order(s, (ht_pool_order){.kind = HT_ORDER_SAVE, .slot = 6});
}

static void finish(stage *s)
{
    epoch(s, 4);
    epoch(s, 2);
    checkpoint(s, 50);      /* so that the WORK is over before the next one begins */
    work(s, 30, 2, .3);
    epoch(s, 2.5);
    order(s, (ht_pool_order){.kind = HT_ORDER_STOP, .number = 30});
    order(s, (ht_pool_order){.kind = HT_ORDER_END, .champion = true});
    epoch(s, 1);
}

static void one_that_goes_on_says_what_it_would_have_said(void)
{
    stage *a = stage_of(NULL);
    order(a, (ht_pool_order){.kind = HT_ORDER_LOAD, .slot = 1});    /* takes a while: it has waited */
    work(a, 3, 4, .01);
    begin(a);
    a->now += .5;
    checkpoint(a, 7);
    mail_for_the_rest(a);
    epoch(a, 3);
    char *manifest = strdup(a->manifest);
    expect(a, "load1 init3 keep0 event1 write0 saved7 save6 ");
    stage *b = stage_of(manifest);
    b->now = 1000;          /* its clock is another */
    mail_for_the_rest(b);
    begin(b);
    expect(b, "read0 ");
    CU_ASSERT_EQUAL(b->step, 5);
    CU_ASSERT_EQUAL(b->lr, .01);
    CU_ASSERT_EQUAL(ht_agent_best(b->agent), 3);
    ht_string_release(&a->said);
    a->said = (ht_string){0};
    finish(a);
    finish(b);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&a->said), ht_string_peek(&b->said));
    CU_ASSERT(strlen(ht_string_peek(&a->said)) > 100);
    CU_ASSERT_EQUAL(ht_agent_best(b->agent), ht_agent_best(a->agent));
    expect(a, "event1 keep0 event1 event2 write0 saved50 init30 keep0 event2 ");
    expect(b, "save6 event1 keep0 event1 event2 write0 saved50 init30 keep0 event2 ");
    end(a);
    end(b);
    free(manifest);
}

static void a_manifest_of_something_else_is_refused(void)
{
    static char *const bad[] = {"{", "{\"pool\": {}}", "{\"training\": {}, \"agent\": {}}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        stage *s = stage_of(bad[i]);
        ht_error err = {""};
        CU_ASSERT_NOT_EQUAL(ht_agent_begin(s->agent, &err), HT_OK);
        CU_ASSERT(err.text[0] != '\0');
        expect(s, "");
        end(s);
    }
}

static void without_a_training_state_people_are_told(void)
{
    char manifest[] = "{\"training\": {\"step\": 4}, \"pool\": {}, \"env\": {}, \"knobs\": {}}";
    stage *s = stage_of(manifest);
    work(s, 1, 1, .1);
    begin(s);
    CU_ASSERT_EQUAL(s->warnings, 1);
    end(s);
}

/* ---- what others left -------------------------------------------------------------------------- */

static char heir_of_two[] =
    "{\"training\": {\"live\": \"mine\", \"step\": 4}, \"pool\": {\"best\": 2.0}, \"env\": {}, \"knobs\": {},"
    " \"absent\": {\"2\": {\"training\": {\"live\": \"two\"}, \"pool\": {\"best\": 1.5}},"
    " \"3\": {\"training\": {\"live\": \"three\"}, \"pool\": {\"best\": 2.5}}}}";

static void leave(stage *s, int peer, unsigned from_slot, unsigned slot)
{
    order(s, (ht_pool_order){.kind = HT_ORDER_INHERIT, .peer = peer, .from_slot = from_slot, .slot = slot});
}

static void what_another_one_left_is_taken_from_its_manifest(void)
{
    stage *s = stage_of(heir_of_two);
    leave(s, 2, 0, 4);
    leave(s, 3, 7, 0);
    work(s, 1, 1, .1);
    begin(s);
    expect(s, "read0 two:0->4 three:7->0 init1 ");
    CU_ASSERT_EQUAL(ht_agent_best(s->agent), 2);
    end(s);
}

static void better_weights_of_another_one_are_taken(void)
{
    stage *s = stage_of(heir_of_two);
    leave(s, 2, HT_SLOT_BEST, HT_SLOT_BEST);
    work(s, 1, 1, .1);
    begin(s);
    expect(s, "read0 two:4294967295->4294967295 init1 ");
    CU_ASSERT_EQUAL(ht_agent_best(s->agent), 1.5);
    end(s);
}

/* The coordinator may not have heard yet how good the heir's own are. */
static void worse_weights_of_another_one_are_not(void)
{
    stage *s = stage_of(heir_of_two);
    leave(s, 3, HT_SLOT_BEST, HT_SLOT_BEST);
    work(s, 1, 1, .1);
    begin(s);
    expect(s, "read0 init1 ");
    CU_ASSERT_EQUAL(ht_agent_best(s->agent), 2);
    end(s);
}

static void of_one_who_left_nothing_nothing_comes(void)
{
    stage *s = stage_of(heir_of_two);
    leave(s, 5, 0, 4);
    work(s, 1, 1, .1);
    begin(s);
    expect(s, "read0 init1 ");
    end(s);
}

CASES("agent checkpoint", CASE(it_is_written_after_the_orders_before_it_and_the_event),
      CASE(what_was_ordered_after_it_does_not_show_in_it), CASE(one_that_waits_for_work_writes_at_once),
      CASE(at_the_end_of_its_work_the_report_comes_first), CASE(if_it_cannot_be_written_saved_says_why),
      CASE(who_is_told_to_leave_stops_without_a_report), CASE(one_that_goes_on_says_what_it_would_have_said),
      CASE(a_manifest_of_something_else_is_refused), CASE(without_a_training_state_people_are_told),
      CASE(what_another_one_left_is_taken_from_its_manifest), CASE(better_weights_of_another_one_are_taken),
      CASE(worse_weights_of_another_one_are_not), CASE(of_one_who_left_nothing_nothing_comes))
