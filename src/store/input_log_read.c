/* src/store/input_log_read.c - reads the journal of the coordinator's inputs; the contract is in input_log.h.
 *
 * May touch: the log (reads only). */
#include "store/input_record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A log that is read: where it is in the file, which is that long, and room for a record. */
typedef struct {
    FILE *file;
    const char *path;
    uint64_t size;
    unsigned char *room; /* [capacity], owned */
    size_t capacity;
} reader;

static ht_status cannot_read(const reader *r, ht_error *err)
{
    return ht_fail(err, HT_EIO, "cannot read '%s': %s", r->path,
                   ferror(r->file) ? strerror(errno) : "it became shorter meanwhile");
}

static ht_status take(reader *r, void *to, size_t n, ht_error *err)
{
    return fread(to, 1, n, r->file) == n ? HT_OK : cannot_read(r, err);
}

/* Whether the file holds nothing but zeros from here to its end. */
static ht_status ends_in_zeros(reader *r, bool *zeros, ht_error *err)
{
    unsigned char block[4096];
    size_t n;
    *zeros = true;
    while (*zeros && (n = fread(block, 1, sizeof block, r->file)) > 0)
        for (size_t i = 0; i < n; i++)
            *zeros = *zeros && block[i] == 0;
    return ferror(r->file) ? cannot_read(r, err) : HT_OK;
}

static ht_status damaged(const reader *r, const ht_input_extent *at, ht_error *err)
{
    return ht_fail(err, HT_EFORMAT,
                   "'%s' is damaged: record %" PRIu64 " at byte %" PRIu64 " is not what was written; take a "
                   "copy that is whole",
                   r->path, at->records, at->bytes);
}

/* What follows is no whole record: torn if nothing but zeros comes behind it, for then it is the last. */
static ht_status torn_or_damaged(reader *r, ht_input_extent *at, ht_error *err)
{
    bool zeros;
    HT_TRY(ends_in_zeros(r, &zeros, err));
    if (!zeros)
        return damaged(r, at, err);
    at->torn = r->size - at->bytes;
    return HT_OK;
}

static ht_status make_room(reader *r, size_t n, ht_error *err)
{
    if (n <= r->capacity)
        return HT_OK;
    unsigned char *room = realloc(r->room, n);
    if (room == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for %zu bytes of '%s'", n, r->path);
    r->room = room;
    r->capacity = n;
    return HT_OK;
}

/* The next record, whose bytes lie in r->room until the next call. at->torn: there is none. */
static ht_status next_record(reader *r, ht_input_extent *at, ht_input *in, uint64_t *sum, ht_error *err)
{
    unsigned char head[HT_INPUT_HEAD], tail[HT_INPUT_TAIL];
    uint64_t left = r->size - at->bytes;
    if (left < HT_INPUT_HEAD) {
        at->torn = left;
        return HT_OK;
    }
    HT_TRY(take(r, head, HT_INPUT_HEAD, err));
    if (ht_input_get(head + HT_INPUT_HEAD_CHECKED, 4) != ht_input_head_check(at, head))
        return torn_or_damaged(r, at, err);
    *in = ht_input_record_read(head);
    if (left - HT_INPUT_HEAD < HT_INPUT_TAIL || left - HT_INPUT_HEAD - HT_INPUT_TAIL < in->n) {
        at->torn = left;
        return HT_OK;
    }
    HT_TRY(make_room(r, in->n, err));
    if (in->n > 0)
        HT_TRY(take(r, r->room, in->n, err));
    HT_TRY(take(r, tail, HT_INPUT_TAIL, err));
    in->bytes = r->room;
    *sum = ht_input_record_sum(at, head, in->bytes, in->n);
    return ht_input_get(tail, HT_INPUT_TAIL) == *sum ? HT_OK : torn_or_damaged(r, at, err);
}

/* The head of the file; one that was cut off is torn. */
static ht_status open_extent(reader *r, ht_input_extent *out, ht_error *err)
{
    unsigned char head[HT_INPUT_FILE_HEAD] = {0}, right[HT_INPUT_FILE_HEAD];
    ht_input_file_head(right);
    size_t n = r->size < HT_INPUT_FILE_HEAD ? (size_t)r->size : HT_INPUT_FILE_HEAD;
    HT_TRY(take(r, head, n, err));
    if (n < HT_INPUT_FILE_HEAD && memcmp(head, right, n) == 0) {
        out->torn = n;
        return HT_OK;
    }
    if (n < HT_INPUT_FILE_HEAD || memcmp(head, right, 8) != 0)
        return ht_fail(err, HT_EFORMAT, "'%s' is no journal of inputs", r->path);
    if (ht_input_get(head + HT_INPUT_FILE_HEAD_CHECKED, 8) != ht_input_sum(head, HT_INPUT_FILE_HEAD_CHECKED))
        return ht_fail(err, HT_EFORMAT,
                       "'%s' is damaged: its head is not what was written; take a copy that is whole",
                       r->path);
    if (memcmp(head, right, HT_INPUT_FILE_HEAD) != 0)
        return ht_fail(err, HT_EFORMAT,
                       "'%s' has version %" PRIu64
                       " of its format, and this program knows version %d: use the "
                       "program that wrote it",
                       r->path, ht_input_get(head + 8, 4), HT_INPUT_VERSION);
    out->bytes = HT_INPUT_FILE_HEAD;
    out->sum = ht_input_get(head + HT_INPUT_FILE_HEAD_CHECKED, 8);
    return HT_OK;
}

static ht_status read_records(reader *r, uint64_t at_most, ht_input_visit *visit, void *ctx,
                              ht_input_extent *out, ht_error *err)
{
    HT_TRY(open_extent(r, out, err));
    while (out->bytes > 0 && out->bytes < r->size && out->records < at_most) {
        ht_input in;
        uint64_t sum = 0;
        HT_TRY(next_record(r, out, &in, &sum, err));
        if (out->torn > 0)
            break;
        if (visit != NULL)
            HT_TRY(visit(ctx, out->records, &in, err));
        ht_input_extent_add(out, in.n, sum);
    }
    return HT_OK;
}

ht_status ht_input_log_read(const char *path, uint64_t at_most, ht_input_visit *visit, void *ctx,
                            ht_input_extent *out, ht_error *err)
{
    *out = (ht_input_extent){0};
    struct stat s;
    reader r = {.path = path, .file = fopen(path, "rb")};
    if (r.file == NULL)
        return ht_fail(err, errno == ENOENT || errno == ENOTDIR ? HT_ENOTFOUND : HT_EIO,
                       "cannot open '%s': %s", path, strerror(errno));
    ht_status st;
    if (fstat(fileno(r.file), &s) != 0)
        st = ht_fail(err, HT_EIO, "cannot read '%s': %s", path, strerror(errno));
    else if (!S_ISREG(s.st_mode))
        st = ht_fail(err, HT_EFORMAT, "'%s' is no journal of inputs: it is no regular file", path);
    else {
        r.size = (uint64_t)s.st_size;
        st = read_records(&r, at_most, visit, ctx, out, err);
    }
    free(r.room);
    fclose(r.file);
    return st;
}
