/* src/kernel/chronicle.c - journal and checkpoints of a coordinator; the contract is in chronicle.h.
 *
 * A checkpoint is made in three steps, while the run goes on: `cut` notes where the journal stands; each SAVED
 * brings the manifest of a replica; the last one makes the commit, which names everything that belongs together.
 * May touch: the folder checkpoint of the run directory, the heap, the clock. */
#include "kernel/chronicle.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "comm/clock.h"
#include "store/file_cut.h"
#include "store/images.h"
#include "store/input_log.h"
#include "store/run_dir.h"

static const double share = 0.02;       /* of the run's time that checkpoints may take */
static const double shortest_s = 2;     /* between two of them, unless asked otherwise */
static const double retry_s = 30;       /* after one that could not be written */
static const double rest_s = 1;         /* after one that was given up, however urgent the next one is */

/* A message that came before its sender was written down, but after the coordinator was. */
typedef struct {
    ht_input_kind kind;
    int replica;
    double time;
    unsigned char *bytes;       /* [n], owned, a 0 behind them */
    size_t n;
} pending_input;

struct ht_chronicle {
    ht_chronicle_options o;     /* its dir is not kept */
    char *run_dir, *dir, *journal;  /* its folder, the file in it; owned */
    ht_input_log *log;          /* owned; NULL: opened, not yet told */
    uint64_t decisions;         /* checksum over what the coordinator said */
    ht_commit commit;           /* the last one that counts; number 0 = none */
    bool cutting;
    ht_commit next;             /* being made */
    uint64_t cuts;              /* number of the last one that was begun, also if it was given up */
    bool *awaited;              /* [o.n_replicas]: its SAVED has not come */
    double cost;                /* seconds that the last one took */
    double due, rests;          /* when the next one may begin, and an urgent one */
    size_t n_pending;           /* after ht_chronicle_open */
    pending_input *pending;     /* owned */
    double written;             /* when the journal that was opened was written last, seconds since 1970 */
    uint64_t records;           /* whole ones in the journal that was opened */
    bool reverts;               /* the commit before counts, and is not yet the newest */
    unsigned char *left_out;    /* [records] 1 = does not count any more; owned */
};

/* ---- life ------------------------------------------------------------------------------------- */

