"""examples/python/pooled.py, as people start it: alone and as a population."""
import os
import subprocess
import sys
import unittest

from case import MPIRUN, Case


class Example(Case):
    def champion(self, start):
        program = os.path.join(os.environ["HT_SOURCE"], "examples", "python", "pooled.py")
        done = subprocess.run([*start, sys.executable, program, self.dir], capture_output=True, text=True, timeout=200,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = [line for line in done.stdout.splitlines() if line.startswith("champion:")]
        self.assertEqual(len(said), 1, done.stdout)
        return float(said[0].split("validation ")[1].split(",")[0])

    def test_alone(self):
        self.assertLess(self.champion([]), 0.3)         # 0.69 is a coin

    def test_as_a_population_whose_states_travel_through_memory(self):
        self.assertLess(self.champion([*MPIRUN, "5"]), 0.3)
        members = [line for line in self.lines("hotcb.population.jsonl") if line.get("replica") is not None]
        self.assertGreater(len({line["replica"] for line in members}), 1)   # how many depends on who is quick
        with open(os.path.join(self.dir, "events.log"), encoding="utf-8") as f:
            told = f.read()
        self.assertIn("4 of 4 replicas done", told)
        self.assertIn("the race is over", told)


if __name__ == "__main__":
    unittest.main()
