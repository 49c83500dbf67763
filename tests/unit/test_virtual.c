/* tests/unit/test_virtual.c - a transport in virtual time, and the fibers behind its peers. */
#include "cases.h"

#include <CUnit/CUnit.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/fiber.h"
#include "comm/virtual.h"

enum { PEERS = 4, LOG_MAX = 64 };
static const double latency = .5;

typedef struct stage stage;

typedef struct {
    stage *s;
    int id;
    double delay;           /* before it does its part */
} actor;

struct stage {
    ht_virtual *v;
    actor actors[PEERS];
    char log[LOG_MAX];      /* who did what, in order */
    double at[LOG_MAX];
    int answer;             /* of the call that was tried */
};

static stage *set_up(void)
{
    stage *s = calloc(1, sizeof *s);
    CU_ASSERT_EQUAL_FATAL(ht_virtual_create(PEERS, latency, &s->v, NULL), HT_OK);
    for (int i = 0; i < PEERS; i++)
        s->actors[i] = (actor){.s = s, .id = i};
    return s;
}

static void begin(stage *s, int id, void (*body)(void *ctx), double delay)
{
    s->actors[id].delay = delay;
    CU_ASSERT_EQUAL_FATAL(ht_virtual_spawn(s->v, id, body, &s->actors[id], NULL), HT_OK);
}

static void note(stage *s, char what)
{
    size_t n = strlen(s->log);
    s->at[n] = ht_virtual_now(s->v);
    s->log[n] = what;
}

static ht_status hear(stage *s, int me, double timeout_s, int *from, char *letter)
{
    ht_bytes bytes;
    ht_status st = ht_comm_receive(ht_virtual_end(s->v, me), timeout_s, from, &bytes, NULL);
    if (st == HT_OK) {
        *letter = (char)bytes.data[0];
        free(bytes.data);
    }
    return st;
}

static ht_status tell(stage *s, int me, int to, char letter)
{
    return ht_comm_send(ht_virtual_end(s->v, me), to, &letter, 1, NULL);
}

static void tear_down(stage *s)
{
    int from;
    char letter;
    for (int i = 1; i < PEERS; i++)
        ht_virtual_cut(s->v, i, true);
    while (ht_virtual_running(s->v) > 0)
        hear(s, 0, 1, &from, &letter);
    ht_virtual_destroy(s->v);
    free(s);
}

/* ---- bodies ------------------------------------------------------------------------------------- */

static void sleeps_and_notes(void *ctx)
{
    actor *a = ctx;
    ht_virtual_wait(a->s->v, a->id, a->delay);
    note(a->s, (char)('0' + a->id));
}

static void sends_two(void *ctx)
{
    actor *a = ctx;
    ht_virtual_wait(a->s->v, a->id, a->delay);
    tell(a->s, a->id, 0, 'a');
    tell(a->s, a->id, 0, 'b');
}

static void echoes(void *ctx)
{
    actor *a = ctx;
    int from;
    char letter;
    while (hear(a->s, a->id, 100, &from, &letter) == HT_OK)
        tell(a->s, a->id, from, (char)(letter + 1));
    note(a->s, 'x');
}

static void waits_for_ever(void *ctx)
{
    actor *a = ctx;
    a->s->answer = ht_virtual_wait(a->s->v, a->id, INFINITY);
    note(a->s, 'w');
}

static void wakes_the_first(void *ctx)
{
    actor *a = ctx;
    ht_virtual_wait(a->s->v, a->id, a->delay);
    ht_virtual_wake(a->s->v, 1);
    note(a->s, 'k');
}

static void kills_the_first(void *ctx)
{
    actor *a = ctx;
    ht_virtual_wait(a->s->v, a->id, a->delay);
    ht_virtual_cut(a->s->v, 1, true);
}

static int depth_of(int n)
{
    volatile char room[512];
    room[0] = (char)n;
    return n == 0 ? 0 : 1 + depth_of(n - 1) + 0 * room[0];
}

static void goes_deep(void *ctx)
{
    actor *a = ctx;
    a->s->answer = depth_of(200);
}

/* ---- cases -------------------------------------------------------------------------------------- */

static void time_jumps_to_what_happens_next_and_stops_at_a_timeout(void)
{
    stage *s = set_up();
    int from;
    char letter;
    begin(s, 1, sleeps_and_notes, 30);
    begin(s, 2, sleeps_and_notes, 10);
    CU_ASSERT_EQUAL(hear(s, 0, 20, &from, &letter), HT_ETIMEOUT);
    CU_ASSERT_EQUAL(ht_virtual_now(s->v), 20);
    CU_ASSERT_STRING_EQUAL(s->log, "2");
    CU_ASSERT_EQUAL(s->at[0], 10);
    CU_ASSERT_EQUAL(hear(s, 0, 20, &from, &letter), HT_ETIMEOUT);
    CU_ASSERT_STRING_EQUAL(s->log, "21");
    CU_ASSERT_EQUAL(ht_virtual_running(s->v), 0);
    tear_down(s);
}

