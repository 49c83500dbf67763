/* src/store/run_trials.c - trials that wait to be written, and the writing; the contract is in run_trials.h.
 *
 * What waits is kept until the transaction that holds it is in the file; a transaction that fails is rolled back and
 * made anew later, from what waits then. So the file is locked for one batch at a time, and nothing is half there.
 * May touch: the file, the heap, the monotonic clock (to see what writing costs). */
#define _XOPEN_SOURCE 700   /* realpath */
#include "store/run_trials.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hottune/version.h>

#include "store/file.h"
#include "store/run_dir.h"

enum {
    BATCH = 200,            /* trials of one transaction: about a tenth of a second */
    WAITING_MAX = 20000,    /* about 2 kB each */
    LAST_TRIES = 50         /* at the end, while another program holds the file */
};
static const double least_s = 1, share = 50;    /* pause: at least, and in units of what a transaction cost */
static const char mark[] = "hottune";           /* attribute that only our trials have: their key */

/* A trial of this run that was in the file before. */
typedef struct {
    char key[sizeof((ht_run_trial *)0)->key];
    long long id;
    bool runs, taken;       /* taken: it goes on in this process */
} known;

struct ht_run_trials {
    char *path, *name, *id, *objective;     /* owned */
    char hash[17];
    unsigned long run;
    bool resumed, maximize;
    const ht_file_guard *guard; /* borrowed; or NULL */
    ht_optuna *optuna;          /* NULL = not open */
    ht_file_stamp stamp;        /* the file that is open */
    bool introduced;            /* the attributes of the study are written */
    char refusal[sizeof((ht_error *)0)->text + 64];     /* "" = none */
    ht_run_space space;
    size_t n, room, dropped;
    ht_run_trial **waiting;     /* [n], owned */
    size_t n_known;
    known *known;               /* [n_known] in order of keys */
    size_t n_dead;
    long long *dead;            /* [n_dead] trials of killed runs that seem to run */
    double next;                /* not before this moment */
    ht_status status;           /* of the last transaction */
    ht_error error;
};

