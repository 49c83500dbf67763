"""What the programs of this folder share: runs under mpirun whose ranks can be signalled, and what is in their files.

Linux, Open MPI, standard library; HDF5 files are looked at with h5py, else with h5dump. A program ends only processes that
it started.
"""
import argparse
import glob
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

LOGS = ["hotcb.tune.segments.jsonl", "hotcb.tune.mutations.jsonl", "hotcb.population.jsonl", "hotcb.metrics.jsonl",
        "hotcb.applied.jsonl", "arrival.log", "events.log"]
SEGMENTS = LOGS[0]
MOMENTARY = {"wall_time", "train_s", "seconds", "duration_s", "wall_s", "cpu_s", "sum"}     # no two runs agree in these


def arguments(text):
    """The options that all programs have; `text` is the program's description."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hottune", default="build/release/bin/hottune")
    parser.add_argument("--shim", default="build/release/tests/crash_shim.so")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="leave the run directories of what failed")
    return parser


def prepare(args):
    args.hottune, args.shim = os.path.abspath(args.hottune), os.path.abspath(args.shim)
    os.environ.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMP_NUM_THREADS="1", NO_COLOR="1",
                      ASAN_OPTIONS="detect_leaks=0:verify_asan_link_order=0")
    return args


class Folder:
    """A place for a run directory (`run`) and what MPI needs; it is gone at the end."""

    def __init__(self, keep=False):
        self.path, self.keep = tempfile.mkdtemp(prefix="ht-crash."), keep
        self.run = self.path + "/run"
        os.mkdir(self.path + "/mpi")

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        if self.keep:
            print(f"    left in {self.path}", flush=True)
        else:
            shutil.rmtree(self.path, ignore_errors=True)


# ---- runs ---------------------------------------------------------------------------------------------------

def children_by_rank(launcher):
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if int(open(f"/proc/{name}/stat").read().rsplit(")", 1)[1].split()[1]) != launcher:
                continue
            environ = dict(w.split("=", 1) for w in open(f"/proc/{name}/environ").read().split("\0") if "=" in w)
            found[int(environ["OMPI_COMM_WORLD_RANK"])] = int(name)
        except (OSError, KeyError, IndexError):
            pass
    return found


class Run:
    """`hottune WORDS ..` on `ranks` ranks in a folder; `shim`: CRASH_ variables without their prefix."""

    def __init__(self, args, folder, words, ranks, shim=None, recovery=False, options=(), program=None):
        self.folder, self.ranks, self.begun = folder, ranks, time.monotonic()
        self.out, self.err = open(folder.path + "/out", "w+"), open(folder.path + "/err", "w+")
        command = ["mpirun", "--oversubscribe", "--bind-to", "none", "--mca", "btl_vader_backing_directory",
                   folder.path + "/mpi", "-n", str(ranks), *options]
        command += ["--enable-recovery"] if recovery else []
        command += ["env", "LD_PRELOAD=" + args.shim] + [f"CRASH_{k}={v}" for k, v in shim.items()] if shim else []
        command += program or [args.hottune]
        command += ["--dir", folder.run, "--json", *words]
        self.launcher = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err,
                                         env=dict(os.environ, TMPDIR=folder.path + "/mpi"), start_new_session=True)
        self.pids, self.code, self.hung = {}, None, False

    def wait_for_ranks(self):
        """All ranks were started; false if the launcher ended before."""
        while self.launcher.poll() is None and len(self.pids) < self.ranks:
            self.pids = children_by_rank(self.launcher.pid)
            time.sleep(0.005)
        return len(self.pids) == self.ranks

    def wait_until(self, question, limit=60):
        """@return whether question() came true while the run went on"""
        end = time.monotonic() + limit
        while self.launcher.poll() is None and time.monotonic() < end:
            if question():
                return True
            time.sleep(0.005)
        return False

    def signal(self, number, *ranks):
        """To these ranks, or to the launcher if none is named."""
        for pid in [self.pids[r] for r in ranks if r in self.pids] or [self.launcher.pid]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def signal_all(self, number):
        """To all ranks, then the launcher."""
        self.signal(number, *range(self.ranks))
        self.signal(number)

    def finish(self, limit=120):
        """Waits; what does not end by itself is `hung`, and killed. Reads the output."""
        try:
            self.code = self.launcher.wait(max(0.1, limit))
        except subprocess.TimeoutExpired:
            self.hung = True
            self.pids = children_by_rank(self.launcher.pid) or self.pids
            self.signal_all(signal.SIGKILL)
            self.code = self.launcher.wait()
        for pid in self.pids.values():      # ranks whose launcher was killed end by themselves, or are ended here
            self.hung |= not gone(pid, self.folder.run, 30)
        self.seconds = time.monotonic() - self.begun
        self.text, self.errors = (read_and_close(f) for f in (self.out, self.err))
        try:
            self.loss = json.loads(self.text[self.text.index("{"):])["result"]["val_loss"]
        except (ValueError, KeyError, TypeError):
            self.loss = None
        return self


def read_and_close(file):
    file.seek(0)
    text = file.read()
    file.close()
    return text


def gone(pid, run, limit):
    """The rank ends in time; if not it is killed. (Its number may belong to another process by now.)"""
    end = time.monotonic() + limit
    while True:
        try:
            words = open(f"/proc/{pid}/cmdline").read().split("\0")
            if run not in words or open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] == "Z":
                return True
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
                return False
        except OSError:
            return True
        time.sleep(0.02)


def has_lines(folder, name, n=1):
    def question():
        return text_of(f"{folder.run}/{name}").count("\n") >= n
    return question


# ---- files --------------------------------------------------------------------------------------------------

def text_of(path):
    try:
        with open(path, errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def lines_of(path):
    """Whole lines; a torn last one does not count."""
    return text_of(path).split("\n")[:-1]


def objects_of(path):
    found = []
    for line in lines_of(path):
        try:
            found.append(json.loads(line))
        except ValueError:
            pass
    return found


def check_hdf5(path):
    """Reads all of it, with h5py or else h5dump. Raises ValueError if it is no whole file."""
    try:
        import h5py
    except ImportError:
        if shutil.which("h5dump") is not None:
            if subprocess.run(["h5dump", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
                raise ValueError("h5dump cannot read it")
        return
    try:
        with h5py.File(path) as f:
            f.visititems(lambda name, item: item[()] if isinstance(item, h5py.Dataset) else None)
    except (OSError, RuntimeError) as e:
        raise ValueError(str(e)) from e


def study_lacks(args, run):
    """The study of a finished run has the segments of its log. @return a list of sentences, empty if so"""
    ls = subprocess.run([args.hottune, "--json", "study", "ls", run + "/study.h5"], capture_output=True, text=True)
    if ls.returncode != 0:
        return [f"no study: {ls.stderr.strip()}"]
    runs = json.loads(ls.stdout)[0]["runs"]
    found = (sum(r["segments"] for r in runs), sum(r["accepted"] for r in runs), runs[-1]["state"])
    log = objects_of(f"{run}/{SEGMENTS}")
    wanted = (len(log), sum(line["decision"] == "accepted" for line in log), "ended")
    return [] if found == wanted else [f"the study has (segments, accepted, state) {found}, the log has {wanted}"]


def is_json(line):
    try:
        json.loads(line)
        return True
    except ValueError:
        return False


def json_fault(path):
    text = text_of(path)
    try:
        if os.path.basename(path).startswith("commit"):
            json.JSONDecoder().raw_decode(text)         # a seal follows
        else:
            json.loads(text)
    except ValueError as e:
        return str(e)
    return None


def faults_of(args, run, ended=True):
    """What is not whole of the files in a run directory: a list of sentences, empty when all is well. When the run
    was killed (not `ended`) a line may be torn, and a transaction of SQLite unfinished."""
    faults = []
    for path in glob.glob(run + "/**/*.json", recursive=True):
        if why := json_fault(path):
            faults.append(f"{path}: {why}")
    for path in [*glob.glob(run + "/*.jsonl"), run + "/arrival.log"]:
        torn = [i + 1 for i, line in enumerate(lines_of(path)) if not is_json(line or "{}")]
        if len(torn) > (0 if ended else 1):
            faults.append(f"{path}: lines {torn[:9]} are no JSON")
    for path in glob.glob(run + "/**/*.h5", recursive=True):
        try:
            check_hdf5(path)
        except ValueError as e:
            faults.append(f"{path}: {e}")
    for path in glob.glob(run + "/*.sqlite"):
        try:
            with sqlite3.connect(path) as db:
                answer = db.execute("PRAGMA integrity_check").fetchall()
            if answer != [("ok",)]:
                faults.append(f"{path}: {answer}")
        except sqlite3.Error as e:
            faults.append(f"{path}: {e}")
    to_check = [run] if ended else glob.glob(run + "/**/*.h5", recursive=True)
    check = subprocess.run([args.hottune, "--quiet", "study", "check", *to_check], capture_output=True, text=True)
    if to_check and check.returncode != 0:
        faults.append(f"{run}: study check says {check.returncode}: {check.stderr.strip()}{check.stdout[-600:]}")
    return faults


class Snapshot:
    """All whole lines of all logs at a moment, to find them again later."""

    def __init__(self, run):
        self.lines = {name: lines_of(f"{run}/{name}") for name in LOGS}

    def compare(self, run):
        """Against the same directory later. @return lines that are nowhere (sentences), segments that were taken
        back, seconds of the run that they and the other lines took"""
        lost, repeated, seconds = [], 0, 0.0
        for name, before in self.lines.items():
            after, aside = lines_of(f"{run}/{name}"), lines_of(f"{run}/{name}.repeated")
            kept = 0
            while kept < min(len(before), len(after)) and before[kept] == after[kept]:
                kept += 1
            known = set(after) | set(aside)
            lost += [f"{name}: line {i + 1} is lost: {line[:120]}" for i, line in enumerate(before) if line not in known]
            if name == SEGMENTS:
                repeated = len(before) - kept
            seconds = max(seconds, span(before, kept))
        return lost, repeated, seconds


def span(lines, kept):
    """Seconds between the last kept line and the last one, as the lines say it."""
    try:
        return json.loads(lines[-1])["wall_time"] - json.loads(lines[kept - 1 if kept > 0 else 0])["wall_time"]
    except (IndexError, KeyError, ValueError):
        return 0.0


def decisions(run, names=("hotcb.tune.segments.jsonl", "hotcb.tune.mutations.jsonl", "hotcb.population.jsonl")):
    """The logs of what was decided, without the times."""
    return {name: [json.dumps({k: v for k, v in line.items() if k not in MOMENTARY}, sort_keys=True)
                   for line in objects_of(f"{run}/{name}")] for name in names}


def first_difference(a, b):
    """Of two results of decisions(). @return a sentence, or None"""
    for name in a:
        for i, (x, y) in enumerate(zip(a[name], b[name])):
            if x != y:
                return f"{name}: line {i + 1} of {len(a[name])} differs:\n      {x[:400]}\n      {y[:400]}"
        if len(a[name]) != len(b[name]):
            return f"{name}: {len(a[name])} lines and {len(b[name])}"
    return None
