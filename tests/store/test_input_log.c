/* tests/store/test_input_log.c - the journal of inputs: exact, also when cut, damaged, or refused by the disk. */
#include <math.h>
#include <sys/wait.h>

#include "base/random.h"
#include "cases.h"
#include "store/input_log.h"
#include "bytes.h"

static const ht_input inputs[] = {{1, 0, 0.0, "start", 5},
                                  {2, 7, 1.5, "", 0},
                                  {255, -1, -0.0, "a\0b", 3},
                                  {0, INT32_MIN, INFINITY, "0123456789012345678901234567890123456789"
                                                           "0123456789012345678901234567890123456789", 80},
                                  {3, INT32_MAX, 1e-310, "x", 1}};
enum { N = sizeof inputs / sizeof inputs[0] };

static ht_input_log *create(folder *f)
{
    ht_input_log *log = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_input_log_create(folder_file(f, "log"), &log, NULL), HT_OK);
    return log;
}

static void append(ht_input_log *log, uint64_t i)
{
    CU_ASSERT_EQUAL(ht_input_log_append(log, &inputs[i % N], NULL), HT_OK);
}

/* A file "log" of n records, and where each ends. */
static void make(folder *f, uint64_t n, uint64_t ends[])
{
    folder_make(f);
    ht_input_log *log = create(f);
    for (uint64_t i = 0; i < n; i++) {
        append(log, i);
        if (ends != NULL)
            ends[i] = ht_input_log_bytes(log);
    }
    ht_input_log_close(log);
}

/* Each record is the one that was written. */
static ht_status is_right(void *ctx, uint64_t index, const ht_input *in, ht_error *err)
{
    uint64_t *seen = ctx;
    const ht_input *right = &inputs[index % N];
    (void)err;
    bool same = index == *seen && in->kind == right->kind && in->replica == right->replica &&
                memcmp(&in->time, &right->time, sizeof in->time) == 0 && in->n == right->n &&
                (in->n == 0 || memcmp(in->bytes, right->bytes, in->n) == 0);
    CU_ASSERT_TRUE(same);
    ++*seen;
    return HT_OK;
}

static ht_status read_some(folder *f, uint64_t at_most, ht_input_extent *out, ht_error *err)
{
    uint64_t seen = 0;
    ht_status st = ht_input_log_read(folder_file(f, "log"), at_most, is_right, &seen, out, err);
    CU_ASSERT_EQUAL(seen, out->records);
    return st;
}

static void expect_records(folder *f, uint64_t n, uint64_t torn)
{
    ht_input_extent e;
    CU_ASSERT_EQUAL(read_some(f, UINT64_MAX, &e, NULL), HT_OK);
    CU_ASSERT_EQUAL(e.records, n);
    CU_ASSERT_EQUAL(e.torn, torn);
}

/* ---- what is written ---------------------------------------------------------------------------- */

