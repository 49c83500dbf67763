/* src/store/run_dir.c - what lies in a run directory: earlier runs, the recipe; the contract is in run_dir.h.
 *
 * May touch: the directory it is given. Reads hotcb.yaml only for `tune.recipe`; what that file asks for
 * is inbox.c's business. */
#include "store/run_dir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "recipe/yaml.h"
#include "store/commit.h"
#include "store/page.h"

char *ht_path_join(const char *dir, const char *name)
{
    ht_string path = {0};
    if (name[0] == '/' || dir[0] == '\0')
        ht_string_add(&path, "%s", name);
    else
        ht_string_add(&path, "%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", name);
    return ht_string_take(&path);
}

static bool is_directory(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

ht_status ht_run_dir_create(const char *dir, ht_error *err)
{
    if (dir[0] == '\0')
        return ht_fail(err, HT_EIO, "the run directory has no name");
    char *path = strdup(dir);
    if (path == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the name of '%s'", dir);
    ht_status st = HT_OK;
    for (char *end = path + 1; st == HT_OK; end++) {
        if (*end != '/' && *end != '\0')
            continue;
        char kept = *end;
        *end = '\0';
        const int why = mkdir(path, 0777) == 0 ? 0 : errno;
        if (why != 0 && !is_directory(path))
            st = why == EEXIST || why == ENOTDIR
                     ? ht_fail(err, HT_EIO, "cannot create directory '%s': there is a file of that name; name a "
                               "directory", path)
                     : ht_fail(err, HT_EIO, "cannot create directory '%s': %s", path, strerror(why));
        *end = kept;
        if (kept == '\0')
            break;
    }
    free(path);
    return st;
}

/* The path without what stands behind its last slash; 0 = there is none. */
static size_t parent_length(const char *path, size_t n)
{
    while (n > 0 && path[n - 1] == '/')
        n--;
    while (n > 0 && path[n - 1] != '/')
        n--;
    while (n > 1 && path[n - 1] == '/')
        n--;
    return n;
}

size_t ht_run_dir_existing(const char *dir)
{
    size_t n = strlen(dir);
    char *path = strdup(dir);
    while (path != NULL && n > 0 && !is_directory(path)) {
        n = parent_length(path, n);
        path[n] = '\0';
    }
    free(path);
    return n;
}

void ht_run_dir_undo(const char *dir, size_t existing)
{
    size_t n = strlen(dir);
    char *path = strdup(dir);
    while (path != NULL && n > existing && rmdir(path) == 0) {
        n = parent_length(path, n);
        path[n] = '\0';
    }
    free(path);
}

/* ---- what earlier runs left ----------------------------------------------------------------- */

/* The number in "m_00012" or "r3"; 0 if the text does not begin with `prefix`. */
static unsigned long id_number(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);
    return text != NULL && strncmp(text, prefix, n) == 0 ? strtoul(text + n, NULL, 10) : 0;
}

static void lift(unsigned long *highest, unsigned long number)
{
    if (number > *highest)
        *highest = number;
}

static void see_record(void *ctx, const cJSON *line)
{
    ht_run_history *h = ctx;
    lift(&h->mutations, id_number(ht_json_text(line, "mutation_id"), "m_"));
    lift(&h->segments, id_number(ht_json_text(line, "segment_id"), "s_"));
    lift(&h->runs, id_number(ht_json_text(line, "run"), "r"));
}

static void see_ledger(void *ctx, const cJSON *line)
{
    ht_run_history *h = ctx;
    double seq = ht_json_number(line, "seq", 0), end = ht_json_number(line, "cmd_end", 0);
    h->ledger_lines++;
    if (seq > (double)h->ledger_lines && seq < 1e15)
        h->ledger_lines = (unsigned long)seq;
    /* the highest, not the last: answers can come in another order than the commands */
    if (end > (double)h->command_end && end < 1e15)
        h->command_end = (long long)end;
}

/* Bytes that a log had at the last checkpoint; 0: there is none, or it does not say. */
static uint64_t bytes_at_checkpoint(const char *dir, const char *name)
{
    ht_commit c = {0};
    uint64_t bytes = 0;
    char *folder = ht_path_join(dir, HT_DIR_CHECKPOINT);
    if (folder != NULL && ht_commit_read(folder, &c, NULL, NULL) == HT_OK)
        for (size_t i = 0; i < c.n_logs; i++)
            if (strcmp(c.logs[i].name, name) == 0)
                bytes = c.logs[i].bytes;
    ht_commit_release(&c);
    free(folder);
    return bytes;
}

/* Number of the last line that a log had when the summary was written; 0: it does not say. */
static double number_in_summary(const char *dir, const char *name)
{
    cJSON *summary = NULL;
    char *path = ht_path_join(dir, HT_FILE_SUMMARY);
    if (path != NULL)
        ht_page_read(path, &summary, NULL);
    double number = ht_json_number(ht_json_member(summary, HT_LOG_LINES), name, 0);
    cJSON_Delete(summary);
    free(path);
    return number;
}

ht_status ht_run_dir_end_of_log(const char *dir, const char *name, ht_lines_account *account, ht_error *err)
{
    char *path = ht_path_join(dir, name);
    if (path == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the name of '%s'", name);
    ht_file_stamp log = ht_file_look(path);
    free(path);
    if (!log.exists) /* somebody removed it */
        return HT_OK;
    if (ht_commit_is_there(dir)) { /* who goes on cuts the logs: the summary is newer than they are */
        account->missing += (uint64_t)log.size < bytes_at_checkpoint(dir, name);
        return HT_OK;
    }
    double number = number_in_summary(dir, name);
    if (number > (double)account->number && number < 1e15)
        account->missing += (size_t)number - account->number;
    return HT_OK;
}

ht_status ht_run_dir_log(const char *dir, const char *name, void (*visit)(void *ctx, const cJSON *object),
                         void *ctx, ht_lines_account *account, ht_error *err)
{
    char *path = ht_path_join(dir, name);
    if (path == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the name of '%s'", name);
    ht_status st = ht_lines_each(path, visit, ctx, account, err);
    if (st == HT_OK)
        st = ht_run_dir_end_of_log(dir, name, account, err);
    free(path);
    return st;
}

static ht_status see_lines(const char *dir, const char *name, void (*visit)(void *, const cJSON *),
                           ht_run_history *h, ht_error *err)
{
    ht_lines_account account;
    ht_error why;
    HT_TRY(ht_run_dir_log(dir, name, visit, h, &account, err));
    account.torn = false; /* the run before was killed */
    if (ht_lines_tell(name, &account, &why) && h->damage.text[0] == '\0')
        h->damage = why;
    return HT_OK;
}

/* A run that mutated nothing shows in the summary only. */
static ht_status see_summary(const char *dir, ht_run_history *h, ht_error *err)
{
    char *path = ht_path_join(dir, HT_FILE_SUMMARY);
    cJSON *summary = NULL;
    ht_error why = {""};
    if (path == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the name of '%s'", HT_FILE_SUMMARY);
    ht_status st = ht_page_read(path, &summary, &why);
    if (st == HT_OK)
        lift(&h->runs, id_number(ht_json_text(summary, "run"), "r"));
    else if (st == HT_EFORMAT)
        h->damage = why;
    else if (st != HT_ENOTFOUND)
        ht_fail(err, st, "%s", why.text);
    cJSON_Delete(summary);
    free(path);
    return st == HT_ENOTFOUND || st == HT_EFORMAT ? HT_OK : st;
}

ht_status ht_run_dir_history(const char *dir, ht_run_history *out, ht_error *err)
{
    ht_run_history h = {0};
    HT_TRY(see_lines(dir, HT_FILE_MUTATIONS, see_record, &h, err));
    HT_TRY(see_lines(dir, HT_FILE_SEGMENTS, see_record, &h, err));
    HT_TRY(see_lines(dir, HT_FILE_APPLIED, see_ledger, &h, err));
    HT_TRY(see_summary(dir, &h, err));
    *out = h;
    return HT_OK;
}

/* ---- the recipe ----------------------------------------------------------------------------- */

/* Path of the recipe that hotcb.yaml names, owned by the caller; NULL if it names none. */
static ht_status configured_recipe(const char *dir, char **path, ht_error *err)
{
    char *name = ht_path_join(dir, HT_FILE_CONFIG), *text = NULL;
    cJSON *config = NULL;
    *path = NULL;
    if (name == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the name of '%s'", HT_FILE_CONFIG);
    ht_status st = ht_file_read(name, &text, NULL, err);
    if (st == HT_ENOTFOUND) {
        st = HT_OK;
        goto done;
    }
    if (st == HT_OK && (st = ht_yaml_parse(text, &config, NULL, err)) != HT_OK)
        ht_fail_in(err, st, name);
    const char *recipe = st == HT_OK ? ht_json_text(ht_json_member(config, "tune"), "recipe") : NULL;
    if (recipe != NULL && (*path = ht_path_join(dir, recipe)) == NULL)
        st = ht_fail(err, HT_ENOMEM, "no memory for the name of '%s'", recipe);
done:
    cJSON_Delete(config);
    free(text);
    free(name);
    return st;
}

/* @param[in] path  taken, NULL = no memory for it */
static ht_status read_recipe(char *path, char **text, char **name, ht_error *err)
{
    if (path == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the name of the recipe");
    ht_status st = ht_file_read(path, text, NULL, err);
    if (st == HT_OK)
        *name = path;
    else
        free(path);
    return st;
}

static ht_status default_recipe(char **text, char **name, ht_error *err)
{
    *text = strdup("version: 1\n");
    *name = strdup("the default recipe");
    if (*text != NULL && *name != NULL)
        return HT_OK;
    free(*text);
    free(*name);
    return ht_fail(err, HT_ENOMEM, "no memory for the default recipe");
}

ht_status ht_run_dir_recipe(const char *dir, const char *path, char **text, char **name, bool *found,
                            ht_error *err)
{
    *found = true;
    if (path != NULL)
        return read_recipe(strdup(path), text, name, err);
    char *configured;
    HT_TRY(configured_recipe(dir, &configured, err));
    if (configured != NULL)
        return read_recipe(configured, text, name, err);
    const char *const usual[] = {HT_FILE_RECIPE, HT_FILE_RECIPE_JSON};
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        ht_status st = read_recipe(ht_path_join(dir, usual[i]), text, name, err);
        if (st != HT_ENOTFOUND)
            return st;
    }
    *found = false;
    return default_recipe(text, name, err);
}
