/* src/workload/fashion.c - data of the tasks fashion and fashion-small: photographs of clothes.
 *
 * Both take the same pictures of Fashion-MNIST (Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747); the small
 * task takes fewer, at half the resolution and with wrong labels. docs/workloads.md has the definition.
 * May touch: the heap, the data files. Not: MPI, clock. */
#include "workload/dataset.h"

#include <stdio.h>
#include <stdlib.h>

#include "workload/idx.h"
#include "workload/splitmix.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 10, N_FILE = 60000, N_TEST = 10000, N_VAL = 2000 };

/** Pictures of one pair of files. */
typedef struct {
    unsigned char *pixels, *labels;     /* [n][PIXELS], [n]; owned */
} album;

/** How a task takes its samples. */
typedef struct {
    size_t n_train;
    bool halved;            /* mean over 2 x 2 pixels */
    double wrong_labels;    /* share of the training labels drawn at random */
} selection;

static ht_status album_read(const char *dir, const char *set, size_t n, album *out, ht_error *err)
{
    const size_t dims[3] = {n, SIDE, SIDE};
    struct {
        const char *what;
        size_t n_dims;
        unsigned char **to;
    } files[2] = {{"images-idx3", 3, &out->pixels}, {"labels-idx1", 1, &out->labels}};
    for (size_t i = 0; i < 2; i++) {
        char name[64], path[HT_DATA_PATH_MAX];
        snprintf(name, sizeof name, "%s-%s-ubyte.gz", set, files[i].what);
        HT_TRY(ht_dataset_path(dir, "/usr/share/datasets/fashion-mnist", "dataset-fashion-mnist", name, path,
                               err));
        HT_TRY(ht_idx_read(path, files[i].n_dims, dims, files[i].to, err));
    }
    for (size_t i = 0; i < n; i++)
        if (out->labels[i] >= CLASSES)
            return ht_fail(err, HT_EFORMAT,
                           "the label of picture %zu of '%s' is %d: there are classes 0 to %d", i, set,
                           out->labels[i], CLASSES - 1);
    return HT_OK;
}

static void album_release(album *a)
{
    free(a->pixels);
    free(a->labels);
}

static double brightness(unsigned char pixel)
{
    return (pixel / 255. - .286) / .353;    /* mean and deviation of the training set */
}

static void put_picture(ht_samples *to, size_t i, const unsigned char *pixels, bool halved)
{
    float *x = to->x + i * to->shape.inputs;
    if (!halved) {
        for (size_t k = 0; k < PIXELS; k++)
            x[k] = (float)brightness(pixels[k]);
        return;
    }
    for (size_t row = 0; row < SIDE; row += 2)
        for (size_t col = 0; col < SIDE; col += 2) {
            const unsigned char *p = pixels + row * SIDE + col;
            double sum = brightness(p[0]) + brightness(p[1]) + brightness(p[SIDE]) + brightness(p[SIDE + 1]);
            *x++ = (float)(sum / 4);
        }
}

/** n samples: the pictures at order[0..n-1]; order NULL = the first n. */
static ht_status take(const album *a, const uint32_t *order, size_t n, bool halved, ht_samples *out,
                      ht_error *err)
{
    const ht_sample_shape shape = {.inputs = halved ? PIXELS / 4 : PIXELS};
    HT_TRY(ht_samples_init(out, n, shape, err));
    for (size_t i = 0; i < n; i++) {
        size_t at = order != NULL ? order[i] : i;
        put_picture(out, i, a->pixels + at * PIXELS, halved);
        out->label[i] = a->labels[at];
    }
    return HT_OK;
}

static void spoil_labels(ht_samples *s, double share)
{
    ht_splitmix random = {5005};
    for (size_t i = 0; i < s->n; i++)
        if (ht_splitmix_uniform(&random) < share)
            s->label[i] = (unsigned char)(ht_splitmix_next(&random) % CLASSES);
}

static ht_status load(const char *dir, const selection *how, ht_dataset *out, ht_error *err)
{
    album train = {0}, test = {0};
    ht_dataset d = {0};
    ht_status st = HT_OK;
    uint32_t *order = malloc(N_FILE * sizeof *order);
    if (order == NULL) {
        st = ht_fail(err, HT_ENOMEM, "no memory for the order of %d pictures", N_FILE);
        goto done;
    }
    ht_splitmix_permutation(&(ht_splitmix){4242}, N_FILE, order);
    if ((st = album_read(dir, "train", N_FILE, &train, err)) != HT_OK
        || (st = album_read(dir, "t10k", N_TEST, &test, err)) != HT_OK
        || (st = take(&train, order, how->n_train, how->halved, &d.train, err)) != HT_OK
        || (st = take(&train, order + how->n_train, N_VAL, how->halved, &d.val, err)) != HT_OK
        || (st = take(&test, NULL, N_TEST, how->halved, &d.test, err)) != HT_OK)
        goto done;
    if (how->wrong_labels > 0)
        spoil_labels(&d.train, how->wrong_labels);
    *out = d;
    d = (ht_dataset){0};                /* the caller owns them now */
done:
    free(order);
    album_release(&train);
    album_release(&test);
    ht_dataset_release(&d);
    return st;
}

ht_status ht_fashion_load(const char *dir, ht_dataset *out, ht_error *err)
{
    return load(dir, &(selection){.n_train = 8000}, out, err);
}

ht_status ht_fashion_small_load(const char *dir, ht_dataset *out, ht_error *err)
{
    return load(dir, &(selection){.n_train = 2000, .halved = true, .wrong_labels = .2}, out, err);
}
