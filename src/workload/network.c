/* src/workload/network.c - the perceptron; the contract is in network.h.
 *
 * Samples are rows: a[l] is [rows][units[l]], the input of layer l, and a[n_layers] holds the outputs.
 * Going back, d[l] holds the derivative of the loss by a[l]. Matrices are [inputs][outputs], so that all
 * products are plain sgemm calls on row-major arrays. */
#include "workload/network.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ht_network {
    ht_network_shape shape;
    size_t rows, n_layers;
    size_t units[HT_LAYERS_MAX + 1];    /* of the input and of each layer's output */
    float *a[HT_LAYERS_MAX + 1];        /* [rows][units[l]], owned; a[0] only with an embedding */
    float *d[HT_LAYERS_MAX + 1];        /* likewise */
};

static size_t count_layers(const ht_network_shape *s)
{
    return s->n_hidden + 1;
}

/** Units at the input of layer l; of the output for l = number of layers. */
static size_t units_at(const ht_network_shape *s, size_t l)
{
    if (l == 0)
        return s->symbols > 0 ? s->inputs * s->width : s->inputs;
    return l <= s->n_hidden ? s->hidden[l - 1] : s->classes + s->targets;
}

size_t ht_network_weights(const ht_network_shape *shape)
{
    size_t n = shape->symbols * shape->width;
    for (size_t l = 0; l < count_layers(shape); l++)
        n += (units_at(shape, l) + 1) * units_at(shape, l + 1);
    return n;
}

static void fill_normal(float *w, size_t n, double deviation, ht_random *random)
{
    for (size_t i = 0; i < n; i++)
        w[i] = (float)(deviation * ht_random_normal(random));
}

void ht_network_init(const ht_network_shape *shape, ht_random random, float *w)
{
    size_t n = shape->symbols * shape->width;
    fill_normal(w, n, .5, &random);
    w += n;
    for (size_t l = 0; l < count_layers(shape); l++) {
        size_t in = units_at(shape, l), out = units_at(shape, l + 1);
        bool hidden = l < shape->n_hidden;
        fill_normal(w, in * out, sqrt((hidden ? 2. : 1.) / (double)in), &random);
        w += in * out;
        memset(w, 0, out * sizeof *w);
        w += out;
    }
}

ht_status ht_network_create(const ht_network_shape *shape, size_t rows, ht_network **out, ht_error *err)
{
    ht_network *n = calloc(1, sizeof *n);
    if (n == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a network");
    ht_status st = HT_OK;
    n->shape = *shape;
    n->rows = rows;
    n->n_layers = count_layers(shape);
    for (size_t l = 0; l <= n->n_layers; l++) {
        n->units[l] = units_at(shape, l);
        if (l == 0 && shape->symbols == 0)
            continue;                   /* the samples are the input, and nobody asks for its derivative */
        n->a[l] = calloc(rows * n->units[l], sizeof(float));
        n->d[l] = calloc(rows * n->units[l], sizeof(float));
        if (n->a[l] == NULL || n->d[l] == NULL) {
            st = ht_fail(err, HT_ENOMEM, "no memory for %zu rows of %zu units", rows, n->units[l]);
            goto done;
        }
    }
    *out = n;
    n = NULL;                           /* the caller owns it now */
done:
    ht_network_destroy(n);
    return st;
}

void ht_network_destroy(ht_network *n)
{
    if (n == NULL)
        return;
    for (size_t l = 0; l <= n->n_layers; l++) {
        free(n->a[l]);
        free(n->d[l]);
    }
    free(n);
}

/* ---- forward -------------------------------------------------------------------------------- */

/** The input of the first layer for samples first .. first+rows-1. */
static const float *input(ht_network *n, const float *w, const ht_samples *s, size_t first, size_t rows)
{
    size_t inputs = n->shape.inputs, width = n->shape.width;
    if (n->shape.symbols == 0)
        return s->x + first * inputs;
    const unsigned char *symbol = s->symbol + first * inputs;
    for (size_t i = 0; i < rows * inputs; i++)
        memcpy(n->a[0] + i * width, w + symbol[i] * width, width * sizeof *w);
    return n->a[0];
}

/** to = from * matrix + biases; layer is its matrix, then its biases. */
static void linear(const float *from, size_t rows, size_t in, size_t out, const float *layer, float *to)
{
    for (size_t i = 0; i < rows; i++)
        memcpy(to + i * out, layer + in * out, out * sizeof *to);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)out, (int)in, 1, from, (int)in,
                layer, (int)out, 1, to, (int)out);
}

