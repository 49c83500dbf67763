/* tests/workload/test_network.c - the perceptron: losses by hand, gradients by finite differences.
 *
 * The finite differences are taken of a plain second implementation in double precision below, so that
 * they are exact to many digits and check the loss, too. */
#include "workload/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"

enum { ROWS = 8, UNITS_MAX = 32, WEIGHTS_MAX = 1024 };

/* ---- the second implementation --------------------------------------------------------------- */

static size_t plain_layer(const double *w, const double *x, size_t in, size_t out, bool hidden, double *y)
{
    for (size_t k = 0; k < out; k++) {
        y[k] = w[in * out + k];
        for (size_t i = 0; i < in; i++)
            y[k] += x[i] * w[i * out + k];
        y[k] = hidden ? fmax(0, y[k]) : y[k];
    }
    return (in + 1) * out;
}

static double plain_sample_loss(const ht_network_shape *shape, const double *w, const ht_samples *s,
                                size_t row, const ht_objective *o)
{
    double a[2][UNITS_MAX], loss = 0, sum = 0;
    size_t in = shape->inputs;
    for (size_t i = 0; i < shape->inputs; i++) {
        if (shape->symbols == 0)
            a[0][i] = (double)s->x[row * shape->inputs + i];
        for (size_t k = 0; k < shape->width; k++)
            a[0][i * shape->width + k] = w[s->symbol[row * shape->inputs + i] * shape->width + k];
    }
    if (shape->symbols > 0)
        in = shape->inputs * shape->width;
    w += shape->symbols * shape->width;
    for (size_t l = 0; l <= shape->n_hidden; l++) {
        size_t out = l < shape->n_hidden ? shape->hidden[l] : shape->classes + shape->targets;
        w += plain_layer(w, a[l % 2], in, out, l < shape->n_hidden, a[(l + 1) % 2]);
        in = out;
    }
    const double *y = a[(shape->n_hidden + 1) % 2];
    for (size_t k = 0; k < shape->classes; k++)
        sum += exp(y[k]);
    for (size_t k = 0; k < shape->classes; k++) {
        double share =
            o->label_smoothing / (double)shape->classes + (k == s->label[row] ? 1 - o->label_smoothing : 0);
        loss -= share * (y[k] - log(sum));
    }
    for (size_t k = 0; k < shape->targets; k++)
        loss += o->aux / (double)shape->targets
              * pow(y[shape->classes + k] - (double)s->target[row * shape->targets + k], 2);
    return loss;
}

static double plain_loss(const ht_network_shape *shape, const double *w, const ht_samples *s,
                         const ht_objective *o)
{
    double loss = 0;
    for (size_t i = 0; i < ROWS; i++)
        loss += o->scale * plain_sample_loss(shape, w, s, i, o);
    return loss;
}

/* ---- a situation ----------------------------------------------------------------------------- */

typedef struct {
    ht_samples samples;
    ht_network *network;
    size_t n;                       /* weights */
    float w[WEIGHTS_MAX], gradient[WEIGHTS_MAX];
} scene;

