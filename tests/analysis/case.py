"""What the tests of the analysis package share. Each test file is a program: `python3 test_x.py`."""
import os
import subprocess
import sys
import tempfile
import unittest
import warnings
from pathlib import Path

try:
    import h5py
    import matplotlib
    import pandas
    import yaml
except ImportError as e:
    print(f"skipped: {sys.executable} has no {e.name}; scripts/setup test installs python3-pandas and python3-matplotlib")
    sys.exit(77)

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import made_study

del h5py, matplotlib, pandas, yaml
warnings.simplefilter("error", FutureWarning)
PROGRAM = os.environ.get("HT_PROGRAM", "hottune")
MPIRUN = os.environ.get("HT_MPIRUN", "mpirun --oversubscribe --bind-to none -n").split()
SOURCE = Path(os.environ.get("HT_SOURCE", HERE.parent.parent))
INDEPENDENT = str(SOURCE / "tests" / "cli" / "recipes" / "glyph.yaml")


class Case(unittest.TestCase):
    """Tests with a folder of their own, shared by those of a class."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.dir = Path(folder.name)

    @classmethod
    def path(cls, name):
        return str(cls.dir / name)

    @classmethod
    def made(cls, name="made.h5", **options):
        """A made-up study; the same one again where it was made before."""
        if not os.path.exists(cls.path(name)):
            made_study.make(cls.path(name), **options)
        return cls.path(name)

    @classmethod
    def hottune(cls, *words, ranks=0):
        start = [*MPIRUN, str(ranks)] if ranks else []
        done = subprocess.run([*start, PROGRAM, *words], capture_output=True, text=True, timeout=200, check=False)
        if done.returncode != 0:
            raise AssertionError(f"hottune {' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    @staticmethod
    def command(*words):
        """python -m hottune_analysis, in a process of its own: damage may kill it."""
        return subprocess.run([sys.executable, "-W", "error::FutureWarning", "-m", "hottune_analysis", *words],
                              capture_output=True, timeout=200, check=False)


main = unittest.main
