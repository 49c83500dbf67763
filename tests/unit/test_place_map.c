/* tests/unit/test_place_map.c - where the ranks of a run are, in words, and what is wrong with that. */
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "kernel/place_map.h"

static void map_is(size_t n, const ht_rank_place *at, const char *expected)
{
    ht_places p = {n, (ht_rank_place *)at};
    ht_string out = {0};
    ht_place_map(&p, &out);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&out), expected);
    if (strcmp(ht_string_peek(&out), expected) != 0)
        printf("got %s", ht_string_peek(&out));
    ht_string_release(&out);
}

static void keep(void *ctx, const char *text)
{
    ht_string_add(ctx, "%s\n", text);
}

static void complaints_are(size_t n, const ht_rank_place *at, const char *expected)
{
    ht_places p = {n, (ht_rank_place *)at};
    ht_string out = {0};
    ht_place_complain(&p, keep, &out);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&out), expected);
    if (strcmp(ht_string_peek(&out), expected) != 0)
        printf("got %s", ht_string_peek(&out));
    ht_string_release(&out);
}

static void each_node_has_a_line(void)
{
    const ht_rank_place at[] = {{-1, "n0", "12-15", ""}, {0, "n0", "0-3", "0"},   {1, "n0", "4-7", "1"},
                                {2, "n0", "8-11", "2"},  {3, "n1", "0-7", "0,1"}, {4, "n1", "8-15", "2,3"}};
    map_is(6, at,
           "node n0: coordinator, replicas 0-2 on devices 0, 1, 2; cores 0-15, 4 for each rank\n"
           "node n1: replicas 3-4 on devices 0+1, 2+3; cores 0-15, 8 for each rank\n");
    complaints_are(6, at, "");
    const ht_rank_place two[] = {{-1, "n0", "", ""}, {0, "n0", "", "2,3"}};
    map_is(2, two, "node n0: coordinator, replica 0 on devices 2+3\n");
    map_is(0, NULL, "");
}

static void what_is_shared_or_unknown_is_told_as_such(void)
{
    const ht_rank_place shared[] = {{-1, "box", "0-1", ""}, {0, "box", "0-1", ""}, {1, "box", "0-1", ""}};
    map_is(3, shared, "node box: coordinator, replicas 0-1; cores 0-1, shared\n");
    const ht_rank_place odd[] = {{-1, "box", "", ""}, {0, "box", "0-1", "0,1"}, {1, "box", "2", "0,1"}};
    map_is(3, odd,
           "node box: coordinator, replicas 0-1, all on devices 0+1; cores 0-2, own ones for each rank\n");
    const ht_rank_place unknown[] = {{-1, "a\nb", "0", ""}, {0, "c", "0,..", ""}, {1, "c", "", ""}};
    map_is(3, unknown, "node a\\nb: coordinator; core 0\nnode c: replicas 0-1\n");
}

static void ranks_of_a_replica_count_together(void)
{
    const ht_rank_place at[] = {{-1, "n0", "4", ""},
                                {0, "n0", "0", "0"},
                                {0, "n0", "1", "1"},
                                {1, "n0", "2", "2"},
                                {1, "n1", "3", "0"}};
    map_is(5, at,
           "node n0: coordinator, replicas 0-1 on devices 0+1, 2; cores 0-2,4, 1 for each rank\n"
           "node n1: replica 1 on device 0; core 3\n");
    complaints_are(5, at, "");
}

static void names_of_devices_are_shortened_but_compared_whole(void)
{
    const ht_rank_place at[] = {{-1, "n0", "", ""},
                                {0, "n0", "", "GPU-1b2f3c4d-0000-1"},
                                {1, "n0", "", "GPU-1b2f3c4d-0000-2"},
                                {2, "n0", "", "MIG-GPU-1b2f3c4d-77/1/0"},
                                {3, "n0", "", ""}};
    map_is(
        5, at,
        "node n0: coordinator, replicas 0-3 on devices GPU-1b2f3c4d, GPU-1b2f3c4d, MIG-GPU-1b2f3c4d-77/1/0, "
        "none\n");
    complaints_are(5, at, "");
}

