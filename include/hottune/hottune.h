/** @file hottune/hottune.h
 *  hottune: tune hyperparameters while a population of trainings runs in one MPI job.
 *
 *  A training opens a kernel, names its knobs and its metric, and calls ht_apply after each step and each
 *  validation. See examples/minimal.c and, for a pooled run, examples/pooled.c: whole programs.
 *
 *  The library acts only inside these calls. It starts no threads, catches no signals, never aborts, never
 *  prints on stdout, and leaves the given communicator and its error handler alone (it works on a
 *  duplicate). Every call returns an ht_status; ht_message says what went wrong, where, and what to do.
 *  Nothing that happens to the tuner fails the training, unless fail_on_error is true. */
#ifndef HOTTUNE_HOTTUNE_H
#define HOTTUNE_HOTTUNE_H

#include <signal.h>

#include <mpi.h>

#include <hottune/types.h>
#include <hottune/version.h>

#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

/** One rank's part in a run. One thread at a time. */
typedef struct ht_kernel ht_kernel;

/** How a run stands, for a progress line. */
typedef struct {
    long long step;             /**< of the replica that is furthest */
    long long epoch;            /**< of the replica that is furthest */
    long long max_steps;        /**< 0 = unknown */
    int replicas;               /**< all */
    int training;               /**< those that are not done */
    double best;                /**< best objective so far; NaN = none yet */
    unsigned long accepted;     /**< mutations kept */
    unsigned long rejected;     /**< mutations taken back */
    double elapsed_s;           /**< seconds since this start of the run */
    int lost;                   /**< replicas that are lost */
    int best_replica;           /**< whose `best` is; -1 = nobody's */
    int islands;                /**< of a pooled run, that go on; 0 = none (yet) */
    double done;                /**< share of the run's budget that is used, 0 .. 1; NaN = not known */
    double epochs;              /**< that all replicas together have trained */
    double epochs_total;        /**< that they are to train by the budget; 0 = not known */
    double utilisation;         /**< share of their time in which the replicas of a pooled run trained; NaN = not known */
    const char *stage;          /**< of a pooled run: "race", "segments", "rung 2", "done", ..; else NULL. Borrowed for the call */
} ht_progress;

/** How to open a kernel. Members not given are 0 / NULL and mean the default. Texts are needed during ht_open
 *  only. */
typedef struct {
    MPI_Comm comm;              /**< ranks of the run: rank 0 coordinates, the others train; a communicator
                                     of one rank does both. Not given (0) with `no_mpi`. */
    bool no_mpi;                /**< one replica in this process, MPI is not touched */
    int ranks_per_replica;      /**< R: replicas are groups of R consecutive ranks; default 1 */
    const char *run_dir;        /**< created if missing; NULL: as the environment variable HOTTUNE_JOB_DIR
                                     says (hottune job sets it), and then `resume` counts as true; one of them
                                     is required. In that case HOTTUNE_JOB_STUDY, _RECIPE, _SEED, which the
                                     runs of an array or a chain have (hottune submit), stand for what is not
                                     given of study, recipe, seed */
    const char *recipe;         /**< path of the recipe; NULL: looked for in the run directory */
    const char *recipe_text;    /**< the recipe itself, YAML or JSON; used when no recipe file is found */
    const char *study;          /**< path of the study; NULL: study.h5 in the run directory. An existing
                                     study supplies evolved priors */
    const char *name;           /**< of the problem, for the study; NULL = "" */
    unsigned long long seed;    /**< of every random decision; the recipe's search.seed if that is given */
    long long max_steps;        /**< optimiser steps of one replica; 0: said later by ht_env.max_steps */
    int max_epochs;             /**< validation epochs of one replica: the budget of a pooled run is this
                                     times the replicas; one that is not pooled ends after them. 0: not
                                     limited, not pooled */
    const char *recipe_set;     /**< fields of the recipe to set, "population.merge=off search.gamma=0.2";
                                     NULL = none */
    const char *recipe_unless_given;    /**< the same for fields that the recipe does not give; NULL = none */
    int ema_every;              /**< batches between two updates of the averaged weights, for large models;
                                     default 1 */
    bool check_transfers;       /**< a checksum follows every training state that moves between replicas;
                                     builds without NDEBUG always do it */
    /** Told at the start, in lines, on the coordinator: who runs where (several ranks), what the study holds,
     *  what a pooled run will do and why, or `not pooled: ..`. NULL: only the latter, as a warning. */
    void (*plan)(void *ctx, const char *text);
    void *plan_ctx;             /**< passed to `plan` */
    const char *mode;           /**< "off", "observe", "suggest", "active", "replay"; NULL: as hotcb.yaml
                                     says, else "active" */
    const char *replay;         /**< mutation log for mode replay */
    bool resume;                /**< go on with the unfinished run in run_dir, if there is one; else a new
                                     run begins */
    const char *program;        /**< what the program wants to know when it resumes a run: kept in the
                                     journal; NULL = nothing */
    double checkpoint_s;        /**< seconds between two checkpoints of a pooled run; 0: as often as costs it
                                     at most a fiftieth of its time, not more often than every 2 s; < 0 =
                                     none */
    unsigned long long checkpoint_bytes;    /**< what checkpoints may take on disk; 0 = not limited */
    /** Looked at on the coordinator: once it is not 0 (set it in a handler of SIGTERM, say) a checkpoint is
     *  made and all trainings end: ht_has_left. NULL = never. Borrowed until ht_close. */
    const volatile sig_atomic_t *leave;
    double end_time;            /**< when this job ends, seconds since 1970: the coordinator begins to leave,
                                     as if asked to, so much earlier that the last checkpoint and the study
                                     can be written, which it measures; a run that is about to end goes on. 0:
                                     what SLURM_JOB_END_TIME says, else not known; < 0: not known */
    double patience_s;          /**< longest wait for a peer; 0 = 60 s */
    bool fail_on_error;         /**< a failure of the tuner is returned by ht_apply (and tuning goes on)
                                     instead of switching tuning off */
    void (*warning)(void *ctx, const char *text);   /**< told each warning once; NULL: written to stderr */
    void *warning_ctx;          /**< passed to `warning` */
    /** Called on the coordinator several times a second while the run goes on; may be NULL. */
    void (*progress)(void *ctx, const ht_progress *p);
    void *progress_ctx;         /**< passed to `progress` */
    /** Told on the coordinator what happens, in lines: a race is over, islands go on, a replica is lost or back, somebody
     *  set something. All of them, and routine ones besides, stand in events.log. NULL: nobody is told. */
    void (*event)(void *ctx, const char *text);
    void *event_ctx;            /**< for `event` */
} ht_options;

