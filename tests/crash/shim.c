/* tests/crash/shim.c - kills a process, or makes a call fail, at a chosen moment of its work with files.
 *
 * A library for LD_PRELOAD. It stands before the calls of the C library that change files and counts those that match;
 * the environment says which, and what happens to them:
 *
 *   CRASH_PATH    pattern of fnmatch(3) for the whole path; a rename is matched by its new name. Without it
 *                 the library does nothing
 *   CRASH_CALLS   open (for writing) write rename sync unlink truncate; default: all of them
 *   CRASH_RANK    only in the process of this rank of Open MPI
 *   CRASH_AT      the matching call with this number, 1.., is the last one: SIGKILL ..
 *   CRASH_WHEN    .. before the call, in its middle (half of the bytes are written) or after it (the default)
 *   CRASH_WHOM    self (the default), or run: the launcher and all of its ranks; or stop: no SIGKILL, but SIGSTOP, and
 *                 the call goes on when somebody lets the process
 *   CRASH_ERRNO   no SIGKILL: from CRASH_AT on (default 1) matching calls fail with ENOSPC, EROFS, EACCES or EIO ..
 *   CRASH_TO      .. up to the call of this number (0: to the end). With CRASH_WHEN=middle every other write writes half
 *   CRASH_TRACE   a line "RANK CALL PATH" is added to this file for each matching call
 *
 * Not seen: what stdio writes, and memory maps. Linux. This is the one file with variables of its own: the library
 * lives in processes that do not know of it. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#pragma GCC visibility push(default)

typedef enum { BEFORE, MIDDLE, AFTER } moment;

static struct {
    const char *path, *calls, *rank;
    long at, to;
    moment when;
    bool everybody, stops;
    int error;              /* 0 = kill */
    int trace;              /* descriptor or -1 */
} plan;
static atomic_long seen, halves;

/* ---- what was asked for --------------------------------------------------------------------- */

static int error_of(const char *name)
{
    static const struct { const char *name; int number; } all[] = {
        {"ENOSPC", ENOSPC}, {"EROFS", EROFS}, {"EACCES", EACCES}, {"EIO", EIO}};
    for (size_t i = 0; name != NULL && i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i].name, name) == 0)
            return all[i].number;
    return 0;
}

static const char *word(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : otherwise;
}

