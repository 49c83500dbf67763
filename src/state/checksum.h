/** @file src/state/checksum.h
 *  A 64-bit checksum of a stream of bytes, as fast as memory: for whole training states.
 *
 *  It depends on the bytes alone, not on how they are cut into pieces, and is the same on machines of one
 *  byte order. It finds accidents, not attacks. */
#ifndef HT_STATE_CHECKSUM_H
#define HT_STATE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

enum { HT_CHECKSUM_LANES = 8, HT_CHECKSUM_BLOCK = 8 * HT_CHECKSUM_LANES };

typedef struct {
    uint64_t lane[HT_CHECKSUM_LANES];
    uint64_t n;                                 /**< bytes so far */
    unsigned char rest[HT_CHECKSUM_BLOCK];      /**< the last n % HT_CHECKSUM_BLOCK of them */
} ht_checksum;

void ht_checksum_init(ht_checksum *c);
void ht_checksum_add(ht_checksum *c, const void *bytes, size_t n);
uint64_t ht_checksum_value(const ht_checksum *c);

#endif
