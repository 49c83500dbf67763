/* src/store/inbox.c - what is asked of a run from outside; the contract is in run_dir.h.
 *
 * Three files are looked at: the freeze file and hotcb.yaml when they changed, the command file from where
 * the last look ended. Everything becomes an ht_operation; files that an operation refers to are read here,
 * so that the coordinator opens none.
 * May touch: the run directory (reads only) and the files named in it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sum.h"
#include "base/text.h"
#include "recipe/yaml.h"
#include "store/run_dir.h"

enum {
    COMMANDS_MAX = 10000,   /* lines taken in one look */
    BLOCK = 1 << 20         /* bytes read at once; a longer line is no command */
};

struct ht_inbox {
    char *dir, *config_path, *command_path, *freeze_path;   /* owned */
    ht_file_stamp config, freeze;                           /* as last read */
    long long at;           /* offset in the command file: what lies before was taken */
    bool skipping;          /* `at` is inside a line that is too long */
    size_t bad_lines;       /* not reported yet */
    bool reported;
    ht_file_stamp unfinished; /* the command file at the last look, if it ended in a part of a line */
    bool told_unfinished;     /* of that part */
    ht_freeze frozen;       /* as last told; without its list */
};

/* The receiver of one look. */
typedef struct {
    ht_inbox *in;
    void (*take)(void *ctx, ht_operation *o);
    void (*freeze)(void *ctx, const ht_freeze *f);
    void *ctx;
} look;

ht_status ht_inbox_open(const char *dir, long long command_end, ht_inbox **out, ht_error *err)
{
    ht_inbox *in = calloc(1, sizeof *in);
    if (in != NULL) {
        in->dir = strdup(dir);
        in->config_path = ht_path_join(dir, HT_FILE_CONFIG);
        in->command_path = ht_path_join(dir, HT_FILE_COMMANDS);
        in->freeze_path = ht_path_join(dir, HT_FILE_FREEZE);
        in->at = command_end > 0 ? command_end : 0;
    }
    if (in == NULL || in->dir == NULL || in->config_path == NULL || in->command_path == NULL ||
        in->freeze_path == NULL) {
        ht_inbox_close(in);
        return ht_fail(err, HT_ENOMEM, "no memory to look into '%s'", dir);
    }
    *out = in;
    return HT_OK;
}

void ht_inbox_close(ht_inbox *in)
{
    if (in == NULL)
        return;
    free(in->dir);
    free(in->config_path);
    free(in->command_path);
    free(in->freeze_path);
    free(in);
}

/* ---- files that a request refers to --------------------------------------------------------- */

static char *read_referred(const ht_inbox *in, const char *name, char why[256])
{
    ht_error err = {""};
    char *path = ht_path_join(in->dir, name), *text = NULL;
    size_t n = 0;
    if (path == NULL)
        snprintf(why, 256, "out of memory");
    else if (ht_file_read(path, &text, &n, &err) != HT_OK)
        snprintf(why, 256, "%.255s", err.text);
    else if (strlen(text) != n) {
        snprintf(why, 256, "'%.200s' is damaged: it holds bytes that are 0", path);
        free(text);
        text = NULL;
    }
    free(path);
    return text;
}

/* The overlay of replay_adjusted, JSON or YAML, as one line. NULL: `why` says why. */
static char *read_overlay(const ht_inbox *in, const char *name, char why[256])
{
    ht_error err = {""};
    char *line = NULL, *text = read_referred(in, name, why);
    cJSON *overlay = NULL;
    if (text == NULL)
        return NULL;
    bool is_json = text[strspn(text, " \t\r\n")] == '{';
    ht_status st =
        is_json ? ht_json_parse(text, &overlay, NULL, &err) : ht_yaml_parse(text, &overlay, NULL, &err);
    if (st != HT_OK)
        snprintf(why, 256, "%.100s: %.150s", name, err.text);
    else if (!cJSON_IsArray(ht_json_member(overlay, "patches")))
        snprintf(why, 256, "%.100s: a list 'patches' is expected", name);
    else if ((line = ht_json_line(overlay)) == NULL)
        snprintf(why, 256, "out of memory");
    cJSON_Delete(overlay);
    free(text);
    return line;
}

