/* src/workload/idx.c - reader of IDX files; the contract is in idx.h. */
#include "workload/idx.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { TYPE_BYTES = 8, HEADER_MAX = 4 + 4 * HT_IDX_DIMS_MAX };

/** Exactly n bytes. zlib checks the stream as it goes; a short count with no error is a file cut off. */
static ht_status read_bytes(gzFile f, const char *path, unsigned char *to, size_t n, ht_error *err)
{
    while (n > 0) {
        unsigned part = n > 1u << 20 ? 1u << 20 : (unsigned)n;
        int got = gzread(f, to, part);
        if (got < 0) {
            int number;
            return ht_fail(err, HT_EFORMAT, "'%s' is damaged: %s", path, gzerror(f, &number));
        }
        if (got == 0)
            return ht_fail(err, HT_EFORMAT, "'%s' is cut off: %zu bytes are missing", path, n);
        to += got;
        n -= (size_t)got;
    }
    return HT_OK;
}

/** At the end zlib compares the checksum, which covers the last bytes, too. */
static ht_status expect_end(gzFile f, const char *path, ht_error *err)
{
    unsigned char more;
    int number, got = gzread(f, &more, 1);
    const char *fault = gzerror(f, &number);
    if (got > 0)
        return ht_fail(err, HT_EFORMAT, "'%s' has bytes after the last value", path);
    if (got < 0 || (number != Z_OK && number != Z_STREAM_END))
        return ht_fail(err, HT_EFORMAT, "'%s' is damaged: %s", path, fault);
    return HT_OK;
}

static ht_status check_header(const unsigned char *h, const char *path, size_t n_dims, const size_t *dims,
                              ht_error *err)
{
    if (h[0] != 0 || h[1] != 0 || h[2] != TYPE_BYTES || h[3] != n_dims)
        return ht_fail(err, HT_EFORMAT, "'%s' does not begin like an IDX file of bytes in %zu dimensions",
                       path, n_dims);
    for (size_t i = 0; i < n_dims; i++) {
        const unsigned char *b = h + 4 + 4 * i;
        uint32_t size = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        if (size != dims[i])
            return ht_fail(err, HT_EFORMAT, "'%s': dimension %zu has size %lu instead of %zu", path, i,
                           (unsigned long)size, dims[i]);
    }
    return HT_OK;
}

ht_status ht_idx_read(const char *path, size_t n_dims, const size_t *dims, unsigned char **out, ht_error *err)
{
    unsigned char header[HEADER_MAX], *values = NULL;
    size_t n = 1;
    for (size_t i = 0; i < n_dims; i++)
        n *= dims[i];
    gzFile f = gzopen(path, "rb");
    if (f == NULL)
        return ht_fail(err, HT_ENOTFOUND, "cannot open '%s': %s", path, strerror(errno));
    ht_status st = read_bytes(f, path, header, 4 + 4 * n_dims, err);
    if (st == HT_OK)
        st = check_header(header, path, n_dims, dims, err);
    if (st != HT_OK)
        goto done;
    values = malloc(n > 0 ? n : 1);
    if (values == NULL) {
        st = ht_fail(err, HT_ENOMEM, "no memory for the %zu bytes of '%s'", n, path);
        goto done;
    }
    st = read_bytes(f, path, values, n, err);
    if (st == HT_OK)
        st = expect_end(f, path, err);
    if (st != HT_OK)
        goto done;
    *out = values;
    values = NULL;                      /* the caller owns them now */
done:
    free(values);
    gzclose_r(f);
    return st;
}
