"""Studies of hottune as tidy tables and figures.

    from hottune_analysis import open_study
    study = open_study("study.h5")        # or a run directory
    study.runs()                          # one row a run
    study.segments()                      # everything that was tried
    study.paid()                          # which mutations paid

Columns are listed in `tables`; `docs/analysis.md` says how each number is made.
"""
from .files import StudyError
from .study import Study, open_study

__all__ = ["Study", "StudyError", "open_study"]
