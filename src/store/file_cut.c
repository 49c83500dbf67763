/* src/store/file_cut.c - the end of a file moves into another one; the contract is in file_cut.h. */
#include "store/file_cut.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "store/file.h"

static ht_status copy_rest(int fd, uint64_t from, const char *path, int to, const char *to_path, ht_error *err)
{
    char block[65536];
    ssize_t n;
    while ((n = pread(fd, block, sizeof block, (off_t)from)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ht_fail(err, HT_EIO, "cannot read '%s': %s", path, strerror(errno));
        if (!ht_file_put(to, block, (size_t)n))
            return ht_fail(err, HT_EIO, "cannot write '%s': %s", to_path, strerror(errno));
        from += (uint64_t)n;
    }
    return fsync(to) == 0 ? HT_OK : ht_fail(err, HT_EIO, "cannot sync '%s': %s", to_path, strerror(errno));
}

static ht_status keep_rest(int fd, uint64_t from, const char *path, ht_error *err)
{
    ht_string name = {0};
    ht_status st = HT_OK;
    ht_string_add(&name, "%s.repeated", path);
    const char *to_path = ht_string_peek(&name);
    int to = name.failed ? -1 : open(to_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (to < 0)
        st = ht_fail(err, name.failed ? HT_ENOMEM : HT_EIO, "cannot open '%s.repeated': %s", path,
                     name.failed ? "no memory" : strerror(errno));
    else
        st = copy_rest(fd, from, path, to, to_path, err);
    if (to >= 0 && close(to) != 0 && st == HT_OK)
        st = ht_fail(err, HT_EIO, "cannot write '%s': %s", to_path, strerror(errno));
    ht_string_release(&name);
    return st;
}

ht_status ht_file_cut(const char *path, uint64_t bytes, uint64_t *moved, ht_error *err)
{
    struct stat s;
    ht_status st = HT_OK;
    if (moved != NULL)
        *moved = 0;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? HT_OK : ht_fail(err, HT_EIO, "cannot open '%s': %s", path, strerror(errno));
    if (fstat(fd, &s) != 0) {
        st = ht_fail(err, HT_EIO, "cannot read '%s': %s", path, strerror(errno));
    } else if ((uint64_t)s.st_size > bytes) {
        st = keep_rest(fd, bytes, path, err);
        if (st == HT_OK && (ftruncate(fd, (off_t)bytes) != 0 || fsync(fd) != 0))
            st = ht_fail(err, HT_EIO, "cannot cut '%s': %s", path, strerror(errno));
        if (st == HT_OK && moved != NULL)
            *moved = (uint64_t)s.st_size - bytes;
    }
    close(fd);
    return st;
}
