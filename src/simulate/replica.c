/* src/simulate/replica.c - one simulated replica; the contract is in replica.h.
 *
 * Everything that lets virtual time pass goes through `pass` and `hear`, which keep the account. Where a replica dies,
 * its waits end and its messages fail, so that the agent comes back from whatever it was doing, and nothing leaks.
 * May touch: the heap, virtual time. */
#include "simulate/replica.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "population/carrier.h"
#include "tune/bridge.h"

enum { STEPS = 100 };       /* of an epoch */

typedef struct {
    unsigned number;
    ht_curve_state state;
} slot;

/* What a setter is told to set. */
typedef struct {
    ht_sim_replica *r;
    size_t knob;
} target;

struct ht_sim_replica {
    const ht_surroundings *s;
    int id;
    ht_agent *agent;
    ht_metrics *metrics;
    ht_actuators *actuators;
    ht_knobs *knobs;
    target targets[HT_POOL_KNOBS_MAX];
    double h[HT_POOL_KNOBS_MAX];
    ht_curve_state live;
    size_t n_slots, slots_size;
    slot *slots;            /* owned */
    int epoch;              /* of this life */
    bool dead, through;
    ht_spent waits_for;     /* what the coordinator is heard for */
    ht_sim_account account;
};

static const struct {
    const char *name, *about;
} reasons[HT_N_SPENT] = {
    [HT_SPENT_TRAINING] = {"training", "epochs with their validation"},
    [HT_SPENT_START] = {"start", "until the first work: the others join"},
    [HT_SPENT_REPORTS] = {"reports", "has reported, waits for the others of its island or of the race"},
    [HT_SPENT_MEAN] = {"mean", "gave its part to a mean, waits for its validation and for other islands"},
    [HT_SPENT_STATE] = {"state", "moves a training state, or waits for the other end"},
    [HT_SPENT_CHECKPOINT] = {"checkpoint", "writes itself down"},
    [HT_SPENT_DOWN] = {"down", "is dead, not back yet"},
};

const char *ht_spent_text(ht_spent s)
{
    return reasons[s].name;
}

const char *ht_spent_about(ht_spent s)
{
    return reasons[s].about;
}

/* ---- time ----------------------------------------------------------------------------------- */

static int peer_of(const ht_sim_replica *r)
{
    return r->id + 1;
}

static double now(void *ctx)
{
    const ht_sim_replica *r = ctx;
    return ht_virtual_now(r->s->v);
}

static void pass(ht_sim_replica *r, double seconds, ht_spent what)
{
    double since = now(r);
    ht_virtual_wait(r->s->v, peer_of(r), seconds);
    r->account.spent[what] += now(r) - since;
}

static double epoch_length(const ht_sim_replica *r)
{
    ht_random random = ht_random_stream(r->s->curves->seed, HT_RANDOM_SIMULATION, (uint64_t)r->id + 2,
                                        (uint64_t)r->account.epochs + 1);
    return r->account.speed * (1 + r->s->jitter * (2 * ht_random_uniform(&random) - 1));
}

double ht_sim_speed(uint64_t seed, int id, double epoch_s, double spread)
{
    ht_random random = ht_random_stream(seed, HT_RANDOM_SIMULATION, (uint64_t)id + 2, 0);
    return epoch_s * (1 + spread * (2 * ht_random_uniform(&random) - 1));
}

static double speed_of(const ht_surroundings *s, int id)
{
    ht_random random = ht_random_stream(s->curves->seed, HT_RANDOM_SIMULATION, (uint64_t)id + 2, 0);
    double speed = ht_sim_speed(s->curves->seed, id, s->epoch_s, s->spread);
    (void)ht_random_bits(&random);      /* the speed's */
    return ht_random_uniform(&random) < s->straggler_share ? speed * s->straggler_factor : speed;
}

/* ---- the link --------------------------------------------------------------------------------- */

static ht_status tell(void *ctx, const void *bytes, size_t n, ht_error *err)
{
    const ht_sim_replica *r = ctx;
    return ht_comm_send(ht_virtual_end(r->s->v, peer_of(r)), 0, bytes, n, err);
}

