/* src/cli/orphans.c - ends what a command left behind; the contract is in orphans.h. May touch: processes. */
#define _GNU_SOURCE /* prctl */
#include "cli/orphans.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

enum { ROUNDS = 100 };  /* a process that forks as fast as it is killed is left to the scheduler */

void ht_orphans_expect(void)
{
#ifdef __linux__
    prctl(PR_SET_CHILD_SUBREAPER, 1);
#endif
}

/* @return how many children there were */
static int end_children(void)
{
    char path[64];
    int n = 0;
    long pid;
    snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    FILE *f = fopen(path, "r");
    while (f != NULL && fscanf(f, "%ld", &pid) == 1) {
        kill((pid_t)pid, SIGKILL);
        n++;
    }
    if (f != NULL)
        fclose(f);
    return n;
}

void ht_orphans_end(void)
{
    for (int i = 0; i < ROUNDS && end_children() > 0; i++)
        while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
            continue;
}