/* The operation list of a freeze mode, see ht_freeze.list; owned by the caller. */
static char *read_list(const ht_inbox *in, ht_freeze_mode mode, const char *recipe, const char *adjust,
                       char why[256])
{
    ht_string all = {0};
    why[0] = '\0';
    if ((mode != HT_FREEZE_REPLAY && mode != HT_FREEZE_REPLAY_ADJUSTED) || recipe[0] == '\0')
        return NULL;
    char *list = read_referred(in, recipe, why);
    if (list == NULL || mode == HT_FREEZE_REPLAY || adjust[0] == '\0')
        return list;
    char *overlay = read_overlay(in, adjust, why);
    if (overlay != NULL)
        ht_string_add(&all, "%s\n%s", overlay, list);
    free(list);
    if (overlay == NULL)
        return NULL;
    free(overlay);
    char *text = ht_string_take(&all);
    if (text == NULL)
        snprintf(why, 256, "out of memory");
    return text;
}

static void attach(const ht_inbox *in, ht_operation *o)
{
    const char *module = ht_json_text(o->body, "module"), *op = ht_json_text(o->body, "op");
    if (o->fault[0] != '\0' || module == NULL || op == NULL)
        return;
    if (strcmp(module, "tune") == 0 && strcmp(op, "enable") == 0) {
        const char *replay = ht_json_text(ht_json_member(o->body, "params"), "replay_path");
        if (replay != NULL)
            o->attachment = read_referred(in, replay, o->attachment_error);
    } else if (strcmp(module, "core") == 0 && strcmp(op, "freeze") == 0) {
        const char *mode = ht_json_text(o->body, "mode"), *recipe = ht_json_text(o->body, "recipe_path"),
                   *adjust = ht_json_text(o->body, "adjust_path");
        ht_freeze now = {.mode = HT_FREEZE_OFF};
        ht_freeze_mode wanted;
        if (mode == NULL || !ht_freeze_mode_parse(mode, &wanted))
            return;
        ht_freeze_read(in->dir, &now, NULL);    /* paths that are not given stay as they are */
        o->attachment = read_list(in, wanted, recipe != NULL ? recipe : now.recipe_path,
                                  adjust != NULL ? adjust : now.adjust_path, o->attachment_error);
    }
}

/* Hand over a request. @param body  taken; NULL = no memory for it */
static ht_status give(const look *l, cJSON *body, ht_operation_source source, long long end,
                      const char *fault)
{
    ht_operation o = {.body = body, .source = source, .command_end = end};
    if (body == NULL)
        return HT_ENOMEM;
    snprintf(o.fault, sizeof o.fault, "%s", fault);
    attach(l->in, &o);
    l->take(l->ctx, &o);
    return HT_OK;
}

/* ---- the freeze file ------------------------------------------------------------------------ */

static bool same_freeze(const ht_freeze *a, const ht_freeze *b)
{
    return a->mode == b->mode && a->strict == b->strict && a->step_offset == b->step_offset &&
           strcmp(a->recipe_path, b->recipe_path) == 0 && strcmp(a->adjust_path, b->adjust_path) == 0;
}

static ht_status look_at_freeze(const look *l, ht_error *err)
{
    ht_inbox *in = l->in;
    ht_file_stamp stamp = ht_file_look(in->freeze_path);
    if (ht_file_same(&stamp, &in->freeze))
        return HT_OK;
    ht_freeze f;
    ht_status st = ht_freeze_read(in->dir, &f, err);
    if (st != HT_OK && st != HT_EFORMAT)
        return st;
    in->freeze = stamp;
    if (same_freeze(&f, &in->frozen))
        return st;
    in->frozen = f;
    char *list = read_list(in, f.mode, f.recipe_path, f.adjust_path, f.list_error);
    f.list = list;
    l->freeze(l->ctx, &f);
    free(list);
    return st;
}

/* ---- hotcb.yaml ----------------------------------------------------------------------------- */

static cJSON *operation(const char *module, const char *op)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_text(o, "module", module);
    ht_json_put_text(o, "op", op);
    return o;
}

