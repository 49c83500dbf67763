/* A complete training program with hottune: logistic regression, one knob, one metric.
 *
 *     mpicc minimal.c $(pkg-config --cflags --libs hottune) -lm -o minimal
 *     mpirun -n 5 ./minimal          # one coordinator, four trainings;  ./minimal alone is one training
 */
#include <hottune/hottune.h>
#include <math.h>
#include <stdio.h>

enum { N = 512, D = 8, PER_EPOCH = 20, EPOCHS = 30 };
static const char recipe[] = "actuators: {opt: {mutations: {lr_mult: {bounds: [0.7, 1.4]}}}}\n";

static double w[D], x[2][N][D], y[2][N];        /* weights; training and validation data */

static double dot(const double *a)
{
    double s = 0;
    for (int j = 0; j < D; j++)
        s += w[j] * a[j];
    return s;
}

static void make_data(unsigned s)
{
    for (int i = 0; i < 2 * N; i++) {
        double sum = 0;
        for (int j = 0; j < D; j++, s = s * 1664525u + 1013904223u)
            sum += (x[i / N][i % N][j] = s / 4294967296.0 - .5) * (j - 3);
        y[i / N][i % N] = sum > 0;
    }
}

static double train_step(long long step, double lr)    /* one sample after the other */
{
    int i = (int)(step % N);
    double p = 1 / (1 + exp(-dot(x[0][i]))), error = p - y[0][i];
    for (int j = 0; j < D; j++)
        w[j] -= lr * error * x[0][i][j];
    return -log(y[0][i] > 0 ? p : 1 - p);
}

static double validate(void)
{
    double loss = 0;
    for (int i = 0; i < N; i++)
        loss += log1p(exp(y[1][i] > 0 ? -dot(x[1][i]) : dot(x[1][i])));
    return loss / N;
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    double lr = 0.05;
    ht_kernel *k;
    if (ht_open(&(ht_options){.comm = MPI_COMM_WORLD, .run_dir = "runs/minimal", .recipe_text = recipe,
                              .max_steps = EPOCHS * PER_EPOCH}, &k) != HT_OK) {
        fprintf(stderr, "hottune: %s\n", ht_message(k));
        ht_free(k);
        MPI_Finalize();
        return 1;
    }
    ht_knob_double(k, "opt", "lr", &lr, HT_LOG, 1e-4, 10);
    make_data(1);
    for (long long step = 1; ht_running(k); step++) {
        double loss = train_step(step, lr);
        ht_apply(k, &(ht_env){.step = step, .loss = loss}, HT_TRAIN_BATCH_END);
        if (step % PER_EPOCH == 0) {
            ht_metric(k, "val/loss", validate());
            ht_apply(k, &(ht_env){.step = step, .epoch = (double)(step / PER_EPOCH)}, HT_VAL_EPOCH_END);
        }
    }
    if (ht_is_replica(k))
        printf("replica %d: validation loss %.4f, learning rate 0.05 -> %.4f\n", ht_replica(k), validate(), lr);
    ht_free(k);
    MPI_Finalize();
    return 0;
}
