// pooled.c in C++17: a training as a class, a kernel that closes itself. What is tuned and how: docs/population.md.
//     mpicxx -std=c++17 pooled.cpp $(pkg-config --cflags --libs hottune) -o pooled
//     mpirun -n 9 ./pooled           # one coordinator, eight replicas;  ./pooled alone is one replica
#ifndef OMPI_SKIP_MPICXX
#define OMPI_SKIP_MPICXX        // mpi.h without the C++ interface that MPI gave up in 2012
#endif
#include <hottune/hottune.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr std::size_t seen = 100, samples = 1000, inputs = 40, batch = 8;
constexpr long long per_epoch = 13;
constexpr int epochs = 30;
constexpr const char *recipe = R"(
population: {mode: pooled}
acceptance: {epsilon: 0}
actuators: {opt: {mutations: {lr_mult: {bounds: [0.7, 1.2], range: [0.001, 3]},
                              wd_mult: {bounds: [0.5, 2.0], range: [0.0001, 1]}}}}
)";

using vector = std::array<double, inputs>;

// A kernel for as long as this object: every failed call is an exception, the destructor ends the run.
class Kernel {
public:
    explicit Kernel(const ht_options &options)
    {
        ht_kernel *k = nullptr;
        ht_status status = ht_open(&options, &k);
        kernel_.reset(k);       // also after a failure: it has the message
        check(status);
    }
    ht_kernel *get() const { return kernel_.get(); }
    void check(ht_status status) const
    {
        if (status != HT_OK)
            throw std::runtime_error(std::string(ht_status_text(status)) + ": " + ht_message(get()));
    }

private:
    struct Free {
        void operator()(ht_kernel *k) const { ht_free(k); }
    };
    std::unique_ptr<ht_kernel, Free> kernel_;
};

// MPI likewise; made before the kernel, so it ends after it.
struct Mpi {
    Mpi(int *argc, char ***argv) { MPI_Init(argc, argv); }
    ~Mpi() { MPI_Finalize(); }
    Mpi(const Mpi &) = delete;
    Mpi &operator=(const Mpi &) = delete;
};

