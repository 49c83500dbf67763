/** @file src/comm/clock.h
 *  The one place that looks at a clock and sleeps. */
#ifndef HT_COMM_CLOCK_H
#define HT_COMM_CLOCK_H

/** Seconds on a monotonic clock with an arbitrary origin. */
double ht_clock_monotonic(void);
/** Seconds that this process has had a processor. */
double ht_clock_processor(void);
/** Seconds since 1970-01-01 UTC. */
double ht_clock_wall(void);

/** A point in time for people: "14:03:30" in local time, with the date before it if it is not today's.
 *  @param when  seconds since 1970 */
void ht_clock_print(char text[32], double when);

/** How long to sleep between two looks while waiting. Starts as {0}. */
typedef struct {
    long nanoseconds;
} ht_nap;

/** Sleep a little: 50 us at first, half as much again each time, at most 1 ms. Short waits stay quick,
 *  long ones cost about 2 % of a core. */
void ht_nap_take(ht_nap *nap);

#endif
