/** @file src/cli/orphans.h
 *  Processes that a command of ours left behind: of a session of their own, so that killing the command's group misses
 *  them. Linux only; elsewhere nothing happens. */
#ifndef HT_CLI_ORPHANS_H
#define HT_CLI_ORPHANS_H

#include <stddef.h>

enum { HT_ORPHANS_OTHERS_MAX = 64 };

/** Children that this process has beside the command: of its MPI library (one alone has a daemon of Open MPI), of whoever
 *  became this program by exec. */
typedef struct {
    size_t n;
    long others[HT_ORPHANS_OTHERS_MAX];
} ht_orphans;

/** From now on whoever loses its parent below us becomes our child, instead of init's. To be called before the command is
 *  started. */
void ht_orphans_expect(ht_orphans *o);
/** Kill and collect all children of this process but those it had before, and what they leave in turn. Waits a second at
 *  most: for one that cannot be killed. */
void ht_orphans_end(const ht_orphans *o);

#endif
