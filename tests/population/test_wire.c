/* tests/population/test_wire.c - the protocol: whole messages go over unchanged, damaged ones are refused. */
#include "cases.h"

#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "base/text.h"
#include "population/samples.h"

static char *owned(const char *text)
{
    return strcpy(malloc(strlen(text) + 1), text);
}

static cJSON *tree(const char *text)
{
    cJSON *item = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_json_parse(text, &item, NULL, NULL), HT_OK);
    return item;
}

static void fill_hello(ht_packet *m)
{
    m->as.hello = (ht_hello){
        .actuators = "opt,loss", .controls = owned("[]"),
        .member = {.has_init = true, .has_validate = true, .state_bytes = 1 << 20, .layout = 0xfedcba9876543210,
                   .n_knobs = 1, .knobs = {{"opt", "lr", 1e-3, 1e-4, INFINITY}}}};
}

static void fill_report(ht_packet *m)
{
    m->as.report = (ht_report){.decision = 7, .step = 700, .epoch = 14, .total_steps = 6000,
                               .readings = sample_readings(.5), .mode = HT_MODE_ACTIVE, .has_segment = true,
                               .segment = sample_segment(3, 4, HT_DECISION_ROLLED_BACK),
                               .judged = sample_mutation(4, HT_MUTATION_ROLLED_BACK), .asks = true,
                               .ask = sample_ask()};
}

static void fill_outcome(ht_packet *m)
{
    m->as.outcome = (ht_outcome){.decision = 7, .n_made = 2, .has_window = true, .window = sample_window(),
                                 .cooldowns = owned("{\"opt:lr_mult\":2}"), .controls = owned("[1]"),
                                 .warning = "nobody reports 'val/loss'", .n_disabled = 1};
    m->as.outcome.made[0] = sample_mutation(5, HT_MUTATION_APPLIED);
    m->as.outcome.made[1] = sample_mutation(6, HT_MUTATION_FAILED);
    m->as.outcome.made[1].patch.value = ht_tuple(2, (double[]){.9, .999});
    strcpy(m->as.outcome.disabled[0].what, "opt");
    strcpy(m->as.outcome.disabled[0].error, "apply failed three times");
}

static void fill_answer(ht_packet *m)
{
    m->as.answer = (ht_answer){.operation = 9,
                               .list = 1,
                               .index = 3,
                               .entry = tree("{\"op\":\"set\"}"),
                               .step = 700,
                               .epoch = 14,
                               .event = "val_epoch_end",
                               .phase = "val",
                               .result = {.decision = HT_OP_FAILED,
                                          .payload = tree("[1,2.0,null,{\"a\":true}]"),
                                          .error = "unknown_param",
                                          .notes = "a note"}};
}

static void fill_bye(ht_packet *m)
{
    m->as.bye = (ht_bye){.step = 6000, .epoch = 120, .has_segment = true,
                         .segment = sample_segment(9, 9, HT_DECISION_INCONCLUSIVE),
                         .judged = sample_mutation(9, HT_MUTATION_INCONCLUSIVE), .replay_missed = 2,
                         .was_on = true, .mode = HT_MODE_OFF, .has_result = true, .val = .25, .test = NAN};
}

static void fill_saved(ht_packet *m)
{
    ht_saved_message *s = &m->as.saved;
    *s = (ht_saved_message){.number = 7, .manifest = owned("{\"training\":{}}"), .seconds = .25};
    strcpy(s->error, "no space");
}

static void fill_welcome(ht_packet *m)
{
    m->as.welcome = (ht_welcome){
        .replica = 3,
        .mode = HT_MODE_REPLAY,
        .recipe = owned("{\"version\":1}"),
        .resume = owned("{}"),
        .replay = owned("{}\n"),
        .freeze = {.frozen = true, .strict = true, .list = 1, .step_offset = -5, .entries = owned("{}\n")}};
}

static void fill_directive(ht_packet *m)
{
    m->as.directive =
        (ht_directive){.decision = 7,
                       .stop = true,
                       .has_proposal = true,
                       .proposal = {.actuator = "loss",
                                    .key = "aux",
                                    .source = HT_SOURCE_RANDOM,
                                    .patch = {.op = "mult", .key = "aux", .value = ht_real(1.25)}}};
}

