/* src/store/run_record.h - the line of JSON in hottune.lock, and whose it is; run_lock.c alone includes it. */
#ifndef HT_STORE_RUN_RECORD_H
#define HT_STORE_RUN_RECORD_H

#include "store/run_lock.h"

enum {
    HT_RUN_RECORD_LENGTH = 704,     /* bytes of a record, with blanks at its end and a line feed */
    HT_RUN_LEAST_SILENCE_S = 30
};

/* @return false: no memory, or it does not fit */
bool ht_run_record_print(const ht_run_sign *s, bool closed, char bytes[HT_RUN_RECORD_LENGTH + 1]);
/* @return false: this is no record */
bool ht_run_record_read(const char *text, ht_run_sign *out, bool *closed);
/* What stands before `seen` never changes while the owner has the file, and no other owner has the same. "" if `record`
 * is none. */
ht_run_owner ht_run_record_owner(const char *record);
/* Whether the file there still is of this owner. @return HT_OK, also when it cannot be told; HT_EFAILED */
ht_status ht_run_record_check(const char *path, const ht_run_owner *o, ht_error *err);

#endif
