"""What `apply` costs a training loop in Python, per batch.   PYTHONPATH=bindings/python tests/bench/python_apply.py

Prints nanoseconds of processor time: the median of 15 blocks and the best one, less those of the same loop without
the call.
"""
import statistics
import sys
import tempfile
import time

import hottune

RECIPE = {"actuators": {"opt": {"mutations": {"lr_mult": {"bounds": [0.5, 2.0]}}}}}
CALLS, BLOCKS = 100_000, 15


def cost(body):
    """Seconds of a loop around `body(steps)`, by block."""
    blocks = []
    for block in range(BLOCKS):
        steps = range(block * CALLS, (block + 1) * CALLS)
        begin = time.thread_time()
        body(steps)
        blocks.append((time.thread_time() - begin) / CALLS * 1e9)
    return statistics.median(blocks), min(blocks)


def nothing(steps):
    for _ in steps:
        pass


def making(steps):
    """What a script for hotcb makes anew for each call."""
    for step in steps:
        _ = {"step": step, "epoch": 1, "loss": 1.0}, ["train_step_end"]


def core(mode):
    def body(steps):
        apply, batch = k.apply, hottune.TRAIN_BATCH_END
        for step in steps:
            apply(batch, step, loss=1.0)

    with tempfile.TemporaryDirectory() as d, hottune.open(d, recipe=RECIPE, comm=False, mode=mode) as k:
        k.knob("opt", "lr", 0.1, lo=1e-3, hi=1, log=True)
        k.running()
        return cost(body)


def script(mode):
    def body(steps):
        for step in steps:
            k.apply(env={"step": step, "epoch": 1, "loss": 1.0}, events=["train_step_end"])

    with tempfile.TemporaryDirectory() as d, \
            hottune.HotKernel(run_dir=d, comm=False, mode=mode, recipe_text="version: 1") as k:
        k.running
        return cost(body)


def loop(mode):
    """Both calls of a loop: running() and apply()."""
    def body(steps):
        for step in steps:
            k.running()
            k.apply(hottune.TRAIN_BATCH_END, step, loss=1.0)

    with tempfile.TemporaryDirectory() as d, hottune.open(d, recipe=RECIPE, comm=False, mode=mode) as k:
        return cost(body)


def main():
    empty, made = cost(nothing), cost(making)
    print(f"python {sys.version.split()[0]}, ns per batch        median   best")
    for what, (median, best), less in (("apply, mode off", core("off"), empty),
                                       ("apply, mode active", core("active"), empty),
                                       ("running + apply, mode off", loop("off"), empty),
                                       ("HotKernel.apply, mode off", script("off"), made),
                                       ("HotKernel.apply, mode active", script("active"), made)):
        print(f"{what:32} {median - less[0]:8.0f} {best - less[1]:6.0f}")


if __name__ == "__main__":
    main()
