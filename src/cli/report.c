/* src/cli/report.c - results of `hottune run`; the contract is in report.h. May touch: stdout. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report.h"
#include "store/page.h"
#include "store/run_dir.h"

/* ---- the end -------------------------------------------------------------------------------- */

static bool is_better(double a, double than, bool maximises)
{
    return maximises ? a > than : a < than;
}

ht_row ht_row_of(const ht_outcome *outcomes, int n, int replica, bool maximises, double wall_s)
{
    ht_row row = {.best = {NAN, NAN, NAN, NAN, 0, 0, 0, 0}, .replica = replica, .wall_s = wall_s};
    for (int i = 0; i < n; i++) {
        row.train_s += outcomes[i].train_s / n;
        row.epochs += outcomes[i].epochs;
        row.cpu_s += outcomes[i].cpu_s;
        if (replica < 0 && isfinite(outcomes[i].val) &&
            (row.replica < 0 || is_better(outcomes[i].val, outcomes[row.replica].val, maximises)))
            row.replica = i;
    }
    if (row.replica >= 0 && row.replica < n)
        row.best = outcomes[row.replica];
    return row;
}

static cJSON *row_to_json(const ht_row *r)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_real(o, "val_loss", r->best.val);
    ht_json_put_real(o, "test_loss", r->best.test);
    ht_json_put_real(o, "val_error", r->best.val_error);
    ht_json_put_real(o, "test_error", r->best.test_error);
    ht_json_put_int(o, "replica", r->replica);
    ht_json_put_int(o, "epoch", r->best.epoch);
    ht_json_put_real(o, "epochs_trained", r->epochs);
    ht_json_put_real(o, "training_cpu_s", r->cpu_s);
    ht_json_put_real(o, "wall_s", r->wall_s);
    ht_json_put_real(o, "train_s_per_replica", r->train_s);
    return o;
}

/* What the summary of a pooled run says of it; owned by the caller, NULL: the replicas were independent. */
static cJSON *population_of(const char *dir)
{
    char *path = ht_path_join(dir, HT_FILE_SUMMARY);
    cJSON *summary = NULL;
    if (path != NULL)
        ht_page_read(path, &summary, NULL);
    cJSON *population = cJSON_DetachItemFromObjectCaseSensitive(summary, "population");
    cJSON_Delete(summary);
    free(path);
    return population;
}

cJSON *ht_report_json(const ht_report_data *d)
{
    cJSON *o = cJSON_CreateObject();
    ht_json_put_text(o, "workload", d->workload);
    ht_json_put_int(o, "replicas", d->replicas);
    ht_json_put_int(o, "ranks_per_replica", d->ranks_per_replica);
    ht_json_put_int(o, "epochs", d->epochs);
    ht_json_put_int(o, "seed", (double)d->seed);
    ht_json_put_text(o, "dir", d->dir);
    ht_json_put_text(o, "study", d->study);
    ht_json_put(o, "result", row_to_json(&d->champion));
    if (d->compared)
        ht_json_put(o, "baseline", row_to_json(&d->baseline));
    ht_json_put_int(o, "mutations", (double)d->result.mutations);
    ht_json_put_int(o, "accepted", (double)d->result.accepted);
    ht_json_put_int(o, "rejected", (double)d->result.rejected);
    ht_json_put_int(o, "lost", d->result.lost);
    cJSON *population = population_of(d->dir);
    if (population != NULL)
        ht_json_put(o, "population", population);
    ht_json_put_real(o, "wall_s", d->champion.wall_s);
    ht_json_put_real(o, "train_s_per_replica", d->champion.train_s);
    return o;
}

static void print_loss(double x, int width)
{
    char text[32] = "-";
    if (isfinite(x))
        snprintf(text, sizeof text, "%.4f", x);
    ht_cli_print("  %*s", width, text);
}

static void print_share(double x, int width)
{
    char text[32] = "-";
    if (isfinite(x))
        snprintf(text, sizeof text, "%.2f %%", 100 * x);
    ht_cli_print("  %*s", width, text);
}

static void print_row(const char *name, const ht_row *r)
{
    ht_cli_print("  %-14s", name);
    print_loss(r->best.val, 15);
    print_loss(r->best.test, 9);
    print_share(r->best.val_error, 16);
    print_share(r->best.test_error, 10);
    if (r->replica >= 0)
        ht_cli_print("  %7d  %5.0f\n", r->replica, r->best.epoch);
    else
        ht_cli_print("  %7s  %5s\n", "-", "-");
}

