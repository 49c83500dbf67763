/** @file src/cli/top_files.h
 *  The files of a run directory, read for a ht_top_model as they grow.
 *
 *  Only looks: opens for reading, takes no lock and leaves nothing. A log is read from where the last look
 * ended, a page when it was changed. What is missing, torn or being replaced is no failure; a log that was
 * cut or replaced is read anew, with all others. */
#ifndef HT_CLI_TOP_FILES_H
#define HT_CLI_TOP_FILES_H

#include "cli/top_model.h"
#include "store/file.h"

typedef struct {
    const char *name;
    int log;    /**< ht_top_log; -1 = events.log */
    char *path; /**< owned */
    ino_t inode;
    off_t offset, size;   /**< read so far, of so many */
    unsigned long number; /**< of the last line that has one */
    bool skips;           /**< inside a line that is too long */
} ht_top_tail;

typedef struct {
    const char *name;
    void (*take)(ht_top_model *m, const cJSON *page);
    char *path; /**< owned */
    ht_file_stamp stamp;
} ht_top_page;

enum { HT_TOP_TAILS = 6, HT_TOP_PAGES = 4 };

typedef struct {
    const char *dir; /**< borrowed */
    ht_top_tail tails[HT_TOP_TAILS];
    ht_top_page pages[HT_TOP_PAGES];
    size_t bad;        /**< lines that are no object, or whose checksum is wrong */
    ht_error trouble; /**< what is wrong with a page now; "" = nothing */
} ht_top_files;

/** @return HT_OK, HT_ENOMEM */
ht_status ht_top_files_init(ht_top_files *f, const char *dir, ht_error *err);
void ht_top_files_release(ht_top_files *f);
/** Look once; of each log at most 4 MiB are read. @return true: all that is there was read */
bool ht_top_files_look(ht_top_files *f, ht_top_model *m);
/** Share of the logs that was read, 0 .. 1. */
double ht_top_files_share(const ht_top_files *f);

#endif
