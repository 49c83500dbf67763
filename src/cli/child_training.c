/* src/cli/child_training.c - trains one replica by asking a child program; the contract is in child_training.h.
 *
 * `image` is our copy of the child's state. It is fetched (save) only when somebody needs it and the child has trained
 * since, and stored (load) only before the child needs it. Knobs go with every epoch, so a new child has nothing to be told
 * but the state. May touch: the child, files in a scratch directory of its own, stderr. */
#include "cli/child_training.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/child_talk.h"
#include "cli/cli.h"
#include "cli/settings.h"
#include "comm/clock.h"
#include "state/state.h"
#include "store/run_dir.h"

static const double grace_s = 5;        /* for a child that is to stop */
static const char goes_on[] = "it goes on, this epoch has no result";
enum { BOUNDARY = 64 };

struct ht_child_training {
    ht_child_options o;
    ht_talk *talk;                      /* NULL = none lives */
    ht_child_hello hello;
    char *log, *scratch, *file;         /* file: where the state goes through, in the directory `scratch`. Owned */
    char *agreed;                       /* the hello by which it was settled; NULL = it was not yet. Owned */
    double values[HT_CHILD_KNOBS_MAX];
    ht_workload_knob knobs[HT_CHILD_KNOBS_MAX];
    unsigned char *image, *best;        /* each part at a multiple of 64 bytes. Owned; best: without a kernel */
    size_t image_bytes;
    bool has_image;                     /* the image is a state that the child had */
    bool is_behind;                     /* the child has trained since */
    bool must_load, must_init;          /* before the child trains or validates */
    unsigned long long begun_from;      /* seed of the last init */
    int epochs, epoch;
    long long step, failures;           /* failures: of the whole run, for the metric */
    int in_a_row;
    bool is_lost, is_given_up;          /* lost: this epoch has no result */
    double loss, val, best_val;
    bool maximises;                     /* which of them is the best; known to the kernel itself */
    int best_epoch;
    ht_kernel *kernel;                  /* borrowed while it is trained; NULL = without tuner */
};

/* ---- the child and its failures -------------------------------------------------------------- */

static cJSON *request(const char *word)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_text(o, "do", word);
    return o;
}

/* Seeds have 64 bits, more than a double. */
static void put_seed(cJSON *o, unsigned long long seed)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", seed);
    ht_json_put(o, "seed", cJSON_CreateRaw(digits));
}

static ht_status greet(ht_child_training *t, char **hello, ht_error *err)
{
    cJSON *o = request("hello"), *reply = NULL;
    ht_json_put_int(o, "protocol", HT_CHILD_PROTOCOL);
    ht_json_put_int(o, "replica", t->o.replica);
    ht_json_put_int(o, "replicas", t->o.replicas);
    put_seed(o, t->o.seed);
    ht_json_put_text(o, "dir", t->o.dir);
    HT_TRY(ht_talk_ask(t->talk, o, t->o.reply_s, &reply, err));
    ht_child_hello read = {0};
    ht_status st = ht_child_hello_read(reply, &read, err);
    ht_child_hello_release(&read);
    char *text = st == HT_OK ? ht_json_line(reply) : NULL;
    if (st == HT_OK && text == NULL)
        st = ht_fail(err, HT_ENOMEM, "out of memory");
    if (st == HT_OK && t->agreed != NULL && !ht_child_hello_alike(t->agreed, text))
        st = ht_fail(err, HT_EFORMAT, "its hello is another one than before");
    cJSON_Delete(reply);
    if (st != HT_OK) {
        free(text);
        text = NULL;
    }
    *hello = text;
    return st;
}

static ht_status start(ht_child_training *t, char **hello, ht_error *err)
{
    HT_TRY(ht_talk_start(t->o.argv, t->o.replica, t->log, &t->talk, err));
    ht_status st = greet(t, hello, err);
    if (st != HT_OK) {
        ht_talk_end(t->talk, grace_s);
        t->talk = NULL;
    }
    return st;
}

static void warn(const ht_child_training *t, const char *what, const char *then)
{
    ht_cli_note("hottune: replica %d: %s: %s; %s (its output: %s)\n", t->o.replica, t->o.argv[0], what, then, t->log);
}

