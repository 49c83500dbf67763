/* src/cli/child_training.c - trains one replica by asking a child program; the contract is in child_training.h.
 *
 * Knobs go with every epoch, so a new child has nothing to be told but the state (child_state.h). May touch: the child,
 * stderr. */
#include "cli/child_training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/text.h"
#include "cli/child_state.h"
#include "cli/settings.h"
#include "comm/clock.h"

struct ht_child_training {
    ht_child_peer peer;
    ht_child_state state;
    ht_child_hello hello;
    double values[HT_CHILD_KNOBS_MAX];
    ht_workload_knob knobs[HT_CHILD_KNOBS_MAX];
    int epochs, epoch;
    long long step;
    bool is_lost;                       /* this epoch has no result */
    double loss, val;
    unsigned char *best;                /* a copy of the image, where there is no kernel to keep it. Owned */
    double best_val;
    bool maximises;                     /* which of them is the best; known to the kernel itself */
    int best_epoch;
    ht_kernel *kernel;                  /* borrowed while it is trained; NULL = without tuner */
};

/* ---- what the kernel asks for ---------------------------------------------------------------- */

static ht_status fetch(void *ctx, ht_state_extent what)
{
    ht_child_training *t = ctx;
    ht_error err = {""};
    (void)what;
    ht_status st = ht_child_state_fetch(&t->state, &err);
    t->is_lost |= st != HT_OK;
    return st;
}

static ht_status store(void *ctx, ht_state_extent what)
{
    (void)what;
    ht_child_state_store(&((ht_child_training *)ctx)->state);
    return HT_OK;
}

static ht_status init(void *ctx, unsigned long long seed)
{
    return ht_child_state_init(&((ht_child_training *)ctx)->state, seed);
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
    ht_child_peer_blame(&t->peer, what);
    return HT_EREFUSED;
}

static ht_status ask_value(ht_child_training *t, const char *word, double *value)
{
    ht_error err = {""};
    cJSON *reply = NULL;
    *value = NAN;
    HT_TRY(ht_child_state_bring(&t->state, &err));
    HT_TRY(ht_child_peer_ask(&t->peer, ht_child_request(word), t->peer.o.epoch_s, &reply, &err));
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
    HT_TRY(ht_child_state_bring(&t->state, &err));
    cJSON *o = ht_child_request("train"), *knobs = cJSON_AddObjectToObject(o, "knobs");
    ht_json_put_int(o, "epoch", t->epoch + 1);
    for (size_t i = 0; i < t->hello.n_knobs; i++) {
        char key[2 * HT_NAME_MAX];
        snprintf(key, sizeof key, "%s.%s", t->hello.knobs[i].actuator, t->hello.knobs[i].name);
        ht_json_put_real(knobs, key, t->values[i]);
    }
    return ht_child_peer_ask(&t->peer, o, t->peer.o.epoch_s, reply, &err);
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
        ht_child_state_moved_on(&t->state);
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
    memcpy(t->best, t->state.image, t->state.image_bytes);
}

static ht_status tell(ht_child_training *t, ht_error *err)
{
    ht_env env = {.step = t->step, .epoch = t->epoch, .loss = t->loss, .max_steps = t->epochs * t->hello.steps_per_epoch};
    if (t->peer.failures > 0)
        ht_metric(t->kernel, "child/failures", (double)t->peer.failures);
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
    HT_TRY(ht_child_peer_check(&t->peer, err));
    if (t->kernel != NULL)
        HT_TRY(tell(t, err));
    else if (t->hello.validates) {
        validate(t, &t->val);
        keep_best(t);
    }
    if (!t->is_lost)
        t->peer.in_a_row = 0;
    return ht_child_peer_check(&t->peer, err);
}

/* ---- for who runs it ------------------------------------------------------------------------- */

/* @return whether there is a best state; the child gets it when it is asked next */
static bool show_best(ht_child_training *t)
{
    if (t->kernel != NULL)
        return ht_show_best(t->kernel) == HT_OK;
    if (isnan(t->best_val) || t->hello.n_parts == 0)
        return false;
    memcpy(t->state.image, t->best, t->state.image_bytes);
    return store(t, HT_STATE_ALL) == HT_OK;
}

/* The champion's state as the child saves it, for who goes on with it. */
static void keep_champion(ht_child_training *t)
{
    ht_error err = {""};
    if (ht_child_state_export(&t->state, "champion.state", &err) != HT_OK)
        ht_child_peer_warn(&t->peer, err.text, "there is no champion.state");
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
    ht_status st = ht_child_peer_check(&t->peer, err);
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
    ht_child_peer_give_up(&t->peer);    /* only of one that has ended it is known what it used */
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
        {.name = "failures", .data = &t->peer.failures, .count = 1, .element = HT_INT64},
        {.name = "begun_from", .data = &t->state.begun_from, .count = 1, .element = HT_INT64},
        {.name = "best_epoch", .data = &t->best_epoch, .count = 1, .element = HT_INT32}};
    return ht_replica_state(k, own, sizeof own / sizeof *own);
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
        st = ht_child_state_offer(&t->state, k);
    if (st == HT_OK && t->hello.n_parts > 0)
        st = ht_training_mirror(k, fetch, store, t);
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

ht_status ht_child_training_create(const ht_child_options *o, ht_child_training **out, char **hello, ht_error *err)
{
    ht_child_training *t = calloc(1, sizeof *t);
    if (t == NULL)
        return ht_fail(err, HT_ENOMEM, "out of memory");
    *t = (ht_child_training){.val = NAN, .best_val = NAN};
    t->peer.o = *o;
    ht_status st = ht_child_state_begin(&t->peer, &t->state, err);
    if (st == HT_OK)
        st = ht_child_peer_begin(o, &t->peer, hello, err);
    if (st == HT_OK)
        *out = t;
    else
        ht_child_training_destroy(t);
    return st;
}

void ht_child_training_give_up(ht_child_training *t)
{
    ht_child_peer_give_up(&t->peer);
}

ht_status ht_child_training_settle(ht_child_training *t, const char *hello, int epochs, bool maximises, ht_error *err)
{
    cJSON *o = NULL;
    HT_TRY(ht_json_parse(hello, &o, NULL, err));
    ht_status st = ht_child_hello_read(o, &t->hello, err);
    cJSON_Delete(o);
    if (st != HT_OK)
        return st;
    if ((t->peer.agreed = strdup(hello)) == NULL)
        return ht_fail(err, HT_ENOMEM, "out of memory");
    for (size_t i = 0; i < t->hello.n_knobs; i++) {
        const ht_child_knob *k = &t->hello.knobs[i];
        t->values[i] = k->value;
        t->knobs[i] = (ht_workload_knob){k->actuator, k->name, &t->values[i], k->lo, k->hi, 0};
    }
    HT_TRY(ht_child_state_settle(&t->state, &t->hello, err));
    if ((t->best = malloc(t->state.image_bytes + 1)) == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the best state: %zu bytes", t->state.image_bytes);
    t->epochs = epochs;
    t->maximises = maximises;
    return HT_OK;
}

void ht_child_training_destroy(void *self)
{
    ht_child_training *t = self;
    if (t == NULL)
        return;
    ht_child_peer_end(&t->peer);
    ht_child_state_release(&t->state);
    ht_child_hello_release(&t->hello);
    free(t->best);
    free(t);
}
