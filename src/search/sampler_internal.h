/* src/search/sampler_internal.h - the state that the files of the sampler share; nobody else includes it. */
#ifndef HT_SEARCH_SAMPLER_INTERNAL_H
#define HT_SEARCH_SAMPLER_INTERNAL_H

#include "search/mixture.h"
#include "search/sampler.h"

/* Constants; docs/posterior.md says where each comes from and what was measured. */
enum {
    STARTUP = 10,           /* results before the model is used */
    TOP = 64,               /* best observations kept in order */
    RESERVOIR = 448,        /* uniform sample of all others */
    GOOD_MAX = 25,          /* kernels of the good model */
    CANDIDATES = 48,        /* draws screened by the density ratio */
    CANDIDATES_LOCAL = 4,   /* the same, drawn locally */
    CANDIDATES_ALONE = 24,  /* draws of one parameter alone */
    CANDIDATES_QUADRATIC = 64
};
#define GOOD_SHARE 0.15             /* share of results that counts as good */
#define BANDWIDTH_GOOD 0.9
#define BANDWIDTH_BAD 0.5
#define BANDWIDTH_JITTER 0.5        /* log standard deviation of one scale per ask */
#define PENDING_NARROW 0.5          /* bandwidth of pending points, as a share */
#define ALONE_SHARE 0.2             /* share of density asks that take each parameter alone */
#define UNSCREENED_SHARE 0.1        /* share of local asks without the quadratic */
#define SHARE_LEAST 0.2             /* bounds of the local arm's share */
#define SHARE_MOST 0.8
#define ARM_MEMORY 0.95             /* decay of an arm's statistics per result */
#define NOISE_RATE 0.1              /* step of the noise estimate */
#define NOISE_OPENS 0.4             /* noise estimate at which smoothing begins; full at twice that */
#define FAILED 1e300                /* value of a failed evaluation */

typedef enum { ARM_NONE = -1, ARM_DENSITY, ARM_LOCAL } sampler_arm;

typedef struct {
    ht_point p;
    double y;
    long id;                /* -1 = added */
} observation;

typedef struct {
    unsigned long id;
    sampler_arm arm;
    ht_point p;
} pending;

struct ht_sampler {
    const ht_space *space;
    unsigned long long seed;
    bool density_only;
    unsigned long asked, told, evicted;
    size_t n_top;
    observation top[TOP];       /* by y, best first; equal ones in order of arrival */
    size_t order[TOP];          /* by score: y, or smoothed y while noise dominates */
    size_t n_bad;
    observation bad[RESERVOIR];
    size_t n_pending, pending_capacity;
    pending *pending;           /* in order of asking */
    double arm_success[2], arm_tries[2];
    double noise;
    unsigned long version;      /* grows with every change of what the models are made of */
    unsigned long bad_version;  /* at which the bad model was fitted; 0 = never */
    ht_mixture *good, *rest;
};

/* how far noise handling is open: 0 (smooth) .. 1 */
double ht_sampler_gate(const ht_sampler *s);
/* the i-th best by score */
const observation *ht_sampler_ranked(const ht_sampler *s, size_t i);
/* number of good observations */
size_t ht_sampler_good_count(const ht_sampler *s);
/* p is (up to its cells) a point that was told and kept, or is pending */
bool ht_sampler_knows(const ht_sampler *s, const ht_point *p);

/* startup.c: scrambled Halton point number n */
void ht_startup_point(const ht_space *space, unsigned long long seed, unsigned long n, ht_point *out);

/* local.c: moves about a good point. A base by rank; a draw; the best of many by a local quadratic. */
const observation *ht_local_base(const ht_sampler *s, ht_random *random);
void ht_local_draw(const ht_sampler *s, const observation *base, bool keep_categories, ht_random *random, ht_point *out);
/* false if too little is known about the base; updates the noise estimate */
bool ht_local_quadratic(ht_sampler *s, ht_random *random, ht_point *out);

/* noise.c: order top by smoothed values */
void ht_noise_rank(ht_sampler *s);

#endif
