/* src/search/hypercube.c - Latin hypercubes; the contract is in hypercube.h.
 *
 * May touch: nothing but its arguments. */
#include "search/hypercube.h"

#include <math.h>

void ht_hypercube(ht_random random, size_t points, size_t axes, double *u)
{
    for (size_t k = 0; k < axes; k++) {
        for (size_t i = 0; i < points; i++)             /* the cells in order .. */
            u[i * axes + k] = (double)i;
        for (size_t i = points; i > 1; i--) {           /* .. shuffled (Fisher and Yates) */
            size_t j = (size_t)ht_random_below(&random, i);
            double cell = u[j * axes + k];
            u[j * axes + k] = u[(i - 1) * axes + k];
            u[(i - 1) * axes + k] = cell;
        }
        for (size_t i = 0; i < points; i++) {
            double x = (u[i * axes + k] + ht_random_uniform(&random)) / (double)points;
            u[i * axes + k] = x < 1 ? x : nextafter(1, 0);      /* rounding may reach 1 */
        }
    }
}
