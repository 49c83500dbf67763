/** @file src/population/pooled.h
 *  Internal to the policy of pooled islands: its state, and what its parts do for each other.
 *
 *      policy_pooled.c     its life: race, islands, tournament, end
 *      pooled_segment.c    one segment of one island: begin, report, close, merge, settle
 *      pooled_tournament.c who lives in which island, and which islands go on
 *      pooled_account.c    who is at home where and has whose root, what islands are busy: kept, not counted
 *      pooled_notes.c      what is written down of that */
#ifndef HT_POPULATION_POOLED_H
#define HT_POPULATION_POOLED_H

#include "base/bits.h"
#include "base/roster.h"
#include "population/gain.h"
#include "population/island.h"
#include "population/merge.h"
#include "population/plan.h"
#include "population/policy.h"
#include "population/race.h"
#include "population/tournament.h"

/** The merge of one island. */
typedef struct {
    size_t n, open;
    ht_merge_candidate means[HT_MERGE_MOST];
    ht_judgement judged;            /**< of the segment that just closed; `finite` is owned */
    size_t finite_capacity;
} ht_pooled_merge;

/** Who belongs to one island. */
typedef struct {
    ht_roster home;                 /**< who is at home in it */
    ht_roster holders;              /**< who has its root in slot 0 */
    size_t training;                /**< members of the segment that still train */
    size_t n_hist;                  /**< these three: of what `projected` was made */
    double loss, wall, projected;
} ht_pooled_people;

typedef struct {
    ht_pool *pool;
    ht_plan plan;
    const ht_recipe *recipe;        /**< borrowed */
    const ht_tuned *knobs;          /**< borrowed */
    ht_race *race;                  /**< NULL = none, or over */
    ht_multipliers *posterior;
    ht_gain *gain;
    int n;                          /**< replicas */
    double clock;                   /**< epochs of segments that a replica has trained in the mean */
    size_t n_islands;
    ht_island *islands;             /**< [n] */
    ht_pooled_merge *merges;        /**< [n] */
    int *home;                      /**< [n] island of each replica; -1 = none. Changed by ht_pooled_house alone */
    unsigned long *root;            /**< [n] version of the root in its slot 0; 0 = none. By ht_pooled_has_root alone */
    int *root_of;                   /**< [n] island that this version is, or was, of */
    ht_pooled_people *people;       /**< [n] of each island */
    int n_alive, n_busy, n_housed;  /**< islands that are not gone; that train or merge; replicas with a home */
    ht_bits closed;                 /**< islands that are closed */
    ht_bits fresh;                  /**< of these: that do not wait for others to be compared with */
    ht_bits suspect;                /**< of these: whose last holder or member may be gone */
    double waits_since;             /**< when the first of those that wait was closed */
    int waits_alive, waits_well;    /**< n_alive, and who was well, when they were looked at last */
    double waits_clock;             /**< whole epochs of the clock, likewise */
    double clock_seen;              /**< whole epochs of the clock when all closed islands were looked at last */
    unsigned long mishaps_seen;     /**< ht_pool_mishaps when all were looked at as suspects last */
    int well_seen;                  /**< ht_pool_well, likewise */
    bool restarted;                 /**< the dead have a home, too */
    int *alone;                     /**< [n] segments in a row in which it alone diverged */
    int segments;                   /**< begun so far, run-wide */
    unsigned long version;          /**< of roots, run-wide */
    double start_loss;              /**< of the start values after the first rung; NaN = no race */
    bool segments_began, over;
} ht_pooled;

/* ---- pooled_account.c ----------------------------------------------------------------------- */

