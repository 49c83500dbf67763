/* src/kernel/kernel.c - open, apply, close: which rank does what; the contract is in hottune.h.
 *
 * Ranks of a run: 0 coordinates, 1 .. n*R train in groups of R; the first of a group leads it. `star` joins
 * the coordinator and the leaders, `team` the ranks of one replica. In one process the coordinator sits
 * behind a loopback and works whenever the agent finds nothing to receive. */
#include "kernel/kernel_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/loopback.h"
#include "comm/mpi_comm.h"
#include "kernel/place.h"

static const double default_patience_s = 60;
#ifdef NDEBUG
static const bool checks_always = false;    /* of transferred training states */
#else
static const bool checks_always = true;
#endif
static const double poll_s = 0.2;           /* between two looks into the run directory, several ranks */
static const double idle_s = 0.05;          /* how long the coordinator waits before it looks up */

const char *ht_version(void)
{
    return HT_VERSION;
}

const char *ht_message(const ht_kernel *k)
{
    return k == NULL ? "" : k->message.text;
}

void ht_kernel_warn(const ht_kernel *k, const char *text)
{
    if (k->warning != NULL)
        k->warning(k->warning_ctx, text);
    else
        ht_driver_print_warning(text);
}

static void warn(void *ctx, const char *text)
{
    ht_kernel_warn(ctx, text);
}

/* ---- open ----------------------------------------------------------------------------------- */

/* What the coordinator met at the start every rank learns; what this rank alone met stays its own. */
static ht_status agree(ht_kernel *k, ht_status mine)
{
    struct {
        int status;
        ht_error err;
        ht_run_start start;
    } verdict = {.status = (int)mine, .err = k->message, .start = k->start};
    if (MPI_Bcast(&verdict, (int)sizeof verdict, MPI_BYTE, 0, k->all) != MPI_SUCCESS)
        return ht_fail(&k->message, HT_ECOMM, "the ranks of the run could not agree on the start");
    k->start = verdict.start;
    if (verdict.status == HT_OK)
        return mine;
    k->message = verdict.err;
    return (ht_status)verdict.status;
}

static ht_status send_up(void *ctx, const void *bytes, size_t n, ht_error *err)
{
    const ht_kernel *k = ctx;
    return ht_comm_send(k->comm, 0, bytes, n, err);
}

static ht_status receive_down(void *ctx, double timeout_s, ht_bytes *out, ht_error *err)
{
    const ht_kernel *k = ctx;
    int from;
    return ht_comm_receive(k->comm, timeout_s, &from, out, err);
}

static ht_status create_replica(ht_kernel *k, const ht_options *o)
{
    HT_TRY(ht_metrics_create(&k->metrics, &k->message));
    HT_TRY(ht_knobs_create(&k->knobs, &k->message));
    HT_TRY(ht_actuators_create(&k->actuators, &k->message));
    ht_actuators_attach_knobs(k->actuators, k->knobs);
    k->group.comm = k->team;
    k->group.local = ht_effector_local(k->actuators);
    HT_TRY(ht_kernel_create_training(k, o->patience_s > 0 ? o->patience_s : default_patience_s));
    if (!k->leads)
        return HT_OK;
    int size = 1;
    if (k->team != MPI_COMM_NULL)
        MPI_Comm_size(k->team, &size);
    const ht_agent_options agent = {
        .link = {k, send_up, receive_down}, .metrics = k->metrics, .actuators = k->actuators,
        .knobs = k->knobs, .keeper = ht_group_keeper(&k->group), .effector = size > 1 ? ht_group_effector(&k->group) : k->group.local,
        .patience_s = o->patience_s > 0 ? o->patience_s : default_patience_s,
        .auto_disable_on_error = !o->fail_on_error, .warning = warn, .warning_ctx = k};
    return ht_agent_create(&agent, &k->agent, &k->message);
}