/* Another failure. What comes of it is told. */
static void count_failure(ht_child_training *t, const char *what, const char *remedy)
{
    char then[128];
    t->failures++;
    t->is_given_up = ++t->in_a_row > t->o.restarts;
    snprintf(then, sizeof then, "that was failure %d in a row: %s", t->in_a_row,
             t->is_given_up ? "this replica is given up" : remedy);
    warn(t, what, then);
}

/* A child that cannot be talked with any more is replaced; the new one gets the state that we have. */
static void replace(ht_child_training *t, const ht_error *why)
{
    ht_error err = *why;
    char *hello = NULL;
    do {
        ht_talk_end(t->talk, grace_s);
        t->talk = NULL;
        count_failure(t, err.text, "it is started again");
    } while (!t->is_given_up && start(t, &hello, &err) != HT_OK);
    free(hello);
    t->must_load = t->has_image;
    t->must_init = !t->has_image && t->hello.inits;
    t->is_behind = !t->has_image && t->hello.n_parts > 0;
}

static ht_status check_given_up(const ht_child_training *t, ht_error *err)
{
    return t->is_given_up ? ht_fail(err, HT_EFAILED, "replica %d was given up; the output of %s is in %s", t->o.replica,
                                    t->o.argv[0], t->log)
                          : HT_OK;
}

/* @param[out] reply  NULL: only that it answered matters */
static ht_status ask(ht_child_training *t, cJSON *what, double patience_s, cJSON **reply, ht_error *err)
{
    cJSON *answer = NULL;
    ht_status st = check_given_up(t, err);
    if (st != HT_OK) {
        cJSON_Delete(what);
        return st;
    }
    st = ht_talk_ask(t->talk, what, patience_s, &answer, err);
    if (st == HT_EREFUSED)
        count_failure(t, err->text, goes_on);
    else if (st != HT_OK)
        replace(t, err);
    if (reply != NULL)
        *reply = answer;
    else
        cJSON_Delete(answer);
    return st;
}

/* ---- its state ------------------------------------------------------------------------------- */

static size_t part_bytes(const ht_child_part *p)
{
    return p->count * ht_element_bytes(p->element);
}

static size_t padded(size_t n)
{
    return (n + BOUNDARY - 1) / BOUNDARY * BOUNDARY;
}

/* Before anything of the image is overwritten: half a state is none. What is no regular file could keep us for ever. */
static ht_status check_saved(const ht_child_training *t, ht_error *err)
{
    struct stat is;
    if (lstat(t->file, &is) != 0 || !S_ISREG(is.st_mode))
        return ht_fail(err, HT_EFORMAT, "it saved no state: '%s' is no regular file", t->file);
    uintmax_t bytes = (uintmax_t)is.st_size;
    return bytes == t->hello.state_bytes
               ? HT_OK
               : ht_fail(err, HT_EFORMAT, "it saved a state that is %s than the %zu bytes that its hello promised",
                         bytes > t->hello.state_bytes ? "longer" : "shorter", t->hello.state_bytes);
}

/* Between the file, which has no gaps, and the image. */
static ht_status copy_file(ht_child_training *t, const char *mode, ht_error *err)
{
    bool writes = mode[0] == 'w';
    FILE *f = fopen(t->file, mode);
    size_t at = 0;
    bool fine = f != NULL;
    for (size_t i = 0; i < t->hello.n_parts && fine; i++) {
        size_t n = part_bytes(&t->hello.parts[i]);
        fine = (writes ? fwrite(t->image + at, 1, n, f) : fread(t->image + at, 1, n, f)) == n;
        at += padded(n);
    }
    if (f != NULL && fclose(f) != 0)
        fine = false;
    return fine ? HT_OK
                : ht_fail(err, HT_EIO, "its state cannot be %s '%s': %s", writes ? "written to" : "read from", t->file, strerror(errno));
}

static ht_status ask_with_path(ht_child_training *t, const char *word, ht_error *err)
{
    cJSON *o = request(word);
    ht_json_put_text(o, "path", t->file);
    return ask(t, o, t->o.reply_s, NULL, err);
}

