/* src/cli/ask_tell.c - the verb `ask-tell`: the optimiser alone, a JSON object a line on stdin, one a line back.
 *
 *     {"ask": 2}                  -> {"id": 0, "params": {..}}  and one more such line
 *     {"tell": 0, "value": 0.31}  -> {"ok": 0}                  value null, NaN or infinite = failed
 *     {"fail": 1} {"forget": 2}   -> {"ok": 1}  {"ok": 2}
 *     {"best": 1}                 -> {"id": 0, "params": {..}, "value": 0.31}
 *     anything else               -> {"error": "why"}           and the program goes on
 *
 * With --study every request that was carried out is appended to a log first; the next start repeats the log,
 * so ids and proposals go on as if nothing had happened.
 * May touch: stdin, stdout, the log. */
#define _POSIX_C_SOURCE 200809L /* getline */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/shown.h"
#include "cli/cli.h"
#include "search/sampler.h"
#include "store/file.h"
#include "store/lines.h"

enum { ASKS_MAX = 100000 }; /* of one line */

typedef struct {
    ht_space space;
    ht_sampler *sampler;
    double sign;         /* -1 = maximise: the sampler minimises */
    ht_journal *log;     /* NULL = none */
    bool repeating;      /* the log is being read: nothing is written */
    FILE *out;           /* replies */
} session;

/* ---- replies -------------------------------------------------------------------------------- */

/* Takes `object`. */
static void reply(session *s, cJSON *object)
{
    char *line = s->repeating || object == NULL ? NULL : ht_json_line(object);
    ht_string shown = {0};
    if (line != NULL)
        ht_shown_add_json(&shown, line); /* a person may sit at the other end */
    if (line != NULL)
        fprintf(s->out, "%s\n", ht_string_peek(&shown));
    ht_string_release(&shown);
    free(line);
    cJSON_Delete(object);
}

static ht_status reply_point(session *s, double id, const ht_point *p, const double *value)
{
    cJSON *object = cJSON_CreateObject();
    if (id >= 0)
        ht_json_put_int(object, "id", id);
    ht_json_put(object, "params", ht_space_to_json(&s->space, p));
    if (value != NULL)
        ht_json_put_real(object, "value", *value);
    reply(s, object);
    return HT_OK;
}

/* ---- requests ------------------------------------------------------------------------------- */

static ht_status whole_number(const cJSON *item, double least, double most, double *out, ht_error *err)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= least && item->valuedouble <= most) ||
        item->valuedouble != floor(item->valuedouble))
        return ht_fail(err, HT_EFORMAT, "'%s' takes a whole number in %.0f .. %.0f", item->string, least, most);
    *out = item->valuedouble;
    return HT_OK;
}

static ht_status note(session *s, const cJSON *request, ht_error *err)
{
    return s->log == NULL || s->repeating ? HT_OK : ht_journal_append_json(s->log, request, err);
}

static ht_status ask(session *s, const cJSON *request, const cJSON *item, ht_error *err)
{
    double n = 0;
    HT_TRY(whole_number(item, 1, ASKS_MAX, &n, err));
    HT_TRY(note(s, request, err));
    for (double i = 0; i < n; i++) {
        unsigned long id;
        ht_point p;
        HT_TRY(ht_sampler_ask(s->sampler, &id, &p, err));
        HT_TRY(reply_point(s, (double)id, &p, NULL));
    }
    return HT_OK;
}

/* tell, fail, forget: carried out first, since only the sampler knows which ids are pending. */
static ht_status settle(session *s, const cJSON *request, const cJSON *item, ht_error *err)
{
    double id = 0;
    const cJSON *value = ht_json_member(request, "value");
    HT_TRY(whole_number(item, 0, 9e15, &id, err));
    bool tells = strcmp(item->string, "tell") == 0;
    if (tells && value != NULL && !cJSON_IsNumber(value) && !cJSON_IsNull(value))
        return ht_fail(err, HT_EFORMAT, "'value' is neither a number nor null");
    if (tells && cJSON_IsNumber(value))
        HT_TRY(ht_sampler_tell(s->sampler, (unsigned long)id, s->sign * value->valuedouble, err));
    else if (strcmp(item->string, "forget") == 0)
        HT_TRY(ht_sampler_forget(s->sampler, (unsigned long)id, err));
    else
        HT_TRY(ht_sampler_fail(s->sampler, (unsigned long)id, err));
    HT_TRY(note(s, request, err));
    cJSON *ok = cJSON_CreateObject();
    ht_json_put_int(ok, "ok", id);
    reply(s, ok);
    return HT_OK;
}

static ht_status best(session *s, ht_error *err)
{
    long id;
    ht_point p;
    double value;
    if (ht_sampler_best(s->sampler, &id, &p, &value) != HT_OK)
        return ht_fail(err, HT_EEMPTY, "nothing finite was told yet");
    value *= s->sign;
    return reply_point(s, (double)id, &p, &value);
}

static ht_status carry_out(session *s, const cJSON *request, ht_error *err)
{
    static const char *const words[] = {"ask", "tell", "fail", "forget", "best"};
    const cJSON *item = NULL;
    for (size_t i = 0; i < sizeof words / sizeof *words && item == NULL; i++)
        item = ht_json_member(request, words[i]);
    if (!cJSON_IsObject(request) || item == NULL)
        return ht_fail(err, HT_EFORMAT, "a line is an object with one of ask, tell, fail, forget, best");
    if (strcmp(item->string, "ask") == 0)
        return ask(s, request, item, err);
    return strcmp(item->string, "best") == 0 ? best(s, err) : settle(s, request, item, err);
}

