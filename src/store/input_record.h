/** @file src/store/input_record.h
 *  Bytes of the journal of inputs, for those who write it and who read it; the format is in input_log.h. */
#ifndef HT_STORE_INPUT_RECORD_H
#define HT_STORE_INPUT_RECORD_H

#include "store/input_log.h"

enum {
    HT_INPUT_VERSION = 1,
    HT_INPUT_FILE_HEAD = 24,
    HT_INPUT_FILE_HEAD_CHECKED = 16, /* behind them the checksum */
    HT_INPUT_HEAD = 21,              /* before the bytes of a record */
    HT_INPUT_HEAD_CHECKED = 17,      /* behind them the check */
    HT_INPUT_TAIL = 8                /* behind the bytes: the checksum */
};

/** Integers of n bytes. */
void ht_input_put(unsigned char *to, size_t n, uint64_t x);
uint64_t ht_input_get(const unsigned char *from, size_t n);

uint64_t ht_input_sum(const void *bytes, size_t n);

void ht_input_file_head(unsigned char head[HT_INPUT_FILE_HEAD]);
/** The head of the record that comes behind `before`. */
void ht_input_record_head(unsigned char head[HT_INPUT_HEAD], const ht_input *in,
                          const ht_input_extent *before);
/** What its check must be. */
uint64_t ht_input_head_check(const ht_input_extent *before, const unsigned char head[HT_INPUT_HEAD_CHECKED]);
/** What a head says; `bytes` is NULL. */
ht_input ht_input_record_read(const unsigned char head[HT_INPUT_HEAD]);
/** The checksum of a whole record. */
uint64_t ht_input_record_sum(const ht_input_extent *before, const unsigned char head[HT_INPUT_HEAD],
                             const void *bytes, size_t n);

/** One more record, of n bytes. */
void ht_input_extent_add(ht_input_extent *e, size_t n, uint64_t sum);

#endif