static void put_member(cJSON *o, const char *name, const cJSON *from, const char *member)
{
    const cJSON *item = ht_json_member(from, member);
    if (item != NULL && !cJSON_IsNull(item))
        ht_json_put(o, name, cJSON_Duplicate(item, 1));
}

static ht_status bad_config(const look *l, const char *section, const char *why)
{
    cJSON *o = operation(section, "config");
    ht_json_put_text(o, "error", why);
    return give(l, o, HT_FROM_YAML, -1, "bad_config");
}

static bool is_text_or_nothing(const cJSON *item)
{
    return item == NULL || cJSON_IsNull(item) || cJSON_IsString(item);
}

static bool is_object_or_nothing(const cJSON *item)
{
    return item == NULL || cJSON_IsNull(item) || cJSON_IsObject(item);
}

static ht_status configure_core(const look *l, const cJSON *core)
{
    const cJSON *mode = ht_json_member(core, "freeze_mode"), *replay = ht_json_member(core, "replay");
    if (!is_text_or_nothing(mode))
        return bad_config(l, "core", "core.freeze_mode is no text");
    if (!is_object_or_nothing(replay))
        return bad_config(l, "core", "core.replay is no mapping");
    if (!cJSON_IsString(mode))
        return HT_OK;
    cJSON *o = operation("core", "freeze");
    put_member(o, "mode", core, "freeze_mode");
    put_member(o, "recipe_path", replay, "recipe_path");
    put_member(o, "adjust_path", replay, "adjust_path");
    put_member(o, "policy", replay, "policy");
    put_member(o, "step_offset", replay, "step_offset");
    return give(l, o, HT_FROM_YAML, -1, "");
}

/* opt and loss: values of knobs, then whether they may be changed. */
static ht_status configure_knobs(const look *l, const char *name, const cJSON *section)
{
    const cJSON *params = ht_json_member(section, "params"), *enabled = ht_json_member(section, "enabled");
    if (!is_object_or_nothing(params))
        return bad_config(l, name, "params is no mapping");
    if (cJSON_IsObject(params)) {
        cJSON *o = operation(name, "set_params");
        put_member(o, "id", section, "id");
        put_member(o, "params", section, "params");
        HT_TRY(give(l, o, HT_FROM_YAML, -1, ""));
    }
    if (!cJSON_IsBool(enabled))
        return HT_OK;
    cJSON *o = operation(name, cJSON_IsTrue(enabled) ? "enable" : "disable");
    put_member(o, "id", section, "id");
    return give(l, o, HT_FROM_YAML, -1, "");
}

static ht_status configure_cb(const look *l, const cJSON *section)
{
    cJSON *o = operation("cb", "load");
    ht_json_put(o, "params", cJSON_Duplicate(section, 1));
    return give(l, o, HT_FROM_YAML, -1, "");
}

/* A section that says nothing of `enabled` and `mode` leaves the mode as it is. */
static ht_status switch_tuning(const look *l, const cJSON *tune)
{
    const cJSON *enabled = ht_json_member(tune, "enabled"), *mode = ht_json_member(tune, "mode");
    if (cJSON_IsFalse(enabled))
        return give(l, operation("tune", "disable"), HT_FROM_YAML, -1, "");
    if (!cJSON_IsTrue(enabled) && !cJSON_IsString(mode))
        return HT_OK;
    cJSON *o = operation("tune", "enable"), *params = cJSON_CreateObject();
    ht_json_put_text(params, "mode", cJSON_IsString(mode) ? mode->valuestring : "active");
    put_member(params, "replay_path", tune, "replay_path");
    ht_json_put(o, "params", params);
    return give(l, o, HT_FROM_YAML, -1, "");
}

static ht_status configure_tune(const look *l, const cJSON *tune)
{
    const cJSON *enabled = ht_json_member(tune, "enabled"), *set = ht_json_member(tune, "set");
    if (enabled != NULL && !cJSON_IsNull(enabled) && !cJSON_IsBool(enabled))
        return bad_config(l, "tune", "tune.enabled is neither true nor false");
    if (!is_text_or_nothing(ht_json_member(tune, "mode")))
        return bad_config(l, "tune", "tune.mode is no text");
    if (!is_object_or_nothing(set))
        return bad_config(l, "tune", "tune.set is no mapping");
    HT_TRY(switch_tuning(l, tune));
    if (!cJSON_IsObject(set))
        return HT_OK;
    cJSON *o = operation("tune", "set");
    put_member(o, "params", tune, "set");
    return give(l, o, HT_FROM_YAML, -1, "");
}

