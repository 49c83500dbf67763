/* src/cli/simulate_report.c - what the verb `simulate` prints; the contract is in simulate.h. May touch: stdout. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/columns.h"
#include "cli/progress.h"
#include "cli/simulate.h"

static double total_of(const ht_simulation_result *r)
{
    double all = 0;
    for (int k = 0; k < HT_N_SPENT; k++)
        all += r->spent[k];
    return all;
}

static void duration(char text[40], double seconds)
{
    if (isfinite(seconds) && seconds < 600)
        snprintf(text, 40, "%.3g s", seconds);
    else if (isfinite(seconds))
        ht_print_duration(text, 40, seconds);
    else
        snprintf(text, 40, "never");
}

static double load_of(const ht_simulation_result *r)
{
    return r->wall_s > 0 ? r->busy_s / r->wall_s : 0;
}

/* ---- one run for people ------------------------------------------------------------------------ */

static void print_spent(const ht_simulation_result *r)
{
    ht_columns c = {0};
    double all = total_of(r);
    for (int k = 0; k < HT_N_SPENT; k++) {
        if (!(r->spent[k] > 0))
            continue;
        ht_columns_add(&c, "%s", ht_spent_text((ht_spent)k));
        ht_columns_add(&c, "%.2f %%", 100 * r->spent[k] / all);
        ht_columns_add(&c, "%.5g h", r->spent[k] / 3600);
        ht_columns_add(&c, "%s", ht_spent_about((ht_spent)k));
        ht_columns_end(&c);
    }
    ht_columns_print(&c, 4);
}

static void print_messages(const ht_simulation_result *r)
{
    printf("  messages     %lu (%.4g MB), %.4g a second:", r->n_messages, (double)r->bytes / 1e6,
           r->wall_s > 0 ? (double)r->n_messages / r->wall_s : 0);
    for (int k = 1; k < HT_SIM_KINDS; k++)
        if (r->messages[k] > 0)
            printf(" %s %lu", ht_message_kind_text((ht_message_kind)k), r->messages[k]);
    printf("\n  transfers    %lu of states (%.4g MB), %lu failed\n", r->transfers.done, r->transfers.bytes / 1e6,
           r->transfers.failed);
}

static void print_troubles(const ht_simulation_result *r)
{
    if (r->deaths > 0)
        printf("  deaths       %d\n", r->deaths);
    if (r->untuned > 0)
        printf("  untuned      %d went on alone, because the coordinator was silent for too long\n", r->untuned);
    if (r->warnings > 0)
        ht_cli_print("  warnings     %d, such as: %s\n", r->warnings, r->warning);
}

void ht_sim_report(const ht_sim_row *row, bool timing)
{
    const ht_simulation_options *o = &row->ask.o;
    const ht_simulation_result *r = &row->result;
    char wall[40], target[40];
    duration(wall, r->wall_s);
    duration(target, r->target_s);
    ht_cli_relay(stdout, row->plan != NULL ? row->plan : "");
    ht_cli_print("\n%s, %d replicas x %d epochs of %g s, simulated\n\n", row->ask.name, o->replicas, o->epochs, o->epoch_s);
    printf("  wall         %s (%.1f s); without any waiting %.1f s\n", wall, r->wall_s, o->epochs * o->epoch_s);
    printf("  utilisation  %.2f %% of %.5g replica hours, which went into\n", 100 * r->utilisation, total_of(r) / 3600);
    print_spent(r);
    printf("  epochs       %ld of %ld, in %lu pieces judged\n", r->epochs, (long)o->replicas * o->epochs, r->verdicts);
    printf("  best         %.5g\n", r->best);
    if (!isnan(o->target))
        printf("  target       %g: %s\n", o->target, target);
    print_messages(r);
    print_troubles(r);
    if (timing)
        printf("  coordinator  %.3g s of this processor, %.3g %% of one; %.3g us a message\n"
               "  simulated    in %.2f s, %.2f s of it on the processor\n",
               r->busy_s, 100 * load_of(r), 1e6 * r->busy_s / (double)(r->n_messages + 1), r->real_s, r->cpu_s);
}

/* ---- several ----------------------------------------------------------------------------------- */

static void title(ht_columns *c, const char *option, bool target, bool timing)
{
    static const char *const names[] = {"wall s", "utilisation", "reports", "mean", "state", "best", "messages/s"};
    ht_columns_add(c, "%s", option);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ht_columns_add(c, "%s", names[i]);
    if (target)
        ht_columns_add(c, "target at s");
    if (timing) {
        ht_columns_add(c, "coordinator");
        ht_columns_add(c, "us/message");
        ht_columns_add(c, "cpu s");
        ht_columns_add(c, "real s");
    }
    ht_columns_end(c);
}