static ht_status store(void *ctx, ht_state_extent what)
{
    ht_child_training *t = ctx;
    (void)what;
    t->has_image = t->must_load = true;
    t->must_init = t->is_behind = false;
    return HT_OK;
}

static ht_status ask_init(ht_child_training *t, ht_error *err)
{
    cJSON *o = request("init");
    put_seed(o, t->begun_from);
    HT_TRY(ask(t, o, t->o.reply_s, NULL, err));
    t->must_init = false;
    t->is_behind = t->hello.n_parts > 0;
    return HT_OK;
}

/* The child has the state that it is to go on from. */
static ht_status bring(ht_child_training *t, ht_error *err)
{
    if (t->must_init)
        HT_TRY(ask_init(t, err));
    HT_TRY(check_given_up(t, err));
    if (!t->must_load)
        return HT_OK;
    ht_status st = copy_file(t, "w", err);
    if (st == HT_OK)
        st = ask_with_path(t, "load", err);
    else
        count_failure(t, err->text, goes_on);
    remove(t->file);
    t->must_load = st != HT_OK;
    return st;
}

static ht_status fetch(void *ctx, ht_state_extent what)
{
    ht_child_training *t = ctx;
    ht_error err = {""};
    (void)what;
    if (!t->is_behind)
        return HT_OK;
    ht_status st = bring(t, &err);  /* a new child has to begin before it has a state */
    if (st == HT_OK)
        st = ask_with_path(t, "save", &err);
    if (st == HT_OK && ((st = check_saved(t, &err)) != HT_OK || (st = copy_file(t, "r", &err)) != HT_OK))
        replace(t, &err);
    remove(t->file);
    if (st == HT_OK) {              /* else what the image has is still not what the child has */
        t->is_behind = false;
        t->has_image = true;
    }
    t->is_lost |= st != HT_OK;
    return st;
}

/* A child that fails here is replaced and asked again, until it can, or is given up. */
static ht_status init(void *ctx, unsigned long long seed)
{
    ht_child_training *t = ctx;
    ht_error err = {""};
    ht_status st;
    t->begun_from = seed;
    t->must_load = t->has_image = false;
    do
        st = ask_init(t, &err);
    while (st != HT_OK && st != HT_EREFUSED && !t->is_given_up);
    return st == HT_OK ? HT_OK : HT_EFAILED;
}

/* ---- its epochs ------------------------------------------------------------------------------ */

static void report_metrics(const ht_child_training *t, const cJSON *reply)
{
    const cJSON *all = ht_json_member(reply, "metrics"), *m;
    if (t->kernel == NULL || !cJSON_IsObject(all))
        return;
    cJSON_ArrayForEach(m, all)
        ht_metric(t->kernel, m->string, cJSON_IsNumber(m) ? m->valuedouble : NAN);
}

/* A number; null is NaN: it diverged. One that says neither has misunderstood, and would never be told by its results. */
static ht_status read_result(ht_child_training *t, const cJSON *reply, const char *asked, const char *name, double *out)
{
    const cJSON *item = ht_json_member(reply, name);
    char what[96];
    *out = ht_json_number(reply, name, NAN);
    if (cJSON_IsNumber(item) || cJSON_IsNull(item))
        return HT_OK;
    snprintf(what, sizeof what, "its answer to '%s' has no '%s' that is a number or null", asked, name);
    count_failure(t, what, goes_on);
    return HT_EREFUSED;
}

static ht_status ask_value(ht_child_training *t, const char *word, double *value)
{
    ht_error err = {""};
    cJSON *reply = NULL;
    *value = NAN;
    HT_TRY(bring(t, &err));
    HT_TRY(ask(t, request(word), t->o.epoch_s, &reply, &err));
    ht_status st = read_result(t, reply, word, "value", value);
    report_metrics(t, reply);
    cJSON_Delete(reply);
    return st;
}

static ht_status validate(void *ctx, double *objective)
{
    ht_child_training *t = ctx;
    *objective = t->val = NAN;
    if (!t->is_lost && ask_value(t, "validate", &t->val) != HT_OK)
        t->is_lost = true;
    *objective = t->val;
    return HT_OK;
}

