/* src/cli/study.c - the verbs that make studies of studies: upgrade.
 *
 * May touch: stdout, stderr; the files that are named. */
#include <stdio.h>

#include "cli/cli.h"
#include "store/study.h"

int ht_verb_study_upgrade(const ht_cli *cli, const ht_args *args)
{
    for (size_t i = 0; i < args->n_words; i++) {
        ht_error err = {""};
        long long version = 0;
        ht_status st = ht_study_version(args->words[i], &version, &err);
        if (st != HT_OK)
            return ht_cli_fail_status(cli, st, &err);
        cJSON *object = cJSON_CreateObject();
        ht_json_put_text(object, "study", args->words[i]);
        ht_json_put_int(object, "from", (double)version);
        ht_json_put_int(object, "to", (double)version);
        ht_cli_print_json(cli, object);
        ht_cli_say(cli, "'%s' has format version %lld, the only one there is: nothing to do", args->words[i], version);
    }
    return HT_EXIT_DONE;
}
