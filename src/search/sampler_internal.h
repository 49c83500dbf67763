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
    CANDIDATES_QUADRATIC = 128
};
#define GOOD_SHARE 0.15             /* share of results that counts as good */
#define BANDWIDTH_GOOD 0.9
#define BANDWIDTH_BAD 0.5
#define BANDWIDTH_JITTER 0.5        /* log standard deviation of one scale per ask */
#define PENDING_NARROW 0.5          /* bandwidth of pending points, as a share */
#define LOCAL_SHARE 0.75            /* share of asks that go to the local arm */
#define ALONE_SHARE 0.2             /* share of density asks that take each parameter alone */
#define UNSCREENED_SHARE 0.1        /* share of local asks without the quadratic */
#define ELSEWHERE_SHARE 0.2         /* share of screened local asks about another kind of point */
#define NOISE_RATE 0.1              /* step of the noise estimate */
#define NOISE_OPENS 0.4             /* noise estimate at which smoothing begins; full at twice that */
#define FAILED 1e300                /* value of a failed evaluation */

/* Coordinates are [space->n] doubles, not whole points: what an ask walks through stays in the cache. */
typedef struct {
    double *u;              /* a row of ht_sampler.rows */
    double y;
    long id;                /* -1 = added */
} observation;

struct ht_sampler {
    const ht_space *space;
    unsigned long long seed;
    bool density_only;
    unsigned long asked, told, evicted;
    double *rows;               /* [TOP + RESERVOIR + 1][space->n] of top and bad, and one to spare */
    size_t n_rows;              /* handed out so far */
    double *spare;              /* the row to use once all are handed out */
    size_t n_top;
    observation top[TOP];       /* by y, best first; equal ones in order of arrival */
    size_t order[TOP];          /* by score: y, or smoothed y while noise dominates */
    size_t n_bad;
    observation bad[RESERVOIR];
    size_t n_pending, pending_capacity;
    unsigned long *pending;     /* ids in order of asking */
    double *pending_rows;       /* [pending_capacity][space->n] */
    double noise;
    unsigned long ranked_told;  /* results in `order`; 0 = never ordered */
    bool ranked_smooth;         /* `order` is that of smoothed values */
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
/* p is (up to its cells) one of the best, or is pending */
bool ht_sampler_knows(const ht_sampler *s, const ht_point *p);
/* coordinates of the i-th pending point */
const double *ht_sampler_pending(const ht_sampler *s, size_t i);

/* startup.c: scrambled Halton point number n */
void ht_startup_point(const ht_space *space, unsigned long long seed, unsigned long n, ht_point *out);

/* Good points whose differences are moves: number of parameters + 3, best first. */
typedef struct {
    size_t n;               /* >= 1 where it is used */
    const observation *at[HT_PARAMS_MAX + 3];
} local_pool;

/* local.c: moves about a good point */

/* two points have the same categories and the same parameters active */
bool ht_local_same_kind(const ht_space *space, const double *a, const double *b);
/* the best by score */
local_pool ht_local_best(const ht_sampler *s);
/* the best of a base's kind, by score and, beyond top, by value */
local_pool ht_local_kin(const ht_sampler *s, const observation *base);
/* a base by rank, the best one likeliest */
const observation *ht_local_base(const local_pool *pool, ht_random *random);
/* The best observation of another kind than the best of all, or NULL. Kinds are ordered by their best value,
 * the better ones are likelier. Without this the category that led among the first results can keep the
 * whole budget. */
const observation *ht_local_elsewhere(const ht_sampler *s, ht_random *random);
void ht_local_draw(const ht_sampler *s, const local_pool *pool, const observation *base, bool keep_categories,
                   ht_random *random, ht_point *out);

/* quadratic.c: the best of many local draws; false if too little is known about the base. Updates the noise
 * estimate. */
bool ht_quadratic_draw(ht_sampler *s, ht_random *random, ht_point *out);

/* noise.c: bring `order` up to date: by value, or by smoothed value while noise dominates */
void ht_noise_rank(ht_sampler *s);

#endif
