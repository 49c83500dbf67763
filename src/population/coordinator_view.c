/* src/population/coordinator_view.c - what can be seen of a run while it goes on; the contract is in
 * coordinator.h. Reads only. */
#include <math.h>
#include <stdio.h>

#include "population/coordinator_state.h"

/* The replica that is furthest; 0 as long as nobody has reported. */
static const ht_replica *furthest(const ht_coordinator *c)
{
    const ht_replica *far = &c->replicas[0];
    for (int i = 1; i < c->n_replicas; i++)
        if (c->replicas[i].step > far->step)
            far = &c->replicas[i];
    return far;
}

void ht_coordinator_peek(const ht_coordinator *c, ht_coordinator_view *out)
{
    const ht_replica *far = furthest(c);
    *out = (ht_coordinator_view){.mode = c->mode, .recipe = c->recipe, .statistics = &c->statistics,
                                 .step = far->step, .epoch = far->epoch, .has_best = c->has_best,
                                 .best = c->best, .best_replica = c->best_replica, .best_step = c->best_step,
                                 .best_epoch = c->best_epoch, .has_result = c->has_result,
                                 .result_val = c->result_val, .result_test = c->result_test,
                                 .result_replica = c->result_replica, .was_on = c->was_on,
                                 .replay_missed = c->replay_missed, .command_end = c->command_end,
                                 .posterior = c->posteriors[0], .pool = c->pool,
                                 .learned = c->learned,
                                 .tuned = c->pool != NULL ? &c->tuned : NULL};
    double share = 0;
    int sharing = 0;
    for (int i = 0; i < c->n_replicas; i++) {
        const ht_replica *r = &c->replicas[i];
        out->epochs += (double)r->epoch;
        if (!r->lost && r->total_steps > 0) {
            share += r->done ? 1 : fmin(1, (double)r->step / (double)r->total_steps);
            sharing++;
        }
        out->alive += ht_replica_is_living(r);
        out->lost += r->lost;
        out->done += r->done;
        out->open += r->open;
        if (r->total_steps > out->total_steps)
            out->total_steps = r->total_steps;
    }
    out->steps_share = sharing > 0 ? share / sharing : NAN;
}

/* ---- the part `live` of the summary --------------------------------------------------------- */

static cJSON *cooldowns_of(const ht_replica *r)
{
    cJSON *o = NULL;
    if (r->cooldowns == NULL || ht_json_parse(r->cooldowns, &o, NULL, NULL) != HT_OK)
        o = cJSON_CreateObject();
    return o;
}

static void put_replica(cJSON *o, const ht_coordinator *c, const ht_replica *r)
{
    char id[32];
    snprintf(id, sizeof id, "m_%05lu", r->mutation.number);
    ht_json_put_int(o, "step", (double)r->step);
    ht_json_put_int(o, "epoch", (double)r->epoch);
    ht_json_put_text(o, "mode", r->pooled ? ht_mode_text(c->mode) : r->mode_known ? ht_mode_text(r->mode) : NULL);
    ht_json_put_int(o, "reject_streak", (double)r->reject_streak);
    ht_json_put_int(o, "pause_left", (double)r->pause_left);
    ht_json_put(o, "cooldowns", cooldowns_of(r));
    ht_json_put_int(o, "global_cooldown", (double)r->global_cooldown);
    ht_json_put_text(o, "active_mutation", r->open ? id : NULL);
}

static const char *state_of(const ht_replica *r)
{
    return r->lost ? "lost" : r->done ? "done" : r->joined ? "training" : "expected";
}

cJSON *ht_coordinator_live(const ht_coordinator *c)
{
    cJSON *o = cJSON_CreateObject(), *warnings = cJSON_CreateArray(), *replicas = cJSON_CreateArray();
    put_replica(o, c, furthest(c));
    for (size_t i = 0; warnings != NULL && i < c->n_warnings; i++)
        cJSON_AddItemToArray(warnings, cJSON_CreateString(c->warnings[i]));
    ht_json_put(o, "warnings", warnings);
    for (int i = 0; replicas != NULL && i < c->n_replicas; i++) {
        cJSON *entry = cJSON_CreateObject();
        ht_json_put_int(entry, "replica", i);
        ht_json_put_text(entry, "state", state_of(&c->replicas[i]));
        put_replica(entry, c, &c->replicas[i]);
        if (c->pool != NULL)
            ht_json_put(entry, "doing", ht_pool_doing(c->pool, i));
        cJSON_AddItemToArray(replicas, entry);
    }
    ht_json_put(o, "replicas", replicas);
    return o;
}