static ht_status create_driver(ht_kernel *k, const ht_options *o, ht_comm *comm, int ranks_per_replica, double poll,
                               const ht_places *places)
{
    const ht_driver_options driver = {
        .options = o, .n_replicas = k->n_replicas, .ranks_per_replica = ranks_per_replica, .comm = comm,
        .poll_s = poll, .patience_s = o->patience_s > 0 ? o->patience_s : default_patience_s, .places = *places};
    HT_TRY(ht_driver_create(&driver, &k->driver, &k->message));
    ht_coordinator_view v;
    ht_driver_peek(k->driver, &v);
    k->start.pooled = v.recipe->population.mode == HT_POPULATION_POOLED && v.mode == HT_MODE_ACTIVE &&
                      o->max_epochs > 0;
    k->start.ema = v.recipe->objective.ema;
    k->start.owner = ht_driver_owner(k->driver);
    ht_name_copy(k->start.objective, v.recipe->objective.primary);
    return HT_OK;
}

static void pump(void *ctx)
{
    ht_kernel *k = ctx;
    ht_driver_step(k->driver, 0);
}

static ht_status open_alone(ht_kernel *k, const ht_options *o)
{
    k->leads = true;
    k->n_replicas = 1;
    HT_TRY(ht_comm_loopback_create(&k->coordinator_comm, &k->comm, &k->message));
    HT_TRY(create_driver(k, o, k->coordinator_comm, 1, 0, &(ht_places){0}));
    ht_comm_loopback_pump(k->comm, pump, k);
    return create_replica(k, o);
}

static ht_status split(ht_kernel *k, int rank, int size, int per_replica)
{
    int replica = (rank - 1) / per_replica;
    bool coordinates = rank == 0;
    k->n_replicas = (size - 1) / per_replica;
    k->leads = !coordinates && (rank - 1) % per_replica == 0;
    k->replica = coordinates ? -1 : replica;
    if (MPI_Comm_split(k->all, coordinates || k->leads ? 0 : MPI_UNDEFINED, rank, &k->star) != MPI_SUCCESS ||
        MPI_Comm_split(k->all, coordinates ? MPI_UNDEFINED : replica, rank, &k->team) != MPI_SUCCESS)
        return ht_fail(&k->message, HT_ECOMM, "MPI could not split the communicator into replicas");
    return HT_OK;
}

/* Rank 0 stays in here until every replica is done. */
static void coordinate(ht_kernel *k)
{
    while (!ht_driver_is_done(k->driver))
        ht_driver_step(k->driver, idle_s);
}

static ht_status open_many(ht_kernel *k, const ht_options *o, int rank, int size)
{
    int per_replica = o->ranks_per_replica > 0 ? o->ranks_per_replica : 1;
    if ((size - 1) % per_replica != 0)
        return ht_fail(&k->message, HT_EINVAL,
                       "%d ranks cannot be cut into 1 coordinator and replicas of %d ranks; start 1 + %d*n ranks",
                       size, per_replica, per_replica);
    HT_TRY(split(k, rank, size, per_replica));
    ht_places places = {0};
    ht_status st = ht_places_gather(k->all, k->replica, &places, &k->message);
    if (st == HT_OK && k->star != MPI_COMM_NULL)
        st = ht_comm_mpi_create(k->star, &k->comm, &k->message);
    if (st == HT_OK && rank == 0)
        st = create_driver(k, o, k->comm, per_replica, poll_s, &places);
    ht_places_release(&places);
    HT_TRY(agree(k, st));
    return rank == 0 ? HT_OK : create_replica(k, o);
}

/* Forward: it stands with the end of a run. */
static void keep_result(ht_kernel *k);

/* The coordinator's whole part: runs until the replicas are done. */
static ht_status serve(ht_kernel *k)
{
    coordinate(k);
    ht_status st = ht_driver_finish(k->driver, &k->message);
    keep_result(k);
    k->closed = true;
    return st;
}

static bool alone(const ht_options *o, int *rank, int *size)
{
    int running = 0;
    *rank = 0;
    *size = 1;
    if (!o->no_mpi)
        MPI_Initialized(&running);
    if (running) {
        MPI_Comm_rank(o->comm, rank);
        MPI_Comm_size(o->comm, size);
    }
    return *size == 1;
}

