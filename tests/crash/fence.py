#!/usr/bin/env python3
"""A run whose ranks are frozen is taken over by another start of its Slurm job; then the frozen ones wake up.

    tests/crash/fence.py [--hottune build/release/bin/hottune] [--shim build/release/tests/crash_shim.so]
                         [--times 1] [--seed 1] [--epochs 60] [--verbose] [--keep] [KIND ..]

The second start finishes the run. After that the first one is let go: it ends by itself, with exit code 1 and the
reason, and not one byte of the finished directory changes. KIND is the moment at which the first one is frozen:

    any         at a drawn moment
    call        rank 0 in the middle of a drawn call that writes, renames, syncs or removes a file of the run
    awake       not at all: two starts of a job side by side, as when only the word of Slurm says that a node is down
    early       it is let go while the second start is at work
    killed      at a drawn moment; the second start is killed in a drawn call while it takes over, a third one goes on

Slurm itself is not needed: the starts differ in SLURM_RESTART_COUNT or SLURM_STEP_ID. A line a case; exit code 1 if
anything was not so.
"""
import hashlib
import os
import random
import signal
import sys
import time

import harness

REPLICAS, EPOCHS = 2, "hotcb.metrics.jsonl"
KINDS = ["any", "call", "awake", "early", "killed"]
MESSAGE = "another start of this run took over"


def content(run):
    """Of every file: what it holds. Inodes and times would say less: they change without harm."""
    found = {}
    for folder, _, names in os.walk(run):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                found[path] = hashlib.sha256(f.read()).hexdigest()
    return found


class Start:
    """One start of job 1, as Slurm would number it."""

    def __init__(self, args, folder, number, words, shim=None):
        self.path = f"{folder.path}/start{number}"
        os.makedirs(self.path + "/mpi")
        self.run = folder.run
        place = [f"SLURM_RESTART_COUNT={number}", "SLURM_STEP_ID=0"] if args.restarts else [f"SLURM_STEP_ID={number}"]
        # of the ranks alone: mpirun would ask Slurm for nodes
        self.process = harness.Run(args, self, words, REPLICAS + 1, shim, options=["env", "SLURM_JOB_ID=1", *place])


def freeze(first, kind, draw, epochs):
    """@return whether the run was frozen before it ended"""
    run = first.process
    if not run.wait_for_ranks() or not run.wait_until(lambda: os.path.exists(first.run + "/checkpoint/commit.json")):
        return False
    if kind == "call":      # the shim stops rank 0; then the others follow
        if not run.wait_until(lambda: state_of(run.pids[0]) == "T"):
            return False
    else:
        wanted = draw.randrange(1, max(2, epochs * REPLICAS // 2))
        if not run.wait_until(harness.has_lines(first, EPOCHS, wanted)):
            return False
        time.sleep(draw.uniform(0, 0.05))
    if kind != "awake":
        run.signal(signal.SIGSTOP, *range(REPLICAS + 1))
        run.signal(signal.SIGSTOP)
    return run.launcher.poll() is None


def state_of(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "X"


def wake(first):
    first.process.signal(signal.SIGCONT)
    first.process.signal(signal.SIGCONT, *range(REPLICAS + 1))


def case(args, kind, draw, folder):
    """@return sentences about what was not so; None: the run ended before it was frozen"""
    bad = []
    epochs = args.epochs * (8 if kind in ("awake", "early") else 1)     # it must not end before it is overtaken
    words = ["run", "glyph", "--epochs", str(epochs), "--seed", str(draw.randrange(1, 1000)), "--patience", "20",
             "--checkpoint", "0.05"]
    shim = {"PATH": "*/run/*", "CALLS": "write rename sync unlink", "RANK": "0", "AT": str(draw.randrange(60, 700)),
            "WHEN": draw.choice(["before", "after"]), "WHOM": "stop"} if kind == "call" else None
    args.restarts = draw.random() < 0.5
    first = Start(args, folder, 0, words, shim)
    if not freeze(first, kind, draw, args.epochs):
        first.process.finish()
        return None
    again = ["run", "glyph", "--resume", *words[2:]]
    if kind == "killed":
        shim = {"PATH": "*/run/*", "CALLS": "open write rename sync unlink truncate", "RANK": "0", "WHOM": "run",
                "AT": str(draw.randrange(1, 90)), "WHEN": draw.choice(["before", "middle", "after"])}
        dead = Start(args, folder, 1, again, shim).process
        dead.wait_for_ranks()
        if dead.finish().code == 0:
            return None
    second = Start(args, folder, 2 if kind == "killed" else 1, again)
    if kind == "early":
        second.process.wait_until(lambda: " run goes on: " in harness.text_of(folder.run + "/events.log"))
        time.sleep(draw.uniform(0, 1))
        wake(first)
    second.process.finish()
    if second.process.code != 0 or second.process.loss is None or second.process.hung:
        bad.append(f"the second start ends with {second.process.code}: {second.process.errors[-600:]}")
    before = content(folder.run)
    wake(first)
    first.process.finish(60)
    if first.process.code == 0 and kind == "awake":
        return None
    if first.process.hung:
        bad.append("the first start did not end by itself")
    if first.process.code != 1 or MESSAGE not in first.process.errors:
        bad.append(f"the first start ends with {first.process.code} and says: {first.process.errors[-600:]}")
    after = content(folder.run)
    bad += [f"{path} changed" for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path)]
    bad += harness.faults_of(args, folder.run) + harness.study_lacks(args, folder.run)
    if args.verbose and bad:
        print(first.process.errors, second.process.errors, harness.text_of(folder.run + "/events.log"), sep="\n----\n")
    return bad


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    args = harness.prepare(parser.parse_args())
    failed, struck = 0, 0
    for number in range(args.times):
        for kind in args.kinds or KINDS:
            with harness.Folder() as folder:
                bad = case(args, kind, random.Random(f"{args.seed} {number} {kind}"), folder)
                folder.keep = args.keep and bool(bad)
            struck += bad is not None
            failed += bool(bad)
            print(f"{number} {kind}: {'ended before it was frozen' if bad is None else 'BAD' if bad else 'good'}", flush=True)
            for sentence in bad or []:
                print("    " + sentence, flush=True)
    print(f"== seed {args.seed}: {struck - failed} of {struck} good")
    sys.exit(failed > 0 or struck == 0)


if __name__ == "__main__":
    main()
