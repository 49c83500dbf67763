/* tests/unit/test_replay.c - which lines of a mutation log are to be repeated. */
#include "cases.h"
#include "tune/replay.h"

#include <string.h>

#define LINE(id, step, status)                                                                               \
    "{\"mutation_id\": \"" id "\", \"step\": " #step ", \"phase_bin\": \"mid\", \"actuator\": \"opt\", "     \
    "\"patch\": {\"op\": \"lr_mult\", \"value\": 0.5}, \"status\": \"" status "\"}\n"

static ht_replay parsed(const char *text)
{
    ht_replay r;
    CU_ASSERT_EQUAL_FATAL(ht_replay_parse(text, &r, NULL), HT_OK);
    return r;
}

static void assert_refused(const char *text, const char *why)
{
    ht_replay r = {.n = 7};
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_replay_parse(text, &r, &err), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, why));
    CU_ASSERT_EQUAL(r.n, 0);
    CU_ASSERT_PTR_NULL(r.entries);
}

static void an_empty_log_has_nothing_to_repeat(void)
{
    ht_replay r = parsed("");
    CU_ASSERT_EQUAL(r.n, 0);
    ht_replay_release(&r);
}

static void a_mutation_is_repeated_once_however_many_lines_it_has(void)
{
    ht_replay r = parsed(LINE("m_00001", 100, "applied") LINE("m_00001", 100, "accepted"));
    CU_ASSERT_EQUAL_FATAL(r.n, 1);
    CU_ASSERT_EQUAL(r.entries[0].step, 100);
    CU_ASSERT_STRING_EQUAL(r.entries[0].phase, "mid");
    CU_ASSERT_STRING_EQUAL(r.entries[0].actuator, "opt");
    CU_ASSERT_STRING_EQUAL(r.entries[0].patch.op, "lr_mult");
    CU_ASSERT_EQUAL(r.entries[0].patch.value.scalar.number, .5);
    ht_replay_release(&r);
}

static void a_value_that_was_lifted_from_zero_is_lifted_again(void)
{
    ht_replay r = parsed("{\"actuator\": \"a\", \"status\": \"applied\", "
                         "\"patch\": {\"op\": \"x_mult\", \"value\": 2, \"floor\": 0.1}}\n"
                         LINE("b", 2, "accepted"));
    CU_ASSERT_EQUAL_FATAL(r.n, 2);
    CU_ASSERT(r.entries[0].patch.floor == .1 && r.entries[1].patch.floor == 0);
    ht_replay_release(&r);
}

static void only_what_stayed_in_force_is_repeated(void)
{
    ht_replay r = parsed(LINE("a", 1, "applied") LINE("b", 2, "accepted") LINE("c", 3, "rejected")
                             LINE("d", 4, "inconclusive") LINE("e", 5, "rolled_back") LINE("f", 6, "failed")
                                 LINE("g", 7, "suggested") LINE("h", 8, "blocked") LINE("i", 9, "proposed"));
    CU_ASSERT_EQUAL_FATAL(r.n, 4);
    for (size_t i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(r.entries[i].step, (long long)i + 1);
    ht_replay_release(&r);
}

static void the_last_status_of_a_mutation_counts(void)
{
    ht_replay r = parsed(LINE("a", 1, "applied") LINE("b", 2, "applied") LINE("b", 2, "rejected")
                             LINE("a", 1, "rolled_back"));
    CU_ASSERT_EQUAL_FATAL(r.n, 1);
    CU_ASSERT_EQUAL(r.entries[0].step, 2);
    ht_replay_release(&r);
}

static void the_order_is_that_of_first_lines_whatever_ids_and_steps_say(void)
{
    ht_replay r = parsed(LINE("z", 30, "applied") LINE("a", 10, "applied") LINE("m", 20, "applied")
                             LINE("z", 30, "accepted"));
    CU_ASSERT_EQUAL_FATAL(r.n, 3);
    CU_ASSERT_EQUAL(r.entries[0].step, 30);
    CU_ASSERT_EQUAL(r.entries[1].step, 10);
    CU_ASSERT_EQUAL(r.entries[2].step, 20);
    ht_replay_release(&r);
}

static void lines_without_an_id_stand_alone(void)
{
    ht_replay r =
        parsed("{\"actuator\": \"loss\", \"patch\": {\"op\": \"mult\", \"key\": \"aux\", \"value\": 2}}\n"
               "{\"actuator\": \"loss\", \"patch\": {\"op\": \"mult\", \"key\": \"aux\", \"value\": 3}}\n");
    CU_ASSERT_EQUAL_FATAL(r.n, 2);
    CU_ASSERT_STRING_EQUAL(r.entries[1].patch.key, "aux");
    CU_ASSERT_EQUAL(r.entries[1].patch.value.scalar.number, 3);
    CU_ASSERT_STRING_EQUAL(r.entries[1].phase, "unknown");
    ht_replay_release(&r);
}

static void equal_ids_of_two_replicas_or_runs_are_two_mutations(void)
{
    static const char text[] =
        "{\"mutation_id\": \"m\", \"run\": \"r1\", \"actuator\": \"a\", \"patch\": {\"op\": \"x\"}}\n"
        "{\"mutation_id\": \"m\", \"run\": \"r2\", \"actuator\": \"a\", \"patch\": {\"op\": \"x\"}}\n"
        "{\"mutation_id\": \"m\", \"run\": \"r2\", \"replica\": 1, \"actuator\": \"a\", \"patch\": {\"op\": "
        "\"x\"}}";
    ht_replay r = parsed(text);
    CU_ASSERT_EQUAL(r.n, 3);
    ht_replay_release(&r);
}

static void a_torn_last_line_is_ignored(void)
{
    ht_replay r =
        parsed(LINE("a", 1, "applied") "\n" LINE("b", 2, "accepted") "{\"mutation_id\": \"c\", \"st");
    CU_ASSERT_EQUAL(r.n, 2);
    ht_replay_release(&r);
}

static void any_other_line_that_cannot_be_read_is_refused_by_its_number(void)
{
    assert_refused(LINE("a", 1, "applied") "{\"torn\n" LINE("b", 2, "applied"), "line 2");
    assert_refused("[1]\n" LINE("b", 2, "applied"), "line 1: an object");
}

static void a_mutation_in_force_must_say_what_it_did(void)
{
    assert_refused("\n{\"mutation_id\": \"a\", \"status\": \"applied\", \"patch\": {\"op\": \"x\"}}\n",
                   "line 2");
    assert_refused("{\"mutation_id\": \"a\", \"status\": \"applied\", \"actuator\": \"opt\"}\n", "line 1");
    ht_replay r = parsed("{\"mutation_id\": \"a\", \"status\": \"failed\"}\n");
    CU_ASSERT_EQUAL(r.n, 0);
    ht_replay_release(&r);
}

CASES("replay", CASE(an_empty_log_has_nothing_to_repeat),
      CASE(a_mutation_is_repeated_once_however_many_lines_it_has),
      CASE(a_value_that_was_lifted_from_zero_is_lifted_again),
      CASE(only_what_stayed_in_force_is_repeated), CASE(the_last_status_of_a_mutation_counts),
      CASE(the_order_is_that_of_first_lines_whatever_ids_and_steps_say),
      CASE(lines_without_an_id_stand_alone), CASE(equal_ids_of_two_replicas_or_runs_are_two_mutations),
      CASE(a_torn_last_line_is_ignored), CASE(any_other_line_that_cannot_be_read_is_refused_by_its_number),
      CASE(a_mutation_in_force_must_say_what_it_did))
