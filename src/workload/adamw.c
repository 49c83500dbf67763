/* src/workload/adamw.c - one update of AdamW; the contract is in adamw.h.
 *
 * The loop has no branch and no call, so that it vectorises (-fno-math-errno turns sqrtf into an
 * instruction): it costs about as much as the gradients of the small networks it serves. */
#include "workload/adamw.h"

#include <math.h>

void ht_adamw_update(size_t n, const float *restrict g, float *restrict p, float *restrict m,
                     float *restrict v, unsigned long long t, double lr, double weight_decay)
{
    const double b1 = .9, b2 = .999;
    const float keep_m = (float)b1, add_m = (float)(1 - b1), keep_v = (float)b2, add_v = (float)(1 - b2);
    const float rate = (float)(lr / (1 - pow(b1, (double)t)));
    const float correct_v = (float)(1 / (1 - pow(b2, (double)t)));
    const float decay = (float)fmax(0, 1 - lr * weight_decay);
    for (size_t i = 0; i < n; i++) {
        m[i] = keep_m * m[i] + add_m * g[i];
        v[i] = keep_v * v[i] + add_v * g[i] * g[i];
        p[i] = p[i] * decay - rate * m[i] / (sqrtf(v[i] * correct_v) + 1e-8f);
    }
}
