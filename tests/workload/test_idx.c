/* tests/workload/test_idx.c - IDX files: whole, plain, foreign, cut off, damaged. */
#include "workload/idx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "cases.h"

static const char path[] = "test_idx.tmp";
enum { ROWS = 3, COLS = 20, N = ROWS * COLS, HEADER = 12 };
static const size_t dims[2] = {ROWS, COLS};

/** A file of 3 rows of 20 bytes as it must be. @return its length */
static size_t make_file(unsigned char file[HEADER + N])
{
    static const unsigned char header[HEADER] = {0, 0, 8, 2, 0, 0, 0, ROWS, 0, 0, 0, COLS};
    memcpy(file, header, HEADER);
    for (int i = 0; i < N; i++)
        file[HEADER + i] = (unsigned char)(7 * i);
    return HEADER + N;
}

static void write_plain(const unsigned char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static void write_gzip(const unsigned char *bytes, size_t n)
{
    gzFile f = gzopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(gzwrite(f, bytes, (unsigned)n), (int)n);
    gzclose(f);
}

static size_t read_back(unsigned char *bytes, size_t size)
{
    FILE *f = fopen(path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    size_t n = fread(bytes, 1, size, f);
    fclose(f);
    return n;
}

static void expect_values(void)
{
    unsigned char *values = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_idx_read(path, 2, dims, &values, NULL), HT_OK);
    for (int i = 0; i < N; i++)
        CU_ASSERT_EQUAL(values[i], (unsigned char)(7 * i));
    free(values);
}

static void expect_refusal(ht_status status, const char *says)
{
    unsigned char mark, *values = &mark;
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_idx_read(path, 2, dims, &values, &err), status);
    CU_ASSERT_PTR_EQUAL(values, &mark);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, path));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, says));
}

static void a_file_is_read_gzipped_or_plain(void)
{
    unsigned char file[HEADER + N];
    size_t n = make_file(file);
    write_gzip(file, n);
    expect_values();
    write_plain(file, n);
    expect_values();
    remove(path);
}

static void a_file_that_is_not_there_is_not_found(void)
{
    remove(path);
    expect_refusal(HT_ENOTFOUND, "cannot open");
}

static void a_foreign_header_is_refused(void)
{
    unsigned char file[HEADER + N];
    size_t n = make_file(file);
    for (size_t i = 0; i < 4; i++) {
        make_file(file);
        file[i] ^= 1;
        write_gzip(file, n);
        expect_refusal(HT_EFORMAT, "does not begin like an IDX file");
    }
    write_plain((const unsigned char *)"", 0);
    expect_refusal(HT_EFORMAT, "cut off");
    remove(path);
}

static void a_header_that_claims_4_billion_rows_costs_no_memory(void)
{
    unsigned char file[HEADER + N];
    size_t n = make_file(file);
    memset(file + 4, 0xff, 4);
    write_gzip(file, n);
    expect_refusal(HT_EFORMAT, "dimension 0 has size 4294967295 instead of 3");
    remove(path);
}

static void a_file_cut_off_anywhere_is_refused(void)
{
    unsigned char file[HEADER + N], packed[256];
    size_t n = make_file(file);
    write_gzip(file, n);
    size_t n_packed = read_back(packed, sizeof packed);
    for (size_t i = 0; i < n_packed; i++) {
        write_plain(packed, i);
        expect_refusal(HT_EFORMAT, "");
    }
    for (size_t i = 0; i < n; i++) {
        write_plain(file, i);
        expect_refusal(HT_EFORMAT, "cut off");
    }
    remove(path);
}

static void a_damaged_byte_never_gives_wrong_values(void)
{
    unsigned char file[HEADER + N], packed[256];
    write_gzip(file, make_file(file));
    size_t n = read_back(packed, sizeof packed);
    for (size_t i = 0; i < 8 * n; i++) {
        unsigned char *values = NULL;
        packed[i / 8] ^= (unsigned char)(1u << i % 8);
        write_plain(packed, n);
        if (ht_idx_read(path, 2, dims, &values, NULL) == HT_OK)
            CU_ASSERT_EQUAL(memcmp(values, file + HEADER, N), 0);   /* e.g. the time stamp was hit */
        free(values);
        packed[i / 8] ^= (unsigned char)(1u << i % 8);
    }
    remove(path);
}

static void bytes_after_the_last_value_are_refused(void)
{
    unsigned char file[HEADER + N + 1] = {0};
    make_file(file);
    write_gzip(file, sizeof file);
    expect_refusal(HT_EFORMAT, "has bytes after the last value");
    remove(path);
}

CASES("idx", CASE(a_file_is_read_gzipped_or_plain), CASE(a_file_that_is_not_there_is_not_found),
      CASE(a_foreign_header_is_refused), CASE(a_header_that_claims_4_billion_rows_costs_no_memory),
      CASE(a_file_cut_off_anywhere_is_refused), CASE(a_damaged_byte_never_gives_wrong_values),
      CASE(bytes_after_the_last_value_are_refused))
