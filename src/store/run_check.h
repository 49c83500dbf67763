/** @file src/store/run_check.h
 *  Whether the files of a run directory that are not HDF5 are whole: logs line by line, pages, the database
 * of a sweep.
 *
 *  Lines and pages of older versions carry no checksums, so a digit that changed in one of them is found only where the file
 *  is compared with another: segments with the summary and with the study. */
#ifndef HT_STORE_RUN_CHECK_H
#define HT_STORE_RUN_CHECK_H

#include "store/study_check.h"

/** Check every file of these kinds that is in `dir`. The object of a finding is the name of the file.
 *  @param study  the study of the run, for the comparison; NULL = none that is whole
 *  @return HT_OK: whole; HT_EFORMAT: the findings say what is damaged; HT_EIO, HT_ENOMEM */
ht_status ht_run_check(const char *dir, const ht_study_file *study, const ht_check_sink *sink, ht_error *err);

/** Check one file by its name: .jsonl and .log as lines, .json and .lock as a page, .sqlite as a database.
 *  @param lives  a last line that is torn is being written
 *  @return as above; HT_EINVAL: none of these names; HT_ENOTFOUND */
ht_status ht_run_check_file(const char *path, bool lives, const ht_check_sink *sink, ht_error *err);

#endif
