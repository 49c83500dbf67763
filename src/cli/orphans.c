/* src/cli/orphans.c - ends what a command left behind; the contract is in orphans.h. May touch: processes. */
#define _GNU_SOURCE /* prctl */
#include "cli/orphans.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

enum { ROUNDS = 100, ROUND_MS = 10 };    /* a process that forks as fast as it is killed is left to the scheduler */

static FILE *open_children(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    return fopen(path, "r");
}

void ht_orphans_expect(ht_orphans *o)
{
#ifdef __linux__
    prctl(PR_SET_CHILD_SUBREAPER, 1);
#endif
    FILE *f = open_children();
    o->n = 0;
    while (f != NULL && o->n < HT_ORPHANS_OTHERS_MAX && fscanf(f, "%ld", &o->others[o->n]) == 1)
        o->n++;
    if (f != NULL)
        fclose(f);
}

static bool is_other(const ht_orphans *o, long pid)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->others[i] == pid)
            return true;
    return o->n == HT_ORPHANS_OTHERS_MAX;   /* who the others are is not known: nobody is touched */
}

/* @return how many are not collected yet */
static int end_children(const ht_orphans *o)
{
    int n = 0;
    long pid;
    FILE *f = open_children();
    while (f != NULL && fscanf(f, "%ld", &pid) == 1) {
        if (is_other(o, pid))
            continue;
        kill((pid_t)pid, SIGKILL);
        waitpid((pid_t)pid, NULL, WNOHANG);
        n++;
    }
    if (f != NULL)
        fclose(f);
    return n;
}

void ht_orphans_end(const ht_orphans *o)
{
    for (int i = 0; i < ROUNDS && end_children(o) > 0; i++)
        poll(NULL, 0, ROUND_MS);
}
