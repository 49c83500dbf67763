/* src/store/run_lock.c - one run at a time in a run directory; the rule is in run_lock.h.
 *
 * The owner overwrites its record in place, by one write of the same length each time: a lock sits on the file. Who
 * takes over puts a file of its own in its place, locked before it has the name. Whoever came to a file that was
 * replaced or removed meanwhile tries again.
 * May touch: the lock file, the clock, the host's name, process numbers, the environment (slurm_start.h). */
#define _GNU_SOURCE /* F_OFD_SETLK */
#include "store/run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/run_dir.h"
#include "store/run_record.h"

static const double beat_s = 5, silences = 3;

#ifdef F_OFD_SETLK
enum { SET_LOCK = F_OFD_SETLK, GET_LOCK = F_OFD_GETLK };
#else
enum { SET_LOCK = F_SETLK, GET_LOCK = F_GETLK };
#endif

struct ht_run_lock {
    int fd;
    char *path;             /* owned */
    char *before;           /* what the file held; NULL = it was made by us. Owned */
    bool begun, closed;
    ht_run_sign sign;
    ht_run_owner owner;     /* the mark of our record */
    bool lost;              /* another start took over, */
    ht_error taken_by;      /* which */
};

static double wall_time(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- the lock ----------------------------------------------------------------------------------- */

typedef enum { LOCK_FREE, LOCK_HELD, LOCK_UNKNOWN } lock_state;

static lock_state lock_call(int fd, int command)
{
    struct flock f = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, command, &f) == 0)
        return command == SET_LOCK || f.l_type == F_UNLCK ? LOCK_FREE : LOCK_HELD;
    return errno == EAGAIN || errno == EACCES ? LOCK_HELD
                                              : LOCK_UNKNOWN; /* not every file system has locks */
}

/* ---- the record --------------------------------------------------------------------------------- */

static ht_status write_record(ht_run_lock *l, ht_error *err)
{
    char bytes[HT_RUN_RECORD_LENGTH + 1];
    bool fits = ht_run_record_print(&l->sign, l->closed, bytes);
    if (fits)
        l->owner = ht_run_record_owner(bytes);
    if (!fits || pwrite(l->fd, bytes, HT_RUN_RECORD_LENGTH, 0) != HT_RUN_RECORD_LENGTH)
        return ht_fail(err, HT_EIO, "cannot write '%s': %s", l->path,
                       fits ? strerror(errno) : "out of memory");
    return HT_OK;
}

static void judge(const char *text, lock_state lock, ht_run_sign *out)
{
    char host[256];
    bool closed = false, known = ht_run_record_read(text, out, &closed);
    out->damaged = !known && text[0] != '\0';
    ht_host_name(host);
    bool here = strcmp(host, out->host) == 0;
    bool silent = wall_time() - out->seen > out->silence_s;
    if (lock == LOCK_HELD)
        out->life = HT_RUN_LIVES;
    else if (!known)
        out->life = HT_RUN_NONE;
    else if (closed)
        out->life = HT_RUN_ENDED;
    else if (here && (lock == LOCK_FREE || !ht_process_exists(out->pid)))
        out->life = HT_RUN_KILLED;
    else
        out->life = silent ? HT_RUN_KILLED : HT_RUN_LIVES;
    bool ended = here && lock == LOCK_FREE && !ht_process_exists(out->pid);
    out->may_wake = out->life == HT_RUN_KILLED && (!ended || out->former_pid > 0);
}

/* The same for who wants to begin here: what Slurm knows goes before what can be seen. */
static void judge_for_us(const char *text, lock_state lock, ht_run_sign *out)
{
    judge(text, lock, out);
    const ht_slurm_start ours = ht_slurm_start_here();
    if (out->life == HT_RUN_LIVES && ht_slurm_start_follows(&ours, &out->slurm)) {
        out->life = HT_RUN_KILLED;
        out->may_wake = true;
    }
}

static ht_status read_all(int fd, const char *path, char text[HT_RUN_RECORD_LENGTH + 1], ht_error *err)
{
    ssize_t n = pread(fd, text, HT_RUN_RECORD_LENGTH, 0);
    if (n < 0)
        return ht_fail(err, HT_EIO, "cannot read '%s': %s", path, strerror(errno));
    text[n] = '\0';
    return HT_OK;
}

