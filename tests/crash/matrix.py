#!/usr/bin/env python3
"""Kills runs of five replicas at many moments, looks at what is left, and lets them go on with `hottune resume`.

    tests/crash/matrix.py [--hottune build/release/bin/hottune] [--shim build/release/tests/crash_shim.so]
                          [--kills 100] [--seed 1] [--jobs 1] [--epochs 120] [--verbose] [--keep] [KIND ..]

After each kill every file is whole; the run goes on and ends with exit code 0 and a result; every whole line that
stood in a log before the kill is there afterwards, in the log or in LOG.repeated. A line a kill, then a table by kind.
Exit code 1 if anything was not so. `--list` names the kinds. The moments are drawn from --seed (a kind's moment is
the k-th of its calls in an undisturbed run, or a share of its epochs): a line tells how to repeat a kill alone.
"""
import collections
import concurrent.futures
import fnmatch
import os
import random
import signal
import statistics
import sys
import time

import harness

REPLICAS, EPOCHS = 5, "hotcb.metrics.jsonl"
NOTHING_TO_RESUME = 2
HERE = os.path.dirname(os.path.abspath(__file__))

# Runs that are killed, and how they are started.
RUNS = {
    "glyph": ["run", "glyph"],
    "charlm": ["run", "charlm", "--recipe-set", "population.sync=barrier"],
    "independent": ["run", "glyph", "--recipe", HERE + "/../cli/recipes/glyph.yaml"],
}

# A moment is a share of the run; whom the signal reaches.
AT_A_SHARE = {
    "replica": "one replica; the launcher ends the others",
    "replica, others live": "one replica; the launcher lets the others go on (--enable-recovery)",
    "coordinator": "rank 0; the launcher ends the others",
    "launcher": "mpirun alone",
    "run": "mpirun and all ranks at once",
    "resumed run": "the same, twice: the run that was resumed is killed, too",
}

# A moment is a call: (who: rank 0, a drawn one, or whoever makes it; calls; pattern of paths).
AT_A_CALL = {
    "HDF5 write": ("0", "write", "*/study.h5.tmp.*"),
    "HDF5 rename": ("0", "rename", "*/study.h5"),
    "HDF5 part write": ("0", "write", "*/study.parts/*"),
    "HDF5 part rename": ("0", "rename", "*/study.parts/*"),
    "SQLite write": ("0", "write", "*/*.sqlite*"),
    "SQLite sync": ("0", "sync unlink", "*/*.sqlite*"),
    "summary write": ("0", "write", "*/hotcb.tune.summary.json.tmp.*"),
    "summary rename": ("0", "rename", "*/hotcb.tune.summary.json"),
    "line append": ("0", "write", "*/*.jsonl"),
    "event append": ("0", "write", "*/*.log"),
    "lock write": ("0", "write", "*/hottune.lock"),
    "champion write": ("any", "write", "*/champion.h5.tmp.*"),
    "champion rename": ("any", "rename", "*/champion.h5"),
    "journal append": ("0", "write", "*/checkpoint/inputs.journal"),
    "image write": ("one", "write", "*/checkpoint/*.image.*tmp.*"),
    "image rename": ("one", "rename", "*/checkpoint/*.image"),
    "image removal": ("one", "unlink", "*/checkpoint/*.image"),
    "commit write": ("0", "write", "*/checkpoint/commit*.tmp.*"),
    "commit rename": ("0", "rename", "*/checkpoint/commit*"),
    "sync": ("one", "sync", "*/run/*"),
    "in resume": ("0", "open write rename sync unlink truncate", "*/run/*"),
}


class Kill:
    """One kill: drawn from (seed, number) alone."""

    def __init__(self, args, number, kinds):
        draw = random.Random(f"{args.seed} {number}")
        self.number, self.kind = number, kinds[number % len(kinds)]
        self.runs = draw.sample(args.runs, len(args.runs))
        self.part, self.victim, self.whom = draw.random(), draw.randrange(1, REPLICAS + 1), draw.choice(["self", "run"])
        self.when, self.seed = draw.choice(["before", "middle", "middle", "after"]), draw.randrange(1, 1000)
        often = draw.choice([[], ["--checkpoint", "0.05"], ["--checkpoint", "0.3"]])
        self.often = often if self.kind in AT_A_SHARE else ["--checkpoint", "0.1"]      # as often as in the undisturbed run
        self.call, self.calls = None, 0

    def text(self):
        return f"kill {self.number}: {self.run}, {self.kind}, " + (
            f"{self.when} call {self.call} of {self.calls} of rank {self.rank or 'any'}, {self.whom}" if self.call else f"at {self.part:.0%}")

    def aim(self, bases):
        """The moment, given what undisturbed runs did. @return false: no run makes such a call"""
        return any(self.aim_at(run, bases[run]) for run in self.runs)

    def aim_at(self, name, base):
        self.run = name
        self.part, self.epochs = 0.95 * self.part, base.epochs
        if self.kind in AT_A_SHARE:
            return True
        if self.kind == "in resume":
            self.rank, self.calls = 0, 40
            self.call = 1 + random.Random(self.seed).randrange(self.calls)
            return True
        rank, calls, pattern = AT_A_CALL[self.kind]
        seen = collections.Counter(r for r, call, path in base.trace
                                   if call in calls.split() and fnmatch.fnmatch(path, pattern) and rank in ("any", "one", r))
        if not seen:
            return False
        chosen = sorted(seen)[self.victim % len(seen)]
        self.rank, self.calls = "" if rank == "any" else chosen, seen[chosen]
        self.call = 1 + int(self.part * self.calls)
        return True

    def shim(self):
        rank, calls, pattern = AT_A_CALL[self.kind]
        return {"PATH": pattern, "CALLS": calls, "RANK": self.rank, "AT": self.call, "WHEN": self.when, "WHOM": self.whom}


