/* src/population/tournament.c - projection and dealing; the contract is in tournament.h.
 *
 * May touch: nothing but its arguments. */
#include "population/tournament.h"

#include <math.h>

double ht_tournament_projected(const double *hist, size_t n, double loss, double rho, double q,
                               double segments)
{
    if (n < 2)
        return loss;
    double last = hist[n - 1];
    if (!(last <= loss))        /* rolled back: what it was worth then */
        return last;
    size_t back = n - 1 < 2 ? n - 1 : 2;
    double gain = fmax(0, (hist[n - 1 - back] - last) / (double)back);
    if (!isfinite(gain))        /* the first root's loss was not known */
        gain = 0;
    return loss - rho * gain * q * (1 - pow(q, segments)) / (1 - q);
}

/* Members of island k when n replicas are dealt out evenly: as many i as have floor(i * islands / n) = k. */
static size_t share(size_t n, size_t islands, size_t k)
{
    size_t from = (k * n + islands - 1) / islands, to = ((k + 1) * n + islands - 1) / islands;
    return to - from;
}

void ht_tournament_deal(size_t n, int *home, size_t islands)
{
    for (size_t k = 0; k < islands; k++) {      /* who is too many becomes free */
        size_t room = share(n, islands, k);
        for (size_t i = 0; i < n; i++)
            if (home[i] == (int)k) {
                if (room == 0)
                    home[i] = -1;
                else
                    room--;
            }
    }
    size_t next = 0;
    for (size_t k = 0; k < islands; k++) {
        size_t have = 0;
        for (size_t i = 0; i < n; i++)
            have += home[i] == (int)k;
        for (; have < share(n, islands, k) && next < n; next++)
            if (home[next] < 0) {
                home[next] = (int)k;
                have++;
            }
    }
}
