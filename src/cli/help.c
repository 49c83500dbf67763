/* src/cli/help.c - help texts and the manual in Markdown, all from the table of verbs. May touch: stdout. */
#include <stdio.h>
#include <string.h>

#include <hottune/version.h>

#include "cli/cli.h"

const ht_exit_code ht_exit_codes[] = {
    {HT_EXIT_DONE, "done"},
    {HT_EXIT_FAILED, "error"},
    {HT_EXIT_USAGE, "wrong usage or input"},
    {HT_EXIT_AGAIN, "the run was asked to leave, and is to be resumed"},
    {0, NULL},
};

static void print_options(const ht_option *table)
{
    for (; table != NULL && table->name != NULL; table++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", table->name, table->value != NULL ? " " : "",
                 table->value != NULL ? table->value : "");
        printf("  %-23s %s\n", left, table->about);
    }
}

static void print_verb_line(const ht_verb *v)
{
    printf("  %-16s %s\n", v->name, v->about);
}

static void print_usage(const ht_verb *v)
{
    printf("hottune %s%s%s%s", v->name, v->words[0] != 0 ? " " : "", v->words,
           v->options != NULL ? " [options]" : "");
}

void ht_help_program(void)
{
    printf("hottune %s: tunes hyperparameters while a population of trainings runs\n\n"
           "usage: hottune [--dir DIR] [--json] [--quiet] VERB ...\n\nverbs:\n",
           HT_VERSION);
    for (const ht_verb *v = ht_verbs; v->name != NULL; v++)
        print_verb_line(v);
    printf("\noptions of every verb, before or after it:\n");
    print_options(ht_common_options);
    printf("\nThe word `tune` before a verb is accepted: hottune tune enable.\n"
           "hottune VERB --help tells more and gives an example.\n"
           "exit codes: 0 done, 1 error, 2 wrong usage or input, 75 to be resumed\n");
}

void ht_help_family(const char *word)
{
    size_t n = strlen(word);
    printf("usage: hottune %s VERB ...\n\nverbs:\n", word);
    for (const ht_verb *v = ht_verbs; v->name != NULL; v++)
        if (strncmp(v->name, word, n) == 0 && v->name[n] == ' ')
            print_verb_line(v);
}

void ht_help_verb(const ht_verb *v)
{
    printf("usage: ");
    print_usage(v);
    printf("\n\n%s.\n", v->about);
    if (v->details[0] != 0)
        printf("\n%s\n", v->details);
    if (v->options != NULL) {
        printf("\noptions:\n");
        print_options(v->options);
    }
    printf("\noptions of every verb:\n");
    print_options(ht_common_options);
    printf("\nexample:\n  %s\n", v->example);
}

static void print_options_markdown(const ht_option *table)
{
    printf("\n| option | meaning |\n|---|---|\n");
    for (; table->name != NULL; table++)
        printf("| `--%s%s%s` | %s |\n", table->name, table->value != NULL ? " " : "",
               table->value != NULL ? table->value : "", table->about);
}

void ht_help_markdown(void)
{
    printf("# hottune(1)\n\nThis page is what `hottune doc` prints.\n\n"
           "    hottune [--dir DIR] [--json] [--quiet] VERB ...\n\n"
           "Results go to stdout, refusals to stderr as `hottune: what: why; what to do`.\n"
           "The word `tune` before a verb is accepted: `hottune --dir D tune enable`.\n\n"
           "| exit code | meaning |\n|---|---|\n");
    for (const ht_exit_code *e = ht_exit_codes; e->meaning != NULL; e++)
        printf("| %d | %s |\n", e->code, e->meaning);
    printf("\nOptions of every verb, before or after it:\n");
    print_options_markdown(ht_common_options);
    for (const ht_verb *v = ht_verbs; v->name != NULL; v++) {
        printf("\n## %s\n\n    ", v->name);
        print_usage(v);
        printf("\n\n%s.\n", v->about);
        if (v->details[0] != 0)
            printf("\n%s\n", v->details);
        if (v->options != NULL)
            print_options_markdown(v->options);
        printf("\nExample:\n\n    %s\n", v->example);
    }
}
