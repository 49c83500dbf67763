/* src/cli/workloads.c - the verb `workloads`: what can be trained. May touch: stdout. */
#include <stdio.h>

#include "cli/cli.h"
#include "workload/workload.h"

int ht_verb_workloads(const ht_cli *cli, const ht_args *args)
{
    (void)args;
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; i < ht_workload_count(); i++) {
        const ht_workload_info *w = ht_workload_at(i);
        cJSON *row = cJSON_CreateObject();
        ht_json_put_text(row, "name", w->name);
        ht_json_put_text(row, "about", w->about);
        ht_json_put_int(row, "epochs", w->default_epochs);
        ht_json_put_int(row, "steps_per_epoch", w->steps_per_epoch);
        cJSON_AddItemToArray(list, row);
        if (!cli->json)
            printf("%-14s %s (%d epochs of %d steps)\n", w->name, w->about, w->default_epochs,
                   w->steps_per_epoch);
    }
    ht_cli_print_json(cli, list);
    return HT_EXIT_DONE;
}
