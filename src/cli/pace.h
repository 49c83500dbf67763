/** @file src/cli/pace.h
 *  How fast something goes on, and how long it will take: from its recent pace, which may be jumpy. No clock. */
#ifndef HT_CLI_PACE_H
#define HT_CLI_PACE_H

/** Starts as {0}. */
typedef struct {
    int samples, moves;         /**< so far; those that went further */
    double first_s, first;      /**< the first sample */
    double last_s, last;        /**< the latest */
    double gained, spent;       /**< what was gained in what time, where older time counts less */
    double left_s, asked_s;     /**< what is told; at which sample it was last */
} ht_pace;

/** At `s` seconds `x` is reached. Samples come in the order of time, often; smaller x than before counts as no gain. */
void ht_pace_add(ht_pace *p, double s, double x);
/** Gain a second; NaN as long as that means little (before the third gain, or in the first two seconds). */
double ht_pace_rate(const ht_pace *p);
/** Seconds until x reaches `goal`; NaN before x has come a fiftieth nearer to it since the first sample. What is
 *  told counts down by itself and gives way to new evidence slowly, so that it does not jump. Ask after each
 *  sample. */
double ht_pace_left(ht_pace *p, double goal);

#endif