static ht_status ask_epoch(ht_child_training *t, cJSON **reply)
{
    ht_error err = {""};
    HT_TRY(bring(t, &err));
    cJSON *o = request("train"), *knobs = cJSON_AddObjectToObject(o, "knobs");
    ht_json_put_int(o, "epoch", t->epoch + 1);
    for (size_t i = 0; i < t->hello.n_knobs; i++) {
        char key[2 * HT_NAME_MAX];
        snprintf(key, sizeof key, "%s.%s", t->hello.knobs[i].actuator, t->hello.knobs[i].name);
        ht_json_put_real(knobs, key, t->values[i]);
    }
    return ask(t, o, t->o.epoch_s, reply, &err);
}

static void train(ht_child_training *t)
{
    cJSON *reply = NULL;
    t->loss = NAN;
    t->is_lost = ask_epoch(t, &reply) != HT_OK;
    if (!t->is_lost) {
        t->loss = 0;        /* of one that says none; it has metrics */
        if (ht_json_member(reply, "loss") != NULL)
            t->is_lost = read_result(t, reply, "train", "loss", &t->loss) != HT_OK;
        t->is_behind = t->hello.n_parts > 0;
        report_metrics(t, reply);
    }
    t->epoch++;
    t->step += t->hello.steps_per_epoch;
    cJSON_Delete(reply);
}

static void keep_best(ht_child_training *t)
{
    bool better = isnan(t->best_val) || (t->maximises ? t->val > t->best_val : t->val < t->best_val);
    if (!isfinite(t->val) || !better)
        return;
    if (t->hello.n_parts > 0 && fetch(t, HT_STATE_ALL) != HT_OK)
        return;
    t->best_val = t->val;
    t->best_epoch = t->epoch;
    memcpy(t->best, t->image, t->image_bytes);
}

static ht_status tell(ht_child_training *t, ht_error *err)
{
    ht_env env = {.step = t->step, .epoch = t->epoch, .loss = t->loss, .max_steps = t->epochs * t->hello.steps_per_epoch};
    if (t->failures > 0)
        ht_metric(t->kernel, "child/failures", (double)t->failures);
    if (t->is_lost)     /* what it reported before is no longer true */
        env.anomaly_critical = true;
    ht_status st = ht_apply(t->kernel, &env, HT_TRAIN_BATCH_END);
    if (st == HT_OK)
        st = ht_apply(t->kernel, &env, HT_VAL_EPOCH_END);
    if (st == HT_OK && ht_is_best(t->kernel))
        t->best_epoch = t->epoch;
    return st == HT_OK ? HT_OK : ht_fail(err, st, "%s", ht_message(t->kernel));
}

static ht_status train_epoch(ht_child_training *t, ht_error *err)
{
    train(t);
    HT_TRY(check_given_up(t, err));
    if (t->kernel != NULL)
        HT_TRY(tell(t, err));
    else if (t->hello.validates) {
        validate(t, &t->val);
        keep_best(t);
    }
    if (!t->is_lost)
        t->in_a_row = 0;
    return check_given_up(t, err);
}

/* ---- for who runs it ------------------------------------------------------------------------- */

/* @return whether there is a best state; the child gets it when it is asked next */
static bool show_best(ht_child_training *t)
{
    if (t->kernel != NULL)
        return ht_show_best(t->kernel) == HT_OK;
    if (isnan(t->best_val) || t->hello.n_parts == 0)
        return false;
    memcpy(t->image, t->best, t->image_bytes);
    return store(t, HT_STATE_ALL) == HT_OK;
}

/* The champion's state as the child saves it, for who goes on with it. */
static void keep_champion(ht_child_training *t)
{
    ht_error err = {""};
    char *to = ht_path_join(t->o.dir, "champion.state");
    ht_status st = to != NULL ? ask_with_path(t, "save", &err) : HT_ENOMEM;
    char *bytes = NULL;
    size_t n = 0;
    if (st == HT_OK)
        st = check_saved(t, &err);
    if (st == HT_OK)
        st = ht_file_read(t->file, &bytes, &n, &err);
    if (st == HT_OK)
        st = ht_file_replace(to, bytes, n, &err);
    if (st != HT_OK)
        warn(t, err.text, "there is no champion.state");
    remove(t->file);
    free(bytes);
    free(to);
}

