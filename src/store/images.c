/* src/store/images.c - training states as files that are named by what they hold; see images.h.
 *
 * One checksum of 64 bits, which may miss some differences whatever the content, would do for damage, but
 * here equal means that a state is thrown away. The second one sees other words: its content begins 4 bytes
 * later. May touch: files of the two patterns of names in the directory it is given. */
#include "store/images.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "state/checksum.h"
#include "store/file.h"
#include "store/run_dir.h"

enum { VERSION = 1, HEAD = 64, HEAD_CHECKED = 56, DIGITS = 32, HOST_MAX = 64, BLOCK = 1 << 18 };
static const unsigned char magic[8] = {'h', 't', 'i', 'm', 'a', 'g', 'e', '\n'};
static const uint32_t order = 0x01020304;
static const double dead_after_s = 3600;

/* ---- what an image is called -------------------------------------------------------------------- */

typedef struct {
    uint64_t sum[2], bytes;
} identity;

typedef struct {
    ht_checksum sum[2];
} summing;

static void begin_sums(summing *s)
{
    static const unsigned char fixed[68] = "hottune";
    ht_checksum_init(&s->sum[0]);
    ht_checksum_init(&s->sum[1]);
    ht_checksum_add(&s->sum[1], fixed, sizeof fixed);
}

/* Both sums over a block that stays in the cache in between. */
static void add_sums(summing *s, const unsigned char *bytes, size_t n)
{
    while (n > 0) {
        size_t now = n < BLOCK ? n : BLOCK;
        ht_checksum_add(&s->sum[0], bytes, now);
        ht_checksum_add(&s->sum[1], bytes, now);
        bytes += now;
        n -= now;
    }
}

static bool sums_are(const summing *s, const identity *id)
{
    return ht_checksum_value(&s->sum[0]) == id->sum[0] && ht_checksum_value(&s->sum[1]) == id->sum[1];
}

static uint64_t bytes_of(size_t n_parts, const ht_image_part parts[])
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < n_parts; i++)
        bytes += parts[i].bytes;
    return bytes;
}

static identity identify(size_t n_parts, const ht_image_part parts[])
{
    summing s;
    begin_sums(&s);
    for (size_t i = 0; i < n_parts; i++)
        add_sums(&s, parts[i].data, parts[i].bytes);
    return (identity){{ht_checksum_value(&s.sum[0]), ht_checksum_value(&s.sum[1])}, bytes_of(n_parts, parts)};
}

static void print_name(char name[HT_IMAGE_NAME], const identity *id)
{
    snprintf(name, HT_IMAGE_NAME, "%016" PRIx64 "%016" PRIx64 "-%" PRIu64 HT_IMAGE_SUFFIX, id->sum[0],
             id->sum[1], id->bytes);
}

/* Reads the name that `text` begins with. @return its length, 0 if it begins with none */
static size_t read_name(const char *text, identity *id)
{
    char again[HT_IMAGE_NAME], half[17] = "";
    if (strspn(text, "0123456789abcdef") != DIGITS || text[DIGITS] != '-')
        return 0;
    memcpy(half, text, 16);
    id->sum[0] = strtoull(half, NULL, 16);
    memcpy(half, text + 16, 16);
    id->sum[1] = strtoull(half, NULL, 16);
    id->bytes = strtoull(text + DIGITS + 1, NULL, 10);
    print_name(again, id); /* one content has one name: no sign, no leading zero, nothing too large */
    size_t n = strlen(again);
    return strncmp(text, again, n) == 0 ? n : 0;
}

static bool read_whole_name(const char *name, identity *id)
{
    size_t n = read_name(name, id);
    return n > 0 && name[n] == '\0';
}

bool ht_image_is_name(const char *name, uint64_t *bytes)
{
    identity id;
    bool is = read_whole_name(name, &id);
    if (is && bytes != NULL)
        *bytes = id.bytes;
    return is;
}

/* ---- writing ------------------------------------------------------------------------------------ */

static void make_head(unsigned char head[HEAD], const identity *id)
{
    ht_checksum c;
    memset(head, 0, HEAD);
    memcpy(head, magic, sizeof magic);
    memcpy(head + 8, &(uint32_t){VERSION}, 4);
    memcpy(head + 12, &order, 4);
    memcpy(head + 16, &id->bytes, 8);
    memcpy(head + 24, id->sum, 16);
    ht_checksum_init(&c);
    ht_checksum_add(&c, head, HEAD_CHECKED);
    memcpy(head + HEAD_CHECKED, &(uint64_t){ht_checksum_value(&c)}, 8);
}

