/* tests/store/test_inbox.c - what is asked from outside: hotcb.yaml, the freeze file, commands. */
#include "cases.h"
#include "folder.h"

enum { TAKEN_MAX = 16 };

/* A run directory, its inbox, and what came of the last look. */
typedef struct {
    folder f;
    ht_inbox *in;
    size_t n, total;                    /* operations of the last look; of all */
    ht_operation taken[TAKEN_MAX];
    int freezes;
    ht_freeze freeze;
    char list[512];                     /* copy of freeze.list; "-" = none */
    ht_error err;
} stage;

static void take(void *ctx, ht_operation *o)
{
    stage *s = ctx;
    s->total++;
    if (s->n < TAKEN_MAX)
        s->taken[s->n++] = *o;
    else
        ht_operation_release(o);
}

static void freeze(void *ctx, const ht_freeze *f)
{
    stage *s = ctx;
    s->freezes++;
    s->freeze = *f;
    snprintf(s->list, sizeof s->list, "%s", f->list == NULL ? "-" : f->list);
}

static void forget(stage *s)
{
    for (size_t i = 0; i < s->n; i++)
        ht_operation_release(&s->taken[i]);
    s->n = 0;
    s->freezes = 0;
}

static ht_status look(stage *s)
{
    forget(s);
    s->err = (ht_error){""};
    return ht_inbox_poll(s->in, take, freeze, s, &s->err);
}

static stage open_at(long long command_end)
{
    stage s = {.total = 0};
    folder_make(&s.f);
    CU_ASSERT_EQUAL_FATAL(ht_inbox_open(s.f.path, command_end, &s.in, NULL), HT_OK);
    return s;
}

static void close_stage(stage *s)
{
    forget(s);
    ht_inbox_close(s->in);
    folder_remove(&s->f);
}

/* The i-th operation of the last look as text. */
static void expect(const stage *s, size_t i, const char *body)
{
    CU_ASSERT_FATAL(i < s->n);
    char *line = ht_json_line(s->taken[i].body);
    CU_ASSERT_STRING_EQUAL(line, body);
    free(line);
}

/* ---- commands ----------------------------------------------------------------------------------- */

static void nothing_asked_gives_nothing(void)
{
    stage s = open_at(0);
    CU_ASSERT_EQUAL(look(&s), HT_OK);
    CU_ASSERT_EQUAL(s.n + (size_t)s.freezes, 0);
    close_stage(&s);
}

static void a_command_is_taken_once_with_the_offset_behind_it(void)
{
    stage s = open_at(0);
    folder_write(&s.f, HT_FILE_COMMANDS,
                 "{\"module\":\"tune\",\"op\":\"status\"}\n\n{\"op\":\"x\",\"id\":7}\n");
    CU_ASSERT_EQUAL(look(&s), HT_OK);
    CU_ASSERT_EQUAL_FATAL(s.n, 2);
    expect(&s, 0, "{\"module\":\"tune\",\"op\":\"status\"}");
    expect(&s, 1, "{\"op\":\"x\",\"id\":\"7\"}");
    CU_ASSERT_EQUAL(s.taken[0].source, HT_FROM_EXTERNAL);
    CU_ASSERT_EQUAL(s.taken[0].command_end, 32);
    CU_ASSERT_EQUAL(s.taken[1].command_end, 51);
    CU_ASSERT_EQUAL(look(&s), HT_OK);
    CU_ASSERT_EQUAL(s.n, 0);
    close_stage(&s);
}

static void a_command_that_is_written_by_halves_is_taken_when_it_is_whole(void)
{
    stage s = open_at(0);
    folder_write(&s.f, HT_FILE_COMMANDS, "{\"op\":\"a\"}\n{\"op\":");
    look(&s);
    CU_ASSERT_EQUAL(s.n, 1);
    look(&s);
    CU_ASSERT_EQUAL(s.n, 0);
    folder_append(&s.f, HT_FILE_COMMANDS, "\"b\"}\n");
    look(&s);
    CU_ASSERT_EQUAL_FATAL(s.n, 1);
    expect(&s, 0, "{\"op\":\"b\"}");
    close_stage(&s);
}

static void a_restart_goes_on_behind_the_commands_that_were_dealt_with(void)
{
    stage s = open_at(11);
    folder_write(&s.f, HT_FILE_COMMANDS, "{\"op\":\"a\"}\n{\"op\":\"b\"}\n");
    look(&s);
    CU_ASSERT_EQUAL_FATAL(s.n, 1);
    expect(&s, 0, "{\"op\":\"b\"}");
    close_stage(&s);
}

