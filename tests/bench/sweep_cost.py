#!/usr/bin/env python3
"""What early stopping costs and finds in a sweep whose program fails now and then.

    sweep_cost.py HOTTUNE [--task glyph] [--seeds 3] [--trials 64] [--epochs 27] [--ranks 5] [--faults 0.3]

The program is a built-in training. A third of the faulty trials crash after some epochs, a third hang after some
epochs (and run into --timeout), a third print garbage instead of their result; which trials fail is a function of
the trial's number and the same in all sweeps. For each seed the sweep runs unpruned and with ASHA. Printed: the
epochs that were spent, their share of what the unpruned sweep spent and of trials x epochs, the share that hottune
itself reports, and the best value. Not a test: it takes minutes.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

SPACE = """parameters:
  opt.lr: {type: float, low: 1.0e-4, high: 5.0e-2, log: true}
  opt.weight_decay: {type: float, low: 1.0e-4, high: 3.0, log: true}
  reg.dropout: {type: float, low: 0.01, high: 0.5, log: true}
"""

# Run by the sweep: trial, share of faults, epochs, then the command.
PROGRAM = r"""
import hashlib, json, os, subprocess, sys, time
trial, faults, epochs = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
h = hashlib.sha256(b"fault %d" % trial).digest()
luck, last, way = h[0] / 256, 1 + h[1] * epochs // 256, h[2] % 3
if luck >= faults:
    os.execvp(sys.argv[4], sys.argv[4:])
with subprocess.Popen(sys.argv[4:], stdout=subprocess.PIPE, text=True) as p:
    for line in p.stdout:
        if "step" not in line:
            continue
        print(line, end="", flush=True)
        if way < 2 and json.loads(line)["step"] >= last:
            p.kill()
            if way == 0:
                sys.exit(3)
            time.sleep(1000)
print("segmentation \x01\xff fault nan", flush=True)
print('{"value": "garbage"}', flush=True)
"""


def sweep(a, folder, seed, prune):
    name = f"{folder}/{prune or 'none'}-{seed}"
    command = [a.hottune, "sweep", "--space", f"{folder}/space.yaml", "--trials", str(a.trials), "--seed", str(seed),
               "--timeout", str(a.timeout), "--grace", "0.2", "--dir", name, "--json"]
    if prune:
        command += ["--prune", prune] + (["--reduction", str(a.reduction)] if prune == "asha" else [])
    command += ["--", sys.executable, f"{folder}/program.py", "{trial}", str(a.faults), str(a.epochs),
                a.hottune, "run", a.task, "--epochs", str(a.epochs), "--mode", "off", "--quiet", "--report-steps",
                "--dir", name + "/trials/{trial}", "--set",
                "opt.lr={opt.lr},opt.weight_decay={opt.weight_decay},reg.dropout={reg.dropout}"]
    mpirun = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(a.ranks)]
    # A trial is an MPI program of its own: it must not take itself for a rank of the sweep.
    done = subprocess.run(mpirun + command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"the sweep failed: {done.stderr}")
    o = json.loads(done.stdout)
    if o["complete"] + o["pruned"] + o["failed"] != a.trials:
        sys.exit(f"trials are missing: {o}")
    return o


def main():
    p = argparse.ArgumentParser()
    p.add_argument("hottune")
    p.add_argument("--task", default="glyph")
    p.add_argument("--seeds", type=int, default=3)
    p.add_argument("--trials", type=int, default=64)
    p.add_argument("--epochs", type=int, default=27)
    p.add_argument("--ranks", type=int, default=5)
    p.add_argument("--faults", type=float, default=0.3)
    p.add_argument("--reduction", type=int, default=3)
    p.add_argument("--timeout", type=float, default=30)
    a = p.parse_args()
    a.hottune = os.path.abspath(a.hottune)
    for seed in range(1, a.seeds + 1):
        with tempfile.TemporaryDirectory() as folder:
            open(f"{folder}/space.yaml", "w").write(SPACE)
            open(f"{folder}/program.py", "w").write(PROGRAM)
            full = sweep(a, folder, seed, None)
            for prune in ("", "asha"):
                o = sweep(a, folder, seed, prune) if prune else full
                spent = o["cost"]["spent_steps"]
                print(f"{a.task} seed {seed} {prune or 'unpruned':8}: {o['complete']} complete, {o['pruned']} pruned, "
                      f"{o['failed']} failed; {spent} epochs = {100 * spent / full['cost']['spent_steps']:.1f} % of the "
                      f"unpruned, {100 * spent / (a.trials * a.epochs):.1f} % of {a.trials} x {a.epochs}, hottune says "
                      f"{100 * o['cost']['share']:.1f} %; best {o['best']['value']:.4f}; {o['cost']['wall_s']:.0f} s",
                      flush=True)


main()