/** Open a kernel. **Collective** over options->comm.
 *  @param options   borrowed for the call, but for what says otherwise
 *  @param[out] out  the kernel, owned by the caller (ht_free); set also on failure unless memory ran
 *                   out, so that ht_message can say why; ht_running is false with it, and it can be freed
 *  @return HT_OK; HT_EINVAL, HT_ENOTFOUND, HT_EFORMAT (recipe), HT_EIO (run directory), HT_ECOMM; the
 *          same on every rank */
ht_status ht_open(const ht_options *options, ht_kernel **out);

/** sizeof(ht_options). Bindings of other languages mirror the struct: they refuse a library with another. */
size_t ht_options_size(void);

/** The message of the last failure of a call with this kernel; "" if there was none. NULL is allowed. */
const char *ht_message(const ht_kernel *k);

/** This rank trains (the coordinator of a run with several ranks does not). */
bool ht_is_replica(const ht_kernel *k);
int ht_replica(const ht_kernel *k);         /**< 0, 1, ..; -1 on the coordinator */
int ht_replicas(const ht_kernel *k);        /**< replicas in the run */
/** The ranks of this rank's replica, for data-parallel training; MPI_COMM_NULL with no_mpi or on the
 *  coordinator. Borrowed: do not free. */
MPI_Comm ht_replica_comm(const ht_kernel *k);

/** @name What can be changed
 *  All of this before the first ht_apply or ht_running. In a replica of several ranks: the same calls on
 *  each of its ranks. A name that is taken is refused.
 *  @{ */

/** The scale on which a knob's changes are meant. */
typedef enum { HT_LINEAR, HT_LOG } ht_knob_scale;

/** A knob behind a pointer: `actuator` is the recipe's name ("opt", "loss", ..), `name` the knob's
 *  ("lr": families lr_mult, lr_set, lr_delta under `mutations`, or lr under `keys`). lo..hi is its hard
 *  range. `value` is borrowed until ht_close and written only inside ht_apply. */
ht_status ht_knob_double(ht_kernel *k, const char *actuator, const char *name, double *value,
                         ht_knob_scale scale, double lo, double hi);
/** The same for an integer. */
ht_status ht_knob_int(ht_kernel *k, const char *actuator, const char *name, long long *value, long long lo,
                      long long hi);
/** The same for a switch. */
ht_status ht_knob_bool(ht_kernel *k, const char *actuator, const char *name, bool *value);

/** How a value gets into the training when a pointer is not enough. */
typedef ht_status (*ht_setter)(void *ctx, const ht_value *value, const ht_env *env, ht_error *err);

