/** @file src/store/database_check.h
 *  Whether a database in Optuna's format is whole.
 *
 *  SQLite finds damage of its pages, not a digit that changed in one. So the trials are compared with the
 * logs, which carry checksums: of a sweep, and of independent replicas. No verb takes results from a
 * database. */
#ifndef HT_STORE_DATABASE_CHECK_H
#define HT_STORE_DATABASE_CHECK_H

#include "store/study_check.h"

/** What SQLite says of the pages. @param[in,out] damaged  goes up by what is @return HT_OK, HT_ENOTFOUND */
ht_status ht_database_check(const char *path, const ht_check_sink *sink, size_t *damaged, ht_error *err);
/** Trials of a directory's database against its logs; where one of them is missing, nothing is compared.
 *  @return HT_OK, HT_EIO, HT_ENOMEM */
ht_status ht_database_compare(const char *dir, const ht_check_sink *sink, size_t *damaged, ht_error *err);

#endif