static void fill_order(ht_packet *m)
{
    m->as.order = (ht_order){.number = 12, .module = "tune", .op = "set", .id = "main",
                             .params = tree("{\"acceptance.epsilon\":0.002,\"n\":[\"x\",false]}"),
                             .attachment = owned("text")};
}

static void fill_freeze(ht_packet *m)
{
    m->as.freeze = (ht_freeze_order){.frozen = true, .list = 2, .step_offset = 100, .entries = owned("{}\n")};
}

static void fill_event(ht_packet *m)
{
    m->as.event = (ht_pool_event){.kind = HT_EVENT_REPORT, .number = 17, .epoch = 4, .step = 128, .loss = .5,
                                  .best = NAN, .seconds = 1.5, .waited = .25, .anomaly = true, .text = "why"};
}

static void fill_pool_order(ht_packet *m)
{
    int *members = calloc(3, sizeof *members);
    CU_ASSERT_PTR_NOT_NULL_FATAL(members);
    members[0] = 2;
    members[2] = 7;
    m->as.pool_order = (ht_pool_order){.kind = HT_ORDER_WORK, .number = 18, .slot = 5, .peer = 3,
                                       .source = HT_FROM_SLOT, .seed = UINT64_MAX, .epochs = 4, .n_knobs = 2,
                                       .knobs = {1e-3, .5}, .champion = true, .n_members = 3, .members = members};
}

static void (*const fills[])(ht_packet *) = {
    [HT_MESSAGE_HELLO] = fill_hello,       [HT_MESSAGE_REPORT] = fill_report,
    [HT_MESSAGE_OUTCOME] = fill_outcome,   [HT_MESSAGE_ANSWER] = fill_answer,
    [HT_MESSAGE_BYE] = fill_bye,           [HT_MESSAGE_WELCOME] = fill_welcome,
    [HT_MESSAGE_DIRECTIVE] = fill_directive, [HT_MESSAGE_OPERATION] = fill_order,
    [HT_MESSAGE_FREEZE] = fill_freeze,     [HT_MESSAGE_EVENT] = fill_event,
    [HT_MESSAGE_ORDER] = fill_pool_order,   [HT_MESSAGE_SAVED] = fill_saved,
};
enum { N_KINDS = sizeof fills / sizeof *fills };

static ht_bytes bytes_of(int kind)
{
    static ht_packet m;
    ht_bytes bytes = {0};
    m.kind = (ht_message_kind)kind;
    fills[kind](&m);
    CU_ASSERT_EQUAL_FATAL(ht_packet_encode(&m, &bytes), HT_OK);
    ht_packet_release(&m);
    return bytes;
}

/* Decoding must read nothing beyond n: the copy has exactly n bytes, so that the sanitizer sees it. */
static ht_status decode_copy(const unsigned char *data, size_t n, ht_packet *out, ht_error *err)
{
    unsigned char *copy = malloc(n > 0 ? n : 1);
    if (n > 0)
        memcpy(copy, data, n);
    ht_status st = ht_packet_decode(copy, n, out, err);
    free(copy);
    return st;
}

static void every_message_comes_out_as_it_went_in(void)
{
    static ht_packet m;
    for (int kind = HT_MESSAGE_HELLO; kind < N_KINDS; kind++) {
        ht_bytes first = bytes_of(kind), second = {0};
        memset(&m, 0x55, sizeof m);     /* nothing of what was there may shine through */
        CU_ASSERT_EQUAL_FATAL(decode_copy(first.data, first.n, &m, NULL), HT_OK);
        CU_ASSERT_EQUAL((int)m.kind, kind);
        CU_ASSERT_EQUAL_FATAL(ht_packet_encode(&m, &second), HT_OK);
        CU_ASSERT_EQUAL_FATAL(first.n, second.n);
        CU_ASSERT_EQUAL(memcmp(first.data, second.data, first.n), 0);
        ht_packet_release(&m);
        free(first.data);
        free(second.data);
    }
}

