#!/usr/bin/env python3
"""A run goes on with fewer and with more replicas, and with what it has learned.

    tests/crash/replicas.py [--hottune build/release/bin/hottune] [--shim build/release/tests/crash_shim.so] [--seed 1]
                            [--epochs 160] [--counts 4 2 6] [--keep] [TASK ..]

A run of 4 replicas is interrupted, resumed with 2, interrupted, resumed with 6, and ends. No part of it begins anew: there is
one race, segments are numbered on, and the champion is no worse than the best that any part had. Exit code 1 if anything was not so.
"""
import random
import signal
import sys
import time

import harness
from same import DRAINED


def champions(run):
    return [line["loss"] for line in harness.objects_of(run + "/hotcb.population.jsonl") if line["event"] == "champion"]


def one_run(args, task, folder):
    words = ["run", task, "--epochs", str(args.epochs), "--seed", str(args.seed)]
    verb, found, best, segments = words, [], [], []
    draw = random.Random(f"{args.seed} {task}")
    for i, replicas in enumerate(args.counts):
        last = i == len(args.counts) - 1
        lines = len(harness.lines_of(f"{folder.run}/{harness.SEGMENTS}"))
        before = harness.Snapshot(folder.run)
        run = harness.Run(args, folder, verb, replicas + 1)
        if not last:
            # a part closes some segments; the first one has the race before them
            begun = run.wait_for_ranks() and run.wait_until(harness.has_lines(folder, harness.SEGMENTS, lines + 6))
            time.sleep(draw.uniform(0, 0.2))
            if begun and run.launcher.poll() is None:
                run.signal(signal.SIGTERM, *range(replicas + 1))
            else:
                found.append(f"part {i + 1} ended before it was interrupted")
        run.finish()
        if run.hung or run.code != (0 if last else DRAINED):
            found.append(f"part {i + 1} with {replicas} replicas ends with {run.code}: {run.errors[-1200:]}")
            return found
        found += before.compare(folder.run)[0]
        best.append(min(champions(folder.run), default=float("inf")))
        segments.append(len(harness.lines_of(f"{folder.run}/{harness.SEGMENTS}")))
        print(f"    {replicas} replicas: {segments[-1]} segments, best loss {best[-1]:.5g}", flush=True)
        verb = ["resume"]
    return found + complaints_of(folder, run, best, segments)


def complaints_of(folder, run, best, segments):
    found = []
    events = harness.objects_of(folder.run + "/hotcb.population.jsonl")
    numbers = [line["segment_id"] for line in harness.objects_of(f"{folder.run}/{harness.SEGMENTS}")]
    if sum(line["event"] == "race" for line in events) != 1:
        found.append("there is not one race")
    if sorted(set(numbers)) != sorted(numbers):
        found.append("a segment has the number of another")
    if segments != sorted(set(segments)):
        found.append(f"a part closed no segment: {segments}")
    if run.loss is None or run.loss > min(best) * (1 + 1e-6):
        found.append(f"the champion has {run.loss}, though {min(best)} was there")
    summary = harness.json.loads(harness.text_of(folder.run + "/hotcb.tune.summary.json"))
    if summary["total_mutations"] != len({line["mutation_id"] for line in harness.objects_of(folder.run + "/hotcb.tune.mutations.jsonl")}):
        found.append(f"the summary counts {summary['total_mutations']} mutations, the log has others")
    return found


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--epochs", type=int, default=160)
    parser.add_argument("--counts", nargs="*", type=int, default=[4, 2, 6], help="replicas of the parts")
    parser.add_argument("tasks", nargs="*", default=["glyph", "charlm"], metavar="TASK")
    args = harness.prepare(parser.parse_args())
    bad = 0
    for task in args.tasks:
        with harness.Folder() as folder:
            found = one_run(args, task, folder)
            found += harness.faults_of(args, folder.run)
            folder.keep = args.keep and bool(found)
        print(f"{task}: {'BAD' if found else 'good'}", flush=True)
        for line in found[:8]:
            print("    " + line, flush=True)
        bad += bool(found)
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
