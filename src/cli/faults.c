/* src/cli/faults.c - failures that a user asks for; the contract is in faults.h. */
#include "cli/faults.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { WORD_MAX = 64 };

/* What the numbers of an option may be: from 1 on. */
typedef struct {
    const char *option;
    double most;
    bool whole;
} kind;

static ht_status read_number(const kind *k, const char *text, double *out, ht_error *err)
{
    bool is_int = false;
    if (ht_parse_number(text, out, &is_int) && *out >= 1 && *out <= k->most && (is_int || !k->whole))
        return HT_OK;
    return ht_fail(err, HT_EINVAL, "--%s: '%s' is not a %s in 1 .. %.0f", k->option, text,
                   k->whole ? "whole number" : "number", k->most);
}

/* One REPLICA:NUMBER. */
static ht_status read_word(const kind *k, char *word, int replicas, int *replica, double *number,
                           ht_error *err)
{
    char *text = strchr(word, ':');
    double r = 0;
    bool is_int = false;
    if (text == NULL)
        return ht_fail(err, HT_EINVAL, "--%s: '%s' is not REPLICA:NUMBER, such as 1:10", k->option, word);
    *text++ = 0;
    if (!ht_parse_number(word, &r, &is_int) || !is_int || !(r >= 0 && r < replicas))
        return ht_fail(err, HT_EINVAL, "--%s: '%s' is no replica; there are 0 .. %d", k->option, word,
                       replicas - 1);
    *replica = (int)r;
    return read_number(k, text, number, err);
}

/* What the list of an option says of `replica`; *out stays where it says nothing. */
static ht_status read_list(const ht_args *args, const kind *k, int replicas, int replica, double *out,
                           ht_error *err)
{
    const char *list = ht_args_text(args, k->option);
    while (list != NULL && *list != 0) {
        char word[WORD_MAX];
        int whose = -1;
        double number = 0;
        size_t n = strcspn(list, ",");
        if (n >= sizeof word)
            return ht_fail(err, HT_EINVAL, "--%s: '%.40s' is not REPLICA:NUMBER, such as 1:10", k->option,
                           list);
        snprintf(word, sizeof word, "%.*s", (int)n, list);
        HT_TRY(read_word(k, word, replicas, &whose, &number, err));
        if (whose == replica)
            *out = number;
        list += n + (list[n] == ',');
    }
    return HT_OK;
}

ht_status ht_faults_read(const ht_args *args, int replicas, int replica, ht_workload_options *o,
                         ht_error *err)
{
    static const kind factor = {"slow", 1e4, false}, epoch = {"nan", 1e6, true};
    double slow = o->slow, nan_at = o->nan_at;
    HT_TRY(read_list(args, &factor, replicas, replica, &slow, err));
    HT_TRY(read_list(args, &epoch, replicas, replica, &nan_at, err));
    o->slow = slow;
    o->nan_at = (int)nan_at;
    return HT_OK;
}