static ht_status hear(void *ctx, double timeout_s, ht_bytes *out, ht_error *err)
{
    ht_sim_replica *r = ctx;
    double since = now(r);
    int from;
    ht_status st = ht_comm_receive(ht_virtual_end(r->s->v, peer_of(r)), timeout_s, &from, out, err);
    r->account.spent[r->waits_for] += now(r) - since;
    return st;
}

static void warn(void *ctx, const char *text)
{
    ht_sim_replica *r = ctx;
    if (r->dead)
        return;
    r->account.warnings++;
    snprintf(r->account.warning, sizeof r->account.warning, "%.*s", (int)sizeof r->account.warning - 1, text);
}

/* ---- the training ----------------------------------------------------------------------------- */

static slot *find_slot(ht_sim_replica *r, unsigned number)
{
    for (size_t i = 0; i < r->n_slots; i++)
        if (r->slots[i].number == number)
            return &r->slots[i];
    return NULL;
}

static ht_status put_slot(ht_sim_replica *r, unsigned number, ht_curve_state state, ht_error *err)
{
    slot *s = find_slot(r, number);
    if (s == NULL && r->n_slots == r->slots_size) {
        size_t size = 2 * r->slots_size + 4;
        slot *slots = realloc(r->slots, size * sizeof *slots);
        if (slots == NULL)
            return ht_fail(err, HT_ENOMEM, "no memory for a slot");
        r->slots = slots;
        r->slots_size = size;
    }
    if (s == NULL)
        s = &r->slots[r->n_slots++];
    *s = (slot){number, state};
    return HT_OK;
}

static ht_status init(void *ctx, uint64_t seed, ht_error *err)
{
    ht_sim_replica *r = ctx;
    (void)err;
    r->live = ht_curve_begin(r->s->curves, seed);
    return HT_OK;
}

static double objective(const ht_sim_replica *r)
{
    double loss = ht_curve_loss(r->s->curves, &r->live);
    return r->s->recipe->objective.mode == HT_MINIMIZE ? loss : -loss;
}

static ht_status validate(void *ctx, double *out, ht_error *err)
{
    (void)err;
    *out = objective(ctx);
    return HT_OK;
}

static ht_status save(void *ctx, unsigned number, ht_error *err)
{
    ht_sim_replica *r = ctx;
    return put_slot(r, number, r->live, err);
}

static ht_status load(void *ctx, unsigned number, ht_error *err)
{
    ht_sim_replica *r = ctx;
    const slot *s = find_slot(r, number);
    if (s == NULL)
        return ht_fail(err, HT_ENOTFOUND, "slot %u holds no training state", number);
    r->live = s->state;
    return HT_OK;
}

static void drop(void *ctx, unsigned number)
{
    ht_sim_replica *r = ctx;
    slot *s = find_slot(r, number);
    if (s != NULL)
        *s = r->slots[--r->n_slots];
}

static double patience(const ht_sim_replica *r)
{
    return ht_carrier_patience(r->account.speed);
}

static ht_status send_slot(void *ctx, unsigned long number, unsigned from, int to, ht_error *err)
{
    ht_sim_replica *r = ctx;
    const slot *s = find_slot(r, from);
    (void)to;
    if (s == NULL)
        return ht_fail(err, HT_ENOTFOUND, "slot %u holds no training state", from);
    ht_curve_state state = s->state;
    double since = now(r);
    ht_status st = ht_transfers_send(r->s->transfers, r->id, number, patience(r), &state, err);
    r->account.spent[HT_SPENT_STATE] += now(r) - since;
    return st;
}

static ht_status receive_slot(void *ctx, unsigned long number, unsigned to, int from, ht_error *err)
{
    ht_sim_replica *r = ctx;
    ht_curve_state state = {0};
    double since = now(r);
    ht_status st = ht_transfers_receive(r->s->transfers, r->id, number, from, patience(r), &state, err);
    r->account.spent[HT_SPENT_STATE] += now(r) - since;
    if (st != HT_OK) {
        drop(r, to);
        return st;
    }
    return put_slot(r, to, state, err);
}