static const char *said(const char *variable, const char *given)
{
    const char *text = getenv(variable);
    return given == NULL && text != NULL && text[0] != '\0' ? text : given;
}

/* A job of `hottune job` says where its run lies; a program that was started again in it goes on. The runs of an array
 * share a study and differ in seeds, a generation of a chain has a recipe. */
static ht_options in_job(const ht_options *given)
{
    ht_options o = *given;
    o.run_dir = said("HOTTUNE_JOB_DIR", given->run_dir);
    if (o.run_dir == given->run_dir)
        return o;
    const char *seed = said("HOTTUNE_JOB_SEED", NULL);
    o.resume = true;
    o.study = said("HOTTUNE_JOB_STUDY", given->study);
    o.recipe = said("HOTTUNE_JOB_RECIPE", given->recipe);
    if (o.seed == 0 && seed != NULL)
        o.seed = strtoull(seed, NULL, 10);
    return o;
}

ht_status ht_open(const ht_options *given, ht_kernel **out)
{
    ht_kernel *k = calloc(1, sizeof *k);
    *out = k;
    if (k == NULL)
        return HT_ENOMEM;
    const ht_options job = in_job(given), *options = &job;
    k->all = k->star = k->team = MPI_COMM_NULL;
    k->result = (ht_result){.best = NAN, .best_replica = -1, .val = NAN, .test = NAN};
    k->news.best = NAN;
    k->max_steps = options->max_steps;
    k->max_epochs = options->max_epochs;
    k->checks = options->check_transfers || checks_always;
    k->ema_every = options->ema_every > 0 ? options->ema_every : 1;
    k->run_dir = options->run_dir != NULL ? strdup(options->run_dir) : NULL;
    k->fail_on_error = options->fail_on_error;
    k->warning = options->warning;
    k->warning_ctx = options->warning_ctx;
    k->watches_batches = true;
    int rank, size;
    ht_status st;
    if (alone(options, &rank, &size)) {
        st = open_alone(k, options);
    } else if (MPI_Comm_dup(options->comm, &k->all) != MPI_SUCCESS) {
        st = ht_fail(&k->message, HT_ECOMM, "MPI could not duplicate the communicator");
    } else {
        MPI_Comm_set_errhandler(k->all, MPI_ERRORS_RETURN);
        st = open_many(k, options, rank, size);
    }
    k->usable = st == HT_OK;
    return k->usable && k->replica < 0 ? serve(k) : st;
}

size_t ht_options_size(void)
{
    return sizeof(ht_options);
}

bool ht_is_replica(const ht_kernel *k)
{
    return k->usable && k->replica >= 0;
}

int ht_replica(const ht_kernel *k)
{
    return k->replica;
}

int ht_replicas(const ht_kernel *k)
{
    return k->n_replicas;
}

MPI_Comm ht_replica_comm(const ht_kernel *k)
{
    return k->team;
}

/* ---- the loop ------------------------------------------------------------------------------- */

/* The leader's news, to the ranks that follow it. */
static ht_status tell(ht_kernel *k, ht_error *err)
{
    k->news.stop = ht_agent_should_stop(k->agent);
    k->news.pooled = ht_agent_is_pooled(k->agent);
    k->news.champion = ht_agent_is_champion(k->agent);
    k->news.left = ht_agent_has_left(k->agent);
    k->news.overtaken = ht_agent_is_overtaken(k->agent);
    k->news.acts_on_batches = ht_agent_acts_on_batches(k->agent);
    k->watches_batches = ht_agent_watches_batches(k->agent);
    return k->team != MPI_COMM_NULL ? ht_group_tell(&k->group, &k->news, err) : HT_OK;
}

static ht_status listen(ht_kernel *k, const ht_env *env)
{
    ht_status st = ht_group_follow(&k->group, env, &k->news, &k->message);
    k->watches_batches = k->news.acts_on_batches;
    return st;
}