/* An image of that head and size is there: it has been written to its end. */
static bool is_there(const char *path, const unsigned char head[HEAD], uint64_t bytes)
{
    unsigned char found[HEAD];
    struct stat s;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool there = fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && (uint64_t)s.st_size == HEAD + bytes &&
                 pread(fd, found, HEAD, 0) == HEAD && memcmp(found, head, HEAD) == 0;
    close(fd);
    return there;
}

/* @return 0, or why not (errno) */
static int write_aside(const char *aside, const unsigned char head[HEAD], size_t n_parts,
                       const ht_image_part parts[])
{
    int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return errno;
    int why = ht_file_put(fd, head, HEAD) ? 0 : errno;
    for (size_t i = 0; i < n_parts && why == 0; i++)
        if (!ht_file_put(fd, parts[i].data, parts[i].bytes))
            why = errno;
    if (close(fd) != 0 && why == 0)
        why = errno;
    if (why != 0)
        unlink(aside);
    return why;
}

/* A name beside `path` that says who writes; owned by the caller. NULL: no memory */
static char *aside_name(const char *path)
{
    char host[256];
    ht_string name = {0};
    ht_host_name(host);
    ht_string_add(&name, "%s.%.*s", path, HOST_MAX, host);
    char *base = ht_string_take(&name), *aside = base != NULL ? ht_file_aside(base) : NULL;
    free(base);
    return aside;
}

ht_status ht_image_write(const char *dir, size_t n_parts, const ht_image_part parts[],
                         char name[HT_IMAGE_NAME], bool *was_there, ht_error *err)
{
    unsigned char head[HEAD];
    char called[HT_IMAGE_NAME];
    identity id = identify(n_parts, parts);
    make_head(head, &id);
    print_name(called, &id);
    char *path = ht_path_join(dir, called), *aside = path != NULL ? aside_name(path) : NULL;
    ht_status st = HT_OK;
    bool there = path != NULL && is_there(path, head, id.bytes);
    int why = 0;
    if (aside == NULL)
        st = ht_fail(err, HT_ENOMEM, "no memory for the name of an image in '%s'", dir);
    else if (there)
        ht_file_sync_folder(path); /* who wrote it may not have come to that */
    else if ((why = write_aside(aside, head, n_parts, parts)) != 0)
        st = ht_fail(err, HT_EIO, "cannot write '%s': %s", path, strerror(why));
    else
        st = ht_file_publish(aside, path, err);
    if (st == HT_OK) {
        memcpy(name, called, sizeof called);
        if (was_there != NULL)
            *was_there = there;
    }
    free(aside);
    free(path);
    return st;
}

/* ---- reading ------------------------------------------------------------------------------------ */

static ht_status damaged(ht_error *err, const char *path, const char *how)
{
    return ht_fail(err, HT_EFORMAT,
                   "'%s' is damaged: %s; take a copy that is whole, or the checkpoint before", path, how);
}

static ht_status check_head(int fd, const char *path, const identity *id, ht_error *err)
{
    unsigned char head[HEAD], right[HEAD];
    struct stat s;
    uint32_t version, mark;
    if (fstat(fd, &s) != 0)
        return ht_fail(err, HT_EIO, "cannot read '%s': %s", path, strerror(errno));
    if (!S_ISREG(s.st_mode) || (uint64_t)s.st_size < HEAD || (uint64_t)s.st_size - HEAD != id->bytes)
        return damaged(err, path, "it has not the size that its name says");
    ssize_t n = read(fd, head, HEAD);
    if (n < 0)
        return ht_fail(err, HT_EIO, "cannot read '%s': %s", path, strerror(errno));
    make_head(right, id);
    if (n == HEAD && memcmp(head, right, HEAD) == 0)
        return HT_OK;
    memcpy(&version, head + 8, 4);
    memcpy(&mark, head + 12, 4);
    if (n == HEAD && memcmp(head, magic, sizeof magic) == 0 && mark == 0x04030201)
        return ht_fail(err, HT_EFORMAT,
                       "'%s' was written by a machine of the other byte order: go on with one "
                       "like it",
                       path);
    if (n == HEAD && memcmp(head, magic, sizeof magic) == 0 && mark == order && version != VERSION)
        return ht_fail(err, HT_EFORMAT,
                       "'%s' has version %" PRIu32 " of its format, and this program knows version "
                       "%d: use the program that wrote it",
                       path, version, VERSION);
    return damaged(err, path, "its head is not what was written");
}

