/* src/kernel/group.c - one replica, several ranks; the contract is in group.h.
 *
 * A deed is a plain struct, broadcast as bytes: all ranks run the same program. Pointers in it would be
 * meaningless elsewhere, so the environment is each rank's own. */
#include "kernel/group.h"

#include <string.h>

#include "comm/mpi_comm.h"

typedef struct {
    enum { APPLY, RESTORE, KEEP, SET, TRAIN, NEWS } kind;
    char name[HT_NAME_MAX];     /* APPLY: actuator; SET: knob */
    ht_patch patch;             /* APPLY */
    ht_value value;             /* SET */
    ht_group_training training; /* TRAIN */
    ht_group_news news;         /* NEWS */
} deed;

static ht_status share(ht_group *g, deed *d, ht_error *err)
{
    MPI_Request request;
    if (MPI_Ibcast(d, (int)sizeof *d, MPI_BYTE, 0, g->comm, &request) != MPI_SUCCESS ||
        ht_mpi_wait(&request) != MPI_SUCCESS)
        return ht_fail(err, HT_ECOMM, "the ranks of a replica lost each other");
    return HT_OK;
}

bool ht_group_agree(ht_group *g, bool mine)
{
    int ok = mine;
    MPI_Request request;
    if (MPI_Iallreduce(MPI_IN_PLACE, &ok, 1, MPI_INT, MPI_MIN, g->comm, &request) != MPI_SUCCESS ||
        ht_mpi_wait(&request) != MPI_SUCCESS)
        return false;
    return ok != 0;
}

/* Both sides of each deed; `err` and the results may be NULL on followers. */

static ht_status do_apply(ht_group *g, const deed *d, const ht_env *env, size_t *n_changes, ht_change *changes,
                          ht_error *err)
{
    ht_status mine = g->local.apply(g->local.ctx, d->name, &d->patch, env, n_changes, changes, err);
    if (ht_group_agree(g, mine == HT_OK))
        return HT_OK;
    if (mine != HT_OK)
        return mine;
    ht_rollback how;
    g->local.restore(g->local.ctx, &how, NULL);
    return ht_fail(err, HT_EFAILED, "apply failed on another rank of the replica");
}

static ht_status do_restore(ht_group *g, ht_rollback *how, ht_error *err)
{
    ht_status mine = g->local.restore(g->local.ctx, how, err);
    if (ht_group_agree(g, mine == HT_OK) || mine != HT_OK)
        return mine;
    *how = HT_ROLLBACK_FAILED;
    return ht_fail(err, HT_EFAILED, "restore failed on another rank of the replica");
}

static ht_status do_set(ht_group *g, const deed *d, const ht_env *env, ht_error *err)
{
    ht_status mine = g->local.set(g->local.ctx, d->name, &d->value, env, err);
    if (ht_group_agree(g, mine == HT_OK) || mine != HT_OK)
        return mine;
    return ht_fail(err, HT_EFAILED, "setting '%s' failed on another rank of the replica", d->name);
}

/* ---- the leader ----------------------------------------------------------------------------- */

static ht_status lead_apply(void *ctx, const char *actuator, const ht_patch *patch, const ht_env *env,
                            size_t *n_changes, ht_change changes[HT_CHANGES_MAX], ht_error *err)
{
    ht_group *g = ctx;
    deed d = {.kind = APPLY, .patch = *patch};
    ht_name_copy(d.name, actuator);
    HT_TRY(share(g, &d, err));
    return do_apply(g, &d, env, n_changes, changes, err);
}

static ht_status lead_restore(void *ctx, ht_rollback *how, ht_error *err)
{
    ht_group *g = ctx;
    HT_TRY(share(g, &(deed){.kind = RESTORE}, err));
    return do_restore(g, how, err);
}

static void lead_keep(void *ctx)
{
    ht_group *g = ctx;
    if (share(g, &(deed){.kind = KEEP}, NULL) == HT_OK)
        g->local.keep(g->local.ctx);
}

static ht_status lead_set(void *ctx, const char *key, const ht_value *value, const ht_env *env, ht_error *err)
{
    ht_group *g = ctx;
    deed d = {.kind = SET, .value = *value};
    ht_name_copy(d.name, key);
    HT_TRY(share(g, &d, err));
    return do_set(g, &d, env, err);
}

ht_effector ht_group_effector(ht_group *g)
{
    return (ht_effector){.ctx = g, .apply = lead_apply, .restore = lead_restore, .keep = lead_keep,
                         .set = lead_set};
}

ht_status ht_group_announce(ht_group *g, const ht_group_training *d, ht_error *err)
{
    return share(g, &(deed){.kind = TRAIN, .training = *d}, err);
}

ht_status ht_group_tell(ht_group *g, const ht_group_news *news, ht_error *err)
{
    return share(g, &(deed){.kind = NEWS, .news = *news}, err);
}

/* ---- the others ----------------------------------------------------------------------------- */

ht_status ht_group_follow(ht_group *g, const ht_env *env, ht_group_news *news, ht_error *err)
{
    for (;;) {
        deed d;
        size_t n_changes;
        ht_change changes[HT_CHANGES_MAX];
        ht_rollback how;
        double objective;
        HT_TRY(share(g, &d, err));
        switch (d.kind) {
        case APPLY:
            do_apply(g, &d, env, &n_changes, changes, NULL);
            break;
        case RESTORE:
            do_restore(g, &how, NULL);
            break;
        case KEEP:
            g->local.keep(g->local.ctx);
            break;
        case SET:
            do_set(g, &d, env, NULL);
            break;
        case TRAIN:
            ht_group_train(g, &d.training, &objective, NULL);
            break;
        case NEWS:
            *news = d.news;
            return HT_OK;
        }
    }
}