static ht_status configure(const look *l, const cJSON *config)
{
    static const char *const names[] = {"core", "cb", "opt", "loss", "tune"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const cJSON *section = ht_json_member(config, names[i]);
        ht_status st = HT_OK;
        if (!is_object_or_nothing(section))
            st = bad_config(l, names[i], "this section is no mapping");
        else if (section == NULL || section->child == NULL)
            continue;
        else if (i == 0)
            st = configure_core(l, section);
        else if (i == 1)
            st = configure_cb(l, section);
        else if (i == 4)
            st = configure_tune(l, section);
        else
            st = configure_knobs(l, names[i], section);
        if (st != HT_OK)
            return st;
    }
    return HT_OK;
}

static ht_status look_at_config(const look *l, ht_error *err)
{
    ht_inbox *in = l->in;
    ht_file_stamp stamp = ht_file_look(in->config_path);
    if (ht_file_same(&stamp, &in->config))
        return HT_OK;
    char *text = NULL;
    cJSON *config = NULL;
    ht_error why = {""};
    ht_status st = ht_file_read(in->config_path, &text, NULL, err);
    if (st == HT_OK || st == HT_ENOTFOUND)
        in->config = stamp;
    if (st == HT_OK && ht_yaml_parse(text, &config, NULL, &why) != HT_OK)
        st = bad_config(l, "core", why.text);
    else if (st == HT_OK && !cJSON_IsObject(config))
        st = bad_config(l, "core", "the file is no mapping");
    else if (st == HT_OK)
        st = configure(l, config);
    if (st == HT_ENOMEM)
        ht_fail(err, st, "no memory for what '%s' asks", in->config_path);
    cJSON_Delete(config);
    free(text);
    return st == HT_ENOTFOUND ? HT_OK : st;
}

/* ---- commands ------------------------------------------------------------------------------- */

static bool is_command(const cJSON *c)
{
    const cJSON *id = ht_json_member(c, "id");
    return is_text_or_nothing(ht_json_member(c, "module")) && cJSON_IsString(ht_json_member(c, "op")) &&
           is_object_or_nothing(ht_json_member(c, "params")) &&
           is_text_or_nothing(ht_json_member(c, "mode")) &&
           is_text_or_nothing(ht_json_member(c, "recipe_path")) &&
           is_text_or_nothing(ht_json_member(c, "adjust_path")) &&
           (is_text_or_nothing(id) || cJSON_IsNumber(id));
}

/* A handle is a text: 3 becomes "3". */
static void make_id_text(cJSON *command)
{
    const cJSON *id = ht_json_member(command, "id");
    if (!cJSON_IsNumber(id))
        return;
    char *text = ht_json_line(id);
    if (text != NULL)
        cJSON_ReplaceItemInObjectCaseSensitive(command, "id", cJSON_CreateString(text));
    free(text);
}

/* One line, 0-terminated, that ends before `end`. */
static ht_status take_line(const look *l, const char *line, size_t n, long long end)
{
    cJSON *item = NULL;
    if (line[strspn(line, " \t\r")] == '\0' && strlen(line) == n)
        return HT_OK;
    if (strlen(line) != n || ht_json_parse(line, &item, NULL, NULL) != HT_OK ||
        ht_sum_take(line, n, item, NULL) == HT_SUM_WRONG) {
        cJSON_Delete(item);
        l->in->bad_lines++;
        return HT_OK;
    }
    if (!cJSON_IsObject(item)) {
        cJSON *body = cJSON_CreateObject();
        ht_json_put(body, "command", item);
        return give(l, body, HT_FROM_EXTERNAL, end, "bad_command");
    }
    bool fine = is_command(item);
    if (fine)
        make_id_text(item);
    return give(l, item, HT_FROM_EXTERNAL, end, fine ? "" : "bad_command");
}

