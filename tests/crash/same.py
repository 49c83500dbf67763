#!/usr/bin/env python3
"""A run with a barrier that is interrupted and resumed decides the same as one that is not.

    tests/crash/same.py [--hottune build/release/bin/hottune] [--shim build/release/tests/crash_shim.so] [--seed 1]
                        [--times 2] [--epochs 40] [--replicas 3] [--tasks glyph charlm] [--policies pooled pbt ..] [--keep]

For each training and policy: a run without interruption; then runs of the same seed that get SIGTERM, or SIGKILL, at a
random moment, and are resumed, which may be interrupted once more. At the end the logs of segments, mutations and of the
population are the same line by line, but for times; so are the loss and (with h5diff) the weights of the champion.
Exit code 1 if they are not.
"""
import os
import random
import shutil
import signal
import subprocess
import sys

import harness

POLICIES = ["pooled", "pbt", "halving", "static", "random"]
DRAINED = 75
EPOCHS = "hotcb.metrics.jsonl"
INTERRUPTIONS_MAX = 2


def words(args, task, policy):
    return ["run", task, "--epochs", str(args.epochs), "--seed", str(args.seed), "--checkpoint", "0.05",
            "--recipe-set", f"population.sync=barrier population.policy={policy}"]


def champion_differs(a, b):
    if shutil.which("h5diff") is None:
        return False
    return subprocess.run(["h5diff", a.run + "/champion.h5", b.run + "/champion.h5"], capture_output=True).returncode != 0


def interrupt(run, number, share, epochs):
    """When this share of the epochs that are missing is logged. @return whether it came in time"""
    there = len(harness.lines_of(f"{run.folder.run}/{EPOCHS}"))
    question = harness.has_lines(run.folder, EPOCHS, there + max(1, int(share * (epochs - there))))
    commit = run.folder.run + "/checkpoint/commit.json"     # before there is one, a run begins anew
    if not run.wait_for_ranks() or not run.wait_until(lambda: question() and os.path.exists(commit)):
        return False
    run.signal(number, *range(run.ranks))
    if number == signal.SIGKILL:
        run.signal(number)
    return True


def interrupted(args, task, policy, number, epochs, draw, folder):
    """A run, interrupted and resumed until it ends. @return how often, the last part, complaints"""
    verb, times, complaints = words(args, task, policy), 0, []
    while True:
        run = harness.Run(args, folder, verb, args.replicas + 1)
        if times < INTERRUPTIONS_MAX:
            struck = interrupt(run, number, draw.uniform(0, 0.9), epochs)
        run.finish()
        if run.hung:
            complaints.append("it did not end by itself")
        if run.code == 0:
            return times, run, complaints
        if times == INTERRUPTIONS_MAX or not struck or (number == signal.SIGTERM and run.code != DRAINED):
            complaints.append(f"after {times} interruptions it ends with {run.code}: {run.errors[-800:]}")
            return times, run, complaints
        verb, times = ["resume"], times + 1


def one_case(args, task, policy):
    """@return whether all was well"""
    with harness.Folder() as plain:
        base = harness.Run(args, plain, words(args, task, policy), args.replicas + 1).finish()
        epochs, wanted = len(harness.lines_of(f"{plain.run}/{EPOCHS}")), harness.decisions(plain.run)
        if base.code != 0:
            sys.exit(f"an undisturbed run of {task}, {policy} ends with {base.code}:\n{base.errors}")
        good = True
        for i in range(args.times):
            for number in (signal.SIGTERM, signal.SIGKILL):
                draw = random.Random(f"{args.seed} {task} {policy} {i} {number}")
                with harness.Folder() as folder:
                    times, run, found = interrupted(args, task, policy, number, epochs, draw, folder)
                    if not found:
                        found = differences(base, run, wanted, plain, folder)
                    folder.keep = args.keep and bool(found)
                print(f"{task}, {policy}, {signal.Signals(number).name} {i}: {'BAD' if found else 'good'}, interrupted {times} times, "
                      f"{sum(map(len, wanted.values()))} lines, loss {run.loss}", flush=True)
                for line in found:
                    print("    " + line, flush=True)
                good &= not found
        return good


def differences(base, run, wanted, plain, folder):
    found = []
    if run.loss != base.loss:
        found.append(f"the loss is {run.loss}, not {base.loss}")
    if why := harness.first_difference(wanted, harness.decisions(folder.run)):
        found.append(why)
    if os.path.exists(plain.run + "/champion.h5") and champion_differs(plain, folder):
        found.append("the champion has other weights")
    return found


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--times", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--tasks", nargs="*", default=["glyph", "charlm"])
    parser.add_argument("--policies", nargs="*", default=POLICIES)
    args = harness.prepare(parser.parse_args())
    results = [one_case(args, task, policy) for task in args.tasks for policy in args.policies]
    print(f"== {sum(results)} of {len(results)} trainings and policies are the same with interruptions as without")
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