def words(args, kill):
    return [*RUNS[kill.run], "--epochs", str(args.epochs), "--seed", str(kill.seed), "--patience", "5", *kill.often]


def undisturbed(args, name):
    """A run that nobody kills: how long it takes once all have joined, and the calls that it makes."""
    with harness.Folder() as folder:
        shim = {"PATH": "*/run/*", "TRACE": folder.path + "/trace"}
        run = harness.Run(args, folder, [*RUNS[name], "--epochs", str(args.epochs), "--checkpoint", "0.1"], REPLICAS + 1, shim)
        run.finish()
        if run.code != 0:
            sys.exit(f"an undisturbed run of {name} ends with {run.code}:\n{run.errors}")
        run.epochs = len(harness.lines_of(f"{folder.run}/{EPOCHS}"))
        run.trace = [line.split(" ", 2) for line in harness.lines_of(folder.path + "/trace")]
        return run


def strike_at_share(kill, run):
    """When this share of the epochs is logged, or of those that were missing when the run was resumed."""
    there = len(harness.lines_of(f"{run.folder.run}/{EPOCHS}"))
    wanted = there + max(1, int(kill.part * (kill.epochs - there)))
    if not run.wait_for_ranks() or not run.wait_until(harness.has_lines(run.folder, EPOCHS, wanted)):
        return False
    time.sleep(random.Random(kill.number).uniform(0, 0.02))
    if run.launcher.poll() is not None:
        return False
    if kill.kind.startswith("replica"):
        run.signal(signal.SIGKILL, kill.victim)
    elif kill.kind == "coordinator":
        run.signal(signal.SIGKILL, 0)
    elif kill.kind == "launcher":
        run.signal(signal.SIGKILL)
    else:
        run.signal_all(signal.SIGKILL)
    return True


def first_run(args, kill, folder):
    """Begins the run and kills it. @return it, and whether the kill came in time"""
    by_call = kill.kind in AT_A_CALL and kill.kind != "in resume"
    run = harness.Run(args, folder, words(args, kill), REPLICAS + 1, kill.shim() if by_call else None,
                      recovery=kill.kind == "replica, others live")
    if by_call:
        run.wait_for_ranks()
        run.finish()
        return run, run.code != 0
    struck = strike_at_share(kill, run)
    return run.finish(), struck


class Outcome:
    def __init__(self):
        self.struck, self.ended, self.anew, self.complaints = False, False, False, []
        self.repeated, self.lost_s, self.resume_s, self.loss = 0, 0.0, 0.0, None


def carry_out(args, kill):
    o = Outcome()
    with harness.Folder() as folder:
        run, o.struck = first_run(args, kill, folder)
        if run.hung:
            o.complaints.append("the killed run did not end by itself")
        if run.code == 0 or is_closed(folder):
            check_ended(args, run, folder, o)
        else:
            go_on(args, kill, folder, o)
        folder.keep = args.keep and bool(o.complaints)
        if o.complaints and args.verbose:
            print(run.errors[-1500:], harness.text_of(folder.run + "/events.log")[-2500:], sep="\n")
    return o


def is_closed(folder):
    """The run wrote everything: it was killed too late, or its ranks went on without a launcher."""
    return '"closed":true' in harness.text_of(folder.run + "/hottune.lock")


def check_ended(args, run, folder, o):
    o.ended, o.loss = True, run.loss
    o.complaints += harness.faults_of(args, folder.run) + harness.study_lacks(args, folder.run)
    if run.code == 0 and run.loss is None:
        o.complaints.append(f"a run that was not killed has no result: {run.errors[-500:]}")
    again = harness.Run(args, folder, ["resume"], REPLICAS + 1).finish()
    if again.code == 0 or again.hung:
        o.complaints.append(f"a run that ended is resumed, exit code {again.code}")