static double monotonic(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- what is in the file ------------------------------------------------------------------------ */

static int by_key(const void *a, const void *b)
{
    return strcmp(((const known *)a)->key, ((const known *)b)->key);
}

static ht_status add_dead(ht_run_trials *q, long long id)
{
    long long *grown = realloc(q->dead, (q->n_dead + 1) * sizeof *grown);
    if (grown == NULL)
        return HT_ENOMEM;
    q->dead = grown;
    q->dead[q->n_dead++] = id;
    return HT_OK;
}

static ht_status see_trial(void *ctx, const ht_optuna_trial *t)
{
    ht_run_trials *q = ctx;
    char ours[32];
    int n = snprintf(ours, sizeof ours, "\"r%lu/", q->run);
    size_t length = strlen(t->value);
    if (!q->resumed || strncmp(t->value, ours, (size_t)n) != 0)
        return t->runs ? add_dead(q, t->id) : HT_OK;
    if ((q->n_known & (q->n_known - 1)) == 0) {     /* room for a power of two */
        known *grown = realloc(q->known, (q->n_known > 0 ? 2 * q->n_known : 1) * sizeof *grown);
        if (grown == NULL)
            return HT_ENOMEM;
        q->known = grown;
    }
    known *k = &q->known[q->n_known++];
    *k = (known){.id = t->id, .runs = t->runs};
    snprintf(k->key, sizeof k->key, "%.*s", length > 2 ? (int)length - 2 : 0, t->value + 1);
    return HT_OK;
}

static void forget_file(ht_run_trials *q)
{
    ht_optuna_close(q->optuna);
    q->optuna = NULL;
    q->introduced = false;
    q->n_known = q->n_dead = 0;
    for (size_t i = 0; i < q->space.n; i++)
        q->space.p[i].compared = q->space.p[i].spread = q->space.p[i].refused = false;
    for (size_t i = 0; i < q->n; i++) {
        q->waiting[i]->written = false;
        q->waiting[i]->id = 0;
    }
}

static ht_status open_file(ht_run_trials *q, ht_error *err)
{
    ht_status st = ht_optuna_open(q->path, q->name, q->maximize, &q->optuna, err);
    if (st == HT_OK)
        st = ht_optuna_each(q->optuna, mark, see_trial, q, err);
    if (st != HT_OK) {
        forget_file(q);
        if (st == HT_EFORMAT || st == HT_EREFUSED)
            snprintf(q->refusal, sizeof q->refusal, "%s; the run goes on without this file", err->text);
        return st;
    }
    if (q->n_known > 0)
        qsort(q->known, q->n_known, sizeof *q->known, by_key);
    q->stamp = ht_file_look(q->path);
    return HT_OK;
}

/* Somebody removed or replaced the file: what would be written now, nobody would see. */
static bool is_gone(const ht_run_trials *q)
{
    ht_file_stamp now = ht_file_look(q->path);
    return !now.exists || now.inode != q->stamp.inode;
}

static char *study_name(const ht_run_optuna_options *o)
{
    if (o->name != NULL && o->name[0] != '\0')
        return strdup(o->name);
    char *real = realpath(o->dir, NULL);
    const char *slash = real != NULL ? strrchr(real, '/') : NULL;
    char *name = strdup(slash != NULL && slash[1] != '\0' ? slash + 1 : mark);
    free(real);
    return name;
}

ht_status ht_run_trials_open(const ht_run_optuna_options *o, double now, ht_run_trials **out, ht_error *err)
{
    ht_error ignored;
    ht_run_trials *q = calloc(1, sizeof *q);
    if (q == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a study in Optuna's format");
    q->run = o->run;
    q->resumed = o->resumed;
    q->guard = o->guard;
    q->maximize = o->recipe->objective.mode != HT_MINIMIZE;
    q->path = ht_path_join(o->dir, HT_FILE_OPTUNA);
    q->name = study_name(o);
    q->id = strdup(o->id != NULL ? o->id : "");
    q->objective = strdup(o->recipe->objective.primary);
    if (q->path == NULL || q->name == NULL || q->id == NULL || q->objective == NULL ||
        ht_recipe_hash(o->recipe, q->hash) != HT_OK) {
        ht_run_trials_close(q);
        return ht_fail(err, HT_ENOMEM, "no memory for a study in Optuna's format");
    }
    ht_file_stamp there = ht_file_look(q->path);
    if (!q->resumed && there.exists && there.size > 0 && open_file(q, &ignored) == HT_OK)
        q->status = ht_run_trials_tick(q, 0, now, &(bool){false}, &q->error);
    *out = q;
    return HT_OK;
}

void ht_run_trials_close(ht_run_trials *q)
{
    if (q == NULL)
        return;
    ht_optuna_close(q->optuna);
    for (size_t i = 0; i < q->n; i++)
        ht_run_trial_destroy(q->waiting[i]);
    free(q->waiting);
    ht_run_space_release(&q->space);
    free(q->known);
    free(q->dead);
    free(q->path);
    free(q->name);
    free(q->id);
    free(q->objective);
    free(q);
}

ht_run_space *ht_run_trials_space(ht_run_trials *q)
{
    return &q->space;
}

const char *ht_run_trials_refusal(const ht_run_trials *q)
{
    return q->refusal[0] != '\0' ? q->refusal : NULL;
}

ht_status ht_run_trials_add(ht_run_trials *q, ht_run_trial *t, ht_error *err)
{
    if (q->n >= WAITING_MAX || q->refusal[0] != '\0') {
        q->dropped++;
        ht_run_trial_destroy(t);
        return ht_fail(err, HT_EREFUSED, "'%s': %zu trials are missing in it", q->path, q->dropped);
    }
    if (q->n == q->room) {
        size_t room = q->room > 0 ? 2 * q->room : 64;
        ht_run_trial **grown = realloc(q->waiting, room * sizeof *grown);
        if (grown == NULL) {
            ht_run_trial_destroy(t);
            return ht_fail(err, HT_ENOMEM, "no memory for a trial");
        }
        q->waiting = grown;
        q->room = room;
    }
    q->waiting[q->n++] = t;
    return HT_OK;
}

/* ---- one transaction -------------------------------------------------------------------------------- */

static ht_status put_text(ht_run_trials *q, const char *key, const char *text, ht_error *err)
{
    cJSON *item = cJSON_CreateString(text);
    ht_status st = ht_optuna_study_attribute(q->optuna, key, item, err);
    cJSON_Delete(item);
    return st;
}

/* What the study says of this run. Keys of its own, so that no run overwrites another's. */
static ht_status introduce(ht_run_trials *q, ht_error *err)
{
    char id[32], hash[48];
    snprintf(id, sizeof id, "r%lu.id", q->run);
    snprintf(hash, sizeof hash, "r%lu.recipe_hash", q->run);
    HT_TRY(put_text(q, "objective", q->objective, err));
    HT_TRY(put_text(q, "hottune", HT_VERSION, err));
    HT_TRY(put_text(q, id, q->id, err));
    return put_text(q, hash, q->hash, err);
}

static ht_status bury_dead(ht_run_trials *q, double now, ht_error *err)
{
    for (size_t i = 0; i < q->n_dead; i++)
        HT_TRY(ht_optuna_finish(q->optuna, q->dead[i], now, HT_OPTUNA_FAIL, NAN, err));
    return HT_OK;
}

/* A resumed run comes upon a trial that is there. */
static void recognise(ht_run_trials *q, ht_run_trial *t)
{
    known key;
    if (t->written || t->id != 0 || q->n_known == 0)
        return;
    memcpy(key.key, t->key, sizeof key.key);
    known *k = bsearch(&key, q->known, q->n_known, sizeof key, by_key);
    if (k == NULL)
        return;
    k->taken = true;
    t->id = k->id;
    t->known = !k->runs;
}

/* The values of a trial as they are written: ranges grow before the first of the batch goes out. */
static void hold(ht_run_trials *q, const ht_run_trial *t, double *held)
{
    for (size_t i = 0; i < t->n_values; i++)
        held[i] = ht_run_param_hold(&q->space.p[i], t->values[i]);
}

static ht_status prepare(ht_run_trials *q, size_t n, ht_optuna_distribution *params, double *held, ht_error *err)
{
    for (size_t i = 0; i < q->space.n; i++)
        if (!q->space.p[i].compared)
            HT_TRY(ht_run_param_compare(&q->space.p[i], q->optuna, err));
    for (size_t i = 0; i < n; i++) {
        recognise(q, q->waiting[i]);
        if (!q->waiting[i]->written && !q->waiting[i]->known)
            hold(q, q->waiting[i], held);
    }
    for (size_t i = 0; i < q->space.n; i++) {
        params[i] = ht_run_param_distribution(&q->space.p[i]);
        if (q->space.p[i].spread)
            HT_TRY(ht_optuna_spread(q->optuna, &params[i], err));
    }
    return HT_OK;
}

static ht_status write_batch(ht_run_trials *q, size_t n, ht_optuna_distribution *params, double *held, double now,
                             ht_error *err)
{
    if (!q->introduced)
        HT_TRY(introduce(q, err));
    HT_TRY(bury_dead(q, now, err));
    HT_TRY(prepare(q, n, params, held, err));
    for (size_t i = 0; i < n; i++) {
        if (!ht_run_trial_waits(q->waiting[i]))
            continue;
        hold(q, q->waiting[i], held);
        HT_TRY(ht_run_trial_write(q->waiting[i], q->optuna, params, held, err));
    }
    HT_TRY(ht_file_guard_ask(q->guard, err));   /* behind the opening: who takes over gives the name to another file */
    return ht_optuna_commit(q->optuna, err);
}

/* The first n are in the file. */
static void settle(ht_run_trials *q, size_t n)
{
    size_t kept = 0;
    q->introduced = true;
    q->n_dead = 0;
    for (size_t i = 0; i < q->space.n; i++)
        q->space.p[i].spread = false;
    for (size_t i = 0; i < q->n; i++) {
        ht_run_trial *t = q->waiting[i];
        if (i < n)
            ht_run_trial_settle(t);
        if (i < n && t->ended != 0)
            ht_run_trial_destroy(t);
        else
            q->waiting[kept++] = t;
    }
    q->n = kept;
}

static void take_back(ht_run_trials *q, size_t n)
{
    ht_optuna_roll_back(q->optuna);
    for (size_t i = 0; i < n; i++)
        if (!q->waiting[i]->written)
            q->waiting[i]->id = 0;
}

static ht_status flush(ht_run_trials *q, double now, ht_error *err)
{
    size_t n = q->n < BATCH ? q->n : BATCH, n_params = q->space.n + 1;
    HT_TRY(ht_file_guard_ask(q->guard, err));
    if (q->optuna != NULL && is_gone(q))
        forget_file(q);
    if (q->optuna == NULL)
        HT_TRY(open_file(q, err));
    ht_optuna_distribution *params = calloc(n_params, sizeof *params);
    double *held = calloc(n_params, sizeof *held);
    ht_status st = params != NULL && held != NULL ? write_batch(q, n, params, held, now, err)
                                                  : ht_fail(err, HT_ENOMEM, "no memory to write '%s'", q->path);
    if (st == HT_OK)
        settle(q, n);
    else
        take_back(q, n);
    free(params);
    free(held);
    return st;
}

/* ---- now and then --------------------------------------------------------------------------------- */

static bool has_work(const ht_run_trials *q)
{
    bool waits = q->n_dead > 0;
    for (size_t i = 0; i < q->n && !waits; i++)
        waits = ht_run_trial_waits(q->waiting[i]) || q->waiting[i]->ended != 0;
    return waits && q->refusal[0] == '\0';
}

ht_status ht_run_trials_tick(ht_run_trials *q, double clock, double now, bool *flushed, ht_error *err)
{
    *flushed = clock >= q->next && has_work(q);
    if (*flushed) {
        double start = monotonic();
        q->status = flush(q, now, &q->error);
        q->next = clock + fmax(least_s, share * (monotonic() - start));
    }
    if (q->refusal[0] != '\0')
        return HT_OK;           /* said once, by ht_run_trials_refusal */
    return q->status == HT_OK ? HT_OK : ht_fail(err, q->status, "%s", q->error.text);
}

static void end_running(ht_run_trials *q, double now)
{
    for (size_t i = 0; i < q->n; i++)
        if (q->waiting[i]->ended == 0) {
            q->waiting[i]->ended = now;
            q->waiting[i]->state = HT_OPTUNA_FAIL;
            q->waiting[i]->value = NAN;
        }
    for (size_t i = 0; i < q->n_known; i++)
        if (q->known[i].runs && !q->known[i].taken && add_dead(q, q->known[i].id) == HT_OK)
            q->known[i].taken = true;
}

ht_status ht_run_trials_finish(ht_run_trials *q, double now, ht_error *err)
{
    ht_status st = HT_OK;
    end_running(q, now);
    for (int tries = 0; has_work(q) && tries < LAST_TRIES;) {
        st = flush(q, now, err);
        tries += st != HT_OK;
        if (st != HT_OK && st != HT_EIO)
            break;
    }
    if (q->refusal[0] == '\0' && st == HT_OK && q->dropped > 0)
        return ht_fail(err, HT_EIO, "'%s': %zu trials are missing in it", q->path, q->dropped);
    return q->refusal[0] != '\0' ? HT_OK : st;
}