static void what_happens_at_one_time_happens_in_the_order_in_which_it_was_asked_for(void)
{
    stage *s = set_up();
    int from;
    char letter;
    begin(s, 3, sleeps_and_notes, 10);
    begin(s, 1, sleeps_and_notes, 10);
    begin(s, 2, sleeps_and_notes, 10);
    CU_ASSERT_EQUAL(hear(s, 0, 20, &from, &letter), HT_ETIMEOUT);
    CU_ASSERT_STRING_EQUAL(s->log, "312");
    tear_down(s);
}

static void messages_arrive_in_order_after_the_latency(void)
{
    stage *s = set_up();
    int from = -1;
    char letter = 0;
    begin(s, 2, sends_two, 10);
    CU_ASSERT_EQUAL(hear(s, 0, 100, &from, &letter), HT_OK);
    CU_ASSERT_EQUAL(ht_virtual_now(s->v), 10 + latency);
    CU_ASSERT_EQUAL(from, 2);
    CU_ASSERT_EQUAL(letter, 'a');
    CU_ASSERT_EQUAL(hear(s, 0, 0, &from, &letter), HT_OK);
    CU_ASSERT_EQUAL(letter, 'b');
    CU_ASSERT_EQUAL(ht_virtual_now(s->v), 10 + latency);
    tear_down(s);
}

static void who_waits_for_a_message_goes_on_when_it_comes_or_when_its_time_is_over(void)
{
    stage *s = set_up();
    int from;
    char letter = 0;
    begin(s, 1, echoes, 0);
    CU_ASSERT_EQUAL(tell(s, 0, 1, 'p'), HT_OK);
    CU_ASSERT_EQUAL(hear(s, 0, 50, &from, &letter), HT_OK);
    CU_ASSERT_EQUAL(letter, 'q');
    CU_ASSERT_EQUAL(ht_virtual_now(s->v), 2 * latency);
    CU_ASSERT_EQUAL(hear(s, 0, 500, &from, &letter), HT_ETIMEOUT);
    CU_ASSERT_STRING_EQUAL(s->log, "x");
    CU_ASSERT_EQUAL(s->at[0], latency + 100);
    tear_down(s);
}

static void who_is_woken_goes_on_at_that_time_and_knows_it(void)
{
    stage *s = set_up();
    int from;
    char letter;
    begin(s, 1, waits_for_ever, 0);
    begin(s, 2, wakes_the_first, 7);
    CU_ASSERT_EQUAL(hear(s, 0, 100, &from, &letter), HT_ETIMEOUT);
    CU_ASSERT_STRING_EQUAL(s->log, "kw");
    CU_ASSERT_EQUAL(s->at[1], 7);
    CU_ASSERT_TRUE(s->answer);
    tear_down(s);
}

static void a_dead_peer_comes_to_an_end_and_its_messages_are_lost(void)
{
    stage *s = set_up();
    int from;
    char letter;
    begin(s, 1, echoes, 0);
    begin(s, 2, kills_the_first, 3);
    CU_ASSERT_EQUAL(hear(s, 0, 5, &from, &letter), HT_ETIMEOUT);
    CU_ASSERT_STRING_EQUAL(s->log, "x");
    CU_ASSERT_EQUAL(s->at[0], 3);
    CU_ASSERT_TRUE(ht_virtual_is_cut(s->v, 1));
    CU_ASSERT_EQUAL(tell(s, 1, 0, 'a'), HT_ECOMM);
    CU_ASSERT_EQUAL(tell(s, 0, 1, 'a'), HT_OK);
    CU_ASSERT_EQUAL(hear(s, 0, 5, &from, &letter), HT_ETIMEOUT);
    ht_virtual_cut(s->v, 1, false);
    CU_ASSERT_EQUAL(tell(s, 1, 0, 'a'), HT_OK);
    CU_ASSERT_EQUAL(hear(s, 1, 0, &from, &letter), HT_ETIMEOUT);
    CU_ASSERT_EQUAL(tell(s, 0, PEERS, 'a'), HT_ECOMM);
    tear_down(s);
}

static void a_fiber_has_room_for_deep_calls(void)
{
    stage *s = set_up();
    int from;
    char letter;
    begin(s, 1, goes_deep, 0);
    CU_ASSERT_EQUAL(hear(s, 0, 1, &from, &letter), HT_ETIMEOUT);
    CU_ASSERT_EQUAL(s->answer, 200);
    tear_down(s);
}

CASES("virtual", CASE(time_jumps_to_what_happens_next_and_stops_at_a_timeout),
      CASE(what_happens_at_one_time_happens_in_the_order_in_which_it_was_asked_for),
      CASE(messages_arrive_in_order_after_the_latency),
      CASE(who_waits_for_a_message_goes_on_when_it_comes_or_when_its_time_is_over),
      CASE(who_is_woken_goes_on_at_that_time_and_knows_it), CASE(a_dead_peer_comes_to_an_end_and_its_messages_are_lost),
      CASE(a_fiber_has_room_for_deep_calls))
