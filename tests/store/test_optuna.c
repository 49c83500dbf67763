/* tests/store/test_optuna.c - the database in Optuna's format, looked at with SQLite. tests/cli/optuna.sh looks at
 * one with Optuna itself, where that is installed. */
#include <math.h>

#include <sqlite3.h>

#include "cases.h"
#include "store/folder.h"
#include "store/optuna.h"

#define FILE_NAME "study.sqlite"

static ht_optuna *open_in(folder *f, bool maximize)
{
    ht_optuna *o = NULL;
    ht_error err = {""};
    CU_ASSERT_EQUAL_FATAL(ht_optuna_open(folder_file(f, FILE_NAME), "hottune", maximize, &o, &err), HT_OK);
    return o;
}

/* All rows of a query, cells joined by | and rows by ; */
static void expect_rows(folder *f, const char *sql, const char *expected)
{
    char text[4096] = "";
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open_v2(folder_file(f, FILE_NAME), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(s); i++) {
            const unsigned char *cell = sqlite3_column_text(s, i);
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i > 0 ? "|" : text[0] != 0 ? ";" : "",
                     cell != NULL ? (const char *)cell : "NULL");
        }
    }
    sqlite3_finalize(s);
    sqlite3_close(db);
    CU_ASSERT_STRING_EQUAL(text, expected);
}

