/** @file src/cli/faults.h
 *  Failures that a user of `hottune run` asks for, to see how a population bears them.
 *
 *  Both options are lists of REPLICA:NUMBER with commas between: `--slow 1:10,3:4` and `--nan 2:15`. */
#ifndef HT_CLI_FAULTS_H
#define HT_CLI_FAULTS_H

#include "cli/args.h"
#include "workload/workload.h"

/** What the options say of one replica. Every rank reads the whole lists, so that all come to one verdict.
 *  @param      replica  0 .. replicas-1, or -1: only check
 *  @param[out] o        `slow` and `nan_at` are set where something is said of this replica
 *  @return HT_OK; HT_EINVAL: a list is not well formed, or names a replica that the run does not have */
ht_status ht_faults_read(const ht_args *args, int replicas, int replica, ht_workload_options *o,
                         ht_error *err);

#endif