static void conclude(ht_child_training *t, ht_outcome *o)
{
    ht_result r = {.best = t->best_val};
    o->epoch = t->best_epoch;
    if (!show_best(t)) {        /* no state that could be shown */
        if (t->kernel != NULL)
            ht_result_of(t->kernel, &r);
        o->val = r.best;
        return;
    }
    t->is_lost = false;
    validate(t, &o->val);
    if (t->hello.tests)
        ask_value(t, "test", &o->test);
    if (t->kernel != NULL && ht_is_champion(t->kernel) && isfinite(o->val))
        keep_champion(t);
}

static double cpu_of_children(void)
{
    struct rusage r = {0};
    getrusage(RUSAGE_CHILDREN, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + 1e-6 * (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

ht_status ht_child_training_run(void *self, ht_kernel *k, ht_outcome *out, ht_error *err)
{
    ht_child_training *t = self;
    ht_outcome o = {.val = NAN, .test = NAN, .val_error = NAN, .test_error = NAN};
    ht_status st = check_given_up(t, err);
    double start = ht_clock_monotonic(), cpu = cpu_of_children();
    t->kernel = k;
    for (bool first = true; st == HT_OK && (k != NULL ? ht_running(k) : t->epoch < t->epochs); first = false) {
        if (first && k != NULL && ht_is_best(k))
            t->best_epoch = t->epoch;
        st = train_epoch(t, err);
    }
    o.train_s = ht_clock_monotonic() - start;
    o.epochs = t->epoch;
    bool over = k == NULL || !ht_has_left(k);
    if (over && st == HT_OK)
        conclude(t, &o);
    ht_talk_end(t->talk, grace_s);      /* only of one that has ended it is known what it used */
    t->talk = NULL;
    o.cpu_s = cpu_of_children() - cpu;
    if (k != NULL && over && st == HT_OK && ht_report_result(k, o.val, o.test) != HT_OK)
        st = ht_fail(err, HT_EFAILED, "%s", ht_message(k));
    t->kernel = NULL;
    *out = o;
    return st;
}

/* What goes on where it stopped, whatever states come and go. */
static ht_status offer_counters(ht_child_training *t, ht_kernel *k)
{
    const ht_state_buffer own[] = {
        {.name = "epoch", .data = &t->epoch, .count = 1, .element = HT_INT32},
        {.name = "step", .data = &t->step, .count = 1, .element = HT_INT64},
        {.name = "failures", .data = &t->failures, .count = 1, .element = HT_INT64},
        {.name = "begun_from", .data = &t->begun_from, .count = 1, .element = HT_INT64},
        {.name = "best_epoch", .data = &t->best_epoch, .count = 1, .element = HT_INT32}};
    return ht_replica_state(k, own, sizeof own / sizeof *own);
}

static ht_status offer_state(ht_child_training *t, ht_kernel *k)
{
    size_t at = 0;
    for (size_t i = 0; i < t->hello.n_parts; i++) {
        const ht_child_part *p = &t->hello.parts[i];
        const ht_state_buffer b = {.name = p->name, .data = t->image + at, .count = p->count, .element = p->element,
                                   .use = p->averages ? HT_AVERAGE : HT_COPY, .is_weights = p->is_weights};
        HT_TRY(ht_training_state(k, &b, 1));
        at += padded(part_bytes(p));
    }
    return t->hello.n_parts > 0 ? ht_training_mirror(k, fetch, store, t) : HT_OK;
}

ht_status ht_child_training_offer(void *self, ht_kernel *k, ht_error *err)
{
    ht_child_training *t = self;
    ht_status st = HT_OK;
    for (size_t i = 0; i < t->hello.n_knobs && st == HT_OK; i++) {
        const ht_child_knob *d = &t->hello.knobs[i];
        st = ht_knob_double(k, d->actuator, d->name, &t->values[i], d->is_log ? HT_LOG : HT_LINEAR, d->lo, d->hi);
    }
    if (st == HT_OK)
        st = offer_counters(t, k);
    if (st == HT_OK)
        st = offer_state(t, k);
    if (st == HT_OK && t->hello.inits)
        st = ht_on_init(k, init, t);
    if (st == HT_OK && t->hello.validates)
        st = ht_on_validate(k, validate, t);
    return st == HT_OK ? HT_OK : ht_fail(err, st, "%s", ht_message(k));
}

ht_status ht_child_training_set(void *self, const char *list, ht_error *err)
{
    ht_child_training *t = self;
    return ht_settings_apply(t->hello.n_knobs, t->knobs, list, err);
}

/* ---- its life -------------------------------------------------------------------------------- */

/* Beside the run directory, which may be on a slow disk: where temporary files belong. */
static ht_status make_scratch(ht_child_training *t, ht_error *err)
{
    const char *tmp = getenv("TMPDIR");
    ht_string path = {0};
    ht_string_add(&path, "%s/hottune-XXXXXX", tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
    t->scratch = ht_string_take(&path);
    if (t->scratch == NULL)
        return ht_fail(err, HT_ENOMEM, "out of memory");
    if (mkdtemp(t->scratch) == NULL) {
        ht_status st = ht_fail(err, HT_EIO, "cannot make a directory for states: '%s': %s; TMPDIR may name another place",
                               t->scratch, strerror(errno));
        free(t->scratch);
        t->scratch = NULL;
        return st;
    }
    t->file = ht_path_join(t->scratch, "state");
    return t->file != NULL ? HT_OK : ht_fail(err, HT_ENOMEM, "out of memory");
}

ht_status ht_child_training_create(const ht_child_options *o, ht_child_training **out, char **hello, ht_error *err)
{
    char name[32];
    ht_child_training *t = calloc(1, sizeof *t);
    if (t == NULL)
        return ht_fail(err, HT_ENOMEM, "out of memory");
    *t = (ht_child_training){.o = *o, .begun_from = o->seed, .val = NAN, .best_val = NAN};
    snprintf(name, sizeof name, "replica-%d.log", o->replica);
    t->log = ht_path_join(o->dir, name);
    ht_status st = t->log != NULL ? make_scratch(t, err) : ht_fail(err, HT_ENOMEM, "out of memory");
    if (st == HT_OK) {
        t->is_given_up = start(t, hello, err) != HT_OK;
        *out = t;
    } else
        ht_child_training_destroy(t);
    return st;
}

void ht_child_training_give_up(ht_child_training *t)
{
    ht_talk_end(t->talk, grace_s);
    t->talk = NULL;
    t->is_given_up = true;
}

ht_status ht_child_training_settle(ht_child_training *t, const char *hello, int epochs, bool maximises, ht_error *err)
{
    cJSON *o = NULL;
    HT_TRY(ht_json_parse(hello, &o, NULL, err));
    ht_status st = ht_child_hello_read(o, &t->hello, err);
    cJSON_Delete(o);
    if (st != HT_OK)
        return st;
    if ((t->agreed = strdup(hello)) == NULL)
        return ht_fail(err, HT_ENOMEM, "out of memory");
    for (size_t i = 0; i < t->hello.n_knobs; i++) {
        const ht_child_knob *k = &t->hello.knobs[i];
        t->values[i] = k->value;
        t->knobs[i] = (ht_workload_knob){k->actuator, k->name, &t->values[i], k->lo, k->hi, 0};
    }
    for (size_t i = 0; i < t->hello.n_parts; i++)
        t->image_bytes += padded(part_bytes(&t->hello.parts[i]));
    t->image = aligned_alloc(BOUNDARY, t->image_bytes + BOUNDARY);
    t->best = malloc(t->image_bytes + 1);
    if (t->image == NULL || t->best == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the state of a replica: %zu bytes", t->image_bytes);
    memset(t->image, 0, t->image_bytes + BOUNDARY);
    t->epochs = epochs;
    t->maximises = maximises;
    t->must_init = t->hello.inits;
    return HT_OK;
}

void ht_child_training_destroy(void *self)
{
    ht_child_training *t = self;
    if (t == NULL)
        return;
    ht_talk_end(t->talk, grace_s);
    if (t->file != NULL)
        remove(t->file);
    if (t->scratch != NULL)
        rmdir(t->scratch);
    ht_child_hello_release(&t->hello);
    free(t->image);
    free(t->best);
    free(t->agreed);
    free(t->log);
    free(t->file);
    free(t->scratch);
    free(t);
}
