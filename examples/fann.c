/* A training that another library does, tuned as a population: FANN learns to tell photographs of clothes.
 * FANN has its own network, weights and setters. hottune is given pointers to the weights and their momentum
 * (what is copied and averaged) and calls the setters (the knobs). Data: Fashion-MNIST, at 14 x 14 pixels.
 *     apt install libfann-dev dataset-fashion-mnist
 *     mpicc fann.c $(pkg-config --cflags --libs hottune) -lfloatfann -lz -lm -o fann
 *     mpirun -n 5 ./fann                 # one coordinator, four replicas; ./fann alone is one replica
 *     mpirun -n 5 ./fann EPOCHS PICTURES FOLDER    # 40, 10000, /usr/share/datasets/fashion-mnist
 * Killed, or asked to leave by SIGTERM or SIGUSR2, it goes on when it is started again in the same way. */
#include <floatfann.h>
#include <hottune/hottune.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE, INPUTS = PIXELS / 4, HIDDEN = 40, CLASSES = 10 };
enum { BATCH = 20, ALL = 60000, HELD = 2000 };      /* the last HELD of ALL are for the validation */
static const char recipe[] =
    "population: {mode: pooled}\nacceptance: {epsilon: 0}\n"
    "actuators:\n"
    "  opt:\n"
    "    mutations:\n"
    "      lr_mult: {bounds: [0.7, 1.2], range: [0.0005, 0.1]}\n"
    "      friction_mult: {bounds: [0.7, 1.4], range: [0.05, 1]}\n"
    "      weight_decay_mult: {bounds: [0.5, 2.0], range: [0.00001, 0.1]}\n";

typedef struct {
    int n;
    float (*in)[INPUTS], (*wanted)[CLASSES];
} pictures;

typedef struct {
    struct fann *net;
    pictures seen, validation, test;
    double weight_decay;                /* FANN has none: weights are shrunk here */
    unsigned long long noise;           /* which pictures come next; of the replica, no training state */
} training;

static volatile sig_atomic_t leaves;    /* asked to end soon */
static void ask(int number) { leaves = number; }

