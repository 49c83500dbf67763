/** @file src/workload/matrix.h
 *  Products of small matrices.
 *
 *  Not a BLAS: the matrices of the tasks are small enough that a tile in registers, and nothing else, is as
 *  fast as one; and a BLAS that does not know a new processor falls back to a kernel of 2004, which made an
 *  epoch three times as long. */
#ifndef HT_WORKLOAD_MATRIX_H
#define HT_WORKLOAD_MATRIX_H

#include <stdbool.h>
#include <stddef.h>

/** A matrix to read: element (i, j) is at data[i * row + j * column], so a transpose costs nothing. */
typedef struct {
    const float *data;
    size_t row, column;
} ht_matrix;

/** c = a b, or c += a b.
 *  @param a  m x k
 *  @param b  k x n
 *  @param c  [m][n]; overlaps neither a nor b
 *  The result is the same bits for the same operands on the same kind of processor; a row of c depends on
 *  its row of a alone. */
void ht_matrix_multiply(size_t m, size_t n, size_t k, ht_matrix a, ht_matrix b, float *c, bool add);

#endif
