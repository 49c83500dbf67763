/** @file src/cli/quote.h
 *  Texts as one word of a shell script, and as one value of a line `#SBATCH --option=value`.
 *
 *  Both keep any text as it is but for line feeds, which end a line of either: refuse them first. */
#ifndef HT_CLI_QUOTE_H
#define HT_CLI_QUOTE_H

#include "base/text.h"

/** Add `text` so that a POSIX shell reads exactly it as one word: bare if nothing in it is special, else
 *  'so', or "so" where it has a quote, a dollar sign, a backquote or a backslash. */
void ht_quote_shell(ht_string *to, const char *text);
/** Add n words with blanks between them. */
void ht_quote_shell_words(ht_string *to, size_t n, char *const *words);

/** Add `text` so that sbatch reads exactly it as the value of an option in a script: bare or "so". sbatch
 *  takes a backslash for an escape inside and outside of quotes, and an unquoted # for the begin of a
 *  comment. */
void ht_quote_sbatch(ht_string *to, const char *text);
/** The same for the name of a log: Slurm replaces %j and the like in it, %% is a percent sign. */
void ht_quote_sbatch_pattern(ht_string *to, const char *folder, const char *pattern);

#endif
