/* src/cli/completion_zsh.c - the script for zsh; the contract is in completion.h.
 *
 * A function for the first words, and one for each word that has second words; each hands what follows a verb
 * to _arguments. May touch: stdout. */
#include <stdio.h>
#include <string.h>

#include "cli/completion.h"

/* Inside '..' of zsh: a quote ends it, `special` means something to _arguments or _describe. */
static void print_text(const char *text, const char *special)
{
    for (; *text != 0; text++) {
        if (*text == '\'')
            printf("'\\''");
        else
            printf("%s%c", strchr(special, *text) != NULL ? "\\" : "", *text);
    }
}

static void print_action(ht_complete kind)
{
    switch (kind) {
    case HT_COMPLETE_FILE: printf("_files"); return;
    case HT_COMPLETE_DIRECTORY: printf("_files -/"); return;
    case HT_COMPLETE_WORKLOAD:
        printf("(");
        ht_complete_print_workloads();
        printf(")");
        return;
    case HT_COMPLETE_NOTHING:
    case HT_COMPLETE_COMMAND: printf(" "); return;
    }
}

static void print_options(const ht_option *table)
{
    for (; table != NULL && table->name != NULL; table++) {
        printf(" \\\n            '--%s%s[", table->name, table->value != NULL ? "=" : "");
        print_text(table->about, "[]\\");
        printf("]");
        if (table->value != NULL) {
            printf(":");
            print_text(table->value, ":\\");
            printf(":");
        }
        if (table->choices != NULL)
            printf("(%s)", table->choices);
        else if (table->value != NULL)
            print_action(ht_complete_of(table->value));
        printf("'");
    }
}

static void print_verb(const ht_verb *v, const char *word)
{
    ht_complete kind = ht_complete_of(v->words);
    printf("        %s)\n            _arguments -S $common", word);
    print_options(v->options);
    if (kind == HT_COMPLETE_COMMAND) {
        printf(" \\\n            '(-)1:command:_command_names -e' '*::argument:_normal'");
    } else if (v->max_words != 0) {
        printf(" \\\n            '%s:", v->max_words == 1 ? "1" : "*");
        print_text(v->words, ":\\");
        printf(":");
        print_action(kind);
        printf("'");
    }
    printf(" ;;\n");
}

static void print_described(const char *word, size_t n, const char *about)
{
    printf(" \\\n            '%.*s:", (int)n, word);
    print_text(about, "\\");
    printf("'");
}

/* One level of words: the first n bytes of `family` and a blank stand before them; n = 0: the first words. */
static void print_level(const char *family, size_t n)
{
    size_t skip = n > 0 ? n + 1 : 0;
    printf("_hottune%s%.*s() {\n"
           "    local curcontext=$curcontext state line ret=1\n"
           "    typeset -A opt_args\n"
           "    local -a common verbs\n"
           "    common=(",
           n > 0 ? "_" : "", (int)n, family);
    print_options(ht_common_options);
    printf(")\n    verbs=(");
    for (const ht_verb *v = ht_verbs; v->name != NULL; v++) {
        size_t other = ht_complete_family(v);
        if (strncmp(v->name, family, skip) != 0)
            continue;
        if (n == 0 && other > 0)
            print_described(v->name, other, "a word with verbs of its own");
        else if (n > 0 || strchr(v->name, ' ') == NULL)
            print_described(v->name + skip, strlen(v->name + skip), v->about);
    }
    printf(")\n    _arguments -C $common '1:verb:->verb' '*::argument:->rest' && ret=0\n"
           "    case $state in\n    verb) _describe verb verbs && ret=0 ;;\n    rest)\n"
           "        case $words[1] in\n");
    for (const ht_verb *v = ht_verbs; v->name != NULL; v++) {
        size_t other = ht_complete_family(v);
        if (strncmp(v->name, family, skip) != 0)
            continue;
        if (n == 0 && other > 0)
            printf("        %.*s) _hottune_%.*s ;;\n", (int)other, v->name, (int)other, v->name);
        else if (n > 0 || strchr(v->name, ' ') == NULL)
            print_verb(v, v->name + skip);
    }
    if (n == 0)
        printf("        tune) _hottune ;;\n");
    printf("        esac && ret=0 ;;\n    esac\n    return ret\n}\n\n");
}

void ht_completion_zsh(void)
{
    printf("#compdef hottune\n# Completion of hottune in zsh, made by: hottune doc --completion zsh\n\n");
    for (const ht_verb *v = ht_verbs; v->name != NULL; v++) {
        size_t n = ht_complete_family(v);
        char family[64];
        snprintf(family, sizeof family, "%.*s ", (int)n, v->name);
        if (n > 0)
            print_level(family, n);
    }
    print_level("", 0);
    printf("_hottune \"$@\"\n");
}
