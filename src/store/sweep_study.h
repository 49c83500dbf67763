/** @file src/store/sweep_study.h
 *  A sweep as an HDF5 file, study.h5 in its directory. Layout: docs/study-format.md.
 *
 *  The file is made anew from the log of the sweep (sweep_log.h) whenever it is published: built in memory,
 *  written beside the old one, synced, renamed. A reader always sees a whole file, and a file that is lost
 *  comes back; a sweep never goes on from it. */
#ifndef HT_STORE_SWEEP_STUDY_H
#define HT_STORE_SWEEP_STUDY_H

#include "search/space.h"

#define HT_SWEEP_FORMAT "hottune-sweep"
enum { HT_SWEEP_VERSION = 1 };

/** What is known of a sweep besides its trials. Borrowed. */
typedef struct {
    const char *name;           /**< of the space, as the user wrote it */
    const char *space_text;     /**< the space, YAML or JSON, as it was read */
    unsigned long long seed;
    bool maximize;
} ht_sweep_study;

/** Whether ht_sweep_study_publish may write into a directory: there is no study.h5, or that of a sweep.
 *  @return HT_OK; HT_EREFUSED: another file, or a damaged one; HT_ENOMEM */
ht_status ht_sweep_study_fits(const char *dir, ht_error *err);

/** Write the file: all trials of the log in `dir`.
 *  @return HT_OK; HT_EREFUSED: as above, the file is untouched; HT_EFORMAT: the log does not fit the space;
 *          HT_EIO, HT_ENOMEM */
ht_status ht_sweep_study_publish(const char *dir, const ht_space *space, const ht_sweep_study *study,
                                 ht_error *err);

#endif
