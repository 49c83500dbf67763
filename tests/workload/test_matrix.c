/* tests/workload/test_matrix.c - products against sums in double precision, at the edges of the tiles. */
#include "workload/matrix.h"

#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "cases.h"

enum { MOST = 600 };

static float *filled(size_t n, uint64_t replica)
{
    float *x = malloc((n + 1) * sizeof *x);
    CU_ASSERT_PTR_NOT_NULL_FATAL(x);
    ht_random random = ht_random_stream(1, HT_RANDOM_TEST, replica, n);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)ht_random_normal(&random);
    return x;
}

/** Largest error of a product, in units of what rounding may do: about sqrt(k) last places. */
static double error_of(size_t m, size_t n, size_t k, ht_matrix a, ht_matrix b, bool add)
{
    float *c = filled(m * n, 3), *before = filled(m * n, 3);
    double worst = 0;
    c[m * n] = 42;                      /* whether something is written behind the end */
    ht_matrix_multiply(m, n, k, a, b, c, add);
    CU_ASSERT_EQUAL((double)c[m * n], 42);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = add ? (double)before[i * n + j] : 0;
            for (size_t p = 0; p < k; p++)
                sum += (double)a.data[i * a.row + p * a.column] * (double)b.data[p * b.row + j * b.column];
            worst = fmax(worst, fabs(sum - (double)c[i * n + j]));
        }
    free(c);
    free(before);
    return worst / (1e-6 * sqrt((double)k + 1));
}

static void products_of_all_sizes_and_transposes_are_right(void)
{
    static const size_t sizes[][3] = {{1, 1, 1}, {8, 16, 256}, {7, 15, 3}, {9, 17, 257}, {64, 27, 48},
                                      {60, 96, 64}, {3, 10, MOST}, {13, 33, 513}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
        float *a = filled(m * k, 1), *b = filled(k * n, 2);
        for (int way = 0; way < 8; way++) {
            ht_matrix left = {a, way & 1 ? 1 : k, way & 1 ? m : 1};
            ht_matrix right = {b, way & 2 ? 1 : n, way & 2 ? k : 1};
            CU_ASSERT(error_of(m, n, k, left, right, (way & 4) != 0) < 5);
        }
        free(a);
        free(b);
    }
}

static void a_row_of_the_product_depends_on_its_row_alone(void)
{
    enum { M = 21, N = 19, K = 300 };
    float *a = filled(M * K, 1), *b = filled(K * N, 2), all[M * N], one[N];
    ht_matrix right = {b, N, 1};
    ht_matrix_multiply(M, N, K, (ht_matrix){a, K, 1}, right, all, false);
    for (size_t i = 0; i < M; i++) {
        ht_matrix_multiply(1, N, K, (ht_matrix){a + i * K, K, 1}, right, one, false);
        for (size_t j = 0; j < N; j++)
            CU_ASSERT_EQUAL((double)one[j], (double)all[i * N + j]);
    }
    free(a);
    free(b);
}

static void a_nan_reaches_all_that_it_belongs_to_and_nothing_else(void)
{
    enum { M = 9, N = 18, K = 5 };
    float *a = filled(M * K, 1), *b = filled(K * N, 2), c[M * N];
    a[4 * K + 2] = NAN;
    ht_matrix_multiply(M, N, K, (ht_matrix){a, K, 1}, (ht_matrix){b, N, 1}, c, false);
    for (size_t i = 0; i < M * N; i++)
        CU_ASSERT_EQUAL(isnan(c[i]) != 0, i / N == 4);
    free(a);
    free(b);
}

CASES("matrix", CASE(products_of_all_sizes_and_transposes_are_right),
      CASE(a_row_of_the_product_depends_on_its_row_alone),
      CASE(a_nan_reaches_all_that_it_belongs_to_and_nothing_else))