static void a_file_that_became_shorter_is_read_from_its_start(void)
{
    stage s = open_at(5000);
    folder_write(&s.f, HT_FILE_COMMANDS, "{\"op\":\"a\"}\n{\"op\":\"b\"}\n");
    look(&s);
    CU_ASSERT_EQUAL(s.n, 2);
    folder_write(&s.f, HT_FILE_COMMANDS, "{\"op\":\"c\"}\n");
    look(&s);
    CU_ASSERT_EQUAL_FATAL(s.n, 1);
    expect(&s, 0, "{\"op\":\"c\"}");
    close_stage(&s);
}

static void a_command_whose_checksum_is_wrong_is_not_taken(void)
{
    stage s = open_at(0);
    cJSON *command = cJSON_CreateObject();
    ht_json_put_text(command, "op", "a");
    CU_ASSERT_EQUAL(ht_command_send(s.f.path, command, NULL), HT_OK);
    CU_ASSERT_EQUAL(look(&s), HT_OK);
    CU_ASSERT_EQUAL_FATAL(s.n, 1);
    expect(&s, 0, "{\"op\":\"a\"}");
    char *text = folder_read(&s.f, HT_FILE_COMMANDS);
    text[strlen("{\"op\":\"")] = 'b';
    folder_append(&s.f, HT_FILE_COMMANDS, text);
    CU_ASSERT_EQUAL(look(&s), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.err.text, "1 lines are no JSON or have a wrong checksum"));
    CU_ASSERT_EQUAL(s.n, 0);
    free(text);
    cJSON_Delete(command);
    close_stage(&s);
}

static void a_last_line_that_stays_unfinished_is_told_once(void)
{
    stage s = open_at(0);
    folder_write(&s.f, HT_FILE_COMMANDS, "{\"op\":\"a\"}\n{\"op\":");
    CU_ASSERT_EQUAL(look(&s), HT_OK);
    CU_ASSERT_EQUAL(look(&s), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.err.text, "the last line has no line feed and is not taken"));
    CU_ASSERT_EQUAL(look(&s), HT_OK);
    folder_append(&s.f, HT_FILE_COMMANDS, "\"b\"}\n");
    CU_ASSERT_EQUAL(look(&s), HT_OK);
    CU_ASSERT_EQUAL_FATAL(s.n, 1);
    expect(&s, 0, "{\"op\":\"b\"}");
    close_stage(&s);
}

static void lines_that_are_not_json_are_skipped_and_reported_once(void)
{
    stage s = open_at(0);
    folder_write(&s.f, HT_FILE_COMMANDS, "not json\n{\"op\":\"a\"}\n{\"op\":\n");
    CU_ASSERT_EQUAL(look(&s), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.err.text, HT_FILE_COMMANDS "': 2 lines are no JSON"));
    CU_ASSERT_EQUAL(s.n, 1);
    folder_append(&s.f, HT_FILE_COMMANDS, "again\n{\"op\":\"b\"}\n");
    CU_ASSERT_EQUAL(look(&s), HT_OK);
    CU_ASSERT_EQUAL(s.n, 1);
    close_stage(&s);
}

static void json_that_is_no_command_is_an_operation_with_a_fault(void)
{
    stage s = open_at(0);
    folder_write(&s.f, HT_FILE_COMMANDS,
                 "[1,2]\n{\"module\":\"tune\"}\n{\"op\":\"set\",\"params\":3}\n{\"op\":4}\n"
                 "{\"op\":\"a\",\"id\":{}}\n{\"op\":\"a\",\"module\":1}\n\"text\"\n");
    CU_ASSERT_EQUAL(look(&s), HT_OK);
    CU_ASSERT_EQUAL_FATAL(s.n, 7);
    for (size_t i = 0; i < s.n; i++)
        CU_ASSERT_STRING_EQUAL(s.taken[i].fault, "bad_command");
    expect(&s, 0, "{\"command\":[1,2]}");
    expect(&s, 2, "{\"op\":\"set\",\"params\":3}");
    close_stage(&s);
}

