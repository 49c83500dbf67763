/* src/cli/completion_bash.c - the script for bash; the contract is in completion.h.
 *
 * Three functions of the script are the tables; `script` walks the words up to the cursor and offers what
 * fits. It needs nothing but bash 4. May touch: stdout. */
#include <stdio.h>
#include <string.h>

#include "cli/completion.h"

static const char script[] =
    "_hottune_offer() {     # KIND CURRENT [PREFIX]\n"
    "    local how\n"
    "    case $1 in\n"
    "    'words '*) how=(-W \"${1#words }\") ;;\n"
    "    file) how=(-f) ;;\n"
    "    directory) how=(-d) ;;\n"
    "    command) how=(-c) ;;\n"
    "    *) return 0 ;;\n"
    "    esac\n"
    "    mapfile -t COMPREPLY < <(compgen -P \"${3-}\" \"${how[@]}\" -- \"$2\")\n"
    "    case $1 in\n"
    "    file | directory) compopt -o filenames 2>/dev/null || : ;;     # outside of a completion it fails\n"
    "    esac\n"
    "}\n\n"
    "_hottune() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} verb kind word at\n"
    "    verb=''\n"
    "    COMPREPLY=()\n"
    "    for ((at = 1; at < COMP_CWORD; at++)); do\n"
    "        word=${COMP_WORDS[at]}\n"
    "        if [[ $word == -- ]]; then\n"
    "            break\n"
    "        elif [[ $word == -* ]]; then\n"
    "            _hottune_value \"$verb $word\"\n"
    "            [[ $kind ]] || continue\n"
    "            ((++at))\n"
    "            if [[ ${COMP_WORDS[at]} == = ]]; then     # bash takes --name=value for three words\n"
    "                if ((at == COMP_CWORD)); then cur=; else ((++at)); fi\n"
    "            fi\n"
    "            if ((at >= COMP_CWORD)); then _hottune_offer \"$kind\" \"$cur\"; return; fi\n"
    "        elif [[ $verb || $word != tune ]]; then\n"
    "            case $verb in\n"
    "            %s) verb=${verb:+$verb }$word ;;\n"
    "            esac\n"
    "        fi\n"
    "    done\n"
    "    _hottune_words \"$verb\"\n"
    "    if ((at < COMP_CWORD)); then              # after --\n"
    "        if [[ $kind == command ]] && ((COMP_CWORD - at > 1)); then kind='file'; fi\n"
    "        _hottune_offer \"$kind\" \"$cur\"\n"
    "    elif [[ $cur == --*=* ]]; then\n"
    "        _hottune_value \"$verb ${cur%%%%=*}\"\n"
    "        _hottune_offer \"$kind\" \"${cur#*=}\" \"${cur%%%%=*}=\"\n"
    "    elif [[ $cur == -* ]]; then\n"
    "        _hottune_options \"$verb\"\n"
    "        _hottune_offer \"$kind\" \"$cur\"\n"
    "    elif [[ $kind == command ]]; then\n"
    "        _hottune_offer 'words --' \"$cur\"\n"
    "    else\n"
    "        _hottune_offer \"$kind\" \"$cur\"\n"
    "    fi\n"
    "}\n"
    "complete -F _hottune hottune\n";

static void print_kind(ht_complete kind)
{
    switch (kind) {
    case HT_COMPLETE_NOTHING: printf("kind='free'"); return;
    case HT_COMPLETE_FILE: printf("kind='file'"); return;
    case HT_COMPLETE_DIRECTORY: printf("kind='directory'"); return;
    case HT_COMPLETE_COMMAND: printf("kind='command'"); return;
    case HT_COMPLETE_WORKLOAD: break;
    }
    printf("kind='words ");
    ht_complete_print_workloads();
    printf("'");
}

/* `verb` opens the quotes: 'run. Those of every verb: *' */
static void print_values(const char *verb, const ht_option *table)
{
    for (; table != NULL && table->name != NULL; table++) {
        if (table->value == NULL)
            continue;
        printf("    %s --%s') ", verb, table->name);
        if (table->choices != NULL)
            printf("kind='words %s'", table->choices);
        else
            print_kind(ht_complete_of(table->value));
        printf(" ;;\n");
    }
}

static void print_option_names(const ht_option *table)
{
    for (; table != NULL && table->name != NULL; table++)
        printf(" --%s", table->name);
}

static void print_second_words(const char *family, size_t n)
{
    printf("    '%.*s') kind='words", (int)n, family);
    for (const ht_verb *v = ht_verbs; v->name != NULL; v++)
        if (strncmp(v->name, family, n) == 0 && v->name[n] == ' ')
            printf(" %s", v->name + n + 1);
    printf("' ;;\n");
}

static void print_words(void)
{
    printf("_hottune_words() {     # VERB: what its words are; of none, or of the first of two, the verbs\n"
           "    case $1 in\n    '') kind='words tune");
    for (const ht_verb *v = ht_verbs; v->name != NULL; v++) {
        size_t n = ht_complete_family(v);
        if (n > 0 || strchr(v->name, ' ') == NULL)
            printf(" %.*s", (int)(n > 0 ? n : strlen(v->name)), v->name);
    }
    printf("' ;;\n");
    for (const ht_verb *v = ht_verbs; v->name != NULL; v++) {
        size_t n = ht_complete_family(v);
        if (n > 0)
            print_second_words(v->name, n);
        printf("    '%s') ", v->name);
        print_kind(ht_complete_of(v->words));
        printf(" ;;\n");
    }
    printf("    *) kind='free' ;;\n    esac\n}\n\n");
}

void ht_completion_bash(void)
{
    char families[256] = "''";
    printf("# Completion of hottune in bash, made by: hottune doc --completion bash\n\n"
           "_hottune_value() {     # 'VERB --OPTION': what its value is; nothing for a switch\n"
           "    case $1 in\n");
    print_values("*'", ht_common_options);
    for (const ht_verb *v = ht_verbs; v->name != NULL; v++) {
        char quoted[64];
        size_t n = ht_complete_family(v), used = strlen(families);
        snprintf(quoted, sizeof quoted, "'%s", v->name);
        print_values(quoted, v->options);
        if (n > 0)
            snprintf(families + used, sizeof families - used, "|%.*s", (int)n, v->name);
    }
    printf("    *) kind= ;;\n    esac\n}\n\n");
    printf("_hottune_options() {     # VERB\n    kind='words");
    print_option_names(ht_common_options);
    printf("'\n    case $1 in\n");
    for (const ht_verb *v = ht_verbs; v->name != NULL; v++) {
        if (v->options == NULL)
            continue;
        printf("    '%s') kind+='", v->name);
        print_option_names(v->options);
        printf("' ;;\n");
    }
    printf("    esac\n}\n\n");
    print_words();
    printf(script, families);
}