/* The complete lines of a block that starts at `in->at`. */
static ht_status take_block(const look *l, char *block, size_t n, size_t *taken)
{
    ht_inbox *in = l->in;
    char *line = block, *end;
    while (*taken < COMMANDS_MAX && (end = memchr(line, '\n', n - (size_t)(line - block))) != NULL) {
        size_t length = (size_t)(end - line);
        *end = '\0';
        in->at += (long long)length + 1;
        if (in->skipping)
            in->skipping = false;
        else if (take_line(l, line, length, in->at) != HT_OK)
            return HT_ENOMEM;
        ++*taken;
        line = end + 1;
    }
    if (line == block && n == BLOCK) {
        in->bad_lines += !in->skipping;
        in->skipping = true;
        in->at += BLOCK;
    }
    return HT_OK;
}

static ht_status take_commands(const look *l, int fd, ht_error *err)
{
    ht_inbox *in = l->in;
    char *block = malloc(BLOCK);
    if (block == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory to read '%s'", in->command_path);
    ht_status st = HT_OK;
    size_t taken = 0;
    while (st == HT_OK && taken < COMMANDS_MAX) {
        long long before = in->at;
        ssize_t got = pread(fd, block, BLOCK, (off_t)in->at);
        if (got < 0 && errno != EINTR)
            st = ht_fail(err, HT_EIO, "cannot read '%s': %s", in->command_path, strerror(errno));
        else if (got > 0 && (st = take_block(l, block, (size_t)got, &taken)) != HT_OK)
            ht_fail(err, st, "no memory for the commands in '%s'", in->command_path);
        if (in->at == before)
            break;      /* only a part of a line is left */
    }
    free(block);
    return st;
}

/* A line is written at once, so one that is the same part at two looks was cut, or is written by hand. */
static ht_status look_at_rest(ht_inbox *in, const ht_file_stamp *stamp, ht_error *err)
{
    bool rests = in->at < stamp->size && in->unfinished.exists && ht_file_same(stamp, &in->unfinished);
    bool tell = rests && !in->told_unfinished;
    in->told_unfinished = rests;
    in->unfinished = in->at < stamp->size ? *stamp : (ht_file_stamp){.exists = false};
    if (!tell)
        return HT_OK;
    return ht_fail(
        err, HT_EFORMAT,
        "'%s': the last line has no line feed and is not taken: it was cut, or still lacks its end",
        in->command_path);
}

static ht_status look_at_commands(const look *l, ht_error *err)
{
    ht_inbox *in = l->in;
    ht_file_stamp stamp = ht_file_look(in->command_path);
    if (!stamp.exists || stamp.size < in->at) {
        in->at = 0;
        in->skipping = false;
    }
    if (!stamp.exists || stamp.size == in->at) {
        in->unfinished = (ht_file_stamp){.exists = false};
        return HT_OK;
    }
    int fd = open(in->command_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ht_fail(err, HT_EIO, "cannot open '%s': %s", in->command_path, strerror(errno));
    ht_status st = take_commands(l, fd, err);
    close(fd);
    if (st == HT_OK && in->bad_lines > 0 && !in->reported) {
        in->reported = true;
        st = ht_fail(err, HT_EFORMAT, "'%s': %zu lines are no JSON or have a wrong checksum, and were skipped", in->command_path,
                     in->bad_lines);
    }
    return st == HT_OK ? look_at_rest(in, &stamp, err) : st;
}

ht_status ht_inbox_poll(ht_inbox *in, void (*take)(void *ctx, ht_operation *o),
                        void (*freeze)(void *ctx, const ht_freeze *f), void *ctx, ht_error *err)
{
    const look l = {in, take, freeze, ctx};
    ht_error why = {""};
    ht_status worst = HT_OK;
    ht_status (*const parts[])(const look *, ht_error *) = {look_at_freeze, look_at_config, look_at_commands};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        ht_status st = parts[i](&l, &why);
        if (st != HT_OK && worst == HT_OK)
            worst = ht_fail(err, st, "%s", why.text);
    }
    return worst;
}
