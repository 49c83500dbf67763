/* src/cli/report.c - results of `hottune run`; the contract is in report.h. May touch: stdout. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report.h"

/* ---- the end -------------------------------------------------------------------------------- */

ht_row ht_row_of(const ht_outcome *outcomes, int n, int replica, double wall_s)
{
    ht_row row = {.best = {NAN, NAN, NAN, NAN, 0, 0, 0}, .replica = replica, .wall_s = wall_s};
    for (int i = 0; i < n; i++) {
        row.train_s += outcomes[i].train_s / n;
        row.epochs += outcomes[i].epochs;
        if (replica < 0 && isfinite(outcomes[i].val) &&
            !(row.replica >= 0 && outcomes[i].val >= outcomes[row.replica].val))
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
    ht_json_put_real(o, "wall_s", r->wall_s);
    ht_json_put_real(o, "train_s_per_replica", r->train_s);
    return o;
}

static cJSON *report_to_json(const ht_report_data *d)
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
    ht_json_put_real(o, "wall_s", d->champion.wall_s);
    ht_json_put_real(o, "train_s_per_replica", d->champion.train_s);
    return o;
}

static void print_loss(double x, int width)
{
    char text[32] = "-";
    if (isfinite(x))
        snprintf(text, sizeof text, "%.4f", x);
    printf("  %*s", width, text);
}

static void print_share(double x, int width)
{
    char text[32] = "-";
    if (isfinite(x))
        snprintf(text, sizeof text, "%.2f %%", 100 * x);
    printf("  %*s", width, text);
}

static void print_row(const char *name, const ht_row *r)
{
    printf("  %-14s", name);
    print_loss(r->best.val, 15);
    print_loss(r->best.test, 9);
    print_share(r->best.val_error, 16);
    print_share(r->best.test_error, 10);
    if (r->replica >= 0)
        printf("  %7d  %5.0f\n", r->replica, r->best.epoch);
    else
        printf("  %7s  %5s\n", "-", "-");
}

static void print_report(const ht_report_data *d)
{
    printf("\n%s, seed %lld: the best state by validation, over replicas and epochs\n\n", d->workload,
           d->seed);
    printf("  %-14s  %15s  %9s  %16s  %10s  %7s  %5s\n", "", "validation loss", "test loss",
           "validation error", "test error", "replica", "epoch");
    if (d->compared)
        print_row("static default", &d->baseline);
    else
        printf("  %-14s  not run (--compare)\n", "static default");
    print_row("champion", &d->champion);
    printf("\n  cost       %d %s x %d %s: %.1f s wall, %.1f s of training per replica\n", d->replicas,
           d->replicas == 1 ? "replica" : "replicas", d->epochs, d->epochs == 1 ? "epoch" : "epochs",
           d->champion.wall_s, d->champion.train_s);
    if (d->compared)
        printf("             the static default cost the same epochs: %.1f s wall, %.1f s per replica\n",
               d->baseline.wall_s, d->baseline.train_s);
    printf("  mutations  %lu made, %lu accepted, %lu rejected", d->result.mutations, d->result.accepted,
           d->result.rejected);
    if (d->result.lost > 0)
        printf("; %d %s lost", d->result.lost, d->result.lost == 1 ? "replica was" : "replicas were");
    printf("\n             (a raw score counts the training's own progress, too:\n"
           "             many accepted mutations are no proof of a gain)\n");
    if (d->compared)
        printf("             (one seed: try others with --seed before you trust the difference)\n");
    printf("  files      %s", d->dir);
    if (d->study != NULL)
        printf(", study %s", d->study);
    putchar('\n');
}

void ht_report_print(const ht_cli *cli, const ht_report_data *d)
{
    if (cli->muted)
        return;
    if (cli->json)
        ht_cli_print_json(cli, report_to_json(d));
    else
        print_report(d);
}
