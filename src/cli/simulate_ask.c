/* src/cli/simulate_ask.c - what the verb `simulate` is asked to do; the contract is in simulate.h.
 *
 * May touch: recipe files. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/simulate.h"
#include "workload/workload.h"

static const long long most_replicas = 1000000, most_epochs = 1000000;
static const double most = 1e12, mega = 1e6, micro = 1e-6;

/* The built-in recipe of a workload, or a file. */
static ht_status find_recipe(const ht_args *args, ht_sim_ask *out, ht_error *err)
{
    const char *path = ht_args_text(args, "recipe");
    const char *word = args->n_words > 0 ? args->words[0] : "charlm";
    const ht_workload_info *w = ht_workload_find(word);
    out->name = path != NULL ? path : word;
    if (w == NULL)
        return ht_fail(err, HT_EINVAL, "unknown workload '%s'; 'hottune workloads' lists them", word);
    out->o.epochs = w->default_epochs;
    return path != NULL ? ht_recipe_load(path, &out->recipe, err) : ht_recipe_parse(w->recipe, word, &out->recipe, err);
}

static ht_status set_recipe(const ht_args *args, ht_sim_ask *out, ht_error *err)
{
    char words[96];
    const char *policy = ht_args_text(args, "policy");
    HT_TRY(find_recipe(args, out, err));
    HT_TRY(ht_recipe_set_words(out->recipe, "population.mode=pooled", false, err));
    HT_TRY(ht_recipe_set_words(out->recipe, ht_args_text(args, "recipe-set"), true, err));
    if (policy != NULL) {
        snprintf(words, sizeof words, "population.policy=%.60s", policy);
        HT_TRY(ht_recipe_set_words(out->recipe, words, true, err));
    }
    snprintf(words, sizeof words, "search.seed=%llu", (unsigned long long)out->o.seed);
    return ht_recipe_set_words(out->recipe, words, true, err);
}

/* "P:FACTOR" */
static ht_status read_stragglers(const ht_args *args, ht_simulation_options *o, ht_error *err)
{
    const char *text = ht_args_text(args, "stragglers"), *colon = text != NULL ? strchr(text, ':') : NULL;
    char share[32];
    if (text == NULL)
        return HT_OK;
    snprintf(share, sizeof share, "%.*s", colon != NULL ? (int)(colon - text) : 0, text);
    if (colon != NULL && ht_parse_number(share, &o->straggler_share, NULL) &&
        ht_parse_number(colon + 1, &o->straggler_factor, NULL) && o->straggler_share >= 0 &&
        o->straggler_share <= 1 && o->straggler_factor >= 1 && o->straggler_factor <= 1e4)
        return HT_OK;
    return ht_fail(err, HT_EINVAL, "--stragglers: '%s' is not SHARE:FACTOR, such as 0.01:3 (a share in 0 .. 1, a factor "
                   "from 1 on)", text);
}

static ht_status read_numbers(const ht_args *args, ht_simulation_options *o, ht_error *err)
{
    long long replicas = o->replicas, epochs = o->epochs;
    double latency_us = o->latency_s / micro, state_mb = o->state_bytes / mega, bandwidth = o->bytes_per_s / mega;
    HT_TRY(ht_args_int(args, "replicas", 1, most_replicas, &replicas, err));
    HT_TRY(ht_args_int(args, "epochs", 1, most_epochs, &epochs, err));
    HT_TRY(ht_args_real(args, "epoch-seconds", 1e-3, 1e7, &o->epoch_s, err));
    HT_TRY(ht_args_real(args, "spread", 0, .99, &o->spread, err));
    HT_TRY(ht_args_real(args, "jitter", 0, .99, &o->jitter, err));
    HT_TRY(ht_args_real(args, "failures", 0, 1e9, &o->failures_per_hour, err));
    HT_TRY(ht_args_real(args, "down", 0, most, &o->down_s, err));
    HT_TRY(ht_args_real(args, "latency", 0, 1e9, &latency_us, err));
    HT_TRY(ht_args_real(args, "state-mb", 0, most, &state_mb, err));
    HT_TRY(ht_args_real(args, "bandwidth", 1e-3, most, &bandwidth, err));
    HT_TRY(ht_args_real(args, "checkpoint-s", 0, 1e7, &o->checkpoint_s, err));
    HT_TRY(ht_args_real(args, "checkpoint-every", 1e-3, most, &o->checkpoint_every_s, err));
    HT_TRY(ht_args_real(args, "patience", 1, 1e9, &o->patience_s, err));
    HT_TRY(ht_args_real(args, "target", -most, most, &o->target, err));
    o->replicas = (int)replicas;
    o->epochs = (int)epochs;
    o->latency_s = latency_us * micro;
    o->state_bytes = state_mb * mega;
    o->bytes_per_s = bandwidth * mega;
    return read_stragglers(args, o, err);
}

static ht_status read_curves(const ht_args *args, ht_sim_ask *out, ht_error *err)
{
    const char *path = ht_args_text(args, "curves");
    if (path == NULL || strcmp(path, "synthetic") == 0)
        return HT_OK;
    HT_TRY(ht_sim_curves_read(path, out->recipe->objective.mode == HT_MINIMIZE, &out->curves, err));
    out->o.n_records = out->curves.n;
    out->o.records = out->curves.records;
    return HT_OK;
}

ht_status ht_sim_ask_read(const ht_args *args, ht_sim_ask *out, ht_error *err)
{
    long long seed = 1;
    *out = (ht_sim_ask){.o = {.replicas = 8, .epoch_s = 15, .straggler_factor = 1, .down_s = 60, .latency_s = 20 * micro,
                              .state_bytes = mega, .bytes_per_s = 1000 * mega, .checkpoint_every_s = 600,
                              .patience_s = 60, .target = NAN}};
    HT_TRY(ht_args_int(args, "seed", 1, 1LL << 53, &seed, err));
    out->o.seed = (uint64_t)seed;
    HT_TRY(set_recipe(args, out, err));
    out->o.recipe = out->recipe;
    HT_TRY(read_curves(args, out, err));
    return read_numbers(args, &out->o, err);
}

void ht_sim_ask_release(ht_sim_ask *ask)
{
    ht_sim_curves_release(&ask->curves);
    ht_recipe_destroy(ask->recipe);
    ask->recipe = NULL;
}
