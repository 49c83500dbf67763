"""The same training in C and in Python leaves the same decisions, for the same seed."""
import json
import os
import subprocess
import sys
import unittest

from case import HERE, MPIRUN, Case

RECIPE = """
actuators:
  opt: {mutations: {lr_mult: {bounds: [0.5, 2.0], range: [0.001, 2.0]}}}
  loss: {keys: {aux: {mode: mult, bounds: [0.5, 2.0], cooldown: 3}}}
acceptance: {epsilon: 0}
search: {startup_trials: 4}
"""
POOLED = """
population: {mode: pooled, sync: barrier}
actuators:
  opt: {mutations: {lr_mult: {bounds: [0.7, 1.2], range: [0.001, 2.0]}}}
acceptance: {epsilon: 0}
"""
TIMES = {"wall_time", "sum"}     # `sum` is a checksum of the line with its time


class Twin(Case):
    def decisions(self, program, kind, recipe, ranks, logs):
        run = os.path.join(self.folder.name, os.path.basename(program[-1]) + kind + str(ranks))
        start = [*MPIRUN, str(ranks)] if ranks > 1 else []
        subprocess.run([*start, *program, run, kind, recipe], check=True, timeout=120, stdout=subprocess.DEVNULL)
        told = []
        for name in logs:
            with open(os.path.join(run, name), encoding="utf-8") as f:
                told += [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in f]
        return told

    def compare(self, kind, recipe, ranks, logs, least):
        in_c = self.decisions([os.environ["HT_TWIN"]], kind, recipe, ranks, logs)
        in_python = self.decisions([sys.executable, str(HERE / "twin.py")], kind, recipe, ranks, logs)
        self.assertGreater(len(in_c), least)
        for one, other in zip(in_c, in_python):
            self.assertEqual(one, other)
        self.assertEqual(len(in_c), len(in_python))

    def test_alone(self):
        self.compare("independent", RECIPE, 1, ("hotcb.tune.mutations.jsonl", "hotcb.tune.segments.jsonl"), 10)

    def test_independent_replicas_with_a_barrier(self):
        self.compare("independent", RECIPE + "population: {sync: barrier}\n", 4,
                     ("hotcb.tune.mutations.jsonl", "hotcb.tune.segments.jsonl"), 30)

    def test_a_pooled_run_with_a_barrier(self):
        self.compare("pooled", POOLED, 4, ("hotcb.population.jsonl", "hotcb.tune.segments.jsonl"), 30)


if __name__ == "__main__":
    unittest.main()
