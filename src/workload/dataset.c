/* src/workload/dataset.c - arrays of samples; the contract is in dataset.h. */
#include "workload/dataset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

ht_status ht_samples_init(ht_samples *s, size_t n, ht_sample_shape shape, ht_error *err)
{
    *s = (ht_samples){.shape = shape, .n = n};
    if (shape.symbols)
        s->symbol = calloc(n * shape.inputs, sizeof *s->symbol);
    else
        s->x = calloc(n * shape.inputs, sizeof *s->x);
    s->label = calloc(n, sizeof *s->label);
    if (shape.targets > 0)
        s->target = calloc(n * shape.targets, sizeof *s->target);
    if ((s->x == NULL && s->symbol == NULL) || s->label == NULL || (shape.targets > 0 && s->target == NULL)) {
        ht_samples_release(s);
        return ht_fail(err, HT_ENOMEM, "no memory for %zu samples of %zu inputs", n, shape.inputs);
    }
    return HT_OK;
}

void ht_samples_release(ht_samples *s)
{
    free(s->x);
    free(s->symbol);
    free(s->label);
    free(s->target);
    *s = (ht_samples){0};
}

void ht_samples_put(ht_samples *to, size_t j, const ht_samples *from, size_t i)
{
    size_t inputs = to->shape.inputs, targets = to->shape.targets;
    if (to->shape.symbols)
        memcpy(to->symbol + j * inputs, from->symbol + i * inputs, inputs * sizeof *to->symbol);
    else
        memcpy(to->x + j * inputs, from->x + i * inputs, inputs * sizeof *to->x);
    to->label[j] = from->label[i];
    if (targets > 0)
        memcpy(to->target + j * targets, from->target + i * targets, targets * sizeof *to->target);
}

void ht_dataset_release(ht_dataset *d)
{
    ht_samples_release(&d->train);
    ht_samples_release(&d->val);
    ht_samples_release(&d->test);
}

ht_status ht_dataset_path(const char *dir, const char *standard, const char *package, const char *file,
                          char path[HT_DATA_PATH_MAX], ht_error *err)
{
    int n = snprintf(path, HT_DATA_PATH_MAX, "%s/%s", dir != NULL ? dir : standard, file);
    if (n < 0 || n >= HT_DATA_PATH_MAX)
        return ht_fail(err, HT_EINVAL, "the data folder has a name of more than %d bytes",
                       HT_DATA_PATH_MAX - 1);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return ht_fail(
            err, HT_ENOTFOUND,
            "cannot read '%.300s': %s; install the Debian package %s, or say in which folder '%s' is", path,
            strerror(errno), package, file);
    fclose(f);
    return HT_OK;
}
