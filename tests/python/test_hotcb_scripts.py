"""Whole scripts as users of hotcb have them (the folder hotcb): they run when their imports name hottune instead.

They import hotcb, which is not needed here: what runs is a copy in which these lines alone are changed.
"""
import importlib.util
import os
import re
import subprocess
import sys
import unittest

from case import HERE, MPIRUN, Case

import hottune

SWITCHED_ON = "tune: {enabled: true, mode: active}\n"      # what such a run has in its directory
BOTH = {"actuators": {"opt": {"mutations": {"lr_mult": {"bounds": [0.5, 2.0]}}},
                      "loss": {"keys": {"l1": {"mode": "mult", "bounds": [0.5, 2.0]}}}},
        "acceptance": {"epsilon": 0}, "search": {"startup_trials": 2, "seed": 5}}
NOISE = {"actuators": {"augment": {"mutations": {"noise_mult": {"bounds": [0.5, 2.0]}}},
                       "opt": {"mutations": {"lr_mult": {"bounds": [0.7, 1.4]}}}},
         "acceptance": {"epsilon": 0}, "search": {"startup_trials": 2, "seed": 5}}


class Scripts(Case):
    def copy(self, name):
        """The script for hottune: other imports, nothing else."""
        with open(HERE / "hotcb" / name, encoding="utf-8") as f:
            before = f.read()
        after = re.sub(r"^from hotcb\b", "from hottune", before, flags=re.M)
        changed = [line for line, old in zip(after.splitlines(), before.splitlines()) if line != old]
        self.assertTrue(changed and all(line.startswith("from hottune") for line in changed))
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(after)
        return [sys.executable, "-W", "error", path]

    def script(self, name, recipe):
        """The script with its recipe and its run directory."""
        tune = os.path.join(self.folder.name, "tune.yaml")
        hottune.TuneRecipe.from_dict(recipe).save(tune)
        os.mkdir(self.dir)
        with open(os.path.join(self.dir, "hotcb.yaml"), "w", encoding="utf-8") as f:
            f.write(SWITCHED_ON)
        return [*self.copy(name), self.dir, tune]

    def ended(self, command, trainings):
        done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = [line for line in done.stdout.splitlines() if line.startswith("done")]
        self.assertEqual(len(said), trainings, done.stdout + done.stderr)
        return said

    def tuned(self, families, replicas):
        made = self.lines("hotcb.tune.mutations.jsonl")
        self.assertLessEqual({m["actuator"] for m in made}, families)
        self.assertEqual({m.get("replica", 0) for m in made}, replicas)
        self.assertGreater(len(made), 4)
        self.assertEqual([m for m in made if m["status"] == "failed"], [])
        self.assertGreater(len(self.lines("hotcb.tune.segments.jsonl")), 3)


class BareLoop(Scripts):
    def setUp(self):
        super().setUp()
        if importlib.util.find_spec("torch") is None:
            self.skipTest("no torch here")

    def test_alone(self):
        said = self.ended(self.script("bare_loop.py", BOTH), 1)
        self.assertLess(float(said[0].split()[1]), 1.0)
        self.tuned({"opt", "loss"}, {0})

    def test_as_a_population(self):
        self.ended([*MPIRUN, "3", *self.script("bare_loop.py", BOTH)], 2)
        self.tuned({"opt", "loss"}, {0, 1})


class CustomActuator(Scripts):
    def test_alone(self):
        said = self.ended(self.script("custom_actuator.py", NOISE), 1)
        self.assertLess(float(said[0].split()[1]), 0.5)
        self.tuned({"opt", "augment"}, {0})
        self.assertIn("augment", {m["actuator"] for m in self.lines("hotcb.tune.mutations.jsonl")})

    def test_as_a_population(self):
        self.ended([*MPIRUN, "3", *self.script("custom_actuator.py", NOISE)], 2)
        self.tuned({"opt", "augment"}, {0, 1})

    def test_and_the_recipe_learns_from_the_run(self):
        command = self.script("custom_actuator.py", NOISE)
        self.ended(command, 1)
        evolved = os.path.join(self.folder.name, "evolved.json")
        summary = os.path.join(self.dir, "hotcb.tune.summary.json")
        self.ended([*self.copy("evolve.py"), command[-1], evolved, summary], 1)
        learned, base = hottune.TuneRecipe.load(evolved), hottune.TuneRecipe.load(command[-1])
        self.assertNotEqual(learned, base)
        self.assertEqual(set(learned.to_dict()["actuators"]), {"opt", "augment"})


if __name__ == "__main__":
    unittest.main()
