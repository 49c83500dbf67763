"""Where the packages of the tests for Lightning and Hugging Face are, and small trainings for them."""
import importlib.util
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE.parents[1] / "build" / "torch" / "bin" / "python"       # scripts/setup test


def needs(*names):
    """Go on with an interpreter that has these packages, or end the test as skipped."""
    if "libasan" in os.environ.get("LD_PRELOAD", ""):
        print("skipped: torch under the sanitizers takes too long")
        sys.exit(77)
    missing = [n for n in names if importlib.util.find_spec(n) is None]
    if missing and VENV.exists() and not os.environ.get("HT_FRAMEWORKS"):
        os.environ["HT_FRAMEWORKS"] = "tried"
        os.execv(VENV, [str(VENV), *sys.argv])
    if missing:
        print(f"skipped: {sys.executable} has no {missing[0]}; scripts/setup test installs it into build/torch")
        sys.exit(77)


def recipe(mode="pooled", **objective):
    return {"objective": objective, "population": {"mode": mode}, "acceptance": {"epsilon": 0},
            "actuators": {"opt": {"mutations": {"lr_mult": {"bounds": [0.7, 1.4], "range": [1e-4, 0.1]}}}}}
