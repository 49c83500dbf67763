/* tests/unit/test_state.c - the image of a training state, saved copies, checksums. */
#include <stdint.h>
#include <string.h>

#include "cases.h"
#include "state/checksum.h"
#include "state/state.h"

/* A small training with a buffer of each type, whose lengths leave gaps, and a part behind callbacks. */
typedef struct {
    float weights[5];
    double moments[3];
    uint16_t half[7];
    int32_t rank[1];
    int64_t step[2];
    char text[3];
} training;

typedef struct {
    unsigned char bytes[13];
    int gets, puts;
    ht_status answer;
} device;

static ht_status get(void *ctx, void *to)
{
    device *d = ctx;
    d->gets++;
    memcpy(to, d->bytes, sizeof d->bytes);
    return d->answer;
}

static ht_status put(void *ctx, const void *from)
{
    device *d = ctx;
    d->puts++;
    memcpy(d->bytes, from, sizeof d->bytes);
    return d->answer;
}

static training filled(int seed)
{
    training t;
    unsigned char *bytes = memset(&t, 0, sizeof t);
    for (size_t i = 0; i < sizeof t; i++)
        bytes[i] = (unsigned char)((size_t)seed * 41 + 7 * i) & 0x3F; /* no NaN */
    return t;
}

static ht_state *created(void)
{
    ht_state *s = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_state_create(&s, NULL), HT_OK);
    return s;
}

static void add(ht_state *s, const char *name, void *data, size_t n, ht_element element, ht_state_use use,
                bool weights)
{
    ht_error err = {""};
    ht_state_buffer b = {name, data, n, element, use, weights};
    CU_ASSERT_EQUAL(ht_state_add(s, &b, &err), HT_OK);
    CU_ASSERT_STRING_EQUAL(err.text, "");
}