static void at_most_ten_thousand_commands_are_taken_in_one_look(void)
{
    stage s = open_at(0);
    FILE *file = fopen(folder_file(&s.f, HT_FILE_COMMANDS), "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    for (int i = 0; i < 10005; i++)
        fputs("{\"op\":\"a\"}\n", file);
    fclose(file);
    look(&s);
    CU_ASSERT_EQUAL(s.total, 10000);
    look(&s);
    CU_ASSERT_EQUAL(s.total, 10005);
    close_stage(&s);
}

static void a_line_that_is_far_too_long_is_skipped(void)
{
    stage s = open_at(0);
    FILE *file = fopen(folder_file(&s.f, HT_FILE_COMMANDS), "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("{\"op\":\"a\"}\n", file);
    for (int i = 0; i < (5 << 19); i++)
        fputc('x', file);
    fputs("\n{\"op\":\"b\"}\n", file);
    fclose(file);
    CU_ASSERT_EQUAL(look(&s), HT_EFORMAT);
    CU_ASSERT_EQUAL_FATAL(s.n, 2);
    expect(&s, 1, "{\"op\":\"b\"}");
    close_stage(&s);
}

/* ---- hotcb.yaml --------------------------------------------------------------------------------- */

static void the_config_gives_operations_in_the_promised_order(void)
{
    stage s = open_at(0);
    folder_write(&s.f, HT_FILE_CONFIG,
                 "tune:\n  enabled: true\n  mode: suggest\n  set: {acceptance.epsilon: 0.002}\n"
                 "loss: {params: {aux_w: 0.5}}\nopt: {enabled: false, id: main}\n"
                 "core:\n  freeze_mode: \"off\"\n  replay: {recipe_path: ops.jsonl, policy: strict, "
                 "step_offset: 5}\n");
    folder_write(&s.f, HT_FILE_COMMANDS, "{\"op\":\"a\"}\n");
    CU_ASSERT_EQUAL(look(&s), HT_OK);
    CU_ASSERT_EQUAL_FATAL(s.n, 6);
    expect(&s, 0, "{\"module\":\"core\",\"op\":\"freeze\",\"mode\":\"off\",\"recipe_path\":\"ops.jsonl\","
                  "\"policy\":\"strict\",\"step_offset\":5}");
    expect(&s, 1, "{\"module\":\"opt\",\"op\":\"disable\",\"id\":\"main\"}");
    expect(&s, 2, "{\"module\":\"loss\",\"op\":\"set_params\",\"params\":{\"aux_w\":0.5}}");
    expect(&s, 3, "{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":\"suggest\"}}");
    expect(&s, 4, "{\"module\":\"tune\",\"op\":\"set\",\"params\":{\"acceptance.epsilon\":0.002}}");
    expect(&s, 5, "{\"op\":\"a\"}");
    CU_ASSERT_EQUAL(s.taken[0].source, HT_FROM_YAML);
    CU_ASSERT_EQUAL(s.taken[0].command_end, -1);
    CU_ASSERT_EQUAL(look(&s), HT_OK);
    CU_ASSERT_EQUAL(s.n, 0);
    close_stage(&s);
}

static void the_tune_section_switches_tuning_as_promised(void)
{
    static const char *const cases[][2] = {
        {"tune: {enabled: true}\n",
         "{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":\"active\"}}"},
        {"tune: {mode: observe}\n",
         "{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":\"observe\"}}"},
        {"tune: {enabled: false, mode: active}\n", "{\"module\":\"tune\",\"op\":\"disable\"}"},
        {"tune: {recipe: mine.yaml}\n", NULL},
        {"tune:\n", NULL},
        {"tune: {}\n", NULL},
        {"version: 1\n", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        stage s = open_at(0);
        folder_write(&s.f, HT_FILE_CONFIG, cases[i][0]);
        CU_ASSERT_EQUAL(look(&s), HT_OK);
        CU_ASSERT_EQUAL_FATAL(s.n, cases[i][1] != NULL);
        if (s.n > 0)
            expect(&s, 0, cases[i][1]);
        close_stage(&s);
    }
}

static void a_section_that_is_no_mapping_is_one_fault_and_the_others_count(void)
{
    stage s = open_at(0);
    folder_write(&s.f, HT_FILE_CONFIG, "core: 3\nopt: [1]\ntune: {mode: active}\n");
    CU_ASSERT_EQUAL(look(&s), HT_OK);
    CU_ASSERT_EQUAL_FATAL(s.n, 3);
    CU_ASSERT_STRING_EQUAL(s.taken[0].fault, "bad_config");
    CU_ASSERT_STRING_EQUAL(ht_json_text(s.taken[0].body, "module"), "core");
    CU_ASSERT_STRING_EQUAL(s.taken[1].fault, "bad_config");
    CU_ASSERT_STRING_EQUAL(s.taken[2].fault, "");
    close_stage(&s);
}

static void wrong_kinds_inside_a_section_are_faults(void)
{
    static const char *const texts[] = {
        "tune: {enabled: 3}\n",
        "tune: {mode: 3}\n",
        "tune: {mode: active, set: 3}\n",
        "core: {freeze_mode: 3}\n",
        "core: {freeze_mode: prod, replay: 3}\n",
        "opt: {params: 3}\n",
        "just text\n",
        "tune: {\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        stage s = open_at(0);
        folder_write(&s.f, HT_FILE_CONFIG, texts[i]);
        CU_ASSERT_EQUAL(look(&s), HT_OK);
        CU_ASSERT_EQUAL_FATAL(s.n, 1);
        CU_ASSERT_STRING_EQUAL(s.taken[0].fault, "bad_config");
        CU_ASSERT_PTR_NOT_NULL(ht_json_text(s.taken[0].body, "error"));
        close_stage(&s);
    }
}

static void a_config_that_is_replaced_counts_again(void)
{
    stage s = open_at(0);
    folder_write(&s.f, HT_FILE_CONFIG, "tune: {enabled: true}\n");
    look(&s);
    ht_file_replace(folder_file(&s.f, HT_FILE_CONFIG), "tune: {enabled: true}\n", 22, NULL);
    look(&s);
    CU_ASSERT_EQUAL(s.n, 1);
    unlink(folder_file(&s.f, HT_FILE_CONFIG));
    CU_ASSERT_EQUAL(look(&s), HT_OK);
    CU_ASSERT_EQUAL(s.n, 0);
    close_stage(&s);
}

/* ---- files that a request refers to ------------------------------------------------------------- */

static void the_replay_log_comes_along_relative_to_the_run_directory(void)
{
    stage s = open_at(0);
    folder_write(&s.f, "old.jsonl", "the log\n");
    folder_write(&s.f, HT_FILE_COMMANDS,
                 "{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":\"replay\",\"replay_path\":"
                 "\"old.jsonl\"}}\n"
                 "{\"module\":\"tune\",\"op\":\"enable\",\"params\":{\"mode\":\"replay\",\"replay_path\":"
                 "\"gone.jsonl\"}}\n"
                 "{\"module\":\"tune\",\"op\":\"enable\"}\n");
    CU_ASSERT_EQUAL(look(&s), HT_OK);
    CU_ASSERT_EQUAL_FATAL(s.n, 3);
    CU_ASSERT_STRING_EQUAL(s.taken[0].attachment, "the log\n");
    CU_ASSERT_STRING_EQUAL(s.taken[0].attachment_error, "");
    CU_ASSERT_PTR_NULL(s.taken[1].attachment);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.taken[1].attachment_error, "gone.jsonl"));
    CU_ASSERT_PTR_NULL(s.taken[2].attachment);
    CU_ASSERT_STRING_EQUAL(s.taken[2].attachment_error, "");
    close_stage(&s);
}

static void the_operation_list_comes_along_with_its_overlay_in_front(void)
{
    stage s = open_at(0);
    folder_write(&s.f, "ops.jsonl", "{\"op\":\"x\"}\n");
    folder_write(&s.f, "adjust.yaml", "patches:\n  - drop: true\n");
    folder_write(
        &s.f, HT_FILE_COMMANDS,
        "{\"module\":\"core\",\"op\":\"freeze\",\"mode\":\"replay\",\"recipe_path\":\"ops.jsonl\"}\n"
        "{\"module\":\"core\",\"op\":\"freeze\",\"mode\":\"replay_adjusted\",\"recipe_path\":\"ops.jsonl\","
        "\"adjust_path\":\"adjust.yaml\"}\n{\"module\":\"core\",\"op\":\"freeze\",\"mode\":\"prod\"}\n"
        "{\"module\":\"core\",\"op\":\"freeze\",\"mode\":\"replay_adjusted\",\"recipe_path\":\"ops.jsonl\","
        "\"adjust_path\":\"ops.jsonl\"}\n");
    CU_ASSERT_EQUAL(look(&s), HT_OK);
    CU_ASSERT_EQUAL_FATAL(s.n, 4);
    CU_ASSERT_STRING_EQUAL(s.taken[0].attachment, "{\"op\":\"x\"}\n");
    CU_ASSERT_STRING_EQUAL(s.taken[1].attachment, "{\"patches\":[{\"drop\":true}]}\n{\"op\":\"x\"}\n");
    CU_ASSERT_PTR_NULL(s.taken[2].attachment);
    CU_ASSERT_PTR_NULL(s.taken[3].attachment);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.taken[3].attachment_error, "'patches'"));
    close_stage(&s);
}