/** The replica is at home in that island from now on; -1 = in none. */
void ht_pooled_house(ht_pooled *s, int replica, int island);
/** The replica has the root of that island, as it is now; NULL = none any more. */
void ht_pooled_has_root(ht_pooled *s, int replica, const ht_island *isl);
/** The island has another root, which nobody has yet; 0 = none. */
void ht_pooled_new_root(ht_pooled *s, ht_island *isl, unsigned long version);
void ht_pooled_enter(ht_pooled *s, ht_island *isl, ht_island_state state);
/** A member of its segment is through, or does not come back. */
void ht_pooled_mark(ht_pooled *s, ht_island *isl, ht_island_member *m, ht_member_state state);
/** Somebody who is well has no island. */
bool ht_pooled_has_homeless(const ht_pooled *s);

/* ---- pooled_segment.c ----------------------------------------------------------------------- */

/** The phase of the recipe at `wall` epochs. */
const char *ht_pooled_phase(const ht_pooled *s, double wall);
/** Begin the next segment with everybody at home who is idle. @return false: there is nobody, or no root */
bool ht_pooled_begin(ht_pooled *s, ht_island *isl);
void ht_pooled_reported(ht_pooled *s, ht_island *isl, int replica, const ht_pool_result *r);
/** The member does not come back in this segment. */
void ht_pooled_absent(ht_pooled *s, ht_island *isl, int replica);
/** The same is about to be told: others leave with it, and nothing is decided before all have. */
void ht_pooled_leaves(ht_pooled *s, ht_island *isl, int replica);
/** @return whether `number` was a mean of this island */
bool ht_pooled_measured(ht_pooled *s, ht_island *isl, unsigned long number, double loss);
/** The replica has the root of its island as live state: make it the island's. */
void ht_pooled_adopt(ht_pooled *s, ht_island *isl, int replica);
/** A replica does not come back after a stop: the root that it alone holds goes to another. */
void ht_pooled_hand_down_root(ht_pooled *s, ht_island *isl, int replica);
/** A replica that lives and holds the root, or -1.
 *  @param[out] slot  where; may be NULL */
int ht_pooled_root_holder(const ht_pooled *s, const ht_island *isl, unsigned *slot);

/* ---- pooled_tournament.c -------------------------------------------------------------------- */

bool ht_pooled_is_useful(const ht_pooled *s, int replica);  /**< lives and is not sick */
int ht_pooled_useful(const ht_pooled *s);                   /**< how many are */
size_t ht_pooled_alive(const ht_pooled *s);                 /**< islands that are not gone */
/** The number of islands that should go on at `wall`. */
size_t ht_pooled_wanted(const ht_pooled *s, double wall);
/** Everybody useful is dealt out to the islands order[0 .. kept - 1]. */
void ht_pooled_deal(ht_pooled *s, size_t kept, const int *order);
void ht_pooled_give_up(ht_pooled *s, int island);
/** Gives up the islands whose root is lost, or that nobody is left for. */
void ht_pooled_bury_dead(ht_pooled *s);
/** All islands are closed: gives up what is too many and deals everybody out again. */
void ht_pooled_hold_tournament(ht_pooled *s, double wall);
/** Elastic, and some are still busy: is this one too many by what is known? */
bool ht_pooled_is_too_many(ht_pooled *s, const ht_island *isl);
/** Elastic: who has no island goes to the smallest one, and starts with its next segment. */
void ht_pooled_house_homeless(ht_pooled *s);

/* ---- pooled_notes.c ------------------------------------------------------------------------- */

void ht_pooled_note_verdicts(ht_pooled *s, const ht_island *isl, const ht_judgement *j, double before);
/** @param winner  mean that became the root; NULL = the best member alone  @param rolled_back  nothing did */
void ht_pooled_note_closing(ht_pooled *s, const ht_island *isl, const ht_pooled_merge *m, double before,
                            double after, const ht_merge_candidate *winner, bool rolled_back);
void ht_pooled_note_tournament(ht_pooled *s, double wall, size_t n, const int *order, const double *projected,
                               size_t kept);
void ht_pooled_note_given_up(ht_pooled *s, const ht_island *isl);
void ht_pooled_note_race(ht_pooled *s, size_t n, const ht_race_entry *entries);

#endif