/* n bytes into `to`, which take part in the sums. */
static ht_status read_part(int fd, const char *path, unsigned char *to, size_t n, summing *sums,
                           ht_error *err)
{
    while (n > 0) {
        ssize_t got = read(fd, to, n < BLOCK ? n : BLOCK);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ht_fail(err, HT_EIO, "cannot read '%s': %s", path, strerror(errno));
        if (got == 0)
            return damaged(err, path, "it became shorter meanwhile");
        add_sums(sums, to, (size_t)got);
        to += got;
        n -= (size_t)got;
    }
    return HT_OK;
}

static ht_status read_to_nowhere(int fd, const char *path, uint64_t bytes, summing *sums, ht_error *err)
{
    ht_status st = HT_OK;
    unsigned char *room = malloc(BLOCK);
    if (room == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory to read '%s'", path);
    for (uint64_t left = bytes; left > 0 && st == HT_OK;) {
        size_t now = left < BLOCK ? (size_t)left : BLOCK;
        st = read_part(fd, path, room, now, sums, err);
        left -= now;
    }
    free(room);
    return st;
}

/* @param parts  NULL: only check */
static ht_status read_open(int fd, const char *path, const identity *id, size_t n_parts,
                           const ht_image_part *parts, ht_error *err)
{
    summing sums;
    HT_TRY(check_head(fd, path, id, err));
    begin_sums(&sums);
    if (parts == NULL)
        HT_TRY(read_to_nowhere(fd, path, id->bytes, &sums, err));
    for (size_t i = 0; parts != NULL && i < n_parts; i++)
        HT_TRY(read_part(fd, path, parts[i].data, parts[i].bytes, &sums, err));
    return sums_are(&sums, id) ? HT_OK : damaged(err, path, "its checksum is wrong");
}

static ht_status open_and_read(const char *dir, const char *name, const identity *id, size_t n_parts,
                               const ht_image_part *parts, ht_error *err)
{
    char *path = ht_path_join(dir, name);
    if (path == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the name of '%s'", name);
    ht_status st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        st = read_open(fd, path, id, n_parts, parts, err);
        close(fd);
    } else if (errno == ENOENT || errno == ENOTDIR) {
        st = ht_fail(err, HT_ENOTFOUND, "'%s' is missing: put it back, or take the checkpoint before", path);
    } else {
        st = ht_fail(err, HT_EIO, "cannot open '%s': %s", path, strerror(errno));
    }
    free(path);
    return st;
}

static ht_status no_name(ht_error *err, const char *name)
{
    return ht_fail(err, HT_EFORMAT, "'%s' is no name of an image", name);
}

ht_status ht_image_read(const char *dir, const char *name, size_t n_parts, const ht_image_part parts[],
                        ht_error *err)
{
    static const ht_image_part none;
    identity id;
    if (!read_whole_name(name, &id))
        return no_name(err, name);
    uint64_t room = bytes_of(n_parts, parts);
    if (room != id.bytes)
        return ht_fail(err, HT_EFORMAT,
                       "image '%s' is a training state of %" PRIu64 " bytes, and this training has "
                       "one of %" PRIu64 ": go on with the program and the settings that wrote it",
                       name, id.bytes, room);
    return open_and_read(dir, name, &id, n_parts, n_parts > 0 ? parts : &none, err);
}

ht_status ht_image_check(const char *dir, const char *name, ht_error *err)
{
    identity id;
    return read_whole_name(name, &id) ? open_and_read(dir, name, &id, 0, NULL, err) : no_name(err, name);
}

/* ---- the directory ------------------------------------------------------------------------------ */

/* "<name>.<host>.tmp.<pid>.<nanoseconds>": an image that was not finished, and who writes it. */
static bool is_unfinished(const char *file, char host[HOST_MAX + 1], long *pid)
{
    identity id;
    size_t n = read_name(file, &id);
    if (n == 0 || file[n] != '.')
        return false;
    const char *from = file + n + 1, *to = NULL;
    for (const char *at = from; (at = strstr(at, ".tmp.")) != NULL; at++)
        to = at;
    if (to == NULL || (size_t)(to - from) > HOST_MAX)
        return false;
    memcpy(host, from, (size_t)(to - from));
    host[to - from] = '\0';
    const char *digits = "0123456789", *number = to + 5, *rest = number + strspn(number, digits);
    *pid = strtol(number, NULL, 10);
    return rest > number && rest[0] == '.' && rest[1] != '\0' && rest[1 + strspn(rest + 1, digits)] == '\0';
}

static bool is_dead(const char *host, long pid, const struct stat *s)
{
    char here[256];
    ht_host_name(here);
    here[HOST_MAX] = '\0';
    return (strcmp(host, here) == 0 && !ht_process_exists(pid)) ||
           difftime(time(NULL), s->st_mtime) > dead_after_s;
}

typedef struct {
    size_t n;
    const char *const *names;   /* sorted */
    uint64_t bytes; /* of what was removed, or of all */
    bool only_count, also_unfinished;
    int why; /* errno of the first file that could not be removed */
    const ht_file_guard *guard;
    ht_status refused;  /* by the guard: nothing more is removed */
    ht_error refusal;
} look;

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_wanted(const look *l, const char *file)
{
    return l->n > 0 && bsearch(&file, l->names, l->n, sizeof *l->names, by_name) != NULL;
}

static void look_at(look *l, int dir, const char *file)
{
    char host[HOST_MAX + 1];
    long pid = 0;
    struct stat s;
    bool image = ht_image_is_name(file, NULL);
    if ((!image && !is_unfinished(file, host, &pid)) || fstatat(dir, file, &s, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(s.st_mode))
        return;
    bool goes = image ? !is_wanted(l, file) : l->also_unfinished || is_dead(host, pid, &s);
    if (goes && !l->only_count && l->refused == HT_OK)
        l->refused = ht_file_guard_ask(l->guard, &l->refusal);
    goes = goes && l->refused == HT_OK;
    if (l->only_count || (goes && unlinkat(dir, file, 0) == 0))
        l->bytes += (uint64_t)s.st_size;
    else if (goes && errno != ENOENT && l->why == 0)
        l->why = errno;
}

static ht_status look_through(look *l, const char *path, ht_error *err)
{
    DIR *dir = opendir(path);
    if (dir == NULL)
        return errno == ENOENT ? HT_OK : ht_fail(err, HT_EIO, "cannot open '%s': %s", path, strerror(errno));
    for (const struct dirent *e; l->refused == HT_OK && (e = readdir(dir)) != NULL;)
        look_at(l, dirfd(dir), e->d_name);
    closedir(dir);
    return HT_OK;
}

static ht_status outcome(const look *l, const char *dir, ht_error *err)
{
    if (l->refused != HT_OK)
        return ht_fail(err, l->refused, "%s", l->refusal.text);
    return l->why == 0 ? HT_OK
                       : ht_fail(err, HT_EIO, "cannot remove images from '%s': %s", dir, strerror(l->why));
}

ht_status ht_images_sweep(const char *dir, size_t n, const char *const names[], const ht_file_guard *guard,
                          uint64_t *freed, ht_error *err)
{
    const char **sorted = malloc((n + 1) * sizeof *sorted);
    if (sorted == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory to look through '%s'", dir);
    if (n > 0)
        memcpy(sorted, names, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_name);
    look l = {.n = n, .names = sorted, .guard = guard};
    ht_status st = look_through(&l, dir, err);
    free(sorted);
    if (freed != NULL)
        *freed = l.bytes;
    return st == HT_OK ? outcome(&l, dir, err) : st;
}

ht_status ht_images_clear(const char *dir, const ht_file_guard *guard, ht_error *err)
{
    look l = {.also_unfinished = true, .guard = guard};
    ht_status st = look_through(&l, dir, err);
    return st == HT_OK ? outcome(&l, dir, err) : st;
}

ht_status ht_images_bytes(const char *dir, uint64_t *bytes, ht_error *err)
{
    look l = {.only_count = true};
    ht_status st = look_through(&l, dir, err);
    *bytes = l.bytes;
    return st;
}
