/* tests/store/test_run_dir.c - what lies in a run directory: earlier runs, recipe, freeze file, commands. */
#include <math.h>
#include <sys/wait.h>

#include "cases.h"
#include "folder.h"

static void names_are_joined_and_absolute_ones_stay(void)
{
    static const char *const cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"a", "/b", "/b"}, {"", "b", "b"}, {"/", "b", "/b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *path = ht_path_join(cases[i][0], cases[i][1]);
        CU_ASSERT_STRING_EQUAL(path, cases[i][2]);
        free(path);
    }
}

static void a_directory_is_created_with_its_parents_and_may_exist(void)
{
    folder f;
    char deep[512], mid[512];
    folder_make(&f);
    snprintf(mid, sizeof mid, "%s/a", f.path);
    snprintf(deep, sizeof deep, "%s/a/b/", f.path);
    CU_ASSERT_EQUAL(ht_run_dir_create(deep, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_run_dir_create(deep, NULL), HT_OK);
    CU_ASSERT_EQUAL(access(deep, W_OK), 0);
    rmdir(deep);
    rmdir(mid);
    folder_remove(&f);
}

static void a_file_in_the_way_of_a_directory_is_named(void)
{
    folder f;
    ht_error err = {""};
    char deep[512];
    folder_make(&f);
    folder_write(&f, "a", "");
    snprintf(deep, sizeof deep, "%s/a/b", f.path);
    CU_ASSERT_EQUAL(ht_run_dir_create(deep, &err), HT_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/a'"));
    CU_ASSERT_EQUAL(ht_run_dir_create("", NULL), HT_EIO);
    CU_ASSERT_EQUAL(symlink("nowhere", folder_file(&f, "link")), 0);
    CU_ASSERT_EQUAL(ht_run_dir_create(folder_file(&f, "link"), &err), HT_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "there is a file of that name"));
    folder_remove(&f);
}

/* ---- history ------------------------------------------------------------------------------------ */

static void an_empty_directory_has_no_history(void)
{
    folder f;
    ht_run_history h = {9, 9, 9, 9, 9};
    folder_make(&f);
    CU_ASSERT_EQUAL(ht_run_dir_history(f.path, &h, NULL), HT_OK);
    CU_ASSERT_EQUAL(h.runs + h.mutations + h.segments + h.ledger_lines, 0);
    CU_ASSERT_EQUAL(h.command_end, 0);
    folder_remove(&f);
}

static void history_is_the_highest_number_of_each_kind_whatever_is_torn(void)
{
    folder f;
    ht_run_history h;
    folder_make(&f);
    folder_write(&f, HT_FILE_MUTATIONS,
                 "{\"mutation_id\":\"m_00012\",\"run\":\"r1\"}\n{\"mutation_id\":\"m_00003\"}\n"
                 "{\"mutation_id\":\"m_1\n{\"mutation_id\":\"m_99");
    folder_write(&f, HT_FILE_SEGMENTS, "{\"segment_id\":\"s_123456\",\"run\":\"r2\"}\n{\"segment_id\":7}\n");
    folder_write(&f, HT_FILE_APPLIED,
                 "{\"seq\":1,\"cmd_end\":90}\n{\"seq\":2,\"cmd_end\":40}\n{\"seq\":3,\"cmd_end\":null}\n");
    folder_write(&f, HT_FILE_SUMMARY, "{\"run\": \"r4\"}\n");
    CU_ASSERT_EQUAL(ht_run_dir_history(f.path, &h, NULL), HT_OK);
    CU_ASSERT_EQUAL(h.mutations, 12);
    CU_ASSERT_EQUAL(h.segments, 123456);
    CU_ASSERT_EQUAL(h.runs, 4);
    CU_ASSERT_EQUAL(h.ledger_lines, 3);
    CU_ASSERT_EQUAL(h.command_end, 90);
    folder_remove(&f);
}

/* ---- the recipe --------------------------------------------------------------------------------- */

static void expect_recipe(folder *f, const char *path, const char *text, const char *name_ends, bool found)
{
    char *got = NULL, *name = NULL;
    bool is_found = !found;
    CU_ASSERT_EQUAL_FATAL(ht_run_dir_recipe(f->path, path, &got, &name, &is_found, NULL), HT_OK);
    CU_ASSERT_STRING_EQUAL(got, text);
    CU_ASSERT_TRUE(strlen(name) >= strlen(name_ends));
    CU_ASSERT_STRING_EQUAL(name + strlen(name) - strlen(name_ends), name_ends);
    CU_ASSERT_EQUAL(is_found, found);
    free(got);
    free(name);
}

static void the_recipe_is_looked_for_in_the_promised_order(void)
{
    folder f;
    char other[300];
    folder_make(&f);
    expect_recipe(&f, NULL, "version: 1\n", "the default recipe", false);
    folder_write(&f, HT_FILE_RECIPE_JSON, "{\"version\": 1}");
    expect_recipe(&f, NULL, "{\"version\": 1}", "/" HT_FILE_RECIPE_JSON, true);
    folder_write(&f, HT_FILE_RECIPE, "version: 1 # yaml\n");
    expect_recipe(&f, NULL, "version: 1 # yaml\n", "/" HT_FILE_RECIPE, true);
    folder_write(&f, "mine.yaml", "version: 1 # mine\n");
    folder_write(&f, HT_FILE_CONFIG, "tune: {recipe: mine.yaml}\n");
    expect_recipe(&f, NULL, "version: 1 # mine\n", "/mine.yaml", true);
    folder_write(&f, "given.yaml", "version: 1 # given\n");
    snprintf(other, sizeof other, "%s/given.yaml", f.path);
    expect_recipe(&f, other, "version: 1 # given\n", "/given.yaml", true);
    folder_remove(&f);
}

static void a_recipe_that_is_named_but_missing_is_an_error(void)
{
    folder f;
    char *text = NULL, *name = NULL;
    bool found;
    ht_error err = {""};
    folder_make(&f);
    folder_write(&f, HT_FILE_RECIPE, "version: 1\n");
    CU_ASSERT_EQUAL(ht_run_dir_recipe(f.path, "nowhere.yaml", &text, &name, &found, &err), HT_ENOTFOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "'nowhere.yaml'"));
    folder_write(&f, HT_FILE_CONFIG, "tune: {recipe: gone.yaml}\n");
    CU_ASSERT_EQUAL(ht_run_dir_recipe(f.path, NULL, &text, &name, &found, &err), HT_ENOTFOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "gone.yaml"));
    CU_ASSERT_PTR_NULL(text);
    folder_remove(&f);
}