/* Knobs are named by now: the agent says hello. An operation list may come with the welcome and act on the
 * first train batch: the ranks of a replica must know that before. */
static void begin(ht_kernel *k)
{
    ht_error err = {""};
    k->begun = true;
    ht_knobs_initialize(k->knobs);
    if (ht_kernel_begin_training(k) != HT_OK)
        warn(k, k->message.text);
    if (!k->leads) {
        listen(k, &(ht_env){0});
        return;
    }
    if (ht_agent_begin(k->agent, &err) != HT_OK) {
        k->message = err;
        warn(k, err.text);
    }
    tell(k, &k->message);
}

bool ht_running(ht_kernel *k)
{
    if (k == NULL || !k->usable || k->replica < 0 || k->closed)
        return false;
    if (!k->begun)
        begin(k);
    bool trained = (k->max_steps > 0 && k->step >= k->max_steps) ||
                   (k->max_epochs > 0 && k->epochs >= k->max_epochs);
    return !k->news.stop && (k->news.pooled || !trained);
}

/* Is the reading of the objective at this safe point the best so far? */
static void look_for_best(ht_kernel *k, const ht_env *env)
{
    ht_tuner_state state;
    double value;
    ht_agent_peek(k->agent, &state);
    k->news.is_best = false;
    if (state.recipe == NULL || !ht_metrics_read(k->metrics, state.recipe->objective.primary, &value) ||
        !isfinite(value))
        return;
    bool better = state.recipe->objective.mode == HT_MINIMIZE ? value < k->news.best : value > k->news.best;
    if (better || isnan(k->news.best)) {
        k->news.is_best = true;
        k->news.best = value;
        k->news.best_step = env->step;
    }
}

/* The training may be changed at this event, so all ranks of a replica meet there. All of them know this
 * from the last news. The end of a run counts, too: what is open is rolled back. */
static bool is_together(const ht_kernel *k, ht_event event)
{
    return event == HT_VAL_EPOCH_END || event == HT_RUN_END || k->news.acts_on_batches;
}

static ht_status lead(ht_kernel *k, const ht_env *env, ht_event event)
{
    ht_error err = {""};
    bool together = is_together(k, event);
    if (event == HT_VAL_EPOCH_END) {
        look_for_best(k, env);
        if (k->news.is_best && k->has_state && !k->news.pooled && k->trainer.keep_best(k->trainer.ctx, &err) != HT_OK)
            warn(k, err.text);
    }
    ht_status st = ht_agent_event(k->agent, event, env, &err);
    k->watches_batches = ht_agent_watches_batches(k->agent);
    if (together) {
        ht_status told = tell(k, &err);
        st = st == HT_OK ? told : st;
    }
    if (st != HT_OK)
        k->message = err;
    return st;
}

static ht_status follow(ht_kernel *k, const ht_env *env, ht_event event)
{
    return is_together(k, event) ? listen(k, env) : HT_OK;
}

ht_status ht_apply(ht_kernel *k, const ht_env *env, ht_event event)
{
    if (k == NULL || env == NULL)
        return HT_EINVAL;
    k->step = env->step;
    if (event == HT_TRAIN_BATCH_END) {
        ht_kernel_count_batch(k);
        if (!k->watches_batches)
            return HT_OK;
    }
    if (!k->usable || k->replica < 0 || k->closed)
        return ht_fail(&k->message, HT_EINVAL, "ht_apply needs an open kernel on a rank that trains");
    if (!k->begun)
        begin(k);
    ht_env full = *env;
    if (full.max_steps > 0)
        k->max_steps = full.max_steps;
    else
        full.max_steps = k->max_steps;
    if (event == HT_VAL_EPOCH_END) {
        k->epochs++;
        ht_kernel_validate(k);
        ht_kernel_end_epoch(k);
    }
    ht_status st = k->leads ? lead(k, &full, event) : follow(k, &full, event);
    if (event == HT_VAL_EPOCH_END)
        ht_kernel_begin_epoch(k);
    return k->fail_on_error ? st : HT_OK;
}