/* ---- the freeze file ---------------------------------------------------------------------------- */

static void a_freeze_is_told_when_what_it_says_changed(void)
{
    stage s = open_at(0);
    ht_freeze prod = {.mode = HT_FREEZE_PROD};
    ht_freeze_write(s.f.path, &prod, NULL, NULL);
    CU_ASSERT_EQUAL(look(&s), HT_OK);
    CU_ASSERT_EQUAL(s.freezes, 1);
    CU_ASSERT_EQUAL(s.freeze.mode, HT_FREEZE_PROD);
    CU_ASSERT_STRING_EQUAL(s.list, "-");
    ht_freeze_write(s.f.path, &prod, NULL, NULL);
    look(&s);
    CU_ASSERT_EQUAL(s.freezes, 0);
    unlink(folder_file(&s.f, HT_FILE_FREEZE));
    look(&s);
    CU_ASSERT_EQUAL(s.freezes, 1);
    CU_ASSERT_EQUAL(s.freeze.mode, HT_FREEZE_OFF);
    close_stage(&s);
}

static void a_freeze_for_replay_brings_its_operation_list(void)
{
    stage s = open_at(0);
    ht_freeze replay = {.mode = HT_FREEZE_REPLAY, .recipe_path = "ops.jsonl"};
    folder_write(&s.f, "ops.jsonl", "{\"op\":\"x\"}\n");
    ht_freeze_write(s.f.path, &replay, NULL, NULL);
    look(&s);
    CU_ASSERT_STRING_EQUAL(s.list, "{\"op\":\"x\"}\n");
    strcpy(replay.recipe_path, "gone.jsonl");
    ht_freeze_write(s.f.path, &replay, NULL, NULL);
    look(&s);
    CU_ASSERT_STRING_EQUAL(s.list, "-");
    CU_ASSERT_PTR_NOT_NULL(strstr(s.freeze.list_error, "gone.jsonl"));
    close_stage(&s);
}