__attribute__((constructor)) static void read_plan(void)
{
    const char *rank = word("CRASH_RANK", NULL), *mine = word("OMPI_COMM_WORLD_RANK", "0");
    const char *when = word("CRASH_WHEN", "after"), *trace = word("CRASH_TRACE", NULL);
    if (rank != NULL && strcmp(rank, mine) != 0)
        return;
    plan.rank = mine;
    plan.calls = word("CRASH_CALLS", "open write rename sync unlink truncate");
    plan.error = error_of(word("CRASH_ERRNO", NULL));
    plan.at = strtol(word("CRASH_AT", plan.error != 0 ? "1" : "0"), NULL, 10);
    plan.to = strtol(word("CRASH_TO", "0"), NULL, 10);
    plan.when = strcmp(when, "before") == 0 ? BEFORE : strcmp(when, "middle") == 0 ? MIDDLE : AFTER;
    plan.everybody = strcmp(word("CRASH_WHOM", "self"), "run") == 0;
    plan.stops = strcmp(word("CRASH_WHOM", "self"), "stop") == 0;
    plan.trace = trace != NULL ? open(trace, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;
    plan.path = word("CRASH_PATH", NULL);       /* last: from here on calls are looked at */
}

/* ---- the end -------------------------------------------------------------------------------- */

static bool is_launcher(pid_t pid)
{
    char path[64], name[64] = "";
    snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
    FILE *f = fopen(path, "r");
    if (f != NULL && fgets(name, sizeof name, f) != NULL)
        name[strcspn(name, "\n")] = '\0';
    if (f != NULL)
        fclose(f);
    return strcmp(name, "mpirun") == 0 || strcmp(name, "orterun") == 0 || strcmp(name, "prterun") == 0;
}

static pid_t parent_of(long pid)
{
    char path[64], text[512];
    long parent = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *f = fopen(path, "r");
    size_t n = f != NULL ? fread(text, 1, sizeof text - 1, f) : 0;
    text[n] = '\0';
    const char *end = strrchr(text, ')');
    if (f != NULL)
        fclose(f);
    return end != NULL && sscanf(end + 1, " %*c %ld", &parent) == 1 ? (pid_t)parent : 0;
}

static void kill_run(void)
{
    pid_t launcher = getppid(), ranks[256];
    size_t n = 0;
    DIR *all = is_launcher(launcher) ? opendir("/proc") : NULL;
    for (const struct dirent *e; all != NULL && (e = readdir(all)) != NULL;) {
        long pid = isdigit((unsigned char)e->d_name[0]) ? strtol(e->d_name, NULL, 10) : 0;
        if (pid > 0 && pid != getpid() && n < 256 && parent_of(pid) == launcher)
            ranks[n++] = (pid_t)pid;
    }
    for (size_t i = 0; i < n; i++)
        kill(ranks[i], SIGKILL);
    if (all != NULL)
        kill(launcher, SIGKILL);
}

static void die(void)
{
    if (plan.everybody)
        kill_run();
    raise(plan.stops ? SIGSTOP : SIGKILL);
}

/* ---- the calls ------------------------------------------------------------------------------ */

typedef ssize_t (*write_call)(int, const void *, size_t);
typedef ssize_t (*pwrite_call)(int, const void *, size_t, off_t);

/* The next definition of a call, behind ours. */
static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static void trace(const char *call, const char *path)
{
    char line[PATH_MAX + 64];
    write_call out;
    *(void **)&out = next("write");
    int n = snprintf(line, sizeof line, "%s %s %s\n", plan.rank, call, path);
    if (plan.trace >= 0 && n > 0 && (size_t)n < sizeof line)
        (void)!out(plan.trace, line, (size_t)n);
}

/* The path of an open file or folder. */
static bool find_path(int fd, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, fd == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    if (n >= 0)
        path[n] = '\0';
    return n >= 0;
}

/* Is this call one that matters? A path that is not whole counts from the folder `at`.
 * @return its number from 1, or 0 */
static long count(const char *call, int at, const char *path)
{
    char whole[2 * PATH_MAX], here[PATH_MAX] = "";
    if (plan.path == NULL || path == NULL || strstr(plan.calls, call) == NULL)
        return 0;
    if (path[0] != '/' && find_path(at, here)) {
        snprintf(whole, sizeof whole, "%s/%s", here, path);
        path = whole;
    }
    if (fnmatch(plan.path, path, 0) != 0)
        return 0;
    trace(call, path);
    return atomic_fetch_add(&seen, 1) + 1;
}

static long count_open_file(const char *call, int fd, char path[PATH_MAX])
{
    if (plan.path == NULL || strstr(plan.calls, call) == NULL || !find_path(fd, path))
        return 0;
    return count(call, AT_FDCWD, path);
}

static bool fails(long number)
{
    if (number == 0 || plan.error == 0 || number < plan.at || (plan.to > 0 && number > plan.to))
        return false;
    errno = plan.error;
    return true;
}

static bool ends(long number, moment when)
{
    return number > 0 && plan.error == 0 && number == plan.at && plan.when == when;
}

/* What a call that names a file has in common with all the others. */
#define AT_CALL(number, refused, call)              \
    do {                                            \
        if (fails(number))                          \
            return refused;                         \
        if (ends(number, BEFORE))                   \
            die();                                  \
        int result = call;                          \
        if (ends(number, AFTER) || ends(number, MIDDLE)) \
            die();                                  \
        return result;                              \
    } while (0)

static bool for_writing(int flags)
{
    return (flags & (O_WRONLY | O_RDWR | O_CREAT)) != 0 && (flags & O_DIRECTORY) == 0;
}

static int open_at(int dir, const char *path, int flags, mode_t mode)
{
    int (*real)(int, const char *, int, ...);
    *(void **)&real = next("openat");
    long number = for_writing(flags) ? count("open", dir, path) : 0;
    AT_CALL(number, -1, real(dir, path, flags, mode));
}

#define OPEN(name, first, dir)                      \
    int name(first const char *path, int flags, ...) \
    {                                               \
        va_list more;                               \
        va_start(more, flags);                      \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0; \
        va_end(more);                               \
        return open_at(dir, path, flags, mode);     \
    }
#define NOTHING
#define DIRECTORY int at,
OPEN(open, NOTHING, AT_FDCWD)
OPEN(open64, NOTHING, AT_FDCWD)
OPEN(openat, DIRECTORY, at)
OPEN(openat64, DIRECTORY, at)

/* How many bytes a write may write, when it is one that fails or ends here. @return false: none, errno says why */
static bool may_write(long number, size_t *n)
{
    if (fails(number)) {
        if (plan.when != MIDDLE || *n < 2 || atomic_fetch_add(&halves, 1) % 2 != 0)
            return false;
        *n /= 2;
    }
    if (ends(number, BEFORE))
        die();
    if (ends(number, MIDDLE))
        *n /= 2;
    return true;
}

static void wrote(long number)
{
    if (ends(number, MIDDLE) || ends(number, AFTER))
        die();
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    char path[PATH_MAX];
    write_call real;
    *(void **)&real = next("write");
    long number = count_open_file("write", fd, path);
    if (!may_write(number, &n))
        return -1;
    ssize_t put = real(fd, bytes, n);
    wrote(number);
    return put;
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t offset)
{
    char path[PATH_MAX];
    pwrite_call real;
    *(void **)&real = next("pwrite");
    long number = count_open_file("write", fd, path);
    if (!may_write(number, &n))
        return -1;
    ssize_t put = real(fd, bytes, n, offset);
    wrote(number);
    return put;
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t offset)
{
    return pwrite(fd, bytes, n, offset);
}

int rename(const char *from, const char *to)
{
    int (*real)(const char *, const char *);
    *(void **)&real = next("rename");
    long number = count("rename", AT_FDCWD, to);
    AT_CALL(number, -1, real(from, to));
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    int (*real)(int, const char *, int, const char *);
    *(void **)&real = next("renameat");
    long number = count("rename", to_dir, to);
    AT_CALL(number, -1, real(from_dir, from, to_dir, to));
}

int unlink(const char *path)
{
    int (*real)(const char *);
    *(void **)&real = next("unlink");
    long number = count("unlink", AT_FDCWD, path);
    AT_CALL(number, -1, real(path));
}

int unlinkat(int dir, const char *path, int flags)
{
    int (*real)(int, const char *, int);
    *(void **)&real = next("unlinkat");
    long number = count("unlink", dir, path);
    AT_CALL(number, -1, real(dir, path, flags));
}

int fsync(int fd)
{
    char path[PATH_MAX];
    int (*real)(int);
    *(void **)&real = next("fsync");
    long number = count_open_file("sync", fd, path);
    AT_CALL(number, -1, real(fd));
}

int fdatasync(int fd)
{
    char path[PATH_MAX];
    int (*real)(int);
    *(void **)&real = next("fdatasync");
    long number = count_open_file("sync", fd, path);
    AT_CALL(number, -1, real(fd));
}

int ftruncate(int fd, off_t length)
{
    char path[PATH_MAX];
    int (*real)(int, off_t);
    *(void **)&real = next("ftruncate");
    long number = count_open_file("truncate", fd, path);
    AT_CALL(number, -1, real(fd, length));
}

int ftruncate64(int fd, off64_t length)
{
    return ftruncate(fd, length);
}