static ht_status mean(void *ctx, unsigned long number, size_t n, const int *members, ht_error *err)
{
    ht_sim_replica *r = ctx;
    double since = now(r);
    ht_status st = ht_transfers_mean(r->s->transfers, r->id, number, n, members, patience(r), &r->live, err);
    r->account.spent[HT_SPENT_STATE] += now(r) - since;
    r->waits_for = HT_SPENT_MEAN;
    return st;
}

/* The coordinator keeps the account of who has the best weights; nobody asks for them here. */
static ht_status keep_best(void *ctx, ht_error *err)
{
    (void)ctx, (void)err;
    return HT_OK;
}

/* ---- checkpoints ------------------------------------------------------------------------------ */

static ht_status write_down(void *ctx, cJSON *manifest, ht_error *err)
{
    ht_sim_replica *r = ctx;
    (void)manifest;
    pass(r, r->s->checkpoint_s, HT_SPENT_CHECKPOINT);
    return r->dead ? ht_fail(err, HT_EIO, "it died meanwhile") : HT_OK;
}

static ht_status read_back(void *ctx, const cJSON *manifest, ht_error *err)
{
    (void)ctx, (void)manifest;
    return ht_fail(err, HT_EREFUSED, "a simulated replica does not go on from a checkpoint");
}

static ht_status inherit(void *ctx, const cJSON *manifest, unsigned from_slot, unsigned to, ht_error *err)
{
    (void)from_slot, (void)to;
    return read_back(ctx, manifest, err);
}

/* ---- its parts -------------------------------------------------------------------------------- */

static ht_status set_knob(void *ctx, const ht_value *value, const ht_env *env, ht_error *err)
{
    const target *t = ctx;
    (void)env, (void)err;
    t->r->h[t->knob] = value->scalar.number;
    return HT_OK;
}

static bool get_knob(void *ctx, ht_value *out)
{
    const target *t = ctx;
    *out = ht_real(t->r->h[t->knob]);
    return true;
}

static ht_status add_knob(ht_sim_replica *r, size_t i, ht_error *err)
{
    const ht_member_knob *m = &r->s->member->knobs[i];
    ht_knob_spec spec = {.type = m->lo > 0 ? HT_KNOB_LOG_FLOAT : HT_KNOB_FLOAT, .set = set_knob, .get = get_knob,
                         .ctx = &r->targets[i], .has_min = true, .min = m->lo, .has_max = true, .max = m->hi,
                         .log_base = m->lo > 0 ? 10 : 0, .initial = ht_real(m->value)};
    r->targets[i] = (target){r, i};
    r->h[i] = m->value;
    snprintf(spec.key, sizeof spec.key, "%.31s.%.31s", m->actuator, m->name);
    ht_name_copy(spec.group, ht_bridge_group(m->actuator));
    return ht_knobs_add(r->knobs, &spec, err);
}

static ht_status make_agent(ht_sim_replica *r, ht_error *err)
{
    HT_TRY(ht_metrics_create(&r->metrics, err));
    HT_TRY(ht_actuators_create(&r->actuators, err));
    HT_TRY(ht_knobs_create(&r->knobs, err));
    for (size_t i = 0; i < r->s->member->n_knobs; i++)
        HT_TRY(add_knob(r, i, err));
    ht_knobs_initialize(r->knobs);
    ht_actuators_attach_knobs(r->actuators, r->knobs);
    const ht_agent_options o = {.link = {r, tell, hear}, .metrics = r->metrics, .actuators = r->actuators,
                                .knobs = r->knobs, .effector = ht_effector_local(r->actuators),
                                .keeper = {r, write_down, read_back, inherit}, .patience_s = r->s->patience_s,
                                .auto_disable_on_error = true, .warning = warn, .warning_ctx = r};
    HT_TRY(ht_agent_create(&o, &r->agent, err));
    const ht_trainer trainer = {.ctx = r, .init = init, .validate = validate, .save = save, .load = load, .drop = drop,
                                .send = send_slot, .receive = receive_slot, .mean = mean, .keep_best = keep_best,
                                .now = now};
    ht_agent_bring(r->agent, r->s->member, &trainer);
    return HT_OK;
}

