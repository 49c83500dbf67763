/* src/comm/fiber.c - calls with stacks of their own; the contract is in fiber.h.
 *
 * The first switch into a stack is makecontext's. All others are siglongjmp without a signal mask, which is a handful of
 * loads and stores, where swapcontext asks the kernel twice; QEMU's coroutines do the same. A checked longjmp refuses to
 * jump to another stack, hence no _FORTIFY_SOURCE here. AddressSanitizer is told of each switch.
 * May touch: the heap, mappings of memory. */
#undef _FORTIFY_SOURCE
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "comm/fiber.h"

#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifdef WITH_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

enum { STACK = 256 * 1024 };

struct ht_fiber {
    void (*body)(void *ctx);
    void *ctx;
    char *memory;           /* the guard page, then the stack */
    size_t guard;
    bool begun, over;
    ucontext_t start;       /* used once */
    sigjmp_buf inside, outside;
    void *fake;             /* of AddressSanitizer: frames of whoever is left */
    const void *outer;      /* the stack that resumed it */
    size_t outer_size;
};

/* ---- what AddressSanitizer must know ---------------------------------------------------------- */

static void leave_for(void **fake, const void *stack, size_t size)
{
#ifdef WITH_ASAN
    __sanitizer_start_switch_fiber(fake, stack, size);
#else
    (void)fake, (void)stack, (void)size;
#endif
}

static void arrive(void *fake, const void **from, size_t *size)
{
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(fake, from, size);
#else
    (void)fake, (void)from, (void)size;
#endif
}

/* ---- switches ------------------------------------------------------------------------------- */

/* makecontext hands over ints: a pointer comes as two. */
static void enter(unsigned high, unsigned low)
{
    ht_fiber *f = (ht_fiber *)(uintptr_t)((uint64_t)high << 32 | low);
    arrive(NULL, &f->outer, &f->outer_size);
    f->body(f->ctx);
    f->over = true;
    leave_for(NULL, f->outer, f->outer_size);
    siglongjmp(f->outside, 1);
}

void ht_fiber_resume(ht_fiber *f)
{
    void *fake = NULL;
    if (sigsetjmp(f->outside, 0) == 0) {
        leave_for(&f->fake, f->memory + f->guard, STACK);
        if (f->begun)
            siglongjmp(f->inside, 1);
        f->begun = true;
        setcontext(&f->start);
    }
    fake = f->fake;
    arrive(fake, NULL, NULL);
}

void ht_fiber_yield(ht_fiber *f)
{
    void *fake = NULL;
    leave_for(&fake, f->outer, f->outer_size);
    if (sigsetjmp(f->inside, 0) == 0)
        siglongjmp(f->outside, 1);
    arrive(fake, &f->outer, &f->outer_size);
}

/* ---- life ----------------------------------------------------------------------------------- */

ht_status ht_fiber_create(void (*body)(void *ctx), void *ctx, ht_fiber **out, ht_error *err)
{
    ht_fiber *f = calloc(1, sizeof *f);
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    void *memory = f != NULL ? mmap(NULL, guard + STACK, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0)
                             : MAP_FAILED;
    if (memory == MAP_FAILED || mprotect(memory, guard, PROT_NONE) != 0 || getcontext(&f->start) != 0) {
        if (memory != MAP_FAILED)
            munmap(memory, guard + STACK);
        free(f);
        return ht_fail(err, HT_ENOMEM, "no memory for a stack of %d KiB", STACK / 1024);
    }
    f->body = body;
    f->ctx = ctx;
    f->memory = memory;
    f->guard = guard;
    f->start.uc_stack.ss_sp = f->memory + guard;
    f->start.uc_stack.ss_size = STACK;
    uint64_t at = (uint64_t)(uintptr_t)f;
    makecontext(&f->start, (void (*)(void))enter, 2, (unsigned)(at >> 32), (unsigned)(at & 0xffffffffu));
    *out = f;
    return HT_OK;
}

bool ht_fiber_is_over(const ht_fiber *f)
{
    return f->over;
}

void ht_fiber_destroy(ht_fiber *f)
{
    if (f == NULL)
        return;
    munmap(f->memory, f->guard + STACK);
    free(f);
}
