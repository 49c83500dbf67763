/** @file src/cli/orphans.h
 *  Processes that a command of ours left behind: of a session of their own, so that killing the command's group misses
 *  them. Linux only; elsewhere nothing happens. */
#ifndef HT_CLI_ORPHANS_H
#define HT_CLI_ORPHANS_H

/** From now on whoever loses its parent below us becomes our child, instead of init's. */
void ht_orphans_expect(void);
/** Kill and collect all children of this process, and what they leave in turn. For a process that has no other children. */
void ht_orphans_end(void);

#endif
