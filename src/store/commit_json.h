/** @file src/store/commit_json.h
 *  A commit as JSON text and back, for commit.c. */
#ifndef HT_STORE_COMMIT_JSON_H
#define HT_STORE_COMMIT_JSON_H

#include "store/commit.h"

/** @return owned by the caller (free); NULL, or a text that lacks something, when memory ran out */
char *ht_commit_print(const ht_commit *c);

/** @param[out] out  owned by the caller (ht_commit_release); untouched on failure
 *  @return HT_OK; HT_EFORMAT: err says what is wrong; HT_ENOMEM */
ht_status ht_commit_parse(const char *text, ht_commit *out, ht_error *err);

#endif