static void set_up(scene *s, const ht_network_shape *shape)
{
    ht_random random = ht_random_stream(1, HT_RANDOM_TEST, 0, 0);
    ht_sample_shape sample = {
        .inputs = shape->inputs, .symbols = shape->symbols > 0, .targets = shape->targets};
    CU_ASSERT_EQUAL_FATAL(ht_samples_init(&s->samples, ROWS, sample, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_network_create(shape, ROWS, &s->network, NULL), HT_OK);
    s->n = ht_network_weights(shape);
    CU_ASSERT_FATAL(s->n <= WEIGHTS_MAX);
    ht_network_init(shape, random, s->w);
    for (size_t i = 0; i < s->n; i++)
        s->w[i] += .1f * (float)ht_random_normal(&random);      /* biases, too */
    for (size_t i = 0; i < ROWS * shape->inputs; i++) {
        if (sample.symbols)
            s->samples.symbol[i] = (unsigned char)ht_random_below(&random, shape->symbols);
        else
            s->samples.x[i] = (float)ht_random_normal(&random);
    }
    for (size_t i = 0; i < ROWS; i++)
        s->samples.label[i] = (unsigned char)ht_random_below(&random, shape->classes);
    for (size_t i = 0; i < ROWS * shape->targets; i++)
        s->samples.target[i] = (float)ht_random_normal(&random);
}

static void tear_down(scene *s)
{
    ht_samples_release(&s->samples);
    ht_network_destroy(s->network);
}

static void expect_gradient(const ht_network_shape *shape, const ht_objective *o)
{
    scene s = {0};
    double w[WEIGHTS_MAX];
    set_up(&s, shape);
    for (size_t i = 0; i < s.n; i++)
        w[i] = (double)s.w[i];
    double loss = ht_network_gradient(s.network, s.w, &s.samples, ROWS, o, s.gradient);
    CU_ASSERT_DOUBLE_EQUAL(loss, plain_loss(shape, w, &s.samples, o), 1e-5);
    for (size_t i = 0; i < s.n; i++) {
        const double middle = w[i], step = 1e-5;
        w[i] = middle + step;
        double above = plain_loss(shape, w, &s.samples, o);
        w[i] = middle - step;
        double below = plain_loss(shape, w, &s.samples, o);
        w[i] = middle;
        CU_ASSERT_DOUBLE_EQUAL((double)s.gradient[i], (above - below) / (2 * step), 1e-5);
    }
    tear_down(&s);
}

static const ht_network_shape numbers = {
    .inputs = 5, .n_hidden = 2, .hidden = {7, 6}, .classes = 4, .targets = 3};
static const ht_network_shape letters = {.symbols = 9, .width = 3, .inputs = 4, .n_hidden = 1, .hidden = {7},
                                         .classes = 9};

/* ---- cases ----------------------------------------------------------------------------------- */

static void the_gradient_of_the_cross_entropy_is_right(void)
{
    expect_gradient(&numbers, &(ht_objective){.scale = 1. / ROWS});
}

static void the_gradient_of_label_smoothing_is_right(void)
{
    expect_gradient(&numbers, &(ht_objective){.scale = 1. / ROWS, .label_smoothing = .3});
}

static void the_gradient_of_the_auxiliary_targets_is_right(void)
{
    expect_gradient(&numbers, &(ht_objective){.scale = 1. / ROWS, .aux = 2.5});
}

static void the_gradient_of_an_embedding_is_right(void)
{
    expect_gradient(&letters, &(ht_objective){.scale = 1. / ROWS, .label_smoothing = .1});
}

static void a_network_without_hidden_layer_is_a_linear_classifier(void)
{
    const ht_network_shape linear = {.inputs = 5, .classes = 3};
    CU_ASSERT_EQUAL(ht_network_weights(&linear), 18);
    expect_gradient(&linear, &(ht_objective){.scale = 1. / ROWS});
}

/* Dropout is drawn inside, so the differences are taken of the float32 loss itself, along one direction. */
static void the_gradient_under_dropout_is_right(void)
{
    scene s = {0};
    set_up(&s, &numbers);
    ht_objective o = {.scale = 1. / ROWS, .dropout = .4, .aux = 1,
                      .random = ht_random_stream(2, HT_RANDOM_TEST, 0, 0)};
    static float moved[WEIGHTS_MAX], ignored[WEIGHTS_MAX];
    double slope = 0, loss[2];
    ht_network_gradient(s.network, s.w, &s.samples, ROWS, &o, s.gradient);
    for (size_t i = 0; i < s.n; i++)
        slope += (double)s.gradient[i] * (double)s.gradient[i];
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < s.n; i++)
            moved[i] = s.w[i] + (side == 0 ? -1e-3f : 1e-3f) * s.gradient[i];
        loss[side] = ht_network_gradient(s.network, moved, &s.samples, ROWS, &o, ignored);
    }
    CU_ASSERT_DOUBLE_EQUAL((loss[1] - loss[0]) / 2e-3, slope, .01 * slope);
    tear_down(&s);
}

