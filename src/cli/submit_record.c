/* src/cli/submit_record.c - the record of what was submitted; the contract is in submit_record.h.
 *
 * May touch: submit.json. */
#include "cli/submit_record.h"

#include <stdlib.h>
#include <string.h>

#include "store/run_dir.h"

static const char format[] = "hottune-submit";
enum { VERSION = 1 };

static void put_count(cJSON *o, const char *name, long long n)
{
    if (n > 0)
        ht_json_put_int(o, name, (double)n);
    else
        ht_json_put(o, name, cJSON_CreateNull());
}

cJSON *ht_submit_record_create(const ht_submit_plan *p, double now)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_text(o, "format", format);
    ht_json_put_int(o, "version", VERSION);
    ht_json_put_text(o, "command", p->command);
    ht_json_put_text(o, "directory", p->dir);
    ht_json_put_real(o, "submitted", now);
    ht_json_put_int(o, "replicas", (double)p->replicas);
    ht_json_put_int(o, "nodes", (double)p->nodes);
    ht_json_put_int(o, "max_requeues", (double)p->max_requeues);
    put_count(o, "array", p->array);
    put_count(o, "chain", p->chain);
    ht_json_put(o, "jobs", cJSON_CreateArray());
    return o;
}

void ht_submit_record_add(cJSON *record, const char *id, const char *role, long long generation)
{
    cJSON *job = cJSON_CreateObject();
    ht_json_put_text(job, "id", id);
    ht_json_put_text(job, "role", role);
    put_count(job, "generation", generation);
    cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(record, "jobs"), job);
}

ht_status ht_submit_record_write(const char *dir, const cJSON *record, ht_error *err)
{
    char *path = ht_path_join(dir, HT_FILE_SUBMIT), *text = ht_json_page(record);
    ht_status st = path != NULL && text != NULL ? ht_file_replace(path, text, strlen(text), err)
                                                : ht_fail(err, HT_ENOMEM, "out of memory");
    free(text);
    free(path);
    return st;
}

/* Nothing, or as many as can be submitted. */
static bool is_count(const cJSON *o, const char *name, double most)
{
    double n = ht_json_number(o, name, 0);
    return n >= 0 && n <= most;
}

ht_status ht_submit_record_read(const char *dir, cJSON **out, ht_error *err)
{
    char *path = ht_path_join(dir, HT_FILE_SUBMIT), *text = NULL;
    cJSON *o = NULL;
    ht_status st =
        path != NULL ? ht_file_read(path, &text, NULL, err) : ht_fail(err, HT_ENOMEM, "out of memory");
    if (st == HT_OK && (st = ht_json_parse(text, &o, NULL, err)) != HT_OK)
        ht_fail_in(err, st, path);
    const char *found = ht_json_text(o, "format");
    if (st == HT_OK &&
        (found == NULL || strcmp(found, format) != 0 || !cJSON_IsArray(ht_json_member(o, "jobs")) ||
         !is_count(o, "array", HT_ARRAY_MAX) || !is_count(o, "chain", HT_CHAIN_MAX)))
        st = ht_fail(err, HT_EFORMAT, "'%s' is no record of submitted jobs", path);
    if (st == HT_OK && ht_json_number(o, "version", 0) > VERSION)
        st = ht_fail(err, HT_EFORMAT, "'%s' was written by a later version of hottune", path);
    if (st == HT_OK)
        *out = o;
    else
        cJSON_Delete(o);
    free(text);
    free(path);
    return st;
}

const char **ht_submit_record_ids(const cJSON *record, size_t *n)
{
    const cJSON *jobs = ht_json_member(record, "jobs"), *job;
    int most = cJSON_GetArraySize(jobs);
    const char **ids = most > 0 ? calloc((size_t)most, sizeof *ids) : NULL;
    *n = 0;
    cJSON_ArrayForEach(job, jobs) {
        const char *id = ht_json_text(job, "id");
        if (ids != NULL && id != NULL)
            ids[(*n)++] = id;
    }
    return ids;
}

const char *ht_submit_record_job(const cJSON *record, const char *role, long long generation)
{
    const cJSON *job;
    cJSON_ArrayForEach(job, ht_json_member(record, "jobs")) {
        const char *its = ht_json_text(job, "role");
        if (its != NULL && strcmp(its, role) == 0 &&
            ht_json_number(job, "generation", 0) == (double)generation)
            return ht_json_text(job, "id");
    }
    return NULL;
}