static void a_report_keeps_its_members(void)
{
    static ht_packet m;
    ht_bytes bytes = bytes_of(HT_MESSAGE_REPORT);
    CU_ASSERT_EQUAL_FATAL(decode_copy(bytes.data, bytes.n, &m, NULL), HT_OK);
    const ht_report *r = &m.as.report;
    CU_ASSERT_EQUAL(r->decision, 7);
    CU_ASSERT_EQUAL(r->total_steps, 6000);
    CU_ASSERT_EQUAL(r->mode, HT_MODE_ACTIVE);
    CU_ASSERT_EQUAL(r->readings.n, 2);
    CU_ASSERT_STRING_EQUAL(r->readings.at[1].name, "grad/norm");
    CU_ASSERT_EQUAL(r->segment.decision, HT_DECISION_ROLLED_BACK);
    CU_ASSERT_EQUAL(r->segment.rollback, HT_ROLLBACK_RELATIVE);
    CU_ASSERT_TRUE(r->segment.stability.grad_spike);
    CU_ASSERT_FALSE(r->segment.stability.nan);
    CU_ASSERT_EQUAL(r->judged.changes[0].after[1], 1.8e-3);
    CU_ASSERT_EQUAL(r->judged.patch.value.scalar.number, .9);
    CU_ASSERT_EQUAL(r->judged.patch.floor, .001);
    CU_ASSERT_EQUAL(r->ask.n, 2);
    CU_ASSERT_EQUAL(r->ask.families[1].hi[1], .999);
    CU_ASSERT_EQUAL(r->ask.families[1].spread, .2);
    ht_packet_release(&m);
    free(bytes.data);
}

static void integers_and_reals_of_json_stay_what_they_were(void)
{
    static ht_packet m;
    ht_bytes bytes = bytes_of(HT_MESSAGE_ANSWER);
    CU_ASSERT_EQUAL_FATAL(decode_copy(bytes.data, bytes.n, &m, NULL), HT_OK);
    const cJSON *list = m.as.answer.result.payload;
    CU_ASSERT_TRUE(ht_json_is_int(cJSON_GetArrayItem(list, 0)));
    CU_ASSERT_FALSE(ht_json_is_int(cJSON_GetArrayItem(list, 1)));
    CU_ASSERT_TRUE(cJSON_IsNull(cJSON_GetArrayItem(list, 2)));
    CU_ASSERT_TRUE(ht_json_true(cJSON_GetArrayItem(list, 3), "a"));
    ht_packet_release(&m);
    free(bytes.data);
}

static void a_message_that_is_cut_off_anywhere_is_refused(void)
{
    static ht_packet m;
    for (int kind = HT_MESSAGE_HELLO; kind < N_KINDS; kind++) {
        ht_bytes bytes = bytes_of(kind);
        for (size_t n = 0; n < bytes.n; n++)
            if (decode_copy(bytes.data, n, &m, NULL) != HT_ECOMM)
                CU_FAIL("a part of a message was taken for a message");
        free(bytes.data);
    }
}

static void bytes_after_the_end_are_refused(void)
{
    static ht_packet m;
    for (int kind = HT_MESSAGE_HELLO; kind < N_KINDS; kind++) {
        ht_bytes bytes = bytes_of(kind);
        unsigned char *longer = calloc(bytes.n + 1, 1);
        memcpy(longer, bytes.data, bytes.n);
        CU_ASSERT_EQUAL(ht_packet_decode(longer, bytes.n + 1, &m, NULL), HT_ECOMM);
        free(longer);
        free(bytes.data);
    }
}

static void another_version_is_refused_with_a_word_on_what_to_do(void)
{
    static ht_packet m;
    ht_error err = {""};
    ht_bytes bytes = bytes_of(HT_MESSAGE_BYE);
    bytes.data[1] = 9;
    CU_ASSERT_EQUAL(ht_packet_decode(bytes.data, bytes.n, &m, &err), HT_ECOMM);
    CU_ASSERT_STRING_EQUAL(err.text,
                           "BYE of protocol version 9, this is version 3: use one hottune on all ranks");
    free(bytes.data);
}

