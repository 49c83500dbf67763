/** @file src/workload/dataset.h
 *  Samples as the tasks supply them and the network takes them, and where data files are.
 *
 *  May touch: the heap, file names. Not: MPI, clock, random numbers. */
#ifndef HT_WORKLOAD_DATASET_H
#define HT_WORKLOAD_DATASET_H

#include "base/error.h"

/** What one sample consists of. */
typedef struct {
    size_t inputs;          /**< values of one sample */
    bool symbols;           /**< the inputs are symbols 0..255 instead of numbers */
    size_t targets;         /**< numbers to predict besides the class; 0 = none */
} ht_sample_shape;

/** n samples. The arrays are owned (ht_samples_release). */
typedef struct {
    ht_sample_shape shape;
    size_t n;
    float *x;               /**< [n][inputs]; NULL when the inputs are symbols */
    unsigned char *symbol;  /**< [n][inputs]; NULL when the inputs are numbers */
    unsigned char *label;   /**< [n] the class */
    float *target;          /**< [n][targets]; NULL when there are none */
} ht_samples;

/** Room for n samples, all 0. @return HT_OK; HT_ENOMEM: `s` is empty */
ht_status ht_samples_init(ht_samples *s, size_t n, ht_sample_shape shape, ht_error *err);
void ht_samples_release(ht_samples *s);     /**< leaves {0} */

/** Copy sample i of `from` to place j of `to`; both of the same shape. */
void ht_samples_put(ht_samples *to, size_t j, const ht_samples *from, size_t i);

/** The data of a task. */
typedef struct {
    ht_samples train, val, test;
} ht_dataset;
void ht_dataset_release(ht_dataset *d);

enum { HT_DATA_PATH_MAX = 1024 };

/** The path of a data file that can be read.
 *  @param dir      where the user has it; NULL: `standard`
 *  @param standard where the Debian package `package` puts it
 *  @return HT_OK; HT_ENOTFOUND: err names file and package; HT_EINVAL: the path is too long */
ht_status ht_dataset_path(const char *dir, const char *standard, const char *package, const char *file,
                          char path[HT_DATA_PATH_MAX], ht_error *err);

/** The data of each task (docs/workloads.md). All or, on failure, nothing; ht_dataset_release.
 *  @param dir  folder of the data files; NULL = where the Debian package puts them; glyph makes its own
 *  @return HT_OK; HT_ENOTFOUND: a file is missing; HT_EFORMAT: a file is damaged; HT_EIO; HT_ENOMEM */
ht_status ht_charlm_load(const char *dir, ht_dataset *out, ht_error *err);
ht_status ht_glyph_load(const char *dir, ht_dataset *out, ht_error *err);
ht_status ht_fashion_load(const char *dir, ht_dataset *out, ht_error *err);
ht_status ht_fashion_small_load(const char *dir, ht_dataset *out, ht_error *err);

#endif
