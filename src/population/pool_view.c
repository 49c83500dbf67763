/* src/population/pool_view.c - what can be seen of a pool: its champion, and answers to a policy.
 *
 * May touch: the heap. */
#include <math.h>
#include <stdlib.h>

#include "population/pool_state.h"

/* ---- answers to a policy -------------------------------------------------------------------- */

const ht_pool_options *ht_pool_given(const ht_pool *p)
{
    return &p->o;
}

const ht_member *ht_pool_member(const ht_pool *p)
{
    return &p->member;
}

const ht_tuned *ht_pool_knobs(const ht_pool *p)
{
    return &p->knobs;
}

double ht_pool_now(const ht_pool *p)
{
    return p->now;
}

bool ht_pool_is_barrier(const ht_pool *p)
{
    return p->barrier;
}

bool ht_pool_is_calm(const ht_pool *p)
{
    return p->calm;
}

ht_lineage *ht_pool_lineage(ht_pool *p)
{
    return p->lineage;
}

double ht_pool_shown(const ht_pool *p, double loss)
{
    return p->o.recipe->objective.mode == HT_MAXIMIZE ? -loss : loss;
}

ht_pool_replica ht_pool_replica_of(const ht_pool *p, int replica)
{
    const ht_pool_seat *s = &p->seats[replica];
    return (ht_pool_replica){.lives = ht_seat_lives(s), .idle = ht_seat_idle(s), .sick = s->sick,
                             .task = s->work.number > 0 ? s->work.task : -1, .pace = s->pace, .best = s->best,
                             .best_node = s->best_node, .node = s->node, .step = s->step};
}

int ht_pool_living(const ht_pool *p)
{
    return p->tally.living;
}

int ht_pool_well(const ht_pool *p)
{
    return p->tally.well;
}

unsigned long ht_pool_mishaps(const ht_pool *p)
{
    return p->tally.mishaps;
}

size_t ht_pool_holders(const ht_pool *p, unsigned slot, const int **who)
{
    const ht_roster *r = ht_pool_tally_holders(&p->tally, slot);
    *who = r != NULL ? r->who : NULL;
    return r != NULL ? r->n : 0;
}

size_t ht_pool_slots(const ht_pool *p, int replica, const unsigned **slots)
{
    *slots = p->seats[replica].slots;
    return p->seats[replica].n_slots;
}

int ht_pool_next_idle(const ht_pool *p, int from)
{
    return ht_bits_next(&p->tally.idle, from);
}

double ht_pool_pace(const ht_pool *p)
{
    const double *pace = p->tally.paces;
    size_t n = p->tally.n_paces, living = (size_t)ht_pool_living(p);
    if (p->barrier || n == 0 || 2 * n < living)     /* the first to finish is the fastest: not the one to measure by */
        return NAN;
    return (pace[(n - 1) / 2] + pace[n / 2]) / 2;
}

double ht_pool_allowed(const ht_pool *p, double epochs)
{
    static const double jitter = 1.25, slack_s = .5;
    return jitter * epochs * ht_pool_pace(p) + slack_s;
}

/* a in the low bits, the purpose above: a counts replicas, islands or segments, never as far as 2^48 */
ht_random ht_pool_random(const ht_pool *p, unsigned purpose, uint64_t a, uint64_t b)
{
    return ht_random_stream(p->o.seed, HT_RANDOM_POOL, ((uint64_t)purpose << 48) ^ a, b);
}

/* ---- the champion --------------------------------------------------------------------------- */

void ht_pool_saw(ht_pool *p, int replica, double loss, int node)
{
    ht_pool_seat *s = &p->seats[replica];
    if (isfinite(loss) && !(loss >= s->best)) {
        s->best = loss;
        s->best_node = node;
        int rival = p->tally.rival;
        if (rival < 0 || loss < p->seats[rival].best || (loss == p->seats[rival].best && replica < rival))
            p->tally.rival = replica;
    }
}

