/* src/cli/quote.c - words for shells and for sbatch; the contract is in quote.h. May touch: the heap. */
#include "cli/quote.h"

#include <string.h>

static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,+@%";

/* `=` is plain but where it could be an assignment in front of a command, or a path in zsh. */
static bool is_plain(const char *text)
{
    size_t n = strspn(text, plain);
    if (n == 0)
        return false;
    return text[n] == '\0' || (text[n] == '=' && text[0] == '-' && strspn(text + n, "=") == 1 &&
                               text[n + 1 + strspn(text + n + 1, plain)] == '\0');
}

static void add_between_doubles(ht_string *to, const char *text, const char *special)
{
    ht_string_add(to, "\"");
    for (; *text != '\0'; text++)
        ht_string_add(to, strchr(special, *text) != NULL ? "\\%c" : "%c", *text);
    ht_string_add(to, "\"");
}

void ht_quote_shell(ht_string *to, const char *text)
{
    if (is_plain(text))
        ht_string_add(to, "%s", text);
    else if (strpbrk(text, "'$`\\") == NULL)
        ht_string_add(to, "'%s'", text);
    else
        add_between_doubles(to, text, "\"$`\\");
}

void ht_quote_shell_words(ht_string *to, size_t n, char *const *words)
{
    for (size_t i = 0; i < n; i++) {
        ht_string_add(to, "%s", i > 0 ? " " : "");
        ht_quote_shell(to, words[i]);
    }
}

void ht_quote_sbatch(ht_string *to, const char *text)
{
    if (text[0] != '\0' && text[strspn(text, plain)] == '\0')
        ht_string_add(to, "%s", text);
    else
        add_between_doubles(to, text, "\"\\");
}

void ht_quote_sbatch_pattern(ht_string *to, const char *folder, const char *pattern)
{
    ht_string all = {0};
    for (; *folder != '\0'; folder++)
        ht_string_add(&all, *folder == '%' ? "%%%%" : "%c", *folder);
    ht_string_add(&all, "/%s", pattern);
    ht_quote_sbatch(to, ht_string_peek(&all));
    to->failed = to->failed || all.failed;
    ht_string_release(&all);
}
