/** @file src/workload/adamw.h
 *  AdamW on flat arrays.
 *
 *  Source: Loshchilov, Hutter, "Decoupled Weight Decay Regularization", ICLR 2019. We decay every
 *  parameter, biases and embeddings too, and the decay is scaled by the learning rate. */
#ifndef HT_WORKLOAD_ADAMW_H
#define HT_WORKLOAD_ADAMW_H

#include <stddef.h>

/** One update, b1 = 0.9, b2 = 0.999, step t = 1, 2, ..:
 *      m = b1 m + (1 - b1) g;   v = b2 v + (1 - b2) g^2
 *      p = p max(0, 1 - lr weight_decay) - lr m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + 1e-8)
 *  @param g  [n] the gradient
 *  @param p,m,v  [n] parameters and moments, changed; no two arrays overlap */
void ht_adamw_update(size_t n, const float *g, float *p, float *m, float *v, unsigned long long t, double lr,
                     double weight_decay);

#endif
