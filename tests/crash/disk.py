#!/usr/bin/env python3
"""Runs whose disk fills, or refuses, for a while or for good.

    tests/crash/disk.py [--hottune build/release/bin/hottune] [--shim build/release/tests/crash_shim.so] [--seed 1]
                        [--epochs 40] [--keep] [CASE ..]

A run with a barrier is repeated with the same seed on a disk that fails. The training goes on to the same result; the
loss is said once on stderr; when the disk is good again everything is in the logs (the same decisions), the study can be
read, and the run can be resumed if it is killed later. Cases: `--list`. Exit code 1 if anything was not so. What fails is
the run directory as calls of the C library see it (shim.c); `a small disk` is a real one (root only, else passed over).
"""
import os
import random
import signal
import subprocess
import sys
import time

import harness

REPLICAS = 2
LONGER = 5      # so that a small disk has room again before the run ends

# What fails, from a drawn one of the matching calls on, and for what share of them (0: to the end).
CASES = {
    "full for a while": ({"ERRNO": "ENOSPC", "CALLS": "open write", "WHEN": "before"}, 0.2),
    "full in the middle of writes": ({"ERRNO": "ENOSPC", "CALLS": "write", "WHEN": "middle"}, 0.2),
    "read-only for a while": ({"ERRNO": "EROFS", "CALLS": "open rename unlink"}, 0.1),
    "no permission for a while": ({"ERRNO": "EACCES", "CALLS": "open rename unlink"}, 0.1),
    "broken for a while": ({"ERRNO": "EIO", "CALLS": "open write rename sync unlink truncate"}, 0.2),
    "full for good": ({"ERRNO": "ENOSPC", "CALLS": "open write", "WHEN": "middle"}, 0),
    "read-only for good": ({"ERRNO": "EROFS", "CALLS": "open rename unlink"}, 0),
    "a small disk": (None, 0),
}


def words(args, times=1):
    return ["run", "glyph", "--epochs", str(times * args.epochs), "--seed", str(args.seed), "--recipe-set", "population.sync=barrier"]


def undisturbed(args, times=1):
    with harness.Folder() as folder:
        shim = {"PATH": "*/run/*", "TRACE": folder.path + "/trace", "RANK": "0"}
        run = harness.Run(args, folder, words(args, times), REPLICAS + 1, shim).finish()
        if run.code != 0:
            sys.exit(f"an undisturbed run ends with {run.code}:\n{run.errors}")
        run.trace = [line.split(" ", 2)[1] for line in harness.lines_of(folder.path + "/trace")]
        run.decisions = harness.decisions(folder.run)
        return run


def on_a_failing_disk(args, base, case, folder):
    """It fails from a moment in the third or fourth tenth of the run on: the files of its beginning are open by then."""
    shim, share = CASES[case]
    calls = sum(call in shim["CALLS"].split() for call in base.trace)
    at = int(calls * random.Random(f"{args.seed} {case}").uniform(0.3, 0.5)) + 1
    to = at + int(calls * share) if share else 0
    return harness.Run(args, folder, words(args), REPLICAS + 1, {"PATH": "*/run/*", "RANK": "0", "AT": at, "TO": to, **shim}).finish()


def on_a_small_disk(args, folder):
    """@return the run, or None where nobody may mount"""
    os.mkdir(folder.run)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder.run], capture_output=True).returncode != 0:
        return None
    run = harness.Run(args, folder, words(args, LONGER), REPLICAS + 1)
    run.wait_until(harness.has_lines(folder, harness.SEGMENTS, 4))
    filler = folder.run + "/filler"
    with open(filler, "wb", buffering=0) as f:
        try:
            while f.write(bytes(1 << 14)) > 0:
                pass
        except OSError:
            pass
    time.sleep(0.5)             # how much of the run this spoils is no matter
    os.unlink(filler)
    return run.finish()


def complaints_of(args, case, base, run, folder):
    found = []
    for_good = case.endswith("for good")
    said = run.errors.count("what could not be written is kept")
    if run.hung:
        found.append("it did not end by itself")
    if run.loss != base.loss:
        found.append(f"its result is {run.loss}, not {base.loss}")
    if said != 1 and case != "a small disk":
        found.append(f"the loss is told {said} times, not once")
    if len(run.errors) > 4000:
        found.append(f"stderr has {len(run.errors)} bytes")
    found += harness.faults_of(args, folder.run)
    if for_good:
        return found if run.code != 0 else found + ["exit code 0, though not everything could be written"]
    if run.code != 0:
        found.append(f"exit code {run.code}")
    if said > 0 and run.errors.count("can be written again") != 1:
        found.append("that writing works again is not told once")
    if why := harness.first_difference(base.decisions, harness.decisions(folder.run)):
        found.append(why)
    return found + harness.study_lacks(args, folder.run)


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--list", action="store_true", help="name the cases")
    parser.add_argument("cases", nargs="*", metavar="CASE")
    args = harness.prepare(parser.parse_args())
    if args.list:
        print(*CASES, sep="\n")
        return
    usual, bad = undisturbed(args), 0
    for case in args.cases or CASES:
        with harness.Folder() as folder:
            base = undisturbed(args, LONGER) if case == "a small disk" else usual
            try:
                run = on_a_small_disk(args, folder) if case == "a small disk" else on_a_failing_disk(args, base, case, folder)
                found = [] if run is None else complaints_of(args, case, base, run, folder)
            finally:
                if os.path.ismount(folder.run):
                    subprocess.run(["umount", "-l", folder.run])
            folder.keep = args.keep and bool(found)
        print(f"{case}: {'passed over' if run is None else 'BAD' if found else 'good'}"
              f"{'' if run is None else f', code {run.code}, loss {run.loss}'}", flush=True)
        for line in found[:8]:
            print("    " + line)
        if found:
            print("    stderr: " + run.errors[:1500].replace("\n", "\n    "), flush=True)
        bad += bool(found)
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
