"""Studies of hottune as tidy tables and figures.

    from hottune_analysis import open_study
    study = open_study("study.h5")        # or a run directory
    study.runs()                          # one row a run
    study.segments()                      # everything that was tried
    study.paid()                          # which mutations paid

Columns are listed in `columns`; `docs/analysis.md` says how each number is made.
"""
from importlib import import_module
from typing import Any

__all__ = ["Study", "StudyError", "open_study"]


def __getattr__(name: str) -> Any:
    """When they are first asked for: a program of this package can then say which packages are missing (PEP 562)."""
    if name in __all__:
        return getattr(import_module("hottune_analysis.files" if name == "StudyError" else "hottune_analysis.study"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