static void a_freeze_file_that_breaks_is_off_with_a_message_and_commands_are_taken(void)
{
    stage s = open_at(0);
    ht_freeze prod = {.mode = HT_FREEZE_PROD};
    ht_freeze_write(s.f.path, &prod, NULL, NULL);
    look(&s);
    folder_write(&s.f, HT_FILE_FREEZE, "{\"mode\": \"prood\"}");
    folder_write(&s.f, HT_FILE_COMMANDS, "{\"op\":\"a\"}\n");
    CU_ASSERT_EQUAL(look(&s), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.err.text, "'prood'"));
    CU_ASSERT_EQUAL(s.freezes, 1);
    CU_ASSERT_EQUAL(s.freeze.mode, HT_FREEZE_OFF);
    CU_ASSERT_EQUAL(s.n, 1);
    CU_ASSERT_EQUAL(look(&s), HT_OK);
    close_stage(&s);
}

CASES("inbox", CASE(nothing_asked_gives_nothing), CASE(a_command_is_taken_once_with_the_offset_behind_it),
      CASE(a_command_that_is_written_by_halves_is_taken_when_it_is_whole),
      CASE(a_restart_goes_on_behind_the_commands_that_were_dealt_with),
      CASE(a_file_that_became_shorter_is_read_from_its_start),
      CASE(a_command_whose_checksum_is_wrong_is_not_taken),
      CASE(a_last_line_that_stays_unfinished_is_told_once),
      CASE(lines_that_are_not_json_are_skipped_and_reported_once),
      CASE(json_that_is_no_command_is_an_operation_with_a_fault),
      CASE(at_most_ten_thousand_commands_are_taken_in_one_look), CASE(a_line_that_is_far_too_long_is_skipped),
      CASE(the_config_gives_operations_in_the_promised_order),
      CASE(the_tune_section_switches_tuning_as_promised),
      CASE(a_section_that_is_no_mapping_is_one_fault_and_the_others_count),
      CASE(wrong_kinds_inside_a_section_are_faults), CASE(a_config_that_is_replaced_counts_again),
      CASE(the_replay_log_comes_along_relative_to_the_run_directory),
      CASE(the_operation_list_comes_along_with_its_overlay_in_front),
      CASE(a_freeze_is_told_when_what_it_says_changed), CASE(a_freeze_for_replay_brings_its_operation_list),
      CASE(a_freeze_file_that_breaks_is_off_with_a_message_and_commands_are_taken))
