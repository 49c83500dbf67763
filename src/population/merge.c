/* src/population/merge.c - the means that are tried; the contract is in merge.h. */
#include "population/merge.h"

size_t ht_merge_sizes(size_t n, size_t *sizes)
{
    size_t means = 0;
    for (size_t m = n; m >= 2 && means < HT_MERGE_MOST; m /= 2)
        sizes[means++] = m;
    return means;
}
