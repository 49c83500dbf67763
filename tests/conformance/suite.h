/** @file tests/conformance/suite.h
 *  A suite runs one case of one file of recorded cases and reports what differs.
 *
 *  To add a suite: a function here, a row in the table of conformance.c, the code in suite_<layer>.c. */
#ifndef CONFORMANCE_SUITE_H
#define CONFORMANCE_SUITE_H

#include "base/json.h"

/** One case under way. */
typedef struct {
    const char *file;       /**< name of the file without ".json" */
    const char *id;         /**< of the case */
    unsigned differences;   /**< reported so far */
} report;

typedef void suite_case(report *r, const cJSON *test);

suite_case run_recipe_roundtrip, run_set_override, run_cli_kv;
suite_case run_phase_bin, run_score_segment, run_evaluate_segment, run_safety_blockers, run_constraints,
    run_cooldown_sequences, run_actuator_validate_apply;
suite_case run_controller_traces;

/** Report a difference: where (step is "" for cases of one step), what ought to be, what is. */
void differ(report *r, const char *step, const char *field, const char *expected, const char *got);

/** The outcome `name` of a case: of a marked case that of `instead`, which replaces all outcomes. NULL if there
 *  is none. */
const cJSON *outcome(const cJSON *test, const char *name);

#endif