/* Python writes NaN and Infinity, which are no JSON: outside of texts they become null. */
static void add_as_json(ht_string *out, const char *line)
{
    static const char *const words[] = {"-Infinity", "Infinity", "NaN"};
    bool quoted = false;
    for (size_t n; *line != '\0'; line += n) {
        size_t i = 0, most = sizeof words / sizeof *words;
        n = 1;
        if (quoted && line[0] == '\\' && line[1] != '\0')
            n = 2;
        else if (*line == '"')
            quoted = !quoted;
        while (!quoted && i < most && strncmp(line, words[i], strlen(words[i])) != 0)
            i++;
        if (!quoted && i < most) {
            n = strlen(words[i]);
            ht_string_add(out, "null");
        } else {
            ht_string_add_bytes(out, line, n);
        }
    }
}

static void answer(session *s, const char *line)
{
    cJSON *request = NULL;
    ht_string text = {0};
    ht_error err = {""};
    add_as_json(&text, line);
    ht_status st = text.failed ? ht_fail(&err, HT_ENOMEM, "no memory for a line")
                               : ht_json_parse(ht_string_peek(&text), &request, NULL, &err);
    if (st == HT_OK)
        st = carry_out(s, request, &err);
    if (st != HT_OK) {
        cJSON *error = cJSON_CreateObject();
        ht_json_put_text(error, "error", err.text);
        reply(s, error);
    }
    cJSON_Delete(request);
    ht_string_release(&text);
}

static void converse(session *s)
{
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[strspn(line, " \t")] == '\0')
            continue;
        answer(s, line);
        fflush(s->out);
    }
    free(line);
}

/* ---- the log -------------------------------------------------------------------------------- */

/* The first line says what the rest belongs to. */
static cJSON *heading(const char *space, long long seed, bool maximize)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_text(o, "ask_tell", "1");
    ht_json_put_int(o, "seed", (double)seed);
    ht_json_put_text(o, "direction", maximize ? "max" : "min");
    ht_json_put_text(o, "space", space);
    return o;
}

typedef struct {
    session *s;
    const cJSON *heading;
    size_t lines;
    ht_status status;
    ht_error *err;
} repeat;

static void repeat_line(void *ctx, const cJSON *line)
{
    repeat *r = ctx;
    if (r->status != HT_OK)
        return;
    if (r->lines++ == 0 && !cJSON_Compare(line, r->heading, true))
        r->status = ht_fail(r->err, HT_EREFUSED, "it belongs to another space, seed or direction; name another file");
    else if (r->lines > 1)
        r->status = carry_out(r->s, line, r->err);
}

static ht_status open_log(session *s, const char *path, const cJSON *head, ht_error *err)
{
    ht_lines_account account;
    repeat r = {.s = s, .heading = head, .err = err};
    s->repeating = true;
    ht_status st = ht_lines_each(path, repeat_line, &r, &account, err);
    s->repeating = false;
    account.torn = false;   /* a conversation that was killed */
    if (st == HT_OK && ht_lines_tell(path, &account, err))
        return HT_EFORMAT;
    if (st == HT_OK)
        st = r.status;
    if (st != HT_OK)
        return ht_fail_in(err, st, path);
    HT_TRY(ht_journal_open(path, &s->log, err));
    return r.lines == 0 ? ht_journal_append_json(s->log, head, err) : HT_OK;
}

/* ---- the verb ------------------------------------------------------------------------------- */

static ht_status begin(session *s, const ht_args *args, ht_error *err)
{
    const char *path = ht_args_text(args, "space"), *direction = ht_args_text(args, "direction");
    const char *log = ht_args_text(args, "study");
    long long seed = 1;
    char *text = NULL;
    if (path == NULL)
        return ht_fail(err, HT_EINVAL, "ask-tell: --space is missing; name the file of the search space");
    if (direction != NULL && strcmp(direction, "min") != 0 && strcmp(direction, "max") != 0)
        return ht_fail(err, HT_EINVAL, "--direction: '%s' is neither min nor max", direction);
    bool maximize = direction != NULL && strcmp(direction, "max") == 0;
    s->sign = maximize ? -1 : 1;
    HT_TRY(ht_args_int(args, "seed", 0, (1LL << 53) - 1, &seed, err));
    HT_TRY(ht_file_read(path, &text, NULL, err));
    ht_status st = ht_space_parse(text, path, &s->space, err);
    if (st == HT_OK)
        st = ht_sampler_create(&s->space, (unsigned long long)seed,
                               ht_args_has(args, "density-only"), &s->sampler, err);
    if (st == HT_OK && log != NULL) {
        cJSON *head = heading(text, seed, maximize);
        st = head != NULL ? open_log(s, log, head, err) : ht_fail(err, HT_ENOMEM, "no memory for the log");
        cJSON_Delete(head);
    }
    free(text);
    return st;
}

int ht_verb_ask_tell(const ht_cli *cli, const ht_args *args)
{
    session s = {.out = stdout};
    ht_error err = {""};
    ht_status st = begin(&s, args, &err);
    int code = st == HT_OK ? HT_EXIT_DONE : ht_cli_fail_status(cli, st, &err);
    if (code == HT_EXIT_DONE)
        converse(&s);
    ht_journal_close(s.log);
    ht_sampler_destroy(s.sampler);
    ht_space_release(&s.space);
    return code;
}