bool ht_watches_batches(const ht_kernel *k)
{
    return !k->begun || k->watches_batches || k->training.ema;
}

bool ht_has_left(const ht_kernel *k)
{
    return k != NULL && (k->news.left || (k->driver != NULL && ht_driver_left(k->driver)));
}

bool ht_is_best(const ht_kernel *k)
{
    return k->news.is_best;
}

/* ---- the end -------------------------------------------------------------------------------- */

static void keep_result(ht_kernel *k)
{
    k->result.best = k->news.best;
    k->result.best_step = k->news.best_step;
    k->result.best_replica = k->replica;
    k->result.lost = k->agent != NULL && ht_agent_is_cut(k->agent);
    if (k->driver == NULL)
        return;
    ht_coordinator_view v;
    ht_driver_peek(k->driver, &v);
    const unsigned long *by = v.statistics->by_decision;
    k->result.mutations = v.statistics->total_mutations;
    k->result.accepted = by[HT_DECISION_ACCEPTED];
    k->result.rejected = by[HT_DECISION_REJECTED] + by[HT_DECISION_ROLLED_BACK];
    k->result.lost = v.lost;
    k->result.best = v.has_best ? v.best : NAN;
    k->result.best_step = v.best_step;
    k->result.best_replica = v.has_best ? v.best_replica : -1;
    if (v.has_result) {
        k->result.val = v.result_val;
        k->result.test = v.result_test;
    }
}

ht_status ht_result_of(const ht_kernel *k, ht_result *out)
{
    if (k == NULL || out == NULL)
        return HT_EINVAL;
    *out = k->result;
    if (!k->closed && k->replica >= 0) {
        out->best = k->news.best;
        out->best_step = k->news.best_step;
    }
    return HT_OK;
}

ht_status ht_report_result(ht_kernel *k, double val, double test)
{
    if (k == NULL)
        return HT_EINVAL;
    if (k->agent != NULL)
        ht_agent_result(k->agent, val, test);
    return HT_OK;
}

static ht_status close_replica(ht_kernel *k)
{
    if (!k->begun)
        begin(k);
    ht_env env = {.step = k->step};
    ht_status st = HT_OK;
    if (k->leads) {
        ht_kernel_keep_champion(k);
        st = ht_agent_close(k->agent, &k->message);
        tell(k, NULL);
    } else {
        st = listen(k, &env);
    }
    if (k->news.overtaken)
        st = ht_fail(&k->message, HT_EFAILED, "another start of this run took over");
    if (k->driver != NULL) {
        ht_driver_step(k->driver, 0);
        ht_status finished = ht_driver_finish(k->driver, &k->message);
        st = st == HT_OK ? finished : st;
    }
    keep_result(k);
    return st;
}

ht_status ht_close(ht_kernel *k)
{
    if (k == NULL)
        return HT_EINVAL;
    if (k->closed || !k->usable)
        return HT_OK;
    k->closed = true;
    return close_replica(k);
}

void ht_free(ht_kernel *k)
{
    if (k == NULL)
        return;
    ht_close(k);
    ht_agent_destroy(k->agent);
    ht_actuators_destroy(k->actuators);
    ht_knobs_destroy(k->knobs);
    ht_metrics_destroy(k->metrics);
    ht_kernel_destroy_training(k);
    for (size_t i = 0; i < k->n_targets; i++)
        free(k->targets[i]);
    free(k->targets);
    free(k->run_dir);
    ht_driver_destroy(k->driver);
    ht_comm_destroy(k->comm);
    ht_comm_destroy(k->coordinator_comm);
    if (k->result.lost == 0) {      /* freeing is collective; with a dead rank it would never end */
        MPI_Comm *comms[] = {&k->team, &k->star, &k->all};
        for (size_t i = 0; i < 3; i++)
            if (*comms[i] != MPI_COMM_NULL)
                MPI_Comm_free(comms[i]);
    }
    free(k);
}
