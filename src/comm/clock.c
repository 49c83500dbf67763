/* src/comm/clock.c - clocks and naps; the contract is in clock.h. */
#include "comm/clock.h"

#include <stdbool.h>
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

double ht_clock_processor(void)
{
    return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

double ht_clock_wall(void)
{
    return seconds(CLOCK_REALTIME);
}

void ht_clock_print(char text[32], double when)
{
    struct tm then = {0}, today = {0};
    time_t at = (time_t)when, now = time(NULL);
    localtime_r(&at, &then);
    localtime_r(&now, &today);
    bool other_day = then.tm_yday != today.tm_yday || then.tm_year != today.tm_year;
    if (strftime(text, 32, other_day ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &then) == 0)
        text[0] = '\0';
}

void ht_nap_take(ht_nap *nap)
{
    enum { FIRST = 50000, LONGEST = 400000 };
    nap->nanoseconds = nap->nanoseconds == 0 ? FIRST : nap->nanoseconds + nap->nanoseconds / 2;
    if (nap->nanoseconds > LONGEST)
        nap->nanoseconds = LONGEST;
    nanosleep(&(struct timespec){.tv_nsec = nap->nanoseconds}, NULL);
}
