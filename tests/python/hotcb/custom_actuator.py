"""An actuator of the script's own, as users of hotcb write one: the noise that is added to the inputs of a regression.

No framework: the gradient is written out, and what the optimizer would be is a dict of parameter groups.
"""
import random
import sys

from hotcb.actuators import mutable_state, optimizer_actuators
from hotcb.actuators.base import ApplyResult, BaseActuator, ValidationResult
from hotcb.kernel import HotKernel

EPOCHS, STEPS, DIM = 12, 16, 6


class Sgd:
    def __init__(self, lr):
        self.param_groups = [{"lr": lr}]


class NoiseActuator:
    """Factor on the noise of the inputs; what it was is kept to undo it."""

    name = "augment"

    def __init__(self, model):
        self.model = model

    def snapshot(self, env):
        return {"noise": self.model.noise}

    def validate(self, patch, env):
        errors = []
        if patch.get("op") != "noise_mult":
            errors.append("unknown_op")
        elif not 0 < self.model.noise * patch.get("value", 0) < 2:
            errors.append("out_of_bounds")
        return ValidationResult(valid=not errors, errors=errors)

    def apply(self, patch, env):
        self.model.noise *= float(patch["value"])
        env["log"](f"noise {self.model.noise:.4f} at step {env['step']}")
        return ApplyResult(success=True, detail={"noise": self.model.noise})

    def restore(self, snapshot, env):
        self.model.noise = snapshot["noise"]
        return ApplyResult(success=True)

    def describe_space(self):
        return {"actuator": self.name, "mutations": {"noise_mult": {"bounds": [0.5, 2.0]}}}


class Regression:
    def __init__(self):
        self.random = random.Random(3)
        self.truth = [self.random.gauss(0, 1) for _ in range(DIM)]
        self.w, self.noise = [0.0] * DIM, 0.5

    def sample(self):
        x = [self.random.gauss(0, 1) for _ in range(DIM)]
        return x, sum(a * b for a, b in zip(x, self.truth))

    def step(self, lr):
        x, y = self.sample()
        x = [a + self.random.gauss(0, self.noise) for a in x]
        error = sum(a * b for a, b in zip(x, self.w)) - y
        self.w = [b - lr * error * a for a, b in zip(x, self.w)]
        return error * error

    def validate(self):
        return sum((a - b) ** 2 for a, b in zip(self.w, self.truth)) / DIM


def main(run_dir, recipe):
    model, optimizer, logged = Regression(), Sgd(0.05), []
    actuator = NoiseActuator(model)
    assert isinstance(actuator, BaseActuator)
    kernel = HotKernel(run_dir=run_dir, tune_recipe_path=recipe, auto_disable_on_error=False,
                       mutable_state=mutable_state(optimizer_actuators(optimizer)))
    kernel.register_actuator("augment", actuator)
    step = 0
    for epoch in range(EPOCHS):
        for _ in range(STEPS):
            step += 1
            loss = model.step(optimizer.param_groups[0]["lr"])
            kernel.apply({"step": step, "epoch": epoch, "loss": loss, "log": logged.append}, ["train_batch_end"])
        read = {"val/loss": model.validate()}
        kernel.apply(env={"step": step, "epoch": epoch, "loss": loss, "metric": read.get, "log": logged.append,
                          "max_steps": EPOCHS * STEPS}, events=["val_epoch_end"])
    env = {"step": step, "epoch": EPOCHS, "metric": read.get, "log": logged.append}
    kernel.close(env)
    assert kernel.get_actuator("augment") is actuator and list(kernel.list_actuators()) == ["augment"]
    sys.stdout.write(f"done {read['val/loss']:.4f} noise {model.noise:.4f} changes {len(logged)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