static ht_state *state_of(training *t, device *d, bool ema)
{
    ht_state *s = created();
    add(s, "text", t->text, 3, HT_BYTES, HT_COPY, false);
    add(s, "weights", t->weights, 5, HT_FLOAT32, HT_AVERAGE, true);
    add(s, "moments", t->moments, 3, HT_FLOAT64, HT_AVERAGE, false);
    add(s, "half", t->half, 7, HT_BFLOAT16, HT_AVERAGE, true);
    add(s, "rank", t->rank, 1, HT_INT32, HT_COPY, false);
    add(s, "step", t->step, 2, HT_INT64, HT_COPY, false);
    if (d != NULL)
        CU_ASSERT_EQUAL(ht_state_add_custom(s, "device", sizeof d->bytes, get, put, d, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_state_seal(s, ema, NULL), HT_OK);
    return s;
}

static void a_loaded_state_is_the_saved_one_bit_by_bit(void)
{
    training t = filled(1), was = t;
    device d = {"device bytes", 0, 0, HT_OK};
    ht_state *s = state_of(&t, &d, true);
    CU_ASSERT_EQUAL(ht_state_save(s, 7, NULL), HT_OK);
    uint64_t sum = ht_state_checksum(s);
    CU_ASSERT_EQUAL(ht_state_slot_checksum(s, 7), sum);
    t = filled(2);
    d.bytes[12] = 'x';
    ht_state_ema_update(s, .9);
    CU_ASSERT_NOT_EQUAL(ht_state_checksum(s), sum);
    CU_ASSERT_EQUAL(ht_state_load(s, 7, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_state_checksum(s), sum);
    CU_ASSERT_EQUAL(memcmp(t.weights, was.weights, sizeof t.weights), 0);
    CU_ASSERT_EQUAL(memcmp(t.moments, was.moments, sizeof t.moments), 0);
    CU_ASSERT_EQUAL(memcmp(t.half, was.half, sizeof t.half), 0);
    CU_ASSERT_EQUAL(t.rank[0], was.rank[0]);
    CU_ASSERT_EQUAL(t.step[1], was.step[1]);
    CU_ASSERT_EQUAL(memcmp(t.text, was.text, sizeof t.text), 0);
    CU_ASSERT_STRING_EQUAL((char *)d.bytes, "device bytes");
    ht_state_destroy(s);
}

static void a_transfer_of_all_spans_makes_two_states_equal(void)
{
    training t = filled(1), u = filled(2);
    device d = {"here", 0, 0, HT_OK}, e = {"there", 0, 0, HT_OK};
    ht_state *from = state_of(&t, &d, true), *to = state_of(&u, &e, true);
    const ht_span *source, *target;
    for (int i = 0; i < 3; i++)
        ht_state_ema_update(from, .99);
    CU_ASSERT_EQUAL(ht_state_layout(from), ht_state_layout(to));
    CU_ASSERT_EQUAL(ht_state_save(from, 0, NULL), HT_OK);
    size_t n = ht_state_slot(from, 0, false, &source), size = 0;
    CU_ASSERT_EQUAL(n, 10); /* 7 registered, 2 averages, their steps */
    CU_ASSERT_EQUAL_FATAL(ht_state_live(to, &target), n);
    for (size_t i = 0; i < n; i++) {
        size_t bytes = source[i].count * (size_t[]){4, 8, 2, 4, 8, 1}[source[i].element];
        CU_ASSERT_EQUAL(ht_span_bytes(&source[i]), bytes);
        CU_ASSERT_EQUAL(source[i].count, target[i].count);
        CU_ASSERT_EQUAL(source[i].element, target[i].element);
        CU_ASSERT_EQUAL(source[i].use, target[i].use);
        CU_ASSERT_EQUAL((uintptr_t)source[i].data % 64, 0);
        memcpy(target[i].data, source[i].data, bytes);
        size += bytes;
    }
    CU_ASSERT_EQUAL(size, ht_state_bytes(from));
    CU_ASSERT_EQUAL(source[7].element, HT_FLOAT32);
    CU_ASSERT_EQUAL(source[8].element, HT_FLOAT32); /* of bfloat16 weights */
    CU_ASSERT_EQUAL(source[8].use, HT_AVERAGE);
    CU_ASSERT_EQUAL(source[9].element, HT_INT64);
    CU_ASSERT_EQUAL(source[9].use, HT_COPY);
    CU_ASSERT_EQUAL(*(int64_t *)source[9].data, 3);
    CU_ASSERT_EQUAL(ht_state_flush(to, NULL), HT_OK);
    CU_ASSERT_STRING_EQUAL((char *)e.bytes, "here");
    CU_ASSERT_EQUAL(ht_state_checksum(to), ht_state_checksum(from));
    ht_state_destroy(from);
    ht_state_destroy(to);
}

static uint64_t layout(const char *name, size_t n, ht_element element, ht_state_use use, bool weights,
                       bool ema)
{
    static double data[8];
    ht_state *s = created();
    add(s, name, data, n, element, use, weights);
    CU_ASSERT_EQUAL(ht_state_seal(s, ema, NULL), HT_OK);
    uint64_t h = ht_state_layout(s);
    ht_state_destroy(s);
    return h;
}

static void the_layout_tells_names_types_counts_and_uses_apart(void)
{
    const uint64_t of[] = {layout("w", 4, HT_FLOAT32, HT_AVERAGE, false, false),
                           layout("v", 4, HT_FLOAT32, HT_AVERAGE, false, false),
                           layout("w", 5, HT_FLOAT32, HT_AVERAGE, false, false),
                           layout("w", 4, HT_BFLOAT16, HT_AVERAGE, false, false),
                           layout("w", 4, HT_FLOAT32, HT_COPY, false, false),
                           layout("w", 4, HT_FLOAT32, HT_AVERAGE, true, false),
                           layout("w", 4, HT_FLOAT32, HT_AVERAGE, true, true)};
    CU_ASSERT_EQUAL(of[0], layout("w", 4, HT_FLOAT32, HT_AVERAGE, false, false));
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        for (size_t k = 0; k < i; k++)
            CU_ASSERT_NOT_EQUAL(of[i], of[k]);
}

static void the_layout_does_not_depend_on_the_values(void)
{
    training t = filled(1), u = filled(2);
    ht_state *a = state_of(&t, NULL, false), *b = state_of(&u, NULL, false);
    CU_ASSERT_EQUAL(ht_state_layout(a), ht_state_layout(b));
    CU_ASSERT_NOT_EQUAL(ht_state_checksum(a), ht_state_checksum(b));
    ht_state_destroy(a);
    ht_state_destroy(b);
}

static void the_checksum_does_not_depend_on_the_cuts(void)
{
    unsigned char bytes[400];
    ht_checksum whole, cut;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * i + 3 * i);
    for (size_t n = 0; n < sizeof bytes; n += 13)
        for (size_t step = 1; step < 140; step += 9) {
            ht_checksum_init(&whole);
            ht_checksum_init(&cut);
            ht_checksum_add(&whole, bytes, n);
            for (size_t at = 0; at < n; at += step)
                ht_checksum_add(&cut, bytes + at, n - at < step ? n - at : step);
            CU_ASSERT_EQUAL(ht_checksum_value(&whole), ht_checksum_value(&cut));
        }
}

static uint64_t sum_of(const void *bytes, size_t n)
{
    ht_checksum c;
    ht_checksum_init(&c);
    ht_checksum_add(&c, bytes, n);
    return ht_checksum_value(&c);
}

static void one_bit_two_signs_an_order_and_a_zero_at_the_end_change_the_checksum(void)
{
    unsigned char bytes[200] = {0};
    double numbers[32];
    uint64_t sum = sum_of(bytes, 199);
    CU_ASSERT_NOT_EQUAL(sum_of(bytes, 200), sum);
    for (unsigned bit = 0; bit < 8 * 199; bit++) {
        bytes[bit / 8] = (unsigned char)(1u << bit % 8);
        CU_ASSERT_NOT_EQUAL(sum_of(bytes, 199), sum);
        bytes[bit / 8] = 0;
    }
    for (int i = 0; i < 32; i++)
        numbers[i] = i + .5;
    sum = sum_of(numbers, sizeof numbers);
    numbers[3] = -numbers[3];
    numbers[11] = -numbers[11]; /* the same lane: 8 words on */
    CU_ASSERT_NOT_EQUAL(sum_of(numbers, sizeof numbers), sum);
    numbers[3] = 11.5;
    numbers[11] = 3.5;
    CU_ASSERT_NOT_EQUAL(sum_of(numbers, sizeof numbers), sum);
}

static void slots_are_renamed_without_a_copy_and_dropped(void)
{
    training t = filled(1);
    ht_state *s = state_of(&t, NULL, false);
    const ht_span *a, *b;
    CU_ASSERT_EQUAL(ht_state_save(s, 1, NULL), HT_OK);
    t = filled(2);
    CU_ASSERT_EQUAL(ht_state_save(s, 2, NULL), HT_OK);
    uint64_t first = ht_state_slot_checksum(s, 1);
    ht_state_slot(s, 1, false, &a);
    ht_state_rename(s, 1, 2);
    CU_ASSERT_FALSE(ht_state_holds(s, 1));
    CU_ASSERT(ht_state_slot(s, 2, false, &b) > 0);
    CU_ASSERT_PTR_EQUAL(a, b);
    CU_ASSERT_EQUAL(ht_state_slot_checksum(s, 2), first);
    ht_state_rename(s, 9, 2); /* there is no 9: nothing */
    ht_state_rename(s, 2, 2);
    CU_ASSERT(ht_state_holds(s, 2));
    ht_state_drop(s, 2);
    CU_ASSERT_FALSE(ht_state_holds(s, 2));
    ht_state_drop(s, 2);
    CU_ASSERT_EQUAL(ht_state_slot(s, 2, false, &b), 0);
    CU_ASSERT_EQUAL(ht_state_slot_checksum(s, 2), 0);
    ht_state_destroy(s);
}

static void what_the_state_holds_is_accounted_for(void)
{
    training t = filled(1);
    device d = {"", 0, 0, HT_OK};
    const ht_span *spans;
    ht_state *s = state_of(&t, &d, true);
    CU_ASSERT_EQUAL(ht_state_bytes(s), 3 + 20 + 24 + 14 + 4 + 16 + 13 + 20 + 28 + 8);
    CU_ASSERT_EQUAL(ht_state_held(s), 4 * 64); /* staging, two averages, steps */
    CU_ASSERT_EQUAL(ht_state_save(s, 3, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_state_save(s, 3, NULL), HT_OK); /* the same slot again */
    CU_ASSERT_EQUAL(ht_state_held(s), 14 * 64);
    CU_ASSERT_EQUAL(ht_state_slot(s, 4, true, &spans), 10);
    CU_ASSERT_EQUAL(ht_state_held(s), 24 * 64);
    CU_ASSERT_EQUAL(ht_state_keep_best(s, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_state_keep_best(s, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_state_held(s), 26 * 64);
    ht_state_drop(s, 3);
    ht_state_drop(s, 4);
    CU_ASSERT_EQUAL(ht_state_held(s), 16 * 64);             /* the memory of one stays .. */
    CU_ASSERT_EQUAL(ht_state_save(s, 5, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_state_held(s), 16 * 64);             /* .. for the next */
    CU_ASSERT_EQUAL(ht_state_slot_checksum(s, 5), ht_state_checksum(s));
    ht_state_destroy(s);
}

static void custom_parts_are_fetched_by_a_save_and_flushed_by_a_load(void)
{
    device d = {"one", 0, 0, HT_OK};
    ht_state *s = created();
    CU_ASSERT_EQUAL(ht_state_add_custom(s, "gpu", sizeof d.bytes, get, put, &d, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_state_seal(s, false, NULL), HT_OK);
    CU_ASSERT_EQUAL(d.gets + d.puts, 0);
    CU_ASSERT_EQUAL(ht_state_save(s, 0, NULL), HT_OK);
    CU_ASSERT_EQUAL(d.gets, 1);
    memcpy(d.bytes, "two", 4);
    CU_ASSERT_EQUAL(ht_state_load(s, 0, NULL), HT_OK);
    CU_ASSERT_EQUAL(d.puts, 1);
    CU_ASSERT_STRING_EQUAL((char *)d.bytes, "one");
    CU_ASSERT_EQUAL(ht_state_keep_best(s, NULL), HT_OK); /* no weights: none kept */
    CU_ASSERT_FALSE(ht_state_show_best(s));
    ht_state_destroy(s);
}

/* Where the training really lives; `buffer` is its copy that the state knows. */
typedef struct {
    float weights[3], buffer[3];
    int fetches, stores;
    ht_state_extent last;
    ht_status answer;
} elsewhere;

static ht_status fetch(void *ctx, ht_state_extent what)
{
    elsewhere *e = ctx;
    e->fetches++;
    e->last = what;
    memcpy(e->buffer, e->weights, sizeof e->buffer);
    return e->answer;
}

static ht_status store(void *ctx, ht_state_extent what)
{
    elsewhere *e = ctx;
    e->stores++;
    e->last = what;
    memcpy(e->weights, e->buffer, sizeof e->weights);
    return e->answer;
}

static void a_mirror_is_fetched_before_a_save_and_stored_after_a_load(void)
{
    elsewhere e = {.weights = {1, 2, 3}};
    ht_state *s = created();
    const ht_state_buffer b = {"w", e.buffer, 3, HT_FLOAT32, HT_AVERAGE, true};
    CU_ASSERT_EQUAL(ht_state_add(s, &b, NULL), HT_OK);
    ht_state_mirror(s, fetch, store, &e);
    CU_ASSERT_EQUAL(ht_state_seal(s, false, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_state_save(s, 0, NULL), HT_OK);
    CU_ASSERT_EQUAL(e.fetches, 1);
    CU_ASSERT_EQUAL(e.last, HT_STATE_ALL);
    e.weights[1] = 7;
    CU_ASSERT_EQUAL(ht_state_load(s, 0, NULL), HT_OK);
    CU_ASSERT_EQUAL(e.stores, 1);
    CU_ASSERT_EQUAL(e.weights[1], 2);
    ht_state_destroy(s);
}

static void a_mirror_that_fails_is_a_state_that_was_not_moved(void)
{
    elsewhere e = {.weights = {1, 2, 3}};
    ht_error err = {""};
    ht_state *s = created();
    const ht_state_buffer b = {"w", e.buffer, 3, HT_FLOAT32, HT_AVERAGE, true};
    CU_ASSERT_EQUAL(ht_state_add(s, &b, NULL), HT_OK);
    ht_state_mirror(s, fetch, store, &e);
    CU_ASSERT_EQUAL(ht_state_seal(s, false, NULL), HT_OK);
    e.answer = HT_EIO;
    CU_ASSERT_EQUAL(ht_state_save(s, 0, &err), HT_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "cannot be fetched"));
    CU_ASSERT_FALSE(ht_state_holds(s, 0));
    CU_ASSERT_EQUAL(ht_state_push(s, HT_STATE_WEIGHTS, &err), HT_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "cannot be stored"));
    ht_state_destroy(s);
}

static void a_save_whose_callback_fails_says_so_and_leaves_the_slot(void)
{
    training t = filled(1);
    device d = {"one", 0, 0, HT_OK};
    ht_error err = {""};
    ht_state *s = state_of(&t, &d, false);
    CU_ASSERT_EQUAL(ht_state_save(s, 0, NULL), HT_OK);
    uint64_t sum = ht_state_slot_checksum(s, 0);
    t = filled(2);
    d.answer = HT_EFAILED;
    CU_ASSERT_EQUAL(ht_state_save(s, 0, &err), HT_EFAILED);
    CU_ASSERT_STRING_EQUAL(err.text,
                           "state 'device': its callback get reported: an actuator or callback reported "
                           "failure");
    CU_ASSERT_EQUAL(ht_state_slot_checksum(s, 0), sum);
    CU_ASSERT_EQUAL(ht_state_save(s, 1, &err), HT_EFAILED);
    CU_ASSERT_FALSE(ht_state_holds(s, 1));
    CU_ASSERT_EQUAL(ht_state_load(s, 0, &err), HT_EFAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "callback put"));
    ht_state_destroy(s);
}

static void calls_out_of_order_are_refused_with_a_reason(void)
{
    training t = filled(1);
    const ht_span *spans;
    ht_error err = {""};
    ht_state *s = created();
    ht_state_buffer b = {"w", t.weights, 5, HT_FLOAT32, HT_AVERAGE, true};
    CU_ASSERT_EQUAL(ht_state_add(s, &b, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_state_save(s, 0, &err), HT_EINVAL);
    CU_ASSERT_STRING_EQUAL(err.text, "the training state is read before it is complete");
    CU_ASSERT_EQUAL(ht_state_flush(s, &err), HT_EINVAL);
    CU_ASSERT_STRING_EQUAL(err.text, "the training state is written before it is complete");
    CU_ASSERT_EQUAL(ht_state_keep_best(s, &err), HT_EINVAL);
    CU_ASSERT_EQUAL(ht_state_live(s, &spans), 0);
    CU_ASSERT_EQUAL(ht_state_slot(s, 0, true, &spans), 0);
    CU_ASSERT_EQUAL(ht_state_bytes(s), 0);
    CU_ASSERT_EQUAL(ht_state_checksum(s), 0);
    CU_ASSERT_EQUAL(ht_state_seal(s, true, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_state_seal(s, true, &err), HT_EINVAL);
    CU_ASSERT_STRING_EQUAL(err.text, "the training state is complete already");
    b.name = "late";
    b.data = t.text;
    CU_ASSERT_EQUAL(ht_state_add(s, &b, &err), HT_EINVAL);
    CU_ASSERT_EQUAL(ht_state_load(s, 5, &err), HT_ENOTFOUND);
    CU_ASSERT_STRING_EQUAL(err.text, "no training state was saved as 5");
    ht_state_ema_swap(s);
    CU_ASSERT_EQUAL(ht_state_save(s, 0, &err), HT_EREFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "swap them back"));
    ht_state_destroy(s);
}

static void a_buffer_that_cannot_be_is_refused_with_a_reason(void)
{
    static _Alignas(8) char m[64];
    static const char long_name[] = "a_name_of_sixty_four_bytes_is_one_too_many_for_the_field_of_64__";
    const struct {
        ht_state_buffer b;
        const char *says;
    } bad[] = {
        {{NULL, m, 1, HT_BYTES, HT_COPY, false}, "a buffer of the training state needs a name"},
        {{"", m, 1, HT_BYTES, HT_COPY, false}, "a buffer of the training state needs a name"},
        {{long_name, m, 1, HT_BYTES, HT_COPY, false}, "at most 63 bytes"},
        {{"x", NULL, 1, HT_BYTES, HT_COPY, false}, "state 'x': no data"},
        {{"x", m, 0, HT_BYTES, HT_COPY, false}, "state 'x': it is empty"},
        {{"x", m, 1, (ht_element)77, HT_COPY, false}, "77 is no type"},
        {{"x", m, 1, HT_BYTES, (ht_state_use)5, false}, "neither HT_AVERAGE nor HT_COPY"},
        {{"x", m + 4, 1, HT_FLOAT64, HT_COPY, false}, "multiple of 8 bytes"},
        {{"x", m, 1, HT_INT64, HT_AVERAGE, false}, "register it as HT_COPY"},
        {{"x", m, SIZE_MAX / 8, HT_FLOAT64, HT_COPY, false}, "more than memory can hold"},
        {{"taken", m, 1, HT_BYTES, HT_COPY, false}, "the name is taken"},
        {{"x", m + 56, 2, HT_FLOAT32, HT_COPY, false}, "it overlaps 'taken'; register shared memory once"},
    };
    ht_state *s = created();
    add(s, "taken", m + 60, 4, HT_BYTES, HT_COPY, false);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ht_error err = {""};
        CU_ASSERT_EQUAL(ht_state_add(s, &bad[i].b, &err), HT_EINVAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, bad[i].says));
    }
    CU_ASSERT_EQUAL(ht_state_add_custom(s, "c", 8, get, NULL, NULL, NULL), HT_EINVAL);
    CU_ASSERT_EQUAL(ht_state_add_custom(s, "c", 0, get, put, NULL, NULL), HT_EINVAL);
    CU_ASSERT_EQUAL(ht_state_add_custom(s, "taken", 8, get, put, NULL, NULL), HT_EINVAL);
    CU_ASSERT_EQUAL(ht_state_seal(s, false, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_state_bytes(s), 4); /* nothing of them stayed */
    ht_state_destroy(s);
}

static void an_empty_state_is_one_too(void)
{
    ht_state *s = created();
    CU_ASSERT_EQUAL(ht_state_seal(s, false, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_state_save(s, 0, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_state_load(s, 0, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_state_slot_checksum(s, 0), ht_state_checksum(s));
    CU_ASSERT_EQUAL(ht_state_held(s), 0);
    ht_state_destroy(s);
    ht_state_destroy(NULL);
}

CASES("state", CASE(a_loaded_state_is_the_saved_one_bit_by_bit),
      CASE(a_transfer_of_all_spans_makes_two_states_equal),
      CASE(the_layout_tells_names_types_counts_and_uses_apart),
      CASE(the_layout_does_not_depend_on_the_values), CASE(the_checksum_does_not_depend_on_the_cuts),
      CASE(one_bit_two_signs_an_order_and_a_zero_at_the_end_change_the_checksum),
      CASE(slots_are_renamed_without_a_copy_and_dropped), CASE(what_the_state_holds_is_accounted_for),
      CASE(custom_parts_are_fetched_by_a_save_and_flushed_by_a_load),
      CASE(a_mirror_is_fetched_before_a_save_and_stored_after_a_load),
      CASE(a_mirror_that_fails_is_a_state_that_was_not_moved),
      CASE(a_save_whose_callback_fails_says_so_and_leaves_the_slot),
      CASE(calls_out_of_order_are_refused_with_a_reason),
      CASE(a_buffer_that_cannot_be_is_refused_with_a_reason), CASE(an_empty_state_is_one_too))
