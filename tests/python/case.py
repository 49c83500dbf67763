"""What the tests of the Python package share. Each test file is a program: `python3 test_x.py`; numpy is needed."""
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

try:
    import numpy
except ImportError:
    print(f"skipped: {sys.executable} has no numpy; scripts/setup test installs python3-numpy")
    sys.exit(77)

import hottune

np = numpy
HERE = Path(__file__).resolve().parent
RECIPE = {"actuators": {"opt": {"mutations": {"lr_mult": {"bounds": [0.5, 2.0], "prior_center": 1.0}}}}}
POOLED = {"population": {"mode": "pooled", "sync": "barrier"}, "acceptance": {"epsilon": 0},
          "actuators": {"opt": {"mutations": {"lr_mult": {"bounds": [0.7, 1.2], "range": [0.001, 3.0]}}}}}
# whole lines at once: mpirun mixes what ranks write in pieces
PRINT = "import sys\ndef print(*words): sys.stdout.write(' '.join(map(str, words)) + chr(10)); sys.stdout.flush()\n"
MPIRUN = os.environ.get("HT_MPIRUN", "mpirun --oversubscribe --bind-to none -n").split()


class Case(unittest.TestCase):
    """A test with a run directory of its own."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.dir = os.path.join(self.folder.name, "run")
        self.addCleanup(self.folder.cleanup)

    def open(self, **options):
        options.setdefault("recipe", RECIPE)
        options.setdefault("plan", lambda text: None)
        k = hottune.open(self.dir, **{"comm": False, **options})
        self.addCleanup(k.close)
        return k

    def lines(self, name):
        with open(os.path.join(self.dir, name), encoding="utf-8") as f:
            return [json.loads(line) for line in f]

    def run_python(self, text, *arguments, ranks=0, timeout=120, **environment):
        """Another interpreter with this program text; under mpirun, if ranks are given."""
        start = [*MPIRUN, str(ranks)] if ranks else []
        return subprocess.run([*start, sys.executable, "-c", PRINT + text, *arguments], capture_output=True, text=True,
                              timeout=timeout, env={**os.environ, **environment}, check=False)


main = unittest.main
