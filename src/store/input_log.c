/* src/store/input_log.c - writes the journal of the coordinator's inputs; the contract is in input_log.h.
 *
 * What is appended lies in `owed` until the disk has it: the log is the file up to `end`, then `owed`. It is
 * put at `end`, not appended: what a full disk took in part is gone on with or written over.
 * May touch: the log, <path>.repeated. */
#include "store/input_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "store/file.h"
#include "store/file_cut.h"
#include "store/input_record.h"

enum { OWED_MAX = 64 << 20 };

struct ht_input_log {
    int fd;
    char *path;          /* owned */
    ht_input_extent all; /* with what is owed */
    uint64_t end;        /* the file is right up to here */
    ht_string owed;      /* to be written at `end` */
    bool lost;
};

/* @return whether n bytes may be owed on top of what is; a record that comes to an empty log always may */
static bool fits(const ht_input_log *log, size_t n)
{
    return log->owed.n == 0 || (n <= OWED_MAX && log->owed.n <= OWED_MAX - n);
}

/* @return false: no memory; what was owed before is still whole */
static bool owe(ht_input_log *log, const void *bytes, size_t n)
{
    if (n > 0)
        ht_string_add_bytes(&log->owed, bytes, n);
    bool done = !log->owed.failed;
    log->owed.failed = false;
    return done;
}

static ht_status open_log(const char *path, int flags, ht_input_log **out, ht_error *err)
{
    ht_input_log *log = calloc(1, sizeof *log);
    if (log == NULL || (log->path = strdup(path)) == NULL) {
        free(log);
        return ht_fail(err, HT_ENOMEM, "no memory for '%s'", path);
    }
    log->fd = open(path, O_RDWR | O_CLOEXEC | flags, 0666);
    if (log->fd < 0) {
        ht_status st = ht_fail(err, HT_EIO, "cannot open '%s': %s", path, strerror(errno));
        ht_input_log_close(log);
        return st;
    }
    *out = log;
    return HT_OK;
}

/* A log without records; its head is owed. */
static ht_status begin(ht_input_log *log, ht_error *err)
{
    unsigned char head[HT_INPUT_FILE_HEAD];
    ht_input_file_head(head);
    log->all = (ht_input_extent){.bytes = HT_INPUT_FILE_HEAD,
                                 .sum = ht_input_get(head + HT_INPUT_FILE_HEAD_CHECKED, 8)};
    return owe(log, head, sizeof head) ? HT_OK : ht_fail(err, HT_ENOMEM, "no memory for '%s'", log->path);
}

ht_status ht_input_log_create(const char *path, ht_input_log **out, ht_error *err)
{
    ht_input_log *log = NULL;
    struct stat there;
    if (stat(path, &there) == 0 && S_ISREG(there.st_mode) && unlink(path) != 0)
        return ht_fail(err, HT_EIO, "cannot begin '%s' anew: %s", path, strerror(errno));
    HT_TRY(open_log(path, O_CREAT | O_TRUNC, &log, err));
    ht_status st = begin(log, err);
    if (st == HT_OK)
        st = ht_input_log_flush(log, err);
    if (st == HT_OK) {
        ht_file_sync_folder(path);
        *out = log;
    } else {
        ht_string_release(&log->owed);
        ht_input_log_close(log);
    }
    return st;
}

ht_status ht_input_log_reopen(const char *path, uint64_t records, bool anew, const ht_file_guard *guard,
                              ht_input_log **out, ht_error *err)
{
    ht_input_extent have;
    HT_TRY(ht_input_log_read(path, records, NULL, NULL, &have, err));
    if (have.records < records)
        return ht_fail(err, HT_EFORMAT,
                       "'%s' has %" PRIu64 " whole records, and %" PRIu64
                       " are needed; take a copy that has them",
                       path, have.records, records);
    HT_TRY(ht_file_cut(path, have.bytes, anew, guard, NULL, err));
    ht_input_log *log = NULL;
    HT_TRY(open_log(path, 0, &log, err));
    log->all = have;
    log->all.torn = 0;
    log->end = have.bytes;
    ht_status st = ht_file_guard_ask(guard, err);   /* now that it is open */
    if (st == HT_OK && log->end == 0)
        st = begin(log, err); /* not even its head had been written */
    if (st == HT_OK) {
        *out = log;
        log = NULL;
    }
    ht_input_log_close(log);
    return st;
}

static ht_status refused(ht_input_log *log, int why, ht_error *err)
{
    if (log->lost)
        return ht_fail(err, HT_EIO,
                       "'%s' ends before record %" PRIu64 ": there was no room for it on disk or in memory",
                       log->path, log->all.records);
    return ht_fail(err, HT_EIO, "cannot write '%s' (%zu bytes are kept): %s", log->path, log->owed.n,
                   strerror(why));
}

/* @return 0, or why some of it is still owed (errno) */
static int write_owed(ht_input_log *log)
{
    size_t done = 0;
    int why = 0;
    while (why == 0 && done < log->owed.n) {
        ssize_t n = pwrite(log->fd, log->owed.s + done, log->owed.n - done, (off_t)(log->end + done));
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            why = n == 0 ? ENOSPC : errno;
    }
    log->end += done;
    log->owed.n -= done;
    if (done > 0 && log->owed.n > 0)
        memmove(log->owed.s, log->owed.s + done, log->owed.n);
    return why;
}

ht_status ht_input_log_flush(ht_input_log *log, ht_error *err)
{
    int why = write_owed(log);
    return why != 0 || log->lost ? refused(log, why, err) : HT_OK;
}

ht_status ht_input_log_append(ht_input_log *log, const ht_input *in, ht_error *err)
{
    unsigned char head[HT_INPUT_HEAD], tail[HT_INPUT_TAIL];
    if (in->n > UINT32_MAX)
        return ht_fail(err, HT_EINVAL, "an input of %zu bytes is longer than '%s' can hold", in->n,
                       log->path);
    if (log->lost)
        return ht_input_log_flush(log, err);
    ht_input_record_head(head, in, &log->all);
    uint64_t sum = ht_input_record_sum(&log->all, head, in->bytes, in->n);
    ht_input_put(tail, HT_INPUT_TAIL, sum);
    size_t before = log->owed.n;
    if (fits(log, HT_INPUT_HEAD + in->n + HT_INPUT_TAIL) && owe(log, head, HT_INPUT_HEAD) &&
        owe(log, in->bytes, in->n) && owe(log, tail, HT_INPUT_TAIL)) {
        ht_input_extent_add(&log->all, in->n, sum);
    } else {
        log->owed.n = before;
        log->lost = true;
    }
    return ht_input_log_flush(log, err);
}

ht_status ht_input_log_sync(ht_input_log *log, ht_error *err)
{
    HT_TRY(ht_input_log_flush(log, err));
    if (fsync(log->fd) != 0)
        return ht_fail(err, HT_EIO, "cannot sync '%s': %s", log->path, strerror(errno));
    return HT_OK;
}

uint64_t ht_input_log_count(const ht_input_log *log)
{
    return log->all.records;
}

uint64_t ht_input_log_bytes(const ht_input_log *log)
{
    return log->all.bytes;
}

uint64_t ht_input_log_sum(const ht_input_log *log)
{
    return log->all.sum;
}

bool ht_input_log_lost(const ht_input_log *log)
{
    return log->lost;
}

void ht_input_log_close(ht_input_log *log)
{
    if (log == NULL)
        return;
    if (log->fd >= 0) {
        write_owed(log);
        close(log->fd);
    }
    ht_string_release(&log->owed);
    free(log->path);
    free(log);
}
