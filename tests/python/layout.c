/* tests/python/layout.c - prints size and offsets of every struct that the Python package mirrors, and its enums. */
#include <hottune/hottune.h>
#include <stdio.h>

#define SIZE(type) printf("%s %zu\n", #type, sizeof(type))
#define AT(type, member) printf("%s.%s %zu\n", #type, #member, offsetof(type, member))
#define IS(name) printf("%s %d\n", #name, (int)(name))

static void options(void)
{
    SIZE(ht_options);
    AT(ht_options, comm), AT(ht_options, no_mpi), AT(ht_options, ranks_per_replica), AT(ht_options, run_dir);
    AT(ht_options, recipe), AT(ht_options, recipe_text), AT(ht_options, study), AT(ht_options, name);
    AT(ht_options, seed), AT(ht_options, max_steps), AT(ht_options, max_epochs), AT(ht_options, recipe_set);
    AT(ht_options, recipe_unless_given), AT(ht_options, ema_every), AT(ht_options, check_transfers);
    AT(ht_options, plan), AT(ht_options, plan_ctx), AT(ht_options, mode), AT(ht_options, replay);
    AT(ht_options, resume), AT(ht_options, program), AT(ht_options, checkpoint_s), AT(ht_options, checkpoint_bytes);
    AT(ht_options, leave), AT(ht_options, end_time), AT(ht_options, patience_s), AT(ht_options, fail_on_error);
    AT(ht_options, warning), AT(ht_options, warning_ctx), AT(ht_options, progress), AT(ht_options, progress_ctx);
    AT(ht_options, event), AT(ht_options, event_ctx);
}

static void values(void)
{
    SIZE(ht_error), SIZE(ht_scalar), SIZE(ht_value), SIZE(ht_patch), SIZE(ht_codes), SIZE(ht_env);
    AT(ht_scalar, number), AT(ht_scalar, text);
    AT(ht_value, scalar), AT(ht_value, n_items), AT(ht_value, items);
    AT(ht_patch, key), AT(ht_patch, value), AT(ht_patch, floor), AT(ht_codes, code);
    AT(ht_env, epoch), AT(ht_env, max_steps), AT(ht_env, loss), AT(ht_env, anomaly_critical);
    AT(ht_env, grad_spike), AT(ht_env, phase);
}

static void others(void)
{
    SIZE(ht_state_buffer), SIZE(ht_actuator_ops), SIZE(ht_knob_options), SIZE(ht_progress), SIZE(ht_result);
    AT(ht_state_buffer, data), AT(ht_state_buffer, count), AT(ht_state_buffer, element);
    AT(ht_state_buffer, use), AT(ht_state_buffer, is_weights);
    AT(ht_actuator_ops, validate), AT(ht_actuator_ops, apply), AT(ht_actuator_ops, restore);
    AT(ht_actuator_ops, discard), AT(ht_actuator_ops, describe);
    AT(ht_knob_options, name), AT(ht_knob_options, type), AT(ht_knob_options, initial);
    AT(ht_knob_options, bounded), AT(ht_knob_options, lo), AT(ht_knob_options, hi), AT(ht_knob_options, choices);
    AT(ht_knob_options, n_choices), AT(ht_knob_options, metric), AT(ht_knob_options, set);
    AT(ht_knob_options, ctx), AT(ht_knob_options, get);
    AT(ht_progress, epoch), AT(ht_progress, replicas), AT(ht_progress, best), AT(ht_progress, elapsed_s);
    AT(ht_progress, lost), AT(ht_progress, islands), AT(ht_progress, done), AT(ht_progress, utilisation);
    AT(ht_progress, stage);
    AT(ht_result, best), AT(ht_result, best_step), AT(ht_result, best_replica), AT(ht_result, lost);
}

static void enums(void)
{
    IS(HT_FIT_START), IS(HT_TRAIN_BATCH_END), IS(HT_VAL_EPOCH_END), IS(HT_RUN_END);
    IS(HT_VALUE_NONE), IS(HT_VALUE_NULL), IS(HT_VALUE_BOOL), IS(HT_VALUE_INT), IS(HT_VALUE_REAL);
    IS(HT_VALUE_TEXT), IS(HT_VALUE_LIST);
    IS(HT_FLOAT32), IS(HT_FLOAT64), IS(HT_BFLOAT16), IS(HT_INT32), IS(HT_INT64), IS(HT_BYTES);
    IS(HT_AVERAGE), IS(HT_COPY), IS(HT_LINEAR), IS(HT_LOG), IS(HT_N_STATUS), IS(HT_EFAILED);
}

int main(void)
{
    options();
    values();
    others();
    enums();
    return 0;
}
