/* src/cli/args.c - the contract is in args.h.
 *
 * The long options of getopt_long get the values FIRST, FIRST + 1, .. in the order of the tables, which is
 * also their place in ht_args. May touch: argv, the state of getopt. */
#include <assert.h>
#include <getopt.h>
#include <string.h>

#include "base/text.h"
#include "cli/args.h"

enum { FIRST = 256 };

static void add_table(ht_args *a, const ht_option *table)
{
    for (; table != NULL && table->name != NULL; table++) {
        assert(a->n_options < HT_OPTIONS_MAX);
        a->options[a->n_options++] = table;
    }
}

/* getopt_long says only that something is unknown or ambiguous: the message is ours. */
static ht_status refuse_unknown(const ht_args *a, const char *word, ht_error *err)
{
    char name[HT_NAME_MAX];
    const char *names[HT_OPTIONS_MAX];
    bool fits = ht_name_copy(name, word + strspn(word, "-"));
    name[strcspn(name, "=")] = 0;
    for (size_t i = 0; i < a->n_options; i++)
        names[i] = a->options[i]->name;
    for (size_t i = 0; i < a->n_options; i++)
        if (fits && name[0] != 0 && strncmp(names[i], name, strlen(name)) == 0)
            return ht_fail(err, HT_EINVAL, "option '--%s' is ambiguous: it could be '--%s'; write it out",
                           name, names[i]);
    const char *near = fits ? ht_nearest(name, names, a->n_options) : NULL;
    if (near != NULL)
        return ht_fail(err, HT_EINVAL, "unknown option '%s'; nearest is '--%s'", word, near);
    return ht_fail(err, HT_EINVAL, "unknown option '%s'; --help lists the options", word);
}

static ht_status refuse(const ht_args *a, int answer, char **argv, ht_error *err)
{
    const ht_option *known = optopt >= FIRST ? a->options[optopt - FIRST] : NULL;
    if (known != NULL && answer == ':')
        return ht_fail(err, HT_EINVAL, "--%s: the value is missing; write --%s %s", known->name, known->name,
                       known->value);
    if (known != NULL)
        return ht_fail(err, HT_EINVAL, "--%s takes no value", known->name);
    if (optopt != 0) {
        const char word[] = {'-', (char)optopt, 0};
        return refuse_unknown(a, word, err);
    }
    return refuse_unknown(a, argv[optind - 1], err);
}

ht_status ht_args_parse(const ht_option *common, const ht_option *own, int argc, char **argv, ht_args *out,
                        ht_error *err)
{
    ht_args a = {0};
    struct option table[HT_OPTIONS_MAX + 1] = {{0}};
    add_table(&a, own);
    add_table(&a, common);
    for (size_t i = 0; i < a.n_options; i++)
        table[i] = (struct option){.name = a.options[i]->name,
                                   .has_arg = a.options[i]->value != NULL ? required_argument : no_argument,
                                   .val = FIRST + (int)i};
    opterr = 0;
    optind = 0;
    for (int answer; (answer = getopt_long(argc, argv, ":", table, NULL)) != -1;) {
        if (answer < FIRST)
            return refuse(&a, answer, argv, err);
        const ht_option *given = a.options[answer - FIRST];
        if (given->value != NULL && optarg[0] == 0)
            return ht_fail(err, HT_EINVAL, "--%s: the value is empty", given->name);
        a.values[answer - FIRST] = given->value != NULL ? optarg : "";
    }
    a.words = argv + optind;
    a.n_words = (size_t)(argc - optind);
    a.separated = optind > 1 && strcmp(argv[optind - 1], "--") == 0;
    *out = a;
    return HT_OK;
}

const char *ht_args_text(const ht_args *a, const char *name)
{
    for (size_t i = 0; i < a->n_options; i++)
        if (strcmp(a->options[i]->name, name) == 0)
            return a->values[i];
    assert(false && "the verb does not declare this option");
    return NULL;
}

bool ht_args_has(const ht_args *a, const char *name)
{
    return ht_args_text(a, name) != NULL;
}

ht_status ht_args_int(const ht_args *a, const char *name, long long lo, long long hi, long long *out,
                      ht_error *err)
{
    const char *text = ht_args_text(a, name);
    if (text == NULL)
        return HT_OK;
    double x = 0;
    bool is_int = false;
    if (!ht_parse_number(text, &x, &is_int) || !is_int || !(x >= (double)lo && x <= (double)hi))
        return ht_fail(err, HT_EINVAL, "--%s: '%s' is not a whole number in %lld .. %lld", name, text, lo,
                       hi);
    *out = (long long)x;
    return HT_OK;
}

ht_status ht_args_real(const ht_args *a, const char *name, double lo, double hi, double *out, ht_error *err)
{
    const char *text = ht_args_text(a, name);
    if (text == NULL)
        return HT_OK;
    double x = 0;
    if (!ht_parse_number(text, &x, NULL) || !(x >= lo && x <= hi))
        return ht_fail(err, HT_EINVAL, "--%s: '%s' is not a number in %g .. %g", name, text, lo, hi);
    *out = x;
    return HT_OK;
}