static ht_status look(const char *dir, void (*judged)(const char *text, lock_state lock, ht_run_sign *out),
                      ht_run_sign *out, ht_error *err)
{
    char text[HT_RUN_RECORD_LENGTH + 1], *path = ht_path_join(dir, HT_FILE_LOCK);
    *out = (ht_run_sign){.life = HT_RUN_NONE};
    if (path == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the name of '%s'", HT_FILE_LOCK);
    ht_status st = HT_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        st = ht_fail(err, HT_EIO, "cannot open '%s': %s", path, strerror(errno));
    for (int again = 0; fd >= 0 && st == HT_OK && again < 3; again++) { /* it may be written while we read */
        if ((st = read_all(fd, path, text, err)) == HT_OK)
            judged(text, lock_call(fd, GET_LOCK), out);
        if (!out->damaged)
            break;
    }
    if (fd >= 0)
        close(fd);
    free(path);
    return st;
}

ht_status ht_run_lock_look(const char *dir, ht_run_sign *out, ht_error *err)
{
    return look(dir, judge, out, err);
}

/* ---- taking it ---------------------------------------------------------------------------------- */

static bool was_removed(int fd, const char *path)
{
    struct stat ours, named;
    return fstat(fd, &ours) != 0 || stat(path, &named) != 0 || ours.st_ino != named.st_ino ||
           ours.st_dev != named.st_dev;
}

/* Open and lock. *made: the file was not there before. */
static ht_status open_locked(ht_run_lock *l, lock_state *state, bool *made, ht_error *err)
{
    for (;;) {
        *made = !ht_file_look(l->path).exists;
        l->fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (l->fd < 0)
            return ht_fail(err, HT_EIO, "cannot open '%s': %s", l->path, strerror(errno));
        *state = lock_call(l->fd, SET_LOCK);
        if (!was_removed(l->fd, l->path))
            return HT_OK;
        close(l->fd);
        l->fd = -1;
    }
}

static ht_status refuse(const char *dir, const ht_run_sign *s, ht_error *err)
{
    char host[256];
    char since[64] = "", rest[128] = "";
    struct tm tm;
    time_t started = (time_t)s->started;
    if (s->host[0] == '\0')
        return ht_fail(err, HT_EREFUSED,
                       "directory '%s' is in use by another run: wait until it ends, or name "
                       "another directory",
                       dir);
    strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&started, &tm));
    ht_host_name(host);
    if (strcmp(host, s->host) != 0)
        snprintf(rest, sizeof rest, "; if it was killed, start again when it has been silent for %.0f s",
                 s->silence_s);
    return ht_fail(err, HT_EREFUSED,
                   "directory '%s' is in use: process %ld on host %.64s runs there since %s, "
                   "last seen %.0f s ago; wait until it ends, or name another directory%s",
                   dir, s->pid, s->host, since, wall_time() - s->seen, rest);
}

ht_status ht_run_lock_check(const char *dir, ht_error *err)
{
    ht_run_sign s;
    HT_TRY(look(dir, judge_for_us, &s, err));
    return s.life == HT_RUN_LIVES ? refuse(dir, &s, err) : HT_OK;
}

/* Our record in a file of its own takes the place of the one that is there. Until it has, the lock on that one keeps
 * others away. */
