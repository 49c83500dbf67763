/* tests/unit/test_oplist.c - recorded operations: when they fire, what was missed, overlays. */
#include "cases.h"
#include "tune/oplist.h"

#include <string.h>

#define ENTRY(step, event, id)                                                                               \
    "{\"at\": {\"step\": " #step ", \"event\": \"" event "\"}, \"module\": \"tune\", "                       \
    "\"op\": \"set\", \"id\": \"" id "\", \"params\": {\"x\": 2, \"t\": \"a\"}}\n"

static ht_oplist *parsed(const char *text, const char *overlay, long long offset)
{
    ht_oplist *l = NULL;
    ht_error err = {""};
    cJSON *o = overlay != NULL ? cJSON_Parse(overlay) : NULL;
    CU_ASSERT_EQUAL_FATAL(ht_oplist_parse(text, o, offset, &l, &err), HT_OK);
    cJSON_Delete(o);
    return l;
}

static void assert_refused(const char *text, const char *overlay, const char *why)
{
    ht_oplist *l = NULL;
    ht_error err = {""};
    cJSON *o = overlay != NULL ? cJSON_Parse(overlay) : NULL;
    CU_ASSERT_EQUAL(ht_oplist_parse(text, o, 0, &l, &err), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, why));
    CU_ASSERT_PTR_NULL(l);
    cJSON_Delete(o);
}

/* The ids of what fires at (step, event), in order. */
static const char *fired(ht_oplist *l, long long step, ht_event event, char ids[64])
{
    size_t index = 0;
    ids[0] = '\0';
    for (const cJSON *op; (op = ht_oplist_due(l, step, event, &index)) != NULL;)
        strncat(ids, ht_json_text(op, "id"), 63 - strlen(ids));
    return ids;
}

/* The number x of the entry with this id, which fires at `step` at the end of a batch. */
static double x_of(ht_oplist *l, long long step, const char *id)
{
    size_t index = 0;
    for (const cJSON *op; (op = ht_oplist_due(l, step, HT_TRAIN_BATCH_END, &index)) != NULL;)
        if (strcmp(ht_json_text(op, "id"), id) == 0)
            return ht_json_number(ht_json_member(op, "params"), "x", -1);
    return -1;
}

static void events_have_one_name_and_one_alias(void)
{
    ht_event e;
    for (int i = HT_FIT_START; i <= HT_RUN_END; i++) {
        CU_ASSERT(ht_event_parse(ht_event_text((ht_event)i), &e));
        CU_ASSERT_EQUAL((int)e, i);
    }
    CU_ASSERT_STRING_EQUAL(ht_event_text(HT_TRAIN_BATCH_END), "train_batch_end");
    CU_ASSERT(ht_event_parse("train_step_end", &e) && e == HT_TRAIN_BATCH_END);
    CU_ASSERT_FALSE(ht_event_parse("val_batch_end", &e));
}

static void an_entry_fires_once_at_its_step_and_event(void)
{
    char ids[64];
    ht_oplist *l = parsed(ENTRY(20, "val_epoch_end", "b") ENTRY(10, "train_step_end", "a"), NULL, 0);
    CU_ASSERT_EQUAL(ht_oplist_count(l), 2);
    CU_ASSERT_STRING_EQUAL(fired(l, 9, HT_TRAIN_BATCH_END, ids), "");
    CU_ASSERT_STRING_EQUAL(fired(l, 10, HT_VAL_EPOCH_END, ids), "");
    CU_ASSERT_STRING_EQUAL(fired(l, 10, HT_TRAIN_BATCH_END, ids), "a");
    CU_ASSERT_STRING_EQUAL(fired(l, 10, HT_TRAIN_BATCH_END, ids), "");
    CU_ASSERT_STRING_EQUAL(fired(l, 20, HT_VAL_EPOCH_END, ids), "b");
    ht_oplist_destroy(l);
}

