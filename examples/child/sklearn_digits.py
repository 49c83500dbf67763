#!/usr/bin/env python3
"""A scikit-learn classifier that learns by partial_fit, tuned as a population: handwritten digits, three knobs.

mpirun -n 5 hottune run --epochs 30 --compare -- python3 examples/child/sklearn_digits.py      (Debian: python3-sklearn)
"""
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss

from hottune_child import serve

BATCH, CLASSES = 50, np.arange(10)


class Digits:
    def hello(self, replica, **_):
        self.draw = np.random.default_rng(replica)      # each replica draws its own batches
        x, y = load_digits(return_X_y=True)
        x, order = x / 16, np.random.default_rng(0).permutation(len(y))
        self.train_set, self.validation, self.test_set = ((x[part], y[part]) for part in np.split(order, [1000, 1400]))
        self.init(1)
        steps = len(self.train_set[1]) // BATCH
        return {"name": "digits", "epochs": 30, "steps_per_epoch": steps, "can": ["init", "validate", "test"],
                "knobs": {"opt.lr": {"value": 0.01, "lo": 1e-5, "hi": 10, "scale": "log"},
                          "reg.alpha": {"value": 1e-4, "lo": 1e-7, "hi": 1, "scale": "log"},
                          "reg.noise": {"value": 0.05, "lo": 0.001, "hi": 1, "scale": "log"}},
                "state": [{"name": "coef", "type": "float64", "count": self.model.coef_.size, "average": True, "weights": True},
                          {"name": "intercept", "type": "float64", "count": 10, "average": True, "weights": True},
                          {"name": "steps", "type": "float64", "count": 1}]}

    def init(self, seed):
        self.model = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.01)
        self.model.partial_fit(self.train_set[0][:1], self.train_set[1][:1], CLASSES)    # makes its arrays
        self.model.coef_[:] = np.random.default_rng(seed).normal(0, 0.1, self.model.coef_.shape)
        self.model.intercept_[:] = 0

    def train(self, epoch, knobs):
        x, y = self.train_set
        self.model.set_params(eta0=knobs["opt.lr"], alpha=knobs["reg.alpha"])
        for batch in np.array_split(self.draw.permutation(len(y)), len(y) // BATCH):
            noise = self.draw.normal(0, knobs["reg.noise"], x[batch].shape)
            self.model.partial_fit(x[batch] + noise, y[batch])
        return {"loss": self.loss(self.train_set), "metrics": {"val/error": 1 - self.model.score(*self.validation)}}

    def loss(self, data):
        return float(log_loss(data[1], self.model.predict_proba(data[0]), labels=CLASSES))

    def validate(self):
        return {"value": self.loss(self.validation)}

    def test(self):
        return {"value": self.loss(self.test_set)}

    def save(self, path):
        with open(path, "wb") as f:
            for part in (self.model.coef_, self.model.intercept_, np.array([self.model.t_])):
                part.astype(np.float64).tofile(f)

    def load(self, path):
        all_parts = np.fromfile(path, np.float64)
        self.model.coef_ = all_parts[:-11].reshape(10, -1).copy()
        self.model.intercept_ = all_parts[-11:-1].copy()
        self.model.t_ = float(all_parts[-1])


if __name__ == "__main__":
    serve(Digits())
