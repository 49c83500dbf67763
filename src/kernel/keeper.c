/* src/kernel/keeper.c - a replica is written to files and read from them; the contract is in keeper.h.
 *
 * May touch: the images of the run directory, the training through its buffers and callbacks, MPI among the ranks
 * of the replica. */
#include "kernel/keeper.h"

#include <stdlib.h>
#include <string.h>

#include "comm/mpi_comm.h"
#include "population/order.h"

/* ---- images ---------------------------------------------------------------------------------- */

/* The parts of an image: the spans, in their order. Owned by the caller; NULL: no memory. */
static ht_image_part *parts_of(size_t n, const ht_span *spans)
{
    ht_image_part *parts = calloc(n + 1, sizeof *parts);
    for (size_t i = 0; parts != NULL && i < n; i++)
        parts[i] = (ht_image_part){spans[i].data, ht_span_bytes(&spans[i])};
    return parts;
}

static ht_status write_spans(const char *dir, size_t n, const ht_span *spans, char name[HT_IMAGE_NAME], ht_error *err)
{
    ht_image_part *parts = parts_of(n, spans);
    if (parts == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory to write a training state");
    ht_status st = ht_image_write(dir, n, parts, name, NULL, err);
    free(parts);
    return st;
}

static ht_status read_spans(const char *dir, const char *name, size_t n, const ht_span *spans, ht_error *err)
{
    if (name == NULL || n == 0)
        return ht_fail(err, name == NULL ? HT_EFORMAT : HT_ENOMEM, "%s",
                       name == NULL ? "the checkpoint lacks the name of an image" : "no memory for a training state");
    ht_image_part *parts = parts_of(n, spans);
    if (parts == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory to read a training state");
    ht_status st = ht_image_read(dir, name, n, parts, err);
    free(parts);
    return st;
}

static ht_status write_own(ht_rank_state *r, ht_error *err)
{
    const ht_span *spans;
    if (r->dir == NULL)
        return ht_fail(err, HT_EREFUSED, "there is no run directory to write a checkpoint to");
    HT_TRY(ht_state_fetch(r->state, err));
    size_t n = ht_state_live(r->state, &spans);
    return write_spans(r->dir, n, spans, r->name, err);
}

static ht_status read_own(ht_rank_state *r, ht_error *err)
{
    const ht_span *spans;
    if (r->dir == NULL)
        return ht_fail(err, HT_EREFUSED, "there is no run directory to read a checkpoint from");
    size_t n = ht_state_live(r->state, &spans);
    HT_TRY(read_spans(r->dir, r->name, n, spans, err));
    return ht_state_flush(r->state, err);
}

/* ---- what belongs to each rank ---------------------------------------------------------------- */

static int ranks_of(const ht_group *g)
{
    int size = 1;
    if (g->comm != MPI_COMM_NULL)
        MPI_Comm_size(g->comm, &size);
    return size;
}

static ht_status lost(ht_error *err)
{
    return ht_fail(err, HT_ECOMM, "the ranks of a replica lost each other");
}

/* All write before any name travels: a rank that failed must not leave the others waiting. */
ht_status ht_group_write_ranks(ht_group *g, ht_error *err)
{
    MPI_Request request;
    ht_rank_state *own = g->rank_state;
    ht_status mine = write_own(own, err);
    if (ranks_of(g) == 1) {
        memcpy(g->rank_names, own->name, HT_IMAGE_NAME);
        return mine;
    }
    if (MPI_Igather(own->name, HT_IMAGE_NAME, MPI_CHAR, g->rank_names, HT_IMAGE_NAME, MPI_CHAR, 0, g->comm, &request)
        != MPI_SUCCESS || ht_mpi_wait(&request) != MPI_SUCCESS)
        return lost(err);
    return mine;
}

ht_status ht_group_read_ranks(ht_group *g, ht_error *err)
{
    MPI_Request request;
    ht_rank_state *own = g->rank_state;
    if (ranks_of(g) == 1)
        memcpy(own->name, g->rank_names, HT_IMAGE_NAME);
    else if (MPI_Iscatter(g->rank_names, HT_IMAGE_NAME, MPI_CHAR, own->name, HT_IMAGE_NAME, MPI_CHAR, 0, g->comm,
                          &request) != MPI_SUCCESS || ht_mpi_wait(&request) != MPI_SUCCESS)
        return lost(err);
    return read_own(own, err);
}

/* On all ranks; alone there is nobody to tell. */
static ht_status lead(ht_group *g, const ht_group_training *d, ht_error *err)
{
    HT_TRY(ht_group_announce(g, d, err));
    return ht_group_train(g, d, NULL, err);
}

static ht_status write_ranks(ht_group *g, cJSON *manifest, ht_error *err)
{
    size_t ranks = (size_t)ranks_of(g);
    char *names = calloc(ranks, HT_IMAGE_NAME);
    if (names == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a checkpoint");
    g->rank_names = names;
    ht_status st = ranks == 1 ? ht_group_write_ranks(g, err) : lead(g, &(ht_group_training){.what = HT_GROUP_WRITE}, err);
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; st == HT_OK && i < ranks; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(&names[i * HT_IMAGE_NAME]));
    ht_json_put(manifest, "ranks", list);
    g->rank_names = NULL;
    free(names);
    return st;
}

static ht_status read_ranks(ht_group *g, const cJSON *list, ht_error *err)
{
    size_t ranks = (size_t)ranks_of(g);
    if (!cJSON_IsArray(list) || (size_t)cJSON_GetArraySize(list) != ranks)
        return ht_fail(err, HT_EFORMAT, "the checkpoint is of replicas of %d ranks, this run has %zu: start as many",
                       cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0, ranks);
    char *names = calloc(ranks, HT_IMAGE_NAME);
    if (names == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for a checkpoint");
    for (size_t i = 0; i < ranks; i++) {
        const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(list, (int)i));
        if (name != NULL && strlen(name) < HT_IMAGE_NAME)
            strcpy(&names[i * HT_IMAGE_NAME], name);
    }
    g->rank_names = names;
    ht_status st = ranks == 1 ? ht_group_read_ranks(g, err) : lead(g, &(ht_group_training){.what = HT_GROUP_READ}, err);
    g->rank_names = NULL;
    free(names);
    return st;
}

/* ---- the training state ----------------------------------------------------------------------- */

static ht_status write_live(ht_group *g, cJSON *manifest, ht_error *err)
{
    const ht_span *spans;
    char name[HT_IMAGE_NAME];
    ht_state *s = g->training->state;
    HT_TRY(ht_state_fetch(s, err));
    size_t n = ht_state_live(s, &spans);
    HT_TRY(write_spans(g->rank_state->dir, n, spans, name, err));
    ht_json_put_text(manifest, "live", name);
    return HT_OK;
}

static ht_status write_slots(ht_group *g, cJSON *manifest, ht_error *err)
{
    const ht_span *spans;
    char name[HT_IMAGE_NAME];
    unsigned slot;
    cJSON *list = cJSON_CreateArray();
    ht_json_put(manifest, "slots", list);
    for (size_t i = 0; ht_state_slot_at(g->training->state, i, &slot); i++) {
        size_t n = ht_state_slot(g->training->state, slot, false, &spans);
        HT_TRY(write_spans(g->rank_state->dir, n, spans, name, err));
        cJSON *entry = cJSON_CreateArray();
        cJSON_AddItemToArray(entry, ht_json_int(slot));
        cJSON_AddItemToArray(entry, cJSON_CreateString(name));
        cJSON_AddItemToArray(list, entry);
    }
    return HT_OK;
}

static ht_status write_best(ht_group *g, cJSON *manifest, ht_error *err)
{
    ht_image_part best;
    char name[HT_IMAGE_NAME];
    best.bytes = ht_state_best_block(g->training->state, false, &best.data);
    if (best.bytes == 0)
        return HT_OK;
    HT_TRY(ht_image_write(g->rank_state->dir, 1, &best, name, NULL, err));
    ht_json_put_text(manifest, "best", name);
    return HT_OK;
}

static ht_status write_down(void *ctx, cJSON *manifest, ht_error *err)
{
    ht_group *g = ctx;
    if (g->rank_state->dir != NULL)
        HT_TRY(ht_run_owner_check(g->rank_state->run_dir, g->rank_state->owner, err));
    HT_TRY(write_ranks(g, manifest, err));
    if (ht_state_bytes(g->training->state) == 0)
        return HT_OK;       /* the program has its own way to keep its training */
    HT_TRY(write_live(g, manifest, err));
    HT_TRY(write_slots(g, manifest, err));
    return write_best(g, manifest, err);
}

/* The leader reads, the others get it from it. */
static ht_status share(ht_group *g, const ht_group_training *d, ht_error *err)
{
    return ranks_of(g) > 1 ? lead(g, d, err) : HT_OK;
}

static ht_status read_live(ht_group *g, const char *name, ht_error *err)
{
    const ht_span *spans;
    size_t n = ht_state_live(g->training->state, &spans);
    HT_TRY(read_spans(g->rank_state->dir, name, n, spans, err));
    HT_TRY(ht_state_flush(g->training->state, err));
    return share(g, &(ht_group_training){.what = HT_GROUP_TAKE_LIVE}, err);
}

static ht_status read_slots(ht_group *g, const cJSON *list, ht_error *err)
{
    const ht_span *spans;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, list) {
        const cJSON *number = cJSON_GetArrayItem(entry, 0);
        unsigned slot = cJSON_IsNumber(number) ? (unsigned)number->valuedouble : 0;
        size_t n = ht_state_slot(g->training->state, slot, true, &spans);
        HT_TRY(read_spans(g->rank_state->dir, cJSON_GetStringValue(cJSON_GetArrayItem(entry, 1)), n, spans, err));
        HT_TRY(share(g, &(ht_group_training){.what = HT_GROUP_TAKE, .slot = slot}, err));
    }
    return HT_OK;
}

static ht_status read_best(ht_group *g, const char *name, ht_error *err)
{
    ht_image_part best;
    if (name == NULL)
        return HT_OK;
    best.bytes = ht_state_best_block(g->training->state, true, &best.data);
    if (best.bytes == 0)
        return ht_fail(err, HT_ENOMEM, "no memory for the best weights");
    HT_TRY(ht_image_read(g->rank_state->dir, name, 1, &best, err));
    return share(g, &(ht_group_training){.what = HT_GROUP_TAKE_BEST}, err);
}

static ht_status read_back(void *ctx, const cJSON *manifest, ht_error *err)
{
    ht_group *g = ctx;
    HT_TRY(read_ranks(g, ht_json_member(manifest, "ranks"), err));
    bool has_state = ht_state_bytes(g->training->state) > 0;
    if (has_state != (ht_json_text(manifest, "live") != NULL))
        return ht_fail(err, HT_EFORMAT, "the checkpoint is of a program that registered %s training state",
                       has_state ? "no" : "a");
    if (!has_state)
        return HT_OK;
    HT_TRY(read_live(g, ht_json_text(manifest, "live"), err));
    HT_TRY(read_slots(g, ht_json_member(manifest, "slots"), err));
    return read_best(g, ht_json_text(manifest, "best"), err);
}

static ht_status inherit_best(ht_group *g, const cJSON *manifest, ht_error *err)
{
    const char *name = ht_json_text(manifest, "best");
    return name != NULL ? read_best(g, name, err) : ht_fail(err, HT_ENOTFOUND, "it kept no best weights");
}

static ht_status inherit(void *ctx, const cJSON *manifest, unsigned from_slot, unsigned slot, ht_error *err)
{
    ht_group *g = ctx;
    const cJSON *entry;
    const ht_span *spans;
    if (slot == HT_SLOT_BEST)
        return inherit_best(g, manifest, err);
    cJSON_ArrayForEach(entry, ht_json_member(manifest, "slots")) {
        const cJSON *number = cJSON_GetArrayItem(entry, 0);
        if (!cJSON_IsNumber(number) || (unsigned)number->valuedouble != from_slot)
            continue;
        size_t n = ht_state_slot(g->training->state, slot, true, &spans);
        HT_TRY(read_spans(g->rank_state->dir, cJSON_GetStringValue(cJSON_GetArrayItem(entry, 1)), n, spans, err));
        return share(g, &(ht_group_training){.what = HT_GROUP_TAKE, .slot = slot}, err);
    }
    return ht_fail(err, HT_ENOTFOUND, "it held nothing in slot %u", from_slot);
}

ht_keeper ht_group_keeper(ht_group *g)
{
    return (ht_keeper){.ctx = g, .write = write_down, .read = read_back, .inherit = inherit};
}
