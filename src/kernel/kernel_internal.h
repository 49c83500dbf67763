/* src/kernel/kernel_internal.h - what the files of the kernel share; nobody else includes it. */
#ifndef HT_KERNEL_INTERNAL_H
#define HT_KERNEL_INTERNAL_H

#include <hottune/hottune.h>

#include "comm/comm.h"
#include "kernel/driver.h"
#include "kernel/group.h"
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
    void *ctx;
} ht_knob_target;

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

    /* how it stands */
    bool usable, begun, closed, fail_on_error;
    bool watches_batches;           /* the fast path of ht_apply looks at this alone */
    ht_group_news news;
    long long step, max_steps;
    ht_result result;
    ht_error message;
    void (*warning)(void *ctx, const char *text);
    void *warning_ctx;
};

#endif