def go_on(args, kill, folder, o):
    """Look at what the killed run left, and resume it until it ends."""
    attempts = [kill.shim(), None] if kill.kind == "in resume" else ["again", None] if kill.kind == "resumed run" else [None]
    for attempt in attempts:
        o.complaints += harness.faults_of(args, folder.run, ended=False)
        before, start = harness.Snapshot(folder.run), time.monotonic()
        run = harness.Run(args, folder, ["resume"], REPLICAS + 1, attempt if attempt not in (None, "again") else None)
        if attempt == "again":
            strike_at_share(kill, run)
        run.finish()
        if run.code == NOTHING_TO_RESUME and not os.path.exists(folder.run + "/checkpoint"):
            o.anew = True       # it was killed before it had begun
            run = harness.Run(args, folder, words(args, kill), REPLICAS + 1).finish()
        lost, repeated, seconds = before.compare(folder.run)
        o.complaints += lost
        o.repeated, o.lost_s = max(o.repeated, repeated), max(o.lost_s, seconds)
        o.resume_s = time.monotonic() - start
        if run.hung:
            o.complaints.append("the resumed run did not end by itself")
        if attempt is None and (run.code != 0 or run.loss is None):
            o.complaints.append(f"the resumed run ends with {run.code}, loss {run.loss}: {run.errors[-800:]}")
        if run.code == 0 or is_closed(folder):
            break
    o.loss = run.loss
    o.anew |= '"run":"r2"' in harness.text_of(folder.run + "/hottune.lock")
    # a run that began anew leaves the torn line of the one before where it is
    o.complaints += harness.faults_of(args, folder.run, ended=not o.anew)
    if run.code == 0:
        o.complaints += harness.study_lacks(args, folder.run)


def report(args, kill, o):
    state = "BAD" if o.complaints else "good"
    how = "ended before" if not o.struck else "ended without a resume" if o.ended else (
        f"{'begun anew' if o.anew else f'{o.repeated} segments repeated, {o.lost_s:.2f} s lost'}, resumed in {o.resume_s:.1f} s")
    print(f"{kill.text()}: {state}, {how}, loss {o.loss}", flush=True)
    for complaint in o.complaints[:8]:
        print("    " + complaint, flush=True)


def quantiles(values, form="{:.4g}"):
    values = sorted(values)
    if not values:
        return "none"
    at = [values[int(q * (len(values) - 1))] for q in (0, 0.5, 0.9, 1)]
    return "least {}, median {}, 90 % {}, most {}".format(*(form.format(v) for v in at))


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--only", type=int, help="this kill alone")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--runs", nargs="*", default=list(RUNS), choices=list(RUNS))
    parser.add_argument("--list", action="store_true", help="name the kinds of kills")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    args = harness.prepare(parser.parse_args())
    if args.list:
        for kind in AT_A_SHARE:
            print(f"{kind:22} {AT_A_SHARE[kind]}")
        for kind, (rank, calls, pattern) in AT_A_CALL.items():
            print(f"{kind:22} {calls} of {pattern}")
        return
    kinds = args.kinds or [*AT_A_SHARE, *AT_A_CALL]
    bases = {name: undisturbed(args, name) for name in args.runs}
    kills = [Kill(args, n, kinds) for n in ([args.only] if args.only is not None else range(args.kills))]
    for kill in [k for k in kills if not k.aim(bases)]:
        print(f"kill {kill.number}: {kill.kind}: no such call in an undisturbed run", flush=True)
        kills.remove(kill)
    outcomes = []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for kill, o in zip(kills, pool.map(lambda k: carry_out(args, k), kills)):
            report(args, kill, o)
            outcomes.append((kill, o))
    sum_up(args, outcomes)
    sys.exit(any(o.complaints for kill, o in outcomes) or not outcomes)


def sum_up(args, outcomes):
    resumed = [o for kill, o in outcomes if o.struck and not o.ended and not o.anew]
    print("== by kind: good of all")
    for kind in dict.fromkeys(kill.kind for kill, o in outcomes):
        of = [o for kill, o in outcomes if kill.kind == kind]
        print(f"  {kind:22} {sum(not o.complaints for o in of)} of {len(of)}, {sum(o.struck for o in of)} struck")
    lost = sum("is lost" in c for k, o in outcomes for c in o.complaints)
    print(f"== seed {args.seed}: {sum(not o.complaints for k, o in outcomes)} of {len(outcomes)} good; {len(resumed)} resumed, "
          f"{sum(o.anew for k, o in outcomes)} begun anew (no checkpoint yet, or independent)")
    print(f"   lines lost: {lost}")
    print(f"   segments repeated: {quantiles([o.repeated for o in resumed])}")
    print(f"   seconds lost: {quantiles([o.lost_s for o in resumed])}")
    if resumed:
        print(f"   seconds to the result after the kill: {quantiles([o.resume_s for o in resumed])} "
              f"(mean {statistics.mean(o.resume_s for o in resumed):.1f})")


if __name__ == "__main__":
    main()