double uniform(std::uint64_t &s)        // in [0, 1): SplitMix64
{
    std::uint64_t z = s += 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return static_cast<double>((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

struct Sample {
    vector x;
    double y;
};

std::array<std::vector<Sample>, 3> make_data(std::uint64_t s)       // training (`seen` of them), validation, test
{
    std::array<std::vector<Sample>, 3> sets;
    for (auto &set : sets)
        for (std::size_t i = 0; i < samples; i++) {
            Sample a{};
            for (double &in : a.x)
                in = 2 * uniform(s) - 1;
            double sum = a.x[0] - a.x[1] + a.x[2] - a.x[3];         // the other inputs are useless
            a.y = uniform(s) < 1 / (1 + std::exp(-2 * sum)) ? 1 : 0;
            set.push_back(a);
        }
    return sets;
}

// The library holds pointers into this object: it stays where it is, and outlives the kernel.
class Training {
public:
    Training() = default;
    Training(const Training &) = delete;
    Training &operator=(const Training &) = delete;

    void join(const Kernel &k)
    {
        noise_ = static_cast<std::uint64_t>(ht_replica(k.get()) + 2) << 32;
        const ht_state_buffer state[] = {{"w", w_.data(), inputs, HT_FLOAT64, HT_AVERAGE, true},
                                         {"momentum", momentum_.data(), inputs, HT_FLOAT64, HT_AVERAGE, false}};
        const ht_state_buffer own[] = {{"noise", &noise_, 1, HT_INT64, HT_COPY, false},
                                       {"step", &step_, 1, HT_INT64, HT_COPY, false}};
        k.check(ht_knob_double(k.get(), "opt", "lr", &lr_, HT_LOG, 1e-4, 10));
        k.check(ht_knob_double(k.get(), "opt", "weight_decay", &weight_decay_, HT_LOG, 1e-5, 1));
        k.check(ht_training_state(k.get(), state, 2));
        k.check(ht_replica_state(k.get(), own, 2));
        k.check(ht_on_init(k.get(), init, this));
        k.check(ht_on_validate(k.get(), validate, this));
    }

    void run(const Kernel &k)
    {
        while (ht_running(k.get())) {       // the first call puts everything back, if a run goes on
            ht_env env{};
            env.loss = train_step();
            env.step = ++step_;
            k.check(ht_apply(k.get(), &env, HT_TRAIN_BATCH_END));
            if (step_ % per_epoch != 0)
                continue;
            env = {};
            env.step = step_;
            env.epoch = static_cast<double>(step_ / per_epoch);
            k.check(ht_apply(k.get(), &env, HT_VAL_EPOCH_END));     // validates; may bring another training
        }
    }

    double mean_loss(std::size_t set) const         // cross entropy
    {
        double sum = 0;
        for (const Sample &a : data_[set])
            sum -= std::log(a.y > 0 ? predict(a) : 1 - predict(a)) / samples;
        return sum;
    }

private:
    // C calls these two: a callback that can throw catches, and returns HT_EFAILED instead.
    static ht_status init(void *self, unsigned long long seed)
    {
        auto *t = static_cast<Training *>(self);
        std::uint64_t s = seed;
        for (double &w : t->w_)
            w = uniform(s) - .5;
        t->momentum_.fill(0);
        return HT_OK;
    }
    static ht_status validate(void *self, double *objective)
    {
        *objective = static_cast<Training *>(self)->mean_loss(1);
        return HT_OK;
    }

    double predict(const Sample &a) const
    {
        double sum = 0;
        for (std::size_t j = 0; j < inputs; j++)
            sum += w_[j] * a.x[j];
        return 1 / (1 + std::exp(-sum));
    }

    double train_step()
    {
        vector gradient{};
        double loss = 0;
        for (std::size_t b = 0; b < batch; b++) {
            const Sample &a = data_[0][static_cast<std::size_t>(seen * uniform(noise_))];
            double p = predict(a);
            loss -= std::log(a.y > 0 ? p : 1 - p) / batch;
            for (std::size_t j = 0; j < inputs; j++)
                gradient[j] += (p - a.y) * a.x[j] / batch;
        }
        for (std::size_t j = 0; j < inputs; j++) {
            momentum_[j] = .9 * momentum_[j] + gradient[j];
            w_[j] -= lr_ * (momentum_[j] + weight_decay_ * w_[j]);
        }
        return loss;
    }

    vector w_{}, momentum_{};                       // the training state
    double lr_ = .01, weight_decay_ = .001;         // the knobs
    std::uint64_t noise_ = 0;                       // batches of its own for each replica
    std::int64_t step_ = 0;
    std::array<std::vector<Sample>, 3> data_ = make_data(1);
};

int tune()
{
    ht_options options{};
    options.comm = MPI_COMM_WORLD;
    options.run_dir = "runs/pooled";
    options.recipe_text = recipe;
    options.seed = 1;
    options.max_epochs = epochs;
    options.resume = true;

    Training training;
    Kernel k(options);
    training.join(k);
    training.run(k);
    if (ht_is_champion(k.get()) && ht_show_best(k.get()) == HT_OK)
        std::cout << "champion: replica " << ht_replica(k.get()) << ", validation " << training.mean_loss(1) << ", test "
                  << training.mean_loss(2) << '\n';
    k.check(ht_close(k.get()));                     // a destructor could not say what was not written
    return ht_has_left(k.get()) ? 75 : 0;           // 75: start me again
}

} // namespace

int main(int argc, char **argv)
{
    Mpi mpi(&argc, &argv);
    try {
        return tune();
    } catch (const std::exception &e) {
        std::cerr << "hottune: " << e.what() << '\n';
        return 1;
    }
}