static void of_many_nodes_the_last_are_counted(void)
{
    ht_rank_place at[40];
    char names[40][8];
    for (int i = 0; i < 40; i++) {
        snprintf(names[i], sizeof names[i], "n%d", i / 2);
        at[i] = (ht_rank_place){i - 1, names[i], i % 2 == 0 ? "0" : "1", ""};
    }
    ht_places p = {40, at};
    ht_string out = {0};
    ht_place_map(&p, &out);
    CU_ASSERT_PTR_NOT_NULL(strstr(ht_string_peek(&out),
                                  "node n11: replicas 21-22; cores 0-1, 1 for each rank\n"
                                  "and 8 more nodes: replicas 23-38\n"));
    ht_string_release(&out);
}

static void what_costs_time_is_said_once_for_each_kind(void)
{
    const ht_rank_place devices[] = {{-1, "n0", "", ""}, {0, "n0", "", "0"}, {1, "n0", "", "1"},
                                     {2, "n0", "", "1"}, {3, "n0", "", "1"}, {4, "n1", "", "0"},
                                     {5, "n1", "", "0"}, {6, "n2", "", "0"}};
    complaints_are(
        8, devices,
        "replicas 1 and 2 share device 1 on node n0: they wait for each other; ask for as many devices as "
        "replicas (so on 1 more node)\n");
    const ht_rank_place bound[] = {
        {-1, "n0", "0", ""}, {0, "n0", "0", ""}, {1, "n0", "1", ""}, {2, "n0", "1", ""}};
    complaints_are(4, bound,
                   "ranks 2 and 3 are bound to the same core 1 of node n0; start them without binding (srun "
                   "--cpu-bind=none, mpirun --bind-to none) and with hottune place\n");
    const ht_rank_place few[] = {
        {-1, "n0", "0-1", ""}, {0, "n0", "0-1", ""}, {1, "n0", "0-1", ""}, {2, "n0", "0-1", ""}};
    complaints_are(4, few, "node n0 has 2 cores for 3 ranks that train: they take turns\n");
}

static void a_program_that_can_choose_is_not_accused(void)
{
    const ht_rank_place all[] = {{-1, "n0", "0-3", ""}, {0, "n0", "0-3", "0,1"}, {1, "n0", "0-3", "0,1"}};
    complaints_are(3, all, "");
    const ht_rank_place one[] = {{-1, "n0", "0-3", ""}, {0, "n0", "0-3", "0,1"}, {1, "n0", "0-3", "1"}};
    ht_string out = {0};
    ht_places p = {3, (ht_rank_place *)one};
    ht_place_complain(&p, keep, &out);
    CU_ASSERT_PTR_NOT_NULL(strstr(ht_string_peek(&out), "replicas 0 and 1 share device 1 on node n0"));
    ht_string_release(&out);
    const ht_rank_place beside[] = {{-1, "n0", "0", ""}, {0, "n0", "0", ""}}; /* a coordinator sleeps */
    complaints_are(2, beside, "");
}

static void lists_that_are_too_long_end_after_a_comma(void)
{
    char text[8];
    ht_places_cut(text, sizeof text, "0-3,8");
    CU_ASSERT_STRING_EQUAL(text, "0-3,8");
    ht_places_cut(text, sizeof text, "0,1,12,13");
    CU_ASSERT_STRING_EQUAL(text, "0,1,..");
    ht_places_cut(text, sizeof text, "GPU-12345678");
    CU_ASSERT_STRING_EQUAL(text, "..");
}

CASES("place map", CASE(each_node_has_a_line), CASE(what_is_shared_or_unknown_is_told_as_such),
      CASE(ranks_of_a_replica_count_together), CASE(names_of_devices_are_shortened_but_compared_whole),
      CASE(of_many_nodes_the_last_are_counted), CASE(what_costs_time_is_said_once_for_each_kind),
      CASE(a_program_that_can_choose_is_not_accused), CASE(lists_that_are_too_long_end_after_a_comma))