static void records_read_back_to_the_bit_and_in_order(void)
{
    folder f;
    ht_input_extent e;
    folder_make(&f);
    ht_input_log *log = create(&f);
    expect_records(&f, 0, 0);
    for (uint64_t i = 0; i < 3 * N; i++)
        append(log, i);
    CU_ASSERT_EQUAL(ht_input_log_sync(log, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_input_log_count(log), 3 * N);
    CU_ASSERT_EQUAL(read_some(&f, UINT64_MAX, &e, NULL), HT_OK);
    CU_ASSERT_EQUAL(e.records, 3 * N);
    CU_ASSERT_EQUAL(e.torn, 0);
    CU_ASSERT_EQUAL(e.bytes, ht_input_log_bytes(log));
    CU_ASSERT_EQUAL(e.sum, ht_input_log_sum(log));
    ht_input_log_close(log);
    CU_ASSERT_EQUAL(ht_file_look(folder_file(&f, "log")).size, (off_t)e.bytes);
    folder_remove(&f);
}

static void a_record_is_on_file_when_append_returns(void)
{
    folder f;
    folder_make(&f);
    ht_input_log *log = create(&f);
    append(log, 0);
    expect_records(&f, 1, 0);
    ht_input_log_close(log);
    folder_remove(&f);
}

static void a_log_is_begun_anew(void)
{
    folder f;
    make(&f, 4, NULL);
    ht_input_log_close(create(&f));
    expect_records(&f, 0, 0);
    folder_remove(&f);
}

static void logs_that_differ_anywhere_have_different_sums(void)
{
    folder f;
    folder_make(&f);
    ht_input_log *a = create(&f);
    append(a, 0);
    uint64_t first = ht_input_log_sum(a);
    append(a, 1);
    uint64_t other = ht_input_log_sum(a);
    ht_input_log_close(a);
    ht_input_log *b = create(&f);
    append(b, 0);
    CU_ASSERT_EQUAL(ht_input_log_sum(b), first);
    append(b, 4);
    CU_ASSERT_NOT_EQUAL(ht_input_log_sum(b), other);
    append(b, 1);
    CU_ASSERT_NOT_EQUAL(ht_input_log_sum(b), other);
    ht_input_log_close(b);
    folder_remove(&f);
}

/* ---- what is read ------------------------------------------------------------------------------- */

static void a_file_cut_anywhere_gives_the_whole_records_before_the_cut(void)
{
    folder f;
    uint64_t ends[N];
    size_t n;
    make(&f, N, ends);
    unsigned char *all = bytes_read(&f, "log", &n);
    for (size_t cut = 0; cut <= n; cut++) {
        uint64_t whole = 0, end = cut < 24 ? 0 : 24;
        while (whole < N && ends[whole] <= cut)
            end = ends[whole++];
        bytes_write(&f, "log", all, cut);
        expect_records(&f, whole, cut - end);
    }
    free(all);
    folder_remove(&f);
}

static void a_tail_that_a_dead_machine_left_as_zeros_is_torn(void)
{
    folder f;
    uint64_t ends[N];
    static const unsigned char zeros[5000];
    size_t n;
    make(&f, N, ends);
    unsigned char *all = bytes_read(&f, "log", &n);
    bytes_append(&f, "log", zeros, sizeof zeros);
    expect_records(&f, N, sizeof zeros);
    for (size_t cut = ends[2]; cut < n - 8; cut++) {
        bytes_write(&f, "log", all, cut);
        bytes_append(&f, "log", zeros, sizeof zeros);
        ht_input_extent e;
        /* cut in the head of a record, its check may lie behind the cut: then it is damage, never a record */
        ht_status st = read_some(&f, UINT64_MAX, &e, NULL);
        CU_ASSERT_TRUE(st == HT_OK ? e.torn > 0 : st == HT_EFORMAT);
        CU_ASSERT_EQUAL(e.records, cut < ends[3] ? 3 : 4);
    }
    free(all);
    folder_remove(&f);
}

static void a_byte_that_is_wrong_is_damage_with_its_record_and_offset_or_a_torn_end(void)
{
    folder f;
    uint64_t ends[N];
    char place[64];
    size_t n;
    make(&f, N, ends);
    unsigned char *all = bytes_read(&f, "log", &n);
    for (size_t at = 0; at < n; at++)
        for (int bit = 0; bit < 8; bit++) {
            ht_input_extent e;
            ht_error err = {""};
            uint64_t record = 0;
            while (ends[record] <= at)
                record++;
            all[at] ^= (unsigned char)(1 << bit);
            bytes_write(&f, "log", all, n);
            all[at] ^= (unsigned char)(1 << bit);
            ht_status st = read_some(&f, UINT64_MAX, &e, &err);
            CU_ASSERT_EQUAL(e.records, at < 24 ? 0 : record);
            if (st == HT_OK)
                CU_ASSERT_TRUE(record == N - 1 && e.torn == n - ends[N - 2]);
            if (at < 24 || record < N - 1)
                CU_ASSERT_EQUAL(st, HT_EFORMAT);
            snprintf(place, sizeof place, "record %d at byte %d ", (int)record, record == 0 ? 24 : (int)ends[record - 1]);
            CU_ASSERT_TRUE(st == HT_OK || at < 24 || strstr(err.text, place) != NULL);
            CU_ASSERT_TRUE(st == HT_OK || strstr(err.text, "/log'") != NULL);
        }
    free(all);
    folder_remove(&f);
}

static void damage_behind_what_is_wanted_does_not_matter(void)
{
    folder f;
    uint64_t ends[N];
    size_t n;
    ht_input_extent e;
    make(&f, N, ends);
    unsigned char *all = bytes_read(&f, "log", &n);
    all[ends[2] + 3] ^= 1;
    bytes_write(&f, "log", all, n);
    CU_ASSERT_EQUAL(read_some(&f, UINT64_MAX, &e, NULL), HT_EFORMAT);
    CU_ASSERT_EQUAL(read_some(&f, 3, &e, NULL), HT_OK);
    CU_ASSERT_EQUAL(e.records, 3);
    CU_ASSERT_EQUAL(e.bytes, ends[2]);
    free(all);
    folder_remove(&f);
}

static void a_record_of_another_log_at_the_same_place_is_damage(void)
{
    folder f;
    uint64_t ends[N];
    size_t n;
    ht_input_extent e;
    make(&f, N, ends);
    unsigned char *all = bytes_read(&f, "log", &n);
    ht_input_log *log = create(&f);
    ht_input first = inputs[0];
    first.time = 1;     /* the only difference: everything else lies at the same bytes */
    CU_ASSERT_EQUAL(ht_input_log_append(log, &first, NULL), HT_OK);
    ht_input_log_close(log);
    bytes_append(&f, "log", all + ends[0], n - ends[0]);
    uint64_t left = 0;
    CU_ASSERT_EQUAL(ht_input_log_read(folder_file(&f, "log"), UINT64_MAX, NULL, &left, &e, NULL), HT_EFORMAT);
    CU_ASSERT_EQUAL(e.records, 1);
    free(all);
    folder_remove(&f);
}

static ht_status stop_at_2(void *ctx, uint64_t index, const ht_input *in, ht_error *err)
{
    (void)ctx;
    (void)in;
    return index == 2 ? ht_fail(err, HT_EREFUSED, "enough") : HT_OK;
}

static void a_reader_may_stop(void)
{
    folder f;
    ht_input_extent e;
    ht_error err = {""};
    make(&f, N, NULL);
    CU_ASSERT_EQUAL(ht_input_log_read(folder_file(&f, "log"), UINT64_MAX, stop_at_2, NULL, &e, &err), HT_EREFUSED);
    CU_ASSERT_STRING_EQUAL(err.text, "enough");
    CU_ASSERT_EQUAL(e.records, 2);
    folder_remove(&f);
}

static void what_is_no_log_is_refused_by_name(void)
{
    folder f;
    ht_input_extent e;
    ht_error err = {""};
    folder_make(&f);
    CU_ASSERT_EQUAL(ht_input_log_read(folder_file(&f, "log"), UINT64_MAX, NULL, NULL, &e, &err), HT_ENOTFOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/log'"));
    CU_ASSERT_EQUAL(ht_input_log_read(f.path, UINT64_MAX, NULL, NULL, &e, &err), HT_EFORMAT);
    folder_write(&f, "log", "{\"a\": 1}\n");
    CU_ASSERT_EQUAL(ht_input_log_read(folder_file(&f, "log"), UINT64_MAX, NULL, NULL, &e, &err), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "is no journal of inputs"));
    folder_remove(&f);
}

/* ---- going on ----------------------------------------------------------------------------------- */

static ht_input_log *reopen(folder *f, uint64_t n)
{
    ht_input_log *log = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_input_log_reopen(folder_file(f, "log"), n, false, NULL, &log, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_input_log_count(log), n);
    return log;
}

static void a_log_goes_on_behind_any_record_and_what_was_behind_it_is_kept_aside(void)
{
    folder f;
    uint64_t ends[N];
    size_t n, m;
    make(&f, N, ends);
    unsigned char *all = bytes_read(&f, "log", &n);
    for (uint64_t keep = 0; keep <= N; keep++) {
        size_t end = keep == 0 ? 24 : (size_t)ends[keep - 1];
        bytes_write(&f, "log", all, n);
        unlink(folder_file(&f, "log.repeated"));
        ht_input_log *log = reopen(&f, keep);
        CU_ASSERT_EQUAL(ht_input_log_bytes(log), end);
        for (uint64_t i = keep; i < N; i++)
            append(log, i);
        ht_input_log_close(log);
        unsigned char *again = bytes_read(&f, "log", &m);
        CU_ASSERT_TRUE(m == n && memcmp(all, again, n) == 0);
        free(again);
        CU_ASSERT_EQUAL(ht_file_look(folder_file(&f, "log.repeated")).exists, keep < N);
        if (keep < N) {
            unsigned char *rest = bytes_read(&f, "log.repeated", &m);
            CU_ASSERT_TRUE(m == n - end && memcmp(rest, all + end, m) == 0);
            free(rest);
        }
    }
    free(all);
    folder_remove(&f);
}

static void what_is_kept_aside_is_added_to_what_was_there(void)
{
    folder f;
    uint64_t ends[N];
    make(&f, N, ends);
    folder_write(&f, "log.repeated", "before");
    ht_input_log_close(reopen(&f, N - 1));
    CU_ASSERT_EQUAL(ht_file_look(folder_file(&f, "log.repeated")).size, (off_t)(6 + ends[N - 1] - ends[N - 2]));
    folder_remove(&f);
}

static void a_torn_or_damaged_tail_goes_when_the_log_goes_on(void)
{
    folder f;
    uint64_t ends[N];
    size_t n;
    make(&f, N, ends);
    unsigned char *all = bytes_read(&f, "log", &n);
    for (size_t cut = 0; cut < n; cut += 5) {
        uint64_t whole = 0;
        while (whole < N && ends[whole] <= cut)
            whole++;
        bytes_write(&f, "log", all, cut);
        ht_input_log *log = reopen(&f, whole);
        append(log, whole);
        ht_input_log_close(log);
        expect_records(&f, whole + 1, 0);
    }
    bytes_write(&f, "log", all, n);
    bytes_append(&f, "log", "rubbish behind the last record", 30);
    ht_input_log_close(reopen(&f, N));
    expect_records(&f, N, 0);
    free(all);
    folder_remove(&f);
}

static void a_log_that_lacks_records_is_refused_and_stays_as_it_is(void)
{
    folder f;
    ht_input_log *log = NULL;
    ht_error err = {""};
    size_t n, m;
    make(&f, 3, NULL);
    bytes_append(&f, "log", "torn", 4);
    unsigned char *before = bytes_read(&f, "log", &n);
    CU_ASSERT_EQUAL(ht_input_log_reopen(folder_file(&f, "log"), 4, false, NULL, &log, &err), HT_EFORMAT);
    CU_ASSERT_PTR_NULL(log);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "has 3 whole records, and 4 are needed"));
    unsigned char *after = bytes_read(&f, "log", &m);
    CU_ASSERT_TRUE(m == n && memcmp(before, after, n) == 0);
    CU_ASSERT_EQUAL(folder_count(&f), 1);
    free(before);
    free(after);
    folder_remove(&f);
}