static void print_part(const cJSON *gain, const char *name, const char *label)
{
    const cJSON *part = ht_json_member(gain, name);
    double value = ht_json_number(part, "gain", NAN), lo = ht_json_number(part, "lo", NAN),
           hi = ht_json_number(part, "hi", NAN);
    if (!isfinite(value) || value == 0)
        return;
    ht_cli_print("             %-10s %8.4f", label, value);
    if (hi > lo)
        ht_cli_print("   (95 %%: %.4f .. %.4f)", lo, hi);
    putchar('\n');
}

static void print_accepted(const cJSON *gain)
{
    const cJSON *mutants = ht_json_member(gain, "mutants"), *nulls = ht_json_member(gain, "nulls");
    double judged = ht_json_number(mutants, "judged", 0);
    if (!(judged > 0))
        return;
    ht_cli_print("             %.0f of %.0f mutants were better than the controls beside them",
           ht_json_number(mutants, "accepted", 0), judged);
    if (ht_json_number(nulls, "judged", 0) > 0)
        ht_cli_print(";\n             so were %.0f of %.0f controls, in which nothing was changed",
               ht_json_number(nulls, "accepted", 0), ht_json_number(nulls, "judged", 0));
    putchar('\n');
}

/* Where the gain of a pooled run comes from, by its controls and its lineage. */
static void print_population(const cJSON *population)
{
    const cJSON *gain = ht_json_member(population, "gain");
    ht_cli_print("  population %s, replicas busy %.0f %% of the time\n", ht_json_text(population, "policy"),
           100 * ht_json_number(population, "utilisation", 0));
    double start = ht_json_number(gain, "start", NAN), champion = ht_json_number(gain, "champion", NAN);
    if (cJSON_IsNumber(ht_json_member(gain, "segments")) && isfinite(start))
        ht_cli_print("  gain       validation %.4f -> %.4f:\n", start, champion);
    else if (cJSON_IsNumber(ht_json_member(gain, "segments")))  /* no race: the first segment had no reading before */
        ht_cli_print("  gain       validation after the first segment -> %.4f:\n", champion);
    print_part(gain, "race", "race");
    print_part(gain, "trend", "training");
    print_part(gain, "selection", "selection");
    print_part(gain, "mutation", "mutation");
    print_part(gain, "averaging", "averaging");
    print_part(gain, "last_epochs", "last steps");
    print_accepted(gain);
}

static void print_mutations(const ht_report_data *d)
{
    ht_cli_print("  mutations  %lu made, %lu accepted, %lu rejected\n"
           "             (a raw score counts the training's own progress, too:\n"
           "             many accepted mutations are no proof of a gain)\n",
           d->result.mutations, d->result.accepted, d->result.rejected);
}

static void print_report(const ht_report_data *d)
{
    ht_cli_print("\n%s, seed %lld: the best state by validation, over replicas and epochs\n\n", d->workload,
           d->seed);
    ht_cli_print("  %-14s  %15s  %9s  %16s  %10s  %7s  %5s\n", "", "validation loss", "test loss",
           "validation error", "test error", "replica", "epoch");
    if (d->compared)
        print_row("static default", &d->baseline);
    else
        ht_cli_print("  %-14s  not run (--compare)\n", "static default");
    print_row("champion", &d->champion);
    ht_cli_print("\n  cost       %d %s x %d %s: %.1f s wall, %.1f s of processor time in training\n", d->replicas,
           d->replicas == 1 ? "replica" : "replicas", d->epochs, d->epochs == 1 ? "epoch" : "epochs",
           d->champion.wall_s, d->champion.cpu_s);
    if (d->compared)
        ht_cli_print("             the static default cost the same epochs: %.1f s wall, %.1f s of processor time\n",
               d->baseline.wall_s, d->baseline.cpu_s);
    cJSON *population = population_of(d->dir);
    if (population != NULL)
        print_population(population);
    else
        print_mutations(d);
    cJSON_Delete(population);
    if (d->result.lost > 0)
        ht_cli_print("  lost       %d %s\n", d->result.lost, d->result.lost == 1 ? "replica" : "replicas");
    if (d->compared)
        ht_cli_print("             (one seed: try others with --seed before you trust the difference)\n");
    ht_cli_print("  files      %s", d->dir);
    if (d->study != NULL)
        ht_cli_print(", study %s", d->study);
    putchar('\n');
}

void ht_report_print(const ht_cli *cli, const ht_report_data *d)
{
    if (cli->muted)
        return;
    if (cli->json)
        ht_cli_print_json(cli, ht_report_json(d));
    else
        print_report(d);
}
