"""`hottune run -- CMD`: trainings that are other programs, well behaved and not."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples" / "child"
HOTTUNE, BOWL, TWIN = (os.environ[name] for name in ("HT_HOTTUNE", "HT_BOWL", "HT_TWIN"))
MPIRUN = os.environ["HT_MPIRUN"].split()
POOLED = """
population: {mode: pooled, sync: barrier}
objective: {ema: 0}
actuators:
  opt: {mutations: {lr_mult: {bounds: [0.7, 1.2], range: [0.001, 2.0]}}}
acceptance: {epsilon: 0}
"""
INDEPENDENT = """
actuators:
  opt: {mutations: {lr_mult: {bounds: [0.5, 2.0], range: [0.001, 2.0]}}}
  loss: {keys: {aux: {mode: mult, bounds: [0.5, 2.0], cooldown: 3}}}
acceptance: {epsilon: 0}
search: {startup_trials: 4}
population: {mode: independent, sync: barrier}
"""
TIMES = {"wall_time", "sum"}


def left_over():
    """Children of tests that still run."""
    return subprocess.run(["pgrep", "-f", str(HERE / "hostile.py")], capture_output=True, text=True, check=False).stdout


class Child(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.dir = os.path.join(self.folder.name, "a run's directory")

    def start(self, ranks, *words, directory=None, **environment):
        launcher = [*MPIRUN, str(ranks)] if ranks > 1 else []
        return subprocess.Popen([*launcher, HOTTUNE, "--dir", directory or self.dir, *words], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, errors="surrogateescape",
                                env={**os.environ, "TMPDIR": self.folder.name, **environment})

    def run_to_end(self, ranks, *words, **environment):
        p = self.start(ranks, *words, **environment)
        out, err = p.communicate(timeout=200)
        self.assertNotIn("\x1b", out + err)
        self.assertEqual([x for x in os.listdir(self.folder.name) if x.startswith("hottune-")], [], "states were left behind")
        return p.returncode, out, err

    def hostile(self, how, when=2, who=1, code=0, options=(), ranks=3):
        got, out, err = self.run_to_end(ranks, "run", "--json", "--epochs", "6", "--reply-timeout", "3", "--train-timeout", "1",
                                        *options, "--", sys.executable, str(HERE / "hostile.py"), how, str(who), str(when))
        self.assertEqual(got, code, err)
        self.assertEqual(left_over(), "")
        if code == 0:
            self.assertLess(json.loads(out)["result"]["val_loss"], 10)
        return err

    def events(self):
        return Path(self.dir, "events.log").read_text(encoding="utf-8")

    def lines(self, directory, *logs):
        told = []
        for name in logs:
            with open(os.path.join(directory, name), encoding="utf-8") as f:
                told += [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in f]
        return told

    # ---- well behaved -------------------------------------------------------------------------

    def test_alone_and_with_the_environment_whole(self):
        code, out, err = self.run_to_end(1, "run", "--json", "--compare", "--", sys.executable, str(EXAMPLES / "bowl.py"),
                                         PYTHONDONTWRITEBYTECODE="1")
        self.assertEqual(code, 0, err)
        o = json.loads(out)
        self.assertEqual(err, "")       # the library's own daemon is not ended with what the child left behind
        self.assertLess(o["result"]["val_loss"], 0.1)
        self.assertLess(o["baseline"]["val_loss"], 0.1)
        self.assertEqual(os.path.getsize(os.path.join(self.dir, "champion.state")), 64)

    def test_more_is_better_where_the_recipe_says_so(self):
        code, out, err = self.run_to_end(1, "run", "--json", "--compare", "--recipe-set", "objective.mode=max", "--", sys.executable,
                                         str(HERE / "hostile.py"), "higher", "-1", "0")
        self.assertEqual(code, 0, err)
        o = json.loads(out)
        self.assertGreater(o["baseline"]["val_loss"], -0.1)
        self.assertGreater(o["baseline"]["epoch"], 1)

    def test_no_shell_is_involved_and_its_output_is_kept(self):
        words = ["$HOME", "a b", "*", "'", ""]
        show = "import os, sys; print(sys.argv[1:], os.environ['HOTTUNE_REPLICA'], os.environ['MINE']); sys.exit(1)"
        code, _, err = self.run_to_end(1, "run", "--", sys.executable, "-c", show, *words, MINE="yes")
        self.assertEqual(code, 1)
        self.assertIn("ended with exit code 1 when it was asked for 'hello'", err)
        self.assertEqual(Path(self.dir, "replica-0.log").read_text(encoding="utf-8"), f"{words} 0 yes\n")

    def test_it_decides_as_a_training_in_c_pooled(self):
        self.compare("pooled", POOLED, [BOWL], "hotcb.population.jsonl", "hotcb.tune.segments.jsonl", "hotcb.tune.mutations.jsonl")

    def test_it_decides_as_a_training_in_c_independent(self):
        self.compare("independent", INDEPENDENT, [BOWL, "alone"], "hotcb.tune.segments.jsonl", "hotcb.tune.mutations.jsonl")

    def compare(self, kind, recipe, command, *logs):
        in_c, recipe_file = os.path.join(self.folder.name, "in c"), os.path.join(self.folder.name, "recipe.yaml")
        Path(recipe_file).write_text(recipe, encoding="utf-8")
        subprocess.run([*MPIRUN, "4", TWIN, in_c, kind, recipe], check=True, timeout=200, capture_output=True)
        code, _, err = self.run_to_end(4, "run", "--seed", "11", "--recipe", recipe_file, "--", *command)
        self.assertEqual(code, 0, err)
        expected = self.lines(in_c, *logs)
        self.assertGreater(len(expected), 30)
        self.assertEqual(self.lines(self.dir, *logs), expected)

    def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(self):
        """A barrier makes runs repeatable; the noise of this child is new after a start, so numbers are not compared."""
        p = self.start(3, "run", "--epochs", "20", "--", sys.executable, str(HERE / "hostile.py"), "none", "-2", "0",
                       SLOWLY="0.1")
        metrics = Path(self.dir, "hotcb.metrics.jsonl")
        deadline = time.time() + 60
        while time.time() < deadline and not (metrics.exists() and len(metrics.read_text(encoding="utf-8").splitlines()) > 6):
            time.sleep(0.05)
        ranks = subprocess.run(["pgrep", "-f", f"{HOTTUNE} --dir {self.dir} run"], capture_output=True, text=True,
                               check=False).stdout.split()
        for pid in ranks:
            if int(pid) != p.pid:
                os.kill(int(pid), signal.SIGUSR1)
        _, err = p.communicate(timeout=100)
        self.assertEqual(p.returncode, 75, err)
        self.assertEqual(left_over(), "")
        code, _, err = self.run_to_end(3, "resume", "--reply-timeout", "30", "--restarts", "1", SLOWLY="0")
        self.assertEqual(code, 0, err)
        self.assertTrue(os.path.exists(os.path.join(self.dir, "champion.state")))

    def test_the_example_with_scikit_learn(self):
        try:
            import sklearn      # noqa: F401
        except ImportError:
            self.skipTest(f"{sys.executable} has no scikit-learn; scripts/setup test installs python3-sklearn")
        code, out, err = self.run_to_end(3, "run", "--json", "--epochs", "4", "--", sys.executable,
                                         str(EXAMPLES / "sklearn_digits.py"), OMP_NUM_THREADS="1")
        self.assertEqual(code, 0, err)
        self.assertLess(json.loads(out)["result"]["val_loss"], 1)

    # ---- not ----------------------------------------------------------------------------------

    def test_one_that_never_answers(self):
        self.assertIn("replica 1 takes no part: " + sys.executable + ": it gave no answer to 'hello' in time", self.hostile("mute"))
        self.assertIn("replica 1 is lost", self.events())

    def test_one_that_does_not_want_to(self):
        self.assertIn("it said: I do not want to", self.hostile("unwilling"))
        self.assertIn("replica 1 is lost", self.events())

    def test_one_that_is_unlike_the_others(self):
        self.assertIn("takes no part: " + sys.executable + ": its hello is another one", self.hostile("different"))

    def test_one_that_says_the_same_in_another_order(self):
        self.assertNotIn("takes no part", self.hostile("rearranged"))

    def test_one_that_gives_no_proper_hello(self):
        why = ": hello: knob 'opt.lr' needs the numbers value, lo and hi, less than 1e308 apart\n"
        self.assertIn(f"replica 0 takes no part: {sys.executable}{why}", self.hostile("rangeless", who=0, options=["--compare"]))
        self.assertIn(f"hottune: {sys.executable}{why}", self.hostile("rangeless", who=-1, code=1, ranks=1,
                                                                      options=["--new"]))

    def test_one_that_says_a_byte_now_and_then(self):
        self.assertIn("it gave no answer to 'train' in time", self.hostile("trickles"))

    def test_one_that_names_its_result_otherwise(self):
        self.assertIn("its answer to 'validate' has no 'value' that is a number or null", self.hostile("misunderstands"))

    def test_one_that_saves_into_a_pipe(self):
        self.assertIn("is no regular file", self.hostile("fifo"))

    def test_one_that_dies_in_mid_segment_is_started_again(self):
        self.assertIn("was killed by signal 9 when it was asked for 'train'; that was failure 1 in a row: it is started again",
                      self.hostile("dies"))

    def test_one_that_fails_at_once_again_and_again_is_given_up(self):
        err = self.hostile("leaves", when=1, options=["--restarts", "1"])
        self.assertIn("ended with exit code 3 when it was asked for 'train'; it said: I have no memory \\x1B[31mleft", err)
        self.assertIn("that was failure 2 in a row: this replica is given up", err)
        self.assertIn("replica 1 is lost", self.events())

    def test_one_that_hangs(self):
        self.assertIn("it gave no answer to 'train' in time", self.hostile("silent"))

    def test_one_that_writes_garbage(self):
        self.assertIn("its answer to 'train' is no JSON object with \"ok\": '\\x1B[31m\\xFF {]'", self.hostile("garbage"))

    def test_one_that_writes_ten_megabytes_in_a_line(self):
        self.assertIn("its answer to 'train' is longer than 1 MiB", self.hostile("long"))

    def test_one_that_answers_twice(self):
        self.assertRegex(self.hostile("twice"), "it said more than one line when it was asked for 'train'"
                                                "|it spoke without being asked, before")

    def test_one_that_closes_its_end(self):
        self.assertIn("it closed its end of the conversation when it was asked for 'train'", self.hostile("closes"))

    def test_one_that_says_no(self):
        self.assertIn("it could not do 'train': ValueError: no\\nsuch \\x1B[31mthing", self.hostile("raises"))

    def test_one_that_forks_and_leaves_its_pipes_to_another(self):
        self.assertIn("ended with exit code 4", self.hostile("forks"))

    def test_one_that_leaves_a_daemon(self):
        self.hostile("daemon", when=6)

    def test_one_that_saves_half_a_state(self):
        self.assertIn("it saved a state that is shorter than the 64 bytes that its hello promised", self.hostile("short"))

    def test_when_all_fail_the_run_fails(self):
        err = self.hostile("leaves", when=1, who=-1, code=1, options=["--restarts", "0"])
        self.assertIn("no replica came to a result", err)

    def test_a_command_that_is_not_there(self):
        code, _, err = self.run_to_end(1, "run", "--", "./no such program")
        self.assertEqual(code, 1)
        self.assertIn("'./no such program' cannot be started: No such file or directory", err)

    def test_options_of_workloads_are_refused(self):
        code, _, err = self.run_to_end(1, "run", "--data", "x", "--", BOWL)
        self.assertEqual(code, 2)
        self.assertIn("--data is for built-in workloads", err)


if __name__ == "__main__":
    unittest.main()