static void rectify(float *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        a[i] = a[i] < 0 ? 0 : a[i];     /* NaN stays NaN: a diverged network must not look healthy */
}

/** Factor of the units that are kept, so that the mean of a unit stays the same. */
static float kept_scale(double dropout)
{
    return dropout > 0 ? (dropout < 1 ? (float)(1 / (1 - dropout)) : 0) : 1;
}

/** Drop units of hidden layer `l` (1-based). Every draw serves two units. */
static void drop(const ht_network *n, size_t l, size_t rows, const ht_objective *o)
{
    uint64_t draws_before = 0, draws_a_row = 0;
    for (size_t k = 1; k <= n->shape.n_hidden; k++) {
        draws_before += k < l ? (n->units[k] + 1) / 2 : 0;
        draws_a_row += (n->units[k] + 1) / 2;
    }
    const double limit = fmin(1, o->dropout) * 0x1p32;
    const float scale = kept_scale(o->dropout);
    for (size_t i = 0; i < rows; i++) {
        float *a = n->a[l] + i * n->units[l];
        ht_random random = o->random;
        random.counter += (o->row + i) * draws_a_row + draws_before;
        uint64_t bits = 0;
        for (size_t j = 0; j < n->units[l]; j++) {
            bits = j % 2 == 0 ? ht_random_bits(&random) : bits >> 32;
            a[j] *= (double)(bits & 0xffffffffu) < limit ? 0 : scale;
        }
    }
}

/** Outputs of `rows` samples, in a[n_layers]. o NULL: no dropout. */
static void forward(ht_network *n, const float *w, const float *x, size_t rows, const ht_objective *o)
{
    const float *layer = w + n->shape.symbols * n->shape.width;
    for (size_t l = 0; l < n->n_layers; l++) {
        linear(l == 0 ? x : n->a[l], rows, n->units[l], n->units[l + 1], layer, n->a[l + 1]);
        layer += (n->units[l] + 1) * n->units[l + 1];
        if (l + 1 == n->n_layers)
            break;
        rectify(n->a[l + 1], rows * n->units[l + 1]);
        if (o != NULL && o->dropout > 0)
            drop(n, l + 1, rows, o);
    }
}

/** log(sum of exp(z)): subtract it from a logit for the log of its probability. */
static float log_sum_exp(const float *z, size_t n)
{
    float top = z[0], sum = 0;
    for (size_t i = 1; i < n; i++)
        top = z[i] > top ? z[i] : top;
    for (size_t i = 0; i < n; i++)
        sum += expf(z[i] - top);
    return top + logf(sum);
}

/* ---- loss and gradient ---------------------------------------------------------------------- */

/** Loss of one sample's classes; d = its derivative by the logits z. */
static double class_loss(const float *z, size_t classes, unsigned label, const ht_objective *o, float *d)
{
    const float total = log_sum_exp(z, classes), scale = (float)o->scale;
    const float even = (float)(o->label_smoothing / (double)classes), sure = (float)(1 - o->label_smoothing);
    double loss = 0;
    for (size_t k = 0; k < classes; k++) {
        float wanted = even + (k == label ? sure : 0);
        float log_p = z[k] - total;
        loss -= wanted != 0 ? (double)wanted * (double)log_p : 0;
        d[k] = scale * (expf(log_p) - wanted);
    }
    return loss;
}

/** Loss of one sample's numbers y; d = its derivative by y. */
static double target_loss(const float *y, size_t targets, const float *target, const ht_objective *o,
                          float *d)
{
    const double share = o->aux / (double)targets;
    double loss = 0;
    for (size_t k = 0; k < targets; k++) {
        double error = (double)y[k] - (double)target[k];
        loss += share * error * error;
        d[k] = (float)(o->scale * 2 * share * error);
    }
    return loss;
}