static void execute(folder *f, const char *sql)
{
    sqlite3 *db = NULL;
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(folder_file(f, FILE_NAME), &db), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_new_file_has_what_optuna_looks_for(void)
{
    folder f;
    folder_make(&f);
    ht_optuna_close(open_in(&f, true));
    expect_rows(&f, "SELECT * FROM version_info", "1|12|5.0.0");
    expect_rows(&f, "SELECT * FROM alembic_version", "v3.2.0.a");
    expect_rows(&f, "SELECT study_name, direction, objective FROM studies JOIN study_directions USING (study_id)",
                "hottune|MAXIMIZE|0");
    expect_rows(&f, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
                "alembic_version;studies;study_directions;study_system_attributes;study_user_attributes;"
                "trial_heartbeats;trial_intermediate_values;trial_params;trial_system_attributes;"
                "trial_user_attributes;trial_values;trials;version_info");
    expect_rows(&f, "SELECT sql LIKE 'CREATE UNIQUE%' FROM sqlite_master WHERE name = 'ix_studies_study_name'", "1");
    expect_rows(&f, "SELECT count(*) FROM sqlite_master WHERE name = 'trials_study_id_key'", "1");
    expect_rows(&f, "PRAGMA journal_mode", "delete");
    folder_remove(&f);
}

static void a_trial_is_written_as_optuna_does(void)
{
    static const ht_scalar choices[] = {{HT_VALUE_TEXT, 0, "a"}, {HT_VALUE_BOOL, 1, ""}, {HT_VALUE_INT, 3, ""},
                                        {HT_VALUE_REAL, 2, ""}};
    folder f;
    long long t = 0;
    folder_make(&f);
    ht_optuna *o = open_in(&f, false);
    ht_optuna_distribution lr = {"lr", HT_OPTUNA_FLOAT, 1e-5, 1, 0, true, 0, NULL};
    ht_optuna_distribution depth = {"depth", HT_OPTUNA_INT, 1, 9, 2, false, 0, NULL};
    ht_optuna_distribution kind = {"kind", HT_OPTUNA_CATEGORY, 0, 0, 0, false, 4, choices};
    cJSON *why = cJSON_CreateString("say \"no\"");
    CU_ASSERT_EQUAL(ht_optuna_begin(o, 1795536306.368822, &t, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_optuna_param(o, t, &lr, 0.01, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_optuna_param(o, t, &depth, 5, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_optuna_param(o, t, &kind, 2, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_optuna_intermediate(o, t, 1, 0.5, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_optuna_intermediate(o, t, 2, NAN, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_optuna_intermediate(o, t, 3, INFINITY, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_optuna_intermediate(o, t, 1, 0.25, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_optuna_attribute(o, t, "why", why, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_optuna_study_attribute(o, "who", why, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_optuna_finish(o, t, 1795536307, HT_OPTUNA_COMPLETE, 0.125, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_optuna_commit(o, NULL), HT_OK);
    ht_optuna_close(o);
    cJSON_Delete(why);
    expect_rows(&f, "SELECT number, state, length(datetime_start), substr(datetime_start, 18), datetime_complete "
                    "> datetime_start FROM trials", "0|COMPLETE|26|06.368822|1");
    expect_rows(&f, "SELECT param_name, param_value, distribution_json FROM trial_params ORDER BY param_id",
                "lr|0.01|{\"name\":\"FloatDistribution\",\"attributes\":"
                "{\"log\":true,\"step\":null,\"low\":1e-05,\"high\":1.0}};"
                "depth|5.0|{\"name\":\"IntDistribution\",\"attributes\":"
                "{\"log\":false,\"step\":2,\"low\":1,\"high\":9}};"
                "kind|2.0|{\"name\":\"CategoricalDistribution\",\"attributes\":{\"choices\":[\"a\",true,3,2.0]}}");
    expect_rows(&f, "SELECT step, intermediate_value, intermediate_value_type FROM trial_intermediate_values "
                    "ORDER BY step", "1|0.25|FINITE;2|NULL|NAN;3|NULL|INF_POS");
    expect_rows(&f, "SELECT objective, value, value_type FROM trial_values", "0|0.125|FINITE");
    expect_rows(&f, "SELECT key, value_json FROM trial_user_attributes", "why|\"say \\\"no\\\"\"");
    expect_rows(&f, "SELECT key, value_json FROM study_user_attributes", "who|\"say \\\"no\\\"\"");
    folder_remove(&f);
}

static void numbers_go_on_where_they_were(void)
{
    folder f;
    long long t = 0, other = 0;
    size_t n = 0;
    folder_make(&f);
    ht_optuna *o = open_in(&f, false);
    cJSON *seven = ht_json_int(7), *eight = ht_json_int(8);
    CU_ASSERT_EQUAL(ht_optuna_begin(o, 0, &t, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_optuna_attribute(o, t, "trial", seven, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_optuna_commit(o, NULL), HT_OK);
    ht_optuna_close(o);
    o = open_in(&f, false);
    CU_ASSERT_EQUAL(ht_optuna_abandon(o, 5, &n, NULL), HT_OK);
    CU_ASSERT_EQUAL(n, 1);
    CU_ASSERT_EQUAL(ht_optuna_find(o, "trial", seven, &other, NULL), HT_OK);
    CU_ASSERT_EQUAL(other, t);
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_optuna_find(o, "trial", eight, &other, &err), HT_ENOTFOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no trial has the attribute 'trial' with 8"));
    CU_ASSERT_EQUAL(ht_optuna_begin(o, 0, &t, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_optuna_commit(o, NULL), HT_OK);
    ht_optuna_close(o);
    cJSON_Delete(seven);
    cJSON_Delete(eight);
    expect_rows(&f, "SELECT number, state FROM trials ORDER BY number", "0|FAIL;1|RUNNING");
    folder_remove(&f);
}

static void what_was_not_committed_never_was(void)
{
    folder f;
    long long t = 0;
    folder_make(&f);
    ht_optuna *o = open_in(&f, false);
    CU_ASSERT_EQUAL(ht_optuna_begin(o, 0, &t, NULL), HT_OK);
    expect_rows(&f, "SELECT count(*) FROM trials", "0");
    ht_optuna_close(o);
    expect_rows(&f, "SELECT count(*) FROM trials", "0");
    folder_remove(&f);
}

static void a_complete_trial_needs_a_value(void)
{
    folder f;
    long long t = 0;
    ht_error err = {""};
    folder_make(&f);
    ht_optuna *o = open_in(&f, false);
    CU_ASSERT_EQUAL(ht_optuna_begin(o, 0, &t, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_optuna_finish(o, t, 0, HT_OPTUNA_COMPLETE, NAN, &err), HT_EINVAL);
    CU_ASSERT_STRING_EQUAL(err.text, "a trial without a value cannot be complete");
    CU_ASSERT_EQUAL(ht_optuna_finish(o, t, 0, HT_OPTUNA_PRUNED, NAN, &err), HT_OK);
    CU_ASSERT_EQUAL(ht_optuna_commit(o, NULL), HT_OK);
    ht_optuna_close(o);
    expect_rows(&f, "SELECT state, (SELECT count(*) FROM trial_values) FROM trials", "PRUNED|0");
    folder_remove(&f);
}

static void two_studies_share_a_file(void)
{
    folder f;
    long long t = 0;
    ht_optuna *o = NULL;
    folder_make(&f);
    ht_optuna_close(open_in(&f, false));
    CU_ASSERT_EQUAL_FATAL(ht_optuna_open(folder_file(&f, FILE_NAME), "other", true, &o, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_optuna_begin(o, 0, &t, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_optuna_commit(o, NULL), HT_OK);
    ht_optuna_close(o);
    expect_rows(&f, "SELECT study_name, direction FROM studies JOIN study_directions USING (study_id) ORDER BY 1",
                "hottune|MINIMIZE;other|MAXIMIZE");
    expect_rows(&f, "SELECT study_id, number FROM trials", "2|0");
    folder_remove(&f);
}

/* Opening is refused with this message, and the file stays as it is. */
static void refuses(folder *f, ht_status status, const char *why)
{
    size_t before = 0, after = 0;
    char *old = NULL, *new = NULL;
    ht_optuna *o = NULL;
    ht_error err = {""};
    CU_ASSERT_EQUAL_FATAL(ht_file_read(folder_file(f, FILE_NAME), &old, &before, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_optuna_open(folder_file(f, FILE_NAME), "hottune", false, &o, &err), status);
    CU_ASSERT_PTR_NULL(o);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, why));
    CU_ASSERT_EQUAL_FATAL(ht_file_read(folder_file(f, FILE_NAME), &new, &after, NULL), HT_OK);
    CU_ASSERT_TRUE(before == after && memcmp(old, new, before) == 0);
    free(old);
    free(new);
}

static void files_that_are_none_of_ours_are_left_alone(void)
{
    folder f;
    folder_make(&f);
    folder_write(&f, FILE_NAME, "this is a text of more than a hundred bytes, so that SQLite has something to read, "
                                "and finds that it is no database at all\n");
    refuses(&f, HT_EFORMAT, "file is not a database");
    unlink(folder_file(&f, FILE_NAME));
    execute(&f, "CREATE TABLE cats (name TEXT)");
    refuses(&f, HT_EFORMAT, "is a database, but no study of Optuna");
    unlink(folder_file(&f, FILE_NAME));
    ht_optuna_close(open_in(&f, false));
    execute(&f, "UPDATE alembic_version SET version_num = 'v9.9.9.z'");
    refuses(&f, HT_EFORMAT, "revision 'v9.9.9.z', we write schema 12, revision 'v3.2.0.a'");
    unlink(folder_file(&f, FILE_NAME));
    ht_optuna_close(open_in(&f, true));
    refuses(&f, HT_EREFUSED, "study 'hottune' has the direction MAXIMIZE, not MINIMIZE");
    execute(&f, "INSERT INTO study_directions (direction, study_id, objective) VALUES ('MAXIMIZE', 1, 1)");
    refuses(&f, HT_EREFUSED, "study 'hottune' has 2 objectives");
    folder_remove(&f);
}

static void a_file_that_another_program_holds_is_written_later(void)
{
    folder f;
    long long t = 0;
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    ht_error err = {""};
    folder_make(&f);
    ht_optuna *o = open_in(&f, false);
    CU_ASSERT_EQUAL(ht_optuna_begin(o, 0, &t, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_open(folder_file(&f, FILE_NAME), &db), SQLITE_OK);
    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, "SELECT * FROM version_info", -1, &s, NULL), SQLITE_OK);
    CU_ASSERT_EQUAL(sqlite3_step(s), SQLITE_ROW); /* reads, and does not finish */
    CU_ASSERT_EQUAL(ht_optuna_commit(o, &err), HT_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "database is locked"));
    sqlite3_finalize(s);
    sqlite3_close(db);
    CU_ASSERT_EQUAL(ht_optuna_commit(o, &err), HT_OK);
    ht_optuna_close(o);
    expect_rows(&f, "SELECT count(*) FROM trials", "1");
    folder_remove(&f);
}

CASES("optuna", CASE(a_new_file_has_what_optuna_looks_for), CASE(a_trial_is_written_as_optuna_does),
      CASE(numbers_go_on_where_they_were), CASE(what_was_not_committed_never_was),
      CASE(a_complete_trial_needs_a_value), CASE(two_studies_share_a_file),
      CASE(files_that_are_none_of_ours_are_left_alone), CASE(a_file_that_another_program_holds_is_written_later))