static void a_config_that_is_no_yaml_is_an_error_with_file_and_line(void)
{
    folder f;
    char *text = NULL, *name = NULL;
    bool found;
    ht_error err = {""};
    folder_make(&f);
    folder_write(&f, HT_FILE_CONFIG, "tune: {recipe: [\n");
    CU_ASSERT_EQUAL(ht_run_dir_recipe(f.path, NULL, &text, &name, &found, &err), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, HT_FILE_CONFIG ": line "));
    folder_remove(&f);
}

/* ---- the freeze file ---------------------------------------------------------------------------- */

static void a_freeze_state_reads_back_as_written_with_all_five_keys(void)
{
    folder f;
    ht_freeze out,
        in = {.mode = HT_FREEZE_REPLAY, .recipe_path = "ops.jsonl", .strict = true, .step_offset = 100};
    folder_make(&f);
    CU_ASSERT_EQUAL(ht_freeze_write(f.path, &in, NULL, NULL), HT_OK);
    folder_expect_without_digits(&f, HT_FILE_FREEZE,
                                 "{\n  \"mode\": \"replay\",\n  \"recipe_path\": \"ops.jsonl\",\n"
                                 "  \"adjust_path\": null,\n  \"policy\": \"strict\",\n  \"step_offset\": 100,\n"
                                 "  \"sum\": \"0-\"\n}\n");
    CU_ASSERT_EQUAL(ht_freeze_read(f.path, &out, NULL), HT_OK);
    CU_ASSERT_EQUAL(out.mode, HT_FREEZE_REPLAY);
    CU_ASSERT_STRING_EQUAL(out.recipe_path, "ops.jsonl");
    CU_ASSERT_STRING_EQUAL(out.adjust_path, "");
    CU_ASSERT_TRUE(out.strict);
    CU_ASSERT_EQUAL(out.step_offset, 100);
    folder_remove(&f);
}

static void a_freeze_file_that_begins_with_zeros_is_not_empty(void)
{
    folder f;
    ht_freeze out = {.mode = HT_FREEZE_PROD};
    ht_error err = {""};
    folder_make(&f);
    FILE *file = fopen(folder_file(&f, HT_FILE_FREEZE), "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fwrite("\0\0\0\"prod\"}", 1, 10, file);
    fclose(file);
    CU_ASSERT_EQUAL(ht_freeze_read(f.path, &out, &err), HT_EFORMAT);
    CU_ASSERT_EQUAL(out.mode, HT_FREEZE_OFF);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "it holds bytes that are 0"));
    folder_remove(&f);
}

static void a_missing_or_empty_freeze_file_is_off(void)
{
    folder f;
    ht_freeze out = {.mode = HT_FREEZE_PROD};
    folder_make(&f);
    CU_ASSERT_EQUAL(ht_freeze_read(f.path, &out, NULL), HT_OK);
    CU_ASSERT_EQUAL(out.mode, HT_FREEZE_OFF);
    folder_write(&f, HT_FILE_FREEZE, " \n");
    CU_ASSERT_EQUAL(ht_freeze_read(f.path, &out, NULL), HT_OK);
    CU_ASSERT_EQUAL(out.mode, HT_FREEZE_OFF);
    folder_remove(&f);
}

static void a_broken_freeze_file_is_off_and_says_why(void)
{
    static const char *const texts[] = {"{", "[1]", "{\"mode\": \"frozen\"}",
                                        "{\"mode\": \"prod\", \"step_offset\": 1e99}"};
    folder f;
    folder_make(&f);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        ht_freeze out = {.mode = HT_FREEZE_PROD};
        ht_error err = {""};
        folder_write(&f, HT_FILE_FREEZE, texts[i]);
        CU_ASSERT_EQUAL(ht_freeze_read(f.path, &out, &err), HT_EFORMAT);
        CU_ASSERT_EQUAL(out.mode, HT_FREEZE_OFF);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, HT_FILE_FREEZE));
    }
    folder_remove(&f);
}