static ht_status create(const ht_chronicle_options *o, ht_chronicle **out, ht_error *err)
{
    ht_chronicle *h = calloc(1, sizeof *h);
    if (h == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a journal");
    h->o = *o;
    h->o.dir = NULL;
    h->run_dir = strdup(o->dir);
    h->dir = ht_path_join(o->dir, HT_DIR_CHECKPOINT);
    h->journal = h->dir != NULL ? ht_path_join(h->dir, HT_FILE_INPUTS) : NULL;
    h->awaited = calloc((size_t)o->n_replicas, sizeof *h->awaited);
    if (h->run_dir == NULL || h->journal == NULL || h->awaited == NULL) {
        ht_chronicle_destroy(h);
        return ht_fail(err, HT_ENOMEM, "no memory for a journal");
    }
    h->due = h->rests = -INFINITY;
    *out = h;
    return HT_OK;
}

/* Commits that a former owner was writing: it cannot finish them any more, even if it wakes up. */
static void clear_asides(const ht_chronicle *h)
{
    const ht_run_sign *before = &h->o.before;
    ht_commit_clear_asides(h->dir, before->life == HT_RUN_KILLED ? before->pid : 0);
    if (before->former_pid > 0)
        ht_commit_clear_asides(h->dir, before->former_pid);
}

ht_status ht_chronicle_begin(const ht_chronicle_options *o, const char *start, ht_chronicle **out, ht_error *err)
{
    ht_chronicle *h = NULL;
    const ht_input first = {.kind = HT_INPUT_START, .replica = -1, .bytes = start, .n = strlen(start)};
    HT_TRY(create(o, &h, err));
    ht_status st = ht_run_dir_create(h->dir, err);
    if (st == HT_OK)
        st = ht_file_guard_ask(&h->o.guard, err);
    if (st == HT_OK) {
        clear_asides(h);
        st = ht_commit_remove(h->dir, err);
    }
    if (st == HT_OK)
        st = ht_images_sweep(h->dir, 0, NULL, &h->o.guard, NULL, err);
    if (st == HT_OK)
        st = ht_input_log_create(h->journal, &h->log, err);
    if (st == HT_OK)
        st = ht_input_log_append(h->log, &first, err);
    if (st != HT_OK) {
        ht_chronicle_destroy(h);
        return st;
    }
    *out = h;
    return HT_OK;
}

static void forget_pending(ht_chronicle *h)
{
    for (size_t i = 0; i < h->n_pending; i++)
        free(h->pending[i].bytes);
    free(h->pending);
    h->pending = NULL;
    h->n_pending = 0;
}

void ht_chronicle_destroy(ht_chronicle *h)
{
    if (h == NULL)
        return;
    ht_input_log_close(h->log);
    ht_commit_release(&h->commit);
    ht_commit_release(&h->next);
    forget_pending(h);
    free(h->left_out);
    free(h->awaited);
    free(h->run_dir);
    free(h->dir);
    free(h->journal);
    free(h);
}

void ht_chronicle_end(ht_chronicle *h)
{
    ht_input_log_close(h->log);
    h->log = NULL;
    if (ht_file_guard_ask(&h->o.guard, NULL) != HT_OK)
        return;
    ht_string repeated = {0};
    ht_string_add(&repeated, "%s" HT_REPEATED_SUFFIX, h->journal);
    ht_commit_remove(h->dir, NULL);
    unlink(h->journal);
    unlink(ht_string_peek(&repeated));
    /* replicas of a former owner may just be writing one more; else somebody keeps something there */
    for (int tries = 0; tries < 3; tries++)
        if (ht_images_clear(h->dir, &h->o.guard, NULL) != HT_OK || rmdir(h->dir) == 0)
            break;
    ht_string_release(&repeated);
}

uint64_t ht_chronicle_last(const ht_chronicle *h)
{
    return h->commit.number;
}

const ht_commit *ht_chronicle_commit(const ht_chronicle *h)
{
    return &h->commit;
}

const ht_commit *ht_chronicle_next(const ht_chronicle *h)
{
    return &h->next;
}

double ht_chronicle_written(const ht_chronicle *h)
{
    return h->written;
}

double ht_chronicle_time(const ht_chronicle *h)
{
    double latest = h->commit.time;
    for (size_t i = 0; i < h->n_pending; i++)
        latest = fmax(latest, h->pending[i].time);
    return latest;
}

/* ---- writing ---------------------------------------------------------------------------------- */

ht_status ht_chronicle_input(ht_chronicle *h, ht_input_kind kind, double now, int replica, const void *bytes,
                             size_t n, ht_error *err)
{
    const ht_input in = {.kind = (uint8_t)kind, .replica = replica, .time = now, .bytes = bytes, .n = n};
    return ht_input_log_append(h->log, &in, err);
}

static uint64_t mix(uint64_t sum, uint64_t x)
{
    sum = (sum ^ x) * UINT64_C(0x9e3779b97f4a7c15);
    return sum ^ sum >> 29;
}

/* What was decided, not with which numbers: those may differ in their last bits on another machine. */
void ht_chronicle_said(ht_chronicle *h, int replica, const ht_bytes *message)
{
    ht_packet *m = malloc(sizeof *m);
    h->decisions = mix(mix(h->decisions, (uint64_t)replica), message->n > 0 ? message->data[0] : 0);
    if (m != NULL && ht_packet_decode(message->data, message->n, m, NULL) == HT_OK) {
        const ht_pool_order *o = &m->as.pool_order;
        if (m->kind == HT_MESSAGE_ORDER) {
            h->decisions = mix(mix(h->decisions, (uint64_t)o->kind), o->number);
            h->decisions = mix(mix(h->decisions, o->slot), (uint64_t)o->peer);
            h->decisions = mix(mix(h->decisions, (uint64_t)o->source), (uint64_t)o->epochs);
        }
        ht_packet_release(m);
    }
    free(m);
}

/* ---- a checkpoint ----------------------------------------------------------------------------- */

bool ht_chronicle_is_due(const ht_chronicle *h, double now, bool urgent)
{
    return !h->cutting && h->log != NULL && h->o.every_s >= 0 && !ht_input_log_lost(h->log) &&
           now >= (urgent ? h->rests : h->due);
}

bool ht_chronicle_is_cutting(const ht_chronicle *h)
{
    return h->cutting;
}

bool ht_chronicle_awaits(const ht_chronicle *h, int replica)
{
    return h->cutting && h->awaited[replica];
}

uint64_t ht_chronicle_cut(ht_chronicle *h, double now, const bool *lives, size_t n_logs, ht_commit_log *logs)
{
    size_t n = (size_t)h->o.n_replicas;
    h->cuts = (h->cuts > h->commit.number ? h->cuts : h->commit.number) + 1;
    h->next = (ht_commit){.number = h->cuts, .inputs = ht_input_log_count(h->log),
                          .inputs_sum = ht_input_log_sum(h->log), .decisions = h->decisions, .time = now,
                          .n_replicas = n, .n_logs = n_logs, .logs = logs,
                          .replicas = calloc(n, sizeof *h->next.replicas)};
    h->cutting = h->next.replicas != NULL;
    for (size_t i = 0; i < n && h->cutting; i++)
        h->awaited[i] = h->next.replicas[i].lives = lives[i];
    if (!h->cutting)
        ht_commit_release(&h->next);
    return h->cuts;
}

void ht_chronicle_give_up(ht_chronicle *h, double now)
{
    if (!h->cutting)
        return;
    h->cutting = false;
    h->due = now + fmin(retry_s, fmax(h->o.every_s, shortest_s));
    h->rests = now + rest_s;
    ht_commit_release(&h->next);
}

/* Where nothing can be written, trying costs as much as it does elsewhere. */
static void fail(ht_chronicle *h, double now)
{
    ht_chronicle_give_up(h, now);
    h->due = now + fmax(retry_s, fmax(h->o.every_s, h->cost / share));
    h->cost = 0;
}

/* Images that no commit names are of no use; without a commit, and while one is made, nothing is removed. */
static void sweep(const ht_chronicle *h)
{
    size_t n = 0;
    char **names = NULL;
    if (ht_commit_images(h->dir, &n, &names, NULL) != HT_OK)
        return;
    ht_images_sweep(h->dir, n, (const char *const *)names, &h->o.guard, NULL, NULL);
    ht_commit_images_free(n, names);
}

static ht_status check_size(ht_chronicle *h, ht_error *err)
{
    HT_TRY(ht_images_bytes(h->dir, &h->next.bytes, err));
    h->next.bytes += ht_input_log_bytes(h->log);
    if (h->o.most_bytes > 0 && h->next.bytes > h->o.most_bytes)
        return ht_fail(err, HT_EREFUSED, "'%s' would take %.1f MB: the limit is %.1f MB", h->dir,
                       1e-6 * (double)h->next.bytes, 1e-6 * (double)h->o.most_bytes);
    return HT_OK;
}

/* All that the commit names is on the disk before it. */
static ht_status sync_logs(const ht_chronicle *h, ht_error *err)
{
    for (size_t i = 0; i < h->next.n_logs; i++) {
        char *path = ht_path_join(h->run_dir, h->next.logs[i].name);
        ht_status st = path != NULL ? ht_file_sync(path, err)
                                    : ht_fail(err, HT_ENOMEM, "no memory for a path");
        free(path);
        HT_TRY(st);
    }
    return ht_input_log_sync(h->log, err);
}

static ht_status commit(ht_chronicle *h, double now, ht_error *err)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_REALTIME, &t);
    h->next.wall_time = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    h->next.pending = ht_input_log_count(h->log) - h->next.inputs;
    ht_status st = check_size(h, err);
    double began = ht_clock_monotonic();
    if (st == HT_OK)
        st = sync_logs(h, err);
    if (st == HT_OK)
        st = ht_commit_write(h->dir, &h->next, &h->o.guard, err);
    if (st != HT_OK) {
        fail(h, now);
        sweep(h);
        return st;
    }
    ht_commit_release(&h->commit);
    h->commit = h->next;
    h->next = (ht_commit){0};
    h->cutting = false;
    sweep(h);
    h->cost += ht_clock_monotonic() - began;
    h->due = now + (h->o.every_s > 0 ? h->o.every_s : fmax(shortest_s, h->cost / share));
    h->cost = 0;
    return HT_OK;
}