void ht_pool_crown(ht_pool *p)
{
    int best = p->champion, rival = p->tally.rival;
    if (best >= 0 && (!ht_seat_lives(&p->seats[best]) || isnan(p->seats[best].best)))
        best = -1;      /* dead, or back with nothing */
    bool open = p->tally.throne_is_open || best < 0;
    p->tally.rival = -1;
    p->tally.throne_is_open = false;
    if (!open && rival >= 0 && p->seats[rival].best < p->seats[best].best)
        best = rival;       /* of all others it was known that they are no better */
    for (int i = 0; open && i < p->n_seats; i++)
        if (ht_seat_lives(&p->seats[i]) && !isnan(p->seats[i].best)
            && (best < 0 || p->seats[i].best < p->seats[best].best))
            best = i;
    if (best < 0)       /* nobody lives: the last one is still the best that was seen */
        return;
    const ht_pool_seat *s = &p->seats[best];
    if (best == p->champion && s->best_node == p->champion_node && !(s->best != p->champion_loss))
        return;
    p->champion = best;
    p->champion_loss = s->best;
    p->champion_node = s->best_node;
    ht_lineage_node node = ht_lineage_get(p->lineage, s->best_node);
    cJSON *event = ht_pool_event_new(p, "champion", node.wall);
    ht_json_put_int(event, "replica", best);
    ht_json_put_real(event, "until", node.wall + node.epochs);
    ht_json_put_real(event, "loss", ht_pool_shown(p, s->best));
    ht_json_put_text(event, "what", node.what);
    ht_json_put(event, "knobs", ht_pool_point(p, ht_lineage_point(p->lineage, s->best_node)));
    ht_pool_log(p, event);
}

void ht_pool_peek(const ht_pool *p, ht_pool_view *out)
{
    double busy = 0, waited = 0;
    for (int i = 0; i < p->n_seats; i++) {
        busy += p->seats[i].busy_s;
        waited += p->seats[i].waited_s;
    }
    *out = (ht_pool_view){.policy = p->policy->name, .stage = "start", .epochs = p->o.epochs,
                          .living = ht_pool_living(p), .has_champion = p->champion >= 0,
                          .best = ht_pool_shown(p, p->champion_loss), .champion = p->champion,
                          .utilisation = busy > 0 ? busy / (busy + waited) : 0};
    if (p->started)
        p->policy->look(p->self, out);
}

const ht_lineage *ht_pool_origins(const ht_pool *p, int *champion)
{
    *champion = p->champion >= 0 ? p->champion_node : -1;
    return p->lineage;
}

cJSON *ht_pool_schedule(const ht_pool *p)
{
    cJSON *schedule = cJSON_CreateArray();
    size_t n = p->champion >= 0 ? ht_lineage_depth(p->lineage, p->champion_node) : 0;
    int *path = malloc((n + 1) * sizeof *path);
    if (path == NULL || schedule == NULL) {
        free(path);
        return schedule;
    }
    ht_lineage_path(p->lineage, p->champion_node, path);
    for (size_t i = 0; i < n; i++) {
        ht_lineage_node node = ht_lineage_get(p->lineage, path[i]);
        cJSON *piece = cJSON_CreateObject();
        ht_json_put_real(piece, "wall", node.wall);
        ht_json_put_int(piece, "epochs", node.epochs);
        ht_json_put_text(piece, "what", node.what);
        ht_json_put_int(piece, "replica", node.replica);
        ht_json_put_int(piece, "members", node.members);
        ht_json_put_real(piece, "loss", ht_pool_shown(p, node.loss));
        ht_json_put(piece, "knobs", ht_pool_point(p, ht_lineage_point(p->lineage, path[i])));
        cJSON_AddItemToArray(schedule, piece);
    }
    free(path);
    return schedule;
}

cJSON *ht_pool_doing(const ht_pool *p, int replica)
{
    cJSON *o = cJSON_CreateObject();
    if (replica >= p->n_seats)
        return o;
    const ht_pool_seat *s = &p->seats[replica];
    int node = s->work.number > 0 ? s->work.node : s->node;
    int island = p->started && p->policy->home != NULL ? p->policy->home(p->self, replica) : -1;
    if (island >= 0)
        ht_json_put_int(o, "island", island);
    if (node >= 0) {
        ht_json_put_text(o, "what", ht_lineage_get(p->lineage, node).what);
        ht_json_put(o, "knobs", ht_pool_point(p, ht_lineage_point(p->lineage, node)));
    }
    return o;
}

cJSON *ht_pool_gain(const ht_pool *p)
{
    return p->started && p->policy->gain != NULL ? p->policy->gain(p->self) : cJSON_CreateObject();
}
