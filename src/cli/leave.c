/* src/cli/leave.c - signals that ask a run to leave; the contract is in leave.h.
 *
 * Schedulers are not sparing with signals: at the end of its time a Slurm job gets SIGTERM, often twice, and SIGCONT
 * along with it; mpirun forwards what its ranks got already. A run that is writing itself down must not die of that.
 * So only SIGINT, which comes from a person, kills when it comes again; and SIGTERM outside of Slurm, if it does after
 * a while. */
#define _GNU_SOURCE /* sigaction, clock_gettime */
#include "cli/leave.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

enum { SAME_REQUEST_S = 10 };           /* a SIGTERM that follows another one this soon asks for the same */

static volatile sig_atomic_t asked;     /* a handler can reach nothing else */
static volatile sig_atomic_t terminated;    /* when the first SIGTERM came: monotonic seconds + 1; 0 = none came */
static volatile sig_atomic_t patient;   /* no SIGTERM kills */

static void ask(int number)
{
    (void)number;
    asked = 1;
}

static void ask_to_terminate(int number)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);     /* may be called in a handler (POSIX) */
    sig_atomic_t now = (sig_atomic_t)(t.tv_sec + 1);
    asked = 1;
    if (terminated == 0) {
        terminated = now;
    } else if (!patient && now - terminated >= SAME_REQUEST_S) {
        signal(number, SIG_DFL);
        raise(number);
    }
}

static void set(int number, void (*handler)(int), int flags)
{
    struct sigaction before, a = {.sa_handler = handler, .sa_flags = SA_RESTART | flags};
    sigemptyset(&a.sa_mask);
    bool of_person = number == SIGINT || number == SIGTERM;     /* ignored in the background: not meant */
    if (!of_person || sigaction(number, NULL, &before) != 0 || before.sa_handler != SIG_IGN)
        sigaction(number, &a, NULL);
}

const volatile sig_atomic_t *ht_leave_on_signals(void)
{
    patient = getenv("SLURM_JOB_ID") != NULL;
    set(SIGUSR1, ask, 0);
    set(SIGUSR2, ask, 0);
    set(SIGTERM, ask_to_terminate, 0);
    set(SIGINT, ask, (int)SA_RESETHAND);
    return &asked;
}

const volatile sig_atomic_t *ht_leave_asked(void)
{
    return &asked;
}

void ht_leave_as_usual(void)
{
    static const int numbers[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGINT};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        set(numbers[i], SIG_DFL, 0);
    if (asked)
        raise(SIGTERM);
}
