/* src/store/input_record.c - bytes of the journal of inputs; the contract is in input_record.h. */
#include "store/input_record.h"

#include <string.h>

#include "state/checksum.h"

static const unsigned char magic[8] = {'h', 't', 'i', 'n', 'p', 'u', 't', '\n'};

void ht_input_put(unsigned char *to, size_t n, uint64_t x)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (unsigned char)(x >> (8 * i));
}

uint64_t ht_input_get(const unsigned char *from, size_t n)
{
    uint64_t x = 0;
    for (size_t i = 0; i < n; i++)
        x |= (uint64_t)from[i] << (8 * i);
    return x;
}

uint64_t ht_input_sum(const void *bytes, size_t n)
{
    ht_checksum c;
    ht_checksum_init(&c);
    ht_checksum_add(&c, bytes, n);
    return ht_checksum_value(&c);
}

void ht_input_file_head(unsigned char head[HT_INPUT_FILE_HEAD])
{
    memcpy(head, magic, sizeof magic);
    ht_input_put(head + 8, 4, HT_INPUT_VERSION);
    ht_input_put(head + 12, 4, 0);
    ht_input_put(head + HT_INPUT_FILE_HEAD_CHECKED, 8, ht_input_sum(head, HT_INPUT_FILE_HEAD_CHECKED));
}

/* The part of a record's checksums that lies before its own bytes: where it stands. */
static void begin_sum(ht_checksum *c, const ht_input_extent *before)
{
    unsigned char place[16];
    ht_input_put(place, 8, before->sum);
    ht_input_put(place + 8, 8, before->records);
    ht_checksum_init(c);
    ht_checksum_add(c, place, sizeof place);
}

uint64_t ht_input_head_check(const ht_input_extent *before, const unsigned char head[HT_INPUT_HEAD_CHECKED])
{
    ht_checksum c;
    begin_sum(&c, before);
    ht_checksum_add(&c, head, HT_INPUT_HEAD_CHECKED);
    return ht_checksum_value(&c) & UINT32_MAX;
}

uint64_t ht_input_record_sum(const ht_input_extent *before, const unsigned char head[HT_INPUT_HEAD],
                             const void *bytes, size_t n)
{
    ht_checksum c;
    begin_sum(&c, before);
    ht_checksum_add(&c, head, HT_INPUT_HEAD);
    if (n > 0)
        ht_checksum_add(&c, bytes, n);
    return ht_checksum_value(&c);
}

void ht_input_record_head(unsigned char head[HT_INPUT_HEAD], const ht_input *in,
                          const ht_input_extent *before)
{
    uint64_t time;
    memcpy(&time, &in->time, sizeof time);
    ht_input_put(head, 1, in->kind);
    ht_input_put(head + 1, 4, (uint32_t)in->replica);
    ht_input_put(head + 5, 8, time);
    ht_input_put(head + 13, 4, in->n);
    ht_input_put(head + HT_INPUT_HEAD_CHECKED, 4, ht_input_head_check(before, head));
}

ht_input ht_input_record_read(const unsigned char head[HT_INPUT_HEAD])
{
    uint64_t time = ht_input_get(head + 5, 8);
    ht_input in = {.kind = head[0],
                   .replica = (int32_t)(uint32_t)ht_input_get(head + 1, 4),
                   .n = ht_input_get(head + 13, 4)};
    memcpy(&in.time, &time, sizeof time);
    return in;
}

void ht_input_extent_add(ht_input_extent *e, size_t n, uint64_t sum)
{
    e->records++;
    e->bytes += HT_INPUT_HEAD + n + HT_INPUT_TAIL;
    e->sum = sum;
}