static void a_log_stays_as_it_is_when_its_end_cannot_be_kept_aside(void)
{
    folder f;
    ht_input_log *log = NULL;
    uint64_t ends[N];
    make(&f, N, ends);
    bytes_limit(10);
    CU_ASSERT_EQUAL(ht_input_log_reopen(folder_file(&f, "log"), 1, false, NULL, &log, NULL), HT_EIO);
    bytes_limit(RLIM_INFINITY);
    CU_ASSERT_PTR_NULL(log);
    expect_records(&f, N, 0);
    folder_remove(&f);
}

/* ---- a disk that refuses ------------------------------------------------------------------------ */

static void what_a_full_disk_refuses_is_kept_and_written_in_order_when_it_can(void)
{
    for (rlim_t room = 24; room < 200; room += 7) {
        folder f;
        ht_error err = {""};
        folder_make(&f);
        ht_input_log *log = create(&f);
        bytes_limit(room);
        for (uint64_t i = 0; i < 2 * N; i++) {
            ht_status st = ht_input_log_append(log, &inputs[i % N], &err);
            CU_ASSERT_EQUAL(st, ht_input_log_bytes(log) <= room ? HT_OK : HT_EIO);
        }
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, " bytes are kept"));
        CU_ASSERT_EQUAL(ht_input_log_sync(log, NULL), HT_EIO);
        bytes_limit(RLIM_INFINITY);
        CU_ASSERT_EQUAL(ht_input_log_count(log), 2 * N);
        append(log, 0);
        CU_ASSERT_FALSE(ht_input_log_lost(log));
        expect_records(&f, 2 * N + 1, 0);
        ht_input_log_close(log);
        folder_remove(&f);
    }
}

