#!/usr/bin/env python3
"""The smallest whole child: a noisy descent into a bowl, with two knobs.

hottune run -- python3 examples/child/bowl.py        (or mpirun -n 5 hottune run -- python3 examples/child/bowl.py)
"""
import random
from array import array

from hottune_child import serve

PER_EPOCH, D = 4, 4


class Bowl:
    def hello(self, replica, **_):
        self.noise = random.Random(replica)
        self.w, self.momentum = array("d", [0] * D), array("d", [0] * D)
        return {"name": "bowl", "epochs": 20, "steps_per_epoch": PER_EPOCH, "can": ["init", "validate"],
                "knobs": {"opt.lr": {"value": 0.02, "lo": 1e-3, "hi": 2, "scale": "log"},
                          "opt.friction": {"value": 0.5, "lo": 0.05, "hi": 1, "scale": "log"}},
                "state": [{"name": "w", "type": "float64", "count": D, "average": True, "weights": True},
                          {"name": "momentum", "type": "float64", "count": D, "average": True}]}

    def init(self, seed):
        start = random.Random(seed)
        self.w, self.momentum = array("d", [start.uniform(-1, 1) for _ in range(D)]), array("d", [0] * D)

    def train(self, epoch, knobs):
        for _ in range(PER_EPOCH):
            for i in range(D):
                slope = (i + 1) * self.w[i] + self.noise.gauss(0, 0.3)
                self.momentum[i] = (1 - knobs["opt.friction"]) * self.momentum[i] + slope
                self.w[i] -= knobs["opt.lr"] * self.momentum[i]
        return {"loss": self.loss()}

    def loss(self):
        return sum((i + 1) * x * x for i, x in enumerate(self.w))

    def validate(self):
        return {"value": self.loss()}

    def save(self, path):
        with open(path, "wb") as f:
            self.w.tofile(f)
            self.momentum.tofile(f)

    def load(self, path):
        self.w, self.momentum = array("d"), array("d")
        with open(path, "rb") as f:
            self.w.fromfile(f, D)
            self.momentum.fromfile(f, D)


if __name__ == "__main__":
    serve(Bowl())
