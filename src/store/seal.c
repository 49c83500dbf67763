/* src/store/seal.c - a checksum behind the content of a file; the contract is in seal.h.
 *
 * May touch: the file that is checked (reads only), or gets a new seal. */
#include "store/seal.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sum.h"
#include "store/file.h"

static const char magic[8] = {'h', 't', 's', 'e', 'a', 'l', '1', '\n'};

static void print(unsigned char seal[HT_SEAL_SIZE], uint64_t hash)
{
    memcpy(seal, magic, sizeof magic);
    for (int i = 0; i < 8; i++)
        seal[8 + i] = (unsigned char)(hash >> (8 * i));
}

void ht_seal_put(unsigned char *bytes, size_t n)
{
    print(bytes + n, ht_sum_add(HT_SUM_START, bytes, n));
}

/* Hash of everything but the last HT_SEAL_SIZE bytes, and those. @return false: shorter than that */
static bool read_all(FILE *file, uint64_t *hash, unsigned char last[HT_SEAL_SIZE])
{
    unsigned char block[65536 + HT_SEAL_SIZE];
    size_t held = 0, got;
    *hash = HT_SUM_START;
    while ((got = fread(block + held, 1, sizeof block - held, file)) > 0) {
        held += got;
        if (held > HT_SEAL_SIZE) {
            *hash = ht_sum_add(*hash, block, held - HT_SEAL_SIZE);
            memmove(block, block + held - HT_SEAL_SIZE, HT_SEAL_SIZE);
            held = HT_SEAL_SIZE;
        }
    }
    memcpy(last, block, held);
    return held == HT_SEAL_SIZE;
}

ht_status ht_seal_look(const char *path, bool *sealed, ht_error *err)
{
    unsigned char last[HT_SEAL_SIZE], right[HT_SEAL_SIZE];
    uint64_t hash;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return ht_fail(err, errno == ENOENT || errno == ENOTDIR ? HT_ENOTFOUND : HT_EIO,
                       "cannot open '%s': %s", path, strerror(errno));
    *sealed = read_all(file, &hash, last) && memcmp(last, magic, sizeof magic) == 0;
    bool failed = ferror(file) != 0;
    int why = errno;
    fclose(file);
    if (failed)
        return ht_fail(err, HT_EIO, "cannot read '%s': %s", path, strerror(why));
    print(right, hash);
    if (*sealed && memcmp(last, right, sizeof last) != 0)
        return ht_fail(err, HT_EFORMAT, "'%s' is damaged: its checksum is wrong; take a copy that is whole",
                       path);
    return HT_OK;
}

ht_status ht_seal_renew(const char *path, ht_error *err)
{
    char *content = NULL;
    size_t n = 0;
    HT_TRY(ht_file_read(path, &content, &n, err));
    char *sealed = realloc(content, n + HT_SEAL_SIZE);
    if (sealed == NULL) {
        free(content);
        return ht_fail(err, HT_ENOMEM, "no memory for the content of '%s'", path);
    }
    ht_seal_put((unsigned char *)sealed, n);
    ht_status st = ht_file_replace(path, sealed, n + HT_SEAL_SIZE, err);
    free(sealed);
    return st;
}

ht_status ht_seal_check(const char *path, ht_error *err)
{
    bool sealed;
    return ht_seal_look(path, &sealed, err);
}

bool ht_seal_is_there(const char *path)
{
    unsigned char last[HT_SEAL_SIZE];
    FILE *file = fopen(path, "rb");
    bool there = file != NULL && fseek(file, -(long)HT_SEAL_SIZE, SEEK_END) == 0 &&
                 fread(last, 1, sizeof last, file) == sizeof last && memcmp(last, magic, sizeof magic) == 0;
    if (file != NULL)
        fclose(file);
    return there;
}
