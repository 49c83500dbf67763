/** @file src/store/images.h
 *  Training states as files that are named by what they hold: equal states are one file, written once.
 *
 *  `<32 hex digits>-<bytes>.image`: two checksums of 64 bits (state/checksum.h: of the content, and of
 *  68 fixed bytes and the content) and the size. A head of 64 bytes ("htimage", line feed, version, mark of the
 *  byte order, size, both checksums, 0, checksum of the head), then the content as it lies in memory. A file
 *  of such a name is whole: it is written beside, synced, and renamed.
 *  Files that are not finished are called `<name>.image.<host>.tmp.<pid>.<nanoseconds>`. */
#ifndef HT_STORE_IMAGES_H
#define HT_STORE_IMAGES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/file.h"

enum { HT_IMAGE_NAME = 64 };    /* room for a name, with its 0 */
#define HT_IMAGE_SUFFIX ".image"

/** A piece of the content; the content is the pieces one after the other. */
typedef struct {
    void *data;             /**< [bytes], borrowed; NULL is allowed when bytes is 0 */
    size_t bytes;
} ht_image_part;

/** A name as ht_image_write makes them. @param[out] bytes  size of the content; may be NULL */
bool ht_image_is_name(const char *name, uint64_t *bytes);

/** Write a content, unless it is there already. Several processes may write into one directory, the same
 *  content, too; not while ht_images_sweep removes what they count on.
 *  @param dir             exists
 *  @param[in] parts       [n_parts], only read
 *  @param[out] name       to read it by; filled on success
 *  @param[out] was_there  nothing had to be written; may be NULL
 *  @return HT_OK; HT_EIO: err names the file, nothing stays of it; HT_ENOMEM */
ht_status ht_image_write(const char *dir, size_t n_parts, const ht_image_part parts[],
                         char name[HT_IMAGE_NAME], bool *was_there, ht_error *err);

/** Read a content into memory. Sizes are compared before anything is read.
 *  @param parts  [n_parts]; their bytes together are those of the image, cut as you like. On failure what
 *                they point to may be overwritten and must not be used
 *  @return HT_OK: the content is the one that was written; HT_ENOTFOUND; HT_EFORMAT: damaged, of another byte
 *          order, of another size, or no name of an image; HT_EIO, HT_ENOMEM */
ht_status ht_image_read(const char *dir, const char *name, size_t n_parts, const ht_image_part parts[],
                        ht_error *err);
/** As ht_image_read, but the content is only checked. */
ht_status ht_image_check(const char *dir, const char *name, ht_error *err);

/** Remove the images that are not among the n names, and files that were not finished and whose writer is
 *  dead: no process of that number on this host, or untouched for an hour. Files of other names stay.
 *  @param guard       asked before each file; the first no ends it. NULL = nobody is
 *  @param[out] freed  bytes; may be NULL
 *  @return HT_OK, also when there is no such directory; HT_EIO: one at least could not be removed; HT_ENOMEM; what
 *          the guard said */
ht_status ht_images_sweep(const char *dir, size_t n, const char *const names[], const ht_file_guard *guard,
                          uint64_t *freed, ht_error *err);

/** Remove all images, and all that were not finished, whoever writes them: nobody is to read them any more.
 *  @param guard  as above   @return as above */
ht_status ht_images_clear(const char *dir, const ht_file_guard *guard, ht_error *err);

/** Bytes of all images there, finished or not; 0 when there is no such directory. @return HT_OK, HT_EIO */
ht_status ht_images_bytes(const char *dir, uint64_t *bytes, ht_error *err);

#endif