static double uniform(unsigned long long *s)        /* in [0, 1): SplitMix64 */
{
    unsigned long long z = *s += 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

/* Pictures skip .. skip + n - 1 of a pair of files (IDX: a header of 16 or 8 bytes, then bytes). */
static bool read_pictures(const char *folder, const char *set, int skip, int n, pictures *out)
{
    char name[2][512];
    unsigned char raw[PIXELS], label;
    snprintf(name[0], sizeof name[0], "%s/%s-images-idx3-ubyte.gz", folder, set);
    snprintf(name[1], sizeof name[1], "%s/%s-labels-idx1-ubyte.gz", folder, set);
    gzFile images = gzopen(name[0], "rb"), labels = gzopen(name[1], "rb");
    *out = (pictures){n, calloc((size_t)n, sizeof *out->in), calloc((size_t)n, sizeof *out->wanted)};
    bool fine = images != NULL && labels != NULL && out->in != NULL && out->wanted != NULL &&
                gzseek(images, 16 + (z_off_t)skip * PIXELS, SEEK_SET) >= 0 &&
                gzseek(labels, 8 + skip, SEEK_SET) >= 0;
    for (int i = 0; fine && i < n; i++) {
        fine = gzread(images, raw, PIXELS) == PIXELS && gzread(labels, &label, 1) == 1 && label < CLASSES;
        for (int p = 0; fine && p < PIXELS; p++)    /* the mean of four pixels */
            out->in[i][p / SIDE / 2 * (SIDE / 2) + p % SIDE / 2] += (float)raw[p] / 255 / 4;
        if (fine)
            out->wanted[i][label] = 1;
    }
    gzclose(images);
    gzclose(labels);
    if (!fine)
        fprintf(stderr, "fann: cannot read %d pictures from %s\n", skip + n, name[0]);
    return fine;
}

/* Sum of squared errors, mean over the pictures; the share of wrong answers. */
static double loss(training *t, const pictures *set, double *wrong)
{
    double sum = 0, errors = 0;
    for (int i = 0; i < set->n; i++) {
        const fann_type *out = fann_run(t->net, set->in[i]);
        int best = 0;
        for (int c = 0; c < CLASSES; c++) {
            sum += pow(out[c] - set->wanted[i][c], 2);
            if (out[c] > out[best])
                best = c;
        }
        errors += set->wanted[i][best] < 1;
    }
    *wrong = errors / set->n;
    return sum / set->n;
}

static void train_batch(training *t)    /* FANN changes the weights after each picture */
{
    for (int b = 0; b < BATCH; b++) {
        int i = (int)(t->seen.n * uniform(&t->noise));
        fann_train(t->net, t->seen.in[i], t->seen.wanted[i]);
    }
    float kept = (float)(1 - BATCH * (double)fann_get_learning_rate(t->net) * t->weight_decay);
    for (unsigned j = 0; j < fann_get_total_connections(t->net); j++)
        t->net->weights[j] *= kept;
}

static ht_status set_lr(void *ctx, const ht_value *value, const ht_env *env, ht_error *err)
{
    (void)env, (void)err;
    fann_set_learning_rate(((training *)ctx)->net, (float)value->scalar.number);
    return HT_OK;
}

static ht_status set_friction(void *ctx, const ht_value *value, const ht_env *env, ht_error *err)
{
    (void)env, (void)err;
    fann_set_learning_momentum(((training *)ctx)->net, (float)(1 - value->scalar.number));
    return HT_OK;
}

static ht_status init(void *ctx, unsigned long long seed)   /* begin anew: one seed, one result */
{
    training *t = ctx;
    for (unsigned j = 0; j < fann_get_total_connections(t->net); j++) {
        t->net->weights[j] = (float)(.2 * uniform(&seed) - .1);
        t->net->prev_weights_deltas[j] = 0;
    }
    return HT_OK;
}

static ht_status validate(void *ctx, double *objective)     /* with the averaged weights in place */
{
    training *t = ctx;
    double wrong;
    *objective = loss(t, &t->validation, &wrong);
    return HT_OK;
}

static bool make(training *t, const char *folder, int n)
{
    t->net = fann_create_standard(3, (unsigned)INPUTS, (unsigned)HIDDEN, (unsigned)CLASSES);
    if (t->net == NULL || !read_pictures(folder, "train", 0, n, &t->seen) ||
        !read_pictures(folder, "train", ALL - HELD, HELD, &t->validation) ||
        !read_pictures(folder, "t10k", 0, 10000, &t->test))
        return false;
    fann_set_activation_function_hidden(t->net, FANN_SIGMOID_SYMMETRIC);
    fann_set_activation_function_output(t->net, FANN_SIGMOID);
    fann_set_train_error_function(t->net, FANN_ERRORFUNC_LINEAR);
    fann_set_training_algorithm(t->net, FANN_TRAIN_INCREMENTAL);
    fann_train(t->net, t->seen.in[0], t->seen.wanted[0]);   /* it makes room for the momentum only now */
    init(t, 1);
    return true;
}

static void release(training *t)
{
    if (t->net != NULL)
        fann_destroy(t->net);
    for (pictures *set[] = {&t->seen, &t->validation, &t->test}, **s = set; s < set + 3; s++)
        free((*s)->in), free((*s)->wanted);
}

/* What the population may change, and what it needs to copy, average, judge and resume this training. */
static bool describe(ht_kernel *k, training *t, long long *step)
{
    size_t n = fann_get_total_connections(t->net);
    const ht_state_buffer state[] = {       /* FANN has no call for this, but its struct is public */
        {.name = "weights", .data = t->net->weights, .count = n, .element = HT_FLOAT32, .is_weights = true},
        {.name = "deltas", .data = t->net->prev_weights_deltas, .count = n, .element = HT_FLOAT32}};
    const ht_state_buffer own[] = {{.name = "noise", .data = &t->noise, .count = 1, .element = HT_INT64},
                                   {.name = "step", .data = step, .count = 1, .element = HT_INT64}};
    const ht_knob_options lr = {.actuator = "opt", .name = "lr", .type = "log_float", .initial = ht_real(.01),
                                .bounded = true, .lo = 1e-5, .hi = 1, .set = set_lr, .ctx = t};
    const ht_knob_options friction = {      /* 1 - momentum: from .9 to .95 is as far as from .8 to .9 */
        .actuator = "opt", .name = "friction", .type = "log_float", .initial = ht_real(.5), .bounded = true,
        .lo = .01, .hi = 1, .set = set_friction, .ctx = t};
    return ht_knob(k, &lr) == HT_OK && ht_knob(k, &friction) == HT_OK &&
           ht_knob_double(k, "opt", "weight_decay", &t->weight_decay, HT_LOG, 1e-7, 1) == HT_OK &&
           ht_training_state(k, state, 2) == HT_OK && ht_replica_state(k, own, 2) == HT_OK &&
           ht_on_init(k, init, t) == HT_OK && ht_on_validate(k, validate, t) == HT_OK;
}

static int run(ht_kernel *k, training *t, int per_epoch)
{
    long long step = 0;
    double wrong;
    t->weight_decay = 1e-4;
    t->noise = (unsigned long long)(ht_replica(k) + 2) << 32;
    fann_set_learning_rate(t->net, .01f);
    fann_set_learning_momentum(t->net, .5f);
    if (!describe(k, t, &step)) {
        fprintf(stderr, "hottune: %s\n", ht_message(k));
        return 1;
    }
    while (ht_running(k)) {             /* the first call puts everything back, if a run goes on */
        train_batch(t);
        ht_apply(k, &(ht_env){.step = ++step}, HT_TRAIN_BATCH_END);
        if (step % per_epoch == 0)      /* validates; network and knobs may be others when it returns */
            ht_apply(k, &(ht_env){.step = step, .epoch = (double)(step / per_epoch)}, HT_VAL_EPOCH_END);
    }
    if (ht_is_champion(k) && ht_show_best(k) == HT_OK) {
        double validated = loss(t, &t->validation, &wrong), tested = loss(t, &t->test, &wrong);
        printf("champion: replica %d, validation %.4f, test %.4f, %.1f %% of the test pictures wrong\n",
               ht_replica(k), validated, tested, 100 * wrong);
        fann_save(t->net, "runs/fann/best.net");
    }
    return ht_close(k) != HT_OK ? 1 : ht_has_left(k) ? 75 : 0;      /* 75: start me again */
}

int main(int argc, char **argv)
{
    training t = {0};
    ht_kernel *k = NULL;
    signal(SIGTERM, ask);
    signal(SIGUSR2, ask);
    MPI_Init(&argc, &argv);
    int epochs = argc > 1 ? atoi(argv[1]) : 40, n = argc > 2 ? atoi(argv[2]) : 10000, code = 1;
    if (epochs < 1 || n < BATCH || n > ALL - HELD)
        fprintf(stderr, "usage: fann [EPOCHS [PICTURES [FOLDER]]]\n");
    else if (make(&t, argc > 3 ? argv[3] : "/usr/share/datasets/fashion-mnist", n)) {
        if (ht_open(&(ht_options){.comm = MPI_COMM_WORLD, .run_dir = "runs/fann", .recipe_text = recipe,
                                  .seed = 1, .max_epochs = epochs, .resume = true, .leave = &leaves},
                    &k) == HT_OK)
            code = run(k, &t, n / BATCH);
        else
            fprintf(stderr, "hottune: %s\n", ht_message(k));
    }
    ht_free(k);
    release(&t);
    MPI_Finalize();
    return code;
}