/* ---- commands ----------------------------------------------------------------------------------- */

static cJSON *command(const char *op)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_text(o, "module", "tune");
    ht_json_put_text(o, "op", op);
    return o;
}

static void a_command_is_one_line_after_whatever_was_torn(void)
{
    folder f;
    cJSON *c = command("status");
    ht_json_put(c, "x", cJSON_CreateNumber(INFINITY));
    folder_make(&f);
    folder_write(&f, HT_FILE_COMMANDS, "{\"mod");
    CU_ASSERT_EQUAL(ht_command_send(f.path, c, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_command_send(f.path, c, NULL), HT_OK);
    folder_expect_without_digits(&f, HT_FILE_COMMANDS,
                                 "{\"mod\n{\"module\":\"tune\",\"op\":\"status\",\"x\":null,\"sum\":\"0-\"}\n"
                                 "{\"module\":\"tune\",\"op\":\"status\",\"x\":null,\"sum\":\"0-\"}\n");
    cJSON_Delete(c);
    folder_remove(&f);
}

static void a_command_into_a_missing_directory_is_refused(void)
{
    ht_error err = {""};
    cJSON *c = command("status");
    CU_ASSERT_EQUAL(ht_command_send("/nowhere/at/all", c, &err), HT_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "'/nowhere/at/all/" HT_FILE_COMMANDS "'"));
    cJSON_Delete(c);
}

static void count_line(void *ctx, const cJSON *line)
{
    *(int *)ctx += ht_json_text(line, "op") != NULL;
}

static void commands_of_several_processes_do_not_mix(void)
{
    folder f;
    int lines = 0;
    ht_lines_account account;
    folder_make(&f);
    for (int i = 0; i < 4; i++)
        if (fork() == 0) {
            cJSON *c = command("status");
            bool fine = true;
            for (int k = 0; k < 50; k++)
                fine = ht_command_send(f.path, c, NULL) == HT_OK && fine;
            cJSON_Delete(c);
            _exit(!fine);
        }
    for (int i = 0; i < 4; i++) {
        int status = 1;
        wait(&status);
        CU_ASSERT_EQUAL(status, 0);
    }
    CU_ASSERT_EQUAL(ht_lines_each(folder_file(&f, HT_FILE_COMMANDS), count_line, &lines, &account, NULL), HT_OK);
    CU_ASSERT_EQUAL(lines, 200);
    CU_ASSERT_EQUAL(account.bad, 0);
    folder_remove(&f);
}

static void undoing_removes_the_empty_directories_that_were_made_and_no_others(void)
{
    folder f;
    folder_make(&f);
    char deep[400], kept[400];
    size_t n = strlen(f.path);
    snprintf(deep, sizeof deep, "%s/a//b/c", f.path);
    snprintf(kept, sizeof kept, "%s/a/x", f.path);
    CU_ASSERT_EQUAL(ht_run_dir_existing(deep), n);
    CU_ASSERT_EQUAL(ht_run_dir_existing("no-such-folder"), 0);
    CU_ASSERT_EQUAL(ht_run_dir_existing("/no-such-folder/x"), 1);
    CU_ASSERT_EQUAL(ht_run_dir_create(deep, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_run_dir_create(kept, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_run_dir_existing(deep), strlen(deep));
    ht_run_dir_undo(deep, n);
    CU_ASSERT_EQUAL(ht_run_dir_existing(deep), n + 2);
    ht_run_dir_undo(kept, n);
    CU_ASSERT_EQUAL(folder_count(&f), 0);
    CU_ASSERT_EQUAL(ht_run_dir_existing(f.path), n);
    folder_remove(&f);
}

CASES("run_dir", CASE(undoing_removes_the_empty_directories_that_were_made_and_no_others),
      CASE(names_are_joined_and_absolute_ones_stay),
      CASE(a_directory_is_created_with_its_parents_and_may_exist),
      CASE(a_file_in_the_way_of_a_directory_is_named), CASE(an_empty_directory_has_no_history),
      CASE(history_is_the_highest_number_of_each_kind_whatever_is_torn),
      CASE(the_recipe_is_looked_for_in_the_promised_order),
      CASE(a_recipe_that_is_named_but_missing_is_an_error),
      CASE(a_config_that_is_no_yaml_is_an_error_with_file_and_line),
      CASE(a_freeze_state_reads_back_as_written_with_all_five_keys),
      CASE(a_freeze_file_that_begins_with_zeros_is_not_empty), CASE(a_missing_or_empty_freeze_file_is_off), CASE(a_broken_freeze_file_is_off_and_says_why),
      CASE(a_command_is_one_line_after_whatever_was_torn),
      CASE(a_command_into_a_missing_directory_is_refused), CASE(commands_of_several_processes_do_not_mix))