static void a_log_that_cannot_be_begun_is_an_error(void)
{
    ht_input_log *log = NULL;
    ht_error err = {""};
    CU_ASSERT_EQUAL(ht_input_log_create("/nowhere/at/all", &log, &err), HT_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "'/nowhere/at/all'"));
    CU_ASSERT_EQUAL(ht_input_log_create("/dev/full", &log, &err), HT_EIO);
    CU_ASSERT_PTR_NULL(log);
}

static void a_log_ends_for_good_before_a_record_that_finds_no_room(void)
{
    folder f;
    ht_error err = {""};
    folder_make(&f);
    ht_input_log *log = create(&f);
    append(log, 0);
    unsigned char *big = calloc(1, 20 << 20);
    const ht_input large = {1, 1, 1, big, 20 << 20};
    bytes_limit(100);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(ht_input_log_append(log, &large, NULL), HT_EIO);
    CU_ASSERT_FALSE(ht_input_log_lost(log));
    CU_ASSERT_EQUAL(ht_input_log_append(log, &large, &err), HT_EIO);
    CU_ASSERT_TRUE(ht_input_log_lost(log));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "ends before record 4"));
    bytes_limit(RLIM_INFINITY);
    CU_ASSERT_EQUAL(ht_input_log_append(log, &inputs[0], NULL), HT_EIO);
    CU_ASSERT_EQUAL(ht_input_log_sync(log, NULL), HT_EIO);
    CU_ASSERT_EQUAL(ht_input_log_count(log), 4);
    ht_input_log_close(log);
    ht_input_extent e;
    CU_ASSERT_EQUAL(ht_input_log_read(folder_file(&f, "log"), UINT64_MAX, NULL, NULL, &e, NULL), HT_OK);
    CU_ASSERT_EQUAL(e.records, 4);
    free(big);
    folder_remove(&f);
}