static void dropout_drops_its_share_and_keeps_the_mean(void)
{
    /* one hidden layer of units that are all 1; their mean is the number to predict; the one class costs 0 */
    enum { UNITS = 1000, OUTPUTS = 2 };
    const ht_network_shape shape = {
        .inputs = 1, .n_hidden = 1, .hidden = {UNITS}, .classes = 1, .targets = 1};
    static float w[2 * UNITS + (UNITS + 1) * OUTPUTS], gradient[sizeof w / sizeof *w];
    ht_samples s = {0};
    ht_network *n = NULL;
    CU_ASSERT_EQUAL_FATAL(ht_samples_init(&s, 1, (ht_sample_shape){.inputs = 1, .targets = 1}, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_network_create(&shape, 1, &n, NULL), HT_OK);
    for (size_t i = 0; i < UNITS; i++) {
        w[UNITS + i] = 1;                               /* bias of the unit */
        w[2 * UNITS + OUTPUTS * i + 1] = 1.f / UNITS;   /* its way to the number */
    }
    ht_objective o = {
        .scale = 1, .aux = 1, .dropout = .25, .random = ht_random_stream(3, HT_RANDOM_TEST, 0, 0)};
    double mean = sqrt(ht_network_gradient(n, w, &s, 1, &o, gradient));     /* the target is 0 */
    CU_ASSERT_DOUBLE_EQUAL(mean, 1, .06);       /* 3 standard deviations of a sum of 1000 */
    double kept = mean * .75 * UNITS;
    CU_ASSERT_DOUBLE_EQUAL(kept, floor(kept + .5), 1e-2);
    o.dropout = 1;
    CU_ASSERT_EQUAL(ht_network_gradient(n, w, &s, 1, &o, gradient), 0);
    ht_network_destroy(n);
    ht_samples_release(&s);
}

static void parts_of_a_batch_sum_to_the_whole_whoever_takes_them(void)
{
    scene s = {0};
    set_up(&s, &numbers);
    ht_objective o = {.scale = 1. / ROWS, .dropout = .3, .label_smoothing = .1, .aux = 1,
                      .random = ht_random_stream(4, HT_RANDOM_TEST, 0, 0)};
    double whole = ht_network_gradient(s.network, s.w, &s.samples, ROWS, &o, s.gradient);
    static float sum[WEIGHTS_MAX], part[WEIGHTS_MAX];
    double parts = 0;
    memset(sum, 0, sizeof sum);
    for (o.row = 0; o.row < ROWS; o.row++) {
        ht_samples one = {0};
        CU_ASSERT_EQUAL_FATAL(ht_samples_init(&one, 1, s.samples.shape, NULL), HT_OK);
        ht_samples_put(&one, 0, &s.samples, o.row);
        parts += ht_network_gradient(s.network, s.w, &one, 1, &o, part);
        for (size_t i = 0; i < s.n; i++)
            sum[i] += part[i];
        ht_samples_release(&one);
    }
    CU_ASSERT_DOUBLE_EQUAL(parts, whole, 1e-6);
    for (size_t i = 0; i < s.n; i++)
        CU_ASSERT_DOUBLE_EQUAL((double)sum[i], (double)s.gradient[i], 1e-5);
    tear_down(&s);
}

static void no_samples_have_no_loss_and_no_gradient(void)
{
    scene s = {0};
    set_up(&s, &numbers);
    memset(s.gradient, 1, sizeof s.gradient);
    CU_ASSERT_EQUAL(
        ht_network_gradient(s.network, s.w, &s.samples, 0, &(ht_objective){.scale = 1}, s.gradient), 0);
    for (size_t i = 0; i < s.n; i++)
        CU_ASSERT_EQUAL(s.gradient[i], 0);
    tear_down(&s);
}

static void the_score_is_the_cross_entropy_and_the_wrong_answers(void)
{
    /* identity: logits are the inputs */
    const ht_network_shape shape = {.inputs = 2, .classes = 2};
    const float w[6] = {1, 0, 0, 1, 0, 0};
    const float x[6] = {0, 0, (float)1.0986122886681098, 0, 0, 0};  /* even, 3 : 1, even */
    ht_samples s = {0};
    ht_network *n = NULL;
    double ce, wrong;
    CU_ASSERT_EQUAL_FATAL(ht_samples_init(&s, 3, (ht_sample_shape){.inputs = 2}, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_network_create(&shape, 1, &n, NULL), HT_OK);   /* one row at a time */
    memcpy(s.x, x, sizeof x);
    s.label[1] = 1;
    ht_network_score(n, w, &s, 0, 2, &ce, &wrong);
    CU_ASSERT_DOUBLE_EQUAL(ce, log(2) + log(4), 1e-6);
    CU_ASSERT_EQUAL(wrong, 1);
    ht_network_score(n, w, &s, 1, 1, &ce, &wrong);
    CU_ASSERT_DOUBLE_EQUAL(ce, log(4), 1e-6);
    ht_network_destroy(n);
    ht_samples_release(&s);
}

static void a_network_that_answers_nan_is_wrong(void)
{
    scene s = {0};
    double ce, wrong;
    set_up(&s, &numbers);
    for (size_t i = 0; i < s.n; i++)
        s.w[i] = NAN;
    ht_network_score(s.network, s.w, &s.samples, 0, ROWS, &ce, &wrong);
    CU_ASSERT(isnan(ce));
    CU_ASSERT_EQUAL(wrong, ROWS);
    CU_ASSERT(isnan(
        ht_network_gradient(s.network, s.w, &s.samples, ROWS, &(ht_objective){.scale = 1}, s.gradient)));
    tear_down(&s);
}

static void fresh_weights_have_the_deviations_of_the_definition(void)
{
    const ht_network_shape shape = {.symbols = 100, .width = 40, .inputs = 2, .n_hidden = 1, .hidden = {60},
                                    .classes = 50};
    const struct {
        size_t n;
        double deviation;
    } parts[] = {{4000, .5}, {80 * 60, sqrt(2. / 80)}, {60, 0}, {60 * 50, sqrt(1. / 60)}, {50, 0}};
    static float w[4000 + 81 * 60 + 61 * 50];
    CU_ASSERT_EQUAL_FATAL(ht_network_weights(&shape), sizeof w / sizeof *w);
    ht_network_init(&shape, ht_random_stream(5, HT_RANDOM_TEST, 0, 0), w);
    const float *part = w;
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
        double squares = 0;
        for (size_t i = 0; i < parts[k].n; i++)
            squares += (double)part[i] * (double)part[i];
        CU_ASSERT_DOUBLE_EQUAL(sqrt(squares / (double)parts[k].n), parts[k].deviation,
                               .05 * parts[k].deviation);
        part += parts[k].n;
    }
}

CASES("network", CASE(the_gradient_of_the_cross_entropy_is_right),
      CASE(the_gradient_of_label_smoothing_is_right), CASE(the_gradient_of_the_auxiliary_targets_is_right),
      CASE(the_gradient_of_an_embedding_is_right),
      CASE(a_network_without_hidden_layer_is_a_linear_classifier), CASE(the_gradient_under_dropout_is_right),
      CASE(dropout_drops_its_share_and_keeps_the_mean),
      CASE(parts_of_a_batch_sum_to_the_whole_whoever_takes_them),
      CASE(no_samples_have_no_loss_and_no_gradient),
      CASE(the_score_is_the_cross_entropy_and_the_wrong_answers), CASE(a_network_that_answers_nan_is_wrong),
      CASE(fresh_weights_have_the_deviations_of_the_definition))
