/** @file src/cli/submit_record.h
 *  submit.json in the directory of a job or campaign: what was submitted, and which job does what.
 *
 *      {"format": "hottune-submit", "version": 1, "command": "hottune --dir D submit ..", "directory":
 *      "/abs/D", "submitted": 1795698853.2, "replicas": 8, "nodes": 2, "max_requeues": 5, "array": 4,
 *      "chain": 3, "jobs": [{"id": "12", "role": "population", "generation": 1}, {"id": "13", "role":
 *      "evolve", "generation": 1}, ..]}
 *
 *  `array` and `chain` are null where there is none, so is `generation`. The elements 0 .. array - 1 of a
 *  job are its runs. */
#ifndef HT_CLI_SUBMIT_RECORD_H
#define HT_CLI_SUBMIT_RECORD_H

#include "cli/submit_plan.h"

#define HT_FILE_SUBMIT "submit.json"
#define HT_ROLE_POPULATION "population"
#define HT_ROLE_EVOLVE "evolve"

/** The record without jobs; owned by the caller. NULL: no memory. */
cJSON *ht_submit_record_create(const ht_submit_plan *p, double now);
/** @param generation  0 = there is no chain */
void ht_submit_record_add(cJSON *record, const char *id, const char *role, long long generation);

/** Replace the file. @return HT_OK, HT_EIO, HT_ENOMEM */
ht_status ht_submit_record_write(const char *dir, const cJSON *record, ht_error *err);
/** Read it. @param[out] out  owned by the caller; untouched on failure
 *  @return HT_OK; HT_ENOTFOUND: nothing was submitted here; HT_EFORMAT, HT_EIO, HT_ENOMEM */
ht_status ht_submit_record_read(const char *dir, cJSON **out, ht_error *err);

/** Numbers of all jobs, [*n], borrowed from the record; the list is owned by the caller (free). NULL: none,
 *  or no memory */
const char **ht_submit_record_ids(const cJSON *record, size_t *n);
/** The job of this role and generation; NULL = none. */
const char *ht_submit_record_job(const cJSON *record, const char *role, long long generation);

#endif