ht_status ht_chronicle_saved(ht_chronicle *h, double now, int replica, const ht_saved_message *s, ht_error *err)
{
    if (replica < 0 || replica >= h->o.n_replicas || !h->cutting || s->number != h->next.number ||
        !h->awaited[replica])
        return HT_OK;       /* of a cut that was given up */
    h->awaited[replica] = false;
    h->cost = fmax(h->cost, s->seconds);
    cJSON *manifest = NULL;
    if (s->manifest == NULL) {
        fail(h, now);
        return ht_fail(err, HT_EFAILED, "replica %d could not write a checkpoint: %s", replica, s->error);
    }
    if (ht_json_parse(s->manifest, &manifest, NULL, err) != HT_OK) {
        fail(h, now);
        return HT_EFAILED;
    }
    h->next.replicas[replica].manifest = manifest;
    for (int i = 0; i < h->o.n_replicas; i++)
        if (h->awaited[i])
            return HT_OK;
    return commit(h, now, err);
}

/* ---- going on: what the journal holds --------------------------------------------------------- */

typedef struct {
    ht_chronicle *h;
    bool *saved;                /* [n] in this checkpoint; owned */
    size_t n, capacity;         /* replicas; of left_out */
    bool no_memory;
} scan;

static bool make_room(scan *s, uint64_t index)
{
    if (index < s->capacity)
        return true;
    size_t capacity = 2 * (size_t)index + 1024;
    unsigned char *left_out = realloc(s->h->left_out, capacity);
    if (left_out == NULL)
        return false;
    s->h->left_out = left_out;
    s->capacity = capacity;
    return true;
}

