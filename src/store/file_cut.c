/* src/store/file_cut.c - the end of a file moves into another one; the contract is in file_cut.h.
 *
 * May touch: the file, <path>.repeated, a temporary file beside it. */
#define _GNU_SOURCE /* copy_file_range */
#include "store/file_cut.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

enum { REPEATED_MOST = 16 << 20 };

/* What the system cannot copy by itself: between two file systems, on some of them, to an append file. */
static ht_status copy_by_hand(int fd, uint64_t from, uint64_t end, const char *path, int to, const char *to_path,
                              ht_error *err)
{
    char block[65536];
    while (from < end) {
        size_t most = end - from < sizeof block ? (size_t)(end - from) : sizeof block;
        ssize_t n = pread(fd, block, most, (off_t)from);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ht_fail(err, HT_EIO, "cannot read '%s': %s", path, strerror(errno));
        if (n == 0)
            return HT_OK;       /* it became shorter meanwhile */
        if (!ht_file_put(to, block, (size_t)n))
            return ht_fail(err, HT_EIO, "cannot write '%s': %s", to_path, strerror(errno));
        from += (uint64_t)n;
    }
    return HT_OK;
}

/* Bytes [from, end) to where `to` stands. */
static ht_status copy(int fd, uint64_t from, uint64_t end, const char *path, int to, const char *to_path, ht_error *err)
{
    off_t at = (off_t)from;
    while ((uint64_t)at < end && copy_file_range(fd, &at, to, NULL, (size_t)(end - (uint64_t)at), 0) > 0)
        continue;
    return copy_by_hand(fd, (uint64_t)at, end, path, to, to_path, err);
}

static ht_status copy_rest(int fd, uint64_t from, uint64_t end, const char *path, int to, const char *to_path,
                           ht_error *err)
{
    struct stat s;
    if (fstat(to, &s) == 0 && s.st_size > REPEATED_MOST && ftruncate(to, 0) != 0)
        return ht_fail(err, HT_EIO, "cannot begin '%s' anew: %s", to_path, strerror(errno));
    HT_TRY(copy_by_hand(fd, from, end, path, to, to_path, err));
    return fsync(to) == 0 ? HT_OK : ht_fail(err, HT_EIO, "cannot sync '%s': %s", to_path, strerror(errno));
}

static ht_status keep_rest(int fd, uint64_t from, uint64_t end, const char *path, ht_error *err)
{
    ht_string name = {0};
    ht_status st = HT_OK;
    ht_string_add(&name, "%s" HT_REPEATED_SUFFIX, path);
    const char *to_path = ht_string_peek(&name);
    int to = name.failed ? -1 : open(to_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (to < 0)
        st = ht_fail(err, name.failed ? HT_ENOMEM : HT_EIO, "cannot open '%s" HT_REPEATED_SUFFIX "': %s", path,
                     name.failed ? "no memory" : strerror(errno));
    else
        st = copy_rest(fd, from, end, path, to, to_path, err);
    if (to >= 0 && close(to) != 0 && st == HT_OK)
        st = ht_fail(err, HT_EIO, "cannot write '%s': %s", to_path, strerror(errno));
    ht_string_release(&name);
    return st;
}

/* The file's name goes to a copy of its first `bytes` bytes. */
static ht_status replace(int fd, const struct stat *s, uint64_t bytes, const char *path, const ht_file_guard *guard,
                         ht_error *err)
{
    char *aside = ht_file_aside(path);
    int to = aside != NULL ? open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
    ht_status st = to >= 0 ? HT_OK : ht_fail(err, HT_EIO, "cannot write '%s': %s", path, strerror(errno));
    if (st == HT_OK) {
        if (fchmod(to, s->st_mode & 07777) != 0)
            errno = 0;          /* as on file systems without modes */
        st = copy(fd, 0, bytes, path, to, aside, err);
    }
    if (to >= 0 && close(to) != 0 && st == HT_OK)
        st = ht_fail(err, HT_EIO, "cannot write '%s': %s", aside, strerror(errno));
    if (st == HT_OK)
        st = ht_file_publish_if(aside, path, guard, err);
    else if (to >= 0)
        unlink(aside);
    free(aside);
    return st;
}

static ht_status cut_in_place(int fd, uint64_t bytes, const char *path, ht_error *err)
{
    return ftruncate(fd, (off_t)bytes) == 0 && fsync(fd) == 0
               ? HT_OK
               : ht_fail(err, HT_EIO, "cannot cut '%s': %s", path, strerror(errno));
}

/* The descriptor stays open to the end: closing one gives up the locks that a process holds on a file by others. */
ht_status ht_file_cut(const char *path, uint64_t bytes, bool anew, const ht_file_guard *guard, uint64_t *moved,
                      ht_error *err)
{
    struct stat s;
    if (moved != NULL)
        *moved = 0;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? HT_OK : ht_fail(err, HT_EIO, "cannot open '%s': %s", path, strerror(errno));
    ht_status st = ht_file_guard_ask(guard, err);
    if (st == HT_OK && fstat(fd, &s) != 0)
        st = ht_fail(err, HT_EIO, "cannot read '%s': %s", path, strerror(errno));
    if (st == HT_OK) {
        uint64_t size = (uint64_t)s.st_size, kept = size < bytes ? size : bytes;
        if (size > kept)
            st = keep_rest(fd, kept, size, path, err);
        if (st == HT_OK && anew)
            st = replace(fd, &s, kept, path, guard, err);
        else if (st == HT_OK && size > kept)
            st = cut_in_place(fd, kept, path, err);
        if (st == HT_OK && moved != NULL)
            *moved = size - kept;
    }
    close(fd);
    return st;
}
