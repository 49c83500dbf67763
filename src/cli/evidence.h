/** @file src/cli/evidence.h
 *  Evidence of finished runs, gathered from run directories, summaries and studies. */
#ifndef HT_CLI_EVIDENCE_H
#define HT_CLI_EVIDENCE_H

#include "recipe/evolve.h"

typedef struct {
    size_t n, capacity;
    ht_run_evidence *runs;      /**< [n], each owns its evidence */
    size_t bad_lines;           /**< of logs of killed runs that were read */
} ht_evidence_list;

/** Read all sources, several at a time, each in a process of its own. A run counts once, whatever names it; runs are in
 *  the order in which they started, so neither the order of `paths` nor the number of processes matters.
 *  @param readers  processes at most; 0 = one for each processor, 16 at most
 *  @return HT_OK; else what the first source in the order of `paths` that cannot be read is refused with;
 *          the list is to be released all the same */
ht_status ht_evidence_gather(size_t n, char *const *paths, int readers, ht_evidence_list *out, ht_error *err);
void ht_evidence_list_release(ht_evidence_list *l);

/** Whether a source is taken for a study: by its content or its name. */
bool ht_evidence_is_study(const char *path);

#endif
