/* Texts survive the way through a shell and through sbatch. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "cli/quote.h"

static const char *const nasty[] = {
    "",
    "plain",
    "a b",
    "it's",
    "\"quoted\"",
    "$HOME",
    "`date`",
    "back\\slash",
    "ends with \\",
    "#no comment",
    "a#b",
    "%j",
    "100%",
    "*",
    "~",
    "~/x",
    "a=b",
    "=b",
    "--set=a b",
    "-x",
    "{1,2}",
    "!!",
    "(",
    ";ls",
    "a\tb",
    "\xc3\xa4",
    "'\"'\"$x\\`",
    "  ",
    "a'b\"c$d`e\\f#g%h",
};
enum { N = sizeof nasty / sizeof *nasty };

static void a_shell_reads_every_text_as_one_word(void)
{
    for (size_t i = 0; i < N; i++) {
        ht_string line = {0};
        char read[256] = "";
        ht_string_add(&line, "printf '[%%s]' ");
        ht_quote_shell(&line, nasty[i]);
        FILE *f = popen(ht_string_peek(&line), "r");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        read[fread(read, 1, sizeof read - 1, f)] = '\0';
        CU_ASSERT_EQUAL(pclose(f), 0);
        ht_string expected = {0};
        ht_string_add(&expected, "[%s]", nasty[i]);
        CU_ASSERT_STRING_EQUAL(read, ht_string_peek(&expected));
        ht_string_release(&expected);
        ht_string_release(&line);
    }
}

/* The rules by which sbatch reads a value (get_argument in src/sbatch/opt.c of Slurm 22.05). */
static void read_as_sbatch(const char *at, char *to)
{
    char quote = '\0';
    for (; *at != '\0' && (quote != '\0' || (*at != ' ' && *at != '\t' && *at != '#')); at++)
        if (*at == '\\' && at[1] != '\0')
            *to++ = *++at;
        else if (quote != '\0' && *at == quote)
            quote = '\0';
        else if (quote == '\0' && (*at == '\'' || *at == '"'))
            quote = *at;
        else
            *to++ = *at;
    *to = '\0';
}

static void sbatch_reads_every_text_as_one_value(void)
{
    for (size_t i = 0; i < N; i++) {
        ht_string value = {0};
        char read[256];
        ht_quote_sbatch(&value, nasty[i]);
        ht_string_add(&value, "  # a comment");
        read_as_sbatch(ht_string_peek(&value), read);
        CU_ASSERT_STRING_EQUAL(read, nasty[i]);
        ht_string_release(&value);
    }
}

static void what_needs_no_quotes_has_none(void)
{
    char *words[] = {"run", "fashion", "--epochs", "60", "--x=1", "a b"};
    ht_string s = {0};
    ht_quote_shell_words(&s, 6, words);
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&s), "run fashion --epochs 60 --x=1 'a b'");
    ht_string_release(&s);
    ht_quote_sbatch(&s, "2:00:00");
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&s), "2:00:00");
    ht_string_release(&s);
}

static void a_percent_sign_in_a_folder_is_no_pattern(void)
{
    ht_string s = {0};
    ht_quote_sbatch_pattern(&s, "/a/50%j", "slurm-%j.out");
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&s), "/a/50%%j/slurm-%j.out");
    ht_string_release(&s);
}

CASES("quote", CASE(a_shell_reads_every_text_as_one_word), CASE(sbatch_reads_every_text_as_one_value),
      CASE(what_needs_no_quotes_has_none), CASE(a_percent_sign_in_a_folder_is_no_pattern))
