/* tests/store/bytes.h - binary files in a folder: read, damaged byte by byte, refused by the disk. */
#ifndef TESTS_STORE_BYTES_H
#define TESTS_STORE_BYTES_H

#include <sys/resource.h>

#include "folder.h"

/* Content of a file, to be freed. */
static inline unsigned char *bytes_read(folder *f, const char *name, size_t *n)
{
    char *text = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_file_read(folder_file(f, name), &text, n, NULL), HT_OK);
    return (unsigned char *)text;
}

static inline void bytes_write(folder *f, const char *name, const void *bytes, size_t n)
{
    FILE *file = fopen(folder_file(f, name), "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(bytes, 1, n, file), n);
    fclose(file);
}

static inline void bytes_append(folder *f, const char *name, const void *bytes, size_t n)
{
    FILE *file = fopen(folder_file(f, name), "ab");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(bytes, 1, n, file), n);
    fclose(file);
}

/* Files of this process cannot grow beyond n bytes. */
static inline void bytes_limit(rlim_t n)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = n;
    setrlimit(RLIMIT_FSIZE, &limit);
}

#endif
