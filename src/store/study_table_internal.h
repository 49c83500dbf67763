/** @file src/store/study_table_internal.h
 *  What the parts of study_table.h do for each other.
 *
 *      study_file.c    the file, its groups and texts
 *      study_table.c   tables and attributes by their own description
 *      study_cells.c   cells of a table that was read */
#ifndef HT_STORE_STUDY_TABLE_INTERNAL_H
#define HT_STORE_STUDY_TABLE_INTERNAL_H

#include "store/h5.h"
#include "store/study_table.h"

struct ht_study_file {
    hid_t file;
    ht_study_kind kind;
    ht_h5_quiet quiet;
    double room; /* bytes that any object can have */
    char *path;
};

/** < 0: it is not there. External links lead out of the file and are none of ours. */
hid_t ht_study_open_object(const ht_study_file *f, const char *object);
/** HT_EFORMAT with "'<file>': object '<object>' <why>" */
ht_status ht_study_damaged(const ht_study_file *f, const char *object, const char *why, ht_error *err);

#endif
