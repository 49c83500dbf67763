/** @file src/store/file.h
 *  Files as we use them: read whole, replace whole (write aside, sync, rename), append whole lines. */
#ifndef HT_STORE_FILE_H
#define HT_STORE_FILE_H

#include <sys/types.h>
#include <time.h>

#include "base/error.h"
#include "base/json.h"

/** Read a whole file, 0-terminated; owned by the caller (free). `n` may be NULL.
 *  @return HT_OK, HT_ENOTFOUND, HT_EIO, HT_ENOMEM */
ht_status ht_file_read(const char *path, char **text, size_t *n, ht_error *err);

/** Asked when what was written aside is about to replace a file. @return HT_OK, or why it must not */
typedef struct {
    ht_status (*check)(void *ctx, ht_error *err);   /**< NULL: nobody is asked */
    void *ctx;
} ht_file_guard;
ht_status ht_file_guard_ask(const ht_file_guard *g, ht_error *err);     /**< NULL is allowed */

/** Replace a file: written to a temporary name beside it, synced, renamed. A reader sees the old or the
 *  new content, never a part, whatever happens. @return HT_OK, HT_EIO */
ht_status ht_file_replace(const char *path, const char *text, size_t n, ht_error *err);
/** The same, if `guard` (NULL is allowed) lets it. @return HT_OK, HT_EIO, what the guard said */
ht_status ht_file_replace_if(const char *path, const char *text, size_t n, const ht_file_guard *guard, ht_error *err);

/** Write all n bytes where the file stands. @return false with errno set: some of them may have been written */
bool ht_file_put(int fd, const void *bytes, size_t n);
/** Bring a file to the disk, whoever wrote it. @return HT_OK, HT_EIO */
ht_status ht_file_sync(const char *path, ht_error *err);
/** Sync the folder in which `path` lies: a new name survives a crash only then. Best effort. */
void ht_file_sync_folder(const char *path);

/** A temporary name beside `path` for content that is written by others; owned by the caller (free).
 *  NULL: no memory. */
char *ht_file_aside(const char *path);
/** Remove what process `pid`, which is dead or must not replace it any more, left of replacing `path`, and what is older
 *  than an hour, whoever's. Best effort. @param pid  0 = none is known; < 0 = whoever's */
void ht_file_clear_aside(const char *path, long pid);
/** Sync `aside` and rename it to `path`; on failure `aside` is removed. What is there and no regular
 *  file (a device, a pipe, a folder) is never replaced. @return HT_OK, HT_EIO */
ht_status ht_file_publish(const char *aside, const char *path, ht_error *err);
/** The same, if `guard` (NULL is allowed) lets it. */
ht_status ht_file_publish_if(const char *aside, const char *path, const ht_file_guard *guard, ht_error *err);

/** Who writes here: the name of this host, "unknown" if it has none, and whether a process of it exists. */
void ht_host_name(char host[256]);
bool ht_process_exists(long pid);

/** What tells that a file was changed: all three are compared. */
typedef struct {
    bool exists;
    struct timespec modified;
    off_t size;
    ino_t inode;
} ht_file_stamp;
ht_file_stamp ht_file_look(const char *path);
bool ht_file_same(const ht_file_stamp *a, const ht_file_stamp *b);

/** A file of lines that only we append to. */
typedef struct ht_journal ht_journal;
/** Opens for appending (created if missing); a torn last line gets its line feed before the first append.
 *  @return HT_OK, HT_EIO, HT_ENOMEM */
ht_status ht_journal_open(const char *path, ht_journal **out, ht_error *err);
/** Append one line (the line feed is added) by one write. On failure the line is kept and written
 *  before the next one; up to 64 MiB are kept. Not synced: see ht_journal_sync. @return HT_OK, HT_EIO */
ht_status ht_journal_append(ht_journal *j, const char *line, ht_error *err);
/** Append an object as one line with its checksum (base/sum.h). Its number goes on from the file: from the last line there
 *  whose checksum is right. */
ht_status ht_journal_append_json(ht_journal *j, const cJSON *object, ht_error *err);
/** Try again to write what is kept. */
ht_status ht_journal_flush(ht_journal *j, ht_error *err);
ht_status ht_journal_sync(ht_journal *j, ht_error *err);
/** Number of the last object that was appended or is in the file; 0 = there is none with a number. */
unsigned long ht_journal_number(ht_journal *j);
/** Lines that could not be written and are still kept, and that had to be dropped. */
void ht_journal_owed(const ht_journal *j, size_t *kept, size_t *dropped);
void ht_journal_close(ht_journal *j);   /**< NULL is allowed */

#endif
