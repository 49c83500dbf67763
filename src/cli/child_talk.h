/** @file src/cli/child_talk.h
 *  A conversation with a child program: one JSON object a line there, one back (docs/child-protocol.md).
 *
 *  We ask, it answers; what it says without being asked, or what is no answer, ends the conversation. */
#ifndef HT_CLI_CHILD_TALK_H
#define HT_CLI_CHILD_TALK_H

#include "base/json.h"

typedef struct ht_talk ht_talk;

/** Start the command.
 *  @param argv     [n + 1] ends with NULL
 *  @param replica  HOTTUNE_REPLICA in its environment, which else is ours without what the launcher gave this rank
 *  @param log      its output is appended to this file
 *  @return HT_OK; HT_ENOTFOUND: it cannot be started; HT_EIO: the log cannot be opened, no process; HT_ENOMEM */
ht_status ht_talk_start(char *const *argv, int replica, const char *log, ht_talk **out, ht_error *err);

/** Ask and wait for the answer.
 *  @param request     an object; taken
 *  @param patience_s  longest wait
 *  @param[out] reply  with "ok": true; owned by the caller (cJSON_Delete)
 *  @return HT_OK; HT_EREFUSED: it answers that it cannot ("ok": false, err has its words), and may be asked again.
 *          Then the conversation is over: HT_ETIMEOUT; HT_EFORMAT: garbage, a line above 1 MiB, words without a question;
 *          HT_EIO: it died, or closed its end; HT_ENOMEM. err says what it was asked, and has its last words */
ht_status ht_talk_ask(ht_talk *t, cJSON *request, double patience_s, cJSON **reply, ht_error *err);

/** End it, and whatever it started: it is asked to stop, after `grace_s` seconds told to (SIGTERM), after as many again
 *  killed. NULL is allowed. */
void ht_talk_end(ht_talk *t, double grace_s);

#endif
