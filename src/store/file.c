/* src/store/file.c - whole files, and files of lines; the contract is in file.h.
 *
 * May touch: the files it is given, and NAME.tmp.* beside one that is replaced.
 * A journal is a file that is opened for appending and never written but by whole lines (read by lines.c). What a full disk
 * refuses is kept in `owed` and goes out first next time. A line that was written in part is cut off
 * again, and if even that fails, the next write begins with a line feed: readers skip the stump. */
#include "store/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sum.h"
#include "base/text.h"
#include "store/lines.h"

enum { OWED_MAX = 64 << 20 };   /* bytes of lines kept while the disk is full */

/* ---- whole files ---------------------------------------------------------------------------- */

static ht_status read_open(int fd, const char *path, char **text, size_t *n, ht_error *err)
{
    ht_string all = {0};
    char block[65536];
    ssize_t got;
    while ((got = read(fd, block, sizeof block)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            ht_string_release(&all);
            return ht_fail(err, HT_EIO, "cannot read '%s': %s", path, strerror(errno));
        }
        ht_string_add_bytes(&all, block, (size_t)got);
    }
    size_t length = all.n;
    char *taken = ht_string_take(&all);
    if (taken == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the content of '%s'", path);
    *text = taken;
    if (n != NULL)
        *n = length;
    return HT_OK;
}

ht_status ht_file_read(const char *path, char **text, size_t *n, ht_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ht_fail(err, errno == ENOENT || errno == ENOTDIR ? HT_ENOTFOUND : HT_EIO,
                       "cannot open '%s': %s", path, strerror(errno));
    ht_status st = read_open(fd, path, text, n, err);
    close(fd);
    return st;
}

bool ht_file_put(int fd, const void *bytes, size_t n)
{
    for (const char *at = bytes; n > 0;) {
        ssize_t put = write(fd, at, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        at += put;
        n -= (size_t)put;
    }
    return true;
}

char *ht_file_aside(const char *path)
{
    /* process numbers are not unique on a shared file system: the clock makes the difference */
    ht_string name = {0};
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    ht_string_add(&name, "%s.tmp.%ld.%09ld", path, (long)getpid(), now.tv_nsec);
    return ht_string_take(&name);
}

/* `name` is "<base>.tmp.<pid>.<nanoseconds>". @return the pid, 0 if it is no such name */
static long pid_of_aside(const char *name, const char *base)
{
    size_t n = strlen(base);
    if (strncmp(name, base, n) != 0 || strncmp(name + n, ".tmp.", 5) != 0)
        return 0;
    char *end = NULL;
    long pid = strtol(name + n + 5, &end, 10);
    return *end == '.' && end[1] != '\0' && end[1 + strspn(end + 1, "0123456789")] == '\0' ? pid : 0;
}

void ht_file_clear_aside(const char *path, long pid)
{
    const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
    ht_string folder = {0};
    ht_string_add_bytes(&folder, path, (size_t)(base - path));
    DIR *dir = opendir(slash != NULL ? ht_string_peek(&folder) : ".");
    for (const struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        long owner = pid_of_aside(e->d_name, base);
        struct stat s;
        bool old = owner > 0 && fstatat(dirfd(dir), e->d_name, &s, 0) == 0 && time(NULL) - s.st_mtime > 3600;
        if (owner > 0 && (owner == pid || pid < 0 || old))
            unlinkat(dirfd(dir), e->d_name, 0);
    }
    if (dir != NULL)
        closedir(dir);
    ht_string_release(&folder);
}

ht_status ht_file_sync(const char *path, ht_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ht_status st = fd >= 0 && fsync(fd) == 0
                       ? HT_OK
                       : ht_fail(err, HT_EIO, "cannot sync '%s': %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return st;
}

void ht_file_sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    ht_string folder = {0};
    if (slash == NULL)
        ht_string_add(&folder, ".");
    else
        ht_string_add_bytes(&folder, path, slash == path ? 1 : (size_t)(slash - path));
    int fd = open(ht_string_peek(&folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);      /* some file systems refuse: then nothing can be done */
        close(fd);
    }
    ht_string_release(&folder);
}

/* Renaming over a device, a pipe or /dev/stdout would take it away from everybody on the machine. */
static bool is_no_file(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && !S_ISREG(s.st_mode);
}

ht_status ht_file_guard_ask(const ht_file_guard *g, ht_error *err)
{
    return g != NULL && g->check != NULL ? g->check(g->ctx, err) : HT_OK;
}

/* The guard is asked last: a rename is short, and what goes on the disk before it may take long. */
ht_status ht_file_publish_if(const char *aside, const char *path, const ht_file_guard *guard, ht_error *err)
{
    if (is_no_file(path)) {
        unlink(aside);
        return ht_fail(err, HT_EIO, "cannot replace '%s': it is no regular file", path);
    }
    int fd = open(aside, O_RDONLY | O_CLOEXEC);
    bool fine = fd >= 0 && fsync(fd) == 0;
    int why = errno;
    if (fd >= 0)
        close(fd);
    ht_status may = fine ? ht_file_guard_ask(guard, err) : HT_OK;
    if (may != HT_OK) {
        unlink(aside);
        return may;
    }
    if (fine) {
        fine = rename(aside, path) == 0;
        why = errno;
    }
    if (!fine) {
        unlink(aside);
        return ht_fail(err, HT_EIO, "cannot replace '%s': %s", path, strerror(why));
    }
    ht_file_sync_folder(path);
    return HT_OK;
}

ht_status ht_file_publish(const char *aside, const char *path, ht_error *err)
{
    return ht_file_publish_if(aside, path, NULL, err);
}

ht_status ht_file_replace_if(const char *path, const char *text, size_t n, const ht_file_guard *guard, ht_error *err)
{
    char *aside = ht_file_aside(path);
    if (aside == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the name of '%s'", path);
    ht_status st;
    int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool fine = fd >= 0 && ht_file_put(fd, text, n);
    int why = errno;
    if (fd >= 0 && close(fd) != 0 && fine) {
        fine = false;
        why = errno;
    }
    if (fine) {
        st = ht_file_publish_if(aside, path, guard, err);
    } else {
        unlink(aside);
        st = ht_fail(err, HT_EIO, "cannot write '%s': %s", path, strerror(why));
    }
    free(aside);
    return st;
}

ht_status ht_file_replace(const char *path, const char *text, size_t n, ht_error *err)
{
    return ht_file_replace_if(path, text, n, NULL, err);
}

void ht_host_name(char host[256])
{
    host[255] = '\0';
    if (gethostname(host, 255) != 0)
        strcpy(host, "unknown");
}

bool ht_process_exists(long pid)
{
    return pid > 0 && (kill((pid_t)pid, 0) == 0 || errno != ESRCH);
}

ht_file_stamp ht_file_look(const char *path)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return (ht_file_stamp){.exists = false};
    return (ht_file_stamp){true, s.st_mtim, s.st_size, s.st_ino};
}

bool ht_file_same(const ht_file_stamp *a, const ht_file_stamp *b)
{
    if (!a->exists || !b->exists)
        return a->exists == b->exists;
    return a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec &&
           a->size == b->size && a->inode == b->inode;
}

/* ---- journals ------------------------------------------------------------------------------- */

struct ht_journal {
    int fd;
    char *path;             /* owned */
    bool torn;              /* the file may end in a part of a line */
    ht_string owed;         /* whole lines that could not be written */
    bool numbered;          /* `number` is known */
    unsigned long number;   /* of the last line with a checksum */
    size_t kept, dropped;   /* lines in `owed`; lines that found no room there */
};

/* The last byte of the file is something else than a line feed. */
static bool ends_torn(int fd)
{
    char last = '\n';
    off_t end = lseek(fd, 0, SEEK_END);
    return end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n';
}

ht_status ht_journal_open(const char *path, ht_journal **out, ht_error *err)
{
    ht_status st = HT_OK;
    ht_journal *j = calloc(1, sizeof *j);
    if (j == NULL || (j->path = strdup(path)) == NULL) {
        free(j);
        return ht_fail(err, HT_ENOMEM, "no memory for '%s'", path);
    }
    j->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (j->fd < 0) {
        st = ht_fail(err, HT_EIO, "cannot open '%s': %s", path, strerror(errno));
        goto done;
    }
    j->torn = ends_torn(j->fd);
    *out = j;
    j = NULL;
done:
    ht_journal_close(j);
    return st;
}

/* Write whole lines by one write, after a line feed when the file ends in a part of a line.
 * @return false with errno set: the file ends as it did, or `torn` says so */
static bool put_lines(ht_journal *j, const char *lines, size_t n)
{
    if (j->torn) {
        if (!ht_file_put(j->fd, "\n", 1))
            return false;
        j->torn = false;
    }
    ssize_t put = write(j->fd, lines, n);
    if (put == (ssize_t)n)
        return true;
    int why = put < 0 ? errno : ENOSPC;
    off_t end = lseek(j->fd, 0, SEEK_END);
    if (put > 0 && (end < put || ftruncate(j->fd, end - put) != 0))
        j->torn = true;
    errno = why;
    return false;
}

static ht_status refused(const ht_journal *j, ht_error *err)
{
    return ht_fail(err, HT_EIO, "cannot write '%s': %s; %zu lines are kept, %zu are lost", j->path,
                   strerror(errno), j->kept, j->dropped);
}

ht_status ht_journal_flush(ht_journal *j, ht_error *err)
{
    if (j->kept == 0)
        return HT_OK;
    if (!put_lines(j, j->owed.s, j->owed.n))
        return refused(j, err);
    ht_string_release(&j->owed);
    j->kept = 0;
    return HT_OK;
}

static void keep(ht_journal *j, const char *line, size_t n)
{
    size_t before = j->owed.n;
    if (before + n <= OWED_MAX)
        ht_string_add_bytes(&j->owed, line, n);
    if (j->owed.n == before) {
        j->owed.failed = false;     /* what is there already is whole and stays */
        j->dropped++;
    } else {
        j->kept++;
    }
}

ht_status ht_journal_append(ht_journal *j, const char *line, ht_error *err)
{
    size_t n = strlen(line);
    char *whole = malloc(n + 1);
    if (whole == NULL) {
        j->dropped++;
        return ht_fail(err, HT_EIO, "no memory for a line of '%s'; %zu lines are lost", j->path, j->dropped);
    }
    memcpy(whole, line, n);
    whole[n++] = '\n';
    ht_status st = HT_OK;
    bool written = ht_journal_flush(j, NULL) == HT_OK && put_lines(j, whole, n);
    if (!written) {
        int why = errno;
        keep(j, whole, n);
        errno = why;
        st = refused(j, err);
    }
    free(whole);
    return st;
}

/* Looked up when it is needed: a run that goes on from a checkpoint cuts its logs after they were opened. */
unsigned long ht_journal_number(ht_journal *j)
{
    if (!j->numbered)
        j->number = ht_lines_last_number(j->fd);
    j->numbered = true;
    return j->number;
}

ht_status ht_journal_append_json(ht_journal *j, const cJSON *object, ht_error *err)
{
    unsigned long number = ht_journal_number(j) + 1;
    char *line = object == NULL ? NULL : ht_sum_put(ht_json_line(object), number);
    if (line == NULL) {
        j->dropped++;
        return ht_fail(err, HT_EIO, "no memory for a line of '%s'; %zu lines are lost", j->path, j->dropped);
    }
    j->number = number;
    ht_status st = ht_journal_append(j, line, err);
    free(line);
    return st;
}

ht_status ht_journal_sync(ht_journal *j, ht_error *err)
{
    HT_TRY(ht_journal_flush(j, err));
    /* a pipe or device cannot be synced, and need not be */
    if (fsync(j->fd) != 0 && errno != EINVAL && errno != EROFS)
        return ht_fail(err, HT_EIO, "cannot sync '%s': %s", j->path, strerror(errno));
    return HT_OK;
}

void ht_journal_owed(const ht_journal *j, size_t *kept, size_t *dropped)
{
    *kept = j->kept;
    *dropped = j->dropped;
}

void ht_journal_close(ht_journal *j)
{
    if (j == NULL)
        return;
    if (j->fd >= 0) {
        ht_journal_flush(j, NULL);
        close(j->fd);
    }
    ht_string_release(&j->owed);
    free(j->path);
    free(j);
}
