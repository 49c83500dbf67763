/* src/population/agent_ports.c - where the tuner's questions and records go; see agent_state.h.
 *
 * Records are gathered in the REPORT and OUTCOME of the decision point. What happens between two of them
 * (an operation at a train batch, the end of the run) waits for the next.
 * May touch: the agent, its link. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "population/agent_state.h"

static ht_status propose(void *ctx, const ht_ask *ask, ht_proposal *out, bool *found)
{
    ht_agent *a = ctx;
    ht_directive d;
    *found = false;
    if (a->cut || !ht_agent_report(a, ask, &d))
        return HT_ETIMEOUT;
    if (!d.has_proposal)
        return HT_OK;
    *out = d.proposal;
    *found = true;
    return HT_OK;
}

static bool is_judged(const ht_mutation *m)
{
    return m->status == HT_MUTATION_ACCEPTED || m->status == HT_MUTATION_REJECTED ||
           m->status == HT_MUTATION_ROLLED_BACK || m->status == HT_MUTATION_INCONCLUSIVE;
}

/* A judged mutation comes again with its segment. */
static ht_status mutation(void *ctx, const ht_mutation *m)
{
    ht_agent *a = ctx;
    ht_outcome *o = &a->outcome.as.outcome;
    if (is_judged(m))
        return HT_OK;
    if (o->n_made == HT_MADE_MAX)
        ht_agent_flush(a);
    o->made[o->n_made++] = *m;
    a->controls_changed |= m->status == HT_MUTATION_APPLIED;
    return HT_OK;
}

/* One mutation at most is open, and a new one is opened only after a REPORT: so there is room. */
static ht_status segment(void *ctx, const ht_segment *g, const ht_mutation *m)
{
    ht_agent *a = ctx;
    ht_report *r = &a->report.as.report;
    assert(!r->has_segment);
    r->has_segment = true;
    r->segment = *g;
    r->judged = *m;
    a->controls_changed |= g->rollback != HT_ROLLBACK_NONE && g->rollback != HT_ROLLBACK_OFF;
    return HT_OK;
}

static ht_status window(void *ctx, const ht_window *w)
{
    ht_agent *a = ctx;
    a->outcome.as.outcome.has_window = true;
    a->outcome.as.outcome.window = *w;
    return HT_OK;
}

static void auto_disabled(void *ctx, const char *what, const char *error)
{
    ht_agent *a = ctx;
    ht_outcome *o = &a->outcome.as.outcome;
    if (o->n_disabled == HT_DISABLED_MAX)
        ht_agent_flush(a);
    ht_name_copy(o->disabled[o->n_disabled].what, what);
    snprintf(o->disabled[o->n_disabled].error, sizeof o->disabled[0].error, "%.*s",
             (int)sizeof o->disabled[0].error - 1, error);
    o->n_disabled++;
}

static void warning(void *ctx, const char *text)
{
    ht_agent_warn(ctx, text);
}

ht_tuner_ports ht_agent_ports(ht_agent *a)
{
    return (ht_tuner_ports){.ctx = a, .propose = propose, .mutation = mutation, .segment = segment,
                            .window = window, .auto_disabled = auto_disabled, .warning = warning};
}
