/** @file src/store/h5_internal.h
 *  What the parts of h5.h do for each other.
 *
 *      h5.c        files, groups, attributes, texts
 *      h5_table.c  tables and matrices, whole
 *      h5_grow.c   the same, growing by rows */
#ifndef HT_STORE_H5_INTERNAL_H
#define HT_STORE_H5_INTERNAL_H

#include "store/h5.h"

/** Fixed-length UTF-8 of `size` bytes with its final 0. < 0: failed */
hid_t ht_h5_text_type(size_t size);
/** The type of a row, in memory or packed in a file. < 0: failed */
hid_t ht_h5_row_type(const ht_h5_table *table, bool in_file);
/** How a dataset is made that lies in compressed chunks with checksums. < 0: failed */
hid_t ht_h5_chunked(int rank, const hsize_t *chunk);
/** An existing dataset. < 0: there is none */
hid_t ht_h5_open_set(hid_t at, const char *name);
bool ht_h5_put_column_docs(hid_t set, const ht_h5_table *table);

#endif
