#!/usr/bin/env python3
"""What one slow replica of a pooled run takes from its improvement.

    tests/bench/slow.py [--hottune build/release/bin/hottune] [--task glyph] [--epochs 60] [--replicas 8]
                        [--seeds 7] [--slow 3:3] [--set population.sync=elastic]

Improvement: loss of the static default (the best of all replicas, at the same cost) less that of the pooled run.
For each seed: static default, pooled run, pooled run with a slow replica; prints them and the medians. An elastic run
follows the clock: on a busy machine one seed alone says nothing. Standard library only.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile


def run(args, seed, words):
    with tempfile.TemporaryDirectory() as folder:
        command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(args.replicas + 1), args.hottune, "--dir",
                   folder + "/run", "--json", "run", args.task, "--epochs", str(args.epochs), "--seed", str(seed)]
        command += ["--recipe-set", args.set] if args.set else []
        return json.loads(subprocess.run(command + words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         text=True).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hottune", default="build/release/bin/hottune")
    parser.add_argument("--task", default="glyph")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--replicas", type=int, default=8)
    parser.add_argument("--seeds", type=int, default=7)
    parser.add_argument("--slow", default="3:3")
    parser.add_argument("--set", default="population.sync=elastic")
    args = parser.parse_args()
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMP_NUM_THREADS="1")
    rows = []
    for seed in range(1, args.seeds + 1):
        even = run(args, seed, ["--compare"])
        slow = run(args, seed, ["--slow", args.slow])
        rows.append([even["baseline"]["val_loss"], even["result"]["val_loss"], slow["result"]["val_loss"]])
        print(f"seed {seed}: static {rows[-1][0]:.4f}, pooled {rows[-1][1]:.4f} in {even['wall_s']:.1f} s, with --slow "
              f"{args.slow} {rows[-1][2]:.4f} in {slow['wall_s']:.1f} s", flush=True)
    static, even, slow = (statistics.median(column) for column in zip(*rows))
    print(f"== {args.task}: medians static {static:.4f}, pooled {even:.4f}, with a slow replica {slow:.4f}: "
          f"{(slow - even) / (static - even):.1%} of the improvement are lost")


if __name__ == "__main__":
    main()
