/* src/store/study_places.c - the table `places` of a run in a study: where each rank was; the contract is in
 * study_format.h. */
#include <stdlib.h>
#include <string.h>

#include "store/study_format.h"

typedef struct {
    long long rank, replica;
    char node[64], cores[256], devices[256];
} row;

static const ht_h5_column columns[] = {
    HT_H5_COLUMN(row, rank, HT_H5_INT, "rank: of the job"),
    HT_H5_COLUMN(row, replica, HT_H5_INT, "replica: that it belongs to; -1 = it coordinates"),
    HT_H5_TEXTS(row, node, "node: its name"),
    HT_H5_TEXTS(row, cores, "cores: processors that it may run on, 0-3,8; .. = and more"),
    HT_H5_TEXTS(row, devices, "devices: that it sees, as their runtime calls them; empty = none, or unknown"),
};
static const ht_h5_table table = HT_H5_TABLE(row, columns);

bool ht_study_write_places(hid_t group, const ht_places *p)
{
    row *rows = calloc(p->n + 1, sizeof *rows);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < p->n; i++) {
        rows[i].rank = (long long)i;
        rows[i].replica = p->at[i].replica;
        HT_H5_COPY(rows[i].node, p->at[i].node);
        ht_places_cut(rows[i].cores, sizeof rows[i].cores, p->at[i].cores);
        ht_places_cut(rows[i].devices, sizeof rows[i].devices, p->at[i].devices);
    }
    bool fine = ht_h5_write_table(group, "places", &table, p->n, rows);
    free(rows);
    return fine;
}

bool ht_study_read_places(hid_t run, ht_places *out)
{
    void *read = NULL;
    size_t n = 0;
    if (H5Lexists(run, "places", H5P_DEFAULT) <= 0)
        return true;
    if (!ht_h5_read_table(run, "places", &table, &n, &read))
        return false;
    row *rows = read;
    ht_places seen = {n, calloc(n + 1, sizeof *seen.at)};
    for (size_t i = 0; seen.at != NULL && i < n; i++)
        seen.at[i] = (ht_rank_place){(int)rows[i].replica, rows[i].node, rows[i].cores, rows[i].devices};
    bool fine = seen.at != NULL && ht_places_copy(&seen, out, NULL) == HT_OK;
    free(seen.at);
    free(rows);
    return fine;
}
