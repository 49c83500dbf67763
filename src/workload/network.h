/** @file src/workload/network.h
 *  A multilayer perceptron on flat weights: loss, gradient, score.
 *
 *  Layers are linear, with ReLU and inverted dropout between them. The first outputs are the logits of
 *  the classes (softmax cross entropy with label smoothing), the others predict numbers (squared error).
 *  Inputs are numbers, or symbols that go through an embedding. All in float32.
 *  May touch: the heap, OpenBLAS. Not: MPI, files, clock. */
#ifndef HT_WORKLOAD_NETWORK_H
#define HT_WORKLOAD_NETWORK_H

#include "base/random.h"
#include "workload/dataset.h"

enum { HT_LAYERS_MAX = 4 };

typedef struct {
    size_t symbols, width;      /**< embedding of `symbols` symbols, `width` numbers each; 0 = none */
    size_t inputs;              /**< numbers, or symbols with an embedding, of one sample */
    size_t n_hidden;            /**< 0 .. HT_LAYERS_MAX - 1 */
    size_t hidden[HT_LAYERS_MAX - 1];
    size_t classes, targets;    /**< outputs: logits first */
} ht_network_shape;

/** Number of weights. In order: the embedding [symbols][width], then of each layer its matrix
 *  [inputs][outputs] and its biases [outputs]. */
size_t ht_network_weights(const ht_network_shape *shape);

/** Fresh weights: normal with standard deviation sqrt(2 / inputs) in hidden layers, sqrt(1 / inputs) in
 *  the last, 0.5 in the embedding, drawn in order; biases 0. @param[out] w [ht_network_weights] */
void ht_network_init(const ht_network_shape *shape, ht_random random, float *w);

typedef struct ht_network ht_network;

/** Room to work on `rows` samples at once. @return HT_OK, HT_ENOMEM */
ht_status ht_network_create(const ht_network_shape *shape, size_t rows, ht_network **out, ht_error *err);
void ht_network_destroy(ht_network *n);     /**< NULL is allowed */

/** What is minimised: ((1-s) CE + s mean over classes(-log p) + aux mean over targets(error^2)), summed
 *  over the samples, times `scale`. */
typedef struct {
    double dropout;             /**< share of the hidden units that is dropped; not above 0 = none */
    double label_smoothing;     /**< s */
    double aux;
    double scale;               /**< 1 / (samples of the whole batch) */
    ht_random random;           /**< of the dropout of the whole batch; a sample's share depends only on */
    size_t row;                 /**< its place in the whole batch: `row` is that of the first one given */
} ht_objective;

/** Loss and gradient of the first `rows` samples (<= rows of ht_network_create; may be 0).
 *  @param[out] gradient  [ht_network_weights], overwritten
 *  @return the loss */
double ht_network_gradient(ht_network *n, const float *w, const ht_samples *s, size_t rows,
                           const ht_objective *o, float *gradient);

/** Sum of the cross entropy and number of wrong answers of samples first .. first+count-1, without
 *  dropout. Where the network answers NaN the sum is NaN and the answer wrong. */
void ht_network_score(ht_network *n, const float *w, const ht_samples *s, size_t first, size_t count,
                      double *cross_entropy, double *wrong);

#endif
