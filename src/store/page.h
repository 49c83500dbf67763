/** @file src/store/page.h
 *  A whole file that is rewritten again and again: the newest content waits until it may be written.
 *
 *  Replacing a file costs a sync. A page spends at most a twentieth of the time on that, however slow the
 *  disk is, and keeps what could not be written. */
#ifndef HT_STORE_PAGE_H
#define HT_STORE_PAGE_H

#include "base/error.h"
#include "base/json.h"
#include "store/file.h"

typedef struct {
    char *path;             /**< owned */
    const ht_file_guard *guard;     /**< asked before the file is replaced; borrowed; NULL = nobody is */
    char *text;             /**< newest content that is not written; owned; NULL = none */
    double next;            /**< not before this moment, on the clock of `now` */
    ht_error failure;       /**< of the last write; empty = it succeeded */
} ht_page;

/** @return HT_OK, HT_ENOMEM */
ht_status ht_page_init(ht_page *p, const char *dir, const char *name, const ht_file_guard *guard, ht_error *err);
void ht_page_release(ht_page *p);   /**< what waits is dropped */

/** New content; taken. NULL (no memory) leaves what is there. */
void ht_page_put(ht_page *p, char *text);
/** It may be written now: nothing was written shortly before. */
bool ht_page_may(const ht_page *p, double now);
/** Write what waits, if it may be written now, or `at_once`.
 *  @return HT_OK; HT_EIO: the last write failed, now or before, and what waits is kept */
ht_status ht_page_flush(ht_page *p, double now, bool at_once, ht_error *err);

/** Read a page, or any file that holds one JSON object, and verify its checksum (base/sum.h) if it has one;
 * those of older versions and other programs have none. @param[out] out  without the checksum; owned by the
 * caller; untouched on failure
 *  @return HT_OK; HT_EFORMAT: damaged, or no JSON; HT_ENOTFOUND, HT_EIO, HT_ENOMEM; err names the file */
ht_status ht_page_read(const char *path, cJSON **out, ht_error *err);
/** As ht_page_read, of a text. `name` is for the message. */
ht_status ht_page_parse(const char *text, const char *name, cJSON **out, ht_error *err);

#endif
