/* src/cli/child_peer.c - starts, greets, asks and replaces a child program; the contract is in child_peer.h.
 *
 * May touch: the child, stderr. */
#include "cli/child_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/child_hello.h"
#include "cli/child_talk.h"
#include "cli/cli.h"
#include "store/run_dir.h"

static const double grace_s = 5;        /* for a child that is to stop */

cJSON *ht_child_request(const char *word)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_text(o, "do", word);
    return o;
}

void ht_child_put_seed(cJSON *request, unsigned long long seed)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", seed);
    ht_json_put(request, "seed", cJSON_CreateRaw(digits));
}

/* ---- starting -------------------------------------------------------------------------------- */

/* @param[out] hello  the text of the reply; owned by the caller */
static ht_status check_hello(const ht_child_peer *p, const cJSON *reply, char **hello, ht_error *err)
{
    ht_child_hello read = {0};
    HT_TRY(ht_child_hello_read(reply, &read, err));
    ht_child_hello_release(&read);
    char *text = ht_json_line(reply);
    if (text == NULL)
        return ht_fail(err, HT_ENOMEM, "out of memory");
    if (p->agreed != NULL && !ht_child_hello_alike(p->agreed, text)) {
        free(text);
        return ht_fail(err, HT_EFORMAT, "its hello is another one than before");
    }
    *hello = text;
    return HT_OK;
}

static ht_status greet(ht_child_peer *p, char **hello, ht_error *err)
{
    cJSON *o = ht_child_request("hello"), *reply = NULL;
    ht_json_put_int(o, "protocol", HT_CHILD_PROTOCOL);
    ht_json_put_int(o, "replica", p->o.replica);
    ht_json_put_int(o, "replicas", p->o.replicas);
    ht_child_put_seed(o, p->o.seed);
    ht_json_put_text(o, "dir", p->o.dir);
    HT_TRY(ht_talk_ask(p->talk, o, p->o.reply_s, &reply, err));
    ht_status st = check_hello(p, reply, hello, err);
    cJSON_Delete(reply);
    return st;
}

static void stop(ht_child_peer *p)
{
    ht_talk_end(p->talk, grace_s);
    p->talk = NULL;
}

static ht_status start(ht_child_peer *p, char **hello, ht_error *err)
{
    HT_TRY(ht_talk_start(p->o.argv, p->o.replica, p->log, &p->talk, err));
    ht_status st = greet(p, hello, err);
    if (st == HT_OK)
        p->started++;
    else
        stop(p);
    return st;
}

ht_status ht_child_peer_begin(const ht_child_options *o, ht_child_peer *p, char **hello, ht_error *err)
{
    char name[32];
    *p = (ht_child_peer){.o = *o};
    snprintf(name, sizeof name, "replica-%d.log", o->replica);
    if ((p->log = ht_path_join(o->dir, name)) == NULL)
        return ht_fail(err, HT_ENOMEM, "out of memory");
    p->is_given_up = start(p, hello, err) != HT_OK;
    return HT_OK;
}

void ht_child_peer_give_up(ht_child_peer *p)
{
    stop(p);
    p->is_given_up = true;
}

void ht_child_peer_end(ht_child_peer *p)
{
    stop(p);
    free(p->log);
    free(p->agreed);
    p->log = p->agreed = NULL;
}

/* ---- failures -------------------------------------------------------------------------------- */

void ht_child_peer_warn(const ht_child_peer *p, const char *what, const char *then)
{
    ht_cli_note("hottune: replica %d: %s: %s; %s (its output: %s)\n", p->o.replica, p->o.argv[0], what, then, p->log);
}

/* Another failure. What comes of it is told. */
static void count(ht_child_peer *p, const char *what, const char *remedy)
{
    char then[128];
    p->failures++;
    p->is_given_up = ++p->in_a_row > p->o.restarts;
    snprintf(then, sizeof then, "that was failure %d in a row: %s", p->in_a_row,
             p->is_given_up ? "this replica is given up" : remedy);
    ht_child_peer_warn(p, what, then);
}

void ht_child_peer_blame(ht_child_peer *p, const char *what)
{
    count(p, what, "it goes on, this epoch has no result");
}

void ht_child_peer_replace(ht_child_peer *p, const ht_error *why)
{
    ht_error err = *why;
    char *hello = NULL;
    do {
        stop(p);
        count(p, err.text, "it is started again");
    } while (!p->is_given_up && start(p, &hello, &err) != HT_OK);
    free(hello);
}

ht_status ht_child_peer_check(const ht_child_peer *p, ht_error *err)
{
    return p->is_given_up ? ht_fail(err, HT_EFAILED, "replica %d was given up; the output of %s is in %s", p->o.replica,
                                    p->o.argv[0], p->log)
                          : HT_OK;
}

ht_status ht_child_peer_ask(ht_child_peer *p, cJSON *request, double patience_s, cJSON **reply, ht_error *err)
{
    cJSON *answer = NULL;
    ht_status st = ht_child_peer_check(p, err);
    if (st != HT_OK) {
        cJSON_Delete(request);
        return st;
    }
    st = ht_talk_ask(p->talk, request, patience_s, &answer, err);
    if (st == HT_EREFUSED)
        ht_child_peer_blame(p, err->text);
    else if (st != HT_OK)
        ht_child_peer_replace(p, err);
    if (reply != NULL)
        *reply = answer;
    else
        cJSON_Delete(answer);
    return st;
}
