/* src/workload/matrix.c - products of small matrices; the contract is in matrix.h.
 *
 * A panel of b, DEPTH rows of LANES columns, is packed so that it stays in the first cache; past it go the
 * rows of a, a few at a time, and their tile of c is summed in registers.
 * Source of the form: Goto, van de Geijn, "Anatomy of High-Performance Matrix Multiplication", ACM TOMS 2008;
 * we pack only b, because a fits into the second cache as it is. */
#include "workload/matrix.h"

#include <string.h>

enum { LANES = 16, DEPTH = 256 };
typedef float lanes __attribute__((vector_size(64), aligned(4)));

static ht_matrix part(ht_matrix m, size_t i, size_t j)
{
    m.data += i * m.row + j * m.column;
    return m;
}

/* to[depth][LANES], zeros behind the columns that are there. */
static void pack(size_t depth, size_t columns, ht_matrix b, float *to)
{
    if (columns < LANES)
        memset(to, 0, depth * LANES * sizeof *to);
    if (columns == LANES && b.column == 1)
        for (size_t p = 0; p < depth; p++)
            memcpy(to + p * LANES, b.data + p * b.row, LANES * sizeof *to);
    else
        for (size_t j = 0; j < columns; j++)
            for (size_t p = 0; p < depth; p++)
                to[p * LANES + j] = b.data[p * b.row + j * b.column];
}

#define PRODUCT product
#define TILE tile
#define TARGET
#ifdef __x86_64__
#define ROWS 2
#else
#define ROWS 4
#endif
#include "workload/matrix_product.h"
#undef PRODUCT
#undef TILE
#undef TARGET
#undef ROWS

#ifdef __x86_64__
#define PRODUCT product_avx2
#define TILE tile_avx2
#define TARGET __attribute__((target("avx2,fma")))
#define ROWS 6
#include "workload/matrix_product.h"
#undef PRODUCT
#undef TILE
#undef TARGET
#undef ROWS

#define PRODUCT product_avx512
#define TILE tile_avx512
#define TARGET __attribute__((target("avx512f,fma")))
#define ROWS 8
#include "workload/matrix_product.h"
#endif

void ht_matrix_multiply(size_t m, size_t n, size_t k, ht_matrix a, ht_matrix b, float *c, bool add)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) {
        product_avx512(m, n, k, a, b, c, add);
        return;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        product_avx2(m, n, k, a, b, c, add);
        return;
    }
#endif
    product(m, n, k, a, b, c, add);
}