/** A knob behind a setter. */
typedef struct {
    const char *actuator;           /**< the recipe's name */
    const char *name;               /**< of the knob */
    const char *type;               /**< "float", "log_float", "int", "bool", "choice", "tuple" */
    ht_value initial;               /**< its value now */
    bool bounded;                   /**< lo..hi are given (numbers) */
    double lo;                      /**< least value */
    double hi;                      /**< greatest value */
    const ht_value *choices;        /**< [n_choices], copied; type choice */
    size_t n_choices;               /**< length of `choices` */
    const char *metric;             /**< metric that shows the value, for verification; may be NULL */
    ht_setter set;                  /**< called inside ht_apply only */
    void *ctx;                      /**< passed to `set` and `get` */
    bool (*get)(void *ctx, ht_value *out);  /**< what the training holds now, where a schedule may move it:
                                                 `out` comes empty; NULL: what was set last */
} ht_knob_options;
/** A knob behind a setter. `o` is borrowed for the call.
 *  @return HT_OK; HT_EINVAL: type, range, choices, name */
ht_status ht_knob(ht_kernel *k, const ht_knob_options *o);

/** A parameter group of an optimizer, by pointers that are borrowed until ht_close. */
typedef struct {
    double *lr;             /**< learning rate */
    double *base_lr;        /**< base rate of a scheduler, changed along with lr; may be NULL */
    double *weight_decay;   /**< may be NULL */
    double *betas;          /**< [2]; may be NULL */
} ht_optimizer_group;
/** The optimizer's parameter groups as an actuator with the families lr_mult, lr_set, wd_mult, wd_set,
 *  betas_set, which act on every group.
 *  @param k         the kernel
 *  @param actuator  the recipe's name, "opt"
 *  @param groups    [n], copied; what they point at is not
 *  @param n         at least 1 */
ht_status ht_optimizer(ht_kernel *k, const char *actuator, const ht_optimizer_group *groups, size_t n);

/** An actuator of the program's own. `ops` is copied, `self` borrowed until ht_close. */
ht_status ht_actuator(ht_kernel *k, const char *name, const ht_actuator_ops *ops, void *self);

/** @} */
/** @name The training as a whole: what makes a pooled run possible
 *  All of this before the first ht_apply or ht_running, the same on every rank. In a pooled run
 *  (population.mode: pooled) the population deals out the training: inside ht_running and ht_apply it may
 *  begin a training anew, give this replica the state of another one, set knobs, and average. A program needs
 *  no other change than these calls; its loop is `while (ht_running(k))`, an epoch is what lies between two
 *  HT_VAL_EPOCH_END.
 *  @{ */

/** The buffers of the training state: weights, moments of the optimizer, step count.
 *  Leave out the random state of batches and noise, seed it by ht_replica, and give it to ht_replica_state:
 *  with it in the state, copies train exactly alike, and an island that goes back to its root repeats itself.
 *  Buffers are borrowed until ht_free; read and written inside ht_running, ht_apply and ht_show_best only.
 *  May be called several times. In a replica of several ranks each of them has the same state: what comes
 *  from elsewhere is the leader's.
 *  @return HT_OK; HT_EINVAL: no data, a name that is taken, a mean of integers */
ht_status ht_training_state(ht_kernel *k, const ht_state_buffer *buffers, size_t n);
/** A part of the state that only callbacks can read and write (on a GPU): `bytes` bytes, copied as they are.
 *  The library keeps one staging copy. */
ht_status ht_training_part(ht_kernel *k, const char *name, size_t bytes,
                           ht_status (*get)(void *ctx, void *to),
                           ht_status (*put)(void *ctx, const void *from), void *ctx);
/** The buffers of the training state are copies of what lives elsewhere (on a GPU, in another process).
 *  `fetch` is called before the library reads buffers: what the training holds now goes into them; `store`
 *  after it wrote them: the training takes them over. Without averages (objective.ema, or ema_every large)
 *  that is at epochs' ends only. Both are called inside ht_running, ht_apply and ht_show_best; one that fails
 *  is a state that could not be moved. */
ht_status ht_training_mirror(ht_kernel *k, ht_status (*fetch)(void *ctx, ht_state_extent what),
                             ht_status (*store)(void *ctx, ht_state_extent what), void *ctx);
/** What belongs to this rank and not to its training state: random state of batches and noise, position in
 *  the data, the loop's own counters (steps and epochs so far). Never goes to another replica; checkpoints
 *  have it, and a run that is resumed writes it back inside the first ht_running. Buffers as above; their
 *  `use` is not looked at. */
ht_status ht_replica_state(ht_kernel *k, const ht_state_buffer *buffers, size_t n);
/** How to begin anew: fresh weights, zero moments, step 0; the same on any replica for the same seed. Without
 *  it the population cannot race candidates, and starts from the present values. */
