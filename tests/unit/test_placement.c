/* tests/unit/test_placement.c - who gets which processors and devices of a node. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "population/placement.h"

/* Rank `rank` of a job on one node. */
static ht_seat alone_on_node(int rank, int size, int per_replica)
{
    return (ht_seat){.rank = rank,
                     .size = size,
                     .local_rank = rank,
                     .local_size = size,
                     .coordinator_is_here = true,
                     .ranks_per_replica = per_replica};
}

/* Devices of each rank of a job on one node, as "-|0-1|2-3|": the coordinator first. */
static void devices_are(int size, int per_replica, int n, const char *expected)
{
    ht_string out = {0};
    for (int rank = 0; rank < size; rank++) {
        ht_seat s = alone_on_node(rank, size, per_replica);
        int first, m = ht_placement_devices(&s, n, &first);
        CU_ASSERT_TRUE(m == 0 || (first >= 0 && first + m <= n));
        if (m == 0)
            ht_string_add(&out, "-|");
        else if (m == 1)
            ht_string_add(&out, "%d|", first);
        else
            ht_string_add(&out, "%d-%d|", first, first + m - 1);
    }
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&out), expected);
    ht_string_release(&out);
}

/* Processors of each rank of `s` ranks with `p`; "*" = as they are; threads behind a colon. */
static void cores_are_of(const ht_seat *base, const ht_processors *p, const char *expected)
{
    ht_string out = {0};
    for (int i = 0; i < base->local_size; i++) {
        ht_seat s = *base;
        ht_core_share share;
        s.local_rank = i;
        s.rank = base->rank + i;
        CU_ASSERT_EQUAL(ht_placement_cores(&s, (ht_processors *)p, &share, NULL), HT_OK);
        if (ht_cores_count(&share.pins) == 0)
            ht_string_add(&out, "*");
        ht_cores_print(&share.pins, &out);
        ht_string_add(&out, ":%d ", share.threads);
        ht_cores_release(&share.pins);
    }
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&out), expected);
    if (strcmp(ht_string_peek(&out), expected) != 0)
        printf("got      %s\nexpected %s\n", ht_string_peek(&out), expected);
    ht_string_release(&out);
}

/* The same of a job on one node whose processors are `mask`, with `siblings` hyperthreads a core: processor i
 * and i + half (.., with 2) are one core. */
static ht_processors processors_of(const char *mask, size_t siblings_apart)
{
    ht_cores c = {0};
    CU_ASSERT_EQUAL_FATAL(ht_cores_parse(&c, mask, NULL), HT_OK);
    ht_processors p = {.n = ht_cores_count(&c)};
    p.processors = calloc(p.n + 1, sizeof *p.processors);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p.processors);
    for (size_t i = ht_cores_next(&c, 0), at = 0; i < HT_CORES_MAX; i = ht_cores_next(&c, i + 1), at++)
        p.processors[at] = (ht_processor){i, siblings_apart > 0 ? i % siblings_apart : i};
    ht_cores_release(&c);
    return p;
}

static void cores_are(int size, const char *mask, const char *expected)
{
    ht_processors p = processors_of(mask, 0);
    ht_seat s = alone_on_node(0, size, 1);
    cores_are_of(&s, &p, expected);
    free(p.processors);
}

static void the_tasks_of_nodes_are_read(void)
{
    int here = 0, all = 0;
    CU_ASSERT_EQUAL(ht_seat_read_tasks("5(x2),4", 1, &here, &all, NULL), HT_OK);
    CU_ASSERT_EQUAL(here, 5);
    CU_ASSERT_EQUAL(all, 14);
    CU_ASSERT_EQUAL(ht_seat_read_tasks("5(x2),4", 2, &here, &all, NULL), HT_OK);
    CU_ASSERT_EQUAL(here, 4);
    CU_ASSERT_EQUAL(ht_seat_read_tasks("3", 0, &here, &all, NULL), HT_OK);
    CU_ASSERT_EQUAL(here, 3);
    CU_ASSERT_EQUAL(all, 3);
    CU_ASSERT_EQUAL(ht_seat_read_tasks("1,128(x4000),2(x3)", 4001, &here, &all, NULL), HT_OK);
    CU_ASSERT_EQUAL(here, 2);
    CU_ASSERT_EQUAL(all, 512007);
}

