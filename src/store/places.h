/** @file src/store/places.h
 *  Where the ranks of a run are, and what each of them may use. */
#ifndef HT_STORE_PLACES_H
#define HT_STORE_PLACES_H

#include "base/error.h"

/** One rank. A text is "" where nothing is known. */
typedef struct {
    int replica;       /**< that it belongs to; -1 = it coordinates */
    const char *node;  /**< as the scheduler calls it, else the host's name */
    const char *cores; /**< processors that it may run on: "0-3,8" */
    const char
        *devices; /**< that it sees, as their runtime calls them: "0,1", "GPU-1b2f..". "" = none, too */
} ht_rank_place;

/** All ranks of a run; starts as {0}: nothing is known. */
typedef struct {
    size_t n;
    ht_rank_place *at; /**< [n] by rank; owned, one block with its texts */
} ht_places;

/** @return HT_OK, HT_ENOMEM. *out is untouched on failure */
ht_status ht_places_copy(const ht_places *from, ht_places *out, ht_error *err);
void ht_places_release(ht_places *p);

/** Copy a list such as "0-3,8" into `size` (>= 4) bytes. If it does not fit, its end is left out, after a
 * comma, and ".." stands there. */
void ht_places_cut(char *to, size_t size, const char *list);

#endif
