/* tests/store/test_h5_grow.c - datasets that grow are copied between rows, in whatever state their chunks are. */
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "store/h5.h"

enum { ROWS = 3000, BETWEEN_COPIES = 60, FIXED = 4, GROWING = 64 };

typedef struct {
    long long number;
    double reals[3];
    int32_t small;
    char text[13];
    signed char flag;
    float single;
} row;

static const ht_h5_column columns[] = {
    HT_H5_COLUMN(row, number, HT_H5_INT, "number"),   HT_H5_REALS(row, reals, "reals"),
    HT_H5_COLUMN(row, small, HT_H5_INT32, "small"),   HT_H5_TEXTS(row, text, "text"),
    HT_H5_COLUMN(row, flag, HT_H5_FLAG, "flag"),      HT_H5_COLUMN(row, single, HT_H5_REAL32, "single"),
};
static const ht_h5_table table = HT_H5_TABLE(row, columns);

/* Stretches of rows that compress well and of rows that do not: chunks of all sizes. */
static bool is_wild(int i)
{
    return i / 500 % 2 == 1;
}

static unsigned long long next_noise(unsigned long long *noise)
{
    *noise = *noise * 6364136223846793005u + 1442695040888963407u;
    return *noise >> 33;
}

static row make_row(int i, unsigned long long *noise)
{
    row r = {.number = i, .small = -i, .flag = (signed char)(i % 2), .single = (float)i};
    HT_H5_COPY(r.text, "text");
    for (size_t k = 0; k < 3; k++)
        r.reals[k] = is_wild(i) ? (double)next_noise(noise) / 7 : i;
    return r;
}

static void check_rows(hid_t file, int n)
{
    size_t found = 0;
    void *rows = NULL;
    int wrong = 0;
    CU_ASSERT_TRUE_FATAL(ht_h5_read_table(file, "table", &table, &found, &rows));
    CU_ASSERT_EQUAL_FATAL(found, (size_t)n);
    for (int i = 0; i < n; i++) {
        const row *r = (const row *)rows + i;
        wrong += r->number != i || r->small != -i || r->flag != i % 2 || r->single != (float)i ||
                 strcmp(r->text, "text") != 0 || (!is_wild(i) && r->reals[2] != i);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    free(rows);
}

/* H5Ocopy of HDF5 1.10.8 overruns its buffer if compressed chunks of the source are in the cache. */
static void copies_between_rows_have_every_row_and_harm_no_memory(void)
{
    ht_h5_image image, copied;
    ht_h5_grow *rows = NULL, *fixed = NULL, *growing = NULL;
    const char *names[GROWING];
    unsigned long long noise = 1;
    hid_t file = ht_h5_create_in_memory(&image);
    for (size_t k = 0; k < GROWING; k++)
        names[k] = "metric";
    CU_ASSERT_TRUE_FATAL(ht_h5_grow_table(file, "table", &table, &rows));
    CU_ASSERT_TRUE_FATAL(ht_h5_grow_matrix(file, "fixed", FIXED, FIXED, true, &fixed));
    CU_ASSERT_TRUE_FATAL(ht_h5_grow_matrix(file, "growing", GROWING, FIXED, false, &growing));
    for (int i = 0; i < ROWS; i++) {
        const row r = make_row(i, &noise);
        double cells[GROWING];
        for (size_t k = 0; k < GROWING; k++)
            cells[k] = is_wild(i) ? (double)next_noise(&noise) / 7 : 1;
        CU_ASSERT_TRUE_FATAL(ht_h5_grow_add(rows, &r, 0) && ht_h5_grow_add(fixed, cells, FIXED) &&
                             ht_h5_grow_add(growing, cells, 1 + (size_t)i / 50));
        if (i % BETWEEN_COPIES != BETWEEN_COPIES - 1)
            continue;
        hid_t to = ht_h5_create_in_memory(&copied);
        CU_ASSERT_TRUE_FATAL(ht_h5_grow_copy(rows, to, "table", NULL) &&
                             ht_h5_grow_copy(fixed, to, "fixed", names) &&
                             ht_h5_grow_copy(growing, to, "growing", names));
        check_rows(to, i + 1);
        ht_h5_close(to);
        free(copied.bytes);
    }
    ht_h5_grow_destroy(rows);
    ht_h5_grow_destroy(fixed);
    ht_h5_grow_destroy(growing);
    ht_h5_close(file);
    free(image.bytes);
}

CASES("h5_grow", CASE(copies_between_rows_have_every_row_and_harm_no_memory))
