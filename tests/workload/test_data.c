/* tests/workload/test_data.c - the data of the tasks are those of docs/workloads.md, to the bit.
 *
 * The numbers were printed by tests/workload/reference.py, which computes the data from the definition
 * and shares no code with us. Needs the Debian packages wamerican and dataset-fashion-mnist. */
#include "workload/dataset.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cases.h"
#include "workload/splitmix.h"

typedef struct {
    size_t n;
    uint64_t labels, symbols;       /* FNV-1a, 64 bit; symbols 0 = there are none */
    double sum, squares, first, last;   /* of the inputs */
    double target_sum, target_squares, target_first, target_last;
} expected;

static uint64_t fnv(const unsigned char *bytes, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ bytes[i]) * 0x100000001b3u;
    return h;
}

static void expect_numbers(const float *x, size_t n, double sum, double squares, double first, double last)
{
    double s = 0, s2 = 0;
    for (size_t i = 0; i < n; i++) {
        s += (double)x[i];
        s2 += (double)x[i] * (double)x[i];
    }
    CU_ASSERT_DOUBLE_EQUAL(s, sum, 1e-3);
    CU_ASSERT_DOUBLE_EQUAL(s2, squares, 1e-3);
    CU_ASSERT_DOUBLE_EQUAL((double)x[0], first, 1e-8);
    CU_ASSERT_DOUBLE_EQUAL((double)x[n - 1], last, 1e-8);
}

static void expect_samples(const ht_samples *s, const expected *e)
{
    CU_ASSERT_EQUAL_FATAL(s->n, e->n);
    CU_ASSERT_EQUAL(fnv(s->label, s->n), e->labels);
    if (e->symbols != 0) {
        CU_ASSERT_EQUAL(fnv(s->symbol, s->n * s->shape.inputs), e->symbols);
    } else {
        expect_numbers(s->x, s->n * s->shape.inputs, e->sum, e->squares, e->first, e->last);
    }
    if (s->shape.targets > 0)
        expect_numbers(s->target, s->n * s->shape.targets, e->target_sum, e->target_squares, e->target_first,
                       e->target_last);
}

static void expect_task(ht_status (*load)(const char *, ht_dataset *, ht_error *), const expected splits[3])
{
    ht_dataset d = {0};
    ht_error err = {""};
    ht_status st = load(NULL, &d, &err);
    if (st != HT_OK)
        fprintf(stderr, "\n%s\n", err.text);
    CU_ASSERT_EQUAL_FATAL(st, HT_OK);
    expect_samples(&d.train, &splits[0]);
    expect_samples(&d.val, &splits[1]);
    expect_samples(&d.test, &splits[2]);
    ht_dataset_release(&d);
}

