/** @file src/cli/child.h
 *  A command that runs beside us: started with its own arguments, environment and input, heard line by line, and
 *  ended together with whatever it started. Nothing here waits, but for the start itself.
 *
 *  The command leads a process group of its own. When it ends, or is told to, the whole group goes. If we die, the
 *  kernel kills the command (Linux). Signals, their handlers and masks of our process stay as they are; in the
 *  command they are as in a fresh program. It inherits no open file but its three, and the two on which it talks with us. */
#ifndef HT_CLI_CHILD_H
#define HT_CLI_CHILD_H

#include "base/error.h"

typedef struct ht_child ht_child;

enum { HT_LAST_WORDS_MAX = 160 };

typedef struct {
    bool by_signal;
    int code;                           /**< exit code, or number of the signal */
    char last_words[HT_LAST_WORDS_MAX]; /**< the last line on stderr that is not blank; "" = none */
} ht_child_end;

/** Start a command, found by PATH.
 *  @param argv, env  end with NULL; borrowed for the call
 *  @param input      all that it finds on stdin; up to 60 KiB
 *  @return HT_OK; HT_ENOTFOUND: the command cannot be started (err says why); HT_EINVAL: the input is too long;
 *          HT_EIO, HT_ENOMEM */
ht_status ht_child_start(char *const *argv, char *const *env, const char *input, ht_child **out, ht_error *err);

/** The same for a command whose output is ours: it writes where we write. Its input is empty. */
ht_status ht_child_start_beside(char *const *argv, char *const *env, ht_child **out, ht_error *err);

/** The descriptors on which a command that talks with us finds our lines and writes its own. */
enum { HT_CHILD_FD_IN = 3, HT_CHILD_FD_OUT = 4 };
/** The same for a command that talks with us: it has two more open files, as above; its input is empty, all its output
 *  goes to a file.
 *  @param      output  descriptor of that file; borrowed for the call
 *  @param[out] to, from  our ends, which do not block; owned by the caller (close) */
ht_status ht_child_start_talking(char *const *argv, char *const *env, int output, ht_child **out, int *to, int *from,
                                 ht_error *err);

/** Send a signal to the command alone, not to what it started. Nothing happens when it has ended. */
void ht_child_signal(const ht_child *c, int number);

/** Look once, without waiting: hear what it says, end what does not want to, see whether it ended.
 *  @param now   seconds on a monotonic clock
 *  @param line  called for every whole line of stdout, and at the end for what remains; lines longer than 64 KiB
 *               are cut. May be NULL for a command beside us
 *  @return true: it runs. false: it ended, all it said was heard, nothing of it is left */
bool ht_child_look(ht_child *c, double now, void (*line)(void *ctx, const char *text), void *ctx);

/** Ask it to end (SIGTERM to its group); after `grace_s` seconds it is killed. A second call changes nothing. */
void ht_child_stop(ht_child *c, double now, double grace_s);

enum { HT_CHILD_LATE = -1, HT_CHILD_NOT_STARTED = -2 };
/** Run a command to its end: a question to a program that answers soon. **Waits at most** `patience_s`, then it is killed.
 *  @param line  called for every line of stdout
 *  @param[out] err  why it did not end well, with its last words; may be NULL
 *  @return its exit code, 128 + n if signal n ended it, or one of the two above */
int ht_child_run(char *const *argv, char *const *env, double patience_s, void (*line)(void *ctx, const char *text),
                 void *ctx, ht_error *err);

/** How it ended; after ht_child_look returned false. */
const ht_child_end *ht_child_end_of(const ht_child *c);

/** What still runs is killed. NULL is allowed. */
void ht_child_destroy(ht_child *c);

#endif
