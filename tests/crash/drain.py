#!/usr/bin/env python3
"""A run that is told to end writes itself down, ends with exit code 75, and goes on later.

    tests/crash/drain.py [--hottune build/release/bin/hottune] [--shim build/release/tests/crash_shim.so] [--seed 1]
                         [--epochs 200] [--keep] [CASE ..]

Signals that schedulers send (SIGTERM, SIGUSR1, SIGUSR2), to all ranks, the launcher, or rank 0 alone.
After each the exit code is 75 (but the launcher's own after a SIGTERM to it), `hottune resume` ends with 0 and a result, and every line of the logs that stood there is
still there. Exit code 1 if anything was not so.
"""
import os
import random
import signal
import sys
import time

import harness
from same import DRAINED

REPLICAS = 2
WAYS = {"pooled": [], "barrier": ["--recipe-set", "population.sync=barrier"],
        "independent": ["--recipe", os.path.dirname(os.path.abspath(__file__)) + "/../cli/recipes/glyph.yaml"]}
SIGNALS = {"SIGTERM": signal.SIGTERM, "SIGUSR1": signal.SIGUSR1, "SIGUSR2": signal.SIGUSR2}
# Who gets the signal: ranks, or nobody but the launcher.
RECEIVERS = {"all ranks": range(REPLICAS + 1), "the launcher": (), "rank 0": (0,)}
# Open MPI's launcher gives its ranks a second after SIGTERM unless it is told otherwise. It sleeps as long when the
# first rank ended with another code than 0.
PATIENT = ["--mca", "odls_base_sigkill_timeout", "5"]


def cases():
    for name in SIGNALS:
        for receiver in RECEIVERS:
            for way in WAYS:
                yield f"{name} to {receiver}, {way}", (name, receiver, way)


def one_case(args, case, what, folder):
    name, receiver, way = what
    words = ["run", "glyph", "--epochs", str(args.epochs), "--seed", str(args.seed), *WAYS[way]]
    run = harness.Run(args, folder, words, REPLICAS + 1, options=() if RECEIVERS[receiver] else PATIENT)
    begun = run.wait_for_ranks() and run.wait_until(harness.has_lines(folder, "hotcb.metrics.jsonl", 4))
    time.sleep(random.Random(f"{args.seed} {case}").uniform(0, 0.5))
    if not begun or run.launcher.poll() is not None:
        return ["it ended before the signal"]
    run.signal(SIGNALS[name], *RECEIVERS[receiver])
    run.finish(60)
    own = receiver == "the launcher" and name == "SIGTERM"      # the launcher then ends with a code of its own
    found = [] if (run.code == DRAINED or own) and not run.hung and "written down" in run.errors else [
        f"exit code {run.code}{', did not end by itself' if run.hung else ''}: {run.errors[-1200:]}"]
    found += harness.faults_of(args, folder.run)
    before = harness.Snapshot(folder.run)
    run = harness.Run(args, folder, ["resume"], REPLICAS + 1).finish()
    if run.code != 0 or run.loss is None:
        found.append(f"resumed, it ends with {run.code}: {run.errors[-1200:]}")
    return found + before.compare(folder.run)[0] + harness.faults_of(args, folder.run)


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--epochs", type=int, default=1000)
    parser.add_argument("--list", action="store_true", help="name the cases")
    parser.add_argument("cases", nargs="*", metavar="CASE", help="words that a case must have")
    args = harness.prepare(parser.parse_args())
    chosen = [(case, what) for case, what in cases() if all(w in case for w in args.cases)]
    bad = 0
    for case, what in chosen:
        if args.list:
            print(case)
            continue
        with harness.Folder() as folder:
            found = one_case(args, case, what, folder)
            folder.keep = args.keep and bool(found)
        print(f"{case}: {'BAD' if found else 'good'}", flush=True)
        for line in found[:8]:
            print("    " + line, flush=True)
        bad += bool(found)
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
