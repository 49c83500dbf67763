#!/usr/bin/env python3
"""Static default against the tuner in independent mode, at equal cost, over several seeds.

    tests/bench/independent.py [--hottune build/release/bin/hottune] [--replicas 8] [--seeds 1-8] [TASK:EPOCHS ..]

Runs `hottune run TASK --epochs E --seed S --compare --json` under mpirun once a seed and prints medians and
quartiles of the test loss of the best checkpoint by validation. A benchmark, not a test. Standard library only.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile


def run(hottune, task, epochs, replicas, seed):
    with tempfile.TemporaryDirectory() as folder:
        recipe = os.path.join(os.path.dirname(__file__), "..", "cli", "recipes", task + ".yaml")
        command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(replicas + 1), hottune, "run", task,
                   "--epochs", str(epochs), "--seed", str(seed), "--recipe", recipe, "--compare", "--json",
                   "--dir", folder + "/run"]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out)


def spread(values):
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.4f} ({low:.4f}..{high:.4f})"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hottune", default="build/release/bin/hottune")
    parser.add_argument("--replicas", type=int, default=8)
    parser.add_argument("--seeds", default="1-8")
    parser.add_argument("tasks", nargs="*", default=["charlm:60", "glyph:60", "fashion:40", "fashion-small:40"])
    args = parser.parse_args()
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    first, last = (int(s) for s in args.seeds.split("-"))
    print(f"| task | static default, test loss | tuned, test loss | tuned better | accepted |\n|---|---|---|---|---|")
    for task in args.tasks:
        name, epochs = task.split(":")
        runs = [run(args.hottune, name, int(epochs), args.replicas, seed) for seed in range(first, last + 1)]
        static = [r["baseline"]["test_loss"] for r in runs]
        tuned = [r["result"]["test_loss"] for r in runs]
        better = sum(t < s for s, t in zip(static, tuned))
        accepted = sum(r["accepted"] for r in runs) / sum(r["accepted"] + r["rejected"] for r in runs)
        print(f"| {name}, E={epochs} | {spread(static)} | {spread(tuned)} | {better} of {len(runs)} | {accepted:.0%} |",
              flush=True)


if __name__ == "__main__":
    main()
