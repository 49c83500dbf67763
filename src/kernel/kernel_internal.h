/* src/kernel/kernel_internal.h - what the files of the kernel share; nobody else includes it. */
#ifndef HT_KERNEL_INTERNAL_H
#define HT_KERNEL_INTERNAL_H

#include <hottune/hottune.h>

#include "comm/comm.h"
#include "kernel/driver.h"
#include "kernel/keeper.h"
#include "population/agent.h"

/* One knob behind a pointer, or behind a setter of the program. */
typedef struct {
    enum { TO_DOUBLE, TO_INT, TO_BOOL, TO_SETTER } kind;
    union {
        double *real;
        long long *whole;
        bool *truth;
        ht_setter set;
    } to;
    bool (*get)(void *ctx, ht_value *out);          /* of a setter; NULL: the program cannot say */
    void *ctx;
    char actuator[HT_NAME_MAX], name[HT_NAME_MAX];  /* as the program calls it */
    char key[HT_NAME_MAX];                          /* in `knobs` */
} ht_knob_target;

/* What every rank knows of the run when it opens. */
typedef struct {
    bool pooled;                    /* asked for */
    double ema;                     /* recipe: objective.ema */
    char objective[HT_NAME_MAX];    /* name of the metric */
    ht_run_owner owner;             /* of the run directory */
} ht_run_start;

struct ht_kernel {
    /* who takes part: all ranks, coordinator and leaders, ranks of this replica */
    MPI_Comm all, star, team;
    ht_comm *comm;                  /* of this rank, in `star` or the loopback */
    ht_comm *coordinator_comm;      /* the coordinator's end of the loopback */
    ht_driver *driver;              /* on the coordinator */
    int replica, n_replicas;        /* replica -1 on the coordinator */
    bool leads;                     /* runs the agent of its replica */

    /* what is tuned */
    ht_metrics *metrics;
    ht_knobs *knobs;
    ht_actuators *actuators;
    ht_knob_target **targets;       /* [n_targets], owned; addresses stay */
    size_t n_targets;
    ht_group group;
    ht_agent *agent;

    /* the training as a whole (training.c) */
    ht_state *state;
    ht_state *own;                  /* what belongs to this rank: the program's, and the counters below */
    ht_rank_state rank_state;
    ht_carrier *carrier;            /* NULL = no peers */
    ht_local_training training;
    ht_trainer trainer;             /* acts on all ranks of the replica */
    ht_run_start start;
    bool has_state, checks;
    char *run_dir;                  /* owned */
    long long batches;              /* since the last epoch's end */
    long long ema_every, ema_due;   /* batches between two updates of the average; since the last one */
    double ema_most;
    double epoch_began, pace;       /* seconds; 0 = not known yet. pace: of an epoch, averaged */

    /* how it stands */
    bool usable, begun, closed, fail_on_error;
    bool watches_batches;           /* the fast path of ht_apply looks at this alone */
    ht_group_news news;
    long long step, max_steps;
    int epochs, max_epochs;         /* validations so far, and when an independent run ends; 0 = not limited */
    ht_result result;
    ht_error message;
    void (*warning)(void *ctx, const char *text);
    void *warning_ctx;
};

/* ---- register.c ----------------------------------------------------------------------------- */

/* Descriptions of the training are refused once it runs. */
ht_status ht_kernel_refuse_late(ht_kernel *k);

/* ---- training.c ----------------------------------------------------------------------------- */

ht_status ht_kernel_create_training(ht_kernel *k, double patience_s);
void ht_kernel_destroy_training(ht_kernel *k);
/* No more is described: tells the agent what this replica brings. */
ht_status ht_kernel_begin_training(ht_kernel *k);
void ht_kernel_count_batch(ht_kernel *k);
/* An epoch is over: the program's validation, if it gave one, becomes the objective. */
void ht_kernel_validate(ht_kernel *k);
/* The run is over: its best weights become a file, if they are here. */
void ht_kernel_keep_champion(ht_kernel *k);
/* Tell the program: on stderr, if it listens nowhere. */
void ht_kernel_warn(const ht_kernel *k, const char *text);
/* Before and after what the leader does at an epoch's end: transfers wait as long as epochs suggest. */
void ht_kernel_end_epoch(ht_kernel *k);
void ht_kernel_begin_epoch(ht_kernel *k);

#endif