static void within_a_step_each_waits_for_its_event_in_the_order_of_the_file(void)
{
    char ids[64];
    ht_oplist *l = parsed(ENTRY(5, "val_epoch_end", "a") ENTRY(5, "train_step_end", "b")
                              ENTRY(5, "val_epoch_end", "c") ENTRY(5, "train_batch_end", "d"),
                          NULL, 0);
    CU_ASSERT_STRING_EQUAL(fired(l, 5, HT_VAL_EPOCH_END, ids), "ac");
    CU_ASSERT_STRING_EQUAL(fired(l, 5, HT_TRAIN_BATCH_END, ids), "bd");
    ht_oplist_destroy(l);
}

static void a_missing_place_is_the_end_of_batch_0_and_0_counts(void)
{
    char ids[64];
    ht_oplist *l = parsed("{\"module\": \"tune\", \"op\": \"disable\", \"id\": \"a\"}\n", NULL, 0);
    CU_ASSERT_STRING_EQUAL(fired(l, 0, HT_TRAIN_BATCH_END, ids), "a");
    ht_oplist_destroy(l);
}

static void the_offset_moves_every_entry(void)
{
    char ids[64], missed[96];
    size_t index = 9;
    ht_oplist *l = parsed(ENTRY(10, "train_step_end", "a") ENTRY(11, "train_step_end", "b"), NULL, 100);
    CU_ASSERT_STRING_EQUAL(fired(l, 10, HT_TRAIN_BATCH_END, ids), "");
    CU_ASSERT_STRING_EQUAL(fired(l, 110, HT_TRAIN_BATCH_END, ids), "a");
    CU_ASSERT_PTR_NOT_NULL(ht_oplist_missed(l, 0, &index, missed));
    CU_ASSERT_STRING_EQUAL(missed, "missed_step:11:train_step_end");
    ht_oplist_destroy(l);
}

static void what_did_not_fire_is_named_with_its_place(void)
{
    char ids[64], missed[96];
    size_t index = 9;
    ht_oplist *l =
        parsed(ENTRY(1, "val_batch_end", "never") ENTRY(2, "run_end", "a") ENTRY(3, "run_end", "b"), NULL, 0);
    CU_ASSERT_STRING_EQUAL(fired(l, 2, HT_RUN_END, ids), "a");
    const cJSON *first = ht_oplist_missed(l, 0, &index, missed);
    CU_ASSERT_STRING_EQUAL(ht_json_text(first, "id"), "never");
    CU_ASSERT_STRING_EQUAL(missed, "missed_step:1:val_batch_end");
    CU_ASSERT_EQUAL(index, 0);
    CU_ASSERT_PTR_NOT_NULL(ht_oplist_missed(l, 1, &index, missed));
    CU_ASSERT_STRING_EQUAL(missed, "missed_step:3:run_end");
    CU_ASSERT_EQUAL(index, 2);
    CU_ASSERT_PTR_NULL(ht_oplist_missed(l, 2, &index, missed));
    ht_oplist_destroy(l);
}

static void what_cannot_be_read_is_refused_by_its_line(void)
{
    assert_refused(ENTRY(1, "run_end", "a") "{\"at\"", NULL, "line 2");
    assert_refused("\n\n7\n", NULL, "line 3");
    assert_refused("{\"at\": {\"step\": \"soon\"}}", NULL, "line 1: at.step");
}

static void an_overlay_replaces_scales_and_adds(void)
{
    ht_oplist *l = parsed(
        ENTRY(1, "train_step_end", "a") ENTRY(1, "train_step_end", "b") ENTRY(2, "train_step_end", "c"),
        "{\"patches\": [{\"match\": {\"id\": \"a\"}, \"replace_params\": {\"x\": 7, \"y\": 1}},"
        " {\"match\": {\"at_step\": 1, \"id\": \"b\"}, \"transform_params\":"
        " {\"scale\": {\"x\": 3, \"t\": 2}, \"add\": {\"x\": 0.5, \"none\": 1}}}]}",
        0);
    CU_ASSERT_EQUAL(x_of(l, 1, "a"), 7);
    CU_ASSERT_EQUAL(x_of(l, 1, "b"), 6.5);
    CU_ASSERT_EQUAL(x_of(l, 2, "c"), 2);
    ht_oplist_destroy(l);
}

