#!/usr/bin/env python3
"""A run that needs more time than its jobs have finishes in several of them, by itself, and decides what it would have.

    tests/crash/limit.py [--hottune build/release/bin/hottune] [--shim build/release/tests/crash_shim.so] [--seed 1]
                         [--epochs 600] [--replicas 2] [--parts 5] [--tasks glyph ..] [--policies pooled ..] [--keep]

For each training and policy, with a barrier: a run without interruption; then the same with --time-limit, so short that it
takes about that many parts, each resumed until the run ends. Nobody sends a signal. Each part but the last ends with exit
code 75, there are three at least, each has made progress, and at the end logs, loss and champion are those of the
uninterrupted run. Exit code 1 if anything was not so.
"""
import json
import os
import subprocess
import sys
import time

import harness
from same import DRAINED, EPOCHS, differences, words

LEAVES_S = 3        # what a run whose checkpoints are quick keeps of its time
PARTS_MAX, TRIES = 30, 3


def started_s(run):
    """Seconds from the start to the first epoch."""
    wait = run.wait_until(harness.has_lines(run.folder, EPOCHS))
    return (time.monotonic() - run.begun) if wait else 0


def checkpoint_of(args, folder):
    """@return (number, seconds between it and the end that the job had been told), or None"""
    status = subprocess.run([args.hottune, "--dir", folder.run, "--json", "status"], capture_output=True, text=True)
    try:
        found = json.loads(status.stdout)
        point = found["process"]["checkpoint"]
        return point["number"], found["summary"]["start"]["ends"] - point["wall_time"]
    except (ValueError, KeyError, TypeError):
        return None


def in_parts(args, task, policy, limit, folder):
    """@return how many parts, the last one, complaints"""
    verb, parts, before = words(args, task, policy), 0, 0
    while True:
        run = harness.Run(args, folder, [*verb, "--time-limit", f"{limit:.2f}"], args.replicas + 1).finish(limit + 60)
        parts += 1
        if run.code == 0 and not run.hung:
            return parts, run, []
        point = checkpoint_of(args, folder)
        if run.code != DRAINED or run.hung or "written down" not in run.errors:
            return parts, run, [f"part {parts} ends with {run.code}: {run.errors[-800:]}"]
        if point is None or point[0] <= before:
            return parts, run, [f"part {parts} of {limit:.1f} s made no checkpoint"]
        if parts == PARTS_MAX:
            return parts, run, [f"after {parts} parts of {limit:.1f} s it has not ended"]
        if point[1] < 0:
            return parts, run, [f"part {parts} was written {-point[1]:.2f} s after the end of its job"]
        verb, before = ["resume"], point[0]


def one_case(args, task, policy):
    """@return whether all was well"""
    with harness.Folder() as plain:
        base = harness.Run(args, plain, words(args, task, policy), args.replicas + 1)
        start = started_s(base)
        base.finish()
        if base.code != 0:
            sys.exit(f"an undisturbed run of {task}, {policy} ends with {base.code}:\n{base.errors}")
        wanted, limit = harness.decisions(plain.run), start + LEAVES_S + (base.seconds - start) / args.parts
        for _ in range(TRIES):      # the machine may have become faster since
            with harness.Folder() as folder:
                parts, run, found = in_parts(args, task, policy, limit, folder)
                if not found:
                    found = differences(base, run, wanted, plain, folder)
                folder.keep = args.keep and bool(found)
            if found or parts >= 3:
                break
            limit = LEAVES_S + (limit - LEAVES_S) / 2
        else:
            found = [f"it never took three parts: {parts} of {limit:.1f} s"]
        print(f"{task}, {policy}: {'BAD' if found else 'good'}, {parts} parts of {limit:.1f} s, "
              f"{sum(map(len, wanted.values()))} lines, loss {run.loss}", flush=True)
        for line in found:
            print("    " + line, flush=True)
        return not found


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--epochs", type=int, default=600)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--parts", type=int, default=5)
    parser.add_argument("--tasks", nargs="*", default=["glyph", "charlm"])
    parser.add_argument("--policies", nargs="*", default=["pooled", "pbt"])
    args = harness.prepare(parser.parse_args())
    for name in [n for n in os.environ if n.startswith("SLURM_")]:      # these runs have an end of their own
        del os.environ[name]
    results = [one_case(args, task, policy) for task in args.tasks for policy in args.policies]
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