static void the_generator_is_splitmix64(void)
{
    /* seed 1234567 as on rosettacode.org, "Pseudo-random numbers/Splitmix64" */
    static const uint64_t published[] = {6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
                                         4593380528125082431u, 16408922859458223821u};
    ht_splitmix s = {1234567};
    for (size_t i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(ht_splitmix_next(&s), published[i]);
}

static void a_permutation_holds_every_number_once(void)
{
    uint32_t order[100];
    bool seen[100] = {false};
    ht_splitmix_permutation(&(ht_splitmix){1}, 100, order);
    for (size_t i = 0; i < 100; i++)
        seen[order[i]] = true;
    for (size_t i = 0; i < 100; i++)
        CU_ASSERT(seen[i]);
}

static void charlm_is_as_defined(void)
{
    static const expected splits[3] = {
        {.n = 16000, .labels = 0x8096a486b9aaf1afu, .symbols = 0xfc699d0a3523c507u},
        {.n = 4000, .labels = 0xdc91b3c1aa47493eu, .symbols = 0x1b200b6b547a33c5u},
        {.n = 40000, .labels = 0x8be40b3a8fa35178u, .symbols = 0xa12f8f7af78f5534u},
    };
    expect_task(ht_charlm_load, splits);
}

static void glyph_is_as_defined(void)
{
    static const expected splits[3] = {
        {4000, 0x5e082878de382be2u, 0, 101456.800443, 501797.237380, -0.125821069, -1.27442539,
         -56.421042, 16133.304262, 0.232725009, -0.415909857},
        {1500, 0x50c083698fbb957au, 0, 39953.121279, 189140.293584, -0.943281293, 0.331547111,
         64.271624, 6099.125246, -1.85234952, 0.536117494},
        {10000, 0x076695b25e25e119u, 0, 257175.605695, 1258295.398303, 0.680455685, -1.08334529,
         207.245346, 39927.899373, -1.43888295, -0.095247224},
    };
    expect_task(ht_glyph_load, splits);
}

static void fashion_is_as_defined(void)
{
    static const expected splits[3] = {
        {8000, 0x631b638dc24ece4au, 0, 3417.687376, 6268240.369356, -0.810198307, -0.810198307},
        {2000, 0x9421a03e8d46ad47u, 0, -1329.694776, 1563620.864985, -0.810198307, -0.810198307},
        {10000, 0x25bdf8123f06fac3u, 0, 18862.186116, 7815374.553661, -0.810198307, -0.810198307},
    };
    expect_task(ht_fashion_load, splits);
}

static void fashion_small_is_as_defined(void)
{
    static const expected splits[3] = {
        {2000, 0xd0307b90490f6763u, 0, 1632.707487, 342419.717369, -0.810198307, -0.810198307},
        {2000, 0xfd4d0789f6bd4f14u, 0, -439.538797, 343415.449426, -0.810198307, -0.810198307},
        {10000, 0x25bdf8123f06fac3u, 0, 4715.548189, 1706891.601787, -0.810198307, -0.810198307},
    };
    expect_task(ht_fashion_small_load, splits);
}

static void expect_refusal(ht_status (*load)(const char *, ht_dataset *, ht_error *), const char *dir,
                           ht_status status, const char *says, const char *and_says)
{
    ht_dataset d = {0};
    ht_error err = {""};
    CU_ASSERT_EQUAL(load(dir, &d, &err), status);
    CU_ASSERT_PTR_NULL(d.train.label);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, says));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, and_says));
}

static void a_missing_file_is_named_with_its_package(void)
{
    expect_refusal(ht_charlm_load, "nowhere", HT_ENOTFOUND, "'nowhere/words'", "package wamerican");
    expect_refusal(ht_fashion_load, "nowhere", HT_ENOTFOUND, "'nowhere/train-images-idx3-ubyte.gz'",
                   "package dataset-fashion-mnist");
}

static void write_text(const char *name, const char *text)
{
    FILE *f = fopen(name, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs(text, f);
    fclose(f);
}

static void a_word_list_that_is_too_short_is_refused(void)
{
    write_text("words", "no\nOslo\ncan't\nletters\ndelta");
    expect_refusal(ht_charlm_load, ".", HT_EFORMAT, "./words: the word list has too few words: 2 of", "");
    write_text("words", "");
    expect_refusal(ht_charlm_load, ".", HT_EFORMAT, "too few words: 0 of", "");
    remove("words");
}

static void damaged_pictures_are_refused(void)
{
    write_text("train-images-idx3-ubyte.gz", "this is no picture, but it is long enough");
    expect_refusal(ht_fashion_small_load, ".", HT_EFORMAT, "train-images", "does not begin like an IDX file");
    remove("train-images-idx3-ubyte.gz");
}

static void a_label_that_is_no_class_is_refused(void)
{
    static const char images[] = "train-images-idx3-ubyte.gz", labels[] = "train-labels-idx1-ubyte.gz";
    static const unsigned char header[8] = {0, 0, 8, 1, 0, 0, 0xea, 0x60};      /* 60000 labels */
    CU_ASSERT_EQUAL(symlink("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz", images), 0);
    FILE *f = fopen(labels, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fwrite(header, 1, sizeof header, f);
    for (int i = 0; i < 60000; i++)
        fputc(i == 59999 ? 10 : 9, f);
    fclose(f);
    expect_refusal(ht_fashion_load, ".", HT_EFORMAT, "the label of picture 59999 of 'train' is 10", "");
    remove(images);
    remove(labels);
}

CASES("data", CASE(the_generator_is_splitmix64), CASE(a_permutation_holds_every_number_once),
      CASE(charlm_is_as_defined), CASE(glyph_is_as_defined), CASE(fashion_is_as_defined),
      CASE(fashion_small_is_as_defined), CASE(a_missing_file_is_named_with_its_package),
      CASE(a_word_list_that_is_too_short_is_refused), CASE(damaged_pictures_are_refused),
      CASE(a_label_that_is_no_class_is_refused))
