/* src/cli/study_runs.c - the runs of a study in brief; the contract is in study_runs.h.
 *
 * May touch: stdout, the files that are named (reads only), the process table. */
#include "cli/study_runs.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/columns.h"
#include "store/run_dir.h"
#include "store/run_lock.h"

enum { BLOCK = 8192 }; /* rows at a time */

/* ---- files -------------------------------------------------------------------------------------- */

static bool add_path(ht_study_names *n, char *path)
{
    char **names = path != NULL ? realloc(n->names, (n->n + 1) * sizeof *names) : NULL;
    if (names == NULL) {
        free(path);
        return false;
    }
    n->names = names;
    names[n->n++] = path;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool ht_study_add_existing(ht_study_names *n, const char *dir, const char *name)
{
    char *path = ht_path_join(dir, name);
    if (path != NULL && ht_file_look(path).exists)
        return add_path(n, path);
    free(path);
    return path != NULL;
}

/* Calls `add` with every name in a directory that is not hidden. */
static bool each_name(const char *dir,
                      bool (*add)(ht_study_names *n, const char *dir, const char *name, const char *arg),
                      ht_study_names *n, const char *arg)
{
    DIR *d = opendir(dir);
    bool fine = true;
    for (const struct dirent *e; fine && d != NULL && (e = readdir(d)) != NULL;)
        fine = e->d_name[0] == '.' || add(n, dir, e->d_name, arg);
    if (d != NULL)
        closedir(d);
    return fine;
}

static bool add_study_of(ht_study_names *n, const char *dir, const char *name, const char *arg)
{
    char *below = ht_path_join(dir, name);
    bool fine = below != NULL && ht_study_add_existing(n, below, arg);
    free(below);
    return fine;
}

static bool add_if_named(ht_study_names *n, const char *dir, const char *name, const char *end)
{
    size_t length = strlen(name), m = strlen(end);
    return length < m || strcmp(name + length - m, end) != 0 || add_path(n, ht_path_join(dir, name));
}

bool ht_study_add_below(ht_study_names *n, const char *dir, const char *end)
{
    size_t before = n->n;
    bool fine = each_name(dir, add_if_named, n, end);
    if (n->n > before)
        qsort(n->names + before, n->n - before, sizeof *n->names, by_name);
    return fine;
}

ht_status ht_study_paths(const char *word, ht_study_names *out, ht_error *err)
{
    ht_study_names n = {0};
    struct stat s;
    bool is_dir = stat(word, &s) == 0 && S_ISDIR(s.st_mode);
    bool fine = is_dir ? ht_study_add_existing(&n, word, HT_FILE_STUDY) &&
                             each_name(word, add_study_of, &n, HT_FILE_STUDY)
                       : add_path(&n, strdup(word));
    if (!fine) {
        ht_study_names_release(&n);
        return ht_fail(err, HT_ENOMEM, "out of memory");
    }
    if (n.n == 0)
        return ht_fail(err, HT_ENOTFOUND,
                       "'%s' has no " HT_FILE_STUDY ", and no directory in it has one; name a study", word);
    qsort(n.names, n.n, sizeof *n.names, by_name);
    *out = n;
    return HT_OK;
}

ht_status ht_study_open_runs(const ht_cli *cli, const char *path, ht_study_file **out, ht_error *err)
{
    ht_study_file *f = NULL;
    HT_TRY(ht_study_check_unsealed(cli, path, err));
    HT_TRY(ht_study_file_open(path, &f, err));
    if (ht_study_file_kind(f) == HT_STUDY_CHAMPION) {
        ht_study_file_close(f);
        return ht_fail(err, HT_EINVAL,
                       "'%s' holds the weights of a champion; 'hottune study check' tells whether it is "
                       "whole",
                       path);
    }
    *out = f;
    return HT_OK;
}

/* ---- does it live ------------------------------------------------------------------------------- */

/* An id is <host>-<pid>-<second>-r<number>: a process that does not exist on this host was killed. */
static bool died_here(const char *id)
{
    char host[256] = "";
    long pid = 0, second = 0;
    const char *end = id + strlen(id);
    for (int dashes = 0; end > id && dashes < 3;)
        dashes += *--end == '-';
    if (gethostname(host, sizeof host - 1) != 0 || strlen(host) != (size_t)(end - id) ||
        strncmp(host, id, strlen(host)) != 0 || sscanf(end, "-%ld-%ld-r", &pid, &second) != 2 || pid <= 0)
        return false;
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static const char *state_of(const char *id, double ended, const ht_run_sign *sign)
{
    if (ended > 0)
        return "ended";
    if (sign->life != HT_RUN_NONE && strcmp(sign->study_run, id) == 0)
        return sign->life == HT_RUN_LIVES ? "goes on"
                                          : "killed"; /* closed without an end in the study, too */
    return died_here(id) ? "killed" : "unknown";
}

/* What the lock beside the study says. A study elsewhere has none: HT_RUN_NONE. */
static ht_run_sign sign_beside(const char *path)
{
    ht_run_sign sign = {HT_RUN_NONE};
    const char *slash = strrchr(path, '/');
    char *dir = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    if (dir == NULL || ht_run_lock_look(dir, &sign, NULL) != HT_OK)
        sign = (ht_run_sign){HT_RUN_NONE};
    free(dir);
    return sign;
}

/* ---- a run -------------------------------------------------------------------------------------- */

/* The first reading of the objective and the best one. */
static ht_status read_curves(const ht_study_file *f, const char *run, bool maximize, double *first,
                             double *best, ht_error *err)
{
    ht_string object = {0};
    size_t at = 0, all = 1;
    ht_status st = HT_OK;
    ht_string_add(&object, "%s/curves", run);
    if (ht_study_look(f, ht_string_peek(&object)) != HT_OBJECT_TABLE)
        all = 0;
    while (st == HT_OK && at < all) {
        ht_study_table t = {0};
        st = ht_study_table_read(f, ht_string_peek(&object), at, BLOCK, &t, err);
        const ht_table_column *c = ht_table_find(&t, "value");
        for (size_t i = 0; i < t.n_rows; i++) {
            double x = ht_table_real(&t, i, c, 0);
            if (!isfinite(x))
                continue;
            if (isnan(*first))
                *first = x;
            if (isnan(*best) || (maximize ? x > *best : x < *best))
                *best = x;
        }
        all = t.n_all;
        at += BLOCK;
        ht_study_table_release(&t);
    }
    ht_string_release(&object);
    return st;
}

static double count_segments(const cJSON *run)
{
    static const char *const decisions[] = {"accepted", "rejected", "rolled_back", "inconclusive", "lost"};
    double n = 0;
    for (size_t i = 0; i < sizeof decisions / sizeof *decisions; i++)
        n += ht_json_number(run, decisions[i], 0);
    return n;
}

static ht_status brief(const ht_study_file *f, const char *object, bool maximize, const ht_run_sign *sign,
                       cJSON **out, ht_error *err)
{
    cJSON *run = NULL;
    double first = NAN, best = NAN;
    HT_TRY(ht_study_attributes(f, object, &run, err));
    ht_status st = read_curves(f, object, maximize, &first, &best, err);
    const char *id = ht_json_text(run, "id"), *name = ht_json_text(run, "name"),
               *hash = ht_json_text(run, "recipe_hash");
    if (st == HT_OK && id == NULL)
        st = ht_fail(err, HT_EFORMAT, "'%s' is damaged: '%s' has no id", ht_study_file_path(f), object);
    if (st == HT_OK) {
        cJSON *b = cJSON_CreateObject();
        double val = ht_json_number(run, "result_val", NAN), end = isfinite(val) ? val : best;
        ht_json_put_text(b, "object", object);
        ht_json_put_text(b, "id", id);
        ht_json_put_text(b, "name", name != NULL ? name : "");
        ht_json_put_real(b, "started", ht_json_number(run, "started", NAN));
        ht_json_put_real(b, "ended", ht_json_number(run, "ended", NAN));
        ht_json_put_text(b, "state", state_of(id, ht_json_number(run, "ended", 0), sign));
        ht_json_put_int(b, "replicas", ht_json_number(run, "replicas", 0));
        ht_json_put_int(b, "segments", count_segments(run));
        ht_json_put_int(b, "accepted", ht_json_number(run, "accepted", 0));
        ht_json_put_real(b, "value_first", first);
        ht_json_put_real(b, "value_best", best);
        ht_json_put_real(b, "result_val", val);
        ht_json_put_real(b, "result_test", ht_json_number(run, "result_test", NAN));
        ht_json_put_real(b, "gain", maximize ? end - first : first - end);
        ht_json_put_text(b, "recipe_hash", hash != NULL ? hash : "");
        *out = b;
    }
    cJSON_Delete(run);
    return st;
}

static int by_age(const void *a, const void *b)
{
    const cJSON *x = *(cJSON *const *)a, *y = *(cJSON *const *)b;
    double p = ht_json_number(x, "started", 0), q = ht_json_number(y, "started", 0);
    return p != q ? (p < q ? -1 : 1) : strcmp(ht_json_text(x, "id"), ht_json_text(y, "id"));
}

/* Takes the runs. (cJSON_InsertItemInArray refuses to insert behind what was inserted first, 1.7.15 of Debian.) */
static cJSON *list_by_age(cJSON **runs, size_t n)
{
    cJSON *list = cJSON_CreateArray();
    if (n > 0)
        qsort(runs, n, sizeof *runs, by_age);
    for (size_t i = 0; i < n; i++)
        if (!cJSON_AddItemToArray(list, runs[i]))
            cJSON_Delete(runs[i]);
    return list;
}

ht_status ht_study_runs(const ht_study_file *f, cJSON **out, ht_error *err)
{
    ht_study_names names = {0};
    cJSON *root = NULL, **runs = NULL;
    size_t n = 0;
    ht_run_sign sign = sign_beside(ht_study_file_path(f));
    ht_status st = ht_study_attributes(f, "/", &root, err);
    if (st == HT_OK)
        st = ht_study_links(f, "/runs", &names, err);
    if (st == HT_OK && (runs = calloc(names.n + 1, sizeof(cJSON *))) == NULL)
        st = ht_fail(err, HT_ENOMEM, "no memory for the runs of '%s'", ht_study_file_path(f));
    const char *direction = ht_json_text(root, "direction");
    bool maximize = direction != NULL && strcmp(direction, "maximize") == 0;
    for (size_t i = 0; st == HT_OK && i < names.n; i++) {
        ht_string object = {0};
        ht_string_add(&object, "/runs/%s", names.names[i]);
        st = brief(f, ht_string_peek(&object), maximize, &sign, &runs[n], err);
        n += st == HT_OK;
        ht_string_release(&object);
    }
    ht_study_names_release(&names);
    cJSON_Delete(root);
    if (st == HT_OK)
        *out = list_by_age(runs, n);
    for (size_t i = 0; st != HT_OK && i < n; i++)
        cJSON_Delete(runs[i]);
    free(runs);
    return st;
}

void ht_print_time(double seconds, char text[32])
{
    struct tm tm;
    time_t t = isfinite(seconds) && seconds > 0 && seconds < 1e11 ? (time_t)seconds : 0;
    if (t == 0 || gmtime_r(&t, &tm) == NULL || strftime(text, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0)
        snprintf(text, 32, "-");
}

void ht_study_print_runs(const cJSON *runs, int indent)
{
    static const char *const titles[] = {"ID",       "STARTED", "STATE", "REPLICAS", "SEGMENTS",
                                         "ACCEPTED", "VAL",     "TEST",  "GAIN",     "RECIPE"};
    static const char *const counts[] = {"replicas", "segments", "accepted"};
    static const char *const reals[] = {"result_val", "result_test", "gain"};
    ht_columns c = {0};
    const cJSON *run;
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        ht_columns_add(&c, "%s", titles[i]);
    ht_columns_end(&c);
    cJSON_ArrayForEach(run, runs) {
        char when[32];
        ht_print_time(ht_json_number(run, "started", NAN), when);
        ht_columns_add(&c, "%s", ht_json_text(run, "id"));
        ht_columns_add(&c, "%s", when);
        ht_columns_add(&c, "%s", ht_json_text(run, "state"));
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            ht_columns_add(&c, "%.0f", ht_json_number(run, counts[i], 0));
        for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
            ht_columns_add_real(&c, ht_json_number(run, reals[i], NAN));
        ht_columns_add(&c, "%s", ht_json_text(run, "recipe_hash"));
        ht_columns_end(&c);
    }
    ht_columns_print(&c, indent);
}
