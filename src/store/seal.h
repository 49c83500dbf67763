/** @file src/store/seal.h
 *  A checksum behind the content of a file, for formats that do not mind bytes after their end (HDF5).
 *
 *  Damage is found before a parser meets it. A file that another program changed has lost its seal: that
 *  is no damage, but nobody can tell it from a file whose end is gone, so whoever reads it is warned. 16
 * bytes: "htseal1" and a line feed, then the FNV-1a hash (64 bit, little-endian) of all bytes before. */
#ifndef HT_STORE_SEAL_H
#define HT_STORE_SEAL_H

#include "base/error.h"

enum { HT_SEAL_SIZE = 16 };

/** Write the seal of n bytes into bytes[n .. n + HT_SEAL_SIZE - 1]. */
void ht_seal_put(unsigned char *bytes, size_t n);

/** @return HT_OK: whole, or without a seal; HT_EFORMAT: damaged; HT_ENOTFOUND, HT_EIO */
ht_status ht_seal_check(const char *path, ht_error *err);
/** Whether a file ends with a seal, right or wrong; false: it does not, or cannot be read. */
bool ht_seal_is_there(const char *path);
/** Put a seal behind the content of a file that has none. @return HT_OK, HT_ENOTFOUND, HT_EIO, HT_ENOMEM */
ht_status ht_seal_renew(const char *path, ht_error *err);
/** As ht_seal_check. @param[out] sealed  whether there is a seal */
ht_status ht_seal_look(const char *path, bool *sealed, ht_error *err);

#endif