static void a_writer_that_is_killed_leaves_whole_records(void)
{
    for (uint64_t i = 0; i < 20; i++) {
        folder f;
        folder_make(&f);
        ht_random random = ht_random_stream(1, HT_RANDOM_TEST, 0, i);
        ht_input_log *log = create(&f);
        pid_t child = fork();
        if (child == 0) {
            folder_die_in((long)ht_random_below(&random, 5000));
            for (uint64_t k = 0;; k++)
                ht_input_log_append(log, &inputs[k % N], NULL);
        }
        CU_ASSERT_FATAL(child > 0);
        waitpid(child, NULL, 0);
        ht_input_extent e;
        CU_ASSERT_EQUAL(read_some(&f, UINT64_MAX, &e, NULL), HT_OK);
        ht_input_log_close(log);
        folder_remove(&f);
    }
}

CASES("input_log", CASE(records_read_back_to_the_bit_and_in_order), CASE(a_record_is_on_file_when_append_returns),
      CASE(a_log_is_begun_anew), CASE(logs_that_differ_anywhere_have_different_sums),
      CASE(a_file_cut_anywhere_gives_the_whole_records_before_the_cut),
      CASE(a_tail_that_a_dead_machine_left_as_zeros_is_torn),
      CASE(a_byte_that_is_wrong_is_damage_with_its_record_and_offset_or_a_torn_end),
      CASE(damage_behind_what_is_wanted_does_not_matter),
      CASE(a_record_of_another_log_at_the_same_place_is_damage), CASE(a_reader_may_stop),
      CASE(what_is_no_log_is_refused_by_name),
      CASE(a_log_goes_on_behind_any_record_and_what_was_behind_it_is_kept_aside),
      CASE(what_is_kept_aside_is_added_to_what_was_there),
      CASE(a_torn_or_damaged_tail_goes_when_the_log_goes_on),
      CASE(a_log_that_lacks_records_is_refused_and_stays_as_it_is),
      CASE(a_log_stays_as_it_is_when_its_end_cannot_be_kept_aside),
      CASE(what_a_full_disk_refuses_is_kept_and_written_in_order_when_it_can),
      CASE(a_log_that_cannot_be_begun_is_an_error), CASE(a_log_ends_for_good_before_a_record_that_finds_no_room),
      CASE(a_writer_that_is_killed_leaves_whole_records))
