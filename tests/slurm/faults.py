#!/usr/bin/env python3
"""Jobs whose nodes and ranks die at random moments finish all the same, and nothing that was accepted is lost.

    tests/slurm/faults.py [--hottune build/release/bin/hottune] [--paced build/release/tests/paced] [--seed 1]
                          [--faults 20 | --kinds KIND ..] [--per-job 3] [--epochs 160] [--no-kill] [--keep]

On a throw-away Slurm cluster of 3 nodes a run of 6 replicas on 2 of them is submitted, and struck:
    kill-node, kill-batch-node      all processes of a node die at once; with or without the batch process on it
    freeze-node, freeze-batch-node  the same, but silently: connections stay open; it thaws when the run has gone on
    kill-rank, kill-coordinator     one process of the run dies
    freeze-rank, freeze-coordinator the same, silently
A job is struck again once its run has gone on, and must end COMPLETED. Then: all files are whole,
every line that a log ever had is in it or in its *.repeated, and the champion is no worse than the best that was known
when the run was struck. Exit code 1 if anything was not so; 77 without Slurm.
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import cluster          # noqa: E402
import harness          # noqa: E402

KINDS = ["kill-node", "kill-batch-node", "freeze-node", "freeze-batch-node", "kill-rank", "kill-coordinator",
         "freeze-rank", "freeze-coordinator"]
SECONDS, REPLICAS = 0.4, 6           # of an epoch; on 2 nodes
GOES_ON, ENDS = 300, 900        # seconds: a lost node is told after 30, a new start takes 10, and machines are slow


def metrics(run):
    return harness.objects_of(run + "/hotcb.metrics.jsonl")


def champions(run):
    return [e["loss"] for e in harness.objects_of(run + "/hotcb.population.jsonl") if e["event"] == "champion"]


def goes_on(run, moment):
    """Epochs were trained after that, and there is a checkpoint."""
    written = os.path.exists(run + "/checkpoint/commit.json")
    return written and any(line["wall_time"] > moment for line in metrics(run))


def strike(kind, job, draw):
    """@return what was struck, for people; None if it was not there any more"""
    if kind.endswith("node"):
        nodes = job.nodes()
        if len(nodes) < 2:
            return None
        node = nodes[0] if "batch" in kind else draw.choice(nodes[1:])
        job.cluster.testbed(kind.split("-")[0] + "-node", node)
        return node
    ranks = job.ranks()
    rank = 0 if kind.endswith("coordinator") else draw.choice([r for r in ranks if r > 0] or [0])
    try:
        os.kill(ranks[rank], signal.SIGKILL if kind.startswith("kill") else signal.SIGSTOP)
    except (KeyError, ProcessLookupError):
        return None
    return f"rank {rank}"


class Struck:
    """One job and what happens to it."""

    def __init__(self, args, cl, folder, seed):
        self.args, self.cluster, self.run = args, cl, folder + "/a run"
        self.draw = random.Random(f"{args.seed} {seed}")
        self.before, self.best = [], float("inf")
        self.job = cluster.Job(cl, args.hottune, self.run,
                               ["--replicas", str(REPLICAS), "--nodes", "2", "--time", "60", "--max-requeues", "50",
                                *(["--no-kill"] if args.no_kill else [])],
                               [args.paced, str(args.epochs), str(SECONDS), str(seed)])
        self.moment = self.struck_at = 0

    def wait_until_it_goes_on(self):
        """@return false: it is over"""
        def question():
            self.cluster.resume()
            return self.job.over() or goes_on(self.run, self.moment)
        try:
            cluster.within(GOES_ON, question, "an epoch is trained")
        except cluster.Failure as e:
            raise cluster.Failure(f"{e}; the job is {self.job.state()}, its nodes {self.job.nodes()}") from e
        if self.moment > 0 and not self.job.over():
            last = next(line for line in metrics(self.run) if line["wall_time"] > self.moment)
            print(f"        went on after {last['wall_time'] - self.struck_at:.0f} s, "
                  f"restarts so far {self.job.says().get('Restarts')}", flush=True)
        return not self.job.over()

    def strike(self, kind):
        """@return whether it could be struck"""
        time.sleep(self.draw.uniform(0, 12))
        before = harness.Snapshot(self.run)
        what = strike(kind, self.job, self.draw)
        if what is None:
            return False
        self.before.append(before)
        self.best = min([self.best, *champions(self.run)])
        self.struck_at = time.time()
        self.moment = self.struck_at + 5    # what was on its way then does not count
        print(f"    {kind} ({what}) after {len(before.lines[harness.SEGMENTS])} segments", flush=True)
        return True

    def finish(self):
        """@return what is not as it should be: sentences"""
        cluster.within(ENDS, self.job.over, "the job ends")
        says = self.job.says()
        found = []
        if (says.get("JobState"), says.get("ExitCode")) != ("COMPLETED", "0:0"):
            found.append(f"the job is {says.get('JobState')} {says.get('ExitCode')}")
        found += harness.faults_of(self.args, self.run)
        found += harness.study_lacks(self.args, self.run)
        accepted = repeated = 0
        for snapshot in self.before:
            lost, again, _ = snapshot.compare(self.run)
            found += lost[:2]
            repeated += again
            accepted = max(accepted, sum('"decision":"accepted"' in line for line in snapshot.lines[harness.SEGMENTS]))
        champion = min(champions(self.run), default=float("inf"))
        if champion > self.best:
            found.append(f"the champion has {champion}, though {self.best} was there")
        print(f"    job {self.job.id}: {says.get('JobState')}, {says.get('Restarts')} restarts, "
              f"{self.job.log().count('job: step ')} steps; {accepted} accepted segments were known when it was struck, "
              f"{repeated} segments were repeated", flush=True)
        return found


def one_job(args, cl, folder, seed, kinds):
    """Strikes with kinds[0], [1], .. until the job is over, and takes them off the list. @return sentences"""
    struck = Struck(args, cl, folder, seed)
    try:
        while kinds and struck.wait_until_it_goes_on():
            cl.mend()
            if struck.strike(kinds[0]):
                kinds.pop(0)
        struck.wait_until_it_goes_on()
        cl.mend()
        found = struck.finish()
    except cluster.Failure as e:
        found = [str(e)]
    if found:
        print("    the end of its log:", *struck.job.log().splitlines()[-30:], sep="\n    | ", flush=True)
    return found


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--paced", default="build/release/tests/paced")
    parser.add_argument("--faults", type=int, default=20)
    parser.add_argument("--kinds", nargs="*", choices=KINDS, help="these, in this order")
    parser.add_argument("--epochs", type=int, default=160, help="length of a run")
    parser.add_argument("--no-kill", action="store_true", help="as of hottune submit: not with a batch node")
    parser.add_argument("--per-job", type=int, default=3)
    args = harness.prepare(parser.parse_args())
    args.paced = os.path.abspath(args.paced)
    if tool := cluster.missing():
        print(f"skipped: no {tool} here")
        return cluster.SKIPPED
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))       # the cluster is taken down
    draw = random.Random(args.seed)
    kinds = args.kinds or [draw.choice(KINDS) for _ in range(args.faults)]
    bad, jobs, total = 0, 0, len(kinds)
    with cluster.Cluster(3) as cl:
        while kinds and jobs < 2 * total:
            jobs += 1
            now = kinds[:args.per_job]
            folder, found = tempfile.mkdtemp(prefix="ht-faults."), None
            print(f"job {jobs}: {', '.join(now)}", flush=True)
            planned = len(now)
            try:
                found = one_job(args, cl, folder, args.seed + jobs, now)
            finally:
                if found and args.keep:
                    print(f"    left in {folder}", flush=True)
                else:
                    shutil.rmtree(folder, ignore_errors=True)
            kinds = (now if not found else []) + kinds[planned:]    # a job that was too fast leaves some over
            for line in found[:8]:
                print("    BAD: " + line, flush=True)
            bad += bool(found)
    print(f"{total - len(kinds)} faults in {jobs} jobs, {bad} of them bad", flush=True)
    return int(bad > 0 or bool(kinds))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except cluster.Failure as failure:
        sys.exit(f"FAILED: {failure}")