static void what_does_not_tell_the_tasks_is_refused(void)
{
    const char *const texts[] = {"",  "x",  "5(x2", "5(2)",  "5,",     ",5",
                                 "0", "-3", "5 4",  "5(x0)", "5(x2)4", "99999999999999999999"};
    int here, all = 7;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        CU_ASSERT_EQUAL(ht_seat_read_tasks(texts[i], 0, &here, &all, NULL), HT_EFORMAT);
    CU_ASSERT_EQUAL(ht_seat_read_tasks("5(x2)", 2, &here, &all, NULL), HT_EFORMAT);
    CU_ASSERT_EQUAL(ht_seat_read_tasks("5(x2)", -1, &here, &all, NULL), HT_EFORMAT);
    CU_ASSERT_EQUAL(all, 7);
    ht_seat bad = {.rank = 3, .size = 3, .local_rank = 0, .local_size = 1, .ranks_per_replica = 1};
    CU_ASSERT_EQUAL(ht_seat_check(&bad, NULL), HT_EINVAL);
    bad = (ht_seat){.rank = 2, .size = 3, .local_rank = 2, .local_size = 2, .ranks_per_replica = 1};
    CU_ASSERT_EQUAL(ht_seat_check(&bad, NULL), HT_EINVAL);
}

static void replicas_share_out_devices_and_the_coordinator_has_none(void)
{
    devices_are(5, 1, 4, "-|0|1|2|3|");
    devices_are(5, 1, 8, "-|0-1|2-3|4-5|6-7|");
    devices_are(4, 1, 4, "-|0|1|2-3|"); /* odd: whoever gets two */
    devices_are(5, 1, 2, "-|0|0|1|1|"); /* too few: the same number on each */
    devices_are(6, 1, 3, "-|0|0|1|1|2|");
    devices_are(3, 1, 1, "-|0|0|");
    devices_are(3, 1, 0, "-|-|-|");
    devices_are(1, 1, 4, "0-3|"); /* one rank does all */
}

static void ranks_of_a_replica_share_its_block_and_no_other(void)
{
    devices_are(5, 2, 4, "-|0|1|2|3|");
    devices_are(5, 2, 2, "-|0|0|1|1|");
    devices_are(5, 2, 8, "-|0-1|2-3|4-5|6-7|");
    devices_are(7, 2, 4, "-|0|0|1|1|2|3|"); /* 3 replicas: no device has two of them */
    devices_are(7, 3, 4, "-|0|0|1|2|2|3|");
    devices_are(7, 2, 1, "-|0|0|0|0|0|0|");
}

static void a_replica_that_began_on_another_node_goes_on_with_its_share(void)
{
    /* ranks 4, 5, 6 of replicas 1 (3, 4) and 2 (5, 6) */
    ht_seat s = {.rank = 4, .size = 7, .local_rank = 0, .local_size = 3, .ranks_per_replica = 2};
    int first;
    CU_ASSERT_EQUAL(ht_placement_devices(&s, 2, &first), 1);
    CU_ASSERT_EQUAL(first, 0);
    s.rank = 5, s.local_rank = 1;
    CU_ASSERT_EQUAL(ht_placement_devices(&s, 2, &first), 1);
    CU_ASSERT_EQUAL(first, 1);
    s.rank = 6, s.local_rank = 2;
    CU_ASSERT_EQUAL(ht_placement_devices(&s, 2, &first), 1);
    CU_ASSERT_EQUAL(first, 1);
    CU_ASSERT_EQUAL(ht_placement_devices(&s, 3, &first), 1); /* enough: one for each rank */
    CU_ASSERT_EQUAL(first, 2);
}

static void cores_are_dealt_in_blocks_of_one_size(void)
{
    cores_are(5, "0-16", "16:1 0-3:4 4-7:4 8-11:4 12-15:4 ");
    cores_are(4, "0-15", "15:1 0-4:5 5-9:5 10-14:5 ");
    cores_are(4, "0-10", "9-10:2 0-2:3 3-5:3 6-8:3 ");       /* what is over goes to the coordinator */
    cores_are(5, "0-15", "*:1 0-3:4 4-7:4 8-11:4 12-15:4 "); /* nothing is over: it stays free */
    cores_are(3, "0-1", "*:1 0:1 1:1 ");
    cores_are(1, "0-3", "*:0 ");
}

