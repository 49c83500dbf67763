/* src/cli/leave.c - signals that ask a run to leave; the contract is in leave.h. */
#include "cli/leave.h"

#include <stddef.h>

static volatile sig_atomic_t asked;     /* a handler can reach nothing else */

static void ask(int number)
{
    (void)number;
    asked = 1;
}

const volatile sig_atomic_t *ht_leave_on_signals(void)
{
    static const int gentle[] = {SIGUSR1, SIGUSR2}, once[] = {SIGTERM, SIGINT};
    struct sigaction a = {.sa_handler = ask, .sa_flags = SA_RESTART};
    sigemptyset(&a.sa_mask);
    for (size_t i = 0; i < sizeof gentle / sizeof *gentle; i++)
        sigaction(gentle[i], &a, NULL);
    a.sa_flags = (int)(SA_RESTART | SA_RESETHAND);
    for (size_t i = 0; i < sizeof once / sizeof *once; i++) {
        struct sigaction before;
        if (sigaction(once[i], NULL, &before) != 0 || before.sa_handler != SIG_IGN)    /* in the background: not meant */
            sigaction(once[i], &a, NULL);
    }
    return &asked;
}
