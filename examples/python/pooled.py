"""A complete program that is tuned as a population: a small network in plain numpy, trained on noisy spirals.

What it gives beside its knobs (state, init, validation) lets the population begin trainings anew, copy them
from replica to replica through memory, and average them: docs/population.md. The plan of a run is in its events.log.

    mpirun -n 5 python3 pooled.py   # one coordinator, four replicas;  python3 pooled.py alone is one replica
"""
import math
import os
import signal
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")      # a rank is one core; before numpy is loaded
import numpy as np

import hottune

HIDDEN, SAMPLES, BATCH, EPOCHS = 32, 256, 16, 40
RECIPE = {
    "population": {"mode": "pooled"},
    "acceptance": {"epsilon": 0},
    "actuators": {"opt": {"mutations": {"lr_mult": {"bounds": [0.7, 1.2], "range": [0.001, 3]},
                                        "wd_mult": {"bounds": [0.5, 2.0], "range": [1e-5, 0.1]}}}},
}


def make_data(seed):
    """Two spirals with noise: points [n, 2] and which spiral each is on, 0 or 1."""
    rng = np.random.default_rng(seed)
    side = rng.integers(0, 2, SAMPLES)
    along = 3 * np.sqrt(rng.random(SAMPLES))
    angle = 2 * along + math.pi * side
    points = np.stack([along * np.cos(angle), along * np.sin(angle)], axis=1)
    return points + 0.3 * rng.standard_normal(points.shape), side.astype(float)


class Network:
    """tanh layer, logistic output. All weights lie in one array, and so do their momenta."""

    def __init__(self):
        sizes = [(2, HIDDEN), (HIDDEN,), (HIDDEN, 1), (1,)]
        ends = np.cumsum([math.prod(s) for s in sizes])
        self.w, self.momentum, self.gradient = (np.zeros(ends[-1]) for _ in range(3))
        self.parts, self.slopes = ([a[end - math.prod(s):end].reshape(s) for s, end in zip(sizes, ends)]
                                   for a in (self.w, self.gradient))

    def init(self, seed):
        rng = np.random.default_rng(seed)
        for part, scale in zip(self.parts, (1, 0.5, HIDDEN ** -0.5, 0)):
            part[...] = scale * rng.standard_normal(part.shape)
        self.momentum[:] = 0

    def predict(self, x):
        a, b, c, d = self.parts
        hidden = np.tanh(x @ a + b)
        return hidden, 1 / (1 + np.exp(-np.clip((hidden @ c + d)[:, 0], -30, 30)))

    def loss(self, x, y):
        """Mean cross entropy."""
        p = self.predict(x)[1]
        return float(-np.mean(np.log(np.where(y > 0, p, 1 - p))))

    def train_step(self, x, y, lr, weight_decay):
        hidden, p = self.predict(x)
        error = (p - y)[:, None] / len(y)
        back = error @ self.parts[2].T * (1 - hidden ** 2)
        for slope, value in zip(self.slopes, (x.T @ back, back.sum(0), hidden.T @ error, error.sum(0))):
            slope[...] = value
        self.momentum *= 0.9
        self.momentum += self.gradient
        self.w -= lr * (self.momentum + weight_decay * self.w)
        return float(-np.mean(np.log(np.where(y > 0, p, 1 - p))))


def main(run_dir="runs/spirals"):
    train, validation, test = (make_data(seed) for seed in (1, 2, 3))
    net = Network()
    with hottune.open(run_dir, recipe=RECIPE, seed=1, max_epochs=EPOCHS, resume=True,
                      leave=(signal.SIGTERM,)) as k:
        lr = k.knob("opt", "lr", 0.02, lo=1e-4, hi=10, log=True)
        weight_decay = k.knob("opt", "weight_decay", 1e-3, lo=1e-6, hi=1, log=True)
        step = np.zeros(1, np.int64)        # an array, so that a run that is resumed finds it again
        k.training_state({"w": net.w}, weights=True)
        k.training_state({"momentum": net.momentum})
        k.replica_state({"step": step})
        k.on_init(net.init)
        k.on_validate(lambda: net.loss(*validation))
        while k.running():
            step += 1
            rng = np.random.default_rng([k.replica, step[0]])      # batches of its own for each replica
            batch = rng.integers(0, SAMPLES, BATCH)
            loss = net.train_step(train[0][batch], train[1][batch], lr.value, weight_decay.value)
            k.apply(hottune.TRAIN_BATCH_END, int(step[0]), loss=loss)
            if step[0] % (SAMPLES // BATCH) == 0:       # validates; the training may be another one then
                k.apply(hottune.VAL_EPOCH_END, int(step[0]), epoch=int(step[0]) * BATCH / SAMPLES)
        if k.is_champion and k.show_best():
            print(f"champion: replica {k.replica}, validation {net.loss(*validation):.4f}, "
                  f"test {net.loss(*test):.4f}")
    return 75 if k.has_left else 0      # 75: start me again


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
