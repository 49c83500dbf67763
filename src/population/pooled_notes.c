/* src/population/pooled_notes.c - what pooled islands write down; see pooled.h. */
#include <math.h>
#include <string.h>

#include "population/pooled.h"

void ht_pooled_note_verdicts(ht_pooled *s, const ht_island *isl, const ht_judgement *j, double before)
{
    double error = j->n_controls > 0 ? j->noise * sqrt(1 + 1 / (double)j->n_controls) : NAN;
    for (size_t i = 0; i < isl->n; i++) {
        const ht_island_member *m = &isl->members[i];
        bool reported = m->state == HT_MEMBER_REPORTED;
        ht_pool_verdict v = {.replica = m->replica,
                             .island = isl->id,
                             .segment = isl->segment,
                             .phase = ht_pooled_phase(s, isl->wall),
                             .start_step = m->first_step,
                             .end_step = m->step,
                             .wall = isl->wall,
                             .mutant = m->mutant,
                             .finite = reported && isfinite(m->loss),
                             .accepted = m->accepted,
                             .fresh = m->fresh,
                             .lost = !reported,
                             .in_root = m->in_root,
                             .before = ht_pool_shown(s->pool, before),
                             .loss = reported ? ht_pool_shown(s->pool, m->loss) : NAN,
                             .control = ht_pool_shown(s->pool, j->control),
                             .score = m->score,
                             .score_error = error,
                             .n_knobs = s->knobs->n};
        memcpy(v.h, m->h, sizeof v.h);
        memcpy(v.x, m->x, sizeof v.x);
        ht_pool_judge(s->pool, &v);
    }
}

static cJSON *candidates(const ht_pooled *s, const ht_island *isl, const ht_pooled_merge *m)
{
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i <= m->n && m->judged.n_finite > 0; i++) {
        cJSON *one = cJSON_CreateObject();
        double loss = i == 0 ? isl->members[m->judged.finite[0]].loss : m->means[i - 1].loss;
        ht_json_put_int(one, "members", i == 0 ? 1 : (double)m->means[i - 1].members);
        ht_json_put_real(one, "loss", ht_pool_shown(s->pool, loss));
        cJSON_AddItemToArray(list, one);
    }
    return list;
}

void ht_pooled_note_closing(ht_pooled *s, const ht_island *isl, const ht_pooled_merge *m, double before,
                            double after, const ht_merge_candidate *winner, bool rolled_back)
{
    cJSON *event = ht_pool_event_new(s->pool, "segment", isl->wall);
    size_t accepted = 0, mutants = 0;
    for (size_t i = 0; i < isl->n; i++) {
        accepted += isl->members[i].accepted;
        mutants += isl->members[i].mutant;
    }
    ht_json_put_int(event, "segment", isl->segment);
    ht_json_put_int(event, "island", isl->id);
    ht_json_put_text(event, "phase", ht_pooled_phase(s, isl->wall));
    ht_json_put_int(event, "epochs", isl->epochs);
    ht_json_put_int(event, "members", (double)isl->n);
    ht_json_put_int(event, "reported", (double)m->judged.n_reported);
    ht_json_put_int(event, "finite", (double)m->judged.n_finite);
    ht_json_put_int(event, "controls", (double)m->judged.n_controls);
    ht_json_put_int(event, "mutants", (double)mutants);
    ht_json_put_int(event, "accepted", (double)accepted);
    ht_json_put_real(event, "control", ht_pool_shown(s->pool, m->judged.control));
    ht_json_put_real(event, "noise", m->judged.noise);
    ht_json_put_real(event, "before", ht_pool_shown(s->pool, before));
    ht_json_put_real(event, "loss", ht_pool_shown(s->pool, after));
    ht_json_put(event, "candidates", candidates(s, isl, m));
    ht_json_put_int(event, "taken", rolled_back ? 0 : winner != NULL ? (double)winner->members : 1);
    ht_json_put_bool(event, "rolled_back", rolled_back);
    ht_json_put_int(event, "node", isl->node);
    ht_json_put(event, "knobs", ht_pool_point(s->pool, isl->h));
    ht_pool_log(s->pool, event);
    if (rolled_back && m->judged.n_finite == 0)
        ht_pool_remark(s->pool, "epoch %g, island %d: nobody has a finite loss; back to its root", isl->wall,
                    isl->id);
    else if (rolled_back)
        ht_pool_remark(s->pool, "epoch %g, island %d: %.6g is no better than its root's %.6g; rolled back",
                    isl->wall, isl->id, ht_pool_shown(s->pool, after), ht_pool_shown(s->pool, before));
}

void ht_pooled_note_tournament(ht_pooled *s, double wall, size_t n, const int *order, const double *projected,
                               size_t kept)
{
    cJSON *event = ht_pool_event_new(s->pool, "tournament", wall), *list = cJSON_CreateArray();
    for (size_t i = 0; i < n; i++) {
        const ht_island *isl = &s->islands[order[i]];
        cJSON *one = cJSON_CreateObject();
        ht_json_put_int(one, "island", isl->id);
        ht_json_put_real(one, "loss", ht_pool_shown(s->pool, isl->loss));
        ht_json_put_real(one, "projected", ht_pool_shown(s->pool, projected[order[i]]));
        ht_json_put_bool(one, "kept", i < kept);
        cJSON_AddItemToArray(list, one);
    }
    ht_json_put(event, "islands", list);
    ht_pool_log(s->pool, event);
    ht_pool_say(s->pool, "epoch %g: %zu of %zu islands go on; the best has %.6g", wall, kept, n,
                ht_pool_shown(s->pool, s->islands[order[0]].loss));
}

void ht_pooled_note_given_up(ht_pooled *s, const ht_island *isl)
{
    cJSON *event = ht_pool_event_new(s->pool, "given_up", isl->wall);
    ht_json_put_int(event, "island", isl->id);
    ht_json_put_real(event, "loss", ht_pool_shown(s->pool, isl->loss));
    ht_pool_log(s->pool, event);
    ht_pool_say(s->pool, "epoch %g: island %d is given up", isl->wall, isl->id);
}

void ht_pooled_note_race(ht_pooled *s, size_t n, const ht_race_entry *entries)
{
    cJSON *event = ht_pool_event_new(s->pool, "race", s->plan.race_wall), *list = cJSON_CreateArray();
    for (size_t i = 0; i < n; i++) {
        cJSON *one = cJSON_CreateObject();
        ht_json_put_int(one, "candidate", entries[i].slot - 1);
        ht_json_put_int(one, "epochs", entries[i].epochs);
        ht_json_put_real(one, "loss", ht_pool_shown(s->pool, entries[i].loss));
        ht_json_put(one, "knobs", ht_pool_point(s->pool, entries[i].h));
        cJSON_AddItemToArray(list, one);
    }
    ht_json_put_real(event, "start", ht_pool_shown(s->pool, s->start_loss));
    ht_json_put(event, "winners", list);
    ht_pool_log(s->pool, event);
    if (n > 0)
        ht_pool_say(s->pool, "the race is over: of %d start values (0 is the recipe's own) number %d is the best, with %.6g; "
                    "%zu islands begin",
                    s->plan.size[0], (int)entries[0].slot - 1, ht_pool_shown(s->pool, entries[0].loss), n);
    else
        ht_pool_say(s->pool, "the race is over and every candidate diverged: on with the start values");
}
