/** @file src/cli/args.h
 *  Options of a verb as one table: reading them, and the messages when they are wrong.
 *
 *  Reading is getopt_long's: options and words in any order, --name value or --name=value, a name cut short
 *  where it stays unique, and -- before words that start with a dash. */
#ifndef HT_CLI_ARGS_H
#define HT_CLI_ARGS_H

#include "base/error.h"

/** One option; a table of them ends with a NULL name. */
typedef struct {
    const char *name;  /**< without dashes */
    const char *value; /**< what the help calls its value, "E"; NULL = a switch. Shells complete FILE, PATH, DIR,
                            WORKLOAD */
    const char *about; /**< one line */
    const char *choices; /**< the words to choose from, separated by blanks; NULL = others than that */
} ht_option;

enum { HT_OPTIONS_MAX = 32 }; /**< of one verb, with the common ones */

/** What was given. */
typedef struct {
    size_t n_options;
    const ht_option *options[HT_OPTIONS_MAX];
    const char *values[HT_OPTIONS_MAX]; /**< NULL = not given; "" for a switch; borrowed from argv */
    size_t n_words;
    char **words; /**< [n_words] what is no option, borrowed from argv; ends with NULL as argv does */
    bool separated; /**< a -- stands before the words: they are a command */
} ht_args;

/** Read argv[1] .. argv[argc - 1], which getopt_long reorders.
 *  @param common, own  tables
 *  @return HT_OK; HT_EINVAL: err says which option is wrong, why, and the nearest one */
ht_status ht_args_parse(const ht_option *common, const ht_option *own, int argc, char **argv, ht_args *out,
                        ht_error *err);

/** The value of an option; NULL if it was not given. `name` must be in the tables. */
const char *ht_args_text(const ht_args *a, const char *name);
bool ht_args_has(const ht_args *a, const char *name);

/** A number. *out is untouched when the option was not given.
 *  @return HT_OK; HT_EINVAL: no number, or outside lo..hi */
ht_status ht_args_int(const ht_args *a, const char *name, long long lo, long long hi, long long *out,
                      ht_error *err);
ht_status ht_args_real(const ht_args *a, const char *name, double lo, double hi, double *out, ht_error *err);

#endif