/** Loss of the outputs in a[n_layers], their derivative in d[n_layers]. */
static double output_loss(ht_network *n, const ht_samples *s, size_t rows, const ht_objective *o)
{
    const size_t classes = n->shape.classes, targets = n->shape.targets, outputs = classes + targets;
    double loss = 0;
    for (size_t i = 0; i < rows; i++) {
        const float *y = n->a[n->n_layers] + i * outputs;
        float *d = n->d[n->n_layers] + i * outputs;
        loss += class_loss(y, classes, s->label[i], o, d);
        if (targets > 0)
            loss += target_loss(y + classes, targets, s->target + i * targets, o, d + classes);
    }
    return o->scale * loss;
}

/** Gradient of one layer from the derivative d of its outputs and its input x. */
static void layer_gradient(const float *x, const float *d, size_t rows, size_t in, size_t out,
                           float *gradient)
{
    float *biases = gradient + in * out;
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)in, (int)out, (int)rows, 1, x, (int)in, d,
                (int)out, 0, gradient, (int)out);
    memset(biases, 0, out * sizeof *biases);
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < out; k++)
            biases[k] += d[i * out + k];
}

/** Derivative by the input of a layer. */
static void through_layer(const float *d, size_t rows, size_t in, size_t out, const float *matrix, float *to)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)in, (int)out, 1, d, (int)out, matrix,
                (int)out, 0, to, (int)in);
}

/** Derivative by the sum behind a hidden unit: a unit that is 0 was negative or dropped. */
static void through_units(const float *a, float *d, size_t n, float scale)
{
    for (size_t i = 0; i < n; i++)
        d[i] = a[i] > 0 ? scale * d[i] : 0;
}

static void embedding_gradient(const ht_network *n, const ht_samples *s, size_t rows, float *gradient)
{
    size_t width = n->shape.width;
    memset(gradient, 0, n->shape.symbols * width * sizeof *gradient);
    for (size_t i = 0; i < rows * n->shape.inputs; i++)
        for (size_t k = 0; k < width; k++)
            gradient[s->symbol[i] * width + k] += n->d[0][i * width + k];
}

double ht_network_gradient(ht_network *n, const float *w, const ht_samples *s, size_t rows,
                           const ht_objective *o, float *gradient)
{
    const size_t n_weights = ht_network_weights(&n->shape);
    if (rows == 0) {                    /* more ranks than samples */
        memset(gradient, 0, n_weights * sizeof *gradient);
        return 0;
    }
    const float *x = input(n, w, s, 0, rows);
    forward(n, w, x, rows, o);
    double loss = output_loss(n, s, rows, o);

    size_t at = n_weights;              /* where the layer begins in w and gradient */
    for (size_t l = n->n_layers; l-- > 0;) {
        size_t in = n->units[l], out = n->units[l + 1];
        at -= (in + 1) * out;
        layer_gradient(l == 0 ? x : n->a[l], n->d[l + 1], rows, in, out, gradient + at);
        if (l > 0 || n->shape.symbols > 0)
            through_layer(n->d[l + 1], rows, in, out, w + at, n->d[l]);
        if (l > 0)
            through_units(n->a[l], n->d[l], rows * in, kept_scale(o->dropout));
    }
    if (n->shape.symbols > 0)
        embedding_gradient(n, s, rows, gradient);
    return loss;
}

/* ---- score ---------------------------------------------------------------------------------- */

static bool is_right(const float *z, size_t classes, size_t label)
{
    for (size_t k = 0; k < classes; k++)
        if (!(z[label] >= z[k]))        /* false for NaN */
            return false;
    return true;
}

void ht_network_score(ht_network *n, const float *w, const ht_samples *s, size_t first, size_t count,
                      double *cross_entropy, double *wrong)
{
    const size_t classes = n->shape.classes, outputs = classes + n->shape.targets;
    *cross_entropy = *wrong = 0;
    for (size_t done = 0; done < count;) {
        size_t rows = count - done < n->rows ? count - done : n->rows;
        forward(n, w, input(n, w, s, first + done, rows), rows, NULL);
        for (size_t i = 0; i < rows; i++) {
            const float *z = n->a[n->n_layers] + i * outputs;
            size_t label = s->label[first + done + i];
            *cross_entropy += (double)(log_sum_exp(z, classes) - z[label]);
            *wrong += is_right(z, classes, label) ? 0 : 1;
        }
        done += rows;
    }
}
