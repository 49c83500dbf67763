/* The loopback transport. */
#include "comm/loopback.h"

#include <stdlib.h>
#include <string.h>

#include "cases.h"

static void what_is_sent_arrives_in_order(void)
{
    ht_comm *zero = NULL, *one = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_comm_loopback_create(&zero, &one, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_comm_send(one, 0, "ab", 2, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_comm_send(one, 0, "c", 1, NULL), HT_OK);
    int from = -1;
    ht_bytes got = {0};
    CU_ASSERT_EQUAL_FATAL(ht_comm_receive(zero, 0, &from, &got, NULL), HT_OK);
    CU_ASSERT(from == 1 && got.n == 2 && memcmp(got.data, "ab", 2) == 0);
    free(got.data);
    CU_ASSERT_EQUAL_FATAL(ht_comm_receive(zero, 0, &from, &got, NULL), HT_OK);
    CU_ASSERT(got.n == 1 && got.data[0] == 'c');
    free(got.data);
    CU_ASSERT_EQUAL(ht_comm_receive(zero, 1e9, &from, &got, NULL), HT_ETIMEOUT);   /* does not sleep */
    ht_comm_destroy(zero);
    ht_comm_destroy(one);
}

static void answer(void *coordinator)
{
    ht_comm_send(coordinator, 1, "!", 1, NULL);
}

static void an_empty_queue_calls_the_pump_first(void)
{
    ht_comm *zero = NULL, *one = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_comm_loopback_create(&zero, &one, NULL), HT_OK);
    ht_comm_loopback_pump(one, answer, zero);
    int from = -1;
    ht_bytes got = {0};
    CU_ASSERT_EQUAL_FATAL(ht_comm_receive(one, 0, &from, &got, NULL), HT_OK);
    CU_ASSERT(from == 0 && got.n == 1);
    free(got.data);
    ht_comm_destroy(one);
    ht_comm_destroy(zero);
}

static void unread_messages_are_freed_and_strangers_refused(void)
{
    ht_comm *zero = NULL, *one = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_comm_loopback_create(&zero, &one, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_comm_send(zero, 1, "x", 1, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_comm_send(zero, 0, "x", 1, NULL), HT_EINVAL);
    ht_comm_destroy(zero);
    ht_comm_destroy(one);   /* the leak sanitizer checks the rest */
}

CASES("loopback", CASE(what_is_sent_arrives_in_order), CASE(an_empty_queue_calls_the_pump_first),
      CASE(unread_messages_are_freed_and_strangers_refused))
