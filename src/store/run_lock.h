/** @file src/store/run_lock.h
 *  One run at a time in a run directory, how others see whether it lives, and how a former owner sees that it is none.
 *
 *  The file hottune.lock is locked (fcntl, by open file description where the system has that) as long as the
 *  process of the coordinator lives: the system itself lets go when it dies. Beside that the file holds a
 *  line of JSON, which says who runs and when it last showed a sign of life: for file systems without locks,
 *  or whose locks end at the node. The rule, for a record that was not closed:
 *
 *  - it is of an earlier start of the same Slurm job (slurm_start.h): that one is over, whatever the lock says;
 *  - the lock is held by somebody: the run lives;
 *  - else, on the host that the record names: it was killed, unless the file system has no locks and a
 *  process of that number still shows signs of life;
 *  - else it lives until it has been silent for `silence_s`: 30 seconds, or three times its longest silence
 *  so far (a training alone shows itself at safe points only). Clocks of the nodes should agree to some
 *  seconds.
 *
 *  By all but one of these the former owner may be frozen, or cut off, and wake up later. So who takes the directory
 *  replaces the file, and an owner looks whether the file still is its own, at its signs of life and directly before it
 *  replaces or removes anything (ht_run_lock_guard). To be sure it is done in this order: the owner writes a temporary
 *  file, looks, renames; who takes over replaces the lock, then removes the former's temporary files. Files that are
 *  appended to get new inodes from who takes over (file_cut.h): what the former one still appends, nobody sees. */
#ifndef HT_STORE_RUN_LOCK_H
#define HT_STORE_RUN_LOCK_H

#include "base/error.h"
#include "store/file.h"
#include "store/slurm_start.h"

#define HT_FILE_LOCK "hottune.lock"

typedef struct ht_run_lock ht_run_lock;

typedef enum {
    HT_RUN_NONE,        /**< nothing is known of a run here */
    HT_RUN_LIVES, HT_RUN_ENDED, HT_RUN_KILLED
} ht_run_life;

/** What the record says, and what follows from it. */
typedef struct {
    ht_run_life life;
    char host[256];
    long pid;
    double started, seen;   /**< seconds since 1970; `seen`: last sign of life */
    double silence_s;
    unsigned long run;      /**< r<number> in its directory; 0 = it had not begun */
    char study_run[HT_NAME_MAX];    /**< its id in the study; "" = unknown */
    ht_slurm_start slurm;
    bool may_wake;          /**< KILLED: by its silence, or by Slurm's word; nobody saw the process end. Or it was killed
                             *   while it took over from one that may wake up */
    long former_pid;        /**< which was this process; 0 = none */
    bool damaged;           /**< something is in the file, but no record whose checksum is right: nothing above is known */
} ht_run_sign;

/** Look, take nothing. A missing file or one without a record: HT_RUN_NONE. @return HT_OK, HT_EIO, HT_ENOMEM */
ht_status ht_run_lock_look(const char *dir, ht_run_sign *out, ht_error *err);

/** Whether a start of ours would find a run that lives. @return HT_OK: none; HT_EREFUSED: as ht_run_lock_take; HT_EIO,
 *  HT_ENOMEM */
ht_status ht_run_lock_check(const char *dir, ht_error *err);
/** Take the directory, which exists. From now on a former owner is none any more.
 *  @param[out] before  of the run before, KILLED if it is taken over; may be NULL
 *  @return HT_OK; HT_EREFUSED: err says who runs there since when, and what to do; HT_EIO, HT_ENOMEM */
ht_status ht_run_lock_take(const char *dir, ht_run_lock **out, ht_run_sign *before, ht_error *err);
/** The run begins: from now on the record is this run's (until then it has the number of the run before). */
ht_status ht_run_lock_begin(ht_run_lock *l, unsigned long run, const char *study_run, ht_error *err);

/** All files are this run's: who had the directory before cannot reach them any more, should it wake up. */
ht_status ht_run_lock_settle(ht_run_lock *l, ht_error *err);

/** Look whether the directory still is ours. @return HT_OK, also when that cannot be told; HT_EFAILED: another start
 *  took over, err says which; so for good */
ht_status ht_run_lock_holds(ht_run_lock *l, ht_error *err);
/** It was seen that another start took over. Looks at nothing. NULL: never. */
bool ht_run_lock_is_lost(const ht_run_lock *l);
/** Asks ht_run_lock_holds. `l` is borrowed while it is used; NULL: lets everything pass. */
ht_file_guard ht_run_lock_guard(ht_run_lock *l);

/** What tells one owner of a directory from another, for ranks that have no lock. "" = nobody knows. */
typedef struct {
    char mark[512];
} ht_run_owner;
ht_run_owner ht_run_lock_owner(const ht_run_lock *l);
/** @return as ht_run_lock_holds */
ht_status ht_run_owner_check(const char *dir, const ht_run_owner *o, ht_error *err);

/** A sign of life; written every five seconds. @return HT_OK, HT_EIO; HT_EFAILED: as ht_run_lock_holds */
ht_status ht_run_lock_beat(ht_run_lock *l, ht_error *err);
/** The run ended as it should: says so and lets go of the directory. @return HT_OK, HT_EIO */
ht_status ht_run_lock_close(ht_run_lock *l, ht_error *err);
/** Let go. Of a run that did not begin nothing stays; one that was not closed looks killed. NULL is allowed.
 */
void ht_run_lock_release(ht_run_lock *l);

#endif