void ht_sim_report_sweep(const char *option, size_t n, const ht_sim_row *rows, bool timing)
{
    ht_columns c = {0};
    bool target = n > 0 && !isnan(rows[0].ask.o.target);
    title(&c, option, target, timing);
    for (size_t i = 0; i < n; i++) {
        const ht_simulation_result *r = &rows[i].result;
        double all = total_of(r);
        ht_columns_add(&c, "%s", rows[i].setting);
        ht_columns_add(&c, "%.1f", r->wall_s);
        ht_columns_add(&c, "%.2f %%", 100 * r->utilisation);
        ht_columns_add(&c, "%.2f %%", 100 * r->spent[HT_SPENT_REPORTS] / all);
        ht_columns_add(&c, "%.2f %%", 100 * r->spent[HT_SPENT_MEAN] / all);
        ht_columns_add(&c, "%.2f %%", 100 * r->spent[HT_SPENT_STATE] / all);
        ht_columns_add(&c, "%.5g", r->best);
        ht_columns_add(&c, "%.4g", r->wall_s > 0 ? (double)r->n_messages / r->wall_s : 0);
        if (target)
            ht_columns_add_real(&c, r->target_s);
        if (timing) {
            ht_columns_add(&c, "%.3g %%", 100 * load_of(r));
            ht_columns_add(&c, "%.3g", 1e6 * r->busy_s / (double)(r->n_messages + 1));
            ht_columns_add(&c, "%.2f", r->cpu_s);
            ht_columns_add(&c, "%.2f", r->real_s);
        }
        ht_columns_end(&c);
    }
    ht_columns_print(&c, 0);
}

/* ---- JSON -------------------------------------------------------------------------------------- */

static cJSON *messages_json(const ht_simulation_result *r)
{
    cJSON *o = cJSON_CreateObject();
    for (int k = 1; k < HT_SIM_KINDS; k++)
        ht_json_put_int(o, ht_message_kind_text((ht_message_kind)k), (double)r->messages[k]);
    return o;
}

cJSON *ht_sim_report_json(const ht_sim_row *row, bool timing)
{
    const ht_simulation_options *a = &row->ask.o;
    const ht_simulation_result *r = &row->result;
    cJSON *o = cJSON_CreateObject(), *spent = cJSON_CreateObject(), *transfers = cJSON_CreateObject();
    for (int k = 0; k < HT_N_SPENT; k++)
        ht_json_put_real(spent, ht_spent_text((ht_spent)k), r->spent[k]);
    ht_json_put_int(transfers, "done", (double)r->transfers.done);
    ht_json_put_int(transfers, "failed", (double)r->transfers.failed);
    ht_json_put_real(transfers, "bytes", r->transfers.bytes);
    if (row->setting != NULL)
        ht_json_put_text(o, "setting", row->setting);
    ht_json_put_int(o, "replicas", a->replicas);
    ht_json_put_int(o, "epochs", a->epochs);
    ht_json_put_real(o, "epoch_s", a->epoch_s);
    ht_json_put_real(o, "wall_s", r->wall_s);
    ht_json_put_real(o, "utilisation", r->utilisation);
    ht_json_put(o, "spent_s", spent);
    ht_json_put_int(o, "epochs_trained", (double)r->epochs);
    ht_json_put_real(o, "best", r->best);
    ht_json_put_real(o, "target", a->target);
    ht_json_put_real(o, "target_s", r->target_s);
    ht_json_put(o, "messages", messages_json(r));
    ht_json_put_int(o, "message_bytes", (double)r->bytes);
    ht_json_put(o, "transfers", transfers);
    char digest[24];
    snprintf(digest, sizeof digest, "%016llx", (unsigned long long)r->digest);
    ht_json_put_text(o, "digest", digest);
    ht_json_put_int(o, "deaths", r->deaths);
    ht_json_put_int(o, "untuned", r->untuned);
    ht_json_put_int(o, "warnings", r->warnings);
    if (timing) {
        ht_json_put_real(o, "coordinator_s", r->busy_s);
        ht_json_put_real(o, "coordinator_load", load_of(r));
        ht_json_put_real(o, "cpu_s", r->cpu_s);
        ht_json_put_real(o, "real_s", r->real_s);
    }
    return o;
}
