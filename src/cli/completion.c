/* src/cli/completion.c - what is common to the shells; the contract is in completion.h. May touch: stdout. */
#include <stdio.h>
#include <string.h>

#include "cli/completion.h"
#include "workload/workload.h"

ht_complete ht_complete_of(const char *name)
{
    static const struct {
        const char *part;
        ht_complete kind;
    } kinds[] = {
        {"WORKLOAD", HT_COMPLETE_WORKLOAD}, {"--", HT_COMPLETE_COMMAND}, {"=", HT_COMPLETE_NOTHING},
        {"FILE", HT_COMPLETE_FILE},  {"PATH", HT_COMPLETE_FILE},         {"SOURCE", HT_COMPLETE_FILE},
        {"OUT", HT_COMPLETE_FILE},   {"DIR", HT_COMPLETE_DIRECTORY},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strstr(name, kinds[i].part) != NULL)
            return kinds[i].kind;
    return HT_COMPLETE_NOTHING;
}

size_t ht_complete_family(const ht_verb *verb)
{
    size_t n = strcspn(verb->name, " ");
    if (verb->name[n] == 0)
        return 0;
    for (const ht_verb *v = ht_verbs; v != verb; v++)
        if (strncmp(v->name, verb->name, n + 1) == 0)
            return 0;
    return n;
}

void ht_complete_print_workloads(void)
{
    for (size_t i = 0; i < ht_workload_count(); i++)
        printf("%s%s", i > 0 ? " " : "", ht_workload_at(i)->name);
}