static ht_status replace_file(ht_run_lock *l, ht_error *err)
{
    char *aside = ht_file_aside(l->path);
    int former = l->fd;
    int fd = aside != NULL ? open(aside, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
    ht_status st = fd >= 0 ? HT_OK : ht_fail(err, HT_EIO, "cannot write '%s': %s", l->path, strerror(errno));
    if (st == HT_OK) {
        l->fd = fd;
        lock_call(fd, SET_LOCK);    /* where there are locks: nobody else knows the file */
        st = write_record(l, err);
    }
    if (st == HT_OK && (fsync(fd) != 0 || rename(aside, l->path) != 0))
        st = ht_fail(err, HT_EIO, "cannot replace '%s': %s", l->path, strerror(errno));
    if (st == HT_OK) {
        ht_file_sync_folder(l->path);
        close(former);
    } else if (fd >= 0) {
        l->fd = former;
        unlink(aside);
        close(fd);
    }
    free(aside);
    return st;
}

ht_status ht_run_lock_take(const char *dir, ht_run_lock **out, ht_run_sign *before, ht_error *err)
{
    char text[HT_RUN_RECORD_LENGTH + 1];
    lock_state state = LOCK_UNKNOWN;
    bool made = false;
    ht_run_sign sign = {HT_RUN_NONE};
    ht_run_lock *l = calloc(1, sizeof *l);
    if (l == NULL || (l->path = ht_path_join(dir, HT_FILE_LOCK)) == NULL) {
        free(l);
        return ht_fail(err, HT_ENOMEM, "no memory for the name of '%s'", HT_FILE_LOCK);
    }
    l->closed = true;   /* until it is ours, its release changes nothing */
    ht_status st = open_locked(l, &state, &made, err);
    if (st != HT_OK || (st = read_all(l->fd, l->path, text, err)) != HT_OK)
        goto done;
    judge_for_us(text, state, &sign);
    if (sign.life == HT_RUN_LIVES) {
        st = refuse(dir, &sign, err);
        goto done;
    }
    if (!made && (l->before = strdup(text)) == NULL) {
        st = ht_fail(err, HT_ENOMEM, "no memory for the content of '%s'", l->path);
        goto done;
    }
    l->sign = (ht_run_sign){.pid = (long)getpid(), .started = wall_time(), .silence_s = HT_RUN_LEAST_SILENCE_S,
                            .slurm = ht_slurm_start_here()};
    l->sign.seen = l->sign.started;
    ht_host_name(l->sign.host);
    if (sign.life == HT_RUN_KILLED) {   /* until ours begins: if we are killed before, it still is what was killed */
        l->sign.run = sign.run;
        l->sign.former_pid = sign.former_pid > 0 ? sign.former_pid : sign.may_wake ? sign.pid : 0;
        memcpy(l->sign.study_run, sign.study_run, sizeof sign.study_run);
    }
    l->closed = false;
    if ((st = made ? write_record(l, err) : replace_file(l, err)) != HT_OK) {
        l->closed = !made;              /* what is there is not ours */
        goto done;
    }
    if (before != NULL)
        *before = sign;
    *out = l;
    l = NULL;
done:
    ht_run_lock_release(l);
    return st;
}

/* ---- still ours? -------------------------------------------------------------------------------- */

ht_status ht_run_lock_holds(ht_run_lock *l, ht_error *err)
{
    if (!l->lost)
        l->lost = ht_run_record_check(l->path, &l->owner, &l->taken_by) != HT_OK;
    return l->lost ? ht_fail(err, HT_EFAILED, "%s", l->taken_by.text) : HT_OK;
}

bool ht_run_lock_is_lost(const ht_run_lock *l)
{
    return l != NULL && l->lost;
}

static ht_status guard(void *ctx, ht_error *err)
{
    return ht_run_lock_holds(ctx, err);
}

ht_file_guard ht_run_lock_guard(ht_run_lock *l)
{
    return (ht_file_guard){l != NULL ? guard : NULL, l};
}

ht_run_owner ht_run_lock_owner(const ht_run_lock *l)
{
    return l->owner;
}

/* ---- while it runs ------------------------------------------------------------------------------ */

ht_status ht_run_lock_begin(ht_run_lock *l, unsigned long run, const char *study_run, ht_error *err)
{
    l->sign.run = run;
    ht_name_copy(l->sign.study_run, study_run);
    l->begun = true;
    l->sign.seen = wall_time();
    return write_record(l, err);
}

ht_status ht_run_lock_settle(ht_run_lock *l, ht_error *err)
{
    if (l->sign.former_pid == 0)
        return HT_OK;
    l->sign.former_pid = 0;
    return write_record(l, err);
}

ht_status ht_run_lock_beat(ht_run_lock *l, ht_error *err)
{
    double now = wall_time(), gap = now - l->sign.seen;
    if (l->lost)
        return ht_run_lock_holds(l, err);
    if (l->closed || (gap >= 0 && gap < beat_s))
        return HT_OK;
    HT_TRY(ht_run_lock_holds(l, err));
    l->sign.seen = now;
    if (silences * gap > l->sign.silence_s)
        l->sign.silence_s = silences * gap;
    return write_record(l, err);
}

ht_status ht_run_lock_close(ht_run_lock *l, ht_error *err)
{
    if (l->closed)
        return HT_OK;
    HT_TRY(ht_run_lock_holds(l, err));
    l->sign.seen = wall_time();
    l->closed = true;
    ht_status st = write_record(l, err);
    close(l->fd);
    l->fd = -1;
    return st;
}

/* The file as it was before. */
static void undo(const ht_run_lock *l)
{
    if (l->before == NULL) {
        if (!was_removed(l->fd, l->path))
            unlink(l->path);
    } else if (pwrite(l->fd, l->before, strlen(l->before), 0) >= 0 &&
               ftruncate(l->fd, (off_t)strlen(l->before)) != 0) {
        return;     /* nothing can be done about it */
    }
}

void ht_run_lock_release(ht_run_lock *l)
{
    if (l == NULL)
        return;
    if (l->fd >= 0 && !l->begun && !l->closed)
        undo(l);
    if (l->fd >= 0)
        close(l->fd);
    free(l->before);
    free(l->path);
    free(l);
}
