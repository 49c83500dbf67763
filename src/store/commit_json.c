/* src/store/commit_json.c - a commit as JSON text and back; the contract is in commit_json.h. */
#include "store/commit_json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1 };
static const char format[] = "hottune checkpoint";
static const double exact = 9007199254740992; /* 2^53: doubles have all integers up to here */

void ht_commit_release(ht_commit *c)
{
    for (size_t i = 0; i < c->n_replicas && c->replicas != NULL; i++)
        cJSON_Delete(c->replicas[i].manifest);
    for (size_t i = 0; i < c->n_logs && c->logs != NULL; i++)
        free(c->logs[i].name);
    free(c->replicas);
    free(c->logs);
    *c = (ht_commit){0};
}

/* ---- to text ------------------------------------------------------------------------------------ */

static void put_count(cJSON *object, const char *name, uint64_t x)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, x);
    if ((double)x <= exact && x <= (uint64_t)exact)
        ht_json_put_int(object, name, (double)x);
    else
        ht_json_put_text(object, name, text);
}

static cJSON *logs_to_json(const ht_commit *c)
{
    cJSON *logs = cJSON_CreateArray();
    for (size_t i = 0; i < c->n_logs; i++) {
        cJSON *log = cJSON_CreateObject();
        ht_json_put_text(log, "name", c->logs[i].name);
        put_count(log, "bytes", c->logs[i].bytes);
        cJSON_AddItemToArray(logs, log);
    }
    return logs;
}

static cJSON *replicas_to_json(const ht_commit *c)
{
    cJSON *replicas = cJSON_CreateArray();
    for (size_t i = 0; i < c->n_replicas; i++) {
        cJSON *replica = cJSON_CreateObject();
        const cJSON *manifest = c->replicas[i].manifest;
        ht_json_put_bool(replica, "lives", c->replicas[i].lives);
        ht_json_put(replica, "manifest",
                    manifest != NULL ? cJSON_Duplicate(manifest, true) : cJSON_CreateNull());
        cJSON_AddItemToArray(replicas, replica);
    }
    return replicas;
}

char *ht_commit_print(const ht_commit *c)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_text(o, "format", format);
    ht_json_put_int(o, "version", VERSION);
    put_count(o, "number", c->number);
    put_count(o, "inputs", c->inputs);
    put_count(o, "pending", c->pending);
    put_count(o, "inputs_sum", c->inputs_sum);
    put_count(o, "decisions", c->decisions);
    put_count(o, "bytes", c->bytes);
    ht_json_put_real(o, "time", c->time);
    ht_json_put_real(o, "wall_time", c->wall_time);
    ht_json_put(o, "logs", logs_to_json(c));
    ht_json_put(o, "replicas", replicas_to_json(c));
    char *text = o != NULL ? ht_json_page(o) : NULL;
    cJSON_Delete(o);
    return text;
}

/* ---- from text ---------------------------------------------------------------------------------- */

static bool get_count(const cJSON *object, const char *name, uint64_t *out)
{
    const cJSON *item = ht_json_member(object, name);
    const char *text = ht_json_text(object, name);
    if (text != NULL) {
        char *end = NULL;
        errno = 0;
        *out = strtoull(text, &end, 10);
        return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
    }
    if (!ht_json_is_int(item) || !(item->valuedouble >= 0 && item->valuedouble <= exact))
        return false;
    *out = (uint64_t)item->valuedouble;
    return true;
}

static bool get_real(const cJSON *object, const char *name, double *out)
{
    *out = ht_json_number(object, name, NAN);
    return isfinite(*out);
}

static ht_status no_memory(ht_error *err)
{
    return ht_fail(err, HT_ENOMEM, "no memory for a commit");
}

static ht_status lacks(ht_error *err, const char *what)
{
    return ht_fail(err, HT_EFORMAT, "'%s' is missing, or not what it must be", what);
}

static ht_status read_logs(const cJSON *logs, ht_commit *out, ht_error *err)
{
    if (!cJSON_IsArray(logs))
        return lacks(err, "logs");
    size_t n = (size_t)cJSON_GetArraySize(logs);
    if ((out->logs = calloc(n + 1, sizeof *out->logs)) == NULL)
        return no_memory(err);
    for (const cJSON *log = logs->child; log != NULL; log = log->next) {
        ht_commit_log *to = &out->logs[out->n_logs++];
        const char *name = ht_json_text(log, "name");
        if (name == NULL || !get_count(log, "bytes", &to->bytes))
            return lacks(err, "logs");
        if ((to->name = strdup(name)) == NULL)
            return no_memory(err);
    }
    return HT_OK;
}

static ht_status read_replicas(const cJSON *replicas, ht_commit *out, ht_error *err)
{
    if (!cJSON_IsArray(replicas))
        return lacks(err, "replicas");
    size_t n = (size_t)cJSON_GetArraySize(replicas);
    if ((out->replicas = calloc(n + 1, sizeof *out->replicas)) == NULL)
        return no_memory(err);
    for (cJSON *replica = replicas->child; replica != NULL; replica = replica->next) {
        ht_commit_replica *to = &out->replicas[out->n_replicas++];
        const cJSON *manifest = ht_json_member(replica, "manifest");
        if (manifest == NULL || !cJSON_IsBool(ht_json_member(replica, "lives")))
            return lacks(err, "replicas");
        to->lives = ht_json_true(replica, "lives");
        if (!cJSON_IsNull(manifest))
            to->manifest = cJSON_DetachItemFromObjectCaseSensitive(replica, "manifest");
    }
    return HT_OK;
}

/* *out is to be released, also on failure. */
static ht_status read_tree(cJSON *o, ht_commit *out, ht_error *err)
{
    const char *is = ht_json_text(o, "format");
    double version = ht_json_number(o, "version", 0);
    if (is == NULL || strcmp(is, format) != 0)
        return ht_fail(err, HT_EFORMAT, "this is no commit of a checkpoint");
    if (version != VERSION)
        return ht_fail(err, HT_EFORMAT,
                       "its format has version %g, and this program knows version %d: use the "
                       "program that wrote it",
                       version, VERSION);
    const struct {
        const char *name;
        uint64_t *to;
    } counts[] = {{"number", &out->number},       {"inputs", &out->inputs},
                  {"pending", &out->pending},     {"inputs_sum", &out->inputs_sum},
                  {"decisions", &out->decisions}, {"bytes", &out->bytes}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        if (!get_count(o, counts[i].name, counts[i].to))
            return lacks(err, counts[i].name);
    if (!get_real(o, "time", &out->time) || !get_real(o, "wall_time", &out->wall_time))
        return lacks(err, "time");
    HT_TRY(read_logs(ht_json_member(o, "logs"), out, err));
    return read_replicas(ht_json_member(o, "replicas"), out, err);
}

ht_status ht_commit_parse(const char *text, ht_commit *out, ht_error *err)
{
    cJSON *o = NULL;
    ht_commit c = {0};
    HT_TRY(ht_json_parse(text, &o, NULL, err));
    ht_status st = read_tree(o, &c, err);
    cJSON_Delete(o);
    if (st == HT_OK)
        *out = c;
    else
        ht_commit_release(&c);
    return st;
}
