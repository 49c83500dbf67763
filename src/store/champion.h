/** @file src/store/champion.h
 *  The best weights of a pooled run as a file of its own: champion.h5 in the run directory. */
#ifndef HT_STORE_CHAMPION_H
#define HT_STORE_CHAMPION_H

#include "state/state.h"
#include "store/file.h"

#define HT_FILE_CHAMPION "champion.h5"

typedef struct {
    const char *dir;            /**< the run directory */
    const char *objective;      /**< name of the metric */
    double value;               /**< of the objective, validated with these weights */
    int replica;                /**< that validated them */
    ht_file_guard guard;        /**< asked before the file is replaced */
} ht_champion_options;

/** Write the best weights that `s` kept, one dataset for each buffer in the group `weights`; replaces an older
 *  file whole. @return HT_OK; HT_EEMPTY: none were kept; HT_ENOMEM, HT_EIO; what the guard
 *  said */
ht_status ht_champion_write(const ht_champion_options *o, const ht_state *s, ht_error *err);

#endif
