/* src/workload/charlm.c - data of the task charlm: the next letter of an English word from the six before.
 *
 * The words of the dictionary in a random but fixed order, cut into samples; docs/workloads.md has the
 * definition. May touch: the heap, the word list. Not: MPI, clock. */
#include "workload/dataset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workload/splitmix.h"

enum { CONTEXT = 6, SHORTEST = 3, LONGEST = 16 };

/** Kept words, as symbols: a = 1 .. z = 26, then 0. */
typedef struct {
    size_t n, capacity;
    unsigned char (*symbols)[LONGEST + 1];
} word_list;

static bool is_plain_word(const char *line, size_t length)
{
    if (length < SHORTEST || length > LONGEST)
        return false;
    for (size_t i = 0; i < length; i++)
        if (line[i] < 'a' || line[i] > 'z')
            return false;
    return true;
}

static ht_status add_word(word_list *words, const char *line, size_t length, ht_error *err)
{
    if (words->n == words->capacity) {
        size_t capacity = words->capacity > 0 ? 2 * words->capacity : 8192;
        void *grown = realloc(words->symbols, capacity * sizeof *words->symbols);
        if (grown == NULL)
            return ht_fail(err, HT_ENOMEM, "no memory for %zu words", capacity);
        words->symbols = grown;
        words->capacity = capacity;
    }
    unsigned char *symbols = words->symbols[words->n++];
    memset(symbols, 0, sizeof *words->symbols);
    for (size_t i = 0; i < length; i++)
        symbols[i] = (unsigned char)(line[i] - 'a' + 1);
    return HT_OK;
}

static ht_status read_words(const char *path, word_list *words, ht_error *err)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    ht_status st = HT_OK;
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return ht_fail(err, HT_EIO, "cannot read '%s': %s", path, strerror(errno));
    while (st == HT_OK && (n = getline(&line, &size, f)) > 0) {
        size_t length = (size_t)n;
        if (line[length - 1] == '\n')
            length--;
        if (is_plain_word(line, length))
            st = add_word(words, line, length, err);
    }
    if (st == HT_OK && ferror(f))
        st = ht_fail(err, HT_EIO, "cannot read '%s': %s", path, strerror(errno));
    free(line);
    fclose(f);
    return st;
}

/** Cut words into samples from *next on until the split is full; the rest of its last word is dropped. */
static ht_status fill(ht_samples *s, const word_list *words, const uint32_t *order, size_t *next,
                      ht_error *err)
{
    for (size_t i = 0; i < s->n;) {
        if (*next == words->n)
            return ht_fail(err, HT_EFORMAT, "the word list has too few words: %zu of 3 to 16 plain letters",
                           words->n);
        const unsigned char *word = words->symbols[order[(*next)++]];
        unsigned char context[CONTEXT] = {0};
        for (size_t at = 0; i < s->n; at++) {
            memcpy(s->symbol + i * CONTEXT, context, CONTEXT);
            s->label[i++] = word[at];
            if (word[at] == 0)
                break;
            memmove(context, context + 1, CONTEXT - 1);
            context[CONTEXT - 1] = word[at];
        }
    }
    return HT_OK;
}

ht_status ht_charlm_load(const char *dir, ht_dataset *out, ht_error *err)
{
    const ht_sample_shape shape = {.inputs = CONTEXT, .symbols = true};
    char path[HT_DATA_PATH_MAX];
    HT_TRY(ht_dataset_path(dir, "/usr/share/dict", "wamerican", "words", path, err));
    word_list words = {0};
    uint32_t *order = NULL;
    size_t next = 0;
    ht_dataset d = {0};
    ht_status st = read_words(path, &words, err);
    if (st != HT_OK)
        goto done;
    order = malloc((words.n + 1) * sizeof *order);
    if (order == NULL) {
        st = ht_fail(err, HT_ENOMEM, "no memory for the order of %zu words", words.n);
        goto done;
    }
    ht_splitmix_permutation(&(ht_splitmix){12345}, words.n, order);
    const struct {
        ht_samples *split;
        size_t n;
    } splits[] = {{&d.train, 16000}, {&d.val, 4000}, {&d.test, 40000}};
    for (size_t i = 0; st == HT_OK && i < sizeof splits / sizeof *splits; i++) {
        st = ht_samples_init(splits[i].split, splits[i].n, shape, err);
        if (st == HT_OK)
            st = fill(splits[i].split, &words, order, &next, err);
    }
    if (st != HT_OK) {
        ht_fail_in(err, st, path);
        goto done;
    }
    *out = d;
    d = (ht_dataset){0};                /* the caller owns them now */
done:
    free(words.symbols);
    free(order);
    ht_dataset_release(&d);
    return st;
}
