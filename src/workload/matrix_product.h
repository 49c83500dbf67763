/* src/workload/matrix_product.h - the product for one kind of processor; included by matrix.c, once for each.
 *
 * PRODUCT is the name, TARGET the attribute that allows the instructions, ROWS x LANES the tile of c that is
 * kept in registers: ROWS rows fill the registers that the processor has. (Clones by the compiler would be
 * shorter, but gcc cuts long vectors into short ones before it clones.) */

/* c[rows][columns] (+)= DEPTH-deep product. Missing rows are computed from the last one and not stored. */
TARGET static void TILE(size_t rows, size_t columns, size_t depth, ht_matrix a, const float *b, float *c,
                        size_t c_row, bool add)
{
    lanes sum[ROWS] = {{0}};
    const float *at[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        at[i] = a.data + (i < rows ? i : rows - 1) * a.row;
    for (size_t p = 0; p < depth; p++) {
        lanes right = *(const lanes *)(b + p * LANES);
        for (size_t i = 0; i < ROWS; i++)
            sum[i] += at[i][p * a.column] * right;
    }
    for (size_t i = 0; i < rows; i++) {
        float *to = c + i * c_row;
        if (columns == LANES) {
            lanes *out = (lanes *)to;
            *out = add ? *out + sum[i] : sum[i];
            continue;
        }
        for (size_t j = 0; j < columns; j++)
            to[j] = (add ? to[j] : 0) + sum[i][j];
    }
}

TARGET static void PRODUCT(size_t m, size_t n, size_t k, ht_matrix a, ht_matrix b, float *c, bool add)
{
    float panel[DEPTH * LANES];
    for (size_t p = 0; p < k; p += DEPTH)
        for (size_t j = 0; j < n; j += LANES) {
            size_t depth = k - p < DEPTH ? k - p : DEPTH, columns = n - j < LANES ? n - j : LANES;
            pack(depth, columns, part(b, p, j), panel);
            for (size_t i = 0; i < m; i += ROWS)
                TILE(m - i < ROWS ? m - i : ROWS, columns, depth, part(a, i, p), panel, c + i * n + j, n,
                     add || p > 0);
        }
}