static void an_unknown_kind_is_refused(void)
{
    static ht_packet m;
    ht_error err = {""};
    const unsigned char bytes[3] = {77, 1, 0};
    CU_ASSERT_EQUAL(ht_packet_decode(bytes, 3, &m, &err), HT_ECOMM);
    CU_ASSERT_STRING_EQUAL(err.text, "malformed message of 3 bytes: no such kind");
    CU_ASSERT_EQUAL(ht_packet_decode("", 0, &m, NULL), HT_ECOMM);
}

static void json_that_is_nested_too_deeply_is_refused(void)
{
    static ht_packet m;
    m.kind = HT_MESSAGE_OPERATION;
    m.as.order = (ht_order){.module = "tune", .op = "set"};
    cJSON *deep = cJSON_CreateArray(), *at = deep;
    for (int i = 0; i < 200; i++) {
        cJSON *inner = cJSON_CreateArray();
        cJSON_AddItemToArray(at, inner);
        at = inner;
    }
    m.as.order.params = deep;
    ht_bytes bytes = {0};
    ht_error err = {""};
    CU_ASSERT_EQUAL_FATAL(ht_packet_encode(&m, &bytes), HT_OK);
    ht_packet_release(&m);
    CU_ASSERT_EQUAL(ht_packet_decode(bytes.data, bytes.n, &m, &err), HT_ECOMM);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "nested too deeply"));
    free(bytes.data);
}

/* What is done to a message: some bytes replaced, a few cut off or a stretch moved. */
static size_t damage(unsigned char *data, size_t n, ht_random *random)
{
    for (uint64_t i = 1 + ht_random_below(random, 4); i > 0; i--) {
        static const unsigned char edges[] = {0, 1, 2, 8, 0x7f, 0x80, 0xff};
        size_t at = 2 + ht_random_below(random, n - 2);
        data[at] = ht_random_below(random, 2) == 0 ? edges[ht_random_below(random, sizeof edges)]
                                                   : (unsigned char)ht_random_bits(random);
    }
    if (ht_random_below(random, 4) == 0) {
        size_t from = ht_random_below(random, n), to = ht_random_below(random, n);
        size_t most = n - (from > to ? from : to);
        memmove(data + to, data + from, ht_random_below(random, most + 1));
    }
    return ht_random_below(random, 4) == 0 ? ht_random_below(random, n + 1) : n;
}

static void a_damaged_message_is_refused_or_is_another_valid_one(void)
{
    static ht_packet m;
    ht_bytes originals[N_KINDS] = {{0}};
    for (int kind = HT_MESSAGE_HELLO; kind < N_KINDS; kind++)
        originals[kind] = bytes_of(kind);
    ht_random random = ht_random_stream(1, HT_RANDOM_TEST, 0, 0);
    size_t valid = 0;
    for (int i = 0; i < 100000; i++) {
        const ht_bytes *from = &originals[1 + i % (N_KINDS - 1)];
        unsigned char *data = malloc(from->n);
        memcpy(data, from->data, from->n);
        size_t n = damage(data, from->n, &random);
        ht_status st = decode_copy(data, n, &m, NULL);
        if (st == HT_OK) {
            ht_bytes again = {0};
            valid++;
            CU_ASSERT_EQUAL(ht_packet_encode(&m, &again), HT_OK);
            CU_ASSERT_EQUAL(again.n, n);
            free(again.data);
            ht_packet_release(&m);
        } else if (st != HT_ECOMM) {
            CU_FAIL("bytes gave another status than HT_ECOMM");
        }
        free(data);
    }
    CU_ASSERT_TRUE(valid > 1000);       /* else the damage is too coarse to reach anything */
    for (int kind = HT_MESSAGE_HELLO; kind < N_KINDS; kind++)
        free(originals[kind].data);
}

CASES("wire", CASE(every_message_comes_out_as_it_went_in), CASE(a_report_keeps_its_members),
      CASE(integers_and_reals_of_json_stay_what_they_were),
      CASE(a_message_that_is_cut_off_anywhere_is_refused), CASE(bytes_after_the_end_are_refused),
      CASE(another_version_is_refused_with_a_word_on_what_to_do), CASE(an_unknown_kind_is_refused),
      CASE(json_that_is_nested_too_deeply_is_refused),
      CASE(a_damaged_message_is_refused_or_is_another_valid_one))
