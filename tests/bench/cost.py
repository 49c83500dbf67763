#!/usr/bin/env python3
"""What a pooled run costs beyond its training: CPU seconds of all ranks and wall clock, several times.

    tests/bench/cost.py [--hottune build/release/bin/hottune] [--task glyph] [--epochs 60] [--replicas 8]
                        [--repeats 5] [--cores 2] [--set WORDS]

In turns: `hottune run` under mpirun (user + system time of all ranks, without the launcher's own), and one process
that trains as many epochs with `--mode off`. Prints a line each and the medians: CPU of the run over CPU of the
training, wall * cores over the CPU that the run's own steps and validations took (means something on idle cores
only), utilisation as the run reports it. Linux. Standard library only.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import tempfile
import time


def run(command):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    text = subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return json.loads(text), wall, after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hottune", default="build/release/bin/hottune")
    parser.add_argument("--task", default="glyph")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--replicas", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--set", default="")
    args = parser.parse_args()
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMP_NUM_THREADS="1")
    cpus, walls, uses = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        mpirun = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(args.replicas + 1), args.hottune]
        words = ["--recipe-set", args.set] if args.set else []
        empty = run(mpirun + ["--dir", folder + "/e", "--json", "run", args.task, "--epochs", "1", "--mode", "off"])
        for i in range(args.repeats):
            o, _, user, system = run(mpirun + ["--dir", f"{folder}/p{i}", "--json", "run", args.task, "--epochs",
                                               str(args.epochs), "--seed", str(i + 1)] + words)
            epochs = round(o["result"]["epochs_trained"])
            one, _, alone, alone_system = run([args.hottune, "--dir", f"{folder}/s{i}", "--json", "run", args.task,
                                               "--epochs", str(epochs), "--mode", "off", "--seed", str(i + 1)])
            short = run([args.hottune, "--dir", f"{folder}/o{i}", "--json", "run", args.task, "--epochs", "1",
                         "--mode", "off"])
            training = alone + alone_system - short[2] - short[3]
            # starting, and loading data, are what the same job does with one epoch
            spent = user + system - empty[2] - empty[3] + args.replicas * training / epochs
            cpus.append(spent / training)
            walls.append(o["wall_s"] * args.cores / o["result"]["training_cpu_s"])
            summary = json.load(open(f"{folder}/p{i}/hotcb.tune.summary.json"))
            uses.append(summary.get("population", {}).get("utilisation") or float("nan"))
            print(f"{epochs} epochs: all ranks {user:.2f} s user, {system:.2f} s system, training alone {training:.2f} s; "
                  f"CPU {cpus[-1]:.3f}, wall * cores {walls[-1]:.3f}, utilisation {uses[-1]:.3f}", flush=True)
    print(f"== {args.task}, {args.replicas} replicas {args.set}: medians of {args.repeats}: CPU of the run / of the training "
          f"{statistics.median(cpus):.3f}, wall * cores / own training {statistics.median(walls):.3f}, "
          f"utilisation {statistics.median(uses):.3f}")


if __name__ == "__main__":
    main()