static void an_overlay_shifts_drops_and_inserts_and_the_list_is_sorted_again(void)
{
    char ids[64];
    ht_oplist *l = parsed(ENTRY(1, "train_step_end", "a") ENTRY(2, "train_step_end", "b")
                              ENTRY(3, "train_step_end", "c"),
                          "{\"patches\": [{\"match\": {\"id\": \"a\"}, \"shift_step\": 2},"
                          " {\"match\": {\"id\": \"b\"}, \"drop\": true},"
                          " {\"insert\": {\"at\": {\"step\": 3}, \"id\": \"d\"}}]}",
                          0);
    CU_ASSERT_EQUAL(ht_oplist_count(l), 3);
    CU_ASSERT_STRING_EQUAL(fired(l, 1, HT_TRAIN_BATCH_END, ids), "");
    CU_ASSERT_STRING_EQUAL(fired(l, 3, HT_TRAIN_BATCH_END, ids), "acd");
    ht_oplist_destroy(l);
}

/* The ids that are left when all entries that match are dropped. */
static void assert_left(const char *match, const char *expected)
{
    char ids[64], overlay[256];
    snprintf(overlay, sizeof overlay, "{\"patches\": [{\"match\": %s, \"drop\": true}]}", match);
    ht_oplist *l = parsed(
        ENTRY(5, "train_step_end", "a")
            ENTRY(5, "train_batch_end",
                  "b") "{\"at\": {\"step\": 5}, \"module\": \"core\", \"op\": \"freeze\", \"id\": \"c\"}\n",
        overlay, 0);
    CU_ASSERT_STRING_EQUAL(fired(l, 5, HT_TRAIN_BATCH_END, ids), expected);
    ht_oplist_destroy(l);
}

static void every_key_of_a_match_must_hold(void)
{
    assert_left("{\"module\": \"tune\"}", "c");
    assert_left("{\"module\": \"tune\", \"id\": \"b\"}", "ac");
    assert_left("{\"op\": \"freeze\"}", "ab");
    assert_left("{\"has_param\": \"x\"}", "c");
    assert_left("{\"has_param\": \"z\"}", "abc");
    assert_left("{\"at_event\": \"train_batch_end\"}", "");
    assert_left("{\"at_event\": \"run_end\"}", "abc");
    assert_left("{\"step_min\": 5, \"step_max\": 5}", "");
    assert_left("{\"step_min\": 6}", "abc");
    assert_left("{\"step_max\": 4}", "abc");
    assert_left("{\"module\": \"tune\", \"nth\": 1}", "ac");
    assert_left("{\"nth\": 7}", "abc");
    assert_left("{}", "");
}

static void an_overlay_that_is_not_understood_is_refused_by_its_patch(void)
{
    assert_refused(ENTRY(1, "run_end", "a"), "{}", "no list 'patches'");
    assert_refused(ENTRY(1, "run_end", "a"), "{\"patches\": [{\"match\": {}}, {\"drop\": true}]}",
                   "patches[1]");
    assert_refused(ENTRY(1, "run_end", "a"), "{\"patches\": [{\"match\": {\"modul\": 1}}]}", "'modul'");
    assert_refused(ENTRY(1, "run_end", "a"), "{\"patches\": [{\"insert\": 5}]}", "patches[0]: insert");
    assert_refused(ENTRY(1, "run_end", "a"), "{\"patches\": [{\"match\": {}, \"shift_step\": 1e300}]}",
                   "shift_step");
}

CASES("oplist", CASE(events_have_one_name_and_one_alias), CASE(an_entry_fires_once_at_its_step_and_event),
      CASE(within_a_step_each_waits_for_its_event_in_the_order_of_the_file),
      CASE(a_missing_place_is_the_end_of_batch_0_and_0_counts), CASE(the_offset_moves_every_entry),
      CASE(what_did_not_fire_is_named_with_its_place), CASE(what_cannot_be_read_is_refused_by_its_line),
      CASE(an_overlay_replaces_scales_and_adds),
      CASE(an_overlay_shifts_drops_and_inserts_and_the_list_is_sorted_again),
      CASE(every_key_of_a_match_must_hold), CASE(an_overlay_that_is_not_understood_is_refused_by_its_patch))