/* From here on the run went on from a checkpoint: [begin, this) did not happen. */
static ht_status leave_out(scan *s, uint64_t index, const ht_input *in, ht_error *err)
{
    uint64_t begin = UINT64_MAX;
    if (in->n == sizeof begin)
        memcpy(&begin, in->bytes, sizeof begin);
    if (begin > index)
        return ht_fail(err, HT_EFORMAT, "'%s': record %llu says RESUMED and not from where", s->h->journal,
                       (unsigned long long)index);
    memset(s->h->left_out + begin, 1, index - begin);
    return HT_OK;
}

static bool keep_pending(ht_chronicle *h, const ht_input *in)
{
    pending_input *list = realloc(h->pending, (h->n_pending + 1) * sizeof *list);
    unsigned char *bytes = malloc(in->n + 1);
    if (list != NULL)
        h->pending = list;
    if (list == NULL || bytes == NULL) {
        free(bytes);
        return false;
    }
    if (in->n > 0)
        memcpy(bytes, in->bytes, in->n);
    bytes[in->n] = 0;
    list[h->n_pending++] = (pending_input){(ht_input_kind)in->kind, in->replica, in->time, bytes, in->n};
    return true;
}

/* What a replica said before it was written down counts, and what people asked. */
static bool is_pending(const scan *s, const ht_input *in)
{
    bool of_replica = in->replica >= 0 && (size_t)in->replica < s->n;
    if (in->kind == HT_INPUT_MESSAGE)
        return of_replica && !s->saved[in->replica] && s->h->commit.replicas[in->replica].lives;
    return in->kind == HT_INPUT_OPERATION || in->kind == HT_INPUT_FREEZE;
}

static ht_status look_at(void *ctx, uint64_t index, const ht_input *in, ht_error *err)
{
    scan *s = ctx;
    const ht_commit *c = &s->h->commit;
    uint64_t number = 0;
    if (!make_room(s, index))
        return ht_fail(err, HT_ENOMEM, "no memory for a journal");
    s->h->left_out[index] = 0;
    if (in->kind == HT_INPUT_RESUMED)
        HT_TRY(leave_out(s, index, in, err));
    if (index < c->inputs || index >= c->inputs + c->pending)
        return HT_OK;
    if (in->kind == HT_INPUT_SAVED && in->n == sizeof number) {
        memcpy(&number, in->bytes, sizeof number);
        if (number == c->number && in->replica >= 0 && (size_t)in->replica < s->n)
            s->saved[in->replica] = true;
    } else if (is_pending(s, in) && !keep_pending(s->h, in)) {
        return ht_fail(err, HT_ENOMEM, "no memory for a journal");
    }
    return HT_OK;
}

