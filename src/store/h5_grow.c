/* src/store/h5_grow.c - tables and matrices that grow by rows; the contract is in h5.h.
 *
 * The last rows lie in `tail`, the others in full chunks of the dataset, so count = n_written + n_tail and
 * n_written is a multiple of `chunk`. A copy is the dataset chunk by chunk, as they are, and the tail behind
 * them. May touch: the heap, the files it is given. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/h5_internal.h"

enum { GROW_BYTES = 1 << 13 }; /* of a chunk: compressed in a fraction of a millisecond */

struct ht_h5_grow {
    hid_t set, type; /* dataset; type of a row (table) or of a cell (matrix) in memory */
    int rank;
    size_t row_size, room; /* bytes of a row in `tail`; room: cells of a row, 1 for a table */
    size_t columns;        /* used so far */
    size_t chunk;          /* rows of a chunk */
    size_t n_written, n_tail;
    char *tail; /* [chunk] rows, owned */
};

void ht_h5_grow_destroy(ht_h5_grow *g)
{
    if (g == NULL)
        return;
    ht_h5_close(g->set);
    ht_h5_close(g->type);
    free(g->tail);
    free(g);
}

/* No cache of chunks: each is written once, whole. And H5Ocopy (HDF5 1.10.8) overruns its buffer when a
 * compressed chunk of a dataset that is open is still in the cache, flushed or not. */
static hid_t no_cache(void)
{
    hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
    if (access >= 0 && H5Pset_chunk_cache(access, 0, 0, 1) < 0) {
        ht_h5_close(access);
        return H5I_INVALID_HID;
    }
    return access;
}

static hid_t create_set(hid_t at, const char *name, int rank, size_t room, hid_t type, const hsize_t *chunk)
{
    static const double none = NAN;
    hsize_t dims[2] = {0, 0}, most[2] = {H5S_UNLIMITED, room};
    hid_t space = H5Screate_simple(rank, dims, most), how = ht_h5_chunked(rank, chunk), access = no_cache(),
          set = H5I_INVALID_HID;
    bool fine = space >= 0 && how >= 0 && access >= 0;
    if (fine && rank == 2)
        fine = H5Pset_fill_value(how, H5T_NATIVE_DOUBLE, &none) >= 0;
    if (fine)
        set = H5Dcreate2(at, name, type, space, H5P_DEFAULT, how, access);
    ht_h5_close(access);
    ht_h5_close(how);
    ht_h5_close(space);
    return set;
}

static bool finish_creation(ht_h5_grow *g, bool fine, ht_h5_grow **out)
{
    if (fine && g->type >= 0 && g->set >= 0 && (g->tail = malloc(g->chunk * g->row_size)) != NULL) {
        *out = g;
        return true;
    }
    ht_h5_grow_destroy(g);
    return false;
}

bool ht_h5_grow_table(hid_t at, const char *name, const ht_h5_table *table, ht_h5_grow **out)
{
    ht_h5_grow *g = calloc(1, sizeof *g);
    hid_t file = ht_h5_row_type(table, true);
    if (g == NULL || file < 0) {
        ht_h5_close(file);
        free(g);
        return false;
    }
    *g = (ht_h5_grow){.set = H5I_INVALID_HID,
                      .type = ht_h5_row_type(table, false),
                      .rank = 1,
                      .row_size = table->row_size,
                      .room = 1,
                      .columns = 1,
                      .chunk = GROW_BYTES / H5Tget_size(file) + 1};
    g->set = create_set(at, name, 1, 1, file, &(hsize_t){g->chunk});
    ht_h5_close(file);
    return finish_creation(g, g->set >= 0 && ht_h5_put_column_docs(g->set, table), out);
}

bool ht_h5_grow_matrix(hid_t at, const char *name, size_t room, size_t columns, bool single, ht_h5_grow **out)
{
    ht_h5_grow *g = calloc(1, sizeof *g);
    hid_t file = single ? H5T_IEEE_F32LE : H5T_IEEE_F64LE;
    if (g == NULL)
        return false;
    *g = (ht_h5_grow){.set = H5I_INVALID_HID,
                      .type = H5Tcopy(H5T_NATIVE_DOUBLE),
                      .rank = 2,
                      .row_size = room * sizeof(double),
                      .room = room,
                      .chunk = GROW_BYTES / (columns * H5Tget_size(file)) + 1};
    hsize_t chunk[2] = {g->chunk, columns};
    g->set = create_set(at, name, 2, room, file, chunk);
    return finish_creation(g, true, out);
}

/* ---- rows ---------------------------------------------------------------------------------------- */

/* Put n rows of `tail` behind the first `at` rows of a dataset. */
static bool put_rows(const ht_h5_grow *g, hid_t set, size_t at, size_t n)
{
    hsize_t dims[2] = {at + n, g->columns}, start[2] = {at, 0}, count[2] = {n, g->columns}, zero[2] = {0, 0},
            memory_dims[2] = {n, g->room};
    if (H5Dset_extent(set, dims) < 0)
        return false;
    if (n == 0 || g->columns == 0)
        return true;
    hid_t file = H5Dget_space(set), memory = H5Screate_simple(g->rank, memory_dims, NULL);
    bool fine = file >= 0 && memory >= 0 &&
                H5Sselect_hyperslab(file, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
                H5Sselect_hyperslab(memory, H5S_SELECT_SET, zero, NULL, count, NULL) >= 0 &&
                H5Dwrite(set, g->type, memory, file, H5P_DEFAULT, g->tail) >= 0;
    ht_h5_close(memory);
    ht_h5_close(file);
    return fine;
}

static bool write_chunk(ht_h5_grow *g)
{
    if (!put_rows(g, g->set, g->n_written, g->n_tail))
        return false; /* the rows stay in the tail */
    g->n_written += g->n_tail;
    g->n_tail = 0;
    return true;
}

bool ht_h5_grow_add(ht_h5_grow *g, const void *row, size_t columns)
{
    if (g->n_tail == g->chunk && !write_chunk(g))
        return false;
    char *to = g->tail + g->n_tail * g->row_size;
    if (g->rank == 1) {
        memcpy(to, row, g->row_size);
    } else {
        memcpy(to, row, columns * sizeof(double));
        for (size_t i = columns; i < g->room; i++)
            ((double *)(void *)to)[i] = NAN;
        if (columns > g->columns)
            g->columns = columns;
    }
    g->n_tail++;
    return true;
}

size_t ht_h5_grow_count(const ht_h5_grow *g)
{
    return g == NULL ? 0 : g->n_written + g->n_tail;
}

bool ht_h5_grow_copy(const ht_h5_grow *g, hid_t to, const char *name, const char *const *names)
{
    if (H5Fflush(g->set, H5F_SCOPE_LOCAL) < 0 || H5Ocopy(g->set, ".", to, name, H5P_DEFAULT, H5P_DEFAULT) < 0)
        return false;
    hid_t set = H5Dopen2(to, name, H5P_DEFAULT);
    bool fine = set >= 0 && put_rows(g, set, g->n_written, g->n_tail) &&
                (names == NULL || ht_h5_put_texts(set, "columns", g->columns, names));
    ht_h5_close(set);
    return fine;
}
