#!/usr/bin/env python3
"""Pooled runs whose replicas are killed, stopped, put to sleep or spoiled at random moments.

    tests/bench/faults.py [--hottune build/release/bin/hottune] [--task glyph] [--epochs 40] [--replicas 8]
                          [--moments 30] [--seed 1] [--patience 4] [--set WORDS] [KIND ..]

KIND   kill         a replica gets SIGKILL (mpirun --enable-recovery: the launcher lets the others live)
       stop         a replica gets SIGSTOP, for good
       sleep        a replica gets SIGSTOP, and SIGCONT after half a second .. three patiences
       nan          a replica's weights become NaN (--nan)
       coordinator  rank 0 gets SIGKILL: nobody can give a result, but all ranks must end
A benchmark, not a test: for each kind it runs `hottune run` once a moment, undisturbed and disturbed with the same
seed, and prints a line a moment (replica, second, what became of it) and the medians. A run is good when it ends by
itself, within the undisturbed time and 6 patiences, with exit code 0 and a result. Exit code 1 if one was not, or if
the median loss is worse than --worse. Linux, Open MPI. Standard library only.
"""
import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time


def ranks_of(launcher, size):
    """Process ids by rank, once all ranks were started; None if the launcher ended before."""
    while launcher.poll() is None:
        found = {}
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if int(open(f"/proc/{name}/stat").read().rsplit(")", 1)[1].split()[1]) != launcher.pid:
                    continue
                environ = dict(w.split("=", 1) for w in open(f"/proc/{name}/environ").read().split("\0") if "=" in w)
                found[int(environ["OMPI_COMM_WORLD_RANK"])] = int(name)
            except (OSError, KeyError):
                pass
        if len(found) == size:
            return found
        time.sleep(0.01)
    return None


def has_begun(folder, replicas):
    try:
        return open(f"{folder}/run/events.log").read().count(" joined") == replicas
    except OSError:
        return False


class Run:
    """One run; `strike(pids)` is called `after` seconds after all replicas joined."""

    def __init__(self, args, seed, words=(), after=None, strike=None, limit=600, recovery=False):
        with tempfile.TemporaryDirectory() as folder, open(folder + "/out", "w+") as out, open(folder + "/err", "w+") as err:
            command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(args.replicas + 1)]
            command += ["--enable-recovery"] if recovery else []
            command += [args.hottune, "--dir", folder + "/run", "--json", "run", args.task, "--epochs", str(args.epochs),
                        "--seed", str(seed), "--patience", str(args.patience), *words]
            command += ["--recipe-set", args.set] if args.set else []
            launcher = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            self.struck = self.hung = False
            pids = ranks_of(launcher, args.replicas + 1)
            while launcher.poll() is None and not has_begun(folder, args.replicas):
                time.sleep(0.005)
            start = time.monotonic()
            if strike is not None and after is not None:
                try:
                    launcher.wait(after)
                except subprocess.TimeoutExpired:
                    self.struck = True
                    strike(pids)
            try:
                launcher.wait(max(0.1, start + limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.hung = True
            self.seconds = time.monotonic() - start
            for pid in (pids or {}).values() if self.hung else ():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.code = launcher.wait()
            out.seek(0)
            err.seek(0)
            text, self.errors = out.read(), err.read()
            try:
                self.loss = json.loads(text)["result"]["val_loss"]
            except (ValueError, KeyError):
                self.loss = None
            try:
                self.events = open(folder + "/run/events.log").read()
            except OSError:
                self.events = ""


def send(rank, number, wake_after=None):
    def strike(pids):
        try:
            os.kill(pids[rank], number)
            if wake_after is not None:
                time.sleep(wake_after)
                os.kill(pids[rank], signal.SIGCONT)
        except ProcessLookupError:
            pass
    return strike


def one_moment(args, kind, i, base, usual):
    draw = random.Random(f"{args.seed} {kind} {i}")
    replica, part = draw.randrange(args.replicas), draw.random()
    nap = draw.uniform(0.5, 3 * args.patience)
    limit = 2 * base.seconds + 6 * args.patience + 10 + (nap if kind == "sleep" else 0)
    after = part * 0.9 * usual
    common = {"seed": args.seed + i, "after": after, "limit": limit}
    if kind == "nan":
        after = float(1 + int(part * args.epochs))
        run = Run(args, args.seed + i, ["--nan", f"{replica}:{after:.0f}"], limit=limit)
        run.struck = True
    elif kind == "kill":
        run = Run(args, strike=send(replica + 1, signal.SIGKILL), recovery=True, **common)
    elif kind == "coordinator":
        run = Run(args, strike=send(0, signal.SIGKILL), recovery=True, **common)
    else:
        run = Run(args, strike=send(replica + 1, signal.SIGSTOP, nap if kind == "sleep" else None), **common)
    ended = not run.hung if kind == "coordinator" else not run.hung and run.code == 0 and run.loss is not None
    lost = run.events.count(" is lost: ")
    print(f"{kind:8} seed {args.seed + i} replica {replica} at {after:6.2f}{'' if kind == 'nan' else f' of {base.seconds:.2f}'}"
          f"{f' for {nap:.1f} s' if kind == 'sleep' else ''}: {'good' if ended else 'BAD'}, code {run.code}, "
          f"{run.seconds:.1f} s, loss {run.loss} ({base.loss:.4f}), {lost} lost{'' if run.struck else ', ended before'}"
          f"{', HUNG' if run.hung else ''}", flush=True)
    if not ended and args.verbose:
        print(run.errors[-2000:], run.events[-3000:], sep="\n")
    return ended, run, base


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hottune", default="build/release/bin/hottune")
    parser.add_argument("--task", default="glyph")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--replicas", type=int, default=8)
    parser.add_argument("--moments", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patience", type=float, default=4)
    parser.add_argument("--worse", type=float, default=0.03, help="allowed loss of the median")
    parser.add_argument("--set", default="", help="fields of the recipe, such as population.sync=barrier")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("kinds", nargs="*", default=["kill", "stop", "sleep", "nan", "coordinator"])
    args = parser.parse_args()
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMP_NUM_THREADS="1")
    bases = [Run(args, args.seed + i) for i in range(args.moments)]
    usual = min(b.seconds for b in bases)   # a busy machine makes some of them late, and moments miss the run
    bad = False
    for kind in args.kinds:
        all_of = [one_moment(args, kind, i, bases[i], usual) for i in range(args.moments)]
        struck = [(e, r, b) for e, r, b in all_of if r.struck]
        pairs = [(r.loss - b.loss) for e, r, b in struck if e and r.loss is not None]
        worse = statistics.median(pairs) if pairs else float("nan")
        good = sum(e for e, r, b in all_of)
        print(f"== {args.task} {args.set} {kind}: {good} of {len(all_of)} good, {len(struck)} struck in time; loss, disturbed - "
              f"undisturbed: median {worse:+.4f}, largest {max(pairs, default=float('nan')):+.4f}; seconds: median "
              f"{statistics.median(r.seconds for e, r, b in all_of):.1f}, largest {max(r.seconds for e, r, b in all_of):.1f} "
              f"(undisturbed {statistics.median(b.seconds for e, r, b in all_of):.1f})", flush=True)
        bad |= good < len(all_of) or worse > args.worse
    sys.exit(bad)


if __name__ == "__main__":
    main()