static void gaps_and_large_numbers_are_kept(void)
{
    cores_are(3, "3,5,7-8,60-63,70", "70:1 3,5,7-8:4 60-63:4 ");
    cores_are(3, "126-129,2000-2004", "2004:1 126-129:4 2000-2003:4 ");
    cores_are(9, "0-2047",
              "*:1 0-255:256 256-511:256 512-767:256 768-1023:256 1024-1279:256 1280-1535:256 "
              "1536-1791:256 1792-2047:256 ");
}

static void hyperthreads_of_a_core_stay_together(void)
{
    ht_processors p = processors_of("0-15", 8); /* processor i and i + 8 */
    ht_seat s = alone_on_node(0, 4, 1);
    cores_are_of(&s, &p, "6-7,14-15:2 0-1,8-9:2 2-3,10-11:2 4-5,12-13:2 ");
    free(p.processors);
    p = processors_of("0-7,9-15", 8); /* of core 0 one thread is somebody else's */
    cores_are_of(&s, &p, "6-7,14-15:2 0-1,9:2 2-3,10-11:2 4-5,12-13:2 ");
    free(p.processors);
    p = processors_of("0-3", 2); /* 4 processors, 2 cores */
    s = alone_on_node(0, 4, 1);
    cores_are_of(&s, &p, "*:1 *:1 *:1 *:1 ");
    free(p.processors);
}

static void too_few_bound_or_foreign_cores_stay_as_they_are(void)
{
    cores_are(5, "0-2", "*:1 *:1 *:1 *:1 *:1 ");
    ht_processors p = processors_of("0-15", 0);
    ht_seat s = alone_on_node(0, 3, 1);
    p.are_bound = true;
    cores_are_of(&s, &p, "*:0 *:0 *:0 ");
    p.per_task = 4;
    cores_are_of(&s, &p, "*:4 *:4 *:4 ");
    p.are_bound = false;
    p.per_task = 0;
    p.allotted = 8; /* of 16 that can be seen 8 are the job's, but which? */
    cores_are_of(&s, &p, "*:1 *:4 *:4 ");
    p.per_task = 2;
    cores_are_of(&s, &p, "*:1 *:2 *:2 ");
    free(p.processors);
}

static void what_was_asked_for_a_task_is_its_block_on_every_node(void)
{
    ht_processors p = processors_of("0-19", 0); /* 5 tasks of 4 */
    p.per_task = 4;
    p.allotted = 20;
    ht_seat s = alone_on_node(0, 5, 1);
    cores_are_of(&s, &p, "16-19:4 0-3:4 4-7:4 8-11:4 12-15:4 ");
    free(p.processors);
    p = processors_of("0-15", 0); /* 4 tasks of 4 on the second node */
    p.per_task = 4;
    s = (ht_seat){.rank = 5, .size = 9, .local_size = 4, .ranks_per_replica = 1};
    cores_are_of(&s, &p, "0-3:4 4-7:4 8-11:4 12-15:4 ");
    p.per_task = 6; /* more than there are: shared out all the same */
    cores_are_of(&s, &p, "0-3:4 4-7:4 8-11:4 12-15:4 ");
    free(p.processors);
    p = processors_of("0-15", 8); /* 4 processors are 2 cores */
    p.per_task = 4;
    s = (ht_seat){.rank = 5, .size = 9, .local_size = 3, .ranks_per_replica = 1};
    cores_are_of(&s, &p, "0-1,8-9:2 2-3,10-11:2 4-5,12-13:2 ");
    free(p.processors);
}

static void a_node_with_the_coordinator_alone_is_left_to_it(void)
{
    ht_processors p = processors_of("0-3", 0);
    ht_seat s = {.rank = 0, .size = 5, .local_size = 1, .coordinator_is_here = true, .ranks_per_replica = 1};
    cores_are_of(&s, &p, "*:0 ");
    free(p.processors);
}

CASES("placement", CASE(the_tasks_of_nodes_are_read), CASE(what_does_not_tell_the_tasks_is_refused),
      CASE(replicas_share_out_devices_and_the_coordinator_has_none),
      CASE(ranks_of_a_replica_share_its_block_and_no_other),
      CASE(a_replica_that_began_on_another_node_goes_on_with_its_share),
      CASE(cores_are_dealt_in_blocks_of_one_size), CASE(gaps_and_large_numbers_are_kept),
      CASE(hyperthreads_of_a_core_stay_together), CASE(too_few_bound_or_foreign_cores_stay_as_they_are),
      CASE(what_was_asked_for_a_task_is_its_block_on_every_node),
      CASE(a_node_with_the_coordinator_alone_is_left_to_it))
