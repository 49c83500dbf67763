/* src/comm/clock.c - clocks and naps; the contract is in clock.h. */
#include "comm/clock.h"

#include <time.h>

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double ht_clock_monotonic(void)
{
    return seconds(CLOCK_MONOTONIC);
}

double ht_clock_wall(void)
{
    return seconds(CLOCK_REALTIME);
}

void ht_nap_take(ht_nap *nap)
{
    enum { FIRST = 50000, LONGEST = 400000 };
    nap->nanoseconds = nap->nanoseconds == 0 ? FIRST : nap->nanoseconds + nap->nanoseconds / 2;
    if (nap->nanoseconds > LONGEST)
        nap->nanoseconds = LONGEST;
    nanosleep(&(struct timespec){.tv_nsec = nap->nanoseconds}, NULL);
}
