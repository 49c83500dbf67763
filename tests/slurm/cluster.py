"""A throw-away Slurm cluster (testbed.sh), jobs on it and what is done to them, for the programs of this folder.

Everything that waits has an end: a Failure says what never came true. Only processes of the own cluster are signalled.
"""
import json
import os
import shutil
import subprocess
import tempfile
import time

TESTBED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "testbed.sh")
TOOLS = ["munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol"]
OVER = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "BOOT_FAIL", "OUT_OF_MEMORY", "DEADLINE"}
SKIPPED = 77


class Failure(Exception):
    pass


def missing():
    """A tool that a cluster needs and that is not here, or None."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    return next((tool for tool in TOOLS if shutil.which(tool) is None), None)


def within(seconds, question, what):
    """@return what question() says once it is true"""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := question():
            return answer
        time.sleep(0.3)
    raise Failure(f"not within {seconds:.0f} s: {what}")


class Cluster:
    def __init__(self, nodes):
        self.place = tempfile.mkdtemp(prefix="ht-slurm.", dir="/tmp")       # short: sockets have their place in it
        self.nodes = [f"n{i}" for i in range(nodes)]
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "SBATCH_"))}
        self.env.update(TESTBED_DIR=self.place + "/tb", TESTBED_NODES=str(nodes),
                        SLURM_CONF=self.place + "/tb/slurm.conf")

    def __enter__(self):
        up = self.testbed("up")
        if up.returncode != 0:
            self.__exit__()
            raise Failure("the testbed does not come up: " + up.stderr)
        return self

    def __exit__(self, *failure):
        self.testbed("down")
        shutil.rmtree(self.place, ignore_errors=True)

    def testbed(self, *words):
        return subprocess.run([TESTBED, *words], env=self.env, capture_output=True, text=True)

    def ask(self, *words):
        """What a command of Slurm says; "" when it fails, as it may for moments."""
        try:
            return subprocess.run(words, env=self.env, capture_output=True, text=True, timeout=30).stdout
        except subprocess.TimeoutExpired:
            return ""

    def resume(self):
        """As administrators do: nodes are drained when a process could not be ended, a frozen one or one that waits for it.
        @return whether all nodes can be used"""
        states = dict(map(str.split, self.ask("sinfo", "-h", "-N", "-o", "%N %t").splitlines()))
        for node, state in states.items():
            if state.startswith("drain"):
                self.ask("scontrol", "update", "nodename=" + node, "state=resume")
        return set(states.values()) <= {"idle", "mix", "alloc", "comp"} and len(states) == len(self.nodes)

    def mend(self):
        """All nodes can be used again, whatever was done to them (slurmd itself dies at times, too)."""
        daemons = map(str.split, self.testbed("status").stdout.splitlines())
        alive = {words[0] for words in daemons if len(words) == 2 and words[1] != "-"}
        for node in self.nodes:
            self.testbed("thaw-node", node)
            if "slurmd-" + node not in alive:
                self.testbed("start-node", node)
        within(120, self.resume, "all nodes can be used")


class Job:
    """`hottune --dir RUN submit OPTION .. -- WORD ..`"""

    def __init__(self, cluster, hottune, run, options, words):
        self.cluster, self.run = cluster, run
        done = subprocess.run([hottune, "--dir", run, "submit", *options, "--", *words], env=cluster.env, text=True,
                              capture_output=True)
        if done.returncode != 0:
            raise Failure("submit: " + done.stderr)
        with open(run + "/submit.json") as f:
            self.id = json.load(f)["jobs"][-1]["id"]

    def says(self):
        """What `scontrol show job` says, as a dictionary; empty for moments after a requeue."""
        words = self.cluster.ask("scontrol", "-o", "show", "job", self.id).split()
        return dict(w.split("=", 1) for w in words if "=" in w)

    def state(self):
        return self.says().get("JobState", "?")

    def over(self):
        return self.state() in OVER

    def nodes(self):
        """Those it has, that of the batch process first; none while it waits."""
        says = self.says()
        if says.get("JobState") != "RUNNING":
            return []
        names = self.cluster.ask("scontrol", "show", "hostnames", says["NodeList"]).split()
        return sorted(names, key=lambda n: n != says.get("BatchHost"))

    def ranks(self):
        """{rank: pid} of the step that runs: the processes that were started last under their rank."""
        found = {}
        for pid in sorted(map(int, filter(str.isdigit, os.listdir("/proc")))):
            try:
                environ = dict(w.split("=", 1) for w in open(f"/proc/{pid}/environ").read().split("\0") if "=" in w)
            except OSError:
                continue
            if environ.get("SLURM_CONF") == self.cluster.env["SLURM_CONF"] and environ.get("SLURM_JOB_ID") == self.id \
                    and "PMIX_RANK" in environ:
                found[int(environ["PMIX_RANK"])] = pid
        return found

    def log(self):
        try:
            with open(f"{self.run}/slurm-{self.id}.out", errors="replace") as f:
                return f.read()
        except OSError:
            return ""
