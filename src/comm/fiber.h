/** @file src/comm/fiber.h
 *  A call with a stack of its own: it stops where it waits, and goes on later. No threads.
 *
 *  Simulated replicas are fibers: the agent of a replica waits deep inside its calls, and thousands of them live in one
 *  process. One fiber runs at a time; whoever resumes it waits until it yields. */
#ifndef HT_COMM_FIBER_H
#define HT_COMM_FIBER_H

#include "base/error.h"

typedef struct ht_fiber ht_fiber;

/** A fiber that has not begun yet. Its stack has 256 KiB, of which the system gives what is touched, and a page below
 *  it that ends the process when it overflows.
 *  @param[out] out  owned by the caller. @return HT_OK, HT_ENOMEM */
ht_status ht_fiber_create(void (*body)(void *ctx), void *ctx, ht_fiber **out, ht_error *err);
/** Goes on until it yields or `body` returns. Not from inside of a fiber, and not when it is over. */
void ht_fiber_resume(ht_fiber *f);
/** From inside of f: stops here until it is resumed. */
void ht_fiber_yield(ht_fiber *f);
/** `body` has returned. */
bool ht_fiber_is_over(const ht_fiber *f);
/** What is on the stack of a fiber that is not over is forgotten, not released. NULL is allowed. */
void ht_fiber_destroy(ht_fiber *f);

#endif