ht_status ht_on_init(ht_kernel *k, ht_status (*init)(void *ctx, unsigned long long seed), void *ctx);
/** The validation: the objective of the present weights; deterministic, no effect on the training. The
 *  library calls it at each HT_VAL_EPOCH_END, with the averaged weights in place (objective.ema), and reports
 *  the result as the objective: the program need not. It may call ht_metric for more. In a replica of several
 *  ranks it is called on all of them. */
ht_status ht_on_validate(ht_kernel *k, ht_status (*validate)(void *ctx, double *objective), void *ctx);
/** Write the best weights that this replica validated into the buffers with is_weights.
 *  @return HT_OK; HT_EEMPTY: none were kept */
ht_status ht_show_best(ht_kernel *k);
/** The run was written down and is to be resumed by another job: what ended here is no result. A program says
 *  so by its exit code, 75 for schedulers that start it again. Known when ht_running is false, and on the
 *  coordinator when ht_open has returned. If ht_close (on the coordinator ht_open) fails with HT_EFAILED
 *  then, another start of the run has taken over already: end with another code than 75. */
bool ht_has_left(const ht_kernel *k);
/** After the end of a pooled run: the best weights of the whole run are this replica's (ht_show_best). In a
 *  replica of several ranks true on all of them: let one of them save. */
bool ht_is_champion(const ht_kernel *k);

/** @} */
/** @name What is observed
 *  @{ */

/** Report a metric. It holds until it is reported again. */
ht_status ht_metric(ht_kernel *k, const char *name, double value);
/** Or let the library ask: return false if the metric is unknown now. */
ht_status ht_metric_source(ht_kernel *k, bool (*accessor)(void *ctx, const char *name, double *out),
                           void *ctx);

/** @} */
/** @name The loop
 *  @{ */

/** More to train: false once max_steps or max_epochs are done (in a pooled run: once the population ends it),
 *  the coordinator asked to stop, or on the coordinator. The first ht_running or ht_apply says hello to the
 *  coordinator; in a replica of several ranks it is **collective** over its ranks. */
bool ht_running(ht_kernel *k);

/** Tell what happened. At HT_VAL_EPOCH_END, the safe point, knobs may change before it returns; it waits
 *  for the coordinator, at most patience_s. In a replica of several ranks: **collective** over its ranks
 *  at HT_VAL_EPOCH_END and HT_RUN_END, and at each event while a recorded operation list drives the run;
 *  so all of its ranks tell the same events in the same order. */
ht_status ht_apply(ht_kernel *k, const ht_env *env, ht_event event);

/** false: until the next event of another kind an HT_TRAIN_BATCH_END changes nothing but the step that
 *  ht_running looks at, so that a program for which calls are dear may leave it out (mode off, no averaged
 *  weights). */
bool ht_watches_batches(const ht_kernel *k);

/** The best objective of this replica so far was read at the last HT_VAL_EPOCH_END: the moment to keep
 *  a copy of the weights, in an independent run. In a pooled one other weights may be in place after
 *  ht_apply; the library keeps the best itself (ht_show_best). A program that resumes a run asks once after
 *  its first ht_running: the checkpoint was made inside that ht_apply. */
bool ht_is_best(const ht_kernel *k);

/** Tell what this replica's best state is worth, once, before ht_close: its objective and the same on
 *  test data (NaN = unknown). The coordinator keeps that of the best replica in the study. */
ht_status ht_report_result(ht_kernel *k, double val, double test);

/** What the run came to. Complete on the coordinator once ht_open has returned there (with one process:
 *  after ht_close); on other ranks only `best` and `best_step` are known, of this replica, also while it trains. */
typedef struct {
    unsigned long mutations;    /**< changes that were made */
    unsigned long accepted;     /**< of them kept */
    unsigned long rejected;     /**< of them taken back; counts rolled-back segments, too */
    double best;            /**< best objective read at a safe point; NaN = none */
    long long best_step;    /**< where it was read */
    int best_replica;       /**< which replica read it */
    double val;             /**< its objective as reported (ht_report_result); NaN = not reported */
    double test;            /**< the same on test data */
    int lost;               /**< replicas that were lost; on a replica: 1 = the coordinator fell silent */
} ht_result;
/** Read it. @return HT_OK */
ht_status ht_result_of(const ht_kernel *k, ht_result *out);

/** End the run: judge what is open, write the summary and the study. **Collective** over the
 *  communicator. @return HT_OK, or what could not be written. The kernel stays for ht_result_of and
 *  ht_message until ht_free. */
ht_status ht_close(ht_kernel *k);
/** Free the kernel (closes it first if need be). NULL is allowed. */
void ht_free(ht_kernel *k);
/** @} */

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