/* What is behind the checkpoint happens again: damage there costs nothing. A machine that died may leave it. */
static ht_status scan_journal(ht_chronicle *h, ht_error *notice, ht_error *err)
{
    uint64_t needed = h->commit.inputs + h->commit.pending;
    scan s = {.h = h, .n = h->commit.n_replicas};
    ht_input_extent extent;
    s.saved = calloc(s.n + 1, sizeof *s.saved);
    if (s.saved == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a journal");
    forget_pending(h);
    ht_status st = ht_input_log_read(h->journal, UINT64_MAX, look_at, &s, &extent, err);
    if (st == HT_EFORMAT && extent.records >= needed) {
        ht_fail(notice, st, "'%s' is damaged behind the checkpoint, which does not need that", h->journal);
        st = HT_OK;
    }
    if (st == HT_OK && extent.records < needed)
        st = ht_fail(err, HT_EFORMAT, "'%s' ends after %llu inputs, the checkpoint needs %llu", h->journal,
                     (unsigned long long)extent.records, (unsigned long long)needed);
    h->records = extent.records;
    free(s.saved);
    return st;
}

/* Names of images, wherever they stand in a manifest. */
static ht_status check_images(const ht_chronicle *h, const cJSON *item, ht_error *err)
{
    const cJSON *child;
    if (cJSON_IsString(item) && ht_image_is_name(item->valuestring, NULL))
        return ht_image_check(h->dir, item->valuestring, err);
    cJSON_ArrayForEach(child, item)
        HT_TRY(check_images(h, child, err));
    return HT_OK;
}

static ht_status check_commit(const ht_chronicle *h, ht_error *err)
{
    for (size_t i = 0; i < h->commit.n_replicas; i++)
        if (h->commit.replicas[i].manifest != NULL)
            HT_TRY(check_images(h, h->commit.replicas[i].manifest, err));
    return HT_OK;
}

static ht_status fall_back(ht_chronicle *h, const ht_error *why, ht_error *notice, ht_error *err)
{
    ht_commit before = {0};
    if (ht_commit_read_before(h->dir, &before, NULL) != HT_OK)
        return ht_fail(err, HT_EFORMAT, "%s, and there is no checkpoint before it", why->text);
    ht_commit_release(&h->commit);
    h->commit = before;
    if (check_commit(h, err) != HT_OK)
        return HT_EFORMAT;      /* a missing image does not mean that there is no checkpoint */
    ht_fail(notice, HT_EFORMAT, "%s: the checkpoint before it is taken", why->text);
    h->reverts = true;
    return HT_OK;
}

static ht_status take_start(void *ctx, uint64_t index, const ht_input *in, ht_error *err)
{
    char **start = ctx;
    (void)index;
    if (in->kind != HT_INPUT_START)
        return ht_fail(err, HT_EFORMAT, "the journal does not say how the run began");
    *start = strndup(in->bytes, in->n);
    return *start != NULL ? HT_OK : ht_fail(err, HT_ENOMEM, "no memory for a journal");
}

ht_status ht_chronicle_start(const char *dir, char **start, ht_error *err)
{
    ht_input_extent extent;
    char *folder = ht_path_join(dir, HT_DIR_CHECKPOINT), *path = folder ? ht_path_join(folder, HT_FILE_INPUTS) : NULL;
    *start = NULL;
    ht_status st = path != NULL ? ht_input_log_read(path, 1, take_start, start, &extent, err)
                                : ht_fail(err, HT_ENOMEM, "no memory for a path");
    bool nothing = st == HT_ENOTFOUND || (st == HT_OK && extent.records == 0);
    if (nothing && ht_commit_is_there(dir))
        st = ht_fail(err, HT_EFORMAT, "'%s' is missing or empty, and there is a checkpoint: put it back",
                     path);
    else if (nothing)
        st = ht_fail(err, HT_ENOTFOUND, "'%s': there is no unfinished run to go on with", dir);
    free(path);
    free(folder);
    return st;
}

ht_status ht_chronicle_open(const ht_chronicle_options *o, ht_chronicle **out, ht_error *notice, ht_error *err)
{
    ht_chronicle *h = NULL;
    ht_error why = {""};
    *notice = (ht_error){""};
    HT_TRY(create(o, &h, err));
    clear_asides(h);
    ht_file_stamp found = ht_file_look(h->journal);
    h->written = (double)found.modified.tv_sec + 1e-9 * (double)found.modified.tv_nsec;
    ht_status st = ht_commit_read(h->dir, &h->commit, notice, err);
    if (st == HT_OK && check_commit(h, &why) != HT_OK)
        st = fall_back(h, &why, notice, err);
    if (st == HT_OK)
        st = scan_journal(h, notice, err);
    if (st == HT_OK)
        *out = h;
    else
        ht_chronicle_destroy(h);
    return st;
}

/* ---- going on: the coordinator ---------------------------------------------------------------- */

typedef struct {
    ht_chronicle *h;
    ht_coordinator *c;
    void (*drain)(void *ctx);
    void *ctx;
    char *text;                 /* of the last input, with a 0 behind it; owned */
} telling;

static ht_status tell(void *ctx, uint64_t index, const ht_input *in, ht_error *err)
{
    telling *t = ctx;
    if (t->h->left_out[index])
        return HT_OK;
    char *text = realloc(t->text, in->n + 1);
    if (text == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a journal");
    t->text = text;
    if (in->n > 0)
        memcpy(text, in->bytes, in->n);
    text[in->n] = '\0';
    ht_status st = ht_feed(t->c, (ht_input_kind)in->kind, in->time, in->replica, text, in->n, err);
    t->drain(t->ctx);
    return st;
}

ht_status ht_chronicle_tell(ht_chronicle *h, ht_coordinator *c, void (*drain)(void *ctx), void *ctx, ht_error *err)
{
    telling t = {.h = h, .c = c, .drain = drain, .ctx = ctx};
    ht_input_extent extent;
    drain(ctx);
    ht_status st = ht_input_log_read(h->journal, h->commit.inputs, tell, &t, &extent, err);
    free(t.text);
    HT_TRY(st);
    if (extent.sum != h->commit.inputs_sum)
        return ht_fail(err, HT_EFORMAT, "'%s' is not the journal of this checkpoint", h->journal);
    if (h->decisions != h->commit.decisions)
        return ht_fail(err, HT_EREFUSED,
                       "the coordinator decides otherwise than the one that made the checkpoint: resume with the same "
                       "version of hottune");
    return HT_OK;
}

ht_status ht_chronicle_reopen(ht_chronicle *h, ht_error *err)
{
    HT_TRY(ht_file_guard_ask(&h->o.guard, err));
    if (h->reverts)
        HT_TRY(ht_commit_revert(h->dir, err));
    h->reverts = false;
    return ht_input_log_reopen(h->journal, h->records, h->o.before.may_wake, &h->o.guard, &h->log, err);
}

ht_status ht_chronicle_resume(ht_chronicle *h, ht_error *err)
{
    HT_TRY(ht_chronicle_input(h, HT_INPUT_RESUMED, h->commit.time, -1, &h->commit.inputs, sizeof h->commit.inputs, err));
    return ht_input_log_sync(h->log, err);
}

bool ht_chronicle_crowd(ht_chronicle *h, int n)
{
    bool *awaited = n > h->o.n_replicas ? realloc(h->awaited, (size_t)n * sizeof *awaited) : h->awaited;
    if (awaited == NULL)
        return false;
    h->awaited = awaited;
    h->o.n_replicas = n > h->o.n_replicas ? n : h->o.n_replicas;
    return true;
}

ht_status ht_chronicle_hand_over(ht_chronicle *h, ht_coordinator *c, const bool *present, void (*drain)(void *ctx),
                                 void *ctx, ht_error *err)
{
    ht_status st = HT_OK;
    for (size_t i = 0; i < h->n_pending; i++) {
        const pending_input *p = &h->pending[i];
        if (p->replica >= 0 && !present[p->replica])
            continue;
        ht_status written = ht_chronicle_input(h, p->kind, p->time, p->replica, p->bytes, p->n, err);
        ht_status fed = ht_feed(c, p->kind, p->time, p->replica, p->bytes, p->n, err);
        st = fed != HT_OK ? fed : written != HT_OK ? written : st;
        drain(ctx);
    }
    forget_pending(h);
    return st;
}
