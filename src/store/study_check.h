/** @file src/store/study_check.h
 *  Whether a study, a part of one, the file of a sweep or a champion is whole, object by object.
 *
 *  HDF5 reads damaged files, and has crashed and hung on some: whoever checks a file that nobody vouches for
 * does it in a process of its own. */
#ifndef HT_STORE_STUDY_CHECK_H
#define HT_STORE_STUDY_CHECK_H

#include "store/study_table.h"

typedef enum {
    HT_CHECK_WHOLE,
    HT_CHECK_NOTE, /**< no damage, but worth to know: an object that we do not know, a missing seal */
    HT_CHECK_DAMAGED
} ht_check_verdict;

/** Where the findings go. */
typedef struct {
    /** @param object  path in the file; "" = the file as a whole */
    void (*say)(void *ctx, ht_check_verdict verdict, const char *object, const char *what);
    void (*alive)(void *ctx); /**< called now and then while a large object is read; may be NULL */
    void *ctx;
} ht_check_sink;

/** Check one file: seal, kind and version, every attribute, every row (HDF5 checks its checksums), and
 * whether its tables fit each other. Goes on after damage as far as it can.
 *  @return HT_OK: whole; HT_EFORMAT: the findings say what is damaged; HT_ENOTFOUND, HT_EIO, HT_ENOMEM */
ht_status ht_study_check(const char *path, const ht_check_sink *sink, ht_error *err);

/** The rules that bind tables together; a part of ht_study_check. @return how many are broken */
size_t ht_study_check_rules(const ht_study_file *f, const ht_check_sink *sink);

#endif
