"""The training of twin.c in Python.   twin.py DIR independent|pooled RECIPE"""
import sys
from array import array

import hottune

PER_EPOCH, EPOCHS, D = 4, 12, 4
MASK = (1 << 64) - 1


class Uniform:
    """In [0, 1): SplitMix64."""

    def __init__(self, state):
        self.state = state

    def __call__(self):
        self.state = z = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return ((z ^ (z >> 31)) >> 11) / 9007199254740992.0


class Training:
    def __init__(self, k, pooled):
        self.w, self.momentum = array("d", [0.0] * D), array("d", [0.0] * D)
        self.init(5)
        self.noise = Uniform((k.replica + 2) << 32)
        self.lr = k.knob("opt", "lr", 0.02, lo=1e-3, hi=2, log=True)
        self.aux = k.knob("loss", "aux", 1.0, lo=0, hi=100)
        if pooled:
            k.training_state({"w": self.w}, weights=True)
            k.training_state({"momentum": self.momentum})
            k.on_init(self.init)
            k.on_validate(self.validate)

    def init(self, seed):
        draw = Uniform(seed)
        for i in range(D):
            self.w[i], self.momentum[i] = 2 * draw() - 1, 0

    def validate(self):
        objective = 0.0
        for i in range(D):
            objective = objective + (i + 1) * self.w[i] * self.w[i]
        return objective

    def step(self):
        loss, w, momentum, lr, aux = 0.0, self.w, self.momentum, self.lr.value, self.aux.value
        for i in range(D):
            steep = (i + 1) * w[i]
            slope = steep + 0.5 * (self.noise() - 0.5)
            loss = loss + steep * w[i]
            momentum[i] = 0.5 * momentum[i] + slope
            w[i] = w[i] - lr * (momentum[i] + 0.01 * aux * w[i])
        return loss


def main(run_dir, kind, recipe):
    pooled = kind == "pooled"
    with hottune.open(run_dir, recipe_text=recipe, seed=11, max_epochs=EPOCHS, max_steps=EPOCHS * PER_EPOCH) as k:
        if not k.is_replica:
            return
        t = Training(k, pooled)
        step = 0
        while k.running():
            step += 1
            k.apply(hottune.TRAIN_BATCH_END, step, loss=t.step())
            if step % PER_EPOCH == 0:
                if not pooled:
                    k.metric("val/loss", t.validate())
                k.apply(hottune.VAL_EPOCH_END, step, epoch=step // PER_EPOCH)


main(*sys.argv[1:4])