static void release_agent(ht_sim_replica *r)
{
    ht_agent_destroy(r->agent);
    ht_actuators_destroy(r->actuators);
    ht_knobs_destroy(r->knobs);
    ht_metrics_destroy(r->metrics);
    free(r->slots);
    r->agent = NULL;
    r->actuators = NULL;
    r->knobs = NULL;
    r->metrics = NULL;
    r->slots = NULL;
    r->n_slots = r->slots_size = 0;
}

/* ---- a life ----------------------------------------------------------------------------------- */

static bool goes_on(const ht_sim_replica *r)
{
    return !r->dead && !ht_agent_should_stop(r->agent)
           && (ht_agent_is_pooled(r->agent) || r->epoch < r->s->epochs);
}

static void train_epoch(ht_sim_replica *r)
{
    ht_random noise = ht_random_stream(r->s->curves->seed, HT_RANDOM_TRAINING, (uint64_t)r->id,
                                       (uint64_t)r->account.epochs);
    pass(r, epoch_length(r), HT_SPENT_TRAINING);
    if (r->dead)
        return;
    ht_curve_train(r->s->curves, &r->live, r->h, noise);
    r->account.epochs++;
    r->epoch++;
    ht_env env = {.step = (long long)r->epoch * STEPS, .epoch = r->epoch, .loss = objective(r),
                  .max_steps = (long long)r->s->epochs * STEPS, .phase = "val"};
    ht_metrics_set(r->metrics, r->s->recipe->objective.primary, objective(r), NULL);
    r->waits_for = HT_SPENT_REPORTS;
    ht_agent_event(r->agent, HT_VAL_EPOCH_END, &env, NULL);
}

static void live(ht_sim_replica *r)
{
    ht_error err = {""};
    r->epoch = 0;
    r->waits_for = HT_SPENT_START;
    r->live = ht_curve_begin(r->s->curves, 0);
    ht_status st = make_agent(r, &err);
    if (st == HT_OK)
        st = ht_agent_begin(r->agent, &err);
    if (st != HT_OK)
        warn(r, err.text);
    while (st == HT_OK && goes_on(r))
        train_epoch(r);
    if (r->agent != NULL && !r->dead) {
        r->account.untuned |= ht_agent_is_cut(r->agent);
        ht_agent_close(r->agent, NULL);
    }
    release_agent(r);
}

static void body(void *ctx)
{
    ht_sim_replica *r = ctx;
    for (live(r); r->dead && !r->s->over; live(r)) {
        ht_virtual_cut(r->s->v, peer_of(r), false);
        pass(r, r->s->down_s, HT_SPENT_DOWN);
        ht_virtual_cut(r->s->v, peer_of(r), true);      /* what came meanwhile was for the dead one */
        ht_virtual_cut(r->s->v, peer_of(r), false);
        if (r->s->over)
            break;
        r->dead = false;
    }
    r->through = true;
}

void ht_sim_replica_kill(ht_sim_replica *r)
{
    if (r->through || (r->dead && !r->s->over))
        return;
    r->account.deaths += !r->s->over;
    r->dead = true;
    ht_virtual_cut(r->s->v, peer_of(r), true);
}

ht_status ht_sim_replica_create(const ht_surroundings *s, int id, ht_sim_replica **out, ht_error *err)
{
    ht_sim_replica *r = calloc(1, sizeof *r);
    if (r == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for replica %d", id);
    r->s = s;
    r->id = id;
    r->account.speed = speed_of(s, id);
    ht_status st = ht_virtual_spawn(s->v, id + 1, body, r, err);
    if (st == HT_OK)
        *out = r;
    else
        free(r);
    return st;
}

void ht_sim_replica_destroy(ht_sim_replica *r)
{
    free(r);
}

const ht_sim_account *ht_sim_replica_look(const ht_sim_replica *r)
{
    return &r->account;
}
